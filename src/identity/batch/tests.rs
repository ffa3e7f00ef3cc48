use proptest::prelude::*;

use super::*;
use crate::identity::{EmailReason, Member, PhoneReason, PreImage, Region, profiles};

const fn hashed(kind: IdentifierKind, pre_image: PreImage) -> Rule {
    Rule { kind, pre_image, encoding: Encoding::Sha256Hex, limit: 1, matches_alone: false }
}

const OTHER: Profile = Profile {
    id: "test",
    version: 1,
    keyed_by: KeyedBy::MemberId,
    rules: &[
        hashed(IdentifierKind::Email, PreImage::EmailGmailFolded),
        hashed(IdentifierKind::Phone, PreImage::E164Plus),
        hashed(IdentifierKind::LastName, PreImage::NamePlain),
        Rule { encoding: Encoding::Clear, ..hashed(IdentifierKind::FirstName, PreImage::NameLetters) },
        Rule { limit: 0, ..hashed(IdentifierKind::ExternalId, PreImage::ExternalIdPlain) },
    ],
    together: &[],
};
const META: Profile = profiles::META_CUSTOM_AUDIENCE;

fn write(digests: &Digests, row: usize, kind: IdentifierKind) -> Option<String> {
    let mut out = Vec::new();
    let rule = digests.rule_of(kind)?;
    digests.write_to(row, rule, &mut out).then(|| String::from_utf8(out).unwrap())
}

/// What the interface of single members makes of one value: what is sent, or the reason why not.
fn one(
    canonicalizer: &Canonicalizer,
    profile: &Profile,
    kind: IdentifierKind,
    value: &str,
    country: Option<&str>,
) -> std::result::Result<String, Reject> {
    let region = country.map_or(RegionHint::Unset, RegionHint::read);
    // The one difference: a cell of several values is not split.
    if let Err(reject @ (Reject::Email(EmailReason::MultiValue) | Reject::Phone(PhoneReason::MultiValue))) =
        canonicalizer.canonicalize(kind, value, region)
    {
        return Err(reject);
    }
    let member = Member::new("1").identifier(kind, value).country(country.unwrap_or_default());
    let projected = canonicalizer.canonicalize_member(&member).project(profile);
    let sent = projected.identifiers.iter().find(|identifier| identifier.kind == kind);
    match (sent, projected.rejects.iter().find(|(other, _)| *other == kind)) {
        (Some(identifier), None) => Ok(identifier.value.to_wire_string()),
        (None, Some((_, reject))) => Err(*reject),
        _ => panic!("one value of {kind} is neither sent nor refused, or both"),
    }
}

#[test]
fn the_golden_values_come_out_of_columns() {
    // ads-core.md 1.4 and identity.md 4.3
    let emails = ["  Ada.Lovelace@Example.ORG ", "Ada.Lovelace+news@gmail.com", " Nora.Quist+VIP@Gmail.com"];
    let phones = [Some("+1 (512) 555-0100"), None, Some("")];
    let columns = Columns::new(3)
        .column(IdentifierKind::Email, Column::Values(&emails))
        .column(IdentifierKind::Phone, Column::Optional(&phones));
    let canonicalizer = Canonicalizer::new().with_allow_test_values(true);
    let mut digests = Digests::new();
    canonicalizer.hash_columns(&META, &columns, &mut digests).unwrap();
    let email = |digests: &Digests, row| write(digests, row, IdentifierKind::Email).unwrap();
    assert_eq!(email(&digests, 0), "7799473ff091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0");
    assert_eq!(email(&digests, 1), "1ea120351353b93e08701f5cd65ee7bd157f7ecfccb087bfe00ee77f9f8de1c0");
    assert!(email(&digests, 2).starts_with("0dd2f298678f139f"));
    let phone = digests.rule_of(IdentifierKind::Phone).unwrap();
    assert_eq!(
        write(&digests, 0, IdentifierKind::Phone).unwrap(),
        "33c6438defc14519a2f9147cbf01d0ccb0471bbaf4b17bff231402de8fcceda7"
    );
    assert_eq!((digests.digest(1, phone), digests.reject(1, phone)), (None, None));
    assert_eq!((digests.digest(2, phone), digests.reject(2, phone)), (None, Some(Reject::Missing)));
    assert_eq!(digests.digest(3, phone), None);

    canonicalizer.hash_columns(&OTHER, &columns, &mut digests).unwrap();
    assert_eq!(email(&digests, 1), "cd98a25152ad884b29e524ea5d3d8d35615ed0afbbc5ea3a6d4215572b0b2bde");
    assert!(email(&digests, 2).starts_with("0fab2470a2dfd937"));
    assert_eq!(
        write(&digests, 0, IdentifierKind::Phone).unwrap(),
        "12945b229096fbeea14e73ff7096d927765584b9663358877238f4075eba0d89"
    );
}

