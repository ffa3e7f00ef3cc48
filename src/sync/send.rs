//! A plan on its way out: audience, sessions, removals, additions, jobs, then what it all amounts to.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::future::join;

use super::codec::Op;
use super::deliver::{Courier, within};
use super::dispatch::Dispatch;
use super::note::RunNote;
use super::plan::Plan;
use super::report::{RunError, RunReport};
use super::rows::{entry_row, removal_row};
use super::run::{Planned, Run};
use super::settle::{action_of, next_row_version};
use super::tally::Tally;
use crate::destination::{
    Action, AudienceRef, AudienceSpec, Context, Row, RunRecord, RunStatus, SessionKind, SessionRef, SessionSpec,
};
use crate::error::{Error, ErrorKind, Result};
use crate::observe::Event;
use crate::state::{Entry, OpenJob, PlanReader, RowSettled};

/// The first wait between two questions about a job; it doubles up to a minute.
const JOB_WAIT: Duration = Duration::from_secs(1);

/// An operation as one action has it.
pub(crate) enum Outgoing {
    Row(Row),
    /// A removal of which nothing is left to send.
    Shared,
}

/// What the next part of a plan holds for an action, with each operation's number.
async fn next_rows(
    cx: &Context,
    reader: &mut PlanReader,
    store_id: [u8; 16],
    action: Action,
) -> Result<Option<Vec<(u32, Outgoing)>>> {
    let Some(part) = reader.next_part().await? else { return Ok(None) };
    let rows = cx.blocking(move || {
        let mut rows = Vec::with_capacity(part.records.len());
        for (ordinal, record) in (part.first..).zip(&part.records) {
            let op = Op::read(record)?;
            let row = match action {
                Action::Remove if op.removal.as_ref().is_some_and(|removal| removal.shared) => Some(Outgoing::Shared),
                Action::Remove => removal_row(store_id, &op).map(Outgoing::Row),
                _ => entry_row(store_id, &op).filter(|(of, _)| *of == action).map(|(_, row)| Outgoing::Row(row)),
            };
            rows.extend(row.map(|row| (ordinal, row)));
        }
        Ok(rows)
    });
    rows.await.map(Some)
}

/// One plan on its way out.
pub(crate) struct Sending {
    pub(crate) run: Run,
    plan: Plan,
    unused: BTreeMap<String, u64>,
    waits_for: Option<String>,
    approved: bool,
    /// What this run wrote to the journal.
    pub(crate) entries: Vec<Entry>,
    pub(crate) tally: Tally,
    pub(crate) stop: Option<Error>,
    open_jobs: u64,
}

impl Sending {
    pub(crate) fn new(planned: Planned, approved: bool) -> Self {
        let Planned { run, plan, unused, waits_for } = planned;
        let mut tally = Tally::default();
        tally.unattributed = run.unattributed;
        let unused = unused.into_iter().map(|((kind, code), count)| (format!("{kind}: {code}"), count)).collect();
        Self { run, plan, unused, waits_for, approved, entries: Vec::new(), tally, stop: None, open_jobs: 0 }
    }

    /// Sends everything, settles it, and reports.
    pub(crate) async fn run(mut self) -> Result<RunReport> {
        let name = self.run.name.clone();
        self.run.cx.emit(&Event::RunStarted { binding: &name, run: self.run.cx.run() });
        self.log_begin().await;
        let counts = &self.plan.counts;
        self.tally.planned(Action::Add, counts.add_rows);
        self.tally.planned(Action::Remove, counts.remove_rows);
        self.tally.planned(Action::Update, counts.update_rows);
        if self.approved {
            self.send_all().await?;
            self.poll_jobs().await?;
        }
        if !self.entries.is_empty() {
            let entries = std::mem::take(&mut self.entries);
            let ended = self.stop.is_none() && self.pending() == 0;
            self.run.settle(&entries, &[], ended).await?;
            let generation = self.run.store.manifest().generation;
            self.run.cx.emit(&Event::Checkpoint { binding: &name, generation });
        }
        self.open_jobs = self.run.store.manifest().jobs.len() as u64;
        let report = self.report();
        self.log_end(&report).await;
        let status = report.status.as_str();
        self.run.cx.emit(&Event::RunFinished { binding: &name, run: self.run.cx.run(), status });
        Ok(report)
    }

