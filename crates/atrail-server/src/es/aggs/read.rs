//! Reads aggregations.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::settings::{
    field_name, optional_count, optional_number, optional_text, order, refuse_keyed,
};
use super::{Agg, Aggs, By, Kind, Source, Which};
use crate::es::context::Context;
use crate::es::dates::{self, Format, millis};
use crate::es::fields::{self, Named};
use crate::es::json::{any_object, number, object, string};
use crate::es::query;
use crate::es::refusal::Refusal;
use crate::es::rounding::{self, Rounding};

/// How deep aggregations may be nested.
const DEPTH_MAX: usize = 8;
/// How many aggregations a request may have.
const AGGS_MAX: usize = 64;
/// How many values an answer may list (Elasticsearch's `search.max_buckets`).
pub(crate) const SIZE_MAX: u64 = 65_535;

/// Reads the aggregations of a request: an object that has them by their names.
pub(crate) fn read(value: &Value, context: &Context) -> Result<Aggs, Refusal> {
    let mut aggs = Aggs::default();
    let mut reader = Reader {
        aggs: &mut aggs,
        context,
        number: 0,
    };
    let all = reader.all(value, 1)?;
    aggs.all = all;
    Ok(aggs)
}

struct Reader<'a> {
    aggs: &'a mut Aggs,
    context: &'a Context,
    number: usize,
}

