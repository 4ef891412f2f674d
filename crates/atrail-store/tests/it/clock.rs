//! A jump of the machine's clock is not passed time: nothing ends and nothing is deleted because of it, and nobody is
//! locked out after it.

use std::num::NonZeroU32;
use std::time::Duration;

use atrail_model::{Clock, Domain, Hours, Retention, Scope, Target, Timestamp, UserId};
use atrail_store::{Disagreement, ErrorKind, NewSession};

use crate::support::{TestStore, event, ever, files_below};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn ahead(test: &TestStore, by: Duration) -> Timestamp {
    test.clock.now() + by
}

fn back(test: &TestStore, by: Duration) -> Timestamp {
    test.clock.now() - by
}

/// Returns a store with a sealed event of yesterday, which keeps events for ninety days.
async fn keeping_ninety_days() -> TestStore {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 1, "a")]).await;
    seal(&test).await;
    let ninety = Retention::Days(NonZeroU32::new(90).unwrap());
    let set = test
        .store
        .set_retention(Target::Space(test.space), ninety, "ann");
    set.await.unwrap();
    test
}

/// Seals all events, and leaves no session.
async fn seal(test: &TestStore) {
    let session = test.session(everything(test)).await;
    let ended = test.store.delete_session(test.user, session.id);
    ended.await.unwrap();
}

fn everything(test: &TestStore) -> Scope {
    Scope {
        target: Target::Space(test.space),
        days: ever(),
        hours: Hours::ALL,
    }
}

async fn swept(test: &TestStore) -> u64 {
    test.store.sweep().await.unwrap().count
}

async fn count(test: &TestStore) -> usize {
    test.counts(Target::Space(test.space)).await.len()
}

#[tokio::test]
async fn retention_deletes_nothing_by_a_clock_that_jumped() {
    let test = keeping_ninety_days().await;
    let right = test.clock.now();
    test.clock.set(ahead(&test, YEAR));
    assert_eq!((swept(&test).await, count(&test).await), (0, 1));
    let Some(Disagreement::Ahead(by)) = test.store.time().disagreement else {
        panic!("a jump that is not noticed: {:?}", test.store.time());
    };
    assert_eq!(by, YEAR);
    // Nor after minutes of running, nor when the clock is right again.
    test.clock.advance(Duration::from_secs(330));
    assert_eq!((swept(&test).await, count(&test).await), (0, 1));
    test.clock.set(right + Duration::from_secs(330));
    assert_eq!((swept(&test).await, count(&test).await), (0, 1));
    assert_eq!(test.store.time().disagreement, None);
    // The control: time that really passes has the effect.
    test.clock.advance(92 * DAY);
    assert_eq!((swept(&test).await, count(&test).await), (1, 0));
}

#[tokio::test]
async fn a_jump_while_the_server_does_not_run_deletes_nothing() {
    let test = keeping_ninety_days().await;
    swept(&test).await;
    test.clock.set(ahead(&test, YEAR));
    let test = test.crash_and_reopen().await;
    assert_eq!((swept(&test).await, count(&test).await), (0, 1));
    assert!(test.store.time().disagreement.is_some());
    // Another restart does not believe the jump any sooner.
    let test = test.crash_and_reopen().await;
    assert_eq!((swept(&test).await, count(&test).await), (0, 1));
    // The clock is believed once the server has run for as long.
    test.clock.advance(YEAR);
    assert_eq!((swept(&test).await, count(&test).await), (1, 0));
}

#[tokio::test]
async fn an_operator_says_that_the_clock_is_right_and_a_restart_remembers_it() {
    let test = keeping_ninety_days().await;
    test.clock.set(ahead(&test, YEAR));
    let before = test.store.resume_time().await.unwrap();
    assert_eq!(before.disagreement, Some(Disagreement::Ahead(YEAR)));
    assert_eq!(test.store.time().disagreement, None);
    let test = test.crash_and_reopen().await;
    assert_eq!(test.store.time().disagreement, None);
    assert_eq!((swept(&test).await, count(&test).await), (1, 0));
}

#[tokio::test]
async fn the_directory_of_an_earlier_version_believes_no_clock_that_is_far_from_its_traces() {
    for (jump, is_noticed) in [(YEAR, true), (HOUR, false)] {
        let test = keeping_ninety_days().await;
        let (dir_of_user, clock) = (test.data_dir().to_owned(), test.clock.clone());
        let catalog = test.catalog().await;
        catalog.run("DELETE FROM clock").await;
        catalog.close().await;
        assert!(dir_of_user.exists());
        clock.set(clock.now() + jump);
        let test = test.crash_and_reopen().await;
        assert_eq!(test.store.time().disagreement.is_some(), is_noticed);
        assert_eq!((swept(&test).await, count(&test).await), (0, 1));
    }
}

