use std::time::Duration;

use atrail_model::{AccountId, OrganizationId, SpaceId, Timestamp};

use super::*;
use crate::catalog::Catalog;
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
    };
    identity.begin_login(new).await.unwrap()
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
    assert_eq!(found.password_hash, "new");
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
    identity
        .create_api_key(ann.id, "k1", "ci", [7; 32], at(0))
        .await
        .unwrap();
    let new = NewLogin {
        user: &ann,
        api_key: Some("k1"),
        refresh_hash: [1; 32],
        now: at(0),
        expires: at(1000),
    };
    let id = identity.begin_login(new).await.unwrap();
    let foreign = identity.delete_api_key(bob.id, "k1").await.unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::NotFound);
    assert_eq!(
        identity.api_key_holder("k1").await.unwrap().unwrap().hash,
        [7; 32]
    );
    identity.delete_api_key(ann.id, "k1").await.unwrap();
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
    };
    identity.found(&founding, at(0)).await.unwrap();
    assert!(identity.is_founded().await.unwrap());
    let admin = identity.user_named("admin").await.unwrap();
    assert!(admin.operator);

    let developer = HeldRole::Developer(space);
    assert!(identity.grant(admin.id, developer).await.unwrap());
    assert!(!identity.grant(admin.id, developer).await.unwrap());
    let roles: Vec<_> = identity
        .grants()
        .await
        .unwrap()
        .into_iter()
        .map(|g| g.role)
        .collect();
    assert_eq!(roles, [HeldRole::Owner(account), developer]);

    let id = login(&identity, &admin, 1).await;
    assert!(
        identity
            .revoke(admin.id, HeldRole::Owner(account))
            .await
            .unwrap()
    );
    assert!(
        !identity
            .revoke(admin.id, HeldRole::Owner(account))
            .await
            .unwrap()
    );
    let standing = identity.standing(id, at(1)).await.unwrap().unwrap();
    assert!(standing.owned.is_empty());
    assert_eq!(standing.developed.get(&space), Some(&account));
}
