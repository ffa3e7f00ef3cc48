//! Values are those of the specification's vectors, or worked by hand.

mod rows;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use ::http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::destination::{Attributes, MemberId, OpId, Reason, RowOutcome};
use crate::error::Retry;
use crate::http::{HttpClient, Request, Response, Transport};
use crate::identity::{Canonicalizer, Consent, Identifier, IdentifierKind, Member, WireValue};
use crate::testkit::ManualClock;

// ada.lovelace@example.org, 15125550100, ada, lovelace, ada.lovelace+news@gmail.com
const EMAIL: &str = "7799473ff091b38137e0698047364e040446fe7cb3209e8321d5a865127853d0";
const PHONE: &str = "33c6438defc14519a2f9147cbf01d0ccb0471bbaf4b17bff231402de8fcceda7";
const FN: &str = "fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029";
const LN: &str = "fb1e7ec987523d2cb9e022cec1d6ae7c99dc46edfae4fe51254025fe4bea571f";
const GMAIL: &str = "1ea120351353b93e08701f5cd65ee7bd157f7ecfccb087bfe00ee77f9f8de1c0";
const ZOE: &str = "2752b88686847fa5c86f47b94ce652b7b3f22a91c37617d451a4db9afa431450";

const OK: &str = r#"{"audience_id":"120","session_id":"9","num_received":1,"num_invalid_entries":0}"#;

#[derive(Debug, Default)]
struct Script {
    replies: Mutex<VecDeque<Response>>,
    requests: Mutex<Vec<Request>>,
}

#[async_trait]
impl Transport for Script {
    async fn execute(&self, request: Request, _limits: &crate::http::Limits) -> Result<Response> {
        self.requests.lock().unwrap().push(request);
        Ok(self.replies.lock().unwrap().pop_front().expect("a reply for every request"))
    }
}

#[derive(Debug)]
struct Stopped;

#[async_trait]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_795_435_200)
    }

    async fn sleep(&self, _duration: Duration) {
        panic!("a destination does not sleep");
    }

    fn jitter(&self) -> u64 {
        0
    }
}

