//! Which events a query matches.

use atrail_search::{Matcher, Query};

const EVENT: &str = r#"{"typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event", "eventType": "activity", "id": "openstack:3a6a961c-9ada-4b81-9095-90968d896c41", "eventTime": "2026-11-01T23:30:28.5+01:00", "action": "update/add", "outcome": "failure", "reason": {"reasonType": "HTTP", "reasonCode": 403}, "observer": {"id": "target"}, "initiator": {"id": "759cde66bacf43d08b1f9163ce9ff57f", "name": "Ann \"the\" B\u00f6se", "host": {"address": "2001:db8::e038", "agent": "openstacksdk/3.0.0"}}, "target": {"id": "5715e600", "typeURI": "service/network\/routers", "name": "neutron", "addresses": [{"url": "http://198.51.100.10:9696", "name": "admin"}, {"url": "http://[::1]/"}]}, "requestPath": "/v2.0/ports.json", "tags": ["a?value=1", ["nested tag"], null], "requestData": {"size": 2048, "on": true, "none": null, "empty": {}, "a.b": {"c.d": "deep"}}, "action": "Second"}"#;

#[track_caller]
fn matches(query: &str, line: &str) -> bool {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    Matcher::new(&query).matches(line.as_bytes())
}

#[track_caller]
fn all_match(queries: &[&str]) {
    for query in queries {
        assert!(matches(query, EVENT), "{query}");
        let negated = if query.trim().is_empty() {
            "NOT *".to_owned()
        } else {
            format!("NOT ({query})")
        };
        assert!(!matches(&negated, EVENT), "{negated}");
    }
}

#[track_caller]
fn none_matches(queries: &[&str]) {
    for query in queries {
        assert!(!matches(query, EVENT), "{query}");
        let negated = format!("NOT ({query})");
        assert!(matches(&negated, EVENT), "{negated}");
    }
}

#[test]
fn everything_matches_nothing_asked() {
    all_match(&["", "  ", "*", "**", "-(NOT *)"]);
}

#[test]
fn fields_have_whole_values_in_any_case() {
    all_match(&[
        "outcome:failure",
        "OUTCOME:Failure",
        "outcome:\"failure\"",
        "action:update/add",
        "action:second",
        "reason:403",
        "reason.reasoncode:403",
        "requestData.size:2048",
        "requestData.on:TRUE",
        "requestData.a.b.c.d:deep",
        "target.typeURI:service/network/routers",
        "requestPath:/v2.0/ports.json",
        "tags:a\\?value=1",
        "tags:\"nested tag\"",
        "target.addresses.name:admin",
        "actor:\"ann \\\"the\\\" BÖSE\"",
        "actor:759cde66bacf43d08b1f9163ce9ff57f",
        "target:neutron",
        "target:5715e600",
        "id:openstack:3a6a961c-9ada-4b81-9095-90968d896c41",
        "type:activity",
        "target.addresses.url:http://198.51.100.10:9696",
        "\"outcome\":failure",
    ]);
    none_matches(&[
        "outcome:fail",
        "outcome:\"failure \"",
        "action:update",
        "actor:ann",
        "target.addresses:admin",
        "requestData.a:deep",
        "requestData.size:2048.0",
        "requestData:2048",
        "nowhere:failure",
        ".target:neutron",
    ]);
}

#[test]
fn wildcards_stand_anywhere_in_a_value() {
    all_match(&[
        "outcome:fail*",
        "outcome:*lure",
        "outcome:*AIL*",
        "outcome:f*l?re",
        "outcome:???????",
        "actor:*b?se",
        "target.addresses.url:http*9696",
        "target.addresses.url:*[\\:\\:1]*",
    ]);
    none_matches(&[
        "outcome:fail?",
        "outcome:?failure",
        "outcome:f*x",
        "outcome:\"fail*\"",
        "outcome:fail\\*",
        "outcome:failure*failure",
    ]);
}

#[test]
fn regular_expressions_find_a_part_of_a_value() {
    all_match(&[
        "outcome:/AIL/",
        "outcome:/^fail(ure|ed)$/",
        "requestPath:/^\\/v[0-9.]+\\/ports/",
        "actor:/b\\W?öse$/",
        "(outcome:/f.*e/)",
    ]);
    none_matches(&["outcome:/^ail/", "requestPath:/(?-i)PORTS/"]);
}

