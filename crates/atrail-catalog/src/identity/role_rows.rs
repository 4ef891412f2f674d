//! The rows of roles, and of the accounts that their holders use.

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, AccountRole, HeldRole, Home, SpaceId, SpaceRole, UserId};

use super::key_home;
use crate::failure::failed_to;
use crate::row::{Columns, Id};
use crate::sql::{self, Connection};

/// Inserts a role within a transaction; returns `false` when the user held it before in the same way.
pub(super) async fn insert(
    tx: &mut Connection,
    user: UserId,
    role: HeldRole,
    claimed: bool,
    what: &'static str,
) -> Result<bool> {
    let (account, space) = place_of(tx, &role, what).await?;
    if !claimed {
        key_home::settle(tx, user, account, space, what).await?;
    }
    let done = sql::query(
        "INSERT INTO roles (holder, role, account, space, claimed) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(user.bytes())
    .bind(role.word())
    .bind(account.bytes())
    .bind(space.as_ref().map(Id::bytes))
    .bind(claimed)
    .execute(&mut *tx)
    .await
    .map_err(failed_to(what))?;
    Ok(done.rows_affected() > 0)
}

/// Returns the account of a role, and its space; `NotFound` when they do not exist.
pub(super) async fn place_of(
    connection: &mut Connection,
    role: &HeldRole,
    what: &'static str,
) -> Result<(AccountId, Option<SpaceId>)> {
    let (exists, place, kind) = match role {
        HeldRole::Account(account, _) => (
            "SELECT guid AS account, NULL AS space FROM accounts WHERE guid = ? AND deleted IS NULL",
            account.bytes(),
            "account",
        ),
        HeldRole::Space(space, _) => (
            "SELECT o.account, s.guid AS space FROM spaces s JOIN organizations o ON o.guid = s.organization \
             WHERE s.guid = ?",
            space.bytes(),
            "space",
        ),
    };
    let found = sql::query(exists)
        .bind(place)
        .fetch_optional(connection)
        .await
        .map_err(failed_to(what))?
        .ok_or_else(|| StoreError::NotFound {
            what: kind.to_owned(),
        })?;
    Ok((found.id("account")?, found.optional_id("space")?))
}

/// Refuses a place that does not exist, or whose space is of another account.
pub(super) async fn must_be_a_place(
    connection: &mut Connection,
    home: Home,
    what: &'static str,
) -> Result<()> {
    let unknown = |kind: &str| StoreError::NotFound {
        what: kind.to_owned(),
    };
    let account = home.account.ok_or_else(|| unknown("account"))?;
    let role = match home.space {
        Some(space) => HeldRole::Space(space, SpaceRole::Auditor),
        None => HeldRole::Account(account, AccountRole::Auditor),
    };
    let (found, _) = place_of(connection, &role, what).await?;
    if found == account {
        return Ok(());
    }
    Err(unknown("space"))
}

/// Records that a user uses an account; returns `false` when that was recorded before, or when there is no such user or
/// account.
pub(super) async fn insert_use(
    connection: &mut Connection,
    user: UserId,
    account: AccountId,
    what: &'static str,
) -> Result<bool> {
    let done = sql::query(
        "INSERT INTO account_uses (holder, account) SELECT u.guid, a.guid FROM users u, accounts a \
         WHERE u.guid = ? AND a.guid = ? AND a.deleted IS NULL ON CONFLICT DO NOTHING",
    )
    .bind(user.bytes())
    .bind(account.bytes())
    .execute(connection)
    .await
    .map_err(failed_to(what))?;
    Ok(done.rows_affected() > 0)
}

/// Records that a user who has used no account yet uses each in which the user holds a role: until now, each has
/// recorded the user's actions. An account in which no role remains, as after the end of its space, does not count,
/// just as in [`super::Identity::accounts_of`].
pub(super) async fn insert_first_uses(
    connection: &mut Connection,
    user: UserId,
    what: &'static str,
) -> Result<()> {
    sql::query(
        "INSERT INTO account_uses (holder, account) SELECT DISTINCT holder, account FROM roles \
         WHERE holder = ?1 AND NOT EXISTS ( \
             SELECT 1 FROM account_uses u JOIN roles q ON q.holder = u.holder AND q.account = u.account WHERE u.holder = ?1)",
    )
    .bind(user.bytes())
    .execute(connection)
    .await
    .map_err(failed_to(what))?;
    Ok(())
}

/// Deletes the uses of accounts in which the user holds no role any longer.
pub(super) async fn forget_uses(
    connection: &mut Connection,
    user: UserId,
    what: &'static str,
) -> Result<()> {
    sql::query(
        "DELETE FROM account_uses WHERE holder = ?1 \
         AND account NOT IN (SELECT account FROM roles WHERE holder = ?1)",
    )
    .bind(user.bytes())
    .execute(connection)
    .await
    .map_err(failed_to(what))?;
    Ok(())
}
