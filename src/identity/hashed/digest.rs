//! Digests: their algorithms, and how they are written.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identity::reject::Reject;

/// What made a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-256: 32 bytes, what nearly every platform matches on.
    Sha256,
    /// SHA-512: 64 bytes (LinkedIn's `SHA512_EMAIL`).
    Sha512,
    /// SHA-1: 20 bytes (LiveRamp, Pinterest).
    Sha1,
    /// MD5: 16 bytes (Criteo, LiveRamp, Pinterest).
    Md5,
}

impl Algorithm {
    /// Every algorithm, in the order of declaration.
    pub const ALL: &'static [Self] = &[Self::Sha256, Self::Sha512, Self::Sha1, Self::Md5];

    /// The algorithm as a stable word: `sha256`, `sha512`, `sha1`, `md5`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Sha1 => "sha1",
            Self::Md5 => "md5",
        }
    }

    /// How many bytes a digest has. In hex it is twice as many characters.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
            Self::Sha1 => 20,
            Self::Md5 => 16,
        }
    }

    /// The algorithm whose digests have that many hex digits.
    pub(super) fn of_hex_len(digits: usize) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.digest_len() * 2 == digits)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A digest with its algorithm. No `Debug`: nothing may print it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::identity) enum Digest {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
    Sha1([u8; 20]),
    Md5([u8; 16]),
}

impl Digest {
    pub(in crate::identity) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
            Self::Sha1(_) => Algorithm::Sha1,
            Self::Md5(_) => Algorithm::Md5,
        }
    }

    pub(in crate::identity) const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(digest) => digest,
            Self::Sha512(digest) => digest,
            Self::Sha1(digest) => digest,
            Self::Md5(digest) => digest,
        }
    }

    pub(super) fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, Reject> {
        let digest = match algorithm {
            Algorithm::Sha256 => bytes.try_into().map(Self::Sha256),
            Algorithm::Sha512 => bytes.try_into().map(Self::Sha512),
            Algorithm::Sha1 => bytes.try_into().map(Self::Sha1),
            Algorithm::Md5 => bytes.try_into().map(Self::Md5),
        };
        digest.map_err(|_| Reject::MalformedDigest)
    }

    /// From hex of either case and nothing around it.
    pub(super) fn from_bare_hex(algorithm: Algorithm, text: &str) -> Result<Self, Reject> {
        // `decode_to_slice` would take a `0x` of its own.
        if text.len() != algorithm.digest_len() * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Reject::MalformedDigest);
        }
        let mut buffer = [0; 64];
        let bytes = buffer.get_mut(..algorithm.digest_len()).ok_or(Reject::MalformedDigest)?;
        const_hex::decode_to_slice(text, bytes).map_err(|_| Reject::MalformedDigest)?;
        Self::from_bytes(algorithm, bytes)
    }

    /// From base64 of either alphabet, padded or not, and nothing around it.
    pub(super) fn from_bare_base64(algorithm: Algorithm, text: &str) -> Result<Self, Reject> {
        let mut buffer = [0; 64];
        let bytes = buffer.get_mut(..algorithm.digest_len()).ok_or(Reject::MalformedDigest)?;
        decode_base64(text, bytes).ok_or(Reject::MalformedDigest)?;
        Self::from_bytes(algorithm, bytes)
    }
}

/// Fills `out` from base64. By hand, because the base64 crate belongs to the HTTP kit and this room builds without it.
fn decode_base64(text: &str, out: &mut [u8]) -> Option<()> {
    let digits = (out.len() * 8).div_ceil(6);
    let padding = match out.len() % 3 {
        0 => "",
        1 => "==",
        _ => "=",
    };
    let text = if text.len() == digits { text } else { text.strip_suffix(padding)? };
    if text.len() != digits {
        return None;
    }
    let (mut slots, mut bits, mut held) = (out.iter_mut(), 0_u32, 0_u32);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            *slots.next()? = u8::try_from((held >> bits) & 0xFF).ok()?;
            held &= (1 << bits) - 1;
        }
    }
    // The bits behind the last byte must be zero, or two texts would mean one digest.
    (held == 0).then_some(())
}

/// Base64 of the standard alphabet, padded: ASCII characters.
pub(in crate::identity) fn base64(bytes: &[u8]) -> impl Iterator<Item = u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes.chunks(3).flat_map(|group| {
        let held = group.iter().fold(0_u32, |held, byte| (held << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
        // Six bits are below 64: the look-up never misses.
        let digit = move |at| ALPHABET.get((held >> (18 - 6 * at)) as usize & 0x3F).copied().unwrap_or(b'=');
        (0..4).map(move |at| if at <= group.len() { digit(at) } else { b'=' })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base64(bytes: &[u8]) -> String {
        super::base64(bytes).map(char::from).collect()
    }

    #[test]
    fn the_vectors_of_the_standard() {
        // RFC 4648 section 10
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
            let mut out = vec![0; text.len()];
            assert_eq!(decode_base64(encoded, &mut out), Some(()));
            assert_eq!(out, text.as_bytes());
        }
        // Bits behind the end, padding that is too short or too long, one byte too many.
        for bad in ["Zh==", "Zg=", "Zg===", "Zm8=", "Z", "=Zg="] {
            assert_eq!(decode_base64(bad, &mut [0; 1]), None, "{bad}");
        }
    }

    #[test]
    fn words_and_lengths() {
        for algorithm in Algorithm::ALL {
            assert_eq!(serde_json::to_string(algorithm).unwrap(), format!("\"{algorithm}\""));
            assert_eq!(Algorithm::of_hex_len(algorithm.digest_len() * 2), Some(*algorithm));
        }
        assert_eq!(Algorithm::of_hex_len(0), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn base64_and_hex_read_back(bytes in prop::array::uniform32(any::<u8>()), upper in any::<bool>()) {
            for algorithm in Algorithm::ALL {
                let bytes = bytes.repeat(2);
                let bytes = &bytes[..algorithm.digest_len()];
                let hex = const_hex::encode(bytes);
                let hex = if upper { hex.to_ascii_uppercase() } else { hex };
                let standard = base64(bytes);
                let url_safe = standard.replace('+', "-").replace('/', "_");
                for read in [
                    Digest::from_bare_hex(*algorithm, &hex),
                    Digest::from_bare_base64(*algorithm, &standard),
                    Digest::from_bare_base64(*algorithm, url_safe.trim_end_matches('=')),
                ] {
                    prop_assert!(read.is_ok_and(|digest| digest.as_bytes() == bytes && digest.algorithm() == *algorithm));
                }
            }
        }
    }
}
