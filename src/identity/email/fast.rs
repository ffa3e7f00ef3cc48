//! Plain addresses, without an allocation.

use super::lists::{DOMAINS, LOCALS, RELAY_PREFIX};
use super::marks::{Marks, marks};
use crate::identity::reject::Notes;

/// The longest address that is read here. No label or part of one can be too long then.
pub(super) const FAST_LIMIT: usize = 64;

/// What [`fast`] found out about the address it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Fast {
    /// Octets of the canonical address in the buffer.
    pub(in crate::identity) len: usize,
    /// Where its `@` is.
    pub(in crate::identity) at: usize,
    /// Where the first `+` of the local part is, or else the `@`.
    pub(in crate::identity) name_end: usize,
    /// Whether there are dots before `name_end`.
    pub(in crate::identity) name_has_dots: bool,
    /// Whether the domain is `gmail.com` or `googlemail.com`.
    pub(in crate::identity) gmail: bool,
    /// The same as the canonical value's.
    pub(in crate::identity) notes: Notes,
}

impl Fast {
    /// The canonical address. `out` is the buffer that [`fast`] wrote to.
    pub(in crate::identity) fn address<'a>(&self, out: &'a [u8; 256]) -> &'a [u8] {
        out.get(..self.len).unwrap_or_default()
    }

    /// The pre-image `EmailGmailFolded`: of gmail addresses without dots and tag, of others the address itself.
    /// Empty when nothing remains before the `@`: nobody's address.
    pub(in crate::identity) fn gmail_folded<'a>(&self, out: &'a [u8; 256], scratch: &'a mut [u8; 256]) -> &'a [u8] {
        if !self.gmail || (self.name_end == self.at && !self.name_has_dots) {
            return self.address(out);
        }
        let mut len = 0;
        for &byte in out.get(..self.name_end).unwrap_or_default() {
            if let Some(slot) = scratch.get_mut(len) {
                *slot = byte;
            }
            len += usize::from(byte != b'.');
        }
        let domain = out.get(self.at..self.len).unwrap_or_default();
        match scratch.get_mut(len..len + domain.len()) {
            Some(rest) if len > 0 => rest.copy_from_slice(domain),
            _ => return &[],
        }
        scratch.get(..len + domain.len()).unwrap_or_default()
    }
}

/// Reads an address of plain ASCII letters, digits and signs, of up to [`FAST_LIMIT`] octets, and writes its canonical
/// form to the beginning of `out`; what stands behind it there means nothing.
///
/// `None` says nothing about the value: [`canonical_email`](super::canonical_email) decides, the slow way. What is
/// found here is what the slow way finds, to the byte and the note.
pub(in crate::identity) fn fast(value: &[u8], allow_test_values: bool, out: &mut [u8; 256]) -> Option<Fast> {
    let trimmed = trim(value);
    let seen = if trimmed.len() <= 32 { read::<32>(trimmed, out) } else { read::<FAST_LIMIT>(trimmed, out) }?;
    let shape = seen.shape(trimmed.len())?;
    let address = out.get(..trimmed.len())?;
    let domain = address.get(shape.at + 1..)?;
    let mut notes = Notes::NONE;
    notes.add_if(trimmed.len() < value.len(), Notes::TRIMMED);
    notes.add_if(seen.upper, Notes::LOWERCASED);
    let marked = judge(address, domain, &shape)?;
    if marked.reject.is_some() && !allow_test_values {
        return None;
    }
    notes.add_if(marked.reject.is_some(), Notes::TEST_VALUE);
    Some(Fast {
        len: trimmed.len(),
        at: shape.at,
        name_end: shape.name_end,
        name_has_dots: shape.name_has_dots,
        gmail: matches!(domain, b"gmail.com" | b"googlemail.com"),
        notes: notes.with(marked.notes),
    })
}

/// Without white space at the ends; none is removed from within.
fn trim(mut value: &[u8]) -> &[u8] {
    let is_space = |byte: u8| matches!(byte, b'\t'..=b'\r' | b' ');
    while let [first, rest @ ..] = value
        && is_space(*first)
    {
        value = rest;
    }
    while let [rest @ .., last] = value
        && is_space(*last)
    {
        value = rest;
    }
    value
}

// One bit for each class of bytes that has to stand, or must not stand, in certain places.
const AT: u8 = 1;
const DOT: u8 = 1 << 1;
const HYPHEN: u8 = 1 << 2;
const PLUS: u8 = 1 << 3;
/// Allowed before the `@` alone.
const LOCAL_ONLY: u8 = 1 << 4;
/// For the slow way: no ASCII of an address, or something that may be wrapping.
const OTHER: u8 = 1 << 5;
const UPPER: u8 = 1 << 6;

/// The classes of a byte: comparisons without a branch, so that the compiler does sixteen bytes at once.
#[inline(always)]
const fn classes(byte: u8) -> u8 {
    let upper = byte.wrapping_sub(b'A') < 26;
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    let (at, dot, hyphen, plus) = (byte == b'@', byte == b'.', byte == b'-', byte == b'+');
    let of_domain = letter | digit | dot | hyphen | at;
    // Outside `!`..`~`, and `"` `%` `(` `)` `,` `:` `;` `<` `>` `[` `\` `]`.
    let other = (byte.wrapping_sub(b'!') > b'~' - b'!')
        | (byte == b'"')
        | (byte == b'%')
        | (byte.wrapping_sub(b'(') < 2)
        | (byte == b',')
        | (byte.wrapping_sub(b':') < 3)
        | (byte == b'>')
        | (byte.wrapping_sub(b'[') < 3);
    (at as u8 * AT)
        | (dot as u8 * DOT)
        | (hyphen as u8 * HYPHEN)
        | (plus as u8 * PLUS)
        | (!of_domain as u8 * LOCAL_ONLY)
        | (other as u8 * OTHER)
        | (upper as u8 * UPPER)
}

