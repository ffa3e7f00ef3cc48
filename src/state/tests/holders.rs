//! Two holders: the second waits, or takes over and the first finds out before it sends.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

const FOLDER: &str = "AUDIENCE_SYNC_TEST_LOCK_FOLDER";

#[tokio::test]
async fn a_second_opener_gets_the_name_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let memory = State::in_memory().named("host-a");
    let pairs = [
        (memory.clone(), memory),
        (State::local(dir.path()).unwrap().named("host-a"), State::local(dir.path()).unwrap()),
    ];
    for (first, second) in pairs {
        let held = open(&first).await.unwrap();
        let error = open(&second).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("host-a since 2027-01-15T08:00:00.000Z"), "{error}");
        let other = BindingId::new("buyers", "mixpanel");
        second.open(&other, &keyring(), Arc::new(Still)).await.unwrap();
        drop(held);
        open(&second).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "run by the test below as a process of its own"]
async fn holds_the_lock_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let _held = open(&State::local(folder).unwrap().named("the child")).await.unwrap();
    println!("holding");
    std::thread::park();
}

#[tokio::test]
async fn another_process_keeps_us_out_until_it_dies() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "state::tests::holders::holds_the_lock_until_killed"])
        .env(FOLDER, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("holding")), "the child ended early");
    let state = State::local(dir.path()).unwrap();
    let error = open(&state).await.unwrap_err();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("the child since"), "{error}");
    open(&state).await.unwrap();
}

#[tokio::test]
async fn whoever_was_taken_over_can_neither_append_nor_commit() {
    for stale_commits in [false, true] {
        let inner = Arc::new(InMemory::new());
        let mut a = open(&shared(&inner, "host-a")).await.unwrap();
        a.append(&note("sent by a")).await.unwrap();
        let mut b = open(&shared(&inner, "host-b")).await.unwrap();
        assert_eq!(told(b.journal()), [note("sent by a")]);
        let error = match stale_commits {
            true => commit_layer(&mut a, "a").await.unwrap_err(),
            false => a.append(&note("too late")).await.unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("host-b since"), "{error}");
        commit_layer(&mut b, "b").await.unwrap();
        assert!(b.journal().is_empty());
        b.append(&note("sent by b")).await.unwrap();
    }
}

#[tokio::test]
async fn a_journal_that_was_found_is_folded_in_before_the_first_entry() {
    let state = State::in_memory();
    let mut store = open(&state).await.unwrap();
    store.append(&note("x")).await.unwrap();
    drop(store);
    let mut store = open(&state).await.unwrap();
    assert_eq!(store.append(&note("y")).await.unwrap_err().kind(), ErrorKind::Bug);
    commit_layer(&mut store, "x").await.unwrap();
    store.append(&note("y")).await.unwrap();
}

#[tokio::test]
async fn of_two_that_opened_an_empty_journal_one_appends() {
    let inner = Arc::new(InMemory::new());
    let mut a = open(&shared(&inner, "host-a")).await.unwrap();
    let mut b = open(&shared(&inner, "host-b")).await.unwrap();
    a.append(&note("a")).await.unwrap();
    for error in [b.append(&note("b")).await.unwrap_err(), commit_layer(&mut b, "b").await.unwrap_err()] {
        assert!(matches!(error.kind(), ErrorKind::Conflict | ErrorKind::State), "{error}");
    }
    let mut late = open(&shared(&inner, "host-c")).await.unwrap();
    assert_eq!(told(late.journal()), [note("a")], "what a sent is not lost");
    commit_layer(&mut late, "c").await.unwrap();
}

#[tokio::test]
async fn a_commit_with_nothing_sent_still_shuts_out_the_other() {
    let inner = Arc::new(InMemory::new());
    let mut a = open(&shared(&inner, "host-a")).await.unwrap();
    let mut b = open(&shared(&inner, "host-b")).await.unwrap();
    commit_layer(&mut b, "b").await.unwrap();
    let error = a.append(&note("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("host-b since"), "{error}");
}

/// Takes over from `stale`'s journal, and commits until that journal is swept.
async fn live_on(inner: &Arc<InMemory>) {
    let mut other = open(&shared(inner, "host-b")).await.unwrap();
    for _ in 0..3 {
        commit_layer(&mut other, "b").await.unwrap();
    }
    let left = names(&**inner).await;
    assert!(!left.iter().any(|name| name.contains(&numbered(1))), "the journal of epoch 1 is gone: {left:?}");
}

#[tokio::test]
async fn a_sleeper_is_stopped_even_when_its_journal_is_gone() {
    for began in [false, true] {
        let inner = Arc::new(InMemory::new());
        let mut sleeper = open(&shared(&inner, "host-a")).await.unwrap();
        if began {
            sleeper.append(&note("long ago")).await.unwrap();
        }
        live_on(&inner).await;
        let error = sleeper.append(&note("now")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("host-b since"), "{error}");

        // What the sleeper wrote goes with the next holder's commit, and so does nothing else.
        let mut next = open(&shared(&inner, "host-c")).await.unwrap();
        assert_eq!((next.manifest().generation, next.manifest().members), (4, 3));
        commit_layer(&mut next, "c").await.unwrap();
        assert!(!names(&*inner).await.iter().any(|name| name.contains(&numbered(1))));
    }
}

#[tokio::test]
async fn a_sleeper_cannot_bring_an_old_manifest_number_back() {
    let inner = Arc::new(InMemory::new());
    let mut sleeper = open(&shared(&inner, "host-a")).await.unwrap();
    live_on(&inner).await;
    let error = commit_layer(&mut sleeper, "a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let store = open(&shared(&inner, "host-c")).await.unwrap();
    assert_eq!((store.manifest().generation, store.manifest().members), (4, 3));
}

#[tokio::test]
async fn reading_what_another_holder_has_swept_is_a_conflict() {
    let inner = Arc::new(InMemory::new());
    let mut a = open(&shared(&inner, "host-a")).await.unwrap();
    commit_layer(&mut a, "a").await.unwrap();
    let layer = a.manifest().layers[0].id.clone();
    let mut b = open(&shared(&inner, "host-b")).await.unwrap();
    for _ in 0..2 {
        let next = Manifest::default();
        b.commit(next, vec![]).await.unwrap();
    }
    assert_eq!(a.read_layer(&layer).await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn another_bindings_objects_do_not_open_here() {
    let inner = Arc::new(InMemory::new());
    drop(open(&shared(&inner, "a")).await.unwrap());
    let other = BindingId::new("buyers", "mixpanel");
    let manifest = format!("manifest/{:020}", 1);
    let from = Path::from(format!("team/state/{}/{manifest}", binding().hex()));
    inner.copy(&from, &Path::from(format!("team/state/{}/{manifest}", other.hex()))).await.unwrap();
    let error = shared(&inner, "b").open(&other, &keyring(), Arc::new(Still)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.to_string().contains("misplaced"), "{error}");
}
