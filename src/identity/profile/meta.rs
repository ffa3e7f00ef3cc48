//! Meta.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

/// Meta custom audiences: multi-key rows of hashed identifiers, and a clear `EXTERN_ID` and `MADID`.
///
/// Names keep their letters of every script, as Meta's current parameter builder does; cities and states are a–z alone,
/// as the audience guide and the SDKs' audience helpers have them; phones are digits with country code and without
/// leading zeros (Marketing API, customer file custom audiences; SDK `capi-param-builder`; read November 2026). Meta
/// sets no limit of e-mails or phones per person: one row is one e-mail, and five of each is this crate's own bound.
/// Names alone hardly ever match. For cities of every script, change the rule to [`PreImage::PlaceLetters`].
pub const META_CUSTOM_AUDIENCE: Profile = Profile {
    id: "meta.custom_audience",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::clear(Kind::ExternalId, PreImage::ExternalIdPlain).key(1),
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5),
        Rule::hex(Kind::Phone, PreImage::E164Digits).key(5),
        Rule::hex(Kind::FirstName, PreImage::NameLetters),
        Rule::hex(Kind::LastName, PreImage::NameLetters),
        Rule::hex(Kind::FirstInitial, PreImage::Initial),
        Rule::hex(Kind::Gender, PreImage::Plain),
        Rule::hex(Kind::BirthYear, PreImage::Year),
        Rule::hex(Kind::BirthMonth, PreImage::Month),
        Rule::hex(Kind::BirthDay, PreImage::Day),
        Rule::hex(Kind::City, PreImage::AsciiLetters),
        Rule::hex(Kind::Region, PreImage::AsciiLetters),
        Rule::hex(Kind::Postal, PreImage::PostalCompact),
        Rule::hex(Kind::Country, PreImage::Lower),
        Rule::clear(Kind::Idfa, PreImage::Plain).key(5),
        Rule::clear(Kind::Gaid, PreImage::Plain).key(5),
    ],
    together: &[],
};

/// Meta's Conversions API: customer information parameters (developers.facebook.com, January 2026; SDK 26.0.3
/// `serverside/normalize.py`).
///
/// Cities and states keep their letters of every script here. External ids are hashed as the SDKs do it, in lower case
/// without white space: the browser must do the same. Addresses, user agents and click ids are never hashed.
pub const META_CAPI: Profile = Profile {
    id: "meta.capi",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::ExternalId, PreImage::LowerUnspaced).key(1),
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5),
        Rule::hex(Kind::Phone, PreImage::E164Digits).key(5),
        Rule::hex(Kind::FirstName, PreImage::NameLetters),
        Rule::hex(Kind::LastName, PreImage::NameLetters),
        Rule::hex(Kind::Gender, PreImage::Plain),
        Rule::hex(Kind::BirthDate, PreImage::DateDigits),
        Rule::hex(Kind::City, PreImage::PlaceLetters),
        Rule::hex(Kind::Region, PreImage::NameLetters),
        Rule::hex(Kind::Postal, PreImage::PostalCompact),
        Rule::hex(Kind::Country, PreImage::Lower),
        Rule::clear(Kind::Idfa, PreImage::Plain).key(1),
        Rule::clear(Kind::Gaid, PreImage::Plain).key(1),
        Rule::clear(Kind::Ip, PreImage::Plain),
        Rule::clear(Kind::UserAgent, PreImage::Plain),
        Rule::clear(Kind::Fbc, PreImage::Plain).key(1),
        Rule::clear(Kind::Fbp, PreImage::Plain).key(1),
    ],
    together: &[],
};
