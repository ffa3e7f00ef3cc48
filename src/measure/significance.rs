//! Chances: of one comparison, and of one among several.

use serde::{Deserialize, Serialize};

use super::check::wrong;
use super::{ArmCounts, dist};
use crate::error::Result;

/// With fewer expected in a cell, the normal distribution is no measure.
const FEW: f64 = 5.0;

/// The test a p-value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Test {
    /// Two proportions with a pooled rate; at least 5 members expected in every cell.
    PooledZ {
        /// The difference in standard errors.
        z: f64,
    },
    /// Fisher's exact test, where some cell expects fewer than 5.
    FisherExact,
}

/// The two-sided p-value of two arms, and the test it comes from.
pub(super) fn p_value(treated: &ArmCounts, held_out: &ArmCounts) -> (f64, Test) {
    let (n_t, n_c) = (treated.members() as f64, held_out.members() as f64);
    let pooled = (treated.conversions() + held_out.conversions()) as f64 / (n_t + n_c);
    if n_t.min(n_c) * pooled.min(1.0 - pooled) < FEW {
        return (fisher(treated, held_out), Test::FisherExact);
    }
    let error = (pooled * (1.0 - pooled) * (1.0 / n_t + 1.0 / n_c)).sqrt();
    let z = (treated.rate() - held_out.rate()) / error;
    (dist::normal_two_sided(z), Test::PooledZ { z })
}

/// Fisher's exact test: the chance of all tables with the same margins that are no likelier than this one.
///
/// Counted from the cell that expects the fewest (below 5 here), so that the weights fall quickly and few are needed
/// however many members there are.
fn fisher(treated: &ArmCounts, held_out: &ArmCounts) -> f64 {
    let small = if treated.members() <= held_out.members() { treated } else { held_out };
    let all = treated.members() + held_out.members();
    let converted = treated.conversions() + held_out.conversions();
    // The rarer of the two outcomes, in the smaller arm: both are at most half of all.
    let (rare, found) = if converted <= all - converted {
        (converted, small.conversions())
    } else {
        (all - converted, small.members() - small.conversions())
    };
    let (size, rest) = (small.members(), all - rare - small.members());
    let mut weights = vec![1.0f64];
    let mut weight = 1.0;
    for k in 0..rare.min(size) {
        weight *= (rare - k) as f64 * (size - k) as f64 / ((k + 1) as f64 * (rest + k + 1) as f64);
        if weight < f64::MIN_POSITIVE {
            break;
        }
        weights.push(weight);
    }
    // A table past the last weight is rarer than any number says.
    let here = usize::try_from(found).ok().and_then(|found| weights.get(found)).copied().unwrap_or(0.0);
    // Tables as likely as this one count too, whatever rounding says.
    let as_rare: f64 = weights.iter().filter(|&&weight| weight <= here * (1.0 + 1e-7)).sum();
    (as_rare / weights.iter().sum::<f64>()).clamp(f64::MIN_POSITIVE, 1.0)
}

/// Holm's correction for several comparisons read together: p-values in, adjusted p-values out, in the same order.
///
/// A comparison stands at α when its adjusted value is at most α; then the chance of even one false finding in the
/// whole family is at most α.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) when a value is not a number from 0 to 1.
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    if let Some(bad) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        let next = "give the raw p-values of all comparisons that were made";
        return Err(wrong("correct for several comparisons", "p-values from 0 to 1", bad, next));
    }
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let mut highest = 0.0f64;
    let mut adjusted: Vec<(usize, f64)> = Vec::with_capacity(order.len());
    for (rank, (at, p)) in order.into_iter().enumerate() {
        highest = highest.max(p * (p_values.len() - rank) as f64).min(1.0);
        adjusted.push((at, highest));
    }
    adjusted.sort_by_key(|&(at, _)| at);
    Ok(adjusted.into_iter().map(|(_, p)| p).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arms(x_t: u64, n_t: u64, x_c: u64, n_c: u64) -> (f64, Test) {
        p_value(&ArmCounts::new(n_t, x_t).unwrap(), &ArmCounts::new(n_c, x_c).unwrap())
    }

    #[test]
    fn few_members_are_counted_out_exactly() {
        // Fisher's lady tasting tea: 3 of 4 and 1 of 4; tables 1, 16, 36, 16, 1 of 70, so (1 + 16 + 16 + 1) / 70.
        let (p, test) = arms(3, 4, 1, 4);
        assert_eq!(test, Test::FisherExact);
        assert!((p - 34.0 / 70.0).abs() < 1e-12, "{p}");
        // All four against none: 2 / 70.
        assert!((arms(4, 4, 0, 4).0 - 2.0 / 70.0).abs() < 1e-12);
        // 1 of 10 against 11 of 14, a table of textbooks: 0.002759456.
        let exact = |x_t, n_t, x_c, n_c| fisher(&ArmCounts::new(n_t, x_t).unwrap(), &ArmCounts::new(n_c, x_c).unwrap());
        assert!((exact(1, 10, 11, 14) - 0.002_759_456).abs() < 5e-10);
        assert!((exact(9, 10, 3, 14) - 0.002_759_456).abs() < 5e-10);
    }

    #[test]
    fn the_smallest_and_the_greatest_counts_have_a_chance() {
        assert_eq!(arms(0, 1, 0, 1).0, 1.0);
        assert_eq!(arms(7, 7, 9, 9).0, 1.0);
        let most = 1 << 53;
        // Everybody but one, of as many as are taken.
        assert!((0.0..=1.0).contains(&arms(1, 1, most - 1, most).0));
        assert!(arms(2_000, 2_000, 0, most).0 < 1e-300);
    }

    #[test]
    fn holm_by_hand() {
        // Sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1 is 0.02, 0.03, 0.06, 0.04, and no value falls below the last.
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]).unwrap();
        for (found, wanted) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - wanted).abs() < 1e-12, "{adjusted:?}");
        }
        assert!(holm(&[]).unwrap().is_empty());
        assert!(holm(&[0.5, f64::NAN]).is_err());
        assert!(holm(&[-0.1]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn corrected_chances_are_never_smaller_and_keep_their_order(
            p_values in prop::collection::vec(0.0f64..=1.0, 0..8),
        ) {
            let adjusted = holm(&p_values).unwrap();
            for (raw, after) in p_values.iter().zip(&adjusted) {
                prop_assert!(raw <= after && *after <= 1.0);
                for (other, other_after) in p_values.iter().zip(&adjusted) {
                    prop_assert!(raw > other || after <= other_after);
                }
            }
        }
    }
}