    async fn send_all(&mut self) -> Result<()> {
        let nothing_to_do = self.plan.is_empty() && !self.has_local_operations();
        if nothing_to_do && !self.run.rules_changed() {
            return Ok(());
        }
        let row_version = next_row_version(self.run.store.manifest(), self.run.cx.now());
        let note = RunNote {
            row_version: Some(row_version),
            mapping_version: Some(self.run.mapping_version()),
            holdout: Some(self.run.holdout()),
            ..RunNote::default()
        };
        self.append(Entry::Note(note.to_value()?)).await?;
        if nothing_to_do {
            return Ok(());
        }
        let audience = match self.open_audience().await {
            Ok(audience) => audience,
            Err(error) if error.kind() == ErrorKind::State => return Err(error),
            Err(error) => {
                self.stop = Some(error.doing("open the audience"));
                return Ok(());
            }
        };
        let planned = Entry::Planned { plan: self.plan.id.clone(), digest: self.plan.digest.clone() };
        self.append(planned).await?;
        for actions in [&[Action::Remove][..], &[Action::Add, Action::Update]] {
            self.send_phase(&audience, row_version, actions).await?;
        }
        Ok(())
    }

    /// Changes of the state alone are in the plan too, and do not show in its rows.
    fn has_local_operations(&self) -> bool {
        self.plan.counts.local > 0
    }

    pub(crate) async fn append(&mut self, entry: Entry) -> Result<()> {
        self.run.store.append(&entry).await?;
        self.entries.push(entry);
        Ok(())
    }

    /// Finds or creates the audience, and remembers it before anything is sent there.
    async fn open_audience(&mut self) -> Result<AudienceRef> {
        let audience = self.run.binding.audience();
        let name = audience.name_for(&self.run.capabilities.name_rules)?;
        let mut spec = AudienceSpec::new(audience.key(), name).with_role(audience.role());
        if let Some(parts) = audience.parts() {
            spec = spec.with_parts(parts.clone());
        }
        let stored = self.run.store.manifest().audience.clone();
        let stored = stored.map(serde_json::from_value::<AudienceRef>).transpose().map_err(|error| {
            Error::new(ErrorKind::State, "read the manifest: expected an audience of this version").with_source(error)
        })?;
        let known = self.run.binding.known().map(|id| AudienceRef::new(id, audience.key())).or(stored.clone());
        spec.known = known;
        let destination = self.run.binding.destination().clone();
        let pacer = self.run.engine.pacer(&**self.run.binding.destination());
        let (cx, capabilities) = (self.run.cx.clone(), self.run.capabilities.clone());
        let placeholder = AudienceRef::new("", audience.key());
        let name = self.run.name.clone();
        let engine = self.run.engine.clone();
        let courier = Courier {
            destination: &*destination,
            capabilities: &capabilities,
            cx: &cx,
            binding: &name,
            audience: &placeholder,
            row_version: 0,
            policy: &engine.retry,
            pacer: &pacer,
            seq: AtomicU64::new(1),
        };
        let opened = courier.retried(|| destination.open(&cx, &spec)).await?;
        if stored.as_ref() != Some(&opened) {
            let note = RunNote { audience: Some(opened.clone()), ..RunNote::default() };
            self.append(Entry::Note(note.to_value()?)).await?;
        }
        Ok(opened)
    }

