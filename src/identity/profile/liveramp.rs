//! LiveRamp.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::{Algorithm, IdentifierKind as Kind};

/// LiveRamp files ("Formatting identifiers", read November 2026): clear values, which match slightly better than hashed
/// ones.
///
/// Phones are those of the North American plan, ten digits. Device ids are not sent: LiveRamp wants them as SHA-1, and
/// never two kinds in one file.
pub const LIVERAMP: Profile = Profile {
    id: "liveramp",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::clear(Kind::Email, PreImage::EmailPlain).key(5).or_digests(&[
            Algorithm::Sha256,
            Algorithm::Sha1,
            Algorithm::Md5,
        ]),
        Rule::clear(Kind::Phone, PreImage::TenDigits).key(5),
        Rule::clear(Kind::FirstName, PreImage::NamePlain),
        Rule::clear(Kind::LastName, PreImage::NamePlain),
        Rule::clear(Kind::BirthDate, PreImage::Plain),
        Rule::clear(Kind::Street, PreImage::Plain),
        Rule::clear(Kind::City, PreImage::Plain),
        Rule::clear(Kind::Region, PreImage::Plain),
        Rule::clear(Kind::Postal, PreImage::Plain),
        Rule::clear(Kind::Country, PreImage::Plain),
        Rule::clear(Kind::RampId, PreImage::Plain).key(1),
    ],
    together: &[],
};
