//! Turns a body's bytes into checked events and their answer, in one pass while the bytes are in the cache.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io::Write;

use atrail_api::ErrorCode;
use atrail_evidence::leaf_hash;
use atrail_model::limits::{REQUEST_MAX_BYTES, REQUEST_MAX_HOURS};
use atrail_model::{Timestamp, event};
use atrail_sources::{Framing, Origin, SourceKind, Tally, split};
use atrail_store::NewEvent;
use bytes::Bytes;
use uuid::Uuid;

use super::budget::Share;
use crate::error::ApiError;
use crate::idempotency::IdempotencyKey;

/// Number of events, kept and refused, at most in a request: more than a request of real events has room for.
const EVENTS_MAX: u64 = 500_000;
/// Number of events between two checks of the budget.
const STRIDE: u64 = 1024;

/// The result of checking a request.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// The events to store, in order.
    pub(super) events: Vec<NewEvent>,
    /// The answer once they are stored: a JSON array with one element for each event, in order; empty when the client
    /// asks for counts alone.
    pub(super) answer: Vec<u8>,
    /// Number of events to store.
    pub(super) accepted: u64,
    /// Number of refused events.
    pub(super) refused: u64,
    /// Number of lines skipped after a malformed value.
    pub(super) not_read: u64,
    /// The formats of the events to store.
    pub(super) origins: Tally,
}

/// Returns the number of events by format, for the answer; nothing when all arrived as CADF.
pub(super) fn types(origins: &Tally) -> BTreeMap<String, u64> {
    let counts = origins.counts().filter(|_| !origins.is_plain());
    counts
        .map(|(origin, count)| (origin.to_string(), count))
        .collect()
}

/// The parameters of a request, besides its body.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// The format of the events.
    pub(super) kind: SourceKind,
    /// How the body separates its events.
    pub(super) framing: Framing,
    /// When the request arrived.
    pub(super) now: Timestamp,
    /// The key from which ids follow for events without one; without a key, the ids are random.
    pub(super) key: Option<IdempotencyKey>,
    /// Whether the client asks for an answer for each event.
    pub(super) each_is_answered: bool,
}

/// Checks a body's events. The share grows to cover the results.
///
/// A client may read the answer as slowly as it likes, and the answer may be fifty times as large as the body. So the
/// answer must fit the sender's part before the store stores anything: afterwards it is too late to refuse.
pub(super) fn prepare(
    body: &Bytes,
    reading: &Reading,
    share: &mut Share,
) -> Result<Prepared, ApiError> {
    let Reading {
        kind,
        framing,
        now,
        key,
        each_is_answered,
    } = reading;
    let mut made = Prepared::default();
    let mut line_bytes = 0;
    let mut own_bytes = 0;
    let mut hours = HashSet::new();
    for candidate in split(body, *kind, *framing).received_at(*now) {
        let index = made.accepted + made.refused;
        if index == EVENTS_MAX {
            return Err(too_many());
        }
        if index % STRIDE == 0 {
            let events = made.events.capacity() * size_of::<NewEvent>();
            share.cover(made.answer.len())?;
            share.cover_work(body.len() + own_bytes + events + made.answer.capacity())?;
        }
        if *each_is_answered {
            made.answer.push(if index == 0 { b'[' } else { b',' });
        }
        let checked = match &candidate {
            Ok(candidate) => event::admit(&candidate.text, *now, || match key {
                Some(key) => key.event_id(index, &candidate.text),
                None => Uuid::new_v4().to_string(),
            })
            .map(|event| (event, candidate.origin))
            .map_err(|error| (candidate.line, error.to_string(), 0)),
            Err(refusal) => Err((refusal.line, refusal.to_string(), refusal.not_read)),
        };
        match checked {
            Ok((event, origin)) => {
                let leaf = leaf_hash(&event.line);
                if *each_is_answered {
                    write_ack(&mut made.answer, &event.id, &leaf, origin);
                }
                made.origins.add(origin);
                line_bytes += event.line.len();
                if line_bytes > REQUEST_MAX_BYTES {
                    return Err(too_much());
                }
                // A converted event may be many times as long as its original.
                if matches!(event.line, Cow::Owned(_)) {
                    own_bytes += event.line.len();
                }
                // Neighbouring events mostly share their hour, and then this hashes nothing.
                let same_hour = |last: &NewEvent| last.day == event.day && last.hour == event.hour;
                if !made.events.last().is_some_and(same_hour) {
                    hours.insert((event.day, event.hour));
                    if hours.len() > REQUEST_MAX_HOURS {
                        return Err(too_many_hours());
                    }
                }
                made.events.push(NewEvent {
                    day: event.day,
                    hour: event.hour,
                    line: shared(body, event.line),
                    leaf,
                });
                made.accepted += 1;
            }
            Err((line, error, not_read)) => {
                if *each_is_answered {
                    write_refusal(&mut made.answer, index, line, &error, not_read);
                }
                made.refused += 1;
                made.not_read += not_read;
            }
        }
    }
    if *each_is_answered {
        made.answer.push(b']');
        made.answer.shrink_to_fit();
        share.cover(made.answer.len())?;
    }
    // Lines are slices of the body, and the store keeps them in memory until it seals them: they must not keep much
    // else of the body there.
    if line_bytes < body.len() / 2 {
        for event in &mut made.events {
            event.line = Bytes::copy_from_slice(&event.line);
        }
    }
    Ok(made)
}

