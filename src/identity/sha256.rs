//! SHA-256 of short texts: nearly every identifier fits one block, and needs none of a streaming hasher's buffering.

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

/// The first 32 bits of the fractional parts of the square roots of the first 8 primes (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
const BLOCK: usize = 64;
/// The longest text that leaves room for the end mark and the length in its block.
const ONE_BLOCK: usize = BLOCK - 9;

pub(super) fn sha256(text: &[u8]) -> [u8; 32] {
    if text.len() > ONE_BLOCK {
        return Sha256::digest(text).into();
    }
    let mut block = [0; BLOCK];
    for (slot, byte) in block.iter_mut().zip(text) {
        *slot = *byte;
    }
    if let Some(end) = block.get_mut(text.len()) {
        *end = 0x80;
    }
    // At most 440 bits: the two last bytes of the length hold it.
    let [.., high, low] = &mut block;
    [*high, *low] = (text.len() as u16 * 8).to_be_bytes();
    let mut state = INITIAL;
    compress256(&mut state, &[block]);
    let mut digest = [0; 32];
    for (four, word) in digest.chunks_exact_mut(4).zip(state) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_the_standard() {
        // FIPS 180-4 examples: one block of three bytes, none, and 56 bytes, which need two blocks.
        for (text, digest) in [
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(const_hex::encode(sha256(text.as_bytes())), digest);
        }
    }

    #[test]
    fn every_length_is_hashed_as_by_the_streaming_hasher() {
        let bytes: Vec<u8> = (0..200).map(|n: u8| n.wrapping_mul(37)).collect();
        for length in 0..=bytes.len() {
            assert_eq!(sha256(&bytes[..length]), <[u8; 32]>::from(Sha256::digest(&bytes[..length])), "{length}");
        }
    }
}
