//! Where runs and rejected rows are logged, so that analysts find them beside the members.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::context::Context;
use super::row::{Action, MemberId};
use crate::error::{ErrorKind, Result};
use crate::time::Timestamp;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunStatus {
    /// Not ended yet, or its process died.
    Running,
    /// Everything planned was accepted, or rejected and skipped with a reason; nothing is pending.
    Success,
    /// Something is pending or could not be sent; the next run goes on.
    Partial,
    /// A guard refused the plan; nothing was sent.
    Refused,
    /// It ended with an error.
    Failed,
}

impl RunStatus {
    /// The status as a stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl std::fmt::Display for RunStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of the rows of one action. `planned = accepted + rejected + skipped + pending`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the ledger's four ends are the design")]
pub struct ActionCounts {
    /// Rows of the plan.
    pub planned: u64,
    /// Rows the platform took.
    pub accepted: u64,
    /// Rows the platform refused, each with a reason.
    pub rejected: u64,
    /// Rows that were not sent, or not confirmed, each with a reason.
    pub skipped: u64,
    /// Rows that the next run, or a job, will settle.
    pub pending: u64,
}

impl ActionCounts {
    /// Whether the ledger balances.
    pub fn balances(&self) -> bool {
        let ends = [self.accepted, self.rejected, self.skipped, self.pending];
        ends.into_iter().try_fold(0_u64, u64::checked_add) == Some(self.planned)
    }
}

/// One run, for the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// The run's id.
    pub run_id: String,
    /// Counts the binding's runs: the row version its rows carry.
    pub run_seq: u64,
    /// The audience's key.
    pub audience: String,
    /// The destination's id.
    pub destination: String,
    /// How it ended.
    pub status: RunStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The business time it ran for.
    pub as_of: Timestamp,
    /// Rows read from the source.
    pub source_rows: u64,
    /// Rows without a usable member id.
    pub unusable_rows: u64,
    /// Rows that repeated a member.
    pub duplicate_rows: u64,
    /// Members the audience should have.
    pub desired: u64,
    /// Members the destination had acknowledged before.
    pub previous: u64,
    /// Additions.
    pub add: ActionCounts,
    /// Removals.
    pub remove: ActionCounts,
    /// Updates.
    pub update: ActionCounts,
    /// The state's generation after the run.
    pub generation: u64,
    /// Why it failed, if it did.
    pub error: Option<ErrorKind>,
    /// The error's text: it holds no person's values.
    pub error_message: Option<String>,
}

impl RunRecord {
    /// A run that begins.
    pub fn new(
        run_id: impl Into<String>,
        audience: impl Into<String>,
        destination: impl Into<String>,
        started_at: Timestamp,
        as_of: Timestamp,
    ) -> Self {
        Self {
            run_id: run_id.into(),
            run_seq: 0,
            audience: audience.into(),
            destination: destination.into(),
            status: RunStatus::Running,
            started_at,
            finished_at: None,
            as_of,
            source_rows: 0,
            unusable_rows: 0,
            duplicate_rows: 0,
            desired: 0,
            previous: 0,
            add: ActionCounts::default(),
            remove: ActionCounts::default(),
            update: ActionCounts::default(),
            generation: 0,
            error: None,
            error_message: None,
        }
    }
}

/// One rejected row, for the log. Holds no identifiers; the member id does not print.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RejectRecord {
    /// Names the rejection: the same one logged twice is one.
    pub reject_id: String,
    /// The run.
    pub run_id: String,
    /// The audience's key.
    pub audience: String,
    /// Who.
    pub member_id: MemberId,
    /// What was asked.
    pub action: Action,
    /// Why: a stable word.
    pub code: String,
    /// The field it concerns.
    pub field: Option<String>,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// When.
    pub occurred_at: Timestamp,
}

impl RejectRecord {
    /// A rejection of `member_id`'s row in a run.
    pub fn new(
        reject_id: impl Into<String>,
        run_id: impl Into<String>,
        audience: impl Into<String>,
        member_id: MemberId,
        action: Action,
        code: impl Into<String>,
        occurred_at: Timestamp,
    ) -> Self {
        Self {
            reject_id: reject_id.into(),
            run_id: run_id.into(),
            audience: audience.into(),
            member_id,
            action,
            code: code.into(),
            field: None,
            attempt: 1,
            occurred_at,
        }
    }
}

/// Logs runs and rejected rows. Warehouses implement it; the engine logs the runs of every binding there.
///
/// Every method is idempotent by `run_id` and `reject_id`. A log that fails never fails a sync.
#[async_trait]
pub trait RunLog: std::fmt::Debug + Send + Sync + 'static {
    /// A run begins.
    ///
    /// # Errors
    /// When it could not be logged.
    async fn begin(&self, cx: &Context, run: &RunRecord) -> Result<()>;

    /// Rows were rejected.
    ///
    /// # Errors
    /// When they could not be logged.
    async fn rejects(&self, cx: &Context, rejects: &[RejectRecord]) -> Result<()>;

    /// A run ended.
    ///
    /// # Errors
    /// When it could not be logged.
    async fn end(&self, cx: &Context, run: &RunRecord) -> Result<()>;
}

#[async_trait]
impl<L: RunLog + ?Sized> RunLog for Arc<L> {
    async fn begin(&self, cx: &Context, run: &RunRecord) -> Result<()> {
        (**self).begin(cx, run).await
    }

    async fn rejects(&self, cx: &Context, rejects: &[RejectRecord]) -> Result<()> {
        (**self).rejects(cx, rejects).await
    }

    async fn end(&self, cx: &Context, run: &RunRecord) -> Result<()> {
        (**self).end(cx, run).await
    }
}
