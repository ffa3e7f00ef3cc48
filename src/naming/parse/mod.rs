//! Reads a name: splits it at the separators, tells fields by their content, reports every mistake in one pass.

mod exclusions;
mod fields;
mod terms;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::diagnostic::{Applicability, Code, Diagnostic, Expected, Severity, Suggestion};
use super::explain::escape;
use super::name::{AudienceName, Exclusions, Role};
use super::render::Style;
use super::template::{Field, FieldKind, Joiner, Template};
use super::term::{Key, Market, Slug, Term, Value};
use super::text::{Ch, is_forbidden, is_pipe_look_alike, is_portable, lex, reads, span, text, trim};
use super::window::Window;
use crate::error::{Error, ErrorKind, Result};

/// The longest name that is read or written, in bytes of UTF-8.
pub(super) const MAX_BYTES: usize = 1_024;
const MAX_FIELDS: usize = 16;
const MAX_DIAGNOSTICS: usize = 64;
/// `fix` gives up after so many rounds; two or three are the rule.
const MAX_ROUNDS: usize = 8;

/// Where the parts of a name stand: bytes of the original input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Spans {
    /// The prefix.
    pub prefix: Option<Range<usize>>,
    /// The markets, with the keyword.
    pub market: Option<Range<usize>>,
    /// The word of the role.
    pub role: Option<Range<usize>>,
    /// The intent, without the word of the role.
    pub intent: Option<Range<usize>>,
    /// The window.
    pub window: Option<Range<usize>>,
    /// The exclusions, with the keyword.
    pub exclusions: Option<Range<usize>>,
    /// The exclusions one by one, as [`Exclusions::items`] has them.
    pub items: Vec<Range<usize>>,
    /// The owner, with the keyword.
    pub owner: Option<Range<usize>>,
    /// The version.
    pub version: Option<Range<usize>>,
    /// The keyed fields, with their keys.
    pub ext: BTreeMap<Key, Range<usize>>,
}

/// What reading a name gave. Prints as its findings, one below the other, with their places marked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Parsed {
    /// The text that was read.
    pub input: String,
    /// The name; `None` when there is a finding of severity `Error`.
    pub name: Option<AudienceName>,
    /// Where the parts that were recognised stand.
    pub spans: Spans,
    /// What is to be said about the spelling, in the order of the places; at most 64.
    pub diagnostics: Vec<Diagnostic>,
    /// The version of the vocabulary the name was read with.
    pub vocabulary: u32,
}

impl Parsed {
    /// Whether there is nothing to be said.
    pub fn is_clean(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// The findings that keep this from being a name.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Whether there is a finding with this code.
    pub fn has(&self, code: Code) -> bool {
        self.diagnostics.iter().any(|finding| finding.code == code)
    }

    /// The name, or one error that tells all that is wrong.
    ///
    /// # Errors
    /// `Config`; the message joins the findings that are errors, each with its best suggestion.
    pub fn into_name(self) -> Result<AudienceName> {
        let messages: Vec<String> = self.errors().map(brief).collect();
        self.name.ok_or_else(|| {
            let shown: String = escape(&self.input).chars().take(160).collect();
            Error::new(ErrorKind::Config, format!("audience name \"{shown}\": {}", messages.join("; ")))
        })
    }
}

/// `unknown exclusion "Purhc", did you mean "Purch" (AN-E014)`.
fn brief(finding: &Diagnostic) -> String {
    let best = finding.suggestions.first().filter(|suggestion| !suggestion.replacement.trim().is_empty());
    let hint = best.map(|suggestion| format!(", did you mean \"{}\"", escape(&suggestion.replacement)));
    format!("{}{} ({})", finding.message, hint.unwrap_or_default(), finding.code)
}

impl fmt::Display for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, finding) in self.diagnostics.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            write!(f, "{newline}{}", finding.explain(&self.input))?;
        }
        Ok(())
    }
}

