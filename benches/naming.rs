//! What it costs to read a name, on one core: `cargo bench --bench naming`.
//!
//! Names of 1 KiB, the longest that are read: well written, written in other words, free terms under a lax template,
//! and nothing but mistakes, each of which looks for what was meant. `--quick` takes one round, as a smoke test; `--only
//! TEXT` the cases that end in the text.

use std::hint::black_box;
use std::time::Instant;

use audience_sync::naming::{Market, Mode, Template};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The longest name that is read, in bytes.
const LONGEST: usize = 1_024;

fn main() -> Result<(), Failure> {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let (rounds, calls) = if quick { (1, 20) } else { (15, 400) };
    let strict = Template::pipe_default();
    let lax = Template::pipe_default().with_mode(Mode::Lax);
    println!("best and median of {rounds} rounds of {calls} calls, one core");
    println!("{:<46}{:>8}{:>10}{:>10}{:>10}", "", "bytes", "findings", "best µs", "median µs");
    let short = "CI | Cart Abandon | 0-24h | Excl Purch 7d".to_owned();
    let cases = [
        ("parse the example", &strict, short.clone()),
        ("parse 1 KiB, canonical", &strict, canonical()),
        ("parse 1 KiB, other words", &strict, other_words()),
        ("parse 1 KiB, free terms, lax", &lax, free_terms()),
        ("parse 1 KiB, every exclusion a slip", &strict, slips()),
        ("parse 1 KiB, no term known", &strict, free_terms()),
        ("parse 1 KiB, one word", &strict, "x".repeat(LONGEST)),
        ("parse 1 KiB, separators", &strict, "|".repeat(LONGEST)),
        ("parse 1 KiB, numbers", &strict, "CI | 1-1-1-1 2 ".repeat(68)),
    ];
    let args: Vec<String> = std::env::args().collect();
    let only = args.iter().position(|arg| arg == "--only").and_then(|at| args.get(at + 1));
    for (what, template, text) in cases.iter().filter(|(what, ..)| only.is_none_or(|only| what.ends_with(only))) {
        let findings = template.parse(text).diagnostics.len();
        let (best, median) = time(rounds, calls, || drop(black_box(template.parse(black_box(text)))));
        println!("{what:<46}{:>8}{findings:>10}{best:>10.2}{median:>10.2}", text.len());
    }
    if only.is_some() {
        return Ok(());
    }
    let name = strict.parse(&canonical()).into_name()?;
    let (best, median) = time(rounds, calls, || drop(black_box(strict.render(black_box(&name)))));
    println!("{:<46}{:>8}{:>10}{best:>10.2}{median:>10.2}", "render 1 KiB", canonical().len(), "");
    let slips = slips();
    let (best, median) = time(rounds, calls, || drop(black_box(strict.fix(black_box(&slips)))));
    println!("{:<46}{:>8}{:>10}{best:>10.2}{median:>10.2}", "fix 1 KiB, every exclusion a slip", slips.len(), "");
    Ok(())
}

/// Microseconds a call: the best round and the middle one.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn time(rounds: usize, calls: u32, mut call: impl FnMut()) -> (f64, f64) {
    let mut taken: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| call());
            start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    (taken[0], taken[rounds / 2])
}

/// Sixteen exclusions, and markets up to the longest name there is.
fn canonical() -> String {
    let exclusions: Vec<String> = (1..=16).map(|n| format!("Purch {n}-{}mo", n + 10)).collect();
    padded("Cart Abandon", "0-24h", &format!("Excl {}", exclusions.join(" + ")))
}

fn other_words() -> String {
    let exclusions: Vec<String> = (1..=16).map(|n| format!("Purchasers {n} to {} months", n + 10)).collect();
    padded("abandoned cart", "last 24 hours", &format!("excluding {}", exclusions.join(", ")))
}

fn slips() -> String {
    let exclusions: Vec<String> = (1..=16).map(|n| format!("Unsbu {n}-{}mo", n + 10)).collect();
    padded("Cart Abadnon", "0-24h", &format!("Excl {}", exclusions.join(" + ")))
}

fn free_terms() -> String {
    let exclusions: Vec<String> = (1..=16).map(|n| format!("People who left the {n}th of our shops {n}-99d")).collect();
    padded("Walked away", "0-24h", &format!("Excl {}", exclusions.join(" + ")))
}

/// The parts as a name, made as long as names may be with an owner and with markets.
fn padded(intent: &str, window: &str, exclusions: &str) -> String {
    let known = |code: &Market| Template::pipe_default().vocabulary().knows(code);
    let pairs = ('A'..='Z').flat_map(|a| ('A'..='Z').map(move |b| format!("{a}{b}")));
    let codes: Vec<String> = pairs.filter(|code| Market::new(code).is_ok_and(|code| known(&code))).collect();
    let rest = format!("CI | mkt: | {intent} | {window} | {exclusions} | own:crm");
    let room = LONGEST.saturating_sub(rest.len()) / 3;
    let markets = codes.get(..room.min(codes.len())).unwrap_or_default().join(",");
    let name = format!("CI | mkt:{markets} | {intent} | {window} | {exclusions} | own:crm");
    let room = LONGEST.saturating_sub(name.len());
    format!("{name}{}", "m".repeat(room))
}