#[test]
fn a_member_is_matchable_by_what_is_sent_of_it() {
    let emails = [Some("nora@quist.se"), None, Some("nora")];
    let names = ["Nora", "Nora", "Nora"];
    let columns = Columns::new(3)
        .column(IdentifierKind::Email, Column::Optional(&emails))
        .column(IdentifierKind::FirstName, Column::Values(&names));
    let mut digests = Digests::new();
    Canonicalizer::new().hash_columns(&META, &columns, &mut digests).unwrap();
    assert_eq!([0, 1, 2, 3].map(|row| digests.matchable(row)), [true, false, false, false]);
    Canonicalizer::new().hash_columns(&profiles::WAREHOUSE, &columns, &mut digests).unwrap();
    assert_eq!([0, 1, 2, 3].map(|row| digests.matchable(row)), [true, true, true, false]);
}

#[test]
fn columns_of_other_lengths_and_of_one_kind_are_refused() {
    let (two, one) = (["a@quist.se", "b@quist.se"], ["DE"]);
    let canonicalizer = Canonicalizer::new();
    for (columns, found) in [
        (Columns::new(3).column(IdentifierKind::Email, Column::Values(&two)), "column email, found 2"),
        (Columns::new(2).countries(Column::Values(&one)), "column country, found 1"),
        (
            Columns::new(2)
                .column(IdentifierKind::Email, Column::Values(&two))
                .column(IdentifierKind::Email, Column::Values(&two)),
            "found two of email",
        ),
    ] {
        let error = canonicalizer.hash_columns(&META, &columns, &mut Digests::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(found), "{error}");
    }
}

#[test]
fn nothing_of_a_person_prints() {
    let emails = ["canary@quist.se"];
    let columns = Columns::new(1).column(IdentifierKind::Email, Column::Values(&emails));
    let mut digests = Digests::new();
    Canonicalizer::new().hash_columns(&OTHER, &columns, &mut digests).unwrap();
    let printed = format!("{columns:?} {digests:?}");
    assert!(printed.contains("Column(1 values)") && printed.contains("rows: 1"), "{printed}");
    assert!(!printed.contains("canary") && printed.len() < 400, "{printed}");
}

