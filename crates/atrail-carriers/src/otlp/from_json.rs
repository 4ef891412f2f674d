//! Reads the JSON form: ids in hexadecimal, enumerations as numbers, 64-bit numbers as texts or numbers, unknown
//! members ignored (opentelemetry.io/docs/specs/otlp, JSON Protobuf Encoding).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::any::DEPTH_MAX;
use super::record::{Around, Passing, Stated};
use crate::list::each;
use crate::{Fault, Take, json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    resource_logs: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    #[serde(borrow)]
    resource: Option<Attributed<'a>>,
    #[serde(borrow)]
    scope_logs: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    #[serde(borrow)]
    scope: Option<Attributed<'a>>,
    #[serde(borrow)]
    log_records: Option<&'a RawValue>,
}

/// A resource, or a scope.
#[derive(Debug, Deserialize)]
struct Attributed<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord<'a> {
    #[serde(borrow)]
    time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow)]
    observed_time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow)]
    severity_number: Option<&'a RawValue>,
    #[serde(borrow)]
    severity_text: Option<&'a RawValue>,
    #[serde(borrow)]
    event_name: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<Any<'a>>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    dropped_attributes_count: Option<&'a RawValue>,
    #[serde(borrow)]
    flags: Option<&'a RawValue>,
    #[serde(borrow)]
    trace_id: Option<&'a RawValue>,
    #[serde(borrow)]
    span_id: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct KeyValue<'a> {
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Any<'a> {
    #[serde(borrow)]
    string_value: Option<&'a RawValue>,
    #[serde(borrow)]
    bool_value: Option<&'a RawValue>,
    #[serde(borrow)]
    int_value: Option<&'a RawValue>,
    #[serde(borrow)]
    double_value: Option<&'a RawValue>,
    #[serde(borrow)]
    array_value: Option<Values<'a>>,
    #[serde(borrow)]
    kvlist_value: Option<Values<'a>>,
    #[serde(borrow)]
    bytes_value: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    values: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

pub(super) fn decode<'a>(body: &'a [u8], take: Take<'_, 'a>) -> Result<(), Fault> {
    let mut passing = Passing::to(take);
    let text = json::text(body);
    let request: Request<'_> = read(&text)?;
    let Some(list) = request.resource_logs else {
        return Ok(());
    };
    each(list, |logs: ResourceLogs<'_>| {
        let mut around = Around::default();
        if let Some(resource) = &logs.resource {
            json::name(&mut around.resource, "resource");
            let mut out = std::mem::take(&mut around.resource);
            match resource.attributes {
                Some(list) => attributes(&mut out, list, 0, |name, value| {
                    around.learn(name, || text_of(value));
                })?,
                None => out.extend_from_slice(b"{}"),
            }
            around.resource = out;
        }
        let Some(list) = logs.scope_logs else {
            return Ok(true);
        };
        each(list, |logs: ScopeLogs<'_>| {
            around.scope = match &logs.scope {
                Some(message) => scope(message)?,
                None => Vec::new(),
            };
            match logs.log_records {
                Some(list) => each(list, |record| log_record(record, &around, &mut passing)),
                None => Ok(true),
            }
        })
    })
    .map(|_| ())
}

fn scope(message: &Attributed<'_>) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    json::name(&mut out, "scope");
    out.push(b'{');
    text_member(&mut out, "name", message.name);
    text_member(&mut out, "version", message.version);
    attributes_member(&mut out, message.attributes, |_, _| ())?;
    out.push(b'}');
    Ok(out)
}

fn log_record<'a>(
    found: LogRecord<'_>,
    around: &Around<'a>,
    passing: &mut Passing<'_, 'a>,
) -> Result<bool, Fault> {
    let mut stated = Stated {
        time: found.time_unix_nano.and_then(number),
        observed: found.observed_time_unix_nano.and_then(number),
        id: None,
    };
    let around_bytes = around.resource.len() + around.scope.len();
    let text = found.body.as_ref().and_then(|body| body.string_value);
    let body_bytes = text.map_or(0, |text| text.get().len());
    let mut out = Vec::with_capacity(body_bytes + around_bytes + 256);
    stated.begin(&mut out);
    number_member(&mut out, "severityNumber", found.severity_number);
    text_member(&mut out, "severityText", found.severity_text);
    text_member(&mut out, "eventName", found.event_name);
    if let Some(body) = found.body {
        json::name(&mut out, "body");
        any(&mut out, body, 0)?;
    }
    attributes_member(&mut out, found.attributes, |name, value| {
        stated.learn(name, || text_of(value));
    })?;
    number_member(
        &mut out,
        "droppedAttributesCount",
        found.dropped_attributes_count,
    );
    number_member(&mut out, "flags", found.flags);
    id_member(&mut out, "traceId", found.trace_id);
    id_member(&mut out, "spanId", found.span_id);
    around.end(&mut out);
    passing.pass(out, stated, around)
}

