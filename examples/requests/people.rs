//! Members as lines of JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use audience_sync::identity::{AttributeValue, Consent, Decimal, IdentifierKind, Member};
use audience_sync::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::Result;
use crate::args::moment;

/// A text, several, a number, or nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged)]
pub(crate) enum Texts {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn iter(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::None => &[][..],
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        };
        texts.iter().map(String::as_str)
    }
}

/// A line.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct Person {
    pub(crate) id: String,
    email: Texts,
    phone: Texts,
    first_name: Texts,
    last_name: Texts,
    city: Texts,
    region: Texts,
    postal: Texts,
    country: Texts,
    idfa: Texts,
    gaid: Texts,
    external_id: Texts,
    pub(crate) traits: BTreeMap<String, Value>,
    consent: Option<Consent>,
    occurred_at: Option<When>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// RFC 3339, or milliseconds since 1970.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum When {
    Text(String),
    Millis(i64),
}

impl Person {
    pub(crate) fn consent(&self) -> Consent {
        self.consent.unwrap_or_default()
    }

    pub(crate) fn occurred_at(&self) -> Result<Option<Timestamp>> {
        Ok(match &self.occurred_at {
            None => None,
            Some(When::Millis(millis)) => Some(Timestamp::from_millis(*millis)),
            Some(When::Text(text)) => Some(moment(text)?),
        })
    }

    /// The traits that a destination can hold: lists and objects cannot be one.
    pub(crate) fn attributes(&self) -> BTreeMap<Box<str>, AttributeValue> {
        let value = |value: &Value| match value {
            Value::Null => Some(AttributeValue::Null),
            Value::Bool(yes) => Some((*yes).into()),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Some(whole.into()),
                None => Decimal::parse(&number.to_string()).ok().map(AttributeValue::from),
            },
            Value::String(text) => Some(text.as_str().into()),
            Value::Array(_) | Value::Object(_) => None,
        };
        self.traits.iter().filter_map(|(name, trait_)| Some((name.as_str().into(), value(trait_)?))).collect()
    }

    pub(crate) fn member(&self) -> Member {
        let kinds = [
            (IdentifierKind::Email, &self.email),
            (IdentifierKind::Phone, &self.phone),
            (IdentifierKind::FirstName, &self.first_name),
            (IdentifierKind::LastName, &self.last_name),
            (IdentifierKind::City, &self.city),
            (IdentifierKind::Region, &self.region),
            (IdentifierKind::Postal, &self.postal),
            (IdentifierKind::Idfa, &self.idfa),
            (IdentifierKind::Gaid, &self.gaid),
            (IdentifierKind::ExternalId, &self.external_id),
        ];
        let mut member = Member::new(&self.id);
        for (kind, texts) in kinds {
            member = texts.iter().fold(member, |member, text| member.identifier(kind, text));
        }
        self.country.iter().take(1).fold(member, |member, country| member.country(country))
    }
}

/// The members, in order; nothing is read where none are wanted.
pub(crate) fn read(input: impl BufRead, wanted: bool) -> Result<Vec<Person>> {
    let (mut people, mut unknown) = (Vec::new(), BTreeSet::new());
    if !wanted {
        return Ok(people);
    }
    for (number, line) in (1..).zip(input.lines()) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        // serde's own words may quote a value.
        let person: Person = serde_json::from_str(&line)
            .map_err(|error| format!("line {number}: expected a member as JSON, at column {}", error.column()))?;
        if person.id.is_empty() {
            return Err(format!("line {number}: expected an `id`, found none").into());
        }
        unknown.extend(person.other.keys().cloned());
        people.push(person);
    }
    for field in unknown {
        eprintln!("the field `{field}` is not known, and is left out");
    }
    Ok(people)
}
