//! API keys: a public part as the name of each, and the hash of the whole.

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, Home, KeyScopes, SpaceId, Timestamp, User, UserId};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::Identity;
use super::columns::{scopes, user};
use crate::failure::failed_to;
use crate::names;
use crate::row::{Columns, Id, nanoseconds};

/// API keys that a user may have.
const MAX_KEYS_OF_A_USER: i64 = 100;

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public part.
    pub id: String,
    /// The name that the holder has chosen.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// The requests that it allows.
    pub scopes: KeyScopes,
    /// When it expires, if it does.
    pub expires: Option<Timestamp>,
    /// When somebody last logged in with it, or refreshed such a login.
    pub used: Option<Timestamp>,
    /// The place that a request means when it names none.
    pub home: Home,
}

/// A new API key.
#[derive(Debug, Clone)]
pub struct NewApiKey<'a> {
    /// The holder.
    pub holder: UserId,
    /// The public part.
    pub id: &'a str,
    /// The name that the holder has chosen.
    pub name: &'a str,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// The requests that it allows.
    pub scopes: KeyScopes,
    /// When it expires, if it does.
    pub expires: Option<Timestamp>,
    /// The place that a request means when it names none; by default the place of its holder's roles, if that is one
    /// place.
    pub home: Option<Home>,
}

/// The holder of a key, and the hash to verify the key.
#[derive(Debug, Clone)]
pub struct ApiKeyHolder {
    /// The holder.
    pub user: User,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
}

impl Identity {
    /// Stores a new key of a user.
    ///
    /// # Errors
    /// When the name is invalid, the user has too many keys, or the catalog fails.
    pub async fn create_api_key(&self, new: NewApiKey<'_>, now: Timestamp) -> Result<ApiKey> {
        const WHAT: &str = "create an API key";
        let NewApiKey {
            holder,
            id,
            name,
            hash,
            scopes,
            expires,
            home,
        } = new;
        let name = names::fit("API key", name)?;
        let mut tx = self.begin(WHAT).await?;
        let home = match home {
            Some(home) => home,
            None => only_home(&mut tx, holder, WHAT).await?,
        };
        let (held,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM api_keys WHERE holder = ?")
            .bind(holder.bytes())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        if held >= MAX_KEYS_OF_A_USER {
            return Err(StoreError::Conflict(format!(
                "a user may have {MAX_KEYS_OF_A_USER} API keys: delete one first"
            )));
        }
        sqlx::query(
            "INSERT INTO api_keys (key, holder, name, hash, created, scopes, expires, account, space) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id)
        .bind(holder.bytes())
        .bind(name.as_ref())
        .bind(hash.as_slice())
        .bind(nanoseconds(now))
        .bind(scopes.to_string())
        .bind(expires.map(nanoseconds))
        .bind(home.account.as_ref().map(Id::bytes))
        .bind(home.space.as_ref().map(Id::bytes))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        tx.commit().await?;
        Ok(ApiKey {
            id: id.to_owned(),
            name: name.into_owned(),
            created: now,
            scopes,
            expires,
            used: None,
            home,
        })
    }

    /// Returns the keys of a user, oldest first.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn api_keys(&self, holder: UserId) -> Result<Vec<ApiKey>> {
        let rows = sqlx::query(
            "SELECT key, name, created, scopes, expires, used, account, space FROM api_keys WHERE holder = ? ORDER BY created, key",
        )
        .bind(holder.bytes())
        .fetch_all(self.catalog.readers())
        .await
        .map_err(failed_to("list API keys"))?;
        rows.iter().map(api_key).collect()
    }

    /// Deletes a key, of this user if one is given, and ends every login that began with it; returns the holder.
    ///
    /// # Errors
    /// `NotFound` when there is no such key, or when the catalog fails.
    pub async fn delete_api_key(&self, holder: Option<UserId>, id: &str) -> Result<UserId> {
        const WHAT: &str = "delete an API key";
        let mut tx = self.begin(WHAT).await?;
        let deleted = sqlx::query(
            "DELETE FROM api_keys WHERE key = ?1 AND holder = COALESCE(?2, holder) RETURNING holder",
        )
        .bind(id)
        .bind(holder.as_ref().map(Id::bytes))
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        let deleted = deleted.ok_or_else(|| StoreError::NotFound {
            what: "API key".to_owned(),
        })?;
        tx.commit().await?;
        deleted.id("holder")
    }

    /// Returns the holder of the key with this public part; `None` when there is no such key, or it has expired.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn api_key_holder(&self, id: &str, now: Timestamp) -> Result<Option<ApiKeyHolder>> {
        let row = sqlx::query(
            "SELECT u.guid, u.name, u.operator, k.hash FROM api_keys k \
             JOIN users u ON u.guid = k.holder \
             WHERE k.key = ? AND (k.expires IS NULL OR k.expires > ?)",
        )
        .bind(id)
        .bind(nanoseconds(now))
        .fetch_optional(self.catalog.readers())
        .await
        .map_err(failed_to("look up an API key"))?;
        row.map(|row| {
            Ok(ApiKeyHolder {
                user: user(&row)?,
                hash: row.hash("hash")?,
            })
        })
        .transpose()
    }
}

/// Returns the only account, and the only space, of a user's roles; roles that a provider claimed do not count for a
/// key.
async fn only_home(
    connection: &mut SqliteConnection,
    holder: UserId,
    what: &'static str,
) -> Result<Home> {
    let row = sqlx::query(
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
    connection: &mut SqliteConnection,
    holder: UserId,
    account: AccountId,
    space: Option<SpaceId>,
    what: &'static str,
) -> Result<()> {
    let (has_roles,): (bool,) =
        sqlx::query_as("SELECT EXISTS (SELECT 1 FROM roles WHERE holder = ? AND NOT claimed)")
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
    sqlx::query("UPDATE api_keys SET account = ?, space = ? WHERE holder = ? AND account IS NULL")
        .bind(home.account.as_ref().map(Id::bytes))
        .bind(home.space.as_ref().map(Id::bytes))
        .bind(holder.bytes())
        .execute(connection)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}

fn api_key(row: &SqliteRow) -> Result<ApiKey> {
    Ok(ApiKey {
        id: row.text("key")?,
        name: row.text("name")?,
        created: row.moment("created")?,
        scopes: scopes(row)?,
        expires: row.optional_moment("expires")?,
        used: row.optional_moment("used")?,
        home: Home {
            account: row.optional_id("account")?,
            space: row.optional_id("space")?,
        },
    })
}
