//! A receipt from an unknown source, against a file.
#![no_main]

use atrail_evidence::{Expectations, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (receipt, file) = input;
    // With a signature line below it, an unsigned text reaches deeper checks.
    let signed = format!("{receipt}\n\n— a AAAAAAAA\n");
    for text in [receipt, &signed] {
        let expected = Expectations {
            since: Some(text.to_owned()),
            ..Expectations::default()
        };
        let _ = verify(text, &expected, file);
    }
});
