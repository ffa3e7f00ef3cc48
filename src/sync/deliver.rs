//! One batch to its end: sent, tried again, split, until every row is settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};

use super::retry::{RetryPolicy, Verdict, back_off, throttle, verdict};
use crate::clock::Clock;
use crate::destination::{
    Action, AudienceRef, Batch, Capabilities, Context, Destination, JobRef, Outcome, Resend, Row, RowOutcome,
    SessionRef,
};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::observe::Event;
use crate::pace::Bucket;
use crate::state::RowSettled;

/// The reason of a row that was sent once, never confirmed, and must not be sent twice.
pub(crate) const UNCONFIRMED: &str = "unconfirmed";

/// Rows of one action on their way out, each with its operation's number in the plan.
pub(crate) struct Parcel {
    pub(crate) action: Action,
    pub(crate) rows: Arc<Vec<Row>>,
    pub(crate) ordinals: Vec<u32>,
    pub(crate) session: Option<SessionRef>,
    /// The last of its session.
    pub(crate) last: bool,
}

/// What came of a parcel.
pub(crate) struct Delivered {
    pub(crate) parcel: Parcel,
    /// One for each row.
    pub(crate) settled: Vec<RowSettled>,
    /// Jobs, each with the indexes of its rows.
    pub(crate) jobs: Vec<(JobRef, Vec<usize>)>,
    pub(crate) unattributed: u64,
    /// Why nothing more should be sent.
    pub(crate) stop: Option<Error>,
}

/// Sends the parcels of one run.
pub(crate) struct Courier<'a> {
    pub(crate) destination: &'a dyn Destination,
    pub(crate) capabilities: &'a Capabilities,
    pub(crate) cx: &'a Context,
    pub(crate) binding: &'a str,
    pub(crate) audience: &'a AudienceRef,
    pub(crate) row_version: u64,
    pub(crate) policy: &'a RetryPolicy,
    pub(crate) pacer: &'a Bucket,
    pub(crate) seq: AtomicU64,
}

/// Some rows of a parcel, to be sent in one call.
struct Group {
    rows: Vec<usize>,
    /// From 1.
    attempt: u32,
}

struct Progress {
    settled: Vec<Option<RowSettled>>,
    groups: Vec<Group>,
    jobs: Vec<(JobRef, Vec<usize>)>,
    unattributed: u64,
    /// Rows that an earlier attempt of this parcel may have applied.
    doubted: Vec<bool>,
    throttled: Duration,
    throttles: u32,
    stop: Option<Error>,
}

