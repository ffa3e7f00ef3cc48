//! Key events: of two with one id the first counts.

use rusqlite::params;
use sha2::{Digest, Sha256};

use super::fault::{Fault, Work};
use super::ledger::Entry;
use super::membership::{Terms, outcome};
use super::session::{Session, Writing};
use crate::connectors::warehouse::tables::EVENTS;
use crate::connectors::warehouse::values::{check_attributes, check_key, decimal, feed, json, moment, sha256_hex};
use crate::destination::{EventBatch, KeyEvent, Outcome, RowOutcome};

/// Events, ready to be written.
pub(super) struct Ready {
    batch: EventBatch,
    batch_id: String,
    content: String,
    rows: Vec<ReadyEvent>,
    refused: Vec<(usize, RowOutcome)>,
}

struct ReadyEvent {
    index: usize,
    at: String,
    value: Option<String>,
    currency: Option<String>,
    properties: Option<String>,
}

impl Ready {
    pub(super) fn new(batch: EventBatch) -> Self {
        let (mut rows, mut refused) = (Vec::with_capacity(batch.events().len()), Vec::new());
        let mut content = Sha256::new();
        for (index, event) in batch.events().iter().enumerate() {
            match ReadyEvent::new(index, event) {
                Ok(ready) => {
                    ready.feed(event, &mut content);
                    rows.push(ready);
                }
                Err(outcome) => refused.push((index, outcome)),
            }
        }
        let content = const_hex::encode(content.finalize());
        // The content is in the id: a corrected event is another batch, and loses against the first as the contract says.
        let batch_id = sha256_hex(&format!("{}\u{1f}{}\u{1f}{content}", EVENTS.name, batch.run()));
        Self { batch, batch_id, content, rows, refused }
    }

    fn entry<'a>(&'a self, now: &'a str) -> Entry<'a> {
        Entry {
            batch_id: &self.batch_id,
            run_id: self.batch.run(),
            table: EVENTS.name,
            rows: self.batch.events().len(),
            content: &self.content,
            now,
        }
    }
}

impl ReadyEvent {
    fn new(index: usize, event: &KeyEvent) -> Result<Self, RowOutcome> {
        check_key(&event.event_id, "event_id")?;
        check_key(&event.name, "name")?;
        check_key(event.member_id.as_str(), "member_id")?;
        event.order_id.as_deref().map_or(Ok(()), |order| check_key(order, "order_id"))?;
        check_attributes(&event.properties)?;
        let at = moment(event.occurred_at).ok_or_else(|| RowOutcome::rejected_field("out_of_range", "occurred_at"))?;
        let value = event
            .value_micros
            .map(|micros| decimal(micros).ok_or_else(|| RowOutcome::rejected_field("out_of_range", "value")));
        let currency = event.currency.as_deref().map(|currency| {
            let letters = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_alphabetic());
            letters
                .then(|| currency.to_ascii_uppercase())
                .ok_or_else(|| RowOutcome::rejected_field("malformed", "currency"))
        });
        let properties = json(&event.properties);
        Ok(Self { index, at, value: value.transpose()?, currency: currency.transpose()?, properties })
    }

    fn feed(&self, event: &KeyEvent, content: &mut Sha256) {
        for text in [&event.event_id, &event.name, event.member_id.as_str(), &self.at] {
            feed(content, text);
        }
        for optional in [&self.value, &self.currency, &event.order_id, &self.properties] {
            content.update([u8::from(optional.is_some())]);
            feed(content, optional.as_deref().unwrap_or_default());
        }
    }
}

/// Writes events in one transaction, or finds that the call has written them before.
pub(super) fn record(session: &mut Session<'_>, terms: &Terms<'_>, ready: &Ready) -> Work<Outcome> {
    let mut refused = ready.refused.clone();
    let writing = session.begin()?;
    let entry = ready.entry(terms.now);
    if entry.is_done(&writing, terms.names)? {
        return Ok(outcome(refused));
    }
    let by_sqlite = insert(&writing, terms, ready)?;
    if by_sqlite.is_empty() {
        entry.note(&writing, terms.names)?;
    }
    writing.commit()?;
    refused.extend(by_sqlite);
    Ok(outcome(refused))
}

/// One statement an event: a refused one is undone by SQLite itself.
fn insert(writing: &Writing<'_>, terms: &Terms<'_>, ready: &Ready) -> Work<Vec<(usize, RowOutcome)>> {
    let mut insert = writing.prepare(&format!(
        "INSERT INTO {} (event_id, workspace_key, event_name, member_key, occurred_at, received_at, value, currency,
             order_id, properties, batch_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (workspace_key, event_id) DO NOTHING",
        terms.names.events
    ))?;
    let mut refused = Vec::new();
    for row in &ready.rows {
        let Some(event) = ready.batch.events().get(row.index) else { continue };
        let written = insert.execute(params![
            event.event_id,
            terms.workspace,
            event.name,
            event.member_id.as_str(),
            row.at,
            terms.now,
            row.value,
            row.currency,
            event.order_id,
            row.properties,
            ready.batch_id
        ]);
        if let Err(fault) = written.map_err(Fault::from) {
            let Some(code) = fault.row_code() else { return Err(fault) };
            refused.push((row.index, RowOutcome::rejected(code)));
        }
    }
    Ok(refused)
}
