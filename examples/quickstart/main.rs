//! The main job on real input: 18 months of a shop's purchases, week by week, at three destinations.
//!
//! ```text
//! cargo run --release --example quickstart [-- [--fresh] [--dir <folder>] [--purchases <file.txt.gz>]]
//! ```
//!
//! It needs no account and no server. Each week two audiences are worked out from the purchases so far, who bought in the
//! last seven days (suppression) and who has not bought for ninety (targeting, with a holdout of 10 %), and synced to a
//! SQLite file, to the Meta connector and to the Mixpanel connector. Those two talk to a child process that keeps real
//! membership from the requests it gets. After every week a check works out from the raw log who should be where, and
//! compares all three.
//!
//! Kill it whenever you like, and start it again: it goes on, and still ends equal. The purchases are real
//! (`examples/data/README.md`), the contact data are made up (`contacts.rs`).

mod check;
mod child;
mod contacts;
mod platforms;
mod progress;
mod purchases;
mod shop;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use audience_sync::audience::Audience;
use audience_sync::connectors::ads::meta::{CustomerFileSource, Meta, MetaConfig};
use audience_sync::connectors::analytics::mixpanel::{Mixpanel, MixpanelConfig, Region};
use audience_sync::connectors::warehouse::sqlite::Sqlite;
use audience_sync::destination::Destination;
use audience_sync::identity::Canonicalizer;
use audience_sync::observe::Event;
use audience_sync::secret::Keyring;
use audience_sync::state::State;
use audience_sync::sync::{Binding, Engine, RunOptions, RunReport};
use audience_sync::{Error, ErrorKind, Result};

use crate::check::Expected;
use crate::child::Child;
use crate::progress::{Progress, Week};
use crate::shop::{Shop, WEEKS, week_end};
use crate::show::Bar;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", dir] => platforms::serve(Path::new(dir)).await.map(|()| true),
        options => match Options::read(options) {
            Some(options) => run(&options).await,
            None => {
                Err(Error::new(ErrorKind::Config, "expected [--fresh] [--dir <folder>] [--purchases <file.txt.gz>]"))
            }
        },
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    fresh: bool,
    dir: PathBuf,
    /// Another log than the one that comes with the example.
    purchases: Option<PathBuf>,
}

impl Options {
    fn read(mut arguments: &[&str]) -> Option<Self> {
        let mut options = Self { fresh: false, dir: PathBuf::from("target/quickstart"), purchases: None };
        loop {
            arguments = match arguments {
                [] => return Some(options),
                ["--fresh", rest @ ..] => {
                    options.fresh = true;
                    rest
                }
                ["--dir", dir, rest @ ..] => {
                    options.dir = PathBuf::from(dir);
                    rest
                }
                ["--purchases", file, rest @ ..] => {
                    options.purchases = Some(PathBuf::from(file));
                    rest
                }
                _ => return None,
            };
        }
    }
}

async fn run(options: &Options) -> Result<bool> {
    let log = purchases::text(options.purchases.as_deref())?;
    let sold = purchases::read(&log)?;
    let cannot = |error| progress::failed("make the folder", &options.dir, error);
    let dir = std::fs::create_dir_all(&options.dir).and_then(|()| options.dir.canonicalize()).map_err(cannot)?;
    let _lock = progress::lock(&dir)?;
    let (mut progress, child) = begin(&dir, options.fresh).await?;
    let sqlite = dir.join("shop.sqlite");
    let expected =
        Expected::read(&log).ok_or_else(|| Error::new(ErrorKind::Source, "expected customers and dates in the log"))?;
    let (suppression, lapsed) = shop::audiences()?;

    let bar = Bar::new(progress.weeks.len());
    let warehouse = Sqlite::open(&sqlite)?;
    let engine = engine(&dir, &warehouse, &bar)?;
    let bindings = bindings(&suppression, &lapsed, &warehouse, &child)?;
    let mut shop = Shop::new(sold);
    for number in progress.weeks.len() as u32 + 1..=WEEKS {
        let end = week_end(number);
        let members = shop.members(end, suppression.key(), lapsed.key());
        let results = engine.sync_all_with(&bindings, members, &RunOptions::default().as_of(end)).await?;
        let runs = results.into_iter().collect::<Result<Vec<RunReport>>>()?;
        let compared = expected.compare(number, (&suppression, &lapsed), &sqlite, &child).await?;
        let week = Week { number, runs, compared };
        bar.week(&week);
        progress.note(week)?;
    }
    bar.end();
    let is_equal = conclude(&progress.weeks, &expected, (&suppression, &lapsed), &sqlite, &child).await?;
    let report = dir.join("report.html");
    write_report(&report, &progress.weeks)?;
    println!("\nThe SQLite file, with members, history and the log of all runs: {}", sqlite.display());
    println!("The report, one page without anything around it:              {}", report.display());
    child.stop().await?;
    Ok(is_equal)
}

