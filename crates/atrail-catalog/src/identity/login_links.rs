//! Links that begin a login of a browser once.
//!
//! A link grants what the login that made it has: its API key with its scopes, and its end, if an identity provider began
//! it. It ends with that login, and so does the login that it began.

use atrail_disk::Result;
use atrail_model::{LoginId, Timestamp, User, UserId};

use super::Identity;
use super::columns::user;
use crate::failure::failed_to;
use crate::row::{Columns, Id, nanoseconds};
use crate::sql::{self, Connection};

/// Number of unused links of a user: the oldest makes room for another one.
const LINKS_OF_A_USER: i64 = 16;

/// What a link that was used grants.
pub(super) struct Linked {
    pub(super) api_key: Option<String>,
    pub(super) ends: Option<Timestamp>,
    /// The login that made the link; `None` when a request with an API key itself did.
    pub(super) made_by: Option<LoginId>,
}

impl Identity {
    /// Makes a link, given by the SHA-256 of its secret, at the request of a login, or of requests with an API key itself;
    /// returns whether the login is in force. A user has 16 unused links at most: the oldest makes room.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn create_login_link(
        &self,
        hash: [u8; 32],
        login: LoginId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<bool> {
        const WHAT: &str = "make a login link";
        let mut tx = self.catalog.begin(WHAT).await?;
        sql::query("DELETE FROM login_links WHERE expires <= ?")
            .bind(nanoseconds(now))
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        let made = sql::query(
            "INSERT INTO login_links (hash, holder, api_key, made_by, ends, expires) \
             SELECT ?1, holder, api_key, login, ends, ?4 FROM logins WHERE login = ?2 AND expires > ?3 \
             UNION ALL SELECT ?1, holder, key, NULL, NULL, ?4 FROM api_keys \
             WHERE login = ?2 AND (expires IS NULL OR expires > ?3)",
        )
        .bind(hash.as_slice())
        .bind(login.bytes())
        .bind(nanoseconds(now))
        .bind(nanoseconds(expires))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        sql::query(
            "DELETE FROM login_links WHERE holder = (SELECT holder FROM login_links WHERE hash = ?1) \
             AND hash NOT IN (SELECT hash FROM login_links \
             WHERE holder = (SELECT holder FROM login_links WHERE hash = ?1) \
             ORDER BY CASE WHEN hash = ?1 THEN 0 ELSE 1 END, expires DESC LIMIT ?2)",
        )
        .bind(hash.as_slice())
        .bind(LINKS_OF_A_USER)
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        tx.commit_as_no_change().await?;
        Ok(made.rows_affected() == 1)
    }

    /// Returns the user whom an unused link logs in, given by the SHA-256 of its secret; `None` when there is none.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn user_of_login_link(&self, hash: [u8; 32], now: Timestamp) -> Result<Option<User>> {
        const WHAT: &str = "look up a login link";
        let connection = self.catalog.readers().acquire().await;
        let mut connection = connection.map_err(failed_to(WHAT))?;
        let row = sql::query(
            "SELECT u.guid, u.name, u.operator FROM login_links k JOIN users u ON u.guid = k.holder \
             WHERE k.hash = ? AND k.expires > ?",
        )
        .bind(hash.as_slice())
        .bind(nanoseconds(now))
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed_to(WHAT))?;
        row.map(|row| user(&row)).transpose()
    }
}

/// Forgets the unused links of a user.
pub(super) async fn forget_links_of(
    tx: &mut Connection,
    holder: UserId,
    what: &'static str,
) -> Result<()> {
    sql::query("DELETE FROM login_links WHERE holder = ?")
        .bind(holder.bytes())
        .execute(tx)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}

/// Uses a link up, and returns what it grants; `None` when it was used before, has expired, or what made it has ended.
pub(super) async fn consume(
    tx: &mut Connection,
    hash: [u8; 32],
    holder: &[u8],
    now: Timestamp,
    what: &'static str,
) -> Result<Option<Linked>> {
    let row = sql::query(
        "DELETE FROM login_links WHERE hash = ?1 AND holder = ?2 AND expires > ?3 \
         AND (made_by IS NULL OR made_by IN (SELECT login FROM logins WHERE expires > ?3)) \
         AND (api_key IS NULL OR api_key IN (SELECT key FROM api_keys WHERE expires IS NULL OR expires > ?3)) \
         RETURNING api_key, ends, made_by",
    )
    .bind(hash.as_slice())
    .bind(holder)
    .bind(nanoseconds(now))
    .fetch_optional(tx)
    .await
    .map_err(failed_to(what))?;
    row.map(|row| {
        Ok(Linked {
            api_key: row.optional_text("api_key")?,
            ends: row.optional_moment("ends")?,
            made_by: row.optional_id("made_by")?,
        })
    })
    .transpose()
}
