//! Do rows do what they say, and nothing else?

use super::bench::{ADD, Bench, Checked, REMOVE, Stop, blocked, fail, not_accepted, skip};
use super::people;
use crate::destination::{Action, AudienceRef, Cost, Resend, Row, SessionKind};
use crate::error::Retry;

/// One check has only so many samples.
const MOST: usize = 10_000;
const FEW: usize = 3;

pub(super) async fn add_makes_members(bench: &Bench<'_>) -> Checked {
    bench.audience_of(3).await.map(drop)
}

pub(super) async fn remove_takes_only_named(bench: &Bench<'_>) -> Checked {
    if !bench.capabilities.remove {
        return skip("removals are not declared");
    }
    let (audience, rows) = bench.audience_of(3).await?;
    bench.set_up(&audience, Action::Remove, bench.removals(&rows[1..2])).await?;
    bench.expect(&audience, &[rows[0].clone(), rows[2].clone()]).await
}

pub(super) async fn resend_changes_nothing(bench: &Bench<'_>) -> Checked {
    if bench.capabilities.resend == Resend::Never {
        return skip("resending is declared to count twice");
    }
    let (audience, rows) = bench.audience_of(3).await?;
    accepted(bench, &audience, Action::Add, rows.clone()).await?;
    bench.expect(&audience, &rows).await
}

pub(super) async fn remove_twice_is_accepted(bench: &Bench<'_>) -> Checked {
    if !bench.capabilities.remove || bench.capabilities.resend == Resend::Never {
        return skip("removals that may be sent again are not declared");
    }
    let (audience, rows) = bench.audience_of(2).await?;
    let removals = bench.removals(&rows[..1]);
    bench.set_up(&audience, Action::Remove, removals.clone()).await?;
    bench.suppose(REMOVE, &audience, &rows[1..]).await?;
    let again = accepted(bench, &audience, Action::Remove, removals).await;
    // Refused as a whole is as bad as a rejected row: the removal would be tried for ever.
    again.map_err(own)?;
    bench.expect(&audience, &rows[1..]).await
}

pub(super) async fn add_again_after_remove(bench: &Bench<'_>) -> Checked {
    if !bench.capabilities.remove {
        return skip("removals are not declared");
    }
    let (audience, rows) = bench.audience_of(1).await?;
    bench.set_up(&audience, Action::Remove, bench.removals(&rows)).await?;
    bench.suppose(REMOVE, &audience, &[]).await?;
    let again = vec![people::again(Action::Add, &rows[0], bench.later())];
    accepted(bench, &audience, Action::Add, again).await.map_err(own)?;
    bench.expect(&audience, &rows).await
}

/// A run without additions or without removals must not be read as "nobody is left".
pub(super) async fn empty_batch_changes_nothing(bench: &Bench<'_>) -> Checked {
    if bench.capabilities.session != SessionKind::None {
        return skip("batches go in sessions, and an empty session replaces nothing");
    }
    let (audience, rows) = bench.audience_of(2).await?;
    for action in [Action::Add, Action::Remove].into_iter().filter(|action| bench.capabilities.takes(*action)) {
        match bench.send(&bench.batch(&audience, action, Vec::new())).await {
            Ok(outcome) => drop(bench.resolve(outcome, 0).map_err(own)?),
            Err(error) if error.retry() == Retry::Never => {}
            Err(error) => {
                return fail(format!("expected an empty batch to be final, found one to be retried: {error}"));
            }
        }
        bench.expect(&audience, &rows).await?;
    }
    Ok(())
}

pub(super) async fn update_if_declared(bench: &Bench<'_>) -> Checked {
    if !bench.capabilities.update {
        return skip("updates are not declared");
    }
    let (audience, rows) = bench.audience_of(3).await?;
    let changed = bench.harness.dress(people::again(Action::Update, &rows[0], bench.later()));
    bench.set_up(&audience, Action::Update, vec![changed]).await?;
    bench.expect(&audience, &rows).await
}

pub(super) async fn batches_add_up(bench: &Bench<'_>) -> Checked {
    let (audience, mut rows) = bench.audience_of(2).await?;
    let more = bench.rows(2);
    bench.set_up(&audience, Action::Add, more.clone()).await?;
    rows.extend(more);
    bench.expect(&audience, &rows).await
}

pub(super) async fn largest_batch_within_limits(bench: &Bench<'_>) -> Checked {
    let limits = bench.capabilities.limits;
    let mut sum = Cost::default();
    let mut rows: Vec<Row> = Vec::new();
    for row in bench.rows(bench.harness.most_rows().min(MOST)) {
        sum = sum + bench.destination.cost(&row);
        if !limits.fits(sum) {
            break;
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(blocked("honesty.cost_fits_one_row", "no row fits"));
    }
    let audience = bench.open("a").await?;
    let taken = accepted(bench, &audience, Action::Add, rows.clone()).await;
    match if taken.is_ok() { bench.expect(&audience, &rows).await } else { taken } {
        // Where even a few rows are not taken, it is not the size.
        Err(Stop::Fail(why)) if rows.len() > FEW => bench.audience_of(FEW).await.and(fail(why)),
        Err(Stop::Fail(why)) => Err(blocked(ADD, why)),
        answer => answer,
    }
}

/// Delivers rows that this check itself wants accepted.
async fn accepted(bench: &Bench<'_>, audience: &AudienceRef, action: Action, rows: Vec<Row>) -> Checked {
    let outcomes = bench.deliver(audience, action, rows).await?;
    match not_accepted(&outcomes) {
        None => Ok(()),
        Some(found) => fail(format!("expected {action} to be accepted, found {found}")),
    }
}

/// What stands on nothing else is this check's own failure.
fn own(stop: Stop) -> Stop {
    match stop {
        Stop::Blocked { why, .. } => Stop::Fail(why),
        stop => stop,
    }
}
