//! Phone numbers.
//!
//! The rules of the numbering plans are those of Google's library, by `rlibphonenumber`.

use super::region::Region;
use super::reject::{Notes, Reject};

/// How national numbers are read.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "phone"), expect(dead_code, reason = "read by the parser alone"))]
pub(super) struct Reading {
    /// The region of national numbers.
    pub(super) region: Option<Region>,
    /// Whether the region is the member's own, not a default.
    pub(super) region_is_own: bool,
    pub(super) require_valid: bool,
    pub(super) allow_test_values: bool,
}

/// The separate numbers of a cell that holds several.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', ',', '|', '\n']).flat_map(|piece| piece.split(" / ")).map(str::trim).filter(|it| !it.is_empty())
}

/// A number as E.164.
#[cfg(not(feature = "phone"))]
pub(super) fn canonical_phone(text: &str, _reading: Reading) -> Result<(Box<str>, Notes), Reject> {
    if text.trim().is_empty() { Err(Reject::Missing) } else { Err(Reject::FeatureDisabled) }
}

#[cfg(feature = "phone")]
pub(super) use parse::canonical_phone;

#[cfg(feature = "phone")]
mod parse {
    use rlibphonenumber::{
        NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberFormat, Region as Plan,
        ValidationError,
    };
    use unicode_normalization::UnicodeNormalization as _;

    use super::{Notes, Reading, Region, Reject, split};
    use crate::identity::clean::{self, clean};
    use crate::identity::reject::PhoneReason;

    /// Longer texts are not read: it is Google's own limit.
    const INPUT_LIMIT: usize = 250;

    /// A number as E.164: `+` and digits.
    pub(in crate::identity) fn canonical_phone(text: &str, reading: Reading) -> Result<(Box<str>, Notes), Reject> {
        let (text, mut notes) = prepare(text)?;
        let number = read(&text, reading, &mut notes).map_err(|reject| {
            let mut pieces = split(&text).peekable();
            let several = pieces.peek().is_some_and(|first| first.len() < text.len())
                && pieces.all(|piece| read(piece, reading, &mut Notes::default()).is_ok());
            if several { Reject::Phone(PhoneReason::MultiValue) } else { reject }
        })?;
        notes.add_if(number.extension.is_some(), Notes::EXTENSION_DROPPED);
        let e164 = number.format_as(PhoneNumberFormat::E164).into_owned();
        if is_fiction(&e164) {
            if !reading.allow_test_values {
                return Err(Reject::TestValue);
            }
            notes = notes.with(Notes::TEST_VALUE);
        }
        Ok((e164.into(), notes))
    }

    /// Takes off what is not the number, and refuses what is none at first sight.
    fn prepare(text: &str) -> Result<(String, Notes), Reject> {
        if text.len() > INPUT_LIMIT {
            return Err(Reject::TooLong);
        }
        let (text, mut notes) = clean(text);
        let folded = if text.is_ascii() { text.to_string() } else { text.nfkc().collect::<String>() };
        notes.add_if(folded != text, Notes::WIDTH_FOLDED);
        let mut text = folded.trim_matches(' ');
        if let Some(inner) = clean::unquote(text) {
            notes = notes.with(Notes::UNWRAPPED);
            text = inner;
        }
        if let Some(rest) = strip_scheme(text) {
            notes = notes.with(Notes::SCHEME_STRIPPED);
            text = rest;
        }
        if text.is_empty() {
            return Err(Reject::Missing);
        }
        if clean::is_null_like(text) {
            return Err(Reject::Placeholder);
        }
        if clean::looks_hashed(text) {
            return Err(Reject::HashedInPlain);
        }
        if text.contains('@') {
            return Err(Reject::Phone(PhoneReason::NotANumber));
        }
        if is_scientific(text) {
            return Err(Reject::Phone(PhoneReason::SpreadsheetDamage));
        }
        if let Some(whole) = text.strip_suffix(".0").filter(|whole| is_bare(whole.strip_prefix('+').unwrap_or(whole))) {
            notes = notes.with(Notes::FLOAT_TAIL);
            text = whole;
        }
        if is_typed_filler(text) {
            return Err(Reject::Placeholder);
        }
        Ok((text.to_owned(), notes))
    }

