//! When results are read: at the planned end, or at planned looks on the way there.

use serde::{Deserialize, Serialize};

use super::check::wrong;
use super::dist;
use crate::error::Result;

/// O'Brien and Fleming's constants for 1 to 10 looks at α 5 %, two-sided (Jennison and Turnbull, "Group Sequential
/// Methods", 2000, table 2.3).
const BOUNDS: [f64; 10] = [1.960, 1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087];

/// How often results are read, planned before the start: 1 to 10 times, at equal numbers of outcomes.
///
/// Whoever looks often and stops at the first good figure finds effects that are not there. With planned looks each has
/// a confidence level of its own (O'Brien and Fleming), so that α is 5 % over all of them.
///
/// ```
/// use audience_sync::measure::Looks;
/// let looks = Looks::planned(4)?;
/// assert!(looks.level_at(1)? > 0.9999 && looks.level_at(4)? > 0.95);
/// # Ok::<(), audience_sync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Looks(u8);

impl Looks {
    /// One look, at the end.
    pub const ONE: Self = Self(1);

    /// So many looks, the last of them at the end: 1 to 10.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) outside that range.
    pub fn planned(looks: u8) -> Result<Self> {
        if (1..=BOUNDS.len()).contains(&usize::from(looks)) {
            return Ok(Self(looks));
        }
        Err(wrong("plan looks", "1 to 10 looks", looks, "one look at the end needs no correction"))
    }

    /// How many there are.
    pub const fn count(self) -> u8 {
        self.0
    }

    /// The confidence level of intervals read at a look, the first being 1.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a look that was not planned.
    pub fn level_at(self, look: u8) -> Result<f64> {
        let bound = usize::from(self.0).checked_sub(1).and_then(|at| BOUNDS.get(at));
        match bound {
            Some(bound) if (1..=self.0).contains(&look) => {
                let z = bound * (f64::from(self.0) / f64::from(look)).sqrt();
                Ok((1.0 - dist::normal_two_sided(z)).min(HIGHEST))
            }
            _ => {
                let expected = format!("a planned look, 1 to {}", self.0);
                Err(wrong("read results", &expected, look, "wait for the next planned look"))
            }
        }
    }
}

/// The highest level that intervals are made for.
const HIGHEST: f64 = 0.999_999;

impl TryFrom<u8> for Looks {
    type Error = crate::error::Error;

    fn try_from(looks: u8) -> Result<Self> {
        Self::planned(looks)
    }
}

impl From<Looks> for u8 {
    fn from(looks: Looks) -> Self {
        looks.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_the_printed_bounds() {
        // Jennison and Turnbull: five looks have the bounds 4.56, 3.23, 2.63, 2.28, 2.04.
        let looks = Looks::planned(5).unwrap();
        for (look, z) in [(1, 4.56), (2, 3.23), (3, 2.63), (4, 2.28), (5, 2.04)] {
            let level = looks.level_at(look).unwrap();
            assert!((dist::z_two_sided(level) - z).abs() < 0.01, "{look}: {level}");
        }
        assert_eq!(Looks::planned(10).unwrap().level_at(1).unwrap(), HIGHEST);
        assert!((Looks::ONE.level_at(1).unwrap() - 0.95).abs() < 1e-5);
    }

    #[test]
    fn looks_that_were_not_planned_are_refused() {
        assert!(Looks::planned(0).is_err() && Looks::planned(11).is_err());
        assert_eq!(
            Looks::planned(2).unwrap().level_at(3).unwrap_err().to_string(),
            "read results: expected a planned look, 1 to 2, found 3; wait for the next planned look"
        );
        assert!(serde_json::from_str::<Looks>("0").is_err());
    }
}
