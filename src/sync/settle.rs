//! From the journal to the next generation of what is known. One way for a run that ends and for one that died: what
//! is committed is exactly what is durable.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::future::join;

use super::codec::{Handle, Op};
use super::fold::{Fates, FoldTerms, Known, fold, fold_job};
use super::note::RunNote;
use super::previous::{Handles, Previous, Prior, Priors, Standing};
use super::wire::Writer;
use crate::destination::{Action, Context, Reason};
use crate::diff::snapshot::{SnapshotHeader, SnapshotRecord, SnapshotWriter};
use crate::diff::{MemberKey, SetSum};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Keyring;
use crate::state::{Entry, Layer, Manifest, OpenJob, RowSettled, Store, Unfinished};
use crate::time::Timestamp;

/// Newer layers together may grow to this share of the base (one in so many) before all are merged …
const MERGE_SHARE: u64 = 8;
/// … and there may be so many of them.
const MERGE_LAYERS: usize = 8;
/// How long removals count towards the guard on slow drains, in milliseconds.
const DRAIN_WINDOW: i64 = 24 * 3_600 * 1_000;

/// What the settling needs to know beside the journal.
pub(crate) struct Settling<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) keyring: &'a Keyring,
    pub(crate) store_id: [u8; 16],
    pub(crate) by_identifiers: bool,
    pub(crate) at_most_once: bool,
}

/// Rows of a plan and an action: the plan, the action's word, the rows' runs.
type SettledRows = (String, String, Vec<(u32, u32)>);

/// Everything the journal says, by plan.
#[derive(Default)]
struct Read {
    plans: BTreeMap<String, PlanRead>,
    note: RunNote,
    jobs: Vec<OpenJob>,
    closed_jobs: Vec<String>,
    /// Rows, of a plan and an action, of which none is pending any more.
    settled: Vec<SettledRows>,
}

impl Read {
    /// A job has ended when its rows are settled; the note that says so may have been lost.
    fn ended(&self, job: &OpenJob) -> bool {
        let is_its = |(plan, action, rows): &SettledRows| (plan, action, rows) == (&job.plan, &job.action, &job.rows);
        self.closed_jobs.contains(&job.job) || self.settled.iter().any(is_its)
    }
}

#[derive(Default)]
struct PlanRead {
    /// The plan was carried out by the run of this journal; otherwise a job of an earlier run is settled.
    carried_out: bool,
    events: Vec<PlanEvent>,
}

enum PlanEvent {
    Intended { action: Action, rows: Vec<(u32, u32)> },
    Settled { action: Action, rows: Vec<(u32, u32)>, outcomes: Vec<(u32, RowSettled)>, others: Option<RowSettled> },
}

