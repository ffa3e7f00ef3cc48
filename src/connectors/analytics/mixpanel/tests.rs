use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::destination::{Action, Arm, Attributes, KeyEvent, OpId, Reason, RemovalNeeds, Resend};
use crate::error::Retry;
use crate::http::{HttpClient, Limits as HttpLimits, Request, Response, Transport};
use crate::identity::{AttributeValue, Consent, Decimal, Identifier, IdentifierKind, WireValue};

/// 2026-11-23T10:15:00Z, as in the spec's examples.
const NOW: Timestamp = Timestamp::from_millis(1_795_428_900_000);
const TOKEN: &str = "planted-token";
const TAKEN: &str = r#"{"status":1,"error":null}"#;

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

/// Answers in order, and keeps what was sent.
#[derive(Debug, Default)]
struct Script {
    replies: Mutex<VecDeque<Result<Response>>>,
    sent: Mutex<Vec<Request>>,
}

#[async_trait]
impl Transport for Script {
    async fn execute(&self, request: Request, _: &HttpLimits) -> Result<Response> {
        self.sent.lock().unwrap().push(request);
        self.replies.lock().unwrap().pop_front().expect("a reply for every request")
    }
}

impl Script {
    fn bodies(&self) -> Vec<Value> {
        self.sent.lock().unwrap().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
    }

    fn paths(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|request| request.url.path().to_owned()).collect()
    }
}

fn scripted(replies: &[(u16, &str)]) -> (Arc<Script>, Context) {
    let reply = |(status, body): &(u16, &str)| {
        Ok(Response::new(StatusCode::from_u16(*status).unwrap(), body.as_bytes().to_vec()))
    };
    let script = Arc::new(Script { replies: Mutex::new(replies.iter().map(reply).collect()), sent: Mutex::default() });
    let transport: Arc<dyn Transport> = Arc::clone(&script) as _;
    (script, Context::new("run-1", Arc::new(Frozen)).with_http(HttpClient::new(transport)))
}

fn mixpanel() -> Mixpanel {
    Mixpanel::new(MixpanelConfig::new(Region::Us, TOKEN)).unwrap()
}

