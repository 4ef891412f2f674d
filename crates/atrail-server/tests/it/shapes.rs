//! The server reads a request strictly, and no default ever deletes anything.

use atrail_api::{DaySummary, headers, paths};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer, event, event_at};

/// Returns the number of events that clients sent to the space, on any day.
async fn stored(client: &Client) -> u64 {
    let query = "/v3/events?start=1970-01-01&end=today&SearchTime=0-9";
    let days: Vec<DaySummary> = client.get(query).made().await;
    days.iter().map(|day| day.count).sum()
}

/// Returns the operations that read a JSON body by the server's own description, and those that read one instead of a
/// query.
async fn operations(client: &Client) -> Vec<(Method, String)> {
    let document: Value = client.get("/openapi.json").made().await;
    let mut found = vec![
        (Method::GET, paths::EVENTS.to_owned()),
        (Method::DELETE, paths::EVENTS.to_owned()),
        (Method::GET, paths::OPTIONS.to_owned()),
        (Method::GET, paths::HOLDS.to_owned()),
        (Method::DELETE, paths::ROLES.to_owned()),
        (Method::DELETE, paths::API_KEYS.to_owned()),
    ];
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let content = &operation["requestBody"]["content"];
            if content["application/json"].is_object() && path != paths::EVENTS {
                let method = method.to_ascii_uppercase().parse().unwrap();
                found.push((method, path.clone()));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_body_of_another_shape_is_refused_on_every_route() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.send_events(event_at(1, "2017-07-20T01:00:00Z")).await;
    let operations = operations(&admin).await;
    assert!(operations.len() >= 16, "{operations:?}");
    for (method, path) in &operations {
        for body in [
            "[]",
            "[null]",
            r#"["x"]"#,
            r#"["2017-07-20","2017-07-20"]"#,
            r#"[{"start":"2017-07-20","end":"2017-07-20"}]"#,
            "[30]",
            r#"["bob","correct horse battery",false]"#,
            "null",
            "true",
            "30",
            r#""2017-07-20""#,
            r#"{"start":["2017-07-20"],"name":["x"],"reason":["x"],"retention":[30],"user":["u"],"id":["i"],"old":[1]}"#,
            r#"{"name":"x","name":"x","start":"a","start":"a","reason":"x","reason":"x","user":"u","user":"u","id":"i","id":"i"}"#,
            r#"{"name":"x","relationships":[[["g"]]],"colour":1}"#,
            "{}{}",
            "{",
        ] {
            for kind in ["application/json", "text/plain"] {
                // A form of another site is refused before it is read.
                if path == paths::CONSOLE_LOGIN && kind != "application/json" {
                    continue;
                }
                let request = admin.request(method.clone(), path);
                let request = request
                    .header("Content-Type", kind)
                    .header("Sec-Fetch-Site", "same-origin")
                    .header("Origin", server.url(""))
                    .header(headers::CONSOLE, "1");
                let (status, code) = request.body(body).refused().await;
                assert_eq!(
                    (status, code.as_str()),
                    (400, "bad_request"),
                    "{method} {path} {body}"
                );
            }
        }
    }
    assert_eq!(stored(&admin).await, 1);
    // The control: the expected shape.
    let hold = admin.post(paths::HOLDS).body(r#"{"reason":"x"}"#);
    let _: Value = hold.made().await;
    let made = admin.post(paths::SESSIONS).body("{}");
    let _: Value = made.made().await;
}

#[tokio::test]
async fn a_query_that_nobody_reads_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let bob = server.user("bob", false, &[server.owner()]).await;
    let bobs: Value = bob.get(paths::USERS).made().await;
    let bobs = bobs["resources"][0]["guid"].as_str().unwrap();
    let id = admin.session().await;
    let document: Value = admin.get("/openapi.json").made().await;
    let mut refused = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, _) in methods.as_object().unwrap() {
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            // RFC 6749 does not mention a query.
            if method.is_safe() || path.contains("/oauth/") {
                continue;
            }
            let thing = if path.contains("users") { bobs } else { &id };
            let path = path.replace("{id}", thing);
            let request = || admin.request(method.clone(), &format!("{path}?x=1"));
            for request in [request(), request().body("{}")] {
                let (status, code) = request.refused().await;
                let range = code == "range_required" && path == paths::EVENTS;
                assert!(code == "bad_request" || range, "{method} {path}: {code}");
                assert_eq!(status, 400, "{method} {path}");
            }
            refused.push((method, path));
        }
    }
    assert!(refused.len() >= 22, "{refused:?}");
    // Requests that would otherwise succeed silently.
    for (method, path) in [
        (
            Method::POST,
            format!("{}?start=2017-07-01", paths::SESSIONS),
        ),
        (
            Method::PUT,
            format!("{}?AtAccountLevel=true", paths::OPTIONS),
        ),
        (Method::DELETE, format!("/v3/users/{bobs}?dry_run=true")),
        (Method::DELETE, format!("/v3/sessions/{id}?dry_run=true")),
    ] {
        let request = admin.request(method.clone(), &path);
        let request = request.body(r#"{"retention":30}"#);
        assert_eq!(request.refused().await.0, 400, "{method} {path}");
    }
    let sessions: Vec<Value> = admin.get(paths::SESSIONS).made().await;
    assert_eq!(sessions.len(), 1);
    let _: Value = admin.get(&format!("/v3/users/{bobs}")).made().await;
    // The control: documented queries, and an empty one.
    let kept = admin.post("/v3/events?AtAccountLevel=true").body(event(1));
    let _: Value = kept.made().await;
    let _: Value = admin.post("/v3/holds?reason=x").made().await;
    let path = format!("/v3/spaces/{}?dry_run=true", server.initial.space);
    let _: Value = admin.delete(&path).made().await;
    let _: Value = admin.delete(&format!("/v3/sessions/{id}?")).made().await;
}

