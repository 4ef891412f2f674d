//! Sending events.

use std::io::Write;
use std::time::Duration;

use atrail_api::{AckOrRefusal, DaySummary, paths};
use atrail_evidence::leaf_hash;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer, event, event_at, events, gunzipped};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Returns the number of events that clients sent: the server's own events are in the hour of the test.
async fn count(client: &Client) -> u64 {
    let sent = client.get("/v3/events?SearchTime=0-9");
    let days: Vec<DaySummary> = sent.made().await;
    days.iter().map(|day| day.count).sum()
}

#[tokio::test]
async fn acknowledgements_come_in_order_with_the_leaf_hash_of_the_stored_line() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let body = format!("[{},{},{}]", event(1), "{\"id\":7}", event(2));
    let answer = admin.post(paths::EVENTS).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 207);
    let acks: Vec<AckOrRefusal> = answer.json().await.unwrap();
    let ack = |id: usize| AckOrRefusal::Ack {
        id: format!("event-{id}"),
        value: leaf_hash(event(id).as_bytes()).to_string(),
        kind: None,
    };
    assert_eq!(acks.len(), 3);
    assert_eq!((&acks[0], &acks[2]), (&ack(1), &ack(2)));
    assert!(matches!(acks[1], AckOrRefusal::Refusal { index: 1, .. }));
    assert_eq!(count(&admin).await, 2);
}

#[tokio::test]
async fn every_framing_and_encoding_stores_the_same_bytes() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let lines = |ids: &[usize]| ids.iter().map(|id| event(*id) + "\n").collect::<String>();
    let send = |encoding: &'static str, body: Vec<u8>| {
        let request = admin.post(paths::EVENTS);
        request.header("Content-Encoding", encoding).body(body)
    };
    let members = [gzip(&lines(&[1])), gzip(&lines(&[2, 3]))].concat();
    let zstd = zstd::encode_all(lines(&[4, 5]).as_bytes(), 3).unwrap();
    let log = format!("{{\"events\":[{},{}]}}", event(6), event(7));
    for (encoding, body) in [
        ("gzip", members),
        ("zstd", zstd),
        ("identity", log.into_bytes()),
        ("identity", event(8).into_bytes()),
    ] {
        assert_eq!(send(encoding, body).seen().await.0, 200);
    }
    let session = admin.session().await;
    let bytes = admin.get(paths::DOWNLOAD).header("SESSIONID", session);
    let bytes = bytes.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(gunzipped(&bytes), lines(&[1, 2, 3, 4, 5, 6, 7, 8]));
}

#[tokio::test]
async fn a_body_declared_as_lines_is_read_line_by_line() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let event: Value = serde_json::from_str(&event(1)).unwrap();
    let over_lines = serde_json::to_string_pretty(&event).unwrap();
    let send = |media_type: &'static str| {
        let request = admin.post(paths::EVENTS).header("Content-Type", media_type);
        request.body(over_lines.clone())
    };
    let (status, answer) = send("application/x-ndjson; charset=utf-8").seen().await;
    assert_eq!(status, 400);
    let refusals: Vec<Value> = serde_json::from_str(&answer).unwrap();
    assert_eq!(refusals.len(), over_lines.lines().count());
    assert_eq!(send("application/json").seen().await.0, 200);
    assert_eq!(count(&admin).await, 1);
}

#[tokio::test]
async fn a_large_body_goes_another_way_to_the_same_end() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let body = events(5000);
    let answer = admin
        .post(paths::EVENTS)
        .header("Prefer", "respond-async, return=\"minimal\"; x=1")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["preference-applied"], "return=minimal");
    let counts: Value = answer.json().await.unwrap();
    assert_eq!(
        counts,
        json!({"accepted": 5000, "duplicates": 0, "refused": 0, "not_read": 0})
    );
    assert_eq!(count(&admin).await, 5000);
}

#[tokio::test]
async fn a_missing_id_is_added_and_told() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let without = event(1).replace(r#""id":"event-1","#, "");
    let acks: Vec<AckOrRefusal> = admin.post(paths::EVENTS).body(without.clone()).made().await;
    let [AckOrRefusal::Ack { id, value, .. }] = &acks[..] else {
        panic!("{acks:?}");
    };
    let line = format!("{},\"id\":\"{id}\"}}", &without[..without.len() - 1]);
    assert_eq!(*value, leaf_hash(line.as_bytes()).to_string());
}

#[tokio::test]
async fn account_events_are_apart_from_those_of_its_spaces() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.send_events(event(1)).await;
    let to_account = admin.post("/v3/events?AtAccountLevel=true&type=cadf");
    let _: Value = to_account.body(event(2)).made().await;
    assert_eq!(count(&admin).await, 1);
    let sent = admin.get("/v3/events?AtAccountLevel=true&SearchTime=0-9");
    let all: Vec<DaySummary> = sent.made().await;
    assert_eq!(all[0].count, 2);
}

