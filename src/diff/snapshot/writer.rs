//! Writing a snapshot, front to back.

use std::fmt;
use std::io::Write;

use siphasher::sip::SipHasher24;

use super::block::{KeyBlock, read_expiry};
use super::fault::Place;
use super::handles::{HandleBuffer, HandleCipher};
use super::layout::{BlockInfo, FileHeader, Footer, Tally, Totals};
use super::{Fingerprint, MemberKey, SnapshotFault, SnapshotHeader, Timestamp};
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::secret::HostKey;

/// One member on its way into a snapshot.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SnapshotRecord<'a> {
    /// The member.
    pub key: MemberKey,
    /// What the destination was sent, or [`Fingerprint::NONE`].
    pub fingerprint: Fingerprint,
    /// When the membership ends. The latest moment there is counts as never and is read back as `None`.
    pub expires_at: Option<Timestamp>,
    /// What the layer above makes of the member: 0 is acknowledged, the rest is its own.
    pub state: u8,
    /// What is needed to remove the member later, at most 65,535 bytes; may be empty.
    pub handle: &'a [u8],
}

impl<'a> SnapshotRecord<'a> {
    /// An acknowledged member without expiry and handle.
    pub const fn new(key: MemberKey, fingerprint: Fingerprint) -> Self {
        Self { key, fingerprint, expires_at: None, state: 0, handle: &[] }
    }

    /// Sets when the membership ends.
    #[must_use]
    pub const fn with_expiry(mut self, expires_at: Option<Timestamp>) -> Self {
        self.expires_at = expires_at;
        self
    }

    /// Sets the state.
    #[must_use]
    pub const fn with_state(mut self, state: u8) -> Self {
        self.state = state;
        self
    }

    /// Sets the handle.
    #[must_use]
    pub const fn with_handle(mut self, handle: &'a [u8]) -> Self {
        self.handle = handle;
        self
    }
}

/// Prints the length of the handle, never the handle.
impl fmt::Debug for SnapshotRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotRecord")
            .field("key", &self.key)
            .field("fingerprint", &self.fingerprint)
            .field("expires_at", &self.expires_at)
            .field("state", &self.state)
            .field("handle_len", &self.handle.len())
            .finish()
    }
}

/// Writes a snapshot to `W`, member by member in ascending key order.
///
/// Holds one block in memory. Nothing that was written is a snapshot before [`SnapshotWriter::finish`] has answered
/// `Ok`, and it is as durable as `W` is.
pub struct SnapshotWriter<W> {
    out: W,
    header: SnapshotHeader,
    cipher: HandleCipher,
    block: KeyBlock,
    handles: HandleBuffer,
    footer: Footer,
    /// Bytes written so far.
    offset: u64,
    last: Option<MemberKey>,
    scratch: Vec<u8>,
    failed: bool,
}

