//! Treating whole regions, where members cannot be held out one by one; and comparing with the time before.

use serde::{Deserialize, Serialize};

use super::check::{level, wrong};
use super::{Estimate, Strength, dist};
use crate::error::Result;

/// With fewer regions in an arm, the difference may be that of the regions.
const ENOUGH_REGIONS: usize = 20;
const WEEK: usize = 7;

/// Sales of one region in two periods of equal length, in any unit; both above 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a row of the host's table")]
pub struct RegionSales {
    /// Whether the region was treated in the second period.
    pub treated: bool,
    /// Sales before.
    pub before: f64,
    /// Sales after.
    pub after: f64,
}

/// A relative change, and how much the comparison behind it can carry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// The confidence level of the interval: 0.95 for 95 %.
    pub level: f64,
    /// 0.1 is 10 % more; from −1.
    pub relative: Estimate,
    /// The chance of a change at least this large where there is none, 0 to 1, two-sided.
    pub p_value: f64,
    /// How much it can carry.
    pub strength: Strength,
}

/// Difference in differences on the logarithm of sales, with errors clustered by region.
///
/// Each region counts once, with the change of its logarithm; the errors of the two arms are apart (Welch). That is what
/// clustering comes to with two periods, and it stays honest where days of one region resemble each other (Bertrand,
/// Duflo and Mullainathan 2004). Fewer than 20 regions in an arm are [`Strength::Weak`].
///
/// ```
/// use audience_sync::measure::{RegionSales, geo_split};
/// let sales = |treated, after| RegionSales { treated, before: 100.0, after };
/// let regions = [sales(true, 110.0), sales(true, 112.0), sales(false, 101.0), sales(false, 99.0)];
/// assert!((geo_split(&regions, 0.95)?.relative.value - 0.11).abs() < 0.01);
/// # Ok::<(), audience_sync::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for fewer than two regions in an arm, sales that are not above 0, and
/// a level outside 0.5 to 0.999999.
pub fn geo_split(regions: &[RegionSales], level: f64) -> Result<Change> {
    const DOING: &str = "compare regions";
    let level = self::level(DOING, level)?;
    for sales in regions.iter().flat_map(|region| [region.before, region.after]) {
        positive(DOING, sales)?;
    }
    let changes = |treated: bool| -> Vec<f64> {
        let arm = regions.iter().filter(|region| region.treated == treated);
        arm.map(|region| region.after.ln() - region.before.ln()).collect()
    };
    let (treated, others) = (changes(true), changes(false));
    if treated.len() < 2 || others.len() < 2 {
        let found = format!("{} treated and {} others", treated.len(), others.len());
        return Err(wrong(DOING, "two regions or more in each arm", found, "a single region has no spread"));
    }
    let (difference, p_value) = dist::welch(mean_error(&treated), mean_error(&others), level);
    let enough = treated.len().min(others.len()) >= ENOUGH_REGIONS;
    let strength = if enough { Strength::Sound } else { Strength::Weak };
    Ok(Change { level, relative: exp_less_one(difference), p_value, strength })
}

/// The change between two periods of whole weeks, with nobody held out: always [`Strength::Weak`].
///
/// `before` and `after` are daily figures that begin on the same weekday. Weeks are compared, not days, whose errors
/// depend on each other; season, prices and whatever else changed in between are in the result.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) when the periods are not of the same number of whole weeks, two or
/// more, a week has no sales, a figure is negative or not a number, or the level is outside 0.5 to 0.999999.
pub fn pre_post(before: &[f64], after: &[f64], level: f64) -> Result<Change> {
    const DOING: &str = "compare with the time before";
    let level = self::level(DOING, level)?;
    if before.len() != after.len() || before.len() < 2 * WEEK || !before.len().is_multiple_of(WEEK) {
        let found = format!("{} and {} days", before.len(), after.len());
        return Err(wrong(DOING, "the same number of whole weeks, two or more", found, "cut both to whole weeks"));
    }
    let weeks = |days: &[f64]| -> Result<Vec<f64>> {
        for day in days {
            super::check::amount(DOING, *day)?;
        }
        days.chunks(WEEK).map(|week| positive(DOING, week.iter().sum()).map(f64::ln)).collect()
    };
    let (before, after) = (weeks(before)?, weeks(after)?);
    let (difference, p_value) = dist::welch(mean_error(&after), mean_error(&before), level);
    Ok(Change { level, relative: exp_less_one(difference), p_value, strength: Strength::Weak })
}

