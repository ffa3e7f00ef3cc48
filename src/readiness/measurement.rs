//! Whether its effect will be known, and the arms are sound.

use super::{Scene, Verdict};
use crate::audience::lint::Rule;
use crate::audience::{Charter, Evidence, Method};
use crate::naming::Role;

/// `meas.plan`: every targeting audience has a whole plan, large enough for the effect hoped for.
pub(super) fn plan(scene: &Scene<'_>) -> Verdict {
    let charters: Vec<&Charter> = scene.of_role(Role::Targeting).collect();
    if charters.is_empty() {
        return Verdict::unknown("nobody is targeted here", "bind an audience to target");
    }
    let whole = charters.iter().map(|charter| complete(charter)).fold(Verdict::pass(), Verdict::and);
    let holdout =
        charters.iter().any(|charter| charter.measurement.as_ref().is_some_and(|plan| plan.method == Method::Holdout));
    let evidence = Evidence::new("holdout_excluded", scene.inputs.host.holdout_excluded).from("host");
    let bound = match scene.inputs.host.holdout_excluded {
        _ if !holdout => Verdict::pass(),
        Some(true) => Verdict::pass().with(evidence),
        Some(false) => {
            Verdict::fail("the held-out members are not excluded", "bind them as an exclusion").with(evidence)
        }
        None => Verdict::unknown("nobody says whether the held-out members are excluded", "say so").with(evidence),
    };
    whole.and(bound).and(scene.by_lint(&[], &[Rule::Underpowered]))
}

/// What a plan must say.
fn complete(charter: &Charter) -> Verdict {
    let Some(plan) = &charter.measurement else {
        return Verdict::fail(
            "an audience has no measurement plan",
            "hold out a share, split regions, or compare before and after",
        )
        .with(Evidence::new("audience", charter.audience.key()));
    };
    let parts = [
        ("metric", plan.metric.is_some()),
        ("window", plan.window.is_some()),
        ("start", plan.start.is_some()),
        ("owner", plan.owner.is_some()),
    ];
    let missing: Vec<&str> = parts.into_iter().filter(|(_, is_there)| !is_there).map(|(part, _)| part).collect();
    if !missing.is_empty() {
        let evidence = Evidence::new("missing", missing.join(", "));
        return Verdict::fail("a measurement plan is not complete", "write down what is missing")
            .with(evidence)
            .with(Evidence::new("audience", charter.audience.key()));
    }
    match plan.method {
        Method::PrePost => Verdict::warn("before and after is weak evidence", "hold out a share, or split regions"),
        _ => Verdict::pass(),
    }
}

/// `meas.srm`: the arms have the sizes that were planned, and the holdout was left alone.
pub(super) fn split(scene: &Scene<'_>) -> Verdict {
    let Some(split) = scene.inputs.host.split else {
        return Verdict::unknown("the arms were not looked at", "test the sample ratio, and count contamination");
    };
    let [pass, warn] = scene.policy.contamination;
    let ratio = Evidence::new("ratio_p", split.ratio_p).against(format!(">= {}", scene.policy.ratio_p));
    let contamination = Evidence::new("contamination", split.contamination).against(format!("<= {pass}"));
    const SKEWED: &str = "the arms do not have the sizes that were planned";
    // What is not a number is no pass: no comparison with it holds.
    let verdict = match (split.ratio_p >= scene.policy.ratio_p, split.contamination) {
        (false, _) => Verdict::fail(SKEWED, "find the cause before reading any result"),
        (true, share) if share <= pass => Verdict::pass(),
        (true, share) if share <= warn => {
            Verdict::warn("some held-out members were reached", "exclude them at the destination")
        }
        _ => Verdict::fail("many held-out members were reached", "exclude them at the destination, and start anew"),
    };
    verdict.with(ratio).with(contamination)
}
