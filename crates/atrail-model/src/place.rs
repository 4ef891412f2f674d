//! Where events belong.

use crate::{Day, Domain, Hour};

/// Where a segment's events belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The domain.
    pub domain: Domain,
    /// The day of their `eventTime`.
    pub day: Day,
    /// The hour of that day.
    pub hour: Hour,
}
