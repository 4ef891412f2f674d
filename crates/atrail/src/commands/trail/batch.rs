//! Splits a stream of bytes into requests of bounded size.

use std::io::Read;

use atrail_model::{Timestamp, event};
use atrail_sources::{Candidate, Framing, Origin, SourceKind, Stream};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::error::{CliError, Result};

/// Most events in one request.
const EVENTS_MAX: usize = 2_000;
/// Most bytes in one request, unless one event is larger.
const BYTES_MAX: usize = 4 << 20;
/// Bytes read at once.
pub(in crate::commands) const CHUNK_BYTES: usize = 256 << 10;

/// An event that the client refuses without sending it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct Refusal {
    /// The line that it begins on, from 1.
    pub(in crate::commands) line: u64,
    /// The reason.
    pub(in crate::commands) reason: String,
    /// How many lines after it were skipped, because it is unknown what they are.
    pub(in crate::commands) not_read: u64,
}

/// One request, and the origin of its events.
#[derive(Debug, Clone, Default)]
pub(in crate::commands) struct Batch {
    /// One event per line.
    pub(in crate::commands) body: Bytes,
    /// For each event, the line of the input that it begins on, from 1.
    pub(in crate::commands) lines: Vec<u64>,
    /// For each event, its origin.
    pub(in crate::commands) origins: Vec<Origin>,
    /// Events in between that the client refused.
    pub(in crate::commands) refusals: Vec<Refusal>,
    /// How many bytes of the input were read up to its end.
    pub(in crate::commands) end: u64,
}

impl Batch {
    /// Returns the first and the last line that one of its events begins on.
    pub(super) fn span(&self) -> Option<(u64, u64)> {
        Some((*self.lines.first()?, *self.lines.last()?))
    }
}

/// Reads everything into batches. Ends early, without an error, when the receiver has gone.
pub(super) fn read_batches(
    mut source: impl Read,
    kind: SourceKind,
    now: Timestamp,
    batches: &mpsc::Sender<Batch>,
) -> Result<()> {
    let mut stream = Stream::new(kind, Framing::Sniffed).received_at(now);
    let mut batcher = Batcher::new(now);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut read_bytes = 0;
    loop {
        let count = match source.read(&mut chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CliError::file("could not read the events", error)),
        };
        read_bytes += count as u64;
        if count == 0 {
            stream.finish();
        } else {
            stream.feed(&chunk[..count]);
        }
        while let Some(item) = stream.next_item() {
            match item {
                Ok(candidate) => batcher.event(&candidate),
                Err(refusal) => {
                    batcher.refuse(refusal.line, refusal.to_string(), refusal.not_read);
                }
            }
            if batcher.is_full() && batches.blocking_send(batcher.take(read_bytes)).is_err() {
                return Ok(());
            }
        }
        if count == 0 {
            let _ = batches.blocking_send(batcher.take(read_bytes));
            return Ok(());
        }
    }
}

/// Collects events until there are enough for a request.
#[derive(Debug)]
pub(in crate::commands) struct Batcher {
    now: Timestamp,
    body: Vec<u8>,
    lines: Vec<u64>,
    origins: Vec<Origin>,
    refusals: Vec<Refusal>,
}

