//! Published samples of other formats, which are not part of the project and lie beside it: each becomes an event of its
//! format. A test reports it when they are missing.

use atrail_model::event::admit;
use atrail_sources::{Engine, Framing, Payload, SourceKind, Stream, Strictness};
use serde_json::Value;

use super::{data, now};

/// Returns the format, the action and the outcome of each event of a file.
fn read(path: &str) -> Option<Vec<[String; 3]>> {
    let (folder, name) = path.split_once('/').unwrap();
    let body = std::fs::read(data(folder)?.join(name)).unwrap();
    let mut stream = Stream::new(SourceKind::Auto, Framing::Sniffed)
        .received_at(now())
        .as_strict_as(Strictness::Lenient);
    stream.feed(&body);
    stream.finish();
    let mut events = Vec::new();
    while let Some(item) = stream.next_item() {
        let candidate = item.unwrap_or_else(|refusal| panic!("{path}: {refusal}"));
        admit(&candidate.text, now(), String::new).unwrap();
        let event: Value = serde_json::from_slice(&candidate.text).unwrap();
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        events.push([
            candidate.origin.to_string(),
            text("action"),
            text("outcome"),
        ]);
    }
    Some(events)
}

#[test]
fn published_samples_become_events_of_their_formats() {
    for (path, format, count, known_percent) in [
        ("kubernetes/audit2rbac.ndjson", "kubernetes", 1, 100),
        ("kubernetes/k8s_eventlist_v1.json", "kubernetes", 2, 100),
        ("formats/cloudtrail_stratus.json", "cloudtrail", 61, 100),
        ("formats/ocsf_account_change.json", "ocsf", 1, 100),
        ("formats/ocsf_api_activity.json", "ocsf", 1, 100),
        ("formats/gcp_audit.ndjson", "gcp", 10, 85),
        ("formats/github_audit.ndjson", "github", 5, 60),
        ("formats/okta.ndjson", "okta", 10, 90),
        ("formats/entra_signin.ndjson", "entra", 20, 85),
        ("formats/azure_activity.ndjson", "azure", 80, 90),
        ("formats/azure_rest_activitylog.json", "azure", 1, 100),
        ("formats/auth0.ndjson", "auth0", 15, 90),
        ("formats/teleport.ndjson", "teleport", 8, 90),
        ("formats/slack.ndjson", "slack", 7, 90),
        ("formats/gsuite.ndjson", "google-workspace", 9, 70),
    ] {
        let Some(events) = read(path) else { return };
        assert!(events.len() >= count, "{path}: {}", events.len());
        let known = events
            .iter()
            .filter(|[origin, ..]| origin == format)
            .count();
        assert!(
            known * 100 >= events.len() * known_percent,
            "{path}: {known} of {}: {events:?}",
            events.len()
        );
        let named = events
            .iter()
            .filter(|[_, action, _]| !action.starts_with("unknown"))
            .count();
        assert!(
            named * 10 >= events.len() * 6,
            "{path}: {named} of {} have an action: {events:?}",
            events.len()
        );
    }
}

/// Whatever stands around an event, and whichever members it lacks, a lenient reader finds its format.
#[test]
fn variants_of_formats_are_recognised() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let engine = Engine::embedded();
    let mut count = 0;
    for format in engine.formats() {
        let path = fixtures.join(format.name).join("variants.in");
        let Ok(body) = std::fs::read(&path) else {
            continue;
        };
        let items = (engine.split(&body, SourceKind::Auto, Framing::Sniffed))
            .received_at(now())
            .as_strict_as(Strictness::Lenient);
        for item in items {
            let item = item.unwrap();
            let expected = match (format.name, item.line) {
                ("oslo", _) => "cadf",
                ("syslog", 2) => "auditd",
                (name, _) => name,
            };
            assert_eq!(
                item.origin.to_string(),
                expected,
                "{}:{}",
                path.display(),
                item.line
            );
            let event: Value = serde_json::from_slice(&item.text).unwrap();
            assert!(!event["action"].as_str().unwrap().is_empty());
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

#[test]
fn a_log_of_postgresql_is_one_format_in_both_forms() {
    let Some(events) = read("formats/pgaudit_jsonlog.ndjson") else {
        return;
    };
    let audited = events.iter().filter(|[_, _, outcome]| outcome == "pending");
    assert!(audited.clone().count() > 10, "{events:?}");
    for [origin, action, _] in audited {
        assert!(
            origin == "pgaudit" && !action.starts_with("unknown"),
            "{action}"
        );
    }
    let events = read("formats/auditd_rhel7.log").unwrap();
    let actions: Vec<_> = events
        .iter()
        .map(|[_, action, _]| action.as_str())
        .collect();
    assert_eq!(actions, ["create", "start", "start"]);
}

#[test]
fn a_history_of_a_real_account_is_cloudtrail() {
    let Some(folder) = data("cloudtrail") else {
        return;
    };
    let mut folders = vec![folder];
    let (mut all, mut known) = (0, 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "json") {
                let body = std::fs::read(&path).unwrap();
                let engine = Engine::embedded();
                for item in engine.split(&body, SourceKind::Auto, Framing::Sniffed) {
                    let origin = item.map(|candidate| candidate.origin.to_string());
                    all += 1;
                    known += u64::from(origin.is_ok_and(|origin| origin == "cloudtrail"));
                }
            }
        }
    }
    assert_eq!(known, all);
}

#[test]
fn documents_of_shippers_around_a_sample_do_not_matter() {
    let Some(folder) = data("kubernetes") else {
        return;
    };
    let lines = std::fs::read_to_string(folder.join("audit2rbac.ndjson")).unwrap();
    let line = lines.lines().next().unwrap();
    let engine = Engine::embedded();
    for document in [
        serde_json::json!({"@timestamp": "2026-03-01T10:00:00Z", "message": line, "agent": {"type": "filebeat"}}),
        serde_json::json!({"log": format!("{line}\n"), "stream": "stdout", "kubernetes": {"pod_name": "x"}}),
        serde_json::json!({"event": {"original": line, "dataset": "k8s.audit"}}),
    ] {
        let payload = Payload {
            text: document.to_string().into_bytes().into(),
            ..Payload::default()
        };
        let mut reader = engine.reader(SourceKind::Auto, Strictness::Lenient);
        let made = reader.read(&payload).unwrap();
        assert_eq!(made.origin.to_string(), "kubernetes");
        let event: Value = serde_json::from_slice(&made.text).unwrap();
        assert_eq!(event["attachments"][0]["content"], line);
        assert_eq!(event["attachments"][1]["content"], document.to_string());
    }
}
