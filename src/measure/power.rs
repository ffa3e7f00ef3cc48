//! How many members it takes, and what a given number could show.

use serde::{Deserialize, Serialize};

use super::check::{MAX_COUNT, members, rate, wrong};
use super::{Estimate, dist};
use crate::error::Result;

/// How sure an experiment wants to be: how often it may see what is not there, and how often it must see what is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Power {
    alpha: f64,
    power: f64,
}

#[derive(Deserialize)]
struct Raw {
    alpha: f64,
    power: f64,
}

impl TryFrom<Raw> for Power {
    type Error = crate::error::Error;

    fn try_from(raw: Raw) -> Result<Self> {
        Self::new(raw.alpha, raw.power)
    }
}

impl Default for Power {
    /// α 5 %, two-sided, and power 80 %.
    fn default() -> Self {
        Self { alpha: 0.05, power: 0.8 }
    }
}

/// The smallest effect that an experiment sees as often as its [`Power`] says. Both above 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Detectable {
    /// As a difference of rates: 0.005 is half a point.
    pub absolute: f64,
    /// Relative to the base rate: 0.1 is 10 % more.
    pub relative: f64,
}

impl Power {
    /// α, two-sided (0.000001 to 0.5), and power (0.5 to 0.999999).
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when one of them is outside its range.
    pub fn new(alpha: f64, power: f64) -> Result<Self> {
        const DOING: &str = "plan an experiment";
        if !(1e-6..=0.5).contains(&alpha) {
            return Err(wrong(DOING, "an alpha of 0.000001 to 0.5", alpha, "0.05 is usual"));
        }
        if !(0.5..=0.999_999).contains(&power) {
            return Err(wrong(DOING, "a power of 0.5 to 0.999999", power, "0.8 is usual"));
        }
        Ok(Self { alpha, power })
    }

    /// How often a difference is found where there is none.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// How often a difference is found that is there.
    pub fn power(&self) -> f64 {
        self.power
    }

    /// Members that each of two equal arms needs: `base` is the share that converts untreated (0.03 for 3 %), `lift` the
    /// relative change to be seen (0.1 for +10 %, −0.1 for −10 %).
    ///
    /// `(z(1−α/2)·√(2·p̄(1−p̄)) + z(power)·√(p₁(1−p₁) + p₂(1−p₂)))² ÷ (p₂−p₁)²`, rounded up.
    ///
    /// ```
    /// use audience_sync::measure::Power;
    /// assert_eq!(Power::default().members_per_arm(0.03, 0.1)?, 53_211);
    /// # Ok::<(), audience_sync::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when the base or the changed rate is not between 0 and 1, the lift
    /// is zero or not a number, or more than 2⁵³ members would be needed.
    pub fn members_per_arm(&self, base: f64, lift: f64) -> Result<u64> {
        const DOING: &str = "size an experiment";
        let before = rate(DOING, "a base rate", base)?;
        let after = rate(DOING, "a rate after the lift", base * (1.0 + lift))?;
        let mean = f64::midpoint(before, after);
        let z_alpha = dist::z(1.0 - self.alpha / 2.0);
        let z_power = dist::z(self.power);
        let spread = before * (1.0 - before) + after * (1.0 - after);
        let reach = z_alpha * (2.0 * mean * (1.0 - mean)).sqrt() + z_power * spread.sqrt();
        let needed = (reach / (after - before)).powi(2).ceil();
        if needed <= MAX_COUNT as f64 {
            return Ok((needed as u64).max(1));
        }
        let expected = format!("a lift that {MAX_COUNT} members can show");
        Err(wrong(DOING, &expected, lift, "ask for a greater effect"))
    }

