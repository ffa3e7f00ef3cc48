//! Whether the holdout was left alone.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::check::{members, wrong};
use crate::error::Result;

/// Up to here a holdout counts as left alone …
const SOUND: f64 = 0.005;
/// … and up to here as usable, with a word of warning.
const USABLE: f64 = 0.02;

/// How many members of the holdout were reached all the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contamination {
    /// Members held out.
    pub held_out: u64,
    /// Of these, found in what was sent or in a platform's exposure feed.
    pub reached: u64,
    /// `reached` ÷ `held_out`, 0 to 1.
    pub share: f64,
    /// Pass up to 0.5 %, warn up to 2 %, fail above.
    pub verdict: Verdict,
}

impl Contamination {
    /// From counts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when nobody is held out, or more were reached than held out.
    pub fn new(held_out: u64, reached: u64) -> Result<Self> {
        const DOING: &str = "count the contamination of a holdout";
        members(DOING, held_out)?;
        if reached > held_out {
            let expected = format!("at most {held_out} members reached, as many as are held out");
            return Err(wrong(DOING, &expected, reached, "count members, not messages"));
        }
        let share = reached as f64 / held_out as f64;
        let verdict = if share <= SOUND {
            Verdict::Pass
        } else if share <= USABLE {
            Verdict::Warn
        } else {
            Verdict::Fail
        };
        Ok(Self { held_out, reached, share, verdict })
    }

    /// Looks for the members held out in what was sent or shown. Member ids twice in either count once.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when nobody is held out.
    pub fn between<'a>(
        held_out: impl IntoIterator<Item = &'a str>,
        reached: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
        let mut held_out: HashSet<&str> = held_out.into_iter().collect();
        let all = held_out.len();
        let found = reached.into_iter().filter(|id| held_out.remove(id)).count();
        Self::new(all as u64, found as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_belong_to_the_better_side() {
        for (reached, verdict) in
            [(0, Verdict::Pass), (5, Verdict::Pass), (6, Verdict::Warn), (20, Verdict::Warn), (21, Verdict::Fail)]
        {
            assert_eq!(Contamination::new(1_000, reached).unwrap().verdict, verdict, "{reached}");
        }
        assert!(Contamination::new(0, 0).is_err());
        assert!(Contamination::new(3, 4).is_err());
    }

    #[test]
    fn a_member_reached_twice_counts_once() {
        let found = Contamination::between(["a", "b", "b", "c", "d"], ["b", "b", "x", "d"]).unwrap();
        assert_eq!((found.held_out, found.reached), (4, 2));
        assert!(Contamination::between([], ["a"]).is_err());
    }
}
