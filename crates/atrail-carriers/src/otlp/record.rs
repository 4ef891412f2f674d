//! The parts of a payload that both encodings share.

use std::borrow::Cow;

use atrail_model::Timestamp;
use atrail_model::limits::REQUEST_MAX_BYTES;
use atrail_sources::{Hints, Payload};

use crate::{Fault, Take, json};

/// The payloads of a request hold at most this many bytes: each repeats its resource, which a request states once.
const MADE_MAX_BYTES: usize = 4 * REQUEST_MAX_BYTES;

/// Names of attributes that identify a record, best first.
const ID_NAMES: [&str; 2] = ["event.id", "log.record.uid"];

/// Passes payloads on, while they stay within the limit.
pub(super) struct Passing<'t, 'a> {
    take: Take<'t, 'a>,
    made_bytes: usize,
}

impl<'t, 'a> Passing<'t, 'a> {
    pub(super) fn to(take: Take<'t, 'a>) -> Self {
        Self {
            take,
            made_bytes: 0,
        }
    }

    /// Passes on a record. Returns whether the receiver wants more.
    pub(super) fn pass(
        &mut self,
        record: Vec<u8>,
        stated: Stated<'a>,
        around: &Around<'a>,
    ) -> Result<bool, Fault> {
        self.made_bytes += record.len();
        if self.made_bytes > MADE_MAX_BYTES {
            return Err(Fault::TooMuch);
        }
        let nanos = stated.time.filter(|nanos| *nanos != 0);
        let nanos = nanos.or(stated.observed.filter(|nanos| *nanos != 0));
        let hints = Hints {
            id: stated.id,
            time: nanos.and_then(|nanos| Timestamp::from_nanosecond(nanos.into()).ok()),
            host: around.host.clone(),
            source: around.service.clone(),
        };
        let payload = Payload {
            text: record.into(),
            hints,
        };
        Ok((self.take)(payload).is_continue())
    }
}

/// What a record states about itself that the engine has to know.
#[derive(Debug, Default)]
pub(super) struct Stated<'a> {
    pub(super) time: Option<u64>,
    pub(super) observed: Option<u64>,
    pub(super) id: Option<Cow<'a, str>>,
}

impl<'a> Stated<'a> {
    /// Begins the payload of a record: with its times, which are texts, as 64-bit numbers are in OTLP's JSON form.
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (name, nanos) in [
            ("timeUnixNano", self.time),
            ("observedTimeUnixNano", self.observed),
        ] {
            if let Some(nanos) = nanos.filter(|nanos| *nanos != 0) {
                json::name(out, name);
                out.push(b'"');
                json::plain(out, nanos);
                out.push(b'"');
            }
        }
    }

    /// Learns from an attribute of the record.
    pub(super) fn learn(&mut self, name: &[u8], value: impl FnOnce() -> Option<Cow<'a, str>>) {
        let is = |id: &str| id.as_bytes() == name;
        if is(ID_NAMES[0]) || (self.id.is_none() && is(ID_NAMES[1])) {
            self.id = value().filter(|id| !id.is_empty()).or(self.id.take());
        }
    }
}

/// What stands around a record: its resource and its scope.
#[derive(Debug, Clone, Default)]
pub(super) struct Around<'a> {
    /// Members of the payload: `"resource":{…},"scope":{…}`, or empty.
    pub(super) resource: Vec<u8>,
    pub(super) scope: Vec<u8>,
    pub(super) service: Option<Cow<'a, str>>,
    pub(super) host: Option<Cow<'a, str>>,
}

impl<'a> Around<'a> {
    /// Learns from an attribute of the resource.
    pub(super) fn learn(&mut self, name: &[u8], value: impl FnOnce() -> Option<Cow<'a, str>>) {
        match name {
            b"service.name" => self.service = value(),
            b"host.name" => self.host = value(),
            _ => {}
        }
    }

    /// Appends the members to a record, and ends it.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        for members in [&self.resource, &self.scope] {
            if !members.is_empty() {
                json::comma(out);
                out.extend_from_slice(members);
            }
        }
        out.push(b'}');
    }
}
