//! Reads a window from characters, and says what is wrong with something that was meant as one.

use std::ops::Range;

use super::diagnostic::{Applicability, Code, Expected, Suggestion};
use super::template::Joiner;
use super::text::{Ch, fold, is_dash, lex, span};
use super::window::{Date, Dur, Unit, Window};

/// What a stretch of text is, as far as windows go.
pub(super) enum Scan {
    /// Not a window, and not meant as one.
    No,
    Window(Window),
    /// Meant as a window, and wrong.
    Bad(Fault),
}

/// What is wrong with a window.
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) span: Range<usize>,
    pub(super) message: &'static str,
    pub(super) expected: Vec<Expected>,
    pub(super) suggestions: Vec<Suggestion>,
    /// A number alone, which may as well be the last word of a phrase (`Tier 2`).
    pub(super) bare_number: bool,
}

pub(super) fn scan_text(text: &str) -> Scan {
    scan(&lex(text), Joiner::Space)
}

/// Reads all of `chars` as one window.
pub(super) fn scan(chars: &[Ch], joiner: Joiner) -> Scan {
    if !may_start(chars, joiner) {
        return Scan::No;
    }
    match tokens(chars, joiner) {
        Some(tokens) => read(&tokens),
        None => Scan::No,
    }
}

/// The words that open a window, or are one.
const OPENING_WORDS: [&str; 12] =
    ["lifetime", "lt", "alltime", "all", "ever", "last", "past", "trailing", "l", "next", "over", "older"];

/// Whether a window can start here: with a digit, or with a word that opens one.
fn may_start(chars: &[Ch], joiner: Joiner) -> bool {
    let mut rest = chars.iter().map(|ch| ch.c).skip_while(|c| joiner.splits(*c)).peekable();
    if rest.peek().is_some_and(char::is_ascii_digit) {
        return true;
    }
    let word = rest.take_while(|c| c.is_alphabetic()).map(|c| c.to_ascii_lowercase());
    OPENING_WORDS.iter().any(|opening| word.clone().eq(opening.chars()))
}

#[derive(Debug)]
struct Token {
    kind: Kind,
    span: Range<usize>,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Number { value: u32, digits: usize },
    Word(String),
    Dash,
    Dots,
    Plus,
}

/// No form has more tokens than two dates with dashes and the dots between.
const MAX_TOKENS: usize = 16;

fn tokens(chars: &[Ch], joiner: Joiner) -> Option<Vec<Token>> {
    let mut out: Vec<Token> = Vec::new();
    let mut rest = chars;
    while let [first, tail @ ..] = rest {
        if first.c.is_whitespace() || (joiner == Joiner::Underscore && first.c == '_') {
            rest = tail;
            continue;
        }
        let (len, kind) = token(rest, first.c)?;
        let (taken, after) = rest.split_at_checked(len)?;
        out.push(Token { kind, span: span(taken, first.at) });
        if out.len() > MAX_TOKENS {
            return None;
        }
        rest = after;
    }
    if joiner == Joiner::Hyphen {
        drop_joining_dashes(&mut out);
    }
    Some(out)
}

/// The token that starts here with `first`, and its length in characters; `None` for what no window holds.
fn token(rest: &[Ch], first: char) -> Option<(usize, Kind)> {
    let run = |test: fn(char) -> bool| rest.iter().map(|ch| ch.c).take_while(move |c| test(*c));
    Some(if first.is_ascii_digit() {
        let digits = run(|c| c.is_ascii_digit()).count();
        let value = rest.iter().take(digits).filter_map(|ch| ch.c.to_digit(10));
        let value = value.fold(0_u32, |n, digit| n.saturating_mul(10).saturating_add(digit));
        (digits, Kind::Number { value, digits })
    } else if first.is_alphabetic() {
        let word: String = run(char::is_alphabetic).collect();
        (word.chars().count(), Kind::Word(fold(&word)))
    } else if is_dash(first) {
        (1, Kind::Dash)
    } else if first == '+' {
        (1, Kind::Plus)
    } else if rest.get(1).is_some_and(|next| first == '.' && next.c == '.') {
        (2, Kind::Dots)
    } else {
        return None;
    })
}

