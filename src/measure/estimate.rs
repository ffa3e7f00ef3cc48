//! What a measurement says: a value with its interval, and the words for it.

use serde::{Deserialize, Serialize};

/// A value with the interval that, at the stated confidence level, holds the truth. `low` ≤ `value` ≤ `high`, all in
/// the unit that the field names.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The best single number.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Estimate {
    pub(super) fn new(value: f64, low: f64, high: f64) -> Self {
        // Rounding may carry an end past a value it coincides with.
        Self { value, low: low.min(value), high: high.max(value) }
    }

    /// The value give or take `reach`.
    pub(super) fn around(value: f64, reach: f64) -> Self {
        Self::new(value, value - reach, value + reach)
    }

    /// The same in another unit: multiplied by a factor above 0.
    pub(super) fn times(self, factor: f64) -> Self {
        Self::new(self.value * factor, self.low * factor, self.high * factor)
    }

    /// What the interval says about the sign.
    pub fn finding(&self) -> Finding {
        if self.low > 0.0 {
            Finding::Higher
        } else if self.high < 0.0 {
            Finding::Lower
        } else {
            Finding::NotShown
        }
    }

    /// Whether the interval holds this number.
    pub fn holds(&self, number: f64) -> bool {
        (self.low..=self.high).contains(&number)
    }
}

/// What a comparison has shown. There is no word for "no effect": data can only say how large an effect could still be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// The treated did more; the whole interval is above zero.
    Higher,
    /// The treated did less; the whole interval is below zero.
    Lower,
    /// Zero is inside the interval, or the correction for several comparisons took the finding away. What lies outside
    /// the interval is ruled out; an effect inside it is not.
    NotShown,
    /// Read before the planned end, where chance shows differences too often.
    TooEarly,
    /// The arms cannot be compared: the split is not the planned one, or the holdout was reached.
    Invalid,
}

impl Finding {
    /// The finding as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::NotShown => "not shown",
            Self::TooEarly => "too early to say",
            Self::Invalid => "invalid",
        }
    }
}

/// How a check came out. Only `Pass` is a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// In order.
    Pass,
    /// To be looked at.
    Warn,
    /// Not in order.
    Fail,
    /// It cannot be judged, or not yet. Never a pass.
    Unknown,
}

impl Verdict {
    /// The verdict as people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

/// How much a comparison can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strength {
    /// Assigned by chance, with enough units: a difference can be put down to the treatment.
    Sound,
    /// Something else may explain a difference; a hint, to be followed by an experiment.
    Weak,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_that_touches_zero_shows_nothing() {
        assert_eq!(Estimate::new(1.0, 0.1, 2.0).finding(), Finding::Higher);
        assert_eq!(Estimate::new(-1.0, -2.0, -0.1).finding(), Finding::Lower);
        assert_eq!(Estimate::new(1.0, 0.0, 2.0).finding(), Finding::NotShown);
        assert_eq!(Estimate::new(0.0, 0.0, 0.0).finding(), Finding::NotShown);
    }

    #[test]
    fn no_word_claims_that_there_is_no_effect() {
        for finding in [Finding::Higher, Finding::Lower, Finding::NotShown, Finding::TooEarly, Finding::Invalid] {
            assert!(!finding.as_str().contains("no effect"));
        }
        assert_eq!(serde_json::to_string(&Finding::NotShown).unwrap(), r#""not_shown""#);
    }
}
