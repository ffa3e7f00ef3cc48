//! Whether there is something to target and something to exclude, and whether it is written down.

use super::{Scene, Verdict};
use crate::audience::Evidence;
use crate::audience::lint::Rule;
use crate::naming::{Role, Severity};

const NO_PORTFOLIO: &str = "the portfolio is not known";

/// `seg.core`: one audience to target and one to exclude.
pub(super) fn core(scene: &Scene<'_>) -> Verdict {
    if scene.inputs.portfolio.is_none() {
        return Verdict::unknown(NO_PORTFOLIO, "pass the portfolio");
    }
    let counts = [Role::Targeting, Role::Suppression].map(|role| scene.of_role(role).count() as u64);
    let verdict = match counts {
        [targeting, exclusion] if targeting > 0 && exclusion > 0 => {
            scene.by_lint(&[], &[Rule::NoExclusions, Rule::ConverterNotExcluded])
        }
        [_, 0] => Verdict::fail("nobody is excluded here", "bind a suppression, as `CI | Supp Purch | 0-7d`"),
        [..] => Verdict::fail("nobody is targeted here", "bind an audience to target"),
    };
    let [targeting, exclusion] = counts;
    verdict
        .with(Evidence::new("targeting", targeting).against(">= 1"))
        .with(Evidence::new("exclusion", exclusion).against(">= 1"))
}

/// `name.doc`: names are by the convention, and owner, decision and refresh are recorded.
pub(super) fn documented(scene: &Scene<'_>) -> Verdict {
    let Some(lint) = &scene.lint else { return Verdict::unknown(NO_PORTFOLIO, "pass the portfolio") };
    if scene.here.is_empty() {
        return Verdict::unknown("no audience is used here", "bind one");
    }
    let spelled = scene.here.iter().filter(|charter| {
        let parsed = scene.template.parse(charter.audience.name());
        parsed.diagnostics.iter().all(|finding| finding.severity == Severity::Note)
    });
    let (clean, all) = (spelled.count() as u64, scene.here.len() as u64);
    let names = Evidence::new("clean_names", clean).against(format!("= {all}"));
    let vocabulary = Evidence::new("vocabulary", u64::from(scene.template.vocabulary().version));
    if clean < all {
        return Verdict::fail("names are not by the convention", "let `Template::parse` say what is wrong, and rename")
            .with(names)
            .with(vocabulary);
    }
    let rules = [Rule::NoDecision, Rule::NoOwner, Rule::NoRefresh];
    let waived =
        lint.findings.iter().filter(|finding| finding.waived.is_some() && rules.contains(&finding.rule)).count();
    let verdict = scene.by_lint(&rules, &[]);
    let verdict = match waived {
        0 => verdict,
        count => {
            let waived = Verdict::warn("waivers stand in for documentation", "document them before the waivers end");
            verdict.and(waived.with(Evidence::new("waivers", count as u64).against("= 0")))
        }
    };
    verdict.with(names).with(vocabulary)
}
