//! E-mail addresses.

use std::borrow::Cow;

use idna::AsciiDenyList;

use super::clean::{self, clean};
use super::reject::{EmailReason, Notes, Reject};

/// RFC 5321 section 4.5.3.1 and RFC 3696 erratum 1690, in octets.
const ADDRESS_LIMIT: usize = 254;
const LOCAL_LIMIT: usize = 64;
/// Longer texts are not read at all: no list of addresses in one cell is meant to be that long.
const INPUT_LIMIT: usize = 8192;

type Canonical = Result<(Box<str>, Notes), Reject>;

/// An address in its canonical form: lower case, NFC, the domain in ASCII.
pub(super) fn canonical_email(text: &str, allow_test_values: bool) -> Canonical {
    let (address, mut notes) = match fast(text) {
        Some(done) => done,
        None => slow(text)?,
    };
    let (local, domain) = address.rsplit_once('@').ok_or(Reject::Email(EmailReason::NoAt))?;
    if let Some(reject) = test_value(local, domain) {
        if !allow_test_values {
            return Err(reject);
        }
        notes = notes.with(Notes::TEST_VALUE);
    }
    notes.add_if(is_relay(domain), Notes::RELAY);
    Ok((address, notes))
}

/// The separate addresses of a cell that holds several. White space parts only what is not `Name <address>`.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', ',', '|']).flat_map(|piece| {
        let named = piece.contains('<').then(|| piece.trim());
        let bare = if named.is_some() { "" } else { piece };
        named.into_iter().chain(bare.split_whitespace())
    })
}

// What a byte may be in an address. Everything else (quotes, brackets, spaces, text outside ASCII) goes the slow way.
const OTHER: u8 = 0;
const LETTER: u8 = 1;
const LOCAL_ONLY: u8 = 2;
const DOT: u8 = 3;
const AT: u8 = 4;

static CLASS: [u8; 256] = {
    let mut class = [OTHER; 256];
    let mut byte = 0;
    while byte < 128 {
        class[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => LETTER,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~' => LOCAL_ONLY,
            b'.' => DOT,
            b'@' => AT,
            _ => OTHER,
        };
        byte += 1;
    }
    class
};

fn class_of(byte: u8) -> u8 {
    CLASS[usize::from(byte)]
}

/// One pass over plain ASCII. `None` says nothing about the text: it goes the slow way.
fn fast(text: &str) -> Option<(Box<str>, Notes)> {
    let trimmed = text.trim_matches(' ');
    let mut buffer = [0; ADDRESS_LIMIT];
    let lower = buffer.get_mut(..trimmed.len())?;
    let (mut at, mut upper) = (None, false);
    for (index, (byte, slot)) in trimmed.bytes().zip(lower.iter_mut()).enumerate() {
        match class_of(byte) {
            OTHER => return None,
            AT if at.replace(index).is_some() => return None,
            LOCAL_ONLY if at.is_some() => return None,
            _ => {}
        }
        upper |= byte.is_ascii_uppercase();
        *slot = byte.to_ascii_lowercase();
    }
    let address = std::str::from_utf8(lower).ok()?;
    let (local, domain) = (address.get(..at?)?, address.get(at? + 1..)?);
    check_local(local).ok()?;
    check_domain(domain).ok()?;
    let mut notes = Notes::NONE;
    notes.add_if(trimmed.len() < text.len(), Notes::TRIMMED);
    notes.add_if(upper, Notes::LOWERCASED);
    Some((address.into(), notes))
}

fn slow(text: &str) -> Canonical {
    if text.len() > INPUT_LIMIT {
        return Err(Reject::TooLong);
    }
    let (text, mut notes) = clean(text);
    let folded = if text.is_ascii() { text.into_owned() } else { clean::fold_width(text, &mut notes) };
    let text = unwrap(&folded, &mut notes)?;
    if text.is_empty() {
        return Err(Reject::Missing);
    }
    if clean::is_null_like(&text) {
        return Err(Reject::Placeholder);
    }
    if clean::looks_hashed(&text) {
        return Err(Reject::HashedInPlain);
    }
    let text = close_gaps(&text, &mut notes);
    read(&text, &mut notes).map(|address| (address, notes)).map_err(|reason| {
        let mut ignored = Notes::NONE;
        let mut is_address =
            |piece: &str| unwrap(piece, &mut ignored).is_ok_and(|inner| read(&inner, &mut ignored).is_ok());
        let several = split(&text).nth(1).is_some() && split(&text).all(&mut is_address);
        Reject::Email(if several { EmailReason::MultiValue } else { reason })
    })
}

