//! Consent, alerts, the way back, and deletion.

use super::inputs::{Alert, AlertState};
use super::{Scene, Verdict};
use crate::audience::Evidence;

/// `consent.ok`: the signals are there, and nobody who denied is sent.
pub(super) fn consent(scene: &Scene<'_>) -> Verdict {
    let Some(facts) = scene.inputs.host.consent else {
        return Verdict::unknown("consent was not counted", "count both signals where they are asked for");
    };
    let denied = Evidence::new("denied_sent", facts.denied_sent).against("= 0");
    let both = Evidence::new("with_both", facts.with_both).against(format!("= {}", facts.members));
    let verdict = if facts.denied_sent > 0 {
        Verdict::fail("people who denied are sent", "stop the sync, remove them, and find out why")
    } else if facts.with_both < facts.members {
        Verdict::fail("members lack a consent signal", "pass both signals, or leave these members out")
    } else {
        Verdict::pass()
    };
    verdict.with(both).with(denied)
}

/// `ops.alert`: for each trouble somebody is told, and a test alert arrived.
pub(super) fn alerts(scene: &Scene<'_>) -> Verdict {
    let Some(alerts) = &scene.inputs.host.alerts else {
        return Verdict::unknown("nobody says who is told", "say how each trouble is told");
    };
    let such = |wanted: Option<AlertState>| {
        let found = Alert::ALL.into_iter().filter(|alert| alerts.get(alert).copied() == wanted);
        found.map(Alert::as_str).collect::<Vec<_>>().join(", ")
    };
    let (absent, untested) = (such(None), such(Some(AlertState::Configured)));
    if !absent.is_empty() {
        return Verdict::fail("nobody is told of some troubles", "give each a route")
            .with(Evidence::new("absent", absent));
    }
    if !untested.is_empty() {
        return Verdict::warn("alerts are not tested", "send a test alert").with(Evidence::new("untested", untested));
    }
    Verdict::pass().with(Evidence::new("tested", such(Some(AlertState::Tested))))
}

/// `ops.undo`: there is a last good snapshot, and bringing it back was tried.
pub(super) fn undo(scene: &Scene<'_>) -> Verdict {
    let Some(facts) = scene.inputs.host.undo else {
        return Verdict::unknown("nobody says whether there is a way back", "keep the last good snapshot");
    };
    let (Some(snapshot), Some(tried)) = (facts.snapshot_at, facts.dry_run_at) else {
        return Verdict::fail("there is no way back", "keep a snapshot, and try a restore without sending");
    };
    let oldest = snapshot.min(tried);
    let days = scene.now.since(oldest).as_secs() / 86_400;
    let evidence = Evidence::new("days", days).against(format!("<= {}", scene.policy.undo_days)).at(oldest);
    match days <= u64::from(scene.policy.undo_days) {
        true => Verdict::pass().with(evidence),
        false => Verdict::warn("the way back is old", "try it again").with(evidence),
    }
}

/// `data.delete`: a person who was deleted leaves every audience.
pub(super) fn deletion(scene: &Scene<'_>) -> Verdict {
    const FIX: &str = "delete a test person at the source, and see them leave every audience";
    match scene.inputs.host.deletion_proven {
        Some(true) => Verdict::pass(),
        Some(false) => Verdict::fail("deletion is not proven", FIX),
        None => Verdict::unknown("nobody says whether deletion was tried", FIX),
    }
}
