//! What a host configures.

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;

/// The Graph API version that requests name unless the configuration names another.
///
/// `v26.0` is the version of Meta's own Python SDK 26.0.3 (`apiconfig.py`, read 2026-11-23). The Marketing API retires
/// a version about a year after its release, so hosts can name a later one without waiting for this crate.
pub const API_VERSION: &str = "v26.0";

/// The largest request body unless the configuration says otherwise, in bytes. Meta documents no limit; 10,000 people
/// with three digests each are about 2 MB.
pub const MAX_BODY_BYTES: u64 = 4 << 20;

/// The smallest and the largest value of [`MetaConfig::max_body_bytes`].
const BODY_BYTES: std::ops::RangeInclusive<u64> = 64 << 10..=64 << 20;

/// Where the people of an audience come from: a statement to Meta that only the advertiser can make
/// (`customer_file_source`, Marketing API, custom audience reference, read 2026-11-23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CustomerFileSource {
    /// They gave their data to the advertiser themselves.
    UserProvidedOnly,
    /// The advertiser has the data from a partner.
    PartnerProvidedOnly,
    /// Some of it is of the one kind, some of the other.
    BothUserAndPartnerProvided,
}

impl CustomerFileSource {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserProvidedOnly => "USER_PROVIDED_ONLY",
            Self::PartnerProvidedOnly => "PARTNER_PROVIDED_ONLY",
            Self::BothUserAndPartnerProvided => "BOTH_USER_AND_PARTNER_PROVIDED",
        }
    }
}

/// Limited Data Use (LDU) for people in states of the US whose law asks for it (customer file custom audiences guide,
/// read 2026-11-23). It holds for the audience that is sent to, and is not carried over to others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitedDataUse {
    /// The attribute that says `true` of a member whom it is for. Without it, it is for everybody.
    pub attribute: Option<String>,
    /// Where these people are, by Meta's number of the country (1 is the United States); only with a state. Without both
    /// Meta finds out by itself.
    pub country: Option<u32>,
    /// Meta's number of the state (1000 is California).
    pub state: Option<u32>,
    /// Sends `customer_consent`, as Meta's example with a stated place has it. It is not a consent of the EEA.
    pub customer_consent: bool,
}

impl LimitedDataUse {
    /// For everybody; Meta finds out where they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the attribute that says for whom it is.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>) -> Self {
        self.attribute = Some(name.into());
        self
    }

    /// Says where these people are, in Meta's numbers.
    #[must_use]
    pub fn with_place(mut self, country: u32, state: u32) -> Self {
        (self.country, self.state) = (Some(country), Some(state));
        self
    }

    pub(super) fn place(&self) -> Option<(u32, u32)> {
        self.country.zip(self.state)
    }
}

/// The configuration of a [`Meta`](super::Meta) destination. Unknown fields are refused; secrets do not print.
///
/// ```
/// use audience_sync::connectors::ads::meta::MetaConfig;
///
/// let config: MetaConfig = serde_json::from_str(
///     r#"{"account_id": "act_100200300", "access_token": "EAAB...", "customer_file_source": "user_provided_only"}"#,
/// )?;
/// assert_eq!(config.api_version, "v26.0");
/// assert!(!format!("{config:?}").contains("EAAB"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MetaConfig {
    /// The ad account: `act_100200300`, or the digits alone.
    pub account_id: String,
    /// A token with `ads_management` for that account; one of a system user does not expire.
    pub access_token: Secret<String>,
    /// Where the people come from; every audience that is created states it. There is no default.
    pub customer_file_source: CustomerFileSource,
    /// The app's secret: every request then carries the `appsecret_proof` that an app can be set to demand.
    #[serde(default)]
    pub app_secret: Option<Secret<String>>,
    /// The attribute with what a member is worth, a number of at least 0: audiences are then value-based, and every member
    /// needs one. Cannot be changed for an audience that exists. Default none.
    #[serde(default)]
    pub value_attribute: Option<String>,
    /// Limited Data Use. Default none.
    #[serde(default)]
    pub limited_data_use: Option<LimitedDataUse>,
    /// The Graph API version: `v26.0`. Default [`API_VERSION`].
    #[serde(default = "api_version")]
    pub api_version: String,
    /// Another host than `https://graph.facebook.com`, for a relay.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Lets [`MetaConfig::base_url`] be a loopback host over http, for tests and for a relay on the same machine.
    #[serde(default)]
    pub allow_loopback: bool,
    /// The largest request body, in bytes, 65,536 to 67,108,864. Default [`MAX_BODY_BYTES`].
    #[serde(default = "max_body_bytes")]
    pub max_body_bytes: u64,
    /// Requests in flight at once, 1 to 32. Default 2.
    #[serde(default = "in_flight")]
    pub in_flight: u32,
}

