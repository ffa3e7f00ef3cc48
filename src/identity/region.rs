//! Regions, as far as reading a national phone number needs them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clean;
use crate::error::{Error, ErrorKind, Result};

/// A country or territory by its ISO 3166-1 alpha-2 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region([u8; 2]);

/// ISO 3166-1 alpha-2 as of November 2026, and `XK`, the user-assigned code that is in general use for Kosovo.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI \
    FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR \
    IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM \
    MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT \
    PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM \
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

impl Region {
    /// Reads a code in either case. `UK` is read as `GB` and `EL` as `GR`, as the European Union writes them; names
    /// and three-letter codes are not guessed at.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it is not such a code.
    pub fn parse(code: &str) -> Result<Self> {
        Self::read(code).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!("expected a two-letter country code such as DE (ISO 3166-1), found {} bytes", code.len()),
            )
        })
    }

    pub(super) fn read(code: &str) -> Option<Self> {
        let code = match <[u8; 2]>::try_from(code.trim().as_bytes()).ok()?.map(|byte| byte.to_ascii_uppercase()) {
            [b'U', b'K'] => *b"GB",
            [b'E', b'L'] => *b"GR",
            code => code,
        };
        CODES.split(' ').any(|known| known.as_bytes() == code).then_some(Self(code))
    }

    /// The code: two upper-case letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

impl TryFrom<String> for Region {
    type Error = Error;

    fn try_from(code: String) -> Result<Self> {
        Self::parse(&code)
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.as_str().to_owned()
    }
}

/// What is known about the region of one member's phone numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionHint {
    /// Nothing: the default region applies, where there is one.
    #[default]
    Unset,
    /// The member's own country.
    Known(Region),
    /// A country is given and is not an ISO 3166-1 code. No region is guessed, and the default does not apply either.
    Unreadable,
}

impl RegionHint {
    /// What a country column says.
    pub(super) fn read(code: &str) -> Self {
        let code = code.trim();
        // `NA` is Namibia here, so the codes come before the null-like words.
        match Region::read(code) {
            Some(region) => Self::Known(region),
            None if clean::is_null_like(code) => Self::Unset,
            None => Self::Unreadable,
        }
    }
}

impl From<Region> for RegionHint {
    fn from(region: Region) -> Self {
        Self::Known(region)
    }
}

impl From<Option<Region>> for RegionHint {
    fn from(region: Option<Region>) -> Self {
        region.map_or(Self::Unset, Self::Known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_codes_and_guesses_nothing() {
        assert_eq!(Region::parse(" de ").unwrap().as_str(), "DE");
        assert_eq!(Region::parse("uk").unwrap().as_str(), "GB");
        assert_eq!(Region::parse("EL").unwrap().as_str(), "GR");
        for bad in ["", "D", "DEU", "Germany", "ZZ", "E ", "ü", "49"] {
            assert_eq!(Region::parse(bad).unwrap_err().kind(), ErrorKind::Config, "{bad}");
        }
        assert_eq!(serde_json::to_string(&Region::parse("us").unwrap()).unwrap(), "\"US\"");
        assert!(serde_json::from_str::<Region>("\"XX\"").is_err());
    }

    #[test]
    fn the_table_has_every_country_once() {
        let codes: std::collections::BTreeSet<_> = CODES.split(' ').collect();
        // 249 officially assigned codes (iso.org, November 2026) and XK.
        assert_eq!((codes.len(), CODES.split(' ').count()), (250, 250));
        assert!(codes.iter().all(|code| code.len() == 2));
    }
}
