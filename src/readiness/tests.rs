//! Every item on one account that is ready, and on the same account with one thing wrong.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::audience::lint::LintPolicy;
use crate::audience::{
    Audience, Decision, Definition, ExitRule, FrequencyCap, Journey, MeasurementPlan, Method, Placement, Refresh,
    Waiver,
};
use crate::destination::{Capabilities, Check, Size, SizeReadBack};
use crate::identity::{HygieneReport, profiles};
use crate::sync::{Guards, RunReport};
use crate::{Error, ErrorKind};

const NOW: Timestamp = Timestamp::from_secs(1_795_428_900);
const META: &str = "meta:act_100";

fn ago(hours: i64) -> Timestamp {
    Timestamp::from_secs(1_795_428_900 - hours * 3_600)
}

fn charter(name: &str) -> Charter {
    let audience = Audience::named(name).unwrap().with_owner("lifecycle team");
    let mut definition = Definition::new(audience.role(), name);
    definition.window = audience.parts().unwrap().window();
    Charter::new(audience).with(|c| {
        c.definition = Some(definition);
        c.decision = Some(Decision::new("show the products again"));
        c.refresh = Some(Refresh { every: "1h".parse().unwrap(), max_staleness: "4h".parse().unwrap() });
        c.exit = Some(ExitRule::at("Order Completed"));
        c.journey = Some(Journey::Beside { id: "cart".into(), first_message: "2h".parse().unwrap() });
        c.frequency_cap = Some(FrequencyCap { impressions: 5, per: "1w".parse().unwrap() });
        c.measurement = Some(MeasurementPlan::new(Method::Holdout).with(|plan| {
            (plan.planned_effect, plan.detectable_effect) = (Some(0.2), Some(0.1));
            (plan.metric, plan.owner) = (Some("purchase".into()), Some("analytics".into()));
            (plan.window, plan.start) = (Some("30d".parse().unwrap()), Some(ago(900)));
        }));
        c.placements = vec![Placement::new(META).with(|at| {
            (at.active, at.last_success, at.first_full_sync) = (Some(true), Some(ago(2)), Some(ago(900)));
        })];
    })
}

fn run(hours_ago: i64, members: u64) -> RunReport {
    let counts = json!({
        "source_rows": 0, "elsewhere": 0, "duplicates": 0, "conflicts": 0, "unusable": 0, "expired_rows": 0,
        "no_consent": 0, "held_out": 0, "unsendable": 0, "desired": 0, "previous": 0, "added": 0, "removed": 0,
        "removed_guarded": 0, "expired": 0, "changed": 0, "unchanged": 0, "in_doubt": 0, "backing_off": 0,
        "in_flight": 0, "add_rows": 0, "remove_rows": 0, "update_rows": 0, "shared_rows": 0, "local": 0,
    });
    let none = json!({ "planned": 0, "accepted": 0, "rejected": 0, "skipped": 0, "pending": 0 });
    serde_json::from_value(json!({
        "run_id": format!("r-{hours_ago}"), "binding": "carts@meta:act_100", "audience": "carts", "destination": "Meta",
        "status": "success", "started_at": ago(hours_ago), "finished_at": ago(hours_ago),
        "plan": { "id": "p", "binding": "carts@meta:act_100", "generation": 1, "as_of": ago(hours_ago), "digest": "d",
            "counts": counts, "refused": [] },
        "add": { "planned": 1000, "accepted": 992, "rejected": 8, "skipped": 0, "pending": 0 }, "remove": none, "update": none,
        "reasons": [{ "action": "add", "outcome": "rejected", "code": "invalid_email", "field": "email", "rows": 8 }],
        "unattributed": 0, "unused_values": {}, "members": members, "open_jobs": 0, "generation": 1, "resumed": false,
        "error": null,
    }))
    .unwrap()
}

fn reading(hours_ago: i64, size: Size) -> SizeReading {
    SizeReading {
        audience: "carts".into(),
        at: ago(hours_ago),
        size,
        acknowledged: 1_000,
        last_change: ago(hours_ago + 30),
    }
}

