//! An event in the form that the log accepts.

use atrail_evidence::LeafHash;
use atrail_model::{Day, Hour};
use bytes::Bytes;

/// A checked event, ready to be stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The UTC day of its `eventTime`.
    pub day: Day,
    /// The UTC hour of its `eventTime`.
    pub hour: Hour,
    /// Its stored line: one JSON object without CR and LF.
    pub line: Bytes,
    /// The line's leaf hash.
    pub leaf: LeafHash,
}
