//! One check's place of work: audiences and people of its own, and rows delivered as the engine would.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::harness::Harness;
use super::people;
use crate::destination::{
    Action, AudienceRef, AudienceSpec, Batch, Capabilities, Context, Cost, Destination, JobRef, MemberId, Outcome, Row,
    RowOutcome, SessionKind, SessionRef, SessionSpec, VendorRef,
};
use crate::error::{Error, Result};
use crate::observe::Event;
use crate::time::Timestamp;

/// How often a job is asked about, a second apart on the context's clock, before it counts as never ending.
const POLLS: u32 = 100;
/// The samples of one check: numbers beyond are another check's.
const PEOPLE: u32 = 20_000;

/// Why a check ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The destination does not do what the check asks.
    Fail(String),
    /// The check cannot be made here.
    Skip(String),
    /// What the check stands on does not hold. It is that check's failure; if that one passes, it is this one's.
    Blocked { on: &'static str, why: String },
}

pub(super) type Checked<T = ()> = std::result::Result<T, Stop>;

pub(super) fn fail<T>(why: impl Into<String>) -> Checked<T> {
    Err(Stop::Fail(why.into()))
}

pub(super) fn skip<T>(why: impl Into<String>) -> Checked<T> {
    Err(Stop::Skip(why.into()))
}

pub(super) fn blocked(on: &'static str, why: impl Into<String>) -> Stop {
    Stop::Blocked { on, why: why.into() }
}

/// What all checks saw: looked through by those on secrecy and on honest outcomes.
#[derive(Default)]
pub(super) struct Seen {
    /// Errors with all their causes.
    pub(super) errors: Vec<String>,
    /// Codes and fields of rejects.
    pub(super) rejects: Vec<(String, Option<String>)>,
    /// Events the observer was told.
    pub(super) events: Vec<String>,
    /// Digests of samples that were sent.
    pub(super) digests: Vec<String>,
    /// Outcomes that the capabilities rule out.
    pub(super) undeclared: Vec<&'static str>,
}

#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Seen>>);

impl Notes {
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One check's place of work.
pub(super) struct Bench<'a> {
    pub(super) harness: &'a dyn Harness,
    pub(super) destination: Arc<dyn Destination>,
    pub(super) capabilities: Capabilities,
    pub(super) cx: Context,
    pub(super) notes: Notes,
    name: &'static str,
    first_person: u32,
    people: AtomicU32,
    version: AtomicU64,
    vendor_refs: Mutex<HashMap<MemberId, VendorRef>>,
    /// What audiences that are replaced as a whole should hold.
    wanted: Mutex<HashMap<String, BTreeMap<MemberId, Row>>>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(harness: &'a dyn Harness, notes: &Notes, name: &'static str, number: u32) -> Self {
        let destination = harness.destination();
        let observed = notes.clone();
        let observer = move |event: &Event<'_>| observed.seen().events.push(format!("{event:?}"));
        Self {
            harness,
            capabilities: destination.capabilities(),
            destination,
            cx: harness.context().with_observer(Arc::new(observer)),
            notes: notes.clone(),
            name,
            first_person: number * PEOPLE,
            people: AtomicU32::new(0),
            version: AtomicU64::new(0),
            vendor_refs: Mutex::default(),
            wanted: Mutex::default(),
        }
    }

    /// People nobody else has, dressed by the harness.
    pub(super) fn rows(&self, count: usize) -> Vec<Row> {
        let now = self.cx.now();
        let one = |_| {
            let n = self.first_person + self.people.fetch_add(1, Ordering::Relaxed);
            self.harness.dress(people::sample_row(&self.capabilities, n, now))
        };
        let rows: Vec<Row> = (0..count).map(one).collect();
        self.notes.seen().digests.extend(rows.iter().take(3).flat_map(people::digests));
        rows
    }

    /// The rows that take members away.
    pub(super) fn removals(&self, rows: &[Row]) -> Vec<Row> {
        let refs = lock(&self.vendor_refs);
        let one = |row| {
            let removal = people::removal(&self.capabilities, row, self.later());
            Row { vendor_ref: refs.get(&row.member_id).cloned(), ..removal }
        };
        rows.iter().map(one).collect()
    }