fn reply(status: u16, headers: &[(&'static str, &str)], body: impl Into<String>) -> Response {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_str(value).unwrap());
    }
    Response::new(StatusCode::from_u16(status).unwrap(), body.into()).with_headers(map)
}

fn scripted(replies: impl IntoIterator<Item = Response>) -> (Context, Arc<Script>) {
    scripted_on(Arc::new(Stopped), replies)
}

fn scripted_on(clock: Arc<dyn Clock>, replies: impl IntoIterator<Item = Response>) -> (Context, Arc<Script>) {
    let script = Arc::new(Script { replies: Mutex::new(replies.into_iter().collect()), ..Script::default() });
    let http = HttpClient::new(Arc::clone(&script) as Arc<dyn Transport>);
    (Context::new("run-1", clock).with_http(http), script)
}

impl Script {
    /// Method, path and body of each request.
    fn sent(&self) -> Vec<(String, String, String)> {
        let requests = self.requests.lock().unwrap();
        let text = |request: &Request| String::from_utf8(request.body.to_vec()).unwrap();
        requests.iter().map(|it| (it.method.to_string(), it.url.path().to_owned(), text(it))).collect()
    }

    fn query(&self, index: usize) -> Vec<(String, String)> {
        self.requests.lock().unwrap()[index].url.query_pairs().into_owned().collect()
    }
}

fn config() -> MetaConfig {
    MetaConfig::new("act_100200300", "TOKEN", CustomerFileSource::UserProvidedOnly)
}

fn meta() -> Meta {
    Meta::new(config()).unwrap()
}

fn row_of(identifiers: Vec<Identifier>) -> Row {
    Row {
        op_id: OpId::from_bytes([1; 16]),
        member_id: MemberId::from("C-1001"),
        identifiers,
        attributes: Attributes::default(),
        consent: Consent::GRANTED,
        arm: None,
        reason: Reason::Entered,
        effective_at: Timestamp::from_secs(0),
        expires_at: None,
        vendor_ref: None,
    }
}

fn row(member: &Member) -> Row {
    let canonical = Canonicalizer::new().with_allow_test_values(true).canonicalize_member(member);
    row_of(canonical.project(payload::PROFILE).identifiers)
}

fn ada() -> Member {
    Member::new("C-1001")
        .external_id("C-1001")
        .email("  Ada.Lovelace@Example.ORG ")
        .phone("+1 (512) 555-0100")
        .first_name("Ada")
        .last_name("Lovelace")
}

fn audience() -> AudienceRef {
    AudienceRef::new("120210000000000001", "cart_abandon_24h")
}

fn batch(action: Action, rows: Vec<Row>) -> Batch {
    Batch::new("run-1", audience(), action, rows).with_session(SessionRef::new("9778993/25000"), 3, true)
}

fn data(body: &str) -> Value {
    serde_json::from_str::<Value>(body).unwrap()["payload"]["data"].clone()
}

/// A line with these first cells; the others are empty.
fn line(first: &[&str]) -> Value {
    let mut cells = first.to_vec();
    cells.resize(14, "");
    json!(cells)
}

async fn added(rows: Vec<Row>, body: &str) -> Result<Outcome> {
    let (cx, _) = scripted([reply(200, &[], body)]);
    meta().send(&cx, &batch(Action::Add, rows)).await
}

async fn failed(response: Response) -> Error {
    let (cx, _) = scripted([response]);
    meta().send(&cx, &batch(Action::Add, vec![row(&ada())])).await.unwrap_err()
}

fn fault(code: i64, subcode: Option<i64>) -> String {
    json!({"error": {"message": "planted", "type": "OAuthException", "code": code, "error_subcode": subcode,
        "error_user_msg": "planted", "fbtrace_id": "planted"}})
    .to_string()
}

#[tokio::test]
async fn an_addition_is_byte_for_byte_what_the_specification_has() {
    let (cx, script) = scripted([reply(200, &[], OK)]);
    let outcome = meta().send(&cx, &batch(Action::Add, vec![row(&ada())])).await.unwrap();
    assert_eq!(outcome, Outcome::accepted());
    let body = format!(
        "{{\"payload\":{{\"schema\":[\"EXTERN_ID\",\"EMAIL\",\"PHONE\",\"FN\",\"LN\",\"GEN\",\"DOBY\",\"DOBM\",\"DOBD\",\
         \"CT\",\"ST\",\"ZIP\",\"COUNTRY\",\"MADID\"],\
         \"data\":[[\"C-1001\",\"{EMAIL}\",\"{PHONE}\",\"{FN}\",\"{LN}\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]]}},\
         \"session\":{{\"session_id\":9778993,\"batch_seq\":3,\"last_batch_flag\":true,\"estimated_num_total\":25000}}}}"
    );
    let path = "/v26.0/120210000000000001/users".to_owned();
    assert_eq!(script.sent(), [("POST".to_owned(), path, body)]);
    let request = script.requests.lock().unwrap()[0].clone();
    assert_eq!(request.url.host_str(), Some("graph.facebook.com"));
    assert_eq!(request.url.query(), None);
    assert_eq!(request.headers["authorization"], "Bearer TOKEN");
    assert_eq!(request.headers["content-type"], "application/json");
}

#[tokio::test]
async fn unknown_values_are_empty_and_names_keep_their_letters() {
    let (cx, script) = scripted([reply(200, &[], OK)]);
    let members = [
        Member::new("1").external_id("C-1002"),
        Member::new("2").email("ada.lovelace+news@gmail.com").first_name("Zoë"),
        Member::new("3").external_id("a \"b\" \\ é"),
    ];
    meta().send(&cx, &batch(Action::Add, members.iter().map(row).collect())).await.unwrap();
    let sent = data(&script.sent()[0].2);
    assert_eq!(sent, json!([line(&["C-1002"]), line(&["", GMAIL, "", ZOE]), line(&["a \"b\" \\ é"])]));
}

#[tokio::test]
async fn several_values_of_a_kind_are_several_lines() {
    let (cx, script) = scripted([reply(200, &[], OK)]);
    let two = row(&ada().email("ada.lovelace+news@gmail.com"));
    assert_eq!(meta().cost(&two).rows, 2);
    assert_eq!(meta().cost(&two).identifiers, 6);
    meta().send(&cx, &batch(Action::Add, vec![two])).await.unwrap();
    assert_eq!(
        data(&script.sent()[0].2),
        json!([line(&["C-1001", EMAIL, PHONE, FN, LN]), line(&["C-1001", GMAIL, "", FN, LN])])
    );
}

#[tokio::test]
async fn a_removal_deletes_with_a_body_and_with_what_there_is() {
    let (cx, script) = scripted([reply(200, &[], OK)]);
    let rows =
        vec![row(&Member::new("1").email("ada.lovelace@example.org")), row(&Member::new("2").external_id("C-2"))];
    let outcome = meta().send(&cx, &batch(Action::Remove, rows)).await.unwrap();
    assert_eq!(outcome, Outcome::accepted());
    let (method, path, body) = script.sent()[0].clone();
    assert_eq!((method.as_str(), path.as_str()), ("DELETE", "/v26.0/120210000000000001/users"));
    assert_eq!(data(&body), json!([line(&["", EMAIL]), line(&["C-2"])]));
    assert_eq!(script.query(0), []);
}

#[tokio::test]
async fn rows_that_find_nobody_are_settled_and_not_sent() {
    let names = || row(&Member::new("1").first_name("Ada").last_name("Lovelace"));
    let none = || row_of(Vec::new());
    let clear = || row_of(vec![Identifier::new(IdentifierKind::Email, WireValue::clear("ada@example.org"))]);
    let digest = || row_of(vec![Identifier::new(IdentifierKind::ExternalId, WireValue::Sha256([7; 32]))]);
    let nobody = RowOutcome::rejected("no_identifier");
    let wrong = |field| RowOutcome::rejected_field("wrong_encoding", field);
    for (action, settled) in [(Action::Add, nobody.clone()), (Action::Remove, RowOutcome::ACCEPTED)] {
        let (cx, script) = scripted([]);
        let outcome = meta().send(&cx, &batch(action, vec![names(), none(), clear(), digest()])).await.unwrap();
        let rows = outcome.resolve(4).unwrap();
        assert_eq!(rows, [settled, nobody.clone(), wrong("email"), wrong("external_id")], "{action}");
        assert!(script.sent().is_empty());
    }
    // Beside a good row, the others go out, and indexes stay.
    let (cx, script) = scripted([reply(200, &[], OK)]);
    let outcome = meta().send(&cx, &batch(Action::Add, vec![names(), row(&ada()), none()])).await.unwrap();
    assert_eq!(outcome.resolve(3).unwrap(), [nobody.clone(), RowOutcome::ACCEPTED, nobody]);
    assert_eq!(data(&script.sent()[0].2).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn updates_are_not_offered() {
    let (cx, _) = scripted([]);
    let error = meta().send(&cx, &batch(Action::Update, vec![row(&ada())])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!meta().capabilities().takes(Action::Update));
}

#[tokio::test]
async fn refused_entries_are_unattributed_and_all_of_them_are_a_fault_of_hashing() {
    let rows = || vec![row(&ada()), row(&ada())];
    for samples in [r#"{"C-1002":"..."}"#, "{}", "[]", r#"["x"]"#, "null"] {
        let body = format!(
            r#"{{"num_received":2,"num_invalid_entries":1,"invalid_entry_samples":{samples},"new_field":[1]}}"#
        );
        let outcome = added(rows(), &body).await.unwrap();
        assert_eq!(outcome, Outcome::accepted().with_unattributed(1), "{samples}");
    }
    // Text for numbers; more refused lines than members; a session whose earlier batches were fine.
    let outcome = added(rows(), r#"{"num_received":"20","num_invalid_entries":"9"}"#).await.unwrap();
    assert_eq!(outcome.unattributed(), 2);
    let outcome = added(rows(), r#"{"num_received":2}"#).await.unwrap();
    assert_eq!(outcome.unattributed(), 0);
    let error = added(rows(), r#"{"num_received":2,"num_invalid_entries":2}"#).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Config, Retry::Never));
}

#[tokio::test]
async fn sessions_are_the_same_for_the_same_run_and_action_alone() {
    let (cx, script) = scripted([]);
    let begun = |run: &'static str, audience: AudienceRef, action| {
        let (cx, meta) = (cx.clone(), meta());
        async move { meta.begin(&cx, &SessionSpec::new(run, audience, Some(action), 25_000)).await.unwrap() }
    };
    let first = begun("run-1", audience(), Action::Add).await;
    assert_eq!(first, begun("run-1", audience(), Action::Add).await);
    let others = [
        begun("run-2", audience(), Action::Add).await,
        begun("run-1", audience(), Action::Remove).await,
        begun("run-1", AudienceRef::new("121", "cart_abandon_24h"), Action::Add).await,
    ];
    assert!(!others.contains(&first));
    let session = Session::from_ref(&first).unwrap();
    assert_eq!(session.total, 25_000);
    assert!((1..1 << 63).contains(&session.id));
    assert_eq!(meta().finish(&cx, &first).await.unwrap(), Outcome::accepted());
    assert!(script.sent().is_empty());
    for foreign in ["", "7", "0/5", "9223372036854775808/5", "a/b", "1/", "1/5/", "1/5/x", "1/5/6/7"] {
        let error = meta().finish(&cx, &SessionRef::new(foreign)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State, "{foreign}");
    }
}

#[tokio::test]
async fn a_batch_outside_a_session_can_be_sent_again() {
    let (cx, script) = scripted([reply(200, &[], OK), reply(200, &[], OK)]);
    let alone = Batch::new("run-1", audience(), Action::Add, vec![row(&ada())]);
    meta().send(&cx, &alone).await.unwrap();
    meta().send(&cx, &alone).await.unwrap();
    let sent = script.sent();
    assert_eq!(sent[0], sent[1]);
    let session = serde_json::from_str::<Value>(&sent[0].2).unwrap()["session"].clone();
    assert!(session["session_id"].as_u64().is_some_and(|id| (1..1 << 63).contains(&id)));
    assert_eq!(session["batch_seq"], 1);
    assert_eq!(session["last_batch_flag"], false);
    assert_eq!(session["estimated_num_total"], 1);
}

#[tokio::test]
async fn the_proof_is_sent_with_every_request_and_only_when_there_is_a_secret() {
    // ads-core 2.1: secret `s3cr3t`, token `TOKEN`
    const PROOF: &str = "90f23da70078e73bc01c7c5c440e193b3dd759c6b05ea32e8f20c9c82a24f48f";
    let meta = Meta::new(config().with_app_secret("s3cr3t")).unwrap();
    let (cx, script) = scripted([
        reply(200, &[], OK),
        reply(200, &[], r#"{"id":"1"}"#),
        reply(200, &[], r#"{"data":[]}"#),
        reply(200, &[], r#"{"id":"1"}"#),
    ]);
    meta.send(&cx, &batch(Action::Add, vec![row(&ada())])).await.unwrap();
    meta.size(&cx, &audience()).await.unwrap();
    meta.open(&cx, &AudienceSpec::new("key", "Name")).await.unwrap();
    let sent = script.sent();
    for index in [0, 3] {
        let body: Value = serde_json::from_str(&sent[index].2).unwrap();
        assert_eq!(body["appsecret_proof"], PROOF);
        assert_eq!(script.query(index), []);
    }
    for index in [1, 2] {
        assert!(script.query(index).contains(&("appsecret_proof".to_owned(), PROOF.to_owned())));
    }
}

#[tokio::test]
async fn every_documented_code_has_its_verdict() {
    use ErrorKind::{
        Config, Conflict, NotFound, PermissionDenied, RateLimited, TermsNotAccepted, Unauthenticated, Unavailable,
    };
    const SAFE: Retry = Retry::Safe { after: None };
    let wait = |secs| Retry::Safe { after: Some(Duration::from_secs(secs)) };
    let mut seen = BTreeSet::new();
    for (codes, kind, retry) in [
        (
            &[(1, 0), (1, 99), (2, 0), (5000, 0), (21_009, 0), (-3, 0), (2650, 1_870_148)][..],
            Unavailable,
            Retry::MaybeApplied,
        ),
        (
            &[(4, 0), (17, 2_446_079), (17, 0), (32, 0), (613, 0), (613, 1_487_742), (80_003, 0), (80_004, 0)],
            RateLimited,
            SAFE,
        ),
        (&[(341, 0)], Unavailable, wait(60)),
        (&[(2650, 1_870_145)], Unavailable, wait(120)),
        (&[(3, 0), (10, 0), (200, 0), (294, 0), (299, 0), (200, 5)], PermissionDenied, Retry::Never),
        (
            &[(102, 0), (190, 0), (190, 458), (190, 460), (190, 463), (190, 467), (190, 492), (190, 1)],
            Unauthenticated,
            Retry::Never,
        ),
        (&[(200, 1_870_090), (2655, 0), (2663, 0)], TermsNotAccepted, Retry::Never),
        (&[(100, 33), (1_487_366, 0), (100, 1_487_366)], NotFound, Retry::Never),
        (&[(2650, 1_870_158), (2650, 1_870_159)], Conflict, Retry::Never),
        (
            &[
                (100, 0),
                (100, 1_713_230),
                (100, 1_713_231),
                (105, 0),
                (194, 0),
                (200, 1_870_050),
                (368, 0),
                (2635, 0),
                (2650, 0),
                (2650, 1_870_144),
                (2650, 1_870_147),
                (2654, 0),
                (1_487_301, 0),
                (100, 1_487_301),
                (12_345, 0),
            ],
            Config,
            Retry::Never,
        ),
    ] {
        for &(code, subcode) in codes {
            let error = failed(reply(400, &[], fault(code, (subcode != 0).then_some(subcode)))).await;
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{code}/{subcode}");
            let shown = if subcode == 0 { code.to_string() } else { format!("{code}/{subcode}") };
            assert_eq!(error.code(), Some(shown.as_str()));
            assert!(!format!("{error:?}").contains("planted"), "{error:?}");
            seen.insert((code, subcode));
        }
    }
    for line in errors::TABLE {
        let code = (line.code, line.subcode.unwrap_or(0));
        assert!(seen.contains(&code), "{code:?} has no test");
    }
}

#[tokio::test]
async fn unknown_codes_follow_their_flag_and_then_their_status() {
    let body = |transient: bool| json!({"error": {"code": "12345", "is_transient": transient}}).to_string();
    for (status, transient, kind, retry) in [
        (400, true, ErrorKind::Unavailable, Retry::MaybeApplied),
        (400, false, ErrorKind::Config, Retry::Never),
        (200, false, ErrorKind::Config, Retry::Never),
        (403, false, ErrorKind::PermissionDenied, Retry::Never),
        (429, false, ErrorKind::RateLimited, Retry::Safe { after: None }),
        (500, false, ErrorKind::Unavailable, Retry::MaybeApplied),
    ] {
        let error = failed(reply(status, &[], body(transient))).await;
        assert_eq!((error.kind(), error.retry(), error.code()), (kind, retry, Some("12345")), "{status} {transient}");
    }
}

#[tokio::test]
async fn a_throttle_waits_as_long_as_meta_says() {
    const BUSY: &str = r#"{"1":[{"type":"custom_audience","call_count":28,"estimated_time_to_regain_access":7},
        {"type":"ads_management","estimated_time_to_regain_access":3}],"2":[{"call_count":1}]}"#;
    const HEADER: &str = "x-business-use-case-usage";
    for (headers, secs) in [
        (&[(HEADER, r#"{"1":[{"estimated_time_to_regain_access":0}]}"#)][..], Some(60)),
        (&[(HEADER, r#"{"1":[{"estimated_time_to_regain_access":-5}]}"#)], None),
        (&[(HEADER, "{}")], None),
        (&[(HEADER, "not json"), ("retry-after", "90")], Some(90)),
        (&[("retry-after", "90")], Some(90)),
        (&[], None),
    ] {
        let error = failed(reply(400, headers, fault(80_003, None))).await;
        assert_eq!(error.retry(), Retry::Safe { after: secs.map(Duration::from_secs) }, "{headers:?}");
    }
    let error = failed(reply(400, &[(HEADER, &BUSY.replace('\n', " "))], fault(17, Some(2_446_079)))).await;
    assert_eq!(error.retry(), Retry::Safe { after: Some(Duration::from_secs(420)) });
}

#[tokio::test]
async fn an_account_near_its_limit_is_spared() {
    const USE_CASE: &str = "x-business-use-case-usage";
    let clock = ManualClock::auto();
    for (header, value, secs) in [
        (USE_CASE, r#"{"1":[{"call_count":74,"total_cputime":15,"total_time":20}]}"#, 0),
        (USE_CASE, r#"{"1":[{"call_count":28,"total_cputime":80},{"total_time":3}]}"#, 15),
        (USE_CASE, r#"{"1":[{"call_count":95,"estimated_time_to_regain_access":0}]}"#, 60),
        (USE_CASE, r#"{"1":[{"call_count":100,"estimated_time_to_regain_access":2}]}"#, 120),
        ("x-ad-account-usage", r#"{"acc_id_util_pct":85.0,"reset_time_duration":100}"#, 30),
        ("x-app-usage", r#"{"call_count":10,"total_time":90,"total_cputime":3}"#, 45),
        ("x-app-usage", "planted", 0),
        (USE_CASE, "[]", 0),
    ] {
        let page = r#"{"id":"120"}"#;
        let script = Script {
            replies: Mutex::new([reply(200, &[(header, value)], page), reply(200, &[], page)].into()),
            ..Script::default()
        };
        let http = HttpClient::new(Arc::new(script))
            .with_limits(crate::http::Limits::default().with_max_wait(Duration::from_secs(600)));
        let cx = Context::new("run-1", Arc::new(clock.clone())).with_http(http);
        let before = clock.now();
        for _ in 0..2 {
            meta().size(&cx, &audience()).await.unwrap();
        }
        assert_eq!(clock.now().since(before).as_secs(), secs, "{value}");
    }
}

#[tokio::test]
async fn what_is_not_metas_json_may_have_been_applied() {
    let html = "<html><body>planted</body></html>";
    for (status, body, kind, retry) in [
        (200, html, ErrorKind::Unavailable, Retry::MaybeApplied),
        (200, "", ErrorKind::Unavailable, Retry::MaybeApplied),
        (200, "{}", ErrorKind::Unavailable, Retry::MaybeApplied),
        (200, r#"{"num_received":"many"}"#, ErrorKind::Unavailable, Retry::MaybeApplied),
        (400, html, ErrorKind::Unavailable, Retry::MaybeApplied),
        (400, r#"{"error":"planted"}"#, ErrorKind::Unavailable, Retry::MaybeApplied),
        (404, "", ErrorKind::Unavailable, Retry::MaybeApplied),
        (502, html, ErrorKind::Unavailable, Retry::MaybeApplied),
        (413, html, ErrorKind::TooLarge, Retry::Never),
        (429, "", ErrorKind::RateLimited, Retry::Safe { after: None }),
        (503, html, ErrorKind::Unavailable, Retry::Safe { after: None }),
        (302, html, ErrorKind::UnexpectedReply, Retry::Never),
    ] {
        let error = failed(reply(status, &[], body)).await;
        assert_eq!((error.kind(), error.retry()), (kind, retry), "{status} {body}");
        assert!(!format!("{error:?}").contains("planted"));
    }
}

#[tokio::test]
async fn more_than_a_request_takes_is_refused_before_it_leaves() {
    let (cx, script) = scripted([]);
    let one = row(&Member::new("1").external_id("C-1"));
    let error = meta().send(&cx, &batch(Action::Add, vec![one; 10_001])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let small = Meta::new(config().with_max_body_bytes(65_536)).unwrap();
    let error = small.send(&cx, &batch(Action::Add, vec![row(&ada()); 240])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(script.sent().is_empty());
}

fn spec() -> AudienceSpec {
    AudienceSpec::new("cart_abandon_24h", "CI | Cart Abandon")
}

fn opened() -> AudienceRef {
    audience().with_name("CI | Cart Abandon")
}

#[tokio::test]
async fn an_audience_that_is_not_there_is_created() {
    let (cx, script) = scripted([reply(200, &[], r#"{"data":[]}"#), reply(200, &[], r#"{"id":"120210000000000001"}"#)]);
    assert_eq!(meta().open(&cx, &spec()).await.unwrap(), opened());
    let sent = script.sent();
    assert_eq!((sent[0].0.as_str(), sent[0].1.as_str()), ("GET", "/v26.0/act_100200300/customaudiences"));
    let filter = r#"[{"field":"name","operator":"EQUAL","value":"CI | Cart Abandon"}]"#;
    let query: Vec<_> = script.query(0);
    assert_eq!(query[1], ("limit".to_owned(), "20".to_owned()));
    assert_eq!(query[2], ("filtering".to_owned(), filter.to_owned()));
    assert_eq!((sent[1].0.as_str(), sent[1].1.as_str()), ("POST", "/v26.0/act_100200300/customaudiences"));
    assert_eq!(
        sent[1].2,
        r#"{"name":"CI | Cart Abandon","subtype":"CUSTOM","description":"managed by audience-sync; key=cart_abandon_24h","customer_file_source":"USER_PROVIDED_ONLY"}"#
    );
}

#[tokio::test]
async fn the_one_file_audience_of_the_name_is_adopted_from_any_page() {
    let first = r#"{"data":[{"id":"1","name":"CI | Cart Abandon","subtype":"LOOKALIKE"},{"id":"2","name":"CI | Cart Abandon v2","subtype":"CUSTOM"}],
        "paging":{"cursors":{"before":"b","after":"QVFI"},"next":"https://planted.example/?access_token=planted"}}"#;
    let second = r#"{"data":[{"id":120210000000000001,"name":"CI | Cart Abandon","subtype":"CUSTOM",
        "description":"managed by audience-sync; key=cart_abandon_24h"}],"paging":{"cursors":{"after":"x"}}}"#;
    let (cx, script) = scripted([reply(200, &[], first), reply(200, &[], second)]);
    assert_eq!(meta().open(&cx, &spec()).await.unwrap(), opened());
    assert!(!script.query(0).iter().any(|(name, _)| name == "after"));
    assert!(script.query(1).contains(&("after".to_owned(), "QVFI".to_owned())));
    assert!(script.requests.lock().unwrap().iter().all(|it| it.url.host_str() == Some("graph.facebook.com")));
}

#[tokio::test]
async fn audiences_that_cannot_be_taken_are_told_apart() {
    for (page, kind) in [
        (
            r#"{"data":[{"id":"1","name":"CI | Cart Abandon"},{"id":"2","name":"CI | Cart Abandon","subtype":"CUSTOM"}]}"#,
            ErrorKind::Conflict,
        ),
        (
            r#"{"data":[{"id":"1","name":"CI | Cart Abandon","description":"managed by audience-sync; key=other"}]}"#,
            ErrorKind::Conflict,
        ),
        (r#"{"data":[{"id":"1","name":"CI | Cart Abandon","operation_status":{"code":471}}]}"#, ErrorKind::Config),
        (r#"{"data":[],"paging":{"next":"https://graph.facebook.com/"}}"#, ErrorKind::UnexpectedReply),
    ] {
        let (cx, script) = scripted([reply(200, &[], page)]);
        let error = meta().open(&cx, &spec()).await.unwrap_err();
        assert_eq!((error.kind(), error.retry()), (kind, Retry::Never), "{page}");
        assert_eq!(script.sent().len(), 1);
    }
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let page = r#"{"data":[],"paging":{"cursors":{"after":"same"},"next":"x"}}"#;
    let (cx, _) =
        scripted_on(Arc::new(ManualClock::auto()), std::iter::repeat_with(|| reply(200, &[], page)).take(300));
    assert_eq!(meta().open(&cx, &spec()).await.unwrap_err().kind(), ErrorKind::UnexpectedReply);
}

#[tokio::test]
async fn a_name_no_page_shows_well_is_not_created() {
    let (cx, script) = scripted([reply(200, &[], r#"{"data":[]}"#)]);
    let error = meta().open(&cx, &AudienceSpec::new("key", "x".repeat(101))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(script.sent().len(), 1);
}

#[tokio::test]
async fn a_known_audience_is_read_by_its_id() {
    let known = spec().with_known(audience().with_name("old").with_label("window", "24h"));
    let body =
        r#"{"id":"120210000000000001","name":"CI | Cart Abandon","subtype":"CUSTOM","operation_status":{"code":200}}"#;
    let (cx, script) = scripted([reply(200, &[], body)]);
    assert_eq!(meta().open(&cx, &known).await.unwrap(), opened().with_label("window", "24h"));
    assert_eq!(script.sent()[0].1, "/v26.0/120210000000000001");
    for (status, body, kind) in [
        (400, fault(100, Some(33)), ErrorKind::NotFound),
        (200, r#"{"id":"1","subtype":"LOOKALIKE"}"#.to_owned(), ErrorKind::Config),
        (200, r#"{"id":"1","operation_status":{"code":"471"}}"#.to_owned(), ErrorKind::Config),
    ] {
        let (cx, _) = scripted([reply(status, &[], body)]);
        assert_eq!(meta().open(&cx, &known).await.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn sizes_are_ranges_or_hidden() {
    for (body, size) in [
        (
            r#"{"id":"1","approximate_count_lower_bound":18400,"approximate_count_upper_bound":21700}"#,
            Size::Range { from: 18_400, to: 21_700 },
        ),
        (r#"{"id":"1","approximate_count_lower_bound":-1,"approximate_count_upper_bound":-1}"#, Size::Hidden),
        (r#"{"id":"1","approximate_count_lower_bound":1000,"approximate_count_upper_bound":-1}"#, Size::Hidden),
        (r#"{"id":"1","approximate_count_lower_bound":9,"approximate_count_upper_bound":1}"#, Size::Hidden),
        (r#"{"id":"1"}"#, Size::Hidden),
    ] {
        let (cx, script) = scripted([reply(200, &[], body)]);
        assert_eq!(meta().size(&cx, &audience()).await.unwrap(), size, "{body}");
        assert_eq!(script.sent()[0].1, "/v26.0/120210000000000001");
    }
}

#[tokio::test]
async fn a_check_lists_what_is_missing() {
    let account = r#"{"id":"act_100200300","name":"Acme","account_status":1,"user_tasks":["ADVERTISE","ANALYZE"],
        "tos_accepted":{"custom_audience_tos":1}}"#;
    let granted = r#"{"data":[{"permission":"ads_management","status":"granted"}]}"#;
    let (cx, script) = scripted([reply(200, &[], account), reply(200, &[], granted)]);
    let check = meta().check(&cx).await.unwrap();
    assert!(check.is_ready() && check.account.as_deref() == Some("Acme"));
    assert_eq!(check.found.len(), 4);
    assert_eq!(script.sent()[1].1, "/v26.0/me/permissions");

    let account = r#"{"id":"act_100200300","account_status":2,"user_tasks":["ANALYZE"],"tos_accepted":[]}"#;
    let declined = r#"{"data":[{"permission":"ads_management","status":"declined"}]}"#;
    let (cx, _) = scripted([reply(200, &[], account), reply(200, &[], declined)]);
    let check = meta().check(&cx).await.unwrap();
    assert_eq!((check.missing.len(), check.found.len()), (4, 0));
    assert!(check.missing.iter().any(|it| it.ends_with("customaudiences/tos/?act=100200300")), "{check:?}");

    // A "no" to the question is a finding; no answer is an error.
    let (cx, _) = scripted([reply(400, &[], fault(190, Some(463)))]);
    let check = meta().check(&cx).await.unwrap();
    assert!(check.missing[0].contains("expired"), "{check:?}");
    let (cx, _) = scripted([reply(200, &[], r#"{"id":"1"}"#), reply(400, &[], fault(100, None))]);
    assert_eq!(meta().check(&cx).await.unwrap(), Check::ready().with_account("act_100200300"));
    let (cx, _) = scripted([reply(500, &[], fault(2, None))]);
    assert_eq!(meta().check(&cx).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let bare = Context::new("run-1", Arc::new(Stopped));
    assert_eq!(meta().check(&bare).await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn people_are_forgotten_in_every_audience_of_the_account() {
    let (cx, script) = scripted([reply(200, &[], OK)]);
    let people =
        Batch::new("run-1", audience(), Action::Remove, vec![row(&ada()), row(&Member::new("2").first_name("Ada"))]);
    let rows = meta().forget(&cx, &people).await.unwrap().resolve(2).unwrap();
    // Nobody can be forgotten by a name, and nobody shall believe it was done.
    assert_eq!(rows, [RowOutcome::ACCEPTED, RowOutcome::rejected("no_identifier")]);
    let (method, path, body) = script.sent()[0].clone();
    assert_eq!((method.as_str(), path.as_str()), ("DELETE", "/v26.0/act_100200300/usersofanyaudience"));
    assert_eq!(data(&body), json!([line(&["C-1001", EMAIL, PHONE, FN, LN])]));
}

#[test]
fn configurations_that_cannot_be_right_are_refused() {
    for account in ["100200300", "act_100200300"] {
        let meta = Meta::new(MetaConfig::new(account, "TOKEN", CustomerFileSource::PartnerProvidedOnly)).unwrap();
        assert_eq!(meta.info().id, "meta:act_100200300");
    }
    for wrong in [
        MetaConfig::new("act_", "TOKEN", CustomerFileSource::UserProvidedOnly),
        MetaConfig::new("../me", "TOKEN", CustomerFileSource::UserProvidedOnly),
        MetaConfig::new("1", "", CustomerFileSource::UserProvidedOnly),
        MetaConfig::new("1", "planted\n", CustomerFileSource::UserProvidedOnly),
        config().with_app_secret(""),
        config().with_api_version("26"),
        config().with_api_version("v26"),
        config().with_api_version("v26.0/me"),
        config().with_base_url("http://127.0.0.1:8080"),
        config().with_base_url("https://10.0.0.1").with_allow_loopback(true),
        config().with_max_body_bytes(65_535),
        config().with_max_body_bytes(67_108_865),
        config().with_value_attribute(""),
        config().with_limited_data_use(LimitedDataUse { country: Some(1), ..LimitedDataUse::new() }),
        config().with_limited_data_use(LimitedDataUse { customer_consent: true, ..LimitedDataUse::new() }),
        config().with_in_flight(0),
        config().with_in_flight(33),
    ] {
        let error = Meta::new(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("configure Meta: "), "{error}");
        assert!(!format!("{error:?}").contains("planted"));
    }
    let relay = Meta::new(config().with_base_url("http://127.0.0.1:8080").with_allow_loopback(true)).unwrap();
    assert_eq!(relay.capabilities().hosts, ["127.0.0.1"]);
}

#[test]
fn configurations_are_data_with_no_field_unread() {
    let read = serde_json::from_value::<MetaConfig>;
    let least =
        json!({"account_id": "1", "access_token": "t", "customer_file_source": "both_user_and_partner_provided"});
    let config = read(least.clone()).unwrap();
    assert_eq!(config.customer_file_source.as_str(), "BOTH_USER_AND_PARTNER_PROVIDED");
    assert_eq!((config.max_body_bytes, config.in_flight), (4_194_304, 2));
    for (field, value) in [("acount_id", json!("1")), ("customer_file_source", json!("USER"))] {
        let mut wrong = least.clone();
        wrong[field] = value;
        assert!(read(wrong).is_err());
    }
    for field in ["account_id", "access_token", "customer_file_source"] {
        let mut wrong = least.clone();
        wrong.as_object_mut().unwrap().remove(field);
        assert!(read(wrong).is_err(), "{field}");
    }
}

#[tokio::test]
async fn nothing_prints_a_secret_or_a_person() {
    let config = MetaConfig::new("1", "pl4nted-token", CustomerFileSource::UserProvidedOnly).with_app_secret("pl4nted");
    let meta = Meta::new(config.clone()).unwrap();
    let member = ada().email("pl4nted@example.org").external_id("pl4nted");
    let echo = r#"{"error":{"code":100,"message":"pl4nted@example.org","error_data":"pl4nted-token"}}"#;
    let (cx, script) = scripted([reply(400, &[], echo)]);
    let batch = batch(Action::Add, vec![row(&member)]);
    let error = meta.send(&cx, &batch).await.unwrap_err();
    let printed = format!("{config:?} {meta:?} {batch:?} {error:?} {error} {script:?}");
    assert!(!printed.contains("pl4nted"), "{printed}");
    assert!(script.requests.lock().unwrap().iter().all(|it| !it.url.as_str().contains("pl4nted")));
}

#[test]
fn capabilities_are_those_of_the_platform() {
    let capabilities = meta().capabilities();
    assert_eq!(capabilities.profile.id, "meta.custom_audience");
    assert_eq!(capabilities.limits, Limits::rows(10_000).with_bytes(4_194_304 - 512));
    assert_eq!(capabilities.session, SessionKind::PerAction);
    assert_eq!(capabilities.consent, [ConsentPurpose::AdUserData, ConsentPurpose::AdPersonalization]);
    assert_eq!((capabilities.minimum_size, capabilities.size_lag.as_secs()), (Some(100), 86_400));
    assert!(capabilities.name_rules.is_long(&"x".repeat(51)) && capabilities.name_rules.fits(&"x".repeat(100)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bodies_are_json_and_cost_what_was_said(
        ids in prop::collection::vec((any::<String>(), 0usize..4, 0usize..4), 1..8),
    ) {
        let digest = |kind, n: u8| Identifier::new(kind, WireValue::Sha256([n; 32]));
        let rows: Vec<Row> = ids.iter().map(|(id, emails, phones)| {
            let mut identifiers = vec![Identifier::new(IdentifierKind::ExternalId, WireValue::clear(id.as_str()))];
            identifiers.extend((0..*emails).map(|n| digest(IdentifierKind::Email, n as u8)));
            identifiers.extend((0..*phones).map(|n| digest(IdentifierKind::Phone, n as u8)));
            row_of(identifiers)
        }).collect();
        let table = Table::new(&config());
        let fated: Vec<(usize, &Row, usize)> = rows.iter().map(|row| match table.fate(row, Call::Add) {
            Fate::Lines(lines) => (0, row, lines),
            settled => panic!("{settled:?}"),
        }).collect();
        let place = Place { session: (1 << 63) - 1, seq: u64::MAX, last: false, total: u64::MAX };
        let proof = crate::secret::Secret::new("f".repeat(64));
        let body = table.body(&fated, Call::Add, place, Some(&proof), u64::MAX).unwrap();
        let cost = rows.iter().map(|row| meta().cost(row)).fold(Cost::default(), |sum, cost| sum + cost);
        prop_assert!(body.len() as u64 <= cost.bytes + payload::ENVELOPE_BYTES);
        prop_assert!(body.len() as u64 > cost.bytes);
        let read: Value = serde_json::from_slice(&body).unwrap();
        let lines = read["payload"]["data"].as_array().unwrap();
        prop_assert_eq!(lines.len() as u64, cost.rows);
        let mut line = lines.iter();
        for ((id, emails, phones), (_, _, count)) in ids.iter().zip(&fated) {
            prop_assert_eq!(*count, (*emails).max(*phones).max(1));
            for cells in line.by_ref().take(*count) {
                prop_assert_eq!(cells.as_array().unwrap().len(), 14);
                prop_assert_eq!(cells[0].as_str(), Some(id.as_str()));
            }
        }
    }
}
