//! The accounts in which logins are on record.

use super::*;

/// Returns a user with a role in each of these accounts.
async fn auditor_of(identity: &Identity, name: &str, accounts: &[AccountId]) -> User {
    let user = identity.create_user(name, "h", false, at(0)).await;
    for account in accounts {
        give(
            identity,
            name,
            HeldRole::Account(*account, AccountRole::Auditor),
        )
        .await;
    }
    user.unwrap()
}

/// Only the users themselves make an account one that they use.
#[tokio::test]
async fn a_key_by_another_makes_no_account_a_used_one() {
    let (_catalog, identity, [a, b]) = two_accounts().await;
    let owner = owner_of(&identity, "a").await;
    let bob = auditor_of(&identity, "bob", &[a, b]).await;
    let mut both = vec![a, b];
    both.sort();
    let told = async || identity.accounts_of(bob.id, 16).await.unwrap();
    let made = for_member(&identity, owner, "bob", a, "k1", all_in(a)).await;
    made.unwrap();
    let by_login = login_by_key(&identity, &bob, "k1", 1).await;
    let itself = identity.api_key_holder("k1", at(0)).await.unwrap();
    let itself = itself.unwrap().login;
    for login in [by_login, itself] {
        let noted = identity.note_account_use(login, bob.id, a).await;
        assert!(!noted.unwrap());
        assert_eq!(told().await, both, "as before");
        let standing = identity.standing(login, at(0)).await.unwrap().unwrap();
        assert!(standing.noted.contains(&a), "nothing is left to note");
    }
    key(&identity, bob.id, "own", KeyScopes::ALL, None).await;
    let own = identity.api_key_holder("own", at(0)).await.unwrap();
    let own = own.unwrap().login;
    let noted = identity.note_account_use(own, bob.id, a).await;
    assert!(!noted.unwrap(), "it is no login");
    assert_eq!(told().await, [a], "the control");
    let standing = identity.standing(own, at(0)).await.unwrap().unwrap();
    assert!(standing.noted.contains(&a) && !standing.noted.contains(&b));
}

#[tokio::test]
async fn a_login_by_a_bound_key_is_on_record_in_its_account_alone() {
    let (_catalog, identity, [a, b]) = two_accounts().await;
    let owner = owner_of(&identity, "a").await;
    let bob = auditor_of(&identity, "bob", &[a, b]).await;
    let whole = login(&identity, &bob, 1).await;
    let noted = identity.note_account_use(whole, bob.id, b).await;
    assert!(!noted.unwrap(), "it is on record in both");
    let made = for_member(&identity, owner, "bob", a, "k1", all_in(a)).await;
    made.unwrap();
    key(&identity, bob.id, "free", KeyScopes::ALL, None).await;
    let ended = |api_key: Option<&str>, accounts: &[AccountId]| {
        let mut accounts = accounts.to_vec();
        accounts.sort();
        EndedLogin {
            user: bob.id,
            api_key: api_key.map(str::to_owned),
            accounts,
        }
    };
    let bound = login_by_key(&identity, &bob, "k1", 2).await;
    let free = login_by_key(&identity, &bob, "free", 3).await;
    for (login, expected) in [
        (bound, ended(Some("k1"), &[a])),
        (free, ended(Some("free"), &[b])),
        (whole, ended(None, &[a, b])),
    ] {
        let records = identity.accounts_with_record_of(login).await.unwrap();
        assert_eq!(records, expected.accounts);
        let seen = identity.end_login(login).await.unwrap();
        assert_eq!(seen, Some(expected));
    }
    // The end that a refresh token causes is on record there, too, while the user holds a role.
    for (round, expected) in [(10, vec![a]), (20, vec![])] {
        login_by_key(&identity, &bob, "k1", round).await;
        exchange(&identity, round, round + 1, 0).await;
        if expected.is_empty() {
            let auditor = HeldRole::Account(a, AccountRole::Auditor);
            identity.revoke("bob", auditor, at(0)).await.unwrap();
        }
        let reused = exchange(&identity, round, round + 2, 500).await;
        let Exchange::Reused { ended: seen, .. } = reused else {
            panic!("{reused:?}");
        };
        assert_eq!(seen, ended(Some("k1"), &expected));
    }
}

/// Each login gets its record in an account with its own first request there, however many logins and accounts there are.
#[tokio::test]
async fn each_login_is_noted_in_each_account_with_its_first_request() {
    let (catalog, identity, [a, b]) = two_accounts().await;
    let bob = auditor_of(&identity, "bob", &[b]).await;
    let logins = [
        login(&identity, &bob, 1).await,
        login(&identity, &bob, 2).await,
    ];
    let noted = async |login, account| {
        let standing = identity.standing(login, at(0)).await.unwrap().unwrap();
        let before = standing.noted.contains(&account);
        let is_new = identity.note_account_use(login, bob.id, account).await;
        (before, is_new.unwrap())
    };
    assert_eq!(noted(logins[0], b).await, (false, false), "on record");
    give(&identity, "bob", HeldRole::Account(a, AccountRole::Auditor)).await;
    for login in logins {
        assert_eq!(noted(login, a).await, (false, true));
        assert_eq!(noted(login, a).await, (true, false));
    }
    // A login is recorded in sixteen accounts when it begins; in the others with the first request there.
    let tenancy = crate::Tenancy::new(catalog.clone());
    let mut accounts = vec![a, b];
    for number in 0..RECORDS_OF_A_LOGIN {
        let name = format!("account {number}");
        let account = tenancy.create_account(&name, at(0));
        let account = account.await.unwrap().id;
        give(
            &identity,
            "bob",
            HeldRole::Account(account, AccountRole::Auditor),
        )
        .await;
        let noted = identity.note_account_use(logins[0], bob.id, account).await;
        assert!(noted.unwrap());
        accounts.push(account);
    }
    let last = login(&identity, &bob, 3).await;
    let records = identity.accounts_with_record_of(last).await.unwrap();
    assert_eq!(records.len(), RECORDS_OF_A_LOGIN);
    for account in accounts {
        let is_on_record = records.contains(&account);
        assert_eq!(noted(last, account).await, (is_on_record, !is_on_record));
    }
}
