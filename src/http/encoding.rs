//! Bodies that are compressed, and bodies that are nested too deeply.

use std::io::{self, Read, Write};

use ::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use ::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;

use super::{Limits, Request, Response};
use crate::error::{Error, ErrorKind, Result, Retry};

/// The reply as its sender wrote it: decompressed, within the limits.
///
/// # Errors
/// [`ErrorKind::UnexpectedReply`] with [`Retry::MaybeApplied`] for a body that is longer, deeper nested, damaged, or
/// compressed in a way that is not known here.
pub(super) fn decoded(mut response: Response, limits: &Limits) -> Result<Response> {
    for encoding in encodings(&response.headers)?.into_iter().rev() {
        response.body = match encoding {
            Encoding::Gzip => inflated(MultiGzDecoder::new(&*response.body), limits)?,
            Encoding::Deflate => inflated(ZlibDecoder::new(&*response.body), limits)?,
        };
        response.headers.remove(CONTENT_ENCODING);
        response.headers.remove(CONTENT_LENGTH);
    }
    if response.body.len() > limits.max_reply_bytes {
        return Err(longer(limits));
    }
    if is_deeper(&response.body, limits.max_json_depth) {
        return Err(unexpected(format!(
            "expected a reply nested at most {} deep, found a deeper one",
            limits.max_json_depth
        )));
    }
    Ok(response)
}

enum Encoding {
    Gzip,
    Deflate,
}

/// RFC 9110 section 8.4.1, in the order they were applied.
fn encodings(headers: &HeaderMap) -> Result<Vec<Encoding>> {
    let unknown = || unexpected("expected a reply that is plain, gzip or deflate, found another encoding".to_owned());
    let mut found = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().map_err(|_| unknown())?.split(',').map(str::trim) {
            match name.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => found.push(Encoding::Gzip),
                "deflate" => found.push(Encoding::Deflate),
                "identity" | "" => {}
                _ => return Err(unknown()),
            }
        }
    }
    // More than one is not done by anybody, and each would be a step of amplification.
    if found.len() > 1 { Err(unknown()) } else { Ok(found) }
}

/// Stops one byte after the limit: what is larger never stands in memory.
fn inflated(reader: impl Read, limits: &Limits) -> Result<Bytes> {
    let mut body = Vec::new();
    let most = u64::try_from(limits.max_reply_bytes).unwrap_or(u64::MAX).saturating_add(1);
    reader
        .take(most)
        .read_to_end(&mut body)
        .map_err(|_| unexpected("expected a compressed reply, found a damaged one".to_owned()))?;
    if body.len() > limits.max_reply_bytes { Err(longer(limits)) } else { Ok(body.into()) }
}

/// The platform did answer, so the request may well have been applied.
fn unexpected(message: String) -> Error {
    Error::new(ErrorKind::UnexpectedReply, message).with_retry(Retry::MaybeApplied)
}

/// A reply above its limit.
pub(super) fn longer(limits: &Limits) -> Error {
    unexpected(format!("expected a reply of at most {} bytes, found a longer one", limits.max_reply_bytes))
}

