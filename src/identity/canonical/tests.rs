use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::identity::{BirthDateReason, ColumnPolicy, HashConvention, PreImage, profiles, read_cell};

const TESTING: Canonicalizer = Canonicalizer::new().with_allow_test_values(true);
/// Meta's rules of the five kinds that most hosts have.
const META: Profile =
    Profile { rules: profiles::META_CUSTOM_AUDIENCE.rules.split_at(5).0, ..profiles::META_CUSTOM_AUDIENCE };

const fn one_rule(rules: &'static [Rule]) -> Profile {
    Profile { id: "test", version: 1, keyed_by: KeyedBy::Identifiers, rules, together: &[] }
}

const fn rule(kind: IdentifierKind, pre_image: PreImage, encoding: Encoding) -> Rule {
    Rule { kind, pre_image, encoding, limit: 2, matches_alone: true }
}

const GMAIL_FOLDED: Profile = one_rule(&[rule(IdentifierKind::Email, PreImage::EmailGmailFolded, Encoding::Sha256Hex)]);
const E164_PLUS: Profile = one_rule(&[rule(IdentifierKind::Phone, PreImage::E164Plus, Encoding::Sha256Hex)]);
const BASE64_EMAIL: Profile = one_rule(&[rule(IdentifierKind::Email, PreImage::EmailPlain, Encoding::Sha256Base64)]);
const CLEAR_OR_DIGEST: Profile =
    one_rule(&[rule(IdentifierKind::Email, PreImage::EmailPlain, Encoding::Clear).or_digests(Algorithm::ALL)]);
const LINKEDIN: Profile =
    one_rule(
        &[rule(IdentifierKind::Email, PreImage::EmailPlain, Encoding::Sha256Hex).or_digests(&[Algorithm::Sha512])],
    );
const TIKTOK: Profile = one_rule(&[rule(IdentifierKind::Phone, PreImage::E164PlusOrDigits, Encoding::Sha256Hex)]);
const CLEAR_EMAIL: Profile = one_rule(&[rule(IdentifierKind::Email, PreImage::EmailPlain, Encoding::Clear)]);

fn sent(member: &Member, profile: &Profile) -> Vec<String> {
    let projected = TESTING.canonicalize_member(member).project(profile);
    projected.identifiers.iter().map(|identifier| identifier.value.to_wire_string()).collect()
}

fn one(member: &Member, profile: &Profile) -> String {
    let all = sent(member, profile);
    assert_eq!(all.len(), 1);
    all.concat()
}

#[test]
fn the_golden_values_of_the_vendors_rules() {
    // ads-core.md 1.4
    for (member, profile, digest) in [
        (
            Member::new("1").email("  Ada.Lovelace@Example.ORG "),
            META,
            "7799473ff091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0",
        ),
        (
            Member::new("1").email("Ada.Lovelace+news@gmail.com"),
            META,
            "1ea120351353b93e08701f5cd65ee7bd157f7ecfccb087bfe00ee77f9f8de1c0",
        ),
        (
            Member::new("1").email("Ada.Lovelace+news@gmail.com"),
            GMAIL_FOLDED,
            "cd98a25152ad884b29e524ea5d3d8d35615ed0afbbc5ea3a6d4215572b0b2bde",
        ),
        (
            Member::new("1").phone("+1 (512) 555-0100"),
            E164_PLUS,
            "12945b229096fbeea14e73ff7096d927765584b9663358877238f4075eba0d89",
        ),
        (
            Member::new("1").phone("+1 (512) 555-0100"),
            META,
            "33c6438defc14519a2f9147cbf01d0ccb0471bbaf4b17bff231402de8fcceda7",
        ),
        (Member::new("1").first_name("Zoë"), META, "2752b88686847fa5c86f47b94ce652b7b3f22a91c37617d451a4db9afa431450"),
    ] {
        assert_eq!(one(&member, &profile), digest);
    }
    // identity.md 4.3, the first 16 digits
    for (email, profile, start) in [
        (" Nora.Quist+VIP@Gmail.com", META, "0dd2f298678f139f"),
        (" Nora.Quist+VIP@Gmail.com", GMAIL_FOLDED, "0fab2470a2dfd937"),
        ("Nora.Quist@googlemail.com", GMAIL_FOLDED, "86e420711e0cfc1c"),
        ("Ola.Berg@Fjord.example", META, "f823f7fa0afd7eba"),
        ("Ola.Berg@Fjord.example", GMAIL_FOLDED, "f823f7fa0afd7eba"),
    ] {
        assert!(one(&Member::new("1").email(email), &profile).starts_with(start), "{email} {}", profile.id);
    }
}