/// Takes the address out of quotes, `Name <address>` and `mailto:`, in whatever order they are nested.
fn unwrap(text: &str, notes: &mut Notes) -> Result<String, Reject> {
    let mut text = Cow::Borrowed(text.trim_matches(' '));
    loop {
        if let Some(inner) = clean::unquote(&text) {
            *notes = notes.with(Notes::UNWRAPPED);
            text = Cow::Owned(inner.to_owned());
        } else if let Some((name, inner)) = text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<'))
            && !is_list(name)
        {
            *notes = notes.with(if name.is_empty() { Notes::UNWRAPPED } else { Notes::DISPLAY_NAME_STRIPPED });
            text = Cow::Owned(inner.trim_matches(' ').to_owned());
        } else if text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:")) {
            *notes = notes.with(Notes::SCHEME_STRIPPED);
            let rest = text.get(7..).unwrap_or_default();
            let decoded = percent_decode(rest.split_once('?').map_or(rest, |(address, _)| address))
                .ok_or(Reject::Email(EmailReason::BadChar))?;
            text = Cow::Owned(decoded.trim_matches(' ').to_owned());
        } else if !text.contains('@') && text.contains("%40") {
            text = Cow::Owned(text.replacen("%40", "@", 1));
        } else {
            return Ok(text.trim_end_matches([';', ',']).trim_matches(' ').to_owned());
        }
    }
}

/// Whether what stands before `<address>` holds another address, and not a name.
fn is_list(name: &str) -> bool {
    name.contains('<') || name.trim_end().ends_with([';', ',', '|'])
}

