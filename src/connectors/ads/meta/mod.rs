//! Meta Custom Audiences: people on Facebook and Instagram, by hashed identifiers (Marketing API, Graph).
//!
//! ```
//! use audience_sync::connectors::ads::meta::{CustomerFileSource, Meta, MetaConfig};
//! use audience_sync::destination::Destination;
//!
//! let config = MetaConfig::new("100200300", "EAAB...", CustomerFileSource::UserProvidedOnly);
//! let meta = Meta::new(config)?;
//! assert_eq!(meta.info().id, "meta:act_100200300");
//! assert_eq!(meta.capabilities().hosts, ["graph.facebook.com"]);
//! # Ok::<(), audience_sync::Error>(())
//! ```
//!
//! # What is sent
//!
//! `POST` and `DELETE /{audience}/users` with the columns `EXTERN_ID EMAIL PHONE FN LN GEN DOBY DOBM DOBD CT ST ZIP
//! COUNTRY MADID`, always all of them. A member with several e-mails, phones or devices is several lines: first with
//! first, second with second, the other columns in each. [`Destination::cost`] counts lines, and their bytes.
//!
//! A row without an id, e-mail, phone or device is never sent: an addition is rejected (`no_identifier`), a removal is
//! settled, because the audience holds nobody by the rest. A removal carries whatever identifiers it has; an empty line
//! is never sent. [`Destination::forget`] removes people from every audience of the account.
//!
//! With [`MetaConfig::value_attribute`] audiences are value-based: additions carry `LOOKALIKE_VALUE`, and a member without
//! a value is rejected (`no_value`). With [`MetaConfig::limited_data_use`] every line carries
//! `DATA_PROCESSING_OPTIONS`.
//!
//! # What an answer means
//!
//! Meta counts the lines it could not read, and names some of them: at most 100, by a value. A member of one line that is
//! named is rejected (`invalid_entry`); the others are reported as unattributed, at most as many as members were sent.
//! When *all* of a session are refused, the hashing is wrong, and the call fails with [`ErrorKind::Config`]. Nobody is
//! told whether a person was found.
//!
//! Adding or removing twice changes nothing, so a request without an answer is sent again. Changes show after up to
//! 24 hours.
//!
//! # Sessions
//!
//! One per run and action, numbered by us, begun by its first request and without a call of its own. Meta refuses what
//! comes after the batch that says it is the last, and 90 minutes after the first: send the last when all others are
//! answered. A refusal is [`ErrorKind::Conflict`], and the next run, with a session of its own, sends what is left. A
//! batch outside a session gets one that is left to end by itself, so that it can be sent again.
//!
//! # Replacing an audience
//!
//! A session that is begun without an action replaces the whole membership (`usersreplace`), for a host that drives the
//! destination itself: the engine sends changes. Send the first batch alone, wait for its answer, and never send it
//! twice; the others may go in any order, all within 90 minutes, the last when all others are answered.
//!
//! **What was begun cannot be taken back**: when the session ends unfinished, the audience is what had arrived. So a
//! replacement is refused that is empty, does not surely go out within an hour, or meets another update; and what is
//! left after 90 minutes is refused with [`ErrorKind::Conflict`]: add it in a session of additions.
//!
//! # Rates
//!
//! At 75 percent of a limit that a reply's usage headers tell of, the account's requests begin to pause; from 95 percent
//! as long as Meta says.
//!
//! # What is not done
//!
//! The audience is not attached to ads.

mod api;
mod audience;
mod check;
mod config;
mod errors;
mod payload;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::http::Method;
use async_trait::async_trait;

use self::api::{Audience, Graph, Number, Received, Samples};
pub use self::config::{API_VERSION, CustomerFileSource, LimitedDataUse, MAX_BODY_BYTES, MetaConfig};
use self::payload::{Call, Fate, Place, Table};
use self::session::Session;
use crate::destination::{
    Action, AudienceRef, AudienceSpec, Batch, Capabilities, Check, ConsentPurpose, Context, Cost, Destination, Family,
    HoldoutMode, Info, Limits, Outcome, RateLimit, RemovalMatch, RemovalNeeds, Resend, Row, RowOutcome, SessionKind,
    SessionRef, SessionSpec, Size, SizeReadBack,
};
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::naming::{NameRules, NameUniqueness};

/// Names are shown cut near 50 characters; no limit is documented, and 100 is ours. Several audiences may share one
/// (Marketing API, custom audience reference, read 2026-11-23).
const NAME_RULES: NameRules =
    NameRules::unlimited().with_max_chars(100).with_advised_chars(50).with_uniqueness(NameUniqueness::Shared);