fn positive(doing: &str, sales: f64) -> Result<f64> {
    if sales > 0.0 && sales.is_finite() {
        return Ok(sales);
    }
    Err(wrong(doing, "sales above 0", sales, "put regions or periods together until each has sales"))
}

/// Mean, squared standard error and degrees of freedom of two values or more.
fn mean_error(values: &[f64]) -> (f64, f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance / n, n - 1.0)
}

fn exp_less_one(log: Estimate) -> Estimate {
    Estimate::new(log.value.exp_m1(), log.low.exp_m1(), log.high.exp_m1())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn region(treated: bool, before: f64, after: f64) -> RegionSales {
        RegionSales { treated, before, after }
    }

    #[test]
    fn difference_in_differences_by_hand() {
        // Logs of the changes: treated ln 1.1, ln 1.2; others ln 1.0, ln 1.05. Means 0.1388158 and 0.0243951, so the
        // difference is 0.1144207, which is 12.12 %.
        let regions = [
            region(true, 100.0, 110.0),
            region(true, 50.0, 60.0),
            region(false, 80.0, 80.0),
            region(false, 200.0, 210.0),
        ];
        let found = geo_split(&regions, 0.95).unwrap();
        assert!((found.relative.value - 0.121_224).abs() < 5e-6, "{}", found.relative.value);
        assert!(found.relative.low < 0.0 && found.relative.high > 0.3);
        assert_eq!(found.strength, Strength::Weak);
    }

    #[test]
    fn twenty_regions_in_each_arm_are_sound() {
        let regions: Vec<_> =
            (0..40).map(|n| region(n % 2 == 0, 100.0, 100.0 + f64::from(n % 7) + f64::from(n % 2) * -10.0)).collect();
        let found = geo_split(&regions, 0.95).unwrap();
        assert_eq!(found.strength, Strength::Sound);
        assert!(found.relative.low > 0.0 && found.p_value < 0.001, "{found:?}");
        assert_eq!(geo_split(&regions[..39], 0.95).unwrap().strength, Strength::Weak);
    }

    #[test]
    fn before_and_after_is_weak_and_compares_whole_weeks() {
        let days =
            |scale: f64| -> Vec<f64> { (0..28).map(|day| scale * (100.0 + f64::from(day % 7) * 10.0)).collect() };
        let found = pre_post(&days(1.0), &days(1.25), 0.95).unwrap();
        assert!((found.relative.value - 0.25).abs() < 1e-9);
        assert_eq!(found.strength, Strength::Weak);
        for (before, after) in [(28, 27), (27, 27), (7, 7), (0, 0)] {
            let error = pre_post(&days(1.0)[..before], &days(1.0)[..after], 0.95).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{before} {after}");
        }
    }

    #[test]
    fn figures_that_have_no_logarithm_say_so() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let regions =
                [region(true, 1.0, bad), region(true, 1.0, 1.0), region(false, 1.0, 1.0), region(false, 1.0, 1.0)];
            assert!(geo_split(&regions, 0.95).is_err(), "{bad}");
            assert!(pre_post(&[bad; 14], &[1.0; 14], 0.95).is_err(), "{bad}");
        }
        assert!(geo_split(&[region(true, 1.0, 1.0), region(false, 1.0, 1.0)], 0.95).is_err());
        assert!(geo_split(&[], 0.95).is_err());
    }
}
