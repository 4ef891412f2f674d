use jiff::tz::TimeZone;

use super::*;

fn place() -> Place {
    Place {
        zone: TimeZone::UTC,
        now: "2026-01-02T03:04:05Z".parse().unwrap(),
        peer: "192.0.2.7".to_owned(),
    }
}

fn read(message: &str) -> Message {
    Message::read(message.as_bytes(), false, &place())
}

fn text(message: &str) -> String {
    String::from_utf8(read(message).payload.text.into_owned()).unwrap()
}

#[test]
fn messages_of_rfc_5424() {
    // The examples of §6.5.
    assert_eq!(
        text(
            "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed on /dev/pts/8"
        ),
        r#"{"syslog":5424,"facility":"auth","severity":"crit","timestamp":"2003-10-11T22:14:15.003000000Z","hostname":"mymachine.example.com","app_name":"su","msgid":"ID47","message":"'su root' failed on /dev/pts/8"}"#
    );
    assert_eq!(
        text("<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time"),
        r#"{"syslog":5424,"facility":"local4","severity":"notice","timestamp":"2003-08-24T12:14:15.000003000Z","hostname":"192.0.2.1","app_name":"myproc","procid":"8710","message":"%% It's time"}"#
    );
    assert_eq!(
        text(
            r#"<165>1 2003-10-11T22:14:15Z h evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="A\"p\\\]\n"][examplePriority@32473 class="high"]"#
        ),
        r#"{"syslog":5424,"facility":"local4","severity":"notice","timestamp":"2003-10-11T22:14:15.000000000Z","hostname":"h","app_name":"evntslog","msgid":"ID47","structured_data":{"exampleSDID@32473":{"iut":"3","eventSource":"A\"p\\]\\n"},"examplePriority@32473":{"class":"high"}},"message":""}"#
    );
    // Fluent Bit leaves the host and the program out.
    let nil = read("<14>1 2026-01-02T03:04:05.678Z - - - - - {\"a\": 1}\n");
    assert_eq!(
        std::str::from_utf8(&nil.payload.text),
        Ok(
            r#"{"syslog":5424,"facility":"user","severity":"info","timestamp":"2026-01-02T03:04:05.678000000Z","message":{"a": 1}}"#
        )
    );
    assert_eq!(nil.payload.hints.host.as_deref(), Some("192.0.2.7"));
    assert!(nil.has_fraction);
}

