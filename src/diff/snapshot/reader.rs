//! Reading a snapshot: the index first, then what is asked for.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use super::block::KeyBlock;
use super::fault::Place;
use super::handles::{HandleBlock, HandleCipher};
use super::layout::{BlockInfo, Bucket, FileHeader, Footer, HEADER, TRAILER, Tally, Totals, decode_trailer};
use super::writer::key_check;
use super::{Fingerprint, MemberKey, ReadAt, SnapshotFault, SnapshotHeader, Timestamp};
use crate::diff::Entry;
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::secret::{KeyId, Keyring};

/// Where a member stands in a snapshot: what to ask its handle by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a place in a file of blocks is these two numbers")]
pub struct Position {
    /// The number of the block, from 0.
    pub block: u32,
    /// The number of the member in it, from 0.
    pub index: u32,
}

/// One member of a snapshot, without its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRecord {
    /// The member.
    pub key: MemberKey,
    /// What the destination was sent, or [`Fingerprint::NONE`].
    pub fingerprint: Fingerprint,
    /// When the membership ends.
    pub expires_at: Option<Timestamp>,
    /// What the layer above makes of the member: 0 is acknowledged.
    pub state: u8,
    /// Where it stands: what to ask its handle by.
    pub position: Position,
}

impl Entry for KeyRecord {
    type Key = MemberKey;
    type Fingerprint = Fingerprint;

    fn key(&self) -> &MemberKey {
        &self.key
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

/// An open snapshot. Clones share it; iterators and cursors hold it open by themselves.
pub struct SnapshotReader<R>(Arc<Inner<R>>);

struct Inner<R> {
    source: R,
    header: SnapshotHeader,
    key_id: KeyId,
    cipher: HandleCipher,
    footer: Footer,
}

impl<R: ReadAt> SnapshotReader<R> {
    /// Reads header and footer, and checks that the file is whole, belongs to `store_id`, and was written with a key
    /// of `keyring`. Blocks are checked when they are read.
    ///
    /// # Errors
    /// [`ErrorKind::State`] with a [`SnapshotFault`] as its code.
    pub fn open(source: R, keyring: &Keyring, store_id: [u8; 16]) -> Result<Self> {
        Inner::open(source, keyring, store_id).map(|inner| Self(Arc::new(inner))).doing(|| "open snapshot")
    }

    /// What the snapshot says of itself.
    pub fn header(&self) -> &SnapshotHeader {
        &self.0.header
    }

    /// The host key under whose member secret the member keys were made. When it is not the keyring's current key,
    /// keys of today's rows must be made under this one to find their members.
    pub fn key_id(&self) -> KeyId {
        self.0.key_id
    }

    /// What all members come to.
    pub fn totals(&self) -> &Totals {
        &self.0.footer.tally.totals
    }

    /// The acknowledged members by the first byte of their keys.
    pub fn buckets(&self) -> &[Bucket; 256] {
        &self.0.footer.tally.buckets
    }

    /// The index of blocks, in key order.
    pub fn blocks(&self) -> &[BlockInfo] {
        &self.0.footer.blocks
    }

    /// All members in key order. Handles are not read.
    ///
    /// # Errors
    /// An item is an error of kind [`ErrorKind::State`] with a [`SnapshotFault`] as its code; it is the last.
    pub fn iter(&self) -> Keys<R> {
        self.scan(..)
    }

    /// The members of a range of keys, in key order. Only blocks that the range touches are read.
    ///
    /// # Errors
    /// As [`SnapshotReader::iter`].
    pub fn scan(&self, range: impl RangeBounds<MemberKey>) -> Keys<R> {
        let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
        let next = match bounds.0 {
            Bound::Unbounded => 0,
            Bound::Included(start) | Bound::Excluded(start) => {
                self.blocks().partition_point(|block| block.first_key <= start).saturating_sub(1)
            }
        };
        Keys {
            inner: Arc::clone(&self.0),
            bounds,
            next,
            block: KeyBlock::default(),
            index: 0,
            end: 0,
            bytes: Vec::new(),
        }
    }

    /// The handles of one block, opened.
    ///
    /// # Errors
    /// [`ErrorKind::State`] with a [`SnapshotFault`] as its code; [`ErrorKind::Bug`] for a block there is not.
    pub fn handles(&self, block: u32) -> Result<HandleBlock> {
        self.0.handles(block).doing(|| self.0.reading())
    }

    /// Reads handles one by one; quick for positions in ascending order.
    pub fn handle_cursor(&self) -> HandleCursor<R> {
        HandleCursor { reader: self.clone(), cached: None }
    }

    /// Reads everything, handles included, and counts it again.
    ///
    /// # Errors
    /// As [`SnapshotReader::iter`]; [`SnapshotFault::CountMismatch`] and [`SnapshotFault::SetSumMismatch`] when the
    /// members do not come to the stored totals.
    pub fn verify(&self) -> Result<()> {
        let mut tally = Tally::new();
        for record in self.iter() {
            let record = record?;
            tally.add(record.key, record.fingerprint, record.expires_at, record.state);
        }
        for block in 0..self.blocks().len() {
            self.handles(block as u32)?;
        }
        self.0.compare(&tally).doing(|| self.0.reading())
    }
}

impl<R> Clone for SnapshotReader<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> fmt::Debug for SnapshotReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotReader")
            .field("header", &self.0.header)
            .field("key_id", &self.0.key_id)
            .field("totals", &self.0.footer.tally.totals)
            .finish_non_exhaustive()
    }
}

