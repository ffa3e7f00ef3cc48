//! Suppression goes first: every targeting audience leaves out those who converted.

use std::collections::BTreeSet;

use super::scene::{Draft, Scene, Subject, Verdict};
use crate::audience::evidence::Evidence;
use crate::naming::{AudienceName, VocabId, Window};

/// AL-004: nobody is left out.
pub(super) fn none(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    let named = subject.name().map(|name| !name.exclusions().items().is_empty());
    match (subject.is_targeting(), named, subject.excluded_keys().is_empty()) {
        (false, ..) | (true, Some(true), _) | (true, _, false) => Verdict::Fine,
        (true, ..) => {
            Draft::new("nobody is excluded", "exclude at least the converters of this intent, as in `Excl Purch 7d`")
                .at(subject.parsed.spans.exclusions.clone())
                .into()
        }
    }
}

/// What a targeting audience leaves out: term and window of each exclusion, and whether all could be told.
struct LeftOut {
    items: Vec<(Option<VocabId>, Option<Window>)>,
    complete: bool,
}

fn left_out(subject: &Subject<'_>, scene: &Scene<'_>) -> LeftOut {
    let named = subject.name().map(|name| name.exclusions().items()).unwrap_or_default();
    let mut items: Vec<_> = named.iter().map(|item| (item.subject.id().cloned(), item.window)).collect();
    let mut complete = true;
    for key in subject.excluded_keys() {
        match scene.get(key).and_then(Subject::name) {
            Some(other) => items.push((other.intent().id().cloned(), other.window())),
            None => complete = false,
        }
    }
    LeftOut { items, complete }
}

/// The terms that stand for having converted on this audience's intent.
fn converters<'s>(subject: &Subject<'_>, scene: &'s Scene<'_>) -> &'s BTreeSet<String> {
    let policy = scene.policy;
    subject.intent().and_then(|id| policy.converters.get(id.as_str())).unwrap_or(&policy.default_converters)
}

/// AL-005: those who converted are not left out.
pub(super) fn converter(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let (left_out, converters) = (left_out(subject, scene), converters(subject, scene));
    let covered = left_out.items.iter().any(|(id, _)| id.as_ref().is_some_and(|id| converters.contains(id.as_str())));
    match (subject.is_targeting() && !converters.is_empty(), covered, left_out) {
        (false, ..) | (_, true, _) => Verdict::Fine,
        (.., LeftOut { complete: false, .. }) => {
            Verdict::unknown("every audience it excludes, with a name that the template reads")
        }
        // Nobody at all is another rule's finding.
        (.., LeftOut { items, .. }) if items.is_empty() => Verdict::Fine,
        _ => Draft::new("those who converted are not excluded", "add for example `Excl Purch 7d`")
            .with(Evidence::new("converters", converters.iter().cloned().collect::<Vec<_>>().join(", ")))
            .at(subject.parsed.spans.exclusions.clone())
            .into(),
    }
}

/// AL-006: a buyer is let in again while the window still holds the event that came before the purchase. Windows without
/// an end are not judged: there the purchase itself ends the membership.
pub(super) fn short(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let Some(Window::Range { from, to }) = subject.window() else { return Verdict::Fine };
    let length = to.seconds().saturating_sub(from.seconds());
    let converters = converters(subject, scene);
    let until = |window: Option<Window>| match window.map(|window| window.age_seconds()) {
        Some(Some((_, Some(to)))) => to,
        // No window, or one without an end.
        _ => u64::MAX,
    };
    let items = left_out(subject, scene).items;
    let conversions =
        items.into_iter().filter(|(id, _)| id.as_ref().is_some_and(|id| converters.contains(id.as_str())));
    let Some(longest) = conversions.map(|(_, window)| until(window)).max() else { return Verdict::Fine };
    if !subject.is_targeting() || longest >= length {
        return Verdict::Fine;
    }
    Draft::new("buyers are let in again before the window is over", "raise the exclusion to the length of the window")
        .with(Evidence::new("exclusion_s", longest).against(format!(">= {length}")))
        .at(subject.parsed.spans.exclusions.clone())
        .into()
}

/// Whether both leave out the same: by term, with windows of equal length; none is at any time.
pub(super) fn same(a: &[(Option<VocabId>, Option<Window>)], b: &[(Option<VocabId>, Option<Window>)]) -> bool {
    let window = |window: Option<Window>| window.unwrap_or(Window::Lifetime);
    let alike = |x: &(Option<VocabId>, Option<Window>), y: &(Option<VocabId>, Option<Window>)| {
        x.0 == y.0 && window(x.1).same_length(window(y.1))
    };
    let covers = |a: &[_], b: &[_]| a.iter().all(|x| b.iter().any(|y| alike(x, y)));
    covers(a, b) && covers(b, a)
}

/// The exclusions that a name states, and those that are attached; `None` where one of them cannot be told.
pub(super) type Both = (Vec<(Option<VocabId>, Option<Window>)>, Vec<(Option<VocabId>, Option<Window>)>);

pub(super) fn stated_and_attached(subject: &Subject<'_>, name: &AudienceName, scene: &Scene<'_>) -> Option<Both> {
    let stated = name.exclusions().items().iter().map(|item| (item.subject.id().cloned(), item.window)).collect();
    let attached = subject.excluded_keys().into_iter().map(|key| {
        let other = scene.get(key).and_then(Subject::name)?;
        Some((other.intent().id().cloned(), other.window()))
    });
    Some((stated, attached.collect::<Option<_>>()?))
}
