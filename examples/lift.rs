//! What a holdout shows, on the real purchases of the quickstart.
//!
//! ```text
//! cargo run --release --example lift [-- --html <file>]
//! ```
//!
//! A customer enters the win-back audience 90 days after the last purchase; one in ten is held out, by the same
//! arithmetic as in the engine. A conversion is a purchase within 30 days of entry. Nobody was treated in truth: the
//! shop's data are of 1997, and the true effect is nothing. A report that found one would be wrong, and a report that
//! said "no effect" would claim what no data can show.

#[path = "quickstart/purchases.rs"]
mod purchases;

use std::collections::BTreeMap;
use std::process::ExitCode;

use audience_sync::measure::{
    ArmCounts, ArmRevenue, Contamination, Holdout, Lift, LiftReport, Power, Reading, RevenueLift, sample_ratio,
};
use audience_sync::{Error, ErrorKind, Result, report};

use purchases::Purchase;

const SALT: &str = "lapsed-1997";
const SHARE_BP: u16 = 1_000;
/// Days without a purchase before the audience is entered, and days in which a purchase counts.
const LAPSED: u32 = 90;
const WINDOW: u32 = 30;
const LEVEL: f64 = 0.95;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let html = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--html", file] => Some((*file).to_owned()),
        _ => {
            eprintln!("lift: expected nothing, or --html <file>");
            return ExitCode::FAILURE;
        }
    };
    match run(html.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lift: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(html: Option<&str>) -> Result<()> {
    let purchases = purchases::read(&purchases::text(None)?)?;
    let holdout = Holdout::new(SALT, SHARE_BP)?;
    let (mut treated, mut held_out) = (Arm::default(), Arm::default());
    for entry in entries(&purchases) {
        let arm = if holdout.holds_out(&entry.member) { &mut held_out } else { &mut treated };
        arm.add(entry);
    }
    let lift = Lift::at_level(treated.counts()?, held_out.counts()?, LEVEL)?;
    let revenue = RevenueLift::between(&treated.revenue()?, &held_out.revenue()?, LEVEL)?;
    let split = sample_ratio(&[treated.members(), held_out.members()], &[10_000 - SHARE_BP, SHARE_BP])?;
    let ids = |arm: &Arm| arm.ids.clone();
    let (reached, kept) = (ids(&treated), ids(&held_out));
    let contamination = Contamination::between(kept.iter().map(String::as_str), reached.iter().map(String::as_str))?;
    let found = LiftReport::new(SALT, "a purchase within 30 days of entry", Reading::Final)
        .with_split(split)
        .with_contamination(contamination)
        .with("CI | Lapsed | 90d+ | Excl Purch 7d", lift, Some(revenue));
    print!("{found}");
    let needed = Power::default().members_per_arm(held_out.counts()?.rate(), 0.1)?;
    println!("\nTo see a change of 10 % at this rate, each of two equal arms needs {needed} members.");
    if let Some(file) = html {
        std::fs::write(file, report::html::lift(&found)).map_err(|error| {
            Error::new(ErrorKind::Config, format!("write {file}: give a path that can be written")).with_source(error)
        })?;
        println!("As a page: {file}");
    }
    Ok(())
}

/// The first time a customer enters the audience, and what was bought in the window after it.
struct Entry {
    member: String,
    cents: u64,
}

/// Everybody's first entry, where the whole window after it is in the log.
fn entries(purchases: &[Purchase]) -> Vec<Entry> {
    let last_day = purchases.iter().map(|purchase| purchase.day).max().unwrap_or_default();
    let mut of_customers: BTreeMap<u32, Vec<&Purchase>> = BTreeMap::new();
    for purchase in purchases {
        of_customers.entry(purchase.customer).or_default().push(purchase);
    }
    let mut entries = Vec::new();
    for (customer, mut bought) in of_customers {
        bought.sort_by_key(|purchase| purchase.day);
        let lapses = |at: usize| bought.get(at + 1).is_none_or(|next| next.day > bought[at].day + LAPSED);
        let Some(entered) = (0..bought.len()).find(|at| lapses(*at)).map(|at| bought[at].day + LAPSED) else {
            continue;
        };
        if entered + WINDOW > last_day {
            continue;
        }
        let within = bought.iter().filter(|purchase| (entered + 1..=entered + WINDOW).contains(&purchase.day));
        entries.push(Entry { member: format!("{customer:05}"), cents: within.map(|purchase| purchase.cents).sum() });
    }
    entries
}

#[derive(Default)]
struct Arm {
    ids: Vec<String>,
    /// What those spent who spent something.
    amounts: Vec<f64>,
}

impl Arm {
    fn add(&mut self, entry: Entry) {
        self.ids.push(entry.member);
        if entry.cents > 0 {
            self.amounts.push(entry.cents as f64 / 100.0);
        }
    }

    fn members(&self) -> u64 {
        self.ids.len() as u64
    }

    fn counts(&self) -> Result<ArmCounts> {
        ArmCounts::new(self.members(), self.amounts.len() as u64)
    }

    fn revenue(&self) -> Result<ArmRevenue> {
        ArmRevenue::new(self.members(), self.amounts.iter().copied())
    }
}
