//! A machine's clock that jumps, from the point of view of clients and operators.

use std::time::Duration;

use atrail_api::{OptionRow, RetentionState, headers, paths};
use atrail_model::{Clock, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Made, TestServer};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn right(server: &TestServer) -> Timestamp {
    server.clock.now()
}

async fn metric(server: &TestServer, name: &str) -> f64 {
    let page = server.http.get(server.url(paths::METRICS)).send().await;
    let page = page.unwrap().text().await.unwrap();
    let line = page.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Returns the events of this action in the account's own domain and its spaces.
async fn on_record(server: &TestServer, action: &str) -> Vec<Value> {
    let admin = server.admin().await;
    let everything = json!({"start": "2017-01-01", "end": "2019-12-31", "AtAccountLevel": true});
    let session: Value = admin.post(paths::SESSIONS).json(&everything).made().await;
    let id = session["id"].as_str().unwrap();
    let answer = admin
        .get(paths::DOWNLOAD)
        .header(headers::SESSION_ID, id)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let mut text = String::new();
    let bytes = answer.bytes().await.unwrap();
    std::io::Read::read_to_string(
        &mut flate2::read::MultiGzDecoder::new(&bytes[..]),
        &mut text,
    )
    .unwrap();
    let path = format!("{}/{id}", paths::SESSIONS);
    let _: Value = admin.delete(&path).made().await;
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["action"] == action)
        .collect()
}

