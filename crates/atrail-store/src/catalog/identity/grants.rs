//! Who holds which role.

use atrail_model::{AccountId, HeldRole, Timestamp, User, UserId};
use sqlx::sqlite::SqliteRow;

use super::Identity;
use super::columns::held_role;
use super::invitations::{self, Invitation, Offer};
use super::role_rows;
use super::users::called;
use crate::catalog::failure::failed_to;
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

/// Who gives a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granter {
    /// The server's operator: what is given is held at once.
    Operator,
    /// An owner of the account: whoever holds no role there has to accept it, while the owner is one.
    Owner(UserId),
}

/// What became of a role that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// The user holds it now.
    Now(User),
    /// The user held it before.
    Before(User),
    /// The name was invited; there may be no such user.
    Offered(Invitation),
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// A role of this user.
    Role(User),
    /// An invitation of the name that was asked for; there may be no such user.
    Offer,
}

impl Identity {
    /// Gives a role to the user with this name or GUID.
    ///
    /// # Errors
    /// `NotFound` when the place or the user is not there; an owner learns that of a GUID alone, not of a name. `Invalid`
    /// for a name that nobody could have, `Conflict` at too many invitations, or when the catalog fails.
    pub async fn grant(
        &self,
        who: &str,
        role: HeldRole,
        granter: Granter,
        now: Timestamp,
    ) -> Result<Granted> {
        const WHAT: &str = "grant a role";
        let mut tx = self.begin(WHAT).await?;
        let (account, _) = role_rows::place_of(&mut tx, &role, WHAT).await?;
        let user = called(&mut tx, who, WHAT).await?;
        let (belongs,): (bool,) =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM roles WHERE holder = ? AND account = ?)")
                .bind(user.as_ref().map(|user| user.id.bytes()))
                .bind(account.bytes())
                .fetch_one(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
        let granted = match user {
            Some(user) if belongs || granter == Granter::Operator => {
                let is_new = role_rows::insert(&mut tx, user.id, role, false, WHAT).await?;
                invitations::delete_offers(&mut tx, &user.name, role, now, WHAT).await?;
                if is_new {
                    Granted::Now(user)
                } else {
                    Granted::Before(user)
                }
            }
            user => match granter {
                // A GUID says who is meant, and is told of nobody but those who belong to the account.
                Granter::Owner(inviter) if who.parse::<UserId>().is_err() => {
                    let offer = Offer {
                        name: who,
                        invitee: user.map(|user| user.id),
                        role,
                        account,
                        inviter,
                    };
                    Granted::Offered(invitations::offer(&mut tx, offer, now, WHAT).await?)
                }
                _ => {
                    return Err(StoreError::NotFound {
                        what: "user".to_owned(),
                    });
                }
            },
        };
        tx.commit().await?;
        Ok(granted)
    }

    /// Takes a role from the user with this name or GUID, whoever gave it, or takes back that it was offered to the name.
    ///
    /// # Errors
    /// `NotFound` when nobody of this name holds it and nobody of this name was invited to it, or when the catalog fails.
    pub async fn revoke(&self, who: &str, role: HeldRole, now: Timestamp) -> Result<Revoked> {
        const WHAT: &str = "revoke a role";
        let mut tx = self.begin(WHAT).await?;
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
        let user = called(&mut tx, who, WHAT).await?;
        let done = sqlx::query(sql)
            .bind(place)
            .bind(user.as_ref().map(|user| user.id.bytes()))
            .bind(role.word())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        let offers = invitations::delete_offers(&mut tx, who, role, now, WHAT).await?;
        let revoked = match user {
            Some(user) if done.rows_affected() > 0 => {
                role_rows::forget_uses(&mut tx, user.id, WHAT).await?;
                Revoked::Role(user)
            }
            _ if offers > 0 => Revoked::Offer,
            _ => {
                return Err(StoreError::NotFound {
                    what: "role".to_owned(),
                });
            }
        };
        tx.commit().await?;
        Ok(revoked)
    }

    /// Notes that a user uses an account; `false` when that was known, or when there is no such user or account.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn note_account_use(&self, user: UserId, account: AccountId) -> Result<bool> {
        const WHAT: &str = "note that an account is used";
        let mut tx = self.catalog.begin(WHAT).await?;
        let is_new = role_rows::insert_use(&mut tx, user, account, WHAT).await?;
        if is_new {
            tx.commit().await?;
        }
        Ok(is_new)
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

    /// The accounts that a user holds a role in and has used, at most so many; all in which the user holds one, while the
    /// user has used none of them.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn accounts_of(&self, user: UserId, at_most: usize) -> Result<Vec<AccountId>> {
        let rows = sqlx::query(
            "SELECT DISTINCT r.account FROM roles r WHERE r.holder = ?1 AND ( \
                 EXISTS (SELECT 1 FROM account_uses u WHERE u.holder = ?1 AND u.account = r.account) \
                 OR NOT EXISTS (SELECT 1 FROM account_uses u JOIN roles q ON q.holder = u.holder AND q.account = u.account \
                                WHERE u.holder = ?1)) \
             ORDER BY r.account LIMIT ?2",
        )
        .bind(user.bytes())
        .bind(i64::try_from(at_most).unwrap_or(i64::MAX))
        .fetch_all(self.catalog.readers())
        .await
        .map_err(failed_to("list the accounts of a user"))?;
        rows.iter().map(|row| row.id("account")).collect()
    }
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
