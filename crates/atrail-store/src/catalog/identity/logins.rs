//! Logins: each is a family of tokens that ends as one.
//!
//! A refresh token is good for one exchange (RFC 9700 §4.14.2). Its reuse means that two parties hold it, so the whole
//! login ends. One exception: within `retry_within` of its exchange a token may be exchanged again and gets a successor
//! of its own, because the answer to the first exchange may have been lost, or two processes of one client share a file.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use atrail_model::{AccountId, ParseIdError, SpaceId, Timestamp};
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use super::Identity;
use super::users::{User, user};
use crate::catalog::failed_to;
use crate::catalog::row::{Columns, Id, nanoseconds};
use crate::error::Result;

/// A login, as access tokens name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoginId(Uuid);

impl LoginId {
    /// Makes a new id that nobody else has.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}

impl Id for LoginId {
    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for LoginId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError)
    }
}

/// A login that begins.
#[derive(Debug, Clone)]
pub struct NewLogin<'a> {
    /// Who logs in.
    pub user: &'a User,
    /// Public part of the API key that did it; `None` for a password.
    pub api_key: Option<&'a str>,
    /// SHA-256 of the first refresh token.
    pub refresh_hash: [u8; 32],
    /// This moment.
    pub now: Timestamp,
    /// When the login ends unless it is refreshed.
    pub expires: Timestamp,
}

/// What became of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// The new token is in force.
    Renewed {
        /// The login.
        login: LoginId,
        /// Whose it is.
        user: User,
        /// Whether an API key began it.
        by_api_key: bool,
    },
    /// No living login knows the token.
    Unknown,
    /// The token had been exchanged before: its login has ended.
    Reused {
        /// Whose login it was.
        user: User,
    },
}

/// What a living login is worth: the user and the roles held, as of now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who is logged in.
    pub user: User,
    /// Accounts that the user owns.
    pub owned: HashSet<AccountId>,
    /// Spaces that the user is developer of, each with its account.
    pub developed: HashMap<SpaceId, AccountId>,
}

impl Identity {
    /// Begins a login, and forgets those that have ended.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn begin_login(&self, new: NewLogin<'_>) -> Result<LoginId> {
        const WHAT: &str = "begin a login";
        let login = LoginId::generate();
        let mut tx = self.catalog.begin(WHAT).await?;
        sqlx::query("DELETE FROM logins WHERE expires <= ?")
            .bind(nanoseconds(new.now))
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        sqlx::query(
            "INSERT INTO logins (login, holder, api_key, created, expires) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(login.bytes())
        .bind(new.user.id.bytes())
        .bind(new.api_key)
        .bind(nanoseconds(new.now))
        .bind(nanoseconds(new.expires))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        insert_token(&mut tx, WHAT, new.refresh_hash, login, new.now).await?;
        tx.commit().await.map_err(failed_to(WHAT))?;
        Ok(login)
    }

    /// Exchanges a refresh token for a new one, both given by their SHA-256. On success the login lives until `expires`.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn exchange_refresh_token(
        &self,
        old: [u8; 32],
        new: [u8; 32],
        now: Timestamp,
        expires: Timestamp,
        retry_within: Duration,
    ) -> Result<Exchange> {
        const WHAT: &str = "exchange a refresh token";
        let mut tx = self.catalog.begin(WHAT).await?;
        let row = sqlx::query(
            "SELECT u.guid, u.name, u.operator, l.login, l.api_key IS NOT NULL AS by_api_key, \
                    COALESCE(t.exchanged, 0) AS exchanged \
             FROM refresh_tokens t JOIN logins l ON l.login = t.login \
             JOIN users u ON u.guid = l.holder WHERE t.hash = ? AND l.expires > ?",
        )
        .bind(old.as_slice())
        .bind(nanoseconds(now))
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        let Some(row) = row else {
            return Ok(Exchange::Unknown);
        };
        let user = user(&row)?;
        let login: LoginId = row.id("login")?;
        let exchanged = row.integer("exchanged")?;
        let retry_within = i64::try_from(retry_within.as_nanos()).unwrap_or(i64::MAX);
        if exchanged != 0 && nanoseconds(now).saturating_sub(exchanged) > retry_within {
            sqlx::query("DELETE FROM logins WHERE login = ?")
                .bind(login.bytes())
                .execute(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
            tx.commit().await.map_err(failed_to(WHAT))?;
            return Ok(Exchange::Reused { user });
        }
        sqlx::query("UPDATE refresh_tokens SET exchanged = COALESCE(exchanged, ?) WHERE hash = ?")
            .bind(nanoseconds(now))
            .bind(old.as_slice())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        insert_token(&mut tx, WHAT, new, login, now).await?;
        sqlx::query("UPDATE logins SET expires = ? WHERE login = ?")
            .bind(nanoseconds(expires))
            .bind(login.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        tx.commit().await.map_err(failed_to(WHAT))?;
        Ok(Exchange::Renewed {
            login,
            user,
            by_api_key: row.integer("by_api_key")? != 0,
        })
    }

    /// What a login is worth; `None` when it has ended.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn standing(&self, login: LoginId, now: Timestamp) -> Result<Option<Standing>> {
        const WHAT: &str = "look up a login";
        let row = sqlx::query(
            "SELECT u.guid, u.name, u.operator FROM logins l JOIN users u ON u.guid = l.holder \
             WHERE l.login = ? AND l.expires > ?",
        )
        .bind(login.bytes())
        .bind(nanoseconds(now))
        .fetch_optional(self.catalog.readers())
        .await
        .map_err(failed_to(WHAT))?;
        let Some(row) = row else { return Ok(None) };
        let user = user(&row)?;
        let owned = sqlx::query("SELECT account FROM owners WHERE holder = ?")
            .bind(user.id.bytes())
            .fetch_all(self.catalog.readers())
            .await
            .map_err(failed_to(WHAT))?;
        let developed = sqlx::query(
            "SELECT d.space, o.account FROM developers d JOIN spaces s ON s.guid = d.space \
             JOIN organizations o ON o.guid = s.organization WHERE d.holder = ?",
        )
        .bind(user.id.bytes())
        .fetch_all(self.catalog.readers())
        .await
        .map_err(failed_to(WHAT))?;
        Ok(Some(Standing {
            user,
            owned: owned
                .iter()
                .map(|row| row.id("account"))
                .collect::<Result<_>>()?,
            developed: developed
                .iter()
                .map(|row| Ok((row.id("space")?, row.id("account")?)))
                .collect::<Result<_>>()?,
        }))
    }
}

async fn insert_token(
    tx: &mut Transaction<'static, Sqlite>,
    what: &'static str,
    hash: [u8; 32],
    login: LoginId,
    now: Timestamp,
) -> Result<()> {
    sqlx::query("INSERT INTO refresh_tokens (hash, login, issued) VALUES (?, ?, ?)")
        .bind(hash.as_slice())
        .bind(login.bytes())
        .bind(nanoseconds(now))
        .execute(&mut **tx)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}
