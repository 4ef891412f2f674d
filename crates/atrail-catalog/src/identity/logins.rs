//! Logins: each is a family of tokens that ends as one.
//!
//! A refresh token can be exchanged once (RFC 9700 §4.14.2). Its reuse means that two parties hold it, so the whole
//! login ends. One exception: within `retry_within` of its exchange a token may be exchanged again and gets a successor
//! of its own, because the answer to the first exchange may have been lost, or two processes of one client share a
//! file.

use std::fmt;
use std::time::Duration;

use atrail_disk::Result;
use atrail_model::{AccountId, LoginId, Standing, Timestamp, User, UserId};

use super::Identity;
use super::columns::user;
use super::key_home::bound_to;
use super::login_links;
use super::login_records;
use super::standing::standing;
use crate::failure::failed_to;
use crate::row::{Columns, Id, nanoseconds};
use crate::sql::{self, Connection};

/// Number of accounts at most in which the beginning of a login is recorded.
pub const RECORDS_OF_A_LOGIN: usize = 16;

const A_DAY: Duration = Duration::from_secs(86_400);

/// The proof of a login. The transaction that begins the login verifies it again, because the check of a password takes
/// time.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// A password that fits this hash.
    Password {
        /// Argon2id, as a PHC string.
        hash: &'a str,
    },
    /// An API key.
    ApiKey {
        /// The public part.
        id: &'a str,
        /// SHA-256 of the whole key.
        hash: [u8; 32],
    },
    /// The statement of an identity provider.
    External {
        /// When the login ends, even if it is refreshed.
        ends: Timestamp,
        /// When the user last proved to the provider who they are; `None` when it does not say.
        proven: Option<Timestamp>,
    },
    /// A link that a login made, which this uses up.
    Link {
        /// SHA-256 of its secret.
        hash: [u8; 32],
    },
}

impl fmt::Debug for Proof<'_> {
    /// Never shows a hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password",
            Self::ApiKey { .. } => "ApiKey",
            Self::External { .. } => "External",
            Self::Link { .. } => "Link",
        })
    }
}

/// A new login.
#[derive(Debug, Clone)]
pub struct NewLogin<'a> {
    /// The user.
    pub user: &'a User,
    /// The proof.
    pub proof: Proof<'a>,
    /// What keeps the login going.
    pub kept_by: KeptBy,
    /// The present moment.
    pub now: Timestamp,
    /// When the login ends unless it is refreshed, or its cookie is used.
    pub expires: Timestamp,
}

/// What keeps a login going.
#[derive(Clone, Copy)]
pub enum KeptBy {
    /// Refresh tokens; this is the SHA-256 of the first.
    RefreshToken([u8; 32]),
    /// The cookie of a browser.
    Cookie {
        /// SHA-256 of its value.
        hash: [u8; 32],
        /// No use carries the login past this.
        ends: Timestamp,
    },
}

impl fmt::Debug for KeptBy {
    /// Never shows a hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RefreshToken(_) => "RefreshToken",
            Self::Cookie { .. } => "Cookie",
        })
    }
}

/// How a login began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginKind {
    /// By a password.
    Password,
    /// By an API key.
    ApiKey,
    /// Through an identity provider.
    External,
}

/// The result of exchanging a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// The new token is in force.
    Renewed {
        /// The login.
        login: LoginId,
        /// Its user.
        user: User,
        /// How it began.
        kind: LoginKind,
    },
    /// The token belongs to no login that is in force.
    Unknown,
    /// The token had been exchanged before: its login has ended.
    Reused {
        /// The user of the login.
        user: User,
        /// The login.
        ended: EndedLogin,
    },
}

/// A login that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedLogin {
    /// Its user.
    pub user: UserId,
    /// The public part of the API key that began it, if one did.
    pub api_key: Option<String>,
    /// The accounts that are to record its end: those with a record of it in which the user still holds a role.
    pub accounts: Vec<AccountId>,
}

