//! Does the destination know what it does not know?

use std::time::Duration;

use super::bench::{Bench, Checked, Stop, basis, blocked, fail, skip, twice};
use crate::destination::{Action, AudienceRef, Batch, Resend, RowOutcome, SessionKind};
use crate::error::{Error, ErrorKind, Retry};
use crate::testkit::Fault;

/// Longer than a slow machine takes for one request, shorter than any wait a platform announces in the checks.
const NO_WAIT: Duration = Duration::from_secs(5);
const ANNOUNCED: Duration = Duration::from_secs(7);
const THROTTLE: &str = "failures.throttle_is_rate_limited";

/// What the destination said of a batch that the platform failed.
enum Said {
    Error(Error),
    /// No row accepted; all rows in doubt or not applied.
    Unsettled(Vec<RowOutcome>),
}

async fn provoke(bench: &Bench<'_>, fault: Fault) -> Checked<Said> {
    let audience = bench.open("a").await?;
    let batch = bench.batch(&audience, Action::Add, bench.rows(2));
    failing(bench, &audience, batch, fault).await
}

/// Sends a batch while the platform fails. In a session the fault may show only at its end.
async fn failing(bench: &Bench<'_>, audience: &AudienceRef, batch: Batch, fault: Fault) -> Checked<Said> {
    let session = bench.begin(audience, batch.action(), batch.rows().len()).await?;
    if !bench.harness.fault(fault) {
        return skip(format!("the harness cannot arrange {fault}"));
    }
    let batch = match &session {
        Some(session) => batch.with_session(session.clone(), 1, true),
        None => batch,
    };
    let mut answer = bench.send(&batch).await;
    if let (Ok(outcome), Some(session)) = (&answer, &session) {
        let staged = outcome.clone().resolve(batch.rows().len());
        if staged.is_ok_and(|rows| rows.iter().all(|row| *row == RowOutcome::Staged)) {
            answer = bench.told(bench.destination.finish(&bench.cx, session).await);
        }
    }
    bench.harness.heal();
    match answer {
        Err(error) => Ok(Said::Error(error)),
        Ok(outcome) => {
            let rows = bench.resolve(outcome, batch.rows().len())?;
            let unsettled = rows.iter().all(|row| matches!(row, RowOutcome::NotApplied | RowOutcome::InDoubt));
            if unsettled {
                Ok(Said::Unsettled(rows))
            } else {
                fail(format!("expected no success while {fault}, found one"))
            }
        }
    }
}

async fn error(bench: &Bench<'_>, fault: Fault) -> Checked<Error> {
    match provoke(bench, fault).await? {
        Said::Error(error) => Ok(error),
        Said::Unsettled(_) => fail(format!("expected an error while {fault}, found outcomes per row")),
    }
}

fn found<T>(expected: &str, error: &Error) -> Checked<T> {
    fail(format!("expected {expected}, found {} with retry {:?}", error.kind(), error.retry()))
}

pub(super) async fn throttle_is_rate_limited(bench: &Bench<'_>) -> Checked {
    let error = error(bench, Fault::Throttled { after: None }).await?;
    match (error.kind(), error.retry()) {
        (ErrorKind::RateLimited, Retry::Safe { .. }) => Ok(()),
        _ => found("rate_limited, safe to retry", &error),
    }
}

/// The error of a throttle with an announced wait; that there is one at all is another check's matter.
async fn throttled(bench: &Bench<'_>) -> Checked<Error> {
    error(bench, Fault::Throttled { after: Some(ANNOUNCED) }).await.map_err(|stop| match stop {
        Stop::Fail(why) => blocked(THROTTLE, why),
        stop => stop,
    })
}

pub(super) async fn throttle_wait_is_passed_on(bench: &Bench<'_>) -> Checked {
    let error = throttled(bench).await?;
    match error.retry() {
        Retry::Safe { after: Some(wait) } if wait == ANNOUNCED => Ok(()),
        Retry::Safe { after } => fail(format!("expected the announced wait of {ANNOUNCED:?}, found {after:?}")),
        _ => Err(blocked(THROTTLE, format!("found retry {:?}", error.retry()))),
    }
}

pub(super) async fn throttle_is_not_waited_out(bench: &Bench<'_>) -> Checked {
    let before = bench.cx.now();
    throttled(bench).await?;
    let waited = bench.cx.now().since(before);
    if waited < NO_WAIT { Ok(()) } else { fail(format!("expected the engine to wait, found a wait of {waited:?}")) }
}

