//! Plans, runs, hygiene, lint and checklists as Markdown (CommonMark with tables).
//!
//! Text from outside (names, messages, codes) is escaped: it cannot open a link, a tag, a table cell or emphasis.

mod checks;
mod lift;

use std::fmt::{self, Write};

pub use checks::{lint, readiness};
pub use lift::lift;

use super::figures::{change, counted, day, ends, grouped, minute, plain, share, sum, took};
use super::history::{History, histories};
use super::words;
use crate::destination::{ActionCounts, RunStatus};
use crate::identity::{HygieneReport, HygieneSection};
use crate::sync::{GuardTrip, Plan, ReasonCount, RunReport};

/// A plan: what would change, what became of the source's rows, and the guards that refuse it.
pub fn plan(plan: &Plan) -> String {
    written(|out| {
        writeln!(out, "# Plan for {}\n", escaped(&plan.binding))?;
        writeln!(out, "As of {} UTC, over generation {}.\n", minute(plan.as_of), plan.generation)?;
        guards(out, &plan.refused, Some(&plan.digest))?;
        changes(out, plan)?;
        source(out, plan)?;
        writeln!(out, "Plan {}, digest `{}`", escaped(&plan.id), code(&plan.digest))
    })
}

/// One run: how it ended, its ledger, and the reason of every row that was not accepted.
pub fn run(run: &RunReport) -> String {
    written(|out| {
        writeln!(out, "# {}: {} to {}\n", status(run.status), escaped(&run.audience), escaped(&run.destination))?;
        writeln!(
            out,
            "{}. Began {} UTC, took {}; {} now{}.\n",
            sentence(words::status(run.status)),
            minute(run.started_at),
            took(run.started_at, run.finished_at),
            counted(run.members, "member", "members"),
            if run.resumed { ". It first settled what an earlier run left behind" } else { "" },
        )?;
        if let Some(error) = &run.error {
            writeln!(out, "> **Ended early ({}).** {}\n", error.kind, escaped(&error.message))?;
        }
        guards(out, &run.plan.refused, (run.status == RunStatus::Refused).then_some(&run.plan.digest))?;
        ledger(out, run)?;
        reasons(out, &run.reasons)?;
        changes(out, &run.plan)?;
        source(out, &run.plan)?;
        unused(out, run)?;
        writeln!(
            out,
            "Run {}, binding {}, generation {}, plan digest `{}`",
            escaped(&run.run_id),
            escaped(&run.binding),
            run.generation,
            code(&run.plan.digest)
        )
    })
}

/// Many runs, sorted by binding, those in trouble first: a line for each binding, and what went wrong.
pub fn runs<'a>(runs: impl IntoIterator<Item = &'a RunReport>) -> String {
    let histories = histories(runs);
    written(|out| {
        let count: usize = histories.iter().map(|history| history.runs.len()).sum();
        let bindings = counted(histories.len() as u64, "binding", "bindings");
        writeln!(out, "# {} of {bindings}\n", counted(count as u64, "run", "runs"))?;
        if histories.is_empty() {
            return Ok(());
        }
        writeln!(out, "| Audience | Destination | Last run | Members | Since {} | Ended well |", since(&histories))?;
        writeln!(out, "|---|---|---|--:|--:|--:|")?;
        for history in &histories {
            overview(out, history)?;
        }
        writeln!(out)?;
        histories.iter().try_for_each(|history| trouble(out, history))
    })
}

/// What the values of a run were like: sentences first, numbers after.
pub fn hygiene(report: &HygieneReport) -> String {
    written(|out| {
        writeln!(out, "# What the data is like\n")?;
        report.sections().iter().try_for_each(|section| part(out, section))
    })
}

fn part(out: &mut String, section: &HygieneSection) -> fmt::Result {
    writeln!(out, "## {}\n", escaped(&section.title))?;
    for sentence in &section.sentences {
        writeln!(out, "{}\n", escaped(sentence))?;
    }
    if section.bars.is_empty() {
        return Ok(());
    }
    writeln!(out, "| | | |\n|---|--:|--:|")?;
    for bar in &section.bars {
        let share = share(bar.count, bar.of).unwrap_or_default();
        writeln!(out, "| {} | {} | {} |", escaped(&bar.label), grouped(bar.count), escaped(&share))?;
    }
    writeln!(out)
}

