//! From shared identifiers to clusters.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::merge::most_restrictive;
use super::{Cluster, Dedup, Deduped, Edge, Link, Row, RowId, Suspicion, SuspiciousCluster};
use crate::identity::IdentifierKind;

/// Rows that one identifier says are one person.
struct Group {
    link: Link,
    rows: Vec<usize>,
}

pub(super) fn finish(mut dedup: Dedup) -> Deduped {
    let (groups, households) = groups(&mut dedup);
    let (found, suspicious) = Settling::of(&dedup, groups).run();
    let Dedup { rows, mut counts, .. } = dedup;
    let mut clusters: Vec<Cluster> =
        found.into_iter().filter_map(|(members, reasons)| cluster(&rows, members, reasons)).collect();
    let key = |row: &RowId| rows.get(row.0).map(|row| row.key);
    clusters.sort_by_cached_key(|cluster| cluster.rows.iter().map(key).collect::<Vec<_>>());
    let mut suspicious: Vec<SuspiciousCluster> = suspicious
        .into_iter()
        .map(|(members, suspicion, cut)| SuspiciousCluster { rows: ranked(&rows, members), suspicion, cut })
        .collect();
    suspicious.sort_by_cached_key(|it| (it.rows.iter().map(key).collect::<Vec<_>>(), it.cut, it.suspicion));
    let mut households: Vec<Vec<RowId>> = households.into_iter().map(|it| ranked(&rows, it)).collect();
    households.sort_by_cached_key(|household| household.iter().map(key).collect::<Vec<_>>());
    counts.settle(rows.len(), &clusters, &suspicious, &households);
    Deduped { clusters, suspicious, households, counts, facts: rows.iter().map(|row| row.facts).collect() }
}

/// The identifiers that link rows, and the rows of households.
fn groups(dedup: &mut Dedup) -> (Vec<Group>, Vec<Vec<usize>>) {
    let Dedup { rules, rows, edges, counts } = dedup;
    edges.sort_unstable();
    edges.dedup();
    let (mut groups, mut households) = (Vec::new(), Vec::new());
    for same in edges.chunk_by(|a, b| (a.link, a.hash) == (b.link, b.hash)) {
        let [Edge { link, .. }, _, ..] = same else { continue };
        let members: Vec<usize> = same.iter().map(|edge| edge.row).collect();
        let shared_above = match link {
            Link::Email => rules.shared_email,
            Link::Phone => rules.shared_phone,
            Link::MemberId | Link::ExternalId => usize::MAX,
        };
        if members.len() > shared_above {
            *counts.shared.entry(*link).or_default() += 1;
            counts.shared_rows += members.len() as u64;
        } else if *link > Link::ExternalId && !rules.merge_across_external_ids && camps(rows, &members) > 1 {
            *counts.conflicting.entry(*link).or_default() += 1;
        } else if *link == Link::Phone {
            let names = by_first_name(rows, &members);
            if names.len() > 1 {
                groups.extend(names.into_values().map(|rows| Group { link: *link, rows }));
                households.push(members);
            } else {
                groups.push(Group { link: *link, rows: members });
            }
        } else {
            groups.push(Group { link: *link, rows: members });
        }
    }
    groups.retain(|group| group.rows.len() > 1);
    (groups, households)
}

/// Rows with a first name, by it.
fn by_first_name(rows: &[Row], members: &[usize]) -> BTreeMap<u64, Vec<usize>> {
    let mut names: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for member in members {
        if let Some(row) = rows.get(*member).filter(|row| row.first_name != 0) {
            names.entry(row.first_name).or_default().push(*member);
        }
    }
    names
}

/// How many sets of external ids stand against each other: ids of one row are of one person.
fn camps(rows: &[Row], members: &[usize]) -> usize {
    let mut camps: Vec<BTreeSet<u64>> = Vec::new();
    for ids in members.iter().filter_map(|member| rows.get(*member)).map(|row| &row.external_ids) {
        if ids.is_empty() {
            continue;
        }
        let mut own: BTreeSet<u64> = ids.iter().copied().collect();
        camps.retain(|camp| {
            let apart = camp.is_disjoint(&own);
            if !apart {
                own.extend(camp.iter().copied());
            }
            apart
        });
        camps.push(own);
    }
    camps.len()
}

/// Rows and what links them.
type Found = (Vec<usize>, BTreeMap<Link, u64>);
type Apart = (Vec<usize>, Suspicion, Link);

/// Groups become clusters; clusters that cannot be one person lose their weakest links until they can.
struct Settling<'a> {
    dedup: &'a Dedup,
    parents: Vec<usize>,
    /// Groups still to be settled.
    open: Vec<Group>,
    found: Vec<Found>,
    apart: Vec<Apart>,
}

