//! An index file, and the length of its footer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, &[u8])| {
    let (footer_bytes, bytes) = input;
    atrail_search::index::fuzzing::index_file(bytes, footer_bytes.into());
});