/// With `-` as the joiner, only a dash between two sides of a range or inside a date is part of the window.
fn drop_joining_dashes(tokens: &mut Vec<Token>) {
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut all = std::mem::take(tokens).into_iter().peekable();
    while let Some(token) = all.next() {
        if token.kind == Kind::Dash {
            let before = match kept.as_slice() {
                [.., Token { kind: Kind::Number { .. }, .. }] => true,
                [.., Token { kind: Kind::Number { .. }, .. }, Token { kind: Kind::Word(word), .. }] => word != "to",
                _ => false,
            };
            let after = matches!(all.peek(), Some(Token { kind: Kind::Number { .. }, .. }));
            if !(before && after) {
                continue;
            }
        }
        kept.push(token);
    }
    *tokens = kept;
}

fn read(tokens: &[Token]) -> Scan {
    let words: Vec<&str> = tokens.iter().map_while(Token::word).collect();
    match words.as_slice() {
        ["lifetime" | "lt" | "alltime" | "ever"] | ["all", "time"] if words.len() == tokens.len() => {
            Scan::Window(Window::Lifetime)
        }
        ["last" | "past" | "trailing" | "l"] => after_keyword(tokens, 1, |dur| Window::last(dur).ok()),
        ["next"] => after_keyword(tokens, 1, |dur| Window::next(dur).ok()),
        ["over"] => after_keyword(tokens, 1, |dur| Some(Window::open(dur))),
        ["older", "than"] => after_keyword(tokens, 2, |dur| Some(Window::open(dur))),
        [] => {
            let dots = tokens.iter().position(|token| token.kind == Kind::Dots);
            match dots.and_then(|at| Some((tokens.get(..at)?, tokens.get(at + 1..)?))) {
                Some((from, to)) => fixed(from, to),
                None => ages(tokens),
            }
        }
        _ => Scan::No,
    }
}

/// `number unit` after one of the keywords; `build` answers `None` for zero length.
fn after_keyword(tokens: &[Token], skip: usize, build: impl Fn(Dur) -> Option<Window>) -> Scan {
    let Some((dur, rest)) = tokens.get(skip..).and_then(Side::read) else { return Scan::No };
    if !rest.is_empty() {
        return Scan::No;
    }
    match dur.finish(None) {
        Ok(value) => build(value).map_or_else(|| Scan::Bad(empty(dur.span())), Scan::Window),
        Err(scan) => scan,
    }
}

/// `24h`, `90d+`, `0-24h`, `2h to 7d`.
fn ages(tokens: &[Token]) -> Scan {
    let Some((left, rest)) = Side::read(tokens) else { return Scan::No };
    match rest {
        [] => match left.finish(None) {
            Ok(dur) => Window::last(dur).map_or_else(|_| Scan::Bad(empty(left.span())), Scan::Window),
            Err(scan) => scan,
        },
        [Token { kind: Kind::Plus, .. }] => match left.finish(None) {
            Ok(dur) => Scan::Window(Window::open(dur)),
            Err(scan) => scan,
        },
        [link, tail @ ..] if link.kind == Kind::Dash || link.word() == Some("to") => match Side::read(tail) {
            Some((right, [])) => range(&left, &right),
            _ => Scan::No,
        },
        _ => Scan::No,
    }
}

fn range(left: &Side<'_>, right: &Side<'_>) -> Scan {
    let whole = left.number.start..right.span().end;
    if right.unit.is_none() {
        return range_without_unit(left, right, whole);
    }
    let to = match right.finish(None) {
        Ok(dur) => dur,
        Err(scan) => return scan,
    };
    let from = match left.finish(Some(to.unit())) {
        Ok(dur) => dur,
        Err(scan) => return scan,
    };
    Window::range(from, to).map_or_else(
        |_| {
            let mut fault = empty(whole.clone());
            if let Ok(swapped) = Window::range(to, from) {
                fault.suggestions.push(Suggestion::new(whole, swapped.to_string(), Applicability::Likely));
            }
            Scan::Bad(fault)
        },
        Scan::Window,
    )
}

