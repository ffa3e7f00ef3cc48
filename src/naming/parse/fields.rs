//! Fields that tell by their form what they are: markets, owners, versions, keys, windows, exclusions.

use std::collections::HashSet;

use super::super::diagnostic::{Applicability, Code, Diagnostic, Expected, Suggestion};
use super::super::name::AudienceName;
use super::super::template::FieldKind;
use super::super::term::{EXCLUSION_WORDS, Key, Market, Slug, Value, is_version_like};
use super::super::text::{Ch, fold, fold_chars, reads, span, text, trim};
use super::super::window::Window;
use super::super::window_scan::{Fault, Scan, scan};
use super::{Parser, shown};

impl Parser<'_> {
    /// Reads a field that tells what it is; answers `false` for a phrase, which only its place tells.
    pub(super) fn telling_field(&mut self, field: &[Ch]) -> bool {
        if let [Ch { c: '[', .. }, inside @ ..] = field {
            self.bracketed_market(field, inside);
        } else if let [Ch { c: '@', .. }, slug @ ..] = field {
            self.owner(field, trim(slug));
        } else if let Some((key, value)) = keyed(field) {
            match fold_chars(key).as_str() {
                "mkt" => self.market(field, value),
                "own" => self.owner(field, value),
                folded => self.ext(field, key, folded, value),
            }
        } else if matches!(field, [Ch { c: 'v' | 'V', .. }, ..]) && is_version_like(&text(field)) {
            self.version(field);
        } else if let Some(keyword) = self.exclusion_keyword(field) {
            self.exclusions(field, keyword);
        } else {
            return self.window(field);
        }
        true
    }

    fn exclusion_keyword<'c>(&self, field: &'c [Ch]) -> Option<&'c [Ch]> {
        let first = field.split(|ch| self.joiner.splits(ch.c)).find(|word| !word.is_empty())?;
        let folded = fold_chars(first);
        if EXCLUSION_WORDS.contains(&folded.as_str()) {
            return Some(first);
        }
        let likely = |word: &str| word.len() >= 4 && folded.len() >= 3 && word.len().abs_diff(folded.len()) <= 1;
        let near = |word: &str| likely(word) && strsim::osa_distance(word, &folded) == 1;
        // A slip of the pen counts only before something that can be excluded, so that `Excel Users` stays a phrase.
        let meant = EXCLUSION_WORDS.iter().any(|word| near(word)) && self.starts_with_exclusion(field, first);
        meant.then_some(first)
    }

    fn bracketed_market(&mut self, field: &[Ch], inside: &[Ch]) {
        if let [codes @ .., Ch { c: ']', .. }] = inside {
            return self.market(field, trim(codes));
        }
        let place = span(field, 0);
        if self.see(FieldKind::Market, None, place.clone()) {
            let close = Suggestion::new(place.end..place.end, "]".to_owned(), Applicability::Likely);
            self.push(Diagnostic::new(Code::E018, place, "the list of markets is not closed").suggesting(close));
        }
    }

    fn market(&mut self, field: &[Ch], codes: &[Ch]) {
        let place = span(field, 0);
        if !self.see(FieldKind::Market, None, place.clone()) {
            return;
        }
        let mut known: Vec<Market> = Vec::new();
        let before = self.diagnostics.len();
        for code in codes.split(|ch| ch.c == ',').map(trim) {
            let word = text(code);
            match Market::new(&word).ok().filter(|market| self.template.vocabulary().knows(market)) {
                Some(market) => known.push(market),
                None => {
                    let message = format!("unknown market \"{}\"", shown(&word));
                    let finding = Diagnostic::new(Code::E018, span(code, place.start), message);
                    self.push(finding.expecting(Expected::Market));
                }
            }
        }
        let mut seen = HashSet::with_capacity(known.len());
        let mut first_times = known.iter().map(|market| seen.insert(market.as_str())).collect::<Vec<_>>().into_iter();
        known.retain(|_| first_times.next().unwrap_or(true));
        if self.diagnostics.len() == before {
            let codes: Vec<&str> = known.iter().map(Market::as_str).collect();
            self.spelling(field, &format!("mkt:{}", codes.join(",")));
        }
        self.spans.market = Some(place);
        self.draft.market = known;
    }

    fn owner(&mut self, field: &[Ch], slug: &[Ch]) {
        let place = span(field, 0);
        if !self.see(FieldKind::Owner, None, place.clone()) {
            return;
        }
        let folded = fold_chars(slug);
        match Slug::new(folded.clone()) {
            Ok(owner) => {
                self.spelling(field, &format!("own:{owner}"));
                self.spans.owner = Some(place);
                self.draft.owner = Some(owner);
            }
            Err(_) => {
                let mut finding = Diagnostic::new(
                    Code::E017,
                    place.clone(),
                    "an owner is one word of a-z, 0-9, \".\", \"_\" and \"-\"",
                );
                let joined = folded.split_whitespace().collect::<Vec<_>>().join("-");
                if let Ok(slug) = Slug::new(joined) {
                    finding = finding.suggesting(Suggestion::new(place, format!("own:{slug}"), Applicability::Likely));
                }
                self.push(finding);
            }
        }
    }

    fn version(&mut self, field: &[Ch]) {
        let place = span(field, 0);
        if !self.see(FieldKind::Version, None, place.clone()) {
            return;
        }
        let written = text(field);
        let digits = written.get(1..).unwrap_or_default();
        let version = digits.parse::<u16>().ok().filter(|version| (1..=AudienceName::MAX_VERSION).contains(version));
        match version {
            Some(version) if !digits.starts_with('0') => {
                self.spelling(field, &format!("v{version}"));
                self.spans.version = Some(place);
                self.draft.version = Some(version);
            }
            other => {
                let message = format!("bad version \"{}\"", shown(&written));
                let mut finding = Diagnostic::new(Code::E019, place.clone(), message).expecting(Expected::Version);
                finding
                    .suggestions
                    .extend(other.map(|version| Suggestion::new(place, format!("v{version}"), Applicability::Likely)));
                self.push(finding);
            }
        }
    }

    fn ext(&mut self, field: &[Ch], key: &[Ch], folded: &str, value: &[Ch]) {
        let (Ok(known), Some(declared)) = (Key::new(folded), self.template.ext_field(folded)) else {
            return self.unknown_key(key, folded);
        };
        let place = span(field, 0);
        if !self.see(FieldKind::Ext, Some(known.clone()), place.clone()) {
            return;
        }
        let written = text(value);
        let allowed = declared.allow.iter().find(|allowed| fold(allowed) == fold(&written));
        let value = match (allowed, declared.allow.is_empty()) {
            (Some(allowed), _) => Value::new(allowed).ok(),
            (None, true) => Value::new(&written).ok(),
            (None, false) => None,
        };
        if let Some(value) = value {
            self.spelling(field, &format!("{known}:{value}"));
            self.spans.ext.insert(known.clone(), place);
            self.draft.ext.insert(known, value);
            return;
        }
        let message = format!("\"{}\" is no value of \"{known}\"", shown(&written));
        let finding = Diagnostic::new(Code::E017, place, message);
        self.push(match declared.allow.is_empty() {
            true => finding.helping("write letters and digits without spaces"),
            false => finding.expecting(Expected::OneOf(declared.allow.clone())),
        });
    }

    fn unknown_key(&mut self, key: &[Ch], folded: &str) {
        let declared = self.template.ext_fields().filter_map(|field| field.key.as_ref()).map(Key::as_str);
        let known: Vec<&str> = ["mkt", "own"].into_iter().chain(declared).collect();
        let place = span(key, 0);
        let near = known.iter().filter(|known| strsim::osa_distance(known, folded) == 1);
        let mut finding = Diagnostic::new(Code::E020, place.clone(), format!("unknown key \"{}\"", shown(folded)))
            .expecting(Expected::OneOf(known.iter().map(|known| (*known).to_owned()).collect()));
        let offer = |known: &&str| Suggestion::new(place.clone(), (*known).to_owned(), Applicability::Likely);
        finding.suggestions.extend(near.map(offer));
        self.push(finding);
    }

    fn window(&mut self, field: &[Ch]) -> bool {
        let place = span(field, 0);
        match scan(field, self.joiner) {
            Scan::No => return false,
            Scan::Window(window) => {
                if self.see(FieldKind::Window, None, place.clone()) {
                    self.window_spelling(field, &window.to_string());
                    self.spans.window = Some(place);
                    self.draft.window = Some(window);
                }
            }
            Scan::Bad(fault) => {
                if self.see(FieldKind::Window, None, place) {
                    self.window_fault(fault);
                }
            }
        }
        true
    }

    pub(super) fn window_fault(&mut self, fault: Fault) {
        let mut finding = Diagnostic::new(fault.code, fault.span, fault.message);
        finding.expected = fault.expected;
        finding.suggestions = fault.suggestions;
        self.push(finding);
    }

    /// Compares a window with its canonical text: another case is W011, another form W014.
    pub(super) fn window_spelling(&mut self, chars: &[Ch], canonical: &str) {
        let canonical = self.joined(canonical);
        if reads(chars, &canonical) {
            return;
        }
        let written = self.written(chars);
        if fold(&written) == fold(&canonical) {
            return self.spelling(chars, &canonical);
        }
        let place = span(chars, 0);
        let message = format!("the window \"{}\" is written \"{canonical}\"", shown(&written));
        let fix = Suggestion::new(place.clone(), canonical.into_owned(), Applicability::Certain);
        self.push(Diagnostic::new(Code::W014, place, message).suggesting(fix));
    }

    pub(super) fn window_in_exclusion(&mut self, chars: &[Ch], window: Window) {
        self.window_spelling(chars, &window.in_exclusion());
    }
}

/// A key, and what stands behind its colon.
fn keyed(field: &[Ch]) -> Option<(&[Ch], &[Ch])> {
    let colon = field.iter().position(|ch| ch.c == ':')?;
    let (key, value) = (field.get(..colon)?, field.get(colon + 1..)?);
    let form = key.first()?.c.is_ascii_alphabetic() && key.iter().all(|ch| ch.c.is_ascii_alphanumeric() || ch.c == '_');
    form.then(|| (key, trim(value)))
}
