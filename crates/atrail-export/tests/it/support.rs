//! Events, and their export.

use atrail_export::{ExportError, Exporter, Format, Options};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

pub(crate) const EVENT: &str = r#"{"typeURI":"http://schemas.dmtf.org/cloud/audit/1.0/event","id":"e1","eventType":"activity","eventTime":"2017-10-19T19:07:50.32+0000","action":"create","outcome":"success","initiator":{"id":"u1","name":"Jo, \"the\" User","typeURI":"service/security/account/user","host":{"address":"192.0.2.1","agent":"curl"}},"target":{"id":"t1","name":"-","typeURI":"compute/machine"},"observer":{"id":"o1","name":"nova"},"reason":{"reasonCode":200,"reasonType":"HTTP"},"requestPath":"/v1/x"}"#;

pub(crate) fn export(name: &str, lines: &[impl AsRef<str>]) -> Result<String, ExportError> {
    export_with(name, Options::default(), lines)
}

pub(crate) fn export_with(
    name: &str,
    options: Options,
    lines: &[impl AsRef<str>],
) -> Result<String, ExportError> {
    let format: &Format = name.parse().unwrap();
    let mut exporter = Exporter::new(format, options, Vec::new());
    for line in lines {
        exporter.push(line.as_ref().as_bytes())?;
        exporter.push(b"\n")?;
    }
    Ok(String::from_utf8(exporter.finish()?).unwrap())
}

/// Returns the event with one member replaced or added.
pub(crate) fn with(member: &str, value: Value) -> String {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    event
        .as_object_mut()
        .unwrap()
        .insert(member.to_owned(), value);
    event.to_string()
}

/// Generates texts with many characters that trip formats.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[=+@,;\"'\\-\t\r\n \u{0}\u{1b}\u{feff}＝x]{0,6}",
        any::<String>(),
        "[a-z]{1,8}",
    ]
}

/// Generates any JSON value, some levels deep.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((text(), inner), 0..4)
                .prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

/// Generates lines of events whose members hold any values, except for the `eventTime`.
pub(crate) fn events() -> impl Strategy<Value = Vec<String>> {
    const NAMES: [&str; 7] = [
        "id",
        "action",
        "initiator",
        "target",
        "reason",
        "@timestamp",
        "requestPath",
    ];
    let members = proptest::collection::vec(
        (
            prop_oneof![
                proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
                text()
            ],
            value(),
        ),
        0..8,
    );
    let event = members.prop_map(|members| {
        let mut event = Map::from_iter(members);
        event.insert(
            "eventTime".to_owned(),
            json!("2017-09-17 15:15:32.396 +0000 UTC"),
        );
        Value::from(event).to_string()
    });
    proptest::collection::vec(event, 0..6)
}
