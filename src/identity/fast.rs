//! Clean values without an allocation: what most cells of a column are.
//!
//! `None` says nothing about a value: it goes the way of [`Canonicalizer::canonicalize`](super::Canonicalizer).
//! Whatever comes out here is what would come out there.

use std::ops::Range;

use super::kind::IdentifierKind;
use super::profile::PreImage;
use super::{email, name, phone};

/// Room for every clean value: an e-mail address has 254 bytes at most.
pub(super) const ROOM: usize = 256;

/// The canonical form of a clean value as ASCII at the start of `out`, and its length.
pub(super) fn canonical(
    kind: IdentifierKind,
    value: &str,
    reading: phone::Reading,
    out: &mut [u8; ROOM],
) -> Option<usize> {
    match kind {
        IdentifierKind::Email => email::fast(value.as_bytes(), reading.allow_test_values, out).map(|found| found.len),
        IdentifierKind::Phone => put(phone::fast(value, reading)?.as_str().as_bytes(), out),
        IdentifierKind::FirstName | IdentifierKind::LastName => name::fast(value, out).map(|(len, _)| len),
        IdentifierKind::ExternalId => clean_external_id(value, out),
        _ => None,
    }
}

fn clean_external_id(value: &str, out: &mut [u8; ROOM]) -> Option<usize> {
    let (id, _) = name::external_id(value).ok().filter(|(id, _)| id.is_ascii())?;
    put(id.as_bytes(), out)
}

fn put(value: &[u8], out: &mut [u8; ROOM]) -> Option<usize> {
    out.get_mut(..value.len())?.copy_from_slice(value);
    Some(value.len())
}

/// Where in `buffer` the pre-image of the canonical value `buffer[..len]` stands, for those made by cutting bytes out.
///
/// An empty range where nothing remains; `None` for a pre-image that is not made so.
pub(super) fn pre_image(of: PreImage, buffer: &mut [u8; ROOM], len: usize) -> Option<Range<usize>> {
    let value = buffer.get_mut(..len)?;
    match of {
        PreImage::EmailPlain
        | PreImage::E164Plus
        | PreImage::E164PlusOrDigits
        | PreImage::NamePlain
        | PreImage::ExternalIdPlain
        | PreImage::Plain => Some(0..len),
        PreImage::E164Digits => Some(value.iter().take_while(|byte| matches!(byte, b'+' | b'0')).count()..len),
        PreImage::NameLetters => Some(0..keep(value, |byte| byte != b' ' && !byte.is_ascii_punctuation())),
        PreImage::EmailGmailFolded => fold_gmail(value, &["@gmail.com", "@googlemail.com"]),
        PreImage::EmailUid2 => fold_gmail(value, &["@gmail.com"]),
        _ => None,
    }
}

fn fold_gmail(value: &mut [u8], domains: &[&str]) -> Option<Range<usize>> {
    let len = value.len();
    let at = domains.iter().find_map(|domain| value.ends_with(domain.as_bytes()).then(|| len - domain.len()));
    let Some(at) = at else { return Some(0..len) };
    let local = value.get_mut(..at)?;
    let untagged = local.iter().position(|byte| *byte == b'+').unwrap_or(at);
    let folded = keep(local.get_mut(..untagged)?, |byte| byte != b'.');
    if folded == 0 {
        return Some(0..0);
    }
    value.copy_within(at.., folded);
    Some(0..folded + len - at)
}

/// Moves the bytes that are kept to the front, and counts them.
fn keep(bytes: &mut [u8], kept: impl Fn(u8) -> bool) -> usize {
    // Most need no move; without an early exit the loop runs on whole vectors.
    if bytes.iter().fold(true, |all, byte| all & kept(*byte)) {
        return bytes.len();
    }
    let mut len = 0;
    for index in 0..bytes.len() {
        let byte = bytes[index];
        bytes[len] = byte;
        len += usize::from(kept(byte));
    }
    len
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(of: PreImage, canonical: &str) -> Option<String> {
        let mut buffer = [0; ROOM];
        let len = put(canonical.as_bytes(), &mut buffer)?;
        let range = pre_image(of, &mut buffer, len)?;
        Some(String::from_utf8(buffer[range].to_vec()).unwrap())
    }

    #[test]
    fn pre_images_are_cut_out() {
        // identity.md 4.3, 5.2 and 6.2
        for (of, canonical, expected) in [
            (PreImage::EmailGmailFolded, "nora.quist+vip@gmail.com", "noraquist@gmail.com"),
            (PreImage::EmailGmailFolded, "nora.quist@googlemail.com", "noraquist@googlemail.com"),
            (PreImage::EmailGmailFolded, "nora.quist+vip@gmailfoo.com", "nora.quist+vip@gmailfoo.com"),
            (PreImage::EmailGmailFolded, "+tag@gmail.com", ""),
            (PreImage::E164Digits, "+390612345678", "390612345678"),
            (PreImage::NameLetters, "o'brien-smith jr.", "obriensmithjr"),
        ] {
            assert_eq!(cut(of, canonical).unwrap(), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn every_pre_image_is_the_one_of_the_profile(
            canonical in r"[a-z0-9.+' -]{0,12}(@(gmail|googlemail|a\.gmail|quist)\.com)?|\+[0-9]{0,16}",
        ) {
            for of in [
                PreImage::EmailPlain,
                PreImage::EmailGmailFolded,
                PreImage::EmailUid2,
                PreImage::E164Plus,
                PreImage::E164PlusOrDigits,
                PreImage::E164Digits,
                PreImage::NamePlain,
                PreImage::NameLetters,
                PreImage::ExternalIdPlain,
            ] {
                let mut expected = String::new();
                of.write(&canonical, &mut expected).unwrap();
                if let Some(found) = cut(of, &canonical) {
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
