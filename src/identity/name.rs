//! Names and external ids.

use super::clean::{self, clean};
use super::reject::{Notes, Reject};

/// Longest name in bytes, and longest external id: far above anything real, so that junk does not travel.
const NAME_LIMIT: usize = 256;
const EXTERNAL_ID_LIMIT: usize = 512;

/// Words that are no name. "Null" is one to somebody, but far more rows hold it as a filler.
const NO_NAME: &[&str] = &["null", "n/a", "nan", "undefined", "unknown", "(null)", "\\n", "-", "."];
/// Words that are fillers and real names alike: kept, with a note.
const MAYBE_NO_NAME: &[&str] = &["none", "na", "test"];
const NIL_UUID: &str = "00000000-0000-0000-0000-000000000000";

/// The longest name that is read by [`fast`]: shorter than every digest.
pub(super) const FAST_LIMIT: usize = 31;

/// The name of plain ASCII that needs no more than lower case and trimming, at the start of `out`, and its length.
///
/// `None` says nothing about the text: [`canonical_name`] judges it.
pub(super) fn fast(text: &str, out: &mut [u8]) -> Option<(usize, Notes)> {
    let trimmed = text.trim_matches(' ').as_bytes();
    let name = out.get_mut(..trimmed.len()).filter(|name| name.len() <= FAST_LIMIT)?;
    // Without early exits, so that the loop runs on whole vectors.
    let (mut other, mut upper, mut before) = (trimmed.is_empty(), false, b'.');
    for (&byte, slot) in trimmed.iter().zip(name.iter_mut()) {
        other |= !(b' '..=b'~').contains(&byte) | ((byte == b' ') & (before == b' '));
        upper |= byte.is_ascii_uppercase();
        *slot = byte.to_ascii_lowercase();
        before = byte;
    }
    if other || matches!(name.first(), Some(b'"' | b'\'')) || may_be_no_name(name) {
        return None;
    }
    let mut notes = Notes::NONE;
    notes.add_if(trimmed.len() < text.len(), Notes::TRIMMED);
    notes.add_if(upper, Notes::LOWERCASED);
    Some((trimmed.len(), notes))
}

/// Whether it is one of [`NO_NAME`] or [`MAYBE_NO_NAME`], in lower case.
fn may_be_no_name(name: &[u8]) -> bool {
    name.len() <= 9 && NO_NAME.iter().chain(MAYBE_NO_NAME).any(|word| word.as_bytes() == name)
}

/// A name: composed, in lower case, single spaces.
pub(super) fn canonical_name(text: &str) -> Result<(Box<str>, Notes), Reject> {
    let mut plain = [0; NAME_LIMIT];
    if let Some((name, notes)) =
        fast(text, &mut plain).and_then(|(len, notes)| Some((std::str::from_utf8(plain.get(..len)?).ok()?, notes)))
    {
        return Ok((name.into(), notes));
    }
    slow(text)
}

fn slow(text: &str) -> Result<(Box<str>, Notes), Reject> {
    let (text, mut notes) = clean(text);
    let mut text = &*text;
    while let Some(inner) = clean::unquote(text) {
        text = inner;
        notes = notes.with(Notes::UNWRAPPED);
    }
    if text.is_empty() {
        return Err(Reject::Missing);
    }
    if text.len() > NAME_LIMIT {
        return Err(Reject::TooLong);
    }
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    notes.add_if(collapsed.len() < text.len(), Notes::SPACE_REMOVED);
    notes.add_if(is_mojibake(&collapsed), Notes::MOJIBAKE_SUSPECTED);
    let name = clean::lower_nfc(collapsed, &mut notes);
    if clean::is_word_of(&name, NO_NAME) {
        return Err(Reject::Placeholder);
    }
    notes.add_if(clean::is_word_of(&name, MAYBE_NO_NAME), Notes::NULL_LIKE_NAME);
    Ok((name.into(), notes))
}

/// `Ã` before a character of U+0080–U+00BF: the two bytes of a Latin letter in UTF-8, read one by one.
fn is_mojibake(text: &str) -> bool {
    text.split('Ã').skip(1).any(|rest| rest.starts_with(|c| ('\u{80}'..='\u{BF}').contains(&c)))
}

/// An external id: trimmed, case kept. It may well be 64 hex digits.
pub(super) fn canonical_external_id(text: &str) -> Result<(Box<str>, Notes), Reject> {
    external_id(text).map(|(id, notes)| (id.into(), notes))
}

