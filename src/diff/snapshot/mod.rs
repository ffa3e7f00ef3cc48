//! The snapshot file: one side of a diff at rest, sorted by key, checked, handles encrypted.
//!
//! A snapshot is written once, front to back, by a [`SnapshotWriter`] and never changed. A [`SnapshotReader`] finds
//! its way by the index at the end, so it reads key blocks without touching handles, and handles only where somebody
//! asks. Damage, the wrong key and the wrong file are errors with a [`SnapshotFault`], never an empty or a different
//! set.
//!
//! # Examples
//!
//! ```
//! use audience_sync::diff::snapshot::{SnapshotHeader, SnapshotReader, SnapshotRecord, SnapshotWriter};
//! use audience_sync::diff::{Fingerprint, MemberKey};
//! use audience_sync::secret::Keyring;
//! use audience_sync::time::Timestamp;
//!
//! let keyring = Keyring::from_bytes([7; 32]);
//! let header = SnapshotHeader::new([1; 16], 1, Timestamp::from_secs(1_795_428_900));
//! let mut writer = SnapshotWriter::new(Vec::new(), header, keyring.current())?;
//! let key = MemberKey::from_u128(42);
//! writer.push(&SnapshotRecord::new(key, Fingerprint::from_raw(9)).with_handle(b"as it was sent"))?;
//! let (file, totals) = writer.finish()?;
//! assert_eq!(totals.members, 1);
//!
//! let reader = SnapshotReader::open(file, &keyring, [1; 16])?;
//! let mut handles = reader.handle_cursor();
//! for record in reader.iter() {
//!     let record = record?;
//!     assert_eq!(record.key, key);
//!     assert_eq!(handles.get(record.position)?, b"as it was sent");
//! }
//! # Ok::<(), audience_sync::error::Error>(())
//! ```
//!
//! # The file
//!
//! Integers are little-endian, keys big-endian. Header, then per block a key block and a handle block (absent when no
//! member of the block has a handle), then the footer; nothing in between.
//!
//! **Header**, 160 bytes:
//!
//! | Offset | Size | Field |
//! |---|---|---|
//! | 0 | 8 | magic `AUDSNAP\x01` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 2 | columns that blocks may hold: 1 fingerprint, 2 expiry, 4 handle, 8 handles are encrypted, 32 state |
//! | 12 | 4 | members a block is cut at |
//! | 16 | 16 | store id |
//! | 32 | 16 | id of the key behind the member keys |
//! | 48 | 8 | check value: SipHash-2-4 of `audience-snapshot-key-check` under the member secret |
//! | 56 | 8 | mapping version |
//! | 64 | 8 | generation |
//! | 72 | 8 | created, milliseconds |
//! | 80 | 16 | id of the key that encrypts handles |
//! | 96 | 32 | random salt of this file |
//! | 128 | 24 | zero |
//! | 152 | 8 | XXH3-64 of what is before |
//!
//! **Key block**: members `n` u32; width u8; columns of this block u8 (1, 2 and 32 as above: a column in which every
//! member has the default is left out); high half of the first key u64; `n - 1` differences of the high halves,
//! bit-packed at that width, and 8 zero bytes; `n` low halves u64; fingerprints u64; expiry as base i64 in
//! milliseconds, width u8, `n` bit-packed offsets of which all ones mean never, and 8 zero bytes; states u8; XXH3-64
//! of what is before.
//!
//! **Handle block**: AES-256-GCM over `n` lengths u16 and the handles' bytes, with its tag. The key is derived from
//! the host key, the file's salt and `audience-handles-v1`; the nonce is the block number (u64 and 4 zero bytes); the
//! associated data are store id, generation and block number.
//!
//! **Footer**: per block 60 bytes (offset u64, handle offset u64, length u32, handle length u32, `n` u32, first key
//! 16 bytes, earliest expiry i64, the block's XXH3-64); members u64; acknowledged members u64; their two set sums, 16
//! bytes each; earliest and latest expiry i64 (the largest number means never); 256 times count u64 and sum of keys
//! 16 bytes of the acknowledged members, by first key byte; then the length of all this u32, its XXH3-64, magic
//! `PANSDUA\x01`.

mod bits;
mod block;
mod fault;
mod handles;
mod layout;
mod read_at;
mod reader;
mod writer;

pub use fault::SnapshotFault;
pub use handles::HandleBlock;
pub use layout::{BlockInfo, Bucket, Totals};
pub use read_at::{FileAt, ReadAt};
pub use reader::{HandleCursor, KeyRecord, Keys, Position, SnapshotReader};
pub use writer::{SnapshotRecord, SnapshotWriter};

use super::{Fingerprint, MemberKey};
use crate::time::Timestamp;

/// What a snapshot says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotHeader {
    /// What the file belongs to; a file found under another id is refused.
    pub store_id: [u8; 16],
    /// Which in the row of snapshots of this store this is.
    pub generation: u64,
    /// A hash of how members were mapped when their fingerprints were made; 0 when it does not matter.
    pub mapping_version: u64,
    /// When the snapshot was begun.
    pub created: Timestamp,
    /// How many members make a block full, 1 to [`SnapshotHeader::MAX_BLOCK_MEMBERS`]. Many handles may fill it
    /// sooner.
    pub block_members: u32,
}

impl SnapshotHeader {
    /// Members in a block unless said otherwise: about 350 KB of keys and fingerprints.
    pub const DEFAULT_BLOCK_MEMBERS: u32 = 16_384;
    /// The most members a block may have.
    pub const MAX_BLOCK_MEMBERS: u32 = 1 << 20;

    /// With mapping version 0 and blocks of the default size.
    pub const fn new(store_id: [u8; 16], generation: u64, created: Timestamp) -> Self {
        Self { store_id, generation, mapping_version: 0, created, block_members: Self::DEFAULT_BLOCK_MEMBERS }
    }

    /// Sets the mapping version.
    #[must_use]
    pub const fn with_mapping_version(mut self, mapping_version: u64) -> Self {
        self.mapping_version = mapping_version;
        self
    }

    /// Sets how many members make a block full.
    #[must_use]
    pub const fn with_block_members(mut self, block_members: u32) -> Self {
        self.block_members = block_members;
        self
    }
}
