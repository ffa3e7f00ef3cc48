//! What a file was like, as numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::kind::IdentifierKind;
use super::super::region::Region;
use super::typos::TypoCount;

/// What the values of a run were like: how many can be used, why others cannot, what repeats, whom each destination will
/// receive, and what would help most.
///
/// Counts, domains of likely typing slips and digests; never a person's value. `Display` writes it as text, and
/// [`Self::sections`] is the same for any other form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct HygieneReport {
    /// Members seen.
    pub members: u64,
    /// Members with at least one usable value of any kind.
    pub members_usable: u64,
    /// By kind; kinds that never occurred are left out.
    pub kinds: BTreeMap<IdentifierKind, KindCounts>,
    /// How many identifiers members have.
    pub coverage: Coverage,
    /// Addresses that match badly.
    pub email: EmailQuality,
    /// Domains that were likely typed wrong, the most frequent first.
    pub typos: Vec<TypoCount>,
    /// What repeats across members, by kind; of the kinds that identify a person.
    pub repeats: BTreeMap<IdentifierKind, RepeatCounts>,
    /// Members whose usable values are all the same as another one's.
    pub repeated_rows: RepeatCounts,
    /// The countries of the phones.
    pub geography: Geography,
    /// What each destination would receive, in the order of the rules.
    pub destinations: Vec<DestinationCounts>,
    /// What would help, the biggest gain first.
    pub levers: Vec<Lever>,
}

/// Counts of one kind. `present` is `usable` and `rejected` together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct KindCounts {
    /// Values given; equal values of one member count once, a cell of several counts each.
    pub present: u64,
    /// Values that became canonical, and digests.
    pub usable: u64,
    /// Members with a usable value.
    pub members: u64,
    /// Members with a value that is not empty, usable or not. All other members miss the kind.
    pub members_given: u64,
    /// Values refused, by [code](super::super::Reject::code); `placeholder` and `missing` are among them.
    pub rejected: BTreeMap<Cow<'static, str>, u64>,
    /// Usable values by [note](super::super::Notes::words); one value may have several.
    pub notes: BTreeMap<Cow<'static, str>, u64>,
}

/// How many members have none, one, two, and three or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Coverage {
    /// Usable identifiers by which a person can be found; names are none.
    pub identifiers: [u64; 4],
    /// Different kinds of such identifiers.
    pub kinds: [u64; 4],
}

/// Addresses that match badly, by the notes of the values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EmailQuality {
    /// Addresses of a function, not of a person (`info@`, `sales@`).
    pub role: u64,
    /// Addresses of services that hand them out for minutes.
    pub disposable: u64,
    /// Addresses that a marketplace or platform hands out in place of the person's own: they cannot match.
    pub relay: u64,
}

/// What repeats across members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RepeatCounts {
    /// Occurrences: one for each member and value.
    pub seen: u64,
    /// Different values.
    pub distinct: u64,
    /// Values that more than one member has.
    pub repeated: u64,
    /// Occurrences of those. `repeated_members - repeated` would go if each were kept once.
    pub repeated_members: u64,
    /// More members than this is shared: an office, a family, a filler.
    pub shared_above: u64,
    /// Values that more than [`Self::shared_above`] members have.
    pub shared: u64,
    /// Occurrences of those.
    pub shared_members: u64,
    /// The standard error of the numbers of values in thousandths; 0 where they are exact.
    pub error_permille: u32,
    /// The most repeated values, the most frequent first.
    pub top: Vec<TopRepeat>,
    /// By how much a count of [`Self::top`] may be too low; 0 where they are exact.
    pub top_shortfall: u64,
}

/// A value that many members have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TopRepeat {
    /// What to look it up by, never the value. Without a key the first six hex digits of the SHA-256 of the canonical
    /// value: enough to find it in one's own data (`left(sha2(email), 6)`), too few to guess it without. With a
    /// [key](super::HygieneRules::with_key) 16 digits of a keyed hash.
    pub digest: String,
    /// Members with the value.
    pub members: u64,
}

/// The countries of the phones, by calling code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Geography {
    /// Usable phones by country calling code.
    pub calling_codes: BTreeMap<u16, u64>,
    /// Phones of members with a readable country.
    pub compared: u64,
    /// Of those, phones of another country than the member's.
    pub mismatched: u64,
    /// Members whose country is given and unreadable.
    pub unreadable: u64,
    /// The most frequent mismatches, at most ten.
    pub mismatches: Vec<Mismatch>,
}

/// Phones of one calling code in rows of one country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mismatch {
    /// The members' country.
    pub country: Region,
    /// The phones' calling code.
    pub calling_code: u16,
    /// How many phones.
    pub phones: u64,
}

/// What one destination would receive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DestinationCounts {
    /// The [profile's id](super::super::Profile::id).
    pub profile: String,
    /// Members it can be told of.
    pub sendable_members: u64,
    /// Identifiers sent of them.
    pub sendable_keys: u64,
    /// Those by kind, in the profile's order for kinds; kinds that it takes and nobody has stand here with 0.
    pub keys: BTreeMap<IdentifierKind, u64>,
    /// Values of the profile's kinds that are not sent, by code.
    pub not_sent: BTreeMap<Cow<'static, str>, u64>,
    /// What it may find of them. Nothing where rows are keyed by the member id, and where no figure is known.
    pub expected: Option<ExpectedMatches>,
}

/// Members that a destination may find. **Indicative**: see [`MatchRates`](super::MatchRates).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ExpectedMatches {
    /// At least.
    pub low: u64,
    /// At most.
    pub high: u64,
}

/// Something the host could do, and what it would gain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "lever")]
#[non_exhaustive]
pub enum Lever {
    /// National phone numbers cannot be read: set a default region.
    DefaultRegion {
        /// The region under which most of them are valid numbers, of the countries of the file.
        region: Region,
        /// Phones without a region.
        phones: u64,
        /// Of these, valid ones under that region; scaled up from a sample where there are many.
        gain: u64,
    },
    /// Domains with typing slips: correct them at the source.
    CorrectTypos {
        /// Addresses that would become reachable.
        gain: u64,
    },
    /// Digits lost in a spreadsheet: export the column as text.
    ExportAsText {
        /// Phones that are damaged.
        gain: u64,
    },
}

impl Lever {
    /// How many values it would gain.
    pub const fn gain(&self) -> u64 {
        match self {
            Self::DefaultRegion { gain, .. } | Self::CorrectTypos { gain } | Self::ExportAsText { gain } => *gain,
        }
    }
}
