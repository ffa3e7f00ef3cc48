//! One renewal.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{ACCEPT, CONTENT_TYPE};
use ::http::{HeaderValue, Method};
use bytes::Bytes;
use serde::Deserialize;
use url::form_urlencoded;

use super::super::{Auth, clock_of, config, visible};
use super::Shared;
use super::grant::{Client, Grant, Kind};
use super::state::{Failure, Issued};
use crate::error::{Doing, Error, ErrorKind, Result, Retry};
use crate::http::{HttpClient, Request, Response, classify_status};
use crate::secret::Secret;
use crate::time::Timestamp;

/// The life of a token that does not say how long it is: RFC 6749 section 5.1 leaves it open.
const UNSAID: Duration = Duration::from_secs(1_800);

/// The longest life that is believed; later the token is asked for again.
const LONGEST: Duration = Duration::from_secs(86_400);

pub(super) const DOING: &str = "renew an access token";

/// Renews the token, and leaves it in the state.
pub(super) async fn renew(shared: Arc<Shared>, client: HttpClient) -> Result<()> {
    let renewed = match &shared.grant.kind {
        Kind::RefreshToken(configured) => refresh(&shared, &client, configured).await,
        Kind::ClientCredentials => once(&shared, &client, "client_credentials", None).await,
        #[cfg(feature = "service-account")]
        Kind::ServiceAccount(assertion) => {
            let assertion = clock_of(client.clock()).and_then(|clock| assertion.sign(clock.now())).doing(|| DOING)?;
            let grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
            once(&shared, &client, grant_type, Some(("assertion", &assertion))).await
        }
        #[cfg(feature = "service-account")]
        Kind::SelfSigned(signed) => {
            let now = clock_of(client.clock())?.now();
            let (token, life) = signed.sign(now).doing(|| DOING)?;
            let issued = Issued { token, renew_at: now.plus(life * 4 / 5), ends_at: now.plus(life) };
            shared.state().issue(issued);
            Ok(())
        }
    };
    renewed.doing(|| DOING)
}

pub(super) fn no_token() -> Error {
    Error::new(ErrorKind::UnexpectedReply, "expected a token that is good for a time, found one that has ended")
}

/// A grant that gives tokens without a token of its own.
async fn once(
    shared: &Shared,
    client: &HttpClient,
    grant_type: &str,
    shown: Option<(&str, &Secret<String>)>,
) -> Result<()> {
    let answer = ask(&shared.grant, client, grant_type, shown).await?;
    shared.state().issue(answer.issued);
    Ok(())
}

