//! Tails and quantiles. Total: on any input a number, never a panic and never NaN.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::{beta, erf, gamma};

use super::Estimate;

/// From here on Student's distribution is the normal one with its first correction; the rest is below 1e-10.
const MANY_DEGREES: f64 = 1e6;

/// The quantile of the standard normal distribution; `p` strictly between 0 and 1.
pub(super) fn z(p: f64) -> f64 {
    if p > 0.0 && p < 1.0 { Normal::standard().inverse_cdf(p) } else { 0.0 }
}

/// How far a two-sided interval of this level reaches, in standard errors.
pub(super) fn z_two_sided(level: f64) -> f64 {
    z(0.5 + level / 2.0)
}

/// The chance of a standard normal value at least this far from 0, on either side.
pub(super) fn normal_two_sided(z: f64) -> f64 {
    tidy(erf::erfc(z.abs() / std::f64::consts::SQRT_2))
}

/// The chance of a chi-squared value above `x`.
pub(super) fn chi_squared_above(x: f64, degrees: f64) -> f64 {
    // NaN is above nothing.
    if !(x > 0.0 && degrees > 0.0) {
        return 1.0;
    }
    // So far out the tail is below the smallest float, and the series behind it ends late or never.
    if x > degrees + 60.0 * (2.0 * degrees).sqrt() + 2_000.0 {
        return 0.0;
    }
    if degrees >= MANY_DEGREES {
        // Wilson and Hilferty 1931.
        let spread = 2.0 / (9.0 * degrees);
        return tidy(normal_above(((x / degrees).cbrt() - (1.0 - spread)) / spread.sqrt()));
    }
    tidy(gamma::checked_gamma_ur(degrees / 2.0, x / 2.0).unwrap_or(0.0))
}

/// The chance of a Student value at least this far from 0, on either side. At least one degree of freedom.
pub(super) fn student_two_sided(t: f64, degrees: f64) -> f64 {
    if t.is_nan() {
        return 1.0;
    }
    if degrees >= MANY_DEGREES {
        return normal_two_sided(t * (1.0 - (t * t + 1.0).min(4.0 * degrees) / (4.0 * degrees)));
    }
    // Student's square is F(1, d): the tail is a regularised incomplete beta.
    let h = degrees / (degrees + t * t);
    tidy(beta::checked_beta_reg(degrees / 2.0, 0.5, h.clamp(0.0, 1.0)).unwrap_or(0.0))
}

/// The chance of a standard normal value above `z`.
fn normal_above(z: f64) -> f64 {
    erf::erfc(z / std::f64::consts::SQRT_2) / 2.0
}

/// How far a two-sided interval of this level reaches with so many degrees of freedom (at least one), in standard errors.
pub(super) fn student_reach(level: f64, degrees: f64) -> f64 {
    let z = z_two_sided(level);
    if degrees >= MANY_DEGREES {
        return z + (z.powi(3) + z) / (4.0 * degrees);
    }
    // The tail falls steadily, so halving finds it. The widest reach asked for is 636,620: 0.999999 at one degree.
    let (mut low, mut high) = (0.0, 1e6);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if student_two_sided(middle, degrees) > 1.0 - level {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Welch's interval and p-value of a difference of two means (Welch 1947). Each side: mean, squared standard error,
/// degrees of freedom.
pub(super) fn welch(one: (f64, f64, f64), other: (f64, f64, f64), level: f64) -> (Estimate, f64) {
    let difference = one.0 - other.0;
    let squared = one.1 + other.1;
    if squared <= 0.0 {
        // No spread at all: the data say nothing but this number.
        return (Estimate::around(difference, 0.0), if difference == 0.0 { 1.0 } else { 0.0 });
    }
    let degrees = (squared * squared / (one.1 * one.1 / one.2 + other.1 * other.1 / other.2)).max(1.0);
    let error = squared.sqrt();
    (
        Estimate::around(difference, student_reach(level, degrees) * error),
        student_two_sided(difference / error, degrees),
    )
}

/// A chance is a number from 0 to 1.
fn tidy(chance: f64) -> f64 {
    if chance.is_nan() { 1.0 } else { chance.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, wanted: f64, tolerance: f64) {
        assert!((value - wanted).abs() <= tolerance, "{value} is not {wanted}");
    }

    #[test]
    fn quantiles_are_those_of_the_specification() {
        near(z(0.975), 1.959963984540, 5e-13);
        near(z(0.80), 0.841621233573, 5e-13);
        near(z_two_sided(0.95), 1.959963984540, 5e-13);
    }

    #[test]
    fn student_agrees_with_printed_tables() {
        // Any table of Student's t, two-sided 95 % and 99 %.
        for (degrees, level, reach) in
            [(1.0, 0.95, 12.706), (2.0, 0.95, 4.303), (10.0, 0.95, 2.228), (30.0, 0.99, 2.750), (120.0, 0.95, 1.980)]
        {
            near(student_reach(level, degrees), reach, 5e-4);
        }
        // One degree is Cauchy's: the reach is tan(π × level / 2).
        near(student_reach(0.999999, 1.0) / (std::f64::consts::PI * 0.999999 / 2.0).tan(), 1.0, 1e-6);
    }

    #[test]
    fn student_meets_the_normal_where_the_formula_changes() {
        near(student_reach(0.95, 999_999.0), student_reach(0.95, 1_000_001.0), 1e-9);
        near(student_two_sided(2.5, 999_999.0), student_two_sided(2.5, 1_000_001.0), 1e-9);
    }

    #[test]
    fn chi_squared_agrees_with_printed_tables() {
        near(chi_squared_above(3.841_458_8, 1.0), 0.05, 1e-8);
        near(chi_squared_above(9.210_340_4, 2.0), 0.01, 1e-9);
        near(chi_squared_above(0.0, 3.0), 1.0, 0.0);
    }

    #[test]
    fn nothing_is_nan_at_the_edges() {
        for x in [0.0, -1.0, 1e300, f64::INFINITY, f64::NAN] {
            for degrees in [1.0, 3.7, 1e5, 1e7, 1e300] {
                for chance in [student_two_sided(x, degrees), chi_squared_above(x, degrees), normal_two_sided(x)] {
                    assert!((0.0..=1.0).contains(&chance), "{x} {degrees} {chance}");
                }
            }
        }
    }
}