impl<R: ReadAt> Inner<R> {
    fn open(source: R, keyring: &Keyring, store_id: [u8; 16]) -> Result<Self> {
        let size = source.size().map_err(|error| SnapshotFault::ReadFailed.io(Place::Header, error))?;
        let mut bytes = [0; HEADER];
        read(&source, Place::Header, 0, &mut bytes)?;
        let fail = |fault: SnapshotFault| fault.at(Place::Header);
        let FileHeader { header, key_id, key_check: check, handle_key_id, salt } =
            FileHeader::decode(&bytes).map_err(fail)?;
        if header.store_id != store_id {
            return Err(fail(SnapshotFault::WrongAudience));
        }
        let key = keyring.get(key_id).ok_or_else(|| fail(SnapshotFault::WrongKey))?;
        let handle_key = keyring.get(handle_key_id).ok_or_else(|| fail(SnapshotFault::WrongKey))?;
        if key_check(key) != check {
            return Err(fail(SnapshotFault::WrongKey));
        }
        let cipher = HandleCipher::new(handle_key, &salt, header.store_id, header.generation);
        let footer = read_footer(&source, size)?;
        Ok(Self { source, header, key_id, cipher, footer })
    }

    /// Reads and checks the keys of a block of the index.
    fn read_keys(&self, number: usize, info: &BlockInfo, bytes: &mut Vec<u8>, block: &mut KeyBlock) -> Result<()> {
        let place = info.keys_at(number);
        // The footer's check has found the block within the file.
        bytes.resize(info.length as usize, 0);
        read(&self.source, place, info.offset, bytes)?;
        block.decode(bytes, info.checksum).map_err(|fault| fault.at(place))?;
        if block.keys.len() != info.members as usize {
            return Err(SnapshotFault::CountMismatch.at(place));
        }
        let next = self.footer.blocks.get(number + 1).map(|next| next.first_key);
        let ascends = next.is_none_or(|next| block.keys.last().is_some_and(|last| *last < next));
        if block.keys.first() != Some(&info.first_key) || !ascends {
            return Err(SnapshotFault::OutOfOrder.at(place));
        }
        Ok(())
    }

    fn handles(&self, block: u32) -> Result<HandleBlock> {
        let number = block as usize;
        let info = self.footer.blocks.get(number).ok_or_else(|| {
            let message = format!("expected one of {} blocks, found number {block}", self.footer.blocks.len());
            Error::new(ErrorKind::Bug, message)
        })?;
        if info.handle_length == 0 {
            return Ok(HandleBlock::without(info.members));
        }
        let place = info.handles_at(number);
        let mut bytes = vec![0; info.handle_length as usize];
        read(&self.source, place, info.handle_offset, &mut bytes)?;
        HandleBlock::open(&self.cipher, number, info.members, bytes).map_err(|fault| fault.at(place))
    }

