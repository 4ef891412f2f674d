//! The reasons for refusing parts of an input.

use atrail_model::limits::EVENT_MAX_BYTES;

/// A refused part of the input. Its `Display` does not repeat the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", rest(.not_read))]
pub struct Refusal {
    /// The line of the input, counted from 1: where the event begins, or where the text breaks.
    pub line: u64,
    /// The reason.
    pub reason: Reason,
    /// How many lines were skipped because of it, as nothing shows what they are: they are neither returned events nor
    /// refusals of their own. A line with several whole objects counts once for each.
    pub not_read: u64,
}

/// The reason, and how to correct it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// An event, or a wrapping other than a list of events, is longer than [`EVENT_MAX_BYTES`].
    #[error(
        "the event that begins here is longer than {EVENT_MAX_BYTES} bytes; split it or send less"
    )]
    TooLarge,
    /// The text around the events is not JSON (RFC 8259). Earlier events stay valid; reading continues at the next line
    /// that begins a value.
    #[error("not JSON: expected {expected} but found {found} at column {column}{}", aside(.hint))]
    Broken {
        /// The column in bytes, counted from 1.
        column: u64,
        /// The expected text.
        expected: &'static str,
        /// The text that was found, safe to print.
        found: String,
        /// The probable cause.
        hint: Option<&'static str>,
    },
    /// The text should be converted, and is not an event of its format.
    #[error("not {} {format} event: {problem}", article(.format))]
    NotConverted {
        /// The format's name.
        format: &'static str,
        /// The fault, and how to correct it.
        problem: String,
    },
}

/// Returns the article before a name.
fn article(name: &str) -> &'static str {
    match name.as_bytes().first() {
        Some(b'A' | b'E' | b'I' | b'O' | b'a' | b'e' | b'i' | b'o') => "an",
        _ => "a",
    }
}

fn rest(not_read: &u64) -> String {
    match not_read {
        0 => String::new(),
        1 => "; 1 line after it was not read".to_owned(),
        lines => format!("; {lines} lines after it were not read"),
    }
}

fn aside(hint: &Option<&'static str>) -> String {
    hint.map_or_else(String::new, |hint| format!(" ({hint})"))
}
