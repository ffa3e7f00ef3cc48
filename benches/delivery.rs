//! What a sync costs, against its parts measured alone: `cargo bench --bench delivery`.
//!
//! `--members N` sets the size (default 1,000,000). Every scenario runs in a process of its own, so that peak memory and
//! CPU time are its alone; the loopback server is another process that drains requests and answers. Linux only: the
//! figures come from `/proc`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use audience_sync::audience::Audience;
use audience_sync::connectors::ads::meta::{CustomerFileSource, Meta, MetaConfig};
use audience_sync::destination::{Destination, Memory};
use audience_sync::diff::{Fingerprint, KeyHasher, SortedDiff};
use audience_sync::http::{HttpClient, Limits, Request, ReqwestTransport, Response, Transport};
use audience_sync::identity::{Canonicalizer, Member, profiles};
use audience_sync::secret::Keyring;
use audience_sync::state::State;
use audience_sync::sync::{Binding, Engine};
use audience_sync::testkit::{HttpServer, Received, Reply, ServerLimits};
use audience_sync::{Result, async_trait};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let members: u64 = value("--members").map_or(Ok(1_000_000), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match value("--scenario") {
        Some(scenario) => runtime.block_on(run(&scenario, members, value("--server"), value("--bodies"))),
        None if args.iter().any(|arg| arg == "--drain") => runtime.block_on(drain()),
        None => compare(members),
    }
}

/// What one scenario cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    peak_mib: f64,
}

fn compare(members: u64) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let bodies = dir.path().join("bodies");
    let (server, url) = start_server()?;
    let measure = |scenario: &str| scenario_cost(scenario, members, &url, &bodies.to_string_lossy());
    let scenarios = [
        "canonicalize",
        "diff",
        "meta-first",
        "bare-post",
        "meta-churn",
        "memory-first",
        "memory-churn",
        "source-only",
    ];
    let mut costs = Vec::new();
    println!("{members} members\n{:<14}{:>9}{:>9}{:>11}{:>14}", "", "wall s", "CPU s", "peak MiB", "members/s");
    for scenario in scenarios {
        let cost = measure(scenario)?;
        let rate = members as f64 / cost.wall;
        println!("{scenario:<14}{:>9.2}{:>9.2}{:>11.0}{rate:>14.0}", cost.wall, cost.cpu, cost.peak_mib);
        costs.push(cost);
    }
    drop(server);
    let [canonicalize, diff, first, post, churn, ..] = costs.as_slice() else { return Err("no figures".into()) };
    let wall = canonicalize.wall + diff.wall + post.wall;
    let cpu = canonicalize.cpu + diff.cpu + post.cpu;
    println!(
        "\nmeta-first / (canonicalize + diff + bare-post): {:.2} wall, {:.2} CPU",
        first.wall / wall,
        first.cpu / cpu
    );
    println!("meta-first / bare-post: {:.2} wall", first.wall / post.wall);
    println!(
        "meta-churn / canonicalize: {:.2} wall, {:.2} CPU",
        churn.wall / canonicalize.wall,
        churn.cpu / canonicalize.cpu
    );
    Ok(())
}

/// Ends with the benchmark, however that ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_server() -> Result<(Server, String), Failure> {
    let mut server = Server(Command::new(std::env::current_exe()?).arg("--drain").stdout(Stdio::piped()).spawn()?);
    let mut url = String::new();
    BufReader::new(server.0.stdout.take().ok_or("no output")?).read_line(&mut url)?;
    Ok((server, url.trim().to_owned()))
}

/// Reads requests to their end, and answers as Meta does.
async fn drain() -> Result<(), Failure> {
    let limits = ServerLimits::default().with_body_bytes(64 << 20).with_remembered(0);
    let server = HttpServer::start_with(limits, answer).await?;
    println!("{}", server.url());
    std::io::stdout().flush()?;
    std::future::pending().await
}

