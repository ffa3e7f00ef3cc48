use std::collections::BTreeSet;

use super::*;
use crate::identity::{Canonicalizer, Member, Region, RegionHint, Reject};

mod golden;

const TESTING: Canonicalizer = Canonicalizer::new().with_allow_test_values(true);

#[test]
fn every_golden_value_is_sent_as_it_should_be() {
    for (of, kind, value, country, sent) in golden::ROWS {
        let region = RegionHint::from(Region::parse(country).ok());
        let canonical = TESTING.canonicalize(kind.source(), value, region).unwrap();
        for profile in *of {
            let rule = profile.rule(*kind).unwrap_or_else(|| panic!("{} takes no {kind}", profile.id));
            assert_eq!(canonical.wire(rule).unwrap().to_wire_string(), *sent, "{} {kind} {value}", profile.id);
        }
    }
}

#[test]
fn every_profile_with_a_golden_value_for_each_of_its_keys() {
    let covered: BTreeSet<_> =
        golden::ROWS.iter().flat_map(|row| row.0.iter().map(|profile| (profile.id, row.1))).collect();
    let keyless = ["warehouse", "x.conversions", "linkedin.conversions", "microsoft.conversions"];
    for profile in profiles::ALL.iter().filter(|profile| !keyless.contains(&profile.id)) {
        assert!(covered.iter().any(|(id, _)| *id == profile.id), "{}", profile.id);
    }
}

#[test]
fn the_catalogue_finds_each_profile_by_its_own_name() {
    let ids: BTreeSet<_> = profiles::ALL.iter().map(|profile| profile.id).collect();
    assert_eq!(ids.len(), profiles::ALL.len());
    for profile in profiles::ALL {
        assert_eq!(profiles::by_id(profile.id), Some(*profile));
    }
    assert_eq!(profiles::by_id("meta"), None);
}

#[test]
fn profiles_are_consistent() {
    for profile in profiles::ALL {
        for rule in profile.rules {
            assert_eq!(profile.rules.iter().filter(|other| other.kind == rule.kind).count(), 1, "{}", profile.id);
            assert_eq!(profile.rule(rule.kind), Some(rule));
            assert!(rule.limit > 0);
        }
        for kind in profile.together {
            assert!(profile.rule(*kind).is_some(), "{} sends {kind} with others and has no rule for it", profile.id);
        }
        let finds_somebody = !profile.together.is_empty() || profile.rules.iter().any(|rule| rule.matches_alone);
        assert!(finds_somebody || profile.keyed_by == KeyedBy::MemberId, "{}", profile.id);
    }
}

#[test]
fn ids_of_the_network_and_of_clicks_are_never_hashed() {
    use IdentifierKind::{Euid, Fbc, Gclid, Ip, RampId, Ttclid, Uid2, UserAgent};
    for profile in profiles::ALL {
        for rule in profile
            .rules
            .iter()
            .filter(|rule| [Euid, Fbc, Gclid, Ip, RampId, Ttclid, Uid2, UserAgent].contains(&rule.kind))
        {
            assert_eq!(rule.encoding, Encoding::Clear, "{} {}", profile.id, rule.kind);
        }
    }
}

#[test]
fn google_takes_a_whole_address_or_none() {
    let member = Member::new("1").first_name("Ada").last_name("Lovelace").postal("78701").country("US");
    let whole = TESTING.canonicalize_member(&member).project(&profiles::GOOGLE_DATA_MANAGER);
    assert_eq!((whole.identifiers.len(), whole.matchable), (4, true));
    assert_eq!(whole.identifiers[3].value.as_clear(), Some("US"));

    let part = TESTING.canonicalize_member(&Member::new("1").email("ada@quist.se").first_name("Ada").country("US"));
    let projected = part.project(&profiles::GOOGLE_DATA_MANAGER);
    let kinds: Vec<_> = projected.identifiers.iter().map(|identifier| identifier.kind).collect();
    assert_eq!(kinds, [IdentifierKind::Email]);
    assert_eq!(
        projected.rejects,
        [(IdentifierKind::FirstName, Reject::IncompleteAddress), (IdentifierKind::Country, Reject::IncompleteAddress)]
    );
}

#[test]
fn one_of_googles_click_ids_is_sent() {
    let member = Member::new("1").wbraid("w1").gclid("g1");
    let projected = TESTING.canonicalize_member(&member).project(&profiles::GOOGLE_CONVERSIONS);
    assert_eq!(projected.identifiers.len(), 1);
    assert_eq!(projected.identifiers[0].value.as_clear(), Some("g1"));
    assert_eq!(projected.rejects, [(IdentifierKind::Wbraid, Reject::OverLimit)]);
}

#[test]
fn a_changed_rule_changes_nothing_else() {
    const RULES: [Rule; 4] = profiles::TIKTOK_SEGMENT.rules_with(IdentifierKind::Email, PreImage::EmailUntagged);
    static UNTAGGED: Profile = Profile { id: "acme.tiktok", rules: &RULES, ..profiles::TIKTOK_SEGMENT };
    let email = TESTING.canonicalize(IdentifierKind::Email, "a.b+c@quist.se", RegionHint::Unset).unwrap();
    let sent = |profile: &Profile| email.wire(profile.rule(IdentifierKind::Email).unwrap()).unwrap();
    let untagged = TESTING.canonicalize(IdentifierKind::Email, "a.b@quist.se", RegionHint::Unset).unwrap();
    assert_eq!(sent(&UNTAGGED), untagged.wire(&profiles::META_CAPI.rules[1]).unwrap());
    assert_ne!(sent(&UNTAGGED), sent(&profiles::TIKTOK_SEGMENT));
    assert_eq!(UNTAGGED.rules[1..], profiles::TIKTOK_SEGMENT.rules[1..]);
}
