//! Health checks, metrics and alerts, for operators.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use atrail_api::paths;
use parking_lot::Mutex;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use crate::support::{Made, TestServer, event, events};

/// Returns the value of a sample, named with its labels in the form of the page.
fn value(page: &str, sample: &str) -> f64 {
    let found = page
        .lines()
        .find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found
        .unwrap_or_else(|| panic!("no {sample} in\n{page}"))
        .parse()
        .unwrap()
}

/// Returns the page of a server that did a little of everything.
async fn page_after_work(server: &TestServer) -> String {
    let admin = server.admin().await;
    let sent = admin.post(paths::EVENTS).body(events(3) + "{}\n");
    assert_eq!(sent.seen().await.0, 207);
    server.clock.advance(Duration::from_secs(7));
    let session = admin.session().await;
    // One event is a duplicate.
    admin
        .send_events(format!("{}\n{}\n{}\n", event(0), event(8), event(9)))
        .await;
    server.clock.advance(Duration::from_secs(5));
    let download = admin.get(paths::DOWNLOAD).header("SESSIONID", &session);
    download.send().await.unwrap().bytes().await.unwrap();
    let form = [
        ("grant_type", "password"),
        ("username", "admin"),
        ("password", "wrong"),
    ];
    assert_eq!(server.token(&form).await.status(), 400);
    assert_eq!(
        server.client("wrong").get(paths::EVENTS).seen().await.0,
        401
    );
    assert_eq!(server.nobody().get("/no/such/path").seen().await.0, 404);
    // The server records the refused login in the background.
    let on_record = "atrail_own_events_total{action=\"login\",outcome=\"failure\"} 1";
    while !server
        .nobody()
        .get(paths::METRICS)
        .seen()
        .await
        .1
        .contains(on_record)
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = server.nobody().get(paths::METRICS).send().await.unwrap();
    assert_eq!(
        answer.headers()[CONTENT_TYPE],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    answer.text().await.unwrap()
}

#[tokio::test]
async fn the_metrics_say_what_happened() {
    let server = TestServer::start().await;
    let page = page_after_work(&server).await;
    for (sample, expected) in [
        // The server itself wrote five of these.
        (r#"atrail_ingest_events_total{outcome="accepted"}"#, 10.0),
        (r#"atrail_ingest_events_total{outcome="duplicate"}"#, 1.0),
        ("atrail_dedup_events", 3.0),
        (r#"atrail_ingest_events_total{outcome="refused"}"#, 1.0),
        ("atrail_wal_fsync_duration_seconds_count", 7.0),
        ("atrail_wal_frames_total", 7.0),
        ("atrail_unsealed_events", 7.0),
        ("atrail_unsealed_oldest_age_seconds", 12.0),
        (
            r#"atrail_own_events_total{action="download.events",outcome="success"}"#,
            2.0,
        ),
        (
            r#"atrail_own_event_failures_total{action="download.events"}"#,
            0.0,
        ),
        ("atrail_seal_duration_seconds_count", 1.0),
        ("atrail_seal_failures_total", 0.0),
        ("atrail_sealed_objects_total", 1.0),
        ("atrail_store_write_refusal", 0.0),
        ("atrail_open_sessions", 1.0),
        (r#"atrail_auth_failures_total{kind="password"}"#, 1.0),
        (r#"atrail_auth_failures_total{kind="access_token"}"#, 1.0),
        (
            r#"atrail_http_requests_total{route="/v3/events",method="POST",status="2xx"}"#,
            2.0,
        ),
        (
            r#"atrail_http_requests_total{route="other",method="other",status="4xx"}"#,
            1.0,
        ),
        ("process_start_time_seconds", 1_500_978_568.541),
    ] {
        assert!(
            (value(&page, sample) - expected).abs() < 1e-6,
            "{sample}\n{page}"
        );
    }
    let downloaded = value(&page, "atrail_download_bytes_total");
    assert!(
        downloaded > 0.0 && (downloaded - value(&page, "atrail_sealed_bytes_total")).abs() < 0.5
    );
    assert!(value(&page, "atrail_http_open_connections") >= 1.0);
    for secret in [
        "default",
        "admin",
        &server.initial.space,
        &server.initial.account,
    ] {
        assert!(!page.contains(secret), "{secret} is on the page");
    }
}

#[tokio::test]
async fn promtool_finds_nothing_to_complain_about() {
    let server = TestServer::start().await;
    let page = page_after_work(&server).await;
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match started {
        Ok(promtool) => promtool,
        // Printed, so that nobody mistakes a skipped check for a passed one.
        Err(error) => return eprintln!("not checked: promtool cannot be run: {error}"),
    };
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // These count hours and days of events; they measure no time.
    let counted = ["atrail_hours_set_apart", "atrail_index_waiting_days"];
    let is_known = |line: &str| {
        let mut known = counted.iter().map(|name| format!("{name} use base unit"));
        known.any(|known| line.starts_with(&known))
    };
    let complaints: Vec<_> = said
        .lines()
        .filter(|line| !line.is_empty() && !is_known(line))
        .collect();
    assert_eq!(complaints, [""; 0]);
    // 3: the page is well formed, and promtool complained about a name.
    assert!(matches!(checked.status.code(), Some(0 | 3)), "{said}");
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns the names of metrics in a text.
fn metrics_named_in(text: &str) -> Vec<&str> {
    text.split(|c| !is_of_name(c))
        .filter(|word| word.starts_with("atrail_"))
        .collect()
}

/// Returns the names of metrics in a text that have no sample on the page.
fn missing_from<'a>(page: &str, text: &'a str) -> Vec<&'a str> {
    let mut missing = metrics_named_in(text);
    missing.retain(|name| {
        let there = |line: &str| {
            line.strip_prefix(name)
                .is_some_and(|rest| !rest.starts_with(is_of_name))
        };
        !page.lines().any(there)
    });
    missing
}

/// The page has every metric that an expression of the dashboard names.
#[tokio::test]
async fn the_dashboard_speaks_of_metrics_that_there_are() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/grafana/atrail.json"
    );
    let dashboard = std::fs::read_to_string(file).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let expressions: Vec<_> = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    let all = expressions.join("\n");
    let server = TestServer::start().await;
    let page = page_after_work(&server).await;
    assert!(metrics_named_in(&all).len() >= 25, "{all}");
    assert_eq!(missing_from(&page, &all), [""; 0]);
    // A metric that there is not is noticed.
    assert_eq!(
        missing_from(&page, "atrail_no_such_total"),
        ["atrail_no_such_total"]
    );
}

/// The page has every metric that a rule names, and the rules are well formed.
#[tokio::test]
async fn the_alerts_speak_of_metrics_that_there_are() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/alerts.yml");
    let rules = std::fs::read_to_string(file).unwrap();
    let server = TestServer::start().await;
    let page = page_after_work(&server).await;
    assert!(metrics_named_in(&rules).len() >= 5, "{rules}");
    assert_eq!(missing_from(&page, &rules), [""; 0]);
    match Command::new("promtool")
        .args(["check", "rules", file])
        .output()
    {
        Ok(checked) => assert!(
            checked.status.success(),
            "{}",
            String::from_utf8_lossy(&checked.stderr)
        ),
        Err(error) => eprintln!("not checked: promtool cannot be run: {error}"),
    }
}

#[tokio::test]
async fn a_proxys_name_is_what_clients_are_told() {
    let url = "https://audit.example.com/at";
    let server =
        TestServer::with(|settings| settings.public_url = Some(url.parse().unwrap())).await;
    let info: serde_json::Value = server.nobody().get(paths::INFO).made().await;
    assert_eq!(
        (&info["token_endpoint"], &info["authorization_endpoint"]),
        (&url.into(), &url.into())
    );
}

#[tokio::test]
async fn the_description_that_is_served_is_the_committed_one() {
    let server = TestServer::start().await;
    let (status, served) = server.nobody().get(paths::OPENAPI).seen().await;
    assert_eq!(status, 200);
    assert_eq!(served, include_str!("../../../../docs/openapi.json"));
}

#[tokio::test]
async fn a_request_keeps_its_id() {
    let server = TestServer::start().await;
    let request = server
        .nobody()
        .get(paths::HEALTHZ)
        .header("X-Request-Id", "job-17");
    assert_eq!(
        request.send().await.unwrap().headers()["x-request-id"],
        "job-17"
    );
    let request = server
        .nobody()
        .get("/nowhere")
        .header("X-Request-Id", "forged\tline");
    let made = request.send().await.unwrap().headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(made.len(), 36, "{made}");
}

/// Collects the lines of a log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_says_who_asked_and_holds_no_secret() {
    let (lines, server) = (Lines::default(), TestServer::start().await);
    let admin = server.admin().await;
    let me: Value = admin.get(paths::USERS).made().await;
    let log = lines.clone();
    let log = tracing_subscriber::fmt().with_writer(move || log.clone());
    // With a single subscriber, a test on another thread, which has none, would decide for all that a place is never logged.
    let _second = tracing::Dispatch::new(
        tracing_subscriber::fmt()
            .with_writer(std::io::sink)
            .finish(),
    );
    let log = tracing::subscriber::set_default(log.json().flatten_event(true).finish());
    tracing::callsite::rebuild_interest_cache();
    for (id, client) in [("by-admin", &admin), ("by-nobody", &server.nobody())] {
        let request = client.get(paths::EVENTS).header("X-Request-Id", id);
        request.seen().await;
    }
    drop(log);
    let text = String::from_utf8(lines.0.lock().clone()).unwrap();
    let who = |id: &str| {
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut lines = lines.filter(|line: &Value| line["request_id"] == id);
        lines.next_back().unwrap()["user"].clone()
    };
    assert_eq!(who("by-admin"), me["resources"][0]["guid"]);
    assert_eq!(who("by-nobody"), Value::Null);
    assert!(!text.contains(admin.token.as_ref().unwrap()), "{text}");
}
