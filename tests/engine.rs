//! The engine from outside: guards, sources, time, order, retries, conflicts.

mod kit;

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use audience_sync::audience::Audience;
use audience_sync::clock::Clock;
use audience_sync::destination::*;
use audience_sync::diff::DiffOptions;
use audience_sync::identity::{Consent, Member};
use audience_sync::measure::Holdout;
use audience_sync::naming::Role;
use audience_sync::observe::Event;
use audience_sync::secret::Keyring;
use audience_sync::state::State;
use audience_sync::sync::{
    Approval, Binding, Engine, EngineBuilder, Guard, Guards, Members, RetryPolicy, RunOptions, RunReport,
};
use audience_sync::{Error, ErrorKind, Result, async_trait};
use futures_util::StreamExt;
use kit::{EMAILS_2, Fake, Fault, Hands, Sent, check_plan, check_report};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};

const HOUR: Duration = Duration::from_secs(3_600);

struct Desk {
    hands: Hands,
    state: State,
}

impl Desk {
    fn new() -> Self {
        Self { hands: Hands::new(), state: State::in_memory() }
    }

    fn builder(&self) -> EngineBuilder {
        let builder = Engine::builder(self.state.clone(), Keyring::from_bytes([7; 32]));
        builder.with_http(kit::http()).with_clock(self.hands.clone())
    }

    fn engine(&self) -> Engine {
        self.builder().build().unwrap()
    }

    async fn sync(&self, binding: &Binding, members: Vec<Member>) -> RunReport {
        let report = self.engine().sync(binding, members).await.unwrap();
        check_report(&report);
        report
    }
}

fn audience(key: &str) -> Audience {
    Audience::new(key, key.to_uppercase()).unwrap()
}

fn bind(fake: &Fake) -> Binding {
    Binding::new(audience("buyers"), fake.clone())
}

/// Members `m0` to below `m<to>`, each with an address of its own.
fn crowd(numbers: impl IntoIterator<Item = usize>) -> Vec<Member> {
    numbers.into_iter().map(|number| person(&format!("m{number}"), &[&format!("m{number}")])).collect()
}

fn person(id: &str, emails: &[&str]) -> Member {
    emails.iter().fold(Member::new(id), |member, email| member.email(at(email)))
}

fn at(name: &str) -> String {
    format!("{name}@quist.se")
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| at(name)).collect()
}

fn wide(fake: Fake) -> Fake {
    fake.with(|c| c.limits = Limits::rows(1_000))
}

fn reasons(report: &RunReport) -> Vec<(Action, &str, &str, u64)> {
    report.reasons.iter().map(|r| (r.action, r.outcome.as_str(), r.code.as_str(), r.rows)).collect()
}

// --- guards

#[tokio::test]
async fn a_refused_plan_changes_nothing_and_only_its_own_digest_approves_it() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_identifiers("ads")));
    let binding = bind(&fake);
    let first = desk.sync(&binding, crowd(0..500)).await;
    fake.clear();
    let refused = desk.sync(&binding, crowd(0..399)).await;
    assert_eq!(refused.status, RunStatus::Refused);
    let trip = &refused.plan.refused[0];
    assert_eq!((trip.guard, trip.observed, trip.limit, trip.base), (Guard::RemoveShare, 101, 100, 500));
    assert_eq!((fake.sent(), refused.generation, refused.members), (vec![], first.generation, 500));
    assert_eq!(refused.clone().into_success().unwrap_err().kind(), ErrorKind::Guard);

    // The approval of another plan does not do.
    let other = desk.engine().plan(&binding, crowd(0..398)).await.unwrap();
    let approved = |digest: &str| RunOptions::default().approve(Approval::of(digest));
    let engine = desk.engine();
    let report = engine.sync_with(&binding, crowd(0..399), &approved(&other.digest)).await.unwrap();
    assert_eq!((report.status, fake.sent()), (RunStatus::Refused, vec![]));
    let report = engine.sync_with(&binding, crowd(0..399), &approved(&refused.plan.digest)).await.unwrap();
    check_report(&report);
    assert_eq!((report.status, report.remove.accepted, report.members), (RunStatus::Success, 101, 399));
}

#[tokio::test]
async fn an_approval_is_for_one_binding() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm")));
    let [one, two] = ["one", "two"].map(|key| Binding::new(audience(key), fake.clone()));
    for binding in [&one, &two] {
        assert!(desk.sync(binding, crowd(0..3)).await.is_success());
    }
    let digests: Vec<String> = vec![
        desk.engine().plan(&one, crowd(0..0)).await.unwrap().digest,
        desk.engine().plan(&two, crowd(0..0)).await.unwrap().digest,
    ];
    assert_ne!(digests[0], digests[1], "the same removals, of another audience");
}

#[tokio::test]
async fn every_guard_trips_by_default() {
    let cases: Vec<(Guard, Vec<Member>, Vec<Member>)> = vec![
        (Guard::EmptySource, crowd(0..3), vec![]),
        (Guard::Growth, crowd(0..1_000), crowd(0..3_001)),
        (
            Guard::ChangeShare,
            crowd(0..200),
            crowd(0..200).into_iter().enumerate().map(|(n, m)| if n < 101 { m.attribute("v", 1) } else { m }).collect(),
        ),
        (Guard::Unusable, crowd(0..100), crowd(0..100).into_iter().chain((0..10).map(|_| Member::new(" "))).collect()),
        (
            Guard::Conflicts,
            crowd(0..100),
            crowd(0..100).into_iter().chain(crowd(0..10).into_iter().map(|m| m.attribute("v", 1))).collect(),
        ),
    ];
    for (guard, before, after) in cases {
        let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm")));
        let binding = bind(&fake);
        assert!(desk.sync(&binding, before).await.is_success(), "{guard:?}");
        fake.clear();
        let report = desk.sync(&binding, after).await;
        let trips: Vec<Guard> = report.plan.refused.iter().map(|trip| trip.guard).collect();
        assert_eq!((report.status, trips), (RunStatus::Refused, vec![guard]));
        assert_eq!(fake.sent(), []);
    }
}

#[tokio::test]
async fn a_slow_drain_is_refused_within_a_day_and_not_after() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm")));
    let binding = bind(&fake);
    for (hours, left, status) in [
        (0, 1_000, RunStatus::Success),
        (1, 820, RunStatus::Success),
        (1, 660, RunStatus::Success),
        (1, 560, RunStatus::Refused),
        (24, 560, RunStatus::Success),
    ] {
        desk.hands.advance(HOUR * hours);
        let report = desk.sync(&binding, crowd(0..left)).await;
        assert_eq!(report.status, status, "{left} left: {report}");
    }
}

