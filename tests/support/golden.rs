//! Golden cases of connectors: members in, requests out, replies in, outcome out.
//!
//! A case is one JSON file under `tests/connectors/<connector>/`; [`Case`] is its form. A new connector needs no code
//! here.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audience_sync::clock::Clock;
use audience_sync::connectors;
use audience_sync::destination::{
    Action, Arm, Attributes, AudienceRef, AudienceSpec, Batch, Context, Destination, EventBatch, KeyEvent, MemberId,
    OpId, Outcome, Reason, Row, RowOutcome, SessionSpec,
};
use audience_sync::http::{HttpClient, Limits, Request, Response, Transport};
use audience_sync::identity::{AttributeValue, Canonicalizer, Consent, Member};
use audience_sync::time::Timestamp;
use audience_sync::{Error, Result, async_trait};
use serde::Deserialize;
use serde_json::{Value, json};

/// The connector of that id, by the configuration that a host would write.
fn destination(connector: &str, config: Value) -> Arc<dyn Destination> {
    connectors::from_config(connector, config).expect("a destination")
}

/// One golden case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows, as a sentence.
    name: String,
    config: Value,
    operation: Operation,
    /// The action of a batch.
    #[serde(default)]
    action: Option<Action>,
    /// The audience; without an `id` it is not known yet.
    #[serde(default)]
    audience: Option<Audience>,
    /// Where a batch stands in a session of its run.
    #[serde(default)]
    session: Option<Session>,
    #[serde(default)]
    members: Vec<Person>,
    /// The key events of a record.
    #[serde(default)]
    events: Vec<Told>,
    /// What the platform answers, in order; all of them must be asked for.
    replies: Vec<Reply>,
    /// What must have been sent, in order.
    requests: Vec<Sent>,
    /// What the operation answers, as [`answer`] and [`refusal`] write it.
    outcome: Value,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Send,
    Record,
    Forget,
    Open,
    Size,
    Check,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Audience {
    #[serde(default)]
    id: Option<String>,
    key: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    rows_planned: u64,
    seq: u64,
    last: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    id: String,
    #[serde(default)]
    external_id: Vec<String>,
    #[serde(default)]
    email: Vec<String>,
    #[serde(default)]
    phone: Vec<String>,
    #[serde(default)]
    first_name: Vec<String>,
    #[serde(default)]
    last_name: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<Box<str>, AttributeValue>,
    #[serde(default)]
    arm: Option<Arm>,
    /// By default that of a member who came or left.
    #[serde(default)]
    reason: Option<Reason>,
    /// By default now.
    #[serde(default)]
    effective_at: Option<Timestamp>,
    /// By default the place in the batch, 16 times.
    #[serde(default)]
    op_id: Option<String>,
}

/// A key event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    event_id: String,
    name: String,
    member_id: String,
    occurred_at: Timestamp,
    #[serde(default)]
    value_micros: Option<i64>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    order_id: Option<String>,
    #[serde(default)]
    properties: BTreeMap<Box<str>, AttributeValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Text is sent as it is, anything else as JSON.
    body: Value,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    method: String,
    path: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
}

#[derive(Debug, Default)]
struct Script {
    replies: Mutex<VecDeque<Response>>,
    requests: Mutex<Vec<Request>>,
}

#[async_trait]
impl Transport for Script {
    async fn execute(&self, request: Request, _limits: &Limits) -> Result<Response> {
        self.requests.lock().unwrap().push(request);
        Ok(self.replies.lock().unwrap().pop_front().expect("a reply for every request"))
    }
}

/// 2026-11-23T10:15:00Z, always.
#[derive(Debug)]
struct Stopped;

#[async_trait]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_428_900_000)
    }

    async fn sleep(&self, _duration: Duration) {
        panic!("a destination does not sleep");
    }

    fn jitter(&self) -> u64 {
        0
    }
}

