use serde_json::json;

use super::*;

fn read_now(value: &Value) -> Result<Expr, Refusal> {
    let now = "2017-07-25T10:00:00Z".parse().unwrap();
    read(value, &Context { now })
}

/// Returns the query in our own language.
fn in_ours(value: Value) -> String {
    let expr = read_now(&value).unwrap_or_else(|refusal| panic!("{value}: {refusal:?}"));
    query_of(expr)
        .unwrap_or_else(|refusal| panic!("{value}: {refusal:?}"))
        .text
}

#[test]
fn clauses_mean_what_they_mean_in_our_language() {
    for (value, expected) in [
        (json!({"match_all": {}}), ""),
        (json!({"match_none": {}}), "-*"),
        (json!({"term": {"action": "Read"}}), r#"action:"read""#),
        (
            json!({"term": {"action": {"value": "read", "boost": 1.0}}}),
            r#"action:"read""#,
        ),
        (
            json!({"term": {"requestData.n": 7}}),
            r#"requestData.n:"7""#,
        ),
        (
            json!({"terms": {"outcome": ["a", "b"], "boost": 1}}),
            r#"outcome:"a" OR outcome:"b""#,
        ),
        (
            json!({"match": {"action": {"query": "read", "operator": "and"}}}),
            r#"action:"read""#,
        ),
        (
            json!({"match_phrase": {"initiator.name": {"query": "Ann B"}}}),
            r#"initiator.name:"ann b""#,
        ),
        (
            json!({"match_phrase": {"initiator.name": "Ann B"}}),
            r#"initiator.name:"ann b""#,
        ),
        (
            json!({"wildcard": {"target.id": {"value": "Buc*t?"}}}),
            "target.id:buc*t?",
        ),
        (
            json!({"wildcard": {"target.id": r"a\*"}}),
            r#"target.id:"a*""#,
        ),
        (json!({"prefix": {"action": "re"}}), "action:re*"),
        (json!({"exists": {"field": "tags"}}), "tags:*"),
        (json!({"exists": {"field": "@timestamp"}}), ""),
        (
            json!({"range": {"requestData.n": {"gte": 1, "lt": "5"}}}),
            r#"requestData.n:["1" TO "5"}"#,
        ),
        (
            json!({"range": {"requestData.n": {"gt": 1}}}),
            r#"requestData.n:>"1""#,
        ),
        (json!({"range": {"requestData.n": {}}}), "requestData.n:*"),
        (
            json!({"range": {"@timestamp": {"gte": 1_500_940_800_000_i64, "lte": "1500940800999", "format": "epoch_millis"}}}),
            "time:[2017-07-25T00:00:00.000000000Z TO 2017-07-25T00:00:01.000000000Z}",
        ),
        (
            json!({"range": {"eventTime": {"gt": "2017-07-24", "lt": "now"}}}),
            "time:[2017-07-25T00:00:00.000000000Z TO 2017-07-25T10:00:00.000000000Z}",
        ),
        (json!({"range": {"time": {"gte": null}}}), ""),
        (json!({"range": {"time": {"gte": 5, "lt": 4}}}), "-*"),
        (
            json!({"query_string": {"query": "*", "analyze_wildcard": true}}),
            "",
        ),
        (
            json!({"query_string": {"query": "actor:ann -outcome:success"}}),
            r#"actor:"ann" -outcome:"success""#,
        ),
        (
            json!({"constant_score": {"filter": {"term": {"action": "a"}}}}),
            r#"action:"a""#,
        ),
    ] {
        assert_eq!(in_ours(value.clone()), expected, "{value}");
    }
}

#[test]
fn a_single_clause_is_an_object_and_several_are_a_list() {
    let (a, b) = (
        json!({"term": {"action": "a"}}),
        json!({"term": {"outcome": "b"}}),
    );
    let both = r#"action:"a" outcome:"b""#;
    assert_eq!(in_ours(json!({"bool": {"filter": a}})), r#"action:"a""#);
    assert_eq!(in_ours(json!({"bool": {"filter": [a, b]}})), both);
    assert_eq!(in_ours(json!({"bool": {"must": a, "filter": [b]}})), both);
    assert_eq!(in_ours(json!({"bool": {"must_not": a}})), r#"-action:"a""#);
    assert_eq!(
        in_ours(json!({"bool": {"must_not": [a, b]}})),
        r#"-action:"a" -outcome:"b""#
    );
    assert_eq!(in_ours(json!({"bool": {}})), "");
    assert_eq!(
        in_ours(json!({"bool": {"filter": [], "must_not": null}})),
        ""
    );
}

#[test]
fn should_requires_as_many_as_it_says() {
    let term = |value: &str| json!({"term": {"tags": value}});
    let (a, b, c) = (term("a"), term("b"), term("c"));
    let of = |needed: Value, more: Value| {
        let mut all = json!({"should": [a, b, c]});
        if !needed.is_null() {
            all["minimum_should_match"] = needed;
        }
        if let (Some(all), Some(more)) = (all.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        in_ours(json!({"bool": all}))
    };
    let any = r#"tags:"a" OR tags:"b" OR tags:"c""#;
    let all = r#"tags:"a" tags:"b" tags:"c""#;
    let two = r#"(tags:"a" (tags:"b" OR tags:"c")) OR (tags:"b" tags:"c")"#;
    assert_eq!(of(Value::Null, json!({})), any);
    assert_eq!(of(json!(1), json!({})), any);
    assert_eq!(of(json!("1"), json!({})), any);
    for needed in [
        json!(2),
        json!("-1"),
        json!(-1),
        json!("67%"),
        json!("-34%"),
    ] {
        assert_eq!(of(needed.clone(), json!({})), two, "{needed}");
    }
    assert_eq!(of(json!(3), json!({})), all);
    assert_eq!(of(json!(4), json!({})), "-*");
    // Beside another clause they only rank, unless the request says otherwise.
    assert_eq!(of(Value::Null, json!({"filter": term("d")})), r#"tags:"d""#);
    assert_eq!(
        of(json!(3), json!({"filter": term("d")})),
        format!(r#"tags:"d" {all}"#)
    );
}

#[test]
fn what_is_not_understood_is_refused_by_its_name() {
    for (value, named) in [
        (json!({"fuzzy": {"action": "a"}}), "[fuzzy]"),
        (json!({"bool": {"must": {"nested": {}}}}), "[nested]"),
        (json!({"bool": {"filters": []}}), "[filters]"),
        (json!({"term": {"action": {"values": "a"}}}), "[values]"),
        (json!({"term": {"a": "1", "b": "2"}}), "[term]"),
        (json!({"terms": {"action": "a"}}), "[terms]"),
        (json!({"range": {"action": {"from": 1}}}), "[from]"),
        (json!({"range": {"time": {"gte": 1, "gt": 1}}}), "[gte]"),
        (json!({"range": {"time": {"gte": "x"}}}), "date"),
        (
            json!({"range": {"time": {"gte": 1, "format": "yyyy"}}}),
            "[yyyy]",
        ),
        (
            json!({"query_string": {"query": "a", "default_operator": "OR"}}),
            "[default_operator]",
        ),
        (
            json!({"query_string": {"query": "a", "fields": ["b"]}}),
            "[fields]",
        ),
        (json!({"query_string": {"query": "actor:"}}), "column"),
        (json!({"query_string": {"query": "word~2"}}), "column"),
        (json!({"wildcard": {"time": "2*"}}), "[wildcard]"),
        (json!({}), "[query]"),
        (json!([]), "[query]"),
        (
            json!({"bool": {"should": [], "minimum_should_match": "x"}}),
            "[minimum_should_match]",
        ),
    ] {
        let refusal = read_now(&value).unwrap_err();
        assert!(
            refusal.reason.contains(named),
            "{value}: {}",
            refusal.reason
        );
        assert_eq!(refusal.status, 400);
    }
}

#[test]
fn a_query_is_bounded() {
    let mut deep = json!({"match_all": {}});
    for _ in 0..DEPTH_MAX {
        deep = json!({"bool": {"filter": deep}});
    }
    assert!(read_now(&deep).is_err());
    let terms: Vec<_> = (0..CLAUSES_MAX).map(|n| n.to_string()).collect();
    assert!(read_now(&json!({"terms": {"action": terms}})).is_err());
    let should: Vec<_> = (0..30)
        .map(|n| json!({"term": {"tags": n.to_string()}}))
        .collect();
    let half = json!({"bool": {"should": should, "minimum_should_match": 15}});
    assert!(read_now(&half).unwrap_err().reason.contains("combinations"));
}

/// Grafana's ad-hoc filters: a backslash stands before each character that means something to Lucene.
#[test]
fn filters_of_people_are_read_as_grafana_writes_them() {
    for (query, expected) in [
        (r#"action:"read""#, r#"action:"read""#),
        (r#"-action:"read""#, r#"-action:"read""#),
        (r#"target.id:"a\"b\\c""#, r#"target.id:"a\"b\\c""#),
        (
            r#"action:"read" AND outcome:"success""#,
            r#"action:"read" outcome:"success""#,
        ),
        (r"action:/re.*/", "action:/re.*/"),
        (r"requestData.n:>5", r#"requestData.n:>"5""#),
        (r"-action:/re.*/", "-action:/re.*/"),
        (r#"requestData.a\:b:"x""#, r#"requestData.a\:b:"x""#),
        ("_exists_:tags", "tags:*"),
        (
            "(action:read OR action:write) AND NOT outcome:failure",
            r#"(action:"read" OR action:"write") -outcome:"failure""#,
        ),
    ] {
        let value = json!({"query_string": {"query": query, "analyze_wildcard": true}});
        assert_eq!(in_ours(value), expected, "{query}");
    }
}
