//! A clock whose hands only a test turns.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Clock;
use crate::time::Timestamp;

/// How often an automatic sleeper lets everybody else run before it moves the hands.
const GIVE_WAY: u32 = 8;

/// A clock that stands still until it is told otherwise. A cheap clone: all clones show the same time.
///
/// [`ManualClock::new`] moves with [`advance`](Self::advance) alone. With [`ManualClock::auto`] a sleep lets everybody
/// else run a few times and then, when nobody sleeps for a shorter time, moves the hands to its own end: a whole run with
/// its waits takes no time. Within one thread both are deterministic. Work that waits for something outside the process
/// (a reply, a disk) does not hold the automatic hands back: test its races against a deadline by hand.
///
/// Jitter is a fixed sequence, chosen by [`with_seed`](Self::with_seed).
///
/// ```
/// use std::time::Duration;
/// use audience_sync::clock::Clock;
/// use audience_sync::testkit::ManualClock;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let clock = ManualClock::auto();
/// let before = clock.now();
/// clock.sleep(Duration::from_secs(3600)).await;
/// assert_eq!(clock.now().since(before), Duration::from_secs(3600));
/// # }
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<Hands>>);

struct Hands {
    /// What the wall clock showed when nothing had elapsed.
    start: Timestamp,
    elapsed: Duration,
    auto: bool,
    seed: u64,
    next_id: u64,
    /// By end, then in the order of falling asleep.
    sleepers: BTreeMap<(Duration, u64), Waker>,
    /// Who waits for so many sleepers.
    watchers: Vec<Waker>,
}

