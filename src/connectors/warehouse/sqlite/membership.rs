//! Batches of members: what they change, and the history of it.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement, params};
use sha2::{Digest, Sha256};

use super::config::Removed;
use super::fault::Work;
use super::ledger::Entry;
use super::names::Names;
use super::session::Session;
use super::step::{Held, Step, step};
use crate::connectors::warehouse::tables::MEMBERSHIP;
use crate::connectors::warehouse::values::{check_attributes, check_key, json, moment, reason_word, sha256_hex};
use crate::destination::{Action, Batch, Outcome, Row, RowOutcome};
use crate::error::{Error, ErrorKind};

/// A batch, ready to be written: all that can be done without the database.
pub(super) struct Ready {
    batch: Batch,
    batch_id: String,
    content: String,
    version: i64,
    rows: Vec<ReadyRow>,
    refused: Vec<(usize, RowOutcome)>,
}

struct ReadyRow {
    index: usize,
    op: String,
    at: String,
    attributes: Option<String>,
    row_hash: String,
}

impl Ready {
    pub(super) fn new(batch: Batch) -> Work<Self> {
        if check_key(&batch.audience().key, "audience").is_err() {
            return Err(config("expected an audience key of 1 to 255 bytes without NUL, found another").into());
        }
        let version = i64::try_from(batch.row_version())
            .map_err(|_| config("expected a row version below 2^63, found a larger one"))?;
        let (mut rows, mut refused) = (Vec::with_capacity(batch.rows().len()), Vec::new());
        let mut content = Sha256::new();
        content.update(batch.action().as_str());
        for (index, row) in batch.rows().iter().enumerate() {
            match ReadyRow::new(index, row, batch.action()) {
                Ok(ready) => {
                    ready.feed(row, &mut content);
                    rows.push(ready);
                }
                Err(outcome) => refused.push((index, outcome)),
            }
        }
        let content = const_hex::encode(content.finalize());
        Ok(Self { batch_id: batch.id().to_hex(), batch, content, version, rows, refused })
    }

    fn entry<'a>(&'a self, now: &'a str) -> Entry<'a> {
        Entry {
            batch_id: &self.batch_id,
            run_id: self.batch.run(),
            table: MEMBERSHIP.name,
            rows: self.batch.rows().len(),
            content: &self.content,
            now,
        }
    }
}

impl ReadyRow {
    fn new(index: usize, row: &Row, action: Action) -> Result<Self, RowOutcome> {
        // Nobody with a key that cannot be stored is held: to remove them is to do nothing.
        if action != Action::Remove {
            check_key(row.member_id.as_str(), "member_id")?;
            check_attributes(&row.attributes)?;
        }
        let at = moment(row.effective_at).ok_or_else(|| RowOutcome::rejected_field("out_of_range", "effective_at"))?;
        let attributes = json(&row.attributes);
        let row_hash = sha256_hex(attributes.as_deref().unwrap_or_default());
        Ok(Self { index, op: row.op_id.to_hex(), at, attributes, row_hash })
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

/// How batches are written.
pub(super) struct Terms<'a> {
    pub(super) names: &'a Names,
    pub(super) workspace: &'a str,
    pub(super) removed: Removed,
    pub(super) now: &'a str,
}

/// Writes a batch in one transaction, or finds that the run has written it before.
pub(super) fn send(session: &mut Session<'_>, terms: &Terms<'_>, ready: &Ready) -> Work<Outcome> {
    let mut refused = ready.refused.clone();
    let writing = session.begin()?;
    let entry = ready.entry(terms.now);
    if entry.is_done(&writing, terms.names)? {
        return Ok(outcome(refused));
    }
    match apply(&writing, terms, ready) {
        Ok(()) => {
            entry.note(&writing, terms.names)?;
            writing.commit()?;
        }
        Err(fault) if fault.row_code().is_some() => {
            drop(writing);
            let writing = session.begin()?;
            // Not noted in the ledger: sent again, it must be refused again.
            refused.extend(apply_one_by_one(&writing, terms, ready)?);
            writing.commit()?;
        }
        Err(fault) => return Err(fault),
    }
    Ok(outcome(refused))
}

pub(super) fn outcome(refused: Vec<(usize, RowOutcome)>) -> Outcome {
    refused.into_iter().fold(Outcome::accepted(), |outcome, (index, row)| outcome.except(index, row))
}

pub(super) fn apply(connection: &Connection, terms: &Terms<'_>, ready: &Ready) -> Work<()> {
    let mut writer = Writer::new(connection, terms, ready)?;
    ready.rows.iter().try_for_each(|row| writer.write(row))
}

/// Each row for itself, after one was refused by a constraint or trigger that somebody else put on a table.
fn apply_one_by_one(connection: &Connection, terms: &Terms<'_>, ready: &Ready) -> Work<Vec<(usize, RowOutcome)>> {
    let mut writer = Writer::new(connection, terms, ready)?;
    let mut refused = Vec::new();
    for row in &ready.rows {
        connection.execute_batch("SAVEPOINT one_row")?;
        match writer.write(row) {
            Ok(()) => connection.execute_batch("RELEASE one_row")?,
            Err(fault) => {
                let Some(code) = fault.row_code() else { return Err(fault) };
                connection.execute_batch("ROLLBACK TO one_row; RELEASE one_row")?;
                refused.push((row.index, RowOutcome::rejected(code)));
            }
        }
    }
    Ok(refused)
}

/// The statements of one batch, prepared once.
struct Writer<'a> {
    terms: &'a Terms<'a>,
    ready: &'a Ready,
    find: Statement<'a>,
    history: Statement<'a>,
    enter: Statement<'a>,
    change: Statement<'a>,
    touch: Statement<'a>,
    exit: Statement<'a>,
    log: Statement<'a>,
}

