//! Key events: of two with one id the first counts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::ledger::Entry;
use super::session::{SqlSession, Work};
use super::split::{self, Pieces};
use super::task::{Terms, outcome};
use super::value::{StageRows, Value};
use crate::connectors::warehouse::tables::{EVENTS, Logical, STAGED_EVENTS};
use crate::connectors::warehouse::values::{
    check_attributes, check_decimal, check_key, check_moment, feed, json, sha256_hex,
};
use crate::destination::{EventBatch, KeyEvent, Outcome, RowOutcome};

/// Events, ready to be written.
pub(crate) struct ReadyEvents {
    batch: EventBatch,
    batch_id: String,
    content: String,
    /// In the order of their ids, so that two callers that write the same events wait for each other in one order.
    rows: Vec<ReadyEvent>,
    refused: Vec<(usize, RowOutcome)>,
}

struct ReadyEvent {
    index: usize,
    currency: Option<String>,
    properties: Option<String>,
}

impl ReadyEvents {
    pub(crate) fn new(batch: EventBatch) -> Self {
        let (mut rows, mut refused) = (BTreeMap::new(), Vec::new());
        let mut content = Sha256::new();
        for (index, event) in batch.events().iter().enumerate() {
            match ReadyEvent::new(index, event) {
                Ok(ready) => {
                    ready.feed(event, &mut content);
                    rows.entry(event.event_id.as_str()).or_insert(ready);
                }
                Err(outcome) => refused.push((index, outcome)),
            }
        }
        let (content, rows) = (const_hex::encode(content.finalize()), rows.into_values().collect());
        // The content is in the id: a corrected event is another batch, and loses against the first as the contract says.
        let batch_id = sha256_hex(&format!("{}\u{1f}{}\u{1f}{content}", EVENTS.name, batch.run()));
        Self { batch, batch_id, content, rows, refused }
    }

    /// Writes events in one transaction, or finds that the call has written them before.
    pub(super) async fn record<S: SqlSession>(&self, session: &mut S, terms: &Terms<'_>) -> Work<Outcome> {
        let mut refused = self.refused.clone();
        session.begin(&[&STAGED_EVENTS]).await?;
        session.load(&STAGED_EVENTS, self).await?;
        session.lock(&terms.lock_key(&self.batch_id)).await?;
        let entry = Entry {
            batch_id: &self.batch_id,
            run_id: self.batch.run(),
            table: EVENTS.name,
            rows: self.batch.events().len(),
            content: &self.content,
        };
        if entry.is_done(session, terms).await? {
            session.rollback().await?;
            return Ok(outcome(refused));
        }
        let by_database = split::write(session, &Insert { ready: self, terms }, self.rows.len()).await?;
        if by_database.is_empty() {
            entry.note(session, terms).await?;
        }
        session.commit().await?;
        refused.extend(by_database);
        Ok(outcome(refused))
    }
}

impl ReadyEvent {
    fn new(index: usize, event: &KeyEvent) -> Result<Self, RowOutcome> {
        check_key(&event.event_id, "event_id")?;
        check_key(&event.name, "name")?;
        check_key(event.member_id.as_str(), "member_id")?;
        event.order_id.as_deref().map_or(Ok(()), |order| check_key(order, "order_id"))?;
        check_attributes(&event.properties)?;
        check_moment(event.occurred_at, "occurred_at")?;
        event.value_micros.map_or(Ok(()), |micros| check_decimal(micros, "value"))?;
        let currency = event.currency.as_deref().map(|currency| {
            let letters = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_alphabetic());
            letters
                .then(|| currency.to_ascii_uppercase())
                .ok_or_else(|| RowOutcome::rejected_field("malformed", "currency"))
        });
        Ok(Self { index, currency: currency.transpose()?, properties: json(&event.properties) })
    }

    fn feed(&self, event: &KeyEvent, content: &mut Sha256) {
        for text in [&event.event_id, &event.name, event.member_id.as_str()] {
            feed(content, text);
        }
        content.update(event.occurred_at.as_millis().to_le_bytes());
        content.update([u8::from(event.value_micros.is_some())]);
        content.update(event.value_micros.unwrap_or_default().to_le_bytes());
        for optional in [&self.currency, &event.order_id, &self.properties] {
            content.update([u8::from(optional.is_some())]);
            feed(content, optional.as_deref().unwrap_or_default());
        }
    }
}

impl StageRows for ReadyEvents {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row<'a>(&'a self, index: usize, out: &mut Vec<Value<'a>>) {
        let Some((ready, event)) =
            self.rows.get(index).and_then(|ready| self.batch.events().get(ready.index).map(|event| (ready, event)))
        else {
            return;
        };
        out.extend([
            Value::count(index as u64),
            Value::Text(&event.event_id),
            Value::Text(&event.name),
            Value::Text(event.member_id.as_str()),
            Value::Moment(event.occurred_at),
            event.value_micros.map_or(Value::Null(Logical::Decimal), Value::Decimal),
            Value::text(ready.currency.as_deref()),
            Value::text(event.order_id.as_deref()),
            Value::json(ready.properties.as_deref()),
        ]);
    }
}

/// From the stage to the table.
struct Insert<'a> {
    ready: &'a ReadyEvents,
    terms: &'a Terms<'a>,
}

#[async_trait]
impl<S: SqlSession> Pieces<S> for Insert<'_> {
    async fn write(&self, session: &mut S, low: usize, high: usize) -> Work<()> {
        let values = [
            ("workspace", Value::Text(self.terms.workspace)),
            ("now", Value::Moment(self.terms.now)),
            ("batch", Value::Text(&self.ready.batch_id)),
            ("low", Value::count(low as u64)),
            ("high", Value::count(high as u64)),
        ];
        session.execute(&self.terms.statements.write_events, &values).await?;
        Ok(())
    }

    fn index(&self, row: usize) -> usize {
        self.ready.rows.get(row).map_or(row, |ready| ready.index)
    }
}
