//! Destinations with one flaw each. Every one of them fails exactly the check that is there for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audience_sync::destination::{
    Action, AudienceRef, AudienceSpec, Batch, BatchId, Capabilities, Check, Context, Cost, Cursor, Destination,
    EventBatch, Family, Info, JobRef, MemberPage, Memory, OpId, Outcome, RateLimit, Row, RowOutcome, SessionKind, Size,
    SizeReadBack, VendorRef,
};
use audience_sync::observe::Event;
use audience_sync::testkit::conformance::{self, ConformanceReport, Harness, Verdict};
use audience_sync::testkit::{Fault, FaultDestination, ManualClock};
use audience_sync::{Error, ErrorKind, Result, Retry, async_trait};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    AcceptsWithoutApplying,
    AddRejected,
    BadRowFailsBatch,
    CallsHome,
    CapabilitiesChange,
    CheckFindsSomething,
    ClaimsSize,
    CodeHoldsValue,
    CodeIsProse,
    CostsNothing,
    DebugLeaks,
    DoublesOnResend,
    DropsTheTail,
    DropsTheWait,
    EmptyMeansNobody,
    ErrorLeaks,
    EventLeaks,
    EventsFail,
    FewerOutcomes,
    ForgetsEverybody,
    GarbledIsSuccess,
    IdIsATitle,
    JobsNeverEnd,
    LaterBatchReplaces,
    LosesResend,
    LosesSideBySide,
    MembersTwice,
    MixesAudiences,
    NamesTheNextRow,
    NoRateAtAll,
    OneTaskOnly,
    OpensAnother,
    RemovesOneMore,
    ResetIsSafe,
    SecondRemovalRejected,
    SessionsMissing,
    SizeOffByOne,
    StagesWithoutSession,
    StuckAfterDrop,
    Sulks,
    TakesUndeclaredUpdate,
    ThrottleNever,
    TimeoutIsSafe,
    Tombstones,
    UnauthorizedRetried,
    UnavailableIsSuccess,
    UnavailableNever,
    UndeclaredSize,
    UpdateRemoves,
}