#[tokio::test]
async fn nested_objects_are_objects() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let account = &server.initial.account;
    for relationships in [
        json!([null, [[account]]]),
        json!({"account": [[account]]}),
        json!({"account": {"data": [account]}}),
        json!([]),
    ] {
        let new = json!({"name": "shop", "relationships": relationships});
        let (status, _) = admin.post(paths::ORGANIZATIONS).json(&new).refused().await;
        assert_eq!(status, 400, "{new}");
    }
    let good = json!({"account": {"data": {"guid": account}}});
    let new = json!({"name": "shop", "relationships": good, "metadata": {"labels": []}});
    let _: Value = admin.post(paths::ORGANIZATIONS).json(&new).made().await;
}

#[tokio::test]
async fn a_deletion_names_both_ends_of_its_range() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.send_events(event(1)).await;
    let day = "2017-07-25";
    let lost = "announces a body, but none came";
    let delete = |query: &str| admin.delete(&format!("{}{query}", paths::EVENTS));
    for (request, reason) in [
        (delete(""), "start is missing, end is missing"),
        (delete("?start=2017-07-25"), "end is missing"),
        (delete("?end=2017-07-25"), "start is missing"),
        (delete("?start=&end="), "start is empty, end is empty"),
        (delete("?start=2017-07-25&end="), "end is empty"),
        (delete("?DryRun=true"), "start is missing"),
        (delete("?AtAccountLevel=true"), "start is missing"),
        (delete("").body("{}"), "start is missing"),
        (delete("").json(&json!({"start": day})), "end is missing"),
        (
            delete("").json(&json!({"start": "", "end": day})),
            "start is empty",
        ),
        (
            delete("").json(&json!({"start": null, "end": day})),
            "start is missing",
        ),
        (
            delete("").json(&json!({"start": day, "end": "", "DryRun": true})),
            "end is empty",
        ),
        // Node sends this with DELETE.
        (delete("").header("Content-Type", "application/json"), lost),
        (
            delete("")
                .header("Content-Length", "0")
                .header("Content-Type", "application/json"),
            lost,
        ),
        (delete("").body(" \n"), lost),
        (
            delete("")
                .header("Transfer-Encoding", "chunked")
                .body(reqwest::Body::wrap_stream(futures_util::stream::iter([
                    Ok::<_, std::io::Error>(" "),
                ]))),
            lost,
        ),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{reason}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "range_required");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(reason) && detail.contains("nothing was deleted"),
            "{detail}"
        );
        assert_eq!(detail.contains(lost), reason == lost, "{detail}");
    }
    for (query, code) in [
        ("?start=2017-07-26&end=2017-07-25", "bad_request"),
        (
            "?start=2017-07-25&start=2017-07-01&end=2017-07-25",
            "bad_request",
        ),
        (
            "?start=2017-07-25&end=2017-07-25&End=2017-07-25",
            "bad_request",
        ),
        ("?start=x&end=2017-07-25", "bad_request"),
    ] {
        let (status, refused) = delete(query).refused().await;
        assert_eq!((status, refused.as_str()), (400, code), "{query}");
    }
    let twice = r#"{"start":"2017-07-25","start":"2017-07-01","end":"2017-07-25"}"#;
    assert_eq!(delete("").body(twice).refused().await.0, 400);
    assert_eq!(stored(&admin).await, 1);

    // The control: both ends, with an announced body that does not arrive and with a query alone.
    let whole = delete("?start=2017-07-25&end=2017-07-25");
    let said: String = whole
        .header("Content-Type", "application/json")
        .made()
        .await;
    assert!(said.ends_with("bytes."), "{said}");
    assert_eq!(stored(&admin).await, 0);
}

