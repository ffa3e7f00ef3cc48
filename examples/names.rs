//! Reads audience names, one a line, and says what is right and wrong with them: text in, NDJSON out.
//!
//! ```text
//! $ echo 'CI | Cart Abandon | 0-24h | Excl Purhc 7d' | cargo run --example names
//! {"ok":false,"canonical":null,"slug":null,"fields":null,"diagnostics":[{"code":"AN-E014",...,"fix":"Purch",...}]}
//! ```
//!
//! Each line of standard input gives one line of standard output, in the same order:
//!
//! | field | |
//! |---|---|
//! | `ok` | whether the line is a name: no diagnostic is an error |
//! | `canonical` | the one way it is written, or null |
//! | `slug` | the form for tracking parameters, files and tables, or null |
//! | `fields` | the parts in canonical spelling, or null: `exclusions` is null when not said, empty for `Excl None` |
//! | `diagnostics` | what is to be said, in the order of the places |
//!
//! A diagnostic has
//!
//! | field | |
//! |---|---|
//! | `code`, `severity`, `message` | such as `AN-E014`, `error` |
//! | `start`, `end` | the place: bytes of the line, `end` not included |
//! | `fix` | what to write in that place, where nothing else can be meant; else null |
//! | `suggestions` | what may be meant, each with `start`, `end`, `replacement` and how sure it is |
//! | `expected` | what would be right there, in words |
//!
//! `--template FILE` reads names by a template in TOML or JSON (`.json`) in place of the default, `--preset NAME` by a
//! shipped one; `--lax` keeps unknown terms with a note. Exit code 2 when the template is refused.

use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use audience_sync::naming::{
    Applicability, AudienceName, Code, Diagnostic, Exclusion, Exclusions, Mode, Parsed, Severity, Template, Term,
    Window,
};
use serde::Serialize;
use serde_json::{Value, json};

const USAGE: &str = "usage: names [--template FILE | --preset NAME] [--lax] < LINES";

/// A line of the output.
#[derive(Serialize)]
struct Answer {
    ok: bool,
    canonical: Option<String>,
    slug: Option<String>,
    fields: Option<Value>,
    diagnostics: Vec<Found>,
}

/// A diagnostic of the output.
#[derive(Serialize)]
struct Found {
    code: String,
    severity: Severity,
    start: usize,
    end: usize,
    message: String,
    fix: Option<String>,
    suggestions: Vec<Value>,
    expected: Vec<String>,
}

fn main() -> ExitCode {
    let answered = template(std::env::args().skip(1)).and_then(|template| {
        let stdout = BufWriter::new(io::stdout().lock());
        answer_all(&template, io::stdin().lock(), stdout)
    });
    match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// The template that the command line asks for.
fn template(mut args: impl Iterator<Item = String>) -> Result<Template, Box<dyn Error>> {
    let (mut template, mut lax) = (Template::pipe_default(), false);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--template" => template = from_file(&args.next().ok_or(USAGE)?)?,
            "--preset" => template = Template::preset(&args.next().ok_or(USAGE)?)?,
            "--lax" => lax = true,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(if lax { template.with_mode(Mode::Lax) } else { template })
}

fn from_file(path: &str) -> Result<Template, Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let json = path.to_ascii_lowercase().ends_with(".json");
    let template = if json { Template::from_json(&text) } else { Template::from_toml(&text) };
    Ok(template.map_err(|error| format!("{path}: {error}"))?)
}

fn answer_all(template: &Template, mut lines: impl BufRead, mut out: impl Write) -> Result<(), Box<dyn Error>> {
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        serde_json::to_writer(&mut out, &answer(template, text)?)?;
        out.write_all(b"\n")?;
        line.clear();
    }
    Ok(out.flush()?)
}

fn answer(template: &Template, line: &[u8]) -> Result<Answer, Box<dyn Error>> {
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => return Ok(not_text(line.len(), &error)),
    };
    let parsed = template.parse(text);
    let name = parsed.name.as_ref();
    Ok(Answer {
        ok: name.is_some(),
        canonical: name.map(|name| template.render(name)).transpose()?,
        slug: name.map(|name| template.slug(name)).transpose()?,
        fields: name.map(|name| fields(template, name)),
        diagnostics: parsed.diagnostics.iter().map(|finding| found(&parsed, finding)).collect(),
    })
}

/// The answer to a line that is not UTF-8.
fn not_text(len: usize, error: &std::str::Utf8Error) -> Answer {
    let start = error.valid_up_to();
    let found = Found {
        code: Code::E003.to_string(),
        severity: Severity::Error,
        start,
        end: error.error_len().map_or(len, |bytes| start + bytes),
        message: "bytes that are not UTF-8".to_owned(),
        fix: None,
        suggestions: Vec::new(),
        expected: vec!["text in UTF-8".to_owned()],
    };
    Answer { ok: false, canonical: None, slug: None, fields: None, diagnostics: vec![found] }
}

