//! A destination that fails where a test wants it to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::destination::{
    AudienceRef, AudienceSpec, Batch, Capabilities, Check, Context, Cost, Cursor, Destination, EventBatch, Info,
    JobRef, MemberPage, Outcome, Row, SessionRef, SessionSpec, Size,
};
use crate::error::{Error, ErrorKind, Result, Retry};

/// How a platform fails a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Done, and answered with something that is no answer: a page for people instead of data.
    GarbledAfterApply,
    /// Done, and the connection breaks before the answer.
    ResetAfterApply,
    /// Not done; the connection breaks once the request is out.
    ResetBeforeApply,
    /// Not done: too many requests, come again after a while, if it says when.
    Throttled {
        /// The wait it announces.
        after: Option<Duration>,
    },
    /// Done, and no answer comes.
    TimeoutAfterApply,
    /// Not done: the credential is refused.
    Unauthorized,
    /// Not done: out of service for now.
    Unavailable,
}

impl Fault {
    /// Whether the platform did what it was asked.
    pub fn applies(self) -> bool {
        matches!(self, Self::GarbledAfterApply | Self::ResetAfterApply | Self::TimeoutAfterApply)
    }

    /// The fault as a stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GarbledAfterApply => "garbled_after_apply",
            Self::ResetAfterApply => "reset_after_apply",
            Self::ResetBeforeApply => "reset_before_apply",
            Self::Throttled { .. } => "throttled",
            Self::TimeoutAfterApply => "timeout_after_apply",
            Self::Unauthorized => "unauthorized",
            Self::Unavailable => "unavailable",
        }
    }

    /// What a destination that keeps the contract makes of it.
    pub fn error(self) -> Error {
        let (kind, retry, message) = match self {
            Self::GarbledAfterApply => {
                (ErrorKind::UnexpectedReply, Retry::MaybeApplied, "expected a reply of the known form, found another")
            }
            Self::ResetAfterApply | Self::ResetBeforeApply => {
                (ErrorKind::Transport, Retry::MaybeApplied, "expected a complete reply, found a connection that broke")
            }
            Self::Throttled { after } => {
                (ErrorKind::RateLimited, Retry::Safe { after }, "expected room for a request, found none left")
            }
            Self::TimeoutAfterApply => {
                (ErrorKind::Timeout, Retry::MaybeApplied, "expected a reply within the deadline, found none")
            }
            Self::Unauthorized => {
                (ErrorKind::Unauthenticated, Retry::Never, "expected a valid credential, found one that was refused")
            }
            Self::Unavailable => {
                (ErrorKind::Unavailable, Retry::Safe { after: None }, "expected a platform in service, found none")
            }
        };
        Error::new(kind, message).with_retry(retry)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call of a destination, as faults and counters name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Call {
    /// [`Destination::begin`]
    Begin,
    /// [`Destination::check`]
    Check,
    /// [`Destination::finish`]
    Finish,
    /// [`Destination::forget`]
    Forget,
    /// [`Destination::members`]
    Members,
    /// [`Destination::open`]
    Open,
    /// [`Destination::poll`]
    Poll,
    /// [`Destination::record`]
    Record,
    /// [`Destination::send`]
    Send,
    /// [`Destination::size`]
    Size,
}

/// Wraps a destination and fails by plan, with the errors of [`Fault::error`]. A cheap clone: all clones share the plan
/// and the counters.
///
/// ```
/// use std::sync::Arc;
/// use audience_sync::destination::Memory;
/// use audience_sync::testkit::{Call, Fault, FaultDestination};
///
/// let crm = FaultDestination::new(Arc::new(Memory::new("crm")));
/// crm.fail(Call::Send, 2, Fault::ResetAfterApply);
/// assert_eq!(crm.count(Call::Send), 0);
/// ```
#[derive(Clone)]
pub struct FaultDestination {
    inner: Arc<dyn Destination>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    planned: Vec<(Call, u64, Fault)>,
    always: Option<Fault>,
    gone: bool,
    counts: BTreeMap<Call, u64>,
}

impl FaultDestination {
    /// Wraps a destination. Nothing fails yet.
    pub fn new(inner: Arc<dyn Destination>) -> Self {
        Self { inner, state: Arc::default() }
    }

    /// Fails the `nth` call of its kind, counted from 1 since the wrapper was made.
    pub fn fail(&self, call: Call, nth: u64, fault: Fault) {
        self.state().planned.push((call, nth, fault));
    }

    /// Fails every call from now on.
    pub fn fail_always(&self, fault: Fault) {
        self.state().always = Some(fault);
    }

    /// Lets the calling process be gone: nothing reaches the platform any more.
    pub fn kill(&self) {
        self.state().gone = true;
    }

    /// Forgets all faults. What the destination holds and the counters stay.
    pub fn heal(&self) {
        let mut state = self.state();
        state.planned.clear();
        (state.always, state.gone) = (None, false);
    }

    /// How many calls of a kind there were, failed ones included.
    pub fn count(&self, call: Call) -> u64 {
        self.state().counts.get(&call).copied().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn guard<T>(&self, call: Call, work: impl Future<Output = Result<T>>) -> Result<T> {
        let fault = {
            let mut state = self.state();
            let count = state.counts.entry(call).or_default();
            *count += 1;
            let count = *count;
            let planned = state.planned.iter().find(|(of, nth, _)| (*of, *nth) == (call, count));
            let planned = planned.map(|(_, _, fault)| *fault);
            if state.gone { Some(Fault::ResetBeforeApply) } else { planned.or(state.always) }
        };
        match fault {
            None => work.await,
            Some(fault) if fault.applies() => work.await.and_then(|_| Err(fault.error())),
            Some(fault) => Err(fault.error()),
        }
    }
}

impl fmt::Debug for FaultDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultDestination").field(&self.inner).finish()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Destination for FaultDestination {
    fn info(&self) -> Info {
        self.inner.info()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        self.guard(Call::Send, self.inner.send(cx, batch)).await
    }

    fn cost(&self, row: &Row) -> Cost {
        self.inner.cost(row)
    }

    async fn check(&self, cx: &Context) -> Result<Check> {
        self.guard(Call::Check, self.inner.check(cx)).await
    }

    async fn open(&self, cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
        self.guard(Call::Open, self.inner.open(cx, spec)).await
    }

    async fn begin(&self, cx: &Context, spec: &SessionSpec) -> Result<SessionRef> {
        self.guard(Call::Begin, self.inner.begin(cx, spec)).await
    }

    async fn finish(&self, cx: &Context, session: &SessionRef) -> Result<Outcome> {
        self.guard(Call::Finish, self.inner.finish(cx, session)).await
    }

    async fn poll(&self, cx: &Context, job: &JobRef) -> Result<Outcome> {
        self.guard(Call::Poll, self.inner.poll(cx, job)).await
    }

    async fn size(&self, cx: &Context, audience: &AudienceRef) -> Result<Size> {
        self.guard(Call::Size, self.inner.size(cx, audience)).await
    }

    async fn members(&self, cx: &Context, audience: &AudienceRef, after: Option<Cursor>) -> Result<MemberPage> {
        self.guard(Call::Members, self.inner.members(cx, audience, after)).await
    }

    async fn record(&self, cx: &Context, events: &EventBatch) -> Result<Outcome> {
        self.guard(Call::Record, self.inner.record(cx, events)).await
    }

    async fn forget(&self, cx: &Context, people: &Batch) -> Result<Outcome> {
        self.guard(Call::Forget, self.inner.forget(cx, people)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::{Action, Memory};
    use crate::testkit::ManualClock;
    use crate::testkit::conformance::sample_row;

    #[tokio::test]
    async fn calls_fail_as_planned_and_what_applies_is_there() {
        let memory = Memory::new("crm");
        let crm = FaultDestination::new(Arc::new(memory.clone()));
        let cx = Context::new("run", Arc::new(ManualClock::new()));
        let audience = AudienceRef::new("buyers", "buyers");
        let send = async |n| {
            let row = sample_row(&crm.capabilities(), n, cx.now());
            crm.send(&cx, &Batch::new("run", audience.clone(), Action::Add, vec![row]))
                .await
                .map_err(|error| error.kind())
        };
        crm.fail(Call::Send, 2, Fault::ResetAfterApply);
        crm.fail(Call::Send, 3, Fault::ResetBeforeApply);
        assert!(send(1).await.is_ok());
        assert_eq!(send(2).await, Err(ErrorKind::Transport));
        assert_eq!(send(3).await, Err(ErrorKind::Transport));
        assert_eq!(memory.member_ids("buyers").len(), 2);
        crm.fail_always(Fault::Throttled { after: None });
        assert_eq!(send(4).await, Err(ErrorKind::RateLimited));
        assert_eq!(crm.size(&cx, &audience).await.unwrap_err().kind(), ErrorKind::RateLimited);
        crm.heal();
        crm.kill();
        assert!(send(5).await.is_err());
        crm.heal();
        assert_eq!((memory.member_ids("buyers").len(), crm.count(Call::Send), crm.count(Call::Size)), (2, 5, 1));
    }
}
