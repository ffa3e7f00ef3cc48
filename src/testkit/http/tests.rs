use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::*;

async fn connect(server: &HttpServer) -> TcpStream {
    TcpStream::connect(server.url().trim_start_matches("http://")).await.unwrap()
}

/// Sends and reads until the server closes.
async fn whole(server: &HttpServer, request: &[u8]) -> String {
    let mut stream = connect(server).await;
    stream.write_all(request).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// Reads exactly what is expected.
async fn expect(stream: &mut TcpStream, text: &str) {
    let mut read = vec![0; text.len()];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(String::from_utf8(read).unwrap(), text);
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn one_connection_carries_requests_one_behind_the_other() {
    let server = HttpServer::start(|_| Reply::ok()).await.unwrap();
    let mut stream = connect(&server).await;
    stream
        .write_all(
            b"POST /a?x=1 HTTP/1.1\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\nabc\
              POST /b HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nx-t: 1\r\n\r\n\
              GET /c HTTP/1.1\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    expect(&mut stream, OK).await;
    expect(&mut stream, OK).await;
    expect(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    let requests = server.take_requests();
    let seen: Vec<_> = requests.iter().map(|r| (r.method().as_str(), r.path(), &r.body()[..])).collect();
    assert_eq!(seen, [("POST", "/a", &b"abc"[..]), ("POST", "/b", b"abc0123456789"), ("GET", "/c", b"")]);
    assert_eq!(requests[0].query(), "x=1");
    assert_eq!((server.received(), server.connections(), server.requests().len()), (3, 1, 0));
}

#[tokio::test]
async fn a_request_in_pieces_is_put_together() {
    let server = HttpServer::start(|request| Reply::ok().body(request.body().clone())).await.unwrap();
    let mut stream = connect(&server).await;
    stream.set_nodelay(true).unwrap();
    for piece in ["POST / HT", "TP/1.1\r\ntransfer-enc", "oding: chunked\r\n\r", "\n2", "\r\nh", "i\r\n0\r\n", "\r\n"] {
        stream.write_all(piece.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
    expect(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
}

#[tokio::test]
async fn what_is_too_large_or_no_http_is_refused() {
    let limits = ServerLimits { head_bytes: 1000, body_bytes: 10, remembered: 1 };
    let server = HttpServer::start_with(limits, |_| Reply::ok()).await.unwrap();
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n", "a".repeat(2000));
    for (request, status) in [
        (&b"POST / HTTP/1.1\r\ncontent-length: 11\r\n\r\nabc"[..], "413"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nb\r\nabc", "413"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n", "413"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "400"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n", "400"),
        (long.as_bytes(), "431"),
        (b"\x16\x03\x01 tls", "400"),
    ] {
        let mut stream = connect(&server).await;
        stream.write_all(request).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {text}");
    }
    assert_eq!(server.received(), 0);
}

#[tokio::test]
async fn a_script_is_played_and_then_its_last_reply() {
    let script = Script::new().then(Reply::status(503)).then_times(2, Reply::status(429)).otherwise(Reply::status(204));
    let server = HttpServer::scripted(&script).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let reply = whole(&server, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await;
        seen.push(reply[9..12].to_owned());
    }
    assert_eq!(seen, ["503", "429", "429", "204", "204"]);
    script.push(Reply::status(500));
    assert_eq!(script.left(), 1);
}

#[tokio::test]
async fn faults_are_what_they_say() {
    let script = Script::new()
        .then(Reply::ok().body("0123456789").cut_after(44))
        .then(Reply::ok().close_after())
        .then(Reply::ok().one_byte_per(Duration::from_micros(1)).delayed(Duration::from_micros(1)).close_after());
    let server = HttpServer::scripted(&script).await.unwrap();
    let request = b"GET / HTTP/1.1\r\n\r\n";
    assert_eq!(whole(&server, request).await, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234");
    for _ in 0..2 {
        let reply = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert_eq!(whole(&server, request).await, reply);
    }
}

#[tokio::test]
async fn a_reset_resets_after_the_handler_ran() {
    let server = HttpServer::start(|_| Reply::reset()).await.unwrap();
    let mut stream = connect(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!((error.kind(), server.received()), (io::ErrorKind::ConnectionReset, 1));
}

#[tokio::test]
async fn silence_lasts_until_the_client_gives_up() {
    let server = HttpServer::start(|_| Reply::silence()).await.unwrap();
    let mut stream = connect(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n").await.unwrap();
    while server.received() == 0 {
        tokio::task::yield_now().await;
    }
    // The second request is not answered either: nothing but the end follows.
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(server.received(), 1);
}

#[tokio::test]
async fn only_the_latest_requests_are_remembered() {
    let limits = ServerLimits::default().with_remembered(2);
    let server = HttpServer::start_with(limits, |_| Reply::ok()).await.unwrap();
    for path in ["/1", "/2", "/3"] {
        whole(&server, format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await;
    }
    let paths: Vec<_> = server.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!((paths, server.received()), (vec!["/2".to_owned(), "/3".to_owned()], 3));
}

#[tokio::test]
async fn dropping_the_server_closes_its_connections() {
    let handled = Arc::new(AtomicUsize::new(0));
    let server = HttpServer::start({
        let handled = Arc::clone(&handled);
        move |_| {
            handled.fetch_add(1, Ordering::SeqCst);
            Reply::ok()
        }
    })
    .await
    .unwrap();
    let mut stream = connect(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    expect(&mut stream, OK).await;
    drop(server);
    // Closed, or reset: no reply in either case.
    assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
    assert_eq!((handled.load(Ordering::SeqCst), Arc::strong_count(&handled)), (1, 1));
}

#[tokio::test]
async fn speaks_with_the_built_in_transport() {
    use crate::http::{HttpClient, ReqwestTransport};
    let server = HttpServer::start(|request| Reply::status(202).body(request.body().clone())).await.unwrap();
    let client = HttpClient::new(Arc::new(ReqwestTransport::new().unwrap()));
    let body = Bytes::from(vec![b'x'; 1 << 20]);
    for _ in 0..3 {
        let url = server.base_url().join(&["import"], &[("a", "b")]).unwrap();
        let reply = client.post(url).body(body.clone(), "text/plain").send().await.unwrap();
        assert_eq!((reply.status.as_u16(), &reply.body), (202, &body));
    }
    assert_eq!((server.received(), server.connections()), (3, 1));
}