/// Whether JSON is nested deeper than so many arrays and objects. What is no JSON is not.
fn is_deeper(body: &[u8], most: usize) -> bool {
    if !matches!(body.trim_ascii_start().first(), Some(b'[' | b'{')) {
        return false;
    }
    let (mut depth, mut text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            _ if text => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Compresses a request's body with gzip; an empty one stays empty.
pub(super) fn compress(request: &mut Request) -> Result<()> {
    if request.body.is_empty() {
        return Ok(());
    }
    // Digests hardly become smaller at a higher level.
    let mut encoder = GzEncoder::new(Vec::with_capacity(request.body.len() / 2), Compression::fast());
    let written = encoder.write_all(&request.body).and_then(|()| encoder.finish());
    request.body = written.map_err(|error: io::Error| bug(&error))?.into();
    request.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(())
}

fn bug(error: &io::Error) -> Error {
    Error::new(ErrorKind::Bug, format!("expected a body that can be compressed, found: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use ::http::{Method, StatusCode};
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn reply(encoding: &'static str, body: Vec<u8>) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        Response::new(StatusCode::OK, body).with_headers(headers)
    }

    fn within(bytes: usize) -> Limits {
        Limits::default().with_max_reply_bytes(bytes)
    }

    #[test]
    fn known_encodings_are_taken_off() {
        for (encoding, body) in [
            ("gzip", gzip(b"[1,2]")),
            ("X-GZIP", gzip(b"[1,2]")),
            ("deflate", zlib(b"[1,2]")),
            ("identity", b"[1,2]".to_vec()),
            ("gzip", [gzip(b"[1"), gzip(b",2]")].concat()),
        ] {
            let response = decoded(reply(encoding, body), &within(5)).unwrap();
            assert_eq!(response.body, "[1,2]");
            assert_eq!(response.headers.contains_key(CONTENT_ENCODING), encoding == "identity");
        }
    }

    #[test]
    fn what_is_longer_damaged_or_strange_is_refused() {
        let bomb = gzip(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 100_000);
        let mut cut = gzip(b"planted planted");
        cut.truncate(12);
        for (encoding, body, found) in [
            ("gzip", bomb, "expected a reply of at most 1000 bytes, found a longer one"),
            ("identity", vec![b' '; 1_001], "expected a reply of at most 1000 bytes, found a longer one"),
            ("gzip", cut, "expected a compressed reply, found a damaged one"),
            ("gzip", b"planted".to_vec(), "expected a compressed reply, found a damaged one"),
            ("br", b"planted".to_vec(), "expected a reply that is plain, gzip or deflate, found another encoding"),
            (
                "gzip, gzip",
                gzip(&gzip(b"x")),
                "expected a reply that is plain, gzip or deflate, found another encoding",
            ),
        ] {
            let error = decoded(reply(encoding, body), &within(1_000)).unwrap_err();
            assert_eq!((error.kind(), error.retry()), (ErrorKind::UnexpectedReply, Retry::MaybeApplied));
            assert_eq!(error.to_string(), found);
        }
    }

    #[test]
    fn nesting_is_limited_and_marks_within_texts_do_not_count() {
        let nested = |deep: usize| format!("{}{}", "[".repeat(deep), "]".repeat(deep)).into_bytes();
        let limits = Limits::default();
        assert_eq!(limits.max_json_depth, 64);
        for (body, fine) in [
            (nested(64), true),
            (nested(65), false),
            (nested(1 << 20), false),
            (br#"{"a":[{"b":1}]}"#.repeat(100), true),
            (format!(r#"{{"a":"{}"}}"#, "[".repeat(100)).into_bytes(), true),
            (format!(r#"{{"a":"\"{}"}}"#, "[".repeat(100)).into_bytes(), true),
            (format!(r#"{{"a":"\\",{}"#, "[".repeat(100)).into_bytes(), false),
            (format!("<html>{}", "[".repeat(100)).into_bytes(), true),
            (Vec::new(), true),
        ] {
            let checked = decoded(reply("identity", body), &limits);
            assert_eq!(checked.is_ok(), fine);
        }
        let error = decoded(reply("identity", nested(9)), &limits.with_max_json_depth(8)).unwrap_err();
        assert_eq!(error.to_string(), "expected a reply nested at most 8 deep, found a deeper one");
        assert_eq!(error.retry(), Retry::MaybeApplied);
    }

    #[test]
    fn a_body_is_compressed_and_comes_back() {
        let mut request = Request::new(Method::POST, Url::parse("https://example.com/").unwrap());
        compress(&mut request).unwrap();
        assert!(request.headers.is_empty());
        request.body = Bytes::from(vec![b'a'; 10_000]);
        compress(&mut request).unwrap();
        assert!(request.body.len() < 200);
        assert_eq!(request.headers[CONTENT_ENCODING], "gzip");
        let back = decoded(reply("gzip", request.body.to_vec()), &within(10_000)).unwrap();
        assert_eq!(back.body, vec![b'a'; 10_000]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200), gzipped in any::<bool>()) {
            let encoding = if gzipped { "gzip" } else { "deflate" };
            if let Ok(response) = decoded(reply(encoding, body), &within(100)) {
                prop_assert!(response.body.len() <= 100);
            }
        }
    }
}
