//! Tails: what becomes durable comes once and in order, and nothing is missing silently.

use std::time::Duration;

use atrail_model::{Domain, Target};
use atrail_store::{After, NewEvent, Store, Tail, Tailed};

use crate::support::{TestStore, event, texts};

/// Enough for everything.
const ALL: u64 = u64::MAX;

/// Returns the texts of the events that come now, with a word where some are missing.
async fn come(tail: &mut Tail, most_bytes: u64) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let next = tail.next(most_bytes).await.unwrap();
        if next.is_empty() {
            return found;
        }
        found.extend(next.into_iter().map(|one| match one {
            Tailed::Missed { .. } => "missed".to_owned(),
            Tailed::Event { line, .. } => String::from_utf8(line.to_vec()).unwrap(),
        }));
    }
}

async fn follow(store: &Store, target: Target, after: After) -> Tail {
    store.tail(target, after).await.unwrap()
}

fn some(from: u8, count: u8) -> Vec<NewEvent> {
    let hours = (from..from + count).map(|n| event("2017-07-24", n % 24, &format!("n{n}")));
    hours.collect()
}

#[tokio::test]
async fn what_becomes_durable_comes_once_and_in_order_to_its_target() {
    let test = TestStore::new().await;
    let (space, account) = (Target::Space(test.space), Target::Account(test.account));
    test.send(&some(0, 2)).await;
    let mut own = follow(&test.store, space, After::Now).await;
    let mut whole = follow(&test.store, account, After::Now).await;
    let now = "2017-07-25T00:00:00Z".parse().unwrap();
    let other = test
        .store
        .tenancy()
        .create_account("other", now)
        .await
        .unwrap();
    let mut foreign = follow(&test.store, Target::Account(other.id), After::Now).await;
    assert!(come(&mut own, ALL).await.is_empty(), "what was before");
    test.send(&some(2, 3)).await;
    let beside = event("2017-07-24", 1, "beside");
    let of_other = Domain::Space(test.other_space);
    test.store
        .append(of_other, vec![beside.clone()])
        .await
        .unwrap();
    let of_account = event("2017-07-24", 1, "of the account");
    let domain = Domain::Account(test.account);
    test.store
        .append_own(domain, of_account.clone())
        .await
        .unwrap();
    // A duplicate is no event.
    test.send(&some(3, 3)).await;
    let expected = texts(&some(2, 4));
    assert_eq!(come(&mut own, 1).await, expected, "one by one");
    let mut all = texts(&some(2, 3));
    all.extend(texts(&[beside, of_account]));
    all.extend(texts(&some(5, 1)));
    assert_eq!(come(&mut whole, ALL).await, all);
    assert!(come(&mut foreign, ALL).await.is_empty());
    // A space that is younger than the tail.
    let tenancy = test.store.tenancy();
    let organization = tenancy
        .create_organization(test.account, "more", now)
        .await
        .unwrap();
    let space = tenancy
        .create_space(organization.id, "new", now)
        .await
        .unwrap();
    let younger = event("2017-07-24", 2, "younger");
    let domain = Domain::Space(space.id);
    test.store
        .append(domain, vec![younger.clone()])
        .await
        .unwrap();
    assert_eq!(come(&mut whole, ALL).await, texts(&[younger]));
    assert!(come(&mut own, ALL).await.is_empty());
    assert!(come(&mut foreign, ALL).await.is_empty());
}

#[tokio::test]
async fn a_waiting_tail_wakes_and_one_behind_a_place_continues_there() {
    let test = TestStore::new().await;
    let space = Target::Space(test.space);
    let mut tail = follow(&test.store, space, After::Now).await;
    let begin = tail.place();
    assert!(come(&mut tail, ALL).await.is_empty());
    let waiting = async {
        tail.wait().await;
        come(&mut tail, ALL).await
    };
    let (woken, ()) = futures_util::join!(waiting, async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        test.send(&some(0, 3)).await;
    });
    assert_eq!(woken, texts(&some(0, 3)));
    let mut places = vec![begin];
    let mut again = follow(&test.store, space, After::Here(begin)).await;
    for one in again.next(ALL).await.unwrap() {
        let Tailed::Event { place, .. } = one else {
            panic!("{one:?}");
        };
        places.push(place);
    }
    for (done, place) in places.into_iter().enumerate() {
        let mut behind = follow(&test.store, space, After::Here(place)).await;
        let rest = texts(&some(0, 3))[done..].to_vec();
        assert_eq!(come(&mut behind, ALL).await, rest, "behind {done}");
    }
}

