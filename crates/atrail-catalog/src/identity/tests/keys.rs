use std::collections::{HashMap, HashSet};

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
        kept_by: KeptBy::RefreshToken([1; 32]),
        now: at(0),
        expires: at(1000),
    };
    let id = identity.begin_login(new).await.unwrap().unwrap();
    let foreign = identity
        .delete_api_key(KeyReach::Of(bob.id, &[]), "k1")
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
    identity
        .delete_api_key(KeyReach::Of(ann.id, &[]), "k1")
        .await
        .unwrap();
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
        kept_by: KeptBy::RefreshToken([1; 32]),
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

#[tokio::test]
async fn a_key_that_is_sent_itself_is_worth_as_much_as_its_login() {
    let (_catalog, identity, [a, _]) = two_accounts().await;
    let ann = identity.user_called("owner-a").await.unwrap();
    let read: KeyScopes = [KeyScope::Read].into_iter().collect();
    key(&identity, ann.id, "k1", read, Some(at(500))).await;
    key(&identity, ann.id, "k2", KeyScopes::ALL, None).await;
    let new = NewLogin {
        user: &ann,
        proof: Proof::ApiKey {
            id: "k1",
            hash: [7; 32],
        },
        kept_by: KeptBy::RefreshToken([1; 32]),
        now: at(0),
        expires: at(10_000),
    };
    let by_login = identity.begin_login(new).await.unwrap().unwrap();
    let by_login = identity.standing(by_login, at(0)).await.unwrap().unwrap();
    let itself = sent(&identity, "k1", 0).await.unwrap();
    assert!(itself.is_worth_as_much_as(&by_login));
    assert_eq!((itself.scopes, itself.until), (read, at(500)));
    let whole = sent(&identity, "k2", 0).await.unwrap();
    assert!(!whole.is_worth_as_much_as(&by_login), "the control");
    assert!(whole.holds_in_account(a, AccountRole::Owner));
    // Looking for ended logins does not end it, nor does a password: the key does, by its date or its deletion.
    let ids = async |id: &str| {
        let holder = identity.api_key_holder(id, at(0)).await.unwrap();
        holder.unwrap().login
    };
    let (first, second) = (ids("k1").await, ids("k2").await);
    assert_ne!(first, second);
    let ended = at(900);
    identity.forget_logins(ended, Some(at(0))).await.unwrap();
    let changed = identity.change_password(ann.id, "h", "h2", first).await;
    assert!(changed.unwrap());
    assert!(identity.standing(first, at(499)).await.unwrap().is_some());
    assert_eq!(identity.standing(first, at(500)).await.unwrap(), None);
    assert!(identity.standing(second, ended).await.unwrap().is_some());
    identity.delete_api_key(KeyReach::All, "k2").await.unwrap();
    assert_eq!(identity.standing(second, ended).await.unwrap(), None);
    assert!(
        identity
            .api_key_holder("k2", ended)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn the_last_use_of_a_key_is_its_latest() {
    let (_catalog, identity, _) = two_accounts().await;
    let ann = identity.user_called("owner-a").await.unwrap();
    for id in ["k1", "k2"] {
        key(&identity, ann.id, id, KeyScopes::ALL, None).await;
    }
    let holder = identity.api_key_holder("k1", at(0)).await.unwrap();
    let login = holder.unwrap().login;
    let used = async || {
        let keys = identity.api_keys(ann.id).await.unwrap();
        keys.iter().map(|key| key.used).collect::<Vec<_>>()
    };
    assert_eq!(used().await, [None, None]);
    let changes = identity.changes();
    for (noted, kept) in [(10, 10), (7, 10), (12, 12)] {
        let gone = (LoginId::generate(), at(99));
        let uses = [gone, (login, at(noted))];
        identity.note_key_uses(&uses).await.unwrap();
        assert_eq!(used().await, [Some(at(kept)), None]);
    }
    assert_eq!(identity.changes(), changes, "nobody has more or less by it");
}

/// A bound key neither operates the server nor owns the account of its space.
#[tokio::test]
async fn a_key_for_a_space_has_nothing_beyond_it() {
    let (catalog, identity, [a, b]) = two_accounts().await;
    let tenancy = crate::Tenancy::new(catalog);
    let organization = tenancy.create_organization(a, "o", at(0)).await.unwrap();
    let space = tenancy.create_space(organization.id, "s", at(0)).await;
    let space = space.unwrap().id;
    let op = identity.create_user("op", "h", true, at(0)).await.unwrap();
    for account in [a, b] {
        give(
            &identity,
            "op",
            HeldRole::Account(account, AccountRole::Owner),
        )
        .await;
    }
    key(&identity, op.id, "free", KeyScopes::ALL, None).await;
    let free = sent(&identity, "free", 0).await.unwrap();
    assert!(free.user.operator && free.roles.len() == 2, "the control");
    let home = Home {
        account: Some(a),
        space: Some(space),
    };
    let new = NewApiKey {
        holder: KeyHolder::Maker(op.id),
        id: "k1",
        name: "k",
        hash: [7; 32],
        scopes: KeyScopes::ALL.without(KeyScope::Manage),
        expires: None,
        bound: Some(home),
    };
    identity.create_api_key(new, at(0)).await.unwrap();
    let standing = sent(&identity, "k1", 0).await.unwrap();
    assert!(!standing.user.operator && standing.by_limited_key);
    let there = HeldRole::Space(space, SpaceRole::Developer);
    assert_eq!(standing.roles, HashSet::from([there]));
    assert_eq!(standing.spaces, HashMap::from([(space, a)]));
    assert_eq!(standing.home, home);
    // It ends with its space, and a key for an account with the account.
    let new = NewApiKey {
        holder: KeyHolder::Maker(op.id),
        id: "k2",
        name: "k",
        hash: [7; 32],
        scopes: KeyScopes::ALL.without(KeyScope::Manage),
        expires: None,
        bound: Some(Home {
            space: None,
            ..home
        }),
    };
    identity.create_api_key(new, at(0)).await.unwrap();
    let kept = async || {
        let keys = identity.api_keys(op.id).await.unwrap();
        keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    assert_eq!(kept().await, ["free", "k1", "k2"]);
    tenancy.delete_space(space, at(0)).await.unwrap();
    assert_eq!(kept().await, ["free", "k2"]);
    tenancy.delete_organization(organization.id).await.unwrap();
    tenancy.delete_account(a, at(0)).await.unwrap();
    assert_eq!(kept().await, ["free"]);
}
