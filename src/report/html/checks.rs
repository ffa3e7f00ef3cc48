//! Lint and checklist as pages.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::parts::{self, text, tile};
use super::picture::short;
use crate::audience::Evidence;
use crate::audience::lint::{Finding, LintReport, Tier};
use crate::naming::Severity;
use crate::readiness::{Item, ReadinessReport, Status};
use crate::report::figures::{counted, grouped, minute};
use crate::report::words;

/// What the lint rules found, by audience.
pub(super) fn lint(report: &LintReport) -> String {
    let waived = report.findings.len() - report.open().count();
    let body = html! {
        header {
            h1 { (words::lint(report)) }
            p.meta { (counted(report.audiences, "audience", "audiences")) ", as of " (minute(report.generated_at)) "." }
        }
        dl.tiles {
            @for (severity, note) in [(Severity::Error, "burn budget or trust"), (Severity::Warning, "to be looked at"), (Severity::Note, "worth knowing")] {
                (tile(words::severities(severity), &grouped(report.count(severity) as u64), note))
            }
            (tile("Waived", &grouped(waived as u64), "somebody answers for them"))
            (tile("Not judged", &grouped(report.unjudged.len() as u64), "something is not known"))
        }
        @for ladder in &report.ladders { (time_line(ladder)) }
        @for (name, findings) in by_audience(report) {
            section.card {
                h2 { (text(name)) }
                ul.checks { @for finding in findings { (self::finding(finding)) } }
            }
        }
        @if report.findings.is_empty() { section.card { p { "No rule found anything." } } }
        (not_judged(report))
    };
    parts::page("Lint of audiences", &body)
}

/// The findings by what they concern, whose worst is worst first.
fn by_audience(report: &LintReport) -> Vec<(&str, Vec<&Finding>)> {
    let mut groups: BTreeMap<&Option<String>, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        groups.entry(&finding.audience).or_default().push(finding);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    let open = |finding: &&&Finding| finding.waived.is_none();
    groups.sort_by_key(|group| std::cmp::Reverse(group.iter().filter(open).map(|finding| finding.severity).max()));
    let named = groups.into_iter().filter_map(|group| {
        let first = *group.first()?;
        Some((first.name.as_ref().or(first.audience.as_ref()).map_or("The account", String::as_str), group))
    });
    named.collect()
}

fn finding(finding: &Finding) -> Markup {
    let class = match finding.severity {
        _ if finding.waived.is_some() => "refused",
        Severity::Error => "failed",
        Severity::Warning => "partial",
        _ => "running",
    };
    let word = if finding.waived.is_some() { "waived".to_owned() } else { finding.severity.to_string() };
    html! {
        li {
            span.chip.(class) { (word) }
            div {
                p { strong { (text(&finding.message)) } " " code { (finding.rule) } }
                p { (text(&finding.fix)) }
                @if let Some(waiver) = &finding.waived {
                    p.meta { "Waived by " (text(&waiver.by)) " until " (minute(waiver.until)) ": " (text(&waiver.reason)) }
                }
                (evidence(&finding.evidence))
            }
        }
    }
}

fn evidence(evidence: &[Evidence]) -> Markup {
    html! {
        @if !evidence.is_empty() {
            p.meta {
                @for (at, evidence) in evidence.iter().enumerate() {
                    @if at > 0 { ", " }
                    code { (text(&evidence.to_string())) }
                }
            }
        }
    }
}

fn not_judged(report: &LintReport) -> Markup {
    html! {
        @if !report.unjudged.is_empty() {
            details {
                summary { (counted(report.missing().len() as u64, "question without an answer", "questions without an answer")) }
                ul {
                    @for ((rule, needs), audiences) in report.missing() {
                        li {
                            code { (rule) } " " (rule.title()) ": " (text(&words::concerned(&audiences))) " needs " (text(needs))
                        }
                    }
                }
            }
        }
    }
}