    /// The smallest effect that arms of these sizes can show at this base rate:
    /// `(z(1−α/2) + z(power))·√(p(1−p)(1/nₜ + 1/n꜀))`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when an arm is empty or the base rate not between 0 and 1.
    pub fn detectable(&self, base: f64, treated: u64, held_out: u64) -> Result<Detectable> {
        const DOING: &str = "find the detectable effect";
        let base = rate(DOING, "a base rate", base)?;
        let (treated, held_out) = (members(DOING, treated)? as f64, members(DOING, held_out)? as f64);
        let z = dist::z(1.0 - self.alpha / 2.0) + dist::z(self.power);
        let absolute = z * (base * (1.0 - base) * (1.0 / treated + 1.0 / held_out)).sqrt();
        Ok(Detectable { absolute, relative: absolute / base })
    }

    /// The Wilson interval of a single rate at the level 1 − α.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when there are no members, or more conversions than members.
    pub fn rate(&self, members: u64, conversions: u64) -> Result<Estimate> {
        let arm = super::ArmCounts::new(members, conversions)?;
        Ok(super::lift::wilson(&arm, dist::z(1.0 - self.alpha / 2.0)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn sizes_of_the_specification() {
        for (base, lift, members) in
            [(0.03, 0.1, 53_211), (0.02, 0.1, 80_682), (0.01, 0.2, 42_693), (0.05, 0.05, 122_124), (0.005, 0.2, 85_862)]
        {
            assert_eq!(Power::default().members_per_arm(base, lift).unwrap(), members, "{base} {lift}");
        }
    }

    #[test]
    fn detectable_effects_of_the_specification() {
        // Relative, in percent, at a base rate of 3 %; held out 5, 10, 20 and 50 %.
        for (audience, wanted) in [
            (10_000, [73.1, 53.1, 39.8, 31.9]),
            (50_000, [32.7, 23.7, 17.8, 14.2]),
            (100_000, [23.1, 16.8, 12.6, 10.1]),
            (500_000, [10.3, 7.5, 5.6, 4.5]),
            (1_000_000, [7.3, 5.3, 4.0, 3.2]),
        ] {
            for (percent, wanted) in [5, 10, 20, 50].into_iter().zip(wanted) {
                let held_out = audience * percent / 100;
                let found = Power::default().detectable(0.03, audience - held_out, held_out).unwrap().relative;
                assert_eq!(format!("{:.1}", found * 100.0), format!("{wanted:.1}"), "{audience} {percent}");
            }
        }
    }

    #[test]
    fn a_lift_that_cannot_be_says_so() {
        let error = Power::default().members_per_arm(0.6, 1.0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "size an experiment: expected a rate after the lift between 0 and 1, neither included, found 1.2; \
             give it as a share: 0.03 for 3 %"
        );
        for (base, lift) in [(0.03, 0.0), (0.03, f64::NAN), (f64::NAN, 0.1), (3.0, 0.1), (0.03, -1.0), (0.03, 1e-14)] {
            assert_eq!(Power::default().members_per_arm(base, lift).unwrap_err().kind(), ErrorKind::Config);
        }
        assert!(serde_json::from_str::<Power>(r#"{"alpha":0,"power":0.8}"#).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn more_members_see_smaller_effects(base in 0.001f64..0.5, n in 10u64..1_000_000, more in 1u64..1_000_000) {
            let power = Power::default();
            let few = power.detectable(base, n, n).unwrap().absolute;
            prop_assert!(power.detectable(base, n + more, n).unwrap().absolute < few);
            prop_assert!(Power::new(0.05, 0.9).unwrap().detectable(base, n, n).unwrap().absolute > few);
            prop_assert!(power.members_per_arm(base, 0.2).unwrap() < power.members_per_arm(base, 0.1).unwrap());
        }

        #[test]
        fn any_input_is_an_answer_or_a_config_error(
            alpha in any::<f64>(), base in any::<f64>(), lift in any::<f64>(), n in any::<u64>(), x in any::<u64>(),
        ) {
            for error in [
                Power::new(alpha, lift).err(),
                Power::default().members_per_arm(base, lift).err(),
                Power::default().detectable(base, n, x).err(),
                Power::default().rate(n, x).err(),
            ].into_iter().flatten() {
                prop_assert_eq!(error.kind(), ErrorKind::Config);
            }
        }
    }
}
