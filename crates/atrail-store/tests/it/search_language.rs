//! Generated queries over generated events: the index, the lines and what is not sealed answer together as a second,
//! simple evaluation does. `ATRAIL_SEARCH_HISTORIES` sets the number of archives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use atrail_evidence::leaf_hash;
use atrail_model::{Domain, Hour, Target, Timestamp};
use atrail_search::query::{Expr, Field};
use atrail_search::{generate, naive};
use atrail_store::NewEvent;
use atrail_store::search::{Counting, Order, Query, Question, TimeRange, TopValues};
use bytes::Bytes;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::search::{ORDERS, budget, lines, paged};
use crate::support::TestStore;

const ARCHIVES: u64 = 3;
const EVENTS: usize = 90;
const QUERIES: usize = 16;

struct Known {
    domain: Domain,
    time: Timestamp,
    line: String,
}

fn generated<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}

/// Fills a store: about a third of the events is indexed, a third is sealed, and a third is not.
async fn filled(test: &TestStore, runner: &mut TestRunner) -> Vec<Known> {
    let from: Timestamp = "2026-11-01T22:00:00Z".parse().unwrap();
    let events = generate::event(from, 4 * 3600);
    let domains = [Domain::Space(test.space), Domain::Account(test.account)];
    let mut known: Vec<Known> = Vec::new();
    let mut seen = BTreeSet::new();
    for nth in 0..EVENTS {
        let (time, line) = generated(&events, runner);
        let domain = domains[nth % 7 / 5];
        if seen.insert((domain, line.clone())) {
            let text = time.to_string();
            let event = NewEvent {
                day: text[..10].parse().unwrap(),
                hour: Hour::new(text[11..13].parse().unwrap()).unwrap(),
                leaf: leaf_hash(line.as_bytes()),
                line: Bytes::from(line.clone()),
            };
            test.store.append(domain, vec![event]).await.unwrap();
            known.push(Known { domain, time, line });
        }
        if nth == EVENTS / 3 || nth == EVENTS / 2 || nth == 2 * EVENTS / 3 {
            let mut scope = test.scope("2026-11-01", "2026-11-03");
            scope.target = Target::Account(test.account);
            test.session(scope).await;
        }
        if nth == EVENTS / 2 {
            test.store.update_index().await.unwrap();
        }
    }
    known
}

/// Counts a field's values by hand.
fn top(found: &[&Known], field: &Field) -> TopValues {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut missing = 0;
    for known in found {
        let values: BTreeSet<_> = naive::values(known.line.as_bytes(), field)
            .into_iter()
            .collect();
        missing += u64::from(values.is_empty());
        for value in values {
            *counts.entry(value).or_default() += 1;
        }
    }
    let distinct = counts.len() as u64;
    let mut values: Vec<_> = counts.into_iter().collect();
    values.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    let others = values.iter().skip(3).map(|(_, count)| count).sum();
    values.truncate(3);
    TopValues {
        values,
        others,
        missing,
        distinct,
    }
}

/// Returns the first difference.
async fn check(test: &TestStore, known: &[Known], expr: Expr) -> Result<usize, String> {
    let Ok(query) = Query::of(expr) else {
        return Ok(0);
    };
    let question = Question {
        target: Target::Account(test.account),
        range: TimeRange {
            from: "2026-11-01T22:10:00Z".parse().unwrap(),
            to: "2026-11-02T01:59:00.5Z".parse().unwrap(),
        },
        query,
    };
    let text = &question.query.text;
    let matches = |known: &&Known| {
        question.range.contains(known.time)
            && naive::matches(&question.query.expr, known.line.as_bytes())
    };
    let matching: Vec<_> = known.iter().filter(matches).collect();
    let mut found = matching.clone();
    for order in ORDERS {
        match order {
            Order::Oldest => found.sort_by_key(|known| (known.time, known.domain)),
            Order::Newest => {
                found.sort_by_key(|known| (std::cmp::Reverse(known.time), known.domain));
            }
        }
        // What arrived first comes first among those of one time.
        let expected: Vec<_> = found.iter().map(|known| known.line.clone()).collect();
        let hits = paged(test, &question, order, 40).await;
        let hits = lines(&hits.map_err(|error| format!("{text}: {error}"))?);
        if hits != expected {
            return Err(format!(
                "{text} {order:?}:\n{hits:#?}\nin place of\n{expected:#?}"
            ));
        }
        // As they arrived.
        found.clone_from(&matching);
    }
    let fields = ["actor", "action", "target", "outcome", "attachments.name"];
    let fields = fields.map(|name| Field::named(name).unwrap());
    let counting = Counting {
        facets: fields.iter().map(|field| (field.clone(), 3)).collect(),
        ..Counting::default()
    };
    let counted = test.store.aggregate(&question, &counting, &budget()).await;
    let (counts, _) = counted.map_err(|error| format!("{text}: {error}"))?;
    if counts.total != found.len() as u64 {
        return Err(format!(
            "{text}: {} in place of {}",
            counts.total,
            found.len()
        ));
    }
    for (field, counted) in fields.iter().zip(&counts.facets) {
        let expected = top(&found, field);
        if *counted != expected {
            let name = &field.name;
            return Err(format!(
                "{text} by {name}:\n{counted:#?}\nin place of\n{expected:#?}"
            ));
        }
    }
    Ok(found.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_queries_have_the_answers_of_a_second_evaluation() {
    let archives = std::env::var("ATRAIL_SEARCH_HISTORIES").ok();
    let archives = archives.map_or(ARCHIVES, |number| number.parse().unwrap());
    let mut runner = TestRunner::deterministic();
    let exprs = generate::expr();
    let mut matched = 0;
    for _ in 0..archives {
        let test = TestStore::with(|settings| settings.tick = Duration::from_secs(3600)).await;
        let known = filled(&test, &mut runner).await;
        for _ in 0..QUERIES {
            let expr = generated(&exprs, &mut runner);
            match check(&test, &known, expr).await {
                Ok(count) => matched += count,
                Err(why) => panic!("{why}"),
            }
        }
        // The control: an event that nobody sent is missed.
        let mut more = known;
        more.push(Known {
            domain: Domain::Space(test.space),
            time: "2026-11-01T23:00:00Z".parse().unwrap(),
            line: r#"{"eventTime":"2026-11-01T23:00:00Z"}"#.to_owned(),
        });
        assert!(check(&test, &more, Expr::All).await.is_err());
    }
    assert!(matched > 300, "{matched}");
}