/// Waits until there are `count` of them: the server checks its clock every second.
async fn recorded(server: &TestServer, action: &str, count: usize) -> Vec<Value> {
    for _ in 0..100 {
        let events = on_record(server, action).await;
        if events.len() >= count {
            assert_eq!(events.len(), count, "{events:?}");
            return events;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    panic!("{action} is not on record");
}

#[tokio::test]
async fn a_jump_is_told_and_waits_for_the_operator() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let _: Vec<OptionRow> = admin
        .request(Method::PUT, paths::OPTIONS)
        .json(&json!({"retention": 90}))
        .made()
        .await;
    let note = async |path: &str| {
        let answer = server.admin().await.get(path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers().get(headers::NOTE).cloned()
    };
    assert_eq!(note(paths::EVENTS).await, None);
    let state: RetentionState = admin.get(paths::RETENTION).made().await;
    assert_eq!(serde_json::to_value(state.state).unwrap(), "agrees");
    assert_eq!((state.seconds, state.note), (0, None));
    assert_eq!(metric(&server, "atrail_clock_ahead_seconds").await, 0.0);

    server.clock.set(right(&server) + YEAR);
    let admin = server.admin().await;
    for path in [paths::EVENTS, paths::OPTIONS] {
        let note = note(path).await.unwrap();
        let note = note.to_str().unwrap();
        assert!(note.contains("admin retention resume"), "{note}");
    }
    let state: RetentionState = admin.get(paths::RETENTION).made().await;
    assert_eq!(serde_json::to_value(state.state).unwrap(), "ahead");
    assert_eq!(state.seconds, YEAR.as_secs());
    assert!(state.clock.starts_with("2018-07-25T") && state.passed.starts_with("2017-07-25T"));
    assert!(metric(&server, "atrail_clock_ahead_seconds").await > 0.0);
    let suspended = &recorded(&server, "suspend.retention", 1).await[0];
    assert_eq!(suspended["observer"]["id"], suspended["initiator"]["id"]);
    let time = suspended["eventTime"].as_str().unwrap();
    assert!(
        time.starts_with("2017-07-25T"),
        "under the day that is known: {time}"
    );

    let state: RetentionState = admin.post(paths::RETENTION).made().await;
    assert_eq!(serde_json::to_value(state.state).unwrap(), "agrees");
    assert_eq!(note(paths::EVENTS).await, None);
    let resumed = &recorded(&server, "resume.retention", 1).await[0];
    assert_eq!(resumed["initiator"]["name"], "admin");
    // The server counts earlier jumps, and reports them once.
    recorded(&server, "suspend.retention", 1).await;
    assert_eq!(metric(&server, "atrail_clock_jumps_total").await, 1.0);
}

#[tokio::test]
async fn the_throttle_waits_for_as_long_as_it_says_whatever_the_clock_does() {
    let server = TestServer::start().await;
    let start = right(&server);
    let tried = async |password: &str| {
        let form = [
            ("grant_type", "password"),
            ("username", server.initial.user.as_str()),
            ("password", password),
        ];
        server.token(&form).await.status().as_u16()
    };
    server.clock.set(start + YEAR);
    for _ in 0..10 {
        assert_eq!(tried("wrong").await, 400);
    }
    assert_eq!(tried("wrong").await, 429);
    server.clock.set(start + 2 * YEAR);
    assert_eq!(tried("wrong").await, 429, "no jump shortens the wait");
    server.clock.set(start);
    server.clock.advance(2 * MINUTE);
    let password = server.initial.password.clone();
    assert_eq!(tried(&password).await, 200, "none lengthens it");
}

#[tokio::test]
async fn what_was_issued_while_the_clock_was_ahead_is_not_good_for_as_long() {
    let server = TestServer::start().await;
    let start = right(&server);
    let early = server.admin().await;
    server.clock.set(start + YEAR);
    let late = server.admin().await;
    assert_eq!(late.get(paths::SESSIONS).seen().await.0, 200);
    server.clock.set(start);
    assert_eq!(late.get(paths::SESSIONS).seen().await.0, 401);
    assert_eq!(early.get(paths::SESSIONS).seen().await.0, 200);
}

#[tokio::test]
async fn a_spent_refresh_token_is_refused_after_the_clock_was_set_back() {
    let server = TestServer::start().await;
    let refreshed = async |token: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        server.token(&form).await.status().as_u16()
    };
    let first = server.login("apikey", &server.initial.api_key).await;
    server.clock.advance(2 * MINUTE);
    assert_eq!(refreshed(&first.refresh_token).await, 200);
    server.clock.set(right(&server) - MINUTE);
    assert_eq!(refreshed(&first.refresh_token).await, 400);
}

#[tokio::test]
async fn a_session_lives_through_jumps_and_its_download_is_on_record_to_the_end() {
    let server = TestServer::start().await;
    let start = right(&server);
    let admin = server.admin().await;
    let session: Value = admin.post(paths::SESSIONS).json(&json!({})).made().await;
    let id = session["id"].as_str().unwrap();
    let part = async |range: &str| {
        let answer = server
            .admin()
            .await
            .get(paths::DOWNLOAD)
            .header(headers::SESSION_ID, id)
            .header("range", range)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 206);
        answer.bytes().await.unwrap().len()
    };
    assert_eq!(part("bytes=0-4").await, 5);
    server.clock.set(start + YEAR);
    // The server forgets downloads of ended sessions every second.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    part("bytes=5-").await;
    server.clock.set(start);
    let parts: Vec<_> = on_record(&server, "download.events").await;
    let parts: Vec<_> = parts
        .iter()
        .map(|event| &event["attachments"][0]["content"])
        .filter(|details| details["session"] == id)
        .map(|details| details["part"].as_str().unwrap())
        .collect();
    // Each login has a reading of its own.
    assert_eq!(parts.len(), 3, "{parts:?}");
    assert!(
        parts.contains(&"start") && parts.contains(&"end"),
        "{parts:?}"
    );
    let shown: Value = admin.get(&format!("{}/{id}", paths::SESSIONS)).made().await;
    assert_eq!(shown["id"], id);
    // The control: the passing of time ends the session.
    server.clock.advance(8 * DAY);
    let admin = server.admin().await;
    let gone = admin.get(&format!("{}/{id}", paths::SESSIONS)).seen().await;
    assert_eq!(gone.0, 404);
}
