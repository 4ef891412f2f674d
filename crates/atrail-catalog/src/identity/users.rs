//! Users and their passwords.

use std::borrow::Cow;

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, LoginId, Timestamp, User, UserId};

use super::Identity;
use super::columns::user;
use super::login_links::forget_links_of;
use super::logins::stand_alone;
use crate::failure::{failed_to, taken_or_failed_to};
use crate::names;
use crate::row::{Columns, Id, nanoseconds};
use crate::sql::{self, Connection, Row};

/// A user with the hash of the password. `Debug` does not show the hash.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// Argon2id, as a PHC string; `None` for a user of an identity provider.
    pub password_hash: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Creates a user. The empty text is no password hash: such a user cannot log in by a password.
    ///
    /// # Errors
    /// When the name is invalid or taken, or the catalog fails.
    pub async fn create_user(
        &self,
        name: &str,
        password_hash: &str,
        operator: bool,
        now: Timestamp,
    ) -> Result<User> {
        let user = User {
            id: UserId::generate(),
            name: fit_name(name)?.into_owned(),
            operator,
        };
        let mut tx = self.begin("create a user").await?;
        sql::query(
            "INSERT INTO users (guid, name, password, operator, created) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(user.id.bytes())
        .bind(&user.name)
        .bind(password_hash)
        .bind(operator)
        .bind(nanoseconds(now))
        .execute(&mut *tx)
        .await
        .map_err(taken_or_failed_to("create a user", || {
            format!("there is a user '{}' already", user.name)
        }))?;
        tx.commit().await?;
        Ok(user)
    }

    /// Deletes a user with all keys, roles, logins and sessions, and returns the accounts in which the user held a
    /// role. The records of the user's actions remain.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` for the last operator, or when the catalog fails.
    pub async fn delete_user(&self, id: UserId) -> Result<Vec<AccountId>> {
        const WHAT: &str = "delete a user";
        let mut tx = self.begin(WHAT).await?;
        let row = sql::query(
            "SELECT operator AND NOT EXISTS (SELECT 1 FROM users o WHERE o.operator AND o.guid <> u.guid) AS is_last \
             FROM users u WHERE guid = ?",
        )
        .bind(id.bytes())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        let row = row.ok_or_else(|| StoreError::NotFound {
            what: format!("user {id}"),
        })?;
        if row.integer("is_last")? != 0 {
            return Err(StoreError::Conflict(
                "this is the last operator: make another one first".to_owned(),
            ));
        }
        let accounts =
            sql::query("SELECT DISTINCT account FROM roles WHERE holder = ? ORDER BY account")
                .bind(id.bytes())
                .fetch_all(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
        let accounts = accounts.iter().map(|row| row.id("account"));
        let accounts = accounts.collect::<Result<Vec<_>>>()?;
        for sql in [
            "DELETE FROM logins WHERE holder = ?",
            "DELETE FROM api_keys WHERE holder = ?",
            "DELETE FROM sessions WHERE owner = ?",
            "DELETE FROM users WHERE guid = ?",
        ] {
            sql::query(sql)
                .bind(id.bytes())
                .execute(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
        }
        tx.commit().await?;
        Ok(accounts)
    }

    /// Returns all users by name.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn users(&self) -> Result<Vec<User>> {
        let rows = sql::query("SELECT guid, name, operator FROM users ORDER BY name")
            .fetch_all(self.catalog.readers())
            .await
            .map_err(failed_to("list users"))?;
        rows.iter().map(user).collect()
    }

    /// Returns the user with this GUID, or else the one of this name.
    ///
    /// # Errors
    /// `NotFound`, or when the catalog fails.
    pub async fn user_called(&self, word: &str) -> Result<User> {
        const WHAT: &str = "look up a user";
        let mut connection = self
            .catalog
            .readers()
            .acquire()
            .await
            .map_err(failed_to(WHAT))?;
        called(&mut connection, word, WHAT)
            .await?
            .ok_or_else(|| StoreError::NotFound {
                what: format!("user '{word}'"),
            })
    }

    /// Returns the user with this GUID.
    ///
    /// # Errors
    /// `NotFound`, or when the catalog fails.
    pub async fn user(&self, id: UserId) -> Result<User> {
        let row = sql::query("SELECT guid, name, operator FROM users WHERE guid = ?")
            .bind(id.bytes())
            .fetch_optional(self.catalog.readers())
            .await
            .map_err(failed_to("look up a user"))?;
        let row = row.ok_or_else(|| StoreError::NotFound {
            what: format!("user {id}"),
        })?;
        user(&row)
    }

    /// Returns the user of this name with the password's hash, if there is one.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn credentials(&self, name: &str) -> Result<Option<Credentials>> {
        if !sql::is_storable(name) {
            return Ok(None);
        }
        let row = sql::query(NAMED)
            .bind(name)
            .bind(names::canonical(name).as_ref())
            .fetch_optional(self.catalog.readers())
            .await
            .map_err(failed_to("look up a user"))?;
        row.as_ref().map(credentials).transpose()
    }

    /// Changes a password if its hash still is `old`, and ends every other login of the user that began with a
    /// password; API keys and their logins stay. Returns `false` when the password was changed meanwhile.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn change_password(
        &self,
        id: UserId,
        old: &str,
        new: &str,
        keep: LoginId,
    ) -> Result<bool> {
        const WHAT: &str = "change a password";
        let mut tx = self.begin(WHAT).await?;
        let changed = sql::query("UPDATE users SET password = ? WHERE guid = ? AND password = ?")
            .bind(new)
            .bind(id.bytes())
            .bind(old)
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        stand_alone(&mut tx, keep, WHAT).await?;
        sql::query("DELETE FROM logins WHERE holder = ? AND api_key IS NULL AND login <> ?")
            .bind(id.bytes())
            .bind(keep.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        forget_links_of(&mut tx, id, WHAT).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// The user of a name: the first parameter is the given form, the second the canonical form. A catalog of an earlier
/// version may have a name in another form.
const NAMED: &str = "SELECT guid, name, operator, password FROM users WHERE name IN (?1, ?2) ORDER BY name = ?1 DESC LIMIT 1";

/// Returns the user with this GUID, or else the one of this name.
pub(super) async fn called(
    connection: &mut Connection,
    word: &str,
    what: &'static str,
) -> Result<Option<User>> {
    let id = word.parse::<UserId>().ok();
    let row = sql::query(
        "SELECT guid, name, operator FROM users WHERE guid = ?1 OR name IN (?2, ?3) \
         ORDER BY guid = ?1 DESC, name = ?2 DESC LIMIT 1",
    )
    .bind(id.as_ref().map(Id::bytes))
    .bind(word)
    .bind(names::canonical(word).as_ref())
    .fetch_optional(connection)
    .await
    .map_err(failed_to(what))?;
    row.as_ref().map(user).transpose()
}

/// Returns the name in canonical form. Besides the rules for all names it refuses `apikey`: a login under that name is
/// one by API key.
pub(super) fn fit_name(name: &str) -> Result<Cow<'_, str>> {
    let name = names::fit("user", name)?;
    if name == "apikey" {
        return Err(StoreError::Invalid(
            "nobody can be called 'apikey': that name stands for a login by API key".to_owned(),
        ));
    }
    Ok(name)
}

fn credentials(row: &Row) -> Result<Credentials> {
    Ok(Credentials {
        user: user(row)?,
        password_hash: Some(row.text("password")?).filter(|hash| !hash.is_empty()),
    })
}