fn answer(request: &Received) -> Reply {
    let body = match (request.method().as_str(), request.path().ends_with("/users")) {
        (_, true) => {
            serde_json::json!({"audience_id": "1", "session_id": "1", "num_received": 0, "num_invalid_entries": 0})
        }
        ("POST", _) => serde_json::json!({"id": "120210000000000001"}),
        (_, _) if request.path().ends_with("/120210000000000001") => {
            serde_json::json!({"id": "120210000000000001", "name": "CI | Lapsed | 90d+ | Excl Purch 7d", "subtype": "CUSTOM",
                "operation_status": {"code": 200, "description": "Normal"}})
        }
        _ => serde_json::json!({"data": []}),
    };
    Reply::json(&body)
}

fn scenario_cost(scenario: &str, members: u64, url: &str, bodies: &str) -> Result<Cost, Failure> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--scenario", scenario, "--members", &members.to_string(), "--server", url, "--bodies", bodies])
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    match figures[..] {
        [wall, cpu, peak_mib] => Ok(Cost { wall, cpu, peak_mib }),
        _ => Err(format!("scenario {scenario} gave no figures: {text}").into()),
    }
}

async fn run(scenario: &str, count: u64, url: Option<String>, bodies: Option<String>) -> Result<(), Failure> {
    let (url, bodies) = (url.unwrap_or_default(), bodies.unwrap_or_default());
    let everybody = 0..count;
    let after_churn = count / 200..count + count / 200;
    match scenario {
        "source-only" => {
            measured(async { Ok(everybody.map(member).map(|member| member.id().len()).sum::<usize>()) }).await
        }
        "canonicalize" => measured(async { Ok(canonicalize(everybody)) }).await,
        "diff" => measured(async { diff(everybody) }).await,
        "bare-post" => {
            let bodies = recorded(&bodies)?;
            measured(bare_post(&url, bodies)).await
        }
        "meta-first" => {
            // Recorded in a run of its own, so that writing them down is not measured.
            let recorder = Arc::new(Recorder::new(&bodies)?);
            sync(&engine(Some(recorder))?, &meta(&url)?, everybody.clone()).await?;
            let (engine, meta) = (engine(None)?, meta(&url)?);
            measured(sync(&engine, &meta, everybody)).await
        }
        "meta-churn" => churn(&engine(None)?, &meta(&url)?, everybody, after_churn).await,
        "memory-first" => {
            let (engine, memory) = (engine(None)?, binding(Memory::new("bench"))?);
            measured(sync(&engine, &memory, everybody)).await
        }
        "memory-churn" => churn(&engine(None)?, &binding(Memory::new("bench"))?, everybody, after_churn).await,
        other => Err(format!("unknown scenario {other}").into()),
    }
}

async fn churn(
    engine: &Engine,
    binding: &Binding,
    before: std::ops::Range<u64>,
    after: std::ops::Range<u64>,
) -> Result<(), Failure> {
    sync(engine, binding, before).await?;
    measured(sync(engine, binding, after)).await
}

/// Prints wall seconds, CPU seconds and peak MiB of the work.
async fn measured<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<(), Failure> {
    // Resets the peak, so that what came before does not count.
    fs::write("/proc/self/clear_refs", "5")?;
    let (begun, cpu) = (now(), cpu_seconds()?);
    std::hint::black_box(work.await?);
    println!("{} {} {}", begun.elapsed().as_secs_f64(), cpu_seconds()? - cpu, peak_mib()?);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// User and system time of this process; the kernel counts in hundredths of a second.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().ok_or("stat")?;
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / 100.0)
}

fn peak_mib() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("VmHWM")?;
    let kib: f64 = line.split_whitespace().nth(1).ok_or("VmHWM")?.parse()?;
    Ok(kib / 1024.0)
}

/// A made-up customer as exports have them.
fn member(n: u64) -> Member {
    Member::new(format!("u_{n:09}"))
        .email(format!(" Person.{n}@Mail{}.com", n % 97))
        .phone(format!("+1 415 {:03} {:04}", 200 + n / 10_000 % 700, n % 10_000))
        .first_name("Nora")
        .last_name("Quist")
}

