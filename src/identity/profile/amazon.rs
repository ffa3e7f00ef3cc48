//! Amazon Ads.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

/// Amazon's hashed records and audiences (npm `amazon-dsp-formatter` 1.0.2 and github segmentio/action-destinations
/// `amazon-amc`, which name the help page GCCXMZYCK4RXWS6C; read November 2026).
///
/// Streets are not sent: Amazon hashes them after its own tables of abbreviations, which are not public. States are their
/// codes where the country is known. The external id is clear, of `[0-9a-zA-Z-_]{1,128}`.
pub const AMAZON_HASHED_RECORDS: Profile = Profile {
    id: "amazon.hashed_records",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::clear(Kind::ExternalId, PreImage::ExternalIdWord),
        Rule::hex(Kind::Email, PreImage::EmailAmazon).key(5),
        Rule::hex(Kind::Phone, PreImage::E164Digits).key(5),
        Rule::hex(Kind::FirstName, PreImage::AsciiAlphanumeric),
        Rule::hex(Kind::LastName, PreImage::AsciiAlphanumeric),
        Rule::hex(Kind::City, PreImage::AsciiAlphanumeric),
        Rule::hex(Kind::Region, PreImage::AsciiAlphanumeric),
        Rule::hex(Kind::Postal, PreImage::PostalCompact),
        Rule::clear(Kind::Country, PreImage::Lower),
    ],
    together: &[],
};
