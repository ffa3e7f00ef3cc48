//! The plan of one run, as a value: counts, guards, a digest; never a row.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::guard::GuardTrip;
use crate::time::Timestamp;

/// What one run is about to do at one destination.
///
/// It prints, and it serializes: a host can store it, show it, and apply it later with
/// [`Engine::apply`](super::Engine::apply), or let it be. Its rows lie encrypted in the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[must_use = "a plan does nothing until it is applied"]
pub struct Plan {
    /// Names the plan in the state.
    pub id: String,
    /// The binding it was made for: audience key and destination id.
    pub binding: String,
    /// The state it was made over; it cannot be applied over another.
    pub generation: u64,
    /// The business time it was made for.
    pub as_of: Timestamp,
    /// A digest of every operation, 64 hex digits. An [`Approval`] names it.
    pub digest: String,
    /// Counts.
    pub counts: PlanCounts,
    /// The guards that refuse it. Empty: it may be applied as it is.
    pub refused: Vec<GuardTrip>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.counts.rows() == 0
    }

    /// Approves exactly this plan, against the guards that refuse it.
    pub fn approval(&self) -> Approval {
        Approval { digest: self.digest.clone() }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(f, "plan {} for {} as of {}", self.id, self.binding, self.as_of)?;
        writeln!(f, "  members   {} now, {} desired", counts.previous, counts.desired)?;
        writeln!(
            f,
            "  changes   {} enter, {} leave ({} expired), {} change, {} stay",
            counts.added, counts.removed, counts.expired, counts.changed, counts.unchanged
        )?;
        writeln!(
            f,
            "  rows      {} add, {} remove, {} update",
            counts.add_rows, counts.remove_rows, counts.update_rows
        )?;
        for trip in &self.refused {
            writeln!(f, "  refused   {trip}")?;
        }
        write!(f, "  digest    {}", self.digest)
    }
}

/// Lets one exact plan pass its guards. It is not a flag: any other plan has another digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Approval {
    /// The plan's digest.
    pub digest: String,
}

impl Approval {
    /// Approves the plan of that digest, as it stands in a report.
    pub fn of(digest: impl Into<String>) -> Self {
        Self { digest: digest.into() }
    }
}

/// The counts of a plan, in members unless they say rows.
///
/// Two identities hold for every plan:
/// - `source_rows = desired + held_out + no_consent + expired_rows + unsendable + duplicates + unusable + elsewhere`
/// - `desired = added + changed + unchanged + in_doubt + backing_off + in_flight` (each of the last three counts desired
///   members only).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanCounts {
    /// Rows read from the source.
    pub source_rows: u64,
    /// Rows that belong to other audiences only.
    pub elsewhere: u64,
    /// Rows that repeat an earlier member.
    pub duplicates: u64,
    /// Of those, rows that contradict it.
    pub conflicts: u64,
    /// Rows without a usable member id.
    pub unusable: u64,
    /// Members whose membership is over.
    pub expired_rows: u64,
    /// Members who do not consent to what the destination is for.
    pub no_consent: u64,
    /// Members withheld by the holdout.
    pub held_out: u64,
    /// Members without any identifier that the destination takes.
    pub unsendable: u64,
    /// Members the destination should have.
    pub desired: u64,
    /// Members the destination has acknowledged.
    pub previous: u64,
    /// Members that enter.
    pub added: u64,
    /// Members that leave.
    pub removed: u64,
    /// Of those, members that count towards the removal guards.
    pub removed_guarded: u64,
    /// Of those that leave, members whose time is over.
    pub expired: u64,
    /// Members that are sent again because they changed.
    pub changed: u64,
    /// Members that stay as they are.
    pub unchanged: u64,
    /// Desired members that are sent again because an earlier row was never answered.
    pub in_doubt: u64,
    /// Desired members that were rejected and wait for their next try.
    pub backing_off: u64,
    /// Desired members that a job of the platform still works on, or one of whose identifiers it is taking away.
    pub in_flight: u64,
    /// Rows to add.
    pub add_rows: u64,
    /// Rows to remove.
    pub remove_rows: u64,
    /// Rows to update.
    pub update_rows: u64,
    /// Rows to remove that are skipped: every identifier is held by a member who stays.
    pub shared_rows: u64,
    /// Members of whom only the state learns something: nothing is sent.
    pub local: u64,
}

impl PlanCounts {
    /// Rows of the plan.
    pub fn rows(&self) -> u64 {
        self.add_rows.saturating_add(self.remove_rows).saturating_add(self.update_rows)
    }
}
