//! Events.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::select;

use super::{NAMES, TEXTS};
use atrail_model::Timestamp;

/// A JSON value, and how it is written.
#[derive(Debug, Clone)]
enum Value {
    /// As it is.
    Plain(&'static str),
    Text(Text),
    List(Vec<Self>),
    Object(Vec<(Text, Self)>),
}

/// A string, and a number that decides which of its characters are escaped.
#[derive(Debug, Clone)]
struct Text(String, u64);

/// Generates events that are admitted, as lines, with their times: from `from` on, in the `seconds` after it.
pub fn event(from: Timestamp, seconds: u32) -> impl Strategy<Value = (Timestamp, String)> {
    let time = (
        0..seconds.max(1),
        select(vec![0_u32, 1, 500_000_000, 999_999_999]),
    );
    (time, members(), any::<u64>()).prop_map(move |((second, nanos), members, style)| {
        let after = std::time::Duration::new(second.into(), nanos);
        let time = from.checked_add(after).unwrap_or(from);
        // Most events are written plainly: only these can be excluded by a look at their bytes.
        let (members, style) = if style >> 50 & 3 == 0 {
            (members, style)
        } else {
            (plain_members(members), style & !0b11000)
        };
        let written = match style % 3 {
            0 => atrail_model::format_timestamp(time),
            1 => time.strftime("%Y-%m-%dT%H:%M:%S%.9f+0000").to_string(),
            _ => time.strftime("%Y-%m-%d %H:%M:%S,%9f").to_string(),
        };
        (time, written_event(&written, &members, style))
    })
}

/// Generates events without their times.
pub fn line() -> impl Strategy<Value = String> {
    let time: Timestamp = "2026-11-01T10:29:28Z"
        .parse()
        .unwrap_or(Timestamp::UNIX_EPOCH);
    event(time, 100_000).prop_map(|(_, line)| line)
}

fn written_event(time: &str, members: &[(Text, Value)], style: u64) -> String {
    let mut out = String::from("{");
    let time_member = Text(
        "eventTime".to_owned(),
        if style & 8 == 0 { 0 } else { whole(style) },
    );
    let mut parts: Vec<String> = members
        .iter()
        .map(|(name, value)| member(name, value))
        .collect();
    let place = (style >> 16) as usize % (parts.len() + 1);
    let value = Value::Text(Text(
        time.to_owned(),
        if style & 16 == 0 {
            0
        } else {
            whole(style >> 3)
        },
    ));
    parts.insert(place, member(&time_member, &value));
    if style & 32 == 0 {
        // The last counts.
        let earlier = Value::Text(Text("2001-01-01T00:00:00Z".to_owned(), 0));
        parts.insert(place, member(&time_member, &earlier));
    }
    out.push_str(&parts.join(if style & 64 == 0 { "," } else { " ,\t" }));
    out.push('}');
    out
}

/// Makes a member of the event itself admissible: its name is text, and an `id` would be a string.
fn outermost((Text(name, style), value): (Text, Value)) -> (Text, Value) {
    let name = if name == "id" { "ID".to_owned() } else { name };
    (Text(name, whole(style)), value)
}

/// Returns the value written without needless escapes.
fn plain(value: Value) -> Value {
    match value {
        Value::Plain(text) => Value::Plain(text),
        Value::Text(Text(text, _)) => Value::Text(Text(text, 0)),
        Value::List(elements) => Value::List(elements.into_iter().map(plain).collect()),
        Value::Object(members) => Value::Object(plain_members(members)),
    }
}

fn plain_members(members: Vec<(Text, Value)>) -> Vec<(Text, Value)> {
    let of = |(Text(name, _), value)| (Text(name, 0), plain(value));
    members.into_iter().map(of).collect()
}

/// Returns the style without halves of surrogate pairs, which the members that an event requires cannot have.
fn whole(style: u64) -> u64 {
    (0..60).step_by(3).fold(style, |style, at| {
        if style >> at & 7 == 7 {
            style & !(1 << at)
        } else {
            style
        }
    })
}

fn member(name: &Text, value: &Value) -> String {
    let mut out = String::new();
    write_text(&mut out, name);
    out.push_str(if name.1 & 1 == 0 { ":" } else { " : " });
    write_value(&mut out, value);
    out
}

/// Generates the members beside the time: the required ones, others, and some twice.
fn members() -> impl Strategy<Value = Vec<(Text, Value)>> {
    let named = |name: &'static str, value: BoxedStrategy<Value>| {
        (any::<u64>(), value)
            .prop_map(move |(style, value)| (Text(name.to_owned(), whole(style & 0xff00)), value))
            .boxed()
    };
    let string = || {
        text()
            .prop_map(|Text(text, style)| Value::Text(Text(text, whole(style))))
            .boxed()
    };
    let who = |name: &'static str, id: &'static str| {
        prop_oneof![
            4 => named(name, resource().boxed()),
            1 => named(id, string()),
        ]
    };
    let required = (
        named("action", string()),
        named("outcome", string()),
        who("initiator", "initiatorId"),
        who("target", "targetId"),
    );
    let other = prop_oneof![
        3 => (name(), value()).prop_map(outermost),
        2 => named("observer", resource().boxed()),
        1 => named("observerId", string()),
        1 => named("requestData", value().boxed()),
        1 => named("reason", reason().boxed()),
        1 => named("Action", value().boxed()),
        1 => named("action", string()),
        1 => named("id", select(TEXTS).prop_filter("an id", |id| !id.is_empty())
            .prop_map(|id| Value::Text(Text(id.to_owned(), 0))).boxed()),
    ];
    (required, proptest::collection::vec(other, 0..5))
        .prop_map(|((action, outcome, initiator, target), others)| {
            [vec![action, outcome, initiator, target], others].concat()
        })
        .prop_shuffle()
}