pub(super) async fn unauthorized_never_retried(bench: &Bench<'_>) -> Checked {
    let error = error(bench, Fault::Unauthorized).await?;
    match (error.kind(), error.retry()) {
        (ErrorKind::Unauthenticated | ErrorKind::PermissionDenied, Retry::Never) => Ok(()),
        _ => found("unauthenticated or permission_denied, never retried", &error),
    }
}

pub(super) async fn unavailable_is_safe_or_maybe(bench: &Bench<'_>) -> Checked {
    let error = error(bench, Fault::Unavailable).await?;
    match (error.kind(), error.retry()) {
        (ErrorKind::Unavailable, Retry::Safe { .. } | Retry::MaybeApplied) => Ok(()),
        _ => found("unavailable, safe or maybe applied", &error),
    }
}

pub(super) async fn reset_after_apply_is_maybe_applied(bench: &Bench<'_>) -> Checked {
    maybe_applied(bench, Fault::ResetAfterApply, &[ErrorKind::Transport, ErrorKind::Unavailable]).await
}

pub(super) async fn timeout_is_maybe_applied(bench: &Bench<'_>) -> Checked {
    maybe_applied(bench, Fault::TimeoutAfterApply, &[ErrorKind::Timeout]).await
}

pub(super) async fn garbled_reply_is_no_success(bench: &Bench<'_>) -> Checked {
    match provoke(bench, Fault::GarbledAfterApply).await? {
        Said::Error(error) if matches!(error.retry(), Retry::Safe { .. }) => {
            found("unexpected_reply, never or maybe applied", &error)
        }
        _ => Ok(()),
    }
}

async fn maybe_applied(bench: &Bench<'_>, fault: Fault, kinds: &[ErrorKind]) -> Checked {
    match provoke(bench, fault).await? {
        Said::Unsettled(rows) if rows.contains(&RowOutcome::NotApplied) => {
            fail("expected rows in doubt, found rows that are said not to be applied")
        }
        Said::Unsettled(_) => Ok(()),
        Said::Error(error) if error.retry() == Retry::MaybeApplied && kinds.contains(&error.kind()) => Ok(()),
        Said::Error(error) => found(&format!("{} and maybe applied", kinds[0]), &error),
    }
}

/// After any fault, sending the same again makes it true: additions and removals.
pub(super) async fn resend_converges(bench: &Bench<'_>) -> Checked {
    if bench.capabilities.resend == Resend::Never {
        return skip("resending is declared to count twice");
    }
    let mut tried = 0;
    for fault in [Fault::ResetAfterApply, Fault::ResetBeforeApply, Fault::TimeoutAfterApply, Fault::Unavailable] {
        let audience = bench.open(fault.as_str()).await?;
        let rows = bench.rows(2);
        // Where audiences are replaced as a whole, there is no removal to send.
        let removes = bench.capabilities.remove && bench.capabilities.session != SessionKind::Replace;
        for action in if removes { &[Action::Add, Action::Remove][..] } else { &[Action::Add] } {
            let action = *action;
            let (sent, left) = match action {
                Action::Remove => (bench.removals(&rows[..1]), &rows[1..]),
                _ => (rows.clone(), &rows[..]),
            };
            match failing(bench, &audience, bench.batch(&audience, action, sent.clone()), fault).await {
                Err(Stop::Skip(_)) => continue,
                Err(Stop::Fail(why)) => return Err(blocked(fault_check(fault), why)),
                answer => drop(answer?),
            }
            bench.set_up_again(&audience, action, sent).await?;
            match bench.suppose(basis(action), &audience, left).await {
                Err(Stop::Blocked { why, .. }) if fault.applies() && action == Action::Add => {
                    return Err(blocked(twice(action), why));
                }
                answer => answer?,
            }
            tried += 1;
        }
    }
    if tried == 0 { skip("the harness cannot arrange any of the faults") } else { Ok(()) }
}

fn fault_check(fault: Fault) -> &'static str {
    match fault {
        Fault::TimeoutAfterApply => "failures.timeout_is_maybe_applied",
        Fault::Unavailable => "failures.unavailable_is_safe_or_maybe",
        _ => "failures.reset_after_apply_is_maybe_applied",
    }
}
