//! Webhooks and writing APIs of products.

use atrail_api::paths;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{count, stored};
use crate::support::{Made, TestServer, event};

#[tokio::test]
async fn deliveries_of_github_are_kept_once_and_pings_are_not() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let deliver = |event: &'static str, kind: &'static str, body: &'static str| {
        admin
            .post(paths::GITHUB)
            .header("x-github-event", event)
            .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
            .header("content-type", kind)
            .body(body)
    };
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let deleted =
        r#"{"action":"deleted","repository":{"full_name":"o/r"},"sender":{"login":"ann","id":7}}"#;
    assert_eq!(
        deliver("ping", json, r#"{"zen":"z"}"#).seen().await,
        (200, String::new())
    );
    assert_eq!(count(&admin).await, 0);
    for _ in 0..2 {
        assert_eq!(deliver("repository", json, deleted).seen().await.0, 200);
    }
    assert_eq!(count(&admin).await, 1);
    assert_eq!(
        stored(&admin).await[0]["id"],
        "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    );
    for (kind, body) in [(json, "{"), (form, "payload=%7B"), (json, "")] {
        assert_eq!(
            deliver("repository", kind, body).refused().await.0,
            400,
            "{body}"
        );
    }
    assert_eq!(count(&admin).await, 1);
}

/// HMAC with SHA-256 (RFC 2104), as 64 digits.
fn hmac(key: &str, body: &str) -> String {
    let mut block = [0; 64];
    // A key longer than a block is hashed first.
    let hashed = Sha256::digest(key);
    let key = if key.len() > block.len() {
        &hashed[..]
    } else {
        key.as_bytes()
    };
    block[..key.len()].copy_from_slice(key);
    let hash = |pad: u8, rest: &[u8]| {
        let padded: Vec<u8> = block.iter().map(|byte| byte ^ pad).collect();
        Sha256::new()
            .chain_update(padded)
            .chain_update(rest)
            .finalize()
    };
    let digest = hash(0x5c, &hash(0x36, body.as_bytes()));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_delivery_of_github_is_signed_with_the_secret_of_its_key() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let new = json!({"name": "github", "space": server.initial.space, "type": "github"});
    let made: Value = admin.post(paths::INGEST_KEYS).json(&new).made().await;
    let (id, secret) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let body =
        r#"{"action":"deleted","repository":{"full_name":"o/r"},"sender":{"login":"ann","id":7}}"#;
    let mut nobody = admin.clone();
    nobody.token = None;
    let deliver = async |id: &str, signature: String, body: &'static str| {
        let request = nobody
            .post(&paths::GITHUB_SIGNED.replace("{id}", id))
            .header("x-github-event", "repository")
            .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
            .header("content-type", "application/json")
            .header("x-hub-signature-256", format!("sha256={signature}"))
            .body(body);
        request.seen().await.0
    };
    let right = hmac(secret, body);
    // The known answer of RFC 4231, test case 2.
    assert!(hmac("Jefe", "what do ya want for nothing?").starts_with("5bdcc146bf60754e"));
    for (id, signature, body) in [
        (id, hmac("another", body), body),
        (id, hmac(secret, "{}"), body),
        (id, right.clone(), "{}"),
        ("nobody", right.clone(), body),
    ] {
        assert_eq!(deliver(id, signature, body).await, 401);
    }
    assert_eq!(count(&admin).await, 0);
    for _ in 0..2 {
        assert_eq!(deliver(id, right.clone(), body).await, 200);
    }
    assert_eq!(count(&admin).await, 1, "a redelivery is the same event");
    // Longer than any delivery of GitHub's: refused before it is read.
    let long = "x".repeat((25 << 20) + 1).leak();
    assert_eq!(deliver(id, hmac(secret, long), long).await, 413);
    // After a rotation without overlap only the new secret signs.
    let rotate = paths::INGEST_KEY.replace("{id}", id);
    let fresh: Value = admin
        .post(&rotate)
        .json(&json!({"overlap": 0}))
        .made()
        .await;
    assert_eq!(deliver(id, right, body).await, 401);
    let fresh = hmac(fresh["key"].as_str().unwrap(), body);
    assert_eq!(deliver(id, fresh, body).await, 200);
}

#[tokio::test]
async fn okta_verifies_its_hook_and_delivers_lists() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let asked = |client: &crate::support::Client| {
        client
            .get(paths::OKTA)
            .header("x-okta-verification-challenge", "the one-time text")
    };
    let answer: Value = asked(&admin).made().await;
    assert_eq!(answer, json!({"verification": "the one-time text"}));
    assert_eq!(asked(&server.nobody()).refused().await.0, 401);
    assert_eq!(admin.get(paths::OKTA).refused().await.0, 400);
    let hook = json!({"eventType": "com.okta.event_hook", "data": {"events": [
        {"uuid": "u-1", "published": "2017-07-25T10:00:00.000Z", "eventType": "user.session.start", "actor": {"id": "a"}, "outcome": {"result": "SUCCESS"}},
        {"uuid": "u-2", "published": "2017-07-25T10:00:01.000Z", "eventType": "user.session.end", "actor": {"id": "a"}},
    ]}});
    for _ in 0..2 {
        let answer: Value = admin.post(paths::OKTA).json(&hook).made().await;
        assert_eq!(answer, json!({"accepted": 2, "refused": 0}));
    }
    assert_eq!(count(&admin).await, 2);
    assert_eq!(admin.post(paths::OKTA).body("{}").refused().await.0, 400);
}