impl<'a> Settling<'a> {
    fn of(dedup: &'a Dedup, groups: Vec<Group>) -> Self {
        let parents = (0..dedup.rows.len()).collect();
        Self { dedup, parents, open: groups, found: Vec::new(), apart: Vec::new() }
    }

    fn run(mut self) -> (Vec<Found>, Vec<Apart>) {
        while !self.open.is_empty() {
            let groups = std::mem::take(&mut self.open);
            for row in groups.iter().flat_map(|group| &group.rows) {
                if let Some(parent) = self.parents.get_mut(*row) {
                    *parent = *row;
                }
            }
            for group in &groups {
                group.rows.windows(2).for_each(|pair| self.union(pair));
            }
            let mut clusters: BTreeMap<usize, Vec<Group>> = BTreeMap::new();
            for group in groups {
                let root = group.rows.first().map(|row| self.root(*row)).unwrap_or_default();
                clusters.entry(root).or_default().push(group);
            }
            clusters.into_values().for_each(|groups| self.settle(groups));
        }
        (self.found, self.apart)
    }

    fn settle(&mut self, mut groups: Vec<Group>) {
        let rows: BTreeSet<usize> = groups.iter().flat_map(|group| group.rows.iter().copied()).collect();
        let rows: Vec<usize> = rows.into_iter().collect();
        let weakest = groups.iter().map(|group| group.link).max();
        match (self.suspicion(&rows), weakest) {
            (Some(suspicion), Some(weakest)) => {
                groups.retain(|group| group.link < weakest);
                self.apart.push((rows, suspicion, weakest));
                self.open.extend(groups);
            }
            _ => {
                let mut reasons = BTreeMap::new();
                groups.iter().for_each(|group| *reasons.entry(group.link).or_default() += 1);
                self.found.push((rows, reasons));
            }
        }
    }

    fn suspicion(&self, members: &[usize]) -> Option<Suspicion> {
        let rules = &self.dedup.rules;
        if members.len() > rules.max_rows {
            return Some(Suspicion::TooManyRows);
        }
        if !rules.merge_across_external_ids && camps(&self.dedup.rows, members) > 1 {
            return Some(Suspicion::ConflictingExternalIds);
        }
        let rows = members.iter().filter_map(|member| self.dedup.rows.get(*member));
        let ids: BTreeSet<u64> = rows.flat_map(|row| row.external_ids.iter().copied()).collect();
        (ids.len() > rules.max_external_ids).then_some(Suspicion::TooManyExternalIds)
    }

    /// Path halving.
    fn root(&mut self, mut row: usize) -> usize {
        while let Some(parent) = self.parents.get(row).copied().filter(|parent| *parent != row) {
            let above = self.parents.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parents.get_mut(row) {
                *slot = above;
            }
            row = above;
        }
        row
    }

    fn union(&mut self, pair: &[usize]) {
        let [left, right] = pair else { return };
        let (left, right) = (self.root(*left), self.root(*right));
        if let Some(parent) = self.parents.get_mut(left.max(right)) {
            *parent = left.min(right);
        }
    }
}

/// The rows in the order in which they would survive.
fn ranked(rows: &[Row], members: Vec<usize>) -> Vec<RowId> {
    let mut ranked: Vec<(&Row, usize)> =
        members.iter().filter_map(|member| Some((rows.get(*member)?, *member))).collect();
    ranked.sort_by_key(|(row, member)| {
        let facts = &row.facts;
        let first_id = row.external_ids.first().copied();
        let known = Reverse((first_id.is_some(), facts.verified, facts.updated_at, row.kinds));
        (known, first_id, row.key, *member)
    });
    ranked.into_iter().map(|(_, member)| RowId(member)).collect()
}

fn cluster(rows: &[Row], members: Vec<usize>, reasons: BTreeMap<Link, u64>) -> Option<Cluster> {
    let of = |member: &usize| rows.get(*member);
    let consent = most_restrictive(members.iter().filter_map(of).map(|row| row.facts.consent));
    let mut conflicts = BTreeSet::new();
    let differ = |name: fn(&Row) -> u64| {
        let names: BTreeSet<u64> = members.iter().filter_map(of).map(name).filter(|hash| *hash != 0).collect();
        names.len() > 1
    };
    if differ(|row| row.first_name) {
        conflicts.insert(IdentifierKind::FirstName);
    }
    if differ(|row| row.last_name) {
        conflicts.insert(IdentifierKind::LastName);
    }
    if camps(rows, &members) > 1 {
        conflicts.insert(IdentifierKind::ExternalId);
    }
    let rows = ranked(rows, members);
    Some(Cluster { survivor: *rows.first()?, rows, reasons, consent, conflicts })
}
