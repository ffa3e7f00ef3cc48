//! What the treated spent beyond those held out.

use serde::{Deserialize, Serialize};

use super::check::{amount, level, members, wrong};
use super::{Estimate, Finding, dist};
use crate::error::Result;

/// The part of all members that is left as it is when the greatest amounts are capped.
const CAPPED_ABOVE: f64 = 0.999;

/// An arm's members and what those spent who spent anything.
///
/// `Debug` shows the counts alone.
#[derive(Clone, PartialEq)]
pub struct ArmRevenue {
    members: u64,
    /// In ascending order.
    amounts: Vec<f64>,
}

impl ArmRevenue {
    /// Everybody who was assigned to the arm (2 to 2⁵³), and one sum for each of them who spent something in the window,
    /// in any currency, 0 to 10¹⁵. The others count with nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for fewer than two members, more amounts than members, and an
    /// amount that is negative, not a number, or beyond the range.
    pub fn new(members: u64, amounts: impl IntoIterator<Item = f64>) -> Result<Self> {
        const DOING: &str = "count an arm's revenue";
        self::members(DOING, members)?;
        if members < 2 {
            return Err(wrong(DOING, "2 members or more", members, "one member has no spread"));
        }
        let mut amounts = amounts.into_iter().map(|it| amount(DOING, it)).collect::<Result<Vec<_>>>()?;
        if amounts.len() as u64 > members {
            let expected = format!("at most {members} amounts, as many as members");
            return Err(wrong(DOING, &expected, amounts.len(), "add each member's purchases up"));
        }
        amounts.sort_by(f64::total_cmp);
        Ok(Self { members, amounts })
    }

    /// Members of the arm.
    pub fn members(&self) -> u64 {
        self.members
    }

    /// Revenue per member, those who spent nothing included.
    pub fn mean(&self) -> f64 {
        self.moments(f64::INFINITY).0
    }

    /// Mean and sample variance over all members, amounts above `cap` counted as `cap`.
    fn moments(&self, cap: f64) -> (f64, f64) {
        let n = self.members as f64;
        let mean = self.amounts.iter().map(|it| it.min(cap)).sum::<f64>() / n;
        let spread: f64 = self.amounts.iter().map(|it| (it.min(cap) - mean).powi(2)).sum();
        let zeros = n - self.amounts.len() as f64;
        (mean, (spread + zeros * mean * mean) / (n - 1.0))
    }
}

impl std::fmt::Debug for ArmRevenue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArmRevenue").field("members", &self.members).field("amounts", &self.amounts.len()).finish()
    }
}

/// Revenue of two arms compared, on everybody who was assigned. In the currency of the amounts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RevenueLift {
    /// The confidence level of every interval here: 0.95 for 95 %.
    pub level: f64,
    /// Difference of the revenue per member, with Welch's interval.
    pub per_member: Estimate,
    /// Revenue beyond what the treated would have brought untreated: the same, times the treated members.
    pub incremental: Estimate,
    /// The chance of a difference at least this large where there is none, 0 to 1, two-sided (Welch's test).
    pub p_value: f64,
    /// A second figure, in which a few very large purchases cannot decide.
    pub capped: Capped,
}

/// Revenue per member with the greatest amounts brought down (winsorised).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Capped {
    /// Amounts above this one counted as this one: the 99.9th percentile of all members of both arms.
    pub at: f64,
    /// Difference of the revenue per member then.
    pub per_member: Estimate,
}

impl RevenueLift {
    /// Compares two arms at a confidence level of 0.5 to 0.999999; 0.95 is usual.
    ///
    /// ```
    /// use audience_sync::measure::{ArmRevenue, RevenueLift};
    /// let treated = ArmRevenue::new(4, [12.0, 30.0, 18.0])?;
    /// let held_out = ArmRevenue::new(4, [10.0])?;
    /// assert_eq!(RevenueLift::between(&treated, &held_out, 0.95)?.incremental.value, 50.0);
    /// # Ok::<(), audience_sync::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when the level is outside its range.
    pub fn between(treated: &ArmRevenue, held_out: &ArmRevenue, level: f64) -> Result<Self> {
        let level = self::level("compare revenue", level)?;
        let (per_member, p_value) = welch(treated, held_out, f64::INFINITY, level);
        let at = percentile(treated, held_out);
        let capped = Capped { at, per_member: welch(treated, held_out, at, level).0 };
        Ok(Self { level, per_member, incremental: per_member.times(treated.members as f64), p_value, capped })
    }

    /// What the interval of the revenue per member says.
    pub fn finding(&self) -> Finding {
        self.per_member.finding()
    }
}

