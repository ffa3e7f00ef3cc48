//! Which values occur more than once, in bounded memory.
//!
//! Two structures side by side, over 64-bit hashes of values:
//!
//! - **Sample by hash threshold** (adaptive sampling, Flajolet 1990). Every hash below `2^(64 - level)` is kept with its
//!   exact count; the level goes up whenever more than `budget` hashes are kept. At level 0 all are kept, and every
//!   number is exact. The level depends on the set of hashes alone, so what comes out is the same in any order and over
//!   any split into parts. Above level 0 numbers of distinct values are scaled by `2^level`; the standard error of the
//!   number of distinct values is at most `1 / sqrt(kept)`, and `kept` lies around `budget / 2` to `budget`: 0.3 % for
//!   the default budget.
//! - **Misra-Gries** with [`TOP`] counters for the hashes the sample has let go, so that the most repeated values are
//!   found beyond the budget too. Its counts are lower bounds, too low by at most (values let go) / [`TOP`]; what stands
//!   out above that bound is added to what the sample says of the others.
//!
//! Two values of the same 64-bit hash count as one: of a million values that happens once in 37 million files.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Counters of the Misra-Gries summary.
pub(super) const TOP: usize = 1024;

type Counts = HashMap<u64, u64, BuildHasherDefault<Spread>>;

/// The keys are hashes already. Turned around, because those of the sample have nothing but zeros at their head.
#[derive(Clone, Copy, Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash.rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Clone, Debug)]
pub(super) struct Repeats {
    budget: usize,
    level: u32,
    kept: Counts,
    heavy: Counts,
    /// What the Misra-Gries summary has taken off its counts: the bound of their error.
    shortfall: u64,
    seen: u64,
}

impl Repeats {
    pub(super) fn new(budget: usize) -> Self {
        let budget = budget.max(16);
        Self { budget, level: 0, kept: Counts::default(), heavy: Counts::default(), shortfall: 0, seen: 0 }
    }

    pub(super) fn add(&mut self, hash: u64) {
        self.seen += 1;
        self.put(hash, 1);
    }

