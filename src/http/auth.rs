//! Credentials of a request.

use std::fmt;

use ::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;

/// What goes into the `Authorization` header.
///
/// `Debug` shows the kind only: a user name can be a token itself.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Auth {
    /// No header.
    #[default]
    None,
    /// `Bearer`, RFC 6750 section 2.1.
    Bearer(Secret<String>),
    /// `Basic`, RFC 7617, in UTF-8.
    Basic {
        /// The user; without a colon, may be empty.
        user: String,
        /// The password; may be empty.
        password: Secret<String>,
    },
}

impl Auth {
    /// The header's value, marked sensitive; `None` for [`Auth::None`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when a part cannot stand in the header: an empty token, a token with anything but visible
    /// ASCII characters, a user or password with control characters, a user with a colon.
    pub fn header(&self) -> Result<Option<HeaderValue>> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Bearer(token) => bearer(token.expose())?,
            Self::Basic { user, password } => basic(user, password.expose())?,
        };
        let mut value = HeaderValue::from_str(text.expose())
            .map_err(|_| Error::new(ErrorKind::Bug, "expected a checked credential, found one no header can hold"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Auth::None",
            Self::Bearer(_) => "Auth::Bearer([secret])",
            Self::Basic { .. } => "Auth::Basic([secret])",
        })
    }
}

fn bearer(token: &str) -> Result<Secret<String>> {
    if token.is_empty() {
        return Err(config("expected a token, found an empty one; set it in the configuration"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(config(
            "expected a token of visible ASCII characters, found another character; look for a space or a line break \
             at its ends",
        ));
    }
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
    use super::*;

    fn basic(user: &str, password: &str) -> Auth {
        Auth::Basic { user: user.into(), password: password.into() }
    }

    #[test]
    fn headers_are_as_the_rfcs_have_them_and_sensitive() {
        // RFC 6750 section 2.1, RFC 7617 sections 2 and 2.1 (the second in UTF-8, as the charset parameter asks).
        for (auth, header) in [
            (Auth::Bearer("mF_9.B5f-4.1JqM".into()), "Bearer mF_9.B5f-4.1JqM"),
            (basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            (basic("test", "123\u{a3}"), "Basic dGVzdDoxMjPCow=="),
            (basic("token", ""), "Basic dG9rZW46"),
        ] {
            let value = auth.header().unwrap().unwrap();
            assert_eq!(value, header);
            assert!(value.is_sensitive());
        }
        assert!(Auth::None.header().unwrap().is_none());
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
        ] {
            let error = auth.header().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!format!("{error:?} {auth:?}").contains("planted"), "{error:?}");
        }
    }

    #[test]
    fn debug_shows_the_kind_only() {
        assert_eq!(format!("{:?}", basic("planted", "planted")), "Auth::Basic([secret])");
        assert_eq!(format!("{:?}", Auth::Bearer("planted".into())), "Auth::Bearer([secret])");
        let value = Auth::Bearer("planted".into()).header().unwrap();
        assert!(!format!("{value:?}").contains("planted"));
    }
}