impl Template {
    /// Reads a name. Never fails and never panics: what is wrong stands in [`Parsed::diagnostics`].
    pub fn parse(&self, input: &str) -> Parsed {
        let mut parser = Parser::new(self, input);
        let name = parser.run();
        let mut diagnostics = parser.diagnostics;
        diagnostics.sort_by_key(|finding| (finding.span.start, finding.code));
        Parsed {
            input: input.to_owned(),
            name: name.filter(|_| !parser.failed),
            spans: parser.spans,
            diagnostics,
            vocabulary: self.vocabulary().version,
        }
    }

    /// Applies every suggestion that is certain, until there are none left; the rest stays as written.
    pub fn fix(&self, input: &str) -> String {
        let mut fixed = input.to_owned();
        for _ in 0..MAX_ROUNDS {
            let parsed = self.parse(&fixed);
            let all = parsed.diagnostics.into_iter().filter_map(|finding| finding.suggestions.into_iter().next());
            let next = apply(&fixed, all.filter(|best| best.applicability == Applicability::Certain).collect());
            if next == fixed {
                break;
            }
            fixed = next;
        }
        fixed
    }
}

/// Applies what does not overlap, the smallest first.
fn apply(input: &str, mut suggestions: Vec<Suggestion>) -> String {
    suggestions.sort_by_key(|suggestion| (suggestion.span.len(), suggestion.span.start));
    let mut chosen: Vec<Suggestion> = Vec::new();
    for suggestion in suggestions {
        let (start, end) = (suggestion.span.start, suggestion.span.end);
        if chosen.iter().all(|other| end < other.span.start || start > other.span.end) {
            chosen.push(suggestion);
        }
    }
    chosen.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.span.start));
    let mut out = input.to_owned();
    for suggestion in chosen {
        if out.get(suggestion.span.clone()).is_some() {
            out.replace_range(suggestion.span, &suggestion.replacement);
        }
    }
    out
}

impl AudienceName {
    /// Reads a name under [`Template::pipe_default`].
    ///
    /// # Errors
    /// `Config`; the message tells everything that is wrong ([`Parsed::into_name`]).
    pub fn parse(text: &str) -> Result<Self> {
        Template::shared_default().parse(text).into_name()
    }
}

/// What was read so far.
#[derive(Default)]
struct Draft {
    prefix: Option<Term>,
    market: Vec<Market>,
    role: Role,
    intent: Option<Term>,
    window: Option<Window>,
    exclusions: Exclusions,
    owner: Option<Slug>,
    version: Option<u16>,
    ext: BTreeMap<Key, Value>,
}

/// A field that was recognised: its kind, its key, its place.
struct Seen {
    kind: FieldKind,
    key: Option<Key>,
    span: Range<usize>,
}

struct Parser<'p> {
    template: &'p Template,
    input: &'p str,
    joiner: Joiner,
    diagnostics: Vec<Diagnostic>,
    failed: bool,
    /// Whether the input is beyond what is read at all.
    too_much: bool,
    spans: Spans,
    draft: Draft,
    seen: Vec<Seen>,
}

impl<'p> Parser<'p> {
    fn new(template: &'p Template, input: &'p str) -> Self {
        Self {
            template,
            input,
            joiner: template.naming().joiner,
            diagnostics: Vec::new(),
            failed: false,
            too_much: false,
            spans: Spans::default(),
            draft: Draft::default(),
            seen: Vec::new(),
        }
    }

    fn run(&mut self) -> Option<AudienceName> {
        if self.input.len() > MAX_BYTES {
            let message = format!("expected at most {MAX_BYTES} bytes, found {}", self.input.len());
            self.push(Diagnostic::new(Code::E001, 0..self.input.len(), message));
            return None;
        }
        self.forbidden_characters();
        let chars = lex(self.input);
        if trim(&chars).is_empty() {
            self.push(Diagnostic::new(Code::E002, 0..self.input.len(), "empty name"));
            return None;
        }
        let fields = self.split(&chars);
        if fields.len() > MAX_FIELDS {
            let message = format!("expected at most {MAX_FIELDS} fields, found {}", fields.len());
            self.push(Diagnostic::new(Code::E001, 0..self.input.len(), message));
            return None;
        }
        self.white_space(&chars);
        self.unusual_characters(&chars);
        self.fields(&chars, &fields);
        if self.too_much {
            return None;
        }
        self.missing_fields(&chars);
        let name = self.assemble()?;
        self.order(&chars, &name);
        self.advised_length();
        Some(name)
    }

