//! An object without its catalog: the information that its segments hold about themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| atrail_store::fuzzing::object_file(bytes));