/// The part of the text that is the external id.
pub(super) fn external_id(text: &str) -> Result<(&str, Notes), Reject> {
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
    let mut notes = Notes::NONE;
    notes.add_if(trimmed.len() < text.len(), Notes::TRIMMED);
    if trimmed.is_empty() {
        return Err(Reject::Missing);
    }
    if clean::is_null_like(trimmed) || trimmed == NIL_UUID {
        return Err(Reject::Placeholder);
    }
    if trimmed.len() > EXTERNAL_ID_LIMIT {
        return Err(Reject::TooLong);
    }
    Ok((trimmed, notes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Result<String, Reject> {
        canonical_name(text).map(|(name, _)| name.into())
    }

    #[test]
    fn names_are_lower_case_composed_and_single_spaced() {
        assert_eq!(name(" Zoë "), Ok("zoë".to_owned()));
        assert_eq!(name("ZOE\u{308}"), Ok("zoë".to_owned()));
        assert_eq!(name("Anne\u{A0}\u{3000} Marie"), Ok("anne marie".to_owned()));
        assert_eq!(name("İpek"), Ok("i\u{307}pek".to_owned()));
        assert_eq!(name("\"O'Brien\""), Ok("o'brien".to_owned()));
        // Titles stay: they are stripped only where a platform's own rule says so.
        assert_eq!(name("Dr. Ada"), Ok("dr. ada".to_owned()));
        // No compatibility folding in names.
        assert_eq!(name("ﬁona"), Ok("ﬁona".to_owned()));
    }

    #[test]
    fn fillers_are_refused_and_real_names_are_not() {
        for filler in ["null", "N/A", "NaN", "undefined", "Unknown", "(null)", "\\N", "-", "."] {
            assert_eq!(name(filler), Err(Reject::Placeholder), "{filler}");
        }
        assert_eq!(name(" \u{200B} "), Err(Reject::Missing));
        assert_eq!(name("''"), Err(Reject::Missing));
        for real in ["None", "Na", "Test"] {
            let (kept, notes) = canonical_name(real).unwrap();
            assert_eq!(&*kept, real.to_ascii_lowercase());
            assert!(notes.contains(Notes::NULL_LIKE_NAME), "{real}");
        }
        assert_eq!(name(&"a".repeat(257)), Err(Reject::TooLong));
    }

    #[test]
    fn mojibake_is_noted_and_not_repaired() {
        let (kept, notes) = canonical_name("JosÃ©").unwrap();
        assert_eq!(&*kept, "josã©");
        assert!(notes.contains(Notes::MOJIBAKE_SUSPECTED));
        assert!(!canonical_name("Ãngela").unwrap().1.contains(Notes::MOJIBAKE_SUSPECTED));
    }

    #[test]
    fn external_ids_keep_their_case_and_may_be_hex() {
        assert_eq!(&*canonical_external_id(" C-aB 01\t").unwrap().0, "C-aB 01");
        let hex = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        assert_eq!(&*canonical_external_id(hex).unwrap().0, hex);
        assert_eq!(canonical_external_id("\u{FEFF} \n"), Err(Reject::Missing));
        for filler in ["NULL", "n/a", "[object Object]", NIL_UUID] {
            assert_eq!(canonical_external_id(filler), Err(Reject::Placeholder), "{filler}");
        }
        assert_eq!(canonical_external_id(&"x".repeat(513)), Err(Reject::TooLong));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn twice_is_once(text in "\\PC{0,24}") {
            if let Ok((once, _)) = canonical_name(&text) {
                prop_assert_eq!(canonical_name(&once).map(|(twice, _)| twice), Ok(once));
            }
            if let Ok((once, _)) = canonical_external_id(&text) {
                prop_assert_eq!(canonical_external_id(&once).map(|(twice, _)| twice), Ok(once));
            }
        }

        #[test]
        fn the_fast_way_is_the_slow_way(
            text in r#"[ -~]{0,24}|[ '"]{0,2}[A-Za-z]{1,6}[ .'"-]{0,2}|(?i: ?(null|n/a|nan|none|na|test|unknown) ?)|[a-z]{28,34}"#,
        ) {
            let mut plain = [0; FAST_LIMIT];
            if let Some((len, notes)) = fast(&text, &mut plain) {
                let (name, expected) = slow(&text).unwrap();
                prop_assert_eq!((&plain[..len], notes), (name.as_bytes(), expected));
            }
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = canonical_name(&text);
            let _ = canonical_external_id(&text);
        }
    }
}
