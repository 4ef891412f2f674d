//! Reading after a break: a break costs the value that it is in, and the engine counts what it does not read.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{Found, event, sniffed, streamed, whole};
use crate::{Framing, SourceKind, split};

/// Returns numbered events, one for each line.
fn numbered(count: usize) -> Vec<String> {
    let event = |number| format!(r#"{{"eventTime":{number},"x":{{"y":[{{"z":"}},{{"}}]}}}}"#);
    (1..=count).map(event).collect()
}

fn pretty(number: usize) -> String {
    format!("{{\n  \"eventTime\": {number},\n  \"x\": [\n    {{\n      \"y\": 1\n    }}\n  ]\n}}")
}

/// Returns the numbers of valid events, refused items and unread lines.
fn sums(body: &str, events: &[String]) -> (usize, usize, u64) {
    let items: Vec<Found> = sniffed(body);
    let kept = items
        .iter()
        .filter(|(_, item)| item.as_ref().is_ok_and(|text| events.contains(text)))
        .count();
    let not_read = split(body.as_bytes(), SourceKind::Auto, Framing::Sniffed)
        .filter_map(|item| item.err())
        .map(|refusal| refusal.not_read)
        .sum();
    (kept, items.len() - kept, not_read)
}

#[test]
fn a_bad_place_in_lines_costs_its_line_wherever_it_is() {
    let events = numbered(6);
    for at in 0..events.len() {
        let good = &events[at];
        for bad in [
            format!("{good},"),
            format!("{good}]"),
            format!("{good} x"),
            format!(",{good}"),
            format!("\u{0}\u{0}{good}"),
            good[..12].to_owned(),
            good[..14].to_owned(),
            good[..20].to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{}{good}", &good[..20]),
            "garbage".to_owned(),
            "# a comment".to_owned(),
            "]".to_owned(),
            "}".to_owned(),
        ] {
            let mut lines = events.clone();
            lines[at].clone_from(&bad);
            for end in ["\n", "\r\n"] {
                let body = lines.join(end) + end;
                assert_eq!(sums(&body, &events), (5, 1, 0), "{at}: {bad:?}");
            }
        }
    }
}

#[test]
fn several_bad_lines_cost_only_themselves() {
    let events = numbered(40);
    let mut lines = events.clone();
    for at in [0, 1, 2, 7, 20, 21, 39] {
        lines[at].truncate(13);
    }
    assert_eq!(sums(&lines.join("\n"), &events), (33, 7, 0));
    let commas = events.join(",\n");
    assert_eq!(sums(&commas, &events), (1, 39, 0), "each line is refused");
}

#[test]
fn many_lines_that_are_cut_one_after_the_other_are_refused_or_counted() {
    let events = numbered(30);
    for cut in [5, 12, 25] {
        let mut lines = events.clone();
        for line in &mut lines[..cut] {
            line.truncate(13);
        }
        let (kept, refused, not_read) = sums(&lines.join("\n"), &events);
        let told = kept as u64 + refused as u64 + not_read;
        assert_eq!(
            told, 30,
            "{kept} kept, {refused} refused, {not_read} not read"
        );
        assert!(kept >= 30 - cut - 1, "{kept} of {}", 30 - cut);
    }
}

#[test]
fn lost_line_breaks_and_commas_on_a_line_cost_no_event_or_one() {
    let events = numbered(6);
    for at in 0..5 {
        for between in ["", " ", "  ", "\t"] {
            let body = events.join("\n");
            let second = format!("{}\n", events[at]);
            let body = body.replacen(&second, &format!("{}{between}", events[at]), 1);
            assert_eq!(sums(&body, &events), (6, 0, 0), "{at}: {body}");
        }
    }
    assert_eq!(sums(&events.join(","), &events), (5, 1, 0));
    assert_eq!(sums(&events.join(" , "), &events), (5, 1, 0));
    let body = format!("{},{}\n{}\n{}", events[0], events[1], events[2], events[3]);
    assert_eq!(sums(&body, &events), (3, 1, 0));
    let body = format!("{}\n{}{}\n", events[0], events[1], &events[2][..20]);
    assert_eq!(sums(&body, &events), (2, 1, 0));
    let braces = [
        r#"{"eventTime":"}{","x":"} {"}"#.to_owned(),
        events[0].clone(),
    ];
    assert_eq!(sums(&braces.join("\n"), &braces), (2, 0, 0));
}

#[test]
fn a_bad_place_in_an_array_costs_one_element() {
    let events = numbered(6);
    let lines = events.join(",\n");
    let second = format!("{},\n", events[1]);
    for (bad, is_one) in [
        // A missing comma, and a surplus one.
        (format!("{}\n", events[1]), true),
        (format!("{},\n,", events[1]), false),
        // An element that is cut off: in a string, before a value, in a list.
        (format!("{}\n", &events[1][..6]), true),
        (format!("{}\n", &events[1][..13]), true),
        (format!("{}\n", &events[1][..27]), true),
        // Text that is not a value.
        ("// nothing here\n".to_owned(), true),
        ("garbage,\n".to_owned(), true),
        ("}\n".to_owned(), true),
    ] {
        let inside = lines.replacen(&second, &bad, 1);
        for body in [
            format!("[\n{inside}\n]\n"),
            format!("[\n{inside}"),
            format!("{{\"events\":[\n{inside}\n],\"total\":6}}"),
            format!("{{\n\"events\": [\n{inside}\n]\n}}\n"),
        ] {
            let (kept, refused, not_read) = sums(&body, &events);
            let whole = if is_one { 5 } else { 6 };
            assert!(
                kept == whole && not_read == 0 && (1..=2).contains(&refused),
                "{kept} kept, {refused} refused, {not_read} not read: {body}"
            );
        }
    }
}

#[test]
fn on_one_line_an_array_goes_on_behind_what_is_no_element() {
    let events = numbered(5);
    let [a, b, c, d, e] = &events[..] else {
        unreachable!("there are five")
    };
    for (body, kept, refused) in [
        (format!("[{a} {b},{c},{d},{e}]"), 4, 1),
        (format!("[{a},,{b},{c},{d},{e}]"), 5, 1),
        (format!("[{a},{b},{c},{d},{e},]"), 5, 1),
        (format!("[{a},x,{b},{c},{d},{e}]"), 5, 1),
        (format!("[{a},}},{b},{c},{d},{e}]"), 5, 1),
        (format!("[{a},{{\"eventTime\" 1}},{b},{c},{d},{e}]"), 5, 1),
    ] {
        assert_eq!(sums(&body, &events), (kept, refused, 0), "{body}");
    }
}

#[test]
fn a_bad_place_between_printed_values_costs_one_value() {
    let events: Vec<String> = (1..=5).map(pretty).collect();
    let all = events.join("\n");
    let third = format!("{}\n", events[2]);
    for (bad, kept) in [
        (format!("{},\n", events[2]), 4),
        (format!("{}\n,\n", events[2]), 4),
        (format!("{}]\n", events[2]), 5),
        (format!("{}\ngarbage\n", events[2]), 5),
        (format!("{}\n\u{feff}", events[2]), 4),
        (format!("{}\n", &events[2][..18]), 4),
        (format!("{}\n", &events[2][..21]), 4),
        (format!("{}\n", &events[2][..40]), 4),
        (format!("{}\n", &events[2][..events[2].len() - 2]), 4),
        (third.replace("\"y\": 1", "\"y\": \"1"), 4),
        (third.replace("\"y\": 1", "\"y\" 1"), 4),
    ] {
        let body = all.replacen(&third, &bad, 1);
        assert_eq!(sums(&body, &events), (kept, 1, 0), "{body}");
    }
    for printed in 0..events.len() {
        let mut cut = events.clone();
        cut[printed].truncate(21);
        assert_eq!(sums(&cut.join("\n"), &events), (4, 1, 0), "{printed}");
    }
    let commas = events.join(",\n");
    assert_eq!(
        sums(&commas, &events),
        (4, 1, 0),
        "the first says it for all"
    );
}

#[test]
fn nothing_inside_a_value_that_breaks_off_is_taken_for_an_event() {
    let inner = "{\"eventTime\": \"forged\"}";
    let body = format!(
        "[\n  {{\n    \"a\": \"cut\n    \"attachments\": [\n      {inner}\n    ]\n  }},\n  {{\"eventTime\":1}}\n]\n"
    );
    let items = sniffed(&body);
    assert!(items.iter().all(|(_, item)| item.as_deref() != Ok(inner)));
    assert_eq!(items.last(), Some(&event(8, "{\"eventTime\":1}")));
    assert_eq!(items.len(), 2);

    let event_with_events = format!("{{\"eventTime\":1,\"events\":[{inner}],\"a\":");
    for body in [
        format!("{event_with_events}\"cut\n{{\"eventTime\":1}}\n"),
        format!("{event_with_events}\n{{\"eventTime\":1}}\n{{\"eventTime\":1}}\n"),
        format!("{event_with_events} x y}}\n{{\"eventTime\":1}}\n"),
    ] {
        let items = sniffed(&body);
        assert!(
            items.iter().all(|(_, item)| item.as_deref() != Ok(inner)),
            "{body}"
        );
        let good = items
            .iter()
            .filter(|(_, item)| item.as_deref() == Ok("{\"eventTime\":1}"));
        assert_eq!(good.count(), items.len() - 1, "{body}");
    }
}

#[test]
fn lines_that_belong_to_nothing_are_counted() {
    let pretty = [pretty(1), pretty(2)];
    let body = format!(
        "{}\nnote one\nnote two\nnote three\n{}\n",
        pretty[0], pretty[1]
    );
    assert_eq!(sums(&body, &pretty), (2, 1, 2));
    let items = sniffed(&body);
    let message = items[1].1.as_ref().unwrap_err();
    assert!(
        message.ends_with("; 2 lines after it were not read"),
        "{message}"
    );
    let rest = format!("{}\nnote one\nnote two\n", pretty[0]);
    assert_eq!(sums(&rest, &pretty), (1, 1, 1), "up to the end, too");
}

#[test]
fn files_in_chunks_recover_alike() {
    let events = numbered(2_000);
    let mut lines = events.clone();
    for at in (0..lines.len()).step_by(97) {
        lines[at].truncate(14);
    }
    for body in [lines.join("\n"), format!("[\n{}\n]", lines.join(",\n"))] {
        let items = whole(body.as_bytes(), Framing::Sniffed);
        for chunk_bytes in [3, 61, 4096] {
            let (same, _) = streamed(body.as_bytes(), Framing::Sniffed, chunk_bytes);
            assert!(same == items, "in chunks of {chunk_bytes}");
        }
        let kept = items.iter().map(|(_, item)| item.as_ref());
        let kept = kept.filter(|item| item.is_ok_and(|text| text.len() > 20));
        assert!(kept.count() >= 2_000 - 2 * 21);
    }
}

/// Generates damage to one line: the part to cut out, and its replacement.
pub(super) fn any_damage() -> impl Strategy<Value = (Index, Index, &'static str)> {
    let token = prop::sample::select(vec![
        "",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\u{0}",
        "x",
        " ",
        "{\"a\":",
        "}{",
        "\\u12",
        "null",
        "\"events\":[",
        "\u{feff}",
        "//",
    ]);
    (any::<Index>(), any::<Index>(), token)
}

pub(super) fn damaged(line: &str, (from, to, token): (Index, Index, &str)) -> String {
    let (from, to) = (from.index(line.len() + 1), to.index(line.len() + 1));
    format!("{}{token}{}", &line[..from.min(to)], &line[from.max(to)..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whatever_is_done_to_one_line_the_others_come_out(damage in any_damage(), at in 0..8_usize, crlf: bool) {
        let events = numbered(8);
        let mut lines = events.clone();
        lines[at] = damaged(&lines[at], damage);
        // A bracket may begin a list that continues on the next line: first in its line, after an event, in an envelope.
        prop_assume!(!lines[at].trim_start_matches('\u{feff}').starts_with('[') && !lines[at].ends_with('['));
        let body = lines.join(if crlf { "\r\n" } else { "\n" });
        let items = whole(body.as_bytes(), Framing::Sniffed);
        let mut found = items.iter().filter_map(|(_, item)| item.as_ref().ok());
        for (number, event) in events.iter().enumerate().filter(|(number, _)| *number != at) {
            prop_assert!(found.any(|text| text == event), "{number}: {items:?}\n{body}");
        }
    }

    #[test]
    fn whatever_is_done_to_one_element_most_others_come_out(damage in any_damage(), at in 0..8_usize) {
        let events = numbered(8);
        let mut lines = events.clone();
        lines[at] = damaged(&lines[at], damage);
        let body = format!("[\n{}\n]\n", lines.join(",\n"));
        let items = whole(body.as_bytes(), Framing::Sniffed);
        let texts: Vec<_> = items.iter().filter_map(|(_, item)| item.as_ref().ok()).collect();
        let kept = events.iter().filter(|event| texts.contains(event)).count();
        prop_assert!(kept >= 6, "{kept}: {items:?}\n{body}");
    }
}
