//! Is the destination what it says it is?

use std::collections::BTreeSet;
use std::time::Duration;

use super::bench::{Bench, Checked, Stop, blocked, fail, not_accepted, skip};
use super::people;
use crate::destination::{
    Action, Cursor, EventBatch, JobRef, KeyEvent, MemberId, Resend, SessionKind, SessionRef, SessionSpec, Size,
    SizeReadBack,
};
use crate::error::{ErrorKind, Result, Retry};
use crate::identity::KeyedBy;

const SIZE_WORKS: &str = "honesty.declared_size_works";
/// More pages than any sample audience has.
const PAGES: usize = 100;

pub(super) async fn capabilities_are_stable(bench: &Bench<'_>) -> Checked {
    let text = || {
        let json = serde_json::to_string(&bench.destination.capabilities());
        json.map_err(|_| Stop::Fail("expected capabilities that serialize, found others".to_owned()))
    };
    let (first, second) = (text()?, text()?);
    // Whether this works is another check's matter.
    let _ = bench.audience_of(1).await;
    if first == second && first == text()? {
        Ok(())
    } else {
        fail("expected the same capabilities at every call, found others")
    }
}

pub(super) async fn info_id_is_stable_and_plain(bench: &Bench<'_>) -> Checked {
    let (info, again) = (bench.destination.info(), bench.destination.info());
    let plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b':' | b'-');
    if info != again {
        return fail("expected the same id and title at every call, found others");
    }
    if info.id.is_empty() || !info.id.bytes().all(plain) {
        return fail(format!("expected an id of [a-z0-9_.:-], found {:?}", info.id));
    }
    if info.title.trim().is_empty() { fail("expected a title, found none") } else { Ok(()) }
}

pub(super) async fn limits_are_positive(bench: &Bench<'_>) -> Checked {
    let c = &bench.capabilities;
    let zero = [
        ("limits.rows", c.limits.rows == 0),
        ("limits.identifiers", c.limits.identifiers == Some(0)),
        ("limits.bytes", c.limits.bytes == Some(0)),
        ("in_flight", c.in_flight == 0),
        ("rate", c.rate.is_some_and(|rate| rate.requests == 0 || rate.per.is_zero())),
        ("membership_ttl", c.membership_ttl == Some(Duration::ZERO)),
        ("resend window", matches!(c.resend, Resend::Dedup { window } if window.is_zero())),
    ];
    if let Some((name, _)) = zero.iter().find(|(_, is_zero)| *is_zero) {
        return fail(format!("expected {name} above zero, found zero"));
    }
    Ok(())
}

pub(super) async fn cost_fits_one_row(bench: &Bench<'_>) -> Checked {
    let row = bench.rows(1).remove(0);
    let (cost, again) = (bench.destination.cost(&row), bench.destination.cost(&row));
    if cost != again || cost.rows == 0 {
        return fail(format!("expected one row to cost the same at every call and at least one, found {cost:?}"));
    }
    match bench.capabilities.limits.fits(cost) {
        true => Ok(()),
        false => Err(blocked("honesty.limits_are_positive", format!("no batch can hold a row of {cost:?}"))),
    }
}

pub(super) async fn open_twice_same_audience(bench: &Bench<'_>) -> Checked {
    let spec = bench.spec("a");
    let mut ids = Vec::new();
    for spec in [spec.clone(), spec.clone()] {
        match bench.told(bench.destination.open(&bench.cx, &spec).await) {
            Ok(audience) => ids.push(audience),
            Err(error) => return fail(format!("open failed: {error}")),
        }
    }
    match bench.told(bench.destination.open(&bench.cx, &spec.with_known(ids[0].clone())).await) {
        Ok(audience) => ids.push(audience),
        Err(error) => return fail(format!("open of a known audience failed: {error}")),
    }
    if ids.iter().any(|audience| audience.id.is_empty() || audience.id != ids[0].id) {
        return fail("expected the same audience each time it is opened, found others");
    }
    Ok(())
}

pub(super) async fn check_is_ready(bench: &Bench<'_>) -> Checked {
    match bench.told(bench.destination.check(&bench.cx).await) {
        Ok(check) if check.is_ready() => Ok(()),
        Ok(check) => fail(format!("expected nothing missing where rows can be sent, found {}", check.missing.len())),
        Err(error) if error.kind() == ErrorKind::Unsupported => skip("`check` is not offered"),
        Err(error) => fail(format!("check failed: {error}")),
    }
}