impl<W: Write> SnapshotWriter<W> {
    /// Begins a snapshot whose member keys were made under `key`'s member secret; it encrypts the handles, too.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a block size out of range, [`ErrorKind::Unavailable`] when the operating system gives
    /// no randomness, [`SnapshotFault::WriteFailed`].
    pub fn new(out: W, header: SnapshotHeader, key: &HostKey) -> Result<Self> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the operating system gave no randomness").with_source(error)
        })?;
        Self::with_salt(out, header, key, salt)
    }

    fn with_salt(out: W, header: SnapshotHeader, key: &HostKey, salt: [u8; 32]) -> Result<Self> {
        let most = SnapshotHeader::MAX_BLOCK_MEMBERS;
        if header.block_members == 0 || header.block_members > most {
            let message = format!("expected blocks of 1 to {most} members, found {}", header.block_members);
            return Err(Error::new(ErrorKind::Config, message));
        }
        let mut writer = Self {
            out,
            header,
            cipher: HandleCipher::new(key, &salt, header.store_id, header.generation),
            block: KeyBlock::default(),
            handles: HandleBuffer::default(),
            footer: Footer { blocks: Vec::new(), tally: Tally::new() },
            offset: 0,
            last: None,
            scratch: Vec::new(),
            failed: false,
        };
        let file_header =
            FileHeader { header, key_id: key.id(), key_check: key_check(key), handle_key_id: key.id(), salt };
        writer.write(&file_header.encode(), Place::Header)?;
        Ok(writer)
    }

    /// Adds the next member.
    ///
    /// # Errors
    /// [`SnapshotFault::OutOfOrder`] of kind [`ErrorKind::Bug`] when the key is not above the one before, and
    /// [`ErrorKind::TooLarge`] for a handle that is too long: the member is not taken, the writer can go on.
    /// [`SnapshotFault::WriteFailed`]: the writer cannot go on.
    pub fn push(&mut self, record: &SnapshotRecord<'_>) -> Result<()> {
        self.usable()?;
        let &SnapshotRecord { key, fingerprint, expires_at, state, handle } = record;
        if self.last.is_some_and(|last| key <= last) {
            let message = format!("expected keys in strictly ascending order, found {key:?} after {:?}", self.last);
            return Err(Error::new(ErrorKind::Bug, message).with_code(SnapshotFault::OutOfOrder.as_str()));
        }
        self.handles.push(handle)?;
        self.block.push(key, fingerprint, expires_at, state);
        self.footer.tally.add(key, fingerprint, expires_at, state);
        self.last = Some(key);
        if self.block.keys.len() >= self.header.block_members as usize || self.handles.is_full() {
            self.write_block()?;
        }
        Ok(())
    }

    /// Writes what is left and the footer; gives back the writer below and what was written.
    ///
    /// # Errors
    /// [`SnapshotFault::WriteFailed`], also after an earlier one: what was written is not a snapshot.
    pub fn finish(mut self) -> Result<(W, Totals)> {
        self.usable()?;
        if !self.block.keys.is_empty() {
            self.write_block()?;
        }
        let footer = self.footer.encode().ok_or_else(|| {
            Error::new(ErrorKind::Config, "expected an index below 4 GiB, found more blocks; use larger blocks")
        })?;
        let place = Place::Footer(self.offset);
        self.write(&footer, place)?;
        self.out.flush().map_err(|error| self.write_failed(error, place))?;
        Ok((self.out, self.footer.tally.totals))
    }

    fn write_block(&mut self) -> Result<()> {
        let number = self.footer.blocks.len();
        let mut info = BlockInfo {
            first_key: self.block.keys.first().copied().unwrap_or(MemberKey::MIN),
            // At most `MAX_BLOCK_MEMBERS`.
            members: self.block.keys.len() as u32,
            first_expiry: read_expiry(self.block.first_expiry()),
            offset: self.offset,
            length: 0,
            handle_offset: 0,
            handle_length: 0,
            checksum: 0,
        };
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        info.checksum = self.block.encode(&mut bytes);
        // At most 33 bytes a member and some 60 for the block.
        info.length = bytes.len() as u32;
        self.write(&bytes, info.keys_at(number))?;

        bytes.clear();
        info.handle_offset = self.offset;
        self.handles.seal(&self.cipher, number, &mut bytes).inspect_err(|_| self.failed = true)?;
        // At most 4 MiB, one more handle, and 2 bytes a member.
        info.handle_length = bytes.len() as u32;
        self.write(&bytes, info.handles_at(number))?;

        self.scratch = bytes;
        self.block.clear();
        self.footer.blocks.push(info);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], place: Place) -> Result<()> {
        match self.out.write_all(bytes) {
            Ok(()) => {
                self.offset = self.offset.saturating_add(bytes.len() as u64);
                Ok(())
            }
            Err(error) => {
                self.failed = true;
                Err(self.write_failed(error, place))
            }
        }
    }

    fn write_failed(&self, error: std::io::Error, place: Place) -> Error {
        SnapshotFault::WriteFailed
            .io(place, error)
            .doing(format!("write snapshot generation {}", self.header.generation))
    }

    fn usable(&self) -> Result<()> {
        if !self.failed {
            return Ok(());
        }
        let message = "expected a writer that can go on, found one whose storage failed; begin the snapshot anew";
        Err(Error::new(ErrorKind::State, message).with_code(SnapshotFault::WriteFailed.as_str()))
            .doing(|| format!("write snapshot generation {}", self.header.generation))
    }
}

impl<W> fmt::Debug for SnapshotWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotWriter")
            .field("header", &self.header)
            .field("totals", &self.footer.tally.totals)
            .finish_non_exhaustive()
    }
}

