//! The envelope around manifests, plans and journals: nobody without the host's key reads or forges them.
//!
//! `AUDSEAL\x01`, key id (16), salt (32), then AES-256-GCM ciphertext with its 16-byte tag. The key is derived from
//! the host key and the salt, which is random per object; so a key serves one message only and the nonce may be zero.
//! The associated data is the binding's id and the object's path: an object in the wrong place does not open.

use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Nonce};

use crate::error::{Error, ErrorKind, Result};
use crate::secret::{HostKey, KeyId, Keyring};

const MAGIC: &[u8; 8] = b"AUDSEAL\x01";
const PURPOSE: &[u8] = b"audience-state-v1";
const KEY_AT: usize = 8;
const SALT_AT: usize = 24;
const BODY_AT: usize = 56;

/// Seals and opens the objects of one binding.
#[derive(Clone, Debug)]
pub(super) struct Sealer {
    keyring: Keyring,
    binding: [u8; 16],
}

impl Sealer {
    pub(super) fn new(keyring: Keyring, binding: [u8; 16]) -> Self {
        Self { keyring, binding }
    }

    /// Seals `plain` under the current key for the object at `path` (relative to the binding).
    pub(super) fn seal(&self, path: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the operating system gave no randomness").with_source(error)
        })?;
        let key = self.keyring.current();
        let mut sealed = Vec::with_capacity(BODY_AT + plain.len() + 16);
        sealed.extend_from_slice(MAGIC);
        sealed.extend_from_slice(&key.id().0);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(plain);
        let (_, body) = sealed.split_at_mut(BODY_AT);
        let tag = cipher(key, &salt)
            .encrypt_inout_detached(&Nonce::<U12>::default(), &self.bound_to(path), body.into())
            .map_err(|_| Error::new(ErrorKind::Bug, format!("{} bytes are too many to seal", plain.len())))?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what [`Sealer::seal`] made for the same binding and path.
    ///
    /// # Errors
    /// [`ErrorKind::State`], with the code `wrong_key` when none of the host's keys wrote the object.
    pub(super) fn open(&self, path: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let (Some(magic), Some(key_id), Some(salt), Some(body)) = (
            sealed.get(..KEY_AT),
            sealed.get(KEY_AT..SALT_AT).and_then(|id| <[u8; 16]>::try_from(id).ok()),
            sealed.get(SALT_AT..BODY_AT).and_then(|salt| <[u8; 32]>::try_from(salt).ok()),
            sealed.get(BODY_AT..),
        ) else {
            return Err(damaged(path, &format!("an object of {} bytes, which is cut off", sealed.len())));
        };
        if magic != MAGIC {
            return Err(damaged(path, "another beginning"));
        }
        let Some(key) = self.keyring.get(KeyId(key_id)) else {
            return Err(Error::new(
                ErrorKind::State,
                format!(
                    "expected an object sealed with one of the host's keys, found {:?}; add that key to the keyring",
                    KeyId(key_id)
                ),
            )
            .with_code("wrong_key")
            .doing(format!("read {path}")));
        };
        let mut plain = body.to_vec();
        cipher(key, &salt)
            .decrypt_in_place(&Nonce::<U12>::default(), &self.bound_to(path), &mut plain)
            .map_err(|_| damaged(path, "changed, cut off or misplaced bytes"))?;
        Ok(plain)
    }

    fn bound_to(&self, path: &str) -> Vec<u8> {
        [&self.binding[..], path.as_bytes()].concat()
    }
}

fn cipher(key: &HostKey, salt: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.at_rest(salt, PURPOSE).expose().into())
}

/// The error for an object that is not what was written.
pub(super) fn damaged(path: &str, found: &str) -> Error {
    Error::new(
        ErrorKind::State,
        format!("expected the object as it was written, found {found}; restore it from a backup, or resync"),
    )
    .doing(format!("read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(Keyring::from_bytes([7; 32]), [1; 16])
    }

    #[test]
    fn what_was_sealed_opens_and_is_not_readable() {
        let sealed = sealer().seal("manifest/1", b"jane@example.com").unwrap();
        assert_eq!(sealer().open("manifest/1", &sealed).unwrap(), b"jane@example.com");
        assert_eq!(sealed.len(), 56 + 16 + 16);
        assert_eq!(sealed.get(..8), Some(&b"AUDSEAL\x01"[..]));
        assert!(!sealed.windows(4).any(|window| window == b"jane"));
        assert_ne!(sealed, sealer().seal("manifest/1", b"jane@example.com").unwrap(), "the salt is random");
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_an_error() {
        let sealed = sealer().seal("plan/a/0", b"row").unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(sealer().open("plan/a/0", &changed).unwrap_err().kind(), ErrorKind::State, "byte {at}");
            }
            assert_eq!(sealer().open("plan/a/0", &sealed[..at]).unwrap_err().kind(), ErrorKind::State, "cut at {at}");
        }
    }

    #[test]
    fn an_object_in_the_wrong_place_does_not_open() {
        let sealed = sealer().seal("plan/a/0", b"row").unwrap();
        assert!(sealer().open("plan/a/1", &sealed).is_err());
        let elsewhere = Sealer::new(Keyring::from_bytes([7; 32]), [2; 16]);
        assert!(elsewhere.open("plan/a/0", &sealed).is_err());
    }

    #[test]
    fn a_wrong_key_is_named_and_a_previous_key_still_reads() {
        let sealed = sealer().seal("manifest/1", b"x").unwrap();
        let stranger = Sealer::new(Keyring::from_bytes([8; 32]), [1; 16]);
        let error = stranger.open("manifest/1", &sealed).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::State, Some("wrong_key")));
        let rotated = Sealer::new(Keyring::from_bytes([8; 32]).with_previous([7; 32]), [1; 16]);
        assert_eq!(rotated.open("manifest/1", &sealed).unwrap(), b"x");
    }
}
