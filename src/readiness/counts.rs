//! Whether the numbers add up: ours, and ours against the destination's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::inputs::SizeReading;
use super::{Scene, Verdict};
use crate::audience::Evidence;
use crate::destination::{Action, ActionCounts, RunStatus, Size, SizeReadBack};
use crate::sync::RunReport;

const NO_RUN: &str = "nothing has run here";

/// The runs by binding, the oldest first.
fn bindings<'a>(scene: &Scene<'a>) -> BTreeMap<&'a str, Vec<&'a RunReport>> {
    let mut bindings: BTreeMap<&str, Vec<&RunReport>> = BTreeMap::new();
    for run in &scene.inputs.runs {
        bindings.entry(&run.binding).or_default().push(run);
    }
    bindings
}

fn actions(run: &RunReport) -> [(Action, &ActionCounts); 3] {
    [(Action::Add, &run.add), (Action::Remove, &run.remove), (Action::Update, &run.update)]
}

/// `cnt.ledger`: every planned row came to an end.
pub(super) fn ledger(scene: &Scene<'_>) -> Verdict {
    if scene.inputs.runs.is_empty() {
        return Verdict::unknown(NO_RUN, "run a sync");
    }
    let mut broken = scene.inputs.runs.iter().filter(|run| actions(run).iter().any(|(_, counts)| !counts.balances()));
    if let Some(run) = broken.next_back() {
        let evidence =
            Evidence::new("run", run.run_id.as_str()).against("planned = accepted + rejected + skipped + pending");
        return Verdict::fail("a ledger does not balance", "report it: rows were lost")
            .with(evidence.at(run.finished_at));
    }
    let ramp = scene.ramp().unwrap_or(Duration::ZERO);
    let mut verdict = Verdict::pass();
    let (mut planned, mut pending) = (0_u64, 0_u64);
    for runs in bindings(scene).values() {
        let Some(last) = runs.last() else { continue };
        let total = last.total();
        (planned, pending) = (planned.saturating_add(total.planned), pending.saturating_add(total.pending));
        if total.pending > 0 {
            let found = match scene.now.since(last.finished_at) < ramp {
                true => Verdict::warn("rows are pending inside the ramp", "look again after the ramp"),
                false => Verdict::fail("rows are still pending", "run again, and see why they stay"),
            };
            verdict = verdict.and(found);
        }
    }
    verdict.with(Evidence::new("planned", planned)).with(Evidence::new("pending", pending).against("= 0"))
}

/// `cnt.reject`: few rows are rejected, and each has its reason.
pub(super) fn rejects(scene: &Scene<'_>) -> Verdict {
    if scene.inputs.runs.is_empty() {
        return Verdict::unknown(NO_RUN, "run a sync");
    }
    let unexplained = scene.inputs.runs.iter().find(|run| {
        actions(run).iter().any(|(action, counts)| {
            let reasons = run.reasons.iter().filter(|reason| reason.action == *action && reason.outcome == "rejected");
            let explained = reasons.fold(0_u64, |sum, reason| sum.saturating_add(reason.rows));
            explained < counts.rejected
        })
    });
    if let Some(run) = unexplained {
        let evidence = Evidence::new("run", run.run_id.as_str()).against("a reason for every rejected row");
        return Verdict::fail("rows were rejected without a reason", "report it").with(evidence.at(run.finished_at));
    }
    let (mut sent, mut rejected) = (0_u64, 0_u64);
    for run in &scene.inputs.runs {
        let total = run.total();
        sent = sent.saturating_add(total.accepted).saturating_add(total.rejected);
        rejected = rejected.saturating_add(total.rejected);
    }
    if sent == 0 {
        return Verdict::unknown("nothing was sent yet", "run a sync with members");
    }
    let (share, [pass, warn]) = (rejected as f64 / sent as f64, scene.policy.rejects);
    const FIX: &str = "mend what the reasons name";
    let verdict = match share {
        share if share <= pass => Verdict::pass(),
        share if share <= warn => Verdict::warn("rows are rejected", FIX),
        _ => Verdict::fail("many rows are rejected", FIX),
    };
    verdict.with(Evidence::new("rejected", share).against(format!("<= {pass}")))
}

/// `cnt.dest`: after the ramp, the destination counts about as many as we do.
pub(super) fn destination(scene: &Scene<'_>) -> Verdict {
    if scene.inputs.capabilities.as_ref().is_some_and(|capabilities| capabilities.size == SizeReadBack::None) {
        // Nothing to compare with: what the platform accepted is all there is.
        return ledger(scene).with(Evidence::new("read_back", "none").from("destination"));
    }
    let mut audiences: BTreeMap<&str, Vec<&SizeReading>> = BTreeMap::new();
    for reading in &scene.inputs.sizes {
        audiences.entry(&reading.audience).or_default().push(reading);
    }
    let Some(ramp) = scene.ramp() else {
        return Verdict::unknown(
            "nobody knows how long a change takes here",
            "name the platform's facts in the policy",
        );
    };
    if audiences.is_empty() {
        return Verdict::unknown("the destination's sizes were not read", "read them after the ramp");
    }
    let verdicts = audiences.into_values().map(|readings| match readings.as_slice() {
        [before @ .., last] => judge(scene, ramp, before, last),
        [] => Verdict::pass(),
    });
    verdicts.fold(Verdict::pass(), Verdict::and)
}

