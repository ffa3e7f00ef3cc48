//! Every rule on one account in good order, and on the same account with one thing wrong.

use super::*;
use crate::audience::{
    Audience, Charter, Decision, Definition, EventFlow, EventRef, ExitRule, FrequencyCap, Journey, MeasurementPlan,
    Method, Overlap, Placement, PlatformFacts, Refresh, Retired, Version, Waiver,
};
use crate::naming::{Severity, TemplateSpec};

const NOW: Timestamp = Timestamp::from_secs(1_795_428_900);
const META: &str = "meta:act_100";

fn ago(hours: i64) -> Timestamp {
    Timestamp::from_secs(1_795_428_900 - hours * 3_600)
}

fn flow(name: &str, first: i64, last: i64) -> EventFlow {
    let (first_seen, last_seen) = (ago(first), ago(last));
    EventFlow { event: EventRef::new(name, "3"), first_seen, last_seen, usual_gap: "1h".parse().unwrap() }
}

/// An audience with everything in order, by its name.
fn charter(name: &str, event: &str) -> Charter {
    let audience = Audience::named(name).unwrap().with_owner("lifecycle team");
    let mut definition = Definition::new(audience.role(), name).with_event(EventRef::new(event, "3"));
    definition.window = audience.parts().unwrap().window();
    definition.consent = ["ad_user_data".to_owned(), "ad_personalization".to_owned()].into();
    Charter::new(audience).with(|c| {
        c.history = vec![Version::new(name, None, definition.clone())];
        c.definition = Some(definition);
        c.decision = Some(Decision::new("show the products again"));
        c.refresh = Some(Refresh { every: "1h".parse().unwrap(), max_staleness: "4h".parse().unwrap() });
        c.exit = Some(ExitRule::at("Order Completed"));
        c.measurement = Some(MeasurementPlan::new(Method::Holdout).with(|plan| {
            (plan.planned_effect, plan.detectable_effect) = (Some(0.2), Some(0.1));
        }));
        c.frequency_cap = Some(FrequencyCap { impressions: 5, per: "1w".parse().unwrap() });
        c.journey = Some(Journey::Alone);
        c.observed.size = Some(900);
        c.observed.population = Some(10_000);
        c.observed.sizes = vec![880, 910, 905];
        c.observed.events = vec![flow(event, 9_000, 1)];
        c.placements = vec![Placement::new(META).with(|at| {
            (at.active, at.matched) = (Some(true), Some(600));
            (at.last_success, at.first_full_sync, at.last_used) = (Some(ago(2)), Some(ago(900)), Some(ago(2)));
        })];
    })
}

/// The practice's account: abandoners to target in two tiers, buyers and the required suppressions to exclude.
fn account() -> Portfolio {
    let suppressions: Vec<Charter> = ["Supp Purch | 0-7d", "Supp Unsub", "Supp No Consent", "Supp Staff"]
        .map(|name| charter(&format!("CI | {name}"), name))
        .into();
    let buyers = &suppressions[0];
    let target = |name: &str| {
        let mut charter = charter(name, "cart_updated");
        charter.audience = charter.audience.excluding(&buyers.audience);
        charter
    };
    let carts = target("CI | Cart Abandon | 1-3d | Excl Purch 7d").with(|c| {
        c.journey = Some(Journey::Beside { id: "cart".into(), first_message: "24h".parse().unwrap() });
    });
    let later = target("CI | Cart Abandon | 3-7d | Excl Purch 7d");
    let mut portfolio = Portfolio::new([vec![carts, later], suppressions].concat());
    portfolio.retired = Some(vec![]);
    portfolio.overlaps = Some(vec![]);
    portfolio
}

fn policy() -> LintPolicy {
    LintPolicy::default().with(|policy| policy.home_markets = ["DE".to_owned()].into())
}

fn lint(portfolio: &Portfolio) -> LintReport {
    Linter::new(policy()).run(portfolio, NOW)
}

