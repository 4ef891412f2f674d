//! Payloads of carriers: the first byte chooses the type, and zero bytes separate the payloads of a request.
#![no_main]

use atrail_sources::{Engine, Hints, Payload, SourceKind, Strictness};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, texts)) = input.split_first() else {
        return;
    };
    let kinds: Vec<_> = SourceKind::all().collect();
    let kind = kinds[usize::from(*choice) % kinds.len()];
    let texts: Vec<_> = texts.split(|byte| *byte == 0).collect();
    let read = |strictness| {
        let engine = Engine::embedded();
        let mut reader = engine.reader(kind, strictness);
        let made = texts.iter().map(|text| {
            let payload = Payload {
                text: (*text).into(),
                hints: Hints::default(),
            };
            let made = reader.read(&payload).ok()?;
            Some(made.text.into_owned())
        });
        made.collect::<Vec<_>>()
    };
    let made = read(Strictness::Lenient);
    for text in &made {
        let text = text.as_ref().expect("a lenient reader refuses nothing");
        assert!(text.len() <= atrail_model::limits::EVENT_MAX_BYTES);
        let event = atrail_model::event::admit(text, atrail_model::Timestamp::MAX, String::new);
        assert!(!event.expect("it is an event").id_added);
    }
    assert_eq!(made, read(Strictness::Lenient));
    read(Strictness::Strict);
});
