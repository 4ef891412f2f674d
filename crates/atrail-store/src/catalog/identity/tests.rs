use std::time::Duration;

use atrail_model::{
    AccountId, AccountRole, HeldRole, KeyScope, KeyScopes, LoginId, OrganizationId, SpaceId,
    SpaceRole, Timestamp, User, UserId,
};

use super::*;
use crate::catalog::Catalog;
use crate::catalog::row::{Id, nanoseconds};
use crate::error::{ErrorKind, StoreError};

const RETRY: Duration = Duration::from_secs(10);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_500_000_000 + seconds).unwrap()
}

async fn identity() -> Identity {
    Catalog::open_in_memory().await.unwrap().identity()
}

async fn login(identity: &Identity, user: &User, first: u8) -> LoginId {
    let kept = identity.credentials(&user.name).await.unwrap().unwrap();
    let hash = kept.password_hash.unwrap();
    let new = NewLogin {
        user,
        proof: Proof::Password { hash: &hash },
        refresh_hash: [first; 32],
        now: at(0),
        expires: at(1000),
    };
    identity.begin_login(new).await.unwrap().unwrap()
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
        home: None,
    };
    identity.create_api_key(new, at(0)).await.unwrap();
}

async fn exchange(identity: &Identity, old: u8, new: u8, seconds: i64) -> Exchange {
    identity
        .exchange_refresh_token([old; 32], [new; 32], at(seconds), at(seconds + 1000), RETRY)
        .await
        .unwrap()
}

async fn give(identity: &Identity, who: &str, role: HeldRole) -> Granted {
    let given = identity.grant(who, role, Granter::Operator, at(0)).await;
    given.unwrap()
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
    assert_eq!(identity.user_called("ann").await.unwrap(), ann);
    let nobody = identity.user_called("bob").await.unwrap_err();
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
            proof: Proof::Password { hash: "h" },
            refresh_hash: [first; 32],
            now: at(now),
            expires: at(now + 1000),
        };
        logins.push(identity.begin_login(new).await.unwrap().unwrap());
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
    let admin = identity.user_called("admin").await.unwrap();
    assert!(admin.operator);

    let developer = HeldRole::Space(space, SpaceRole::Developer);
    let held = give(&identity, "admin", developer).await;
    assert_eq!(held, Granted::Now(admin.clone()));
    let held = give(&identity, "admin", developer).await;
    assert_eq!(held, Granted::Before(admin.clone()));
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
    let taken = identity.revoke("admin", owner, at(0)).await.unwrap();
    assert_eq!(taken, Revoked::Role(admin.clone()));
    let again = identity.revoke("admin", owner, at(0)).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotFound);
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
        proof: Proof::External { ends: at(600) },
        refresh_hash: [1; 32],
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
    give(&identity, "ann", writer).await;
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
            refresh_hash: [refresh; 32],
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
    let external = Proof::External { ends: at(900) };
    assert_eq!(begin(external, 4, at(0)).await, None, "no provider's user");
    identity.delete_api_key(None, "k1").await.unwrap();
    assert_eq!(begin(by_key(7), 4, at(0)).await, None);
    identity.delete_user(ann.id).await.unwrap();
    assert_eq!(begin(by_password("new"), 4, at(0)).await, None);
    // A user without a password is not one with an empty hash.
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
        refresh_hash: [9; 32],
        now: at(0),
        expires: at(1000),
    };
    assert_eq!(identity.begin_login(new).await.unwrap(), None);
}

