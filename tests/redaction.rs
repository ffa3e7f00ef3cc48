//! Nothing personal and no secret in anything a run leaves behind: errors, reports, events, run log, state.
//!
//! The planted values go through a whole engine to imitations of Meta and Mixpanel, which answer well or badly, and quote
//! what they were sent wherever they can.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audience_sync::audience::Audience;
use audience_sync::clock::{Clock, Timestamp, TokioClock};
use audience_sync::connectors::ads::meta::{CustomerFileSource, Meta, MetaConfig};
use audience_sync::connectors::analytics::mixpanel::{Mixpanel, MixpanelConfig, Region};
use audience_sync::connectors::warehouse::sqlite::Sqlite;
use audience_sync::destination::{Context, Destination, KeyEvent, RejectRecord, RunLog, RunRecord};
use audience_sync::http::{HttpClient, Limits, ReqwestTransport};
use audience_sync::identity::{Canonicalizer, Consent, Member};
use audience_sync::observe::Event;
use audience_sync::secret::Keyring;
use audience_sync::state::State;
use audience_sync::sync::{Binding, Engine, Guards, RetryPolicy, RunReport};
use audience_sync::testkit::{HttpServer, LeakScanner, Received, Reply};
use audience_sync::{Result, async_trait};
use serde_json::json;

/// Waits take a thousandth of their time, deadlines all of it: replies and disks are real here.
#[derive(Debug, Default)]
struct Hasty(AtomicI64);

/// Longer than any wait of these tests, shorter than any deadline of the engine.
const DEADLINES_FROM: Duration = Duration::from_secs(100);

#[async_trait]
impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_428_900_000 + self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        if duration >= DEADLINES_FROM {
            return TokioClock.sleep(duration).await;
        }
        TokioClock.sleep(duration / 1_000).await;
        self.0.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn jitter(&self) -> u64 {
        u64::MAX / 2
    }
}

/// How an imitation answers what changes members.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Well,
    /// 400 with an error object that quotes the request.
    Refusing,
    /// 429, and Meta's code for it.
    Throttling,
    /// 401, and Meta's code for it.
    Locked,
    /// 500 with a page that quotes the request.
    Broken,
    Garbled,
    Resetting,
}

/// Without refusals, which are final: a rejected row is not sent again.
const MOODS: [Mood; 6] = [Mood::Throttling, Mood::Locked, Mood::Broken, Mood::Garbled, Mood::Resetting, Mood::Well];

/// Both platforms: their paths do not meet. Every answer that can quotes the request, head and body.
fn answer(mood: Mood, request: &Received) -> Reply {
    let authorization = request.header("authorization").unwrap_or_default();
    let quote = format!("{authorization} {} {}", request.query(), String::from_utf8_lossy(request.body()));
    let refused = |status: u16, code: i64| {
        Reply::status(status).header("x-quote", "none").with_json(&json!({
            "code": status, "status": quote, "failed_records": [],
            "error": {"code": code, "message": quote, "error_user_msg": quote, "error_data": quote},
        }))
    };
    match (mood, request.path()) {
        (_, path) if request.method() == "GET" && path.ends_with("/customaudiences") => {
            Reply::json(&json!({"data": []}))
        }
        (_, path) if path.ends_with("/customaudiences") => Reply::json(&json!({"id": "120210000000000001"})),
        _ if request.method() == "GET" => {
            Reply::json(&json!({"id": "120210000000000001", "name": "CI | Cart Abandon"}))
        }
        (Mood::Refusing, _) => refused(400, 100),
        (Mood::Throttling, _) => refused(429, 80_003).header("retry-after", "7"),
        (Mood::Locked, _) => refused(401, 190),
        (Mood::Broken, _) => Reply::status(500).body(format!("<html>{quote}</html>")),
        (Mood::Garbled, _) => Reply::ok().body(format!("<html>{quote}</html>")),
        (Mood::Resetting, _) => Reply::reset(),
        (Mood::Well, "/import") => {
            let records = request.json::<Vec<serde_json::Value>>().map_or(0, |records| records.len());
            Reply::json(&json!({"code": 200, "num_records_imported": records, "status": "OK"}))
        }
        (Mood::Well, "/engage") => Reply::json(&json!({"status": 1, "error": null})),
        (Mood::Well, _) => {
            let body: serde_json::Value = request.json().unwrap();
            let lines = body["payload"]["data"].as_array().map_or(0, Vec::len);
            Reply::json(&json!({"num_received": lines, "num_invalid_entries": 0, "invalid_entry_samples": quote}))
        }
    }
}

