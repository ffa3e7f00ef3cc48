//! How much a diff may take of the machine, and what it makes of odd rows.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// What to do with a member that the source gives more than once, with different values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnConflict {
    /// The smallest fingerprint counts: whatever the order of rows, the same one.
    #[default]
    KeepSmallest,
    /// An error; nothing is planned.
    Error,
}

/// Bounds and rules of a [`PartitionedDiff`](super::PartitionedDiff).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DiffOptions {
    /// Bytes of rows held in memory, at least 16 MiB; what is beyond goes to `spill_dir`. By default 256 MiB.
    ///
    /// The process needs up to 64 MiB more, and 16 MiB a thread.
    pub memory_budget: u64,
    /// Threads that sort and merge, 1 to 64. By default those of the machine, at most 4.
    pub threads: usize,
    /// Where rows go that do not fit, 24 bytes each; by default the system's folder for temporary files. Only keyed
    /// hashes are written, into files that no other process can open where the system allows that.
    pub spill_dir: Option<PathBuf>,
    /// Members given with different values.
    pub on_conflict: OnConflict,
    /// Rows without an id that are borne: parts per million of all rows, but at least
    /// [`DiffOptions::ALWAYS_BORNE`]. By default 1,000.
    pub max_null_keys_ppm: u32,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self {
            memory_budget: 256 << 20,
            threads: available_parallelism().map_or(1, NonZeroUsize::get).min(4),
            spill_dir: None,
            on_conflict: OnConflict::KeepSmallest,
            max_null_keys_ppm: 1000,
        }
    }
}

impl DiffOptions {
    /// The smallest memory budget, 16 MiB.
    pub const MIN_MEMORY: u64 = 16 << 20;
    /// So many rows without an id are borne in the smallest source.
    pub const ALWAYS_BORNE: u64 = 10;
    /// The most threads.
    pub const MAX_THREADS: usize = 64;

    /// Sets the memory budget in bytes.
    #[must_use]
    pub fn with_memory_budget(mut self, bytes: u64) -> Self {
        self.memory_budget = bytes;
        self
    }

    /// Sets the number of threads.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the folder that rows go to when memory is used up.
    #[must_use]
    pub fn with_spill_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spill_dir = Some(folder.into());
        self
    }

    /// Sets what becomes of members given with different values.
    #[must_use]
    pub fn with_on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Whether everything is within its range.
    ///
    /// # Errors
    /// [`ErrorKind::Config`].
    pub fn check(&self) -> Result<()> {
        let config = |message: String| Err(Error::new(ErrorKind::Config, message).doing("set up a diff"));
        if self.memory_budget < Self::MIN_MEMORY {
            return config(format!(
                "expected a memory budget of at least {} bytes, found {}",
                Self::MIN_MEMORY,
                self.memory_budget
            ));
        }
        if self.threads == 0 || self.threads > Self::MAX_THREADS {
            return config(format!("expected 1 to {} threads, found {}", Self::MAX_THREADS, self.threads));
        }
        Ok(())
    }

    pub(super) fn spill_dir(&self) -> PathBuf {
        self.spill_dir.clone().unwrap_or_else(std::env::temp_dir)
    }

    pub(super) fn null_keys_borne(&self, rows: u64) -> u64 {
        let ppm = u128::from(rows) * u128::from(self.max_null_keys_ppm) / 1_000_000;
        u64::try_from(ppm).unwrap_or(u64::MAX).max(Self::ALWAYS_BORNE)
    }
}
