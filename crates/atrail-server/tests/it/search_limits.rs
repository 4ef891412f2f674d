//! What a search may take, and when it ends early.

use std::time::Duration;

use atrail_api::paths;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::searches::{sample, search, until_sample};
use crate::support::{Client, Made, TestServer, noise};

/// The text of a request that is sent by hand.
fn by_hand(client: &Client, path: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\nX-Auth-Project-Id: {}\r\nContent-Length: {}\r\n\r\n{body}",
        client.token.as_deref().unwrap(),
        client.space.as_deref().unwrap(),
        body.len(),
    )
}

/// A query that no index answers, and that takes long.
fn long() -> Value {
    let parts: Vec<_> = (0..20)
        .map(|n| format!("noise:/q{n}.*z{n}.*q{n}/"))
        .collect();
    json!({"query": parts.join(" OR ")})
}

#[tokio::test]
async fn a_search_that_nobody_waits_for_ends_and_frees_its_place() {
    let server = TestServer::with(|settings| settings.search.at_once = 1).await;
    let admin = server.admin().await;
    for part in 0..3 {
        admin.send_events(noise(part, 12)).await;
    }
    let running = "atrail_searches_running{kind=\"search\"}";
    let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
    let request = by_hand(&admin, paths::SEARCH, &long());
    stream.write_all(request.as_bytes()).await.unwrap();
    until_sample(&server, running, 1).await;
    // The only place is taken: the next one waits.
    let other = tokio::spawn({
        let admin = admin.clone();
        async move { search(&admin, json!({"query": "id:event-1"})).await.ids() }
    });
    until_sample(&server, "atrail_searches_waiting", 1).await;
    drop(stream);
    assert_eq!(other.await.unwrap(), ["event-1"]);
    let ended = |outcome| format!("atrail_searches_total{{kind=\"search\",outcome=\"{outcome}\"}}");
    assert_eq!(sample(&server, &ended("cancelled")).await, 1);
    assert_eq!(sample(&server, &ended("done")).await, 1);
    assert_eq!(sample(&server, running).await, 0);
}

#[tokio::test]
async fn a_search_has_a_time_and_the_answer_says_so() {
    let brief = TestServer::with(|settings| settings.search.time_limit = Duration::from_millis(1));
    let server = brief.await;
    let admin = server.admin().await;
    admin.send_events(noise(0, 8)).await;
    let (status, text) = admin.post(paths::SEARCH).json(&long()).seen().await;
    assert_eq!(status, 422, "{text}");
    assert!(
        text.contains("search_too_large") && text.contains("narrow the range"),
        "{text}"
    );
    // The control: with the usual time it ends.
    let server = server.restart_with(|_| ()).await;
    let admin = server.admin().await;
    assert_eq!(search(&admin, long()).await.end["more"], false);
}

#[tokio::test]
async fn searches_of_one_user_leave_places_for_others() {
    let server = TestServer::with(|settings| settings.search.at_once = 2).await;
    let admin = server.admin().await;
    let roles = [server.developer()];
    let ann = server.user("ann", false, &roles).await;
    for part in 0..3 {
        admin.send_events(noise(part, 12)).await;
    }
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
        let request = by_hand(&admin, paths::SEARCH, &long());
        stream.write_all(request.as_bytes()).await.unwrap();
        held.push(stream);
    }
    until_sample(&server, "atrail_searches_waiting", 2).await;
    assert_eq!(
        sample(&server, "atrail_searches_running{kind=\"search\"}").await,
        1,
        "one of two places"
    );
    assert_eq!(
        search(&ann, json!({"query": "id:event-1"})).await.ids(),
        ["event-1"]
    );
    assert_eq!(
        sample(&server, "atrail_searches_waiting").await,
        2,
        "the control: they still wait"
    );
}

#[tokio::test]
async fn a_search_ends_with_the_role() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    for part in 0..4 {
        admin.send_events(noise(part, 12)).await;
    }
    let running = "atrail_searches_running{kind=\"search\"}";
    let asked = tokio::spawn({
        let ann = ann.clone();
        async move { ann.post(paths::SEARCH).json(&long()).refused().await }
    });
    until_sample(&server, running, 1).await;
    let mut grant = server.developer();
    grant["user"] = "ann".into();
    let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;
    let refused = asked.await.unwrap();
    assert_eq!(refused, (401, "unauthenticated".to_owned()));
    let revoked = "atrail_searches_total{kind=\"search\",outcome=\"revoked\"}";
    assert_eq!(sample(&server, revoked).await, 1);
}