    fn push(&mut self, mut finding: Diagnostic) {
        self.failed |= finding.severity == Severity::Error;
        if finding.found.is_none() {
            let text = self.input.get(finding.span.clone()).filter(|text| !text.is_empty());
            finding.found = text.map(shown);
        }
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(finding);
        }
    }

    fn forbidden_characters(&mut self) {
        for (at, c) in self.input.char_indices().filter(|(_, c)| is_forbidden(*c)) {
            let space = matches!(c, '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}');
            let sure = if c.is_control() || !c.is_ascii() { Applicability::Certain } else { Applicability::Likely };
            let span = at..at + c.len_utf8();
            let suggestion = Suggestion::new(span.clone(), if space { " " } else { "" }.to_owned(), sure);
            let message = format!("forbidden character \"{}\"", escape(&c.to_string()));
            self.push(Diagnostic::new(Code::E003, span, message).suggesting(suggestion));
        }
    }

    fn advised_length(&mut self) {
        let Ok(most @ 1..) = usize::try_from(self.template.naming().max_chars) else { return };
        let Some((past, _)) = self.input.char_indices().nth(most) else { return };
        let message = format!("expected at most {most} characters, found {}", self.input.chars().count());
        let finding = Diagnostic::new(Code::W016, past..self.input.len(), message);
        self.push(finding.helping("give up fields that are not required, or exclude fewer"));
    }

    /// The fields between separators, not trimmed; characters that were meant as separators are reported and count.
    fn split<'c>(&mut self, chars: &'c [Ch]) -> Vec<&'c [Ch]> {
        let separator = self.template.naming().separator;
        let look_alike = |c: char| separator == '|' && is_pipe_look_alike(c);
        let divides = |c: char| c == separator || look_alike(c);
        let (wrong, sure) = if chars.iter().any(|ch| divides(ch.c)) {
            let wrong = chars.iter().enumerate().filter(|(_, ch)| look_alike(ch.c)).map(|(at, _)| at).collect();
            (wrong, Applicability::Certain)
        } else {
            (self.other_separator(chars), Applicability::Likely)
        };
        for ch in wrong.iter().filter_map(|at: &usize| chars.get(*at)) {
            let span = ch.at..ch.at + ch.c.len_utf8();
            let finding = Diagnostic::new(Code::E004, span.clone(), format!("wrong separator \"{}\"", ch.c))
                .expecting(Expected::Separator(separator))
                .suggesting(Suggestion::new(span, separator.to_string(), sure));
            self.push(finding);
        }
        let mut fields = Vec::new();
        let mut start = 0;
        for (at, ch) in chars.iter().enumerate() {
            if divides(ch.c) || wrong.contains(&at) {
                fields.push(chars.get(start..at).unwrap_or_default());
                start = at + 1;
            }
        }
        fields.push(chars.get(start..).unwrap_or_default());
        fields
    }

    /// The places of the one character that stands three times or more where the separator should.
    fn other_separator(&self, chars: &[Ch]) -> Vec<usize> {
        const OTHERS: [char; 16] = ['|', '/', ';', '_', ':', '~', '#', '*', '•', '·', '›', '→', '-', '–', '—', '｜'];
        let spaced = |at: usize| {
            let blank = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|ch| ch.c.is_whitespace());
            blank(at.checked_sub(1)) && blank(at.checked_add(1))
        };
        // A bare dash or colon is at home in windows and keys.
        let bare = |c: char| !matches!(c, '-' | '–' | '—' | ':');
        let mut candidates: Vec<(usize, char)> = chars.iter().map(|ch| ch.c).enumerate().collect();
        candidates.retain(|(at, c)| !c.is_alphanumeric() && OTHERS.contains(c) && (bare(*c) || spaced(*at)));
        let places = |c: char| candidates.iter().filter(|(_, other)| *other == c).map(|(at, _)| *at).collect();
        let joiner = self.joiner.as_char();
        let found = OTHERS.into_iter().filter(|c| *c != joiner).map(places).filter(|places: &Vec<_>| places.len() >= 3);
        found.max_by_key(Vec::len).unwrap_or_default()
    }

    fn white_space(&mut self, chars: &[Ch]) {
        let naming = self.template.naming();
        let (separator, joiner, pad) = (naming.separator, self.joiner, naming.pad);
        let mut start = 0;
        while let Some(ch) = chars.get(start) {
            let len = chars.iter().skip(start).take_while(|ch| ch.c.is_whitespace()).count();
            if len == 0 {
                start += 1;
                continue;
            }
            let end = start + len;
            let (before, after) = (start.checked_sub(1).and_then(|at| chars.get(at)), chars.get(end));
            let beside = |test: &dyn Fn(char) -> bool| [before, after].into_iter().flatten().any(|ch| test(ch.c));
            let outside = before.is_none() || after.is_none();
            let beside_separator = beside(&|c| c == separator || (separator == '|' && is_pipe_look_alike(c)));
            let beside_list = beside(&|c| matches!(c, '+' | ',' | '&' | ':'));
            let tidy = len == 1 && ch.c == ' ' && (joiner == Joiner::Space || beside_separator || beside_list);
            if outside || !tidy {
                let replacement = match () {
                    () if outside => String::new(),
                    () if beside_separator && !pad => String::new(),
                    () if beside_separator || beside_list => " ".to_owned(),
                    () => joiner.as_char().to_string(),
                };
                let span = span(chars.get(start..end).unwrap_or_default(), ch.at);
                let fix = Suggestion::new(span.clone(), replacement, Applicability::Certain);
                self.push(Diagnostic::new(Code::W010, span, "white space is written differently").suggesting(fix));
            }
            start = end;
        }
    }

    fn unusual_characters(&mut self, chars: &[Ch]) {
        let separator = self.template.naming().separator;
        let wrong_separator = |ch: &Ch| separator == '|' && is_pipe_look_alike(ch.c);
        for ch in chars.iter().filter(|ch| !is_portable(ch.c) && ch.c != separator && !wrong_separator(ch)) {
            let message = format!("\"{}\" may not be shown by every destination", ch.c);
            self.push(Diagnostic::new(Code::W015, ch.at..ch.at + ch.c.len_utf8(), message));
        }
        if let Some(ch) = chars.first().filter(|ch| matches!(ch.c, '=' | '+' | '-' | '@')) {
            let message = format!("a name that starts with \"{}\" may run as a formula in a spreadsheet", ch.c);
            self.push(Diagnostic::new(Code::W015, ch.at..ch.at + 1, message));
        }
    }

    fn fields(&mut self, all: &[Ch], fields: &[&[Ch]]) {
        let mut phrases: Vec<&[Ch]> = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            let trimmed = trim(field);
            if trimmed.is_empty() {
                self.empty_field(all, fields, at);
            } else if !self.telling_field(trimmed) {
                phrases.push(trimmed);
            }
        }
        self.phrases(&phrases);
    }

    fn empty_field(&mut self, all: &[Ch], fields: &[&[Ch]], at: usize) {
        let end_of = |field: &[Ch]| field.last().map(|ch| ch.at + ch.c.len_utf8());
        // From the end of the field before to the start of the field after: the separators around nothing.
        let before = fields.iter().take(at).rev().find_map(|field| end_of(trim(field))).unwrap_or(0);
        let after = fields.iter().skip(at + 1).find_map(|field| trim(field).first().map(|ch| ch.at));
        let place = before..after.unwrap_or_else(|| end_of(all).unwrap_or(before)).max(before);
        self.push(Diagnostic::new(Code::E002, place, "empty field").helping("fill it in, or take one separator away"));
    }

    /// Notes a field; answers `false`, and reports it, when there was one of its kind before or the template has none.
    fn see(&mut self, kind: FieldKind, key: Option<Key>, span: Range<usize>) -> bool {
        let first = self.seen.iter().find(|seen| seen.kind == kind && seen.key == key).map(|seen| seen.span.clone());
        let known = match &key {
            Some(key) => self.template.ext_field(key.as_str()).is_some(),
            None => self.template.field(kind).is_some(),
        };
        self.seen.push(Seen { kind, key, span: span.clone() });
        if let Some(first) = first {
            let mut finding = Diagnostic::new(Code::E006, span, format!("a second {kind}"));
            finding.related.push((first, format!("the first {kind} is here")));
            self.push(finding);
            return false;
        }
        if !known {
            self.push(Diagnostic::new(Code::E017, span, format!("the template has no {kind}")));
        }
        known
    }

    fn missing_fields(&mut self, chars: &[Ch]) {
        let role = self.draft.role;
        let end = trim(chars).last().map_or(0, |ch| ch.at + ch.c.len_utf8());
        let missing = |field: &&Field| {
            let seen = self.seen.iter().any(|seen| seen.kind == field.kind && seen.key == field.key);
            field.needed_by(role) && !seen
        };
        for field in self.template.naming().fields.iter().filter(missing).collect::<Vec<_>>() {
            let (what, expected) = match &field.key {
                Some(key) => (format!("field \"{key}\""), Expected::Keyed(key.clone())),
                None if field.kind == FieldKind::Window => (field.kind.to_string(), Expected::Window),
                None if field.allow.is_empty() => (field.kind.to_string(), Expected::Field(field.kind)),
                None => (field.kind.to_string(), Expected::OneOf(field.allow.clone())),
            };
            let finding = Diagnostic::new(Code::E005, end..end, format!("missing {what}")).expecting(expected);
            self.push(match field.kind {
                FieldKind::Exclusions => finding.helping("write \"Excl None\" if nobody is left out"),
                _ => finding,
            });
        }
    }

    fn assemble(&mut self) -> Option<AudienceName> {
        if self.failed {
            return None;
        }
        let draft = std::mem::take(&mut self.draft);
        let mut name = AudienceName::new(draft.intent?).with_role(draft.role);
        name = name.with_exclusions(draft.exclusions);
        Some(AudienceName {
            prefix: draft.prefix,
            market: draft.market,
            window: draft.window,
            owner: draft.owner,
            version: draft.version,
            ext: draft.ext,
            ..name
        })
    }

    /// Compares the order of the fields with the template's.
    fn order(&mut self, chars: &[Ch], name: &AudienceName) {
        let fields = &self.template.naming().fields;
        let place = |seen: &Seen| fields.iter().position(|field| field.kind == seen.kind && field.key == seen.key);
        self.seen.sort_by_key(|seen| seen.span.start);
        let early = self.seen.windows(2).find_map(|pair| match pair {
            [a, b] if place(a) > place(b) => Some(b.span.clone()),
            _ => None,
        });
        let Some(span_of_early) = early else { return };
        let mut finding =
            Diagnostic::new(Code::W012, span_of_early, "the fields stand in another order than the template's");
        if let Ok(text) = self.template.compose(name, &Style::canonical(self.template)) {
            finding = finding.suggesting(Suggestion::new(span(chars, 0), text, Applicability::Certain));
        }
        self.push(finding);
    }

    /// Compares what stands there with the canonical spelling.
    fn spelling(&mut self, chars: &[Ch], canonical: &str) {
        if reads(chars, canonical) {
            return;
        }
        let written = self.written(chars);
        if written != canonical {
            let place = span(chars, 0);
            let message = format!("\"{}\" is written \"{canonical}\"", shown(&written));
            let fix = Suggestion::new(place.clone(), canonical.to_owned(), Applicability::Certain);
            self.push(Diagnostic::new(Code::W011, place, message).suggesting(fix));
        }
    }

    /// The text with its white space tidied, so that only spelling is left to compare.
    fn written(&self, chars: &[Ch]) -> String {
        let text = text(chars);
        let mut written = String::with_capacity(text.len());
        for word in text.split_whitespace() {
            if !written.is_empty() {
                written.push(self.joiner.as_char());
            }
            written.push_str(word);
        }
        written
    }
}

/// Escaped and cut to 64 characters.
fn shown(text: &str) -> String {
    if text.len() <= 64 && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    // An escape of one character is ten characters at most.
    let beginning: String = text.chars().take(64).collect();
    escape(&beginning).chars().take(64).collect()
}
