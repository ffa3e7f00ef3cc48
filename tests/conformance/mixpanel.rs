//! Mixpanel against an imitation of its ingestion API.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use audience_sync::async_trait;
use audience_sync::connectors::analytics::mixpanel::{Mixpanel, MixpanelConfig, Region, ServiceAccount};
use audience_sync::destination::{AudienceRef, Context, Destination, Row};
use audience_sync::testkit::conformance::Harness;
use audience_sync::testkit::{Fault, HttpServer, LeakScanner, Received, Reply};
use serde_json::{Value, json};

use crate::wire::{self, Noting};

const PROJECT: u64 = 2_195_193;
const SECRET: &str = "kanarie-s3rvice-s3cret";
/// `sync.sa:kanarie-s3rvice-s3cret` in base64.
const BASIC: &str = "Basic c3luYy5zYTprYW5hcmllLXMzcnZpY2UtczNjcmV0";

#[derive(Debug, Default)]
struct Platform {
    /// Whom a profile's list property names, by audience; a list, so that a double would show.
    lists: BTreeMap<String, Vec<String>>,
    /// The `$insert_id`s of the events that were kept.
    events: BTreeSet<String>,
    fault: Option<Fault>,
}

impl Platform {
    fn answer(&mut self, request: &Received) -> Reply {
        match self.fault {
            Some(fault) if fault.applies() => {
                self.work(request);
                wire::on_the_way(fault).unwrap_or_else(Reply::reset)
            }
            Some(fault) => refused(fault),
            None => self.work(request),
        }
    }

    fn work(&mut self, request: &Received) -> Reply {
        let query: BTreeMap<String, String> = request.query_pairs().into_iter().collect();
        let strict = query.get("strict").is_some_and(|strict| strict == "1");
        let known =
            request.header("authorization") == Some(BASIC) && query.get("project_id") == Some(&PROJECT.to_string());
        match (request.method().as_str(), request.path()) {
            ("POST", "/engage") if strict && query.get("verbose").is_some_and(|it| it == "1") => self.engage(request),
            ("POST", "/import") if known && strict => self.import(request),
            ("GET", "/lookup-tables") if known => Reply::json(&json!({"code": 200, "status": "OK", "results": []})),
            (_, "/import" | "/lookup-tables") => said(401, "Invalid credentials"),
            _ => Reply::status(404),
        }
    }

    fn engage(&mut self, request: &Received) -> Reply {
        let updates: Vec<Value> = request.json().unwrap();
        if updates.len() > 2_000 || updates.iter().any(|update| update["$token"] != LeakScanner::TOKEN) {
            return Reply::json(&json!({"status": 0, "error": "refused"}));
        }
        for update in &updates {
            let who = update["$distinct_id"].as_str().unwrap();
            for audience in update["$union"]["audiences"].as_array().into_iter().flatten() {
                let list = self.lists.entry(audience.as_str().unwrap().to_owned()).or_default();
                if !list.iter().any(|held| held == who) {
                    list.push(who.to_owned());
                }
            }
            if let Some(audience) = update["$remove"]["audiences"].as_str() {
                self.lists.entry(audience.to_owned()).or_default().retain(|held| held != who);
            }
        }
        Reply::json(&json!({"status": 1, "error": null}))
    }

    /// An id with `!` in it stands for what only Mixpanel knows to be wrong.
    fn import(&mut self, request: &Received) -> Reply {
        let events: Vec<Value> = request.json().unwrap();
        if events.is_empty() || events.len() > 2_000 {
            return said(400, "no events, or too many");
        }
        let (mut failed, mut kept) = (Vec::new(), 0);
        for (index, event) in events.iter().enumerate() {
            let of = &event["properties"];
            let (id, who) = (of["$insert_id"].as_str().unwrap(), of["distinct_id"].as_str().unwrap());
            if who.contains('!') {
                let message = format!("{who} is not allowed");
                failed.push(
                    json!({"index": index, "$insert_id": id, "field": "properties.distinct_id", "message": message}),
                );
            } else {
                self.events.insert(id.to_owned());
                kept += 1;
            }
        }
        let status = if failed.is_empty() { 200 } else { 400 };
        Reply::status(status).with_json(&json!({
            "code": status, "num_records_imported": kept, "status": "OK", "failed_records": failed,
        }))
    }
}

fn refused(fault: Fault) -> Reply {
    match fault {
        Fault::Throttled { after: None } => said(429, "Project exceeded rate limits"),
        Fault::Throttled { after: Some(wait) } => {
            said(429, "Project exceeded rate limits").header("retry-after", &wait.as_secs().to_string())
        }
        Fault::Unauthorized => said(401, "Invalid credentials"),
        Fault::Unavailable => wire::html(503),
        other => wire::on_the_way(other).unwrap_or_else(Reply::reset),
    }
}

fn said(status: u16, error: &str) -> Reply {
    Reply::status(status).with_json(&json!({"code": status, "error": error, "status": "told to people"}))
}

pub(crate) struct MixpanelHarness {
    server: HttpServer,
    platform: Arc<Mutex<Platform>>,
    transport: Noting,
}

impl MixpanelHarness {
    pub(crate) async fn start() -> Self {
        let platform = Arc::<Mutex<Platform>>::default();
        let answering = Arc::clone(&platform);
        let server = HttpServer::start(move |request| answering.lock().unwrap().answer(request)).await.unwrap();
        Self { server, platform, transport: Noting::new() }
    }

    /// How many different events were kept.
    pub(crate) fn events(&self) -> usize {
        self.platform.lock().unwrap().events.len()
    }
}

#[async_trait]
impl Harness for MixpanelHarness {
    fn destination(&self) -> Arc<dyn Destination> {
        let config = MixpanelConfig::new(Region::Eu, LeakScanner::TOKEN).with(|c| {
            c.project_id = Some(PROJECT);
            c.service_account = Some(ServiceAccount::new("sync.sa", SECRET));
            c.base_url = Some(self.server.url().to_owned());
            c.allow_loopback = true;
        });
        Arc::new(Mixpanel::new(config).unwrap())
    }

    fn context(&self) -> Context {
        self.transport.context()
    }

    async fn members(&self, audience: &AudienceRef) -> Option<Vec<String>> {
        Some(self.platform.lock().unwrap().lists.get(&audience.id).cloned().unwrap_or_default())
    }

    fn fault(&self, fault: Fault) -> bool {
        self.platform.lock().unwrap().fault = Some(fault);
        true
    }

    fn heal(&self) {
        self.platform.lock().unwrap().fault = None;
    }

    fn spoil(&self, row: Row) -> Option<Row> {
        Some(Row { member_id: format!("{}!", row.member_id.as_str()).as_str().into(), ..row })
    }

    fn hosts(&self) -> Option<BTreeSet<String>> {
        Some(self.transport.hosts())
    }

    fn secrets(&self) -> Vec<String> {
        vec![LeakScanner::TOKEN.to_owned(), SECRET.to_owned()]
    }
}