fn api_version() -> String {
    API_VERSION.to_owned()
}

fn max_body_bytes() -> u64 {
    MAX_BODY_BYTES
}

fn in_flight() -> u32 {
    2
}

impl MetaConfig {
    /// An account, a token, and where the people come from.
    pub fn new(
        account_id: impl Into<String>,
        access_token: impl Into<Secret<String>>,
        customer_file_source: CustomerFileSource,
    ) -> Self {
        Self {
            account_id: account_id.into(),
            access_token: access_token.into(),
            customer_file_source,
            app_secret: None,
            value_attribute: None,
            limited_data_use: None,
            api_version: api_version(),
            base_url: None,
            allow_loopback: false,
            max_body_bytes: max_body_bytes(),
            in_flight: in_flight(),
        }
    }

    /// Sets the app's secret.
    #[must_use]
    pub fn with_app_secret(mut self, secret: impl Into<Secret<String>>) -> Self {
        self.app_secret = Some(secret.into());
        self
    }

    /// Makes audiences value-based, by an attribute.
    #[must_use]
    pub fn with_value_attribute(mut self, name: impl Into<String>) -> Self {
        self.value_attribute = Some(name.into());
        self
    }

    /// Turns Limited Data Use on.
    #[must_use]
    pub fn with_limited_data_use(mut self, limited: LimitedDataUse) -> Self {
        self.limited_data_use = Some(limited);
        self
    }

    /// Sets the Graph API version.
    #[must_use]
    pub fn with_api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = version.into();
        self
    }

    /// Sets another host.
    #[must_use]
    pub fn with_base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Lets the host be a loopback one over http.
    #[must_use]
    pub fn with_allow_loopback(mut self, allow: bool) -> Self {
        self.allow_loopback = allow;
        self
    }

    /// Sets the largest request body, in bytes.
    #[must_use]
    pub fn with_max_body_bytes(mut self, bytes: u64) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Sets how many requests may be in flight at once.
    #[must_use]
    pub fn with_in_flight(mut self, requests: u32) -> Self {
        self.in_flight = requests;
        self
    }

    /// The account as every path names it: `act_` and digits.
    pub(super) fn account(&self) -> Result<String> {
        let digits = self.account_id.strip_prefix("act_").unwrap_or(&self.account_id);
        if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused("`account_id`", "`act_` and up to 20 digits, or the digits alone"));
        }
        Ok(format!("act_{digits}"))
    }

    /// What can be judged without asking Meta.
    pub(super) fn check(&self) -> Result<()> {
        if !is_version(&self.api_version) {
            return Err(refused("`api_version`", "a form like `v26.0`"));
        }
        if !BODY_BYTES.contains(&self.max_body_bytes) {
            return Err(refused("`max_body_bytes`", "65536 to 67108864"));
        }
        if !(1..=32).contains(&self.in_flight) {
            return Err(refused("`in_flight`", "1 to 32"));
        }
        if self.app_secret.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
            return Err(refused("`app_secret`", "a secret; leave the field out where there is none"));
        }
        if self.value_attribute.as_ref().is_some_and(String::is_empty) {
            return Err(refused("`value_attribute`", "an attribute's name; leave the field out where there is none"));
        }
        match &self.limited_data_use {
            Some(limited) if limited.country.is_some() != limited.state.is_some() => {
                Err(refused("`limited_data_use`", "a country and a state, or neither"))
            }
            Some(limited) if limited.customer_consent && limited.place().is_none() => {
                Err(refused("`customer_consent`", "it only beside a country and a state"))
            }
            _ => Ok(()),
        }
    }
}

fn is_version(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix('v')
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(major, minor)| number(major) && number(minor))
}

fn refused(field: &str, expected: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{field}: expected {expected}, found something else"))
}
