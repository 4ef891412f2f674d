//! Bodies with a malformed part: kept, refused and unread items account for everything that was sent.

use atrail_api::{AckOrRefusal, DaySummary, IngestCounts, paths};
use serde_json::Value;

use crate::support::{Client, Made, TestServer, event, event_at};

async fn stored(client: &Client) -> u64 {
    let days: Vec<DaySummary> = client.get("/v3/events?SearchTime=0-9").made().await;
    days.iter().map(|day| day.count).sum()
}

/// Returns status and counts of a body; the request asks for counts alone.
async fn counts(client: &Client, body: String) -> (u16, IngestCounts) {
    let request = client
        .post(paths::EVENTS)
        .header("Prefer", "return=minimal");
    let (status, text) = request.body(body).seen().await;
    (status, serde_json::from_str(&text).unwrap())
}

fn lines(from: usize, bad_at: usize, bad: impl Fn(&str) -> String) -> String {
    let line = |number: usize| {
        let event = event(from + number);
        if number == bad_at { bad(&event) } else { event }
    };
    (0..10).map(|number| line(number) + "\n").collect()
}

#[tokio::test]
async fn one_bad_line_costs_itself_wherever_it_is() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    type Damage = fn(&str) -> String;
    let damages: [(&str, Damage); 7] = [
        ("a comma after it", |line| format!("{line},")),
        ("cut behind a colon", |line| {
            line.split_inclusive(':').next().unwrap().to_owned()
        }),
        ("cut in a string", |line| line[..40].to_owned()),
        ("cut, and the next glued to it", |line| {
            format!("{}{line}", &line[..40])
        }),
        ("NUL before it", |line| format!("\0\0\0{line}")),
        ("a byte order mark before it", |line| {
            format!("\u{feff}x{line}")
        }),
        ("no JSON at all", |_| "2017-07-25 INFO started".to_owned()),
    ];
    let mut sent = 0;
    for (what, damage) in damages {
        for at in [0, 1, 5, 9] {
            let (status, counts) = counts(&admin, lines(sent, at, damage)).await;
            sent += 10;
            assert_eq!(status, 207, "{what} at {at}");
            assert_eq!(
                (counts.accepted, counts.refused, counts.not_read),
                (9, 1, 0),
                "{what} at {at}"
            );
        }
    }
    assert_eq!(stored(&admin).await, u64::try_from(sent / 10 * 9).unwrap());
}

#[tokio::test]
async fn what_is_not_read_is_told() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let printed = |id: usize| event(id).replace(",\"", ",\n  \"");
    let body = format!(
        "{}\n-- page 2 --\n-- of 7 --\n{}\n{}",
        printed(1),
        printed(2),
        printed(3)
    );
    let request = admin.post(paths::EVENTS).body(body.clone());
    let (status, text) = request.seen().await;
    assert_eq!(status, 207);
    let answer: Vec<AckOrRefusal> = serde_json::from_str(&text).unwrap();
    assert_eq!(answer.len(), 4);
    let AckOrRefusal::Refusal {
        index,
        line,
        error,
        not_read,
    } = &answer[1]
    else {
        panic!("{text}");
    };
    assert_eq!((*index, *not_read), (1, 1));
    assert_eq!(*line, 1 + printed(1).lines().count() as u64);
    assert!(error.ends_with("; 1 line after it was not read"), "{error}");
    let (status, counts) = counts(&admin, body).await;
    assert_eq!((status, counts.accepted, counts.duplicates), (207, 3, 3));
    assert_eq!((counts.refused, counts.not_read), (1, 1));
}

#[tokio::test]
async fn a_list_goes_on_behind_a_broken_place() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let [a, b, c, d] = [1, 2, 3, 4].map(event);
    for (number, (body, accepted, refused)) in [
        (format!("[\n{a},\n{b}\n{c},\n{d}\n]"), 3, 1),
        (format!("[\n{a},\n{},\n{c},\n{d}\n]", &b[..50]), 3, 1),
        (format!("{{\"events\":[\n{a},\n// b\n{c},\n{d}\n]}}"), 3, 1),
        (format!("[{a},,{b},{c},{d}]"), 4, 1),
        (format!("[\n{a},\n{b},\n{c},\n{d}"), 4, 1),
    ]
    .into_iter()
    .enumerate()
    {
        // Different events each time, so that none is a duplicate.
        let body = body.replace("event-", &format!("of-{number}-"));
        let (status, counts) = counts(&admin, body).await;
        assert_eq!((status, counts.duplicates), (207, 0));
        assert_eq!(
            (counts.accepted, counts.refused, counts.not_read),
            (accepted, refused, 0)
        );
    }
    // The control: a well-formed list is no reason for 207.
    let (status, counts) = counts(&admin, format!("[\n{a},\n{b}\n]")).await;
    assert_eq!((status, counts.accepted, counts.refused), (200, 2, 0));
}

#[tokio::test]
async fn times_and_texts_that_others_write_are_taken_or_named() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for (id, time) in [
        "2017-07-25T09:15Z",
        "2017-07-25T10:15+01:00",
        "2017-07-25T09:15",
        "2017-07-25 09:15:00,123",
        "2017-07-25T09:15:00.1234567891Z[UTC]",
        "2017-07-25 09:15:00.1 +0000 UTC m=+0.1",
    ]
    .into_iter()
    .enumerate()
    {
        admin.send_events(event_at(id, time)).await;
    }
    assert_eq!(stored(&admin).await, 6);
    for (time, reason) in [
        ("1969-12-31T23:59:59.5Z", "before 1970-01-01"),
        ("1970-01-01T00:59:59.999+01:00", "before 1970-01-01"),
        ("2017-07-25T09:15:00[Europe/Berlin]", "leaves the time open"),
        ("2017-07-25 09:15:00 CET", "names several zones"),
    ] {
        let request = admin.post(paths::EVENTS).body(event_at(7, time));
        let (status, text) = request.seen().await;
        assert!(status == 400 && text.contains(reason), "{time}: {text}");
    }
    for started_at in ["-500", "-1", "1500973200"] {
        let kong =
            format!(r#"{{"started_at":{started_at},"request":{{}},"response":{{"status":200}}}}"#);
        let (status, text) = admin.post(paths::EVENTS).body(kong).seen().await;
        assert!(status == 400 && text.contains("milliseconds"), "{text}");
    }

    let half = event(8).replace("bucket", "J\\ud83d");
    let answer: Vec<Value> = admin.post(paths::EVENTS).body(half.clone()).made().await;
    assert_eq!(answer[0]["type"], "repaired");
    let again: Vec<Value> = admin.post(paths::EVENTS).body(half.clone()).made().await;
    assert_eq!(answer, again);
    assert_eq!(stored(&admin).await, 7, "it is stored once");
    let large = format!(
        r#"{{"started_at":1500973200000,"request":{{"method":"GET","uri":"{}"}},"response":{{"status":200}}}}"#,
        "\\\"".repeat(470_000)
    );
    let answer: Vec<Value> = admin.post(paths::EVENTS).body(large).made().await;
    assert_eq!(answer[0]["type"], "kong");
}
