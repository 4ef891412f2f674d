//! The audit webhook of a Kubernetes API server: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[…]}`
//! (kubernetes.io/docs/tasks/debug/debug-cluster/audit, and k8s.io/apiserver/plugin/pkg/audit/webhook).

use std::fmt;

use memchr::memmem;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::list::{Pass, payloads};
use crate::{Fault, Take};

/// Passes the events of a list on. A body that is no list passes as the values that it has, one after the other, as an
/// audit log has them.
///
/// # Errors
/// When the body is not JSON. The events before the fault were passed on; the caller discards them.
pub fn decode<'a>(body: &'a [u8], take: Take<'_, 'a>) -> Result<(), Fault> {
    payloads(body, take, events)
}

fn events<'t>(text: &'t str, pass: Pass<'_, 't>) -> Result<(), Fault> {
    // A search for the name is far faster than reading the values.
    if memmem::find(text.as_bytes(), b"\"items\"").is_some() {
        let mut state = State::NoList;
        let mut reader = serde_json::Deserializer::from_str(text);
        let list = List {
            pass: &mut *pass,
            state: &mut state,
        };
        let read = reader.deserialize_map(list).and_then(|()| reader.end());
        match state {
            State::NoList => {}
            State::Ended => return Ok(()),
            State::Found => return read.map_err(|error| Fault::json(&error)),
        }
    }
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let value = value.map_err(|error| Fault::json(&error))?;
        if !pass(value) {
            break;
        }
    }
    Ok(())
}

/// What a walk found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No list so far.
    NoList,
    /// A list, whose events were passed on.
    Found,
    /// A list; the receiver wants no more of it.
    Ended,
}

/// An object that may be a list.
struct List<'p, 's, 't> {
    pass: Pass<'p, 't>,
    state: &'s mut State,
}

impl<'t> Visitor<'t> for List<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { pass, state } = self;
        while let Some(name) = members.next_key::<Name>()? {
            match name {
                Name::Items => members.next_value_seed(Items {
                    pass: &mut *pass,
                    state: &mut *state,
                })?,
                Name::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The names of a list's members.
#[derive(Debug, serde::Deserialize)]
enum Name {
    #[serde(rename = "items")]
    Items,
    #[serde(other)]
    Other,
}

/// The events of a list.
struct Items<'p, 's, 't> {
    pass: Pass<'p, 't>,
    state: &'s mut State,
}

impl<'t> DeserializeSeed<'t> for Items<'_, '_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Items<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events, or null")
    }

    /// Go writes a list that was never filled so.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        *self.state = State::Found;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut items: A) -> Result<(), A::Error> {
        *self.state = State::Found;
        while let Some(event) = items.next_element()? {
            if !(self.pass)(event) {
                *self.state = State::Ended;
                return Err(A::Error::custom("the walk ended"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    fn read(body: &[u8]) -> Result<Vec<String>, Fault> {
        let mut events = Vec::new();
        decode(body, &mut |payload| {
            events.push(String::from_utf8(payload.text.into_owned()).unwrap());
            ControlFlow::Continue(())
        })
        .map(|()| events)
    }

    #[test]
    fn lists_are_taken_apart_wherever_their_items_stand() {
        let event = r#"{"auditID":"1","responseObject":{"items":[1,2]}}"#;
        for list in [
            format!(r#"{{"kind":"EventList","items":[{event},{event}]}}"#),
            format!(" {{\"items\" : [ {event} ,\n{event} ], \"kind\":\"EventList\"}}\n"),
        ] {
            assert_eq!(read(list.as_bytes()).unwrap(), [event, event]);
        }
        for empty in [
            r#"{"items":[]}"#,
            r#"{"kind":"EventList","items":null}"#,
            "",
            " \n",
        ] {
            assert_eq!(read(empty.as_bytes()).unwrap(), [""; 0], "{empty}");
        }
        let logged = format!("{event}\n{event}\n");
        assert_eq!(read(logged.as_bytes()).unwrap(), [event, event]);
        assert_eq!(read(b"17").unwrap(), ["17"]);
        let wrong = b"{\"items\":[{\"a\":\"\xff\"}]}";
        assert_eq!(read(wrong).unwrap(), ["{\"a\":\"\u{fffd}\"}"]);
    }

    #[test]
    fn a_cut_body_is_refused_wherever_it_is_cut() {
        let list = br#"{"kind":"EventList","items":[{"a":1},{"b":[2]}],"metadata":{}}"#;
        for end in 1..list.len() {
            assert!(
                matches!(read(&list[..end]), Err(Fault::Malformed(_))),
                "{end}"
            );
        }
        assert!(read(br#"{"items":[1]} x"#).is_err());
        assert!(read(br#"{"items":{"a":1}}"#).is_ok());
    }

    #[test]
    fn the_receiver_ends_the_walk() {
        let mut count = 0;
        let read = decode(br#"{"items":[1,2,3"#, &mut |_| {
            count += 1;
            if count == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert_eq!((read, count), (Ok(()), 2));
    }
}
