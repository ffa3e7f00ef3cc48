//! What share of the members a destination may find: bands to be replaced by what the host has measured.

use serde::{Deserialize, Serialize};

/// A band in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateBand {
    /// The lower end, 0 to 100.
    pub low: u8,
    /// The upper end, 0 to 100.
    pub high: u8,
}

impl RateBand {
    /// A band from `low` to `high` percent; values above 100 are 100.
    pub const fn new(low: u8, high: u8) -> Self {
        Self { low: if low > 100 { 100 } else { low }, high: if high > 100 { 100 } else { high } }
    }
}

/// The bands of one family of destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchRate {
    /// The first part of the [profile's id](super::super::Profile::id), as `meta` of `meta.custom_audience`; or the
    /// whole id, which goes before the part.
    pub destination: String,
    /// Members with one good identifier: an e-mail, or a phone.
    pub one: RateBand,
    /// Members with several good ones: e-mail and phone, names beside them or not.
    pub several: RateBand,
}

/// Which share of the members each destination may find. **Indicative**: no vendor publishes such a figure.
///
/// The default holds cautious estimates around what vendors and trade blogs claim (advergize.com, "Customer Match";
/// bigdbm.com, "How to audit match rates"; read November 2026): marketing material without a method. Replace it by the
/// host's own rates, the audience size a platform reports over the members sent, as soon as there are any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchRates {
    /// The bands, by destination.
    pub rates: Vec<MatchRate>,
    /// What a doubtful identifier is worth, in percent of a good one: a role or disposable address, a phone that is only
    /// possible. 50 by default; an estimate.
    pub doubtful: u8,
}

impl Default for MatchRates {
    fn default() -> Self {
        let rate = |destination: &str, one: (u8, u8), several: (u8, u8)| MatchRate {
            destination: destination.to_owned(),
            one: RateBand::new(one.0, one.1),
            several: RateBand::new(several.0, several.1),
        };
        let mut rates = vec![
            rate("meta", (40, 70), (55, 85)),
            rate("google", (30, 60), (50, 75)),
            rate("linkedin", (20, 50), (30, 70)),
            rate("liveramp", (55, 75), (55, 75)),
        ];
        // Five to fifteen points more with a phone.
        rates.extend(["tiktok", "snapchat", "pinterest", "x", "reddit"].map(|it| rate(it, (15, 55), (20, 70))));
        // A mapping, not a match: every valid input maps, but for those who opted out.
        rates.extend(["uid2", "euid", "ttd"].map(|it| rate(it, (100, 100), (100, 100))));
        Self { rates, doubtful: 50 }
    }
}

impl MatchRates {
    /// The bands for the profile of that id; nothing where no figure is known.
    pub fn of(&self, profile: &str) -> Option<&MatchRate> {
        let family = profile.split('.').next().unwrap_or(profile);
        let named = |name: &str| self.rates.iter().find(|rate| rate.destination == name);
        named(profile).or_else(|| named(family))
    }
}

/// What a member can be found by, as one of a few classes: counts per class are all that the bands need.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Findable {
    /// Good identifiers of different kinds, at most 2.
    pub(super) good: u8,
    /// Whether there is a doubtful one.
    pub(super) doubtful: bool,
    /// Whether there is an external id, which a platform knows only where it was given it before.
    pub(super) external_id: bool,
}

pub(super) const CLASSES: usize = 12;

impl Findable {
    pub(super) const fn class(self) -> usize {
        let good = if self.good > 2 { 2 } else { self.good } as usize;
        good * 4 + self.doubtful as usize * 2 + self.external_id as usize
    }

    /// The band of a class, in ten-thousandths.
    pub(super) fn band(class: usize, rate: &MatchRate, doubtful: u8) -> (u64, u64) {
        let whole = |band: RateBand| (u64::from(band.low) * 100, u64::from(band.high) * 100);
        let part = |end: u8| u64::from(end) * u64::from(doubtful.min(100));
        let (low, high) = match (class / 4, class / 2 % 2) {
            (0, 0) => (0, 0),
            (0, _) => (part(rate.one.low), part(rate.one.high)),
            (1, _) => whole(rate.one),
            _ => whole(rate.several),
        };
        // An external id raises what may be found, never what surely is.
        if class % 2 == 1 { (low, high.max(u64::from(rate.one.high) * 100)) } else { (low, high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_id_goes_before_the_family() {
        let mut rates = MatchRates::default();
        assert_eq!(rates.of("meta.custom_audience").unwrap().one, RateBand::new(40, 70));
        rates.rates.push(MatchRate {
            destination: "meta.custom_audience".to_owned(),
            one: RateBand::new(61, 200),
            several: RateBand::new(64, 66),
        });
        assert_eq!(rates.of("meta.custom_audience").unwrap().one, RateBand::new(61, 100));
        assert_eq!(rates.of("meta.capi").unwrap().one, RateBand::new(40, 70));
        assert!(rates.of("metal").is_none());
    }

    #[test]
    fn classes_are_valued_by_their_best_identifiers() {
        let rates = MatchRates::default();
        let meta = rates.of("meta").unwrap();
        let band = |good, doubtful, external_id| {
            Findable::band(Findable { good, doubtful, external_id }.class(), meta, rates.doubtful)
        };
        assert_eq!(band(0, false, false), (0, 0));
        assert_eq!(band(0, true, false), (2_000, 3_500));
        assert_eq!(band(0, false, true), (0, 7_000));
        assert_eq!(band(1, true, false), (4_000, 7_000));
        assert_eq!(band(2, false, true), (5_500, 8_500));
    }
}
