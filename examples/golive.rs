//! Going live: an account with the mistakes that burn budget, what lint and checklist say, and the same account mended.
//!
//! ```text
//! cargo run --release --example golive [-- --dir <folder>]
//! ```
//!
//! The shop is the quickstart's: its purchases are real, its contact data made up. A destination in memory plays an ad
//! platform. What only a host knows (caps, attached exclusions, alerts) is made up too, where it says so.

// The quickstart uses the rest of them.
#[allow(dead_code)]
#[path = "quickstart/contacts.rs"]
mod contacts;
#[path = "quickstart/purchases.rs"]
mod purchases;
#[allow(dead_code)]
#[path = "quickstart/shop.rs"]
mod shop;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use audience_sync::audience::lint::{LintPolicy, LintReport, Linter};
use audience_sync::audience::{
    Audience, Charter, Decision, Definition, EventFlow, EventRef, ExitRule, FrequencyCap, Journey, MeasurementPlan,
    Method, Placement, PlatformFacts, Portfolio, Refresh, Version, Waiver,
};
use audience_sync::clock::Timestamp;
use audience_sync::destination::{Check, Destination, Memory, Size};
use audience_sync::identity::{Canonicalizer, Hygiene, HygieneReport, Member};
use audience_sync::readiness::{
    Alert, AlertState, Checked, ConsentFacts, Inputs, Readiness, ReadinessPolicy, ReadinessReport, SizeReading,
    SplitFacts, UndoFacts, WriteProof,
};
use audience_sync::report;
use audience_sync::secret::Keyring;
use audience_sync::state::State;
use audience_sync::sync::{Binding, Engine, Guards, RunOptions, RunReport};
use audience_sync::{Error, ErrorKind, Result};

use shop::{Shop, WEEKS, week_end};

/// The weeks that are synced before the account goes live.
const LAST: u32 = 8;
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let dir = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => PathBuf::from("target/golive"),
        ["--dir", dir] => PathBuf::from(dir),
        _ => {
            eprintln!("golive: expected nothing, or --dir <folder>");
            return ExitCode::FAILURE;
        }
    };
    match run(dir).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("golive: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(dir: PathBuf) -> Result<()> {
    let facts = sync_weeks().await?;
    let (linter, readiness) = rules()?;
    let before = mistakes()?;
    let hasty = Inputs::new(facts.at.info().id).with(|inputs| {
        inputs.check = Some(Checked::new(facts.now, Ok(Check::ready().with_account("ads"))));
        inputs.portfolio = Some(before.clone());
        inputs.hygiene = Some(facts.messy.clone());
        inputs.runs = facts.runs.iter().take(1).cloned().collect();
    });
    let after = mended(&facts)?;
    let reports = [
        ("before", linter.run(&before, facts.now), readiness.evaluate(&hasty, facts.now)),
        ("after", linter.run(&after, facts.now), readiness.evaluate(&whole(&facts, after), facts.now)),
    ];
    for (when, lint, checklist) in &reports {
        println!("== {when}: the audiences\n\n{lint}\n== {when}: the checklist\n\n{checklist}");
        write(&dir, when, lint, checklist)?;
    }
    println!("The same as pages, side by side: {}", dir.display());
    Ok(())
}

/// What came of syncing the last weeks.
struct Facts {
    suppression: Audience,
    lapsed: Audience,
    at: Memory,
    runs: Vec<RunReport>,
    readings: Vec<SizeReading>,
    /// What the export is like …
    messy: HygieneReport,
    /// … and what it would be like, mended at the source.
    mended: HygieneReport,
    /// Members of the two audiences after each week.
    sizes: Vec<[u64; 2]>,
    customers: u64,
    now: Timestamp,
}

