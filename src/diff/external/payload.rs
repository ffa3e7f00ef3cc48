//! What belongs to the rows of a source, read once and kept until a plan is drawn up.

use std::path::PathBuf;

use aes_gcm::aead::Nonce;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::DiffOptions;
use super::spill::SpillFile;
use crate::error::{Error, ErrorKind, Result};

/// Set in the place of what lies in the file.
const SPILLED: u64 = 1 << 63;
/// Bytes that encryption adds.
const TAG: usize = 16;

/// Where a payload lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: u64,
    pub(crate) len: u32,
}

/// Payloads in memory while it lasts, then in a file, encrypted with a key that nobody but this value knows.
pub(crate) struct Payloads {
    held: Vec<Vec<u8>>,
    bytes: u64,
    budget: u64,
    folder: PathBuf,
    spilled: Option<Spilled>,
}

struct Spilled {
    file: SpillFile,
    cipher: Aes256Gcm,
}

impl Payloads {
    /// Within `budget` bytes of memory.
    pub(crate) fn new(options: &DiffOptions, budget: u64) -> Self {
        Self { held: Vec::new(), bytes: 0, budget, folder: options.spill_dir(), spilled: None }
    }

    /// Takes `bytes`, in which lie the payloads at `places` (start and length), and gives them places here.
    pub(crate) fn take(&mut self, bytes: Vec<u8>, places: impl IntoIterator<Item = (u32, u32)>) -> Result<Vec<Place>> {
        if self.bytes + bytes.len() as u64 <= self.budget {
            let chunk = (self.held.len() as u64) << 32;
            self.bytes += bytes.len() as u64;
            self.held.push(bytes);
            return Ok(places.into_iter().map(|(start, len)| Place { at: chunk | u64::from(start), len }).collect());
        }
        let bytes = Zeroizing::new(bytes);
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            None => self.spilled.insert(Spilled { file: SpillFile::create(&self.folder)?, cipher: new_cipher()? }),
        };
        let mut sealed = Vec::with_capacity(bytes.len() + bytes.len() / 4);
        let first = spilled.file.len();
        let mut out = Vec::new();
        for (start, len) in places {
            let end = sealed.len();
            let at = first + end as u64;
            let plain = bytes.get(start as usize..start as usize + len as usize).unwrap_or_default();
            sealed.extend_from_slice(plain);
            let (_, body) = sealed.split_at_mut(end);
            // A place is written once, so it serves as nonce once.
            let tag = spilled.cipher.encrypt_inout_detached(&nonce(at), &[], body.into());
            let tag =
                tag.map_err(|_| Error::new(ErrorKind::Bug, "expected payloads below 64 GiB, found a larger one"))?;
            sealed.extend_from_slice(&tag);
            out.push(Place { at: at | SPILLED, len });
        }
        spilled.file.write(&sealed)?;
        Ok(out)
    }

    /// Hands one payload to `with`.
    pub(crate) fn read<T>(&self, place: Place, with: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        let len = place.len as usize;
        if place.at & SPILLED == 0 {
            let chunk = self.held.get((place.at >> 32) as usize).map(Vec::as_slice).unwrap_or_default();
            let start = (place.at & u64::from(u32::MAX)) as usize;
            return with(chunk.get(start..start + len).unwrap_or_default());
        }
        let lost = || Error::new(ErrorKind::Unavailable, "expected the spill file as it was written, found another");
        let spilled = self.spilled.as_ref().ok_or_else(lost)?;
        let at = place.at & !SPILLED;
        let mut bytes = Zeroizing::new(vec![0; len + TAG]);
        spilled.file.read_bytes(at, &mut bytes)?;
        let (body, tag) = bytes.split_last_chunk_mut::<TAG>().ok_or_else(lost)?;
        spilled.cipher.decrypt_inout_detached(&nonce(at), &[], body.into(), (&*tag).into()).map_err(|_| lost())?;
        with(body)
    }
}

fn new_cipher() -> Result<Aes256Gcm> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut_slice()).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "the operating system gave no randomness").with_source(error)
    })?;
    Ok(Aes256Gcm::new((&*key).into()))
}

fn nonce(at: u64) -> Nonce<Aes256Gcm> {
    let mut nonce = [0; 12];
    let (number, _) = nonce.split_at_mut(8);
    number.copy_from_slice(&at.to_le_bytes());
    nonce.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_come_back_from_memory_and_from_the_file() {
        let options = DiffOptions::default();
        let mut payloads = Payloads::new(&options, 64);
        let mut places = Vec::new();
        for round in 0..20_u8 {
            let bytes = vec![round; 30];
            places.extend(payloads.take(bytes, [(0, 10), (10, 0), (10, 20)]).unwrap());
        }
        for (index, place) in places.iter().enumerate() {
            let (round, len) = (index / 3, [10, 0, 20][index % 3]);
            assert_eq!(payloads.read(*place, |bytes| Ok(bytes.to_vec())).unwrap(), vec![round as u8; len]);
        }
        assert_eq!(places.iter().filter(|place| place.at & SPILLED == 0).count(), 6, "two rounds fit into memory");
    }

    #[test]
    fn no_payload_stands_in_the_clear() {
        let mut payloads = Payloads::new(&DiffOptions::default(), 0);
        let secret = b"somebody@example.com";
        payloads.take(secret.to_vec(), [(0, 20)]).unwrap();
        let file = &payloads.spilled.as_ref().unwrap().file;
        let mut bytes = vec![0; file.len() as usize];
        file.read_bytes(0, &mut bytes).unwrap();
        assert_eq!(bytes.len(), 20 + TAG);
        assert!(!bytes.windows(4).any(|four| secret.windows(4).any(|clear| clear == four)));
    }
}
