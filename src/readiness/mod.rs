//! The go-live checklist, judged from data: one small rule an item, with evidence and the next step.
//!
//! The host collects [`Inputs`]; the rules are pure. What is not known is [`Status::Unknown`], and never a pass.
//!
//! ```
//! use audience_sync::clock::Timestamp;
//! use audience_sync::readiness::{Inputs, Readiness, Status};
//!
//! let report = Readiness::default().evaluate(&Inputs::new("meta:act_100"), Timestamp::from_secs(1_795_428_900));
//! assert_eq!(report.overall, Status::Fail);
//! println!("{report}");
//! ```

mod connection;
mod counts;
mod identity;
mod inputs;
mod measurement;
mod operations;
mod policy;
mod portfolio;
mod report;
mod spend;

pub use inputs::{
    Alert, AlertState, Checked, ConsentFacts, HostFacts, Inputs, SizeReading, SplitFacts, UndoFacts, WriteProof,
};
pub use policy::ReadinessPolicy;
pub use report::{Item, ReadinessReport, Status};

use std::time::Duration;

use crate::audience::lint::{LintReport, Linter, Rule};
use crate::audience::{Charter, Evidence, PlatformFacts, Portfolio};
use crate::naming::{Role, Template};
use crate::time::Timestamp;

/// An item: id, title, whether it blocks, and its rule.
type Check = (&'static str, &'static str, bool, fn(&Scene<'_>) -> Verdict);

/// The checklist. What blocks is what the practice's go-live gate names.
const CHECKS: [Check; 21] = [
    ("conn.auth", "connected and authenticated", true, connection::auth),
    ("conn.write", "write permission proven", true, connection::write),
    ("seg.core", "one targeting and one exclusion audience", true, portfolio::core),
    ("id.fields", "identity fields verified", true, identity::fields),
    ("id.multi", "more than one identifier", false, identity::multi),
    ("name.doc", "naming documented", true, portfolio::documented),
    ("cnt.ledger", "nothing lost", true, counts::ledger),
    ("cnt.reject", "rejected rows low and explained", true, counts::rejects),
    ("cnt.dest", "our count and the destination's match", true, counts::destination),
    ("cnt.drift", "stable after the ramp", false, counts::drift),
    ("spend.supp", "suppression active", true, spend::suppression),
    ("spend.freq", "frequency caps", true, spend::caps),
    ("spend.excl", "exclusions in every targeting audience", true, spend::exclusions),
    ("spend.safety", "safety stops configured", true, spend::safety),
    ("journey.front", "no front-running", true, spend::front_running),
    ("consent.ok", "consent passes through", true, operations::consent),
    ("meas.plan", "measurement plan", true, measurement::plan),
    ("meas.srm", "the split is sound", false, measurement::split),
    ("ops.alert", "someone is told", false, operations::alerts),
    ("ops.undo", "way back", false, operations::undo),
    ("data.delete", "deletion path", false, operations::deletion),
];

/// Judges the checklist. Pure: the same inputs give the same report.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    policy: ReadinessPolicy,
    linter: Linter,
}

impl Readiness {
    /// With figures of one's own.
    pub fn new(policy: ReadinessPolicy) -> Self {
        Self { policy, linter: Linter::default() }
    }

    /// With lint rules and naming convention of one's own.
    #[must_use]
    pub fn with_linter(mut self, linter: Linter) -> Self {
        self.linter = linter;
        self
    }

    /// How the destination stands at `now`.
    pub fn evaluate(&self, inputs: &Inputs, now: Timestamp) -> ReadinessReport {
        let scene = Scene::new(self, inputs, now);
        let items: Vec<Item> = CHECKS.iter().map(|check| self.item(check, &scene)).collect();
        let overall = report::overall(&items);
        ReadinessReport { v: 1, generated_at: now, destination: inputs.destination.clone(), overall, items }
    }

    fn item(&self, &(id, title, blocks, check): &Check, scene: &Scene<'_>) -> Item {
        let Verdict { mut status, reason, fix, evidence } = check(scene);
        let waiver = self.policy.waivers.iter().find(|waiver| waiver.covers(id, None, scene.now));
        let waived = waiver.filter(|_| status != Status::Pass).cloned();
        if waived.is_some() {
            status = Status::Waived;
        }
        Item {
            id: id.to_owned(),
            title: title.to_owned(),
            blocker: blocks && !self.policy.not_blocking.contains(id),
            status,
            reason,
            evidence,
            fix,
            waived,
        }
    }
}

/// What the rules see.
struct Scene<'a> {
    policy: &'a ReadinessPolicy,
    template: &'a Template,
    inputs: &'a Inputs,
    /// The audiences used at the destination.
    here: Vec<&'a Charter>,
    /// What the lint rules say about them; `None` without a portfolio.
    lint: Option<LintReport>,
    now: Timestamp,
}

