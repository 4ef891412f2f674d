//! Reads the body of `POST /v3/events` into checked events and their answer, in one pass while the bytes are in the cache.

use std::collections::BTreeMap;
use std::io::Write;

use atrail_sources::{Candidate, Engine, Framing, Origin, SourceKind, Strictness, Tally};
use bytes::Bytes;
use uuid::Uuid;

use super::intake::Intake;
use crate::error::ApiError;
use crate::idempotency::IdempotencyKey;
use crate::json_text::write_string;

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
    /// The formats that there are.
    pub(super) engine: Engine,
    /// The format of the events.
    pub(super) kind: SourceKind,
    /// Whether an event of no known form is refused, or stored through the generic format.
    pub(super) strictness: Strictness,
    /// How the body separates its events.
    pub(super) framing: Framing,
    /// The key from which ids follow for events without one; without a key, the ids are random.
    pub(super) key: Option<IdempotencyKey>,
    /// Whether the client asks for an answer for each event.
    pub(super) each_is_answered: bool,
}

/// Reads a body's events. The answer is a JSON array with one element for each event, in order; it is empty when the
/// client asks for counts alone.
///
/// Returns the number of lines that were skipped after a malformed value.
pub(super) fn prepare(
    body: &Bytes,
    reading: &Reading,
    intake: &mut Intake<'_>,
) -> Result<u64, ApiError> {
    let Reading {
        engine,
        kind,
        strictness,
        framing,
        key,
        each_is_answered,
    } = reading;
    let mut all_not_read = 0;
    let mut candidates = engine
        .split(body, *kind, *framing)
        .as_strict_as(*strictness)
        .received_at(intake.now());
    while let Some(candidate) = candidates.next() {
        intake.must_have_room(candidates.size_bytes())?;
        let index = intake.read();
        if *each_is_answered {
            intake.answer.push(if index == 0 { b'[' } else { b',' });
        }
        let refusal = match candidate {
            Ok(Candidate { line, origin, text }) => {
                let add_id = |text: &[u8]| match key {
                    Some(key) => key.event_id(index, text),
                    None => Uuid::new_v4().to_string(),
                };
                let kept = intake.admit(text, origin, add_id, |answer, event, leaf| {
                    if *each_is_answered {
                        write_ack(answer, &event.id, leaf, origin);
                    }
                })?;
                kept.err().map(|error| (line, error.to_string(), 0))
            }
            Err(refusal) => Some((refusal.line, refusal.to_string(), refusal.not_read)),
        };
        if let Some((line, error, not_read)) = refusal {
            if *each_is_answered {
                write_refusal(&mut intake.answer, index, line, &error, not_read);
            }
            intake.refuse();
            all_not_read += not_read;
        }
    }
    if intake.read() == 0 {
        return Err(ApiError::bad_request(
            "the body contains no event: send one JSON object, an array, or one object per line",
        ));
    }
    if *each_is_answered {
        intake.answer.push(b']');
    }
    Ok(all_not_read)
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

#[cfg(test)]
mod tests {
    use atrail_api::{AckOrRefusal, ErrorCode};
    use atrail_evidence::leaf_hash;

    use super::*;
    use crate::ingest::budget::Budget;
    use crate::ingest::intake::{KnownBy, Taken};

    const EVENT: &str = r#"{"id":"e\"1","eventTime":"2017-07-25T10:00:00Z","action":"read","outcome":"success","initiatorId":"i","targetId":"t"}"#;

    struct Prepared {
        taken: Taken,
        not_read: u64,
    }

    fn try_prepared(body: &Bytes, budget_bytes: usize) -> Result<Prepared, ApiError> {
        let reading = Reading {
            engine: Engine::embedded(),
            kind: SourceKind::Auto,
            strictness: Strictness::Strict,
            framing: Framing::Sniffed,
            key: None,
            each_is_answered: true,
        };
        let now = "2017-07-25T12:00:00Z".parse().unwrap();
        let mut share = Budget::new(budget_bytes, None).share();
        let mut intake = Intake::new(body, now, KnownBy::default(), &mut share);
        let not_read = prepare(body, &reading, &mut intake)?;
        let taken = intake.finish()?;
        Ok(Prepared { taken, not_read })
    }

    fn prepared(body: &str) -> Prepared {
        try_prepared(&Bytes::copy_from_slice(body.as_bytes()), 64 << 20).unwrap()
    }

    #[test]
    fn the_answer_is_in_order_and_reads_back() {
        let Prepared { taken, .. } = prepared(&format!("{EVENT}\n{{\"id\":1}}\n{EVENT}\n"));
        assert_eq!((taken.accepted, taken.refused), (2, 1));
        let answer: Vec<AckOrRefusal> = serde_json::from_slice(&taken.answer).unwrap();
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
        assert!(taken.events.iter().all(|event| event.line == EVENT));
    }

    #[test]
    fn what_was_not_read_is_told_and_counted() {
        let pretty = EVENT.replace(",\"", ",\n\"");
        let Prepared { taken, not_read } =
            prepared(&format!("{pretty}\nnote 1\nnote 2\nnote 3\n{pretty}\n"));
        assert_eq!((taken.accepted, taken.refused, not_read), (2, 1, 2));
        let answer: Vec<AckOrRefusal> = serde_json::from_slice(&taken.answer).unwrap();
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
        let made = try_prepared(&body, 64 << 20).unwrap();
        let line = &made.taken.events[0].line;
        let (inside, whole) = (line.as_ptr_range(), body.as_ptr_range());
        assert!(inside.end <= whole.start || whole.end <= inside.start);
    }

    #[test]
    fn more_events_than_a_request_may_hold_are_refused_whole() {
        let body = Bytes::from("{}\n".repeat(600_000));
        let error = try_prepared(&body, 1 << 30).err().unwrap();
        assert_eq!(error.code(), ErrorCode::TooLarge);
    }
}
