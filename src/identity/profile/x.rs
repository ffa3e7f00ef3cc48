//! X.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

/// X custom audiences (developer.x.com, Ads API, "Custom Audiences user data").
///
/// Digests must be lower case. A secondary page shows a phone number without `+`: [`PreImage::E164Digits`], where a test
/// list shows that it matches better.
pub const X: Profile = Profile {
    id: "x",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5),
        Rule::hex(Kind::Phone, PreImage::E164Plus).key(5),
        Rule::hex(Kind::Idfa, PreImage::Plain).key(5),
        Rule::hex(Kind::Gaid, PreImage::Plain).key(5),
        Rule::hex(Kind::Handle, PreImage::Plain).key(1),
        Rule::hex(Kind::PlatformUserId, PreImage::Plain).key(1),
        Rule::clear(Kind::ExternalId, PreImage::ExternalIdPlain).key(1),
    ],
    together: &[],
};

/// X conversions: contact data and X's click id.
pub const X_CONVERSIONS: Profile = Profile {
    id: "x.conversions",
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5),
        Rule::hex(Kind::Phone, PreImage::E164Plus).key(5),
        Rule::clear(Kind::Ip, PreImage::Plain),
        Rule::clear(Kind::UserAgent, PreImage::Plain),
        Rule::clear(Kind::Twclid, PreImage::Plain).key(1),
    ],
    ..X
};
