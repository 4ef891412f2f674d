//! Who holds which role.

use atrail_model::{AccountId, UserId};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::Identity;
use super::roles::{AccountRole, HeldRole, SpaceRole};
use crate::catalog::failed_to;
use crate::catalog::row::{Columns, Id};
use crate::error::{Result, StoreError};

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
    /// Whether it came of what an identity provider said.
    pub claimed: bool,
}

impl Identity {
    /// Gives a user a role; `false` when the user was given it before.
    ///
    /// # Errors
    /// `NotFound` when the place is not there, or when the catalog fails.
    pub async fn grant(&self, user: UserId, role: HeldRole) -> Result<bool> {
        const WHAT: &str = "grant a role";
        let mut tx = self.catalog.begin(WHAT).await?;
        let is_new = insert(&mut tx, user, role, false, WHAT).await?;
        tx.commit().await.map_err(failed_to(WHAT))?;
        Ok(is_new)
    }

    /// Takes a role from a user, whoever gave it; `false` when the user does not hold it.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn revoke(&self, user: UserId, role: HeldRole) -> Result<bool> {
        const WHAT: &str = "revoke a role";
        let mut tx = self.catalog.begin(WHAT).await?;
        let (sql, place) = match &role {
            HeldRole::Account(account, _) => (
                "DELETE FROM roles WHERE account = ? AND space IS NULL AND holder = ? AND role = ?",
                account.bytes(),
            ),
            HeldRole::Space(space, _) => (
                "DELETE FROM roles WHERE space = ? AND holder = ? AND role = ?",
                space.bytes(),
            ),
        };
        let done = sqlx::query(sql)
            .bind(place)
            .bind(user.bytes())
            .bind(role.word())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        tx.commit().await.map_err(failed_to(WHAT))?;
        Ok(done.rows_affected() > 0)
    }

    /// All roles that are held, by the user's name.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn grants(&self) -> Result<Vec<Grant>> {
        let rows = sqlx::query(
            "SELECT r.holder, u.name, r.role, r.account, r.space, r.claimed FROM roles r \
             JOIN users u ON u.guid = r.holder ORDER BY u.name, r.account, r.space, r.role, r.claimed",
        )
        .fetch_all(self.catalog.readers())
        .await
        .map_err(failed_to("list roles"))?;
        rows.iter().map(grant).collect()
    }

    /// Accounts in which a user holds a role, at most so many.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn accounts_of(&self, user: UserId, at_most: usize) -> Result<Vec<AccountId>> {
        let rows = sqlx::query(
            "SELECT DISTINCT account FROM roles WHERE holder = ? ORDER BY account LIMIT ?",
        )
        .bind(user.bytes())
        .bind(i64::try_from(at_most).unwrap_or(i64::MAX))
        .fetch_all(self.catalog.readers())
        .await
        .map_err(failed_to("list the accounts of a user"))?;
        rows.iter().map(|row| row.id("account")).collect()
    }
}

/// Gives a role within a transaction; `false` when it was given before in the same way.
pub(super) async fn insert(
    tx: &mut SqliteConnection,
    user: UserId,
    role: HeldRole,
    claimed: bool,
    what: &'static str,
) -> Result<bool> {
    let (exists, place, kind) = match &role {
        HeldRole::Account(account, _) => (
            "SELECT guid, NULL FROM accounts WHERE guid = ? AND deleted IS NULL",
            account.bytes(),
            "account",
        ),
        HeldRole::Space(space, _) => (
            "SELECT o.account, s.guid FROM spaces s JOIN organizations o ON o.guid = s.organization WHERE s.guid = ?",
            space.bytes(),
            "space",
        ),
    };
    let found: Option<(Vec<u8>, Option<Vec<u8>>)> = sqlx::query_as(exists)
        .bind(place)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed_to(what))?;
    let (account, space) = found.ok_or_else(|| StoreError::NotFound {
        what: kind.to_owned(),
    })?;
    let done = sqlx::query(
        "INSERT INTO roles (holder, role, account, space, claimed) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(user.bytes())
    .bind(role.word())
    .bind(account)
    .bind(space)
    .bind(claimed)
    .execute(&mut *tx)
    .await
    .map_err(failed_to(what))?;
    Ok(done.rows_affected() > 0)
}

/// The role of a row with `role`, `account` and `space`, and the account that it lies in.
pub(super) fn held_role(row: &SqliteRow) -> Result<(HeldRole, AccountId)> {
    let word = row.text("role")?;
    let account = row.id("account")?;
    let role = match row.optional_id("space")? {
        Some(space) => SpaceRole::of_word(&word).map(|role| HeldRole::Space(space, role)),
        None => AccountRole::of_word(&word).map(|role| HeldRole::Account(account, role)),
    };
    let role = role.ok_or_else(|| StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: format!("there is no role {word:?}"),
    })?;
    Ok((role, account))
}

fn grant(row: &SqliteRow) -> Result<Grant> {
    let (role, account) = held_role(row)?;
    Ok(Grant {
        user: row.id("holder")?,
        user_name: row.text("name")?,
        role,
        account,
        claimed: row.integer("claimed")? != 0,
    })
}
