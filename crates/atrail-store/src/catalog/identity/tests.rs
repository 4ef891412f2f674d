use std::time::Duration;

use atrail_model::{AccountId, OrganizationId, SpaceId, Timestamp, UserId};

use super::*;
use crate::catalog::Catalog;
use crate::catalog::row::nanoseconds;
use crate::error::ErrorKind;

const RETRY: Duration = Duration::from_secs(10);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_500_000_000 + seconds).unwrap()
}

async fn identity() -> Identity {
    Catalog::open_in_memory().await.unwrap().identity()
}

async fn login(identity: &Identity, user: &User, first: u8) -> LoginId {
    let new = NewLogin {
        user,
        api_key: None,
        refresh_hash: [first; 32],
        now: at(0),
        expires: at(1000),
        ends: None,
    };
    identity.begin_login(new).await.unwrap()
}

async fn key(
    identity: &Identity,
    holder: UserId,
    id: &str,
    scopes: KeyScopes,
    expires: Option<Timestamp>,
) {
    let new = NewApiKey {
        holder,
        id,
        name: "ci",
        hash: [7; 32],
        scopes,
        expires,
    };
    identity.create_api_key(new, at(0)).await.unwrap();
}

async fn exchange(identity: &Identity, old: u8, new: u8, seconds: i64) -> Exchange {
    identity
        .exchange_refresh_token([old; 32], [new; 32], at(seconds), at(seconds + 1000), RETRY)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_user_has_a_unique_name() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let again = identity.create_user("ann", "h", false, at(0)).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(identity.user_named("ann").await.unwrap(), ann);
    let nobody = identity.user_named("bob").await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
}

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
    assert_eq!(
        exchange(&identity, 1, 4, 21).await,
        Exchange::Reused { user: ann }
    );
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
    // The retry did not lengthen the time in which one is taken.
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
    // A small correction between an exchange and its retry is none.
    assert!(matches!(
        exchange(&identity, 1, 3, 495).await,
        Exchange::Renewed { .. }
    ));
    assert_eq!(
        exchange(&identity, 1, 4, 100).await,
        Exchange::Reused { user: ann }
    );
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
    // One that ends, one that lives, one of a clock that was a year ahead, one that was refreshed by it.
    for (first, now) in [(1, 0), (2, 500), (3, 365 * DAY), (4, 600)] {
        let new = NewLogin {
            user: &ann,
            api_key: None,
            refresh_hash: [first; 32],
            now: at(now),
            expires: at(now + 1000),
            ends: None,
        };
        logins.push(identity.begin_login(new).await.unwrap());
    }
    let refreshed = exchange(&identity, 4, 5, 1500).await;
    assert!(matches!(refreshed, Exchange::Renewed { .. }));
    sqlx::query("UPDATE refresh_tokens SET issued = ? WHERE hash = ?")
        .bind(nanoseconds(at(365 * DAY)))
        .bind([5_u8; 32].as_slice())
        .execute(identity.catalog.readers())
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
async fn deleting_an_api_key_ends_its_logins_and_nobody_elses_key_can_be_deleted() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let bob = identity
        .create_user("bob", "h", false, at(0))
        .await
        .unwrap();
    key(&identity, ann.id, "k1", KeyScopes::ALL, None).await;
    let new = NewLogin {
        user: &ann,
        api_key: Some("k1"),
        refresh_hash: [1; 32],
        now: at(0),
        expires: at(1000),
        ends: None,
    };
    let id = identity.begin_login(new).await.unwrap();
    let foreign = identity
        .delete_api_key(Some(bob.id), "k1")
        .await
        .unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::NotFound);
    assert_eq!(
        identity
            .api_key_holder("k1", at(0))
            .await
            .unwrap()
            .unwrap()
            .hash,
        [7; 32]
    );
    identity.delete_api_key(Some(ann.id), "k1").await.unwrap();
    assert_eq!(identity.standing(id, at(1)).await.unwrap(), None);
    assert!(identity.api_keys(ann.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn founding_makes_an_owner_whose_roles_can_be_taken_and_given() {
    let identity = identity().await;
    assert!(!identity.is_founded().await.unwrap());
    let (account, organization, space) = (
        AccountId::generate(),
        OrganizationId::generate(),
        SpaceId::generate(),
    );
    let founding = Founding {
        account,
        organization,
        space,
        tenancy_name: "default",
        user_name: "admin",
        password_hash: "h",
        api_key_id: "k",
        api_key_hash: [0; 32],
        is_again: false,
    };
    identity.found(&founding, at(0)).await.unwrap();
    assert!(identity.is_founded().await.unwrap());
    let admin = identity.user_named("admin").await.unwrap();
    assert!(admin.operator);

    let developer = HeldRole::Space(space, SpaceRole::Developer);
    assert!(identity.grant(admin.id, developer).await.unwrap());
    assert!(!identity.grant(admin.id, developer).await.unwrap());
    let roles: Vec<_> = identity
        .grants()
        .await
        .unwrap()
        .into_iter()
        .map(|g| g.role)
        .collect();
    let owner = HeldRole::Account(account, AccountRole::Owner);
    assert_eq!(roles, [owner, developer]);

    let id = login(&identity, &admin, 1).await;
    assert!(identity.revoke(admin.id, owner).await.unwrap());
    assert!(!identity.revoke(admin.id, owner).await.unwrap());
    let standing = identity.standing(id, at(1)).await.unwrap().unwrap();
    assert!(!standing.holds_in_account(account, AccountRole::Owner));
    assert!(standing.holds_in_space(space, SpaceRole::Developer));
    assert_eq!(standing.spaces.get(&space), Some(&account));
}

#[tokio::test]
async fn a_key_narrows_its_logins_and_ends_with_them() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let send: KeyScopes = [KeyScope::Send].into_iter().collect();
    key(&identity, ann.id, "k1", send, Some(at(500))).await;
    let new = NewLogin {
        user: &ann,
        api_key: Some("k1"),
        refresh_hash: [1; 32],
        now: at(7),
        expires: at(1000),
        ends: None,
    };
    let id = identity.begin_login(new).await.unwrap();
    let standing = identity.standing(id, at(499)).await.unwrap().unwrap();
    assert_eq!(standing.scopes, send);
    assert!(standing.by_limited_key);
    let kept = identity.api_keys(ann.id).await.unwrap().remove(0);
    assert_eq!((kept.used, kept.expires), (Some(at(7)), Some(at(500))));
    assert_eq!(identity.standing(id, at(500)).await.unwrap(), None);
    assert!(
        identity
            .api_key_holder("k1", at(500))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(exchange(&identity, 1, 2, 500).await, Exchange::Unknown);
    let whole = login(&identity, &ann, 3).await;
    let standing = identity.standing(whole, at(1)).await.unwrap().unwrap();
    assert_eq!(standing.scopes, KeyScopes::ALL);
    assert!(!standing.by_limited_key);
}

#[tokio::test]
async fn no_refresh_carries_a_login_past_its_end() {
    let identity = identity().await;
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    let new = NewLogin {
        user: &ann,
        api_key: None,
        refresh_hash: [1; 32],
        now: at(0),
        expires: at(1000),
        ends: Some(at(600)),
    };
    let id = identity.begin_login(new).await.unwrap();
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
    assert_eq!(identity.end_login_of([1; 32]).await.unwrap(), Some(ann.id));
    assert_eq!(identity.standing(first, at(6)).await.unwrap(), None);
    assert!(identity.standing(second, at(6)).await.unwrap().is_some());
    assert_eq!(identity.end_login(second).await.unwrap(), Some(ann.id));
    assert_eq!(identity.end_login(second).await.unwrap(), None);
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_behind_and_an_operator_remains() {
    let identity = identity().await;
    let op = identity.create_user("op", "h", true, at(0)).await.unwrap();
    let ann = identity
        .create_user("ann", "h", false, at(0))
        .await
        .unwrap();
    key(&identity, ann.id, "k1", KeyScopes::ALL, None).await;
    let id = login(&identity, &ann, 1).await;
    identity.delete_user(ann.id).await.unwrap();
    assert_eq!(identity.standing(id, at(1)).await.unwrap(), None);
    assert!(
        identity
            .api_key_holder("k1", at(0))
            .await
            .unwrap()
            .is_none()
    );
    let last = identity.delete_user(op.id).await.unwrap_err();
    assert_eq!(last.kind(), ErrorKind::Conflict);
    let nobody = identity.delete_user(ann.id).await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn claims_give_and_take_their_roles_and_leave_the_others() {
    let catalog = Catalog::open_in_memory().await.unwrap();
    let (identity, tenancy) = (catalog.identity(), crate::Tenancy::new(catalog.clone()));
    let account = tenancy.create_account("a", at(0)).await.unwrap().id;
    let auditor = HeldRole::Account(account, AccountRole::Auditor);
    let writer = HeldRole::Account(account, AccountRole::Writer);
    let says = |roles| ExternalUser {
        issuer: "https://issuer",
        subject: "17",
        name: "ann",
        roles,
    };
    let claimed = [auditor];
    let ann = identity
        .admit_external_user(&says(&claimed), at(0))
        .await
        .unwrap();
    identity.grant(ann.id, writer).await.unwrap();
    let again = identity
        .admit_external_user(&says(&[]), at(1))
        .await
        .unwrap();
    assert_eq!(again, ann);
    let held: Vec<_> = identity.grants().await.unwrap();
    let held: Vec<_> = held.iter().map(|one| (one.role, one.claimed)).collect();
    assert_eq!(held, [(writer, false)]);
    let password = identity.credentials("ann").await.unwrap().unwrap();
    assert_eq!(password.password_hash, None);
    let impostor = ExternalUser {
        subject: "18",
        ..says(&[])
    };
    let taken = identity.admit_external_user(&impostor, at(2)).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::Conflict);
}
