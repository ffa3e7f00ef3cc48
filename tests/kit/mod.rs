//! What the engine's tests share: a clock, a random number, a destination that fails on demand, a store that fails.
#![allow(dead_code, unreachable_pub, reason = "a module of several tests, none of which uses all of it")]

pub mod store;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use audience_sync::async_trait;
use audience_sync::clock::{Clock, Timestamp};
use audience_sync::destination::*;
use audience_sync::http::{HttpClient, ReqwestTransport};
use audience_sync::identity::{AttributeValue, Encoding, IdentifierKind, KeyedBy, PreImage, Profile, Rule};
use audience_sync::sync::RunReport;
use audience_sync::{Error, ErrorKind, Result, Retry};

/// Clear e-mails, five a member: a test reads what a destination holds.
pub static EMAILS: Profile = Profile {
    id: "test.emails",
    version: 1,
    keyed_by: KeyedBy::Identifiers,
    rules: &[Rule {
        kind: IdentifierKind::Email,
        pre_image: PreImage::EmailPlain,
        encoding: Encoding::Clear,
        limit: 5,
        matches_alone: true,
    }],
    together: &[],
};

/// [`EMAILS`] under newer rules.
pub static EMAILS_2: Profile = Profile { version: 2, ..EMAILS };

/// [`EMAILS`] with another form of some addresses.
pub static EMAILS_3: Profile = Profile {
    version: 3,
    rules: &[Rule {
        kind: IdentifierKind::Email,
        pre_image: PreImage::EmailGmailFolded,
        encoding: Encoding::Clear,
        limit: 5,
        matches_alone: true,
    }],
    ..EMAILS
};

pub const START: i64 = 1_790_000_000_000;

/// Gives every other task a turn.
#[derive(Default)]
pub struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Stands still until somebody sleeps to the end; then it is later.
#[derive(Clone, Debug, Default)]
pub struct Hands(Arc<Turning>);

#[derive(Debug, Default)]
struct Turning {
    now: AtomicI64,
    jitter: AtomicU64,
    slept: Mutex<Vec<Duration>>,
}

impl Hands {
    pub fn new() -> Self {
        let hands = Self::default();
        hands.0.now.store(START, Ordering::SeqCst);
        hands
    }

    pub fn advance(&self, by: Duration) {
        self.0.now.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }

    /// The waits that were waited to their end.
    pub fn slept(&self) -> Vec<Duration> {
        self.0.slept.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.now.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.0.now.load(Ordering::SeqCst) + duration.as_millis() as i64;
        // A call that is bounded by this wait gets some turns before the wait is over.
        for _ in 0..24 {
            Turn::default().await;
        }
        self.0.now.fetch_max(until, Ordering::SeqCst);
        self.0.slept.lock().unwrap().push(duration);
    }

    fn jitter(&self) -> u64 {
        let mut x = self.0.jitter.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^ (x >> 27)
    }
}

/// One HTTP client for all engines of a test: making one reads the system's certificates.
pub fn http() -> HttpClient {
    static HTTP: OnceLock<HttpClient> = OnceLock::new();
    HTTP.get_or_init(|| HttpClient::new(Arc::new(ReqwestTransport::new().unwrap()))).clone()
}

/// Random numbers of a seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            dice.next();
        }
        dice
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, most: u64) -> u64 {
        (self.next() >> 11) % most
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// What a call comes to.
#[derive(Debug)]
pub enum Fault {
    None,
    /// The whole call, applied before or not.
    Fails {
        error: Error,
        applied: bool,
    },
    /// Some rows; the rest is accepted. Rows in doubt were applied or not.
    Rows(Vec<(usize, RowOutcome, bool)>),
    /// Outcomes for one row too many.
    WrongCount {
        applied: bool,
    },
    /// No answer, ever.
    Hangs {
        applied: bool,
    },
}

impl Fault {
    pub fn fails(kind: ErrorKind) -> Self {
        Self::Fails { error: Error::new(kind, "as told"), applied: false }
    }

    pub fn applied(kind: ErrorKind) -> Self {
        Self::Fails { error: Error::new(kind, "as told"), applied: true }
    }

    pub fn after(kind: ErrorKind, wait: Duration) -> Self {
        let error = Error::new(kind, "as told").with_retry(Retry::Safe { after: Some(wait) });
        Self::Fails { error, applied: false }
    }
}

/// A row that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub at: Timestamp,
    pub run: String,
    pub action: Action,
    pub member: String,
    pub identifiers: BTreeSet<String>,
    pub op_id: OpId,
    pub reason: Reason,
    pub effective_at: Timestamp,
    pub arm: Option<Arm>,
    pub batch: u64,
    pub seq: u64,
    pub last: bool,
}

