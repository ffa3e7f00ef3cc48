//! What is sorted: small records of a fixed size that begin with a key.

use std::cmp::Ordering;

use crate::diff::{Fingerprint, MemberKey};

/// A record that can be spilled: its key, its order among records of one key, its bytes.
pub(crate) trait Record: Copy + Send + Sync + 'static {
    /// Bytes in a spill file.
    const BYTES: usize;
    /// Fills room that holds no record yet.
    const BLANK: Self;

    /// The key's high half: what partitions and buckets are made by.
    fn high(&self) -> u64;

    /// The key's low half.
    fn low(&self) -> u64;

    /// Which of two records of one key goes first; equal ones are the same record given twice.
    fn among(&self, other: &Self) -> Ordering;

    /// Writes [`Record::BYTES`] bytes.
    fn encode(&self, out: &mut [u8]);

    /// Reads what [`Record::encode`] wrote.
    fn decode(bytes: &[u8]) -> Self;

    /// Whether two records have one key.
    fn same_key(&self, other: &Self) -> bool {
        self.high() == other.high() && self.low() == other.low()
    }

    /// By key, then by [`Record::among`].
    fn order(&self, other: &Self) -> Ordering {
        self.high().cmp(&other.high()).then(self.low().cmp(&other.low())).then_with(|| self.among(other))
    }
}

/// A member and its fingerprint: 24 bytes, where a `u128` would pad to 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    high: u64,
    low: u64,
    fingerprint: u64,
}

impl Pair {
    pub(crate) fn new(key: MemberKey, fingerprint: Fingerprint) -> Self {
        let number = key.as_u128();
        Self { high: (number >> 64) as u64, low: number as u64, fingerprint: fingerprint.as_raw() }
    }

    pub(crate) fn key(&self) -> MemberKey {
        MemberKey::from_u128(u128::from(self.high) << 64 | u128::from(self.low))
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::from_raw(self.fingerprint)
    }
}

impl Record for Pair {
    const BYTES: usize = 24;
    const BLANK: Self = Self { high: 0, low: 0, fingerprint: 0 };

    fn high(&self) -> u64 {
        self.high
    }

    fn low(&self) -> u64 {
        self.low
    }

    fn among(&self, other: &Self) -> Ordering {
        self.fingerprint.cmp(&other.fingerprint)
    }

    #[inline]
    fn encode(&self, out: &mut [u8]) {
        put(out, [self.high, self.low, self.fingerprint]);
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Self {
        let [high, low, fingerprint] = take(bytes);
        Self { high, low, fingerprint }
    }
}

/// Writes words, little-endian.
#[inline]
pub(crate) fn put<const N: usize>(out: &mut [u8], words: [u64; N]) {
    let (places, _) = out.as_chunks_mut::<8>();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
}

/// Reads what [`put`] wrote.
#[inline]
pub(crate) fn take<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let (words, _) = bytes.as_chunks::<8>();
    let mut out = [0; N];
    for (word, bytes) in out.iter_mut().zip(words) {
        *word = u64::from_le_bytes(*bytes);
    }
    out
}
