//! What comes and goes, and what a resend changes.

use super::bench::*;
use audience_sync::destination::Arm;

const LOG: &str = "SELECT event_id, event_type, reason, occurred_at, run_id, run_seq FROM audience_membership_log
                   ORDER BY run_seq, event_id";
const ROWS: &str =
    "SELECT member_key, is_member, first_entered_at, entered_at, exited_at, entry_count, run_id, row_version
                    FROM audience_membership ORDER BY member_key";

/// Enters at 12:00, changes at 13:00, leaves at 14:00, enters again at 15:00.
async fn a_life(bench: &Bench) {
    bench.accepted(&batch(1, Action::Add, vec![tier(row("a", 1, 0), "gold")])).await;
    let changed = because(tier(row("a", 2, HOUR), "silver"), Reason::Changed);
    bench.accepted(&batch(2, Action::Update, vec![changed])).await;
    bench.accepted(&batch(3, Action::Remove, vec![because(row("a", 3, 2 * HOUR), Reason::Expired)])).await;
    bench.accepted(&batch(4, Action::Add, vec![tier(row("a", 4, 3 * HOUR), "gold")])).await;
}

fn a_lifes_log() -> [String; 4] {
    [
        format!("{}-enter|enter|query|2026-11-23T12:00:00.000000Z|run-1|1", op(1)),
        format!("{}-change|change|query|2026-11-23T13:00:00.000000Z|run-2|2", op(2)),
        format!("{}-exit|exit|expired|2026-11-23T14:00:00.000000Z|run-3|3", op(3)),
        format!("{}-enter|enter|query|2026-11-23T15:00:00.000000Z|run-4|4", op(4)),
    ]
}

