//! Partition by partition: sort, merge with the previous side, hand over what differs, in key order.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::previous::{Cursor, Previous};
use super::record::{Pair, Record as _};
use super::rows::{RowCounts, Rows};
use super::segments::{KeyRange, Work};
use super::{DiffOptions, OnConflict, Partitioning};
use crate::diff::snapshot::ReadAt;
use crate::diff::{Counts, Fingerprint, MemberKey, SetSum};
use crate::error::{Error, ErrorKind, Result};

/// Operations handed over at once, at most, plus one partition's.
const CHUNK: usize = 8192;
/// Chunks that wait for whoever takes the operations, for each thread.
const WAITING: usize = 4;
/// Tasks for each thread: enough to share evenly, few enough that a snapshot's blocks are read about once.
const TASKS: usize = 8;

/// What must happen to one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "two sets have three kinds of differences and no fourth")]
pub enum Operation {
    /// It is only on the current side.
    Add {
        /// The member.
        key: MemberKey,
        /// Its fingerprint on the current side.
        new: Fingerprint,
    },
    /// It is only on the previous side.
    Remove {
        /// The member.
        key: MemberKey,
        /// Its fingerprint on the previous side.
        old: Fingerprint,
    },
    /// It is on both sides, with different fingerprints.
    Change {
        /// The member.
        key: MemberKey,
        /// Its fingerprint on the previous side.
        old: Fingerprint,
        /// Its fingerprint on the current side.
        new: Fingerprint,
    },
}

impl Operation {
    /// The member.
    pub fn key(&self) -> MemberKey {
        match self {
            Self::Add { key, .. } | Self::Remove { key, .. } | Self::Change { key, .. } => *key,
        }
    }
}

/// What a diff came to.
///
/// `rows.rows = rows.null_keys + rows.duplicate_rows + counts.desired()`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct DiffSummary {
    /// What became of the rows of the current side.
    pub rows: RowCounts,
    /// Members by what happened to them.
    pub counts: Counts,
    /// The set sum of the previous side.
    pub previous: SetSum,
    /// The set sum of the current side.
    pub desired: SetSum,
}

impl DiffSummary {
    fn merge(&mut self, other: &Self) {
        self.rows.duplicate_rows += other.rows.duplicate_rows;
        self.rows.conflicting_duplicates += other.rows.conflicting_duplicates;
        self.counts.added += other.counts.added;
        self.counts.removed += other.counts.removed;
        self.counts.changed += other.counts.changed;
        self.counts.unchanged += other.counts.unchanged;
        self.previous.merge(other.previous);
        self.desired.merge(other.desired);
    }
}

/// Compares a previous side with rows that came in any order.
///
/// Memory stays within [`DiffOptions::memory_budget`] and some working space, whatever the sides hold. The operations
/// and their order depend on the sides alone: not on the order of rows, the threads or the budget.
///
/// ```
/// use audience_sync::diff::{
///     DiffOptions, Fingerprint, KeyHasher, Operation, PartitionedDiff, Partitioning, Previous, SourceEnd,
/// };
///
/// let keys = KeyHasher::new(&[7; 16], "customer");
/// let parting = Partitioning::new(DiffOptions::default().with_threads(1), None)?;
/// let side = |ids: &[&str]| {
///     let mut writers = parting.writers(2);
///     for id in ids {
///         writers[0].push_id(&keys, id.as_bytes(), Fingerprint::NONE)?;
///     }
///     writers[0].end(SourceEnd { rows: Some(ids.len() as u64) })?;
///     parting.collect(writers)
/// };
/// let (before, now) = (side(&["ann", "bob"])?, side(&["cid", "bob", "bob"])?);
///
/// let mut operations = Vec::new();
/// let summary = PartitionedDiff::new(&parting, Previous::<Vec<u8>>::Rows(&before), &now).run(|some| {
///     operations.extend_from_slice(some);
///     Ok(())
/// })?;
/// assert_eq!((summary.counts.added, summary.counts.removed, summary.counts.unchanged), (1, 1, 1));
/// assert_eq!(summary.rows.duplicate_rows, 1);
/// assert!(operations.contains(&Operation::Add { key: keys.key("cid"), new: Fingerprint::NONE }));
/// # Ok::<(), audience_sync::error::Error>(())
/// ```
#[derive(Debug)]
pub struct PartitionedDiff<'a, R> {
    options: &'a DiffOptions,
    previous: Previous<'a, R>,
    current: &'a Rows,
}

