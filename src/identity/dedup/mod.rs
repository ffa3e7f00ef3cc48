//! Which rows are one person, and what is known of them together.
//!
//! Rows that share a strong identifier (member id, external id, e-mail, phone) are one person, unless something speaks
//! against it: the identifier is shared by too many, is nobody's own (`info@`, a switchboard), or the rows have different
//! external ids. Where the links of a cluster would make a chain of many people, the weakest are cut first: not merging
//! is the safe error. What comes out does not depend on the order of the rows.

mod link;
mod merge;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::identity::sha256::sha256;
use serde::{Deserialize, Serialize};

use super::canonical::{Canonical, CanonicalMember};
use super::consent::Consent;
use super::kind::IdentifierKind;
use super::profile::PreImage;
use crate::time::Timestamp;

pub use report::{DedupCounts, DedupReport};

/// When rows are one person. The default is the strict set: see each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DedupRules {
    /// An e-mail on more rows than this links none of them; 5.
    pub shared_email: usize,
    /// A phone on more rows than this links none of them; 10.
    pub shared_phone: usize,
    /// A cluster of more rows is taken apart; 50.
    pub max_rows: usize,
    /// A cluster of more external ids is taken apart; 5.
    pub max_external_ids: usize,
    /// Whether rows of different external ids may be one person; no.
    pub merge_across_external_ids: bool,
}

impl Default for DedupRules {
    fn default() -> Self {
        Self { shared_email: 5, shared_phone: 10, max_rows: 50, max_external_ids: 5, merge_across_external_ids: false }
    }
}

impl DedupRules {
    /// Sets how many rows an e-mail and a phone may be on.
    #[must_use]
    pub const fn with_shared(mut self, email: usize, phone: usize) -> Self {
        (self.shared_email, self.shared_phone) = (email, phone);
        self
    }

    /// Sets how many rows, and how many external ids, one cluster may have.
    #[must_use]
    pub const fn with_most(mut self, rows: usize, external_ids: usize) -> Self {
        (self.max_rows, self.max_external_ids) = (rows, external_ids);
        self
    }

    /// Sets whether rows of different external ids may be one person.
    #[must_use]
    pub const fn with_merge_across_external_ids(mut self, merge: bool) -> Self {
        self.merge_across_external_ids = merge;
        self
    }
}

/// What is known of a row beside its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowFacts {
    /// When the row was last changed.
    pub updated_at: Option<Timestamp>,
    /// Whether the person has confirmed the values (by a double opt-in, at a counter).
    pub verified: bool,
    /// What the row says the person has consented to.
    pub consent: Consent,
}

impl RowFacts {
    /// Sets when the row was last changed.
    #[must_use]
    pub const fn with_updated_at(mut self, moment: Timestamp) -> Self {
        self.updated_at = Some(moment);
        self
    }

    /// Sets whether the person has confirmed the values.
    #[must_use]
    pub const fn with_verified(mut self, verified: bool) -> Self {
        self.verified = verified;
        self
    }

    /// Sets what the row says the person has consented to.
    #[must_use]
    pub const fn with_consent(mut self, consent: Consent) -> Self {
        self.consent = consent;
        self
    }
}

/// A row by the order in which it was added, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(usize);

impl RowId {
    /// How many rows were added before it.
    pub const fn index(self) -> usize {
        self.0
    }
}

/// What links two rows, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Link {
    /// The host's id of the member.
    MemberId,
    /// An external id.
    ExternalId,
    /// An e-mail; for Gmail without dots and `+tag`, `googlemail.com` as `gmail.com`.
    Email,
    /// A valid phone without an extension.
    Phone,
}

/// Why a cluster was taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Suspicion {
    /// More rows than one person has.
    TooManyRows,
    /// More external ids than one person has.
    TooManyExternalIds,
    /// External ids that nothing says are of one person.
    ConflictingExternalIds,
}

/// Rows of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cluster {
    /// The rows, the survivor first, then in the order in which they would survive.
    pub rows: Vec<RowId>,
    /// The row that stands for the person: of those with an external id, then verified, then changed last, then with
    /// the most kinds of values, the first by the hash of its external id and of its member id.
    pub survivor: RowId,
    /// What links them: how many identifiers of each sort.
    pub reasons: BTreeMap<Link, u64>,
    /// The most restrictive of the rows: denied where one denies, granted only where all grant.
    pub consent: Consent,
    /// Fields of which the rows hold different values, where a person has one.
    pub conflicts: BTreeSet<IdentifierKind>,
}

/// Rows that would have been one cluster and were taken apart. Those of its parts that hold are among the clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SuspiciousCluster {
    /// The rows, in the order of [`Cluster::rows`].
    pub rows: Vec<RowId>,
    /// What spoke against it.
    pub suspicion: Suspicion,
    /// The links that were cut: the weakest it had.
    pub cut: Link,
}

