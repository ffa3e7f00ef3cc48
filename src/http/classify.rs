//! What a reply means at one platform.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::reply::{classify_status, json};
use super::retry_after::{RETRY_AFTER_MAX, RETRY_AFTER_MIN, retry_after};
use super::{Response, StatusCode};
use crate::error::{Doing, Error, ErrorKind, Result, Retry};
use crate::time::Timestamp;

/// Says what a platform's replies mean: first by what is known of the platform, which sees status, headers and body;
/// then by the status ([`classify_status`]).
///
/// A platform's own knowledge is one function. It gives a [`Meaning`], also for a success that is none (failures within
/// status 200, refused credentials as 400), or `None` where the status says it all.
///
/// ```
/// use audience_sync::error::ErrorKind;
/// use audience_sync::http::{Classifier, Meaning, Response, Seen, StatusCode};
/// use audience_sync::time::Timestamp;
///
/// const TIKTOK: Classifier = Classifier::new("TikTok", meaning).with_json_replies();
///
/// fn meaning(seen: &Seen<'_>) -> Option<Meaning> {
///     #[derive(serde::Deserialize)]
///     struct Envelope {
///         code: u32,
///     }
///     let code = seen.json::<Envelope>()?.code;
///     Some(match code {
///         0 => Meaning::fine(),
///         40100 => Meaning::throttled("too many requests"),
///         40105 => Meaning::stop(ErrorKind::Unauthenticated, "a token it does not take"),
///         50000.. => Meaning::fault("a fault of its own"),
///         _ => Meaning::stop(ErrorKind::Config, "a code that is not known here"),
///     }
///     .with_code(code.to_string()))
/// }
///
/// let reply = Response::new(StatusCode::OK, r#"{"code":40105}"#);
/// let error = TIKTOK.check(&reply, Timestamp::from_secs(0)).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unauthenticated);
/// assert_eq!(error.to_string(), "expected TikTok to take the request, found a token it does not take (code 40105)");
/// ```
#[derive(Clone, Copy)]
pub struct Classifier {
    platform: &'static str,
    meaning: fn(&Seen<'_>) -> Option<Meaning>,
    json: bool,
}

impl Classifier {
    /// Of a platform by its name, with what is known of its replies.
    pub const fn new(platform: &'static str, meaning: fn(&Seen<'_>) -> Option<Meaning>) -> Self {
        Self { platform, meaning, json: false }
    }

    /// Of a platform whose statuses say it all.
    pub const fn by_status(platform: &'static str) -> Self {
        Self::new(platform, |_| None)
    }

    /// Says that every reply is JSON: a failure without it comes from something on the way to the platform, and nobody
    /// knows what became of the request.
    #[must_use]
    pub const fn with_json_replies(mut self) -> Self {
        self.json = true;
        self
    }

    /// Whether a reply is one of success.
    ///
    /// # Errors
    /// What the reply means otherwise. Of the platform's own texts its id of the request is in it alone.
    pub fn check(&self, response: &Response, now: Timestamp) -> Result<()> {
        let seen = Seen { response, now };
        let checked = match (self.meaning)(&seen) {
            Some(meaning) => meaning.into_result(self.platform, &seen),
            None => self.by_its_status(&seen),
        };
        match response.request_id() {
            Some(id) => checked.doing(|| format!("request {id}")),
            None => checked,
        }
    }

    fn by_its_status(&self, seen: &Seen<'_>) -> Result<()> {
        let Err(error) = classify_status(seen.response, seen.now) else { return Ok(()) };
        // What a balancer says too, and means.
        let of_the_way = matches!(
            error.kind(),
            ErrorKind::RateLimited | ErrorKind::Timeout | ErrorKind::TooLarge | ErrorKind::Unavailable
        );
        let status = seen.status();
        if !self.json || of_the_way || status.is_redirection() || seen.json::<serde_json::Value>().is_some() {
            return Err(error);
        }
        Err(on_the_way(&format!("expected JSON of {}, found status {} without it", self.platform, status.as_u16())))
    }

    /// Reads a reply of success.
    ///
    /// # Errors
    /// As [`Classifier::check`]; [`ErrorKind::Unavailable`] with [`Retry::MaybeApplied`] for a success that cannot be
    /// read: an empty body, HTML, a body cut short, JSON of another form.
    pub fn read<T: DeserializeOwned>(&self, response: &Response, now: Timestamp) -> Result<T> {
        self.check(response, now)?;
        json(response).map_err(|error| on_the_way(error.message()))
    }

    /// Whether a reply refuses the credential.
    pub(super) fn refuses_credential(&self, response: &Response, now: Timestamp) -> bool {
        self.check(response, now).is_err_and(|error| error.kind() == ErrorKind::Unauthenticated)
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Classifier({})", self.platform)
    }
}

