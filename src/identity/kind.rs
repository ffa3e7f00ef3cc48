//! The kinds of identifiers.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $word:literal;)*) => {
        /// What an identifier is.
        ///
        /// The derived kinds (`first_initial`, `birth_year`, `birth_month`, `birth_day`) are columns that profiles make
        /// from another kind; see [`Self::source`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum IdentifierKind {
            $($(#[$doc])* $name,)*
        }

        impl IdentifierKind {
            /// Every kind, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind as a stable word, as it stands in configurations and reports.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The kind as a number, as it stands in stored state. Never given to another kind.
            #[cfg(feature = "engine")]
            pub(crate) const fn code(self) -> u8 {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

kinds! {
    /// An e-mail address.
    Email = 1, "email";
    /// A phone number.
    Phone = 2, "phone";
    /// The host's own id of the person, as the destination knows it. Case counts.
    ExternalId = 3, "external_id";
    /// A given name.
    FirstName = 4, "first_name";
    /// A family name.
    LastName = 5, "last_name";
    /// A gender, as far as platforms know it: `m` or `f`.
    Gender = 6, "gender";
    /// A date of birth.
    BirthDate = 7, "birth_date";
    /// Street and house number.
    Street = 8, "street";
    /// A city.
    City = 9, "city";
    /// A state, province or the like.
    Region = 10, "region";
    /// A postcode.
    Postal = 11, "postal";
    /// A country.
    Country = 12, "country";
    /// Apple's advertising id.
    Idfa = 13, "idfa";
    /// Google's advertising id (AAID).
    Gaid = 14, "gaid";
    /// An IP address.
    Ip = 15, "ip";
    /// A browser's user agent.
    UserAgent = 16, "user_agent";
    /// Google's click id.
    Gclid = 17, "gclid";
    /// Google's click id of iOS apps that lead to the web.
    Gbraid = 18, "gbraid";
    /// Google's click id of the web that leads to iOS apps.
    Wbraid = 19, "wbraid";
    /// Meta's click id as its cookie holds it: `fb.1.1700000000000.AbC`.
    Fbc = 20, "fbc";
    /// Meta's browser id.
    Fbp = 21, "fbp";
    /// Meta's click id as the address bar holds it.
    Fbclid = 22, "fbclid";
    /// TikTok's click id.
    Ttclid = 23, "ttclid";
    /// TikTok's browser id.
    Ttp = 24, "ttp";
    /// Microsoft's click id.
    Msclkid = 25, "msclkid";
    /// Snapchat's click id (`ScCid`).
    ScClickId = 26, "sc_click_id";
    /// Pinterest's click id.
    Epik = 27, "epik";
    /// X's click id.
    Twclid = 28, "twclid";
    /// Reddit's click id.
    RdtCid = 29, "rdt_cid";
    /// LinkedIn's click id.
    LiFatId = 30, "li_fat_id";
    /// Impact's click id.
    Irclickid = 31, "irclickid";
    /// A raw UID2, not an advertising token.
    Uid2 = 32, "uid2";
    /// A raw EUID, not an advertising token.
    Euid = 33, "euid";
    /// LiveRamp's id.
    RampId = 34, "ramp_id";
    /// The name of an account at a platform, without `@`.
    Handle = 35, "handle";
    /// The id of an account at a platform.
    PlatformUserId = 36, "platform_user_id";
    /// The first letter of the given name. Derived.
    FirstInitial = 37, "first_initial";
    /// The year of birth. Derived.
    BirthYear = 38, "birth_year";
    /// The month of birth. Derived.
    BirthMonth = 39, "birth_month";
    /// The day of birth. Derived.
    BirthDay = 40, "birth_day";
}

impl IdentifierKind {
    /// The kind this one is made from: itself, for all but the derived ones.
    ///
    /// Plain values of a derived kind are refused (`derived_kind`): give the source. A digest of one is taken.
    #[must_use]
    pub const fn source(self) -> Self {
        match self {
            Self::FirstInitial => Self::FirstName,
            Self::BirthYear | Self::BirthMonth | Self::BirthDay => Self::BirthDate,
            kind => kind,
        }
    }

    /// Whether a destination takes only one of this and its siblings: Google's `gclid`, `gbraid` and `wbraid`.
    pub(super) const fn is_google_click(self) -> bool {
        matches!(self, Self::Gclid | Self::Gbraid | Self::Wbraid)
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// The kind of that number.
    #[cfg(feature = "engine")]
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for IdentifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_word_is_the_one_serde_writes() {
        for kind in IdentifierKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.as_str()));
            assert_eq!(IdentifierKind::from_word(kind.as_str()), Some(*kind));
        }
        assert_eq!(IdentifierKind::from_word("Email"), None);
    }

    #[cfg(feature = "engine")]
    #[test]
    fn numbers_are_unique_and_those_in_use_stay() {
        let codes: BTreeSet<_> = IdentifierKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), IdentifierKind::ALL.len());
        use IdentifierKind::{Email, ExternalId, FirstName, LastName, Phone};
        assert_eq!([Email, Phone, ExternalId, FirstName, LastName].map(IdentifierKind::code), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_source_is_its_own_source() {
        for kind in IdentifierKind::ALL {
            assert_eq!(kind.source().source(), kind.source());
        }
    }
}
