//! The schemas that no wire type has: what the server passes on as text, and never builds.

use serde_json::{Value, json};

/// The names of the schemas that [`schemas`] returns and that operations refer to.
pub(super) const EVENT: &str = "Event";
pub(super) const MANIFEST: &str = "Manifest";
pub(super) const KEY_SET: &str = "KeySet";

/// Returns each schema with its name.
pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (EVENT, event()),
        ("EventResource", event_resource()),
        ("EventHost", event_host()),
        ("EventReason", event_reason()),
        (MANIFEST, manifest()),
        ("ManifestObject", manifest_object()),
        (KEY_SET, key_set()),
    ]
}

/// Returns a reference to one of them.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A CADF event (DSP0262), with the members that the server reads and those that most senders have. `atrail-model` has
/// the rules.
fn event() -> Value {
    let resource = reference("EventResource");
    json!({
        "type": "object",
        "description": "A CADF event. It needs `initiator` or `initiatorId`, and `target` or `targetId`, besides the \
            required members. The server keeps every further member.",
        "required": ["eventTime", "action", "outcome"],
        "properties": {
            "id": text("The server adds one when it is missing."),
            "typeURI": text("`http://schemas.dmtf.org/cloud/audit/1.0/event`; may be missing."),
            "eventType": text("`activity` (default), `monitor` or `control`."),
            "eventTime": text("RFC 3339, with the zone: without one, the server reads UTC."),
            "action": text("What was done, such as `create` or `read/list`."),
            "outcome": text("`success`, `failure`, `pending`, or another word."),
            "initiator": resource,
            "initiatorId": text("In place of `initiator`."),
            "target": resource,
            "targetId": text("In place of `target`."),
            "observer": resource,
            "observerId": text("In place of `observer`."),
            "reason": reference("EventReason"),
            "attachments": {
                "type": "array",
                "items": {"type": "object", "additionalProperties": true},
                "description": "What CADF has no member for.",
            },
        },
        "additionalProperties": true,
    })
}

fn event_resource() -> Value {
    json!({
        "type": "object",
        "description": "Who acted, on what, or who reported it.",
        "properties": {
            "id": text("Its id."),
            "typeURI": text("Its kind, such as `service/security/account/user`."),
            "name": text("Its name."),
            "host": reference("EventHost"),
        },
        "additionalProperties": true,
    })
}

fn event_host() -> Value {
    json!({
        "type": "object",
        "description": "The machine of a resource.",
        "properties": {
            "address": text("Its address."),
            "agent": text("The program that made the request."),
        },
        "additionalProperties": true,
    })
}

fn event_reason() -> Value {
    json!({
        "type": "object",
        "description": "Why the outcome is what it is.",
        "properties": {
            "reasonCode": {"description": "A number, such as an HTTP status, or its text."},
            "reasonType": text("What the code is, such as `HTTP`."),
        },
        "additionalProperties": true,
    })
}

fn manifest() -> Value {
    json!({
        "type": "object",
        "description": "The parts of a download. The SHA-256 of this text as it was received is the entity tag.",
        "required": ["objects"],
        "properties": {"objects": {"type": "array", "items": reference("ManifestObject")}},
    })
}

fn manifest_object() -> Value {
    let number = |description| json!({"type": "integer", "format": "int64", "minimum": 0, "description": description});
    json!({
        "type": "object",
        "description": "One part of a download: bytes of one object.",
        "required": ["domain", "object", "offset", "length", "sha256", "segments"],
        "properties": {
            "domain": text("`space-GUID` or `account-GUID`."),
            "object": text("GUID of the object."),
            "offset": number("Offset of the part in the object, in bytes."),
            "length": number("Length of the part, in bytes."),
            "sha256": text("SHA-256 of the part's bytes, lower-case hexadecimal."),
            "segments": {"type": "array", "items": {"type": "string"}, "description": "GUIDs of its segments, in order."},
        },
    })
}

fn key_set() -> Value {
    json!({
        "type": "object",
        "description": "A JWK set (RFC 7517).",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "items": {"type": "object", "additionalProperties": true}}},
    })
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

#[cfg(test)]
mod tests {
    use atrail_evidence::{Manifest, ManifestObject};
    use atrail_model::event::admit;

    use super::*;

    fn members(schema: &Value) -> Vec<&String> {
        schema["properties"].as_object().unwrap().keys().collect()
    }

    /// An event with every member that the schema has, each of the kind that it names.
    fn whole() -> Value {
        let resource = json!({"id": "1", "typeURI": "t", "name": "n", "host": {"address": "::1", "agent": "a"}});
        json!({
            "id": "e", "typeURI": "t", "eventType": "activity", "eventTime": "2026-01-02T03:04:05Z", "action": "read",
            "outcome": "success", "initiator": resource, "initiatorId": "1", "target": resource, "targetId": "1",
            "observer": resource, "observerId": "1", "reason": {"reasonCode": 200, "reasonType": "HTTP"},
            "attachments": [{}],
        })
    }

    fn is_taken(event: &Value) -> bool {
        let now = "2026-01-02T04:00:00Z".parse().unwrap();
        admit(event.to_string().as_bytes(), now, || "added".to_owned()).is_ok()
    }

    #[test]
    fn an_event_as_described_is_taken_and_none_without_a_required_member() {
        let described = event();
        let whole = whole();
        let mut named: Vec<_> = whole.as_object().unwrap().keys().collect();
        named.sort();
        let mut there = members(&described);
        there.sort();
        assert_eq!(named, there);
        assert!(is_taken(&whole));
        for member in described["required"].as_array().unwrap() {
            let mut less = whole.clone();
            less.as_object_mut()
                .unwrap()
                .remove(member.as_str().unwrap());
            assert!(!is_taken(&less), "without {member}");
        }
        for (resource, id) in [("initiator", "initiatorId"), ("target", "targetId")] {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(resource);
            assert!(is_taken(&less), "without {resource}");
            less.as_object_mut().unwrap().remove(id);
            assert!(!is_taken(&less), "without {resource} and {id}");
        }
    }

    #[test]
    fn a_manifest_is_described_as_it_is_written() {
        let object = ManifestObject {
            domain: String::new(),
            object: String::new(),
            offset: 0,
            length: 0,
            sha256: String::new(),
            segments: Vec::new(),
        };
        let written = serde_json::to_value(Manifest {
            objects: vec![object],
        })
        .unwrap();
        let names = |value: &Value| -> Vec<String> {
            let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            names.sort();
            names
        };
        assert_eq!(names(&written), ["objects"]);
        assert_eq!(
            names(&written["objects"][0]),
            names(&manifest_object()["properties"])
        );
    }
}
