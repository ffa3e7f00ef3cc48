//! Sets of members, and the moments at which things happened to them: what audiences are put together from.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::naming::Window;
use crate::time::Timestamp;

/// Member ids, each once, in order. Every operation is one pass over both sets.
///
/// ```
/// use audience_sync::audience::MemberSet;
/// let entered: MemberSet = ["ada", "ben", "cleo"].into_iter().collect();
/// let bought: MemberSet = ["ben"].into_iter().collect();
/// assert_eq!(entered.and_not(&bought).iter().collect::<Vec<_>>(), ["ada", "cleo"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberSet(Vec<Arc<str>>);

impl<S: Into<Arc<str>>> FromIterator<S> for MemberSet {
    fn from_iter<I: IntoIterator<Item = S>>(ids: I) -> Self {
        let mut ids: Vec<Arc<str>> = ids.into_iter().map(Into::into).collect();
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }
}

impl MemberSet {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|id| &**id)
    }

    /// Whether the member is in it.
    pub fn contains(&self, id: &str) -> bool {
        self.0.binary_search_by(|known| (**known).cmp(id)).is_ok()
    }

    /// Members of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.merged(other, [false, true, false])
    }

    /// Members of either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.merged(other, [true, true, true])
    }

    /// Members of this one and not of the other.
    #[must_use]
    pub fn and_not(&self, other: &Self) -> Self {
        self.merged(other, [true, false, false])
    }

    /// The members of both, as a share of the smaller set; 0 when one is empty.
    pub fn overlap(&self, other: &Self) -> f64 {
        match self.len().min(other.len()) {
            0 => 0.0,
            smaller => self.and(other).len() as f64 / smaller as f64,
        }
    }

    /// Keeps those only here, in both, only there.
    fn merged(&self, other: &Self, [here, both, there]: [bool; 3]) -> Self {
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut kept = Vec::new();
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => return Self(kept),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.cmp(b),
            };
            let (id, keep) = match order {
                Ordering::Less => (ours.next(), here),
                Ordering::Greater => (theirs.next(), there),
                Ordering::Equal => {
                    theirs.next();
                    (ours.next(), both)
                }
            };
            kept.extend(id.filter(|_| keep).cloned());
        }
    }
}

/// When one kind of event happened to whom.
///
/// "Entered the journey, no open in 12 hours, no purchase" reads:
///
/// ```
/// use std::time::Duration;
/// use audience_sync::audience::Moments;
/// use audience_sync::clock::Timestamp;
///
/// let hour = |h: i64| Timestamp::from_secs(h * 3_600);
/// let entered: Moments = [("ada", hour(0)), ("ben", hour(0)), ("cleo", hour(0)), ("dan", hour(20))].into_iter().collect();
/// let opened: Moments = [("ben", hour(3))].into_iter().collect();
/// let bought: Moments = [("cleo", hour(14))].into_iter().collect();
///
/// let half_a_day = Duration::from_secs(12 * 3_600);
/// let non_openers = entered
///     .happened("12h+".parse()?, hour(24))? // long enough ago to say that nothing came
///     .and_not(&entered.followed_by(&opened, Some(half_a_day)))
///     .and_not(&entered.followed_by(&bought, None));
/// assert_eq!(non_openers.iter().collect::<Vec<_>>(), ["ada"]);
/// # Ok::<(), audience_sync::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moments(Vec<(Arc<str>, Timestamp)>);

impl<S: Into<Arc<str>>> FromIterator<(S, Timestamp)> for Moments {
    fn from_iter<I: IntoIterator<Item = (S, Timestamp)>>(moments: I) -> Self {
        let mut moments: Vec<_> = moments.into_iter().map(|(id, at)| (id.into(), at)).collect();
        moments.sort_unstable();
        Self(moments)
    }
}

impl Moments {
    /// Everybody it ever happened to.
    pub fn members(&self) -> MemberSet {
        self.latest().map(|(id, _)| id.clone()).collect()
    }

