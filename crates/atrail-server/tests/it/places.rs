//! One event by its place, its proof, and the entries of the signed logs.

use atrail_api::{LogCheckpoint, LogEntry, paths};
use atrail_evidence::{Checkpoint, EventProof, Hash, VerifierKey, leaf_hash};
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer, event, events};

struct Fixture {
    server: TestServer,
    admin: Client,
    segment: String,
}

impl Fixture {
    async fn new(count: usize) -> Self {
        let server = TestServer::start().await;
        let admin = server.admin().await;
        admin.send_events(events(count)).await;
        let session = admin.session().await;
        let path = paths::SESSION_MANIFEST.replace("{id}", &session);
        let manifest: Value = admin.get(&path).made().await;
        let segment = manifest["objects"][0]["segments"][0].as_str().unwrap();
        Self {
            segment: segment.to_owned(),
            server,
            admin,
        }
    }

    fn path(&self, route: &str, index: usize, more: &str) -> String {
        format!("{route}?segment={}&index={index}{more}", self.segment)
    }

    fn key(&self) -> VerifierKey {
        self.server.running.verifier_key.parse().unwrap()
    }
}

#[tokio::test]
async fn an_event_is_returned_to_the_byte_with_what_it_is() {
    let fixture = Fixture::new(7).await;
    let line = event(4);
    let leaf = Hash::from(leaf_hash(line.as_bytes())).to_string();
    for (what, more) in [
        ("plain", String::new()),
        ("its leaf", format!("&leaf={}", leaf.replace('+', "%2B"))),
        ("an unescaped plus", format!("&leaf={leaf}")),
        ("at account level", "&AtAccountLevel=true".to_owned()),
    ] {
        let path = fixture.path(paths::EVENT_AT, 4, &more);
        let answer = fixture.admin.get(&path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{what}");
        let headers = answer.headers().clone();
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["atrail-leaf"], leaf);
        assert_eq!(headers["atrail-day"], "2017-07-25");
        assert_eq!(headers["atrail-space"], fixture.server.initial.space);
        assert_eq!(answer.text().await.unwrap(), line, "{what}");
    }
    // A body, as with GET /v3/events.
    let body = json!({"segment": fixture.segment, "index": 4, "leaf": leaf});
    let answer = fixture.admin.get(paths::EVENT_AT).json(&body).seen().await;
    assert_eq!(answer, (200, line));
    let wrong = Hash::from(leaf_hash(b"another")).to_string();
    for route in [paths::EVENT_AT, paths::EVENT_PROOF] {
        let body = json!({"segment": fixture.segment, "index": 4, "leaf": wrong});
        let refused = fixture.admin.get(route).json(&body).refused().await;
        assert_eq!(refused, (409, "conflict".to_owned()));
        for query in [
            "",
            "?index=1",
            "?segment=x",
            "?segment=x&index=-1",
            "?segment=x&index=1&leaf=AA",
        ] {
            let refused = fixture
                .admin
                .get(&format!("{route}{query}"))
                .refused()
                .await;
            assert_eq!(refused, (400, "bad_request".to_owned()), "{route}{query}");
        }
    }
}

