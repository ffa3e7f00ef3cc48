//! Characters with their place in the input, and the forms in which texts are compared.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::template::Joiner;

/// A character and its byte offset in the original input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ch {
    pub(super) at: usize,
    pub(super) c: char,
}

/// Every character of `input` that may take part in a name; forbidden ones are reported by the parser and skipped here.
pub(super) fn lex(input: &str) -> Vec<Ch> {
    let mut chars = Vec::with_capacity(input.len());
    chars.extend(input.char_indices().filter(|(_, c)| !is_forbidden(*c)).map(|(at, c)| Ch { at, c }));
    chars
}

/// The bytes of the original input that `chars` cover; an empty slice covers nothing at `fallback`.
pub(super) fn span(chars: &[Ch], fallback: usize) -> Range<usize> {
    match (chars.first(), chars.last()) {
        (Some(first), Some(last)) => first.at..last.at + last.c.len_utf8(),
        _ => fallback..fallback,
    }
}

pub(super) fn text(chars: &[Ch]) -> String {
    let mut out = String::with_capacity(chars.len());
    out.extend(chars.iter().map(|ch| ch.c));
    out
}

/// Whether the characters are exactly those of `text`.
pub(super) fn reads(chars: &[Ch], text: &str) -> bool {
    chars.iter().map(|ch| ch.c).eq(text.chars())
}

pub(super) fn trim(mut chars: &[Ch]) -> &[Ch] {
    while let [first, rest @ ..] = chars
        && first.c.is_whitespace()
    {
        chars = rest;
    }
    while let [rest @ .., last] = chars
        && last.c.is_whitespace()
    {
        chars = rest;
    }
    chars
}

/// The words of a phrase: split on white space and on the joiner.
pub(super) fn words(chars: &[Ch], joiner: Joiner) -> Vec<&[Ch]> {
    chars.split(|ch| joiner.splits(ch.c)).filter(|word| !word.is_empty()).collect()
}

/// Lower case of the composed form (NFC), the form in which keywords and terms are compared.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    fold_any(text)
}

/// [`fold`] of characters of the input.
pub(super) fn fold_chars(chars: &[Ch]) -> String {
    if chars.iter().all(|ch| ch.c.is_ascii()) {
        return chars.iter().map(|ch| ch.c.to_ascii_lowercase()).collect();
    }
    fold_any(&text(chars))
}

fn fold_any(text: &str) -> String {
    // Final sigma is a position of the letter, not another letter.
    let lower = text.nfc().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c });
    lower.nfc().collect()
}

/// The form in which a phrase is looked up: folded, with space, hyphen and joiner alike.
pub(super) fn match_key(text: &str, joiner: Joiner) -> String {
    let folded = fold(text);
    let mut key = String::with_capacity(folded.len());
    for word in folded.split(|c: char| c == '-' || joiner.splits(c)).filter(|word| !word.is_empty()) {
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(word);
    }
    key
}

/// Never part of a name: control, invisible, direction and quoting characters (a tab is white space).
pub(super) fn is_forbidden(c: char) -> bool {
    if c.is_ascii() {
        return (c.is_ascii_control() && c != '\t') || matches!(c, '"' | '\\' | '`' | '<' | '>');
    }
    let invisible =
        matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    let quoting = matches!(c, '“' | '”' | '„' | '«' | '»');
    c.is_control() || invisible || quoting
}

/// Shown by every known destination as it was sent.
pub(super) fn is_portable(c: char) -> bool {
    let punctuation =
        matches!(c, '|' | '-' | '+' | '_' | '.' | ',' | ':' | '(' | ')' | '/' | '%' | '&' | '[' | ']' | '@');
    c.is_alphanumeric()
        || c.is_whitespace()
        || punctuation
        || (!c.is_ascii() && unicode_normalization::char::is_combining_mark(c))
}

/// A hyphen, a dash or a minus sign: all count as `-` in windows.
pub(super) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Characters that look like `|` and are not.
pub(super) fn is_pipe_look_alike(c: char) -> bool {
    matches!(c, '｜' | '│' | '¦' | '❘' | '∣')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_composes_and_lowers() {
        assert_eq!(fold("Cafe\u{301}"), "café");
        assert_eq!(fold("ΟΔΟΣ"), fold("οδος"));
        assert_eq!(match_key("Cross-Sell", Joiner::Space), match_key("cross  sell", Joiner::Space));
        assert_eq!(match_key("Cart_Abandon", Joiner::Underscore), "cart abandon");
        assert_eq!(match_key("Cart_Abandon", Joiner::Space), "cart_abandon");
    }

    #[test]
    fn spans_are_bytes_of_the_original() {
        let chars = lex("  é\u{200B}x ");
        assert_eq!(span(trim(&chars), 0), 2..8);
        assert_eq!(text(trim(&chars)), "éx");
        assert_eq!(span(&[], 3), 3..3);
    }
}