/// A reply that the platform did not write, or did not finish.
fn on_the_way(message: &str) -> Error {
    Error::new(ErrorKind::Unavailable, message).with_retry(Retry::MaybeApplied)
}

/// A reply as a platform's own knowledge sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    response: &'a Response,
    now: Timestamp,
}

impl Seen<'_> {
    /// The reply.
    pub fn response(&self) -> &Response {
        self.response
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.response.status
    }

    /// A header's value; `None` where it is missing or not of visible ASCII characters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.get(name)?.to_str().ok()
    }

    /// The body, where it is JSON of that form.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        json(self.response).ok()
    }

    /// When it came.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// What a reply means. Made in constant tables as well: all constructors are `const`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    verdict: Verdict,
    found: &'static str,
    code: Option<String>,
    wait: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    Throttled,
    Busy,
    Fault,
    Stop(ErrorKind),
}

impl Meaning {
    const fn new(verdict: Verdict, found: &'static str) -> Self {
        Self { verdict, found, code: None, wait: None }
    }

    /// Success, whatever the status.
    pub const fn fine() -> Self {
        Self::new(Verdict::Fine, "")
    }

    /// Refused unprocessed, as one too many: [`ErrorKind::RateLimited`], again after the wait, or else after
    /// `Retry-After`.
    pub const fn throttled(found: &'static str) -> Self {
        Self::new(Verdict::Throttled, found)
    }

    /// Refused unprocessed for a state that passes: [`ErrorKind::Unavailable`], again after the wait, or else after
    /// `Retry-After`.
    pub const fn busy(found: &'static str) -> Self {
        Self::new(Verdict::Busy, found)
    }

    /// A fault of the platform's that may have come after the work was done: [`ErrorKind::Unavailable`] with
    /// [`Retry::MaybeApplied`].
    pub const fn fault(found: &'static str) -> Self {
        Self::new(Verdict::Fault, found)
    }

    /// Never as it is: `kind` with [`Retry::Never`].
    pub const fn stop(kind: ErrorKind, found: &'static str) -> Self {
        Self::new(Verdict::Stop(kind), found)
    }

    /// Whether it is one too many.
    pub fn is_throttle(&self) -> bool {
        self.verdict == Verdict::Throttled
    }