#[test]
fn metas_row_has_its_order_and_its_clear_id() {
    let member = Member::new("1")
        .last_name("O'Brien-Smith")
        .phone("+1 512 555 0100")
        .email("ada.lovelace@example.org")
        .external_id(" C-1001 ");
    let projected = TESTING.canonicalize_member(&member).project(&META);
    let kinds: Vec<_> = projected.identifiers.iter().map(|identifier| identifier.kind).collect();
    use IdentifierKind::{Email, ExternalId, LastName, Phone};
    assert_eq!(kinds, [ExternalId, Email, Phone, LastName]);
    assert_eq!(projected.identifiers[0].value.as_clear(), Some("C-1001"));
    assert_eq!(
        projected.identifiers[3].value.digest(),
        Some(&Sha256::digest("obriensmith").into()),
        "punctuation goes before hashing"
    );
    assert!(projected.matchable && projected.rejects.is_empty());
}

#[test]
fn names_alone_find_nobody() {
    let projected = TESTING.canonicalize_member(&Member::new("1").first_name("Ada").last_name("Byron")).project(&META);
    assert_eq!((projected.identifiers.len(), projected.matchable), (2, false));
}

#[test]
fn analytics_and_warehouses_get_no_contact_data() {
    let member = Member::new("1").email("nora@quist.se").phone("+4930901820").first_name("Nora").external_id("C-1");
    assert_eq!(sent(&member, &profiles::MIXPANEL), ["C-1"]);
    let projected = TESTING.canonicalize_member(&member).project(&profiles::WAREHOUSE);
    assert!(projected.identifiers.is_empty() && projected.matchable);
}

#[test]
fn a_digest_goes_out_as_it_came_in_and_only_where_it_fits() {
    let hex = "7799473ff091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0";
    let plain = Hashed::sha256_hex(&hex.to_uppercase()).unwrap().with_convention(HashConvention::EmailPlain);
    let member = |hashed| Member::new("1").hashed(IdentifierKind::Email, hashed);
    assert_eq!(one(&member(plain), &META), hex);
    // Equal to the digest of the plain value: one identifier, not two.
    assert_eq!(one(&member(plain).email("ada.lovelace@example.org"), &META), hex);

    for profile in [GMAIL_FOLDED, CLEAR_EMAIL] {
        let projected = TESTING.canonicalize_member(&member(plain)).project(&profile);
        assert!(projected.identifiers.is_empty() && !projected.matchable);
        assert_eq!(projected.rejects, [(IdentifierKind::Email, Reject::HashedUnusable)]);
    }

    let undeclared = Hashed::sha256_hex(hex).unwrap();
    assert_eq!(one(&member(undeclared), &GMAIL_FOLDED), hex);
    let canonical = TESTING.canonicalize_member(&member(undeclared));
    assert!(canonical.values()[0].notes().contains(Notes::HASH_UNDECLARED));
    assert_eq!(TESTING.canonicalize_member(&member(undeclared)).project(&CLEAR_EMAIL).identifiers, []);
}

#[test]
fn what_is_sent_is_never_hashed_again_when_it_comes_back() {
    let first = one(&Member::new("1").email("ada.lovelace@example.org"), &META);
    let back = Member::new("1").hashed(IdentifierKind::Email, Hashed::sha256_hex(&first).unwrap());
    assert_eq!(one(&back, &META), first);
    let as_plain = TESTING.canonicalize_member(&Member::new("1").email(first.as_str()).phone(first.as_str()));
    assert_eq!(
        as_plain.rejects(),
        [(IdentifierKind::Email, Reject::HashedInPlain), (IdentifierKind::Phone, Reject::HashedInPlain)]
    );
}

