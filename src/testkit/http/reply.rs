//! What the server answers, and how it fails to.

use std::fmt;
use std::time::Duration;

use ::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

/// What the server answers: a status, headers, a body, and perhaps a fault on the way. A cheap clone.
///
/// ```
/// use audience_sync::testkit::Reply;
///
/// let throttled = Reply::status(429).header("retry-after", "7").body("slow down");
/// let applied_and_gone = Reply::reset();
/// let half = Reply::ok().body("0123456789").cut_after(40);
/// ```
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    delay: Duration,
    delivery: Delivery,
    close: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Delivery {
    Whole,
    /// So many bytes of the reply, head included; then the connection closes.
    Cut(usize),
    /// One byte each time this has passed.
    Trickle(Duration),
    /// The connection is reset without an answer.
    Reset,
    /// No answer; the connection stays open.
    Silence,
}

impl Reply {
    /// An empty reply with a status from 100 to 999.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            delay: Duration::ZERO,
            delivery: Delivery::Whole,
            close: false,
        }
    }

    /// 200 without a body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// 200 with a JSON body.
    pub fn json(body: &impl Serialize) -> Self {
        Self::ok().with_json(body)
    }

    /// Resets the connection instead of answering: whatever the handler did, the client does not learn of it.
    pub fn reset() -> Self {
        Self { delivery: Delivery::Reset, ..Self::ok() }
    }

    /// Never answers, and keeps the connection open until the client gives up.
    pub fn silence() -> Self {
        Self { delivery: Delivery::Silence, ..Self::ok() }
    }

    /// Adds a header. A name or value that HTTP does not allow becomes a reply of 500: see [`Self::body`].
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
                self
            }
            _ => Self::broken("a header that HTTP does not allow"),
        }
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a JSON body and its content type. A value without a form in JSON becomes a reply of 500.
    #[must_use]
    pub fn with_json(self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(text) => self.header("content-type", "application/json").body(text),
            Err(_) => Self::broken("a value without a form in JSON"),
        }
    }

    /// Waits in real time before the first byte of the reply.
    #[must_use]
    pub fn delayed(mut self, wait: Duration) -> Self {
        self.delay = wait;
        self
    }

    /// Sends only the first `bytes` bytes, head included, and closes the connection.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.delivery = Delivery::Cut(bytes);
        self
    }

    /// Sends one byte at a time, each after waiting so long in real time.
    #[must_use]
    pub fn one_byte_per(mut self, wait: Duration) -> Self {
        self.delivery = Delivery::Trickle(wait);
        self
    }

    /// Closes the connection after the reply, and says so.
    #[must_use]
    pub fn close_after(mut self) -> Self {
        self.close = true;
        self
    }

    /// A script that cannot be played is a fault of the test: the client sees a status it did not expect.
    fn broken(what: &'static str) -> Self {
        Self::status(500).body(format!("the script holds {what}"))
    }

    pub(super) fn delivery(&self) -> Delivery {
        self.delivery
    }

    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    pub(super) fn closes(&self) -> bool {
        self.close
    }

    /// The head as it goes over the wire, and the body.
    pub(super) fn encode(&self, method: &Method, close: bool) -> (BytesMut, Bytes) {
        let mut head = BytesMut::with_capacity(256);
        let reason = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        head.put_slice(format!("HTTP/1.1 {:03} {}\r\n", self.status, reason.unwrap_or("")).as_bytes());
        for (name, value) in &self.headers {
            put_header(&mut head, name, value.as_bytes());
        }
        // RFC 9110 section 8.6: these two never have a length.
        let bodiless = self.status == 204 || self.status < 200;
        if !bodiless && !self.headers.contains_key(CONTENT_LENGTH) && !self.headers.contains_key(TRANSFER_ENCODING) {
            put_header(&mut head, &CONTENT_LENGTH, self.body.len().to_string().as_bytes());
        }
        if close && !self.headers.contains_key(CONNECTION) {
            put_header(&mut head, &CONNECTION, b"close");
        }
        head.put_slice(b"\r\n");
        let silent = bodiless || self.status == 304 || *method == Method::HEAD;
        (head, if silent { Bytes::new() } else { self.body.clone() })
    }
}

fn put_header(head: &mut BytesMut, name: &HeaderName, value: &[u8]) {
    head.put_slice(name.as_str().as_bytes());
    head.put_slice(b": ");
    head.put_slice(value);
    head.put_slice(b"\r\n");
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes, {:?})", self.status, self.body.len(), self.delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(reply: &Reply, method: &Method, close: bool) -> String {
        let (head, body) = reply.encode(method, close);
        String::from_utf8([&head[..], &body[..]].concat()).unwrap()
    }

    #[test]
    fn a_reply_is_written_as_http_wants_it() {
        let reply = Reply::status(429).header("Retry-After", "7").header("x-a", "b").body("slow");
        let text = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\nx-a: b\r\ncontent-length: 4\r\n";
        assert_eq!(wire(&reply, &Method::POST, false), format!("{text}\r\nslow"));
        assert_eq!(wire(&reply, &Method::HEAD, false), format!("{text}\r\n"));
        assert_eq!(wire(&reply, &Method::GET, true), format!("{text}connection: close\r\n\r\nslow"));
        assert_eq!(wire(&Reply::status(204).body("no"), &Method::GET, false), "HTTP/1.1 204 No Content\r\n\r\n");
        let lying = Reply::ok().header("content-length", "9").body("four");
        assert_eq!(wire(&lying, &Method::GET, false), "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour");
    }

    #[test]
    fn a_script_that_cannot_be_played_shows() {
        assert!(wire(&Reply::ok().header("a b", "c"), &Method::GET, false).starts_with("HTTP/1.1 500 "));
        assert!(wire(&Reply::ok().header("a", "b\r\nc: d"), &Method::GET, false).starts_with("HTTP/1.1 500 "));
    }
}
