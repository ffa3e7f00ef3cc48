//! Key events as Mixpanel's.

use super::vet;
use super::wire::{Event, LONGEST_RECORD, LONGEST_TEXT, MOST_PROPERTIES, Properties, RESERVED, Value, len};
use crate::destination::{KeyEvent, RowOutcome};
use crate::time::Timestamp;

/// A key event as one of Mixpanel's.
pub(super) fn event(event: &KeyEvent, now: Timestamp) -> Result<Event<'_>, RowOutcome> {
    vet::member_id(&event.member_id)?;
    vet::time(event.occurred_at, now, "occurred_at")?;
    for (field, text) in [("event_id", &event.event_id), ("name", &event.name)] {
        if text.is_empty() {
            return Err(RowOutcome::rejected_field("missing", field));
        }
    }
    if event.name.chars().count() > LONGEST_TEXT {
        return Err(RowOutcome::rejected_field("too_long", "name"));
    }
    let mut properties =
        Properties::of_event(event.occurred_at, event.member_id.as_str(), vet::insert_id(&event.event_id));
    properties.put_some("value", event.value_micros.map(amount));
    properties.put_some("currency", event.currency.as_deref());
    properties.put_some("order_id", event.order_id.as_deref());
    for (name, attribute) in event.properties.iter() {
        if RESERVED.contains(&name) || properties.has(name) {
            return Err(RowOutcome::rejected_field("reserved_name", name.to_owned()));
        }
        properties.put_some(name, Value::of(attribute));
    }
    if properties.len() > MOST_PROPERTIES {
        return Err(RowOutcome::rejected_field("over_limit", "properties"));
    }
    let event = Event { name: &event.name, properties };
    if len(&event) > LONGEST_RECORD {
        return Err(RowOutcome::rejected("too_large"));
    }
    Ok(event)
}

/// Millionths as a number: Mixpanel keeps doubles, and the nearest one prints as the amount that was meant.
fn amount(micros: i64) -> Value<'static> {
    Value::Number(micros as f64 / 1_000_000.0)
}