#[tokio::test]
async fn a_new_holdout_needs_an_approval_once_even_when_it_changes_nobody() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_identifiers("ads")));
    let with = |salt: &str| {
        let holdout = Holdout::new(salt, 0).unwrap();
        Binding::new(audience("buyers").with_holdout(holdout), fake.clone())
    };
    assert!(desk.sync(&with("q3"), crowd(0..5)).await.is_success());
    let refused = desk.sync(&with("q4"), crowd(0..5)).await;
    assert_eq!(refused.plan.refused[0].guard, Guard::HoldoutReshuffle);
    let options = RunOptions::default().approve(refused.plan.approval());
    let approved = desk.engine().sync_with(&with("q4"), crowd(0..5), &options).await.unwrap();
    assert_eq!((approved.status, approved.total().planned), (RunStatus::Success, 0));
    assert!(desk.sync(&with("q4"), crowd(0..5)).await.is_success(), "approved once is approved");
}

#[tokio::test]
async fn other_mapping_rules_are_refused_until_they_are_approved() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_identifiers("ads")));
    assert!(desk.sync(&bind(&fake), crowd(0..5)).await.is_success());
    let newer = fake.clone().with(|c| c.profile = &EMAILS_2);
    // The same values come out: nobody changes, and nothing is sent.
    assert!(desk.sync(&bind(&newer), crowd(0..5)).await.is_success());
    let newest = fake.clone().with(|c| c.profile = &kit::EMAILS_3);
    let folded = |number: usize| person(&format!("m{number}"), &[]).email(format!("m{number}+tag@gmail.com"));
    assert!(desk.sync(&bind(&newer), (0..5).map(folded).collect()).await.is_success());
    let refused = desk.sync(&bind(&newest), (0..5).map(folded).collect()).await;
    assert_eq!(refused.plan.refused.iter().map(|trip| trip.guard).collect::<Vec<_>>(), [Guard::MappingChanged]);
    fake.clear();
    let options = RunOptions::default().approve(refused.plan.approval());
    let engine = desk.engine();
    let report = engine.sync_with(&bind(&newest), (0..5).map(folded), &options).await.unwrap();
    assert!(report.is_success());
    assert!(fake.sent().iter().all(|sent| sent.reason == Reason::MappingChanged));
    assert_eq!(fake.sent().len(), 10);
}

// --- sources

#[tokio::test]
async fn a_source_that_is_not_whole_sends_nothing() {
    let (desk, fake) = (Desk::new(), Fake::by_identifiers("ads"));
    let binding = bind(&fake);
    assert!(desk.sync(&binding, crowd(0..4)).await.is_success());
    fake.clear();
    let engine = desk.engine();
    let broken = || crowd(0..2).into_iter().map(Ok).chain([Err(Error::new(ErrorKind::Unavailable, "gone"))]);
    for (rows, members) in [
        ("fewer", Members::from(crowd(0..2)).expecting(4)),
        ("more", Members::from(crowd(0..4)).expecting(3)),
        ("broken", Members::try_iter(broken())),
    ] {
        let error = engine.sync(&binding, members).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source, "{rows}");
    }
    let error = engine.sync_stream(&binding, futures_util::stream::iter(broken())).await.unwrap_err();
    assert_eq!((error.kind(), fake.sent()), (ErrorKind::Source, vec![]));
    let exact = engine.sync(&binding, Members::from(crowd(0..4)).expecting(4)).await.unwrap();
    assert!(exact.is_success());
}

#[tokio::test]
async fn rows_of_every_kind_are_counted_and_the_last_word_does_not_depend_on_their_order() {
    let now = Hands::new().now();
    let rows = vec![
        person("a", &["a"]),
        person("a", &["a"]),
        person("b", &["b"]),
        person("b", &["b2"]),
        person("", &["nobody"]),
        person("\u{3000} ", &["nobody"]),
        person(&"x".repeat(65_536), &["nobody"]),
        person("unsendable", &[]),
        person("no-address", &["not an address"]),
        person("denied", &["denied"]).consent(Consent::DENIED),
        person("denied", &["denied"]),
        person("expired", &["expired"]).expires_at(now),
        person("ends", &["ends"]).expires_at(now.plus(Duration::from_millis(1))),
        person("elsewhere", &["elsewhere"]).in_audience("others", None),
    ];
    let mut digests = BTreeSet::new();
    for turn in 0..rows.len() {
        let (desk, fake) = (Desk::new(), Fake::by_identifiers("ads"));
        let mut turned = rows.clone();
        turned.rotate_left(turn);
        let binding = bind(&fake).with_guards(Guards::default().with(|g| g.max_conflict_ppm = None));
        let report = desk.sync(&binding, turned).await;
        let c = report.plan.counts;
        assert_eq!((c.source_rows, c.desired, c.duplicates, c.conflicts, c.unusable), (14, 3, 3, 1, 3));
        assert_eq!((c.unsendable, c.no_consent, c.expired_rows, c.elsewhere), (2, 1, 1, 1));
        assert_eq!(report.unused_values.values().sum::<u64>(), 1);
        digests.insert(report.plan.digest.clone());
        let held = fake.held().identifiers.clone();
        assert!(held.is_superset(&set(&["a", "ends"])) && held.len() == 3, "{held:?}");
    }
    assert_eq!(digests.len(), 1);
}

// --- time, consent, holdout

#[tokio::test]
async fn who_expires_leaves_as_expired_and_past_the_removal_guards() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm")));
    let binding = bind(&fake);
    let ends = desk.hands.now().plus(HOUR);
    let mortal = || (0..200).map(|n| Member::new(format!("m{n}")).expires_at(ends));
    let stays = || (200..400).map(|n| Member::new(format!("m{n}")));
    assert!(desk.sync(&binding, mortal().chain(stays()).collect()).await.is_success());
    fake.clear();
    desk.hands.advance(HOUR);
    // Half of the expired are still in the source, half are not.
    let report = desk.sync(&binding, mortal().take(100).chain(stays()).collect()).await;
    assert_eq!((report.status, report.remove.accepted), (RunStatus::Success, 200));
    let c = report.plan.counts;
    assert_eq!((c.removed, c.expired, c.removed_guarded, c.expired_rows), (200, 200, 0, 100));
    assert!(fake.sent().iter().all(|sent| sent.reason == Reason::Expired));
}

#[tokio::test]
async fn a_removal_in_doubt_is_sent_again_without_a_second_approval() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm")));
    let binding = bind(&fake);
    let ends = desk.hands.now().plus(HOUR);
    let mortal = |n| Member::new(format!("m{n}")).expires_at(ends);
    assert!(desk.sync(&binding, (0..300).map(mortal).chain(crowd(300..400)).collect()).await.is_success());
    desk.hands.advance(HOUR);
    for _ in 0..3 {
        fake.then(Fault::fails(ErrorKind::Timeout));
    }
    let failed = desk.sync(&binding, crowd(300..400)).await;
    assert_eq!((failed.status, failed.remove.pending), (RunStatus::Failed, 300));
    let report = desk.sync(&binding, crowd(300..400)).await;
    assert_eq!((report.status, report.remove.accepted), (RunStatus::Success, 300), "{report}");
}

