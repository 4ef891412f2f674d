//! Limits of sessions and deletions: which sessions a deletion ends, how many there may be and for how long, and how
//! the log names the requester of a deletion.

use std::time::Duration;

use atrail_evidence::{DayEntry, Receipt};
use atrail_model::{Domain, Requester, Scope, SessionId, Target, UserId};
use atrail_store::{ErrorKind, NewSession, SessionState, StoreError};

use crate::support::{TestStore, event};

const DAY: Duration = Duration::from_secs(86_400);

fn within(scope: Scope, hours: &str) -> Scope {
    Scope {
        hours: hours.parse().unwrap(),
        ..scope
    }
}

/// Returns why a session is gone, if it is.
async fn reason(t: &TestStore, id: SessionId) -> Option<String> {
    match t.store.session(t.user, id).await.unwrap().state {
        SessionState::Gone(reason) => Some(reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_deletion_ends_the_sessions_that_have_its_day_and_hour_and_no_other() {
    let t = TestStore::new().await;
    for day in ["2017-07-23", "2017-07-24", "2017-07-25"] {
        t.send(&[6, 7, 8].map(|hour| event(day, hour, "x"))).await;
    }
    let mut sessions = Vec::new();
    for (first, last, hours, is_hit) in [
        ("2017-07-23", "2017-07-25", "0-23", true),
        ("2017-07-23", "2017-07-24", "0-23", true),
        ("2017-07-24", "2017-07-25", "0-23", true),
        ("2017-07-24", "2017-07-24", "5-7", true),
        ("2017-07-24", "2017-07-24", "7-9", true),
        ("2017-07-24", "2017-07-24", "7", true),
        ("2017-07-24", "2017-07-24", "8-9", false),
        ("2017-07-24", "2017-07-24", "5-6", false),
        ("2017-07-23", "2017-07-23", "7", false),
        ("2017-07-25", "2017-07-25", "7", false),
        // Without any object of the deletion.
        ("2017-07-26", "2017-07-26", "7", false),
    ] {
        let session = t.session(within(t.scope(first, last), hours)).await;
        sessions.push((session.id, is_hit, format!("{first}..{last} {hours}")));
    }
    // Within its scope, but without a deleted object.
    let of_other = Scope {
        target: Target::Space(t.other_space),
        ..t.scope("2017-07-24", "2017-07-24")
    };
    sessions.push((
        t.session(of_other).await.id,
        false,
        "of another space".to_owned(),
    ));
    let whole = Scope {
        target: Target::Account(t.account),
        ..t.scope("2017-07-24", "2017-07-24")
    };
    sessions.push((t.session(whole).await.id, true, "of the account".to_owned()));
    let scope = within(t.scope("2017-07-24", "2017-07-24"), "7");
    let deleted = t
        .store
        .delete_events(scope, "mallory", false)
        .await
        .unwrap();
    assert_eq!(deleted.count, 1);
    for (id, is_hit, what) in &sessions {
        assert_eq!(reason(&t, *id).await.is_some(), *is_hit, "{what}");
    }
    // The session names the first requester, whatever follows.
    let rest = t.scope("2017-07-23", "2017-07-25");
    t.store.delete_events(rest, "eve", false).await.unwrap();
    for (number, name) in [(0, "mallory"), (6, "eve")] {
        let told = reason(&t, sessions[number].0).await.unwrap();
        assert!(told.contains(name), "{told}");
    }
    let gone = t.store.receipt(t.user, sessions[0].0).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Gone);
}

#[tokio::test]
async fn a_session_is_there_until_its_end_and_not_at_it() {
    let nanosecond = Duration::from_nanos(1);
    for (idle, longest) in [(7, 30), (30, 7)] {
        let t = TestStore::with(|settings| {
            settings.session_idle_ttl = idle * DAY;
            settings.session_max_ttl = longest * DAY;
        })
        .await;
        let session = t.session(t.scope("2017-07-24", "2017-07-24")).await;
        assert_eq!(
            session.expires,
            "2017-08-01T10:29:28.541092735Z".parse().unwrap()
        );
        let seen = async || {
            let found = t.store.session(t.user, session.id).await.is_ok();
            let listed = t.store.sessions(t.user, None).await.unwrap().len();
            (found, listed, t.store.open_sessions().await.unwrap())
        };
        t.clock.advance(7 * DAY - nanosecond);
        assert_eq!(seen().await, (true, 1, 1));
        t.clock.advance(nanosecond);
        assert_eq!(seen().await, (false, 0, 0));
        // Its id may be used again, and the row of the first session is gone.
        let new = NewSession {
            id: Some(session.id),
            ..t.new_session(t.scope("2017-07-24", "2017-07-24"))
        };
        let again = t.store.create_session(new).await.unwrap();
        assert_ne!(again.generation, session.generation);
        assert_eq!(seen().await, (true, 1, 1));
    }
}

#[tokio::test]
async fn limits_are_those_of_a_space_and_of_a_user_in_it() {
    let t = TestStore::with(|settings| {
        settings.max_open_sessions = 1;
        settings.max_sessions_per_hour = 4;
    })
    .await;
    let scope = t.scope("2017-07-24", "2017-07-24");
    let make = async |owner: UserId, space, target| {
        let new = NewSession {
            owner,
            space,
            scope: Scope { target, ..scope },
            ..t.new_session(scope)
        };
        let made = t.store.create_session(new).await;
        made.map(drop).map_err(|error| error.kind())
    };
    let (space, other) = (t.space, t.other_space);
    let other_user = UserId::generate();
    assert_eq!(
        make(t.user, Some(space), Target::Space(space)).await,
        Ok(())
    );
    let refused = Err(ErrorKind::TooMany);
    assert_eq!(
        make(t.user, Some(space), Target::Space(space)).await,
        refused,
        "two of one user"
    );
    assert_eq!(
        make(other_user, Some(space), Target::Space(space)).await,
        Ok(())
    );
    assert_eq!(
        make(t.user, Some(other), Target::Space(other)).await,
        Ok(()),
        "another space"
    );
    assert_eq!(
        make(t.user, None, Target::Account(t.account)).await,
        Ok(()),
        "no space"
    );
    let now = "2017-07-25T00:00:00Z".parse().unwrap();
    let account = t
        .store
        .tenancy()
        .create_account("other", now)
        .await
        .unwrap()
        .id;
    assert_eq!(
        make(t.user, None, Target::Account(account)).await,
        Ok(()),
        "another account"
    );
    // By now the space has requested three of the hour's four, and each other space one.
    let third = UserId::generate();
    assert_eq!(make(third, Some(space), Target::Space(space)).await, Ok(()));
    let refused = make(UserId::generate(), Some(space), Target::Space(space)).await;
    assert_eq!(refused, Err(ErrorKind::TooMany), "five of an hour");
    assert_eq!(make(third, Some(other), Target::Space(other)).await, Ok(()));
}

#[tokio::test]
async fn the_log_says_who_deleted_what_and_why() {
    let t = TestStore::new().await;
    t.send(&[6, 7, 8, 9].map(|hour| event("2017-07-24", hour, "x")))
        .await;
    let requester = Requester {
        name: "ann",
        request: "r-17",
        reason: "case 7",
        warrant: None,
    };
    let day = t.scope("2017-07-24", "2017-07-24");
    t.store
        .delete_events(within(day, "7-8"), requester, false)
        .await
        .unwrap();
    let session = t.session(day).await;
    let receipt = t.store.receipt(t.user, session.id).await.unwrap();
    let text = String::from_utf8(receipt.to_vec()).unwrap();
    let (receipt, _) = Receipt::parse(&text).unwrap();
    let entries = &receipt.domains[0].lists[0].entries;
    let DayEntry::Delete(deletion) = DayEntry::parse(&entries[1]).unwrap() else {
        panic!("{entries:?}")
    };
    assert_eq!(
        (deletion.actor.as_str(), deletion.request.as_str()),
        ("ann", "r-17")
    );
    assert_eq!(deletion.reason, "case 7");
    assert_eq!((deletion.hours.first, deletion.hours.last), (7, 8));
    assert_eq!((deletion.events, deletion.position), (2, 1));
}

/// The hashes let an auditor locate damage within a long segment.
#[tokio::test]
async fn a_receipt_has_the_subtree_hashes_of_long_segments() {
    let t = TestStore::new().await;
    let events: Vec<_> = (0..1025)
        .map(|n| event("2017-07-24", 7, &n.to_string()))
        .collect();
    t.send(&events).await;
    t.send(&[event("2017-07-24", 8, "short")]).await;
    let session = t.session(t.scope("2017-07-24", "2017-07-24")).await;
    let receipt = t.store.receipt(t.user, session.id).await.unwrap();
    let text = String::from_utf8(receipt.to_vec()).unwrap();
    let (receipt, _) = Receipt::parse(&text).unwrap();
    let subtrees: Vec<_> = receipt.domains[0].subtrees.values().map(Vec::len).collect();
    assert_eq!(subtrees, [2]);
}

/// A deletion of nothing neither counts nor seals; a hold refuses it nevertheless, and a dry run too.
#[tokio::test]
async fn a_deletion_of_nothing_does_nothing() {
    let t = TestStore::with(|settings| settings.max_sessions_per_hour = 1).await;
    let (there, nothing) = (
        t.scope("2017-07-24", "2017-07-24"),
        t.scope("2017-07-20", "2017-07-20"),
    );
    t.send(&[event("2017-07-24", 7, "x")]).await;
    for _ in 0..3 {
        let deleted = t.store.delete_events(nothing, "ann", false).await.unwrap();
        assert_eq!(deleted.count, 0);
    }
    assert_eq!(t.store.stats().unsealed.events, 1);
    let requester = Requester {
        name: "ann",
        reason: "case 7",
        ..Requester::default()
    };
    let target = Target::Space(t.space);
    t.store.set_hold(target, requester).await.unwrap();
    for (scope, is_dry) in [(nothing, false), (there, true), (there, false)] {
        let refused = t.store.delete_events(scope, "ann", is_dry).await;
        assert!(matches!(refused, Err(StoreError::Held(_))), "{refused:?}");
    }
    t.store.release_hold(target, requester).await.unwrap();
    let deleted = t.store.delete_events(there, "ann", false).await;
    // Holds count, too.
    assert!(matches!(deleted, Ok(_) | Err(StoreError::TooMany { .. })));
}

/// A repeated request with the same id gets the same session, whatever the limits are by then.
#[tokio::test]
async fn a_session_that_was_made_before_is_given_back() {
    let t = TestStore::with(|settings| {
        settings.max_open_sessions = 1;
        settings.max_sessions_per_hour = 1;
    })
    .await;
    t.send(&[event("2017-07-24", 7, "x")]).await;
    let new = NewSession {
        id: Some(SessionId::generate()),
        ..t.new_session(t.scope("2017-07-24", "2017-07-24"))
    };
    let made = t.store.create_session(new.clone()).await.unwrap();
    t.send(&[event("2017-07-24", 7, "y")]).await;
    let again = t.store.create_session(new.clone()).await.unwrap();
    assert_eq!(
        (again.id, again.generation, again.events),
        (made.id, made.generation, 1)
    );
    // The same id of another user is another session.
    let theirs = NewSession {
        owner: UserId::generate(),
        ..new
    };
    t.store.create_session(theirs).await.unwrap_err();
}

#[tokio::test]
async fn how_far_a_download_came_is_told_by_its_state() {
    let t = TestStore::new().await;
    t.send(&[event("2017-07-24", 7, "x"), event("2017-07-24", 8, "y")])
        .await;
    let session = t.session(t.scope("2017-07-24", "2017-07-24")).await;
    assert_eq!(session.state, SessionState::Open);
    let state = async || {
        let session = t.store.session(t.user, session.id).await.unwrap();
        (session.state, session.downloaded_bytes)
    };
    assert_eq!(state().await, (SessionState::Open, 0));
    let read = async |from: u64, to: u64| {
        use futures_util::TryStreamExt;
        let download = t.open(session.id).await.unwrap();
        let stream = download.read(from..to).await.unwrap();
        let _: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
    };
    let end = session.total_bytes;
    read(5, 10).await;
    assert_eq!(state().await, (SessionState::Downloading, 5));
    read(0, 7).await;
    assert_eq!(
        state().await,
        (SessionState::Downloading, 10),
        "each byte once"
    );
    read(10, end).await;
    assert_eq!(state().await, (SessionState::Downloaded, end));
    let of_account = Domain::Account(t.account);
    t.store
        .append(of_account, vec![event("2017-07-24", 7, "z")])
        .await
        .unwrap();
    let t = t.crash_and_reopen().await;
    t.store.session(t.user, session.id).await.unwrap();
}
