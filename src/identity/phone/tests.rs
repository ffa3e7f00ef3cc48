use proptest::prelude::*;

use super::*;
use crate::identity::reject::PhoneReason;

const NOTHING: Reading = Reading { region: None, region_is_own: false, require_valid: false, allow_test_values: false };

fn own(code: &str) -> Reading {
    Reading { region: Some(Region::parse(code).unwrap()), region_is_own: true, ..NOTHING }
}

fn default(code: &str) -> Reading {
    Reading { region_is_own: false, ..own(code) }
}

fn phone(text: &str, reading: Reading) -> Result<String, Reject> {
    canonical_phone(text, reading).map(|(number, _)| number.into())
}

fn noted(text: &str, reading: Reading) -> (String, Notes) {
    let (number, notes) = canonical_phone(text, reading).unwrap();
    (number.into(), notes)
}

#[test]
fn international_numbers_do_not_care_for_the_region() {
    for region in [NOTHING, own("US"), own("DE"), default("IT")] {
        // The US trunk prefix `1` is not stripped from other countries' numbers.
        for number in ["+4915123471732", "+33123082723", "+441212350054", "+390612345678", "+3545511234"] {
            assert_eq!(phone(number, region).as_deref(), Ok(number));
        }
        assert_eq!(phone("+44 (0)20 7946 0958", region).as_deref(), Ok("+442079460958"));
        assert_eq!(phone("(+49) 30/901820", region).as_deref(), Ok("+4930901820"));
        assert_eq!(phone("＋４９ ３０ ９０１８２０", region).as_deref(), Ok("+4930901820"));
        assert_eq!(phone("+٤٩ ٣٠ ٩٠١٨٢٠", region).as_deref(), Ok("+4930901820"));
        assert_eq!(phone("tel:+49-30-901820", region).as_deref(), Ok("+4930901820"));
        assert_eq!(phone("tel:30-901820;phone-context=+49", region).as_deref(), Ok("+4930901820"));
        assert_eq!(phone("WhatsApp: +49 30 901820", region).as_deref(), Ok("+4930901820"));
        assert_eq!(phone("\u{202A}+49\u{A0}30\u{200B}901820\u{202C}", region).as_deref(), Ok("+4930901820"));
    }
}

#[test]
fn national_numbers_need_a_region_that_is_known() {
    assert_eq!(phone("030 901820", own("DE")).as_deref(), Ok("+4930901820"));
    assert!(noted("030 901820", default("DE")).1.contains(Notes::REGION_APPLIED));
    // The zero of Italy, San Marino and Congo is part of the number.
    assert_eq!(phone("06 1234 5678", own("IT")).as_deref(), Ok("+390612345678"));
    assert_eq!(phone("06 123 4567", own("CG")).as_deref(), Ok("+242061234567"));
    assert_eq!(phone("(650) 253-0000", own("US")).as_deref(), Ok("+16502530000"));
    for text in ["030 901820", "(650) 253-0000", "4915123456801"] {
        assert_eq!(phone(text, NOTHING), Err(Reject::Phone(PhoneReason::NoRegion)), "{text}");
    }
    // Antarctica has no plan of its own.
    assert_eq!(phone("030 901820", own("AQ")), Err(Reject::Phone(PhoneReason::NoRegion)));
}

#[test]
fn double_zero_is_read_as_plus_where_that_is_a_number() {
    assert_eq!(phone("0044 20 7946 0958", own("DE")).as_deref(), Ok("+442079460958"));
    let (number, notes) = noted("00442079460958", own("US"));
    assert_eq!(number, "+442079460958");
    assert!(notes.contains(Notes::IDD_RESCUED));
    assert_eq!(phone("00442079460958", NOTHING).as_deref(), Ok("+442079460958"));
    assert_eq!(phone("011 44 20 7946 0958", own("US")).as_deref(), Ok("+442079460958"));
    assert_eq!(phone("0099912345", NOTHING), Err(Reject::Phone(PhoneReason::NoRegion)));
}

