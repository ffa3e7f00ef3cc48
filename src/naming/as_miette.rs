//! Findings as `miette` diagnostics.

use std::fmt;

use ::miette::{LabeledSpan, SourceCode};

use super::diagnostic::{Diagnostic, Severity};
use super::explain::suggestion_line;
use super::parse::Parsed;

/// What is to be said about a name, for hosts that print with `miette`: one report, its findings as related ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameReport {
    findings: Vec<Finding>,
}

/// One finding with the text it is about: code, severity, help, and the place as a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    input: String,
    finding: Diagnostic,
}

impl Parsed {
    /// The findings as one `miette` diagnostic; `None` when there are none.
    ///
    /// # Examples
    /// ```
    /// use audience_sync::naming::Template;
    /// use miette::Diagnostic;
    ///
    /// let parsed = Template::pipe_default().parse("CI | Cart Abandon | 0-24h | Excl Purhc 7d");
    /// let report = parsed.to_miette().ok_or("clean")?;
    /// assert_eq!(report.to_string(), "audience name: 1 error");
    /// let finding = report.related().and_then(|mut related| related.next()).ok_or("none")?;
    /// assert_eq!(finding.code().map(|code| code.to_string()).as_deref(), Some("AN-E014"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_miette(&self) -> Option<NameReport> {
        let finding = |finding: &Diagnostic| Finding { input: self.input.clone(), finding: finding.clone() };
        let findings: Vec<Finding> = self.diagnostics.iter().map(finding).collect();
        (!findings.is_empty()).then_some(NameReport { findings })
    }
}

impl NameReport {
    fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.finding.severity).max()
    }
}

/// `audience name: 2 errors, 1 warning`.
impl fmt::Display for NameReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "audience name: ";
        for severity in [Severity::Error, Severity::Warning, Severity::Note] {
            let count = self.findings.iter().filter(|finding| finding.finding.severity == severity).count();
            if count > 0 {
                write!(f, "{between}{count} {severity}{}", if count == 1 { "" } else { "s" })?;
                between = ", ";
            }
        }
        Ok(())
    }
}

impl std::error::Error for NameReport {}

impl ::miette::Diagnostic for NameReport {
    fn severity(&self) -> Option<::miette::Severity> {
        self.worst().map(severity)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn ::miette::Diagnostic> + 'a>> {
        Some(Box::new(self.findings.iter().map(|finding| finding as &dyn ::miette::Diagnostic)))
    }
}

impl Finding {
    /// The finding.
    pub const fn finding(&self) -> &Diagnostic {
        &self.finding
    }
}

/// The message alone; `miette` prints code and severity itself.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for Finding {}

impl ::miette::Diagnostic for Finding {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<::miette::Severity> {
        Some(severity(self.finding.severity))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let lines = [suggestion_line(&self.finding), self.finding.help.as_ref().map(ToString::to_string)];
        let lines: Vec<String> = lines.into_iter().flatten().collect();
        (!lines.is_empty()).then(|| Box::new(lines.join("\n")) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.input)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let expected: Vec<String> = self.finding.expected.iter().map(ToString::to_string).collect();
        let label = (!expected.is_empty()).then(|| format!("expected {}", expected.join(" or ")));
        let place = LabeledSpan::new_primary_with_span(label, self.finding.span.clone());
        let related = self.finding.related.iter();
        let related = related.map(|(span, text)| LabeledSpan::new_with_span(Some(text.clone()), span.clone()));
        Some(Box::new(std::iter::once(place).chain(related)))
    }
}

const fn severity(severity: Severity) -> ::miette::Severity {
    match severity {
        Severity::Note => ::miette::Severity::Advice,
        Severity::Warning => ::miette::Severity::Warning,
        Severity::Error => ::miette::Severity::Error,
    }
}

#[cfg(test)]
mod tests {
    use ::miette::Diagnostic as _;

    use super::super::Template;

    #[test]
    fn findings_keep_code_place_and_help() {
        let input = "CI | cart abandon | 0-24h | 7d | Excl Purhc 7d";
        let report = Template::pipe_default().parse(input).to_miette().unwrap();
        assert_eq!(report.to_string(), "audience name: 2 errors, 1 warning");
        assert_eq!(report.severity(), Some(::miette::Severity::Error));
        let related: Vec<_> = report.related().unwrap().collect();
        let codes: Vec<String> = related.iter().map(|finding| finding.code().unwrap().to_string()).collect();
        assert_eq!(codes, ["AN-W011", "AN-E006", "AN-E014"]);
        assert_eq!(related[0].severity(), Some(::miette::Severity::Warning));
        assert_eq!(related[2].to_string(), "unknown exclusion \"Purhc\"");
        assert_eq!(related[2].help().unwrap().to_string(), "did you mean \"Purch\"? (same as Purchased, Purchasers)");
        let label = related[2].labels().unwrap().next().unwrap();
        assert_eq!((label.offset(), label.len(), label.primary()), (38, 5, true));
        assert_eq!(label.label(), Some("expected one of: Purch, Lead, Signup, …"));
        assert_eq!(related[1].labels().unwrap().nth(1).unwrap().label(), Some("the first window is here"));
        let seen = related[2].source_code().unwrap().read_span(label.inner(), 0, 0).unwrap();
        assert_eq!(seen.data(), b"Purhc");
    }

    #[test]
    fn a_clean_name_has_no_report() {
        assert_eq!(Template::pipe_default().parse("CI | Supp Unsub").to_miette(), None);
    }
}
