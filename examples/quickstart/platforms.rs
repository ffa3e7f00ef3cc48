//! The platforms' side, in a child process: what Meta and Mixpanel would hold.
//!
//! It takes the connectors' requests as the platforms take them, changes its membership before it answers, and lives on
//! when the run that started it is killed. It stops when it is told to, or when nobody has asked for anything for a while.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audience_sync::clock::{Clock, Timestamp, TokioClock};
use audience_sync::testkit::{HttpServer, Received, Reply, ServerLimits};
use audience_sync::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long it waits for a run that is started again.
pub(crate) const IDLE_MINUTES: u64 = 15;

/// By `EXTERN_ID`, the digests held.
pub(crate) type MetaMembers = BTreeMap<String, BTreeSet<String>>;
/// By distinct id, the arm.
pub(crate) type MixpanelMembers = BTreeMap<String, Option<String>>;
/// Distinct events by name, audience key and time in milliseconds.
pub(crate) type EventCounts = Vec<(String, String, i64, i64)>;

pub(crate) fn url_file(dir: &Path) -> PathBuf {
    dir.join("platforms.url")
}

/// Serves until it is stopped. One process serves a folder: a second one leaves.
pub(crate) async fn serve(dir: &Path) -> Result<()> {
    let Some(_lock) = lock(dir).await? else { return Ok(()) };
    let platforms = Arc::new(Mutex::new(Platforms::new(dir)));
    let handling = platforms.clone();
    let limits = ServerLimits::default().with_remembered(0);
    let server = HttpServer::start_with(limits, move |request| held(&handling).answer(request)).await?;
    let file = url_file(dir);
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, server.url()).and_then(|()| std::fs::rename(&fresh, &file)).map_err(|error| {
        Error::new(ErrorKind::Config, format!("expected to write {}", file.display())).with_source(error)
    })?;
    let mut stopping = false;
    while !stopping {
        TokioClock.sleep(Duration::from_millis(200)).await;
        let platforms = held(&platforms);
        let idle = TokioClock.now().since(platforms.asked_at);
        stopping = platforms.stopped || idle > Duration::from_secs(60 * IDLE_MINUTES);
    }
    Ok(())
}

fn held(platforms: &Mutex<Platforms>) -> MutexGuard<'_, Platforms> {
    platforms.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder's lock; one that is about to stop is waited for.
async fn lock(dir: &Path) -> Result<Option<File>> {
    let open = || File::create(dir.join("platforms.lock"));
    let file = open().map_err(|error| Error::new(ErrorKind::Config, "expected a lock file").with_source(error))?;
    for _ in 0..20 {
        if file.try_lock().is_ok() {
            return Ok(Some(file));
        }
        TokioClock.sleep(Duration::from_millis(100)).await;
    }
    Ok(None)
}

struct Platforms {
    dir: String,
    asked_at: Timestamp,
    stopped: bool,
    /// Audiences by name; the place is the id.
    audiences: Vec<(NewAudience, MetaAudience)>,
    sessions: HashMap<u64, u64>,
    profiles: HashMap<String, Profile>,
    events: HashSet<(String, i64, String, String)>,
    counts: BTreeMap<(String, String, i64), i64>,
}

#[derive(Deserialize, Serialize)]
struct NewAudience {
    name: String,
    subtype: String,
    description: String,
}

/// Who is in an audience: by `EXTERN_ID` the digests held, and the way back.
#[derive(Default)]
struct MetaAudience {
    members: MetaMembers,
    holders: HashMap<String, BTreeSet<String>>,
}

#[derive(Default)]
struct Profile {
    audiences: BTreeSet<String>,
    properties: HashMap<String, Value>,
}

#[derive(Deserialize)]
struct Upload {
    payload: Payload,
    session: UploadSession,
}

#[derive(Deserialize)]
struct Payload {
    schema: Vec<String>,
    data: Vec<Vec<String>>,
}

#[derive(Deserialize)]
struct UploadSession {
    session_id: u64,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    properties: EventProperties,
}

