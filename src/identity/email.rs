//! E-mail addresses.
//!
//! Plain addresses are read by [`fast`], without an allocation; everything else by [`slow`]. Both say the same.

mod domains;
mod fast;
mod lists;
mod marks;
mod slow;
mod suggest;
mod words;

use super::clean;
use super::reject::{Notes, Reject};

pub use domains::DomainList;
pub(super) use domains::note_disposable;
pub(super) use fast::{Fast, fast};
pub(super) use lists::fillers;
pub(super) use suggest::frequent;
pub use suggest::{Confidence, Suggestion, suggest_domain};

type Canonical = Result<(Box<str>, Notes), Reject>;

/// An address in its canonical form: lower case, NFC, the domain in ASCII.
pub(super) fn canonical_email(text: &str, allow_test_values: bool) -> Canonical {
    let mut out = [0; 256];
    if let Some(done) = fast(text.as_bytes(), allow_test_values, &mut out)
        && let Ok(address) = std::str::from_utf8(done.address(&out))
    {
        return Ok((address.into(), done.notes));
    }
    slow::slow(text, allow_test_values)
}

/// The separate addresses of a cell that holds several. White space parts only what is not `Name <address>`.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    // The full-width signs are what the plain ones become on the way to the canonical form.
    bare_list(text).split([';', ',', '|', '；', '，', '｜']).flat_map(|piece| {
        let named = piece.contains('<').then(|| piece.trim());
        let bare = if named.is_some() { "" } else { piece };
        named.into_iter().chain(bare.split_whitespace())
    })
}

/// A list without the quotes around all of it, and without `mailto:` and what that carries besides addresses.
fn bare_list(text: &str) -> &str {
    let mut text = text;
    loop {
        text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{FEFF}' | '\u{200B}'));
        let scheme = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
        if let Some(scheme) = scheme {
            let rest = text.get(scheme.len()..).unwrap_or_default();
            text = rest.split_once('?').map_or(rest, |(addresses, _)| addresses);
        } else if let Some(inner) = unquote(text) {
            text = inner;
        } else {
            return text;
        }
    }
}

/// Removes one pair of quotes around the whole text, unless they are those of its first and last piece.
fn unquote(text: &str) -> Option<&str> {
    let ends_a_piece = |inner: &str| {
        ['"', '\'', '”']
            .iter()
            .any(|quote| inner.split(*quote).skip(1).any(|rest| rest.trim_start().starts_with([';', ',', '|'])))
    };
    clean::unquote(text).filter(|inner| !ends_a_piece(inner))
}

#[cfg(test)]
mod equality;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
