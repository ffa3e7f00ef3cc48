//! What a rule sees, and what it answers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::policy::LintPolicy;
use super::rule::Rule;
use crate::audience::charter::{Charter, Portfolio};
use crate::audience::evidence::Evidence;
use crate::naming::{AudienceName, Parsed, Role, Severity, Template, VocabId, Window};
use crate::time::Timestamp;

/// Everything the rules look at.
pub(super) struct Scene<'a> {
    pub(super) policy: &'a LintPolicy,
    pub(super) template: &'a Template,
    pub(super) portfolio: &'a Portfolio,
    pub(super) subjects: Vec<Subject<'a>>,
    keys: BTreeMap<&'a str, usize>,
    pub(super) now: Timestamp,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        policy: &'a LintPolicy,
        template: &'a Template,
        portfolio: &'a Portfolio,
        now: Timestamp,
    ) -> Self {
        let subjects: Vec<Subject<'a>> =
            portfolio.charters.iter().map(|charter| Subject::new(charter, template)).collect();
        let keys = subjects.iter().enumerate().map(|(at, subject)| (subject.key(), at)).collect();
        Self { policy, template, portfolio, subjects, keys, now }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Subject<'a>> {
        self.subjects.get(*self.keys.get(key)?)
    }
}

/// One audience, its name read once.
pub(super) struct Subject<'a> {
    pub(super) charter: &'a Charter,
    pub(super) parsed: Parsed,
    /// The name as it may be shown.
    pub(super) shown: String,
}

impl<'a> Subject<'a> {
    fn new(charter: &'a Charter, template: &Template) -> Self {
        let name = charter.audience.name();
        let shown = if super::text::personal(name).is_some() { "(name withheld)".to_owned() } else { name.to_owned() };
        Self { charter, parsed: template.parse(name), shown }
    }

    pub(super) fn key(&self) -> &'a str {
        self.charter.audience.key()
    }

    pub(super) fn role(&self) -> Role {
        self.charter.audience.role()
    }

    pub(super) fn is_targeting(&self) -> bool {
        self.role() == Role::Targeting
    }

    pub(super) fn name(&self) -> Option<&AudienceName> {
        self.parsed.name.as_ref()
    }

    pub(super) fn intent(&self) -> Option<&VocabId> {
        self.name()?.intent().id()
    }

    /// The window that counts: the definition's, else the name's.
    pub(super) fn window(&self) -> Option<Window> {
        match &self.charter.definition {
            Some(definition) => definition.window,
            None => self.name().and_then(AudienceName::window),
        }
    }

    /// The keys of the audiences left out, by the audience and by its definition.
    pub(super) fn excluded_keys(&self) -> Vec<&str> {
        let defined = self.charter.definition.iter().flat_map(|definition| definition.exclude.keys());
        let mut keys: Vec<&str> = self.charter.audience.exclusions().chain(defined.map(String::as_str)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// What a rule says about one audience.
pub(super) enum Verdict {
    Fine,
    /// Cannot be judged without this.
    Unknown(Cow<'static, str>),
    Found(Vec<Draft>),
}

impl Verdict {
    pub(super) fn unknown(needs: impl Into<Cow<'static, str>>) -> Self {
        Self::Unknown(needs.into())
    }

    /// The findings, if there are any.
    pub(super) fn of(drafts: impl IntoIterator<Item = Draft>) -> Self {
        let drafts: Vec<Draft> = drafts.into_iter().collect();
        if drafts.is_empty() { Self::Fine } else { Self::Found(drafts) }
    }
}

impl From<Draft> for Verdict {
    fn from(draft: Draft) -> Self {
        Self::Found(vec![draft])
    }
}

/// A finding before it knows its rule and audience.
pub(super) struct Draft {
    pub(super) severity: Option<Severity>,
    pub(super) message: String,
    pub(super) fix: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) span: Option<Range<usize>>,
}

impl Draft {
    pub(super) fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: None, message: message.into(), fix: fix.into(), evidence: Vec::new(), span: None }
    }

    /// Another severity than the rule's.
    pub(super) fn graded(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    pub(super) fn with(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    pub(super) fn at(mut self, span: Option<Range<usize>>) -> Self {
        self.span = span;
        self
    }
}

/// How a rule looks: at one audience, or at all of them. The key is that of the audience concerned, if it is one.
pub(super) enum Check {
    One(fn(&Subject<'_>, &Scene<'_>) -> Verdict),
    All(for<'a> fn(&'a Scene<'_>) -> Verdicts<'a>),
}

/// Verdicts, each with the key of the audience it is about.
pub(super) type Verdicts<'a> = Vec<(Option<&'a str>, Verdict)>;

pub(super) type Entry = (Rule, Check);
