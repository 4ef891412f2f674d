//! Keys that an owner makes for the users of the account.

use std::collections::HashSet;

use super::*;
use crate::sql;

#[tokio::test]
async fn an_owner_makes_keys_for_members_that_work_in_the_account_alone() {
    let (_catalog, identity, [a, b]) = two_accounts().await;
    let owner = owner_of(&identity, "a").await;
    let bob = identity.create_user("bob", "h", false, at(0)).await;
    let bob = bob.unwrap();
    let make = async |called: &str, id: &str, what| {
        let made = for_member(&identity, owner, called, a, id, what).await;
        made.map_err(|error| error.kind())
    };
    // Somebody who holds no role there is answered for like nobody.
    for called in ["bob", "nobody", "owner-b"] {
        let refused = make(called, "k0", all_in(a)).await;
        assert_eq!(refused, Err(ErrorKind::NotFound), "{called}");
    }
    give(&identity, "bob", HeldRole::Account(a, AccountRole::Auditor)).await;
    give(&identity, "bob", HeldRole::Account(b, AccountRole::Auditor)).await;
    let made = make("bob", "k1", all_in(a)).await.unwrap();
    assert_eq!(
        (made.holder, made.holder_name.as_str(), made.bound_to()),
        (bob.id, "bob", Some(a))
    );
    assert_eq!(made.maker_name.as_deref(), Some("owner-a"));
    let standing = sent(&identity, "k1", 0).await.unwrap();
    assert_eq!(standing.user.id, bob.id);
    assert!(standing.by_limited_key);
    let there = HashSet::from([HeldRole::Account(a, AccountRole::Auditor)]);
    assert_eq!(standing.roles, there, "nothing of the other account");
    key(&identity, bob.id, "own", KeyScopes::ALL, None).await;
    let own = sent(&identity, "own", 0).await.unwrap();
    assert_eq!(own.roles.len(), 2, "the control");

    // More than that is no key for another user.
    for what in [
        (KeyScopes::ALL, None),
        all_in(b),
        (KeyScopes::ALL, all_in(a).1),
    ] {
        let refused = make("bob", "k2", what).await;
        assert_eq!(refused, Err(ErrorKind::Invalid), "{what:?}");
    }
    identity.create_user("op", "h", true, at(0)).await.unwrap();
    for (user, role) in [
        ("op", AccountRole::Auditor),
        ("owner-b", AccountRole::Owner),
    ] {
        give(&identity, user, HeldRole::Account(a, role)).await;
        let refused = make(user, "k2", all_in(a)).await;
        assert_eq!(refused, Err(ErrorKind::Conflict), "{user}");
    }

    // The holder and the owners of the account know the key and end it; the other account's owner does not.
    let other = owner_of(&identity, "b").await;
    let ids = async |account| {
        let keys = identity.api_keys_bound_to(account).await.unwrap();
        keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(a).await, ["k1"]);
    assert!(ids(b).await.is_empty());
    for (user, owned, id) in [(other, b, "k1"), (owner, a, "own")] {
        let owned = [owned];
        let foreign = identity
            .delete_api_key(KeyReach::Of(user, &owned), id)
            .await;
        assert_eq!(foreign.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let owned = [a];
    let reach = KeyReach::Of(owner, &owned);
    let ended = identity.delete_api_key(reach, "k1").await.unwrap();
    assert_eq!(ended.holder, bob.id);
    assert_eq!(sent(&identity, "k1", 0).await, None);
    make("bob", "k1", all_in(a)).await.unwrap();
    let reach = KeyReach::Of(bob.id, &[]);
    identity.delete_api_key(reach, "k1").await.unwrap();
}

#[tokio::test]
async fn keys_for_an_account_leave_their_holder_room_for_others() {
    let (_catalog, identity, [a, b]) = two_accounts().await;
    identity
        .create_user("bob", "h", false, at(0))
        .await
        .unwrap();
    let read: KeyScopes = [KeyScope::Read].into_iter().collect();
    for account in [a, b] {
        give(
            &identity,
            "bob",
            HeldRole::Account(account, AccountRole::Writer),
        )
        .await;
    }
    let make = async |owner: &str, account, id: String| {
        let owner = owner_of(&identity, owner).await;
        let place = Home {
            account: Some(account),
            space: None,
        };
        let what = (read, Some(place));
        let made = for_member(&identity, owner, "bob", account, &id, what).await;
        made.map(drop).map_err(|error| error.kind())
    };
    for number in 0..100 {
        make("a", a, format!("a{number}")).await.unwrap();
    }
    let refused = make("a", a, "more".to_owned()).await;
    assert_eq!(refused, Err(ErrorKind::Conflict));
    make("b", b, "b".to_owned()).await.unwrap();
    let bob = identity.user_called("bob").await.unwrap();
    key(&identity, bob.id, "own", KeyScopes::ALL, None).await;
}

/// What a key that an owner made for its holder may do does not grow with the holder.
#[tokio::test]
async fn a_key_by_another_never_owns_nor_manages() {
    let (_catalog, identity, [a, _]) = two_accounts().await;
    let owner = owner_of(&identity, "a").await;
    let bob = identity.create_user("bob", "h", false, at(0)).await;
    let bob = bob.unwrap();
    let auditor = HeldRole::Account(a, AccountRole::Auditor);
    give(&identity, "bob", auditor).await;
    let made = for_member(&identity, owner, "bob", a, "k1", all_in(a)).await;
    made.unwrap();
    let new = NewApiKey {
        holder: KeyHolder::Maker(bob.id),
        id: "own",
        name: "own",
        hash: [7; 32],
        scopes: KeyScopes::ALL.without(KeyScope::Manage),
        expires: None,
        bound: all_in(a).1,
    };
    identity.create_api_key(new.clone(), at(0)).await.unwrap();
    let managing = NewApiKey {
        id: "more",
        scopes: KeyScopes::ALL,
        ..new
    };
    let refused = identity.create_api_key(managing, at(0)).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    let owns = HeldRole::Account(a, AccountRole::Owner);
    give(&identity, "bob", owns).await;
    let own = sent(&identity, "own", 0).await.unwrap();
    assert_eq!(own.roles, HashSet::from([auditor, owns]), "the control");
    let login = login_by_key(&identity, &bob, "k1", 1).await;
    let by_login = identity.standing(login, at(0)).await.unwrap().unwrap();
    for standing in [by_login, sent(&identity, "k1", 0).await.unwrap()] {
        assert_eq!(standing.roles, HashSet::from([auditor]));
        assert_eq!(standing.api_key.as_deref(), Some("k1"));
    }
    // Not even a row with the scope manages.
    key(&identity, bob.id, "free", KeyScopes::ALL, None).await;
    sql::query("UPDATE api_keys SET scopes = ?")
        .bind(KeyScopes::ALL.to_string())
        .execute(&identity.catalog.whole().writer)
        .await
        .unwrap();
    for (id, manages) in [("k1", false), ("own", false), ("free", true)] {
        let scopes = sent(&identity, id, 0).await.unwrap().scopes;
        assert_eq!(scopes.contains(KeyScope::Manage), manages, "{id}");
    }
    // The key stays, and names its maker, when its maker is gone.
    let maker = async || {
        let keys = identity.api_keys_bound_to(a).await.unwrap();
        let mut keys = keys.into_iter().filter(|key| key.id == "k1");
        keys.next().unwrap().maker_name
    };
    assert_eq!(maker().await.as_deref(), Some("owner-a"));
    identity.delete_user(owner).await.unwrap();
    assert_eq!(maker().await, Some(owner.to_string()));
}

/// An owner by the claim of a provider is one, too; and a place that has ended gets no key.
#[tokio::test]
async fn no_key_is_made_for_an_owner_by_a_claim_or_a_place_that_is_gone() {
    let (catalog, identity, [a, b]) = two_accounts().await;
    let owner = owner_of(&identity, "a").await;
    for name in ["bob", "carl"] {
        let made = identity.create_user(name, "h", false, at(0)).await;
        made.unwrap();
        give(&identity, name, HeldRole::Account(a, AccountRole::Auditor)).await;
    }
    let bob = identity.user_called("bob").await.unwrap();
    let claim = "INSERT INTO roles (holder, role, account, space, claimed) VALUES (?, 'owner', ?, NULL, TRUE)";
    sql::query(claim)
        .bind(bob.id.bytes())
        .bind(a.bytes())
        .execute(&identity.catalog.whole().writer)
        .await
        .unwrap();
    let refused = for_member(&identity, owner, "bob", a, "k1", all_in(a)).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Conflict);
    let made = for_member(&identity, owner, "carl", a, "k2", all_in(a)).await;
    made.expect("the control");
    let tenancy = crate::Tenancy::new(catalog.clone());
    let organization = tenancy.create_organization(a, "o", at(0)).await.unwrap();
    let space = tenancy.create_space(organization.id, "s", at(0)).await;
    let space = space.unwrap().id;
    let make = async |account, id: &str| {
        let home = Home {
            account: Some(account),
            space: Some(space),
        };
        let new = NewApiKey {
            holder: KeyHolder::Maker(bob.id),
            id,
            name: "k",
            hash: [7; 32],
            scopes: all_in(a).0,
            expires: None,
            bound: Some(home),
        };
        let made = identity.create_api_key(new, at(0)).await;
        made.map(drop).map_err(|error| error.kind())
    };
    assert_eq!(make(a, "k3").await, Ok(()), "the control");
    assert_eq!(make(b, "k4").await, Err(ErrorKind::NotFound));
    tenancy.delete_space(space, at(0)).await.unwrap();
    assert_eq!(make(a, "k5").await, Err(ErrorKind::NotFound));
}
