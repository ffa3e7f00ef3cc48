//! What a dry run shows, and what it is answered.

use ::http::{HeaderName, HeaderValue, Method};
use serde_json::json;
use url::Url;

use super::*;
use crate::http::{Auth, HttpClient, RequestBuilder};

fn client(replies: Value) -> (Recorder, HttpClient) {
    let recorder = Recorder::new(serde_json::from_value(replies).unwrap());
    (recorder.clone(), HttpClient::new(Arc::new(recorder)))
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// What is shown of a request.
async fn shown(build: impl FnOnce(RequestBuilder) -> RequestBuilder, to: &str) -> Recorded {
    let (recorder, client) = client(json!([]));
    build(client.post(url(to))).send().await.unwrap();
    let mut recorded = recorder.take();
    assert!(recorder.take().is_empty());
    recorded.pop().unwrap()
}

#[tokio::test]
async fn a_request_is_shown_complete() {
    let build = |request: RequestBuilder| {
        request
            .text_header(HeaderName::from_static("linkedin-version"), "202608")
            .json(&json!({ "b": [1, null], "a": "x" }), 100)
            .unwrap()
    };
    let recorded = shown(build, "https://api.example.com/v1/a%2Fb?c=d+e").await;
    assert_eq!(
        serde_json::to_value(&recorded).unwrap(),
        json!({
            "method": "POST",
            "url": "https://api.example.com/v1/a%2Fb?c=d+e",
            "headers": { "content-type": "application/json", "linkedin-version": "202608" },
            "body": { "a": "x", "b": [1, null] },
        })
    );
    assert!(!format!("{recorded:?}").contains("v1"));
}

#[tokio::test]
async fn bodies_are_shown_as_what_they_are() {
    for (body, kind, expected) in [
        (&b""[..], "text/plain", Value::Null),
        (b"a=b&c=d", "application/x-www-form-urlencoded", json!("a=b&c=d")),
        (b"{\"a\":1}\n{\"a\":2}\n", "application/x-ndjson", json!("{\"a\":1}\n{\"a\":2}\n")),
        (b"{\"n\":9223372036854775807}", "application/json", json!({ "n": 9_223_372_036_854_775_807_u64 })),
        (b"\xff\x00", "application/octet-stream", json!("base64:/wA=")),
    ] {
        let recorded = shown(|request| request.body(body.to_vec(), kind), "https://api.example.com/").await;
        assert_eq!(recorded.body, expected);
    }
    let packed = shown(|request| request.body("[1]", "application/json").gzip(), "https://api.example.com/").await;
    assert_eq!((packed.body, packed.headers["content-encoding"].as_str()), (json!([1]), "gzip"));
}

#[tokio::test]
async fn secrets_are_nowhere() {
    const SECRET: &str = "pl4nted/+ s\"3cret";
    let secret = || crate::secret::Secret::from(SECRET);
    let token = || crate::secret::Secret::from("pl4nted-token");
    let to = "https://api.example.com/hooks/pl4nted-token/x";
    for (recorded, place) in [
        (shown(|r| r.auth(&Auth::Bearer(token())), to).await, "Bearer [redacted]"),
        (
            shown(|r| r.auth(&Auth::Basic { user: "u".into(), password: secret() }).secret(&token()), to).await,
            "Basic [redacted]",
        ),
        (
            shown(|r| r.auth(&Auth::Header { name: HeaderName::from_static("x-key"), value: token() }), to).await,
            "\"x-key\":\"[redacted]\"",
        ),
        (shown(|r| r.auth(&Auth::Query { name: "key".into(), value: token() }), to).await, "x?key=[redacted]"),
        (
            shown(|r| r.query("proof", SECRET).query("a", "b").secret(&secret()).secret(&token()), to).await,
            "?proof=[redacted]&a=b",
        ),
        (
            shown(
                |r| {
                    r.json(&json!({ "deep": [{ "s": SECRET, "t": "a pl4nted-token b" }] }), 200)
                        .unwrap()
                        .secret(&secret())
                        .secret(&token())
                },
                to,
            )
            .await,
            r#"{"deep":[{"s":"[redacted]","t":"a [redacted] b"}]}"#,
        ),
        (
            shown(
                |r| {
                    r.body("grant=x&secret=pl4nted%2F%2B+s%223cret", "application/x-www-form-urlencoded")
                        .secret(&secret())
                        .secret(&token())
                },
                to,
            )
            .await,
            "grant=x&secret=[redacted]",
        ),
        (shown(|r| r.body("<a>pl4nted-token</a>", "text/xml").secret(&token()), to).await, "<a>[redacted]</a>"),
        (
            shown(
                |r| r.header(HeaderName::from_static("cookie"), HeaderValue::from_static("pl4nted")).secret(&token()),
                to,
            )
            .await,
            "\"cookie\":\"[redacted]\"",
        ),
    ] {
        let text = serde_json::to_string(&recorded).unwrap();
        assert!(!text.contains("pl4nted"), "{text}");
        assert!(text.contains(place), "{text}");
        assert!(recorded.url.starts_with("https://api.example.com/hooks/[redacted]/x"), "{}", recorded.url);
    }
}

#[tokio::test]
async fn a_short_secret_is_taken_out_where_it_stands_alone() {
    let build = |request: RequestBuilder| {
        request.json(&json!({ "token": "ab", "name": "cab" }), 100).unwrap().query("k", "ab").secret(&"ab".into())
    };
    let recorded = shown(build, "https://api.example.com/cab").await;
    assert_eq!(recorded.url, "https://api.example.com/cab?k=[redacted]");
    assert_eq!(recorded.body, json!({ "token": "[redacted]", "name": "cab" }));
}

#[tokio::test]
async fn a_script_is_followed() {
    let (recorder, client) = client(json!({
        "replies": [
            { "method": "get", "url": "/jobs/*/status", "times": 2, "reply": { "body": { "status": "running" } } },
            { "url": "/status", "reply": { "status": 201, "headers": { "X-A": "b" }, "body": "done" } },
            { "method": "POST", "body": "\"name\":\"x\"", "reply": { "status": 409 } },
            { "url": "/empty", "reply": { "status": 204, "body": null } },
        ],
        "default": { "status": 404, "body": { "error": "unknown" } },
    }));
    let send = async |method: Method, path: &str, body: &'static str| {
        let request =
            client.request(method, url(&format!("https://api.example.com{path}"))).body(body, "application/json");
        let response = request.send().await.unwrap();
        let header = response.headers.get("x-a").map(|value| value.to_str().unwrap().to_owned());
        (response.status.as_u16(), String::from_utf8(response.body.to_vec()).unwrap(), header)
    };
    let plain = |status, body: &str| (status, body.to_owned(), None);
    for _ in 0..2 {
        assert_eq!(send(Method::GET, "/jobs/7/status", "").await, plain(200, r#"{"status":"running"}"#));
    }
    for _ in 0..2 {
        let done = (201, "done".to_owned(), Some("b".to_owned()));
        assert_eq!(send(Method::GET, "/jobs/7/status", "").await, done);
    }
    assert_eq!(send(Method::POST, "/a", r#"{ "name" : "x" }"#).await, plain(409, "{}"));
    assert_eq!(send(Method::PUT, "/a", r#"{"name":"x"}"#).await, plain(404, r#"{"error":"unknown"}"#));
    assert_eq!(send(Method::GET, "/empty", "").await, plain(204, ""));
    assert_eq!(recorder.take().len(), 7);
}

#[tokio::test]
async fn scripts_stand_one_behind_the_other() {
    let read = |value| serde_json::from_value::<Replies>(value).unwrap();
    let own = read(json!([{ "url": "/a", "reply": { "status": 500 } }]));
    let next = read(json!({ "replies": [{ "reply": { "status": 202 } }], "default": { "status": 418 } }));
    let recorder = Recorder::new(own.then(next));
    let client = HttpClient::new(Arc::new(recorder));
    let status = async |path: &str| {
        client.get(url(&format!("https://api.example.com{path}"))).send().await.unwrap().status.as_u16()
    };
    assert_eq!((status("/a").await, status("/b").await), (500, 202));
    let client = HttpClient::new(Arc::new(Recorder::default()));
    let response = client.get(url("https://api.example.com/")).send().await.unwrap();
    assert_eq!((response.status.as_u16(), &response.body[..]), (200, &b"{}"[..]));
}

#[test]
fn a_script_with_a_word_it_does_not_know_is_refused() {
    for script in [json!({ "reply": [] }), json!([{ "path": "/a" }]), json!([{ "reply": { "code": 1 } }]), json!("x")] {
        assert!(serde_json::from_value::<Replies>(script).is_err());
    }
}

#[tokio::test]
async fn an_answer_that_no_platform_could_give_is_told() {
    for reply in [json!({ "status": 1000 }), json!({ "headers": { "a b": "c" } }), json!({ "headers": { "a": "\n" } })]
    {
        let (_, client) = client(json!({ "default": reply }));
        let error = client.get(url("https://api.example.com/")).send().await.unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Config);
        assert!(error.to_string().starts_with("answer a request from a script: expected "));
    }
}
