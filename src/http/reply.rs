//! What a reply means, as far as its status and form can say.

use ::http::StatusCode;
use ::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::{Response, retry_after};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::time::Timestamp;

/// The verdict of the status alone; 2xx is `Ok`, whatever the body says.
///
/// A connector looks into the body first and falls back to this: there are platforms that throttle with 400 or report
/// failures with 200. `now` is needed for a `Retry-After` that is a date.
///
/// # Errors
/// | Status | Kind | Retry |
/// |---|---|---|
/// | 400, 422 | `Rejected` | `Never` |
/// | 401 | `Unauthenticated` | `Never` |
/// | 402, 403, 451 | `PermissionDenied` | `Never` |
/// | 404, 410 | `NotFound` | `Never` |
/// | 408 | `Timeout` | `MaybeApplied`: a gateway may say so after it passed the request on |
/// | 409, 412, 423 | `Conflict` | `Safe`: refused for a state that may pass (RFC 9110 sections 15.5.10 and 15.5.13); a platform where 409 means "exists already" overrides it |
/// | 413 | `TooLarge` | `Never`: split the batch |
/// | 425, 429 | `RateLimited` | `Safe` after `Retry-After` |
/// | 503 | `Unavailable` | `Safe` after `Retry-After` |
/// | other 5xx | `Unavailable` | `MaybeApplied` |
/// | 1xx, 3xx, other 4xx | `UnexpectedReply` | `Never`: redirects are not followed |
///
/// The message holds the status, never the body.
pub fn classify_status(response: &Response, now: Timestamp) -> Result<()> {
    let status = response.status;
    if status.is_success() {
        return Ok(());
    }
    let safe = || Retry::Safe { after: retry_after(&response.headers, now) };
    let (kind, retry, next) = match status.as_u16() {
        400 | 422 => (ErrorKind::Rejected, Retry::Never, ""),
        401 => (ErrorKind::Unauthenticated, Retry::Never, "; renew the credential"),
        402 | 403 | 451 => (ErrorKind::PermissionDenied, Retry::Never, "; grant the permission to the credential"),
        404 | 410 => (ErrorKind::NotFound, Retry::Never, "; check the ids in the configuration"),
        408 => (ErrorKind::Timeout, Retry::MaybeApplied, ""),
        409 | 412 | 423 => (ErrorKind::Conflict, safe(), ""),
        413 => (ErrorKind::TooLarge, Retry::Never, "; send fewer rows at once"),
        425 | 429 => (ErrorKind::RateLimited, safe(), ""),
        503 => (ErrorKind::Unavailable, safe(), ""),
        500.. => (ErrorKind::Unavailable, Retry::MaybeApplied, ""),
        300..400 => (ErrorKind::UnexpectedReply, Retry::Never, "; redirects are not followed: check the base URL"),
        _ => (ErrorKind::UnexpectedReply, Retry::Never, ""),
    };
    Err(Error::new(kind, format!("expected a 2xx status, found {}{next}", named(status))).with_retry(retry))
}

