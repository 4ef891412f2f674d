use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limits::EVENT_MAX_BYTES;

const EVENT: &str = r#"{"typeURI":"http://schemas.dmtf.org/cloud/audit/1.0/event","id":"e1","eventType":"activity","eventTime":"2017-10-19T19:07:50.32+0000","action":"create","outcome":"success","initiator":{"id":"u"},"target":{"id":"t"},"reason":{"reasonCode":200}}"#;

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn take(text: &str) -> Result<Event<'_>, EventError> {
    admit(text.as_bytes(), now(), || "fresh".to_owned())
}

fn line(text: &str) -> String {
    String::from_utf8(take(text).unwrap().line.into_owned()).unwrap()
}

fn refusal(text: &str) -> String {
    take(text).unwrap_err().to_string()
}

/// Returns the event with one member replaced, or removed.
fn with(member: &str, value: Option<Value>) -> String {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    let members = event.as_object_mut().unwrap();
    members.remove(member);
    if let Some(value) = value {
        members.insert(member.to_owned(), value);
    }
    event.to_string()
}

#[test]
fn keeps_an_event_on_one_line_byte_for_byte() {
    let event = take(EVENT).unwrap();
    assert_eq!(event.line, Cow::Borrowed(EVENT.as_bytes()));
    assert!(matches!(event.line, Cow::Borrowed(_)), "nothing is copied");
    assert_eq!((&*event.id, event.id_added), ("e1", false));
    assert_eq!(event.time.to_string(), "2017-10-19T19:07:50.32Z");
    assert_eq!(
        (event.day.to_string().as_str(), event.hour.number()),
        ("2017-10-19", 19)
    );
    let spaced = EVENT
        .replace(':', " :\t")
        .replace(" :\t//", "://")
        .replace("19 :\t07 :\t50", "19:07:50");
    assert_eq!(line(&format!(" \r\n{spaced}\n ")), spaced);
}

#[test]
fn event_times_can_be_read_alone() {
    let time = read_event_time("2017-09-17 15:15:32.396 +0000 UTC");
    assert_eq!(time.unwrap().to_string(), "2017-09-17T15:15:32.396Z");
    assert_eq!(read_event_time("yesterday"), None);
}

#[test]
fn takes_line_breaks_out_between_tokens_only() {
    let text = EVENT
        .replace("\"create\"", "\"a \\n \\\" { \\\\\"")
        .replace(',', " ,\r\n\t ");
    let expected = EVENT.replace("\"create\"", "\"a \\n \\\" { \\\\\"");
    assert_eq!(line(&text), expected);
}