/// Goes on where an earlier run was killed, as long as the platforms' child lives; otherwise starts anew.
async fn begin(dir: &Path, fresh: bool) -> Result<(Progress, Child)> {
    match Child::find(dir).await {
        Some(child) if !fresh => {
            let progress = Progress::open(dir)?;
            println!("An earlier run was interrupted after {} of {WEEKS} weeks: going on.", progress.weeks.len());
            return Ok((progress, child));
        }
        Some(child) => child.stop().await?,
        None => {}
    }
    progress::wipe(dir)?;
    let child = Child::start(dir).await?;
    println!("{WEEKS} weeks, 2 audiences, 3 destinations. Meta and Mixpanel are played by {}", child.url());
    Ok((Progress::open(dir)?, child))
}

/// State in a folder, keys in a file, runs logged in the warehouse.
fn engine(dir: &Path, warehouse: &Sqlite, bar: &Bar) -> Result<Engine> {
    let bar = bar.clone();
    Engine::builder(State::local(dir.join("state"))?, Keyring::open_or_create(dir.join("key"))?)
        // The contact data are made up, with domains and numbers that are refused otherwise.
        .with_canonicalizer(Canonicalizer::new().with_allow_test_values(true))
        .with_run_log(warehouse.clone())
        .with_observer(move |event: &Event<'_>| bar.event(event))
        .build()
}

/// Each audience at each destination, under the default guards.
fn bindings(suppression: &Audience, lapsed: &Audience, warehouse: &Sqlite, child: &Child) -> Result<Vec<Binding>> {
    let meta = MetaConfig::new("act_100200300", "EAAB-example", CustomerFileSource::UserProvidedOnly)
        .with_base_url(child.url())
        .with_allow_loopback(true);
    let mixpanel = MixpanelConfig::new(Region::Eu, "example-project").with(|config| {
        config.base_url = Some(child.url());
        config.allow_loopback = true;
    });
    let destinations: [Arc<dyn Destination>; 3] =
        [Arc::new(warehouse.clone()), Arc::new(Meta::new(meta)?), Arc::new(Mixpanel::new(mixpanel)?)];
    let both = [Arc::new(suppression.clone()), Arc::new(lapsed.clone())];
    let bind = |audience: &Arc<Audience>| destinations.clone().map(|at| Binding::new(audience.clone(), at));
    Ok(both.iter().flat_map(bind).collect())
}

/// The table, and whether everything is as it should be: each week's members, and every entry and exit there was.
async fn conclude(
    weeks: &[Week],
    expected: &Expected,
    audiences: (&Audience, &Audience),
    sqlite: &Path,
    child: &Child,
) -> Result<bool> {
    show::table(weeks);
    let mut faults: Vec<String> = weeks.iter().flat_map(show::faults).collect();
    let movements = expected.movements(weeks.len() as u32, audiences);
    for (destination, held) in [("SQLite", check::sqlite_movements(sqlite)?), ("Mixpanel", child.events().await?)] {
        let right = held.iter().filter(|movement| movements.contains(movement)).count();
        if (right, held.len()) != (movements.len(), movements.len()) {
            let (found, expected) = (held.len(), movements.len());
            faults.push(format!("history at {destination}: {right} of {expected} weekly counts right, {found} found"));
        }
    }
    let (left, by_time) = check::exits(sqlite, audiences.0.key())?;
    println!("{by_time} of the {left} exits from {} came by time alone.", audiences.0.name());
    for fault in &faults {
        println!("DIFFERENT  {fault}");
    }
    if faults.is_empty() {
        let compared = weeks.iter().map(|week| week.compared.len()).sum::<usize>();
        let people: i64 = movements.iter().map(|(_, _, _, count)| count).sum();
        println!(
            "EQUAL: {compared} memberships at three destinations ({WEEKS} weeks, 2 audiences), and {people} entries and \
             exits in SQLite's history and among Mixpanel's events, each exactly once."
        );
    }
    Ok(faults.is_empty())
}

fn write_report(path: &Path, weeks: &[Week]) -> Result<()> {
    let page = audience_sync::report::html::runs(weeks.iter().flat_map(|week| &week.runs));
    std::fs::write(path, page).map_err(|error| progress::failed("write", path, error))
}
