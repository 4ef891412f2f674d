//! The checks as functions from one JSON text to another.

use std::cell::Cell;
use std::io::{self, Read};

use atrail_evidence::{
    AcknowledgementsError, EventProof, Expectations, NoteError, Outcome, ProofError, ProvenEvent,
    VerifierKey, parse_acknowledgements,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::judged::{Judged, because, not_proven};
use crate::words;

/// What is to be checked, of a download.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    /// The text of the receipt.
    receipt: String,
    /// The known keys of the server, as text.
    #[serde(default)]
    keys: Vec<String>,
    /// One more of them.
    key: Option<String>,
    /// The text of an earlier receipt.
    since: Option<String>,
    /// The text of a list of acknowledgements.
    contains: Option<String>,
    /// The name of the file, for messages.
    file: Option<String>,
}

/// What is to be checked, of the proof of an event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckProof {
    /// The text of the proof.
    proof: String,
    /// The event that it must prove, in base64: the bytes of its line.
    event: Option<String>,
    /// The known keys of the server, as text.
    #[serde(default)]
    keys: Vec<String>,
    /// One more of them.
    key: Option<String>,
    /// The name of the file, for messages.
    file: Option<String>,
}

/// An answer: what was found, the exit code of `atrail verify`, and its lines.
#[derive(Debug, Serialize)]
struct Answer<T> {
    #[serde(flatten)]
    found: T,
    code: u8,
    text: String,
    /// How many bytes of the file were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

/// A proven event, and the conclusion about it.
#[derive(Debug, Serialize)]
struct Proven {
    outcome: Outcome,
    #[serde(flatten)]
    event: ProvenEvent,
}

/// A call that is wrong: nothing was judged.
#[derive(Debug, Serialize)]
struct Usage {
    outcome: &'static str,
    error: String,
}

/// Checks a download against its receipt. `argument` is a JSON object with the texts `receipt`, and optionally `keys`
/// (or one `key`), `since`, `contains` and `file`. Returns the object that `atrail verify --format json` prints, with
/// `code`, `text` and `bytes`; or the outcome `usage` for a wrong argument.
#[must_use]
pub fn verify(argument: &str, file: impl Read) -> String {
    let check: Check = match serde_json::from_str(argument) {
        Ok(check) => check,
        Err(error) => return usage(format!("the argument cannot be used: {error}")),
    };
    let expected = match expectations(&check) {
        Ok(expected) => expected,
        Err(why) => return usage(why),
    };
    let read = Cell::new(0);
    let counted = Counted { file, read: &read };
    let judged = match atrail_evidence::verify(&check.receipt, &expected, counted) {
        Ok(report) => Judged::Report(Box::new(report)),
        Err(error) => {
            let text = format!("could not verify {}", name(check.file.as_deref()));
            Judged::without_receipt(error.outcome(), because(text, Some(&error)))
        }
    };
    to_text(&Answer {
        code: code(judged.outcome()),
        text: words::lines(&judged),
        bytes: Some(read.get()),
        found: judged,
    })
}

/// Checks the proof of an event. `argument` is a JSON object with the text `proof`, and optionally `event` (the bytes of
/// the line that must be the proven one, in base64), `keys` (or one `key`) and `file`. Returns the object that `atrail
/// verify --proof --format json` prints, with `outcome`, `code` and `text`; or `outcome`, `code`, `text` and `error`.
#[must_use]
pub fn prove(argument: &str) -> String {
    let check: CheckProof = match serde_json::from_str(argument) {
        Ok(check) => check,
        Err(error) => return usage(format!("the argument cannot be used: {error}")),
    };
    let keys = match known(&check.keys, check.key.as_deref()) {
        Ok(keys) => keys,
        Err(why) => return usage(why),
    };
    let wanted = match check.event.as_deref().map(|event| STANDARD.decode(event)) {
        Some(Err(error)) => return usage(format!("the event is not in base64: {error}")),
        Some(Ok(bytes)) => Some(bytes),
        None => None,
    };
    let proven = EventProof::parse(&check.proof).and_then(|proof| proof.verify(&keys));
    let proven = proven.and_then(|event| match wanted {
        Some(bytes) if bytes != event.event.as_bytes() => Err(ProofError::Wrong(
            "it is that of another event than the one that is shown".to_owned(),
        )),
        _ => Ok(event),
    });
    match proven {
        Ok(event) => {
            let outcome = match event.is_pinned {
                true => Outcome::Proven,
                false => Outcome::Inconclusive,
            };
            to_text(&Answer {
                code: code(outcome),
                text: words::event_lines(&event),
                bytes: None,
                found: Proven { outcome, event },
            })
        }
        Err(error) => {
            let (outcome, text) = not_proven(name(check.file.as_deref()), &error);
            let judged = Judged::without_receipt(outcome, because(text, Some(&error)));
            to_text(&Answer {
                code: code(outcome),
                text: words::lines(&judged),
                bytes: None,
                found: judged,
            })
        }
    }
}

fn expectations(check: &Check) -> Result<Expectations, String> {
    let contains = check.contains.as_deref().map(parse_acknowledgements);
    let contains = contains
        .transpose()
        .map_err(|error: AcknowledgementsError| {
            format!("the acknowledgements are no list: {error}")
        })?;
    Ok(Expectations {
        keys: known(&check.keys, check.key.as_deref())?,
        since: check.since.clone(),
        contains,
        ..Expectations::default()
    })
}

fn known(keys: &[String], key: Option<&str>) -> Result<Vec<VerifierKey>, String> {
    let texts = keys.iter().map(String::as_str).chain(key);
    let keys: Result<_, NoteError> = texts.map(|text| text.trim().parse()).collect();
    keys.map_err(|error| error.to_string())
}

fn name(file: Option<&str>) -> &str {
    file.unwrap_or("the file")
}

/// Returns the exit code of `atrail verify`.
const fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Proven => 0,
        Outcome::Failed => 1,
        Outcome::Inconclusive => 3,
    }
}

fn usage(error: String) -> String {
    let found = Usage {
        outcome: "usage",
        error: error.clone(),
    };
    to_text(&Answer {
        found,
        code: 2,
        text: error,
        bytes: None,
    })
}

fn to_text<T: Serialize>(answer: &Answer<T>) -> String {
    serde_json::to_string(answer).expect("an answer has only text keys")
}

/// Counts the bytes that are read.
struct Counted<'c, R> {
    file: R,
    read: &'c Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
