//! What the host sets.

use std::fmt;

use serde::Deserialize;

use super::change;
use super::wire::{LONGEST_TEXT, RESERVED};
use crate::connectors::analytics::labels;
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::http::{Auth, BaseUrl, UrlGuard};
use crate::secret::Secret;

/// Where a project's data lives.
///
/// It has no default: data sent to the wrong region is answered as if it had arrived, and is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Region {
    /// The United States.
    Us,
    /// The European Union.
    Eu,
    /// India.
    In,
}

impl Region {
    /// The region's address for events and profiles (openapi/ingestion.openapi.yaml in mixpanel/docs, read November
    /// 2026).
    fn base_url(self) -> &'static str {
        match self {
            Self::Us => "https://api.mixpanel.com",
            Self::Eu => "https://api-eu.mixpanel.com",
            Self::In => "https://api-in.mixpanel.com",
        }
    }
}

/// A service account: what may import events besides the project token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServiceAccount {
    /// The user name, as Mixpanel gives it out.
    pub user: Secret<String>,
    /// The secret that goes with it.
    pub secret: Secret<String>,
}

impl ServiceAccount {
    /// A user name and its secret.
    pub fn new(user: impl Into<Secret<String>>, secret: impl Into<Secret<String>>) -> Self {
        Self { user: user.into(), secret: secret.into() }
    }
}

/// What the host sets for a Mixpanel project.
///
/// ```
/// use audience_sync::connectors::analytics::mixpanel::MixpanelConfig;
/// let config: MixpanelConfig = serde_json::from_str(
///     r#"{"region": "eu", "project_token": "…", "project_id": 2195193,
///         "service_account": {"user": "…", "secret": "…"}}"#,
/// )?;
/// assert_eq!(config.membership_property, "audiences");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// `Debug` shows neither secrets nor the base URL.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MixpanelConfig {
    /// Where the project's data lives.
    pub region: Region,
    /// The project token: profiles are updated with it, and events imported where there is no service account.
    pub project_token: Secret<String>,
    /// The project's id, from its settings. Needed with a service account; without one it only names the destination
    /// (see [`Mixpanel`](super::Mixpanel)). Must be the project of the token: Mixpanel itself does not compare them.
    #[serde(default)]
    pub project_id: Option<u64>,
    /// A service account to import events with; it wants the role of an owner or admin. Default none: the token.
    #[serde(default)]
    pub service_account: Option<ServiceAccount>,
    /// Another address in place of the region's own: a relay. https and a public host.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Lets `base_url` name this machine, over http too. Default no.
    #[serde(default)]
    pub allow_loopback: bool,
    /// The profile's list property that holds the ids of the audiences a member is in. Default `audiences`.
    #[serde(default = "default_membership_property")]
    pub membership_property: String,
    /// Whether entries and exits are sent as events too. Default yes.
    #[serde(default = "default_events")]
    pub events: bool,
    /// The event of an entry. Default `Audience Entered`.
    #[serde(default = "default_entered_event")]
    pub entered_event: String,
    /// The event of an exit. Default `Audience Exited`.
    #[serde(default = "default_exited_event")]
    pub exited_event: String,
    /// A property set to `true` on every entry and exit as long as this is set: marks a first full load, whose entries
    /// are not of today, so that reports and journeys can leave them out. Usual: `backfill`. Default none.
    #[serde(default)]
    pub backfill_property: Option<String>,
}

fn default_membership_property() -> String {
    "audiences".to_owned()
}

fn default_events() -> bool {
    true
}

fn default_entered_event() -> String {
    "Audience Entered".to_owned()
}

fn default_exited_event() -> String {
    "Audience Exited".to_owned()
}

impl MixpanelConfig {
    /// A region and a project token; everything else at its default.
    pub fn new(region: Region, project_token: impl Into<Secret<String>>) -> Self {
        Self {
            region,
            project_token: project_token.into(),
            project_id: None,
            service_account: None,
            base_url: None,
            allow_loopback: false,
            membership_property: default_membership_property(),
            events: default_events(),
            entered_event: default_entered_event(),
            exited_event: default_exited_event(),
            backfill_property: None,
        }
    }

    /// Changes any of it: `MixpanelConfig::new(region, token).with(|c| c.events = false)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The address all requests go to.
    pub(super) fn address(&self) -> Result<BaseUrl> {
        let guard = if self.allow_loopback { UrlGuard::new().allow_loopback_http() } else { UrlGuard::new() };
        BaseUrl::parse_with(self.base_url.as_deref().unwrap_or(self.region.base_url()), &guard).doing(|| "base_url")
    }

    /// What events are imported with: the service account, or the token as a user without a password
    /// (reference/import-events in mixpanel/docs, read November 2026).
    pub(super) fn auth(&self) -> Auth {
        match &self.service_account {
            Some(account) => Auth::Basic { user: account.user.expose().clone(), password: account.secret.clone() },
            None => Auth::Basic { user: self.project_token.expose().clone(), password: "".into() },
        }
    }

    /// Refuses what can never work, without repeating a value.
    pub(super) fn check(&self) -> Result<()> {
        if self.project_token.expose().is_empty() {
            return Err(config("project_token", "a token", "none; copy it from the project's settings"));
        }
        if self.service_account.is_some() && self.project_id.is_none() {
            return Err(config("project_id", "one beside a service account", "none; it is in the project's settings"));
        }
        self.auth().check().doing(|| "credentials")?;
        check_name("membership_property", &self.membership_property)?;
        check_name("entered_event", &self.entered_event)?;
        check_name("exited_event", &self.exited_event)?;
        if self.entered_event == self.exited_event {
            return Err(config("exited_event", "another name than that of entries", "the same"));
        }
        let Some(name) = &self.backfill_property else { return Ok(()) };
        check_name("backfill_property", name)?;
        if change::PROPERTIES.contains(&&**name) || labels::PROPERTIES.iter().any(|(_, property)| property == name) {
            return Err(config("backfill_property", "a name of its own", "one that entries and exits have anyway"));
        }
        Ok(())
    }
}

/// Names with `$` in front are Mixpanel's own, and longer texts are cut, so that two names could become one.
fn check_name(field: &str, name: &str) -> Result<()> {
    let expected = "a name of 1 to 255 characters that is not Mixpanel's own";
    if name.is_empty() {
        Err(config(field, expected, "an empty one"))
    } else if name.chars().count() > LONGEST_TEXT {
        Err(config(field, expected, "a longer one"))
    } else if name.starts_with('$') {
        Err(config(field, expected, "one with $ in front"))
    } else if RESERVED.contains(&name) {
        Err(config(field, expected, "a property that every event has"))
    } else {
        Ok(())
    }
}

fn config(field: &str, expected: &str, found: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{field}: expected {expected}, found {found}"))
}

impl fmt::Debug for MixpanelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MixpanelConfig")
            .field("region", &self.region)
            .field("project_id", &self.project_id)
            .field("service_account", &self.service_account.is_some())
            .field("base_url", &self.base_url.is_some())
            .field("membership_property", &self.membership_property)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
