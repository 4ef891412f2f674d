//! A file of the write-ahead log.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| atrail_store::fuzzing::log_file(bytes));
