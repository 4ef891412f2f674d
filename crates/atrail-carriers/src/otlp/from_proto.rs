//! Reads the protobuf form (opentelemetry/proto/logs/v1/logs.proto), without a copy of what it skips.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::any::DEPTH_MAX;
use super::record::{Around, Passing, Stated};
use crate::wire::{Fields, Malformed, Value};
use crate::{Fault, Take, json};

impl From<Malformed> for Fault {
    fn from(_: Malformed) -> Self {
        Self::Malformed("the body is no protobuf message of this kind".into())
    }
}

pub(super) fn decode<'a>(body: &'a [u8], take: Take<'_, 'a>) -> Result<(), Fault> {
    let mut passing = Passing::to(take);
    for field in Fields::of(body) {
        if let (1, Value::Bytes(logs)) = field?
            && !resource_logs(logs, &mut passing)?
        {
            break;
        }
    }
    Ok(())
}

/// Returns whether the receiver wants more, as the functions below do.
fn resource_logs<'a>(logs: &'a [u8], passing: &mut Passing<'_, 'a>) -> Result<bool, Fault> {
    let mut around = Around::default();
    // A field may come before or after another one.
    for field in Fields::of(logs) {
        if let (1, Value::Bytes(message)) = field? {
            resource(message, &mut around)?;
        }
    }
    for field in Fields::of(logs) {
        if let (2, Value::Bytes(logs)) = field?
            && !scope_logs(logs, &mut around, passing)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn resource<'a>(message: &'a [u8], around: &mut Around<'a>) -> Result<(), Malformed> {
    let mut out = Vec::new();
    json::name(&mut out, "resource");
    out.push(b'{');
    for field in Fields::of(message) {
        if let (1, Value::Bytes(attribute)) = field? {
            let (name, value) = key_value(attribute)?;
            around.learn(name, || value.and_then(text_of));
            member(&mut out, name, value, 0)?;
        }
    }
    out.push(b'}');
    around.resource = out;
    Ok(())
}

fn scope_logs<'a>(
    logs: &'a [u8],
    around: &mut Around<'a>,
    passing: &mut Passing<'_, 'a>,
) -> Result<bool, Fault> {
    around.scope.clear();
    for field in Fields::of(logs) {
        if let (1, Value::Bytes(message)) = field? {
            around.scope = scope(message)?;
        }
    }
    for field in Fields::of(logs) {
        if let (2, Value::Bytes(record)) = field?
            && !log_record(record, around, passing)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn scope(message: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::new();
    json::name(&mut out, "scope");
    out.push(b'{');
    for (number, name) in [(1, "name"), (2, "version")] {
        for field in Fields::of(message) {
            match field? {
                (found, Value::Bytes(text)) if found == number && !text.is_empty() => {
                    json::name(&mut out, name);
                    json::lossy(&mut out, text);
                }
                _ => {}
            }
        }
    }
    attributes(&mut out, message, 3, |_, _| ())?;
    out.push(b'}');
    Ok(out)
}

/// Appends the member `attributes` with the attributes that a message has in this field, if any.
fn attributes<'a>(
    out: &mut Vec<u8>,
    message: &'a [u8],
    number: u64,
    mut learn: impl FnMut(&'a [u8], Option<&'a [u8]>),
) -> Result<(), Malformed> {
    let mut is_open = false;
    for field in Fields::of(message) {
        match field? {
            (found, Value::Bytes(attribute)) if found == number => {
                if !is_open {
                    json::name(out, "attributes");
                    out.push(b'{');
                    is_open = true;
                }
                let (name, value) = key_value(attribute)?;
                learn(name, value);
                member(out, name, value, 0)?;
            }
            _ => {}
        }
    }
    if is_open {
        out.push(b'}');
    }
    Ok(())
}

fn log_record<'a>(
    record: &'a [u8],
    around: &Around<'a>,
    passing: &mut Passing<'_, 'a>,
) -> Result<bool, Fault> {
    let mut stated = Stated::default();
    let mut found = Found::default();
    for field in Fields::of(record) {
        match field? {
            (1, Value::Fixed64(nanos)) => stated.time = Some(nanos),
            (2, Value::Varint(number)) => found.severity_number = number,
            (3, Value::Bytes(text)) => found.severity_text = text,
            (5, Value::Bytes(value)) => found.body = Some(value),
            (7, Value::Varint(count)) => found.dropped = count,
            (8, Value::Fixed32(flags)) => found.flags = flags,
            (9, Value::Bytes(id)) => found.trace = id,
            (10, Value::Bytes(id)) => found.span = id,
            (11, Value::Fixed64(nanos)) => stated.observed = Some(nanos),
            (12, Value::Bytes(name)) => found.event_name = name,
            _ => {}
        }
    }
    let around_bytes = around.resource.len() + around.scope.len();
    let mut out = Vec::with_capacity(record.len() * 2 + around_bytes + 128);
    stated.begin(&mut out);
    if found.severity_number != 0 {
        json::name(&mut out, "severityNumber");
        json::plain(&mut out, found.severity_number);
    }
    for (name, text) in [
        ("severityText", found.severity_text),
        ("eventName", found.event_name),
    ] {
        if !text.is_empty() {
            json::name(&mut out, name);
            json::lossy(&mut out, text);
        }
    }
    if let Some(body) = found.body {
        json::name(&mut out, "body");
        any(&mut out, body, 0)?;
    }
    attributes(&mut out, record, 6, |name, value| {
        stated.learn(name, || value.and_then(text_of));
    })?;
    for (name, number) in [
        ("droppedAttributesCount", found.dropped),
        ("flags", found.flags.into()),
    ] {
        if number != 0 {
            json::name(&mut out, name);
            json::plain(&mut out, number);
        }
    }
    for (name, id) in [("traceId", found.trace), ("spanId", found.span)] {
        if !id.is_empty() {
            json::name(&mut out, name);
            json::hex(&mut out, id);
        }
    }
    around.end(&mut out);
    passing.pass(out, stated, around)
}