pub(super) async fn undeclared_actions_are_unsupported(bench: &Bench<'_>) -> Checked {
    let actions: Vec<_> =
        [Action::Remove, Action::Update].into_iter().filter(|action| !bench.capabilities.takes(*action)).collect();
    if actions.is_empty() {
        return skip("every action is declared");
    }
    let (audience, rows) = bench.audience_of(1).await?;
    for action in actions {
        let sent = match action {
            Action::Remove => bench.removals(&rows),
            _ => vec![people::again(action, &rows[0], bench.later())],
        };
        let answer = bench.send(&bench.batch(&audience, action, sent)).await;
        expect_unsupported(action.as_str(), answer)?;
        bench.expect(&audience, &rows).await?;
    }
    Ok(())
}

fn expect_unsupported<T>(operation: &str, answer: Result<T>) -> Checked {
    match answer {
        Err(error) if error.kind() == ErrorKind::Unsupported && error.retry() == Retry::Never => Ok(()),
        Err(error) => {
            fail(format!("expected {operation} to be unsupported, found {} ({:?})", error.kind(), error.retry()))
        }
        Ok(_) => fail(format!("expected {operation} to be unsupported, found an answer")),
    }
}

pub(super) async fn undeclared_operations_are_unsupported(bench: &Bench<'_>) -> Checked {
    let (c, destination, cx) = (&bench.capabilities, &bench.destination, &bench.cx);
    let audience = bench.open("a").await?;
    if c.size == SizeReadBack::None {
        expect_unsupported("size", bench.told(destination.size(cx, &audience).await))?;
    }
    if !c.readable_members {
        expect_unsupported("members", bench.told(destination.members(cx, &audience, None).await))?;
    }
    if !c.events {
        expect_unsupported("record", bench.told(destination.record(cx, &events(bench, 1)).await))?;
    }
    if !c.forget {
        let people = bench.batch(&audience, Action::Remove, bench.removals(&bench.rows(1)));
        expect_unsupported("forget", bench.told(destination.forget(cx, &people).await))?;
    }
    if c.session == SessionKind::None {
        let spec = SessionSpec::new(cx.run(), audience, Some(Action::Add), 1);
        expect_unsupported("begin", bench.told(destination.begin(cx, &spec).await))?;
        let finished = bench.told(destination.finish(cx, &SessionRef::new("conformance")).await);
        expect_unsupported("finish", finished)?;
    }
    if !c.jobs {
        expect_unsupported("poll", bench.told(destination.poll(cx, &JobRef::new("conformance")).await))?;
    }
    Ok(())
}

/// Made last in its group: it looks through what came before.
pub(super) async fn outcomes_fit_capabilities(bench: &Bench<'_>) -> Checked {
    match bench.notes.seen().undeclared.first() {
        Some(what) => fail(format!("expected outcomes that the capabilities allow, found {what}")),
        None => Ok(()),
    }
}

pub(super) async fn declared_size_works(bench: &Bench<'_>) -> Checked {
    size(bench, 1).await.map(drop).map_err(|stop| match stop {
        Stop::Blocked { on: SIZE_WORKS, why } => Stop::Fail(why),
        stop => stop,
    })
}

pub(super) async fn size_matches_members(bench: &Bench<'_>) -> Checked {
    const MEMBERS: u64 = 3;
    let declared = bench.capabilities.size;
    match (size(bench, MEMBERS as usize).await?, declared) {
        (Size::Exact(MEMBERS), SizeReadBack::Exact) | (Size::Rounded(_), SizeReadBack::Rounded) => Ok(()),
        (Size::Range { from, to }, SizeReadBack::Range) if (from..=to).contains(&MEMBERS) => Ok(()),
        // Platforms hide the size of small audiences.
        (Size::Hidden, _) => Ok(()),
        (found, _) => fail(format!("expected a size of {MEMBERS}, declared {declared:?}, found {found:?}")),
    }
}

async fn size(bench: &Bench<'_>, members: usize) -> Checked<Size> {
    if bench.capabilities.size == SizeReadBack::None {
        return skip("a size is not declared");
    }
    let (audience, _) = bench.audience_of(members).await?;
    bench.cx.clock().sleep(bench.capabilities.size_lag).await;
    let size = bench.told(bench.destination.size(&bench.cx, &audience).await);
    size.map_err(|error| blocked(SIZE_WORKS, format!("size is declared and failed: {error}")))
}

pub(super) async fn declared_members_work(bench: &Bench<'_>) -> Checked {
    if !bench.capabilities.readable_members {
        return skip("members are not declared to be readable");
    }
    let (audience, rows) = bench.audience_of(3).await?;
    let (mut found, mut after) = (Vec::<MemberId>::new(), None::<Cursor>);
    for _ in 0..PAGES {
        let page = bench.told(bench.destination.members(&bench.cx, &audience, after.clone()).await);
        let page = page.map_err(|error| Stop::Fail(format!("members are declared and failed: {error}")))?;
        found.extend(page.members);
        if page.next.is_none() {
            return same_members(bench, &rows.iter().map(|row| &row.member_id).collect(), &found);
        }
        if page.next == after {
            return fail("expected a listing to go on, found the same cursor twice");
        }
        after = page.next;
    }
    fail(format!("expected a listing of 3 members within {PAGES} pages, found no end"))
}

