//! The room as a whole: round trips, two holders, crashes at every step, damage.

mod crash;
#[path = "../../../tests/kit/store.rs"]
mod fault;
mod holders;
mod plans;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::*;
use crate::clock::Timestamp;

/// Stands still, and does not wait.
#[derive(Debug)]
struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_800_000_000)
    }

    async fn sleep(&self, _: Duration) {}

    fn jitter(&self) -> u64 {
        0
    }
}

fn binding() -> BindingId {
    BindingId::new("buyers", "meta")
}

fn keyring() -> Keyring {
    Keyring::from_bytes([7; 32])
}

async fn open(state: &State) -> Result<Store> {
    state.open(&binding(), &keyring(), Arc::new(Still)).await
}

fn shared(store: &Arc<InMemory>, holder: &str) -> State {
    State::on(Arc::clone(store) as Arc<dyn ObjectStore>, "team/state").unwrap().named(holder)
}

async fn plan_of(store: &mut Store, records: &[&str]) -> PlanInfo {
    store.write_plan(stream::iter(records.iter().copied().map(Ok))).await.unwrap()
}

/// Layers and members grow by one with each commit.
async fn commit_layer(store: &mut Store, content: &'static str) -> Result<()> {
    let id = store.new_id()?;
    let mut next = store.manifest().clone();
    next.layers.push(Layer::new(id.clone(), 1));
    next.members += 1;
    store.commit(next, vec![(id, Bytes::from_static(content.as_bytes()))]).await
}

fn note(text: &str) -> Entry {
    Entry::Note(serde_json::Value::String(text.into()))
}

/// The entries without those that the store writes by itself.
fn told(entries: &[Entry]) -> Vec<Entry> {
    entries.iter().filter(|e| !matches!(e, Entry::Opened { .. } | Entry::Sealed { .. })).cloned().collect()
}

/// Names relative to the binding, sorted.
async fn names(store: &dyn ObjectStore) -> Vec<String> {
    let hex = const_hex::encode(binding().id());
    let found: Vec<_> = store.list(None).try_collect().await.unwrap();
    let mut names: Vec<_> = found
        .into_iter()
        .map(|meta| meta.location.to_string().split_once(&hex).unwrap().1.trim_start_matches('/').to_owned())
        .filter(|name| name != "lock")
        .collect();
    names.sort();
    names
}

#[test]
fn a_binding_has_a_stable_place() {
    // printf 'buyers@meta' | sha256sum | cut -c1-32
    assert_eq!(binding().hex(), "92a698f0007c8109b6cf37ddfb152038");
    assert_eq!(binding().name(), "buyers@meta");
}

#[test]
fn futures_may_move_between_threads() {
    fn moves<T: Send>(_: &T) {}
    fn all(state: &State, store: &mut Store, reader: &mut PlanReader) {
        moves(&open(state));
        moves(&store.append(&note("")));
        moves(&store.commit(Manifest::default(), vec![]));
        moves(&store.read_layer(""));
        moves(&store.read_plan(""));
        moves(&store.write_plan(stream::iter([Ok("")])));
        moves(&reader.next_part());
    }
    let _ = all;
}

