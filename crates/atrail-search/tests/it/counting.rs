//! Counts by time and by value.

use std::collections::BTreeMap;

use atrail_model::Timestamp;
use atrail_search::aggregate::{Buckets, Collector, CountError, Counting, Counts};
use atrail_search::query::Field;
use atrail_search::{generate, naive};
use proptest::prelude::*;

const PLENTY: usize = 1 << 20;

fn field(name: &str) -> Field {
    Field::named(name).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn counting() -> Counting {
    Counting {
        histogram: Some(Buckets {
            seconds: 3600,
            origin: 1800,
        }),
        facets: vec![(field("actor"), 2), (field("tags"), 10)],
        distinct: vec![field("action")],
    }
}

const EVENTS: [(&str, &str); 5] = [
    (
        "2026-11-01T00:00:00Z",
        r#"{"initiator":{"name":"ann","id":"1"},"tags":["x","y","x"],"action":"read"}"#,
    ),
    (
        "2026-11-01T00:29:59.999Z",
        r#"{"initiator":{"name":"Ann"},"tags":[],"action":"Read"}"#,
    ),
    (
        "2026-11-01T00:30:00Z",
        r#"{"initiator":{"name":"ann"},"tags":["y",null],"action":"read","action":"write"}"#,
    ),
    (
        "2026-11-01T05:00:00Z",
        r#"{"initiatorId":"1","action":"read"}"#,
    ),
    (
        "2026-10-31T23:59:59Z",
        r#"{"initiator":{"host":{}},"tags":7,"action":null}"#,
    ),
];

fn counts(events: &[(&str, &str)]) -> Collector {
    let mut collector = Collector::new(counting(), PLENTY);
    for (at, line) in events {
        collector.add(time(at), line.as_bytes()).unwrap();
    }
    collector
}

#[test]
fn values_are_counted_exactly() {
    let counts = counts(&EVENTS).finish();
    let named = |values: &[(String, u64)]| -> Vec<(String, u64)> { values.to_vec() };
    assert_eq!(counts.total, 5);
    assert_eq!(
        counts.times,
        Some((time("2026-10-31T23:59:59Z"), time("2026-11-01T05:00:00Z")))
    );
    // Buckets begin at half past each hour.
    let first = counts.histogram.keys().next().copied().unwrap();
    let relative: Vec<(i64, u64)> = counts
        .histogram
        .iter()
        .map(|(n, events)| (n - first, *events))
        .collect();
    assert_eq!(relative, [(0, 3), (1, 1), (5, 1)]);
    let start = counting().histogram.unwrap().start(first).unwrap();
    assert_eq!(start, time("2026-10-31T23:30:00Z"));

    let actor = &counts.facets[0];
    assert_eq!(
        named(&actor.values),
        [("ann".to_owned(), 2), ("1".to_owned(), 1)]
    );
    assert_eq!((actor.others, actor.missing, actor.distinct), (1, 1, 3));
    let tags = &counts.facets[1];
    assert_eq!(
        named(&tags.values),
        [
            ("y".to_owned(), 2),
            ("7".to_owned(), 1),
            ("x".to_owned(), 1)
        ]
    );
    assert_eq!((tags.others, tags.missing, tags.distinct), (0, 2, 3));
    assert_eq!(counts.distinct, [3]);
}

#[test]
fn merged_counts_are_those_of_all_events() {
    let all = counts(&EVENTS).finish();
    for cut in 0..=EVENTS.len() {
        let (one, other) = EVENTS.split_at(cut);
        let mut merged = counts(one);
        merged.merge(counts(other).into_partial()).unwrap();
        assert_eq!(merged.finish(), all, "cut at {cut}");
    }
    assert_eq!(
        Collector::new(Counting::default(), 0).finish(),
        Counts::default()
    );
}

#[test]
fn counting_is_bounded_in_memory_and_says_what_has_too_many_values() {
    let mut collector = Collector::new(counting(), 10_000);
    let mut add = |number: u64| {
        let line = format!(r#"{{"initiatorId":"{number}","tags":"{}"}}"#, number % 5);
        collector.add(time("2026-11-01T00:00:00Z"), line.as_bytes())
    };
    let failed = (0..1000).find_map(|number| add(number).err()).unwrap();
    let CountError::TooManyValues { field, values } = &failed else {
        panic!("{failed}");
    };
    assert_eq!(field, "actor");
    assert!((100..160).contains(values), "{failed}");
    let mut collector = Collector::new(counting(), 500);
    let failed = (0..100).find_map(|hour| {
        let at = time("2026-11-01T00:00:00Z") + std::time::Duration::from_secs(hour * 3600);
        collector.add(at, b"{}").err()
    });
    assert_eq!(failed, Some(CountError::TooManyBuckets { buckets: 10 }));
    // A control: what fits is counted.
    let mut collector = Collector::new(counting(), 10_000);
    for _ in 0..1000 {
        collector
            .add(time("2026-11-01T00:00:00Z"), br#"{"initiatorId":"one"}"#)
            .unwrap();
    }
    assert_eq!(
        collector.finish().facets[0].values,
        [("one".to_owned(), 1000)]
    );
}

#[test]
fn buckets_begin_at_the_origin_and_cover_all_times() {
    let buckets = Buckets {
        seconds: 60,
        origin: -7,
    };
    for (seconds, number) in [(-7, 0), (-8, -1), (52, 0), (53, 1), (-67, -1), (-68, -2)] {
        let at = Timestamp::from_second(seconds).unwrap();
        assert_eq!(buckets.of(at), number, "{seconds}");
        let start = buckets.start(number).unwrap();
        assert!(start <= at && at < buckets.start(number + 1).unwrap());
    }
    for at in [Timestamp::MIN, Timestamp::MAX] {
        let _ = buckets.of(at);
    }
    assert_eq!(buckets.start(i64::MAX), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_those_of_a_count_by_hand(lines in proptest::collection::vec(generate::line(), 0..20), cut in any::<prop::sample::Index>()) {
        let fields = ["actor", "action", "requestData.a", "target.name"].map(field);
        let counting = Counting {
            histogram: None,
            facets: fields.iter().map(|field| (field.clone(), 3)).collect(),
            distinct: fields.to_vec(),
        };
        let mut collectors = [Collector::new(counting.clone(), PLENTY), Collector::new(counting, PLENTY)];
        let cut = cut.index(lines.len() + 1);
        for (nth, line) in lines.iter().enumerate() {
            collectors[usize::from(nth < cut)].add(Timestamp::UNIX_EPOCH, line.as_bytes()).unwrap();
        }
        let [mut collector, other] = collectors;
        collector.merge(other.into_partial()).unwrap();
        let counts = collector.finish();
        for (nth, field) in fields.iter().enumerate() {
            let mut by_value = BTreeMap::<String, u64>::new();
            let mut missing = 0;
            for line in &lines {
                let values: std::collections::BTreeSet<String> = naive::values(line.as_bytes(), field).into_iter().collect();
                missing += u64::from(values.is_empty());
                for value in values {
                    *by_value.entry(value).or_default() += 1;
                }
            }
            let mut top: Vec<(String, u64)> = by_value.clone().into_iter().collect();
            top.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
            let others = top.iter().skip(3).map(|(_, events)| events).sum::<u64>();
            top.truncate(3);
            let facet = &counts.facets[nth];
            prop_assert_eq!(&facet.values, &top);
            prop_assert_eq!((facet.others, facet.missing, facet.distinct), (others, missing, by_value.len() as u64));
            prop_assert_eq!(counts.distinct[nth], by_value.len() as u64);
        }
    }
}