#[tokio::test]
async fn what_is_left_of_a_run_needs_no_approval_that_the_whole_did_not() {
    for (breaks, dies) in [(Fault::fails(ErrorKind::Unauthenticated), false), (Fault::Hangs { applied: false }, true)] {
        let (desk, fake) = (Desk::new(), Fake::by_member("crm").with(|c| c.limits = Limits::rows(50)));
        let binding = bind(&fake);
        let ends = desk.hands.now().plus(HOUR);
        let mortal = (0..300).map(|n| Member::new(format!("m{n}")).expires_at(ends));
        assert!(desk.sync(&binding, mortal.chain(crowd(300..500)).collect()).await.is_success());
        desk.hands.advance(HOUR);
        // Of 500 members 300 leave by time and 200 change, of whom none is told: the removals go first.
        let changed = || crowd(300..500).into_iter().map(|member| member.attribute("v", 1)).collect::<Vec<_>>();
        for _ in 0..6 {
            fake.then(Fault::None);
        }
        fake.then(breaks);
        let engine = desk.engine();
        let mut broken_off = Box::pin(engine.sync(&binding, changed()));
        poll_fn(|cx| match broken_off.as_mut().poll(cx) {
            Poll::Pending if !dies || !fake.held().script.is_empty() => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
        drop(broken_off);
        assert_eq!(fake.held().members.len(), 200);
        let report = desk.sync(&binding, changed()).await;
        assert_eq!((report.status, report.members), (RunStatus::Success, 200), "{report}");
        assert!(report.update.accepted >= 150, "{report}");
        // The run after one that came to its end is judged by itself.
        let changed = changed().into_iter().map(|member| member.attribute("v", 2)).take(101);
        let report = desk.sync(&binding, changed.chain(crowd(401..500)).collect()).await;
        assert_eq!(report.plan.refused[0].guard, Guard::ChangeShare);
    }
}

#[tokio::test]
async fn a_new_expiry_alone_sends_nothing_and_counts() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    let binding = bind(&fake);
    let guards = Guards::default().with(|g| g.empty_source = false);
    let binding = binding.with_guards(guards);
    let ends = |hours: u32| vec![Member::new("a").expires_at(desk.hands.now().plus(HOUR * hours))];
    assert!(desk.sync(&binding, ends(1)).await.is_success());
    fake.clear();
    let report = desk.sync(&binding, ends(5)).await;
    assert_eq!((report.status, report.plan.counts.local, fake.sent()), (RunStatus::Success, 1, vec![]));
    desk.hands.advance(HOUR * 5);
    assert_eq!(desk.sync(&binding, vec![]).await.plan.counts.expired, 1);
    assert!(fake.held().members.is_empty());
}

#[tokio::test]
async fn consent_withdrawn_removes_and_does_not_count_for_the_guards() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_identifiers("ads")));
    let binding = bind(&fake);
    assert!(desk.sync(&binding, crowd(0..300)).await.is_success());
    fake.clear();
    let denied = crowd(0..300).into_iter().enumerate();
    let denied = denied.map(|(n, member)| if n < 200 { member.consent(Consent::DENIED) } else { member });
    let report = desk.sync(&binding, denied.collect()).await;
    assert_eq!((report.status, report.remove.accepted), (RunStatus::Success, 200));
    assert!(fake.sent().iter().all(|sent| sent.reason == Reason::Consent));
}

#[tokio::test]
async fn the_held_out_are_withheld_from_ads_and_labelled_elsewhere() {
    let holdout = Holdout::new("q4", 3_000).unwrap();
    let out: BTreeSet<String> = (0..50).map(|n| format!("m{n}")).filter(|id| holdout.holds_out(id)).collect();
    assert!(!out.is_empty() && out.len() < 50);
    let desk = Desk::new();
    let (ads, crm) = (Fake::by_identifiers("ads"), Fake::by_member("crm"));
    for fake in [&ads, &crm] {
        let binding = Binding::new(audience("buyers").with_holdout(holdout.clone()), fake.clone());
        let report = desk.sync(&binding, crowd(0..50)).await;
        let held_out = if fake.capabilities.holdout == HoldoutMode::Withhold { out.len() as u64 } else { 0 };
        assert_eq!((report.status, report.plan.counts.held_out), (RunStatus::Success, held_out));
    }
    assert!(ads.sent().iter().all(|sent| !out.contains(&sent.member)));
    assert_eq!(ads.sent().len(), 50 - out.len());
    assert_eq!(crm.sent().len(), 50);
    for sent in crm.sent() {
        let arm = if out.contains(&sent.member) { Arm::Holdout } else { Arm::Treatment };
        assert_eq!(sent.arm, Some(arm));
    }
}

// --- changes and shared identifiers

#[tokio::test]
async fn a_change_removes_what_vanished_and_adds_the_row() {
    let (desk, fake) = (Desk::new(), Fake::by_identifiers("ads"));
    assert!(desk.sync(&bind(&fake), vec![person("a", &["old", "kept"])]).await.is_success());
    fake.clear();
    assert!(desk.sync(&bind(&fake), vec![person("a", &["kept", "new"])]).await.is_success());
    let sent: Vec<(Action, BTreeSet<String>)> = fake.sent().into_iter().map(|s| (s.action, s.identifiers)).collect();
    assert_eq!(sent, [(Action::Remove, set(&["old"])), (Action::Add, set(&["kept", "new"]))]);
    let crm = Fake::by_member("crm");
    assert!(desk.sync(&bind(&crm), vec![Member::new("a").attribute("v", 1)]).await.is_success());
    crm.clear();
    assert!(desk.sync(&bind(&crm), vec![Member::new("a").attribute("v", 2)]).await.is_success());
    assert_eq!(crm.sent().iter().map(|sent| sent.action).collect::<Vec<_>>(), [Action::Update]);
}

#[tokio::test]
async fn a_destination_that_updates_by_itself_gets_one_row_and_one_without_removals_none() {
    for (update, remove) in [(true, true), (false, false)] {
        let fake = Fake::by_identifiers("ads").with(|c| (c.update, c.remove) = (update, remove));
        let desk = Desk::new();
        assert!(desk.sync(&bind(&fake), vec![person("a", &["old", "kept"])]).await.is_success());
        fake.clear();
        assert!(desk.sync(&bind(&fake), vec![person("a", &["kept", "new"])]).await.is_success());
        let expected = if update { Action::Update } else { Action::Add };
        assert_eq!(fake.sent().iter().map(|sent| sent.action).collect::<Vec<_>>(), [expected]);
    }
}

#[tokio::test]
async fn shared_identifiers_stay_with_whoever_stays() {
    let (desk, fake) = (Desk::new(), Fake::by_identifiers("ads"));
    let binding = bind(&fake);
    let b = || person("b", &["shared", "b"]);
    assert!(desk.sync(&binding, vec![person("a", &["shared"]), b(), person("c", &["shared", "c"])]).await.is_success());
    fake.clear();
    let report = desk.sync(&binding, vec![b()]).await;
    assert_eq!((report.status, report.remove.accepted, report.remove.skipped), (RunStatus::Success, 1, 1));
    assert_eq!(reasons(&report), [(Action::Remove, "skipped", "shared_identifier", 1)]);
    assert_eq!(fake.sent().into_iter().map(|sent| sent.identifiers).collect::<Vec<_>>(), [set(&["c"])]);
    assert_eq!(fake.held().identifiers, set(&["b", "shared"]));
    assert_eq!(report.members, 1);
    fake.clear();
    assert!(desk.sync(&binding, vec![b()]).await.is_success());
    assert_eq!(fake.sent(), []);
}

