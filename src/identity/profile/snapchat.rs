//! Snapchat.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

/// Snapchat audience segments (developers.snap.com, read November 2026).
pub const SNAPCHAT: Profile = Profile {
    id: "snapchat",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5),
        Rule::hex(Kind::Phone, PreImage::E164Digits).key(5),
        Rule::hex(Kind::Idfa, PreImage::Plain).key(5),
        Rule::hex(Kind::Gaid, PreImage::Plain).key(5),
    ],
    together: &[],
};

/// Snapchat's Conversions API (developers.snap.com, best practices; github segmentio/action-destinations
/// `snap-conversions-api`, August 2026).
pub const SNAPCHAT_CAPI: Profile = Profile {
    id: "snapchat.capi",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::ExternalId, PreImage::ExternalIdPlain).key(1),
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5),
        Rule::hex(Kind::Phone, PreImage::E164Digits).key(5),
        Rule::hex(Kind::FirstName, PreImage::NameUnspaced),
        Rule::hex(Kind::LastName, PreImage::NameUnspaced),
        Rule::hex(Kind::Gender, PreImage::Plain),
        Rule::hex(Kind::BirthDate, PreImage::DateDigits),
        Rule::hex(Kind::City, PreImage::NameLetters),
        Rule::hex(Kind::Region, PreImage::NameLetters),
        Rule::hex(Kind::Postal, PreImage::PostalCompact),
        Rule::hex(Kind::Country, PreImage::Lower),
        Rule::hex(Kind::Idfa, PreImage::Plain).key(1),
        Rule::hex(Kind::Gaid, PreImage::Plain).key(1),
        Rule::clear(Kind::Ip, PreImage::Plain),
        Rule::clear(Kind::UserAgent, PreImage::Plain),
        Rule::clear(Kind::ScClickId, PreImage::Plain).key(1),
    ],
    together: &[],
};
