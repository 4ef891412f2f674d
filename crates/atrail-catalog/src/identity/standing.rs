//! The standing of a login, within a connection.

use std::collections::{HashMap, HashSet};

use atrail_disk::Result;
use atrail_model::{
    AccountRole, HeldRole, Home, KeyScope, KeyScopes, LoginId, Standing, Timestamp, User,
};

use super::columns::{held_role, scopes, user};
use super::ingest_rows;
use crate::failure::failed_to;
use crate::row::{Columns, Id, nanoseconds};
use crate::sql::{self, Connection};

/// Returns the standing of a login, or of the requests with an API key or an ingest key itself, as the connection sees it; `None` when it
/// has ended.
pub(super) async fn standing(
    connection: &mut Connection,
    login: LoginId,
    now: Timestamp,
) -> Result<Option<Standing>> {
    const WHAT: &str = "look up a login";
    let row = sql::query(
        "SELECT u.guid, u.name, u.operator, l.ends IS NOT NULL AS is_external, k.scopes, k.expires IS NOT NULL AS key_ends, \
                MIN(l.expires, COALESCE(k.expires, l.expires)) AS until, k.account, k.space, COALESCE(k.bound, FALSE) AS bound, \
                k.key, k.maker IS NOT NULL AS for_another \
         FROM (SELECT holder, api_key, expires, ends FROM logins WHERE login = ?1 \
               UNION ALL SELECT holder, key, ?3, NULL FROM api_keys WHERE login = ?1) l \
         JOIN users u ON u.guid = l.holder LEFT JOIN api_keys k ON k.key = l.api_key \
         WHERE l.expires > ?2 AND (k.expires IS NULL OR k.expires > ?2)",
    )
    .bind(login.bytes())
    .bind(nanoseconds(now))
    .bind(nanoseconds(Timestamp::MAX))
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed_to(WHAT))?;
    let Some(row) = row else {
        return ingest_rows::standing(connection, login, WHAT).await;
    };
    let is_bound = row.integer("bound")? != 0;
    let is_for_another = row.integer("for_another")? != 0;
    let scopes = match scopes(&row)? {
        // Users, roles and keys belong to no place that a key could be bound to.
        scopes if is_bound => scopes.without(KeyScope::Manage),
        scopes => scopes,
    };
    let home = Home {
        account: row.optional_id("account")?,
        space: row.optional_id("space")?,
    };
    let user = user(&row)?;
    let mut standing = Standing {
        user: User {
            // The whole server is no place that a key could be bound to.
            operator: user.operator && !is_bound,
            ..user
        },
        scopes,
        by_limited_key: scopes != KeyScopes::ALL || row.integer("key_ends")? != 0 || is_bound,
        roles: HashSet::new(),
        spaces: HashMap::new(),
        home,
        api_key: row.optional_text("key")?.map(Into::into),
        ingest: None,
        noted: HashSet::new(),
        until: row.moment("until")?,
    };
    let roles = sql::query(
        "SELECT role, account, space FROM roles WHERE holder = ? AND (NOT claimed OR ?)",
    )
    .bind(standing.user.id.bytes())
    .bind(row.integer("is_external")? != 0)
    .fetch_all(&mut *connection)
    .await
    .map_err(failed_to(WHAT))?;
    for row in &roles {
        let (role, account) = held_role(row)?;
        // Whoever made the key for its holder made it for somebody who owned nothing.
        if is_for_another && matches!(role, HeldRole::Account(_, AccountRole::Owner)) {
            continue;
        }
        let left = if is_bound {
            home.narrowed(role, account)
        } else {
            Some(role)
        };
        let Some(role) = left else { continue };
        if let HeldRole::Space(space, _) = role {
            standing.spaces.insert(space, account);
        }
        standing.roles.insert(role);
    }
    if is_for_another {
        standing.noted.extend(home.account);
        return Ok(Some(standing));
    }
    // Requests with a key itself belong to no login that could be on record.
    let noted = sql::query(
        "SELECT account FROM account_uses u WHERE holder = ?1 AND ( \
             EXISTS (SELECT 1 FROM login_records t WHERE t.login = ?2 AND t.account = u.account) \
             OR NOT EXISTS (SELECT 1 FROM logins WHERE login = ?2))",
    )
    .bind(standing.user.id.bytes())
    .bind(login.bytes())
    .fetch_all(connection)
    .await
    .map_err(failed_to(WHAT))?;
    for row in &noted {
        standing.noted.insert(row.id("account")?);
    }
    Ok(Some(standing))
}