/// Each flaw and the one check that fails for it.
const FLAWS: &[(Flaw, &str)] = &[
    (Flaw::AcceptsWithoutApplying, "sending.add_makes_members"),
    (Flaw::AddRejected, "sending.add_makes_members"),
    (Flaw::RemovesOneMore, "sending.remove_takes_only_named"),
    (Flaw::DoublesOnResend, "sending.resend_changes_nothing"),
    (Flaw::SecondRemovalRejected, "sending.remove_twice_is_accepted"),
    (Flaw::Tombstones, "sending.add_again_after_remove"),
    (Flaw::EmptyMeansNobody, "sending.empty_batch_changes_nothing"),
    (Flaw::UpdateRemoves, "sending.update_if_declared"),
    (Flaw::LaterBatchReplaces, "sending.batches_add_up"),
    (Flaw::DropsTheTail, "sending.largest_batch_within_limits"),
    (Flaw::FewerOutcomes, "replies.outcome_covers_batch"),
    (Flaw::JobsNeverEnd, "replies.jobs_end"),
    (Flaw::NamesTheNextRow, "replies.reject_names_row"),
    (Flaw::BadRowFailsBatch, "replies.reject_names_row"),
    (Flaw::CodeIsProse, "replies.reject_codes_are_words"),
    (Flaw::ThrottleNever, "failures.throttle_is_rate_limited"),
    (Flaw::DropsTheWait, "failures.throttle_wait_is_passed_on"),
    (Flaw::Sulks, "failures.throttle_is_not_waited_out"),
    (Flaw::UnauthorizedRetried, "failures.unauthorized_never_retried"),
    (Flaw::UnavailableNever, "failures.unavailable_is_safe_or_maybe"),
    (Flaw::UnavailableIsSuccess, "failures.unavailable_is_safe_or_maybe"),
    (Flaw::ResetIsSafe, "failures.reset_after_apply_is_maybe_applied"),
    (Flaw::TimeoutIsSafe, "failures.timeout_is_maybe_applied"),
    (Flaw::GarbledIsSuccess, "failures.garbled_reply_is_no_success"),
    (Flaw::LosesResend, "failures.resend_converges"),
    (Flaw::OneTaskOnly, "life.works_from_any_task"),
    (Flaw::LosesSideBySide, "life.side_by_side_loses_nothing"),
    (Flaw::StuckAfterDrop, "life.cancel_is_safe"),
    (Flaw::MixesAudiences, "life.two_audiences_do_not_mix"),
    (Flaw::IdIsATitle, "honesty.info_id_is_stable_and_plain"),
    (Flaw::CapabilitiesChange, "honesty.capabilities_are_stable"),
    (Flaw::NoRateAtAll, "honesty.limits_are_positive"),
    (Flaw::CostsNothing, "honesty.cost_fits_one_row"),
    (Flaw::OpensAnother, "honesty.open_twice_same_audience"),
    (Flaw::CheckFindsSomething, "honesty.check_is_ready"),
    (Flaw::TakesUndeclaredUpdate, "honesty.undeclared_actions_are_unsupported"),
    (Flaw::UndeclaredSize, "honesty.undeclared_operations_are_unsupported"),
    (Flaw::ClaimsSize, "honesty.declared_size_works"),
    (Flaw::SizeOffByOne, "honesty.size_matches_members"),
    (Flaw::MembersTwice, "honesty.declared_members_work"),
    (Flaw::EventsFail, "honesty.declared_events_work"),
    (Flaw::ForgetsEverybody, "honesty.declared_forget_works"),
    (Flaw::SessionsMissing, "honesty.declared_sessions_work"),
    (Flaw::StagesWithoutSession, "honesty.outcomes_fit_capabilities"),
    (Flaw::DebugLeaks, "secrecy.debug_hides_values"),
    (Flaw::ErrorLeaks, "secrecy.errors_hide_values"),
    (Flaw::CodeHoldsValue, "secrecy.rejects_hide_values"),
    (Flaw::EventLeaks, "secrecy.events_hide_values"),
    (Flaw::CallsHome, "honesty.hosts_only_declared"),
];

/// A platform in memory whose destination has a flaw, and its harness.
#[derive(Clone)]
struct World {
    flaw: Flaw,
    memory: Memory,
    sound: FaultDestination,
    more: Arc<Mutex<More>>,
    turns: Arc<AtomicU64>,
}

/// What a platform in memory does not keep by itself.
#[derive(Default)]
struct More {
    doubles: Vec<(String, String)>,
    gone: BTreeSet<String>,
    unsure: BTreeSet<OpId>,
    busy: BTreeMap<String, BatchId>,
    hosts: BTreeSet<String>,
    last: String,
}

impl World {
    fn new(flaw: Flaw) -> Self {
        let memory = Memory::new("crm");
        let sound = FaultDestination::new(Arc::new(Strict(memory.clone())));
        Self { flaw, memory, sound, more: Arc::default(), turns: Arc::default() }
    }

