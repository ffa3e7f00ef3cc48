//! What an audience means, apart from what it is called: the part that must not change without notice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::error::{Error, ErrorKind, Result};
use crate::naming::{Role, Window};

/// An event of the host's source that a definition stands on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EventRef {
    /// The event's name in the source.
    pub name: String,
    /// The version of its schema.
    pub schema: String,
}

impl EventRef {
    /// An event and the version of its schema.
    pub fn new(name: impl Into<String>, schema: impl Into<String>) -> Self {
        Self { name: name.into(), schema: schema.into() }
    }
}

/// What an audience means: who is in it, by which events, in which window, without whom.
///
/// Two definitions mean the same when their [fingerprints](Definition::fingerprint) are equal. Name, owner, schedule and
/// destinations are no part of it.
///
/// ```
/// use audience_sync::audience::{Definition, EventRef};
/// use audience_sync::naming::Role;
///
/// let definition = Definition::new(Role::Targeting, "cart_value > 0")
///     .with_event(EventRef::new("cart_updated", "3"))
///     .with_window("24h".parse()?);
/// assert_eq!(definition.fingerprint().to_string().len(), 64);
/// # Ok::<(), audience_sync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Definition {
    /// What is counted: `person`, `household`, `account`.
    #[serde(default = "person")]
    pub entity: String,
    /// What the audience is for.
    #[serde(default)]
    pub role: Role,
    /// The events it stands on.
    #[serde(default)]
    pub events: BTreeSet<EventRef>,
    /// The host's own rule, as text; compared character by character after NFC.
    pub predicate: String,
    /// When the events happened.
    #[serde(default)]
    pub window: Option<Window>,
    /// Who is left out: key and fingerprint of each audience.
    #[serde(default)]
    pub exclude: BTreeMap<String, String>,
    /// The kinds of identifier it is sent with.
    #[serde(default)]
    pub identity: BTreeSet<String>,
    /// The consents a member must have given; empty: it does not ask.
    #[serde(default)]
    pub consent: BTreeSet<String>,
}

fn person() -> String {
    "person".to_owned()
}

impl Definition {
    /// Persons by a rule of the host's own.
    pub fn new(role: Role, predicate: impl Into<String>) -> Self {
        Self {
            entity: person(),
            role,
            events: BTreeSet::new(),
            predicate: predicate.into(),
            window: None,
            exclude: BTreeMap::new(),
            identity: BTreeSet::new(),
            consent: BTreeSet::new(),
        }
    }

    /// Adds an event it stands on.
    #[must_use]
    pub fn with_event(mut self, event: EventRef) -> Self {
        self.events.insert(event);
        self
    }

    /// Sets when the events happened.
    #[must_use]
    pub fn with_window(mut self, window: Window) -> Self {
        self.window = Some(window);
        self
    }

    /// Leaves out the members of the audience with this key, as it is defined now.
    #[must_use]
    pub fn excluding(mut self, key: impl Into<String>, definition: &Self) -> Self {
        self.exclude.insert(key.into(), definition.fingerprint().to_string());
        self
    }

    /// Adds a kind of identifier it is sent with.
    #[must_use]
    pub fn with_identity(mut self, kind: impl Into<String>) -> Self {
        self.identity.insert(kind.into());
        self
    }

    /// Adds a consent its members must have given.
    #[must_use]
    pub fn with_consent(mut self, purpose: impl Into<String>) -> Self {
        self.consent.insert(purpose.into());
        self
    }

    /// SHA-256 of [`Definition::canonical_json`].
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(self.canonical_json().as_bytes()).into())
    }

    /// The definition as JSON in one form only: keys sorted, no white space, NFC, sets sorted, durations in seconds.
    pub fn canonical_json(&self) -> String {
        let nfc = |text: &String| text.nfc().collect::<String>();
        let sorted = |texts: &BTreeSet<String>| texts.iter().map(nfc).collect::<BTreeSet<_>>();
        let events = self.events.iter().map(|event| EventRef::new(nfc(&event.name), nfc(&event.schema)));
        let canonical = Canonical {
            consent: sorted(&self.consent),
            entity: nfc(&self.entity),
            events: events.collect(),
            exclude: self.exclude.values().map(nfc).collect(),
            identity: sorted(&self.identity),
            predicate: nfc(&self.predicate),
            role: self.role,
            v: 1,
            window: self.window.map(Span::from),
        };
        // Texts and numbers always have a JSON form.
        serde_json::to_string(&canonical).unwrap_or_default()
    }
}