#[tokio::test]
async fn the_days_of_status_and_deletion_are_those_that_were_asked_for() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for (id, day) in ["11", "12", "20", "24", "25"].iter().enumerate() {
        let time = format!("2017-07-{day}T01:00:00Z");
        admin.send_events(event_at(id, &time)).await;
    }
    let days = |query: &str| {
        let request = admin.get(&format!("/v3/events{query}"));
        async move {
            let rows: Vec<DaySummary> = request.made().await;
            rows.iter()
                .map(|row| row.date[8..].to_owned())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(days("").await, ["12", "20", "24", "25"]);
    assert_eq!(days("?start=2017-07-24").await, ["24", "25"]);
    assert_eq!(days("?end=2017-07-24").await, ["11", "12", "20", "24"]);
    assert_eq!(days("?start=yesterday&end=yesterday").await, ["24"]);
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(
        ["{\"start\":\"2017-", "07-20\",\"end\":\"2017-07-20\"}"].map(Ok::<_, std::io::Error>),
    ));
    let asked = admin
        .get(paths::EVENTS)
        .header("Transfer-Encoding", "chunked");
    let rows: Vec<DaySummary> = asked.body(chunked).made().await;
    assert_eq!(rows.len(), 1);

    let scope = json!({"start": "2017-07-20", "end": "2017-07-24"});
    let freed = event_at(2, "2017-07-20T01:00:00Z").len() * 2;
    let mut dry = scope.clone();
    dry["DryRun"] = true.into();
    let said: String = admin.delete(paths::EVENTS).json(&dry).made().await;
    assert_eq!(
        said,
        format!("2 logs would be deleted, freeing {freed} bytes.")
    );
    let said: String = admin.delete(paths::EVENTS).json(&scope).made().await;
    assert_eq!(said, format!("2 logs were deleted, freeing {freed} bytes."));
    assert_eq!(days("").await, ["12", "25"]);
}

/// OpenStack's middleware sends two events with one id: `pending`, then the outcome.
#[tokio::test]
async fn one_id_with_two_texts_is_two_events_and_each_is_stored_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let pairs: String = (0..1000)
        .flat_map(|id| [event(id).replace("success", "pending"), event(id)])
        .map(|line| line + "\n")
        .collect();
    for round in 0..3 {
        let request = admin.post(paths::EVENTS).header("Prefer", "return=minimal");
        let counts: Value = request.body(pairs.clone()).made().await;
        let duplicates = if round == 0 { 0 } else { 2000 };
        assert_eq!(
            counts,
            json!({"accepted": 2000, "duplicates": duplicates, "refused": 0, "not_read": 0})
        );
        // The server seals them before the third round.
        admin.session().await;
    }
    assert_eq!(count(&admin).await, 2000);
}

#[tokio::test]
async fn a_request_with_a_key_does_its_work_once_also_after_a_restart() {
    let server = TestServer::start().await;
    let kong = "{\"started_at\":1500973200000,\"latencies\":{},\"request\":{\"method\":\"GET\"}}";
    let nameless = event(1).replace("\"id\":\"event-1\",", "");
    let body = format!("{nameless}\n{nameless}\n{kong}\n");
    let send = async |client: &Client, key: Option<&str>| {
        let mut request = client.post(paths::EVENTS).body(body.clone());
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        request.seen().await
    };
    let admin = server.admin().await;
    let first = send(&admin, Some("a")).await;
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(send(&admin, Some("a")).await, first, "the same receipts");
    assert_eq!(count(&admin).await, 3, "two equal events are two");
    assert_ne!(send(&admin, Some("b")).await, first);
    assert_ne!(send(&admin, None).await, first);
    let other = server.user("other", false, &[server.owner()]).await;
    assert_ne!(send(&other, Some("a")).await, first, "a key is its user's");
    assert_eq!(count(&admin).await, 12, "the control");
    let server = server.restart().await;
    let admin = server.admin().await;
    assert_eq!(send(&admin, Some("a")).await, first);
    assert_eq!(count(&admin).await, 12);
    let (status, code) = admin
        .post(paths::EVENTS)
        .header("Idempotency-Key", "x".repeat(256))
        .body(body.clone())
        .refused()
        .await;
    assert_eq!((status, code.as_str()), (400, "bad_request"));
}

#[tokio::test]
async fn a_session_with_a_key_is_made_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let make = async |day: &str| -> Value {
        let request = admin.post(paths::SESSIONS).header("Idempotency-Key", "k");
        request.json(&json!({"start": day})).made().await
    };
    let (first, second) = tokio::join!(make("2017-07-24"), make("2017-07-24"));
    assert_eq!(first, second);
    assert_ne!(make("2017-07-25").await["id"], first["id"], "another scope");
    let all: Vec<Value> = admin.get(paths::SESSIONS).made().await;
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn a_session_with_a_key_that_is_asked_for_again_after_midnight_is_the_same() {
    let server = TestServer::start().await;
    let make = async |key: &str, body: Value| -> Value {
        // An access token expires within the night.
        let admin = server.admin().await;
        let request = admin.post(paths::SESSIONS).header("Idempotency-Key", key);
        request.json(&body).made().await
    };
    let (by_default, named) = (json!({}), json!({"start": "yesterday"}));
    let first = make("a", by_default.clone()).await;
    let yesterday = make("a", named.clone()).await;
    assert_ne!(first["id"], yesterday["id"], "other words");
    server.clock.advance(Duration::from_secs(86_400));
    assert_eq!(make("a", by_default.clone()).await, first);
    assert_eq!(make("a", named).await, yesterday);
    let other = make("b", by_default).await;
    assert_ne!(
        other["date-range"], first["date-range"],
        "the control: {other}"
    );
}

#[tokio::test]
async fn the_answer_says_what_was_no_cadf() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let kong = r#"{"started_at":1500890400000,"latencies":{},"request":{"method":"GET"}}"#;
    let body = format!("{}\n{kong}\n", event(1));
    let acks: Vec<Value> = admin.post(paths::EVENTS).body(body.clone()).made().await;
    assert_eq!(acks[0].get("type"), None);
    assert_eq!(acks[1]["type"], "kong");
    let minimal = admin.post(paths::EVENTS).header("Prefer", "return=minimal");
    let counts: Value = minimal.body(body).made().await;
    let types = json!({"cadf": 1, "kong": 1});
    let expected =
        json!({"accepted": 2, "duplicates": 1, "refused": 0, "not_read": 0, "types": types});
    assert_eq!(counts, expected);
}