async fn sync_weeks() -> Result<Facts> {
    let sold = purchases::read(&purchases::text(None)?)?;
    let customers =
        sold.iter().map(|purchase| purchase.customer).collect::<std::collections::BTreeSet<_>>().len() as u64;
    let (suppression, lapsed) = shop::audiences()?;
    let memory = Memory::new("ads");
    let canonicalizer = Canonicalizer::new().with_allow_test_values(true);
    let engine = Engine::builder(State::in_memory(), Keyring::generate()?).with_canonicalizer(canonicalizer).build()?;
    let at: Arc<dyn Destination> = Arc::new(memory.clone());
    let both = [&suppression, &lapsed];
    let bindings: Vec<Binding> = both.iter().map(|audience| Binding::new((*audience).clone(), at.clone())).collect();
    let (mut shop, mut runs, mut readings, mut sizes) = (Shop::new(sold), Vec::new(), Vec::new(), Vec::new());
    let (mut messy, mut mended) = (Hygiene::default(), Hygiene::default());
    for week in WEEKS - LAST + 1..=WEEKS {
        let end = week_end(week);
        let members = shop.members(end, suppression.key(), lapsed.key());
        if week == WEEKS {
            for member in &members {
                drop(messy.count_member(&canonicalizer, member));
            }
            for id in 1..=u32::try_from(customers).unwrap_or_default() {
                drop(mended.count_member(&canonicalizer, &truth(id)));
            }
        }
        for result in engine.sync_all_with(&bindings, members, &RunOptions::default().as_of(end)).await? {
            let run = result?;
            let key = run.binding.split('@').next().unwrap_or_default().to_owned();
            let held = memory.member_ids(&key).len() as u64;
            // Read two days later, past the ramp.
            let (at, size) = (end.plus(2 * DAY), Size::Exact(held));
            readings.push(SizeReading { audience: key, at, size, acknowledged: run.members, last_change: end });
            runs.push(run);
        }
        sizes.push([&suppression, &lapsed].map(|audience| memory.member_ids(audience.key()).len() as u64));
    }
    let (messy, mended, now) = (messy.report(), mended.report(), week_end(WEEKS).plus(3 * DAY));
    Ok(Facts { suppression, lapsed, at: memory, runs, readings, messy, mended, sizes, customers, now })
}

/// A customer without the mess of the export.
fn truth(id: u32) -> Member {
    let contact = contacts::contact(id, 1);
    let member =
        contact.emails.iter().fold(Member::new(format!("{id:05}")), |member, email| member.email(email.as_str()));
    match contact.phone {
        Some(phone) => member.phone(format!("+{phone}")),
        None => member,
    }
}

/// The house's rules, and what is true of the platform that is played here.
fn rules() -> Result<(Linter, Readiness)> {
    let ads = PlatformFacts { ramp_hours: 24, minimum: Some(100), addresses: true, verified: true };
    let facts = [("memory".to_owned(), ads)];
    // Most of this shop's customers bought once in 1997 and never again, so most of them are lapsed.
    let reason = "one-time buyers are the shop's customers; the holdout tells what they are worth";
    let waiver = Waiver::new("AL-002", "lifecycle team", reason, week_end(WEEKS).plus(60 * DAY))?;
    let linter = Linter::new(LintPolicy::default().with(|policy| {
        policy.waivers = vec![waiver];
        policy.platforms = facts.clone().into();
        policy.home_markets = ["US".to_owned()].into();
    }));
    let readiness = Readiness::new(ReadinessPolicy::default().with(|policy| policy.platforms = facts.into()));
    Ok((linter.clone(), readiness.with_linter(linter)))
}

/// What teams do in a hurry: nobody is excluded, tiers overlap and leave gaps, ads race ahead of the journey, nobody leaves,
/// suppression comes last, nobody is named.
fn mistakes() -> Result<Portfolio> {
    let here = || vec![Placement::new("memory:ads").with(|at| at.active = Some(true))];
    let hasty = |name: &str| Ok::<_, Error>(Charter::new(Audience::named(name)?).with(|c| c.placements = here()));
    let buyers = hasty("CI | Supp Purch | 0-7d")?;
    let tier =
        |name: &str| hasty(name).map(|c| c.with(|c| c.audience = c.audience.clone().excluding(&buyers.audience)));
    let carts = hasty("CI | Cross-sell | 0-2h | Excl Unsub")?.with(|c| c.journey = beside("2h").ok());
    Ok(Portfolio::new(vec![
        hasty("CI | All site visitors | 30d | Excl None")?,
        carts,
        tier("CI | Lapsed | 30-60d | Excl Purch 7d")?,
        tier("CI | Lapsed | 45-90d | Excl Purch 7d")?,
        tier("CI | Lapsed | 120d+ | Excl Purch 7d")?,
        buyers,
    ]))
}

fn beside(first_message: &str) -> Result<Journey> {
    Ok(Journey::Beside { id: "win back".to_owned(), first_message: first_message.parse()? })
}

