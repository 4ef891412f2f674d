//! The body of a search.

use atrail_model::Timestamp;
use atrail_search::query::Expr;
use atrail_search::{Order, TimeRange};
use serde_json::{Map, Value};

use super::aggs::{self, Aggs};
use super::context::Context;
use super::dates::Format;
use super::fields::{self, Named};
use super::highlight::Marks;
use super::json::{any_object, count, object, one_or_more, string, truth};
use super::position::Position;
use super::query;
use super::refusal::Refusal;

/// The greatest number of hits of an answer (Elasticsearch's `index.max_result_window`).
pub(crate) const HITS_MAX: u64 = 10_000;
/// The number of hits of an answer to a request that names none.
const HITS: u64 = 10;

/// What a search asks for.
#[derive(Debug)]
pub(crate) struct Search {
    /// The times outside of which nothing matches.
    pub(crate) range: TimeRange,
    /// The conditions.
    pub(crate) expr: Expr,
    /// The number of hits that are answered.
    pub(crate) size: usize,
    /// The number of hits that are passed over.
    pub(crate) from: usize,
    /// The order of the hits.
    pub(crate) order: Order,
    /// Continues behind this hit.
    pub(crate) after: Option<Position>,
    /// What is counted.
    pub(crate) aggs: Aggs,
    /// What a hit shows.
    pub(crate) shown: Shown,
    /// Whether the number of all hits is answered.
    pub(crate) total: bool,
}

/// What a hit shows.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Whether the event itself is shown.
    pub(crate) source: bool,
    /// Fields that are shown beside it, under these names.
    pub(crate) fields: Vec<(String, Named, Format)>,
    /// How matches are marked, if they are.
    pub(crate) marks: Option<Marks>,
}

/// Reads the body of a search.
pub(crate) fn read(body: &Value, now: Timestamp) -> Result<Search, Refusal> {
    let context = Context { now };
    let (mut size, mut from, mut order, mut after, mut total) =
        (HITS, 0, Order::Newest, None, true);
    let mut shown = Shown {
        source: true,
        ..Shown::default()
    };
    let (mut expr, mut aggs) = (Expr::All, Aggs::default());
    for (name, value) in any_object(body, "the body of a search")? {
        match name.as_str() {
            // Serializers write members that are not set.
            _ if value.is_null() => {}
            "query" => expr = query::read(value, &context)?,
            "aggs" | "aggregations" => aggs = aggs::read(value, &context)?,
            "size" => size = count(value, name)?,
            "from" => from = count(value, name)?,
            "sort" => order = sort(value)?,
            "search_after" => after = Some(Position::read(value)?),
            "_source" => shown.source = truth(value, name)?,
            "fields" | "docvalue_fields" => shown.fields.extend(fields(value)?),
            "highlight" => shown.marks = Some(Marks::read(value)?),
            "track_total_hits" => total = *value != Value::Bool(false),
            // What names nothing asks for nothing.
            "script_fields" | "runtime_mappings" | "ext" if is_empty(value) => {}
            "stored_fields" if is_empty(value) || value == "_none_" => {}
            // Every search has a time, and no hit a score.
            "timeout" | "track_scores" => {}
            "version" | "explain" | "profile" | "seq_no_primary_term"
                if *value == Value::Bool(false) => {}
            other => {
                return Err(Refusal::parsing(format!(
                    "a search does not support [{other}]"
                )));
            }
        }
    }
    if from.saturating_add(size) > HITS_MAX {
        return Err(Refusal::illegal(format!(
            "[from] + [size] must be at most {HITS_MAX}: continue with [search_after], the [sort] of the last hit"
        )));
    }
    if after.is_some() && from > 0 {
        return Err(Refusal::illegal("[from] must be 0 with [search_after]"));
    }
    let (range, expr) = query::split(expr);
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Search {
        range,
        expr,
        size: whole(size),
        from: whole(from),
        order,
        after,
        aggs,
        shown,
        total,
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        _ => false,
    }
}

