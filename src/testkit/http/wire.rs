//! One connection's requests, read whole.

use ::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::{Received, ServerLimits};

/// More headers than any client sends.
const HEADERS: usize = 100;

/// What reading comes to, where it is not a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client closed, between requests or within one.
    Closed,
    /// Something that is answered with this status; the connection closes after it.
    Refused(u16),
}

impl From<std::io::Error> for Ended {
    fn from(_: std::io::Error) -> Self {
        Self::Closed
    }
}

/// Reads requests from a connection; what came too early stays in the buffer.
pub(super) struct Reader {
    limits: ServerLimits,
    buffer: BytesMut,
}

struct Head {
    method: Method,
    target: String,
    headers: HeaderMap,
    keep_alive: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
}

impl Reader {
    pub(super) fn new(limits: ServerLimits) -> Self {
        Self { limits, buffer: BytesMut::with_capacity(16 << 10) }
    }

    /// The next request, and whether the client wants the connection kept.
    pub(super) async fn request(&mut self, stream: &mut TcpStream) -> Result<(Received, bool), Ended> {
        let head = loop {
            if let Some((head, taken)) = parse_head(&self.buffer)? {
                self.buffer.advance(taken);
                break head;
            }
            if self.buffer.len() > self.limits.head_bytes {
                return Err(Ended::Refused(431));
            }
            self.more(stream).await?;
        };
        let body = match length(&head.headers)? {
            Length::Known(bytes) => self.known(stream, bytes).await?,
            Length::Chunked => self.chunked(stream).await?,
        };
        Ok((Received::new(head.method, &head.target, head.headers, body), head.keep_alive))
    }

    async fn more(&mut self, stream: &mut TcpStream) -> Result<(), Ended> {
        self.buffer.reserve(4 << 10);
        if stream.read_buf(&mut self.buffer).await? == 0 { Err(Ended::Closed) } else { Ok(()) }
    }

    async fn known(&mut self, stream: &mut TcpStream, bytes: usize) -> Result<Bytes, Ended> {
        if bytes > self.limits.body_bytes {
            return Err(Ended::Refused(413));
        }
        self.buffer.reserve(bytes.saturating_sub(self.buffer.len()));
        while self.buffer.len() < bytes {
            self.more(stream).await?;
        }
        Ok(self.buffer.split_to(bytes).freeze())
    }

    /// RFC 9112 section 7.1; extensions and trailers are skipped.
    async fn chunked(&mut self, stream: &mut TcpStream) -> Result<Bytes, Ended> {
        let mut body = BytesMut::new();
        loop {
            let size = loop {
                match httparse::parse_chunk_size(&self.buffer) {
                    Ok(httparse::Status::Complete((taken, size))) => {
                        self.buffer.advance(taken);
                        break usize::try_from(size).unwrap_or(usize::MAX);
                    }
                    Ok(httparse::Status::Partial) if self.buffer.len() <= self.limits.head_bytes => {
                        self.more(stream).await?;
                    }
                    _ => return Err(Ended::Refused(400)),
                }
            };
            if size == 0 {
                break;
            }
            if size > self.limits.body_bytes.saturating_sub(body.len()) {
                return Err(Ended::Refused(413));
            }
            let chunk = self.known(stream, size).await?;
            body.extend_from_slice(&chunk);
            if &self.known(stream, 2).await?[..] != b"\r\n" {
                return Err(Ended::Refused(400));
            }
        }
        self.skip_trailers(stream).await?;
        Ok(body.freeze())
    }

    async fn skip_trailers(&mut self, stream: &mut TcpStream) -> Result<(), Ended> {
        loop {
            match self.buffer.iter().position(|&byte| byte == b'\n') {
                Some(end) => {
                    let line = self.buffer.split_to(end + 1);
                    if line.trim_ascii().is_empty() {
                        return Ok(());
                    }
                }
                None if self.buffer.len() > self.limits.head_bytes => return Err(Ended::Refused(431)),
                None => self.more(stream).await?,
            }
        }
    }
}

fn parse_head(buffer: &[u8]) -> Result<Option<(Head, usize)>, Ended> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let taken = match request.parse(buffer) {
        Ok(httparse::Status::Complete(taken)) => taken,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Ended::Refused(431)),
        Err(_) => return Err(Ended::Refused(400)),
    };
    let malformed = || Ended::Refused(400);
    let mut map = HeaderMap::with_capacity(request.headers.len());
    for header in &*request.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| malformed())?;
        map.append(name, HeaderValue::from_bytes(header.value).map_err(|_| malformed())?);
    }
    let asks = |word: &str| {
        let mut values = map.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(word)))
    };
    let keep_alive = if request.version == Some(0) { asks("keep-alive") } else { !asks("close") };
    let method = Method::try_from(request.method.unwrap_or_default()).map_err(|_| malformed())?;
    let target = request.path.unwrap_or_default().to_owned();
    Ok(Some((Head { method, target, headers: map, keep_alive }, taken)))
}

/// RFC 9112 section 6: a transfer coding wins over a length, and lengths that differ are refused.
fn length(headers: &HeaderMap) -> Result<Length, Ended> {
    if let Some(coding) = headers.get(TRANSFER_ENCODING) {
        let chunked = coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
        return if chunked { Ok(Length::Chunked) } else { Err(Ended::Refused(501)) };
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().map(|value| {
        let text = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        text.and_then(|text| text.parse().ok()).ok_or(Ended::Refused(400))
    });
    let Some(first) = lengths.next().transpose()? else { return Ok(Length::Known(0)) };
    match lengths.all(|other| other == Ok(first)) {
        true => Ok(Length::Known(first)),
        false => Err(Ended::Refused(400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).fold(
            HeaderMap::new(),
            |mut map, (name, value)| {
                map.append(name, value);
                map
            },
        )
    }

    #[test]
    fn lengths_are_read_as_http_says() {
        assert_eq!(length(&headers(&[])), Ok(Length::Known(0)));
        assert_eq!(length(&headers(&[("content-length", "12")])), Ok(Length::Known(12)));
        assert_eq!(length(&headers(&[("content-length", "1"), ("content-length", "1")])), Ok(Length::Known(1)));
        let both = [("content-length", "12"), ("transfer-encoding", "Chunked")];
        assert_eq!(length(&headers(&both)), Ok(Length::Chunked));
        for (wrong, status) in [
            (&[("content-length", "1"), ("content-length", "2")][..], 400),
            (&[("content-length", "+1")], 400),
            (&[("content-length", "99999999999999999999999")], 400),
            (&[("transfer-encoding", "gzip, chunked")], 501),
        ] {
            assert_eq!(length(&headers(wrong)), Err(Ended::Refused(status)), "{wrong:?}");
        }
    }

    #[test]
    fn connections_are_kept_as_http_says() {
        let keeps = |head: &str| parse_head(head.as_bytes()).ok().flatten().unwrap().0.keep_alive;
        assert!(keeps("GET / HTTP/1.1\r\n\r\n"));
        assert!(!keeps("GET / HTTP/1.1\r\nConnection: TE, Close\r\n\r\n"));
        assert!(!keeps("GET / HTTP/1.0\r\n\r\n"));
        assert!(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    }
}