/// Returns the line as a slice of the body when it lies in it, and otherwise as its own bytes.
fn shared(body: &Bytes, line: Cow<'_, [u8]>) -> Bytes {
    match line {
        Cow::Owned(line) => line.into(),
        Cow::Borrowed(line) => {
            let (body_range, line_range) = (body.as_ptr_range(), line.as_ptr_range());
            if body_range.start <= line_range.start && line_range.end <= body_range.end {
                body.slice_ref(line)
            } else {
                Bytes::copy_from_slice(line)
            }
        }
    }
}

fn write_ack(answer: &mut Vec<u8>, id: &str, leaf: &impl std::fmt::Display, origin: Origin) {
    answer.extend_from_slice(b"{\"id\":");
    write_string(answer, id);
    // Base64 needs no escape.
    write!(answer, ",\"value\":\"{leaf}\"").expect("writing to memory does not fail");
    if !origin.is_plain() {
        write!(answer, ",\"type\":\"{origin}\"").expect("writing to memory does not fail");
    }
    answer.push(b'}');
}

fn write_refusal(answer: &mut Vec<u8>, index: u64, line: u64, error: &str, not_read: u64) {
    write!(answer, "{{\"index\":{index},\"line\":{line},\"error\":")
        .expect("writing to memory does not fail");
    write_string(answer, error);
    if not_read > 0 {
        write!(answer, ",\"not_read\":{not_read}").expect("writing to memory does not fail");
    }
    answer.push(b'}');
}

fn write_string(answer: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(answer, text).expect("writing a string to memory does not fail");
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

#[cfg(test)]
mod tests {
    use atrail_api::AckOrRefusal;

    use super::*;
    use crate::ingest::budget::Budget;

    const EVENT: &str = r#"{"id":"e\"1","eventTime":"2017-07-25T10:00:00Z","action":"read","outcome":"success","initiatorId":"i","targetId":"t"}"#;

    fn reading() -> Reading {
        Reading {
            kind: SourceKind::Auto,
            framing: Framing::Sniffed,
            now: "2017-07-25T12:00:00Z".parse().unwrap(),
            key: None,
            each_is_answered: true,
        }
    }

    fn prepared(body: &str) -> Prepared {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let mut share = Budget::new(64 << 20, None).share();
        prepare(&body, &reading(), &mut share).unwrap()
    }

    #[test]
    fn the_answer_is_in_order_and_reads_back() {
        let made = prepared(&format!("{EVENT}\n{{\"id\":1}}\n{EVENT}\n"));
        assert_eq!((made.accepted, made.refused), (2, 1));
        let answer: Vec<AckOrRefusal> = serde_json::from_slice(&made.answer).unwrap();
        let leaf = leaf_hash(EVENT.as_bytes()).to_string();
        let ack = AckOrRefusal::Ack {
            id: "e\"1".to_owned(),
            value: leaf,
            kind: None,
        };
        assert_eq!((&answer[0], &answer[2]), (&ack, &ack));
        assert!(matches!(
            answer[1],
            AckOrRefusal::Refusal {
                index: 1,
                line: 2,
                ..
            }
        ));
        assert!(made.events.iter().all(|event| event.line == EVENT));
    }

    #[test]
    fn what_was_not_read_is_told_and_counted() {
        let pretty = EVENT.replace(",\"", ",\n\"");
        let made = prepared(&format!("{pretty}\nnote 1\nnote 2\nnote 3\n{pretty}\n"));
        assert_eq!((made.accepted, made.refused, made.not_read), (2, 1, 2));
        let answer: Vec<AckOrRefusal> = serde_json::from_slice(&made.answer).unwrap();
        let AckOrRefusal::Refusal {
            index: 1,
            error,
            not_read: 2,
            ..
        } = &answer[1]
        else {
            panic!("{:?}", answer[1]);
        };
        assert!(error.contains("2 lines after it were not read"), "{error}");
    }

    #[test]
    fn a_body_of_blanks_is_not_kept_alive_by_one_event() {
        let body = Bytes::from(format!("{}\n{EVENT}\n", " ".repeat(1 << 20)));
        let mut share = Budget::new(64 << 20, None).share();
        let made = prepare(&body, &reading(), &mut share).unwrap();
        let line = &made.events[0].line;
        let (inside, whole) = (line.as_ptr_range(), body.as_ptr_range());
        assert!(inside.end <= whole.start || whole.end <= inside.start);
    }

    #[test]
    fn more_events_than_a_request_may_hold_are_refused_whole() {
        let body = Bytes::from("{}\n".repeat(600_000));
        let mut share = Budget::new(1 << 30, None).share();
        let error = prepare(&body, &reading(), &mut share).unwrap_err();
        assert_eq!(error.code(), ErrorCode::TooLarge);
    }
}