    fn compare(&self, found: &Tally) -> Result<()> {
        let place = Place::Footer(
            self.footer
                .blocks
                .last()
                .map_or(HEADER as u64, |block| block.handle_offset.saturating_add(block.handle_length.into())),
        );
        let (stored, totals) = (&self.footer.tally, &found.totals);
        if stored == found {
            return Ok(());
        }
        let same_set = stored.totals.acknowledged == totals.acknowledged && stored.totals.set_sum != totals.set_sum;
        Err(if same_set { SnapshotFault::SetSumMismatch } else { SnapshotFault::CountMismatch }.at(place))
    }
}

impl<R> Inner<R> {
    fn reading(&self) -> String {
        format!("read snapshot generation {}", self.header.generation)
    }
}

fn read<R: ReadAt>(source: &R, place: Place, offset: u64, buffer: &mut [u8]) -> Result<()> {
    source.read_at(offset, buffer).map_err(|error| SnapshotFault::ReadFailed.io(place, error))
}

fn read_footer<R: ReadAt>(source: &R, size: u64) -> Result<Footer> {
    let cut = || SnapshotFault::Truncated.at(Place::Footer(size));
    let trailer = size.checked_sub(TRAILER as u64).filter(|start| *start >= HEADER as u64).ok_or_else(cut)?;
    let mut bytes = [0; TRAILER];
    read(source, Place::Footer(trailer), trailer, &mut bytes)?;
    let (length, checksum) = decode_trailer(bytes).ok_or_else(cut)?;
    let start = trailer.checked_sub(length.into()).filter(|start| *start >= HEADER as u64).ok_or_else(cut)?;
    let place = Place::Footer(start);
    let mut bytes = vec![0; length as usize];
    read(source, place, start, &mut bytes)?;
    Footer::decode(&bytes, checksum, start).map_err(|fault| fault.at(place))
}

/// Members of a snapshot in key order; see [`SnapshotReader::scan`]. Holds one block in memory.
pub struct Keys<R> {
    inner: Arc<Inner<R>>,
    bounds: (Bound<MemberKey>, Bound<MemberKey>),
    /// The block to read when this one is done.
    next: usize,
    block: KeyBlock,
    index: usize,
    end: usize,
    bytes: Vec<u8>,
}

impl<R: ReadAt> Keys<R> {
    /// Reads the next block that the range touches; whether there was one.
    fn advance(&mut self) -> Result<bool> {
        let Some(info) = self.inner.footer.blocks.get(self.next) else { return Ok(false) };
        if self.is_behind(&info.first_key) {
            return Ok(false);
        }
        self.inner.read_keys(self.next, info, &mut self.bytes, &mut self.block).doing(|| self.inner.reading())?;
        self.next += 1;
        let keys = &self.block.keys;
        self.index = match &self.bounds.0 {
            Bound::Unbounded => 0,
            Bound::Included(start) => keys.partition_point(|key| key < start),
            Bound::Excluded(start) => keys.partition_point(|key| key <= start),
        };
        self.end = match self.bounds.1 {
            Bound::Unbounded => keys.len(),
            _ => keys.partition_point(|key| !self.is_behind(key)),
        };
        Ok(true)
    }

    /// Whether a key lies behind the range.
    fn is_behind(&self, key: &MemberKey) -> bool {
        match &self.bounds.1 {
            Bound::Unbounded => false,
            Bound::Included(end) => key > end,
            Bound::Excluded(end) => key >= end,
        }
    }
}

impl<R: ReadAt> Iterator for Keys<R> {
    type Item = Result<KeyRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.index >= self.end {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.next = usize::MAX;
                    return Some(Err(error));
                }
            }
        }
        let index = self.index;
        self.index += 1;
        Some(Ok(KeyRecord {
            key: *self.block.keys.get(index)?,
            fingerprint: self.block.fingerprint(index),
            expires_at: self.block.expires_at(index),
            state: self.block.state(index),
            // Both fit: the index of blocks is below 4 GiB, and so is a block.
            position: Position { block: (self.next - 1) as u32, index: index as u32 },
        }))
    }
}

impl<R: ReadAt> FusedIterator for Keys<R> {}

impl<R> fmt::Debug for Keys<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("bounds", &self.bounds).field("next_block", &self.next).finish_non_exhaustive()
    }
}

