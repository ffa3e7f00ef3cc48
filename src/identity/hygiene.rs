//! Counts of what the values of a run were like.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::canonical::CanonicalMember;
use super::kind::IdentifierKind;

/// Counts over the members of a run: how many values of each kind were there, were usable, were refused and why.
///
/// Counts only, no values. Counts of parts of a run are put together by [`Self::merge`], in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Hygiene {
    /// Members seen.
    pub members: u64,
    /// Members with at least one usable value.
    pub members_usable: u64,
    /// By kind; kinds that never occurred are left out.
    pub kinds: BTreeMap<IdentifierKind, KindCounts>,
}

/// Counts of one kind. `present` is `usable` and `rejected` together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct KindCounts {
    /// Values given; equal values of one member count once, a cell of several counts each.
    pub present: u64,
    /// Values that became canonical, and digests.
    pub usable: u64,
    /// Values refused, by [code](super::Reject::code).
    pub rejected: BTreeMap<Cow<'static, str>, u64>,
    /// Usable values by [note](super::Notes::words); one value may have several.
    pub notes: BTreeMap<Cow<'static, str>, u64>,
}

impl Hygiene {
    /// Counts one member.
    pub fn count(&mut self, member: &CanonicalMember) {
        self.members += 1;
        self.members_usable += u64::from(!member.values().is_empty());
        for value in member.values() {
            let counts = self.kinds.entry(value.kind()).or_default();
            counts.present += 1;
            counts.usable += 1;
            for word in value.notes().words() {
                *counts.notes.entry(word.into()).or_default() += 1;
            }
        }
        for (kind, reject) in member.rejects() {
            let counts = self.kinds.entry(*kind).or_default();
            counts.present += 1;
            *counts.rejected.entry(reject.code().into()).or_default() += 1;
        }
    }

    /// Adds the counts of another part.
    pub fn merge(&mut self, other: &Self) {
        self.members += other.members;
        self.members_usable += other.members_usable;
        for (kind, more) in &other.kinds {
            let counts = self.kinds.entry(*kind).or_default();
            counts.present += more.present;
            counts.usable += more.usable;
            add(&mut counts.rejected, &more.rejected);
            add(&mut counts.notes, &more.notes);
        }
    }
}

fn add(counts: &mut BTreeMap<Cow<'static, str>, u64>, more: &BTreeMap<Cow<'static, str>, u64>) {
    for (word, count) in more {
        *counts.entry(word.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Canonicalizer, Member};

    #[test]
    fn counts_balance_and_merge_in_any_order() {
        let canonicalizer = Canonicalizer::new();
        let members = [
            Member::new("1").email("NORA@quist.se").email("nora@quist.se").email("nobody"),
            Member::new("2").email("null").first_name("None"),
            Member::new("3").email("a@quist.se;b@quist.se"),
        ];
        let count = |members: &[Member]| {
            let mut hygiene = Hygiene::default();
            for member in members {
                hygiene.count(&canonicalizer.canonicalize_member(member));
            }
            hygiene
        };
        let all = count(&members);
        assert_eq!((all.members, all.members_usable), (3, 3));
        let email = &all.kinds[&IdentifierKind::Email];
        assert_eq!((email.present, email.usable), (5, 3));
        assert_eq!(email.rejected, BTreeMap::from([("email.no_at".into(), 1), ("placeholder".into(), 1)]));
        assert_eq!(email.notes, BTreeMap::from([("lowercased".into(), 1), ("split".into(), 2)]));
        assert_eq!(all.kinds[&IdentifierKind::FirstName].notes["null_like_name"], 1);

        let (mut left, mut right) = (count(&members[..1]), count(&members[1..]));
        let first = left.clone();
        left.merge(&right);
        right.merge(&first);
        assert_eq!((&left, &right), (&all, &all));
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Hygiene>(&json).unwrap(), all);
    }
}
