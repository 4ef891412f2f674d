//! The lines of an object.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| atrail_store::fuzzing::object(bytes));
