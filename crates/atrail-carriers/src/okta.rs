//! Okta's event hooks: `{"eventType":"com.okta.event_hook","data":{"events":[…]}}`, with events of the System Log
//! (developer.okta.com, Event hooks).

use std::borrow::Cow;

use atrail_sources::{Hints, Payload};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::list::each;
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
    let hook: Hook<'_> = serde_json::from_slice(body).map_err(|error| Fault::json(&error))?;
    each(hook.data.events, |event| {
        let payload = Payload {
            text: Cow::Borrowed(event.get().as_bytes()),
            hints: Hints::default(),
        };
        Ok(take(payload).is_continue())
    })
    .map(drop)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn the_events_of_a_hook_are_passed_on() {
        let read = |body: &str| {
            let mut events = Vec::new();
            decode(body.as_bytes(), &mut |payload| {
                events.push(String::from_utf8(payload.text.into_owned()).unwrap());
                ControlFlow::Continue(())
            })
            .map(|()| events)
        };
        let hook =
            r#"{"eventType":"com.okta.event_hook","data":{"events":[{"uuid":"1"}, {"uuid":"2"}]}}"#;
        assert_eq!(read(hook).unwrap(), [r#"{"uuid":"1"}"#, r#"{"uuid":"2"}"#]);
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
