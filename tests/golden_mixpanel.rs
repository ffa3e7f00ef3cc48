//! Golden cases of the Mixpanel connector: rows in, requests out; answers in, outcome out.
//!
//! A case is one file of `tests/connectors/mixpanel`. It says everything: the configuration, the rows of one call, the
//! requests that must leave, the answers they get, and what must come of each row. The clock stands at 2026-11-23T10:15Z.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audience_sync::clock::{Clock, Timestamp};
use audience_sync::connectors::analytics::mixpanel::{Mixpanel, MixpanelConfig};
use audience_sync::destination::{
    Action, Arm, Attributes, AudienceRef, Batch, Context, Destination, EventBatch, KeyEvent, MemberId, OpId, Outcome,
    Reason, Row, RowOutcome,
};
use audience_sync::http::{HttpClient, Limits, Request, Response, Transport};
use audience_sync::identity::{AttributeValue, Consent, Identifier, IdentifierKind, WireValue};
use audience_sync::{Error, ErrorKind, Result, async_trait};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_millis(1_795_428_900_000);
const RUN: &str = "run-1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    config: MixpanelConfig,
    operation: Operation,
    action: Option<Action>,
    audience: Option<AudienceRef>,
    /// Rows of a send, or key events of a record.
    #[serde(default)]
    rows: Vec<Value>,
    #[serde(default)]
    replies: Vec<Reply>,
    #[serde(default)]
    requests: Vec<Value>,
    outcome: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Send,
    Record,
    Check,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowCase {
    op_id: String,
    member_id: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<Box<str>, AttributeValue>,
    arm: Option<Arm>,
    reason: Reason,
    effective_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventCase {
    event_id: String,
    name: String,
    member_id: String,
    occurred_at: Timestamp,
    value_micros: Option<i64>,
    currency: Option<String>,
    order_id: Option<String>,
    #[serde(default)]
    properties: BTreeMap<Box<str>, AttributeValue>,
}

impl RowCase {
    fn row(self) -> Row {
        let mut op_id = [0; 16];
        const_hex::decode_to_slice(self.op_id, &mut op_id).unwrap();
        let email = self.email.map(|email| Identifier::new(IdentifierKind::Email, WireValue::clear(email)));
        Row {
            op_id: OpId::from_bytes(op_id),
            member_id: self.member_id.as_str().into(),
            identifiers: email.into_iter().collect(),
            attributes: Attributes::new(self.attributes),
            consent: Consent::default(),
            arm: self.arm,
            reason: self.reason,
            effective_at: self.effective_at,
            expires_at: None,
            vendor_ref: None,
        }
    }
}

impl EventCase {
    fn event(self) -> KeyEvent {
        let member = MemberId::new(self.member_id);
        let mut event = KeyEvent::new(self.event_id, self.name, member, self.occurred_at)
            .with_properties(Attributes::new(self.properties));
        (event.value_micros, event.currency, event.order_id) = (self.value_micros, self.currency, self.order_id);
        event
    }
}

/// Answers in order, and keeps what was sent.
#[derive(Debug)]
struct Script {
    replies: Mutex<VecDeque<Response>>,
    sent: Mutex<Vec<Value>>,
}

#[async_trait]
impl Transport for Script {
    async fn execute(&self, request: Request, _: &Limits) -> Result<Response> {
        let query: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let body: Value = match &request.body[..] {
            b"" => Value::Null,
            body => serde_json::from_slice(body).unwrap(),
        };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(json!({
            "method": request.method.as_str(), "path": request.url.path(), "query": query, "body": body,
        }));
        let reply = self.replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        reply.ok_or_else(|| Error::new(ErrorKind::Bug, "more requests than replies"))
    }
}

#[derive(Debug)]
struct Frozen;

#[async_trait]
impl Clock for Frozen {
    fn now(&self) -> Timestamp {
        NOW
    }
    async fn sleep(&self, _: Duration) {
        panic!("a destination never sleeps");
    }
    fn jitter(&self) -> u64 {
        0
    }
}

impl Reply {
    fn response(self) -> Response {
        let body = match self.body {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let header = |(name, value): (String, String)| {
            (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap())
        };
        let headers: HeaderMap = self.headers.into_iter().map(header).collect();
        Response::new(StatusCode::from_u16(self.status).unwrap(), body).with_headers(headers)
    }
}

fn said(outcome: Result<Outcome>, rows: usize) -> Value {
    let outcome = outcome.and_then(|outcome| Ok((outcome.unattributed(), outcome.resolve(rows)?)));
    match outcome {
        Ok((unattributed, rows)) => {
            json!({"rows": rows.into_iter().map(word).collect::<Vec<_>>(), "unattributed": unattributed})
        }
        Err(error) => failure(&error),
    }
}

fn failure(error: &Error) -> Value {
    json!({"error": {"kind": error.kind(), "retry": error.retry()}})
}

fn word(row: RowOutcome) -> Value {
    match row {
        RowOutcome::ACCEPTED => json!("accepted"),
        RowOutcome::Rejected { code, field } => json!({"rejected": {"code": code, "field": field}}),
        RowOutcome::InDoubt => json!("in_doubt"),
        other => panic!("no word for {other:?}"),
    }
}

async fn run(case: Case) {
    let script = Arc::new(Script {
        replies: Mutex::new(case.replies.into_iter().map(Reply::response).collect()),
        sent: Mutex::default(),
    });
    let transport: Arc<dyn Transport> = Arc::clone(&script) as _;
    let cx = Context::new(RUN, Arc::new(Frozen)).with_http(HttpClient::new(transport));
    let mixpanel = Mixpanel::new(case.config).unwrap();
    let count = case.rows.len();
    let outcome = match case.operation {
        Operation::Send => {
            let rows = case.rows.into_iter().map(|row| serde_json::from_value::<RowCase>(row).unwrap().row());
            let batch = Batch::new(RUN, case.audience.unwrap(), case.action.unwrap(), rows.collect());
            said(mixpanel.send(&cx, &batch).await, count)
        }
        Operation::Record => {
            let events = case.rows.into_iter().map(|row| serde_json::from_value::<EventCase>(row).unwrap().event());
            said(mixpanel.record(&cx, &EventBatch::new(RUN, events.collect())).await, count)
        }
        Operation::Check => match mixpanel.check(&cx).await {
            Ok(check) => serde_json::to_value(check).unwrap(),
            Err(error) => failure(&error),
        },
    };
    let name = case.name;
    let sent = script.sent.lock().unwrap_or_else(PoisonError::into_inner);
    for (sent, expected) in sent.iter().zip(&case.requests) {
        assert_eq!(sent, expected, "{name}: request");
    }
    assert_eq!(sent.len(), case.requests.len(), "{name}: requests");
    assert_eq!(script.replies.lock().unwrap_or_else(PoisonError::into_inner).len(), 0, "{name}: replies left over");
    assert_eq!(outcome, case.outcome, "{name}: outcome");
}

#[tokio::test]
async fn golden_cases_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connectors/mixpanel");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let case: Case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(file.file_stem().unwrap(), &*case.name);
        run(case).await;
    }
}
