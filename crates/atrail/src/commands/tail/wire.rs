//! The lines of a tail, and of a search.

use atrail_api::{
    MissedRange, SearchEnd, SearchSummary, TailEnd, TailEnded, TailMissed, TailStart,
};
use bytes::{Buf, Bytes, BytesMut};
use serde::Deserialize;

use crate::error::{CliError, Result};

/// Longest line: an event, and its conversion that contains it once more.
const LINE_MAX_BYTES: usize = 16 << 20;

/// What the server sent.
#[derive(Debug)]
pub(super) enum Item {
    /// Where the tail begins.
    Start { position: String },
    /// Nothing happened for a while.
    Blank,
    /// Events are missing here.
    Missed(MissedRange),
    /// The server ended the tail.
    End(TailEnded),
    /// The end of a search.
    Found(SearchSummary),
    /// An event.
    Event {
        leaf: String,
        /// The place behind it, in a tail.
        position: Option<String>,
        line: Bytes,
    },
}

/// The members of a line of place that are used here.
#[derive(Deserialize)]
struct Place {
    leaf: String,
    position: Option<String>,
}

/// Any line but an event's. The order matters: a line of place may have a position, too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Control {
    Missed(TailMissed),
    Found(SearchEnd),
    End(TailEnd),
    Place(Place),
    Start(TailStart),
}

/// Splits an answer into its items.
#[derive(Debug, Default)]
pub(super) struct Items {
    bytes: BytesMut,
    /// Bytes that have no end of a line.
    searched: usize,
    /// The place of the event in the next line.
    place: Option<(String, Option<String>)>,
}

impl Items {
    /// Adds bytes of the answer.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next item that is complete.
    ///
    /// # Errors
    /// When the answer is none that this version understands.
    pub(super) fn next(&mut self) -> Result<Option<Item>> {
        loop {
            let Some(line) = self.line()? else {
                return Ok(None);
            };
            if let Some((leaf, position)) = self.place.take() {
                return Ok(Some(Item::Event {
                    leaf,
                    position,
                    line,
                }));
            }
            if line.is_empty() {
                return Ok(Some(Item::Blank));
            }
            let control = serde_json::from_slice(&line).map_err(|error| {
                CliError::failed("the server's answer cannot be understood")
                    .because(error)
                    .hint("is this an atrail server of this version? See `atrail target`")
            })?;
            return Ok(Some(match control {
                Control::Missed(TailMissed { missed }) => Item::Missed(missed),
                Control::Found(SearchEnd { end }) => Item::Found(end),
                Control::End(TailEnd { end }) => Item::End(end),
                Control::Start(TailStart { position }) => Item::Start { position },
                Control::Place(Place { leaf, position }) => {
                    self.place = Some((leaf, position));
                    continue;
                }
            }));
        }
    }

    fn line(&mut self) -> Result<Option<Bytes>> {
        let from = self.searched;
        let Some(end) = self.bytes[from..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            if self.searched > LINE_MAX_BYTES {
                return Err(CliError::failed(
                    "the server sent a line longer than any event",
                ));
            }
            return Ok(None);
        };
        let line = self.bytes.split_to(from + end).freeze();
        self.bytes.advance(1);
        self.searched = 0;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = concat!(
        r#"{"position":"p0"}"#,
        "\n\n",
        r#"{"day":"2026-11-20","segment":null,"index":null,"leaf":"L","sealed":false,"space":"S","position":"p1"}"#,
        "\n",
        r#"{"position":"the event's own","missed":1}"#,
        "\n",
        r#"{"missed":{"from":null,"to":"T"}}"#,
        "\n",
        r#"{"end":{"code":"unavailable","detail":"D"}}"#,
        "\n",
    );

    fn told(item: Item) -> String {
        match item {
            Item::Start { position } => format!("start {position}"),
            Item::Blank => "blank".to_owned(),
            Item::Missed(missed) => format!("missed {:?} {}", missed.from, missed.to),
            Item::End(end) => format!("end {}", end.detail),
            Item::Found(end) => format!("found {}", end.hits),
            Item::Event {
                leaf,
                position,
                line,
            } => format!("{leaf} {position:?} {}", String::from_utf8_lossy(&line)),
        }
    }

    #[test]
    fn an_answer_is_split_wherever_it_was_cut() {
        let expected = [
            "start p0",
            "blank",
            r#"L Some("p1") {"position":"the event's own","missed":1}"#,
            "missed None T",
            "end D",
        ];
        for size in [1, 2, 7, 50, ANSWER.len()] {
            let mut items = Items::default();
            let mut found = Vec::new();
            for bytes in ANSWER.as_bytes().chunks(size) {
                items.push(bytes);
                while let Some(item) = items.next().unwrap() {
                    found.push(told(item));
                }
            }
            assert_eq!(found, expected, "in parts of {size}");
        }
    }

    #[test]
    fn the_end_of_a_search_is_told_from_that_of_a_tail() {
        let end = SearchEnd {
            end: SearchSummary {
                hits: 3,
                more: true,
                after: Some("c".to_owned()),
                searched: Default::default(),
                took_ms: 1,
            },
        };
        let mut items = Items::default();
        items.push(&serde_json::to_vec(&end).unwrap());
        items.push(b"\n{}\n");
        let found = items.next().unwrap().unwrap();
        assert_eq!(told(found), "found 3");
        assert!(items.next().is_err());
    }
}