#[test]
fn base64_goes_out_for_those_who_want_it() {
    // identity.md 4.3, the first 12 characters; the whole by `openssl sha256 -binary | base64`
    let member = Member::new("1").email(" Nora.Quist+VIP@Gmail.com");
    assert_eq!(one(&member, &BASE64_EMAIL), "DdLymGePE58CeyQFTBCPppYL8ddVioLX1RIW7jlSe2U=");
    // The same digest, however it came in.
    let hex = "0dd2f298678f139f027b24054c108fa6960bf1d7558a82d7d51216ee39527b65";
    for input in [Hashed::parse(&hex.to_uppercase()), Hashed::parse("DdLymGePE58CeyQFTBCPppYL8ddVioLX1RIW7jlSe2U")] {
        let member = Member::new("1").hashed(IdentifierKind::Email, input.unwrap());
        assert_eq!(one(&member, &BASE64_EMAIL), "DdLymGePE58CeyQFTBCPppYL8ddVioLX1RIW7jlSe2U=");
        assert_eq!(one(&member, &META), hex);
    }
}

#[test]
fn other_algorithms_go_only_to_those_who_take_them() {
    // `printf ada.lovelace@example.org | sha512sum` (ads-core.md 1.4), `sha1sum`, `md5sum`
    let sha512 = concat!(
        "8de00f9e3d415482904a6a56c11cad922833e163053bc38d1237b498ee4d2abe",
        "b070b70c3644d2c3c376202abb5a2fc1ebbfa4a0b4bd1711eda4eff7e39573ec"
    );
    let (sha1, md5) = ("0b6126cba6e959e56e056bdcdf9d0665458e4cc1", "a0897f0967cd4affeb515028a3447d04");
    for hex in [sha512, sha1, md5] {
        let hashed = Hashed::parse(&hex.to_uppercase()).unwrap().with_convention(HashConvention::EmailPlain);
        let member = Member::new("1").hashed(IdentifierKind::Email, hashed);
        assert_eq!(one(&member, &CLEAR_OR_DIGEST), hex);
        for profile in [META, BASE64_EMAIL, CLEAR_EMAIL, LINKEDIN] {
            let projected = TESTING.canonicalize_member(&member).project(&profile);
            if profile == LINKEDIN && hex == sha512 {
                assert_eq!(projected.identifiers[0].value.to_wire_string(), sha512);
            } else {
                assert!(projected.identifiers.is_empty() && !projected.matchable);
                assert_eq!(projected.rejects, [(IdentifierKind::Email, Reject::HashedUnusable)]);
            }
        }
        // Taken as an algorithm is not taken as a convention.
        let folded =
            Member::new("1").hashed(IdentifierKind::Email, hashed.with_convention(HashConvention::EmailGmailFolded));
        let projected = TESTING.canonicalize_member(&folded).project(&CLEAR_OR_DIGEST);
        assert_eq!(projected.rejects, [(IdentifierKind::Email, Reject::HashedUnusable)]);
    }
    // Plain values go out as without digests.
    assert_eq!(one(&Member::new("1").email("nora@quist.se"), &CLEAR_OR_DIGEST), "nora@quist.se");
    assert_eq!(
        one(&Member::new("1").email("nora@quist.se"), &LINKEDIN),
        "8c7c92a143370b76f06a44f7dadfc47a34a104e03b75980ec943ac67ab19dc41"
    );
}

#[test]
fn a_rule_may_take_several_conventions() {
    // `printf +4930901820 | sha256sum`, `printf 4930901820 | sha256sum`
    let plus = "4db5829924ee5c466cbd9ac69b2a6af527f758614fa3b3aec8c89b16a709a678";
    let digits = "c03f76216358b07b09a300613908002987efc1ae9a2ef2a85d57d5a971bf821a";
    let member = |hex, convention| {
        Member::new("1").hashed(IdentifierKind::Phone, Hashed::parse(hex).unwrap().with_convention(convention))
    };
    assert_eq!(one(&Member::new("1").phone("+49 30 901820"), &TIKTOK), plus);
    assert_eq!(one(&member(plus, HashConvention::E164Plus), &TIKTOK), plus);
    assert_eq!(one(&member(digits, HashConvention::E164Digits), &TIKTOK), digits);
    assert!(sent(&member(digits, HashConvention::EmailPlain), &TIKTOK).is_empty());
    assert!(sent(&member(digits, HashConvention::E164Digits), &E164_PLUS).is_empty());
    assert!(sent(&member(plus, HashConvention::E164Plus), &META).is_empty());
}

