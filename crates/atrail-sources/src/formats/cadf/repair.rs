//! Stores an event with half of a surrogate pair as a conversion: with U+FFFD in place of each half, and the original
//! text in `attachments`, as for an event of another format.

use atrail_model::limits::EVENT_MAX_BYTES;

use crate::Reason;
use crate::members::members;
use crate::surrogates::without_halves;

/// Returns the event without halves, and with its original text attached.
pub(crate) fn repair(text: &[u8]) -> Result<Vec<u8>, Reason> {
    let whole = without_halves(text);
    let refuse = |problem: &str| Reason::NotConverted {
        format: "CADF",
        problem: problem.to_owned(),
    };
    let Ok([attachments]) = members(&whole, ["attachments"]) else {
        // The event is refused later, for its own fault.
        return Ok(whole.into_owned());
    };
    let original = String::from_utf8_lossy(text);
    let attachment = serde_json::json!({
        "typeURI": "mime:application/json", "name": "original", "content": original,
    })
    .to_string();
    let repaired = match attachments {
        None => {
            let body = whole.trim_ascii_end();
            let body = body.strip_suffix(b"}").unwrap_or(body);
            let is_empty = body.trim_ascii() == b"{";
            let comma = if is_empty { "" } else { "," };
            let member = format!("{comma}\"attachments\":[{attachment}]}}");
            [body, member.as_bytes()].concat()
        }
        Some(list) if list.starts_with('[') => {
            let end = list.as_ptr() as usize - whole.as_ptr() as usize + list.len() - 1;
            let is_empty = list[1..list.len() - 1].trim_ascii().is_empty();
            let comma = if is_empty { "" } else { "," };
            let (before, after) = whole.split_at(end);
            [before, comma.as_bytes(), attachment.as_bytes(), after].concat()
        }
        Some(_) => {
            return Err(refuse(
                "it has half of a surrogate pair, and attachments that are no array for its own text: send whole characters",
            ));
        }
    };
    if repaired.len() > EVENT_MAX_BYTES {
        return Err(refuse(&format!(
            "it has half of a surrogate pair, and with its own text attached it is {} bytes long, of at most \
             {EVENT_MAX_BYTES}: send whole characters",
            repaired.len()
        )));
    }
    Ok(repaired)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_text_as_it_came_is_attached() {
        for (text, others) in [
            (r#"{"name":"J\ud83d"}"#, 0),
            (r#"{"J\ud83d":1, "attachments" : [ ] }"#, 0),
            (r#"{"attachments":[{"content":"\udc00"}],"x":[]}"#, 1),
        ] {
            let event: Value = serde_json::from_slice(&repair(text.as_bytes()).unwrap()).unwrap();
            let attached = event["attachments"].as_array().unwrap();
            assert_eq!(attached.len(), others + 1);
            assert_eq!(
                attached[others],
                json!({"typeURI": "mime:application/json", "name": "original", "content": text})
            );
            assert!(event.to_string().contains('\u{fffd}'));
        }
    }

    #[test]
    fn what_cannot_be_repaired_is_refused_by_name() {
        let error = repair(br#"{"a":"\ud83d","attachments":{}}"#).unwrap_err();
        assert!(error.to_string().contains("half of a surrogate pair"));
        let long = format!(r#"{{"a":"\ud83d{}"}}"#, "x".repeat(EVENT_MAX_BYTES / 2));
        let error = repair(long.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("with its own text attached"), "{error}");
        let broken = br#"{"a":"\ud83d""#;
        assert_eq!(repair(broken).unwrap(), br#"{"a":"\ufffd""#);
    }
}
