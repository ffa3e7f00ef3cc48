//! What the suite found.

use std::fmt;

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The destination does what the check asks.
    Passed,
    /// The check was not made.
    Skipped {
        /// Why not.
        why: String,
    },
    /// The destination does not do what the check asks.
    Failed {
        /// What was expected and what was found.
        why: String,
    },
}

/// One check and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckResult {
    /// The check's stable name: `sending.add_makes_members`.
    pub name: &'static str,
    /// What came of it.
    pub verdict: Verdict,
}

/// What the suite found, check by check. `Display` is a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConformanceReport {
    /// The destination's id.
    pub destination: String,
    /// The checks, in the order they were made.
    pub checks: Vec<CheckResult>,
}

impl ConformanceReport {
    /// The names of the checks that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.named(|verdict| matches!(verdict, Verdict::Failed { .. }))
    }

    /// The names of the checks that were not made.
    pub fn skipped(&self) -> Vec<&'static str> {
        self.named(|verdict| matches!(verdict, Verdict::Skipped { .. }))
    }

    /// The names of the checks that passed.
    pub fn passed(&self) -> Vec<&'static str> {
        self.named(|verdict| *verdict == Verdict::Passed)
    }

    /// Fails a test unless nothing failed and something passed.
    ///
    /// # Panics
    /// With the table, when a check failed or none was made.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.failed().is_empty() && !self.passed().is_empty(), "\n{self}");
    }

    fn named(&self, is: impl Fn(&Verdict) -> bool) -> Vec<&'static str> {
        self.checks.iter().filter(|check| is(&check.verdict)).map(|check| check.name).collect()
    }
}

impl fmt::Display for ConformanceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, failed, skipped) = (self.passed().len(), self.failed().len(), self.skipped().len());
        writeln!(f, "{}: {passed} passed, {failed} failed, {skipped} skipped", self.destination)?;
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
        for check in &self.checks {
            match &check.verdict {
                Verdict::Passed => writeln!(f, "  {:width$}  passed", check.name)?,
                Verdict::Skipped { why } => writeln!(f, "  {:width$}  skipped: {why}", check.name)?,
                Verdict::Failed { why } => writeln!(f, "  {:width$}  FAILED: {why}", check.name)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdicts: Vec<(&'static str, Verdict)>) -> ConformanceReport {
        let checks = verdicts.into_iter().map(|(name, verdict)| CheckResult { name, verdict }).collect();
        ConformanceReport { destination: "memory:crm".to_owned(), checks }
    }

    #[test]
    fn the_table_says_what_came_of_each_check() {
        let mixed = report(vec![
            ("life.one", Verdict::Passed),
            ("sending.two", Verdict::Failed { why: "expected 3 members, found 2".to_owned() }),
            ("a.b", Verdict::Skipped { why: "no events".to_owned() }),
        ]);
        assert_eq!(
            mixed.to_string(),
            "memory:crm: 1 passed, 1 failed, 1 skipped\n  life.one     passed\n  sending.two  FAILED: expected 3 members, \
             found 2\n  a.b          skipped: no events\n"
        );
        assert_eq!((mixed.failed(), mixed.skipped()), (vec!["sending.two"], vec!["a.b"]));
    }

    #[test]
    #[should_panic(expected = "0 passed, 0 failed, 1 skipped")]
    fn nothing_checked_is_not_passed() {
        report(vec![("a.b", Verdict::Skipped { why: "all of it".to_owned() })]).assert_passed();
    }
}
