//! Phone numbers as people write them, by `rlibphonenumber`.

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, Region as Plan, ValidationError};
use unicode_normalization::UnicodeNormalization as _;

use super::e164::{self, Verdict};
use super::{Notes, Reading, Region, Reject, split};
use crate::identity::clean::{self, clean};
use crate::identity::reject::PhoneReason;

/// Longer texts are not read: it is Google's own limit.
const INPUT_LIMIT: usize = 250;

/// The zeros of the decimal digits outside ASCII that NFKC leaves alone (Unicode 16, category Nd, first plane).
const ZEROS: &[char] = &[
    '\u{660}', '\u{6F0}', '\u{7C0}', '\u{966}', '\u{9E6}', '\u{A66}', '\u{AE6}', '\u{B66}', '\u{BE6}', '\u{C66}',
    '\u{CE6}', '\u{D66}', '\u{DE6}', '\u{E50}', '\u{ED0}', '\u{F20}', '\u{1040}', '\u{1090}', '\u{17E0}', '\u{1810}',
    '\u{1946}', '\u{19D0}', '\u{1A80}', '\u{1A90}', '\u{1B50}', '\u{1BB0}', '\u{1C40}', '\u{1C50}', '\u{A620}',
    '\u{A8D0}', '\u{A900}', '\u{A9D0}', '\u{A9F0}', '\u{AA50}', '\u{ABF0}',
];

/// A number that has been read, and what the numbering plans say to it.
struct Number {
    number: PhoneNumber,
    /// `+` and digits.
    e164: String,
    national_at: usize,
    verdict: Verdict,
}

impl Number {
    fn of(number: PhoneNumber) -> Self {
        let code = number.country_code.to_string();
        let national = number.get_national_significant_number();
        let e164 = format!("+{code}{national}");
        let verdict = e164::judge(e164.as_bytes().get(1..).unwrap_or_default());
        Self { number, e164, national_at: 1 + code.len(), verdict }
    }

    const fn is_valid(&self) -> bool {
        self.verdict.fits()
    }

    fn digits(&self) -> &str {
        self.e164.get(1..).unwrap_or_default()
    }

    fn national(&self) -> &str {
        self.e164.get(self.national_at..).unwrap_or_default()
    }

    /// Whether the number reads as itself. One with two trunk zeros loses one at each reading: it is no number, and
    /// would be another identifier wherever it has been through here once more.
    fn is_settled(&self) -> bool {
        let again = || PHONE_NUMBER_UTIL.parse(&self.e164, None).is_ok_and(|again| Self::of(again).e164 == self.e164);
        matches!(self.verdict, Verdict::Valid { .. }) || again()
    }
}

/// A number as E.164, without a look at the automaton first.
pub(super) fn canonical_phone(text: &str, reading: Reading) -> Result<(Box<str>, Notes), Reject> {
    let (text, mut notes) = prepare(text)?;
    let read = read(&text, reading, &mut notes);
    // Two numbers in a row can have the length of one.
    if !read.as_ref().is_ok_and(Number::is_valid) && holds_several(&text, reading) {
        return Err(Reject::Phone(PhoneReason::MultiValue));
    }
    let number = read?;
    notes.add_if(number.number.extension.is_some(), Notes::EXTENSION_DROPPED);
    notes.add_if(number.verdict.is_rented(), Notes::NOT_PERSONAL);
    if e164::is_fiction(number.digits().as_bytes()) {
        if !reading.allow_test_values {
            return Err(Reject::TestValue);
        }
        notes = notes.with(Notes::TEST_VALUE);
    }
    Ok((number.e164.into(), notes))
}

fn holds_several(text: &str, reading: Reading) -> bool {
    let mut pieces = split(text).peekable();
    pieces.peek().is_some_and(|first| first.len() < text.len())
        && pieces.all(|piece| read(piece, reading, &mut Notes::default()).is_ok())
}

/// Takes off what is not the number, and refuses what is none at first sight.
fn prepare(text: &str) -> Result<(String, Notes), Reject> {
    if text.len() > INPUT_LIMIT {
        return Err(Reject::TooLong);
    }
    let (text, mut notes) = clean(text);
    let folded = if text.is_ascii() { text.to_string() } else { text.nfkc().map(ascii_digit).collect::<String>() };
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
    let digits = digits_of(text);
    let is_short = digits.len() < 5 && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !is_short && e164::is_typed_filler(digits.as_bytes()) {
        return Err(Reject::Placeholder);
    }
    Ok((text.to_owned(), notes))
}

fn ascii_digit(c: char) -> char {
    let value = |zero: &char| u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10);
    match ZEROS.iter().find_map(value) {
        Some(value) if !c.is_ascii() => char::from_digit(value, 10).unwrap_or(c),
        _ => c,
    }
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

fn read(text: &str, reading: Reading, notes: &mut Notes) -> Result<Number, Reject> {
    let number = if is_international(text) { parse(text, None) } else { national(text, reading, notes) }?;
    let number = rescue_legacy(&number, notes).unwrap_or(number);
    judge(&number, reading, text, notes)?;
    Ok(number)
}

