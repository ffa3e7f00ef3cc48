//! Audiences reflect decisions, not descriptions.

use super::scene::{Draft, Scene, Subject, Verdict};
use crate::audience::evidence::Evidence;
use crate::naming::Severity;

/// AL-001: the intent says nothing about a decision.
pub(super) fn broad_name(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    if !subject.is_targeting() {
        return Verdict::Fine;
    }
    let input = &subject.parsed.input;
    let written =
        input.split(scene.template.naming().separator).filter_map(|field| scene.template.look_up(field.trim()));
    let known = subject.intent().and_then(|id| scene.template.term(id));
    let Some(broad) = known.into_iter().chain(written).find(|term| term.broad) else {
        return match subject.name() {
            Some(_) => Verdict::Fine,
            None => Verdict::unknown("a name that the template reads"),
        };
    };
    Draft::new(
        format!("`{}` describes people and decides nothing", broad.canonical),
        "name the decision: who gets which message, and when they stop",
    )
    .at(subject.parsed.spans.intent.clone())
    .into()
}

/// AL-002: it holds a large share of everybody.
pub(super) fn broad_size(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    if !subject.is_targeting() {
        return Verdict::Fine;
    }
    let observed = &subject.charter.observed;
    let (Some(size), Some(population @ 1..)) = (observed.size, observed.population) else {
        return Verdict::unknown("its size and the population");
    };
    let (share, policy) = (size as f64 / population as f64, scene.policy);
    if share < policy.broad_warning {
        return Verdict::Fine;
    }
    let severity = if share >= policy.broad_error { Severity::Error } else { Severity::Warning };
    Draft::new("it holds a large share of everybody", "narrow it by intent or recency")
        .graded(severity)
        .with(Evidence::new("share", share).against(format!("< {}", policy.broad_warning)))
        .with(Evidence::new("size", size))
        .with(Evidence::new("population", population))
        .into()
}

/// AL-003: nobody wrote down what is done with it. For suppressions, seeds and holdouts the role says it.
pub(super) fn no_decision(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    match &subject.charter.decision {
        _ if !subject.is_targeting() => Verdict::Fine,
        Some(decision) if !decision.action.trim().is_empty() => Verdict::Fine,
        _ => Draft::new("no decision is recorded", "record action, message and budget owner").into(),
    }
}
