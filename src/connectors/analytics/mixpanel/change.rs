//! One batch as Mixpanel reads it: profile updates that hold the membership, and events that tell of it.

use super::config::MixpanelConfig;
use super::vet;
use super::wire::{Event, LONGEST_RECORD, Operation, Properties, Update, Value, len};
use crate::connectors::analytics::labels;
use crate::destination::{Action, Arm, AudienceRef, Batch, Cost, Row, RowOutcome};
use crate::time::Timestamp;

/// Properties that an entry or exit has besides those every event has, the labels, and the one that marks a backfill.
pub(super) const PROPERTIES: [&str; 5] = ["audience_key", "audience_name", "run_id", "arm", "reason"];

/// Room for what an audience and a run add to one row (key, names, labels, run id), which are not known where a row's
/// cost is asked for. Where they add more, [`super::wire::LONGEST_BODY`] still holds: the batch is split before it leaves.
const AUDIENCE_BYTES: u64 = 512;

/// What happens to the members of one audience in one run.
pub(super) struct Change<'a> {
    config: &'a MixpanelConfig,
    audience: &'a AudienceRef,
    action: Action,
    run: &'a str,
    arm_property: String,
}

/// The rows of a batch that are sent, as records, and those that are not. Everything is named by its row's index.
pub(super) struct Sorted<'a> {
    pub(super) updates: Vec<(usize, Update<'a>)>,
    pub(super) events: Vec<(usize, Event<'a>)>,
    pub(super) refused: Vec<(usize, RowOutcome)>,
}

impl<'a> Change<'a> {
    pub(super) fn of(config: &'a MixpanelConfig, batch: &'a Batch) -> Self {
        Self::new(config, batch.audience(), batch.action(), batch.run())
    }

    fn new(config: &'a MixpanelConfig, audience: &'a AudienceRef, action: Action, run: &'a str) -> Self {
        Self { config, audience, action, run, arm_property: format!("arm_{}", audience.id) }
    }

    /// The records of `rows`.
    pub(super) fn sort(&'a self, rows: &'a [Row], now: Timestamp) -> Sorted<'a> {
        let mut sorted = Sorted { updates: Vec::new(), events: Vec::new(), refused: Vec::new() };
        for (index, row) in rows.iter().enumerate() {
            let (updates, event) = (self.updates(row), self.event(row));
            match self.vet(row, &updates, event.is_some(), now) {
                Ok(()) => {
                    sorted.updates.extend(updates.into_iter().map(|update| (index, update)));
                    sorted.events.extend(event.map(|event| (index, event)));
                }
                Err(outcome) => sorted.refused.push((index, outcome)),
            }
        }
        sorted
    }

    fn vet(&self, row: &Row, updates: &[Update<'_>], dated: bool, now: Timestamp) -> Result<(), RowOutcome> {
        vet::member_id(&row.member_id)?;
        if dated {
            vet::time(row.effective_at, now, "effective_at")?;
        }
        // An attribute of that name would overwrite what is kept there.
        let ours = [&*self.config.membership_property, &*self.arm_property];
        if let Some((name, _)) = row.attributes.iter().find(|(name, _)| ours.contains(name)) {
            return Err(RowOutcome::rejected_field("reserved_name", name.to_owned()));
        }
        if updates.iter().any(|update| len(update) > LONGEST_RECORD) {
            return Err(RowOutcome::rejected("too_large"));
        }
        Ok(())
    }

    /// The profile updates of a row.
    fn updates(&'a self, row: &'a Row) -> Vec<Update<'a>> {
        let (property, id) = (&*self.config.membership_property, &*self.audience.id);
        let mut operations = Vec::with_capacity(3);
        match self.action {
            Action::Add => operations.push(Operation::Union(Properties::one(property, Value::List([id])))),
            Action::Remove => operations.push(Operation::Remove(Properties::one(property, id))),
            Action::Update => {}
        }
        // Whoever leaves keeps attributes and arm: an experiment is measured after the exit too.
        if self.action != Action::Remove {
            let (mut set, mut unset) = (Properties::default(), Vec::new());
            for (name, attribute) in row.attributes.iter() {
                match Value::of(attribute) {
                    Some(value) => set.put(name, value),
                    None => unset.push(name),
                }
            }
            set.put_some(&self.arm_property, row.arm.map(Arm::as_str));
            operations.extend((set.len() > 0).then_some(Operation::Set(set)));
            operations.extend((!unset.is_empty()).then_some(Operation::Unset(unset)));
        }
        let update = |operation| Update {
            token: self.config.project_token.expose(),
            distinct_id: row.member_id.as_str(),
            operation,
        };
        operations.into_iter().map(update).collect()
    }

    /// The event of a row, where it has one.
    fn event(&'a self, row: &'a Row) -> Option<Event<'a>> {
        let name = match self.action {
            Action::Add => &self.config.entered_event,
            Action::Remove => &self.config.exited_event,
            Action::Update => return None,
        };
        if !self.config.events {
            return None;
        }
        let mut properties = Properties::of_event(row.effective_at, row.member_id.as_str(), row.op_id.to_hex());
        properties.put("audience_key", &*self.audience.key);
        properties.put_some("audience_name", self.audience.name.as_deref());
        for (label, property) in labels::PROPERTIES {
            properties.put_some(property, self.audience.labels.get(label).map(String::as_str));
        }
        properties.put("run_id", self.run);
        properties.put_some("arm", row.arm.map(Arm::as_str));
        properties.put("reason", row.reason.as_str());
        if let Some(property) = &self.config.backfill_property {
            properties.put(property, Value::Bool(true));
        }
        Some(Event { name, properties })
    }
}

/// What a row costs: its records in the longer of the two bodies, made as they are sent, each with its comma.
pub(super) fn cost(config: &MixpanelConfig, row: &Row) -> Cost {
    let audience = AudienceRef::new("", "");
    let change = Change::new(config, &audience, Action::Add, "");
    let updates = change.updates(row);
    let update_bytes: u64 = updates.iter().map(|update| len(update) + 1).sum();
    let exit_is_longer = config.exited_event.len().saturating_sub(config.entered_event.len()) as u64;
    let event_bytes = change.event(row).map_or(0, |event| len(&event) + 1 + exit_is_longer);
    Cost { rows: updates.len() as u64, identifiers: 0, bytes: update_bytes.max(event_bytes) + AUDIENCE_BYTES }
}
