//! What each destination wants identifiers to look like, as data.

mod amazon;
mod analytics;
mod criteo;
mod google;
mod linkedin;
mod liveramp;
mod meta;
mod microsoft;
mod pinterest;
mod pre_image;
mod reddit;
mod snapchat;
mod tiktok;
mod trade_desk;
mod warehouse;
mod x;

use serde::Serialize;

pub use self::pre_image::PreImage;
use super::hashed::{Algorithm, Digest};
use super::identifier::WireValue;
use super::kind::IdentifierKind;

/// The identity rules of one destination: a constant table, not code.
///
/// Hosts define profiles for destinations of their own in the same way as the built-in ones:
///
/// ```
/// use audience_sync::identity::{Encoding, IdentifierKind, KeyedBy, PreImage, Profile, Rule};
///
/// static LOYALTY: Profile = Profile {
///     id: "acme.loyalty",
///     version: 1,
///     keyed_by: KeyedBy::Identifiers,
///     rules: &[Rule {
///         kind: IdentifierKind::Email,
///         pre_image: PreImage::EmailGmailFolded,
///         encoding: Encoding::Sha256Hex,
///         limit: 1,
///         matches_alone: true,
///     }],
///     together: &[],
/// };
/// ```
///
/// **Facts that vendors leave open** are fields too: a host changes a rule and names the result. Here TikTok's addresses
/// without their `+tag`, as its help pages of 2024 had it:
///
/// ```
/// use audience_sync::identity::{IdentifierKind, PreImage, Profile, Rule, profiles};
///
/// static UNTAGGED: Profile = Profile {
///     id: "acme.tiktok_untagged",
///     rules: &profiles::TIKTOK_SEGMENT.rules_with::<4>(IdentifierKind::Email, PreImage::EmailUntagged),
///     ..profiles::TIKTOK_SEGMENT
/// };
/// assert_eq!(UNTAGGED.rule(IdentifierKind::Email).map(|rule| rule.pre_image), Some(PreImage::EmailUntagged));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Stable name: `meta.custom_audience`.
    pub id: &'static str,
    /// Goes up when a rule changes what is sent; stands in the header of stored state.
    pub version: u32,
    /// What the destination finds a member by.
    pub keyed_by: KeyedBy,
    /// The kinds that are sent, in the order they are sent in.
    pub rules: &'static [Rule],
    /// Kinds that make one identifier only together, such as the parts of an address: all of them are sent or none
    /// (`incomplete_address`), and together they match alone. Empty where there is no such identifier.
    pub together: &'static [IdentifierKind],
}

impl Profile {
    /// The rule for a kind, where the destination takes it.
    pub fn rule(&self, kind: IdentifierKind) -> Option<&'static Rule> {
        self.rules.iter().find(|rule| rule.kind == kind)
    }

    /// The rules with another pre-image for one kind, for a profile of the host's own. `N` is how many rules there are.
    ///
    /// # Panics
    /// At compile time, when `N` is another number or the kind has no rule.
    #[must_use]
    pub const fn rules_with<const N: usize>(&self, kind: IdentifierKind, pre_image: PreImage) -> [Rule; N] {
        assert!(self.rules.len() == N, "expected as many rules as the profile has");
        let mut rules = [self.rules[0]; N];
        let (mut at, mut found) = (0, false);
        while at < N {
            rules[at] = self.rules[at];
            if rules[at].kind as u8 == kind as u8 {
                rules[at].pre_image = pre_image;
                found = true;
            }
            at += 1;
        }
        assert!(found, "expected a rule for the kind");
        rules
    }
}

/// What a destination finds a member by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyedBy {
    /// The host's member id, sent with the row: every member can be sent.
    MemberId,
    /// The identifiers: a member without one that [matches alone](Rule::matches_alone) cannot be sent.
    Identifiers,
}

/// How one kind of identifier is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The kind.
    pub kind: IdentifierKind,
    /// The form of the value before it is encoded.
    pub pre_image: PreImage,
    /// How it is encoded.
    pub encoding: Encoding,
    /// How many values of the kind one member may have; further ones are refused as `over_limit`.
    pub limit: usize,
    /// Whether the destination can find a person by this identifier without any other.
    pub matches_alone: bool,
}

impl Rule {
    /// The same rule for a destination that also takes digests of these algorithms, for values that come in hashed.
    ///
    /// Of no effect on [`Encoding::Sha256Base64`], beside which no platform takes another.
    #[must_use]
    pub const fn or_digests(mut self, also: &'static [Algorithm]) -> Self {
        self.encoding = match self.encoding {
            Encoding::Sha256Hex | Encoding::Sha256HexOr(_) => Encoding::Sha256HexOr(also),
            Encoding::Clear | Encoding::ClearOr(_) => Encoding::ClearOr(also),
            Encoding::Sha256Base64 => Encoding::Sha256Base64,
        };
        self
    }
}

