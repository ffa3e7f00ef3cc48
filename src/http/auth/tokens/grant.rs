//! What access tokens are asked for with.

use std::fmt;

use sha2::{Digest, Sha256};
use url::Url;

use super::super::Secret;
#[cfg(feature = "service-account")]
use super::super::jwt::{Assertion, SelfSigned, ServiceAccountKey};
#[cfg(feature = "service-account")]
use crate::http::{BaseUrl, UrlGuard};

/// What access tokens are asked for with: a refresh token, a client alone, a service account's key, or nothing but a
/// key pair.
///
/// `Debug` shows no secret.
#[derive(Clone)]
pub struct Grant {
    pub(super) kind: Kind,
    /// `None` where nobody is asked.
    pub(super) endpoint: Option<Url>,
    pub(super) client: Option<Client>,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) replaces: bool,
}

#[derive(Clone)]
pub(super) enum Kind {
    RefreshToken(Secret<String>),
    ClientCredentials,
    #[cfg(feature = "service-account")]
    ServiceAccount(Assertion),
    #[cfg(feature = "service-account")]
    SelfSigned(SelfSigned),
}

#[derive(Clone)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: Secret<String>,
    /// In the `Authorization` header, rather than in the body.
    pub(super) basic: bool,
}

impl Grant {
    fn new(kind: Kind, endpoint: Option<Url>) -> Self {
        Self { kind, endpoint, client: None, parameters: Vec::new(), replaces: false }
    }

    /// A refresh token, RFC 6749 section 6, shown at `endpoint` by a client that says who it is in the body.
    pub fn refresh_token(
        endpoint: Url,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret<String>>,
        refresh_token: impl Into<Secret<String>>,
    ) -> Self {
        let mut grant = Self::new(Kind::RefreshToken(refresh_token.into()), Some(endpoint));
        grant.client = Some(Client { id: client_id.into(), secret: client_secret.into(), basic: false });
        grant
    }

    /// A client alone, RFC 6749 section 4.4, that says who it is in the body.
    pub fn client_credentials(
        endpoint: Url,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret<String>>,
    ) -> Self {
        let mut grant = Self::new(Kind::ClientCredentials, Some(endpoint));
        grant.client = Some(Client { id: client_id.into(), secret: client_secret.into(), basic: false });
        grant
    }

    /// A Google service account with `scopes`, RFC 7523; `subject` is the person it acts for, where it may.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a key that cannot be read or a `token_uri` that `guard` does
    /// not let pass.
    #[cfg(feature = "service-account")]
    pub fn service_account(
        account: &ServiceAccountKey,
        scopes: &[&str],
        subject: Option<&str>,
        guard: &UrlGuard,
    ) -> crate::error::Result<Self> {
        let endpoint = BaseUrl::parse_with(&account.token_uri, guard)?;
        let assertion = Assertion::new(account, scopes, subject)?;
        Ok(Self::new(Kind::ServiceAccount(assertion), Some(endpoint.as_url().clone())))
    }

    /// Nobody is asked: the token is signed here.
    #[cfg(feature = "service-account")]
    pub fn self_signed(signed: SelfSigned) -> Self {
        Self::new(Kind::SelfSigned(signed), None)
    }

    /// Says who the client is in the `Authorization` header (RFC 6749 section 2.3.1), not in the body.
    #[must_use]
    pub fn with_basic(mut self) -> Self {
        if let Some(client) = &mut self.client {
            client.basic = true;
        }
        self
    }

    /// Another parameter of the request: `scope`, `continuous_refresh`.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Says that the platform replaces the refresh token, so that without a
    /// [`TokenStore`](crate::secret::TokenStore) nothing is asked for: the credential would be lost with the process.
    #[must_use]
    pub fn with_replacement(mut self) -> Self {
        self.replaces = true;
        self
    }

    /// Names what was configured, without giving it away.
    pub(super) fn store_key(&self, configured: &Secret<String>) -> String {
        let mut hash = Sha256::new();
        hash.update("audience-sync token store v1");
        let client = self.client.as_ref().map_or("", |client| &client.id);
        for part in [self.endpoint.as_ref().map_or("", Url::as_str), client, configured.expose()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut hex = const_hex::encode(hash.finalize());
        hex.truncate(32);
        hex
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::RefreshToken(_) => "refresh_token",
            Kind::ClientCredentials => "client_credentials",
            #[cfg(feature = "service-account")]
            Kind::ServiceAccount(_) => "service_account",
            #[cfg(feature = "service-account")]
            Kind::SelfSigned(_) => "self_signed",
        };
        f.debug_struct("Grant").field("kind", &kind).finish_non_exhaustive()
    }
}
