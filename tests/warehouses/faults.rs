//! What others do to the tables, and what the tables can hold at their edges.

use audience_sync::destination::{EventBatch, KeyEvent};
use audience_sync::identity::Decimal;

use super::bench::*;

fn one(version: u64, member: &str) -> Batch {
    batch(version, Action::Add, vec![row(member, version as u8, 0)])
}

/// A rule of somebody else on the log: it refuses after the member's row was written, which must be undone with it.
async fn refuse_b(bench: &Bench, db: Db) {
    let rule = match db {
        Db::Sqlite => {
            "CREATE TRIGGER no_b BEFORE INSERT ON audience_membership_log WHEN NEW.member_key LIKE 'b%'
             BEGIN SELECT RAISE(ABORT, 'b is not welcome'); END"
        }
        Db::Postgres(_) => "ALTER TABLE audience_membership_log ADD CHECK (member_key NOT LIKE 'b%')",
    };
    bench.meddle(rule).await;
}

pub(crate) async fn rows_that_somebody_elses_rule_refuses_are_refused_alone_and_again(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&one(1, "a")).await;
    refuse_b(&bench, db).await;
    let names = ["c", "b1", "d", "e", "b2", "f", "b3"];
    let rows = names.iter().enumerate().map(|(index, name)| row(name, 2 + index as u8, 0)).collect();
    let mixed = batch(2, Action::Add, rows);
    let refused = |name: &&str| {
        if name.starts_with('b') { RowOutcome::rejected("constraint") } else { RowOutcome::ACCEPTED }
    };
    for _ in 0..2 {
        assert_eq!(bench.send(&mixed).await, names.iter().map(refused).collect::<Vec<_>>());
        assert_eq!(bench.members().await, ["a", "c", "d", "e", "f"]);
    }
    assert_eq!(bench.query("SELECT COUNT(*) FROM audience_membership_log").await, ["5"]);
}

pub(crate) async fn a_text_of_a_megabyte_comes_back(db: Db) {
    let bench = Bench::new(db).await;
    // Four bytes a character, and every quote there is.
    let long = "💶'\"\\`é".repeat(100_000);
    assert!(long.len() >= 1_000_000);
    bench.accepted(&batch(1, Action::Add, vec![tier(row("a", 1, 0), &long), tier(row("b", 2, 0), "gold")])).await;
    let found = bench.query("SELECT attributes FROM audience_membership WHERE member_key = 'a'").await;
    let found: std::collections::BTreeMap<String, String> = serde_json::from_str(&found[0]).unwrap();
    assert!(found["tier"] == long);
}

pub(crate) async fn moments_and_amounts_at_their_edges_come_back(db: Db) {
    let bench = Bench::new(db).await;
    let edges = [
        (-62_135_596_800_000, "0001-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999000Z"),
        (0, "1970-01-01T00:00:00.000000Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000000Z"),
        (253_402_207_199_999, "9999-12-30T21:59:59.999000Z"),
    ];
    let amounts = [
        (i64::MIN + 1, None),
        (-999_999_999_999_999_999, Some("-999999999999.999999")),
        (-1, Some("-0.000001")),
        (0, Some("0.000000")),
        (10_000_000_000, Some("10000.000000")),
        (999_999_999_999_999_999, Some("999999999999.999999")),
        (1_000_000_000_000_000_000, None),
    ];
    let at = edges.iter().enumerate().map(|(index, (millis, _))| {
        KeyEvent::new(format!("at-{index}"), "order", "a", Timestamp::from_millis(*millis))
    });
    let worth = amounts.iter().enumerate().map(|(index, (micros, _))| {
        KeyEvent::new(format!("worth-{index}"), "order", "a", Timestamp::from_millis(NOON)).with_value(*micros, "EUR")
    });
    let events: Vec<KeyEvent> = at.chain(worth).collect();
    let count = events.len();
    let outcomes = bench.warehouse.record(&bench.cx, &EventBatch::new("call", events)).await.unwrap();
    let refused = outcomes.resolve(count).unwrap().iter().filter(|outcome| **outcome != RowOutcome::ACCEPTED).count();
    assert_eq!(refused, 2);
    let found = bench.query("SELECT occurred_at FROM events WHERE event_id LIKE 'at-%' ORDER BY event_id").await;
    assert_eq!(found, edges.map(|(_, text)| text));
    let found = bench.query("SELECT value FROM events WHERE event_id LIKE 'worth-%' ORDER BY event_id").await;
    assert_eq!(found, amounts.iter().filter_map(|(_, text)| *text).collect::<Vec<_>>());
}

