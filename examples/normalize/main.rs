//! Shows what each destination would receive of a value: NDJSON in, NDJSON out.
//!
//! ```text
//! $ echo '{"kind":"email","value":" Nora.Quist@Gmail.com","profile":"google.data_manager"}' |
//!     cargo run --example normalize
//! {"canonical":"nora.quist@gmail.com","wire":"0fab2470a2dfd937..."}
//! ```
//!
//! Each line of standard input is an object of
//!
//! | field | |
//! |---|---|
//! | `kind` | an identifier kind: `email`, `phone`, `first_name`, `birth_year` (of a whole date), `gclid`, ... |
//! | `value` | the value |
//! | `profile` | the destination's profile: `meta.custom_audience`, `tiktok.segment`, `uid2`, ... |
//! | `region` | the member's country, where it is known: a code or a name |
//! | `hash_state` | `plain` (default), `hashed`, or `auto`: hashed if it has the form of a digest |
//!
//! and gives one line of standard output, in the same order:
//!
//! | answer | when |
//! |---|---|
//! | `{"canonical":C,"wire":W}` | `W` is exactly what the profile sends: the digest in its encoding, or the clear value; `C` is null for a digest |
//! | `{"canonical":C,"wire":null}` | the profile does not take that kind |
//! | `{"reject":R}` | `R` is the stable code of the reason |
//! | `{"error":E}` | the line is not such an object; the next line is read, and the exit code is 1 at the end |
//!
//! `--allow-test-values` lets values through that are reserved for tests, such as `example.com`.
//!
//! `--hygiene FILE.csv` tells what a file of members is like instead: what is missing, refused, repeated, likely typed
//! wrong, and what Meta would receive of it; with `--html` also as a page, with `--people` how many people the rows
//! are. `--make-messy` writes a file to try it on.

mod hygiene;

use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use audience_sync::identity::{
    Canonical, Canonicalizer, ColumnPolicy, IdentifierKind, Input, Member, Profile, Reject, profiles, read_cell,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kind: String,
    value: String,
    profile: String,
    region: Option<String>,
    #[serde(default)]
    hash_state: HashState,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HashState {
    #[default]
    Plain,
    Hashed,
    Auto,
}

const USAGE: &str = "usage: normalize [--allow-test-values] < LINES
       normalize --hygiene FILE.csv [--html FILE] [--default-region CODE] [--people]
       normalize --make-messy ROWS > FILE.csv";

/// What the command line asks for.
#[derive(Default)]
struct Arguments {
    allow_test_values: bool,
    hygiene: Option<PathBuf>,
    messy_rows: Option<u64>,
    options: hygiene::Options,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut found = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--allow-test-values" => found.allow_test_values = true,
                "--people" => found.options.people = true,
                "--hygiene" => found.hygiene = Some(words.next()?.into()),
                "--html" => found.options.html = Some(words.next()?.into()),
                "--default-region" => found.options.default_region = Some(words.next()?),
                "--make-messy" => found.messy_rows = Some(words.next()?.parse().ok()?),
                _ => return None,
            }
        }
        Some(found)
    }

    fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        if let Some(rows) = self.messy_rows {
            hygiene::make_messy(rows, io::stdout().lock())?;
        } else if let Some(file) = &self.hygiene {
            hygiene::run(file, &self.options)?;
        } else {
            let canonicalizer = Canonicalizer::new().with_allow_test_values(self.allow_test_values);
            let not_understood = answer_all(&canonicalizer, io::stdin().lock(), BufWriter::new(io::stdout().lock()))?;
            return Ok(if not_understood == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    arguments.run().unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

/// Answers every line, and counts the bad ones.
fn answer_all(canonicalizer: &Canonicalizer, mut lines: impl BufRead, mut out: impl Write) -> io::Result<u64> {
    let (mut bad, mut line) = (0, Vec::new());
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            out.flush()?;
            return Ok(bad);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let answer = answer(canonicalizer, &line).unwrap_or_else(|error| {
            bad += 1;
            json!({ "error": error })
        });
        writeln!(out, "{answer}")?;
    }
}

/// One answer. An error names what is wrong with the line and never quotes it: it may hold a person's value.
fn answer(canonicalizer: &Canonicalizer, line: &[u8]) -> Result<Value, &'static str> {
    let line: Line = serde_json::from_slice(line).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            "expected the texts kind, value, profile, and region and hash_state if any"
        }
        _ => "expected a line of JSON",
    })?;
    let kind = IdentifierKind::from_word(&line.kind).ok_or("expected the word of an identifier kind")?;
    let profile = profiles::by_id(&line.profile).ok_or("expected the name of a profile")?;
    Ok(match canonical(canonicalizer, kind, &line) {
        Ok(canonical) => sent(&canonical, kind, profile),
        Err(reject) => json!({ "reject": reject.code() }),
    })
}

