//! What a finding rests on, and who may set it aside.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

/// One observation that a finding rests on: what was seen, and against which limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evidence {
    /// What was observed: `share`, `hours_since_change`.
    pub key: String,
    /// What it was; nothing where it is not known.
    pub value: Observation,
    /// The limit: `< 0.4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<String>,
    /// Where it comes from: `state`, `host`, `destination`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
}

impl Evidence {
    /// An observation.
    pub fn new(key: impl Into<String>, value: impl Into<Observation>) -> Self {
        Self { key: key.into(), value: value.into(), threshold: None, source: None, observed_at: None }
    }

    /// Sets the limit.
    #[must_use]
    pub fn against(mut self, threshold: impl Into<String>) -> Self {
        self.threshold = Some(threshold.into());
        self
    }

    /// Sets where it comes from.
    #[must_use]
    pub fn from(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets when it was seen.
    #[must_use]
    pub fn at(mut self, moment: Timestamp) -> Self {
        self.observed_at = Some(moment);
        self
    }
}

/// `share 0.62 (expected < 0.4)`.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.value)?;
        match &self.threshold {
            Some(threshold) => write!(f, " (expected {threshold})"),
            None => Ok(()),
        }
    }
}

/// What was observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Observation {
    /// Nothing, or it is not known.
    #[default]
    Nothing,
    /// Yes or no.
    Flag(bool),
    /// A count.
    Count(u64),
    /// A figure.
    Number(f64),
    /// A text of the definition's, never a person's.
    Text(String),
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("unknown"),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Count(count) => write!(f, "{count}"),
            // Four digits behind the point are more than any limit has.
            Self::Number(number) => write!(f, "{}", (number * 10_000.0).round() / 10_000.0),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<bool> for Observation {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Observation {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Observation {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Observation {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Observation {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Observation {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

/// Sets one finding aside: who, why, and until when. It stays in the report, and does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
#[non_exhaustive]
pub struct Waiver {
    /// The code of the rule: `AL-012`, `cnt.dest`.
    pub rule: String,
    /// The key of the audience; `None` for all of them.
    pub audience: Option<String>,
    /// Who answers for it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub until: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    rule: String,
    #[serde(default)]
    audience: Option<String>,
    by: String,
    reason: String,
    until: Timestamp,
}

impl TryFrom<Raw> for Waiver {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self> {
        Ok(Self { audience: raw.audience, ..Self::new(raw.rule, raw.by, raw.reason, raw.until)? })
    }
}

impl Waiver {
    /// A waiver for every audience.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the rule, the person or the reason is empty.
    pub fn new(
        rule: impl Into<String>,
        by: impl Into<String>,
        reason: impl Into<String>,
        until: Timestamp,
    ) -> Result<Self> {
        let waiver = Self { rule: rule.into(), audience: None, by: by.into(), reason: reason.into(), until };
        for (what, text) in [("a rule", &waiver.rule), ("who gives it", &waiver.by), ("a reason", &waiver.reason)] {
            if text.trim().is_empty() {
                return Err(Error::new(ErrorKind::Config, format!("waive a rule: expected {what}, found nothing")));
            }
        }
        Ok(waiver)
    }

    /// Limits it to one audience.
    #[must_use]
    pub fn for_audience(mut self, key: impl Into<String>) -> Self {
        self.audience = Some(key.into());
        self
    }

    /// Whether it holds for the rule and audience at that time.
    pub fn covers(&self, rule: &str, audience: Option<&str>, now: Timestamp) -> bool {
        let concerned = self.audience.is_none() || self.audience.as_deref() == audience;
        self.rule == rule && concerned && now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiver_needs_a_reason_and_ends() {
        let at = Timestamp::from_secs;
        let waiver = Waiver::new("AL-012", "mia", "test of tiers", at(100)).unwrap().for_audience("a");
        for (rule, audience, now, covers) in [
            ("AL-012", Some("a"), 99, true),
            ("AL-012", Some("a"), 100, false),
            ("AL-012", Some("b"), 99, false),
            ("AL-012", None, 99, false),
            ("AL-013", Some("a"), 99, false),
        ] {
            assert_eq!(waiver.covers(rule, audience, at(now)), covers, "{rule} {audience:?} {now}");
        }
        assert_eq!(Waiver::new("AL-012", "mia", " ", at(1)).unwrap_err().kind(), ErrorKind::Config);
        assert!(serde_json::from_str::<Waiver>(r#"{"rule":"AL-012","by":"mia","reason":"","until":1}"#).is_err());
    }

    #[test]
    fn evidence_prints_and_keeps_its_type() {
        let all = [
            (Evidence::new("share", 0.623_456).against("< 0.4"), "share 0.6235 (expected < 0.4)"),
            (Evidence::new("size", 0_u64), "size 0"),
            (Evidence::new("attached", None::<bool>), "attached unknown"),
            (Evidence::new("window", "0-24h"), "window 0-24h"),
        ];
        for (evidence, text) in all {
            assert_eq!(evidence.to_string(), text);
            let json = serde_json::to_string(&evidence).unwrap();
            assert_eq!(serde_json::from_str::<Evidence>(&json).unwrap(), evidence, "{json}");
        }
    }
}
