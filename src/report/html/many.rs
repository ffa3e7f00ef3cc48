//! The page of many runs.

use maud::{Markup, html};

use super::chart::chart;
use super::parts::{self, chip, failure, ledger_legend, number, reasons_table, scrolling, text, tile, unbalanced};
use super::picture::{ledger_bar, spark};
use crate::destination::RunStatus;
use crate::report::figures::{change, counted, day, grouped, minute, share, sum, took};
use crate::report::history::History;
use crate::report::words;
use crate::sync::RunReport;

/// Refusals listed of one binding; the table of its runs has them all.
const REFUSALS: usize = 5;

pub(super) fn page(histories: &[History<'_>]) -> String {
    let runs: u64 = histories.iter().map(|history| history.runs.len() as u64).sum();
    let of = format!("{} of {}", counted(runs, "run", "runs"), counted(histories.len() as u64, "binding", "bindings"));
    let body = html! {
        header {
            h1 { "Audience runs" }
            p.meta { (of) (span(histories)) }
        }
        @if !histories.is_empty() {
            (tiles(histories, runs))
            section.card { (scrolling("Bindings", &overview(histories))) }
            @for (place, history) in histories.iter().enumerate() { (binding(history, place)) }
        }
    };
    parts::page(&format!("Audience runs: {of}"), &body)
}

fn span(histories: &[History<'_>]) -> String {
    let from = histories.iter().map(History::from).min();
    let to = histories.iter().map(|history| history.last.started_at).max();
    match (from.map(day), to.map(day)) {
        (Some(from), Some(to)) if from != to => format!(", {from} to {to}"),
        (Some(from), _) => format!(", {from}"),
        _ => String::new(),
    }
}

fn tiles(histories: &[History<'_>], runs: u64) -> Markup {
    let well = histories.iter().filter(|history| history.last.status == RunStatus::Success).count() as u64;
    let members = histories.iter().fold(0_u64, |sum, history| sum.saturating_add(history.last.members));
    let successes: u64 = histories.iter().map(|history| history.ended(RunStatus::Success)).sum();
    let total = sum(&histories.iter().map(History::ledger).collect::<Vec<_>>());
    let settled = total.accepted.saturating_add(total.rejected).saturating_add(total.skipped);
    let rejected = share(total.rejected, settled).map_or_else(String::new, |share| format!("{share} of the settled"));
    let ended = share(successes, runs).map_or_else(String::new, |share| format!("{share} of all runs"));
    let of = format!("of {}", counted(histories.len() as u64, "binding", "bindings"));
    html! {
        dl.tiles {
            (tile("In order now", &grouped(well), &of))
            (tile("Memberships held", &grouped(members), "over all bindings"))
            (tile("Rows accepted", &grouped(total.accepted), "in all runs"))
            (tile("Rows rejected", &grouped(total.rejected), &rejected))
            (tile("Runs ended well", &grouped(successes), &ended))
        }
    }
}

fn overview(histories: &[History<'_>]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Audience" } th scope="col" { "Destination" } th scope="col" { "Last run" }
                    th scope="col" aria-label="Status" {} th.n scope="col" { "Members" } th.n scope="col" { "Change" }
                    th scope="col" { "Over time" }
                }
            }
            tbody {
                @for (place, history) in histories.iter().enumerate() {
                    @let last = history.last;
                    tr {
                        th scope="row" { a href={ "#binding-" (place) } { (text(&last.audience)) } }
                        td { (text(&last.destination)) }
                        td.when { (minute(last.started_at)) }
                        td { (chip(last.status)) }
                        (number(last.members))
                        td.n { (change(history.members_at_first(), last.members)) }
                        td { (spark(history)) }
                    }
                }
            }
        }
    }
}

fn binding(history: &History<'_>, place: usize) -> Markup {
    let last = history.last;
    let ledger = history.ledger();
    html! {
        section.card id={ "binding-" (place) } {
            div.head { h2 { (text(&last.audience)) " to " (text(&last.destination)) } (chip(last.status)) }
            p.meta { code { (text(&last.binding)) } }
            (failure(last.error.as_ref(), "The last run ended early."))
            (chart(history, place))
            h3 { (counted(ledger.planned, "row", "rows")) " planned in " (counted(history.runs.len() as u64, "run", "runs")) }
            (ledger_bar(&ledger))
            (ledger_legend(&ledger))
            (unbalanced(&ledger))
            (refusals(history))
            (reasons_table(&history.reasons()))
            details {
                summary { "All " (counted(history.runs.len() as u64, "run", "runs")) ", newest first" }
                (scrolling("Runs", &table(&history.runs)))
            }
        }
    }
}

fn refusals(history: &History<'_>) -> Markup {
    let refusals: Vec<_> = history.refusals().collect();
    html! {
        @if !refusals.is_empty() {
            h3 { "Refused by guards" }
            table {
                tbody {
                    @for (run, trip) in refusals.iter().take(REFUSALS) {
                        tr {
                            th.when scope="row" { (minute(run.started_at)) }
                            td { (words::guard(trip)) " " code.meta { "(" (trip.guard.as_str()) ")" } }
                        }
                    }
                }
            }
            @if refusals.len() > REFUSALS { p.meta { "And " (refusals.len() - REFUSALS) " earlier ones." } }
        }
    }
}

fn table(runs: &[&RunReport]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Began" } th scope="col" { "Took" } th scope="col" { "Status" }
                    th.n scope="col" { "Members" } th.wide scope="col" aria-label="Shares" {}
                    @for end in ["Planned", "Accepted", "Rejected", "Skipped", "Pending"] {
                        th.n scope="col" { (end) }
                    }
                }
            }
            tbody { @for run in runs.iter().rev() { (row(run)) } }
        }
    }
}

fn row(run: &RunReport) -> Markup {
    let total = sum(words::ledgers(run).map(|(_, counts)| counts));
    html! {
        tr {
            th.when scope="row" { (minute(run.started_at)) }
            td.when.meta { (took(run.started_at, run.finished_at)) }
            td { (chip(run.status)) }
            (number(run.members))
            td.wide { (ledger_bar(&total)) }
            (number(total.planned)) (number(total.accepted)) (number(total.rejected))
            (number(total.skipped)) (number(total.pending))
        }
    }
}
