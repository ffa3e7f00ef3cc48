//! Columns, values, limited data use, named entries, replacements.

use sha2::Digest;

use super::*;
use crate::identity::{AttributeValue, Decimal};

#[tokio::test]
async fn every_column_is_filled_and_each_device_is_a_line() {
    let member = ada()
        .identifier(IdentifierKind::Gender, "F")
        .identifier(IdentifierKind::BirthDate, "1985-03-07")
        .identifier(IdentifierKind::City, "New York")
        .identifier(IdentifierKind::Region, "NY")
        .identifier(IdentifierKind::Postal, "10001-1234")
        .identifier(IdentifierKind::Country, "US")
        .identifier(IdentifierKind::Idfa, "AEBE52E7-03EE-455A-B3C4-E57283966239")
        .identifier(IdentifierKind::Gaid, "38400000-8cf0-11bd-b23e-10b96e40000d")
        .country("US");
    let (cx, script) = scripted([reply(200, &[], OK)]);
    meta().send(&cx, &batch(Action::Add, vec![row(&member)])).await.unwrap();
    let sha = |text: &str| const_hex::encode(sha2::Sha256::digest(text));
    let cells = |device: &str, email: &str, phone: &str| {
        let (f, y, m, d) = (sha("f"), sha("1985"), sha("03"), sha("07"));
        let (ct, st, zip, country) = (sha("newyork"), sha("ny"), sha("10001"), sha("us"));
        json!(["C-1001", email, phone, FN, LN, f, y, m, d, ct, st, zip, country, device])
    };
    let sent = data(&script.sent()[0].2);
    let (idfa, gaid) = ("aebe52e7-03ee-455a-b3c4-e57283966239", "38400000-8cf0-11bd-b23e-10b96e40000d");
    assert_eq!(sent, json!([cells(idfa, EMAIL, PHONE), cells(gaid, "", "")]));
    assert_eq!(meta().cost(&row(&member)).rows, 2);
}

fn worth(value: impl Into<AttributeValue>) -> Row {
    let mut row = row(&ada());
    row.attributes = Attributes::new([("ltv".into(), value.into())]);
    row
}

#[tokio::test]
async fn a_value_based_audience_has_a_value_of_everybody() {
    let meta = Meta::new(config().with_value_attribute("ltv")).unwrap();
    let decimal = |text| AttributeValue::from(Decimal::parse(text).unwrap());
    let (cx, script) = scripted([reply(200, &[], OK), reply(200, &[], OK)]);
    let rows = vec![
        worth(0),
        worth(decimal("44.50")),
        worth(decimal("007.5")),
        worth(decimal("0.25")),
        worth(-1),
        worth(decimal("-0.5")),
        worth("12"),
        row(&ada()),
    ];
    let cost = rows[..4].iter().map(|row| meta.cost(row)).fold(Cost::default(), |sum, cost| sum + cost);
    let outcome = meta.send(&cx, &batch(Action::Add, rows)).await.unwrap();
    let no_value = || RowOutcome::rejected_field("no_value", "ltv");
    let fine = || RowOutcome::ACCEPTED;
    let expected = [fine(), fine(), fine(), fine(), no_value(), no_value(), no_value(), no_value()];
    assert_eq!(outcome.resolve(8).unwrap(), expected);
    let body = script.sent()[0].2.clone();
    assert!(body.len() as u64 <= cost.bytes + payload::ENVELOPE_BYTES);
    let read: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(read["payload"]["schema"][14], "LOOKALIKE_VALUE");
    let values: Vec<f64> = data(&body).as_array().unwrap().iter().map(|line| line[14].as_f64().unwrap()).collect();
    assert_eq!(values, [0.0, 44.5, 7.5, 0.25]);
    // A removal has no value, and needs none.
    meta.send(&cx, &batch(Action::Remove, vec![row(&ada())])).await.unwrap();
    assert_eq!(data(&script.sent()[1].2), json!([line(&["C-1001", EMAIL, PHONE, FN, LN])]));
}

