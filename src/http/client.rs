//! Building a request and sending it once.

use std::io;
use std::sync::Arc;

use ::http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use ::http::{HeaderName, HeaderValue, Method};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::auth::clock_of;
use super::encoding::{compress, decoded};
use super::guard::is_loopback;
use super::{AccessToken, Announced, Auth, Classifier, Limits, Request, Response, Transport};
use crate::clock::Clock;
use crate::error::{Doing, Error, ErrorKind, Result, Retry};
use crate::pace::{Bucket, Rates};
use crate::secret::{Secret, TokenStore};
use crate::time::Timestamp;

/// Headers that hold credentials by their name.
const SENSITIVE: [&str; 7] =
    ["authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "access-token", "developer-token"];

const BY_STATUS: Classifier = Classifier::by_status("the platform");

/// A transport with limits, a clock, and a place for tokens. Cheap to clone; clones share all of it.
#[derive(Clone, Debug)]
pub struct HttpClient {
    transport: Arc<dyn Transport>,
    limits: Limits,
    clock: Option<Arc<dyn Clock>>,
    token_store: Option<Arc<dyn TokenStore>>,
    rates: Rates,
}

impl HttpClient {
    /// Over `transport`, with the default [`Limits`], without a clock and a token store.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, limits: Limits::default(), clock: None, token_store: None, rates: Rates::new() }
    }

    /// Sets the clock, which credentials that end, signatures and rate limits need. A
    /// [`Context`](crate::destination::Context) sets its own.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets the limits of every request that sets none itself.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets where refresh tokens are kept that a platform replaces.
    #[must_use]
    pub fn with_token_store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.token_store = Some(store);
        self
    }

    /// The clock.
    pub fn clock(&self) -> Option<&dyn Clock> {
        self.clock.as_deref()
    }

    /// The clock's time. Without a clock the beginning of 1970: a `Retry-After` that is a date is then clamped.
    fn now(&self) -> Timestamp {
        self.clock.as_ref().map_or_else(Timestamp::default, |clock| clock.now())
    }

    /// The limits of a request that sets none itself.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The rate limits of all accounts that this client and its clones send to.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Where refresh tokens are kept.
    pub fn token_store(&self) -> Option<&dyn TokenStore> {
        self.token_store.as_deref()
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        RequestBuilder {
            client: self.clone(),
            request: Request::new(method, url),
            auth: Auth::None,
            classifier: BY_STATUS,
            turns: Vec::new(),
            gzip: false,
            fault: None,
        }
    }

    /// Begins a `DELETE`.
    pub fn delete(&self, url: Url) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Begins a `GET`.
    pub fn get(&self, url: Url) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Begins a `PATCH`.
    pub fn patch(&self, url: Url) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Begins a `POST`.
    pub fn post(&self, url: Url) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Begins a `PUT`.
    pub fn put(&self, url: Url) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Sends a request once and gives back the reply, whatever its status.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a URL that is not https (http is taken for a loopback host only) or holds
    /// credentials; [`ErrorKind::UnexpectedReply`] with [`Retry::MaybeApplied`] for a reply that is damaged, too long
    /// once decompressed (gzip, deflate) or too deeply nested; otherwise as [`Transport`] says.
    pub async fn send(&self, request: Request) -> Result<Response> {
        check_url(&request.url)?;
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let response = self.transport.execute(request, &self.limits).await?;
        decoded(response, &self.limits).doing(|| format!("send a request to {host}"))
    }
}

/// The last look before anything leaves: whatever built the URL, nothing goes out in the clear.
fn check_url(url: &Url) -> Result<()> {
    let fault = if !url.username().is_empty() || url.password().is_some() {
        "expected a URL without credentials, found some; put them into the configuration's own fields"
    } else if url.scheme() == "https" || url.scheme() == "http" && is_loopback(url) {
        return Ok(());
    } else {
        "expected an https URL, found another scheme"
    };
    Err(Error::new(ErrorKind::Config, fault))
}

/// One request on its way to being sent.
#[derive(Debug)]
#[must_use = "a request that is not sent does nothing"]
pub struct RequestBuilder {
    client: HttpClient,
    request: Request,
    auth: Auth,
    classifier: Classifier,
    turns: Vec<(Arc<Bucket>, u64)>,
    gzip: bool,
    // The first fault, told when the request is sent: so a chain needs one `?` for all its headers.
    fault: Option<Error>,
}

