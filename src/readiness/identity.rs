//! Whether the values will be recognised: match rates are where performance quietly dies.

use super::{Scene, Verdict};
use crate::audience::Evidence;

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Pass from the first limit on, warn from the second on, else fail.
fn graded(key: &str, share: f64, [pass, warn]: [f64; 2], reason: &str, fix: &str) -> Verdict {
    let evidence = Evidence::new(key, share).against(format!(">= {pass}"));
    let verdict = match share {
        share if share >= pass => Verdict::pass(),
        share if share >= warn => Verdict::warn(reason, fix),
        _ => Verdict::fail(reason, fix),
    };
    verdict.with(evidence)
}

/// `id.fields`: values are usable, most members have one, and none stands for many.
pub(super) fn fields(scene: &Scene<'_>) -> Verdict {
    const FIX: &str = "mend the values at the source; the hygiene report says which";
    let policy = scene.policy;
    let Some(hygiene) = scene.inputs.hygiene.as_ref().filter(|hygiene| hygiene.members > 0) else {
        return Verdict::unknown("no values were looked at", "count the hygiene of a whole source");
    };
    let kinds = || hygiene.kinds.iter().filter(|(_, counts)| counts.present > 0);
    let mut verdict = Verdict::pass();
    for (kind, counts) in kinds() {
        let rejected = |code: &str| counts.rejected.get(code).copied().unwrap_or_default();
        let present = counts.present.saturating_sub(rejected("missing"));
        if let Some(valid) = share(counts.usable, present) {
            let key = format!("valid_{}", kind.as_str());
            verdict = verdict.and(graded(&key, valid, policy.valid, "values cannot be used", FIX));
        }
        if let Some(placeholders) = share(rejected("placeholder"), present).filter(|found| *found > policy.placeholders)
        {
            let key = format!("placeholders_{}", kind.as_str());
            let evidence = Evidence::new(key, placeholders).against(format!("<= {}", policy.placeholders));
            verdict = verdict.and(Verdict::fail("placeholders stand where values should", FIX).with(evidence));
        }
        if counts.usable > 0 && rejected("hashed_in_plain") > 0 {
            let evidence = Evidence::new("mixed", kind.as_str()).against("clear values, or digests");
            verdict = verdict
                .and(Verdict::fail("a field mixes clear values and digests", "declare digests as such").with(evidence));
        }
    }
    let found = hygiene.members.saturating_sub(hygiene.coverage.identifiers[0]);
    if let Some(covered) = share(found, hygiene.members) {
        verdict = verdict.and(graded("covered", covered, policy.covered, "many members have no identifier", FIX));
    }
    for (kind, repeats) in &hygiene.repeats {
        let most = repeats.top.first().map_or(0, |top| top.members).saturating_add(repeats.top_shortfall);
        // A value that one member has stands for nobody else, however few there are.
        let Some(top) = share(most, repeats.seen).filter(|top| *top > policy.top_value && most > 1) else { continue };
        let key = format!("top_value_{}", kind.as_str());
        let evidence = Evidence::new(key, top).against(format!("<= {}", policy.top_value));
        verdict = verdict.and(Verdict::fail("one value stands for many members", FIX).with(evidence));
    }
    verdict
}

/// `id.multi`: a second identifier raises the match rate. It never fails.
pub(super) fn multi(scene: &Scene<'_>) -> Verdict {
    let counted = scene.inputs.hygiene.as_ref().and_then(|hygiene| {
        let [_, _, two, more] = hygiene.coverage.kinds;
        share(two.saturating_add(more), hygiene.members)
    });
    let Some(two) = counted else {
        return Verdict::unknown("nobody counted members with two identifiers", "count the hygiene of a whole source");
    };
    let limits = [scene.policy.two_kinds, f64::NEG_INFINITY];
    graded("two_kinds", two, limits, "few members have a second identifier", "ask for the phone beside the e-mail")
}
