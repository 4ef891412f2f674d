//! What can go wrong while a download is turned into something else.

use std::io;

use crate::LINE_MAX_BYTES;

/// The export did not succeed; what was written is not whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The format cannot express a line of the download.
    #[error("line {line} of the download cannot be exported")]
    Event {
        /// Which line, counted from 1.
        line: u64,
        /// Why.
        #[source]
        fault: EventFault,
    },
    /// A line is longer than any that is stored.
    #[error("line {line} of the download is longer than {LINE_MAX_BYTES} bytes")]
    TooLong {
        /// Which line, counted from 1.
        line: u64,
    },
    /// The last line has no end, so something is missing.
    #[error("the download ends in the middle of line {line}")]
    Cut {
        /// Which line, counted from 1.
        line: u64,
    },
    /// The output takes no more.
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
}

/// Why a line cannot be expressed. None of it occurs in what a sound server kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventFault {
    /// RFC 8259 §8.1 wants UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// The line is no JSON, or a JSON value of another kind.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// The event would be found at no time.
    #[error("its eventTime is missing or cannot be read")]
    NoTime,
}

impl From<ExportError> for io::Error {
    /// A fault of the output is itself; anything else is wrapped, and comes back by
    /// [`get_ref`](io::Error::get_ref) or [`downcast`](io::Error::downcast).
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Output(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
