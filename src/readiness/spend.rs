//! Whether money is protected: suppression, caps, exclusions, stops, and who leads.

use super::{Scene, Verdict};
use crate::audience::Evidence;
use crate::audience::lint::Rule;
use crate::naming::Role;
use crate::sync::Guards;

/// `spend.supp`: required suppressions are synced, and attached where ads run.
pub(super) fn suppression(scene: &Scene<'_>) -> Verdict {
    if scene.platform().is_some_and(|facts| !facts.addresses) {
        return Verdict::pass().with(Evidence::new("addresses", false));
    }
    let attached = match scene.inputs.host.suppressions_attached {
        Some(true) => Verdict::pass(),
        Some(false) => Verdict::fail("suppressions are not attached", "attach them to every campaign or ad set"),
        None => Verdict::warn("nobody says whether suppressions are attached", "look at the campaigns and say so"),
    };
    let evidence = Evidence::new("attached", scene.inputs.host.suppressions_attached).from("host");
    scene.by_lint(&[Rule::SuppressionNotFirst, Rule::SuppressionMissing], &[]).and(attached.with(evidence))
}

/// `spend.freq`: nobody sees the ads all day.
pub(super) fn caps(scene: &Scene<'_>) -> Verdict {
    if scene.platform().is_some_and(|facts| !facts.addresses) {
        return Verdict::pass().with(Evidence::new("addresses", false));
    }
    let [low, high] = scene.policy.cap_per_week;
    let mut verdict = Verdict::pass();
    let mut any = false;
    for charter in scene.of_role(Role::Targeting) {
        any = true;
        let key = charter.audience.key();
        let capped = charter.frequency_cap.map(|cap| cap.per_week());
        let evidence = Evidence::new(key, capped).against(format!("{low} to {high} a week")).from("host");
        let found = match capped {
            None => Verdict::fail("an audience has no frequency cap", "cap it; three to seven times a week are usual"),
            Some(cap) if (low..=high).contains(&cap) => Verdict::pass(),
            Some(_) => Verdict::warn("a frequency cap is unusual", "make sure that it is meant"),
        };
        verdict = verdict.and(found.with(evidence));
    }
    if any { verdict } else { Verdict::unknown("nobody is targeted here", "bind an audience to target") }
}

/// `spend.excl`: every targeting audience leaves out those who converted.
pub(super) fn exclusions(scene: &Scene<'_>) -> Verdict {
    scene.by_lint(&[Rule::NoExclusions], &[Rule::ConverterNotExcluded, Rule::ShortExclusion])
}

/// `spend.safety`: an empty source, a mass removal and a jump in size are stopped.
pub(super) fn safety(scene: &Scene<'_>) -> Verdict {
    let Some(guards) = scene.inputs.guards.as_ref().filter(|guards| !guards.is_empty()) else {
        return Verdict::unknown("the guards are not known", "pass the guards of every binding");
    };
    let judged = guards.iter().map(|guards| {
        let removal = guards.max_remove_ppm.is_some() || guards.max_remove.is_some();
        let stops =
            [("empty_source", guards.empty_source), ("max_remove", removal), ("max_add", guards.max_add_ppm.is_some())];
        match stops.into_iter().find(|(_, is_on)| !is_on) {
            Some((stop, _)) => {
                Verdict::fail("a safety stop is off", "turn it on").with(Evidence::new(stop, false).against("on"))
            }
            None if *guards == Guards::default() => {
                Verdict::warn("the guards are the defaults", "set limits that fit the audience's size")
            }
            None => Verdict::pass(),
        }
    });
    judged.fold(Verdict::pass(), Verdict::and)
}

/// `journey.front`: ads do not race ahead of the owned journey.
pub(super) fn front_running(scene: &Scene<'_>) -> Verdict {
    scene.by_lint(&[Rule::FrontRunning], &[Rule::PartFrontRunning])
}
