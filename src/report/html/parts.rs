//! The pieces that every page is made of.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::picture::{bar, ledger_bar};
use crate::destination::{ActionCounts, RunStatus};
use crate::report::figures::{change, counted, ends, grouped, minute, plain, share};
use crate::report::words;
use crate::sync::{GuardTrip, Plan, ReasonCount, RunError};

/// One whole document. The policy forbids browsers to load anything at all, should something ever slip in.
pub(super) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="referrer" content="no-referrer";
                title { (plain(title)) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                main {
                    (body)
                    footer { "Times are in UTC. A report holds counts and reasons, never a person's values." }
                }
            }
        }
    };
    page.into_string()
}

/// Outside text: escaped, in one line, and unable to turn the text around it.
pub(super) fn text(outside: &str) -> Markup {
    html! { bdi { (plain(outside)) } }
}

/// A status as a coloured word.
pub(super) fn chip(status: RunStatus) -> Markup {
    html! { span.chip.(status) title=(words::status(status)) { (status) } }
}

/// A number worth a glance, with what it says.
pub(super) fn tile(label: &str, value: &str, note: &str) -> Markup {
    html! {
        div.tile {
            dt { (label) }
            dd {
                div.value { (value) }
                div.note { (note) }
            }
        }
    }
}

/// A count in a table; nothing is drawn back.
pub(super) fn number(count: u64) -> Markup {
    html! { td.n.zero[count == 0] { (grouped(count)) } }
}

/// A table that scrolls by itself where the window is narrow; focusable, so that keys can scroll it too.
pub(super) fn scrolling(label: &str, table: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(plain(label)) { (table) } }
}

/// The guards that refuse a plan, and how to go on where it can still be approved.
pub(super) fn guards(refused: &[GuardTrip], digest: Option<&str>) -> Markup {
    html! {
        @if !refused.is_empty() {
            div.note-box.refused {
                p { strong { "Guards refuse this plan." } }
                ul {
                    @for trip in refused {
                        li { (words::guard(trip)) " " code { "(" (trip.guard.as_str()) ")" } }
                    }
                }
                @if let Some(digest) = digest {
                    p { "If it is meant, approve exactly this plan by its digest: " code { (plain(digest)) } }
                }
            }
        }
    }
}

/// Why a run ended early.
pub(super) fn failure(error: Option<&RunError>, label: &str) -> Markup {
    html! {
        @if let Some(error) = error {
            div.note-box.failed {
                p { strong { (label) } " " code { "(" (error.kind) ")" } }
                p { (text(&error.message)) }
            }
        }
    }
}

/// What the colours of a ledger mean, with their counts.
pub(super) fn ledger_legend(counts: &ActionCounts) -> Markup {
    let ends = [
        ("accepted", counts.accepted),
        ("rejected", counts.rejected),
        ("skipped", counts.skipped),
        ("pending", counts.pending),
    ];
    html! {
        ul.legend {
            @for (name, rows) in ends {
                li {
                    svg viewBox="0 0 10 10" aria-hidden="true" { rect.(name) width="10" height="10" rx="2" {} }
                    b { (grouped(rows)) } (name)
                }
            }
        }
    }
}

/// The ledger of each action and of all together.
pub(super) fn ledger_table(ledgers: &[(&str, &ActionCounts)], total: &ActionCounts) -> Markup {
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "Rows" }
                    th.wide scope="col" aria-label="Shares" {}
                    @for end in ["Planned", "Accepted", "Rejected", "Skipped", "Pending"] {
                        th.n scope="col" { (end) }
                    }
                }
            }
            tbody {
                @for (name, counts) in ledgers.iter().copied().chain([("all", total)]) {
                    tr.total[name == "all"] {
                        th scope="row" { (name) }
                        td.wide { (ledger_bar(counts)) }
                        (number(counts.planned)) (number(counts.accepted)) (number(counts.rejected))
                        (number(counts.skipped)) (number(counts.pending))
                    }
                }
            }
        }
    };
    html! { (scrolling("Ledger", &table)) (unbalanced(total)) }
}

/// Says so where the ends of a ledger are not what was planned: a report from a file may be damaged.
pub(super) fn unbalanced(total: &ActionCounts) -> Markup {
    html! {
        @if ends(total) != total.planned {
            div.note-box.failed {
                p {
                    strong { "The ledger does not balance." } " " (grouped(total.planned)) " planned, "
                    (grouped(ends(total))) " accounted for."
                }
            }
        }
    }
}

/// Why rows were not accepted.
pub(super) fn reasons_table(reasons: &[ReasonCount]) -> Markup {
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" { "Reason" } th scope="col" { "Outcome" } th scope="col" { "Action" }
                    th.n scope="col" { "Rows" }
                }
            }
            tbody {
                @for reason in reasons {
                    tr {
                        th scope="row" {
                            code { (text(&reason.code)) }
                            @if let Some(field) = &reason.field { " in " code { (text(field)) } }
                            @if let Some(told) = words::reason(&reason.code) { div.meta { (told) } }
                        }
                        td { (text(&reason.outcome)) }
                        td { (reason.action) }
                        (number(reason.rows))
                    }
                }
            }
        }
    };
    html! {
        @if !reasons.is_empty() {
            h3 { "Why rows were not accepted" }
            (scrolling("Reasons", &table))
        }
    }
}

/// Named counts, each with its share of a whole as a number and as a bar.
fn shares(title: &str, whole: u64, counts: &[(&str, u64)]) -> Markup {
    html! {
        h3 { (title) }
        table {
            tbody {
                @for (name, count) in counts {
                    tr {
                        th scope="row" { (name) }
                        (number(*count))
                        td.n.meta { (share(*count, whole).unwrap_or_default()) }
                        td.wide { (bar(*count, whole)) }
                    }
                }
            }
        }
    }
}

/// What becomes of the members and of the source's rows, side by side.
pub(super) fn plan_tables(plan: &Plan) -> Markup {
    let counts = &plan.counts;
    let mut members: Vec<(&str, u64)> = words::desired(counts).to_vec();
    members.insert(2, ("leave", counts.removed));
    members.insert(3, ("of these by time", counts.expired));
    let shown = |(name, count): &(&str, u64)| *count > 0 || ["enter", "change", "leave", "stay"].contains(name);
    members.retain(shown);
    let mut source: Vec<(&str, u64)> = words::source(counts).to_vec();
    source.retain(|(name, rows)| *rows > 0 || *name == "desired");
    let most = counts.previous.max(counts.desired);
    html! {
        div.columns {
            div { (shares("Members that", most, &members)) }
            div { (shares(&format!("What became of {}", counted(counts.source_rows, "source row", "source rows")),
                counts.source_rows, &source)) }
        }
    }
}

/// Members before and after, as tiles.
pub(super) fn plan_tiles(plan: &Plan) -> Markup {
    let counts = &plan.counts;
    let rows = [counts.add_rows, counts.remove_rows, counts.update_rows].into_iter().fold(0, u64::saturating_add);
    let note = format!(
        "{} add, {} remove, {} update",
        grouped(counts.add_rows),
        grouped(counts.remove_rows),
        grouped(counts.update_rows)
    );
    html! {
        dl.tiles {
            (tile("Members before", &grouped(counts.previous), "acknowledged by the destination"))
            (tile("Desired", &grouped(counts.desired), &format!("{} by this plan", change(counts.previous, counts.desired))))
            (tile("Rows to send", &grouped(rows), &note))
            (tile("As of", &minute(plan.as_of), &format!("over generation {}", plan.generation)))
        }
    }
}
