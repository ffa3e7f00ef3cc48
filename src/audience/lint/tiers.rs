//! Tiers of one intent: `0-24h`, `1-3d`, `3-7d`. They neither overlap nor leave anybody out.

use std::collections::BTreeMap;

use super::report;
use super::scene::{Draft, Scene, Subject, Verdict, Verdicts};
use crate::audience::charter::Journey;
use crate::audience::evidence::Evidence;
use crate::naming::{DayBounds, Dur, Market, Term, Unit, Window};

/// One tier: an audience, and the ages it holds in seconds.
struct Tier<'s, 'a> {
    subject: &'s Subject<'a>,
    window: Window,
    from: u64,
    /// `u64::MAX` for no end.
    to: u64,
}

type Ladder<'s, 'a> = Vec<Tier<'s, 'a>>;

/// Targeting audiences by prefix, market and intent, each group sorted by its ages. A single audience is no ladder.
fn ladders<'s, 'a>(scene: &'s Scene<'a>) -> Vec<Ladder<'s, 'a>> {
    let mut groups: BTreeMap<(Option<&Term>, Vec<&Market>, &Term), Ladder<'s, 'a>> = BTreeMap::new();
    for subject in scene.subjects.iter().filter(|subject| subject.is_targeting()) {
        let (Some(name), Some(window)) = (subject.name(), subject.window()) else { continue };
        let Some((from, to)) = window.age_seconds() else { continue };
        let mut markets: Vec<&Market> = name.market().iter().collect();
        markets.sort_unstable();
        let tier = Tier { subject, window, from, to: to.unwrap_or(u64::MAX) };
        groups.entry((name.prefix(), markets, name.intent())).or_default().push(tier);
    }
    let mut ladders: Vec<_> = groups.into_values().filter(|ladder| ladder.len() > 1).collect();
    for ladder in &mut ladders {
        ladder.sort_by_key(|tier| (tier.from, tier.to));
    }
    ladders
}

/// The ladders as a report shows them.
pub(super) fn shown(scene: &Scene<'_>) -> Vec<Vec<report::Tier>> {
    let tier = |tier: Tier<'_, '_>| report::Tier {
        audience: tier.subject.key().to_owned(),
        name: tier.subject.shown.clone(),
        window: tier.window.to_string(),
        from_s: tier.from,
        to_s: Some(tier.to).filter(|to| *to < u64::MAX),
    };
    ladders(scene).into_iter().map(|ladder| ladder.into_iter().map(tier).collect()).collect()
}

/// Whether something else keeps a member from being in both.
fn disjoint(a: &Subject<'_>, b: &Subject<'_>) -> bool {
    let priorities = (a.charter.priority, b.charter.priority);
    let ranked = matches!(priorities, (Some(a), Some(b)) if a != b);
    ranked || a.excluded_keys().contains(&b.key()) || b.excluded_keys().contains(&a.key())
}

/// AL-012: two tiers hold the same people.
pub(super) fn overlap<'a>(scene: &'a Scene<'_>) -> Verdicts<'a> {
    let mut verdicts = Vec::new();
    for ladder in ladders(scene) {
        let spans: Vec<(u64, u64)> = ladder.iter().map(|tier| (tier.from, tier.to)).collect();
        for (earlier, later) in overlaps(&spans) {
            let (Some(a), Some(b)) = (ladder.get(earlier), ladder.get(later)) else { continue };
            if disjoint(a.subject, b.subject) {
                continue;
            }
            let message = format!("it overlaps with {} ({})", a.subject.shown, a.window);
            let draft = Draft::new(message, "make the tiers touch, let one exclude the other, or give both a priority")
                .with(Evidence::new("windows", format!("{}, {}", a.window, b.window)))
                .with(Evidence::new("shared", span_text(b.from.max(a.from), a.to.min(b.to))))
                .at(b.subject.parsed.spans.window.clone());
            verdicts.push((Some(b.subject.key()), draft.into()));
        }
    }
    verdicts
}

/// Pairs of half-open spans that share something; the spans are sorted. Costs as much as there are pairs.
fn overlaps(spans: &[(u64, u64)]) -> Vec<(usize, usize)> {
    let (mut open, mut pairs): (Vec<usize>, _) = (Vec::new(), Vec::new());
    for (later, &(from, to)) in spans.iter().enumerate() {
        open.retain(|earlier| spans.get(*earlier).is_some_and(|(_, end)| *end > from));
        pairs.extend(open.iter().filter(|_| to > from).map(|earlier| (*earlier, later)));
        open.push(later);
    }
    pairs
}

