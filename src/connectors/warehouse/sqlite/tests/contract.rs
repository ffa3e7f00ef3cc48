//! What is SQLite's own: the file, and what is left in it.

use super::*;
use crate::destination::{EventBatch, KeyEvent};

#[tokio::test]
async fn who_is_forgotten_leaves_no_byte_behind() {
    let bench = Bench::new();
    let crowd = |version: u64, action| {
        let rows = (0..3_000_u32).map(|index| Row {
            op_id: OpId::from_bytes((u128::from(index) << 8 | u128::from(version)).to_be_bytes()),
            // Spread, so that pages are split around everybody.
            ..tier(
                row(&format!("m{:08x}-canary", index.wrapping_mul(2_654_435_761)), 0, 0),
                &format!("tier-{version}-{index}"),
            )
        });
        batch(version, action, rows.collect())
    };
    let people = || (0..3_000_u32).step_by(7).map(|index| format!("m{:08x}-canary", index.wrapping_mul(2_654_435_761)));
    bench.accepted(&crowd(1, Action::Add)).await;
    bench.accepted(&crowd(2, Action::Update)).await;
    let events = people()
        .enumerate()
        .map(|(index, member)| {
            KeyEvent::new(format!("E-{index}"), "order", member.as_str(), Timestamp::from_millis(NOON))
        })
        .collect();
    bench.warehouse.record(&bench.cx, &EventBatch::new("call-1", events)).await.unwrap();
    let at = Timestamp::from_millis(NOON);
    let rejects: Vec<_> = people()
        .map(|id| RejectRecord::new(format!("R-{}", id.len()), "run-1", "vip", MemberId::new(id), Action::Add, "x", at))
        .collect();
    bench.warehouse.rejects(&bench.cx, &rejects).await.unwrap();
    bench
        .accepted(&Batch::new(
            "run-9",
            AudienceRef::new("9", "lapsed"),
            Action::Add,
            crowd(1, Action::Add).rows().to_vec(),
        ))
        .await;

    let forgotten = batch(0, Action::Remove, people().map(|id| row(&id, 0, 0)).collect());
    let outcome = bench.warehouse.forget(&bench.cx, &forgotten).await.unwrap();
    assert_eq!(outcome.resolve(429).unwrap(), vec![RowOutcome::ACCEPTED; 429]);
    assert_eq!(bench.warehouse.size(&bench.cx, &vip()).await.unwrap(), Size::Exact(3_000 - 429));
    for entry in std::fs::read_dir(bench.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let traces: Vec<_> = people().filter(|id| text.contains(id.as_str())).collect();
        assert!(traces.is_empty(), "{} in {path:?}", traces.len());
    }
}

#[tokio::test]
async fn a_check_writes_nothing_and_says_what_it_found() {
    let bench = Bench::new();
    let check = bench.warehouse.check(&bench.cx).await.unwrap();
    assert!(check.is_ready(), "{check:?}");
    assert_eq!(check.account.as_deref(), Some("w.db"));
    assert_eq!(check.found[1..], ["tables of version 1", "can be written to"]);
    assert!(check.found[0].starts_with("SQLite 3."));
    assert!(bench.query("SELECT * FROM load_batches").is_empty());
    assert_eq!(
        bench.query("SELECT version, engine_version, created_at FROM activation_schema"),
        [format!("1|{}|2026-11-23T12:00:00.000000Z", env!("CARGO_PKG_VERSION"))]
    );
}

#[tokio::test]
async fn says_who_it_is_without_its_folder() {
    let bench = Bench::new();
    assert_eq!(bench.warehouse.info(), Info::new("sqlite:w", "SQLite", Family::Warehouse));
    assert_eq!(format!("{:?}", bench.warehouse), "Sqlite { id: \"sqlite:w\", .. }");
    let capabilities = bench.warehouse.capabilities();
    assert!(capabilities.update && capabilities.remove && capabilities.events && capabilities.forget);
    assert!(capabilities.readable_members && capabilities.hosts.is_empty() && !capabilities.jobs);
    assert_eq!((capabilities.limits.rows, capabilities.in_flight), (5_000, 1));
    let key = bench.warehouse.open(&bench.cx, &crate::destination::AudienceSpec::new("vip", "VIP")).await.unwrap();
    assert_eq!(key, vip());
}
