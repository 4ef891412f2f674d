//! Counts events for the aggregations of a request, in one pass and within a bound of memory.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};

use atrail_model::Timestamp;
use atrail_search::{Extractor, Matcher};

use super::aggs::{Agg, Aggs, Kind, Source};
use super::dates::millis;
use super::refusal::Refusal;

/// Memory for the buckets of a request, in bytes.
const MEMORY_MAX: usize = 32 << 20;
/// What a bucket costs beside its key and its sub-aggregations, in a table that is half full.
const BUCKET_BYTES: usize = 128;
/// What a different value costs.
const VALUE_BYTES: usize = 40;

/// Counts events.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    aggs: &'a Aggs,
    filters: Vec<Matcher>,
    extractor: Extractor,
    /// The place of each source among the extracted fields.
    extracted: Vec<Option<usize>>,
    roots: Vec<Node>,
    memory: Memory,
    total: u64,
}

/// The counts of one aggregation, as a whole or in one bucket of another.
#[derive(Debug)]
pub(super) enum Node {
    Buckets(HashMap<Key, Bucket>),
    /// Hashes of the different values, 128 bits each.
    Different(HashSet<(u64, u64)>),
    Numbers(Numbers),
}

/// The key of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Key {
    /// Of a date histogram: milliseconds since 1970. Of a histogram: the bucket's number. Of filters: its place.
    Number(i64),
    /// Of terms: the value.
    Text(Box<str>),
}

/// The events of one bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) count: u64,
    pub(super) subs: Vec<Node>,
}

/// What is known of the numbers of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// How many values, also such as are no numbers.
    pub(super) values: u64,
    /// How many numbers.
    pub(super) numbers: u64,
    pub(super) sum: f64,
    /// What the sum lost by rounding (Kahan and Neumaier).
    pub(super) lost: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Numbers {
    const NONE: Self = Self {
        values: 0,
        numbers: 0,
        sum: 0.0,
        lost: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };

    fn add(&mut self, number: f64) {
        self.numbers += 1;
        let sum = self.sum + number;
        self.lost += if self.sum.abs() >= number.abs() {
            (self.sum - sum) + number
        } else {
            (number - sum) + self.sum
        };
        self.sum = sum;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
    }

    /// Returns the sum.
    pub(super) fn total(&self) -> f64 {
        self.sum + self.lost
    }
}

#[derive(Debug)]
struct Memory {
    used: usize,
    /// Hashes values that are counted as different, twice.
    hashing: [RandomState; 2],
}

impl Memory {
    fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.used += bytes;
        if self.used <= MEMORY_MAX {
            return Ok(());
        }
        Err(Refusal::too_many_buckets(format!(
            "the aggregations would need more than {} MiB for their buckets and different values: ask for a shorter time, longer intervals, or a narrower query",
            MEMORY_MAX >> 20
        )))
    }

    fn hash(&self, value: &str) -> (u64, u64) {
        let [one, other] = &self.hashing;
        (one.hash_one(value), other.hash_one(value))
    }
}

/// What the aggregations need to know of an event.
struct Event<'a> {
    time: Timestamp,
    /// The different values of each source; none of the time.
    values: Vec<Vec<Cow<'a, str>>>,
    /// Which filters it passes.
    passes: Vec<bool>,
}

/// Returns the counts of no events.
pub(super) fn nothing(aggs: &[Agg]) -> Vec<Node> {
    let node = |agg: &Agg| match agg.kind {
        Kind::Cardinality { .. } => Node::Different(HashSet::new()),
        Kind::Number { .. } => Node::Numbers(Numbers::NONE),
        _ => Node::Buckets(HashMap::new()),
    };
    aggs.iter().map(node).collect()
}

impl<'a> Collector<'a> {
    /// Counts for these aggregations; `matchers` are those of its filters, in their order.
    pub(crate) fn new(aggs: &'a Aggs, matchers: Vec<Matcher>) -> Self {
        let fields = aggs.sources.iter().filter_map(|source| match source {
            Source::Time => None,
            Source::Field(field) => Some(field),
        });
        let mut number = 0..;
        let extracted = aggs.sources.iter().map(|source| match source {
            Source::Time => None,
            Source::Field(_) => number.next(),
        });
        Self {
            aggs,
            filters: matchers,
            extractor: Extractor::new(fields),
            extracted: extracted.collect(),
            roots: nothing(&aggs.all),
            memory: Memory {
                used: 0,
                hashing: [RandomState::new(), RandomState::new()],
            },
            total: 0,
        }
    }

