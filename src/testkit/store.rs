//! An object store that fails where a test wants it to.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// An operation of a store, as faults and counters name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StoreOp {
    /// A copy or a rename.
    Copy,
    /// A delete; each object of a bulk delete is one.
    Delete,
    /// A read, in whole, in parts or of the head alone.
    Get,
    /// A listing.
    List,
    /// A put; an upload in parts is one put, at its completion.
    Put,
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreFault {
    /// It is done, and answered with an error.
    AppliedButFailed,
    /// It is done, and the process is gone before it learns of it: every later operation fails.
    AppliedThenGone,
    /// The disk is full: nothing is written, and no later put is, until [`FaultStore::heal`]. Reads and deletes work.
    FullDisk,
    /// The process is gone: this and every later operation fails, until [`FaultStore::heal`].
    Gone,
    /// It is not done, and answered with an error that may pass.
    NotApplied,
}

/// Wraps a store and fails by plan. A cheap clone: all clones share the plan and the counters.
///
/// ```
/// use std::sync::Arc;
/// use audience_sync::testkit::{FaultStore, StoreFault, StoreOp};
///
/// let store = FaultStore::in_memory();
/// store.fail(StoreOp::Put, 2, StoreFault::AppliedThenGone);
/// // … hand `Arc::new(store.clone())` to what is tested, then start anew on what is left:
/// store.heal();
/// assert_eq!(store.count(StoreOp::Put), 0);
/// ```
#[derive(Clone)]
pub struct FaultStore {
    inner: Arc<dyn ObjectStore>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    planned: Vec<Planned>,
    counts: BTreeMap<StoreOp, u64>,
    log: Vec<(StoreOp, String)>,
    gone: bool,
    full: bool,
}

struct Planned {
    op: StoreOp,
    nth: u64,
    lasting: bool,
    fault: StoreFault,
}

impl FaultStore {
    /// Wraps a store. Nothing fails yet.
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, state: Arc::default() }
    }

    /// Wraps a fresh store in memory.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::new()))
    }

    /// Fails the `nth` operation of its kind, counted from 1 since the store was made.
    pub fn fail(&self, op: StoreOp, nth: u64, fault: StoreFault) {
        self.state().planned.push(Planned { op, nth, lasting: false, fault });
    }

    /// Fails the `nth` operation of its kind and all later ones: for what retries.
    pub fn fail_from(&self, op: StoreOp, nth: u64, fault: StoreFault) {
        self.state().planned.push(Planned { op, nth, lasting: true, fault });
    }

    /// Lets the process be gone from now on.
    pub fn kill(&self) {
        self.state().gone = true;
    }

    /// Forgets all faults, as a restart on a sound machine does. Objects and counters stay.
    pub fn heal(&self) {
        let mut state = self.state();
        state.planned.clear();
        (state.gone, state.full) = (false, false);
    }

    /// Whether the process is gone: what a test's destination asks before it does anything for it.
    pub fn is_gone(&self) -> bool {
        self.state().gone
    }

    /// How many operations of a kind were asked for, failed ones included.
    pub fn count(&self, op: StoreOp) -> u64 {
        self.state().counts.get(&op).copied().unwrap_or(0)
    }

    /// Every operation that was asked for, in order, with the path.
    pub fn log(&self) -> Vec<(StoreOp, String)> {
        self.state().log.clone()
    }

    /// The wrapped store.
    pub fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the operation, or fails as planned.
    async fn guard<T>(&self, op: StoreOp, path: &Path, work: impl Future<Output = Result<T>>) -> Result<T> {
        let fault = self.state().next(op, path);
        match fault {
            None => work.await,
            Some(fault @ (StoreFault::AppliedButFailed | StoreFault::AppliedThenGone)) => {
                let done = work.await;
                if fault == StoreFault::AppliedThenGone {
                    self.kill();
                }
                done.and_then(|_| Err(failed(fault)))
            }
            Some(fault) => Err(failed(fault)),
        }
    }

    fn guard_list<T: Send + 'static>(
        &self,
        prefix: Option<&Path>,
        listing: impl FnOnce() -> BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        match self.state().next(StoreOp::List, prefix.unwrap_or(&Path::default())) {
            None => listing(),
            Some(fault) => stream::once(std::future::ready(Err(failed(fault)))).boxed(),
        }
    }
}

impl State {
    fn next(&mut self, op: StoreOp, path: &Path) -> Option<StoreFault> {
        let count = self.counts.entry(op).or_default();
        *count += 1;
        let count = *count;
        self.log.push((op, path.to_string()));
        if self.gone {
            return Some(StoreFault::Gone);
        }
        let hits =
            |planned: &&Planned| planned.op == op && (planned.nth == count || (planned.lasting && planned.nth < count));
        let fault = self.planned.iter().find(hits).map(|planned| planned.fault);
        match fault {
            Some(StoreFault::Gone) => self.gone = true,
            Some(StoreFault::FullDisk) => self.full = true,
            None if self.full && matches!(op, StoreOp::Put | StoreOp::Copy) => return Some(StoreFault::FullDisk),
            _ => {}
        }
        fault
    }
}

fn failed(fault: StoreFault) -> Error {
    let source = match fault {
        StoreFault::FullDisk => io::Error::from(io::ErrorKind::StorageFull),
        StoreFault::Gone | StoreFault::AppliedThenGone => io::Error::other("the process is gone"),
        StoreFault::AppliedButFailed | StoreFault::NotApplied => io::Error::other("a fault of the test's plan"),
    };
    Error::Generic { store: "FaultStore", source: source.into() }
}

