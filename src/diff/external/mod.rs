//! Comparing sides of any size, in any order, within a fixed memory.
//!
//! Rows are scattered by the first bits of their keys into partitions, in memory while it lasts, then in a file; each
//! partition is sorted in the cache and merged with the same keys of the previous side. Keys are keyed hashes, so no
//! choice of ids makes one partition larger than another.

mod arena;
mod options;
mod payload;
mod previous;
mod record;
mod rows;
mod run;
mod scatter;
mod segments;
mod sort;
mod sorter;
mod spill;
#[cfg(test)]
mod tests;

pub(crate) use payload::{Payloads, Place};
pub(crate) use record::{Record, put, take};
pub(crate) use sorter::{InOrder, Sorted, Sorter};

pub use options::{DiffOptions, OnConflict};
pub(super) use previous::for_each_member;
pub use previous::{GONE, Previous};
pub use rows::{Partitioning, RowCounts, RowWriter, Rows, SourceEnd};
pub use run::{DiffSummary, Operation, PartitionedDiff};
