//! The logins of one user, which the user sees and ends.

use atrail_disk::Result;
use atrail_model::{LoginId, Timestamp, UserId};

use super::Identity;
use super::login_links::forget_links_of;
use super::logins::{EndedLogin, end, stand_alone};
use crate::failure::failed_to;
use crate::row::{Columns, Id, nanoseconds};
use crate::sql;

/// A login in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLogin {
    /// The login.
    pub login: LoginId,
    /// When it began.
    pub began: Timestamp,
    /// When it ends unless it is refreshed or used.
    pub expires: Timestamp,
    /// Whether a browser has it.
    pub is_browser: bool,
    /// Whether an identity provider began it.
    pub is_external: bool,
    /// The public part of the API key that began it, if one did.
    pub api_key: Option<String>,
}

impl Identity {
    /// Returns the user's logins in force, the newest first.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn logins_of(&self, user: UserId, now: Timestamp) -> Result<Vec<OwnLogin>> {
        const WHAT: &str = "list a user's logins";
        let connection = self.catalog.readers().acquire().await;
        let mut connection = connection.map_err(failed_to(WHAT))?;
        let rows = sql::query(
            "SELECT l.login, l.created, l.expires, l.cookie IS NOT NULL AS is_browser, l.ends IS NOT NULL AS is_external, \
                    l.api_key \
             FROM logins l LEFT JOIN api_keys k ON k.key = l.api_key \
             WHERE l.holder = ?1 AND l.expires > ?2 AND (k.expires IS NULL OR k.expires > ?2) \
             ORDER BY l.created DESC, l.login",
        )
        .bind(user.bytes())
        .bind(nanoseconds(now))
        .fetch_all(&mut *connection)
        .await
        .map_err(failed_to(WHAT))?;
        let logins = rows.iter().map(|row| {
            Ok(OwnLogin {
                login: row.id("login")?,
                began: row.moment("created")?,
                expires: row.moment("expires")?,
                is_browser: row.integer("is_browser")? != 0,
                is_external: row.integer("is_external")? != 0,
                api_key: row.optional_text("api_key")?,
            })
        });
        logins.collect()
    }

    /// Ends a login of the user; returns it, unless the user has no such login.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn end_own_login(&self, user: UserId, login: LoginId) -> Result<Option<EndedLogin>> {
        const WHAT: &str = "end a login";
        let mut tx = self.begin(WHAT).await?;
        let own = sql::query("SELECT 1 FROM logins WHERE login = ? AND holder = ?")
            .bind(login.bytes())
            .bind(user.bytes())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        if own.is_none() {
            return Ok(None);
        }
        let ended = end(&mut tx, login, WHAT).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// Ends the user's logins but this one, and returns them.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn end_other_logins(&self, user: UserId, keep: LoginId) -> Result<Vec<EndedLogin>> {
        const WHAT: &str = "end a user's other logins";
        let mut tx = self.begin(WHAT).await?;
        stand_alone(&mut tx, keep, WHAT).await?;
        let rows = sql::query("SELECT login FROM logins WHERE holder = ? AND login <> ?")
            .bind(user.bytes())
            .bind(keep.bytes())
            .fetch_all(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        let mut all = Vec::new();
        for row in &rows {
            all.extend(end(&mut tx, row.id("login")?, WHAT).await?);
        }
        forget_links_of(&mut tx, user, WHAT).await?;
        tx.commit().await?;
        Ok(all)
    }
}
