//! A side given row by row, in any order.

use std::fmt;

use super::DiffOptions;
use super::record::{Pair, Record};
use super::scatter::Scatter;
use super::segments::Partitions;
use crate::diff::{Fingerprint, KeyHasher, MemberKey};
use crate::error::{Error, ErrorKind, Result};

/// The explicit end of a source: without it nobody can tell a source that is done from one that broke off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "an end is a count or none")]
pub struct SourceEnd {
    /// How many rows the source says it gave, those without an id included; `None` when it does not count.
    pub rows: Option<u64>,
}

/// What became of the rows of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct RowCounts {
    /// All rows.
    pub rows: u64,
    /// Rows without an id; they are dropped.
    pub null_keys: u64,
    /// Rows of a member that had a row already, whatever they said.
    pub duplicate_rows: u64,
    /// Of these, rows that said something new: one for each value of a member beyond the first.
    pub conflicting_duplicates: u64,
}

/// Bytes of rows in one partition: about the second-level cache of one core.
const PARTITION: u64 = 1 << 20;
/// The fewest and the most bits of a key that choose the partition.
const BITS: std::ops::RangeInclusive<u32> = 6..=12;
/// The longest member id, in bytes.
const MAX_ID: usize = 65_535;

/// How the rows of one or more sides are parted: sides that are to be compared are parted alike.
#[derive(Clone, Debug)]
pub struct Partitioning {
    options: DiffOptions,
    bits: u32,
    expected: Option<u64>,
}

impl Partitioning {
    /// For about `expected` rows a side, the most that any of the sides has. A wrong number costs time, `None` a little;
    /// neither costs memory beyond the budget.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for options out of range.
    pub fn new(options: DiffOptions, expected: Option<u64>) -> Result<Self> {
        options.check()?;
        let bytes = match expected {
            Some(rows) => rows.saturating_mul(Pair::BYTES as u64),
            // Four times what fits is where more partitions begin to pay.
            None => options.memory_budget.saturating_mul(4),
        };
        let bits = bytes.div_ceil(PARTITION).max(1).next_power_of_two().ilog2().clamp(*BITS.start(), *BITS.end());
        Ok(Self { options, bits, expected })
    }

    #[cfg(test)]
    pub(super) fn set_budget(&mut self, bytes: u64) {
        self.options.memory_budget = bytes;
    }

    #[cfg(test)]
    pub(super) fn set_on_conflict(&mut self, on_conflict: super::OnConflict) {
        self.options.on_conflict = on_conflict;
    }

    #[cfg(test)]
    pub(super) fn set_spill_dir(&mut self, folder: std::path::PathBuf) {
        self.options.spill_dir = Some(folder);
    }

    /// The options it was made with.
    pub fn options(&self) -> &DiffOptions {
        &self.options
    }

    /// One writer a thread for one of `sides` sides that are collected at the same time; together they keep to the
    /// memory budget.
    pub fn writers(&self, sides: usize) -> Vec<RowWriter> {
        let threads = self.options.threads;
        let budget = self.options.memory_budget / (threads * sides.max(1)) as u64;
        let expected = self.expected.map(|rows| rows.div_ceil(threads as u64));
        let scatter = || Scatter::new(0, self.bits, expected, budget, &self.options.spill_dir());
        (0..threads).map(|_| RowWriter { scatter: scatter(), rows: 0, null_keys: 0, ended: false }).collect()
    }

    /// The side that the writers took down.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] with code `source_incomplete` when a writer was not told of the end of its source, or
    /// `null_keys` when too many rows had no id; [`ErrorKind::Unavailable`] when the spill fails.
    pub fn collect(&self, writers: Vec<RowWriter>) -> Result<Rows> {
        let mut counts = RowCounts::default();
        // A source need not have as many parts as there are writers, but it has one.
        let alone = writers.iter().all(|writer| !writer.ended);
        let mut threads = Vec::with_capacity(writers.len());
        for writer in writers {
            if !writer.ended && (writer.rows > 0 || alone) {
                let message = "expected an explicit end of each part of the source, found one that just stopped";
                return Err(Error::new(ErrorKind::Source, message).with_code("source_incomplete"));
            }
            counts.rows += writer.rows;
            counts.null_keys += writer.null_keys;
            let (segments, duplicates) = writer.scatter.finish()?;
            counts.duplicate_rows += duplicates;
            threads.push(segments);
        }
        let borne = self.options.null_keys_borne(counts.rows);
        if counts.null_keys > borne {
            let message = format!(
                "expected at most {borne} of {} rows without an id, found {}; see which column holds the id, \
                 or raise `max_null_keys_ppm`",
                counts.rows, counts.null_keys
            );
            return Err(Error::new(ErrorKind::Source, message).with_code("null_keys"));
        }
        Ok(Rows { partitions: Partitions { threads, skip: 0, high: 0, bits: self.bits }, counts })
    }
}

/// Takes down rows, in any order, on one thread.
pub struct RowWriter {
    scatter: Scatter<Pair>,
    rows: u64,
    null_keys: u64,
    ended: bool,
}

impl RowWriter {
    /// A row of a member.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when the spill fails: `spill_full`, `spill_failed`.
    #[inline]
    pub fn push(&mut self, key: MemberKey, fingerprint: Fingerprint) -> Result<()> {
        self.rows += 1;
        self.scatter.push(&Pair::new(key, fingerprint))
    }

    /// A row of the member with this id; an empty one counts as none.
    ///
    /// # Errors
    /// As [`RowWriter::push`]; [`ErrorKind::Source`] with code `key_too_long` for an id over 65,535 bytes.
    #[inline]
    pub fn push_id(&mut self, keys: &KeyHasher, id: &[u8], fingerprint: Fingerprint) -> Result<()> {
        if id.is_empty() {
            self.push_null();
            return Ok(());
        }
        if id.len() > MAX_ID {
            let row = self.rows + 1;
            let message = format!("expected an id of at most {MAX_ID} bytes, found {} in row {row}", id.len());
            return Err(Error::new(ErrorKind::Source, message).with_code("key_too_long"));
        }
        self.push(keys.key(id), fingerprint)
    }

    /// A row without an id.
    pub fn push_null(&mut self) {
        self.rows += 1;
        self.null_keys += 1;
    }

    /// How many rows were given so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The source, or this thread's part of it, came to its end.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] with code `source_incomplete` when it says to have given another number of rows.
    pub fn end(&mut self, end: SourceEnd) -> Result<()> {
        if let Some(said) = end.rows.filter(|said| *said != self.rows) {
            let message = format!("expected the {said} rows that the source says it gave, found {}", self.rows);
            return Err(Error::new(ErrorKind::Source, message).with_code("source_incomplete"));
        }
        self.ended = true;
        Ok(())
    }
}

impl fmt::Debug for RowWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowWriter").field("rows", &self.rows).field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// A whole side, parted but not yet sorted.
pub struct Rows {
    pub(super) partitions: Partitions<Pair>,
    pub(super) counts: RowCounts,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("rows", &self.counts.rows).finish_non_exhaustive()
    }
}