#[test]
fn adds_a_missing_id_as_the_last_member() {
    let text = EVENT.replace("\"id\":\"e1\",", "");
    let event = take(&text).unwrap();
    assert_eq!((&*event.id, event.id_added), ("fresh", true));
    let expected = format!("{},\"id\":\"fresh\"}}", text.strip_suffix('}').unwrap());
    assert_eq!(event.line, expected.as_bytes());
    assert_eq!(text::with_id(b"{ }", "a\"b"), br#"{ "id":"a\"b"}"#);
}

#[test]
fn resolves_escapes_and_lets_the_last_duplicate_count() {
    let text = EVENT
        .replace("\"eventTime\"", "\"event\\u0054ime\"")
        .replace(
            "\"id\":\"e1\"",
            "\"id\":1e999,\"i\\u0064\":\"\\u0065\\u0032\"",
        );
    assert_eq!(take(&text).unwrap().id, "e2");
    assert_eq!(line(&text), text);
}

#[test]
fn does_not_read_what_it_does_not_need() {
    for extra in [
        r#""n":1e999"#,
        r#""n":-0.00000000000000000000000000001"#,
        r#""x":1,"x":2"#,
        r#""x":"\ud800""#,
    ] {
        let text = EVENT.replace("\"id\"", &format!("{extra},\"id\""));
        assert_eq!(line(&text), text);
    }
}

#[test]
fn ids_instead_of_resources_will_do() {
    for (resource, id) in [("initiator", "initiatorId"), ("target", "targetId")] {
        assert!(take(&with(resource, None)).is_err());
        let text = with(resource, None).replacen('{', &format!("{{\"{id}\":\"x\","), 1);
        take(&text).unwrap();
    }
    take(&with("eventType", None)).unwrap();
    take(&with("typeURI", None)).unwrap();
    take(&with("outcome", Some(json!("no such word")))).unwrap();
}

#[test]
fn says_what_is_wrong_and_what_would_be_right() {
    for (member, value, message) in [
        (
            "action",
            None,
            "action is missing; a CADF event needs eventTime, action",
        ),
        ("target", None, "target, or targetId, is missing"),
        (
            "initiator",
            Some(json!("me")),
            "\"initiator\" is a string; it must be an object",
        ),
        (
            "outcome",
            Some(json!(1)),
            "\"outcome\" is a number; it must be a string",
        ),
        (
            "id",
            Some(json!("")),
            "\"id\" is empty; it must be a string that is not empty",
        ),
        ("id", Some(json!(null)), "\"id\" is null; it must be"),
        (
            "eventType",
            Some(json!("Activity")),
            "it must be activity, monitor or control",
        ),
        ("eventType", Some(json!([])), "\"eventType\" is an array"),
        (
            "eventTime",
            Some(json!(1_700_000_000)),
            "\"eventTime\" is a number; it must be a string",
        ),
        (
            "eventTime",
            Some(json!("yesterday\u{1b}[2J")),
            "\"eventTime\" is \"yesterday\\u{1b}[2J\": not a time",
        ),
        (
            "eventTime",
            Some(json!("1969-12-31T23:59:59Z")),
            "before 1970-01-01",
        ),
        (
            "eventTime",
            Some(json!("2026-11-23T12:00:00.000000001Z")),
            "more than 24 hours ahead",
        ),
    ] {
        let found = refusal(&with(member, value));
        assert!(found.contains(message), "{member}: {found}");
    }
    take(&with("eventTime", Some(json!("2026-11-23T12:00:00Z")))).unwrap();
    take(&with("eventTime", Some(json!("1970-01-01T00:00:00Z")))).unwrap();
}

#[test]
fn names_the_place_where_json_ends() {
    for (text, message) in [
        ("", "found nothing"),
        ("[]", "found an array"),
        (
            "# note",
            "line 1, column 1 of the event (comments are not JSON",
        ),
        (
            "{\n  \"a\": 1, // x\n}",
            "line 2, column 11 of the event (comments are not JSON",
        ),
        (
            "{\"a\":1,\n ...}",
            "line 2, column 2 of the event (an ellipsis is not JSON",
        ),
        ("{\"a\":1,}", "column 8 of the event (remove the comma"),
        (
            "{\"a\":[1]\"b\":2}",
            "column 9 of the event (a comma is missing",
        ),
        (
            "{\"a\":True}",
            "(JSON spells null, true and false in lower case)",
        ),
        ("{'a':1}", "(JSON strings need straight double quotes)"),
        ("{\"a\":1", "(the text ends before the event does)"),
        ("{\"a\":1} {}", "trailing characters, at line 1, column 9"),
        ("{\"a\":\"\n\"}", "control character"),
    ] {
        let found = refusal(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
    let error = admit(b"{\"a\":\"\xff\"}", now(), String::new).unwrap_err();
    assert_eq!(error, EventError::NotUtf8 { offset: 6 });
}

#[test]
fn size_and_depth_have_limits() {
    let filler = |bytes: usize| {
        EVENT.replacen(
            "\"id\"",
            &format!("\"pad\":\"{}\",\"id\"", "x".repeat(bytes)),
            1,
        )
    };
    let room = EVENT_MAX_BYTES - filler(0).len();
    take(&filler(room)).unwrap();
    assert_eq!(
        take(&filler(room + 1)),
        Err(EventError::TooLarge {
            size_bytes: EVENT_MAX_BYTES + 1
        })
    );

    let nested = |depth: usize| {
        with("d", None).replacen(
            '{',
            &format!("{{\"d\":{}{},", "[".repeat(depth), "]".repeat(depth)),
            1,
        )
    };
    take(&nested(JSON_MAX_DEPTH - 1)).unwrap();
    assert_eq!(take(&nested(JSON_MAX_DEPTH)), Err(EventError::TooDeep));
    assert_eq!(take(&nested(200_000)), Err(EventError::TooDeep));
    assert_eq!(take(&"{\"a\":".repeat(200_000)), Err(EventError::TooDeep));
    let flat = with("d", Some(json!(["[[{{\\\"[".repeat(99), [[], [], {}]])));
    take(&flat).unwrap();
}

#[test]
fn reads_every_form_of_time() {
    let same = "2017-10-19T19:07:50.32Z".parse::<Timestamp>().unwrap();
    for text in [
        "2017-10-19T19:07:50.32+0000",
        "2017-10-19T19:07:50.32+00:00",
        "2017-10-19T19:07:50.32-00:00",
        "2017-10-19T19:07:50.320Z",
        "2017-10-19t19:07:50.320000000z",
        "2017-10-19T13:07:50.32-06:00",
        "2017-10-20T00:37:50.32+0530",
        "2017-10-19 19:07:50.32 +0000 UTC",
        "2017-10-19 19:07:50.32 +0000",
        "2017-10-19 19:07:50.32",
        "2017-10-19T19:07:50.32",
        "2017-10-19T19: 07: 50.32+0000",
        "2017-10-19T19:07:50,32Z",
        "2017-10-19 19:07:50,320",
        "2017-10-19T19:07:50.3200000009Z",
        "2017-10-19T19:07:50.320000000000000000000999+00:00",
        "2017-10-19T19:07:50.32Z[UTC]",
        "2017-10-19T21:07:50.32+02:00[Europe/Berlin]",
        "2017-10-19T19:07:50.32+00:00[Etc/GMT+0]",
        "2017-10-19 19:07:50.32+00",
        "2017-10-19 21:07:50.32+02",
        "2017-10-19 19:07:50.32 +00:00:00",
        "2017-10-19T19:27:22.32+00:19:32",
        "2017-10-19 19:07:50.32 UTC",
        "2017-10-19 19:07:50.32 GMT",
        "2017-10-19 19:07:50.32 +0000 UTC m=+0.000012345",
        "2017-10-19 21:07:50.32 +0200 CEST",
        "2017-10-19 21:07:50.32 +0200 CEST m=-5.1",
        "2017-10-20 00:52:50.32 +0545 +0545 m=+0.1",
        "2017-10-19 19:07:50.32 m=+0.1",
    ] {
        assert_eq!(time::parse(text.as_bytes()), Ok(same), "{text}");
    }
    let whole = "2017-10-19T19:07:00Z".parse::<Timestamp>().unwrap();
    for text in [
        "2017-10-19T19:07Z",
        "2017-10-19T19:07",
        "2017-10-19 19:07",
        "2017-10-19T20:07+01:00",
        "2017-10-19T20:07+01:00[Europe/Paris]",
        "2017-10-19T19:07Z[UTC]",
        "2017-10-19 19:07 +0000 UTC",
    ] {
        assert_eq!(time::parse(text.as_bytes()), Ok(whole), "{text}");
    }
    let leap = time::parse(b"2016-12-31T23:59:60Z").unwrap();
    assert_eq!(leap.to_string(), "2016-12-31T23:59:59.999999999Z");
    assert_eq!(time::parse(b"2017-01-01T05:29:60.5+05:30"), Ok(leap));
}

#[test]
fn refuses_every_other_form_of_time() {
    for text in [
        "",
        "2017-10-19",
        "2017-10-19T19",
        "2017-10-19T19Z",
        "2017-10-19T1907Z",
        "2017-10-19T19:07:",
        "2017-10-19T19:07.5Z",
        "2017-10-19T19:07:50.",
        "2017-10-19T19:07:50,Z",
        "2017-10-19T19:07:50.3,2Z",
        "2017-10-19T19:07:50Z[",
        "2017-10-19T19:07:50Z[]",
        "2017-10-19T19:07:50Z[UTC",
        "2017-10-19T19:07:50Z[!u-ca=hebrew]",
        "2017-10-19T19:07:50[Europe/Berlin]",
        "2017-10-19T19:07:50 [UTC]",
        "2017-10-19T19:07:50 +0545 +0530",
        "2017-10-19T19:07:50 +0100 GMT",
        "2017-10-19T19:07:50 +0100 cet",
        "2017-10-19T19:07:50 m=0.1",
        "2017-10-19T19:07:50Z m=+",
        "2017-10-19T19:07:50Z m=+1x",
        "2017-10-19T19:07:50 UTCX",
        "2017-13-19T19:07:50Z",
        "2017-02-29T19:07:50Z",
        "2017-10-19T24:00:00Z",
        "2017-10-19T19:60:00Z",
        "2017-10-19T19:07:60Z",
        "2017-10-19T19:07:61Z",
        "2017-10-19T19:07:50 ",
        "2017-10-19T19:07:50+0",
        "2017-10-19T19:07:50+000",
        "2017-10-19T19:07:50+24",
        "2017-10-19T19:07:50+00:00:60",
        "2017-10-19T19:07:50+24:00",
        "2017-10-19T19:07:50+00:60",
        "2017-10-19T19:07:50 CET",
        "2017-10-19T19:07:50 -0600 UTC",
        "2017-10-19T19:07:50ZZ",
        "2017-10-19T19 :07:50Z",
        "2017-10-19T 19:07:50Z",
        " 2017-10-19T19:07:50Z",
        "+017-10-19T19:07:50Z",
        "２017-10-19T19:07:50Z",
        "1508440070",
        "Thu, 19 Oct 2017 19:07:50 GMT",
        "9999-12-31T23:59:59-23:00",
    ] {
        assert!(time::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn a_time_that_is_not_clear_is_refused_by_name() {
    for (text, reason) in [
        ("", "the time is empty"),
        ("2017-10-19", "a date without a time"),
        ("1508440070", "a number does not say what it counts"),
        ("1508440070.123", "a number does not say what it counts"),
        ("Thu Oct 19 19:07:50 UTC 2017", "names of days and months"),
        (
            "2017-10-19T19:07:50 CET",
            "an abbreviation names several zones",
        ),
        (
            "2017-10-19T19:07:50[Europe/Berlin]",
            "leaves the time open where clocks go back",
        ),
        ("2017-10-19T19:07:50 -0600 UTC", "contradict each other"),
        ("2017-10-19T19:07:50 +0200 +0100", "two offsets contradict"),
        ("2017-10-19T19:07:50.", "needs digits"),
    ] {
        let found = time::parse(text.as_bytes()).unwrap_err();
        assert!(found.contains(reason), "{text}: {found}");
    }
}

#[test]
fn the_first_and_the_last_moment_are_whole_days_apart_from_what_is_refused() {
    let at = |time: &str, now: &str| {
        let text = with("eventTime", Some(json!(time)));
        let now = now.parse().unwrap();
        let day = admit(text.as_bytes(), now, String::new).map(|event| event.day.to_string());
        day.map_err(|error| error.to_string())
    };
    for early in [
        "1969-12-31T23:59:59.000000001Z",
        "1969-12-31T23:59:59.5Z",
        "1969-12-31T23:59:59.999999999Z",
        "1970-01-01T00:59:59.5+01:00",
        "1970-01-01T00:59:59.9999999999+01:00",
    ] {
        let refused = at(early, "2026-11-22T12:00:00Z").unwrap_err();
        assert!(refused.contains("before 1970-01-01"), "{early}: {refused}");
    }
    let first = at("1970-01-01T00:00:00.000000001Z", "2026-11-22T12:00:00Z");
    assert_eq!(first.as_deref(), Ok("1970-01-01"));
    let last = at("2149-06-06T23:59:59.999999999Z", "2149-06-06T00:00:00Z");
    assert_eq!(last.as_deref(), Ok("2149-06-06"));
    let late = at("2149-06-07T00:00:00Z", "2149-06-07T00:00:00Z").unwrap_err();
    assert!(late.contains("after 2149-06-06 UTC"), "{late}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ \\t\\r\\n\"\\\\{}\\[\\]:,a]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

prop_compose! {
    /// Generates an event with arbitrary further members, and whether it has an id.
    fn any_event()(extra in prop::collection::btree_map("x[a-z\"\\\\\n]{0,5}", any_json(), 0..5), has_id: bool) -> (Value, bool) {
        let mut event: Value = serde_json::from_str(EVENT).unwrap();
        let members = event.as_object_mut().unwrap();
        members.extend(extra);
        if !has_id {
            members.remove("id");
        }
        (event, has_id)
    }
}

proptest! {
    #[test]
    fn the_line_means_what_the_text_means((event, has_id) in any_event(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&event) } else { serde_json::to_string(&event) }.unwrap();
        let stored = line(&text);
        prop_assert!(!stored.contains(['\r', '\n']));
        let mut expected = event;
        if !has_id {
            expected["id"] = json!("fresh");
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&stored).unwrap(), expected);
        prop_assert_eq!(line(&stored), stored.as_str());
        if !pretty && has_id {
            prop_assert_eq!(stored, text);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = admit(&bytes, now(), || "fresh".to_owned());
    }

    #[test]
    fn no_damage_panics_or_breaks_the_line(
        (event, _) in any_event(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"{}[]\",:\\\n\r 0ae\xff\x00".to_vec())), 1..4),
    ) {
        let mut text = serde_json::to_vec_pretty(&event).unwrap();
        for (at, byte) in damage {
            let at = at.index(text.len());
            text[at] = byte;
        }
        if let Ok(event) = admit(&text, now(), || "fresh".to_owned()) {
            prop_assert!(memchr::memchr2(b'\r', b'\n', &event.line).is_none());
            prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&event.line).is_ok());
        }
    }

    #[test]
    fn times_in_rfc_3339_are_read_as_another_reader_reads_them(second in 0_i64..4_000_000_000, nanosecond in 0_i32..1_000_000_000) {
        let moment = Timestamp::new(second, nanosecond).unwrap();
        prop_assert_eq!(time::parse(moment.to_string().as_bytes()), Ok(moment));
    }
}