fn named(charter: &mut Charter, name: &str) {
    let old = charter.audience.clone();
    let mut audience = Audience::named(name).unwrap().with_key(old.key()).unwrap().with_owner("lifecycle team");
    for excluded in old.exclusions() {
        audience = audience.excluding(&Audience::new(excluded, "").unwrap());
    }
    if let Some(definition) = &mut charter.definition {
        definition.window = audience.parts().unwrap().window();
        charter.history = vec![Version::new(name, None, definition.clone())];
    }
    charter.audience = audience;
}

fn window(charter: &mut Charter, window: &str) {
    named(charter, &format!("CI | Cart Abandon | {window} | Excl Purch 7d"));
}

type Case = (&'static str, Severity, fn(&mut Portfolio));

const NOTE: Severity = Severity::Note;
const WARNING: Severity = Severity::Warning;
const ERROR: Severity = Severity::Error;

/// What is done to the account in good order, and the one rule that must see it. `carts` is its first audience.
#[rustfmt::skip]
const CASES: &[Case] = &[
    ("AL-001", ERROR, |p| named(&mut p.charters[0], "CI | All site visitors | 1-3d | Excl Purch 7d")),
    ("AL-002", WARNING, |p| p.charters[0].observed.population = Some(2_000)),
    ("AL-002", ERROR, |p| p.charters[0].observed.population = Some(1_000)),
    ("AL-003", ERROR, |p| p.charters[0].decision = Some(Decision::new(" "))),
    ("AL-003", ERROR, |p| p.charters[0].decision = None),
    ("AL-004", ERROR, |p| {
        p.charters[0].audience = Audience::named("CI | Cart Abandon | 1-3d | Excl None").unwrap().with_owner("a");
        p.charters[0].history[0].name = "CI | Cart Abandon | 1-3d | Excl None".into();
    }),
    ("AL-005", WARNING, |p| {
        let unsub = p.charters[3].audience.clone();
        p.charters[0].audience = Audience::named("CI | Cart Abandon | 1-3d | Excl Unsub").unwrap().with_owner("a").excluding(&unsub);
        p.charters[0].history[0].name = "CI | Cart Abandon | 1-3d | Excl Unsub".into();
    }),
    ("AL-006", NOTE, |p| {
        named(&mut p.charters[2], "CI | Supp Purch | 0-3d");
        for target in [0, 1] {
            let window = ["1-3d", "3-7d"][target];
            named(&mut p.charters[target], &format!("CI | Cart Abandon | {window} | Excl Purch 3d"));
        }
    }),
    ("AL-007", ERROR, |p| {
        let charter = &mut p.charters[1];
        charter.definition.as_mut().unwrap().window = Some("3-8d".parse().unwrap());
        charter.history.clear();
        charter.history.extend(charter.definition.clone().map(|definition| Version::new(charter.audience.name(), None, definition)));
    }),
    ("AL-007", ERROR, |p| named(&mut p.charters[0], "CI | Cart Abandon | 1-3d | Excl Purch 14d")),
    ("AL-008", ERROR, |p| {
        window(&mut p.charters[1], "3d+");
        p.charters[1].exit = None;
    }),
    ("AL-009", ERROR, |p| {
        let audience = Audience::named("CI | Cart Abandon | 1-3d | Excl Purch 7d").unwrap();
        p.charters[0].audience = audience.excluding(&p.charters[2].audience);
    }),
    ("AL-010", ERROR, |p| p.charters[0].refresh = None),
    ("AL-011", WARNING, |p| p.charters[0].placements[0].last_success = Some(ago(5))),
    ("AL-011", ERROR, |p| p.charters[0].placements[0].last_success = Some(ago(9))),
    ("AL-012", ERROR, |p| window(&mut p.charters[1], "2-7d")),
    ("AL-013", WARNING, |p| window(&mut p.charters[1], "4-7d")),
    ("AL-014", NOTE, |p| {
        window(&mut p.charters[0], "1-30d");
        window(&mut p.charters[1], "1-3mo");
        p.charters[2].definition.as_mut().unwrap().window = Some("90d".parse().unwrap());
        named(&mut p.charters[2], "CI | Supp Purch | 0-90d");
        named(&mut p.charters[0], "CI | Cart Abandon | 1-30d | Excl Purch 90d");
        named(&mut p.charters[1], "CI | Cart Abandon | 1-3mo | Excl Purch 90d");
    }),
    ("AL-015", ERROR, |p| p.charters[0].journey = Some(Journey::Beside { id: "cart".into(), first_message: "72h".parse().unwrap() })),
    ("AL-016", WARNING, |p| p.charters[0].journey = Some(Journey::Beside { id: "cart".into(), first_message: "30h".parse().unwrap() })),
    ("AL-017", ERROR, |p| p.charters[0].refresh.as_mut().unwrap().every = "25h".parse().unwrap()),
    ("AL-018", ERROR, |p| {
        p.charters[1].placements[0].active = Some(false);
        p.charters[4].placements[0].first_full_sync = None;
    }),
    ("AL-019", ERROR, |p| { p.charters.pop(); }),
    ("AL-020", WARNING, |p| p.charters[0].placements[0].matched = Some(99)),
    ("AL-021", ERROR, |p| p.charters[0].description = Some("for ola@fjord.no".into())),
    ("AL-022", ERROR, |p| p.charters[0].description = Some("Diabetics who left a cart".into())),
    ("AL-023", ERROR, |p| p.charters[0].measurement = None),
    ("AL-024", WARNING, |p| p.charters[0].measurement.as_mut().unwrap().detectable_effect = Some(0.3)),
    ("AL-025", ERROR, |p| p.charters[0].definition.as_mut().unwrap().predicate = "cart_value > 10".into()),
    ("AL-026", ERROR, |p| {
        p.charters[0].definition.as_mut().unwrap().events = [EventRef::new("cart_changed", "3")].into();
        p.charters[0].observed.events = vec![flow("cart_changed", 5, 1)];
    }),
    ("AL-026", ERROR, |p| p.charters[0].observed.events = vec![flow("cart_updated", 900, 5), flow("cart_changed", 4, 1)]),
    ("AL-027", WARNING, |p| {
        let definition = p.charters[3].definition.clone().unwrap();
        p.charters[4].history[0].definition = definition.clone();
        p.charters[4].definition = Some(definition);
        p.charters[4].observed.events = p.charters[3].observed.events.clone();
    }),
    ("AL-028", ERROR, |p| p.retired = Some(vec![Retired { key: "old".into(), name: "ci |  cart abandon | 1-3d | excl purch 7d".into(), destination: META.into() }])),
    ("AL-029", NOTE, |p| {
        named(&mut p.charters[1], "CI | Lapsed | 20261101..20261130 | Excl Purch 7d");
    }),
    ("AL-030", WARNING, |p| p.charters[0].placements[0].last_used = Some(ago(24 * 60))),
    ("AL-031", WARNING, |p| p.charters[0].observed.size = Some(600)),
    ("AL-031", ERROR, |p| p.charters[0].observed.size = Some(0)),
    ("AL-032", NOTE, |p| {
        named(&mut p.charters[1], "CI | Lapsed | 3-7d | Excl Purch 7d");
        let keys = [p.charters[0].audience.key().to_owned(), p.charters[1].audience.key().to_owned()];
        p.overlaps = Some(vec![Overlap { keys, share: 0.3 }]);
    }),
    ("AL-033", WARNING, |p| p.charters[0].frequency_cap = None),
    ("AL-034", ERROR, |p| {
        p.charters[0].definition.as_mut().unwrap().consent.clear();
        p.charters[0].history[0].definition.consent.clear();
    }),
];

#[test]
fn an_account_in_good_order_has_no_finding_and_nothing_unknown() {
    let report = lint(&account());
    assert!(report.findings.is_empty() && report.unjudged.is_empty(), "{report}");
    assert_eq!(report.audiences, 6);
}

#[test]
fn every_rule_sees_its_mistake_and_no_other_does() {
    let mut wrong = String::new();
    for (code, severity, spoil) in CASES {
        let mut portfolio = account();
        spoil(&mut portfolio);
        let report = lint(&portfolio);
        let found: Vec<_> = report.findings.iter().map(|finding| (finding.rule.code(), finding.severity)).collect();
        if found != [(*code, *severity)] || report.findings.iter().any(|finding| finding.fix.is_empty()) {
            wrong.push_str(&format!("{code} {severity}: {report}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let tested: std::collections::BTreeSet<&str> = CASES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(tested.len(), Rule::ALL.len());
}

/// What nobody told: each rule that needs it says so, and none calls it in order.
#[test]
fn what_is_not_known_is_not_in_order() {
    let report = lint(&Portfolio::new(vec![Charter::new(
        Audience::named("CI | Cart Abandon | 0-24h | Excl Purch 7d").unwrap(),
    )]));
    let unjudged: Vec<&str> = report.unjudged.iter().map(|unjudged| unjudged.rule.code()).collect();
    assert_eq!(
        unjudged,
        [
            "AL-002", "AL-007", "AL-011", "AL-015", "AL-016", "AL-017", "AL-025", "AL-026", "AL-027", "AL-028",
            "AL-030", "AL-031", "AL-032"
        ]
    );
    let found: Vec<&str> = report.rules().into_iter().map(Rule::code).collect();
    assert_eq!(found, ["AL-003", "AL-009", "AL-010", "AL-023", "AL-033"]);
}

#[test]
fn the_vectors_of_the_specification() {
    let rules = |names: &[&str], change: fn(&mut Charter), linter: &Linter| {
        let audiences = names.iter().map(|name| {
            let mut charter = charter(name, "cart_updated");
            charter.placements.clear();
            change(&mut charter);
            charter
        });
        linter.run(&Portfolio::new(audiences.collect()), NOW)
    };
    let found = |report: &LintReport, rule: Rule| report.of(rule).next().map(ToString::to_string).unwrap_or_default();
    let linter = Linter::new(policy());
    let beside = |c: &mut Charter| {
        c.journey = Some(Journey::Beside { id: "cart".into(), first_message: "2h".parse().unwrap() });
    };
    let broad = rules(&["CI | Browsers | 30d | Excl None"], |_| {}, &linter);
    assert!(broad.of(Rule::BroadName).count() == 1 && broad.of(Rule::NoExclusions).count() == 1, "{broad}");
    let whole = rules(&["CI | Cart Abandon | 0-2h | Excl Purch 7d"], beside, &linter);
    assert!(found(&whole, Rule::FrontRunning).contains("waits 2h"), "{whole}");
    let part = rules(&["CI | Cart Abandon | 0-24h | Excl Purch 7d"], beside, &linter);
    assert!(found(&part, Rule::PartFrontRunning).contains("`2-24h`"), "{part}");
    assert_eq!(part.of(Rule::FrontRunning).count(), 0);

    let tiers = ["0-24h", "1-3d", "4-7d"].map(|window| format!("CI | Cart Abandon | {window} | Excl Purch 7d"));
    let tiers: Vec<&str> = tiers.iter().map(String::as_str).collect();
    let gap = rules(&tiers, |_| {}, &linter);
    let told = found(&gap, Rule::TierGap);
    assert!(told.contains("`3-7d`") && told.contains("gap 3d to 4d"), "{told}");
    let mut spec = TemplateSpec::default();
    spec.naming.day_bounds = crate::naming::DayBounds::InclusiveDays;
    let inclusive = Linter::new(policy()).with_template(Template::new(spec).unwrap());
    assert_eq!(rules(&tiers, |_| {}, &inclusive).of(Rule::TierGap).count(), 0);

    let pair = ["CI | Cart Abandon | 0-24h | Excl Purch 7d", "CI | Cart Abandon | 0-7d | Excl Purch 7d"];
    let overlap = rules(&pair, |_| {}, &linter);
    assert!(found(&overlap, Rule::TierOverlap).contains("shared 0h to 24h"), "{overlap}");
    let apart = rules(
        &pair,
        |c| {
            let first = Audience::named("CI | Cart Abandon | 0-24h | Excl Purch 7d").unwrap();
            if c.audience.key() != first.key() {
                c.audience = c.audience.clone().excluding(&first);
            }
        },
        &linter,
    );
    assert_eq!(apart.of(Rule::TierOverlap).count(), 0);
}

#[test]
fn a_ladder_beside_a_journey_begins_with_its_first_message() {
    let mut portfolio = account();
    portfolio.charters[0].journey = Some(Journey::Beside { id: "cart".into(), first_message: "2h".parse().unwrap() });
    let report = lint(&portfolio);
    let told = report.of(Rule::TierGap).next().unwrap().to_string();
    assert!(told.contains("kind head") && told.contains("gap 2h to 24h"), "{told}");
}

#[test]
fn a_waiver_sets_a_finding_aside_until_it_ends() {
    let mut portfolio = account();
    portfolio.charters[0].frequency_cap = None;
    let waived = |until: Timestamp| {
        let waiver = Waiver::new("AL-033", "mia", "the platform caps by itself", until).unwrap();
        Linter::new(policy().with(|policy| policy.waivers = vec![waiver])).run(&portfolio, NOW)
    };
    let report = waived(ago(-1));
    assert_eq!((report.findings.len(), report.open().count(), report.worst()), (1, 0, None));
    assert!(report.to_string().contains("waived by mia"), "{report}");
    assert!(report.to_sarif("names.txt").contains("suppressions"));
    assert_eq!(waived(NOW).worst(), Some(WARNING));
}

#[test]
fn a_project_sets_severities_and_facts_of_its_own() {
    let mut portfolio = account();
    portfolio.charters[0].frequency_cap = None;
    portfolio.charters[0].placements[0].destination = "crm:main".into();
    let facts = PlatformFacts { ramp_hours: 0, minimum: Some(700), addresses: false, verified: true };
    let policy = policy().with(|policy| {
        policy.severities.insert(Rule::NoFrequencyCap, ERROR);
        policy.platforms.insert("crm".into(), facts);
    });
    let report = Linter::new(policy).run(&portfolio, NOW);
    assert_eq!((report.worst(), report.findings.len()), (Some(ERROR), 1), "{report}");
    assert!(lint(&portfolio).is_unjudged(Rule::BelowMinimum));
}

#[test]
fn personal_data_in_a_name_is_found_and_never_shown() {
    let audience = Audience::new("vip", "VIP for ola@fjord.no").unwrap();
    let report = lint(&Portfolio::new(vec![Charter::new(audience)]));
    assert_eq!(report.of(Rule::PersonalData).count(), 1);
    let all = format!("{report}{}{}", serde_json::to_string(&report).unwrap(), report.to_sarif("x"));
    assert!(!all.contains("ola@") && all.contains("(name withheld)"), "{all}");
}

#[test]
fn hostile_portfolios_do_no_harm() {
    let mut portfolio = account();
    for charter in &mut portfolio.charters {
        charter.observed.size = Some(u64::MAX);
        charter.observed.population = Some(0);
        charter.observed.sizes = vec![0; 3];
        charter.measurement.as_mut().unwrap().planned_effect = Some(f64::NAN);
        charter.refresh = Some(Refresh { every: "0h".parse().unwrap(), max_staleness: "9999y".parse().unwrap() });
        charter.placements[0].last_used = Some(Timestamp::from_millis(i64::MIN));
    }
    portfolio.overlaps = Some(vec![Overlap { keys: ["nobody".into(), "nobody".into()], share: f64::INFINITY }]);
    portfolio.charters.push(Charter::new(Audience::new("x", "\u{202e}|\u{0}".repeat(300_000)).unwrap()));
    portfolio.charters.push(Charter::new(Audience::new("x", "").unwrap()));
    let report = lint(&portfolio);
    assert!(
        report.is_unjudged(Rule::Underpowered)
            && report.is_unjudged(Rule::SizeJump)
            && report.is_unjudged(Rule::BroadSize)
    );
}

#[test]
fn a_report_is_read_back_as_it_was_written() {
    let mut portfolio = account();
    portfolio.charters[0].measurement = None;
    portfolio.charters[0].decision = None;
    let report = lint(&portfolio);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<LintReport>(&json).unwrap(), report);
    let whole = serde_json::to_string(&portfolio).unwrap();
    assert_eq!(serde_json::from_str::<Portfolio>(&whole).unwrap(), portfolio);
    let sarif: serde_json::Value = serde_json::from_str(&report.to_sarif("audiences.toml")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "AL-003");
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), 34);
    for rule in Rule::ALL {
        assert_eq!(rule.code().parse::<Rule>().unwrap(), *rule);
    }
}
