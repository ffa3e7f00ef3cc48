//! One binding's durable state: immutable objects in an object store.
//!
//! A [`State`] is a place: a folder, memory, or any shared bucket the host brings. [`State::open`] gives the [`Store`]
//! of one binding, and only one at a time. What stands in the objects is decided elsewhere; this room makes it durable,
//! keeps it private, and makes sure that one holder writes.
//!
//! | Object | Content |
//! |---|---|
//! | `manifest/<generation>` | the commit point, put-if-absent: names everything that is live ([`Manifest`]) |
//! | `snapshot/<id>` | a layer of the acknowledged snapshot; bytes of the snapshot codec |
//! | `plan/<id>/<n>`, `plan/<id>/end` | the operations of a run in parts of about 4 MiB, and what they add up to |
//! | `journal/<epoch>/<n>` | put-if-absent at consecutive numbers: what is about to be done, and what came of it ([`Entry`]) |
//!
//! Manifests, plans and journals are sealed under the host's [`Keyring`]. Numbers are padded to 20 digits.
//!
//! # One writer
//! In a folder a lock file keeps others out, and the system frees it on any death. In a shared store, whoever opens a
//! binding that has a journal *seals* it by writing its next number; the holder before fails at its next append, which
//! is before it sends, and at its commit. A sealed journal gets no further entries: the new holder commits first, and
//! each commit starts a journal of its own. A writer that slept through whole generations, so that even the sealed journal is gone, finds
//! the newer manifest: each append at a shared store is followed by a look for one. The store must list what was
//! written before, as S3, Google Cloud Storage and Azure Blob Storage do.
//!
//! # Crashes
//! A commit writes the layers first and the manifest last; until the manifest is there, nothing has happened. The
//! newest manifest is the one with the highest number. The very first write of a binding is an empty manifest, so
//! objects without any manifest are damage, never an empty state. Objects that nothing names are swept: in a folder at
//! the next open, in a shared store by the next commit (only a winner may delete).

mod local;
mod model;
mod objects;
mod opening;
mod plan;
mod seal;
mod store;
#[cfg(test)]
mod tests;
mod vault;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

pub use self::model::{Entry, Layer, Manifest, OpenJob, RowSettled, Unfinished};
pub use self::plan::{PlanInfo, PlanPart, PlanReader};
pub use self::store::Store;
use crate::clock::Clock;
use crate::error::{Doing, Error, ErrorKind, Result};
use crate::secret::Keyring;

/// One audience at one destination, as the state knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BindingId {
    name: String,
    id: [u8; 16],
}

impl BindingId {
    /// From the audience's key and the destination's id: `<audience>@<destination>`.
    pub fn new(audience: &str, destination: &str) -> Self {
        let name = format!("{audience}@{destination}");
        let mut id = [0; 16];
        id.iter_mut().zip(Sha256::digest(name.as_bytes())).for_each(|(to, from)| *to = from);
        Self { name, id }
    }

    /// The name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first 16 bytes of SHA-256 of the name; in hex it is the prefix of the binding's objects.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    fn hex(&self) -> String {
        const_hex::encode(self.id)
    }
}

impl fmt::Display for BindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Where state lives. A cheap clone; clones share it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> audience_sync::error::Result<()> {
/// use std::sync::Arc;
/// use audience_sync::clock::TokioClock;
/// use audience_sync::secret::Keyring;
/// use audience_sync::state::{BindingId, State};
///
/// let state = State::in_memory();
/// let binding = BindingId::new("buyers", "meta");
/// let store = state.open(&binding, &Keyring::generate()?, Arc::new(TokioClock)).await?;
/// assert_eq!(store.manifest().members, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct State {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    folder: Option<PathBuf>,
    holder: String,
    open_here: Arc<Mutex<HashMap<[u8; 16], String>>>,
    probed: Arc<OnceCell<()>>,
}

impl State {
    /// State in a folder of this machine, created if it is missing. Every write is synced to disk before it counts.
    ///
    /// The folder must lie on a file system with hard links and file locks.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when `folder` cannot be created, is not a folder, or may not be written.
    pub fn local(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let opened = writable_folder(folder).and_then(|()| {
            // The store's own error adds nothing: the folder was there a moment ago.
            LocalFileSystem::new_with_prefix(folder).map_err(|_| std::io::ErrorKind::NotFound.into())
        });
        let store = opened.map_err(|error| {
            Error::new(
                ErrorKind::Config,
                format!(
                    "expected a folder that may be written, found: {}; name another, or mend this one",
                    error.kind()
                ),
            )
            .with_source(error)
            .doing(format!("open the state folder {}", folder.display()))
        })?;
        Ok(Self::over(Arc::new(store.with_fsync(true)), ObjectPath::default(), Some(folder.to_owned())))
    }

