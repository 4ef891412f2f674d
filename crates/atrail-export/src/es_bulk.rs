//! Bodies of Elasticsearch's `_bulk` requests, which OpenSearch accepts too.
//!
//! Each event becomes an action line, and a line with its document:
//! ```text
//! {"create":{"_index":"activity-tracker","_id":"<base64url of the event's leaf hash>"}}
//! {…the event, byte for byte…,"@timestamp":"2017-10-19T19:07:50.320000000Z"}
//! ```
//! The `_id` is computed from the event's bytes: a second run therefore adds nothing, and two events that share an `id`
//! stay apart.

mod index_name;

use std::io::{self, Write};

use atrail_evidence::leaf_hash;
use atrail_model::event::read_event_time;
use atrail_model::format_timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use self::index_name::{IndexName, ParseIndexNameError};
use crate::event::{Object, text_of};
use crate::{EventFault, Failure, Format, Shape};

pub(crate) const FORMAT: Format = Format {
    name: "es-bulk",
    about: "bodies of Elasticsearch _bulk requests, two lines for each event",
    uses_index: true,
    uses_columns: false,
    shape: |options| {
        Box::new(EsBulk {
            index: options.index,
        })
    },
};

/// The member by which Elasticsearch orders events.
const TIMESTAMP: &str = "@timestamp";
/// The suffix for an event's own member of that name; it is repeated while another member has the resulting name.
/// Unrenamed, such a member would let the sender file the event under any time, or give the document two members of one
/// name, which Elasticsearch refuses.
const OWN: &str = "_original";

struct EsBulk {
    index: IndexName,
}

impl Shape for EsBulk {
    fn event(&mut self, line: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
        let event = Object::of_line(line)?;
        let time = event
            .get("eventTime")
            .and_then(|time| read_event_time(&text_of(time)))
            .ok_or(EventFault::NoTime)?;
        let id = URL_SAFE_NO_PAD.encode(leaf_hash(line).0);
        // Neither text contains a character that JSON would escape.
        let action = format!(r#"{{"create":{{"_index":"{}","_id":"{id}"}}}}"#, self.index);
        out.write_all(action.as_bytes())?;
        out.write_all(b"\n")?;
        write_members(line, &event, out)?;
        let time = format_timestamp(time);
        // The event has an eventTime, so this member is never the first.
        write!(out, ",\"{TIMESTAMP}\":\"{time}\"}}")?;
        out.write_all(b"\n")?;
        Ok(())
    }
}

/// Writes the event without its closing brace.
fn write_members(line: &[u8], event: &Object, out: &mut dyn Write) -> io::Result<()> {
    let mut name = format!("{TIMESTAMP}{OWN}");
    while event.named(&name).next().is_some() {
        name.push_str(OWN);
    }
    let mut written = 0;
    for own in event.named(TIMESTAMP) {
        // The name is a slice of the line.
        let start = own.name.as_ptr().addr() - line.as_ptr().addr();
        out.write_all(&line[written..start])?;
        write!(out, "\"{name}\"")?;
        written = start + own.name.len();
    }
    let rest = line[written..].trim_ascii_end();
    out.write_all(rest.strip_suffix(b"}").unwrap_or(rest))
}