pub(crate) async fn attributes_of_every_kind_come_back(db: Db) {
    let bench = Bench::new(db).await;
    let mut odd = row("a", 1, 0);
    odd.attributes = Attributes::new([
        ("active".into(), true.into()),
        ("city".into(), AttributeValue::Null),
        ("exact".into(), AttributeValue::from(Decimal::parse("0.10").unwrap())),
        ("orders".into(), i64::MAX.into()),
        ("\u{feff}né'\"$1:x".into(), "\u{1}\u{7f}\u{fffd}\r\n\t:now".into()),
    ]);
    bench.accepted(&batch(1, Action::Add, vec![odd])).await;
    let found: serde_json::Value =
        serde_json::from_str(&bench.query("SELECT attributes FROM audience_membership").await[0]).unwrap();
    let expected = serde_json::json!({
        "active": true, "city": null, "exact": "0.10", "orders": 9_223_372_036_854_775_807_i64,
        "\u{feff}né'\"$1:x": "\u{1}\u{7f}\u{fffd}\r\n\t:now",
    });
    assert_eq!(found, expected);
}

pub(crate) async fn an_older_schema_gets_what_it_lacks(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&one(1, "a")).await;
    // As an older version would have left it.
    bench
        .meddle(
            "DROP VIEW v_cohort_ltv; DROP VIEW v_membership_intervals; DROP VIEW v_current_members;
             ALTER TABLE audience_membership DROP COLUMN attributes; DROP TABLE sync_rejects;
             UPDATE activation_schema SET version = 0",
        )
        .await;
    let newer = bench.beside(Terms::default());
    newer.warehouse.send(&bench.cx, &batch(2, Action::Add, vec![tier(row("b", 2, 0), "gold")])).await.unwrap();
    assert_eq!(bench.members().await, ["a", "b"]);
    assert_eq!(
        bench.query("SELECT attributes FROM audience_membership ORDER BY member_key").await,
        ["-", r#"{"tier":"gold"}"#]
    );
    assert_eq!(bench.query("SELECT version FROM activation_schema ORDER BY version").await, ["0", "1"]);
    assert!(bench.query("SELECT * FROM sync_rejects").await.is_empty());
    assert!(bench.query("SELECT * FROM v_cohort_ltv").await.is_empty());
}

pub(crate) async fn a_newer_schema_and_one_that_lost_a_column_are_left_alone(db: Db) {
    for (change, expected) in [
        ("UPDATE activation_schema SET version = 2", "expected tables of version 1, found 2"),
        (
            "DROP VIEW v_cohort_ltv; ALTER TABLE events DROP COLUMN value",
            "expected the column `value` in the table `events`",
        ),
    ] {
        let bench = Bench::new(db).await;
        bench.accepted(&one(1, "a")).await;
        bench.meddle(change).await;
        let refused = bench.beside(Terms::default()).warehouse.send(&bench.cx, &one(2, "b")).await.unwrap_err();
        assert_eq!((refused.kind(), refused.retry()), (ErrorKind::Config, Retry::Never));
        assert!(refused.message().starts_with(expected), "{refused}");
        assert_eq!(bench.query("SELECT member_key FROM audience_membership").await, ["a"]);
    }
}

pub(crate) async fn a_table_of_somebody_else_is_left_alone(db: Db) {
    let bench = Bench::new(db).await;
    bench.meddle("CREATE TABLE mine_events (id INTEGER)").await;
    let refused = bench
        .beside(Terms { prefix: "mine_", ..Terms::default() })
        .warehouse
        .send(&bench.cx, &one(1, "a"))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.message().contains("no table or view `mine_events`"), "{refused}");
    assert!(refused.message().contains("set another `table_prefix`"), "{refused}");
}

pub(crate) async fn columns_that_others_added_do_no_harm(db: Db) {
    let bench = Bench::new(db).await;
    bench.accepted(&one(1, "a")).await;
    bench.meddle("ALTER TABLE audience_membership ADD COLUMN note TEXT").await;
    bench.beside(Terms::default()).warehouse.send(&bench.cx, &one(2, "b")).await.unwrap();
    assert_eq!(bench.members().await, ["a", "b"]);
}

pub(crate) async fn warehouses_that_start_at_once_make_one_set_of_tables(db: Db) {
    let bench = Bench::new(db).await;
    let others: Vec<_> = (0..4).map(|_| bench.beside(Terms { prefix: "late_", ..Terms::default() })).collect();
    let (a, b, audience) = (one(1, "a"), one(2, "b"), vip());
    let (first, second, third, fourth) = tokio::join!(
        others[0].warehouse.send(&bench.cx, &a),
        others[1].warehouse.send(&bench.cx, &b),
        others[2].warehouse.size(&bench.cx, &audience),
        others[3].warehouse.check(&bench.cx),
    );
    assert!(first.is_ok() && second.is_ok() && third.is_ok(), "{first:?} {second:?} {third:?}");
    assert!(fourth.unwrap().is_ready());
    assert_eq!(bench.query("SELECT version FROM late_activation_schema").await, ["1"]);
    assert_eq!(bench.query("SELECT COUNT(*) FROM late_audience_membership").await, ["2"]);
}
