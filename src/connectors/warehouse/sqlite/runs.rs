//! Runs and rejected rows.

use rusqlite::params;

use super::fault::Work;
use super::names::Names;
use super::session::Session;
use crate::connectors::warehouse::values::{loggable_key, moment, op_word, status_word};
use crate::destination::{ActionCounts, RejectRecord, RunRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

/// The longest error text, in characters.
const MAX_MESSAGE: usize = 4_000;

/// Notes how a run stands. A record that says "running" never undoes one that says how it ended.
pub(super) fn note(session: &mut Session<'_>, names: &Names, workspace: &str, run: &RunRecord) -> Work<()> {
    let (started, finished) = (text(run.started_at)?, run.finished_at.map(text).transpose()?);
    let message = run.error_message.as_deref().map(message);
    let writing = session.begin()?;
    writing.execute(
        &upsert(&names.runs),
        params![
            run.run_id,
            number(run.run_seq),
            workspace,
            run.audience,
            run.destination,
            status_word(run.status),
            started,
            finished,
            number(run.source_rows),
            number(run.unusable_rows),
            number(run.duplicate_rows),
            number(run.add.planned),
            attempted(run.add),
            number(run.add.accepted),
            number(run.add.rejected),
            number(run.update.planned),
            attempted(run.update),
            number(run.update.accepted),
            number(run.update.rejected),
            number(run.remove.planned),
            attempted(run.remove),
            number(run.remove.accepted),
            number(run.remove.rejected),
            number(run.generation),
            run.error.map(ErrorKind::as_str),
            message,
            env!("CARGO_PKG_VERSION"),
        ],
    )?;
    writing.commit()
}

/// Every run compares the whole source with what was acknowledged, which is what `full` means.
fn upsert(runs: &str) -> String {
    format!(
        "INSERT INTO {runs} AS known (run_id, run_seq, workspace_key, audience_key, destination_key, mode, status,
             started_at, finished_at, source_rows, null_key_rows, duplicate_key_rows,
             planned_added, attempted_added, succeeded_added, failed_added,
             planned_changed, attempted_changed, succeeded_changed, failed_changed,
             planned_removed, attempted_removed, succeeded_removed, failed_removed,
             snapshot_generation, error_class, error_message, engine_version)
         VALUES (?1, ?2, ?3, ?4, ?5, 'full', ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
             ?21, ?22, ?23, ?24, ?25, ?26, ?27)
         ON CONFLICT (run_id) DO UPDATE SET run_seq = excluded.run_seq, workspace_key = excluded.workspace_key,
             audience_key = excluded.audience_key, destination_key = excluded.destination_key, mode = excluded.mode,
             status = excluded.status, started_at = excluded.started_at, finished_at = excluded.finished_at,
             source_rows = excluded.source_rows, null_key_rows = excluded.null_key_rows,
             duplicate_key_rows = excluded.duplicate_key_rows,
             planned_added = excluded.planned_added, attempted_added = excluded.attempted_added,
             succeeded_added = excluded.succeeded_added, failed_added = excluded.failed_added,
             planned_changed = excluded.planned_changed, attempted_changed = excluded.attempted_changed,
             succeeded_changed = excluded.succeeded_changed, failed_changed = excluded.failed_changed,
             planned_removed = excluded.planned_removed, attempted_removed = excluded.attempted_removed,
             succeeded_removed = excluded.succeeded_removed, failed_removed = excluded.failed_removed,
             snapshot_generation = excluded.snapshot_generation, error_class = excluded.error_class,
             error_message = excluded.error_message, engine_version = excluded.engine_version
         WHERE known.status = 'running' OR excluded.status <> 'running'"
    )
}

/// Notes rejected rows; one that is known already stays as it is.
pub(super) fn reject(session: &mut Session<'_>, names: &Names, rejects: &[RejectRecord]) -> Work<()> {
    let writing = session.begin()?;
    {
        let mut insert = writing.prepare(&format!(
            "INSERT INTO {} (reject_id, run_id, audience_key, member_key, op, error_class, error_code, error_message,
                 attempt, occurred_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (reject_id) DO NOTHING",
            names.rejects
        ))?;
        for reject in rejects {
            insert.execute(params![
                reject.reject_id,
                reject.run_id,
                reject.audience,
                loggable_key(&reject.member_id),
                op_word(reject.action),
                ErrorKind::Rejected.as_str(),
                reject.code,
                reject.field.as_deref().map(|field| message(&format!("in the field {field}"))),
                reject.attempt,
                text(reject.occurred_at)?,
            ])?;
        }
    }
    writing.commit()
}

fn text(at: Timestamp) -> Result<String> {
    let outside = || Error::new(ErrorKind::Config, "expected times in the years 1 to 9999, found another");
    moment(at).ok_or_else(outside)
}

/// Texts are cut at the contract's length; a NUL would end them early for most readers.
fn message(text: &str) -> String {
    text.chars().filter(|character| *character != '\0').take(MAX_MESSAGE).collect()
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Rows that were answered.
fn attempted(counts: ActionCounts) -> i64 {
    number(counts.accepted.saturating_add(counts.rejected))
}