fn named(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// Reads a reply's body as JSON, whatever its status. Nesting is limited to serde_json's 128 levels.
///
/// # Errors
/// [`ErrorKind::UnexpectedReply`] for an empty body, HTML, anything else that is not JSON, or JSON of another form;
/// with [`Retry::MaybeApplied`] when the status is 2xx or 5xx (the platform may have done the work before something on
/// the way spoilt the answer), otherwise with [`Retry::Never`]. The message says status, length and place, and never
/// quotes the body.
pub fn json<T: DeserializeOwned>(response: &Response) -> Result<T> {
    serde_json::from_slice(&response.body).map_err(|error| {
        let found = if response.body.trim_ascii().is_empty() {
            "an empty body".to_owned()
        } else if is_html(response) {
            format!("HTML of {} bytes", response.body.len())
        } else {
            let what = if error.is_data() { "JSON of another form" } else { "something that is not JSON" };
            format!("{what}, {} bytes, at line {} column {}", response.body.len(), error.line(), error.column())
        };
        let applied = response.status.is_success() || response.status.is_server_error();
        let message = format!("expected JSON as documented with status {}, found {found}", response.status.as_u16());
        // The parser's own words quote values; they are not kept as the source.
        Error::new(ErrorKind::UnexpectedReply, message).with_retry(if applied {
            Retry::MaybeApplied
        } else {
            Retry::Never
        })
    })
}

fn is_html(response: &Response) -> bool {
    let declared = response.headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    declared || response.body.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ::http::{HeaderMap, HeaderValue};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(784_111_777);

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        Response::new(StatusCode::from_u16(status).unwrap(), body).with_headers(map)
    }

    #[test]
    fn every_status_has_the_documented_verdict() {
        use ErrorKind::{
            Conflict, NotFound, PermissionDenied, RateLimited, Rejected, Timeout, TooLarge, Unauthenticated,
            Unavailable, UnexpectedReply,
        };
        const SAFE: Retry = Retry::Safe { after: None };
        for status in [200, 201, 202, 204, 207, 299] {
            assert!(classify_status(&reply(status, &[], "0"), NOW).is_ok(), "{status}");
        }
        for (status, kind, retry) in [
            (100, UnexpectedReply, Retry::Never),
            (301, UnexpectedReply, Retry::Never),
            (302, UnexpectedReply, Retry::Never),
            (304, UnexpectedReply, Retry::Never),
            (307, UnexpectedReply, Retry::Never),
            (400, Rejected, Retry::Never),
            (401, Unauthenticated, Retry::Never),
            (402, PermissionDenied, Retry::Never),
            (403, PermissionDenied, Retry::Never),
            (404, NotFound, Retry::Never),
            (405, UnexpectedReply, Retry::Never),
            (408, Timeout, Retry::MaybeApplied),
            (409, Conflict, SAFE),
            (410, NotFound, Retry::Never),
            (412, Conflict, SAFE),
            (413, TooLarge, Retry::Never),
            (415, UnexpectedReply, Retry::Never),
            (422, Rejected, Retry::Never),
            (423, Conflict, SAFE),
            (425, RateLimited, SAFE),
            (429, RateLimited, SAFE),
            (451, PermissionDenied, Retry::Never),
            (500, Unavailable, Retry::MaybeApplied),
            (502, Unavailable, Retry::MaybeApplied),
            (503, Unavailable, SAFE),
            (504, Unavailable, Retry::MaybeApplied),
            (529, Unavailable, Retry::MaybeApplied),
            (999, Unavailable, Retry::MaybeApplied),
        ] {
            let error = classify_status(&reply(status, &[], "planted"), NOW).unwrap_err();
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{status}");
            assert!(!format!("{error:?}").contains("planted"));
        }
    }

    #[test]
    fn messages_say_status_and_next_step() {
        for (status, message) in [
            (429, "expected a 2xx status, found 429 Too Many Requests"),
            (401, "expected a 2xx status, found 401 Unauthorized; renew the credential"),
            (529, "expected a 2xx status, found 529"),
            (302, "expected a 2xx status, found 302 Found; redirects are not followed: check the base URL"),
        ] {
            assert_eq!(classify_status(&reply(status, &[], ""), NOW).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn the_announced_wait_is_kept_where_the_request_was_not_processed() {
        for status in [409, 425, 429, 503] {
            let error = classify_status(&reply(status, &[("retry-after", "7")], ""), NOW).unwrap_err();
            assert_eq!(error.retry(), Retry::Safe { after: Some(Duration::from_secs(7)) }, "{status}");
        }
        let date = reply(503, &[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")], "");
        let error = classify_status(&date, NOW).unwrap_err();
        assert_eq!(error.retry(), Retry::Safe { after: Some(Duration::from_secs(60)) });
        let error = classify_status(&reply(500, &[("retry-after", "7")], ""), NOW).unwrap_err();
        assert_eq!(error.retry(), Retry::MaybeApplied);
    }

    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct Counted {
        count: u32,
    }

    #[test]
    fn json_is_read_with_fields_it_does_not_know() {
        assert_eq!(json::<Counted>(&reply(200, &[], r#"{"count":3,"new":[1]}"#)).unwrap(), Counted { count: 3 });
        assert_eq!(json::<u8>(&reply(200, &[], "0\n")).unwrap(), 0);
        assert_eq!(json::<Counted>(&reply(400, &[], r#"{"count":3}"#)).unwrap(), Counted { count: 3 });
    }

    #[test]
    fn anything_else_is_unexpected_and_not_quoted() {
        let html = &[("content-type", "text/html; charset=utf-8")][..];
        for (status, headers, body, found, retry) in [
            (200, &[][..], "", "an empty body", Retry::MaybeApplied),
            (204, &[], "", "an empty body", Retry::MaybeApplied),
            (200, &[], " \r\n", "an empty body", Retry::MaybeApplied),
            (200, &[], " <!doctype planted>", "HTML of 19 bytes", Retry::MaybeApplied),
            (502, html, "planted", "HTML of 7 bytes", Retry::MaybeApplied),
            (400, html, "planted", "HTML of 7 bytes", Retry::Never),
            (200, &[], "planted", "something that is not JSON, 7 bytes, at line 1 column 1", Retry::MaybeApplied),
            (
                200,
                &[],
                r#"{"count":"planted"}"#,
                "JSON of another form, 19 bytes, at line 1 column 18",
                Retry::MaybeApplied,
            ),
            (
                200,
                &[],
                r#"{"count":1"#,
                "something that is not JSON, 10 bytes, at line 1 column 10",
                Retry::MaybeApplied,
            ),
            (
                404,
                &[],
                r#"{"count":1}planted"#,
                "something that is not JSON, 18 bytes, at line 1 column 12",
                Retry::Never,
            ),
        ] {
            let error = json::<Counted>(&reply(status, headers, body)).unwrap_err();
            assert_eq!((error.kind(), error.retry()), (ErrorKind::UnexpectedReply, retry), "{body}");
            assert_eq!(error.to_string(), format!("expected JSON as documented with status {status}, found {found}"));
            assert!(!format!("{error:?}").contains("planted"));
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let deep = Response::new(StatusCode::OK, "[".repeat(1 << 20));
        let error = json::<serde_json::Value>(&deep).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedReply);
        let wide = format!("{}{}", "[".repeat(127), "]".repeat(127));
        assert!(json::<serde_json::Value>(&Response::new(StatusCode::OK, wide)).is_ok());
    }
}
