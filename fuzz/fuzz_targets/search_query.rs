//! A query's text, and a line that need not be JSON.
#![no_main]

use atrail_search::{Matcher, Query};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (text, line) = input;
    match Query::parse(text) {
        Ok(query) => {
            let again = Query::parse(&query.canonical()).expect("a canonical text is a query");
            assert_eq!(again.expr, query.expr);
            let matcher = Matcher::new(&query);
            let _ = matcher.matches(line);
        }
        Err(error) => assert!(error.column <= text.chars().count() + 1),
    }
    atrail_search::each_value(line, |_, _| {});
});
