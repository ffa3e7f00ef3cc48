//! The exclusions of a name: a keyword, then items between list separators, each with its own window.

use std::ops::Range;

use super::super::diagnostic::{Applicability, Code, Diagnostic, Expected, Suggestion};
use super::super::name::{Exclusion, Exclusions};
use super::super::template::{FieldKind, Joiner};
use super::super::term::EXCLUSION_WORDS;
use super::super::text::{Ch, fold, fold_chars, span, text, words};
use super::super::window::{Unit, Window};
use super::super::window_scan::{Fault, Scan, scan};
use super::terms::{Place, from};
use super::{Parser, shown};

const MAX_ITEMS: usize = 16;

/// The items and the separators between them, as places in a slice of characters.
#[derive(Default)]
struct List {
    items: Vec<Range<usize>>,
    separators: Vec<Range<usize>>,
}

/// The final words of an item that are a window, or were meant as one.
type Tail<'c> = (&'c [Ch], Result<Window, Fault>);

/// What a `+` is.
#[derive(PartialEq)]
enum Plus {
    OfDuration,
    Separator,
    Ambiguous,
}

impl Parser<'_> {
    pub(super) fn exclusions(&mut self, field: &[Ch], keyword: &[Ch]) {
        let place = span(field, 0);
        if !self.see(FieldKind::Exclusions, None, place.clone()) {
            return;
        }
        self.spans.exclusions = Some(place.clone());
        self.keyword(keyword);
        let body = self.edges(field.get(keyword.len()..).unwrap_or_default());
        if body.is_empty() {
            let none = Suggestion::new(place.end..place.end, self.joined(" None").into_owned(), Applicability::Guess);
            let finding = Diagnostic::new(Code::E021, place, "exclusions without items").suggesting(none);
            return self.push(finding.expecting(self.exclusion_terms()));
        }
        if fold_chars(body) == "none" {
            self.spelling(body, "None");
            self.draft.exclusions = Exclusions::ExplicitNone;
            return;
        }
        let list = self.list(body);
        if list.items.len() > MAX_ITEMS {
            let message = format!("expected at most {MAX_ITEMS} exclusions, found {}", list.items.len());
            self.push(Diagnostic::new(Code::E001, place, message));
            self.too_much = true;
            return;
        }
        self.separators(body, &list);
        self.items(body, &list);
    }

    fn keyword(&mut self, keyword: &[Ch]) {
        let written = text(keyword);
        if EXCLUSION_WORDS.contains(&fold(&written).as_str()) {
            return self.spelling(keyword, "Excl");
        }
        let place = span(keyword, 0);
        let finding = Diagnostic::new(Code::E020, place.clone(), format!("unknown keyword \"{}\"", shown(&written)))
            .expecting(Expected::OneOf(vec!["Excl".to_owned()]))
            .suggesting(Suggestion::new(place, "Excl".to_owned(), Applicability::Certain));
        self.push(finding);
    }

    fn exclusion_terms(&self) -> Expected {
        let terms = self.template.vocabulary().terms.iter().filter(|term| term.is_exclusion());
        Expected::OneOf(terms.map(|term| term.canonical.clone()).collect())
    }

    /// Without white space and joiners at both ends.
    fn edges<'c>(&self, mut chars: &'c [Ch]) -> &'c [Ch] {
        while let [first, rest @ ..] = chars
            && self.joiner.splits(first.c)
        {
            chars = rest;
        }
        while let [rest @ .., last] = chars
            && self.joiner.splits(last.c)
        {
            chars = rest;
        }
        chars
    }

    fn list(&mut self, body: &[Ch]) -> List {
        let mut list = List::default();
        let (mut start, mut at) = (0, 0);
        while let Some(ch) = body.get(at) {
            let len = match ch.c {
                ',' | '&' => 1,
                '+' => match self.plus(body, at) {
                    Plus::OfDuration => 0,
                    Plus::Separator => 1,
                    Plus::Ambiguous => {
                        self.ambiguous_plus(ch.at);
                        1
                    }
                },
                'a' | 'A' if self.is_and(body, at) => 3,
                _ => 0,
            };
            if len > 0 {
                list.items.push(start..at);
                list.separators.push(at..at + len);
                start = at + len;
            }
            at += len.max(1);
        }
        list.items.push(start..body.len());
        list
    }

    /// Whether the word `and` starts here and stands alone.
    fn is_and(&self, body: &[Ch], at: usize) -> bool {
        let blank = |at: Option<usize>| at.and_then(|at| body.get(at)).is_some_and(|ch| self.joiner.splits(ch.c));
        let word = body.get(at..at.saturating_add(3)).unwrap_or_default();
        let and = matches!(word, [a, n, d] if [a, n, d].map(|ch| ch.c.to_ascii_lowercase()) == ['a', 'n', 'd']);
        and && blank(at.checked_sub(1)) && blank(at.checked_add(3))
    }

    /// A plus belongs to a duration when it touches the unit on its left and nothing but a break follows.
    fn plus(&self, body: &[Ch], at: usize) -> Plus {
        let (left, right) = (body.get(..at).unwrap_or_default(), body.get(at + 1..).unwrap_or_default());
        let blank = |ch: &Ch| self.joiner.splits(ch.c);
        let list_separator = |ch: &Ch| matches!(ch.c, '+' | ',' | '&');
        if !self.ends_in_duration(left) || !right.first().is_none_or(|ch| blank(ch) || list_separator(ch)) {
            return Plus::Separator;
        }
        let next = right.iter().position(|ch| !blank(ch));
        match next.and_then(|next| Some((next, right.get(next)?))) {
            None => Plus::OfDuration,
            Some((_, ch)) if list_separator(ch) => Plus::OfDuration,
            Some((next, _)) if self.is_and(body, at + 1 + next) => Plus::OfDuration,
            Some(_) => Plus::Ambiguous,
        }
    }

    /// Whether a number and a unit stand at the end, the unit touching it.
    fn ends_in_duration(&self, chars: &[Ch]) -> bool {
        let letters = chars.iter().rev().take_while(|ch| ch.c.is_alphabetic()).count();
        let (before, unit) = chars.split_at_checked(chars.len() - letters).unwrap_or_default();
        let unit = fold_chars(unit);
        let known = Unit::ALL.iter().any(|known| known.spellings().contains(&unit.as_str()));
        known && self.edges(before).last().is_some_and(|ch| ch.c.is_ascii_digit())
    }

    fn ambiguous_plus(&mut self, at: usize) {
        let mut finding =
            Diagnostic::new(Code::E022, at..at + 1, "the plus may belong to the window or separate two exclusions");
        let gap = self.joiner.as_char();
        for reading in [format!("+{gap}+"), format!("{gap}+")] {
            finding = finding.suggesting(Suggestion::new(at..at + 1, reading, Applicability::Guess));
        }
        self.push(finding);
    }

    /// Reports separators around nothing, and separators other than the canonical one.
    fn separators(&mut self, body: &[Ch], list: &List) {
        let canonical = self.template.list_separator();
        for (at, item) in list.items.iter().enumerate() {
            if !self.edges(body.get(item.clone()).unwrap_or_default()).is_empty() {
                continue;
            }
            let before = at.checked_sub(1).and_then(|at| list.separators.get(at));
            let (from, to) = match (before, list.separators.get(at)) {
                (Some(before), Some(after)) => (before, after),
                (Some(only), None) | (None, Some(only)) => (only, only),
                (None, None) => continue,
            };
            let doubled = from != to;
            let wide = self.with_blanks(body, from.start..to.end);
            let replacement = if doubled { canonical } else { "" };
            let message = if doubled {
                "two list separators, and nothing between"
            } else {
                "a list separator, and nothing beside it"
            };
            let fix = Suggestion::new(span(wide, 0), replacement.to_owned(), Applicability::Certain);
            let place = span(body.get(from.start..to.end).unwrap_or_default(), 0);
            self.push(Diagnostic::new(Code::E023, place, message).suggesting(fix));
        }
        for separator in &list.separators {
            let written = body.get(separator.clone()).unwrap_or_default();
            if text(written) != "+" {
                let message = format!("exclusions are separated by \"+\", not \"{}\"", text(written));
                let wide = span(self.with_blanks(body, separator.clone()), 0);
                let fix = Suggestion::new(wide, canonical.to_owned(), Applicability::Certain);
                self.push(Diagnostic::new(Code::W011, span(written, 0), message).suggesting(fix));
            }
        }
    }

    fn with_blanks<'c>(&self, body: &'c [Ch], part: Range<usize>) -> &'c [Ch] {
        let blank = |ch: &&Ch| self.joiner.splits(ch.c);
        let before = body.get(..part.start).unwrap_or_default().iter().rev().take_while(blank).count();
        let after = body.get(part.end..).unwrap_or_default().iter().take_while(blank).count();
        body.get(part.start - before..part.end + after).unwrap_or_default()
    }

    fn items(&mut self, body: &[Ch], list: &List) {
        let mut items: Vec<Exclusion> = Vec::new();
        for (at, range) in list.items.iter().enumerate() {
            let chars = self.edges(body.get(range.clone()).unwrap_or_default());
            if chars.is_empty() {
                continue;
            }
            let Some(item) = self.item(chars) else { continue };
            if items.contains(&item) {
                let start = at.checked_sub(1).and_then(|at| list.separators.get(at)).map_or(range.start, |s| s.start);
                let whole = self.with_blanks(body, start..range.end);
                let fix = Suggestion::new(span(self.trim_end(whole), 0), String::new(), Applicability::Certain);
                self.push(
                    Diagnostic::new(Code::W013, span(chars, 0), "an exclusion that stands here twice").suggesting(fix),
                );
            } else {
                self.spans.items.push(span(chars, 0));
                items.push(item);
            }
        }
        self.draft.exclusions = Exclusions::Items(items);
    }

    /// Keeps the blanks before the next separator, so that cutting leaves one gap.
    fn trim_end<'c>(&self, mut chars: &'c [Ch]) -> &'c [Ch] {
        while let [rest @ .., last] = chars
            && self.joiner.splits(last.c)
        {
            chars = rest;
        }
        chars
    }

    fn item(&mut self, chars: &[Ch]) -> Option<Exclusion> {
        let (subject, tail) = self.subject_and_window(chars);
        let window: Option<Option<Window>> = match tail {
            None => Some(None),
            Some((place, Ok(window))) => {
                self.window_in_exclusion(place, window);
                Some(Some(window))
            }
            Some((_, Err(fault))) => {
                self.window_fault(fault);
                None
            }
        };
        let subject = self.term(subject, Place::Exclusion)?;
        Some(Exclusion::new(subject, window?))
    }

    /// Splits an item at its longest final words that are a window; at least one word stays for the subject.
    fn subject_and_window<'c>(&self, chars: &'c [Ch]) -> (&'c [Ch], Option<Tail<'c>>) {
        let mut faulty = None;
        for word in words(chars, self.joiner).into_iter().skip(1) {
            let Some(tail) = from(chars, word) else { continue };
            let subject = self.edges(chars.get(..chars.len() - tail.len()).unwrap_or_default());
            match scan(tail, self.joiner) {
                Scan::Window(window) => return (subject, Some((tail, Ok(window)))),
                // The `2` of `VIP Tier 2` is a word; the `7` of `Purch 7` lacks its unit.
                Scan::Bad(fault) if faulty.is_none() && (!fault.bare_number || self.is_known(subject)) => {
                    faulty = Some((subject, Some((tail, Err(fault)))));
                }
                Scan::Bad(_) | Scan::No => {}
            }
        }
        faulty.unwrap_or((chars, None))
    }

    fn is_known(&self, subject: &[Ch]) -> bool {
        self.template.look_up(&text(subject)).is_some()
    }

    /// Whether what follows the first word starts with a term that can be excluded, or with `None`.
    pub(super) fn starts_with_exclusion(&self, field: &[Ch], first: &[Ch]) -> bool {
        let body = self.edges(field.get(first.len()..).unwrap_or_default());
        let end = body.iter().position(|ch| matches!(ch.c, '+' | ',' | '&')).unwrap_or(body.len());
        let item = self.edges(body.get(..end).unwrap_or_default());
        let (subject, _) = self.subject_and_window(item);
        let term = self.template.look_up(&text(subject));
        term.is_some_and(|term| term.is_exclusion()) || fold_chars(item) == "none"
    }
}

impl super::super::template::Template {
    /// What is written between exclusions.
    pub(in super::super) fn list_separator(&self) -> &'static str {
        if self.naming().pad && self.naming().joiner == Joiner::Space { " + " } else { "+" }
    }
}
