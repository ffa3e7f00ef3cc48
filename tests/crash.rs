//! Two syncs, broken off or failing at every request to the store, at every await, and at every send; then a restart.

mod kit;

use std::collections::BTreeSet;
use std::sync::Arc;

use audience_sync::audience::Audience;
use audience_sync::destination::*;
use audience_sync::identity::Member;
use audience_sync::secret::Keyring;
use audience_sync::state::State;
use audience_sync::sync::{Binding, Engine, RunReport};
use audience_sync::{ErrorKind, Result};
use kit::store::{FaultStore, StoreFault};
use kit::{Fake, Fault, Hands, check_report, dropped_after};
use object_store::memory::InMemory;

fn member(id: &str, version: i64, emails: &[&str]) -> Member {
    let member = Member::new(id).attribute("version", version);
    emails.iter().fold(member, |member, email| member.email(format!("{email}@quist.se")))
}

/// One stays, one leaves, one changes, one enters, and two share an address of which one leaves.
fn sources() -> [Vec<Member>; 2] {
    let stays = || member("stays", 1, &["stays"]);
    let first = vec![
        stays(),
        member("leaves", 1, &["leaves", "shared"]),
        member("shares", 1, &["shares", "shared"]),
        member("changes", 1, &["old", "kept"]),
    ];
    let second = vec![
        stays(),
        member("shares", 1, &["shares", "shared"]),
        member("changes", 2, &["new", "kept"]),
        member("enters", 1, &["enters", "old"]),
    ];
    [first, second]
}

struct World {
    inner: Arc<InMemory>,
    fake: Fake,
    binding: Binding,
    hands: Hands,
}

impl World {
    fn new(fake: Fake) -> Self {
        let binding = Binding::new(Audience::new("buyers", "Buyers").unwrap(), fake.clone());
        Self { inner: Arc::default(), fake, binding, hands: Hands::new() }
    }

    fn engine(&self, store: FaultStore) -> Engine {
        let state = State::on(Arc::new(store), "team").unwrap();
        let builder = Engine::builder(state, Keyring::from_bytes([7; 32]));
        builder.with_http(kit::http()).with_clock(self.hands.clone()).build().unwrap()
    }

    fn healthy(&self) -> FaultStore {
        FaultStore::new(self.inner.clone(), StoreFault::Gone, u64::MAX)
    }

    async fn sync(&self, engine: &Engine, source: Vec<Member>) -> Result<RunReport> {
        let report = engine.sync(&self.binding, source).await?;
        check_report(&report);
        Ok(report)
    }

    /// A restart on a healthy store, two runs, and a third that has nothing to send.
    async fn settles(&self, what: &str) {
        let [_, second] = sources();
        for _ in 0..2 {
            let _ = self.sync(&self.engine(self.healthy()), second.clone()).await.expect(what);
        }
        self.fake.clear();
        let report = self.sync(&self.engine(self.healthy()), second).await.expect(what);
        assert!(report.is_success(), "{what}: {report}");
        assert_eq!((self.fake.sent(), report.members), (Vec::new(), 4), "{what}");
        let held = self.fake.held();
        assert_eq!(held.wrong, Vec::<String>::new(), "{what}");
        if self.fake.capabilities.removal == RemovalNeeds::Identifiers {
            let expected = ["enters", "kept", "new", "old", "shared", "shares", "stays"];
            let expected: BTreeSet<String> = expected.iter().map(|name| format!("{name}@quist.se")).collect();
            assert_eq!(held.identifiers, expected, "{what}");
        } else {
            let there: Vec<_> = held.members.iter().map(|(id, content)| format!("{id} {content}")).collect();
            let expected = ["changes version=2|None", "enters version=1|None", "shares version=1|None"];
            assert_eq!(there[..3], expected, "{what}");
            assert_eq!(there[3..], ["stays version=1|None"], "{what}");
        }
    }
}