    /// Counts an event.
    pub(crate) fn add(&mut self, time: Timestamp, line: &[u8]) -> Result<(), Refusal> {
        self.total += 1;
        let mut values = self.extractor.read(line);
        for values in values.iter_mut().filter(|values| values.len() > 1) {
            values.sort_unstable();
            values.dedup();
        }
        let of_source = |place: &Option<usize>| {
            place
                .and_then(|place| values.get_mut(place))
                .map(std::mem::take)
                .unwrap_or_default()
        };
        let event = Event {
            time,
            values: self.extracted.iter().map(of_source).collect(),
            passes: self
                .filters
                .iter()
                .map(|filter| filter.matches(line))
                .collect(),
        };
        count(
            &self.aggs.all,
            &mut self.roots,
            self.aggs,
            &event,
            &mut self.memory,
        )
    }

    /// Returns the number of events.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Returns the counts of the outermost aggregations.
    pub(super) fn roots(&self) -> &[Node] {
        &self.roots
    }
}

/// Counts an event for these aggregations.
fn count(
    aggs: &[Agg],
    nodes: &mut [Node],
    all: &Aggs,
    event: &Event<'_>,
    memory: &mut Memory,
) -> Result<(), Refusal> {
    for (agg, node) in aggs.iter().zip(nodes) {
        let mut into = |node: &mut Node, key: Key| -> Result<(), Refusal> {
            let Node::Buckets(buckets) = node else {
                return Ok(());
            };
            if !buckets.contains_key(&key) {
                let text = if let Key::Text(text) = &key {
                    text.len()
                } else {
                    0
                };
                memory.take(BUCKET_BYTES + text + agg.subs.len() * size_of::<Node>())?;
                let subs = nothing(&agg.subs);
                buckets.insert(key.clone(), Bucket { count: 0, subs });
            }
            let Some(bucket) = buckets.get_mut(&key) else {
                return Ok(());
            };
            bucket.count += 1;
            count(&agg.subs, &mut bucket.subs, all, event, memory)
        };
        match &agg.kind {
            Kind::DateHistogram { rounding, .. } => {
                into(node, Key::Number(rounding.key(event.time)))?;
            }
            Kind::Filters { named, .. } => {
                for (at, (_, filter)) in (0..).zip(named) {
                    if event.passes[*filter] {
                        into(node, Key::Number(at))?;
                    }
                }
            }
            Kind::Terms {
                source, missing, ..
            } => {
                let values = &event.values[*source];
                if let (true, Some(missing)) = (values.is_empty(), missing) {
                    into(node, Key::Text(missing.as_str().into()))?;
                }
                for value in values {
                    into(node, Key::Text(value.as_ref().into()))?;
                }
            }
            Kind::Histogram {
                source,
                interval,
                offset,
                missing,
                ..
            } => {
                let mut keys = numbers(event, all, *source, *missing)
                    .filter_map(|number| bucket_number(number, *interval, *offset))
                    .collect::<Vec<_>>();
                keys.sort_unstable();
                keys.dedup();
                for key in keys {
                    into(node, Key::Number(key))?;
                }
            }
            Kind::Cardinality { source, missing } => {
                let Node::Different(different) = node else {
                    continue;
                };
                let time = matches!(all.sources[*source], Source::Time)
                    .then(|| millis(event.time).to_string());
                let values = &event.values[*source];
                let missing = missing.as_deref().filter(|_| values.is_empty());
                let texts = values.iter().map(AsRef::as_ref);
                for text in texts.chain(time.as_deref().or(missing)) {
                    if different.insert(memory.hash(text)) {
                        memory.take(VALUE_BYTES)?;
                    }
                }
            }
            Kind::Number {
                source, missing, ..
            } => {
                let Node::Numbers(known) = node else { continue };
                let is_time = matches!(all.sources[*source], Source::Time);
                let values = event.values[*source].len() as u64;
                known.values += values.max(u64::from(is_time || missing.is_some()));
                for number in numbers(event, all, *source, *missing) {
                    known.add(number);
                }
            }
        }
    }
    Ok(())
}

/// Returns the numbers among the values of a source: of the time, milliseconds since 1970.
fn numbers<'a>(
    event: &'a Event<'_>,
    all: &Aggs,
    source: usize,
    missing: Option<f64>,
) -> impl Iterator<Item = f64> + 'a {
    let values = &event.values[source];
    let time = matches!(all.sources[source], Source::Time).then(|| as_number(millis(event.time)));
    let instead = time.or(missing.filter(|_| values.is_empty()));
    let read = |value: &Cow<'_, str>| value.parse().ok().filter(|number: &f64| number.is_finite());
    values.iter().filter_map(read).chain(instead)
}

/// Returns an integer as a floating-point number: of all that counts here it is the same.
#[allow(
    clippy::cast_precision_loss,
    reason = "the instants of the calendar are below 2^53 milliseconds"
)]
pub(super) const fn as_number(integer: i64) -> f64 {
    integer as f64
}

/// Returns the number of the bucket that has a number; `None` for one that no integer counts.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the bound is checked, and there is no fraction"
)]
fn bucket_number(number: f64, interval: f64, offset: f64) -> Option<i64> {
    let at = ((number - offset) / interval).floor();
    (at.abs() < 9e15).then_some(at as i64)
}

#[cfg(test)]
mod tests;
