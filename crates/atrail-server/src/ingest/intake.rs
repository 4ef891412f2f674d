//! Collects the events of one request: checks each, and keeps the request within its limits.

use std::borrow::Cow;
use std::collections::HashSet;

use atrail_api::ErrorCode;
use atrail_evidence::{LeafHash, leaf_hash};
use atrail_model::event::{Event, EventError};
use atrail_model::limits::{REQUEST_MAX_BYTES, REQUEST_MAX_HOURS};
use atrail_model::{Day, Hour, Timestamp, event};
use atrail_sources::{Origin, Tally};
use atrail_store::NewEvent;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::budget::Share;
use crate::error::ApiError;

/// Number of events, kept and refused, at most in a request: more than a request of real events has room for.
const EVENTS_MAX: u64 = 500_000;
/// Number of events between two checks of the budget.
const STRIDE: u64 = 1024;
/// The store keeps a line in memory until it seals it: with more unused memory than this, in bytes, the line is worth a
/// copy.
const SPARE_MAX_BYTES: usize = 128;

/// How a request is known again when it comes again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KnownBy {
    /// It has an `Idempotency-Key`. Otherwise the ids that its sender gives to its events tell it from others.
    pub(crate) is_keyed: bool,
}

/// The events of a request, as far as it has been read.
///
/// A client may read the answer as slowly as it likes, and the answer may be fifty times as large as the body. So the
/// answer is written here, within the sender's part of the memory, before the store stores anything: afterwards it is
/// too late to refuse.
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    /// The answer once the events are stored.
    pub(crate) answer: Vec<u8>,
    body: &'a Bytes,
    now: Timestamp,
    known_by: KnownBy,
    share: &'a mut Share,
    events: Vec<NewEvent>,
    line_bytes: usize,
    own_bytes: usize,
    hours: HashSet<(Day, Hour)>,
    accepted: u64,
    refused: u64,
    origins: Tally,
    /// The ids of the events that have the time of the arrival, as far as they tell the request from others.
    undated: Option<Sha256>,
}

/// The result of reading a request.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The events to store, in order.
    pub(crate) events: Vec<NewEvent>,
    /// The answer once they are stored.
    pub(crate) answer: Vec<u8>,
    /// Number of events to store.
    pub(crate) accepted: u64,
    /// Number of refused events.
    pub(crate) refused: u64,
    /// The formats of the events to store.
    pub(crate) origins: Tally,
    /// The hash of the ids of the events that have the time of the arrival, if the request is known by them again.
    pub(crate) undated: Option<[u8; 32]>,
}

impl<'a> Intake<'a> {
    /// Begins to read a body that arrived at this time. The share grows to cover the results.
    pub(super) fn new(
        body: &'a Bytes,
        now: Timestamp,
        known_by: KnownBy,
        share: &'a mut Share,
    ) -> Self {
        Self {
            answer: Vec::new(),
            body,
            now,
            known_by,
            share,
            events: Vec::new(),
            line_bytes: 0,
            own_bytes: 0,
            hours: HashSet::new(),
            accepted: 0,
            refused: 0,
            origins: Tally::default(),
            undated: None,
        }
    }

    /// Returns when the body arrived.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns how many events were read so far.
    pub(crate) const fn read(&self) -> u64 {
        self.accepted + self.refused
    }

    /// Refuses the request when another event would exceed its limits. To be called before each event, with the memory that
    /// the reader takes beside the events, in bytes.
    pub(crate) fn must_have_room(&mut self, reader_bytes: usize) -> Result<(), ApiError> {
        let index = self.read();
        if index == EVENTS_MAX {
            return Err(too_many());
        }
        if index.is_multiple_of(STRIDE) {
            let events = self.events.capacity() * size_of::<NewEvent>();
            self.share.cover(self.answer.len())?;
            let own_bytes = self.own_bytes + reader_bytes;
            self.share
                .cover_work(self.body.len() + own_bytes + events + self.answer.capacity())?;
        }
        Ok(())
    }

