//! What each destination wants identifiers to look like, as data.

use serde::Serialize;

use super::hashed::{Algorithm, Digest, HashConvention};
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
/// };
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
}

impl Profile {
    /// The rule for a kind, where the destination takes it.
    pub fn rule(&self, kind: IdentifierKind) -> Option<&'static Rule> {
        self.rules.iter().find(|rule| rule.kind == kind)
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

/// The form of a value before it is encoded, made from its canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PreImage {
    /// The address in lower case, dots and `+tag` kept.
    EmailPlain,
    /// The same; of `gmail.com` and `googlemail.com` without dots and without `+tag`, the domain kept as it is
    /// (developers.google.com/data-manager/api/devguides/concepts/formatting, read November 2026).
    EmailGmailFolded,
    /// `+` and digits.
    E164Plus,
    /// Digits with the country code; no `+`.
    E164Digits,
    /// `+` and digits; the destination matches on the digits alone too, so digests of either form are taken (TikTok:
    /// the help page asks for E.164, and the sample digest it prints is of the number without `+`; read November 2026).
    E164PlusOrDigits,
    /// The name in lower case, single spaces kept.
    NamePlain,
    /// The name in lower case without white space and ASCII punctuation; letters of every script kept.
    NameLetters,
    /// The id as it is.
    ExternalIdPlain,
}

impl PreImage {
    /// Whether a digest made by that convention can stand for this pre-image.
    pub const fn accepts(self, convention: HashConvention) -> bool {
        use HashConvention as Declared;
        matches!(
            (self, convention),
            (Self::EmailPlain, Declared::EmailPlain)
                | (Self::EmailGmailFolded, Declared::EmailGmailFolded)
                | (Self::E164Plus, Declared::E164Plus)
                | (Self::E164Digits, Declared::E164Digits)
                | (Self::E164PlusOrDigits, Declared::E164Plus | Declared::E164Digits)
                | (Self::NamePlain, Declared::NamePlain)
                | (Self::NameLetters, Declared::NameLetters)
                | (Self::ExternalIdPlain, Declared::ExternalIdPlain)
        )
    }

    /// Appends the pre-image of a canonical value to `out`; leaves it empty when nothing remains.
    pub(super) fn write(self, canonical: &str, out: &mut String) {
        match self {
            Self::EmailPlain | Self::E164Plus | Self::E164PlusOrDigits | Self::NamePlain | Self::ExternalIdPlain => {
                out.push_str(canonical);
            }
            Self::EmailGmailFolded => fold_gmail(canonical, out),
            Self::E164Digits => out.push_str(canonical.trim_start_matches(['+', '0'])),
            Self::NameLetters => {
                out.extend(canonical.chars().filter(|c| !c.is_whitespace() && !c.is_ascii_punctuation()));
            }
        }
    }
}

