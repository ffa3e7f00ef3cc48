//! What to do after a failed call.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Retry};

/// The bounds of an announced wait.
const ANNOUNCED: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// How often and how long one run tries.
///
/// Over runs the number is unlimited, because what failed is still a difference at the next run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts of one batch. Default 3. A wait that the destination asked for is no attempt.
    pub attempts: u32,
    /// The first wait is a random part of this; it doubles with every attempt. Default 2 s.
    pub base: Duration,
    /// The longest wait of our own choosing. Default 60 s.
    pub cap: Duration,
    /// How long one call may take. Default 120 s.
    pub deadline: Duration,
    /// How long one batch may be kept waiting by throttles in one run; after that the run ends, and the next goes on.
    /// Default 10 minutes.
    pub throttle_budget: Duration,
    /// How long a run waits for jobs of the platform to end. Default none: the next run asks again.
    pub wait_for_jobs: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_secs(2),
            cap: Duration::from_secs(60),
            deadline: Duration::from_secs(120),
            throttle_budget: Duration::from_secs(600),
            wait_for_jobs: Duration::ZERO,
        }
    }
}

impl RetryPolicy {
    /// Changes any of it: `RetryPolicy::default().with(|p| p.attempts = 1)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// What to do after a failed call.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// In halves, to find the row, or the size, that it was about.
    Split,
    /// It was about this row.
    RejectRow,
    /// When the destination wants.
    Throttled(Option<Duration>),
    /// Once more.
    Again { applied: bool, after: Option<Duration> },
    /// Nothing more in this run.
    Stop { applied: bool },
}

/// What an error of a call for one row, or several, means.
pub(crate) fn verdict(error: &Error, alone: bool) -> Verdict {
    let kind = error.kind();
    match error.retry() {
        Retry::Safe { after } if kind == ErrorKind::RateLimited => Verdict::Throttled(after.map(clamp)),
        Retry::Safe { after } => Verdict::Again { applied: false, after: after.map(clamp) },
        Retry::MaybeApplied => Verdict::Again { applied: true, after: None },
        Retry::Exhausted => Verdict::Stop { applied: true },
        Retry::Never => match (kind, alone) {
            (ErrorKind::TooLarge | ErrorKind::Rejected, false) => Verdict::Split,
            (ErrorKind::TooLarge | ErrorKind::Rejected, true) => Verdict::RejectRow,
            // Nobody knows what an answer means that is not understood, or code that failed.
            (ErrorKind::UnexpectedReply | ErrorKind::Bug | ErrorKind::Timeout | ErrorKind::Transport, _) => {
                Verdict::Stop { applied: true }
            }
            _ => Verdict::Stop { applied: false },
        },
    }
}

fn clamp(wait: Duration) -> Duration {
    wait.clamp(*ANNOUNCED.start(), *ANNOUNCED.end())
}

/// A wait of our own choosing: full jitter under an exponential bound.
pub(crate) fn back_off(policy: &RetryPolicy, attempt: u32, clock: &dyn Clock) -> Duration {
    let bound = policy.base.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(policy.cap);
    let bound = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    // The high half of the product is the share of the bound, without the bias of a remainder.
    let millis = (u128::from(clock.jitter()) * u128::from(bound)) >> 64;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// The wait after a throttle that announces none: it grows with each, and is never so short that asking is all there
/// is.
pub(crate) fn throttle(policy: &RetryPolicy, throttles: u32, clock: &dyn Clock) -> Duration {
    back_off(policy, throttles, clock).max(*ANNOUNCED.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_retry_class_has_its_verdict() {
        let error = |kind| Error::new(kind, "");
        let wait = Duration::from_secs(60);
        let throttled = error(ErrorKind::RateLimited).with_retry(Retry::Safe { after: Some(wait) });
        assert_eq!(verdict(&throttled, false), Verdict::Throttled(Some(wait)));
        assert_eq!(verdict(&error(ErrorKind::Unavailable), true), Verdict::Again { applied: false, after: None });
        assert_eq!(verdict(&error(ErrorKind::Timeout), true), Verdict::Again { applied: true, after: None });
        assert_eq!(verdict(&error(ErrorKind::Rejected), false), Verdict::Split);
        assert_eq!(verdict(&error(ErrorKind::Rejected), true), Verdict::RejectRow);
        assert_eq!(verdict(&error(ErrorKind::Unauthenticated), true), Verdict::Stop { applied: false });
        assert_eq!(verdict(&error(ErrorKind::UnexpectedReply), true), Verdict::Stop { applied: true });
    }

    #[test]
    fn announced_waits_are_clamped() {
        for (announced, obeyed) in [(0, 1), (1, 1), (90, 90), (86_400, 3_600)] {
            let after = Some(Duration::from_secs(announced));
            let error = Error::new(ErrorKind::RateLimited, "").with_retry(Retry::Safe { after });
            assert_eq!(verdict(&error, true), Verdict::Throttled(Some(Duration::from_secs(obeyed))));
        }
    }
}
