//! A holdout that needs no memory: the same member is always in the same arm.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};

/// The buckets a population is split into: shares are counted in basis points.
const BUCKETS: u16 = 10_000;

/// Holds back a share of an audience, so that what the others do can be compared.
///
/// The bucket of a member is
/// `(first 8 bytes, big-endian, of SHA-256(be32(len(salt)) ‖ salt ‖ member id)) × 10000 >> 64`; held out are the buckets
/// below the share. It depends on nothing else: not on the audience, the order or the time. Growing the share only adds
/// members to the holdout; shrinking it only releases some. The same salt over several audiences holds out the same
/// people everywhere; a new salt is a new experiment.
///
/// ```
/// use audience_sync::measure::Holdout;
/// let tenth = Holdout::new("exp-2026-q4", 1_000)?;
/// assert_eq!(tenth.bucket("user-42"), 1255);
/// assert!(!tenth.holds_out("user-42"));
/// # Ok::<(), audience_sync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Holdout {
    salt: String,
    share_bp: u16,
}

#[derive(Deserialize)]
struct Raw {
    salt: String,
    share_bp: u16,
}

impl TryFrom<Raw> for Holdout {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self> {
        Self::new(raw.salt, raw.share_bp)
    }
}

impl Holdout {
    /// A holdout of `share_bp` basis points (1,000 = 10 %) under a salt of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the share is above 10,000.
    pub fn new(salt: impl Into<String>, share_bp: u16) -> Result<Self> {
        if share_bp > BUCKETS {
            return Err(Error::new(
                ErrorKind::Config,
                format!("make a holdout: expected a share of 0 to {BUCKETS} basis points, found {share_bp}"),
            ));
        }
        Ok(Self { salt: salt.into(), share_bp })
    }

    /// The salt: the experiment's name.
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The share in basis points.
    pub fn share_bp(&self) -> u16 {
        self.share_bp
    }

    /// The member's bucket, 0 to 9,999. The id is taken byte for byte.
    pub fn bucket(&self, member_id: &str) -> u16 {
        bucket(&self.salt, member_id)
    }

    /// Whether the member is held out.
    pub fn holds_out(&self, member_id: &str) -> bool {
        self.bucket(member_id) < self.share_bp
    }
}

/// The bucket of a member under a salt.
pub(super) fn bucket(salt: &str, member_id: &str) -> u16 {
    let mut hash = Sha256::new();
    // A salt of 4 GiB does not occur; saturating keeps the function total.
    hash.update(u32::try_from(salt.len()).unwrap_or(u32::MAX).to_be_bytes());
    hash.update(salt);
    hash.update(member_id);
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    let u = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    // Below 10,000 by construction: u < 2^64.
    ((u128::from(u) * u128::from(BUCKETS)) >> 64) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_those_of_the_specification() {
        for (salt, id, bucket) in [
            ("", "1", 4781),
            ("exp-2026-q4", "user-1", 8336),
            ("exp-2026-q4", "user-2", 3091),
            ("exp-2026-q4", "user-42", 1255),
            ("exp-2026-q4", "ünïcode@example.com", 7583),
            ("exp-2027-q1", "user-1", 3517),
        ] {
            assert_eq!(Holdout::new(salt, 0).unwrap().bucket(id), bucket, "{salt} {id}");
        }
    }

    #[test]
    fn growing_the_share_only_adds() {
        let (tenth, fifth) = (Holdout::new("s", 1_000).unwrap(), Holdout::new("s", 2_000).unwrap());
        let ids = (0..2_000).map(|n| format!("u{n}"));
        let held: Vec<_> = ids.filter(|id| tenth.holds_out(id)).collect();
        assert!(held.iter().all(|id| fifth.holds_out(id)));
        // 200 expected; four standard deviations of a binomial are 54.
        assert!((146..=254).contains(&held.len()), "{}", held.len());
    }

    #[test]
    fn the_whole_and_nothing_are_shares_and_more_is_not() {
        assert!(Holdout::new("s", 10_000).unwrap().holds_out("anybody"));
        assert!(!Holdout::new("s", 0).unwrap().holds_out("anybody"));
        assert_eq!(Holdout::new("s", 10_001).unwrap_err().kind(), ErrorKind::Config);
        assert!(serde_json::from_str::<Holdout>(r#"{"salt":"s","share_bp":10001}"#).is_err());
    }
}
