use serde_json::{Value, json};

use super::*;

const EVENT: &str = r#"{"started_at":1577836800123,"latencies":{"proxy":1},"client_ip":"192.0.2.7",
 "request":{"id":"r\u0031","method":"POST","url":"http://a/b","uri":"/b","headers":{"user-agent":"x/1"}},
 "response":{"status":201},"service":{"id":"s1","name":"shop"},"consumer":{"id":"c1","username":"ann"}}"#;

fn converted(text: &str) -> Value {
    serde_json::from_slice(&convert(text.as_bytes()).unwrap()).unwrap()
}

#[test]
fn every_part_finds_its_place() {
    assert!(detect(EVENT.as_bytes()));
    assert_eq!(
        converted(EVENT),
        json!({
            "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
            "eventType": "activity",
            "id": "r1",
            "eventTime": "2020-01-01T00:00:00.123000000Z",
            "action": "create",
            "outcome": "success",
            "reason": {"reasonType": "HTTP", "reasonCode": "201"},
            "initiator": {
                "id": "c1", "typeURI": "service/security/account/user", "name": "ann",
                "host": {"address": "192.0.2.7", "agent": "x/1"},
            },
            "target": {"id": "s1", "typeURI": "service", "name": "shop", "addresses": [{"url": "http://a/b"}]},
            "observer": {"id": "kong", "typeURI": "service/network", "name": "kong"},
            "requestPath": "/b",
            "attachments": [{"typeURI": "mime:application/json", "name": "kong", "content": EVENT}],
        })
    );
}

#[test]
fn little_is_enough() {
    let event = converted(
        r#"{"started_at":100000000000,"latencies":{},"request":{"headers":[],"id":7},"response":null}"#,
    );
    assert_eq!(event["id"], Value::Null);
    assert_eq!(
        (&event["action"], &event["outcome"]),
        (&json!("unknown"), &json!("unknown"))
    );
    assert_eq!(
        (&event["initiator"]["id"], &event["target"]["id"]),
        (&json!("unknown"), &json!("kong"))
    );
}

#[test]
fn forms_seen_less_often_are_understood() {
    let stream = r#"{"latencies":{"kong":1},"service":{"name":"db"},"started_at":1577836800122.9999,"client_ip":"2001:db8::1","session":{"status":200,"sent":7}}"#;
    assert!(detect(stream.as_bytes()));
    let event = converted(stream);
    assert_eq!(event["eventTime"], "2020-01-01T00:00:00.123000000Z");
    assert_eq!(event["reason"]["reasonCode"], "200");
    assert_eq!(event["target"]["id"], "db");
    assert_eq!(event["initiator"]["host"]["address"], "2001:db8::1");

    let twice = r#"{"started_at":1577836800000,"latencies":{},"request":{"headers":{"user-agent":["a","b"]}},"consumer":{"username":"ann"}}"#;
    let initiator = &converted(twice)["initiator"];
    assert_eq!(
        initiator,
        &json!({
            "id": "ann", "typeURI": "service/security/account/user", "name": "ann", "host": {"agent": "a"},
        })
    );
    let bare = converted(r#"{"started_at":1577836800000,"latencies":{},"request":{}}"#);
    assert_eq!(
        bare["initiator"],
        json!({"id": "unknown", "typeURI": "unknown"})
    );
}

#[test]
fn an_event_that_its_conversion_would_make_too_long_is_attached_as_json() {
    let with = |url: usize, quotes: usize| {
        let noise = "\\\"".repeat(quotes);
        let url = "x".repeat(url);
        format!(
            r#"{{"started_at":1577836800123,"latencies":{{}},"request":{{"method":"PUT","url":"{url}","uri":"{url}","headers":{{"x":"{noise}"}}}}}}"#
        )
    };
    for (url, quotes) in [(10, 450_000), (450_000, 1), (200_000, 250_000)] {
        let text = with(url, quotes);
        assert!((900_000..1_000_000).contains(&text.len()));
        let event = convert(text.as_bytes()).unwrap();
        assert!(event.len() <= EVENT_MAX_BYTES, "{}", event.len());
        assert!(memchr::memmem::find(&event, text.as_bytes()).is_some());
        let event: Value = serde_json::from_slice(&event).unwrap();
        let content = &event["attachments"][0]["content"];
        assert_eq!(content["started_at"], 1_577_836_800_123_i64);
        assert_eq!(event["requestPath"].is_string(), url == 10);
        assert_eq!(event["target"]["addresses"].is_array(), url == 10);
    }
    let error = convert(with(10, 524_100).as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("made CADF it is 104"), "{error}");
    let small = converted(&with(10, 10));
    assert!(small["attachments"][0]["content"].is_string());
}

#[test]
fn what_is_no_kong_event_is_refused() {
    for (text, message) in [
        ("{}", "started_at must be the milliseconds since 1970"),
        (r#"{"started_at":"x"}"#, "started_at must be"),
        (
            r#"{"started_at":99999999999999999999}"#,
            "started_at must be",
        ),
        (
            r#"{"started_at":1577836800,"request":{}}"#,
            "1577836800 of them are 1970-01-19T06:17:16.800000000Z: send milliseconds, not seconds",
        ),
        (r#"{"started_at":1577836800.5,"request":{}}"#, "not seconds"),
        (
            r#"{"started_at":-1,"request":{}}"#,
            "1969-12-31T23:59:59.999",
        ),
        (r#"{"started_at":-999.9,"request":{}}"#, "not seconds"),
        (r#"{"started_at":-0.4,"request":{}}"#, "not seconds"),
        (
            r#"{"started_at":1577836800000000000,"request":{}}"#,
            "started_at must be",
        ),
        (
            r#"{"started_at":1577836800000}"#,
            "request must be an object",
        ),
        (r#"{"started_at":1,}"#, "line 1 column"),
        ("{\"started_at\":1,\"request\":{}} x", "trailing characters"),
    ] {
        let error = convert(text.as_bytes()).unwrap_err().to_string();
        assert!(
            error.starts_with("not a Kong event: ") && error.contains(message),
            "{error}"
        );
    }
    for text in [
        "{}",
        r#"{"started_at":1,"latencies":{},"request":{},"eventTime":"x"}"#,
        "{",
    ] {
        assert!(!detect(text.as_bytes()), "{text}");
    }
}
