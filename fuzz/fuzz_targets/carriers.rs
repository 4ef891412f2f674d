//! The bodies of other products' senders: the walk over any of them ends, in linear time, and every payload becomes an
//! event, the same one each time.
#![no_main]

use std::ops::ControlFlow;

use atrail_carriers::otlp::{self, Encoding};
use atrail_carriers::syslog::{Frames, MESSAGE_MAX_BYTES, Message, Place};
use atrail_carriers::{Fault, Take, bulk, cloudevents, github, hec, kubernetes, okta, pangea, retraced};
use atrail_model::limits::EVENT_MAX_BYTES;
use atrail_model::{Timestamp, event};
use atrail_sources::{Engine, Hints, Payload, Reader, SourceKind, Strictness};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let mut bytes = 0;
    if let Ok(items) = bulk::items(body) {
        let mut reader = reader();
        for item in items {
            if let Ok(payload) = item.payload() {
                bytes += payload.text.len();
                becomes_an_event(&mut reader, &payload);
            }
        }
        assert!(bytes <= body.len(), "a document is a part of the body");
    }
    let mut reader = reader();
    let mut payloads = 0;
    for payload in hec::events(body) {
        payloads += 1;
        becomes_an_event(&mut reader, &payload);
    }
    assert!(payloads <= body.len(), "a payload is a part of the body");
    for payload in hec::raw(body, &Hints::default()) {
        becomes_an_event(&mut reader, &payload);
    }
    each(body, |take| otlp::decode(Encoding::Protobuf, body, take));
    each(body, |take| otlp::decode(Encoding::Json, body, take));
    each(body, |take| kubernetes::decode(body, take));
    each(body, |take| cloudevents::structured(body, take));
    each(body, |take| cloudevents::batched(body, take));
    each(body, |take| okta::decode(body, take));
    each(body, |take| pangea::decode(body, take));
    each(body, |take| retraced::bulk(body, take));
    let binary = cloudevents::binary(&mut [("id", body), ("type", b"t")], b"text/plain", body);
    becomes_an_event(&mut reader, &binary);
    for media_type in ["application/json", "application/x-www-form-urlencoded"] {
        if let Ok(payload) = github::delivery("push", "d", media_type, body) {
            becomes_an_event(&mut reader, &payload);
        }
    }
    let _ = retraced::Event::read(body).map(|event| event.hash("id"));
    syslog(body);
});

/// Every payload of a body becomes an event, and a body is read to its end or refused.
fn each<'a>(body: &'a [u8], decode: impl FnOnce(Take<'_, 'a>) -> Result<(), Fault>) {
    let mut reader = reader();
    let mut payloads = 0;
    let decoded = decode(&mut |payload| {
        payloads += 1;
        becomes_an_event(&mut reader, &payload);
        ControlFlow::Continue(())
    });
    assert!(payloads <= body.len().max(1), "a payload is a part of the body");
    drop(decoded);
}

/// The messages of a stream are the same in any chunks, and each becomes an event.
fn syslog(body: &[u8]) {
    let place = Place {
        zone: jiff::tz::TimeZone::UTC,
        now: Timestamp::from_second(1_800_000_000).expect("a time of this century"),
        peer: "192.0.2.1".to_owned(),
    };
    let messages = |chunk: usize| {
        let (mut frames, mut found) = (Frames::default(), Vec::new());
        let mut pass = |bytes: &[u8], is_cut: bool| found.push((bytes.to_vec(), is_cut));
        let fed: Result<(), _> = body.chunks(chunk).try_for_each(|chunk| frames.feed(chunk, &mut pass));
        if fed.is_ok() {
            frames.finish(&mut pass);
        }
        (found, fed)
    };
    let (found, fed) = messages(body.len().max(1));
    assert_eq!(messages(3), (found.clone(), fed));
    let mut reader = reader();
    for (bytes, is_cut) in found {
        assert!(bytes.len() <= MESSAGE_MAX_BYTES);
        let message = Message::read(&bytes, is_cut, &place);
        becomes_an_event(&mut reader, &message.payload);
    }
}

fn reader() -> Reader {
    static ENGINE: std::sync::LazyLock<Engine> = std::sync::LazyLock::new(Engine::embedded);
    ENGINE.reader(SourceKind::Auto, Strictness::Lenient)
}

fn becomes_an_event(reader: &mut Reader, payload: &Payload<'_>) {
    let made = reader.read(payload).expect("a lenient reader refuses nothing");
    assert!(made.text.len() <= EVENT_MAX_BYTES);
    let no_id = || unreachable!("what the engine makes has an id");
    let admitted = event::admit(&made.text, Timestamp::MAX, no_id);
    admitted.expect("what the engine makes is an event");
}
