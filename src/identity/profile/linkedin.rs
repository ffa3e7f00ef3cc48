//! LinkedIn.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::{Algorithm, IdentifierKind as Kind};

/// LinkedIn DMP segments of users (learn.microsoft.com/en-us/linkedin/marketing/matched-audiences, read November 2026).
///
/// Phones are not accepted, nor Apple's device ids since September 2025. Names go out clear and in lower case, at most
/// 35 characters; names without an id are not sent as a key of their own.
pub const LINKEDIN: Profile = Profile {
    id: "linkedin",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5).or_digests(&[Algorithm::Sha512]),
        Rule::clear(Kind::Gaid, PreImage::Plain).key(5),
        Rule::clear(Kind::FirstName, PreImage::Name35),
        Rule::clear(Kind::LastName, PreImage::Name35),
        Rule::clear(Kind::Country, PreImage::Plain),
    ],
    together: &[],
};

/// LinkedIn conversions: the same, and LinkedIn's click id.
pub const LINKEDIN_CONVERSIONS: Profile = Profile {
    id: "linkedin.conversions",
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5).or_digests(&[Algorithm::Sha512]),
        Rule::clear(Kind::LiFatId, PreImage::Plain).key(1),
        Rule::clear(Kind::FirstName, PreImage::Name35),
        Rule::clear(Kind::LastName, PreImage::Name35),
        Rule::clear(Kind::Country, PreImage::Plain),
    ],
    ..LINKEDIN
};
