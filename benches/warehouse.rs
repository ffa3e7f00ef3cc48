//! How long a million memberships and events take into a warehouse, beside the database's own ways.
//!
//! `cargo bench --bench warehouse -- [--rows N] [--postgres URL] [--sqlite FILE] [--insert] [--write FOLDER]`: with
//! `--write` the same rows as CSV, for `psql \copy` and the `sqlite3` shell; with `--insert` also a plain multi-row
//! `INSERT … ON CONFLICT` over `tokio-postgres`. `benches/peers/warehouse.sh` runs it all.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use audience_sync::clock::{Timestamp, TokioClock};
use audience_sync::connectors::warehouse::postgres::{Postgres, PostgresConfig};
use audience_sync::connectors::warehouse::sqlite::Sqlite;
use audience_sync::destination::{
    Action, Attributes, AudienceRef, Batch, Context, Destination, EventBatch, KeyEvent, OpId, Reason, Row,
};
use audience_sync::identity::{AttributeValue, Consent};

const TIERS: [&str; 4] = ["bronze", "silver", "gold", "platinum"];
const CITIES: [&str; 6] = ["Berlin", "Kyōto", "São Paulo", "Praha", "Genève", "Lagos"];
const FIRST: i64 = 1_780_000_000_000;

struct Options {
    rows: u64,
    postgres: Option<String>,
    sqlite: Option<PathBuf>,
    write: Option<PathBuf>,
    insert: bool,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { rows: 20_000, postgres: None, sqlite: None, write: None, insert: false };
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--rows" => options.rows = value()?.parse()?,
            "--postgres" => options.postgres = Some(value()?),
            "--sqlite" => options.sqlite = Some(value()?.into()),
            "--write" => options.write = Some(value()?.into()),
            "--insert" => options.insert = true,
            _ => return Err(format!("unknown argument {argument}").into()),
        }
    }
    Ok(options)
}

/// A bijection of 64 bits: neighbours are far apart, as members in the order of their keyed hash are.
fn spread(index: u64) -> u64 {
    let mut x = index.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn member(index: u64) -> String {
    format!("C-{:016x}", spread(index))
}

fn op(index: u64) -> [u8; 16] {
    let (first, second) = (spread(index ^ 0x5555), spread(index ^ 0xaaaa));
    ((u128::from(first) << 64) | u128::from(second)).to_be_bytes()
}

fn at(index: u64) -> Timestamp {
    Timestamp::from_millis(FIRST + (spread(index) % 10_000_000_000) as i64)
}

fn attributes(index: u64) -> [(&'static str, AttributeValue); 3] {
    let pick = spread(index) as usize;
    [
        ("city", AttributeValue::from(CITIES[pick % CITIES.len()])),
        ("orders", AttributeValue::from((pick % 40) as i64)),
        ("tier", AttributeValue::from(TIERS[pick % TIERS.len()])),
    ]
}

fn row(index: u64) -> Row {
    Row {
        op_id: OpId::from_bytes(op(index)),
        member_id: member(index).as_str().into(),
        identifiers: Vec::new(),
        attributes: Attributes::new(attributes(index).map(|(name, value)| (name.into(), value))),
        consent: Consent::default(),
        arm: None,
        reason: Reason::Entered,
        effective_at: at(index),
        expires_at: None,
        vendor_ref: None,
    }
}

fn event(index: u64) -> KeyEvent {
    let micros = (spread(index) % 200_000_000) as i64 / 10_000 * 10_000;
    KeyEvent::new(format!("O-{:016x}", spread(index ^ 0x77)), "purchase", member(index).as_str(), at(index))
        .with_value(micros, "EUR")
        .with_order(format!("{index}"))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

fn told(what: &str, rows: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    println!("{what:<44} {seconds:>8.2} s {:>9.0} rows/s", rows as f64 / seconds);
}

/// The most memory the process has had, in MiB.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok()? / 1024.0)
}

fn chunks(rows: u64, size: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..rows).step_by(size as usize).map(move |low| low..(low + size).min(rows))
}

async fn load(name: &str, warehouse: &dyn Destination, rows: u64) -> Result<(), Box<dyn Error>> {
    let cx = Context::new("bench", Arc::new(TokioClock));
    let check = warehouse.check(&cx).await?;
    if !check.is_ready() {
        return Err(format!("{:?}", check.missing).into());
    }
    let size = warehouse.capabilities().limits.rows;
    let audience = AudienceRef::new("vip", "vip");
    let batch = |range: std::ops::Range<u64>, run: &str| {
        Batch::new(run, audience.clone(), Action::Add, range.map(row).collect()).with_row_version(1)
    };
    let mut total = Duration::ZERO;
    // The second time the ledger knows each batch: what is left is to prepare and stage it.
    for what in ["memberships, exactly once", "memberships, staged only"] {
        let mut took = Duration::ZERO;
        for range in chunks(rows, size) {
            let batch = batch(range, "run-1");
            let begun = now();
            let outcome = warehouse.send(&cx, &batch).await?;
            took += begun.elapsed();
            assert!(outcome == audience_sync::destination::Outcome::accepted());
        }
        told(&format!("{name}: {what}"), rows, took);
        total = if total.is_zero() { took } else { total };
    }
    let mut took = Duration::ZERO;
    for range in chunks(rows, size) {
        let events = EventBatch::new("call-1", range.map(event).collect());
        let begun = now();
        warehouse.record(&cx, &events).await?;
        took += begun.elapsed();
    }
    told(&format!("{name}: events, exactly once"), rows, took);
    told(&format!("{name}: memberships and events"), rows, total + took);
    if let Some(peak) = peak() {
        println!("{name}: peak memory so far {peak:.0} MiB");
    }
    Ok(())
}

/// As one writes it without a warehouse connector: 1,000 rows a statement, memberships alone, no history, no ledger.
async fn insert(url: &str, rows: u64) -> Result<(), Box<dyn Error>> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client
        .batch_execute(
            "DROP TABLE IF EXISTS plain_membership; CREATE TABLE plain_membership
                 (audience_key text, member_key text, attributes jsonb, entered_at timestamptz,
                  PRIMARY KEY (audience_key, member_key))",
        )
        .await?;
    let places: Vec<String> = (0..1_000)
        .map(|index| {
            let p = index * 3;
            format!("('vip', ${}, ${}::text::jsonb, to_timestamp(${}::bigint / 1000.0))", p + 1, p + 2, p + 3)
        })
        .collect();
    let tail = "ON CONFLICT (audience_key, member_key) DO UPDATE SET attributes = excluded.attributes";
    let sql = |rows: usize| format!("INSERT INTO plain_membership VALUES {} {tail}", places[..rows].join(", "));
    let statement = client.prepare(&sql(1_000)).await?;
    let mut took = Duration::ZERO;
    for range in chunks(rows, 1_000) {
        let values: Vec<(String, String, i64)> = range
            .map(|index| {
                let [(_, city), (_, orders), (_, tier)] = attributes(index);
                let json =
                    format!(r#"{{"city":{},"orders":{},"tier":{}}}"#, shown(&city), shown(&orders), shown(&tier));
                (member(index), json, at(index).as_millis())
            })
            .collect();
        let parameters: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = values
            .iter()
            .flat_map(|(member, json, at)| [member as &(dyn tokio_postgres::types::ToSql + Sync), json, at])
            .collect();
        let begun = now();
        if values.len() == 1_000 {
            client.execute(&statement, &parameters).await?;
        } else {
            client.execute(&sql(values.len()), &parameters).await?;
        }
        took += begun.elapsed();
    }
    told("tokio-postgres: multi-row INSERT, memberships", rows, took);
    Ok(())
}

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Int(number) => number.to_string(),
        AttributeValue::Text(text) => format!("\"{text}\""),
        _ => "null".to_owned(),
    }
}

