//! Whether the arms have the sizes they were meant to have.

use serde::{Deserialize, Serialize};

use super::check::{MAX_COUNT, WHOLE_BP, wrong};
use super::{Verdict, dist};
use crate::error::Result;

/// Below this chance the split is not the planned one.
const INVALID_BELOW: f64 = 0.001;
/// Chi-squared is no measure where fewer members are expected in an arm.
const TOO_FEW: f64 = 5.0;

/// Sizes of arms against their shares: a sample-ratio test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SampleRatio {
    /// Members per arm, as found.
    pub found: Vec<u64>,
    /// Members per arm, as the shares want them.
    pub expected: Vec<f64>,
    /// Chi-squared, with one degree of freedom fewer than there are arms.
    pub chi_squared: f64,
    /// The chance of a split at least this far off when members are assigned as planned, 0 to 1.
    pub p_value: f64,
    /// Fail below a chance of 0.001: members were lost or added on one side, and no comparison of the arms holds.
    /// Unknown where fewer than 5 members are expected in some arm.
    pub verdict: Verdict,
}

/// Compares the sizes of arms with their planned shares in basis points, both in the same order.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) when there are fewer than two arms, not one share for each, a share
/// of zero, shares that do not add up to 10,000, or nobody in any arm.
pub fn sample_ratio(members: &[u64], shares_bp: &[u16]) -> Result<SampleRatio> {
    const DOING: &str = "test the split";
    if members.len() != shares_bp.len() || members.len() < 2 {
        let found = format!("{} counts and {} shares", members.len(), shares_bp.len());
        return Err(wrong(DOING, "a count and a share for each of two arms or more", found, "pair them"));
    }
    let sum = shares_bp.iter().fold(0u32, |sum, &share| sum.saturating_add(u32::from(share)));
    if sum != WHOLE_BP || shares_bp.contains(&0) {
        let found = format!("{shares_bp:?}");
        return Err(wrong(DOING, "shares above 0 that add up to 10000 basis points", found, "give the planned shares"));
    }
    let total = members.iter().fold(0u64, |sum, &count| sum.saturating_add(count));
    if !(1..=MAX_COUNT).contains(&total) {
        let expected = format!("1 to {MAX_COUNT} members in all arms");
        return Err(wrong(DOING, &expected, total, "count everybody who was assigned, reached or not"));
    }
    let expected: Vec<f64> =
        shares_bp.iter().map(|&share| total as f64 * f64::from(share) / f64::from(WHOLE_BP)).collect();
    let chi_squared = members.iter().zip(&expected).map(|(&count, &want)| (count as f64 - want).powi(2) / want).sum();
    let p_value = dist::chi_squared_above(chi_squared, (members.len() - 1) as f64);
    let verdict = if expected.iter().any(|&want| want < TOO_FEW) {
        Verdict::Unknown
    } else if p_value < INVALID_BELOW {
        Verdict::Fail
    } else {
        Verdict::Pass
    };
    Ok(SampleRatio { found: members.to_vec(), expected, chi_squared, p_value, verdict })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn vectors_of_the_specification() {
        let off = sample_ratio(&[90_500, 9_500], &[9_000, 1_000]).unwrap();
        assert!((off.chi_squared - 27.7778).abs() < 5e-5, "{}", off.chi_squared);
        assert!((off.p_value - 1.3608e-7).abs() < 5e-12, "{}", off.p_value);
        assert_eq!(off.verdict, Verdict::Fail);
        let sound = sample_ratio(&[89_800, 10_200], &[9_000, 1_000]).unwrap();
        assert!((sound.chi_squared - 4.4444).abs() < 5e-5, "{}", sound.chi_squared);
        assert!((sound.p_value - 0.035015).abs() < 5e-7, "{}", sound.p_value);
        assert_eq!(sound.verdict, Verdict::Pass);
    }

    #[test]
    fn three_arms_have_two_degrees() {
        // With two degrees the chance above x is e^(-x/2).
        let ratio = sample_ratio(&[111, 91, 98], &[3_334, 3_333, 3_333]).unwrap();
        assert!((ratio.p_value - (-ratio.chi_squared / 2.0).exp()).abs() < 1e-12);
        assert_eq!(ratio.verdict, Verdict::Pass);
    }

    #[test]
    fn few_members_are_not_judged() {
        assert_eq!(sample_ratio(&[45, 0], &[9_000, 1_000]).unwrap().verdict, Verdict::Unknown);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn any_input_gives_a_chance_or_a_config_error(
            members in prop::collection::vec(any::<u64>(), 0..4),
            shares in prop::collection::vec(any::<u16>(), 0..4),
        ) {
            match sample_ratio(&members, &shares) {
                Ok(ratio) => prop_assert!((0.0..=1.0).contains(&ratio.p_value)),
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Config),
            }
        }

        #[test]
        fn the_order_of_arms_does_not_matter(a in 0u64..1_000_000, b in 1u64..1_000_000, share in 1u16..10_000) {
            let one = sample_ratio(&[a, b], &[share, 10_000 - share]).unwrap();
            let other = sample_ratio(&[b, a], &[10_000 - share, share]).unwrap();
            prop_assert!((one.p_value - other.p_value).abs() < 1e-12);
            prop_assert!((one.expected.iter().sum::<f64>() - (a + b) as f64).abs() < 1e-6);
        }
    }
}