/// The go-live gate of the practice, all of it in order.
fn ready() -> Inputs {
    let names = ["Supp Purch | 0-7d", "Supp Unsub", "Supp No Consent", "Supp Staff"];
    let suppressions = names.map(|name| charter(&format!("CI | {name}")));
    let mut carts = charter("CI | Cart Abandon | 2h-4d | Excl Purch 7d");
    carts.audience = carts.audience.excluding(&suppressions[0].audience);
    let hygiene: HygieneReport = serde_json::from_value(json!({
        "members": 1000, "coverage": { "identifiers": [100, 400, 400, 100], "kinds": [100, 450, 400, 50] },
        "repeats": { "email": { "seen": 5000, "top": [{ "digest": "abc", "members": 5 }] } },
        "kinds": { "email": { "present": 1000, "usable": 970, "rejected": { "email.no_at": 25, "placeholder": 5 } } },
    }))
    .unwrap();
    Inputs::new(META).with(|inputs| {
        inputs.capabilities = Some(Capabilities::new(&profiles::WAREHOUSE).with(|c| c.size = SizeReadBack::Exact));
        inputs.check = Some(Checked::new(ago(1), Ok(Check::ready().with_account("act_100"))).expiring_at(ago(-24 * 8)));
        inputs.write = Some(WriteProof { at: ago(24), taken: true });
        inputs.portfolio = Some(Portfolio::new([vec![carts], suppressions.into()].concat()));
        inputs.runs =
            [(100, 1_000), (75, 1_100), (50, 1_050), (30, 1_000)].map(|(at, members)| run(at, members)).into();
        inputs.sizes = vec![reading(1, Size::Exact(700))];
        inputs.guards = Some(vec![Guards::default().with(|guards| guards.max_remove_ppm = Some(100_000))]);
        inputs.hygiene = Some(hygiene);
        inputs.host.suppressions_attached = Some(true);
        inputs.host.holdout_excluded = Some(true);
        inputs.host.consent = Some(ConsentFacts { members: 200, with_both: 200, denied_sent: 0 });
        inputs.host.split = Some(SplitFacts { ratio_p: 0.035, contamination: 0.001 });
        inputs.host.alerts = Some(Alert::ALL.into_iter().map(|alert| (alert, AlertState::Tested)).collect());
        inputs.host.undo = Some(UndoFacts { snapshot_at: Some(ago(20)), dry_run_at: Some(ago(30)) });
        inputs.host.deletion_proven = Some(true);
    })
}

fn readiness() -> Readiness {
    let policy = LintPolicy::default().with(|policy| policy.home_markets = ["US".to_owned()].into());
    Readiness::default().with_linter(Linter::new(policy))
}

fn carts(inputs: &mut Inputs) -> &mut Charter {
    &mut inputs.portfolio.as_mut().unwrap().charters[0]
}

fn renamed(inputs: &mut Inputs, name: &str) {
    let charter = carts(inputs);
    let key = charter.audience.key().to_owned();
    let excluded: Vec<Audience> = charter.audience.exclusions().map(|key| Audience::new(key, "").unwrap()).collect();
    let renamed = Audience::named(name).unwrap().with_key(key).unwrap().with_owner("a");
    charter.audience = excluded.iter().fold(renamed, Audience::excluding);
    charter.definition.as_mut().unwrap().window = charter.audience.parts().unwrap().window();
}

