//! Roles: owner of an account, developer of a space.

use atrail_model::{AccountId, SpaceId, UserId};
use sqlx::sqlite::SqliteRow;

use super::Identity;
use crate::catalog::failed_to;
use crate::catalog::row::{Columns, Id};
use crate::error::Result;

/// A role together with where it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldRole {
    /// Of an account and all that is in it.
    Owner(AccountId),
    /// Of a space.
    Developer(SpaceId),
}

/// A role that a user holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who holds it.
    pub user: UserId,
    /// The user's name.
    pub user_name: String,
    /// What is held, and where.
    pub role: HeldRole,
    /// The account that it lies in.
    pub account: AccountId,
}

impl Identity {
    /// Gives a user a role; `false` when the user holds it already.
    ///
    /// # Errors
    /// When the place is unknown, or the catalog fails.
    pub async fn grant(&self, user: UserId, role: HeldRole) -> Result<bool> {
        let (sql, place) = match &role {
            HeldRole::Owner(account) => (
                "INSERT INTO owners (account, holder) VALUES (?, ?) ON CONFLICT DO NOTHING",
                account.bytes(),
            ),
            HeldRole::Developer(space) => (
                "INSERT INTO developers (space, holder) VALUES (?, ?) ON CONFLICT DO NOTHING",
                space.bytes(),
            ),
        };
        self.change_grant("grant a role", sql, place, user).await
    }

    /// Takes a role from a user; `false` when the user does not hold it.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn revoke(&self, user: UserId, role: HeldRole) -> Result<bool> {
        let (sql, place) = match &role {
            HeldRole::Owner(account) => (
                "DELETE FROM owners WHERE account = ? AND holder = ?",
                account.bytes(),
            ),
            HeldRole::Developer(space) => (
                "DELETE FROM developers WHERE space = ? AND holder = ?",
                space.bytes(),
            ),
        };
        self.change_grant("revoke a role", sql, place, user).await
    }

    /// All roles that are held, by the user's name.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn grants(&self) -> Result<Vec<Grant>> {
        let rows = sqlx::query(
            "SELECT u.guid AS holder, u.name, w.account AS account, NULL AS space \
             FROM owners w JOIN users u ON u.guid = w.holder \
             UNION ALL \
             SELECT u.guid, u.name, o.account, d.space \
             FROM developers d JOIN users u ON u.guid = d.holder \
             JOIN spaces s ON s.guid = d.space JOIN organizations o ON o.guid = s.organization \
             ORDER BY 2, 3, 4",
        )
        .fetch_all(self.catalog.readers())
        .await
        .map_err(failed_to("list roles"))?;
        rows.iter().map(grant).collect()
    }

    async fn change_grant(
        &self,
        what: &'static str,
        sql: &'static str,
        place: &[u8],
        user: UserId,
    ) -> Result<bool> {
        let mut tx = self.catalog.begin(what).await?;
        let changed = sqlx::query(sql)
            .bind(place)
            .bind(user.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(what))?;
        tx.commit().await.map_err(failed_to(what))?;
        Ok(changed.rows_affected() > 0)
    }
}

fn grant(row: &SqliteRow) -> Result<Grant> {
    let account = row.id("account")?;
    let space = row.optional_id("space")?;
    Ok(Grant {
        user: row.id("holder")?,
        user_name: row.text("name")?,
        role: space.map_or(HeldRole::Owner(account), HeldRole::Developer),
        account,
    })
}