#[derive(Clone, Debug)]
struct Change {
    action: Action,
    member: String,
    identifiers: BTreeSet<String>,
    content: String,
}

#[derive(Default)]
pub struct Held {
    /// At a destination that knows people by their identifiers.
    pub identifiers: BTreeSet<String>,
    /// At one that knows members by their ids: what it holds of each.
    pub members: BTreeMap<String, String>,
    staged: BTreeMap<String, Vec<Change>>,
    jobs: BTreeMap<String, Vec<Change>>,
    ended: BTreeMap<String, Outcome>,
    pub sent: Vec<Sent>,
    pub calls: u64,
    pub opens: u64,
    pub polls: u64,
    names: u64,
    /// Identifiers of which none may be removed.
    pub untouchable: BTreeSet<String>,
    pub wrong: Vec<String>,
    /// Answered to sends, in order; then none.
    pub script: VecDeque<Fault>,
    /// Random faults, in percent of calls.
    pub faults: Option<(Dice, u64)>,
    /// Rows with an attribute `bad` are rejected.
    yields: u64,
    /// Jobs stay open for so many polls.
    pub job_polls: u64,
    /// Answered to polls, in order; then the job's end.
    pub poll_script: VecDeque<Fault>,
    pub job_outcomes: VecDeque<Outcome>,
    /// A batch with this member is refused as a whole.
    pub poison: Option<(String, ErrorKind)>,
    pub finish_script: VecDeque<Fault>,
    /// Of each: what was sent under an operation's id.
    pub ops: BTreeMap<OpId, String>,
}

