//! Many runs, sorted into the histories of their bindings.

use std::collections::BTreeMap;

use super::figures::sum;
use crate::destination::{ActionCounts, RunStatus};
use crate::sync::{GuardTrip, ReasonCount, RunReport};
use crate::time::Timestamp;

/// The runs of one binding, oldest first; there is at least one.
pub(super) struct History<'a> {
    pub(super) last: &'a RunReport,
    pub(super) runs: Vec<&'a RunReport>,
}

/// The histories of all bindings: those whose last run did not succeed first, then by name.
pub(super) fn histories<'a>(runs: impl IntoIterator<Item = &'a RunReport>) -> Vec<History<'a>> {
    let mut bindings: BTreeMap<&str, Vec<&RunReport>> = BTreeMap::new();
    for run in runs {
        bindings.entry(&run.binding).or_default().push(run);
    }
    let mut histories: Vec<History<'_>> = bindings
        .into_values()
        .filter_map(|mut runs| {
            runs.sort_by_key(|run| (run.started_at, run.finished_at));
            Some(History { last: runs.last().copied()?, runs })
        })
        .collect();
    histories.sort_by_key(|history| urgency(history.last.status));
    histories
}

/// What a person should look at first.
fn urgency(status: RunStatus) -> u8 {
    match status {
        RunStatus::Failed => 0,
        RunStatus::Refused => 1,
        RunStatus::Partial => 2,
        RunStatus::Running => 3,
        RunStatus::Success => 4,
    }
}

impl History<'_> {
    /// When the first run began.
    pub(super) fn from(&self) -> Timestamp {
        self.runs.first().map_or(self.last.started_at, |run| run.started_at)
    }

    /// Members after the first run.
    pub(super) fn members_at_first(&self) -> u64 {
        self.runs.first().map_or(self.last.members, |run| run.members)
    }

    /// The ledger of all runs together. A row that is pending in one run is planned again in the next.
    pub(super) fn ledger(&self) -> ActionCounts {
        sum(self.runs.iter().flat_map(|run| [&run.add, &run.remove, &run.update]))
    }

    /// How many runs ended so.
    pub(super) fn ended(&self, status: RunStatus) -> u64 {
        self.runs.iter().filter(|run| run.status == status).count() as u64
    }

    /// The reasons of all runs together, the most rows first.
    pub(super) fn reasons(&self) -> Vec<ReasonCount> {
        let mut sums: BTreeMap<_, ReasonCount> = BTreeMap::new();
        for reason in self.runs.iter().flat_map(|run| &run.reasons) {
            let key = (reason.action, &reason.outcome, &reason.code, &reason.field);
            sums.entry(key)
                .and_modify(|sum| sum.rows = sum.rows.saturating_add(reason.rows))
                .or_insert_with(|| reason.clone());
        }
        let mut reasons: Vec<ReasonCount> = sums.into_values().collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
        reasons
    }

    /// Every refusal, the newest first, with the run it stopped.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (&RunReport, &GuardTrip)> {
        self.runs.iter().rev().flat_map(|run| run.plan.refused.iter().map(|trip| (*run, trip)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn runs_are_sorted_into_bindings_with_trouble_first() {
        let mut late = sample::run("a@x");
        late.started_at = Timestamp::from_secs(200);
        late.members = 7;
        let mut early = sample::run("a@x");
        early.started_at = Timestamp::from_secs(100);
        let mut refused = sample::refused("z@x");
        refused.started_at = Timestamp::from_secs(50);
        let runs = [late, refused, early];
        let histories = histories(&runs);
        let names: Vec<_> = histories.iter().map(|history| history.last.binding.as_str()).collect();
        assert_eq!(names, ["z@x", "a@x"]);
        assert_eq!((histories[1].from(), histories[1].last.members), (Timestamp::from_secs(100), 7));
        assert_eq!(histories[1].ended(RunStatus::Success), 2);
        assert_eq!(histories[1].ledger().planned, 2 * 520);
    }

    #[test]
    fn equal_reasons_are_one() {
        let runs = [sample::run("a@x"), sample::run("a@x")];
        let histories = histories(&runs);
        let rows: Vec<_> = histories[0].reasons().iter().map(|reason| (reason.code.clone(), reason.rows)).collect();
        assert_eq!(rows, [("invalid_email".to_owned(), 24), ("shared_identifier".to_owned(), 16)]);
    }
}
