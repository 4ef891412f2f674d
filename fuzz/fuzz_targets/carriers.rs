//! The bodies of other products' senders: the walk over any of them ends, in linear time, and every payload becomes an
//! event, the same one each time.
#![no_main]

use atrail_carriers::{bulk, hec};
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
});

fn reader() -> Reader<'static> {
    static ENGINE: std::sync::LazyLock<Engine> = std::sync::LazyLock::new(Engine::embedded);
    ENGINE.reader(SourceKind::Auto, Strictness::Lenient)
}

fn becomes_an_event(reader: &mut Reader<'_>, payload: &Payload<'_>) {
    let made = reader.read(payload).expect("a lenient reader refuses nothing");
    assert!(made.text.len() <= EVENT_MAX_BYTES);
    let no_id = || unreachable!("what the engine makes has an id");
    let admitted = event::admit(&made.text, Timestamp::MAX, no_id);
    admitted.expect("what the engine makes is an event");
}