/// Reads a sort: a map, or a list of names and maps. Hits are ordered by time, and those of one time as they stand in
/// the archive.
fn sort(value: &Value) -> Result<Order, Refusal> {
    let mut by_time = None;
    let mut by_place = None;
    for one in one_or_more(value) {
        let keys: Vec<(&str, Option<&Value>)> = match one {
            Value::String(text) => vec![(text, None)],
            other => {
                let members: &Map<String, Value> = any_object(other, "sort")?;
                members
                    .iter()
                    .map(|(name, how)| (&**name, Some(how)))
                    .collect()
            }
        };
        for (key, how) in keys {
            // A text may have the direction behind a colon, as in URLs.
            let (name, short) = match key.split_once(':') {
                Some((name, direction)) if how.is_none() => (name, Some(direction)),
                _ => (key, None),
            };
            let is_time = matches!(fields::named(name), Ok(Named::Time));
            if !is_time && !matches!(name, "_doc" | "_shard_doc") {
                return Err(Refusal::illegal(format!(
                    "cannot sort by [{name}]: hits are ordered by {}, and _doc",
                    fields::TIME_NAMES.join(", ")
                )));
            }
            let direction = match (short, how) {
                (Some(direction), _) => direction,
                (None, None) => "asc",
                (None, Some(how)) => direction(how)?,
            };
            let order = match direction {
                "asc" => Order::Oldest,
                "desc" => Order::Newest,
                other => {
                    return Err(Refusal::parsing(format!(
                        "the order [{other}] is neither asc nor desc"
                    )));
                }
            };
            let place = if is_time { &mut by_time } else { &mut by_place };
            place.get_or_insert(order);
        }
    }
    Ok(by_time.or(by_place).unwrap_or_default())
}

fn direction(how: &Value) -> Result<&str, Refusal> {
    if let Value::String(direction) = how {
        return Ok(direction);
    }
    // Every event has a time, and one; the last three say what would be if not.
    let known = ["order", "format", "unmapped_type", "missing", "mode"];
    let members = object(how, "sort", &known)?;
    if let Some(format) = members.get("format")
        && Format::named(string(format, "format")?)? != Format::EpochMillis
    {
        return Err(Refusal::illegal(
            "[sort] [format] is only supported as epoch_millis",
        ));
    }
    members
        .get("order")
        .map_or(Ok("asc"), |order| string(order, "order"))
}

/// Reads the fields that hits show beside the event.
fn fields(value: &Value) -> Result<Vec<(String, Named, Format)>, Refusal> {
    let read = |one: &Value| {
        let (name, format) = match one {
            Value::String(name) => (&**name, None),
            other => {
                let members = object(other, "fields", &["field", "format"])?;
                let name = members.get("field").unwrap_or(&Value::Null);
                let format = members.get("format").map(|format| string(format, "format"));
                (string(name, "field")?, format.transpose()?)
            }
        };
        if name.contains('*') {
            return Err(Refusal::illegal(format!(
                "[fields] [{name}]: name the fields; the whole event is in _source"
            )));
        }
        let format = format.map_or(Ok(Format::Iso), Format::named)?;
        Ok((name.to_owned(), fields::named(name)?, format))
    };
    one_or_more(value).iter().map(read).collect()
}

/// Reads the body of a count: a query alone.
pub(crate) fn read_count(body: &Value, now: Timestamp) -> Result<(TimeRange, Expr), Refusal> {
    let context = Context { now };
    let members = object(body, "the body of a count", &["query"])?;
    let expr = match members.get("query").filter(|value| !value.is_null()) {
        Some(value) => query::read(value, &context)?,
        None => Expr::All,
    };
    Ok(query::split(expr))
}

/// Reads the header of one of several searches: the indices that it names.
pub(crate) fn read_header(header: &Value) -> Result<Vec<String>, Refusal> {
    // Beside the index, there are only hints on how to search, and what to do without an index.
    let known = [
        "index",
        "search_type",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
        "preference",
        "request_cache",
        "routing",
        "ccs_minimize_roundtrips",
        "max_concurrent_shard_requests",
    ];
    let members = object(header, "the header of a search", &known)?;
    let Some(index) = members.get("index").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let names = one_or_more(index).iter().map(|name| string(name, "index"));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    Ok(names_in(names))
}

/// Returns the names in these texts, which may each list several with commas.
pub(crate) fn names_in<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let names = texts.into_iter().flat_map(|text| text.split(','));
    let names = names.map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Reads the fields that the body of a request for fields names, if it names any.
pub(crate) fn field_names(body: &Value) -> Result<Option<Vec<String>>, Refusal> {
    if body.is_null() {
        return Ok(None);
    }
    let members = object(body, "the body of a request for fields", &["fields"])?;
    let Some(fields) = members.get("fields").filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let names = one_or_more(fields)
        .iter()
        .map(|name| string(name, "fields"));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(names_in(names)))
}
