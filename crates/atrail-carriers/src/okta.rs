//! Okta's event hooks: `{"eventType":"com.okta.event_hook","data":{"events":[…]}}`, with events of the System Log
//! (developer.okta.com, Event hooks).

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::list::{Pass, each, payloads};
use crate::{Fault, Take};

#[derive(Debug, Deserialize)]
struct Hook<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Debug, Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    events: &'a RawValue,
}

/// Passes the events of a request on.
///
/// # Errors
/// When the body is none. The events before the fault were passed on; the caller discards them.
pub fn decode<'a>(body: &'a [u8], take: Take<'_, 'a>) -> Result<(), Fault> {
    payloads(body, take, events)
}

fn events<'t>(text: &'t str, pass: Pass<'_, 't>) -> Result<(), Fault> {
    let hook: Hook<'_> = serde_json::from_str(text).map_err(|error| Fault::json(&error))?;
    each(hook.data.events, |event| Ok(pass(event))).map(drop)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn the_events_of_a_hook_are_passed_on() {
        let read_bytes = |body: &[u8]| {
            let mut events = Vec::new();
            decode(body, &mut |payload| {
                events.push(String::from_utf8(payload.text.into_owned()).unwrap());
                ControlFlow::Continue(())
            })
            .map(|()| events)
        };
        let read = |body: &str| read_bytes(body.as_bytes());
        let hook =
            r#"{"eventType":"com.okta.event_hook","data":{"events":[{"uuid":"1"}, {"uuid":"2"}]}}"#;
        assert_eq!(read(hook).unwrap(), [r#"{"uuid":"1"}"#, r#"{"uuid":"2"}"#]);
        let no_text = b"{\"data\":{\"events\":[{\"uuid\":\"\xff\"}]}}";
        assert_eq!(read_bytes(no_text).unwrap(), ["{\"uuid\":\"\u{fffd}\"}"]);
        for body in [
            "",
            "{}",
            r#"{"data":{}}"#,
            r#"{"data":{"events":{}}}"#,
            r#"{"data":{"events":[]}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
