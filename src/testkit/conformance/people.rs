//! Sample members, made through the destination's own profile.

use sha2::{Digest, Sha256};

use crate::destination::{Action, Attributes, Capabilities, MemberId, OpId, Reason, RemovalNeeds, Row};
use crate::identity::{Canonicalizer, Consent, Member};
use crate::testkit::LeakScanner;
use crate::time::Timestamp;

const DOMAIN: &str = "zwitscher-kasten.example";
const FIRST_NAME: &str = "Kanarienv\u{f6}gelchen";
const LAST_NAME: &str = "Zwitscherkasten";
/// The range of Berlin that is kept for films, `(0)30 23125` (Bundesnetzagentur, Mitteilung 148/2021, as quoted at
/// teltarif.de/drama-rufnummern-fiktiv-bundesnetzagentur-filme/news/84487.html, read November 2026), longer by three
/// digits: enough for every sample, and given to nobody.
const PHONE: &str = "+493023125";

/// The row that adds sample member `n` (below a million) at `now`: canonicalized, projected to the destination's
/// profile, with consent granted and without attributes. The same number is the same member.
pub fn sample_row(capabilities: &Capabilities, n: u32, now: Timestamp) -> Row {
    let id = format!("kanarie-{n:06}");
    let member = Member::new(&*id)
        .email(format!("kanarie.{n:06}@{DOMAIN}"))
        .phone(format!("{PHONE}{n:06}"))
        .external_id(&*id)
        .first_name(FIRST_NAME)
        .last_name(LAST_NAME);
    let member = with_clicks(with_person(member, n), n);
    let canonical = Canonicalizer::new().with_allow_test_values(true).canonicalize_member(&member);
    Row {
        op_id: op_id(&id, Action::Add, now),
        member_id: MemberId::new(id),
        identifiers: canonical.project(capabilities.profile).identifiers,
        attributes: Attributes::default(),
        consent: Consent::GRANTED,
        arm: None,
        reason: Reason::Entered,
        effective_at: now,
        expires_at: None,
        vendor_ref: None,
    }
}

/// What is known of a person beside names and contact data.
fn with_person(member: Member, n: u32) -> Member {
    member
        .gender("f")
        .birth_date("1984-05-06")
        .street(format!("{LAST_NAME}weg 7"))
        .city(LAST_NAME)
        .region(LAST_NAME)
        .postal("10115")
        .country("DE")
        .idfa(format!("0c0ffee0-0000-4000-8000-000000{n:06}"))
        .gaid(format!("0decade0-0000-4000-8000-000000{n:06}"))
        // RFC 5737.
        .ip(format!("203.0.113.{}", n % 256))
        .user_agent(format!("{LAST_NAME}/1.0"))
        .uid2(format!("kanarieA{n:06}{:A<29}=", ""))
        .euid(format!("kanarieB{n:06}{:A<29}=", ""))
        .ramp_id(format!("XYkanarie{n:06}"))
        .handle(format!("kanarie_{n:06}"))
        .platform_user_id(format!("kanarie{n:06}"))
}

fn with_clicks(member: Member, n: u32) -> Member {
    let click = format!("kanarie-{n:06}");
    let click = click.as_str();
    member
        .gclid(click)
        .gbraid(click)
        .wbraid(click)
        .fbc(format!("fb.1.1554763741205.{click}"))
        .fbp(format!("fb.1.1554763741205.{click}"))
        .fbclid(click)
        .ttclid(click)
        .ttp(click)
        .msclkid(click)
        .sc_click_id(click)
        .epik(click)
        .twclid(click)
        .rdt_cid(click)
        .li_fat_id(click)
        .irclickid(click)
}

/// The row that takes the member of `row` away at `now`, with no more than the destination declares to need.
pub(super) fn removal(capabilities: &Capabilities, row: &Row, now: Timestamp) -> Row {
    let by_identifiers = capabilities.removal == RemovalNeeds::Identifiers;
    Row {
        op_id: op_id(row.member_id.as_str(), Action::Remove, now),
        member_id: row.member_id.clone(),
        identifiers: if by_identifiers { row.identifiers.clone() } else { Vec::new() },
        attributes: Attributes::default(),
        consent: Consent::default(),
        arm: None,
        reason: Reason::Left,
        effective_at: now,
        expires_at: None,
        vendor_ref: None,
    }
}

