//! Plans, runs, hygiene, lint and checklists as one self-contained HTML page each.
//!
//! The style sheet and the pictures are inside, light and dark follow the reader's system, and nothing is loaded from
//! anywhere: a page works from a disk, in a mail, in an archive. There are no scripts, and the page tells the browser to
//! run none. All text is escaped.

mod chart;
mod checks;
mod hygiene;
mod lift;
mod many;
mod parts;
mod picture;

use maud::html;

use super::figures::{change, counted, grouped, minute, plain, sum, took};
use super::words;
use crate::audience::lint::LintReport;
use crate::destination::{ActionCounts, RunStatus};
use crate::identity::HygieneReport;
use crate::measure::LiftReport;
use crate::readiness::ReadinessReport;
use crate::sync::{Plan, RunReport};
use parts::{
    chip, failure, guards, ledger_legend, ledger_table, page, plan_tables, plan_tiles, reasons_table, text, tile,
};

/// A plan: what would change, what became of the source's rows, and the guards that refuse it.
pub fn plan(plan: &Plan) -> String {
    let title = format!("Plan for {}", plan.binding);
    let body = html! {
        header {
            h1 { "Plan for " (text(&plan.binding)) }
            p.meta { "Nothing is sent until it is applied." }
        }
        (guards(&plan.refused, Some(&plan.digest)))
        (plan_tiles(plan))
        section.card { (plan_tables(plan)) }
        p.meta { "Plan " code { (text(&plan.id)) } ", digest " code { (plain(&plan.digest)) } }
    };
    page(&title, &body)
}

/// One run: how it ended, its ledger, and the reason of every row that was not accepted.
pub fn run(run: &RunReport) -> String {
    let title = format!("{}: {} to {}", run.status, run.audience, run.destination);
    let digest = (run.status == RunStatus::Refused).then_some(run.plan.digest.as_str());
    let body = html! {
        header {
            div.head { h1 { (text(&run.audience)) " to " (text(&run.destination)) } (chip(run.status)) }
            p.meta {
                "Began " (minute(run.started_at)) ", took " (took(run.started_at, run.finished_at)) ": "
                (words::status(run.status)) "."
                @if run.resumed { " It first settled what an earlier run left behind." }
            }
        }
        (failure(run.error.as_ref(), "The run ended early."))
        (guards(&run.plan.refused, digest))
        (run_tiles(run))
        (ledger(run))
        section.card { (plan_tables(&run.plan)) }
        (unused(run))
        p.meta {
            "Run " code { (text(&run.run_id)) } " of binding " code { (text(&run.binding)) } ", generation "
            (run.generation) ", plan digest " code { (plain(&run.plan.digest)) }
        }
    };
    page(&title, &body)
}

/// Many runs, sorted by binding, those in trouble first: where each binding stands, its members over time, and every
/// run's ledger.
pub fn runs<'a>(runs: impl IntoIterator<Item = &'a RunReport>) -> String {
    many::page(&super::history::histories(runs))
}

/// What the values of a run were like: sentences first, numbers after.
pub fn hygiene(report: &HygieneReport) -> String {
    hygiene::page(report)
}

/// What a holdout has shown: whether it can be trusted first, then each comparison with its interval as a picture.
pub fn lift(report: &LiftReport) -> String {
    lift::page(report)
}

/// What the lint rules found: by audience, with the tiers of each intent on a line of time.
pub fn lint(report: &LintReport) -> String {
    checks::lint(report)
}

/// The go-live checklist: what blocks, then every item with its evidence and the next step.
pub fn readiness(report: &ReadinessReport) -> String {
    checks::readiness(report)
}

fn run_tiles(run: &RunReport) -> maud::Markup {
    let total = sum(words::ledgers(run).map(|(_, counts)| counts));
    let settled = format!("of {} planned", grouped(total.planned));
    let left = if run.open_jobs > 0 {
        format!("the platform works on {}", counted(run.open_jobs, "job", "jobs"))
    } else {
        "for the next run".to_owned()
    };
    let members = format!("{} by this run", change(run.plan.counts.previous, run.members));
    html! {
        dl.tiles {
            (tile("Members now", &grouped(run.members), &members))
            (tile("Rows accepted", &grouped(total.accepted), &settled))
            (tile("Rejected or skipped", &grouped(total.rejected.saturating_add(total.skipped)), "each with a reason"))
            (tile("Pending", &grouped(total.pending), &left))
        }
    }
}

fn ledger(run: &RunReport) -> maud::Markup {
    let total = sum(words::ledgers(run).map(|(_, counts)| counts));
    html! {
        section.card {
            @if total == ActionCounts::default() {
                p { "No row was planned: the destination already holds what it should." }
            } @else {
                (ledger_table(&words::ledgers(run), &total))
                (ledger_legend(&total))
            }
            @if run.unattributed > 0 {
                p.meta {
                    "Of the accepted rows, the platform counts " (grouped(run.unattributed)) " as bad without saying which."
                }
            }
            (reasons_table(&run.reasons))
        }
    }
}

