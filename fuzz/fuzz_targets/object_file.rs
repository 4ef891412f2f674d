//! An object that was found without its catalog: what its segments say of themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| atrail_store::fuzzing::object_file(bytes));
