//! Batches of members: what they change, and the history of it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::ledger::Entry;
use super::session::{SqlSession, Work};
use super::split::{self, Pieces};
use super::task::{Terms, outcome};
use super::value::{StageRows, Value};
use crate::connectors::warehouse::tables::{MEMBERSHIP, STAGED_ROWS, STEPS};
use crate::connectors::warehouse::values::{check_attributes, check_key, check_moment, json, reason_word, sha256_hex};
use crate::destination::{Action, Batch, Outcome, Row, RowOutcome};
use crate::error::{Error, ErrorKind, Result};

/// A batch, ready to be written: all that can be done without the database.
pub(crate) struct ReadyBatch {
    batch: Batch,
    batch_id: String,
    content: String,
    version: i64,
    /// In the order of their keys, so that each page is visited once.
    rows: Vec<ReadyRow>,
    refused: Vec<(usize, RowOutcome)>,
}

struct ReadyRow {
    index: usize,
    op: String,
    attributes: Option<String>,
    row_hash: String,
}

impl ReadyBatch {
    pub(crate) fn new(batch: Batch) -> Result<Self> {
        if check_key(&batch.audience().key, "audience").is_err() {
            return Err(config("expected an audience key of 1 to 255 bytes without NUL, found another"));
        }
        let version = i64::try_from(batch.row_version())
            .map_err(|_| config("expected a row version below 2^63, found a larger one"))?;
        let (mut rows, mut refused) = (BTreeMap::new(), Vec::new());
        let mut content = Sha256::new();
        content.update(batch.action().as_str());
        for (index, row) in batch.rows().iter().enumerate() {
            // Nobody with a key that cannot be stored is held: to remove them is to do nothing.
            if batch.action() == Action::Remove && check_key(row.member_id.as_str(), "member_id").is_err() {
                content.update(row.op_id.as_bytes());
                continue;
            }
            match ReadyRow::new(index, row, batch.action()) {
                Ok(ready) => {
                    ready.feed(row, &mut content);
                    // Of two rows of one member the last says how it is.
                    rows.insert(row.member_id.as_str(), ready);
                }
                Err(outcome) => refused.push((index, outcome)),
            }
        }
        let (content, rows) = (const_hex::encode(content.finalize()), rows.into_values().collect());
        Ok(Self { batch_id: batch.id().to_hex(), batch, content, version, rows, refused })
    }

    fn entry(&self) -> Entry<'_> {
        Entry {
            batch_id: &self.batch_id,
            run_id: self.batch.run(),
            table: MEMBERSHIP.name,
            rows: self.batch.rows().len(),
            content: &self.content,
        }
    }

    /// Writes the batch in one transaction, or finds that the run has written it before.
    pub(super) async fn send<S: SqlSession>(&self, session: &mut S, terms: &Terms<'_>) -> Work<Outcome> {
        let mut refused = self.refused.clone();
        session.begin(&[&STAGED_ROWS, &STEPS]).await?;
        session.load(&STAGED_ROWS, self).await?;
        // One writer of an audience at a time, also after a caller that is gone: what it began is settled by then.
        session.lock(&terms.lock_key(&self.batch.audience().key)).await?;
        let entry = self.entry();
        if entry.is_done(session, terms).await? {
            session.rollback().await?;
            return Ok(outcome(refused));
        }
        let by_database = split::write(session, &Steps { ready: self, terms }, self.rows.len()).await?;
        if by_database.is_empty() {
            // Not noted otherwise: sent again, it must be refused again.
            entry.note(session, terms).await?;
        }
        session.commit().await?;
        refused.extend(by_database);
        Ok(outcome(refused))
    }
}

impl ReadyRow {
    fn new(index: usize, row: &Row, action: Action) -> Result<Self, RowOutcome> {
        check_key(row.member_id.as_str(), "member_id")?;
        check_moment(row.effective_at, "effective_at")?;
        // Who leaves leaves with what is held of it.
        let attributes = match action {
            Action::Remove => None,
            Action::Add | Action::Update => {
                check_attributes(&row.attributes)?;
                json(&row.attributes)
            }
        };
        let row_hash = sha256_hex(attributes.as_deref().unwrap_or_default());
        Ok(Self { index, op: row.op_id.to_hex(), attributes, row_hash })
    }

    /// What makes two batches the same: not the run and the version, which a resend may have of its own.
    fn feed(&self, row: &Row, content: &mut Sha256) {
        content.update(row.op_id.as_bytes());
        content.update((row.member_id.as_str().len() as u64).to_le_bytes());
        content.update(row.member_id.as_str());
        content.update(&self.row_hash);
        content.update([row.arm.map_or(0, |arm| arm.as_str().len() as u8)]);
        content.update(row.arm.map_or("", |arm| arm.as_str()));
    }
}

impl StageRows for ReadyBatch {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row<'a>(&'a self, index: usize, out: &mut Vec<Value<'a>>) {
        let Some((ready, row)) =
            self.rows.get(index).and_then(|ready| self.batch.rows().get(ready.index).map(|row| (ready, row)))
        else {
            return;
        };
        out.extend([
            Value::count(index as u64),
            Value::Text(row.member_id.as_str()),
            Value::Text(&ready.op),
            Value::Text(reason_word(row.reason)),
            Value::text(row.arm.map(|arm| arm.as_str())),
            Value::Moment(row.effective_at),
            Value::json(ready.attributes.as_deref()),
            Value::Text(&ready.row_hash),
        ]);
    }
}

/// From the stage over the steps to the tables.
struct Steps<'a> {
    ready: &'a ReadyBatch,
    terms: &'a Terms<'a>,
}

#[async_trait]
impl<S: SqlSession> Pieces<S> for Steps<'_> {
    async fn write(&self, session: &mut S, low: usize, high: usize) -> Work<()> {
        let (statements, batch) = (self.terms.statements, &self.ready.batch);
        let version_text = self.ready.version.to_string();
        let values = [
            ("workspace", Value::Text(self.terms.workspace)),
            ("audience", Value::Text(&batch.audience().key)),
            ("run", Value::Text(batch.run())),
            ("version", Value::Int(self.ready.version)),
            ("version_text", Value::Text(&version_text)),
            ("now", Value::Moment(self.terms.now)),
            ("low", Value::count(low as u64)),
            ("high", Value::count(high as u64)),
        ];
        let (steps, rows) = match batch.action() {
            Action::Add | Action::Update => (&statements.steps_present, &statements.write_present),
            Action::Remove => (&statements.steps_left, &statements.write_left),
        };
        if low > 0 || high < self.ready.rows.len() {
            session.execute(&statements.forget_steps, &[]).await?;
        }
        session.execute(steps, &values).await?;
        session.execute(rows, &values).await?;
        session.execute(&statements.write_log, &values).await?;
        Ok(())
    }

    fn index(&self, row: usize) -> usize {
        self.ready.rows.get(row).map_or(row, |ready| ready.index)
    }
}

fn config(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}