fn fields(template: &Template, name: &AudienceName) -> Value {
    let term = |term: &Term| template.spelling(term).map(str::to_owned);
    let excluded =
        |item: &Exclusion| json!({ "subject": term(&item.subject), "window": item.window.map(Window::in_exclusion) });
    json!({
        "prefix": name.prefix().and_then(term),
        "market": name.market(),
        "role": name.role(),
        "intent": term(name.intent()),
        "window": name.window().map(|window| window.to_string()),
        "exclusions": match name.exclusions() {
            Exclusions::Absent => Value::Null,
            other => other.items().iter().map(excluded).collect(),
        },
        "owner": name.owner(),
        "version": name.version(),
        "ext": name.ext(),
    })
}

fn found(parsed: &Parsed, finding: &Diagnostic) -> Found {
    let best = finding.suggestions.first().filter(|best| best.applicability == Applicability::Certain);
    // Some fixes reach further than the place: an exclusion that stands there twice goes with its separator.
    let start = best.map_or(finding.span.start, |best| best.span.start.min(finding.span.start));
    let end = best.map_or(finding.span.end, |best| best.span.end.max(finding.span.end));
    let fix = best.and_then(|best| {
        let before = parsed.input.get(start..best.span.start)?;
        Some(format!("{before}{}{}", best.replacement, parsed.input.get(best.span.end..end)?))
    });
    let suggestions = finding.suggestions.iter().map(|suggestion| {
        json!({
            "start": suggestion.span.start,
            "end": suggestion.span.end,
            "replacement": suggestion.replacement,
            "applicability": suggestion.applicability,
        })
    });
    Found {
        code: finding.code.to_string(),
        severity: finding.severity,
        start,
        end,
        message: finding.message.clone(),
        fix,
        suggestions: suggestions.collect(),
        expected: finding.expected.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(template: &Template, input: &[u8]) -> Vec<Value> {
        let mut out = Vec::new();
        answer_all(template, input, &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_gives_a_line() {
        let input = b"CI | Cart Abandon | 0-24h | Excl Purch 7d\r\n\nCI | Cart Abadnon | 5m | Excl Purhc 7d\n\xFFx";
        let [clean, empty, slips, bytes] = answers(&Template::pipe_default(), input).try_into().unwrap();
        let fields = json!({
            "prefix": "CI", "market": [], "role": "targeting", "intent": "Cart Abandon", "window": "0-24h",
            "exclusions": [{ "subject": "Purch", "window": "7d" }], "owner": null, "version": null, "ext": {},
        });
        assert_eq!(
            clean,
            json!({
                "ok": true, "canonical": "CI | Cart Abandon | 0-24h | Excl Purch 7d",
                "slug": "ci_cart-abandon_0-24h_excl-purch-7d", "fields": fields, "diagnostics": [],
            })
        );
        assert_eq!(empty["diagnostics"][0]["code"], "AN-E002");
        let told: Vec<_> =
            ["AN-E015", "AN-E011", "AN-E014"].into_iter().zip([Some("Cart Abandon"), None, Some("Purch")]).collect();
        for (finding, (code, fix)) in slips["diagnostics"].as_array().unwrap().iter().zip(told) {
            assert_eq!((&finding["code"], &finding["fix"]), (&json!(code), &json!(fix)));
        }
        assert_eq!((&bytes["ok"], &bytes["diagnostics"][0]["end"]), (&json!(false), &json!(1)));
    }

    #[test]
    fn a_fix_is_written_in_its_place() {
        for line in [
            "CI | 0-24h | Cart Abandon | Excl Purch 7d",
            "CI | Cart Abandon | 0-24h | Excl Purch 7d + Unsub + Purch 7d",
            "CI | Cart Abandon | 0-24h | Excl Purch 7d,,Unsub",
        ] {
            let template = Template::pipe_default();
            let finding = &answers(&template, line.as_bytes())[0]["diagnostics"][0];
            let at = |key: &str| usize::try_from(finding[key].as_u64().unwrap()).unwrap();
            let mut mended = line.to_owned();
            mended.replace_range(at("start")..at("end"), finding["fix"].as_str().unwrap());
            let left = template.parse(&mended);
            assert!(left.diagnostics.iter().all(|left| left.code.as_str() != finding["code"]), "{mended}\n{left}");
        }
    }

    #[test]
    fn the_command_line_chooses_the_template() {
        let args = |args: &[&str]| template(args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>().into_iter());
        assert_eq!(args(&["--preset", "underscore"]).unwrap(), Template::underscore());
        assert_eq!(args(&["--lax"]).unwrap().naming().mode, Mode::Lax);
        assert!(args(&["--template"]).is_err() && args(&["--preset", "dots"]).is_err() && args(&["--colour"]).is_err());
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(&file, "[naming]\nseparator = \"+\"").unwrap();
        let error = args(&["--template", file.path().to_str().unwrap()]).unwrap_err().to_string();
        assert!(error.contains("AN-T001"), "{error}");
    }
}
