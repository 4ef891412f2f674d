//! Inputs of all kinds through the splitter and the check.
//!
//! The tests here read real audit events, published by others. They are not part of the project and lie beside it; a
//! test reports it when they are missing.

#![allow(clippy::print_stderr, clippy::unwrap_used)]

mod documented;
mod golden;
mod properties;
mod samples;

use std::path::{Path, PathBuf};

use atrail_model::Timestamp;
use atrail_model::event::admit;
use atrail_sources::{Framing, SourceKind, Stream, split};

/// Returns a folder of real events; `None`, with a message, when it is missing.
fn data(folder: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(folder);
    if !path.is_dir() {
        eprintln!("skipped: no ../shared/data");
        return None;
    }
    Some(path)
}

fn kind(name: &str) -> SourceKind {
    name.parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// The result for one event: its returned text and the line to store, or the reason for its refusal.
type Outcome = Result<(String, String), String>;

fn outcomes(body: &[u8], kind: SourceKind) -> Vec<(u64, Outcome)> {
    split(body, kind, Framing::Sniffed)
        .map(|item| match item {
            Ok(candidate) => {
                let text = String::from_utf8(candidate.text.to_vec()).unwrap();
                let admitted = admit(text.as_bytes(), now(), || "added".to_owned());
                let stored =
                    admitted.map(|event| String::from_utf8(event.line.into_owned()).unwrap());
                (
                    candidate.line,
                    stored
                        .map(|line| (text, line))
                        .map_err(|error| error.to_string()),
                )
            }
            Err(refusal) => (refusal.line, Err(refusal.to_string())),
        })
        .collect()
}

fn admitted(path: &Path) -> Vec<String> {
    let body = std::fs::read(path).unwrap();
    let texts = outcomes(&body, SourceKind::Auto)
        .into_iter()
        .map(|(line, outcome)| {
            let (text, stored) = outcome.unwrap_or_else(|error| panic!("{path:?}:{line}: {error}"));
            assert_eq!(
                text, stored,
                "what is on one line and has an id is stored as it came"
            );
            text
        });
    texts.collect()
}

/// Returns the events of a file according to another reader: the position and the value of each.
fn expected(path: &Path) -> Vec<serde_json::Value> {
    let body = std::fs::read_to_string(path).unwrap();
    let values = serde_json::Deserializer::from_str(&body).into_iter::<serde_json::Value>();
    let mut events = Vec::new();
    for mut value in values.map(Result::unwrap) {
        if let Some(list) = value.as_array_mut() {
            events.append(list);
        } else if let Some(list) = value.get_mut("events").and_then(|list| list.as_array_mut()) {
            events.append(list);
        } else if let Some(payload) = value.get_mut("payload") {
            events.push(payload.take());
        } else {
            events.push(value);
        }
    }
    events
}

#[test]
fn every_cadf_event_comes_out_byte_for_byte() {
    let Some(folder) = data("cadf") else { return };
    for (name, count) in [
        ("SAP-cloud-infrastructure__hermez.ndjson", 7),
        ("cadf_array_300.json", 300),
        ("cadf_log_300.json", 300),
        ("hyperledger-labs__fabric-operations-console.ndjson", 1),
        ("openstack__barbican.ndjson", 1),
        ("openstack__pycadf.ndjson", 4),
        ("osmiddleware_2000.ndjson", 2000),
        ("pycadf_1000.ndjson", 1000),
        ("sapcc__limes.ndjson", 1),
    ] {
        let path = folder.join(name);
        let texts = admitted(&path);
        assert_eq!(texts.len(), count, "{name}");
        let body = std::fs::read_to_string(&path).unwrap();
        let mut rest = body.as_str();
        for (text, expected) in texts.iter().zip(expected(&path)) {
            let at = rest.find(text.as_str()).expect("in the order of the input");
            rest = &rest[at + text.len()..];
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(text).unwrap(),
                expected
            );
        }
    }
}

#[test]
fn every_keystone_sample_is_taken_the_one_with_blanks_in_its_time_too() {
    let Some(folder) = data("cadf") else { return };
    let body = std::fs::read(folder.join("openstack__keystone.ndjson")).unwrap();
    let outcomes = outcomes(&body, SourceKind::Auto);
    assert_eq!(outcomes.len(), 8);
    for (line, outcome) in outcomes {
        let (text, _) = outcome.unwrap();
        assert_eq!(
            text.contains("2014-02-14T01: 20: 47.932842+0000"),
            line == 6
        );
    }
}

#[test]
fn pretty_printed_events_are_stored_on_one_line() {
    let Some(folder) = data("cadf") else { return };
    let path = folder.join("pycadf_1000.ndjson");
    let events = expected(&path);
    let pretty: Vec<String> = events
        .iter()
        .map(|event| serde_json::to_string_pretty(event).unwrap())
        .collect();
    for body in [
        pretty.join("\n"),
        format!("[\n{}\n]", pretty.join(",\r\n")),
        format!("{{\n\"events\": [{}]}}", pretty.join(",")),
    ] {
        let outcomes = outcomes(body.as_bytes(), SourceKind::Auto);
        assert_eq!(outcomes.len(), events.len());
        for ((_, outcome), event) in outcomes.into_iter().zip(&events) {
            let (_, stored) = outcome.unwrap();
            assert!(!stored.contains(['\r', '\n']));
            assert_eq!(stored, event.to_string());
        }
    }
}