/// The same account with the audiences that were really synced, and everything written down.
fn mended(facts: &Facts) -> Result<Portfolio> {
    let counted = |at: usize| facts.sizes.iter().map(|sizes| sizes[at]).collect::<Vec<_>>();
    let lapsed = documented(facts, facts.lapsed.clone(), counted(1))?.with(|c| {
        c.decision = Some(Decision::new("offer a reason to come back"));
        c.exit = Some(ExitRule::at("Order Completed"));
        c.frequency_cap = "1w".parse().ok().map(|per| FrequencyCap { impressions: 3, per });
        c.journey = beside("90d").ok();
        // A tenth of some 17,000 members held out shows about 40 % more at a base rate of 3 %.
        c.measurement = Some(MeasurementPlan::new(Method::Holdout).with(|plan| {
            (plan.planned_effect, plan.detectable_effect) = (Some(0.5), Some(0.41));
            (plan.metric, plan.owner) = (Some("purchase".to_owned()), Some("analytics".to_owned()));
            (plan.window, plan.start) = ("30d".parse().ok(), Some(week_end(WEEKS - LAST)));
        }));
    });
    let buyers = documented(facts, facts.suppression.clone(), counted(0))?;
    let mut charters = vec![lapsed, buyers];
    for name in ["CI | Supp Unsub", "CI | Supp No Consent", "CI | Supp Staff"] {
        // Made up: the log says nothing of them.
        charters.push(documented(facts, Audience::named(name)?.with_owner("lifecycle team"), vec![120; 9])?);
    }
    let mut portfolio = Portfolio::new(charters);
    (portfolio.retired, portfolio.overlaps) = (Some(vec![]), Some(vec![]));
    Ok(portfolio)
}

fn documented(facts: &Facts, audience: Audience, mut sizes: Vec<u64>) -> Result<Charter> {
    let event = EventRef::new("Order Completed", "1");
    let mut definition = Definition::new(audience.role(), audience.key()).with_event(event.clone());
    definition.window = audience.parts().and_then(|parts| parts.window());
    let refresh = Refresh { every: "7d".parse()?, max_staleness: "8d".parse()? };
    let flow = EventFlow { event, first_seen: week_end(1), last_seen: facts.now, usual_gap: "1h".parse()? };
    Ok(Charter::new(audience).with(|c| {
        c.history = vec![Version::new(c.audience.name(), None, definition.clone())];
        c.definition = Some(definition);
        c.refresh = Some(refresh);
        c.observed.size = sizes.pop();
        c.observed.sizes = sizes;
        c.observed.population = Some(facts.customers);
        c.observed.events = vec![flow];
        c.placements = vec![Placement::new("memory:ads").with(|at| {
            (at.active, at.matched) = (Some(true), c.observed.size);
            (at.last_success, at.last_used) = (Some(week_end(WEEKS)), Some(facts.now));
            at.first_full_sync = Some(week_end(WEEKS - LAST + 1));
        })];
    }))
}

/// Everything the checklist asks for.
fn whole(facts: &Facts, portfolio: Portfolio) -> Inputs {
    Inputs::new(facts.at.info().id).with(|inputs| {
        inputs.capabilities = Some(facts.at.capabilities());
        inputs.check = Some(Checked::new(facts.now, Ok(Check::ready().with_account("ads"))));
        inputs.write = Some(WriteProof { at: facts.now, taken: true });
        inputs.portfolio = Some(portfolio);
        inputs.runs = facts.runs.clone();
        inputs.sizes = facts.readings.clone();
        inputs.guards = Some(vec![Guards::default().with(|guards| guards.max_remove_ppm = Some(150_000))]);
        inputs.hygiene = Some(facts.mended.clone());
        // Made up: what only the host knows.
        inputs.host.suppressions_attached = Some(true);
        inputs.host.holdout_excluded = Some(true);
        inputs.host.consent = Some(ConsentFacts { members: 0, with_both: 0, denied_sent: 0 });
        inputs.host.split = Some(SplitFacts { ratio_p: 0.4, contamination: 0.0 });
        inputs.host.alerts = Some(Alert::ALL.map(|alert| (alert, AlertState::Tested)).into());
        inputs.host.undo = Some(UndoFacts { snapshot_at: Some(week_end(WEEKS)), dry_run_at: Some(facts.now) });
        inputs.host.deletion_proven = Some(true);
    })
}

fn write(dir: &std::path::Path, when: &str, lint: &LintReport, checklist: &ReadinessReport) -> Result<()> {
    let cannot = |error: std::io::Error| {
        let message = format!("write the reports to {}: give a folder that can be written", dir.display());
        Error::new(ErrorKind::Config, message).with_source(error)
    };
    std::fs::create_dir_all(dir).map_err(cannot)?;
    std::fs::write(dir.join(format!("{when}-lint.html")), report::html::lint(lint)).map_err(cannot)?;
    std::fs::write(dir.join(format!("{when}-checklist.html")), report::html::readiness(checklist)).map_err(cannot)
}