fn destinations() -> [(&'static str, Fake); 4] {
    [
        ("identifiers", Fake::by_identifiers("fake")),
        ("members", Fake::by_member("fake")),
        ("sessions", Fake::by_member("fake").with(|c| c.session = SessionKind::PerAction)),
        ("jobs", Fake::by_identifiers("fake").with(|c| c.jobs = true)),
    ]
}

fn fresh(number: usize) -> Fake {
    let [a, b, c, d] = destinations();
    [a, b, c, d][number].1.clone()
}

#[tokio::test]
async fn every_request_to_the_store_may_fail_or_be_the_last() {
    for (number, (name, _)) in destinations().into_iter().enumerate() {
        for fault in [StoreFault::Before, StoreFault::After, StoreFault::Gone, StoreFault::GoneAfter] {
            for at in 0.. {
                let world = World::new(fresh(number));
                let store = FaultStore::new(world.inner.clone(), fault, at);
                let engine = world.engine(store.clone());
                let what = format!("{name}, {fault:?} at request {at}");
                for source in sources() {
                    let run = world.sync(&engine, source).await;
                    if matches!(fault, StoreFault::Before | StoreFault::After) {
                        // One failed request is tried again.
                        assert!(run.is_ok(), "{what}: {run:?}");
                    } else if let Err(error) = run {
                        assert!(!matches!(error.kind(), ErrorKind::Bug | ErrorKind::Conflict), "{what}: {error:?}");
                        break;
                    }
                }
                drop(engine);
                world.settles(&what).await;
                if !store.hit() {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_run_may_be_dropped_at_every_await() {
    for (number, (name, _)) in destinations().into_iter().enumerate() {
        for polls in 1.. {
            let world = World::new(fresh(number));
            let engine = world.engine(world.healthy());
            let what = format!("{name}, dropped after {polls} polls");
            let [first, second] = sources();
            let both = async {
                let _ = world.sync(&engine, first).await.expect(&what);
                let _ = world.sync(&engine, second).await.expect(&what);
            };
            let ended = dropped_after(polls, both).await;
            // The same engine goes on; a restart is the other test.
            let _ = world.sync(&engine, sources()[1].clone()).await.expect(&what);
            world.settles(&what).await;
            if ended.is_some() {
                break;
            }
        }
    }
}

/// Every way in which one send can go wrong.
fn send_faults() -> Vec<Fault> {
    vec![
        Fault::fails(ErrorKind::Unavailable),
        Fault::fails(ErrorKind::Unauthenticated),
        Fault::fails(ErrorKind::Timeout),
        Fault::applied(ErrorKind::Timeout),
        Fault::applied(ErrorKind::UnexpectedReply),
        Fault::WrongCount { applied: true },
        Fault::WrongCount { applied: false },
        Fault::Hangs { applied: true },
        Fault::Rows(vec![(0, RowOutcome::InDoubt, true), (1, RowOutcome::NotApplied, false)]),
    ]
}

#[tokio::test]
async fn every_send_may_fail_while_the_store_goes_away() {
    for (number, (name, _)) in destinations().into_iter().enumerate() {
        for send in 0..5_u64 {
            for which in 0..send_faults().len() {
                // Without a fault of the store first, then with one somewhere else each time.
                for at in [u64::MAX, 12 + (send * 17 + which as u64 * 31) % 68] {
                    let world = World::new(fresh(number));
                    let engine = world.engine(FaultStore::new(world.inner.clone(), StoreFault::Gone, at));
                    for _ in 0..send {
                        world.fake.then(Fault::None);
                    }
                    let fault = send_faults().remove(which);
                    let what = format!("{name}, {fault:?} at send {send}, store gone at {at}");
                    world.fake.then(fault);
                    for source in sources() {
                        if world.sync(&engine, source).await.is_err() {
                            assert_ne!(at, u64::MAX, "{what}");
                            break;
                        }
                    }
                    world.fake.held().script.clear();
                    drop(engine);
                    world.settles(&what).await;
                }
            }
        }
    }
}
