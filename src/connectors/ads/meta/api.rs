//! Requests to the Graph API, and the parts of its replies that are read.
//!
//! Fields that are not read here may come and go: the API adds them without notice.

use std::collections::BTreeSet;
use std::time::Duration;

use ::http::Method;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::config::MetaConfig;
use super::errors::{self, META};
use crate::destination::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Auth, BaseUrl, UrlGuard, hmac_sha256};
use crate::pace::Rate;
use crate::secret::Secret;

const HOST: &str = "https://graph.facebook.com";

/// The Graph API with a credential.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    base: BaseUrl,
    version: String,
    auth: Auth,
    proof: Option<Secret<String>>,
    /// Of the account's requests.
    rate_name: String,
}

/// The burst one app may send, as a published connector found it; Meta documents none. What an account may send in an
/// hour its replies say in time.
const RATE: Rate = Rate { cost: 100, per: Duration::from_secs(1), burst: 100 };

impl Graph {
    pub(super) fn new(config: &MetaConfig) -> Result<Self> {
        let guard = if config.allow_loopback { UrlGuard::new().allow_loopback_http() } else { UrlGuard::new() };
        let auth = Auth::Bearer(config.access_token.clone());
        auth.check().map_err(|error| error.doing("`access_token`"))?;
        Ok(Self {
            base: BaseUrl::parse_with(config.base_url.as_deref().unwrap_or(HOST), &guard)?,
            version: config.api_version.clone(),
            auth,
            rate_name: format!("meta:{}", config.account()?),
            proof: config.app_secret.as_ref().map(|secret| proof(secret, &config.access_token)),
        })
    }

    pub(super) fn host(&self) -> &str {
        self.base.as_url().host_str().unwrap_or_default()
    }

    /// Stands in the body of what is written, as a parameter like others.
    pub(super) fn proof(&self) -> Option<&Secret<String>> {
        self.proof.as_ref()
    }

    /// Reads. The proof goes into the query, because a read has no body; it is no credential without the token.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        cx: &Context,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T> {
        let mut query = query.to_vec();
        if let Some(proof) = &self.proof {
            query.push(("appsecret_proof", proof.expose()));
        }
        self.call(cx, Method::GET, path, &query, Vec::new()).await
    }

    /// Writes, with a body of JSON. A deletion's parameters travel in the body as well: in the query they cut the
    /// connection from some hundred rows on (issue 717 of Meta's Python SDK, October 2025).
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        cx: &Context,
        method: Method,
        path: &[&str],
        body: Vec<u8>,
    ) -> Result<T> {
        self.call(cx, method, path, &[], body).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        cx: &Context,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<T> {
        let path: Vec<&str> = std::iter::once(self.version.as_str()).chain(path.iter().copied()).collect();
        let http = cx.http()?;
        let bucket = http.rates().of(&self.rate_name, RATE);
        let mut request = http.request(method, self.base.join(&path, query)?).auth(&self.auth);
        request = request.classifier(META).rate(&bucket, 1);
        if let Some(proof) = &self.proof {
            request = request.secret(proof);
        }
        if !body.is_empty() {
            request = request.body(body, "application/json");
        }
        let response = request.send().await?;
        if let Some(pause) = errors::pause(&response.headers) {
            bucket.pause(&**cx.clock(), pause);
        }
        META.read(&response, cx.now())
    }
}

/// Shows that the caller knows the app's secret: hex HMAC-SHA256 of the token under the secret (Meta's Python SDK
/// 26.0.3, `session.py`).
fn proof(app_secret: &Secret<String>, access_token: &Secret<String>) -> Secret<String> {
    let tag = hmac_sha256(app_secret.expose().as_bytes(), &[access_token.expose().as_bytes()]);
    Secret::new(const_hex::encode(tag))
}

/// A new audience.
#[derive(Serialize)]
pub(super) struct NewAudience<'a> {
    pub(super) name: &'a str,
    pub(super) subtype: &'a str,
    pub(super) description: &'a str,
    pub(super) customer_file_source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_value_based: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) appsecret_proof: Option<&'a str>,
}

/// What a creation answers.
#[derive(Deserialize)]
pub(super) struct Created {
    pub(super) id: Id,
}

/// An audience, as far as the fields were asked for.
#[derive(Deserialize)]
pub(super) struct Audience {
    pub(super) id: Id,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) subtype: Option<String>,
    #[serde(default)]
    pub(super) operation_status: Option<Status>,
    #[serde(default)]
    pub(super) is_value_based: Option<bool>,
    #[serde(default)]
    pub(super) approximate_count_lower_bound: Option<Number>,
    #[serde(default)]
    pub(super) approximate_count_upper_bound: Option<Number>,
}

#[derive(Deserialize)]
pub(super) struct Status {
    #[serde(default)]
    pub(super) code: Option<Number>,
}

/// One page of a list.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    #[serde(default)]
    cursors: Option<Cursors>,
    /// The address of the next page. Only whether there is one counts: it holds the token, and names a host.
    #[serde(default)]
    next: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Cursors {
    #[serde(default)]
    after: Option<String>,
}

impl<T> Page<T> {
    /// Where the next page begins, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedReply`] for a next page without a cursor: what is on it must not be taken for nothing.
    pub(super) fn after(&self) -> Result<Option<&str>> {
        let Some(Paging { next: Some(_), cursors }) = &self.paging else { return Ok(None) };
        let after = cursors.as_ref().and_then(|cursors| cursors.after.as_deref());
        after.map(Some).ok_or_else(|| {
            Error::new(ErrorKind::UnexpectedReply, "expected a cursor with the next page of a list, found none")
        })
    }
}

/// The ad account.
#[derive(Deserialize)]
pub(super) struct Account {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) account_status: Option<Number>,
    /// A map; an empty one comes as a list.
    #[serde(default)]
    pub(super) tos_accepted: Option<serde_json::Value>,
    #[serde(default)]
    pub(super) user_tasks: Option<Vec<String>>,
}

/// A permission of the token.
#[derive(Deserialize)]
pub(super) struct Permission {
    pub(super) permission: String,
    pub(super) status: String,
}

/// What an upload answers.
#[derive(Deserialize)]
pub(super) struct Received {
    /// Of the whole session so far.
    pub(super) num_received: Number,
    #[serde(default)]
    pub(super) num_invalid_entries: Option<Number>,
    #[serde(default)]
    pub(super) invalid_entry_samples: Samples,
}

/// Values of some lines that Meta could not read, at most 100: the names of a map, or a list. Never shown.
#[derive(Default)]
pub(super) struct Samples(pub(super) BTreeSet<String>);

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        use serde_json::Value;
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::Object(fields) => fields.into_iter().map(|(name, _)| name).collect(),
            Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            // What it is in another form is not documented; the counts say enough.
            _ => BTreeSet::new(),
        }))
    }
}

/// A number that Meta sends as one, or as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub(super) i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(i64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self(number)),
            Form::Text(text) => text.parse().map(Self).map_err(|_| D::Error::custom("expected a whole number")),
        }
    }
}

/// An id: text for us, even where Meta sends a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id(pub(super) String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Number(u64),
        }
        match Form::deserialize(deserializer)? {
            Form::Text(text) if text.is_empty() => Err(D::Error::custom("expected an id")),
            Form::Text(text) => Ok(Self(text)),
            Form::Number(number) => Ok(Self(number.to_string())),
        }
    }
}
