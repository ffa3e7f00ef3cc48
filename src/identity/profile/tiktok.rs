//! TikTok.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

/// TikTok audience segments (ads.tiktok.com help, "How to create a Custom Audience with a customer file", September
/// 2025).
///
/// Up to three columns of a kind. The vendor's own sample digest is of a number without `+`, so it matches both: digests
/// of either form are taken. Older help pages asked to cut `+tag`: [`PreImage::EmailUntagged`], where that shows a
/// better match.
pub const TIKTOK_SEGMENT: Profile = Profile {
    id: "tiktok.segment",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(3),
        Rule::hex(Kind::Phone, PreImage::E164PlusOrDigits).key(3),
        Rule::hex(Kind::Idfa, PreImage::Plain).key(3),
        Rule::hex(Kind::Gaid, PreImage::Plain).key(3),
    ],
    together: &[],
};

/// TikTok's Events API (github segmentio/action-destinations `tiktok-conversions`, August 2026).
pub const TIKTOK_EVENTS: Profile = Profile {
    id: "tiktok.events",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::hex(Kind::ExternalId, PreImage::ExternalIdPlain).key(1),
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(3),
        Rule::hex(Kind::Phone, PreImage::E164PlusOrDigits).key(3),
        Rule::hex(Kind::FirstName, PreImage::NameUnspaced),
        Rule::hex(Kind::LastName, PreImage::NameUnspaced),
        Rule::clear(Kind::City, PreImage::NameLetters),
        Rule::clear(Kind::Region, PreImage::NameLetters),
        Rule::hex(Kind::Postal, PreImage::PostalCompact),
        Rule::clear(Kind::Country, PreImage::Lower),
        Rule::clear(Kind::Idfa, PreImage::Plain).key(1),
        Rule::clear(Kind::Gaid, PreImage::Plain).key(1),
        Rule::clear(Kind::Ip, PreImage::Plain),
        Rule::clear(Kind::UserAgent, PreImage::Plain),
        Rule::clear(Kind::Ttclid, PreImage::Plain).key(1),
        Rule::clear(Kind::Ttp, PreImage::Plain).key(1),
    ],
    together: &[],
};
