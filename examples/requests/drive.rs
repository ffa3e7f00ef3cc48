//! A destination driven by hand, as a host does that does not use the engine.

use std::collections::BTreeMap;

use audience_sync::Error;
use audience_sync::audience::Audience;
use audience_sync::destination::{
    Action, Attributes, AudienceRef, AudienceSpec, Batch, ConsentPurpose, Context, Cost, Destination, EventBatch,
    JobRef, KeyEvent, MemberId, OpId, Outcome, Reason, Row, RowOutcome, SessionKind, SessionSpec,
};
use audience_sync::identity::{AttributeValue, Canonicalizer, Consent, ConsentState};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::args::{self, Args};
use crate::people::Person;

/// Questions about one job before it is left alone.
const MOST_POLLS: u32 = 20;

pub(crate) struct Drive<'a> {
    destination: &'a dyn Destination,
    cx: Context,
    args: &'a Args,
    /// What became of the members, line by line.
    pub(crate) told: Vec<String>,
}

impl<'a> Drive<'a> {
    pub(crate) fn new(destination: &'a dyn Destination, cx: Context, args: &'a Args) -> Self {
        Self { destination, cx, args, told: Vec::new() }
    }

    fn name(&self) -> &str {
        self.args.audience.as_deref().unwrap_or("Dry run")
    }

    /// Finds or creates the audience, as a first sync does.
    pub(crate) async fn open(&mut self) -> Result<AudienceRef> {
        let rules = self.destination.capabilities().name_rules;
        let audience = Audience::named(self.name()).or_else(|_| Audience::new(slug(self.name()), self.name()))?;
        if let Some(id) = &self.args.audience_id {
            return Ok(AudienceRef::new(id, audience.key()).with_name(self.name()));
        }
        let mut spec = AudienceSpec::new(audience.key(), audience.name_for(&rules)?).with_role(audience.role());
        if let Some(parts) = audience.parts() {
            spec = spec.with_parts(parts.clone());
        }
        let opened = self.destination.open(&self.cx, &spec).await?;
        self.told.push(format!("audience {:?} is {:?} at the platform", self.name(), opened.id));
        Ok(opened)
    }

    pub(crate) async fn size(&mut self) -> Result<()> {
        let audience = self.open().await?;
        let size = self.destination.size(&self.cx, &audience).await?;
        self.told.push(format!("size: {}", serde_json::to_string(&size)?));
        Ok(())
    }

    /// Adds, removes, or replaces by the members.
    pub(crate) async fn members(&mut self, people: &[Person]) -> Result<()> {
        let (action, replaces) = match self.args.action {
            args::Action::Remove => (Action::Remove, false),
            args::Action::Replace => (Action::Add, true),
            _ => (Action::Add, false),
        };
        let rows = self.rows(people, action)?;
        let audience = self.open().await?;
        let session = if replaces || self.destination.capabilities().session != SessionKind::None {
            let spec =
                SessionSpec::new(self.cx.run(), audience.clone(), (!replaces).then_some(action), rows.len() as u64);
            Some(self.destination.begin(&self.cx, &spec).await?)
        } else {
            None
        };
        let (mut tally, mut staged) = (Tally::default(), 0);
        let batches = self.batches(rows);
        for (seq, rows) in (1..).zip(&batches) {
            let batch = Batch::new(self.cx.run(), audience.clone(), action, rows.clone()).with_row_version(1);
            let batch = match &session {
                Some(session) => batch.with_session(session.clone(), seq, seq == batches.len() as u64),
                None => batch,
            };
            let outcome = self.destination.send(&self.cx, &batch).await?;
            staged += self.settle(outcome, rows.len(), &mut tally).await?;
        }
        if let Some(session) = &session {
            let outcome = self.destination.finish(&self.cx, session).await?;
            self.settle(outcome, staged, &mut tally).await?;
        }
        self.told.extend(tally.lines());
        Ok(())
    }

