//! The roles that users hold.

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, HeldRole, LoginId, Timestamp, User, UserId};

use super::Identity;
use super::columns::held_role;
use super::invitations::{self, Invitation, Offer};
use super::login_records;
use super::role_rows;
use super::users::called;
use crate::failure::failed_to;
use crate::row::{Columns, Id};
use crate::sql::{self, Row};

/// A role that a user holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The holder.
    pub user: UserId,
    /// The user's name.
    pub user_name: String,
    /// The role, and where it is held.
    pub role: HeldRole,
    /// The account of the role.
    pub account: AccountId,
    /// Whether it follows from an identity provider's claims.
    pub claimed: bool,
}

/// Who grants a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granter {
    /// The server's operator: a granted role takes effect at once.
    Operator,
    /// An owner of the account: a user without a role in the account has to accept it, while the owner is still one.
    Owner(UserId),
}

/// The result of granting a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// The user holds it from now on.
    Now(User),
    /// The user held it before.
    Before(User),
    /// The name was invited; there may be no such user.
    Offered(Invitation),
}

/// The result of revoking a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// A role of this user was revoked.
    Role(User),
    /// An invitation of the given name was withdrawn; there may be no such user.
    Offer,
}

impl Identity {
    /// Grants a role to the user with this name or GUID.
    ///
    /// # Errors
    /// `NotFound` when the place or the user does not exist; an owner learns that of a GUID only, not of a name.
    /// `Invalid` for a name that nobody can have, `Conflict` at too many invitations, or when the catalog fails.
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
            sql::query_as("SELECT EXISTS (SELECT 1 FROM roles WHERE holder = ? AND account = ?)")
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
                // A GUID identifies the user, and is known only of members of the account.
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

    /// Revokes a role of the user with this name or GUID, whoever granted it, or withdraws the name's invitation to it.
    ///
    /// # Errors
    /// `NotFound` when nobody of this name holds it and nobody of this name was invited to it, or when the catalog
    /// fails.
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
        let done = sql::query(sql)
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

    /// Notes that a user uses an account, by a request of this login, and that the login is on record there. Returns
    /// whether the caller is to record it: `false` when the account has a record of the login, when there is no such
    /// login or account, or when an API key itself came with the request. With a key that somebody else made for the
    /// user, it notes nothing: whoever may make keys for a user does not decide which accounts the user uses.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn note_account_use(
        &self,
        login: LoginId,
        user: UserId,
        account: AccountId,
    ) -> Result<bool> {
        const WHAT: &str = "note that an account is used";
        let mut tx = self.catalog.begin(WHAT).await?;
        if login_records::is_by_key_of_another_maker(&mut tx, login, WHAT).await? {
            return Ok(false);
        }
        let is_first_use = role_rows::insert_use(&mut tx, user, account, WHAT).await?;
        let is_unrecorded = login_records::insert(&mut tx, login, account, WHAT).await?;
        if is_first_use || is_unrecorded {
            tx.commit().await?;
        }
        Ok(is_unrecorded)
    }

    /// Returns all held roles, by the user's name.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn grants(&self) -> Result<Vec<Grant>> {
        let rows = sql::query(
            "SELECT r.holder, u.name, r.role, r.account, r.space, r.claimed FROM roles r \
             JOIN users u ON u.guid = r.holder ORDER BY u.name, r.account, r.space NULLS FIRST, r.role, r.claimed",
        )
        .fetch_all(self.catalog.readers())
        .await
        .map_err(failed_to("list roles"))?;
        rows.iter().map(grant).collect()
    }

    /// Returns the accounts that a user holds a role in and has used, at most `at_most`; all in which the user holds
    /// one, while the user has used none of them.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn accounts_of(&self, user: UserId, at_most: usize) -> Result<Vec<AccountId>> {
        const WHAT: &str = "list the accounts of a user";
        let connection = self.catalog.readers().acquire().await;
        let mut connection = connection.map_err(failed_to(WHAT))?;
        login_records::accounts_of(&mut connection, user, at_most, WHAT).await
    }
}

fn grant(row: &Row) -> Result<Grant> {
    let (role, account) = held_role(row)?;
    Ok(Grant {
        user: row.id("holder")?,
        user_name: row.text("name")?,
        role,
        account,
        claimed: row.integer("claimed")? != 0,
    })
}