fn range_without_unit(left: &Side<'_>, right: &Side<'_>, whole: Range<usize>) -> Scan {
    let known = left.unit.as_ref().and_then(|(word, _)| unit(word));
    if left.unit.is_some() && known.is_none() {
        return Scan::No;
    }
    let (code, message) = match left.value.max(right.value) > u32::from(Dur::MAX) {
        true => (Code::E013, "number out of range, 0 to 9999"),
        false => (Code::E010, "a window needs a unit"),
    };
    let units = known.map_or(vec![Unit::D, Unit::H, Unit::Mo], |unit| vec![unit]);
    let suggestions = units.into_iter().filter(|_| code == Code::E010);
    let suggestions = suggestions.map(|unit| {
        let replacement = format!("{}-{}{unit}", left.value, right.value);
        Suggestion::new(whole.clone(), replacement, Applicability::Guess)
    });
    Scan::Bad(Fault {
        code,
        message,
        expected: vec![Expected::Unit],
        suggestions: suggestions.collect(),
        span: whole,
        bare_number: false,
    })
}

/// A number with the unit that follows it, if one does.
struct Side<'t> {
    value: u32,
    digits: usize,
    number: Range<usize>,
    unit: Option<(&'t str, Range<usize>)>,
}

impl<'t> Side<'t> {
    fn read(tokens: &'t [Token]) -> Option<(Self, &'t [Token])> {
        let [Token { kind: Kind::Number { value, digits }, span }, rest @ ..] = tokens else { return None };
        let side = |unit| Self { value: *value, digits: *digits, number: span.clone(), unit };
        match rest {
            [Token { kind: Kind::Word(word), span }, rest @ ..] if word != "to" => {
                Some((side(Some((word.as_str(), span.clone()))), rest))
            }
            _ => Some((side(None), rest)),
        }
    }

    fn span(&self) -> Range<usize> {
        self.number.start..self.unit.as_ref().map_or(self.number.end, |(_, span)| span.end)
    }

    fn finish(&self, default: Option<Unit>) -> Result<Dur, Scan> {
        let unit = match &self.unit {
            None => default.ok_or_else(|| self.no_unit())?,
            Some((word, span)) => unit(word).ok_or_else(|| self.bad_unit(word, span))?,
        };
        let n = u16::try_from(self.value).ok().filter(|_| self.digits <= 4);
        n.and_then(|n| Dur::new(n, unit).ok()).ok_or_else(|| {
            Scan::Bad(Fault {
                code: Code::E013,
                span: self.number.clone(),
                message: "number out of range, 0 to 9999",
                expected: vec![Expected::Number],
                suggestions: Vec::new(),
                bare_number: false,
            })
        })
    }

    fn no_unit(&self) -> Scan {
        let guess = |unit| Suggestion::new(self.span(), format!("{}{unit}", self.value), Applicability::Guess);
        Scan::Bad(Fault {
            code: Code::E010,
            span: self.number.clone(),
            message: "a window needs a unit",
            expected: vec![Expected::Unit],
            suggestions: [Unit::D, Unit::H, Unit::Mo].map(guess).to_vec(),
            bare_number: true,
        })
    }

    fn bad_unit(&self, word: &str, span: &Range<usize>) -> Scan {
        let replace = |unit: Unit, sure| Suggestion::new(span.clone(), unit.to_string(), sure);
        let (code, message, suggestions) = if word == "m" {
            let both = vec![replace(Unit::Min, Applicability::Guess), replace(Unit::Mo, Applicability::Guess)];
            (Code::E011, "\"m\" may mean minutes or months", both)
        } else if let Some(unit) = near_unit(word) {
            (Code::E010, "unknown unit", vec![replace(unit, Applicability::Likely)])
        } else {
            return Scan::No;
        };
        let expected = vec![Expected::Unit];
        Scan::Bad(Fault { code, span: span.clone(), message, expected, suggestions, bare_number: false })
    }
}

fn unit(word: &str) -> Option<Unit> {
    Unit::ALL.into_iter().find(|unit| unit.spellings().contains(&word))
}

/// The unit a word of four or more letters was meant as, one slip away.
fn near_unit(word: &str) -> Option<Unit> {
    if word.chars().count() < 4 {
        return None;
    }
    let near = |unit: &Unit| unit.spellings().iter().any(|s| s.len() >= 4 && strsim::osa_distance(s, word) == 1);
    Unit::ALL.into_iter().find(near)
}

