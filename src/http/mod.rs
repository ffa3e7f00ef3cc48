//! The kit for destinations that speak HTTP.
//!
//! A connector builds a request with [`HttpClient`], sends it once, and lets its [`Classifier`] say what the reply
//! means: what is known of the platform first, the status last. Nothing here retries, sleeps or follows a redirect; that
//! is the engine's. The one exception is a refused access token, which is renewed once ([`Tokens`]). The host may bring
//! its own [`Transport`]; `ReqwestTransport` (feature `reqwest`) is the built-in one.
//!
//! Nothing here prints a header's value, a query, a body or a secret.
//!
//! ```
//! use audience_sync::error::Result;
//! use audience_sync::http::{Auth, BaseUrl, Classifier, HttpClient, Meaning, Seen};
//!
//! /// The body first: this platform throttles with status 400.
//! const PLATFORM: Classifier = Classifier::new("the platform", meaning).with_json_replies();
//!
//! fn meaning(seen: &Seen<'_>) -> Option<Meaning> {
//!     #[derive(serde::Deserialize)]
//!     struct Fault {
//!         code: u32,
//!     }
//!     let Fault { code } = seen.json()?;
//!     (code == 80003).then(|| Meaning::throttled("too many calls").with_code("80003"))
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct Received {
//!     received: u64,
//! }
//!
//! async fn add(client: &HttpClient, auth: &Auth, base: &BaseUrl, ids: &[&str]) -> Result<u64> {
//!     let request = client.post(base.join(&["people"], &[])?).auth(auth).classifier(PLATFORM);
//!     let answer: Received = request.json(&ids, 1 << 20)?.read().await?;
//!     Ok(answer.received)
//! }
//! ```

mod announced;
mod auth;
mod base_url;
mod classify;
mod client;
mod encoding;
mod guard;
mod message;
mod recorder;
mod reply;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "reqwest")]
mod resolver;
mod retry_after;

use std::fmt;
use std::sync::Arc;

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use async_trait::async_trait;

pub use self::announced::Announced;
pub use self::auth::{AccessToken, Auth, BodySignature, Grant, Tokens, hmac_sha256};
#[cfg(feature = "oauth1")]
pub use self::auth::{OAuth1, OAuth1Method};
#[cfg(feature = "service-account")]
pub use self::auth::{RsaKey, SelfSigned, ServiceAccountKey};
pub use self::base_url::BaseUrl;
pub use self::classify::{Classifier, Meaning, Seen};
pub use self::client::{HttpClient, RequestBuilder};
pub use self::guard::UrlGuard;
pub use self::message::{Limits, Request, Response, safe_url};
pub use self::recorder::{CannedReply, Recorded, Recorder, Replies, ReplyRule};
pub use self::reply::{classify_status, json};
#[cfg(feature = "reqwest")]
pub use self::reqwest::ReqwestTransport;
pub use self::retry_after::{RETRY_AFTER_MAX, RETRY_AFTER_MIN, retry_after};
use crate::error::Result;

/// Sends one request and gives back the reply, whatever its status.
///
/// The contract:
/// * one request goes out at most once: no retry, no redirect followed, no cookie kept;
/// * no answer within [`Limits::timeout`] is [`ErrorKind::Timeout`] with [`Retry::MaybeApplied`];
/// * a connection that could not be made (name, connect, TLS) is [`ErrorKind::Transport`] with [`Retry::Safe`]: nothing
///   was sent. One that broke later is [`Retry::MaybeApplied`];
/// * a reply is handed over as it came: [`HttpClient`] takes `Content-Encoding` off;
/// * a reply body above [`Limits::max_reply_bytes`] is [`ErrorKind::UnexpectedReply`] with [`Retry::MaybeApplied`];
///   it is never kept in memory whole;
/// * errors hold neither URLs nor header values nor bodies;
/// * dropping the future gives the request up.
///
/// [`ErrorKind::Timeout`]: crate::error::ErrorKind::Timeout
/// [`ErrorKind::Transport`]: crate::error::ErrorKind::Transport
/// [`ErrorKind::UnexpectedReply`]: crate::error::ErrorKind::UnexpectedReply
/// [`Retry::MaybeApplied`]: crate::error::Retry::MaybeApplied
/// [`Retry::Safe`]: crate::error::Retry::Safe
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends `request` within `limits`.
    ///
    /// # Errors
    /// As the trait's contract says. A reply with an error status is not an error here.
    async fn execute(&self, request: Request, limits: &Limits) -> Result<Response>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn execute(&self, request: Request, limits: &Limits) -> Result<Response> {
        (**self).execute(request, limits).await
    }
}
