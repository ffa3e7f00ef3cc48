//! What the rules found, as a value that prints and serializes.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::rule::Rule;
use crate::audience::evidence::{Evidence, Waiver};
use crate::naming::Severity;
use crate::time::Timestamp;

/// One thing a rule found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// The key of the audience; `None` where an account as a whole is concerned.
    #[serde(default)]
    pub audience: Option<String>,
    /// The audience's name; `(name withheld)` when it holds personal data.
    #[serde(default)]
    pub name: Option<String>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What that rests on.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// The bytes of the name that are concerned.
    #[serde(default)]
    pub span: Option<Range<usize>>,
    /// The next step.
    pub fix: String,
    /// Who set it aside, and why.
    #[serde(default)]
    pub waived: Option<Waiver>,
}

/// A rule that could not judge, because something is not known. Never a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unjudged {
    /// The rule.
    pub rule: Rule,
    /// The key of the audience; `None` where the portfolio as a whole is concerned.
    #[serde(default)]
    pub audience: Option<String>,
    /// What is missing.
    pub needs: String,
}

/// What the rules found in a portfolio. Prints as text; as data it has a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LintReport {
    /// The version of the data form: 1.
    pub v: u32,
    /// When the rules ran.
    pub generated_at: Timestamp,
    /// The audiences looked at.
    pub audiences: u64,
    /// What was found, the worst first, then by rule and audience.
    pub findings: Vec<Finding>,
    /// What could not be judged, by rule and audience.
    pub unjudged: Vec<Unjudged>,
    /// The tiers of each intent that has several, by their ages: for a picture.
    #[serde(default)]
    pub ladders: Vec<Vec<Tier>>,
}

/// One tier of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tier {
    /// The key of the audience.
    pub audience: String,
    /// The audience's name; `(name withheld)` when it holds personal data.
    pub name: String,
    /// Its window, as names write it.
    pub window: String,
    /// The least age of the event in seconds, included.
    pub from_s: u64,
    /// The greatest age, not included; `None` without an end.
    pub to_s: Option<u64>,
}

impl LintReport {
    /// What counts: findings that nobody set aside.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.waived.is_none())
    }

    /// The open findings of one rule.
    pub fn of(&self, rule: Rule) -> impl Iterator<Item = &Finding> {
        self.open().filter(move |finding| finding.rule == rule)
    }

    /// How many open findings are that bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.open().filter(|finding| finding.severity == severity).count()
    }

    /// How bad the worst open finding is.
    pub fn worst(&self) -> Option<Severity> {
        self.open().map(|finding| finding.severity).max()
    }

    /// Whether the rule could not judge something.
    pub fn is_unjudged(&self, rule: Rule) -> bool {
        self.unjudged.iter().any(|unjudged| unjudged.rule == rule)
    }

    /// What could not be judged, by rule and by what is missing: the keys of the audiences concerned, `None` for the
    /// portfolio as a whole.
    pub fn missing(&self) -> BTreeMap<(Rule, &str), Vec<Option<&str>>> {
        let mut missing: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for unjudged in &self.unjudged {
            missing.entry((unjudged.rule, unjudged.needs.as_str())).or_default().push(unjudged.audience.as_deref());
        }
        missing
    }

    /// The codes of all open findings, each once.
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules: Vec<Rule> = self.open().map(|finding| finding.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// The report as SARIF 2.1.0, which code review and CI systems show beside the file of names at `uri`.
    pub fn to_sarif(&self, uri: &str) -> String {
        super::sarif::write(self, uri)
    }
}

impl fmt::Display for LintReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [errors, warnings, notes] =
            [Severity::Error, Severity::Warning, Severity::Note].map(|severity| self.count(severity));
        let waived = self.findings.len() - self.open().count();
        writeln!(
            f,
            "lint of {} audiences as of {}: {errors} errors, {warnings} warnings, {notes} notes, {waived} waived, {} not \
             judged",
            self.audiences,
            self.generated_at,
            self.unjudged.len()
        )?;
        for finding in &self.findings {
            writeln!(f, "  {finding}")?;
        }
        for ((rule, needs), audiences) in self.missing() {
            match audiences.as_slice() {
                [one] => writeln!(f, "  unknown[{rule}] {}: needs {needs}", one.unwrap_or("portfolio"))?,
                all => writeln!(f, "  unknown[{rule}] {} audiences: needs {needs}", all.len())?,
            }
        }
        Ok(())
    }
}

/// `error[AL-004] CI | Lapsed | 90d+: nobody is excluded; exclude at least the converters …`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(waiver) = &self.waived {
            write!(f, "waived by {} until {} ({}): ", waiver.by, waiver.until, waiver.reason)?;
        }
        write!(f, "{}[{}]", self.severity, self.rule)?;
        if let Some(name) = self.name.as_ref().or(self.audience.as_ref()) {
            write!(f, " {name}")?;
        }
        write!(f, ": {}; {}", self.message, self.fix)?;
        for (at, evidence) in self.evidence.iter().enumerate() {
            write!(f, "{}{evidence}", if at == 0 { " — " } else { ", " })?;
        }
        Ok(())
    }
}