/// The rows as the warehouse holds them, as CSV: what the database's own tools load.
fn write(folder: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let open = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
    let (mut staged, mut members, mut log, mut events) =
        (open("staged.csv")?, open("memberships.csv")?, open("log.csv")?, open("events.csv")?);
    for index in 0..rows {
        let [(_, city), (_, orders), (_, tier)] = attributes(index);
        let json = format!(r#"{{"city":{},"orders":{},"tier":{}}}"#, shown(&city), shown(&orders), shown(&tier));
        let (json, hash) = (json.replace('"', "\"\""), format!("{:064x}", spread(index)));
        let (member, at, op) = (member(index), at(index), OpId::from_bytes(op(index)).to_hex());
        writeln!(staged, "{index},{member},{op},query,,{at},\"{json}\",{hash}")?;
        writeln!(members, "default,vip,{member},1,{at},{at},,1,,{hash},\"{json}\",run-1,1,{at}")?;
        writeln!(log, "{op}-enter,default,vip,{member},enter,query,,{at},run-1,1,{hash}")?;
        let event = event(index);
        let (value, order) = (event.value_micros.unwrap_or_default(), event.order_id.unwrap_or_default());
        let value = format!("{}.{:06}", value / 1_000_000, value % 1_000_000);
        writeln!(events, "{},default,purchase,{member},{at},{at},{value},EUR,{order},,{hash}", event.event_id)?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    if let Some(folder) = &options.write {
        return write(folder, options.rows);
    }
    println!("{} memberships and as many events", options.rows);
    let folder = tempfile::tempdir()?;
    match (&options.postgres, &options.sqlite) {
        (None, file) => {
            let file = file.clone().unwrap_or_else(|| folder.path().join("bench.db"));
            load("SQLite", &Sqlite::open(file)?, options.rows).await?;
        }
        (Some(url), _) if options.insert => insert(url, options.rows).await?,
        (Some(url), _) => load("PostgreSQL", &Postgres::new(PostgresConfig::from_url(url)?)?, options.rows).await?,
    }
    Ok(())
}
