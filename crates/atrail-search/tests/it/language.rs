//! What a query means: texts with one meaning, and the canonical text.

use atrail_search::Query;

fn canonical(query: &str) -> String {
    Query::parse(query)
        .unwrap_or_else(|error| panic!("{query}: {error}"))
        .canonical()
}

#[test]
fn queries_of_one_meaning_have_one_canonical_text() {
    for (canonical_text, spellings) in [
        ("", vec!["", " \t ", "*", "(*)"]),
        (
            "\"ann\"",
            vec![
                "ann",
                "ANN",
                "\"ann\"",
                "(ann)",
                "@ann!",
                "a\\nn",
                "ann ann",
                "ann OR ann",
            ],
        ),
        (
            "\"foo bar\"",
            vec!["foo-bar", "\"foo bar\"", "foo/bar", "\"Foo, bar.\""],
        ),
        (
            "actor:\"ann\"",
            vec![
                "actor:ann",
                "ACTOR:ANN",
                "actor:\"ann\"",
                "actor:(ann)",
                "\"actor\":ann",
            ],
        ),
        (
            "actor:\"ann\" action:\"delete\"",
            vec![
                "actor:ann action:delete",
                "actor:ann AND action:delete",
                "(actor:ann (action:delete))",
            ],
        ),
        (
            "(actor:\"ann\" OR actor:\"bob\") -outcome:\"success\"",
            vec![
                "actor:(ann OR bob) -outcome:success",
                "(actor:ann OR actor:bob) NOT outcome:success",
            ],
        ),
        (
            "\"a\" OR (\"b\" \"c\")",
            vec!["a OR b c", "a OR (b AND c)", "a OR b AND c"],
        ),
        ("-\"a\" \"b\"", vec!["-a b", "NOT a b", "NOT a AND b"]),
        ("-(\"a\" OR \"b\")", vec!["-(a OR b)", "NOT (a OR b)"]),
        (
            "from:10.0.0.0/8",
            vec!["from:10.0.0.0/8", "from:10.1.2.3/8"],
        ),
        ("action:/^(cre|del)/", vec!["action:/^(cre|del)/"]),
        (
            "from:2001:db8::1/128",
            vec!["from:2001:db8::1", "from:2001:0DB8::0001"],
        ),
        (
            "target:\"crn:v1:bluemix:public:x:us-south:a/e:s:b:\"",
            vec!["target:crn:v1:bluemix:public:x:us-south:a/e:s:b:"],
        ),
        ("\"crn v1 action y z\"", vec!["crn:v1:action:y:z"]),
        (
            "x:\"https://h/a?action:b\"",
            vec!["x:https://h/a\\?action:b"],
        ),
        (
            "reason:>=\"400\"",
            vec!["reason:>=400", "reason:[400 TO *]", "reason:>=\"400\""],
        ),
        (
            "reason:[\"400\" TO \"500\"}",
            vec!["reason:[400 TO 500}", "reason:[ 400 TO \"500\" }"],
        ),
        (
            "reason:*",
            vec![
                "reason:*",
                "_exists_:reason",
                "reason:[* TO *]",
                "_exists_:\"reason\"",
            ],
        ),
        (
            "time:[2026-11-01T00:00:00.000000000Z TO 2026-11-02T00:00:00.000000000Z}",
            vec![
                "time:2026-11-01",
                "time:[2026-11-01 TO 2026-11-02}",
                "time:[2026-11-01 TO 2026-11-01]",
            ],
        ),
        (
            "time:[* TO 2026-11-01T00:00:00.000000000Z}",
            vec!["time:<2026-11-01"],
        ),
        ("path:\"/v2/x\"", vec!["path:/v2/x", "path:\"/v2/x\""]),
        ("path:/v2\\/x/", vec!["path:/v2\\/x/"]),
        ("action:del*e", vec!["action:del*e", "action:DEL**E"]),
        ("say\\ it:\"x\"", vec!["say\\ it:x", "\"say it\":x"]),
        ("x:\"-5\"", vec!["x:-5"]),
        // Names that look like the beginning of something else are names where a backslash says so.
        (
            "\\ab:2001:db8::/32",
            vec!["\\ab:2001:db8::/32", "ab:(2001:db8::/32)"],
        ),
        ("\\10.x:\"y\"", vec!["\\10.x:y", "\"10.x\":y"]),
        ("\\urn:2001:db8::1/128", vec!["\\urn:2001:db8::1"]),
    ] {
        for spelling in &spellings {
            assert_eq!(canonical(spelling), canonical_text, "{spelling}");
            assert_eq!(canonical(canonical_text), canonical_text);
        }
    }
}

#[test]
fn a_query_names_its_fields() {
    let query = Query::parse(
        "actor:(ann OR bob) -_exists_:reason x.y:>1 actor:c some words time:2026-11-01",
    )
    .unwrap();
    let names: Vec<&str> = query.fields().iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["actor", "reason", "x.y"]);
}

#[test]
fn text_is_kept_as_given() {
    let text = " actor:Ann  OR x";
    assert_eq!(Query::parse(text).unwrap().text, text);
    assert_eq!(Query::all().canonical(), "");
}