#[tokio::test]
async fn a_proof_verifies_without_the_server() {
    let fixture = Fixture::new(1500).await;
    for index in [0, 1023, 1024, 1499] {
        let path = fixture.path(paths::EVENT_PROOF, index, "");
        let answer = fixture.admin.get(&path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(
            answer.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        let leaf = answer.headers()["atrail-leaf"].to_str().unwrap().to_owned();
        let text = answer.text().await.unwrap();
        let proof = EventProof::parse(&text).unwrap();
        let proven = proof.verify(&[fixture.key()]).unwrap();
        assert_eq!(proven.event, event(index));
        assert_eq!(proven.hash.to_string(), leaf);
        // The control: another event's text in it.
        let mut other = proof;
        other.extra.event = event(index + 1);
        assert!(other.verify(&[fixture.key()]).is_err());
    }
}

/// A foreign place, and one that does not exist, are answered alike.
#[tokio::test]
async fn a_place_is_its_tenants_alone() {
    let fixture = Fixture::new(2).await;
    let admin = &fixture.admin;
    let organization = &fixture.server.initial.organization;
    let of = json!({"organization": {"data": {"guid": organization}}});
    let new = json!({"name": "beside", "relationships": of});
    let beside: Value = admin.post(paths::SPACES).json(&new).made().await;
    let beside = admin.in_space(Some(beside["guid"].as_str().unwrap()));
    let nobodys = "00000000-0000-4000-8000-000000000000";
    for route in [paths::EVENT_AT, paths::EVENT_PROOF] {
        let ask = async |client: &Client, segment: &str, index: u64| {
            let body = json!({"segment": segment, "index": index});
            let request = client.get(route).json(&body);
            request.header("x-request-id", "same").seen().await
        };
        let unknown = ask(admin, nobodys, 0).await;
        assert_eq!(unknown.0, 404);
        for (client, segment, index) in [
            (&beside, fixture.segment.as_str(), 0),
            (admin, "no guid", 0),
            (admin, &fixture.segment, 2),
            (admin, &fixture.segment, u64::MAX),
        ] {
            assert_eq!(
                ask(client, segment, index).await,
                unknown,
                "{segment} {index}"
            );
        }
        // The control.
        assert_eq!(ask(admin, &fixture.segment, 1).await.0, 200);
    }
    admin.delete_all().seen().await;
    let gone = admin
        .get(&fixture.path(paths::EVENT_AT, 0, ""))
        .refused()
        .await;
    assert_eq!(gone.0, 404);
}

/// The lines of a list.
fn parsed(text: &str) -> (Vec<LogCheckpoint>, Vec<LogEntry>) {
    let (mut checkpoints, mut entries) = (Vec::new(), Vec::new());
    for line in text.lines() {
        match serde_json::from_str::<LogCheckpoint>(line) {
            Ok(checkpoint) => checkpoints.push(checkpoint),
            Err(_) => entries.push(serde_json::from_str(line).unwrap()),
        }
    }
    (checkpoints, entries)
}

#[tokio::test]
async fn the_log_lists_what_was_signed_with_its_numbers() {
    let fixture = Fixture::new(3).await;
    let admin = &fixture.admin;
    let retention = json!({"retention": 30});
    let _: Value = admin
        .request(reqwest::Method::PUT, paths::OPTIONS)
        .json(&retention)
        .made()
        .await;
    let hold = json!({"reason": "a \"delete\" case"});
    let _: Value = admin.post(paths::HOLDS).json(&hold).made().await;
    let _: Value = admin.delete(paths::HOLDS).json(&hold).made().await;
    assert_eq!(admin.delete_all().seen().await.0, 200);
    let list = async |query: &str| {
        let answer = admin
            .get(&format!("{}{query}", paths::LOG))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        parsed(&answer.text().await.unwrap())
    };
    let kinds = |entries: &[LogEntry]| -> Vec<String> {
        entries.iter().map(|entry| entry.kind.clone()).collect()
    };
    let (checkpoints, entries) = list("").await;
    let domain = format!("space-{}", fixture.server.initial.space);
    assert_eq!(checkpoints.len(), 1);
    let checkpoint = Checkpoint::verify(&checkpoints[0].checkpoint, &fixture.key()).unwrap();
    assert!(checkpoint.origin.ends_with(&domain));
    assert_eq!(checkpoint.size, checkpoints[0].size);
    assert_eq!(
        kinds(&entries),
        ["genesis", "policy", "hold", "release", "delete"]
    );
    for entry in &entries {
        assert_eq!(entry.domain, domain);
        let stated: Value = serde_json::from_str(&entry.entry).unwrap();
        assert_eq!(stated["type"], entry.kind.as_str());
        assert_eq!(stated["time"], entry.time.as_str());
        assert!(entry.index < checkpoint.size);
    }
    assert_eq!(
        (entries[0].list.as_str(), entries[0].position),
        ("control", 0)
    );
    assert_eq!(entries[4].list, "2017-07-25");
    // All entries together are the whole log.
    let (_, all) = list("?kinds=delete,policy,hold,key,space,seal").await;
    let numbers: Vec<_> = all.iter().map(|entry| entry.index).collect();
    assert_eq!(numbers, (0..checkpoint.size).collect::<Vec<_>>());
    assert_eq!(kinds(&list("?kinds=hold").await.1), ["hold", "release"]);
    let (checkpoints, entries) = list("?kinds=space,policy&AtAccountLevel=true").await;
    assert_eq!(checkpoints.len(), 2);
    assert!(checkpoints[0].domain.starts_with("account-"));
    assert_eq!(kinds(&entries), ["space-added", "policy"]);
    for wrong in ["?kinds=", "?kinds=holds", "?kinds=hold,", "?kind=hold"] {
        let refused = admin.get(&format!("{}{wrong}", paths::LOG)).refused().await;
        assert_eq!(refused.0, 400, "{wrong}");
    }
}

/// Longer than what one query reads.
#[tokio::test]
async fn a_long_log_is_listed_without_a_limit() {
    let server = TestServer::with(|settings| settings.store.max_sessions_per_hour = 100_000).await;
    let admin = server.admin().await;
    let put = |days: i64| {
        let request = admin.request(reqwest::Method::PUT, paths::OPTIONS);
        request.json(&json!({"retention": days}))
    };
    for days in 0..2100 {
        let _: Value = put(100 + days % 2).made().await;
    }
    let text = admin
        .get(&format!("{}?kinds=policy", paths::LOG))
        .seen()
        .await
        .1;
    let (checkpoints, entries) = parsed(&text);
    assert_eq!(entries.len(), 2100);
    assert!(checkpoints[0].size > 2100);
    assert!(entries.is_sorted_by_key(|entry| entry.index));
}

#[tokio::test]
async fn each_read_is_on_record() {
    let fixture = Fixture::new(2).await;
    let admin = &fixture.admin;
    for path in [
        fixture.path(paths::EVENT_AT, 1, ""),
        fixture.path(paths::EVENT_PROOF, 1, ""),
        format!("{}?kinds=key", paths::LOG),
    ] {
        assert_eq!(admin.get(&path).seen().await.0, 200);
    }
    // Refused ones are no reads.
    let absent = fixture.path(paths::EVENT_AT, 9, "");
    assert_eq!(admin.get(&absent).seen().await.0, 404);
    let session = admin.session().await;
    let download = admin.get(paths::DOWNLOAD).header("SESSIONID", session);
    let bytes = download.send().await.unwrap().bytes().await.unwrap();
    let text = crate::support::gunzipped(&bytes);
    let acts: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (action, name, value) in [
        ("read.event", "index", json!(1)),
        ("prove.event", "index", json!(1)),
        ("read.log", "kinds", json!("key")),
    ] {
        let found: Vec<_> = acts.iter().filter(|act| act["action"] == action).collect();
        assert_eq!(found.len(), 1, "{action}: {text}");
        assert_eq!(found[0]["attachments"][0]["content"][name], value);
        assert_eq!(found[0]["outcome"], "success");
    }
}