    /// The platform's own code: a number or word of its documentation.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The wait the platform announced; taken between [`RETRY_AFTER_MIN`] and [`RETRY_AFTER_MAX`].
    #[must_use]
    pub const fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    fn into_result(self, platform: &str, seen: &Seen<'_>) -> Result<()> {
        let announced = || {
            let wait = self.wait.map(|wait| wait.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX));
            Retry::Safe { after: wait.or_else(|| retry_after(&seen.response.headers, seen.now)) }
        };
        let (kind, retry) = match self.verdict {
            Verdict::Fine => return Ok(()),
            Verdict::Throttled => (ErrorKind::RateLimited, announced()),
            Verdict::Busy => (ErrorKind::Unavailable, announced()),
            Verdict::Fault => (ErrorKind::Unavailable, Retry::MaybeApplied),
            Verdict::Stop(kind) => (kind, Retry::Never),
        };
        let message = format!("expected {platform} to take the request, found {}", self.found);
        let error = Error::new(kind, message).with_retry(retry);
        Err(match self.code {
            Some(code) => error.with_code(code),
            None => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use ::http::{HeaderMap, HeaderValue};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(784_111_777);

    /// A platform of every oddity: throttles with 400, refuses tokens with 400, fails within 200, succeeds with 409.
    const ODD: Classifier = Classifier::new("Odd", odd).with_json_replies();

    fn odd(seen: &Seen<'_>) -> Option<Meaning> {
        #[derive(serde::Deserialize)]
        struct Envelope {
            code: Option<i64>,
        }
        let remaining = seen.header("x-remaining");
        if seen.status() == StatusCode::FORBIDDEN && remaining == Some("0") {
            return Some(Meaning::throttled("the day's quota used up").with_wait(Duration::from_secs(86_400)));
        }
        let code = seen.json::<Envelope>()?.code?;
        let meaning = match code {
            0 => Meaning::fine(),
            1 => Meaning::throttled("too many requests"),
            2 => Meaning::stop(ErrorKind::Unauthenticated, "a token it does not take"),
            3 => Meaning::fault("a fault of its own"),
            4 => Meaning::busy("another update in progress").with_wait(Duration::from_secs(120)),
            5 => Meaning::busy("another update in progress"),
            _ => return None,
        };
        Some(meaning.with_code(code.to_string()))
    }

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        Response::new(StatusCode::from_u16(status).unwrap(), body).with_headers(map)
    }

    #[test]
    fn the_platform_has_the_first_word_and_the_status_the_last() {
        use ErrorKind::{
            Conflict, NotFound, RateLimited, Rejected, Timeout, Unauthenticated, Unavailable, UnexpectedReply,
        };
        let safe = |secs: u64| Retry::Safe { after: Some(Duration::from_secs(secs)) };
        let none = Retry::Safe { after: None };
        let wait = &[("retry-after", "7")][..];
        for (status, headers, body, expected) in [
            (200, &[][..], r#"{"code":0}"#, None),
            (409, &[], r#"{"code":0,"planted":1}"#, None),
            (200, &[], "{}", None),
            (204, &[], "", None),
            (400, &[], r#"{"code":1}"#, Some((RateLimited, none, Some("1")))),
            (200, wait, r#"{"code":1}"#, Some((RateLimited, safe(7), Some("1")))),
            (400, &[], r#"{"code":2,"message":"planted"}"#, Some((Unauthenticated, Retry::Never, Some("2")))),
            (200, &[], r#"{"code":3}"#, Some((Unavailable, Retry::MaybeApplied, Some("3")))),
            (400, wait, r#"{"code":4}"#, Some((Unavailable, safe(120), Some("4")))),
            (400, wait, r#"{"code":5}"#, Some((Unavailable, safe(7), Some("5")))),
            (403, &[("x-remaining", "0")], "", Some((RateLimited, safe(3_600), None))),
            // The status speaks.
            (400, &[], r#"{"code":77}"#, Some((Rejected, Retry::Never, None))),
            (409, &[], r#"{"planted":1}"#, Some((Conflict, none, None))),
            (404, &[], "[]", Some((NotFound, Retry::Never, None))),
            (429, wait, "planted", Some((RateLimited, safe(7), None))),
            (408, &[], "", Some((Timeout, Retry::MaybeApplied, None))),
            (302, &[], "", Some((UnexpectedReply, Retry::Never, None))),
            // Something on the way speaks.
            (403, &[], "<html>planted", Some((Unavailable, Retry::MaybeApplied, None))),
            (404, &[], "", Some((Unavailable, Retry::MaybeApplied, None))),
            (400, &[], r#"{"code":1"#, Some((Unavailable, Retry::MaybeApplied, None))),
        ] {
            let checked = ODD.check(&reply(status, headers, body), NOW);
            let found = checked.as_ref().err().map(|error| (error.kind(), error.retry(), error.code()));
            assert_eq!(found, expected, "{status} {body}");
            assert!(!format!("{checked:?}").contains("planted"), "{checked:?}");
        }
        assert_eq!(
            ODD.check(&reply(403, &[], "<html>"), NOW).unwrap_err().to_string(),
            "expected JSON of Odd, found status 403 without it"
        );
        assert_eq!(
            ODD.check(&reply(400, &[], r#"{"code":2}"#), NOW).unwrap_err().to_string(),
            "expected Odd to take the request, found a token it does not take (code 2)"
        );
    }

    #[test]
    fn the_platforms_id_of_the_request_is_told() {
        let refused = reply(429, &[("x-request-id", "7f3a")], "{}");
        assert_eq!(
            ODD.check(&refused, NOW).unwrap_err().to_string(),
            "request 7f3a: expected a 2xx status, found 429 Too Many Requests"
        );
    }

    #[test]
    fn a_platform_without_oddities_goes_by_the_status() {
        const PLAIN: Classifier = Classifier::by_status("Plain");
        assert!(PLAIN.check(&reply(200, &[], "<html>"), NOW).is_ok());
        let error = PLAIN.check(&reply(403, &[], "<html>"), NOW).unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::PermissionDenied, Retry::Never));
        assert!(PLAIN.refuses_credential(&reply(401, &[], ""), NOW));
        assert!(!PLAIN.refuses_credential(&reply(403, &[], ""), NOW));
        assert!(ODD.refuses_credential(&reply(400, &[], r#"{"code":2}"#), NOW));
    }

    #[test]
    fn a_success_that_cannot_be_read_is_a_fault_on_the_way() {
        assert_eq!(ODD.read::<Vec<String>>(&reply(200, &[], r#"["a"]"#), NOW).unwrap(), ["a"]);
        for body in ["", "<html>planted", r#"["a""#, r#"{"code":0}"#] {
            let error = ODD.read::<Vec<String>>(&reply(200, &[], body), NOW).unwrap_err();
            assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::MaybeApplied), "{body}");
            assert!(!format!("{error:?}").contains("planted"));
        }
        let error = ODD.read::<Vec<String>>(&reply(200, &[], r#"{"code":2}"#), NOW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    }
}
