//! Access tokens that are fetched and renewed (OAuth 2.0, RFC 6749).

mod fetch;
mod grant;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock::Mutex as Turn;

pub use self::grant::Grant;
use self::state::State;
use super::{Result, clock_of};
use crate::http::HttpClient;
use crate::secret::Secret;

/// An access token that is fetched when it is needed. A cheap clone; all clones share the token.
///
/// * **One at a time**: whoever needs a token while it is being renewed waits for that renewal, and shares its failure.
///   A renewal whose caller goes away is taken up by the next, because a platform that replaces refresh tokens may have
///   replaced this one already.
/// * **Early**: a token is renewed before it ends, by a tenth of its life, at least one minute and at most five; one
///   that is signed here at four fifths of its life. If that fails for a passing reason the token is used on while it is
///   good.
/// * **Once more when refused**: a request that the platform refuses as unauthenticated is sent a second time with a
///   new token, and never a third time. A new token that is refused before it was ever taken is not replaced again.
/// * **Replaced refresh tokens** are stored in the client's [`TokenStore`](crate::secret::TokenStore) before the access
///   token that came with them is used. While the store fails, so do requests, and the token is offered to it again.
/// * **`invalid_grant` is the end**: no further request is made with that refresh token. A person has to give consent
///   anew, unless another process has put a newer one into the store.
///
/// Failures are [`ErrorKind::Unauthenticated`](crate::ErrorKind::Unauthenticated) for a grant that ended,
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a client that was refused, and otherwise those of the request for
/// a token, always with [`Retry::Safe`](crate::Retry::Safe) where another try can help: the request that wanted the
/// token was not sent.
///
/// `Debug` shows the endpoint's host only.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

type Renewal = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

struct Inner {
    shared: Arc<Shared>,
    /// Held by whoever drives a renewal; what it left unfinished stays in it.
    turn: Turn<Option<Renewal>>,
}

/// What a renewal works with.
struct Shared {
    grant: Grant,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An access token as it was given out.
///
/// `Debug` does not show it.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub(super) text: Secret<String>,
    /// Tells a token from the one before.
    serial: u64,
}

impl AccessToken {
    /// The token.
    pub fn secret(&self) -> &Secret<String> {
        &self.text
    }
}

impl Tokens {
    /// Tokens of a grant. Nothing is asked for yet.
    pub fn new(grant: Grant) -> Self {
        let shared = Arc::new(Shared { grant, state: Mutex::default() });
        Self(Arc::new(Inner { shared, turn: Turn::new(None) }))
    }

    /// A token that is good now, fetched with `client` where there is none.
    ///
    /// # Errors
    /// As the type's page says; [`ErrorKind::Config`](crate::ErrorKind::Config) for a client without a clock, or without
    /// a store where the grant's refresh tokens are replaced.
    pub async fn access(&self, client: &HttpClient) -> Result<AccessToken> {
        let now = clock_of(client.clock())?.now();
        let fresh = self.0.shared.state().fresh(now, None);
        match fresh {
            Some(token) => Ok(token),
            None => self.renewed(client, None).await,
        }
    }

    /// Another token than one that the platform refused; `None` when there is no use in another.
    ///
    /// # Errors
    /// As [`Tokens::access`].
    pub async fn renew(&self, client: &HttpClient, refused: &AccessToken) -> Result<Option<AccessToken>> {
        if !self.0.shared.state().refuse(refused.serial) {
            return Ok(None);
        }
        self.renewed(client, Some(refused.serial)).await.map(Some)
    }

    /// Says that the platform took a token.
    pub(in crate::http) fn taken(&self, token: &AccessToken) {
        self.0.shared.state().take(token.serial);
    }

    async fn renewed(&self, client: &HttpClient, refused: Option<u64>) -> Result<AccessToken> {
        let clock = clock_of(client.clock())?;
        let seen = self.0.shared.state().finished;
        let mut renewal = self.0.turn.lock().await;
        if let Some(shared) = self.0.shared.state().since(seen, clock.now(), refused) {
            return shared;
        }
        let running = renewal.get_or_insert_with(|| Box::pin(fetch::renew(Arc::clone(&self.0.shared), client.clone())));
        let ended = running.as_mut().await;
        *renewal = None;
        let mut state = self.0.shared.state();
        state.finish(&ended, clock.now());
        match ended {
            Ok(()) => state.current(refused).ok_or_else(fetch::no_token),
            Err(error) => state.fresh(clock.now(), refused).ok_or(error),
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.shared.grant.endpoint.as_ref().and_then(|endpoint| endpoint.host_str());
        f.debug_struct("Tokens").field("endpoint", &host).finish_non_exhaustive()
    }
}