impl ManualClock {
    /// Stands at 2026-11-23T10:15:00Z until it is advanced.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Hands {
            start: Timestamp::from_millis(1_795_428_900_000),
            elapsed: Duration::ZERO,
            auto: false,
            seed: 0,
            next_id: 0,
            sleepers: BTreeMap::new(),
            watchers: Vec::new(),
        })))
    }

    /// The same, and a sleep moves the hands by itself.
    pub fn auto() -> Self {
        let clock = Self::new();
        clock.hands().auto = true;
        clock
    }

    /// Chooses the sequence that [`Clock::jitter`] gives.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        self.hands().seed = seed;
        self
    }

    /// Sets the wall time, forwards or backwards, as an operator does who corrects a clock. Sleepers sleep on.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        self.set(now);
        self
    }

    /// Sets the wall time, as [`at`](Self::at) does.
    pub fn set(&self, now: Timestamp) {
        let mut hands = self.hands();
        hands.start = now.minus(hands.elapsed);
    }

    /// Moves the hands forward and wakes whose time has come.
    pub fn advance(&self, duration: Duration) {
        let due = {
            let mut hands = self.hands();
            hands.elapsed = hands.elapsed.saturating_add(duration);
            hands.due()
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// Moves the hands to the end of the shortest sleep; `false` when nobody sleeps.
    pub fn advance_to_next(&self) -> bool {
        let wait = {
            let hands = self.hands();
            hands.sleepers.first_key_value().map(|((until, _), _)| until.saturating_sub(hands.elapsed))
        };
        wait.map(|wait| self.advance(wait)).is_some()
    }

    /// How many sleep now.
    pub fn sleepers(&self) -> usize {
        self.hands().sleepers.len()
    }

    /// Waits until at least `count` sleep.
    pub async fn until_sleepers(&self, count: usize) {
        std::future::poll_fn(|cx| {
            let mut hands = self.hands();
            if hands.sleepers.len() >= count {
                return Poll::Ready(());
            }
            hands.watchers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("now", &self.now()).field("sleepers", &self.sleepers()).finish()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let hands = self.hands();
        hands.start.plus(hands.elapsed)
    }

    async fn sleep(&self, duration: Duration) {
        let (until, id) = {
            let mut hands = self.hands();
            hands.next_id += 1;
            (hands.elapsed.saturating_add(duration), hands.next_id)
        };
        Sleep { clock: self, key: (until, id), gave_way: 0 }.await;
    }

    /// SplitMix64.
    fn jitter(&self) -> u64 {
        let mut hands = self.hands();
        hands.seed = hands.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = hands.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Hands {
    /// Those whose time has come, in the order of their ends; and, where the hands move by themselves, who comes next.
    fn due(&mut self) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(entry) = self.sleepers.first_entry() {
            if entry.key().0 > self.elapsed {
                break;
            }
            due.push(entry.remove());
        }
        due.extend(self.next_automatic());
        due
    }

    fn next_automatic(&self) -> Option<Waker> {
        let (_, waker) = self.sleepers.first_key_value().filter(|_| self.auto)?;
        Some(waker.clone())
    }
}

struct Sleep<'a> {
    clock: &'a ManualClock,
    key: (Duration, u64),
    gave_way: u32,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut hands = self.clock.hands();
        if hands.elapsed >= self.key.0 {
            return Poll::Ready(());
        }
        hands.sleepers.insert(self.key, cx.waker().clone());
        let watchers = std::mem::take(&mut hands.watchers);
        let is_next = hands.auto && hands.sleepers.first_key_value().is_some_and(|(key, _)| *key == self.key);
        let due = if is_next && self.gave_way == GIVE_WAY {
            hands.elapsed = self.key.0;
            hands.sleepers.remove(&self.key);
            Some(hands.due())
        } else {
            None
        };
        drop(hands);
        watchers.into_iter().for_each(Waker::wake);
        match due {
            Some(due) => {
                due.into_iter().for_each(Waker::wake);
                return Poll::Ready(());
            }
            None if is_next => {
                self.gave_way += 1;
                cx.waker().wake_by_ref();
            }
            // Whoever is next moves the hands first; after that everybody gets a chance to run again.
            None => self.gave_way = 0,
        }
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        let next = {
            let mut hands = self.clock.hands();
            if hands.sleepers.remove(&self.key).is_none() { None } else { hands.next_automatic() }
        };
        if let Some(next) = next {
            next.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::{Either, join_all, select};

    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[tokio::test]
    async fn stands_still_until_it_is_advanced() {
        let clock = ManualClock::new().at(Timestamp::from_secs(1000));
        let task = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep(secs(10)).await;
                clock.now()
            }
        });
        clock.until_sleepers(1).await;
        clock.advance(secs(9));
        tokio::task::yield_now().await;
        assert_eq!((clock.sleepers(), clock.now()), (1, Timestamp::from_secs(1009)));
        clock.advance(secs(1));
        assert_eq!(task.await.unwrap(), Timestamp::from_secs(1010));
        assert_eq!(clock.sleepers(), 0);
        assert!(!clock.advance_to_next());
    }

    #[tokio::test]
    async fn advancing_to_the_next_wakes_the_shortest_sleep_only() {
        let clock = ManualClock::new();
        let sleeping = |wait| {
            let clock = clock.clone();
            tokio::spawn(async move { clock.sleep(secs(wait)).await })
        };
        let (long, short) = (sleeping(7), sleeping(3));
        clock.until_sleepers(2).await;
        assert!(clock.advance_to_next());
        short.await.unwrap();
        assert_eq!(clock.sleepers(), 1);
        assert!(clock.advance_to_next());
        long.await.unwrap();
        assert_eq!(clock.now(), ManualClock::new().now().plus(secs(7)));
    }

    #[tokio::test]
    async fn a_dropped_sleep_is_forgotten() {
        let clock = ManualClock::new();
        let sleep = clock.sleep(secs(5));
        match select(sleep, std::future::ready(())).await {
            Either::Right(((), sleep)) => {
                assert_eq!(clock.sleepers(), 1);
                drop(sleep);
            }
            Either::Left(_) => panic!("nobody moved the hands"),
        }
        assert_eq!(clock.sleepers(), 0);
    }

    #[tokio::test]
    async fn automatic_sleeps_end_in_the_order_of_their_ends() {
        let clock = ManualClock::auto();
        let start = clock.now();
        let order = Mutex::new(Vec::new());
        join_all([30_u64, 10, 20, 10].into_iter().enumerate().map(|(index, wait)| {
            let (clock, order) = (&clock, &order);
            async move {
                clock.sleep(secs(wait)).await;
                order.lock().unwrap().push((index, clock.now().since(start).as_secs()));
            }
        }))
        .await;
        assert_eq!(*order.lock().unwrap(), [(1, 10), (3, 10), (2, 20), (0, 30)]);
    }

    #[tokio::test]
    async fn automatic_hands_wait_for_who_can_still_run() {
        let clock = ManualClock::auto();
        let steps = Arc::new(AtomicU32::new(0));
        let working = async {
            for _ in 0..4 {
                tokio::task::yield_now().await;
                steps.fetch_add(1, Ordering::Relaxed);
            }
            clock.sleep(secs(1)).await;
            clock.now()
        };
        let start = clock.now();
        let (woken, ()) = futures_util::join!(working, clock.sleep(secs(60)));
        assert_eq!(steps.load(Ordering::Relaxed), 4);
        assert_eq!(woken.since(start), secs(1));
        assert_eq!(clock.now().since(start), secs(60));
    }

    #[tokio::test]
    async fn dropping_the_shortest_automatic_sleep_lets_the_next_end() {
        let clock = ManualClock::auto();
        let start = clock.now();
        let long = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(secs(60)).await }
        });
        let given_up = select(clock.sleep(secs(5)), Box::pin(tokio::task::yield_now())).await;
        assert!(matches!(given_up, Either::Right(_)));
        drop(given_up);
        long.await.unwrap();
        assert_eq!(clock.now().since(start), secs(60));
    }

    #[test]
    fn the_wall_clock_can_be_set_back_and_jitter_is_the_seeds() {
        let clock = ManualClock::new().with_seed(0);
        clock.advance(secs(100));
        clock.set(Timestamp::from_secs(5));
        assert_eq!(clock.now(), Timestamp::from_secs(5));
        clock.advance(secs(1));
        assert_eq!(clock.now(), Timestamp::from_secs(6));
        // The first outputs of SplitMix64 for seed 0, as many implementations test them.
        assert_eq!([clock.jitter(), clock.jitter()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    }
}
