//! A scripted run that fails, dies or is dropped at every single step: the binding opens again with the old or the new
//! manifest, with every entry that was acknowledged, and without leftovers after the next commits.

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Waker};

use super::fault::{FaultStore, StoreFault};
use super::*;

const CONTENTS: [&str; 3] = ["one", "two", "three"];

/// What the run has been told is durable.
#[derive(Clone, Debug, Default)]
struct Acknowledged {
    commits: u64,
    entries: Vec<Entry>,
}

async fn run(state: &State, told: &Mutex<Acknowledged>) -> Result<()> {
    let mut store = open(state).await?;
    for (round, content) in CONTENTS.into_iter().enumerate() {
        let plan = store.write_plan(stream::iter([Ok("a"), Ok("b")])).await?;
        let planned = Entry::Planned { plan: plan.id.clone(), digest: const_hex::encode(plan.digest) };
        for entry in [planned, note(content)] {
            store.append(&entry).await?;
            told.lock().unwrap().entries.push(entry);
        }
        let mut next = store.manifest().clone();
        if round % 2 == 0 {
            next.plans = vec![plan.id];
        }
        let id = store.new_id()?;
        next.layers.push(Layer::new(id.clone(), 1));
        next.members += 1;
        store.commit(next, vec![(id, Bytes::from_static(content.as_bytes()))]).await?;
        *told.lock().unwrap() = Acknowledged { commits: round as u64 + 1, entries: vec![] };
    }
    Ok(())
}

/// Opens what the run has left, checks it against what was acknowledged, and goes on until nothing is left over.
async fn recover(inner: &Arc<InMemory>, acknowledged: &Acknowledged, step: &str) {
    let mut store = open(&shared(inner, "next")).await.unwrap_or_else(|error| panic!("{step}: {error:?}"));
    let manifest = store.manifest().clone();
    let commits = manifest.generation - 1;
    let old = commits == acknowledged.commits;
    assert!(old || commits == acknowledged.commits + 1, "{step}: {commits} commits, {acknowledged:?}");
    assert_eq!((manifest.members, manifest.layers.len() as u64), (commits, commits), "{step}");
    for (layer, content) in manifest.layers.iter().zip(CONTENTS) {
        assert_eq!(store.read_layer(&layer.id).await.unwrap(), content, "{step}");
    }
    let found = told(store.journal());
    if old {
        // The one under way may be there, too.
        assert!(found.starts_with(&acknowledged.entries), "{step}: {found:?}, {acknowledged:?}");
        assert!(found.len() <= acknowledged.entries.len() + 1, "{step}: {found:?}");
    } else {
        assert_eq!(found, [], "{step}: the commit has folded them in");
    }
    let plans = found.iter().filter_map(Entry::plan).map(str::to_owned).chain(manifest.plans.iter().cloned());
    for plan in plans {
        let mut reader = store.read_plan(&plan).await.unwrap();
        assert_eq!(reader.next_part().await.unwrap().unwrap().records, ["a", "b"], "{step}");
    }

    for _ in 0..2 {
        let next = Manifest { plans: vec![], ..store.manifest().clone() };
        store.commit(next, vec![]).await.unwrap();
    }
    let generation = store.manifest().generation;
    let mut expected = vec![format!("journal/{:020}/{:020}", generation - 1, 0)];
    expected.extend([generation - 1, generation].map(|n| format!("manifest/{n:020}")));
    let mut layers: Vec<_> = manifest.layers.iter().map(|layer| format!("snapshot/{}", layer.id)).collect();
    layers.sort();
    expected.extend(layers);
    let mut left = names(&**inner).await;
    // A probe of a process that died right after it is swept by a later one that saw it.
    left.retain(|name| !name.starts_with("probe/"));
    assert_eq!(left, expected, "{step}: leftovers");
}

#[tokio::test]
async fn every_request_may_fail_before_or_after_it_is_applied() {
    for fault in [StoreFault::Before, StoreFault::After, StoreFault::Gone, StoreFault::GoneAfter] {
        for at in 0.. {
            let inner = Arc::new(InMemory::new());
            let faulty = FaultStore::new(Arc::clone(&inner), fault, at);
            let state = State::on(Arc::new(faulty.clone()), "team/state").unwrap();
            let acknowledged = Mutex::default();
            let outcome = run(&state, &acknowledged).await;
            let step = format!("{fault:?} at {at}");
            let acknowledged = acknowledged.into_inner().unwrap();
            if !faulty.hit() {
                outcome.unwrap();
                assert!(at > 50, "the run has more requests than that");
                break;
            }
            if matches!(fault, StoreFault::Before | StoreFault::After) {
                // One failure is retried away, or is of a delete, which is made up for later.
                outcome.unwrap_or_else(|error| panic!("{step}: {error:?}"));
                assert_eq!(acknowledged.commits, 3, "{step}");
            }
            recover(&inner, &acknowledged, &step).await;
        }
    }
}