impl Identity {
    /// Begins a login; returns `None` when its proof no longer holds: the password was changed, or the key or the user
    /// is gone. Notes that it is on record in the accounts of the user, [`RECORDS_OF_A_LOGIN`] at most, or in the
    /// account that its key is bound to alone: the caller records it there.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn begin_login(&self, new: NewLogin<'_>) -> Result<Option<LoginId>> {
        const WHAT: &str = "begin a login";
        let login = LoginId::generate();
        let now = nanoseconds(new.now);
        let holder = new.user.id.bytes();
        let mut tx = self.catalog.begin(WHAT).await?;
        let stands = match &new.proof {
            Proof::Link { .. } => sql::query("SELECT 1"),
            Proof::Password { hash } => {
                sql::query("SELECT 1 FROM users WHERE guid = ? AND password = ? AND password <> ''")
                    .bind(holder)
                    .bind(*hash)
            }
            Proof::ApiKey { id, hash } => sql::query(
                "SELECT 1 FROM api_keys WHERE holder = ? AND key = ? AND hash = ? AND (expires IS NULL OR expires > ?)",
            )
            .bind(holder)
            .bind(*id)
            .bind(hash.as_slice())
            .bind(now),
            Proof::External { .. } => {
                sql::query("SELECT 1 FROM external_users WHERE holder = ?").bind(holder)
            }
        };
        let stands = stands.fetch_optional(&mut *tx).await;
        if stands.map_err(failed_to(WHAT))?.is_none() {
            return Ok(None);
        }
        let mut proven = Some(new.now);
        let mut made_by = None;
        let (api_key, ends) = match new.proof {
            Proof::Password { .. } => (None, None),
            Proof::ApiKey { id, .. } => (Some(id.to_owned()), None),
            Proof::External { ends, proven: said } => {
                proven = said;
                (None, Some(ends))
            }
            Proof::Link { hash } => {
                let linked = login_links::consume(&mut tx, hash, holder, new.now, WHAT).await?;
                let Some(linked) = linked else {
                    return Ok(None);
                };
                made_by = linked.made_by;
                (linked.api_key, linked.ends)
            }
        };
        let (cookie, cookie_ends) = match new.kept_by {
            KeptBy::RefreshToken(_) => (None, None),
            KeptBy::Cookie { hash, ends } => (Some(hash), Some(ends)),
        };
        let last = [ends, cookie_ends].into_iter().flatten().min();
        sql::query(
            "INSERT INTO logins \
             (login, holder, api_key, created, expires, ends, cookie, cookie_ends, proven, made_by) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(login.bytes())
        .bind(holder)
        .bind(api_key.as_deref())
        .bind(now)
        .bind(nanoseconds(last.map_or(new.expires, |last| last.min(new.expires))))
        .bind(ends.map(nanoseconds))
        .bind(cookie.as_ref().map(<[u8; 32]>::as_slice))
        .bind(cookie.and(last).map(nanoseconds))
        .bind(proven.map(nanoseconds))
        .bind(made_by.as_ref().map(LoginId::bytes))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        note_use(&mut tx, WHAT, login, new.now).await?;
        if let KeptBy::RefreshToken(hash) = new.kept_by {
            insert_token(&mut tx, WHAT, hash, login, new.now).await?;
        }
        let accounts = match bound_to(&mut tx, api_key.as_deref(), WHAT).await? {
            Some(account) => vec![account],
            None => {
                let user = new.user.id;
                login_records::accounts_of(&mut tx, user, RECORDS_OF_A_LOGIN, WHAT).await?
            }
        };
        for account in accounts {
            login_records::insert(&mut tx, login, account, WHAT).await?;
        }
        tx.commit_as_no_change().await?;
        Ok(Some(login))
    }

