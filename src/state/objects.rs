//! The objects of one binding: put-if-absent, read, list and delete, with the retries a far-off store needs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::{Path, PathPart};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// Tries of one request at a store behind a network, the first one included.
const ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What a put-if-absent came to.
#[derive(Debug)]
pub(super) enum Created {
    /// The object is there, with our content.
    Ours,
    /// Somebody else's content is there; `None` when it was gone again before it could be read.
    Taken(Option<Bytes>),
}

/// The objects under one binding's prefix, named by their path relative to it.
#[derive(Clone)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    base: Path,
    clock: Arc<dyn Clock>,
    attempts: u32,
}

impl Objects {
    /// `on_disk`: a failed write to a local disk is final, because what a failed fsync left behind is not known and a
    /// second try could take it for durable.
    pub(super) fn new(store: Arc<dyn ObjectStore>, base: Path, clock: Arc<dyn Clock>, on_disk: bool) -> Self {
        Self { store, base, clock, attempts: if on_disk { 1 } else { ATTEMPTS } }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    fn path(&self, name: &str) -> Path {
        self.base.parts().chain(name.split('/').map(PathPart::from)).collect()
    }

    /// Stores the object, durably, unless there is one of that name.
    ///
    /// A put that was answered with an error may have been applied all the same: an object that is there with the very
    /// same bytes counts as ours.
    pub(super) async fn create(&self, name: &str, content: Bytes) -> Result<Created> {
        let path = self.path(name);
        let put = self
            .retried(|| {
                let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
                self.store.put_opts(&path, PutPayload::from(content.clone()), options)
            })
            .await;
        match put {
            Ok(_) => Ok(Created::Ours),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                let there = self.read(name).await?;
                Ok(if there.as_ref() == Some(&content) { Created::Ours } else { Created::Taken(there) })
            }
            Err(error) => Err(failed(&error).doing(format!("write {name}"))),
        }
    }

    /// The object's content; `None` when there is none of that name.
    pub(super) async fn read(&self, name: &str) -> Result<Option<Bytes>> {
        let path = self.path(name);
        match self.retried(|| async { self.store.get(&path).await?.bytes().await }).await {
            Ok(content) => Ok(Some(content)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(&error).doing(format!("read {name}"))),
        }
    }

    /// Names and sizes of the objects under `prefix` (empty for all of the binding's), in no order.
    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        let path = if prefix.is_empty() { self.base.clone() } else { self.path(prefix) };
        let found = self.retried(|| self.store.list(Some(&path)).try_collect::<Vec<_>>()).await.map_err(|error| {
            failed(&error).doing(format!("list {}", if prefix.is_empty() { "all" } else { prefix }))
        })?;
        Ok(found.into_iter().filter_map(|meta| Some((self.name(&meta.location)?, meta.size))).collect())
    }

    fn name(&self, location: &Path) -> Option<String> {
        let parts: Vec<_> = location.prefix_match(&self.base)?.map(|part| part.as_ref().to_owned()).collect();
        Some(parts.join("/"))
    }

    /// Deletes the objects; one that is gone already counts as deleted.
    pub(super) async fn delete(&self, names: &[String]) -> Result<()> {
        let deleted = self.retried(|| {
            let paths: Vec<_> = names.iter().map(|name| Ok(self.path(name))).collect();
            self.store
                .delete_stream(stream::iter(paths).boxed())
                // To the end, so that one failure does not keep the others.
                .fold(Ok(()), async |outcome, answer| match answer {
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => outcome,
                    Err(error) => Err(error),
                })
        });
        deleted.await.map_err(|error| failed(&error).doing("delete objects"))
    }

    async fn retried<T, F, Fut>(&self, mut request: F) -> object_store::Result<T>
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = object_store::Result<T>> + Send,
    {
        let mut attempt = 1;
        loop {
            match request().await {
                Err(error) if attempt < self.attempts && transient(&error) => {
                    let wait = FIRST_WAIT * 2_u32.pow(attempt - 1);
                    let part = self.clock.jitter() % 1000;
                    self.clock.sleep(wait / 2 + wait.mul_f64(part as f64 / 2000.0)).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }
}

fn transient(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    matches!(error, E::Generic { .. } | E::JoinError { .. })
}

/// The store's own text is left out: it names absolute paths and URLs, which may hold access keys.
fn failed(error: &object_store::Error) -> Error {
    use object_store::Error as E;
    let (kind, found) = match error {
        E::NotFound { .. } => (ErrorKind::State, "it is not there"),
        E::PermissionDenied { .. } => (ErrorKind::PermissionDenied, "the permission is missing; grant it"),
        E::Unauthenticated { .. } => (ErrorKind::Unauthenticated, "the credential was refused; renew it"),
        E::NotSupported { .. } | E::NotImplemented { .. } => {
            (ErrorKind::Config, "it does not offer this; take a store that does")
        }
        E::InvalidPath { .. } | E::UnknownConfigurationKey { .. } => {
            (ErrorKind::Config, "it refuses the name; choose another prefix")
        }
        _ => (ErrorKind::Unavailable, "it failed; open the binding again when it is well"),
    };
    let cause = io_cause(error);
    let detail = cause.as_ref().map(|cause| format!(" ({})", cause.kind())).unwrap_or_default();
    Error::new(kind, format!("expected an answer of the object store, found that {found}{detail}"))
}

/// The operating system's own error below, without the path that was wrapped around it.
fn io_cause(error: &object_store::Error) -> Option<std::io::Error> {
    let mut below = std::error::Error::source(error);
    while let Some(cause) = below {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Some(io.raw_os_error().map_or_else(|| io.kind().into(), std::io::Error::from_raw_os_error));
        }
        below = cause.source();
    }
    None
}