#[test]
fn messages_of_rfc_3164_and_their_variants() {
    for (message, expected) in [
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            r#"{"syslog":3164,"facility":"auth","severity":"crit","timestamp":"2025-10-11T22:14:15.000000000Z","hostname":"mymachine","app_name":"su","message":"'su root' failed"}"#,
        ),
        (
            "<86>Jan  2 03:04:06 h sshd[42]: Accepted",
            r#"{"syslog":3164,"facility":"authpriv","severity":"info","timestamp":"2026-01-02T03:04:06.000000000Z","hostname":"h","app_name":"sshd","procid":"42","message":"Accepted"}"#,
        ),
        (
            "<13>2026-01-02T03:04:05.123456+01:00 h sudo: root : x",
            r#"{"syslog":3164,"facility":"user","severity":"notice","timestamp":"2026-01-02T02:04:05.123456000Z","hostname":"h","app_name":"sudo","message":"root : x"}"#,
        ),
        (
            "<189>*Feb 29 2024 10:00:00.5: %SYS-5-CONFIG_I: Configured",
            r#"{"syslog":3164,"facility":"local7","severity":"notice","timestamp":"2024-02-29T10:00:00.500000000Z","message":"%SYS-5-CONFIG_I: Configured"}"#,
        ),
        (
            "<13>Jan  2 03:04:05 app: @cee: {\"x\":1}",
            r#"{"syslog":3164,"facility":"user","severity":"notice","timestamp":"2026-01-02T03:04:05.000000000Z","app_name":"app","message":{"x":1}}"#,
        ),
        (
            "<13>{\"x\":1}",
            r#"{"syslog":3164,"facility":"user","severity":"notice","message":{"x":1}}"#,
        ),
        ("no header", r#"{"syslog":3164,"message":"no header"}"#),
        ("<192>x", r#"{"syslog":3164,"message":"<192>x"}"#),
        (
            "<13>1 x",
            r#"{"syslog":3164,"facility":"user","severity":"notice","message":"1 x"}"#,
        ),
        // The time is none, so that all is the message.
        (
            "<13>Feb 30 10:00:00 h a: b",
            r#"{"syslog":3164,"facility":"user","severity":"notice","message":"Feb 30 10:00:00 h a: b"}"#,
        ),
    ] {
        assert_eq!(text(message), expected, "{message}");
    }
}

#[test]
fn a_time_without_a_year_or_a_zone_is_the_nearest_in_its_place() {
    let mut place = place();
    place.zone = TimeZone::get("Europe/Berlin").unwrap();
    for (now, message, expected) in [
        (
            "2026-01-01T00:00:10Z",
            "Dec 31 23:59:59 h a: b",
            "2025-12-31T22:59:59.000000000Z",
        ),
        (
            "2025-12-31T23:59:00Z",
            "Jan  1 01:00:01 h a: b",
            "2026-01-01T00:00:01.000000000Z",
        ),
        (
            "2026-07-01T00:00:00Z",
            "Jul  1 02:00:00 h a: b",
            "2026-07-01T00:00:00.000000000Z",
        ),
        // A day of leap years alone.
        (
            "2026-03-01T00:00:00Z",
            "Feb 29 12:00:00 h a: b",
            "2027-02-28T00:00:00Z",
        ),
    ] {
        place.now = now.parse().unwrap();
        let read = Message::read(message.as_bytes(), false, &place);
        let text = String::from_utf8(read.payload.text.into_owned()).unwrap();
        if message.starts_with("Feb 29") {
            assert!(!text.contains("timestamp"), "{text}");
            assert_eq!(read.payload.hints.time, Some(place.now));
        } else {
            assert!(text.contains(expected), "{text}");
        }
        assert!(!read.has_fraction);
    }
}

fn framed(chunks: &[&[u8]]) -> (Vec<String>, bool) {
    let mut found = Vec::new();
    let mut frames = Frames::default();
    let mut pass = |bytes: &[u8], _: bool| found.push(String::from_utf8_lossy(bytes).into_owned());
    let is_framed = chunks
        .iter()
        .all(|chunk| frames.feed(chunk, &mut pass).is_ok());
    frames.finish(&mut pass);
    (found, is_framed)
}

#[test]
fn both_framings_are_told_apart_and_read_in_any_chunks() {
    for (stream, expected) in [
        (
            &b"<1>a\n<1>b\r\n\n<1>c"[..],
            &["<1>a", "<1>b\r", "<1>c"][..],
        ),
        (b"<1>a\0<1>b\0", &["<1>a", "<1>b"]),
        (
            b"4 <1>a6 <1>b\nc5 <1>\n\n3 <1>",
            &["<1>a", "<1>b\nc", "<1>\n\n", "<1>"],
        ),
        // A line feed after a counted message, and a sender that changes its framing.
        (
            b"4 <1>a\n4 <1>b<1>c\n4 <1>d",
            &["<1>a", "<1>b", "<1>c", "<1>d"],
        ),
        (b"0 4 <1>a", &["<1>a"]),
        (b"text\n17 is no length\n", &["text", "17 is no length"]),
        (b"", &[]),
    ] {
        assert_eq!(
            framed(&[stream]),
            (expected.iter().map(|&s| s.to_owned()).collect(), true)
        );
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(framed(&single), framed(&[stream]));
    }
    // A counted message that is cut is none.
    assert_eq!(framed(&[b"9 <1>a"]), (vec![], true));
    for stream in [&b"4x<1>a"[..], b"1234567890 <1>", b"4 <1>ax"] {
        assert!(!framed(&[stream]).1, "{stream:?}");
    }
}

#[test]
fn a_long_message_is_cut_and_the_next_one_is_whole() {
    let long = vec![b'x'; MESSAGE_MAX_BYTES + 5];
    let exact = vec![b'y'; MESSAGE_MAX_BYTES];
    let lines = [b"<1>", &long[..], b"\n", &exact, b"\n<1>a\n"].concat();
    let counted = [
        format!("{} ", long.len()).as_bytes(),
        &long,
        format!("{} ", exact.len()).as_bytes(),
        &exact,
        b"4 <1>a",
    ]
    .concat();
    for (stream, is_counted) in [(lines, false), (counted, true)] {
        let mut found = Vec::new();
        let mut frames = Frames::default();
        for chunk in stream.chunks(1000) {
            let mut pass = |bytes: &[u8], is_cut| found.push((bytes.len(), is_cut));
            frames.feed(chunk, &mut pass).unwrap();
        }
        let max = MESSAGE_MAX_BYTES;
        assert_eq!(
            found,
            [(max, true), (max, false), (4, false)],
            "{is_counted}"
        );
    }
}
