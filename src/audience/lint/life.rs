//! Somebody owns it, it is fresh, members leave it, and it is used.

use super::scene::{Draft, Scene, Subject, Verdict};
use crate::audience::evidence::Evidence;
use crate::naming::{Role, Severity, Window};

const DAY: u64 = 86_400;

/// AL-008: nobody ever leaves. Suppressions and holdouts may hold their members for good.
pub(super) fn no_exit(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    let endless = matches!(subject.window(), None | Some(Window::Lifetime | Window::Open { .. }));
    let leaves =
        |exit: &crate::audience::ExitRule| exit.by_window || !exit.events.is_empty() || exit.max_days.is_some();
    let exempt = matches!(subject.role(), Role::Suppression | Role::Holdout);
    match &subject.charter.exit {
        Some(exit) if leaves(exit) => Verdict::Fine,
        _ if !endless || exempt => Verdict::Fine,
        _ => {
            Draft::new("its window has no end, and nobody leaves", "add an exit event or a maximum of membership days")
                .at(subject.parsed.spans.window.clone())
                .into()
        }
    }
}

/// AL-009: nobody answers for it.
pub(super) fn no_owner(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let named = subject.name().and_then(|name| name.owner()).map(|slug| slug.as_str());
    let owner = subject.charter.audience.owner().or(named).map(str::trim).filter(|owner| !owner.is_empty());
    match (owner, &scene.policy.owners) {
        (None, _) => Draft::new("nobody owns it", "assign an owner").into(),
        (Some(owner), Some(owners)) if !owners.contains(owner) => {
            Draft::new("its owner is not there any more", "assign another owner").into()
        }
        _ => Verdict::Fine,
    }
}

/// AL-010: nobody said how fresh it must be.
pub(super) fn no_refresh(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    match subject.charter.refresh {
        Some(_) => Verdict::Fine,
        None => Draft::new("no refresh is expected of it", "state the period and the greatest staleness").into(),
    }
}

/// AL-011: it has not been refreshed for too long.
pub(super) fn stale(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let Some(refresh) = subject.charter.refresh else { return Verdict::unknown("how fresh it must be") };
    let placed = subject.charter.placements.iter().map(|placement| placement.last_success);
    let observed = subject.charter.observed.last_refresh.map(Some);
    let Some(oldest) = placed.chain(observed).collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().min()) else {
        return Verdict::unknown("its last success, at every destination");
    };
    let (age, limit) = (scene.now.since(oldest).as_secs(), refresh.max_staleness.seconds());
    if age <= limit {
        return Verdict::Fine;
    }
    let severity = if age > limit.saturating_mul(2) { Severity::Error } else { Severity::Warning };
    Draft::new("it is stale", "find out why its refresh does not run")
        .graded(severity)
        .with(Evidence::new("age_s", age).against(format!("<= {limit}")).at(oldest))
        .into()
}

/// AL-029: a live audience with a day of the calendar in its name.
pub(super) fn fixed_date(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    let fixed = matches!(subject.name().and_then(|name| name.window()), Some(Window::Fixed { .. }));
    let digits = subject.parsed.input.split(|c: char| !c.is_ascii_digit());
    let dated = digits.into_iter().any(|run| run.len() == 8 && run.parse::<crate::naming::Date>().is_ok());
    match (subject.charter.refresh, fixed || dated) {
        (Some(_), true) => Draft::new("it is refreshed and has a fixed date in its name", "use a rolling window")
            .at(subject.parsed.spans.window.clone())
            .into(),
        _ => Verdict::Fine,
    }
}

/// AL-030: nobody uses it.
pub(super) fn unused(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let limit = u64::from(scene.policy.unused_days);
    let uses: Vec<_> = subject.charter.placements.iter().map(|placement| placement.last_used).collect();
    let Some(last) = uses.iter().flatten().max() else { return Verdict::unknown("when it was last used") };
    let idle = scene.now.since(*last).as_secs() / DAY;
    if idle < limit {
        return Verdict::Fine;
    }
    if uses.contains(&None) {
        return Verdict::unknown("when it was last used, at every destination");
    }
    Draft::new("nobody has used it for long", "archive it; Meta deletes audiences unused for two years")
        .with(Evidence::new("days", idle).against(format!("< {limit}")).at(*last))
        .into()
}

/// AL-031: its size is far from what it was.
pub(super) fn size_jump(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let observed = &subject.charter.observed;
    const FIX: &str = "hold the sync until the cause is known";
    let Some(size) = observed.size else { return Verdict::unknown("its size") };
    if size == 0 {
        return Draft::new("it is empty", FIX).graded(Severity::Error).with(Evidence::new("size", size)).into();
    }
    let from = observed.sizes.len().saturating_sub(14);
    let Some(median) = median(observed.sizes.get(from..).unwrap_or_default()).filter(|median| *median > 0.0) else {
        return Verdict::unknown("its earlier sizes");
    };
    let (jump, policy) = ((size as f64 - median).abs() / median, scene.policy);
    if jump <= policy.jump_warning {
        return Verdict::Fine;
    }
    let severity = if jump > policy.jump_error { Severity::Error } else { Severity::Warning };
    Draft::new("its size is far from what it was", FIX)
        .graded(severity)
        .with(Evidence::new("change", jump).against(format!("<= {}", policy.jump_warning)))
        .with(Evidence::new("size", size))
        .with(Evidence::new("median", median))
        .into()
}

fn median(sizes: &[u64]) -> Option<f64> {
    let mut sorted = sizes.to_vec();
    sorted.sort_unstable();
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some((lower as f64 + upper as f64) / 2.0)
}