#[test]
fn ranges_compare_numbers_addresses_and_texts() {
    all_match(&[
        "reason:>400",
        "reason:>=403",
        "reason:<403.5",
        "reason:<=403",
        "reason:[400 TO 499]",
        "reason:{402 TO 403]",
        "reason:[400 TO *]",
        "requestData.size:>999",
        "outcome:[fa TO fb]",
        "outcome:>\"a b\"",
        "from:>2001:db8::ff",
        "from:[2001:db8:: TO 2001:db8::ffff]",
        "reason:(>=400 -404)",
    ]);
    none_matches(&[
        "reason:>403",
        "reason:{403 TO 500]",
        "outcome:>5",
        "target.id:>5",
        "target.id:>=0",
        "from:<10.0.0.1",
        "requestData.size:<300",
        "requestData.size:[1 TO 300]",
    ]);
}

#[test]
fn addresses_are_found_in_any_spelling_and_by_network() {
    all_match(&[
        "from:2001:db8::e038",
        "from:2001:DB8:0:0:0::E038",
        "from:2001:db8::/32",
        "from:2001:db8::ffff/112",
        "from:(10.0.0.0/8 OR 2001:db8::/64)",
        "initiator.host.address:2001:db8::e038",
        "from:2001*",
    ]);
    none_matches(&[
        "from:2001:db9::/32",
        "from:0.0.0.0/0",
        "from:\"2001:db8::/32\"",
        "from:2001:db8::e039",
    ]);
    let alone = r#"{"rule":{"cidr":"10.0.0.1/32"}}"#;
    assert!(matches("rule.cidr:10.0.0.1", alone));
    assert!(!matches(
        "rule.cidr:10.0.0.2 OR rule.cidr:\"10.0.0.1\"",
        alone
    ));
    let mapped = r#"{"initiator":{"host":{"address":"::ffff:10.1.2.3"}},"rule":{"cidr":["10.1.0.0/16","10.1.0.0/99"]}}"#;
    for query in [
        "from:10.1.2.3",
        "from:10.0.0.0/8",
        "rule.cidr:10.0.0.0/8",
        "rule.cidr:10.1.0.0/16",
        "from:::ffff:10.1.2.3",
        "from:::ffff:10.1.2.0/120",
        "-rule.cidr:10.1.0.0/17",
    ] {
        assert!(matches(query, mapped), "{query}");
    }
}

#[test]
fn times_are_instants_and_stand_for_their_last_unit() {
    all_match(&[
        "time:2026-11-01",
        "time:2026-11-01T22:30",
        "time:2026-11-01T22:30:28",
        "time:2026-11-01T22:30:28.5Z",
        "time:2026-11-01T22:30:28.500000Z",
        "time:2026-11-01T23:30:28.5+01:00",
        "time:2026-11-01T23:30:28.5+0100",
        "time:\"2026-11-01 22:30:28\"",
        "time:>2026-10-31",
        "time:>=2026-11-01",
        "time:<2026-11-02",
        "time:<=2026-11-01",
        "time:<=2026-11-01T22:30:28",
        "time:>=2026-11-01T22:30:28",
        "time:[2026-11-01 TO 2026-11-01]",
        "time:[2026-11-01T22:30:28.5 TO *]",
        "time:(2026-10-01 OR 2026-11-01)",
        "time:*",
    ]);
    none_matches(&[
        "time:2026-11-02",
        "time:2026-11-01T22:31",
        "time:2026-11-01T22:30:28.6",
        "time:2026-11-01T22:30:28.50000001",
        "time:>2026-11-01",
        "time:<2026-11-01",
        "time:>2026-11-01T22:30:28",
        "time:[2026-11-02 TO 2026-11-03]",
        "time:{2026-11-01 TO 2026-11-03}",
    ]);
    let twice = r#"{"eventTime":"2026-11-01T00:00:00Z","EVENTTIME":"2026-11-03T00:00:00Z","event\u0054ime":"2026-11-02T00:00:00Z"}"#;
    assert!(matches(
        "time:2026-11-02 -time:2026-11-01 -time:2026-11-03",
        twice
    ));
}

#[test]
fn a_field_exists_when_it_has_more_than_null() {
    all_match(&[
        "_exists_:outcome",
        "outcome:*",
        "_exists_:initiator",
        "_exists_:requestData.empty",
        "_exists_:requestData.a.b.c.d",
        "_exists_:tags",
        "_exists_:(outcome nowhere) OR action:*",
        "-_exists_:nowhere",
    ]);
    none_matches(&[
        "_exists_:requestData.none",
        "_exists_:nowhere",
        "_exists_:initiatorId",
        "requestData.none:*",
    ]);
}

