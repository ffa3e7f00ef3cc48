//! Whether its effect will be known.

use super::scene::{Draft, Scene, Subject, Verdict};
use crate::audience::evidence::Evidence;

/// AL-023: nobody planned to tell its effect from chance.
pub(super) fn absent(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    let planned = subject.charter.measurement.is_some() || subject.charter.audience.holdout().is_some();
    match planned || !subject.is_targeting() {
        true => Verdict::Fine,
        false => {
            Draft::new("no measurement plan", "hold out a share, split regions, or compare before and after").into()
        }
    }
}

/// AL-024: it is too small to show the effect that is hoped for.
pub(super) fn underpowered(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    let Some(plan) = &subject.charter.measurement else {
        // No plan at all is another rule's finding; a holdout alone says nothing about power.
        return match subject.charter.audience.holdout() {
            Some(_) if subject.is_targeting() => Verdict::unknown("the measurement plan"),
            _ => Verdict::Fine,
        };
    };
    let known = |effect: Option<f64>| effect.filter(|effect| effect.is_finite() && *effect > 0.0);
    let (Some(planned), Some(detectable)) = (known(plan.planned_effect), known(plan.detectable_effect)) else {
        return Verdict::unknown("the planned and the detectable effect");
    };
    if detectable <= planned {
        return Verdict::Fine;
    }
    let mut draft =
        Draft::new("it is too small to show the planned effect", "enlarge the audience or the holdout, or plan longer")
            .with(Evidence::new("detectable_effect", detectable).against(format!("<= {planned}")));
    if let Some(needed) = plan.needed_per_arm {
        draft = draft.with(Evidence::new("needed_per_arm", needed));
    }
    draft.into()
}
