//! CADF in notifications of oslo.messaging, whose `payload` is the event. The event is stored unchanged.
//!
//! A message on the wire, version 2.0, has one layer more: its `oslo.message` is a string, and the text in it is the
//! notification.

use super::cadf::EVENT_TIME;
use super::{Format, Holds, Name, Reading, Recognition, Wrapping};
use crate::Reason;
use crate::members::{members, string};
use crate::surrogates::without_halves;

pub(super) const FORMAT: Format = Format {
    name: "oslo",
    kind: "cadf",
    about: "CADF in notifications of oslo.messaging",
    marks: "`payload` with an event in it; `oslo.message` with a text of such an object; no `eventTime`",
    object: Some(Recognition {
        telling: Name::quoted("\"oslo.message\""),
        detect,
    }),
    wrappings: &[Wrapping {
        member: Name::quoted("\"payload\""),
        holds: Holds::Event,
        unless: EVENT_TIME,
    }],
    reading: Reading::Unwrapped(unwrap),
    ..Format::BLANK
};

/// Reports whether a JSON object is a message on the wire.
fn detect(text: &[u8]) -> bool {
    matches!(
        members(text, ["oslo.message", "eventTime"]),
        Ok([Some(message), None]) if message.starts_with('"')
    )
}

/// Returns the event in the message.
fn unwrap(text: &[u8]) -> Result<Vec<u8>, Reason> {
    let text = &*without_halves(text);
    let [message] = members(text, ["oslo.message"]).map_err(|error| refuse(&error.to_string()))?;
    let message = message
        .and_then(string)
        .ok_or_else(|| refuse("oslo.message must be a string"))?;
    let [payload] = members(message.as_bytes(), ["payload"])
        .map_err(|error| refuse(&format!("in oslo.message: {error}")))?;
    match payload {
        Some(payload) if payload.starts_with('{') => Ok(payload.as_bytes().to_vec()),
        _ => Err(refuse("the payload in oslo.message must be an object")),
    }
}

fn refuse(problem: &str) -> Reason {
    Reason::NotConverted {
        format: "CADF",
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_comes_out_as_it_stands_in_the_message() {
        let text = r#"{"oslo.version":"2.0","oslo.message":"{\"priority\":\"INFO\",\"payload\":{\"id\": \"\\u00e4\",\"n\":1.0}}"}"#;
        assert!(detect(text.as_bytes()));
        let event = unwrap(text.as_bytes()).unwrap();
        assert_eq!(event, br#"{"id": "\u00e4","n":1.0}"#);
    }

    #[test]
    fn what_holds_no_event_is_refused() {
        for (text, message) in [
            (r#"{"oslo.message":7}"#, "must be a string"),
            (r#"{"oslo.message":"{"}"#, "in oslo.message: EOF"),
            (r#"{"oslo.message":"{}"}"#, "must be an object"),
            (
                r#"{"oslo.message":"{\"payload\":[]}"}"#,
                "must be an object",
            ),
        ] {
            let error = unwrap(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        for text in [
            r#"{"oslo.message":7}"#,
            r#"{"oslo.message":"x","eventTime":1}"#,
        ] {
            assert!(!detect(text.as_bytes()), "{text}");
        }
    }
}