/// The burst one app may send, as a published connector found it; Meta documents none.
const RATE: RateLimit = RateLimit { requests: 100, per: Duration::from_secs(1) };

/// Members that must be found before an audience can be used (help pages of published connectors, read 2026-11-23).
const MINIMUM_SIZE: u64 = 100;

/// How long a change takes to show (customer file custom audiences guide, read 2026-11-23).
const SIZE_LAG: Duration = Duration::from_secs(24 * 3_600);

/// Meta Custom Audiences of one ad account. The [module's page](self) says what it does.
///
/// `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Meta {
    account: String,
    graph: Graph,
    source: CustomerFileSource,
    table: Table,
    max_body_bytes: u64,
    in_flight: u32,
}

impl Meta {
    /// A destination for the configured ad account. Asks Meta nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an account, token, version, URL or number that cannot be right.
    pub fn new(config: MetaConfig) -> Result<Self> {
        config.check().and_then(|()| Self::build(&config)).doing(|| "configure Meta")
    }

    fn build(config: &MetaConfig) -> Result<Self> {
        Ok(Self {
            account: config.account()?,
            graph: Graph::new(config)?,
            source: config.customer_file_source,
            table: Table::new(config),
            max_body_bytes: config.max_body_bytes,
            in_flight: config.in_flight,
        })
    }

    /// Sends the rows of `batch` in one request, and settles all of them.
    async fn upload(&self, cx: &Context, batch: &Batch, call: Call) -> Result<Outcome> {
        let session = self.session(batch)?;
        session.check(cx.now())?;
        let (mut rows, mut settled) = (Vec::with_capacity(batch.rows().len()), Vec::new());
        for (index, row) in batch.rows().iter().enumerate() {
            match self.table.fate(row, call) {
                Fate::Lines(lines) => rows.push((index, row, lines)),
                Fate::Settled(outcome) => settled.push((index, outcome)),
            }
        }
        let mut outcome = Outcome::accepted();
        if !rows.is_empty() {
            // One that stands alone is left to end by itself: after the end Meta would refuse to take it again.
            let last = batch.session().is_some() && batch.is_last();
            let place = Place { session: session.id, seq: batch.seq(), last, total: session.total };
            let body = self.table.body(&rows, call, place, self.graph.proof(), self.max_body_bytes)?;
            let (method, path) = match call {
                Call::Add if session.replaces.is_some() => {
                    (Method::POST, [batch.audience().id.as_str(), "usersreplace"])
                }
                Call::Add => (Method::POST, [batch.audience().id.as_str(), "users"]),
                Call::Remove => (Method::DELETE, [batch.audience().id.as_str(), "users"]),
                Call::Forget => (Method::DELETE, [self.account.as_str(), "usersofanyaudience"]),
            };
            outcome = taken(&self.graph.write(cx, method, &path, body).await?, &rows)?;
        }
        Ok(settled.into_iter().fold(outcome, |outcome, (index, row)| outcome.except(index, row)))
    }

    /// The session of a batch; one of its own for a batch without.
    fn session(&self, batch: &Batch) -> Result<Session> {
        match batch.session() {
            Some(reference) => Session::from_ref(reference),
            None => {
                let parts = ["batch", &self.account, batch.run(), &batch.audience().id, &batch.id().to_hex()];
                Ok(Session::of(&parts, batch.rows().len() as u64))
            }
        }
    }
}

#[async_trait]
impl Destination for Meta {
    fn info(&self) -> Info {
        Info::new(format!("meta:{}", self.account), "Meta Custom Audiences", Family::Ads)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(payload::PROFILE).with(|c| {
            c.forget = true;
            c.limits = Limits::rows(payload::MAX_LINES)
                .with_bytes(self.max_body_bytes.saturating_sub(payload::ENVELOPE_BYTES));
            c.in_flight = self.in_flight;
            c.rate = Some(RATE);
            c.session = SessionKind::PerAction;
            c.resend = Resend::Idempotent;
            c.removal = RemovalNeeds::Identifiers;
            // Meta documents that an `EXTERN_ID` alone removes a person, and is silent on the other columns.
            c.removal_match = RemovalMatch::Unknown;
            c.holdout = HoldoutMode::Withhold;
            c.consent = vec![ConsentPurpose::AdUserData, ConsentPurpose::AdPersonalization];
            c.minimum_size = Some(MINIMUM_SIZE);
            c.name_rules = NAME_RULES;
            c.size = SizeReadBack::Range;
            c.size_lag = SIZE_LAG;
            c.hosts = vec![self.graph.host().to_owned()];
        })
    }