fn canonicalize(range: std::ops::Range<u64>) -> usize {
    let canonicalizer = Canonicalizer::new();
    let sent = range.map(|n| {
        let canonical = canonicalizer.canonicalize_member(&member(n));
        canonical.project(&profiles::META_CUSTOM_AUDIENCE).identifiers.len()
    });
    sent.sum()
}

fn diff(range: std::ops::Range<u64>) -> Result<u64, Failure> {
    let keys = KeyHasher::new(&[7; 16], "");
    let mut current: Vec<_> = range.map(|n| (keys.key(format!("u_{n:09}")), Fingerprint::from_hash(n + 1))).collect();
    current.sort_unstable();
    let mut changes = SortedDiff::new(std::iter::empty::<Result<(_, Fingerprint)>>(), current.into_iter().map(Ok));
    for change in &mut changes {
        change?;
    }
    Ok(changes.counts().added)
}

fn engine(transport: Option<Arc<dyn Transport>>) -> Result<Engine, Failure> {
    let dir = tempfile::tempdir()?.keep();
    let builder = Engine::builder(State::local(dir)?, Keyring::from_bytes([7; 32]));
    Ok(match transport {
        Some(transport) => builder.with_http(HttpClient::new(transport)).build()?,
        None => builder.build()?,
    })
}

fn meta(url: &str) -> Result<Binding, Failure> {
    let config = MetaConfig::new("100200300", String::from("TOKEN"), CustomerFileSource::UserProvidedOnly)
        .with_base_url(url)
        .with_allow_loopback(true);
    binding(Meta::new(config)?)
}

fn binding(destination: impl Destination) -> Result<Binding, Failure> {
    Ok(Binding::new(Audience::named("CI | Lapsed | 90d+ | Excl Purch 7d")?, destination))
}

async fn sync(engine: &Engine, binding: &Binding, range: std::ops::Range<u64>) -> Result<u64, Failure> {
    let report = engine.sync(binding, range.map(member)).await?.into_success()?;
    Ok(report.members)
}

/// Writes down every body that goes to the members' endpoint.
#[derive(Debug)]
struct Recorder {
    inner: ReqwestTransport,
    file: std::sync::Mutex<fs::File>,
}

impl Recorder {
    fn new(path: &str) -> Result<Self, Failure> {
        Ok(Self { inner: ReqwestTransport::new()?, file: std::sync::Mutex::new(fs::File::create(path)?) })
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn execute(&self, request: Request, limits: &Limits) -> Result<Response> {
        if request.url.path().ends_with("/users") {
            let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let len = (request.body.len() as u64).to_le_bytes();
            let written = file.write_all(&len).and_then(|()| file.write_all(&request.body));
            written.map_err(|error| {
                audience_sync::Error::new(audience_sync::ErrorKind::Config, "write a body down").with_source(error)
            })?;
        }
        self.inner.execute(request, limits).await
    }
}

fn recorded(path: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let mut file = BufReader::new(fs::File::open(path)?);
    let mut bodies = Vec::new();
    let mut len = [0; 8];
    while file.read_exact(&mut len).is_ok() {
        let mut body = vec![0; usize::try_from(u64::from_le_bytes(len))?];
        file.read_exact(&mut body)?;
        bodies.push(body);
    }
    Ok(bodies)
}

/// The peer: the same bodies, two at a time as the connector has them, with nothing around.
async fn bare_post(url: &str, bodies: Vec<Vec<u8>>) -> Result<u64, Failure> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
    let url = format!("{url}/v26.0/120210000000000001/users");
    let mut sending = tokio::task::JoinSet::new();
    let mut sent = 0;
    for body in bodies {
        if sending.len() == 2 {
            sent += sending.join_next().await.ok_or("nothing sent")???;
        }
        let request = client.post(&url).header("content-type", "application/json").body(body);
        sending.spawn(async move {
            let reply = request.send().await?.error_for_status()?.bytes().await?;
            Ok::<u64, Failure>(reply.len() as u64)
        });
    }
    while let Some(reply) = sending.join_next().await {
        sent += reply??;
    }
    Ok(sent)
}