#[derive(Deserialize)]
struct EventProperties {
    time: i64,
    distinct_id: String,
    #[serde(rename = "$insert_id")]
    insert_id: String,
    audience_key: String,
}

#[derive(Deserialize)]
struct Update {
    #[serde(rename = "$distinct_id")]
    distinct_id: String,
    #[serde(rename = "$union", default)]
    union: HashMap<String, Vec<String>>,
    #[serde(rename = "$remove", default)]
    remove: HashMap<String, String>,
    #[serde(rename = "$set", default)]
    set: HashMap<String, Value>,
}

impl Platforms {
    fn new(dir: &Path) -> Self {
        Self {
            dir: dir.display().to_string(),
            asked_at: TokioClock.now(),
            stopped: false,
            audiences: Vec::new(),
            sessions: HashMap::new(),
            profiles: HashMap::new(),
            events: HashSet::new(),
            counts: BTreeMap::new(),
        }
    }

    fn answer(&mut self, request: &Received) -> Reply {
        self.asked_at = TokioClock.now();
        if self.stopped {
            return Reply::status(503).close_after();
        }
        let path: Vec<&str> = request.path().split('/').skip(1).collect();
        match (request.method().as_str(), path.as_slice()) {
            ("GET", ["alive"]) => Reply::json(&self.dir),
            ("POST", ["stop"]) => {
                self.stopped = true;
                Reply::ok().close_after()
            }
            ("GET", ["held", "meta"]) => Reply::json(&self.in_meta(request)),
            ("GET", ["held", "mixpanel", key]) => Reply::json(&self.in_mixpanel(key)),
            ("GET", ["held", "events"]) => {
                Reply::json(&self.counts.iter().map(|((a, b, c), n)| (a, b, c, n)).collect::<Vec<_>>())
            }
            ("GET", ["v26.0", account, "customaudiences"]) if account.starts_with("act_") => self.list(),
            ("POST", ["v26.0", account, "customaudiences"]) if account.starts_with("act_") => self.create(request),
            ("GET", ["v26.0", id]) => self.read(id),
            ("POST", ["v26.0", id, "users"]) => self.upload(id, request, MetaAudience::add),
            ("DELETE", ["v26.0", id, "users"]) => self.upload(id, request, MetaAudience::remove),
            ("POST", ["engage"]) => self.engage(request),
            ("POST", ["import"]) => self.import(request),
            _ => Reply::status(404),
        }
    }

    fn audience(&mut self, id: &str) -> Option<&mut MetaAudience> {
        let place = id.parse::<usize>().ok()?.checked_sub(1)?;
        self.audiences.get_mut(place).map(|(_, held)| held)
    }

    fn list(&self) -> Reply {
        let data: Vec<Value> = self.audiences.iter().zip(1..).map(|((audience, _), id)| shown(audience, id)).collect();
        Reply::json(&json!({ "data": data }))
    }

    fn create(&mut self, request: &Received) -> Reply {
        let Ok(audience) = request.json::<NewAudience>() else { return refused() };
        self.audiences.push((audience, MetaAudience::default()));
        Reply::json(&json!({ "id": self.audiences.len().to_string() }))
    }

    fn read(&self, id: &str) -> Reply {
        let place = id.parse::<usize>().ok().and_then(|id| id.checked_sub(1));
        match place.and_then(|place| Some((self.audiences.get(place)?, place + 1))) {
            Some(((audience, _), id)) => Reply::json(&shown(audience, id)),
            None => refused(),
        }
    }

    /// `num_received` counts the whole session, so far.
    fn upload(&mut self, id: &str, request: &Received, apply: fn(&mut MetaAudience, &str, &[&str])) -> Reply {
        let Ok(Upload { payload, session }) = request.json::<Upload>() else { return refused() };
        let Some(audience) = self.audience(id) else { return refused() };
        let extern_id = payload.schema.iter().position(|column| column == "EXTERN_ID");
        for line in &payload.data {
            let known = extern_id.and_then(|column| line.get(column)).map_or("", String::as_str);
            let digests =
                line.iter().enumerate().filter(|(column, cell)| Some(*column) != extern_id && !cell.is_empty());
            let digests: Vec<&str> = digests.map(|(_, cell)| cell.as_str()).collect();
            apply(audience, known, &digests);
        }
        let received = self.sessions.entry(session.session_id).or_default();
        *received += payload.data.len() as u64;
        Reply::json(&json!({
            "audience_id": id, "session_id": session.session_id.to_string(),
            "num_received": *received, "num_invalid_entries": 0, "invalid_entry_samples": {},
        }))
    }