pub(crate) async fn a_members_life_is_kept_as_it_was(db: Db) {
    let bench = Bench::new(db).await;
    a_life(&bench).await;
    assert_eq!(bench.query(ROWS).await, ["a|1|2026-11-23T12:00:00.000000Z|2026-11-23T15:00:00.000000Z|-|2|run-4|4"]);
    assert_eq!(bench.query(LOG).await, a_lifes_log());
    // printf '{"tier":"gold"}' | sha256sum, and with silver: who leaves leaves as it last was.
    let gold = "11dcc84fba9cf453fbea5e5f705a532e935e59ae42596b45d439eea7c8b01b9a";
    let silver = "14e2e42da9866ae81696ab44d463e0781f397001027865a763edaaa4f4615eea";
    assert_eq!(
        bench.query("SELECT row_hash FROM audience_membership_log ORDER BY run_seq").await,
        [gold, silver, silver, gold]
    );
    assert_eq!(
        bench.query("SELECT attributes, row_hash, updated_at FROM audience_membership").await,
        [format!("{}|{gold}|2026-11-23T12:00:00.000000Z", r#"{"tier":"gold"}"#)]
    );
}

pub(crate) async fn who_left_stays_as_a_tombstone(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&batch(1, Action::Add, vec![tier(row("a", 1, 0), "gold")])).await;
    bench.accepted(&batch(2, Action::Remove, vec![row("a", 2, HOUR)])).await;
    assert_eq!(
        bench.query(ROWS).await,
        ["a|0|2026-11-23T12:00:00.000000Z|2026-11-23T12:00:00.000000Z|2026-11-23T13:00:00.000000Z|1|run-2|2"]
    );
    assert_eq!(bench.query("SELECT attributes FROM audience_membership").await, [r#"{"tier":"gold"}"#]);
    assert!(bench.members().await.is_empty());
}

pub(crate) async fn where_rows_are_deleted_the_log_remembers_for_them(db: Db) {
    let bench = Bench::with(db, Terms { removed: Removed::Delete, ..Terms::default() }).await;
    bench.accepted(&batch(1, Action::Add, vec![row("a", 1, 0)])).await;
    bench.accepted(&batch(3, Action::Remove, vec![row("a", 3, 2 * HOUR)])).await;
    assert!(bench.query(ROWS).await.is_empty());
    // Late: a row of the second run.
    bench.accepted(&batch(2, Action::Add, vec![row("a", 2, HOUR)])).await;
    assert!(bench.query(ROWS).await.is_empty());
    bench.accepted(&batch(4, Action::Add, vec![row("a", 4, 3 * HOUR)])).await;
    assert_eq!(bench.query(ROWS).await, ["a|1|2026-11-23T12:00:00.000000Z|2026-11-23T15:00:00.000000Z|-|2|run-4|4"]);
    assert_eq!(
        bench.query("SELECT event_type FROM audience_membership_log ORDER BY run_seq").await,
        ["enter", "exit", "enter"]
    );
}

pub(crate) async fn sent_again_in_its_run_a_batch_is_not_looked_at(db: Db) {
    let bench = Bench::new(db).await;
    let first = batch(1, Action::Add, vec![row("a", 1, 0), row("b", 2, 0)]);
    bench.accepted(&first).await;
    let before = (bench.query(ROWS).await, bench.query(LOG).await);
    bench.accepted(&first.clone().with_row_version(9)).await;
    assert_eq!((bench.query(ROWS).await, bench.query(LOG).await), before);
    assert_eq!(
        bench.query("SELECT batch_id, run_id, table_name, row_count, committed_at FROM load_batches").await,
        [format!("{}|run-1|audience_membership|2|2026-11-23T12:00:00.000000Z", first.id().to_hex())]
    );
}

pub(crate) async fn sent_again_in_other_batches_and_runs_operations_count_once(db: Db) {
    let bench = Bench::new(db).await;
    let rows = || vec![row("a", 1, 0), row("b", 2, 0), row("c", 3, 0)];
    bench.accepted(&batch(1, Action::Add, rows())).await;
    let log = bench.query(LOG).await;
    assert_eq!(log.len(), 3);
    let (first, others) = (rows()[..1].to_vec(), rows()[1..].to_vec());
    for (version, rows) in [(1, first), (1, others), (2, rows()), (3, rows())] {
        bench.accepted(&batch(version, Action::Add, rows)).await;
    }
    assert_eq!(bench.query(LOG).await, log);
    assert_eq!(
        bench.query("SELECT DISTINCT entry_count, row_version, run_id FROM audience_membership").await,
        ["1|3|run-3"]
    );

    let leave = || vec![row("a", 4, HOUR)];
    bench.accepted(&batch(4, Action::Remove, leave())).await;
    bench.accepted(&batch(5, Action::Remove, leave())).await;
    assert_eq!(bench.query(LOG).await.len(), 4);
    assert_eq!(
        bench.query("SELECT is_member, row_version FROM audience_membership WHERE member_key = 'a'").await,
        ["0|5"]
    );
}

pub(crate) async fn in_doubt_and_sent_again_with_what_is_known_today_the_change_is_taken(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&batch(1, Action::Add, vec![tier(row("a", 1, 0), "gold")])).await;
    for (version, value) in [(2, "silver"), (3, "bronze"), (4, "bronze")] {
        let again = because(tier(row("a", 1, 0), value), Reason::InDoubt);
        bench.accepted(&batch(version, Action::Add, vec![again])).await;
    }
    assert_eq!(
        bench.query("SELECT attributes, entry_count FROM audience_membership").await,
        [r#"{"tier":"bronze"}|1"#]
    );
    assert_eq!(
        bench.query("SELECT event_id FROM audience_membership_log ORDER BY run_seq").await,
        [format!("{}-enter", op(1)), format!("{}-change", op(1)), format!("{}-change-3", op(1))]
    );
}

pub(crate) async fn runs_as_of_one_moment_can_go_back_and_forth(db: Db) {
    let bench = Bench::new(db).await;
    for (version, action, id) in [(1, Action::Add, 1), (2, Action::Remove, 2), (3, Action::Add, 1)] {
        bench.accepted(&batch(version, action, vec![row("a", id, 0)])).await;
    }
    assert_eq!(bench.members().await, ["a"]);
    assert_eq!(
        bench.query("SELECT event_id FROM audience_membership_log ORDER BY run_seq").await,
        [format!("{}-enter", op(1)), format!("{}-exit", op(2)), format!("{}-enter-3", op(1))]
    );
    assert_eq!(bench.query("SELECT entry_count FROM audience_membership").await, ["2"]);
}

pub(crate) async fn a_row_of_an_older_run_is_ignored(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&batch(5, Action::Add, vec![tier(row("a", 5, 0), "gold"), row("b", 6, 0)])).await;
    bench.accepted(&batch(6, Action::Remove, vec![row("b", 7, HOUR)])).await;
    let before = (bench.query(ROWS).await, bench.query(LOG).await);
    bench.accepted(&batch(4, Action::Update, vec![tier(row("a", 4, 0), "silver")])).await;
    bench.accepted(&batch(4, Action::Remove, vec![row("a", 3, 0)])).await;
    bench.accepted(&batch(4, Action::Add, vec![row("b", 2, 0)])).await;
    assert_eq!((bench.query(ROWS).await, bench.query(LOG).await), before);
}

pub(crate) async fn to_remove_who_is_not_there_is_to_do_nothing(db: Db) {
    let bench = Bench::new(db).await;
    let long = "x".repeat(300);
    let gone = ["nobody", "", "a\0b", &long].map(|member| row(member, 1, 0));
    bench.accepted(&batch(1, Action::Remove, gone.into())).await;
    assert!(bench.query(ROWS).await.is_empty() && bench.query(LOG).await.is_empty());
}

pub(crate) async fn a_member_added_again_without_a_change_is_no_event(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&batch(1, Action::Add, vec![tier(row("a", 1, 0), "gold")])).await;
    let refreshed = because(tier(row("a", 2, DAY), "gold"), Reason::Refresh);
    bench.accepted(&batch(2, Action::Add, vec![refreshed])).await;
    assert_eq!(bench.query(LOG).await.len(), 1);
    assert_eq!(bench.query(ROWS).await, ["a|1|2026-11-23T12:00:00.000000Z|2026-11-23T12:00:00.000000Z|-|1|run-2|2"]);
}

pub(crate) async fn an_update_of_who_is_not_there_lets_them_in(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&batch(1, Action::Update, vec![row("a", 1, 0)])).await;
    assert_eq!(bench.members().await, ["a"]);
    assert_eq!(bench.query("SELECT event_type FROM audience_membership_log").await, ["enter"]);
}

