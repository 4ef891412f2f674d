//! The CADF event that a conversion writes.

use std::borrow::Cow;
use std::io::Write as _;

use atrail_model::limits::EVENT_MAX_BYTES;
use sha2::{Digest, Sha256};

use crate::text::{Text, write_escaped, write_string};

/// A CADF event, with its members in the order of writing. Beside the attachments it is shorter than 512 KiB: each text
/// may grow sixfold by its escapes.
#[derive(Debug, Clone)]
pub(crate) struct Draft<'a> {
    pub(crate) event_type: &'a str,
    pub(crate) id: Text<'a>,
    /// In the form of [`atrail_model::format_timestamp`].
    pub(crate) event_time: String,
    pub(crate) action: Text<'a>,
    pub(crate) outcome: &'a str,
    pub(crate) reason_type: Option<Text<'a>>,
    pub(crate) reason_code: Option<Text<'a>>,
    pub(crate) initiator: Resource<'a>,
    pub(crate) target: Resource<'a>,
    pub(crate) observer: Resource<'a>,
    /// The mapping's name and version, with a slash between them.
    pub(crate) mapping: &'a str,
}

/// A CADF resource.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resource<'a> {
    /// `unknown` where there is none.
    pub(crate) id: Option<Text<'a>>,
    /// `unknown` where there is none.
    pub(crate) type_uri: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) address: Option<Text<'a>>,
    pub(crate) agent: Option<Text<'a>>,
}

/// A text that an event keeps whole beside what was read from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attachment<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a [u8],
    /// Names of members that are removed first when the event would be too long.
    pub(crate) trim: &'a [String],
}

impl Draft<'_> {
    /// Returns the event with the texts attached: each whole as long as the event is not longer than
    /// [`EVENT_MAX_BYTES`], and otherwise a shorter form with its length and its SHA-256.
    pub(crate) fn with(&self, attachments: &[Attachment<'_>]) -> Vec<u8> {
        let length: usize = attachments.iter().map(|attached| attached.text.len()).sum();
        let mut out = Vec::with_capacity(2048 + (length + length / 3).min(EVENT_MAX_BYTES));
        self.write(&mut out);
        for (index, attached) in attachments.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"" } else { b"," });
            // The end of the event, and a brief form of each text to come.
            let rest = 2 + (attachments.len() - index - 1) * Attachment::BRIEF_MAX_BYTES;
            attached.write(EVENT_MAX_BYTES - rest, &mut out);
        }
        out.extend_from_slice(b"]}");
        out
    }

    /// Writes everything up to the beginning of the first attachment.
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(
            b"{\"typeURI\":\"http://schemas.dmtf.org/cloud/audit/1.0/event\",\"eventType\":\"",
        );
        out.extend_from_slice(self.event_type.as_bytes());
        out.extend_from_slice(b"\",\"id\":");
        self.id.write(out);
        out.extend_from_slice(b",\"eventTime\":\"");
        out.extend_from_slice(self.event_time.as_bytes());
        out.extend_from_slice(b"\",\"action\":");
        self.action.write(out);
        out.extend_from_slice(b",\"outcome\":\"");
        out.extend_from_slice(self.outcome.as_bytes());
        out.push(b'"');
        if let Some(code) = &self.reason_code {
            out.extend_from_slice(b",\"reason\":{\"reasonType\":");
            text_or_unknown(self.reason_type.as_ref(), out);
            out.extend_from_slice(b",\"reasonCode\":");
            code.write(out);
            out.push(b'}');
        }
        self.initiator.write("initiator", out);
        self.target.write("target", out);
        self.observer.write("observer", out);
        // Names of mappings need no escape.
        out.extend_from_slice(b",\"tags\":[\"mapping:");
        out.extend_from_slice(self.mapping.as_bytes());
        out.extend_from_slice(b"\"],\"attachments\":[");
    }
}

impl Resource<'_> {
    fn write(&self, member: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(member.as_bytes());
        out.extend_from_slice(b"\":{\"id\":");
        text_or_unknown(self.id.as_ref(), out);
        out.extend_from_slice(b",\"typeURI\":");
        text_or_unknown(self.type_uri.as_ref(), out);
        if let Some(name) = &self.name {
            out.extend_from_slice(b",\"name\":");
            name.write(out);
        }
        match (&self.address, &self.agent) {
            (None, None) => {}
            (address, agent) => {
                out.extend_from_slice(b",\"host\":{");
                if let Some(address) = address {
                    out.extend_from_slice(b"\"address\":");
                    address.write(out);
                }
                if let Some(agent) = agent {
                    out.extend_from_slice(if address.is_some() { b"," } else { b"" });
                    out.extend_from_slice(b"\"agent\":");
                    agent.write(out);
                }
                out.push(b'}');
            }
        }
        out.push(b'}');
    }
}

fn text_or_unknown(text: Option<&Text<'_>>, out: &mut Vec<u8>) {
    match text {
        Some(text) => text.write(out),
        None => out.extend_from_slice(b"\"unknown\""),
    }
}

impl Attachment<'_> {
    /// The length of an attachment of which only the length and the hash are left.
    const BRIEF_MAX_BYTES: usize = 512;

    /// Writes the attachment such that the whole stays below a limit.
    fn write(&self, limit: usize, out: &mut Vec<u8>) {
        let start = out.len();
        let text = match simdutf8::basic::from_utf8(self.text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(self.text),
        };
        let is_same = matches!(text, Cow::Borrowed(_));
        // A text never becomes shorter by its escapes.
        if text.len() <= limit {
            self.write_as(&text, is_same, out);
            if out.len() <= limit {
                return;
            }
            out.truncate(start);
        }
        if let Some(trimmed) = crate::trim::trimmed(self.text, self.trim, limit - start) {
            self.write_as(&trimmed, false, out);
            if out.len() <= limit {
                return;
            }
            out.truncate(start);
        }
        // A character becomes six at most.
        let fits = limit.saturating_sub(start + Self::BRIEF_MAX_BYTES) / 6;
        self.write_as(&text[..text.floor_char_boundary(fits)], false, out);
    }

    fn write_as(&self, content: &str, is_whole: bool, out: &mut Vec<u8>) {
        let is_object = content.starts_with('{');
        let kind = if is_object {
            "application/json"
        } else {
            "text/plain"
        };
        out.extend_from_slice(b"{\"typeURI\":\"mime:");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"name\":");
        write_string(self.name, out);
        if !is_whole {
            let hash = Sha256::digest(self.text);
            write!(
                out,
                ",\"trimmed\":true,\"bytes\":{},\"sha256\":\"{hash:x}\"",
                self.text.len()
            )
            .expect("writing to memory does not fail");
        }
        out.extend_from_slice(b",\"content\":\"");
        write_escaped(content, out);
        out.extend_from_slice(b"\"}");
    }
}
