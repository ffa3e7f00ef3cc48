//! Pictures: inline SVG drawn by hand, coloured by the page's style sheet.

use std::fmt::Write;

use maud::{Markup, html};

use crate::destination::{ActionCounts, RunStatus};
use crate::report::figures::{grouped, share};
use crate::report::history::History;

/// The least width of a part that is not nothing, in hundredths of its bar: three of a million can be seen.
const SLIVER: f64 = 1.2;

/// Shares of a bar 100 wide. Parts that would vanish get a sliver, at the cost of the widest.
fn widths(parts: &[u64], whole: u64) -> Vec<f64> {
    let whole = whole.max(1) as f64;
    let exact: Vec<f64> = parts.iter().map(|part| (*part as f64 / whole * 100.0).min(100.0)).collect();
    let mut drawn: Vec<f64> = exact.iter().map(|width| if *width > 0.0 { width.max(SLIVER) } else { 0.0 }).collect();
    let excess = (drawn.iter().sum::<f64>() - exact.iter().sum::<f64>().min(100.0)).max(0.0);
    if let Some(widest) = drawn.iter_mut().max_by(|a, b| a.total_cmp(b)) {
        *widest = (*widest - excess).max(SLIVER.min(*widest));
    }
    drawn
}

/// One count as a part of a whole.
pub(super) fn bar(count: u64, whole: u64) -> Markup {
    let width = widths(&[count], whole.max(count)).first().copied().unwrap_or_default();
    html! {
        svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect.plain width=(short(width)) height="10" {}
        }
    }
}

/// The four ends of a ledger as one bar.
pub(super) fn ledger_bar(counts: &ActionCounts) -> Markup {
    let ends = [
        ("accepted", counts.accepted),
        ("rejected", counts.rejected),
        ("skipped", counts.skipped),
        ("pending", counts.pending),
    ];
    let whole = crate::report::figures::ends(counts).max(counts.planned);
    let told: Vec<String> = ends
        .iter()
        .filter(|(_, rows)| *rows > 0)
        .map(|(name, rows)| format!("{} {name} ({})", grouped(*rows), share(*rows, whole).unwrap_or_default()))
        .collect();
    let told = if told.is_empty() { "no rows".to_owned() } else { told.join(", ") };
    let mut x = 0.0;
    html! {
        svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=(told) {
            title { (told) }
            @for ((name, rows), width) in ends.iter().zip(widths(&ends.map(|(_, rows)| rows), whole)) {
                @if *rows > 0 {
                    rect.(name) x=(short(x)) width=(short(width)) height="10" {}
                    @let () = x += width;
                }
            }
        }
    }
}

/// How a run ended, as a shape at a place: no two statuses differ by colour alone.
pub(super) fn mark(status: RunStatus, x: f64, y: f64) -> Markup {
    let (x0, x1, y0, y1) = (short(x - 3.2), short(x + 3.2), short(y - 3.2), short(y + 3.2));
    let (cx, cy) = (short(x), short(y));
    html! {
        @match status {
            RunStatus::Success => circle.mark.success cx=(cx) cy=(cy) r="2.2" {},
            RunStatus::Running => circle.mark.running cx=(cx) cy=(cy) r="2.8" {},
            RunStatus::Partial => path.mark.partial d={ "M" (cx) " " (y0) "L" (x1) " " (cy) "L" (cx) " " (y1) "L" (x0) " " (cy) "Z" } {},
            RunStatus::Refused => rect.mark.refused x=(short(x - 2.8)) y=(short(y - 2.8)) width="5.6" height="5.6" {},
            RunStatus::Failed => path.mark.failed d={ "M" (x0) " " (y0) "L" (x1) " " (y1) "M" (x0) " " (y1) "L" (x1) " " (y0) } {},
        }
    }
}

/// A number with one digit after the point, and none where it is nought.
pub(super) fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// The members over time as one small line.
pub(super) fn spark(history: &History<'_>) -> Markup {
    let plot = Plot::over(history, 2.0, 128.0);
    let (least, most) =
        history.runs.iter().fold((u64::MAX, 0), |(least, most), run| (least.min(run.members), most.max(run.members)));
    let height = |members: u64| match most.checked_sub(least) {
        None | Some(0) => 15.0,
        Some(range) => 27.0 - (members - least) as f64 / range as f64 * 24.0,
    };
    let last = history.last;
    let told = format!("members from {} to {}", grouped(history.members_at_first()), grouped(last.members));
    html! {
        svg.spark viewBox="0 0 130 30" role="img" aria-label=(told) {
            title { (told) }
            path.line d=(plot.steps(height)) {}
            circle.plain cx=(short(plot.x(history.runs.len().saturating_sub(1)))) cy=(short(height(last.members))) r="2.4" {}
        }
    }
}

/// Places the runs of a history along a line, by the time at which they ended.
pub(super) struct Plot<'a, 'b> {
    history: &'b History<'a>,
    from: f64,
    to: f64,
    first: i64,
    last: i64,
}

impl<'a, 'b> Plot<'a, 'b> {
    pub(super) fn over(history: &'b History<'a>, from: f64, to: f64) -> Self {
        let moments = || history.runs.iter().map(|run| run.started_at.as_millis());
        let (first, last) = (moments().min().unwrap_or_default(), moments().max().unwrap_or_default());
        Self { history, from, to, first, last }
    }

    /// Where a run stands. Runs of one single moment stand in the middle.
    pub(super) fn x(&self, run: usize) -> f64 {
        let at = self.history.runs.get(run).map_or(self.last, |run| run.started_at.as_millis());
        let span = self.last as f64 - self.first as f64;
        if span > 0.0 {
            self.from + (at as f64 - self.first as f64) / span * (self.to - self.from)
        } else {
            f64::midpoint(self.from, self.to)
        }
    }

    /// The members as a line of steps: what a destination acknowledged holds until the next run.
    pub(super) fn steps(&self, height: impl Fn(u64) -> f64) -> String {
        let mut path = String::new();
        for (index, run) in self.history.runs.iter().enumerate() {
            let (x, y) = (short(self.x(index)), short(height(run.members)));
            let _ = if index == 0 { write!(path, "M{x} {y}") } else { write!(path, "H{x}V{y}") };
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_parts_can_be_seen_and_the_whole_stays_the_whole() {
        assert_eq!(widths(&[3, 1, 0, 0], 4), [75.0, 25.0, 0.0, 0.0]);
        let drawn = widths(&[999_997, 3, 0, 0], 1_000_000);
        assert_eq!(drawn[1], SLIVER);
        assert!((drawn.iter().sum::<f64>() - 100.0).abs() < 1e-9, "{drawn:?}");
        assert_eq!(widths(&[0, 0], 0), [0.0, 0.0]);
        assert!(widths(&[u64::MAX, u64::MAX], 1).iter().all(|width| width.is_finite()));
    }

    #[test]
    fn numbers_of_a_drawing_are_short() {
        assert_eq!([short(1.0), short(0.25), short(-2.04)], ["1", "0.2", "-2"]);
    }

    #[test]
    fn no_two_statuses_share_a_shape() {
        use RunStatus::{Failed, Partial, Refused, Running, Success};
        let shapes: std::collections::BTreeSet<String> = [Failed, Partial, Refused, Running, Success]
            .map(|status| mark(status, 10.0, 10.0).into_string().replace(status.as_str(), ""))
            .into();
        assert_eq!(shapes.len(), 5);
    }
}
