//! The engine through its two interfaces, which must always agree.

mod counts;
mod limits;
mod recovery;
mod table;

use proptest::prelude::*;

use crate::{Candidate, Framing, Refusal, SourceKind, Stream, split};

type Found = (u64, Result<String, String>);

fn found(item: Result<Candidate<'_>, Refusal>) -> Found {
    match item {
        Ok(candidate) => {
            let text = String::from_utf8_lossy(&candidate.text).into_owned();
            (candidate.line, Ok(text))
        }
        Err(refusal) => (refusal.line, Err(refusal.to_string())),
    }
}

fn whole(body: &[u8], framing: Framing) -> Vec<Found> {
    split(body, SourceKind::Auto, framing).map(found).collect()
}

/// Returns the same for input in chunks, with the largest number of buffered bytes.
fn streamed(body: &[u8], framing: Framing, chunk_bytes: usize) -> (Vec<Found>, usize) {
    let mut stream = Stream::new(SourceKind::Auto, framing);
    let mut items = Vec::new();
    let mut most_kept = 0;
    for chunk in body.chunks(chunk_bytes) {
        stream.feed(chunk);
        most_kept = most_kept.max(stream.kept_bytes());
        while let Some(item) = stream.next_item() {
            items.push(found(item));
        }
    }
    stream.finish();
    while let Some(item) = stream.next_item() {
        items.push(found(item));
    }
    (items, most_kept)
}

fn sniffed(body: &str) -> Vec<Found> {
    let items = whole(body.as_bytes(), Framing::Sniffed);
    for chunk_bytes in [1, 2, 7] {
        let (same, _) = streamed(body.as_bytes(), Framing::Sniffed, chunk_bytes);
        assert_eq!(same, items, "in chunks of {chunk_bytes}: {body:?}");
    }
    items
}

fn event(line: u64, text: &str) -> Found {
    (line, Ok(text.to_owned()))
}

#[track_caller]
fn assert_refused((line, item): &Found, at_line: u64, message: &str) {
    let error = item.as_ref().unwrap_err();
    assert!(
        *line == at_line && error.contains(message),
        "line {line}: {error}"
    );
}

#[test]
fn every_framing_gives_the_same_events() {
    let (a, b) = (
        r#"{"eventTime":1,"s":"}\"]"}"#,
        r#"{"eventTime": [{}, 2] }"#,
    );
    for (body, lines) in [
        (format!("{a}\n{b}"), [1, 2]),
        (format!("\u{feff}\r\n\n{a}\r\n \n{b}\r\n"), [3, 5]),
        (format!("{a}{b}"), [1, 1]),
        (format!("{a} {b}\n"), [1, 1]),
        (format!("[{a},{b}]"), [1, 1]),
        (format!("[\n {a},\n {b}\n]\n"), [2, 3]),
        (format!("[{a}]\n[{b}]"), [1, 2]),
        (format!("{{\"events\":[{a},{b}]}}"), [1, 1]),
        (
            format!("{{\"previous\":\"}}\",\"events\" : [\n{a},{b}],\"total\":4}}"),
            [2, 2],
        ),
        (
            format!("{{\"events\":[{a}],\"next\":{{}}}}\n{{\"events\":[{b}]}}"),
            [1, 2],
        ),
        (
            format!("{{\"payload\":{a}}}\n{{\"x\":[],\"payload\" :{b}}}"),
            [1, 2],
        ),
        (format!("{{\"x\":1,\n\"payload\":\n{a}\n}}\n{b}"), [3, 5]),
        (
            format!("[{{\"payload\":{a}}},{{\"events\":[[{b}]]}}]"),
            [1, 1],
        ),
    ] {
        assert_eq!(
            sniffed(&body),
            [event(lines[0], a), event(lines[1], b)],
            "{body:?}"
        );
    }
    let pretty = "{\n  \"eventTime\": 1\n}\n";
    assert_eq!(
        sniffed(&format!("{pretty}{pretty}")),
        [event(1, pretty.trim_end()), event(4, pretty.trim_end())]
    );
}

#[test]
fn nothing_holds_nothing() {
    for body in [
        "",
        "\n \r\n",
        "\u{feff}",
        "[]",
        "[ ]\n[]",
        "{\"events\":[]}",
        "{\"events\":[],\"total\":0}\n",
    ] {
        assert_eq!(sniffed(body), [], "{body:?}");
    }
}

#[test]
fn an_event_may_have_members_named_as_wrappings_are() {
    for text in [
        r#"{"events":[{"a":1}],"eventTime":"x"}"#,
        r#"{"payload":{"a":1},"eventTime":"x"}"#,
        r#"{"events":3}"#,
        r#"{"payload":"x"}"#,
        r#"{"a":{"events":[],"payload":{}}}"#,
    ] {
        assert_eq!(sniffed(text), [event(1, text)]);
        assert_eq!(sniffed(&format!("[{text}]")), [event(1, text)]);
    }
}

