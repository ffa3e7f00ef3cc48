//! Runs and rejected rows.

use super::session::{SqlSession, Work};
use super::task::Terms;
use super::value::Value;
use crate::connectors::warehouse::tables::Logical;
use crate::connectors::warehouse::values::{check_moment, loggable_key, op_word, status_word};
use crate::destination::{ActionCounts, RejectRecord, RunRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

/// The longest error text, in characters.
const MAX_MESSAGE: usize = 4_000;

/// Notes how a run stands.
pub(super) async fn note<S: SqlSession>(session: &mut S, terms: &Terms<'_>, run: &RunRecord) -> Work<()> {
    let message = run.error_message.as_deref().map(message);
    // Every run compares the whole source with what was acknowledged, which is what `full` means.
    let mut values = vec![
        ("run_id", Value::Text(&run.run_id)),
        ("run_seq", Value::count(run.run_seq)),
        ("workspace_key", Value::Text(terms.workspace)),
        ("audience_key", Value::Text(&run.audience)),
        ("destination_key", Value::Text(&run.destination)),
        ("mode", Value::Text("full")),
        ("status", Value::Text(status_word(run.status))),
        ("started_at", moment(run.started_at)?),
        ("finished_at", run.finished_at.map(moment).transpose()?.unwrap_or(Value::Null(Logical::Timestamp))),
        ("source_rows", Value::count(run.source_rows)),
        ("null_key_rows", Value::count(run.unusable_rows)),
        ("duplicate_key_rows", Value::count(run.duplicate_rows)),
        ("snapshot_generation", Value::count(run.generation)),
        ("error_class", Value::text(run.error.map(ErrorKind::as_str))),
        ("error_message", Value::text(message.as_deref())),
        ("engine_version", Value::Text(env!("CARGO_PKG_VERSION"))),
    ];
    values.extend(counts(["planned_added", "attempted_added", "succeeded_added", "failed_added"], run.add));
    values.extend(counts(["planned_changed", "attempted_changed", "succeeded_changed", "failed_changed"], run.update));
    values.extend(counts(["planned_removed", "attempted_removed", "succeeded_removed", "failed_removed"], run.remove));
    session.begin(&[]).await?;
    session.execute(&terms.statements.note_run, &values).await?;
    session.commit().await
}

/// Attempted are the rows that were answered.
fn counts(names: [&'static str; 4], counts: ActionCounts) -> [(&'static str, Value<'static>); 4] {
    let [planned, attempted, succeeded, failed] = names;
    [
        (planned, Value::count(counts.planned)),
        (attempted, Value::count(counts.accepted.saturating_add(counts.rejected))),
        (succeeded, Value::count(counts.accepted)),
        (failed, Value::count(counts.rejected)),
    ]
}

/// Notes rejected rows.
pub(super) async fn reject<S: SqlSession>(session: &mut S, terms: &Terms<'_>, rejects: &[RejectRecord]) -> Work<()> {
    session.begin(&[]).await?;
    for reject in rejects {
        let (member, told) = (
            loggable_key(&reject.member_id),
            reject.field.as_deref().map(|field| message(&format!("in the field {field}"))),
        );
        let values = [
            ("reject", Value::Text(&reject.reject_id)),
            ("run", Value::Text(&reject.run_id)),
            ("audience", Value::Text(&reject.audience)),
            ("member", Value::Text(&member)),
            ("op", Value::Text(op_word(reject.action))),
            ("class", Value::Text(ErrorKind::Rejected.as_str())),
            ("code", Value::Text(&reject.code)),
            ("message", Value::text(told.as_deref())),
            ("attempt", Value::Int(reject.attempt.into())),
            ("occurred", moment(reject.occurred_at)?),
        ];
        session.execute(&terms.statements.note_reject, &values).await?;
    }
    session.commit().await
}

fn moment(at: Timestamp) -> Result<Value<'static>> {
    let outside = |_| Error::new(ErrorKind::Config, "expected times in the years 1 to 9999, found another");
    check_moment(at, "time").map_err(outside)?;
    Ok(Value::Moment(at))
}

/// Texts are cut at the contract's length; a NUL would end them early for most readers.
fn message(text: &str) -> String {
    text.chars().filter(|character| *character != '\0').take(MAX_MESSAGE).collect()
}