fn same_members(bench: &Bench<'_>, expected: &BTreeSet<&MemberId>, found: &[MemberId]) -> Checked {
    let listed: BTreeSet<&MemberId> = found.iter().collect();
    let by_id = bench.capabilities.profile.keyed_by == KeyedBy::MemberId;
    if found.len() != expected.len() || listed.len() != expected.len() {
        return fail(format!("expected {} members listed once each, found {}", expected.len(), found.len()));
    }
    if by_id && listed != *expected { fail("expected the members' ids, found others") } else { Ok(()) }
}

fn events(bench: &Bench<'_>, count: usize) -> EventBatch {
    let event = |(index, row): (usize, crate::destination::Row)| {
        KeyEvent::new(format!("conformance-{index}"), "Order Completed", row.member_id, bench.cx.now())
            .with_value(12_340_000, "EUR")
            .with_order(format!("order-{index}"))
    };
    EventBatch::new(bench.cx.run(), bench.rows(count).into_iter().enumerate().map(event).collect())
}

pub(super) async fn declared_events_work(bench: &Bench<'_>) -> Checked {
    if !bench.capabilities.events {
        return skip("key events are not declared");
    }
    let events = events(bench, 3);
    // The second time is a resend: the same events, the same ids.
    for _ in 0..2 {
        let recorded = bench.told(bench.destination.record(&bench.cx, &events).await);
        let outcome = recorded.map_err(|error| Stop::Fail(format!("events are declared and failed: {error}")))?;
        let outcomes = bench.settle(outcome, events.events().len()).await.map_err(as_failure)?;
        if let Some(found) = not_accepted(&outcomes) {
            return fail(format!("expected the events accepted, found {found}"));
        }
    }
    Ok(())
}

pub(super) async fn declared_forget_works(bench: &Bench<'_>) -> Checked {
    if !bench.capabilities.forget {
        return skip("forgetting is not declared");
    }
    let (audience, rows) = bench.audience_of(3).await?;
    let people = bench.batch(&audience, Action::Remove, bench.removals(&rows[..1]));
    let forgotten = bench.told(bench.destination.forget(&bench.cx, &people).await);
    let outcome = forgotten.map_err(|error| Stop::Fail(format!("forget is declared and failed: {error}")))?;
    let outcomes = bench.settle(outcome, 1).await.map_err(as_failure)?;
    if let Some(found) = not_accepted(&outcomes) {
        return fail(format!("expected the request accepted, found {found}"));
    }
    // Platforms take weeks to forget: whether the person is still there says nothing. The others must be.
    if let (Some(_), Some(difference)) =
        (bench.difference(&audience, &rows).await?, bench.difference(&audience, &rows[1..]).await?)
    {
        return fail(difference);
    }
    Ok(())
}

pub(super) async fn declared_sessions_work(bench: &Bench<'_>) -> Checked {
    if bench.capabilities.session == SessionKind::None {
        return skip("sessions are not declared");
    }
    let (audience, rows) = bench.audience_of(2).await?;
    // A session that nobody finishes changes nothing that is there.
    bench.begin(&audience, Action::Add, 1).await?;
    bench.expect(&audience, &rows).await
}

fn as_failure(stop: Stop) -> Stop {
    match stop {
        Stop::Blocked { why, .. } => Stop::Fail(why),
        stop => stop,
    }
}

/// Made last of all: it looks at every host that was contacted until then.
pub(super) async fn hosts_only_declared(bench: &Bench<'_>) -> Checked {
    let Some(contacted) = bench.harness.hosts() else {
        return skip("the harness does not observe which hosts are contacted");
    };
    let declared: BTreeSet<String> = bench.capabilities.hosts.iter().cloned().collect();
    match contacted.difference(&declared).next() {
        Some(host) => fail(format!("expected only the {} declared hosts, found {host}", declared.len())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn only_unsupported_for_good_is_unsupported() {
        let error = |kind| Err::<(), Error>(Error::new(kind, ""));
        assert!(expect_unsupported("size", error(ErrorKind::Unsupported)).is_ok());
        assert!(expect_unsupported("size", error(ErrorKind::Config)).is_err());
        assert!(expect_unsupported("size", Ok(())).is_err());
        let passing = Error::new(ErrorKind::Unsupported, "").with_retry(Retry::MaybeApplied);
        assert!(expect_unsupported::<()>("size", Err(passing)).is_err());
    }
}
