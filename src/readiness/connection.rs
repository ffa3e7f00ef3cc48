//! Whether the destination lets us in.

use std::time::Duration;

use super::{Scene, Verdict};
use crate::audience::Evidence;

const DAY: u64 = 86_400;

/// `conn.auth`: a recent check found everything, and the credentials last.
pub(super) fn auth(scene: &Scene<'_>) -> Verdict {
    let Some(check) = &scene.inputs.check else {
        return Verdict::unknown("nobody has asked the destination", "run its check");
    };
    let Some(answer) = &check.answer else {
        let error = check.error.map(|kind| kind.as_str());
        return Verdict::fail("the check failed", "mend the credentials, then check again")
            .with(Evidence::new("error", error).at(check.at));
    };
    let account = Evidence::new("account", answer.account.clone()).from("destination").at(check.at);
    if let Some(missing) = answer.missing.first() {
        let evidence = Evidence::new("missing", answer.missing.join(", ")).at(check.at);
        return Verdict::fail("something is missing for a sync to work", missing.clone()).with(evidence).with(account);
    }
    let age = scene.now.since(check.at);
    if age > Duration::from_secs(u64::from(scene.policy.check_hours) * 3_600) {
        let evidence = Evidence::new("age_s", age.as_secs()).against(format!("<= {} h", scene.policy.check_hours));
        return Verdict::unknown("the check is too old", "check again").with(evidence.at(check.at));
    }
    if let Some(end) = check.expires_at {
        let left = end.since(scene.now).as_secs();
        let evidence = Evidence::new("token_ttl_s", left).against(format!(">= {} d", scene.policy.token_days)).at(end);
        if left == 0 {
            return Verdict::fail("the credentials have ended", "renew them").with(evidence);
        }
        if left < u64::from(scene.policy.token_days) * DAY {
            return Verdict::warn("the credentials end soon", "renew them").with(evidence).with(account);
        }
    }
    Verdict::pass().with(account)
}

/// `conn.write`: the platform took a write.
pub(super) fn write(scene: &Scene<'_>) -> Verdict {
    let Some(proof) = scene.inputs.write else {
        return Verdict::unknown("no write was tried", "make a test audience, or a call that only validates");
    };
    let age = scene.now.since(proof.at).as_secs() / DAY;
    let evidence = Evidence::new("days", age).against(format!("<= {}", scene.policy.write_days)).at(proof.at);
    match proof.taken {
        false => Verdict::fail("the platform refused a write", "ask for write permission").with(evidence),
        true if age > u64::from(scene.policy.write_days) => {
            Verdict::warn("a write was proven long ago", "prove it again").with(evidence)
        }
        true => Verdict::pass().with(evidence),
    }
}
