//! The parts a name is made of: terms, markets, slugs, keys and values.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::text::{fold, is_forbidden, is_pipe_look_alike};
use super::window_scan::{Scan, scan_text};
use crate::error::{Error, ErrorKind, Result};

/// Words that open the exclusions of a name, folded; the first is the canonical one.
pub(super) const EXCLUSION_WORDS: [&str; 6] = ["excl", "exclude", "excludes", "excluding", "ex", "minus"];

/// What an intent or an exclusion is about.
///
/// A prefix is always [`Term::Free`]; an intent or exclusion is `Free` only under a lax template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums)]
pub enum Term {
    /// A term of the vocabulary, by its id.
    Known(VocabId),
    /// A term of the host's own, by its text.
    Free(NormalizedText),
}

impl Term {
    /// A term of the vocabulary.
    ///
    /// # Errors
    /// `Config` when `id` is not an id ([`VocabId::new`]). Whether the vocabulary has it shows when a template renders.
    pub fn known(id: impl Into<String>) -> Result<Self> {
        VocabId::new(id).map(Self::Known)
    }

    /// A term of the host's own.
    ///
    /// # Errors
    /// `Config` when `text` is not well formed ([`NormalizedText::new`]).
    pub fn free(text: &str) -> Result<Self> {
        NormalizedText::new(text).map(Self::Free)
    }

    /// The vocabulary id, where it has one.
    pub fn id(&self) -> Option<&VocabId> {
        match self {
            Self::Known(id) => Some(id),
            Self::Free(_) => None,
        }
    }

    /// Whether both mean the same: the same id, or the same text whatever its case.
    pub fn means(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Free(a), Self::Free(b)) => fold(a.as_str()) == fold(b.as_str()),
            _ => self == other,
        }
    }
}

/// One to eight words, composed (NFC), one space between them, at most 120 characters.
///
/// No word holds a list separator (`+ , &`), a control, invisible or quoting character, or is `and`; the whole is not a
/// window, version, market, owner, key or exclusion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NormalizedText(String);

impl NormalizedText {
    const MAX_WORDS: usize = 8;
    const MAX_CHARS: usize = 120;

    /// Normalizes `text`: NFC, white space to single spaces.
    ///
    /// # Errors
    /// `Config` when it is not well formed; the message says which rule it breaks.
    pub fn new(text: &str) -> Result<Self> {
        let composed: Cow<'_, str> = if text.is_ascii() { text.into() } else { text.nfc().collect() };
        let words: Vec<&str> = composed.split_whitespace().collect();
        let joined = words.join(" ");
        match malformed(&words, &joined) {
            Some(why) => Err(config("term", why, text)),
            None => Ok(Self(joined)),
        }
    }

    /// The words with one space between them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

fn malformed(words: &[&str], joined: &str) -> Option<&'static str> {
    let (Some(first), 1..=NormalizedText::MAX_WORDS) = (words.first(), words.len()) else {
        return Some("expected one to eight words");
    };
    if joined.chars().count() > NormalizedText::MAX_CHARS {
        return Some("expected at most 120 characters");
    }
    if joined.chars().any(|c| is_forbidden(c) || is_pipe_look_alike(c) || matches!(c, '|' | '+' | ',' | '&' | ':')) {
        return Some("expected words without separators, quotes and control characters");
    }
    if words.iter().any(|word| fold(word) == "and") {
        return Some("expected no word \"and\", which separates exclusions");
    }
    if EXCLUSION_WORDS.contains(&fold(first).as_str()) {
        return Some("expected a term, not exclusions");
    }
    if !matches!(scan_text(joined), Scan::No) {
        return Some("expected a term, not a window");
    }
    if joined.starts_with(['@', '[']) || is_version_like(joined) {
        return Some("expected a term, not an owner, market or version");
    }
    None
}