    fn more(&self) -> std::sync::MutexGuard<'_, More> {
        self.more.lock().unwrap()
    }

    fn turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::SeqCst)
    }

    /// The same batch with other rows.
    fn with_rows(batch: &Batch, rows: Vec<Row>) -> Batch {
        Batch::new(batch.run(), batch.audience().clone(), batch.action(), rows)
    }

    fn held(&self, audience: &AudienceRef) -> Vec<Row> {
        let ids = self.memory.member_ids(&audience.key);
        ids.iter().filter_map(|id| self.memory.row(&audience.key, id)).collect()
    }

    async fn remove(&self, cx: &Context, audience: &AudienceRef, rows: Vec<Row>) -> Result<Outcome> {
        self.memory.send(cx, &Batch::new("flaw", audience.clone(), Action::Remove, rows)).await
    }

    async fn send_add(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        let (audience, rows) = (batch.audience(), batch.rows());
        match self.flaw {
            Flaw::AcceptsWithoutApplying | Flaw::AddRejected => {
                self.sound.send(cx, &Self::with_rows(batch, Vec::new())).await?;
                let accepted = rows.is_empty() || self.flaw == Flaw::AcceptsWithoutApplying;
                return Ok(if accepted { Outcome::accepted() } else { Outcome::all(RowOutcome::rejected("closed")) });
            }
            Flaw::DoublesOnResend => {
                let there = self.memory.member_ids(&audience.key);
                let again = rows.iter().map(|row| row.member_id.as_str()).filter(|id| there.contains(*id));
                self.more().doubles.extend(again.map(|id| (audience.key.clone(), id.to_owned())));
            }
            Flaw::Tombstones => {
                let gone = self.more().gone.clone();
                let alive = rows.iter().filter(|row| !gone.contains(row.member_id.as_str())).cloned().collect();
                return self.sound.send(cx, &Self::with_rows(batch, alive)).await;
            }
            Flaw::LaterBatchReplaces if !rows.is_empty() => {
                self.remove(cx, audience, self.held(audience)).await?;
            }
            Flaw::DropsTheTail => {
                let head = rows.iter().take(100).cloned().collect();
                return self.sound.send(cx, &Self::with_rows(batch, head)).await;
            }
            Flaw::LosesResend => return self.add_once(cx, batch).await,
            Flaw::LosesSideBySide => {
                let turn = self.turn();
                tokio::task::yield_now().await;
                if self.turns.load(Ordering::SeqCst) != turn + 1 {
                    return Ok(Outcome::accepted());
                }
            }
            Flaw::StuckAfterDrop => return self.add_locked(cx, batch).await,
            Flaw::BadRowFailsBatch if rows.iter().any(is_bad) => {
                return Err(Error::new(ErrorKind::Rejected, "expected good rows, found a bad one"));
            }
            _ => {}
        }
        self.sound.send(cx, batch).await
    }

    /// Remembers what it tried as if it had been done.
    async fn add_once(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        let ids: BTreeSet<OpId> = batch.rows().iter().map(|row| row.op_id).collect();
        if !ids.is_empty() && ids.is_subset(&self.more().unsure) {
            return Ok(Outcome::accepted());
        }
        let answer = self.sound.send(cx, batch).await;
        if answer.is_err() {
            self.more().unsure.extend(ids);
        }
        answer
    }

    /// Never unlocks when it is dropped between the two halves.
    async fn add_locked(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        let key = batch.rows().first().map(|row| row.op_id.to_hex()).unwrap_or_default();
        if self.more().busy.insert(key.clone(), batch.id()).is_some() {
            return Err(Error::new(ErrorKind::Conflict, "expected a free upload, found a busy one"));
        }
        tokio::task::yield_now().await;
        let answer = self.sound.send(cx, batch).await;
        self.more().busy.remove(&key);
        answer
    }

    async fn send_remove(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        let (audience, rows) = (batch.audience(), batch.rows());
        let named: BTreeSet<&str> = rows.iter().map(|row| row.member_id.as_str()).collect();
        let held = self.held(audience);
        match self.flaw {
            Flaw::RemovesOneMore if !rows.is_empty() => {
                let more = held.into_iter().find(|row| !named.contains(row.member_id.as_str()));
                self.remove(cx, audience, more.into_iter().collect()).await?;
            }
            Flaw::SecondRemovalRejected => {
                let answer = self.sound.send(cx, batch).await?;
                let absent =
                    rows.iter().enumerate().filter(|(_, row)| !held.iter().any(|it| it.member_id == row.member_id));
                return Ok(
                    absent.fold(answer, |answer, (index, _)| answer.except(index, RowOutcome::rejected("absent")))
                );
            }
            Flaw::Tombstones => self.more().gone.extend(named.into_iter().map(str::to_owned)),
            Flaw::MixesAudiences => {
                let others = ["a", "b"].map(|end| format!("{}.{end}", audience.key.rsplit_once('.').unwrap().0));
                for other in others {
                    self.remove(cx, &AudienceRef::new(&other, &other), rows.to_vec()).await?;
                }
            }
            _ => {}
        }
        self.sound.send(cx, batch).await
    }

    /// What the flaw makes of a sound destination's error.
    async fn misread(&self, cx: &Context, batch: &Batch, error: Error) -> Result<Outcome> {
        let retry = |retry| Err(error_like(&error).with_retry(retry));
        match (self.flaw, error.kind(), error.retry()) {
            (Flaw::ThrottleNever, ErrorKind::RateLimited, _) => retry(Retry::Never),
            (Flaw::DropsTheWait, ErrorKind::RateLimited, _) => retry(Retry::Safe { after: None }),
            (Flaw::Sulks, ErrorKind::RateLimited, Retry::Safe { after: Some(wait) }) => {
                cx.clock().sleep(wait).await;
                Err(error)
            }
            (Flaw::UnauthorizedRetried, ErrorKind::Unauthenticated, _) => retry(Retry::Safe { after: None }),
            (Flaw::UnavailableNever, ErrorKind::Unavailable, _) => retry(Retry::Never),
            (Flaw::UnavailableIsSuccess, ErrorKind::Unavailable, _) => Ok(Outcome::accepted()),
            (Flaw::ResetIsSafe, ErrorKind::Transport, _) => retry(Retry::Safe { after: None }),
            (Flaw::TimeoutIsSafe, ErrorKind::Timeout, _) => retry(Retry::Safe { after: None }),
            (Flaw::GarbledIsSuccess, ErrorKind::UnexpectedReply, _) => Ok(Outcome::accepted()),
            (Flaw::ErrorLeaks, ErrorKind::Unavailable, _) => {
                let id = batch.rows()[0].member_id.as_str();
                Err(Error::new(ErrorKind::Unavailable, format!("expected {id} to be taken")))
            }
            _ => Err(error),
        }
    }

    /// What the flaw makes of a sound destination's outcome.
    fn tell(&self, batch: &Batch, outcome: Outcome) -> Outcome {
        let rows = batch.rows();
        let reject = |code: String| {
            let bad = rows.iter().enumerate().filter(|(_, row)| is_bad(row));
            bad.fold(Outcome::accepted(), |outcome, (index, _)| {
                outcome.except(index, RowOutcome::rejected(code.clone()))
            })
        };
        match self.flaw {
            Flaw::FewerOutcomes if rows.len() > 1 => {
                Outcome::each((1..rows.len()).map(|index| (index, RowOutcome::ACCEPTED)))
            }
            Flaw::JobsNeverEnd if !rows.is_empty() => Outcome::pending(JobRef::new("job")),
            Flaw::StagesWithoutSession if !rows.is_empty() => Outcome::all(RowOutcome::Staged),
            Flaw::NamesTheNextRow => {
                let bad = rows.iter().position(is_bad).map(|index| index + 1);
                bad.into_iter().fold(Outcome::accepted(), |it, index| it.except(index, RowOutcome::rejected("bad")))
            }
            Flaw::CodeIsProse => reject("The value was refused, because it is bad.".to_owned()),
            Flaw::CodeHoldsValue => reject(rows.first().map_or("bad", |row| row.member_id.as_str()).to_owned()),
            _ => outcome,
        }
    }
}

