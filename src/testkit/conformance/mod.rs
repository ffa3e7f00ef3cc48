//! The conformance suite: one set of named checks for every destination.
//!
//! [`run`] drives a destination through a [`Harness`] and reports on each check. The checks are in groups:
//!
//! | Group | Asks |
//! |---|---|
//! | `sending` | do rows do what they say, and nothing else? |
//! | `replies` | is the platform's answer understood, row by row? |
//! | `failures` | does the destination know what it does not know? |
//! | `life` | does it live in a host: between threads, side by side, dropped half way? |
//! | `honesty` | is it what it says it is? |
//! | `secrecy` | does anything show that may not? |
//!
//! A check whose ground does not hold is skipped, and the report says which check it stands on; when that one passes
//! all the same, the check fails. So one flaw fails one check. What a harness cannot arrange is skipped with the reason.
//! Names are stable.
//!
//! # Examples
//! ```
//! use std::sync::Arc;
//! use audience_sync::async_trait;
//! use audience_sync::destination::{AudienceRef, Context, Destination, Memory};
//! use audience_sync::testkit::ManualClock;
//! use audience_sync::testkit::conformance::{self, Harness};
//!
//! struct Crm(Memory);
//!
//! #[async_trait]
//! impl Harness for Crm {
//!     fn destination(&self) -> Arc<dyn Destination> {
//!         Arc::new(self.0.clone())
//!     }
//!     fn context(&self) -> Context {
//!         Context::new("conformance", Arc::new(ManualClock::auto()))
//!     }
//!     async fn members(&self, audience: &AudienceRef) -> Option<Vec<String>> {
//!         Some(self.0.member_ids(&audience.key).into_iter().collect())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! conformance::run(&Crm(Memory::new("crm"))).await.assert_passed();
//! # }
//! ```

mod bench;
mod failures;
mod harness;
mod honesty;
mod life;
mod people;
mod replies;
mod report;
mod secrecy;
mod sending;

use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};

use self::bench::{Bench, Checked, Notes, Stop};
pub use self::harness::Harness;
pub use self::people::sample_row;
pub use self::report::{CheckResult, ConformanceReport, Verdict};
use crate::clock::{Clock, TokioClock};

/// A check that takes longer, in real time, hangs.
const HANGS_AFTER: Duration = Duration::from_secs(120);

type Running<'b> = Pin<Box<dyn Future<Output = Checked> + Send + 'b>>;

struct Check {
    name: &'static str,
    run: for<'b> fn(&'b Bench<'_>) -> Running<'b>,
}

macro_rules! checks {
    ($($group:ident { $($name:ident),+ $(,)? })+) => {
        &[$($(Check {
            name: concat!(stringify!($group), ".", stringify!($name)),
            run: |bench| Box::pin($group::$name(bench)),
        }),+),+]
    };
}

/// In this order: the last ones look through what the others saw.
const CHECKS: &[Check] = checks! {
    sending {
        add_makes_members,
        remove_takes_only_named,
        resend_changes_nothing,
        remove_twice_is_accepted,
        add_again_after_remove,
        empty_batch_changes_nothing,
        update_if_declared,
        batches_add_up,
        largest_batch_within_limits,
    }
    replies { outcome_covers_batch, jobs_end, reject_names_row, reject_codes_are_words }
    failures {
        throttle_is_rate_limited,
        throttle_wait_is_passed_on,
        throttle_is_not_waited_out,
        unauthorized_never_retried,
        unavailable_is_safe_or_maybe,
        reset_after_apply_is_maybe_applied,
        timeout_is_maybe_applied,
        garbled_reply_is_no_success,
        resend_converges,
    }
    life { works_from_any_task, side_by_side_loses_nothing, cancel_is_safe, two_audiences_do_not_mix }
    honesty {
        info_id_is_stable_and_plain,
        capabilities_are_stable,
        limits_are_positive,
        cost_fits_one_row,
        open_twice_same_audience,
        check_is_ready,
        undeclared_actions_are_unsupported,
        undeclared_operations_are_unsupported,
        declared_size_works,
        size_matches_members,
        declared_members_work,
        declared_events_work,
        declared_forget_works,
        declared_sessions_work,
        outcomes_fit_capabilities,
    }
    secrecy { debug_hides_values, errors_hide_values, rejects_hide_values, events_hide_values }
    honesty { hosts_only_declared }
};

