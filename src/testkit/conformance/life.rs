//! Does it live in a host: between threads, side by side, dropped half way?

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::join_all;

use super::bench::{ADD, Bench, Checked, Stop, blocked, fail, not_accepted, skip, twice};
use super::people;
use crate::destination::{Action, Batch, Resend, SessionKind};
use crate::error::Result;

/// Batches that are sent at once, where so many may be in flight.
const SENDS: usize = 4;
/// How often a send is polled before it is dropped: from not at all to longer than most take.
const POLLS: [usize; 8] = [0, 1, 2, 3, 5, 8, 13, 40];

/// The destination is used behind `Arc<dyn Destination>` from other tasks than the one that made it.
pub(super) async fn works_from_any_task(bench: &Bench<'_>) -> Checked {
    let audience = bench.open("a").await?;
    let rows = bench.rows(1);
    let session = bench.begin(&audience, Action::Add, 1).await?;
    let batch = bench.batch(&audience, Action::Add, rows);
    let batch = match session {
        Some(session) => batch.with_session(session, 1, true),
        None => batch,
    };
    let (destination, cx) = (bench.destination.clone(), bench.cx.clone());
    match tokio::spawn(async move { destination.send(&cx, &batch).await }).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(blocked(ADD, format!("sent from another task: {error}"))),
        Err(_) => fail("expected an answer in another task, found a panic"),
    }
}

/// As many requests at once as are declared; no row is lost between them.
pub(super) async fn side_by_side_loses_nothing(bench: &Bench<'_>) -> Checked {
    let sends = SENDS.min(bench.capabilities.in_flight as usize);
    if sends < 2 {
        return skip("one request at a time is declared");
    }
    let (audience, mut rows) = bench.audience_of(1).await?;
    let session = bench.begin(&audience, Action::Add, sends * 2).await?;
    let batches: Vec<Batch> = (1..=sends)
        .map(|seq| {
            let part = bench.rows(2);
            rows.extend(part.clone());
            let batch = bench.batch(&audience, Action::Add, part);
            match &session {
                Some(session) => batch.with_session(session.clone(), seq as u64, seq == sends),
                None => batch,
            }
        })
        .collect();
    for answer in join_all(batches.iter().map(|batch| bench.send(batch))).await {
        let outcome = answer.map_err(|error| Stop::Fail(format!("side by side, a batch was refused: {error}")))?;
        let outcomes = bench.settle(outcome, 2).await?;
        if let (None, Some(found)) = (&session, not_accepted(&outcomes)) {
            return fail(format!("expected additions side by side accepted, found {found}"));
        }
    }
    if let Some(session) = session {
        let finished = bench.told(bench.destination.finish(&bench.cx, &session).await);
        let outcome = finished.map_err(|error| Stop::Fail(format!("finish failed: {error}")))?;
        bench.settle(outcome, sends * 2).await?;
    }
    if bench.capabilities.session == SessionKind::Replace {
        rows.remove(0);
    }
    bench.suppose("sending.batches_add_up", &audience, &rows).await
}

/// A dropped send may have been applied. Sending it again makes it true, however far it came.
pub(super) async fn cancel_is_safe(bench: &Bench<'_>) -> Checked {
    if bench.capabilities.resend == Resend::Never {
        return skip("resending is declared to count twice");
    }
    for polls in POLLS {
        let audience = bench.open(&format!("dropped.{polls}")).await?;
        let rows = bench.rows(2);
        let session = bench.begin(&audience, Action::Add, rows.len()).await?;
        let batch = bench.batch(&audience, Action::Add, rows.clone());
        let batch = match session {
            Some(session) => batch.with_session(session, 1, true),
            None => batch,
        };
        dropped_after(polls, bench.destination.send(&bench.cx, &batch)).await;
        bench.set_up_again(&audience, Action::Add, rows.clone()).await?;
        bench.suppose(twice(Action::Add), &audience, &rows).await?;
    }
    Ok(())
}

async fn dropped_after<T>(polls: usize, mut work: Pin<Box<dyn Future<Output = Result<T>> + Send + '_>>) {
    for _ in 0..polls {
        let done = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx).is_ready())).await;
        if done {
            return;
        }
        // Lets the runtime move what the send waits for.
        tokio::task::yield_now().await;
    }
}

/// The same people in two audiences: what happens to one leaves the other alone.
pub(super) async fn two_audiences_do_not_mix(bench: &Bench<'_>) -> Checked {
    let (one, rows) = bench.audience_of(2).await?;
    let other = bench.open("b").await?;
    if other.id == one.id {
        return fail("expected two audiences for two keys, found one");
    }
    // An operation is one audience's: its id may not come again in another.
    let same_people = rows.iter().map(|row| people::again(Action::Add, row, bench.later())).collect();
    bench.set_up(&other, Action::Add, same_people).await?;
    bench.expect(&other, &rows).await?;
    bench.set_up(&one, Action::Add, bench.rows(1)).await?;
    bench.expect(&other, &rows).await?;
    if bench.capabilities.remove {
        bench.set_up(&one, Action::Remove, bench.removals(&rows[..1])).await?;
    }
    bench.expect(&other, &rows).await
}