async fn refresh(shared: &Shared, client: &HttpClient, configured: &Secret<String>) -> Result<()> {
    if shared.grant.replaces && client.token_store().is_none() {
        return Err(config(
            "expected a token store, because the platform replaces refresh tokens, found none; give the HTTP client one",
        ));
    }
    if save(shared, client, configured).await? {
        return Ok(());
    }
    let mut token = newest(shared, client, configured).await?;
    let mut asked = false;
    loop {
        if let Some(ended) = ended_with(shared, &token) {
            return Err(ended);
        }
        match ask(&shared.grant, client, "refresh_token", Some(("refresh_token", &token))).await {
            Ok(answer) => return keep(shared, client, configured, &token, answer).await,
            Err(error) if is_end(&error) => {
                shared.state().ended = Some((token.clone(), Failure::of(&error)));
                // Another process may have replaced the token meanwhile.
                let stored = stored(shared, client, configured).await?;
                match stored.filter(|stored| !asked && stored.expose() != token.expose()) {
                    Some(newer) => (token, asked) = (newer, true),
                    None => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Stores a replaced refresh token that was not stored yet, and only then lets its access token be used.
async fn save(shared: &Shared, client: &HttpClient, configured: &Secret<String>) -> Result<bool> {
    let Some((token, issued)) = shared.state().unsaved.clone() else { return Ok(false) };
    if let Some(store) = client.token_store() {
        store.store(&shared.grant.store_key(configured), &token).await.doing(|| "store the new refresh token")?;
    }
    let mut state = shared.state();
    state.unsaved = None;
    state.refresh = Some(token);
    state.issue(issued);
    drop(state);
    let clock = clock_of(client.clock())?;
    Ok(shared.state().fresh(clock.now(), None).is_some())
}

async fn keep(
    shared: &Shared,
    client: &HttpClient,
    configured: &Secret<String>,
    shown: &Secret<String>,
    answer: Answer,
) -> Result<()> {
    match answer.refresh_token.filter(|new| new.expose() != shown.expose()) {
        Some(new) => {
            shared.state().unsaved = Some((new, answer.issued));
            save(shared, client, configured).await.map(drop)
        }
        None => {
            let mut state = shared.state();
            state.refresh = Some(shown.clone());
            state.issue(answer.issued);
            Ok(())
        }
    }
}

/// The refresh token to show: what is stored, what this process knows, what was configured.
async fn newest(shared: &Shared, client: &HttpClient, configured: &Secret<String>) -> Result<Secret<String>> {
    if let Some(stored) = stored(shared, client, configured).await? {
        return Ok(stored);
    }
    let known = shared.state().refresh.clone();
    Ok(known.unwrap_or_else(|| configured.clone()))
}

async fn stored(shared: &Shared, client: &HttpClient, configured: &Secret<String>) -> Result<Option<Secret<String>>> {
    match client.token_store() {
        Some(store) => store.load(&shared.grant.store_key(configured)).await.doing(|| "load the refresh token"),
        None => Ok(None),
    }
}

fn ended_with(shared: &Shared, token: &Secret<String>) -> Option<Error> {
    let state = shared.state();
    let (ended, failure) = state.ended.as_ref()?;
    (ended.expose() == token.expose()).then(|| failure.to_error())
}

/// What a token endpoint answers.
struct Answer {
    issued: Issued,
    refresh_token: Option<Secret<String>>,
}

async fn ask(
    grant: &Grant,
    client: &HttpClient,
    grant_type: &str,
    shown: Option<(&str, &Secret<String>)>,
) -> Result<Answer> {
    let request = request(grant, grant_type, shown)?;
    let sent_at = clock_of(client.clock())?.now();
    let response = client.send(request).await.map_err(not_applied)?;
    let now = clock_of(client.clock())?.now();
    read(&response, sent_at, now)
}

/// The request that waits for the token was not sent, whatever became of this one.
fn not_applied(error: Error) -> Error {
    match error.retry() {
        Retry::MaybeApplied => error.with_retry(Retry::Safe { after: None }),
        _ => error,
    }
}

fn request(grant: &Grant, grant_type: &str, shown: Option<(&str, &Secret<String>)>) -> Result<Request> {
    let endpoint = grant.endpoint.clone().ok_or_else(|| config("expected an endpoint for tokens, found none"))?;
    let mut request = Request::new(Method::POST, endpoint);
    request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", grant_type);
    if let Some((name, secret)) = shown {
        form.append_pair(name, secret.expose());
        request.mark_secret(secret.clone());
    }
    if let Some(Client { id, secret, basic }) = &grant.client {
        if *basic {
            let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let auth = Auth::Basic { user: encoded(id), password: Secret::new(encoded(secret.expose())) };
            auth.apply(&mut request, None)?;
        } else {
            form.append_pair("client_id", id).append_pair("client_secret", secret.expose());
        }
        request.mark_secret(secret.clone());
    }
    for (name, value) in &grant.parameters {
        form.append_pair(name, value);
    }
    request.body = Bytes::from(form.finish());
    Ok(request)
}

#[derive(Deserialize)]
struct Given {
    access_token: Secret<String>,
    #[serde(default)]
    expires_in: Option<Seconds>,
    #[serde(default)]
    refresh_token: Option<Secret<String>>,
}

/// A number, or a number as text, as some platforms have it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    fn duration(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        Duration::try_from_secs_f64(seconds.max(0.0)).ok()
    }
}

/// RFC 6749 section 5.2.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// Reads the answer. Its texts are not kept, and its error only if it is one of the RFC's words.
fn read(response: &Response, sent_at: Timestamp, now: Timestamp) -> Result<Answer> {
    if response.status.is_success() {
        let given: Given = serde_json::from_slice(&response.body).map_err(|_| {
            Error::new(ErrorKind::UnexpectedReply, "expected an access token as RFC 6749 has it, found something else")
                .with_retry(Retry::Never)
        })?;
        visible(given.access_token.expose(), false)?;
        let said = given.expires_in.as_ref().and_then(Seconds::duration);
        let life = said.unwrap_or(UNSAID).min(LONGEST);
        let early = (life / 10).clamp(Duration::from_secs(60), Duration::from_secs(300)).min(life / 2);
        let issued =
            Issued { token: given.access_token, renew_at: sent_at.plus(life - early), ends_at: sent_at.plus(life) };
        let refresh_token = given.refresh_token.filter(|token| !token.expose().is_empty());
        return Ok(Answer { issued, refresh_token });
    }
    let refused = serde_json::from_slice::<Refused>(&response.body).ok().and_then(|refused| word(&refused.error));
    match refused {
        Some((code, kind, next)) => {
            Err(Error::new(kind, format!("expected an access token, found it refused; {next}"))
                .with_retry(Retry::Never)
                .with_code(code))
        }
        None => Err(classify_status(response, now).err().map_or_else(no_token, |error| match error.kind() {
            // A platform that refuses without a word of the RFC has refused the credential.
            ErrorKind::Rejected => Error::new(ErrorKind::Unauthenticated, error.message()),
            _ => not_applied(error),
        })),
    }
}

const END: &str = "invalid_grant";

fn is_end(error: &Error) -> bool {
    error.code() == Some(END)
}

fn word(error: &str) -> Option<(&'static str, ErrorKind, &'static str)> {
    const WORDS: [(&str, ErrorKind, &str); 6] = [
        (END, ErrorKind::Unauthenticated, "it ended or was revoked, or the clock is wrong: give consent anew"),
        ("invalid_client", ErrorKind::Config, "correct the client's id and secret"),
        ("invalid_request", ErrorKind::Config, "correct the client and its parameters"),
        ("invalid_scope", ErrorKind::Config, "correct the scope"),
        ("unauthorized_client", ErrorKind::Config, "let the client use this grant"),
        ("unsupported_grant_type", ErrorKind::Config, "let the client use this grant"),
    ];
    WORDS.into_iter().find(|(word, ..)| *word == error)
}
