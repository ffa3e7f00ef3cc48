//! What was scattered, in memory and in spill files, read back partition by partition.

use super::DiffOptions;
use super::arena::Arena;
use super::record::Record;
use super::scatter::Scatter;
use super::sort::{Scratch, sort_unique};
use super::spill::{Run, SpillFile};
use crate::diff::MemberKey;
use crate::error::{Error, ErrorKind, Result};

/// The most bytes of one partition that are sorted at once; a larger one is scattered once more.
const SORTED_AT_ONCE: u64 = 8 << 20;
/// Bits by which a partition that is too large is scattered.
const SPLIT: u32 = 6;
/// Keys are keyed hashes: a partition still too large after so many bits is one member given in ever new versions.
const DEEPEST: u32 = 40;

/// The records of one thread.
pub(super) struct Segments<R> {
    pub(super) arenas: Vec<Arena<R>>,
    pub(super) runs: Vec<Run>,
    pub(super) spill: Option<SpillFile>,
}

impl<R: Record> Segments<R> {
    fn count(&self, partition: usize) -> u64 {
        let held: u64 = self.arenas.iter().map(|arena| u64::from(arena.count(partition))).sum();
        held + self.runs.iter().map(|run| u64::from(run.count(partition))).sum::<u64>()
    }

    fn read(&self, partition: usize, mut each: impl FnMut(R)) -> Result<()> {
        for arena in &self.arenas {
            arena.get(partition).iter().copied().for_each(&mut each);
        }
        let Some(spill) = &self.spill else { return Ok(()) };
        self.runs.iter().try_for_each(|run| spill.read(run, partition, &mut each))
    }
}

/// The keys between two, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) first: MemberKey,
    pub(crate) last: MemberKey,
}

impl KeyRange {
    /// The keys whose first `bits` bits are those of `high`.
    pub(super) fn of(high: u64, bits: u32) -> Self {
        let rest = u64::MAX.checked_shr(bits).unwrap_or(0);
        let key = |high: u64, low: u64| MemberKey::from_u128(u128::from(high) << 64 | u128::from(low));
        Self { first: key(high & !rest, 0), last: key(high | rest, u64::MAX) }
    }
}

/// All records of one side that were scattered alike.
pub(super) struct Partitions<R> {
    pub(super) threads: Vec<Segments<R>>,
    /// Bits that all keys share, and their value at the top of a word.
    pub(super) skip: u32,
    pub(super) high: u64,
    pub(super) bits: u32,
}

/// Working space for reading partitions, kept from one to the next.
pub(super) struct Work<R> {
    records: Vec<R>,
    scratch: Scratch<R>,
}

impl<R> Default for Work<R> {
    fn default() -> Self {
        Self { records: Vec::new(), scratch: Scratch::default() }
    }
}

impl<R: Record> Partitions<R> {
    pub(super) fn len(&self) -> usize {
        1 << self.bits
    }

    pub(super) fn range(&self, partition: usize) -> KeyRange {
        KeyRange::of(self.high_of(partition), self.skip + self.bits)
    }

    fn high_of(&self, partition: usize) -> u64 {
        self.high | (partition as u64) << (64 - self.skip - self.bits)
    }

    /// Hands over a partition in key order, each record once, in one or more pieces with the keys they cover. A member
    /// never spans two pieces. Gives how many records were dropped because they were given twice.
    pub(super) fn sorted(
        &self,
        partition: usize,
        options: &DiffOptions,
        work: &mut Work<R>,
        each: &mut dyn FnMut(KeyRange, &[R]) -> Result<()>,
    ) -> Result<u64> {
        let count: u64 = self.threads.iter().map(|segments| segments.count(partition)).sum();
        if count * R::BYTES as u64 > SORTED_AT_ONCE {
            return self.split(partition, count, options, work, each);
        }
        let Work { records, scratch } = work;
        records.clear();
        records.reserve(count as usize);
        self.read(partition, |record| records.push(record))?;
        let dropped = sort_unique(records, scratch, self.skip + self.bits);
        each(self.range(partition), records)?;
        Ok(dropped)
    }

    fn read(&self, partition: usize, mut each: impl FnMut(R)) -> Result<()> {
        self.threads.iter().try_for_each(|segments| segments.read(partition, &mut each))
    }

    fn split(
        &self,
        partition: usize,
        count: u64,
        options: &DiffOptions,
        work: &mut Work<R>,
        each: &mut dyn FnMut(KeyRange, &[R]) -> Result<()>,
    ) -> Result<u64> {
        let skip = self.skip + self.bits;
        if skip > DEEPEST {
            let message = "expected at most some 300,000 versions of one member, found more; \
                           see why the source repeats it with ever new values";
            return Err(Error::new(ErrorKind::Source, message).with_code("too_many_versions"));
        }
        let mut scatter = Scatter::new(skip, SPLIT, Some(count), SORTED_AT_ONCE, &options.spill_dir());
        let mut failed = Ok(());
        self.read(partition, |record| {
            if failed.is_ok() {
                failed = scatter.push(&record);
            }
        })?;
        failed?;
        let (segments, mut dropped) = scatter.finish()?;
        let parts = Partitions { threads: vec![segments], skip, high: self.high_of(partition), bits: SPLIT };
        for part in 0..parts.len() {
            dropped += parts.sorted(part, options, work, each)?;
        }
        Ok(dropped)
    }
}
