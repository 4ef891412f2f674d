//! Searches: order, pages, what is unsealed, what is removed, and what ends them.

use std::time::{Duration, Instant};

use atrail_evidence::leaf_hash;
use atrail_model::{Domain, Hour, Hours, Requester, Scope, Target, Timestamp};
use atrail_store::NewEvent;
use atrail_store::search::{
    Buckets, Budget, Counting, Cursor, Hit, Order, Page, Query, Question, SearchError, TimeRange,
};
use bytes::Bytes;
use futures_util::TryStreamExt;

use crate::support::{TestStore, days, files_below};

pub(crate) const ORDERS: [Order; 2] = [Order::Newest, Order::Oldest];

pub(crate) fn budget() -> Budget {
    Budget::of(Duration::from_secs(600))
}

/// Returns an event of this time, whose day and hour are of 2017-07-24.
pub(crate) fn at(time: &str, rest: &str) -> NewEvent {
    let line = Bytes::from(format!("{{\"eventTime\":\"{time}\",{rest}}}"));
    let moment: Timestamp = time.parse().unwrap();
    let text = moment.to_string();
    NewEvent {
        day: text[..10].parse().unwrap(),
        hour: Hour::new(text[11..13].parse().unwrap()).unwrap(),
        leaf: leaf_hash(&line),
        line,
    }
}

pub(crate) fn asked(target: Target, query: &str, from: &str, to: &str) -> Question {
    Question {
        target,
        range: TimeRange {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        },
        query: Query::parse(query).unwrap(),
    }
}

pub(crate) fn week(target: Target, query: &str) -> Question {
    asked(
        target,
        query,
        "2017-07-20T00:00:00Z",
        "2017-07-27T00:00:00Z",
    )
}

/// Returns all hits, in pages of this size.
pub(crate) async fn paged(
    test: &TestStore,
    question: &Question,
    order: Order,
    limit: usize,
) -> Result<Vec<Hit>, SearchError> {
    let mut page = Page {
        order,
        limit,
        after: None,
    };
    let mut hits = Vec::new();
    loop {
        let found = test.store.search(question, &page, &budget()).await?;
        assert!(found.hits.len() <= limit);
        let is_more = found.after.is_some();
        assert!(
            !is_more || found.hits.len() == limit,
            "a page that is not full"
        );
        hits.extend(found.hits);
        // As a client sends it back.
        let after = found.after.map(|after| after.to_string());
        page.after = after.map(|after| after.parse::<Cursor>().unwrap());
        if !is_more {
            return Ok(hits);
        }
    }
}

pub(crate) fn lines(hits: &[Hit]) -> Vec<String> {
    let lines = hits.iter().map(|hit| hit.line.to_vec());
    lines.map(|line| String::from_utf8(line).unwrap()).collect()
}

async fn append(test: &TestStore, domain: Domain, events: &[NewEvent]) {
    test.store.append(domain, events.to_vec()).await.unwrap();
}

/// Events of a space and of its account, of which some have one time.
async fn sample(test: &TestStore) -> Vec<NewEvent> {
    let mut all = Vec::new();
    for n in 0..60_u32 {
        let (hour, minute) = (n % 5 * 4, n / 20);
        let nanos = [0, 1, 1, 999_999_999][n as usize % 4];
        let time = format!(
            "2017-07-2{}T{hour:02}:{minute:02}:07.{nanos:09}Z",
            3 + n % 2
        );
        let action = ["read", "delete", "Update"][n as usize % 3];
        let rest = format!(
            "\"action\":\"{action}\",\"n\":{n},\"initiator\":{{\"id\":\"ann-{}\"}}",
            n % 7
        );
        all.push(at(&time, &rest));
    }
    for chunk in all.chunks(15) {
        append(test, Domain::Space(test.space), chunk).await;
        if chunk[0].leaf != all[45].leaf {
            let scope = test.scope("2017-07-20", "2017-07-27");
            // It seals what came so far: the last ones stay unsealed.
            test.session(scope).await;
        }
    }
    all
}

