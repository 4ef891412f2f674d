//! A message, read.

use std::borrow::Cow;

use atrail_model::{Timestamp, format_timestamp};
use atrail_sources::{Hints, Payload};
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

use super::header::{FACILITIES, Header, SEVERITIES, of_3164, of_5424, priority};
use super::structured;
use crate::json;

/// The mark of a message in JSON.
const COOKIE: &str = "@cee:";
const BOM: char = '\u{feff}';

/// What a message leaves out, and its receiver knows.
#[derive(Debug, Clone)]
pub struct Place {
    /// The zone of times without one.
    pub zone: TimeZone,
    /// When the message arrived: the year of a time without one is the nearest.
    pub now: Timestamp,
    /// The address that sent it, for messages that name no host.
    pub peer: String,
}

/// A message as a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The payload. Its hints have no id.
    pub payload: Payload<'static>,
    /// Whether the message states its time with a fraction of a second. Then two equal messages are one message that was
    /// sent twice; otherwise they may be two.
    pub has_fraction: bool,
}

impl Message {
    /// Reads a message, without its framing. Any bytes are one: without a header that can be read, all is the message.
    /// `is_cut` states that its end is missing.
    #[must_use]
    pub fn read(bytes: &[u8], is_cut: bool, place: &Place) -> Self {
        let text = json::text(bytes.trim_ascii_end());
        let (number, rest) = match priority(&text) {
            Some((number, rest)) => (Some(number), rest),
            None => (None, &*text),
        };
        let mut data = Vec::new();
        let with_data = of_5424(rest).and_then(|(header, rest)| {
            let rest = structured::read(rest, &mut data)?;
            Some((header, rest.strip_prefix(' ').unwrap_or(rest)))
        });
        let (mut header, content) = with_data.unwrap_or_else(|| {
            data.clear();
            of_3164(rest, place.now, &place.zone)
        });
        header.priority = number;
        let content = content.trim_start_matches(BOM);
        let text = written(&header, &data, content, is_cut);
        let host = header.host.unwrap_or(&place.peer);
        Self {
            payload: Payload {
                text: text.into(),
                hints: Hints {
                    id: None,
                    time: Some(header.time.map_or(place.now, |(time, _)| time)),
                    host: Some(Cow::Owned(host.to_owned())),
                    source: header.app.map(|app| Cow::Owned(app.to_owned())),
                },
            },
            has_fraction: header.time.is_some_and(|(_, has_fraction)| has_fraction),
        }
    }
}

fn written(header: &Header<'_>, data: &[u8], content: &str, is_cut: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + data.len() + 256);
    out.push(b'{');
    json::name(&mut out, "syslog");
    json::plain(&mut out, if header.is_5424 { 5424 } else { 3164 });
    if let Some(priority) = header.priority {
        for (name, word) in [
            ("facility", FACILITIES[usize::from(priority / 8)]),
            ("severity", SEVERITIES[usize::from(priority % 8)]),
        ] {
            json::name(&mut out, name);
            json::string(&mut out, word);
        }
    }
    if let Some((time, _)) = header.time {
        json::name(&mut out, "timestamp");
        json::string(&mut out, &format_timestamp(time));
    }
    for (name, field) in [
        ("hostname", header.host),
        ("app_name", header.app),
        ("procid", header.process),
        ("msgid", header.message_id),
    ] {
        if let Some(field) = field {
            json::name(&mut out, name);
            json::string(&mut out, field);
        }
    }
    if !data.is_empty() {
        json::name(&mut out, "structured_data");
        out.extend_from_slice(data);
    }
    if is_cut {
        json::name(&mut out, "is_cut");
        json::plain(&mut out, true);
    }
    json::name(&mut out, "message");
    let object = content.trim_start().strip_prefix(COOKIE);
    let object = object.unwrap_or(content).trim();
    if object.starts_with('{') && serde_json::from_str::<&RawValue>(object).is_ok() {
        out.extend_from_slice(object.as_bytes());
    } else {
        json::string(&mut out, content);
    }
    out.push(b'}');
    out
}
