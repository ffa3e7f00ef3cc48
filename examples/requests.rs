//! A dry run of any HTTP connector: writes every request that would be sent, without a network.
//!
//! ```text
//! cargo run --example requests -- --destination meta --config examples/config/meta.json --action add < members.ndjson
//! ```
//!
//! Members come as NDJSON on standard input, requests go as NDJSON to standard output, secrets redacted; what became of
//! the members is told on standard error. `--help` says the rest.

#[path = "requests/args.rs"]
mod args;
#[path = "requests/drive.rs"]
mod drive;
#[path = "requests/people.rs"]
mod people;

use std::error::Error;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::sync::Arc;

use args::{Action, Args};
use audience_sync::clock::{Clock, TokioClock};
use audience_sync::connectors::from_config;
use audience_sync::destination::Context;
use audience_sync::http::{HttpClient, Recorder, Replies};
use audience_sync::secret::MemoryTokenStore;
use audience_sync::testkit::ManualClock;
use drive::Drive;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let ran = match Args::read(std::env::args().skip(1)) {
        Ok(Some(args)) => run(&args).await,
        Ok(None) => {
            println!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => Err(error),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<()> {
    let people = people::read(std::io::stdin().lock(), args.action.wants_people())?;
    let mut out = BufWriter::new(std::io::stdout());
    let told = dry_run(args, &people, &mut out).await;
    out.flush()?;
    for line in told? {
        eprintln!("{line}");
    }
    Ok(())
}

/// Writes the requests, and gives back what became of the members. Requests are written up to the one that failed.
async fn dry_run(args: &Args, people: &[people::Person], out: &mut (impl Write + Send)) -> Result<Vec<String>> {
    let recorder = Recorder::new(replies(args)?);
    let http = HttpClient::new(Arc::new(recorder.clone())).with_token_store(Arc::new(MemoryTokenStore::new()));
    // The hands move by themselves: a wait takes no time.
    let clock = ManualClock::auto().at(args.now.unwrap_or_else(|| TokioClock.now()));
    let cx = Context::new("dry-run", Arc::new(clock)).with_http(http);
    let config = serde_json::from_str(&read(&args.config)?).map_err(|error| format!("{}: {error}", args.config))?;
    let destination = from_config(&args.destination, config)?;
    let mut drive = Drive::new(&*destination, cx, args);
    let driven = match args.action {
        Action::Add | Action::Remove | Action::Replace => drive.members(people).await,
        Action::Open => drive.open().await.map(drop),
        Action::Size => drive.size().await,
        Action::Record => drive.record(people).await,
    };
    for request in recorder.take() {
        serde_json::to_writer(&mut *out, &request)?;
        writeln!(out)?;
    }
    driven?;
    Ok(drive.told)
}

/// The given script; behind it the one that lies beside the connector's sample configuration.
fn replies(args: &Args) -> Result<Replies> {
    let parse = |path: &str, text: &str| -> Result<Replies> {
        serde_json::from_str(text).map_err(|error| format!("{path}: {error}").into())
    };
    let sample = format!("{}/examples/config/{}.replies.json", env!("CARGO_MANIFEST_DIR"), args.destination);
    let known = match std::fs::read_to_string(&sample) {
        Ok(text) => parse(&sample, &text)?,
        Err(_) => Replies::default(),
    };
    match &args.replies {
        Some(path) => Ok(parse(path, &read(path)?)?.then(known)),
        None => Ok(known),
    }
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}").into())
}

#[cfg(test)]
#[path = "requests/tests.rs"]
mod tests;
