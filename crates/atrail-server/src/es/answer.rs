//! The answers of aggregations.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::aggs::{Agg, Aggs, By, Kind, Order, Source, Which};
use super::collect::{Bucket, Collector, Key, Node, Numbers, as_number, nothing};
use super::dates::{Format, at_millis};
use super::refusal::Refusal;
use super::rounding::Rounding;

/// The greatest number of buckets of an answer (Elasticsearch's `search.max_buckets`).
const BUCKETS_MAX: usize = 65_535;

impl Collector<'_> {
    /// Returns the answers of the aggregations by their names.
    pub(crate) fn answer(&self, aggs: &Aggs) -> Result<Value, Refusal> {
        let mut writer = Writer { aggs, buckets: 0 };
        writer.all(&aggs.all, self.roots()).map(Value::Object)
    }
}

/// Writes answers, and counts their buckets.
pub(super) struct Writer<'a> {
    pub(super) aggs: &'a Aggs,
    pub(super) buckets: usize,
}

impl Writer<'_> {
    fn all(&mut self, aggs: &[Agg], nodes: &[Node]) -> Result<Map<String, Value>, Refusal> {
        let named = aggs.iter().zip(nodes);
        named
            .map(|(agg, node)| Ok((agg.name.clone(), self.one(agg, node)?)))
            .collect()
    }

    /// Returns the answer of one aggregation.
    pub(super) fn one(&mut self, agg: &Agg, node: &Node) -> Result<Value, Refusal> {
        let mut answer = match node {
            Node::Different(different) => json!({"value": different.len()}),
            Node::Numbers(numbers) => self.number(&agg.kind, numbers),
            Node::Buckets(buckets) => self.buckets(agg, buckets)?,
        };
        if let Some(meta) = &agg.meta {
            answer["meta"] = meta.clone();
        }
        Ok(answer)
    }

    fn number(&self, kind: &Kind, numbers: &Numbers) -> Value {
        let Kind::Number { source, which, .. } = kind else {
            return Value::Null;
        };
        let Some(value) = value_of(*which, numbers) else {
            return json!({"value": null});
        };
        let is_time = matches!(self.aggs.sources[*source], Source::Time);
        match which {
            Which::ValueCount => json!({"value": numbers.values}),
            Which::Min | Which::Max | Which::Avg if is_time => {
                json!({"value": value, "value_as_string": Format::Iso.write(at_number(value))})
            }
            _ => json!({"value": value}),
        }
    }

    fn buckets(&mut self, agg: &Agg, buckets: &HashMap<Key, Bucket>) -> Result<Value, Refusal> {
        match &agg.kind {
            Kind::Terms {
                size,
                min_doc_count,
                order,
                ..
            } => self.terms(agg, buckets, *size, *min_doc_count, order),
            Kind::Filters { named, is_list } => self.filters(agg, buckets, named, *is_list),
            Kind::DateHistogram {
                rounding,
                format,
                min_doc_count,
                bounds,
                order,
            } => {
                let keys = self.date_keys(rounding, buckets, *min_doc_count, *bounds)?;
                let shape = |key: i64| {
                    let mut shape = Map::new();
                    shape.insert(
                        "key_as_string".to_owned(),
                        format.write(at_millis(key)).into(),
                    );
                    shape.insert("key".to_owned(), key.into());
                    shape
                };
                self.histogram(agg, buckets, &keys, order, &shape)
            }
            Kind::Histogram {
                interval,
                offset,
                min_doc_count,
                bounds,
                order,
                ..
            } => {
                let bounds = bounds.map(|(min, max)| {
                    let number = |at: f64| ((at - offset) / interval).floor();
                    (rounded(number(min)), rounded(number(max)))
                });
                let keys = self.number_keys(buckets, *min_doc_count, bounds)?;
                let shape = |key: i64| {
                    let mut shape = Map::new();
                    shape.insert(
                        "key".to_owned(),
                        (as_number(key) * interval + offset).into(),
                    );
                    shape
                };
                self.histogram(agg, buckets, &keys, order, &shape)
            }
            _ => Ok(Value::Null),
        }
    }

    fn terms(
        &mut self,
        agg: &Agg,
        buckets: &HashMap<Key, Bucket>,
        size: usize,
        min_doc_count: u64,
        order: &[Order],
    ) -> Result<Value, Refusal> {
        let mut all: Vec<_> = buckets.iter().collect();
        all.sort_unstable_by(|one, other| compared(agg, order, *one, *other));
        let mut others = 0;
        let mut list = Vec::new();
        for (key, bucket) in all {
            if bucket.count < min_doc_count || list.len() == size {
                others += bucket.count;
                continue;
            }
            let Key::Text(text) = key else { continue };
            let mut shape = Map::new();
            shape.insert("key".to_owned(), text.as_ref().into());
            list.push(self.bucket(agg, shape, bucket)?);
        }
        Ok(json!({
            "doc_count_error_upper_bound": 0,
            "sum_other_doc_count": others,
            "buckets": list,
        }))
    }

    fn filters(
        &mut self,
        agg: &Agg,
        buckets: &HashMap<Key, Bucket>,
        named: &[(String, usize)],
        is_list: bool,
    ) -> Result<Value, Refusal> {
        let (mut list, mut map) = (Vec::new(), Map::new());
        for (at, (name, _)) in (0..).zip(named) {
            let bucket = match buckets.get(&Key::Number(at)) {
                Some(bucket) => self.bucket(agg, Map::new(), bucket)?,
                None => self.bucket(agg, Map::new(), &empty(agg))?,
            };
            if is_list {
                list.push(bucket);
            } else {
                map.insert(name.clone(), bucket);
            }
        }
        Ok(if is_list {
            json!({"buckets": list})
        } else {
            json!({"buckets": map})
        })
    }

    fn histogram(
        &mut self,
        agg: &Agg,
        buckets: &HashMap<Key, Bucket>,
        keys: &[i64],
        order: &[Order],
        shape: &dyn Fn(i64) -> Map<String, Value>,
    ) -> Result<Value, Refusal> {
        let nothing = empty(agg);
        let mut all: Vec<_> = keys
            .iter()
            .map(|key| {
                let key = Key::Number(*key);
                let bucket = buckets.get(&key).unwrap_or(&nothing);
                (key, bucket)
            })
            .collect();
        all.sort_by(|one, other| compared(agg, order, (&one.0, one.1), (&other.0, other.1)));
        let mut list = Vec::with_capacity(all.len());
        for (key, bucket) in all {
            let Key::Number(key) = key else { continue };
            list.push(self.bucket(agg, shape(key), bucket)?);
        }
        Ok(json!({"buckets": list}))
    }

    fn bucket(
        &mut self,
        agg: &Agg,
        mut shape: Map<String, Value>,
        bucket: &Bucket,
    ) -> Result<Value, Refusal> {
        self.buckets += 1;
        self.must_fit(0)?;
        shape.insert("doc_count".to_owned(), bucket.count.into());
        shape.append(&mut self.all(&agg.subs, &bucket.subs)?);
        Ok(Value::Object(shape))
    }

    fn must_fit(&self, more: usize) -> Result<(), Refusal> {
        if self.buckets + more <= BUCKETS_MAX {
            return Ok(());
        }
        Err(Refusal::too_many_buckets(format!(
            "the answer would have more than {BUCKETS_MAX} buckets: ask for a shorter time or longer intervals"
        )))
    }

    /// Returns the keys of a date histogram that are answered, ascending.
    fn date_keys(
        &self,
        rounding: &Rounding,
        buckets: &HashMap<Key, Bucket>,
        min_doc_count: u64,
        bounds: Option<(i64, i64)>,
    ) -> Result<Vec<i64>, Refusal> {
        let counted = counted(buckets, min_doc_count);
        if min_doc_count > 0 {
            return Ok(counted);
        }
        let bounds = bounds.map(|(min, max)| {
            let key = |millis| rounding.key(at_millis(millis));
            (key(min), key(max))
        });
        self.filled(&counted, bounds, |key| rounding.next(key))
    }

    fn number_keys(
        &self,
        buckets: &HashMap<Key, Bucket>,
        min_doc_count: u64,
        bounds: Option<(i64, i64)>,
    ) -> Result<Vec<i64>, Refusal> {
        let counted = counted(buckets, min_doc_count);
        if min_doc_count > 0 {
            return Ok(counted);
        }
        self.filled(&counted, bounds, |key| key.saturating_add(1))
    }

    /// Returns the keys between the first and the last of those that have events and of the bounds.
    fn filled(
        &self,
        counted: &[i64],
        bounds: Option<(i64, i64)>,
        next: impl Fn(i64) -> i64,
    ) -> Result<Vec<i64>, Refusal> {
        let first = counted
            .first()
            .copied()
            .into_iter()
            .chain(bounds.map(|(min, _)| min))
            .min();
        let last = counted
            .last()
            .copied()
            .into_iter()
            .chain(bounds.map(|(_, max)| max))
            .max();
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(Vec::new());
        };
        let mut keys = Vec::new();
        let mut counted = counted.iter().copied().peekable();
        let mut at = first;
        loop {
            // A bucket that has events is answered, wherever a change of clocks makes it begin.
            at = counted.next_if(|key| *key <= at).unwrap_or(at);
            keys.push(at);
            self.must_fit(keys.len())?;
            if at >= last {
                return Ok(keys);
            }
            let after = next(at);
            at = counted
                .peek()
                .map_or(after, |key| after.min(*key).max(at.saturating_add(1)));
        }
    }
}

