//! Rules that catch the mistakes that burn budget: over one audience, and over all of them together.
//!
//! Each rule is a few lines with a code, a severity, evidence and a next step. What a rule needs and is not told is
//! reported as not judged, never as in order.
//!
//! ```
//! use audience_sync::audience::lint::{Linter, Rule};
//! use audience_sync::audience::{Audience, Charter, Portfolio};
//! use audience_sync::clock::Timestamp;
//!
//! let browsers = Charter::new(Audience::named("CI | Browsers | 30d | Excl None")?);
//! let report = Linter::default().run(&Portfolio::new(vec![browsers]), Timestamp::from_secs(1_795_428_900));
//! assert!(report.of(Rule::BroadName).count() == 1 && report.of(Rule::NoExclusions).count() == 1);
//! println!("{report}");
//! # Ok::<(), audience_sync::Error>(())
//! ```

mod definition;
mod destination;
mod exclusions;
mod intent;
mod life;
mod measurement;
mod policy;
mod report;
mod rule;
mod sarif;
mod scene;
mod suppression;
mod text;
mod tiers;
mod timing;

use std::borrow::Cow;

pub use policy::LintPolicy;
pub use report::{Finding, LintReport, Tier, Unjudged};
pub use rule::Rule;

use super::charter::Portfolio;
use crate::naming::Template;
use crate::time::Timestamp;
use scene::{Check, Draft, Entry, Scene, Verdict};

/// Every rule with its function, by code.
const CHECKS: [Entry; 34] = [
    (Rule::BroadName, Check::One(intent::broad_name)),
    (Rule::BroadSize, Check::One(intent::broad_size)),
    (Rule::NoDecision, Check::One(intent::no_decision)),
    (Rule::NoExclusions, Check::One(exclusions::none)),
    (Rule::ConverterNotExcluded, Check::One(exclusions::converter)),
    (Rule::ShortExclusion, Check::One(exclusions::short)),
    (Rule::NameDiffers, Check::One(definition::name_differs)),
    (Rule::NoExit, Check::One(life::no_exit)),
    (Rule::NoOwner, Check::One(life::no_owner)),
    (Rule::NoRefresh, Check::One(life::no_refresh)),
    (Rule::Stale, Check::One(life::stale)),
    (Rule::TierOverlap, Check::All(tiers::overlap)),
    (Rule::TierGap, Check::All(tiers::gap)),
    (Rule::MixedUnits, Check::All(tiers::mixed_units)),
    (Rule::FrontRunning, Check::One(timing::whole)),
    (Rule::PartFrontRunning, Check::One(timing::part)),
    (Rule::SlowRefresh, Check::One(timing::slow_refresh)),
    (Rule::SuppressionNotFirst, Check::One(suppression::not_first)),
    (Rule::SuppressionMissing, Check::All(suppression::missing)),
    (Rule::BelowMinimum, Check::One(destination::below_minimum)),
    (Rule::PersonalData, Check::One(text::personal_data)),
    (Rule::SensitiveTerm, Check::One(text::sensitive)),
    (Rule::NoMeasurement, Check::One(measurement::absent)),
    (Rule::Underpowered, Check::One(measurement::underpowered)),
    (Rule::Drifted, Check::One(definition::drifted)),
    (Rule::EventRenamed, Check::One(definition::event_renamed)),
    (Rule::Duplicate, Check::All(definition::duplicate)),
    (Rule::Reused, Check::One(destination::reused)),
    (Rule::FixedDate, Check::One(life::fixed_date)),
    (Rule::Unused, Check::One(life::unused)),
    (Rule::SizeJump, Check::One(life::size_jump)),
    (Rule::SiblingOverlap, Check::All(destination::sibling_overlap)),
    (Rule::NoFrequencyCap, Check::One(destination::no_cap)),
    (Rule::NoConsentFilter, Check::One(destination::no_consent_filter)),
];

/// Runs the rules over a portfolio. Pure: the same input gives the same report.
#[derive(Clone, Debug)]
pub struct Linter {
    policy: LintPolicy,
    template: Template,
}

impl Default for Linter {
    /// The house's policy and naming convention.
    fn default() -> Self {
        Self::new(LintPolicy::default())
    }
}

impl Linter {
    /// With a policy, and names by the house convention.
    pub fn new(policy: LintPolicy) -> Self {
        Self { policy, template: Template::pipe_default() }
    }

    /// Reads names by another convention. Its `day_bounds` also decide whether tiers touch.
    #[must_use]
    pub fn with_template(mut self, template: Template) -> Self {
        self.template = template;
        self
    }

    /// The convention that names are read by.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Everything the rules find at `now`.
    pub fn run(&self, portfolio: &Portfolio, now: Timestamp) -> LintReport {
        let scene = Scene::new(&self.policy, &self.template, portfolio, now);
        let mut report = LintReport {
            v: 1,
            generated_at: now,
            audiences: u64::try_from(scene.subjects.len()).unwrap_or(u64::MAX),
            findings: Vec::new(),
            unjudged: Vec::new(),
            ladders: tiers::shown(&scene),
        };
        for (rule, check) in &CHECKS {
            match check {
                Check::One(check) => {
                    for subject in &scene.subjects {
                        self.note(&mut report, *rule, &scene, Some(subject.key()), check(subject, &scene));
                    }
                }
                Check::All(check) => {
                    for (key, verdict) in check(&scene) {
                        self.note(&mut report, *rule, &scene, key, verdict);
                    }
                }
            }
        }
        report.findings.sort_by(|a, b| {
            let by = |finding: &Finding| (std::cmp::Reverse(finding.severity), finding.rule);
            by(a).cmp(&by(b)).then_with(|| a.audience.cmp(&b.audience))
        });
        report
    }

    fn note(&self, report: &mut LintReport, rule: Rule, scene: &Scene<'_>, key: Option<&str>, verdict: Verdict) {
        let audience = key.map(str::to_owned);
        match verdict {
            Verdict::Fine => {}
            Verdict::Unknown(needs) => {
                report.unjudged.push(Unjudged { rule, audience, needs: Cow::into_owned(needs) });
            }
            Verdict::Found(drafts) => {
                let name = key.and_then(|key| scene.get(key)).map(|subject| subject.shown.clone());
                let waiver = self.policy.waivers.iter().find(|waiver| waiver.covers(rule.code(), key, scene.now));
                report.findings.extend(drafts.into_iter().map(|draft| {
                    let Draft { severity, message, fix, evidence, span } = draft;
                    let overruled = self.policy.severities.get(&rule).copied();
                    Finding {
                        rule,
                        severity: overruled.or(severity).unwrap_or(rule.severity()),
                        audience: audience.clone(),
                        name: name.clone(),
                        message,
                        evidence,
                        span,
                        fix,
                        waived: waiver.cloned(),
                    }
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