#[tokio::test]
async fn the_run_may_be_dropped_at_every_await() {
    for polls in 1.. {
        let inner = Arc::new(InMemory::new());
        // Never faulty, but with a pause around each request.
        let slow = FaultStore::new(Arc::clone(&inner), StoreFault::Gone, u64::MAX);
        let state = State::on(Arc::new(slow), "team/state").unwrap();
        let acknowledged = Mutex::default();
        let finished = polled(run(&state, &acknowledged), polls).is_some();
        let acknowledged = acknowledged.into_inner().unwrap();
        recover(&inner, &acknowledged, &format!("dropped after {polls} polls")).await;
        if finished {
            assert!(polls > 50, "the run has more awaits than that");
            break;
        }
    }
}

/// What the future comes to within so many polls; then it is dropped.
fn polled<T>(future: impl Future<Output = T>, polls: u32) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).find_map(|_| match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    })
}

#[tokio::test]
async fn after_a_dropped_write_the_store_asks_to_be_opened_again() {
    for commit in [false, true] {
        let inner = Arc::new(InMemory::new());
        let slow = FaultStore::new(Arc::clone(&inner), StoreFault::Gone, u64::MAX);
        let state = State::on(Arc::new(slow), "team/state").unwrap();
        let mut store = open(&state).await.unwrap();
        let finished = match commit {
            true => polled(commit_layer(&mut store, "x"), 1).is_some(),
            false => polled(store.append(&note("x")), 1).is_some(),
        };
        assert!(!finished);
        for error in [store.append(&note("y")).await.unwrap_err(), commit_layer(&mut store, "y").await.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::State);
            assert!(error.to_string().contains("open the binding again"), "{error}");
        }
        drop(store);
        let mut store = open(&state).await.unwrap();
        commit_layer(&mut store, "z").await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_lacks_put_if_absent_or_delete_is_refused() {
    let inner = Arc::new(InMemory::new());
    for lack in [Lack::PutIfAbsent, Lack::Delete, Lack::PutMode] {
        let state = State::on(Arc::new(Lacking { inner: Arc::clone(&inner), lack }), "x").unwrap();
        let error = open(&state).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("try the object store: "), "{error}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Lack {
    PutIfAbsent,
    PutMode,
    Delete,
}

#[derive(Debug)]
struct Lacking {
    inner: Arc<InMemory>,
    lack: Lack,
}

impl std::fmt::Display for Lacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lacking")
    }
}

#[async_trait]
impl ObjectStore for Lacking {
    async fn put_opts(
        &self,
        location: &Path,
        payload: object_store::PutPayload,
        opts: object_store::PutOptions,
    ) -> object_store::Result<object_store::PutResult> {
        match self.lack {
            Lack::PutIfAbsent => self.inner.put(location, payload).await,
            Lack::Delete => self.inner.put_opts(location, payload, opts).await,
            Lack::PutMode => Err(not_implemented()),
        }
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: object_store::PutMultipartOptions,
    ) -> object_store::Result<Box<dyn object_store::MultipartUpload>> {
        Err(not_implemented())
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: object_store::GetOptions,
    ) -> object_store::Result<object_store::GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: futures_util::stream::BoxStream<'static, object_store::Result<Path>>,
    ) -> futures_util::stream::BoxStream<'static, object_store::Result<Path>> {
        use futures_util::StreamExt;
        locations
            .map(|location| Err(object_store::Error::PermissionDenied { path: location?.into(), source: "no".into() }))
            .boxed()
    }

    fn list(
        &self,
        prefix: Option<&Path>,
    ) -> futures_util::stream::BoxStream<'static, object_store::Result<object_store::ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> object_store::Result<object_store::ListResult> {
        Err(not_implemented())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: object_store::CopyOptions) -> object_store::Result<()> {
        Err(not_implemented())
    }
}

fn not_implemented() -> object_store::Error {
    object_store::Error::NotImplemented { operation: "this".into(), implementer: "Lacking".into() }
}