/// Reads handles one by one and keeps the last block open; see [`SnapshotReader::handle_cursor`].
pub struct HandleCursor<R> {
    reader: SnapshotReader<R>,
    cached: Option<(u32, HandleBlock)>,
}

impl<R: ReadAt> HandleCursor<R> {
    /// The handle of the member at `position`; empty for one without.
    ///
    /// # Errors
    /// [`ErrorKind::State`] with a [`SnapshotFault`] as its code; [`ErrorKind::Bug`] for a position of another
    /// snapshot.
    pub fn get(&mut self, position: Position) -> Result<&[u8]> {
        let block = match self.cached.take() {
            Some((number, block)) if number == position.block => block,
            _ => self.reader.handles(position.block)?,
        };
        let (_, block) = self.cached.insert((position.block, block));
        let members = block.len();
        block.get(position.index as usize).ok_or_else(|| {
            let message = format!("expected one of {members} members of a block, found number {}", position.index);
            Error::new(ErrorKind::Bug, message)
        })
    }
}

impl<R> fmt::Debug for HandleCursor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandleCursor")
            .field("block", &self.cached.as_ref().map(|(number, _)| number))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io;

    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    use super::super::{FileAt, SnapshotRecord, SnapshotWriter};
    use super::*;
    use crate::diff::{SetSum, SortedDiff};

    const STORE: [u8; 16] = [3; 16];
    /// Of the footer behind the blocks, with the trailer.
    const TAIL: usize = 64 + 256 * 24 + TRAILER;

    type Member = (u128, u64, Option<i64>, u8, Vec<u8>);

    fn keyring() -> Keyring {
        Keyring::from_bytes([1; 32])
    }

    fn write(members: &[Member], block_members: u32) -> Vec<u8> {
        let header = SnapshotHeader::new(STORE, 5, Timestamp::from_millis(6)).with_block_members(block_members);
        let mut writer = SnapshotWriter::new(Vec::new(), header, keyring().current()).unwrap();
        for (key, fingerprint, expires_at, state, handle) in members {
            let record = SnapshotRecord::new(MemberKey::from_u128(*key), Fingerprint::from_raw(*fingerprint))
                .with_expiry(expires_at.map(Timestamp::from_millis))
                .with_state(*state)
                .with_handle(handle);
            writer.push(&record).unwrap();
        }
        writer.finish().unwrap().0
    }

    fn open<R: ReadAt>(file: R) -> Result<SnapshotReader<R>> {
        SnapshotReader::open(file, &keyring(), STORE)
    }

    /// Everything a file holds.
    fn read_all(file: &[u8]) -> Result<Vec<Member>> {
        let reader = open(file)?;
        let mut handles = reader.handle_cursor();
        reader
            .iter()
            .map(|record| {
                let KeyRecord { key, fingerprint, expires_at, state, position } = record?;
                let expires_at = expires_at.map(Timestamp::as_millis);
                Ok((key.as_u128(), fingerprint.as_raw(), expires_at, state, handles.get(position)?.to_vec()))
            })
            .collect()
    }

    fn fault(result: Result<impl fmt::Debug>) -> SnapshotFault {
        SnapshotFault::of(&result.unwrap_err()).unwrap()
    }

    /// Spread over the key range, with every column in use.
    fn members(count: u64) -> Vec<Member> {
        let step = u128::MAX / u128::from(count.max(1));
        let member = |number: u64| {
            let expires_at = (number % 3 == 1).then_some(1_795_428_900_000 + number as i64);
            (u128::from(number) * step, number * 11, expires_at, (number % 4 == 2).into(), vec![7; number as usize % 5])
        };
        (0..count).map(member).collect()
    }

    #[test]
    fn every_number_of_members_around_a_block_comes_back() {
        for count in [0, 1, 2, 3, 4, 5, 7, 8, 9] {
            let given = members(count);
            let file = write(&given, 4);
            assert_eq!(read_all(&file).unwrap(), given);
            let reader = open(file).unwrap();
            reader.verify().unwrap();
            assert_eq!(reader.blocks().len() as u64, count.div_ceil(4));
            assert_eq!(reader.totals().members, count);
        }
    }

    #[test]
    fn first_last_and_adjacent_keys_come_back() {
        let bare = |key: u128| (key, 0, None, 0, Vec::new());
        let across = u128::from(u64::MAX);
        for keys in
            [vec![0], vec![u128::MAX], vec![0, u128::MAX], vec![0, 1, 2, across, across + 1, u128::MAX - 1, u128::MAX]]
        {
            let given: Vec<Member> = keys.into_iter().map(bare).collect();
            for block_members in [1, 2, 3, 100] {
                assert_eq!(read_all(&write(&given, block_members)).unwrap(), given);
            }
        }
    }

    #[test]
    fn totals_and_buckets_are_of_the_acknowledged() {
        let at = |byte: u128, low: u128| byte << 120 | low;
        let given = [
            (at(1, 1), 5, Some(70), 0, vec![]),
            (at(1, 2), 6, None, 0, vec![]),
            (at(1, 3), 7, Some(60), 9, vec![]),
            (at(255, 4), 8, Some(80), 0, vec![]),
        ];
        let reader = open(write(&given, 2)).unwrap();
        let kept = [&given[0], &given[1], &given[3]];
        let set_sum = kept.map(|member| (MemberKey::from_u128(member.0), Fingerprint::from_raw(member.1))).into_iter();
        let first = Some(Timestamp::from_millis(60));
        let totals = *reader.totals();
        assert_eq!((totals.members, totals.acknowledged, totals.set_sum), (4, 3, set_sum.collect::<SetSum>()));
        assert_eq!((totals.first_expiry, totals.last_expiry), (first, Some(Timestamp::from_millis(80))));
        assert_eq!(reader.buckets()[1], Bucket { members: 2, keys: at(2, 3) });
        assert_eq!(reader.buckets()[255], Bucket { members: 1, keys: at(255, 4) });
        assert_eq!(reader.buckets()[0], Bucket::default());
        let expiries: Vec<_> = reader.blocks().iter().map(|block| block.first_expiry).collect();
        assert_eq!(expiries, [Some(Timestamp::from_millis(70)), first]);
    }

    #[test]
    fn every_flipped_bit_is_an_error() {
        let given = members(5);
        let mut file = write(&given, 3);
        assert_eq!(read_all(&file).unwrap(), given);
        // The buckets are 6 KB of the same under one checksum: one bit of each of their bytes will do.
        let buckets = file.len() - TRAILER - 256 * 24..file.len() - TRAILER;
        for byte in 0..file.len() {
            for bit in (0..8).filter(|bit| !buckets.contains(&byte) || byte % 8 == *bit) {
                file[byte] ^= 1 << bit;
                assert!(read_all(&file).is_err(), "byte {byte} bit {bit}");
                file[byte] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn every_length_but_the_whole_is_an_error() {
        let file = write(&members(5), 3);
        for end in 0..file.len() {
            assert_eq!(fault(read_all(&file[..end])), SnapshotFault::Truncated, "{end}");
            if end > 0 {
                assert!(read_all(&file[end..]).is_err(), "{end}");
            }
        }
        assert!(read_all(&[&file[..], &[0]].concat()).is_err());
        assert!(read_all(&[&file[..], &file[..]].concat()).is_err());
    }

    #[test]
    fn swapped_blocks_are_errors() {
        let given: Vec<Member> = (0..4).map(|key| (key, 9, None, 0, vec![7; 5])).collect();
        let file = write(&given, 2);
        let blocks = open(file.clone()).unwrap().blocks().to_vec();
        let swapped = |(a, b): (u64, u64), length: u32| {
            let (a, b, length) = (a as usize, b as usize, length as usize);
            let mut swapped = file.clone();
            swapped[a..a + length].copy_from_slice(&file[b..b + length]);
            swapped[b..b + length].copy_from_slice(&file[a..a + length]);
            fault(read_all(&swapped))
        };
        assert_eq!((blocks[0].length, blocks[0].handle_length), (blocks[1].length, blocks[1].handle_length));
        assert_eq!(swapped((blocks[0].offset, blocks[1].offset), blocks[0].length), SnapshotFault::BlockChecksum);
        let handles = (blocks[0].handle_offset, blocks[1].handle_offset);
        assert_eq!(swapped(handles, blocks[0].handle_length), SnapshotFault::DecryptFailed);
    }

    #[test]
    fn the_wrong_file_and_the_wrong_key_are_told_apart() {
        let file = write(&members(5), 3);
        assert_eq!(fault(SnapshotReader::open(&file, &keyring(), [4; 16])), SnapshotFault::WrongAudience);
        let other = Keyring::from_bytes([2; 32]);
        assert_eq!(fault(SnapshotReader::open(&file, &other, STORE)), SnapshotFault::WrongKey);
        assert_eq!(fault(open(vec![0; 7000])), SnapshotFault::BadMagic);

        let rotated = SnapshotReader::open(&file, &other.with_previous([1; 32]), STORE).unwrap();
        assert_eq!(rotated.key_id(), keyring().current().id());
        rotated.verify().unwrap();
    }

    /// A header changed on purpose, with a checksum that fits.
    fn with_header(file: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut file = file.to_vec();
        change(&mut file);
        let checksum = xxh3_64(&file[..152]);
        file[152..160].copy_from_slice(&checksum.to_le_bytes());
        file
    }

    /// A footer changed on purpose, with a checksum that fits.
    fn with_footer(file: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut file = file.to_vec();
        let trailer = file.len() - TRAILER;
        let length = u32::from_le_bytes(*file[trailer..].first_chunk().unwrap()) as usize;
        change(&mut file[trailer - length..trailer]);
        let checksum = xxh3_64(&file[trailer - length..trailer]);
        file[trailer + 4..trailer + 12].copy_from_slice(&checksum.to_le_bytes());
        file
    }

    #[test]
    fn crafted_headers_are_refused() {
        let file = write(&members(5), 3);
        let of = |at: usize, value: u8| fault(read_all(&with_header(&file, |header| header[at] = value)));
        assert_eq!(of(8, 2), SnapshotFault::UnsupportedVersion);
        assert_eq!(of(10, 63), SnapshotFault::BadLayout);
        assert_eq!(of(130, 1), SnapshotFault::BadLayout);
        assert_eq!(of(48, file[48] ^ 1), SnapshotFault::WrongKey);
        assert_eq!(of(80, file[80] ^ 1), SnapshotFault::WrongKey);
        // Salt and generation belong to the encryption.
        assert_eq!(of(96, file[96] ^ 1), SnapshotFault::DecryptFailed);
        assert_eq!(of(64, 6), SnapshotFault::DecryptFailed);
    }

    #[test]
    fn crafted_footers_are_refused() {
        let file = write(&members(6), 3);
        let of = |change: &dyn Fn(&mut [u8])| fault(read_all(&with_footer(&file, change)));
        assert_eq!(of(&|footer| footer[0] ^= 1), SnapshotFault::BadLayout);
        assert_eq!(of(&|footer| footer[8] ^= 1), SnapshotFault::BadLayout);
        assert_eq!(of(&|footer| footer[20..24].fill(0xff)), SnapshotFault::BadLayout);
        assert_eq!(of(&|footer| footer[24] = 0), SnapshotFault::BadLayout);
        assert_eq!(of(&|footer| footer[24] = 4), SnapshotFault::CountMismatch);
        assert_eq!(of(&|footer| (footer[24], footer[84]) = (4, 2)), SnapshotFault::CountMismatch);
        assert_eq!(of(&|footer| footer[28] = 0xff), SnapshotFault::OutOfOrder);
        assert_eq!(of(&|footer| footer[43] ^= 1), SnapshotFault::OutOfOrder);
        assert_eq!(of(&|footer| footer[52] ^= 1), SnapshotFault::BlockChecksum);
        assert_eq!(of(&|footer| footer[128] ^= 1), SnapshotFault::CountMismatch);
        assert_eq!(of(&|footer| footer[136] ^= 1), SnapshotFault::SetSumMismatch);
        assert_eq!(of(&|footer| footer[184] ^= 1), SnapshotFault::CountMismatch);
        // Nine acknowledged of six members, in totals and buckets alike.
        assert_eq!(of(&|footer| (footer[128], footer[184]) = (9, 5)), SnapshotFault::CountMismatch);

        // What only a recount finds: the sum over key and fingerprint, and the earliest expiry of all.
        let verify = |at: usize| {
            let crafted = with_footer(&file, |footer| footer[at] ^= 1);
            assert!(read_all(&crafted).is_ok());
            fault(open(crafted).unwrap().verify())
        };
        assert_eq!(verify(120 + 32), SnapshotFault::SetSumMismatch);
        assert_eq!(verify(120 + 48), SnapshotFault::CountMismatch);
    }

    #[test]
    fn a_block_that_reaches_into_the_next_is_refused_before_it_gives_a_member() {
        let given: Vec<Member> = [0, 10, 20, 30].map(|key| (key, 0, None, 0, vec![])).into();
        let crafted = with_footer(&write(&given, 2), |footer| footer[60 + 43] = 5);
        let mut keys = open(crafted).unwrap().iter();
        assert_eq!(fault(keys.next().unwrap()), SnapshotFault::OutOfOrder);
        assert!(keys.next().is_none());
    }

    #[test]
    fn errors_name_generation_block_byte_and_cause() {
        let mut file = write(&members(6), 3);
        let block = open(file.clone()).unwrap().blocks()[1].clone();
        file[block.offset as usize + 20] ^= 1;
        let error = read_all(&file).unwrap_err();
        let expected = format!("read snapshot generation 5: block 1 at byte {}: expected the block", block.offset);
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(error.to_string().ends_with("(code block_checksum)"), "{error}");
        assert_eq!(error.kind(), ErrorKind::State);
        // What came before the damage was given, nothing comes after it.
        let given: Vec<_> = open(file).unwrap().iter().map(|record| record.is_ok()).collect();
        assert_eq!(given, [true, true, true, false]);
    }

    #[test]
    fn keys_are_read_without_handles() {
        let given = members(6);
        let mut file = write(&given, 3);
        for block in open(file.clone()).unwrap().blocks() {
            file[block.handle_offset as usize] ^= 1;
        }
        let reader = open(file).unwrap();
        assert_eq!(reader.iter().filter(Result::is_ok).count(), 6);
        assert_eq!(fault(reader.handles(1)), SnapshotFault::DecryptFailed);
        assert_eq!(fault(reader.verify()), SnapshotFault::DecryptFailed);
    }

    #[test]
    fn a_scan_reads_only_the_blocks_it_touches() {
        let given: Vec<Member> = (0..6).map(|key| (key, 0, None, 0, vec![])).collect();
        let mut file = write(&given, 2);
        let blocks = open(file.clone()).unwrap().blocks().to_vec();
        file[blocks[0].offset as usize] ^= 1;
        file[blocks[2].offset as usize] ^= 1;
        let reader = open(file).unwrap();
        let [one, two, four, five] = [1, 2, 4, 5].map(MemberKey::from_u128);
        assert!(reader.scan(two..four).all(|record| record.is_ok()));
        assert_eq!(reader.scan(two..four).count(), 2);
        assert_eq!(fault(reader.scan(one..four).next().unwrap()), SnapshotFault::BlockChecksum);
        assert_eq!(fault(reader.scan(two..five).last().unwrap()), SnapshotFault::BlockChecksum);
    }

    #[test]
    fn handles_are_found_in_any_order_and_only_where_they_are() {
        let given = members(9);
        let reader = open(write(&given, 4)).unwrap();
        let positions: Vec<_> = reader.iter().map(|record| record.unwrap().position).collect();
        assert_eq!(positions[5], Position { block: 1, index: 1 });
        let mut handles = reader.handle_cursor();
        for (position, member) in positions.iter().zip(&given).rev() {
            assert_eq!(handles.get(*position).unwrap(), member.4);
        }
        for (block, index) in [(3, 0), (2, 1), (u32::MAX, u32::MAX)] {
            assert_eq!(handles.get(Position { block, index }).unwrap_err().kind(), ErrorKind::Bug);
        }
    }

    #[test]
    fn a_file_is_read_as_memory_is() {
        let given = members(9);
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &write(&given, 4)).unwrap();
        let reader = open(FileAt::new(file)).unwrap();
        reader.verify().unwrap();
        assert_eq!(reader.iter().count(), 9);
    }

    /// A disk that fails from some byte on.
    struct Failing(Vec<u8>, u64);

    impl ReadAt for Failing {
        fn size(&self) -> io::Result<u64> {
            Ok(self.0.len() as u64)
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
            if offset <= self.1 && self.1 < offset + buffer.len() as u64 {
                return Err(io::Error::other("bad sector"));
            }
            ReadAt::read_at(&self.0, offset, buffer)
        }
    }

    #[test]
    fn a_failing_disk_is_an_error() {
        let file = write(&members(6), 3);
        let size = file.len() as u64;
        for bad in [0, size - 1, size - TAIL as u64] {
            assert_eq!(fault(open(Failing(file.clone(), bad))), SnapshotFault::ReadFailed);
        }
        let reader = open(Failing(file, HEADER as u64)).unwrap();
        assert_eq!(fault(reader.verify()), SnapshotFault::ReadFailed);
        assert_eq!(reader.iter().count(), 1);
    }

    #[test]
    fn a_snapshot_is_a_side_of_a_sorted_diff() {
        let given: Vec<Member> = (0..6).map(|key| (key, key as u64 + 1, None, 0, vec![])).collect();
        let reader = open(write(&given, 4)).unwrap();
        let desired = (3..9u128).map(|key| (MemberKey::from_u128(key), Fingerprint::from_raw(4)));
        let mut changes = SortedDiff::new(reader.iter(), desired.map(Ok));
        assert!(changes.by_ref().all(|change| change.is_ok()));
        let counts = changes.counts();
        assert_eq!((counts.added, counts.removed, counts.changed, counts.unchanged), (3, 3, 2, 1));
        assert_eq!((counts.previous(), counts.desired()), (6, 6));
    }

    #[test]
    fn readers_travel_between_threads() {
        fn travels<T: Send + Sync + 'static>() {}
        travels::<SnapshotReader<Vec<u8>>>();
        travels::<Keys<Vec<u8>>>();
        travels::<HandleCursor<FileAt>>();
        travels::<SnapshotWriter<Vec<u8>>>();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_members_come_back_from_blocks_of_any_size(
            members in prop::collection::btree_map(
                any::<u128>(),
                (any::<u64>(), any::<Option<i64>>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..9)),
                0..40,
            ),
            block_members in 1u32..12,
        ) {
            let given: Vec<Member> = members
                .into_iter()
                .map(|(key, (fingerprint, at, state, handle))| {
                    (key, fingerprint, at.filter(|at| *at != i64::MAX), state, handle)
                })
                .collect();
            let file = write(&given, block_members);
            prop_assert_eq!(read_all(&file).unwrap(), given);
            open(file).unwrap().verify().unwrap();
        }

        #[test]
        fn a_scan_gives_what_a_sorted_map_gives(
            keys in prop::collection::btree_set(0u128..60, 0..40),
            from in any::<Bound<u8>>(),
            to in any::<Bound<u8>>(),
        ) {
            let given: Vec<Member> = keys.iter().map(|key| (*key, 0, None, 0, vec![])).collect();
            let reader = open(write(&given, 4)).unwrap();
            let bound = |bound: Bound<u8>| bound.map(|key| MemberKey::from_u128(u128::from(key % 64)));
            let range = (bound(from), bound(to));
            let found: Vec<_> = reader.scan(range).map(|record| record.unwrap().key).collect();
            // Not `BTreeMap::range`, which panics where a range runs backwards.
            let all: BTreeMap<_, _> = keys.iter().map(|key| (MemberKey::from_u128(*key), ())).collect();
            let expected: Vec<_> = all.into_keys().filter(|key| range.contains(key)).collect();
            prop_assert_eq!(found, expected);
        }

        /// Damage behind checksums that fit: an error or an answer, never a panic or an allocation beyond the file.
        #[test]
        fn crafted_files_never_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            in_footer in any::<bool>(),
        ) {
            let file = write(&members(5), 3);
            let change = |part: &mut [u8]| {
                for (at, value) in &changes {
                    // The first bytes of header and footer are where lengths and offsets are.
                    let length = part.len().min(184);
                    part[at.index(length)] = *value;
                }
            };
            let crafted = if in_footer { with_footer(&file, change) } else { with_header(&file, change) };
            let _ = read_all(&crafted);
            if let Ok(reader) = open(crafted) {
                let _ = reader.verify();
            }
        }

        #[test]
        fn any_bytes_are_no_snapshot(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(read_all(&bytes).is_err());
        }
    }
}
