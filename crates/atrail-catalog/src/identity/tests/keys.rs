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
        refresh_hash: [1; 32],
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
        refresh_hash: [1; 32],
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
    sqlx::query("UPDATE api_keys SET scopes = ?")
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
    let claim =
        "INSERT INTO roles (holder, role, account, space, claimed) VALUES (?, 'owner', ?, NULL, 1)";
    sqlx::query(claim)
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
