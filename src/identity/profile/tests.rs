use std::collections::BTreeSet;

use super::*;
use crate::identity::{
    Canonicalizer, ColumnPolicy, HashConvention, Hashed, Input, Member, Region, RegionHint, Reject, read_cell,
};

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

#[test]
fn a_pre_image_accepts_the_digests_made_of_it() {
    use HashConvention as Declared;
    let own = [
        (PreImage::EmailPlain, Declared::EmailPlain),
        (PreImage::EmailGmailFolded, Declared::EmailGmailFolded),
        (PreImage::EmailUid2, Declared::EmailUid2),
        (PreImage::EmailReddit, Declared::EmailReddit),
        (PreImage::EmailAmazon, Declared::EmailAmazon),
        (PreImage::E164Plus, Declared::E164Plus),
        (PreImage::E164Digits, Declared::E164Digits),
        (PreImage::NamePlain, Declared::NamePlain),
        (PreImage::NameLetters, Declared::NameLetters),
        (PreImage::ExternalIdPlain, Declared::ExternalIdPlain),
    ];
    for (pre_image, _) in own {
        for (other, convention) in own {
            assert_eq!(pre_image.accepts(convention), pre_image == other, "{pre_image:?} {convention:?}");
        }
    }
    let accepted = own.map(|(_, convention)| PreImage::E164PlusOrDigits.accepts(convention));
    assert_eq!(accepted, own.map(|(it, _)| matches!(it, PreImage::E164Plus | PreImage::E164Digits)));
    assert!(PreImage::Plain.accepts(Declared::DeviceIdLower) && PreImage::Upper.accepts(Declared::DeviceIdUpper));
    assert!(!PreImage::Plain.accepts(Declared::DeviceIdUpper) && !PreImage::Upper.accepts(Declared::DeviceIdLower));
}

#[test]
fn an_encoding_takes_its_own_form_and_the_digests_it_names() {
    let forms = [
        WireValue::Sha256([1; 32]),
        WireValue::clear("a@quist.se"),
        WireValue::Sha256Base64([1; 32]),
        WireValue::Sha512(Box::new([1; 64])),
        WireValue::Sha1([1; 20]),
        WireValue::Md5([1; 16]),
    ];
    let rule = Rule {
        kind: IdentifierKind::Email,
        pre_image: PreImage::EmailPlain,
        encoding: Encoding::Clear,
        limit: 1,
        matches_alone: true,
    };
    let hex = Rule { encoding: Encoding::Sha256Hex, ..rule };
    let base64 = Rule { encoding: Encoding::Sha256Base64, ..rule };
    for (rule, taken) in [
        (hex, &[0][..]),
        (rule, &[1]),
        (base64, &[2]),
        (hex.or_digests(&[Algorithm::Sha512, Algorithm::Md5]), &[0, 3, 5]),
        (rule.or_digests(&[Algorithm::Sha256, Algorithm::Sha1]), &[0, 1, 4]),
        (rule.or_digests(&[Algorithm::Sha256]).or_digests(&[Algorithm::Md5]), &[1, 5]),
        (base64.or_digests(Algorithm::ALL), &[2]),
    ] {
        let found: Vec<_> = (0..forms.len()).filter(|at| rule.encoding.takes(&forms[*at])).collect();
        assert_eq!(found, taken, "{:?}", rule.encoding);
    }
    let json = serde_json::to_string(&hex.or_digests(&[Algorithm::Sha512]).encoding).unwrap();
    assert_eq!(json, r#"{"sha256_hex_or":["sha512"]}"#);
}

#[test]
fn what_a_profile_sends_comes_back_as_the_same() {
    let rows = golden::ROWS.iter().flat_map(|row| row.0.iter().map(move |profile| (profile, row.1, row.4)));
    let (mut seen, mut base64) = (0, 0);
    for (profile, kind, sent) in rows {
        let rule = profile.rule(kind).unwrap();
        if matches!(rule.encoding, Encoding::Clear | Encoding::ClearOr(_)) {
            continue;
        }
        let hex = sent.len() == 64;
        base64 += usize::from(!hex);
        for text in [sent.to_owned(), if hex { sent.to_uppercase() } else { format!(" {sent}") }] {
            let mut policies = vec![ColumnPolicy::Hashed];
            policies.extend((ColumnPolicy::default_for(kind) == ColumnPolicy::Auto).then_some(ColumnPolicy::Auto));
            for policy in policies {
                let Ok(Input::Hashed(back)) = read_cell(kind, &text, policy, None) else { panic!("{kind} {policy:?}") };
                let projected = TESTING.canonicalize_member(&Member::new("1").hashed(kind, back)).project(profile);
                let again: Vec<_> = projected.identifiers.iter().map(|it| it.value.to_wire_string()).collect();
                // A name by itself is taken back where the destination wants the whole address.
                let alone = if profile.together.contains(&kind) { vec![] } else { vec![sent.to_owned()] };
                assert_eq!(again, alone, "{} {kind}", profile.id);
                seen += 1;
            }
        }
    }
    assert!(seen > 100 && base64 > 0, "{seen} {base64}");
}

#[test]
fn foreign_digests_go_to_the_platforms_that_document_them() {
    // `printf nora@quist.se | sha512sum`, `sha1sum`, `md5sum`
    for (hex, ids) in [
        (
            concat!(
                "9becdf3082b00491b915fd7502362bb1fbe58e8f533ae7bbea7ea6adbcfc1a52",
                "992234a87260c558e0210966205c07f3def9351d8a14f550fab3ad6c04f5673a"
            ),
            &["linkedin", "linkedin.conversions"][..],
        ),
        ("b6e679afa82dfdb6f2283fca330e54f61e013f50", &["liveramp", "pinterest.customer_list"]),
        ("27486bc2362f04ce84c72f3ee03af32a", &["criteo", "liveramp", "pinterest.customer_list"]),
    ] {
        let member = Member::new("1").hashed(IdentifierKind::Email, Hashed::parse(hex).unwrap());
        let canonical = TESTING.canonicalize_member(&member);
        let mut taken: Vec<_> = profiles::ALL
            .iter()
            .filter(|profile| canonical.project(profile).identifiers.iter().any(|it| it.value.to_wire_string() == hex))
            .map(|profile| profile.id)
            .collect();
        taken.sort_unstable();
        assert_eq!(taken, ids);
    }
}