/// A key for the account leads each customer's events to the customer's space, and everything else to the account.
#[tokio::test]
async fn an_organization_of_workos_may_choose_the_space() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let account = &server.initial.account;
    let of = json!({"organization": {"data": {"guid": server.initial.organization}}});
    let new = json!({"name": "org_1", "relationships": of});
    let space: Value = admin.post(paths::SPACES).json(&new).made().await;
    let space = space["guid"].as_str().unwrap();
    let key = async |by_organization: bool| {
        let name = format!("key-{by_organization}");
        let new = json!({"name": name, "account": account, "by_organization": by_organization});
        let made: Value = admin.post(paths::INGEST_KEYS).json(&new).made().await;
        server.client(made["key"].as_str().unwrap()).in_space(None)
    };
    let (by_organization, plain) = (key(true).await, key(false).await);
    let send = async |client: &crate::support::Client, organization: &str, id: &str| {
        let body = json!({"organization_id": organization, "event": {
            "action": "user.signed_in", "occurred_at": "2017-07-25T10:00:00Z",
            "actor": {"type": "user", "id": "user_1"}, "targets": [], "context": {"location": "192.0.2.1"},
        }});
        let request = client.post(paths::WORKOS).header("idempotency-key", id);
        assert_eq!(request.json(&body).seen().await.0, 201);
    };
    for _ in 0..2 {
        send(&by_organization, "org_1", "k-1").await;
    }
    // No space can have such a name: the event is the account's.
    send(&by_organization, "org_1\0", "k-2").await;
    send(&plain, "org_1", "k-3").await;
    let ids = |events: Vec<Value>| -> Vec<String> {
        let mut ids: Vec<_> = (events.iter())
            .filter_map(|event| Some(event["id"].as_str()?.to_owned()))
            .filter(|id| id.starts_with("k-"))
            .collect();
        ids.sort();
        ids
    };
    let there = admin.clone().in_space(Some(space));
    assert_eq!(ids(stored(&there).await), ["k-1"]);
    // Of the account with its spaces, the others are in no space.
    let query = json!({"AtAccountLevel": true, "start": "2017-07-25", "limit": 1000});
    let found = crate::searches::search(&admin, query).await;
    let all = (found.hits.iter()).map(|(_, line)| serde_json::from_str(line).unwrap());
    assert_eq!(ids(all.collect()), ["k-1", "k-2", "k-3"]);
    assert_eq!(ids(stored(&admin).await), [""; 0]);
    // A key for one space leads nothing elsewhere.
    let new = json!({"name": "no", "space": server.initial.space, "by_organization": true});
    assert_eq!(
        admin.post(paths::INGEST_KEYS).json(&new).refused().await.0,
        400
    );
}

#[tokio::test]
async fn workos_answers_as_its_sdk_needs() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let body = json!({"organization_id": "org_1", "event": {
        "action": "user.signed_in", "occurred_at": "2017-07-25T10:00:00Z", "version": 1,
        "actor": {"type": "user", "id": "user_1"}, "targets": [{"type": "team", "id": "team_1"}],
        "context": {"location": "192.0.2.1", "user_agent": "x"},
    }});
    for _ in 0..2 {
        let request = admin
            .post(paths::WORKOS)
            .header("idempotency-key", "k-1")
            .json(&body);
        assert_eq!(
            request.seen().await,
            (201, r#"{"success":true}"#.to_owned())
        );
    }
    assert_eq!(count(&admin).await, 1);
    assert_eq!(stored(&admin).await[0]["id"], "k-1");
    let (status, error) = server.nobody().post(paths::WORKOS).json(&body).seen().await;
    let error: Value = serde_json::from_str(&error).unwrap();
    assert!(status == 401 && error["message"].is_string(), "{error}");
}

#[tokio::test]
async fn pangea_answers_with_a_hash_for_each_event() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let one = json!({"event": {"message": "m", "actor": "ann", "action": "read", "status": "success", "timestamp": "2017-07-25T10:00:00Z"}});
    let is_hash = |value: &Value| value["hash"].as_str().is_some_and(|hash| hash.len() == 64);
    let answer: Value = admin.post(paths::PANGEA).json(&one).made().await;
    for member in ["request_id", "request_time", "response_time", "summary"] {
        assert!(answer[member].is_string(), "{answer}");
    }
    assert_eq!(answer["status"], "Success");
    assert!(is_hash(&answer["result"]), "{answer}");
    let two =
        json!({"events": [one, {"event": {"message": "n", "timestamp": "2017-07-25T10:00:01Z"}}]});
    let answer: Value = admin.post(paths::PANGEA_SEVERAL).json(&two).made().await;
    let results = answer["result"]["results"].as_array().unwrap();
    assert!(
        results.len() == 2 && results.iter().all(is_hash),
        "{answer}"
    );
    assert_eq!(count(&admin).await, 2);
    let (status, error) = admin.post(paths::PANGEA).body("{}").seen().await;
    let error: Value = serde_json::from_str(&error).unwrap();
    assert_eq!((status, &error["status"]), (400, &json!("ValidationError")));
}

