//! What is known of one person from several rows.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{Cluster, Deduped, RowId};
use crate::identity::canonical::{Canonical, CanonicalMember};
use crate::identity::consent::{Consent, ConsentState};
use crate::identity::kind::IdentifierKind;
use crate::time::Timestamp;

/// Values of which a person has one, together: they are taken from one row, never mixed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Name,
}

fn block_of(kind: IdentifierKind) -> Option<Block> {
    match kind {
        IdentifierKind::FirstName | IdentifierKind::LastName => Some(Block::Name),
        _ => None,
    }
}

/// How often a value stands in a cluster, and in which rows at best.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    verified: bool,
    updated_at: Option<Timestamp>,
    rows: usize,
}

impl Deduped {
    /// What is known of the person: every value of the kinds of which one may have several (verified ones first, then
    /// the latest, then the most frequent), and the name as the first row has it that has one. Consent is the
    /// [cluster's](Cluster::consent).
    ///
    /// `row` gives the rows back as they were added; rows it does not know are left out.
    pub fn merged<'a>(&self, cluster: &Cluster, row: impl Fn(RowId) -> Option<&'a CanonicalMember>) -> CanonicalMember {
        let mut values: HashMap<(IdentifierKind, [u8; 32]), (Weight, &Canonical)> = HashMap::new();
        let mut blocks = Vec::new();
        for (id, member) in cluster.rows.iter().filter_map(|id| Some((*id, row(*id)?))) {
            let facts = self.facts.get(id.0).copied().unwrap_or_default();
            for value in member.values().iter().filter(|value| block_of(value.kind()).is_none()) {
                let (weight, _) =
                    values.entry((value.kind(), value.sha256())).or_insert_with(|| (Weight::default(), value));
                weight.verified |= facts.verified;
                weight.updated_at = weight.updated_at.max(facts.updated_at);
                weight.rows += 1;
            }
            let named = |value: &&Canonical| block_of(value.kind()) == Some(Block::Name);
            if blocks.is_empty() {
                blocks.extend(member.values().iter().filter(named));
            }
        }
        let mut several: Vec<_> = values.into_iter().collect();
        several.sort_by_key(|((kind, digest), (weight, value))| (*kind, Reverse(*weight), value.as_str(), *digest));
        CanonicalMember::from_values(several.into_iter().map(|(_, (_, value))| value).chain(blocks).cloned())
    }
}

/// For each signal: denied where one denies, granted only where all grant.
pub(super) fn most_restrictive(rows: impl Iterator<Item = Consent>) -> Consent {
    let stricter = |one: ConsentState, other: ConsentState| match (one, other) {
        (ConsentState::Denied, _) | (_, ConsentState::Denied) => ConsentState::Denied,
        (ConsentState::Granted, ConsentState::Granted) => ConsentState::Granted,
        _ => ConsentState::Unspecified,
    };
    rows.reduce(|all, row| {
        Consent::default()
            .with_ad_user_data(stricter(all.ad_user_data, row.ad_user_data))
            .with_ad_personalization(stricter(all.ad_personalization, row.ad_personalization))
    })
    .unwrap_or_default()
}
