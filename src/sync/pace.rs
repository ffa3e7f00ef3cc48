//! Keeps below a destination's declared rate, and stands still while it asks for that.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::destination::RateLimit;

/// Spaces the requests of one destination evenly.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Between two requests, in nanoseconds.
    interval: u128,
    /// When the next request may begin, in nanoseconds since the epoch.
    next: Mutex<u128>,
}

impl Pacer {
    pub(crate) fn new(rate: Option<RateLimit>) -> Self {
        let interval = rate.map_or(0, |rate| rate.per.as_nanos().div_ceil(u128::from(rate.requests.max(1))));
        Self { interval, next: Mutex::new(0) }
    }

    /// Returns when a request may begin.
    pub(crate) async fn turn(&self, clock: &dyn Clock) {
        // Looked at again after each wait: another may have been first, or the destination may have asked for a pause.
        while let Err(wait) = self.begin(nanos(clock.now())) {
            // Rounded up to the clock's milliseconds: never early.
            let millis = wait.div_ceil(1_000_000);
            clock.sleep(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))).await;
        }
    }

    /// Begins a request, or says how long it has to wait.
    fn begin(&self, now: u128) -> Result<(), u128> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        match next.checked_sub(now).filter(|wait| *wait > 0) {
            Some(wait) => Err(wait),
            None => {
                *next = now + self.interval;
                Ok(())
            }
        }
    }

    /// No request begins for `wait` from now.
    pub(crate) fn pause(&self, clock: &dyn Clock, wait: Duration) {
        let until = nanos(clock.now()) + wait.as_nanos();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(until);
    }
}

fn nanos(moment: Timestamp) -> u128 {
    u128::try_from(moment.as_millis()).unwrap_or(0) * 1_000_000
}
