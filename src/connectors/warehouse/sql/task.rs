//! What a warehouse is asked to do, and the one way in which it is done in every database.

use super::events::ReadyEvents;
use super::membership::ReadyBatch;
use super::reads;
use super::runs;
use super::session::{SqlSession, Work};
use super::statements::Statements;
use crate::destination::{Batch, Cursor, MemberPage, Outcome, RejectRecord, RowOutcome, RunRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

/// What all writing needs.
pub(crate) struct Terms<'a> {
    pub(crate) statements: &'a Statements,
    pub(crate) workspace: &'a str,
    /// Where the tables are: writers of one audience wait for each other, those of another schema do not.
    pub(crate) place: &'a str,
    /// In the years 1 to 9999.
    pub(crate) now: Timestamp,
}

impl Terms<'_> {
    /// What writers of the same thing lock.
    pub(super) fn lock_key(&self, what: &str) -> String {
        format!("{}\u{1f}{}\u{1f}{what}", self.place, self.workspace)
    }
}

/// One call of a host.
pub(crate) enum Task {
    Send(ReadyBatch),
    Record(ReadyEvents),
    Size { audience: String },
    Members { audience: String, after: Option<Cursor> },
    Forget(Batch),
    Probe,
    Note(Box<RunRecord>),
    Reject(Vec<RejectRecord>),
}

/// What came of it.
pub(crate) enum Answer {
    Outcome(Outcome),
    Size(u64),
    Members(MemberPage),
    Done,
}

/// Does what is asked on a session that has no transaction open. After a fault the caller rolls back or gives the session
/// up.
pub(crate) async fn perform<S: SqlSession>(session: &mut S, terms: &Terms<'_>, task: &Task) -> Work<Answer> {
    match task {
        Task::Send(batch) => batch.send(session, terms).await.map(Answer::Outcome),
        Task::Record(events) => events.record(session, terms).await.map(Answer::Outcome),
        Task::Size { audience } => reads::size(session, terms, audience).await.map(Answer::Size),
        Task::Members { audience, after } => {
            reads::members(session, terms, audience, after.as_ref()).await.map(Answer::Members)
        }
        Task::Forget(people) => {
            reads::forget(session, terms, people).await?;
            Ok(Answer::Outcome(Outcome::accepted()))
        }
        Task::Probe => reads::probe(session, terms).await.map(|()| Answer::Done),
        Task::Note(run) => runs::note(session, terms, run).await.map(|()| Answer::Done),
        Task::Reject(rejects) => runs::reject(session, terms, rejects).await.map(|()| Answer::Done),
    }
}

impl Answer {
    pub(crate) fn outcome(self) -> Result<Outcome> {
        match self {
            Self::Outcome(outcome) => Ok(outcome),
            _ => Err(other()),
        }
    }

    pub(crate) fn size(self) -> Result<u64> {
        match self {
            Self::Size(size) => Ok(size),
            _ => Err(other()),
        }
    }

    pub(crate) fn members(self) -> Result<MemberPage> {
        match self {
            Self::Members(page) => Ok(page),
            _ => Err(other()),
        }
    }
}

fn other() -> Error {
    Error::new(ErrorKind::Bug, "expected the answer to the task, found another's")
}

pub(super) fn outcome(refused: Vec<(usize, RowOutcome)>) -> Outcome {
    refused.into_iter().fold(Outcome::accepted(), |outcome, (index, row)| outcome.except(index, row))
}
