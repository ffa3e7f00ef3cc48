//! What goes over the wire: profile updates, events, and their limits.

use std::io;

use serde::{Serialize, Serializer};

use crate::identity::AttributeValue;
use crate::time::Timestamp;

/// Profile updates or events one request may hold (reference/import-events and reference/user-profile-limits in
/// mixpanel/docs, read November 2026).
pub(super) const MOST_RECORDS: usize = 2_000;

/// The longest body. The guide says 10 MB, the sample of status 413 in openapi/ingestion.openapi.yaml this; the smaller
/// one counts (both read November 2026).
pub(super) const LONGEST_BODY: usize = 2_097_152;

/// The longest event or profile update: "smaller than 1MB" (same pages).
pub(super) const LONGEST_RECORD: u64 = 1_000_000;

/// An event has "fewer than 255 properties" (same pages).
pub(super) const MOST_PROPERTIES: usize = 254;

/// Characters of a text; longer ones are cut (same pages).
pub(super) const LONGEST_TEXT: usize = 255;

/// Properties of an event that are ours: they name it, date it, and keep Mixpanel from guessing a place. `token` names
/// the project where a request does not.
pub(super) const RESERVED: [&str; 5] = ["distinct_id", "time", "$insert_id", "ip", "token"];

/// One change of one profile. Mixpanel reads one operation of an update.
#[derive(Serialize)]
pub(super) struct Update<'a> {
    #[serde(rename = "$token")]
    pub(super) token: &'a str,
    #[serde(rename = "$distinct_id")]
    pub(super) distinct_id: &'a str,
    #[serde(flatten)]
    pub(super) operation: Operation<'a>,
}

/// What an update does. All of these may be done twice; `$append` and `$add` may not.
#[derive(Serialize)]
pub(super) enum Operation<'a> {
    /// Sets properties.
    #[serde(rename = "$set")]
    Set(Properties<'a>),
    /// Takes properties away.
    #[serde(rename = "$unset")]
    Unset(Vec<&'a str>),
    /// Adds to lists what is not there: the value is an array.
    #[serde(rename = "$union")]
    Union(Properties<'a>),
    /// Takes from lists what is there: the value is a scalar.
    #[serde(rename = "$remove")]
    Remove(Properties<'a>),
}

/// One event.
#[derive(Serialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "event")]
    pub(super) name: &'a str,
    pub(super) properties: Properties<'a>,
}

/// Properties in the order they were put, so that the same row always makes the same bytes.
#[derive(Default)]
pub(super) struct Properties<'a>(Vec<(&'a str, Value<'a>)>);

impl<'a> Properties<'a> {
    /// What every event has. With the `ip` `"0"` no place is guessed; without one the host's own would be written down
    /// (reference/import-events in mixpanel/docs, read November 2026).
    pub(super) fn of_event(time: Timestamp, distinct_id: &'a str, insert_id: String) -> Self {
        Self(vec![
            ("time", Value::Int(time.as_millis())),
            ("distinct_id", Value::Text(distinct_id)),
            ("$insert_id", Value::Owned(insert_id)),
            ("ip", Value::Text("0")),
        ])
    }

    /// One property.
    pub(super) fn one(name: &'a str, value: impl Into<Value<'a>>) -> Self {
        Self(vec![(name, value.into())])
    }

    /// Puts a property.
    pub(super) fn put(&mut self, name: &'a str, value: impl Into<Value<'a>>) {
        self.0.push((name, value.into()));
    }

    /// Puts a property that has a value.
    pub(super) fn put_some(&mut self, name: &'a str, value: Option<impl Into<Value<'a>>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Whether there is a property of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(held, _)| *held == name)
    }

    /// The event's `$insert_id`.
    pub(super) fn insert_id(&self) -> Option<&str> {
        self.0.iter().find_map(|(name, value)| match value {
            Value::Owned(id) if *name == "$insert_id" => Some(&**id),
            _ => None,
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A property's value.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(&'a str),
    Owned(String),
    List([&'a str; 1]),
}

impl<'a> Value<'a> {
    /// An attribute's value; none for one known to be empty.
    ///
    /// Mixpanel keeps numbers as doubles, so a decimal loses nothing here that it would keep.
    pub(super) fn of(attribute: &'a AttributeValue) -> Option<Self> {
        match attribute {
            AttributeValue::Null => None,
            AttributeValue::Bool(value) => Some(Self::Bool(*value)),
            AttributeValue::Int(value) => Some(Self::Int(*value)),
            AttributeValue::Decimal(value) => value.as_str().parse().ok().map(Self::Number),
            AttributeValue::Text(value) => Some(Self::Text(value)),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

/// How many bytes `value` takes as JSON.
pub(super) fn len(value: &impl Serialize) -> u64 {
    struct Count(u64);

    impl io::Write for Count {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.0 += piece.len() as u64;
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // What has no form in JSON is told when the request is built.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}
