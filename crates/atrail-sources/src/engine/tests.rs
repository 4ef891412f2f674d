use atrail_model::event::admit;
use atrail_model::limits::EVENT_MAX_BYTES;
use serde_json::{Value, json};

use super::*;

const CADF: &str = r#"{"id":"e-1","eventTime":"2017-07-25T10:00:00Z","action":"read","outcome":"success","initiatorId":"i","targetId":"t"}"#;

fn payload(text: impl Into<String>) -> Payload<'static> {
    Payload {
        text: text.into().into_bytes().into(),
        hints: Hints::default(),
    }
}

fn made(text: impl Into<String>) -> (String, String) {
    let payload = payload(text);
    let engine = Engine::embedded();
    let made = engine
        .reader(SourceKind::Auto, Strictness::Lenient)
        .read(&payload)
        .unwrap();
    let text = String::from_utf8(made.text.into_owned()).unwrap();
    (made.origin.to_string(), text)
}

#[test]
fn cadf_stays_as_it_is_also_within_documents_of_shippers() {
    assert_eq!(made(CADF), ("cadf".to_owned(), CADF.to_owned()));
    for outer in [
        json!({"log": CADF, "stream": "stdout"}).to_string(),
        json!({"event": {"original": CADF}, "host": {"name": "h"}}).to_string(),
        json!({"event.original": format!("{CADF}\n")}).to_string(),
        json!({"MESSAGE": format!("@cee: {CADF}")}).to_string(),
        json!({"message": json!({"log": json!(CADF).to_string()}).to_string()}).to_string(),
        format!("<13>Jul 25 10:00:00 host app: {CADF}"),
        json!(CADF).to_string(),
    ] {
        assert_eq!(
            made(outer.as_str()),
            ("cadf".to_owned(), CADF.to_owned()),
            "{outer}"
        );
    }
}

#[test]
fn more_than_three_layers_are_no_layers() {
    let mut text = CADF.to_owned();
    for _ in 0..3 {
        text = json!({ "log": text }).to_string();
    }
    assert_eq!(made(text.as_str()).0, "cadf");
    assert_eq!(made(json!({ "log": text }).to_string()).0, "generic");
}

#[test]
fn what_is_of_no_format_becomes_an_event_with_its_text() {
    for text in [
        "",
        "plain text",
        "[1]",
        "{\"a\":",
        "{\"a\":1}",
        "\u{1}\"\\",
        r#"{"eventTime":7}"#,
    ] {
        let (origin, event) = made(text);
        assert_eq!(origin, "generic");
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["attachments"][0]["content"], text.trim_ascii());
        assert_eq!(event["tags"][0], "mapping:generic/1");
    }
}

#[test]
fn a_strict_reader_refuses_it_with_the_words_of_cadf() {
    let payload = payload(r#"{"eventTime":7}"#);
    let engine = Engine::embedded();
    let error = engine
        .reader(SourceKind::Auto, Strictness::Strict)
        .read(&payload)
        .unwrap_err();
    assert!(
        error.to_string().contains("\"eventTime\" is a number"),
        "{error}"
    );
}

#[test]
fn hints_fill_what_the_text_does_not_say() {
    let payload = Payload {
        text: b"text".as_slice().into(),
        hints: Hints {
            id: Some("given".into()),
            time: Some("2017-07-25T10:00:00Z".parse().unwrap()),
            ..Hints::default()
        },
    };
    let engine = Engine::embedded();
    let made = engine
        .reader(SourceKind::Auto, Strictness::Lenient)
        .read(&payload)
        .unwrap();
    let event: Value = serde_json::from_slice(&made.text).unwrap();
    assert_eq!(event["id"], "given");
    assert_eq!(event["eventTime"], "2017-07-25T10:00:00.000000000Z");
}

#[test]
fn a_text_of_any_length_becomes_an_event_that_fits() {
    let long = "\u{1}".repeat(EVENT_MAX_BYTES);
    for text in [
        long.clone(),
        "x".repeat(3 * EVENT_MAX_BYTES),
        json!({"action": "read", "long": long, "other": "\"".repeat(EVENT_MAX_BYTES / 2)})
            .to_string(),
        json!({"action": long}).to_string(),
    ] {
        let (_, event) = made(text.as_str());
        assert!(event.len() <= EVENT_MAX_BYTES);
        admit(event.as_bytes(), Timestamp::UNIX_EPOCH, String::new).unwrap();
        let event: Value = serde_json::from_str(&event).unwrap();
        let attached = &event["attachments"][0];
        assert_eq!(attached["bytes"], text.trim_ascii().len());
        assert_eq!(attached["trimmed"], true);
    }
}
