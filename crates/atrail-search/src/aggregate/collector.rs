//! Counting, in bounded memory.

use std::collections::{BTreeMap, HashMap};

use atrail_model::Timestamp;

use super::{Counting, Counts, TopValues};
use crate::values::Extractor;

/// What a value costs beside its text, in bytes: its place in the table, its count, and what the allocator keeps.
const VALUE_BYTES: usize = 64;
/// What a bucket of the histogram costs, in bytes.
const BUCKET_BYTES: usize = 48;

/// Why something cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CountError {
    /// The different values do not fit.
    #[error(
        "{field} has more than {values} different values, which are more than one query may count; narrow the query or the time"
    )]
    TooManyValues {
        /// The field with the most.
        field: String,
        /// How many were counted before.
        values: usize,
    },
    /// The buckets do not fit.
    #[error(
        "the histogram has more than {buckets} buckets, which are too many; choose longer ones, or less time"
    )]
    TooManyBuckets {
        /// How many were counted before.
        buckets: usize,
    },
}

/// Counts the events that match, one by one or as counts that an index made of many.
#[derive(Debug)]
pub struct Collector {
    counting: Counting,
    extractor: Extractor,
    memory_bytes: usize,
    used_bytes: usize,
    total: u64,
    times: Option<(Timestamp, Timestamp)>,
    histogram: BTreeMap<i64, u64>,
    /// The counts of each facet, then of each field of which only the different values are counted.
    fields: Vec<FieldCounts>,
}

#[derive(Debug, Default)]
struct FieldCounts {
    /// Events by value.
    values: HashMap<Box<str>, u64>,
    missing: u64,
}

/// The counts of some of the events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    /// Number of events.
    pub total: u64,
    /// Times of the first and the last of them.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Events by the number of their bucket.
    pub histogram: BTreeMap<i64, u64>,
    /// The counts of each field: those of [`Counting::facets`], then those of [`Counting::distinct`].
    pub fields: Vec<FacetPart>,
}

/// The counts of one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FacetPart {
    /// Values with the number of events that have them. A value may come more than once. Of a field of
    /// [`Counting::distinct`] only the values matter.
    pub values: Vec<(Box<str>, u64)>,
    /// Events without a value.
    pub missing: u64,
}

impl Collector {
    /// Begins to count, with `memory_bytes` for different values and buckets.
    #[must_use]
    pub fn new(counting: Counting, memory_bytes: usize) -> Self {
        let facets = counting.facets.iter().map(|(field, _)| field);
        let extractor = Extractor::new(facets.chain(&counting.distinct));
        let fields = counting.facets.len() + counting.distinct.len();
        Self {
            counting,
            extractor,
            memory_bytes,
            used_bytes: 0,
            total: 0,
            times: None,
            histogram: BTreeMap::new(),
            fields: std::iter::repeat_with(FieldCounts::default)
                .take(fields)
                .collect(),
        }
    }

    /// Counts one event: its time, by which the archive files it, and its stored line.
    ///
    /// # Errors
    /// When there are more different values or buckets than fit. The counts are then of no more use.
    pub fn add(&mut self, time: Timestamp, line: &[u8]) -> Result<(), CountError> {
        self.add_events(1, Some((time, time)));
        if let Some(buckets) = self.counting.histogram {
            self.add_bucket(buckets.of(time), 1)?;
        }
        if self.fields.is_empty() {
            return Ok(());
        }
        let extracted = self.extractor.read(line);
        for (number, mut values) in extracted.into_iter().enumerate() {
            if values.is_empty() {
                self.fields[number].missing += 1;
            }
            // An event that has a value twice counts once.
            values.sort_unstable();
            values.dedup();
            for value in values {
                self.add_value(number, value.as_ref(), 1)?;
            }
        }
        Ok(())
    }

    /// Adds counts that were made elsewhere, of other events.
    ///
    /// # Errors
    /// When there are more different values or buckets than fit. The counts are then of no more use.
    ///
    /// # Panics
    /// When the counts are of other fields.
    pub fn merge(&mut self, part: Partial) -> Result<(), CountError> {
        assert_eq!(
            part.fields.len(),
            self.fields.len(),
            "counts of the same fields"
        );
        self.add_all(part.total, part.times, part.histogram)?;
        for (number, counts) in part.fields.into_iter().enumerate() {
            self.add_field(number, counts.missing, counts.values)?;
        }
        Ok(())
    }