    async fn send_phase(&mut self, audience: &AudienceRef, row_version: u64, actions: &[Action]) -> Result<()> {
        let destination = self.run.binding.destination().clone();
        let pacer = self.run.engine.pacer(&**self.run.binding.destination());
        let (cx, capabilities) = (self.run.cx.clone(), self.run.capabilities.clone());
        let (name, engine) = (self.run.name.clone(), self.run.engine.clone());
        let courier = Courier {
            destination: &*destination,
            capabilities: &capabilities,
            cx: &cx,
            binding: &name,
            audience,
            row_version,
            policy: &engine.retry,
            pacer: &pacer,
            seq: AtomicU64::new(1),
        };
        for action in actions {
            if self.stop.is_some() || self.rows_of(*action) == 0 {
                continue;
            }
            courier.seq.store(1, std::sync::atomic::Ordering::Relaxed);
            let session = match self.begin(&courier, *action).await? {
                Ok(session) => session,
                Err(stop) => {
                    self.stop = Some(stop.doing("begin a session"));
                    continue;
                }
            };
            self.send_rows(&courier, *action, session).await?;
        }
        Ok(())
    }

    fn rows_of(&self, action: Action) -> u64 {
        let counts = &self.plan.counts;
        match action {
            Action::Add => counts.add_rows,
            Action::Remove => counts.remove_rows,
            Action::Update => counts.update_rows,
        }
    }

    /// The outer result is the state's, the inner one the destination's.
    async fn begin(&mut self, courier: &Courier<'_>, action: Action) -> Result<Result<Option<SessionRef>>> {
        if self.run.capabilities.session == SessionKind::Replace {
            let message = "expected a destination with sessions per action or none; replacing the whole membership in \
                           one session is not offered yet";
            return Ok(Err(Error::new(ErrorKind::Unsupported, message)));
        }
        if self.run.capabilities.session == SessionKind::None || (action != Action::Remove && self.waits_for.is_some())
        {
            return Ok(Ok(None));
        }
        let spec = SessionSpec::new(self.run.cx.run(), courier.audience.clone(), Some(action), self.rows_of(action))
            .with_size_after(self.plan.counts.desired);
        match courier.retried(|| courier.destination.begin(courier.cx, &spec)).await {
            Ok(session) => {
                let (session_id, word) = (session.as_str().to_owned(), action.as_str().to_owned());
                self.append(Entry::SessionOpened { session: session_id, action: word }).await?;
                Ok(Ok(Some(session)))
            }
            Err(stop) => Ok(Err(stop)),
        }
    }

    async fn send_rows(&mut self, courier: &Courier<'_>, action: Action, session: Option<SessionRef>) -> Result<()> {
        let store_id = self.run.id.id();
        let held = self.waits_for.is_some() && action != Action::Remove;
        let mut reader = self.run.store.read_plan(&self.plan.id).await?;
        let plan = self.plan.id.clone();
        let mut dispatch = Dispatch::new(self, courier, &plan, action, session);
        let mut ready = next_rows(courier.cx, &mut reader, store_id, action).await?;
        while let Some(rows) = ready {
            // The next part is decoded on a thread of its own while this one goes out.
            let (next, sent) =
                join(next_rows(courier.cx, &mut reader, store_id, action), dispatch.take(rows, held)).await;
            sent?;
            ready = next?;
        }
        dispatch.finish().await
    }

    /// Asks about the jobs of this run, as long as it may wait for them.
    async fn poll_jobs(&mut self) -> Result<()> {
        let mut open = self.own_jobs();
        let (mut waited, mut wait) = (Duration::ZERO, JOB_WAIT);
        while !open.is_empty() {
            let mut still = Vec::new();
            for job in open {
                if !self.poll_job(&job).await? {
                    still.push(job);
                }
            }
            open = still;
            let most = self.run.engine.retry.wait_for_jobs;
            if open.is_empty() || waited + wait > most {
                break;
            }
            self.run.cx.clock().sleep(wait).await;
            waited += wait;
            wait = (wait * 2).min(Duration::from_secs(60));
        }
        Ok(())
    }

    fn own_jobs(&self) -> Vec<OpenJob> {
        let submitted = self.entries.iter().filter_map(|entry| match entry {
            Entry::Submitted { plan, job, action, rows, at, .. } => Some(OpenJob {
                job: job.clone(),
                plan: plan.clone(),
                action: action.clone(),
                rows: rows.clone(),
                submitted_at: *at,
            }),
            _ => None,
        });
        submitted.collect()
    }

