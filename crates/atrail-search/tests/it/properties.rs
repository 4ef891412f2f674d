//! The matcher against the evaluation that is obviously right, on generated events and queries.

use atrail_model::event::admit;
use atrail_search::query::{Expr, Field, SHORT_NAMES};
use atrail_search::{Extractor, Matcher, Query, Seen, each_value, generate, naive, values};
use proptest::prelude::*;

/// PROPTEST_CASES asks for more than these, which take a few seconds.
fn config() -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let cases = if asked { config.cases } else { 100 };
    ProptestConfig { cases, ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_matcher_finds_what_is_obviously_right(
        expr in generate::expr(),
        lines in proptest::collection::vec(generate::line(), 1..12),
    ) {
        let query = Query::of(expr.clone()).unwrap();
        let matcher = Matcher::new(&query);
        let mut found = false;
        for line in &lines {
            let expected = naive::matches(&expr, line.as_bytes());
            found |= expected;
            prop_assert_eq!(matcher.matches(line.as_bytes()), expected, "{} in {}", query.text, line);
            prop_assert_eq!(naive::matches(&query.expr, line.as_bytes()), expected, "{} is not {:?}", query.text, expr);
            let reads = naive::entries(line.as_bytes());
            let mut seen = Vec::new();
            each_value(line.as_bytes(), |path, what| seen.push((path.to_owned(), match what {
                Seen::Value(text) => Some(text.to_owned()),
                Seen::Object => None,
            })));
            prop_assert_eq!(seen, reads, "{}", line);
        }
        let block = lines.join("\n");
        prop_assert!(!(found && matcher.excludes(block.as_bytes())), "{} is in {}", query.text, block);
    }

    #[test]
    fn the_canonical_text_means_the_same(expr in generate::expr()) {
        let query = Query::of(expr).unwrap();
        let again = Query::parse(&query.canonical()).unwrap();
        prop_assert_eq!(&again.expr, &query.expr);
        prop_assert_eq!(again.canonical(), query.canonical());
    }

    #[test]
    fn generated_events_are_admitted(line in generate::line()) {
        let far = "2100-01-01T00:00:00Z".parse().unwrap();
        let event = admit(line.as_bytes(), far, || "new".to_owned());
        prop_assert!(event.is_ok(), "{:?}: {}", event, line);
    }

    #[test]
    fn values_are_those_of_the_first_path_that_has_one(line in generate::line()) {
        let names = SHORT_NAMES.iter().map(|short| short.name).chain(["requestData", "a", "a.b", "initiator.name"]);
        let fields: Vec<Field> = names.map(|name| Field::named(name).unwrap()).collect();
        let all = Extractor::new(&fields).read(line.as_bytes());
        for (field, of_field) in fields.iter().zip(all) {
            prop_assert_eq!(&of_field, &naive::values(line.as_bytes(), field));
            prop_assert_eq!(of_field, values(line.as_bytes(), field));
        }
    }

    #[test]
    fn any_text_is_a_query_or_refused(
        text in prop_oneof![4 => generate::soup(), 1 => "\\PC{0,40}", 1 => any::<String>()],
        line in generate::line(),
    ) {
        match Query::parse(&text) {
            Ok(query) => {
                let again = Query::parse(&query.canonical());
                prop_assert!(again.is_ok(), "{:?} of {}", again, text);
                prop_assert_eq!(&again.unwrap().expr, &query.expr);
                let found = Matcher::new(&query).matches(line.as_bytes());
                prop_assert_eq!(found, naive::matches(&query.expr, line.as_bytes()), "{} in {}", text, line);
            }
            Err(error) => {
                prop_assert!(error.column <= text.chars().count() + 1);
                prop_assert!(!error.message.is_empty() && !error.message.contains('\n'));
            }
        }
    }

    #[test]
    fn no_bytes_make_the_matcher_panic(expr in generate::expr(), bytes in proptest::collection::vec(any::<u8>(), 0..200), line in generate::line(), cut in any::<prop::sample::Index>()) {
        let query = Query::of(expr).unwrap();
        let matcher = Matcher::new(&query);
        let _ = matcher.matches(&bytes);
        let at = cut.index(line.len());
        let _ = matcher.matches(&line.as_bytes()[..at]);
        let mut damaged = line.into_bytes();
        damaged[at] = b'"';
        let _ = matcher.matches(&damaged);
        each_value(&damaged, |_, _| {});
    }
}

/// The generators must meet: most conditions match some events and not others.
#[test]
fn generated_queries_and_events_meet() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut lines = Vec::new();
    for _ in 0..200 {
        lines.push(generate::line().new_tree(&mut runner).unwrap().current());
    }
    let (mut some, mut proven, mut total) = (0, 0, 0);
    for _ in 0..300 {
        let expr = generate::expr().new_tree(&mut runner).unwrap().current();
        if expr == Expr::All {
            continue;
        }
        let matcher = Matcher::new(&Query::of(expr).unwrap());
        let matching = lines
            .iter()
            .filter(|line| matcher.matches(line.as_bytes()))
            .count();
        let excluded = lines
            .iter()
            .filter(|line| matcher.excludes(line.as_bytes()))
            .count();
        total += 1;
        some += usize::from(0 < matching && matching < lines.len());
        proven += usize::from(excluded > 0);
    }
    assert!(some * 3 > total, "{some} of {total}");
    assert!(proven * 4 > total, "{proven} of {total}");
}