/// Where the signs of an address stand: bit `n` is octet `n`.
struct Seen {
    at: u64,
    dots: u64,
    hyphens: u64,
    pluses: u64,
    local_only: u64,
    upper: bool,
}

/// Writes `value` in lower case to `out` and says where its signs are; `N` is the room it takes, padded with letters.
#[inline(always)]
fn read<const N: usize>(value: &[u8], out: &mut [u8; 256]) -> Option<Seen> {
    let mut block = [b'a'; N];
    block.get_mut(..value.len())?.copy_from_slice(value);
    let mut flags = [0; N];
    for (flag, byte) in flags.iter_mut().zip(&block) {
        *flag = classes(*byte);
    }
    for (slot, byte) in out.iter_mut().zip(&block) {
        *slot = byte | ((byte.wrapping_sub(b'A') < 26) as u8 * 0x20);
    }
    let (words, _) = flags.as_chunks::<8>();
    let any = words.iter().fold(0, |any, word| any | u64::from_le_bytes(*word));
    let has = |class: u8| any & (u64::from(class) * EVERY) != 0;
    if has(OTHER) || !has(AT) {
        return None;
    }
    let bits = |class: u8| {
        let places = words.iter().enumerate();
        // Shifted by the place, and not the sum by eight: that would become double shifts, which are slow.
        places.fold(0, |bits, (n, word)| bits | gather(u64::from_le_bytes(*word) >> class.trailing_zeros()) << (8 * n))
    };
    Some(Seen {
        at: bits(AT),
        dots: bits(DOT),
        hyphens: bits(HYPHEN),
        pluses: bits(PLUS),
        local_only: bits(LOCAL_ONLY),
        upper: has(UPPER),
    })
}

const EVERY: u64 = 0x0101_0101_0101_0101;

/// The lowest bits of the eight octets of a word, side by side.
#[inline(always)]
const fn gather(word: u64) -> u64 {
    (word & EVERY).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// An address that keeps the grammar.
struct Shape {
    at: usize,
    name_end: usize,
    name_has_dots: bool,
    /// The dots of the domain.
    domain_dots: u64,
}

impl Seen {
    /// The grammar of the address, for one of `len` octets.
    #[inline(always)]
    fn shape(&self, len: usize) -> Option<Shape> {
        let last = 1 << len.checked_sub(1)?;
        if self.at & self.at.wrapping_sub(1) != 0 || self.at & (1 | last) != 0 {
            return None;
        }
        let at = self.at.trailing_zeros() as usize;
        let in_local = self.at.wrapping_sub(1);
        let in_domain = !in_local & !self.at;
        let dots = self.dots & in_domain;
        let dot_at_edge = self.dots & (1 | last | self.at << 1 | self.at >> 1) != 0;
        let label_edges = (self.at | dots) << 1 | dots >> 1 | last;
        if dot_at_edge
            || self.dots & self.dots << 1 != 0
            || dots == 0
            || (self.local_only | self.pluses) & in_domain != 0
            || self.hyphens & label_edges & in_domain != 0
        {
            return None;
        }
        let plus = self.pluses & in_local;
        let name_end = if plus == 0 { at } else { plus.trailing_zeros() as usize };
        let name = (1_u64 << name_end) - 1;
        Some(Shape { at, name_end, name_has_dots: self.dots & name != 0, domain_dots: dots })
    }
}

/// What the lists say. `None` for a top-level domain that begins with a digit: the slow way knows whether it is a number.
#[inline(always)]
fn judge(address: &[u8], domain: &[u8], shape: &Shape) -> Option<Marks> {
    let last_dot = 63 - shape.domain_dots.leading_zeros() as usize;
    let tld = address.get(last_dot + 1..)?;
    if tld.first()?.is_ascii_digit() {
        return None;
    }
    let name = address.get(..shape.name_end)?;
    let mut listed = LOCALS.may_hold(name);
    if domain != b"gmail.com" {
        listed |= is_reserved_tld(tld) || domain.starts_with(RELAY_PREFIX.as_bytes());
        let (mut start, mut dots) = (shape.at + 1, shape.domain_dots);
        while dots != 0 {
            listed |= DOMAINS.may_hold(address.get(start..)?);
            start = dots.trailing_zeros() as usize + 1;
            dots &= dots - 1;
        }
    }
    if !listed {
        return Some(Marks::default());
    }
    Some(marks(std::str::from_utf8(address.get(..shape.at)?).ok()?, std::str::from_utf8(domain).ok()?))
}

/// [`RESERVED_TLDS`](super::lists::RESERVED_TLDS), by length and a comparison.
#[inline(always)]
const fn is_reserved_tld(tld: &[u8]) -> bool {
    matches!(tld, b"test" | b"local" | b"example" | b"invalid" | b"internal" | b"localhost")
}
