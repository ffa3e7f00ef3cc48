//! What the values of a run were like, as a page.

use maud::{Markup, html};

use super::parts::{self, number, scrolling, text, tile};
use super::picture::bar;
use crate::identity::{HygieneReport, HygieneSection};
use crate::report::figures::{grouped, share};

/// Rows of a section that are shown at once; the rest opens.
const SHOWN: usize = 8;

pub(super) fn page(report: &HygieneReport) -> String {
    let sections = report.sections();
    let mut sections = sections.iter();
    let body = html! {
        header {
            h1 { "What the data is like" }
            p.meta { "Of " (grouped(report.members)) " members. Nothing was sent." }
        }
        (tiles(report))
        @for summary in sections.by_ref().take(1) { (section(summary)) }
        div.columns { @for part in sections { (section(part)) } }
    };
    parts::page("What the data is like", &body)
}

fn tiles(report: &HygieneReport) -> Markup {
    let reachable = report.members.saturating_sub(report.coverage.identifiers[0]);
    let several = report.coverage.identifiers[2].saturating_add(report.coverage.identifiers[3]);
    let typed = report.typos.iter().fold(0_u64, |sum, typo| sum.saturating_add(typo.addresses));
    let of_all = |part: u64| share(part, report.members).map(|share| format!("{share} of the members"));
    let repeated = &report.repeated_rows;
    html! {
        dl.tiles {
            (tile("Members", &grouped(report.members), "rows that were read"))
            (tile("With an identifier", &grouped(reachable), &of_all(reachable).unwrap_or_default()))
            (tile("With two or more", &grouped(several), &of_all(several).unwrap_or_default()))
            (tile("Repeated as a whole", &grouped(repeated.repeated_members.saturating_sub(repeated.repeated)), "the same in every field"))
            (tile("Likely typed wrong", &grouped(typed), "domains of addresses"))
        }
    }
}

fn section(section: &HygieneSection) -> Markup {
    let (shown, more) = section.bars.split_at(section.bars.len().min(SHOWN));
    html! {
        section.card {
            h2 { (text(&section.title)) }
            @for sentence in &section.sentences { p { (text(sentence)) } }
            (table(section, shown))
            @if !more.is_empty() {
                details {
                    summary { (more.len()) " more" }
                    (table(section, more))
                }
            }
        }
    }
}

fn table(section: &HygieneSection, bars: &[crate::identity::HygieneBar]) -> Markup {
    let table = html! {
        table {
            tbody {
                @for row in bars {
                    tr {
                        th scope="row" { (text(&row.label)) }
                        (number(row.count))
                        td.n.meta { (share(row.count, row.of).unwrap_or_default()) }
                        td.wide { (bar(row.count, row.of)) }
                    }
                }
            }
        }
    };
    html! { @if !bars.is_empty() { (scrolling(&section.title, &table)) } }
}
