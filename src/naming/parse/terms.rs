//! Phrases: the prefix, the intent with its role, and the terms of the vocabulary.

use std::borrow::Cow;

use super::super::diagnostic::{Applicability, Code, Diagnostic, Expected, Severity, Suggestion};
use super::super::name::Role;
use super::super::suggest::{self, Near};
use super::super::template::{Field, FieldKind, Joiner, Mode};
use super::super::term::{NormalizedText, Term};
use super::super::text::{Ch, fold_chars, match_key, span, text, words};
use super::super::vocabulary::VocabTerm;
use super::{Parser, shown};

/// Where a term stands.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Intent(Role),
    Exclusion,
}

impl Place {
    fn takes(self, term: &VocabTerm) -> bool {
        match self {
            Self::Intent(role) => term.suits(role),
            Self::Exclusion => term.is_exclusion(),
        }
    }

    fn code(self) -> Code {
        match self {
            Self::Intent(_) => Code::E015,
            Self::Exclusion => Code::E014,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Intent(_) => "intent",
            Self::Exclusion => "exclusion",
        }
    }
}

impl Parser<'_> {
    /// Gives the fields that do not tell what they are their places: the prefix, then the intent.
    pub(super) fn phrases(&mut self, phrases: &[&[Ch]]) {
        let mut rest = phrases.to_vec();
        if let Some(field) = self.template.field(FieldKind::Prefix)
            && let Some(at) = self.find_prefix(field, &rest)
        {
            let prefix = rest.remove(at);
            self.prefix(field, prefix);
        }
        let known = rest.iter().position(|phrase| self.is_intent(phrase));
        if known.is_some_and(|at| at > 0) {
            rest.rotate_left(known.unwrap_or(0));
        }
        for phrase in rest {
            self.intent(phrase);
        }
    }

    /// Which phrase is the prefix: the one the allow-list has, or the first of two that is no intent.
    fn find_prefix(&self, field: &Field, phrases: &[&[Ch]]) -> Option<usize> {
        let listed = phrases.iter().position(|phrase| self.allowed_prefix(field, phrase).is_some());
        if listed.is_some() || phrases.len() < 2 {
            return listed;
        }
        Some(phrases.iter().position(|phrase| !self.is_intent(phrase)).unwrap_or(0))
    }

    fn allowed_prefix<'f>(&self, field: &'f Field, phrase: &[Ch]) -> Option<&'f str> {
        let key = match_key(&text(phrase), self.joiner);
        field.allow.iter().map(String::as_str).find(|allowed| match_key(allowed, self.joiner) == key)
    }

    fn is_intent(&self, phrase: &[Ch]) -> bool {
        let (role, subject) = self.role_word(phrase);
        let term = self.template.look_up(&text(subject));
        role.is_some() || term.is_some_and(|term| term.suits(Role::Targeting))
    }

    fn prefix(&mut self, field: &Field, phrase: &[Ch]) {
        let place = span(phrase, 0);
        if !self.see(FieldKind::Prefix, None, place.clone()) {
            return;
        }
        let spaced = self.spaced(phrase);
        let text = match self.allowed_prefix(field, phrase) {
            Some(allowed) => Some(allowed),
            None if field.allow.is_empty() => Some(spaced.as_str()),
            None => None,
        };
        if let Some(Ok(prefix)) = text.map(NormalizedText::new) {
            self.spelling(phrase, &self.joined(prefix.as_str()));
            self.spans.prefix = Some(place);
            self.draft.prefix = Some(Term::Free(prefix));
            return;
        }
        let mut finding = Diagnostic::new(Code::E016, place.clone(), format!("unknown prefix \"{}\"", shown(&spaced)))
            .expecting(Expected::OneOf(field.allow.clone()));
        let near = suggest::near_texts(&spaced, &field.allow);
        finding.suggestions.extend(
            near.into_iter()
                .map(|text| Suggestion::new(place.clone(), self.joined(text).into_owned(), Applicability::Likely)),
        );
        self.push(finding);
    }

    fn intent(&mut self, phrase: &[Ch]) {
        if !self.see(FieldKind::Intent, None, span(phrase, 0)) {
            return;
        }
        let (role, subject) = self.role_word(phrase);
        if let Some((role, word)) = role {
            self.draft.role = role;
            self.spans.role = Some(span(word, 0));
            self.spelling(word, role.word().unwrap_or_default());
            if subject.is_empty() {
                let finding = Diagnostic::new(Code::E005, span(phrase, 0), "a role needs a term after it");
                return self.push(finding.expecting(Expected::Field(FieldKind::Intent)));
            }
        }
        self.spans.intent = Some(span(subject, 0));
        self.draft.intent = self.term(subject, Place::Intent(self.draft.role));
    }

    /// The role a phrase opens with, and what follows.
    fn role_word<'c>(&self, phrase: &'c [Ch]) -> (Option<(Role, &'c [Ch])>, &'c [Ch]) {
        let all = words(phrase, self.joiner);
        let Some(first) = all.first() else { return (None, phrase) };
        let Some(role) = Role::from_word(&fold_chars(first)) else { return (None, phrase) };
        let rest = all.get(1).and_then(|second| from(phrase, second)).unwrap_or_default();
        (Some((role, first)), rest)
    }

    /// A term at a place; reports what is wrong with it and answers `None` when it cannot stand there.
    pub(super) fn term(&mut self, chars: &[Ch], place: Place) -> Option<Term> {
        let template = self.template;
        match template.look_up(&text(chars)) {
            Some(term) if place.takes(term) => {
                self.spelling(chars, &self.joined(&term.canonical));
                Some(Term::Known(term.id.clone()))
            }
            Some(term) => {
                self.misplaced(chars, term, place);
                None
            }
            None => self.unknown(chars, place),
        }
    }

    fn misplaced(&mut self, chars: &[Ch], term: &VocabTerm, place: Place) {
        let other = match place {
            Place::Intent(_) if term.is_exclusion() => "an exclusion",
            Place::Intent(_) => "for audiences of another role",
            Place::Exclusion => "an intent",
        };
        let message = format!("\"{}\" is {other}, not an {} here", term.canonical, place.word());
        let finding = Diagnostic::new(Code::E017, span(chars, 0), message);
        self.push(match place {
            Place::Intent(Role::Targeting) if term.is_exclusion() => {
                finding.helping("write it after \"Excl\", or make the audience a suppression with \"Supp\"")
            }
            _ => finding.expecting(self.expected(place, &[])),
        });
    }

    fn unknown(&mut self, chars: &[Ch], place: Place) -> Option<Term> {
        let lax = self.template.naming().mode == Mode::Lax;
        let spaced = self.spaced(chars);
        let key = match_key(&spaced, self.joiner);
        let near = suggest::near_terms(&key, self.template, |term| place.takes(term));
        let message = format!("unknown {} \"{}\"", place.word(), shown(&spaced));
        let at = span(chars, 0);
        let mut finding = Diagnostic::new(place.code(), at.clone(), message).expecting(self.expected(place, &near));
        for near in &near {
            let sure = if lax { near.applicability.min(Applicability::Likely) } else { near.applicability };
            let mut suggestion = Suggestion::new(at.clone(), self.joined(&near.term.canonical).into_owned(), sure);
            suggestion.same_as = near.same_as();
            finding = finding.suggesting(suggestion);
        }
        if near.is_empty() {
            finding.help = self.elsewhere(&key, place).map(Into::into);
        }
        if !lax {
            self.push(finding);
            return None;
        }
        match NormalizedText::new(&spaced) {
            Ok(free) => {
                finding.severity = Severity::Note;
                self.push(finding);
                self.spelling(chars, &self.joined(free.as_str()));
                Some(Term::Free(free))
            }
            Err(error) => {
                error.message().clone_into(&mut finding.message);
                self.push(finding);
                None
            }
        }
    }

    /// What to do with a word that is close to a term of another place.
    fn elsewhere(&self, key: &str, place: Place) -> Option<String> {
        let near = suggest::near_terms(key, self.template, |term| !place.takes(term));
        let term = near.first()?.term;
        let (what, not) = match (place, term.is_exclusion()) {
            (Place::Intent(_), true) => ("an exclusion", "an intent"),
            (Place::Exclusion, _) => ("an intent", "an exclusion"),
            (Place::Intent(_), false) => return None,
        };
        Some(format!("\"{}\" is {what}, not {not}", term.canonical))
    }

    /// What may stand there, the closest first.
    fn expected(&self, place: Place, near: &[Near<'_>]) -> Expected {
        let close = near.iter().map(|near| near.term);
        let is_close = |term: &VocabTerm| near.iter().any(|near| near.term.id == term.id);
        let terms = self.template.vocabulary().terms.iter();
        let others = terms.filter(|term| place.takes(term) && !term.broad && !is_close(term));
        Expected::OneOf(close.chain(others).map(|term| term.canonical.clone()).collect())
    }

    /// The words with spaces between them, whatever the joiner.
    pub(super) fn spaced(&self, chars: &[Ch]) -> String {
        let mut spaced = String::with_capacity(chars.len());
        for word in words(chars, self.joiner) {
            if !spaced.is_empty() {
                spaced.push(' ');
            }
            spaced.extend(word.iter().map(|ch| ch.c));
        }
        spaced
    }

    /// The words with the joiner between them.
    pub(super) fn joined<'t>(&self, spaced: &'t str) -> Cow<'t, str> {
        match self.joiner {
            Joiner::Space => Cow::Borrowed(spaced),
            other => Cow::Owned(spaced.replace(' ', &other.as_char().to_string())),
        }
    }
}

/// What of `chars` starts where `part` does.
pub(super) fn from<'c>(chars: &'c [Ch], part: &[Ch]) -> Option<&'c [Ch]> {
    let start = part.first()?.at;
    chars.get(chars.iter().position(|ch| ch.at == start)?..)
}
