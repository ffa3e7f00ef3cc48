//! Requests, replies and their limits.

use std::fmt;
use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use url::Url;

use crate::secret::Secret;

/// One request, complete. Cheap to clone but for its headers.
///
/// `Debug` shows method, host, path (see [`safe_url`]), header names and the body's length; never a query, a header's
/// value or the body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// The headers. Secret values are marked sensitive.
    pub headers: HeaderMap,
    /// The body as it goes over the wire; empty for none.
    pub body: Bytes,
    secrets: Vec<Secret<String>>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), secrets: Vec::new() }
    }

    /// Says that `secret` stands somewhere in the request, so that whoever shows the request leaves it out.
    pub fn mark_secret(&mut self, secret: Secret<String>) {
        if !secret.expose().is_empty() {
            self.secrets.push(secret);
        }
    }

    /// The secrets that stand in the request, wherever that is.
    pub fn secrets(&self) -> impl Iterator<Item = &String> {
        self.secrets.iter().map(Secret::expose)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &safe_url(&self.url))
            .field("headers", &Names(&self.headers))
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Headers with a platform's id of a request, those of one platform before those of many.
const REQUEST_IDS: [&str; 12] = [
    "x-fb-trace-id",
    "x-fb-request-id",
    "x-li-uuid",
    "x-tt-logid",
    "x-goog-request-id",
    "x-hubspot-correlation-id",
    "x-amzn-requestid",
    "x-ms-request-id",
    "x-transaction-id",
    "x-request-id",
    "request-id",
    "x-correlation-id",
];

/// One reply, complete, whatever its status.
///
/// `Debug` shows status, header names and the body's length.
#[derive(Clone)]
#[non_exhaustive]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
}

impl Response {
    /// A reply without headers.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into() }
    }

    /// The platform's own id of the request, which its support asks for; `None` without one that may be printed.
    ///
    /// Looks where platforms commonly put it. An id is at most 128 letters, digits and `._:+/=-`: nothing else is shown,
    /// so that no address or text can hide in it.
    pub fn request_id(&self) -> Option<&str> {
        let mark = |byte: u8| byte.is_ascii_alphanumeric() || b"._:+/=-".contains(&byte);
        REQUEST_IDS
            .iter()
            .filter_map(|name| self.headers.get(*name)?.to_str().ok())
            .find(|id| (1..=128).contains(&id.len()) && id.bytes().all(mark))
    }

    /// Sets the headers.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status.as_u16())
            .field("headers", &Names(&self.headers))
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What one request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// From the start of the connection to the last byte of the reply. Default 60 s.
    pub timeout: Duration,
    /// The longest reply body that is read, in bytes, as it comes and after decompression. Default 8 MiB.
    pub max_reply_bytes: usize,
    /// How deeply the JSON of a reply may be nested. Default 64.
    pub max_json_depth: usize,
    /// How long a request may wait for its turn under a rate limit; beyond that it fails with
    /// [`ErrorKind::RateLimited`](crate::ErrorKind::RateLimited), unsent. Default 30 s.
    pub max_wait: Duration,
}

impl Limits {
    /// Sets the time for the whole request.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how deeply the JSON of a reply may be nested.
    #[must_use]
    pub fn with_max_json_depth(mut self, depth: usize) -> Self {
        self.max_json_depth = depth;
        self
    }

    /// Sets how long a request may wait for its turn.
    #[must_use]
    pub fn with_max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Sets the longest reply body, in bytes.
    #[must_use]
    pub fn with_max_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_reply_bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            max_reply_bytes: 8 << 20,
            max_json_depth: 64,
            max_wait: Duration::from_secs(30),
        }
    }
}

struct Names<'a>(&'a HeaderMap);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys().map(::http::HeaderName::as_str)).finish()
    }
}

