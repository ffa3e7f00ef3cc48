//! Findings in the form that code review systems read: SARIF 2.1.0 (OASIS standard, 2020-03-27).

use serde_json::{Value, json};

use super::report::{Finding, LintReport};
use super::rule::Rule;
use crate::naming::Severity;

pub(super) fn write(report: &LintReport, uri: &str) -> String {
    let rules: Vec<Value> = Rule::ALL
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code(),
                "shortDescription": { "text": rule.title() },
                "defaultConfiguration": { "level": level(rule.severity()) },
            })
        })
        .collect();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, uri)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "audience-sync", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "results": results,
        }],
    })
    .to_string()
}

fn result(finding: &Finding, uri: &str) -> Value {
    let mut result = json!({
        "ruleId": finding.rule.code(),
        "level": level(finding.severity),
        "message": { "text": format!("{}; {}", finding.message, finding.fix) },
        "locations": [{
            "physicalLocation": { "artifactLocation": { "uri": uri } },
            "logicalLocations": [{ "name": finding.audience.as_deref().unwrap_or("portfolio"), "kind": "object" }],
        }],
    });
    if let (Some(waiver), Some(fields)) = (&finding.waived, result.as_object_mut()) {
        let why = format!("{}: {} (until {})", waiver.by, waiver.reason, waiver.until);
        fields.insert("suppressions".to_owned(), json!([{ "kind": "external", "justification": why }]));
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}