    /// A moment after all before: two actions of one check never count from the same one.
    pub(super) fn later(&self) -> Timestamp {
        self.cx.now().plus(Duration::from_millis(self.version.fetch_add(1, Ordering::Relaxed) + 1))
    }

    pub(super) fn spec(&self, suffix: &str) -> AudienceSpec {
        let key = format!("conformance.{}.{suffix}", self.name);
        AudienceSpec::new(key, format!("Conformance {suffix} {}", self.name))
    }

    /// An audience of this check alone.
    pub(super) async fn open(&self, suffix: &str) -> Checked<AudienceRef> {
        let opened = self.told(self.destination.open(&self.cx, &self.spec(suffix)).await);
        opened.map_err(|error| blocked("honesty.open_twice_same_audience", format!("open failed: {error}")))
    }

    /// Keeps an error for the checks on secrecy.
    pub(super) fn told<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.notes.seen().errors.push(everything(error));
        }
        result
    }

    pub(super) fn batch(&self, audience: &AudienceRef, action: Action, rows: Vec<Row>) -> Batch {
        let version = self.later().as_millis().unsigned_abs();
        Batch::new(self.cx.run(), audience.clone(), action, rows).with_row_version(version)
    }

    /// Sends one batch once, outside or inside a session.
    pub(super) async fn send(&self, batch: &Batch) -> Result<Outcome> {
        self.told(self.destination.send(&self.cx, batch).await)
    }

    /// Begins a session where the destination wants one.
    pub(super) async fn begin(
        &self,
        audience: &AudienceRef,
        action: Action,
        rows: usize,
    ) -> Checked<Option<SessionRef>> {
        let of = match self.capabilities.session {
            SessionKind::None => return Ok(None),
            SessionKind::Replace => None,
            SessionKind::PerAction => Some(action),
        };
        let spec = SessionSpec::new(self.cx.run(), audience.clone(), of, rows as u64);
        let begun = self.told(self.destination.begin(&self.cx, &spec).await);
        begun.map(Some).map_err(|error| blocked(SESSIONS, format!("begin failed: {error}")))
    }

    /// Sends rows as the engine would, to the end: in batches within the limits, in a session, with its jobs.
    pub(super) async fn deliver(
        &self,
        audience: &AudienceRef,
        action: Action,
        rows: Vec<Row>,
    ) -> Checked<Vec<RowOutcome>> {
        let given = rows.len();
        let (action, rows) = self.as_replacement(audience, action, rows);
        let session = self.begin(audience, action, rows.len()).await?;
        let parts = self.split(rows);
        let (count, mut settled) = (parts.len(), Vec::new());
        for (index, part) in parts.into_iter().enumerate() {
            let batch = match &session {
                Some(session) => self.batch(audience, action, part).with_session(
                    session.clone(),
                    index as u64 + 1,
                    index + 1 == count,
                ),
                None => self.batch(audience, action, part),
            };
            let outcome = self.send(&batch).await.map_err(|error| {
                let why = format!("{action} of {} rows was refused: {error}", batch.rows().len());
                blocked(basis(action), why)
            })?;
            let outcomes = self.settle(outcome, batch.rows().len()).await?;
            self.keep_refs(batch.rows(), &outcomes);
            settled.extend(outcomes);
        }
        if let Some(session) = &session {
            self.finish(session, &mut settled).await?;
        }
        // The rows of a replacement that were not asked for are the check's own from before.
        settled.resize(given.max(settled.len()), RowOutcome::ACCEPTED);
        Ok(settled)
    }

    async fn finish(&self, session: &SessionRef, settled: &mut [RowOutcome]) -> Checked {
        let finished = self.told(self.destination.finish(&self.cx, session).await);
        let outcome = finished.map_err(|error| blocked(SESSIONS, format!("finish failed: {error}")))?;
        let staged: Vec<_> = settled.iter_mut().filter(|outcome| **outcome == RowOutcome::Staged).collect();
        let outcomes = self.settle(outcome, staged.len()).await?;
        staged.into_iter().zip(outcomes).for_each(|(place, outcome)| *place = outcome);
        Ok(())
    }

    /// An outcome's rows, with its job asked to its end.
    pub(super) async fn settle(&self, outcome: Outcome, rows: usize) -> Checked<Vec<RowOutcome>> {
        let job = outcome.job().cloned();
        let mut outcomes = self.resolve(outcome, rows)?;
        let open: Vec<usize> = (0..rows).filter(|&row| outcomes.get(row) == Some(&RowOutcome::Pending)).collect();
        if open.is_empty() {
            return Ok(outcomes);
        }
        let Some(job) = job else {
            return Err(blocked(JOBS, "expected a job with pending rows, found none"));
        };
        for (row, outcome) in open.iter().zip(self.poll(&job, open.len()).await?) {
            if let Some(place) = outcomes.get_mut(*row) {
                *place = outcome;
            }
        }
        Ok(outcomes)
    }

    async fn poll(&self, job: &JobRef, rows: usize) -> Checked<Vec<RowOutcome>> {
        for _ in 0..POLLS {
            let polled = self.told(self.destination.poll(&self.cx, job).await);
            let outcome = polled.map_err(|error| blocked(JOBS, format!("poll failed: {error}")))?;
            let outcomes = self.resolve(outcome, rows)?;
            if !outcomes.contains(&RowOutcome::Pending) {
                return Ok(outcomes);
            }
            self.cx.clock().sleep(Duration::from_secs(1)).await;
        }
        Err(blocked(JOBS, format!("expected a job to end within {POLLS} questions, found it open")))
    }

    pub(super) fn resolve(&self, outcome: Outcome, rows: usize) -> Checked<Vec<RowOutcome>> {
        let resolved = outcome.resolve(rows).map_err(|error| blocked(COVERS, error.to_string()))?;
        let mut seen = self.notes.seen();
        let mut undeclared = None;
        for outcome in &resolved {
            match outcome {
                RowOutcome::Rejected { code, field } => {
                    seen.rejects.push((code.to_string(), field.as_ref().map(ToString::to_string)));
                }
                RowOutcome::Pending if !self.capabilities.jobs => undeclared = Some("pending rows without jobs"),
                RowOutcome::Staged if self.capabilities.session == SessionKind::None => {
                    undeclared = Some("staged rows without sessions");
                }
                _ => {}
            }
        }
        let Some(undeclared) = undeclared else { return Ok(resolved) };
        seen.undeclared.push(undeclared);
        Err(blocked(OUTCOMES, format!("found {undeclared}")))
    }

    /// Where audiences are replaced as a whole, every delivery is all that should be there.
    fn as_replacement(&self, audience: &AudienceRef, action: Action, rows: Vec<Row>) -> (Action, Vec<Row>) {
        if self.capabilities.session != SessionKind::Replace {
            return (action, rows);
        }
        let mut wanted = lock(&self.wanted);
        let members = wanted.entry(audience.id.clone()).or_default();
        for row in rows {
            match action {
                Action::Remove => members.remove(&row.member_id),
                Action::Add | Action::Update => members.insert(row.member_id.clone(), row),
            };
        }
        (Action::Add, members.values().cloned().collect())
    }

    fn split(&self, rows: Vec<Row>) -> Vec<Vec<Row>> {
        let mut parts: Vec<Vec<Row>> = Vec::new();
        let mut sum = Cost::default();
        for row in rows {
            let cost = self.destination.cost(&row);
            match parts.last_mut() {
                Some(part) if self.capabilities.limits.fits(sum + cost) => {
                    part.push(row);
                    sum = sum + cost;
                }
                _ => {
                    parts.push(vec![row]);
                    sum = cost;
                }
            }
        }
        parts
    }

    fn keep_refs(&self, rows: &[Row], outcomes: &[RowOutcome]) {
        let mut refs = lock(&self.vendor_refs);
        for (row, outcome) in rows.iter().zip(outcomes) {
            if let RowOutcome::Accepted { vendor_ref: Some(reference) } = outcome {
                refs.insert(row.member_id.clone(), reference.clone());
            }
        }
    }

    /// Delivers rows that must all be accepted; otherwise it is the failure of the action's own check.
    pub(super) async fn set_up(&self, audience: &AudienceRef, action: Action, rows: Vec<Row>) -> Checked {
        let outcomes = self.deliver(audience, action, rows).await?;
        match not_accepted(&outcomes) {
            None => Ok(()),
            Some(found) => Err(blocked(basis(action), format!("expected {action} to be accepted, found {found}"))),
        }
    }

    /// Delivers rows that were sent before. Where that is refused, it is the failure of the check on sending twice.
    pub(super) async fn set_up_again(&self, audience: &AudienceRef, action: Action, rows: Vec<Row>) -> Checked {
        self.set_up(audience, action, rows).await.map_err(|stop| match stop {
            Stop::Blocked { on, why } if on == basis(action) => blocked(twice(action), why),
            stop => stop,
        })
    }

    /// What is wrong about an audience's members as seen from outside; `Ok(None)` when nothing is.
    pub(super) async fn difference(&self, audience: &AudienceRef, expected: &[Row]) -> Checked<Option<String>> {
        let Some(mut found) = self.harness.members(audience).await else {
            return skip("nobody can look at the platform's members from outside");
        };
        let mut expected: Vec<String> = expected.iter().map(|row| self.harness.name_of(row)).collect();
        found.sort_unstable();
        expected.sort_unstable();
        if found == expected {
            return Ok(None);
        }
        let missing = expected.iter().filter(|name| found.binary_search(name).is_err()).count();
        let too_many = found.iter().filter(|name| expected.binary_search(name).is_err()).count();
        let doubled = found.windows(2).filter(|pair| pair.first() == pair.last()).count();
        let (want, have) = (expected.len(), found.len());
        Ok(Some(format!(
            "expected {want} members, found {have}: {missing} missing, {too_many} not expected, {doubled} doubled"
        )))
    }

    /// The audience holds exactly these; otherwise the check fails.
    pub(super) async fn expect(&self, audience: &AudienceRef, expected: &[Row]) -> Checked {
        match self.difference(audience, expected).await? {
            None => Ok(()),
            Some(difference) => fail(difference),
        }
    }

    /// The audience holds exactly these; otherwise it is the failure of the check that it stands on.
    pub(super) async fn suppose(&self, on: &'static str, audience: &AudienceRef, expected: &[Row]) -> Checked {
        match self.difference(audience, expected).await? {
            None => Ok(()),
            Some(difference) => Err(blocked(on, difference)),
        }
    }

    /// An audience with so many members, seen from outside.
    pub(super) async fn audience_of(&self, count: usize) -> Checked<(AudienceRef, Vec<Row>)> {
        let audience = self.open("a").await?;
        let rows = self.rows(count);
        self.set_up(&audience, Action::Add, rows.clone()).await?;
        self.suppose(ADD, &audience, &rows).await?;
        Ok((audience, rows))
    }
}

