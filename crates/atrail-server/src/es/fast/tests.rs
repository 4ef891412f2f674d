use atrail_search::{Matcher, aggregate};
use serde_json::json;

use super::*;
use crate::es::collect::Collector;
use crate::es::context::Context;
use crate::es::query::query_of;
use crate::es::{aggs, dates};

/// Returns events: minutes since 2017-07-25, and lines.
fn events() -> Vec<(Timestamp, String)> {
    let event = |number: i64| {
        let time = dates::at_millis(1_500_940_800_000 + number * 7 * 60_000);
        let action = ["read", "write", "list", "delete"][usize::try_from(number % 7 % 4).unwrap()];
        let mut event =
            json!({"action": action, "initiator": {"name": format!("u{}", number % 5)}});
        if number % 11 != 0 {
            event["tags"] = json!([format!("t{}", number % 3), "all"]);
        }
        (time, event.to_string())
    };
    (0..200).map(event).collect()
}

/// Returns the counts of the events that match, as the store does.
fn counts(counting: &Counting, expr: &Expr, events: &[(Timestamp, String)]) -> Counts {
    let matcher = Matcher::new(&query_of(expr.clone()).unwrap());
    let mut collector = aggregate::Collector::new(counting.clone(), 1 << 20);
    for (time, line) in events {
        if matcher.matches(line.as_bytes()) {
            collector.add(*time, line.as_bytes()).unwrap();
        }
    }
    collector.finish()
}

fn read(value: &Value) -> Aggs {
    let now = Timestamp::UNIX_EPOCH;
    aggs::read(value, &Context { now }).unwrap()
}

/// Returns what looking at every event gives.
fn one_pass(aggs: &Aggs, events: &[(Timestamp, String)]) -> Value {
    let mut collector = Collector::new(aggs, Vec::new());
    for (time, line) in events {
        collector.add(*time, line.as_bytes()).unwrap();
    }
    collector.answer(aggs).unwrap()
}

#[test]
fn the_index_gives_what_one_pass_gives() {
    for value in [
        json!({"2": {"date_histogram": {"field": "time", "fixed_interval": "3600000ms"}}}),
        json!({"2": {"date_histogram": {"field": "time", "calendar_interval": "1w", "offset": "-1h"}},
               "3": {"terms": {"field": "action", "size": 2}}, "4": {"terms": {"field": "tags", "order": {"_key": "desc"}, "size": 3}},
               "5": {"cardinality": {"field": "actor"}}}),
        json!({"1": {"terms": {"field": "action", "order": [{"_count": "asc"}]}}, "2": {"terms": {"field": "nothing"}}}),
    ] {
        let aggs = read(&value);
        let fast = Fast::plan(&aggs).unwrap();
        let counts = counts(&fast.counting, &Expr::All, &events());
        assert_eq!(counts.total, 200);
        assert_eq!(
            fast.answer(&counts).unwrap().unwrap(),
            one_pass(&aggs, &events()),
            "{value}"
        );
    }
}

#[test]
fn what_the_index_cannot_count_is_left_to_one_pass() {
    for value in [
        json!({"1": {"terms": {"field": "action"}, "aggs": {"2": {"cardinality": {"field": "tags"}}}}}),
        json!({"1": {"terms": {"field": "action", "missing": "x"}}}),
        json!({"1": {"terms": {"field": "action", "min_doc_count": 2}}}),
        json!({"1": {"date_histogram": {"field": "time", "fixed_interval": "1500ms"}}}),
        json!({"1": {"date_histogram": {"field": "time", "calendar_interval": "1M"}}}),
        json!({"1": {"date_histogram": {"field": "time", "fixed_interval": "1h", "time_zone": "Europe/Berlin"}}}),
        json!({"1": {"avg": {"field": "n"}}}),
        json!({"1": {"filters": {"filters": {"a": {"match_all": {}}}}}}),
    ] {
        assert!(Fast::plan(&read(&value)).is_none(), "{value}");
    }
}

/// Returns the answer by asking for each value, if that is possible.
fn one_by_one(aggs: &Aggs, events: &[(Timestamp, String)]) -> Option<Value> {
    let series = Series::plan(aggs)?;
    let values = counts(&series.values, &Expr::All, events);
    let mut each = Vec::new();
    for value in series.answered(&values)? {
        let counts = counts(&series.each, &series.of_value(&Expr::All, &value), events);
        if !series.is_exact(&value, &counts) {
            return None;
        }
        each.push((value, counts));
    }
    Some(series.answer(&values, &each).unwrap())
}

fn series(field: &str, settings: &Value) -> Value {
    let mut terms = json!({"field": field});
    terms
        .as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    json!({"3": {"terms": terms, "aggs": {"2": {"date_histogram": {"field": "time", "fixed_interval": "1h"}}}}})
}

#[test]
fn series_by_value_are_what_one_pass_gives() {
    for settings in [
        json!({}),
        json!({"size": 2}),
        json!({"order": {"_key": "desc"}, "size": 3}),
    ] {
        for field in ["action", "actor", "nothing"] {
            let value = series(field, &settings);
            let aggs = read(&value);
            assert_eq!(
                one_by_one(&aggs, &events()).unwrap(),
                one_pass(&aggs, &events()),
                "{value}"
            );
        }
    }
}

/// Values that differ only in case, several values of one event, and values in several places of a field are not told apart
/// by a condition: such counts are noticed.
#[test]
fn series_that_a_condition_cannot_tell_apart_are_left_to_one_pass() {
    let time = Timestamp::UNIX_EPOCH;
    let of =
        |lines: &[Value]| -> Vec<_> { lines.iter().map(|line| (time, line.to_string())).collect() };
    let single = of(&[json!({"action": "read", "initiator": {"name": "a", "id": "b"}})]);
    let in_two_cases = of(&[json!({"action": "read"}), json!({"action": "Read"})]);
    let several = of(&[json!({"action": ["read", "write"]})]);
    let in_two_places = of(&[
        json!({"initiator": {"name": "a", "id": "b"}}),
        json!({"initiator": {"id": "a"}}),
        json!({"initiator": {"name": "b", "id": "a"}}),
    ]);
    let aggs = |field: &str| read(&series(field, &json!({})));
    assert!(
        one_by_one(&aggs("action"), &single).is_some(),
        "the control"
    );
    assert!(one_by_one(&aggs("actor"), &single).is_some(), "the control");
    assert!(one_by_one(&aggs("action"), &in_two_cases).is_none());
    assert!(one_by_one(&aggs("action"), &several).is_none());
    assert!(one_by_one(&aggs("actor"), &in_two_places).is_none());
}
