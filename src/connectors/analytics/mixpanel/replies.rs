//! What Mixpanel's answers mean. Its own words are never repeated: they may quote a member's values.

use std::collections::BTreeMap;

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result, Retry};
use crate::http::{Response, classify_status, json};
use crate::time::Timestamp;

/// Records that were refused: by place in the request, each with what Mixpanel says it was about.
pub(super) type Failed = BTreeMap<usize, Option<String>>;

/// What came of `/import`: the events not named here are in.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Imported {
    pub(super) failed: Failed,
    /// Events that were neither counted as imported nor named as refused.
    pub(super) unattributed: u64,
}

#[derive(Deserialize)]
struct ImportReply {
    num_records_imported: Option<u64>,
    #[serde(default)]
    failed_records: Vec<FailedRecord>,
}

/// The guide's sample has `$insert_id`, the OpenAPI file `insert_id`; both have the index, which is what counts. The id
/// helps where the index is missing.
#[derive(Deserialize)]
struct FailedRecord {
    index: Option<usize>,
    #[serde(rename = "$insert_id")]
    dollar_insert_id: Option<String>,
    insert_id: Option<String>,
    field: Option<String>,
}

/// Reads the answer of `/import` to events with these `$insert_id`s.
///
/// A 400 that names records is a success for all others; sending those again would only count towards the rate.
///
/// # Errors
/// As [`classify_status`]; `Rejected` for a 400 that names no record; `UnexpectedReply` for an answer that does not say
/// what came of every event.
pub(super) fn imported(
    response: &Response,
    sent: usize,
    place_of: impl Fn(&str) -> Option<usize>,
    now: Timestamp,
) -> Result<Imported> {
    let verdict = classify_status(response, now);
    if !matches!(response.status, StatusCode::OK | StatusCode::BAD_REQUEST) {
        verdict?;
        return Err(unexpected("status 200", "another of success"));
    }
    let reply = match (json::<ImportReply>(response), verdict) {
        (Ok(reply), Ok(())) => reply,
        (Ok(reply), Err(_)) if !reply.failed_records.is_empty() => reply,
        (_, Err(refused)) => return Err(refused),
        (Err(unread), Ok(())) => return Err(unread),
    };
    let failed = places(reply.failed_records, sent, place_of)?;
    let counted = match reply.num_records_imported {
        Some(imported) => imported.saturating_add(failed.len() as u64),
        None if failed.is_empty() => return Err(unexpected("the number of imported events", "none")),
        None => sent as u64,
    };
    Ok(Imported { failed, unattributed: (sent as u64).saturating_sub(counted) })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum EngageReply {
    /// Without `verbose`: 1 or 0.
    Plain(u8),
    Verbose {
        status: Value,
        #[serde(default)]
        error: Value,
        #[serde(default)]
        failed_records: Vec<FailedRecord>,
    },
}

/// Reads the answer of `/engage` to `sent` updates: empty when all are in.
///
/// It has status 200 even when nothing was taken, so only the body counts. That `strict=1` names records as `/import`
/// does stands in openapi/ingestion.openapi.yaml, their form does not; `1` alone would mean that some were valid.
///
/// # Errors
/// As [`classify_status`]; `Rejected` when it was refused without a name of a record; `UnexpectedReply` for an answer
/// that is neither a success nor a refusal.
pub(super) fn engaged(response: &Response, sent: usize, now: Timestamp) -> Result<Failed> {
    let verdict = classify_status(response, now);
    if !matches!(response.status, StatusCode::OK | StatusCode::BAD_REQUEST) {
        verdict?;
        return Err(unexpected("status 200", "another of success"));
    }
    let reply = match (json(response), verdict) {
        (Ok(reply), _) => reply,
        (Err(_), Err(refused)) => return Err(refused),
        (Err(unread), Ok(())) => return Err(unread),
    };
    match reply {
        EngageReply::Verbose { failed_records, .. } if !failed_records.is_empty() => {
            places(failed_records, sent, |_| None)
        }
        EngageReply::Plain(1) if response.status == StatusCode::OK => Ok(Failed::new()),
        EngageReply::Verbose { status, error, .. }
            if response.status == StatusCode::OK && is_success(&status) && is_empty(&error) =>
        {
            Ok(Failed::new())
        }
        _ => Err(Error::new(
            ErrorKind::Rejected,
            "expected all profile updates to be taken, found them refused without a word on which",
        )),
    }
}

fn is_success(status: &Value) -> bool {
    *status == 1 || *status == "OK"
}

fn is_empty(error: &Value) -> bool {
    error.is_null() || *error == ""
}

/// The places of failed records. Said twice, the first word counts.
fn places(records: Vec<FailedRecord>, sent: usize, place_of: impl Fn(&str) -> Option<usize>) -> Result<Failed> {
    let mut failed = Failed::new();
    for record in records {
        let place = record.index.or_else(|| place_of(record.dollar_insert_id.or(record.insert_id)?.as_str()));
        match place.filter(|place| *place < sent) {
            Some(place) => failed.entry(place).or_insert(record.field),
            None => return Err(unexpected("failed records that were sent", "one that was not")),
        };
    }
    Ok(failed)
}

/// The request was answered, and nobody knows what came of it.
fn unexpected(expected: &str, found: &str) -> Error {
    Error::new(ErrorKind::UnexpectedReply, format!("expected {expected}, found {found}"))
        .with_retry(Retry::MaybeApplied)
}
