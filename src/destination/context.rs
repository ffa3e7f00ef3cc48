//! What a destination is given with every call.

use std::fmt;
use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
#[cfg(feature = "http")]
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "http")]
use crate::http::HttpClient;
use crate::observe::{Event, Observer};

/// What a destination is given with every call: time, HTTP, the observer, the run. A cheap clone.
///
/// The engine makes one per run; a host that drives destinations itself makes its own.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    run: String,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
    #[cfg(feature = "http")]
    http: Option<HttpClient>,
}

impl Context {
    /// A context for `run` on a clock, without HTTP and without an observer.
    pub fn new(run: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            run: run.into(),
            clock,
            observer: None,
            #[cfg(feature = "http")]
            http: None,
        }))
    }

    fn edit(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// Gives it an observer.
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn Observer>) -> Self {
        self.edit(|inner| inner.observer = Some(observer))
    }

    /// Gives it an HTTP client, which gets the context's clock.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn with_http(self, http: HttpClient) -> Self {
        self.edit(|inner| inner.http = Some(http.with_clock(inner.clock.clone())))
    }

    /// The run's id.
    pub fn run(&self) -> &str {
        &self.0.run
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The wall time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Tells the observer.
    pub fn emit(&self, event: &Event<'_>) {
        if let Some(observer) = &self.0.observer {
            observer.event(event);
        }
    }

    /// The HTTP client.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the engine was given no transport.
    #[cfg(feature = "http")]
    pub fn http(&self) -> Result<&HttpClient> {
        self.0.http.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "expected an HTTP transport, found none; turn on the feature `reqwest`, or give the engine a transport",
            )
        })
    }

    /// Runs blocking or CPU-bound work off the async threads.
    ///
    /// When the returned future is dropped the work still runs to its end: it must be safe to have been done.
    ///
    /// # Errors
    /// What `work` returns; [`crate::ErrorKind::Bug`] when it panics.
    #[cfg(feature = "tokio")]
    pub async fn blocking<T, F>(&self, work: F) -> crate::error::Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> crate::error::Result<T> + Send + 'static,
    {
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(_) => Err(crate::error::Error::new(
                crate::error::ErrorKind::Bug,
                "blocking work ended without a result: it panicked, or the runtime is shutting down",
            )
            .with_retry(crate::error::Retry::MaybeApplied)),
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("run", &self.0.run).finish_non_exhaustive()
    }
}