#[tokio::test]
async fn an_identifier_left_to_somebody_who_is_never_taken_goes_when_they_go() {
    let (desk, fake) = (Desk::new(), Fake::by_identifiers("ads"));
    let binding = bind(&fake).with_guards(Guards::default().with(|g| g.empty_source = false));
    assert!(desk.sync(&binding, vec![person("a", &["shared"])]).await.is_success());
    let heir = || vec![person("b", &["shared", "b"]).attribute("bad", true)];
    let report = desk.sync(&binding, heir()).await;
    assert_eq!((report.add.rejected, report.remove.skipped), (1, 1));
    assert_eq!(fake.held().identifiers, set(&["shared"]));
    assert!(desk.sync(&binding, vec![]).await.is_success());
    assert_eq!(fake.held().identifiers, set(&[]));
    // And when the heir was not even sent.
    assert!(desk.sync(&binding, vec![person("a", &["shared"])]).await.is_success());
    fake.then(Fault::fails(ErrorKind::Unauthenticated));
    assert_eq!(desk.sync(&binding, heir()).await.status, RunStatus::Failed);
    assert!(desk.sync(&binding, vec![]).await.is_success());
    assert_eq!(fake.held().identifiers, set(&[]));
}

// --- several bindings

#[tokio::test]
async fn excluded_audiences_go_first_and_additions_wait_for_them() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm")));
    let bought = audience("bought").with_role(Role::Suppression);
    let warm = audience("warm");
    let carts = audience("carts").excluding(&bought).excluding(&warm);
    let [carts, warm, bought] = [carts, warm, bought].map(|audience| Binding::new(audience, fake.clone()));
    let all = [carts, warm, bought];
    let member =
        |id: &str, keys: &[&str]| keys.iter().fold(Member::new(id), |member, key| member.in_audience(*key, None));
    let order = |reports: &[Result<RunReport>]| -> Vec<String> {
        let mut runs: Vec<_> = fake.sent().iter().map(|sent| sent.run.clone()).collect();
        runs.dedup();
        let report_of = |run: &String| reports.iter().flatten().find(|report| report.run_id == *run).unwrap();
        runs.iter().map(|run| report_of(run).binding.clone()).collect()
    };
    let first = || vec![member("a", &["carts"]), member("b", &["bought", "warm"]), member("c", &["carts", "warm"])];
    let reports = desk.engine().sync_all(&all, first()).await.unwrap();
    assert!(reports.iter().flatten().all(RunReport::is_success));
    assert_eq!(order(&reports), ["bought@crm", "warm@crm", "carts@crm"]);
    let [carts_report, ..] = &reports[..] else { panic!() };
    assert_eq!(carts_report.as_ref().unwrap().members, 2);

    // The suppression fails: removals go on, additions wait.
    fake.clear();
    fake.then(Fault::fails(ErrorKind::Unauthenticated));
    let second =
        || vec![member("b", &["bought", "warm"]), member("c", &["carts", "warm", "bought"]), member("d", &["carts"])];
    let reports = desk.engine().sync_all(&all, second()).await.unwrap();
    let statuses: Vec<_> = reports.iter().flatten().map(|report| report.status).collect();
    assert_eq!(statuses, [RunStatus::Partial, RunStatus::Success, RunStatus::Failed]);
    let held = reports[0].as_ref().unwrap();
    check_report(held);
    assert_eq!(reasons(held), [(Action::Add, "skipped", "exclusion_not_synced", 1)]);
    assert_eq!((held.remove.accepted, fake.rows(Action::Remove)), (1, vec!["a".to_owned()]));

    // Nothing to hold back is nothing to wait for.
    fake.then(Fault::fails(ErrorKind::Unauthenticated));
    let third = vec![member("b", &["bought", "warm"]), member("c", &["carts", "warm", "bought"])];
    let reports = desk.engine().sync_all(&all, third).await.unwrap();
    assert_eq!(reports[0].as_ref().unwrap().status, RunStatus::Success);
    let reports = desk.engine().sync_all(&all, second()).await.unwrap();
    assert!(reports.iter().flatten().all(RunReport::is_success));
}

#[tokio::test]
async fn one_binding_twice_is_refused_and_one_that_is_taken_does_not_stop_the_others() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    let [one, two] = ["one", "two"].map(|key| Binding::new(audience(key), fake.clone()));
    let twice = [one.clone(), one.clone()];
    assert_eq!(desk.engine().sync_all(&twice, crowd(0..1)).await.unwrap_err().kind(), ErrorKind::Config);
    fake.then(Fault::Hangs { applied: false });
    let (engine, other) = (desk.engine(), desk.engine());
    let mut running = Box::pin(engine.sync(&one, crowd(0..1)));
    let mut outcome = None;
    for _ in 0..100_000 {
        tokio::select! { biased;
            _ = &mut running => panic!("ended before its send was seen"),
            () = kit::store::Turn::default() => {}
        }
        if !fake.sent().is_empty() {
            let error = other.sync(&one, crowd(0..2)).await.unwrap_err();
            outcome = Some((error.kind(), other.sync_all(&[one.clone(), two.clone()], crowd(0..2)).await.unwrap()));
            break;
        }
    }
    let (kind, both) = outcome.unwrap();
    assert_eq!(kind, ErrorKind::Conflict);
    assert_eq!(both[0].as_ref().unwrap_err().kind(), ErrorKind::Conflict);
    assert!(both[1].as_ref().unwrap().is_success());
    drop(running);
    let report = desk.sync(&one, crowd(0..1)).await;
    assert!(report.is_success() && report.resumed);
}

// --- plan and apply

