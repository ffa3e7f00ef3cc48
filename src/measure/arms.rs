//! Several arms at once, with the same arithmetic as a [`Holdout`].

use serde::{Deserialize, Serialize};

use super::check::{WHOLE_BP, wrong};
use super::holdout::bucket;
use super::{Holdout, SampleRatio, sample_ratio};
use crate::error::Result;

/// An arm: its name and its share.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Arm {
    /// What it is called in reports.
    pub name: String,
    /// Its share in basis points (1,000 = 10 %), at least 1.
    pub share_bp: u16,
}

/// Splits an audience over several arms, by chance and without memory: the same member is always in the same arm.
///
/// A member's bucket is that of a [`Holdout`] with the same salt. The arms take the buckets 0 to 9,999 in their order,
/// each as many as its share has basis points; so a first arm of 1,000 is exactly `Holdout::new(salt, 1_000)`. Moving
/// share between neighbours moves only the members at their border; a new order or a new salt is a new experiment.
///
/// ```
/// use audience_sync::measure::Arms;
/// let arms = Arms::new("exp-2026-q4", [("held out", 1_000), ("e-mail", 4_500), ("e-mail and ads", 4_500)])?;
/// assert_eq!(arms.arm("user-42").map(|arm| arm.name.as_str()), Some("e-mail"));
/// # Ok::<(), audience_sync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Arms {
    salt: String,
    arms: Vec<Arm>,
    global: Option<Holdout>,
}

#[derive(Deserialize)]
struct Raw {
    salt: String,
    arms: Vec<Arm>,
    #[serde(default)]
    global: Option<Holdout>,
}

impl TryFrom<Raw> for Arms {
    type Error = crate::error::Error;

    fn try_from(raw: Raw) -> Result<Self> {
        let arms = Self::new(raw.salt, raw.arms.into_iter().map(|arm| (arm.name, arm.share_bp)))?;
        match raw.global {
            Some(global) => arms.under(global),
            None => Ok(arms),
        }
    }
}

impl Arms {
    /// Two or more arms under a salt of their own, with shares in basis points.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when there are fewer than two arms, a name is empty or given
    /// twice, a share is zero, or the shares do not add up to 10,000.
    pub fn new<N: Into<String>>(salt: impl Into<String>, arms: impl IntoIterator<Item = (N, u16)>) -> Result<Self> {
        const DOING: &str = "make arms";
        let arms: Vec<Arm> = arms.into_iter().map(|(name, share_bp)| Arm { name: name.into(), share_bp }).collect();
        if arms.len() < 2 {
            return Err(wrong(DOING, "two arms or more", arms.len(), "one arm has nothing to be compared with"));
        }
        let mut names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        names.sort_unstable();
        if names.first() == Some(&"") || names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(wrong(
                DOING,
                "a name of its own for each arm",
                "one that is empty or given twice",
                "rename it",
            ));
        }
        let sum: u32 = arms.iter().map(|arm| u32::from(arm.share_bp)).fold(0, u32::saturating_add);
        if sum != WHOLE_BP || arms.iter().any(|arm| arm.share_bp == 0) {
            let shares: Vec<String> = arms.iter().map(|arm| arm.share_bp.to_string()).collect();
            let found = format!("{} = {sum}", shares.join(" + "));
            let next = "give every arm a share, and those left alone an arm too";
            return Err(wrong(DOING, "shares above 0 that add up to 10000 basis points", found, next));
        }
        Ok(Self { salt: salt.into(), arms, global: None })
    }

    /// Keeps a holdout that stands over all experiments out of every arm: it is asked first.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when it has the arms' own salt: it would empty the first arms
    /// instead of taking its share of each.
    pub fn under(mut self, global: Holdout) -> Result<Self> {
        if global.salt() == self.salt {
            let next = "with the same salt it would take the first arms only";
            return Err(wrong("put arms under a global holdout", "a salt of its own", "that of the arms", next));
        }
        self.global = Some(global);
        Ok(self)
    }

    /// The salt: the experiment's name.
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The arms in their order.
    pub fn arms(&self) -> &[Arm] {
        &self.arms
    }

    /// The member's arm; `None` when the global holdout holds the member out. The id is taken byte for byte.
    pub fn arm(&self, member_id: &str) -> Option<&Arm> {
        if self.global.as_ref().is_some_and(|global| global.holds_out(member_id)) {
            return None;
        }
        let bucket = u32::from(bucket(&self.salt, member_id));
        let mut below = 0;
        self.arms.iter().find(|arm| {
            below += u32::from(arm.share_bp);
            bucket < below
        })
    }

    /// Whether so many members per arm, in the arms' order, fit the shares: [`sample_ratio`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when there is not one count for each arm, or nobody at all.
    pub fn sample_ratio(&self, members: &[u64]) -> Result<SampleRatio> {
        let shares: Vec<u16> = self.arms.iter().map(|arm| arm.share_bp).collect();
        sample_ratio(members, &shares)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_first_arm_is_the_holdout_of_the_same_share() {
        let arms = Arms::new("exp-2026-q4", [("held out", 1_256), ("a", 1_835), ("b", 6_909)]).unwrap();
        // Buckets of the specification: 1255, 3091, 8336. The borders are 1,256 and 3,091.
        for (id, arm) in [("user-42", "held out"), ("user-2", "b"), ("user-1", "b")] {
            assert_eq!(arms.arm(id).unwrap().name, arm, "{id}");
        }
    }

    #[test]
    fn a_global_holdout_is_asked_first_and_needs_its_own_salt() {
        let arms = Arms::new("exp-2026-q4", [("a", 5_000), ("b", 5_000)]).unwrap();
        assert_eq!(
            arms.clone().under(Holdout::new("exp-2026-q4", 500).unwrap()).unwrap_err().kind(),
            ErrorKind::Config
        );
        // user-1 is in bucket 3517 of `exp-2027-q1`.
        let under = arms.under(Holdout::new("exp-2027-q1", 3_518).unwrap()).unwrap();
        assert_eq!(under.arm("user-1"), None);
        let json = serde_json::to_string(&under).unwrap();
        assert_eq!(serde_json::from_str::<Arms>(&json).unwrap(), under);
    }

    #[test]
    fn shares_that_do_not_add_up_say_so() {
        let error = Arms::new("s", [("a", 5_000), ("b", 4_000)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "make arms: expected shares above 0 that add up to 10000 basis points, found 5000 + 4000 = 9000; \
             give every arm a share, and those left alone an arm too"
        );
        assert!(Arms::new("s", [("a", 10_000)]).is_err());
        assert!(Arms::new("s", [("a", 10_000), ("b", 0)]).is_err());
        assert!(Arms::new("s", [("a", 5_000), ("a", 5_000)]).is_err());
        assert!(Arms::new("s", [("a", 5_000), ("", 5_000)]).is_err());
        assert!(serde_json::from_str::<Arms>(r#"{"salt":"s","arms":[{"name":"a","share_bp":1}]}"#).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn everybody_is_in_one_arm_and_moving_a_border_moves_only_neighbours(
            id in ".{0,12}", first in 1u16..9_000, step in 0u16..900,
        ) {
            let at = |border: u16| Arms::new("s", [("a", border), ("b", 9_950 - border), ("c", 50)]).unwrap();
            let (before, after) = (at(first), at(first + step));
            let (before, after) = (before.arm(&id).unwrap(), after.arm(&id).unwrap());
            prop_assert_eq!(before.name == "a", Holdout::new("s", first).unwrap().holds_out(&id));
            prop_assert!(before.name == after.name || (before.name == "b" && after.name == "a"));
        }
    }
}
