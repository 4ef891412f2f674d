//! Logins of browsers: each has a cookie, and ends some time after its last use.

use atrail_disk::Result;
use atrail_model::{LoginId, Timestamp};

use super::Identity;
use crate::failure::failed_to;
use crate::row::{Columns, Id, nanoseconds};
use crate::sql;

/// A login of a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrowserLogin {
    /// The login.
    pub login: LoginId,
    /// When it began.
    pub began: Timestamp,
    /// When its user last proved who they are; `None` when nobody said so.
    pub proven: Option<Timestamp>,
    /// No use carries it past this.
    pub ends: Timestamp,
}

impl Identity {
    /// Returns the login of the cookie with this SHA-256; `None` when there is none that is in force.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn browser_login(
        &self,
        cookie_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<BrowserLogin>> {
        const WHAT: &str = "look up a browser's login";
        let connection = self.catalog.readers().acquire().await;
        let mut connection = connection.map_err(failed_to(WHAT))?;
        let row = sql::query(
            "SELECT login, created, proven, cookie_ends FROM logins WHERE cookie = ? AND expires > ?",
        )
        .bind(cookie_hash.as_slice())
        .bind(nanoseconds(now))
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed_to(WHAT))?;
        row.map(|row| {
            Ok(BrowserLogin {
                login: row.id("login")?,
                began: row.moment("created")?,
                proven: row.optional_moment("proven")?,
                ends: row.moment("cookie_ends")?,
            })
        })
        .transpose()
    }

    /// Lets a browser's login that is in force live until `expires`, or until its last end if that is sooner. Never
    /// shortens it.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn keep_browser_login(
        &self,
        login: LoginId,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<()> {
        const WHAT: &str = "note the use of a browser's login";
        let mut tx = self.catalog.begin(WHAT).await?;
        sql::query(
            "UPDATE logins SET expires = MAX(expires, MIN(?1, cookie_ends)) \
             WHERE login = ?2 AND cookie IS NOT NULL AND expires > ?3",
        )
        .bind(nanoseconds(expires))
        .bind(login.bytes())
        .bind(nanoseconds(now))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        tx.commit_as_no_change().await
    }
}