impl Settling<'_> {
    /// Commits what the journal's entries amount to. `kept` are plans that must survive besides; `ended` says that
    /// nothing is left of the plan that was carried out, if one was.
    pub(crate) async fn settle(
        &self,
        store: &mut Store,
        entries: &[Entry],
        kept: &[String],
        ended: bool,
    ) -> Result<()> {
        let read = read(entries)?;
        let mut next = store.manifest().clone();
        read.note.apply(&mut next);
        let mut set_sum = sum_of(&next)?;
        let previous = open_previous(store, self.keyring, self.store_id).await?;
        let mut removed = 0;
        let mut layers = Vec::new();
        for (plan, read) in &read.plans {
            let folded = self.fold_plan(store, plan, read, &previous, set_sum, next.mapping_version).await?;
            set_sum = folded.set_sum;
            removed += folded.removed;
            next.members = next.members.saturating_add(folded.entered).saturating_sub(folded.left);
            if folded.members > 0 {
                let id = store.new_id()?;
                next.layers.push(Layer::new(&id, folded.members));
                layers.push((id, folded.bytes));
            }
        }
        next.set_sum = set_sum.to_string();
        next.jobs.extend(read.jobs.iter().cloned());
        next.jobs.retain(|job| !read.ended(job));
        next.plans = next.jobs.iter().map(|job| job.plan.clone()).chain(kept.iter().cloned()).collect();
        next.plans.sort_unstable();
        next.plans.dedup();
        if read.plans.values().any(|plan| plan.carried_out) {
            let before = store.manifest().members;
            next.unfinished = if ended { None } else { Some(self.unfinished(&next, before, removed)) };
        }
        self.note_removals(&mut next, removed);
        if due_for_merge(&next) {
            self.merge(store, &mut next, &mut layers).await?;
        }
        store.commit(next, layers).await
    }

    fn unfinished(&self, next: &Manifest, members: u64, removed: u64) -> Unfinished {
        let now = self.cx.now();
        let recent = |earlier: &Unfinished| now.as_millis() - earlier.since.as_millis() < DRAIN_WINDOW;
        match next.unfinished.filter(recent) {
            Some(first) => Unfinished {
                since: first.since,
                members: first.members.max(members),
                removed: first.removed.saturating_add(removed),
            },
            None => Unfinished { since: now, members, removed },
        }
    }

    fn note_removals(&self, next: &mut Manifest, removed: u64) {
        let now = self.cx.now();
        next.removals.retain(|(at, _)| now.as_millis() - at.as_millis() < DRAIN_WINDOW);
        if removed > 0 {
            next.removals.push((now, removed));
        }
        next.last_run = Some(now);
    }

    async fn fold_plan(
        &self,
        store: &Store,
        plan: &str,
        read: &PlanRead,
        previous: &Previous,
        set_sum: SetSum,
        mapping_version: u64,
    ) -> Result<Folded> {
        let mut reader = store.read_plan(plan).await?;
        let fates = fates(read, reader.info().records);
        let now = self.cx.now();
        let (by_identifiers, at_most_once) = (self.by_identifiers, self.at_most_once);
        let terms = FoldTerms { by_identifiers, at_most_once, now };
        let mut header = SnapshotHeader::new(self.store_id, store.manifest().generation + 1, now);
        header.mapping_version = mapping_version;
        let mut folder = Folder {
            // The host key of the layers, so that a new current key does not make everybody a stranger.
            writer: SnapshotWriter::new(Vec::new(), header, previous.key())?,
            handle: Writer::default(),
            fates,
            terms,
            kept: (!read.carried_out).then(|| Kept::new(previous)),
            folded: Folded { set_sum, ..Folded::default() },
        };
        let mut ready = reader.next_part().await?;
        while let Some(part) = ready {
            let folding = self.cx.blocking(move || {
                for (ordinal, record) in (part.first..).zip(&part.records) {
                    folder.take(Op::read(record)?, ordinal)?;
                }
                Ok(folder)
            });
            // The folding first: it is on its thread when the next part is read here.
            let (folded, next) = join(folding, reader.next_part()).await;
            (folder, ready) = (folded?, next?);
        }
        let (bytes, totals) = folder.writer.finish()?;
        Ok(Folded { bytes: Bytes::from(bytes), members: totals.members, ..folder.folded })
    }

    /// Makes one layer of all.
    async fn merge(&self, store: &Store, next: &mut Manifest, layers: &mut Vec<(String, Bytes)>) -> Result<()> {
        let mut all = Vec::new();
        for layer in &next.layers {
            let fresh = layers.iter().find(|(id, _)| *id == layer.id).map(|(_, bytes)| bytes.clone());
            all.push(match fresh {
                Some(bytes) => bytes,
                None => store.read_layer(&layer.id).await?,
            });
        }
        let previous = Previous::open(all, self.keyring, self.store_id)?;
        let mut header = SnapshotHeader::new(self.store_id, store.manifest().generation + 1, self.cx.now());
        header.mapping_version = next.mapping_version;
        let (bytes, members) = self.cx.blocking(move || merged(&previous, header)).await?;
        let id = store.new_id()?;
        next.layers = if members > 0 { vec![Layer::new(&id, members)] } else { Vec::new() };
        *layers = if members > 0 { vec![(id, bytes)] } else { Vec::new() };
        Ok(())
    }
}

