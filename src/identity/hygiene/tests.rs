use std::collections::BTreeMap;

use super::*;
use crate::identity::{Canonicalizer, HashConvention, Hashed, IdentifierKind, Member, Region, profiles};

const EMAIL: IdentifierKind = IdentifierKind::Email;
const PHONE: IdentifierKind = IdentifierKind::Phone;

fn counted(rules: &HygieneRules, members: &[Member]) -> Hygiene {
    let mut hygiene = Hygiene::new(rules.clone());
    for member in members {
        hygiene.count_member(&Canonicalizer::new(), member);
    }
    hygiene
}

fn meta() -> HygieneRules {
    HygieneRules::new().with_profile(profiles::META_CUSTOM_AUDIENCE).with_profile(profiles::MIXPANEL)
}

fn small() -> Vec<Member> {
    vec![
        Member::new("1").email("NORA@quist.se").email("nora@quist.se").email("nobody"),
        Member::new("2").email("null").first_name("None"),
        Member::new("3").email("a@quist.se;b@quist.se"),
        Member::new("4").email(""),
        Member::new("5").email("nora@quist.se"),
        Member::new("6").email("x@gmial.com").external_id("C-6"),
    ]
}

#[test]
fn counts_are_those_worked_by_hand() {
    let report = counted(&meta(), &small()).report();
    assert_eq!((report.members, report.members_usable), (6, 5));
    let email = &report.kinds[&EMAIL];
    // nora, nobody; null; a, b; the empty one; nora; x
    assert_eq!((email.present, email.usable, email.members, email.members_given), (8, 5, 4, 5));
    let rejected = [("email.no_at", 1), ("missing", 1), ("placeholder", 1)].map(|(code, count)| (code.into(), count));
    assert_eq!(email.rejected, BTreeMap::from(rejected));
    assert_eq!(email.notes, BTreeMap::from([("lowercased".into(), 1), ("split".into(), 2)]));
    assert_eq!(report.kinds[&IdentifierKind::FirstName].notes["null_like_name"], 1);
    assert_eq!(report.coverage.identifiers, [2, 2, 2, 0]);
    assert_eq!(report.coverage.kinds, [2, 3, 1, 0]);
    let repeats = &report.repeats[&EMAIL];
    assert_eq!((repeats.seen, repeats.distinct, repeats.repeated, repeats.repeated_members), (5, 4, 1, 2));
    assert_eq!((repeats.shared, repeats.error_permille, repeats.top_shortfall), (0, 0, 0));
    // sha256sum of nora@quist.se
    assert_eq!(repeats.top.iter().map(|it| (&*it.digest, it.members)).collect::<Vec<_>>(), [("8c7c92", 2)]);
    assert_eq!((report.repeated_rows.repeated, report.repeated_rows.repeated_members), (1, 2));
    assert_eq!(report.typos.len(), 1);
    assert_eq!(report.levers, [Lever::CorrectTypos { gain: 1 }]);
}

#[test]
fn destinations_say_whom_they_would_receive_and_find() {
    let report = counted(&meta(), &small()).report();
    let [meta, mixpanel] = &report.destinations[..] else { panic!("two destinations") };
    assert_eq!((meta.sendable_members, meta.sendable_keys), (4, 6));
    assert_eq!((meta.keys[&EMAIL], meta.keys[&IdentifierKind::ExternalId], meta.keys[&PHONE]), (5, 1, 0));
    assert_eq!(meta.not_sent, BTreeMap::from([("email.no_at".into(), 1), ("placeholder".into(), 1)]));
    // Four members with one good address each: 40 to 70 % of 4 in whole members.
    assert_eq!(meta.expected, Some(ExpectedMatches { low: 1, high: 2 }));
    // Keyed by the member id: everybody is sent, and there is nothing to match.
    assert_eq!((mixpanel.sendable_members, mixpanel.sendable_keys, mixpanel.expected), (6, 1, None));
}

