//! What the objects say: the manifest, and the entries of the journal.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::Timestamp;

/// The form of the manifest that this version writes. A reader refuses a higher one.
pub(super) const FORMAT: u32 = 1;

/// The truth about one binding: which objects are live, and what was true when they were written.
///
/// A manifest is changed by cloning the current one, setting what has changed, and handing it to
/// [`Store::commit`](super::Store::commit).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "the engine writes every field; hosts never see the type")]
pub struct Manifest {
    /// The form of this object; set by [`Store::commit`](super::Store::commit).
    pub format: u32,
    /// One more with each commit, 1 for the manifest of a new binding; set by the commit.
    pub generation: u64,
    /// The journal that belongs to this manifest; one more with each commit, and set by it.
    pub epoch: u64,
    /// The layers of the acknowledged snapshot: the base first, the newest last.
    pub layers: Vec<Layer>,
    /// Plans that are kept because a job, a session or an approval still needs them.
    pub plans: Vec<String>,
    /// Jobs that the platform has not finished.
    pub jobs: Vec<OpenJob>,
    /// The remote audience, in the destination's own form. Holds no person's value.
    pub audience: Option<Value>,
    /// Hash of the mapping that the fingerprints were computed with.
    pub mapping_version: u64,
    /// Fingerprint of the audience definition.
    pub definition: Option<String>,
    /// How many members the destination has acknowledged.
    pub members: u64,
    /// The set checksum of the acknowledged members.
    pub set_sum: String,
    /// The highest row version given out.
    pub row_version: u64,
    /// When how many members were removed, for the guard on slow drains.
    pub removals: Vec<(Timestamp, u64)>,
    /// What the runs began with that did not come to their end, while the last one did not.
    #[serde(default)]
    pub unfinished: Option<Unfinished>,
    /// Where in the key range the next refresh goes on.
    pub refresh_cursor: Option<String>,
    /// The holdout split in force.
    pub holdout: Option<String>,
    /// When the last run ended.
    pub last_run: Option<Timestamp>,
}

/// Where a run began that sent a part of its plan only: the guards judge what is left of it against the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "the engine writes every field; hosts never see the type")]
pub struct Unfinished {
    /// When its part was settled; the first time, if several runs in a row did not come to their end.
    pub since: Timestamp,
    /// The members there were before it.
    pub members: u64,
    /// Removed since, as the removal guards count.
    pub removed: u64,
}

/// One layer of the acknowledged snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "the engine writes every field; hosts never see the type")]
pub struct Layer {
    /// Names the object; see [`Store::new_id`](super::Store::new_id).
    pub id: String,
    /// How many members the layer speaks of.
    pub members: u64,
    /// Its length in bytes; set by the commit that stores the layer.
    pub bytes: u64,
    /// XXH3-64 of its bytes; set by the commit that stores the layer.
    #[serde(default)]
    pub xxh3: u64,
}

impl Layer {
    /// A layer to be stored by the next commit, which fills in length and checksum.
    pub fn new(id: impl Into<String>, members: u64) -> Self {
        Self { id: id.into(), members, ..Self::default() }
    }
}

/// Work that the platform finishes later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs, reason = "the engine writes every field; hosts never see the type")]
pub struct OpenJob {
    /// The platform's own name of the job.
    pub job: String,
    /// The plan that the rows are of.
    pub plan: String,
    /// The action of the rows.
    pub action: String,
    /// The rows of the plan, as (first ordinal, length).
    pub rows: Vec<(u32, u32)>,
    /// When the job was handed over.
    pub submitted_at: Timestamp,
}

