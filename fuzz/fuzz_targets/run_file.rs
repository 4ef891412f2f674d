//! A dedup run: a file of the sealed events' keys.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| atrail_store::fuzzing::run_file(bytes));