    /// Lists behave as sets; other properties are replaced.
    fn engage(&mut self, request: &Received) -> Reply {
        let Ok(updates) = request.json::<Vec<Update>>() else { return refused() };
        for update in updates {
            let profile = self.profiles.entry(update.distinct_id).or_default();
            for audience in update.union.into_iter().filter(|(name, _)| name == "audiences").flat_map(|(_, list)| list)
            {
                profile.audiences.insert(audience);
            }
            for (_, audience) in update.remove.iter().filter(|(name, _)| *name == "audiences") {
                profile.audiences.remove(audience);
            }
            profile.properties.extend(update.set);
        }
        Reply::json(&json!({ "status": 1, "error": null }))
    }

    /// Events that agree in name, time, `distinct_id` and `$insert_id` are one.
    fn import(&mut self, request: &Received) -> Reply {
        let Ok(events) = request.json::<Vec<Event>>() else { return refused() };
        let count = events.len();
        for Event { event, properties: of } in events {
            if self.events.insert((event.clone(), of.time, of.distinct_id, of.insert_id)) {
                *self.counts.entry((event, of.audience_key, of.time)).or_default() += 1;
            }
        }
        Reply::json(&json!({ "code": 200, "status": "OK", "num_records_imported": count }))
    }

    /// By the audience's name; one that was never created holds nobody.
    fn in_meta(&self, request: &Received) -> Option<&MetaMembers> {
        let (_, name) = request.query_pairs().pop()?;
        self.audiences.iter().find(|(audience, _)| audience.name == name).map(|(_, held)| &held.members)
    }

    fn in_mixpanel(&self, key: &str) -> MixpanelMembers {
        let arm = format!("arm_{key}");
        let members = self.profiles.iter().filter(|(_, profile)| profile.audiences.contains(key));
        let arm_of = |profile: &Profile| profile.properties.get(&arm).and_then(Value::as_str).map(str::to_owned);
        members.map(|(id, profile)| (id.clone(), arm_of(profile))).collect()
    }
}

fn shown(audience: &NewAudience, id: usize) -> Value {
    json!({
        "id": id.to_string(), "name": audience.name, "subtype": audience.subtype, "description": audience.description,
        "operation_status": { "code": 200, "description": "Normal" },
    })
}

fn refused() -> Reply {
    Reply::status(400).with_json(&json!({ "error": { "message": "invalid", "code": 100 } }))
}

impl MetaAudience {
    /// A line without an `EXTERN_ID` stands for itself, under its first digest.
    fn add(&mut self, extern_id: &str, digests: &[&str]) {
        let Some(id) = Some(extern_id).filter(|id| !id.is_empty()).or(digests.first().copied()) else { return };
        let member = self.members.entry(id.to_owned()).or_default();
        for digest in digests {
            member.insert((*digest).to_owned());
            self.holders.entry((*digest).to_owned()).or_default().insert(id.to_owned());
        }
    }

    /// Whoever has any of them leaves: a removal with somebody else's identifier takes that one along.
    fn remove(&mut self, extern_id: &str, digests: &[&str]) {
        let mut leaving = BTreeSet::from([extern_id.to_owned()]);
        leaving.extend(digests.iter().filter_map(|digest| self.holders.get(*digest)).flatten().cloned());
        for id in leaving {
            for digest in self.members.remove(&id).unwrap_or_default() {
                if let Some(holders) = self.holders.get_mut(&digest) {
                    holders.remove(&id);
                }
            }
        }
    }
}