fn attributes_member<'t>(
    out: &mut Vec<u8>,
    list: Option<&'t RawValue>,
    learn: impl FnMut(&[u8], Option<&'t RawValue>),
) -> Result<(), Fault> {
    match list {
        // An empty list is no field in the other encoding.
        Some(list) if list.get()[1..].trim_start().starts_with(']') => Ok(()),
        Some(list) => {
            json::name(out, "attributes");
            attributes(out, list, 0, learn)
        }
        None => Ok(()),
    }
}

/// Appends a list of key-value pairs as an object.
fn attributes<'t>(
    out: &mut Vec<u8>,
    list: &'t RawValue,
    depth: usize,
    mut learn: impl FnMut(&[u8], Option<&'t RawValue>),
) -> Result<(), Fault> {
    out.push(b'{');
    each(list, |pair: KeyValue<'t>| {
        let name = pair.key.map_or("\"\"", RawValue::get);
        let Some(inner) = name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
        else {
            return Err(Fault::Malformed(
                "the key of an attribute is no text".into(),
            ));
        };
        learn(inner.as_bytes(), pair.value);
        json::comma(out);
        text(out, name);
        out.push(b':');
        match pair.value {
            Some(value) => any_of(out, value, depth)?,
            None => out.extend_from_slice(b"null"),
        }
        Ok(true)
    })?;
    out.push(b'}');
    Ok(())
}

/// Returns a copy of the text of a value that is a string: it may outlive a body that had to be repaired.
fn text_of<'a>(value: Option<&RawValue>) -> Option<Cow<'a, str>> {
    let value: Any<'_> = serde_json::from_str(value?.get()).ok()?;
    let text: String = serde_json::from_str(value.string_value?.get()).ok()?;
    Some(text.into())
}

/// Appends the `AnyValue` of a text as JSON.
fn any_of(out: &mut Vec<u8>, value: &RawValue, depth: usize) -> Result<(), Fault> {
    if depth > DEPTH_MAX {
        out.extend_from_slice(value.get().as_bytes());
        return Ok(());
    }
    any(out, read(value.get())?, depth)
}

/// Appends an `AnyValue` as JSON.
fn any(out: &mut Vec<u8>, value: Any<'_>, depth: usize) -> Result<(), Fault> {
    if let Some(value) = value.string_value {
        text(out, value.get());
    } else if let Some(value) = value.int_value {
        match value.get().trim_matches('"').parse::<i64>() {
            Ok(number) => json::plain(out, number),
            Err(_) => out.extend_from_slice(value.get().as_bytes()),
        }
    } else if let Some(value) = value.double_value {
        match value.get().trim_matches('"').parse() {
            Ok(number) => json::double(out, number),
            Err(_) => out.extend_from_slice(value.get().as_bytes()),
        }
    } else if let Some(list) = value.array_value {
        out.push(b'[');
        if let Some(list) = list.values {
            each(list, |value| {
                json::comma(out);
                any_of(out, value, depth + 1).map(|()| true)
            })?;
        }
        out.push(b']');
    } else if let Some(list) = value.kvlist_value {
        match list.values {
            Some(list) => attributes(out, list, depth + 1, |_, _| ())?,
            None => out.extend_from_slice(b"{}"),
        }
    } else if let Some(value) = value.bool_value.or(value.bytes_value) {
        out.extend_from_slice(value.get().as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
    Ok(())
}

/// Appends the JSON of a string, or of another value. One spelling becomes one text: with the fewest escapes.
fn text(out: &mut Vec<u8>, raw: &str) {
    if json::has_fewest_escapes(raw) {
        out.extend_from_slice(raw.as_bytes());
        return;
    }
    match serde_json::from_str(raw) {
        Ok(Text(text)) => json::string(out, &text),
        Err(_) => out.extend_from_slice(raw.as_bytes()),
    }
}

fn text_member(out: &mut Vec<u8>, name: &str, value: Option<&RawValue>) {
    if let Some(value) = value.filter(|value| value.get() != "\"\"") {
        json::name(out, name);
        text(out, value.get());
    }
}

fn number_member(out: &mut Vec<u8>, name: &str, value: Option<&RawValue>) {
    let Some(value) = value else { return };
    match number(value) {
        Some(0) => {}
        Some(number) => {
            json::name(out, name);
            json::plain(out, number);
        }
        None => {
            json::name(out, name);
            out.extend_from_slice(value.get().as_bytes());
        }
    }
}

/// Appends an id: its digits in lowercase, as the other encoding's.
fn id_member(out: &mut Vec<u8>, name: &str, value: Option<&RawValue>) {
    let Some(value) = value.filter(|value| value.get() != "\"\"") else {
        return;
    };
    json::name(out, name);
    let is_hex = |byte: u8| byte == b'"' || byte.is_ascii_hexdigit();
    if value.get().bytes().all(is_hex) {
        out.extend(value.get().bytes().map(|byte| byte.to_ascii_lowercase()));
    } else {
        text(out, value.get());
    }
}

/// Returns a number that is there as a number or as a text.
fn number(value: &RawValue) -> Option<u64> {
    value.get().trim_matches('"').parse().ok()
}

fn read<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::json(&error))
}