fn resource() -> impl Strategy<Value = Value> {
    let member = prop_oneof![
        4 => (select(vec!["name", "id", "typeURI", "NAME"]), scalar().boxed()),
        1 => (Just("host"), host().boxed()),
        1 => (select(vec!["a", "addresses"]), value().boxed()),
    ];
    let member = (member, any::<u64>());
    let named = |((name, value), style): ((&str, Value), u64)| {
        (Text(name.to_owned(), whole(style & 0xff00)), value)
    };
    proptest::collection::vec(member.prop_map(named), 0..4).prop_map(Value::Object)
}

fn host() -> impl Strategy<Value = Value> {
    let address = |value| Value::Object(vec![(Text("address".to_owned(), 0), value)]);
    scalar().prop_map(address)
}

fn reason() -> impl Strategy<Value = Value> {
    let code = |value| Value::Object(vec![(Text("reasonCode".to_owned(), 0), value)]);
    scalar().prop_map(code)
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::List),
            proptest::collection::vec((name(), inner), 0..3).prop_map(Value::Object),
        ]
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    let plain = [
        "null", "true", "false", "0", "-1", "404", "403.5", "4.04e2", "1E400", "-0.0",
    ];
    prop_oneof![
        3 => text().prop_map(Value::Text),
        1 => select(plain.to_vec()).prop_map(Value::Plain),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    (select(TEXTS), any::<u64>()).prop_map(|(text, style)| {
        // Most text is written plainly.
        let style = if style & 3 == 0 { style >> 2 } else { 0 };
        Text(text.to_owned(), style)
    })
}

fn name() -> impl Strategy<Value = Text> {
    (select(NAMES), any::<u64>()).prop_map(|(name, style)| Text(name.to_owned(), style & 0xffff))
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Plain(text) => out.push_str(text),
        Value::Text(text) => write_text(out, text),
        Value::List(elements) => {
            out.push('[');
            for (nth, element) in elements.iter().enumerate() {
                out.push_str(if nth == 0 { "" } else { ", " });
                write_value(out, element);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| member(name, value))
                .collect();
            let _ = write!(out, "{{{}}}", members.join(","));
        }
    }
}

/// Writes a string, each character in one of the ways that JSON allows.
fn write_text(out: &mut String, Text(text, style): &Text) {
    out.push('"');
    for (nth, c) in text.chars().enumerate() {
        let style = style >> (nth * 3 % 60) & 7;
        match (c, style) {
            (_, 1) => escape_units(out, c, false),
            (_, 2) => escape_units(out, c, true),
            ('/', 3) => out.push_str("\\/"),
            ('\t', _) => out.push_str("\\t"),
            ('\n', _) => out.push_str("\\n"),
            ('"' | '\\', _) => out.extend(['\\', c]),
            (c, _) if c < ' ' => escape_units(out, c, false),
            (c, _) => out.push(c),
        }
        if style == 7 {
            // Half of a surrogate pair.
            out.push_str(if nth % 2 == 0 { "\\ud83d" } else { "\\uDE00" });
        }
    }
    out.push('"');
}

fn escape_units(out: &mut String, c: char, is_upper: bool) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = if is_upper {
            write!(out, "\\u{unit:04X}")
        } else {
            write!(out, "\\u{unit:04x}")
        };
    }
}
