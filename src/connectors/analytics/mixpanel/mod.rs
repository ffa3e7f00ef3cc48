//! Mixpanel: membership as a list property of the profile, entries and exits as events.
//!
//! ```
//! use audience_sync::connectors::analytics::mixpanel::{Mixpanel, MixpanelConfig, Region};
//! use audience_sync::destination::Destination;
//! let mixpanel = Mixpanel::new(MixpanelConfig::new(Region::Eu, "the project token"))?;
//! assert_eq!(mixpanel.capabilities().hosts, ["api-eu.mixpanel.com"]);
//! # Ok::<(), audience_sync::Error>(())
//! ```
//!
//! # What is sent
//!
//! | Action | Profile (`/engage`) | Event (`/import`) |
//! |---|---|---|
//! | `Add` | `$union` of the audience's id into `audiences`; `$set` of attributes and arm, `$unset` of empty ones | `Audience Entered` |
//! | `Update` | `$set` and `$unset` | none |
//! | `Remove` | `$remove` of the audience's id | `Audience Exited` |
//!
//! A member is its member id and nothing else: no identifier leaves. The arm of a holdout stands in `arm_<audience>` of
//! the profile and stays there after the exit, because lift is measured after it too. Build cohorts in Mixpanel on the
//! list property; there is no interface that takes a cohort's members.
//!
//! # Sent twice
//!
//! Profiles first, then events. Lists behave as sets, and of events that agree in name, time, `distinct_id` and
//! `$insert_id` a query sees one; the insert id is the row's operation id, and the time its `effective_at`. So the whole
//! batch can be sent again after a failure at any point. A row of an addition that Mixpanel refuses is taken out of the
//! list again, so that what is rejected is never a member. Two things to know: a raw export shows each copy, and an
//! `effective_at` in the future (up to an hour is taken) is overwritten with the time of arrival, copy by copy.
//!
//! # Facts
//!
//! From mixpanel/docs on GitHub, read November 2026: `openapi/ingestion.openapi.yaml`, `reference/import-events`,
//! `reference/user-profile-limits`, `reference/rate-limits`. Profile updates are answered with success whatever the
//! token, and in whatever region: look at one member in Mixpanel after the first run.

mod change;
mod config;
mod key_event;
mod replies;
mod vet;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use async_trait::async_trait;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use self::change::{Change, Sorted};
pub use self::config::{MixpanelConfig, Region, ServiceAccount};
use self::wire::{Event, LONGEST_BODY, LONGEST_TEXT, MOST_RECORDS, Update};
use super::labels;
use crate::destination::{
    Action, AudienceRef, AudienceSpec, Batch, Capabilities, Check, Context, Cost, Destination, EventBatch, Family,
    Info, Limits, Outcome, RateLimit, Row, RowOutcome,
};
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::http::{Auth, BaseUrl, HttpClient, RequestBuilder, classify_status};
use crate::identity::profiles;
use crate::naming::{NameRules, NameUniqueness};
use crate::pace::{Bucket, Rate};

/// Names are shown in event properties, where longer texts are cut, and are nobody's key.
const NAME_RULES: NameRules =
    NameRules::unlimited().with_max_chars(255).with_uniqueness(NameUniqueness::Shared).verified();

/// Bytes the engine fills a body with: a little below [`LONGEST_BODY`], for brackets and longer audience names.
const BODY_BYTES: u64 = 2_000_000;

/// A project takes 30,000 records a second (reference/rate-limits, read November 2026), and a full batch of 2,000 rows
/// has as many updates as events: seven are 28,000 records.
const RATE: RateLimit = RateLimit { requests: 7, per: Duration::from_secs(1) };

/// The same as the kit counts it: one record, one unit.
const RECORDS: Rate = Rate { cost: 30_000, per: Duration::from_secs(1), burst: 30_000 };

/// Without `ip=0` the host's own place would be written into profiles. `strict` and `verbose` make the answer say what
/// was wrong.
const ENGAGE_QUERY: [(&str, &str); 3] = [("strict", "1"), ("verbose", "1"), ("ip", "0")];

