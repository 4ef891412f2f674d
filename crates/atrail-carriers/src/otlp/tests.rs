use std::ops::ControlFlow;

use atrail_model::Timestamp;

use super::*;
use crate::wire::{put_bytes, put_varint};

type Read = Vec<(String, Option<String>, Option<Timestamp>)>;

fn read(encoding: Encoding, body: &[u8]) -> Result<Read, Fault> {
    let mut payloads = Vec::new();
    decode(encoding, body, &mut |payload| {
        payloads.push((
            String::from_utf8(payload.text.into_owned()).unwrap(),
            payload.hints.id.map(|id| id.into_owned()),
            payload.hints.time,
        ));
        ControlFlow::Continue(())
    })
    .map(|()| payloads)
}

fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, bytes) in fields {
        put_bytes(&mut out, *number, bytes);
    }
    out
}

fn pair(name: &str, value: &[u8]) -> Vec<u8> {
    message(&[(1, name.as_bytes()), (2, value)])
}

fn text(text: &str) -> Vec<u8> {
    message(&[(1, text.as_bytes())])
}

fn number(field: u8, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, field, value);
    out
}

fn fixed64(field: u8, value: u64) -> Vec<u8> {
    [&[field << 3 | 1][..], &value.to_le_bytes()].concat()
}

const JSON: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},
 {"key":"host.name","value":{"stringValue":"h"}}],"unknown":[1]},"scopeLogs":[{"scope":{"name":"lib","version":"1"},
 "logRecords":[{"timeUnixNano":"1544712660300000000","observedTimeUnixNano":1544712660400000000,"severityNumber":9,
 "severityText":"INFO","eventName":"user.delete","body":{"stringValue":"Ann \"deleted\" caf\u00e9"},"attributes":[
 {"key":"event.id","value":{"stringValue":"e-1"}},{"key":"n","value":{"intValue":"-7"}},{"key":"m","value":{"intValue":7}},
 {"key":"d","value":{"doubleValue":2.5}},{"key":"inf","value":{"doubleValue":"Infinity"}},{"key":"t","value":{"boolValue":true}},
 {"key":"l","value":{"arrayValue":{"values":[{"stringValue":"x"},{}]}}},
 {"key":"k","value":{"kvlistValue":{"values":[{"key":"a.b","value":{"stringValue":"c"}}]}}},
 {"key":"b","value":{"bytesValue":"/wA="}}],"flags":1,"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174"},
 {"observedTimeUnixNano":"1544712660400000000","body":null}]}]}]}"#;

const FIRST: &str = r#"{"timeUnixNano":"1544712660300000000","observedTimeUnixNano":"1544712660400000000","severityNumber":9,"severityText":"INFO","eventName":"user.delete","body":"Ann \"deleted\" café","attributes":{"event.id":"e-1","n":-7,"m":7,"d":2.5,"inf":"Infinity","t":true,"l":["x",null],"k":{"a.b":"c"},"b":"/wA="},"flags":1,"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","resource":{"service.name":"shop","host.name":"h"},"scope":{"name":"lib","version":"1"}}"#;
const SECOND: &str = r#"{"observedTimeUnixNano":"1544712660400000000","resource":{"service.name":"shop","host.name":"h"},"scope":{"name":"lib","version":"1"}}"#;

fn protobuf() -> Vec<u8> {
    let infinity = f64::INFINITY.to_bits();
    let list = message(&[(1, &text("x")), (1, b"")]);
    let map = message(&[(1, &pair("a.b", &text("c")))]);
    let attributes = [
        pair("event.id", &text("e-1")),
        pair("n", &number(3, (-7_i64).cast_unsigned())),
        pair("m", &number(3, 7)),
        pair("d", &fixed64(4, 2.5_f64.to_bits())),
        pair("inf", &fixed64(4, infinity)),
        pair("t", &number(2, 1)),
        pair("l", &message(&[(5, &list)])),
        pair("k", &message(&[(6, &map)])),
        pair("b", &message(&[(7, b"\xff\x00")])),
    ];
    let trace = 0x5B8E_FFF7_9803_8103_D269_B633_813F_C60C_u128.to_be_bytes();
    let span = 0xEEE1_9B7E_C3C1_B174_u64.to_be_bytes();
    let mut first = [
        fixed64(1, 1_544_712_660_300_000_000),
        fixed64(11, 1_544_712_660_400_000_000),
        number(2, 9),
        message(&[(3, b"INFO"), (12, b"user.delete")]),
        message(&[(5, &text("Ann \"deleted\" café"))]),
        message(&attributes.each_ref().map(|pair| (6, &pair[..]))),
        message(&[(9, &trace), (10, &span), (15, b"unknown")]),
    ]
    .concat();
    first.extend([8 << 3 | 5, 1, 0, 0, 0]);
    let second = fixed64(11, 1_544_712_660_400_000_000);
    let scope = message(&[(1, b"lib"), (2, b"1")]);
    // The scope and the resource come after what they stand for.
    let logs = message(&[(2, &first), (2, &second), (1, &scope)]);
    let resource = message(&[
        (1, &pair("service.name", &text("shop"))),
        (1, &pair("host.name", &text("h"))),
    ]);
    message(&[(1, &message(&[(2, &logs), (1, &resource)]))])
}

