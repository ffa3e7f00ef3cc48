//! Microsoft Advertising.

use super::{KeyedBy, PreImage, Profile, Rule};
use crate::identity::IdentifierKind as Kind;

/// Microsoft customer match lists (learn.microsoft.com, bulk "Customer List Item").
///
/// Text in Microsoft's own pages on enhanced conversions asks to drop `+tag` and dots of every domain: a host that finds
/// the same of its lists changes the rule to [`PreImage::EmailFolded`].
pub const MICROSOFT: Profile = Profile {
    id: "microsoft",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[Rule::hex(Kind::Email, PreImage::EmailPlain).key(5)],
    together: &[],
};

/// Microsoft's conversions (UET). Peers send phones without the `+` that the page asks for:
/// [`PreImage::E164Digits`] for their way.
pub const MICROSOFT_CONVERSIONS: Profile = Profile {
    id: "microsoft.conversions",
    rules: &[
        Rule::hex(Kind::Email, PreImage::EmailPlain).key(5),
        Rule::hex(Kind::Phone, PreImage::E164Plus).key(5),
        Rule::clear(Kind::Ip, PreImage::Plain),
        Rule::clear(Kind::UserAgent, PreImage::Plain),
        Rule::clear(Kind::Msclkid, PreImage::Plain).key(1),
    ],
    ..MICROSOFT
};
