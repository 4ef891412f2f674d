//! Protocols of senders whose answers are short: what is stored, and each answer to the letter.

mod gitlab;
mod products;

use atrail_api::paths;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::searches::search;
use crate::support::{Client, Made, TestServer};

/// Returns the number of stored events, without those of the server.
pub(super) async fn count(client: &Client) -> usize {
    stored(client).await.len()
}

/// Returns the stored events in the order of their times, without those of the server.
pub(super) async fn stored(client: &Client) -> Vec<Value> {
    let query = json!({"start": "1970-01-01", "order": "oldest", "limit": 1000});
    let found = search(client, query).await;
    let events = found.hits.iter();
    let events = events.map(|(_, line)| serde_json::from_str::<Value>(line).unwrap());
    events
        .filter(|event| event["observer"]["typeURI"] != "service/security")
        .collect()
}

/// A field of bytes in a message of Protocol Buffers; all lengths here are below 128.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    assert!(length < 128);
    [&[number << 3 | 2, length][..], bytes].concat()
}

/// A request with one log record, whose body is this text.
fn protobuf(text: &str) -> Vec<u8> {
    let time = [&[0x09][..], &1_500_976_800_500_000_000_u64.to_le_bytes()].concat();
    let record = [time, field(5, &field(1, text.as_bytes()))].concat();
    field(1, &field(2, &field(2, &record)))
}

#[tokio::test]
async fn otlp_is_answered_in_the_encoding_of_the_request() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let send = |kind: &'static str, body: Vec<u8>| {
        let request = admin.post(paths::OTLP_LOGS).header("content-type", kind);
        async move {
            let answer = request.body(body).send().await.unwrap();
            let kind = answer.headers()["content-type"]
                .to_str()
                .unwrap()
                .to_owned();
            (
                answer.status().as_u16(),
                kind,
                answer.bytes().await.unwrap().to_vec(),
            )
        }
    };
    let (proto, json) = ("application/x-protobuf", "application/json");
    let record = protobuf("hello");
    assert_eq!(
        send(proto, record.clone()).await,
        (200, proto.to_owned(), vec![])
    );
    assert_eq!(count(&admin).await, 1);
    assert_eq!(
        send(proto, record.clone()).await,
        (200, proto.to_owned(), vec![])
    );
    // The same record in the other encoding is the same event.
    let same = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1500976800500000000","body":{"stringValue":"hello"}}]}]}]}"#;
    assert_eq!(
        send(json, same.into()).await,
        (200, json.to_owned(), b"{}".to_vec())
    );
    assert_eq!(count(&admin).await, 1);
    assert_eq!(send(proto, vec![]).await, (200, proto.to_owned(), vec![]));
    assert_eq!(
        stored(&admin).await[0]["eventTime"],
        "2017-07-25T10:00:00.500000000Z"
    );

    // Nothing of a request that is cut is kept.
    let (status, kind, body) = send(proto, record[..record.len() - 1].to_vec()).await;
    assert_eq!(
        (status, kind.as_str(), &body[..2]),
        (400, proto, &b"\x08\x03"[..])
    );
    let (status, kind, body) = send(json, same.as_bytes()[..same.len() - 2].to_vec()).await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, kind.as_str(), &body["code"]),
        (400, json, &json!(3))
    );
    assert_eq!(count(&admin).await, 1);

    for path in [paths::OTLP_TRACES, paths::OTLP_METRICS] {
        let request = server.nobody().post(path).header("content-type", json);
        let (status, body) = request.body("{}").seen().await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["code"]), (404, &json!(12)), "{body}");
    }
    let nobody = server
        .nobody()
        .post(paths::OTLP_LOGS)
        .header("content-type", proto);
    let answer = nobody.body(record).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.bytes().await.unwrap()[..2], *b"\x08\x10");
}

fn audit_event(number: usize, object: &str) -> String {
    format!(
        r#"{{"level":"RequestResponse","auditID":"a-{number}","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/d/pods/p","verb":"delete","user":{{"username":"ann","groups":["system:authenticated"]}},"sourceIPs":["192.0.2.1"],"userAgent":"kubectl","objectRef":{{"resource":"pods","namespace":"d","name":"p","apiVersion":"v1"}},"responseStatus":{{"metadata":{{}},"code":200}},"requestObject":{object},"requestReceivedTimestamp":"2017-07-25T10:00:00.000001Z","stageTimestamp":"2017-07-25T10:00:00.000002Z","annotations":{{"authorization.k8s.io/decision":"allow"}}}}"#
    )
}

fn event_list(events: &[String]) -> String {
    let events = events.join(",");
    format!(
        r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{events}]}}"#
    )
}

