//! Key events: what members did, for lifetime value and cohorts.

use std::fmt;
use std::sync::Arc;

use super::row::{Attributes, MemberId};
use crate::time::Timestamp;

/// Something a member did: an order, a conversion. Does not print a person's values.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct KeyEvent {
    /// The host's id of the event: sent again with the same id, it counts once where the platform can tell.
    pub event_id: String,
    /// The event's name.
    pub name: String,
    /// Who.
    pub member_id: MemberId,
    /// When.
    pub occurred_at: Timestamp,
    /// The value in millionths of the currency's unit: exact, as money must be.
    pub value_micros: Option<i64>,
    /// The currency, ISO 4217.
    pub currency: Option<String>,
    /// The order.
    pub order_id: Option<String>,
    /// Mapped properties.
    pub properties: Attributes,
}

impl KeyEvent {
    /// An event by id, name, member and time.
    pub fn new(
        event_id: impl Into<String>,
        name: impl Into<String>,
        member_id: impl Into<MemberId>,
        occurred_at: Timestamp,
    ) -> Self {
        Self {
            event_id: event_id.into(),
            name: name.into(),
            member_id: member_id.into(),
            occurred_at,
            value_micros: None,
            currency: None,
            order_id: None,
            properties: Attributes::default(),
        }
    }

    /// Sets the value in millionths of `currency`'s unit.
    #[must_use]
    pub fn with_value(mut self, micros: i64, currency: impl Into<String>) -> Self {
        self.value_micros = Some(micros);
        self.currency = Some(currency.into());
        self
    }

    /// Sets the order.
    #[must_use]
    pub fn with_order(mut self, order_id: impl Into<String>) -> Self {
        self.order_id = Some(order_id.into());
        self
    }

    /// Sets mapped properties.
    #[must_use]
    pub fn with_properties(mut self, properties: Attributes) -> Self {
        self.properties = properties;
        self
    }
}

impl fmt::Debug for KeyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEvent")
            .field("name", &self.name)
            .field("occurred_at", &self.occurred_at)
            .finish_non_exhaustive()
    }
}

/// Key events to go out in one call. A cheap clone.
#[derive(Clone, Debug)]
pub struct EventBatch {
    run: Arc<str>,
    events: Arc<[KeyEvent]>,
}

impl EventBatch {
    /// Events of one call.
    pub fn new(run: impl Into<Arc<str>>, events: Vec<KeyEvent>) -> Self {
        Self { run: run.into(), events: events.into() }
    }

    /// The call they belong to.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The events; an outcome names them by index.
    pub fn events(&self) -> &[KeyEvent] {
        &self.events
    }
}