/// Returns the lines of these events that contain a text, in an order: those of one time as they arrived.
fn expected(events: &[NewEvent], text: &str, order: Order) -> Vec<String> {
    let mut found: Vec<(Timestamp, String)> = events
        .iter()
        .map(|event| String::from_utf8(event.line.to_vec()).unwrap())
        .filter(|line| line.contains(text))
        .map(|line| (line[14..44].parse().unwrap(), line))
        .collect();
    match order {
        Order::Oldest => found.sort_by_key(|(time, _)| *time),
        Order::Newest => found.sort_by_key(|(time, _)| std::cmp::Reverse(*time)),
    }
    found.into_iter().map(|(_, line)| line).collect()
}

#[tokio::test]
async fn pages_have_every_match_once_in_its_order() {
    let test = TestStore::new().await;
    let events = sample(&test).await;
    for (query, text) in [
        ("", "{"),
        ("action:delete", "delete"),
        ("initiator.id:ANN-3", "ann-3"),
        ("nothing", "nothing"),
    ] {
        let question = week(Target::Space(test.space), query);
        for order in ORDERS {
            let expected = expected(&events, text, order);
            for limit in [1, 2, 3, 7, 59, 60, 61, 1000] {
                let hits = paged(&test, &question, order, limit).await.unwrap();
                let found: Vec<_> = lines(&hits)
                    .into_iter()
                    .filter(|line| line.contains("\"n\""))
                    .collect();
                assert_eq!(found, expected, "{query} {order:?} by {limit}");
            }
            let all = test.store.search_all(question.clone(), order, budget());
            let all: Vec<Hit> = all.try_collect().await.unwrap();
            let found: Vec<_> = lines(&all)
                .into_iter()
                .filter(|line| line.contains("\"n\""))
                .collect();
            assert_eq!(found, expected, "{query} {order:?} in a stream");
        }
    }
}

