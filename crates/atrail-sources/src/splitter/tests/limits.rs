//! Sizes, memory and time.

use atrail_model::limits::EVENT_MAX_BYTES;

use super::{assert_refused, event, streamed, whole};
use crate::scan::SCANNED_BYTES;
use crate::{Framing, SourceKind, split};

#[test]
fn an_event_over_the_limit_is_passed_over() {
    let good = r#"{"eventTime":1}"#;
    let large = format!("{{\"a\":\"{}\"}}", "\\\"".repeat(EVENT_MAX_BYTES));
    let message = "is longer than 1048576 bytes";
    for (body, large_at, good_at) in [
        (format!("{good}\n{large}\n{good}\n"), 2, [1, 3]),
        (format!("[\n{good},\n{large},\n{good}]\n"), 3, [2, 4]),
        (
            format!("{{\n\"events\":[{good},{large},{good}]}}\n"),
            2,
            [2, 2],
        ),
    ] {
        let items = whole(body.as_bytes(), Framing::Sniffed);
        assert_eq!(
            (&items[0], &items[2]),
            (&event(good_at[0], good), &event(good_at[1], good))
        );
        assert_refused(&items[1], large_at, message);
        assert_eq!(items.len(), 3);
        let (same, most_kept) = streamed(body.as_bytes(), Framing::Sniffed, 1 << 16);
        assert_eq!(same, items);
        assert!(most_kept <= EVENT_MAX_BYTES + (2 << 16), "{most_kept}");
    }
    let items = whole(format!("{large}\n{good}\n").as_bytes(), Framing::Sniffed);
    assert_refused(&items[0], 1, message);
    assert_eq!(items[1..], [event(2, good)]);
}

#[test]
fn an_event_of_the_largest_size_is_handed_on() {
    let largest = format!("{{\"a\":\"{}\"}}", "x".repeat(EVENT_MAX_BYTES - 8));
    assert_eq!(largest.len(), EVENT_MAX_BYTES);
    for body in [
        largest.clone(),
        format!("{largest}\n"),
        format!("[{largest}]"),
        format!("{{\"events\":\n[{largest}]}}"),
    ] {
        let items = whole(body.as_bytes(), Framing::Sniffed);
        assert!(items.len() == 1 && items[0].1 == Ok(largest.clone()));
    }
}

#[test]
fn lists_of_any_size_go_through_in_bounded_memory() {
    let good = format!("{{\"eventTime\":\"{}\"}}", "x".repeat(1000));
    let count = 6000;
    let list = vec![good.as_str(); count].join(",");
    for (body, framing) in [
        (format!("[{list}]"), Framing::Sniffed),
        (
            format!("{{\"next\":{{}},\"events\":[{list}],\"total\":{{\"x\":[{list}]}}}}"),
            Framing::Sniffed,
        ),
        (format!("\n{{\"events\":[{list}]}}\n"), Framing::Lines),
    ] {
        let (items, most_kept) = streamed(body.as_bytes(), framing, 1 << 16);
        assert_eq!(items.len(), count);
        assert!(items.iter().all(|(_, text)| text.as_ref() == Ok(&good)));
        assert!(most_kept <= EVENT_MAX_BYTES + (2 << 16), "{most_kept}");
        assert_eq!(whole(body.as_bytes(), framing), items);
    }
}

/// Patterns that make a splitter look at the same bytes again and again, when they are repeated.
const HOSTILE: [&str; 34] = [
    "{\n",
    "[",
    "\"",
    "{\"events\":[",
    "[[],",
    "{\"events\":",
    "[\"",
    "{\"a\":",
    "\\",
    "[{\"a\":\"\\\"",
    "{\"events\":[{\"payload\":{",
    "\u{0}",
    "[1,",
    "[{\"events\":[]},",
    "]",
    ",",
    "[\n",
    "]\n",
    ",\n",
    "x\n",
    "{\"a\":\n",
    "{\"a\":\"\n",
    "[{\"a\":\"\n",
    "{\"a\":[1,\n",
    "{\"events\":[\n",
    "{\"events\":\n",
    "{\"a\":1,\n  {}{}\n",
    "  {\"a\" 1,\n    {}\n  }\n",
    "{\"events\":{\"a\":1\n  {}\n}\n",
    "{\"events\":[{\"a\":\"\n",
    "{\"a\":1}\n,\n",
    "[\n{\"a\":[\n",
    "[{}\n",
    "[{}\n]\n}\n",
];

#[test]
fn hostile_input_takes_linear_time_and_bounded_memory() {
    // Every second pattern on another thread: no other test of this crate takes as long.
    std::thread::scope(|scope| {
        for first in 0..2 {
            scope.spawn(move || {
                HOSTILE
                    .iter()
                    .skip(first)
                    .step_by(2)
                    .for_each(|one| check_hostile(one))
            });
        }
    });
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(sniffed_len(&deep), 1);
    assert_eq!(sniffed_len(&format!("{deep}\n{deep}")), 2);
}

fn check_hostile(pattern: &str) {
    // Many small items are slow because of the work on each, not because of finding them.
    let size = if pattern.len() < 3 { 1 << 18 } else { 5 << 18 };
    let body = pattern.repeat(size / pattern.len());
    // Counted for each thread by itself.
    let before = SCANNED_BYTES.get();
    for framing in [Framing::Sniffed, Framing::Lines] {
        let count = split(body.as_bytes(), SourceKind::Auto, framing).count();
        let (items, most_kept) = streamed(body.as_bytes(), framing, 1 << 16);
        assert_eq!(items.len(), count, "{pattern:?}");
        assert!(
            count > 0 || pattern == "[\n" || pattern == ",\n",
            "{pattern:?}"
        );
        let scanned = SCANNED_BYTES.get() - before;
        assert!(scanned < 24 * size as u64, "{pattern:?}: {scanned}");
        assert!(
            most_kept <= EVENT_MAX_BYTES + (2 << 16),
            "{pattern:?}: {most_kept}"
        );
    }
}

#[test]
fn what_breaks_off_many_times_over_is_looked_at_a_few_times() {
    // Each line begins a value that contains all the following ones and breaks where they do.
    let nested = "{\"a\":\n".repeat(100);
    let body = format!("{nested}[{}\"\n", "1,".repeat(100_000)).repeat(4);
    let before = SCANNED_BYTES.get();
    let items = whole(body.as_bytes(), Framing::Sniffed);
    let scanned = SCANNED_BYTES.get() - before;
    assert!(
        scanned < 12 * body.len() as u64,
        "{scanned} of {}",
        body.len()
    );
    let good = r#"{"eventTime":1}"#;
    let with_good = whole(
        format!("{body}{good}\n{good}\n").as_bytes(),
        Framing::Sniffed,
    );
    assert_eq!(with_good.len(), items.len() + 2, "what follows is read");
}

fn sniffed_len(body: &str) -> usize {
    whole(body.as_bytes(), Framing::Sniffed).len()
}
