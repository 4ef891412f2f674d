//! Bulk requests: two lines for each event, ids with which a second run adds nothing, times that Elasticsearch reads.

use atrail_evidence::leaf_hash;
use atrail_export::{EventFault, ExportError, Options};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{EVENT, events, export, export_with, with};

/// Returns the pairs of action and document.
pub(crate) fn pairs(text: &str) -> Vec<(Value, String)> {
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len().is_multiple_of(2) && (text.is_empty() || text.ends_with('\n')));
    lines
        .chunks(2)
        .map(|pair| (serde_json::from_str(pair[0]).unwrap(), pair[1].to_owned()))
        .collect()
}

fn document(line: &str) -> String {
    pairs(&export("es-bulk", &[line]).unwrap()).remove(0).1
}

#[test]
fn an_event_is_an_action_and_a_document() {
    let options = Options {
        index: "audit-2017".parse().unwrap(),
        ..Options::default()
    };
    let text = export_with("es-bulk", options, &[EVENT]).unwrap();
    let id = URL_SAFE_NO_PAD.encode(leaf_hash(EVENT.as_bytes()).0);
    let open = EVENT.strip_suffix('}').unwrap();
    assert_eq!(
        text,
        format!(
            "{{\"create\":{{\"_index\":\"audit-2017\",\"_id\":\"{id}\"}}}}\n\
            {open},\"@timestamp\":\"2017-10-19T19:07:50.320000000Z\"}}\n"
        )
    );
}

#[test]
fn every_form_of_event_time_becomes_one_that_elasticsearch_reads() {
    for (written, read) in [
        (
            "2017-09-17 15:15:32.396 +0000 UTC",
            "2017-09-17T15:15:32.396000000Z",
        ),
        (
            "2018-07-26T14:18:41.877636-06:00",
            "2018-07-26T20:18:41.877636000Z",
        ),
        ("2025-06-12 09:45:55", "2025-06-12T09:45:55.000000000Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999999Z"),
    ] {
        let document: Value =
            serde_json::from_str(&document(&with("eventTime", json!(written)))).unwrap();
        assert_eq!(document["@timestamp"], read);
        assert_eq!(document["eventTime"], written);
    }
    for line in [
        with("eventTime", json!("soon")),
        with("eventTime", json!(17)),
        "{}".to_owned(),
    ] {
        assert!(matches!(
            export("es-bulk", &[line]),
            Err(ExportError::Event {
                line: 1,
                fault: EventFault::NoTime
            })
        ));
    }
}

#[test]
fn an_event_cannot_set_its_own_time() {
    let open = EVENT.strip_suffix('}').unwrap();
    let end = ",\"@timestamp\":\"2017-10-19T19:07:50.320000000Z\"}";
    let line = format!(
        "{open},\"@timestamp\":\"1999\",\"x\":{{\"@timestamp\":1}},\"\\u0040timestamp\" : 2 }}"
    );
    assert_eq!(
        document(&line),
        format!(
            "{open},\"@timestamp_original\":\"1999\",\"x\":{{\"@timestamp\":1}},\"@timestamp_original\" : 2 {end}"
        )
    );
    let line = format!("{{\"@timestamp\":null,{}", &EVENT[1..]);
    assert!(document(&line).starts_with("{\"@timestamp_original\":null,\"typeURI\""));
    // An exported event may be imported and exported again.
    let again = format!("{open},\"@timestamp\":1,\"@timestamp_original\":2}}");
    assert_eq!(
        document(&again),
        format!("{open},\"@timestamp_original_original\":1,\"@timestamp_original\":2{end}")
    );
}

#[test]
fn events_that_share_an_id_stay_two() {
    let other = with("outcome", json!("pending"));
    let text = export("es-bulk", &[EVENT, &other, EVENT]).unwrap();
    let ids: Vec<_> = pairs(&text)
        .into_iter()
        .map(|(action, _)| action["create"]["_id"].clone())
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[0], ids[2], "the same bytes are the same document");
}

proptest! {
    #[test]
    fn lines_pair_up_and_the_event_is_in_the_document(lines in events()) {
        let pairs = pairs(&export("es-bulk", &lines).unwrap());
        prop_assert_eq!(pairs.len(), lines.len());
        for ((action, document), line) in pairs.iter().zip(&lines) {
            let id = URL_SAFE_NO_PAD.encode(leaf_hash(line.as_bytes()).0);
            prop_assert_eq!(action, &json!({"create": {"_index": "activity-tracker", "_id": id}}));
            let mut document: Value = serde_json::from_str(document).unwrap();
            let mut event: Value = serde_json::from_str(line).unwrap();
            let members = document.as_object_mut().unwrap();
            prop_assert_eq!(members.remove("@timestamp"), Some(json!("2017-09-17T15:15:32.396000000Z")));
            if let Some(own) = members.remove("@timestamp_original") {
                members.insert("@timestamp".to_owned(), own);
            }
            prop_assert_eq!(&document, &event.take());
        }
    }
}
