use serde_json::{Value, json};

use super::*;
use crate::es::aggs;
use crate::es::context::Context;
use crate::es::query::query_of;

const HOUR: i64 = 3_600_000;
/// 2017-07-25T00:00:00Z.
const DAY: i64 = 1_500_940_800_000;

fn aggs(value: &Value) -> Result<Aggs, Refusal> {
    let now = "2017-07-25T10:00:00Z".parse().unwrap();
    aggs::read(value, &Context { now })
}

/// Returns the answers for these events: minutes after the beginning of the day, and members.
fn counted(value: &Value, events: &[(i64, Value)]) -> Result<Value, Refusal> {
    let aggs = aggs(value)?;
    let filters = aggs
        .filters
        .iter()
        .map(|filter| Matcher::new(&query_of(filter.clone()).unwrap()));
    let mut collector = Collector::new(&aggs, filters.collect());
    for (minutes, event) in events {
        let time = crate::es::dates::at_millis(DAY + minutes * 60_000);
        collector.add(time, event.to_string().as_bytes())?;
    }
    assert_eq!(collector.total(), events.len() as u64);
    collector.answer(&aggs)
}

fn events() -> Vec<(i64, Value)> {
    vec![
        (0, json!({"action": "read", "outcome": "success", "n": 1})),
        (
            30,
            json!({"action": "read", "outcome": "failure", "n": 2.5}),
        ),
        (
            65,
            json!({"action": "write", "outcome": "success", "n": "4"}),
        ),
        (
            185,
            json!({"action": "read", "outcome": "success", "n": "many", "tags": ["a", "b", "a"]}),
        ),
        (186, json!({"outcome": "success", "n": [10, 20]})),
    ]
}

/// Returns key and count of each bucket.
fn buckets(answer: &Value) -> Vec<(Value, u64)> {
    let buckets = answer["buckets"].as_array().unwrap().iter();
    buckets
        .map(|one| (one["key"].clone(), one["doc_count"].as_u64().unwrap()))
        .collect()
}

#[test]
fn terms_are_exact_and_in_the_order_that_is_asked_for() {
    let terms = |settings: Value| {
        let answer = counted(&json!({"1": {"terms": settings}}), &events()).unwrap();
        let others = answer["1"]["sum_other_doc_count"].as_u64().unwrap();
        let keys: Vec<_> = buckets(&answer["1"])
            .into_iter()
            .map(|(key, count)| format!("{} {count}", key.as_str().unwrap()))
            .collect();
        format!("{} +{others}", keys.join(", "))
    };
    let field = "action";
    assert_eq!(terms(json!({"field": field})), "read 3, write 1 +0");
    assert_eq!(terms(json!({"field": field, "size": "1"})), "read 3 +1");
    for key in ["_key", "_term"] {
        let order = json!({key: "desc"});
        assert_eq!(
            terms(json!({"field": field, "order": order})),
            "write 1, read 3 +0"
        );
    }
    let order = json!([{"_count": "asc"}, {"_key": "asc"}]);
    assert_eq!(
        terms(json!({"field": field, "order": order})),
        "write 1, read 3 +0"
    );
    assert_eq!(
        terms(json!({"field": field, "missing": "none"})),
        "read 3, none 1, write 1 +0"
    );
    assert_eq!(
        terms(json!({"field": field, "min_doc_count": 2})),
        "read 3 +1"
    );
    // A value that an event has twice counts once.
    assert_eq!(terms(json!({"field": "tags"})), "a 1, b 1 +0");
    assert_eq!(terms(json!({"field": "n", "size": 2})), "1 1, 10 1 +4");
}

#[test]
fn terms_can_be_ordered_by_a_number_in_them() {
    let order = |by: Value| {
        let value = json!({"1": {
            "terms": {"field": "action", "order": by},
            "aggs": {"7": {"max": {"field": "n"}}, "8": {"cardinality": {"field": "outcome"}}},
        }});
        let answer = counted(&value, &events()).unwrap();
        buckets(&answer["1"])
            .into_iter()
            .map(|(key, _)| key)
            .collect::<Vec<_>>()
    };
    assert_eq!(order(json!({"7": "desc"})), [json!("write"), json!("read")]);
    assert_eq!(
        order(json!({"7.value": "asc"})),
        [json!("read"), json!("write")]
    );
    assert_eq!(order(json!({"8": "desc"})), [json!("read"), json!("write")]);
}

