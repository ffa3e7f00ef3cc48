//! What a destination asks of an audience's name.

use serde::{Deserialize, Serialize};

use super::text::is_forbidden;
use crate::error::{Error, ErrorKind, Result};

/// Whether two audiences of one account may have the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NameUniqueness {
    /// Several may share a name: find an audience by its id only.
    Shared,
    /// The platform refuses a name that is taken.
    Unique,
    /// Not documented: treat it as if both could be.
    #[default]
    Unknown,
}

/// What a destination asks of an audience's name: data, so that a host can put in a better figure.
///
/// The default is 100 characters, not verified.
///
/// # Examples
/// ```
/// use audience_sync::naming::{NameRules, NameUniqueness};
///
/// const RULES: NameRules = NameRules::unlimited().with_max_chars(128).with_uniqueness(NameUniqueness::Shared).verified();
/// assert!(RULES.check("CI | Lapsed | 90d+ | Excl Purch 7d").is_ok());
/// assert!(RULES.check(&"long ".repeat(40)).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NameRules {
    /// The most characters (Unicode scalar values) the platform takes; `None` where no limit is known.
    pub max_chars: Option<u32>,
    /// The most bytes of UTF-8 the platform takes; `None` where no limit is known.
    pub max_bytes: Option<u32>,
    /// More characters than this are taken and shown badly (cut in the platform's own pages).
    pub advised_chars: Option<u32>,
    /// Whether names may be shared.
    pub uniqueness: NameUniqueness,
    /// Whether the limits stand in the platform's own documentation; otherwise they are ours, on the careful side.
    pub verified: bool,
}

impl Default for NameRules {
    fn default() -> Self {
        Self::unlimited().with_max_chars(100)
    }
}

impl NameRules {
    /// No limit known, nothing verified.
    pub const fn unlimited() -> Self {
        Self {
            max_chars: None,
            max_bytes: None,
            advised_chars: None,
            uniqueness: NameUniqueness::Unknown,
            verified: false,
        }
    }

    /// Sets the most characters.
    #[must_use]
    pub const fn with_max_chars(mut self, chars: u32) -> Self {
        self.max_chars = Some(chars);
        self
    }

    /// Sets the most bytes of UTF-8.
    #[must_use]
    pub const fn with_max_bytes(mut self, bytes: u32) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Sets the characters above which a name is shown badly.
    #[must_use]
    pub const fn with_advised_chars(mut self, chars: u32) -> Self {
        self.advised_chars = Some(chars);
        self
    }

    /// Sets whether names may be shared.
    #[must_use]
    pub const fn with_uniqueness(mut self, uniqueness: NameUniqueness) -> Self {
        self.uniqueness = uniqueness;
        self
    }

    /// Says that the limits stand in the platform's own documentation.
    #[must_use]
    pub const fn verified(mut self) -> Self {
        self.verified = true;
        self
    }

    /// Whether `text` is within the limits.
    pub fn fits(&self, text: &str) -> bool {
        within(text.chars().count(), self.max_chars) && within(text.len(), self.max_bytes)
    }

    /// Whether `text` is longer than the platform shows well.
    pub fn is_long(&self, text: &str) -> bool {
        !within(text.chars().count(), self.advised_chars)
    }

    /// Checks a name before it is sent.
    ///
    /// # Errors
    /// `Config` when it is empty, too long, or holds a control, invisible or quoting character.
    pub fn check(&self, text: &str) -> Result<()> {
        let refused = |why: String| Err(Error::new(ErrorKind::Config, format!("name at the destination: {why}")));
        if text.trim().is_empty() {
            return refused("expected a name, found nothing".to_owned());
        }
        if let Some(c) = text.chars().find(|c| is_forbidden(*c) || *c == '\t') {
            return refused(format!("expected printable text without quotes, found {}", c.escape_default()));
        }
        match (self.max_chars, self.max_bytes) {
            _ if self.fits(text) => Ok(()),
            (Some(max), _) if !within(text.chars().count(), Some(max)) => {
                refused(format!("expected at most {max} characters, found {}; shorten it", text.chars().count()))
            }
            (_, max) => {
                refused(format!("expected at most {} bytes, found {}; shorten it", max.unwrap_or(u32::MAX), text.len()))
            }
        }
    }
}

fn within(len: usize, max: Option<u32>) -> bool {
    max.is_none_or(|max| u32::try_from(len).is_ok_and(|len| len <= max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_characters_and_bytes() {
        let rules = NameRules::unlimited().with_max_chars(4).with_max_bytes(6);
        assert!(rules.fits("éé") && rules.fits("ééaa"));
        assert!(!rules.fits("ééé a") && !rules.fits("éééé"));
        let message = rules.check("éééé").unwrap_err().to_string();
        assert_eq!(message, "name at the destination: expected at most 6 bytes, found 8; shorten it");
        assert!(rules.check("abcde").unwrap_err().to_string().contains("4 characters, found 5"));
    }

    #[test]
    fn names_that_break_a_page_are_refused() {
        for text in ["", "  ", "a\nb", "a\"b", "a\u{202E}b", "<b>"] {
            assert!(NameRules::default().check(text).is_err(), "{text:?}");
        }
        assert!(NameRules::unlimited().with_advised_chars(3).is_long("abcd"));
    }

    #[test]
    fn data_form_takes_partial_tables() {
        let rules: NameRules = serde_json::from_str(r#"{"max_chars":128,"verified":true}"#).unwrap();
        assert_eq!(rules, NameRules::unlimited().with_max_chars(128).verified());
        assert_eq!(NameRules::default().max_chars, Some(100));
    }
}
