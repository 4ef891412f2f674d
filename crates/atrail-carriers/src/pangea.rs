//! Pangea's Secure Audit Log: `POST /v1/log` with `{"event":{…}}` and `POST /v2/log` with `{"events":[{"event":{…}}]}`
//! (the API reference, Audit).

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::list::{Pass, each, payloads};
use crate::{Fault, Take};

#[derive(Debug, Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
}

#[derive(Debug, Deserialize)]
struct Several<'a> {
    #[serde(borrow)]
    events: &'a RawValue,
}

/// Passes the events of a request on, of either version.
///
/// # Errors
/// When the body is none of the two. The events before the fault were passed on; the caller discards them.
pub fn decode<'a>(body: &'a [u8], take: Take<'_, 'a>) -> Result<(), Fault> {
    payloads(body, take, events)
}

fn events<'t>(text: &'t str, pass: Pass<'_, 't>) -> Result<(), Fault> {
    let fault = |error| Fault::json(&error);
    if let Ok(Several { events }) = serde_json::from_str(text) {
        return each(events, |One { event }: One<'t>| Ok(pass(event))).map(drop);
    }
    let One { event } = serde_json::from_str(text).map_err(fault)?;
    // The receiver that wants no more has it all.
    let _ = pass(event);
    Ok(())
}

/// Returns the hash by which an answer names an event: SHA-256 of its text, in hexadecimal.
#[must_use]
pub fn hash(event: &[u8]) -> String {
    format!("{:x}", Sha256::digest(event))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn both_versions_are_read_and_other_bodies_refused() {
        let read = |body: &str| {
            let mut events = Vec::new();
            decode(body.as_bytes(), &mut |payload| {
                events.push(String::from_utf8(payload.text.into_owned()).unwrap());
                ControlFlow::Continue(())
            })
            .map(|()| events)
        };
        assert_eq!(
            read(r#"{"event":{"message":"m"},"verbose":true}"#).unwrap(),
            [r#"{"message":"m"}"#]
        );
        let two = r#"{"config_id":"c","events":[{"event":{"message":1}},{"sig":"s","event":{}}]}"#;
        assert_eq!(read(two).unwrap(), [r#"{"message":1}"#, "{}"]);
        for body in [
            "",
            "{}",
            "[]",
            r#"{"events":[{}]}"#,
            r#"{"events":1}"#,
            r#"{"event":{}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