#[test]
fn date_histograms_fill_gaps_up_to_their_bounds() {
    let histogram = |mut settings: Value| {
        settings["field"] = "@timestamp".into();
        let answer = counted(&json!({"2": {"date_histogram": settings}}), &events()).unwrap();
        buckets(&answer["2"])
            .into_iter()
            .map(|(key, count)| ((key.as_i64().unwrap() - DAY) / HOUR, count))
            .collect::<Vec<_>>()
    };
    let interval = "3600000ms";
    let filled = vec![(0, 2), (1, 1), (2, 0), (3, 2)];
    assert_eq!(histogram(json!({"fixed_interval": interval})), filled);
    assert_eq!(
        histogram(json!({"fixed_interval": "1h", "min_doc_count": 0})),
        filled
    );
    assert_eq!(histogram(json!({"calendar_interval": "1h"})), filled);
    assert_eq!(histogram(json!({"interval": "1h"})), filled);
    assert_eq!(
        histogram(json!({"fixed_interval": interval, "min_doc_count": 1})),
        [(0, 2), (1, 1), (3, 2)]
    );
    let bounds = json!({"min": DAY - 2 * HOUR, "max": (DAY + 4 * HOUR).to_string()});
    assert_eq!(
        histogram(
            json!({"fixed_interval": interval, "extended_bounds": bounds, "format": "epoch_millis"})
        ),
        [(-2, 0), (-1, 0), (0, 2), (1, 1), (2, 0), (3, 2), (4, 0)],
    );
    assert_eq!(
        histogram(json!({"fixed_interval": interval, "order": {"_key": "desc"}})),
        [(3, 2), (2, 0), (1, 1), (0, 2)],
    );
    assert_eq!(
        histogram(json!({"fixed_interval": "2h", "offset": "+1h"})),
        [(-1, 2), (1, 1), (3, 2)],
    );
    let berlin = json!({"calendar_interval": "1d", "time_zone": "Europe/Berlin"});
    assert_eq!(histogram(berlin), [(-2, 5)]);
}

#[test]
fn keys_of_dates_are_numbers_and_also_written_in_the_format() {
    let written = |format: Value| {
        let mut settings = json!({"field": "time", "calendar_interval": "1d"});
        if !format.is_null() {
            settings["format"] = format;
        }
        let answer = counted(
            &json!({"2": {"date_histogram": settings, "meta": {"a": 1}}}),
            &events(),
        )
        .unwrap();
        assert_eq!(answer["2"]["meta"], json!({"a": 1}));
        let bucket = &answer["2"]["buckets"][0];
        assert_eq!(bucket["key"], DAY);
        bucket["key_as_string"].as_str().unwrap().to_owned()
    };
    assert_eq!(written(json!("epoch_millis")), DAY.to_string());
    assert_eq!(written(Value::Null), "2017-07-25T00:00:00.000Z");
}

#[test]
fn sub_aggregations_are_counted_in_each_bucket() {
    let value = json!({"3": {
        "terms": {"field": "outcome", "order": {"_key": "asc"}},
        "aggs": {"2": {
            "date_histogram": {
                "field": "time", "fixed_interval": "1h", "min_doc_count": 0,
                "extended_bounds": {"min": DAY, "max": DAY + 3 * HOUR},
            },
            "aggs": {"1": {"sum": {"field": "n"}}, "5": {"avg": {"field": "n"}}},
        }},
    }});
    let answer = counted(&value, &events()).unwrap();
    let lines: Vec<String> = answer["3"]["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| {
            let inner = bucket["2"]["buckets"].as_array().unwrap().iter();
            let inner: Vec<_> = inner
                .map(|one| {
                    format!(
                        "{}:{}:{}",
                        one["doc_count"], one["1"]["value"], one["5"]["value"]
                    )
                })
                .collect();
            format!(
                "{} {} {}",
                bucket["key"],
                bucket["doc_count"],
                inner.join(" ")
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            r#""failure" 1 1:2.5:2.5 0:0.0:null 0:0.0:null 0:0.0:null"#,
            r#""success" 4 1:1.0:1.0 1:4.0:4.0 0:0.0:null 2:30.0:15.0"#,
        ]
    );
}

#[test]
fn numbers_come_from_numbers_and_from_the_time() {
    let value = json!({
        "min": {"min": {"field": "n"}}, "max": {"max": {"field": "n"}}, "sum": {"sum": {"field": "n"}},
        "avg": {"avg": {"field": "n"}}, "count": {"value_count": {"field": "n"}},
        "none": {"min": {"field": "nothing"}}, "instead": {"sum": {"field": "nothing", "missing": 2}},
        "last": {"max": {"field": "@timestamp"}}, "different": {"cardinality": {"field": "action"}},
        "with": {"cardinality": {"field": "action", "missing": "none"}},
    });
    let answer = counted(&value, &events()).unwrap();
    assert_eq!(
        answer,
        json!({
            "min": {"value": 1.0}, "max": {"value": 20.0}, "sum": {"value": 37.5}, "avg": {"value": 7.5},
            "count": {"value": 6}, "none": {"value": null}, "instead": {"value": 10.0},
            "last": {"value": (DAY + 186 * 60_000) as f64, "value_as_string": "2017-07-25T03:06:00.000Z"},
            "different": {"value": 2}, "with": {"value": 3},
        })
    );
}