impl<'a> Scene<'a> {
    fn new(readiness: &'a Readiness, inputs: &'a Inputs, now: Timestamp) -> Self {
        let keys = inputs::placed(inputs);
        let all = inputs.portfolio.iter().flat_map(|portfolio| &portfolio.charters);
        let here = all.filter(|charter| keys.contains(charter.audience.key())).collect();
        let lint = inputs.portfolio.as_ref().map(|portfolio| {
            let mut report = readiness.linter.run(&at_destination(portfolio, &inputs.destination), now);
            let concerned = |key: &Option<String>| key.as_deref().is_none_or(|key| keys.contains(key));
            report.findings.retain(|finding| concerned(&finding.audience));
            report.unjudged.retain(|unjudged| concerned(&unjudged.audience));
            report
        });
        let (policy, template) = (&readiness.policy, readiness.linter.template());
        Self { policy, template, inputs, here, lint, now }
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = &'a Charter> {
        self.here.iter().copied().filter(move |charter| charter.audience.role() == role)
    }

    /// What is known of the platform.
    fn platform(&self) -> Option<PlatformFacts> {
        let platform = self.inputs.destination.split(':').next().unwrap_or_default();
        self.policy.platforms.get(platform).copied().or_else(|| PlatformFacts::of(platform))
    }

    /// How long to wait before a size can be judged: what the destination declares, and what is known of the platform.
    fn ramp(&self) -> Option<Duration> {
        let known = self.platform().map(|facts| Duration::from_secs(u64::from(facts.ramp_hours) * 3_600));
        let declared = self.inputs.capabilities.as_ref().map(|capabilities| capabilities.size_lag);
        known.max(declared)
    }

    /// The verdict of lint rules: the first list fails, the second warns.
    fn by_lint(&self, failing: &[Rule], warning: &[Rule]) -> Verdict {
        let Some(lint) = &self.lint else {
            return Verdict::unknown("the portfolio is not known", "pass the portfolio");
        };
        for (rules, status) in [(failing, Status::Fail), (warning, Status::Warn)] {
            let found: Vec<_> = rules.iter().flat_map(|rule| lint.of(*rule)).collect();
            if let Some(first) = found.first() {
                let evidence = found.iter().map(|finding| {
                    let audience = finding.audience.as_deref().unwrap_or("portfolio");
                    Evidence::new(finding.rule.code(), audience).from("lint")
                });
                let verdict = Verdict::new(status, first.message.clone(), first.fix.clone());
                return Verdict { evidence: evidence.collect(), ..verdict };
            }
        }
        let unjudged =
            lint.unjudged.iter().find(|unjudged| failing.contains(&unjudged.rule) || warning.contains(&unjudged.rule));
        match unjudged {
            Some(unjudged) => {
                let audience = unjudged.audience.as_deref().unwrap_or("portfolio");
                Verdict::unknown(format!("{} could not be judged", unjudged.rule), format!("say {}", unjudged.needs))
                    .with(Evidence::new(unjudged.rule.code(), audience).from("lint"))
            }
            None => {
                let judged: Vec<&str> = failing.iter().chain(warning).map(|rule| rule.code()).collect();
                Verdict::pass().with(Evidence::new("clean", judged.join(", ")).from("lint"))
            }
        }
    }
}

/// The portfolio as it stands at one destination: all audiences, with their placements there.
fn at_destination(portfolio: &Portfolio, destination: &str) -> Portfolio {
    let mut here = portfolio.clone();
    for charter in &mut here.charters {
        charter.placements.retain(|placement| placement.destination == destination);
    }
    here
}

/// What a rule answers.
struct Verdict {
    status: Status,
    reason: String,
    fix: String,
    evidence: Vec<Evidence>,
}

impl Verdict {
    fn new(status: Status, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), fix: fix.into(), evidence: Vec::new() }
    }

    fn pass() -> Self {
        Self::new(Status::Pass, "", "")
    }

    fn warn(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Status::Warn, reason, fix)
    }

    fn fail(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Status::Fail, reason, fix)
    }

    fn unknown(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Status::Unknown, reason, fix)
    }

    fn with(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// The worse of the two, with the evidence of both: fail, unknown, warn, pass.
    fn and(self, other: Self) -> Self {
        let rank = |status: Status| match status {
            Status::Fail => 3,
            Status::Unknown => 2,
            Status::Warn => 1,
            Status::Pass | Status::Waived => 0,
        };
        let (mut worse, better) = if rank(other.status) > rank(self.status) { (other, self) } else { (self, other) };
        worse.evidence.extend(better.evidence);
        worse
    }
}

#[cfg(test)]
mod tests;