#[test]
fn bare_digits_are_read_with_their_country_code_where_only_that_fits() {
    let (number, notes) = noted("442079460958", own("US"));
    assert_eq!(number, "+442079460958");
    assert!(notes.contains(Notes::PLUS_RESCUED));
    // Both readings are valid: the member's own country decides, a default region does not.
    let (number, notes) = noted("4915123456801", own("DE"));
    assert_eq!(number, "+4915123456801");
    assert!(notes.contains(Notes::AMBIGUOUS_COUNTRY_CODE));
    assert_eq!(phone("4915123456801", default("DE")).as_deref(), Ok("+494915123456801"));
}

#[test]
fn old_mexican_mobiles_are_rescued() {
    let (number, notes) = noted("+52 1 55 1234 5678", NOTHING);
    assert_eq!(number, "+525512345678");
    assert!(notes.contains(Notes::LEGACY_PREFIX));
    assert_eq!(phone("011 15-2345-6789", own("AR")).as_deref(), Ok("+5491123456789"));
}

#[test]
fn extensions_are_dropped_and_letters_are_dialled() {
    for text in ["+49 30 901820 x12", "+49 30 901820 ext. 12", "tel:+4930901820;ext=12", "+49 30 901820 доб. 12"] {
        let (number, notes) = noted(text, NOTHING);
        assert_eq!(number, "+4930901820", "{text}");
        assert!(notes.contains(Notes::EXTENSION_DROPPED), "{text}");
    }
    let (number, notes) = noted("1-800-FLOWERS", own("US"));
    assert_eq!(number, "+18003569377");
    assert!(notes.contains(Notes::VANITY));
}

#[test]
fn spreadsheet_damage_is_told_from_a_float_tail() {
    for text in ["4.15555E+09", "4,15555e9", "4E9"] {
        assert_eq!(phone(text, own("US")), Err(Reject::Phone(PhoneReason::SpreadsheetDamage)), "{text}");
    }
    let (number, notes) = noted("6502530000.0", own("US"));
    assert_eq!(number, "+16502530000");
    assert!(notes.contains(Notes::FLOAT_TAIL));
    assert_eq!(phone("01.23.08.27.23", own("FR")).as_deref(), Ok("+33123082723"));
}

#[test]
fn nobody_is_refused() {
    for text in ["", " \u{200B} ", "tel:", "''"] {
        assert_eq!(phone(text, own("US")), Err(Reject::Missing), "{text}");
    }
    for text in [
        "null",
        "n/a",
        "-",
        "1234567890",
        "0123456789",
        "9876543210",
        "555 555 5555",
        "+1 000 000 0000",
        "112",
        "--5--",
    ] {
        assert_eq!(phone(text, own("US")), Err(Reject::Placeholder), "{text}");
    }
    assert_eq!(phone("+1 1234567890", NOTHING), Err(Reject::Placeholder));
    // A form filler in Poland, and with its country code a number of Kraków.
    assert_eq!(phone("123456789", own("PL")), Err(Reject::Placeholder));
    assert_eq!(phone("+48 12 345 67 89", NOTHING).as_deref(), Ok("+48123456789"));
    for text in ["hello", "nora@quist.se", "my number is x"] {
        assert_eq!(phone(text, own("US")), Err(Reject::Phone(PhoneReason::NotANumber)), "{text}");
    }
    let digest = "12945b229096fbeea14e73ff7096d927765584b9663358877238f4075eba0d89";
    assert_eq!(phone(digest, own("US")), Err(Reject::HashedInPlain));
    assert_eq!(phone(&"1".repeat(300), own("US")), Err(Reject::TooLong));
}

