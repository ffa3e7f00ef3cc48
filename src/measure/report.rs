//! What a holdout has shown, for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ArmCounts, Contamination, Estimate, Finding, Lift, RevenueLift, SampleRatio, Verdict, holm};
use crate::figures::grouped;

/// When the results were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reading {
    /// Once, at the planned end.
    Final,
    /// At one of several planned looks, with the level of [`Looks`](super::Looks).
    Look {
        /// Which one, from 1.
        look: u8,
        /// Of how many.
        of: u8,
    },
    /// Before the planned end. Nothing is concluded.
    Early,
}

/// A report on one experiment: the health of its split first, then what each comparison shows.
///
/// ```
/// use audience_sync::measure::{ArmCounts, Finding, Lift, LiftReport, Reading};
///
/// # fn main() -> audience_sync::error::Result<()> {
/// let lift = Lift::between(ArmCounts::new(90_000, 3_150)?, ArmCounts::new(10_000, 300)?);
/// let report = LiftReport::new("win-back", "a purchase within 30 days", Reading::Final).with("all", lift, None);
/// assert_eq!(report.comparisons()[0].finding, Finding::Higher);
/// println!("{report}");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LiftReport {
    /// The experiment: the salt of its holdout, or a name.
    pub experiment: String,
    /// What counts as a conversion, as words: `a purchase within 30 days`.
    pub outcome: String,
    /// When the results were read.
    pub reading: Reading,
    /// Whether the arms have their planned sizes, where that was tested.
    pub split: Option<SampleRatio>,
    /// Whether the holdout was left alone, where that was looked at.
    pub contamination: Option<Contamination>,
    comparisons: Vec<Comparison>,
}

/// One comparison of treated and held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Who is compared: an audience, or `all`.
    pub name: String,
    /// The conversions.
    pub lift: Lift,
    /// The revenue, where it was measured.
    pub revenue: Option<RevenueLift>,
    /// The p-value, corrected (Holm) for all comparisons of the report.
    pub adjusted_p: f64,
    /// What it shows, all of the above and the health of the split considered.
    pub finding: Finding,
}

impl LiftReport {
    /// A report without a comparison yet.
    pub fn new(experiment: impl Into<String>, outcome: impl Into<String>, reading: Reading) -> Self {
        Self {
            experiment: experiment.into(),
            outcome: outcome.into(),
            reading,
            split: None,
            contamination: None,
            comparisons: Vec::new(),
        }
    }

    /// Adds the test of the arms' sizes. One that fails makes every finding [`Finding::Invalid`].
    #[must_use]
    pub fn with_split(mut self, split: SampleRatio) -> Self {
        self.split = Some(split);
        self.judge();
        self
    }

    /// Adds how far the holdout was reached. One that fails makes every finding [`Finding::Invalid`].
    #[must_use]
    pub fn with_contamination(mut self, contamination: Contamination) -> Self {
        self.contamination = Some(contamination);
        self.judge();
        self
    }

    /// Adds a comparison. All of a report are one family: each further one makes every finding harder (Holm).
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, lift: Lift, revenue: Option<RevenueLift>) -> Self {
        let (adjusted_p, finding) = (lift.p_value, lift.finding());
        self.comparisons.push(Comparison { name: name.into(), lift, revenue, adjusted_p, finding });
        self.judge();
        self
    }

    /// The comparisons, in the order in which they were added.
    pub fn comparisons(&self) -> &[Comparison] {
        &self.comparisons
    }

    /// Whether the arms may be compared at all.
    pub fn is_valid(&self) -> bool {
        self.split.as_ref().is_none_or(|split| split.verdict != Verdict::Fail)
            && self.contamination.is_none_or(|contamination| contamination.verdict != Verdict::Fail)
    }

    fn judge(&mut self) {
        let raw: Vec<f64> = self.comparisons.iter().map(|comparison| comparison.lift.p_value).collect();
        // The p-values are this module's own: all of them chances.
        let adjusted = holm(&raw).unwrap_or(raw);
        let (valid, several) = (self.is_valid(), self.comparisons.len() > 1);
        for (comparison, adjusted_p) in self.comparisons.iter_mut().zip(adjusted) {
            comparison.adjusted_p = adjusted_p;
            comparison.finding = match self.reading {
                _ if !valid => Finding::Invalid,
                Reading::Early => Finding::TooEarly,
                _ if several && adjusted_p > 1.0 - comparison.lift.level => Finding::NotShown,
                _ => comparison.lift.finding(),
            };
        }
    }

    /// What is to be said of the split and of when the results were read, in sentences.
    pub fn health(&self) -> Vec<String> {
        let mut said = vec![match self.reading {
            Reading::Final => "Read once, at the planned end.".to_owned(),
            Reading::Look { look, of } => format!(
                "Read at planned look {look} of {of}, with intervals wide enough for all of them (O'Brien and Fleming)."
            ),
            Reading::Early => "Read before the planned end, where chance shows differences too often: nothing is \
                               concluded."
                .to_owned(),
        }];
        if let Some(split) = &self.split {
            said.push(match split.verdict {
                Verdict::Fail => format!(
                    "The arms do not have their planned sizes (chance {}): members were lost or added on one side, and \
                     the arms cannot be compared. Find out where before anything else.",
                    chance(split.p_value)
                ),
                Verdict::Unknown => "There are too few members to test the sizes of the arms.".to_owned(),
                _ => format!("The arms have their planned sizes (chance {}).", chance(split.p_value)),
            });
        }
        if let Some(found) = &self.contamination {
            let (reached, all) = (grouped(found.reached), grouped(found.held_out));
            let share = percent(found.share);
            said.push(match found.verdict {
                Verdict::Fail => format!(
                    "{reached} of {all} held out were reached all the same ({share}): too many to compare the arms."
                ),
                Verdict::Warn => format!(
                    "{reached} of {all} held out were reached all the same ({share}): the effect is somewhat larger \
                     than it looks."
                ),
                _ => format!("{reached} of {all} held out were reached all the same ({share})."),
            });
        }
        if self.comparisons.len() > 1 {
            said.push(format!(
                "{} comparisons are read together, and corrected for it (Holm).",
                self.comparisons.len()
            ));
        }
        said
    }
}

