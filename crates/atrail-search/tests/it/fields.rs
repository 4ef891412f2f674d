//! The short names on events of real producers, which are not part of the project.

use std::path::Path;

use atrail_search::query::{Field, SHORT_NAMES};
use atrail_search::{Matcher, Query, naive, values};

fn lines(name: &str) -> Option<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/cadf")
        .join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: {} is not there", path.display());
    }
    Some(text?.lines().map(str::to_owned).collect())
}

#[test]
fn short_names_have_values_in_the_events_of_openstack() {
    let Some(lines) = lines("pycadf_1000.ndjson") else {
        return;
    };
    for short in SHORT_NAMES {
        let field = Field::named(short.name).unwrap();
        let with = lines
            .iter()
            .filter(|line| !values(line.as_bytes(), &field).is_empty())
            .count();
        let all = matches!(
            short.name,
            "actor" | "action" | "target" | "outcome" | "service" | "type" | "id" | "time"
        );
        assert!(
            if all {
                with == lines.len()
            } else {
                with * 2 > lines.len()
            },
            "{}: {with} of {}",
            short.name,
            lines.len()
        );
    }
}

#[test]
fn a_service_is_found_where_the_middleware_writes_no_name() {
    let Some(lines) = lines("osmiddleware_2000.ndjson") else {
        return;
    };
    let matcher = Matcher::new(&Query::parse("service:neutron").unwrap());
    let found = lines
        .iter()
        .filter(|line| matcher.matches(line.as_bytes()))
        .count();
    let with = lines
        .iter()
        .filter(|line| line.contains(r#""name": "neutron""#))
        .count();
    assert!(found > 0);
    assert_eq!(found, with);
}

#[test]
fn queries_of_real_events_match_as_is_obviously_right() {
    let Some(lines) = lines("osmiddleware_2000.ndjson") else {
        return;
    };
    for query in [
        "neutron -outcome:pending",
        "actor:user007 OR from:2001:db8::/32",
        "target.addresses.url:*198.51.100.10*",
        "requestPath:/routers.*add/ outcome:(success OR failure)",
        "8026695f",
        "cpython/3.12.3 initiator.credential.identity_status:confirmed",
        "reason:[400 TO 499] time:2025-01-01",
    ] {
        let query = Query::parse(query).unwrap();
        let matcher = Matcher::new(&query);
        let found = lines
            .iter()
            .filter(|line| matcher.matches(line.as_bytes()))
            .count();
        let expected = lines
            .iter()
            .filter(|line| naive::matches(&query.expr, line.as_bytes()))
            .count();
        assert_eq!(found, expected, "{}", query.text);
        assert!(0 < found && found < lines.len(), "{}: {found}", query.text);
    }
}