/// Keeps what the run log is told, and passes it on to the warehouse's tables.
#[derive(Debug)]
struct Log {
    warehouse: Sqlite,
    seen: Arc<Mutex<String>>,
}

#[async_trait]
impl RunLog for Log {
    async fn begin(&self, cx: &Context, run: &RunRecord) -> Result<()> {
        self.end(cx, run).await
    }

    async fn rejects(&self, cx: &Context, rejects: &[RejectRecord]) -> Result<()> {
        // The member's id belongs there; it does not print.
        self.seen.lock().unwrap().push_str(&format!("{rejects:?}\n"));
        RunLog::rejects(&self.warehouse, cx, rejects).await
    }

    async fn end(&self, cx: &Context, run: &RunRecord) -> Result<()> {
        let text = format!("{run:?}\n{}\n", serde_json::to_string(run).unwrap());
        self.seen.lock().unwrap().push_str(&text);
        RunLog::end(&self.warehouse, cx, run).await
    }
}

/// One engine over a state folder, whose run log is a database.
struct Host {
    engine: Engine,
    seen: Arc<Mutex<String>>,
    scanner: LeakScanner,
}

impl Host {
    fn new(folder: &Path) -> Self {
        let seen = Arc::<Mutex<String>>::default();
        let events = Arc::clone(&seen);
        let observer = move |event: &Event<'_>| events.lock().unwrap().push_str(&format!("{event:?}\n{event:#?}\n"));
        let warehouse = Sqlite::open(folder.join("log.db")).unwrap();
        let limits = Limits::default().with_timeout(Duration::from_secs(5));
        let engine = Engine::builder(State::local(folder.join("state")).unwrap(), Keyring::generate().unwrap())
            .with_clock(Hasty::default())
            .with_http(HttpClient::new(Arc::new(ReqwestTransport::new().unwrap())).with_limits(limits))
            .with_canonicalizer(Canonicalizer::new().with_allow_test_values(true))
            .with_retry(RetryPolicy::default().with(|p| (p.attempts, p.throttle_budget) = (2, Duration::from_secs(30))))
            .with_observer(observer)
            .with_run_log(Log { warehouse, seen: Arc::clone(&seen) })
            .build()
            .unwrap();
        Self { engine, seen, scanner: LeakScanner::planted().with_digests() }
    }

    /// A run, with all it says looked through.
    async fn run(&self, binding: &Binding, members: Vec<Member>, what: &str) -> RunReport {
        let report = self.engine.sync(binding, members).await.unwrap();
        let json = serde_json::to_string_pretty(&report).unwrap();
        self.scanner.assert_clean(what, format!("{report}\n{json}\n{report:?}\n{report:#?}"));
        if let Err(error) = report.clone().into_success() {
            assert_eq!(self.scanner.scan_error(&error), [], "{what}");
        }
        assert_eq!(self.scanner.scan_debug(binding.destination()), [], "{what}");
        self.scanner.assert_clean(what, std::mem::take(&mut *self.seen.lock().unwrap()));
        report
    }
}

fn others() -> Vec<Member> {
    let other = |n: u32| Member::new(format!("other-{n}")).email(format!("other.{n}@example.org"));
    (0..3).map(|n| other(n).consent(Consent::GRANTED)).collect()
}

fn planted() -> Vec<Member> {
    let mut members = others();
    members.push(LeakScanner::planted_member().consent(Consent::GRANTED));
    // Values that canonicalization refuses: their reject may not quote them either.
    let wrong =
        Member::new("other-9").email("kanarie.gul@zwitscher-kasten.example@twice").phone("+12025550143000000000");
    members.push(wrong.external_id("other-9").consent(Consent::GRANTED));
    members
}

