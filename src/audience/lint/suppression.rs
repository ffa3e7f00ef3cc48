//! Suppression goes first, everywhere.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::{Draft, Scene, Subject, Verdict, Verdicts};
use crate::audience::charter::Placement;
use crate::audience::evidence::Evidence;
use crate::naming::Role;

/// The suppressions of a term at a destination.
fn suppressions<'s>(
    scene: &'s Scene<'_>,
    term: &'s str,
    destination: &'s str,
) -> impl Iterator<Item = (&'s Subject<'s>, &'s Placement)> {
    let of_term = move |subject: &&Subject<'_>| {
        subject.role() == Role::Suppression && subject.intent().is_some_and(|id| id.as_str() == term)
    };
    scene.subjects.iter().filter(of_term).filter_map(move |subject| {
        let placed = subject.charter.placements.iter().find(|placement| placement.destination == destination)?;
        Some((subject, placed))
    })
}

/// AL-018: it is used where a required suppression is not there yet, or is out of date.
pub(super) fn not_first(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let mut drafts = Vec::new();
    let mut unknown = None;
    for placement in &subject.charter.placements {
        if !subject.is_targeting() || !scene.policy.addresses(placement.platform()) {
            continue;
        }
        match placement.active {
            None => unknown = Some(format!("whether it is used at {}", placement.destination)),
            Some(false) => {}
            Some(true) => {
                let terms = scene.policy.required_suppressions.iter();
                drafts.extend(terms.filter_map(|term| behind(scene, term, placement)));
            }
        }
    }
    match unknown {
        Some(needs) if drafts.is_empty() => Verdict::unknown(needs),
        _ => Verdict::of(drafts),
    }
}

/// Why the suppression of a term does not protect a placement; none at all is another rule's finding.
fn behind(scene: &Scene<'_>, term: &str, placement: &Placement) -> Option<Draft> {
    let mut reason = None;
    for (suppression, placed) in suppressions(scene, term, &placement.destination) {
        let limit = suppression.charter.refresh.map(|refresh| refresh.max_staleness.seconds());
        let age = placed.last_success.map(|last| scene.now.since(last).as_secs());
        let (why, evidence) = match (placed.first_full_sync, age, limit) {
            (None, ..) => {
                let never = Evidence::new("suppression_first_full_sync", None::<bool>);
                ("has never been synced in full", never.against("before the first use"))
            }
            (Some(_), Some(_), None) => return None,
            (Some(_), Some(age), Some(limit)) if age <= limit => return None,
            (Some(_), age, limit) => {
                let late = Evidence::new("suppression_age_s", age);
                ("is out of date", late.against(limit.map_or("a success".to_owned(), |limit| format!("<= {limit}"))))
            }
        };
        reason = Some((suppression, why, evidence.from("state")));
    }
    let (suppression, why, evidence) = reason?;
    let message = format!("it is used at {} while {} {why}", placement.destination, suppression.shown);
    Some(Draft::new(message, "sync the suppression, attach it as an exclusion, then activate").with(evidence))
}

/// AL-019: a suppression that every account needs is not there.
pub(super) fn missing<'a>(scene: &'a Scene<'_>) -> Verdicts<'a> {
    let mut accounts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for subject in scene.subjects.iter().filter(|subject| subject.is_targeting()) {
        for placement in &subject.charter.placements {
            if scene.policy.addresses(placement.platform()) {
                let terms = scene.policy.required_suppressions.iter().map(String::as_str);
                accounts.entry(&placement.destination).or_insert_with(|| terms.collect());
            }
        }
    }
    let mut verdicts = Vec::new();
    for (destination, mut terms) in accounts {
        terms.retain(|term| suppressions(scene, term, destination).next().is_none());
        if !terms.is_empty() {
            let missing = terms.into_iter().collect::<Vec<_>>().join(", ");
            let draft = Draft::new(
                format!("required suppressions are missing at {destination}"),
                "make them, sync them in full, and attach them as exclusions",
            );
            verdicts.push((None, draft.with(Evidence::new("missing", missing).from("policy")).into()));
        }
    }
    verdicts
}
