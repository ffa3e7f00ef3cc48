//! Token buckets on the crate's own clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, Result, Retry};

/// How slow a bucket gets when it is told to: the 64th part of its rate.
const SLOWEST: u32 = 6;

/// How long a bucket stays as slow as it was told to be; after that it is twice as fast again.
const RECOVERY: u128 = 60_000_000_000;

/// So much in a stretch of time, and how much of it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a rate is a number over a time, and a burst")]
pub struct Rate {
    /// So much cost …
    pub cost: u64,
    /// … in this time …
    pub per: Duration,
    /// … and so much of it at once; at least 1.
    pub burst: u64,
}

impl Rate {
    /// So much cost in a stretch of time, evenly.
    pub const fn even(cost: u64, per: Duration) -> Self {
        Self { cost, per, burst: 1 }
    }
}

/// A token bucket: lets requests begin at a rate, each at its cost, and stands still while it is told to.
///
/// Shared by all requests of one account. Whoever waits does so on the given [`Clock`].
#[derive(Debug)]
pub struct Bucket(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Of one unit of cost, in nanoseconds; 0 is without limit.
    interval: u128,
    burst: u128,
    /// When the bucket will be full, in nanoseconds since the epoch.
    full: u128,
    /// Nothing begins before.
    held: u128,
    /// How often it was told to be slower, and when last.
    slower: u32,
    slowed: u128,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        Self::of(rate.per.as_nanos().div_ceil(u128::from(rate.cost.max(1))), rate.burst)
    }

    /// One without a rate, that stands still when it is told to.
    pub fn unlimited() -> Self {
        Self::of(0, 1)
    }

    fn of(interval: u128, burst: u64) -> Self {
        let burst = u128::from(burst.max(1));
        Self(Mutex::new(State { interval, burst, full: 0, held: 0, slower: 0, slowed: 0 }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when a request of that cost may begin. More than the burst waits until the bucket is full, and is owed.
    pub async fn turn(&self, clock: &dyn Clock, cost: u64) {
        // Looked at again after each wait: another may have been first, or a pause may have been asked for.
        while let Err(wait) = self.begin(clock.now(), cost) {
            clock.sleep(wait).await;
        }
    }

    /// The same, unless it would take longer than `most` from now.
    ///
    /// # Errors
    /// [`ErrorKind::RateLimited`] with the wait: nothing was begun, nothing was waited for.
    pub async fn turn_within(&self, clock: &dyn Clock, cost: u64, most: Duration) -> Result<()> {
        let mut left = most;
        while let Err(wait) = self.begin(clock.now(), cost) {
            let Some(rest) = left.checked_sub(wait) else {
                let message = format!("expected a turn under the rate limit within {most:?}, found a longer wait");
                return Err(Error::new(ErrorKind::RateLimited, message).with_retry(Retry::Safe { after: Some(wait) }));
            };
            left = rest;
            clock.sleep(wait).await;
        }
        Ok(())
    }

    /// Begins a request, or says how long it has to wait, rounded up to the clock's milliseconds: never early.
    fn begin(&self, now: Timestamp, cost: u64) -> Result<(), Duration> {
        let (mut state, now, cost) = (self.state(), nanos(now), u128::from(cost));
        let interval = state.interval_at(now);
        let least = state.full.saturating_add(cost.min(state.burst).saturating_mul(interval));
        let from = least.saturating_sub(state.burst.saturating_mul(interval)).max(state.held);
        match from.checked_sub(now).filter(|wait| *wait > 0) {
            Some(wait) => Err(Duration::from_millis(u64::try_from(wait.div_ceil(1_000_000)).unwrap_or(u64::MAX))),
            None => {
                state.full = state.full.max(now).saturating_add(cost.saturating_mul(interval));
                Ok(())
            }
        }
    }

    /// Nothing begins for `wait` from now.
    pub fn pause(&self, clock: &dyn Clock, wait: Duration) {
        let until = nanos(clock.now()).saturating_add(wait.as_nanos());
        let mut state = self.state();
        state.held = state.held.max(until);
    }

    /// The account says how much it still takes until `reset` from now: no more than that begins at once, and nothing
    /// before the reset when nothing is left.
    pub fn announce(&self, clock: &dyn Clock, remaining: u64, reset: Duration) {
        if remaining == 0 {
            return self.pause(clock, reset);
        }
        let now = nanos(clock.now());
        let mut state = self.state();
        let taken = state.burst.saturating_sub(u128::from(remaining)).saturating_mul(state.interval_at(now));
        state.full = state.full.max(now.saturating_add(taken));
    }

    /// The account refused a request as one too many: half as fast from now on, down to a 64th. Each minute without
    /// another refusal it is twice as fast again, up to its rate.
    pub fn slow_down(&self, clock: &dyn Clock) {
        let now = nanos(clock.now());
        let mut state = self.state();
        state.interval_at(now);
        state.slower = (state.slower + 1).min(SLOWEST);
        state.slowed = now;
    }
}

impl State {
    /// The interval as slow as it is now.
    fn interval_at(&mut self, now: u128) -> u128 {
        while self.slower > 0 && now >= self.slowed.saturating_add(RECOVERY) {
            self.slower -= 1;
            self.slowed = self.slowed.saturating_add(RECOVERY);
        }
        self.interval << self.slower
    }
}

/// The buckets of all accounts. A cheap clone: all clones share them.
#[derive(Clone, Debug, Default)]
pub struct Rates(Arc<Mutex<BTreeMap<String, Arc<Bucket>>>>);

impl Rates {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bucket of an account, made at `rate` when it is asked for first. Name platform, account and what is counted:
    /// `meta:act_1:audiences`.
    pub fn of(&self, account: &str, rate: Rate) -> Arc<Bucket> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get(account) {
            return Arc::clone(bucket);
        }
        let bucket = Arc::new(Bucket::new(rate));
        buckets.insert(account.to_owned(), Arc::clone(&bucket));
        bucket
    }
}

fn nanos(moment: Timestamp) -> u128 {
    u128::try_from(moment.as_millis()).unwrap_or(0) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::ManualClock;

    const SECOND: Duration = Duration::from_secs(1);

    /// When each of `costs` begins, in milliseconds from now.
    async fn begins(bucket: &Bucket, clock: &ManualClock, costs: &[u64]) -> Vec<u128> {
        let (start, mut begins) = (clock.now(), Vec::new());
        for cost in costs {
            bucket.turn(clock, *cost).await;
            begins.push(clock.now().since(start).as_millis());
        }
        begins
    }

    #[tokio::test]
    async fn requests_are_spread_evenly_and_a_pause_holds_them() {
        let (clock, bucket) = (ManualClock::auto(), Bucket::new(Rate::even(4, SECOND)));
        assert_eq!(begins(&bucket, &clock, &[1; 5]).await, [0, 250, 500, 750, 1_000]);
        bucket.pause(&clock, 2 * SECOND);
        bucket.pause(&clock, SECOND);
        assert_eq!(begins(&bucket, &clock, &[1, 1]).await, [2_000, 2_250]);
        clock.advance(60 * SECOND);
        assert_eq!(begins(&bucket, &clock, &[1, 1]).await, [0, 250]);
    }

    #[tokio::test]
    async fn a_burst_goes_at_once_and_fills_up_again_in_time() {
        let (clock, bucket) = (ManualClock::auto(), Bucket::new(Rate { cost: 10, per: SECOND, burst: 3 }));
        assert_eq!(begins(&bucket, &clock, &[1; 5]).await, [0, 0, 0, 100, 200]);
        clock.advance(Duration::from_millis(200));
        assert_eq!(begins(&bucket, &clock, &[1; 3]).await, [0, 0, 100]);
    }

    #[tokio::test]
    async fn costs_count_and_more_than_the_burst_is_owed() {
        let (clock, bucket) = (ManualClock::auto(), Bucket::new(Rate { cost: 10, per: SECOND, burst: 5 }));
        // 3 and 2 of the five; the next 3 wait for three; 20 wait for a full bucket, and the rest is owed: 15 and 1 more.
        assert_eq!(begins(&bucket, &clock, &[3, 2, 3, 20, 1]).await, [0, 0, 300, 800, 2_400]);
    }

    #[tokio::test]
    async fn a_wait_that_is_too_long_is_told_and_takes_nothing() {
        let (clock, bucket) = (ManualClock::auto(), Bucket::new(Rate::even(1, 10 * SECOND)));
        bucket.turn_within(&clock, 1, SECOND).await.unwrap();
        let before = clock.now();
        let error = bucket.turn_within(&clock, 1, 9 * SECOND).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry(), Retry::Safe { after: Some(10 * SECOND) });
        assert_eq!(clock.now(), before);
        bucket.turn_within(&clock, 1, 10 * SECOND).await.unwrap();
        assert_eq!(clock.now().since(before), 10 * SECOND);
    }

    #[tokio::test]
    async fn what_the_account_announces_is_kept_to() {
        let (clock, bucket) = (ManualClock::auto(), Bucket::new(Rate { cost: 10, per: SECOND, burst: 5 }));
        bucket.announce(&clock, 2, 30 * SECOND);
        assert_eq!(begins(&bucket, &clock, &[1; 3]).await, [0, 0, 100]);
        bucket.announce(&clock, 100, SECOND);
        assert_eq!(begins(&bucket, &clock, &[1]).await, [100]);
        bucket.announce(&clock, 0, 30 * SECOND);
        assert_eq!(begins(&bucket, &clock, &[1]).await, [30_000]);
        let unlimited = Bucket::unlimited();
        assert_eq!(begins(&unlimited, &clock, &[1; 3]).await, [0, 0, 0]);
        unlimited.announce(&clock, 0, SECOND);
        assert_eq!(begins(&unlimited, &clock, &[1; 2]).await, [1_000, 1_000]);
    }

    #[tokio::test]
    async fn a_refusal_halves_the_rate_and_time_gives_it_back() {
        let (clock, bucket) = (ManualClock::auto(), Bucket::new(Rate::even(10, SECOND)));
        bucket.slow_down(&clock);
        bucket.slow_down(&clock);
        assert_eq!(begins(&bucket, &clock, &[1; 3]).await, [0, 400, 800]);
        clock.advance(60 * SECOND);
        assert_eq!(begins(&bucket, &clock, &[1; 3]).await, [0, 200, 400]);
        clock.advance(60 * SECOND);
        assert_eq!(begins(&bucket, &clock, &[1; 3]).await, [0, 100, 200]);
        for _ in 0..100 {
            bucket.slow_down(&clock);
        }
        clock.advance(10 * SECOND);
        assert_eq!(begins(&bucket, &clock, &[1; 2]).await, [0, 6_400]);
    }
}
