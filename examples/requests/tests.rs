//! What the dry run writes, for every connector of the catalogue that has a host to speak to.

use audience_sync::connectors::CATALOGUE;
use serde_json::{Value, json};

use super::*;

const PEOPLE: &str = r#"
{"id":"u-1","email":["Jane.Doe@Example.com","jane@work.example"],"phone":"+1 415 555 2671","first_name":"Jane","last_name":"Doe","country":"US","external_id":"u-1","traits":{"tier":"gold","value":12.5},"consent":{"ad_user_data":"granted","ad_personalization":"granted"},"occurred_at":"2026-11-23T10:00:00Z"}
{"id":"u-2","email":"planted@example.com","consent":{"ad_user_data":"denied"}}

{"id":"u-3","email":"nora@quist.se"}
"#;

/// The words of a command line, with the sample configuration.
fn args(destination: &str, more: &[&str]) -> Args {
    let config = format!("{}/examples/config/{destination}.json", env!("CARGO_MANIFEST_DIR"));
    let words = ["--destination", destination, "--config", &config, "--now", "2026-11-23T10:15:00Z"];
    Args::read(words.iter().chain(more).map(|word| (*word).to_owned())).unwrap().unwrap()
}

/// The requests, what was told, and how it ended.
async fn run(args: &Args, people: &str) -> (Vec<Value>, Result<Vec<String>, String>) {
    let people = people::read(people.as_bytes(), args.action.wants_people()).unwrap();
    let mut out = Vec::new();
    let told = dry_run(args, &people, &mut out).await.map_err(|error| error.to_string());
    let lines = String::from_utf8(out).unwrap();
    assert!(!lines.contains("sample-secret"), "{lines}");
    (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), told)
}

fn what(request: &Value) -> String {
    format!("{} {}", request["method"].as_str().unwrap(), request["url"].as_str().unwrap())
}

#[tokio::test]
async fn every_connector_with_a_host_has_a_sample_that_runs() {
    for connector in CATALOGUE {
        let path = format!("{}/examples/config/{}.json", env!("CARGO_MANIFEST_DIR"), connector.id);
        let Ok(text) = std::fs::read_to_string(&path) else {
            assert_eq!(connector.family, audience_sync::destination::Family::Warehouse, "{path} is missing");
            continue;
        };
        let destination = from_config(connector.id, serde_json::from_str(&text).unwrap()).unwrap();
        let capabilities = destination.capabilities();
        let mut actions = vec!["add", "open"];
        actions.extend(capabilities.remove.then_some("remove"));
        actions.extend(capabilities.events.then_some("record"));
        for action in actions {
            let (requests, told) = run(&args(connector.id, &["--action", action]), PEOPLE).await;
            told.unwrap_or_else(|error| panic!("{} {action}: {error}", connector.id));
            for request in requests {
                let host = url::Url::parse(request["url"].as_str().unwrap()).unwrap().host_str().unwrap().to_owned();
                assert!(capabilities.hosts.contains(&host), "{host} is not declared by {}", connector.id);
                assert_eq!(request.as_object().unwrap().len(), 4);
                assert!(!request.to_string().contains("planted"), "who did not consent is sent");
            }
        }
    }
}

#[tokio::test]
async fn meta_is_opened_and_filled() {
    let (requests, told) = run(&args("meta", &["--audience", "CI | Cart Abandon | 0-24h"]), PEOPLE).await;
    let whats: Vec<String> = requests.iter().map(what).collect();
    assert_eq!(whats.len(), 3, "{whats:?}");
    assert!(whats[0].starts_with("GET https://graph.facebook.com/v26.0/act_100200300/customaudiences?fields="));
    assert_eq!(whats[1], "POST https://graph.facebook.com/v26.0/act_100200300/customaudiences");
    assert_eq!(whats[2], "POST https://graph.facebook.com/v26.0/120210000000000001/users");
    assert_eq!(requests[1]["body"]["name"], "CI | Cart Abandon | 0-24h");
    assert_eq!(requests[2]["headers"]["authorization"], "Bearer [redacted]");
    let data = requests[2]["body"]["payload"]["data"].as_array().unwrap();
    // Two addresses are two lines.
    assert_eq!(data.len(), 3);
    let told = told.unwrap();
    assert!(told.contains(&"accepted: 2".to_owned()), "{told:?}");
    assert!(told.contains(&"members left out: no consent: 1".to_owned()), "{told:?}");
}

#[tokio::test]
async fn a_known_audience_is_not_looked_for_and_the_same_call_writes_the_same() {
    let args = args("meta", &["--action", "remove", "--audience-id", "77"]);
    let (requests, told) = run(&args, PEOPLE).await;
    assert_eq!(requests.iter().map(what).collect::<Vec<_>>(), ["DELETE https://graph.facebook.com/v26.0/77/users"]);
    // A removal asks nobody for consent.
    assert_eq!(told.unwrap(), ["accepted: 3"]);
    assert_eq!(run(&args, PEOPLE).await.0, requests);
}

#[tokio::test]
async fn given_replies_go_before_the_samples_and_a_failure_shows_what_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replies.json");
    let script = json!([{ "url": "/users", "reply": { "status": 400, "body": { "error": { "code": 80003 } } } }]);
    std::fs::write(&path, script.to_string()).unwrap();
    let (requests, told) = run(&args("meta", &["--replies", path.to_str().unwrap()]), PEOPLE).await;
    assert_eq!(requests.len(), 3);
    assert!(told.unwrap_err().contains("(code 80003)"));
}

#[tokio::test]
async fn events_are_recorded() {
    let (requests, _) = run(&args("mixpanel", &["--action", "record", "--audience", "Order"]), PEOPLE).await;
    assert_eq!(requests.len(), 1);
    let events = requests[0]["body"].as_array().unwrap();
    assert_eq!(events.len(), 2 + 1);
    assert_eq!(events[0]["event"], "Order");
    assert_eq!(events[0]["properties"]["distinct_id"], "u-1");
}

#[test]
fn a_command_line_is_read_or_refused() {
    let read = |words: &[&str]| Args::read(words.iter().map(|word| (*word).to_owned()));
    assert!(read(&["--help"]).unwrap().is_none());
    for words in [
        &[][..],
        &["--destination", "meta"],
        &["--config"],
        &["--destination", "meta", "--config", "x", "--action", "destroy"],
        &["--destination", "meta", "--config", "x", "--now", "today"],
        &["meta"],
    ] {
        assert!(read(words).is_err(), "{words:?}");
    }
}

#[test]
fn a_line_that_is_no_member_is_told_without_its_values() {
    for line in ["planted", r#"{"email":"planted@example.com"}"#, r#"{"id":7}"#, r#"{"id":"a","email":{"planted":1}}"#]
    {
        let error = people::read(line.as_bytes(), true).unwrap_err().to_string();
        assert!(error.starts_with("line 1: expected ") && !error.contains("planted"), "{error}");
    }
}