/// What the log knows of a member that has no row.
#[derive(Default)]
struct History {
    entries: i64,
    first: Option<String>,
}

const ONE: &str = "workspace_key = ?1 AND audience_key = ?2 AND member_key = ?3";

impl<'a> Writer<'a> {
    fn new(connection: &'a Connection, terms: &'a Terms<'a>, ready: &'a Ready) -> Work<Self> {
        let Names { membership, log, .. } = terms.names;
        let prepare = |sql: String| connection.prepare(&sql);
        Ok(Self {
            terms,
            ready,
            find: prepare(format!("SELECT is_member, row_version, row_hash, group_key FROM {membership} WHERE {ONE}"))?,
            history: prepare(format!(
                "SELECT COUNT(*) FILTER (WHERE event_type = 'enter'),
                        MIN(occurred_at) FILTER (WHERE event_type = 'enter'), MAX(run_seq)
                 FROM {log} WHERE {ONE}"
            ))?,
            enter: prepare(format!(
                "INSERT INTO {membership} (workspace_key, audience_key, member_key, is_member, first_entered_at,
                     entered_at, entry_count, group_key, row_hash, attributes, run_id, row_version, updated_at)
                 VALUES (?1, ?2, ?3, 1, coalesce(?4, ?5), ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (workspace_key, audience_key, member_key) DO UPDATE SET is_member = 1,
                     entered_at = excluded.entered_at, exited_at = NULL, entry_count = entry_count + 1,
                     group_key = excluded.group_key, row_hash = excluded.row_hash, attributes = excluded.attributes,
                     run_id = excluded.run_id, row_version = excluded.row_version, updated_at = excluded.updated_at"
            ))?,
            change: prepare(format!(
                "UPDATE {membership} SET group_key = ?4, row_hash = ?5, attributes = ?6, run_id = ?7, row_version = ?8,
                     updated_at = ?9 WHERE {ONE}"
            ))?,
            touch: prepare(format!(
                "UPDATE {membership} SET run_id = ?4, row_version = ?5, updated_at = ?6 WHERE {ONE}"
            ))?,
            exit: prepare(match terms.removed {
                Removed::Tombstone => format!(
                    "UPDATE {membership} SET is_member = 0, exited_at = ?4, run_id = ?5, row_version = ?6,
                         updated_at = ?7 WHERE {ONE}"
                ),
                Removed::Delete => format!("DELETE FROM {membership} WHERE {ONE}"),
            })?,
            log: prepare(format!(
                "INSERT INTO {log} (event_id, workspace_key, audience_key, member_key, event_type, reason, group_key,
                     occurred_at, run_id, run_seq, row_hash)
                 VALUES (?4, ?1, ?2, ?3, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (event_id) DO NOTHING"
            ))?,
        })
    }

