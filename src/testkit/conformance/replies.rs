//! Is the platform's answer understood, row by row?

use super::bench::{Bench, Checked, Stop, fail, skip};
use crate::destination::{Action, RowOutcome};

pub(super) async fn outcome_covers_batch(bench: &Bench<'_>) -> Checked {
    let audience = bench.open("a").await?;
    for count in [1, 5] {
        let session = bench.begin(&audience, Action::Add, count).await?;
        let batch = bench.batch(&audience, Action::Add, bench.rows(count));
        let batch = match session {
            Some(session) => batch.with_session(session, 1, true),
            None => batch,
        };
        match bench.send(&batch).await {
            Ok(outcome) => drop(bench.resolve(outcome, count)?),
            Err(error) => return Err(super::bench::blocked(super::bench::ADD, error.to_string())),
        }
    }
    Ok(())
}

pub(super) async fn reject_names_row(bench: &Bench<'_>) -> Checked {
    let Some(bad) = bench.rows(1).pop().and_then(|row| bench.harness.spoil(row)) else {
        return skip("the harness has no row that the platform refuses");
    };
    // Good rows alone are taken: what happens next is the bad one's doing.
    bench.audience_of(4).await?;
    let audience = bench.open("b").await?;
    let mut rows = bench.rows(4);
    rows.insert(2, bad);
    let outcomes = bench.deliver(&audience, Action::Add, rows.clone()).await.map_err(|stop| match stop {
        Stop::Blocked { on: super::bench::ADD, why } => Stop::Fail(format!("one bad row failed its batch: {why}")),
        stop => stop,
    })?;
    for (row, outcome) in outcomes.iter().enumerate() {
        match (row, outcome) {
            (2, RowOutcome::Rejected { .. }) => {}
            (2, _) => return fail("expected the bad row 2 to be rejected, found another outcome"),
            (_, RowOutcome::Accepted { .. }) => {}
            _ => return fail(format!("expected only row 2 not accepted, found row {row} too")),
        }
    }
    rows.remove(2);
    bench.expect(&audience, &rows).await
}

/// Made last in its group: it looks through what came before.
pub(super) async fn reject_codes_are_words(bench: &Bench<'_>) -> Checked {
    let seen = bench.notes.seen();
    let word = |text: &str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
    };
    if seen.rejects.is_empty() {
        return skip("no row was rejected");
    }
    // Not shown: it may be the platform's text, with a person's value in it.
    match seen.rejects.iter().find(|(code, _)| !word(code)) {
        Some((code, _)) => {
            fail(format!("expected codes of [a-z0-9_.-], at most 64, found {} bytes of something else", code.len()))
        }
        None => Ok(()),
    }
}

pub(super) async fn jobs_end(bench: &Bench<'_>) -> Checked {
    if !bench.capabilities.jobs {
        return skip("jobs are not declared");
    }
    let audience = bench.open("a").await?;
    bench.deliver(&audience, Action::Add, bench.rows(3)).await.map(drop)
}
