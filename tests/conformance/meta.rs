//! Meta Custom Audiences against an imitation of the Graph API.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use audience_sync::async_trait;
use audience_sync::connectors::ads::meta::{CustomerFileSource, Meta, MetaConfig};
use audience_sync::destination::{AudienceRef, Context, Destination, Row};
use audience_sync::identity::IdentifierKind;
use audience_sync::testkit::conformance::Harness;
use audience_sync::testkit::{Fault, HttpServer, LeakScanner, Received, Reply};
use serde_json::{Value, json};

use crate::wire::{self, Noting};

const APP_SECRET: &str = "kanarie-4pp-s3cret";
const ACCOUNT: &str = "act_100200300";

/// A value that finds a person: its column, and itself.
type Key = (String, String);

#[derive(Debug, Default)]
struct Audience {
    name: String,
    description: String,
    /// External ids by person.
    people: BTreeMap<usize, String>,
    /// Persons by every value that finds them.
    keys: BTreeMap<Key, usize>,
}

#[derive(Debug, Default)]
struct Platform {
    audiences: BTreeMap<String, Audience>,
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
        if request.header("authorization") != Some(&format!("Bearer {}", LeakScanner::TOKEN)) {
            return error(400, 190, None);
        }
        let path: Vec<&str> = request.path().split('/').skip(1).collect();
        match (request.method().as_str(), &path[..]) {
            ("GET", ["v26.0", ACCOUNT]) => Reply::json(&json!({
                "id": ACCOUNT, "name": "Acme", "account_status": 1, "user_tasks": ["ADVERTISE"],
                "tos_accepted": {"custom_audience_tos": 1},
            })),
            ("GET", ["v26.0", "me", "permissions"]) => {
                Reply::json(&json!({"data": [{"permission": "ads_management", "status": "granted"}]}))
            }
            ("GET", ["v26.0", ACCOUNT, "customaudiences"]) => self.list(request),
            ("POST", ["v26.0", ACCOUNT, "customaudiences"]) => self.create(request),
            ("DELETE", ["v26.0", ACCOUNT, "usersofanyaudience"]) => {
                let lines = lines(request);
                self.audiences.values_mut().for_each(|audience| remove(audience, &lines));
                received(lines.len())
            }
            ("GET", ["v26.0", id]) => self.show(id),
            (method @ ("POST" | "DELETE"), ["v26.0", id, "users"]) => self.change(method, id, request),
            _ => error(400, 100, None),
        }
    }

    fn list(&self, request: &Received) -> Reply {
        let query: BTreeMap<String, String> = request.query_pairs().into_iter().collect();
        let filter: Value = serde_json::from_str(&query["filtering"]).unwrap();
        let wanted = filter[0]["value"].as_str().unwrap();
        // Meta's filter is not known to be exact.
        let found = self.audiences.iter().filter(|(_, audience)| audience.name.contains(wanted));
        let data: Vec<Value> = found.map(|(id, audience)| shown(id, audience)).collect();
        Reply::json(&json!({ "data": data }))
    }

    fn create(&mut self, request: &Received) -> Reply {
        let new: Value = request.json().unwrap();
        let text = |field: &str| new[field].as_str().unwrap().to_owned();
        if text("subtype") != "CUSTOM" || text("customer_file_source") != "USER_PROVIDED_ONLY" || !proven(&new) {
            return error(400, 100, None);
        }
        let id = (120_210_000_000_000_001 + self.audiences.len() as u64).to_string();
        let audience = Audience { name: text("name"), description: text("description"), ..Audience::default() };
        self.audiences.insert(id.clone(), audience);
        Reply::json(&json!({ "id": id }))
    }

    fn show(&self, id: &str) -> Reply {
        self.audiences.get(id).map_or_else(
            || error(400, 100, Some(33)),
            |audience| {
                let mut shown = shown(id, audience);
                let from = audience.people.len() as u64 / 1_000 * 1_000;
                shown["approximate_count_lower_bound"] = from.into();
                shown["approximate_count_upper_bound"] = (from + 1_000).into();
                Reply::json(&shown)
            },
        )
    }

    fn change(&mut self, method: &str, id: &str, request: &Received) -> Reply {
        let Some(audience) = self.audiences.get_mut(id) else { return error(400, 100, Some(33)) };
        let body: Value = request.json().unwrap();
        let session = &body["session"];
        let placed = session["session_id"].as_u64().is_some_and(|id| id > 0 && id < 1 << 63)
            && session["batch_seq"].as_u64().is_some_and(|seq| seq > 0)
            && session["last_batch_flag"].is_boolean();
        let lines = lines(request);
        if !placed || !proven(&body) || lines.is_empty() || lines.len() > 10_000 {
            return error(400, 100, None);
        }
        if method == "DELETE" {
            remove(audience, &lines)
        } else {
            add(audience, &lines)
        }
        received(lines.len())
    }
}

fn proven(body: &Value) -> bool {
    body["appsecret_proof"].as_str().is_some_and(|proof| proof.len() == 64)
}

fn shown(id: &str, audience: &Audience) -> Value {
    json!({
        "id": id, "name": audience.name, "description": audience.description, "subtype": "CUSTOM",
        "operation_status": {"code": 200},
    })
}