    /// Returns the accounts that have a record of a login, in order.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn accounts_with_record_of(&self, login: LoginId) -> Result<Vec<AccountId>> {
        const WHAT: &str = "list the accounts with a record of a login";
        let connection = self.catalog.readers().acquire().await;
        let mut connection = connection.map_err(failed_to(WHAT))?;
        login_records::of_login(&mut connection, login, WHAT).await
    }

    /// Exchanges a refresh token for a new one, both given by their SHA-256. On success the login lives until
    /// `expires`.
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
        let row = sql::query(
            "SELECT u.guid, u.name, u.operator, l.login, l.api_key IS NOT NULL AS by_api_key, u.password = '' AS external, \
                    COALESCE(t.exchanged, 0) AS exchanged \
             FROM refresh_tokens t JOIN logins l ON l.login = t.login \
             JOIN users u ON u.guid = l.holder LEFT JOIN api_keys k ON k.key = l.api_key \
             WHERE t.hash = ?1 AND l.expires > ?2 AND (k.expires IS NULL OR k.expires > ?2)",
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
        // A clock that was set back since the exchange does not make a spent token valid again.
        let apart = nanoseconds(now).saturating_sub(exchanged).saturating_abs();
        if exchanged != 0 && apart > retry_within {
            let ended = end(&mut tx, login, WHAT).await?;
            tx.commit().await?;
            return Ok(ended.map_or(Exchange::Unknown, |ended| Exchange::Reused { user, ended }));
        }
        sql::query("UPDATE refresh_tokens SET exchanged = COALESCE(exchanged, ?) WHERE hash = ?")
            .bind(nanoseconds(now))
            .bind(old.as_slice())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        insert_token(&mut tx, WHAT, new, login, now).await?;
        sql::query("UPDATE logins SET expires = MIN(?1, COALESCE(ends, ?1)) WHERE login = ?2")
            .bind(nanoseconds(expires))
            .bind(login.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        note_use(&mut tx, WHAT, login, now).await?;
        tx.commit_as_no_change().await?;
        Ok(Exchange::Renewed {
            login,
            user,
            kind: match (row.integer("by_api_key")?, row.integer("external")?) {
                (0, 0) => LoginKind::Password,
                (0, _) => LoginKind::External,
                _ => LoginKind::ApiKey,
            },
        })
    }

    /// Deletes the logins that have ended by this date. With a plausible date it also deletes those that began or were
    /// refreshed more than a day after it, under a clock that was ahead: they would live longer by as much as it was
    /// ahead.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn forget_logins(
        &self,
        ended_by: Timestamp,
        plausible: Option<Timestamp>,
    ) -> Result<()> {
        const WHAT: &str = "forget ended logins";
        let latest = plausible.map(|date| date.checked_add(A_DAY).unwrap_or(Timestamp::MAX));
        let mut tx = self.catalog.begin(WHAT).await?;
        sql::query(concat!(
            "DELETE FROM logins WHERE expires <= ?1 OR created > ?2 ",
            "OR login IN (SELECT login FROM refresh_tokens WHERE issued > ?2)"
        ))
        .bind(nanoseconds(ended_by))
        .bind(nanoseconds(latest.unwrap_or(Timestamp::MAX)))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        tx.commit().await
    }

    /// Returns the standing of a login, or of the requests with an API key itself; `None` when it has ended.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn standing(&self, login: LoginId, now: Timestamp) -> Result<Option<Standing>> {
        let mut connection = self
            .catalog
            .readers()
            .acquire()
            .await
            .map_err(failed_to("look up a login"))?;
        standing(&mut connection, login, now).await
    }

    /// Ends the login of a refresh token, spent or not; returns it, if there was one.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn end_login_of(&self, refresh_hash: [u8; 32]) -> Result<Option<EndedLogin>> {
        const WHAT: &str = "end a login";
        let mut tx = self.catalog.begin(WHAT).await?;
        let row = sql::query("SELECT login FROM refresh_tokens WHERE hash = ?")
            .bind(refresh_hash.as_slice())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        let ended = match row {
            Some(row) => end(&mut tx, row.id("login")?, WHAT).await?,
            None => None,
        };
        tx.commit().await?;
        Ok(ended)
    }

    /// Ends a login; returns it, unless it had ended.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn end_login(&self, login: LoginId) -> Result<Option<EndedLogin>> {
        const WHAT: &str = "end a login";
        let mut tx = self.catalog.begin(WHAT).await?;
        let ended = end(&mut tx, login, WHAT).await?;
        tx.commit().await?;
        Ok(ended)
    }
}

/// Lets a login live on when the one ends whose link began it.
pub(super) async fn stand_alone(
    tx: &mut Connection,
    login: LoginId,
    what: &'static str,
) -> Result<()> {
    sql::query("UPDATE logins SET made_by = NULL WHERE login = ?")
        .bind(login.bytes())
        .execute(tx)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}

/// Ends a login; returns it, unless it had ended. The logins that its links began end with it.
pub(super) async fn end(
    tx: &mut Connection,
    login: LoginId,
    what: &'static str,
) -> Result<Option<EndedLogin>> {
    let accounts = login_records::at_the_end_of(tx, login, what).await?;
    let row = sql::query("DELETE FROM logins WHERE login = ? RETURNING holder, api_key")
        .bind(login.bytes())
        .fetch_optional(tx)
        .await
        .map_err(failed_to(what))?;
    row.map(|row| {
        Ok(EndedLogin {
            user: row.id("holder")?,
            api_key: row.optional_text("api_key")?,
            accounts,
        })
    })
    .transpose()
}

/// Records the use of the API key that began the login, if one did.
async fn note_use(
    tx: &mut Connection,
    what: &'static str,
    login: LoginId,
    now: Timestamp,
) -> Result<()> {
    sql::query(
        "UPDATE api_keys SET used = ? WHERE key = (SELECT api_key FROM logins WHERE login = ?)",
    )
    .bind(nanoseconds(now))
    .bind(login.bytes())
    .execute(&mut *tx)
    .await
    .map_err(failed_to(what))?;
    Ok(())
}

async fn insert_token(
    tx: &mut Connection,
    what: &'static str,
    hash: [u8; 32],
    login: LoginId,
    now: Timestamp,
) -> Result<()> {
    sql::query("INSERT INTO refresh_tokens (hash, login, issued) VALUES (?, ?, ?)")
        .bind(hash.as_slice())
        .bind(login.bytes())
        .bind(nanoseconds(now))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}
