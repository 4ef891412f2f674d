//! Counts of what matches: by time and by value.

mod collector;

pub use collector::{Collector, CountError, FacetPart, Partial};

use std::collections::BTreeMap;

use atrail_model::Timestamp;

use crate::query::Field;

/// What is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counting {
    /// Counts by time: the length of a bucket in seconds, and the instant at which buckets begin, in seconds since 1970.
    pub histogram: Option<Buckets>,
    /// The fields whose top values are counted, and how many of these.
    pub facets: Vec<(Field, usize)>,
    /// The fields whose different values are counted.
    pub distinct: Vec<Field>,
}

/// The buckets of a histogram: they begin at `origin + n * seconds`, for every integer n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    /// The length of a bucket in seconds, at least 1.
    pub seconds: u64,
    /// The beginning of one of them, in seconds since 1970.
    pub origin: i64,
}

impl Buckets {
    /// Returns the number n of the bucket in which a time lies.
    #[must_use]
    pub fn of(&self, time: Timestamp) -> i64 {
        let length = i128::from(self.seconds.max(1));
        let seconds = i128::from(atrail_model::whole_seconds(time)) - i128::from(self.origin);
        // No two times are so far apart that the number would not fit.
        i64::try_from(seconds.div_euclid(length)).unwrap_or(i64::MAX)
    }

    /// Returns the first instant of a bucket; `None` when no time is so early or so late.
    #[must_use]
    pub fn start(&self, number: i64) -> Option<Timestamp> {
        let seconds =
            i128::from(number) * i128::from(self.seconds.max(1)) + i128::from(self.origin);
        Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
    }
}

/// The counts of everything that matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of events.
    pub total: u64,
    /// Times of the first and the last of them.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Events by the number n of their bucket; empty ones are absent.
    pub histogram: BTreeMap<i64, u64>,
    /// The top values of each facet.
    pub facets: Vec<TopValues>,
    /// The number of different values of each such field.
    pub distinct: Vec<u64>,
}

/// The most frequent values of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopValues {
    /// Values with the number of events that have them: the most frequent first, those of one count by their text.
    pub values: Vec<(String, u64)>,
    /// Occurrences of all other values.
    pub others: u64,
    /// Events without a value.
    pub missing: u64,
    /// Number of different values.
    pub distinct: u64,
}
