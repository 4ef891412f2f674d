//! Real events: the lines that a server would store for them go through every format.

use std::path::Path;

use atrail_export::FORMATS;
use atrail_model::{Timestamp, event};
use serde_json::Value;

use crate::support::export;
use crate::{csv, es_bulk};

/// Returns the stored lines of the CADF samples, or nothing where there are none.
fn stored_lines() -> Vec<String> {
    let dir = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/data/cadf"
    ));
    let now: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "ndjson") {
            continue;
        }
        for text in std::fs::read_to_string(path).unwrap().lines() {
            if let Ok(event) = event::admit(text.as_bytes(), now, || "added".to_owned()) {
                lines.push(String::from_utf8(event.line.into_owned()).unwrap());
            }
        }
    }
    lines
}

#[test]
fn real_events_go_through_every_format() {
    let lines = stored_lines();
    if lines.is_empty() {
        println!("skipped: ../shared/data is not there");
        return;
    }
    assert!(lines.len() > 3000, "{} events", lines.len());
    let [ndjson, json, csv, es_bulk] = FORMATS
        .each_ref()
        .map(|format| export(format.name, &lines).unwrap());
    assert!(ndjson.lines().eq(&lines));

    let values: Vec<Value> = serde_json::from_str(&json).unwrap();
    let rows = csv::rows(&csv);
    let pairs = es_bulk::pairs(&es_bulk);
    assert_eq!(
        (values.len(), rows.len(), pairs.len()),
        (lines.len(), lines.len(), lines.len())
    );
    for (((line, value), row), (_, document)) in lines.iter().zip(values).zip(rows).zip(pairs) {
        assert_eq!(&row["event"], line);
        assert_eq!(row["eventTime"], value["eventTime"]);
        assert_eq!(row["action"], value["action"]);
        assert_eq!(row["time"].len(), "2017-10-19T19:07:50.320000000Z".len());
        assert!(document.starts_with(line.strip_suffix('}').unwrap()));
        assert!(document.ends_with(&format!(",\"@timestamp\":\"{}\"}}", row["time"])));
    }
}
