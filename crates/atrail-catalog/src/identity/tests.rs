use std::time::Duration;

use atrail_disk::{ErrorKind, StoreError};
use atrail_model::{
    AccountId, AccountRole, HeldRole, Home, KeyScope, KeyScopes, LoginId, OrganizationId, SpaceId,
    SpaceRole, Standing, Timestamp, User, UserId,
};

use super::*;
use crate::Catalog;
use crate::row::{Id, nanoseconds};

mod browser_logins;
mod changes;
mod invitations;
mod keys;
mod login_records;
mod logins;
mod member_keys;
mod roles;

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
        kept_by: KeptBy::RefreshToken([first; 32]),
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
        holder: KeyHolder::Maker(holder),
        id,
        name: "ci",
        hash: [7; 32],
        scopes,
        expires,
        bound: None,
    };
    identity.create_api_key(new, at(0)).await.unwrap();
}

/// Returns a new key of the member of an account, made by an owner.
async fn for_member(
    identity: &Identity,
    owner: UserId,
    called: &str,
    account: AccountId,
    id: &str,
    (scopes, bound): (KeyScopes, Option<Home>),
) -> Result<ApiKey> {
    let new = NewApiKey {
        holder: KeyHolder::Member {
            maker: owner,
            called,
            account,
        },
        id,
        name: "collector",
        hash: [7; 32],
        scopes,
        expires: None,
        bound,
    };
    identity.create_api_key(new, at(0)).await
}

/// Returns what a key that is bound to the account may do at most, and its place.
fn all_in(account: AccountId) -> (KeyScopes, Option<Home>) {
    let place = Home {
        account: Some(account),
        space: None,
    };
    (KeyScopes::ALL.without(KeyScope::Manage), Some(place))
}

/// Begins a login with the key of this public part.
async fn login_by_key(identity: &Identity, user: &User, id: &str, first: u8) -> LoginId {
    let new = NewLogin {
        user,
        proof: Proof::ApiKey { id, hash: [7; 32] },
        kept_by: KeptBy::RefreshToken([first; 32]),
        now: at(0),
        expires: at(1000),
    };
    identity.begin_login(new).await.unwrap().unwrap()
}

/// Returns the standing of requests with the key itself.
async fn sent(identity: &Identity, id: &str, seconds: i64) -> Option<Standing> {
    let holder = identity.api_key_holder(id, at(seconds)).await.unwrap()?;
    identity.standing(holder.login, at(seconds)).await.unwrap()
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

async fn owner_of(identity: &Identity, account: &str) -> UserId {
    let owner = identity.user_called(&format!("owner-{account}")).await;
    owner.unwrap().id
}