    /// Everybody to whom it happened at an age within `window` at `now`: ages are half-open, `[from, to)`, a month counts
    /// 30 days and a year 365. [`Window::Next`] looks ahead, from now to before its end.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for [`Window::Fixed`], whose days need a time zone: select by the host's own calendar.
    pub fn happened(&self, window: Window, now: Timestamp) -> Result<MemberSet> {
        // No time at all before the moment, in milliseconds.
        let age = |at: Timestamp| i128::from(now.as_millis()) - i128::from(at.as_millis());
        let millis = |seconds: u64| i128::from(seconds) * 1000;
        let within = |at: Timestamp| match (window, window.age_seconds()) {
            (_, Some((from, to))) => age(at) >= millis(from) && to.is_none_or(|to| age(at) < millis(to)),
            (Window::Next { within }, None) => age(at) <= 0 && -age(at) < millis(within.seconds()),
            (_, None) => false,
        };
        if let Window::Fixed { .. } = window {
            let message = format!("select members by window: expected an age such as 0-24h, found days ({window})");
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(self.0.iter().filter(|(_, at)| within(*at)).map(|(id, _)| id.clone()).collect())
    }

    /// Everybody to whom `then` happened at or after their latest moment here, before `within` had passed; without a
    /// limit, at any time since.
    pub fn followed_by(&self, then: &Self, within: Option<Duration>) -> MemberSet {
        let mut kept = Vec::new();
        let mut rest = then.0.as_slice();
        for (id, at) in self.latest() {
            let skipped = rest.partition_point(|(other, _)| other < id);
            rest = rest.get(skipped..).unwrap_or_default();
            let theirs = rest.iter().take_while(|(other, _)| other == id);
            let in_time = |then: Timestamp| within.is_none_or(|within| then.since(*at) < within);
            if theirs.into_iter().any(|(_, then)| then >= at && in_time(*then)) {
                kept.push(id.clone());
            }
        }
        MemberSet(kept)
    }

    /// The latest moment of each member.
    fn latest(&self) -> impl Iterator<Item = &(Arc<str>, Timestamp)> {
        self.0.chunk_by(|(a, _), (b, _)| a == b).filter_map(|of_one| of_one.last())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_secs(hours * 3_600)
    }

    fn ids(set: &MemberSet) -> Vec<&str> {
        set.iter().collect()
    }

    #[test]
    fn windows_are_half_open() {
        let seen: Moments = [("a", at(0)), ("b", at(1)), ("c", at(24)), ("d", at(25))].into_iter().collect();
        let happened = |window: &str| seen.happened(window.parse().unwrap(), at(24)).unwrap();
        assert_eq!(ids(&happened("0-24h")), ["b", "c"]);
        assert_eq!(ids(&happened("24h+")), ["a"]);
        assert_eq!(ids(&happened("Next 1h")), ["c"]);
        assert_eq!(ids(&happened("Next 2h")), ["c", "d"]);
        assert_eq!(ids(&happened("Lifetime")), ["a", "b", "c"]);
        assert_eq!(seen.happened("20260101..20260102".parse().unwrap(), at(0)).unwrap_err().kind(), ErrorKind::Config);
        let ends: Moments =
            [("x", Timestamp::from_millis(i64::MIN)), ("y", Timestamp::from_millis(i64::MAX))].into_iter().collect();
        assert_eq!(ids(&ends.happened("9999y+".parse().unwrap(), Timestamp::from_millis(i64::MAX)).unwrap()), ["x"]);
    }

    #[test]
    fn what_follows_counts_from_the_latest_entry() {
        let entered: Moments = [("a", at(0)), ("a", at(10)), ("b", at(0)), ("c", at(0))].into_iter().collect();
        let opened: Moments =
            [("a", at(9)), ("b", at(0)), ("b", at(90)), ("c", at(12)), ("z", at(1))].into_iter().collect();
        assert_eq!(ids(&entered.followed_by(&opened, Some(Duration::from_secs(12 * 3_600)))), ["b"]);
        assert_eq!(ids(&entered.followed_by(&opened, None)), ["b", "c"]);
        assert_eq!(ids(&entered.members()), ["a", "b", "c"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn operations_agree_with_the_standard_library(a in "[a-e]{0,6}", b in "[a-e]{0,6}") {
            let set = |text: &str| text.chars().map(String::from).collect::<MemberSet>();
            let std = |text: &str| text.chars().map(String::from).collect::<BTreeSet<_>>();
            let (ours, theirs) = (set(&a), set(&b));
            let texts = |set: MemberSet| set.iter().map(str::to_owned).collect::<BTreeSet<_>>();
            prop_assert_eq!(texts(ours.and(&theirs)), &std(&a) & &std(&b));
            prop_assert_eq!(texts(ours.or(&theirs)), &std(&a) | &std(&b));
            prop_assert_eq!(texts(ours.and_not(&theirs)), &std(&a) - &std(&b));
            prop_assert!(a.chars().all(|c| ours.contains(&c.to_string())) && !ours.contains("z"));
            let overlap = ours.overlap(&theirs);
            prop_assert!((0.0..=1.0).contains(&overlap) && (!a.is_empty() || overlap == 0.0));
        }
    }
}
