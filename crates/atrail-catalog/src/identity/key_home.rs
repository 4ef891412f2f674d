//! The home of an API key: the place that its requests mean when they name none, and that it may be bound to.

use atrail_disk::Result;
use atrail_model::{AccountId, Home, SpaceId, UserId};

use crate::failure::failed_to;
use crate::row::{Columns, Id};
use crate::sql::{self, Connection};

/// Returns the only account, and the only space, of a user's roles; roles that a provider claimed do not count for a
/// key.
pub(super) async fn only_home(
    connection: &mut Connection,
    holder: UserId,
    what: &'static str,
) -> Result<Home> {
    let row = sql::query(
        "SELECT CASE WHEN COUNT(DISTINCT account) = 1 THEN MIN(account) END AS account, \
                CASE WHEN COUNT(DISTINCT space) = 1 AND COUNT(space) = COUNT(*) THEN MIN(space) END AS space \
         FROM roles WHERE holder = ? AND NOT claimed",
    )
    .bind(holder.bytes())
    .fetch_one(connection)
    .await
    .map_err(failed_to(what))?;
    Ok(Home {
        account: row.optional_id("account")?,
        space: row.optional_id("space")?,
    })
}

/// Fixes the home of the user's keys; the caller then grants the user a role at this place. A key without a home gets
/// the one account that its requests meant until now, or, of a user without any role, this place: the next role does
/// not change it.
pub(super) async fn settle(
    connection: &mut Connection,
    holder: UserId,
    account: AccountId,
    space: Option<SpaceId>,
    what: &'static str,
) -> Result<()> {
    let (has_roles,): (bool,) =
        sql::query_as("SELECT EXISTS (SELECT 1 FROM roles WHERE holder = ? AND NOT claimed)")
            .bind(holder.bytes())
            .fetch_one(&mut *connection)
            .await
            .map_err(failed_to(what))?;
    let home = if has_roles {
        only_home(connection, holder, what).await?
    } else {
        Home {
            account: Some(account),
            space,
        }
    };
    sql::query("UPDATE api_keys SET account = ?, space = ? WHERE holder = ? AND account IS NULL AND NOT bound")
        .bind(home.account.as_ref().map(Id::bytes))
        .bind(home.space.as_ref().map(Id::bytes))
        .bind(holder.bytes())
        .execute(connection)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}

/// Returns the account that the key with this public part is bound to, if it is.
pub(super) async fn bound_to(
    tx: &mut Connection,
    api_key: Option<&str>,
    what: &'static str,
) -> Result<Option<AccountId>> {
    let row = sql::query("SELECT account FROM api_keys WHERE key = ? AND bound")
        .bind(api_key)
        .fetch_optional(tx)
        .await
        .map_err(failed_to(what))?;
    match row {
        Some(row) => row.optional_id("account"),
        None => Ok(None),
    }
}