    async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        let audience = batch.audience();
        let action = batch.action();
        let sent = match action {
            Action::Add => self.upload(cx, batch, Call::Add).await,
            Action::Remove if self.session(batch).is_ok_and(|session| session.replaces.is_some()) => {
                Err(unsupported("removals within a replacement"))
            }
            Action::Remove => self.upload(cx, batch, Call::Remove).await,
            Action::Update => Err(unsupported("updates; a change is a removal and an addition")),
        };
        sent.doing(|| format!("{action} {} members of {} at {}", batch.rows().len(), audience.key, self.info().id))
    }

    fn cost(&self, row: &Row) -> Cost {
        self.table.cost(row)
    }

    async fn check(&self, cx: &Context) -> Result<Check> {
        self.ask(cx).await.doing(|| format!("check {}", self.info().id))
    }

    async fn open(&self, cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
        self.find_or_create(cx, spec).await.doing(|| format!("open audience {} at {}", spec.key, self.info().id))
    }

    async fn begin(&self, cx: &Context, spec: &SessionSpec) -> Result<SessionRef> {
        let Some(action) = spec.action else {
            let doing = || format!("replace audience {} at {}", spec.audience.key, self.info().id);
            return self.begin_replacing(cx, spec).await.map(Session::to_ref).doing(doing);
        };
        let parts = ["run", &self.account, &spec.run, &spec.audience.id, action.as_str()];
        Ok(Session::of(&parts, spec.rows_planned).to_ref())
    }

    async fn finish(&self, _cx: &Context, session: &SessionRef) -> Result<Outcome> {
        Session::from_ref(session).map(|_| Outcome::accepted())
    }

    async fn size(&self, cx: &Context, audience: &AudienceRef) -> Result<Size> {
        let query = [("fields", "id,approximate_count_lower_bound,approximate_count_upper_bound")];
        let read: Audience = self
            .graph
            .get(cx, &[&audience.id], &query)
            .await
            .doing(|| format!("read the size of audience {} at {}", audience.key, self.info().id))?;
        // A bound that is not known yet is -1.
        let bound = |number: Option<Number>| number.and_then(|number| u64::try_from(number.0).ok());
        Ok(match (bound(read.approximate_count_lower_bound), bound(read.approximate_count_upper_bound)) {
            (Some(from), Some(to)) if from <= to => Size::Range { from, to },
            _ => Size::Hidden,
        })
    }

    async fn forget(&self, cx: &Context, people: &Batch) -> Result<Outcome> {
        self.upload(cx, people, Call::Forget)
            .await
            .doing(|| format!("forget {} members at {}", people.rows().len(), self.info().id))
    }
}

/// What Meta took of the rows that were sent.
fn taken(received: &Received, rows: &[(usize, &Row, usize)]) -> Result<Outcome> {
    let invalid = received.num_invalid_entries.map_or(0, |number| number.0);
    if invalid > 0 && invalid >= received.num_received.0 {
        return Err(Error::new(
            ErrorKind::Config,
            format!(
                "expected Meta to read the rows, found all {invalid} of the session refused: they are hashed wrongly"
            ),
        ));
    }
    let invalid = u64::try_from(invalid).unwrap_or(0).min(rows.len() as u64);
    let named = named(&received.invalid_entry_samples, rows);
    // A name that is said without a count is not believed.
    let named = if named.len() as u64 > invalid { Vec::new() } else { named };
    let unattributed = invalid - named.len() as u64;
    let rejected = || RowOutcome::rejected("invalid_entry");
    let outcome = named.into_iter().fold(Outcome::accepted(), |outcome, row| outcome.except(row, rejected()));
    Ok(outcome.with_unattributed(unattributed))
}

/// The rows of one line that samples name by a value of theirs, and of no other row.
fn named(samples: &Samples, rows: &[(usize, &Row, usize)]) -> Vec<usize> {
    let mut owners: BTreeMap<&str, Vec<(usize, usize)>> = samples.0.iter().map(|text| (&**text, Vec::new())).collect();
    if owners.is_empty() {
        return Vec::new();
    }
    for (index, row, lines) in rows {
        for identifier in &row.identifiers {
            if let Some(owners) = owners.get_mut(&*identifier.value.to_wire_string()) {
                owners.push((*index, *lines));
            }
        }
    }
    let alone = owners.into_values().filter_map(|owners| match owners[..] {
        [(index, 1)] => Some(index),
        _ => None,
    });
    alone.collect::<BTreeSet<usize>>().into_iter().collect()
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("Meta Custom Audiences do not offer {what}"))
}
