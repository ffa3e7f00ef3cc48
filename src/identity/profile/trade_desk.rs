//! The Trade Desk, UID2 and EUID.
//!
//! Source: github IABTechLab/uid2docs `docs/getting-started/gs-normalization-encoding.md` (August 2026) and the
//! operator's `InputUtil.java`. Digests go out as base64 of the raw digest.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

const EMAIL: Rule = Rule::base64(Kind::Email, PreImage::EmailUid2).key(5);
const PHONE: Rule = Rule::base64(Kind::Phone, PreImage::E164Uid2).key(5);

/// UID2's identity map. Raw UID2s that the host holds already go out as they are.
pub const UID2: Profile = Profile {
    id: "uid2",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[EMAIL, PHONE, Rule::clear(Kind::Uid2, PreImage::Plain).key(5)],
    together: &[],
};

/// EUID's identity map: as [`UID2`], for Europe.
pub const EUID: Profile =
    Profile { id: "euid", rules: &[EMAIL, PHONE, Rule::clear(Kind::Euid, PreImage::Plain).key(5)], ..UID2 };

/// The Trade Desk's CRM data: hashed contact data, device ids and universal ids.
pub const TTD_CRM: Profile = Profile {
    id: "ttd.crm",
    rules: &[
        EMAIL,
        PHONE,
        Rule::clear(Kind::Uid2, PreImage::Plain).key(5),
        Rule::clear(Kind::Euid, PreImage::Plain).key(5),
        Rule::clear(Kind::RampId, PreImage::Plain).key(5),
        Rule::clear(Kind::Idfa, PreImage::Plain).key(5),
        Rule::clear(Kind::Gaid, PreImage::Plain).key(5),
    ],
    ..UID2
};
