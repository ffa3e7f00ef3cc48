//! What a holdout has shown, as Markdown.

use std::fmt::Write as _;

use super::escaped;
use crate::measure::LiftReport;

/// What a holdout has shown: whether it can be trusted first, then each comparison in sentences.
pub fn lift(report: &LiftReport) -> String {
    let mut out = format!("# {}\n\nWhat counts: {}.\n\n", escaped(&report.experiment), escaped(&report.outcome));
    // Writing to a string does not fail.
    for sentence in report.health() {
        let _ = writeln!(out, "- {}", escaped(&sentence));
    }
    for comparison in report.comparisons() {
        let _ = writeln!(out, "\n## {}: {}\n", escaped(&comparison.name), comparison.finding.as_str());
        for sentence in comparison.sentences() {
            let _ = writeln!(out, "- {}", escaped(&sentence));
        }
    }
    out
}
