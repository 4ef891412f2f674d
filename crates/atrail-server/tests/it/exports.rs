//! Exports: every event that matches, as a stream.

use std::time::Duration;

use atrail_api::paths;
use reqwest::Method;
use serde_json::{Value, json};

use crate::searches::{sample, search, tenant, until_sample};
use crate::support::{Client, Made, TestServer, event, event_at, noise};

async fn made(client: &Client, body: Value) -> String {
    let made: Value = client.post(paths::EXPORTS).json(&body).made().await;
    format!("{}/{}", paths::EXPORTS, made["id"].as_str().unwrap())
}

/// Events with times of their own, so that their order is certain.
fn ordered(count: usize) -> Vec<String> {
    (0..count)
        .map(|id| event_at(id, &format!("2017-07-25T09:{:02}:{:02}Z", id / 60, id % 60)))
        .collect()
}

#[tokio::test]
async fn an_export_has_every_event_in_each_format() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    // More than one answer of a search may have.
    let lines = ordered(1500);
    admin.send_events(lines[..900].join("\n")).await;
    let _ = admin.session().await;
    admin.send_events(lines[900..].join("\n")).await;
    let fetch = async |mut body: Value| {
        body["query"] = "target:bucket".into();
        body["order"] = "oldest".into();
        let path = made(&admin, body).await;
        let head = admin.request(Method::HEAD, &path).send().await.unwrap();
        let answer = admin.get(&path).send().await.unwrap();
        assert_eq!(
            (head.status(), answer.status()),
            (reqwest::StatusCode::OK, reqwest::StatusCode::OK)
        );
        for name in ["content-type", "content-disposition"] {
            assert_eq!(head.headers()[name], answer.headers()[name]);
        }
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let name = answer.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .to_owned();
        (kind, name, answer.text().await.unwrap())
    };
    let whole: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
    let (kind, name, text) = fetch(json!({})).await;
    assert_eq!(
        (kind.as_str(), name.as_str()),
        (
            "application/x-ndjson",
            "attachment; filename=\"events.ndjson\""
        )
    );
    assert!(text == whole, "byte for byte, in order");
    let (kind, _, text) = fetch(json!({"as": "json"})).await;
    assert_eq!(kind, "application/json");
    let array: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(array.len(), 1500);
    let (kind, name, text) = fetch(json!({"as": "csv", "columns": ["time", "id"]})).await;
    assert_eq!(
        (kind.as_str(), name.as_str()),
        (
            "text/csv; charset=utf-8; header=present",
            "attachment; filename=\"events.csv\""
        )
    );
    let mut rows = text.split("\r\n");
    assert_eq!(rows.next(), Some("time,id"));
    assert_eq!(rows.next(), Some("2017-07-25T09:00:00.000000000Z,event-0"));
    assert_eq!(rows.count(), 1500);
    let (_, _, text) = fetch(json!({"as": "es-bulk", "index": "audit"})).await;
    assert_eq!(text.lines().count(), 3000);
    assert!(
        text.starts_with("{\"create\":{\"_index\":\"audit\",\"_id\":\""),
        "{}",
        &text[..80]
    );
    // An empty one is complete, too.
    let path = made(&admin, json!({"query": "action:nothing", "as": "json"})).await;
    assert_eq!(admin.get(&path).seen().await, (200, "[]\n".to_owned()));
}

#[tokio::test]
async fn an_export_is_its_users_for_an_hour() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.send_events(event(1)).await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    let path = made(&ann, json!({"query": "target:bucket"})).await;
    assert_eq!(ann.get(&path).seen().await, (200, event(1) + "\n"));
    assert_eq!(ann.get(&path).seen().await.0, 200, "more than once");
    assert_eq!(
        admin.get(&path).refused().await.0,
        404,
        "not even the owner of the account"
    );
    assert_eq!(
        tenant(&server, "other").await.get(&path).refused().await.0,
        404
    );
    // Another login of the same user.
    let again = server.login("ann", crate::support::PASSWORD).await;
    let again = server.client(&again.access_token);
    assert_eq!(again.get(&path).seen().await.0, 200);
    let mut grant = server.developer();
    grant["user"] = "ann".into();
    let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;
    assert_eq!(ann.get(&path).refused().await.0, 404, "without the role");
    let _: Value = admin.post(paths::ROLES).json(&grant).made().await;
    assert_eq!(ann.get(&path).seen().await.0, 200);
    server.clock.advance(Duration::from_secs(3599));
    let later = server.login("ann", crate::support::PASSWORD).await;
    let later = server.client(&later.access_token);
    assert_eq!(later.get(&path).seen().await.0, 200);
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(
        later.get(&path).refused().await,
        (404, "not_found".to_owned())
    );
}

#[tokio::test]
async fn slow_readers_of_exports_hold_no_turn_and_a_user_has_two() {
    let server = TestServer::with(|settings| settings.search.at_once = 1).await;
    let admin = server.admin().await;
    // More bytes than sockets and the server's buffers hold together.
    for part in 0..3 {
        admin.send_events(noise(part, 12)).await;
    }
    let path = made(&admin, json!({})).await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut answer = admin.get(&path).send().await.unwrap();
        assert!(!answer.chunk().await.unwrap().unwrap().is_empty());
        slow.push(answer);
    }
    assert_eq!(
        sample(&server, "atrail_searches_running{kind=\"export\"}").await,
        2
    );
    assert_eq!(
        admin.get(&path).refused().await,
        (429, "too_many".to_owned())
    );
    // Searches go on in the only place.
    assert_eq!(
        search(&admin, json!({"query": "id:event-1"})).await.ids(),
        ["event-1"]
    );
    let ann = server.user("ann", false, &[server.developer()]).await;
    let of_ann = made(&ann, json!({"query": "id:event-1"})).await;
    assert_eq!(ann.get(&of_ann).seen().await.0, 200, "another user's");
    // A reader that hangs up makes room.
    drop(slow.pop());
    until_sample(&server, "atrail_searches_running{kind=\"export\"}", 1).await;
    let (status, text) = admin.get(&path).seen().await;
    assert_eq!(status, 200);
    let last = text.lines().last().unwrap();
    assert!(
        text.len() > 36_000_000 && last.ends_with('}'),
        "{}",
        text.len()
    );
    drop(slow);
}

#[tokio::test]
async fn an_export_ends_with_the_role_and_the_client_sees_that_it_is_cut() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for part in 0..3 {
        admin.send_events(noise(part, 12)).await;
    }
    let ann = server.user("ann", false, &[server.developer()]).await;
    let path = made(&ann, json!({"query": "action:read"})).await;
    let read = async |revoke: bool| {
        let mut answer = ann.get(&path).send().await.unwrap();
        let mut got = answer.chunk().await.unwrap().unwrap().len();
        if revoke {
            let mut grant = server.developer();
            grant["user"] = "ann".into();
            let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;
        }
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => got += chunk.len(),
                Ok(None) => return (got, true),
                Err(_) => return (got, false),
            }
        }
    };
    let (all, ended) = read(false).await;
    assert!(ended && all > 36_000_000, "the control: {all}");
    let (got, ended) = read(true).await;
    assert!(!ended && got < all, "{got} of {all}");
}
