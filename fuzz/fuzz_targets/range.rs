//! The `Range` header of a download.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &str)| atrail_server::fuzzing::range(input.1, input.0));
