//! Where a host keeps the tokens that a platform replaces.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::Secret;
use crate::error::Result;

/// Keeps the newest refresh token of each credential, for platforms that give out a new one with every renewal.
///
/// A token that was replaced is worth nothing any more: whoever loses the new one has to ask a person for consent again.
/// So a new token is stored here before anything else is done with the reply that brought it, and hosts back this with
/// the place where they keep their other secrets. Processes that share a credential share the store.
///
/// The contract:
/// * what [`TokenStore::store`] has answered `Ok` to is durable, and is what [`TokenStore::load`] gives from then on,
///   in every process;
/// * storing is atomic: a reader sees the old token or the new one;
/// * keys are 32 hex digits, derived from the endpoint, the client and the token that was configured: a token that is
///   configured anew begins with nothing stored;
/// * errors hold no token.
#[async_trait]
pub trait TokenStore: fmt::Debug + Send + Sync + 'static {
    /// The token stored last under `key`; `None` when there is none yet.
    ///
    /// # Errors
    /// When the store cannot be read. [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) is tried again later.
    async fn load(&self, key: &str) -> Result<Option<Secret<String>>>;

    /// Stores `token` under `key`, in the place of the one before.
    ///
    /// # Errors
    /// When it may not be durable. It is offered again before the next request.
    async fn store(&self, key: &str, token: &Secret<String>) -> Result<()>;
}

/// Tokens that live as long as the process: for tests, and for platforms that never replace them.
#[derive(Default)]
pub struct MemoryTokenStore(Mutex<BTreeMap<String, Secret<String>>>);

impl MemoryTokenStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for MemoryTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTokenStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenStore for MemoryTokenStore {
    async fn load(&self, key: &str) -> Result<Option<Secret<String>>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    async fn store(&self, key: &str, token: &Secret<String>) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), token.clone());
        Ok(())
    }
}
