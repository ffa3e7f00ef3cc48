//! A request without its secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ::http::HeaderMap;
use ::http::header::CONTENT_ENCODING;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use url::form_urlencoded;

use super::{Limits, Recorded, Request, Response};
use crate::http::StatusCode;
use crate::http::encoding::decoded;

const REDACTED: &str = "[redacted]";

/// A shorter secret is taken out where it stands alone: within other text it would be found by chance.
const SHORT: usize = 4;

/// The largest body that is shown, in bytes.
const LARGEST: usize = 256 << 20;

/// The request as it may be shown.
pub(super) fn recorded(request: &Request) -> Recorded {
    let mut secrets: Vec<&str> = request.secrets().map(String::as_str).collect();
    // The longest first: a shorter one may be a part of it.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    Recorded {
        method: request.method.as_str().to_owned(),
        url: url(request, &secrets),
        headers: headers(&request.headers, &secrets),
        body: body(request, &secrets),
    }
}

fn url(request: &Request, secrets: &[&str]) -> String {
    let mut url = request.url.clone();
    if let Some(query) = url.query() {
        let pairs: Vec<String> = query.split('&').map(|pair| in_pair(pair, secrets)).collect();
        url.set_query(Some(&pairs.join("&")));
    }
    in_text(url.as_str(), secrets).into_owned()
}

/// A pair of a query or a form; one whose value holds a secret is left with its name.
fn in_pair(pair: &str, secrets: &[&str]) -> String {
    let held =
        form_urlencoded::parse(pair.as_bytes()).any(|(_, value)| secrets.iter().any(|secret| is_in(&value, secret)));
    match pair.split_once('=') {
        Some((name, _)) if held => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    }
}

fn is_in(text: &str, secret: &str) -> bool {
    text == secret || secret.len() >= SHORT && text.contains(secret)
}

/// A text with the secrets and their forms in URLs taken out.
fn in_text<'a>(text: &'a str, secrets: &[&str]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for secret in secrets {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [*secret, &encoded, &encoded.replace('+', "%20")] {
            if form.len() >= SHORT && text.contains(form) || *text == *form {
                text = Cow::Owned(text.replace(form, REDACTED));
            }
        }
    }
    text
}

fn headers(headers: &HeaderMap, secrets: &[&str]) -> BTreeMap<String, String> {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        let text = if value.is_sensitive() { sensitive(&text) } else { in_text(&text, secrets).into_owned() };
        let place = shown.entry(name.as_str().to_owned()).or_default();
        if !place.is_empty() {
            place.push_str(", ");
        }
        place.push_str(&text);
    }
    shown
}

/// The scheme of a credential is no secret: `Bearer [redacted]`.
fn sensitive(text: &str) -> String {
    const SCHEMES: [&str; 4] = ["Basic", "Bearer", "OAuth", "Digest"];
    match text.split_once(' ') {
        Some((scheme, _)) if SCHEMES.contains(&scheme) => format!("{scheme} {REDACTED}"),
        _ => REDACTED.to_owned(),
    }
}

fn body(request: &Request, secrets: &[&str]) -> Value {
    let body = plain(request);
    if body.is_empty() {
        return Value::Null;
    }
    let Ok(text) = std::str::from_utf8(&body) else {
        return Value::String(format!("base64:{}", STANDARD.encode(&body)));
    };
    if let Ok(mut json) = serde_json::from_str(text) {
        in_json(&mut json, secrets);
        return json;
    }
    let form = request
        .headers
        .get("content-type")
        .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if form {
        let pairs: Vec<String> = text.split('&').map(|pair| in_pair(pair, secrets)).collect();
        return Value::String(pairs.join("&"));
    }
    Value::String(in_text(text, secrets).into_owned())
}

/// The body before it was compressed.
fn plain(request: &Request) -> Bytes {
    let mut headers = HeaderMap::new();
    if let Some(encoding) = request.headers.get(CONTENT_ENCODING) {
        headers.insert(CONTENT_ENCODING, encoding.clone());
    }
    let limits = Limits::default().with_max_reply_bytes(LARGEST).with_max_json_depth(usize::MAX);
    let wrapped = Response::new(StatusCode::OK, request.body.clone()).with_headers(headers);
    decoded(wrapped, &limits).map_or_else(|_| request.body.clone(), |response| response.body)
}

fn in_json(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(shown) = in_text(text, secrets) {
                *text = shown;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| in_json(item, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|field| in_json(field, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
