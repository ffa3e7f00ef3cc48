//! Who entered, left or changed: keys, fingerprints, set algebra of two sides, and the file a side is kept in.
//!
//! This module knows nothing of people, platforms or networks. Four ways to use it, from small to large:
//!
//! * [`diff`] takes two sides in memory, of any key and fingerprint, in any order, and gives a [`Delta`].
//! * [`SortedDiff`] walks two sides that are already in key order and holds one entry of each at a time.
//! * [`PartitionedDiff`] (feature `engine`) takes rows in any order, of any number, within a fixed memory, and a previous
//!   side from such rows or from snapshots.
//! * `snapshot` (feature `engine`) is the file in which a side is kept: sorted, checked, handles encrypted.
//!
//! # Size and speed
//!
//! Two cores of a virtual machine, 64 MiB of memory for rows, 0.5 % of the members each entering, leaving and changing,
//! Parquet files in random order, warm cache; median of the runs of `benches/peers/diff.sh`, peers with two threads and
//! all memory unless said:
//!
//! | members | this, previous side kept | the same, and kept durably | both sides raw | DuckDB 1.x full join | DuckDB within 1 GB | Polars streaming join |
//! |---|---|---|---|---|---|---|
//! | 10 million | 0.93 s, 88 MiB | 1.0 s | 1.6 s | 1.60 s, 1,051 MiB | 1.91 s | 4.6 s, 2,330 MiB |
//! | 50 million | 4.9 s, 85 MiB | 4.8 s | 8.5 s, 92 MiB | 9.6 s, 4,439 MiB | 14.5 s | 26.1 s, 9,663 MiB |
//! | 100 million | 10.4 s, 92 MiB | | | | | |
//!
//! A member is known here by a [`MemberKey`], a keyed hash of its id: it sorts evenly, it cannot be guessed back
//! without the secret, and nobody who picks their own id can make two members share one. What a destination would
//! receive is known by a [`Fingerprint`].
//!
//! # Examples
//!
//! What a service of a host does without the engine: two sides in, three lists out.
//!
//! ```
//! use audience_sync::diff::diff;
//!
//! // Member id and a version of what would be sent. Anything that can be ordered and compared will do.
//! let confirmed = [("u1", 7), ("u2", 7), ("u3", 7)];
//! let desired = [("u4", 1), ("u3", 8), ("u2", 7)];
//!
//! let delta = diff(confirmed, desired);
//! assert_eq!(delta.added, [("u4", 1)]);
//! assert_eq!(delta.removed, [("u1", 7)]);
//! assert_eq!(delta.changed[0].key, "u3");
//! assert_eq!((delta.changed[0].old, delta.changed[0].new), (7, 8));
//! assert_eq!(delta.unchanged, 1);
//! ```

mod delta;
#[cfg(feature = "engine")]
pub(crate) mod external;
mod fingerprint;
#[cfg(feature = "engine")]
mod folder;
mod key;
mod set_sum;
#[cfg(feature = "engine")]
pub mod snapshot;
mod sorted;

pub use delta::{Changed, Counts, Delta, diff};
#[cfg(feature = "engine")]
pub use external::{
    DiffOptions, DiffSummary, GONE, OnConflict, Operation, PartitionedDiff, Partitioning, Previous, RowCounts,
    RowWriter, Rows, SourceEnd,
};
#[cfg(feature = "source")]
pub(crate) use fingerprint::field_name;
pub use fingerprint::{FieldValue, Fingerprint, FingerprintHasher};
#[cfg(feature = "engine")]
pub use folder::{LayerWriter, SnapshotFolder};
pub use key::{KeyHasher, MemberKey};
pub use set_sum::SetSum;
pub use sorted::{Change, Entries, Entry, SortedDiff};