/// Finds rows of one person.
///
/// Holds no values: about 120 bytes a row and 32 an identifier, all hashes. `Debug` shows counts.
///
/// ```
/// use audience_sync::identity::{Canonicalizer, Dedup, DedupRules, Member, RowFacts};
///
/// let canonicalizer = Canonicalizer::new();
/// let mut dedup = Dedup::new(DedupRules::default());
/// for (id, email) in [("1", "nora.quist@gmail.com"), ("2", "NoraQuist+shop@googlemail.com"), ("3", "ola@fjord.no")] {
///     dedup.add(id, &canonicalizer.canonicalize_member(&Member::new(id).email(email)), RowFacts::default());
/// }
/// let people = dedup.finish();
/// assert_eq!((people.counts.rows, people.counts.people, people.clusters.len()), (3, 2, 1));
/// ```
#[derive(Clone)]
pub struct Dedup {
    rules: DedupRules,
    rows: Vec<Row>,
    edges: Vec<Edge>,
    counts: DedupCounts,
}

#[derive(Clone)]
struct Row {
    /// Of the member id.
    key: u128,
    facts: RowFacts,
    kinds: u32,
    external_ids: Box<[u64]>,
    /// Hashes of the names; 0 where there is none.
    first_name: u64,
    last_name: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    link: Link,
    hash: u128,
    row: usize,
}

/// What became of the rows.
#[derive(Clone)]
#[non_exhaustive]
pub struct Deduped {
    /// People of more than one row, sorted by the hash of the survivor's member id.
    pub clusters: Vec<Cluster>,
    /// What was taken apart.
    pub suspicious: Vec<SuspiciousCluster>,
    /// Rows that share a phone and have different first names: families, not persons.
    pub households: Vec<Vec<RowId>>,
    /// All of it in numbers.
    pub counts: DedupCounts,
    facts: Vec<RowFacts>,
}

/// Notes by which an identifier is not one person's own.
const NOT_OWN: &[&str] =
    &["relay", "role", "disposable", "extension_dropped", "possible_only", "vanity", "not_personal", "test_value"];

impl Dedup {
    /// Nothing added yet.
    pub const fn new(rules: DedupRules) -> Self {
        Self { rules, rows: Vec::new(), edges: Vec::new(), counts: DedupCounts::new() }
    }

    /// Adds a row: the member's id, its canonical values, and what else is known.
    pub fn add(&mut self, id: &str, member: &CanonicalMember, facts: RowFacts) -> RowId {
        let row = self.rows.len();
        let key = digest(id.as_bytes());
        self.edges.push(Edge { link: Link::MemberId, hash: key, row });
        let mut external_ids = Vec::new();
        let (mut first_name, mut last_name, mut kinds) = (0, 0, 0_u64);
        for value in member.values() {
            kinds |= 1 << (value.kind() as u32);
            let Some((link, hash)) = edge_of(value) else {
                match value.kind() {
                    IdentifierKind::FirstName => first_name = short(digest(&value.sha256())),
                    IdentifierKind::LastName => last_name = short(digest(&value.sha256())),
                    _ => {}
                }
                continue;
            };
            if link == Link::ExternalId {
                external_ids.push(short(hash));
            }
            match value.notes().words().find(|word| NOT_OWN.contains(word)) {
                Some(word) => *self.counts.not_own.entry(word.into()).or_default() += 1,
                None => self.edges.push(Edge { link, hash, row }),
            }
        }
        external_ids.sort_unstable();
        let external_ids = external_ids.into();
        self.rows.push(Row { key, facts, kinds: kinds.count_ones(), external_ids, first_name, last_name });
        RowId(row)
    }

    /// Finds the clusters.
    pub fn finish(self) -> Deduped {
        link::finish(self)
    }
}

/// The link a value makes, and the hash of its key.
fn edge_of(value: &Canonical) -> Option<(Link, u128)> {
    let link = match value.kind() {
        IdentifierKind::ExternalId => Link::ExternalId,
        IdentifierKind::Email => Link::Email,
        IdentifierKind::Phone => Link::Phone,
        _ => return None,
    };
    let Some(address) = value.as_str().filter(|_| link == Link::Email) else {
        return Some((link, head(&value.sha256())));
    };
    let mut folded = String::new();
    PreImage::EmailGmailFolded.write(address, &mut folded).ok()?;
    let folded = match folded.strip_suffix("@googlemail.com") {
        Some(local) => format!("{local}@gmail.com"),
        None if folded.is_empty() => address.to_owned(),
        None => folded,
    };
    Some((link, digest(folded.as_bytes())))
}

fn digest(bytes: &[u8]) -> u128 {
    head(&sha256(bytes))
}

fn head(digest: &[u8; 32]) -> u128 {
    digest.iter().take(16).fold(0, |head, byte| head << 8 | u128::from(*byte))
}

/// Never 0, which stands for nothing.
const fn short(hash: u128) -> u64 {
    (hash >> 64) as u64 | 1
}

impl fmt::Debug for Dedup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, edges) = (self.rows.len(), self.edges.len());
        f.debug_struct("Dedup").field("rows", &rows).field("edges", &edges).finish_non_exhaustive()
    }
}

impl fmt::Debug for Deduped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deduped").field("counts", &self.counts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
