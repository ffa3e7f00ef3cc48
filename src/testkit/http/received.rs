//! A request as the server received it.

use std::fmt;
use std::sync::Arc;

use ::http::{HeaderMap, Method};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

/// A request as the server received it. A cheap clone.
///
/// `Debug` shows the method, the path and the body's length.
#[derive(Clone)]
pub struct Received(Arc<Inner>);

struct Inner {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    pub(super) fn new(method: Method, target: &str, headers: HeaderMap, body: Bytes) -> Self {
        // Absolute form, as a proxy would be asked: RFC 9112 section 3.2.2.
        let target = match target.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => target,
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self(Arc::new(Inner { method, path: path.to_owned(), query: query.to_owned(), headers, body }))
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The path as it came, percent-encoded, without the query.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The query as it came, without `?`; empty without one.
    pub fn query(&self) -> &str {
        &self.0.query
    }

    /// The query's pairs, decoded, in their order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.0.query.as_bytes()).into_owned().collect()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// A header's first value, where it is ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    /// The body; a chunked one put together, a compressed one as it came.
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] when it is not JSON of that form. The message does not quote it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.0.body).map_err(|error| {
            Error::new(
                ErrorKind::Rejected,
                format!(
                    "expected a JSON body, found {} bytes of something else at line {} column {}",
                    self.0.body.len(),
                    error.line(),
                    error.column()
                ),
            )
        })
    }

    /// The body as URL-encoded pairs, decoded, in their order.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.0.body).into_owned().collect()
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.0.method, self.0.path, self.0.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(target: &str, body: &'static str) -> Received {
        Received::new(Method::POST, target, HeaderMap::new(), Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn a_target_is_taken_apart() {
        let plain = received("/v1/a%20b?x=1&y=a%26b&x", "");
        assert_eq!((plain.path(), plain.query()), ("/v1/a%20b", "x=1&y=a%26b&x"));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(plain.query_pairs(), [pair("x", "1"), pair("y", "a&b"), pair("x", "")]);
        assert_eq!(received("http://host:80/p?q", "").path(), "/p");
        assert_eq!(received("http://host", "").path(), "/");
        assert_eq!(received("*", "").path(), "*");
    }

    #[test]
    fn bodies_are_read_and_never_shown() {
        assert_eq!(received("/", "[1,2]").json::<Vec<u8>>().unwrap(), [1, 2]);
        assert_eq!(received("/", "a=b+c").form(), [("a".to_owned(), "b c".to_owned())]);
        let error = received("/", "planted").json::<Vec<u8>>().unwrap_err();
        assert!(!error.to_string().contains("planted"), "{error}");
        assert_eq!(format!("{:?}", received("/p?planted", "planted")), "POST /p (7 bytes)");
    }
}
