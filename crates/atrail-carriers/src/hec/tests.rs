use proptest::prelude::*;

use super::*;

fn seen(body: &str) -> Vec<String> {
    let text = |payload: Payload<'_>| {
        let Hints {
            id,
            time,
            host,
            source,
        } = payload.hints;
        assert_eq!(id, None);
        let text = String::from_utf8(payload.text.into_owned()).unwrap();
        let time = time.map(|time| time.to_string());
        [
            Some(text),
            time,
            host.map(Into::into),
            source.map(Into::into),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<String>>()
        .join(" | ")
    };
    events(body.as_bytes()).map(text).collect()
}

#[test]
fn objects_follow_each_other_in_any_form() {
    let one = r#"{"event":{"n":1}}"#;
    let two = r#"{"event":{"n":2}}"#;
    for body in [
        format!("{one}{two}"),
        format!("{one}\n{two}\n"),
        format!(" {one} \r\n\n {two}"),
        format!("[{one},{two}]"),
        format!("[ {one} , {two} ]\n"),
        format!("[{one}][{two}]"),
    ] {
        assert_eq!(seen(&body), [r#"{"n":1}"#, r#"{"n":2}"#], "{body}");
    }
    assert!(seen("").is_empty() && seen(" \n").is_empty() && seen("[]").is_empty());
}

#[test]
fn a_body_with_nothing_to_keep_is_told_from_one_with_something() {
    use Lacking::{Content, Event};
    for (body, expected) in [
        ("{}", &[Event][..]),
        (r#"{"event":null}"#, &[Event]),
        (
            r#"{"time":1,"host":"h","source":"s","sourcetype":"t","index":"i","fields":{}}"#,
            &[Event],
        ),
        (r#"{"event":""}"#, &[Content]),
        (r#"{"event":" \n\t","time":"1"}"#, &[Content]),
        (r#"[{"event":""},{}]"#, &[Content, Event]),
        // What can be kept, is.
        ("", &[]),
        (r#"{"event":"a"}"#, &[]),
        (r#"{"event":{}}"#, &[]),
        (r#"{"event":"{}"}"#, &[]),
        (r#"{"event":0}"#, &[]),
        (r#"{"event":"a"}{}"#, &[]),
        (r#"{}{"event":"a"}"#, &[]),
        (r#"{"message":"a"}"#, &[]),
        (r#"{"event":"","fields":{"metric_name:cpu":1}}"#, &[]),
        ("{\"event\":", &[]),
        ("text", &[]),
        ("null", &[]),
    ] {
        assert_eq!(lacking(body.as_bytes()), expected, "{body}");
    }
}

#[test]
fn the_payload_is_the_event_and_the_rest_are_hints() {
    for (object, expected) in [
        (
            r#"{"time":1795675589.747,"host":"h","source":"s","sourcetype":"_json","index":"main","event":{"a":[1]}}"#,
            r#"{"a":[1]} | 2026-11-26T06:46:29.747Z | h | s"#,
        ),
        (
            r#"{"time":"1795675589.747","event":"a \"quoted\" line"}"#,
            r#"a "quoted" line | 2026-11-26T06:46:29.747Z"#,
        ),
        (
            r#"{"time":"now","host":7,"source":null,"event":"{\"action\":\"read\"}"}"#,
            r#"{"action":"read"}"#,
        ),
        (r#"{"event":[1,2]}"#, "[1,2]"),
        (r#"{"event":7}"#, "7"),
    ] {
        assert_eq!(seen(object), [expected], "{object}");
    }
}

#[test]
fn an_object_without_an_event_is_its_own_payload() {
    for object in [
        r#"{"n":1}"#,
        r#"{"event":null,"host":""}"#,
        r#"{"event":""}"#,
        r#"{"event":" "}"#,
        "{}",
    ] {
        assert_eq!(seen(object), [object]);
    }
}

#[test]
fn damaged_text_is_a_payload_and_costs_no_other() {
    let good = r#"{"event":{"n":1}}"#;
    for (body, expected) in [
        (format!("{good}\nno JSON\n{good}"), vec!["no JSON"]),
        (format!("{good}{{\"event\":}}{good}"), vec!["{\"event\":}"]),
        (
            format!("[{good},{{\"event\":}},{good}]"),
            vec!["{\"event\":},"],
        ),
        (
            format!("{good}\n{{\"event\":\"cut\n{good}"),
            vec!["{\"event\":\"cut"],
        ),
        (format!("{good}{good}{{\"event\":"), vec![]),
    ] {
        let seen = seen(&body);
        let (kept, damaged): (Vec<_>, Vec<_>) =
            seen.into_iter().partition(|text| text == r#"{"n":1}"#);
        assert_eq!(kept.len(), 2, "{body}");
        if !expected.is_empty() {
            assert_eq!(damaged, expected, "{body}");
        }
        assert_eq!(damaged.len(), 1, "{body}");
    }
}

#[test]
fn raw_lines_have_the_hints_of_the_query() {
    let hints = Hints {
        host: Some("h".into()),
        ..Hints::default()
    };
    let payloads: Vec<_> = raw(b"one\r\n\n{\"n\":2}\n  three", &hints).collect();
    let texts: Vec<_> = payloads.iter().map(|payload| &*payload.text).collect();
    assert_eq!(texts, [&b"one"[..], b"{\"n\":2}", b"three"]);
    assert!(
        payloads
            .iter()
            .all(|payload| payload.hints.host.as_deref() == Some("h"))
    );
}

#[test]
fn unclosed_objects_are_read_a_few_times_and_kept_whole() {
    let body = b"{\"a\":[\n".repeat(100_000);
    let texts: Vec<_> = events(&body).map(|payload| payload.text).collect();
    assert!(texts.len() <= IN_VAIN_MAX + 2, "{}", texts.len());
    // Each loses the line break at its end.
    let kept: usize = texts.iter().map(|text| text.len() + 1).sum();
    assert_eq!(kept, body.len());
}

proptest! {
    /// Whatever a body is, the walk ends, and every byte that is not between objects is in some payload or was read as a
    /// part of an object.
    #[test]
    fn the_walk_over_anything_ends(body in "[\\[\\]{}\",:a1 \\n\\\\e]{0,200}") {
        let mut bytes = 0;
        for payload in events(body.as_bytes()) {
            bytes += payload.text.len().max(1);
        }
        prop_assert!(bytes <= body.len());
    }
}