/// Returns the keys of the buckets with so many events, ascending.
fn counted(buckets: &HashMap<Key, Bucket>, min_doc_count: u64) -> Vec<i64> {
    let enough = buckets
        .iter()
        .filter(|(_, bucket)| bucket.count >= min_doc_count.max(1));
    let mut keys: Vec<i64> = enough
        .filter_map(|(key, _)| match key {
            Key::Number(number) => Some(*number),
            Key::Text(_) => None,
        })
        .collect();
    keys.sort_unstable();
    keys
}

fn empty(agg: &Agg) -> Bucket {
    Bucket {
        count: 0,
        subs: nothing(&agg.subs),
    }
}

fn value_of(which: Which, numbers: &Numbers) -> Option<f64> {
    let has_some = numbers.numbers > 0;
    match which {
        Which::Min => has_some.then_some(numbers.min),
        Which::Max => has_some.then_some(numbers.max),
        Which::Avg => has_some.then(|| numbers.total() / count(numbers.numbers)),
        Which::Sum => Some(numbers.total()),
        Which::ValueCount => Some(count(numbers.values)),
    }
}

#[allow(clippy::cast_precision_loss, reason = "nobody counts to 2^53")]
const fn count(number: u64) -> f64 {
    number as f64
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a conversion of floating-point numbers keeps to the type's ends"
)]
const fn rounded(number: f64) -> i64 {
    number as i64
}

