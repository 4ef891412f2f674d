//! Aggregations that the index can answer: one histogram of even buckets, top values, numbers of different values, none
//! inside another.

use std::collections::HashMap;

use atrail_model::Timestamp;
use atrail_search::aggregate::{Buckets, Counting, Counts, TopValues};
use atrail_search::query::{Expr, Field, Test};
use atrail_search::text::fold;
use serde_json::{Map, Value, json};

use super::aggs::{Agg, Aggs, By, Kind, Order, Source};
use super::answer::{Writer, compared};
use super::collect::{Bucket, Key, Node};
use super::dates::millis;
use super::refusal::Refusal;

/// Values that are asked for where not the most frequent ones are wanted, but all.
const ALL_VALUES: usize = 65_535;

/// Series that are asked for one by one.
const SERIES_MAX: usize = 32;

/// What is to be counted, and how that answers the aggregations.
#[derive(Debug)]
pub(crate) struct Fast<'a> {
    aggs: &'a Aggs,
    pub(crate) counting: Counting,
    uses: Vec<Use>,
}

/// What answers an aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Histogram,
    /// The place of a facet.
    Facet(usize),
    /// The place of a field of which different values are counted.
    Different(usize),
}

impl<'a> Fast<'a> {
    /// Returns what is to be counted; `None` when the events themselves must be looked at.
    pub(crate) fn plan(aggs: &'a Aggs) -> Option<Self> {
        let mut counting = Counting::default();
        let uses = aggs.all.iter().map(|agg| usage(aggs, agg, &mut counting));
        let uses = uses.collect::<Option<Vec<_>>>()?;
        Some(Self {
            aggs,
            counting,
            uses,
        })
    }

    /// Returns the answers of the aggregations by their names; `None` when there are too many different values to know
    /// all, and the events themselves must be looked at.
    pub(crate) fn answer(&self, counts: &Counts) -> Result<Option<Value>, Refusal> {
        let mut writer = Writer {
            aggs: self.aggs,
            buckets: 0,
        };
        let mut answers = Map::new();
        for (agg, of) in self.aggs.all.iter().zip(&self.uses) {
            let answer = match of {
                Use::Histogram => {
                    let buckets = histogram(self.counting.histogram, counts);
                    writer.one(agg, &Node::Buckets(buckets))?
                }
                Use::Different(at) => json!({"value": counts.distinct.get(*at)}),
                Use::Facet(at) => {
                    let Some(top) = counts.facets.get(*at) else {
                        return Ok(None);
                    };
                    let others = top.distinct > top.values.len() as u64;
                    if others && self.counting.facets[*at].1 == ALL_VALUES {
                        return Ok(None);
                    }
                    terms(&mut writer, agg, top)?
                }
            };
            answers.insert(agg.name.clone(), answer);
        }
        Ok(Some(Value::Object(answers)))
    }
}

/// Series by value, as Grafana asks for them: the values of one field, and in each a histogram of even buckets. The index
/// answers it value by value.
#[derive(Debug)]
pub(crate) struct Series<'a> {
    aggs: &'a Aggs,
    agg: &'a Agg,
    field: Field,
    size: usize,
    order: &'a [Order],
    /// Counts the values.
    pub(crate) values: Counting,
    /// Counts the events of one value: by time, and which values they have.
    pub(crate) each: Counting,
}

impl<'a> Series<'a> {
    /// Returns what is to be counted; `None` when the events themselves must be looked at.
    pub(crate) fn plan(aggs: &'a Aggs) -> Option<Self> {
        let [agg] = &aggs.all[..] else { return None };
        let (
            [sub],
            Kind::Terms {
                source,
                size,
                min_doc_count: 1,
                order,
                missing: None,
            },
        ) = (&agg.subs[..], &agg.kind)
        else {
            return None;
        };
        let Source::Field(field) = &aggs.sources[*source] else {
            return None;
        };
        if order.iter().any(|order| matches!(order.by, By::Sub(_))) {
            return None;
        }
        let mut each = Counting::default();
        (usage(aggs, sub, &mut each)? == Use::Histogram).then_some(())?;
        each.facets.push((field.clone(), 2));
        Some(Self {
            aggs,
            agg,
            field: field.clone(),
            size: *size,
            order,
            values: Counting {
                facets: vec![(field.clone(), facet_size(*size, order))],
                ..Counting::default()
            },
            each,
        })
    }

    /// Returns the values that are answered, in their order; `None` when they are too many to ask for each.
    pub(crate) fn answered(&self, counts: &Counts) -> Option<Vec<String>> {
        let top = counts.facets.first()?;
        let is_cut = top.distinct > top.values.len() as u64;
        if is_cut && self.values.facets[0].1 == ALL_VALUES {
            return None;
        }
        let listed = top.values.iter();
        let mut all: Vec<(Key, Bucket)> = listed
            .map(|(value, count)| (Key::Text(value.as_str().into()), bucket(*count)))
            .collect();
        all.sort_by(|one, other| {
            compared(self.agg, self.order, (&one.0, &one.1), (&other.0, &other.1))
        });
        all.truncate(self.size);
        let texts = all.into_iter().filter_map(|(key, _)| match key {
            Key::Text(text) => Some(text.into_string()),
            Key::Number(_) => None,
        });
        let texts: Vec<String> = texts.collect();
        (texts.len() <= SERIES_MAX).then_some(texts)
    }