/// What one plan amounts to.
#[derive(Default)]
struct Folded {
    bytes: Bytes,
    members: u64,
    set_sum: SetSum,
    entered: u64,
    left: u64,
    /// Removed and counted by the guard on slow drains.
    removed: u64,
}

struct Folder {
    writer: SnapshotWriter<Vec<u8>>,
    handle: Writer,
    fates: Fates,
    terms: FoldTerms,
    /// What is kept of the members, for a plan that an earlier run carried out.
    kept: Option<Kept>,
    folded: Folded,
}

/// The members in flight, for keys asked about in order.
struct Kept {
    priors: Priors,
    next: Option<Prior>,
    handles: Handles,
}

impl Kept {
    fn new(previous: &Previous) -> Self {
        Self { priors: previous.iter(), next: None, handles: previous.handles() }
    }

    fn of(&mut self, key: MemberKey) -> Result<Option<Handle>> {
        while self.next.is_none_or(|next| next.key < key) {
            self.next = self.priors.next().transpose()?;
            if self.next.is_none() {
                return Ok(None);
            }
        }
        match self.next.filter(|next| next.key == key && next.standing == Standing::InFlight) {
            Some(prior) => Handle::read(self.handles.get(&prior)?).map(Some),
            None => Ok(None),
        }
    }
}

impl Folder {
    fn take(&mut self, op: Op, ordinal: u32) -> Result<()> {
        let known = match &mut self.kept {
            None => fold(&op, ordinal, &self.fates, self.terms),
            Some(kept) => {
                let Some(held) = kept.of(op.key)? else { return Ok(()) };
                fold_job(op.clone(), ordinal, &self.fates, self.terms, held)
            }
        };
        let Some(known) = known else { return Ok(()) };
        let folded = &mut self.folded;
        if !op.acked.is_none() {
            folded.left += 1;
            folded.set_sum.remove(op.key, op.acked);
        }
        if !known.acked.is_none() {
            folded.entered += 1;
            folded.set_sum.add(op.key, known.acked);
        }
        let by_rule = matches!(op.reason, Reason::Expired | Reason::Consent);
        folded.removed += u64::from(known.standing == Standing::Absent && !op.acked.is_none() && !by_rule);
        self.write(&op, &known)
    }

    fn write(&mut self, op: &Op, known: &Known) -> Result<()> {
        self.handle.clear();
        if known.standing != Standing::Absent {
            known.handle.write(&mut self.handle);
        }
        let record = SnapshotRecord::new(op.key, known.acked)
            .with_expiry(known.expires_at)
            .with_state(known.standing as u8)
            .with_handle(self.handle.as_bytes());
        self.writer.push(&record)
    }
}

/// The layers of the current manifest.
pub(crate) async fn open_previous(store: &Store, keyring: &Keyring, store_id: [u8; 16]) -> Result<Previous> {
    let mut layers = Vec::new();
    for layer in &store.manifest().layers {
        layers.push(store.read_layer(&layer.id).await?);
    }
    Previous::open(layers, keyring, store_id)
}

fn due_for_merge(next: &Manifest) -> bool {
    let Some((base, newer)) = next.layers.split_first() else { return false };
    let grown: u64 = newer.iter().map(|layer| layer.members).sum();
    newer.len() > MERGE_LAYERS || grown.saturating_mul(MERGE_SHARE) > base.members
}

fn merged(previous: &Previous, header: SnapshotHeader) -> Result<(Bytes, u64)> {
    let mut writer = SnapshotWriter::new(Vec::new(), header, previous.key())?;
    let mut handles = previous.handles();
    for prior in previous.iter() {
        let prior = prior?;
        let handle = handles.get(&prior)?;
        let record = SnapshotRecord::new(prior.key, prior.acked)
            .with_expiry(prior.expires_at)
            .with_state(prior.standing as u8)
            .with_handle(handle);
        writer.push(&record)?;
    }
    let (bytes, totals) = writer.finish()?;
    Ok((Bytes::from(bytes), totals.members))
}

