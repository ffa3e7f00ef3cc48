//! Google.
//!
//! Sources: developers.google.com/data-manager/api/devguides/concepts/formatting, the references of `UserData` and
//! `UserIdentifier`, and the formatter of github googleads/data-manager-node (June 2026).

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

/// The four parts that make one address identifier; Google refuses the address when one is missing.
const ADDRESS: &[Kind] = &[Kind::FirstName, Kind::LastName, Kind::Postal, Kind::Country];

const EMAIL: Rule = Rule::hex(Kind::Email, PreImage::EmailGmailFolded).key(5);
const PHONE: Rule = Rule::hex(Kind::Phone, PreImage::E164Plus).key(4);
const GIVEN_NAME: Rule = Rule::hex(Kind::FirstName, PreImage::GoogleGivenName);
const FAMILY_NAME: Rule = Rule::hex(Kind::LastName, PreImage::GoogleFamilyName);
const POSTAL: Rule = Rule::clear(Kind::Postal, PreImage::Plain);
const COUNTRY: Rule = Rule::clear(Kind::Country, PreImage::Plain);

/// Customer Match through the Data Manager API.
///
/// At most ten identifiers a member: five e-mails, four phones and one address. Names keep their inner space and their
/// hyphen, as Google's formatter does, although the field comments ask for no punctuation: [`PreImage::NameLetters`]
/// instead, for who reads them so. Device ids and user ids are clear and belong into lists of their own.
pub const GOOGLE_DATA_MANAGER: Profile = Profile {
    id: "google.data_manager",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        EMAIL,
        PHONE,
        GIVEN_NAME,
        FAMILY_NAME,
        POSTAL,
        COUNTRY,
        Rule::clear(Kind::Idfa, PreImage::Plain).key(5),
        Rule::clear(Kind::Gaid, PreImage::Plain).key(5),
        Rule::clear(Kind::ExternalId, PreImage::ExternalIdPlain).key(1),
    ],
    together: ADDRESS,
};

/// Customer Match through the Google Ads API: the same values as [`GOOGLE_DATA_MANAGER`].
pub const GOOGLE_ADS: Profile = Profile { id: "google.ads", ..GOOGLE_DATA_MANAGER };

/// Conversions with user-provided data: contact data, or one of the three click ids.
pub const GOOGLE_CONVERSIONS: Profile = Profile {
    id: "google.conversions",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[
        EMAIL,
        PHONE,
        GIVEN_NAME,
        FAMILY_NAME,
        POSTAL,
        COUNTRY,
        Rule::clear(Kind::Gclid, PreImage::Plain).key(1),
        Rule::clear(Kind::Gbraid, PreImage::Plain).key(1),
        Rule::clear(Kind::Wbraid, PreImage::Plain).key(1),
    ],
    together: ADDRESS,
};
