//! What destinations make of an audience: minimums, old members, overlaps, caps, consent.

use super::scene::{Draft, Scene, Subject, Verdict, Verdicts};
use crate::audience::charter::Placement;
use crate::audience::evidence::Evidence;

/// The placements where people are addressed.
fn addressing<'s>(subject: &'s Subject<'_>, scene: &'s Scene<'_>) -> impl Iterator<Item = &'s Placement> {
    subject.charter.placements.iter().filter(|placement| scene.policy.addresses(placement.platform()))
}

/// AL-020: too few people are recognised for the platform to use it.
pub(super) fn below_minimum(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let mut drafts = Vec::new();
    for placement in addressing(subject, scene) {
        let Some(facts) = scene.policy.platform(placement.platform()) else {
            return Verdict::unknown(format!("the minimum at {}", placement.platform()));
        };
        let Some(minimum) = facts.minimum else { continue };
        match placement.matched {
            None => return Verdict::unknown(format!("the people {} recognises", placement.destination)),
            Some(matched) if matched < minimum => drafts.push(
                Draft::new(format!("{} recognises too few to use it", placement.destination), "widen it, or merge it")
                    .with(Evidence::new("matched", matched).against(format!(">= {minimum}"))),
            ),
            Some(_) => {}
        }
    }
    Verdict::of(drafts)
}

/// AL-028: a deleted audience had this name or key here, and its members may still be counted.
pub(super) fn reused(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let Some(retired) = &scene.portfolio.retired else { return Verdict::unknown("the audiences that were deleted") };
    let fold = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let name = fold(subject.charter.audience.name());
    let placed =
        |destination: &str| subject.charter.placements.iter().any(|placement| placement.destination == destination);
    let taken =
        retired.iter().filter(|old| placed(&old.destination) && (old.key == subject.key() || fold(&old.name) == name));
    Verdict::of(taken.map(|old| {
        let what = if old.key == subject.key() { "key" } else { "name" };
        let message = format!("a deleted audience had this {what} at {}", old.destination);
        Draft::new(message, "give it a new version: the old members would be counted")
    }))
}

/// AL-032: two audiences of different intent hold the same people, and nothing says which one keeps them.
pub(super) fn sibling_overlap<'a>(scene: &'a Scene<'_>) -> Verdicts<'a> {
    let Some(overlaps) = &scene.portfolio.overlaps else {
        return vec![(None, Verdict::unknown("how far audiences hold the same people"))];
    };
    let mut verdicts = Vec::new();
    for overlap in overlaps {
        let [a, b] = &overlap.keys;
        let (Some(a), Some(b)) = (scene.get(a), scene.get(b)) else { continue };
        let intents = (a.name().map(|name| name.intent()), b.name().map(|name| name.intent()));
        let ranked = matches!((a.charter.priority, b.charter.priority), (Some(a), Some(b)) if a != b);
        let both = a.is_targeting() && b.is_targeting() && intents.0 != intents.1;
        if both && !ranked && overlap.share >= scene.policy.sibling_overlap {
            let draft =
                Draft::new(format!("it holds many of the members of {}", a.shown), "put both into the priority list")
                    .with(Evidence::new("share", overlap.share).against(format!("< {}", scene.policy.sibling_overlap)));
            verdicts.push((Some(b.key()), draft.into()));
        }
    }
    verdicts
}

/// AL-033: nothing keeps one person from seeing the ads all day.
pub(super) fn no_cap(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    match subject.charter.frequency_cap {
        None if subject.is_targeting() => {
            Draft::new("no frequency cap", "cap it; three to seven times a week are usual").into()
        }
        _ => Verdict::Fine,
    }
}

/// The consents that Google and Meta ask for in the EEA, the UK and Switzerland.
const CONSENTS: [&str; 2] = ["ad_user_data", "ad_personalization"];

/// AL-034: it goes where consent must be proven, and its definition does not ask for it.
pub(super) fn no_consent_filter(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let policy = scene.policy;
    let mut asks = subject.charter.placements.iter().filter(|at| policy.consent_platforms.contains(at.platform()));
    let Some(placement) = asks.next() else { return Verdict::Fine };
    if !subject.is_targeting() {
        return Verdict::Fine;
    }
    let Some(name) = subject.name() else { return Verdict::unknown("a name that the template reads") };
    let named: Vec<&str> = name.market().iter().map(|market| market.as_str()).collect();
    let markets = if named.is_empty() { policy.home_markets.iter().map(String::as_str).collect() } else { named };
    if markets.is_empty() {
        return Verdict::unknown("its markets");
    }
    let Some(market) = markets.into_iter().find(|market| policy.consent_markets.contains(*market)) else {
        return Verdict::Fine;
    };
    let Some(definition) = &subject.charter.definition else { return Verdict::unknown("the definition") };
    let missing: Vec<&str> = CONSENTS.into_iter().filter(|consent| !definition.consent.contains(*consent)).collect();
    if missing.is_empty() {
        return Verdict::Fine;
    }
    Draft::new(
        format!("{} asks for consent in {market}, and the definition does not", placement.destination),
        format!("ask for {}", missing.join(" and ")),
    )
    .at(subject.parsed.spans.market.clone())
    .into()
}
