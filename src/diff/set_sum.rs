//! A checksum of a set that can be kept up to date one member at a time.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_128;

use super::{Fingerprint, MemberKey};

/// Two sums mod 2^128 over a set of members: of the keys, and of a mix of key and fingerprint.
///
/// Order does not matter, and removing undoes adding. Sums rather than exclusive-or, in which a pair of duplicates
/// would cancel out. Equal sums of two different sets have a chance of about 2^-128, because keys are keyed hashes;
/// the sums are no proof against somebody who holds the secret.
///
/// Prints, and is written by serde, as 64 hex digits: the keys' sum, then the pairs'.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SetSum {
    keys: u128,
    pairs: u128,
}

impl SetSum {
    /// The sum of the empty set.
    pub const EMPTY: Self = Self { keys: 0, pairs: 0 };

    /// From the two sums as stored.
    pub const fn from_parts(keys: u128, pairs: u128) -> Self {
        Self { keys, pairs }
    }

    /// The sum of the keys alone: equal on both sides when the members are the same, whatever is known of them.
    pub const fn keys(self) -> u128 {
        self.keys
    }

    /// The sum over key and fingerprint: XXH3-128 of the key's 16 bytes and the fingerprint's 8, little-endian.
    pub const fn pairs(self) -> u128 {
        self.pairs
    }

    /// A member enters.
    pub fn add(&mut self, key: MemberKey, fingerprint: Fingerprint) {
        self.keys = self.keys.wrapping_add(key.as_u128());
        self.pairs = self.pairs.wrapping_add(mix(key, fingerprint));
    }

    /// A member leaves; `fingerprint` is the one it was added with.
    pub fn remove(&mut self, key: MemberKey, fingerprint: Fingerprint) {
        self.keys = self.keys.wrapping_sub(key.as_u128());
        self.pairs = self.pairs.wrapping_sub(mix(key, fingerprint));
    }

    /// Takes in a set that has no member in common with this one.
    pub fn merge(&mut self, other: Self) {
        self.keys = self.keys.wrapping_add(other.keys);
        self.pairs = self.pairs.wrapping_add(other.pairs);
    }
}

fn mix(key: MemberKey, fingerprint: Fingerprint) -> u128 {
    let mut bytes = [0; 24];
    let (front, back) = bytes.split_at_mut(16);
    front.copy_from_slice(&key.to_bytes());
    back.copy_from_slice(&fingerprint.as_raw().to_le_bytes());
    xxh3_128(&bytes)
}

impl Extend<(MemberKey, Fingerprint)> for SetSum {
    fn extend<T: IntoIterator<Item = (MemberKey, Fingerprint)>>(&mut self, members: T) {
        members.into_iter().for_each(|(key, fingerprint)| self.add(key, fingerprint));
    }
}

impl FromIterator<(MemberKey, Fingerprint)> for SetSum {
    fn from_iter<T: IntoIterator<Item = (MemberKey, Fingerprint)>>(members: T) -> Self {
        let mut sum = Self::EMPTY;
        sum.extend(members);
        sum
    }
}

impl fmt::Display for SetSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}{:032x}", self.keys, self.pairs)
    }
}

impl Serialize for SetSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SetSum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [[0; 16]; 2];
        const_hex::decode_to_slice(&text, bytes.as_flattened_mut())
            .map_err(|_| serde::de::Error::custom("expected a set sum of 64 hex digits"))?;
        let [keys, pairs] = bytes.map(u128::from_be_bytes);
        Ok(Self { keys, pairs })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(key: u128, fingerprint: u64) -> (MemberKey, Fingerprint) {
        (MemberKey::from_u128(key), Fingerprint::from_raw(fingerprint))
    }

    #[test]
    fn keys_add_up_and_wrap() {
        let sum: SetSum = [member(u128::MAX, 1), member(3, 1)].into_iter().collect();
        assert_eq!(sum.keys(), 2);
        let other: SetSum = [member(u128::MAX, 1), member(3, 2)].into_iter().collect();
        assert_eq!(other.keys(), sum.keys());
        assert_ne!(other.pairs(), sum.pairs());
    }

    #[test]
    fn duplicates_do_not_cancel() {
        let twice: SetSum = [member(5, 1), member(5, 1)].into_iter().collect();
        assert_eq!(twice.keys(), 10);
        assert_ne!(twice.pairs(), 0);
    }

    #[test]
    fn is_64_hex_digits_outside() {
        let sum = SetSum::from_parts(1, 0xab << 120);
        let text = format!("\"{}1ab{}\"", "0".repeat(31), "0".repeat(30));
        assert_eq!(serde_json::to_string(&sum).unwrap(), text);
        assert_eq!(serde_json::from_str::<SetSum>(&text).unwrap(), sum);
        assert!(serde_json::from_str::<SetSum>("\"12\"").is_err());
        assert!(serde_json::from_str::<SetSum>(&format!("\"{}\"", "g".repeat(64))).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn removing_undoes_adding_in_any_order(members: Vec<(u128, u64)>, left: Vec<(u128, u64)>) {
            let all = members.iter().chain(&left).map(|(key, fp)| member(*key, *fp));
            let mut sum: SetSum = all.collect();
            members.iter().rev().map(|(key, fp)| member(*key, *fp)).for_each(|(key, fp)| sum.remove(key, fp));
            let kept: SetSum = left.iter().rev().map(|(key, fp)| member(*key, *fp)).collect();
            prop_assert_eq!(sum, kept);
            let mut merged: SetSum = members.iter().map(|(key, fp)| member(*key, *fp)).collect();
            merged.merge(kept);
            prop_assert_eq!(merged, members.iter().chain(&left).map(|(key, fp)| member(*key, *fp)).collect());
        }
    }
}
