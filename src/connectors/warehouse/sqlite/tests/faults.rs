//! Locks, crashes, full disks, foreign files: nothing is lost, nothing is half, and the message says what to do.

use std::io::{Seek, SeekFrom, Write};

use super::*;

async fn error(bench: &Bench, batch: &Batch) -> Error {
    bench.warehouse.send(&bench.cx, batch).await.unwrap_err()
}

fn one(version: u64, member: &str) -> Batch {
    batch(version, Action::Add, vec![row(member, version as u8, 0)])
}

/// More than a page cache of ten pages holds.
fn many(version: u64) -> Batch {
    let rows = (0..2_000_u32).map(|index| Row {
        op_id: OpId::from_bytes((u128::from(index) << 8 | u128::from(version)).to_be_bytes()),
        ..tier(row(&format!("many-{index:04}"), 0, 0), "gold")
    });
    batch(version, Action::Add, rows.collect())
}

fn pragma(bench: &Bench, sql: &str) {
    bench.warehouse.0.slot.lock().as_ref().unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn a_locked_database_is_tried_again() {
    let bench = Bench::new();
    bench.accepted(&one(1, "a")).await;
    let other = bench.analyst();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = error(&bench, &one(2, "b")).await;
    assert_eq!((busy.kind(), busy.retry()), (ErrorKind::Unavailable, Retry::Safe { after: None }));
    assert!(busy.to_string().starts_with("send a batch in the SQLite database `w.db`: expected"), "{busy}");
    assert!(bench.warehouse.check(&bench.cx).await.is_err());
    // Reading goes on.
    assert_eq!(bench.warehouse.size(&bench.cx, &vip()).await.unwrap(), Size::Exact(1));
    other.execute_batch("COMMIT").unwrap();
    bench.accepted(&one(2, "b")).await;
    assert_eq!(bench.members(), ["a", "b"]);
}

#[tokio::test]
async fn a_reader_sees_whole_batches_and_holds_nobody_up() {
    let bench = Bench::new();
    bench.accepted(&one(1, "a")).await;
    let reader = bench.analyst();
    let count = "SELECT COUNT(*) FROM v_current_members";
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(query(&reader, count), ["1"]);
    bench.accepted(&many(2)).await;
    assert_eq!(query(&reader, count), ["1"]);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(query(&reader, count), ["2001"]);
}

#[tokio::test]
async fn after_a_crash_in_the_middle_of_a_batch_it_was_never_begun() {
    let bench = Bench::new();
    bench.accepted(&one(1, "a")).await;
    let (ready, crashed) = (ReadyBatch::new(many(2)).unwrap(), tempfile::tempdir().unwrap());
    let waits = Arc::new(());
    let caller = Caller(Arc::downgrade(&waits));
    let inner = &bench.warehouse.0;
    let now = Timestamp::from_millis(NOON);
    let terms = Terms { statements: &inner.statements, workspace: "default", place: "", now };
    let never = |_: &Caller| unreachable!("it is open");
    let gone = inner.slot.work(never, &caller, async |session| {
        session.connection().execute_batch("PRAGMA cache_size = 10").unwrap();
        // All but the commit, which finds that nobody waits.
        drop(waits);
        let result = sql::perform(session, &terms, &Task::Send(ready)).await;
        // What a crash leaves: the files as they are now.
        for file in ["w.db", "w.db-wal"] {
            let from = bench.folder.path().join(file);
            std::fs::copy(from, crashed.path().join(file)).unwrap();
        }
        result
    });
    assert_eq!(gone.err().unwrap().error.kind(), ErrorKind::Timeout);
    let spilled = std::fs::metadata(crashed.path().join("w.db-wal")).unwrap().len();
    assert!(spilled > 100_000, "{spilled}: the batch was not on the disk yet");

    // Never committed.
    assert_eq!(bench.members(), ["a"]);
    // Started again on what the crash left.
    let restarted = Sqlite::open(crashed.path().join("w.db")).unwrap();
    assert_eq!(restarted.size(&bench.cx, &vip()).await.unwrap(), Size::Exact(1));
    for _ in 0..2 {
        restarted.send(&bench.cx, &many(2)).await.unwrap();
        assert_eq!(restarted.size(&bench.cx, &vip()).await.unwrap(), Size::Exact(2_001));
    }
    let analyst = Connection::open(crashed.path().join("w.db")).unwrap();
    assert_eq!(query(&analyst, "SELECT COUNT(*), MAX(entry_count) FROM audience_membership"), ["2001|1"]);
    assert_eq!(query(&analyst, "SELECT COUNT(*) FROM audience_membership_log"), ["2001"]);
}

#[expect(clippy::await_holding_lock, reason = "one thread, and the lock is what the call is kept waiting with")]
#[test]
fn a_call_that_was_given_up_is_not_applied_afterwards() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let bench = Bench::new();
        bench.accepted(&one(1, "a")).await;
        {
            let held = bench.warehouse.0.slot.lock();
            let given_up = one(2, "b");
            let mut call = bench.warehouse.send(&bench.cx, &given_up);
            assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx).is_pending())).await);
            drop(call);
            drop(held);
        }
        // There is one blocking thread: what was given up has had its turn before this.
        assert_eq!(bench.warehouse.size(&bench.cx, &vip()).await.unwrap(), Size::Exact(1));
        bench.accepted(&one(2, "b")).await;
        assert_eq!(bench.members(), ["a", "b"]);
    });
}