/// Shows that two keys of one name are one key, and nothing else of it.
pub(super) fn key_check(key: &HostKey) -> u64 {
    SipHasher24::new_with_key(key.member_secret().expose()).hash(b"audience-snapshot-key-check")
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::super::SnapshotReader;
    use super::*;
    use crate::secret::Keyring;

    fn header() -> SnapshotHeader {
        SnapshotHeader::new([3; 16], 5, Timestamp::from_millis(6)).with_mapping_version(7).with_block_members(8)
    }

    fn record(key: u128) -> SnapshotRecord<'static> {
        SnapshotRecord::new(MemberKey::from_u128(key), Fingerprint::from_raw(1)).with_handle(b"as it was sent")
    }

    fn file(salt: u8, keys: impl IntoIterator<Item = u128>) -> Vec<u8> {
        let keyring = Keyring::from_bytes([1; 32]);
        let mut writer = SnapshotWriter::with_salt(Vec::new(), header(), keyring.current(), [salt; 32]).unwrap();
        keys.into_iter().for_each(|key| writer.push(&record(key)).unwrap());
        writer.finish().unwrap().0
    }

    #[test]
    fn header_fields_stand_where_the_format_says() {
        let file = file(9, []);
        let key = Keyring::from_bytes([1; 32]).current().clone();
        assert_eq!(&file[..8], b"AUDSNAP\x01");
        assert_eq!(file[8..16], [1, 0, 47, 0, 8, 0, 0, 0]);
        assert_eq!(file[16..32], [3; 16]);
        assert_eq!(file[32..48], key.id().0);
        let secret = key.member_secret();
        let check = SipHasher24::new_with_key(secret.expose()).hash(b"audience-snapshot-key-check");
        assert_eq!(file[48..56], check.to_le_bytes());
        assert_eq!((file[56], file[64], file[72]), (7, 5, 6));
        assert_eq!(file[80..96], key.id().0);
        assert_eq!(file[96..128], [9; 32]);
        assert_eq!(file[128..152], [0; 24]);
        assert_eq!(&file[file.len() - 8..], b"PANSDUA\x01");
        assert_eq!(file.len(), 160 + 64 + 256 * 24 + 20);
    }

    #[test]
    fn the_same_members_and_salt_give_the_same_bytes_and_no_salt_is_used_twice() {
        assert_eq!(file(9, 0..20), file(9, 0..20));
        assert_ne!(file(9, 0..20), file(8, 0..20));
        let keyring = Keyring::from_bytes([1; 32]);
        let begun = || SnapshotWriter::new(Vec::new(), header(), keyring.current()).unwrap().finish().unwrap().0;
        assert_ne!(begun()[96..128], begun()[96..128]);
    }

    #[test]
    fn no_handle_stands_in_the_clear() {
        let file = file(9, 0..20);
        assert!(!file.windows(4).any(|window| window == b"sent"));
    }

    #[test]
    fn disorder_is_refused_and_the_writer_goes_on() {
        let keyring = Keyring::from_bytes([1; 32]);
        let mut writer = SnapshotWriter::new(Vec::new(), header(), keyring.current()).unwrap();
        writer.push(&record(5)).unwrap();
        for key in [5, 4] {
            let error = writer.push(&record(key)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Bug);
            assert_eq!(SnapshotFault::of(&error), Some(SnapshotFault::OutOfOrder));
        }
        let too_long = vec![0; 65_536];
        assert_eq!(writer.push(&record(6).with_handle(&too_long)).unwrap_err().kind(), ErrorKind::TooLarge);
        writer.push(&record(7)).unwrap();
        let (file, totals) = writer.finish().unwrap();
        assert_eq!((totals.members, totals.acknowledged), (2, 2));
        SnapshotReader::open(file, &keyring, [3; 16]).unwrap().verify().unwrap();
    }

    #[test]
    fn block_sizes_out_of_range_are_refused() {
        let keyring = Keyring::from_bytes([1; 32]);
        for members in [0, (1 << 20) + 1] {
            let header = header().with_block_members(members);
            let error = SnapshotWriter::new(Vec::new(), header, keyring.current()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }

    #[test]
    fn many_handles_cut_a_block_early() {
        let keyring = Keyring::from_bytes([1; 32]);
        let header = header().with_block_members(1 << 20);
        let mut writer = SnapshotWriter::new(Vec::new(), header, keyring.current()).unwrap();
        let long = vec![7; 65_535];
        (0..68).for_each(|key| writer.push(&record(key).with_handle(&long)).unwrap());
        let reader = SnapshotReader::open(writer.finish().unwrap().0, &keyring, [3; 16]).unwrap();
        let members: Vec<_> = reader.blocks().iter().map(|block| block.members).collect();
        // 65 times 65,535 bytes is the first time that 4 MiB are reached.
        assert_eq!(members, [65, 3]);
    }

    /// Fails at one write and takes all others.
    struct Hiccup(usize);

    impl Write for Hiccup {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let due = self.0 == 0;
            self.0 = self.0.wrapping_sub(1);
            if due { Err(io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_failed_write_is_the_end_of_the_file() {
        let keyring = Keyring::from_bytes([1; 32]);
        let failed = |error: Error| assert_eq!(SnapshotFault::of(&error), Some(SnapshotFault::WriteFailed));
        // Header, keys and handles of three blocks, footer.
        for write in 0..8 {
            match SnapshotWriter::new(Hiccup(write), header(), keyring.current()) {
                Err(error) => failed(error),
                Ok(mut writer) => {
                    // Going on would leave a hole in the file.
                    (0..20).filter_map(|key| writer.push(&record(key)).err()).for_each(failed);
                    failed(writer.finish().err().unwrap());
                }
            }
        }
        let writer = SnapshotWriter::new(Hiccup(8), header(), keyring.current());
        assert!(writer.and_then(SnapshotWriter::finish).is_ok());
    }

    #[test]
    fn debug_shows_no_handle() {
        let text = format!("{:?}", record(1));
        assert!(text.contains("handle_len: 14") && !text.contains("sent"), "{text}");
    }
}
