//! The JSON bodies of the other requests below `/v3`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| atrail_server::fuzzing::requests(body));
