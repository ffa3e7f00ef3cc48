//! What the hygiene report counts against.

use std::fmt;

use super::super::kind::IdentifierKind;
use super::super::profile::Profile;
use super::rates::MatchRates;

/// Kinds by which a person can be found without any other value.
const IDENTIFYING: &[IdentifierKind] = &[IdentifierKind::Email, IdentifierKind::Phone, IdentifierKind::ExternalId];

pub(super) fn is_identifying(kind: IdentifierKind) -> bool {
    IDENTIFYING.contains(&kind)
}

/// What a [`Hygiene`](super::Hygiene) counts against: destinations, rates, limits.
///
/// ```
/// use audience_sync::identity::{Hygiene, HygieneRules, Member, Canonicalizer, profiles};
///
/// let mut hygiene = Hygiene::new(HygieneRules::new().with_profile(profiles::META_CUSTOM_AUDIENCE));
/// hygiene.count_member(&Canonicalizer::new(), &Member::new("1").email("nora@quist.se"));
/// assert_eq!(hygiene.report().destinations[0].sendable_members, 1);
/// ```
#[derive(Clone)]
pub struct HygieneRules {
    pub(super) profiles: Vec<Profile>,
    pub(super) rates: MatchRates,
    pub(super) budget: usize,
    pub(super) shared: [u64; 3],
    pub(super) top: usize,
    pub(super) key: Option<[u8; 16]>,
}

impl Default for HygieneRules {
    fn default() -> Self {
        Self::new()
    }
}

impl HygieneRules {
    /// No destination, the default rates, 262,144 distinct values of a kind counted exactly, shared above 5 members an
    /// e-mail and 10 a phone or an id, the 20 most repeated, digests without a key.
    pub fn new() -> Self {
        let rates = MatchRates::default();
        Self { profiles: Vec::new(), rates, budget: 1 << 18, shared: [5, 10, 10], top: 20, key: None }
    }

    /// Adds a destination to be reported on.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profiles.push(profile);
        self
    }

    /// Replaces the table of expected match rates, by measured ones for instance.
    #[must_use]
    pub fn with_rates(mut self, rates: MatchRates) -> Self {
        self.rates = rates;
        self
    }

    /// Sets how many distinct values of one kind are counted exactly; at least 16. Beyond it numbers are estimates, with
    /// a standard error of about `1 / sqrt(budget / 2)`. About 20 bytes each, for each identifying kind and once more
    /// for rows as a whole.
    #[must_use]
    pub const fn with_exact_values(mut self, budget: usize) -> Self {
        self.budget = budget;
        self
    }

    /// Sets how many members may have one value before it counts as shared.
    #[must_use]
    pub const fn with_shared_above(mut self, kind: IdentifierKind, members: u64) -> Self {
        match kind {
            IdentifierKind::Email => self.shared[0] = members,
            IdentifierKind::Phone => self.shared[1] = members,
            _ => self.shared[2] = members,
        }
        self
    }

    /// Sets how many of the most repeated values are listed.
    #[must_use]
    pub const fn with_top(mut self, top: usize) -> Self {
        self.top = top;
        self
    }

    /// Lists repeated values under a keyed hash (SipHash-2-4), so that nobody without the key can tell whose they are.
    /// Parts that are merged need the same key.
    #[must_use]
    pub const fn with_key(mut self, key: [u8; 16]) -> Self {
        self.key = Some(key);
        self
    }

    pub(super) fn shared_above(&self, kind: IdentifierKind) -> u64 {
        match kind {
            IdentifierKind::Email => self.shared[0],
            IdentifierKind::Phone => self.shared[1],
            _ => self.shared[2],
        }
    }
}

impl fmt::Debug for HygieneRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profiles: Vec<_> = self.profiles.iter().map(|profile| profile.id).collect();
        f.debug_struct("HygieneRules")
            .field("profiles", &profiles)
            .field("budget", &self.budget)
            .field("shared", &self.shared)
            .field("keyed", &self.key.is_some())
            .finish_non_exhaustive()
    }
}