/// The value in its canonical form, read as the value of a member.
fn canonical(canonicalizer: &Canonicalizer, kind: IdentifierKind, line: &Line) -> Result<Canonical, Reject> {
    let policy = match line.hash_state {
        HashState::Plain => ColumnPolicy::Plain,
        HashState::Hashed => ColumnPolicy::Hashed,
        HashState::Auto => ColumnPolicy::Auto,
    };
    let input = read_cell(kind, &line.value, policy, None)?;
    // A derived kind is made from another; a digest is of the kind itself.
    let of = if matches!(input, Input::Hashed(_)) { kind } else { kind.source() };
    let member = Member::new("").country(line.region.as_deref().unwrap_or_default()).identifier(of, input);
    match &member.inputs()[0].1 {
        Input::Plain(plain) => canonicalizer.canonicalize(of, plain.as_str(), member.region_hint()),
        _ => canonicalizer.canonicalize_member(&member).values().first().cloned().ok_or(Reject::Missing),
    }
}

fn sent(canonical: &Canonical, kind: IdentifierKind, profile: &Profile) -> Value {
    let wire = match profile.rule(kind).map(|rule| canonical.wire(rule)) {
        None => None,
        Some(Ok(wire)) => Some(wire.to_wire_string()),
        Some(Err(reject)) => return json!({ "reject": reject.code() }),
    };
    json!({ "canonical": canonical.as_str(), "wire": wire })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(lines: &str) -> (Vec<Value>, u64) {
        let mut out = Vec::new();
        let bad = answer_all(&Canonicalizer::new().with_allow_test_values(true), lines.as_bytes(), &mut out).unwrap();
        (out.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect(), bad)
    }

    #[test]
    fn each_line_has_its_answer_and_a_bad_one_stops_nothing() {
        let (all, bad) = answers(concat!(
            r#"{"kind":"email","value":" Nora@Quist.se ","profile":"klaviyo"}"#,
            "\n",
            r#"{"kind":"phone","value":"030 901820","region":"Germany","profile":"klaviyo"}"#,
            "\n",
            r#"{"kind":"phone","value":"030 901820","profile":"klaviyo"}"#,
            "\ncanary\n\n",
            r#"{"kind":"gender","value":"f","profile":"klaviyo"}"#,
            "\n",
            r#"{"kind":"idfa2","value":"canary","profile":"klaviyo"}"#,
            "\n",
            r#"{"kind":"birth_month","value":"1984-05-06","profile":"meta.custom_audience"}"#,
        ));
        assert_eq!(bad, 2);
        assert_eq!(all[0], json!({"canonical": "nora@quist.se", "wire": "nora@quist.se"}));
        assert_eq!(all[1], json!({"canonical": "+4930901820", "wire": "+4930901820"}));
        assert_eq!(all[2], json!({"reject": "phone.no_region"}));
        assert_eq!(all[3], json!({"error": "expected a line of JSON"}));
        assert_eq!(all[4], json!({"canonical": "f", "wire": null}));
        assert!(all[5]["error"].is_string() && !all[5].to_string().contains("canary"));
        assert_eq!(all[6]["canonical"], "1984-05-06");
        assert_eq!(all[6]["wire"].as_str().map(str::len), Some(64));
    }

    #[test]
    fn digests_go_out_as_they_came_in() {
        // ads-core: sha256sum of ada.lovelace@example.org, in hex and base64.
        let hex = "7799473ff091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0";
        let base64 = "d5lHP/CRs4E34GmARzZOBARG/nyzIJ6DIdWoZRJ4U9A=";
        let line = |value: &str, state: &str, profile: &str| {
            json!({"kind": "email", "value": value, "hash_state": state, "profile": profile}).to_string() + "\n"
        };
        let (all, bad) = answers(
            &(line(&hex.to_uppercase(), "hashed", "x")
                + &line(hex, "auto", "uid2")
                + &line(base64, "auto", "meta.capi")
                + &line("ada.lovelace@example.org", "auto", "uid2")
                + &line("ada.lovelace@example.org", "hashed", "uid2")
                + &line(hex, "plain", "uid2")),
        );
        assert_eq!(bad, 0);
        assert_eq!(all[0], json!({"canonical": null, "wire": hex}));
        assert_eq!(all[1], json!({"canonical": null, "wire": base64}));
        assert_eq!(all[2], json!({"canonical": null, "wire": hex}));
        assert_eq!(all[3], json!({"canonical": "ada.lovelace@example.org", "wire": base64}));
        assert_eq!(all[4], json!({"reject": "malformed_digest"}));
        assert_eq!(all[5], json!({"reject": "hashed_in_plain"}));
    }
}
