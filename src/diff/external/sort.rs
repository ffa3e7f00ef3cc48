//! Sorting one partition: by the next bits of the keys into buckets, then each bucket.

use super::record::Record;

/// Up to this many records are sorted without buckets, and a bucket by insertion.
const FEW: usize = 24;
/// At most 2^14 buckets, whose counters stay in the cache.
const MAX_BITS: u32 = 14;

/// Sorts records whose keys agree in their first `prefix` bits, and drops those given twice; says how many.
///
/// `scratch` is working space, kept by the caller from one partition to the next.
pub(super) fn sort_unique<R: Record>(records: &mut Vec<R>, scratch: &mut Scratch<R>, prefix: u32) -> u64 {
    sort(records, scratch, prefix);
    let before = records.len();
    records.dedup_by(|next, kept| next.same_key(kept) && next.among(kept).is_eq());
    (before - records.len()) as u64
}

/// Working space of a sort.
pub(super) struct Scratch<R> {
    records: Vec<R>,
    ends: Vec<u32>,
}

impl<R> Default for Scratch<R> {
    fn default() -> Self {
        Self { records: Vec::new(), ends: Vec::new() }
    }
}

fn sort<R: Record>(records: &mut Vec<R>, scratch: &mut Scratch<R>, prefix: u32) {
    // Counters are 32 bits wide; more records than that never get here, see `segments`.
    if records.len() <= FEW || prefix >= 64 || u32::try_from(records.len()).is_err() {
        records.sort_unstable_by(R::order);
        return;
    }
    let bits = records.len().ilog2().min(MAX_BITS).min(64 - prefix);
    let (shift, mask) = (64 - prefix - bits, (1_u64 << bits) - 1);
    let bucket = |record: &R| ((record.high() >> shift) & mask) as usize;

    let Scratch { records: sorted, ends } = scratch;
    ends.clear();
    ends.resize(1 << bits, 0);
    for record in records.iter() {
        ends[bucket(record)] += 1;
    }
    let mut start = 0;
    for end in ends.iter_mut() {
        (*end, start) = (start, start + *end);
    }
    sorted.clear();
    sorted.resize(records.len(), R::BLANK);
    for record in records.iter() {
        let place = &mut ends[bucket(record)];
        sorted[*place as usize] = *record;
        *place += 1;
    }
    let mut rest = sorted.as_mut_slice();
    let mut start = 0;
    for end in ends.iter() {
        let (bucket, after) = rest.split_at_mut((*end - start) as usize);
        sort_bucket(bucket);
        (rest, start) = (after, *end);
    }
    std::mem::swap(records, sorted);
}

/// Keys that are keyed hashes leave one or two records in a bucket; only repeats leave many.
fn sort_bucket<R: Record>(bucket: &mut [R]) {
    if bucket.len() > FEW {
        return bucket.sort_unstable_by(R::order);
    }
    for sorted in 1..bucket.len() {
        let mut place = sorted;
        while place > 0 && bucket[place].order(&bucket[place - 1]).is_lt() {
            bucket.swap(place, place - 1);
            place -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::record::Pair;
    use super::*;
    use crate::diff::{Fingerprint, MemberKey};

    fn pair(key: u128, fingerprint: u64) -> Pair {
        Pair::new(MemberKey::from_u128(key), Fingerprint::from_raw(fingerprint))
    }

    fn check(mut records: Vec<Pair>, prefix: u32) {
        let given = records.len();
        let mut expected = records.clone();
        expected.sort();
        expected.dedup();
        let dropped = sort_unique(&mut records, &mut Scratch::default(), prefix);
        assert_eq!(records, expected);
        assert_eq!(dropped as usize, given - expected.len());
    }

    #[test]
    fn one_key_many_times_and_keys_that_share_their_high_half() {
        check((0..5000).map(|n| pair(7, n % 3)).collect(), 0);
        check((0..5000).rev().map(|n| pair(9 << 64 | n, 0)).collect(), 6);
        check((0..5000).map(|n| pair(n % 50, n as u64 % 7)).collect(), 12);
        check((0..300).map(|n| pair(u128::MAX - n % 100, 1)).collect(), 64);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sorts_as_the_standard_library_does(
            keys in prop::collection::vec((any::<u128>(), 0u64..3), 0..600),
            repeats in 1usize..4,
            prefix in 0u32..13,
        ) {
            // Keys of one partition: the first bits are the same.
            let keep = u128::MAX >> prefix;
            let records = keys.iter().cycle().take(keys.len() * repeats).map(|(key, fp)| pair(key & keep, *fp));
            check(records.collect(), prefix);
        }
    }
}