#[test]
fn what_is_malformed_is_refused_with_a_place_and_a_reason() {
    let Some(folder) = data("cadf-malformed") else {
        return;
    };
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let body = std::fs::read(&path).unwrap();
        let outcomes = outcomes(&body, SourceKind::Auto);
        assert!(!outcomes.is_empty());
        let text = String::from_utf8_lossy(&body).into_owned();
        for (line, outcome) in outcomes {
            let error = outcome.expect_err("nothing in it is an event");
            eprintln!("{}:{line}: {error}", path.file_name().unwrap().display());
            assert!(
                error.starts_with("not JSON: ") && error.contains("column "),
                "{error}"
            );
            if text.contains("# ") || text.contains("// ") {
                assert!(error.contains("comments are not JSON"), "{error}");
            } else if text.contains("...") {
                assert!(error.contains("an ellipsis is not JSON"), "{error}");
            } else {
                assert!(error.contains("comma"), "{error}");
            }
        }
        files += 1;
    }
    assert_eq!(files, 15);
}

#[test]
fn a_stream_finds_what_a_whole_body_holds() {
    let Some(folder) = data("cadf") else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let body = std::fs::read(entry.unwrap().path()).unwrap();
        let mut stream = Stream::new(SourceKind::Auto, Framing::Sniffed);
        let mut whole = split(&body, SourceKind::Auto, Framing::Sniffed);
        for chunk in body.chunks(999) {
            stream.feed(chunk);
            while let Some(item) = stream.next_item() {
                assert_eq!(Some(item), whole.next());
            }
        }
        stream.finish();
        while let Some(item) = stream.next_item() {
            assert_eq!(Some(item), whole.next());
        }
        assert_eq!(whole.next(), None);
    }
}

#[test]
fn other_audit_formats_are_not_taken_for_cadf() {
    let Some(folder) = data("kubernetes") else {
        return;
    };
    let body = std::fs::read(folder.join("audit2rbac.ndjson")).unwrap();
    let mut count = 0;
    for item in split(&body, SourceKind::Auto, Framing::Sniffed) {
        let candidate = item.unwrap();
        assert_eq!(candidate.origin.to_string(), "kubernetes");
        admit(&candidate.text, now(), String::new).unwrap();
        count += 1;
    }
    assert!(count > 0);
    // As CADF, none of them is accepted.
    let cadf = "cadf".parse().unwrap();
    for item in split(&body, cadf, Framing::Sniffed) {
        let error = admit(&item.unwrap().text, now(), String::new)
            .unwrap_err()
            .to_string();
        assert!(error.contains("eventTime is missing"), "{error}");
    }
}

#[test]
fn kong_events_are_admitted_as_their_conversion_with_the_original_inside() {
    let Some(folder) = data("kong") else { return };
    for (name, count) in [
        ("developer.konghq.com.ndjson", 6),
        ("docs.konghq.com.ndjson", 10),
    ] {
        let body = std::fs::read_to_string(folder.join(name)).unwrap();
        let originals: Vec<&str> = body.lines().collect();
        assert_eq!(originals.len(), count);
        for (kind, body) in [
            (SourceKind::Auto, body.clone()),
            (kind("kong"), body.clone()),
            (SourceKind::Auto, format!("[{}]", originals.join(","))),
        ] {
            let outcomes = outcomes(body.as_bytes(), kind);
            assert_eq!(outcomes.len(), count);
            for ((_, outcome), original) in outcomes.into_iter().zip(&originals) {
                let (_, stored) = outcome.unwrap();
                let event: serde_json::Value = serde_json::from_str(&stored).unwrap();
                assert_eq!(event["attachments"][0]["content"], *original);
                assert_eq!(event["observer"]["name"], "kong");
                assert_ne!(event["initiator"]["id"], "unknown");
                assert_ne!(event["target"]["id"], "kong");
            }
        }
        for (_, outcome) in outcomes(body.as_bytes(), kind("cadf")) {
            assert!(outcome.unwrap_err().contains("eventTime is missing"));
        }
    }
}

#[test]
fn a_kong_event_says_how_its_request_began_and_ended() {
    let began = r#""started_at":1500973200000,"request":{"method":"GET"}"#;
    for (text, is_kong) in [
        (format!(r#"{{{began},"latencies":{{}}}}"#), true),
        (format!(r#"{{{began},"response":{{"status":200}}}}"#), true),
        (format!("{{{began}}}"), false),
        (format!(r#"{{{began},"response":200}}"#), false),
        (
            format!(r#"{{{began},"response":{{}},"eventTime":"x"}}"#),
            false,
        ),
    ] {
        let taken: Vec<_> = split(text.as_bytes(), SourceKind::Auto, Framing::Sniffed)
            .map(|item| item.unwrap().origin.to_string() == "kong")
            .collect();
        assert_eq!(taken, [is_kong], "{text}");
    }
}

#[test]
fn cadf_is_refused_where_kong_was_announced() {
    let Some(folder) = data("cadf") else { return };
    let body = std::fs::read(folder.join("sapcc__limes.ndjson")).unwrap();
    for (line, outcome) in outcomes(&body, kind("kong")) {
        let error = outcome.unwrap_err();
        assert!(
            line == 1 && error.starts_with("not a Kong event: "),
            "{error}"
        );
    }
}