#[tokio::test]
async fn a_folder_keeps_everything_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::local(dir.path().join("new/state")).unwrap();
    let mut store = open(&state).await.unwrap();
    assert_eq!(store.manifest(), &Manifest { format: 1, generation: 1, epoch: 1, ..Manifest::default() });
    assert!(store.journal().is_empty());
    let plan = plan_of(&mut store, &["jane@example.com"]).await;
    let planned = Entry::Planned { plan: plan.id.clone(), digest: const_hex::encode(plan.digest) };
    store.append(&planned).await.unwrap();
    commit_layer(&mut store, "base").await.unwrap();
    store.append(&note("after")).await.unwrap();
    drop(store);

    let state = State::local(dir.path().join("new/state")).unwrap();
    let store = open(&state).await.unwrap();
    let manifest = store.manifest();
    assert_eq!((manifest.generation, manifest.epoch, manifest.members), (2, 2, 1));
    assert_eq!(store.read_layer(&manifest.layers[0].id).await.unwrap(), "base");
    assert_eq!(told(store.journal()), [note("after")]);
    assert_eq!(store.read_plan(&plan.id).await.unwrap_err().kind(), ErrorKind::State, "no manifest kept the plan");

    for file in walk(dir.path()) {
        let content = std::fs::read(&file).unwrap();
        assert!(!content.windows(4).any(|w| w == b"jane"), "{} holds clear text", file.display());
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn every_entry_comes_back_as_it_was_written() {
    let state = State::in_memory();
    let mut store = open(&state).await.unwrap();
    let plan = plan_of(&mut store, &["a", "b", "c", "d"]).await.id;
    let entries = vec![
        Entry::Planned { plan: plan.clone(), digest: "00".into() },
        Entry::SessionOpened { session: "s".into(), action: "add".into() },
        Entry::Intent {
            plan: plan.clone(),
            batch: 3,
            action: "add".into(),
            rows: vec![(0, 2), (3, 1)],
            session: Some("s".into()),
        },
        Entry::Settled {
            plan: plan.clone(),
            batch: 3,
            action: "add".into(),
            rows: vec![(0, 4)],
            outcomes: vec![
                (0, RowSettled::Accepted { vendor_ref: Some("v".into()) }),
                (1, RowSettled::Rejected { code: "bad_email".into(), field: None }),
                (2, RowSettled::Skipped { reason: "shared_identifier".into() }),
                (3, RowSettled::NotApplied),
            ],
            others: Some(RowSettled::InDoubt),
        },
        Entry::Submitted {
            plan,
            batch: 4,
            job: "j".into(),
            action: "remove".into(),
            rows: vec![(9, 1)],
            at: Timestamp::from_secs(5),
        },
        Entry::SessionClosed { session: "s".into() },
        note("x"),
    ];
    for entry in &entries {
        store.append(entry).await.unwrap();
    }
    drop(store);
    let store = open(&state).await.unwrap();
    assert!(matches!(&store.journal()[0], Entry::Opened { holder, .. } if holder.starts_with("process ")));
    assert_eq!(store.journal()[1..], entries);
}

#[tokio::test]
async fn what_is_not_stored_cannot_be_named() {
    let state = State::in_memory();
    let mut store = open(&state).await.unwrap();
    let with_layer = |id: &str| Manifest { layers: vec![Layer::new(id, 1)], ..Manifest::default() };
    let content = || Bytes::from_static(b"x");
    let bad: Vec<(Manifest, Vec<(String, Bytes)>)> = vec![
        (with_layer("a"), vec![]),
        (Manifest::default(), vec![("a".into(), content())]),
        (with_layer("../a"), vec![("../a".into(), content())]),
        (Manifest { layers: vec![Layer::new("a", 1); 2], ..Manifest::default() }, vec![("a".into(), content())]),
        (Manifest { plans: vec!["p".into()], ..Manifest::default() }, vec![]),
    ];
    for (next, layers) in bad {
        let error = store.commit(next, layers).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Bug, "{error}");
    }
    let error = store.append(&Entry::Planned { plan: "p".into(), digest: String::new() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bug);
    assert_eq!(store.read_layer("a").await.unwrap_err().kind(), ErrorKind::Bug);
    commit_layer(&mut store, "x").await.unwrap();
    assert_eq!(store.manifest().generation, 2, "refused calls leave the store usable");
}

#[tokio::test]
async fn the_last_two_manifests_and_what_they_name_are_kept() {
    let inner = Arc::new(InMemory::new());
    let mut store = open(&shared(&inner, "a")).await.unwrap();
    let kept = plan_of(&mut store, &["kept"]).await.id;
    plan_of(&mut store, &["not kept"]).await;
    for content in ["one", "two", "three"] {
        store.append(&note(content)).await.unwrap();
        let id = store.new_id().unwrap();
        let mut next = store.manifest().clone();
        next.layers = vec![Layer::new(id.clone(), 1)];
        next.plans = vec![kept.clone()];
        store.commit(next, vec![(id, Bytes::from_static(content.as_bytes()))]).await.unwrap();
    }
    assert_eq!(store.manifest().generation, 4);
    let found = names(&*inner).await;
    let numbers = |n: u64| format!("{n:020}");
    // The journal of manifest 3 holds who opened it, the note, and the seal of its commit.
    let mut expected: Vec<_> = (0..3).map(|n| format!("journal/{}/{}", numbers(3), numbers(n))).collect();
    expected.extend([format!("manifest/{}", numbers(3)), format!("manifest/{}", numbers(4))]);
    expected.extend([format!("plan/{kept}/00000000"), format!("plan/{kept}/end")]);
    assert_eq!(found[..7], expected);
    assert_eq!(found[7..].iter().filter(|name| name.starts_with("snapshot/")).count(), 2);
    assert_eq!(found.len(), 9, "{found:?}");
    assert_eq!(store.read_layer(&store.manifest().layers[0].id).await.unwrap(), "three");
}

#[tokio::test]
async fn a_folder_is_swept_of_leftovers_only() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::local(dir.path()).unwrap();
    let mut store = open(&state).await.unwrap();
    commit_layer(&mut store, "base").await.unwrap();
    let pending = plan_of(&mut store, &["in the journal"]).await;
    store.append(&Entry::Planned { plan: pending.id.clone(), digest: String::new() }).await.unwrap();
    drop(store);
    let local = LocalFileSystem::new_with_prefix(dir.path()).unwrap();
    let before = names(&local).await;
    let root = dir.path().join(binding().hex());
    std::fs::create_dir_all(root.join("plan/feed")).unwrap();
    std::fs::create_dir_all(root.join("probe")).unwrap();
    for leftover in ["plan/feed/00000000", "snapshot/feed", "probe/feed", "manifest/00000000000000000009#1"] {
        std::fs::write(root.join(leftover), "leftover").unwrap();
    }
    std::fs::write(root.join("snapshot/feed#12"), "leftover").unwrap();
    let other = dir.path().join("readme#1");
    std::fs::write(&other, "not ours").unwrap();

    let store = open(&state).await.unwrap();
    assert_eq!(told(store.journal()).len(), 1);
    store.read_plan(&pending.id).await.unwrap();
    let mut after = names(&local).await;
    after.retain(|name| !name.contains("readme"));
    let sealed = format!("journal/{:020}/{:020}", 2, 2);
    assert!(after.contains(&sealed), "{after:?}");
    after.retain(|name| *name != sealed);
    assert_eq!(after, before);
    let staged = walk(&root).iter().filter(|path| path.to_string_lossy().contains('#')).count();
    assert_eq!((staged, other.exists()), (0, true));
}