#[tokio::test]
async fn retraced_answers_with_the_hash_that_its_client_computes() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let path = paths::RETRACED_EVENT.replace("{project}", "p-1");
    let body = json!({"action": "doc.create", "crud": "c", "created": "2017-07-25T10:00:00.000Z",
        "group": {"id": "g", "name": "G"}, "actor": {"id": "a:1", "name": "A"},
        "target": {"id": "x", "name": "X", "type": "doc"}, "source_ip": "192.0.2.1", "fields": {"k": "v"}});
    let hash = |id: &str| {
        use sha2::Digest;
        let text = format!(
            "{}:doc.create:x:a%3A1:g:192.0.2.1:0:0:k=v;",
            id.replace(':', "%3A")
        );
        format!("{:x}", sha2::Sha256::digest(text))
    };
    let answer = admin.post(&path).json(&body).seen().await;
    assert_eq!(answer.0, 201);
    let first: Value = serde_json::from_str(&answer.1).unwrap();
    assert_eq!(first["hash"], hash(first["id"].as_str().unwrap()));
    // The protocol has no key of its own for a repetition.
    let again: Value = admin.post(&path).json(&body).made().await;
    assert_eq!(again, first);
    assert_eq!(count(&admin).await, 1);

    let bulk = format!("{path}/bulk");
    let answer: Value = admin
        .post(&bulk)
        .json(&json!({"events": [body, body]}))
        .made()
        .await;
    let answers = answer.as_array().unwrap();
    assert_eq!(answers.len(), 2);
    for answer in answers {
        assert_eq!(answer["hash"], hash(answer["id"].as_str().unwrap()));
    }
    assert_eq!(count(&admin).await, 2);
    let empty: Value = admin.post(&bulk).json(&json!({"events": []})).made().await;
    assert_eq!(empty, json!([]));
    for (path, body) in [
        (&path, "[]"),
        (&path, "{"),
        (&bulk, "{}"),
        (&bulk, r#"{"events":[{"action":1}]}"#),
    ] {
        let (status, error) = admin.post(path).body(body).seen().await;
        let error: Value = serde_json::from_str(&error).unwrap();
        assert!(
            status == 400 && error["error"].is_string(),
            "{body} {error}"
        );
    }
    assert_eq!(count(&admin).await, 2);
}

/// Bytes that are no UTF-8 become U+FFFD with every receiver of text, and cost no event.
#[tokio::test]
async fn bytes_that_are_no_text_are_replaced() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    // Each is another event.
    let around = |number: u8, before: &str, after: &str| {
        let event = b"{\"action\":\"a\xff\",\"occurred_at\":\"2017-07-25T10:00:00Z\",\"number\":";
        let number = [b'0' + number, b'}'];
        [before.as_bytes(), event, &number, after.as_bytes()].concat()
    };
    let bulk = format!("{}/bulk", paths::RETRACED_EVENT.replace("{project}", "p"));
    for (path, body, status) in [
        (
            paths::OKTA,
            around(0, "{\"data\":{\"events\":[", "]}}"),
            200,
        ),
        (paths::GITLAB, around(1, "", ""), 200),
        (
            paths::WORKOS,
            around(2, "{\"organization_id\":\"o\",\"event\":", "}"),
            201,
        ),
        (paths::PANGEA, around(3, "{\"event\":", "}"), 200),
        (paths::KUBERNETES, around(4, "{\"items\":[", "]}"), 200),
        (&*bulk, around(5, "{\"events\":[", "]}"), 201),
    ] {
        let before = count(&admin).await;
        let answer = admin.post(path).body(body).seen().await;
        assert_eq!(answer.0, status, "{path}: {}", answer.1);
        assert_eq!(count(&admin).await, before + 1, "{path}");
    }
    for event in stored(&admin).await {
        assert!(event.to_string().contains("a\u{fffd}"), "{event}");
    }
}

/// A CADF event stays as it is in every carrier.
#[tokio::test]
async fn an_event_that_is_cadf_already_stays_as_it_is() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let original = |id| serde_json::from_str::<Value>(&event(id)).unwrap();
    assert_eq!(admin.post(paths::GITLAB).body(event(1)).seen().await.0, 200);
    let data = format!(
        r#"{{"specversion":"1.0","id":"c","source":"s","type":"t","data":{}}}"#,
        event(2)
    );
    assert_eq!(
        admin.post(paths::CLOUDEVENTS).body(data).seen().await.0,
        200
    );
    let log = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": event(3)}}]}]}]});
    let request = admin.post(paths::OTLP_LOGS).json(&log);
    assert_eq!(request.seen().await.0, 200);
    let mut events = stored(&admin).await;
    events.sort_by_key(|event| event["id"].as_str().map(str::to_owned));
    assert_eq!(events, [original(1), original(2), original(3)]);
}
