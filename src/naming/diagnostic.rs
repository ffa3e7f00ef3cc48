//! What is to be said about the spelling of a name: where, how bad, and what to write instead.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::explain;
use super::template::FieldKind;
use super::term::Key;
use crate::error::{Error, ErrorKind, Result};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The name is understood and not spelled as it should be.
    Warning,
    /// The name is not understood.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

macro_rules! codes {
    ($($code:ident: $title:literal,)+) => {
        /// The stable code of a finding. Prints, and is stored, as `AN-E014`; [`Code::title`] says what it stands for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $title] $code,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),+];

            /// The code as text, such as `AN-E014`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => concat!("AN-", stringify!($code)),)+
                }
            }

            /// What the code stands for.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$code => $title,)+
                }
            }
        }
    };
}

codes! {
    E001: "too long or too many parts",
    E002: "empty name or empty field",
    E003: "forbidden character",
    E004: "separator look-alike or wrong separator",
    E005: "missing required field",
    E006: "field kind twice",
    E010: "unit missing",
    E011: "ambiguous unit",
    E012: "empty or reversed range",
    E013: "number out of range",
    E014: "unknown exclusion",
    E015: "unknown intent",
    E016: "prefix not in the allow-list",
    E017: "term not allowed in this field",
    E018: "unknown market code",
    E019: "bad version",
    E020: "unknown key",
    E021: "exclusions keyword without items",
    E022: "ambiguous plus",
    E023: "trailing or doubled list separator",
    E024: "fixed date invalid or reversed",
    E030: "does not fit the destination's limit",
    W010: "white space normalised",
    W011: "case or spelling normalised",
    W012: "field order differs from the template",
    W013: "duplicate exclusion removed",
    W014: "window written in long form",
    W015: "non-portable character",
    W016: "longer than the template advises",
}

impl Code {
    /// The severity a strict template gives it. A lax one reports unknown terms as notes.
    pub fn severity(self) -> Severity {
        if self.as_str().contains('W') { Severity::Warning } else { Severity::Error }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().copied().find(|code| code.as_str() == text);
        found.ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("code: expected one like \"AN-E014\", found {text:?}"))
        })
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What would have been right at this place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Expected {
    /// A day of the calendar.
    Date,
    /// A field of this kind.
    Field(FieldKind),
    /// The keyed field with this key.
    Keyed(Key),
    /// A country or region code.
    Market,
    /// A number from 0 to 9,999.
    Number,
    /// One of these texts.
    OneOf(Vec<String>),
    /// The separator between fields.
    Separator(char),
    /// A unit of time.
    Unit,
    /// A version, `v1` to `v9999`.
    Version,
    /// A window.
    Window,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date => f.write_str("a day like 20261101"),
            Self::Field(kind) => write!(f, "the {kind}"),
            Self::Keyed(key) => write!(f, "\"{key}:\" and a value"),
            Self::Market => f.write_str("a country code like DE"),
            Self::Number => f.write_str("a number from 0 to 9999"),
            Self::OneOf(texts) => match texts.as_slice() {
                [only] => f.write_str(only),
                [a, b, c, _, ..] => write!(f, "one of: {a}, {b}, {c}, …"),
                few => write!(f, "one of: {}", few.join(", ")),
            },
            Self::Separator(separator) => write!(f, "the separator \"{separator}\""),
            Self::Unit => f.write_str("a unit: min, h, d, w, mo or y"),
            Self::Version => f.write_str("a version from v1 to v9999"),
            Self::Window => f.write_str("a window like 0-24h or 90d+"),
        }
    }
}

/// How sure a suggestion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Applicability {
    /// One of several readings.
    Guess,
    /// Probably meant; for a person to confirm.
    Likely,
    /// Means the same, or can mean nothing else: [`super::Template::fix`] applies it.
    Certain,
}

/// What to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Suggestion {
    /// The bytes of the original input to replace; empty to insert.
    pub span: Range<usize>,
    /// The text to put there.
    pub replacement: String,
    /// How sure this is.
    pub applicability: Applicability,
    /// What else the replacement is called, where that helps to choose (`Purchased, Purchasers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
}

impl Suggestion {
    pub(super) const fn new(span: Range<usize>, replacement: String, applicability: Applicability) -> Self {
        Self { span, replacement, applicability, same_as: None }
    }
}

/// A finding about the spelling of a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What it is.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// Where: bytes of the original input, on character boundaries; empty where something is missing.
    pub span: Range<usize>,
    /// One sentence without a full stop.
    pub message: String,
    /// What would have been right.
    pub expected: Vec<Expected>,
    /// What stands there, escaped, at most 64 characters.
    pub found: Option<String>,
    /// What to write instead, the likeliest first.
    pub suggestions: Vec<Suggestion>,
    /// Other places that matter, and why.
    pub related: Vec<(Range<usize>, String)>,
    /// The next step, where a suggestion cannot say it.
    pub help: Option<Cow<'static, str>>,
}

impl Diagnostic {
    pub(super) fn new(code: Code, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            span,
            message: message.into(),
            expected: Vec::new(),
            found: None,
            suggestions: Vec::new(),
            related: Vec::new(),
            help: None,
        }
    }

    pub(super) fn expecting(mut self, expected: Expected) -> Self {
        self.expected.push(expected);
        self
    }

    pub(super) fn suggesting(mut self, suggestion: Suggestion) -> Self {
        self.suggestions.push(suggestion);
        self
    }

    pub(super) fn helping(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The finding as text of a few lines, with the place marked in `input`, the text that was parsed.
    ///
    /// ```text
    /// error[AN-E014]: unknown exclusion "Purhc"
    ///   CI | Cart Abandon | 0-24h | Excl Purhc 7d
    ///                                    ^^^^^ expected one of: Purch, Lead, Signup, …
    ///   help: did you mean "Purch"? (same as Purchased, Purchase)
    /// ```
    pub fn explain(&self, input: &str) -> String {
        explain::diagnostic(self, input)
    }
}

/// `error[AN-E014]: unknown exclusion "Purhc"`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_print_and_read_back() {
        assert_eq!(Code::E014.to_string(), "AN-E014");
        assert_eq!(serde_json::to_string(&Code::W011).unwrap(), "\"AN-W011\"");
        for code in Code::ALL {
            assert_eq!(code.as_str().parse::<Code>().unwrap(), *code);
        }
        assert!("AN-E999".parse::<Code>().is_err());
        assert_eq!((Code::E030.severity(), Code::W015.severity()), (Severity::Error, Severity::Warning));
    }

    #[test]
    fn data_form_keeps_everything() {
        let finding = Diagnostic::new(Code::E014, 3..8, "unknown exclusion")
            .expecting(Expected::OneOf(vec!["Purch".to_owned()]))
            .suggesting(Suggestion::new(3..8, "Purch".to_owned(), Applicability::Certain))
            .helping("choose a term of the vocabulary");
        let json = serde_json::to_string(&finding).unwrap();
        assert!(json.contains(r#""span":{"start":3,"end":8}"#), "{json}");
        assert_eq!(serde_json::from_str::<Diagnostic>(&json).unwrap(), finding);
    }
}