#[test]
fn in_lines_a_bad_line_costs_only_itself() {
    let good = r#"{"eventTime":1}"#;
    let body = format!(
        "{good}\nnonsense\n{{\"a\":\n{{\"payload\":{good}}} x\n[{good},]\n[{good}] x\n{{\"events\":[{good},3}}\n\n{good}"
    );
    let items = sniffed(&body);
    assert_eq!(
        items[..4],
        [
            event(1, good),
            event(2, "nonsense"),
            event(3, "{\"a\":"),
            event(4, &format!("{{\"payload\":{good}}} x"))
        ]
    );
    assert_eq!(items[4], event(5, good));
    assert_refused(&items[5], 5, "expected an event but found `]` at column 18");
    assert_eq!(items[6], event(6, good));
    assert_refused(
        &items[7],
        6,
        "expected the end of the line but found `x` at column 19",
    );
    assert_eq!(items[8..10], [event(7, good), event(7, "3")]);
    assert_refused(
        &items[10],
        7,
        "a comma or the end of the array but found `}`",
    );
    assert_eq!(items[11..], [event(9, good)]);
    assert_eq!(whole(body.as_bytes(), Framing::Lines), items);
}

#[test]
fn a_first_line_that_is_cut_leaves_the_others_readable() {
    let good = r#"{"eventTime":1}"#;
    for first in ["me\":1}", "# events of today", "{\"a\":\"cut", "[1,\"cut"] {
        let items = sniffed(&format!("{first}\n{good}\n{good}\n"));
        assert_eq!(
            items[items.len() - 2..],
            [event(2, good), event(3, good)],
            "{first}"
        );
        assert!(items.len() > 2);
    }
}

#[test]
fn what_came_before_a_break_stands() {
    let good = r#"{"eventTime":1}"#;
    let items = sniffed(&format!("[\n{good},\n{good}\n{good}]"));
    assert_eq!(items[..2], [event(2, good), event(3, good)]);
    assert_refused(
        &items[2],
        4,
        "expected a comma or the end of the array but found `{` at column 1",
    );

    let items = sniffed(&format!(
        "{{\n\"events\":[\n{good},\n// no more\n]}}\n{good}"
    ));
    assert_eq!(items[0], event(3, good));
    assert_refused(&items[1], 4, "(comments are not JSON; remove them)");
    assert_eq!(
        items[2],
        event(6, good),
        "brackets tell where the list ends"
    );

    let items = sniffed(&format!("{{\"events\":[\n{good},{{\"eventTime\":"));
    assert_eq!(items[0], event(2, good));
    assert_refused(
        &items[1],
        2,
        "expected the rest of this value but found the end of the text",
    );

    let items = sniffed(&format!("[\n{good},{{\"eventTime\":\"\n\"}}]\n{good}"));
    assert_eq!(items[0], event(2, good));
    assert_refused(
        &items[1],
        2,
        "expected the end of a string but found the end of the line",
    );
    assert!(
        items[1]
            .1
            .as_ref()
            .unwrap_err()
            .ends_with("; 1 line after it was not read")
    );
    assert_eq!(items[2..], [event(4, good)], "the next that begins a line");

    let items = sniffed(&format!("{{\"payload\":{good}\n\"x\":1}}"));
    assert_eq!(items.len(), 1, "half an envelope vouches for nothing");
}

fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\n",
        "\r\n",
        " ",
        "1",
        "x",
        "é",
        "null",
        "\"a\"",
        "\"events\":[",
        "\"payload\":{",
        "\"eventTime\":1",
        "{\"eventTime\":\"x\"}",
        "{\"events\":[{\"eventTime\":1}]}",
        "{\"payload\":{\"b\":[]}}",
        "\u{feff}",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn chunks_make_no_difference(body in any_input(), chunk_bytes in 1_usize..9, lines: bool) {
        let framing = if lines { Framing::Lines } else { Framing::Sniffed };
        let (items, _) = streamed(&body, framing, chunk_bytes);
        prop_assert_eq!(items, whole(&body, framing));
    }

    #[test]
    fn lines_are_those_of_the_input(body in any_input()) {
        for item in split(&body, SourceKind::Auto, Framing::Sniffed) {
            let line = match item {
                Ok(candidate) => {
                    let start = candidate.text.as_ptr() as usize - body.as_ptr() as usize;
                    let expected = 1 + body[..start].iter().filter(|&&byte| byte == b'\n').count() as u64;
                    prop_assert_eq!(candidate.line, expected);
                    expected
                }
                Err(refusal) => refusal.line,
            };
            let lines = 1 + body.iter().filter(|&&byte| byte == b'\n').count() as u64;
            prop_assert!(line <= lines);
        }
    }

    #[test]
    fn json_lines_come_out_as_they_went_in(values in prop::collection::vec("[ -~]{0,20}", 1..6), kind in 0..4_usize) {
        let events: Vec<String> = values
            .iter()
            .map(|text| serde_json::json!({"eventTime": text, "x": [text, {"events": text}]}).to_string())
            .collect();
        let body = match kind {
            0 => events.join("\n"),
            1 => format!("[{}]", events.join(" ,\n ")),
            2 => format!("{{\"x\":\"]}}\",\"events\":[{}],\"y\":[]}}", events.join(",")),
            _ => events.concat(),
        };
        let texts: Vec<String> = whole(body.as_bytes(), Framing::Sniffed).into_iter().map(|(_, text)| text.unwrap()).collect();
        prop_assert_eq!(texts, events);
    }
}