#[test]
fn both_encodings_become_the_same_payloads() {
    let from_json = read(Encoding::Json, JSON.as_bytes()).unwrap();
    let time = |text: &str| Some(text.parse().unwrap());
    let expected = [
        (
            FIRST.to_owned(),
            Some("e-1".to_owned()),
            time("2018-12-13T14:51:00.3Z"),
        ),
        (SECOND.to_owned(), None, time("2018-12-13T14:51:00.4Z")),
    ];
    assert_eq!(from_json, expected);
    assert_eq!(read(Encoding::Protobuf, &protobuf()).unwrap(), expected);
}

#[test]
fn cut_bodies_are_refused_in_both_encodings() {
    for end in 0..JSON.len() {
        assert!(
            read(Encoding::Json, &JSON.as_bytes()[..end]).is_err(),
            "{end}"
        );
    }
    let body = protobuf();
    for end in 1..body.len() {
        assert!(read(Encoding::Protobuf, &body[..end]).is_err(), "{end}");
    }
    assert_eq!(read(Encoding::Protobuf, b""), Ok(vec![]));
    assert_eq!(read(Encoding::Json, b"{}"), Ok(vec![]));
    for body in [
        "[]",
        r#"{"resourceLogs":{}}"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[1]}]}]}"#,
    ] {
        assert!(matches!(
            read(Encoding::Json, body.as_bytes()),
            Err(Fault::Malformed(_))
        ));
    }
}

#[test]
fn values_of_any_depth_and_bytes_that_are_no_text_are_read() {
    let mut value = text("deep\u{1}");
    let mut json = r#"{"stringValue":"deep"}"#.to_owned();
    for _ in 0..200 {
        value = message(&[(5, &message(&[(1, &value)]))]);
        json = format!(r#"{{"arrayValue":{{"values":[{json}]}}}}"#);
    }
    let record = message(&[(5, &value), (3, b"\xff")]);
    let body = message(&[(1, &message(&[(2, &message(&[(2, &record)]))]))]);
    let made = read(Encoding::Protobuf, &body).unwrap();
    serde_json::from_str::<serde_json::Value>(&made[0].0).unwrap();
    assert!(
        made[0].0.starts_with("{\"severityText\":\"\u{fffd}\""),
        "{}",
        made[0].0
    );

    let body =
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{json}}}]}}]}}]}}"#);
    let made = read(Encoding::Json, body.as_bytes()).unwrap();
    assert!(made[0].0.contains("deep"));
    let broken =
        b"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"eventName\":\"\xff\"}]}]}]}";
    assert_eq!(
        read(Encoding::Json, broken).unwrap()[0].0,
        "{\"eventName\":\"\u{fffd}\"}"
    );
}

#[test]
fn a_long_resource_for_many_records_is_refused() {
    let name = "x".repeat(1 << 20);
    let records = vec![(2, &b""[..]); 300];
    let resource = message(&[(1, &pair(&name, b""))]);
    let body = message(&[(1, &message(&[(1, &resource), (2, &message(&records))]))]);
    assert_eq!(read(Encoding::Protobuf, &body), Err(Fault::TooMuch));
}

#[test]
fn answers_are_in_the_encoding_of_the_request() {
    use Encoding::{Json, Protobuf};
    assert_eq!(success(Protobuf, 0, ""), b"");
    assert_eq!(success(Json, 0, ""), b"{}");
    assert_eq!(
        success(Protobuf, 300, "no"),
        b"\x0a\x07\x08\xac\x02\x12\x02no"
    );
    assert_eq!(
        success(Json, 3, "\"no\""),
        br#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"\"no\""}}"#
    );
    assert_eq!(status(Protobuf, 429, "wait"), b"\x08\x08\x12\x04wait");
    assert_eq!(
        status(Json, 503, "wait"),
        br#"{"code":14,"message":"wait"}"#
    );
    for (media_type, body, encoding) in [
        ("application/x-protobuf", &b"{"[..], Protobuf),
        ("APPLICATION/JSON", b"\n", Json),
        ("", b" {}", Json),
        ("text/plain", b"\x0a", Protobuf),
    ] {
        assert_eq!(Encoding::of(media_type, body), encoding);
    }
}
