//! What the counts of a report mean, in words: one place, so that Markdown and HTML say the same.

use super::figures::{counted, grouped, share};
use crate::audience::lint::LintReport;
use crate::destination::{ActionCounts, RunStatus};
use crate::naming::Severity;
use crate::readiness::{ReadinessReport, Status};
use crate::sync::{Guard, GuardTrip, PlanCounts, RunReport};

/// What a status means for whoever reads the report.
pub(super) fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "not ended yet, or its process died",
        RunStatus::Success => "everything planned was settled",
        RunStatus::Partial => "something is pending; the next run goes on",
        RunStatus::Refused => "a guard refused the plan; nothing was sent",
        RunStatus::Failed => "it ended with an error; the next run goes on",
    }
}

/// What became of every row of the source, in the order of the plan's identity. The first is who is wanted.
pub(super) fn source(counts: &PlanCounts) -> [(&'static str, u64); 8] {
    [
        ("desired", counts.desired),
        ("held out", counts.held_out),
        ("without consent", counts.no_consent),
        ("membership over", counts.expired_rows),
        ("no identifier to send", counts.unsendable),
        ("repeated", counts.duplicates),
        ("no usable member id", counts.unusable),
        ("other audiences", counts.elsewhere),
    ]
}

/// What the plan makes of the members the destination should have.
pub(super) fn desired(counts: &PlanCounts) -> [(&'static str, u64); 6] {
    [
        ("enter", counts.added),
        ("change", counts.changed),
        ("stay", counts.unchanged),
        ("sent again, never answered", counts.in_doubt),
        ("rejected, wait for a retry", counts.backing_off),
        ("with the platform's job", counts.in_flight),
    ]
}

/// The three ledgers of a run by name.
pub(super) fn ledgers(run: &RunReport) -> [(&'static str, &ActionCounts); 3] {
    [("add", &run.add), ("remove", &run.remove), ("update", &run.update)]
}

/// What a reason of ours stands for; `None` for a destination's own code.
pub(super) fn reason(code: &str) -> Option<&'static str> {
    Some(match code {
        "in_doubt" => "sent, never answered",
        "job" => "the platform works on it",
        "not_applied" => "certainly not applied; sent again next run",
        "not_sent" => "not sent in this run",
        "shared_identifier" => "every identifier is held by a member who stays",
        "staged" => "uploaded; its session is not finished",
        "unconfirmed" => "never answered, and must not be sent twice",
        _ => return None,
    })
}

/// Why a guard refuses the plan, as a sentence.
pub(super) fn guard(trip: &GuardTrip) -> String {
    let (observed, limit, base) = (grouped(trip.observed), grouped(trip.limit), grouped(trip.base));
    let of = |what: &str| match share(trip.observed, trip.base) {
        Some(share) => format!("{observed} of {base} {what} ({share})"),
        None => format!("{observed} of {base} {what}"),
    };
    let at_most = |told: String| format!("{told}; at most {limit} may");
    match trip.guard {
        Guard::EmptySource => format!("nobody is desired, and there are {base} members"),
        Guard::MaxRemove => at_most(format!("{observed} members would leave")),
        Guard::RemoveShare => at_most(format!("{} would leave", of("members"))),
        Guard::RemoveDay => at_most(format!("{} would leave within 24 hours", of("members"))),
        Guard::Growth => at_most(format!("{observed} members would enter an audience of {base}")),
        Guard::ChangeShare => at_most(format!("{} would change", of("members"))),
        Guard::Unusable => at_most(format!("{} have no usable member id", of("source rows"))),
        Guard::Conflicts => at_most(format!("{} contradict an earlier one", of("source rows"))),
        Guard::MappingChanged => format!("the mapping rules changed; {observed} members would be sent again"),
        Guard::HoldoutReshuffle => format!("the holdout changed; the arms of {base} members would be reshuffled"),
    }
}

/// How many findings of each severity there are.
pub(super) fn lint(report: &LintReport) -> String {
    let count = |severity, one, many| counted(report.count(severity) as u64, one, many);
    let [errors, warnings] =
        [count(Severity::Error, "error", "errors"), count(Severity::Warning, "warning", "warnings")];
    format!("{errors}, {warnings}, {}", count(Severity::Note, "note", "notes"))
}

/// The audiences a rule could not judge: the one by its key, several by their number.
pub(super) fn concerned(audiences: &[Option<&str>]) -> String {
    match audiences {
        [one] => one.unwrap_or("the account").to_owned(),
        all => counted(all.len() as u64, "audience", "audiences"),
    }
}

/// Findings of a severity, as a heading.
pub(super) fn severities(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "Errors",
        Severity::Warning => "Warnings",
        _ => "Notes",
    }
}

/// What a checklist comes to.
pub(super) fn verdict(overall: Status) -> &'static str {
    match overall {
        Status::Pass => "ready",
        Status::Warn => "ready, with something to look at",
        _ => "not ready",
    }
}

/// How many items of a checklist stand how.
pub(super) fn checks(report: &ReadinessReport) -> String {
    let all = [Status::Pass, Status::Warn, Status::Fail, Status::Unknown, Status::Waived];
    all.map(|status| format!("{} {status}", report.count(status))).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_says_what_it_saw_and_what_it_allows() {
        let trip = |json: &str| guard(&serde_json::from_str(json).unwrap());
        assert_eq!(
            trip(r#"{"guard":"remove_share","observed":1204,"limit":1000,"base":5000}"#),
            "1,204 of 5,000 members (24.1 %) would leave; at most 1,000 may"
        );
        assert_eq!(
            trip(r#"{"guard":"empty_source","observed":0,"limit":1,"base":5}"#),
            "nobody is desired, and there are 5 members"
        );
        assert_eq!(
            trip(r#"{"guard":"remove_day","observed":3,"limit":0,"base":0}"#),
            "3 of 0 members would leave within 24 hours; at most 0 may"
        );
    }
}