/// `v` and nothing but digits and dots after it.
pub(super) fn is_version_like(text: &str) -> bool {
    let digits = text.strip_prefix(['v', 'V']).unwrap_or_default();
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

impl VocabId {
    /// `id` as it stands in the vocabulary: a lower-case letter, then lower-case letters, digits and `_`, 48 at most.
    ///
    /// # Errors
    /// `Config` when it has another form.
    pub fn new(id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        let form = is_word(&id, 48, |c| c.is_ascii_lowercase(), |c| c.is_ascii_digit() || c == '_');
        if form { Ok(Self(id)) } else { Err(config("vocabulary id", "expected one like \"cart_abandon\"", &id)) }
    }
}

impl Market {
    /// An ISO 3166-1 alpha-2 code (`DE`) or a region of the vocabulary (`EMEA`); 2 to 12 letters, stored upper case.
    ///
    /// # Errors
    /// `Config` when it has another form. Whether the code is known shows when a template renders.
    pub fn new(code: impl AsRef<str>) -> Result<Self> {
        let code = code.as_ref().to_ascii_uppercase();
        let form = code.len() >= 2 && is_word(&code, 12, |c| c.is_ascii_uppercase(), |_| false);
        if form { Ok(Self(code)) } else { Err(config("market", "expected a code like \"DE\" or \"EMEA\"", &code)) }
    }
}

impl Slug {
    /// Lower-case letters, digits, `.`, `_` and `-`; 1 to 255.
    ///
    /// # Errors
    /// `Config` when it has another form.
    pub fn new(slug: impl Into<String>) -> Result<Self> {
        let slug = slug.into();
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        let form = is_word(&slug, 255, letter, |_| false);
        if form {
            Ok(Self(slug))
        } else {
            Err(config("slug", "expected lower-case letters, digits, \".\", \"_\", \"-\"", &slug))
        }
    }
}

impl Key {
    /// A lower-case letter, then lower-case letters, digits and `_`, 24 at most; not one of the reserved `mkt`, `own`, `v`.
    ///
    /// # Errors
    /// `Config` when it has another form.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        let key = key.into();
        let form = is_word(&key, 24, |c| c.is_ascii_lowercase(), |c| c.is_ascii_digit() || c == '_');
        if form && !Self::RESERVED.contains(&key.as_str()) {
            Ok(Self(key))
        } else {
            Err(config("key", "expected one like \"tier\", not \"mkt\", \"own\" or \"v\"", &key))
        }
    }

    pub(super) const RESERVED: [&'static str; 3] = ["mkt", "own", "v"];
}

impl Value {
    /// Letters, digits, `.`, `-`, `_`, `/` and `%`, composed (NFC); 1 to 48.
    ///
    /// # Errors
    /// `Config` when it has another form.
    pub fn new(value: impl AsRef<str>) -> Result<Self> {
        let value: String = value.as_ref().nfc().collect();
        let letter = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '%');
        let form = is_word(&value, 48, letter, |_| false);
        if form { Ok(Self(value)) } else { Err(config("value", "expected letters and digits like \"T1\"", &value)) }
    }
}

/// One to `max` characters; the first is a `letter`, the others a `letter` or `more`.
fn is_word(text: &str, max: usize, letter: impl Fn(char) -> bool, more: impl Fn(char) -> bool) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(&letter) && text.chars().count() <= max && chars.all(|c| letter(c) || more(c))
}

fn config(what: &str, expected: &str, found: &str) -> Error {
    let shown: String = found.chars().take(64).collect();
    Error::new(ErrorKind::Config, format!("{what}: {expected}, found {shown:?}"))
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )+};
}

macro_rules! text_conversions {
    ($($name:ident($new:expr)),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                $new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                $new(&text)
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.0
            }
        }
    )+};
}

words! {
    /// The id of a term in the vocabulary, such as `cart_abandon`.
    VocabId;
    /// A market: a country or a region, upper case.
    Market;
    /// A word safe in addresses, file names and tables, such as the owner `crm-team`.
    Slug;
    /// The key of a keyed field, such as `tier`.
    Key;
    /// The value of a keyed field, such as `T1`.
    Value;
}
text_conversions!(
    VocabId(VocabId::new),
    Market(Market::new),
    Slug(Slug::new),
    Key(Key::new),
    Value(Value::new),
    NormalizedText(NormalizedText::new)
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalizes_white_space_and_composition() {
        assert_eq!(NormalizedText::new("  High \u{A0} Rollers\t").unwrap().as_str(), "High Rollers");
        assert_eq!(NormalizedText::new("Cafe\u{301}").unwrap(), NormalizedText::new("Café").unwrap());
    }

    #[test]
    fn refuses_what_would_be_read_as_something_else() {
        for text in [
            "",
            "a b c d e f g h i",
            "A+B",
            "A, B",
            "R&D",
            "A|B",
            "salt and pepper",
            "Excl Purch",
            "ex customers",
            "30d",
            "last 7 days",
            "Lifetime",
            "5m",
            "v2",
            "@crm",
            "[DE]",
            "tier:T1",
            "say \"hi\"",
            "zero\u{200B}width",
        ] {
            assert!(NormalizedText::new(text).is_err(), "{text:?}");
        }
        for text in ["VIP Tier 2", "Sandy Beaches", "2 for 1", "Vans", "Women's Shoes", "Cross-sell"] {
            assert!(NormalizedText::new(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn words_have_their_forms() {
        assert_eq!(Market::new("de").unwrap().as_str(), "DE");
        assert!(Market::new("D").is_err() && Market::new("D3").is_err());
        assert!(VocabId::new("Cart").is_err() && VocabId::new("").is_err());
        assert!(Key::new("own").is_err() && Key::new("tier").is_ok());
        assert!(Value::new("a b").is_err() && Value::new("T1").is_ok());
        assert!(Slug::new("CRM").is_err() && Slug::new("crm-team.eu").is_ok());
        assert!(serde_json::from_str::<Slug>("\"CRM\"").is_err());
    }

    #[test]
    fn free_terms_mean_the_same_whatever_their_case() {
        let (a, b) = (Term::free("High Rollers").unwrap(), Term::free("high rollers").unwrap());
        assert!(a != b && a.means(&b));
        assert!(!a.means(&Term::known("high_value").unwrap()));
    }
}