#[tokio::test]
async fn damage_in_any_object_is_an_error_and_deletes_nothing() {
    let pristine = Arc::new(InMemory::new());
    let mut store = open(&shared(&pristine, "a")).await.unwrap();
    let plan = plan_of(&mut store, &["row"]).await.id;
    let id = store.new_id().unwrap();
    let mut next = store.manifest().clone();
    (next.layers, next.plans) = (vec![Layer::new(id.clone(), 1)], vec![plan.clone()]);
    store.commit(next, vec![(id.clone(), Bytes::from_static(b"layer"))]).await.unwrap();
    store.append(&note("x")).await.unwrap();
    drop(store);

    let all: Vec<_> = pristine.list(None).try_collect().await.unwrap();
    // The journal of generation 1 is kept for its manifest and is not read.
    let read: Vec<_> =
        all.iter().map(|meta| meta.location.clone()).filter(|path| !path.as_ref().contains(&numbered(1))).collect();
    assert_eq!(read.len(), 7, "two manifests, the layer, two of the plan, two of the journal: {read:?}");
    for path in read {
        for damage in ["flip", "cut", "gone"] {
            // Nothing tells a journal without its last entry from one that was never longer; the manifest before the
            // newest is kept, not needed.
            let missed = path.as_ref().contains("journal") && path.as_ref().ends_with('1')
                || path.as_ref().contains("manifest") && path.as_ref().ends_with('1');
            if damage == "gone" && missed {
                continue;
            }
            let copy = Arc::new(pristine.fork());
            let mut content = copy.get(&path).await.unwrap().bytes().await.unwrap().to_vec();
            match damage {
                "flip" => *content.last_mut().unwrap() ^= 1,
                _ => drop(content.pop()),
            }
            copy.delete(&path).await.unwrap();
            if damage != "gone" {
                copy.put(&path, content.into()).await.unwrap();
            }
            let before = names(&*copy).await;
            let error = use_everything(&copy, &id, &plan).await.unwrap_err();
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::State, "{damage} {path}: {text}");
            let after = names(&*copy).await;
            assert!(before.iter().all(|name| after.contains(name)), "{damage} {path}: deleted");
            // Without the newest manifest it is the journal that gives its loss away.
            let newest_gone = damage == "gone" && path.as_ref().contains("manifest") && text.contains("found epoch 2");
            assert!(newest_gone || text.contains(path.filename().unwrap()), "{damage} {path}: {text}");
            assert!(!text.contains("team/state"), "{text}");
        }
    }
}

