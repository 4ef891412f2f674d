//! Queries that are refused: where, and why.

use atrail_search::Query;

#[track_caller]
fn refused(query: &str, column: usize, words: &str) {
    match Query::parse(query) {
        Ok(read) => panic!("{query} was read as {:?}", read.expr),
        Err(error) => {
            assert_eq!(error.column, column, "{query}: {error}");
            assert!(error.message.contains(words), "{query}: {error}");
        }
    }
}

#[test]
fn what_has_no_meaning_is_refused_with_its_column() {
    for (query, column, words) in [
        ("actor:", 7, "a value must follow the colon"),
        ("actor: ann", 7, "a value must follow the colon directly"),
        ("(actor:ann", 1, "never closed"),
        ("actor:ann)", 10, "no parenthesis is open"),
        ("()", 2, "a condition is missing"),
        ("actor:()", 8, "a condition is missing"),
        ("actor:\"ann", 7, "never closed"),
        ("\"ann", 1, "never closed"),
        ("ann\\", 4, "backslash"),
        ("AND ann", 1, "AND needs a condition on both sides"),
        ("ann AND", 8, "missing at the end"),
        ("ann OR OR bob", 8, "OR needs a condition"),
        ("ann NOT", 8, "missing at the end"),
        ("ann or bob", 5, "upper case: OR"),
        ("ann && bob", 5, "write AND"),
        ("ann || bob", 5, "write OR"),
        ("!ann", 1, "write -x or NOT x"),
        ("+ann", 1, "leave the plus out"),
        ("- ann", 1, "must follow the minus directly"),
        ("--ann", 1, "two minus signs"),
        ("ann~2", 4, "~ has no meaning here"),
        ("action:ann~2", 11, "~ has no meaning here"),
        ("from:10.0.0.0/99", 6, "this is no network"),
        ("from:2001:db8::/129", 6, "this is no network"),
        ("\"ann\"^2", 6, "must end before this"),
        ("[1 TO 5]", 1, "a range needs a field"),
        (">5", 1, "a comparison needs a field"),
        ("/ann/", 1, "a regular expression needs a field"),
        ("actor=ann", 6, "actor:value"),
        ("outcome!=success", 8, "-outcome:value"),
        ("reason>=400", 7, "reason:>value"),
        ("actor:ann:action:delete", 11, "put a blank before action:"),
        ("actor:action:delete", 7, "put a blank before action:"),
        (
            "actor:(ann action:delete)",
            12,
            "put a blank before action:",
        ),
        ("10:29:28", 3, "quote it"),
        (":x", 1, "the name of a field is missing"),
        ("\"\":x", 1, "the name of the field is missing"),
        ("init*.name:x", 5, "no wildcards"),
        ("actor:ann(x)", 10, "must end before this"),
        ("ann(x)", 4, "must end before this"),
        ("actor:\"ann\"x", 12, "must end before this"),
        ("reason:[400 500]", 13, "TO"),
        ("reason:[400 to 500]", 13, "TO in upper case"),
        ("reason:[400 TO 500", 8, "never closed"),
        ("reason:[500 TO 400]", 9, "nothing lies in this range"),
        ("reason:[ TO 400]", 13, "TO in upper case"),
        ("reason:>", 9, "must follow the comparison"),
        ("reason:>4*", 9, "no wildcards"),
        ("time:yesterday", 6, "a time is a day"),
        ("time:2026-11", 6, "a time is a day"),
        ("time:2026-11*", 6, "no wildcards"),
        ("time:/2026/", 6, "eventTime"),
        (
            "time:[2026-11-02 TO 2026-11-01]",
            7,
            "nothing lies in this range",
        ),
        ("time:[2026-11-01 TO 2026-13-01]", 21, "a time is a day"),
        ("action:/(/", 8, "cannot be read"),
        ("action:/del.*", 8, "does not end with a slash"),
        ("action:/\\w{900}{900}/", 8, "shorten"),
        ("_exists_:init*", 10, "the name of one field"),
        ("_exists_:", 10, "a value must follow"),
        ("\"-\"", 1, "no letter and no digit"),
        ("é \"-\"", 3, "no letter and no digit"),
        ("...", 1, "no letter and no digit"),
    ] {
        refused(query, column, words);
    }
}

#[test]
fn queries_have_limits() {
    let long = |part: &str, times: usize| part.repeat(times);
    refused(&long("x", 70_000), 1, "at most 65536");
    refused(&long("(", 100), 65, "more than 64 deep");
    refused(&long("NOT ", 100), 257, "more than 64 deep");
    refused(&long("-(", 100), 65, "more than 64 deep");
    refused(&long("a ", 1001), 2001, "more than 1000 conditions");
    refused(&format!("{}x", long("?", 33)), 1, "at most 32");
    refused(&long("a:/x/ ", 33), 195, "more than 32 regular expressions");
    refused(&long("a:x? ", 33), 163, "more than 32 regular expressions");
    refused(&long("x?/y? ", 17), 97, "more than 32 regular expressions");
    refused(&format!("a:/{}/", long("x", 1001)), 3, "at most 1000");
    refused(&format!("{}:x", long("x", 501)), 1, "at most 500");
    // Controls: one less of each.
    for query in [
        long("x", 65_536),
        format!("{}a{}", long("(", 64), long(")", 64)),
        long("a ", 1000),
        format!("{}x", long("?", 32)),
        long("a:/x/ ", 32),
        format!("a:/{}/", long("x", 1000)),
        format!("{}:x", long("x", 500)),
    ] {
        assert!(Query::parse(&query).is_ok(), "{:.80}", query);
    }
}
