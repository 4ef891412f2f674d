use super::*;

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
        proof: Proof::ApiKey {
            id: "k1",
            hash: [7; 32],
        },
        refresh_hash: [1; 32],
        now: at(0),
        expires: at(1000),
    };
    let id = identity.begin_login(new).await.unwrap().unwrap();
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
        proof: Proof::ApiKey {
            id: "k1",
            hash: [7; 32],
        },
        refresh_hash: [1; 32],
        now: at(7),
        expires: at(1000),
    };
    let id = identity.begin_login(new).await.unwrap().unwrap();
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
async fn a_key_stays_with_the_place_that_it_was_made_for() {
    let (_catalog, identity, [a, b]) = two_accounts().await;
    let bob = identity
        .create_user("bob", "h", false, at(0))
        .await
        .unwrap();
    let home = async |id: &str| {
        let keys = identity.api_keys(bob.id).await.unwrap();
        keys.into_iter()
            .find(|key| key.id == id)
            .unwrap()
            .home
            .account
    };
    key(&identity, bob.id, "early", KeyScopes::ALL, None).await;
    assert_eq!(home("early").await, None, "there is no place yet");
    give(&identity, "bob", HeldRole::Account(a, AccountRole::Writer)).await;
    assert_eq!(home("early").await, Some(a), "the first is its place");
    key(&identity, bob.id, "in a", KeyScopes::ALL, None).await;
    give(&identity, "bob", HeldRole::Account(b, AccountRole::Writer)).await;
    key(&identity, bob.id, "in both", KeyScopes::ALL, None).await;
    for (id, expected) in [("early", Some(a)), ("in a", Some(a)), ("in both", None)] {
        assert_eq!(home(id).await, expected, "{id}");
    }
}