impl RequestBuilder {
    /// Sets the credential. One that no request can carry is told by [`RequestBuilder::send`].
    pub fn auth(mut self, auth: &Auth) -> Self {
        self.auth = auth.clone();
        self
    }

    /// Compresses the body with gzip when it is sent, for platforms that say they take it.
    pub fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// Asks for a compressed reply.
    pub fn accept_gzip(self) -> Self {
        self.header(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))
    }

    /// Says that a secret stands in the query or the body, so that whoever shows the request leaves it out. The
    /// credential's own need not be named.
    pub fn secret(mut self, secret: &Secret<String>) -> Self {
        self.request.mark_secret(secret.clone());
        self
    }

    /// Sets a header, in the place of one of that name. What commonly holds a credential is marked sensitive.
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        if SENSITIVE.contains(&name.as_str()) {
            value.set_sensitive(true);
        }
        self.request.headers.insert(name, value);
        self
    }

    /// Sets a header to a text. One that no header can hold is told by [`RequestBuilder::send`].
    pub fn text_header(self, name: HeaderName, text: &str) -> Self {
        match HeaderValue::from_str(text) {
            Ok(value) => self.header(name, value),
            Err(_) => self.fail(Error::new(
                ErrorKind::Config,
                format!("expected a value for the header {name} without control characters, found one"),
            )),
        }
    }

    /// Sets a header to a secret, marked sensitive. One that no header can hold is told by [`RequestBuilder::send`].
    pub fn secret_header(mut self, name: HeaderName, secret: &Secret<String>) -> Self {
        match (Auth::Header { name, value: secret.clone() }).apply(&mut self.request, None) {
            Ok(()) => self,
            Err(error) => self.fail(error),
        }
    }

    /// Sets the header `Idempotency-Key`: two requests with the same key are done once by a platform that knows it.
    /// Derive it from the batch's id, so that a resend has the same one.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.text_header(HeaderName::from_static("idempotency-key"), key)
    }

    /// Sets the header `X-Request-Id`, by which both sides find the request in their logs.
    pub fn request_id(self, id: &str) -> Self {
        self.text_header(HeaderName::from_static("x-request-id"), id)
    }

    fn fail(mut self, fault: Error) -> Self {
        self.fault.get_or_insert(fault);
        self
    }

    /// Adds a pair to the query, form-encoded. Credentials do not belong there: URLs end up in logs on the way.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.request.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Sets the limits of this request.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.client.limits = limits;
        self
    }

    /// Sets body and content type. A content type no header can hold is told by [`RequestBuilder::send`].
    pub fn body(mut self, body: impl Into<Bytes>, content_type: &str) -> Self {
        self.request.body = body.into();
        self.text_header(CONTENT_TYPE, content_type)
    }

    /// Sets the body to `value` as JSON, and the content type to `application/json`.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] as soon as the text would be longer than `max_bytes`; [`ErrorKind::Bug`] when `value` has
    /// no form in JSON.
    pub fn json<T: Serialize + ?Sized>(self, value: &T, max_bytes: usize) -> Result<Self> {
        let mut text = Bounded { text: Vec::new(), max_bytes, exceeded: false };
        let written = serde_json::to_writer(&mut text, value);
        if text.exceeded {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("expected a body of at most {max_bytes} bytes, found a longer one; send fewer rows at once"),
            ));
        }
        // The serializer's own words may hold a value.
        written
            .map_err(|_| Error::new(ErrorKind::Bug, "expected a body that has a form in JSON, found one without"))?;
        Ok(self.body(text.text, "application/json"))
    }

    /// Sets who says what the reply means; by default its status does.
    pub fn classifier(mut self, classifier: Classifier) -> Self {
        self.classifier = classifier;
        self
    }

    /// Lets the request wait for its turn in an account's bucket, at a cost. Said several times, it waits for each.
    ///
    /// What the reply announces ([`Announced`]) is kept to by all requests of the account. After a throttle they stand
    /// still for the announced wait, or else go at half the rate for a time.
    pub fn rate(mut self, bucket: &Arc<Bucket>, cost: u64) -> Self {
        self.turns.push((Arc::clone(bucket), cost));
        self
    }

    /// Sends the request once, and gives back the reply, whatever it means. With [`Auth::Tokens`] it is sent a second
    /// time, with a new token, when the platform refused the first as unauthenticated.
    ///
    /// # Errors
    /// The first fault of the steps before: [`ErrorKind::Config`] for a credential or a header's text;
    /// then as [`Tokens`](super::Tokens) and [`HttpClient::send`].
    pub async fn send(self) -> Result<Response> {
        let Self { client, mut request, auth, classifier, turns, gzip, fault } = self;
        if let Some(fault) = fault {
            return Err(fault);
        }
        if gzip {
            compress(&mut request)?;
        }
        let way = Way { client: &client, classifier, turns: &turns };
        let Auth::Tokens(tokens) = &auth else {
            // Signed at the last moment: a signature ends.
            way.turn().await?;
            auth.apply(&mut request, client.clock())?;
            return way.send(request).await;
        };
        let token = tokens.access(&client).await?;
        way.turn().await?;
        let response = way.send(bearing(&request, &token)?).await?;
        if !way.refuses(&response) {
            tokens.taken(&token);
            return Ok(response);
        }
        let Some(token) = tokens.renew(&client, &token).await? else { return Ok(response) };
        way.turn().await?;
        let response = way.send(bearing(&request, &token)?).await?;
        if !way.refuses(&response) {
            tokens.taken(&token);
        }
        Ok(response)
    }

    /// Sends the request, and gives back a reply of success.
    ///
    /// # Errors
    /// As [`RequestBuilder::send`] and [`Classifier::check`].
    pub async fn done(self) -> Result<Response> {
        let (client, classifier) = (self.client.clone(), self.classifier);
        let response = self.send().await?;
        classifier.check(&response, client.now()).map(|()| response)
    }

    /// Sends the request, and reads a reply of success as JSON.
    ///
    /// # Errors
    /// As [`RequestBuilder::send`] and [`Classifier::read`].
    pub async fn read<T: DeserializeOwned>(self) -> Result<T> {
        let (client, classifier) = (self.client.clone(), self.classifier);
        classifier.read(&self.send().await?, client.now())
    }
}