fn imported(count: usize) -> String {
    format!(r#"{{"code":200,"num_records_imported":{count},"status":"OK"}}"#)
}

fn row(member: &str) -> Row {
    let mut op_id = [0; 16];
    op_id.iter_mut().zip(member.bytes()).for_each(|(to, from)| *to = from);
    Row {
        op_id: OpId::from_bytes(op_id),
        member_id: member.into(),
        identifiers: vec![Identifier::new(IdentifierKind::ExternalId, WireValue::clear("planted-external"))],
        attributes: Attributes::default(),
        consent: Consent::default(),
        arm: None,
        reason: Reason::Entered,
        effective_at: NOW,
        expires_at: None,
        vendor_ref: None,
    }
}

fn with_attributes(member: &str, pairs: &[(&str, AttributeValue)]) -> Row {
    let attributes = Attributes::new(pairs.iter().map(|(name, value)| ((*name).into(), value.clone())));
    Row { attributes, ..row(member) }
}

fn audience() -> AudienceRef {
    AudienceRef::new("ci_cart", "ci_cart").with_name("CI | Cart Abandon | 0-24h").with_label("window", "0-24h")
}

fn batch(action: Action, rows: Vec<Row>) -> Batch {
    Batch::new("run-1", audience(), action, rows)
}

async fn send(mixpanel: &Mixpanel, batch: &Batch, replies: &[(u16, &str)]) -> (Arc<Script>, Result<Vec<RowOutcome>>) {
    let (script, cx) = scripted(replies);
    let outcome = mixpanel.send(&cx, batch).await.and_then(|outcome| outcome.resolve(batch.rows().len()));
    (script, outcome)
}

#[tokio::test]
async fn an_entry_is_a_union_and_an_event() {
    let (script, outcome) =
        send(&mixpanel(), &batch(Action::Add, vec![row("u_1001")]), &[(200, TAKEN), (200, &imported(1))]).await;
    assert_eq!(outcome.unwrap(), [RowOutcome::ACCEPTED]);
    let sent = script.sent.lock().unwrap();
    assert_eq!(
        sent.iter().map(|request| request.url.as_str()).collect::<Vec<_>>(),
        ["https://api.mixpanel.com/engage?strict=1&verbose=1&ip=0", "https://api.mixpanel.com/import?strict=1"]
    );
    assert_eq!(
        sent[0].body,
        r#"[{"$token":"planted-token","$distinct_id":"u_1001","$union":{"audiences":["ci_cart"]}}]"#
    );
    assert_eq!(
        sent[1].body,
        concat!(
            r#"[{"event":"Audience Entered","properties":{"time":1795428900000,"distinct_id":"u_1001","#,
            r#""$insert_id":"755f3130303100000000000000000000","ip":"0","audience_key":"ci_cart","#,
            r#""audience_name":"CI | Cart Abandon | 0-24h","audience_window":"0-24h","run_id":"run-1","#,
            r#""reason":"entered"}}]"#
        )
    );
    // The token in each update is the credential of profiles; events have it as a user without a password.
    assert!(sent[0].headers.get("authorization").is_none());
    assert_eq!(sent[1].headers["authorization"], "Basic cGxhbnRlZC10b2tlbjo=");
    assert!(sent.iter().all(|request| request.method == Method::POST));
    assert!(sent.iter().all(|request| request.headers["content-type"] == "application/json"));
}

#[tokio::test]
async fn an_exit_is_a_removal_of_a_scalar_and_an_event() {
    let held = Row { arm: Some(Arm::Holdout), reason: Reason::Expired, ..row("u_1002") };
    let (script, outcome) =
        send(&mixpanel(), &batch(Action::Remove, vec![held]), &[(200, "1"), (200, &imported(1))]).await;
    assert_eq!(outcome.unwrap(), [RowOutcome::ACCEPTED]);
    let bodies = script.bodies();
    assert_eq!(bodies[0], json!([{"$token": TOKEN, "$distinct_id": "u_1002", "$remove": {"audiences": "ci_cart"}}]));
    assert_eq!(bodies[1][0]["event"], "Audience Exited");
    assert_eq!(bodies[1][0]["properties"]["arm"], "holdout");
    assert_eq!(bodies[1][0]["properties"]["reason"], "expired");
}

#[tokio::test]
async fn attributes_and_arm_are_set_each_operation_in_an_update_of_its_own() {
    let attributes = [
        ("age", 41.into()),
        ("city", AttributeValue::Null),
        ("score", Decimal::parse("19.99").unwrap().into()),
        ("tier", "gold".into()),
        ("vip", true.into()),
    ];
    let labelled = Row { arm: Some(Arm::Treatment), ..with_attributes("u_1", &attributes) };
    let set = json!({"age": 41, "score": 19.99, "tier": "gold", "vip": true, "arm_ci_cart": "treatment"});
    let update = |operation: &str, value: &Value| json!({"$token": TOKEN, "$distinct_id": "u_1", operation: value});

    let add = batch(Action::Add, vec![labelled.clone()]);
    let (script, outcome) = send(&mixpanel(), &add, &[(200, TAKEN), (200, &imported(1))]).await;
    assert_eq!(outcome.unwrap(), [RowOutcome::ACCEPTED]);
    let bodies = script.bodies();
    let union = json!({"audiences": ["ci_cart"]});
    assert_eq!(bodies[0], json!([update("$union", &union), update("$set", &set), update("$unset", &json!(["city"]))]));
    assert_eq!(bodies[1][0]["properties"]["arm"], "treatment");
    assert!(bodies[1][0]["properties"].get("tier").is_none());

    let change = batch(Action::Update, vec![labelled]);
    let (script, outcome) = send(&mixpanel(), &change, &[(200, TAKEN)]).await;
    assert_eq!(outcome.unwrap(), [RowOutcome::ACCEPTED]);
    assert_eq!(script.bodies(), [json!([update("$set", &set), update("$unset", &json!(["city"]))])]);

    // An update in which nothing is sent is true already.
    let (script, outcome) = send(&mixpanel(), &batch(Action::Update, vec![row("u_1")]), &[]).await;
    assert_eq!(outcome.unwrap(), [RowOutcome::ACCEPTED]);
    assert!(script.paths().is_empty());
}

#[tokio::test]
async fn what_the_host_sets_is_sent() {
    let config: MixpanelConfig = serde_json::from_value(json!({
        "region": "in", "project_token": TOKEN, "project_id": 2_195_193,
        "service_account": {"user": "sa", "secret": "s3cr3t"}, "membership_property": "lists",
        "entered_event": "In", "exited_event": "Out", "backfill_property": "backfill",
    }))
    .unwrap();
    let mixpanel = Mixpanel::new(config).unwrap();
    assert_eq!(mixpanel.info().id, "mixpanel:2195193");
    let (script, _) =
        send(&mixpanel, &batch(Action::Add, vec![row("u_1")]), &[(200, TAKEN), (200, &imported(1))]).await;
    let bodies = script.bodies();
    assert_eq!(bodies[0][0]["$union"], json!({"lists": ["ci_cart"]}));
    assert_eq!((&bodies[1][0]["event"], &bodies[1][0]["properties"]["backfill"]), (&json!("In"), &json!(true)));
    let import = script.sent.lock().unwrap()[1].clone();
    assert_eq!(import.url.as_str(), "https://api-in.mixpanel.com/import?strict=1&project_id=2195193");
    assert_eq!(import.headers["authorization"], "Basic c2E6czNjcjN0");

    let quiet = Mixpanel::new(MixpanelConfig::new(Region::Eu, TOKEN).with(|c| c.events = false)).unwrap();
    let (script, outcome) = send(&quiet, &batch(Action::Remove, vec![row("u_1")]), &[(200, TAKEN)]).await;
    assert_eq!(outcome.unwrap(), [RowOutcome::ACCEPTED]);
    assert_eq!(script.paths(), ["/engage"]);
}

#[tokio::test]
async fn a_resend_is_the_same_but_for_the_run() {
    let rows = || vec![row("u_1"), with_attributes("u_2", &[("tier", "gold".into())])];
    let mut bodies = Vec::new();
    for run in ["run-1", "run-1", "run-2"] {
        let (script, cx) = scripted(&[(200, TAKEN), (200, &imported(2))]);
        mixpanel().send(&cx, &Batch::new(run, audience(), Action::Add, rows())).await.unwrap();
        let sent = script.sent.lock().unwrap();
        bodies.push(sent.iter().map(|request| String::from_utf8(request.body.to_vec()).unwrap()).collect::<Vec<_>>());
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_ne!(bodies[0], bodies[2]);
    let same_run: Vec<_> = bodies[2].iter().map(|body| body.replace("run-2", "run-1")).collect();
    assert_eq!(bodies[0], same_run);
}

#[tokio::test]
async fn failed_records_are_rejected_and_the_others_are_in() {
    let failed = |records: &str, count: u64| {
        format!(
            r#"{{"code":400,"error":"some data points in the request failed validation","status":"Bad Request",
               "num_records_imported":{count},"failed_records":{records}}}"#
        )
    };
    let rows = || vec![row("u_0"), row("none"), row("u_2"), row("u_3")];
    // The place in the request is not the row's: `none` was never sent. Both spellings of the id are taken.
    for record in [
        r#"[{"index":1,"$insert_id":"755f3200000000000000000000000000","field":"properties.time","message":"planted"}]"#,
        r#"[{"index":1,"insert_id":"755f3200000000000000000000000000","field":"properties.time","message":"planted"}]"#,
        r#"[{"$insert_id":"755f3200000000000000000000000000","field":"time"}]"#,
        r#"[{"index":1,"$insert_id":"a","insert_id":"b","field":"time"},{"index":1,"field":"again"}]"#,
    ] {
        let replies = [(200, TAKEN), (400, &*failed(record, 2)), (200, TAKEN)];
        let (script, outcome) = send(&mixpanel(), &batch(Action::Add, rows()), &replies).await;
        assert_eq!(
            outcome.unwrap(),
            [
                RowOutcome::ACCEPTED,
                RowOutcome::rejected_field("placeholder_id", "member_id"),
                RowOutcome::rejected_field("invalid_event", "time"),
                RowOutcome::ACCEPTED,
            ],
            "{record}"
        );
        // Rejected is no member: what the first request added is taken back.
        assert_eq!(
            script.bodies()[2..],
            [json!([{"$token": TOKEN, "$distinct_id": "u_2", "$remove": {"audiences": "ci_cart"}}])]
        );
    }
    // A field that was not sent is Mixpanel's own word. A removal stays one, whatever becomes of its event.
    let reply = failed(r#"[{"index":0,"field":"planted"}]"#, 0);
    let (script, outcome) =
        send(&mixpanel(), &batch(Action::Remove, vec![row("u_0")]), &[(200, TAKEN), (400, &reply)]).await;
    assert_eq!(outcome.unwrap(), [RowOutcome::rejected("invalid_event")]);
    assert_eq!(script.paths(), ["/engage", "/import"]);
}

#[tokio::test]
async fn a_row_that_cannot_be_taken_back_leaves_the_batch_unsettled() {
    let one = || batch(Action::Add, vec![row("u_0")]);
    for import in [r#"{"num_records_imported":0,"failed_records":[{"index":0}]}"#, "planted"] {
        let (script, outcome) = send(&mixpanel(), &one(), &[(200, TAKEN), (400, import), (503, "")]).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Safe { after: None }));
        assert!(error.to_string().starts_with("take rejected rows back at mixpanel: "), "{error}");
        assert_eq!(script.paths(), ["/engage", "/import", "/engage"]);
    }
}

