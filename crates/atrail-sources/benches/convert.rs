//! The time of one conversion, by format: `cargo bench -p atrail-sources`.

#![allow(missing_docs, clippy::unwrap_used)]

use atrail_model::{Timestamp, event};
use atrail_sources::{Engine, Framing, Payload, SourceKind, Strictness};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// One event of each format, as long as usual ones.
const EVENTS: [(&str, &str); 4] = [
    ("cadf", include_str!("cadf.json")),
    ("kubernetes", include_str!("kubernetes.json")),
    ("cloudtrail", include_str!("cloudtrail.json")),
    ("generic", include_str!("generic.json")),
];

fn text(format: &str) -> &'static [u8] {
    let (_, text) = EVENTS.iter().find(|(name, _)| *name == format).unwrap();
    text.trim_ascii().as_bytes()
}

/// From a payload to CADF, its format found by itself.
#[divan::bench(args = ["cadf", "kubernetes", "cloudtrail", "generic"])]
fn payload(bencher: Bencher<'_, '_>, format: &str) {
    let payload = Payload {
        text: text(format).into(),
        ..Payload::default()
    };
    let engine = Engine::embedded();
    let mut reader = engine.reader(SourceKind::Auto, Strictness::Lenient);
    bencher
        .counter(BytesCount::new(payload.text.len()))
        .bench_local(|| {
            black_box(reader.read(black_box(&payload)).unwrap())
                .text
                .len()
        });
}

/// A body of a thousand lines, up to the event that is stored.
#[divan::bench(args = ["cadf", "kubernetes", "cloudtrail"])]
fn body(bencher: Bencher<'_, '_>, format: &str) {
    let line = [text(format), b"\n"].concat();
    let body = line.repeat(1000);
    let now = Timestamp::MAX;
    bencher.counter(ItemsCount::new(1000_u64)).bench_local(|| {
        let items = Engine::embedded().split(black_box(&body), SourceKind::Auto, Framing::Sniffed);
        let admitted = items.filter(|item| {
            let candidate = item.as_ref().unwrap();
            event::admit(&candidate.text, now, String::new).is_ok()
        });
        assert_eq!(admitted.count(), 1000);
    });
}