fn value(kind: IdentifierKind) -> BoxedStrategy<Option<String>> {
    let text: BoxedStrategy<String> = match kind {
        IdentifierKind::Email => prop_oneof![
            r" ?[A-Za-z]{1,8}[.+][a-z0-9]{1,8}@(gmail|googlemail|quist|example|x)\.(com|de|test) ?",
            r"[a-z.+@ ;<>é]{0,20}",
            r"[a-z]{1,70}@[a-z-]{1,66}\.com",
            "[0-9a-f]{64}",
        ]
        .boxed(),
        IdentifierKind::Phone => prop_oneof![
            r"\+(1[2-9][0-9]{9}|49(30|151)[0-9]{6,9}|39[03][0-9]{6,10}|521?[0-9]{10}|[0-9]{5,16})",
            r"(\+|00)?[0-9 ()/.-]{3,18}(;|x[0-9]{2}|\.0)?",
            r"\+4930901820[;,|]\+442083661177",
        ]
        .boxed(),
        _ => prop_oneof![r"[ -~]{0,14}", r"\PC{0,10}", "(?i:null|none|test|n/a| ada |o'brien| {0,2})"].boxed(),
    };
    prop_oneof![9 => text.prop_map(Some), 1 => Just(None)].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn columns_and_members_come_out_alike(
        rows in proptest::collection::vec(
            (
                value(IdentifierKind::Email),
                value(IdentifierKind::Phone),
                value(IdentifierKind::FirstName),
                value(IdentifierKind::LastName),
                value(IdentifierKind::ExternalId),
                proptest::option::of("DE|us|IT|Atlantis|n/a"),
            ),
            0..8,
        ),
        allow_test_values: bool,
        require_valid: bool,
        default_region: bool,
    ) {
        let mut canonicalizer =
            Canonicalizer::new().with_allow_test_values(allow_test_values).with_require_valid_phone(require_valid);
        if default_region {
            canonicalizer = canonicalizer.with_default_region(Region::parse("GB").unwrap());
        }
        let countries: Vec<_> = rows.iter().map(|row| row.5.as_deref()).collect();
        let cells = [
            (IdentifierKind::Email, rows.iter().map(|row| row.0.as_deref()).collect::<Vec<_>>()),
            (IdentifierKind::Phone, rows.iter().map(|row| row.1.as_deref()).collect()),
            (IdentifierKind::FirstName, rows.iter().map(|row| row.2.as_deref()).collect()),
            (IdentifierKind::LastName, rows.iter().map(|row| row.3.as_deref()).collect()),
            (IdentifierKind::ExternalId, rows.iter().map(|row| row.4.as_deref()).collect()),
        ];
        let mut columns = Columns::new(rows.len()).countries(Column::Optional(&countries));
        for (kind, cells) in &cells {
            columns = columns.column(*kind, Column::Optional(cells));
        }
        // The same memory for both: what the first leaves behind must not show in the second.
        let mut digests = Digests::new();
        for profile in [META, OTHER] {
            canonicalizer.hash_columns(&profile, &columns, &mut digests).unwrap();
            for (kind, cells) in &cells {
                let rule = digests.rule_of(*kind).unwrap();
                for (row, cell) in cells.iter().enumerate() {
                    let found = (write(&digests, row, *kind), digests.reject(row, rule));
                    let expected = match cell.map(|value| one(&canonicalizer, &profile, *kind, value, countries[row])) {
                        None => (None, None),
                        Some(Ok(sent)) => (Some(sent), None),
                        Some(Err(reject)) => (None, Some(reject)),
                    };
                    prop_assert_eq!(found, expected, "{} of {}: {:?}", kind, profile.id, cell);
                }
            }
        }
    }
}

/// Cells of a kind: what is taken, what is not, and none. Multiple values are left out: cells are not split.
fn cells(kind: IdentifierKind) -> [Option<&'static str>; 4] {
    use IdentifierKind as Kind;
    match kind {
        Kind::Email => [Some(" Nora.Quist+VIP@Gmail.com"), Some("nora"), None, Some("test@test.com")],
        Kind::Phone => [Some("030 901820"), Some("+1 512 867 5309"), Some("12"), None],
        Kind::FirstName => [Some("Dr. Zoë"), Some(" "), Some("Ada"), None],
        Kind::LastName => [Some("O'Brien Jr."), None, Some("Quist"), Some("null")],
        Kind::Gender => [Some("female"), Some("m"), Some("?"), None],
        Kind::BirthDate => [Some("1985-02-28"), Some("31.02.1985"), None, Some("1970-01-02")],
        Kind::Street => [Some("Unter den Linden 5"), None, Some(""), Some("1 Main St")],
        Kind::City => [Some("St. Gallen"), Some("-"), None, Some("Boston")],
        Kind::Region => [Some("California"), Some("MA"), None, Some("")],
        Kind::Postal => [Some("SW1A 1AA"), Some("02139-1234"), Some("10117"), None],
        Kind::Idfa | Kind::Gaid => [
            Some("8C5C2C3A-1F5B-4D0E-9A7B-0123456789AB"),
            Some("00000000-0000-0000-0000-000000000000"),
            None,
            Some("x"),
        ],
        Kind::Ip => [Some("8.8.8.8"), Some("10.0.0.1"), Some("2001:4860:4860::8888"), None],
        Kind::Gclid | Kind::Gbraid | Kind::Wbraid => [Some("TeSter-123_abc"), None, Some("a b"), Some("Cj0KCQ")],
        Kind::ExternalId => [Some("shop-1001"), Some("0"), Some("null"), None],
        _ => [Some("AbCdEf0123456789"), None, Some(""), Some("Mozilla/5.0 (X11; Linux x86_64)")],
    }
}