#[tokio::test]
async fn a_dry_run_sends_nothing_and_is_applied_once() {
    let (desk, fake) = (Desk::new(), Fake::by_identifiers("ads"));
    let binding = bind(&fake);
    let engine = desk.engine();
    let plan = engine.plan(&binding, crowd(0..4)).await.unwrap();
    check_plan(&plan);
    assert_eq!((plan.counts.add_rows, fake.sent(), fake.held().opens), (4, vec![], 0));
    // It survives as text, and a restart.
    let plan: audience_sync::sync::Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    let report = desk.engine().apply(&binding, &plan).await.unwrap();
    check_report(&report);
    assert_eq!((report.status, report.add.accepted), (RunStatus::Success, 4));
    assert_eq!(desk.engine().apply(&binding, &plan).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(fake.sent().len(), 4);
}

#[tokio::test]
async fn a_plan_that_was_overtaken_is_not_applied() {
    let (desk, fake) = (Desk::new(), Fake::by_identifiers("ads"));
    let binding = bind(&fake);
    let plan = desk.engine().plan(&binding, crowd(0..4)).await.unwrap();
    assert!(desk.sync(&binding, crowd(0..2)).await.is_success());
    fake.clear();
    let error = desk.engine().apply(&binding, &plan).await.unwrap_err();
    assert_eq!((error.kind(), fake.sent()), (ErrorKind::Conflict, vec![]));
    let elsewhere = Binding::new(audience("others"), fake.clone());
    assert_eq!(desk.engine().apply(&elsewhere, &plan).await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_refused_dry_run_is_applied_with_its_approval_alone() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm")));
    let binding = bind(&fake);
    assert!(desk.sync(&binding, crowd(0..3)).await.is_success());
    fake.clear();
    let plan = desk.engine().plan(&binding, vec![]).await.unwrap();
    let report = desk.engine().apply(&binding, &plan).await.unwrap();
    assert_eq!((report.status, fake.sent()), (RunStatus::Refused, vec![]));
    let options = RunOptions::default().approve(plan.approval());
    let report = desk.engine().apply_with(&binding, &plan, &options).await.unwrap();
    assert_eq!((report.status, report.remove.accepted), (RunStatus::Success, 3));
}

// --- state

#[tokio::test]
async fn another_key_and_a_damaged_object_are_errors_and_never_an_empty_state() {
    let inner: Arc<InMemory> = Arc::default();
    let (hands, fake) = (Hands::new(), Fake::by_member("crm"));
    let engine = |key: [u8; 32]| {
        let state = State::on(inner.clone(), "team").unwrap();
        let builder = Engine::builder(state, Keyring::from_bytes(key)).with_http(kit::http());
        builder.with_clock(hands.clone()).build().unwrap()
    };
    assert!(engine([7; 32]).sync(&bind(&fake), crowd(0..3)).await.unwrap().is_success());
    fake.clear();
    let error = engine([8; 32]).sync(&bind(&fake), crowd(0..3)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::State, Some("wrong_key")));
    let objects: Vec<_> = inner.list(None).collect().await;
    let mut damaged = 0;
    for object in objects.into_iter().map(|object| object.unwrap().location) {
        if !["/snapshot/", "/manifest/00000000000000000002"].iter().any(|part| object.as_ref().contains(part)) {
            continue;
        }
        let good = inner.get(&object).await.unwrap().bytes().await.unwrap();
        let mut bad = good.to_vec();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        inner.put(&object, bad.into()).await.unwrap();
        let error = engine([7; 32]).sync(&bind(&fake), crowd(0..3)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State, "{object}: {error:?}");
        inner.put(&object, good.into()).await.unwrap();
        damaged += 1;
    }
    assert_eq!((damaged, fake.sent()), (2, vec![]));
    assert!(engine([7; 32]).sync(&bind(&fake), crowd(0..3)).await.unwrap().is_success());
    assert_eq!(fake.sent(), []);
}

// --- retries

fn waits(desk: &Desk, of: Duration) -> usize {
    desk.hands.slept().into_iter().filter(|slept| *slept == of).count()
}

#[tokio::test]
async fn a_batch_is_tried_three_times_and_the_next_run_goes_on_with_the_same_ids() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Transport] {
        let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
        for _ in 0..3 {
            fake.then(Fault::fails(kind));
        }
        let report = desk.sync(&bind(&fake), crowd(0..2)).await;
        assert_eq!((report.status, report.add.pending, fake.held().calls), (RunStatus::Failed, 2, 3));
        assert_eq!(report.error.as_ref().unwrap().kind, kind);
        let code = if kind == ErrorKind::Unavailable { "not_applied" } else { "in_doubt" };
        assert_eq!(reasons(&report), [(Action::Add, "pending", code, 2)]);
        desk.hands.advance(HOUR);
        let report = desk.sync(&bind(&fake), crowd(0..2)).await;
        assert!(report.is_success());
        let ids: BTreeSet<OpId> = fake.sent().iter().map(|sent| sent.op_id).collect();
        // What was certainly not applied is a new operation at the next run; what may have been is the same.
        assert_eq!(ids.len(), if kind == ErrorKind::Unavailable { 4 } else { 2 }, "{kind}");
    }
}

#[tokio::test]
async fn a_doubt_is_not_forgotten_when_a_later_attempt_is_refused() {
    for later in [ErrorKind::Unavailable, ErrorKind::Unauthenticated] {
        let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
        let binding = bind(&fake).with_guards(Guards::default().with(|g| g.empty_source = false));
        fake.then(Fault::applied(ErrorKind::Timeout)).then(Fault::fails(later)).then(Fault::fails(later));
        let report = desk.sync(&binding, crowd(0..1)).await;
        assert_eq!(reasons(&report), [(Action::Add, "pending", "in_doubt", 1)], "{later}");
        fake.held().script.clear();
        assert_eq!(fake.held().members.len(), 1);
        assert!(desk.sync(&binding, vec![]).await.is_success());
        assert_eq!(fake.held().members.len(), 0, "{later}: who was added in doubt and left is removed");
    }
}

#[tokio::test]
async fn a_row_in_doubt_and_then_not_applied_stays_in_doubt() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    fake.then(Fault::Rows(vec![(0, RowOutcome::InDoubt, true)]));
    for _ in 0..2 {
        fake.then(Fault::Rows(vec![(0, RowOutcome::NotApplied, false)]));
    }
    let report = desk.sync(&bind(&fake), crowd(0..2)).await;
    assert_eq!((report.status, report.add.accepted), (RunStatus::Partial, 1));
    assert_eq!(reasons(&report), [(Action::Add, "pending", "in_doubt", 1)]);
}

#[tokio::test]
async fn announced_waits_are_obeyed_and_throttles_are_no_attempts() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    for _ in 0..5 {
        fake.then(Fault::after(ErrorKind::RateLimited, Duration::from_secs(90)));
    }
    fake.then(Fault::after(ErrorKind::Unavailable, Duration::from_secs(40)));
    let began = desk.hands.now();
    let report = desk.sync(&bind(&fake), crowd(0..2)).await;
    assert!(report.is_success(), "{report}");
    assert_eq!(fake.held().calls, 7);
    assert_eq!((waits(&desk, Duration::from_secs(90)), waits(&desk, Duration::from_secs(40))), (5, 1));
    assert_eq!(desk.hands.now().since(began), Duration::from_secs(5 * 90 + 40));
}

#[tokio::test]
async fn a_pause_holds_for_every_batch_of_the_destination() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm").with(|c| c.in_flight = 4));
    fake.then(Fault::after(ErrorKind::RateLimited, Duration::from_secs(60)));
    assert!(desk.sync(&bind(&fake), crowd(0..30)).await.is_success());
    let sent = fake.sent();
    let refused = sent[0].at;
    let early = sent.iter().filter(|sent| sent.at.since(refused) < Duration::from_secs(60));
    let early: BTreeSet<u64> = early.map(|sent| sent.batch).collect();
    assert!(early.len() <= 4, "only what was in flight already: {early:?}");
}