/// How a pre-image becomes what is sent, and which digests that come in hashed can be sent in its place.
///
/// Digests are sent as lower-case hex, but for [`Self::Sha256Base64`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Encoding {
    /// SHA-256 of the UTF-8 bytes, as 64 lower-case hex digits.
    Sha256Hex,
    /// As it is; digests are refused.
    Clear,
    /// SHA-256 of the UTF-8 bytes, as 44 characters of base64 in the standard alphabet, padded (UID2, EUID, The Trade
    /// Desk: UID2 docs "Normalization and encoding", August 2026).
    Sha256Base64,
    /// As [`Self::Sha256Hex`]; the destination also takes digests of these algorithms, for values that come in hashed.
    Sha256HexOr(&'static [Algorithm]),
    /// As [`Self::Clear`]; the destination also takes digests of these algorithms, for values that come in hashed.
    ClearOr(&'static [Algorithm]),
}

impl Encoding {
    /// Whether a value is in a form this encoding sends. For connectors, before a request is written.
    pub fn takes(self, value: &WireValue) -> bool {
        match (self, value) {
            (Self::Sha256Hex | Self::Sha256HexOr(_), WireValue::Sha256(_))
            | (Self::Clear | Self::ClearOr(_), WireValue::Clear(_))
            | (Self::Sha256Base64, WireValue::Sha256Base64(_)) => true,
            (_, WireValue::Sha256Base64(_)) => false,
            (Self::Sha256HexOr(also) | Self::ClearOr(also), digest) => {
                digest.algorithm().is_some_and(|algorithm| also.contains(&algorithm))
            }
            _ => false,
        }
    }

    /// Whether values are hashed.
    pub(super) const fn hashes(self) -> bool {
        !matches!(self, Self::Clear | Self::ClearOr(_))
    }

    /// A digest that came in hashed, as it is sent; nothing when the destination does not take it.
    pub(super) fn pass(self, digest: &Digest) -> Option<WireValue> {
        let value = match (self, digest) {
            (Self::Sha256Base64, Digest::Sha256(digest)) => WireValue::Sha256Base64(*digest),
            (_, Digest::Sha256(digest)) => WireValue::Sha256(*digest),
            (_, Digest::Sha512(digest)) => WireValue::Sha512(Box::new(*digest)),
            (_, Digest::Sha1(digest)) => WireValue::Sha1(*digest),
            (_, Digest::Md5(digest)) => WireValue::Md5(*digest),
        };
        self.takes(&value).then_some(value)
    }
}

impl Rule {
    pub(self) const fn clear(kind: IdentifierKind, pre_image: PreImage) -> Self {
        Self { kind, pre_image, encoding: Encoding::Clear, limit: 1, matches_alone: false }
    }

    pub(self) const fn hex(kind: IdentifierKind, pre_image: PreImage) -> Self {
        Self { kind, pre_image, encoding: Encoding::Sha256Hex, limit: 1, matches_alone: false }
    }

    pub(self) const fn base64(kind: IdentifierKind, pre_image: PreImage) -> Self {
        Self { kind, pre_image, encoding: Encoding::Sha256Base64, limit: 1, matches_alone: false }
    }

    /// The rule for an identifier that finds a person by itself, `limit` of them a member.
    pub(self) const fn key(self, limit: usize) -> Self {
        Self { limit, matches_alone: true, ..self }
    }
}

/// The profiles of the built-in destinations, and a catalogue of them.
///
/// Limits of values a member that no vendor names are bounds of this crate.
pub mod profiles {
    use super::Profile;
    pub use super::amazon::AMAZON_HASHED_RECORDS;
    pub use super::analytics::{AMPLITUDE, BRAZE, GA4, KLAVIYO, MIXPANEL, POSTHOG, SEGMENT};
    pub use super::criteo::CRITEO;
    pub use super::google::{GOOGLE_ADS, GOOGLE_CONVERSIONS, GOOGLE_DATA_MANAGER};
    pub use super::linkedin::{LINKEDIN, LINKEDIN_CONVERSIONS};
    pub use super::liveramp::LIVERAMP;
    pub use super::meta::{META_CAPI, META_CUSTOM_AUDIENCE};
    pub use super::microsoft::{MICROSOFT, MICROSOFT_CONVERSIONS};
    pub use super::pinterest::{PINTEREST_CAPI, PINTEREST_CUSTOMER_LIST};
    pub use super::reddit::{REDDIT, REDDIT_CONVERSIONS};
    pub use super::snapchat::{SNAPCHAT, SNAPCHAT_CAPI};
    pub use super::tiktok::{TIKTOK_EVENTS, TIKTOK_SEGMENT};
    pub use super::trade_desk::{EUID, TTD_CRM, UID2};
    pub use super::warehouse::WAREHOUSE;
    pub use super::x::{X, X_CONVERSIONS};

    /// Every profile of this crate.
    pub static ALL: &[&Profile] = &[
        &META_CUSTOM_AUDIENCE,
        &META_CAPI,
        &GOOGLE_ADS,
        &GOOGLE_DATA_MANAGER,
        &GOOGLE_CONVERSIONS,
        &TIKTOK_SEGMENT,
        &TIKTOK_EVENTS,
        &LINKEDIN,
        &LINKEDIN_CONVERSIONS,
        &PINTEREST_CUSTOMER_LIST,
        &PINTEREST_CAPI,
        &SNAPCHAT,
        &SNAPCHAT_CAPI,
        &X,
        &X_CONVERSIONS,
        &REDDIT,
        &REDDIT_CONVERSIONS,
        &MICROSOFT,
        &MICROSOFT_CONVERSIONS,
        &AMAZON_HASHED_RECORDS,
        &TTD_CRM,
        &UID2,
        &EUID,
        &CRITEO,
        &LIVERAMP,
        &KLAVIYO,
        &MIXPANEL,
        &AMPLITUDE,
        &GA4,
        &BRAZE,
        &POSTHOG,
        &SEGMENT,
        &WAREHOUSE,
    ];

    /// The profile of that name.
    pub fn by_id(id: &str) -> Option<&'static Profile> {
        ALL.iter().copied().find(|profile| profile.id == id)
    }
}

#[cfg(test)]
mod tests;