fn unused(run: &RunReport) -> maud::Markup {
    html! {
        @if !run.unused_values.is_empty() {
            section.card {
                h3 { "Values of the source that could not be used" }
                table.narrow {
                    tbody {
                        @for (what, values) in &run.unused_values {
                            tr { th scope="row" { code { (text(what)) } } (parts::number(*values)) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// What only a page that loads or runs something holds.
    const REACHES_OUT: [&str; 10] =
        ["http://", "https://", "<script", "<link", "<img", "<iframe", "url(", "@import", " src=", " on"];

    fn pages() -> [String; 6] {
        let found = [sample::run("a@x"), sample::refused("b@x"), sample::run("a@x")];
        [
            plan(&found[1].plan),
            run(&found[1]),
            runs(&found),
            lint(&sample::lint()),
            readiness(&sample::readiness()),
            hygiene(&sample::hygiene()),
        ]
    }

    #[test]
    fn a_page_is_whole_and_reaches_for_nothing() {
        for page in pages() {
            assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">") && page.ends_with("</html>"));
            let tags: String =
                page.split('<').skip(1).filter_map(|tag| Some(format!("<{}>", tag.split_once('>')?.0))).collect();
            for part in REACHES_OUT {
                assert!(!tags.contains(part), "{part} in {tags}");
            }
            for part in &REACHES_OUT[..9] {
                assert!(!page.contains(part), "{part} in {page}");
            }
            assert!(page.contains("prefers-color-scheme:dark") && page.contains("default-src 'none'"));
        }
    }

    #[test]
    fn every_element_is_closed() {
        let void = ["!DOCTYPE", "meta"];
        for page in pages() {
            let mut open: Vec<&str> = Vec::new();
            for tag in page.split('<').skip(1) {
                let name = tag.split([' ', '>']).next().unwrap();
                match name.strip_prefix('/') {
                    Some(closed) => assert_eq!(open.pop(), Some(closed)),
                    None if void.contains(&name) => {}
                    None => open.push(name),
                }
            }
            assert!(open.is_empty(), "{open:?}");
        }
    }

    #[test]
    fn a_run_shows_its_ledger_and_its_reasons() {
        let page = run(&sample::run("lapsed@memory:crm"));
        assert!(page.contains("<h1><bdi>CI | Lapsed | 30d</bdi> to <bdi>Memory</bdi></h1>"), "{page}");
        assert!(page.contains("Began 2026-11-23 10:15, took 12.3 s: everything planned was settled."));
        assert!(page.contains("<div class=\"value\">8,996</div><div class=\"note\">+296 by this run</div>"));
        assert!(page.contains("500 accepted (96.2 %), 12 rejected (2.3 %), 8 skipped (1.5 %)"));
        assert!(page.contains("<code><bdi>invalid_email</bdi></code> in <code><bdi>email</bdi></code>"));
        assert!(page.contains("the platform counts 4 as bad without saying which"));
        assert!(page.contains("<code><bdi>email.no_at</bdi></code></th><td class=\"n\">17</td>"));
        assert!(!page.contains("Guards refuse") && !page.contains("does not balance"));
    }

    #[test]
    fn a_refusal_says_why_and_how_to_go_on() {
        let refused = sample::refused("a@x");
        for page in [plan(&refused.plan), run(&refused)] {
            assert!(page.contains("1,204 of 5,000 members (24.1 %) would leave; at most 1,000 may"), "{page}");
            assert!(
                page.contains(&format!("approve exactly this plan by its digest: <code>{}</code>", "d1".repeat(32)))
            );
        }
    }

    #[test]
    fn a_run_that_ended_early_says_why() {
        let mut failed = sample::run("a@x");
        let error = serde_json::json!({ "kind": "unavailable", "message": "sync <a@x>: the platform is down" });
        failed.error = Some(serde_json::from_value(error).unwrap());
        assert!(run(&failed).contains("<p><bdi>sync &lt;a@x&gt;: the platform is down</bdi></p>"));
    }

    #[test]
    fn many_runs_are_sorted_by_binding_with_trouble_first() {
        let [_, _, page, ..] = pages();
        assert!(page.contains("3 runs of 2 bindings"), "{page}");
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} in {page}"));
        assert!(place("<code><bdi>b@x</bdi></code>") < place("<code><bdi>a@x</bdi></code>"));
        assert!(
            page.contains("1,000 accepted")
                && page.contains("href=\"#binding-1\"")
                && page.contains("id=\"binding-1\"")
        );
        assert!(runs([]).contains("0 runs of 0 bindings"));
    }

    #[test]
    fn hygiene_says_what_helps_most_first() {
        let [.., page] = pages();
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} in {page}"));
        assert!(place("The biggest step forward: correcting") < place("<h2><bdi>To meta.custom_audience</bdi></h2>"));
        assert!(place("Indicative: it may find 1 to 2 of them.") < place("expected matches, at least (indicative)"));
        assert!(page.contains("<bdi>gmial.com, meant gmail.com</bdi></th><td class=\"n\">1</td>"), "{page}");
        let mut hostile = sample::hygiene();
        hostile.typos[0].domain = "<script>alert(1)</script>".to_owned();
        hostile.destinations[0].profile = "<img src=x>".to_owned();
        let page = hygiene(&hostile);
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    }

    #[test]
    fn hostile_text_is_escaped_everywhere() {
        let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}";
        let mut hostile = sample::refused(evil);
        for text in [
            &mut hostile.run_id,
            &mut hostile.audience,
            &mut hostile.destination,
            &mut hostile.plan.id,
            &mut hostile.plan.digest,
            &mut hostile.plan.binding,
        ] {
            *text = evil.to_owned();
        }
        hostile.unused_values.insert(evil.to_owned(), 1);
        hostile.reasons = sample::run("x").reasons;
        for reason in &mut hostile.reasons {
            (reason.code, reason.outcome, reason.field) = (evil.to_owned(), evil.to_owned(), Some(evil.to_owned()));
        }
        let error = serde_json::json!({ "kind": "bug", "message": evil });
        hostile.error = Some(serde_json::from_value(error).unwrap());
        for page in [plan(&hostile.plan), run(&hostile), runs([&hostile])] {
            assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"), "{page}");
            assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\u{202e}'), "{page}");
        }
    }
}
