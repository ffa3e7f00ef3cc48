//! A wire that can be cut: a relay on the loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Passes bytes on between clients and a server, until it is told to stop.
pub struct Wire {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Bytes from the client that still pass before every connection is cut; of all of them together.
    left: AtomicI64,
    passed: AtomicU64,
    /// Passes what the client says, and nothing back: as if the answer were lost.
    deaf: AtomicBool,
}

impl Wire {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { left: AtomicI64::new(i64::MAX), ..State::default() });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = shared.clone();
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await {
                        relay(client, server, &state).await;
                    }
                });
            }
        });
        Self { address, state }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts every connection once so many bytes more have come from clients.
    pub fn cut_after(&self, bytes: i64) {
        self.state.left.store(bytes, Ordering::SeqCst);
    }

    /// The same, but the last bytes do reach the server: its answer is what is lost.
    pub fn lose_the_answer_after(&self, bytes: i64) {
        self.state.deaf.store(true, Ordering::SeqCst);
        self.cut_after(bytes);
    }

    pub fn mend(&self) {
        self.state.deaf.store(false, Ordering::SeqCst);
        self.cut_after(i64::MAX);
    }

    /// How many bytes have come from clients so far.
    pub fn passed(&self) -> u64 {
        self.state.passed.load(Ordering::SeqCst)
    }
}

/// Answers are short and questions are read at once, so that neither side waits for the other to be heard.
async fn relay(client: TcpStream, server: TcpStream, state: &State) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut question, mut answer) = (vec![0; 4096], vec![0; 4096]);
    loop {
        tokio::select! {
            read = from_client.read(&mut question) => {
                let Ok(count @ 1..) = read else { return };
                let left = state.left.fetch_sub(count as i64, Ordering::SeqCst) - count as i64;
                state.passed.fetch_add(count as u64, Ordering::SeqCst);
                let (ends, deaf) = (left <= 0, state.deaf.load(Ordering::SeqCst));
                if ends && !deaf {
                    return;
                }
                if to_server.write_all(&question[..count]).await.is_err() {
                    return;
                }
                if ends {
                    drop((from_client, to_client));
                    // The server does with it what it likes; nobody listens.
                    let _ = to_server.shutdown().await;
                    let _ = from_server.read_to_end(&mut answer).await;
                    return;
                }
            }
            read = from_server.read(&mut answer) => {
                let Ok(count @ 1..) = read else { return };
                if to_client.write_all(&answer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