/// One entry of the journal: what is about to be done, or what came of it.
///
/// The room stores entries in order and gives them back; what they mean is the engine's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entry {
    /// The first entry of an epoch: who writes it. The store writes it by itself.
    Opened {
        /// Who.
        holder: String,
        /// When.
        at: Timestamp,
    },
    /// A plan is stored in full and is about to be carried out.
    Planned {
        /// The plan.
        plan: String,
        /// Its digest, in hex.
        digest: String,
    },
    /// An upload session was opened at the destination.
    SessionOpened {
        /// The destination's own name of the session.
        session: String,
        /// What the session does.
        action: String,
    },
    /// An upload session was finished or given up.
    SessionClosed {
        /// The destination's own name of the session.
        session: String,
    },
    /// A batch is about to leave.
    Intent {
        /// The plan that the rows are of.
        plan: String,
        /// Number of the batch within the plan.
        batch: u64,
        /// The action of the rows.
        action: String,
        /// The rows of the plan, as (first ordinal, length).
        rows: Vec<(u32, u32)>,
        /// The session it belongs to.
        session: Option<String>,
    },
    /// What came of a batch.
    Settled {
        /// The plan that the rows are of.
        plan: String,
        /// Number of the batch within the plan.
        batch: u64,
        /// The action of the rows.
        action: String,
        /// The rows of the plan, as (first ordinal, length).
        rows: Vec<(u32, u32)>,
        /// Rows by ordinal in the plan.
        outcomes: Vec<(u32, RowSettled)>,
        /// What holds for the rows that `outcomes` does not name.
        others: Option<RowSettled>,
    },
    /// The platform took a batch over and finishes it later.
    Submitted {
        /// The plan that the rows are of.
        plan: String,
        /// Number of the batch within the plan.
        batch: u64,
        /// The platform's own name of the job.
        job: String,
        /// The action of the rows.
        action: String,
        /// The rows of the plan, as (first ordinal, length).
        rows: Vec<(u32, u32)>,
        /// When.
        at: Timestamp,
    },
    /// Anything else the engine must remember. Holds no person's value.
    Note(Value),
    /// Another holder has taken the journal over: whoever wrote it before writes no more. Written by the store itself.
    Sealed {
        /// The new holder.
        by: String,
        /// When.
        at: Timestamp,
    },
}

impl Entry {
    /// The plan the entry speaks of, which must be kept as long as the entry is.
    pub(super) fn plan(&self) -> Option<&str> {
        match self {
            Self::Planned { plan, .. }
            | Self::Intent { plan, .. }
            | Self::Settled { plan, .. }
            | Self::Submitted { plan, .. } => Some(plan),
            Self::Opened { .. }
            | Self::SessionOpened { .. }
            | Self::SessionClosed { .. }
            | Self::Note(_)
            | Self::Sealed { .. } => None,
        }
    }

    /// Who wrote the journal from here on, where the entry says so.
    pub(super) fn holder(&self) -> Option<&str> {
        match self {
            Self::Opened { holder, .. } => Some(holder),
            Self::Sealed { by, .. } => Some(by),
            _ => None,
        }
    }
}

/// What came of one row.
///
/// `Debug` does not show the vendor's reference, which may point at a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RowSettled {
    /// The destination has it.
    Accepted {
        /// The vendor's own reference, needed to remove the member later.
        vendor_ref: Option<String>,
    },
    /// The destination will never take it as it is.
    Rejected {
        /// The reason as a stable word.
        code: String,
        /// The field at fault.
        field: Option<String>,
    },
    /// The destination certainly does not have it.
    NotApplied,
    /// The destination may have it.
    InDoubt,
    /// The destination decides later.
    Pending,
    /// The destination has it, and it counts when its session is finished.
    Staged,
    /// It was not sent.
    Skipped {
        /// The reason as a stable word.
        reason: String,
    },
}

impl fmt::Debug for RowSettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { vendor_ref } => {
                f.debug_struct("Accepted").field("vendor_ref", &vendor_ref.as_ref().map(|_| "..")).finish()
            }
            Self::Rejected { code, field } => {
                f.debug_struct("Rejected").field("code", code).field("field", field).finish()
            }
            Self::NotApplied => f.write_str("NotApplied"),
            Self::InDoubt => f.write_str("InDoubt"),
            Self::Pending => f.write_str("Pending"),
            Self::Staged => f.write_str("Staged"),
            Self::Skipped { reason } => f.debug_struct("Skipped").field("reason", reason).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_reference_never_prints() {
        let entry = Entry::Settled {
            plan: "p".into(),
            batch: 1,
            action: "add".into(),
            rows: vec![(0, 1)],
            outcomes: vec![(0, RowSettled::Accepted { vendor_ref: Some("jane-4711".into()) })],
            others: None,
        };
        assert!(!format!("{entry:?}").contains("4711"));
        assert!(serde_json::to_string(&entry).unwrap().contains("4711"), "the journal itself must keep it");
    }

    #[test]
    fn every_entry_that_names_a_plan_keeps_it() {
        let job = Entry::Submitted {
            plan: "p9".into(),
            batch: 0,
            job: "j".into(),
            action: "add".into(),
            rows: vec![],
            at: Timestamp::from_secs(1),
        };
        assert_eq!(job.plan(), Some("p9"));
        assert_eq!(Entry::Planned { plan: "p1".into(), digest: String::new() }.plan(), Some("p1"));
        assert_eq!(Entry::Note(Value::Null).plan(), None);
    }
}
