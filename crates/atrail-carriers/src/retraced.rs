//! Retraced's publisher API: `POST …/event` with an event and `POST …/event/bulk` with `{"events":[…]}`, and the hash by
//! which its client checks that the server understood an event.

use std::collections::HashMap;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::list::{Pass, each, payloads};
use crate::{Fault, Take, json};

#[derive(Debug, Deserialize)]
struct Several<'a> {
    #[serde(borrow)]
    events: &'a RawValue,
}

/// Passes the events of a bulk request on.
///
/// # Errors
/// When the body is none. The events before the fault were passed on; the caller discards them.
pub fn bulk<'a>(body: &'a [u8], take: Take<'_, 'a>) -> Result<(), Fault> {
    payloads(body, take, events)
}

fn events<'t>(text: &'t str, pass: Pass<'_, 't>) -> Result<(), Fault> {
    let Several { events } = serde_json::from_str(text).map_err(|error| Fault::json(&error))?;
    each(events, |event| Ok(pass(event))).map(drop)
}

/// The members of an event that the hash covers. All others are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    action: Option<String>,
    target: Option<Thing>,
    actor: Option<Thing>,
    group: Option<Thing>,
    source_ip: Option<String>,
    is_failure: Option<bool>,
    is_anonymous: Option<bool>,
    fields: Option<HashMap<String, Value>>,
    external_id: Option<String>,
    metadata: Option<HashMap<String, Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Thing {
    id: Option<String>,
}

impl Event {
    /// Reads an event. Bytes that are not UTF-8 count as U+FFFD, which the event has when it is stored.
    ///
    /// # Errors
    /// When the text is not an object of this kind: its fields hold texts alone.
    pub fn read(text: &[u8]) -> Result<Self, Fault> {
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(Fault::Malformed("an event is a JSON object".to_owned()));
        }
        serde_json::from_str(&json::text(text)).map_err(|error| Fault::json(&error))
    }

    /// Returns the hash of the event under the id that the server gave it, in hexadecimal.
    #[must_use]
    pub fn hash(&self, id: &str) -> String {
        let of = |thing: &Option<Thing>| thing.as_ref().and_then(|thing| thing.id.clone());
        let mut text = String::new();
        for part in [
            Some(id.to_owned()),
            self.action.clone(),
            of(&self.target),
            of(&self.actor),
            of(&self.group),
            self.source_ip.clone(),
        ] {
            escape(&mut text, &part.unwrap_or_default(), false);
            text.push(':');
        }
        for flag in [self.is_failure, self.is_anonymous] {
            text.push(if flag == Some(true) { '1' } else { '0' });
            text.push(':');
        }
        match &self.fields {
            Some(fields) => pairs(&mut text, fields),
            None => text.push(':'),
        }
        if let Some(id) = self.external_id.as_ref().filter(|id| !id.is_empty()) {
            text.push(':');
            escape(&mut text, id, false);
        }
        if let Some(metadata) = &self.metadata {
            text.push(':');
            pairs(&mut text, metadata);
        }
        format!("{:x}", Sha256::digest(text))
    }
}

/// Appends `key=value;` for each pair, sorted by key as JavaScript sorts texts: by their units in UTF-16.
fn pairs(text: &mut String, pairs: &HashMap<String, Value>) {
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    for (key, value) in pairs {
        escape(text, key, true);
        text.push('=');
        match value {
            Value::String(value) => escape(text, value, true),
            other => write!(text, "{other}").expect("writing to memory does not fail"),
        }
        text.push(';');
    }
}

fn escape(text: &mut String, part: &str, in_pair: bool) {
    for char in part.chars() {
        match char {
            '%' => text.push_str("%25"),
            ':' => text.push_str("%3A"),
            '=' if in_pair => text.push_str("%3D"),
            ';' if in_pair => text.push_str("%3B"),
            char => text.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(text: &str) -> String {
        format!("{:x}", Sha256::digest(text))
    }

    /// The texts are those that the client of version 0.7.23 hashes.
    #[test]
    fn the_hash_is_that_of_the_client() {
        for (event, text) in [
            (r#"{"action":"a"}"#, "i%3A1:a:::::0:0::"),
            (
                r#"{"action":"doc.create","group":{"id":"g","name":"G"},"crud":"c","actor":{"id":"a:b"},
                    "target":{"id":"x%"},"source_ip":"1.2.3.4","is_failure":true,"fields":{"k;":"v=:","a":1}}"#,
                "i%3A1:doc.create:x%25:a%3Ab:g:1.2.3.4:1:0:a=1;k%3B=v%3D%3A;",
            ),
            (
                r#"{"action":"a","actor":null,"target":{},"is_anonymous":true,"fields":{},"external_id":"e",
                    "metadata":{"\ue000":"1","\ud83d\ude00":"2"}}"#,
                "i%3A1:a:::::0:1::e:\u{1f600}=2;\u{e000}=1;",
            ),
        ] {
            let read = Event::read(event.as_bytes()).unwrap();
            assert_eq!(read.hash("i:1"), hash_of(text), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_refuse_no_event() {
        let body = b"{\"events\":[{\"action\":\"a\xff\"}]}";
        let mut found = Vec::new();
        let mut take = |payload: atrail_sources::Payload<'_>| {
            found.push(payload.text.into_owned());
            std::ops::ControlFlow::Continue(())
        };
        bulk(body, &mut take).unwrap();
        assert_eq!(found, ["{\"action\":\"a\u{fffd}\"}".as_bytes()]);
        let event = Event::read(b"{\"action\":\"a\xff\"}").unwrap();
        assert_eq!(event.hash("i"), hash_of("i:a\u{fffd}:::::0:0::"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "[]", "{\"action\":1}", "{\"fields\":[]}"] {
            assert!(Event::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
