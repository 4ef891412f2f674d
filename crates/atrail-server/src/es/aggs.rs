//! What a request counts: its aggregations.

mod read;
mod settings;

use atrail_search::query::{Expr, Field};
use serde_json::Value;

use super::dates::Format;
use super::rounding::Rounding;

pub(crate) use read::read;

/// The aggregations of a request, and the values and conditions that they use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aggs {
    /// The outermost aggregations.
    pub(crate) all: Vec<Agg>,
    /// The sources of values; aggregations name them by their places.
    pub(crate) sources: Vec<Source>,
    /// The conditions of filters; aggregations name them by their places.
    pub(crate) filters: Vec<Expr>,
}

/// Where values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The event's time.
    Time,
    /// A field of the event.
    Field(Field),
}

/// One aggregation.
#[derive(Debug, Clone)]
pub(crate) struct Agg {
    /// The name under which it is answered.
    pub(crate) name: String,
    /// What it counts.
    pub(crate) kind: Kind,
    /// What is counted in each of its buckets.
    pub(crate) subs: Vec<Agg>,
    /// What the answer repeats.
    pub(crate) meta: Option<Value>,
}

/// What an aggregation counts.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Events by their times.
    DateHistogram {
        /// How times fall into buckets.
        rounding: Rounding,
        /// How keys are also written.
        format: Format,
        /// Buckets with fewer events are left out; 0 fills gaps.
        min_doc_count: u64,
        /// Buckets are filled up to these keys.
        bounds: Option<(i64, i64)>,
        /// The order of the buckets.
        order: Vec<Order>,
    },
    /// Events by the numbers of a field.
    Histogram {
        /// The field's place among the sources.
        source: usize,
        /// The length of a bucket.
        interval: f64,
        /// Where one of them begins.
        offset: f64,
        /// As above.
        min_doc_count: u64,
        /// Buckets are filled up to these values.
        bounds: Option<(f64, f64)>,
        /// The order of the buckets.
        order: Vec<Order>,
        /// The number of events without one.
        missing: Option<f64>,
    },
    /// Events by the values of a field.
    Terms {
        /// The field's place among the sources.
        source: usize,
        /// The greatest number of buckets.
        size: usize,
        /// Values of fewer events are left out.
        min_doc_count: u64,
        /// The order of the buckets.
        order: Vec<Order>,
        /// The value of events without one.
        missing: Option<String>,
    },
    /// Events by conditions.
    Filters {
        /// The name of each bucket and its condition's place among the filters.
        named: Vec<(String, usize)>,
        /// Whether the answer is a list without the names.
        is_list: bool,
    },
    /// The number of different values.
    Cardinality {
        /// The field's place among the sources.
        source: usize,
        /// The value of events without one.
        missing: Option<String>,
    },
    /// A number from the numbers of a field.
    Number {
        /// The field's place among the sources.
        source: usize,
        /// Which number.
        which: Which,
        /// The number of events without one.
        missing: Option<f64>,
    },
}

/// A number from numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Min,
    Max,
    Avg,
    Sum,
    /// How many values there are, also such as are no numbers.
    ValueCount,
}

/// By what buckets are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) by: By,
    pub(crate) descending: bool,
}

/// What of a bucket orders it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Count,
    Key,
    /// The number of the sub-aggregation at this place.
    Sub(usize),
}

impl Aggs {
    /// Returns the place of a source of values, which is added when it is new.
    fn source(&mut self, source: Source) -> usize {
        match self.sources.iter().position(|one| *one == source) {
            Some(place) => place,
            None => {
                self.sources.push(source);
                self.sources.len() - 1
            }
        }
    }
}
