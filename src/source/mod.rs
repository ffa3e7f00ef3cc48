//! Where rows come from: files of them, read as a diff wants them or as members.
//!
//! [`raw`] reads ids and fingerprints alone, as fast as the files allow: what
//! [`PartitionedDiff`](crate::diff::PartitionedDiff) takes.

pub mod raw;
