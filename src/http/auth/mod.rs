//! Credentials of a request.
//!
//! [`Auth`] is what a connector holds; [`RequestBuilder::auth`](super::RequestBuilder::auth) takes it, whatever kind it
//! is. Kinds that sign see the finished request; [`Tokens`] are fetched when they are needed, renewed before they end,
//! and renewed once more when the platform refuses them.

mod hmac;
#[cfg(feature = "service-account")]
mod jwt;
#[cfg(feature = "oauth1")]
mod oauth1;
mod tokens;

use std::fmt;

use ::http::header::AUTHORIZATION;
use ::http::{HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use self::hmac::{BodySignature, hmac_sha256};
#[cfg(feature = "service-account")]
pub use self::jwt::{RsaKey, SelfSigned, ServiceAccountKey};
#[cfg(feature = "oauth1")]
pub use self::oauth1::{OAuth1, OAuth1Method};
pub use self::tokens::{AccessToken, Grant, Tokens};
use super::Request;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;

/// What shows who sends a request. A cheap clone.
///
/// `Debug` shows the kind only: a user name can be a token itself.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Auth {
    /// Nothing.
    #[default]
    None,
    /// `Authorization: Bearer`, RFC 6750 section 2.1.
    Bearer(Secret<String>),
    /// `Authorization: Basic`, RFC 7617, in UTF-8.
    Basic {
        /// The user; without a colon, may be empty.
        user: String,
        /// The password; may be empty.
        password: Secret<String>,
    },
    /// A key in a header, as it stands there: `Access-Token: …`, `Authorization: Klaviyo-API-Key …`.
    Header {
        /// The header.
        name: HeaderName,
        /// Its whole value.
        value: Secret<String>,
    },
    /// A key in the query, for platforms that take it nowhere else: URLs end up in logs on the way.
    Query {
        /// The parameter.
        name: String,
        /// Its value.
        value: Secret<String>,
    },
    /// A signature of the body in a header.
    Signature(BodySignature),
    /// OAuth 1.0a, RFC 5849.
    #[cfg(feature = "oauth1")]
    OAuth1(OAuth1),
    /// An access token that is fetched and renewed, sent as `Authorization: Bearer`.
    Tokens(Tokens),
}

impl Auth {
    /// Whether a request could carry it, found out without a request: for the moment a connector is configured.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when a part cannot stand in a header: an empty token, a token with anything but visible
    /// ASCII characters, a user or password with control characters, a user with a colon.
    pub fn check(&self) -> Result<()> {
        self.header().map(drop)
    }

    /// The header of the kinds that always send the same one.
    fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>> {
        let (name, text) = match self {
            Self::Bearer(token) => (AUTHORIZATION, bearer(token.expose())?),
            Self::Basic { user, password } => (AUTHORIZATION, basic(user, password.expose())?),
            Self::Header { name, value } => {
                visible(value.expose(), true)?;
                (name.clone(), value.clone())
            }
            Self::Query { value, .. } => return visible(value.expose(), false).map(|()| None),
            _ => return Ok(None),
        };
        Ok(Some((name, sensitive(text.expose())?)))
    }

    /// Puts it on a finished request. [`Auth::Tokens`] do not: they have to be asked for.
    pub(super) fn apply(&self, request: &mut Request, clock: Option<&dyn Clock>) -> Result<()> {
        if let Some((name, value)) = self.header()? {
            request.headers.insert(name, value);
        }
        match self {
            Self::None | Self::Tokens(_) => {}
            Self::Bearer(secret) | Self::Header { value: secret, .. } => request.mark_secret(secret.clone()),
            Self::Basic { user, password } => {
                // A user without a password is the secret itself.
                let secret = if password.expose().is_empty() { Secret::from(user.as_str()) } else { password.clone() };
                request.mark_secret(secret);
            }
            Self::Query { name, value } => {
                request.url.query_pairs_mut().append_pair(name, value.expose());
                request.mark_secret(value.clone());
            }
            Self::Signature(signature) => signature.sign(request)?,
            #[cfg(feature = "oauth1")]
            Self::OAuth1(credential) => credential.sign(request, clock_of(clock)?)?,
        }
        let _ = clock;
        Ok(())
    }
}

/// The clock of a client that has one.
pub(super) fn clock_of(clock: Option<&dyn Clock>) -> Result<&dyn Clock> {
    clock.ok_or_else(|| config("expected a clock for this credential, found none; give the HTTP client one"))
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Auth::None",
            Self::Bearer(_) => "Auth::Bearer([secret])",
            Self::Basic { .. } => "Auth::Basic([secret])",
            Self::Header { .. } => "Auth::Header([secret])",
            Self::Query { .. } => "Auth::Query([secret])",
            Self::Signature(_) => "Auth::Signature([secret])",
            #[cfg(feature = "oauth1")]
            Self::OAuth1(_) => "Auth::OAuth1([secret])",
            Self::Tokens(_) => "Auth::Tokens([secret])",
        })
    }
}

