//! A session is frozen: its bytes never change, and only its owner uses it.

use std::time::Duration;

use atrail_evidence::{Manifest, hex};
use atrail_model::{Domain, Hours, Scope, SessionId, Target, UserId};
use atrail_store::{NewSession, StoreError};
use sha2::{Digest, Sha256};

use crate::support::{TestStore, event, texts};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn a_session_never_changes_whatever_comes_later() {
    let test = TestStore::new().await;
    let early = [event("2017-07-24", 7, "a"), event("2017-07-24", 8, "b")];
    test.send(&early).await;
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let bytes = test.gzip(session.id).await;
    assert_eq!(test.lines(session.id).await, texts(&early));
    assert_eq!(bytes.len() as u64, session.total_bytes);

    test.send(&[event("2017-07-24", 7, "late")]).await;
    let later = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    assert_eq!(test.gzip(session.id).await, bytes);
    assert_eq!(later.events, 3);
    assert_ne!(later.etag, session.etag);
    let test = test.crash_and_reopen().await;
    assert_eq!(test.gzip(session.id).await, bytes);
    assert_eq!(
        test.store
            .session(test.user, session.id)
            .await
            .unwrap()
            .etag,
        session.etag
    );
}

#[tokio::test]
async fn days_and_hours_bound_a_session() {
    let test = TestStore::new().await;
    for day in ["2017-07-23", "2017-07-24", "2017-07-25"] {
        for hour in [6, 7, 8, 23] {
            test.send(&[event(day, hour, "x")]).await;
        }
    }
    let mut scope = test.scope("2017-07-24", "2017-07-25");
    scope.hours = "7-8".parse().unwrap();
    assert_eq!(test.session(scope).await.events, 4);
    scope.hours = Hours::ALL;
    assert_eq!(test.session(scope).await.events, 8);
}

#[tokio::test]
async fn the_manifest_tells_every_object_and_is_the_etag() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 7, "a"), event("2017-07-24", 8, "b")])
        .await;
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let text = test.store.manifest(test.user, session.id).await.unwrap();
    assert_eq!(<[u8; 32]>::from(Sha256::digest(&text)), session.etag);
    let manifest: Manifest = serde_json::from_slice(&text).unwrap();
    let bytes = test.gzip(session.id).await;
    let mut at = 0;
    for object in &manifest.objects {
        let end = at + usize::try_from(object.length).unwrap();
        assert_eq!(hex(&Sha256::digest(&bytes[at..end])), object.sha256);
        assert_eq!(object.domain, format!("space-{}", test.space));
        at = end;
    }
    assert_eq!((manifest.objects.len(), at), (2, bytes.len()));
}

#[tokio::test]
async fn a_session_without_events_is_a_valid_gzip_file() {
    let test = TestStore::new().await;
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    assert_eq!((session.events, session.total_bytes), (0, 20));
    assert!(test.lines(session.id).await.is_empty());
}

