//! API keys: a public part as the name of each, and the hash of the whole.

use atrail_model::{AccountId, Home, KeyScope, KeyScopes, LoginId, Timestamp, User, UserId};

use super::Identity;
use super::columns::{scopes, user};
use super::key_home::only_home;
use super::key_rows::{KeyReach, KeyRow, delete_key, key_called, no_key};
use super::role_rows::must_be_a_place;
use super::users::called;
use crate::failure::failed_to;
use crate::names;
use crate::row::{Columns, Id, nanoseconds};
use crate::sql::{self, Connection, Row};
use atrail_disk::{Result, StoreError};

/// API keys that a user may have for one account, and that are bound to none.
const MAX_KEYS_OF_A_USER: i64 = 100;

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public part.
    pub id: String,
    /// The name that its maker has chosen.
    pub name: String,
    /// The holder, in whose name the key acts.
    pub holder: UserId,
    /// The holder's name.
    pub holder_name: String,
    /// The name of the user who made it for the holder, or the GUID where that user is gone; `None` when the holder made
    /// it.
    pub maker_name: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// The requests that it allows.
    pub scopes: KeyScopes,
    /// When it expires, if it does.
    pub expires: Option<Timestamp>,
    /// When somebody last logged in with it, refreshed such a login, or sent it with a request.
    pub used: Option<Timestamp>,
    /// The place that a request means when it names none.
    pub home: Home,
    /// Whether the key works nowhere else.
    pub bound: bool,
}

impl ApiKey {
    /// Returns the account that the key is bound to, if it is.
    #[must_use]
    pub fn bound_to(&self) -> Option<AccountId> {
        self.home.account.filter(|_| self.bound)
    }

    /// Returns whether a caller with this reach may know of the key.
    #[must_use]
    pub fn is_known_to(&self, reach: KeyReach<'_>) -> bool {
        match reach {
            KeyReach::All => true,
            KeyReach::Of(user, owned) => {
                self.holder == user
                    || self
                        .bound_to()
                        .is_some_and(|account| owned.contains(&account))
            }
        }
    }
}

/// Whose key a new key is.
#[derive(Debug, Clone, Copy)]
pub enum KeyHolder<'a> {
    /// Its maker's.
    Maker(UserId),
    /// That of another user, for whom an owner of an account makes it.
    Member {
        /// The owner who makes it.
        maker: UserId,
        /// The holder's name or GUID.
        called: &'a str,
        /// The account, in which the holder has a role and which the maker owns.
        account: AccountId,
    },
}

/// A new API key.
#[derive(Debug, Clone)]
pub struct NewApiKey<'a> {
    /// Whose it is.
    pub holder: KeyHolder<'a>,
    /// The public part.
    pub id: &'a str,
    /// The name that its maker has chosen.
    pub name: &'a str,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// The requests that it allows.
    pub scopes: KeyScopes,
    /// When it expires, if it does.
    pub expires: Option<Timestamp>,
    /// The only place where it works. A key without one works wherever its holder does, and means the place of its
    /// holder's roles, if that is one place, when a request names none.
    pub bound: Option<Home>,
}

/// The holder of a key, and the hashes to verify the key.
#[derive(Debug, Clone)]
pub struct ApiKeyHolder {
    /// The holder; `None`: it is an ingest key, which no user holds.
    pub user: Option<User>,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// SHA-256 of the whole key before its rotation, and until when that works.
    pub previous: Option<([u8; 32], Timestamp)>,
    /// The id of the requests with the key itself.
    pub login: LoginId,
}

/// The query of [`ApiKey`]s with this condition.
macro_rules! keys {
    ($condition:literal) => {
        concat!(
            "SELECT k.key, k.name, k.holder, u.name AS holder_name, k.maker, m.name AS maker_name, k.created, k.scopes, ",
            "k.expires, k.used, k.account, k.space, k.bound ",
            "FROM api_keys k JOIN users u ON u.guid = k.holder LEFT JOIN users m ON m.guid = k.maker WHERE ",
            $condition,
            " ORDER BY k.created, k.key"
        )
    };
}

impl Identity {
    /// Stores a new key.
    ///
    /// # Errors
    /// When the name is invalid, the holder has too many keys, a key for another user could do more than its maker may
    /// let it do, a bound key could manage, or the catalog fails; `NotFound` when the place is gone, or no such user has
    /// a role in the maker's account.
    pub async fn create_api_key(&self, new: NewApiKey<'_>, now: Timestamp) -> Result<ApiKey> {
        const WHAT: &str = "create an API key";
        let NewApiKey {
            holder,
            id,
            name,
            hash,
            scopes,
            expires,
            bound,
        } = new;
        let name = names::fit("API key", name)?;
        let mut tx = self.begin(WHAT).await?;
        let bound_to = bound.and_then(|place| place.account);
        if let Some(home) = bound {
            must_be_a_place(&mut tx, home, WHAT).await?;
            if scopes.contains(KeyScope::Manage) {
                return Err(StoreError::Invalid(
                    "a key for one place cannot have the scope manage".to_owned(),
                ));
            }
        }
        let (holder, maker) = match holder {
            KeyHolder::Maker(holder) => (holder, None),
            KeyHolder::Member {
                maker,
                called,
                account,
            } => {
                if bound_to != Some(account) {
                    return Err(StoreError::Invalid(
                        "a key for another user works in one account".to_owned(),
                    ));
                }
                (member(&mut tx, called, account, WHAT).await?, Some(maker))
            }
        };
        let home = match bound {
            Some(home) => home,
            None => only_home(&mut tx, holder, WHAT).await?,
        };
        must_have_room(&mut tx, holder, bound_to, WHAT).await?;
        sql::query(
            "INSERT INTO api_keys (key, holder, name, hash, created, scopes, expires, account, space, login, bound, maker) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        .bind(LoginId::generate().bytes())
        .bind(bound.is_some())
        .bind(maker.as_ref().map(Id::bytes))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        let made = key_called(&mut *tx, id, WHAT).await?;
        tx.commit().await?;
        made.ok_or_else(no_key::<ApiKey>)
    }

    /// Returns the keys of a user, oldest first.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn api_keys(&self, holder: UserId) -> Result<Vec<ApiKey>> {
        self.keys_where(keys!("k.holder = ?"), holder.bytes()).await
    }