#[tokio::test]
async fn every_answer_of_import_has_its_meaning() {
    const SAFE: Retry = Retry::Safe { after: None };
    for (status, body, kind, retry) in [
        (400, r#"{"code":400,"error":"planted"}"#, ErrorKind::Rejected, Retry::Never),
        (400, r#"{"code":400,"failed_records":[]}"#, ErrorKind::Rejected, Retry::Never),
        (400, "planted", ErrorKind::Rejected, Retry::Never),
        (400, r#"{"failed_records":[{"index":1}]}"#, ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (400, r#"{"failed_records":[{"field":"time"}]}"#, ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (401, r#"{"code":401,"error":"Invalid credentials"}"#, ErrorKind::Unauthenticated, Retry::Never),
        (403, r#"{"error":"planted","status":"error"}"#, ErrorKind::PermissionDenied, Retry::Never),
        (413, r#"{"code":413}"#, ErrorKind::TooLarge, Retry::Never),
        (429, r#"{"code":429}"#, ErrorKind::RateLimited, SAFE),
        (500, "planted", ErrorKind::Unavailable, Retry::MaybeApplied),
        (502, "<html>", ErrorKind::Unavailable, Retry::MaybeApplied),
        (503, "", ErrorKind::Unavailable, SAFE),
        (200, "", ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (200, "1", ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (200, r#"{"code":200,"status":"OK"}"#, ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (202, r#"{"num_records_imported":1}"#, ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (302, "", ErrorKind::UnexpectedReply, Retry::Never),
    ] {
        let replies = [(200, TAKEN), (status, body), (200, TAKEN)];
        let (script, outcome) = send(&mixpanel(), &batch(Action::Add, vec![row("u_1")]), &replies).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{status} {body}");
        // Only a refusal is known to be one: what may be in stays.
        let requests = if kind == ErrorKind::Rejected { 3 } else { 2 };
        assert_eq!(script.paths().len(), requests, "{status} {body}");
        assert!(error.to_string().starts_with("import events to mixpanel: "), "{error}");
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }
}

#[tokio::test]
async fn what_import_did_not_count_is_unattributed() {
    let two = || batch(Action::Add, vec![row("u_1"), row("u_2")]);
    for (status, body, unattributed) in [
        (200, imported(2), 0),
        (200, imported(1), 1),
        (200, imported(3), 0),
        (200, format!(r#"{{"num_records_imported":{}}}"#, u64::MAX), 0),
        (400, r#"{"num_records_imported":0,"failed_records":[{"index":0}]}"#.to_owned(), 1),
        (400, r#"{"failed_records":[{"index":0}]}"#.to_owned(), 0),
    ] {
        let (_, cx) = scripted(&[(200, TAKEN), (status, &body), (200, TAKEN)]);
        assert_eq!(mixpanel().send(&cx, &two()).await.unwrap().unattributed(), unattributed, "{body}");
    }
}

#[tokio::test]
async fn profiles_are_in_only_when_the_body_says_so() {
    let quiet = Mixpanel::new(MixpanelConfig::new(Region::Us, TOKEN).with(|c| c.events = false)).unwrap();
    let one = || batch(Action::Add, vec![row("u_1")]);
    for body in
        ["1", " 1\n", TAKEN, r#"{"status":"OK","error":""}"#, r#"{"status":1}"#, r#"{"code":200,"status":"OK"}"#]
    {
        let (_, outcome) = send(&quiet, &one(), &[(200, body)]).await;
        assert_eq!(outcome.unwrap(), [RowOutcome::ACCEPTED], "{body}");
    }
    const SAFE: Retry = Retry::Safe { after: None };
    for (status, body, kind, retry) in [
        (200, "0", ErrorKind::Rejected, Retry::Never),
        (200, r#"{"status":0,"error":"planted"}"#, ErrorKind::Rejected, Retry::Never),
        (200, r#"{"status":0,"error":null}"#, ErrorKind::Rejected, Retry::Never),
        (200, r#"{"status":1,"error":"planted"}"#, ErrorKind::Rejected, Retry::Never),
        (200, r#"{"status":"OK","error":{"planted":1}}"#, ErrorKind::Rejected, Retry::Never),
        (200, r#"{"status":"error","error":"planted"}"#, ErrorKind::Rejected, Retry::Never),
        (200, "", ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (200, "planted", ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (200, r#"{"code":200}"#, ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (201, TAKEN, ErrorKind::UnexpectedReply, Retry::MaybeApplied),
        (400, "1", ErrorKind::Rejected, Retry::Never),
        (400, r#"{"status":1,"error":null}"#, ErrorKind::Rejected, Retry::Never),
        (400, "planted", ErrorKind::Rejected, Retry::Never),
        (401, r#"{"error":"planted","status":"error"}"#, ErrorKind::Unauthenticated, Retry::Never),
        (403, r#"{"error":"planted","status":"error"}"#, ErrorKind::PermissionDenied, Retry::Never),
        (413, "", ErrorKind::TooLarge, Retry::Never),
        (429, "", ErrorKind::RateLimited, SAFE),
        (500, "", ErrorKind::Unavailable, Retry::MaybeApplied),
        (503, "", ErrorKind::Unavailable, SAFE),
    ] {
        // No event leaves for a membership that is not in.
        let (script, outcome) = send(&mixpanel(), &one(), &[(status, body)]).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{status} {body}");
        assert!(error.to_string().starts_with("update profiles at mixpanel: "), "{error}");
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
        assert_eq!(script.paths(), ["/engage"], "{body}");
    }
}

#[tokio::test]
async fn profiles_named_as_wrong_are_rejected_and_the_others_sent_again() {
    let rows = || vec![row("u_0"), with_attributes("u_1", &[("tier", "gold".into())]), row("anon"), row("u_3")];
    // Updates 1 and 2 are of row 1.
    let failed =
        r#"{"code":400,"status":"Bad Request","failed_records":[{"index":2,"message":"planted"},{"index":1}]}"#;
    for status in [200, 400] {
        let replies = [(status, failed), (200, r#"{"status":0,"failed_records":[{"index":0}]}"#)];
        let (script, outcome) = send(&mixpanel(), &batch(Action::Add, rows()), &replies).await;
        assert_eq!(
            outcome.unwrap(),
            [
                RowOutcome::InDoubt,
                RowOutcome::rejected("invalid_profile"),
                RowOutcome::rejected_field("placeholder_id", "member_id"),
                RowOutcome::InDoubt,
            ]
        );
        // Of row 1 the union may be in, and only the attributes refused. No event leaves.
        let bodies = script.bodies();
        assert_eq!(
            bodies[1..],
            [json!([{"$token": TOKEN, "$distinct_id": "u_1", "$remove": {"audiences": "ci_cart"}}])]
        );
        assert_eq!(script.paths(), ["/engage", "/engage"]);
    }
}

#[tokio::test]
async fn a_lost_answer_is_told_as_the_transport_says() {
    let (script, cx) = scripted(&[(200, TAKEN)]);
    script.replies.lock().unwrap().push_back(Err(Error::new(ErrorKind::Timeout, "no answer")));
    let error = mixpanel().send(&cx, &batch(Action::Add, vec![row("u_1")])).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Timeout, Retry::MaybeApplied));
    let without = Context::new("run-1", Arc::new(Frozen));
    let error = mixpanel().send(&without, &batch(Action::Add, vec![row("u_1")])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn what_would_be_refused_is_not_sent() {
    // The spec's table, section 5.1.
    let forbidden = "00000000-0000-0000-0000-000000000000 anon anonymous nil none null n/a na undefined unknown <nil> 0 \
                     -1 true false [] {}";
    let mut rows: Vec<Row> = forbidden.split_whitespace().map(row).collect();
    let mut expected = vec![RowOutcome::rejected_field("placeholder_id", "member_id"); 17];
    let hour = NOW.as_millis() + 3_600_000;
    let at = |millis: i64| Row { effective_at: Timestamp::from_millis(millis), ..row("u_1") };
    let out_of_range = RowOutcome::rejected_field("time_out_of_range", "effective_at");
    for (row, outcome) in [
        (row(""), RowOutcome::rejected_field("missing", "member_id")),
        (row(&"\u{fc}".repeat(256)), RowOutcome::rejected_field("too_long", "member_id")),
        (at(31_535_999_999), out_of_range.clone()),
        (at(hour + 1), out_of_range.clone()),
        (at(i64::MIN), out_of_range.clone()),
        (at(i64::MAX), out_of_range),
        (
            with_attributes("u_1", &[("audiences", "planted".into())]),
            RowOutcome::rejected_field("reserved_name", "audiences"),
        ),
        (
            with_attributes("u_1", &[("arm_ci_cart", "planted".into())]),
            RowOutcome::rejected_field("reserved_name", "arm_ci_cart"),
        ),
        (with_attributes("u_1", &[("bio", "x".repeat(1_000_000).into())]), RowOutcome::rejected("too_large")),
    ] {
        rows.push(row);
        expected.push(outcome);
    }
    let (script, outcome) = send(&mixpanel(), &batch(Action::Add, rows), &[]).await;
    assert_eq!(outcome.unwrap(), expected);
    assert!(script.paths().is_empty());

    // The edges are sent.
    let edges = vec![row(&"\u{fc}".repeat(255)), at(31_536_000_000), at(hour), row("None"), row("00")];
    let (script, outcome) = send(&mixpanel(), &batch(Action::Add, edges), &[(200, TAKEN), (200, &imported(5))]).await;
    assert_eq!(outcome.unwrap(), vec![RowOutcome::ACCEPTED; 5]);
    assert_eq!(script.bodies()[1].as_array().unwrap().len(), 5);

    // No event, no time.
    let (_, outcome) = send(
        &mixpanel(),
        &batch(Action::Update, vec![Row { effective_at: Timestamp::from_millis(0), ..row("u_1") }]),
        &[],
    )
    .await;
    assert_eq!(outcome.unwrap(), [RowOutcome::ACCEPTED]);
}

#[tokio::test]
async fn a_batch_that_is_too_large_changes_nothing() {
    let many = |count: usize| (0..count).map(|n| row(&format!("u_{n}"))).collect::<Vec<_>>();
    // 2,000 rows fit; 2,001 do not, nor do updates that are more than the rows.
    let (_, outcome) =
        send(&mixpanel(), &batch(Action::Add, many(2_000)), &[(200, TAKEN), (200, &imported(2_000))]).await;
    assert_eq!(outcome.unwrap().len(), 2_000);
    let set = (0..1_001).map(|n| with_attributes(&format!("u_{n}"), &[("tier", "gold".into())])).collect();
    // The events alone are too long: three times 900,000 bytes of audience name.
    let long = AudienceRef::new("ci_cart", "ci_cart").with_name("n".repeat(900_000));
    for (batch, message) in [
        (batch(Action::Add, many(2_001)), "expected at most 2000 records in a request, found 2001"),
        (batch(Action::Add, set), "expected at most 2000 records in a request, found 2002"),
        (Batch::new("run-1", long, Action::Add, many(3)), "expected a body of at most 2097152 bytes"),
    ] {
        let (script, outcome) = send(&mixpanel(), &batch, &[]).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::TooLarge, Retry::Never));
        assert!(error.to_string().contains(message), "{error}");
        assert!(script.paths().is_empty());
    }
}

#[tokio::test]
async fn the_cost_covers_both_bodies() {
    let mixpanel = mixpanel();
    let rows: Vec<Row> = (0..50)
        .map(|n| {
            let text = "\"\n\u{1f600}".repeat(n);
            let attributes = [("city", AttributeValue::Null), ("n\u{e4}me", text.into()), ("tier", 7.into())];
            Row { arm: Some(Arm::Holdout), ..with_attributes(&format!("u_{n}\""), &attributes) }
        })
        .collect();
    let cost = rows.iter().map(|row| mixpanel.cost(row)).fold(Cost::default(), |all, one| all + one);
    let (script, cx) = scripted(&[(200, TAKEN), (200, &imported(50))]);
    mixpanel.send(&cx, &batch(Action::Add, rows)).await.unwrap();
    let sent = script.sent.lock().unwrap();
    for request in &*sent {
        assert!(cost.bytes >= request.body.len() as u64, "{} {}", cost.bytes, request.body.len());
    }
    // 50 unions, 50 sets, 50 unsets.
    assert_eq!((cost.rows, cost.identifiers), (150, 0));
    let longest = sent.iter().map(|request| request.body.len() as u64).max().unwrap();
    assert!(cost.bytes <= longest + 50 * 512);

    // One plain row: the longer record without audience and run, a comma, the allowance.
    let event = concat!(
        r#"{"event":"Audience Entered","properties":{"time":1795428900000,"distinct_id":"u_1001","#,
        r#""$insert_id":"755f3130303100000000000000000000","ip":"0","audience_key":"","run_id":"","reason":"entered"}}"#
    );
    let cost = mixpanel.cost(&row("u_1001"));
    assert_eq!((cost.rows, cost.bytes), (1, event.len() as u64 + 1 + 512));
    let quiet = Mixpanel::new(MixpanelConfig::new(Region::Us, TOKEN).with(|c| c.events = false)).unwrap();
    let update = r#"{"$token":"planted-token","$distinct_id":"u_1001","$union":{"audiences":[""]}}"#;
    assert_eq!(quiet.cost(&row("u_1001")).bytes, update.len() as u64 + 1 + 512);
}

#[tokio::test]
async fn key_events_are_imported() {
    let order = KeyEvent::new("order-77", "Order Completed", "u_1", NOW)
        .with_value(49_990_000, "EUR")
        .with_order("77")
        .with_properties(Attributes::new([("gift".into(), false.into()), ("coupon".into(), AttributeValue::Null)]));
    let events = vec![order, KeyEvent::new("k\u{e4}se", "Signed Up", "u_2", NOW)];
    let (script, cx) = scripted(&[(200, &imported(2))]);
    let outcome = mixpanel().record(&cx, &EventBatch::new("call-1", events)).await.unwrap();
    assert_eq!(outcome.resolve(2).unwrap(), [RowOutcome::ACCEPTED, RowOutcome::ACCEPTED]);
    assert_eq!(script.paths(), ["/import"]);
    assert_eq!(
        script.sent.lock().unwrap()[0].body,
        concat!(
            r#"[{"event":"Order Completed","properties":{"time":1795428900000,"distinct_id":"u_1","#,
            r#""$insert_id":"order-77","ip":"0","value":49.99,"currency":"EUR","order_id":"77","gift":false}},"#,
            // The first 16 bytes of SHA-256("käse").
            r#"{"event":"Signed Up","properties":{"time":1795428900000,"distinct_id":"u_2","#,
            r#""$insert_id":"28f37578d68271283cefa0f170127d2e","ip":"0"}}]"#
        )
    );
}

#[tokio::test]
async fn key_events_that_would_be_refused_are_not_sent() {
    let event = |id: &str| KeyEvent::new(id, "Order", "u_1", NOW);
    let with = |pairs: Vec<(Box<str>, AttributeValue)>| event("e").with_properties(Attributes::new(pairs));
    let many = |count: usize| (0..count).map(|n| (format!("p{n}").into(), n.to_string().into())).collect::<Vec<_>>();
    let cases = [
        (event(""), "missing", Some("event_id")),
        (KeyEvent::new("e", "", "u_1", NOW), "missing", Some("name")),
        (KeyEvent::new("e", "n".repeat(256), "u_1", NOW), "too_long", Some("name")),
        (KeyEvent::new("e", "Order", "undefined", NOW), "placeholder_id", Some("member_id")),
        (KeyEvent::new("e", "Order", "", NOW), "missing", Some("member_id")),
        (KeyEvent::new("e", "Order", "u_1", Timestamp::from_secs(0)), "time_out_of_range", Some("occurred_at")),
        (with(vec![("distinct_id".into(), "u_2".into())]), "reserved_name", Some("distinct_id")),
        (with(vec![("token".into(), "x".into())]), "reserved_name", Some("token")),
        (with(vec![("value".into(), 1.into())]).with_value(1, "EUR"), "reserved_name", Some("value")),
        // 4 of every event and 251 make 255; fewer are wanted.
        (with(many(251)), "over_limit", Some("properties")),
        (with(vec![("bio".into(), "x".repeat(1_000_000).into())]), "too_large", None),
    ];
    let count = cases.len();
    let expected: Vec<RowOutcome> = cases
        .iter()
        .map(|(_, code, field)| match field {
            Some(field) => RowOutcome::rejected_field(*code, *field),
            None => RowOutcome::rejected(*code),
        })
        .collect();
    let (script, cx) = scripted(&[]);
    let events = cases.into_iter().map(|(event, _, _)| event).collect();
    let outcome = mixpanel().record(&cx, &EventBatch::new("call-1", events)).await.unwrap();
    assert_eq!(outcome.resolve(count).unwrap(), expected);
    assert!(script.paths().is_empty());

    let (_, cx) =
        scripted(&[(400, r#"{"num_records_imported":1,"failed_records":[{"index":1,"field":"properties.p7"}]}"#)]);
    let events = vec![event(""), with(many(250)), with(many(8))];
    let outcome = mixpanel().record(&cx, &EventBatch::new("call-1", events)).await.unwrap();
    assert_eq!(
        outcome.resolve(3).unwrap(),
        [
            RowOutcome::rejected_field("missing", "event_id"),
            RowOutcome::ACCEPTED,
            RowOutcome::rejected_field("invalid_event", "p7"),
        ]
    );

    let (script, cx) = scripted(&[]);
    let events = (0..2_001).map(|n| event(&n.to_string())).collect();
    let error = mixpanel().record(&cx, &EventBatch::new("call-1", events)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(script.paths().is_empty());
}

#[test]
fn event_ids_become_insert_ids() {
    for plain in ["order-77", "A", "5f1c0c9e-0d6b-4b0c-8c7a-1e2d3f4a5b6c"] {
        assert_eq!(vet::insert_id(plain), plain);
    }
    // `printf %s … | sha256sum | cut -c1-32`
    for (odd, digest) in [
        ("", "e3b0c44298fc1c149afbf4c8996fb924"),
        ("abc_d", "7ad34a6bf720ec5eb6b86da5f3c01953"),
        ("5f1c0c9e-0d6b-4b0c-8c7a-1e2d3f4a5b6cd", "25d622d28ff3bd478afe46c66b727c8c"),
        ("anon", "5430eeed859cad61d925097ec4f53246"),
        ("True", "3cbc87c7681f34db4617feaa2c880193"),
    ] {
        assert_eq!(vet::insert_id(odd), digest, "{odd}");
    }
}

#[tokio::test]
async fn only_the_member_id_and_mapped_attributes_leave() {
    let hashed = Identifier::new(IdentifierKind::Email, WireValue::Sha256([7; 32]));
    let clear = Identifier::new(IdentifierKind::Phone, WireValue::clear("+4915112345678"));
    let person = Row { identifiers: vec![hashed, clear], ..with_attributes("u_1", &[("tier", "gold".into())]) };
    for action in [Action::Add, Action::Update, Action::Remove] {
        let (script, _) =
            send(&mixpanel(), &batch(action, vec![person.clone()]), &[(200, TAKEN), (200, &imported(1))]).await;
        for request in &*script.sent.lock().unwrap() {
            let body = String::from_utf8(request.body.to_vec()).unwrap();
            for secret in ["4915112345678", "0707070707", "planted-external"] {
                assert!(!body.contains(secret) && !request.url.as_str().contains(secret), "{action}: {body}");
            }
            assert!(!request.url.as_str().contains("u_1") && !request.url.as_str().contains(TOKEN));
        }
    }
}

#[tokio::test]
async fn nothing_prints_a_secret() {
    let config = MixpanelConfig::new(Region::Us, "planted-token").with(|c| {
        c.service_account = Some(ServiceAccount::new("planted-user", "planted-secret"));
        c.project_id = Some(7);
        c.base_url = Some("https://relay.example.com/planted7".to_owned());
    });
    let shown = format!("{config:?} {:?} {:?}", config.service_account, Mixpanel::new(config.clone()).unwrap());
    assert!(!shown.contains("planted"), "{shown}");
    assert!(shown.contains("mixpanel:7") && shown.contains("relay.example.com"), "{shown}");
    let bad = config.clone().with(|c| c.base_url = Some("https://planted:planted@example.com".to_owned()));
    let colon = config.with(|c| c.service_account = Some(ServiceAccount::new("planted:user", "planted")));
    for config in [bad, colon] {
        let error = Mixpanel::new(config).unwrap_err();
        assert!(!format!("{error:?}").contains("planted"), "{error:?}");
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let token = || MixpanelConfig::new(Region::Us, TOKEN);
    for (config, message) in [
        (MixpanelConfig::new(Region::Us, ""), "project_token: expected a token, found none"),
        (MixpanelConfig::new(Region::Us, "planted\n"), "credentials: "),
        (
            token().with(|c| c.service_account = Some(ServiceAccount::new("sa", "x"))),
            "project_id: expected one beside a service account, found none",
        ),
        (token().with(|c| c.membership_property.clear()), "membership_property: "),
        (token().with(|c| c.membership_property = "$email".to_owned()), "membership_property: "),
        (token().with(|c| c.entered_event = "n".repeat(256)), "entered_event: "),
        (token().with(|c| c.exited_event = "Audience Entered".to_owned()), "exited_event: "),
        (token().with(|c| c.backfill_property = Some("time".to_owned())), "backfill_property: "),
        (token().with(|c| c.backfill_property = Some("run_id".to_owned())), "backfill_property: "),
        (token().with(|c| c.backfill_property = Some("audience_window".to_owned())), "backfill_property: "),
        (token().with(|c| c.base_url = Some("http://127.0.0.1:9".to_owned())), "base_url: "),
        (token().with(|c| c.base_url = Some("https://10.0.0.1".to_owned())), "base_url: "),
    ] {
        let error = Mixpanel::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with(&format!("configure mixpanel: {message}")), "{error}");
    }
    let local = token().with(|c| (c.base_url, c.allow_loopback) = (Some("http://127.0.0.1:9".to_owned()), true));
    assert_eq!(Mixpanel::new(local).unwrap().capabilities().hosts, ["127.0.0.1"]);
    assert!(
        serde_json::from_value::<MixpanelConfig>(json!({"region": "us", "project_token": "t", "tokn": 1})).is_err()
    );
    assert!(serde_json::from_value::<MixpanelConfig>(json!({"project_token": "t"})).is_err());
    let read: MixpanelConfig = serde_json::from_value(json!({"region": "us", "project_token": TOKEN})).unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", token()));
    assert_eq!((&*read.entered_event, &*read.exited_event), ("Audience Entered", "Audience Exited"));
    assert!(read.events && read.backfill_property.is_none());
}

#[test]
fn it_says_what_it_can() {
    let mixpanel = mixpanel();
    // `printf planted-token | sha256sum | cut -c1-8`
    assert_eq!(mixpanel.info(), Info::new("mixpanel:adf96522", "Mixpanel", Family::Analytics));
    let can = mixpanel.capabilities();
    assert_eq!(can.profile.id, "mixpanel");
    assert!(can.update && can.remove && can.events && !can.forget && !can.jobs);
    assert_eq!((can.limits.rows, can.limits.bytes), (2_000, Some(2_000_000)));
    assert_eq!((can.resend, can.removal), (Resend::Idempotent, RemovalNeeds::MemberId));
    assert_eq!(can.hosts, ["api.mixpanel.com"]);
    assert!(can.name_rules.verified && can.name_rules.max_chars == Some(255));
    for (region, host) in [(Region::Eu, "api-eu.mixpanel.com"), (Region::In, "api-in.mixpanel.com")] {
        let regional = Mixpanel::new(MixpanelConfig::new(region, TOKEN)).unwrap();
        assert_eq!(regional.capabilities().hosts, [host]);
    }
}

#[tokio::test]
async fn a_credential_is_checked_without_writing() {
    let account = Mixpanel::new(MixpanelConfig::new(Region::Us, TOKEN).with(|c| {
        c.service_account = Some(ServiceAccount::new("sa", "s3cr3t"));
        c.project_id = Some(2_195_193);
    }))
    .unwrap();
    for (mixpanel, method, url, body, answers) in [
        (
            account,
            Method::GET,
            "https://api.mixpanel.com/lookup-tables?project_id=2195193",
            "",
            [(200, true), (401, false), (403, false)],
        ),
        (
            mixpanel(),
            Method::POST,
            "https://api.mixpanel.com/import?strict=1",
            "[]",
            [(200, true), (400, true), (401, false)],
        ),
    ] {
        for (status, ready) in answers {
            let (script, cx) = scripted(&[(status, "{}")]);
            let check = mixpanel.check(&cx).await.unwrap();
            assert_eq!(check.is_ready(), ready, "{status} {check:?}");
            assert_eq!(check.found.is_empty(), !ready);
            let sent = script.sent.lock().unwrap();
            assert_eq!((&sent[0].method, sent[0].url.as_str(), &sent[0].body[..]), (&method, url, body.as_bytes()));
            assert!(sent[0].headers.contains_key("authorization"));
        }
        let (_, cx) = scripted(&[(503, "")]);
        assert_eq!(mixpanel.check(&cx).await.unwrap_err().kind(), ErrorKind::Unavailable);
        let expected = (method == Method::GET).then_some("project 2195193");
        let (_, cx) = scripted(&[(200, "{}")]);
        assert_eq!(mixpanel.check(&cx).await.unwrap().account.as_deref(), expected);
    }
}

#[tokio::test]
async fn an_audience_is_opened_by_its_key() {
    let (script, cx) = scripted(&[]);
    let spec = AudienceSpec::new("ci_cart", "CI | Cart Abandon");
    let opened = mixpanel().open(&cx, &spec).await.unwrap();
    assert_eq!(opened, AudienceRef::new("ci_cart", "ci_cart").with_name("CI | Cart Abandon"));
    assert_eq!(mixpanel().open(&cx, &spec.with_known(opened.clone())).await.unwrap(), opened);
    for key in [String::new(), "k".repeat(256)] {
        let error = mixpanel().open(&cx, &AudienceSpec::new(key, "n")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    assert!(script.paths().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_event_id_becomes_an_insert_id_that_is_taken(event_id in ".{0,50}") {
        let id = vet::insert_id(&event_id);
        prop_assert!((1..=36).contains(&id.len()));
        prop_assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        prop_assert_eq!(&id, &vet::insert_id(&id));
    }

    #[test]
    fn any_answer_is_read_without_a_panic(
        status in prop::sample::select(vec![200_u16, 400, 202, 500]),
        index in any::<u64>(),
        count in any::<u64>(),
        tail in ".{0,20}",
    ) {
        let body = format!(
            r#"{{"status":1,"num_records_imported":{count},"failed_records":[{{"index":{index}}},{{"index":1}}]}}{tail}"#
        );
        let response = Response::new(StatusCode::from_u16(status).unwrap(), body);
        for failed in [
            replies::imported(&response, 3, |_| None, NOW).map(|imported| imported.failed),
            replies::engaged(&response, 3, NOW),
        ].into_iter().flatten() {
            prop_assert!(failed.contains_key(&1) && failed.keys().all(|place| *place < 3));
        }
    }
}