fn empty(span: Range<usize>) -> Fault {
    Fault {
        code: Code::E012,
        span,
        message: "empty or reversed range",
        expected: vec![Expected::Window],
        suggestions: Vec::new(),
        bare_number: false,
    }
}

fn fixed(from: &[Token], to: &[Token]) -> Scan {
    let (Some(left), Some(right)) = (date_text(from), date_text(to)) else { return Scan::No };
    let whole = match (from.first(), to.last()) {
        (Some(first), Some(last)) => first.span.start..last.span.end,
        _ => return Scan::No,
    };
    let fault = |message, suggestions| {
        let expected = vec![Expected::Date];
        Scan::Bad(Fault { code: Code::E024, span: whole.clone(), message, expected, suggestions, bare_number: false })
    };
    match (left.parse::<Date>(), right.parse::<Date>()) {
        (Ok(from), Ok(to)) => Window::fixed(from, to).map_or_else(
            |_| {
                let swap = Suggestion::new(whole.clone(), format!("{to}..{from}"), Applicability::Likely);
                fault("the last day is before the first", vec![swap])
            },
            Scan::Window,
        ),
        _ => fault("there is no such day", Vec::new()),
    }
}

/// `YYYYMMDD` from a date's tokens, without knowing whether there is such a day.
fn date_text(tokens: &[Token]) -> Option<String> {
    let number = |token: &Token| match token.kind {
        Kind::Number { value, digits } => Some((value, digits)),
        _ => None,
    };
    match tokens {
        [day] => number(day).filter(|(_, digits)| *digits == 8).map(|(value, _)| format!("{value:08}")),
        [y, dash1, m, dash2, d] if dash1.kind == Kind::Dash && dash2.kind == Kind::Dash => {
            let ((y, 4), (m, 2), (d, 2)) = (number(y)?, number(m)?, number(d)?) else { return None };
            Some(format!("{y:04}{m:02}{d:02}"))
        }
        _ => None,
    }
}

impl Token {
    fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<Code> {
        match scan_text(text) {
            Scan::Bad(fault) => Some(fault.code),
            _ => None,
        }
    }

    #[test]
    fn faults_have_the_codes_of_the_vectors() {
        for (text, expected) in [
            ("5m", Code::E011),
            ("1-3", Code::E010),
            ("24", Code::E010),
            ("2h-7", Code::E010),
            ("24-0h", Code::E012),
            ("7-7d", Code::E012),
            ("1h-60min", Code::E012),
            ("0h", Code::E012),
            ("next 0d", Code::E012),
            ("10000d", Code::E013),
            ("00007d", Code::E013),
            ("20261130..20261101", Code::E024),
            ("20260230..20260301", Code::E024),
            ("24 hourss", Code::E010),
        ] {
            assert_eq!(code(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_missing_unit_is_offered_as_days_hours_or_months() {
        let Scan::Bad(fault) = scan_text("1-3") else { panic!("1-3 has no unit") };
        let offered: Vec<&str> = fault.suggestions.iter().map(|s| s.replacement.as_str()).collect();
        assert_eq!(offered, ["1-3d", "1-3h", "1-3mo"]);
        let Scan::Bad(fault) = scan_text("5m") else { panic!("m is ambiguous") };
        let offered: Vec<&str> = fault.suggestions.iter().map(|s| s.replacement.as_str()).collect();
        assert_eq!(offered, ["min", "mo"]);
        assert_eq!(fault.span, 1..2);
    }

    #[test]
    fn phrases_are_not_windows() {
        for text in
            ["", "Cart Abandon", "2 for 1", "VIP", "5 stars", "1.5h", "last", "Next", "7d Unsub", "-", "+", "to"]
        {
            assert!(matches!(scan_text(text), Scan::No), "{text}");
        }
    }

    #[test]
    fn a_joining_hyphen_is_not_a_range() {
        for (text, canonical) in [
            ("0-7d", "0-7d"),
            ("last-24-hours", "0-24h"),
            ("0-to-24-hours", "0-24h"),
            ("Next-30d", "Next 30d"),
            ("2h-7d", "2h-7d"),
            ("2026-11-01..2026-11-30", "20261101..20261130"),
        ] {
            let Scan::Window(window) = scan(&lex(text), Joiner::Hyphen) else { panic!("{text}") };
            assert_eq!(window.to_string(), canonical);
        }
    }
}