    fn strip_scheme(text: &str) -> Option<&str> {
        let (scheme, rest) = text.split_once(':')?;
        clean::is_word_of(scheme, &["tel", "callto", "whatsapp", "sms"]).then(|| rest.trim_start_matches(['/', ' ']))
    }

    fn is_bare(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// `4.15555E+09`: a spreadsheet has rounded the digits away.
    fn is_scientific(text: &str) -> bool {
        let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
        let whole = mantissa.replacen(['.', ','], "", 1);
        is_bare(&whole) && is_bare(exponent.strip_prefix('+').unwrap_or(exponent))
    }

    fn digits_of(text: &str) -> String {
        text.chars().filter(char::is_ascii_digit).collect()
    }

    /// Digits somebody typed to get past a form. Fewer than five are a short code, if anything.
    fn is_typed_filler(text: &str) -> bool {
        let digits = digits_of(text);
        let short = (1..5).contains(&digits.len()) && !text.bytes().any(|byte| byte.is_ascii_alphabetic());
        short || is_filler(&digits) || matches!(&*digits, "12345678" | "123456789")
    }

    fn is_filler(digits: &str) -> bool {
        let all_equal = digits.len() > 4 && digits.bytes().all(|byte| digits.as_bytes().first() == Some(&byte));
        all_equal || matches!(digits, "1234567890" | "0123456789" | "9876543210")
    }

    /// `555-0100` to `555-0199` of the North American plan are kept free for fiction.
    fn is_fiction(e164: &str) -> bool {
        e164.len() == 12 && e164.starts_with("+1") && e164.get(5..10) == Some("55501")
    }

    fn read(text: &str, reading: Reading, notes: &mut Notes) -> Result<PhoneNumber, Reject> {
        let number = if is_international(text) {
            parse(text, None).map(|number| rescue_legacy(&number, notes).unwrap_or(number))
        } else {
            national(text, reading, notes)
        }?;
        judge(&number, reading, text, notes)?;
        Ok(number)
    }

    /// Whether the first thing that counts is a `+`, or the number brings its own country code (RFC 3966).
    fn is_international(text: &str) -> bool {
        let first = text.chars().find(|c| *c == '+' || c.is_numeric());
        first == Some('+') || text.contains(";phone-context=+")
    }

    fn parse(text: &str, region: Option<Plan>) -> Result<PhoneNumber, Reject> {
        PHONE_NUMBER_UTIL.parse(text, region).map_err(|error| {
            Reject::Phone(match error {
                ParseError::InvalidCountryCode => PhoneReason::CountryCode,
                ParseError::NotANumber(_) => PhoneReason::NotANumber,
                ParseError::TooShortAfterIdd | ParseError::TooShortNsn => PhoneReason::TooShort,
                ParseError::TooLongNsn => PhoneReason::TooLong,
            })
        })
    }

    /// A number without `+`: by the region, then by what people write in place of the `+`.
    fn national(text: &str, reading: Reading, notes: &mut Notes) -> Result<PhoneNumber, Reject> {
        let bare: String = digits_of(text);
        let idd = bare.strip_prefix("00").and_then(valid_with_plus);
        let Some(region) = reading.region.and_then(plan_of) else {
            notes.add_if(idd.is_some(), Notes::IDD_RESCUED);
            return idd.ok_or(Reject::Phone(PhoneReason::NoRegion));
        };
        let by_region = parse(text, Some(region));
        // No country code begins with a zero.
        let with_code = if is_bare(text) && !text.starts_with('0') { valid_with_plus(text) } else { None };
        if let Some(number) = by_region.as_ref().ok().filter(|number| number.is_valid()) {
            return Ok(match with_code.filter(|other| other != number) {
                None => applied(number.clone(), notes),
                // Both readings are valid. Only the member's own country can tell them apart.
                Some(other) => {
                    *notes = notes.with(Notes::AMBIGUOUS_COUNTRY_CODE);
                    let own = reading.region_is_own
                        && PHONE_NUMBER_UTIL.get_country_code_for_region(region) == Some(other.country_code);
                    if own { other } else { applied(number.clone(), notes) }
                }
            });
        }
        if let Some(number) = idd {
            *notes = notes.with(Notes::IDD_RESCUED);
            return Ok(number);
        }
        if let Some(number) = with_code {
            *notes = notes.with(Notes::PLUS_RESCUED);
            return Ok(number);
        }
        by_region.map(|number| applied(number, notes))
    }

    fn applied(number: PhoneNumber, notes: &mut Notes) -> PhoneNumber {
        *notes = notes.with(Notes::REGION_APPLIED);
        number
    }

    fn valid_with_plus(digits: &str) -> Option<PhoneNumber> {
        PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).ok().filter(PhoneNumber::is_valid)
    }

