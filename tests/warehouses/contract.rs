//! Views, events, runs, rejects, and what is read back.

use super::bench::*;
use audience_sync::destination::{ActionCounts, EventBatch, KeyEvent, RunStatus};

pub(crate) async fn each_entry_is_paired_with_the_next_exit(db: Db) {
    let bench = Bench::new(db).await;
    for (version, action, reason, id, after) in [
        (1, Action::Add, Reason::Entered, 1, 0),
        (2, Action::Update, Reason::Changed, 2, HOUR),
        (3, Action::Remove, Reason::Expired, 3, 2 * HOUR),
        (4, Action::Add, Reason::Entered, 4, 3 * HOUR),
    ] {
        let mut rows = vec![because(tier(row("a", id, after), &format!("tier {version}")), reason)];
        if version == 1 {
            rows.push(row("b", 9, 0));
        }
        bench.accepted(&batch(version, action, rows)).await;
    }
    let elsewhere = Batch::new("run-2", AudienceRef::new("x", "lapsed"), Action::Add, vec![row("a", 8, HOUR)]);
    bench.accepted(&elsewhere.with_row_version(2)).await;
    assert_eq!(
        bench.query(
            "SELECT audience_key, member_key, entered_at, exited_at, entry_reason, exit_reason, entry_run_id, exit_run_id
             FROM v_membership_intervals ORDER BY 1, 2, 3"
        ).await,
        [
            "lapsed|a|2026-11-23T13:00:00.000000Z|-|query|-|run-2|-",
            "vip|a|2026-11-23T12:00:00.000000Z|2026-11-23T14:00:00.000000Z|query|expired|run-1|run-3",
            "vip|a|2026-11-23T15:00:00.000000Z|-|query|-|run-4|-",
            "vip|b|2026-11-23T12:00:00.000000Z|-|query|-|run-1|-",
        ]
    );
    assert_eq!(
        bench
            .query("SELECT audience_key, member_key, entry_count, attributes FROM v_current_members ORDER BY 1, 2")
            .await,
        ["lapsed|a|1|-", r#"vip|a|2|{"tier":"tier 4"}"#, "vip|b|1|-"]
    );
}

fn event(id: &str, member: &str, after: i64) -> KeyEvent {
    KeyEvent::new(id, "order", member, Timestamp::from_millis(NOON + after))
}

fn euros(id: &str, member: &str, after: i64, micros: i64) -> KeyEvent {
    event(id, member, after).with_value(micros, "EUR")
}

async fn record(bench: &Bench, run: &str, events: Vec<KeyEvent>) -> Vec<RowOutcome> {
    let count = events.len();
    bench.warehouse.record(&bench.cx, &EventBatch::new(run, events)).await.unwrap().resolve(count).unwrap()
}

pub(crate) async fn cohorts_are_iso_weeks_and_sums_are_exact(db: Db) {
    let bench = Bench::new(db).await;
    // Monday 23, Sunday 22 and Sunday 29 November.
    let rows = vec![row("a", 1, 0), row("b", 2, -DAY), row("c", 3, 6 * DAY)];
    bench.accepted(&batch(1, Action::Add, rows)).await;
    let events = vec![
        euros("1", "a", HOUR, 19_990_000),
        euros("2", "c", 6 * DAY, 10_000),
        euros("3", "a", 7 * DAY, 10_000_000),
        euros("before", "a", -1, 100_000_000),
        euros("refund", "b", 0, -5_500_000),
        event("usd", "b", 0).with_value(1_000_000, "usd"),
        event("free", "b", -DAY),
        euros("stranger", "z", 0, 7_000_000),
    ];
    assert!(record(&bench, "call-1", events).await.iter().all(|outcome| *outcome == RowOutcome::ACCEPTED));
    assert_eq!(
        bench.query(
            "SELECT cohort_week, week_number, currency, cohort_members, active_members, events, value, value_to_date, ltv
             FROM v_cohort_ltv ORDER BY 1, 2, 3"
        ).await,
        [
            "2026-11-16|0|-|1|1|1|-|-|-",
            "2026-11-16|1|EUR|1|1|1|-5.500000|-5.500000|-5.5",
            "2026-11-16|1|USD|1|1|1|1.000000|1.000000|1",
            "2026-11-23|0|EUR|2|2|2|20.000000|20.000000|10",
            "2026-11-23|1|EUR|2|1|1|10.000000|30.000000|15",
        ]
    );
}

pub(crate) async fn of_two_events_with_one_id_the_first_counts(db: Db) {
    let bench = Bench::new(db).await;
    let order = || vec![euros("E-1", "a", 0, 1_500_000).with_order("O-1")];
    for (run, events) in [
        ("call-1", order()),
        ("call-1", order()),
        ("call-2", order()),
        ("call-1", vec![euros("E-1", "b", HOUR, 9_000_000)]),
    ] {
        assert_eq!(record(&bench, run, events).await, [RowOutcome::ACCEPTED]);
    }
    assert_eq!(
        bench.query("SELECT event_id, event_name, member_key, occurred_at, received_at, value, currency, order_id, properties FROM events").await,
        ["E-1|order|a|2026-11-23T12:00:00.000000Z|2026-11-23T12:00:00.000000Z|1.500000|EUR|O-1|-"]
    );
    assert_eq!(
        bench.query("SELECT run_id, table_name, row_count FROM load_batches ORDER BY 1, 2, 3").await,
        ["call-1|events|1", "call-1|events|1", "call-2|events|1"]
    );
    assert_eq!(bench.query("SELECT b.run_id FROM events JOIN load_batches b USING (batch_id)").await, ["call-1"]);
}

pub(crate) async fn an_event_that_cannot_be_held_is_refused_alone(db: Db) {
    let bench = Bench::new(db).await;
    let base = || euros("E", "a", 0, 1);
    let long = "x".repeat(256);
    let mut events = vec![base()];
    let mut expected = vec![RowOutcome::ACCEPTED];
    let mut refuse = |change: &dyn Fn(&mut KeyEvent), code: &'static str, field: &'static str| {
        let mut event = base();
        change(&mut event);
        events.push(event);
        expected.push(RowOutcome::rejected_field(code, field));
    };
    refuse(&|event| event.event_id = String::new(), "missing", "event_id");
    refuse(&|event| event.name = "a\0".into(), "nul_character", "name");
    refuse(&|event| event.member_id = MemberId::from(long.as_str()), "too_long", "member_id");
    refuse(&|event| event.order_id = Some(long.clone()), "too_long", "order_id");
    refuse(&|event| event.currency = Some("EURO".into()), "malformed", "currency");
    refuse(&|event| event.currency = Some("1€".into()), "malformed", "currency");
    refuse(&|event| event.value_micros = Some(i64::MAX), "out_of_range", "value");
    refuse(&|event| event.occurred_at = Timestamp::from_millis(i64::MAX), "out_of_range", "occurred_at");
    refuse(&|event| event.properties = Attributes::new([("sku".into(), "a\0".into())]), "nul_character", "sku");
    assert_eq!(record(&bench, "call-1", events).await, expected);
    assert_eq!(bench.query("SELECT event_id FROM events").await, ["E"]);
}

fn a_run() -> RunRecord {
    RunRecord::new("run-7", "vip", "meta:act_1", Timestamp::from_millis(NOON), Timestamp::from_millis(NOON))
}

pub(crate) async fn a_run_is_logged_in_the_contracts_words(db: Db) {
    let bench = Bench::new(db).await;
    let running = a_run();
    let mut ended = a_run();
    ended.run_seq = 7;
    ended.status = RunStatus::Partial;
    ended.finished_at = Some(Timestamp::from_millis(NOON + 1_500));
    (ended.source_rows, ended.unusable_rows, ended.duplicate_rows, ended.generation) = (100, 2, 3, 12);
    ended.add = ActionCounts { planned: 10, accepted: 5, rejected: 2, skipped: 1, pending: 2 };
    ended.update = ActionCounts { planned: 4, accepted: 4, ..ActionCounts::default() };
    ended.remove = ActionCounts { planned: 3, rejected: 3, ..ActionCounts::default() };
    (ended.error, ended.error_message) = (Some(ErrorKind::RateLimited), Some("é".repeat(4_001)));
    let log: &dyn RunLog = &*bench.log;
    let expected = format!(
        "run-7|7|default|vip|meta:act_1|full|partial|2026-11-23T12:00:00.000000Z|2026-11-23T12:00:01.500000Z|100|2|3|\
         10|7|5|2|4|4|4|0|3|3|0|3|-|-|-|12|rate_limited|-|{}|{}",
        "é".repeat(4_000),
        env!("CARGO_PKG_VERSION")
    );
    log.begin(&bench.cx, &running).await.unwrap();
    assert_eq!(bench.query("SELECT run_id, status, finished_at FROM sync_runs").await, ["run-7|running|-"]);
    // Ended twice, and a beginning that comes late: one run, and it has ended.
    log.end(&bench.cx, &ended).await.unwrap();
    log.end(&bench.cx, &ended).await.unwrap();
    log.begin(&bench.cx, &running).await.unwrap();
    assert_eq!(bench.query("SELECT * FROM sync_runs").await, [expected]);

    for (status, word) in
        [(RunStatus::Success, "succeeded"), (RunStatus::Failed, "failed"), (RunStatus::Refused, "canceled")]
    {
        ended.status = status;
        log.end(&bench.cx, &ended).await.unwrap();
        assert_eq!(bench.query("SELECT status FROM sync_runs").await, [word]);
    }
}

pub(crate) async fn rejects_are_logged_once(db: Db) {
    let bench = Bench::new(db).await;
    let at = Timestamp::from_millis(NOON);
    let mut reject = RejectRecord::new("R-1", "run-1", "vip", "a".into(), Action::Update, "invalid_email", at);
    reject.field = Some("email".into());
    let unstorable = RejectRecord::new("R-2", "run-1", "vip", "".into(), Action::Add, "missing", at);
    for _ in 0..2 {
        bench.log.rejects(&bench.cx, &[reject.clone(), unstorable.clone()]).await.unwrap();
    }
    let columns =
        "reject_id, run_id, audience_key, member_key, op, error_class, error_code, error_message, attempt, occurred_at";
    assert_eq!(
        bench.query(&format!("SELECT {columns} FROM sync_rejects ORDER BY 1")).await,
        [
            "R-1|run-1|vip|a|change|rejected|invalid_email|in the field email|1|2026-11-23T12:00:00.000000Z",
            "R-2|run-1|vip|sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855|add|rejected|missing|-|1|\
             2026-11-23T12:00:00.000000Z",
        ]
    );
}

pub(crate) async fn members_are_listed_in_pages(db: Db) {
    let bench = Bench::new(db).await;
    let id = |index: usize| format!("m{index:04}");
    let rows = |range: std::ops::Range<usize>| {
        let rows =
            range.map(|index| Row { op_id: OpId::from_bytes((index as u128).to_be_bytes()), ..row(&id(index), 0, 0) });
        batch(1, Action::Add, rows.collect())
    };
    let ids = |range: std::ops::Range<usize>| range.map(|index| MemberId::new(id(index))).collect::<Vec<_>>();
    bench.accepted(&rows(0..2_000)).await;
    bench.accepted(&batch(2, Action::Remove, vec![row("m0000", 1, 0)])).await;
    bench.accepted(&rows(2_000..2_001)).await;
    let audience = AudienceRef::new("other id", "vip");
    let list = |after| bench.warehouse.members(&bench.cx, &audience, after);

    let first = list(None).await.unwrap();
    assert_eq!((first.members, &first.next), (ids(1..1_001), &Some(Cursor(id(1_000)))));
    // Exactly full, and the last.
    let second = list(first.next).await.unwrap();
    assert_eq!((second.members, second.next), (ids(1_001..2_001), None));
    assert_eq!(bench.warehouse.size(&bench.cx, &vip()).await.unwrap(), Size::Exact(2_000));
    let nobody = AudienceRef::new("vip", "nobody");
    assert!(bench.warehouse.members(&bench.cx, &nobody, None).await.unwrap().members.is_empty());
}

pub(crate) async fn only_the_tenants_own_are_forgotten(db: Db) {
    let bench = Bench::new(db).await;
    let other = bench.beside(Terms { workspace: "other", ..Terms::default() });
    let at = Timestamp::from_millis(NOON);
    for (warehouse, log, run) in [(&bench.warehouse, &bench.log, "ours"), (&other.warehouse, &other.log, "theirs")] {
        let reject = RejectRecord::new(run, run, "vip", "a".into(), Action::Add, "x", at);
        RunLog::begin(&**log, &bench.cx, &RunRecord::new(run, "vip", "d", at, at)).await.unwrap();
        log.rejects(&bench.cx, &[reject]).await.unwrap();
        warehouse
            .send(&bench.cx, &Batch::new(run, vip(), Action::Add, vec![row("a", run.len() as u8, 0)]))
            .await
            .unwrap();
        warehouse.record(&bench.cx, &EventBatch::new(run, vec![event("E-1", "a", 0)])).await.unwrap();
    }
    assert_eq!(bench.query("SELECT workspace_key FROM events ORDER BY 1").await, ["default", "other"]);
    bench.warehouse.forget(&bench.cx, &batch(0, Action::Remove, vec![row("a", 0, 0)])).await.unwrap();
    for table in ["audience_membership", "audience_membership_log", "events"] {
        assert_eq!(bench.query(&format!("SELECT workspace_key FROM {table}")).await, ["other"], "{table}");
    }
    assert_eq!(bench.query("SELECT reject_id FROM sync_rejects").await, ["theirs"]);
}

pub(crate) async fn two_prefixes_share_a_file(db: Db) {
    let bench = Bench::with(db, Terms { prefix: "crm_", ..Terms::default() }).await;
    let plain = bench.beside(Terms::default());
    bench.accepted(&batch(1, Action::Add, vec![row("a", 1, 0)])).await;
    plain.warehouse.send(&bench.cx, &batch(1, Action::Add, vec![row("b", 2, 0)])).await.unwrap();
    assert_eq!(bench.query("SELECT member_key FROM crm_v_current_members").await, ["a"]);
    assert_eq!(bench.members().await, ["b"]);
}
