//! The rules by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::naming::Severity;

macro_rules! rules {
    ($($rule:ident = $code:literal, $severity:ident, $title:literal;)+) => {
        /// A rule about audiences. Prints, and is stored, as its code: `AL-012`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = concat!($code, ": ", $title, ".")] $rule,)+
        }

        impl Rule {
            /// Every rule, by code.
            pub const ALL: &[Self] = &[$(Self::$rule),+];

            /// The stable code, such as `AL-012`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$rule => $code,)+
                }
            }

            /// What the rule is about, in a few words.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$rule => $title,)+
                }
            }

            /// How bad it is, unless the policy says otherwise. Where a rule has two steps, the milder one.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$rule => Severity::$severity,)+
                }
            }
        }
    };
}

rules! {
    BroadName = "AL-001", Error, "over-broad name";
    BroadSize = "AL-002", Warning, "over-broad size";
    NoDecision = "AL-003", Error, "a description, not a decision";
    NoExclusions = "AL-004", Error, "targeting without exclusions";
    ConverterNotExcluded = "AL-005", Warning, "those who converted are not excluded";
    ShortExclusion = "AL-006", Note, "exclusion shorter than the window";
    NameDiffers = "AL-007", Error, "name and definition differ";
    NoExit = "AL-008", Error, "no exit";
    NoOwner = "AL-009", Error, "no owner";
    NoRefresh = "AL-010", Error, "no refresh expectation";
    Stale = "AL-011", Warning, "stale";
    TierOverlap = "AL-012", Error, "tiers overlap";
    TierGap = "AL-013", Warning, "gap between tiers";
    MixedUnits = "AL-014", Note, "calendar units beside days";
    FrontRunning = "AL-015", Error, "ads run before the owned journey";
    PartFrontRunning = "AL-016", Warning, "ads run partly before the owned journey";
    SlowRefresh = "AL-017", Error, "refresh slower than the window";
    SuppressionNotFirst = "AL-018", Error, "suppression not first";
    SuppressionMissing = "AL-019", Error, "required suppression missing";
    BelowMinimum = "AL-020", Warning, "below the destination's minimum";
    PersonalData = "AL-021", Error, "personal data in the name";
    SensitiveTerm = "AL-022", Warning, "sensitive term";
    NoMeasurement = "AL-023", Error, "no measurement plan";
    Underpowered = "AL-024", Warning, "underpowered plan";
    Drifted = "AL-025", Error, "definition changed under an unchanged name";
    EventRenamed = "AL-026", Error, "event probably renamed";
    Duplicate = "AL-027", Warning, "same definition twice";
    Reused = "AL-028", Error, "name or key of a deleted audience";
    FixedDate = "AL-029", Note, "fixed date in a live name";
    Unused = "AL-030", Warning, "unused";
    SizeJump = "AL-031", Warning, "size jumped";
    SiblingOverlap = "AL-032", Note, "two audiences hold the same people";
    NoFrequencyCap = "AL-033", Warning, "no frequency cap";
    NoConsentFilter = "AL-034", Error, "no consent filter";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|rule| rule.code() == text).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("lint rule: expected a code from AL-001 to AL-034, found {text:?}"))
        })
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