type Case = (&'static str, Status, fn(&mut Inputs));

const WARN: Status = Status::Warn;
const FAIL: Status = Status::Fail;
const UNKNOWN: Status = Status::Unknown;

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("conn.auth", WARN, |i| i.check.as_mut().unwrap().expires_at = Some(ago(-24 * 6))),
    ("conn.auth", FAIL, |i| i.check = Some(Checked::new(ago(1), Err(Error::new(ErrorKind::Unauthenticated, "no"))))),
    ("conn.auth", FAIL, |i| i.check = Some(Checked::new(ago(1), Ok(Check::ready().with_missing("accept the terms"))))),
    ("conn.auth", FAIL, |i| i.check.as_mut().unwrap().expires_at = Some(ago(1))),
    ("conn.auth", UNKNOWN, |i| i.check = Some(Checked::new(ago(25), Ok(Check::ready())))),
    ("conn.write", WARN, |i| i.write = Some(WriteProof { at: ago(24 * 31), taken: true })),
    ("conn.write", FAIL, |i| i.write = Some(WriteProof { at: ago(1), taken: false })),
    ("conn.write", UNKNOWN, |i| i.write = None),
    ("seg.core", WARN, |i| {
        renamed(i, "CI | Cart Abandon | 2h-4d | Excl Unsub");
        let unsub = i.portfolio.as_ref().unwrap().charters[2].audience.clone();
        let key = carts(i).audience.key().to_owned();
        carts(i).audience = Audience::named("CI | Cart Abandon | 2h-4d | Excl Unsub").unwrap().with_key(key).unwrap().with_owner("a").excluding(&unsub);
    }),
    ("seg.core", FAIL, |i| i.portfolio.as_mut().unwrap().charters.truncate(1)),
    ("id.fields", WARN, |i| i.hygiene.as_mut().unwrap().coverage.identifiers[0] = 300),
    ("id.fields", FAIL, |i| i.hygiene.as_mut().unwrap().coverage.identifiers[0] = 500),
    ("id.fields", FAIL, |i| { i.hygiene.as_mut().unwrap().kinds.values_mut().next().unwrap().usable = 840; }),
    ("id.fields", FAIL, |i| { i.hygiene.as_mut().unwrap().kinds.values_mut().next().unwrap().rejected.insert("placeholder".into(), 6); }),
    ("id.fields", FAIL, |i| { i.hygiene.as_mut().unwrap().kinds.values_mut().next().unwrap().rejected.insert("hashed_in_plain".into(), 1); }),
    ("id.fields", FAIL, |i| i.hygiene.as_mut().unwrap().repeats.values_mut().next().unwrap().top[0].members = 6),
    ("id.fields", UNKNOWN, |i| i.hygiene = None),
    ("id.multi", WARN, |i| i.hygiene.as_mut().unwrap().coverage.kinds = [100, 900, 0, 0]),
    ("id.multi", UNKNOWN, |i| i.hygiene = None),
    ("name.doc", FAIL, |i| carts(i).decision = None),
    ("name.doc", FAIL, |i| {
        let audience = Audience::new("carts", "All site visitors").unwrap().with_owner("a");
        carts(i).audience = audience.excluding(&charter("CI | Supp Purch | 0-7d").audience);
    }),
    ("cnt.ledger", WARN, |i| {
        let last = i.runs.last_mut().unwrap();
        (last.finished_at, last.add.accepted, last.add.pending) = (ago(1), 982, 10);
    }),
    ("cnt.ledger", FAIL, |i| {
        let last = i.runs.last_mut().unwrap();
        (last.add.accepted, last.add.pending) = (982, 10);
    }),
    ("cnt.ledger", FAIL, |i| i.runs[0].add.accepted = 991),
    ("cnt.reject", WARN, |i| i.runs.iter_mut().for_each(|run| {
        (run.add.accepted, run.add.rejected, run.reasons[0].rows) = (950, 50, 50);
    })),
    ("cnt.reject", FAIL, |i| i.runs.iter_mut().for_each(|run| {
        (run.add.accepted, run.add.rejected, run.reasons[0].rows) = (940, 60, 60);
    })),
    ("cnt.reject", FAIL, |i| i.runs[0].reasons.clear()),
    ("cnt.dest", WARN, |i| i.sizes = vec![reading(1, Size::Hidden)]),
    ("cnt.dest", WARN, |i| i.sizes = vec![reading(1, Size::Range { from: 400, to: 700 })]),
    ("cnt.dest", WARN, |i| i.sizes = vec![reading(1, Size::Exact(299))]),
    ("cnt.dest", FAIL, |i| i.sizes = vec![reading(1, Size::Exact(149))]),
    ("cnt.dest", FAIL, |i| i.sizes = vec![reading(1, Size::Exact(1_051))]),
    ("cnt.dest", FAIL, |i| i.sizes = [9, 8, 7, 6, 5, 1].map(|at| reading(at, Size::Exact(if at == 1 { 400 } else { 700 }))).into()),
    ("cnt.dest", UNKNOWN, |i| i.sizes[0].last_change = ago(10)),
    ("cnt.dest", UNKNOWN, |i| i.sizes.clear()),
    ("cnt.drift", WARN, |i| i.runs.last_mut().unwrap().members = 700),
    ("cnt.drift", FAIL, |i| i.runs.last_mut().unwrap().members = 10),
    ("cnt.drift", UNKNOWN, |i| drop(i.runs.remove(0))),
    ("spend.supp", WARN, |i| i.host.suppressions_attached = None),
    ("spend.supp", FAIL, |i| i.host.suppressions_attached = Some(false)),
    ("spend.supp", FAIL, |i| i.portfolio.as_mut().unwrap().charters[4].placements[0].first_full_sync = None),
    ("spend.freq", WARN, |i| carts(i).frequency_cap.as_mut().unwrap().impressions = 11),
    ("spend.freq", WARN, |i| carts(i).frequency_cap.as_mut().unwrap().per = "0d".parse().unwrap()),
    ("spend.freq", FAIL, |i| carts(i).frequency_cap = None),
    ("spend.excl", WARN, |i| {
        let mut short = charter("CI | Supp Purch | 0-3d");
        short.audience = short.audience.with_key("short").unwrap();
        renamed(i, "CI | Cart Abandon | 2h-4d | Excl Purch 3d");
        let key = carts(i).audience.key().to_owned();
        carts(i).audience = Audience::named("CI | Cart Abandon | 2h-4d | Excl Purch 3d").unwrap().with_key(key).unwrap().with_owner("a").excluding(&short.audience);
        i.portfolio.as_mut().unwrap().charters.push(short);
    }),
    ("spend.safety", WARN, |i| i.guards = Some(vec![Guards::default()])),
    ("spend.safety", FAIL, |i| i.guards = Some(vec![Guards::default().with(|guards| guards.empty_source = false)])),
    ("spend.safety", UNKNOWN, |i| i.guards = None),
    ("journey.front", WARN, |i| renamed(i, "CI | Cart Abandon | 0-4d | Excl Purch 7d")),
    ("journey.front", FAIL, |i| carts(i).journey = Some(Journey::Beside { id: "cart".into(), first_message: "5d".parse().unwrap() })),
    ("journey.front", UNKNOWN, |i| carts(i).journey = None),
    ("consent.ok", FAIL, |i| i.host.consent.as_mut().unwrap().denied_sent = 1),
    ("consent.ok", FAIL, |i| i.host.consent.as_mut().unwrap().with_both = 199),
    ("consent.ok", UNKNOWN, |i| i.host.consent = None),
    ("meas.plan", WARN, |i| carts(i).measurement.as_mut().unwrap().detectable_effect = Some(0.3)),
    ("meas.plan", WARN, |i| carts(i).measurement.as_mut().unwrap().method = Method::PrePost),
    ("meas.plan", FAIL, |i| carts(i).measurement = None),
    ("meas.plan", FAIL, |i| carts(i).measurement.as_mut().unwrap().metric = None),
    ("meas.plan", UNKNOWN, |i| i.host.holdout_excluded = None),
    ("meas.srm", WARN, |i| i.host.split.as_mut().unwrap().contamination = 0.02),
    ("meas.srm", FAIL, |i| i.host.split.as_mut().unwrap().contamination = 0.03),
    ("meas.srm", FAIL, |i| i.host.split.as_mut().unwrap().ratio_p = 1.3608e-7),
    ("meas.srm", FAIL, |i| i.host.split.as_mut().unwrap().ratio_p = f64::NAN),
    ("ops.alert", WARN, |i| { i.host.alerts.as_mut().unwrap().insert(Alert::Run, AlertState::Configured); }),
    ("ops.alert", FAIL, |i| i.host.alerts = Some(BTreeMap::new())),
    ("ops.undo", WARN, |i| i.host.undo.as_mut().unwrap().dry_run_at = Some(ago(24 * 8))),
    ("ops.undo", FAIL, |i| i.host.undo = Some(UndoFacts::default())),
    ("data.delete", FAIL, |i| i.host.deletion_proven = Some(false)),
    ("data.delete", UNKNOWN, |i| i.host.deletion_proven = None),
];

