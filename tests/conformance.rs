//! The conformance suite over the crate's own destinations: in memory, and in memory behind sessions and jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use audience_sync::destination::{
    Action, AudienceRef, AudienceSpec, Batch, Capabilities, Context, Destination, Info, JobRef, Memory, Outcome, Row,
    RowOutcome, SessionKind, SessionRef, SessionSpec,
};
use audience_sync::testkit::conformance::{self, ConformanceReport, Harness};
use audience_sync::testkit::{Fault, FaultDestination, ManualClock};
use audience_sync::{Error, ErrorKind, Result, async_trait};

/// Any destination that keeps its members in a [`Memory`], failing as asked.
struct InMemory {
    memory: Memory,
    destination: FaultDestination,
}

impl InMemory {
    fn new(memory: &Memory, destination: impl Destination) -> Self {
        Self { memory: memory.clone(), destination: FaultDestination::new(Arc::new(destination)) }
    }
}

#[async_trait]
impl Harness for InMemory {
    fn destination(&self) -> Arc<dyn Destination> {
        Arc::new(self.destination.clone())
    }

    fn context(&self) -> Context {
        Context::new("conformance", Arc::new(ManualClock::auto()))
    }

    async fn members(&self, audience: &AudienceRef) -> Option<Vec<String>> {
        Some(self.memory.member_ids(&audience.key).into_iter().collect())
    }

    fn fault(&self, fault: Fault) -> bool {
        self.destination.fail_always(fault);
        true
    }

    fn heal(&self) {
        self.destination.heal();
    }

    fn hosts(&self) -> Option<BTreeSet<String>> {
        Some(BTreeSet::new())
    }
}

#[track_caller]
fn passes(report: &ConformanceReport, skipped: &[&str]) {
    report.assert_passed();
    assert_eq!(report.skipped(), skipped, "\n{report}");
    assert_eq!(report.checks.len(), conformance::names().count());
}

/// What no destination in memory has: rows the platform refuses, and something to tell an observer.
const REJECTS: [&str; 2] = ["replies.reject_names_row", "replies.reject_codes_are_words"];
const SHOWN: [&str; 2] = ["secrecy.rejects_hide_values", "secrecy.events_hide_values"];

#[tokio::test]
async fn memory_passes() {
    let memory = Memory::new("crm");
    let report = conformance::run(&InMemory::new(&memory, memory.clone())).await;
    let undeclared =
        ["replies.jobs_end"].into_iter().chain(REJECTS).chain(["honesty.undeclared_actions_are_unsupported"]);
    let undeclared: Vec<_> = undeclared.chain(["honesty.declared_sessions_work"]).chain(SHOWN).collect();
    passes(&report, &undeclared);
}

/// Stages rows in sessions, works on them in jobs, and knows adds and removes only.
#[derive(Debug)]
struct Uploads {
    memory: Memory,
    session: SessionKind,
    jobs: bool,
    open: Mutex<BTreeMap<String, Upload>>,
    running: Mutex<BTreeMap<String, u32>>,
    ids: AtomicU64,
}

#[derive(Debug, Default)]
struct Upload {
    batches: BTreeMap<u64, Batch>,
    replaces: Option<AudienceRef>,
}

impl Uploads {
    fn new(memory: &Memory, session: SessionKind, jobs: bool) -> Self {
        let memory = memory.clone();
        Self { memory, session, jobs, open: Mutex::default(), running: Mutex::default(), ids: AtomicU64::new(0) }
    }

    fn id(&self) -> String {
        self.ids.fetch_add(1, Ordering::Relaxed).to_string()
    }

    async fn clear(&self, cx: &Context, audience: &AudienceRef) -> Result<()> {
        let members = self.memory.member_ids(&audience.key).into_iter();
        let rows: Vec<Row> = members.filter_map(|id| self.memory.row(&audience.key, &id)).collect();
        self.memory.send(cx, &Batch::new("clear", audience.clone(), Action::Remove, rows)).await.map(drop)
    }

