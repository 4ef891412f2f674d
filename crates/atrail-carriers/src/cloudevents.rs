//! CloudEvents over HTTP (github.com/cloudevents/spec, HTTP protocol binding 1.0): binary, structured and batched.
//!
//! Each event becomes one payload in the JSON event format, also an event that came in binary mode.

use std::borrow::Cow;

use atrail_sources::{Hints, Payload};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use crate::list::each;
use crate::percent::percent_decoded;
use crate::{Fault, Take, json};

/// How a request carries its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The body is the data of one event; its attributes are headers.
    Binary,
    /// The body is one event in JSON.
    Structured,
    /// The body is an array of events in JSON.
    Batched,
    /// An event format, such as Avro or Protobuf, that is not read.
    Unknown,
}

impl Mode {
    /// Returns the mode of a request with this media type, without its parameters and in any case. `has_attributes`
    /// states whether a header begins with `ce-`; plain JSON without such a header is read as structured.
    #[must_use]
    pub fn of(media_type: &str, has_attributes: bool) -> Self {
        let media_type = media_type.to_ascii_lowercase();
        match media_type.as_str() {
            "application/cloudevents+json" => Self::Structured,
            "application/cloudevents-batch+json" => Self::Batched,
            other if other.starts_with("application/cloudevents") => Self::Unknown,
            _ if has_attributes => Self::Binary,
            _ => Self::Structured,
        }
    }
}

/// Passes the event of a structured request on.
///
/// # Errors
/// When the body is not one JSON value.
pub fn structured<'a>(body: &'a [u8], take: Take<'_, 'a>) -> Result<(), Fault> {
    let event = body.trim_ascii();
    serde_json::from_slice::<&RawValue>(event)
        .map(drop)
        .or_else(|error| match std::str::from_utf8(event) {
            Ok(_) => Err(Fault::json(&error)),
            // The engine repairs such a text.
            Err(_) => Ok(()),
        })?;
    // The receiver that wants no more has it all.
    let _ = take(plain(Cow::Borrowed(event)));
    Ok(())
}

/// Passes the events of a batch on.
///
/// # Errors
/// When the body is not a JSON array. The events before the fault were passed on; the caller discards them.
pub fn batched<'a>(body: &'a [u8], take: Take<'_, 'a>) -> Result<(), Fault> {
    let walked = match json::text(body) {
        Cow::Borrowed(text) => each::<&RawValue>(array(text)?, |event| {
            let event = Cow::Borrowed(event.get().as_bytes());
            Ok(take(plain(event)).is_continue())
        }),
        Cow::Owned(text) => each::<&RawValue>(array(&text)?, |event| {
            let event = Cow::Owned(event.get().as_bytes().to_vec());
            Ok(take(plain(event)).is_continue())
        }),
    };
    walked.map(drop)
}

fn array(text: &str) -> Result<&RawValue, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::json(&error))
}

fn plain(text: Cow<'_, [u8]>) -> Payload<'_> {
    Payload {
        text,
        hints: Hints::default(),
    }
}

/// Returns the event of a binary request. `attributes` are the headers that begin with `ce-`, without that, in
/// lowercase; `content_type` is the body's.
#[must_use]
pub fn binary(
    attributes: &mut [(&str, &[u8])],
    content_type: &[u8],
    body: &[u8],
) -> Payload<'static> {
    // Headers have no order.
    attributes.sort_unstable();
    let mut out = Vec::with_capacity(body.len() + 512);
    out.push(b'{');
    for (name, value) in attributes {
        json::comma(&mut out);
        json::string(&mut out, name);
        out.push(b':');
        // HTTP protocol binding 1.0 §3.1.3.2.
        json::lossy(&mut out, &percent_decoded(value));
    }
    if !content_type.is_empty() {
        json::name(&mut out, "datacontenttype");
        json::lossy(&mut out, content_type);
    }
    let data = body.trim_ascii();
    if serde_json::from_slice::<&RawValue>(data).is_ok() && !is_text(content_type) {
        json::name(&mut out, "data");
        out.extend_from_slice(data);
    } else if let Ok(text) = std::str::from_utf8(body) {
        if !text.is_empty() {
            json::name(&mut out, "data");
            json::string(&mut out, text);
        }
    } else {
        json::name(&mut out, "data_base64");
        out.push(b'"');
        out.extend_from_slice(STANDARD.encode(body).as_bytes());
        out.push(b'"');
    }
    out.push(b'}');
    plain(Cow::Owned(out))
}

fn is_text(content_type: &[u8]) -> bool {
    content_type
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"text/"))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    fn text(payload: Payload<'_>) -> String {
        String::from_utf8(payload.text.into_owned()).unwrap()
    }

    #[test]
    fn media_types_tell_the_modes_apart() {
        for (media_type, has_attributes, mode) in [
            ("application/CloudEvents+json", false, Mode::Structured),
            ("application/cloudevents+json", true, Mode::Structured),
            ("application/cloudevents-batch+json", false, Mode::Batched),
            ("application/cloudevents+avro", true, Mode::Unknown),
            ("application/json", true, Mode::Binary),
            ("", true, Mode::Binary),
            ("application/json", false, Mode::Structured),
        ] {
            assert_eq!(Mode::of(media_type, has_attributes), mode, "{media_type}");
        }
    }

    #[test]
    fn an_event_in_headers_reads_as_one_in_json() {
        let mut attributes: [(&str, &[u8]); 3] = [
            ("specversion", b"1.0"),
            ("id", b"a%20b%C3%A9%2"),
            ("type", b"t\""),
        ];
        for (content_type, body, data) in [
            (
                "application/json; charset=utf-8",
                &b" {\"a\": 1}\n"[..],
                r#""data":{"a": 1}"#,
            ),
            ("application/json", b"{cut", r#""data":"{cut""#),
            ("text/plain", b"17", r#""data":"17""#),
            (
                "application/octet-stream",
                b"\xff\x00",
                r#""data_base64":"/wA=""#,
            ),
        ] {
            let event = text(binary(&mut attributes, content_type.as_bytes(), body));
            assert_eq!(
                event,
                format!(
                    r#"{{"id":"a bé%2","specversion":"1.0","type":"t\"","datacontenttype":"{content_type}",{data}}}"#
                )
            );
        }
        assert_eq!(text(binary(&mut [], b"", b"")), "{}");
    }

    #[test]
    fn batches_are_taken_apart_and_other_bodies_are_refused() {
        let read = |body: &[u8]| {
            let mut events = Vec::new();
            batched(body, &mut |payload| {
                events.push(payload.text.into_owned());
                ControlFlow::Continue(())
            })
            .map(|()| events.len())
        };
        assert_eq!(read(b" [{\"id\":1}, {\"id\":2} ]\n"), Ok(2));
        assert_eq!(read(b"[]"), Ok(0));
        for body in [&b"[{},"[..], b"{}", b"", b"[] []"] {
            assert!(read(body).is_err());
        }
        for (body, is_event) in [("{\"id\":\"1\"}", true), ("{", false), ("", false)] {
            let read = structured(body.as_bytes(), &mut |_| ControlFlow::Continue(()));
            assert_eq!(read.is_ok(), is_event, "{body}");
        }
    }
}
