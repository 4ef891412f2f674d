//! Who holds which role.

use atrail_model::{AccountId, SpaceId, Timestamp, UserId};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::Identity;
use super::api_keys;
use super::invitations::{self, Invitation, Offer};
use super::roles::{AccountRole, HeldRole, SpaceRole};
use super::users::{User, called};
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
        let (account, _) = place_of(&mut tx, &role, WHAT).await?;
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
                let is_new = insert(&mut tx, user.id, role, false, WHAT).await?;
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
        tx.commit().await.map_err(failed_to(WHAT))?;
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
                forget_uses(&mut tx, user.id, WHAT).await?;
                Revoked::Role(user)
            }
            _ if offers > 0 => Revoked::Offer,
            _ => {
                return Err(StoreError::NotFound {
                    what: "role".to_owned(),
                });
            }
        };
        tx.commit().await.map_err(failed_to(WHAT))?;
        Ok(revoked)
    }

    /// Notes that a user uses an account; `false` when that was known, or when there is no such user or account.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn note_account_use(&self, user: UserId, account: AccountId) -> Result<bool> {
        const WHAT: &str = "note that an account is used";
        let mut tx = self.catalog.begin(WHAT).await?;
        let is_new = insert_use(&mut tx, user, account, WHAT).await?;
        tx.commit().await.map_err(failed_to(WHAT))?;
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

/// Gives a role within a transaction; `false` when it was given before in the same way.
pub(super) async fn insert(
    tx: &mut SqliteConnection,
    user: UserId,
    role: HeldRole,
    claimed: bool,
    what: &'static str,
) -> Result<bool> {
    let (account, space) = place_of(tx, &role, what).await?;
    if !claimed {
        api_keys::settle(tx, user, account, space, what).await?;
    }
    let done = sqlx::query(
        "INSERT INTO roles (holder, role, account, space, claimed) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(user.bytes())
    .bind(role.word())
    .bind(account.bytes())
    .bind(space.as_ref().map(Id::bytes))
    .bind(claimed)
    .execute(&mut *tx)
    .await
    .map_err(failed_to(what))?;
    Ok(done.rows_affected() > 0)
}

/// The account that a role lies in, and its space; `NotFound` when they are not there.
async fn place_of(
    connection: &mut SqliteConnection,
    role: &HeldRole,
    what: &'static str,
) -> Result<(AccountId, Option<SpaceId>)> {
    let (exists, place, kind) = match role {
        HeldRole::Account(account, _) => (
            "SELECT guid AS account, NULL AS space FROM accounts WHERE guid = ? AND deleted IS NULL",
            account.bytes(),
            "account",
        ),
        HeldRole::Space(space, _) => (
            "SELECT o.account, s.guid AS space FROM spaces s JOIN organizations o ON o.guid = s.organization \
             WHERE s.guid = ?",
            space.bytes(),
            "space",
        ),
    };
    let found = sqlx::query(exists)
        .bind(place)
        .fetch_optional(connection)
        .await
        .map_err(failed_to(what))?
        .ok_or_else(|| StoreError::NotFound {
            what: kind.to_owned(),
        })?;
    Ok((found.id("account")?, found.optional_id("space")?))
}

/// Notes that a user uses an account; `false` when that was known, or when there is no such user or account.
pub(super) async fn insert_use(
    connection: &mut SqliteConnection,
    user: UserId,
    account: AccountId,
    what: &'static str,
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO account_uses (holder, account) SELECT u.guid, a.guid FROM users u, accounts a \
         WHERE u.guid = ? AND a.guid = ? AND a.deleted IS NULL ON CONFLICT DO NOTHING",
    )
    .bind(user.bytes())
    .bind(account.bytes())
    .execute(connection)
    .await
    .map_err(failed_to(what))?;
    Ok(done.rows_affected() > 0)
}

/// Notes that a user who has used no account yet uses each in which the user holds a role: what the user does has been on
/// record in each until now. An account in which no role is left, as after the end of its space, does not count, as it does
/// not in [`Identity::accounts_of`].
pub(super) async fn insert_first_uses(
    connection: &mut SqliteConnection,
    user: UserId,
    what: &'static str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO account_uses (holder, account) SELECT DISTINCT holder, account FROM roles \
         WHERE holder = ?1 AND NOT EXISTS ( \
             SELECT 1 FROM account_uses u JOIN roles q ON q.holder = u.holder AND q.account = u.account WHERE u.holder = ?1)",
    )
    .bind(user.bytes())
    .execute(connection)
    .await
    .map_err(failed_to(what))?;
    Ok(())
}

/// Whoever holds no role in an account any more does not use it.
async fn forget_uses(
    connection: &mut SqliteConnection,
    user: UserId,
    what: &'static str,
) -> Result<()> {
    sqlx::query(
        "DELETE FROM account_uses WHERE holder = ?1 \
         AND account NOT IN (SELECT account FROM roles WHERE holder = ?1)",
    )
    .bind(user.bytes())
    .execute(connection)
    .await
    .map_err(failed_to(what))?;
    Ok(())
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
