//! Hits as clients read them.

use atrail_model::{Domain, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::dates::Format;
use super::fields::Named;
use super::highlight::Marker;
use super::position;
use super::refusal::Refusal;
use super::search::Shown;

/// An event that is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shows<'a> {
    pub(crate) domain: Domain,
    pub(crate) time: Timestamp,
    /// The leaf hash: the id by which clients tell hits apart. An event's own id may occur twice.
    pub(crate) leaf: [u8; 32],
    /// The stored line.
    pub(crate) line: &'a [u8],
    pub(crate) position: position::Hit,
}

/// Appends a hit as JSON.
pub(crate) fn write(
    out: &mut Vec<u8>,
    hit: Shows<'_>,
    shown: &Shown,
    marker: Option<&Marker>,
) -> Result<(), Refusal> {
    let index = match hit.domain {
        Domain::Space(id) => id.to_string(),
        Domain::Account(id) => id.to_string(),
    };
    // The id of an `--as es-bulk` export is the same. Neither text contains a character that JSON would escape.
    let id = URL_SAFE_NO_PAD.encode(hit.leaf);
    let (millis, number) = hit.position.numbers()?;
    out.extend_from_slice(format!(r#"{{"_index":"{index}","_id":"{id}","_score":null"#).as_bytes());
    if shown.source {
        // The event is one JSON object, byte for byte as it is stored.
        out.extend_from_slice(br#","_source":"#);
        out.extend_from_slice(hit.line.trim_ascii_end());
    }
    if !shown.fields.is_empty() {
        out.extend_from_slice(br#","fields":"#);
        append(out, &fields(hit, &shown.fields));
    }
    if let Some(marked) = marker.and_then(|marker| marker.marked(hit.line)) {
        out.extend_from_slice(br#","highlight":"#);
        append(out, &marked);
    }
    out.extend_from_slice(format!(r#","sort":[{millis},{number}]}}"#).as_bytes());
    Ok(())
}

/// Returns the values of fields, each a list. A field without values is absent.
fn fields(hit: Shows<'_>, wanted: &[(String, Named, Format)]) -> Value {
    let mut fields = Map::new();
    for (name, named, format) in wanted {
        let values = match named {
            Named::Time => vec![format.write(hit.time).into()],
            Named::Field(field) => {
                let values = atrail_search::values(hit.line, field).into_iter();
                values.map(|value| value.as_ref().into()).collect()
            }
        };
        // A field that is asked for twice, in different formats, has the last one's.
        if !values.is_empty() {
            fields.insert(name.clone(), Value::Array(values));
        }
    }
    Value::Object(fields)
}

/// Appends the answer of a search.
///
/// `hits` are the hits, with commas between them.
pub(crate) fn answer(
    out: &mut Vec<u8>,
    took_ms: u64,
    total: Option<u64>,
    hits: &[u8],
    aggregations: Option<&Value>,
) {
    let start = json!({
        "took": took_ms,
        "timed_out": false,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
    });
    append(out, &start);
    out.pop();
    out.extend_from_slice(br#","hits":{"#);
    if let Some(total) = total {
        out.extend_from_slice(
            format!(r#""total":{{"value":{total},"relation":"eq"}},"#).as_bytes(),
        );
    }
    out.extend_from_slice(br#""max_score":null,"hits":["#);
    out.extend_from_slice(hits);
    out.extend_from_slice(b"]}");
    if let Some(aggregations) = aggregations {
        out.extend_from_slice(br#","aggregations":"#);
        append(out, aggregations);
    }
    out.extend_from_slice(br#","status":200}"#);
}

/// Appends a value as JSON.
pub(crate) fn append(out: &mut Vec<u8>, value: &Value) {
    serde_json::to_writer(&mut *out, value).expect("a value is written as JSON, to memory");
}