    /// Records one event a line.
    pub(crate) async fn record(&mut self, people: &[Person]) -> Result<()> {
        let name = self.args.audience.as_deref().unwrap_or("conversion");
        let mut events = Vec::new();
        for person in people.iter().filter(|person| self.may_be_sent(person.consent())) {
            let at = person.occurred_at()?.unwrap_or_else(|| self.cx.now());
            events.push(event(person, name, at)?);
        }
        let mut tally = Tally::default();
        let most = usize::try_from(self.destination.capabilities().limits.rows).unwrap_or(usize::MAX).max(1);
        for events in events.chunks(most) {
            let batch = EventBatch::new(self.cx.run(), events.to_vec());
            let outcome = self.destination.record(&self.cx, &batch).await?;
            self.settle(outcome, events.len(), &mut tally).await?;
        }
        self.told.extend(tally.lines());
        Ok(())
    }

    /// Members as rows of the destination's profile. Who cannot be sent is told, and left out.
    fn rows(&mut self, people: &[Person], action: Action) -> Result<Vec<Row>> {
        let canonicalizer = Canonicalizer::new().with_allow_test_values(!self.args.strict);
        let profile = self.destination.capabilities().profile;
        let (mut rows, mut left_out) = (Vec::new(), BTreeMap::<String, u64>::new());
        let mut leave_out = |reason: String| *left_out.entry(reason).or_default() += 1;
        for person in people {
            if action != Action::Remove && !self.may_be_sent(person.consent()) {
                leave_out("members left out: no consent".to_owned());
                continue;
            }
            let projected = canonicalizer.canonicalize_member(&person.member()).project(profile);
            for (kind, reject) in &projected.rejects {
                leave_out(format!("values left out: {}: {}", kind.as_str(), reject.code()));
            }
            if !projected.matchable {
                leave_out("members left out: nothing the destination matches by".to_owned());
                continue;
            }
            let effective_at = person.occurred_at()?.unwrap_or_else(|| self.cx.now());
            let removes = action == Action::Remove;
            rows.push(Row {
                op_id: op_id(&[&person.id, action.as_str(), &effective_at.to_string()]),
                member_id: MemberId::new(person.id.as_str()),
                identifiers: projected.identifiers,
                attributes: if removes { Attributes::default() } else { Attributes::new(person.attributes()) },
                consent: person.consent(),
                arm: None,
                reason: if removes { Reason::Left } else { Reason::Entered },
                effective_at,
                expires_at: None,
                vendor_ref: None,
            });
        }
        self.told.extend(left_out.into_iter().map(|(reason, count)| format!("{reason}: {count}")));
        Ok(rows)
    }

    fn may_be_sent(&self, consent: Consent) -> bool {
        self.destination.capabilities().consent.iter().all(|purpose| {
            let state = match purpose {
                ConsentPurpose::AdPersonalization => consent.ad_personalization,
                _ => consent.ad_user_data,
            };
            state != ConsentState::Denied
        })
    }

    /// Rows in batches that the destination takes, in order.
    fn batches(&self, rows: Vec<Row>) -> Vec<Vec<Row>> {
        let limits = self.destination.capabilities().limits;
        let (mut batches, mut filled): (Vec<Vec<Row>>, _) = (Vec::new(), Cost::default());
        for row in rows {
            let cost = self.destination.cost(&row);
            match batches.last_mut().filter(|_| limits.fits(filled + cost)) {
                Some(batch) => {
                    filled = filled + cost;
                    batch.push(row);
                }
                None => {
                    filled = cost;
                    batches.push(vec![row]);
                }
            }
        }
        batches
    }

