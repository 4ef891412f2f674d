//! The server's events about itself, for tests.

use std::time::Duration;

use atrail_api::{headers, paths};
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer, gunzipped};

pub(crate) const AGENT: &str = "auditor/1.0 (test)";

pub(crate) async fn server() -> TestServer {
    with_agent(TestServer::start().await)
}

pub(crate) fn with_agent(mut server: TestServer) -> TestServer {
    let http = reqwest::Client::builder().no_proxy().user_agent(AGENT);
    server.http = http.build().unwrap();
    server
}

/// Returns the text of today's events, of a space or at account level.
pub(crate) async fn today(client: &Client, at_account_level: bool) -> String {
    let scope = json!({"AtAccountLevel": at_account_level});
    let made: Value = client.post(paths::SESSIONS).json(&scope).made().await;
    let id = made["id"].as_str().unwrap();
    let text = gunzipped(&download(client, id, None).await);
    let path = format!("/v3/sessions/{id}");
    let _: Value = client.delete(&path).made().await;
    text
}

/// Returns the server's own among them.
pub(crate) fn own(text: &str) -> Vec<Value> {
    let all = text.lines().map(|line| serde_json::from_str(line).unwrap());
    all.filter(|event: &Value| event["observer"]["typeURI"] == "service/security")
        .collect()
}

pub(crate) async fn own_of_space(client: &Client) -> Vec<Value> {
    own(&today(client, false).await)
}

/// Returns the events of the account's own domain, without those of its spaces.
pub(crate) async fn own_of_account(client: &Client) -> Vec<Value> {
    let of_all = own(&today(client, true).await);
    // Later events of the space are not among the first, and do no harm.
    let of_space = own_of_space(client).await;
    let is_of_space = |event: &Value| of_space.iter().any(|one| one["id"] == event["id"]);
    of_all
        .into_iter()
        .filter(|event| !is_of_space(event))
        .collect()
}

pub(crate) fn actions(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect()
}

pub(crate) fn of_action<'a>(events: &'a [Value], action: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["action"] == action)
        .collect()
}

pub(crate) fn details(event: &Value) -> &Value {
    &event["attachments"][0]["content"]
}

pub(crate) async fn download(client: &Client, session: &str, range: Option<&str>) -> Vec<u8> {
    let mut request = client
        .get(paths::DOWNLOAD)
        .header(headers::SESSION_ID, session);
    if let Some(range) = range {
        request = request.header("Range", range);
    }
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.bytes().await.unwrap().to_vec()
}

/// Waits until the metrics page counts this many recorded events of an action.
pub(crate) async fn written(server: &TestServer, action: &str, outcome: &str, count: u64) {
    let sample =
        format!("atrail_own_events_total{{action=\"{action}\",outcome=\"{outcome}\"}} {count}");
    for _ in 0..600 {
        let page = server.nobody().get(paths::METRICS).seen().await.1;
        if page.lines().any(|line| line == sample) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("there never was {sample}");
}