#[tokio::test]
async fn a_slow_reader_learns_that_events_are_missing_and_of_a_busy_neighbour_nothing() {
    let test = TestStore::with(|settings| settings.recent_bytes = 0).await;
    let space = Target::Space(test.space);
    let other = Target::Space(test.other_space);
    let mut slow = follow(&test.store, space, After::Now).await;
    let mut beside = follow(&test.store, other, After::Now).await;
    let begin = slow.place();
    let quiet = event("2017-07-24", 1, "quiet");
    let of_other = Domain::Space(test.other_space);
    test.store
        .append(of_other, vec![quiet.clone()])
        .await
        .unwrap();
    test.send(&some(0, 3)).await;
    // A session seals them, of its own space alone: no sealed event stays in memory.
    test.session(test.scope("2017-07-24", "2017-07-24")).await;
    test.send(&some(3, 2)).await;
    let mut expected = vec!["missed".to_owned()];
    expected.extend(texts(&some(3, 2)));
    assert_eq!(come(&mut slow, ALL).await, expected);
    assert_eq!(
        come(&mut beside, ALL).await,
        texts(&[quiet]),
        "unsealed, and so there"
    );
    // It is told once, and again of what is lost later.
    assert!(come(&mut slow, ALL).await.is_empty());
    test.send(&some(5, 1)).await;
    test.session(test.scope("2017-07-24", "2017-07-24")).await;
    assert_eq!(come(&mut slow, ALL).await, ["missed"]);
    assert!(come(&mut slow, ALL).await.is_empty());
    // Who comes back learns of everything.
    let mut back = follow(&test.store, space, After::Here(begin)).await;
    assert_eq!(come(&mut back, ALL).await, ["missed"]);
    // The control: whoever reads in time misses nothing, sealed or not.
    test.send(&some(6, 1)).await;
    assert_eq!(come(&mut slow, ALL).await, texts(&some(6, 1)));
    test.session(test.scope("2017-07-24", "2017-07-24")).await;
    assert!(come(&mut slow, ALL).await.is_empty());
}

#[tokio::test]
async fn a_tail_continues_after_a_crash_as_long_as_its_events_are_unsealed() {
    for is_sealed in [false, true] {
        let test = TestStore::new().await;
        let space = Target::Space(test.space);
        test.send(&some(0, 2)).await;
        let tail = follow(&test.store, space, After::Now).await;
        let place = tail.place();
        test.send(&some(2, 2)).await;
        if is_sealed {
            test.session(test.scope("2017-07-24", "2017-07-24")).await;
        }
        test.send(&some(4, 2)).await;
        drop(tail);
        let test = test.crash_and_reopen().await;
        let mut tail = follow(&test.store, space, After::Before(place)).await;
        test.send(&some(6, 1)).await;
        let found = come(&mut tail, ALL).await;
        if is_sealed {
            assert_eq!(found[0], "missed");
            assert_eq!(found[1..], texts(&some(4, 3)));
        } else {
            assert_eq!(found, texts(&some(2, 5)));
        }
        let mut unknown = follow(&test.store, space, After::Unknown).await;
        assert_eq!(come(&mut unknown, ALL).await, ["missed"]);
    }
}

#[tokio::test]
async fn deleted_events_do_not_come_any_more() {
    let test = TestStore::new().await;
    let space = Target::Space(test.space);
    let mut tail = follow(&test.store, space, After::Now).await;
    test.send(&[
        event("2017-07-23", 1, "kept"),
        event("2017-07-24", 1, "deleted"),
    ])
    .await;
    let scope = test.scope("2017-07-24", "2017-07-24");
    test.store.delete_events(scope, "ann", false).await.unwrap();
    let kept = texts(&[event("2017-07-23", 1, "kept")]);
    assert_eq!(come(&mut tail, ALL).await, kept);
}

/// Nothing waits for a tail that nobody reads.
#[tokio::test]
async fn an_idle_tail_holds_nobody_up_and_no_memory() {
    let test = TestStore::with(|settings| settings.recent_bytes = 1000).await;
    let space = Target::Space(test.space);
    let mut idle = follow(&test.store, space, After::Now).await;
    for round in 0..50 {
        test.send(&[event("2017-07-24", 7, &format!("{round}"))])
            .await;
        if round % 10 == 0 {
            test.session(test.scope("2017-07-24", "2017-07-24")).await;
        }
    }
    test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let found = come(&mut idle, ALL).await;
    assert_eq!(found[0], "missed");
    let rest = &found[1..];
    assert!(!rest.is_empty() && rest.len() < 20, "{rest:?}");
    let sent: Vec<_> = (0..50)
        .map(|n| event("2017-07-24", 7, &format!("{n}")))
        .collect();
    assert!(texts(&sent).ends_with(rest));
}