impl fmt::Debug for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({:?})", self.state().counts)
    }
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({})", self.inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for FaultStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.guard(StoreOp::Put, location, self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        if self.is_gone() {
            return Err(failed(StoreFault::Gone));
        }
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(FaultUpload { store: self.clone(), location: location.clone(), inner }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.guard(StoreOp::Get, location, self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.guard(StoreOp::Get, location, self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .then(move |location| {
                let store = store.clone();
                async move {
                    let location = location?;
                    store.guard(StoreOp::Delete, &location, store.inner.delete(&location)).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.guard_list(prefix, || self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.guard_list(prefix, || self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let path = prefix.cloned().unwrap_or_default();
        self.guard(StoreOp::List, &path, self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.guard(StoreOp::Copy, to, self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.guard(StoreOp::Copy, to, self.inner.rename_opts(from, to, options)).await
    }
}

#[derive(Debug)]
struct FaultUpload {
    store: FaultStore,
    location: Path,
    inner: Box<dyn MultipartUpload>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl MultipartUpload for FaultUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        if self.store.is_gone() {
            return std::future::ready(Err(failed(StoreFault::Gone))).boxed();
        }
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.store.guard(StoreOp::Put, &self.location, self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        if self.store.is_gone() {
            return Err(failed(StoreFault::Gone));
        }
        self.inner.abort().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    async fn put(store: &FaultStore, name: &str) -> bool {
        store.put(&Path::from(name), PutPayload::from_static(b"x")).await.is_ok()
    }

    async fn held(store: &FaultStore) -> Vec<String> {
        let mut names: Vec<_> =
            store.inner().list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn the_nth_operation_fails_as_planned() {
        let store = FaultStore::in_memory();
        store.fail(StoreOp::Put, 2, StoreFault::NotApplied);
        store.fail(StoreOp::Put, 3, StoreFault::AppliedButFailed);
        store.fail(StoreOp::Get, 1, StoreFault::NotApplied);
        store.fail(StoreOp::List, 1, StoreFault::NotApplied);
        store.fail(StoreOp::Copy, 1, StoreFault::NotApplied);
        assert_eq!([put(&store, "a").await, put(&store, "b").await, put(&store, "c").await], [true, false, false]);
        assert_eq!(held(&store).await, ["a", "c"]);
        for works in [false, true] {
            assert_eq!(store.get(&Path::from("a")).await.is_ok(), works);
            assert_eq!(store.list(None).try_collect::<Vec<_>>().await.is_ok(), works);
            assert_eq!(store.copy(&Path::from("a"), &Path::from("d")).await.is_ok(), works);
        }
        assert_eq!((store.count(StoreOp::Put), store.count(StoreOp::Get), store.count(StoreOp::Delete)), (3, 2, 0));
        assert_eq!(store.log()[1], (StoreOp::Put, "b".to_owned()));
    }

    #[tokio::test]
    async fn each_object_of_a_bulk_delete_is_one() {
        let store = FaultStore::in_memory();
        for name in ["a", "b", "c", "d"] {
            put(&store, name).await;
        }
        store.fail(StoreOp::Delete, 2, StoreFault::NotApplied);
        store.fail(StoreOp::Delete, 3, StoreFault::AppliedButFailed);
        let paths = ["a", "b", "c", "d"].map(|name| Ok(Path::from(name)));
        let answers: Vec<_> =
            store.delete_stream(stream::iter(paths).boxed()).map(|answer| answer.is_ok()).collect().await;
        assert_eq!(answers, [true, false, false, true]);
        assert_eq!(held(&store).await, ["b"]);
    }

    #[tokio::test]
    async fn a_full_disk_takes_deletes_only() {
        let store = FaultStore::in_memory();
        put(&store, "a").await;
        store.fail(StoreOp::Put, 2, StoreFault::FullDisk);
        assert_eq!([put(&store, "b").await, put(&store, "c").await], [false, false]);
        store.delete(&Path::from("a")).await.unwrap();
        let error = store.put(&Path::from("d"), PutPayload::new()).await.unwrap_err();
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<io::Error>()).unwrap();
        assert_eq!(cause.kind(), io::ErrorKind::StorageFull);
        store.heal();
        assert!(put(&store, "b").await);
        assert_eq!(held(&store).await, ["b"]);
    }

    #[tokio::test]
    async fn a_process_that_is_gone_does_nothing_more() {
        for (fault, left) in [(StoreFault::Gone, &["a"][..]), (StoreFault::AppliedThenGone, &["a", "b"])] {
            let store = FaultStore::in_memory();
            store.fail(StoreOp::Put, 2, fault);
            let mut upload = store.put_multipart(&Path::from("big")).await.unwrap();
            assert_eq!([put(&store, "a").await, put(&store, "b").await, put(&store, "c").await], [true, false, false]);
            assert!(store.is_gone());
            assert!(store.get(&Path::from("a")).await.is_err() && store.delete(&Path::from("a")).await.is_err());
            assert!(upload.put_part(PutPayload::new()).await.is_err() && upload.complete().await.is_err());
            assert!(store.put_multipart(&Path::from("big")).await.is_err());
            store.heal();
            assert_eq!(held(&store).await, left);
            assert!(put(&store, "d").await);
        }
    }

    #[tokio::test]
    async fn a_lasting_fault_outlives_retries_and_uploads_count_once() {
        let store = FaultStore::in_memory();
        store.fail_from(StoreOp::Put, 2, StoreFault::NotApplied);
        let mut upload = store.put_multipart(&Path::from("big")).await.unwrap();
        upload.put_part(PutPayload::from_static(b"part")).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!([put(&store, "a").await, put(&store, "a").await, put(&store, "a").await], [false; 3]);
        assert_eq!((held(&store).await, store.count(StoreOp::Put)), (vec!["big".to_owned()], 4));
    }
}