/// Every change is refused when the login that asks for it has ended or is worth something else.
#[tokio::test]
async fn a_change_needs_the_rights_by_which_it_was_judged() {
    let catalog = Catalog::open_in_memory().await.unwrap();
    let (identity, tenancy) = (catalog.identity(), crate::Tenancy::new(catalog.clone()));
    let account = tenancy.create_account("a", at(0)).await.unwrap().id;
    let organization = tenancy
        .create_organization(account, "o", at(0))
        .await
        .unwrap();
    let op = identity.create_user("op", "h", true, at(0)).await.unwrap();
    identity
        .create_user("second", "h", true, at(0))
        .await
        .unwrap();
    let owner = HeldRole::Account(account, AccountRole::Owner);
    give(&identity, "op", owner).await;
    let id = login(&identity, &op, 1).await;
    let judged = std::sync::Arc::new(identity.standing(id, at(1)).await.unwrap().unwrap());
    let warrant = Warrant::new(id, judged, at(1));
    let asked = identity.at_request_of(warrant.clone());
    let in_tree = tenancy.on_behalf_of("op").at_request_of(Some(warrant));
    let auditor = HeldRole::Account(account, AccountRole::Auditor);
    let all = async || {
        let new_key = NewApiKey {
            holder: op.id,
            id: "k",
            name: "k",
            hash: [0; 32],
            scopes: KeyScopes::ALL,
            expires: None,
            home: None,
        };
        [
            asked.create_user("u", "h", false, at(1)).await.err(),
            asked
                .grant("u", auditor, Granter::Operator, at(1))
                .await
                .err(),
            asked.revoke("u", auditor, at(1)).await.err(),
            asked.create_api_key(new_key, at(1)).await.err(),
            asked.delete_api_key(None, "k").await.err(),
            asked.change_password(op.id, "h", "h", id).await.err(),
            in_tree.create_account("b", at(1)).await.err(),
            in_tree.create_organization(account, "p", at(1)).await.err(),
            in_tree
                .create_space(organization.id, "s", at(1))
                .await
                .err(),
            in_tree.delete_organization(organization.id).await.err(),
            asked
                .delete_user(asked.user_called("u").await.map_or(op.id, |user| user.id))
                .await
                .err(),
        ]
    };
    let kinds = |errors: [Option<StoreError>; 11]| errors.map(|error| error.map(|e| e.kind()));
    let with_rights = kinds(all().await);
    let done = with_rights.iter().filter(|kind| kind.is_none()).count();
    assert_eq!(done, 10, "the control; an organization with a space stays");
    identity.revoke("op", owner, at(1)).await.unwrap();
    assert_eq!(kinds(all().await), [Some(ErrorKind::Unavailable); 11]);
    identity.end_login(id).await.unwrap();
    assert_eq!(kinds(all().await), [Some(ErrorKind::LoggedOut); 11]);
    assert!(identity.user_called("u").await.is_err(), "nothing was done");
}

/// Two accounts, each with its owner.
async fn two_accounts() -> (Catalog, Identity, [AccountId; 2]) {
    let catalog = Catalog::open_in_memory().await.unwrap();
    let (identity, tenancy) = (catalog.identity(), crate::Tenancy::new(catalog.clone()));
    let mut accounts = Vec::new();
    for name in ["a", "b"] {
        let account = tenancy.create_account(name, at(0)).await.unwrap().id;
        let owner = format!("owner-{name}");
        identity
            .create_user(&owner, "h", false, at(0))
            .await
            .unwrap();
        give(
            &identity,
            &owner,
            HeldRole::Account(account, AccountRole::Owner),
        )
        .await;
        accounts.push(account);
    }
    (catalog, identity, accounts.try_into().unwrap())
}

fn offered(granted: Granted) -> Invitation {
    match granted {
        Granted::Offered(invitation) => invitation,
        held => panic!("{held:?} is no offer"),
    }
}

