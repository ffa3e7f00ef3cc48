//! The engine: what a host holds on to and calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::Stream;

use super::binding::Binding;
use super::many;
use super::members::Members;
use super::pace::pacer;
use super::plan::{Approval, Plan};
use super::record::{self, EventReport};
use super::report::RunReport;
use super::retry::RetryPolicy;
use super::run::Run;
use crate::clock::{Clock, Timestamp, TokioClock};
use crate::destination::{Context, Destination, KeyEvent, RunLog};
use crate::diff::DiffOptions;
use crate::error::Result;
#[cfg(feature = "http")]
use crate::http::HttpClient;
use crate::identity::{Canonicalizer, Member};
use crate::observe::Observer;
use crate::pace::Bucket;
use crate::secret::Keyring;
use crate::state::State;

/// Carries audiences to destinations and keeps them true. A cheap clone; one serves a whole process.
///
/// A run is `plan → guard → send → settle → checkpoint → report`. Its future may be dropped at any await: what was sent
/// is in the journal, and the next run goes on from there.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> audience_sync::Result<()> {
/// use audience_sync::audience::Audience;
/// use audience_sync::destination::Memory;
/// use audience_sync::identity::Member;
/// use audience_sync::secret::Keyring;
/// use audience_sync::state::State;
/// use audience_sync::sync::{Binding, Engine};
///
/// let engine = Engine::builder(State::in_memory(), Keyring::generate()?).build()?;
/// let memory = Memory::new("crm");
/// let audience = Audience::named("CI | Cart Abandon | 0-24h | Excl Purch 7d")?;
/// let binding = Binding::new(audience, memory.clone());
///
/// let report = engine.sync(&binding, [Member::new("u-1"), Member::new("u-2")]).await?;
/// assert!(report.is_success());
/// assert_eq!(memory.member_ids(binding.audience().key()).len(), 2);
///
/// let report = engine.sync(&binding, [Member::new("u-2")]).await?;
/// assert_eq!(report.remove.accepted, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) state: State,
    pub(crate) keyring: Keyring,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    #[cfg(feature = "http")]
    pub(crate) http: Option<HttpClient>,
    pub(crate) run_log: Option<Arc<dyn RunLog>>,
    pub(crate) canonicalizer: Canonicalizer,
    pub(crate) retry: RetryPolicy,
    pub(crate) diff: DiffOptions,
    /// By destination: all bindings and all runs keep below its rate together.
    pacers: Mutex<BTreeMap<String, Arc<Bucket>>>,
}

impl Engine {
    /// An engine over a state, under the host's keys.
    pub fn builder(state: State, keyring: Keyring) -> EngineBuilder {
        EngineBuilder(Inner {
            state,
            keyring,
            clock: Arc::new(TokioClock),
            observer: None,
            #[cfg(feature = "http")]
            http: None,
            run_log: None,
            canonicalizer: Canonicalizer::new(),
            retry: RetryPolicy::default(),
            diff: DiffOptions::default(),
            pacers: Mutex::default(),
        })
    }

    /// Makes the destination's members those of the source: plans, judges, sends, settles, reports.
    ///
    /// The report says how it went, also when a guard refused the plan or the destination could not be reached: look at
    /// [`RunReport::status`], or go on with [`RunReport::into_success`].
    ///
    /// # Errors
    /// When the run could not come to a plan, or could not write down what it did:
    /// [`ErrorKind::Source`](crate::ErrorKind::Source) for a source that breaks off (nothing was sent),
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when another run has the binding,
    /// [`ErrorKind::State`](crate::ErrorKind::State) for damaged state or another key.
    pub async fn sync<'a>(&self, binding: &Binding, members: impl Into<Members<'a>> + Send) -> Result<RunReport> {
        self.sync_with(binding, members, &RunOptions::default()).await
    }

    /// [`Engine::sync`] with options.
    ///
    /// # Errors
    /// As [`Engine::sync`].
    pub async fn sync_with<'a>(
        &self,
        binding: &Binding,
        members: impl Into<Members<'a>> + Send,
        options: &RunOptions,
    ) -> Result<RunReport> {
        let runs = self.sync_all_with(std::slice::from_ref(binding), members, options).await?;
        runs.into_iter().next().unwrap_or_else(|| Err(many::no_run()))
    }

    /// [`Engine::sync`] over a stream that may break off.
    ///
    /// # Errors
    /// As [`Engine::sync`].
    pub async fn sync_stream(
        &self,
        binding: &Binding,
        members: impl Stream<Item = Result<Member>> + Send,
    ) -> Result<RunReport> {
        self.sync(binding, Members::stream(members)).await
    }

    /// Syncs several bindings from one reading of the source: one result for each, in their order.
    ///
    /// A member belongs to the audiences it names ([`Member::in_audience`]), or to all of them. Suppression audiences go
    /// first; while one is not in order, additions to the audiences that exclude it wait, at the same destination.
    ///
    /// # Errors
    /// [`ErrorKind::Source`](crate::ErrorKind::Source) when the source breaks off: nothing was sent anywhere.
    pub async fn sync_all<'a>(
        &self,
        bindings: &[Binding],
        members: impl Into<Members<'a>> + Send,
    ) -> Result<Vec<Result<RunReport>>> {
        self.sync_all_with(bindings, members, &RunOptions::default()).await
    }

    /// [`Engine::sync_all`] with options.
    ///
    /// # Errors
    /// As [`Engine::sync_all`].
    pub async fn sync_all_with<'a>(
        &self,
        bindings: &[Binding],
        members: impl Into<Members<'a>> + Send,
        options: &RunOptions,
    ) -> Result<Vec<Result<RunReport>>> {
        many::sync_all(&self.0, bindings, members.into(), options).await
    }

    /// Plans without sending: a dry run. The plan can be applied later, as long as nothing else has changed the binding.
    ///
    /// # Errors
    /// As [`Engine::sync`].
    pub async fn plan<'a>(&self, binding: &Binding, members: impl Into<Members<'a>> + Send) -> Result<Plan> {
        self.plan_with(binding, members, &RunOptions::default()).await
    }

    /// [`Engine::plan`] with options.
    ///
    /// # Errors
    /// As [`Engine::sync`].
    pub async fn plan_with<'a>(
        &self,
        binding: &Binding,
        members: impl Into<Members<'a>> + Send,
        options: &RunOptions,
    ) -> Result<Plan> {
        many::plan(&self.0, binding, members.into(), options).await
    }

    /// Carries out a plan of [`Engine::plan`].
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when the binding has moved on since the plan was made.
    /// Otherwise as [`Engine::sync`].
    pub async fn apply(&self, binding: &Binding, plan: &Plan) -> Result<RunReport> {
        self.apply_with(binding, plan, &RunOptions::default()).await
    }

    /// [`Engine::apply`] with options; the business time is the plan's.
    ///
    /// # Errors
    /// As [`Engine::apply`].
    pub async fn apply_with(&self, binding: &Binding, plan: &Plan, options: &RunOptions) -> Result<RunReport> {
        Run::open(&self.0, binding, plan.as_of).await?.apply(plan.clone(), options).await
    }

    /// Records key events (orders, conversions) at the binding's destination: an outcome for each, and no state.
    ///
    /// Events that end unsettled are to be sent again by the host, with the same event ids.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when the destination takes no key events. What happens
    /// on the way is in the report.
    pub async fn record(&self, binding: &Binding, events: Vec<KeyEvent>) -> Result<EventReport> {
        record::record(&self.0, binding, events).await
    }

    /// A context as the engine gives it to destinations: to call one directly, for a check or a size.
    pub fn context(&self) -> Context {
        self.0.context(&self.0.run_id())
    }
}

