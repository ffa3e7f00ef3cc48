//! Criteo.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::{Algorithm, IdentifierKind as Kind};

/// Criteo contact lists (developers.criteo.com, 2026-01; API 2026-07: `email madid identityLink gum phoneNumber`).
///
/// Addresses are hashed, although clear ones and MD5 are accepted too. Phones are left out: they are taken of advertisers
/// in India alone, who add the rule. `identityLink` is LiveRamp's id.
pub const CRITEO: Profile = Profile {
    id: "criteo",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5).or_digests(&[Algorithm::Md5]),
        Rule::clear(Kind::Idfa, PreImage::Plain).key(5),
        Rule::clear(Kind::Gaid, PreImage::Plain).key(5),
        Rule::clear(Kind::RampId, PreImage::Plain).key(1),
    ],
    together: &[],
};
