//! Counts every row of a run into one of four ends.

use std::collections::BTreeMap;

use super::report::ReasonCount;
use crate::destination::{Action, ActionCounts};
use crate::state::RowSettled;

/// The ledger of one run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) add: ActionCounts,
    pub(crate) remove: ActionCounts,
    pub(crate) update: ActionCounts,
    pub(crate) unattributed: u64,
    reasons: BTreeMap<(Action, &'static str, String, Option<String>), u64>,
}

impl Tally {
    fn counts(&mut self, action: Action) -> &mut ActionCounts {
        match action {
            Action::Add => &mut self.add,
            Action::Remove => &mut self.remove,
            Action::Update => &mut self.update,
        }
    }

    /// Rows of the plan. Until they are settled they are pending, for the reason that they were not sent.
    pub(crate) fn planned(&mut self, action: Action, rows: u64) {
        let counts = self.counts(action);
        counts.planned += rows;
        counts.pending += rows;
    }

    /// A row is settled, or left pending for a reason.
    pub(crate) fn settled(&mut self, action: Action, settled: &RowSettled) {
        match settled {
            RowSettled::Accepted { .. } => self.moved(action, |counts| &mut counts.accepted),
            RowSettled::Rejected { code, field } => {
                self.moved(action, |counts| &mut counts.rejected);
                self.because(action, "rejected", code, field.clone());
            }
            RowSettled::Skipped { reason } => {
                self.moved(action, |counts| &mut counts.skipped);
                self.because(action, "skipped", reason, None);
            }
            RowSettled::NotApplied => self.because(action, "pending", "not_applied", None),
            RowSettled::InDoubt => self.because(action, "pending", "in_doubt", None),
            RowSettled::Pending => self.because(action, "pending", "job", None),
            RowSettled::Staged => self.because(action, "pending", "staged", None),
        }
    }

    /// A row that was left pending for a reason turns out differently.
    pub(crate) fn resettled(&mut self, action: Action, before: &RowSettled, settled: &RowSettled) {
        let code = match before {
            RowSettled::Pending => "job",
            _ => "staged",
        };
        if let Some(rows) = self.reasons.get_mut(&(action, "pending", code.to_owned(), None)) {
            *rows = rows.saturating_sub(1);
        }
        self.settled(action, settled);
    }

    fn moved(&mut self, action: Action, to: fn(&mut ActionCounts) -> &mut u64) {
        let counts = self.counts(action);
        counts.pending = counts.pending.saturating_sub(1);
        *to(counts) += 1;
    }

    fn because(&mut self, action: Action, outcome: &'static str, code: &str, field: Option<String>) {
        *self.reasons.entry((action, outcome, code.to_owned(), field)).or_default() += 1;
    }

    /// Why rows were rejected, skipped or left pending; pending rows nobody spoke of were not sent.
    pub(crate) fn reasons(&self) -> Vec<ReasonCount> {
        let mut reasons: Vec<ReasonCount> = Vec::new();
        for ((action, outcome, code, field), rows) in &self.reasons {
            if *rows > 0 {
                let (outcome, code, field) = ((*outcome).to_owned(), code.clone(), field.clone());
                reasons.push(ReasonCount { action: *action, outcome, code, field, rows: *rows });
            }
        }
        for (action, counts) in [(Action::Add, self.add), (Action::Remove, self.remove), (Action::Update, self.update)]
        {
            let told: u64 = reasons
                .iter()
                .filter(|reason| reason.action == action && reason.outcome == "pending")
                .map(|reason| reason.rows)
                .sum();
            let rows = counts.pending.saturating_sub(told);
            if rows > 0 {
                let (outcome, code) = ("pending".to_owned(), "not_sent".to_owned());
                reasons.push(ReasonCount { action, outcome, code, field: None, rows });
            }
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_ends_once_and_has_its_reason() {
        let mut tally = Tally::default();
        tally.planned(Action::Add, 6);
        let rejected = RowSettled::Rejected { code: "invalid".into(), field: Some("email".into()) };
        for settled in [
            RowSettled::Accepted { vendor_ref: None },
            rejected,
            RowSettled::Skipped { reason: "shared_identifier".into() },
            RowSettled::InDoubt,
            RowSettled::Staged,
        ] {
            tally.settled(Action::Add, &settled);
        }
        tally.resettled(Action::Add, &RowSettled::Staged, &RowSettled::Accepted { vendor_ref: None });
        assert_eq!(tally.add, ActionCounts { planned: 6, accepted: 2, rejected: 1, skipped: 1, pending: 2 });
        assert!(tally.add.balances());
        let reasons: Vec<_> =
            tally.reasons().into_iter().map(|reason| (reason.outcome, reason.code, reason.rows)).collect();
        let expected = [
            ("pending", "in_doubt", 1),
            ("rejected", "invalid", 1),
            ("skipped", "shared_identifier", 1),
            ("pending", "not_sent", 1),
        ];
        assert_eq!(reasons, expected.map(|(outcome, code, rows)| (outcome.to_owned(), code.to_owned(), rows)));
    }
}