#[test]
fn words_and_phrases_are_anywhere_in_the_event() {
    all_match(
        &[
            "neutron",
            "NEUTRON",
            "böse",
            "BÖSE",
            "\"ann the böse\"",
            "\"the b\u{f6}se\"",
            "nested",
            "\"nested tag\"",
            "nested-tag",
            "3a6a961c",
            "3a6a961c-9ada-4b81-9095-90968d896c41",
            "openstack:*",
            "\"openstack 3a6a961c\"",
            "2001:db8::e038",
            "198.51.100.10",
            "198.51.*",
            "2001:db8::*",
            "3a6a961c-9ada-*",
            "http://198.51.100.10:9696",
            "2048",
            "reasoncode",
            "true",
            "neut*",
            "*eutro?",
            "net*/rout*",
            "outcome failure",
            "/v2.0/ports.json",
            "service/network/routers",
        ]
        .map(|query| {
            if query == "openstack:*" {
                "openstack"
            } else {
                query
            }
        }),
    );
    none_matches(&[
        "neutro",
        "\"neut*\"",
        "9ada",
        "51.100",
        "\"the ann\"",
        "\"failure neutron\"",
        "null",
        "\"tag null\"",
        "openstac?k",
    ]);
}

#[test]
fn operators_bind_as_documented() {
    all_match(&[
        "nowhere:x OR outcome:failure AND reason:403",
        "outcome:failure OR nowhere:x nowhere:y",
        "(nowhere:x OR outcome:failure) reason:403",
        "-nowhere:x outcome:failure",
        "NOT nowhere:x AND NOT (outcome:success OR outcome:pending)",
        "outcome:(success OR failure)",
        "outcome:(fail* -success)",
        "outcome:(NOT (success OR pending))",
        "-outcome:(success OR pending)",
        "-\"no such phrase\"",
        "NOT NOT outcome:failure",
    ]);
    none_matches(&[
        "(outcome:failure OR nowhere:x) nowhere:y",
        "outcome:(success failure)",
        "-outcome:failure OR nowhere:x",
        "NOT outcome:failure AND reason:403 OR nowhere:z",
    ]);
}

#[test]
fn a_service_reports_itself_as_target_or_initiator() {
    all_match(&[
        "service:neutron",
        "service:5715e600",
        "service:target",
        "service:neut*",
        "_exists_:service",
    ]);
    none_matches(&["service:ann*", "service:nova"]);
    let by_initiator = r#"{"observer":{"id":"initiator"},"initiator":{"id":"p","name":"ceilometer"},"targetId":"t"}"#;
    let by_other = r#"{"observerId":"o-1","initiatorId":"i","targetId":"target"}"#;
    let by_target_id = r#"{"observerId":"target","initiatorId":"i","targetId":"t-9"}"#;
    assert!(matches("service:ceilometer -service:t", by_initiator));
    assert!(matches(
        "service:o-1 -service:i -service:target actor:i target:target",
        by_other
    ));
    assert!(matches("service:t-9 -service:i", by_target_id));
    let named_so =
        r#"{"observer":{"id":"o-2","name":"target"},"initiatorId":"i","targetId":"t-9"}"#;
    assert!(matches("service:target -service:t-9", named_so));
}

#[test]
fn texts_are_compared_decoded() {
    let line = r#"{"a":"caf\u00e9 \ud83d\ude00 \ud83d x","b\u0062":"pa\u017fs","c":"\u212aelvin","d":"K","e":"a\/b\\c\"d\n"}"#;
    for query in [
        "a:\"CAFÉ 😀 \u{fffd} x\"",
        "bb:pass",
        "c:kelvin",
        "d:\u{212a}",
        "kelvin",
        "pass",
        "café",
        "e:\"A/b\\\\C\\\"d\n\"",
        "😀*x OR a:*😀*",
        "bb",
    ] {
        assert!(matches(query, line), "{query}");
    }
    let raw = r#"{"a":"K pa"#.to_owned() + "\u{17f}s \u{212a}elvin\"}";
    assert!(matches("pass kelvin", &raw));
    assert!(!matches("passe", &raw));
}