fn sum_of(manifest: &Manifest) -> Result<SetSum> {
    if manifest.set_sum.is_empty() {
        return Ok(SetSum::default());
    }
    serde_json::from_value(serde_json::Value::String(manifest.set_sum.clone())).map_err(|error| {
        Error::new(ErrorKind::State, "read the manifest: expected a set sum of 64 hex digits").with_source(error)
    })
}

fn fates(read: &PlanRead, records: u32) -> Fates {
    let mut fates = Fates::new(records as usize);
    for event in &read.events {
        match event {
            PlanEvent::Intended { action, rows } => fates.intended(*action, rows),
            PlanEvent::Settled { action, rows, outcomes, others } => {
                if let Some(others) = others {
                    for ordinal in super::fold::ordinals(rows) {
                        fates.settled(*action, ordinal, others);
                    }
                }
                for (ordinal, settled) in outcomes {
                    fates.settled(*action, *ordinal, settled);
                }
            }
        }
    }
    fates
}

fn read(entries: &[Entry]) -> Result<Read> {
    let mut read = Read::default();
    for entry in entries {
        match entry {
            Entry::Planned { plan, .. } => read.plans.entry(plan.clone()).or_default().carried_out = true,
            Entry::Intent { plan, action, rows, .. } => {
                let event = PlanEvent::Intended { action: action_of(action)?, rows: rows.clone() };
                read.plans.entry(plan.clone()).or_default().events.push(event);
            }
            Entry::Settled { plan, action, rows, outcomes, others, .. } => {
                let mut each = outcomes.iter().map(|(_, row)| row).chain(others);
                if each.all(|row| !matches!(row, RowSettled::Pending)) {
                    read.settled.push((plan.clone(), action.clone(), rows.clone()));
                }
                let event = PlanEvent::Settled {
                    action: action_of(action)?,
                    rows: rows.clone(),
                    outcomes: outcomes.clone(),
                    others: others.clone(),
                };
                read.plans.entry(plan.clone()).or_default().events.push(event);
            }
            Entry::Submitted { plan, job, action, rows, at, .. } => {
                // What settles the batch may not have been written any more.
                read.settled.retain(|settled| (&settled.0, &settled.1, &settled.2) != (plan, action, rows));
                let event = PlanEvent::Settled {
                    action: action_of(action)?,
                    rows: rows.clone(),
                    outcomes: Vec::new(),
                    others: Some(RowSettled::Pending),
                };
                read.plans.entry(plan.clone()).or_default().events.push(event);
                read.jobs.push(OpenJob {
                    job: job.clone(),
                    plan: plan.clone(),
                    action: action.clone(),
                    rows: rows.clone(),
                    submitted_at: *at,
                });
            }
            Entry::Note(note) => read.note.read(note, &mut read.closed_jobs)?,
            Entry::Opened { .. } | Entry::Sealed { .. } | Entry::SessionOpened { .. } | Entry::SessionClosed { .. } => {
            }
        }
    }
    Ok(read)
}

pub(crate) fn action_of(word: &str) -> Result<Action> {
    [Action::Add, Action::Remove, Action::Update].into_iter().find(|action| action.as_str() == word).ok_or_else(|| {
        Error::new(ErrorKind::State, format!("read the journal: expected add, remove or update, found {word:?}"))
    })
}

/// The moment a run's rows are versioned by; never lower than before.
pub(crate) fn next_row_version(manifest: &Manifest, now: Timestamp) -> u64 {
    let now = u64::try_from(now.as_millis()).unwrap_or(0);
    now.max(manifest.row_version.saturating_add(1))
}