    /// State that lives as long as this value and its clones: for tests, and for audiences that are sent in full.
    pub fn in_memory() -> Self {
        Self::over(Arc::new(InMemory::new()), ObjectPath::default(), None)
    }

    /// State in an object store that several hosts may share, under `prefix` (empty for its root).
    ///
    /// The store must offer put-if-absent (`PutMode::Create`), and must list and delete; [`State::open`] tries it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when `prefix` is not a path that an object store takes.
    pub fn on(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self> {
        let prefix = ObjectPath::parse(prefix).map_err(|error| {
            Error::new(ErrorKind::Config, "expected a prefix like `team/audiences`, found one that no store takes")
                .with_source(error)
        })?;
        Ok(Self::over(store, prefix, None))
    }

    fn over(store: Arc<dyn ObjectStore>, prefix: ObjectPath, folder: Option<PathBuf>) -> Self {
        let holder = format!("process {}", std::process::id());
        Self { store, prefix, folder, holder, open_here: Arc::default(), probed: Arc::default() }
    }

    /// Gives the holder the name that others read when they find the binding taken; by default `process <pid>`.
    ///
    /// Hosts that share a store put the machine's name in.
    #[must_use]
    pub fn named(mut self, holder: impl Into<String>) -> Self {
        self.holder = holder.into();
        self
    }

    /// Opens the state of one binding, and keeps every other opener out until the [`Store`] is dropped.
    ///
    /// A journal that the last holder left is sealed, so that it cannot write any more, and is given back by
    /// [`Store::journal`].
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when another holder has it open, with its name. [`ErrorKind::State`] when an object is
    /// missing, damaged or written with another key (code `wrong_key`): it is named, and nothing is deleted.
    /// [`ErrorKind::Config`] when the store lacks put-if-absent, list or delete. Otherwise the store's own failure.
    pub async fn open(&self, binding: &BindingId, keyring: &Keyring, clock: Arc<dyn Clock>) -> Result<Store> {
        opening::open(self, binding, keyring, clock).await.doing(|| format!("open the state of {binding}"))
    }

    /// The lock on one binding, and the name it was taken under.
    async fn lock(&self, binding: &BindingId, clock: &dyn Clock) -> Result<(Lock, String)> {
        let holder = format!("{} since {}", self.holder, clock.now());
        let lock = match &self.folder {
            Some(folder) => {
                let (folder, holder) = (folder.join(binding.hex()), holder.clone());
                Lock::File { _lock: local::blocking(move || local::lock(&folder, &holder)).await? }
            }
            None => Lock::Here(HereLock::take(&self.open_here, binding.id, &holder)?),
        };
        Ok((lock, holder))
    }
}

fn writable_folder(folder: &Path) -> std::io::Result<()> {
    local::create_folder(folder)?;
    let metadata = std::fs::metadata(folder)?;
    if !metadata.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    // Windows uses the flag on folders for something else.
    if cfg!(unix) && metadata.permissions().readonly() {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

/// The store's own `Debug` is not asked: it may print credentials.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("State");
        match &self.folder {
            Some(folder) => f.field("folder", folder),
            None => f.field("prefix", &self.prefix.as_ref()),
        };
        f.field("holder", &self.holder).finish_non_exhaustive()
    }
}

/// Keeps other openers out while it lives.
#[derive(Debug)]
#[expect(dead_code, reason = "held for its drop")]
enum Lock {
    File { _lock: local::FileLock },
    Here(HereLock),
}

/// The lock among the clones of one [`State`], for stores that have none of their own.
struct HereLock {
    open: Arc<Mutex<HashMap<[u8; 16], String>>>,
    id: [u8; 16],
}

impl HereLock {
    fn take(open: &Arc<Mutex<HashMap<[u8; 16], String>>>, id: [u8; 16], holder: &str) -> Result<Self> {
        let mut held = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = held.get(&id) {
            return Err(local::held(other));
        }
        held.insert(id, holder.to_owned());
        drop(held);
        Ok(Self { open: Arc::clone(open), id })
    }
}

impl Drop for HereLock {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl fmt::Debug for HereLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HereLock")
    }
}
