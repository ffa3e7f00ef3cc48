//! A name says what the definition does, and goes on saying it.

use std::collections::BTreeMap;

use super::exclusions::{same, stated_and_attached};
use super::scene::{Draft, Scene, Subject, Verdict, Verdicts};
use crate::audience::definition::Fingerprint;
use crate::audience::drift::{Drift, DriftClass, Version};
use crate::audience::evidence::Evidence;
use crate::naming::{AudienceName, Severity, Window};

/// AL-007: window or exclusions of the name are not the definition's.
pub(super) fn name_differs(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let Some(name) = subject.name() else { return Verdict::unknown("a name that the template reads") };
    let Some(definition) = &subject.charter.definition else { return Verdict::unknown("the definition") };
    let mut drafts = Vec::new();
    let [stated, defined] = [name.window(), definition.window].map(|window| window.unwrap_or(Window::Lifetime));
    const FIX: &str = "rename the audience, or change its definition and bump the version";
    if !stated.same_length(defined) {
        let draft = Draft::new("the name states another window than the definition", FIX)
            .with(Evidence::new("name", stated.to_string()))
            .with(Evidence::new("definition", defined.to_string()))
            .at(subject.parsed.spans.window.clone());
        drafts.push(draft);
    }
    match stated_and_attached(subject, name, scene) {
        Some((stated, attached)) if !same(&stated, &attached) => {
            let listed = |items: &[(Option<_>, Option<Window>)]| {
                let item = |(id, window): &(Option<crate::naming::VocabId>, Option<Window>)| {
                    let id = id.as_ref().map_or("?", |id| id.as_str());
                    window.map_or(id.to_owned(), |window| format!("{id} {}", window.in_exclusion()))
                };
                items.iter().map(item).collect::<Vec<_>>().join(" + ")
            };
            let draft = Draft::new("the name states other exclusions than are attached", FIX)
                .with(Evidence::new("name", listed(&stated)))
                .with(Evidence::new("attached", listed(&attached)))
                .at(subject.parsed.spans.exclusions.clone());
            drafts.push(draft);
        }
        None if drafts.is_empty() => {
            return Verdict::unknown("every audience it excludes, with a name that the template reads");
        }
        _ => {}
    }
    Verdict::of(drafts)
}

/// What became of the definition since the last version that was kept.
fn drift(subject: &Subject<'_>) -> Option<Drift> {
    let definition = subject.charter.definition.clone()?;
    let version = subject.name().and_then(AudienceName::version);
    let now = Version::new(subject.charter.audience.name(), version, definition);
    Some(Drift::between(subject.charter.history.last()?, &now))
}

fn told(drift: &Drift) -> Evidence {
    let changes: Vec<String> = drift.changes.iter().map(ToString::to_string).collect();
    Evidence::new("changes", changes.join(", "))
}

/// AL-025: the definition changed and the name did not. What an excluded audience did is a note: it has its own findings.
pub(super) fn drifted(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    let Some(drift) = drift(subject) else { return Verdict::unknown("the definition, and an earlier one") };
    let draft = match drift.class {
        DriftClass::Silent => {
            Draft::new("the definition changed under an unchanged name", "bump the version, or revert")
        }
        DriftClass::Upstream => {
            Draft::new("an excluded audience means something else", "look at its findings").graded(Severity::Note)
        }
        _ => return Verdict::Fine,
    };
    draft.with(told(&drift)).into()
}

/// AL-026: an event was renamed: in the definition alone, or in the source alone.
pub(super) fn event_renamed(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    const FIX: &str = "re-bind the event to its new name, and bump the version";
    if let Some(drift) = drift(subject)
        && drift.class == DriftClass::RenameEvent
    {
        return Draft::new("an event has another name and nothing else changed", FIX).with(told(&drift)).into();
    }
    let Some(definition) = &subject.charter.definition else { return Verdict::unknown("the definition") };
    let flows = &subject.charter.observed.events;
    let mut drafts = Vec::new();
    for event in &definition.events {
        let Some(flow) = flows.iter().find(|flow| flow.event == *event) else {
            return Verdict::unknown(format!("how event `{}` comes in", event.name));
        };
        let silent = scene.now.since(flow.last_seen).as_secs();
        let heir = flows.iter().find(|other| {
            let strange = !definition.events.contains(&other.event);
            strange && other.event.schema == event.schema && other.first_seen >= flow.last_seen
        });
        if let Some(heir) = heir
            && silent > flow.usual_gap.seconds().saturating_mul(2)
        {
            let message =
                format!("event `{}` stopped, and `{}` of the same schema started", event.name, heir.event.name);
            let limit = format!("<= {}", flow.usual_gap.seconds().saturating_mul(2));
            drafts.push(
                Draft::new(message, FIX).with(Evidence::new("silent_s", silent).against(limit).at(flow.last_seen)),
            );
        }
    }
    Verdict::of(drafts)
}

/// AL-027: two audiences mean the same.
pub(super) fn duplicate<'a>(scene: &'a Scene<'_>) -> Verdicts<'a> {
    let mut first: BTreeMap<Fingerprint, &Subject<'_>> = BTreeMap::new();
    let mut verdicts = Vec::new();
    for subject in &scene.subjects {
        let Some(definition) = &subject.charter.definition else {
            verdicts.push((Some(subject.key()), Verdict::unknown("the definition")));
            continue;
        };
        let print = definition.fingerprint();
        match first.get(&print) {
            Some(other) => {
                let message = format!("it means the same as {}", other.shown);
                let draft = Draft::new(message, "merge the two").with(Evidence::new("fingerprint", print.short()));
                verdicts.push((Some(subject.key()), draft.into()));
            }
            None => {
                first.insert(print, subject);
            }
        }
    }
    verdicts
}
