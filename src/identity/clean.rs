//! What all kinds of text go through first.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::reject::Notes;

/// Words that stand for "no value", in lower case.
pub(super) const NULL_LIKE: &[&str] = &[
    "null",
    "nil",
    "none",
    "nan",
    "n/a",
    "na",
    "#n/a",
    "undefined",
    "unknown",
    "not provided",
    "-",
    "--",
    ".",
    "?",
    "\\n",
    "(null)",
    "(none)",
    "[object object]",
    "test",
    "tbd",
    "xxx",
];

/// Whether the trimmed text is empty or a word that stands for "no value".
pub(super) fn is_null_like(text: &str) -> bool {
    text.is_empty() || is_word_of(text, NULL_LIKE)
}

/// Whether `text` is one of `words`, whatever its ASCII case.
pub(super) fn is_word_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether the text is 64 hex digits.
pub(super) fn is_hex_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text for a plain value looks like a digest, with or without a prefix.
pub(super) fn looks_hashed(text: &str) -> bool {
    let bare = text.get(..7).filter(|it| it.eq_ignore_ascii_case("sha256:")).map_or(text, |it| &text[it.len()..]);
    is_hex_digest(bare)
}

/// Removes invisible characters and controls, makes all white space U+0020, and trims.
pub(super) fn clean(text: &str) -> (Cow<'_, str>, Notes) {
    let mut notes = Notes::NONE;
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        let trimmed = text.trim_matches(' ');
        notes.add_if(trimmed.len() < text.len(), Notes::TRIMMED);
        return (Cow::Borrowed(trimmed), notes);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            out.push(' ');
        } else if is_invisible(c) || c.is_control() {
            notes = notes.with(Notes::INVISIBLE_REMOVED);
        } else {
            out.push(c);
        }
    }
    let trimmed = out.trim_matches(' ');
    if trimmed.len() < out.len() {
        notes = notes.with(Notes::TRIMMED);
        out = trimmed.to_owned();
    }
    (Cow::Owned(out), notes)
}

/// Characters that print as nothing: soft hyphen, zero-width and direction marks, variation selectors.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Full-width ASCII to ASCII, and the ideographic full stops to `.`.
pub(super) fn fold_width(text: Cow<'_, str>, notes: &mut Notes) -> String {
    let folded = text
        .chars()
        .map(|c| match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            '\u{3002}' | '\u{FF61}' => '.',
            _ => c,
        })
        .collect::<String>();
    notes.add_if(folded != text, Notes::WIDTH_FOLDED);
    folded
}

/// Lower case by the full Unicode mapping.
pub(super) fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// Lower case by the full Unicode mapping, composed to NFC before and after. No locale: `İ` becomes `i̇`.
///
/// The one place of this room that knows Unicode case.
pub(super) fn lower_nfc(text: String, notes: &mut Notes) -> String {
    let composed = if is_nfc(&text) {
        text
    } else {
        *notes = notes.with(Notes::NFC_APPLIED);
        text.nfc().collect()
    };
    let lower = composed.to_lowercase();
    notes.add_if(lower != composed, Notes::LOWERCASED);
    if is_nfc(&lower) { lower } else { lower.nfc().collect() }
}

/// Removes one pair of quotes around the whole text.
pub(super) fn unquote(text: &str) -> Option<&str> {
    [('"', '"'), ('\'', '\''), ('“', '”'), ('„', '“')]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close))
        .map(|inner| inner.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_is_borrowed_and_the_rest_is_cleaned() {
        assert!(matches!(clean(" a b ").0, Cow::Borrowed("a b")));
        assert_eq!(clean("\u{FEFF}\u{A0}a\u{200B}\u{3000}b\r\n\0").0, "a b");
        assert_eq!(clean("\u{200D}").0, "");
        assert!(clean("a\u{AD}").1.contains(Notes::INVISIBLE_REMOVED));
    }

    #[test]
    fn null_like_words_are_known_in_any_case() {
        for word in ["", "NULL", "n/A", "\\N", "[object Object]", "--"] {
            assert!(is_null_like(word), "{word}");
        }
        assert!(!is_null_like("nora"));
    }

    #[test]
    fn lower_case_is_unicode_and_composed() {
        let mut notes = Notes::NONE;
        assert_eq!(lower_nfc("ZOE\u{308}".to_owned(), &mut notes), "zoë");
        assert!(notes.contains(Notes::NFC_APPLIED.with(Notes::LOWERCASED)));
        assert_eq!(lower_nfc("İ".to_owned(), &mut notes), "i\u{307}");
    }

    #[test]
    fn quotes_go_only_in_pairs() {
        assert_eq!(unquote("\"a\""), Some("a"));
        assert_eq!(unquote("“ a ”"), Some("a"));
        assert_eq!(unquote("\"a'"), None);
        assert_eq!(unquote("'"), None);
    }
}