/// A header's value that nothing on the way prints.
fn sensitive(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Error::new(ErrorKind::Bug, "expected a checked credential, found one no header can hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn visible(token: &str, spaces: bool) -> Result<()> {
    if token.is_empty() {
        return Err(config("expected a token, found an empty one; set it in the configuration"));
    }
    let inside = |byte: u8| byte.is_ascii_graphic() || spaces && byte == b' ';
    if token.trim() != token || !token.bytes().all(inside) {
        return Err(config(
            "expected a token of visible ASCII characters, found another character; look for a space or a line break \
             at its ends",
        ));
    }
    Ok(())
}

fn bearer(token: &str) -> Result<Secret<String>> {
    visible(token, false)?;
    Ok(Secret::new(format!("Bearer {token}")))
}

fn basic(user: &str, password: &str) -> Result<Secret<String>> {
    if user.contains(':') {
        return Err(config("expected a user name without a colon, found one with a colon"));
    }
    if user.chars().chain(password.chars()).any(char::is_control) {
        return Err(config(
            "expected a user name and password without control characters, found one; look for a line break at their \
             ends",
        ));
    }
    let pair = Secret::new(format!("{user}:{password}"));
    let encoded = Secret::new(STANDARD.encode(pair.expose()));
    Ok(Secret::new(format!("Basic {}", encoded.expose())))
}

fn config(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use ::http::Method;
    use url::Url;

    use super::*;

    fn basic(user: &str, password: &str) -> Auth {
        Auth::Basic { user: user.into(), password: password.into() }
    }

    fn key(name: &'static str, value: &str) -> Auth {
        Auth::Header { name: HeaderName::from_static(name), value: value.into() }
    }

    fn applied(auth: &Auth) -> Result<Request> {
        let mut request = Request::new(Method::GET, Url::parse("https://example.com/a?b=c").unwrap());
        auth.apply(&mut request, None).map(|()| request)
    }

    #[test]
    fn headers_are_as_the_rfcs_have_them_and_sensitive() {
        // RFC 6750 section 2.1, RFC 7617 sections 2 and 2.1 (the second in UTF-8, as the charset parameter asks).
        for (auth, name, header, secret) in [
            (Auth::Bearer("mF_9.B5f-4.1JqM".into()), "authorization", "Bearer mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM"),
            (basic("Aladdin", "open sesame"), "authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "open sesame"),
            (basic("test", "123\u{a3}"), "authorization", "Basic dGVzdDoxMjPCow==", "123\u{a3}"),
            (basic("token", ""), "authorization", "Basic dG9rZW46", "token"),
            (key("access-token", "t0k"), "access-token", "t0k", "t0k"),
            (key("authorization", "Key t0k"), "authorization", "Key t0k", "Key t0k"),
        ] {
            auth.check().unwrap();
            let request = applied(&auth).unwrap();
            assert_eq!(request.headers[name], header);
            assert!(request.headers[name].is_sensitive());
            assert_eq!(request.headers.len(), 1);
            assert_eq!(request.secrets().map(String::as_str).collect::<Vec<_>>(), [secret]);
        }
        assert!(applied(&Auth::None).unwrap().headers.is_empty());
    }

    #[test]
    fn a_key_in_the_query_stands_beside_the_others() {
        let request = applied(&Auth::Query { name: "api_key".into(), value: "a&b".into() }).unwrap();
        assert_eq!(request.url.as_str(), "https://example.com/a?b=c&api_key=a%26b");
        assert_eq!(request.secrets().collect::<Vec<_>>(), ["a&b"]);
        assert!(request.headers.is_empty());
    }

    #[test]
    fn what_no_header_can_hold_is_refused_without_saying_it() {
        for auth in [
            Auth::Bearer("".into()),
            Auth::Bearer("planted\n".into()),
            Auth::Bearer("planted\r\nX-Evil: 1".into()),
            Auth::Bearer("planted planted".into()),
            Auth::Bearer("pl\u{e4}nted planted".into()),
            Auth::Bearer("planted\0".into()),
            basic("plan:ted", "planted"),
            basic("planted\n", "x"),
            basic("x", "planted\r"),
            basic("x", "planted\u{85}"),
            key("x-key", ""),
            key("x-key", "planted "),
            key("x-key", "planted\tplanted"),
            Auth::Query { name: "key".into(), value: "".into() },
            Auth::Query { name: "key".into(), value: "planted planted".into() },
        ] {
            for error in [auth.check().unwrap_err(), applied(&auth).unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(!format!("{error:?} {auth:?}").contains("planted"), "{error:?}");
            }
        }
    }

    #[test]
    fn debug_shows_the_kind_only() {
        assert_eq!(format!("{:?}", basic("planted", "planted")), "Auth::Basic([secret])");
        assert_eq!(format!("{:?}", Auth::Bearer("planted".into())), "Auth::Bearer([secret])");
        let request = applied(&Auth::Bearer("planted".into())).unwrap();
        assert!(!format!("{request:?} {:?}", request.headers).contains("planted"));
    }
}
