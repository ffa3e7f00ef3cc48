//! Handle blocks: what is needed to remove members, encrypted.

use std::fmt;

use aes_gcm::aead::Nonce;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::SnapshotFault;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::HostKey;

/// What the file's encryption key is derived for.
const PURPOSE: &[u8] = b"audience-handles-v1";

/// Bytes that encryption adds to a block.
const TAG: usize = 16;

/// Encrypts and opens the handle blocks of one file.
pub(super) struct HandleCipher {
    cipher: Aes256Gcm,
    store_id: [u8; 16],
    generation: u64,
}

impl HandleCipher {
    pub(super) fn new(key: &HostKey, salt: &[u8; 32], store_id: [u8; 16], generation: u64) -> Self {
        let cipher = Aes256Gcm::new(key.at_rest(salt, PURPOSE).expose().into());
        Self { cipher, store_id, generation }
    }

    /// Encrypts in place. The salt makes the key this file's own, so a block number serves as nonce once.
    pub(super) fn seal(&self, block: usize, buffer: &mut Vec<u8>) -> Result<()> {
        let (nonce, context) = self.scope(block);
        self.cipher
            .encrypt_in_place(&nonce, &context, buffer)
            .map_err(|_| Error::new(ErrorKind::Bug, "expected handles below 64 GiB in one block, found more"))
    }

    fn open(&self, block: usize, buffer: &mut Vec<u8>) -> Result<(), SnapshotFault> {
        let (nonce, context) = self.scope(block);
        self.cipher.decrypt_in_place(&nonce, &context, buffer).map_err(|_| SnapshotFault::DecryptFailed)
    }

    fn scope(&self, block: usize) -> (Nonce<Aes256Gcm>, [u8; 32]) {
        let number = (block as u64).to_le_bytes();
        let mut nonce = [0; 12];
        let mut context = [0; 32];
        for (part, from) in [(0, &self.store_id[..]), (16, &self.generation.to_le_bytes()), (24, &number)] {
            context.iter_mut().skip(part).zip(from).for_each(|(to, byte)| *to = *byte);
        }
        nonce.iter_mut().zip(number).for_each(|(to, byte)| *to = byte);
        (nonce.into(), context)
    }
}

/// The handles of a block that is being filled.
#[derive(Default)]
pub(super) struct HandleBuffer {
    lengths: Vec<u16>,
    bytes: Zeroizing<Vec<u8>>,
}

impl HandleBuffer {
    /// The most bytes of handles in a block before it is cut: what a reader must hold to read one of them.
    const FULL: usize = 4 << 20;

    pub(super) fn push(&mut self, handle: &[u8]) -> Result<()> {
        let length = u16::try_from(handle.len()).map_err(|_| {
            let message = format!("expected a handle of at most 65535 bytes, found {}", handle.len());
            Error::new(ErrorKind::TooLarge, message)
        })?;
        self.lengths.push(length);
        self.bytes.extend_from_slice(handle);
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= Self::FULL
    }

    /// Encrypts into `out`, which stays empty when nobody has a handle, and begins anew.
    pub(super) fn seal(&mut self, cipher: &HandleCipher, block: usize, out: &mut Vec<u8>) -> Result<()> {
        if !self.bytes.is_empty() {
            out.reserve(self.lengths.len() * 2 + self.bytes.len() + TAG);
            out.extend(self.lengths.iter().flat_map(|length| length.to_le_bytes()));
            out.extend_from_slice(&self.bytes);
            cipher.seal(block, out)?;
        }
        self.lengths.clear();
        self.bytes.clear();
        Ok(())
    }
}

/// The handles of one block, in key order, opened. Wiped when dropped.
pub struct HandleBlock {
    plain: Zeroizing<Vec<u8>>,
    /// Where the handle of each member begins, and where the last ends. Empty when nobody has one.
    starts: Vec<u32>,
    members: u32,
}

impl HandleBlock {
    /// For a block in which nobody has a handle.
    pub(super) fn without(members: u32) -> Self {
        Self { plain: Zeroizing::default(), starts: Vec::new(), members }
    }