/// Welch's interval and test of a difference of means (Welch 1947).
fn welch(treated: &ArmRevenue, held_out: &ArmRevenue, cap: f64, level: f64) -> (Estimate, f64) {
    let part = |arm: &ArmRevenue| {
        let (mean, variance) = arm.moments(cap);
        (mean, variance / arm.members as f64, (arm.members - 1) as f64)
    };
    dist::welch(part(treated), part(held_out), level)
}

/// The 99.9th percentile of all members of both arms (nearest rank); those who spent nothing are the lowest.
fn percentile(treated: &ArmRevenue, held_out: &ArmRevenue) -> f64 {
    let mut amounts = [treated.amounts.as_slice(), held_out.amounts.as_slice()].concat();
    amounts.sort_by(f64::total_cmp);
    let all = treated.members + held_out.members;
    let above = all - (all as f64 * CAPPED_ABOVE).ceil() as u64;
    let rank = (amounts.len() as u64).checked_sub(above + 1).and_then(|rank| usize::try_from(rank).ok());
    rank.and_then(|rank| amounts.get(rank)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, wanted: f64, tolerance: f64) {
        assert!((value - wanted).abs() <= tolerance, "{value} is not {wanted}");
    }

    #[test]
    fn welch_by_hand() {
        // 0, 12, 18, 30: mean 15, variance (225 + 9 + 9 + 225) / 3 = 156. 0, 0, 0, 10: mean 2.5, variance 25.
        let (treated, held_out) =
            (ArmRevenue::new(4, [30.0, 12.0, 18.0]).unwrap(), ArmRevenue::new(4, [10.0]).unwrap());
        let lift = RevenueLift::between(&treated, &held_out, 0.95).unwrap();
        near(lift.per_member.value, 12.5, 1e-12);
        // 39 + 6.25 = 45.25; degrees 45.25² / (39² / 3 + 6.25² / 3) = 2047.5625 / 520.0208 = 3.93746; t there is between
        // those of 3 (3.182) and 4 (2.776) degrees, near the latter: reach 2.776 to 2.82 times √45.25 = 6.72681.
        let reach = lift.per_member.high - lift.per_member.value;
        assert!((2.776 * 6.726_81..2.82 * 6.726_81).contains(&reach), "{reach}");
        near(lift.per_member.value - lift.per_member.low, reach, 1e-9);
        near(lift.incremental.value, 50.0, 1e-12);
        // t = 12.5 / 6.72681 = 1.858: between 10 % (2.132 at 4 degrees) and 20 % (1.533).
        assert!((0.10..0.20).contains(&lift.p_value), "{}", lift.p_value);
        assert_eq!(lift.finding(), Finding::NotShown);
    }

    #[test]
    fn one_very_large_purchase_decides_nothing_in_the_second_figure() {
        // 2,000 members in each arm, all of them spend 10; one of the treated spends 100,000. The 99.9th percentile of
        // 4,000 is the fifth greatest: 10.
        let held_out = ArmRevenue::new(2_000, (0..2_000).map(|_| 10.0)).unwrap();
        let treated = ArmRevenue::new(2_000, (0..1_999).map(|_| 10.0).chain([100_000.0])).unwrap();
        let lift = RevenueLift::between(&treated, &held_out, 0.95).unwrap();
        near(lift.per_member.value, 99_990.0 / 2_000.0, 1e-9);
        assert_eq!((lift.capped.at, lift.capped.per_member.value), (10.0, 0.0));
    }

    #[test]
    fn nobody_spent_anything() {
        let arm = ArmRevenue::new(10, []).unwrap();
        let lift = RevenueLift::between(&arm, &arm, 0.95).unwrap();
        assert_eq!((lift.per_member.low, lift.per_member.high, lift.p_value), (0.0, 0.0, 1.0));
        assert_eq!(lift.finding(), Finding::NotShown);
    }

    #[test]
    fn amounts_that_cannot_be_say_so_and_are_not_shown() {
        for bad in [f64::NAN, f64::INFINITY, -5.0, 1e16] {
            assert!(ArmRevenue::new(10, [bad]).is_err(), "{bad}");
        }
        assert!(ArmRevenue::new(1, []).is_err());
        assert_eq!(
            ArmRevenue::new(2, [1.0, 2.0, 3.0]).unwrap_err().to_string(),
            "count an arm's revenue: expected at most 2 amounts, as many as members, found 3; \
             add each member's purchases up"
        );
        assert_eq!(format!("{:?}", ArmRevenue::new(3, [77.5]).unwrap()), "ArmRevenue { members: 3, amounts: 1 }");
    }
}
