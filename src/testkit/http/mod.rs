//! A platform's side of the wire.

mod received;
mod reply;
mod script;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub use self::received::Received;
use self::reply::Delivery;
pub use self::reply::Reply;
pub use self::script::Script;
use self::wire::{Ended, Reader};
use crate::clock::{Clock, TokioClock};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{BaseUrl, UrlGuard};

/// What a server reads and remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// The longest request head, in bytes; 431 above it. Default 64 KiB.
    pub head_bytes: usize,
    /// The longest request body, in bytes; 413 above it. Default 64 MiB.
    pub body_bytes: usize,
    /// How many of the latest requests are remembered, bodies included. Default 10,000.
    pub remembered: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self { head_bytes: 64 << 10, body_bytes: 64 << 20, remembered: 10_000 }
    }
}

impl ServerLimits {
    /// Sets the longest request body, in bytes.
    #[must_use]
    pub fn with_body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }

    /// Sets how many of the latest requests are remembered: none where only the speed counts.
    #[must_use]
    pub fn with_remembered(mut self, requests: usize) -> Self {
        self.remembered = requests;
        self
    }
}

/// An HTTP/1.1 server on a free port of this machine, which answers as a test tells it to.
///
/// It keeps connections, takes requests one behind the other, reads bodies with a length or in chunks, and ignores
/// `Expect`. It needs a tokio runtime with I/O and timer, and stops when it is dropped.
///
/// ```
/// use audience_sync::testkit::{HttpServer, Reply};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> audience_sync::Result<()> {
/// let server = HttpServer::start(|request| match request.path() {
///     "/v1/import" => Reply::json(&serde_json::json!({ "taken": request.body().len() })),
///     _ => Reply::status(404),
/// })
/// .await?;
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// assert!(server.requests().is_empty());
/// # Ok(()) }
/// ```
pub struct HttpServer {
    url: String,
    base_url: BaseUrl,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

type Handler = dyn Fn(&Received) -> Reply + Send + Sync;

struct Shared {
    limits: ServerLimits,
    handler: Box<Handler>,
    remembered: Mutex<VecDeque<Received>>,
    received: AtomicU64,
    connections: AtomicU64,
}

impl HttpServer {
    /// Starts a server whose replies a closure makes. It runs on the connection's task: it must not block for long.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when no port can be had.
    pub async fn start(handler: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Result<Self> {
        Self::start_with(ServerLimits::default(), handler).await
    }

    /// Starts a server that answers by a script.
    ///
    /// # Errors
    /// As [`HttpServer::start`].
    pub async fn scripted(script: &Script) -> Result<Self> {
        let script = script.clone();
        Self::start(move |request| script.reply(request)).await
    }

    /// Starts a server with limits of its own.
    ///
    /// # Errors
    /// As [`HttpServer::start`].
    pub async fn start_with(
        limits: ServerLimits,
        handler: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Result<Self> {
        let (listener, address) = listen().await.map_err(|error| {
            Error::new(ErrorKind::Unavailable, "expected a free port on 127.0.0.1, found none")
                .with_source(error)
                .doing("start an HTTP server")
        })?;
        let url = format!("http://{address}");
        let base_url = BaseUrl::parse_with(&url, &UrlGuard::new().allow_loopback_http())?;
        let shared = Arc::new(Shared {
            limits,
            handler: Box::new(handler),
            remembered: Mutex::default(),
            received: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { url, base_url, shared, task })
    }

    /// `http://127.0.0.1:<port>`, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same, as connectors take it.
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// The latest requests, in the order they were complete.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.remembered().iter().cloned().collect()
    }

    /// The latest requests; they are forgotten here.
    pub fn take_requests(&self) -> Vec<Received> {
        std::mem::take(&mut *self.shared.remembered()).into()
    }

    /// How many requests came, remembered or not.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::SeqCst)
    }

    /// How many connections were made.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer").field("url", &self.url).field("received", &self.received()).finish_non_exhaustive()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn remembered(&self) -> MutexGuard<'_, VecDeque<Received>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, request: &Received) -> Reply {
        if self.limits.remembered > 0 {
            let mut remembered = self.remembered();
            if remembered.len() == self.limits.remembered {
                remembered.pop_front();
            }
            remembered.push_back(request.clone());
        }
        self.received.fetch_add(1, Ordering::SeqCst);
        (self.handler)(request)
    }
}

async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The connections' tasks belong to this one: they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    shared.connections.fetch_add(1, Ordering::SeqCst);
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
                // Too many open files: some connection has to end first.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    // Only speed is lost without it.
    let _ = stream.set_nodelay(true);
    let mut reader = Reader::new(shared.limits);
    loop {
        match reader.request(&mut stream).await {
            Ok((request, keep_alive)) => {
                let reply = shared.reply(&request);
                let keep = keep_alive && !reply.closes();
                let (head, body) = reply.encode(request.method(), !keep);
                match deliver(&mut stream, &reply, head, body).await {
                    Ok(true) if keep => {}
                    _ => break,
                }
            }
            Err(Ended::Closed) => break,
            Err(Ended::Refused(status)) => {
                let (head, _) = Reply::status(status).encode(&::http::Method::GET, true);
                if stream.write_all(&head).await.is_ok() {
                    linger(&mut stream).await;
                }
                break;
            }
        }
    }
}

/// Sends the reply as its faults have it; `false` when the connection is not to be used again.
async fn deliver(stream: &mut TcpStream, reply: &Reply, head: BytesMut, body: Bytes) -> io::Result<bool> {
    if !reply.delay().is_zero() {
        TokioClock.sleep(reply.delay()).await;
    }
    match reply.delivery() {
        Delivery::Whole => {
            stream.write_all_buf(&mut head.chain(body)).await?;
            Ok(true)
        }
        Delivery::Cut(bytes) => {
            stream.write_all_buf(&mut head.chain(body).take(bytes)).await?;
            Ok(false)
        }
        Delivery::Trickle(wait) => {
            let mut rest = head.chain(body);
            while rest.has_remaining() {
                TokioClock.sleep(wait).await;
                stream.write_u8(rest.get_u8()).await?;
            }
            Ok(true)
        }
        Delivery::Reset => {
            #[allow(deprecated, reason = "only a time above zero blocks on close; the successor came with tokio 1.50")]
            stream.set_linger(Some(std::time::Duration::ZERO))?;
            Ok(false)
        }
        Delivery::Silence => {
            // What comes now is not read as a request; the end of it is the client's giving up.
            drain(stream).await;
            Ok(false)
        }
    }
}

/// Reads on until the client closes: closing with unread bytes would reset the connection and lose the reply.
async fn linger(stream: &mut TcpStream) {
    if stream.shutdown().await.is_ok() {
        drain(stream).await;
    }
}

async fn drain(stream: &mut TcpStream) {
    let mut rest = BytesMut::with_capacity(16 << 10);
    while matches!(stream.read_buf(&mut rest).await, Ok(1..)) {
        rest.clear();
    }
}