#[test]
fn a_histogram_counts_numbers_and_filters_count_conditions() {
    let value = json!({
        "h": {"histogram": {"field": "n", "interval": 2, "min_doc_count": 1}},
        "f": {"filters": {"filters": {
            "reads": {"query_string": {"query": "action:read", "analyze_wildcard": true}},
            "none": {"term": {"action": "nothing"}},
        }}, "aggs": {"1": {"cardinality": {"field": "outcome"}}}},
        "l": {"filters": {"filters": [{"match_all": {}}]}},
    });
    let answer = counted(&value, &events()).unwrap();
    assert_eq!(
        answer["h"]["buckets"],
        json!([
            {"key": 0.0, "doc_count": 1}, {"key": 2.0, "doc_count": 1}, {"key": 4.0, "doc_count": 1},
            {"key": 10.0, "doc_count": 1}, {"key": 20.0, "doc_count": 1},
        ])
    );
    assert_eq!(
        answer["f"]["buckets"],
        json!({
            "reads": {"doc_count": 3, "1": {"value": 2}}, "none": {"doc_count": 0, "1": {"value": 0}},
        })
    );
    assert_eq!(answer["l"]["buckets"], json!([{"doc_count": 5}]));
}

#[test]
fn no_events_have_empty_answers() {
    let value = json!({
        "t": {"terms": {"field": "action"}},
        "d": {"date_histogram": {"field": "time", "fixed_interval": "1h"}},
        "b": {"date_histogram": {"field": "time", "fixed_interval": "1h", "extended_bounds": {"min": DAY, "max": DAY}}},
    });
    let answer = counted(&value, &[]).unwrap();
    assert_eq!(answer["t"]["buckets"], json!([]));
    assert_eq!(answer["d"]["buckets"], json!([]));
    assert_eq!(buckets(&answer["b"]), [(json!(DAY), 0)]);
}

#[test]
fn memory_and_buckets_are_bounded() {
    let value = json!({"1": {"terms": {"field": "n"}}});
    let aggs = aggs(&value).unwrap();
    let mut collector = Collector::new(&aggs, Vec::new());
    let long = "x".repeat(1 << 20);
    let time = crate::es::dates::at_millis(DAY);
    let mut add = |number: usize| {
        let event = json!({"n": format!("{number}{long}")}).to_string();
        collector.add(time, event.as_bytes())
    };
    // The control: a value that is there already costs nothing more.
    assert!((0..100).all(|_| add(0).is_ok()));
    let refused = (0..100).map(&mut add).find_map(Result::err).unwrap();
    assert_eq!(refused.kind, "too_many_buckets_exception");
    let narrow = json!({"2": {"date_histogram": {"field": "time", "fixed_interval": "1ms"}}});
    let refused = counted(&narrow, &events()).unwrap_err();
    assert_eq!(refused.kind, "too_many_buckets_exception");
    assert!(refused.reason.contains("65535"), "{}", refused.reason);
}

#[test]
fn what_is_not_understood_is_refused_by_its_name() {
    for (value, named) in [
        (
            json!({"1": {"percentiles": {"field": "n"}}}),
            "[percentiles]",
        ),
        (
            json!({"1": {"terms": {"field": "a", "script": {}}}}),
            "[script]",
        ),
        (json!({"1": {"terms": {"field": "a", "size": 0}}}), "[size]"),
        (
            json!({"1": {"terms": {"field": "a", "min_doc_count": 0}}}),
            "[min_doc_count]",
        ),
        (json!({"1": {"terms": {"field": "time"}}}), "date_histogram"),
        (
            json!({"1": {"terms": {"field": "a", "order": {"x": "asc"}}}}),
            "[x]",
        ),
        (
            json!({"1": {"terms": {"field": "a", "order": {"_key": "up"}}}}),
            "[up]",
        ),
        (json!({"1": {"terms": {}}}), "[field]"),
        (json!({"1": {"avg": {"script": "1"}}}), "[script]"),
        (
            json!({"1": {"avg": {"field": "a"}, "aggs": {"2": {"avg": {"field": "a"}}}}}),
            "[avg]",
        ),
        (
            json!({"1": {"avg": {"field": "a"}, "max": {"field": "a"}}}),
            "[1]",
        ),
        (json!({"1": {}}), "[1]"),
        (
            json!({"1": {"date_histogram": {"field": "action", "fixed_interval": "1h"}}}),
            "eventTime",
        ),
        (
            json!({"1": {"date_histogram": {"field": "time", "fixed_interval": "1h", "time_zone": "Nowhere"}}}),
            "[Nowhere]",
        ),
        (
            json!({"1": {"date_histogram": {"field": "time", "fixed_interval": "1h", "hard_bounds": {}}}}),
            "[hard_bounds]",
        ),
        (
            json!({"1": {"date_histogram": {"field": "time", "fixed_interval": "1h", "keyed": true}}}),
            "[keyed]",
        ),
        (
            json!({"1": {"histogram": {"field": "n", "interval": 0}}}),
            "[interval]",
        ),
        (json!({"1": {"filters": {"filters": {}}}}), "[filters]"),
        (
            json!({"1": {"filters": {"filters": {"a": {"fuzzy": {}}}}}}),
            "[fuzzy]",
        ),
    ] {
        let refusal = aggs(&value).unwrap_err();
        assert!(
            refusal.reason.contains(named),
            "{value}: {}",
            refusal.reason
        );
    }
}
