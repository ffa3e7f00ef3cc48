//! The built-in transport.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::encoding::longer;
use super::resolver::{self, Guarded, Refused};
use super::{Limits, Request, Response, Transport, UrlGuard};
use crate::error::{Error, ErrorKind, Result, Retry};

/// Connecting takes longer only where nobody answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Shorter than servers and balancers commonly keep an unused connection (reqwest's own is 90 s): a request that meets
/// the closing would be in doubt for nothing.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// HTTP/1.1 and HTTP/2 over reqwest and rustls, with the operating system's root certificates.
///
/// One client with its connection pool, shared by all clones. It follows no redirect, keeps no cookie, retries nothing,
/// decompresses nothing and sends no referrer, whatever features of reqwest another crate turns on. It connects
/// directly: `HTTP_PROXY`, `HTTPS_PROXY` and the system's proxy settings are **not** read. A host behind a proxy brings
/// its own [`Transport`].
///
/// A name is looked up when a connection is made, and the connection goes only to addresses that the [`UrlGuard`] lets
/// pass: a name that leads into a private network fails with [`ErrorKind::Config`], unsent. [`ReqwestTransport::with_guard`]
/// takes a guard that allows such hosts by name.
///
/// The user agent is `audience-sync/<version>`. Connecting may take 10 s of [`Limits::timeout`].
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// Builds the client, under the [`UrlGuard`]'s rule without exception.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when TLS cannot be set up, for example without root certificates.
    pub fn new() -> Result<Self> {
        Self::with_guard(UrlGuard::new())
    }

    /// Builds the client under `guard`, whose allowed hosts may lead to private addresses.
    ///
    /// # Errors
    /// As [`ReqwestTransport::new`].
    pub fn with_guard(guard: UrlGuard) -> Result<Self> {
        Self::resolving(Guarded::new(guard, resolver::system))
    }

    fn resolving(resolver: Guarded) -> Result<Self> {
        reqwest::Client::builder()
            .user_agent(concat!("audience-sync/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .no_hickory_dns()
            .dns_resolver(Arc::new(resolver))
            .tls_backend_rustls()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()
            .map(|client| Self { client })
            .map_err(|error| {
                Error::new(ErrorKind::Config, "expected a working TLS set-up, found none; check the root certificates")
                    .with_source(Cause::of(&error))
                    .doing("build the HTTP client")
            })
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    /// Sends with reqwest; needs a tokio runtime with its timer on.
    ///
    /// # Errors
    /// As [`Transport`] says; [`ErrorKind::Config`] outside a tokio runtime.
    async fn execute(&self, request: Request, limits: &Limits) -> Result<Response> {
        let doing = format!("send a request to {}", request.url.host_str().unwrap_or("no host"));
        self.exchange(request, limits).await.map_err(|error| error.doing(doing))
    }
}

impl ReqwestTransport {
    async fn exchange(&self, request: Request, limits: &Limits) -> Result<Response> {
        // reqwest would panic without one.
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::Config, "expected a tokio runtime, found none; call it from inside one"));
        }
        let mut outgoing = reqwest::Request::new(request.method, request.url);
        *outgoing.headers_mut() = request.headers;
        *outgoing.timeout_mut() = Some(limits.timeout);
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.into());
        }
        let mut reply = self.client.execute(outgoing).await.map_err(|error| sending_failed(&error, limits))?;
        let body = read(&mut reply, limits).await?;
        Ok(Response::new(reply.status(), body).with_headers(std::mem::take(reply.headers_mut())))
    }
}