    fn write(&mut self, ready: &ReadyRow) -> Work<()> {
        let Some(row) = self.ready.batch.rows().get(ready.index) else { return Ok(()) };
        let (action, version) = (self.ready.batch.action(), self.ready.version);
        let member = row.member_id.as_str();
        let group = row.arm.map(|arm| arm.as_str());
        let (held, history) = self.held(member)?;
        let step = step(&held, action, version, &ready.row_hash, group);
        let (workspace, audience) = (self.terms.workspace, self.ready.batch.audience().key.as_str());
        let (run, now) = (self.ready.batch.run(), self.terms.now);
        match step {
            Step::Ignore => return Ok(()),
            Step::Touch => {
                self.touch.execute(params![workspace, audience, member, run, version, now])?;
                return Ok(());
            }
            Step::Enter => self.enter.execute(params![
                workspace,
                audience,
                member,
                history.first,
                ready.at,
                history.entries + 1,
                group,
                ready.row_hash,
                ready.attributes,
                run,
                version,
                now
            ])?,
            Step::Change => self.change.execute(params![
                workspace,
                audience,
                member,
                group,
                ready.row_hash,
                ready.attributes,
                run,
                version,
                now
            ])?,
            Step::Exit if self.terms.removed == Removed::Delete => {
                self.exit.execute(params![workspace, audience, member])?
            }
            Step::Exit => self.exit.execute(params![workspace, audience, member, ready.at, run, version, now])?,
        };
        match &held {
            // Who leaves leaves with what was known of it.
            Held::Member { row_hash, group, .. } if step == Step::Exit => {
                self.record(row, ready, "exit", row_hash, group.as_deref())
            }
            _ if step == Step::Change => self.record(row, ready, "change", &ready.row_hash, group),
            _ => self.record(row, ready, "enter", &ready.row_hash, group),
        }
    }

    /// What is held of a member; where no row is left of it, what the log remembers.
    fn held(&mut self, member: &str) -> Work<(Held, History)> {
        let (workspace, audience) = (self.terms.workspace, self.ready.batch.audience().key.as_str());
        let mut rows = self.find.query([workspace, audience, member])?;
        if let Some(row) = rows.next()? {
            let version = row.get(1)?;
            let held = match row.get(0)? {
                true => Held::Member { version, row_hash: row.get(2)?, group: row.get(3)? },
                false => Held::Former { version },
            };
            return Ok((held, History::default()));
        }
        drop(rows);
        let mut rows = self.history.query([workspace, audience, member])?;
        match rows.next()? {
            Some(row) if row.get_ref(2)? != ValueRef::Null => {
                Ok((Held::Former { version: row.get(2)? }, History { entries: row.get(0)?, first: row.get(1)? }))
            }
            _ => Ok((Held::Nothing, History::default())),
        }
    }

    /// Writes a transition to the log under the operation's own id.
    ///
    /// An operation may make the same transition a second time: two runs as of the same moment, with a third between
    /// that went the other way. The version then tells them apart.
    fn record(&mut self, row: &Row, ready: &ReadyRow, kind: &str, row_hash: &str, group: Option<&str>) -> Work<()> {
        let audience = self.ready.batch.audience().key.as_str();
        let version = self.ready.version;
        let mut event_id = format!("{}-{kind}", ready.op);
        for _ in 0..2 {
            let written = self.log.execute(params![
                self.terms.workspace,
                audience,
                row.member_id.as_str(),
                event_id,
                kind,
                reason_word(row.reason),
                group,
                ready.at,
                self.ready.batch.run(),
                version,
                row_hash
            ])?;
            if written > 0 {
                break;
            }
            event_id.push_str(&format!("-{version}"));
        }
        Ok(())
    }
}

fn config(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}
