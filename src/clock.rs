//! Wall time, waiting and jitter behind one trait, so that a test can turn the hands itself.
//!
//! Nothing else in the crate reads a clock, sleeps or draws randomness for timing. Business time is not the clock's:
//! it comes with each run.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

pub use crate::time::Timestamp;

/// Wall time, waiting and jitter.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall time.
    fn now(&self) -> Timestamp;

    /// Returns after `duration`. Dropping the future gives the wait up.
    async fn sleep(&self, duration: Duration);

    /// A number spread evenly over all of `u64`, for jitter. Not for secrets.
    fn jitter(&self) -> u64;
}

#[async_trait]
impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }

    fn jitter(&self) -> u64 {
        (**self).jitter()
    }
}

/// The system's clock and tokio's timer.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock;

#[cfg(feature = "tokio")]
#[async_trait]
impl Clock for TokioClock {
    #[expect(clippy::disallowed_methods, reason = "the one room that reads the system's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "the one room that sleeps")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn jitter(&self) -> u64 {
        getrandom::u64().unwrap_or_default()
    }
}
