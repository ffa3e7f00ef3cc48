//! Two sorted streams, merged into changes.

use std::cmp::Ordering;
use std::fmt;
use std::iter::FusedIterator;

use super::{Counts, MemberKey};
use crate::error::{Error, ErrorKind, Result};

/// Something with a key to sort by and a fingerprint to compare.
pub trait Entry {
    /// What the entries are sorted by.
    type Key: Ord;
    /// What tells whether two entries of one key are the same.
    type Fingerprint: PartialEq;

    /// The key.
    fn key(&self) -> &Self::Key;

    /// The fingerprint.
    fn fingerprint(&self) -> &Self::Fingerprint;
}

impl<K: Ord, F: PartialEq> Entry for (K, F) {
    type Key = K;
    type Fingerprint = F;

    fn key(&self) -> &K {
        &self.0
    }

    fn fingerprint(&self) -> &F {
        &self.1
    }
}

impl Entry for MemberKey {
    type Key = MemberKey;
    type Fingerprint = ();

    fn key(&self) -> &MemberKey {
        self
    }

    fn fingerprint(&self) -> &() {
        &()
    }
}

/// A side: entries in key order, each of which may fail to be read.
///
/// Every iterator of `Result<E>` with `E: Entry` is one; there is nothing to implement.
pub trait Entries: Iterator<Item = Result<Self::Entry>> {
    /// What the side consists of.
    type Entry: Entry;
}

impl<E: Entry, I: Iterator<Item = Result<E>>> Entries for I {
    type Entry = E;
}

/// What happened to one key between the previous and the current side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "two sets have four kinds of members and no fifth")]
pub enum Change<P, C> {
    /// Only on the current side.
    Added(C),
    /// Only on the previous side.
    Removed(P),
    /// On both, with different fingerprints.
    Changed {
        /// The previous entry.
        old: P,
        /// The current entry.
        new: C,
    },
    /// On both, with equal fingerprints.
    Unchanged {
        /// The previous entry.
        old: P,
        /// The current entry.
        new: C,
    },
}

/// Merges two sides in strictly ascending key order into one [`Change`] a key, in key order.
///
/// Holds one entry of each side at a time. A side that is out of order, or has a key twice, gives an error; so does
/// the error of a side. After an error there is nothing more: what is missing must never look like a member that left.
///
/// # Errors
/// The sides' own errors, and `out_of_order` ([`Error::code`]) of kind [`ErrorKind::State`] for the previous side,
/// [`ErrorKind::Source`] for the current one.
///
/// ```
/// use audience_sync::diff::{Change, SortedDiff};
///
/// let previous = [("ann", 1), ("bob", 1)].into_iter().map(Ok);
/// let current = [("bob", 2), ("cid", 1)].into_iter().map(Ok);
/// let mut changes = SortedDiff::new(previous, current);
///
/// assert_eq!(changes.next().transpose()?, Some(Change::Removed(("ann", 1))));
/// assert_eq!(changes.next().transpose()?, Some(Change::Changed { old: ("bob", 1), new: ("bob", 2) }));
/// assert_eq!(changes.next().transpose()?, Some(Change::Added(("cid", 1))));
/// assert!(changes.next().is_none());
/// assert_eq!(changes.counts().desired(), 2);
/// # Ok::<(), audience_sync::error::Error>(())
/// ```
pub struct SortedDiff<P: Entries, C: Entries> {
    previous: Side<P>,
    current: Side<C>,
    counts: Counts,
    failed: bool,
}

impl<P, C, A, B> SortedDiff<P, C>
where
    P: Iterator<Item = Result<A>>,
    C: Iterator<Item = Result<B>>,
    A: Entry,
    B: Entry<Key = A::Key, Fingerprint = A::Fingerprint>,
{
    /// Over the previous side and the current side.
    pub fn new(previous: P, current: C) -> Self {
        Self {
            previous: Side::new(previous, "previous", ErrorKind::State),
            current: Side::new(current, "current", ErrorKind::Source),
            counts: Counts::default(),
            failed: false,
        }
    }

    /// How many changes of each kind were given so far; complete once the iterator has given `None` without an error.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn advance(&mut self) -> Result<Option<Change<A, B>>> {
        let (old, new) = (self.previous.head()?, self.current.head()?);
        let order = match (old, new) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.key().cmp(new.key()),
        };
        let old = if order.is_le() { self.previous.take()? } else { None };
        let new = if order.is_ge() { self.current.take()? } else { None };
        let (change, count) = match (old, new) {
            (None, None) => return Ok(None),
            (Some(old), None) => (Change::Removed(old), &mut self.counts.removed),
            (None, Some(new)) => (Change::Added(new), &mut self.counts.added),
            (Some(old), Some(new)) if old.fingerprint() == new.fingerprint() => {
                (Change::Unchanged { old, new }, &mut self.counts.unchanged)
            }
            (Some(old), Some(new)) => (Change::Changed { old, new }, &mut self.counts.changed),
        };
        *count += 1;
        Ok(Some(change))
    }
}

impl<P, C, A, B> Iterator for SortedDiff<P, C>
where
    P: Iterator<Item = Result<A>>,
    C: Iterator<Item = Result<B>>,
    A: Entry,
    B: Entry<Key = A::Key, Fingerprint = A::Fingerprint>,
{
    type Item = Result<Change<A, B>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let change = self.advance().transpose();
        self.failed = matches!(change, Some(Err(_)));
        change
    }
}

impl<P: Entries, C: Entries> FusedIterator for SortedDiff<P, C> where Self: Iterator {}