/// What a request goes through, each time it is sent.
struct Way<'a> {
    client: &'a HttpClient,
    classifier: Classifier,
    turns: &'a [(Arc<Bucket>, u64)],
}

impl Way<'_> {
    async fn turn(&self) -> Result<()> {
        for (bucket, cost) in self.turns {
            bucket.turn_within(clock_of(self.client.clock())?, *cost, self.client.limits.max_wait).await?;
        }
        Ok(())
    }

    async fn send(&self, request: Request) -> Result<Response> {
        let response = self.client.send(request).await?;
        if self.turns.is_empty() {
            return Ok(response);
        }
        let clock = clock_of(self.client.clock())?;
        let announced = Announced::of(&response.headers, clock.now());
        let throttled =
            self.classifier.check(&response, clock.now()).err().filter(|error| error.kind() == ErrorKind::RateLimited);
        for (bucket, _) in self.turns {
            if let Some(announced) = announced {
                bucket.announce(clock, announced.remaining, announced.reset);
            }
            match throttled.as_ref().map(Error::retry) {
                Some(Retry::Safe { after: Some(wait) }) => bucket.pause(clock, wait),
                Some(_) => bucket.slow_down(clock),
                None => {}
            }
        }
        Ok(response)
    }

    fn refuses(&self, response: &Response) -> bool {
        self.classifier.refuses_credential(response, self.client.now())
    }
}

/// The request with an access token.
fn bearing(request: &Request, token: &AccessToken) -> Result<Request> {
    let mut request = request.clone();
    Auth::Bearer(token.secret().clone()).apply(&mut request, None)?;
    Ok(request)
}