#[tokio::test]
async fn the_range_is_half_open_to_the_nanosecond() {
    let test = TestStore::new().await;
    let times = [
        "2017-07-23T23:59:59.999999999Z",
        "2017-07-24T00:00:00.000000000Z",
        "2017-07-24T00:00:00.000000001Z",
        "2017-07-24T00:00:00.000000999Z",
        "2017-07-24T00:00:00.000001000Z",
    ];
    let events: Vec<_> = times.iter().map(|time| at(time, "\"n\":1")).collect();
    append(&test, Domain::Space(test.space), &events).await;
    for is_sealed in [false, true] {
        if is_sealed {
            test.session(test.scope("2017-07-20", "2017-07-27")).await;
        }
        for (from, from_text) in times.iter().enumerate() {
            for (to, to_text) in times.iter().enumerate().skip(from + 1) {
                let question = asked(Target::Space(test.space), "n:1", from_text, to_text);
                for order in ORDERS {
                    let hits = paged(&test, &question, order, 2).await.unwrap();
                    let mut found: Vec<_> = hits.iter().map(|hit| hit.time).collect();
                    found.sort();
                    let all = times[from..to].iter();
                    let all: Vec<Timestamp> = all.map(|time| time.parse().unwrap()).collect();
                    assert_eq!(found, all, "{from_text} {to_text} {order:?} {is_sealed}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_stays_right_while_events_arrive_are_sealed_and_move() {
    let test = TestStore::new().await;
    let time = "2017-07-24T07:00:00.5Z";
    let some = |from: u32| -> Vec<_> {
        (from..from + 10)
            .map(|n| at(time, &format!("\"n\":{n}")))
            .collect()
    };
    let space = Domain::Space(test.space);
    append(&test, space, &some(0)).await;
    let question = asked(
        Target::Space(test.space),
        "_exists_:n",
        "2017-07-24T00:00:00Z",
        "2017-07-25T00:00:00Z",
    );
    for order in ORDERS {
        let mut page = Page {
            order,
            limit: 3,
            after: None,
        };
        let mut found = Vec::new();
        for round in 0_u32.. {
            let answer = test
                .store
                .search(&question, &page, &budget())
                .await
                .unwrap();
            found.extend(lines(&answer.hits));
            // Something else happens after each page.
            match round % 3 {
                0 => append(&test, space, &some(100 + 10 * (round + 100 * order as u32))).await,
                1 => drop(test.session(test.scope("2017-07-20", "2017-07-27")).await),
                _ => drop(test.store.compact().await.unwrap()),
            }
            page.after = answer.after;
            if page.after.is_none() || round > 8 {
                break;
            }
        }
        let whole = lines(&paged(&test, &question, order, 1000).await.unwrap());
        assert!(found.len() > 20);
        assert_eq!(found[..], whole[..found.len()], "{order:?}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_question_is_refused() {
    let test = TestStore::new().await;
    sample(&test).await;
    let question = week(Target::Space(test.space), "action:delete");
    let page = Page {
        limit: 1,
        ..Page::default()
    };
    let after = test
        .store
        .search(&question, &page, &budget())
        .await
        .unwrap()
        .after;
    let after = Page { after, ..page };
    assert!(
        test.store
            .search(&question, &after, &budget())
            .await
            .is_ok(),
        "the control"
    );
    for other in [
        week(Target::Space(test.space), "action:read"),
        week(Target::Space(test.other_space), "action:delete"),
        asked(
            Target::Space(test.space),
            "action:delete",
            "2017-07-20T00:00:00Z",
            "2017-07-28T00:00:00Z",
        ),
    ] {
        let refused = test.store.search(&other, &after, &budget()).await;
        assert!(matches!(refused, Err(SearchError::Cursor)), "{refused:?}");
    }
}

#[tokio::test]
async fn an_account_has_the_events_of_all_its_domains_and_a_space_its_own() {
    let test = TestStore::new().await;
    let domains = [
        Domain::Space(test.space),
        Domain::Space(test.other_space),
        Domain::Account(test.account),
    ];
    for (n, domain) in domains.iter().enumerate() {
        append(
            &test,
            *domain,
            &[at("2017-07-24T07:00:00Z", &format!("\"of\":{n}"))],
        )
        .await;
    }
    let of = async |target| {
        let hits = paged(&test, &week(target, "_exists_:of"), Order::Newest, 2)
            .await
            .unwrap();
        hits.iter().map(|hit| hit.domain).collect::<Vec<_>>()
    };
    let mut all = domains.to_vec();
    all.sort();
    assert_eq!(of(Target::Account(test.account)).await, all);
    assert_eq!(of(Target::Space(test.other_space)).await, [domains[1]]);
    assert!(
        of(Target::Space(atrail_model::SpaceId::generate()))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn counts_are_those_of_the_hits() {
    let test = TestStore::new().await;
    let events = sample(&test).await;
    let question = week(Target::Space(test.space), "_exists_:n -action:read");
    let field = |name: &str| atrail_search::query::Field::named(name).unwrap();
    let counting = Counting {
        histogram: Some(Buckets {
            seconds: 3600,
            origin: 0,
        }),
        facets: vec![(field("action"), 1), (field("nothing"), 3)],
        distinct: vec![field("initiator.id")],
    };
    let (counts, searched) = test
        .store
        .aggregate(&question, &counting, &budget())
        .await
        .unwrap();
    let hits = paged(&test, &question, Order::Oldest, 1000).await.unwrap();
    assert_eq!(counts.total, 40);
    assert_eq!(counts.total, hits.len() as u64);
    assert_eq!(counts.times, Some((hits[0].time, hits[39].time)));
    assert_eq!(counts.histogram.values().sum::<u64>(), 40);
    assert_eq!(counts.histogram.len(), 10);
    assert_eq!(counts.facets[0].values, [("Update".to_owned(), 20)]);
    assert_eq!(
        (counts.facets[0].others, counts.facets[0].distinct),
        (20, 2)
    );
    assert_eq!(counts.facets[1].missing, 40);
    assert_eq!(counts.distinct, [7]);
    assert!(searched.events >= events.len() as u64);
    let little = Budget {
        memory_bytes: 100,
        ..budget()
    };
    let refused = test.store.aggregate(&question, &counting, &little).await;
    assert!(
        matches!(refused, Err(SearchError::TooLarge(_))),
        "{refused:?}"
    );
}

/// Enough events that a search of all of them takes a while.
async fn many(test: &TestStore) {
    for hour in 0..6 {
        let events = (0..4_000).map(|n| {
            let time = format!("2017-07-24T{hour:02}:{:02}:00Z", n % 60);
            at(
                &time,
                &format!("\"n\":{n},\"text\":\"{}\"", "lorem ipsum ".repeat(20)),
            )
        });
        append(test, Domain::Space(test.space), &events.collect::<Vec<_>>()).await;
    }
    test.session(test.scope("2017-07-20", "2017-07-27")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_ends_at_once_when_it_is_cancelled_or_its_time_is_over() {
    let test = TestStore::new().await;
    many(&test).await;
    let question = week(Target::Space(test.space), "text:/l.*m( ips.m){9}x/");
    let whole = Instant::now();
    let none = paged(&test, &question, Order::Newest, 10).await.unwrap();
    assert!(none.is_empty());
    let whole = whole.elapsed();
    let short = Budget {
        time: Some(Duration::from_millis(1)),
        ..budget()
    };
    let page = Page {
        limit: 10,
        ..Page::default()
    };
    let over = test.store.search(&question, &page, &short).await;
    assert!(
        matches!(over, Err(SearchError::TooLong { .. })),
        "{over:?} ({whole:?})"
    );
    let cancelled = budget();
    cancelled.cancel.cancel();
    let ended = test.store.search(&question, &page, &cancelled).await;
    assert!(matches!(ended, Err(SearchError::Cancelled)), "{ended:?}");
}

#[tokio::test]
async fn what_is_deleted_is_not_found_and_the_rest_is() {
    let test = TestStore::new().await;
    let events = sample(&test).await;
    let question = week(Target::Space(test.space), "_exists_:n");
    let scope = Scope {
        target: Target::Space(test.space),
        days: days("2017-07-24", "2017-07-24"),
        hours: "4-12".parse::<Hours>().unwrap(),
    };
    let requester = Requester::from("ann");
    test.store
        .delete_events(scope, requester, false)
        .await
        .unwrap();
    let is_gone =
        |event: &NewEvent| event.day == scope.days.start() && scope.hours.contains(event.hour);
    let left: Vec<_> = events
        .iter()
        .filter(|event| !is_gone(event))
        .cloned()
        .collect();
    assert!(left.len() < events.len());
    for order in ORDERS {
        let hits = paged(&test, &question, order, 7).await.unwrap();
        assert_eq!(lines(&hits), expected(&left, "{", order));
    }
}

#[tokio::test]
async fn a_damaged_object_is_an_error_that_names_it() {
    let test = TestStore::new().await;
    many(&test).await;
    let question = week(Target::Space(test.space), "n:7");
    let objects: Vec<_> = files_below(&test.data_dir().join("archive"));
    let objects: Vec<_> = objects
        .iter()
        .filter(|path| path.to_string_lossy().contains("hour=03"))
        .collect();
    let sound = std::fs::read(objects[0]).unwrap();
    let mut bytes = sound.clone();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(objects[0], &bytes).unwrap();
    let refused = paged(&test, &question, Order::Newest, 1000)
        .await
        .unwrap_err();
    let name = objects[0]
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    assert!(refused.to_string().contains(&name), "{refused}");
    let before = asked(
        Target::Space(test.space),
        "n:7",
        "2017-07-24T00:00:00Z",
        "2017-07-24T03:00:00Z",
    );
    assert_eq!(
        paged(&test, &before, Order::Newest, 1000)
            .await
            .unwrap()
            .len(),
        3
    );
    std::fs::write(objects[0], &sound).unwrap();
    assert_eq!(
        paged(&test, &question, Order::Newest, 1000)
            .await
            .unwrap()
            .len(),
        6
    );
}