fn since(histories: &[History<'_>]) -> String {
    histories.iter().map(History::from).min().map(day).unwrap_or_default()
}

fn overview(out: &mut String, history: &History<'_>) -> fmt::Result {
    let last = history.last;
    writeln!(
        out,
        "| {} | {} | {}, {} | {} | {} | {} of {} |",
        escaped(&last.audience),
        escaped(&last.destination),
        status(last.status),
        minute(last.started_at),
        grouped(last.members),
        change(history.members_at_first(), last.members),
        history.ended(RunStatus::Success),
        history.runs.len()
    )
}

/// What is to be known of one binding beyond its line: rows that were not accepted, refusals, the last error.
fn trouble(out: &mut String, history: &History<'_>) -> fmt::Result {
    let (last, counts, found) = (history.last, history.ledger(), history.reasons());
    let quiet = found.is_empty() && last.error.is_none() && history.refusals().next().is_none();
    if quiet {
        return Ok(());
    }
    writeln!(out, "## {} to {}\n", escaped(&last.audience), escaped(&last.destination))?;
    writeln!(
        out,
        "{}: {} accepted, {} rejected, {} skipped, {} pending.\n",
        counted(counts.planned, "row planned", "rows planned"),
        grouped(counts.accepted),
        grouped(counts.rejected),
        grouped(counts.skipped),
        grouped(counts.pending)
    )?;
    if let Some(error) = &last.error {
        writeln!(out, "> **The last run ended early ({}).** {}\n", error.kind, escaped(&error.message))?;
    }
    let refusals: Vec<_> = history.refusals().collect();
    for (run, trip) in &refusals {
        writeln!(out, "- {}: **{}**, {}", minute(run.started_at), trip.guard.as_str(), words::guard(trip))?;
    }
    if !refusals.is_empty() {
        writeln!(out)?;
    }
    reasons(out, &found)
}

fn guards(out: &mut String, refused: &[GuardTrip], digest: Option<&String>) -> fmt::Result {
    if refused.is_empty() {
        return Ok(());
    }
    writeln!(out, "> **Guards refuse this plan.**")?;
    for trip in refused {
        writeln!(out, "> - **{}**: {}", trip.guard.as_str(), words::guard(trip))?;
    }
    if let Some(digest) = digest {
        writeln!(out, ">\n> If it is meant, approve exactly this plan by its digest, `{}`.", code(digest))?;
    }
    writeln!(out)
}

fn ledger(out: &mut String, run: &RunReport) -> fmt::Result {
    let total = sum(words::ledgers(run).map(|(_, counts)| counts));
    if total == ActionCounts::default() {
        return writeln!(out, "No row was planned.\n");
    }
    writeln!(out, "| Rows | Planned | Accepted | Rejected | Skipped | Pending |\n|---|--:|--:|--:|--:|--:|")?;
    for (name, counts) in words::ledgers(run).into_iter().chain([("all", &total)]) {
        let ActionCounts { planned, accepted, rejected, skipped, pending } = *counts;
        let [planned, accepted, rejected, skipped, pending] =
            [planned, accepted, rejected, skipped, pending].map(grouped);
        writeln!(out, "| {name} | {planned} | {accepted} | {rejected} | {skipped} | {pending} |")?;
    }
    writeln!(out)?;
    if ends(&total) != total.planned {
        writeln!(out, "> **The ledger does not balance.** Its ends sum up to {}.\n", grouped(ends(&total)))?;
    }
    if run.unattributed > 0 {
        let rows = counted(run.unattributed, "accepted row", "accepted rows");
        writeln!(out, "Of these, the platform counts {rows} as bad without saying which.\n")?;
    }
    if run.open_jobs > 0 {
        writeln!(out, "The platform still works on {}.\n", counted(run.open_jobs, "job", "jobs"))?;
    }
    Ok(())
}

fn reasons(out: &mut String, reasons: &[ReasonCount]) -> fmt::Result {
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(out, "| Not accepted | Action | Reason | Field | Rows |\n|---|---|---|---|--:|")?;
    for ReasonCount { action, outcome, code, field, rows } in reasons {
        let told = words::reason(code).map(|told| format!(" ({told})")).unwrap_or_default();
        let field = escaped(field.as_deref().unwrap_or_default());
        let (outcome, code, rows) = (escaped(outcome), escaped(code), grouped(*rows));
        writeln!(out, "| {outcome} | {action} | {code}{told} | {field} | {rows} |")?;
    }
    writeln!(out)
}

fn changes(out: &mut String, plan: &Plan) -> fmt::Result {
    let counts = &plan.counts;
    writeln!(
        out,
        "Members: {} before, {} desired ({}).\n",
        grouped(counts.previous),
        grouped(counts.desired),
        change(counts.previous, counts.desired)
    )?;
    writeln!(out, "| Members that | |\n|---|--:|")?;
    for (name, members) in words::desired(counts).into_iter().take(3) {
        writeln!(out, "| {name} | {} |", grouped(members))?;
    }
    let expired = if counts.expired > 0 { format!(" ({} by time)", grouped(counts.expired)) } else { String::new() };
    writeln!(out, "| leave{expired} | {} |", grouped(counts.removed))?;
    for (name, members) in words::desired(counts).into_iter().skip(3).filter(|(_, members)| *members > 0) {
        writeln!(out, "| {name} | {} |", grouped(members))?;
    }
    writeln!(out)
}

fn source(out: &mut String, plan: &Plan) -> fmt::Result {
    let counts = &plan.counts;
    writeln!(out, "| Source rows | {} | |\n|---|--:|--:|", grouped(counts.source_rows))?;
    for (name, rows) in words::source(counts).into_iter().filter(|(name, rows)| *rows > 0 || *name == "desired") {
        let share = share(rows, counts.source_rows).unwrap_or_default();
        writeln!(out, "| {name} | {} | {share} |", grouped(rows))?;
    }
    writeln!(out)
}

fn unused(out: &mut String, run: &RunReport) -> fmt::Result {
    if run.unused_values.is_empty() {
        return Ok(());
    }
    writeln!(out, "| Values of the source that could not be used | |\n|---|--:|")?;
    for (what, values) in &run.unused_values {
        writeln!(out, "| {} | {} |", escaped(what), grouped(*values))?;
    }
    writeln!(out)
}

/// The status as a word at the beginning of a line.
fn status(status: RunStatus) -> String {
    sentence(status.as_str())
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Text that means nothing but itself. Every escape is a backslash before ASCII punctuation, which CommonMark takes
/// anywhere; the colon of `://` is among them because some renderers link bare addresses.
fn escaped(text: &str) -> String {
    let text = plain(text);
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let special = "\\`*_[]<>|~&#!$@".contains(c) || (c == ':' && rest.peek() == Some(&'/'));
        if special {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

/// Text for a code span, where escapes do not work: what could end it is left out.
fn code(text: &str) -> String {
    plain(text).replace(['`', '|'], "")
}

fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    // Writing to a `String` does not fail.
    let _ = write(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_shows_its_ledger_and_its_reasons() {
        let text = run(&sample::run("lapsed@memory:crm"));
        let first = "# Success: CI \\| Lapsed \\| 30d to Memory\n\nEverything planned was settled. Began 2026-11-23 10:15 \
                     UTC, took 12.3 s; 8,996 members now.\n";
        assert!(text.starts_with(first), "{text}");
        for line in [
            "| Rows | Planned | Accepted | Rejected | Skipped | Pending |",
            "| add | 400 | 388 | 12 | 0 | 0 |",
            "| remove | 100 | 92 | 0 | 8 | 0 |",
            "| all | 520 | 500 | 12 | 8 | 0 |",
            "| rejected | add | invalid\\_email | email | 12 |",
            "| skipped | remove | shared\\_identifier (every identifier is held by a member who stays) |  | 8 |",
            "Of these, the platform counts 4 accepted rows as bad without saying which.",
            "| leave (10 by time) | 100 |",
            "| without consent | 300 | 3.0 % |",
            "| email.no\\_at | 17 |",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("does not balance") && !text.contains("other audiences"), "{text}");
    }

    #[test]
    fn a_refused_run_names_its_guard_and_the_digest_to_approve() {
        let text = run(&sample::refused("lapsed@memory:crm"));
        assert!(text.starts_with("# Refused: "), "{text}");
        assert!(
            text.contains("> - **remove_share**: 1,204 of 5,000 members (24.1 %) would leave; at most 1,000 may\n"),
            "{text}"
        );
        assert!(text.contains(&format!("approve exactly this plan by its digest, `{}`.", "d1".repeat(32))), "{text}");
    }

    #[test]
    fn a_plan_shows_what_would_change() {
        let text = plan(&sample::plan("lapsed@memory:crm"));
        assert!(
            text.starts_with("# Plan for lapsed\\@memory:crm\n\nAs of 2026-11-23 10:15 UTC, over generation 41.\n")
        );
        assert!(text.contains("Members: 8,700 before, 9,000 desired (+300).\n"), "{text}");
        assert!(text.contains("| enter | 400 |\n| change | 20 |\n| stay | 8,570 |\n| leave (10 by time) | 100 |\n"));
        assert!(!text.contains("Guards refuse"), "{text}");
    }

    #[test]
    fn many_runs_are_a_line_for_each_binding_with_trouble_first() {
        let found = [sample::run("a@x"), sample::run("a@x"), sample::refused("b@x")];
        let text = runs(&found);
        assert!(text.starts_with("# 3 runs of 2 bindings\n\n| Audience | "), "{text}");
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("| CI ")).collect();
        assert_eq!(
            lines,
            [
                "| CI \\| Lapsed \\| 30d | Memory | Refused, 2026-11-23 10:15 | 8,996 | ±0 | 0 of 1 |",
                "| CI \\| Lapsed \\| 30d | Memory | Success, 2026-11-23 10:15 | 8,996 | ±0 | 2 of 2 |"
            ]
        );
        assert!(text.contains("\n1,040 rows planned: 1,000 accepted, 24 rejected, 16 skipped, 0 pending.\n"), "{text}");
        assert_eq!(runs([]), "# 0 runs of 0 bindings\n\n");
    }

    #[test]
    fn hygiene_is_sentences_and_tables() {
        let text = hygiene(&sample::hygiene());
        let first = "# What the data is like\n\n## In short\n\n3 of 4 members have at least one identifier by which a \
                     destination can find them (75.0 %).\n\n";
        assert!(text.starts_with(first), "{text}");
        for line in [
            "## To meta.custom\\_audience",
            "| no identifier | 1 | 25.0 % |",
            "| gmial.com, meant gmail.com | 1 | 33.3 % |",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("canary"), "{text}");
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut hostile = sample::run("x");
        hostile.audience = "<script>alert(1)</script>\n# [a](https://evil.example) | `b` \u{202e}".to_owned();
        hostile.plan.digest = "a`b|c\n".to_owned();
        hostile.reasons[0].code = "*|*".to_owned();
        let text = run(&hostile);
        assert!(text.contains(r"\<script\>alert(1)\</script\> \# \[a\](https\://evil.example) \| \`b\`"), "{text}");
        assert!(text.contains("| rejected | add | \\*\\|\\* | email | 12 |"), "{text}");
        assert!(text.contains("`abc `"), "{text}");
        assert!(!text.contains('\u{202e}'));
    }

    #[test]
    fn a_ledger_that_does_not_balance_is_called_out() {
        let mut wrong = sample::run("x");
        wrong.add.accepted -= 1;
        assert!(run(&wrong).contains("> **The ledger does not balance.** Its ends sum up to 519.\n"));
    }
}