impl Courier<'_> {
    /// Sends a parcel until every row is settled, for this run.
    pub(crate) async fn deliver(&self, parcel: Parcel) -> Delivered {
        let count = parcel.rows.len();
        let mut progress = Progress {
            settled: vec![None; count],
            groups: vec![Group { rows: (0..count).collect(), attempt: 1 }],
            jobs: Vec::new(),
            unattributed: 0,
            doubted: vec![false; count],
            throttled: Duration::ZERO,
            throttles: 0,
            stop: None,
        };
        while let Some(group) = progress.groups.pop() {
            if progress.stop.is_some() {
                self.not_applied(&mut progress, &group);
                continue;
            }
            let batch = self.batch(&parcel, &group, progress.groups.is_empty());
            self.pacer.turn(&**self.cx.clock(), 1).await;
            match self.call(self.destination.send(self.cx, &batch)).await {
                Ok(outcome) => self.take(outcome, group, &mut progress).await,
                Err(error) => self.fail(error, group, &mut progress).await,
            }
        }
        // Every row was in exactly one group, and every group ended settled.
        let settled = progress.settled.into_iter().map(|row| row.unwrap_or(RowSettled::InDoubt)).collect();
        let Progress { jobs, unattributed, stop, .. } = progress;
        Delivered { parcel, settled, jobs, unattributed, stop }
    }

    /// A call that is not about rows: tried again while that is safe.
    pub(crate) async fn retried<T, F>(&self, mut call: impl FnMut() -> F + Send) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let mut attempt = 1;
        loop {
            self.pacer.turn(&**self.cx.clock(), 1).await;
            let error = match self.call(call()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let after = match error.retry() {
                Retry::Safe { after } => after,
                Retry::MaybeApplied => None,
                Retry::Never | Retry::Exhausted => return Err(error),
            };
            if attempt >= self.policy.attempts {
                return Err(error.with_retry(Retry::Exhausted));
            }
            self.wait(attempt, after, error.kind()).await;
            attempt += 1;
        }
    }

    /// No call waits for ever.
    pub(crate) async fn call<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        within(&**self.cx.clock(), self.policy.deadline, call).await
    }

    fn batch(&self, parcel: &Parcel, group: &Group, only: bool) -> Batch {
        let rows = if group.rows.len() == parcel.rows.len() {
            parcel.rows.clone()
        } else {
            Arc::new(group.rows.iter().filter_map(|index| parcel.rows.get(*index).cloned()).collect())
        };
        let batch = Batch::shared(self.cx.run(), self.audience.clone(), parcel.action, rows);
        let batch = batch.with_row_version(self.row_version);
        match &parcel.session {
            Some(session) => {
                let seq = self.seq.fetch_add(1, Ordering::Relaxed);
                batch.with_session(session.clone(), seq, parcel.last && only)
            }
            None => batch,
        }
    }

    async fn take(&self, outcome: Outcome, group: Group, progress: &mut Progress) {
        progress.unattributed += outcome.unattributed();
        let job = outcome.job().cloned();
        let outcomes = match outcome.resolve(group.rows.len()) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                settle(progress, &group, &self.doubt());
                progress.stop = Some(error);
                return;
            }
        };
        let (mut again, mut working) = (Vec::new(), Vec::new());
        for (index, outcome) in group.rows.iter().copied().zip(outcomes) {
            let mut settled = self.settled(outcome, job.is_some());
            if let Some(doubted) = progress.doubted.get_mut(index) {
                *doubted |= matches!(settled, RowSettled::InDoubt);
                if *doubted && matches!(settled, RowSettled::NotApplied) {
                    settled = self.doubt();
                }
            }
            match settled {
                RowSettled::NotApplied | RowSettled::InDoubt => again.push(index),
                RowSettled::Pending => working.push(index),
                _ => {}
            }
            if let Some(place) = progress.settled.get_mut(index) {
                *place = Some(settled);
            }
        }
        if let Some(job) = job.filter(|_| !working.is_empty()) {
            progress.jobs.push((job, working));
        }
        if !again.is_empty() && group.attempt < self.policy.attempts {
            self.wait(group.attempt, None, ErrorKind::Unavailable).await;
            progress.groups.push(Group { rows: again, attempt: group.attempt + 1 });
        }
    }

    fn settled(&self, outcome: RowOutcome, has_job: bool) -> RowSettled {
        match outcome {
            RowOutcome::Staged => RowSettled::Staged,
            RowOutcome::InDoubt => self.doubt(),
            // Pending without a job to ask about can never end.
            RowOutcome::Pending if !has_job => self.doubt(),
            outcome => settled_by_job(outcome),
        }
    }

    /// What a row is that may or may not have been applied.
    fn doubt(&self) -> RowSettled {
        match self.capabilities.resend {
            Resend::Never => RowSettled::Skipped { reason: UNCONFIRMED.to_owned() },
            _ => RowSettled::InDoubt,
        }
    }

    async fn fail(&self, error: Error, group: Group, progress: &mut Progress) {
        let alone = group.rows.len() == 1;
        match verdict(&error, alone) {
            Verdict::Split => {
                let Group { mut rows, attempt } = group;
                let second = rows.split_off(rows.len() / 2);
                progress.groups.push(Group { rows: second, attempt });
                progress.groups.push(Group { rows, attempt });
            }
            Verdict::RejectRow => {
                let code = error.code().map_or_else(|| error.kind().as_str().to_owned(), str::to_owned);
                settle(progress, &group, &RowSettled::Rejected { code, field: None });
            }
            Verdict::Throttled(after) => {
                progress.throttles += 1;
                let wait = after.unwrap_or_else(|| throttle(self.policy, progress.throttles, &**self.cx.clock()));
                progress.throttled += wait;
                if progress.throttled > self.policy.throttle_budget {
                    self.not_applied(progress, &group);
                    progress.stop = Some(error.with_retry(Retry::Exhausted));
                    return;
                }
                self.pacer.pause(&**self.cx.clock(), wait);
                self.cx.emit(&Event::Throttled { binding: self.binding, wait });
                progress.groups.push(group);
            }
            Verdict::Again { applied, after } => {
                if applied {
                    self.in_doubt(progress, &group);
                }
                let never_again = applied && self.capabilities.resend == Resend::Never;
                if never_again {
                    return;
                }
                if group.attempt < self.policy.attempts {
                    self.wait(group.attempt, after, error.kind()).await;
                    progress.groups.push(Group { attempt: group.attempt + 1, ..group });
                } else {
                    self.not_applied(progress, &group);
                    progress.stop = Some(error.with_retry(Retry::Exhausted));
                }
            }
            Verdict::Stop { applied } => {
                if applied {
                    self.in_doubt(progress, &group);
                } else {
                    self.not_applied(progress, &group);
                }
                progress.stop = Some(error);
            }
        }
    }

    /// The last attempt may have been applied.
    fn in_doubt(&self, progress: &mut Progress, group: &Group) {
        settle(progress, group, &self.doubt());
        for index in &group.rows {
            if let Some(doubted) = progress.doubted.get_mut(*index) {
                *doubted = true;
            }
        }
    }

    /// The last attempt was certainly not applied; one before it may have been.
    fn not_applied(&self, progress: &mut Progress, group: &Group) {
        for index in &group.rows {
            let doubted = progress.doubted.get(*index).copied().unwrap_or_default();
            if let Some(place) = progress.settled.get_mut(*index) {
                *place = Some(if doubted { self.doubt() } else { RowSettled::NotApplied });
            }
        }
    }

    async fn wait(&self, attempt: u32, after: Option<Duration>, kind: ErrorKind) {
        let clock = &**self.cx.clock();
        let wait = after.unwrap_or_else(|| back_off(self.policy, attempt, clock));
        self.cx.emit(&Event::Retrying { binding: self.binding, attempt: attempt + 1, wait, kind });
        clock.sleep(wait).await;
    }
}