#[tokio::test]
async fn a_value_based_audience_is_created_as_one_and_none_is_taken_for_another() {
    let valued = || Meta::new(config().with_value_attribute("ltv")).unwrap();
    let (cx, script) = scripted([reply(200, &[], r#"{"data":[]}"#), reply(200, &[], r#"{"id":"120"}"#)]);
    valued().open(&cx, &spec()).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&script.sent()[1].2).unwrap()["is_value_based"], true);
    for (meta, is) in [(valued(), false), (meta(), true)] {
        let found = json!({"id": "120", "name": spec().name, "subtype": "CUSTOM", "is_value_based": is});
        let (cx, _) =
            scripted([reply(200, &[], json!({"data": [found]}).to_string()), reply(200, &[], found.to_string())]);
        assert_eq!(meta.open(&cx, &spec()).await.unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(meta.open(&cx, &spec().with_known(opened())).await.unwrap_err().kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn limited_data_use_stands_in_every_line() {
    let mut flagged = row(&ada());
    flagged.attributes = Attributes::new([("ccpa".into(), true.into())]);
    let limited = LimitedDataUse::new;
    let ldu = json!(["LDU"]);
    for (limited, cells) in [
        (limited(), [vec![ldu.clone()], vec![ldu.clone()]]),
        (limited().with_attribute("ccpa"), [vec![ldu.clone()], vec![json!([])]]),
        (
            limited().with_attribute("ccpa").with_place(1, 1_000),
            [vec![ldu.clone(), json!(1), json!(1_000)], vec![json!([]), json!(0), json!(0)]],
        ),
    ] {
        let placed = limited.country.is_some();
        let meta = Meta::new(config().with_limited_data_use(limited)).unwrap();
        let (cx, script) = scripted([reply(200, &[], OK), reply(200, &[], OK)]);
        meta.send(&cx, &batch(Action::Add, vec![flagged.clone(), row(&ada())])).await.unwrap();
        let read: Value = serde_json::from_str(&script.sent()[0].2).unwrap();
        let schema = read["payload"]["schema"].as_array().unwrap()[14..].to_vec();
        let words = ["DATA_PROCESSING_OPTIONS", "DATA_PROCESSING_OPTIONS_COUNTRY", "DATA_PROCESSING_OPTIONS_STATE"];
        assert_eq!(schema, words[..if placed { 3 } else { 1 }]);
        for (line, cells) in data(&script.sent()[0].2).as_array().unwrap().iter().zip(&cells) {
            assert_eq!(&line.as_array().unwrap()[14..], cells);
        }
        assert_eq!(read.get("customer_consent"), None);
        // A removal does not know whom it is for: for everybody.
        meta.send(&cx, &batch(Action::Remove, vec![row(&ada())])).await.unwrap();
        assert_eq!(data(&script.sent()[1].2)[0][14], ldu);
    }
    let mut consented = limited().with_place(1, 1_000);
    consented.customer_consent = true;
    let meta = Meta::new(config().with_limited_data_use(consented)).unwrap();
    let (cx, script) = scripted([reply(200, &[], OK)]);
    meta.send(&cx, &batch(Action::Add, vec![row(&ada())])).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&script.sent()[0].2).unwrap()["customer_consent"], true);
}

#[tokio::test]
async fn a_row_that_meta_names_is_rejected() {
    let other = || row(&Member::new("2").external_id("C-2"));
    let two = || row(&ada().email("ada.lovelace+news@gmail.com").external_id("C-1001"));
    let entry = || RowOutcome::rejected("invalid_entry");
    let fine = || RowOutcome::ACCEPTED;
    for (samples, invalid, rows, unattributed) in [
        (json!({"C-2": "x"}), 1, [fine(), entry()], 0),
        (json!([EMAIL]), 1, [entry(), fine()], 0),
        (json!([EMAIL, "C-2", "C-1001", "C-9"]), 2, [entry(), entry()], 0),
        (json!({"C-2": "x"}), 2, [fine(), entry()], 1),
        (json!({"C-2": "x", "C-1001": ""}), 1, [fine(), fine()], 1),
        (json!({"C-9": "x"}), 1, [fine(), fine()], 1),
        (json!(7), 1, [fine(), fine()], 1),
    ] {
        let body =
            json!({"num_received": 9, "num_invalid_entries": invalid, "invalid_entry_samples": samples}).to_string();
        let outcome = added(vec![row(&ada()), other()], &body).await.unwrap();
        assert_eq!(outcome.unattributed(), unattributed, "{samples}");
        assert_eq!(outcome.resolve(2).unwrap(), rows, "{samples}");
    }
    // One line of two: the member may be in by the other. And a value that two rows have names neither.
    let body = |sample: &str| {
        json!({"num_received": 9, "num_invalid_entries": 1, "invalid_entry_samples": [sample]}).to_string()
    };
    assert_eq!(added(vec![two(), other()], &body(GMAIL)).await.unwrap().unattributed(), 1);
    assert_eq!(added(vec![other(), other()], &body("C-2")).await.unwrap().unattributed(), 1);
}

#[tokio::test]
async fn an_audience_is_replaced_within_its_time() {
    let normal = r#"{"id":"120","operation_status":{"code":200,"description":"Normal"}}"#;
    let clock = ManualClock::auto();
    let (cx, script) =
        scripted_on(Arc::new(clock.clone()), [reply(200, &[], normal), reply(200, &[], OK), reply(200, &[], OK)]);
    let rows = || vec![row(&ada())];
    let session = meta().begin(&cx, &SessionSpec::new("run-1", audience(), None, 2)).await.unwrap();
    let part =
        |seq, last| Batch::new("run-1", audience(), Action::Add, rows()).with_session(session.clone(), seq, last);
    meta().send(&cx, &part(1, false)).await.unwrap();
    clock.advance(Duration::from_secs(5_399));
    meta().send(&cx, &part(2, true)).await.unwrap();
    let sent = script.sent();
    let path = "/v26.0/120210000000000001/usersreplace";
    assert_eq!((sent[1].0.as_str(), sent[1].1.as_str()), ("POST", path));
    let read = |index: usize| serde_json::from_str::<Value>(&sent[index].2).unwrap()["session"].clone();
    assert_eq!((&read(1)["batch_seq"], &read(1)["last_batch_flag"]), (&json!(1), &json!(false)));
    assert_eq!((&read(2)["batch_seq"], &read(2)["last_batch_flag"]), (&json!(2), &json!(true)));
    assert_eq!(read(1)["session_id"], read(2)["session_id"]);
    clock.advance(Duration::from_secs(1));
    let late = meta().send(&cx, &part(3, true)).await.unwrap_err();
    assert_eq!((late.kind(), late.retry()), (ErrorKind::Conflict, Retry::Never));
    assert!(late.message().contains("add the rest"));
    let removal = Batch::new("run-1", audience(), Action::Remove, rows()).with_session(session.clone(), 3, true);
    assert_eq!(meta().send(&cx, &removal).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(meta().finish(&cx, &session).await.unwrap(), Outcome::accepted());
    assert_eq!(script.sent().len(), 3);
}

#[tokio::test]
async fn a_replacement_that_cannot_go_well_is_not_begun() {
    let begin = async |rows, status: &str| {
        let audience_is = format!(r#"{{"id":"120","operation_status":{{"code":{status}}}}}"#);
        let (cx, _) = scripted([reply(200, &[], audience_is)]);
        meta().begin(&cx, &SessionSpec::new("run-1", audience(), None, rows)).await.map_err(|error| error.kind())
    };
    assert_eq!(begin(0, "200").await, Err(ErrorKind::Config));
    assert_eq!(begin(3_600_001, "200").await, Err(ErrorKind::Config));
    assert_eq!(begin(100_000_000, "200").await, Err(ErrorKind::Config));
    assert_eq!(begin(5, "300").await, Err(ErrorKind::Conflict));
    assert_eq!(begin(5, "471").await, Err(ErrorKind::Conflict));
    assert!(begin(5, "410").await.is_ok());
    let first = begin(3_600_000, "200").await.unwrap();
    // Each is a session of its own: a second one never goes on with the first.
    assert_ne!(
        meta().begin(&scripted([]).0, &SessionSpec::new("run-1", audience(), Some(Action::Add), 5)).await.unwrap(),
        first
    );
}
