//! What each sender has to be answered in each situation, so that it neither loses an event nor stores it twice.
//!
//! The requests have the form of the senders' own, with the fields that they send. What a sender does with an answer is
//! in decision 0044 and `docs/SENDERS.md`; a row here is what follows from it for the server.

mod requests;

use std::io::Write;
use std::time::Duration;

use atrail_api::paths;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Client, Made, TestServer};
use requests::{SENDERS, Sender, Shape};

/// What a sender got.
#[derive(Debug)]
enum Got {
    Answer {
        status: u16,
        retry_after: Option<u64>,
        body: String,
    },
    /// The connection ended without an answer.
    Nothing,
}

struct Scene {
    server: TestServer,
    admin: Client,
    key_id: String,
    key: String,
}

impl Scene {
    async fn new() -> Self {
        // Little memory, so that one slow request of this sender exhausts its part.
        let server = TestServer::with(|settings| {
            settings.ingest_bytes_in_flight = 8 << 20;
            settings.body_idle_timeout = Duration::from_secs(60);
        })
        .await;
        let admin = server.admin().await;
        let new = json!({"name": "sender", "scopes": ["send"], "space": server.initial.space});
        let key: Value = admin.post(paths::API_KEYS).json(&new).made().await;
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        Self {
            server,
            admin,
            key_id: text("id"),
            key: text("key"),
        }
    }

    async fn send(&self, sender: &Sender, body: &str) -> Got {
        let method: Method = sender.method.parse().unwrap();
        let mut request = self
            .server
            .http
            .request(method, self.server.url(sender.path));
        request = request.header("Authorization", sender.credential.of(&self.key));
        for (name, value) in sender.fields {
            request = request.header(*name, *value);
        }
        let is_gzip = sender.fields.contains(&("Content-Encoding", "gzip"));
        let bytes = if is_gzip { gzip(body) } else { body.into() };
        match request.body(bytes).send().await {
            Ok(answer) => Got::read(answer).await,
            Err(_) => Got::Nothing,
        }
    }

    /// Returns the number of stored events, without those of the server.
    async fn count(&self) -> u64 {
        let query = json!({"query": "NOT observer.name:ActivityTracker", "start": "1970-01-01"});
        let counts: Value = self.admin.post(paths::AGGREGATE).json(&query).made().await;
        counts["total"].as_u64().unwrap()
    }

    /// Holds all memory that the sender may have, as long as the returned connection is open.
    async fn exhausted(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.server.running.addr).await.unwrap();
        let head = format!(
            "POST /v3/events HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nContent-Length: 8000000\r\n\r\n[",
            self.key
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }
}

impl Got {
    async fn read(answer: Response) -> Self {
        let seconds = answer.headers().get("retry-after");
        Self::Answer {
            status: answer.status().as_u16(),
            retry_after: seconds.map(|seconds| seconds.to_str().unwrap().parse().unwrap()),
            body: answer.text().await.unwrap(),
        }
    }