/// A body that stops growing at its limit, so that an oversized one never stands in memory.
struct Bounded {
    text: Vec<u8>,
    max_bytes: usize,
    exceeded: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.len() > self.max_bytes.saturating_sub(self.text.len()) {
            self.exceeded = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use ::http::StatusCode;
    use async_trait::async_trait;

    use super::*;
    use crate::pace::Rate;
    use crate::testkit::ManualClock;

    #[derive(Debug, Default)]
    struct Recorder(Mutex<Vec<(Request, Limits)>>);

    #[async_trait]
    impl Transport for Recorder {
        async fn execute(&self, request: Request, limits: &Limits) -> Result<Response> {
            self.0.lock().unwrap().push((request, *limits));
            Ok(Response::new(StatusCode::IM_A_TEAPOT, "short and stout"))
        }
    }

    fn recorded() -> (Arc<Recorder>, HttpClient) {
        let recorder = Arc::new(Recorder::default());
        (Arc::clone(&recorder), HttpClient::new(recorder))
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_request_leaves_once_and_as_built() {
        let (recorder, client) = recorded();
        let limits = Limits::default().with_max_reply_bytes(20);
        let response = client
            .post(url("https://example.com/import"))
            .auth(&Auth::Bearer("t0ken".into()))
            .header(::http::header::ACCEPT, HeaderValue::from_static("application/json"))
            .query("project_id", "21 95")
            .query("a&b", "\u{fc}")
            .limits(limits)
            .json(&serde_json::json!({"a": [1, 2]}), 100)
            .unwrap()
            .send()
            .await
            .unwrap();
        assert_eq!((response.status.as_u16(), &response.body[..]), (418, &b"short and stout"[..]));
        let sent = recorder.0.lock().unwrap();
        let [(request, seen)] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!(request.method, Method::POST);
        assert_eq!(request.url.as_str(), "https://example.com/import?project_id=21+95&a%26b=%C3%BC");
        assert_eq!(request.body, r#"{"a":[1,2]}"#);
        assert_eq!(request.headers["authorization"], "Bearer t0ken");
        assert!(request.headers["authorization"].is_sensitive());
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(*seen, limits);
        assert_eq!(*client.limits(), Limits::default());
    }

    #[tokio::test]
    async fn an_account_is_kept_below_its_rate_and_what_it_announces() {
        type Headers = [(&'static str, &'static str)];

        /// Answers from a script of status and headers.
        #[derive(Debug)]
        struct Script(Mutex<Vec<(u16, &'static Headers)>>);

        #[async_trait]
        impl Transport for Script {
            async fn execute(&self, _: Request, _: &Limits) -> Result<Response> {
                let (status, pairs) = self.0.lock().unwrap().remove(0);
                let pairs =
                    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
                Ok(Response::new(StatusCode::from_u16(status).unwrap(), "").with_headers(pairs.collect()))
            }
        }

        let replies: [(u16, &[(&str, &str)]); 7] = [
            (200, &[]),
            (200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")]),
            (429, &[("retry-after", "20")]),
            (429, &[]),
            (200, &[]),
            (200, &[("ratelimit", r#""d";r=0;t=3600"#)]),
            (200, &[]),
        ];
        let clock = ManualClock::auto();
        let client = HttpClient::new(Arc::new(Script(Mutex::new(replies.into())))).with_clock(Arc::new(clock.clone()));
        let start = clock.now();
        let ask = async || {
            let bucket = client.clone().rates().of("x:1", Rate::even(2, Duration::from_secs(1)));
            client.get(url("https://example.com/")).rate(&bucket, 1).send().await
        };
        for at in [0, 500, 9_500, 29_500, 30_000, 31_000] {
            ask().await.unwrap();
            assert_eq!(clock.now().since(start).as_millis(), at);
        }
        let error = ask().await.unwrap_err();
        let wait = Duration::from_secs(3_600);
        assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::Safe { after: Some(wait) }));
        let other = client.rates().of("x:2", Rate::even(2, Duration::from_secs(1)));
        client.get(url("https://example.com/")).rate(&other, 1).send().await.unwrap();
        assert_eq!(clock.now().since(start).as_millis(), 31_000);
    }

    #[tokio::test]
    async fn a_body_leaves_compressed_and_is_signed_as_it_leaves() {
        let (recorder, client) = recorded();
        let name = HeaderName::from_static("x-signature");
        let auth = Auth::Signature(crate::http::BodySignature::new(name, "key"));
        client
            .post(url("https://example.com/"))
            .body("aaaa", "text/plain")
            .auth(&auth)
            .gzip()
            .accept_gzip()
            .send()
            .await
            .unwrap();
        let sent = recorder.0.lock().unwrap();
        let request = &sent[0].0;
        assert_eq!(request.headers["content-encoding"], "gzip");
        assert_eq!(request.headers["accept-encoding"], "gzip");
        assert_eq!(request.body[..2], [0x1f, 0x8b]);
        let tag = crate::http::hmac_sha256(b"key", &[&request.body]);
        assert_eq!(request.headers["x-signature"], const_hex::encode(tag));
    }

    #[tokio::test]
    async fn nothing_leaves_in_the_clear_with_url_credentials_or_with_a_bad_credential() {
        let (recorder, client) = recorded();
        for text in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "ftp://localhost/",
            "data:text/plain,planted",
            "https://planted@example.com/",
            "https://:planted@example.com/",
            "http://planted:planted@localhost/",
        ] {
            let error = client.get(url(text)).send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert!(!format!("{error:?}").contains("planted"), "{text}");
        }
        let bad = client.get(url("https://example.com/")).auth(&Auth::Bearer("planted\n".into()));
        assert!(!format!("{bad:?}").contains("planted"));
        assert_eq!(bad.send().await.unwrap_err().kind(), ErrorKind::Config);
        assert!(recorder.0.lock().unwrap().is_empty());
        client.get(url("http://127.0.0.1:9/")).send().await.unwrap();
        client.get(url("http://[::1]:9/")).send().await.unwrap();
        client.get(url("http://localhost:9/")).send().await.unwrap();
        assert_eq!(recorder.0.lock().unwrap().len(), 3);
    }

    #[test]
    fn a_body_may_be_as_long_as_its_limit_and_no_longer() {
        let (_, client) = recorded();
        // `["aaaa"]` is 8 bytes.
        let json = |max| client.post(url("https://example.com/")).json(&["aaaa"], max);
        assert_eq!(json(8).unwrap().request.body.len(), 8);
        let error = json(7).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(
            error.to_string(),
            "expected a body of at most 7 bytes, found a longer one; send fewer rows at once"
        );
    }

    #[test]
    fn what_has_no_form_in_json_is_told_without_its_value() {
        struct Odd;
        impl Serialize for Odd {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("planted"))
            }
        }
        let (_, client) = recorded();
        let error = client.post(url("https://example.com/")).json(&Odd, 100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Bug);
        assert!(!format!("{error:?}").contains("planted"));
    }

    #[tokio::test]
    async fn headers_have_their_place_and_secrets_are_marked() {
        let (recorder, client) = recorded();
        let name = HeaderName::from_static;
        let request = client
            .post(url("https://example.com/"))
            .idempotency_key("b1")
            .request_id("r1")
            .text_header(name("linkedin-version"), "202608")
            .text_header(name("developer-token"), "d1")
            .secret_header(name("x-other"), &"s1".into());
        request.send().await.unwrap();
        let sent = recorder.0.lock().unwrap();
        let mut seen: Vec<_> = sent[0]
            .0
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap(), value.is_sensitive()))
            .collect();
        seen.sort_unstable();
        assert_eq!(
            seen,
            [
                ("developer-token", "d1", true),
                ("idempotency-key", "b1", false),
                ("linkedin-version", "202608", false),
                ("x-other", "s1", true),
                ("x-request-id", "r1", false),
            ]
        );
        assert_eq!(sent[0].0.secrets().collect::<Vec<_>>(), ["s1"]);
    }

    #[tokio::test]
    async fn a_text_no_header_can_hold_is_told_and_not_sent() {
        let (recorder, client) = recorded();
        let post = || client.post(url("https://example.com/"));
        for request in [
            post().body("x", "text/plain\r\n"),
            post().idempotency_key("planted\n"),
            post().secret_header(HeaderName::from_static("x-key"), &"planted\n".into()),
        ] {
            let error = request.send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!format!("{error:?}").contains("planted"));
        }
        assert!(recorder.0.lock().unwrap().is_empty());
    }

    #[test]
    fn clients_travel() {
        fn travels<T: Send + Sync + 'static>(_: T) {}
        let (recorder, client) = recorded();
        travels(client);
        travels(recorder as Arc<dyn Transport>);
    }
}
