use super::*;
use crate::sql;

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_late_reuse_ends_the_login() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let id = login(&identity, &ann, 1).await;
    assert!(
        matches!(exchange(&identity, 1, 2, 5).await, Exchange::Renewed { login, .. } if login == id)
    );
    assert!(matches!(
        exchange(&identity, 2, 3, 20).await,
        Exchange::Renewed { .. }
    ));
    assert!(identity.standing(id, at(21)).await.unwrap().is_some());
    let reused = exchange(&identity, 1, 4, 21).await;
    assert!(matches!(reused, Exchange::Reused { user, .. } if user == ann));
    assert_eq!(identity.standing(id, at(21)).await.unwrap(), None);
    assert_eq!(exchange(&identity, 3, 5, 22).await, Exchange::Unknown);
}

#[tokio::test]
async fn a_retry_within_seconds_gets_a_successor_of_its_own() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    login(&identity, &ann, 1).await;
    assert!(matches!(
        exchange(&identity, 1, 2, 5).await,
        Exchange::Renewed { .. }
    ));
    assert!(matches!(
        exchange(&identity, 1, 3, 15).await,
        Exchange::Renewed { .. }
    ));
    for (token, next) in [(2, 4), (3, 5)] {
        assert!(matches!(
            exchange(&identity, token, next, 15).await,
            Exchange::Renewed { .. }
        ));
    }
    // The retry did not extend the period in which the token is accepted.
    assert!(matches!(
        exchange(&identity, 1, 6, 16).await,
        Exchange::Reused { .. }
    ));
}

#[tokio::test]
async fn a_spent_refresh_token_is_not_good_again_when_the_clock_is_set_back() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let id = login(&identity, &ann, 1).await;
    exchange(&identity, 1, 2, 500).await;
    // A small correction of the clock between an exchange and its retry changes nothing.
    assert!(matches!(
        exchange(&identity, 1, 3, 495).await,
        Exchange::Renewed { .. }
    ));
    let reused = exchange(&identity, 1, 4, 100).await;
    assert!(matches!(reused, Exchange::Reused { user, .. } if user == ann));
    assert_eq!(identity.standing(id, at(100)).await.unwrap(), None);
}

#[tokio::test]
async fn logins_are_forgotten_when_their_time_has_come_and_those_of_a_clock_that_was_ahead() {
    const DAY: i64 = 86_400;
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let mut logins = Vec::new();
    // A login that has ended, one in force, one from a clock that was a year ahead, one refreshed under that clock.
    for (first, now) in [(1, 0), (2, 500), (3, 365 * DAY), (4, 600)] {
        let new = NewLogin {
            user: &ann,
            proof: Proof::Password { hash: "h" },
            kept_by: KeptBy::RefreshToken([first; 32]),
            now: at(now),
            expires: at(now + 1000),
        };
        logins.push(identity.begin_login(new).await.unwrap().unwrap());
    }
    let refreshed = exchange(&identity, 4, 5, 1500).await;
    assert!(matches!(refreshed, Exchange::Renewed { .. }));
    sql::query("UPDATE refresh_tokens SET issued = ? WHERE hash = ?")
        .bind(nanoseconds(at(365 * DAY)))
        .bind([5_u8; 32].as_slice())
        .execute(&identity.catalog.whole().writer)
        .await
        .unwrap();
    let living = async || {
        let mut living = Vec::new();
        for id in &logins {
            living.push(identity.standing(*id, at(0)).await.unwrap().is_some());
        }
        living
    };
    assert_eq!(living().await, [true, true, true, true]);
    identity.forget_logins(at(1200), None).await.unwrap();
    assert_eq!(living().await, [false, true, true, true]);
    let plausible = Some(at(1200));
    identity.forget_logins(at(1200), plausible).await.unwrap();
    assert_eq!(living().await, [false, true, false, false]);
}

#[tokio::test]
async fn a_login_ends_when_it_is_not_refreshed() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let id = login(&identity, &ann, 1).await;
    assert!(identity.standing(id, at(999)).await.unwrap().is_some());
    assert_eq!(identity.standing(id, at(1000)).await.unwrap(), None);
    assert_eq!(exchange(&identity, 1, 2, 1000).await, Exchange::Unknown);
}