#[test]
fn expected_matches_follow_the_table() {
    let members: Vec<_> = (0..100)
        .map(|it| {
            let member = Member::new(it.to_string()).email(format!("p{it}@quist.se"));
            if it < 20 { member.phone(format!("+46812345{it:03}")) } else { member }
        })
        .collect();
    let report = counted(&meta(), &members).report();
    // 80 with one (40 to 70 %), 20 with two (55 to 85 %); without the phone parser all have one.
    let expected = if cfg!(feature = "phone") { (43, 73) } else { (40, 70) };
    let found = report.destinations[0].expected.unwrap();
    assert_eq!((found.low, found.high), expected);

    let own = MatchRate { destination: "meta".into(), one: RateBand::new(61, 63), several: RateBand::new(61, 63) };
    let rates = MatchRates { rates: vec![own], ..MatchRates::default() };
    let found = counted(&meta().with_rates(rates), &members).report().destinations[0].expected.unwrap();
    assert_eq!((found.low, found.high), (61, 63));
}

#[test]
fn relays_cannot_be_found() {
    let members = [Member::new("1").email("q7@privaterelay.appleid.com")];
    let report = counted(&meta(), &members).report();
    assert_eq!((report.email.relay, report.destinations[0].sendable_members), (1, 1));
    assert_eq!(report.destinations[0].expected, Some(ExpectedMatches { low: 0, high: 0 }));
}

#[test]
fn a_digest_and_its_value_are_one() {
    let plain = Member::new("1").email("nora@quist.se");
    let digest = Hashed::sha256_bytes(
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), "nora@quist.se"))
            .into(),
    );
    let hashed = Member::new("2").hashed(EMAIL, digest.unwrap().with_convention(HashConvention::EmailPlain));
    let report = counted(&HygieneRules::new(), &[plain, hashed]).report();
    assert_eq!(report.repeats[&EMAIL].repeated_members, 2);
}

#[test]
fn shared_identifiers_are_above_the_limit_of_their_kind() {
    let members: Vec<_> = (0..6).map(|it| Member::new(it.to_string()).email("team@quist.se")).collect();
    let shared = |rules: HygieneRules| counted(&rules, &members).report().repeats[&EMAIL].clone();
    let (default, wider) = (shared(HygieneRules::new()), shared(HygieneRules::new().with_shared_above(EMAIL, 6)));
    assert_eq!((default.shared, default.shared_members, wider.shared), (1, 6, 0));
}

#[test]
fn parts_and_orders_give_one_report() {
    let members: Vec<_> = (0..300)
        .map(|it| {
            Member::new(it.to_string())
                .email(format!("p{}@gmail.com", it % 90))
                .phone(format!("+4930{:06}", it % 40))
                .country(["DE", "FR"][it % 2])
        })
        .collect();
    // Beyond the budget too.
    for rules in [meta(), meta().with_exact_values(32)] {
        let all = counted(&rules, &members).report();
        let backward: Vec<_> = members.iter().rev().cloned().collect();
        assert_eq!(counted(&rules, &backward).report(), all);
        let mut right = counted(&rules, &members[113..]);
        right.merge(&counted(&rules, &members[..113]));
        assert_eq!(right.report(), all);
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<HygieneReport>(&json).unwrap(), all);
    }
}

#[test]
#[cfg(feature = "phone")]
fn phones_are_compared_with_the_country() {
    let members = [
        Member::new("1").phone("+4930901820").country("DE"),
        Member::new("2").phone("+4930901821").country("FR"),
        Member::new("3").phone("+12125550123").country("CA"),
        Member::new("4").phone("+33142685300"),
        Member::new("5").phone("+33142685301").country("Atlantis"),
    ];
    let geography = counted(&HygieneRules::new(), &members).report().geography;
    // 555-01xx is kept free for fiction, so member 3 has no phone.
    assert_eq!((geography.compared, geography.mismatched, geography.unreadable), (2, 1, 1));
    assert_eq!(geography.calling_codes, BTreeMap::from([(33, 2), (49, 2)]));
    let mismatch = geography.mismatches[0];
    assert_eq!((mismatch.country, mismatch.calling_code, mismatch.phones), (Region::parse("FR").unwrap(), 49, 1));
}