/// Decodes every `%XX`; `None` when that is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex =
            after.get(..2).filter(|_| first == b'%').and_then(|digits| const_hex::decode_to_array::<_, 1>(digits).ok());
        match hex {
            Some([byte]) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// Removes white space that touches `@` or `.`: two words are never glued together.
fn close_gaps(text: &str, notes: &mut Notes) -> String {
    let mut out = String::with_capacity(text.len());
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    out.push_str(words.next().unwrap_or_default());
    for word in words {
        if out.ends_with(['@', '.']) || word.starts_with(['@', '.']) {
            *notes = notes.with(Notes::SPACE_REMOVED);
        } else {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Reads one address without wrapping.
fn read(text: &str, notes: &mut Notes) -> Result<Box<str>, EmailReason> {
    if text.contains('"') {
        return Err(EmailReason::Quoted);
    }
    if text.contains(['(', ')']) {
        return Err(EmailReason::Comment);
    }
    let (local, domain) = text.rsplit_once('@').ok_or(EmailReason::NoAt)?;
    if local.contains('@') {
        return Err(EmailReason::MultipleAt);
    }
    if text.contains(' ') {
        return Err(EmailReason::InnerSpace);
    }
    if domain.starts_with('[') {
        return Err(EmailReason::Literal);
    }
    let domain = canonical_domain(domain, notes)?;
    check_domain(&domain)?;
    let local = if local.is_ascii() {
        notes.add_if(local.bytes().any(|byte| byte.is_ascii_uppercase()), Notes::LOWERCASED);
        local.to_ascii_lowercase()
    } else {
        *notes = notes.with(Notes::SMTPUTF8);
        clean::lower_nfc(local.to_owned(), notes)
    };
    check_local(&local)?;
    let address = format!("{local}@{domain}");
    if address.len() > ADDRESS_LIMIT {
        return Err(EmailReason::TooLong);
    }
    Ok(address.into())
}

/// The domain in lower case and ASCII (UTS 46, non-transitional), without the dot of the root.
fn canonical_domain(domain: &str, notes: &mut Notes) -> Result<String, EmailReason> {
    let ascii = if domain.is_ascii() {
        notes.add_if(domain.bytes().any(|byte| byte.is_ascii_uppercase()), Notes::LOWERCASED);
        domain.to_ascii_lowercase()
    } else {
        *notes = notes.with(Notes::IDN_CONVERTED);
        idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::EMPTY)
            .map_err(|_| EmailReason::BadLabel)?
            .into_owned()
    };
    Ok(match ascii.strip_suffix('.') {
        Some(rooted) if !rooted.is_empty() => rooted.to_owned(),
        _ => ascii,
    })
}

fn check_local(local: &str) -> Result<(), EmailReason> {
    if local.is_empty() {
        return Err(EmailReason::EmptyLocal);
    }
    if local.len() > LOCAL_LIMIT {
        return Err(EmailReason::LocalTooLong);
    }
    check_dots(local)?;
    let allowed = |c: char| match u8::try_from(c) {
        Ok(byte) if c.is_ascii() => matches!(class_of(byte), LETTER | LOCAL_ONLY | DOT),
        // RFC 6531 allows every character outside ASCII; spaces, controls and quotes are what a broken cell leaves.
        _ => !c.is_whitespace() && !c.is_control() && !matches!(c, '“' | '”' | '„' | '‘' | '’'),
    };
    if local.chars().all(allowed) { Ok(()) } else { Err(EmailReason::BadChar) }
}

fn check_domain(domain: &str) -> Result<(), EmailReason> {
    if domain.is_empty() {
        return Err(EmailReason::EmptyDomain);
    }
    check_dots(domain)?;
    if !domain.bytes().all(|byte| matches!(class_of(byte), LETTER | DOT)) {
        return Err(EmailReason::BadChar);
    }
    if domain.split('.').any(|label| label.len() > 63 || label.starts_with('-') || label.ends_with('-')) {
        return Err(EmailReason::BadLabel);
    }
    let (_, tld) = domain.rsplit_once('.').ok_or(EmailReason::NoTld)?;
    if tld.bytes().all(|byte| byte.is_ascii_digit()) { Err(EmailReason::NumericTld) } else { Ok(()) }
}

fn check_dots(part: &str) -> Result<(), EmailReason> {
    if part.starts_with('.') || part.ends_with('.') {
        return Err(EmailReason::DotEdge);
    }
    if part.contains("..") { Err(EmailReason::DoubleDot) } else { Ok(()) }
}

/// Local parts that stand for nobody, where the domain is one of [`FILLER_DOMAINS`].
pub(super) const FILLER_LOCALS: &[&str] = &[
    "test",
    "tests",
    "testing",
    "test1",
    "test123",
    "none",
    "noemail",
    "no-email",
    "no_email",
    "nomail",
    "na",
    "n.a",
    "null",
    "nil",
    "undefined",
    "unknown",
    "anonymous",
    "guest",
    "fake",
    "asdf",
    "qwerty",
    "abc",
    "abcd",
    "a",
    "aa",
    "aaa",
    "x",
    "xx",
    "xxx",
    "email",
    "mail",
    "user",
    "example",
    "sample",
    "me",
    "123",
    "1234",
    "123456",
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "do-not-reply",
];
pub(super) const FILLER_DOMAINS: &[&str] = &[
    "test.com",
    "test.de",
    "test.test",
    "example.com",
    "example.org",
    "example.net",
    "example.edu",
    "email.com",
    "mail.com",
    "none.com",
    "na.com",
    "noemail.com",
    "nomail.com",
    "domain.com",
    "abc.com",
    "asdf.com",
    "a.com",
    "x.com",
    "fake.com",
    "localhost",
    "invalid",
    "noreply.com",
];
/// RFC 2606 and RFC 6761, and the names of private networks.
const RESERVED_DOMAINS: &[&str] = &["example.com", "example.org", "example.net"];
const RESERVED_TLDS: &[&str] = &["test", "example", "invalid", "localhost", "local", "internal"];

fn test_value(local: &str, domain: &str) -> Option<Reject> {
    if FILLER_DOMAINS.contains(&domain) && FILLER_LOCALS.contains(&local) {
        return Some(Reject::Placeholder);
    }
    let tld = domain.rsplit_once('.').map_or(domain, |(_, tld)| tld);
    let reserved = RESERVED_TLDS.contains(&tld)
        || RESERVED_DOMAINS.iter().any(|name| domain.strip_suffix(name).is_some_and(is_subdomain_rest));
    reserved.then_some(Reject::TestValue)
}

fn is_subdomain_rest(rest: &str) -> bool {
    rest.is_empty() || rest.ends_with('.')
}

/// Addresses that a marketplace or platform hands out in place of the person's own.
fn is_relay(domain: &str) -> bool {
    const RELAYS: &[&str] = &[
        "members.ebay.com",
        "privaterelay.appleid.com",
        "guest.booking.com",
        "m.expediapartnercentral.com",
        "guest.airbnb.com",
    ];
    RELAYS.contains(&domain) || domain.starts_with("marketplace.amazon.")
}

#[cfg(test)]
mod tests;