    /// Adds events by time, without their values.
    pub(crate) fn add_all(
        &mut self,
        total: u64,
        times: Option<(Timestamp, Timestamp)>,
        histogram: impl IntoIterator<Item = (i64, u64)>,
    ) -> Result<(), CountError> {
        self.add_events(total, times);
        for (bucket, events) in histogram {
            self.add_bucket(bucket, events)?;
        }
        Ok(())
    }

    /// Adds the values of a field, by its number in [`Partial::fields`]. It copies a text only when it is new here.
    pub(crate) fn add_field<V: AsRef<str> + Into<Box<str>>>(
        &mut self,
        number: usize,
        missing: u64,
        values: impl IntoIterator<Item = (V, u64)>,
    ) -> Result<(), CountError> {
        self.fields[number].missing += missing;
        for (value, events) in values {
            self.add_value(number, value, events)?;
        }
        Ok(())
    }

    /// Returns the counts so far, for another collector of the same.
    #[must_use]
    pub fn into_partial(self) -> Partial {
        let part = |counts: FieldCounts| FacetPart {
            values: counts.values.into_iter().collect(),
            missing: counts.missing,
        };
        Partial {
            total: self.total,
            times: self.times,
            histogram: self.histogram,
            fields: self.fields.into_iter().map(part).collect(),
        }
    }

    /// Returns what was counted.
    #[must_use]
    pub fn finish(mut self) -> Counts {
        let distinct = self.fields.split_off(self.counting.facets.len());
        let sizes = self.counting.facets.iter().map(|(_, size)| *size);
        Counts {
            total: self.total,
            times: self.times,
            histogram: self.histogram,
            facets: self
                .fields
                .into_iter()
                .zip(sizes)
                .map(|(counts, size)| counts.top(size))
                .collect(),
            distinct: distinct
                .iter()
                .map(|counts| counts.values.len() as u64)
                .collect(),
        }
    }

    fn add_events(&mut self, events: u64, times: Option<(Timestamp, Timestamp)>) {
        self.total += events;
        self.times = match (self.times, times) {
            (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
            (known, other) => known.or(other),
        };
    }

    fn add_bucket(&mut self, bucket: i64, events: u64) -> Result<(), CountError> {
        if let Some(count) = self.histogram.get_mut(&bucket) {
            *count += events;
            return Ok(());
        }
        if self.used_bytes + BUCKET_BYTES > self.memory_bytes {
            return Err(CountError::TooManyBuckets {
                buckets: self.histogram.len(),
            });
        }
        self.used_bytes += BUCKET_BYTES;
        self.histogram.insert(bucket, events);
        Ok(())
    }

    fn add_value<V: AsRef<str> + Into<Box<str>>>(
        &mut self,
        number: usize,
        value: V,
        events: u64,
    ) -> Result<(), CountError> {
        if let Some(count) = self.fields[number].values.get_mut(value.as_ref()) {
            *count += events;
            return Ok(());
        }
        let bytes = value.as_ref().len() + VALUE_BYTES;
        if self.used_bytes + bytes > self.memory_bytes {
            return Err(self.too_many_values());
        }
        self.used_bytes += bytes;
        self.fields[number].values.insert(value.into(), events);
        Ok(())
    }

    /// Blames the field with the most values.
    fn too_many_values(&self) -> CountError {
        let facets = self.counting.facets.iter().map(|(field, _)| field);
        let names = facets.chain(&self.counting.distinct);
        let counts = self.fields.iter().map(|counts| counts.values.len());
        let (field, values) = names
            .zip(counts)
            .max_by_key(|(_, values)| *values)
            .map(|(field, values)| (field.name.clone(), values))
            .unwrap_or_default();
        CountError::TooManyValues { field, values }
    }
}

impl FieldCounts {
    fn top(self, size: usize) -> TopValues {
        let distinct = self.values.len() as u64;
        let all: u64 = self.values.values().sum();
        let mut values: Vec<(String, u64)> = self
            .values
            .into_iter()
            .map(|(value, events)| (value.into(), events))
            .collect();
        let by_count = |(one, events): &(String, u64), (other, others): &(String, u64)| {
            others.cmp(events).then_with(|| one.cmp(other))
        };
        if size > 0 && size < values.len() {
            values.select_nth_unstable_by(size - 1, by_count);
        }
        values.truncate(size);
        values.sort_unstable_by(by_count);
        let listed: u64 = values.iter().map(|(_, events)| events).sum();
        TopValues {
            values,
            others: all - listed,
            missing: self.missing,
            distinct,
        }
    }
}
