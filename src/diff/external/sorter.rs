//! Records of any kind, in any order, handed back in key order.

use super::DiffOptions;
use super::record::Record;
use super::scatter::Scatter;
use super::segments::{Partitions, Work};
use crate::error::Result;

/// Partitions by so many bits: 100 million records of 48 bytes then leave 5 MB in each, and a thousand records cost
/// next to nothing.
const BITS: u32 = 10;

/// Takes records within a budget; what is beyond goes to the options' folder.
pub(crate) struct Sorter<R> {
    scatter: Scatter<R>,
    options: DiffOptions,
}

impl<R: Record> Sorter<R> {
    pub(crate) fn new(options: &DiffOptions, budget: u64) -> Self {
        Self { scatter: Scatter::new(0, BITS, None, budget, &options.spill_dir()), options: options.clone() }
    }

    pub(crate) fn push(&mut self, record: &R) -> Result<()> {
        self.scatter.push(record)
    }

    /// The records, and how many were dropped so far because they were there already.
    pub(crate) fn finish(self) -> Result<(Sorted<R>, u64)> {
        let (segments, duplicates) = self.scatter.finish()?;
        let partitions = Partitions { threads: vec![segments], skip: 0, high: 0, bits: BITS };
        Ok((Sorted { partitions, options: self.options }, duplicates))
    }
}

/// Records to be walked in key order, any number of times.
pub(crate) struct Sorted<R> {
    partitions: Partitions<R>,
    options: DiffOptions,
}

impl<R: Record> Sorted<R> {
    /// Each record once, in order; after an error nothing more.
    pub(crate) fn iter(&self) -> InOrder<'_, R> {
        InOrder { sorted: self, work: Work::default(), next: 0, ready: Vec::new(), at: 0, dropped: 0 }
    }
}

/// A walk over [`Sorted`]. Holds one partition.
pub(crate) struct InOrder<'a, R> {
    sorted: &'a Sorted<R>,
    work: Work<R>,
    next: usize,
    ready: Vec<R>,
    at: usize,
    dropped: u64,
}

impl<R: Record> InOrder<'_, R> {
    /// How many records were dropped on this walk because they were given twice.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn advance(&mut self) -> Result<Option<R>> {
        let Self { sorted, work, next, ready, at, dropped } = self;
        while *at >= ready.len() {
            if *next >= sorted.partitions.len() {
                return Ok(None);
            }
            ready.clear();
            *at = 0;
            *dropped += sorted.partitions.sorted(*next, &sorted.options, work, &mut |_, piece| {
                ready.extend_from_slice(piece);
                Ok(())
            })?;
            *next += 1;
        }
        let record = ready.get(*at).copied();
        *at += 1;
        Ok(record)
    }
}

impl<R: Record> Iterator for InOrder<'_, R> {
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        let record = self.advance().transpose();
        if matches!(record, Some(Err(_))) {
            self.next = self.sorted.partitions.len();
            self.ready.clear();
        }
        record
    }
}
