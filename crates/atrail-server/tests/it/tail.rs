//! Events as they become durable.

use std::collections::VecDeque;
use std::time::Duration;

use atrail_api::paths;
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer, event, events, noise};

/// Long enough for anything that does not wait.
const SOON: Duration = Duration::from_secs(20);

/// One tail as its client sees it.
struct Tail {
    answer: Response,
    bytes: Vec<u8>,
    lines: VecDeque<String>,
    /// The last position.
    position: String,
}

impl Tail {
    async fn open(client: &Client, body: &Value) -> Self {
        let request = client.post(paths::TAIL).json(body);
        let answer = request
            .timeout(Duration::from_secs(300))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        let mut tail = Self {
            answer,
            bytes: Vec::new(),
            lines: VecDeque::new(),
            position: String::new(),
        };
        let start: Value = serde_json::from_str(&tail.line().await.unwrap()).unwrap();
        tail.position = start["position"].as_str().unwrap().to_owned();
        assert_eq!(start.as_object().unwrap().len(), 1);
        tail
    }

    /// Returns the next line; `None` at the end.
    async fn line(&mut self) -> Option<String> {
        while self.lines.is_empty() {
            let chunk = tokio::time::timeout(SOON, self.answer.chunk())
                .await
                .unwrap();
            let chunk = chunk.unwrap()?;
            self.bytes.extend_from_slice(&chunk);
            while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                let line = String::from_utf8(line).unwrap();
                self.lines.push_back(line.trim_end_matches('\n').to_owned());
            }
        }
        self.lines.pop_front()
    }

    /// Returns the next line that is no event's place, or the event of the next place.
    async fn next(&mut self) -> Option<String> {
        let line = self.line().await?;
        let place: Value = serde_json::from_str(&line).unwrap();
        let Some(position) = place["position"].as_str() else {
            return Some(line);
        };
        self.position = position.to_owned();
        assert_eq!(place["sealed"], false);
        assert_eq!(place["segment"], Value::Null);
        let event = self.line().await.unwrap();
        let leaf = atrail_evidence::leaf_hash(event.as_bytes());
        assert_eq!(place["leaf"], atrail_evidence::Hash::from(leaf).to_string());
        Some(event)
    }

    /// Returns the next events, those of the server itself left out.
    async fn sent(&mut self, count: usize) -> Vec<String> {
        let mut found = Vec::new();
        while found.len() < count {
            let next = self.next().await.unwrap();
            if next.contains("\"id\":\"event-") {
                found.push(next);
            } else {
                assert!(!next.contains("missed"), "{next}");
            }
        }
        found
    }
}

fn numbered(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(event).collect()
}

async fn beside(server: &TestServer, admin: &Client) -> Client {
    let of = json!({"organization": {"data": {"guid": server.initial.organization}}});
    let new = json!({"name": "beside", "relationships": of});
    let made: Value = admin.post(paths::SPACES).json(&new).made().await;
    admin.in_space(Some(made["guid"].as_str().unwrap()))
}

#[tokio::test]
async fn events_come_as_they_are_acknowledged_to_those_who_may_read_them() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let beside = beside(&server, &admin).await;
    admin.send_events(events(2)).await;
    let mut own = Tail::open(&admin, &json!({})).await;
    let mut whole = Tail::open(&admin, &json!({"AtAccountLevel": true})).await;
    let mut other = Tail::open(&beside, &json!({})).await;
    for number in 2..5 {
        admin.send_events(event(number)).await;
        assert_eq!(own.sent(1).await, [event(number)]);
    }
    beside.send_events(event(7)).await;
    assert_eq!(other.sent(1).await, [event(7)]);
    let mut expected = numbered(2..5);
    expected.push(event(7));
    assert_eq!(whole.sent(4).await, expected);
    admin.send_events(event(8)).await;
    assert_eq!(own.sent(1).await, [event(8)], "nothing of the other space");
    let refused = admin
        .post(paths::TAIL)
        .json(&json!({"after": "x"}))
        .refused()
        .await;
    assert_eq!(refused.0, 400);
    let refused = admin
        .post(paths::TAIL)
        .json(&json!({"start": "today"}))
        .refused()
        .await;
    assert_eq!(refused.0, 400);
}

#[tokio::test]
async fn a_position_continues_exactly_over_a_cut_a_seal_and_a_restart() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut tail = Tail::open(&admin, &json!({})).await;
    admin.send_events(events(3)).await;
    assert_eq!(tail.sent(2).await, numbered(0..2));
    let after = json!({"after": tail.position});
    drop(tail);
    admin.send_events(event(3)).await;
    let mut tail = Tail::open(&admin, &after).await;
    assert_eq!(tail.sent(2).await, numbered(2..4));
    // Sealed events stay in memory for a while.
    admin.session().await;
    let mut again = Tail::open(&admin, &after).await;
    assert_eq!(again.sent(2).await, numbered(2..4));
    let after = json!({"after": tail.position});
    admin.send_events(event(4)).await;
    drop((tail, again));
    let server = server.restart().await;
    let admin = server.admin().await;
    let mut tail = Tail::open(&admin, &after).await;
    admin.send_events(event(5)).await;
    assert_eq!(tail.sent(2).await, numbered(4..6));
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let server = TestServer::with(|settings| settings.store.recent_bytes = 0).await;
    let admin = server.admin().await;
    let mut tail = Tail::open(&admin, &json!({})).await;
    admin.send_events(event(0)).await;
    assert_eq!(tail.sent(1).await, [event(0)]);
    let after = json!({"after": tail.position});
    drop(tail);
    admin.send_events(event(1)).await;
    admin.session().await;
    admin.send_events(event(2)).await;
    let mut tail = Tail::open(&admin, &after).await;
    let missed: Value = serde_json::from_str(&tail.next().await.unwrap()).unwrap();
    assert_eq!(missed["missed"]["from"], "2017-07-25T10:29:28.541092735Z");
    assert_eq!(missed["missed"]["to"], "2017-07-25T10:29:28.541092735Z");
    assert_eq!(tail.sent(1).await, [event(2)]);
    // A position that is older than the process before.
    let server = server.restart().await.restart().await;
    let admin = server.admin().await;
    let mut tail = Tail::open(&admin, &after).await;
    let missed: Value = serde_json::from_str(&tail.next().await.unwrap()).unwrap();
    assert_eq!(missed["missed"]["from"], Value::Null);
    // The control: a position of this process misses nothing.
    let after = json!({"after": tail.position});
    let mut tail = Tail::open(&admin, &after).await;
    admin.send_events(event(3)).await;
    assert_eq!(tail.sent(1).await, [event(3)]);
}