fn fold_gmail(address: &str, out: &mut String) {
    let Some((local, domain @ ("gmail.com" | "googlemail.com"))) = address.rsplit_once('@') else {
        out.push_str(address);
        return;
    };
    let local = local.split_once('+').map_or(local, |(name, _)| name);
    out.extend(local.chars().filter(|c| *c != '.'));
    // A local part that was all tag is nobody's address.
    if !out.is_empty() {
        out.push('@');
        out.push_str(domain);
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

/// The profiles of the built-in destinations.
pub mod profiles {
    use super::{Encoding, IdentifierKind, KeyedBy, PreImage, Profile, Rule};

    /// Meta custom audiences: multi-key rows of hashed identifiers and a clear `EXTERN_ID`.
    ///
    /// Names keep their letters of every script, as Meta's current parameter builder does; phones are digits with
    /// country code and without leading zeros (Marketing API, customer file custom audiences; SDK
    /// `capi-param-builder`; read November 2026). Meta sets no limit of e-mails or phones per person: one row is one
    /// e-mail, and five of each is this crate's own bound. Names alone hardly ever match.
    pub const META_CUSTOM_AUDIENCE: Profile = Profile {
        id: "meta.custom_audience",
        version: 1,
        keyed_by: KeyedBy::Identifiers,
        rules: &[
            clear_external_id(true),
            hashed(IdentifierKind::Email, PreImage::EmailPlain, 5, true),
            hashed(IdentifierKind::Phone, PreImage::E164Digits, 5, true),
            hashed(IdentifierKind::FirstName, PreImage::NameLetters, 1, false),
            hashed(IdentifierKind::LastName, PreImage::NameLetters, 1, false),
        ],
    };

    /// Mixpanel: the member id is the distinct id; nothing else identifies.
    ///
    /// E-mail, phone and names are not sent, neither clear nor hashed: analytics keys on the host's stable id, and raw
    /// contact data would only be a copy to lose. A host that wants them as traits maps them as attributes.
    pub const MIXPANEL: Profile =
        Profile { id: "mixpanel", version: 1, keyed_by: KeyedBy::MemberId, rules: &[clear_external_id(false)] };

    /// A warehouse: the member id is the key of the row, and no identifier is sent.
    ///
    /// The public tables hold the member key and the mapped attributes. An analyst joins on the key; whoever wants
    /// digests or clear contact data beside it maps them as attributes, or brings a profile of their own.
    pub const WAREHOUSE: Profile = Profile { id: "warehouse", version: 1, keyed_by: KeyedBy::MemberId, rules: &[] };

    const fn hashed(kind: IdentifierKind, pre_image: PreImage, limit: usize, matches_alone: bool) -> Rule {
        Rule { kind, pre_image, encoding: Encoding::Sha256Hex, limit, matches_alone }
    }

    const fn clear_external_id(matches_alone: bool) -> Rule {
        Rule {
            kind: IdentifierKind::ExternalId,
            pre_image: PreImage::ExternalIdPlain,
            encoding: Encoding::Clear,
            limit: 1,
            matches_alone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pre_image(of: PreImage, canonical: &str) -> String {
        let mut out = String::new();
        of.write(canonical, &mut out);
        out
    }

    #[test]
    fn gmail_is_folded_and_nothing_else_is() {
        // identity.md 4.3, profile google
        let folded = |address| pre_image(PreImage::EmailGmailFolded, address);
        assert_eq!(folded("nora.quist+vip@gmail.com"), "noraquist@gmail.com");
        assert_eq!(folded("nora.quist@googlemail.com"), "noraquist@googlemail.com");
        assert_eq!(folded("nora.quist+vip@gmailfoo.com"), "nora.quist+vip@gmailfoo.com");
        assert_eq!(folded("ola.berg@fjord.example"), "ola.berg@fjord.example");
        assert_eq!(folded("+tag@gmail.com"), "");
    }

    #[test]
    fn names_keep_the_letters_of_every_script() {
        let letters = |name| pre_image(PreImage::NameLetters, name);
        assert_eq!(letters("o'brien-smith jr."), "obriensmithjr");
        assert_eq!(letters("maría josé"), "maríajosé");
        assert_eq!(letters("정"), "정");
        assert_eq!(letters("-."), "");
    }

    #[test]
    fn phones_lose_the_plus() {
        assert_eq!(pre_image(PreImage::E164Digits, "+390612345678"), "390612345678");
        assert_eq!(pre_image(PreImage::E164Plus, "+390612345678"), "+390612345678");
    }

    #[test]
    fn no_profile_names_a_kind_twice() {
        for profile in [profiles::META_CUSTOM_AUDIENCE, profiles::MIXPANEL, profiles::WAREHOUSE] {
            for rule in profile.rules {
                assert_eq!(profile.rules.iter().filter(|other| other.kind == rule.kind).count(), 1);
                assert_eq!(profile.rule(rule.kind), Some(rule));
            }
        }
    }

    #[test]
    fn a_pre_image_accepts_the_digests_made_of_it() {
        use HashConvention as Declared;
        let own = [
            (PreImage::EmailPlain, Declared::EmailPlain),
            (PreImage::EmailGmailFolded, Declared::EmailGmailFolded),
            (PreImage::E164Plus, Declared::E164Plus),
            (PreImage::E164Digits, Declared::E164Digits),
            (PreImage::NamePlain, Declared::NamePlain),
            (PreImage::NameLetters, Declared::NameLetters),
            (PreImage::ExternalIdPlain, Declared::ExternalIdPlain),
        ];
        for (pre_image, _) in own {
            for (other, convention) in own {
                assert_eq!(pre_image.accepts(convention), pre_image == other, "{pre_image:?} {convention:?}");
            }
        }
        let accepted = own.map(|(_, convention)| PreImage::E164PlusOrDigits.accepts(convention));
        assert_eq!(accepted, [false, false, true, true, false, false, false]);
        assert!(!PreImage::EmailPlain.accepts(Declared::EmailReddit));
    }

    #[test]
    fn an_encoding_takes_its_own_form_and_the_digests_it_names() {
        let forms = [
            WireValue::Sha256([1; 32]),
            WireValue::clear("a@quist.se"),
            WireValue::Sha256Base64([1; 32]),
            WireValue::Sha512(Box::new([1; 64])),
            WireValue::Sha1([1; 20]),
            WireValue::Md5([1; 16]),
        ];
        let rule = Rule {
            kind: IdentifierKind::Email,
            pre_image: PreImage::EmailPlain,
            encoding: Encoding::Clear,
            limit: 1,
            matches_alone: true,
        };
        let hex = Rule { encoding: Encoding::Sha256Hex, ..rule };
        let base64 = Rule { encoding: Encoding::Sha256Base64, ..rule };
        for (rule, taken) in [
            (hex, &[0][..]),
            (rule, &[1]),
            (base64, &[2]),
            (hex.or_digests(&[Algorithm::Sha512, Algorithm::Md5]), &[0, 3, 5]),
            (rule.or_digests(&[Algorithm::Sha256, Algorithm::Sha1]), &[0, 1, 4]),
            (rule.or_digests(&[Algorithm::Sha256]).or_digests(&[Algorithm::Md5]), &[1, 5]),
            (base64.or_digests(Algorithm::ALL), &[2]),
        ] {
            let found: Vec<_> = (0..forms.len()).filter(|at| rule.encoding.takes(&forms[*at])).collect();
            assert_eq!(found, taken, "{:?}", rule.encoding);
        }
        let json = serde_json::to_string(&hex.or_digests(&[Algorithm::Sha512]).encoding).unwrap();
        assert_eq!(json, r#"{"sha256_hex_or":["sha512"]}"#);
    }
}
