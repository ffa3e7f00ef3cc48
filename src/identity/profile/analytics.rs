//! Analytics and messaging: they know a member by the host's stable id.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

const MEMBER_ID: Rule = Rule::clear(Kind::ExternalId, PreImage::ExternalIdPlain);

/// Mixpanel: the member id is the distinct id; nothing else identifies.
///
/// E-mail, phone and names are not sent, neither clear nor hashed: analytics keys on the host's stable id, and raw
/// contact data would only be a copy to lose. A host that wants them as traits maps them as attributes.
pub const MIXPANEL: Profile =
    Profile { id: "mixpanel", version: 1, keyed_by: KeyedBy::MemberId, rules: &[MEMBER_ID], together: &[] };

/// Amplitude: the member id is the user id; as [`MIXPANEL`].
pub const AMPLITUDE: Profile = Profile { id: "amplitude", ..MIXPANEL };

/// PostHog: the member id is the distinct id; as [`MIXPANEL`].
pub const POSTHOG: Profile = Profile { id: "posthog", ..MIXPANEL };

/// Twilio Segment: the member id is the user id; as [`MIXPANEL`].
pub const SEGMENT: Profile = Profile { id: "segment", ..MIXPANEL };

/// Braze: the member id is the external id; as [`MIXPANEL`]. A host that keys on addresses adds the rules.
pub const BRAZE: Profile = Profile { id: "braze", ..MIXPANEL };

/// Google Analytics 4, Measurement Protocol `user_data` (read November 2026): hashed contact data beside the user id.
///
/// Anything that is clear contact data anywhere else breaks Google's terms.
pub const GA4: Profile = Profile {
    id: "ga4",
    version: 1,
    keyed_by: KeyedBy::MemberId,
    rules: &[
        MEMBER_ID,
        Rule::hex(Kind::Email, PreImage::EmailGmailFolded).key(3),
        Rule::hex(Kind::Phone, PreImage::E164Plus).key(3),
        Rule::hex(Kind::FirstName, PreImage::GoogleGivenName),
        Rule::hex(Kind::LastName, PreImage::GoogleFamilyName),
        Rule::hex(Kind::Street, PreImage::Plain),
        Rule::clear(Kind::City, PreImage::Plain),
        Rule::clear(Kind::Region, PreImage::Plain),
        Rule::clear(Kind::Postal, PreImage::Plain),
        Rule::clear(Kind::Country, PreImage::Plain),
        Rule::clear(Kind::Ip, PreImage::Plain),
        Rule::clear(Kind::UserAgent, PreImage::Plain),
    ],
    together: &[],
};

/// Klaviyo: profiles by external id, e-mail or phone, clear, because it sends to them.
pub const KLAVIYO: Profile = Profile {
    id: "klaviyo",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        Rule::clear(Kind::ExternalId, PreImage::ExternalIdPlain).key(1),
        Rule::clear(Kind::Email, PreImage::EmailPlain).key(1),
        Rule::clear(Kind::Phone, PreImage::E164Plus).key(1),
    ],
    together: &[],
};
