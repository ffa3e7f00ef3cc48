//! What a holdout has shown, as a page.

use maud::{Markup, html};

use super::parts::{self, text, tile};
use super::picture::short;
use crate::measure::{Comparison, Estimate, LiftReport};
use crate::report::figures::grouped;

/// The parts of the picture's width that stay free at both ends.
const MARGIN: f64 = 8.0;

pub(super) fn page(report: &LiftReport) -> String {
    let body = html! {
        header {
            h1 { (text(&report.experiment)) }
            p.meta { "What counts: " (text(&report.outcome)) "." }
        }
        section.card {
            h2 { "Can it be trusted" }
            @for sentence in report.health() { p { (sentence) } }
        }
        @for comparison in report.comparisons() { (card(comparison, &scale(report))) }
        @if report.comparisons().is_empty() { section.card { p { "Nothing was compared." } } }
    };
    parts::page("What a holdout has shown", &body)
}

fn card(comparison: &Comparison, scale: &Scale) -> Markup {
    let lift = &comparison.lift;
    html! {
        section.card {
            h2 { (text(&comparison.name)) ": " (comparison.finding.as_str()) }
            dl.tiles {
                (tile("Treated", &percent(lift.treated.rate()), &format!("of {}", grouped(lift.treated.members()))))
                (tile("Held out", &percent(lift.held_out.rate()), &format!("of {}", grouped(lift.held_out.members()))))
            }
            (interval(&lift.difference, scale))
            @for sentence in comparison.sentences() { p { (sentence) } }
        }
    }
}

/// What all pictures of a page have in common, so that they can be compared by eye: differences from `low` to `high`.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Where a difference lies, 0 to 100.
    fn place(&self, difference: f64) -> f64 {
        MARGIN + (100.0 - 2.0 * MARGIN) * (difference - self.low) / (self.high - self.low)
    }
}

fn scale(report: &LiftReport) -> Scale {
    let differences = || report.comparisons().iter().map(|comparison| comparison.lift.difference);
    let low = differences().map(|it| it.low).fold(0.0, f64::min);
    let high = differences().map(|it| it.high).fold(0.0, f64::max);
    // Never a scale of nothing.
    Scale { low, high: if high > low { high } else { low + 0.01 } }
}

/// The difference with its interval, and where zero is.
fn interval(difference: &Estimate, scale: &Scale) -> Markup {
    let at = |value: f64| short(scale.place(value));
    let told = format!(
        "difference {} points, interval {} to {} points",
        point(difference.value),
        point(difference.low),
        point(difference.high)
    );
    html! {
        svg.interval viewBox="0 0 100 16" role="img" aria-label=(told) {
            line.zero x1=(at(0.0)) x2=(at(0.0)) y1="0" y2="11" {}
            line.reach x1=(at(difference.low)) x2=(at(difference.high)) y1="6" y2="6" {}
            circle.value cx=(at(difference.value)) cy="6" r="1.6" {}
            text x=(at(0.0)) y="15.4" text-anchor="middle" { "no difference" }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn point(difference: f64) -> String {
    format!("{:+.2}", difference * 100.0).replace('-', "−")
}
