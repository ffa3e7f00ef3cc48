//! Reddit.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

/// Reddit custom audiences: `EMAIL_SHA256` and `MAID_SHA256` (Reddit, "Manual advanced matching", in a mirror).
///
/// The e-mail rule is disputed: Reddit's own connector at Adobe hashes the address in lower case. A host that sees better
/// matches by that changes the rule to [`PreImage::EmailPlain`]. Apple's ids are upper case, Google's lower case: one
/// peer's statement of Reddit's rule.
pub const REDDIT: Profile = Profile {
    id: "reddit",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailReddit).key(5),
        Rule::hex(Kind::Idfa, PreImage::Upper).key(5),
        Rule::hex(Kind::Gaid, PreImage::Plain).key(5),
    ],
    together: &[],
};

/// Reddit's Conversions API. Addresses of the network are sent clear, which Reddit takes beside hashed ones.
pub const REDDIT_CONVERSIONS: Profile = Profile {
    id: "reddit.conversions",
    rules: &[
        Rule::hex(Kind::ExternalId, PreImage::ExternalIdPlain).key(1),
        Rule::hex(Kind::Email, PreImage::EmailReddit).key(5),
        Rule::hex(Kind::Phone, PreImage::E164Plus).key(5),
        Rule::hex(Kind::Idfa, PreImage::Upper).key(1),
        Rule::hex(Kind::Gaid, PreImage::Plain).key(1),
        Rule::clear(Kind::Ip, PreImage::Plain),
        Rule::clear(Kind::UserAgent, PreImage::Plain),
        Rule::clear(Kind::RdtCid, PreImage::Plain).key(1),
    ],
    ..REDDIT
};
