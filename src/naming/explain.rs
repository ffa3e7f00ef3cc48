//! Findings as plain text with the place marked, and places as lines and columns.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::diagnostic::Diagnostic;
use super::parse::MAX_BYTES;

/// A place in a text as editors count: lines and columns from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column in characters.
    pub column: usize,
    /// The column in UTF-16 code units, as the Language Server Protocol and browsers count (they count from 0).
    pub column_utf16: usize,
}

impl Position {
    /// Where byte `offset` of `input` is; an offset past the end, or inside a character, counts as the next boundary.
    pub fn of(input: &str, offset: usize) -> Self {
        let mut at = Self { line: 1, column: 1, column_utf16: 1 };
        for (_, c) in input.char_indices().take_while(|(start, _)| *start < offset) {
            if c == '\n' {
                at = Self { line: at.line + 1, column: 1, column_utf16: 1 };
            } else {
                at.column += 1;
                at.column_utf16 += c.len_utf16();
            }
        }
        at
    }
}

pub(super) fn diagnostic(finding: &Diagnostic, input: &str) -> String {
    let (line, before, marked) = mark(finding, input);
    let mut out = format!("{finding}\n  {line}\n  {}{}", " ".repeat(before), "^".repeat(marked.max(1)));
    if !finding.expected.is_empty() {
        let expected: Vec<String> = finding.expected.iter().map(ToString::to_string).collect();
        // Writing to a String cannot fail.
        let _ = write!(out, " expected {}", expected.join(" or "));
    }
    if let Some(line) = suggestion_line(finding) {
        let _ = write!(out, "\n  help: {line}");
    }
    for (_, text) in &finding.related {
        let _ = write!(out, "\n  note: {text}");
    }
    if let Some(help) = &finding.help {
        let _ = write!(out, "\n  help: {help}");
    }
    out
}

pub(super) fn suggestion_line(finding: &Diagnostic) -> Option<String> {
    let texts: Vec<String> = finding.suggestions.iter().map(|s| format!("\"{}\"", escape(&s.replacement))).collect();
    let (last, others) = texts.split_last()?;
    let first = finding.suggestions.first()?;
    if others.is_empty() && first.replacement.is_empty() {
        return Some("leave it out".to_owned());
    }
    let choice = if others.is_empty() { last.clone() } else { format!("{} or {last}", others.join(", ")) };
    let same_as = first.same_as.as_ref().map(|names| format!(" (same as {names})")).unwrap_or_default();
    let inserts = finding.suggestions.iter().all(|s| s.span.is_empty());
    Some(format!("{} {choice}?{same_as}", if inserts { "insert" } else { "did you mean" }))
}

/// The input on one line, escaped, with the columns before the marked place and in it; of an input too long to be read
/// only the beginning.
fn mark(finding: &Diagnostic, input: &str) -> (String, usize, usize) {
    if input.len() > MAX_BYTES {
        let beginning: String = input.chars().take(60).collect();
        return (format!("{} …", escape(&beginning)), 0, 1);
    }
    let (mut line, mut before, mut marked) = (String::with_capacity(input.len()), 0, 0);
    for (at, c) in input.char_indices() {
        let start = line.len();
        push_escaped(&mut line, c);
        let columns = line.get(start..).map_or(0, |shown| shown.chars().map(columns).sum());
        if at < finding.span.start {
            before += columns;
        } else if at < finding.span.end {
            marked += columns;
        }
    }
    (line, before, marked)
}

/// `text` with what cannot be seen written as an escape.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_escaped(&mut out, c));
    out
}

fn push_escaped(out: &mut String, c: char) {
    let invisible = matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202F}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    if c.is_control() || invisible || c == '\u{A0}' { out.extend(c.escape_default()) } else { out.push(c) }
}

/// How wide a terminal shows it: two columns for East Asian wide forms and emoji, none for combining marks.
fn columns(c: char) -> usize {
    match c {
        _ if unicode_normalization::char::is_combining_mark(c) => 0,
        '\u{1100}'..='\u{115F}'
        | '\u{2E80}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE6F}'
        | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}'
        | '\u{1F300}'..='\u{1FAFF}'
        | '\u{20000}'..='\u{3FFFD}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::diagnostic::{Applicability, Code, Expected, Suggestion};
    use super::*;

    #[test]
    fn marks_the_place() {
        let mut suggestion = Suggestion::new(33..38, "Purch".to_owned(), Applicability::Certain);
        suggestion.same_as = Some("Purchased, Purchasers".to_owned());
        let terms = ["Purch", "Unsub", "Subs", "Staff"].map(str::to_owned).to_vec();
        let finding = Diagnostic::new(Code::E014, 33..38, "unknown exclusion \"Purhc\"")
            .expecting(Expected::OneOf(terms))
            .suggesting(suggestion);
        assert_eq!(
            finding.explain("CI | Cart Abandon | 0-24h | Excl Purhc 7d"),
            r#"error[AN-E014]: unknown exclusion "Purhc"
  CI | Cart Abandon | 0-24h | Excl Purhc 7d
                                   ^^^^^ expected one of: Purch, Unsub, Subs, …
  help: did you mean "Purch"? (same as Purchased, Purchasers)"#
        );
    }

    #[test]
    fn hidden_and_wide_characters_keep_the_mark_in_place() {
        let finding = Diagnostic::new(Code::E003, 4..7, "forbidden character");
        assert_eq!(
            finding.explain("｜A\u{200B}B"),
            "error[AN-E003]: forbidden character\n  ｜A\\u{200b}B\n     ^^^^^^^^"
        );
    }

    #[test]
    fn positions_count_from_one() {
        let input = "é😀\nab";
        assert_eq!(Position::of(input, 6), Position { line: 1, column: 3, column_utf16: 4 });
        assert_eq!(Position::of(input, 8), Position { line: 2, column: 2, column_utf16: 2 });
        assert_eq!(Position::of(input, 99), Position { line: 2, column: 3, column_utf16: 3 });
    }
}