/// A destination in memory that does what its capabilities say and fails when it is told to.
#[derive(Clone)]
pub struct Fake {
    id: String,
    pub capabilities: Capabilities,
    held: Arc<Mutex<Held>>,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Fake {
    pub fn new(id: &str, capabilities: Capabilities) -> Self {
        Self { id: id.to_owned(), capabilities, held: Arc::default() }
    }

    /// Knows people by e-mail; a change is a removal and an addition.
    pub fn by_identifiers(id: &str) -> Self {
        Self::new(
            id,
            Capabilities::new(&EMAILS).with(|c| {
                c.removal = RemovalNeeds::Identifiers;
                c.removal_match = RemovalMatch::AnyIdentifier;
                c.holdout = HoldoutMode::Withhold;
                c.consent = vec![ConsentPurpose::AdUserData];
                c.limits = Limits::rows(3);
                c.in_flight = 2;
            }),
        )
    }

    /// Knows members by their id, and takes updates.
    pub fn by_member(id: &str) -> Self {
        let profile = &audience_sync::identity::profiles::WAREHOUSE;
        Self::new(
            id,
            Capabilities::new(profile).with(|c| {
                c.update = true;
                c.limits = Limits::rows(3);
                c.in_flight = 2;
            }),
        )
    }

    pub fn with(mut self, change: impl FnOnce(&mut Capabilities)) -> Self {
        change(&mut self.capabilities);
        self
    }

    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    /// Answers the next send so.
    pub fn then(&self, fault: Fault) -> &Self {
        self.held().script.push_back(fault);
        self
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.held().sent.clone()
    }

    pub fn clear(&self) {
        self.held().sent.clear();
    }

    /// Member ids of the rows sent, by action.
    pub fn rows(&self, action: Action) -> Vec<String> {
        self.held().sent.iter().filter(|sent| sent.action == action).map(|sent| sent.member.clone()).collect()
    }

    fn keyed_by_identifiers(&self) -> bool {
        self.capabilities.removal == RemovalNeeds::Identifiers
    }

    async fn dawdle(&self) {
        let turns = {
            let mut held = self.held();
            held.yields = held.yields.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (held.yields >> 40) % 3
        };
        for _ in 0..turns {
            Turn::default().await;
        }
    }

    fn apply(&self, changes: &[Change]) {
        let mut held = self.held();
        for change in changes {
            match (self.keyed_by_identifiers(), change.action) {
                (true, Action::Remove) => held.identifiers.retain(|id| !change.identifiers.contains(id)),
                (true, _) => held.identifiers.extend(change.identifiers.iter().cloned()),
                (false, Action::Remove) => drop(held.members.remove(&change.member)),
                (false, Action::Add) => drop(held.members.insert(change.member.clone(), change.content.clone())),
                (false, Action::Update) => {
                    // As an SQL update: nobody who is not there comes into being.
                    if let Some(there) = held.members.get_mut(&change.member) {
                        there.clone_from(&change.content);
                    }
                }
            }
        }
    }

    /// Stages, hands over to a job, or applies.
    fn take(&self, batch: &Batch, changes: Vec<Change>) -> Outcome {
        if let Some(session) = batch.session() {
            self.held().staged.entry(session.as_str().to_owned()).or_default().extend(changes);
            return Outcome::all(RowOutcome::Staged);
        }
        if self.capabilities.jobs {
            let mut held = self.held();
            held.names += 1;
            let name = format!("job-{}", held.names);
            held.jobs.insert(name.clone(), changes);
            return Outcome::pending(JobRef::new(name));
        }
        self.apply(&changes);
        Outcome::accepted()
    }

    fn record(&self, cx: &Context, batch: &Batch) -> Vec<Change> {
        let mut held = self.held();
        held.calls += 1;
        let number = held.calls;
        let mut changes = Vec::new();
        for row in batch.rows() {
            let identifiers: BTreeSet<String> = row.identifiers.iter().map(|id| id.value.to_wire_string()).collect();
            let content = content_of(row);
            if batch.action() == Action::Remove {
                let hit: Vec<_> = identifiers.intersection(&held.untouchable).cloned().collect();
                if !hit.is_empty() {
                    let member = row.member_id.as_str();
                    held.wrong.push(format!("removes {hit:?} of a staying member for {member}"));
                }
            }
            let full = format!("{:?} {} {content} {identifiers:?}", batch.action(), row.member_id.as_str());
            let before = held.ops.insert(row.op_id, full.clone());
            if before.as_ref().is_some_and(|before| *before != full) {
                held.wrong.push(format!("one operation id for two contents: {before:?} and {full}"));
            }
            held.sent.push(Sent {
                at: cx.now(),
                run: cx.run().to_owned(),
                action: batch.action(),
                member: row.member_id.as_str().to_owned(),
                identifiers: identifiers.clone(),
                op_id: row.op_id,
                reason: row.reason,
                effective_at: row.effective_at,
                arm: row.arm,
                batch: number,
                seq: batch.seq(),
                last: batch.is_last(),
            });
            let member = row.member_id.as_str().to_owned();
            changes.push(Change { action: batch.action(), member, identifiers, content });
        }
        changes
    }

    fn next_fault(&self, rows: usize) -> Fault {
        let mut held = self.held();
        if let Some(fault) = held.script.pop_front() {
            return fault;
        }
        if let Some((member, kind)) = held.poison.clone() {
            let batch = held.calls;
            if held.sent.iter().any(|sent| sent.batch == batch && sent.member == member) {
                return Fault::fails(kind);
            }
        }
        let Some((dice, chance)) = &mut held.faults else { return Fault::None };
        if !dice.percent(*chance) {
            return Fault::None;
        }
        random_fault(dice, rows)
    }

    fn call_fault(&self) -> Result<(), (Error, bool)> {
        let mut held = self.held();
        let Some((dice, chance)) = &mut held.faults else { return Ok(()) };
        if !dice.percent(*chance) {
            return Ok(());
        }
        let kind = [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::PermissionDenied][dice.below(3) as usize];
        let applied = kind == ErrorKind::Timeout && dice.percent(50);
        Err((Error::new(kind, "as the dice told"), applied))
    }
}

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Int(number) => number.to_string(),
        AttributeValue::Bool(value) => value.to_string(),
        AttributeValue::Text(text) => text.clone(),
        _ => "?".to_owned(),
    }
}

pub fn content_of(row: &Row) -> String {
    let attributes: Vec<String> =
        row.attributes.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
    format!("{}|{:?}", attributes.join(","), row.arm)
}

fn random_fault(dice: &mut Dice, rows: usize) -> Fault {
    let error = |kind| Error::new(kind, "as the dice told");
    let applied = dice.percent(50);
    match dice.below(14) {
        0 => Fault::Fails { error: error(ErrorKind::Unavailable), applied: false },
        1 => Fault::after(ErrorKind::Unavailable, Duration::from_secs(5)),
        2 => Fault::after(ErrorKind::RateLimited, Duration::from_secs(30)),
        3 => Fault::Fails { error: error(ErrorKind::RateLimited), applied: false },
        4 => Fault::Fails { error: error(ErrorKind::Timeout), applied },
        5 => Fault::Fails { error: error(ErrorKind::Transport), applied },
        6 => Fault::Fails { error: error(ErrorKind::Unauthenticated), applied: false },
        7 => Fault::Fails { error: error(ErrorKind::UnexpectedReply), applied },
        8 => Fault::Fails { error: error(ErrorKind::Unavailable).with_retry(Retry::Exhausted), applied },
        9 => Fault::WrongCount { applied },
        10 => Fault::Hangs { applied },
        _ => {
            let mut named = Vec::new();
            for row in 0..rows {
                match dice.below(6) {
                    0 => named.push((row, RowOutcome::NotApplied, false)),
                    1 => named.push((row, RowOutcome::InDoubt, dice.percent(50))),
                    2 => named.push((row, RowOutcome::Pending, dice.percent(50))),
                    3 => named.push((row, RowOutcome::rejected_field("refused", "removal"), false)),
                    _ => {}
                }
            }
            Fault::Rows(named)
        }
    }
}

