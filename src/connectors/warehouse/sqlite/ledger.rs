//! The ledger of batches: a resend within a run changes nothing.

use rusqlite::{Connection, OptionalExtension};

use super::fault::Work;
use super::names::Names;
use crate::error::{Error, ErrorKind};

/// A batch as the ledger knows it.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) batch_id: &'a str,
    pub(super) run_id: &'a str,
    pub(super) table: &'static str,
    pub(super) rows: usize,
    pub(super) content: &'a str,
    pub(super) now: &'a str,
}

impl Entry<'_> {
    /// Whether the run has written the batch already.
    ///
    /// Another run may send the same operations again, with what it knows today (an operation keeps its id while it is
    /// in doubt): that is applied anew, and rows that changed nothing stay as they are.
    ///
    /// # Errors
    /// When the run wrote other content under the same id: one of the two would be lost in silence.
    pub(super) fn is_done(&self, connection: &Connection, names: &Names) -> Work<bool> {
        let found: Option<(String, String)> = connection
            .query_row(
                &format!("SELECT run_id, content_sha256 FROM {} WHERE batch_id = ?1", names.batches),
                [self.batch_id],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        match found {
            Some((run, content)) if run == self.run_id && content == self.content => Ok(true),
            Some((run, _)) if run == self.run_id => {
                let conflict =
                    "expected a batch sent again in one run to hold the same rows, found others; nothing was written";
                Err(Error::new(ErrorKind::Conflict, conflict).with_code("batch_conflict").into())
            }
            _ => Ok(false),
        }
    }

    /// Notes the batch; in the transaction that writes it.
    pub(super) fn note(&self, connection: &Connection, names: &Names) -> Work<()> {
        connection.execute(
            &format!(
                "INSERT INTO {} (batch_id, run_id, table_name, row_count, content_sha256, committed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (batch_id) DO UPDATE SET run_id = excluded.run_id, row_count = excluded.row_count,
                     content_sha256 = excluded.content_sha256, committed_at = excluded.committed_at",
                names.batches
            ),
            (
                self.batch_id,
                self.run_id,
                self.table,
                i64::try_from(self.rows).unwrap_or(i64::MAX),
                self.content,
                self.now,
            ),
        )?;
        Ok(())
    }
}