#[tokio::test]
async fn only_its_owner_sees_a_session() {
    let test = TestStore::new().await;
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let other = UserId::generate();
    let foreign = test
        .store
        .session(other, session.id)
        .await
        .unwrap_err()
        .to_string();
    let absent_id = SessionId::generate();
    let absent = test
        .store
        .session(test.user, absent_id)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        foreign.replace(&session.id.to_string(), "ID"),
        absent.replace(&absent_id.to_string(), "ID")
    );
    assert!(test.store.manifest(other, session.id).await.is_err());
    assert!(test.store.delete_session(other, session.id).await.is_err());
    assert!(
        test.store
            .sessions(other, Some(test.space))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        test.store.sessions(test.user, None).await.unwrap().len(),
        1,
        "in any space"
    );
    assert_eq!(
        test.store
            .sessions(test.user, Some(test.space))
            .await
            .unwrap()
            .len(),
        1
    );
    test.store
        .delete_session(test.user, session.id)
        .await
        .unwrap();
    assert!(matches!(
        test.store.session(test.user, session.id).await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_its_greatest_age() {
    let test = TestStore::new().await;
    let idle = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let used = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    for day in 1..=29 {
        test.clock.advance(DAY);
        test.open(used.id).await.unwrap();
        assert_eq!(
            test.store.session(test.user, idle.id).await.is_ok(),
            day < 7,
            "day {day}"
        );
    }
    test.clock.advance(DAY);
    assert!(matches!(
        test.open(used.id).await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn a_space_has_a_limit_of_open_sessions_and_of_new_ones_an_hour() {
    let test = TestStore::with(|settings| {
        settings.max_open_sessions = 3;
        settings.max_sessions_per_hour = 5;
    })
    .await;
    let scope = test.scope("2017-07-24", "2017-07-24");
    let new = || NewSession {
        user: "ann".to_owned(),
        since: std::collections::BTreeMap::default(),
        owner: test.user,
        space: Some(test.space),
        scope,
        id: None,
    };
    let first = test.session(scope).await;
    test.session(scope).await;
    test.session(scope).await;
    assert!(
        matches!(
            test.store.create_session(new()).await,
            Err(StoreError::TooMany { .. })
        ),
        "open ones"
    );
    test.store
        .delete_session(test.user, first.id)
        .await
        .unwrap();
    test.session(scope).await;
    let error = test.store.create_session(new()).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::TooMany { message, .. } if message.contains("hour")),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_target_is_not_found() {
    let test = TestStore::new().await;
    let mut scope = test.scope("2017-07-24", "2017-07-24");
    scope.target = Target::Space(atrail_model::SpaceId::generate());
    let new = NewSession {
        user: "ann".to_owned(),
        since: std::collections::BTreeMap::default(),
        owner: test.user,
        space: None,
        scope,
        id: None,
    };
    assert!(matches!(
        test.store.create_session(new).await,
        Err(StoreError::NotFound { .. })
    ));
}

/// A large seal is divided into slices, so that others get their turn; the session still has every event.
#[tokio::test]
async fn a_session_over_very_many_hours_and_domains_is_whole() {
    let test = TestStore::new().await;
    let scattered = |space: &str| -> Vec<_> {
        (0..600_u32)
            .map(|hour| {
                let day = format!("2017-{:02}-{:02}", hour / 24 / 28 + 1, hour / 24 % 28 + 1);
                let hour_of_day = u8::try_from(hour % 24).unwrap();
                event(&day, hour_of_day, &format!("{space}-{hour}"))
            })
            .collect()
    };
    let mut sent = Vec::new();
    for (domain, name) in [
        (Domain::Account(test.account), "account"),
        (Domain::Space(test.space), "dev"),
        (Domain::Space(test.other_space), "prod"),
    ] {
        let events = scattered(name);
        sent.extend(texts(&events));
        test.store.append(domain, events).await.unwrap();
    }
    let scope = Scope {
        target: Target::Account(test.account),
        ..test.scope("2017-01-01", "2017-12-31")
    };
    let session = test.session(scope).await;
    assert_eq!(session.events, 1800);
    assert_eq!(test.store.stats().unsealed.events, 0);
    assert!(
        test.store.stats().seals.count > 1,
        "the control: it was more than one slice"
    );
    let mut lines = test.lines(session.id).await;
    lines.sort_unstable();
    sent.sort_unstable();
    assert_eq!(lines, sent);
}

/// The latest use of a session counts before the catalog has recorded it.
#[tokio::test]
async fn a_session_in_use_is_not_ended_by_anothers() {
    let test = TestStore::with(|settings| settings.session_idle_ttl = DAY).await;
    test.send(&[event("2017-07-24", 8, "a")]).await;
    let scope = test.scope("2017-07-24", "2017-07-24");
    let (used, idle) = (test.session(scope).await, test.session(scope).await);
    test.clock.advance(DAY - Duration::from_secs(1));
    test.open(used.id).await.unwrap();
    test.clock.advance(Duration::from_secs(2));
    let other = NewSession {
        owner: UserId::generate(),
        ..test.new_session(scope)
    };
    test.store.create_session(other).await.unwrap();
    assert_eq!(test.gzip(used.id).await.len() as u64, used.total_bytes);
    let ended = test.store.session(test.user, idle.id).await;
    assert!(
        matches!(ended, Err(StoreError::NotFound { .. })),
        "the control"
    );
}

#[tokio::test]
async fn a_user_with_all_that_one_may_have_keeps_no_other_from_making_any() {
    let test = TestStore::with(|settings| settings.max_open_sessions = 2).await;
    let scope = test.scope("2017-07-24", "2017-07-24");
    let make = async |owner| {
        let new = NewSession {
            owner,
            ..test.new_session(scope)
        };
        test.store.create_session(new).await.map(|made| made.id)
    };
    let mut firsts = Vec::new();
    for user in [
        test.user,
        UserId::generate(),
        UserId::generate(),
        UserId::generate(),
    ] {
        firsts.push((user, make(user).await.unwrap()));
        make(user).await.unwrap();
        let refused = make(user).await.unwrap_err();
        assert!(refused.to_string().contains("you have 2 open"), "{refused}");
    }
    let newcomer = UserId::generate();
    let refused = make(newcomer).await.unwrap_err();
    assert!(
        refused.to_string().contains("there are 8 open"),
        "{refused}"
    );
    let (user, first) = firsts[0];
    test.store.delete_session(user, first).await.unwrap();
    make(newcomer).await.unwrap();
}

#[tokio::test]
async fn the_same_request_twice_at_once_makes_one_session() {
    let test = TestStore::new().await;
    for round in 0..10 {
        test.send(&[event("2017-07-24", 8, &round.to_string())])
            .await;
        let new = NewSession {
            id: Some(SessionId::generate()),
            ..test.new_session(test.scope("2017-07-24", "2017-07-24"))
        };
        let all = (0..8).map(|_| test.store.create_session(new.clone()));
        for made in futures_util::future::join_all(all).await {
            assert_eq!(Some(made.unwrap().id), new.id);
        }
    }
}

/// Wherever a request is abandoned, there is no session or a complete one, and the next request succeeds.
#[tokio::test]
async fn a_request_that_is_given_up_leaves_nothing_half_made() {
    let test = TestStore::with(|settings| settings.max_open_sessions = 2).await;
    let scope = test.scope("2017-07-24", "2017-07-24");
    let mut sent = 0;
    for polls in 1.. {
        sent += 1;
        let one = event("2017-07-24", 8, &sent.to_string());
        test.send(&[one]).await;
        let mut making = Box::pin(test.store.create_session(test.new_session(scope)));
        let mut left = polls;
        let made = std::future::poll_fn(|context| {
            if left == 0 {
                return std::task::Poll::Ready(None);
            }
            left -= 1;
            making.as_mut().poll(context).map(Some)
        });
        let made = made.await;
        drop(making);
        let next = test.session(scope).await;
        assert_eq!(next.events, sent, "after {polls} polls");
        for session in test.store.sessions(test.user, None).await.unwrap() {
            test.store.receipt(test.user, session.id).await.unwrap();
            let lines = test.lines(session.id).await.len() as u64;
            assert_eq!(lines, session.events, "after {polls} polls");
            test.store
                .delete_session(test.user, session.id)
                .await
                .unwrap();
        }
        if made.is_some() {
            assert!(polls > 5, "the control: it takes more than a few");
            return;
        }
    }
}

/// Late events arrive for an hour that is sealed already, and hours are sealed in any order.
#[tokio::test]
async fn a_download_is_in_the_order_of_domains_days_and_hours_however_they_were_sealed() {
    let test = TestStore::new().await;
    let (account, space) = (Domain::Account(test.account), Domain::Space(test.space));
    let scope = Scope {
        target: Target::Account(test.account),
        ..test.scope("2017-07-23", "2017-07-24")
    };
    for (number, (domain, day, hour)) in [
        (space, "2017-07-24", 9),
        (account, "2017-07-24", 2),
        (space, "2017-07-24", 2),
        (account, "2017-07-23", 23),
        (space, "2017-07-24", 9),
        (space, "2017-07-23", 11),
        (space, "2017-07-24", 2),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("{domain} {number}");
        let sent = test.store.append(domain, vec![event(day, hour, &text)]);
        sent.await.unwrap();
        // Each is sealed before the next one arrives.
        let made = test.session(scope).await;
        test.store.delete_session(test.user, made.id).await.unwrap();
    }
    let session = test.session(scope).await;
    let lines = test.lines(session.id).await;
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let of_account = line.contains("account-");
            let time = line.split("eventTime\":\"").nth(1).unwrap();
            let number = line.trim_end_matches("\"}").rsplit(' ').next().unwrap();
            (of_account, time[5..13].to_owned(), number.to_owned())
        })
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(of_account, hour, number)| (*of_account, hour.as_str(), number.as_str()))
        .collect();
    let of_account = [(true, "07-23T23", "3"), (true, "07-24T02", "1")];
    let of_space = [
        (false, "07-23T11", "5"),
        (false, "07-24T02", "2"),
        (false, "07-24T02", "6"),
        (false, "07-24T09", "0"),
        (false, "07-24T09", "4"),
    ];
    assert_eq!(told, [&of_account[..], &of_space].concat());

    // The manifest shows it, object by object.
    let text = test.store.manifest(test.user, session.id).await.unwrap();
    let manifest: Manifest = serde_json::from_slice(&text).unwrap();
    let bytes = test.gzip(session.id).await;
    let mut at = 0;
    for object in &manifest.objects {
        let end = at + usize::try_from(object.length).unwrap();
        assert_eq!(hex(&Sha256::digest(&bytes[at..end])), object.sha256);
        at = end;
    }
    assert_eq!((manifest.objects.len(), at), (7, bytes.len()));
}