#[tokio::test]
async fn throttles_without_end_end_the_run_after_few_calls() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    for _ in 0..2_000 {
        fake.then(Fault::fails(ErrorKind::RateLimited));
    }
    let began = desk.hands.now();
    let report = desk.sync(&bind(&fake), crowd(0..1)).await;
    assert_eq!((report.status, report.error.as_ref().unwrap().kind), (RunStatus::Failed, ErrorKind::RateLimited));
    assert_eq!(reasons(&report), [(Action::Add, "pending", "not_applied", 1)]);
    assert!(desk.hands.now().since(began) <= Duration::from_secs(600));
    assert!(fake.held().calls < 80, "{} calls in ten minutes", fake.held().calls);
}

#[tokio::test]
async fn no_more_requests_than_the_destination_allows_over_phases_and_bindings() {
    let rate = RateLimit { requests: 1, per: Duration::from_secs(10) };
    let desk = Desk::new();
    let fake = Fake::by_member("crm").with(|c| (c.rate, c.in_flight, c.limits) = (Some(rate), 4, Limits::rows(1)));
    let bindings = ["one", "two"].map(|key| Binding::new(audience(key), fake.clone()));
    let engine = desk.engine();
    for members in [crowd(0..3), crowd(2..5)] {
        let reports = engine.sync_all(&bindings, members).await.unwrap();
        assert!(reports.iter().flatten().all(RunReport::is_success));
    }
    let times: Vec<_> = fake.sent().iter().map(|sent| sent.at).collect();
    assert_eq!(times.len(), 2 * 3 + 2 * 4);
    for pair in times.windows(2) {
        assert!(pair[1].since(pair[0]) >= Duration::from_secs(10), "{pair:?}");
    }
}

#[tokio::test]
async fn the_bad_row_is_found_and_the_others_go() {
    for kind in [ErrorKind::Rejected, ErrorKind::TooLarge] {
        let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm")));
        fake.held().poison = Some(("m5".to_owned(), kind));
        let report = desk.sync(&bind(&fake), crowd(0..16)).await;
        assert_eq!((report.status, report.add.accepted, report.add.rejected), (RunStatus::Success, 15, 1));
        assert_eq!(reasons(&report), [(Action::Add, "rejected", kind.as_str(), 1)]);
        assert_eq!(fake.held().members.len(), 15);
        assert_eq!(fake.held().calls, 9, "halves: 1 + 2 for each of 4 splits");
    }
}

#[tokio::test]
async fn a_destination_that_never_answers_is_waited_for_until_the_deadline() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    for _ in 0..3 {
        fake.then(Fault::Hangs { applied: true });
    }
    let report = desk.sync(&bind(&fake), crowd(0..1)).await;
    assert_eq!((report.status, report.error.as_ref().unwrap().kind), (RunStatus::Failed, ErrorKind::Timeout));
    assert_eq!(waits(&desk, Duration::from_secs(120)), 3);
    assert_eq!(reasons(&report), [(Action::Add, "pending", "in_doubt", 1)]);
}

#[tokio::test]
async fn what_must_not_be_sent_twice_is_sent_once() {
    let never = || Fake::by_member("crm").with(|c| c.resend = Resend::Never);
    let faults = || {
        [
            Fault::applied(ErrorKind::Timeout),
            Fault::Rows(vec![(0, RowOutcome::InDoubt, true)]),
            Fault::WrongCount { applied: true },
            Fault::applied(ErrorKind::UnexpectedReply),
        ]
    };
    for fault in faults() {
        let (desk, fake) = (Desk::new(), never());
        let what = format!("{fault:?}");
        fake.then(fault);
        let report = desk.sync(&bind(&fake), crowd(0..1)).await;
        assert_eq!(reasons(&report), [(Action::Add, "skipped", "unconfirmed", 1)], "{what}");
        assert!(desk.sync(&bind(&fake), crowd(0..1)).await.is_success(), "{what}");
        assert_eq!(fake.sent().len(), 1, "{what}");
    }
    // Nor after a crash between the send and its answer.
    let (desk, fake) = (Desk::new(), never());
    fake.then(Fault::Hangs { applied: true });
    let engine = desk.engine();
    let binding = bind(&fake);
    let mut running = Box::pin(engine.sync(&binding, crowd(0..1)));
    while fake.sent().is_empty() {
        tokio::select! { biased; _ = &mut running => panic!("ended"), () = kit::store::Turn::default() => {} }
    }
    drop(running);
    let report = desk.sync(&binding, crowd(0..1)).await;
    assert!(report.resumed && report.is_success());
    assert_eq!(fake.sent().len(), 1);
}

#[tokio::test]
async fn rejected_rows_wait_an_hour_then_six_then_a_day_then_weeks() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    let bad = || vec![Member::new("a").attribute("bad", true), Member::new("b")];
    assert_eq!(desk.sync(&bind(&fake), bad()).await.add.rejected, 1);
    for hours in [1, 6, 24, 7 * 24, 7 * 24] {
        desk.hands.advance(HOUR * hours - Duration::from_secs(60));
        fake.clear();
        let report = desk.sync(&bind(&fake), bad()).await;
        assert_eq!((fake.sent(), report.plan.counts.backing_off), (vec![], 1), "before {hours} h");
        desk.hands.advance(Duration::from_secs(60));
        let report = desk.sync(&bind(&fake), bad()).await;
        assert_eq!((report.add.rejected, fake.sent()[0].reason), (1, Reason::Retry), "after {hours} h");
    }
    // Mended data goes at once, and starts from the beginning.
    fake.clear();
    assert!(desk.sync(&bind(&fake), crowd_of(&["a", "b"])).await.is_success());
    assert_eq!(fake.rows(Action::Add), ["a"]);
}

fn crowd_of(ids: &[&str]) -> Vec<Member> {
    ids.iter().map(|id| Member::new(*id)).collect()
}

#[tokio::test]
async fn whoever_may_be_there_is_removed_though_a_later_row_was_rejected() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    let binding = bind(&fake).with_guards(Guards::default().with(|g| g.empty_source = false));
    let policy = RetryPolicy::default().with(|p| p.attempts = 1);
    let engine = desk.builder().with_retry(policy).build().unwrap();
    fake.then(Fault::applied(ErrorKind::Timeout));
    let _ = engine.sync(&binding, crowd_of(&["a"])).await.unwrap();
    assert_eq!(desk.sync(&binding, vec![Member::new("a").attribute("bad", true)]).await.add.rejected, 1);
    assert_eq!(fake.held().members.len(), 1, "the first row was applied");
    assert!(desk.sync(&binding, vec![]).await.is_success());
    assert_eq!(fake.held().members.len(), 0);
}

#[tokio::test]
async fn a_member_that_returns_after_a_doubtful_and_then_refused_removal_is_added() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    let binding = bind(&fake);
    let both = || crowd_of(&["a", "b"]);
    assert!(desk.sync(&binding, both()).await.is_success());
    let policy = RetryPolicy::default().with(|p| p.attempts = 1);
    let engine = desk.builder().with_retry(policy).build().unwrap();
    fake.then(Fault::applied(ErrorKind::Timeout));
    let _ = engine.sync(&binding, crowd_of(&["b"])).await.unwrap();
    // The platform knows nobody of that name, and says so.
    fake.then(Fault::Rows(vec![(0, RowOutcome::rejected("unknown_member"), false)]));
    assert_eq!(desk.sync(&binding, crowd_of(&["b"])).await.remove.rejected, 1);
    assert!(desk.sync(&binding, both()).await.is_success());
    assert_eq!(fake.held().members.len(), 2);
}

