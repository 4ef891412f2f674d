//! Any payload becomes an event, and the same payloads become the same events.

use atrail_model::event::admit;
use atrail_model::limits::EVENT_MAX_BYTES;
use atrail_sources::{Engine, FORMATS, Hints, Payload, SourceKind, Strictness};
use proptest::prelude::*;

use super::now;

/// Any JSON value, with names that the mappings read.
fn any_json() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "auditID",
        "stage",
        "verb",
        "apiVersion",
        "eventVersion",
        "eventSource",
        "eventName",
        "eventTime",
        "time",
        "id",
        "action",
        "outcome",
        "initiator",
        "target",
        "class_uid",
        "metadata",
        "protoPayload",
        "logName",
        "published",
        "eventType",
        "actor",
        "request",
        "type",
        "message",
        "log",
        "event",
        "original",
        "user",
        "objectRef",
        "Records",
        "events",
        "_document_id",
        "created_at",
        "org",
        "details",
        "author_id",
        "entity_type",
        "x.y",
        "\\u0061",
        "ä",
    ]);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1e999".to_owned()),
        Just("\"\\ud83d\"".to_owned()),
        Just("\"2026-03-01T10:00:00Z\"".to_owned()),
        Just("\"audit.k8s.io/v1\"".to_owned()),
        Just("\"a.b\"".to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((names.clone(), inner.clone()), 0..8).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
            inner.prop_map(|value| serde_json::to_string(&value).unwrap()),
        ]
    })
}

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any_json().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (any_json(), any::<prop::sample::Index>()).prop_map(|(text, at)| {
            text.as_bytes()[..at.index(text.len() + 1)].to_vec()
        }),
    ]
}

fn payload(text: &[u8]) -> Payload<'_> {
    Payload {
        text: text.into(),
        hints: Hints {
            host: Some("host".into()),
            ..Hints::default()
        },
    }
}

/// Makes events of payloads with a new reader, and checks that each is one that the store accepts.
fn read(texts: &[Vec<u8>], kind: SourceKind) -> Vec<Vec<u8>> {
    let engine = Engine::embedded();
    let mut reader = engine.reader(kind, Strictness::Lenient).received_at(now());
    let made = texts.iter().map(|text| {
        let payload = payload(text);
        let made = reader
            .read(&payload)
            .expect("a lenient reader refuses nothing");
        assert!(made.text.len() <= EVENT_MAX_BYTES);
        let event = admit(&made.text, now(), || panic!("it has an id")).expect("it is an event");
        assert!(!event.id_added);
        made.text.into_owned()
    });
    made.collect()
}

proptest! {
    #[test]
    fn any_payload_becomes_an_event_and_the_same_ones_the_same_events(
        texts in prop::collection::vec(any_text(), 1..4),
        format in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let kinds: Vec<_> = FORMATS.iter().filter(|format| format.is_kind()).collect();
        let kind = format.map_or(SourceKind::Auto, |index| SourceKind::Of(kinds[index.index(kinds.len())]));
        prop_assert_eq!(read(&texts, kind), read(&texts, kind));
    }

    #[test]
    fn equal_payloads_without_an_id_become_events_of_their_own(text in "[a-z ]{0,20}") {
        let [first, second] = read(&[text.clone().into_bytes(), text.into_bytes()], SourceKind::Auto).try_into().unwrap();
        prop_assert_ne!(first, second);
    }

    #[test]
    fn a_strict_reader_refuses_or_makes_an_event(text in any_text()) {
        let engine = Engine::embedded();
        let mut reader = engine.reader(SourceKind::Auto, Strictness::Strict);
        let payload = payload(&text);
        if let Ok(made) = reader.read(&payload) {
            // It knows no clock: a time far ahead is for the store to refuse.
            admit(&made.text, atrail_model::Timestamp::MAX, String::new).expect("it is an event");
            prop_assert!(made.origin.to_string() != "generic");
        }
    }
}
