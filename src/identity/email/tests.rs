use proptest::prelude::*;

use super::*;
use crate::identity::{EmailReason, PreImage};

fn email(text: &str) -> Result<String, Reject> {
    canonical_email(text, false).map(|(address, _)| address.into())
}

fn notes(text: &str) -> Notes {
    canonical_email(text, true).unwrap().1
}

fn reason(text: &str) -> EmailReason {
    match email(text) {
        Err(Reject::Email(reason)) => reason,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_canonical_form_is_lower_case_with_dots_and_tag_kept() {
    assert_eq!(email("  Nora.Quist+VIP@Gmail.com").as_deref(), Ok("nora.quist+vip@gmail.com"));
    assert_eq!(email("o'brien_{x}~!#$%&*/=?^`|@a-b.co.uk").as_deref(), Ok("o'brien_{x}~!#$%&*/=?^`|@a-b.co.uk"));
    assert_eq!(email("N@XN--BCHER-KVA.CH").as_deref(), Ok("n@xn--bcher-kva.ch"));
    assert_eq!(notes(" Nora@quist.se "), Notes::TRIMMED.with(Notes::LOWERCASED));
    assert_eq!(notes("nora@quist.se"), Notes::NONE);
}

#[test]
fn wrapping_is_taken_off_however_it_is_nested() {
    for wrapped in [
        "\"nora@quist.se\"",
        "'nora@quist.se'",
        "“nora@quist.se”",
        "<nora@quist.se>",
        "Nora Quist <nora@quist.se>",
        "\"Quist, Nora\" <Nora@Quist.se>",
        "mailto:nora@quist.se",
        "MAILTO:nora%40quist.se?subject=Hi%20there",
        "Nora <mailto:nora@quist.se>",
        "\"nora@quist.se\" <nora@quist.se>",
        "nora%40quist.se",
        "nora@quist.se;",
        "nora@quist.se.",
        "nora @quist.se",
        "nora@ quist . se",
    ] {
        assert_eq!(email(wrapped).as_deref(), Ok("nora@quist.se"), "{wrapped}");
    }
    assert!(notes("Nora <nora@quist.se>").contains(Notes::DISPLAY_NAME_STRIPPED));
    assert!(notes("mailto:nora@quist.se").contains(Notes::SCHEME_STRIPPED));
    assert!(notes("nora @quist.se").contains(Notes::SPACE_REMOVED));
    // `%` is a letter of a local part where there is an `@` already.
    assert_eq!(email("a%40b@quist.se").as_deref(), Ok("a%40b@quist.se"));
}

#[test]
fn invisible_and_wide_characters_do_not_matter() {
    assert_eq!(email("\u{FEFF}no\u{200B}ra@quist.se\u{A0}\r\n").as_deref(), Ok("nora@quist.se"));
    assert_eq!(email("ｎｏｒａ＠ｑｕｉｓｔ．ｓｅ").as_deref(), Ok("nora@quist.se"));
    assert_eq!(email("nora@quist。se").as_deref(), Ok("nora@quist.se"));
    assert!(notes("ｎora@quist.se").contains(Notes::WIDTH_FOLDED));
}

#[test]
fn text_outside_ascii_is_composed_and_its_domain_is_ascii() {
    // RFC 3492 and the registry of .ch: bücher is xn--bcher-kva.
    assert_eq!(email("info1@Bücher.ch").as_deref(), Ok("info1@xn--bcher-kva.ch"));
    assert_eq!(email("info1@bu\u{308}cher.ch").as_deref(), Ok("info1@xn--bcher-kva.ch"));
    assert_eq!(email("ZOE\u{308}@quist.se").as_deref(), Ok("zoë@quist.se"));
    assert!(notes("zoë@bücher.ch").contains(Notes::SMTPUTF8.with(Notes::IDN_CONVERTED)));
    assert_eq!(reason("“nora@quist.se"), EmailReason::BadChar);
}

#[test]
fn every_reason_is_told_apart() {
    let long_local = format!("{}@quist.se", "a".repeat(65));
    let long = format!("{}@{}.se", "a".repeat(64), ["b".repeat(63), "c".repeat(63), "d".repeat(60)].join("."));
    let long_label = format!("nora@{}.se", "b".repeat(64));
    for (text, expected) in [
        ("nora.quist.se", EmailReason::NoAt),
        ("nora@@quist.se", EmailReason::MultipleAt),
        ("@quist.se", EmailReason::EmptyLocal),
        ("nora@", EmailReason::EmptyDomain),
        (long_local.as_str(), EmailReason::LocalTooLong),
        (long.as_str(), EmailReason::TooLong),
        ("nora quist@quist.se", EmailReason::InnerSpace),
        ("nora:x@quist.se", EmailReason::BadChar),
        ("nora@qui_st.se", EmailReason::BadChar),
        (".nora@quist.se", EmailReason::DotEdge),
        ("nora.@quist.se", EmailReason::DotEdge),
        ("nora@.quist.se", EmailReason::DotEdge),
        ("no..ra@quist.se", EmailReason::DoubleDot),
        ("nora@quist..se", EmailReason::DoubleDot),
        ("nora@quist", EmailReason::NoTld),
        ("nora@quist.123", EmailReason::NumericTld),
        ("nora@192.0.2.1", EmailReason::NumericTld),
        ("nora@-quist.se", EmailReason::BadLabel),
        (long_label.as_str(), EmailReason::BadLabel),
        ("\"nora q\"@quist.se", EmailReason::Quoted),
        ("nora(home)@quist.se", EmailReason::Comment),
        ("nora@[192.0.2.1]", EmailReason::Literal),
        ("nora@quist.se;ola@quist.se", EmailReason::MultiValue),
        ("nora@quist.se, ola@quist.se", EmailReason::MultiValue),
        ("nora@quist.se ola@quist.se", EmailReason::MultiValue),
        ("nora@quist.se|ola@quist.se", EmailReason::MultiValue),
        ("Nora <nora@quist.se>; Ola Q <ola@quist.se>", EmailReason::MultiValue),
        ("nora@quist.se, <ola@quist.se>", EmailReason::MultiValue),
    ] {
        assert_eq!(reason(text), expected, "{text}");
    }
    // One piece of two is no address: not several addresses, but a bad one.
    assert_eq!(reason("nora@quist.se;ola@"), EmailReason::MultipleAt);
    assert_eq!(
        split("Nora <nora@quist.se>; Ola Q <ola@quist.se>, b@quist.se c@quist.se").collect::<Vec<_>>(),
        ["Nora <nora@quist.se>", "Ola Q <ola@quist.se>", "b@quist.se", "c@quist.se"]
    );
    for list in [
        "\"a@q.se, b@q.se\"",
        "mailto:a@q.se,b@q.se?subject=x",
        "\u{FEFF}a@q.se；b@q.se\r\n",
        "'a@q.se'|'b@q.se'",
        "\"a@q.se\" , \"b@q.se\"",
    ] {
        assert_eq!(reason(list), EmailReason::MultiValue, "{list}");
        let pieces: Vec<_> = split(list).map(|piece| email(piece).unwrap()).collect();
        assert_eq!(pieces, ["a@q.se", "b@q.se"], "{list}");
    }
    assert_eq!(email(&"a".repeat(9000)), Err(Reject::TooLong));
}

#[test]
fn lengths_are_measured_to_the_octet() {
    let domain = [&"b".repeat(63), &"c".repeat(63), "dd", "se"].join(".");
    let local = "a".repeat(64);
    assert!(email(&format!("{local}@{domain}")).is_ok());
    let domain = ["b".repeat(63), "c".repeat(63), "d".repeat(58), "se".to_owned()].join(".");
    assert_eq!(format!("{local}@{domain}").len(), 254);
    assert!(email(&format!("{local}@{domain}")).is_ok());
    assert_eq!(reason(&format!("{local}@d{domain}")), EmailReason::BadLabel);
}

#[test]
fn nobody_is_refused() {
    for text in ["", "  ", "\u{200B}", "\"\"", "<>", "mailto:"] {
        assert_eq!(email(text), Err(Reject::Missing), "{text}");
    }
    for text in ["null", "N/A", " none ", "[object Object]", "\\N", "test"] {
        assert_eq!(email(text), Err(Reject::Placeholder), "{text}");
    }
    for text in ["Test@Test.com", "noemail@noemail.com", "none@none.com", "x@x.com", "test@example.com"] {
        assert_eq!(email(text), Err(Reject::Placeholder), "{text}");
    }
    // Real people have addresses at such domains.
    assert_eq!(email("nora.quist@mail.com").as_deref(), Ok("nora.quist@mail.com"));
    assert_eq!(email("test@quist.se").as_deref(), Ok("test@quist.se"));
}

#[test]
fn test_values_pass_by_option_alone() {
    for text in ["ola.berg@fjord.example", "ada@example.org", "ada@mail.example.com", "a@b.test", "a@printer.local"] {
        assert_eq!(email(text), Err(Reject::TestValue), "{text}");
        assert!(canonical_email(text, true).unwrap().1.contains(Notes::TEST_VALUE), "{text}");
    }
    assert!(canonical_email("test@test.com", true).is_ok());
    assert_eq!(email("ada@myexample.com").as_deref(), Ok("ada@myexample.com"));
}

#[test]
fn a_digest_is_not_hashed_again() {
    let digest = "7799473FF091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0";
    assert_eq!(email(digest), Err(Reject::HashedInPlain));
    assert_eq!(email(&format!(" sha256:{digest}")), Err(Reject::HashedInPlain));
    assert_eq!(reason(&digest[1..]), EmailReason::NoAt);
}

#[test]
fn relays_are_noted() {
    assert!(notes("k7x@privaterelay.appleid.com").contains(Notes::RELAY));
    assert!(notes("k7x@marketplace.amazon.de").contains(Notes::RELAY));
    assert!(!notes("k7x@amazon.de").contains(Notes::RELAY));
}

#[test]
fn roles_and_disposable_domains_are_noted_and_kept() {
    for role in ["info@quist.se", "Postmaster@quist.se", "support+se@quist.se", "no-reply@quist.se"] {
        assert!(notes(role).contains(Notes::ROLE), "{role}");
    }
    for person in ["infos.quist@quist.se", "nora@info.se", "in.fo@quist.se", "nora+info@quist.se"] {
        assert!(!notes(person).contains(Notes::ROLE), "{person}");
    }
    assert!(notes("nora@eu.mailinator.com").contains(Notes::DISPOSABLE));
    assert!(!notes("nora@notmailinator.com").contains(Notes::DISPOSABLE));
}

#[test]
fn a_hosts_own_list_stands_in_for_the_built_in_one() {
    use std::sync::LazyLock;

    use crate::identity::{Canonicalizer, IdentifierKind, RegionHint};

    static OURS: LazyLock<DomainList> = LazyLock::new(|| DomainList::parse("throwaway.se"));
    let canonicalizer = Canonicalizer::new().with_disposable_domains(&OURS);
    let notes =
        |address| canonicalizer.canonicalize(IdentifierKind::Email, address, RegionHint::Unset).unwrap().notes();
    assert_eq!(notes("nora@mx.throwaway.se"), Notes::DISPOSABLE);
    assert_eq!(notes("nora@mailinator.com"), Notes::NONE);
    assert_eq!(notes("info@mailinator.com"), Notes::ROLE);
}

#[test]
fn nothing_of_an_odd_address_goes_the_fast_way_and_all_of_a_plain_one_does() {
    let mut out = [0; 256];
    let mut plain = |text: &str| fast(text.as_bytes(), false, &mut out).is_some();
    let at_limit = format!("{}@quist-berg.se", "a".repeat(50));
    for text in ["nora@quist.se", "\tO'Brien+x@A-B.co.uk\r\n", "a@b.co", at_limit.as_str(), "info@mailinator.com"] {
        assert!(plain(text), "{text}");
    }
    let over_limit = format!("a{at_limit}");
    for text in [
        "",
        "@",
        "nora",
        "zoë@quist.se",
        "\"nora\"@quist.se",
        "no ra@quist.se",
        "a%40b@quist.se",
        "<nora@quist.se>",
        "no\tra@quist.se",
        "nora@quist.se.",
        "nora@quist.4u",
        "nora@-quist.se",
        "nora@quist",
        "a@test.com",
        "a@b.test",
        "n..a@quist.se",
        "nora@a@quist.se",
        "nora@qu_ist.se",
        "\u{7F}nora@quist.se",
        over_limit.as_str(),
    ] {
        assert!(!plain(text), "{text}");
    }
}

/// What the two ways say where the fast one says anything, if that is not the same.
pub(super) fn agree(text: &str) -> Option<String> {
    let mut out = [0xFF; 256];
    for allow in [false, true] {
        let Some(done) = fast(text.as_bytes(), allow, &mut out) else { continue };
        let address = std::str::from_utf8(done.address(&out)).unwrap();
        let slow = slow::slow(text, allow);
        if slow.as_ref().map(|(address, notes)| (&**address, *notes)) != Ok((address, done.notes)) {
            return Some(format!("{text:?}: fast {address:?} {:?}, slow {slow:?}", done.notes));
        }
        let mut folded = String::new();
        PreImage::EmailGmailFolded.write(address, &mut folded).unwrap();
        let mut scratch = [0xFF; 256];
        if done.gmail_folded(&out, &mut scratch) != folded.as_bytes() {
            return Some(format!("{text:?}: folded to {folded:?}"));
        }
        if (done.at, done.name_end) != (address.find('@')?, address.find(['+', '@'])?) {
            return Some(format!("{text:?}: @ at {}, name to {}", done.at, done.name_end));
        }
    }
    None
}

/// Texts that are addresses, almost addresses, and wrapped addresses.
fn address_like() -> impl Strategy<Value = String> {
    "[ \"'<]{0,2}(mailto:|N )?[A-Za-zäÉ%+._'-]{0,8}[ @＠;]{0,2}[A-Za-z0-9ü.。-]{0,8}[.]?[a-z]{0,3}[ \"'>.;]{0,2}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn twice_is_once(text in address_like()) {
        if let Ok(once) = email(&text) {
            prop_assert_eq!(email(&once), Ok(once));
        }
    }

    #[test]
    fn the_fast_way_is_the_slow_way(text in "[ ]?[A-Za-z0-9+._'%-]{1,8}@[A-Za-z0-9.-]{1,8}\\.[A-Za-z]{2,3}[ ]?") {
        prop_assert_eq!(agree(&text), None);
    }

    #[test]
    fn no_text_panics(text in any::<String>(), like in address_like()) {
        let _ = canonical_email(&text, true);
        let _ = canonical_email(&like, true);
        let _ = split(&text).count();
    }
}