    /// Returns the conditions that events of a value fulfil, perhaps with others.
    pub(crate) fn of_value(&self, expr: &Expr, value: &str) -> Expr {
        let is_value = Expr::Is(self.field.clone(), Test::Equals(fold(value).into_owned()));
        Expr::all_of([expr.clone(), is_value])
    }

    /// Returns whether these are the counts of events of this value alone: conditions compare values folded, and those of
    /// all places of a field.
    pub(crate) fn is_exact(&self, value: &str, counts: &Counts) -> bool {
        let top = counts.facets.first();
        top.is_some_and(|top| {
            top.distinct == 1
                && top.missing == 0
                && top.values.first().is_some_and(|(one, _)| one == value)
        })
    }

    /// Returns the answer of the aggregation from the counts of all values, and those of each value that is answered.
    pub(crate) fn answer(
        &self,
        values: &Counts,
        each: &[(String, Counts)],
    ) -> Result<Value, Refusal> {
        let buckets = each.iter().map(|(value, counts)| {
            let series = Node::Buckets(histogram(self.each.histogram, counts));
            let bucket = Bucket {
                count: counts.total,
                subs: vec![series],
            };
            (Key::Text(value.as_str().into()), bucket)
        });
        let mut writer = Writer {
            aggs: self.aggs,
            buckets: 0,
        };
        let mut answer = writer.one(self.agg, &Node::Buckets(buckets.collect()))?;
        let listed = |value: &String| each.iter().any(|(one, _)| one == value);
        let top = values.facets.first().map(|top| {
            let cut = top.values.iter().filter(|(value, _)| !listed(value));
            cut.map(|(_, count)| count).sum::<u64>() + top.others
        });
        answer["sum_other_doc_count"] = top.unwrap_or_default().into();
        Ok(json!({ self.agg.name.as_str(): answer }))
    }
}

/// Returns how many values of a facet are needed: where not the most frequent ones are wanted, all.
fn facet_size(size: usize, order: &[Order]) -> usize {
    let most_frequent = [Order {
        by: By::Count,
        descending: true,
    }];
    if order == most_frequent {
        size
    } else {
        ALL_VALUES
    }
}

fn usage(aggs: &Aggs, agg: &Agg, counting: &mut Counting) -> Option<Use> {
    if !agg.subs.is_empty() || agg.meta.is_some() {
        return None;
    }
    let field = |source: usize| -> Option<Field> {
        match &aggs.sources[source] {
            Source::Field(field) => Some(field.clone()),
            Source::Time => None,
        }
    };
    match &agg.kind {
        Kind::DateHistogram { rounding, .. } if counting.histogram.is_none() => {
            let (length, key) = rounding.even()?;
            let is_whole = length % 1000 == 0 && key % 1000 == 0;
            counting.histogram = is_whole.then_some(Buckets {
                seconds: u64::try_from(length / 1000).ok()?,
                origin: key / 1000,
            });
            is_whole.then_some(Use::Histogram)
        }
        Kind::Terms {
            source,
            size,
            min_doc_count: 1,
            order,
            missing: None,
        } => {
            let size = facet_size(*size, order);
            counting.facets.push((field(*source)?, size));
            Some(Use::Facet(counting.facets.len() - 1))
        }
        Kind::Cardinality {
            source,
            missing: None,
        } => {
            counting.distinct.push(field(*source)?);
            Some(Use::Different(counting.distinct.len() - 1))
        }
        _ => None,
    }
}

fn histogram(buckets: Option<Buckets>, counts: &Counts) -> HashMap<Key, Bucket> {
    let Some(Buckets { seconds, origin }) = buckets else {
        return HashMap::new();
    };
    let key = |number: i64| {
        let length = i64::try_from(seconds).unwrap_or(i64::MAX);
        let second = origin.saturating_add(number.saturating_mul(length));
        Key::Number(Timestamp::from_second(second).map_or(second, millis))
    };
    let counted = counts.histogram.iter();
    counted
        .map(|(number, count)| (key(*number), bucket(*count)))
        .collect()
}

fn terms(writer: &mut Writer<'_>, agg: &Agg, top: &TopValues) -> Result<Value, Refusal> {
    let listed = top.values.iter();
    let buckets = listed.map(|(value, count)| (Key::Text(value.as_str().into()), bucket(*count)));
    let mut answer = writer.one(agg, &Node::Buckets(buckets.collect()))?;
    let cut = answer["sum_other_doc_count"].as_u64().unwrap_or_default();
    answer["sum_other_doc_count"] = (cut + top.others).into();
    Ok(answer)
}

fn bucket(count: u64) -> Bucket {
    Bucket {
        count,
        subs: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
