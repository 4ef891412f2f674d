//! The body of `POST /v3/events`, as `type=kong`.
#![no_main]

use atrail_sources::{Framing, SourceKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for framing in [Framing::Sniffed, Framing::Lines] {
        atrail_server::fuzzing::ingest(body, SourceKind::Kong, framing);
    }
});