/// What is asked, or a timeout.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    deadline: Duration,
    call: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    match select(std::pin::pin!(call), clock.sleep(deadline)).await {
        Either::Left((result, _)) => result,
        Either::Right(((), _)) => Err(Error::new(
            ErrorKind::Timeout,
            format!("expected the destination to answer within {deadline:?}, found no answer"),
        )),
    }
}

/// What a row is when a job or a session has ended.
pub(crate) fn settled_by_job(outcome: RowOutcome) -> RowSettled {
    match outcome {
        RowOutcome::Accepted { vendor_ref } => {
            RowSettled::Accepted { vendor_ref: vendor_ref.map(|reference| reference.as_str().to_owned()) }
        }
        RowOutcome::Rejected { code, field } => {
            RowSettled::Rejected { code: code.into_owned(), field: field.map(std::borrow::Cow::into_owned) }
        }
        RowOutcome::NotApplied => RowSettled::NotApplied,
        RowOutcome::Pending => RowSettled::Pending,
        RowOutcome::Staged | RowOutcome::InDoubt => RowSettled::InDoubt,
    }
}

fn settle(progress: &mut Progress, group: &Group, settled: &RowSettled) {
    for index in &group.rows {
        if let Some(place) = progress.settled.get_mut(*index) {
            *place = Some(settled.clone());
        }
    }
}