impl Comparison {
    /// What it shows, in sentences that claim no more than the numbers.
    pub fn sentences(&self) -> Vec<String> {
        let Lift { treated, held_out, level, difference, .. } = &self.lift;
        let mut said = vec![format!(
            "{} of the treated converted ({}), {} of those held out ({}).",
            percent(treated.rate()),
            of(treated),
            percent(held_out.rate()),
            of(held_out)
        )];
        let interval = format!("{} interval {}", percent_short(*level), points(difference));
        said.push(match self.finding {
            Finding::Higher => format!("The treated did more: {} points ({interval}).", point(difference.value)),
            Finding::Lower => format!("The treated did less: {} points ({interval}).", point(difference.value)),
            Finding::NotShown => format!("No detectable effect: {} points ({interval}).", point(difference.value)),
            Finding::TooEarly => format!("Too early to say; so far {} points ({interval}).", point(difference.value)),
            Finding::Invalid => "The arms cannot be compared, so nothing is concluded.".to_owned(),
        });
        match self.finding {
            Finding::Invalid => return said,
            Finding::NotShown => said.extend(self.lift.detectable().map(|least| {
                format!(
                    "The smallest effect that arms of these sizes could see is {} points, {} of the rate of those held \
                     out. A smaller one may be there.",
                    point(least.absolute).trim_start_matches('+'),
                    percent(least.relative)
                )
            })),
            _ => said.extend(self.lift.relative.map(|relative| {
                format!("That is {} of the rate of those held out ({}).", signed(relative.value), range(&relative))
            })),
        }
        said.push(format!("Conversions beyond those untreated: {}.", whole(&self.lift.incremental)));
        if let Some(revenue) = &self.revenue {
            said.push(format!(
                "Revenue beyond that untreated: {}; per member {:.2} ({:.2} to {:.2}).",
                whole(&revenue.incremental),
                revenue.per_member.value,
                revenue.per_member.low,
                revenue.per_member.high
            ));
            said.push(format!(
                "With amounts above {:.2} counted as {:.2}: per member {:.2} ({:.2} to {:.2}).",
                revenue.capped.at,
                revenue.capped.at,
                revenue.capped.per_member.value,
                revenue.capped.per_member.low,
                revenue.capped.per_member.high
            ));
        }
        let corrected = if self.adjusted_p > self.lift.p_value {
            format!(", corrected {}", chance(self.adjusted_p))
        } else {
            String::new()
        };
        said.push(format!("Chance of such a difference without any effect: {}{corrected}.", chance(self.lift.p_value)));
        said
    }
}