    fn accepted(&self) -> Outcome {
        if !self.jobs {
            return Outcome::accepted();
        }
        let job = self.id();
        self.running.lock().unwrap().insert(job.clone(), 2);
        Outcome::pending(JobRef::new(job))
    }
}

#[async_trait]
impl Destination for Uploads {
    fn info(&self) -> Info {
        self.memory.info()
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities().with(|c| {
            (c.session, c.jobs) = (self.session, self.jobs);
            (c.update, c.events, c.forget, c.readable_members) = (false, false, false, false);
            c.size = audience_sync::destination::SizeReadBack::None;
            c.limits = audience_sync::destination::Limits::rows(2);
        })
    }

    async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        if batch.action() == Action::Update {
            return Err(Error::new(ErrorKind::Unsupported, "updates are not offered"));
        }
        if let Some(session) = batch.session() {
            let mut open = self.open.lock().unwrap();
            open.get_mut(session.as_str()).unwrap().batches.insert(batch.seq(), batch.clone());
            return Ok(Outcome::all(RowOutcome::Staged));
        }
        self.memory.send(cx, batch).await?;
        Ok(if batch.rows().is_empty() { Outcome::accepted() } else { self.accepted() })
    }

    async fn open(&self, cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
        self.memory.open(cx, spec).await
    }

    async fn begin(&self, _cx: &Context, spec: &SessionSpec) -> Result<SessionRef> {
        if self.session == SessionKind::None {
            return Err(Error::new(ErrorKind::Unsupported, "sessions are not offered"));
        }
        let id = self.id();
        let replaces = spec.action.is_none().then(|| spec.audience.clone());
        self.open.lock().unwrap().insert(id.clone(), Upload { batches: BTreeMap::new(), replaces });
        Ok(SessionRef::new(id))
    }

    async fn finish(&self, cx: &Context, session: &SessionRef) -> Result<Outcome> {
        if self.session == SessionKind::None {
            return Err(Error::new(ErrorKind::Unsupported, "sessions are not offered"));
        }
        let upload = self.open.lock().unwrap().remove(session.as_str()).unwrap();
        if let Some(audience) = &upload.replaces {
            self.clear(cx, audience).await?;
        }
        for batch in upload.batches.values() {
            self.memory.send(cx, batch).await?;
        }
        Ok(self.accepted())
    }

    async fn poll(&self, _cx: &Context, job: &JobRef) -> Result<Outcome> {
        let mut running = self.running.lock().unwrap();
        match running.get_mut(job.as_str()) {
            Some(0) => Ok(Outcome::accepted()),
            Some(left) => {
                *left -= 1;
                Ok(Outcome::pending(job.clone()))
            }
            None => Err(Error::new(ErrorKind::Unsupported, "jobs are not offered")),
        }
    }
}

#[tokio::test]
async fn sessions_and_jobs_pass() {
    const UNDECLARED: [&str; 5] = [
        "honesty.declared_size_works",
        "honesty.size_matches_members",
        "honesty.declared_members_work",
        "honesty.declared_events_work",
        "honesty.declared_forget_works",
    ];
    for session in [SessionKind::None, SessionKind::PerAction, SessionKind::Replace] {
        for jobs in [false, true] {
            let memory = Memory::new("uploads");
            let report = conformance::run(&InMemory::new(&memory, Uploads::new(&memory, session, jobs))).await;
            let mut skipped = Vec::new();
            if session != SessionKind::None {
                skipped.push("sending.empty_batch_changes_nothing");
            }
            skipped.push("sending.update_if_declared");
            if !jobs {
                skipped.push("replies.jobs_end");
            }
            skipped.extend(REJECTS);
            skipped.push("honesty.check_is_ready");
            skipped.extend(UNDECLARED);
            if session == SessionKind::None {
                skipped.push("honesty.declared_sessions_work");
            }
            skipped.extend(SHOWN);
            passes(&report, &skipped);
        }
    }
}
