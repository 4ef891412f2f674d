//! Parses any bytes as the body of `POST /v3/events`.

use atrail_api::AckOrRefusal;
use atrail_evidence::leaf_hash;
use atrail_model::{Timestamp, event};
use atrail_sources::{Engine, Framing, SourceKind, Stream, Strictness};
use bytes::Bytes;

use super::budget::Budget;
use super::intake::{Intake, KnownBy};
use super::prepare::{Reading, prepare};

/// Parses a body in memory and in chunks, and checks that both contain the same events. Each event is one line whose
/// hash is acknowledged, and the line is itself an event that the server would store unchanged.
///
/// # Panics
/// When the two differ, or an event breaks these rules.
pub fn ingest(body: &[u8], kind: SourceKind, framing: Framing) {
    let reading = Reading {
        engine: Engine::embedded(),
        kind,
        strictness: Strictness::Strict,
        framing,
        key: None,
        each_is_answered: true,
    };
    let mut share = Budget::new(256 << 20, None).share();
    let bytes = Bytes::copy_from_slice(body);
    let mut intake = Intake::new(
        &bytes,
        Timestamp::UNIX_EPOCH,
        KnownBy::default(),
        &mut share,
    );
    let Ok(all_not_read) = prepare(&bytes, &reading, &mut intake) else {
        return;
    };
    let Ok(made) = intake.finish() else {
        return;
    };
    let answer: Vec<AckOrRefusal> =
        serde_json::from_slice(&made.answer).expect("an array of answers");
    let mut events = made.events.iter();
    let mut stream = Chunks::new(body, kind, framing);
    for answer in answer {
        let streamed = stream.next().expect("a stream has what a body has");
        match answer {
            AckOrRefusal::Ack { id, value, .. } => {
                let event = events.next().expect("what is acknowledged is there");
                assert!(!event.line.contains(&b'\n') && !event.line.contains(&b'\r'));
                assert_eq!(value, leaf_hash(&event.line).to_string());
                let again = event::admit(&event.line, Timestamp::UNIX_EPOCH, String::new);
                let again = again.expect("a stored line is an event");
                assert_eq!((&*again.line, &*again.id), (&*event.line, &*id));
                assert_eq!((again.day, again.hour), (event.day, event.hour));
                let streamed = streamed.expect("a stream refuses only what a body does");
                let same = event::admit(&streamed, Timestamp::UNIX_EPOCH, || id.clone());
                assert_eq!(*same.expect("the same event").line, *event.line);
            }
            AckOrRefusal::Refusal { not_read, .. } => match streamed {
                Ok(text) => {
                    let again = event::admit(&text, Timestamp::UNIX_EPOCH, String::new);
                    assert!(again.is_err(), "a stream takes what is refused in a body");
                    assert_eq!(not_read, 0, "what was read is refused for itself");
                }
                Err(lines) => assert_eq!(not_read, lines, "both pass over the same lines"),
            },
        }
    }
    assert!(events.next().is_none() && stream.next().is_none());
    // A skipped line counts once, or once for each object on it.
    let ends = |byte: &&u8| matches!(byte, b'\n' | b'}');
    assert!(
        all_not_read <= body.iter().filter(ends).count() as u64,
        "no more was passed over than there is"
    );
}

/// The items of a stream that receives a few bytes at a time; for a refusal, the number of lines not read.
struct Chunks<'a> {
    stream: Stream,
    chunks: std::slice::Chunks<'a, u8>,
    is_finished: bool,
}

impl<'a> Chunks<'a> {
    fn new(body: &'a [u8], kind: SourceKind, framing: Framing) -> Self {
        let length = 1 + body.len() / 7;
        Self {
            stream: Stream::new(kind, framing),
            chunks: body.chunks(length),
            is_finished: false,
        }
    }
}

impl Iterator for Chunks<'_> {
    type Item = Result<Vec<u8>, u64>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.stream.next_item() {
                return Some(match item {
                    Ok(candidate) => Ok(candidate.text.into_owned()),
                    Err(refusal) => Err(refusal.not_read),
                });
            }
            if self.is_finished {
                return None;
            }
            match self.chunks.next() {
                Some(chunk) => self.stream.feed(chunk),
                None => {
                    self.stream.finish();
                    self.is_finished = true;
                }
            }
        }
    }
}