async fn read(reply: &mut reqwest::Response, limits: &Limits) -> Result<Bytes> {
    if reply.content_length().is_some_and(|announced| announced > limits.max_reply_bytes as u64) {
        return Err(longer(limits));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = reply.chunk().await.map_err(|error| broken(&error, limits, "a reply that broke off"))? {
        if chunk.len() > limits.max_reply_bytes.saturating_sub(body.len()) {
            return Err(longer(limits));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn sending_failed(error: &reqwest::Error, limits: &Limits) -> Error {
    if let Some(message) = Refused::among(error) {
        return Error::new(ErrorKind::Config, message);
    }
    // Name, connect and TLS: the request itself had not been written yet. A time-out of connecting counts here too.
    if error.is_connect() {
        return Error::new(ErrorKind::Transport, "expected a connection, found none; nothing was sent")
            .with_retry(Retry::Safe { after: None })
            .with_source(Cause::of(error));
    }
    if error.is_builder() {
        return Error::new(ErrorKind::Config, "expected a request that can be sent, found one that cannot")
            .with_source(Cause::of(error));
    }
    broken(error, limits, "a connection that broke")
}

fn broken(error: &reqwest::Error, limits: &Limits, found: &str) -> Error {
    if error.is_timeout() {
        let message = format!("expected a complete reply within {:?}, found none", limits.timeout);
        return Error::new(ErrorKind::Timeout, message).with_source(Cause::of(error));
    }
    Error::new(ErrorKind::Transport, format!("expected a complete reply, found {found}")).with_source(Cause::of(error))
}

/// The texts of an error's causes, without reqwest's own, which can hold the URL; and without its types, which would
/// otherwise become part of this crate's interface.
#[derive(Debug)]
struct Cause(String);

impl Cause {
    fn of(error: &reqwest::Error) -> Self {
        let mut texts: Vec<String> = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            if !cause.is::<reqwest::Error>() {
                texts.push(cause.to_string());
            }
            next = cause.source();
        }
        if texts.is_empty() { Self("no further cause given".to_owned()) } else { Self(texts.join(": ")) }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Cause {}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use ::http::{HeaderValue, Method, StatusCode};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;
    use url::Url;

    use super::*;

    /// A port of this machine, and a URL of it with things that must never be printed.
    async fn listen() -> (TcpListener, Url) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = Url::parse(&format!("http://{address}/v1/planted-path?access_token=planted")).unwrap();
        (listener, url)
    }

    /// Reads one request whole.
    async fn request_on(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        loop {
            let mut piece = [0; 1024];
            let read = stream.read(&mut piece).await.unwrap();
            text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                assert_ne!(read, 0, "closed within {text:?}");
                continue;
            };
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() == length {
                return text;
            }
        }
    }

    /// Answers one request with `reply` and closes; gives the request.
    async fn answering(reply: &'static str) -> (Url, JoinHandle<String>) {
        let (listener, url) = listen().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = request_on(&mut stream).await;
            stream.write_all(reply.as_bytes()).await.unwrap();
            request
        });
        (url, server)
    }

    fn post(url: Url) -> Request {
        let mut request = Request::new(Method::POST, url);
        let mut secret = HeaderValue::from_static("Bearer planted");
        secret.set_sensitive(true);
        request.headers.insert("authorization", secret);
        request.body = Bytes::from_static(b"planted=body");
        request
    }

    async fn execute(url: Url, limits: Limits) -> Result<Response> {
        ReqwestTransport::new().unwrap().execute(post(url), &limits).await
    }

    async fn fails(url: Url, limits: Limits, kind: ErrorKind, retry: Retry) -> Error {
        let error = execute(url, limits).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{error:?}");
        assert!(error.to_string().starts_with("send a request to 127.0.0.1: expected "), "{error}");
        let mut printed = format!("{error} {error:?} {error:#?}");
        let mut next = StdError::source(&error);
        while let Some(cause) = next {
            printed.push_str(&format!("{cause} {cause:?}"));
            next = cause.source();
        }
        assert!(!printed.contains("planted") && !printed.contains("http://"), "{printed}");
        error
    }

    const SAFE: Retry = Retry::Safe { after: None };

    #[tokio::test]
    async fn a_request_goes_out_as_built_and_the_reply_comes_back_whole() {
        let (url, server) =
            answering("HTTP/1.1 400 Bad Request\r\nX-Usage: 28\r\nContent-Length: 12\r\n\r\n{\"code\":100}").await;
        let response = execute(url.clone(), Limits::default()).await.unwrap();
        assert_eq!(response.status, StatusCode::BAD_REQUEST);
        assert_eq!(response.headers["x-usage"], "28");
        assert_eq!(response.body, "{\"code\":100}");
        let sent = server.await.unwrap();
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<_> = head.lines().collect();
        assert_eq!(lines.remove(0), "POST /v1/planted-path?access_token=planted HTTP/1.1");
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "accept: */*",
                "authorization: Bearer planted",
                "content-length: 12",
                &format!("host: 127.0.0.1:{}", url.port().unwrap()),
                concat!("user-agent: audience-sync/", env!("CARGO_PKG_VERSION")),
            ]
        );
        assert_eq!(body, "planted=body");
    }

    #[tokio::test]
    async fn a_chunked_reply_is_put_together() {
        let (url, _server) =
            answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await;
        assert_eq!(execute(url, Limits::default()).await.unwrap().body, "abcde");
    }

    #[tokio::test]
    async fn a_refused_connection_was_safe() {
        let (listener, url) = listen().await;
        drop(listener);
        let error = fails(url, Limits::default(), ErrorKind::Transport, SAFE).await;
        assert_eq!(
            error.to_string(),
            "send a request to 127.0.0.1: expected a connection, found none; nothing was sent"
        );
        assert!(StdError::source(&error).is_some());
    }

    #[tokio::test]
    async fn failed_tls_was_safe() {
        let (listener, mut url) = listen().await;
        url.set_scheme("https").unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            hello
        });
        fails(url, Limits::default(), ErrorKind::Transport, SAFE).await;
        // A TLS handshake record, RFC 8446 section 5.1: nothing of the request.
        assert_eq!(server.await.unwrap()[..2], [0x16, 0x03]);
    }

    #[tokio::test]
    async fn a_connection_that_closes_unanswered_is_in_doubt() {
        let (url, _server) = answering("").await;
        fails(url, Limits::default(), ErrorKind::Transport, Retry::MaybeApplied).await;
    }

    #[tokio::test]
    async fn a_reply_that_breaks_off_is_in_doubt() {
        for reply in [
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nplanted\r\n",
            "SSH-2.0-planted\r\n",
        ] {
            let (url, _server) = answering(reply).await;
            fails(url, Limits::default(), ErrorKind::Transport, Retry::MaybeApplied).await;
        }
    }

    #[tokio::test]
    async fn a_reset_within_the_reply_is_in_doubt() {
        let (listener, url) = listen().await;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Closing with the request unread resets the connection.
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart").await.unwrap();
            stream.readable().await.unwrap();
        });
        fails(url, Limits::default(), ErrorKind::Transport, Retry::MaybeApplied).await;
    }

    #[tokio::test]
    async fn silence_ends_at_the_deadline_before_and_within_the_reply() {
        for start in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"] {
            let (listener, url) = listen().await;
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                request_on(&mut stream).await;
                stream.write_all(start.as_bytes()).await.unwrap();
                // Ends when the other side gives up and closes.
                stream.read(&mut [0; 1]).await.unwrap_or(0)
            });
            let limits = Limits::default().with_timeout(Duration::from_millis(200));
            let error = fails(url, limits, ErrorKind::Timeout, Retry::MaybeApplied).await;
            assert_eq!(error.message(), "expected a complete reply within 200ms, found none");
            assert_eq!(server.await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn a_reply_may_be_as_long_as_its_limit_and_no_longer() {
        let limits = Limits::default().with_max_reply_bytes(5);
        for reply in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        ] {
            let (url, _server) = answering(reply).await;
            assert_eq!(execute(url, limits).await.unwrap().body, "abcde");
        }
        for reply in [
            // Announced only: nothing of the body is waited for.
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n",
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcdef",
        ] {
            let (url, _server) = answering(reply).await;
            let error = fails(url, limits, ErrorKind::UnexpectedReply, Retry::MaybeApplied).await;
            assert_eq!(error.message(), "expected a reply of at most 5 bytes, found a longer one");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_handed_back_and_not_followed() {
        let (listener, url) = listen().await;
        let (elsewhere, target) = listen().await;
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request_on(&mut stream).await;
            let reply = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(reply.as_bytes()).await.unwrap();
        });
        let response = execute(url, Limits::default()).await.unwrap();
        assert_eq!(response.status, StatusCode::TEMPORARY_REDIRECT);
        let elsewhere = elsewhere.into_std().unwrap();
        assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn no_cookie_is_kept() {
        let (listener, url) = listen().await;
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut requests = Vec::new();
            for _ in 0..2 {
                requests.push(request_on(&mut stream).await);
                stream.write_all(b"HTTP/1.1 204 No Content\r\nSet-Cookie: a=b; Path=/\r\n\r\n").await.unwrap();
            }
            requests
        });
        let transport = ReqwestTransport::new().unwrap();
        for _ in 0..2 {
            transport.execute(post(url.clone()), &Limits::default()).await.unwrap();
        }
        let requests = server.await.unwrap();
        assert_eq!(requests[0], requests[1]);
    }

    /// Every name leads to this machine; one of them to a public address too.
    fn rebinding(name: &str) -> std::io::Result<Vec<std::net::SocketAddr>> {
        match name {
            "planted-missing.example.com" => Err(std::io::ErrorKind::NotFound.into()),
            _ => Ok(vec![([127, 0, 0, 1], 0).into(), ([169, 254, 169, 254], 0).into()]),
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        let (listener, mut url) = listen().await;
        url.set_host(Some("planted.example.com")).unwrap();
        let transport = ReqwestTransport::resolving(Guarded::new(UrlGuard::new(), rebinding)).unwrap();
        let error = transport.execute(post(url.clone()), &Limits::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Config, Retry::Never));
        assert_eq!(
            error.message(),
            "expected a host name that leads to a public address, found a loopback address; allow the host if it is meant"
        );
        let listener = listener.into_std().unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);

        let listener = TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request_on(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        });
        let guard = UrlGuard::new().allow_host("planted.example.com");
        let transport = ReqwestTransport::resolving(Guarded::new(guard, rebinding)).unwrap();
        let response = transport.execute(post(url.clone()), &Limits::default()).await.unwrap();
        assert_eq!(response.status, StatusCode::NO_CONTENT);

        url.set_host(Some("planted-missing.example.com")).unwrap();
        let error = transport.execute(post(url), &Limits::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Transport, SAFE));
    }

    #[tokio::test]
    async fn this_machine_by_its_name_is_connected_to() {
        let (mut url, server) = answering("HTTP/1.1 204 No Content\r\n\r\n").await;
        url.set_host(Some("localhost")).unwrap();
        execute(url, Limits::default()).await.unwrap();
        server.await.unwrap();
    }

    #[test]
    fn outside_a_runtime_it_fails_and_does_not_panic() {
        let transport = ReqwestTransport::new().unwrap();
        let request = Request::new(Method::GET, Url::parse("https://example.com/").unwrap());
        let limits = Limits::default();
        let mut executing = pin!(transport.execute(request, &limits));
        match executing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => assert_eq!(error.kind(), ErrorKind::Config),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn debug_shows_no_settings() {
        assert_eq!(format!("{:?}", ReqwestTransport::new().unwrap()), "ReqwestTransport { .. }");
    }
}
