//! What a platform and a host see of a token's life.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::http::StatusCode;
use async_trait::async_trait;
use url::Url;

use super::*;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Retry};
use crate::http::{Auth, Classifier, Limits, Meaning, Request, Response, Transport};
use crate::secret::{MemoryTokenStore, TokenStore};
use crate::testkit::ManualClock;

const ENDPOINT: &str = "https://id.example.com/token";
const DATA: &str = "https://api.example.com/data";

/// Answers token requests from a script and everything else by the tokens it takes.
#[derive(Debug, Default)]
struct Platform {
    replies: Mutex<VecDeque<(u16, &'static str)>>,
    asked: Mutex<Vec<String>>,
    /// What each other request carried.
    carried: Mutex<Vec<String>>,
    /// Tokens that are taken.
    takes: Mutex<Vec<&'static str>>,
    clock: Option<ManualClock>,
}

impl Platform {
    fn takes(&self, tokens: &[&'static str]) {
        *self.takes.lock().unwrap() = tokens.to_vec();
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn carried(&self) -> Vec<String> {
        self.carried.lock().unwrap().clone()
    }
}

#[async_trait]
impl Transport for Platform {
    async fn execute(&self, request: Request, _: &Limits) -> Result<Response> {
        if request.url.as_str() != ENDPOINT {
            let token = request.headers["authorization"].to_str().unwrap().replace("Bearer ", "");
            let taken = self.takes.lock().unwrap().contains(&token.as_str());
            self.carried.lock().unwrap().push(token);
            let status = if taken { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            return Ok(Response::new(status, ""));
        }
        // Others want a token meanwhile.
        if let Some(clock) = &self.clock {
            clock.sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
        self.asked.lock().unwrap().push(String::from_utf8(request.body.to_vec()).unwrap());
        let (status, body) = self.replies.lock().unwrap().pop_front().expect("a reply");
        match status {
            0 => Err(Error::new(ErrorKind::Timeout, "no answer")),
            status => Ok(Response::new(StatusCode::from_u16(status).unwrap(), body)),
        }
    }
}

struct Desk {
    platform: Arc<Platform>,
    clock: ManualClock,
    client: HttpClient,
}

fn desk(replies: &[(u16, &'static str)]) -> Desk {
    let clock = ManualClock::new();
    let platform = Arc::new(Platform { replies: Mutex::new(replies.iter().copied().collect()), ..Platform::default() });
    let client = HttpClient::new(platform.clone()).with_clock(Arc::new(clock.clone()));
    Desk { platform, clock, client }
}

fn grant() -> Grant {
    Grant::refresh_token(Url::parse(ENDPOINT).unwrap(), "id1", "planted-secret", "planted-r0")
}

fn text(token: &AccessToken) -> &str {
    token.secret().expose()
}

const ASKED_R0: &str = "grant_type=refresh_token&refresh_token=planted-r0&client_id=id1&client_secret=planted-secret";

#[tokio::test]
async fn a_token_is_asked_for_once_and_renewed_before_it_ends() {
    let desk = desk(&[
        (200, r#"{"access_token":"a1","expires_in":3600,"token_type":"Bearer","scope":"x"}"#),
        (200, r#"{"access_token":"a2","expires_in":"600"}"#),
        (200, r#"{"access_token":"a3","expires_in":20}"#),
        (200, r#"{"access_token":"a4"}"#),
    ]);
    let tokens = Tokens::new(grant());
    // The life of each, and how long before its end it is renewed.
    for (token, good_for) in [("a1", 3_600 - 300), ("a2", 600 - 60), ("a3", 20 - 10), ("a4", 1_800 - 180)] {
        assert_eq!(text(&tokens.access(&desk.client).await.unwrap()), token);
        desk.clock.advance(Duration::from_millis(good_for * 1_000 - 1));
        assert_eq!(text(&tokens.clone().access(&desk.client).await.unwrap()), token);
        desk.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(desk.platform.asked(), [ASKED_R0; 4]);
}

#[tokio::test]
async fn many_callers_make_one_request_and_share_its_failure() {
    let clock = ManualClock::auto();
    let replies = [(200, r#"{"access_token":"a1","expires_in":60}"#), (401, r#"{"error":"invalid_client"}"#)];
    let platform =
        Arc::new(Platform { replies: Mutex::new(replies.into()), clock: Some(clock.clone()), ..Platform::default() });
    let client = HttpClient::new(platform.clone()).with_clock(Arc::new(clock.clone()));
    let tokens = Tokens::new(grant());
    let all = || futures_util::future::join_all((0..20).map(|_| tokens.access(&client)));
    for token in all().await {
        assert_eq!(text(&token.unwrap()), "a1");
    }
    clock.advance(Duration::from_secs(60));
    for refused in all().await {
        let error = refused.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry(), error.code()),
            (ErrorKind::Config, Retry::Never, Some("invalid_client"))
        );
        assert_eq!(
            error.to_string(),
            "renew an access token: expected an access token, found it refused; correct the client's id and secret \
             (code invalid_client)"
        );
    }
    assert_eq!(platform.asked().len(), 2);
}

#[tokio::test]
async fn a_renewal_that_its_caller_left_is_taken_up_by_the_next() {
    let clock = ManualClock::new();
    let replies = [(200, r#"{"access_token":"a1","expires_in":3600,"refresh_token":"r1"}"#)];
    let platform =
        Arc::new(Platform { replies: Mutex::new(replies.into()), clock: Some(clock.clone()), ..Platform::default() });
    let client = HttpClient::new(platform.clone()).with_clock(Arc::new(clock.clone()));
    let tokens = Tokens::new(grant());
    {
        let mut left = std::pin::pin!(tokens.access(&client));
        assert!(futures_util::poll!(left.as_mut()).is_pending());
    }
    clock.advance(Duration::from_secs(1));
    assert_eq!(text(&tokens.access(&client).await.unwrap()), "a1");
    assert_eq!(platform.asked().len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let desk = desk(&[
        (200, r#"{"access_token":"a1","expires_in":3600}"#),
        (200, r#"{"access_token":"a2","expires_in":3600}"#),
        (200, r#"{"access_token":"a3","expires_in":3600}"#),
    ]);
    let auth = Auth::Tokens(Tokens::new(grant()));
    let status = async || {
        let request = desk.client.get(Url::parse(DATA).unwrap()).auth(&auth);
        request.send().await.unwrap().status.as_u16()
    };
    desk.platform.takes(&["a1"]);
    assert_eq!(status().await, 200);
    desk.platform.takes(&["a2"]);
    assert_eq!(status().await, 200);
    // Revoked for good: one forced renewal, and none for the requests that follow.
    desk.platform.takes(&[]);
    for _ in 0..3 {
        assert_eq!(status().await, 401);
    }
    assert_eq!(desk.platform.carried(), ["a1", "a1", "a2", "a2", "a3", "a3", "a3"]);
    assert_eq!(desk.platform.asked().len(), 3);
    desk.platform.takes(&["a3"]);
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn a_token_that_is_refused_with_another_status_is_replaced_too() {
    /// Refuses the token as a bad request, as some do.
    #[derive(Debug)]
    struct Odd(Mutex<VecDeque<(u16, &'static str)>>);

    #[async_trait]
    impl Transport for Odd {
        async fn execute(&self, _: Request, _: &Limits) -> Result<Response> {
            let (status, body) = self.0.lock().unwrap().pop_front().expect("a reply");
            Ok(Response::new(StatusCode::from_u16(status).unwrap(), body))
        }
    }

    let odd = Classifier::new("Odd", |seen| {
        (seen.response().body == "[190]").then(|| Meaning::stop(ErrorKind::Unauthenticated, "a bad token"))
    });
    let token = (200, r#"{"access_token":"a1","expires_in":3600}"#);
    let replies = [token, (400, "[190]"), token, (200, "[7]"), (400, "[1]"), (200, "[190]"), token, (200, "[190]")];
    let client = HttpClient::new(Arc::new(Odd(Mutex::new(replies.into())))).with_clock(Arc::new(ManualClock::new()));
    let auth = Auth::Tokens(Tokens::new(grant()));
    let read = async || client.get(Url::parse(DATA).unwrap()).auth(&auth).classifier(odd).read::<Vec<u8>>().await;
    assert_eq!(read().await.unwrap(), [7]);
    assert_eq!(read().await.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(read().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn requests_refused_together_make_one_renewal() {
    let desk = desk(&[
        (200, r#"{"access_token":"a1","expires_in":3600}"#),
        (200, r#"{"access_token":"a2","expires_in":3600}"#),
    ]);
    let tokens = Tokens::new(grant());
    let refused = tokens.access(&desk.client).await.unwrap();
    let renewed = futures_util::future::join_all((0..5).map(|_| tokens.renew(&desk.client, &refused))).await;
    for token in renewed {
        assert_eq!(text(&token.unwrap().unwrap()), "a2");
    }
    assert_eq!(desk.platform.asked().len(), 2);
}

#[tokio::test]
async fn an_ended_grant_is_not_shown_again() {
    let desk = desk(&[
        (400, r#"{"error":"invalid_grant","error_description":"planted"}"#),
        (200, r#"{"access_token":"a1","expires_in":3600}"#),
    ]);
    let store = Arc::new(MemoryTokenStore::new());
    let client = desk.client.clone().with_token_store(store.clone());
    let tokens = Tokens::new(grant());
    for _ in 0..3 {
        let error = tokens.access(&client).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unauthenticated, Retry::Never));
        assert_eq!(error.code(), Some("invalid_grant"));
        assert!(!format!("{error:?}").contains("planted"));
    }
    assert_eq!(desk.platform.asked().len(), 1);
    // Somebody gave consent in another process.
    store.store(&grant().store_key(&"planted-r0".into()), &"r9".into()).await.unwrap();
    assert_eq!(text(&tokens.access(&client).await.unwrap()), "a1");
    assert!(desk.platform.asked()[1].contains("refresh_token=r9&"));
}

#[tokio::test]
async fn a_token_that_another_process_replaced_is_found_in_the_store() {
    /// Another process stores its new token while ours is on its way.
    #[derive(Debug)]
    struct Late(MemoryTokenStore, AtomicBool);

    #[async_trait]
    impl TokenStore for Late {
        async fn load(&self, key: &str) -> Result<Option<Secret<String>>> {
            if self.1.swap(true, Ordering::Relaxed) {
                self.0.store(key, &"r5".into()).await?;
            }
            self.0.load(key).await
        }
        async fn store(&self, key: &str, token: &Secret<String>) -> Result<()> {
            self.0.store(key, token).await
        }
    }

    let desk = desk(&[
        (400, r#"{"error":"invalid_grant"}"#),
        (200, r#"{"access_token":"a1","expires_in":3600,"refresh_token":"r6"}"#),
    ]);
    let store = Arc::new(Late(MemoryTokenStore::new(), AtomicBool::new(false)));
    let client = desk.client.clone().with_token_store(store.clone());
    assert_eq!(text(&Tokens::new(grant()).access(&client).await.unwrap()), "a1");
    assert!(desk.platform.asked()[1].contains("refresh_token=r5&"));
    let kept = store.0.load(&grant().store_key(&"planted-r0".into())).await.unwrap().unwrap();
    assert_eq!(kept.expose(), "r6");
}

/// A store that fails as long as it is told to.
#[derive(Debug, Default)]
struct Failing {
    inner: MemoryTokenStore,
    fails: AtomicBool,
}

#[async_trait]
impl TokenStore for Failing {
    async fn load(&self, key: &str) -> Result<Option<Secret<String>>> {
        self.inner.load(key).await
    }
    async fn store(&self, key: &str, token: &Secret<String>) -> Result<()> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unavailable, "the store is down"));
        }
        self.inner.store(key, token).await
    }
}

#[tokio::test]
async fn a_replaced_refresh_token_is_stored_before_its_access_token_is_used() {
    let desk = desk(&[
        (200, r#"{"access_token":"a1","expires_in":3600,"refresh_token":"r1"}"#),
        (200, r#"{"access_token":"a2","expires_in":3600,"refresh_token":"r1"}"#),
        (200, r#"{"access_token":"a3","expires_in":3600,"refresh_token":"r2"}"#),
    ]);
    let store = Arc::new(Failing::default());
    let client = desk.client.clone().with_token_store(store.clone());
    let (tokens, key) = (Tokens::new(grant().with_replacement()), grant().store_key(&"planted-r0".into()));
    store.fails.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let error = tokens.access(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "renew an access token: store the new refresh token: the store is down");
    }
    store.fails.store(false, Ordering::Relaxed);
    assert_eq!(text(&tokens.access(&client).await.unwrap()), "a1");
    assert_eq!(desk.platform.asked().len(), 1);
    assert_eq!(store.load(&key).await.unwrap().unwrap().expose(), "r1");
    // A process that starts anew goes on with what is stored; the same token again is no replacement.
    desk.clock.advance(Duration::from_secs(3_600));
    let restarted = Tokens::new(grant().with_replacement());
    assert_eq!(text(&restarted.access(&client).await.unwrap()), "a2");
    desk.clock.advance(Duration::from_secs(3_600));
    assert_eq!(text(&restarted.access(&client).await.unwrap()), "a3");
    let asked = desk.platform.asked();
    assert!(asked[1].contains("refresh_token=r1&") && asked[2].contains("refresh_token=r1&"), "{asked:?}");
    assert_eq!(store.load(&key).await.unwrap().unwrap().expose(), "r2");
}

#[tokio::test]
async fn without_a_store_a_platform_that_replaces_tokens_is_not_asked() {
    let desk = desk(&[]);
    let error = Tokens::new(grant().with_replacement()).access(&desk.client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let bare = HttpClient::new(desk.platform.clone());
    assert_eq!(Tokens::new(grant()).access(&bare).await.unwrap_err().kind(), ErrorKind::Config);
    assert!(desk.platform.asked().is_empty());
}

#[tokio::test]
async fn an_early_renewal_that_fails_leaves_the_good_token_in_use() {
    let desk = desk(&[
        (200, r#"{"access_token":"a1","expires_in":3600}"#),
        (503, ""),
        (0, ""),
        (200, r#"{"access_token":"a2","expires_in":3600}"#),
    ]);
    let tokens = Tokens::new(grant());
    let access = async || text(&tokens.access(&desk.client).await.unwrap()).to_owned();
    assert_eq!(access().await, "a1");
    desk.clock.advance(Duration::from_secs(3_300));
    assert_eq!(access().await, "a1");
    desk.clock.advance(Duration::from_secs(29));
    assert_eq!(access().await, "a1");
    assert_eq!(desk.platform.asked().len(), 2);
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(access().await, "a1");
    assert_eq!(desk.platform.asked().len(), 3);
    desk.clock.advance(Duration::from_secs(30));
    assert_eq!(access().await, "a2");
}

#[tokio::test]
async fn every_refusal_has_its_kind_and_passing_ones_are_safe_to_try_again() {
    use ErrorKind::{Config, RateLimited, Timeout, Unauthenticated, Unavailable, UnexpectedReply};
    const SAFE: Retry = Retry::Safe { after: None };
    for (status, body, kind, retry) in [
        (400, r#"{"error":"invalid_grant"}"#, Unauthenticated, Retry::Never),
        (401, r#"{"error":"invalid_client"}"#, Config, Retry::Never),
        (400, r#"{"error":"invalid_scope"}"#, Config, Retry::Never),
        (403, r#"{"error":"unauthorized_client"}"#, Config, Retry::Never),
        (400, r#"{"error":"unsupported_grant_type"}"#, Config, Retry::Never),
        (400, r#"{"error":"planted"}"#, Unauthenticated, Retry::Never),
        (401, "planted", Unauthenticated, Retry::Never),
        (429, "", RateLimited, SAFE),
        (500, "", Unavailable, SAFE),
        (503, "", Unavailable, SAFE),
        (0, "", Timeout, SAFE),
        (200, "<html>planted", UnexpectedReply, Retry::Never),
        (200, r#"{"token":"planted"}"#, UnexpectedReply, Retry::Never),
        (200, r#"{"access_token":""}"#, Config, Retry::Never),
    ] {
        let desk = desk(&[(status, body)]);
        let error = Tokens::new(grant()).access(&desk.client).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{status} {body}");
        assert!(error.to_string().starts_with("renew an access token: "), "{error}");
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }
}

#[tokio::test]
async fn clients_say_who_they_are_where_the_platform_wants_it() {
    let reply = (200, r#"{"access_token":"a1","expires_in":900}"#);
    let endpoint = || Url::parse(ENDPOINT).unwrap();
    for (grant, body, header) in [
        (
            Grant::client_credentials(endpoint(), "id 1", "s&1").with_parameter("scope", "all-apis x"),
            "grant_type=client_credentials&client_id=id+1&client_secret=s%261&scope=all-apis+x",
            None,
        ),
        (
            // RFC 6749 section 2.3.1: form-encoded before it is Basic. `id+1:s%261`.
            Grant::client_credentials(endpoint(), "id 1", "s&1").with_basic(),
            "grant_type=client_credentials",
            Some("Basic aWQrMTpzJTI2MQ=="),
        ),
        (grant(), ASKED_R0, None),
    ] {
        let clock = ManualClock::new();
        #[derive(Debug)]
        struct One(Mutex<Vec<Request>>, &'static str);
        #[async_trait]
        impl Transport for One {
            async fn execute(&self, request: Request, _: &Limits) -> Result<Response> {
                self.0.lock().unwrap().push(request);
                Ok(Response::new(StatusCode::OK, self.1))
            }
        }
        let one = Arc::new(One(Mutex::default(), reply.1));
        let client = HttpClient::new(one.clone()).with_clock(Arc::new(clock));
        assert_eq!(text(&Tokens::new(grant.clone()).access(&client).await.unwrap()), "a1");
        let sent = one.0.lock().unwrap();
        assert_eq!(sent[0].body, body);
        assert_eq!(sent[0].headers.get("authorization").map(|value| value.to_str().unwrap()), header);
        assert!(sent[0].secrets().any(|secret| secret.contains("s&1") || secret == "planted-secret"));
        assert!(!format!("{grant:?} {:?}", Tokens::new(grant.clone())).contains("planted"));
    }
}

#[cfg(feature = "service-account")]
#[tokio::test]
async fn a_service_account_shows_an_assertion_and_a_key_pair_asks_nobody() {
    use super::super::jwt::tests::KEY;
    use crate::http::{RsaKey, SelfSigned, ServiceAccountKey, UrlGuard};

    let account: ServiceAccountKey =
        serde_json::from_value(serde_json::json!({ "client_email": "a@b.example", "private_key": KEY,
            "token_uri": ENDPOINT }))
        .unwrap();
    let desk = desk(&[(200, r#"{"access_token":"ya29","expires_in":3599}"#)]);
    let tokens = Tokens::new(Grant::service_account(&account, &["s"], None, &UrlGuard::new()).unwrap());
    assert_eq!(text(&tokens.access(&desk.client).await.unwrap()), "ya29");
    let body = &desk.platform.asked()[0];
    let assertion = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJhbGciOiJSUzI1NiIs";
    assert!(body.starts_with(assertion), "{body}");
    let inside = ServiceAccountKey { token_uri: "http://169.254.169.254/token".into(), ..account };
    assert_eq!(Grant::service_account(&inside, &["s"], None, &UrlGuard::new()).unwrap_err().kind(), ErrorKind::Config);

    let key = RsaKey::from_pem(&KEY.into()).unwrap();
    let tokens = Tokens::new(Grant::self_signed(SelfSigned::new(key, "A.U.SHA256:x", "A.U")));
    let first = tokens.access(&desk.client).await.unwrap();
    assert_eq!(text(&first).split('.').count(), 3);
    desk.clock.advance(Duration::from_secs(2_879));
    assert_eq!(text(&tokens.access(&desk.client).await.unwrap()), text(&first));
    desk.clock.advance(Duration::from_secs(1));
    assert_ne!(text(&tokens.access(&desk.client).await.unwrap()), text(&first));
    assert_eq!(desk.platform.asked().len(), 1);
}
