//! Header and footer of the file.

use xxhash_rust::xxh3::xxh3_64;

use super::block::{Fields, read_expiry, stored_expiry};
use super::fault::Place;
use super::{Fingerprint, MemberKey, SnapshotFault, SnapshotHeader, Timestamp};
use crate::diff::SetSum;
use crate::error::Result;
use crate::secret::KeyId;

/// Bytes of the header.
pub(super) const HEADER: usize = 160;
/// Bytes behind the footer: its length, its checksum, the magic.
pub(super) const TRAILER: usize = 20;
/// Bytes of the footer for a block.
const BLOCK: usize = 60;
/// Bytes of the footer behind the blocks.
const TOTALS: usize = 64 + BUCKETS * 24;
const BUCKETS: usize = 256;

const MAGIC: [u8; 8] = *b"AUDSNAP\x01";
const END_MAGIC: [u8; 8] = *b"PANSDUA\x01";
const VERSION: u16 = 1;
/// Fingerprints, expiries, handles, which are encrypted, and states. Each block says which of them it holds.
const COLUMNS: u16 = 1 | 2 | 4 | 8 | 32;

/// The header as it stands in the file.
#[derive(Clone, Debug)]
pub(super) struct FileHeader {
    pub(super) header: SnapshotHeader,
    pub(super) key_id: KeyId,
    pub(super) key_check: u64,
    pub(super) handle_key_id: KeyId,
    pub(super) salt: [u8; 32],
}

impl FileHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&COLUMNS.to_le_bytes());
        out.extend_from_slice(&self.header.block_members.to_le_bytes());
        out.extend_from_slice(&self.header.store_id);
        out.extend_from_slice(&self.key_id.0);
        out.extend_from_slice(&self.key_check.to_le_bytes());
        out.extend_from_slice(&self.header.mapping_version.to_le_bytes());
        out.extend_from_slice(&self.header.generation.to_le_bytes());
        out.extend_from_slice(&self.header.created.as_millis().to_le_bytes());
        out.extend_from_slice(&self.handle_key_id.0);
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&[0; 24]);
        out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8; HEADER]) -> Result<Self, SnapshotFault> {
        let (body, checksum) = bytes.split_last_chunk::<8>().ok_or(SnapshotFault::Truncated)?;
        let mut fields = Fields(body);
        if fields.array() != Some(MAGIC) {
            return Err(SnapshotFault::BadMagic);
        }
        // Before the checksum: a later version may place it elsewhere.
        if fields.array().map(u16::from_le_bytes) != Some(VERSION) {
            return Err(SnapshotFault::UnsupportedVersion);
        }
        if xxh3_64(body) != u64::from_le_bytes(*checksum) {
            return Err(SnapshotFault::HeaderChecksum);
        }
        Self::decode_fields(&mut fields).ok_or(SnapshotFault::BadLayout)
    }

    fn decode_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let columns = u16::from_le_bytes(fields.array()?);
        let block_members = u32::from_le_bytes(fields.array()?);
        let store_id = fields.array()?;
        let key_id = KeyId(fields.array()?);
        let key_check = u64::from_le_bytes(fields.array()?);
        let mapping_version = u64::from_le_bytes(fields.array()?);
        let generation = u64::from_le_bytes(fields.array()?);
        let created = Timestamp::from_millis(i64::from_le_bytes(fields.array()?));
        let handle_key_id = KeyId(fields.array()?);
        let salt = fields.array()?;
        let reserved: [u8; 24] = fields.array()?;
        let known = columns == COLUMNS && reserved == [0; 24];
        let header = SnapshotHeader { store_id, generation, mapping_version, created, block_members };
        known.then_some(Self { header, key_id, key_check, handle_key_id, salt })
    }
}

/// What the index knows of a block without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockInfo {
    /// The first key of the block.
    pub first_key: MemberKey,
    /// How many members it has; at least one.
    pub members: u32,
    /// The earliest expiry of its members.
    pub first_expiry: Option<Timestamp>,
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) handle_offset: u64,
    pub(super) handle_length: u32,
    pub(super) checksum: u64,
}