/// What asks whether a token may import: a batch of no events. It cannot write anything; the documentation wants at
/// least one event and does not say how it answers none, so both 200 and 400 are read as a credential that was taken.
const NO_EVENTS: &str = "[]";

const CREDENTIAL: &str = "credential for events";
const UPDATING: &str = "update profiles at mixpanel";
const IMPORTING: &str = "import events to mixpanel";

/// A Mixpanel project as a destination. The [module's page](self) says what is sent.
///
/// Its id is `mixpanel:<project id>`, or with `project_id` not set eight hex digits of the token's SHA-256. State is kept
/// under the id: setting `project_id` later, or a new token without it, makes another destination.
pub struct Mixpanel {
    config: MixpanelConfig,
    base: BaseUrl,
    auth: Auth,
    project_id: Option<String>,
}

impl Mixpanel {
    /// The project of a configuration.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a configuration that can never work; the message names the field, not the value.
    pub fn new(config: MixpanelConfig) -> Result<Self> {
        let doing = || "configure mixpanel";
        config.check().doing(doing)?;
        let base = config.address().doing(doing)?;
        let (auth, project_id) = (config.auth(), config.project_id.map(|id| id.to_string()));
        Ok(Self { config, base, auth, project_id })
    }

    /// The request for `/engage`, which knows the project by the token in each update; none without updates.
    fn engage(&self, cx: &Context, updates: &[(usize, Update<'_>)]) -> Result<Option<RequestBuilder>> {
        if updates.is_empty() {
            return Ok(None);
        }
        let url = self.base.join(&["engage"], &ENGAGE_QUERY)?;
        let http = cx.http()?;
        let request = http.post(url).rate(&self.bucket(http), updates.len() as u64);
        // It stands in every update.
        request.secret(&self.config.project_token).json(&Records(updates), LONGEST_BODY).map(Some)
    }

    /// The request for `/import`; none without events.
    fn import(&self, cx: &Context, events: &[(usize, Event<'_>)]) -> Result<Option<RequestBuilder>> {
        if events.is_empty() {
            return Ok(None);
        }
        let request = self.post_import(cx)?.rate(&self.bucket(cx.http()?), events.len() as u64);
        request.json(&Records(events), LONGEST_BODY).map(Some)
    }

    fn post_import(&self, cx: &Context) -> Result<RequestBuilder> {
        let url = self.base.join(&["import"], &[("strict", "1")])?;
        Ok(self.with_credential(cx.http()?.post(url)))
    }

    /// Updates and events count together.
    fn bucket(&self, http: &HttpClient) -> Arc<Bucket> {
        http.rates().of(&self.info().id, RECORDS)
    }

    /// What a good credential is answered, and nothing is changed by.
    fn probe(&self, cx: &Context) -> Result<RequestBuilder> {
        if self.config.service_account.is_some() {
            let url = self.base.join(&["lookup-tables"], &[])?;
            return Ok(self.with_credential(cx.http()?.get(url)));
        }
        Ok(self.post_import(cx)?.body(NO_EVENTS, "application/json"))
    }

    /// Takes rejected rows of an addition out of the list again: whoever is rejected counts as no member, and nothing
    /// else would ever remove them. What Mixpanel names as wrong here cannot be in the list.
    async fn take_back(&self, cx: &Context, batch: &Batch, rejected: impl Iterator<Item = usize> + Send) -> Result<()> {
        if batch.action() != Action::Add {
            return Ok(());
        }
        let rows = rejected.filter_map(|row| batch.rows().get(row).cloned()).collect();
        let removal = Batch::new(batch.run(), batch.audience().clone(), Action::Remove, rows);
        let change = Change::of(&self.config, &removal);
        let Sorted { updates, .. } = change.sort(removal.rows(), cx.now());
        let doing = || "take rejected rows back at mixpanel";
        match self.engage(cx, &updates).doing(doing)? {
            Some(request) => send_updates(cx, request, &updates).await.map(drop).doing(doing),
            None => Ok(()),
        }
    }

    /// A token says the project itself; beside a project id it would not be looked at.
    fn with_credential(&self, request: RequestBuilder) -> RequestBuilder {
        match (&self.config.service_account, &self.project_id) {
            (Some(_), Some(id)) => request.auth(&self.auth).query("project_id", id),
            _ => request.auth(&self.auth),
        }
    }
}

impl fmt::Debug for Mixpanel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mixpanel").field("id", &self.info().id).field("base", &self.base).finish_non_exhaustive()
    }
}

#[async_trait]
impl Destination for Mixpanel {
    fn info(&self) -> Info {
        let project = self.project_id.clone().unwrap_or_else(|| {
            let mut hex = const_hex::encode(Sha256::digest(self.config.project_token.expose()));
            hex.truncate(8);
            hex
        });
        Info::new(format!("mixpanel:{project}"), "Mixpanel", Family::Analytics)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&profiles::MIXPANEL).with(|c| {
            c.update = true;
            c.events = true;
            c.limits = Limits::rows(MOST_RECORDS as u64).with_bytes(BODY_BYTES);
            c.in_flight = 4;
            c.rate = Some(RATE);
            c.name_rules = NAME_RULES;
            c.hosts = self.base.as_url().host_str().map(str::to_owned).into_iter().collect();
        })
    }

    /// The longer of the two bodies counts, as it is sent; an allowance stands for the audience's names, which a row does
    /// not know.
    fn cost(&self, row: &Row) -> Cost {
        change::cost(&self.config, row)
    }

    /// Asks for something that a good credential may read: with a service account the project's lookup tables, with a
    /// token an import of no events. Whether the token is the project's shows only in Mixpanel itself.
    async fn check(&self, cx: &Context) -> Result<Check> {
        let doing = || "check the credential at mixpanel";
        let response = self.probe(cx).doing(doing)?.send().await.doing(doing)?;
        let check = match &self.project_id {
            Some(id) => Check::ready().with_account(format!("project {id}")),
            None => Check::ready(),
        };
        let no_events = self.config.service_account.is_none() && response.status == StatusCode::BAD_REQUEST;
        match classify_status(&response, cx.now()) {
            Ok(()) => Ok(check.with_found(CREDENTIAL)),
            Err(_) if no_events => Ok(check.with_found(CREDENTIAL)),
            Err(error) if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::PermissionDenied) => Ok(check
                .with_missing(match &self.config.service_account {
                    Some(_) => format!("{CREDENTIAL}: {error}; a service account needs the role of an owner or admin"),
                    None => format!("{CREDENTIAL}: {error}"),
                })),
            Err(error) => Err(error).doing(doing),
        }
    }

