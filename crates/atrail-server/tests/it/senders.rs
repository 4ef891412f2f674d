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
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, Made, TestServer};
use requests::{SENDERS, Sender, Shape};

/// What a sender got.
#[derive(Debug)]
enum Got {
    Answer {
        status: u16,
        retry_after: Option<u64>,
        body: Vec<u8>,
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

    async fn send(&self, sender: &Sender, body: &[u8]) -> Got {
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
        let bytes = if is_gzip { gzip(body) } else { body.to_vec() };
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
            body: answer.bytes().await.unwrap().to_vec(),
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
        if sender.shape == Shape::OtlpProtobuf {
            return assert!(body.is_empty(), "{what}");
        }
        let body = str::from_utf8(body).unwrap();
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
            Shape::OtlpProtobuf | Shape::Status => {}
        }
    }

    /// Checks that the sender learns that no repetition would help: not even one that loses what is answered may wait.
    fn must_be_final(&self, sender: &Sender, expected: u16, situation: &str) {
        let what = format!("{}, {situation}: {self:?}", sender.name);
        let Self::Answer { status, body, .. } = self else {
            panic!("{what}");
        };
        assert_eq!(*status, expected, "{what}");
        sender.shape.must_be_error(body, &what);
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
    fn must_be_error(self, body: &[u8], what: &str) {
        if self == Self::OtlpProtobuf {
            // A code and a message, both fields of google.rpc.Status.
            return assert!(
                body.len() > 4 && body[0] == 0x08 && body[2] == 0x12,
                "{what}"
            );
        }
        let answer: Value = serde_json::from_slice(body).unwrap();
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
            Self::OtlpProtobuf => {}
            Self::Status => assert!(answer["detail"].is_string(), "{what}"),
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
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
                    Shape::Bulk | Shape::Otlp | Shape::OtlpProtobuf | Shape::Status => 401,
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

/// A body that can never be read is answered, also where other refusals are not: the sender would repeat it for ever.
#[tokio::test]
async fn every_sender_learns_that_a_body_can_never_be_read() {
    let scene = Scene::new().await;
    for sender in SENDERS {
        if let Some(body) = sender.unreadable() {
            let got = scene.send(sender, &body).await;
            got.must_be_final(sender, 400, "unreadable");
        }
    }
    assert_eq!(scene.count().await, 0);
}

/// So is a request above the limits, before the server reads it.
#[tokio::test]
async fn every_sender_learns_that_a_request_is_too_large() {
    let scene = Scene::new().await;
    for sender in SENDERS {
        let mut stream = TcpStream::connect(scene.server.running.addr).await.unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\nHost: h\r\n", sender.method, sender.path);
        let credential = ("Authorization", &*sender.credential.of(&scene.key));
        let fields = sender.fields.iter().copied().chain([credential]);
        for (name, value) in fields {
            head += &format!("{name}: {value}\r\n");
        }
        head += "Content-Length: 70000000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let got = answer_of(&mut stream).await;
        got.must_be_final(sender, 413, "too large");
    }
    assert_eq!(scene.count().await, 0);
}

/// Reads the answer on a connection, which the server may close without one.
async fn answer_of(stream: &mut TcpStream) -> Got {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let field = |name: &str| {
                let mut lines = head.lines();
                let line = lines.find_map(|line| line.strip_prefix(name));
                line.map(|value| value.trim().parse::<u64>().unwrap())
            };
            let body = head.len() + 4;
            let length = usize::try_from(field("content-length:").unwrap()).unwrap();
            if bytes.len() >= body + length {
                return Got::Answer {
                    status: head[9..12].parse().unwrap(),
                    retry_after: field("retry-after:"),
                    body: bytes[body..body + length].to_vec(),
                };
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
            return Got::Nothing;
        }
    }
}

/// The senders of the table from which these rules follow (decision 0044): whoever adds one there adds it here.
#[test]
fn every_sender_of_the_table_is_here() {
    for name in [
        "Logstash",
        "Filebeat",
        "Vector, elasticsearch",
        "Fluent Bit, es",
        "fluentd",
        "rsyslog 8.2302",
        "rsyslog of today",
        "syslog-ng",
        "elasticsearch-py",
        "elasticsearch-js",
        "OpenTelemetry JS, http/json",
        "OpenTelemetry Python, Rotel, http/protobuf",
        "Fluent Bit, splunk",
        "Vector, splunk_hec_logs",
        "Docker's splunk driver",
        "kube-apiserver",
    ] {
        let found = SENDERS
            .iter()
            .filter(|sender| sender.name.starts_with(name));
        assert_eq!(found.count(), 1, "{name}");
    }
}
