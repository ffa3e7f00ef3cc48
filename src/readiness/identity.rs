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
        if let Some(valid) = share(counts.usable, counts.present) {
            let key = format!("valid_{}", kind.as_str());
            verdict = verdict.and(graded(&key, valid, policy.valid, "values cannot be used", FIX));
        }
        let rejected = |code: &str| counts.rejected.get(code).copied().unwrap_or_default();
        if let Some(placeholders) =
            share(rejected("placeholder"), counts.present).filter(|found| *found > policy.placeholders)
        {
            let key = format!("placeholders_{}", kind.as_str());
            let evidence = Evidence::new(key, placeholders).against(format!("<= {}", policy.placeholders));
            verdict = verdict.and(Verdict::fail("placeholders stand where values should", FIX).with(evidence));
        }
        let mixed = scene.inputs.identity.mixed_hashed == Some(true);
        if mixed || (counts.usable > 0 && rejected("hashed_in_plain") > 0) {
            let evidence = Evidence::new("mixed", kind.as_str()).against("clear values, or digests");
            verdict = verdict
                .and(Verdict::fail("a field mixes clear values and digests", "declare digests as such").with(evidence));
        }
    }
    if let Some(covered) = share(hygiene.members_usable, hygiene.members) {
        verdict = verdict.and(graded("covered", covered, policy.covered, "many members have no identifier", FIX));
    }
    let Some(top) = scene.inputs.identity.top_value_share else {
        return verdict.and(Verdict::unknown(
            "nobody knows how common the commonest value is",
            "count the commonest value of each field",
        ));
    };
    let evidence = Evidence::new("top_value_share", top).against(format!("<= {}", policy.top_value));
    let common = match top <= policy.top_value {
        true => Verdict::pass(),
        // Not a number is no pass either.
        false => Verdict::fail("one value stands for many members", FIX),
    };
    verdict.and(common.with(evidence))
}

/// `id.multi`: a second identifier raises the match rate. It never fails.
pub(super) fn multi(scene: &Scene<'_>) -> Verdict {
    let members = scene.inputs.hygiene.as_ref().map_or(0, |hygiene| hygiene.members);
    let Some(two) = scene.inputs.identity.members_with_two_kinds.and_then(|two| share(two, members)) else {
        return Verdict::unknown("nobody counted members with two identifiers", "count them");
    };
    let [pass, _] = scene.policy.two_kinds;
    let limits = [pass, f64::NEG_INFINITY];
    graded("two_kinds", two, limits, "few members have a second identifier", "ask for the phone beside the e-mail")
}