fn of(arm: &ArmCounts) -> String {
    format!("{} of {}", grouped(arm.conversions()), grouped(arm.members()))
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A level: `95 %`, `99.98 %`.
fn percent_short(level: f64) -> String {
    let text = format!("{:.4}", level * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A difference of rates in percentage points, with its sign.
fn point(difference: f64) -> String {
    sign(format!("{:+.2}", difference * 100.0))
}

fn points(difference: &Estimate) -> String {
    format!("{} to {}", point(difference.low), point(difference.high))
}

fn signed(share: f64) -> String {
    sign(format!("{:+.1} %", share * 100.0))
}

fn range(relative: &Estimate) -> String {
    format!("{} to {}", signed(relative.low), signed(relative.high))
}

/// A count or an amount, to the whole number: `450 (115 to 755)`.
fn whole(estimate: &Estimate) -> String {
    let number = |value: f64| {
        // Beyond 2^53 a float holds no units anyway.
        let digits = grouped(value.abs().round() as u64);
        if value.round() < 0.0 { format!("−{digits}") } else { digits }
    };
    format!("{} ({} to {})", number(estimate.value), number(estimate.low), number(estimate.high))
}

fn chance(p: f64) -> String {
    if p < 0.000_1 { "below 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// The minus sign of print.
fn sign(text: String) -> String {
    text.replace('-', "−")
}

/// Plain text: for a terminal or a log.
impl fmt::Display for LiftReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.experiment, self.outcome)?;
        for sentence in self.health() {
            writeln!(f, "  {sentence}")?;
        }
        for comparison in &self.comparisons {
            writeln!(f, "\n{}: {}", comparison.name, comparison.finding.as_str())?;
            for sentence in comparison.sentences() {
                writeln!(f, "  {sentence}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ArmRevenue, sample_ratio};
    use super::*;

    fn lift(x_t: u64, n_t: u64, x_c: u64, n_c: u64) -> Lift {
        Lift::between(ArmCounts::new(n_t, x_t).unwrap(), ArmCounts::new(n_c, x_c).unwrap())
    }

    fn report() -> LiftReport {
        LiftReport::new("win-back", "a purchase within 30 days", Reading::Final)
    }

    #[test]
    fn a_clear_difference_reads_like_this() {
        // The first vector of naming-and-governance.md section 13.
        let report = report()
            .with_split(sample_ratio(&[89_800, 10_200], &[9_000, 1_000]).unwrap())
            .with_contamination(Contamination::new(10_000, 12).unwrap())
            .with("all", lift(3_150, 90_000, 300, 10_000), None);
        assert_eq!(
            report.to_string(),
            "win-back: a purchase within 30 days\n\
             \x20 Read once, at the planned end.\n\
             \x20 The arms have their planned sizes (chance 0.0350).\n\
             \x20 12 of 10,000 held out were reached all the same (0.12 %).\n\
             \n\
             all: higher\n\
             \x20 3.50 % of the treated converted (3,150 of 90,000), 3.00 % of those held out (300 of 10,000).\n\
             \x20 The treated did more: +0.50 points (95 % interval +0.13 to +0.84).\n\
             \x20 That is +16.7 % of the rate of those held out (+3.8 % to +31.1 %).\n\
             \x20 Conversions beyond those untreated: 450 (115 to 755).\n\
             \x20 Chance of such a difference without any effect: 0.0093.\n"
        );
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<LiftReport>(&json).unwrap().to_string(), report.to_string());
    }

    #[test]
    fn what_is_not_shown_is_never_called_nothing() {
        let report = report().with("all", lift(495, 9_000, 50, 1_000), None);
        let text = report.to_string();
        assert!(text.contains("all: not shown"), "{text}");
        assert!(text.contains("No detectable effect: +0.50 points (95 % interval −1.10 to +1.78)."), "{text}");
        // 2.8016 × √(0.05 × 0.95 × (1/9000 + 1/1000)) = 0.02035: 40.7 % of 5 %.
        assert!(text.contains("could see is 2.04 points, 40.71 % of the rate"), "{text}");
        assert!(!text.to_lowercase().contains("no effect"), "{text}");
    }

    #[test]
    fn a_broken_split_and_a_reached_holdout_conclude_nothing() {
        let clear = || lift(3_150, 90_000, 300, 10_000);
        let off = report().with("all", clear(), None).with_split(sample_ratio(&[905, 95], &[9_500, 500]).unwrap());
        let reached = report().with_contamination(Contamination::new(1_000, 30).unwrap()).with("all", clear(), None);
        for report in [off, reached] {
            assert_eq!(report.comparisons()[0].finding, Finding::Invalid);
            let text = report.to_string();
            assert!(text.contains("nothing is concluded") && !text.contains("did more"), "{text}");
        }
        let early = LiftReport::new("win-back", "a purchase", Reading::Early).with("all", clear(), None);
        assert_eq!(early.comparisons()[0].finding, Finding::TooEarly);
    }

    #[test]
    fn several_comparisons_are_corrected() {
        // Alone the first stands at 0.0083; among seven it is 0.0581.
        let mut report = report().with("first", lift(1_980, 45_000, 180, 5_000), None);
        assert_eq!(report.comparisons()[0].finding, Finding::Higher);
        for n in 0..6 {
            report = report.with(format!("other {n}"), lift(495, 9_000, 50, 1_000), None);
        }
        assert_eq!(report.comparisons()[0].finding, Finding::NotShown);
        assert!((report.comparisons()[0].adjusted_p - 7.0 * 0.008_299_6).abs() < 1e-6);
        assert!(report.to_string().contains("corrected 0.0581"), "{report}");
    }

    #[test]
    fn revenue_comes_with_its_second_figure() {
        let arm = |members, amounts: &[f64]| ArmRevenue::new(members, amounts.iter().copied()).unwrap();
        let revenue = RevenueLift::between(&arm(4, &[12.0, 30.0, 18.0]), &arm(4, &[10.0]), 0.95).unwrap();
        let text = report().with("all", lift(3_150, 90_000, 300, 10_000), Some(revenue)).to_string();
        assert!(text.contains("Revenue beyond that untreated: 50 ("), "{text}");
        assert!(text.contains("With amounts above 30.00 counted as 30.00: per member 12.50"), "{text}");
    }
}
