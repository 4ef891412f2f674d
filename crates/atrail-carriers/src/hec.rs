//! The bodies of Splunk's HTTP Event Collector.
//!
//! An `event` body has objects one after the other, with or without blanks between them, or in an array; each has its
//! payload in `event`, and what the sender knows about it beside that. A `raw` body has a payload on each line.
//!
//! An object without a usable `event`, and text that is no object, are payloads as they stand: Splunk would refuse the
//! rest of the request for their sake.
//!
//! Source: "Format events for HTTP Event Collector", the documentation of Splunk Enterprise; and what senders send.

use std::borrow::Cow;

use atrail_sources::{Hints, Payload, read_time};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// How often at most the bytes of a body are read in vain, while the ends of damaged objects are searched. What is left then
/// is one text: else a body of unclosed objects would take time that grows with the square of its length.
const IN_VAIN_MAX: usize = 8;

/// Returns the payloads of an `event` body, in order.
#[must_use]
pub const fn events(body: &[u8]) -> Events<'_> {
    Events {
        body,
        at: 0,
        in_vain: 0,
    }
}

/// The payloads of an `event` body. See [`events`].
#[derive(Debug)]
pub struct Events<'a> {
    body: &'a [u8],
    at: usize,
    /// Number of bytes that were read as an object that is none.
    in_vain: usize,
}

impl<'a> Iterator for Events<'a> {
    type Item = Payload<'a>;

    fn next(&mut self) -> Option<Payload<'a>> {
        self.at += between(&self.body[self.at..]);
        let rest = &self.body[self.at..];
        let first = rest.first()?;
        let may_read = self.in_vain / IN_VAIN_MAX <= self.body.len();
        if *first == b'{' && may_read {
            let mut objects = serde_json::Deserializer::from_slice(rest).into_iter::<Object<'a>>();
            match objects.next() {
                Some(Ok(object)) => {
                    let (text, _) = rest.split_at(objects.byte_offset());
                    self.at += text.len();
                    return Some(object.payload(text));
                }
                Some(Err(error)) => self.in_vain += read_until(rest, &error),
                None => {}
            }
        }
        let end = if may_read {
            next_object(rest)
        } else {
            rest.len()
        };
        let (text, _) = rest.split_at(end);
        self.at += text.len();
        Some(Payload {
            text: Cow::Borrowed(text.trim_ascii_end()),
            hints: Hints::default(),
        })
    }
}

/// What the objects of a body lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// An `event`.
    Event,
    /// Anything but blanks in `event`.
    Content,
}

/// Returns what each object of an `event` body lacks, in order, if no object has anything to keep: no `event` or a blank
/// one, and beside it nothing but what a sender states about events. Otherwise, and for an empty body, there is none.
#[must_use]
pub fn lacking(body: &[u8]) -> Vec<Lacking> {
    let mut lacking = Vec::new();
    let mut rest = &body[between(body)..];
    while !rest.is_empty() {
        let mut objects = serde_json::Deserializer::from_slice(rest).into_iter::<Bare<'_>>();
        match objects.next() {
            Some(Ok(Bare { event: None, .. })) => lacking.push(Lacking::Event),
            Some(Ok(Bare {
                event: Some(event), ..
            })) if is_blank(event.get()) => lacking.push(Lacking::Content),
            _ => return Vec::new(),
        }
        rest = &rest[objects.byte_offset()..];
        rest = &rest[between(rest)..];
    }
    lacking
}

/// Returns the number of bytes at the beginning that stand between objects, in any of the forms of a body.
fn between(text: &[u8]) -> usize {
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']');
    text.iter().take_while(|byte| is_between(byte)).count()
}

/// An object with nothing to keep but its `event`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bare<'a> {
    #[serde(rename = "time", default)]
    _time: IgnoredAny,
    #[serde(rename = "host", default)]
    _host: IgnoredAny,
    #[serde(rename = "source", default)]
    _source: IgnoredAny,
    #[serde(rename = "sourcetype", default)]
    _sourcetype: IgnoredAny,
    #[serde(rename = "index", default)]
    _index: IgnoredAny,
    #[serde(rename = "fields", default)]
    _fields: Option<NoFields>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

/// Returns whether a JSON value is a text of blanks.
fn is_blank(raw: &str) -> bool {
    serde_json::from_str::<Cow<'_, str>>(raw).is_ok_and(|text| text.trim().is_empty())
}

/// Returns the payloads of a `raw` body, in order: its lines that are not blank. The hints are the query's, and hold for
/// each of them.
pub fn raw<'a>(body: &'a [u8], hints: &'a Hints<'a>) -> impl Iterator<Item = Payload<'a>> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty()).map(|line| Payload {
        text: Cow::Borrowed(line),
        hints: hints.clone(),
    })
}

/// One object of an `event` body, as far as it counts here.
#[derive(Debug, Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    host: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

impl<'a> Object<'a> {
    fn payload(self, whole: &'a [u8]) -> Payload<'a> {
        let Self {
            time,
            host,
            source,
            event,
        } = self;
        let text = match event.map(RawValue::get) {
            None | Some("null") => Cow::Borrowed(whole),
            Some(raw) if raw.starts_with('"') => match string(raw) {
                Some(text) if !text.trim().is_empty() => match text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                },
                _ => Cow::Borrowed(whole),
            },
            Some(raw) => Cow::Borrowed(raw.as_bytes()),
        };
        Payload {
            text,
            hints: Hints {
                id: None,
                time: time.and_then(|raw| match string(raw.get()) {
                    Some(text) => read_time(&text),
                    None => read_time(raw.get()),
                }),
                host: host.and_then(|raw| string(raw.get())),
                source: source.and_then(|raw| string(raw.get())),
            },
        }
    }
}

/// Returns the text of a JSON string, without a copy where it has no escapes; `None` for other values and an empty text.
fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.is_empty() {
        None
    } else if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Returns how many bytes of a text were read before this error.
fn read_until(text: &[u8], error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let before = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len);
    before.sum::<usize>() + error.column()
}

/// Returns where, after damaged text at the beginning, an object probably begins: first on a line, or right after another
/// one. Otherwise the damage reaches to the end.
fn next_object(damaged: &[u8]) -> usize {
    let mut may_begin = false;
    for (at, byte) in damaged.iter().enumerate() {
        match byte {
            b'{' if may_begin => return at,
            b'\n' | b'}' => may_begin = true,
            b',' | b' ' | b'\t' | b'\r' => {}
            _ => may_begin = false,
        }
    }
    damaged.len()
}

#[cfg(test)]
mod tests;
