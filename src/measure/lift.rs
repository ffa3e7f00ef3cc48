//! What the treated did beyond those held out.

use serde::{Deserialize, Serialize};

use super::check::{level, members, wrong};
use super::significance::{Test, p_value};
use super::{Estimate, Finding, Power, dist};
use crate::error::Result;

/// An arm's members and how many of them converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct ArmCounts {
    members: u64,
    conversions: u64,
}

#[derive(Deserialize)]
struct Raw {
    members: u64,
    conversions: u64,
}

impl TryFrom<Raw> for ArmCounts {
    type Error = crate::error::Error;

    fn try_from(raw: Raw) -> Result<Self> {
        Self::new(raw.members, raw.conversions)
    }
}

impl ArmCounts {
    /// Everybody who was assigned to the arm (1 to 2⁵³), reached or not, and how many of them converted at least once.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when there are no members, or more conversions than members.
    pub fn new(members: u64, conversions: u64) -> Result<Self> {
        const DOING: &str = "count an arm";
        self::members(DOING, members)?;
        if conversions > members {
            let expected = format!("at most {members} conversions, as many as members");
            return Err(wrong(DOING, &expected, conversions, "count members who converted, not their purchases"));
        }
        Ok(Self { members, conversions })
    }

    /// Members of the arm.
    pub fn members(&self) -> u64 {
        self.members
    }

    /// Of these, converted.
    pub fn conversions(&self) -> u64 {
        self.conversions
    }

    /// Conversions ÷ members, 0 to 1.
    pub fn rate(&self) -> f64 {
        self.conversions as f64 / self.members as f64
    }
}

/// Two arms compared, on everybody who was assigned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lift {
    /// Those who were treated.
    pub treated: ArmCounts,
    /// Those held out.
    pub held_out: ArmCounts,
    /// The confidence level of every interval here: 0.95 for 95 %.
    pub level: f64,
    /// Difference of the rates, −1 to 1 (0.005 is half a point), with Newcombe's interval.
    pub difference: Estimate,
    /// Relative change of the rate, from −1 (0.1 is 10 % more), with the log interval of the ratio. `None` where an arm
    /// has no conversion: there is no ratio then.
    pub relative: Option<Estimate>,
    /// Conversions beyond those that the treated would have made untreated.
    pub incremental: Estimate,
    /// The chance of a difference at least this large where there is none, 0 to 1, two-sided.
    pub p_value: f64,
    /// The test that the p-value comes from.
    pub test: Test,
}

impl Lift {
    /// Compares two arms at 95 %.
    ///
    /// ```
    /// use audience_sync::measure::{ArmCounts, Finding, Lift};
    /// let lift = Lift::between(ArmCounts::new(90_000, 3_150)?, ArmCounts::new(10_000, 300)?);
    /// assert_eq!(lift.finding(), Finding::Higher);
    /// assert_eq!(lift.incremental.value.round(), 450.0);
    /// # Ok::<(), audience_sync::Error>(())
    /// ```
    pub fn between(treated: ArmCounts, held_out: ArmCounts) -> Self {
        Self::compare(treated, held_out, 0.95)
    }

    /// Compares two arms at another level, 0.5 to 0.999999.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when the level is outside its range.
    pub fn at_level(treated: ArmCounts, held_out: ArmCounts, level: f64) -> Result<Self> {
        Ok(Self::compare(treated, held_out, self::level("compare two arms", level)?))
    }

    fn compare(treated: ArmCounts, held_out: ArmCounts, level: f64) -> Self {
        let z = dist::z_two_sided(level);
        let difference = newcombe(&treated, &held_out, z);
        let (p_value, test) = p_value(&treated, &held_out);
        Self {
            treated,
            held_out,
            level,
            difference,
            relative: ratio(&treated, &held_out, z),
            incremental: difference.times(treated.members as f64),
            p_value,
            test,
        }
    }

    /// What the interval of the difference says.
    pub fn finding(&self) -> Finding {
        self.difference.finding()
    }

    /// The relative change, where one is required.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when an arm has no conversion.
    pub fn relative(&self) -> Result<Estimate> {
        self.relative.ok_or_else(|| {
            let found = format!("{} treated and {} held out", self.treated.conversions, self.held_out.conversions);
            let next = "read the difference instead, or wait for more";
            wrong("find a relative lift", "conversions in both arms", found, next)
        })
    }

