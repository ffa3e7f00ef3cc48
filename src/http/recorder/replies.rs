//! What a dry run is answered.

use std::collections::BTreeMap;

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Recorded, Response};
use crate::error::{Doing, Error, ErrorKind, Result};

/// Which requests are answered how: rules in order, of which the first that fits and is not used up answers; then a
/// default, which is status 200 with `{}` unless the script says otherwise.
///
/// As JSON either an object of `replies` and `default`, or the list of rules alone:
///
/// ```json
/// {"replies": [{"method": "GET", "url": "/v1/*/status", "times": 2, "reply": {"body": {"status": "running"}}},
///              {"url": "/status", "reply": {"body": {"status": "done"}}}],
///  "default": {"status": 200, "body": {}}}
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Form")]
pub struct Replies {
    rules: Vec<ReplyRule>,
    default: CannedReply,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Rules(Vec<ReplyRule>),
    Script(Script),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    replies: Vec<ReplyRule>,
    #[serde(default)]
    default: CannedReply,
}

impl From<Form> for Replies {
    fn from(form: Form) -> Self {
        match form {
            Form::Rules(rules) => Self { rules, default: CannedReply::default() },
            Form::Script(Script { replies: rules, default }) => Self { rules, default },
        }
    }
}

impl Replies {
    /// A default alone.
    pub fn always(default: CannedReply) -> Self {
        Self { rules: Vec::new(), default }
    }

    /// Asks `next` after the own rules; its default counts.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.rules.extend(next.rules);
        self.default = next.default;
        self
    }

    pub(super) fn answer(&mut self, request: &Recorded) -> Result<Response> {
        let rule = self.rules.iter_mut().find(|rule| rule.times != Some(0) && rule.fits(request));
        match rule {
            Some(rule) => {
                rule.times = rule.times.map(|times| times - 1);
                rule.reply.response()
            }
            None => self.default.response(),
        }
        .doing(|| "answer a request from a script")
    }
}

/// A kind of request, and its answer. What is not said fits any.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ReplyRule {
    /// The method.
    #[serde(default)]
    pub method: Option<String>,
    /// A piece of the URL behind its scheme, as a dry run shows it; `*` stands for any text.
    #[serde(default)]
    pub url: Option<String>,
    /// A piece of the body, as a dry run shows it; `*` stands for any text.
    #[serde(default)]
    pub body: Option<String>,
    /// How often it answers; without it always.
    #[serde(default)]
    pub times: Option<u32>,
    /// The answer.
    #[serde(default)]
    pub reply: CannedReply,
}

impl ReplyRule {
    fn fits(&self, request: &Recorded) -> bool {
        let body = || match &request.body {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            json => json.to_string(),
        };
        let url = request.url.split_once("://").map_or(&*request.url, |(_, rest)| rest);
        self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&request.method))
            && self.url.as_ref().is_none_or(|piece| holds(url, piece))
            && self.body.as_ref().is_none_or(|piece| holds(&body(), piece))
    }
}

/// Whether the parts of `piece` between its stars stand in `text` in that order.
fn holds(text: &str, piece: &str) -> bool {
    let mut rest = text;
    piece.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// An answer that was written down before.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CannedReply {
    /// The status. Default 200.
    pub status: u16,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body: text as it is, anything else as JSON, `null` for none. Default `{}`.
    pub body: Value,
}

impl Default for CannedReply {
    fn default() -> Self {
        Self { status: 200, headers: BTreeMap::new(), body: json!({}) }
    }
}

impl CannedReply {
    /// A status and a body.
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, headers: BTreeMap::new(), body }
    }

    fn response(&self) -> Result<Response> {
        let wrong = |what: &str| Error::new(ErrorKind::Config, format!("expected {what}, found something else"));
        let status = StatusCode::from_u16(self.status).map_err(|_| wrong("a status of 100 to 999"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().map_err(|_| wrong("the name of a header"))?;
            headers.append(name, HeaderValue::from_str(value).map_err(|_| wrong("a header's value"))?);
        }
        let body = match &self.body {
            Value::Null => Bytes::new(),
            Value::String(text) => Bytes::from(text.clone()),
            json => Bytes::from(json.to_string()),
        };
        Ok(Response::new(status, body).with_headers(headers))
    }
}