#[tokio::test]
async fn a_body_that_is_lost_on_the_way_changes_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let hold = json!({"reason": "case 7"});
    let _: Value = admin.post(paths::HOLDS).json(&hold).made().await;
    let announced = admin
        .delete(paths::HOLDS)
        .header("Content-Type", "application/json");
    assert_eq!(announced.refused().await, (400, "bad_request".to_owned()));
    let standing: Vec<Value> = admin.get(paths::HOLDS).made().await;
    assert_eq!(standing.len(), 1);
    // The control: the request announces no body.
    let _: Value = admin.delete(paths::HOLDS).made().await;
    let standing: Vec<Value> = admin.get(paths::HOLDS).made().await;
    assert!(standing.is_empty(), "{standing:?}");
}

/// The server refuses a body that a call does not read, on every route that changes something, instead of ignoring it.
#[tokio::test]
async fn a_body_that_a_call_does_not_read_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let reading: Vec<_> = operations(&admin).await;
    let nobody = uuid::Uuid::new_v4().to_string();
    let mut tried = 0;
    for (method, path) in atrail_server::ROUTES {
        let method: Method = method.parse().unwrap();
        let is_of_tokens = [paths::TOKEN, paths::TOKEN_LEGACY, paths::REVOKE].contains(path);
        let reads = reading.contains(&(method.clone(), (*path).to_owned()));
        let is_foreign = paths::is_foreign(path);
        if method.is_safe() || reads || is_of_tokens || is_foreign || *path == paths::EVENTS {
            continue;
        }
        tried += 1;
        let path = path.replace("{id}", &nobody);
        for body in [r#"{"dry_run":true}"#, "[]", "null", "garbage", r#"{"a":1"#] {
            let refused = admin
                .request(method.clone(), &path)
                .body(body)
                .refused()
                .await;
            assert_eq!(
                refused,
                (400, "bad_request".to_owned()),
                "{method} {path} {body}"
            );
        }
    }
    assert!(tried >= 10, "{tried}");
    // The control: no body, and an object without members.
    for body in ["", " ", "{}"] {
        let made: Value = admin.post(paths::SESSIONS).json(&json!({})).made().await;
        let path = format!("{}/{}", paths::SESSIONS, made["id"].as_str().unwrap());
        let refused = admin.delete(&path).body("[]").refused().await;
        assert_eq!(refused.0, 400);
        let _: Value = admin.get(&path).made().await;
        let _: Value = admin.delete(&path).body(body).made().await;
    }
}