fn error_like(error: &Error) -> Error {
    Error::new(error.kind(), error.message())
}

fn is_bad(row: &Row) -> bool {
    row.vendor_ref.as_ref().is_some_and(|reference| reference.as_str() == "bad")
}

/// A platform that refuses marked rows, and is sound in everything else.
#[derive(Debug)]
struct Strict(Memory);

#[async_trait]
impl Destination for Strict {
    fn info(&self) -> Info {
        self.0.info()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        let good = batch.rows().iter().filter(|row| !is_bad(row)).cloned().collect();
        let outcome = self.0.send(cx, &World::with_rows(batch, good)).await?;
        cx.emit(&Event::BatchSent { binding: "crm", rows: batch.rows().len() as u64, settled: 0, planned: 0 });
        let bad = batch.rows().iter().enumerate().filter(|(_, row)| is_bad(row));
        Ok(bad.fold(outcome, |outcome, (index, _)| outcome.except(index, RowOutcome::rejected_field("bad", "mark"))))
    }

    async fn check(&self, cx: &Context) -> Result<Check> {
        self.0.check(cx).await
    }

    async fn size(&self, cx: &Context, audience: &AudienceRef) -> Result<Size> {
        self.0.size(cx, audience).await
    }

    async fn members(&self, cx: &Context, audience: &AudienceRef, after: Option<Cursor>) -> Result<MemberPage> {
        self.0.members(cx, audience, after).await
    }

