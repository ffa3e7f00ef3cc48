//! What came of a run, as a value that prints and serializes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::destination::{Action, ActionCounts, RunStatus};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

/// What came of one run of one binding. Holds counts and reasons, never a person's values.
///
/// The ledger balances for every action: `planned = accepted + rejected + skipped + pending`, and every rejected or
/// skipped row has its reason in [`RunReport::reasons`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[must_use = "a run that did not succeed says so here"]
pub struct RunReport {
    /// The run's id.
    pub run_id: String,
    /// The binding: audience key and destination id.
    pub binding: String,
    /// The audience's name.
    pub audience: String,
    /// The destination's title.
    pub destination: String,
    /// How it ended.
    pub status: RunStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What was planned, and the guards that refused it.
    pub plan: Plan,
    /// Additions.
    pub add: ActionCounts,
    /// Removals.
    pub remove: ActionCounts,
    /// Updates.
    pub update: ActionCounts,
    /// Why rows were rejected, skipped or left pending.
    pub reasons: Vec<ReasonCount>,
    /// Accepted rows that the platform counts as bad without saying which.
    pub unattributed: u64,
    /// Values of the source that could not be used, by kind of identifier and reason: `email.no_at`.
    pub unused_values: BTreeMap<String, u64>,
    /// Members the destination has acknowledged after the run.
    pub members: u64,
    /// Jobs that the platform still works on.
    pub open_jobs: u64,
    /// The state's generation after the run.
    pub generation: u64,
    /// Whether the run first had to settle what an earlier one left behind.
    pub resumed: bool,
    /// Why the run ended early, if it did.
    pub error: Option<RunError>,
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The error's text.
    pub message: String,
}

/// How many rows of one action ended in one way for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReasonCount {
    /// The action.
    pub action: Action,
    /// `rejected`, `skipped` or `pending`.
    pub outcome: String,
    /// Why: a stable word.
    pub code: String,
    /// The field it concerns.
    pub field: Option<String>,
    /// How many rows.
    pub rows: u64,
}

impl RunReport {
    /// The counts of all actions together.
    pub fn total(&self) -> ActionCounts {
        let sum = |of: fn(&ActionCounts) -> u64| {
            of(&self.add).saturating_add(of(&self.remove)).saturating_add(of(&self.update))
        };
        ActionCounts {
            planned: sum(|counts| counts.planned),
            accepted: sum(|counts| counts.accepted),
            rejected: sum(|counts| counts.rejected),
            skipped: sum(|counts| counts.skipped),
            pending: sum(|counts| counts.pending),
        }
    }

    /// Whether everything was sent and confirmed.
    pub fn is_success(&self) -> bool {
        self.status == RunStatus::Success
    }

    /// The report of a success; anything else as an error, for callers who go on only after a success.
    ///
    /// # Errors
    /// [`ErrorKind::Guard`] for a refused plan, the run's own error where there is one, else
    /// [`ErrorKind::Unavailable`] with the counts.
    pub fn into_success(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let (kind, why) = match (&self.error, self.status) {
            (Some(error), _) => (error.kind, error.message.clone()),
            (None, RunStatus::Refused) => {
                let trips: Vec<String> = self.plan.refused.iter().map(ToString::to_string).collect();
                let digest = &self.plan.digest;
                (ErrorKind::Guard, format!("refused by {}; approve digest {digest} if it is meant", trips.join(", ")))
            }
            (None, _) => {
                let total = self.total();
                (ErrorKind::Unavailable, format!("{} of {} rows are pending", total.pending, total.planned))
            }
        };
        Err(Error::new(kind, why).doing(format!("sync {}", self.binding)))
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} to {}", self.status, self.audience, self.destination)?;
        writeln!(f, "  as of {}, {} members", self.plan.as_of, self.members)?;
        let counts = &self.plan.counts;
        writeln!(
            f,
            "  source    {} rows: {} desired, {} held out, {} without consent, {} expired, {} unsendable, \
             {} duplicate, {} unusable",
            counts.source_rows,
            counts.desired,
            counts.held_out,
            counts.no_consent,
            counts.expired_rows,
            counts.unsendable,
            counts.duplicates,
            counts.unusable
        )?;
        for (name, counts) in [("add", self.add), ("remove", self.remove), ("update", self.update)] {
            if counts.planned > 0 {
                let ActionCounts { planned, accepted, rejected, skipped, pending } = counts;
                writeln!(
                    f,
                    "  {name:<9} {planned} planned = {accepted} accepted + {rejected} rejected + {skipped} skipped + \
                     {pending} pending"
                )?;
            }
        }
        for ReasonCount { action, outcome, code, field, rows } in &self.reasons {
            let field = field.as_deref().map(|field| format!(" ({field})")).unwrap_or_default();
            writeln!(f, "  {outcome:<9} {rows} to {action}: {code}{field}")?;
        }
        if self.unattributed > 0 {
            writeln!(
                f,
                "  accepted, of which {} unattributed: the platform does not say which are bad",
                self.unattributed
            )?;
        }
        for trip in &self.plan.refused {
            writeln!(f, "  refused   {trip}")?;
        }
        if let Some(error) = &self.error {
            writeln!(f, "  ended     {}: {}", error.kind, error.message)?;
        }
        write!(f, "  plan      {}", self.plan.digest)
    }
}
