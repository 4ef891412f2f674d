//! The fields that clients name and list.

use atrail_search::query::Field;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;

/// The names of the event's time: CADF's own, the name that Elasticsearch's users give to the time of a document and
/// that `--as es-bulk` exports add, and the short name of the query language.
pub(crate) const TIME_NAMES: [&str; 3] = ["eventTime", "@timestamp", "time"];

/// The fields that are listed for people to choose from: CADF's (DMTF DSP0262), and the short names of the query
/// language. Any other path into an event can be typed.
const KEYWORDS: [&str; 40] = [
    "action",
    "actor",
    "eventType",
    "from",
    "id",
    "initiator.credential.token",
    "initiator.credential.type",
    "initiator.host.address",
    "initiator.host.agent",
    "initiator.host.platform",
    "initiator.id",
    "initiator.name",
    "initiator.project_id",
    "initiator.typeURI",
    "initiatorId",
    "message",
    "name",
    "observer.id",
    "observer.name",
    "observer.typeURI",
    "observerId",
    "outcome",
    "reason",
    "reason.policyId",
    "reason.policyType",
    "reason.reasonCode",
    "reason.reasonType",
    "requestPath",
    "service",
    "severity",
    "tags",
    "target",
    "target.host.address",
    "target.id",
    "target.name",
    "target.project_id",
    "target.typeURI",
    "targetId",
    "type",
    "typeURI",
];

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// The event's time.
    Time,
    /// A field of the event.
    Field(Field),
}

/// Returns what a name stands for.
pub(crate) fn named(name: &str) -> Result<Named, Refusal> {
    if TIME_NAMES.contains(&name) {
        return Ok(Named::Time);
    }
    match Field::named(name) {
        Ok(field) => Ok(Named::Field(field)),
        Err(error) => Err(Refusal::illegal(error.to_string())),
    }
}

/// Returns the answer of `_field_caps`: by field, then by type.
///
/// `patterns` are names with `*`; a field is listed when one of them matches.
pub(crate) fn caps(indices: &[String], patterns: &[&str]) -> Value {
    let mut fields = Map::new();
    let all = KEYWORDS.iter().map(|name| (*name, "keyword"));
    let times = TIME_NAMES.iter().map(|name| (*name, "date"));
    for (name, kind) in all.chain(times) {
        if patterns.iter().any(|pattern| matches(pattern, name)) {
            let caps = json!({
                "type": kind,
                "metadata_field": false,
                "searchable": true,
                "aggregatable": true,
            });
            fields.insert(name.to_owned(), json!({ kind: caps }));
        }
    }
    json!({"indices": indices, "fields": fields})
}

/// Returns the answer of `_mapping`: by index.
pub(crate) fn mapping(indices: &[String]) -> Value {
    let mut properties = Map::new();
    for name in KEYWORDS {
        insert(&mut properties, name, "keyword");
    }
    for name in TIME_NAMES {
        insert(&mut properties, name, "date");
    }
    let mapping = json!({"mappings": {"properties": properties}});
    let all = indices.iter().map(|index| (index.clone(), mapping.clone()));
    Value::Object(all.collect())
}

/// Adds a field below the objects that its name goes through. A short name may be the name of an object, too.
fn insert(properties: &mut Map<String, Value>, name: &str, kind: &str) {
    let Some((first, rest)) = name.split_once('.') else {
        properties.entry(name).or_insert_with(|| json!({}))["type"] = kind.into();
        return;
    };
    let object = properties.entry(first).or_insert_with(|| json!({}));
    if !object["properties"].is_object() {
        object["properties"] = json!({});
    }
    if let Some(inner) = object["properties"].as_object_mut() {
        insert(inner, rest, kind);
    }
}

/// Returns whether a name matches a pattern in which `*` stands for any text.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names() {
        for (pattern, name, expected) in [
            ("*", "a.b", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c", "abc", true),
            ("a*b*c", "a-b-c", true),
            ("ab*ba", "aba", false),
            ("a**a", "aa", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_time_is_a_date_and_the_rest_are_keywords() {
        let caps = caps(&["s".to_owned()], &["*"]);
        assert_eq!(caps["fields"]["eventTime"]["date"]["type"], "date");
        assert_eq!(
            caps["fields"]["initiator.name"]["keyword"]["aggregatable"],
            true
        );
        let some = super::caps(&[], &["action", "target*"]);
        let names: Vec<_> = some["fields"].as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "action",
                "target",
                "target.host.address",
                "target.id",
                "target.name",
                "target.project_id",
                "target.typeURI",
                "targetId"
            ]
        );
        let mapping = mapping(&["s".to_owned()]);
        let properties = &mapping["s"]["mappings"]["properties"];
        assert_eq!(properties["@timestamp"]["type"], "date");
        assert_eq!(
            properties["initiator"]["properties"]["host"]["properties"]["address"]["type"],
            "keyword"
        );
        // A short name is also the name of an object.
        assert_eq!(properties["target"]["type"], "keyword");
        assert_eq!(properties["target"]["properties"]["id"]["type"], "keyword");
    }
}