    async fn record(&self, cx: &Context, events: &EventBatch) -> Result<Outcome> {
        self.0.record(cx, events).await
    }

    async fn forget(&self, cx: &Context, people: &Batch) -> Result<Outcome> {
        self.0.forget(cx, people).await
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = if self.flaw == Flaw::DebugLeaks { self.more().last.clone() } else { String::new() };
        f.debug_struct("World").field("flaw", &self.flaw).field("last", &last).finish()
    }
}

#[async_trait]
impl Destination for World {
    fn info(&self) -> Info {
        match self.flaw {
            Flaw::IdIsATitle => Info::new("Our CRM", "CRM", Family::Warehouse),
            _ => self.sound.info(),
        }
    }

    fn capabilities(&self) -> Capabilities {
        self.sound.capabilities().with(|c| match self.flaw {
            Flaw::CapabilitiesChange => c.in_flight = 4 + (self.turn() % 2) as u32,
            Flaw::NoRateAtAll => c.rate = Some(RateLimit { requests: 0, per: Duration::from_secs(1) }),
            Flaw::TakesUndeclaredUpdate => c.update = false,
            Flaw::UndeclaredSize => c.size = SizeReadBack::None,
            Flaw::SessionsMissing => c.session = SessionKind::PerAction,
            Flaw::JobsNeverEnd => c.jobs = true,
            _ => {}
        })
    }

    fn cost(&self, row: &Row) -> Cost {
        if self.flaw == Flaw::CostsNothing { Cost::default() } else { self.sound.cost(row) }
    }

    async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        let first = batch.rows().first().map(|row| row.member_id.as_str().to_owned()).unwrap_or_default();
        match self.flaw {
            Flaw::OneTaskOnly => assert!(tokio::task::try_id().is_none(), "not the task it was made in"),
            Flaw::CallsHome => drop(self.more().hosts.insert("telemetry.test".to_owned())),
            Flaw::EventLeaks => cx.emit(&Event::RunStarted { binding: &first, run: "run" }),
            _ => {}
        }
        self.more().last = first;
        if self.flaw == Flaw::EmptyMeansNobody && batch.rows().is_empty() {
            return self.remove(cx, batch.audience(), self.held(batch.audience())).await;
        }
        let answer = match (batch.action(), self.flaw) {
            (Action::Add, _) => self.send_add(cx, batch).await,
            (Action::Remove, _) => self.send_remove(cx, batch).await,
            (Action::Update, Flaw::UpdateRemoves) => self.remove(cx, batch.audience(), batch.rows().to_vec()).await,
            (Action::Update, _) => self.sound.send(cx, batch).await,
        };
        match answer {
            Ok(outcome) => Ok(self.tell(batch, outcome)),
            Err(error) => self.misread(cx, batch, error).await,
        }
    }

    async fn check(&self, cx: &Context) -> Result<Check> {
        let check = self.sound.check(cx).await?;
        Ok(if self.flaw == Flaw::CheckFindsSomething { check.with_missing("a permission") } else { check })
    }

    async fn open(&self, cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
        if self.flaw == Flaw::OpensAnother && spec.known.is_none() {
            return Ok(AudienceRef::new(self.turn().to_string(), &spec.key));
        }
        self.sound.open(cx, spec).await
    }

    async fn poll(&self, cx: &Context, job: &JobRef) -> Result<Outcome> {
        match self.flaw {
            Flaw::JobsNeverEnd => Ok(Outcome::pending(job.clone())),
            _ => self.sound.poll(cx, job).await,
        }
    }

    async fn size(&self, cx: &Context, audience: &AudienceRef) -> Result<Size> {
        match (self.flaw, self.sound.size(cx, audience).await?) {
            (Flaw::ClaimsSize, _) => Err(Error::new(ErrorKind::Unsupported, "not yet")),
            (Flaw::SizeOffByOne, Size::Exact(size)) => Ok(Size::Exact(size + 1)),
            (_, size) => Ok(size),
        }
    }

    async fn members(&self, cx: &Context, audience: &AudienceRef, after: Option<Cursor>) -> Result<MemberPage> {
        let mut page = self.sound.members(cx, audience, after).await?;
        if self.flaw == Flaw::MembersTwice {
            page.members.extend(page.members.clone());
        }
        Ok(page)
    }

    async fn record(&self, cx: &Context, events: &EventBatch) -> Result<Outcome> {
        match self.flaw {
            Flaw::EventsFail => Ok(Outcome::all(RowOutcome::NotApplied)),
            _ => self.sound.record(cx, events).await,
        }
    }

    async fn forget(&self, cx: &Context, people: &Batch) -> Result<Outcome> {
        if self.flaw == Flaw::ForgetsEverybody {
            self.remove(cx, people.audience(), self.held(people.audience())).await?;
        }
        self.sound.forget(cx, people).await
    }
}

