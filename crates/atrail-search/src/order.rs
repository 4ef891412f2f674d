//! The times that a search covers, and the order of its hits.

use atrail_model::Timestamp;

/// A half-open range of event times: from the first instant on, before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant that is outside.
    pub to: Timestamp,
}

impl TimeRange {
    /// Reports whether an event of this time is in the range.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }
}

/// The order of hits by their event times. Hits of one time keep the order of their domains, and in a domain the order
/// in which they arrived, whichever order is asked for: a cursor that counts them stays right when events arrive or are
/// sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest event first.
    #[default]
    Newest,
    /// The oldest event first.
    Oldest,
}
