//! Does anything show that may not? Made after the other groups: these look through what came before.

use super::bench::{Bench, Checked, fail, skip};
use super::people;
use crate::testkit::{Leak, LeakScanner};

/// Everything that is planted, digests of the samples included.
fn scanner(bench: &Bench<'_>) -> LeakScanner {
    let digests = bench.notes.seen().digests.clone();
    let scanner = people::scanner(&bench.harness.secrets());
    digests.into_iter().take(12).fold(scanner, |scanner, digest| scanner.canary("digest of an identifier", digest))
}

fn clean(what: &str, leaks: &[Leak]) -> Checked {
    match leaks.first() {
        Some(leak) => fail(format!("expected no planted value in {what}, found {leak}")),
        None => Ok(()),
    }
}

pub(super) async fn debug_hides_values(bench: &Bench<'_>) -> Checked {
    let (audience, rows) = bench.audience_of(2).await?;
    let destination = &bench.destination;
    let capabilities = serde_json::to_string(&bench.capabilities).unwrap_or_default();
    let shown = format!("{destination:?}\n{destination:#?}\n{:?}\n{capabilities}\n{audience:?}", destination.info());
    let digests = rows.iter().flat_map(people::digests);
    let scanner = digests.fold(scanner(bench), |scanner, digest| scanner.canary("digest of an identifier", digest));
    clean("Debug, info and capabilities", &scanner.scan(shown.as_bytes()))
}

pub(super) async fn errors_hide_values(bench: &Bench<'_>) -> Checked {
    let errors = bench.notes.seen().errors.join("\n");
    if errors.is_empty() {
        return skip("no error was seen");
    }
    clean("errors", &scanner(bench).scan(errors.as_bytes()))
}

pub(super) async fn rejects_hide_values(bench: &Bench<'_>) -> Checked {
    let rejects = format!("{:?}", bench.notes.seen().rejects);
    if bench.notes.seen().rejects.is_empty() {
        return skip("no row was rejected");
    }
    clean("the codes and fields of rejects", &scanner(bench).scan(rejects.as_bytes()))
}

pub(super) async fn events_hide_values(bench: &Bench<'_>) -> Checked {
    let events = bench.notes.seen().events.join("\n");
    if events.is_empty() {
        return skip("the observer was told nothing");
    }
    clean("events", &scanner(bench).scan(events.as_bytes()))
}