impl BlockInfo {
    /// Where its keys lie, for an error.
    pub(super) fn keys_at(&self, block: usize) -> Place {
        Place::Keys { block, offset: self.offset }
    }

    /// Where its handles lie, for an error.
    pub(super) fn handles_at(&self, block: usize) -> Place {
        Place::Handles { block, offset: self.handle_offset }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.handle_offset.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.handle_length.to_le_bytes());
        out.extend_from_slice(&self.members.to_le_bytes());
        out.extend_from_slice(&self.first_key.to_bytes());
        out.extend_from_slice(&stored_expiry(self.first_expiry).to_le_bytes());
        out.extend_from_slice(&self.checksum.to_le_bytes());
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            offset: u64::from_le_bytes(fields.array()?),
            handle_offset: u64::from_le_bytes(fields.array()?),
            length: u32::from_le_bytes(fields.array()?),
            handle_length: u32::from_le_bytes(fields.array()?),
            members: u32::from_le_bytes(fields.array()?),
            first_key: MemberKey::from_bytes(fields.array()?),
            first_expiry: read_expiry(i64::from_le_bytes(fields.array()?)),
            checksum: u64::from_le_bytes(fields.array()?),
        })
    }
}

/// What all members of a snapshot come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// All members, whatever their state.
    pub members: u64,
    /// Those of state 0.
    pub acknowledged: u64,
    /// The set sum of those of state 0.
    pub set_sum: SetSum,
    /// The earliest expiry of all.
    pub first_expiry: Option<Timestamp>,
    /// The latest expiry of those who expire.
    pub last_expiry: Option<Timestamp>,
}

/// The acknowledged members whose keys begin with the same byte: what to compare first when sums differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bucket {
    /// How many there are.
    pub members: u64,
    /// The sum of their keys mod 2^128.
    pub keys: u128,
}

/// Totals and buckets while members are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) totals: Totals,
    pub(super) buckets: Box<[Bucket; BUCKETS]>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { totals: Totals::default(), buckets: Box::new([Bucket::default(); BUCKETS]) }
    }

    pub(super) fn add(&mut self, key: MemberKey, fingerprint: Fingerprint, expires_at: Option<Timestamp>, state: u8) {
        let totals = &mut self.totals;
        totals.members += 1;
        if let Some(at) = read_expiry(stored_expiry(expires_at)) {
            totals.first_expiry = Some(totals.first_expiry.map_or(at, |first| first.min(at)));
            totals.last_expiry = totals.last_expiry.max(Some(at));
        }
        if state == 0 {
            totals.acknowledged += 1;
            totals.set_sum.add(key, fingerprint);
            let [byte, ..] = key.to_bytes();
            if let Some(bucket) = self.buckets.get_mut(usize::from(byte)) {
                bucket.members += 1;
                bucket.keys = bucket.keys.wrapping_add(key.as_u128());
            }
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let totals = &self.totals;
        out.extend_from_slice(&totals.members.to_le_bytes());
        out.extend_from_slice(&totals.acknowledged.to_le_bytes());
        out.extend_from_slice(&totals.set_sum.keys().to_be_bytes());
        out.extend_from_slice(&totals.set_sum.pairs().to_be_bytes());
        out.extend_from_slice(&stored_expiry(totals.first_expiry).to_le_bytes());
        out.extend_from_slice(&stored_expiry(totals.last_expiry).to_le_bytes());
        for bucket in self.buckets.iter() {
            out.extend_from_slice(&bucket.members.to_le_bytes());
            out.extend_from_slice(&bucket.keys.to_be_bytes());
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let mut tally = Self::new();
        tally.totals = Totals {
            members: u64::from_le_bytes(fields.array()?),
            acknowledged: u64::from_le_bytes(fields.array()?),
            set_sum: SetSum::from_parts(u128::from_be_bytes(fields.array()?), u128::from_be_bytes(fields.array()?)),
            first_expiry: read_expiry(i64::from_le_bytes(fields.array()?)),
            last_expiry: read_expiry(i64::from_le_bytes(fields.array()?)),
        };
        for bucket in tally.buckets.iter_mut() {
            bucket.members = u64::from_le_bytes(fields.array()?);
            bucket.keys = u128::from_be_bytes(fields.array()?);
        }
        Some(tally)
    }
}

/// The index of blocks and what they come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) blocks: Vec<BlockInfo>,
    pub(super) tally: Tally,
}