#[async_trait]
impl Harness for World {
    fn destination(&self) -> Arc<dyn Destination> {
        Arc::new(self.clone())
    }

    fn context(&self) -> Context {
        Context::new("conformance", Arc::new(ManualClock::auto()))
    }

    async fn members(&self, audience: &AudienceRef) -> Option<Vec<String>> {
        let more = self.more();
        let doubles = more.doubles.iter().filter(|(key, _)| *key == audience.key).map(|(_, id)| id.clone());
        Some(self.memory.member_ids(&audience.key).into_iter().chain(doubles).collect())
    }

    fn fault(&self, fault: Fault) -> bool {
        self.sound.fail_always(fault);
        true
    }

    fn heal(&self) {
        self.sound.heal();
    }

    fn spoil(&self, row: Row) -> Option<Row> {
        Some(Row { vendor_ref: Some(VendorRef::new("bad")), ..row })
    }

    fn most_rows(&self) -> usize {
        200
    }

    fn hosts(&self) -> Option<BTreeSet<String>> {
        Some(self.more().hosts.clone())
    }
}

async fn report(flaw: Flaw) -> ConformanceReport {
    conformance::run(&World::new(flaw)).await
}

#[tokio::test]
async fn without_a_flaw_all_checks_pass() {
    let report = report(Flaw::None).await;
    report.assert_passed();
    // What it does not declare cannot be tried: all actions are declared, jobs and sessions are not.
    let undeclared =
        ["replies.jobs_end", "honesty.undeclared_actions_are_unsupported", "honesty.declared_sessions_work"];
    assert_eq!(report.skipped(), undeclared, "\n{report}");
}

#[tokio::test]
async fn each_flaw_fails_its_check_and_no_other() {
    let mut wrong = String::new();
    for (flaw, check) in FLAWS {
        let report = report(*flaw).await;
        if report.failed() != [*check] {
            wrong.push_str(&format!("{flaw:?}: expected {check} to fail and no other\n{report}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_check_has_a_flaw_that_fails_it() {
    let covered: BTreeSet<&str> = FLAWS.iter().map(|(_, check)| *check).collect();
    let all: BTreeSet<&str> = conformance::names().collect();
    assert_eq!(covered, all);
}

#[tokio::test]
async fn what_stands_on_a_failed_check_is_skipped_and_says_so() {
    let report = report(Flaw::AcceptsWithoutApplying).await;
    let size = report.checks.iter().find(|check| check.name == "honesty.size_matches_members").unwrap();
    let Verdict::Skipped { why } = &size.verdict else { panic!("{report}") };
    assert!(why.starts_with("stands on sending.add_makes_members, which failed: expected 3 members, found 0"), "{why}");
}