/// A reader that does not read holds up neither senders nor other readers, and learns what it missed.
#[tokio::test]
async fn a_slow_reader_holds_nobody_up_and_learns_what_it_missed() {
    let server = TestServer::with(|settings| {
        settings.store.recent_bytes = 1 << 20;
        settings.store.seal_at_bytes = 8 << 20;
    })
    .await;
    let admin = server.admin().await;
    let mut slow = Tail::open(&admin, &json!({})).await;
    for part in 0..8 {
        admin.send_events(noise(part, 8)).await;
        admin.session().await;
    }
    let mut fast = Tail::open(&admin, &json!({})).await;
    admin.send_events(event(77)).await;
    assert_eq!(fast.sent(1).await, [event(77)]);
    let (mut missed, mut found) = (0, 0);
    loop {
        let next = slow.next().await.unwrap();
        match next {
            one if one.contains("\"missed\":{") => missed += 1,
            one if one == event(77) => break,
            _ => found += 1,
        }
    }
    assert!(missed >= 1 && found < 64 + 20, "{missed} {found}");
}

#[tokio::test]
async fn a_tail_ends_with_the_right_to_read() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let role = server.developer();
    let ann = server.user("ann", false, std::slice::from_ref(&role)).await;
    let mut tail = Tail::open(&ann, &json!({})).await;
    let mut of_admin = Tail::open(&admin, &json!({})).await;
    admin.send_events(event(0)).await;
    assert_eq!(tail.sent(1).await, [event(0)]);
    let mut role = role;
    role["user"] = "ann".into();
    let _: Value = admin.delete(paths::ROLES).json(&role).made().await;
    admin.send_events(event(1)).await;
    // Her own events and the revocation may come before it.
    let end = loop {
        let next = tail.next().await.unwrap();
        assert_ne!(next, event(1), "after the role had ended");
        if next.contains("\"end\"") {
            break next;
        }
    };
    let end: Value = serde_json::from_str(&end).unwrap();
    assert_eq!(end["end"]["code"], "forbidden");
    assert_eq!(tail.line().await, None);
    // The control.
    assert_eq!(of_admin.sent(2).await, numbered(0..2));
}

#[tokio::test]
async fn a_user_has_a_few_tails_and_a_closed_one_leaves_its_place() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut tails = Vec::new();
    let refused = loop {
        let answer = admin.post(paths::TAIL).send().await.unwrap();
        if answer.status() != 200 {
            break answer;
        }
        tails.push(answer);
        assert!(tails.len() < 100);
    };
    assert_eq!(refused.status(), 429);
    assert_eq!(tails.len(), 8);
    // Another user is not affected.
    let ann = server.user("ann", false, &[server.developer()]).await;
    Tail::open(&ann, &json!({})).await;
    tails.pop();
    let freed = async {
        while admin.post(paths::TAIL).send().await.unwrap().status() != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, freed).await.unwrap();
}

#[tokio::test]
async fn the_server_stops_while_tails_are_open_and_tells_them() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut tail = Tail::open(&admin, &json!({})).await;
    let TestServer { running, .. } = server;
    let stopping = tokio::spawn(running.shutdown());
    let end = loop {
        let next = tail.next().await.unwrap();
        if next.contains("\"end\"") {
            break next;
        }
    };
    let end: Value = serde_json::from_str(&end).unwrap();
    assert_eq!(end["end"]["code"], "unavailable");
    let stopped = tokio::time::timeout(SOON, stopping).await.unwrap();
    stopped.unwrap().unwrap();
}

#[tokio::test]
async fn a_tail_is_on_record_with_its_query() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut tail = Tail::open(&admin, &json!({"query": "action:tail.events"})).await;
    // The own event of another user's tail, which the query finds.
    let ann = server.user("ann", false, &[server.developer()]).await;
    Tail::open(&ann, &json!({"query": "outcome:failure"})).await;
    let found: Value = serde_json::from_str(&tail.next().await.unwrap()).unwrap();
    assert_eq!(found["action"], "tail.events");
    assert_eq!(found["initiator"]["name"], "ann");
    assert_eq!(
        found["attachments"][0]["content"]["query"],
        "outcome:failure"
    );
    let wrong = json!({"query": "action:("});
    let refused = admin.post(paths::TAIL).json(&wrong).refused().await;
    assert_eq!(refused, (400, "bad_request".to_owned()));
}