    /// Nothing is created: the list property appears with its first member.
    async fn open(&self, _cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
        let audience = labels::audience(spec);
        match audience.id.chars().count() {
            1..=LONGEST_TEXT => Ok(audience),
            // Mixpanel would cut it, and two audiences could become one.
            chars => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "expected an audience key of 1 to {LONGEST_TEXT} characters, found {chars}; choose another key"
                ),
            )
            .doing("open an audience at mixpanel")),
        }
    }

    async fn send(&self, cx: &Context, batch: &Batch) -> Result<Outcome> {
        let change = Change::of(&self.config, batch);
        let Sorted { updates, events, refused } = change.sort(batch.rows(), cx.now());

        // Both bodies stand before anything leaves: a batch that is too large has changed nothing.
        fits(updates.len().max(events.len())).doing(|| "send a batch to mixpanel")?;
        let engage = self.engage(cx, &updates).doing(|| UPDATING)?;
        let import = self.import(cx, &events).doing(|| IMPORTING)?;

        if let Some(request) = engage {
            let wrong = send_updates(cx, request, &updates).await.doing(|| UPDATING)?;
            if !wrong.is_empty() {
                self.take_back(cx, batch, wrong.iter().copied()).await?;
                // Whether the others went in is not documented. Sent again without the wrong ones they certainly do.
                let wrong = wrong.into_iter().map(|row| (row, RowOutcome::rejected("invalid_profile")));
                return Ok(except(Outcome::all(RowOutcome::InDoubt), refused.into_iter().chain(wrong)));
            }
        }
        let outcome = except(Outcome::accepted(), refused);
        let Some(request) = import else { return Ok(outcome) };
        let (wrong, unattributed) = match send_events(cx, request, &events).await.doing(|| IMPORTING) {
            Err(error) if error.kind() == ErrorKind::Rejected => {
                // It comes again in parts; a row that is left alone with this answer is rejected.
                self.take_back(cx, batch, 0..batch.rows().len()).await?;
                return Err(error);
            }
            sent => sent?,
        };
        self.take_back(cx, batch, wrong.iter().map(|(row, _)| *row)).await?;
        Ok(except(outcome, wrong).with_unattributed(unattributed))
    }

    async fn record(&self, cx: &Context, batch: &EventBatch) -> Result<Outcome> {
        let (mut events, mut outcome) = (Vec::new(), Outcome::accepted());
        for (index, event) in batch.events().iter().enumerate() {
            match key_event::event(event, cx.now()) {
                Ok(event) => events.push((index, event)),
                Err(refused) => outcome = outcome.except(index, refused),
            }
        }
        fits(events.len()).doing(|| IMPORTING)?;
        let Some(request) = self.import(cx, &events).doing(|| IMPORTING)? else { return Ok(outcome) };
        let (wrong, unattributed) = send_events(cx, request, &events).await.doing(|| IMPORTING)?;
        Ok(except(outcome, wrong).with_unattributed(unattributed))
    }
}