/// The row that sends a changed member again at `now`.
pub(super) fn again(action: Action, row: &Row, now: Timestamp) -> Row {
    Row { op_id: op_id(row.member_id.as_str(), action, now), reason: Reason::Changed, effective_at: now, ..row.clone() }
}

fn op_id(member: &str, action: Action, at: Timestamp) -> OpId {
    let digest = Sha256::digest(format!("conformance\x1f{member}\x1f{action}\x1f{}", at.as_millis()));
    OpId::from_bytes(std::array::from_fn(|index| digest[index]))
}

/// Looks for what all samples share, and for the harness's secrets.
pub(super) fn scanner(secrets: &[String]) -> LeakScanner {
    let scanner = LeakScanner::new()
        .canary("member id or email", "kanarie")
        .canary("email", DOMAIN)
        .canary("phone", PHONE)
        .canary("first name", FIRST_NAME)
        .canary("last name", LAST_NAME);
    secrets.iter().filter(|secret| secret.len() >= 6).fold(scanner, |scanner, secret| scanner.canary("secret", secret))
}

/// The digests of a row's identifiers, in hex: what errors and reports must not show either.
pub(super) fn digests(row: &Row) -> impl Iterator<Item = String> {
    row.identifiers
        .iter()
        .filter(|identifier| identifier.value.algorithm().is_some())
        .map(|it| it.value.to_wire_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{IdentifierKind, profiles};

    #[test]
    fn samples_carry_every_kind_of_the_profile_and_differ() {
        let now = Timestamp::from_secs(1);
        for profile in profiles::ALL {
            let capabilities = Capabilities::new(profile);
            let one = sample_row(&capabilities, 1, now);
            // Of Google's three click ids one is sent.
            let sent = |kind: &IdentifierKind| !matches!(kind, IdentifierKind::Gbraid | IdentifierKind::Wbraid);
            let kinds: Vec<_> = one.identifiers.iter().map(|identifier| identifier.kind).collect();
            let all: Vec<_> = profile.rules.iter().map(|rule| rule.kind).filter(sent).collect();
            // LiveRamp takes no phones of Berlin.
            let all: Vec<_> =
                all.into_iter().filter(|kind| (profile.id, *kind) != ("liveramp", IdentifierKind::Phone)).collect();
            assert_eq!(kinds, all, "{}", profile.id);
        }
        let capabilities = Capabilities::new(&profiles::META_CUSTOM_AUDIENCE);
        let (one, other) = (sample_row(&capabilities, 1, now), sample_row(&capabilities, 2, now));
        assert_eq!(one, sample_row(&capabilities, 1, now));
        assert_ne!(one.op_id, other.op_id);
        let differing: Vec<_> =
            one.identifiers.iter().filter(|it| !other.identifiers.contains(it)).map(|it| it.kind).collect();
        use IdentifierKind::{Email, ExternalId, Gaid, Idfa, Phone};
        assert_eq!(differing, [ExternalId, Email, Phone, Idfa, Gaid]);
        assert!(sample_row(&Capabilities::new(&profiles::WAREHOUSE), 999_999, now).identifiers.is_empty());
    }

    #[test]
    fn samples_are_seen_wherever_they_show() {
        let scanner = scanner(&["s3cr3t".to_owned(), "x".to_owned()]);
        let row = sample_row(&Capabilities::new(&profiles::META_CUSTOM_AUDIENCE), 7, Timestamp::from_secs(1));
        for shown in [row.member_id.as_str(), "KANARIE.7%40", "tel 493023125000007", "s3cr3t", DOMAIN, LAST_NAME] {
            assert!(!scanner.scan(shown.as_bytes()).is_empty(), "{shown}");
        }
        // Of the sixteen the external id and both device ids are clear.
        assert_eq!(digests(&row).count(), 13);
        assert!(scanner.scan_debug(&row).is_empty());
    }
}