#[tokio::test]
async fn what_refused_to_vanish_is_asked_for_again() {
    let (desk, fake) = (Desk::new(), Fake::by_identifiers("ads"));
    let binding = bind(&fake);
    assert!(desk.sync(&binding, vec![person("a", &["old", "kept"])]).await.is_success());
    fake.then(Fault::Rows(vec![(0, RowOutcome::rejected("refused"), false)]));
    let now = || vec![person("a", &["kept"])];
    assert_eq!(desk.sync(&binding, now()).await.remove.rejected, 1);
    assert_eq!(fake.held().identifiers, set(&["old", "kept"]));
    fake.clear();
    let report = desk.sync(&binding, now()).await;
    assert_eq!((fake.sent(), report.plan.counts.backing_off), (vec![], 1));
    desk.hands.advance(HOUR);
    assert!(desk.sync(&binding, now()).await.is_success());
    assert_eq!(fake.held().identifiers, set(&["kept"]));
}

#[tokio::test]
async fn a_row_larger_than_any_batch_is_rejected_without_a_call() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm").with(|c| c.limits = Limits::rows(3).with_bytes(2_000)));
    let large = Member::new("large").attribute("text", "x".repeat(3_000));
    let report = desk.sync(&bind(&fake), vec![large, Member::new("small")]).await;
    assert_eq!(reasons(&report), [(Action::Add, "rejected", "too_large", 1)]);
    assert_eq!(fake.rows(Action::Add), ["small"]);
}

// --- sessions and jobs

#[tokio::test]
async fn the_last_batch_of_a_session_says_so_and_rows_count_when_it_is_finished() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm").with(|c| c.session = SessionKind::PerAction));
    let report = desk.sync(&bind(&fake), crowd(0..7)).await;
    assert_eq!((report.status, report.add.accepted), (RunStatus::Success, 7));
    let mut batches: Vec<(u64, bool)> = fake.sent().iter().map(|sent: &Sent| (sent.seq, sent.last)).collect();
    batches.dedup();
    assert_eq!(batches, [(1, false), (2, false), (3, true)]);
    fake.clear();
    for _ in 0..3 {
        fake.held().finish_script.push_back(Fault::fails(ErrorKind::Timeout));
    }
    let report = desk.sync(&bind(&fake), crowd(0..9)).await;
    assert_eq!((report.status, report.add.pending, report.members), (RunStatus::Failed, 2, 7));
    assert_eq!(reasons(&report), [(Action::Add, "pending", "staged", 2)]);
    let report = desk.sync(&bind(&fake), crowd(0..9)).await;
    assert_eq!((report.status, report.members, fake.held().members.len()), (RunStatus::Success, 9, 9));
    let ids: BTreeSet<OpId> = fake.sent().iter().map(|sent| sent.op_id).collect();
    assert_eq!((fake.sent().len(), ids.len()), (4, 2));
}

#[tokio::test]
async fn sessions_that_replace_everything_are_refused_before_anything_is_sent() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm").with(|c| c.session = SessionKind::Replace));
    let report = desk.sync(&bind(&fake), crowd(0..2)).await;
    assert_eq!(report.error.as_ref().unwrap().kind, ErrorKind::Unsupported);
    assert_eq!(fake.sent(), []);
}

#[tokio::test]
async fn jobs_are_asked_about_until_they_end() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm").with(|c| c.jobs = true)));
    fake.held().job_polls = 2;
    let report = desk.sync(&bind(&fake), crowd(0..3)).await;
    assert_eq!((report.status, report.add.pending, report.open_jobs), (RunStatus::Partial, 3, 1));
    assert_eq!(reasons(&report), [(Action::Add, "pending", "job", 3)]);
    // Still working: nothing is sent again, whatever the source says now.
    let report = desk.sync(&bind(&fake), crowd(1..3)).await;
    assert_eq!((report.status, report.open_jobs, report.plan.counts.in_flight), (RunStatus::Partial, 1, 2));
    assert_eq!(fake.sent().len(), 3);
    // It has ended: the same run goes on from there.
    let report = desk.sync(&bind(&fake), crowd(1..3)).await;
    assert_eq!((report.status, report.members, fake.rows(Action::Remove)), (RunStatus::Success, 2, vec!["m0".into()]));
    assert_eq!(fake.held().members.keys().collect::<Vec<_>>(), ["m1", "m2"]);
}

#[tokio::test]
async fn a_job_that_ends_within_the_run_is_settled_in_it() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm").with(|c| c.jobs = true)));
    fake.held().job_polls = 3;
    let policy = RetryPolicy::default().with(|p| p.wait_for_jobs = Duration::from_secs(60));
    let engine = desk.builder().with_retry(policy).build().unwrap();
    let report = engine.sync(&bind(&fake), crowd(0..3)).await.unwrap();
    check_report(&report);
    assert_eq!((report.status, report.add.accepted, report.reasons.len()), (RunStatus::Success, 3, 0));
    assert_eq!(fake.held().polls, 4);
}

#[tokio::test]
async fn rows_that_a_job_did_not_apply_or_refused_are_known_as_such() {
    let (desk, fake) = (Desk::new(), wide(Fake::by_member("crm").with(|c| c.jobs = true)));
    fake.held().job_polls = 1;
    let _ = desk.sync(&bind(&fake), crowd(0..3)).await;
    let mut ids: Vec<(String, OpId)> = fake.sent().into_iter().map(|sent| (sent.member, sent.op_id)).collect();
    let outcome = Outcome::accepted().except(0, RowOutcome::NotApplied).except(1, RowOutcome::rejected("invalid"));
    fake.held().job_outcomes.push_back(outcome);
    fake.clear();
    desk.hands.advance(Duration::from_secs(60));
    let report = desk.sync(&bind(&fake), crowd(0..3)).await;
    let c = report.plan.counts;
    assert_eq!((c.unchanged, c.backing_off, c.in_doubt), (1, 1, 1), "{c:?}");
    assert_eq!((report.status, fake.sent().len()), (RunStatus::Success, 1));
    // The row that was not applied went again under its id.
    ids.retain(|(member, _)| *member == fake.sent()[0].member);
    assert_eq!(ids[0].1, fake.sent()[0].op_id);
    desk.hands.advance(HOUR);
    assert!(desk.sync(&bind(&fake), crowd(0..3)).await.is_success());
    assert_eq!(desk.sync(&bind(&fake), crowd(0..3)).await.members, 3);
}

