//! Two sides in memory, and what lies between them.

use std::cmp::Ordering;

/// A key that both sides have, with different fingerprints.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "three parts are what a change is")]
pub struct Changed<K, F> {
    /// The key.
    pub key: K,
    /// The fingerprint on the previous side.
    pub old: F,
    /// The fingerprint on the current side.
    pub new: F,
}

/// How many keys there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "two sets have four kinds of members and no fifth")]
pub struct Counts {
    /// Only on the current side.
    pub added: u64,
    /// Only on the previous side.
    pub removed: u64,
    /// On both, with different fingerprints.
    pub changed: u64,
    /// On both, with equal fingerprints.
    pub unchanged: u64,
}

impl Counts {
    /// Members of the current side: added + changed + unchanged.
    pub const fn desired(&self) -> u64 {
        self.added.saturating_add(self.changed).saturating_add(self.unchanged)
    }

    /// Members of the previous side: removed + changed + unchanged.
    pub const fn previous(&self) -> u64 {
        self.removed.saturating_add(self.changed).saturating_add(self.unchanged)
    }

    /// Whether the two sides are equal.
    pub const fn is_same(&self) -> bool {
        self.added == 0 && self.removed == 0 && self.changed == 0
    }
}

/// What must happen to the previous side to make it the current one. Every list is in key order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "two sets have four kinds of members and no fifth")]
pub struct Delta<K, F> {
    /// Only on the current side, with the current fingerprint.
    pub added: Vec<(K, F)>,
    /// Only on the previous side, with the previous fingerprint.
    pub removed: Vec<(K, F)>,
    /// On both sides, with different fingerprints.
    pub changed: Vec<Changed<K, F>>,
    /// How many are on both sides with equal fingerprints.
    pub unchanged: u64,
}

impl<K, F> Delta<K, F> {
    /// How many there are of each kind.
    pub fn counts(&self) -> Counts {
        Counts {
            added: self.added.len() as u64,
            removed: self.removed.len() as u64,
            changed: self.changed.len() as u64,
            unchanged: self.unchanged,
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Compares two sides given in any order, in memory.
///
/// A side is pairs of key and fingerprint; the fingerprint is anything that says whether there is something new to
/// send (a hash, a version, `()` when membership alone counts). A key given more than once on one side counts once,
/// with the fingerprint given last.
///
/// Takes O(n log n) time, less for input that is already in order, and the memory of both sides. For sides that do
/// not fit, keep them sorted and use [`SortedDiff`](super::SortedDiff).
///
/// ```
/// use audience_sync::diff::diff;
///
/// let delta = diff([("ann", ()), ("bob", ())], [("bob", ()), ("cid", ())]);
/// assert_eq!(delta.added, [("cid", ())]);
/// assert_eq!(delta.removed, [("ann", ())]);
/// assert_eq!(delta.counts().desired(), 2);
/// ```
pub fn diff<K: Ord, F: PartialEq>(
    previous: impl IntoIterator<Item = (K, F)>,
    current: impl IntoIterator<Item = (K, F)>,
) -> Delta<K, F> {
    let mut delta = Delta { added: Vec::new(), removed: Vec::new(), changed: Vec::new(), unchanged: 0 };
    let mut previous = sorted(previous).into_iter().peekable();
    let mut current = sorted(current).into_iter().peekable();
    loop {
        let order = match (previous.peek(), current.peek()) {
            (Some((old, _)), Some((new, _))) => old.cmp(new),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => delta.removed.extend(previous.next()),
            Ordering::Greater => match current.next() {
                Some(new) => delta.added.push(new),
                None => return delta,
            },
            Ordering::Equal => match previous.next().zip(current.next()) {
                Some(((_, old), (_, new))) if old == new => delta.unchanged += 1,
                Some(((_, old), (key, new))) => delta.changed.push(Changed { key, old, new }),
                None => return delta,
            },
        }
    }
}

/// One entry a key, in key order; of equal keys the last given.
fn sorted<K: Ord, F>(side: impl IntoIterator<Item = (K, F)>) -> Vec<(K, F)> {
    let mut entries: Vec<_> = side.into_iter().collect();
    // Stable: equal keys stay in the order given, so "the last given" means something.
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    entries.dedup_by(|later, kept| {
        let equal = later.0 == kept.0;
        if equal {
            std::mem::swap(later, kept);
        }
        equal
    });
    entries
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn apply(side: &BTreeMap<u8, u8>, delta: &Delta<u8, u8>) -> BTreeMap<u8, u8> {
        let mut side = side.clone();
        for (key, old) in &delta.removed {
            assert_eq!(side.remove(key), Some(*old));
        }
        for change in &delta.changed {
            assert_eq!(side.insert(change.key, change.new), Some(change.old));
        }
        for (key, new) in &delta.added {
            assert_eq!(side.insert(*key, *new), None);
        }
        side
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        let delta = diff([(1, 'a'), (1, 'b')], [(2, 'x'), (1, 'a'), (2, 'y'), (1, 'b'), (2, 'z')]);
        assert_eq!(delta.added, [(2, 'z')]);
        assert_eq!(delta.counts(), Counts { added: 1, removed: 0, changed: 0, unchanged: 1 });
    }

    #[test]
    fn empty_sides() {
        let none: [(u8, u8); 0] = [];
        assert!(diff(none, none).is_empty());
        assert_eq!(diff(none, [(1, 1)]).added, [(1, 1)]);
        assert_eq!(diff([(1, 1)], none).removed, [(1, 1)]);
    }

    #[test]
    fn owned_keys_and_bare_membership_work() {
        let previous = [String::from("b"), String::from("a")].map(|id| (id, ()));
        let delta = diff(previous, [(String::from("c"), ())]);
        assert_eq!(delta.removed, [(String::from("a"), ()), (String::from("b"), ())]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn applying_the_delta_gives_the_current_side(
            previous in prop::collection::btree_map(0u8..40, 0u8..3, 0..40),
            current in prop::collection::btree_map(0u8..40, 0u8..3, 0..40),
        ) {
            let delta = diff(previous.clone(), current.clone());
            prop_assert_eq!(apply(&previous, &delta), current.clone());
            prop_assert!(delta.added.is_sorted() && delta.removed.is_sorted());
            prop_assert!(delta.changed.is_sorted_by_key(|change| change.key));

            let counts = delta.counts();
            prop_assert_eq!(counts.desired(), current.len() as u64);
            prop_assert_eq!(counts.previous(), previous.len() as u64);

            let back = diff(current.clone(), previous);
            prop_assert_eq!(&back.added, &delta.removed);
            prop_assert_eq!(&back.removed, &delta.added);
            prop_assert!(diff(current.clone(), current).is_empty());
        }

        #[test]
        fn order_and_repeats_of_the_rows_do_not_matter(
            (rows, shuffled) in prop::collection::btree_map(0u8..40, 0u8..3, 0..40)
                .prop_map(|side| side.into_iter().collect::<Vec<_>>())
                .prop_flat_map(|rows| (Just(rows.clone()), Just([rows.clone(), rows].concat()).prop_shuffle())),
            previous in prop::collection::btree_map(0u8..40, 0u8..3, 0..40),
        ) {
            prop_assert_eq!(diff(previous.clone(), shuffled), diff(previous, rows));
        }
    }
}
