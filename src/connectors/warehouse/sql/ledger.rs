//! The ledger of batches: a resend within a run changes nothing.

use super::session::{Fault, SqlSession, Work};
use super::task::Terms;
use super::value::{Cell, Value};
use crate::error::{Error, ErrorKind};

/// A batch as the ledger knows it.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) batch_id: &'a str,
    pub(super) run_id: &'a str,
    pub(super) table: &'static str,
    pub(super) rows: usize,
    pub(super) content: &'a str,
}

impl Entry<'_> {
    /// Whether the run has written the batch already.
    ///
    /// Another run may send the same operations again, with what it knows today (an operation keeps its id while it is
    /// in doubt): that is applied anew, and rows that changed nothing stay as they are.
    ///
    /// # Errors
    /// When the run wrote other content under the same id: one of the two would be lost in silence.
    pub(super) async fn is_done<S: SqlSession>(&self, session: &mut S, terms: &Terms<'_>) -> Work<bool> {
        let found = session.query(&terms.statements.find_batch, &[("batch", Value::Text(self.batch_id))]).await?;
        match found.first().map(Vec::as_slice) {
            None => Ok(false),
            Some([Cell::Text(run), Cell::Text(content)]) => {
                if run != self.run_id {
                    return Ok(false);
                }
                if content == self.content {
                    return Ok(true);
                }
                let conflict =
                    "expected a batch sent again in one run to hold the same rows, found others; nothing was written";
                Err(Error::new(ErrorKind::Conflict, conflict).with_code("batch_conflict").into())
            }
            Some(_) => Err(Fault::unexpected("texts in the ledger of batches")),
        }
    }

    /// Notes the batch; in the transaction that writes it.
    pub(super) async fn note<S: SqlSession>(&self, session: &mut S, terms: &Terms<'_>) -> Work<()> {
        let values = [
            ("batch", Value::Text(self.batch_id)),
            ("run", Value::Text(self.run_id)),
            ("table_name", Value::Text(self.table)),
            ("row_count", Value::count(self.rows as u64)),
            ("content", Value::Text(self.content)),
            ("now", Value::Moment(terms.now)),
        ];
        session.execute(&terms.statements.note_batch, &values).await?;
        Ok(())
    }
}