/// The names of all checks, in the order they are made.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Makes every check, one after the other, each with audiences and people of its own. Needs a tokio runtime.
pub async fn run(harness: &dyn Harness) -> ConformanceReport {
    let notes = Notes::default();
    let mut results = Vec::with_capacity(CHECKS.len());
    for (number, check) in (0..).zip(CHECKS) {
        let result = match harness.exempt(check.name) {
            Some(why) => Err(Stop::Skip(format!("exempt: {why}"))),
            None => make(harness, &notes, check, number).await,
        };
        harness.heal();
        results.push((check.name, result));
    }
    let verdicts = results.iter().map(|(name, result)| CheckResult { name, verdict: verdict(name, result, &results) });
    ConformanceReport { destination: harness.destination().info().id, checks: verdicts.collect() }
}

/// A destination that panics or hangs fails its check, and the others are still made.
async fn make(harness: &dyn Harness, notes: &Notes, check: &Check, number: u32) -> Checked {
    let guarded = AssertUnwindSafe(async {
        let bench = Bench::new(harness, notes, check.name, number);
        (check.run)(&bench).await
    })
    .catch_unwind();
    match select(pin!(guarded), TokioClock.sleep(HANGS_AFTER)).await {
        Either::Left((Ok(result), _)) => result,
        Either::Left((Err(_), _)) => bench::fail("expected an answer, found a panic"),
        Either::Right(_) => bench::fail(format!("expected an answer within {HANGS_AFTER:?}, found none")),
    }
}

type Results = [(&'static str, Checked)];

fn verdict(name: &str, result: &Checked, all: &Results) -> Verdict {
    match result {
        Ok(()) => Verdict::Passed,
        Err(Stop::Skip(why)) => Verdict::Skipped { why: why.clone() },
        Err(Stop::Fail(why)) => Verdict::Failed { why: why.clone() },
        Err(Stop::Blocked { on, why }) if *on != name && fails(on, all, all.len()) => {
            Verdict::Skipped { why: format!("stands on {on}, which failed: {why}") }
        }
        Err(Stop::Blocked { why, .. }) => Verdict::Failed { why: why.clone() },
    }
}

/// Whether the check of that name fails, or stands on one that does. `depth` ends circles.
fn fails(name: &str, all: &Results, depth: usize) -> bool {
    match all.iter().find(|(of, _)| *of == name) {
        Some((_, Err(Stop::Fail(_)))) => true,
        Some((_, Err(Stop::Blocked { on, .. }))) => *on == name || (depth > 0 && fails(on, all, depth - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(results: Vec<(&'static str, Checked)>) -> Vec<bool> {
        results.iter().map(|(name, result)| matches!(verdict(name, result, &results), Verdict::Failed { .. })).collect()
    }

    fn on(on: &'static str) -> Checked {
        Err(bench::blocked(on, "why"))
    }

    #[test]
    fn one_flaw_fails_one_check_and_none_hides() {
        // The ground failed: what stands on it is skipped, over two steps as well.
        assert_eq!(all(vec![("a", bench::fail("x")), ("b", on("a")), ("c", on("b"))]), [true, false, false]);
        // A check that stands on itself failed.
        assert_eq!(all(vec![("a", on("a")), ("b", on("a"))]), [true, false]);
        // The ground holds, or was not tried, or does not exist: the failure is the check's own.
        assert_eq!(all(vec![("a", Ok(())), ("b", on("a"))]), [false, true]);
        assert_eq!(all(vec![("a", bench::skip("x")), ("b", on("a")), ("c", on("z"))]), [false, true, true]);
        // Two that stand on each other both failed.
        assert_eq!(all(vec![("a", on("b")), ("b", on("a"))]), [true, true]);
    }

    #[test]
    fn names_are_unique_and_grouped() {
        let names: Vec<_> = names().collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len());
        let groups = ["sending", "replies", "failures", "life", "honesty", "secrecy"];
        assert!(names.iter().all(|name| name.split_once('.').is_some_and(|(group, _)| groups.contains(&group))));
    }
}
