//! Which digits are a valid phone number: one automaton of all numbering plans.
//!
//! Its states are those of the smallest automaton there is for the patterns and possible lengths of Google's metadata,
//! without the numbers that lose a national prefix when they are parsed. It is made by
//! `benches/peers/phone_table.sh`; what it accepts is proven against the parser by the tests below.

use super::Reading;
use crate::identity::region::Region;
use crate::identity::reject::Notes;

const BYTES: &[u8] = include_bytes!("e164.bin");

/// The file as numbers: version of the metadata (3), where the states of each kind begin (4), what is known of each
/// country code (1000), how many regions there are (1), the regions (3 each), the states (10 each).
static WORDS: [u16; BYTES.len() / 2] = words();

const BOUNDS_AT: usize = 3;
const CODES_AT: usize = 7;
const REGIONS_AT: usize = 1008;
const REGION_COUNT: usize = word(REGIONS_AT - 1) as usize;
const STATES_AT: usize = REGIONS_AT + 3 * REGION_COUNT;
const ROOT: u16 = 10;
const BOUNDS: [u16; 4] = [word(BOUNDS_AT), word(BOUNDS_AT + 1), word(BOUNDS_AT + 2), word(BOUNDS_AT + 3)];

/// E.164 has no more digits.
const MOST_DIGITS: usize = 15;
/// Longer texts are not worth a look: they hold more than a number.
const LONGEST_TEXT: usize = 40;

const fn word(at: usize) -> u16 {
    u16::from_le_bytes([BYTES[2 * at], BYTES[2 * at + 1]])
}

const fn words() -> [u16; BYTES.len() / 2] {
    let mut out = [0; BYTES.len() / 2];
    let mut at = 0;
    while at < out.len() {
        out[at] = word(at);
        at += 1;
    }
    out
}

/// What the digits after a `+` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Fits no numbering plan as it stands.
    Unknown,
    /// Valid, and canonical.
    Valid { rented: bool },
    /// Fits a numbering plan, but parsing takes a national prefix away.
    Changed { rented: bool },
}

impl Verdict {
    /// Whether a number with just these digits, once parsed, is valid.
    pub(super) const fn fits(self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// Whether it is valid, and of a kind that firms rent: toll-free, premium rate, shared cost, universal access,
    /// voicemail.
    #[cfg(feature = "phone")]
    pub(super) const fn is_rented(self) -> bool {
        matches!(self, Self::Valid { rented: true } | Self::Changed { rented: true })
    }
}

/// Judges ASCII digits.
pub(super) fn judge(digits: &[u8]) -> Verdict {
    let mut state = ROOT;
    for digit in digits {
        state = WORDS.get(STATES_AT + usize::from(state) + usize::from(digit.wrapping_sub(b'0'))).map_or(0, |it| *it);
    }
    match BOUNDS.iter().filter(|bound| state >= **bound).count() {
        1 => Verdict::Valid { rented: false },
        2 => Verdict::Valid { rented: true },
        3 => Verdict::Changed { rented: false },
        4 => Verdict::Changed { rented: true },
        _ => Verdict::Unknown,
    }
}

/// Whether parsing `+digits` can give a valid number, an old Mexican one among them; never wrong when it says no.
pub(super) fn may_be_valid(digits: &[u8]) -> bool {
    if judge(digits).fits() || digits.starts_with(b"521") {
        return true;
    }
    let Some(length) = code_length(digits) else { return false };
    let first = digits.get(length).map_or(0, |digit| digit.wrapping_sub(b'0'));
    known_of_code(digits.get(..length).unwrap_or_default()) & (1 << first) != 0
}

/// How many of the first digits are a country code.
pub(super) fn code_length(digits: &[u8]) -> Option<usize> {
    (1..=3).find(|length| digits.get(..*length).is_some_and(|code| known_of_code(code) != 0))
}

/// Bit 15: there is such a code; bits 0 to 9: a national prefix may begin with this digit.
fn known_of_code(code: &[u8]) -> u16 {
    let value = code.iter().fold(0, |value, digit| value * 10 + usize::from(digit.wrapping_sub(b'0')));
    if code.first() == Some(&b'0') { 0 } else { WORDS.get(CODES_AT + value).copied().unwrap_or(0) }
}

/// The country code of a region, and the digits that a national number may begin with for [`fast_national`].
fn plan_of(region: Region) -> Option<(u16, u16)> {
    let letters = <[u8; 2]>::try_from(region.as_str().as_bytes()).map(u16::from_be_bytes).ok()?;
    let regions = WORDS.get(REGIONS_AT..STATES_AT)?.as_chunks::<3>().0;
    let at = regions.binary_search_by_key(&letters, |[region, ..]| *region).ok()?;
    regions.get(at).map(|[_, code, starts]| (*code, *starts))
}

/// A canonical number: `+` and digits. Lives on the stack.
#[derive(Clone, Copy)]
pub(in crate::identity) struct E164 {
    bytes: [u8; MOST_DIGITS + 1],
    length: u8,
    notes: Notes,
}

impl E164 {
    const fn empty() -> Self {
        Self { bytes: [b'+'; MOST_DIGITS + 1], length: 1, notes: Notes::NONE }
    }

    fn push(&mut self, digit: u8) -> Option<()> {
        *self.bytes.get_mut(usize::from(self.length))? = digit;
        self.length += 1;
        Some(())
    }

