//! Clean values without an allocation: what most cells of a column are.
//!
//! `None` says nothing about a value: it goes the way of [`Canonicalizer::canonicalize`](super::Canonicalizer).
//! Whatever comes out here is what would come out there.

use super::kind::IdentifierKind;
use super::profile::PreImage;
use super::{email, name, phone};

/// Room for every clean value: an e-mail address has 254 bytes at most.
pub(super) const ROOM: usize = 256;

/// A canonical form as ASCII at the start of a buffer.
pub(super) struct Clean {
    /// How long it is.
    pub(super) len: usize,
    /// Of an e-mail address: where its parts are.
    email: Option<email::Fast>,
}

/// Writes the canonical form of a clean value to the start of `out`.
#[inline]
pub(super) fn canonical(
    kind: IdentifierKind,
    value: &str,
    reading: phone::Reading,
    out: &mut [u8; ROOM],
) -> Option<Clean> {
    let len = match kind {
        IdentifierKind::Email => {
            let email = email::fast(value.as_bytes(), reading.allow_test_values, out)?;
            return Some(Clean { len: email.len, email: Some(email) });
        }
        IdentifierKind::Phone => put(phone::fast(value, reading)?.as_bytes(), out),
        IdentifierKind::FirstName | IdentifierKind::LastName => name::fast(value, out).map(|(len, _)| len),
        IdentifierKind::ExternalId => clean_external_id(value, out),
        _ => None,
    }?;
    Some(Clean { len, email: None })
}

fn clean_external_id(value: &str, out: &mut [u8; ROOM]) -> Option<usize> {
    let (id, _) = name::external_id(value).ok().filter(|(id, _)| id.is_ascii())?;
    put(id.as_bytes(), out)
}

fn put(value: &[u8], out: &mut [u8; ROOM]) -> Option<usize> {
    out.get_mut(..value.len())?.copy_from_slice(value);
    Some(value.len())
}

/// Whether a pre-image is the canonical value, or is made of it by cutting bytes out.
pub(super) const fn cuts(of: PreImage) -> bool {
    matches!(
        of,
        PreImage::EmailPlain
            | PreImage::EmailGmailFolded
            | PreImage::E164Plus
            | PreImage::E164PlusOrDigits
            | PreImage::E164Digits
            | PreImage::NamePlain
            | PreImage::NameLetters
            | PreImage::ExternalIdPlain
            | PreImage::Plain
    )
}

/// The pre-image of the canonical value in `buffer`, of those that [`cuts`] knows; empty where nothing remains.
/// `folded` is room for it.
#[inline]
pub(super) fn pre_image<'a>(
    of: PreImage,
    clean: &Clean,
    buffer: &'a mut [u8; ROOM],
    folded: &'a mut [u8; ROOM],
) -> &'a [u8] {
    if let (PreImage::EmailGmailFolded, Some(email)) = (of, &clean.email) {
        return email.gmail_folded(buffer, folded);
    }
    let value = buffer.get_mut(..clean.len).unwrap_or_default();
    let kept = match of {
        PreImage::E164Digits => value.iter().take_while(|byte| matches!(byte, b'+' | b'0')).count()..clean.len,
        PreImage::NameLetters => 0..keep(value, |byte| byte != b' ' && !byte.is_ascii_punctuation()),
        _ => 0..clean.len,
    };
    value.get(kept).unwrap_or_default()
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
        let (mut buffer, mut folded) = ([0; ROOM], [0; ROOM]);
        let clean = match of {
            PreImage::EmailGmailFolded => {
                super::canonical(IdentifierKind::Email, canonical, phone::Reading::default(), &mut buffer)?
            }
            _ => Clean { len: put(canonical.as_bytes(), &mut buffer)?, email: None },
        };
        assert!(cuts(of));
        let found = pre_image(of, &clean, &mut buffer, &mut folded);
        Some(String::from_utf8(found.to_vec()).unwrap())
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

    /// SplitMix64.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (*state ^ *state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// How many of `cases` texts, put together of pieces that names and ids are made of, were read here. Each comes out
    /// as by the interface of single values.
    fn compare(cases: u64) -> u64 {
        const PIECES: [&str; 24] = [
            "Nora",
            "quist",
            "O'",
            "-",
            " ",
            " ",
            ".",
            "JR",
            "n/a",
            "none",
            "TEST",
            "\"",
            "'",
            "null",
            "é",
            "\u{A0}",
            "\t",
            "0",
            "X",
            "de la",
            "abcdefghijklmnop",
            "_",
            "(",
            "#",
        ];
        let canonicalizer = super::super::Canonicalizer::new();
        let (mut buffer, mut folded, mut state) = ([0; ROOM], [0; ROOM], 4);
        let (mut text, mut expected, mut read) = (String::new(), String::new(), 0);
        for _ in 0..cases {
            text.clear();
            (0..next(&mut state) % 5).for_each(|_| text.push_str(PIECES[(next(&mut state) % 24) as usize]));
            for (kind, of) in [
                (IdentifierKind::FirstName, PreImage::NamePlain),
                (IdentifierKind::LastName, PreImage::NameLetters),
                (IdentifierKind::ExternalId, PreImage::ExternalIdPlain),
            ] {
                let Some(clean) = super::canonical(kind, &text, phone::Reading::default(), &mut buffer) else {
                    continue;
                };
                let single = canonicalizer.canonicalize(kind, &text, None).unwrap();
                expected.clear();
                of.write(single.as_str().unwrap(), &mut expected).unwrap();
                assert_eq!(pre_image(of, &clean, &mut buffer, &mut folded), expected.as_bytes(), "{text:?}");
                read += 1;
            }
        }
        read
    }

    #[test]
    fn names_and_ids_come_out_as_one_by_one() {
        assert!(compare(4_000) > 4_000);
    }

    #[test]
    #[ignore = "a minute; run it in a release build"]
    fn ten_million_names_and_ids_come_out_as_one_by_one() {
        let (cases, read) = (40_000_000, compare(40_000_000));
        println!("{cases} texts as two sorts of name and as an id, {read} read without an allocation, no difference");
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
                PreImage::E164Plus,
                PreImage::E164PlusOrDigits,
                PreImage::E164Digits,
                PreImage::NamePlain,
                PreImage::NameLetters,
                PreImage::ExternalIdPlain,
            ] {
                let mut expected = String::new();
                of.write(canonical.trim(), &mut expected).unwrap();
                if let Some(found) = cut(of, canonical.trim()) {
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