#[tokio::test]
async fn a_full_disk_leaves_everything_as_it_was() {
    let bench = Bench::new();
    bench.accepted(&one(1, "a")).await;
    let before = bench.query("SELECT * FROM audience_membership_log");
    pragma(&bench, "PRAGMA max_page_count = 1");
    let full = error(&bench, &many(2)).await;
    assert_eq!((full.kind(), full.retry(), full.code()), (ErrorKind::Config, Retry::Never, Some("13")));
    assert!(full.message().contains("free space"), "{full}");
    assert_eq!(bench.query("SELECT * FROM audience_membership_log"), before);
    assert_eq!(bench.query("SELECT COUNT(*) FROM load_batches"), ["1"]);
    // The limit went with its connection: there is room again.
    bench.accepted(&many(2)).await;
    assert_eq!(bench.members().len(), 2_001);
}

#[tokio::test]
async fn a_read_only_database_says_so() {
    let bench = Bench::new();
    bench.accepted(&one(1, "a")).await;
    pragma(&bench, "PRAGMA query_only = ON");
    let check = bench.warehouse.check(&bench.cx).await.unwrap();
    assert!(check.missing[0].contains("read-only"), "{check:?}");
    bench.accepted(&one(2, "b")).await;
    pragma(&bench, "PRAGMA query_only = ON");
    let refused = error(&bench, &one(3, "c")).await;
    assert_eq!((refused.kind(), refused.retry(), refused.code()), (ErrorKind::Config, Retry::Never, Some("8")));
}

#[tokio::test]
async fn another_kind_of_file_and_a_damaged_one_are_refused() {
    let bench = Bench::new();
    std::fs::write(bench.path(), "member,tier\n".repeat(1_000)).unwrap();
    let foreign = error(&bench, &one(1, "a")).await;
    assert_eq!((foreign.kind(), foreign.code()), (ErrorKind::Config, Some("26")));
    let check = bench.warehouse.check(&bench.cx).await.unwrap();
    assert!(check.missing[0].contains("another kind of file"), "{check:?}");
    assert!(std::fs::read(bench.path()).unwrap().starts_with(b"member,tier"));

    let bench = Bench::new();
    bench.accepted(&one(1, "a")).await;
    *bench.warehouse.0.slot.lock() = None;
    let mut file = std::fs::OpenOptions::new().write(true).open(bench.path()).unwrap();
    file.seek(SeekFrom::Start(100)).unwrap();
    file.write_all(&[0xff; 100]).unwrap();
    let damaged = error(&bench, &one(2, "b")).await;
    assert_eq!((damaged.kind(), damaged.retry(), damaged.code()), (ErrorKind::Config, Retry::Never, Some("11")));
}

#[tokio::test]
async fn without_its_folder_it_cannot_be_opened() {
    let bench = Bench::new();
    let nowhere = Sqlite::open(bench.folder.path().join("secret-tenant").join("w.db")).unwrap();
    let check = nowhere.check(&bench.cx).await.unwrap();
    assert!(check.missing[0].contains("make its folder"), "{check:?}");
    let error = nowhere.send(&bench.cx, &one(1, "a")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Config, Some("14")));
    assert!(!format!("{error:?}").contains("secret-tenant"), "{error:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_was_moved_away_is_not_written_to() {
    let bench = Bench::new();
    bench.accepted(&one(1, "a")).await;
    std::fs::rename(bench.path(), bench.folder.path().join("moved.db")).unwrap();
    let moved = error(&bench, &one(2, "b")).await;
    assert_eq!((moved.kind(), moved.code()), (ErrorKind::Config, Some("1032")));
    assert!(moved.message().contains("moved or deleted"), "{moved}");
}

#[tokio::test]
async fn tables_of_others_and_of_newer_versions_are_left_alone() {
    let bench = Bench::new();
    bench.analyst().execute_batch("CREATE TABLE Events (id INTEGER)").unwrap();
    let foreign = error(&bench, &one(1, "a")).await;
    assert_eq!(foreign.kind(), ErrorKind::Config);
    assert!(foreign.message().contains("no table or view `events`"), "{foreign}");
    assert!(foreign.message().contains("table_prefix"), "{foreign}");
    assert_eq!(bench.query("SELECT name FROM sqlite_schema"), ["Events"]);

    for (change, expected) in [
        ("INSERT INTO activation_schema VALUES (2, '9.0.0', 'later')", "expected tables of version 1, found 2"),
        ("DELETE FROM activation_schema", "expected tables of version 1, found none"),
        (
            "DROP VIEW v_cohort_ltv; ALTER TABLE events DROP COLUMN value",
            "expected the column `value` in the table `events`",
        ),
    ] {
        let bench = Bench::new();
        bench.accepted(&one(1, "a")).await;
        *bench.warehouse.0.slot.lock() = None;
        bench.analyst().execute_batch(change).unwrap();
        let refused = error(&bench, &one(2, "b")).await;
        assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Config, Retry::Never));
        assert!(refused.message().starts_with(expected), "{refused}");
        assert_eq!(bench.query("SELECT member_key FROM audience_membership"), ["a"]);
    }
}
