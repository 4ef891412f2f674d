//! Reads the settings that aggregations share.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Agg, By, Kind, Order};
use crate::es::json::{count, number, one_or_more, only, string, text, truth};
use crate::es::refusal::Refusal;

pub(super) fn field_name<'a>(
    members: &'a Map<String, Value>,
    word: &str,
) -> Result<&'a str, Refusal> {
    let field = members
        .get("field")
        .ok_or_else(|| Refusal::parsing(format!("[{word}] has no [field]")))?;
    string(field, "field")
}

pub(super) fn refuse_keyed(members: &Map<String, Value>, word: &str) -> Result<(), Refusal> {
    match members.get("keyed") {
        Some(value) if truth(value, "keyed")? => Err(Refusal::illegal(format!(
            "[{word}] [keyed] is not supported"
        ))),
        _ => Ok(()),
    }
}

pub(super) fn optional_count(
    members: &Map<String, Value>,
    name: &str,
    default: u64,
) -> Result<u64, Refusal> {
    let given = members.get(name).filter(|value| !value.is_null());
    given.map_or(Ok(default), |value| count(value, name))
}

pub(super) fn optional_number(
    members: &Map<String, Value>,
    name: &str,
) -> Result<Option<f64>, Refusal> {
    let given = members.get(name).filter(|value| !value.is_null());
    given.map(|value| number(value, name)).transpose()
}

pub(super) fn optional_text(
    members: &Map<String, Value>,
    name: &str,
) -> Result<Option<String>, Refusal> {
    let given = members.get(name).filter(|value| !value.is_null());
    given.map(|value| text(value, name)).transpose()
}

/// Reads the order of buckets: one order, or a list of them. What they leave open is decided by the keys.
pub(super) fn order(
    members: &Map<String, Value>,
    by: By,
    descending: bool,
    subs: &[Agg],
) -> Result<Vec<Order>, Refusal> {
    let Some(given) = members.get("order").filter(|value| !value.is_null()) else {
        return Ok(vec![Order { by, descending }]);
    };
    let places: BTreeMap<&str, usize> = (0..).zip(subs).map(|(at, sub)| (&*sub.name, at)).collect();
    let read = |value: &Value| {
        let (name, direction) = only(value, "order")?;
        let by = match name {
            "_count" => By::Count,
            // Elasticsearch before version 6 called it _term, or _time.
            "_key" | "_term" | "_time" => By::Key,
            path => {
                let sub = path.strip_suffix(".value").unwrap_or(path);
                let place = places.get(sub).copied().filter(|at| {
                    matches!(
                        subs[*at].kind,
                        Kind::Cardinality { .. } | Kind::Number { .. }
                    )
                });
                By::Sub(place.ok_or_else(|| {
                    Refusal::illegal(format!(
                        "cannot order by [{path}]: use _count, _key, or the name of a sub-aggregation that is one number"
                    ))
                })?)
            }
        };
        let descending = match string(direction, "order")? {
            "asc" => false,
            "desc" => true,
            other => {
                return Err(Refusal::parsing(format!(
                    "the order [{other}] is neither asc nor desc"
                )));
            }
        };
        Ok(Order { by, descending })
    };
    one_or_more(given).iter().map(read).collect()
}