#[test]
fn lengths_that_no_number_has_are_refused() {
    assert_eq!(phone("+1 650 253", NOTHING), Err(Reject::Phone(PhoneReason::TooShort)));
    assert_eq!(phone("253 0000", own("US")), Err(Reject::Phone(PhoneReason::TooShort)));
    assert_eq!(phone("+1 650 253 0000 99", NOTHING), Err(Reject::Phone(PhoneReason::TooLong)));
    assert_eq!(phone("+999 1234567", NOTHING), Err(Reject::Phone(PhoneReason::CountryCode)));
}

#[test]
fn possible_numbers_are_kept_unless_only_valid_ones_are_wanted() {
    // No exchange of the North American plan begins with 1.
    let (number, notes) = noted("+1 650 153 0000", NOTHING);
    assert_eq!(number, "+16501530000");
    assert!(notes.contains(Notes::POSSIBLE_ONLY));
    let strict = Reading { require_valid: true, ..NOTHING };
    assert_eq!(phone("+1 650 153 0000", strict), Err(Reject::Phone(PhoneReason::NotValid)));
    assert_eq!(phone("+1 650 253 0000", strict).as_deref(), Ok("+16502530000"));
}

#[test]
fn a_number_that_changes_at_each_reading_is_refused() {
    for text in ["+375 0018 9986", "+49 (0) (0) 0 735", "+593 (0) (02) 123 4567"] {
        assert_eq!(phone(text, NOTHING), Err(Reject::Phone(PhoneReason::NotValid)), "{text}");
    }
}

#[test]
fn numbers_of_fiction_pass_by_option_alone() {
    assert_eq!(phone("+1 (512) 555-0100", NOTHING), Err(Reject::TestValue));
    let allowed = Reading { allow_test_values: true, ..NOTHING };
    let (number, notes) = noted("+1 (512) 555-0100", allowed);
    assert_eq!(number, "+15125550100");
    assert!(notes.contains(Notes::TEST_VALUE));
    assert_eq!(phone("+1 512 555 0200", NOTHING).as_deref(), Ok("+15125550200"));
}

#[test]
fn several_numbers_are_told_from_one() {
    for text in ["+4930901820; +442079460958", "+4930901820 / +442079460958", "+4930901820|+442079460958"] {
        assert_eq!(phone(text, NOTHING), Err(Reject::Phone(PhoneReason::MultiValue)), "{text}");
        assert_eq!(split(text).collect::<Vec<_>>(), ["+4930901820", "+442079460958"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_panics(text in any::<String>(), like in "[+0-9 ()/;x.eE\u{660}-\u{669}-]{0,24}") {
        for reading in [NOTHING, own("US"), default("DE")] {
            let _ = canonical_phone(&text, reading);
            let _ = canonical_phone(&like, reading);
        }
    }

    #[test]
    fn what_comes_out_is_plus_and_digits_and_reads_as_itself(
        like in "[+0]{0,2}[0-9 ()-]{6,16}|\\+(375|52|54|55|39|7|1|44|49|225)[0-9]{7,11}"
    ) {
        for reading in [NOTHING, own("US"), own("IT"), default("DE")] {
            if let Ok(number) = phone(&like, reading) {
                prop_assert_eq!(phone(&number, NOTHING), Ok(number.clone()));
                let digits = number.strip_prefix('+').unwrap();
                prop_assert!(digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0'));
            }
        }
    }
}

#[test]
fn twice_is_once() {
    for (text, reading) in [
        ("030 901820", own("DE")),
        ("06 1234 5678", own("IT")),
        ("00442079460958", own("US")),
        ("+52 1 55 1234 5678", NOTHING),
        ("+1 650 153 0000", NOTHING),
        ("1-800-FLOWERS", own("US")),
        ("4915123456801", default("DE")),
    ] {
        let once = phone(text, reading).unwrap();
        assert_eq!(phone(&once, reading).as_ref(), Ok(&once));
        assert_eq!(phone(&once, NOTHING).as_ref(), Ok(&once));
    }
}
