use std::time::Duration;

use atrail_model::{
    AccountId, AccountRole, HeldRole, KeyScope, KeyScopes, LoginId, OrganizationId, SpaceId,
    SpaceRole, Timestamp, User, UserId,
};

use super::*;
use crate::catalog::Catalog;
use crate::catalog::row::{Id, nanoseconds};
use crate::error::{ErrorKind, StoreError};

mod changes;
mod invitations;
mod keys;
mod logins;
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
