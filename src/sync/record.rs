//! Key events on their way to a destination: no state, an outcome for each.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use super::binding::Binding;
use super::deliver::{Courier, settled_by_job};
use super::engine::Inner;
use super::pace::pacer;
use super::retry::{Verdict, verdict};
use crate::destination::{AudienceRef, EventBatch, KeyEvent};
use crate::error::{Error, ErrorKind, Result};
use crate::state::RowSettled;

/// What came of recorded events: one outcome each, in the order they were given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[must_use = "events that were not settled must be sent again"]
pub struct EventReport {
    /// One for each event.
    pub outcomes: Vec<EventOutcome>,
    /// Why sending ended early, if it did.
    pub error: Option<String>,
}

/// What came of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventOutcome {
    /// The platform took it.
    Accepted,
    /// The platform refused it for good.
    Rejected {
        /// Why: a stable word.
        code: String,
        /// The field it concerns.
        field: Option<String>,
    },
    /// Not known, or not applied: send it again with the same event id.
    Unsettled,
}

impl EventReport {
    /// The indexes of the events to send again.
    pub fn unsettled(&self) -> impl Iterator<Item = usize> + '_ {
        let outcomes = self.outcomes.iter().enumerate();
        outcomes.filter(|(_, outcome)| **outcome == EventOutcome::Unsettled).map(|(index, _)| index)
    }
}

impl fmt::Display for EventReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |of: fn(&EventOutcome) -> bool| self.outcomes.iter().filter(|outcome| of(outcome)).count();
        write!(
            f,
            "{} events = {} accepted + {} rejected + {} unsettled",
            self.outcomes.len(),
            count(|outcome| *outcome == EventOutcome::Accepted),
            count(|outcome| matches!(outcome, EventOutcome::Rejected { .. })),
            self.unsettled().count()
        )
    }
}

pub(crate) async fn record(engine: &Arc<Inner>, binding: &Binding, events: Vec<KeyEvent>) -> Result<EventReport> {
    let destination = binding.destination().clone();
    let capabilities = destination.capabilities();
    if !capabilities.events {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "record events at {binding}: expected a destination that takes key events, found one that does not"
            ),
        ));
    }
    let cx = engine.context(&engine.run_id());
    let (name, pacer) = (binding.name(), pacer(capabilities.rate));
    let audience = AudienceRef::new("", binding.audience().key());
    let courier = Courier {
        destination: &*destination,
        capabilities: &capabilities,
        cx: &cx,
        binding: &name,
        audience: &audience,
        row_version: 0,
        policy: &engine.retry,
        pacer: &pacer,
        seq: AtomicU64::new(1),
    };
    let mut report = EventReport { outcomes: vec![EventOutcome::Unsettled; events.len()], error: None };
    let most = usize::try_from(capabilities.limits.rows.max(1)).unwrap_or(usize::MAX);
    let mut groups: Vec<std::ops::Range<usize>> =
        (0..events.len()).step_by(most).map(|start| start..events.len().min(start + most)).rev().collect();
    while let Some(group) = groups.pop() {
        let batch = EventBatch::new(cx.run(), events.get(group.clone()).unwrap_or_default().to_vec());
        let answer = courier.retried(|| destination.record(&cx, &batch)).await;
        match answer.and_then(|outcome| outcome.resolve(group.len())) {
            Ok(outcomes) => {
                let settled = outcomes.into_iter().map(|outcome| outcome_of(settled_by_job(outcome)));
                group.zip(settled).for_each(|(index, outcome)| set(&mut report, index, outcome));
            }
            Err(error) => match verdict(&error, group.len() == 1) {
                Verdict::Split => {
                    let middle = group.start + group.len() / 2;
                    groups.push(middle..group.end);
                    groups.push(group.start..middle);
                }
                Verdict::RejectRow => {
                    let code = error.code().unwrap_or(error.kind().as_str()).to_owned();
                    set(&mut report, group.start, EventOutcome::Rejected { code, field: None });
                }
                _ => {
                    report.error = Some(error.to_string());
                    break;
                }
            },
        }
    }
    Ok(report)
}

fn set(report: &mut EventReport, index: usize, outcome: EventOutcome) {
    if let Some(place) = report.outcomes.get_mut(index) {
        *place = outcome;
    }
}

fn outcome_of(settled: RowSettled) -> EventOutcome {
    match settled {
        RowSettled::Accepted { .. } => EventOutcome::Accepted,
        RowSettled::Rejected { code, field } => EventOutcome::Rejected { code, field },
        _ => EventOutcome::Unsettled,
    }
}