    /// Whether the job has ended.
    async fn poll_job(&mut self, job: &OpenJob) -> Result<bool> {
        let action = action_of(&job.action)?;
        let Some(ended) = self.run.ask(job).await else { return Ok(false) };
        self.tally.unattributed += ended.unattributed;
        for row in &ended.rows {
            self.tally.resettled(action, &RowSettled::Pending, row);
        }
        for entry in ended.entries(job)? {
            self.append(entry).await?;
        }
        Ok(true)
    }

    fn pending(&self) -> u64 {
        self.tally.add.pending + self.tally.remove.pending + self.tally.update.pending
    }

    fn status(&self) -> RunStatus {
        let held = self.waits_for.is_some() && self.tally.add.planned + self.tally.update.planned > 0;
        if !self.approved {
            RunStatus::Refused
        } else if self.stop.is_some() {
            RunStatus::Failed
        } else if self.pending() > 0 || self.open_jobs > 0 || self.tally.unattributed > 0 || held {
            RunStatus::Partial
        } else {
            RunStatus::Success
        }
    }

    fn report(&self) -> RunReport {
        let binding = &self.run.binding;
        let manifest = self.run.store.manifest();
        RunReport {
            run_id: self.run.cx.run().to_owned(),
            binding: self.run.name.clone(),
            audience: binding.audience().name().to_owned(),
            destination: binding.destination().info().title,
            status: self.status(),
            started_at: self.run.started_at,
            finished_at: self.run.cx.now(),
            plan: self.plan.clone(),
            add: self.tally.add,
            remove: self.tally.remove,
            update: self.tally.update,
            reasons: self.tally.reasons(),
            unattributed: self.tally.unattributed,
            unused_values: self.unused.clone(),
            members: manifest.members,
            open_jobs: self.open_jobs,
            generation: manifest.generation,
            resumed: self.run.resumed,
            error: self.stop.as_ref().map(|error| RunError { kind: error.kind(), message: error.to_string() }),
        }
    }

    fn record(&self) -> RunRecord {
        let binding = &self.run.binding;
        let destination = binding.destination().info().id;
        let (run, key) = (self.run.cx.run(), binding.audience().key());
        let mut record = RunRecord::new(run, key, destination, self.run.started_at, self.run.as_of);
        let counts = &self.plan.counts;
        record.run_seq = self.run.store.manifest().row_version;
        (record.source_rows, record.unusable_rows) = (counts.source_rows, counts.unusable);
        (record.duplicate_rows, record.desired, record.previous) = (counts.duplicates, counts.desired, counts.previous);
        record
    }

    async fn log_begin(&self) {
        if let Some(log) = &self.run.engine.run_log {
            let record = self.record();
            let logged = self.logged(log.begin(&self.run.cx, &record)).await;
            self.log_failed(logged);
        }
    }

    async fn log_end(&self, report: &RunReport) {
        let Some(log) = &self.run.engine.run_log else { return };
        let mut record = self.record();
        record.status = report.status;
        record.finished_at = Some(report.finished_at);
        (record.add, record.remove, record.update) = (report.add, report.remove, report.update);
        record.generation = report.generation;
        record.error = report.error.as_ref().map(|error| error.kind);
        record.error_message = report.error.as_ref().map(|error| error.message.clone());
        let logged = self.logged(log.end(&self.run.cx, &record)).await;
        self.log_failed(logged);
    }

    /// No log is waited for longer than a destination.
    pub(crate) async fn logged(&self, log: impl Future<Output = Result<()>> + Send) -> Result<()> {
        within(&**self.run.cx.clock(), self.run.engine.retry.deadline, log).await
    }

    pub(crate) fn log_failed(&self, logged: Result<()>) {
        if let Err(error) = logged {
            self.run.cx.emit(&Event::RunLogFailed { binding: &self.run.name, kind: error.kind() });
        }
    }
}