fn at_number(millis: f64) -> atrail_model::Timestamp {
    at_millis(rounded(millis))
}

/// Compares two buckets. A bucket without the number that orders comes last.
pub(super) fn compared(
    agg: &Agg,
    order: &[Order],
    one: (&Key, &Bucket),
    other: (&Key, &Bucket),
) -> Ordering {
    for Order { by, descending } in order {
        let ascending = match by {
            By::Count => one.1.count.cmp(&other.1.count),
            By::Key => one.0.cmp(other.0),
            By::Sub(place) => {
                let number = |bucket: &Bucket| match (&agg.subs[*place].kind, &bucket.subs[*place])
                {
                    (Kind::Number { which, .. }, Node::Numbers(numbers)) => {
                        value_of(*which, numbers)
                    }
                    (_, Node::Different(different)) => Some(count(different.len() as u64)),
                    _ => None,
                };
                match (number(one.1), number(other.1)) {
                    (Some(one), Some(other)) => one.total_cmp(&other),
                    (None, None) => Ordering::Equal,
                    (None, Some(_)) => return Ordering::Greater,
                    (Some(_), None) => return Ordering::Less,
                }
            }
        };
        let wanted = if *descending {
            ascending.reverse()
        } else {
            ascending
        };
        if wanted.is_ne() {
            return wanted;
        }
    }
    one.0.cmp(other.0)
}