/// Sends profile updates; the answer is the rows that were named as wrong.
async fn send_updates(
    cx: &Context,
    request: RequestBuilder,
    updates: &[(usize, Update<'_>)],
) -> Result<BTreeSet<usize>> {
    let response = request.send().await?;
    let failed = replies::engaged(&response, updates.len(), cx.now())?;
    Ok(failed.into_keys().filter_map(|place| updates.get(place)).map(|(row, _)| *row).collect())
}

/// Sends events; the answer is what became of those that were named as wrong, and how many were refused without a name.
async fn send_events(
    cx: &Context,
    request: RequestBuilder,
    events: &[(usize, Event<'_>)],
) -> Result<(Vec<(usize, RowOutcome)>, u64)> {
    let response = request.send().await?;
    let place_of = |id: &str| events.iter().position(|(_, event)| event.properties.insert_id() == Some(id));
    let imported = replies::imported(&response, events.len(), place_of, cx.now())?;
    let wrong = imported.failed.into_iter().filter_map(|(place, field)| {
        let (row, event) = events.get(place)?;
        // Only a name that we sent is repeated.
        let field = field.as_deref().map(|field| field.strip_prefix("properties.").unwrap_or(field));
        Some(match field.filter(|name| event.properties.has(name)) {
            Some(name) => (*row, RowOutcome::rejected_field("invalid_event", name.to_owned())),
            None => (*row, RowOutcome::rejected("invalid_event")),
        })
    });
    Ok((wrong.collect(), imported.unattributed))
}

fn except(outcome: Outcome, rows: impl IntoIterator<Item = (usize, RowOutcome)>) -> Outcome {
    rows.into_iter().fold(outcome, |outcome, (row, its_own)| outcome.except(row, its_own))
}

/// The engine keeps to the limits; a host's own loop may not.
fn fits(records: usize) -> Result<()> {
    if records <= MOST_RECORDS {
        return Ok(());
    }
    let message =
        format!("expected at most {MOST_RECORDS} records in a request, found {records}; send fewer rows at once");
    Err(Error::new(ErrorKind::TooLarge, message))
}

/// Records without the indexes of their rows.
struct Records<'a, T>(&'a [(usize, T)]);

impl<T: Serialize> Serialize for Records<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(_, record)| record))
    }
}