impl Inner {
    pub(crate) fn context(&self, run: &str) -> Context {
        let cx = Context::new(run, self.clock.clone());
        #[cfg(feature = "http")]
        let cx = match &self.http {
            Some(http) => cx.with_http(http.clone()),
            None => cx,
        };
        match &self.observer {
            Some(observer) => cx.with_observer(observer.clone()),
            None => cx,
        }
    }

    pub(crate) fn pacer(&self, destination: &dyn Destination) -> Arc<Bucket> {
        let mut pacers = self.pacers.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(pacer(destination.capabilities().rate));
        pacers.entry(destination.info().id).or_insert_with(new).clone()
    }

    /// Sorts by time, and is the same again where the clock is.
    pub(crate) fn run_id(&self) -> String {
        format!("{:012x}-{:016x}", self.clock.now().as_millis(), self.clock.jitter())
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("state", &self.0.state).finish_non_exhaustive()
    }
}

/// Puts an [`Engine`] together.
#[must_use]
pub struct EngineBuilder(Inner);

impl EngineBuilder {
    /// Another clock than the system's.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.0.clock = Arc::new(clock);
        self
    }

    /// Tells what goes on.
    pub fn with_observer(mut self, observer: impl Observer + 'static) -> Self {
        self.0.observer = Some(Arc::new(observer));
        self
    }

    /// Another HTTP client than the built-in one.
    #[cfg(feature = "http")]
    pub fn with_http(mut self, http: HttpClient) -> Self {
        self.0.http = Some(http);
        self
    }

    /// Logs the runs of every binding there.
    pub fn with_run_log(mut self, log: impl RunLog) -> Self {
        self.0.run_log = Some(Arc::new(log));
        self
    }

    /// How values are made canonical: the default region of phones, and so on.
    pub fn with_canonicalizer(mut self, canonicalizer: Canonicalizer) -> Self {
        self.0.canonicalizer = canonicalizer;
        self
    }

    /// How often and how long one run tries.
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.0.retry = retry;
        self
    }

    /// How much memory a run takes for the members of its source, and where it puts those that do not fit: what of
    /// them could be read by others is encrypted, with a key that ends with the run. `threads`, `on_conflict` and
    /// `max_null_keys_ppm` do not count here.
    pub fn with_diff(mut self, options: DiffOptions) -> Self {
        self.0.diff = options;
        self
    }

    /// The engine.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when the built-in transport cannot be set up, or for options out
    /// of range.
    pub fn build(mut self) -> Result<Engine> {
        self.0.diff.check()?;
        #[cfg(feature = "reqwest")]
        if self.0.http.is_none() {
            self.0.http = Some(HttpClient::new(Arc::new(crate::http::ReqwestTransport::new()?)));
        }
        self.0.retry.attempts = self.0.retry.attempts.max(1);
        Ok(Engine(Arc::new(self.0)))
    }
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder").field("state", &self.0.state).finish_non_exhaustive()
    }
}

/// What one run is told besides its members.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// The business time: what has expired by then is over, and what happens counts from then. Default: the wall time.
    pub as_of: Option<Timestamp>,
    /// Plans that may pass their guards.
    pub approvals: Vec<Approval>,
}

impl RunOptions {
    /// Sets the business time.
    #[must_use]
    pub fn as_of(mut self, moment: Timestamp) -> Self {
        self.as_of = Some(moment);
        self
    }

    /// Lets one exact plan pass its guards.
    #[must_use]
    pub fn approve(mut self, approval: Approval) -> Self {
        self.approvals.push(approval);
        self
    }

    pub(crate) fn approves(&self, plan: &Plan) -> bool {
        self.approvals.iter().any(|approval| approval.digest == plan.digest)
    }
}