#[tokio::test]
async fn what_was_sealed_is_known_again_after_a_jump() {
    let test = TestStore::new().await;
    let one = event("2017-07-24", 1, "once");
    let stored = async || {
        let sent = test
            .store
            .append(Domain::Space(test.space), vec![one.clone()]);
        sent.await.unwrap().stored
    };
    assert_eq!(stored().await, 1);
    seal(&test).await;
    let right = test.clock.now();
    for jumped in [right + 8 * DAY, right - 8 * DAY] {
        test.clock.set(jumped);
        // The background deletes expired entries every second.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(stored().await, 0, "{jumped}");
        test.clock.set(right);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(stored().await, 0, "after {jumped}");
    }
    // The control: after eight days the entry is gone.
    test.clock.advance(8 * DAY);
    for _ in 0..200 {
        if stored().await == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("known for ever");
}

/// Creates a session of another user, which ends the expired ones.
async fn end_what_is_over(test: &TestStore) {
    let other = NewSession {
        owner: UserId::generate(),
        ..test.new_session(everything(test))
    };
    test.store.create_session(other).await.unwrap();
}

#[tokio::test]
async fn a_session_does_not_end_by_a_jump() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 1, "a")]).await;
    let right = test.clock.now();
    let early = test.session(everything(&test)).await;
    let stands = async |id| {
        end_what_is_over(&test).await;
        let seen = test.store.session(test.user, id).await;
        seen.is_ok_and(|seen| seen.expires > test.clock.now())
    };
    test.clock.set(right + YEAR);
    assert!(stands(early.id).await, "ahead");
    let of_the_future = test.session(everything(&test)).await;
    test.clock.set(right - YEAR);
    assert!(stands(early.id).await, "behind");
    let of_the_past = test.session(everything(&test)).await;
    assert_eq!(test.lines(of_the_past.id).await.len(), 1);
    test.clock.set(right);
    for id in [early.id, of_the_future.id, of_the_past.id] {
        assert!(stands(id).await, "right again");
        assert_eq!(test.lines(id).await.len(), 1);
    }
    // Six days later the used sessions are still open; after eight days without use none is, whatever the date of its
    // creation.
    test.clock.advance(6 * DAY);
    for id in [early.id, of_the_future.id, of_the_past.id] {
        assert!(stands(id).await, "six days later");
    }
    test.clock.advance(8 * DAY);
    end_what_is_over(&test).await;
    let left = test.store.sessions(test.user, Some(test.space)).await;
    assert!(left.unwrap().is_empty());
    assert_eq!(test.store.open_sessions().await.unwrap(), 1);
}

#[tokio::test]
async fn an_operators_word_ends_no_session() {
    let test = TestStore::new().await;
    test.clock.set(ahead(&test, YEAR));
    let session = test.session(everything(&test)).await;
    test.store.resume_time().await.unwrap();
    end_what_is_over(&test).await;
    assert!(test.store.session(test.user, session.id).await.is_ok());
    let test = test.crash_and_reopen().await;
    end_what_is_over(&test).await;
    assert!(test.store.session(test.user, session.id).await.is_ok());
}

#[tokio::test]
async fn a_clock_that_was_ahead_locks_no_space_out() {
    let test = TestStore::with(|settings| settings.max_sessions_per_hour = 3).await;
    let right = test.clock.now();
    test.clock.set(right + YEAR);
    for _ in 0..3 {
        test.session(everything(&test)).await;
    }
    test.clock.set(right);
    let refused = test
        .store
        .create_session(test.new_session(everything(&test)));
    assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::TooMany);
    test.clock.advance(2 * HOUR);
    test.session(everything(&test)).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_event_from_being_sealed() {
    let test = TestStore::with(|settings| settings.seal_after = HOUR).await;
    test.send(&[event("2017-07-24", 1, "a")]).await;
    test.clock.set(back(&test, YEAR));
    assert_eq!(test.store.stats().unsealed.events, 1);
    test.clock.run(2 * HOUR);
    for _ in 0..300 {
        if test.store.stats().unsealed.events == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not sealed though it waited for hours");
}

#[tokio::test]
async fn what_retention_takes_by_a_clock_that_was_set_back_stays_for_the_sessions_before() {
    let test = keeping_ninety_days().await;
    test.clock.advance(100 * DAY);
    let session = test.session(everything(&test)).await;
    let bytes = test.gzip(session.id).await;
    // Between the session and the sweep.
    test.clock.set(back(&test, 2 * DAY));
    assert_eq!((swept(&test).await, count(&test).await), (1, 0));
    assert_eq!(swept(&test).await, 0);
    assert_eq!(test.gzip(session.id).await, bytes);
    // The control: without the session the bytes are erased.
    let archive = test.data_dir().join("archive");
    assert_eq!(files_below(&archive).len(), 1);
    let ended = test.store.delete_session(test.user, session.id);
    ended.await.unwrap();
    swept(&test).await;
    assert!(files_below(&archive).is_empty());
}

#[tokio::test]
async fn what_is_compacted_by_a_clock_that_was_set_back_is_found_by_the_sessions_before() {
    let test = TestStore::new().await;
    for text in ["a", "b", "c"] {
        test.send(&[event("2017-07-20", 1, text)]).await;
        seal(&test).await;
    }
    let session = test.session(everything(&test)).await;
    let bytes = test.gzip(session.id).await;
    test.clock.set(back(&test, 2 * DAY));
    assert_eq!(test.store.compact().await.unwrap().objects_out, 1);
    // Deletes the new places of objects that no session can have pinned.
    swept(&test).await;
    let test = test.crash_and_reopen().await;
    assert_eq!(test.gzip(session.id).await, bytes);
}

#[tokio::test]
async fn an_hour_is_left_alone_until_it_is_certainly_over() {
    let test = TestStore::new().await;
    for text in ["a", "b", "c"] {
        test.send(&[event("2017-07-25", 10, text)]).await;
        seal(&test).await;
    }
    test.clock.set(ahead(&test, DAY));
    assert_eq!(test.store.compact().await.unwrap().objects_out, 0);
    test.clock.advance(3 * HOUR);
    assert_eq!(test.store.compact().await.unwrap().objects_out, 1);
}