/// Runs every case of a connector, and panics with all that differ.
pub(crate) async fn run(connector: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connectors").join(connector);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut differences = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let case: Case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if let Err(difference) = check(connector, &case).await {
            differences.push(format!("{} ({}): {difference}", file.display(), case.name));
        }
    }
    assert!(!files.is_empty(), "no case in {}", folder.display());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn check(connector: &str, case: &Case) -> Result<(), String> {
    let destination = destination(connector, case.config.clone());
    let script =
        Arc::new(Script { replies: Mutex::new(case.replies.iter().map(response).collect()), ..Script::default() });
    let http = HttpClient::new(Arc::clone(&script) as Arc<dyn Transport>);
    let cx = Context::new("run-1", Arc::new(Stopped)).with_http(http);

    let (outcome, printed) = call(&*destination, &cx, case).await;
    same("outcome", &outcome, &case.outcome)?;
    let requests = script.requests.lock().unwrap();
    same("requests", &requests.iter().map(sent).collect(), &case.requests)?;
    if !script.replies.lock().unwrap().is_empty() {
        return Err("a reply was not asked for".to_owned());
    }
    let urls: Vec<&str> = requests.iter().map(|request| request.url.as_str()).collect();
    let seen = format!("{destination:?} {printed} {script:?} {urls:?}");
    match secrets(case).into_iter().find(|secret| seen.contains(secret)) {
        Some(secret) => Err(format!("{secret} was printed, or stands in a URL")),
        None => Ok(()),
    }
}

fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}\n  expected {expected:?}\n  found    {found:?}")) }
}

/// What must never be seen: credentials, and what members are known by.
fn secrets(case: &Case) -> Vec<&str> {
    let fields = ["/access_token", "/app_secret", "/project_token", "/service_account/secret"];
    let credentials = fields.map(|field| case.config.pointer(field).and_then(Value::as_str));
    let people = case.members.iter().flat_map(|it| {
        [&it.external_id, &it.email, &it.phone, &it.first_name, &it.last_name].into_iter().flatten().map(String::as_str)
    });
    credentials.into_iter().flatten().chain(people).collect()
}

async fn call(destination: &dyn Destination, cx: &Context, case: &Case) -> (Value, String) {
    match case.operation {
        Operation::Send => {
            let batch = batch(destination, cx, case).await;
            answer(destination.send(cx, &batch).await, |outcome| settled(outcome, batch.rows().len()))
        }
        Operation::Record => {
            let events = EventBatch::new(cx.run(), case.events.iter().map(event).collect());
            answer(destination.record(cx, &events).await, |outcome| settled(outcome, case.events.len()))
        }
        Operation::Forget => {
            let batch = batch(destination, cx, case).await;
            answer(destination.forget(cx, &batch).await, |outcome| settled(outcome, batch.rows().len()))
        }
        Operation::Open => {
            let audience = case.audience.as_ref().expect("an audience");
            let mut spec = AudienceSpec::new(&audience.key, &audience.name);
            spec.known = audience.id.as_ref().map(|id| AudienceRef::new(id, &audience.key));
            answer(destination.open(cx, &spec).await, |audience| serde_json::to_value(audience).unwrap())
        }
        Operation::Size => {
            let size = destination.size(cx, &audience(case)).await;
            answer(size, |size| serde_json::to_value(size).unwrap())
        }
        Operation::Check => answer(destination.check(cx).await, |check| serde_json::to_value(check).unwrap()),
    }
}

/// The answer as the case writes it, and as it prints.
fn answer<T: Debug>(result: Result<T>, write: impl FnOnce(T) -> Value) -> (Value, String) {
    let printed = format!("{result:?}");
    match result {
        Ok(value) => (write(value), printed),
        Err(error) => (refusal(&error), printed),
    }
}

fn refusal(error: &Error) -> Value {
    json!({"error": {"kind": error.kind(), "retry": error.retry(), "code": error.code()}})
}

fn settled(outcome: Outcome, rows: usize) -> Value {
    let unattributed = outcome.unattributed();
    let rows: Vec<Value> = outcome.resolve(rows).unwrap().iter().map(row_outcome).collect();
    json!({"rows": rows, "unattributed": unattributed})
}

