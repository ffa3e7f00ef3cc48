//! Pinterest.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::{Algorithm, IdentifierKind as Kind};

/// Pinterest customer lists (github pinterest/pinterest-python-generated-api-client `docs/CustomerListRequest.md`).
///
/// Hashed, although clear addresses are accepted too. There is no list of phones.
pub const PINTEREST_CUSTOMER_LIST: Profile = Profile {
    id: "pinterest.customer_list",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5).or_digests(&[Algorithm::Sha1, Algorithm::Md5]),
        Rule::hex(Kind::Idfa, PreImage::Plain).key(5).or_digests(&[Algorithm::Sha1, Algorithm::Md5]),
        Rule::hex(Kind::Gaid, PreImage::Plain).key(5).or_digests(&[Algorithm::Sha1, Algorithm::Md5]),
    ],
    together: &[],
};

/// Pinterest's Conversions API (github segmentio/action-destinations `pinterest-conversions`, August 2026).
pub const PINTEREST_CAPI: Profile = Profile {
    id: "pinterest.capi",
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
        Rule::hex(Kind::Idfa, PreImage::Plain).key(5),
        Rule::hex(Kind::Gaid, PreImage::Plain).key(5),
        Rule::clear(Kind::Ip, PreImage::Plain),
        Rule::clear(Kind::UserAgent, PreImage::Plain),
        Rule::clear(Kind::Epik, PreImage::Plain).key(1),
    ],
    together: &[],
};
