//! What can go wrong while the exporter converts a download.

use std::io;

use crate::LINE_MAX_BYTES;

/// The export failed; its output is incomplete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The format cannot express a line of the download.
    #[error("cannot export line {line} of the download")]
    Event {
        /// Which line, counted from 1.
        line: u64,
        /// Why.
        #[source]
        fault: EventFault,
    },
    /// A line is longer than any stored line.
    #[error("line {line} of the download is longer than {LINE_MAX_BYTES} bytes")]
    TooLong {
        /// Which line, counted from 1.
        line: u64,
    },
    /// The last line has no LF, so the download is incomplete.
    #[error("the download ends in the middle of line {line}")]
    Cut {
        /// Which line, counted from 1.
        line: u64,
    },
    /// The output refuses bytes.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
}

/// Why the format cannot express a line. No line that a sound server stored has any of these faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventFault {
    /// RFC 8259 §8.1 requires UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// The line is not JSON, or is a JSON value of another kind.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// The event has no readable time, so no search by time would find it.
    #[error("its eventTime is missing or unreadable")]
    NoTime,
}

impl From<ExportError> for io::Error {
    /// Returns a fault of the output unchanged, and wraps any other; [`get_ref`](io::Error::get_ref) or
    /// [`downcast`](io::Error::downcast) unwraps it.
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Output(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