#[test]
fn every_profile_sends_of_columns_what_it_sends_of_members() {
    let canonicalizer = Canonicalizer::new();
    let countries = [Some("Germany"), Some("us"), None, Some("Atlantis")];
    let kinds = || IdentifierKind::ALL.iter().filter(|kind| kind.source() == **kind);
    let mut digests = Digests::new();
    let mut sent = 0;
    for (profile, country_is_a_column) in profiles::ALL.iter().flat_map(|it| [(*it, false), (*it, true)]) {
        let table: Vec<_> = kinds()
            .filter(|kind| **kind != IdentifierKind::Country || country_is_a_column)
            .map(|kind| (*kind, if *kind == IdentifierKind::Country { countries } else { cells(*kind) }))
            .collect();
        let mut columns = Columns::new(4);
        if !country_is_a_column {
            columns = columns.countries(Column::Optional(&countries));
        }
        for (kind, cells) in &table {
            columns = columns.column(*kind, Column::Optional(cells));
        }
        canonicalizer.hash_columns(profile, &columns, &mut digests).unwrap();
        for row in 0..4 {
            let mut member = Member::new("1");
            for (kind, cells) in &table {
                if let Some(cell) = cells[row] {
                    member = member.identifier(*kind, cell);
                }
            }
            if !country_is_a_column {
                member = member.country(countries[row].unwrap_or_default());
            }
            let expected = canonicalizer.canonicalize_member(&member).project(profile);
            let mut rejects = Vec::new();
            let mut identifiers = Vec::new();
            for (rule, of) in profile.rules.iter().enumerate() {
                let mut out = Vec::new();
                if digests.write_to(row, rule, &mut out) {
                    identifiers.push((of.kind, String::from_utf8(out).unwrap()));
                }
                rejects.extend(digests.reject(row, rule).map(|reject| (of.kind.source(), reject)));
            }
            let wire = |it: &crate::identity::Identifier| (it.kind, it.value.to_wire_string());
            assert_eq!(identifiers, expected.identifiers.iter().map(wire).collect::<Vec<_>>(), "{} {row}", profile.id);
            let mut told: Vec<_> = expected.rejects.iter().map(|(kind, reject)| (kind.source(), *reject)).collect();
            told.sort_by_key(|(kind, reject)| (*kind, reject.code()));
            rejects.sort_by_key(|(kind, reject)| (*kind, reject.code()));
            assert_eq!(rejects, told, "{} {row}", profile.id);
            assert_eq!(digests.matchable(row), expected.matchable, "{} {row}", profile.id);
            sent += identifiers.len();
        }
    }
    assert!(sent > 500, "only {sent} values were sent");
}

#[test]
fn columns_that_contradict_each_other_are_refused() {
    let cells = ["1985"];
    let countries = ["DE"];
    let of = |kind| Columns::new(1).countries(Column::Values(&countries)).column(kind, Column::Values(&cells));
    for (columns, found) in [
        (of(IdentifierKind::BirthYear), "expected a column of birth_date, found one of birth_year"),
        (of(IdentifierKind::Country), "found them as countries and as a column of country"),
    ] {
        let error = Canonicalizer::new().hash_columns(&META, &columns, &mut Digests::new()).unwrap_err();
        assert!(error.to_string().contains(found), "{error}");
    }
}