#[tokio::test]
async fn somebody_outside_is_invited_and_holds_the_role_once_it_is_accepted() {
    let (_catalog, identity, [a, _]) = two_accounts().await;
    let role = HeldRole::Account(a, AccountRole::Auditor);
    let bob = identity.user_called("owner-b").await.unwrap();
    let invite = async |who: &str| {
        let given = identity.grant(who, role, Granter::Owner, at(0)).await;
        offered(given.unwrap())
    };
    let of_bob = invite("owner-b").await;
    let of_nobody = invite("nobody").await;
    let shape = |one: &Invitation| Invitation {
        id: of_bob.id,
        user_name: String::new(),
        ..one.clone()
    };
    assert_eq!(shape(&of_bob), shape(&of_nobody));
    assert_eq!(invite("owner-b").await, of_bob, "once more is the same one");
    let mut listed = identity.invitations_into(a, at(0)).await.unwrap();
    listed.sort_by_key(|one| one.user_name.clone());
    assert_eq!(listed, [of_nobody.clone(), of_bob.clone()]);
    let held = identity.grants().await.unwrap();
    assert!(!held.iter().any(|one| one.role == role), "nobody holds it");
    assert_eq!(
        identity.invitations_of(&bob, at(0)).await.unwrap(),
        std::slice::from_ref(&of_bob)
    );
    let other = identity.user_called("owner-a").await.unwrap();
    let accept = async |id, user, now| {
        let accepted = identity.accept_invitation(id, Answerer::Invitee(user), now);
        accepted.await.map(|(user, _)| user).map_err(|e| e.kind())
    };
    assert_eq!(
        accept(of_bob.id, &other, at(0)).await,
        Err(ErrorKind::NotFound)
    );
    assert_eq!(
        accept(of_nobody.id, &bob, at(0)).await,
        Err(ErrorKind::NotFound)
    );
    assert_eq!(
        accept(of_bob.id, &bob, at(15 * 86_400)).await,
        Err(ErrorKind::NotFound),
        "it ended"
    );
    assert_eq!(accept(of_bob.id, &bob, at(0)).await, Ok(bob.clone()));
    assert_eq!(
        accept(of_bob.id, &bob, at(0)).await,
        Err(ErrorKind::NotFound)
    );
    let held = identity.grants().await.unwrap();
    assert!(
        held.iter()
            .any(|one| one.role == role && one.user == bob.id)
    );
    // Who belongs to the account is given more at once.
    let writer = HeldRole::Account(a, AccountRole::Writer);
    let given = identity
        .grant("owner-b", writer, Granter::Owner, at(0))
        .await;
    assert_eq!(given.unwrap(), Granted::Now(bob));
}

#[tokio::test]
async fn whoever_invited_sees_nothing_of_a_refusal_or_of_a_users_end() {
    let (_catalog, identity, [a, _]) = two_accounts().await;
    identity.create_user("op", "h", true, at(0)).await.unwrap();
    let role = HeldRole::Account(a, AccountRole::Auditor);
    let invite = async |who: &str| {
        let given = identity.grant(who, role, Granter::Owner, at(0)).await;
        offered(given.unwrap())
    };
    let offer = invite("owner-b").await;
    let bob = identity.user_called("owner-b").await.unwrap();
    identity
        .decline_invitation(offer.id, &bob, at(0))
        .await
        .unwrap();
    assert!(
        identity
            .invitations_of(&bob, at(0))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        identity.invitations_into(a, at(0)).await.unwrap(),
        std::slice::from_ref(&offer)
    );
    let declined = identity.accept_invitation(offer.id, Answerer::Invitee(&bob), at(0));
    assert_eq!(declined.await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(invite("owner-b").await, offer);
    assert_eq!(
        identity.invitations_of(&bob, at(0)).await.unwrap(),
        std::slice::from_ref(&offer)
    );
    identity.delete_user(bob.id).await.unwrap();
    assert_eq!(
        identity.invitations_into(a, at(0)).await.unwrap(),
        std::slice::from_ref(&offer)
    );
    // Another user of that name was not the one who was invited.
    let namesake = identity
        .create_user("owner-b", "h", false, at(0))
        .await
        .unwrap();
    assert!(
        identity
            .invitations_of(&namesake, at(0))
            .await
            .unwrap()
            .is_empty()
    );
    let accepted = identity.accept_invitation(offer.id, Answerer::Invitee(&namesake), at(0));
    assert_eq!(accepted.await.unwrap_err().kind(), ErrorKind::NotFound);
    let accepted = identity.accept_invitation(offer.id, Answerer::Operator, at(0));
    let refused = accepted.await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(
        refused.to_string(),
        "the user who was invited as 'owner-b' is gone: withdraw it and invite again"
    );
    // A name that was nobody's is that of the first who gets it.
    let early = invite("late").await;
    let late = identity
        .create_user("late", "h", false, at(0))
        .await
        .unwrap();
    assert_eq!(
        identity.invitations_of(&late, at(0)).await.unwrap(),
        std::slice::from_ref(&early)
    );
    let accepted = identity.accept_invitation(early.id, Answerer::Operator, at(0));
    assert_eq!(accepted.await.unwrap().0, late);
    // Taking the role back takes back the offer, of whomever.
    for name in ["owner-b", "nobody at all"] {
        invite(name).await;
        assert_eq!(
            identity.revoke(name, role, at(0)).await.unwrap(),
            Revoked::Offer
        );
        let again = identity.revoke(name, role, at(0)).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::NotFound, "{name}");
    }
}