#[async_trait]
impl Destination for Fake {
    fn info(&self) -> Info {
        Info::new(self.id.clone(), "Fake", Family::Ads)
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn open(&self, _cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
        self.held().opens += 1;
        self.dawdle().await;
        self.call_fault().map_err(|(error, _)| error)?;
        Ok(spec.known.clone().unwrap_or_else(|| AudienceRef::new(format!("remote-{}", spec.key), &spec.key)))
    }

    async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        self.dawdle().await;
        let changes = self.record(cx, batch);
        let fault = self.next_fault(changes.len());
        let answer = match fault {
            Fault::None => Ok(self.take_good(batch, changes)),
            Fault::Fails { error, applied } => {
                if applied {
                    self.take_good(batch, changes);
                }
                Err(error)
            }
            Fault::WrongCount { applied } => {
                let count = changes.len() + 1;
                if applied {
                    self.take_good(batch, changes);
                }
                Ok(Outcome::each((0..count).map(|index| (index, RowOutcome::ACCEPTED))))
            }
            Fault::Hangs { applied } => {
                if applied {
                    self.take_good(batch, changes);
                }
                std::future::pending::<()>().await;
                Ok(Outcome::accepted())
            }
            Fault::Rows(named) => Ok(self.take_some(batch, changes, named)),
        };
        self.dawdle().await;
        answer
    }

    async fn begin(&self, _cx: &Context, _spec: &SessionSpec) -> Result<SessionRef> {
        self.dawdle().await;
        self.call_fault().map_err(|(error, _)| error)?;
        let mut held = self.held();
        held.names += 1;
        let name = format!("session-{}", held.names);
        held.staged.insert(name.clone(), Vec::new());
        Ok(SessionRef::new(name))
    }

    async fn finish(&self, _cx: &Context, session: &SessionRef) -> Result<Outcome> {
        self.dawdle().await;
        let fault = self.held().finish_script.pop_front();
        if let Some(Fault::Fails { error, .. }) = fault {
            return Err(error);
        }
        let fault = self.call_fault();
        if matches!(fault, Ok(()) | Err((_, true))) {
            // Taken again it is empty, and says so of nobody: finishing twice is finishing.
            let staged = self.held().staged.get(session.as_str()).cloned().unwrap_or_default();
            self.apply(&staged);
        }
        self.dawdle().await;
        fault.map_err(|(error, _)| error)?;
        Ok(Outcome::accepted())
    }

    async fn poll(&self, _cx: &Context, job: &JobRef) -> Result<Outcome> {
        self.held().polls += 1;
        self.dawdle().await;
        let told = self.held().poll_script.pop_front();
        match told {
            Some(Fault::Fails { error, .. }) => return Err(error),
            Some(Fault::Hangs { .. }) => {
                std::future::pending::<()>().await;
            }
            _ => {}
        }
        self.call_fault().map_err(|(error, _)| error)?;
        {
            let mut held = self.held();
            if held.job_polls > 0 {
                held.job_polls -= 1;
                return Ok(Outcome::pending(job.clone()));
            }
            if let Some(outcome) = held.job_outcomes.pop_front() {
                return Ok(outcome);
            }
        }
        if let Some(outcome) = self.held().ended.get(job.as_str()) {
            return Ok(outcome.clone());
        }
        let changes = self.held().jobs.get(job.as_str()).cloned().unwrap_or_default();
        let end = {
            let mut held = self.held();
            match &mut held.faults {
                Some((dice, chance)) => {
                    if dice.percent(*chance) {
                        random_end(dice, changes.len())
                    } else {
                        Vec::new()
                    }
                }
                None => Vec::new(),
            }
        };
        let mut outcome = Outcome::accepted();
        for (index, change) in changes.iter().enumerate() {
            match end.iter().find(|(row, ..)| *row == index) {
                None => self.apply(std::slice::from_ref(change)),
                Some((_, answer, applied)) => {
                    if *applied {
                        self.apply(std::slice::from_ref(change));
                    }
                    outcome = outcome.except(index, answer.clone());
                }
            }
        }
        // It ends once; whoever did not hear the answer hears it again.
        self.held().ended.insert(job.as_str().to_owned(), outcome.clone());
        Ok(outcome)
    }
}