    /// Counts what became of `rows`, those of a job when it has ended; gives back how many wait for the session's end.
    async fn settle(&self, outcome: Outcome, rows: usize, tally: &mut Tally) -> Result<usize> {
        let mut job = outcome.job().cloned();
        let mut open = outcome.resolve(rows)?;
        let mut staged = 0;
        for asked in 0..=MOST_POLLS {
            let (pending, settled): (Vec<_>, Vec<_>) =
                open.into_iter().partition(|outcome| matches!(outcome, RowOutcome::Pending));
            staged += settled.iter().filter(|outcome| matches!(outcome, RowOutcome::Staged)).count();
            settled.iter().for_each(|outcome| tally.count(outcome));
            open = pending;
            let Some(reference) = job.clone().filter(|_| !open.is_empty() && asked < MOST_POLLS) else { break };
            let answer = self.poll(&reference).await?;
            job = answer.job().cloned().or(job);
            open = answer.resolve(open.len())?;
        }
        open.iter().for_each(|outcome| tally.count(outcome));
        Ok(staged)
    }

    async fn poll(&self, job: &JobRef) -> Result<Outcome, Error> {
        self.cx.clock().sleep(std::time::Duration::from_secs(60)).await;
        self.destination.poll(&self.cx, job).await
    }
}

fn slug(name: &str) -> String {
    let slug: String =
        name.to_lowercase().split(|char: char| !char.is_ascii_alphanumeric()).fold(String::new(), |slug, word| {
            if slug.is_empty() || word.is_empty() { slug + word } else { format!("{slug}_{word}") }
        });
    if slug.is_empty() { "dry_run".to_owned() } else { slug }
}

/// Names an operation by what it does: the same line, the same id.
fn op_id(parts: &[&str]) -> OpId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    OpId::from_bytes(id)
}

/// `event_id`, `event`, `value`, `currency` and `order_id` of the traits are the event's own.
fn event(person: &Person, name: &str, at: audience_sync::time::Timestamp) -> Result<KeyEvent> {
    let mut properties = person.attributes();
    let mut text = |field: &str| match properties.remove(field) {
        Some(AttributeValue::Text(text)) => Some(text),
        Some(AttributeValue::Int(number)) => Some(number.to_string()),
        Some(AttributeValue::Decimal(number)) => Some(number.as_str().to_owned()),
        _ => None,
    };
    let id = text("event_id").unwrap_or_else(|| op_id(&[&person.id, name, &at.to_string()]).to_hex());
    let name = text("event").unwrap_or_else(|| name.to_owned());
    let (value, currency, order) = (text("value"), text("currency"), text("order_id"));
    let mut event = KeyEvent::new(id, name, MemberId::new(person.id.as_str()), at);
    if let Some(value) = value {
        event = event.with_value(micros(&value)?, currency.unwrap_or_else(|| "USD".to_owned()));
    }
    event.order_id = order;
    Ok(event.with_properties(Attributes::new(properties)))
}

/// Exact millionths of a decimal number.
fn micros(text: &str) -> Result<i64> {
    let wrong = || format!("value: expected a decimal number with at most six places, found {} characters", text.len());
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    if places.len() > 6 {
        return Err(wrong().into());
    }
    Ok(format!("{whole}{places:0<6}").parse().map_err(|_| wrong())?)
}

/// What became of members or events.
#[derive(Default)]
struct Tally(BTreeMap<String, u64>);

impl Tally {
    fn count(&mut self, outcome: &RowOutcome) {
        let word = match outcome {
            RowOutcome::Accepted { .. } => "accepted".to_owned(),
            RowOutcome::Rejected { code, field: None } => format!("rejected: {code}"),
            RowOutcome::Rejected { code, field: Some(field) } => format!("rejected: {code} ({field})"),
            RowOutcome::NotApplied => "not applied, to be sent again".to_owned(),
            RowOutcome::Pending => "pending at the platform".to_owned(),
            // Counted when the session ends.
            RowOutcome::Staged => return,
            _ => "in doubt".to_owned(),
        };
        *self.0.entry(word).or_default() += 1;
    }

    fn lines(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|(word, count)| format!("{word}: {count}"))
    }
}
