//! What the terminal shows.

use std::time::Duration;

use audience_sync::observe::Event;
use audience_sync::sync::RunReport;
use indicatif::{ProgressBar, ProgressStyle};

use crate::progress::Week;
use crate::shop::{WEEKS, week_end};

/// A bar on a terminal; elsewhere a line every quarter.
#[derive(Clone)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(done: usize) -> Self {
        let bar = ProgressBar::new(u64::from(WEEKS)).with_position(done as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:26} {pos:>2}/{len} weeks, {elapsed}: {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// What the engine tells while it works.
    pub(crate) fn event(&self, event: &Event<'_>) {
        if let Event::BatchSent { binding, settled, planned, .. } = event {
            self.0.set_message(format!("{binding}: {settled} of {planned} rows"));
        }
    }

    pub(crate) fn week(&self, week: &Week) {
        self.0.inc(1);
        if self.0.is_hidden() && week.number.is_multiple_of(13) {
            let members: Vec<String> = week.compared.iter().map(|at| at.members.to_string()).collect();
            println!("  week {} of {WEEKS}, to {}: {} members", week.number, day(week.number), members.join(" + "));
        }
    }

    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

fn day(week: u32) -> String {
    week_end(week).to_string().chars().take(10).collect()
}

/// What went wrong in a week; nothing when all is well.
pub(crate) fn faults(week: &Week) -> Vec<String> {
    let run = |run: &RunReport| {
        let counts = [run.add, run.remove, run.update];
        (!run.is_success() || !counts.iter().all(|counts| counts.balances())).then(|| run.to_string())
    };
    let runs = week.runs.iter().filter_map(run);
    let compared = week.compared.iter().filter(|at| !at.is_equal()).map(|at| {
        let (missing, surplus, other) = (at.missing, at.surplus, at.other_values);
        format!(
            "{} at {}: {missing} missing, {surplus} too many, {other} with other values",
            at.audience, at.destination
        )
    });
    runs.chain(compared).map(|fault| format!("week {}, to {}: {fault}", week.number, day(week.number))).collect()
}

/// One line for each binding: all its runs together.
pub(crate) fn table(weeks: &[Week]) {
    println!(
        "\n{:<52} {:>4} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
        "", "runs", "added", "updated", "removed", "by time", "skipped", "members"
    );
    for binding in 0..weeks.first().map_or(0, |week| week.runs.len()) {
        let runs: Vec<&RunReport> = weeks.iter().filter_map(|week| week.runs.get(binding)).collect();
        let Some(last) = runs.last() else { continue };
        let sum = |of: fn(&RunReport) -> u64| runs.iter().map(|run| of(run)).sum::<u64>();
        println!(
            "{:<52} {:>4} {:>7} {:>7} {:>7} {:>7} {:>7} {:>7}",
            format!("{} → {}", last.audience, last.destination),
            runs.len(),
            sum(|run| run.add.accepted),
            sum(|run| run.update.accepted),
            sum(|run| run.remove.accepted),
            sum(|run| run.plan.counts.expired),
            sum(|run| run.total().skipped),
            last.members
        );
    }
    let resumed = weeks.iter().filter(|week| week.runs.iter().any(|run| run.resumed)).count();
    if resumed > 0 {
        println!(
            "{resumed} weeks were interrupted and run again; what had been sent before the interruption is not in this table."
        );
    }
    unused(weeks);
}

/// The values of the last week's export that could not be used.
fn unused(weeks: &[Week]) {
    let values = weeks.last().and_then(|week| week.runs.iter().rev().max_by_key(|run| run.unused_values.len()));
    let Some(run) = values else { return };
    let worst: Vec<String> = run.unused_values.iter().map(|(code, count)| format!("{count} {code}")).collect();
    println!("Unusable values in the last export ({}): {}.", run.audience, worst.join(", "));
}