pub(super) const ADD: &str = "sending.add_makes_members";
pub(super) const REMOVE: &str = "sending.remove_takes_only_named";
const RESEND: &str = "sending.resend_changes_nothing";
const REMOVE_TWICE: &str = "sending.remove_twice_is_accepted";
const UPDATE: &str = "sending.update_if_declared";
const COVERS: &str = "replies.outcome_covers_batch";
const JOBS: &str = "replies.jobs_end";
const OUTCOMES: &str = "honesty.outcomes_fit_capabilities";
const SESSIONS: &str = "honesty.declared_sessions_work";

/// The check that shows whether an action works at all.
pub(super) fn basis(action: Action) -> &'static str {
    match action {
        Action::Add => ADD,
        Action::Remove => REMOVE,
        Action::Update => UPDATE,
    }
}

/// The check that shows whether an action may be sent twice.
pub(super) fn twice(action: Action) -> &'static str {
    if action == Action::Remove { REMOVE_TWICE } else { RESEND }
}

/// The first outcome that is not an acceptance, in words.
pub(super) fn not_accepted(outcomes: &[RowOutcome]) -> Option<String> {
    let (row, outcome) = outcomes.iter().enumerate().find(|(_, it)| !matches!(it, RowOutcome::Accepted { .. }))?;
    Some(match outcome {
        RowOutcome::Rejected { code, .. } => format!("row {row} rejected ({code})"),
        RowOutcome::NotApplied => format!("row {row} not applied"),
        RowOutcome::InDoubt => format!("row {row} in doubt"),
        RowOutcome::Pending => format!("row {row} pending"),
        _ => format!("row {row} staged"),
    })
}

fn everything(error: &Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{error:#?}");
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!("\n{cause}\n{cause:?}"));
        next = cause.source();
    }
    text
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
