//! Lint and checklist as Markdown.

use std::fmt::{self, Write};

use super::{code, escaped, sentence, written};
use crate::audience::Evidence;
use crate::audience::lint::{Finding, LintReport};
use crate::naming::Severity;
use crate::readiness::{Item, ReadinessReport, Status};
use crate::report::figures::{counted, minute};
use crate::report::words;

/// What the lint rules found: the worst first, then what was set aside, then what could not be judged.
pub fn lint(report: &LintReport) -> String {
    written(|out| {
        writeln!(out, "# {}\n", words::lint(report))?;
        writeln!(
            out,
            "{}, as of {} UTC.\n",
            counted(report.audiences, "audience", "audiences"),
            minute(report.generated_at)
        )?;
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            let found: Vec<&Finding> = report.open().filter(|finding| finding.severity == severity).collect();
            if !found.is_empty() {
                writeln!(out, "## {}\n", words::severities(severity))?;
                found.into_iter().try_for_each(|finding| self::finding(out, finding))?;
                writeln!(out)?;
            }
        }
        let waived: Vec<&Finding> = report.findings.iter().filter(|finding| finding.waived.is_some()).collect();
        if !waived.is_empty() {
            writeln!(out, "## Waived\n")?;
            waived.into_iter().try_for_each(|finding| self::finding(out, finding))?;
            writeln!(out)?;
        }
        if !report.unjudged.is_empty() {
            writeln!(out, "## Not judged\n")?;
            for ((rule, needs), audiences) in report.missing() {
                let concerned = words::concerned(&audiences);
                writeln!(out, "- {rule} **{}**: needs {}", escaped(&concerned), escaped(needs))?;
            }
        }
        Ok(())
    })
}

fn finding(out: &mut String, finding: &Finding) -> fmt::Result {
    let audience = finding.name.as_ref().or(finding.audience.as_ref()).map_or("portfolio", String::as_str);
    write!(
        out,
        "- {} **{}**: {}. {}.",
        finding.rule,
        escaped(audience),
        escaped(&finding.message),
        sentence(&escaped(&finding.fix))
    )?;
    evidence(out, &finding.evidence)?;
    match &finding.waived {
        Some(waiver) => {
            let (by, reason) = (escaped(&waiver.by), escaped(&waiver.reason));
            writeln!(out, " Waived by {by} until {} UTC: {reason}", minute(waiver.until))
        }
        None => writeln!(out),
    }
}

fn evidence(out: &mut String, evidence: &[Evidence]) -> fmt::Result {
    if evidence.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = evidence.iter().map(|evidence| format!("`{}`", code(&evidence.to_string()))).collect();
    write!(out, " ({})", told.join(", "))
}

/// The checklist: what blocks first, then every item.
pub fn readiness(report: &ReadinessReport) -> String {
    written(|out| {
        writeln!(out, "# {}: {}\n", sentence(words::verdict(report.overall)), escaped(&report.destination))?;
        writeln!(out, "As of {} UTC. {}.\n", minute(report.generated_at), words::checks(report))?;
        let blocking: Vec<&Item> = report.blocking().collect();
        if !blocking.is_empty() {
            writeln!(out, "> **Before it goes live:**")?;
            for item in blocking {
                writeln!(out, "> - {} ({}): {}", escaped(&item.title), escaped(&item.id), escaped(&item.fix))?;
            }
            writeln!(out)?;
        }
        writeln!(out, "| | Item | Why | Next | Evidence |\n|---|---|---|---|---|")?;
        report.items.iter().try_for_each(|item| row(out, item))
    })
}

fn row(out: &mut String, item: &Item) -> fmt::Result {
    let mut reason = escaped(&item.reason);
    if let Some(waiver) = &item.waived {
        let (by, why) = (escaped(&waiver.by), escaped(&waiver.reason));
        reason = format!("{reason}; waived by {by} until {} UTC: {why}", minute(waiver.until));
    }
    let told: Vec<String> = item.evidence.iter().map(|evidence| escaped(&evidence.to_string())).collect();
    writeln!(
        out,
        "| {} | {} ({}) | {reason} | {} | {} |",
        mark(item.status),
        escaped(&item.title),
        escaped(&item.id),
        escaped(&item.fix),
        told.join(", ")
    )
}

/// A status as a word; the two that stop are set in bold.
fn mark(status: Status) -> String {
    match status {
        Status::Fail | Status::Unknown => format!("**{status}**"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_lint_report_lists_the_worst_first() {
        let text = lint(&sample::lint());
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
        assert!(
            text.starts_with("# 2 errors, 1 warning, 0 notes\n\n3 audiences, as of 2026-11-23 10:15 UTC.\n"),
            "{text}"
        );
        assert!(place("## Errors") < place("## Warnings") && place("## Warnings") < place("## Waived"));
        let line = "- AL-001 **CI \\| Browsers \\| 30d \\| Excl None**: \\`All Visitors\\` describes people and decides nothing. \
                    Name the decision: who gets which message, and when they stop.\n";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("(`share 0.5 (expected < 0.4)`)") && text.contains("Waived by mia"), "{text}");
        assert!(text.contains("- AL-031 **ci\\_browsers\\_0-30d\\_excl-none**: needs its size"), "{text}");
    }

    #[test]
    fn a_checklist_begins_with_what_blocks() {
        let text = readiness(&sample::readiness());
        assert!(text.starts_with("# Not ready: meta:act\\_100\n"), "{text}");
        assert!(
            text.contains("> - frequency caps (spend.freq): cap it; three to seven times a week are usual\n"),
            "{text}"
        );
        let row = "| **fail** | frequency caps (spend.freq) | an audience has no frequency cap | cap it; three to seven times \
                   a week are usual | lapsed unknown (expected 1 to 10 a week) |\n";
        assert!(text.contains(row) && text.contains("| pass | connected and authenticated (conn.auth) |"), "{text}");
    }

    #[test]
    fn hostile_text_is_escaped() {
        let evil = "[x](javascript:alert(1))|<b>\n# h\u{202e}`";
        let mut report = sample::lint();
        for finding in &mut report.findings {
            (finding.message, finding.fix, finding.name) = (evil.to_owned(), evil.to_owned(), Some(evil.to_owned()));
            finding.evidence = vec![Evidence::new(evil, evil)];
        }
        let mut checklist = sample::readiness();
        for item in &mut checklist.items {
            (item.id, item.title, item.fix) = (evil.to_owned(), evil.to_owned(), evil.to_owned());
            (item.reason, item.evidence) = (evil.to_owned(), vec![Evidence::new(evil, evil)]);
        }
        for text in [lint(&report), readiness(&checklist)] {
            assert!(!text.contains("\n# h") && !text.contains('\u{202e}') && !text.contains("<b>\n"), "{text}");
            let outside: String = text.replace("\\`", "").split('`').step_by(2).collect();
            assert!(!outside.contains("[x](") && outside.contains("\\[x\\]("), "{text}");
        }
    }
}