fn row_outcome(outcome: &RowOutcome) -> Value {
    match outcome {
        RowOutcome::Accepted { .. } => json!("accepted"),
        RowOutcome::Rejected { code, field: None } => json!({ "rejected": code }),
        RowOutcome::Rejected { code, field: Some(field) } => json!({"rejected": code, "field": field}),
        RowOutcome::NotApplied => json!("not_applied"),
        RowOutcome::InDoubt => json!("in_doubt"),
        RowOutcome::Pending => json!("pending"),
        RowOutcome::Staged => json!("staged"),
        other => panic!("{other:?} has no form here yet"),
    }
}

fn audience(case: &Case) -> AudienceRef {
    let audience = case.audience.as_ref().expect("an audience");
    let known = AudienceRef::new(audience.id.as_ref().expect("an audience's id"), &audience.key);
    let named = if audience.name.is_empty() { known } else { known.with_name(&audience.name) };
    audience.labels.iter().fold(named, |named, (label, value)| named.with_label(label, value))
}

fn event(told: &Told) -> KeyEvent {
    let member = MemberId::new(told.member_id.as_str());
    let mut event = KeyEvent::new(told.event_id.as_str(), told.name.as_str(), member, told.occurred_at)
        .with_properties(Attributes::new(told.properties.clone()));
    event.value_micros = told.value_micros;
    (event.currency, event.order_id) = (told.currency.clone(), told.order_id.clone());
    event
}

async fn batch(destination: &dyn Destination, cx: &Context, case: &Case) -> Batch {
    let action = case.action.expect("an action");
    let rows = case.members.iter().enumerate().map(|(index, person)| row(destination, index, person, action)).collect();
    let batch = Batch::new(cx.run(), audience(case), action, rows);
    let Some(session) = &case.session else { return batch };
    let spec = SessionSpec::new(cx.run(), audience(case), Some(action), session.rows_planned);
    let begun = destination.begin(cx, &spec).await.expect("a session");
    batch.with_session(begun, session.seq, session.last)
}

fn row(destination: &dyn Destination, index: usize, person: &Person, action: Action) -> Row {
    let mut member = Member::new(&person.id);
    member = person.external_id.iter().fold(member, |member, value| member.external_id(value.as_str()));
    member = person.email.iter().fold(member, |member, value| member.email(value.as_str()));
    member = person.phone.iter().fold(member, |member, value| member.phone(value.as_str()));
    member = person.first_name.iter().fold(member, |member, value| member.first_name(value.as_str()));
    member = person.last_name.iter().fold(member, |member, value| member.last_name(value.as_str()));
    let canonical = Canonicalizer::new().with_allow_test_values(true).canonicalize_member(&member);
    let mut op_id = [u8::try_from(index).expect("few members"); 16];
    if let Some(hex) = &person.op_id {
        const_hex::decode_to_slice(hex, &mut op_id).expect("an operation's id");
    }
    Row {
        op_id: OpId::from_bytes(op_id),
        member_id: MemberId::new(person.id.as_str()),
        identifiers: canonical.project(destination.capabilities().profile).identifiers,
        attributes: Attributes::new(person.attributes.clone()),
        consent: Consent::GRANTED,
        arm: person.arm,
        reason: person.reason.unwrap_or(if action == Action::Remove { Reason::Left } else { Reason::Entered }),
        effective_at: person.effective_at.unwrap_or(Stopped.now()),
        expires_at: None,
        vendor_ref: None,
    }
}

fn response(reply: &Reply) -> Response {
    let body = match &reply.body {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    let mut headers = http::HeaderMap::new();
    for (name, value) in &reply.headers {
        headers.insert(http::HeaderName::try_from(name).unwrap(), http::HeaderValue::try_from(value).unwrap());
    }
    Response::new(http::StatusCode::from_u16(reply.status).unwrap(), body).with_headers(headers)
}

fn sent(request: &Request) -> Sent {
    let body = if request.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&request.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&request.body).into_owned().into())
    };
    Sent {
        method: request.method.to_string(),
        path: request.url.path().to_owned(),
        query: request.url.query_pairs().into_owned().collect(),
        body,
    }
}
