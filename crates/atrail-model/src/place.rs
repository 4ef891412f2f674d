//! The place of events.

use crate::{Day, Domain, Hour};

/// The place of a segment's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The domain.
    pub domain: Domain,
    /// The day of their `eventTime`.
    pub day: Day,
    /// The hour of that day.
    pub hour: Hour,
}