fn binding(destination: impl Destination) -> Binding {
    let audience = Audience::named("CI | Cart Abandon | 0-24h | Excl Purch 7d").unwrap();
    Binding::new(audience, destination).with_guards(Guards::default().with(|guards| guards.max_unusable_ppm = None))
}

async fn runs_leave_nothing(make: impl Fn(&HttpServer) -> Binding) {
    let folder = tempfile::tempdir().unwrap();
    let mood = Arc::new(Mutex::new(Mood::Well));
    let asked = Arc::clone(&mood);
    let server = HttpServer::start(move |request| answer(*asked.lock().unwrap(), request)).await.unwrap();
    let host = Host::new(folder.path());
    let binding = make(&server);
    let mut failed = 0;
    for now in MOODS {
        *mood.lock().unwrap() = now;
        let report = host.run(&binding, planted(), &format!("the run while {now:?}")).await;
        failed += usize::from(!report.is_success());
        assert_eq!(host.scanner.scan_dir(folder.path().join("state")).unwrap(), [], "the state while {now:?}");
    }
    assert_eq!(failed, MOODS.len() - 1, "only the last mood lets a run succeed");
    assert!(server.requests().iter().any(|it| !LeakScanner::planted().with_digests().scan(it.body()).is_empty()));
    for now in [Mood::Resetting, Mood::Well] {
        *mood.lock().unwrap() = now;
        let removed = host.run(&binding, others(), &format!("the removal while {now:?}")).await;
        assert!(removed.remove.planned > 0, "{removed}");
        assert_eq!(host.scanner.scan_dir(folder.path().join("state")).unwrap(), [], "the state after {now:?}");
    }
    logged(folder.path());

    let fresh = tempfile::tempdir().unwrap();
    let host = Host::new(fresh.path());
    *mood.lock().unwrap() = Mood::Refusing;
    let refused = host.run(&binding, planted(), "the run while refusing").await;
    assert_eq!(refused.add.accepted, 0, "{refused}");
    assert_eq!(host.scanner.scan_dir(fresh.path().join("state")).unwrap(), [], "the state after refusing");
    logged(fresh.path());
}

/// The database of the run log: of all that was planted only the member's id, in the key of a rejected row.
fn logged(folder: &Path) {
    let database = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = database.filter(|path| path.is_file()).collect();
    assert!(!files.is_empty());
    for file in files {
        let leaks = LeakScanner::planted().with_digests().scan(&std::fs::read(&file).unwrap());
        let wrong: Vec<_> = leaks.iter().filter(|leak| leak.canary != "member id").collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", file.display());
    }
}

#[tokio::test]
async fn meta_leaves_nothing() {
    runs_leave_nothing(|server| {
        let config = MetaConfig::new("100200300", LeakScanner::TOKEN, CustomerFileSource::UserProvidedOnly)
            .with_base_url(server.url())
            .with_allow_loopback(true);
        binding(Meta::new(config).unwrap())
    })
    .await;
}

fn mixpanel(server: &HttpServer) -> Mixpanel {
    let config = MixpanelConfig::new(Region::Eu, LeakScanner::TOKEN).with(|c| {
        c.base_url = Some(server.url().to_owned());
        c.allow_loopback = true;
    });
    Mixpanel::new(config).unwrap()
}

#[tokio::test]
async fn mixpanel_leaves_nothing() {
    runs_leave_nothing(|server| binding(mixpanel(server))).await;
}

#[tokio::test]
async fn key_events_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::new(folder.path());
    for mood in MOODS.into_iter().chain([Mood::Refusing]) {
        let server = HttpServer::start(move |request| answer(mood, request)).await.unwrap();
        let when = host.engine.context().now();
        let event = KeyEvent::new("order-1", "Order Completed", "kanarie-4711", when).with_order("kanarie-4711");
        let recorded = host.engine.record(&binding(mixpanel(&server)), vec![event]).await;
        assert_eq!(host.scanner.scan_debug(&recorded), [], "{mood:?}");
        if let Err(error) = &recorded {
            assert_eq!(host.scanner.scan_error(error), [], "{mood:?}");
        }
    }
    host.scanner.assert_clean("events", &*host.seen.lock().unwrap());
}