pub(crate) async fn arms_are_labels_and_a_new_arm_is_a_change(db: Db) {
    let bench = Bench::new(db).await;
    let mut held = row("a", 1, 0);
    held.arm = Some(Arm::Holdout);
    bench.accepted(&batch(1, Action::Add, vec![held])).await;
    let mut treated = because(row("a", 2, HOUR), Reason::MappingChanged);
    treated.arm = Some(Arm::Treatment);
    bench.accepted(&batch(2, Action::Update, vec![treated])).await;
    bench.accepted(&batch(3, Action::Remove, vec![because(row("a", 3, DAY), Reason::Consent)])).await;
    assert_eq!(
        bench.query("SELECT event_type, reason, group_key FROM audience_membership_log ORDER BY run_seq").await,
        ["enter|query|holdout", "change|resync|treatment", "exit|consent|treatment"]
    );
}

pub(crate) async fn the_same_member_twice_in_a_batch_is_one(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&batch(1, Action::Add, vec![row("a", 1, 0), tier(row("a", 2, HOUR), "gold")])).await;
    assert_eq!(bench.members().await, ["a"]);
    assert_eq!(bench.query("SELECT event_type FROM audience_membership_log ORDER BY event_id").await, ["enter"]);
}

pub(crate) async fn audiences_and_tenants_are_kept_apart(db: Db) {
    let bench = Bench::new(db).await;
    let other = bench.beside(Terms { workspace: "other", ..Terms::default() });
    bench.accepted(&batch(1, Action::Add, vec![row("a", 1, 0)])).await;
    let lapsed = Batch::new("run-1", AudienceRef::new("9", "lapsed"), Action::Add, vec![row("a", 2, 0)]);
    bench.accepted(&lapsed).await;
    other.warehouse.send(&bench.cx, &batch(1, Action::Add, vec![row("a", 3, 0), row("b", 4, 0)])).await.unwrap();
    assert_eq!(
        bench.query("SELECT workspace_key, audience_key, member_key FROM audience_membership ORDER BY 1, 2, 3").await,
        ["default|lapsed|a", "default|vip|a", "other|vip|a", "other|vip|b"]
    );
    assert_eq!(bench.warehouse.size(&bench.cx, &vip()).await.unwrap(), Size::Exact(1));
    assert_eq!(other.warehouse.size(&bench.cx, &vip()).await.unwrap(), Size::Exact(2));
}

pub(crate) async fn other_rows_under_a_batchs_id_are_refused_and_nothing_is_written(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&batch(1, Action::Add, vec![tier(row("a", 1, 0), "gold")])).await;
    let before = (bench.query(ROWS).await, bench.query(LOG).await);
    let mut labelled = tier(row("a", 1, 0), "gold");
    labelled.arm = Some(Arm::Holdout);
    for other in [tier(row("a", 1, 0), "silver"), tier(row("b", 1, 0), "gold"), labelled] {
        let error = bench.warehouse.send(&bench.cx, &batch(1, Action::Add, vec![other])).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Conflict, Retry::Never));
        assert_eq!(error.code(), Some("batch_conflict"));
        assert_eq!((bench.query(ROWS).await, bench.query(LOG).await), before);
    }
}
