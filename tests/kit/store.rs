//! An object store that fails where it is told to, and gives every other task a turn around each request.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreFault {
    /// The nth request is answered with an error and not applied.
    Before,
    /// The nth request is applied and answered with an error.
    After,
    /// From the nth request on nothing is applied: the process or the network is gone.
    Gone,
    /// The nth request is still applied, and then everything is gone.
    GoneAfter,
}

#[derive(Clone, Debug)]
pub(crate) struct FaultStore {
    pub(crate) inner: Arc<InMemory>,
    fault: StoreFault,
    at: u64,
    seen: Arc<AtomicU64>,
}

impl FaultStore {
    pub(crate) fn new(inner: Arc<InMemory>, fault: StoreFault, at: u64) -> Self {
        Self { inner, fault, at, seen: Arc::default() }
    }

    /// Whether the faulty request has come.
    pub(crate) fn hit(&self) -> bool {
        self.seen.load(Ordering::SeqCst) > self.at
    }

    /// Whether to fail before and after the request that is now due.
    fn due(&self) -> (bool, bool) {
        let number = self.seen.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            StoreFault::Before => (number == self.at, false),
            StoreFault::After => (false, number == self.at),
            StoreFault::Gone => (number >= self.at, false),
            StoreFault::GoneAfter => (number > self.at, number == self.at),
        }
    }

    async fn around<T>(&self, request: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let (before, after) = self.due();
        Turn::default().await;
        if before {
            return Err(broken());
        }
        let answer = request.await;
        Turn::default().await;
        if after { Err(broken()) } else { answer }
    }
}

/// Gives every other task a turn.
#[derive(Default)]
pub(crate) struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn broken() -> object_store::Error {
    object_store::Error::Generic { store: "fault", source: "https://bucket/?sig=s3cr3t".into() }
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultStore")
    }
}

#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.around(self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(broken())
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.around(self.inner.get_opts(location, options)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        locations
            .then(move |location| {
                let this = this.clone();
                async move {
                    let location = location?;
                    this.around(this.inner.delete(&location)).await.map(|()| location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (this, prefix) = (self.clone(), prefix.cloned());
        stream::once(async move {
            let listed = this.inner.list(prefix.as_ref()).try_collect::<Vec<_>>();
            this.around(listed).await.map(|found| stream::iter(found.into_iter().map(Ok)))
        })
        .try_flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(broken())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(broken())
    }
}