    fn put(&mut self, hash: u64, times: u64) {
        if self.keeps(hash) {
            *self.kept.entry(hash).or_default() += times;
            self.shrink_kept();
        } else {
            *self.heavy.entry(hash).or_default() += times;
            self.shrink_heavy();
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.seen += other.seen;
        self.budget = self.budget.min(other.budget);
        self.shortfall += other.shortfall;
        self.raise_to(other.level);
        for (hash, times) in sorted(other.kept.iter().chain(&other.heavy).map(|(hash, times)| (*hash, *times))) {
            self.put(hash, times);
        }
        self.shrink_kept();
    }

    fn keeps(&self, hash: u64) -> bool {
        self.level == 0 || hash >> (64 - self.level) == 0
    }

    fn shrink_kept(&mut self) {
        while self.kept.len() > self.budget && self.level < 63 {
            self.raise_to(self.level + 1);
        }
    }

    fn raise_to(&mut self, level: u32) {
        if level <= self.level {
            return;
        }
        self.level = level;
        for (hash, times) in sorted(self.kept.extract_if(|hash, _| hash >> (64 - level) != 0)) {
            *self.heavy.entry(hash).or_default() += times;
            self.shrink_heavy();
        }
    }

    /// Misra-Gries in batches: at twice the counters, all lose what the first beyond them has.
    fn shrink_heavy(&mut self) {
        if self.heavy.len() < 2 * TOP {
            return;
        }
        let mut counts: Vec<u64> = self.heavy.values().copied().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let less = counts.get(TOP).copied().unwrap_or_default();
        self.shortfall += less;
        self.heavy.retain(|_, count| {
            *count = count.saturating_sub(less);
            *count > 0
        });
    }

    /// Whether every number is exact.
    pub(super) const fn is_exact(&self) -> bool {
        self.level == 0
    }

    fn scale(&self, kept: u64) -> u64 {
        kept.saturating_mul(1 << self.level)
    }

    /// Occurrences counted; always exact.
    pub(super) const fn seen(&self) -> u64 {
        self.seen
    }

    /// Different values.
    pub(super) fn distinct(&self) -> u64 {
        self.scale(self.kept.len() as u64).min(self.seen)
    }

    /// Values that occur more than `times` times, and all their occurrences.
    ///
    /// The few that are far more frequent than the rest count as themselves: in a sample they would stand for many or
    /// for none.
    pub(super) fn above(&self, times: u64) -> (u64, u64) {
        let certain = times.max(self.shortfall);
        let total = |counts: &mut dyn Iterator<Item = &u64>| {
            counts.fold((0, 0), |(values, sum): (u64, u64), count| (values + 1, sum + count))
        };
        let is_giant = |count: &u64| self.level > 0 && *count > 2 * certain;
        let sampled = total(&mut self.kept.values().filter(|count| **count > times && !is_giant(count)));
        let kept_giants = total(&mut self.kept.values().filter(|count| is_giant(count)));
        let giants = total(&mut self.heavy.values().filter(|count| **count > certain));
        (
            self.scale(sampled.0) + kept_giants.0 + giants.0,
            (self.scale(sampled.1) + kept_giants.1 + giants.1).min(self.seen),
        )
    }

    /// The `most` most repeated values of more than one occurrence, the most frequent first, then by hash.
    pub(super) fn top(&self, most: usize) -> Vec<(u64, u64)> {
        let all = self.kept.iter().chain(&self.heavy).map(|(hash, count)| (*hash, *count));
        let mut repeated = sorted(all.filter(|(_, count)| *count > 1));
        repeated.truncate(most);
        repeated
    }

    /// By how much a count of [`Self::top`] may be too low.
    pub(super) const fn shortfall(&self) -> u64 {
        self.shortfall
    }

    /// The standard error of [`Self::distinct`] in thousandths; nothing while all is exact.
    pub(super) fn error_permille(&self) -> u32 {
        if self.is_exact() {
            return 0;
        }
        let error = 1000.0 / (self.kept.len().max(1) as f64).sqrt();
        (error.ceil() as u32).max(1)
    }
}

/// The most frequent first, then by hash: a map's own order differs from run to run.
fn sorted(counts: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// splitmix64: hashes of the numbers 0, 1, 2 …
    fn hash(number: u64) -> u64 {
        let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn of(budget: usize, values: impl IntoIterator<Item = u64>) -> Repeats {
        let mut repeats = Repeats::new(budget);
        values.into_iter().for_each(|value| repeats.add(hash(value)));
        repeats
    }

    #[test]
    fn within_the_budget_every_number_is_exact() {
        // 1 once, 2 twice, 3 three times, 4 four times
        let repeats = of(16, [4, 3, 2, 1, 4, 3, 2, 4, 3, 4]);
        assert!(repeats.is_exact());
        assert_eq!((repeats.seen(), repeats.distinct(), repeats.error_permille()), (10, 4, 0));
        assert_eq!((repeats.above(1), repeats.above(2), repeats.above(4)), ((3, 9), (2, 7), (0, 0)));
        assert_eq!(repeats.top(2), [(hash(4), 4), (hash(3), 3)]);
    }

    #[test]
    fn beyond_the_budget_the_estimates_hold_their_error() {
        // 100,000 values, every tenth of them twice: 110,000 occurrences.
        let values = || (0..100_000).chain((0..100_000).step_by(10));
        let repeats = of(4_096, values());
        assert!(!repeats.is_exact() && repeats.kept.len() <= 4_096 && repeats.heavy.len() < 2 * TOP);
        // Five standard errors of a sample of at least 1,024: 16 %.
        assert!(repeats.distinct().abs_diff(100_000) < 16_000, "{}", repeats.distinct());
        let (values_twice, occurrences) = repeats.above(1);
        assert!(values_twice.abs_diff(10_000) < 4_000, "{values_twice}");
        assert_eq!(occurrences, values_twice * 2);
        assert!((15..=32).contains(&repeats.error_permille()), "{}", repeats.error_permille());
    }

    #[test]
    fn the_most_repeated_is_found_beyond_the_budget() {
        // One value 3,000 times among 100,000 that occur once; it hashes into the upper half, so the sample lets it go.
        let heavy = (0..).find(|number| hash(*number) > u64::MAX / 2).unwrap();
        let repeats =
            of(256, (0..100_000).flat_map(|it| [Some(it + 1_000_000), (it < 3_000).then_some(heavy)]).flatten());
        let (found, count) = repeats.top(1)[0];
        assert_eq!(found, hash(heavy));
        assert!(count <= 3_000 && count + repeats.shortfall() >= 3_000, "{count} + {}", repeats.shortfall());
        assert!(repeats.shortfall() <= 103_000 / TOP as u64);
        // No sample is needed to know of it, and it stands for no other.
        assert_eq!(repeats.above(10), (1, count));
    }

    #[test]
    fn order_and_parts_change_no_estimate() {
        let values: Vec<u64> = (0..20_000).map(|it| it % 7_000).collect();
        let forward = of(512, values.iter().copied());
        let backward = of(512, values.iter().rev().copied());
        let mut parts = of(512, values[..300].iter().copied());
        parts.merge(&of(512, values[300..].iter().copied()));
        for other in [&backward, &parts] {
            assert_eq!((forward.level, forward.seen, &forward.kept), (other.level, other.seen, &other.kept));
        }
    }
}