#[tokio::test]
async fn a_job_nobody_answers_about_is_no_endless_wait() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm").with(|c| c.jobs = true));
    fake.held().poll_script.push_back(Fault::Hangs { applied: false });
    let report = desk.sync(&bind(&fake), crowd(0..1)).await;
    assert_eq!((report.status, report.open_jobs), (RunStatus::Partial, 1));
    assert_eq!(waits(&desk, Duration::from_secs(120)), 1);
    assert!(desk.sync(&bind(&fake), crowd(0..1)).await.is_success());
}

#[tokio::test]
async fn what_only_the_end_knows_counts_as_unattributed_once() {
    let (desk, fake) = (Desk::new(), Fake::by_member("crm").with(|c| c.jobs = true));
    let working = Outcome::pending(JobRef::new("x")).with_unattributed(2);
    fake.held().job_outcomes.extend([working.clone(), working, Outcome::accepted().with_unattributed(2)]);
    let policy = RetryPolicy::default().with(|p| p.wait_for_jobs = Duration::from_secs(60));
    let engine = desk.builder().with_retry(policy).build().unwrap();
    let report = engine.sync(&bind(&fake), crowd(0..3)).await.unwrap();
    assert_eq!((report.unattributed, report.status, report.add.accepted), (2, RunStatus::Partial, 3));
}

// --- log, observer, future

#[derive(Debug, Default)]
struct Log {
    said: Mutex<Vec<String>>,
    fails: bool,
    hangs: bool,
}

impl Log {
    async fn say(&self, what: String) -> Result<()> {
        self.said.lock().unwrap().push(what);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        if self.fails { Err(Error::new(ErrorKind::Unavailable, "no log")) } else { Ok(()) }
    }
}

#[async_trait]
impl RunLog for Log {
    async fn begin(&self, _cx: &Context, run: &RunRecord) -> Result<()> {
        self.say(format!("begin {}", run.desired)).await
    }

    async fn rejects(&self, _cx: &Context, rejects: &[RejectRecord]) -> Result<()> {
        let who: Vec<_> = rejects.iter().map(|r| format!("{} {}", r.member_id.as_str(), r.code)).collect();
        self.say(format!("rejects {}", who.join(", "))).await
    }

    async fn end(&self, _cx: &Context, run: &RunRecord) -> Result<()> {
        self.say(format!("end {} {}", run.status, run.add.rejected)).await
    }
}

#[tokio::test]
async fn a_run_log_is_told_and_never_fails_a_sync() {
    for (fails, hangs) in [(false, false), (true, false), (false, true)] {
        let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
        let log = Arc::new(Log { fails, hangs, ..Log::default() });
        let failed = Arc::new(Mutex::new(0));
        let seen = failed.clone();
        let observer = move |event: &Event<'_>| {
            *seen.lock().unwrap() += u32::from(matches!(event, Event::RunLogFailed { .. }));
        };
        let engine = desk.builder().with_run_log(log.clone()).with_observer(observer).build().unwrap();
        let bad = vec![Member::new("a").attribute("bad", true), Member::new("b")];
        let report = engine.sync(&bind(&fake), bad).await.unwrap();
        assert!(report.is_success());
        assert_eq!(*log.said.lock().unwrap(), ["begin 2", "rejects a invalid", "end success 1"]);
        assert_eq!(*failed.lock().unwrap(), if fails || hangs { 3 } else { 0 });
    }
}

#[tokio::test]
async fn events_come_in_order() {
    let (desk, fake) = (Desk::new(), Fake::by_identifiers("ads").with(|c| c.in_flight = 1));
    fake.then(Fault::None).then(Fault::fails(ErrorKind::Unavailable));
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = events.clone();
    let observer = move |event: &Event<'_>| {
        let text = format!("{event:?}");
        let name = text.split([' ', '{']).next().unwrap_or_default().to_owned();
        seen.lock().unwrap().push(name);
    };
    let engine = desk.builder().with_observer(observer).build().unwrap();
    assert!(engine.sync(&bind(&fake), crowd(0..6)).await.unwrap().is_success());
    let expected = [
        "SourceRead",
        "SourceRead",
        "Planned",
        "RunStarted",
        "BatchSent",
        "Retrying",
        "BatchSent",
        "Checkpoint",
        "RunFinished",
    ];
    assert_eq!(*events.lock().unwrap(), expected);
}

#[test]
fn futures_of_the_engine_travel_between_threads() {
    fn travels<T: Send>(_: T) {}
    let (desk, fake) = (Desk::new(), Fake::by_member("crm"));
    let (engine, binding) = (desk.engine(), bind(&fake));
    let options = RunOptions::default();
    travels(engine.sync(&binding, crowd(0..1)));
    travels(engine.sync_all(std::slice::from_ref(&binding), crowd(0..1)));
    travels(engine.sync_with(&binding, Members::stream(futures_util::stream::empty()), &options));
    travels(engine.plan(&binding, crowd(0..1)));
}

// --- memory

/// Members with notes of 850 bytes, some of them twice: more than 16 MiB hold.
fn wordy(numbers: std::ops::Range<u32>) -> impl Iterator<Item = Member> {
    numbers.map(move |n| {
        let n = n % 16_000;
        Member::new(format!("m{n}")).attribute("note", format!("{n:0850}"))
    })
}

#[tokio::test]
async fn a_run_within_little_memory_ends_as_one_with_plenty() {
    let desk = Desk::new();
    let spills = tempfile::tempdir().unwrap();
    let run = |name: &'static str, options: DiffOptions| {
        let hands = desk.hands.clone();
        async move {
            let builder = Engine::builder(State::in_memory(), Keyring::from_bytes([7; 32])).with_clock(hands);
            let engine = builder.with_http(kit::http()).with_diff(options).build().unwrap();
            let crm = Memory::new("crm");
            let binding = Binding::new(audience("buyers"), crm.clone());
            let report = engine.sync(&binding, wordy(0..17_000)).await.unwrap();
            assert!(report.is_success(), "{name}: {report}");
            check_report(&report);
            let note = crm.row("buyers", "m2000").unwrap().attributes;
            ((report.add, report.plan.counts), crm.member_ids("buyers"), note)
        }
    };
    let plenty = run("plenty", DiffOptions::default()).await;
    let little = DiffOptions::default().with_memory_budget(DiffOptions::MIN_MEMORY).with_spill_dir(spills.path());
    assert_eq!(run("little", little).await, plenty);
    assert_eq!(plenty.1.len(), 16_000);
    assert_eq!(std::fs::read_dir(spills.path()).unwrap().count(), 0, "nothing is left of a spill");

    let nowhere = DiffOptions::default().with_memory_budget(DiffOptions::MIN_MEMORY).with_spill_dir("/nowhere/at/all");
    let engine = desk.builder().with_diff(nowhere).build().unwrap();
    let crm = Memory::new("crm");
    let error = engine.sync(&Binding::new(audience("buyers"), crm.clone()), wordy(0..17_000)).await.unwrap_err();
    assert_eq!((error.code(), crm.batches()), (Some("spill_failed"), 0));
    let odd = DiffOptions::default().with_threads(0);
    assert_eq!(desk.builder().with_diff(odd).build().unwrap_err().kind(), ErrorKind::Config);
}