#[tokio::test]
async fn an_api_server_delivers_lists_of_audit_events() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let path = format!("{}?timeout=30s", paths::KUBERNETES);
    let list = event_list(&[audit_event(1, "null"), audit_event(2, "{}")]);
    for _ in 0..2 {
        let answer = admin.post(&path).body(list.clone()).seen().await;
        assert_eq!(answer, (200, r#"{"accepted":2,"refused":0}"#.to_owned()));
    }
    let events = stored(&admin).await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["id"], "a-1/ResponseComplete");
    assert_eq!(
        (&events[0]["action"], &events[0]["outcome"]),
        (&json!("delete"), &json!("success"))
    );

    // An object above the limit of an event goes, and its hash stays.
    let large = format!("\"{}\"", "x".repeat(2 << 20));
    let list = event_list(&[audit_event(3, &large)]);
    let answer = admin.post(&path).body(list).seen().await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    assert_eq!(count(&admin).await, 3);

    // A cut list keeps nothing, and the API server sends it again.
    let list = event_list(&[audit_event(4, "{}"), audit_event(5, "{}")]);
    let cut = list[..list.len() - 2].to_owned();
    assert_eq!(admin.post(&path).body(cut).refused().await.0, 400);
    assert_eq!(count(&admin).await, 3);
    // A list that was never filled.
    let empty = r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":null}"#;
    assert_eq!(admin.post(&path).body(empty).seen().await.0, 200);
}

#[tokio::test]
async fn cloudevents_arrive_in_every_mode_as_the_same_event() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let binary = || {
        let request = admin.post(paths::CLOUDEVENTS);
        [
            ("ce-specversion", "1.0"),
            ("ce-id", "e-1"),
            ("ce-source", "/idp"),
            ("ce-type", "com.example.user.deleted"),
            ("ce-time", "2017-07-25T10:00:00Z"),
            ("ce-subject", "user/7"),
            ("content-type", "application/json"),
        ]
        .into_iter()
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        })
        .body(r#"{"who":"bob"}"#)
    };
    let accepted = |count| (200, format!(r#"{{"accepted":{count},"refused":0}}"#));
    assert_eq!(binary().seen().await, accepted(1));
    assert_eq!(binary().seen().await, accepted(1));
    assert_eq!(count(&admin).await, 1);

    let event = |id: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/idp","type":"com.example.user.deleted","time":"2017-07-25T10:00:00Z","data":{{"who":"bob"}}}}"#
        )
    };
    let structured = |kind: &str, body: String| {
        admin
            .post(paths::CLOUDEVENTS)
            .header("content-type", kind)
            .body(body)
    };
    let json = "application/cloudevents+json; charset=utf-8";
    let batch = "application/cloudevents-batch+json";
    assert_eq!(structured(json, event("e-2")).seen().await, accepted(1));
    let several = format!("[{},{}]", event("e-2"), event("e-3"));
    assert_eq!(structured(batch, several).seen().await, accepted(2));
    assert_eq!(count(&admin).await, 3);

    for (kind, body, status) in [
        (json, "{\"id\":", 400),
        (batch, "[{}", 400),
        (batch, "{}", 400),
        ("application/cloudevents+avro", "x", 415),
    ] {
        let refused = structured(kind, body.to_owned()).refused().await;
        assert_eq!(refused.0, status, "{kind} {body}");
    }
    assert_eq!(count(&admin).await, 3);
}

#[tokio::test]
async fn a_web_hook_is_allowed_before_it_has_a_key() {
    let server = TestServer::start().await;
    let asked = server
        .nobody()
        .request(Method::OPTIONS, paths::CLOUDEVENTS)
        .header("webhook-request-origin", "eventemitter.example.com")
        .header("webhook-request-rate", "120")
        .header("webhook-request-callback", "https://192.0.2.1/confirm?x=1");
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let header = |name: &str| answer.headers()[name].to_str().unwrap();
    assert_eq!(header("webhook-allowed-origin"), "eventemitter.example.com");
    assert_eq!(header("webhook-allowed-rate"), "*");
    assert!(header("allow").contains("POST"));
    let refused = server
        .nobody()
        .post(paths::CLOUDEVENTS)
        .body("{}")
        .refused()
        .await;
    assert_eq!(refused.0, 401);
}

/// Every sender compresses sometimes, whatever the media type states.
#[tokio::test]
async fn bodies_are_decompressed() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let body = event_list(&[audit_event(1, "{}")]);
    let packed = zstd_of(body.as_bytes());
    let request = admin
        .post(paths::KUBERNETES)
        .header("content-encoding", "zstd");
    assert_eq!(request.body(packed.clone()).seen().await.0, 200);
    let cut = packed[..packed.len() - 1].to_vec();
    let request = admin
        .post(paths::KUBERNETES)
        .header("content-encoding", "zstd");
    assert_eq!(request.body(cut).refused().await.0, 400);
    assert_eq!(count(&admin).await, 1);
}

fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}
