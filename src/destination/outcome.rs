//! What came of a batch, row by row.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::row::VendorRef;
use crate::error::{Error, ErrorKind, Result};

/// Why a row was rejected: a stable word of ours (`invalid_email`), never the platform's text.
pub type RejectCode = Cow<'static, str>;

/// What came of one row.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RowOutcome {
    /// The platform took it.
    Accepted {
        /// The platform's own reference of the member, if it is needed to remove it later.
        vendor_ref: Option<VendorRef>,
    },
    /// The platform refused this row for good; the others are not affected.
    Rejected {
        /// Why: a stable word.
        code: RejectCode,
        /// The field it concerns.
        field: Option<Cow<'static, str>>,
    },
    /// Certainly not applied; the engine sends it again.
    NotApplied,
    /// It may have been applied; the engine sends it again where that is safe.
    InDoubt,
    /// The platform works on it: the outcome's job says when it is done.
    Pending,
    /// Uploaded; counts when the session is finished.
    Staged,
}

impl RowOutcome {
    /// Accepted, without a reference.
    pub const ACCEPTED: Self = Self::Accepted { vendor_ref: None };

    /// Rejected for a reason.
    pub fn rejected(code: impl Into<RejectCode>) -> Self {
        Self::Rejected { code: code.into(), field: None }
    }

    /// Rejected for a reason that concerns a field.
    pub fn rejected_field(code: impl Into<RejectCode>, field: impl Into<Cow<'static, str>>) -> Self {
        Self::Rejected { code: code.into(), field: Some(field.into()) }
    }
}

/// What came of a batch: an outcome for every row, by index, and the job to ask about where there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    named: Vec<(usize, RowOutcome)>,
    others: Option<RowOutcome>,
    job: Option<JobRef>,
    unattributed: u64,
}

impl Outcome {
    /// Every row accepted.
    pub fn accepted() -> Self {
        Self::all(RowOutcome::ACCEPTED)
    }

    /// The same for every row.
    pub fn all(outcome: RowOutcome) -> Self {
        Self { named: Vec::new(), others: Some(outcome), job: None, unattributed: 0 }
    }

    /// One outcome per row, named by index. They must cover the batch.
    pub fn each(rows: impl IntoIterator<Item = (usize, RowOutcome)>) -> Self {
        Self { named: rows.into_iter().collect(), others: None, job: None, unattributed: 0 }
    }

    /// The platform works on all of it; ask about `job`.
    pub fn pending(job: JobRef) -> Self {
        Self { job: Some(job), ..Self::all(RowOutcome::Pending) }
    }

    /// Gives the row at `index` an outcome of its own.
    #[must_use]
    pub fn except(mut self, index: usize, outcome: RowOutcome) -> Self {
        self.named.push((index, outcome));
        self
    }

    /// Says that the platform refused `count` entries without saying which: they are within the accepted rows.
    #[must_use]
    pub fn with_unattributed(mut self, count: u64) -> Self {
        self.unattributed = count;
        self
    }

    /// Names the job that settles the rows answered as pending.
    #[must_use]
    pub fn with_job(mut self, job: JobRef) -> Self {
        self.job = Some(job);
        self
    }

    /// The job to ask about.
    pub fn job(&self) -> Option<&JobRef> {
        self.job.as_ref()
    }

    /// Entries refused without saying which.
    pub fn unattributed(&self) -> u64 {
        self.unattributed
    }

    /// One outcome for each of `rows` rows, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`] when an index lies outside the batch, is named twice, or a row has no outcome: the batch must
    /// then be treated as in doubt.
    pub fn resolve(self, rows: usize) -> Result<Vec<RowOutcome>> {
        let mut resolved: Vec<Option<RowOutcome>> = Vec::new();
        resolved.resize_with(rows, || None);
        for (index, outcome) in self.named {
            let place = resolved
                .get_mut(index)
                .ok_or_else(|| mismatch(format!("expected row indexes below {rows}, found {index}")))?;
            if place.replace(outcome).is_some() {
                return Err(mismatch(format!("expected one outcome per row, found two for row {index}")));
            }
        }
        resolved
            .into_iter()
            .enumerate()
            .map(|(index, outcome)| {
                outcome.or_else(|| self.others.clone()).ok_or_else(|| {
                    mismatch(format!("expected an outcome for each of {rows} rows, found none for row {index}"))
                })
            })
            .collect()
    }
}

fn mismatch(message: String) -> Error {
    Error::new(ErrorKind::Bug, message).doing("match a destination's outcome with its rows")
}

/// Names a job of the platform. Opaque to everybody but the destination; survives a restart.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobRef(String);

impl JobRef {
    /// Takes what the destination needs to ask about the job.
    pub fn new(reference: impl Into<String>) -> Self {
        Self(reference.into())
    }

    /// The reference itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for JobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobRef({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_rows_win_over_the_others() {
        let outcome = Outcome::accepted().except(1, RowOutcome::rejected("invalid_email"));
        let rows = outcome.resolve(3).unwrap();
        assert_eq!(rows, [RowOutcome::ACCEPTED, RowOutcome::rejected("invalid_email"), RowOutcome::ACCEPTED]);
    }

    #[test]
    fn fewer_more_or_doubled_outcomes_are_refused() {
        let each = |indexes: &[usize]| Outcome::each(indexes.iter().map(|&i| (i, RowOutcome::ACCEPTED)));
        assert!(each(&[1, 0]).resolve(2).is_ok());
        for wrong in [&[0][..], &[0, 1, 2], &[0, 0], &[]] {
            assert_eq!(each(wrong).resolve(2).unwrap_err().kind(), ErrorKind::Bug, "{wrong:?}");
        }
    }
}