#[test]
#[cfg(feature = "phone")]
fn the_missing_region_is_found_and_valued() {
    let mut members: Vec<_> =
        (0..3_000).map(|it| Member::new(format!("n{it}")).phone(format!("030 90{it:04}"))).collect();
    members.extend((0..20).map(|it| Member::new(format!("d{it}")).phone(format!("+49309017{it:02}"))));
    members.extend((0..5).map(|it| Member::new(format!("u{it}")).phone(format!("+1212736{it:04}"))));
    let report = counted(&HygieneRules::new(), &members).report();
    let Some(Lever::DefaultRegion { region, phones, gain }) = report.levers.first().copied() else { panic!("a lever") };
    assert_eq!((region.as_str(), phones, gain), ("DE", 3_000, 3_000));
    let text = report.to_string();
    let told = "The biggest step forward: 3,000 phones are without a country code or region; setting the default region \
                to DE would add about 3,000 of them.";
    assert!(text.contains(told), "{text}");
}

#[test]
fn sentences_come_first_and_numbers_after() {
    let text = counted(&meta(), &small()).report().to_string();
    for line in [
        "In short",
        "  4 of 6 members have at least one identifier by which a destination can find them (66.7 %).",
        "                2    33.3 %  no identifier",
        "  4 of 6 members can be sent (66.7 %), with 6 identifiers.",
        "  Indicative: it may find 1 to 2 of them. No platform publishes such rates; measure your own.",
        "E-mail addresses",
        "  5 of 7 values can be used (71.4 %); 1 member has none.",
        "  1 is only a filler such as \u{201c}n/a\u{201d}.",
        "  1 is invalid; the most frequent reason: no @ (1).",
        "  4 different e-mail addresses, 1 of them with more than one member. Kept once each, 1 would be left over.",
        "                1    20.0 %  gmial.com, meant gmail.com",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn no_value_is_in_any_output() {
    let secrets = ["zyxcanary77", "canarydomain99", "5558213", "Quetzalcanary", "CANARY-ID-31"];
    let member = |id: &str| {
        Member::new(id)
            .email("zyxcanary77@canarydomain99.se")
            .email("zyxcanary77 at canarydomain99")
            .email("zyxcanary77@gmial.com")
            .phone("212 5558213")
            .phone("+12125558213")
            .first_name("Quetzalcanary")
            .external_id("CANARY-ID-31")
    };
    let hygiene = counted(&meta(), &[member("CANARY-ID-31"), member("2"), member("3")]);
    let report = hygiene.report();
    let json = serde_json::to_string(&report).unwrap();
    for out in [json, report.to_string(), format!("{report:?}"), format!("{hygiene:?}")] {
        for secret in secrets {
            assert!(!out.to_uppercase().contains(&secret.to_uppercase()), "{secret} in {out}");
        }
    }
    // A whole digest can be looked up in a rainbow table of all phones; six digits cannot.
    assert!(report.repeats.values().all(|it| it.top.iter().all(|top| top.digest.len() == 6)));
}

#[test]
fn a_key_hides_whose_digests_they_are() {
    let top = |rules: &HygieneRules| counted(rules, &small()).report().repeats[&EMAIL].top[0].digest.clone();
    let (one, other) = (HygieneRules::new().with_key([1; 16]), HygieneRules::new().with_key([2; 16]));
    assert_eq!(top(&one).len(), 16);
    assert_eq!(top(&one), top(&one));
    assert_ne!(top(&one), top(&other));
}
