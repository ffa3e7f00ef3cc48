//! What becomes of the row of a member that left.

use serde::{Deserialize, Serialize};

/// What becomes of the row of a member that left. The log keeps its history either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Removed {
    /// It stays, with `is_member` false and the last attributes: cohorts keep former members.
    #[default]
    Tombstone,
    /// It is deleted: `v_cohort_ltv` then counts present members only.
    Delete,
}