impl Reader<'_> {
    fn all(&mut self, value: &Value, depth: usize) -> Result<Vec<Agg>, Refusal> {
        if depth > DEPTH_MAX {
            return Err(Refusal::illegal(format!(
                "aggregations are nested more than {DEPTH_MAX} deep"
            )));
        }
        let members = any_object(value, "aggs")?.iter();
        members
            .map(|(name, value)| self.one(name, value, depth))
            .collect()
    }

    fn one(&mut self, name: &str, value: &Value, depth: usize) -> Result<Agg, Refusal> {
        self.number += 1;
        if self.number > AGGS_MAX {
            return Err(Refusal::illegal(format!(
                "the request has more than {AGGS_MAX} aggregations"
            )));
        }
        let (mut kind, mut subs, mut meta) = (None, Vec::new(), None);
        for (member, value) in any_object(value, name)? {
            match member.as_str() {
                "aggs" | "aggregations" => subs = self.all(value, depth + 1)?,
                "meta" => meta = Some(value.clone()),
                _ if kind.is_some() => {
                    return Err(Refusal::parsing(format!(
                        "the aggregation [{name}] has two types"
                    )));
                }
                word => kind = Some((word, value)),
            }
        }
        let (word, settings) =
            kind.ok_or_else(|| Refusal::parsing(format!("the aggregation [{name}] has no type")))?;
        let kind = self.kind(word, settings, &subs)?;
        if !subs.is_empty() && matches!(kind, Kind::Cardinality { .. } | Kind::Number { .. }) {
            return Err(Refusal::parsing(format!(
                "[{word}] cannot accept sub-aggregations: it has no buckets"
            )));
        }
        Ok(Agg {
            name: name.to_owned(),
            kind,
            subs,
            meta,
        })
    }

    fn kind(&mut self, word: &str, settings: &Value, subs: &[Agg]) -> Result<Kind, Refusal> {
        match word {
            "date_histogram" => self.date_histogram(settings, subs),
            "histogram" => self.histogram(settings, subs),
            "terms" => self.terms(settings, subs),
            "filters" => self.filters(settings),
            "cardinality" => self.cardinality(settings),
            "min" => self.number_of(word, Which::Min, settings),
            "max" => self.number_of(word, Which::Max, settings),
            "avg" => self.number_of(word, Which::Avg, settings),
            "sum" => self.number_of(word, Which::Sum, settings),
            "value_count" => self.number_of(word, Which::ValueCount, settings),
            other => Err(Refusal::illegal(format!(
                "the aggregation [{other}] is not supported: use date_histogram, histogram, terms, filters, cardinality, min, max, avg, sum or value_count"
            ))),
        }
    }

    /// Returns the source of an aggregation's values.
    fn source(&mut self, members: &Map<String, Value>, word: &str) -> Result<usize, Refusal> {
        let name = field_name(members, word)?;
        let source = match fields::named(name)? {
            Named::Time => Source::Time,
            Named::Field(field) => Source::Field(field),
        };
        Ok(self.aggs.source(source))
    }

    fn date_histogram(&mut self, settings: &Value, subs: &[Agg]) -> Result<Kind, Refusal> {
        const WHAT: &str = "date_histogram";
        let known = [
            "field",
            "fixed_interval",
            "calendar_interval",
            "interval",
            "offset",
            "time_zone",
            "format",
            "min_doc_count",
            "extended_bounds",
            "order",
            "missing",
            "keyed",
        ];
        let members = object(settings, WHAT, &known)?;
        refuse_keyed(members, WHAT)?;
        if !matches!(fields::named(field_name(members, WHAT)?)?, Named::Time) {
            return Err(Refusal::illegal(format!(
                "[{WHAT}] counts by the time of events: its [field] must be {}",
                fields::TIME_NAMES.join(", ")
            )));
        }
        let given = |name: &str| {
            members
                .get(name)
                .map(|value| string(value, name))
                .transpose()
        };
        let zone = given("time_zone")?.map_or(Ok(TimeZone::UTC), dates::zone)?;
        let format = given("format")?.map_or(Ok(Format::Iso), Format::named)?;
        let interval = rounding::interval(
            given("fixed_interval")?,
            given("calendar_interval")?,
            given("interval")?,
        )?;
        let offset = given("offset")?
            .filter(|text| !text.is_empty())
            .map_or(Ok(0), |text| {
                let zero = (text == "0").then_some(0);
                rounding::length(text).or(zero).ok_or_else(|| {
                    Refusal::parsing(format!(
                        "[{WHAT}] [offset] is [{text}], but must be a length such as +6h"
                    ))
                })
            })?;
        let rounding = Rounding {
            interval,
            offset,
            zone,
        };
        let bounds = members
            .get("extended_bounds")
            .filter(|value| !value.is_null())
            .map(|value| {
                let bounds = object(value, "extended_bounds", &["min", "max"])?;
                let end = |name: &str| {
                    let value = bounds.get(name).ok_or_else(|| {
                        Refusal::parsing(format!("[extended_bounds] has no [{name}]"))
                    })?;
                    dates::read(value, format, &rounding.zone, self.context.now)
                };
                let (min, max) = (end("min")?.first, end("max")?.first);
                if min > max {
                    return Err(Refusal::parsing("[extended_bounds] begin after their end"));
                }
                Ok((millis(min), millis(max)))
            })
            .transpose()?;
        Ok(Kind::DateHistogram {
            rounding,
            format,
            min_doc_count: optional_count(members, "min_doc_count", 0)?,
            bounds,
            order: order(members, By::Key, false, subs)?,
        })
    }

    fn histogram(&mut self, settings: &Value, subs: &[Agg]) -> Result<Kind, Refusal> {
        const WHAT: &str = "histogram";
        let known = [
            "field",
            "interval",
            "offset",
            "min_doc_count",
            "extended_bounds",
            "order",
            "missing",
            "keyed",
        ];
        let members = object(settings, WHAT, &known)?;
        refuse_keyed(members, WHAT)?;
        let interval = members
            .get("interval")
            .ok_or_else(|| Refusal::parsing(format!("[{WHAT}] has no [interval]")))?;
        let interval = number(interval, "interval")?;
        if interval <= 0.0 {
            return Err(Refusal::illegal(format!(
                "[{WHAT}] [interval] must be greater than 0"
            )));
        }
        let bounds = members
            .get("extended_bounds")
            .filter(|value| !value.is_null())
            .map(|value| {
                let bounds = object(value, "extended_bounds", &["min", "max"])?;
                let end = |name: &str| {
                    let value = bounds.get(name).unwrap_or(&Value::Null);
                    number(value, &format!("extended_bounds.{name}"))
                };
                let (min, max) = (end("min")?, end("max")?);
                if min > max {
                    return Err(Refusal::parsing("[extended_bounds] begin after their end"));
                }
                Ok((min, max))
            })
            .transpose()?;
        Ok(Kind::Histogram {
            source: self.source(members, WHAT)?,
            interval,
            offset: optional_number(members, "offset")?.unwrap_or(0.0),
            min_doc_count: optional_count(members, "min_doc_count", 0)?,
            bounds,
            order: order(members, By::Key, false, subs)?,
            missing: optional_number(members, "missing")?,
        })
    }

    fn terms(&mut self, settings: &Value, subs: &[Agg]) -> Result<Kind, Refusal> {
        const WHAT: &str = "terms";
        // The last five only trade exactness for speed, and every count here is exact.
        let known = [
            "field",
            "size",
            "order",
            "min_doc_count",
            "missing",
            "shard_size",
            "shard_min_doc_count",
            "execution_hint",
            "collect_mode",
            "show_term_doc_count_error",
        ];
        let members = object(settings, WHAT, &known)?;
        let source = self.source(members, WHAT)?;
        if matches!(self.aggs.sources[source], Source::Time) {
            return Err(Refusal::illegal(format!(
                "[{WHAT}] cannot list times: use date_histogram"
            )));
        }
        let size = optional_count(members, "size", 10)?;
        if !(1..=SIZE_MAX).contains(&size) {
            return Err(Refusal::illegal(format!(
                "[{WHAT}] [size] must be 1 to {SIZE_MAX}"
            )));
        }
        let min_doc_count = optional_count(members, "min_doc_count", 1)?;
        if min_doc_count == 0 {
            return Err(Refusal::illegal(format!(
                "[{WHAT}] [min_doc_count] 0 is not supported: it would list the values of events that do not match"
            )));
        }
        Ok(Kind::Terms {
            source,
            size: usize::try_from(size).unwrap_or(usize::MAX),
            min_doc_count,
            order: order(members, By::Count, true, subs)?,
            missing: optional_text(members, "missing")?,
        })
    }

    fn filters(&mut self, settings: &Value) -> Result<Kind, Refusal> {
        const WHAT: &str = "filters";
        let members = object(settings, WHAT, &["filters", "keyed"])?;
        if members
            .get("keyed")
            .is_some_and(|keyed| *keyed != Value::Bool(true))
        {
            return Err(Refusal::illegal(format!(
                "[{WHAT}] [keyed] is only supported as true"
            )));
        }
        let filters = members
            .get("filters")
            .ok_or_else(|| Refusal::parsing(format!("[{WHAT}] has no [filters]")))?;
        let (all, is_list): (Vec<(String, &Value)>, bool) = match filters {
            Value::Array(list) => {
                let numbered = list.iter().enumerate();
                (
                    numbered.map(|(at, one)| (at.to_string(), one)).collect(),
                    true,
                )
            }
            other => {
                let named = any_object(other, WHAT)?.iter();
                (
                    named.map(|(name, one)| (name.clone(), one)).collect(),
                    false,
                )
            }
        };
        if all.is_empty() || all.len() > AGGS_MAX {
            return Err(Refusal::illegal(format!(
                "[{WHAT}] must have 1 to {AGGS_MAX} filters"
            )));
        }
        let mut named = Vec::with_capacity(all.len());
        for (name, filter) in all {
            self.aggs.filters.push(query::read(filter, self.context)?);
            named.push((name, self.aggs.filters.len() - 1));
        }
        Ok(Kind::Filters { named, is_list })
    }

    fn cardinality(&mut self, settings: &Value) -> Result<Kind, Refusal> {
        const WHAT: &str = "cardinality";
        // The last two trade exactness for speed.
        let known = ["field", "missing", "precision_threshold", "execution_hint"];
        let members = object(settings, WHAT, &known)?;
        Ok(Kind::Cardinality {
            source: self.source(members, WHAT)?,
            missing: optional_text(members, "missing")?,
        })
    }

    fn number_of(&mut self, word: &str, which: Which, settings: &Value) -> Result<Kind, Refusal> {
        let members = object(settings, word, &["field", "missing"])?;
        Ok(Kind::Number {
            source: self.source(members, word)?,
            which,
            missing: optional_number(members, "missing")?,
        })
    }
}