    fn digits(&self) -> &[u8] {
        self.bytes.get(1..usize::from(self.length)).unwrap_or_default()
    }

    /// The number: `+` and 7 to 15 digits.
    pub(in crate::identity) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The same as text.
    pub(in crate::identity) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(in crate::identity) const fn notes(&self) -> Notes {
        self.notes
    }
}

/// A number that is valid as it stands and needs no parser: `+` and digits, with nothing but simple separators between
/// them. No test values, no fillers, no allocation. Nothing is said about a text that is not read here.
pub(in crate::identity) fn fast(text: &[u8]) -> Option<E164> {
    let mut number = E164::empty();
    collect(text.strip_prefix(b"+")?, &mut number)?;
    let typed = number;
    settled(number, typed.digits())
}

/// The same for a national number of a known region, where its beginning leaves no doubt.
pub(in crate::identity) fn fast_national(text: &[u8], region: Region) -> Option<E164> {
    let mut typed = E164::empty();
    let bare = collect(text, &mut typed)?;
    let typed = typed.digits();
    let (code, starts) = plan_of(region)?;
    let (first, rest) = typed.split_first()?;
    if starts & (1 << first.wrapping_sub(b'0')) == 0 || (*first == b'0' && rest.first() == Some(&b'0')) {
        return None;
    }
    let mut number = E164::empty();
    for power in [100, 10, 1].into_iter().filter(|power| code >= *power) {
        number.push(b'0' + (code / power % 10) as u8)?;
    }
    if *first != b'0' && (typed.starts_with(number.digits()) || (bare && may_be_valid(typed))) {
        return None;
    }
    for digit in if *first == b'0' { rest } else { typed } {
        number.push(*digit)?;
    }
    number.notes = Notes::REGION_APPLIED;
    settled(number, typed)
}

/// Either of the two, as the text wants it.
pub(in crate::identity) fn fast_reading(text: &str, reading: Reading) -> Option<E164> {
    let text = text.as_bytes();
    if text.first() == Some(&b'+') { fast(text) } else { fast_national(text, reading.region?) }
}

/// A number of fiction that is otherwise read as [`fast`] reads.
#[cfg(not(feature = "phone"))]
pub(super) fn test_value(text: &str) -> Option<E164> {
    let mut number = E164::empty();
    collect(text.as_bytes().strip_prefix(b"+")?, &mut number)?;
    number.notes = Notes::TEST_VALUE;
    (is_fiction(number.digits()) && judge(number.digits()).fits()).then_some(number)
}

/// Gathers digits, and says whether there was nothing else.
fn collect(text: &[u8], into: &mut E164) -> Option<bool> {
    if text.len() <= MOST_DIGITS && text.iter().fold(true, |all, byte| all & byte.is_ascii_digit()) {
        into.bytes.iter_mut().skip(1).zip(text).for_each(|(slot, digit)| *slot = *digit);
        into.length = 1 + text.len() as u8;
        return Some(true);
    }
    let mut bare = true;
    for byte in text {
        match byte {
            b'0'..=b'9' => into.push(*byte)?,
            b' ' | b'-' | b'(' | b')' | b'.' | b'/' => bare = false,
            _ => return None,
        }
    }
    // What does not end in a digit was cut off somewhere, and `.0` is not a part of the number.
    let whole = bare || (text.len() <= LONGEST_TEXT && text.last()?.is_ascii_digit() && !text.ends_with(b".0"));
    whole.then_some(bare)
}

fn settled(mut number: E164, typed: &[u8]) -> Option<E164> {
    let Verdict::Valid { rented } = judge(number.digits()) else { return None };
    if is_filler_number(number.digits(), typed) || is_fiction(number.digits()) {
        return None;
    }
    number.notes.add_if(rented, Notes::NOT_PERSONAL);
    Some(number)
}

/// Whether the digits of an international number, or those that were typed, are what people type to get past a form.
fn is_filler_number(digits: &[u8], typed: &[u8]) -> bool {
    // All longer fillers end in one of these ways; nearly no number does.
    let [_, .., a, b, c, d] = typed else { return true };
    let suspicious = (a == b && b == c && c == d) || matches!(&[*a, *b, *c, *d], b"7890" | b"6789" | b"5678" | b"3210");
    suspicious
        && (is_typed_filler(typed) || code_length(digits).and_then(|length| digits.get(length..)).is_none_or(is_filler))
}

/// Digits somebody typed in place of a number. Fewer than five are a short code, if anything.
pub(super) fn is_typed_filler(digits: &[u8]) -> bool {
    (1..5).contains(&digits.len()) || is_filler(digits) || matches!(digits, b"12345678" | b"123456789")
}

pub(super) fn is_filler(digits: &[u8]) -> bool {
    let all_equal = digits.len() > 4 && digits.iter().all(|digit| digits.first() == Some(digit));
    all_equal || matches!(digits, b"1234567890" | b"0123456789" | b"9876543210")
}

/// `555-0100` to `555-0199` of the North American plan are kept free for fiction.
pub(super) fn is_fiction(digits: &[u8]) -> bool {
    digits.len() == 11 && digits.first() == Some(&b'1') && digits.get(4..9) == Some(b"55501")
}

#[cfg(test)]
mod tests;