/// Whether the first thing that counts is a `+`, or the number brings its own country code (RFC 3966).
fn is_international(text: &str) -> bool {
    let first = text.chars().find(|c| *c == '+' || c.is_numeric());
    first == Some('+') || text.contains(";phone-context=+")
}

fn parse(text: &str, region: Option<Plan>) -> Result<Number, Reject> {
    PHONE_NUMBER_UTIL.parse(text, region).map(Number::of).map_err(|error| {
        Reject::Phone(match error {
            ParseError::InvalidCountryCode => PhoneReason::CountryCode,
            ParseError::NotANumber(_) => PhoneReason::NotANumber,
            ParseError::TooShortAfterIdd | ParseError::TooShortNsn => PhoneReason::TooShort,
            ParseError::TooLongNsn => PhoneReason::TooLong,
        })
    })
}

/// A number without `+`: by the region, then by what people write in place of the `+`.
fn national(text: &str, reading: Reading, notes: &mut Notes) -> Result<Number, Reject> {
    let digits = digits_of(text);
    let abroad = || digits.strip_prefix("00").and_then(valid_with_plus);
    let Some(region) = reading.region.and_then(plan_of) else {
        return match abroad() {
            Some(number) => Ok(noted(number, Notes::IDD_RESCUED, notes)),
            None => Err(Reject::Phone(PhoneReason::NoRegion)),
        };
    };
    let by_region = parse(text, Some(region));
    // No country code begins with a zero.
    let with_code = if is_bare(text) && !text.starts_with('0') { valid_with_plus(text) } else { None };
    match by_region {
        Ok(number) if number.is_valid() => Ok(match with_code.filter(|other| other.e164 != number.e164) {
            None => noted(number, Notes::REGION_APPLIED, notes),
            // Both readings are valid. Only the member's own country can tell them apart.
            Some(other) => {
                *notes = notes.with(Notes::AMBIGUOUS_COUNTRY_CODE);
                let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region);
                let own = reading.region_is_own && code == Some(other.number.country_code);
                if own { other } else { noted(number, Notes::REGION_APPLIED, notes) }
            }
        }),
        by_region => match (abroad(), with_code) {
            (Some(number), _) => Ok(noted(number, Notes::IDD_RESCUED, notes)),
            (None, Some(number)) => Ok(noted(number, Notes::PLUS_RESCUED, notes)),
            (None, None) => by_region.map(|number| noted(number, Notes::REGION_APPLIED, notes)),
        },
    }
}

fn noted(number: Number, note: Notes, notes: &mut Notes) -> Number {
    *notes = notes.with(note);
    number
}

fn valid_with_plus(digits: &str) -> Option<Number> {
    if !e164::may_be_valid(digits.as_bytes()) {
        return None;
    }
    let number = parse(&format!("+{digits}"), None).ok()?;
    (number.is_valid() || rescue_legacy(&number, &mut Notes::default()).is_some()).then_some(number)
}

/// Mexico dials mobiles without the `1` after `+52` since 2019.
fn rescue_legacy(number: &Number, notes: &mut Notes) -> Option<Number> {
    if number.number.country_code != 52 || number.is_valid() {
        return None;
    }
    let rescued = parse(&format!("+52{}", number.national().strip_prefix('1')?), None).ok()?;
    rescued.is_valid().then(|| noted(rescued, Notes::LEGACY_PREFIX, notes))
}

/// The plan of a region, where the library has one.
fn plan_of(region: Region) -> Option<Plan> {
    let plan = Plan::from_code(region.as_str()).ok()?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(plan).is_some().then_some(plan)
}

fn judge(number: &Number, reading: Reading, text: &str, notes: &mut Notes) -> Result<(), Reject> {
    let nobody = number.e164.starts_with("+1000");
    if nobody || e164::is_filler(number.national().as_bytes()) {
        return Err(Reject::Placeholder);
    }
    if let Some(reason) = impossible(number) {
        return Err(Reject::Phone(reason));
    }
    let vanity = text.bytes().filter(u8::is_ascii_alphabetic).count() >= 3 && number.number.extension.is_none();
    notes.add_if(vanity, Notes::VANITY);
    // Letters become digits by keypad; unless a known number comes out, they were a remark, not a number.
    let kept = number.is_valid() || !(reading.require_valid || vanity);
    if !kept || !number.is_settled() {
        return Err(Reject::Phone(PhoneReason::NotValid));
    }
    notes.add_if(!number.is_valid(), Notes::POSSIBLE_ONLY);
    Ok(())
}

/// Why no number can have this length. A valid one has a length that one can have.
fn impossible(number: &Number) -> Option<PhoneReason> {
    if number.is_valid() {
        return None;
    }
    match number.number.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible) => None,
        // Without its area code it is another number in every town.
        Ok(NumberLengthType::IsPossibleLocalOnly) | Err(ValidationError::TooShort) => Some(PhoneReason::TooShort),
        Err(ValidationError::TooLong) => Some(PhoneReason::TooLong),
        Err(ValidationError::InvalidLength) => Some(PhoneReason::InvalidLength),
        Err(ValidationError::InvalidCountryCode) => Some(PhoneReason::CountryCode),
    }
}