#[tokio::test]
async fn invitations_of_one_account_hide_none_of_another() {
    let (catalog, identity, [a, b]) = two_accounts().await;
    let bob = identity
        .create_user("bob", "h", false, at(0))
        .await
        .unwrap();
    let invite = async |account, who: &str, now| {
        let role = HeldRole::Account(account, AccountRole::Auditor);
        let given = identity.grant(who, role, Granter::Owner, at(now)).await;
        given.map(offered)
    };
    let mut tx = catalog.begin("invite many").await.unwrap();
    // As many as an account may have, the invitee of each being one user, as by the spaces of an account.
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
         INSERT INTO invitations (invitation, name, invitee, role, account, space, created, expires, declined) \
         SELECT randomblob(16), 'guest-' || i, ?, 'auditor', ?, NULL, ?, ?, FALSE FROM n",
    )
    .bind(bob.id.bytes())
    .bind(a.bytes())
    .bind(nanoseconds(at(0)))
    .bind(nanoseconds(at(1000)))
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let refused = invite(a, "one-more", 1).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "the control");
    let last = invite(b, "bob", 1).await.unwrap();
    let all = identity.all_invitations(at(1)).await.unwrap();
    assert_eq!(all.len(), 1001);
    assert!(all.contains(&last));
    let of_bob = identity.invitations_of(&bob, at(1)).await.unwrap();
    assert!(of_bob.contains(&last));
}

#[tokio::test]
async fn what_a_user_does_is_told_where_the_user_was() {
    let (_catalog, identity, [a, b]) = two_accounts().await;
    let bob = identity.user_called("owner-b").await.unwrap();
    let told = async || identity.accounts_of(bob.id, 16).await.unwrap();
    assert_eq!(told().await, [b], "the only place");
    assert!(identity.note_account_use(bob.id, b).await.unwrap());
    assert!(!identity.note_account_use(bob.id, b).await.unwrap());
    let auditor = HeldRole::Account(a, AccountRole::Auditor);
    give(&identity, "owner-b", auditor).await;
    assert_eq!(told().await, [b], "a role is no use");
    assert!(identity.note_account_use(bob.id, a).await.unwrap());
    assert_eq!(told().await.len(), 2);
    identity.revoke("owner-b", auditor, at(0)).await.unwrap();
    assert_eq!(told().await, [b]);
    give(&identity, "owner-b", auditor).await;
    assert_eq!(
        told().await,
        [b],
        "a role that was taken takes the use with it"
    );
    let nobody = UserId::generate();
    assert!(!identity.note_account_use(nobody, a).await.unwrap());
}

#[tokio::test]
async fn who_joins_an_account_is_still_told_of_in_the_others_after_the_end_of_a_space() {
    let (catalog, identity, [a, b]) = two_accounts().await;
    let tenancy = crate::Tenancy::new(catalog.clone());
    let gone = tenancy.create_account("gone", at(0)).await.unwrap().id;
    let organization = tenancy.create_organization(gone, "o", at(0)).await.unwrap();
    let space = tenancy.create_space(organization.id, "s", at(0)).await;
    let space = space.unwrap().id;
    give(
        &identity,
        "owner-b",
        HeldRole::Space(space, SpaceRole::Developer),
    )
    .await;
    let bob = identity.user_called("owner-b").await.unwrap();
    let told = async || identity.accounts_of(bob.id, 16).await.unwrap();
    assert!(identity.note_account_use(bob.id, gone).await.unwrap());
    assert_eq!(told().await, [gone]);
    tenancy.delete_space(space, at(0)).await.unwrap();
    assert_eq!(told().await, [b], "no role is left in the other");
    let auditor = HeldRole::Account(a, AccountRole::Auditor);
    let offer = identity
        .grant("owner-b", auditor, Granter::Owner, at(0))
        .await;
    let offer = offered(offer.unwrap());
    let accepted = identity.accept_invitation(offer.id, Answerer::Invitee(&bob), at(0));
    accepted.await.unwrap();
    let mut both = [a, b];
    both.sort();
    assert_eq!(told().await, both);
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