/// AL-013: between two tiers, or before the first, nobody is addressed.
pub(super) fn gap<'a>(scene: &'a Scene<'_>) -> Verdicts<'a> {
    let mut verdicts = Vec::new();
    for ladder in ladders(scene) {
        verdicts.extend(head(&ladder));
        let mut reached: Option<&Tier<'_, '_>> = None;
        for tier in &ladder {
            if let Some(before) = reached
                && tier.from > before.to.saturating_add(slack(tier, scene))
            {
                let better = match (end(before.window), end(tier.window)) {
                    (Some(from), Some(to)) => Window::range(from, to).ok(),
                    (Some(from), None) => Some(Window::open(from)),
                    (None, _) => None,
                };
                let fix = better.map_or("move one of the bounds".to_owned(), |window| {
                    format!("let it begin where the one before ends: `{window}`")
                });
                let draft =
                    Draft::new(format!("nobody is addressed between {} and {}", before.window, tier.window), fix)
                        .with(Evidence::new("kind", "between"))
                        .with(Evidence::new("gap", span_text(before.to, tier.from)))
                        .at(tier.subject.parsed.spans.window.clone());
                verdicts.push((Some(tier.subject.key()), draft.into()));
            }
            if reached.is_none_or(|before| tier.to > before.to) {
                reached = Some(tier);
            }
        }
    }
    verdicts
}

/// A ladder beside a journey begins where the journey's first message leaves.
fn head<'s>(ladder: &Ladder<'s, '_>) -> Option<(Option<&'s str>, Verdict)> {
    let first = ladder.first()?;
    let delay = ladder.iter().filter_map(|tier| match &tier.subject.charter.journey {
        Some(Journey::Beside { first_message, .. }) => Some(first_message.seconds()),
        _ => None,
    });
    let delay = delay.max().filter(|delay| first.from > *delay)?;
    let draft =
        Draft::new("nobody is addressed between the journey's first message and the first tier", "begin earlier")
            .with(Evidence::new("kind", "head"))
            .with(Evidence::new("gap", span_text(delay, first.from)))
            .at(first.subject.parsed.spans.window.clone());
    Some((Some(first.subject.key()), draft.into()))
}

/// What a gap may be: the policy's, and one unit where days are counted as whole ones.
fn slack(tier: &Tier<'_, '_>, scene: &Scene<'_>) -> u64 {
    let allowed = scene.policy.tier_gap.map_or(0, Dur::seconds);
    let unit = match (scene.template.naming().day_bounds, begin(tier.window)) {
        (DayBounds::InclusiveDays, Some(from)) if from.unit() >= Unit::D => from.unit().seconds(),
        _ => 0,
    };
    allowed.max(unit)
}

fn begin(window: Window) -> Option<Dur> {
    match window {
        Window::Range { from, .. } | Window::Open { from } => Some(from),
        _ => None,
    }
}

fn end(window: Window) -> Option<Dur> {
    match window {
        Window::Range { to, .. } => Some(to),
        _ => None,
    }
}

/// AL-014: months are no multiple of days.
pub(super) fn mixed_units<'a>(scene: &'a Scene<'_>) -> Verdicts<'a> {
    let mixed = ladders(scene).into_iter().filter_map(|ladder| {
        let bounds = ladder.iter().flat_map(|tier| [begin(tier.window), end(tier.window)]).flatten();
        let units: Vec<Unit> = bounds.filter(|dur| dur.n() > 0).map(Dur::unit).collect();
        let any = |wanted: [Unit; 2]| units.iter().any(|unit| wanted.contains(unit));
        let last = ladder.last().filter(|_| any([Unit::Mo, Unit::Y]) && any([Unit::D, Unit::W]))?;
        let draft = Draft::new("its ladder counts in days and in months, and a month is not 30 days", "use one unit")
            .at(last.subject.parsed.spans.window.clone());
        Some((Some(last.subject.key()), draft.into()))
    });
    mixed.collect()
}

/// `0-24h`, `3-4d`, `90d+` for ages in seconds.
fn span_text(from: u64, to: u64) -> String {
    let shown = |seconds: u64| match seconds {
        s if s % 86_400 == 0 && s > 86_400 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s => format!("{}min", s / 60),
    };
    match to {
        u64::MAX => format!("{}+", shown(from)),
        to => format!("{} to {}", shown(from), shown(to)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn the_sweep_finds_every_pair_that_shares_a_moment(mut spans in prop::collection::vec((0_u64..12, 1_u64..6), 0..8)) {
            for span in &mut spans {
                span.1 += span.0;
            }
            spans.sort_unstable();
            let mut expected = Vec::new();
            for later in 0..spans.len() {
                for earlier in 0..later {
                    let inside = |moment: u64, (from, to): (u64, u64)| from <= moment && moment < to;
                    if (0..20).any(|moment| inside(moment, spans[earlier]) && inside(moment, spans[later])) {
                        expected.push((earlier, later));
                    }
                }
            }
            prop_assert_eq!(overlaps(&spans), expected);
        }
    }

    #[test]
    fn spans_are_written_in_the_largest_whole_unit() {
        assert_eq!(span_text(0, 86_400), "0h to 24h");
        assert_eq!(span_text(3 * 86_400, 4 * 86_400), "3d to 4d");
        assert_eq!(span_text(5_400, u64::MAX), "90min+");
    }
}