#[tokio::test]
async fn a_new_password_ends_the_other_logins_only_and_only_once() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "old", false, at(0))
        .await
        .unwrap();
    let mine = login(&identity, &ann, 1).await;
    let other = login(&identity, &ann, 2).await;
    assert!(
        identity
            .change_password(ann.id, "old", "new", mine)
            .await
            .unwrap()
    );
    assert!(
        !identity
            .change_password(ann.id, "old", "newer", mine)
            .await
            .unwrap()
    );
    assert!(identity.standing(mine, at(1)).await.unwrap().is_some());
    assert_eq!(identity.standing(other, at(1)).await.unwrap(), None);
    let found = identity.credentials("ann").await.unwrap().unwrap();
    assert_eq!(found.password_hash.as_deref(), Some("new"));
}

#[tokio::test]
async fn no_refresh_carries_a_login_past_its_end() {
    let identity = identity().await;
    let says = ExternalUser {
        issuer: "https://issuer",
        subject: "17",
        name: "ann",
        roles: &[],
    };
    let ann = identity.admit_external_user(&says, at(0)).await.unwrap();
    let new = NewLogin {
        user: &ann,
        proof: Proof::External {
            ends: at(600),
            proven: None,
        },
        kept_by: KeptBy::RefreshToken([1; 32]),
        now: at(0),
        expires: at(1000),
    };
    let id = identity.begin_login(new).await.unwrap().unwrap();
    assert!(matches!(
        exchange(&identity, 1, 2, 500).await,
        Exchange::Renewed { .. }
    ));
    assert!(identity.standing(id, at(599)).await.unwrap().is_some());
    assert_eq!(identity.standing(id, at(600)).await.unwrap(), None);
}

#[tokio::test]
async fn a_login_ends_by_its_id_or_by_any_of_its_refresh_tokens() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let first = login(&identity, &ann, 1).await;
    let second = login(&identity, &ann, 2).await;
    exchange(&identity, 1, 3, 5).await;
    assert_eq!(identity.end_login_of([9; 32]).await.unwrap(), None);
    let ended = identity.end_login_of([1; 32]).await.unwrap();
    assert_eq!(ended.unwrap().user, ann.id);
    assert_eq!(identity.standing(first, at(6)).await.unwrap(), None);
    assert!(identity.standing(second, at(6)).await.unwrap().is_some());
    let ended = identity.end_login(second).await.unwrap();
    assert_eq!(ended.unwrap().user, ann.id);
    assert_eq!(identity.end_login(second).await.unwrap(), None);
}

#[tokio::test]
async fn a_login_begins_only_while_what_proved_it_holds() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "old", false, at(0))
        .await
        .unwrap();
    key(&identity, ann.id, "k1", KeyScopes::ALL, Some(at(500))).await;
    let begin = async |proof, refresh, now| {
        let new = NewLogin {
            user: &ann,
            proof,
            kept_by: KeptBy::RefreshToken([refresh; 32]),
            now,
            expires: at(1000),
        };
        identity.begin_login(new).await.unwrap()
    };
    let by_key = |hash: u8| Proof::ApiKey {
        id: "k1",
        hash: [hash; 32],
    };
    let by_password = |hash| Proof::Password { hash };
    let kept = begin(by_password("old"), 1, at(0)).await.unwrap();
    assert!(begin(by_key(7), 2, at(0)).await.is_some(), "the control");
    // The check of a password may end after the password was changed.
    assert!(
        identity
            .change_password(ann.id, "old", "new", kept)
            .await
            .unwrap()
    );
    assert_eq!(begin(by_password("old"), 3, at(0)).await, None);
    assert!(begin(by_password("new"), 3, at(0)).await.is_some());
    assert_eq!(begin(by_key(8), 4, at(0)).await, None);
    assert_eq!(begin(by_key(7), 4, at(500)).await, None, "it ended");
    let external = Proof::External {
        ends: at(900),
        proven: Some(at(0)),
    };
    assert_eq!(begin(external, 4, at(0)).await, None, "no provider's user");
    identity.delete_api_key(KeyReach::All, "k1").await.unwrap();
    assert_eq!(begin(by_key(7), 4, at(0)).await, None);
    identity.delete_user(ann.id).await.unwrap();
    assert_eq!(begin(by_password("new"), 4, at(0)).await, None);
    // A user without a password does not have an empty hash.
    let says = ExternalUser {
        issuer: "https://issuer",
        subject: "17",
        name: "bob",
        roles: &[],
    };
    let bob = identity.admit_external_user(&says, at(0)).await.unwrap();
    let new = NewLogin {
        user: &bob,
        proof: by_password(""),
        kept_by: KeptBy::RefreshToken([9; 32]),
        now: at(0),
        expires: at(1000),
    };
    assert_eq!(identity.begin_login(new).await.unwrap(), None);
}
