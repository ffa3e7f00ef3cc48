//! Warehouses: current membership, its history, key events, runs and rejects, where analysts look.
//!
//! # What is written
//!
//! The tables and views are a contract: their names and columns stay, so that models and dashboards can be built on
//! them. A configured prefix stands before each name. All times are UTC with microseconds; rows are kept apart by
//! `workspace_key`, the host's tenant.
//!
//! | Table | One row for | Key |
//! |---|---|---|
//! | `audience_membership` | a member of an audience: now, or (a tombstone, `is_member` = 0) formerly | `workspace_key`, `audience_key`, `member_key` |
//! | `audience_membership_log` | an `enter`, `exit` or `change`, written once and never changed | `event_id`, stored after its member |
//! | `events` | a key event; of two with one id the first counts | `workspace_key`, `event_id` |
//! | `sync_runs` | a run | `run_id` |
//! | `sync_rejects` | a row that a destination refused | `reject_id` |
//! | `load_batches` | a batch that was written: the ledger that makes a resend harmless | `batch_id` |
//! | `activation_schema` | the version of these tables | `version` |
//!
//! | View | One row for |
//! |---|---|
//! | `v_current_members` | a member of an audience now |
//! | `v_membership_intervals` | a stay of a member: when it entered, and when it left if it did |
//! | `v_cohort_ltv` | a cohort (members that first entered in one ISO week), a week since then, and a currency |
//!
//! # What the columns mean
//!
//! - `member_key` is the host's member id, byte for byte; at most 255 bytes, without NUL, as every warehouse can hold it.
//! - `row_hash` is the lower-case hex SHA-256 of `attributes` as they were written, or of the empty text.
//! - `attributes` and `properties` are JSON objects in name order; exact decimals are texts in them.
//! - `row_version` and `run_seq` count the binding's runs; a row with a lower version than what is stored is ignored.
//! - `event_id` in the log derives from the operation, not from the run: the same operation sent in another run is the
//!   same event.
//! - `reason` is `query` (the source says so; also when an earlier try is sent again), `consent`, `holdout`, `expired`, or
//!   `resync` (sent again because the mapping changed, or before a membership lapses).
//! - `entry_count`, `first_entered_at`, `entered_at` and `exited_at` are business times, of the run's `as_of`.
//! - In `sync_runs`, `attempted_*` are the rows that were answered: accepted or rejected. `status` is `running`,
//!   `succeeded`, `partial`, `failed`, or `canceled` (a guard refused the plan).
//! - `v_cohort_ltv.value` is exact. Week 0 is the calendar week of the first entry, from Monday, in UTC; events before
//!   the first entry do not count.

#[cfg(feature = "postgres")]
pub mod postgres;
mod removed;
pub(crate) mod sql;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub(crate) mod tables;
pub(crate) mod values;

pub use removed::Removed;