fn numbered(n: u64) -> String {
    format!("{n:020}/")
}

async fn use_everything(inner: &Arc<InMemory>, layer: &str, plan: &str) -> Result<()> {
    let store = open(&shared(inner, "b")).await?;
    store.read_layer(layer).await?;
    let mut reader = store.read_plan(plan).await?;
    while reader.next_part().await?.is_some() {}
    Ok(())
}

#[tokio::test]
async fn objects_without_a_manifest_are_damage_and_not_a_fresh_start() {
    let inner = Arc::new(InMemory::new());
    let mut store = open(&shared(&inner, "a")).await.unwrap();
    commit_layer(&mut store, "base").await.unwrap();
    drop(store);
    let found: Vec<_> = inner.list(None).try_collect().await.unwrap();
    for meta in found.iter().filter(|meta| meta.location.as_ref().contains("manifest")) {
        inner.delete(&meta.location).await.unwrap();
    }
    let left = names(&*inner).await;
    let error = open(&shared(&inner, "b")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    assert_eq!(names(&*inner).await, left);
}

#[tokio::test]
async fn a_manifest_of_a_later_form_is_refused() {
    let inner = Arc::new(InMemory::new());
    let store = open(&shared(&inner, "a")).await.unwrap();
    let later = Manifest { format: 2, generation: 2, epoch: 2, ..Manifest::default() };
    store.vault.create_manifest(&later, "a").await.unwrap();
    drop(store);
    let error = open(&shared(&inner, "b")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.to_string().contains("found 2"), "{error}");
}

#[tokio::test]
async fn another_key_is_named_and_a_rotated_one_still_reads() {
    let inner = Arc::new(InMemory::new());
    let mut store = open(&shared(&inner, "a")).await.unwrap();
    commit_layer(&mut store, "base").await.unwrap();
    drop(store);
    let before = names(&*inner).await;
    let state = shared(&inner, "b");
    let error = state.open(&binding(), &Keyring::from_bytes([8; 32]), Arc::new(Still)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::State, Some("wrong_key")));
    assert_eq!(names(&*inner).await, before);
    let rotated = Keyring::from_bytes([8; 32]).with_previous([7; 32]);
    let store = state.open(&binding(), &rotated, Arc::new(Still)).await.unwrap();
    assert_eq!(store.manifest().members, 1);
}

#[tokio::test]
async fn nothing_prints_credentials_or_what_is_stored() {
    let store = Arc::new(fault::FaultStore::new(Arc::new(InMemory::new()), fault::StoreFault::Gone, 0));
    let state = State::on(store, "x").unwrap();
    let error = open(&state).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!format!("{error:?} {state:?}").contains("s3cr3t"), "{error:?}");
}

#[test]
fn a_folder_that_cannot_be_used_is_a_configuration_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = State::local(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("expected a folder"), "{error}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
    assert_eq!(State::on(Arc::new(InMemory::new()), "a//b").unwrap_err().kind(), ErrorKind::Config);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let closed = dir.path().join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
        let error = State::local(&closed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("permission denied"), "{error}");
    }
}

#[tokio::test]
async fn a_file_where_the_bindings_folder_belongs_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::local(dir.path()).unwrap();
    std::fs::write(dir.path().join(binding().hex()), "in the way").unwrap();
    let error = open(&state).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    assert!(error.to_string().starts_with("open the state of buyers@meta: take the lock: expected"), "{error}");
}