/// What a thread hands over: operations in key order, and the end of a task.
enum Message {
    Some(Vec<Operation>),
    TaskEnd,
}

impl<'a, R: ReadAt + Send + Sync> PartitionedDiff<'a, R> {
    /// Of these two sides. Rows on both must have been parted by `parting`.
    pub fn new(parting: &'a Partitioning, previous: Previous<'a, R>, current: &'a Rows) -> Self {
        Self { options: parting.options(), previous, current }
    }

    /// Hands the operations to `each`, in key order, and says what they came to.
    ///
    /// Takes all the processor time it is given: in an async program run it where blocking is allowed.
    ///
    /// # Errors
    /// Those of `each`; [`ErrorKind::Source`] with code `conflict` for a member with several values where
    /// [`OnConflict::Error`] is set, or `too_many_versions`; [`ErrorKind::State`] for a damaged snapshot;
    /// [`ErrorKind::Unavailable`] when the spill fails. What was handed over before an error is not a plan.
    pub fn run(&self, mut each: impl FnMut(&[Operation]) -> Result<()>) -> Result<DiffSummary> {
        let partitions = self.current.partitions.len();
        let small = self.current.counts.rows < 50_000;
        let threads = if small { 1 } else { self.options.threads.min(partitions) };
        let size = if small { partitions } else { partitions.div_ceil(threads * TASKS) };
        let tasks = partitions.div_ceil(size);
        let mut summary = DiffSummary { rows: self.current.counts, ..DiffSummary::default() };
        if threads == 1 {
            let mut worker = Worker::new(self);
            for task in 0..tasks {
                worker.task(task * size, partitions.min((task + 1) * size), &mut |some| each(&some))?;
            }
            summary.merge(&worker.summary);
            return self.judged(summary);
        }
        let workers = thread::scope(|scope| {
            let spawn = |first: usize| {
                let (sender, receiver) = sync_channel(WAITING);
                let tasks =
                    (first..tasks).step_by(threads).map(move |task| (task * size, partitions.min((task + 1) * size)));
                (scope.spawn(move || Worker::new(self).tasks(tasks, &sender)), receiver)
            };
            let (handles, receivers): (Vec<_>, Vec<_>) = (0..threads).map(spawn).unzip();
            let taken = (0..tasks).try_for_each(|task| match receivers.get(task % threads) {
                Some(receiver) => take_task(receiver, &mut each),
                None => Ok(()),
            });
            // Whoever still works finds nobody listening and stops.
            drop(receivers);
            let done: Vec<Result<DiffSummary>> = handles.into_iter().map(joined).collect();
            (taken, done)
        });
        let (taken, done) = workers;
        for worker in done {
            summary.merge(&worker?);
        }
        taken?;
        self.judged(summary)
    }

    fn judged(&self, summary: DiffSummary) -> Result<DiffSummary> {
        let conflicts = summary.rows.conflicting_duplicates;
        if conflicts > 0 && self.options.on_conflict == OnConflict::Error {
            let message = format!("expected one value a member, found {conflicts} rows with another one");
            return Err(Error::new(ErrorKind::Source, message).with_code("conflict"));
        }
        Ok(summary)
    }
}

/// Takes what a thread hands over until its task ends. A thread that failed has hung up; it says why when joined.
fn take_task(receiver: &Receiver<Message>, each: &mut impl FnMut(&[Operation]) -> Result<()>) -> Result<()> {
    while let Ok(Message::Some(operations)) = receiver.recv() {
        each(&operations)?;
    }
    Ok(())
}