#[test]
fn an_account_that_is_ready_passes_everything() {
    let report = readiness().evaluate(&ready(), NOW);
    assert!(report.overall == Status::Pass && report.count(Status::Pass) == 21, "{report}");
    assert!(report.items.iter().all(|item| item.fix.is_empty()));
}

#[test]
fn every_item_sees_what_is_wrong_with_it() {
    let mut wrong = String::new();
    for (id, status, spoil) in CASES {
        let mut inputs = ready();
        spoil(&mut inputs);
        let report = readiness().evaluate(&inputs, NOW);
        let item = report.item(id).unwrap();
        let overall = match (item.blocker, status) {
            (true, Status::Fail | Status::Unknown) => report.overall == Status::Fail,
            _ => report.overall != Status::Pass,
        };
        if item.status != *status || item.fix.is_empty() || item.reason.is_empty() || !overall {
            wrong.push_str(&format!("{id} {status}: {report}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let tested: std::collections::BTreeSet<&str> = CASES.iter().map(|(id, ..)| *id).collect();
    assert_eq!(tested.len(), CHECKS.len());
}

#[test]
fn most_mistakes_concern_one_item() {
    for (id, _, spoil) in CASES.iter().filter(|(id, ..)| id.starts_with("ops") || id.starts_with("cnt.d")) {
        let mut inputs = ready();
        spoil(&mut inputs);
        let report = readiness().evaluate(&inputs, NOW);
        let other: Vec<&str> =
            report.items.iter().filter(|item| item.status != Status::Pass).map(|item| item.id.as_str()).collect();
        assert_eq!(other, [*id], "{report}");
    }
}

#[test]
fn nothing_known_is_nothing_passed() {
    let report = Readiness::default().evaluate(&Inputs::new(META), NOW);
    assert_eq!((report.overall, report.count(Status::Pass)), (Status::Fail, 0), "{report}");
    assert_eq!(report.blocking().count(), 15);
    let stranger = Readiness::default().evaluate(&ready().with(|inputs| inputs.destination = "own:1".into()), NOW);
    assert_eq!(stranger.item("seg.core").unwrap().status, Status::Fail);
}

#[test]
fn a_history_widens_or_narrows_what_is_expected() {
    let mut inputs = ready();
    inputs.sizes = [9, 8, 7, 6, 5, 1].map(|at| reading(at, Size::Exact(if at == 1 { 220 } else { 200 }))).into();
    assert_eq!(readiness().evaluate(&inputs, NOW).item("cnt.dest").unwrap().status, Status::Pass);
    inputs.capabilities.as_mut().unwrap().size = SizeReadBack::None;
    inputs.sizes.clear();
    let item = readiness().evaluate(&inputs, NOW).item("cnt.dest").cloned().unwrap();
    assert_eq!(item.status, Status::Pass);
    assert!(item.evidence.iter().any(|evidence| evidence.key == "read_back"));
}

#[test]
fn a_waiver_sets_an_item_aside_until_it_ends() {
    let mut inputs = ready();
    inputs.host.consent = None;
    let judged = |until: Timestamp| {
        let waiver = Waiver::new("consent.ok", "mia", "no members in the EEA", until).unwrap();
        let policy = ReadinessPolicy::default().with(|policy| policy.waivers = vec![waiver]);
        Readiness { policy, ..readiness() }.evaluate(&inputs, NOW)
    };
    let report = judged(ago(-1));
    assert_eq!((report.overall, report.item("consent.ok").unwrap().status), (Status::Pass, Status::Waived));
    assert!(report.to_string().contains("waived by mia"), "{report}");
    assert_eq!(judged(NOW).overall, Status::Fail);
}

#[test]
fn a_report_is_read_back_as_it_was_written() {
    let report = Readiness::default().evaluate(&Inputs::new(META), NOW);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<ReadinessReport>(&json).unwrap(), report);
    assert!(json.starts_with(r#"{"v":1,"generated_at":1795428900000,"destination":"meta:act_100","overall":"fail""#));
}
