//! Reports for the tests of this room, built the way a host gets stored ones back: from JSON.

use serde_json::json;

use crate::identity::HygieneReport;
use crate::sync::{Plan, RunReport};

/// A plan that nothing refuses: of 10,000 source rows 9,000 are desired, 400 enter, 100 leave.
pub(super) fn plan(binding: &str) -> Plan {
    let counts = json!({
        "source_rows": 10_000, "elsewhere": 0, "duplicates": 120, "conflicts": 3, "unusable": 5, "expired_rows": 75,
        "no_consent": 300, "held_out": 450, "unsendable": 50, "desired": 9_000, "previous": 8_700, "added": 400,
        "removed": 100, "removed_guarded": 90, "expired": 10, "changed": 20, "unchanged": 8_570, "in_doubt": 2,
        "backing_off": 3, "in_flight": 5, "add_rows": 400, "remove_rows": 100, "update_rows": 20, "shared_rows": 8,
        "local": 1,
    });
    serde_json::from_value(json!({
        "id": "p-1", "binding": binding, "generation": 41, "as_of": 1_795_428_900_000_i64, "digest": "d1".repeat(32),
        "counts": counts, "refused": [],
    }))
    .unwrap()
}

/// A success: 520 rows, 12 rejected, 8 skipped, nothing pending.
pub(super) fn run(binding: &str) -> RunReport {
    serde_json::from_value(json!({
        "run_id": "r-42", "binding": binding, "audience": "CI | Lapsed | 30d", "destination": "Memory",
        "status": "success", "started_at": 1_795_428_900_000_i64, "finished_at": 1_795_428_912_300_i64,
        "plan": plan(binding),
        "add": { "planned": 400, "accepted": 388, "rejected": 12, "skipped": 0, "pending": 0 },
        "remove": { "planned": 100, "accepted": 92, "rejected": 0, "skipped": 8, "pending": 0 },
        "update": { "planned": 20, "accepted": 20, "rejected": 0, "skipped": 0, "pending": 0 },
        "reasons": [
            { "action": "add", "outcome": "rejected", "code": "invalid_email", "field": "email", "rows": 12 },
            { "action": "remove", "outcome": "skipped", "code": "shared_identifier", "field": null, "rows": 8 },
        ],
        "unattributed": 4, "unused_values": { "email.no_at": 17 }, "members": 8_996, "open_jobs": 0, "generation": 42,
        "resumed": false, "error": null,
    }))
    .unwrap()
}

/// A run that a guard refused: nothing was sent, all of it is pending.
pub(super) fn refused(binding: &str) -> RunReport {
    let mut run = run(binding);
    let trip = json!({ "guard": "remove_share", "observed": 1_204, "limit": 1_000, "base": 5_000 });
    run.status = serde_json::from_value(json!("refused")).unwrap();
    run.plan.refused = vec![serde_json::from_value(trip).unwrap()];
    for counts in [&mut run.add, &mut run.remove, &mut run.update] {
        (counts.accepted, counts.rejected, counts.skipped, counts.pending) = (0, 0, 0, counts.planned);
    }
    run.reasons.clear();
    run
}

/// Four members: two share an address, one typed the domain wrong, one has nothing.
pub(super) fn hygiene() -> HygieneReport {
    serde_json::from_value(json!({
        "members": 4, "members_usable": 3,
        "kinds": { "email": { "present": 3, "usable": 3, "members": 3, "members_given": 3 } },
        "coverage": { "identifiers": [1, 3, 0, 0], "kinds": [1, 3, 0, 0] },
        "typos": [{ "domain": "gmial.com", "suggestion": "gmail.com", "confidence": "high", "addresses": 1 }],
        "repeats": { "email": {
            "seen": 3, "distinct": 2, "repeated": 1, "repeated_members": 2, "shared_above": 5,
            "top": [{ "digest": "8c7c92", "members": 2 }],
        } },
        "destinations": [{
            "profile": "meta.custom_audience", "sendable_members": 3, "sendable_keys": 3, "keys": { "email": 3 },
            "expected": { "low": 1, "high": 2 },
        }],
        "levers": [{ "lever": "correct_typos", "gain": 1 }],
    }))
    .unwrap()
}

/// Three audiences: one far too broad, two tiers, one waived finding, one rule that could not judge.
pub(super) fn lint() -> crate::audience::lint::LintReport {
    let finding = |rule: &str, severity: &str, message: &str, fix: &str| {
        json!({
            "rule": rule, "severity": severity, "audience": "ci_browsers_0-30d_excl-none",
            "name": "CI | Browsers | 30d | Excl None", "message": message, "fix": fix, "evidence": [],
        })
    };
    let mut broad =
        finding("AL-002", "warning", "it holds a large share of everybody", "narrow it by intent or recency");
    broad["evidence"] = json!([{ "key": "share", "value": 0.5, "threshold": "< 0.4" }]);
    let mut cap = finding("AL-033", "warning", "no frequency cap", "cap it");
    cap["waived"] =
        json!({ "rule": "AL-033", "by": "mia", "reason": "capped by the platform", "until": 1_800_000_000_000_i64 });
    let tier = |window: &str, from: u64, to: u64| json!({ "audience": window, "name": window, "window": window, "from_s": from, "to_s": to });
    serde_json::from_value(json!({
        "v": 1, "generated_at": 1_795_428_900_000_i64, "audiences": 3,
        "findings": [
            finding("AL-001", "error", "`All Visitors` describes people and decides nothing",
                "name the decision: who gets which message, and when they stop"),
            finding("AL-004", "error", "nobody is excluded", "exclude at least the converters of this intent"),
            broad, cap,
        ],
        "unjudged": [{ "rule": "AL-031", "audience": "ci_browsers_0-30d_excl-none", "needs": "its size" }],
        "ladders": [[tier("0-1h", 0, 3_600), tier("1-3h", 3_600, 10_800)]],
    }))
    .unwrap()
}

/// A checklist of two items, of which one blocks.
pub(super) fn readiness() -> crate::readiness::ReadinessReport {
    serde_json::from_value(json!({
        "v": 1, "generated_at": 1_795_428_900_000_i64, "destination": "meta:act_100", "overall": "fail",
        "items": [
            { "id": "conn.auth", "title": "connected and authenticated", "blocker": true, "status": "pass" },
            { "id": "spend.freq", "title": "frequency caps", "blocker": true, "status": "fail",
              "reason": "an audience has no frequency cap", "fix": "cap it; three to seven times a week are usual",
              "evidence": [{ "key": "lapsed", "value": null, "threshold": "1 to 10 a week", "source": "host" }] },
        ],
    }))
    .unwrap()
}
