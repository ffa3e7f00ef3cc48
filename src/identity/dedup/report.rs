//! De-duplication in numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cluster, Deduped, Link, RowId, Suspicion, SuspiciousCluster};
use crate::figures::grouped;
use crate::identity::IdentifierKind;
use crate::identity::wording::{note, plural};

/// What de-duplication has found, in numbers. The same in any order of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DedupCounts {
    /// Rows added.
    pub rows: u64,
    /// People: clusters, and rows that stand alone.
    pub people: u64,
    /// Clusters by their number of rows.
    pub cluster_sizes: BTreeMap<u64, u64>,
    /// Identifiers that linked rows of one cluster.
    pub links: BTreeMap<Link, u64>,
    /// Identifiers on too many rows, which linked none.
    pub shared: BTreeMap<Link, u64>,
    /// The rows of those.
    pub shared_rows: u64,
    /// Identifiers on rows of different external ids, which linked none.
    pub conflicting: BTreeMap<Link, u64>,
    /// Identifiers that are not one person's own, by the [note](super::super::Notes::words) that says so.
    pub not_own: BTreeMap<Cow<'static, str>, u64>,
    /// Phones of rows with different first names.
    pub households: u64,
    /// Clusters with different values of a field of which a person has one.
    pub conflicts: BTreeMap<IdentifierKind, u64>,
    /// Clusters that were taken apart.
    pub suspicious: BTreeMap<Suspicion, u64>,
}

impl DedupCounts {
    pub(super) const fn new() -> Self {
        Self {
            rows: 0,
            people: 0,
            cluster_sizes: BTreeMap::new(),
            links: BTreeMap::new(),
            shared: BTreeMap::new(),
            shared_rows: 0,
            conflicting: BTreeMap::new(),
            not_own: BTreeMap::new(),
            households: 0,
            conflicts: BTreeMap::new(),
            suspicious: BTreeMap::new(),
        }
    }

    pub(super) fn settle(
        &mut self,
        rows: usize,
        clusters: &[Cluster],
        suspicious: &[SuspiciousCluster],
        households: &[Vec<RowId>],
    ) {
        let clustered: usize = clusters.iter().map(|cluster| cluster.rows.len()).sum();
        self.rows = rows as u64;
        self.people = (rows - clustered.min(rows) + clusters.len()) as u64;
        self.households = households.len() as u64;
        for cluster in clusters {
            *self.cluster_sizes.entry(cluster.rows.len() as u64).or_default() += 1;
            for (link, identifiers) in &cluster.reasons {
                *self.links.entry(*link).or_default() += identifiers;
            }
            for kind in &cluster.conflicts {
                *self.conflicts.entry(*kind).or_default() += 1;
            }
        }
        for it in suspicious {
            *self.suspicious.entry(it.suspicion).or_default() += 1;
        }
    }
}

/// De-duplication for people to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DedupReport {
    /// The numbers.
    pub counts: DedupCounts,
}

impl Deduped {
    /// The numbers as a report, byte for byte the same in any order of the rows.
    pub fn report(&self) -> DedupReport {
        DedupReport { counts: self.counts.clone() }
    }
}

fn word(link: Link) -> &'static str {
    match link {
        Link::MemberId => "member id",
        Link::ExternalId => "external id",
        Link::Email => "e-mail",
        Link::Phone => "phone",
    }
}

/// Plain text: for a terminal or a log.
impl fmt::Display for DedupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        let clusters: u64 = counts.cluster_sizes.values().sum();
        let (rows, people) = (grouped(counts.rows), grouped(counts.people));
        writeln!(f, "{rows} rows are {people} people; {} of these have several rows.", grouped(clusters))?;
        for (size, clusters) in &counts.cluster_sizes {
            writeln!(f, "  {} of {size} rows", grouped(*clusters))?;
        }
        for (link, identifiers) in &counts.links {
            writeln!(f, "  linked by the same {}: {}", word(*link), grouped(*identifiers))?;
        }
        for (link, identifiers) in &counts.shared {
            writeln!(f, "  not linked, the same {} on too many rows: {}", word(*link), grouped(*identifiers))?;
        }
        for (link, identifiers) in &counts.conflicting {
            let word = word(*link);
            writeln!(f, "  not linked, the same {word} with different external ids: {}", grouped(*identifiers))?;
        }
        for (word, identifiers) in &counts.not_own {
            writeln!(f, "  not linked, {}: {}", note(word), grouped(*identifiers))?;
        }
        if counts.households > 0 {
            let phones = grouped(counts.households);
            writeln!(f, "  {phones} phones of households: same number, different first names")?;
        }
        for (kind, clusters) in &counts.conflicts {
            writeln!(f, "  {} people with different {}", grouped(*clusters), plural(*kind))?;
        }
        for (suspicion, clusters) in &counts.suspicious {
            let why = match suspicion {
                Suspicion::TooManyRows => "too many rows for one person",
                Suspicion::TooManyExternalIds => "too many external ids for one person",
                Suspicion::ConflictingExternalIds => "different external ids",
            };
            writeln!(f, "  {clusters} taken apart: {why}")?;
        }
        Ok(())
    }
}
