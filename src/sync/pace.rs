//! Keeps below a destination's declared rate, and stands still while it asks for that.

use crate::destination::RateLimit;
use crate::pace::{Bucket, Rate};

/// The bucket of one destination: its requests are spread evenly.
pub(crate) fn pacer(rate: Option<RateLimit>) -> Bucket {
    rate.map_or_else(Bucket::unlimited, |rate| Bucket::new(Rate::even(u64::from(rate.requests), rate.per)))
}