    /// Checks that the sender takes this for success.
    fn must_be_success(&self, sender: &Sender, payloads: usize, situation: &str) {
        let what = format!("{}, {situation}: {self:?}", sender.name);
        let Self::Answer { status, body, .. } = self else {
            panic!("{what}");
        };
        // Docker's driver takes 200 alone, and 207 is a failure or a loss for many.
        assert_eq!(*status, 200, "{what}");
        match sender.shape {
            Shape::Bulk => {
                // Fluent Bit and Vector search these texts.
                assert!(body.contains(r#""errors":false,"items":["#), "{what}");
                let answer: Value = serde_json::from_str(body).unwrap();
                let items = answer["items"].as_array().unwrap();
                assert_eq!(items.len(), payloads, "{what}");
                for item in items {
                    let (action, result) = item.as_object().unwrap().iter().next().unwrap();
                    assert!(["index", "create", "update"].contains(&action.as_str()));
                    assert!([200, 201].contains(&result["status"].as_u64().unwrap()));
                }
            }
            Shape::Hec => {
                let answer: Value = serde_json::from_str(body).unwrap();
                assert_eq!(
                    (&answer["text"], &answer["code"]),
                    (&json!("Success"), &json!(0))
                );
            }
            Shape::Otlp => assert_eq!(body, "{}", "{what}"),
            Shape::Status => {}
        }
    }

    /// Checks that the sender keeps its events and sends them again.
    fn must_be_later(&self, sender: &Sender, situation: &str) {
        let what = format!("{}, {situation}: {self:?}", sender.name);
        match self {
            Self::Nothing => assert!(sender.loses_what_is_answered, "{what}"),
            Self::Answer {
                status,
                retry_after,
                body,
            } => {
                assert!(!sender.loses_what_is_answered, "{what}");
                assert!([429, 503].contains(status), "{what}");
                assert!(retry_after.is_some_and(|seconds| seconds > 0), "{what}");
                sender.shape.must_be_error(body, &what);
            }
        }
    }
}

impl Shape {
    fn must_be_error(self, body: &str, what: &str) {
        let answer: Value = serde_json::from_str(body).unwrap();
        match self {
            Self::Bulk => {
                let error = &answer["error"];
                assert!(
                    error["type"].is_string() && error["reason"].is_string(),
                    "{what}"
                );
                assert!(
                    answer["status"].is_u64() && answer.get("items").is_none(),
                    "{what}"
                );
            }
            Self::Hec => {
                assert!(
                    answer["text"].is_string() && answer["code"].is_u64(),
                    "{what}"
                );
            }
            Self::Otlp => {
                assert!(
                    answer["message"].is_string() && answer["code"].is_u64(),
                    "{what}"
                );
            }
            Self::Status => assert!(answer["detail"].is_string(), "{what}"),
        }
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// One after the other, on one server: taken; sent again; sent again after a restart; a damaged payload among good ones.
#[tokio::test]
async fn every_sender_stores_each_event_once() {
    let mut scene = Scene::new().await;
    let mut expected = 0;
    for (run, sender) in SENDERS.iter().enumerate() {
        let body = sender.body(run, 3);
        scene
            .send(sender, &body)
            .await
            .must_be_success(sender, 3, "the first time");
        expected += 3;
        assert_eq!(scene.count().await, expected, "{}", sender.name);
        scene
            .send(sender, &body)
            .await
            .must_be_success(sender, 3, "again");
        assert_eq!(scene.count().await, expected, "{}", sender.name);
        let damaged = sender.damaged(run);
        scene
            .send(sender, &damaged)
            .await
            .must_be_success(sender, 3, "one damaged");
        expected += 3;
        assert_eq!(scene.count().await, expected, "{}", sender.name);
    }
    scene.server = scene.server.restart().await;
    scene.admin = scene.server.admin().await;
    for (run, sender) in SENDERS.iter().enumerate() {
        let body = sender.body(run, 3);
        scene
            .send(sender, &body)
            .await
            .must_be_success(sender, 3, "after a restart");
        scene
            .send(sender, &sender.damaged(run))
            .await
            .must_be_success(sender, 3, "one damaged, after a restart");
    }
    assert_eq!(scene.count().await, expected);
}

/// A server without memory for a sender keeps nothing of its request, and the sender comes again.
#[tokio::test]
async fn every_sender_comes_again_when_the_server_has_no_room() {
    let scene = Scene::new().await;
    let held = scene.exhausted().await;
    // The server begins to read that request in its own time.
    let first = &SENDERS[0];
    let mut attempts = 0;
    while matches!(
        scene.send(first, &first.body(0, 3)).await,
        Got::Answer { status: 200, .. }
    ) {
        attempts += 1;
        assert!(attempts < 50, "the memory is not exhausted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = scene.count().await;
    for (run, sender) in SENDERS.iter().enumerate() {
        let refused = scene.send(sender, &sender.body(run, 3)).await;
        refused.must_be_later(sender, "without room");
    }
    drop(held);
    assert_eq!(
        scene.count().await,
        before,
        "nothing of a refused request is kept"
    );
    for (run, sender) in SENDERS.iter().enumerate() {
        let body = sender.body(run, 3);
        let mut attempts = 0;
        let taken = loop {
            let got = scene.send(sender, &body).await;
            attempts += 1;
            if matches!(got, Got::Answer { status: 200, .. }) || attempts > 50 {
                break got;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        taken.must_be_success(sender, 3, "with room again");
    }
    assert_eq!(scene.count().await, 3 * SENDERS.len() as u64);
}

/// A key that ends shows in the sender's log; a sender that would drop its events for it gets no answer.
#[tokio::test]
async fn a_key_that_ended_costs_no_sender_its_events_for_the_form_of_the_answer() {
    let scene = Scene::new().await;
    let gone = json!({"id": scene.key_id});
    let _: Value = scene.admin.delete(paths::API_KEYS).json(&gone).made().await;
    for (run, sender) in SENDERS.iter().enumerate() {
        let got = scene.send(sender, &sender.body(run, 1)).await;
        let what = format!("{}: {got:?}", sender.name);
        match got {
            Got::Nothing => assert!(sender.loses_what_is_answered, "{what}"),
            Got::Answer { status, body, .. } => {
                assert!(!sender.loses_what_is_answered, "{what}");
                let expected = match sender.shape {
                    Shape::Bulk | Shape::Otlp | Shape::Status => 401,
                    Shape::Hec => 403,
                };
                assert_eq!(status, expected, "{what}");
                sender.shape.must_be_error(&body, &what);
            }
        }
    }
    assert_eq!(scene.count().await, 0);
}

/// A payload above the limit of an event is kept without its longest members, for a refusal would stop Logstash, and
/// cost the others their batches.
#[tokio::test]
async fn a_payload_above_the_limit_is_kept_in_part() {
    let scene = Scene::new().await;
    for (run, sender) in SENDERS.iter().enumerate() {
        let body = sender.body_with(run, 2, &"x".repeat(1_300_000));
        let got = scene.send(sender, &body).await;
        got.must_be_success(sender, 2, "above the limit");
    }
    assert_eq!(scene.count().await, 2 * SENDERS.len() as u64);
}