    /// Keeps an event to be stored, if it is one. `add_id` makes the id of an event without one from its text. `told`
    /// learns of the event and its leaf hash, and may write the answer.
    pub(crate) fn admit(
        &mut self,
        text: Cow<'_, [u8]>,
        origin: Origin,
        add_id: impl FnOnce(&[u8]) -> String,
        told: impl FnOnce(&mut Vec<u8>, &Event<'_>, &LeafHash),
    ) -> Result<Result<(), EventError>, ApiError> {
        let event = match event::admit(&text, self.now, || add_id(&text)) {
            Ok(event) => event,
            Err(error) => return Ok(Err(error)),
        };
        let leaf = leaf_hash(&event.line);
        self.line_bytes += event.line.len();
        if self.line_bytes > REQUEST_MAX_BYTES {
            return Err(too_much());
        }
        let (day, hour) = (event.day, event.hour);
        // Neighbouring events mostly share their hour, and then this hashes nothing.
        let same_hour = |last: &NewEvent| last.day == day && last.hour == hour;
        if !self.events.last().is_some_and(same_hour) {
            self.hours.insert((day, hour));
            if self.hours.len() > REQUEST_MAX_HOURS {
                return Err(too_many_hours());
            }
        }
        // Sent again, it would have another time, and be another event.
        let tells = self.known_by.is_keyed || !is_made(&event.id);
        if event.time == self.now && !event.id_added && tells {
            let undated = self.undated.get_or_insert_with(Sha256::new);
            undated.update((event.id.len() as u64).to_le_bytes());
            undated.update(event.id.as_bytes());
        }
        told(&mut self.answer, &event, &leaf);
        let place = match event.line {
            Cow::Owned(line) => Place::Own(line),
            Cow::Borrowed(line) => Place::Within(offset_in(&text, line), line.len()),
        };
        let line = match (place, text) {
            (Place::Own(line), _) => {
                self.own_bytes += line.len();
                line.into()
            }
            (Place::Within(start, length), Cow::Owned(text)) => {
                self.own_bytes += length;
                let line = start..start + length;
                if text.capacity() - length > SPARE_MAX_BYTES {
                    Bytes::copy_from_slice(&text[line])
                } else {
                    Bytes::from(text).slice(line)
                }
            }
            (Place::Within(start, length), Cow::Borrowed(text)) => {
                shared(self.body, &text[start..start + length])
            }
        };
        self.origins.add(origin);
        self.events.push(NewEvent {
            day,
            hour,
            line,
            leaf,
        });
        self.accepted += 1;
        Ok(Ok(()))
    }

    /// Counts an event that is refused.
    pub(crate) const fn refuse(&mut self) {
        self.refused += 1;
    }

    /// Ends the reading.
    pub(super) fn finish(self) -> Result<Taken, ApiError> {
        let Self {
            mut answer,
            body,
            share,
            mut events,
            line_bytes,
            accepted,
            refused,
            origins,
            undated,
            ..
        } = self;
        answer.shrink_to_fit();
        share.cover(answer.len())?;
        // Lines are slices of the body, and the store keeps them in memory until it seals them: they must not keep much
        // else of the body there.
        if line_bytes < body.len() / 2 {
            for event in &mut events {
                event.line = Bytes::copy_from_slice(&event.line);
            }
        }
        Ok(Taken {
            events,
            answer,
            accepted,
            refused,
            origins,
            undated: undated.map(|ids| ids.chain_update(body).finalize().into()),
        })
    }
}

/// Where the line of an event is.
enum Place {
    Own(Vec<u8>),
    /// In the event's text: the offset and the length.
    Within(usize, usize),
}

/// Returns where a part of a text begins in it.
fn offset_in(text: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

/// Returns the line as a slice of the body when it lies in it, and otherwise as its own bytes.
fn shared(body: &Bytes, line: &[u8]) -> Bytes {
    let (body_range, line_range) = (body.as_ptr_range(), line.as_ptr_range());
    if body_range.start <= line_range.start && line_range.end <= body_range.end {
        body.slice_ref(line)
    } else {
        Bytes::copy_from_slice(line)
    }
}

/// Returns whether the engine made an id from a text. An event with such an id and without a time is told from an equal one
/// by nothing, so that it has to count each time.
fn is_made(id: &str) -> bool {
    Uuid::try_parse(id).is_ok_and(|id| id.get_version_num() == 8)
}

fn too_much() -> ApiError {
    ApiError::new(
        ErrorCode::TooLarge,
        format!(
            "the events of a request hold at most {REQUEST_MAX_BYTES} bytes once they are converted to CADF: send several \
             requests; nothing was kept"
        ),
    )
}

fn too_many_hours() -> ApiError {
    ApiError::new(
        ErrorCode::TooLarge,
        format!(
            "the events of a request belong to at most {REQUEST_MAX_HOURS} different hours: sort them by eventTime and \
             send several requests; nothing was kept"
        ),
    )
}

fn too_many() -> ApiError {
    ApiError::new(
        ErrorCode::TooLarge,
        format!("a request holds at most {EVENTS_MAX} events: send several; nothing was kept"),
    )
}