impl Footer {
    /// With the trailer behind it; `None` when there are more blocks than a length of 32 bits can say.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(self.blocks.len() * BLOCK + TOTALS + TRAILER);
        self.blocks.iter().for_each(|block| block.encode(&mut out));
        self.tally.encode(&mut out);
        let checksum = xxh3_64(&out);
        let length = u32::try_from(out.len()).ok()?;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&checksum.to_le_bytes());
        out.extend_from_slice(&END_MAGIC);
        Some(out)
    }

    /// The footer of `bytes`, which begins at byte `start` of the file.
    pub(super) fn decode(bytes: &[u8], checksum: u64, start: u64) -> Result<Self, SnapshotFault> {
        if xxh3_64(bytes) != checksum {
            return Err(SnapshotFault::FooterChecksum);
        }
        let footer = Self::decode_fields(bytes).ok_or(SnapshotFault::BadLayout)?;
        footer.check(start)?;
        Ok(footer)
    }

    fn decode_fields(bytes: &[u8]) -> Option<Self> {
        let (index, totals) = bytes.split_at_checked(bytes.len().checked_sub(TOTALS)?)?;
        let (blocks, rest) = index.as_chunks::<BLOCK>();
        if !rest.is_empty() {
            return None;
        }
        let blocks = blocks.iter().map(|block| BlockInfo::decode(&mut Fields(block))).collect::<Option<_>>()?;
        Some(Self { blocks, tally: Tally::decode(&mut Fields(totals))? })
    }

    /// What a damaged footer cannot get past its checksum, but a crafted one can.
    fn check(&self, start: u64) -> Result<(), SnapshotFault> {
        let (mut end, mut members, mut before) = (HEADER as u64, 0u64, None);
        for block in &self.blocks {
            // Blocks lie one behind the other: no byte of the file is without a checksum.
            let handles = end.checked_add(block.length.into()).ok_or(SnapshotFault::BadLayout)?;
            if block.offset != end || block.handle_offset != handles {
                return Err(SnapshotFault::BadLayout);
            }
            end = handles.checked_add(block.handle_length.into()).ok_or(SnapshotFault::BadLayout)?;
            if block.members == 0 || block.members > SnapshotHeader::MAX_BLOCK_MEMBERS {
                return Err(SnapshotFault::BadLayout);
            }
            if before.is_some_and(|before| block.first_key <= before) {
                return Err(SnapshotFault::OutOfOrder);
            }
            before = Some(block.first_key);
            members += u64::from(block.members);
        }
        if end != start {
            return Err(SnapshotFault::BadLayout);
        }
        self.check_sums(members)
    }

    fn check_sums(&self, members: u64) -> Result<(), SnapshotFault> {
        let Tally { totals, buckets } = &self.tally;
        let in_buckets = buckets.iter().try_fold(0u64, |sum, bucket| sum.checked_add(bucket.members));
        if totals.members != members || totals.acknowledged > members || in_buckets != Some(totals.acknowledged) {
            return Err(SnapshotFault::CountMismatch);
        }
        let keys = buckets.iter().fold(0u128, |sum, bucket| sum.wrapping_add(bucket.keys));
        if keys == totals.set_sum.keys() { Ok(()) } else { Err(SnapshotFault::SetSumMismatch) }
    }
}

/// Length and checksum of the footer, from the last bytes of the file.
pub(super) fn decode_trailer(bytes: [u8; TRAILER]) -> Option<(u32, u64)> {
    let mut fields = Fields(&bytes);
    let (length, checksum) = (u32::from_le_bytes(fields.array()?), u64::from_le_bytes(fields.array()?));
    (fields.array() == Some(END_MAGIC)).then_some((length, checksum))
}