#[test]
fn a_member_with_a_digest_is_opaque() {
    let plain = TESTING.canonicalize_member(&Member::new("1").email("nora@quist.se"));
    assert!(!plain.is_opaque() && plain.values()[0].algorithm().is_none());
    let md5 = Hashed::parse("27486bc2362f04ce84c72f3ee03af32a").unwrap();
    let canonical = TESTING.canonicalize_member(&Member::new("1").hashed(IdentifierKind::Email, md5));
    assert!(canonical.is_opaque());
    assert_eq!(canonical.values()[0].algorithm(), Some(Algorithm::Md5));
    assert_eq!(format!("{:?}", canonical.values()[0]), r#"email(md5 digest of None, {"hash_undeclared"})"#);
}

#[test]
fn equal_values_count_once_and_the_rest_is_limited() {
    let member = Member::new("1").email("a@quist.se").email("A@Quist.se").email("b@quist.se").email("c@quist.se");
    let canonical = TESTING.canonicalize_member(&member);
    assert_eq!(canonical.values().len(), 3);
    let projected = canonical.project(&CLEAR_EMAIL);
    let sent: Vec<_> = projected.identifiers.iter().map(|identifier| identifier.value.to_wire_string()).collect();
    assert_eq!(sent, ["a@quist.se", "b@quist.se"]);
    assert_eq!(projected.rejects, [(IdentifierKind::Email, Reject::OverLimit)]);
}

#[test]
fn a_cell_of_several_is_split() {
    let member = Member::new("1").email("a@quist.se; b@quist.se");
    let canonical = TESTING.canonicalize_member(&member);
    let texts: Vec<_> = canonical.values().iter().filter_map(Canonical::as_str).collect();
    assert_eq!(texts, ["a@quist.se", "b@quist.se"]);
    assert!(canonical.values().iter().all(|value| value.notes().contains(Notes::SPLIT)));
}

#[test]
fn rejects_are_told_only_to_profiles_that_take_the_kind() {
    let canonical = TESTING.canonicalize_member(&Member::new("1").email("nobody").first_name("-"));
    assert_eq!(canonical.rejects().len(), 2);
    let projected = canonical.project(&CLEAR_EMAIL);
    assert_eq!(projected.rejects, [(IdentifierKind::Email, Reject::Email(EmailReason::NoAt))]);
    // Nothing is left of the name by Meta's rule, though it is a text.
    let projected = TESTING.canonicalize_member(&Member::new("1").first_name("--")).project(&META);
    assert_eq!(projected.rejects, [(IdentifierKind::FirstName, Reject::Missing)]);
}

#[test]
fn the_members_country_goes_before_the_default_and_a_bad_one_stops_it() {
    let canonicalizer = Canonicalizer::new().with_default_region(Region::parse("DE").unwrap());
    let phone = |member: Member| {
        let canonical = canonicalizer.canonicalize_member(&member.phone("020 7946 0958"));
        canonical.values().first().and_then(Canonical::as_str).map(str::to_owned).ok_or(canonical.rejects().to_vec())
    };
    assert_eq!(phone(Member::new("1").country("GB")).as_deref(), Ok("+442079460958"));
    assert_eq!(phone(Member::new("1")).as_deref(), Ok("+492079460958"));
    let no_region = vec![(IdentifierKind::Phone, Reject::Phone(PhoneReason::NoRegion))];
    assert_eq!(phone(Member::new("1").country("Nowhere")), Err(no_region));
}

#[test]
fn options_are_configuration() {
    let options: Canonicalizer = serde_json::from_str(r#"{"default_region":"de"}"#).unwrap();
    assert_eq!(options, Canonicalizer::new().with_default_region(Region::parse("DE").unwrap()));
    assert!(serde_json::from_str::<Canonicalizer>(r#"{"default_country":"de"}"#).is_err());
}

#[test]
fn debug_shows_no_value() {
    let member = Member::new("canary").email("canary@quist.se").external_id("canary").first_name("Canary");
    let canonical = TESTING.canonicalize_member(&member);
    let text = format!("{canonical:?} {:?}", canonical.project(&META));
    assert!(!text.contains("canary") && text.contains("email(15 bytes"), "{text}");
}

#[test]
fn a_birth_date_and_a_name_make_their_columns() {
    let full = profiles::META_CUSTOM_AUDIENCE;
    let sha = |text: &str| <[u8; 32]>::from(Sha256::digest(text));
    let member = Member::new("1").first_name("Élodie").birth_date("1984-05-06");
    let projected = TESTING.canonicalize_member(&member).project(&full);
    let sent: Vec<_> =
        projected.identifiers.iter().map(|identifier| (identifier.kind, *identifier.value.digest().unwrap())).collect();
    use IdentifierKind::{BirthDate, BirthDay, BirthMonth, BirthYear, FirstInitial, FirstName};
    assert_eq!(
        sent,
        [
            (FirstName, sha("élodie")),
            (FirstInitial, sha("é")),
            (BirthYear, sha("1984")),
            (BirthMonth, sha("05")),
            (BirthDay, sha("06"))
        ]
    );
    // A refused value is told once, however many columns it would have made.
    let projected = TESTING.canonicalize_member(&Member::new("1").birth_date("x").first_name("--")).project(&full);
    assert_eq!(
        projected.rejects,
        [(FirstName, Reject::Missing), (BirthDate, Reject::BirthDate(BirthDateReason::Format))]
    );
    // Plain values of a derived kind have no canonical form; a digest of one goes out, and one of the source does not.
    assert_eq!(TESTING.canonicalize(BirthYear, "1984", RegionHint::Unset), Err(Reject::DerivedKind));
    let hashed = |kind| Member::new("1").hashed(kind, Hashed::sha256_bytes(sha("1984")).unwrap());
    assert_eq!(TESTING.canonicalize_member(&hashed(BirthYear)).project(&full).identifiers.len(), 1);
    assert_eq!(TESTING.canonicalize_member(&hashed(FirstName)).project(&full).identifiers.len(), 1);
}

#[test]
fn the_members_country_is_sent_unless_a_value_says_another() {
    let full = profiles::META_CUSTOM_AUDIENCE;
    let countries = |member: Member| {
        let projected = TESTING.canonicalize_member(&member).project(&full);
        let country = |it: &&Identifier| it.kind == IdentifierKind::Country;
        projected.identifiers.iter().filter(country).map(|it| *it.value.digest().unwrap()).collect::<Vec<_>>()
    };
    let sha = |text: &str| vec![<[u8; 32]>::from(Sha256::digest(text))];
    assert_eq!(countries(Member::new("1").country("Germany")), sha("de"));
    assert_eq!(countries(Member::new("1").country("DE").identifier(IdentifierKind::Country, "AT")), sha("at"));
    assert_eq!(countries(Member::new("1").country("Nowhere")), Vec::<[u8; 32]>::new());
    // A country among the values reads the other values too.
    let member = Member::new("1").postal("2139").region("Texas").identifier(IdentifierKind::Country, "United States");
    let canonical = TESTING.canonicalize_member(&member);
    let texts: Vec<_> = canonical.values().iter().filter_map(Canonical::as_str).collect();
    assert_eq!(texts, ["02139", "tx", "US"]);
}

#[test]
fn equal_forms_are_hashed_once_for_all_profiles() {
    let member = Member::new("1")
        .email("Ola.Berg@Fjord.example")
        .email("nora.quist+vip@gmail.com")
        .phone("+1 512 555 0100")
        .first_name("Anne-Marie")
        .country("US");
    let canonical = TESTING.canonicalize_member(&member);
    let profiles: Vec<_> = profiles::ALL.to_vec();
    let alone: Vec<_> = profiles.iter().map(|profile| canonical.project(profile)).collect();
    assert_eq!(canonical.project_all(&profiles), alone);

    let mut digests = Digests::default();
    for profile in &profiles {
        canonical.project_with(profile, |value, text| digests.of(value, text));
    }
    let mut hashed: Vec<_> = canonical_forms(&digests);
    hashed.sort();
    let mut expected = [
        // Of the first address: as it is, and Reddit's.
        (0, "ola.berg@fjord.example"),
        (0, "olaberg@fjord.example"),
        // Of the second: as it is, folded (Google, UID2 and Reddit alike), and Amazon's.
        (1, "nora.quist+vip@gmail.com"),
        (1, "noraquist@gmail.com"),
        (1, "nora.quistvip@gmail.com"),
        (2, "+15125550100"),
        (2, "15125550100"),
        // Meta's and Amazon's, Meta's initial, and what Google and those who keep the hyphen have.
        (3, "annemarie"),
        (3, "a"),
        (3, "anne-marie"),
        (4, "us"),
    ];
    expected.sort();
    assert_eq!(hashed, expected.map(|(value, text)| (value, text.to_owned())));
}

fn canonical_forms(digests: &Digests) -> Vec<(usize, String)> {
    let mut start = 0;
    let mut forms = Vec::new();
    for (value, end, _) in &digests.known {
        forms.push((*value, digests.texts[start..*end].to_owned()));
        start = *end;
    }
    forms
}

/// Texts near to values of each kind, and any text at all.
fn text_of(kind: IdentifierKind) -> BoxedStrategy<String> {
    let near = match kind.source() {
        IdentifierKind::Email => "[ “\"]?[A-Za-z.+é ]{1,8}@[a-zÄ.-]{1,9}\\.[a-z]{2,3}[;. ]?",
        IdentifierKind::Phone => "[+0 ]{0,2}[0-9() -]{4,16}",
        IdentifierKind::Gender => "[ \"]?(m|F|Frau|女|MALE|Ms\\.)[ .]?",
        IdentifierKind::BirthDate => "[0-9]{1,4}[-/. ]?[0-9]{1,2}[-/. ]?[0-9]{1,4}(T00:00Z)?",
        IdentifierKind::Postal => "[ “]?[A-Za-z0-9]{1,5}[ -]{0,2}[A-Z0-9０-９]{1,5}",
        IdentifierKind::Country => "(DE|d\\.e\\.|Türkiye|840|u\\.s\\.a\\.|côte d’ivoire|[a-z]{2,3})[ .,]?",
        IdentifierKind::Idfa | IdentifierKind::Gaid => "[{ ]?[A-Fa-f0-9]{8}-?([A-F0-9]{4}-?){3}[a-f0-9]{12}}?",
        IdentifierKind::Ip => "([0-9]{1,3}\\.){3}[0-9]{1,3}|[0-9a-fA-F:]{2,20}|\\[::ffff:8\\.8\\.8\\.8\\]",
        IdentifierKind::Fbc => "fb\\.[0-9]{1,2}\\.[0-9]{1,13}\\.[A-Za-z0-9._ ]{0,9}",
        IdentifierKind::Uid2 | IdentifierKind::Euid => "[A-Za-z0-9+/]{43}[=A-Z]",
        IdentifierKind::RampId => "X[A-Za-z][A-Za-z0-9_-]{0,50}",
        IdentifierKind::Region => "[ (-]?(Texas|n\\.y\\.|n/a|İle-de’France|[a-z“”'. -]{1,12})[)!”]?",
        _ => "[@ “\"']{0,2}[A-Za-zİé̈. '-]{0,12}[”\"' ]?",
    };
    prop_oneof![3 => near.prop_map(String::from), 1 => any::<String>(), 1 => "\\PC{0,24}".prop_map(String::from)]
        .boxed()
}

fn text_and_kind() -> impl Strategy<Value = (IdentifierKind, String, &'static str)> {
    let countries = prop::sample::select(vec!["", "US", "GB", "DE", "CA", "PT", "AU", "NL"]);
    (prop::sample::select(IdentifierKind::ALL), countries)
        .prop_flat_map(|(kind, country)| (Just(kind), text_of(kind), Just(country)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn every_kind_twice_is_once_and_is_sent_without_panic((kind, text, country) in text_and_kind()) {
        let region = RegionHint::from(Region::parse(country).ok());
        let Ok(once) = TESTING.canonicalize(kind, &text, region) else { return Ok(()) };
        let form = once.as_str().unwrap_or_default();
        prop_assert!(!form.is_empty());
        let twice = TESTING.canonicalize(kind, form, region).map(|twice| twice.as_str().map(str::to_owned));
        prop_assert_eq!(twice, Ok(Some(form.to_owned())));
        for profile in profiles::ALL {
            for rule in profile.rules.iter().filter(|rule| rule.kind.source() == kind) {
                if let Ok(sent) = once.wire(rule) {
                    prop_assert!(sent.wire_len() > 0 && sent.wire_len() == sent.to_wire_string().len());
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn projecting_is_deterministic_and_accounts_for_every_value(texts in prop::collection::vec("\\PC{0,12}|[a-c]@[a-c]{1,2}\\.se", 0..8)) {
        let member = texts.iter().fold(Member::new("1"), |member, text| member.email(text.as_str()).first_name(text.as_str()));
        let canonical = TESTING.canonicalize_member(&member);
        let projected = canonical.project(&META);
        prop_assert_eq!(&projected, &canonical.clone().project(&META));
        prop_assert!(projected.identifiers.len() + projected.rejects.len() <= canonical.values().len() + canonical.rejects().len());
        let mut unique = projected.identifiers.clone();
        unique.sort();
        unique.dedup();
        prop_assert_eq!(unique.len(), projected.identifiers.len());
    }

    #[test]
    fn what_is_sent_comes_back_as_the_same_whatever_the_encoding(
        local in "[a-z]{1,12}(\\+[a-z]{1,4})?",
        bytes in prop::array::uniform32(1..255_u8),
    ) {
        const KIND: IdentifierKind = IdentifierKind::Email;
        let plain = Member::new("1").email(format!("{local}@gmail.com"));
        let digests = Algorithm::ALL.iter().map(|algorithm| {
            Member::new("1").hashed(KIND, Hashed::from_bytes(*algorithm, &bytes.repeat(2)[..algorithm.digest_len()]).unwrap())
        });
        for member in digests.chain([plain]) {
            for profile in [META, GMAIL_FOLDED, BASE64_EMAIL, LINKEDIN, CLEAR_OR_DIGEST] {
                let projected = TESTING.canonicalize_member(&member).project(&profile);
                let Some(digest) = projected.identifiers.first().filter(|it| it.value.algorithm().is_some()) else {
                    continue;
                };
                prop_assert!(profile.rules.iter().any(|rule| rule.kind == KIND && rule.encoding.takes(&digest.value)));
                let wire = digest.value.to_wire_string();
                let is_base64 = profile == BASE64_EMAIL;
                let upper = if is_base64 { wire.clone() } else { wire.to_uppercase() };
                for text in [&wire, &upper, &format!(" \"{wire}\" ")] {
                    for policy in [ColumnPolicy::Auto, ColumnPolicy::Hashed] {
                        let back = Member::new("1").identifier(KIND, read_cell(KIND, text, policy, None).unwrap());
                        prop_assert_eq!(sent(&back, &profile), std::slice::from_ref(&wire));
                    }
                    // As plain it is refused, and hashed by nobody.
                    prop_assert_eq!(read_cell(KIND, text, ColumnPolicy::Plain, None), Err(Reject::HashedInPlain));
                    let plain = TESTING.canonicalize_member(&Member::new("1").email(text.as_str()).last_name(text.as_str()));
                    prop_assert!(plain.rejects().contains(&(KIND, Reject::HashedInPlain)));
                    // In a name 32 digits may be anything, but more are a digest.
                    prop_assert_eq!(plain.values().len(), usize::from(wire.len() == 32));
                }
            }
        }
    }
}