/// The values of each line that find a person alone: names and places do not.
fn lines(request: &Received) -> Vec<BTreeSet<Key>> {
    let body: Value = request.json().unwrap();
    let schema: Vec<&str> =
        body["payload"]["schema"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let data = body["payload"]["data"].as_array().unwrap().iter();
    data.map(|line| {
        let line = line.as_array().unwrap();
        assert_eq!(line.len(), schema.len(), "a cell for every column");
        let cells = schema.iter().zip(line).map(|(column, cell)| (*column, cell.as_str().unwrap()));
        let alone = cells
            .filter(|(column, cell)| matches!(*column, "EXTERN_ID" | "EMAIL" | "PHONE" | "MADID") && !cell.is_empty());
        alone.map(|(column, cell)| (column.to_owned(), cell.to_owned())).collect()
    })
    .collect()
}

fn add(audience: &mut Audience, lines: &[BTreeSet<Key>]) {
    for line in lines {
        let known = line.iter().find_map(|key| audience.keys.get(key).copied());
        let person = known.unwrap_or_else(|| audience.people.last_key_value().map_or(0, |(last, _)| last + 1));
        let external = line.iter().find(|(column, _)| column == "EXTERN_ID").map(|(_, external)| external.clone());
        let held = audience.people.entry(person).or_default();
        *held = external.unwrap_or_else(|| held.clone());
        audience.keys.extend(line.iter().map(|key| (key.clone(), person)));
    }
}

fn remove(audience: &mut Audience, lines: &[BTreeSet<Key>]) {
    let named: BTreeSet<usize> = lines.iter().flatten().filter_map(|key| audience.keys.get(key).copied()).collect();
    audience.people.retain(|person, _| !named.contains(person));
    audience.keys.retain(|_, person| !named.contains(person));
}

fn received(lines: usize) -> Reply {
    Reply::json(
        &json!({"audience_id": "1", "num_received": lines, "num_invalid_entries": 0, "invalid_entry_samples": {}}),
    )
}

/// Meta throttles and refuses tokens with status 400: the body decides.
fn refused(fault: Fault) -> Reply {
    match fault {
        Fault::Throttled { after: None } => error(400, 80_003, None),
        // The header of the use case counts minutes, which the suite's wait is not.
        Fault::Throttled { after: Some(wait) } => {
            error(400, 80_003, None).header("retry-after", &wait.as_secs().to_string())
        }
        Fault::Unauthorized => error(400, 190, Some(463)),
        Fault::Unavailable => wire::html(500),
        other => wire::on_the_way(other).unwrap_or_else(Reply::reset),
    }
}

fn error(status: u16, code: i64, subcode: Option<i64>) -> Reply {
    let error = json!({"error": {
        "message": "told to people", "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A",
    }});
    Reply::status(status).with_json(&error)
}

pub(crate) struct MetaHarness {
    server: HttpServer,
    platform: Arc<Mutex<Platform>>,
    transport: Noting,
}

impl MetaHarness {
    pub(crate) async fn start() -> Self {
        let platform = Arc::<Mutex<Platform>>::default();
        let answering = Arc::clone(&platform);
        let server = HttpServer::start(move |request| answering.lock().unwrap().answer(request)).await.unwrap();
        Self { server, platform, transport: Noting::new() }
    }
}

#[async_trait]
impl Harness for MetaHarness {
    fn destination(&self) -> Arc<dyn Destination> {
        let config = MetaConfig::new(ACCOUNT, LeakScanner::TOKEN, CustomerFileSource::UserProvidedOnly)
            .with_app_secret(APP_SECRET)
            .with_base_url(self.server.url())
            .with_allow_loopback(true);
        Arc::new(Meta::new(config).unwrap())
    }

    fn context(&self) -> Context {
        self.transport.context()
    }

    async fn members(&self, audience: &AudienceRef) -> Option<Vec<String>> {
        let platform = self.platform.lock().unwrap();
        let people = platform.audiences.get(&audience.id).map(|audience| &audience.people);
        Some(people.into_iter().flat_map(BTreeMap::values).cloned().collect())
    }

    fn name_of(&self, row: &Row) -> String {
        let external = row.identifiers.iter().find(|it| it.kind == IdentifierKind::ExternalId);
        external.unwrap().value.to_wire_string()
    }

    fn fault(&self, fault: Fault) -> bool {
        self.platform.lock().unwrap().fault = Some(fault);
        true
    }

    fn heal(&self) {
        self.platform.lock().unwrap().fault = None;
    }

    /// Nobody is found by a name alone.
    fn spoil(&self, mut row: Row) -> Option<Row> {
        row.identifiers.retain(|it| matches!(it.kind, IdentifierKind::FirstName | IdentifierKind::LastName));
        Some(row)
    }

    fn hosts(&self) -> Option<BTreeSet<String>> {
        Some(self.transport.hosts())
    }

    fn secrets(&self) -> Vec<String> {
        vec![LeakScanner::TOKEN.to_owned(), APP_SECRET.to_owned()]
    }
}