/// Shows how far the merge is, and no entry: an entry may carry what belongs to a person.
impl<P: Entries, C: Entries> fmt::Debug for SortedDiff<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SortedDiff").field("counts", &self.counts).field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// One side, with the entry that comes next.
struct Side<I: Entries> {
    entries: I,
    head: Option<I::Entry>,
    started: bool,
    position: u64,
    name: &'static str,
    kind: ErrorKind,
}

impl<E: Entry, I: Iterator<Item = Result<E>>> Side<I> {
    fn new(entries: I, name: &'static str, kind: ErrorKind) -> Self {
        Self { entries, head: None, started: false, position: 0, name, kind }
    }

    fn head(&mut self) -> Result<Option<&E>> {
        if !self.started {
            self.started = true;
            self.head = self.entries.next().transpose()?;
        }
        Ok(self.head.as_ref())
    }

    /// The head, with the next entry checked against it: an entry leaves only when what follows is in order.
    fn take(&mut self) -> Result<Option<E>> {
        let Some(taken) = self.head.take() else { return Ok(None) };
        self.position += 1;
        self.head = self.entries.next().transpose()?;
        match &self.head {
            Some(next) if next.key() <= taken.key() => Err(self.out_of_order(next.key() == taken.key())),
            _ => Ok(Some(taken)),
        }
    }

    fn out_of_order(&self, repeated: bool) -> Error {
        let found = if repeated { "the key of the entry before again" } else { "a smaller key" };
        let message = format!(
            "expected keys in strictly ascending order, found {found} at entry {} of the {} side",
            self.position, self.name
        );
        Error::new(self.kind, message).with_code("out_of_order")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::diff::{Delta, diff};

    type Row = (u8, u8);

    fn walk(previous: Vec<Result<Row>>, current: Vec<Result<Row>>) -> (Vec<Result<Change<Row, Row>>>, Counts) {
        let mut changes = SortedDiff::new(previous.into_iter(), current.into_iter());
        let given = changes.by_ref().collect();
        assert!(changes.next().is_none());
        (given, changes.counts())
    }

    fn rows(rows: &[Row]) -> Vec<Result<Row>> {
        rows.iter().copied().map(Ok).collect()
    }

    #[test]
    fn disorder_and_repeats_are_errors_and_the_end() {
        let cases: [(&[Row], &[Row], ErrorKind, &str); 4] = [
            (&[(2, 0), (1, 0), (3, 0)], &[], ErrorKind::State, "found a smaller key at entry 1 of the previous side"),
            (
                &[(1, 0), (1, 0)],
                &[(9, 0)],
                ErrorKind::State,
                "key of the entry before again at entry 1 of the previous",
            ),
            (&[], &[(1, 0), (3, 0), (2, 0)], ErrorKind::Source, "a smaller key at entry 2 of the current side"),
            (&[(1, 0)], &[(1, 0), (1, 1)], ErrorKind::Source, "before again at entry 1 of the current side"),
        ];
        for (previous, current, kind, text) in cases {
            let (given, _) = walk(rows(previous), rows(current));
            let error = given.last().unwrap().as_ref().unwrap_err();
            assert_eq!((error.kind(), error.code()), (kind, Some("out_of_order")));
            assert!(error.to_string().contains(text), "{error}");
            assert!(given.iter().rev().skip(1).all(Result::is_ok));
        }
    }

    #[test]
    fn an_error_of_a_side_ends_the_changes() {
        let broken = || Err(Error::new(ErrorKind::Source, "the source broke off"));
        let (given, counts) = walk(rows(&[(1, 0), (5, 0), (9, 0)]), vec![Ok((1, 0)), Ok((2, 0)), broken()]);
        assert_eq!(given.len(), 2);
        assert_eq!(given[0].as_ref().unwrap(), &Change::Unchanged { old: (1, 0), new: (1, 0) });
        assert_eq!(given[1].as_ref().unwrap_err().message(), "the source broke off");
        assert_eq!((counts.unchanged, counts.removed), (1, 0));
    }

    #[test]
    fn bare_keys_are_entries() {
        let side = |keys: &[u128]| keys.iter().map(|key| Ok(MemberKey::from_u128(*key))).collect::<Vec<_>>();
        let mut changes = SortedDiff::new(side(&[1, 2]).into_iter(), side(&[2, 3]).into_iter());
        assert_eq!(changes.by_ref().map(Result::unwrap).count(), 3);
        assert_eq!(changes.counts(), Counts { added: 1, removed: 1, changed: 0, unchanged: 1 });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn agrees_with_the_diff_in_memory(
            previous in prop::collection::btree_map(0u8..40, 0u8..3, 0..40),
            current in prop::collection::btree_map(0u8..40, 0u8..3, 0..40),
        ) {
            let side = |side: &BTreeMap<u8, u8>| side.iter().map(|(key, fp)| Ok((*key, *fp))).collect::<Vec<_>>();
            let mut changes = SortedDiff::new(side(&previous).into_iter(), side(&current).into_iter());
            let mut found = Delta { added: vec![], removed: vec![], changed: vec![], unchanged: 0 };
            for change in changes.by_ref() {
                match change.unwrap() {
                    Change::Added(new) => found.added.push(new),
                    Change::Removed(old) => found.removed.push(old),
                    Change::Changed { old, new } => {
                        found.changed.push(crate::diff::Changed { key: new.0, old: old.1, new: new.1 });
                    }
                    Change::Unchanged { old, new } => {
                        prop_assert_eq!(old, new);
                        found.unchanged += 1;
                    }
                }
            }
            prop_assert_eq!(changes.counts(), found.counts());
            prop_assert_eq!(found, diff(previous, current));
        }
    }
}