/// The platform's number, and whether it is close enough to judge by.
fn number(size: Size) -> Option<(f64, bool)> {
    match size {
        Size::Exact(count) => Some((count as f64, true)),
        Size::Rounded(count) => Some((count as f64, false)),
        Size::Range { from, to } => {
            let middle = (from as f64 + to as f64) / 2.0;
            Some((middle, (to as f64 - middle).abs() <= 0.2 * middle))
        }
        Size::Hidden => None,
    }
}

/// The platform's number over ours; nothing over nothing is as it should be.
fn ratio(reading: &SizeReading) -> Option<f64> {
    let (size, _) = number(reading.size)?;
    match (reading.acknowledged, size) {
        (0, 0.0) => Some(1.0),
        (ours, size) => Some(size / ours as f64),
    }
}

fn judge(scene: &Scene<'_>, ramp: Duration, before: &[&SizeReading], last: &SizeReading) -> Verdict {
    let waited = |reading: &SizeReading| reading.at.since(reading.last_change);
    if waited(last) < ramp {
        let hours = waited(last).as_secs_f64() / 3_600.0;
        let limit = format!(">= {}", ramp.as_secs() / 3_600);
        return Verdict::unknown("inside the ramp", "look again after the ramp")
            .with(Evidence::new("hours_since_change", hours).against(limit).at(last.at));
    }
    let (Some((_, exact)), Some(found)) = (number(last.size), ratio(last)) else {
        return Verdict::warn("the platform hides the size", "rely on the ledger and on the platform's own status")
            .with(Evidence::new(last.audience.as_str(), "hidden").at(last.at));
    };
    let history: Vec<f64> =
        before.iter().filter(|reading| waited(reading) >= ramp).filter_map(|reading| ratio(reading)).collect();
    let [warn, pass, most] = scene.policy.ratio;
    let (low, high) = band(history).unwrap_or((pass, most));
    let evidence = Evidence::new(last.audience.as_str(), found)
        .against(format!("{low:.2} to {high:.2}"))
        .from("destination")
        .at(last.at);
    const CAUSES: &str = "look for an old audience of the same name, members not removed, another writer, identifiers \
                          counted as persons";
    let verdict = if found > high.max(most) {
        Verdict::fail("the destination counts more people than were sent", CAUSES)
    } else if (low..=high).contains(&found) {
        match exact {
            true => Verdict::pass(),
            false => Verdict::warn("the platform's size is coarse", "compare again with a larger audience"),
        }
    } else if found >= warn && (low, high) == (pass, most) {
        Verdict::warn("few of those sent are recognised", "look at the identifiers first")
    } else {
        Verdict::fail(
            "the destination's count is far from ours",
            "look at identifiers, and at jobs the platform still works on",
        )
    };
    verdict.with(evidence)
}

/// Median ± the larger of 10 % and three robust standard deviations, from five points on.
fn band(mut history: Vec<f64>) -> Option<(f64, f64)> {
    if history.len() < 5 {
        return None;
    }
    let middle = median(&mut history)?;
    let mut distances: Vec<f64> = history.iter().map(|ratio| (ratio - middle).abs()).collect();
    let spread = (0.1 * middle).max(3.0 * 1.4826 * median(&mut distances)?);
    Some((middle - spread, middle + spread))
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get(values.len().saturating_sub(1) / 2)?;
    Some((lower + upper) / 2.0)
}

/// `cnt.drift`: three refreshes in a row change little.
pub(super) fn drift(scene: &Scene<'_>) -> Verdict {
    let settled = |run: &&&RunReport| matches!(run.status, RunStatus::Success | RunStatus::Partial);
    let mut worst: Option<f64> = None;
    for runs in bindings(scene).values() {
        let members: Vec<u64> = runs.iter().filter(settled).map(|run| run.members).collect();
        let from = members.len().saturating_sub(4);
        let last = members.get(from..).unwrap_or_default();
        if last.len() < 4 {
            return Verdict::unknown("fewer than three refreshes", "look again after three refreshes");
        }
        for pair in last.windows(2) {
            if let [before, after] = *pair {
                let change = after.abs_diff(before) as f64 / before.max(1) as f64;
                worst = Some(worst.map_or(change, |worst| worst.max(change)));
            }
        }
    }
    let Some(change) = worst else { return Verdict::unknown(NO_RUN, "run a sync") };
    let [pass, warn] = scene.policy.change;
    const FIX: &str = "find out what moves it before spending on it";
    let verdict = match change {
        change if change <= pass => Verdict::pass(),
        change if change <= warn => Verdict::warn("sizes still move", FIX),
        _ => Verdict::fail("sizes jump", FIX),
    };
    verdict.with(Evidence::new("change", change).against(format!("<= {pass}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_is_ten_percent_or_three_robust_deviations() {
        assert_eq!(band(vec![0.5; 4]), None);
        let (low, high) = band(vec![0.5; 5]).unwrap();
        assert!((low - 0.45).abs() < 1e-12 && (high - 0.55).abs() < 1e-12);
        // Median 0.5; distances 0.2, 0.1, 0, 0.1, 0.2: their median 0.1 gives 0.44478.
        let (low, high) = band(vec![0.3, 0.4, 0.5, 0.6, 0.7]).unwrap();
        assert!((low - 0.05522).abs() < 1e-9 && (high - 0.94478).abs() < 1e-9, "{low} {high}");
    }
}