    /// Mexico dials mobiles without the `1` after `+52` since 2019.
    fn rescue_legacy(number: &PhoneNumber, notes: &mut Notes) -> Option<PhoneNumber> {
        if number.country_code != 52 || number.is_valid() {
            return None;
        }
        let national = number.get_national_significant_number();
        let rescued = valid_with_plus(&format!("52{}", national.strip_prefix('1')?))?;
        *notes = notes.with(Notes::LEGACY_PREFIX);
        Some(rescued)
    }

    /// The plan of a region, where the library has one.
    fn plan_of(region: Region) -> Option<Plan> {
        let plan = Plan::from_code(region.as_str()).ok()?;
        PHONE_NUMBER_UTIL.get_country_code_for_region(plan).is_some().then_some(plan)
    }

    fn judge(number: &PhoneNumber, reading: Reading, text: &str, notes: &mut Notes) -> Result<(), Reject> {
        let national = number.get_national_significant_number();
        if is_filler(&national) {
            return Err(Reject::Placeholder);
        }
        let reason = match number.is_possible_with_reason() {
            Ok(NumberLengthType::IsPossible) => None,
            // Without its area code it is another number in every town.
            Ok(NumberLengthType::IsPossibleLocalOnly) | Err(ValidationError::TooShort) => Some(PhoneReason::TooShort),
            Err(ValidationError::TooLong) => Some(PhoneReason::TooLong),
            Err(ValidationError::InvalidLength) => Some(PhoneReason::InvalidLength),
            Err(ValidationError::InvalidCountryCode) => Some(PhoneReason::CountryCode),
        };
        if let Some(reason) = reason {
            return Err(Reject::Phone(reason));
        }
        let vanity = text.chars().filter(char::is_ascii_alphabetic).count() >= 3 && number.extension.is_none();
        notes.add_if(vanity, Notes::VANITY);
        if number.is_valid() {
            return Ok(());
        }
        // Letters become digits by keypad; unless a known number comes out, they were a remark, not a number.
        if reading.require_valid || vanity || !is_settled(number) {
            return Err(Reject::Phone(PhoneReason::NotValid));
        }
        *notes = notes.with(Notes::POSSIBLE_ONLY);
        Ok(())
    }

    /// Whether the number reads as itself. One with two trunk zeros loses one at each reading: it is no number, and
    /// would be another identifier wherever it has been through here once more.
    fn is_settled(number: &PhoneNumber) -> bool {
        let again = PHONE_NUMBER_UTIL.parse(number.format_as(PhoneNumberFormat::E164), None);
        again.is_ok_and(|again| again.format_as(PhoneNumberFormat::E164) == number.format_as(PhoneNumberFormat::E164))
    }
}

#[cfg(all(test, feature = "phone"))]
mod tests;