impl Batcher {
    /// Returns an empty batcher; events may be from 24 hours after `now` at most.
    pub(in crate::commands) const fn new(now: Timestamp) -> Self {
        Self {
            now,
            body: Vec::new(),
            lines: Vec::new(),
            origins: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Adds an event as one line. Line breaks between its tokens follow the server's rule, so that the stored bytes are
    /// the same as if the event had been sent unchanged. The client refuses a truncated event here: in a request, it
    /// would merge with the text after it.
    pub(in crate::commands) fn event(&mut self, candidate: &Candidate<'_>) {
        let Candidate { line, origin, text } = candidate;
        let is_whole = text.ends_with(b"}");
        if is_whole && !text.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return self.push(*line, *origin, text);
        }
        match event::admit(text, self.now, || uuid::Uuid::new_v4().to_string()) {
            Ok(event) => self.push(*line, *origin, &event.line),
            Err(error) => self.refuse(*line, error.to_string(), 0),
        }
    }

    /// Adds the refusal of an event.
    pub(in crate::commands) fn refuse(&mut self, line: u64, reason: String, not_read: u64) {
        self.refusals.push(Refusal {
            line,
            reason,
            not_read,
        });
    }

    fn push(&mut self, line: u64, origin: Origin, text: &[u8]) {
        self.body.extend_from_slice(text);
        self.body.push(b'\n');
        self.lines.push(line);
        self.origins.push(origin);
    }

    /// Returns whether the next event belongs into the next request.
    pub(in crate::commands) fn is_full(&self) -> bool {
        self.lines.len() + self.refusals.len() >= EVENTS_MAX || self.body.len() >= BYTES_MAX
    }

    /// Returns the number of events and of refusals since the last request.
    pub(in crate::commands) const fn counts(&self) -> (usize, usize) {
        (self.lines.len(), self.refusals.len())
    }

    /// Ends the request; `end` is how many bytes of the input were read.
    pub(in crate::commands) fn take(&mut self, end: u64) -> Batch {
        Batch {
            body: std::mem::take(&mut self.body).into(),
            lines: std::mem::take(&mut self.lines),
            origins: std::mem::take(&mut self.origins),
            refusals: std::mem::take(&mut self.refusals),
            end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(input: &[u8]) -> Vec<Batch> {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let (sender, mut receiver) = mpsc::channel(100);
        read_batches(input, SourceKind::Auto, now, &sender).unwrap();
        drop(sender);
        std::iter::from_fn(|| receiver.blocking_recv()).collect()
    }

    fn event(number: usize) -> String {
        format!(
            r#"{{"id":"e{number}","eventTime":"2026-11-22T00:00:00Z","action":"read","outcome":"success","initiatorId":"i","targetId":"t"}}"#
        )
    }

    #[test]
    fn requests_are_bounded_and_lines_are_known() {
        let input: String = (0..4_500).map(|number| event(number) + "\n").collect();
        let all = batches(input.as_bytes());
        let counts: Vec<_> = all.iter().map(|batch| batch.lines.len()).collect();
        assert_eq!(counts, [2_000, 2_000, 500]);
        let lines: Vec<_> = all.iter().flat_map(|batch| batch.lines.clone()).collect();
        assert_eq!(lines, (1..=4_500).collect::<Vec<u64>>());
        let bodies: Vec<u8> = all.iter().flat_map(|batch| batch.body.to_vec()).collect();
        assert_eq!(bodies, input.as_bytes());
        assert_eq!(all.last().unwrap().end, input.len() as u64);
    }

    #[test]
    fn a_broken_place_costs_what_it_stands_in() {
        let good = |number| event(number) + "\n";
        for (input, sent, refused, not_read) in [
            // Truncated at the beginning, in the middle and at the end; garbage; a comma between values.
            (
                format!("{{\"eventTime\":\n{}{}", good(1), good(2)),
                vec![2, 3],
                1,
                0,
            ),
            (
                format!("{}{{\"a\":\"x\n{}", good(1), good(2)),
                vec![1, 3],
                1,
                0,
            ),
            (format!("{}{}{{\"a\"", good(1), good(2)), vec![1, 2], 1, 0),
            (format!("garbage\n{}", good(1)), vec![2], 1, 0),
            (format!("{},\n{}", event(1), good(2)), vec![2], 1, 0),
        ] {
            let all = batches(input.as_bytes());
            let lines: Vec<_> = all.iter().flat_map(|batch| batch.lines.clone()).collect();
            let refusals: Vec<_> = all
                .iter()
                .flat_map(|batch| batch.refusals.clone())
                .collect();
            let passed: u64 = refusals.iter().map(|refusal| refusal.not_read).sum();
            assert_eq!(lines, sent, "{input}");
            assert_eq!((refusals.len(), passed), (refused, not_read), "{input}");
        }
    }

    #[test]
    fn an_event_of_many_lines_becomes_one() {
        let pretty = event(1).replace(',', ",\n  ");
        let all = batches(format!("[\n{pretty}\n]").as_bytes());
        assert_eq!(all[0].lines, [2]);
        assert_eq!(all[0].body, event(1) + "\n");
    }
}