    /// Returns the keys that are bound to an account or to a space of it, oldest first.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn api_keys_bound_to(&self, account: AccountId) -> Result<Vec<ApiKey>> {
        let bound = keys!("k.bound AND k.account = ?");
        self.keys_where(bound, account.bytes()).await
    }

    async fn keys_where(&self, sql: &'static str, id: &[u8]) -> Result<Vec<ApiKey>> {
        let rows = sql::query(sql)
            .bind(id)
            .fetch_all(self.catalog.readers())
            .await
            .map_err(failed_to("list API keys"))?;
        rows.iter().map(api_key).collect()
    }

    /// Deletes a key within reach, and ends every login that began with it; returns the key.
    ///
    /// # Errors
    /// `NotFound` when there is no such key, or when the catalog fails.
    pub async fn delete_api_key(&self, reach: KeyReach<'_>, id: &str) -> Result<ApiKey> {
        delete_key(self, reach, id, "delete an API key").await
    }

    /// Returns the holder of the API key or the ingest key with this public part; `None` when there is no such key, or it
    /// has expired.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn api_key_holder(&self, id: &str, now: Timestamp) -> Result<Option<ApiKeyHolder>> {
        let row = sql::query(
            "SELECT u.guid, u.name, u.operator, k.hash, k.login FROM api_keys k \
             JOIN users u ON u.guid = k.holder \
             WHERE k.key = ? AND (k.expires IS NULL OR k.expires > ?)",
        )
        .bind(id)
        .bind(nanoseconds(now))
        .fetch_optional(self.catalog.readers())
        .await
        .map_err(failed_to("look up an API key"))?;
        match row {
            Some(row) => Ok(Some(ApiKeyHolder {
                user: Some(user(&row)?),
                hash: row.hash("hash")?,
                previous: None,
                login: row.id("login")?,
            })),
            None => self.ingest_key_called(id).await,
        }
    }
}

impl KeyRow for ApiKey {
    const CALLED: &'static str = "API key";
    const SELECT: &'static str = keys!("k.key = ?");
    const DELETE: &'static str = "DELETE FROM api_keys WHERE key = ?";

    fn of_row(row: &Row) -> Result<Self> {
        api_key(row)
    }

    fn is_within(&self, reach: KeyReach<'_>) -> bool {
        self.is_known_to(reach)
    }
}

/// Returns the user of this name or GUID, if an owner of the account may make keys for the user: one who has a role there
/// that no provider claimed. Owners, also by a claim, and operators make their own keys, so that nobody deletes or grants in their names.
async fn member(
    connection: &mut Connection,
    word: &str,
    account: AccountId,
    what: &'static str,
) -> Result<UserId> {
    let unknown = || StoreError::NotFound {
        what: "user".to_owned(),
    };
    let user = called(connection, word, what).await?.ok_or_else(unknown)?;
    let (has_role, owns): (bool, bool) = sql::query_as(
        "SELECT COUNT(*) FILTER (WHERE NOT claimed) > 0, COUNT(*) FILTER (WHERE role = 'owner' AND space IS NULL) > 0 \
         FROM roles WHERE holder = ? AND account = ?",
    )
    .bind(user.id.bytes())
    .bind(account.bytes())
    .fetch_one(connection)
    .await
    .map_err(failed_to(what))?;
    if !has_role {
        return Err(unknown());
    }
    if owns || user.operator {
        return Err(StoreError::Conflict(
            "an owner or operator makes their own keys: nobody else may act in that user's name"
                .to_owned(),
        ));
    }
    Ok(user.id)
}

/// Refuses one key too many. The keys for an account do not use up those for another, nor those that are bound to none.
async fn must_have_room(
    connection: &mut Connection,
    holder: UserId,
    bound_to: Option<AccountId>,
    what: &'static str,
) -> Result<()> {
    let (held,): (i64,) = sql::query_as(
        "SELECT COUNT(*) FROM api_keys WHERE holder = ?1 AND (CASE WHEN bound THEN account END) IS NOT DISTINCT FROM ?2",
    )
    .bind(holder.bytes())
    .bind(bound_to.as_ref().map(Id::bytes))
    .fetch_one(connection)
    .await
    .map_err(failed_to(what))?;
    if held < MAX_KEYS_OF_A_USER {
        return Ok(());
    }
    Err(StoreError::Conflict(format!(
        "a user may have {MAX_KEYS_OF_A_USER} API keys: delete one first"
    )))
}

fn api_key(row: &Row) -> Result<ApiKey> {
    let maker: Option<UserId> = row.optional_id("maker")?;
    let maker_name = row.optional_text("maker_name")?;
    let maker_name = maker_name.or_else(|| maker.map(|maker| maker.to_string()));
    Ok(ApiKey {
        id: row.text("key")?,
        name: row.text("name")?,
        holder: row.id("holder")?,
        holder_name: row.text("holder_name")?,
        maker_name,
        created: row.moment("created")?,
        scopes: scopes(row)?,
        expires: row.optional_moment("expires")?,
        used: row.optional_moment("used")?,
        home: Home {
            account: row.optional_id("account")?,
            space: row.optional_id("space")?,
        },
        bound: row.integer("bound")? != 0,
    })
}