fn joined(handle: thread::ScopedJoinHandle<'_, Result<DiffSummary>>) -> Result<DiffSummary> {
    handle.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "a thread of the diff panicked")))
}

/// One thread's part of the work.
struct Worker<'a, R> {
    diff: &'a PartitionedDiff<'a, R>,
    work: Work<Pair>,
    previous: Vec<Pair>,
    operations: Vec<Operation>,
    summary: DiffSummary,
}

impl<'a, R: ReadAt> Worker<'a, R> {
    fn new(diff: &'a PartitionedDiff<'a, R>) -> Self {
        Self {
            diff,
            work: Work::default(),
            previous: Vec::new(),
            operations: Vec::new(),
            summary: DiffSummary::default(),
        }
    }

    fn tasks(mut self, tasks: impl Iterator<Item = (usize, usize)>, to: &SyncSender<Message>) -> Result<DiffSummary> {
        for (start, end) in tasks {
            let mut left = false;
            self.task(start, end, &mut |some| {
                left |= to.send(Message::Some(some)).is_err();
                if left { Err(hung_up()) } else { Ok(()) }
            })
            .or_else(|error| if left { Ok(()) } else { Err(error) })?;
            if left || to.send(Message::TaskEnd).is_err() {
                break;
            }
        }
        Ok(self.summary)
    }

    fn task(&mut self, start: usize, end: usize, to: &mut dyn FnMut(Vec<Operation>) -> Result<()>) -> Result<()> {
        let Self { diff, work, previous, operations, summary } = self;
        let rows = &diff.current.partitions;
        let mut cursor: Option<Cursor<'_, R>> = None;
        for partition in start..end {
            let cursor = cursor.get_or_insert_with(|| diff.previous.cursor(rows.range(partition), diff.options));
            let mut piece = |range: KeyRange, current: &[Pair]| {
                cursor.take(range, previous)?;
                merge(previous, current, operations, summary);
                if operations.len() >= CHUNK { to(std::mem::take(operations)) } else { Ok(()) }
            };
            summary_add(rows.sorted(partition, diff.options, work, &mut piece)?, summary);
        }
        if operations.is_empty() { Ok(()) } else { to(std::mem::take(operations)) }
    }
}

fn summary_add(dropped: u64, summary: &mut DiffSummary) {
    summary.rows.duplicate_rows += dropped;
}

fn hung_up() -> Error {
    Error::new(ErrorKind::Bug, "whoever takes the operations has stopped")
}

/// Merges the members of one range of keys. `current` may hold a member several times, the smallest fingerprint first.
fn merge(previous: &[Pair], current: &[Pair], out: &mut Vec<Operation>, summary: &mut DiffSummary) {
    let mut previous = previous.iter().peekable();
    let mut before: Option<&Pair> = None;
    let remove = |old: &Pair, out: &mut Vec<Operation>, summary: &mut DiffSummary| {
        summary.counts.removed += 1;
        summary.previous.add(old.key(), old.fingerprint());
        out.push(Operation::Remove { key: old.key(), old: old.fingerprint() });
    };
    for row in current {
        if before.is_some_and(|before| before.same_key(row)) {
            summary.rows.duplicate_rows += 1;
            summary.rows.conflicting_duplicates += 1;
            continue;
        }
        before = Some(row);
        let (key, new) = (row.key(), row.fingerprint());
        while let Some(old) = previous.next_if(|old| old.key() < key) {
            remove(old, out, summary);
        }
        let mut sum = SetSum::EMPTY;
        sum.add(key, new);
        summary.desired.merge(sum);
        match previous.next_if(|old| old.same_key(row)) {
            None => {
                summary.counts.added += 1;
                out.push(Operation::Add { key, new });
            }
            Some(old) if old.fingerprint() == new => {
                summary.counts.unchanged += 1;
                summary.previous.merge(sum);
            }
            Some(old) => {
                summary.counts.changed += 1;
                summary.previous.add(key, old.fingerprint());
                out.push(Operation::Change { key, old: old.fingerprint(), new });
            }
        }
    }
    previous.for_each(|old| remove(old, out, summary));
}