/// Ends of a job's rows; a rejection is an answer, so the row is not there.
fn random_end(dice: &mut Dice, rows: usize) -> Vec<(usize, RowOutcome, bool)> {
    let mut end = Vec::new();
    for row in 0..rows {
        match dice.below(5) {
            0 => end.push((row, RowOutcome::NotApplied, false)),
            1 => end.push((row, RowOutcome::InDoubt, dice.percent(50))),
            2 => end.push((row, RowOutcome::rejected("refused"), false)),
            _ => {}
        }
    }
    end
}

impl Fake {
    /// What is bad is refused, and the rest taken. A batch is refused as a whole where one row is `worse`.
    fn take_good(&self, batch: &Batch, changes: Vec<Change>) -> Outcome {
        let bad: Vec<usize> = changes
            .iter()
            .enumerate()
            .filter(|(_, change)| change.content.contains("bad="))
            .map(|(at, _)| at)
            .collect();
        if bad.is_empty() {
            return self.take(batch, changes);
        }
        let good: Vec<Change> = changes.into_iter().filter(|change| !change.content.contains("bad=")).collect();
        let mut outcome = self.take(batch, good.clone());
        if let Some(job) = outcome.job().cloned() {
            // A job answers for the rows it was given, and those are the ones answered as pending.
            outcome = Outcome::all(RowOutcome::Pending).with_job(job);
        }
        for index in bad {
            outcome = outcome.except(index, RowOutcome::rejected_field("invalid", "bad"));
        }
        outcome
    }

    fn take_some(&self, batch: &Batch, changes: Vec<Change>, named: Vec<(usize, RowOutcome, bool)>) -> Outcome {
        let mut good = Vec::new();
        let mut answers = BTreeMap::new();
        for (index, change) in changes.into_iter().enumerate() {
            let told = named.iter().find(|(row, ..)| *row == index);
            if change.content.contains("bad=") {
                answers.insert(index, RowOutcome::rejected_field("invalid", "bad"));
            } else if let Some((_, answer, applied)) = told {
                // Only a removal is refused without being bad.
                let refused = matches!(answer, RowOutcome::Rejected { .. }) && change.action != Action::Remove;
                // Neither session nor job may be told less than it was given.
                let apart = batch.session().is_some() || self.capabilities.jobs;
                if refused || (apart && matches!(answer, RowOutcome::Pending)) {
                    good.push(change);
                } else {
                    if *applied && !apart {
                        self.apply(std::slice::from_ref(&change));
                    }
                    answers.insert(index, answer.clone());
                }
            } else {
                good.push(change);
            }
        }
        let mut outcome = self.take(batch, good);
        for (index, answer) in answers {
            outcome = outcome.except(index, answer);
        }
        outcome
    }
}

/// The promises every report keeps.
pub fn check_report(report: &RunReport) {
    for (action, counts) in
        [(Action::Add, report.add), (Action::Remove, report.remove), (Action::Update, report.update)]
    {
        assert!(counts.balances(), "{action}: {report}");
        let told = |outcome: &str| -> u64 {
            let reasons = report.reasons.iter().filter(|reason| reason.action == action && reason.outcome == outcome);
            reasons.map(|reason| reason.rows).sum()
        };
        assert_eq!(
            (told("rejected"), told("skipped"), told("pending")),
            (counts.rejected, counts.skipped, counts.pending),
            "reasons to {action}: {:?}\n{report}",
            report.reasons
        );
    }
    let total = report.total();
    assert_eq!(total.planned, report.plan.counts.rows(), "{report}");
    if report.status == RunStatus::Success {
        assert_eq!((total.pending, report.open_jobs, report.error.is_some()), (0, 0, false), "{report}");
    }
    check_plan(&report.plan);
}

/// The identities in the words of `PlanCounts`.
pub fn check_plan(plan: &audience_sync::sync::Plan) {
    let c = &plan.counts;
    assert_eq!(
        c.source_rows,
        c.desired + c.held_out + c.no_consent + c.expired_rows + c.unsendable + c.duplicates + c.unusable + c.elsewhere,
        "{c:?}"
    );
    assert_eq!(c.desired, c.added + c.changed + c.unchanged + c.in_doubt + c.backing_off + c.in_flight, "{c:?}");
    assert!(c.removed_guarded <= c.removed && c.removed <= c.previous, "{c:?}");
}

/// Polls a future some times, then drops it.
pub async fn dropped_after<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}