/// The fields in the order of their names: `serde_json` sorts maps only as long as nobody asks it not to.
#[derive(Serialize)]
struct Canonical {
    consent: BTreeSet<String>,
    entity: String,
    events: BTreeSet<EventRef>,
    exclude: BTreeSet<String>,
    identity: BTreeSet<String>,
    predicate: String,
    role: Role,
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Span>,
}

/// A window in seconds. Days of the calendar are numbers like 20261101.
#[derive(Serialize, Default)]
struct Span {
    #[serde(skip_serializing_if = "Option::is_none")]
    from_day: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_day: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_s: Option<u64>,
}

impl From<Window> for Span {
    fn from(window: Window) -> Self {
        let day = |date: crate::naming::Date| {
            u32::from(date.year()) * 10_000 + u32::from(date.month()) * 100 + u32::from(date.day())
        };
        match window {
            Window::Next { within } => Self { next_s: Some(within.seconds()), ..Self::default() },
            Window::Fixed { from, to } => Self { from_day: Some(day(from)), to_day: Some(day(to)), ..Self::default() },
            aged => {
                let (from, to) = aged.age_seconds().unwrap_or_default();
                Self { from_s: Some(from), to_s: to, ..Self::default() }
            }
        }
    }
}

/// The SHA-256 of a definition. Prints as 64 hex digits; [`Fingerprint::short`] is for people.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The first 12 hex digits.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }

    /// The first 3 bytes: the tag that [`fit`](crate::naming::fit()) puts behind a name it had to cut.
    pub fn tag(&self) -> [u8; 3] {
        let [a, b, c, ..] = self.0;
        [a, b, c]
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const_hex::decode_to_array(text).map(Self).map_err(|_| {
            let message = format!("read a fingerprint: expected 64 hex digits, found {} characters", text.len());
            Error::new(ErrorKind::Config, message)
        })
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of the specification's vector.
    fn cart(event: &str) -> Definition {
        let mut definition = Definition::new(Role::Targeting, "cart_value > 0")
            .with_event(EventRef::new(event, "3"))
            .with_window("0-24h".parse().unwrap())
            .with_identity("phone_sha256")
            .with_identity("email_sha256")
            .with_consent("ad_user_data")
            .with_consent("ad_personalization");
        definition.exclude = BTreeMap::from([("b".into(), "4f0c".into()), ("a".into(), "9b1e".into())]);
        definition
    }

    #[test]
    fn the_vectors_of_the_specification() {
        assert_eq!(
            cart("cart_updated").canonical_json(),
            r#"{"consent":["ad_personalization","ad_user_data"],"entity":"person","events":[{"name":"cart_updated","schema":"3"}],"exclude":["4f0c","9b1e"],"identity":["email_sha256","phone_sha256"],"predicate":"cart_value > 0","role":"targeting","v":1,"window":{"from_s":0,"to_s":86400}}"#
        );
        assert_eq!(
            cart("cart_updated").fingerprint().to_string(),
            "f35e41a89de21a64fb1e8bba594254d5ef264e6903c351e46a546a5fae9b34f0"
        );
        assert_eq!(
            cart("cart_changed").fingerprint().to_string(),
            "fcc19dd2edb264ef1fc2bc4f4457252d144b85d7eba7d72a14bc834dcc8b68b1"
        );
        assert_eq!(cart("cart_updated").fingerprint().short(), "f35e41a89de2");
    }

    #[test]
    fn spelling_does_not_count_and_meaning_does() {
        let print = |change: &dyn Fn(&mut Definition)| {
            let mut definition = cart("cart_updated");
            change(&mut definition);
            definition.fingerprint()
        };
        let base = print(&|_| {});
        assert_eq!(print(&|d| d.window = Some("1d".parse().unwrap())), base);
        assert_eq!(print(&|d| d.entity = "person".into()), base);
        let composed = print(&|d| d.predicate = "caf\u{e9}".into());
        assert_eq!(print(&|d| d.predicate = "cafe\u{301}".into()), composed);
        for window in ["2-24h", "24h+", "Lifetime", "Next 24h", "20261101..20261130"] {
            assert_ne!(print(&|d| d.window = Some(window.parse().unwrap())), base, "{window}");
        }
        assert_ne!(print(&|d| d.role = Role::Suppression), base);
    }

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let print = cart("cart_updated").fingerprint();
        assert_eq!(print.to_string().parse::<Fingerprint>().unwrap(), print);
        for bad in ["", "f35e", &"g".repeat(64)] {
            assert_eq!(bad.parse::<Fingerprint>().unwrap_err().kind(), ErrorKind::Config);
        }
    }
}
