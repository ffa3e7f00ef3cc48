//! A transport that sends nothing: it keeps what would be sent, and answers from a script.

mod redact;
mod replies;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::replies::{CannedReply, Replies, ReplyRule};
use super::{Limits, Request, Response, Transport};
use crate::error::Result;

/// A request as a dry run shows it: complete, but for its secrets, in whose place `[redacted]` stands.
///
/// It holds what people are known by at the platform, digests or clear values: it is as confidential as the members.
/// `Debug` shows method and body size only.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The headers by name in lower case; of several of one name the values with `, ` between them.
    pub headers: BTreeMap<String, String>,
    /// The body, decompressed: JSON as it is, other text as text, other bytes as text in base64 with `base64:` in
    /// front, nothing as `null`.
    pub body: Value,
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A [`Transport`] for dry runs: sends nothing, keeps what would be sent, answers from a script. A cheap clone; all
/// clones share what is kept.
///
/// A secret is whatever the request marks as one: the values of sensitive headers, the credential of
/// [`Auth`](super::Auth), and what a connector named with [`RequestBuilder::secret`](super::RequestBuilder::secret).
///
/// ```
/// use std::sync::Arc;
/// use audience_sync::http::{Auth, HttpClient, Recorder, Replies};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> audience_sync::Result<()> {
/// let replies: Replies = serde_json::from_str(
///     r#"{"replies": [{"method": "POST", "url": "/jobs", "times": 1, "reply": {"status": 201, "body": {"id": "j1"}}}],
///         "default": {"status": 200, "body": {"status": "done"}}}"#,
/// )
/// .expect("a script");
/// let recorder = Recorder::new(replies);
/// let client = HttpClient::new(Arc::new(recorder.clone()));
/// let url = url::Url::parse("https://api.example.com/jobs").expect("a URL");
/// let request = client.post(url).auth(&Auth::Bearer("t0ken".into())).json(&["a"], 100)?;
/// assert_eq!(request.send().await?.status.as_u16(), 201);
///
/// let recorded = recorder.take();
/// assert_eq!(recorded[0].headers["authorization"], "Bearer [redacted]");
/// assert_eq!(recorded[0].body, serde_json::json!(["a"]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    recorded: Vec<Recorded>,
    replies: Replies,
}

impl Recorder {
    /// One that answers from a script.
    pub fn new(replies: Replies) -> Self {
        Self(Arc::new(Mutex::new(State { recorded: Vec::new(), replies })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What would have been sent since the last call, in order.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.state().recorded)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("recorded", &self.state().recorded.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn execute(&self, request: Request, _: &Limits) -> Result<Response> {
        let recorded = redact::recorded(&request);
        let mut state = self.state();
        let response = state.replies.answer(&recorded);
        state.recorded.push(recorded);
        response
    }
}