    /// Opens the bytes of a stored block.
    pub(super) fn open(
        cipher: &HandleCipher,
        block: usize,
        members: u32,
        mut bytes: Vec<u8>,
    ) -> Result<Self, SnapshotFault> {
        cipher.open(block, &mut bytes)?;
        let plain = Zeroizing::new(bytes);
        let lengths = plain.get(..members as usize * 2).ok_or(SnapshotFault::CountMismatch)?;
        let mut start = lengths.len() as u32;
        let mut starts = vec![start];
        for length in lengths.as_chunks::<2>().0 {
            start = start.checked_add(u16::from_le_bytes(*length).into()).ok_or(SnapshotFault::BadLayout)?;
            starts.push(start);
        }
        if start as usize != plain.len() {
            return Err(SnapshotFault::BadLayout);
        }
        Ok(Self { plain, starts, members })
    }

    /// How many members the block has.
    pub fn len(&self) -> usize {
        self.members as usize
    }

    /// Whether the block has no members; no stored block is.
    pub fn is_empty(&self) -> bool {
        self.members == 0
    }

    /// The handle of the member at `index`; empty for one without. `None` beyond the last member.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        if self.starts.is_empty() {
            return (index < self.len()).then_some(&[]);
        }
        let (start, end) = (*self.starts.get(index)?, *self.starts.get(index.checked_add(1)?)?);
        self.plain.get(start as usize..end as usize)
    }
}

/// Prints how many there are, never one of them.
impl fmt::Debug for HandleBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandleBlock").field("members", &self.members).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Keyring;

    fn cipher(key: u8, salt: u8, store: u8, generation: u64) -> HandleCipher {
        HandleCipher::new(Keyring::from_bytes([key; 32]).current(), &[salt; 32], [store; 16], generation)
    }

    fn sealed(handles: &[&[u8]], block: usize) -> Vec<u8> {
        let (mut buffer, mut out) = (HandleBuffer::default(), Vec::new());
        handles.iter().for_each(|handle| buffer.push(handle).unwrap());
        buffer.seal(&cipher(1, 2, 3, 4), block, &mut out).unwrap();
        assert!(buffer.lengths.is_empty() && buffer.bytes.is_empty());
        out
    }

    #[test]
    fn handles_of_every_length_come_back() {
        let long = vec![9; 65_535];
        let bytes = sealed(&[b"", b"a", &long, b""], 7);
        assert_eq!(bytes.len(), 4 * 2 + 65_536 + TAG);
        let block = HandleBlock::open(&cipher(1, 2, 3, 4), 7, 4, bytes).unwrap();
        let read: Vec<_> = (0..6).map(|index| block.get(index)).collect();
        assert_eq!(read, [Some(&b""[..]), Some(b"a"), Some(&long), Some(b""), None, None]);
        assert_eq!(block.get(usize::MAX), None);
        assert_eq!(format!("{block:?}"), "HandleBlock { members: 4, .. }");
    }

    #[test]
    fn one_byte_too_many_is_refused() {
        let error = HandleBuffer::default().push(&[0; 65_536]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn blocks_without_handles_take_no_bytes() {
        assert!(sealed(&[b"", b""], 0).is_empty());
        let block = HandleBlock::without(2);
        assert_eq!((block.get(1), block.get(2)), (Some(&b""[..]), None));
    }

    #[test]
    fn a_block_opens_only_in_its_place_with_its_key() {
        let bytes = sealed(&[b"handle"], 7);
        assert!(!bytes.windows(6).any(|window| window == b"handle"));
        let places = [
            (cipher(9, 2, 3, 4), 7),
            (cipher(1, 9, 3, 4), 7),
            (cipher(1, 2, 9, 4), 7),
            (cipher(1, 2, 3, 9), 7),
            (cipher(1, 2, 3, 4), 9),
        ];
        for (cipher, block) in places {
            let opened = HandleBlock::open(&cipher, block, 1, bytes.clone());
            assert_eq!(opened.unwrap_err(), SnapshotFault::DecryptFailed);
        }
        assert!(HandleBlock::open(&cipher(1, 2, 3, 4), 7, 1, bytes).is_ok());
    }

    #[test]
    fn crafted_lengths_are_refused() {
        let cipher = cipher(1, 2, 3, 4);
        let cases: [(&[u8], u32, SnapshotFault); 4] = [
            (b"", 1, SnapshotFault::CountMismatch),
            (b"\x01\0", 1, SnapshotFault::BadLayout),
            (b"\x01\0ab", 1, SnapshotFault::BadLayout),
            (b"\0\0", 2, SnapshotFault::CountMismatch),
        ];
        for (plain, members, fault) in cases {
            let mut bytes = plain.to_vec();
            cipher.seal(0, &mut bytes).unwrap();
            assert_eq!(HandleBlock::open(&cipher, 0, members, bytes).unwrap_err(), fault);
        }
    }
}