/// The part of a URL that may be printed: scheme, host, port, and of the path the plain words and versions.
///
/// Everything else in the path is shown as `*`, because ids, keys of webhooks and addresses of people stand there.
///
/// ```
/// let url = url::Url::parse("https://graph.example.com/v23.0/6071/usersreplace?access_token=s3cr3t").unwrap();
/// assert_eq!(audience_sync::http::safe_url(&url), "https://graph.example.com/v23.0/*/usersreplace");
/// ```
pub fn safe_url(url: &Url) -> String {
    let mut safe = format!("{}://{}", url.scheme(), url.host_str().unwrap_or("*"));
    if let Some(port) = url.port() {
        safe.push_str(&format!(":{port}"));
    }
    for segment in url.path_segments().into_iter().flatten() {
        safe.push('/');
        safe.push_str(if is_word(segment) || is_version(segment) { segment } else { "*" });
    }
    safe
}

/// Long enough for the longest method name of a known platform, `offlineUserDataJobs:addOperations`.
const LONGEST_WORD: usize = 40;

fn is_word(segment: &str) -> bool {
    segment.len() <= LONGEST_WORD
        && segment.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b':'))
}

fn is_version(segment: &str) -> bool {
    let Some(number) = segment.strip_prefix('v') else { return false };
    number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;

    #[test]
    fn a_printed_url_keeps_words_and_versions_only() {
        for (url, safe) in [
            ("https://api.example.com/import?project_id=2195193", "https://api.example.com/import"),
            ("https://example.com:8443/a/b/", "https://example.com:8443/a/b/"),
            ("https://example.com/v1/people/jane%40doe.org", "https://example.com/v1/people/*"),
            ("https://example.com/people/jane@doe.org", "https://example.com/people/*"),
            ("https://example.com/people/+15551234567", "https://example.com/people/*"),
            ("https://example.com/services/T0AB/B0CD/8kLmNoP2", "https://example.com/services/*/*/*"),
            ("https://example.com/v12345678901/x", "https://example.com/*/x"),
            ("https://user:pass@example.com/x#frag", "https://example.com/x"),
            ("data:text/plain,s3cr3t", "data://*"),
            (
                "https://example.com/v21/customers/77/offlineUserDataJobs:addOperations",
                "https://example.com/v21/customers/*/offlineUserDataJobs:addOperations",
            ),
        ] {
            assert_eq!(safe_url(&Url::parse(url).unwrap()), safe, "{url}");
        }
    }

    #[test]
    fn debug_gives_nothing_away() {
        let mut request = Request::new(
            Method::POST,
            Url::parse("https://planted-user:planted@example.com/act_planted1/users?access_token=planted").unwrap(),
        );
        request.headers.insert("authorization", HeaderValue::from_static("Bearer planted"));
        request.body = Bytes::from_static(b"planted");
        assert_eq!(
            format!("{request:?}"),
            "Request { method: POST, url: \"https://example.com/*/users\", headers: [\"authorization\"], \
             body_bytes: 7 }"
        );
        let response = Response::new(StatusCode::OK, "planted").with_headers(request.headers);
        assert_eq!(format!("{response:?}"), "Response { status: 200, headers: [\"authorization\"], body_bytes: 7 }");
    }

    #[test]
    fn the_platforms_id_of_a_request_is_found_and_is_no_more_than_an_id() {
        let id = |headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (::http::HeaderName::from_static(name), HeaderValue::from_static(value)));
            let response = Response::new(StatusCode::OK, "").with_headers(headers.collect());
            response.request_id().map(str::to_owned)
        };
        assert_eq!(id(&[("x-request-id", "7f3a-b:c/1=")]).as_deref(), Some("7f3a-b:c/1="));
        assert_eq!(id(&[("request-id", "b"), ("x-fb-trace-id", "AbC+1")]).as_deref(), Some("AbC+1"));
        assert_eq!(id(&[("x-fb-trace-id", ""), ("request-id", "b")]).as_deref(), Some("b"));
        assert_eq!(id(&[("x-request-id", "jane@example.com")]), None);
        assert_eq!(id(&[("x-request-id", "two words")]), None);
        assert_eq!(id(&[]), None);
    }

    #[test]
    fn limits_have_the_documented_defaults() {
        let limits = Limits::default();
        assert_eq!((limits.timeout.as_secs(), limits.max_reply_bytes), (60, 8_388_608));
    }
}
