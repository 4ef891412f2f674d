//! The body of `POST /v3/events`, with each `type=` that names a format.
#![no_main]

use atrail_sources::{Framing, SourceKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for kind in SourceKind::all().filter(|kind| *kind != SourceKind::Auto) {
        for framing in [Framing::Sniffed, Framing::Lines] {
            atrail_server::fuzzing::ingest(body, kind, framing);
        }
    }
});