    /// The smallest effect that arms of these sizes could have shown with α = 1 − level and a power of 80 %, at the rate
    /// of those held out. `None` where none or all of them converted: that rate says nothing.
    pub fn detectable(&self) -> Option<super::Detectable> {
        let power = Power::new(1.0 - self.level, 0.8).ok()?;
        power.detectable(self.held_out.rate(), self.treated.members, self.held_out.members).ok()
    }
}

/// A rate with its Wilson score interval (Wilson 1927), which stays inside 0 and 1.
pub(super) fn wilson(arm: &ArmCounts, z: f64) -> Estimate {
    let (n, p) = (arm.members as f64, arm.rate());
    let middle = p + z * z / (2.0 * n);
    let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Estimate::new(p, ((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0))
}

/// Newcombe's interval of a difference: the Wilson bounds of both rates in quadrature (Newcombe 1998, method 10).
fn newcombe(treated: &ArmCounts, held_out: &ArmCounts, z: f64) -> Estimate {
    let (t, c) = (wilson(treated, z), wilson(held_out, z));
    let value = t.value - c.value;
    let low = value - (t.value - t.low).hypot(c.high - c.value);
    let high = value + (t.high - t.value).hypot(c.value - c.low);
    Estimate::new(value, low, high)
}

/// The ratio of two rates, less one, with its log interval (Katz 1978).
fn ratio(treated: &ArmCounts, held_out: &ArmCounts, z: f64) -> Option<Estimate> {
    if treated.conversions == 0 || held_out.conversions == 0 {
        return None;
    }
    let ratio = treated.rate() / held_out.rate();
    let share = |arm: &ArmCounts| 1.0 / arm.conversions as f64 - 1.0 / arm.members as f64;
    let reach = z * (share(treated) + share(held_out)).max(0.0).sqrt();
    Some(Estimate::new(ratio - 1.0, ratio * (-reach).exp() - 1.0, ratio * reach.exp() - 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    fn lift(x_t: u64, n_t: u64, x_c: u64, n_c: u64) -> Lift {
        Lift::between(ArmCounts::new(n_t, x_t).unwrap(), ArmCounts::new(n_c, x_c).unwrap())
    }

    /// Half a unit of the last printed digit.
    fn near(value: f64, wanted: f64, digit: f64) {
        assert!((value - wanted).abs() <= digit / 2.0 + 1e-15, "{value} is not {wanted}");
    }

    #[test]
    fn vectors_of_the_specification() {
        let one = lift(3_150, 90_000, 300, 10_000);
        near(one.difference.value, 0.005, 1e-12);
        near(one.difference.low, 0.001_279_44, 1e-8);
        near(one.difference.high, 0.008_394_28, 1e-8);
        let relative = one.relative().unwrap();
        near(relative.value, 0.166_667, 1e-6);
        near(relative.low, 0.038_255_8, 1e-7);
        // By the formula in forty digits; a table of it prints 0.3109594.
        near(relative.high, 0.310_959_340_6, 1e-10);
        let Test::PooledZ { z } = one.test else { panic!("{:?}", one.test) };
        near(z, 2.598_996, 1e-6);
        near(one.p_value, 0.009_349_7, 1e-7);
        near(one.incremental.value, 450.0, 1e-6);
        // The interval times the treated: by hand from the bounds above.
        near(one.incremental.low, 115.149_6, 1e-3);

        let two = lift(1_980, 45_000, 180, 5_000);
        near(two.difference.value, 0.008, 1e-12);
        near(two.difference.low, 0.002_166_64, 1e-8);
        near(two.difference.high, 0.013_191_5, 1e-7);
        let relative = two.relative().unwrap();
        near(relative.value, 0.222_222, 1e-6);
        near(relative.low, 0.052_229_4, 1e-7);
        near(relative.high, 0.419_678_2, 1e-7);
        // A table prints 0.0082996.
        near(two.p_value, 0.008_299_549_6, 1e-9);
        near(two.incremental.value, 360.0, 1e-6);

        let three = lift(495, 9_000, 50, 1_000);
        near(three.difference.value, 0.005, 1e-12);
        near(three.difference.low, -0.010_967_8, 1e-7);
        near(three.difference.high, 0.017_842_4, 1e-7);
        // A table prints 0.508749.
        near(three.p_value, 0.508_748_188, 1e-8);
        assert_eq!(three.finding(), Finding::NotShown);

        let four = lift(2_700, 90_000, 300, 10_000);
        near(four.difference.value, 0.0, 1e-12);
        near(four.difference.low, -0.003_694_0, 1e-7);
        near(four.difference.high, 0.003_364_3, 1e-7);
    }

    #[test]
    fn an_arm_without_conversions_has_no_ratio_and_still_a_difference() {
        let none = lift(0, 90_000, 300, 10_000);
        assert_eq!(none.relative, None);
        assert_eq!(none.finding(), Finding::Lower);
        assert_eq!(
            none.relative().unwrap_err().to_string(),
            "find a relative lift: expected conversions in both arms, found 0 treated and 300 held out; \
             read the difference instead, or wait for more"
        );
        assert_eq!(lift(3, 100, 0, 10).detectable(), None);
    }

    #[test]
    fn more_conversions_than_members_say_so() {
        let error = ArmCounts::new(10, 11).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(
            error.to_string(),
            "count an arm: expected at most 10 conversions, as many as members, found 11; \
             count members who converted, not their purchases"
        );
        assert!(ArmCounts::new(0, 0).is_err());
        assert!(ArmCounts::new(u64::MAX, 0).is_err());
        assert!(serde_json::from_str::<ArmCounts>(r#"{"members":1,"conversions":2}"#).is_err());
        assert!(serde_json::from_str::<ArmCounts>(r#"{"members":1,"conversions":-2}"#).is_err());
        let arm = ArmCounts::new(10, 1).unwrap();
        assert!([0.0, 1.0, f64::NAN, -0.95].into_iter().all(|level| Lift::at_level(arm, arm, level).is_err()));
    }

    fn arm() -> impl Strategy<Value = ArmCounts> {
        let members = prop_oneof![1u64..50, 1u64..1_000_000, 1u64..=1 << 53];
        (members, 0.0f64..=1.0).prop_map(|(members, share)| {
            ArmCounts::new(members, ((members as f64 * share) as u64).min(members)).unwrap()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn swapping_the_arms_turns_the_signs(one in arm(), other in arm()) {
            let (there, back) = (Lift::between(one, other), Lift::between(other, one));
            prop_assert!((there.difference.low + back.difference.high).abs() < 1e-12);
            prop_assert!((there.difference.value + back.difference.value).abs() < 1e-12);
            prop_assert!((there.p_value - back.p_value).abs() < 1e-9);
            if let (Some(there), Some(back)) = (there.relative, back.relative) {
                prop_assert!(((1.0 + there.low) * (1.0 + back.high) - 1.0).abs() < 1e-9);
            }
        }

        #[test]
        fn every_number_is_in_its_range(treated in arm(), held_out in arm(), level in 0.5f64..0.999) {
            let lift = Lift::at_level(treated, held_out, level).unwrap();
            let Estimate { value, low, high } = lift.difference;
            prop_assert!((-1.0..=1.0).contains(&low) && low <= value && value <= high && (-1.0..=1.0).contains(&high));
            prop_assert!((0.0..=1.0).contains(&lift.p_value));
            if let Some(relative) = lift.relative {
                prop_assert!(relative.low >= -1.0 && relative.high.is_finite());
            }
            let wider = Lift::at_level(treated, held_out, level + 0.000_9).unwrap();
            prop_assert!(wider.difference.low <= low && high <= wider.difference.high);
        }

        #[test]
        fn one_more_conversion_never_lowers_the_difference(n in 2u64..10_000, share in 0.0f64..1.0, held_out in arm()) {
            let x = ((n as f64 * share) as u64).min(n - 1);
            let (less, more) = (ArmCounts::new(n, x).unwrap(), ArmCounts::new(n, x + 1).unwrap());
            let (less, more) = (Lift::between(less, held_out).difference, Lift::between(more, held_out).difference);
            prop_assert!(less.value < more.value && less.low <= more.low + 1e-12 && less.high <= more.high + 1e-12);
        }
    }
}