/// The fields of a record that stand alone; absent ones have proto3's defaults.
#[derive(Debug, Default)]
struct Found<'a> {
    severity_number: u64,
    severity_text: &'a [u8],
    event_name: &'a [u8],
    body: Option<&'a [u8]>,
    dropped: u64,
    flags: u32,
    trace: &'a [u8],
    span: &'a [u8],
}

/// Returns the parts of a `KeyValue`.
fn key_value(message: &[u8]) -> Result<(&[u8], Option<&[u8]>), Malformed> {
    let (mut name, mut value): (&[u8], _) = (&[], None);
    for field in Fields::of(message) {
        match field? {
            (1, Value::Bytes(text)) => name = text,
            (2, Value::Bytes(message)) => value = Some(message),
            _ => {}
        }
    }
    Ok((name, value))
}

/// Appends a member of an object.
fn member(
    out: &mut Vec<u8>,
    name: &[u8],
    value: Option<&[u8]>,
    depth: usize,
) -> Result<(), Malformed> {
    json::comma(out);
    json::lossy(out, name);
    out.push(b':');
    any(out, value.unwrap_or_default(), depth)
}

/// Returns the text of a value that is a string.
fn text_of(message: &[u8]) -> Option<Cow<'_, str>> {
    Fields::of(message).find_map(|field| match field.ok()? {
        (1, Value::Bytes(text)) => Some(String::from_utf8_lossy(text)),
        _ => None,
    })
}

/// Appends an `AnyValue` as JSON; of several fields the last one counts (protobuf.dev, Oneof).
fn any(out: &mut Vec<u8>, message: &[u8], depth: usize) -> Result<(), Malformed> {
    let mut last = None;
    for field in Fields::of(message) {
        let field = field?;
        if (1..=7).contains(&field.0) {
            last = Some(field);
        }
    }
    match last {
        Some((1, Value::Bytes(text))) => json::lossy(out, text),
        Some((2, Value::Varint(truth))) => json::plain(out, truth != 0),
        Some((3, Value::Varint(number))) => json::plain(out, number.cast_signed()),
        Some((4, Value::Fixed64(bits))) => json::double(out, f64::from_bits(bits)),
        Some((5 | 6, Value::Bytes(message))) if depth == DEPTH_MAX => base64(out, message),
        Some((5, Value::Bytes(message))) => {
            out.push(b'[');
            for field in Fields::of(message) {
                if let (1, Value::Bytes(value)) = field? {
                    json::comma(out);
                    any(out, value, depth + 1)?;
                }
            }
            out.push(b']');
        }
        Some((6, Value::Bytes(message))) => {
            out.push(b'{');
            for field in Fields::of(message) {
                if let (1, Value::Bytes(pair)) = field? {
                    let (name, value) = key_value(pair)?;
                    member(out, name, value, depth + 1)?;
                }
            }
            out.push(b'}');
        }
        Some((7, Value::Bytes(bytes))) => base64(out, bytes),
        None => out.extend_from_slice(b"null"),
        Some(_) => return Err(Malformed),
    }
    Ok(())
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
    out.push(b'"');
}