/// The tiers of one intent on one line of time, which is logarithmic: tiers of
/// hours and of months can both be seen.
fn time_line(ladder: &[Tier]) -> Markup {
    let farthest =
        ladder.iter().map(|tier| tier.to_s.unwrap_or_else(|| tier.from_s.saturating_mul(2))).max().unwrap_or_default();
    let bounds = ladder.iter().flat_map(|tier| [Some(tier.from_s), tier.to_s]).flatten();
    let unit = bounds.filter(|bound| *bound > 0).min().unwrap_or(1) as f64;
    let place =
        |seconds: u64| ((seconds as f64 / unit).ln_1p() / (farthest.max(1) as f64 / unit).ln_1p() * 100.0).min(100.0);
    html! {
        section.card {
            h3 { "Tiers, from now on the left to long ago on the right" }
            table {
                tbody {
                    @for tier in ladder {
                        @let (from, to) = (place(tier.from_s), tier.to_s.map_or(100.0, place));
                        tr {
                            th.when scope="row" { (text(&tier.window)) }
                            td {
                                svg.bar viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={ "the window " (tier.window) } {
                                    rect.plain x=(short(from)) width=(short((to - from).max(0.6))) height="10" {}
                                }
                                div.meta { (text(&tier.name)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The checklist: what blocks, then every item.
pub(super) fn readiness(report: &ReadinessReport) -> String {
    let title = format!("{}: {}", words::verdict(report.overall), report.destination);
    let class = class(report.overall);
    let body = html! {
        header {
            div.head { h1 { "Going live at " (text(&report.destination)) } span.chip.(class) { (words::verdict(report.overall)) } }
            p.meta { "As of " (minute(report.generated_at)) ". " (words::checks(report)) "." }
        }
        @if report.blocking().next().is_some() {
            div.note-box.failed {
                p { strong { "Before it goes live" } }
                ul { @for item in report.blocking() { li { (text(&item.title)) ": " (text(&item.fix)) } } }
            }
        }
        section.card { ul.checks { @for item in &report.items { (self::item(item)) } } }
    };
    parts::page(&title, &body)
}

fn class(status: Status) -> &'static str {
    match status {
        Status::Pass => "success",
        Status::Warn => "partial",
        Status::Fail => "failed",
        Status::Unknown => "running",
        Status::Waived => "refused",
    }
}

fn item(item: &Item) -> Markup {
    html! {
        li {
            span.chip.(class(item.status)) { (item.status) }
            div {
                p {
                    strong { (text(&item.title)) } " " code { (text(&item.id)) }
                    @if item.blocker { " " span.meta { "must pass" } }
                }
                @if !item.reason.is_empty() { p { (text(&item.reason)) "; " (text(&item.fix)) } }
                @if let Some(waiver) = &item.waived {
                    p.meta { "Waived by " (text(&waiver.by)) " until " (minute(waiver.until)) ": " (text(&waiver.reason)) }
                }
                (evidence(&item.evidence))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_lint_page_shows_findings_by_audience_and_the_tiers() {
        let page = lint(&sample::lint());
        assert!(page.contains("<h1>2 errors, 1 warning, 0 notes</h1>"), "{page}");
        assert!(
            page.contains("<h2><bdi>CI | Browsers | 30d | Excl None</bdi></h2>")
                && page.contains("<code>AL-001</code>")
        );
        assert!(page.contains("<code><bdi>share 0.5 (expected &lt; 0.4)</bdi></code>") && page.contains("Waived by"));
        // 0 to 1 h of 0 to 3 h: ln 2 of ln 4 is one half.
        assert!(page.contains("x=\"0\" width=\"50\"") && page.contains("x=\"50\" width=\"50\""), "{page}");
        assert!(page.contains("1 question without an answer"));
    }

    #[test]
    fn a_checklist_page_begins_with_what_blocks() {
        let page = readiness(&sample::readiness());
        assert!(page.contains("<span class=\"chip failed\">not ready</span>"), "{page}");
        let place = |part: &str| page.find(part).unwrap_or_else(|| panic!("{part} in {page}"));
        assert!(place("Before it goes live") < place("<code><bdi>conn.auth</bdi></code>"));
        assert!(page.contains("1 pass, 0 warn, 1 fail, 0 unknown, 0 waived."));
    }
}
