//! What can be held, and that it comes back as it was.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::bench::*;

pub(crate) async fn a_row_that_cannot_be_held_is_refused_alone(db: Db) {
    let bench = Bench::new(db).await;
    let long = "é".repeat(128);
    let mut outside = row("late", 5, 0);
    outside.effective_at = Timestamp::from_millis(i64::MAX);
    let rows = vec![
        row("a", 1, 0),
        row("", 2, 0),
        row(&long, 3, 0),
        row("a\0b", 4, 0),
        outside,
        tier(row("b", 6, 0), "gold\0"),
        row("c", 7, 0),
    ];
    let batch = batch(1, Action::Add, rows);
    let expected = [
        RowOutcome::ACCEPTED,
        RowOutcome::rejected_field("missing", "member_id"),
        RowOutcome::rejected_field("too_long", "member_id"),
        RowOutcome::rejected_field("nul_character", "member_id"),
        RowOutcome::rejected_field("out_of_range", "effective_at"),
        RowOutcome::rejected_field("nul_character", "tier"),
        RowOutcome::ACCEPTED,
    ];
    assert_eq!(bench.send(&batch).await, expected);
    assert_eq!(bench.members().await, ["a", "c"]);
    assert_eq!(bench.send(&batch).await, expected);
}

pub(crate) async fn odd_texts_are_kept_byte_for_byte(db: Db) {
    let bench = Bench::new(db).await;
    let odd =
        ["Ä", "A\u{308}", "a", "A", "a ", " a", "'; DROP TABLE events; --", "\u{202e}x", "💶", "%_", "\n", "null"];
    let rows = odd.iter().enumerate().map(|(index, id)| tier(row(id, index as u8, 0), id)).collect();
    bench.accepted(&batch(1, Action::Add, rows)).await;
    let mut expected = odd.to_vec();
    expected.sort_unstable();
    assert_eq!(bench.members().await, expected);
    let page = bench.warehouse.members(&bench.cx, &vip(), None).await.unwrap();
    assert_eq!(page.members.iter().map(MemberId::as_str).collect::<Vec<_>>(), expected);
    for found in bench.query("SELECT member_key, attributes FROM audience_membership").await {
        let (key, json) = found.rsplit_once('|').unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(json).unwrap()["tier"], key);
    }
}

pub(crate) async fn what_cannot_be_an_audience_is_refused(db: Db) {
    let bench = Bench::new(db).await;
    for key in ["", "a\0b", &"x".repeat(256)] {
        let batch = Batch::new("run-1", AudienceRef::new("1", key), Action::Add, vec![row("a", 1, 0)]);
        assert_eq!(bench.warehouse.send(&bench.cx, &batch).await.unwrap_err().kind(), ErrorKind::Config);
    }
    let batch = batch(1, Action::Add, vec![row("a", 1, 0)]).with_row_version(u64::MAX);
    assert_eq!(bench.warehouse.send(&bench.cx, &batch).await.unwrap_err().kind(), ErrorKind::Config);
}

fn cases() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    proptest::collection::btree_map("[^\u{0}]{1,40}", "[^\u{0}]{0,40}", 1..12)
}

pub(crate) async fn any_member_id_and_text_come_back_as_they_were(db: Db) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let members = cases().new_tree(&mut runner).unwrap().current();
        let bench = Bench::new(db).await;
        let rows = members.iter().enumerate().map(|(index, (id, value))| tier(row(id, index as u8, 0), value));
        bench.accepted(&batch(1, Action::Add, rows.collect())).await;
        let page = bench.warehouse.members(&bench.cx, &vip(), None).await.unwrap();
        let ids: Vec<_> = page.members.iter().map(|id| id.as_str().to_owned()).collect();
        assert_eq!(ids, members.keys().cloned().collect::<Vec<_>>());
        let values: Vec<String> = bench
            .query("SELECT attributes FROM audience_membership ORDER BY member_key")
            .await
            .iter()
            .map(|json| {
                serde_json::from_str::<std::collections::BTreeMap<String, String>>(json).unwrap()["tier"].clone()
            })
            .collect();
        assert_eq!(values, members.values().cloned().collect::<Vec<_>>());
        let leave = members.keys().enumerate().map(|(index, id)| row(id, 100 + index as u8, 0));
        bench.accepted(&batch(2, Action::Remove, leave.collect())).await;
        assert_eq!(bench.warehouse.size(&bench.cx, &vip()).await.unwrap(), Size::Exact(0));
    }
}

/// Whatever is sent twice, cut into batches in another way and in later runs, leaves what once leaves.
pub(crate) async fn a_resend_changes_nothing_but_the_run(db: Db) {
    const WHAT: &str = "SELECT member_key, is_member, entry_count, attributes FROM audience_membership ORDER BY 1";
    const LOG: &str = "SELECT event_id, run_seq FROM audience_membership_log ORDER BY 1";
    let scripts = (proptest::collection::vec((0..4_u8, 0..3_u8, 0..2_u8), 1..20), 1..5_usize);
    let mut runner = TestRunner::deterministic();
    for _ in 0..8 {
        let (script, cut) = scripts.new_tree(&mut runner).unwrap().current();
        let (once, twice) = (Bench::new(db).await, Bench::new(db).await);
        for (index, (member, action, value)) in script.into_iter().enumerate() {
            let action = [Action::Add, Action::Update, Action::Remove][usize::from(action)];
            let rows: Vec<Row> = (0..=member)
                .map(|id| tier(row(&format!("m{id}"), (index * 4) as u8 + id, 0), &format!("t{value}")))
                .collect();
            let version = 2 * index as u64 + 1;
            once.accepted(&batch(version, action, rows.clone())).await;
            twice.accepted(&batch(version, action, rows.clone())).await;
            twice.accepted(&batch(version, action, rows.clone())).await;
            for part in rows.chunks(cut) {
                twice.accepted(&batch(version, action, part.to_vec())).await;
                twice.accepted(&batch(version + 1, action, part.to_vec())).await;
            }
        }
        assert_eq!(once.query(WHAT).await, twice.query(WHAT).await);
        assert_eq!(once.query(LOG).await, twice.query(LOG).await);
    }
}
