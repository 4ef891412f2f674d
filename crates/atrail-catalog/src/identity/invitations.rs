//! Invitations: roles offered to a user who holds none in the account. Nobody holds such a role before it is accepted.
//!
//! An invitation is by name. The inviter sees the same row, for the same time, whether the name is a user's, nobody's,
//! or that of a user who was deleted or who declined.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, HeldRole, ParseIdError, SpaceId, Timestamp, User, UserId};
use uuid::Uuid;

use super::Identity;
use super::columns::{held_role, user};
use super::role_rows;
use super::users::{called, fit_name};
use crate::failure::failed_to;
use crate::names;
use crate::row::{Columns, Id, nanoseconds};
use crate::sql::{self, Connection, Row};

/// How long an invitation can be accepted.
const OPEN_FOR: Duration = Duration::from_secs(14 * 86_400);
/// Open invitations that an account may have.
const MAX_OF_AN_ACCOUNT: i64 = 1000;

/// The id of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InvitationId(Uuid);

impl Id for InvitationId {
    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for InvitationId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError)
    }
}

/// An offered role that is not accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The invited name; there may be no such user.
    pub user_name: String,
    /// The offered role, and its place.
    pub role: HeldRole,
    /// The account of the role.
    pub account: AccountId,
    /// That account's name.
    pub account_name: String,
    /// When it was created or renewed.
    pub created: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
}

/// Who answers an invitation.
#[derive(Debug, Clone, Copy)]
pub enum Answerer<'a> {
    /// The user who may be the invitee.
    Invitee(&'a User),
    /// The server's operator, for the invited user.
    Operator,
}

/// A role that is being offered.
pub(super) struct Offer<'a> {
    pub(super) name: &'a str,
    /// The user who has the name now.
    pub(super) invitee: Option<UserId>,
    pub(super) role: HeldRole,
    /// The account of the role.
    pub(super) account: AccountId,
    /// The account's owner who offers the role.
    pub(super) inviter: UserId,
}

/// The basis of an invitation: its inviter still owns the account.
macro_rules! inviter_owns {
    () => {
        "EXISTS (SELECT 1 FROM roles w WHERE w.holder = i.inviter AND w.account = i.account \
         AND w.space IS NULL AND w.role = 'owner')"
    };
}

/// The columns that every list shows of an invitation. No list has a limit of its own, beyond which one account's
/// invitations would hide those of others: the limit of each account bounds them all.
macro_rules! select_invitations {
    ($rest:literal) => {
        concat!(
            "SELECT i.invitation, i.name, i.role, i.account, i.space, i.created, i.expires, a.name AS account_name ",
            "FROM invitations i JOIN accounts a ON a.guid = i.account WHERE i.expires > ? AND ",
            inviter_owns!(),
            " AND ",
            $rest,
            " ORDER BY i.created, i.invitation"
        )
    };
}

impl Identity {
    /// Returns the open invitations of a user that the user has not declined.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn invitations_of(&self, user: &User, now: Timestamp) -> Result<Vec<Invitation>> {
        let sql = select_invitations!(
            "NOT i.declined AND (i.invitee = ? OR (i.invitee IS NULL AND i.name = ?))"
        );
        let query = sql::query(sql)
            .bind(nanoseconds(now))
            .bind(user.id.bytes())
            .bind(names::canonical(&user.name).as_ref());
        self.listed(query).await
    }

    /// Returns the open invitations into an account.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn invitations_into(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Vec<Invitation>> {
        let query = sql::query(select_invitations!("i.account = ?"))
            .bind(nanoseconds(now))
            .bind(account.bytes());
        self.listed(query).await
    }

    /// Returns all open invitations.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn all_invitations(&self, now: Timestamp) -> Result<Vec<Invitation>> {
        let query = sql::query(select_invitations!("TRUE")).bind(nanoseconds(now));
        self.listed(query).await
    }

    async fn listed(&self, query: sql::Query) -> Result<Vec<Invitation>> {
        let rows = query
            .fetch_all(self.catalog.readers())
            .await
            .map_err(failed_to("list invitations"))?;
        rows.iter().map(invitation).collect()
    }

    /// Accepts an invitation: from then on the invited user holds the role. Returns that user.
    ///
    /// # Errors
    /// `NotFound` when there is no invitation that the answerer may accept; `Conflict` when the operator accepts for a
    /// name that no user has or for a user who is gone; or when the catalog fails.
    pub async fn accept_invitation(
        &self,
        id: InvitationId,
        answerer: Answerer<'_>,
        now: Timestamp,
    ) -> Result<(User, Invitation)> {
        const WHAT: &str = "accept an invitation";
        let mut tx = self.begin(WHAT).await?;
        let (found, addressee) = open(&mut tx, id, now, WHAT).await?;
        let user = match answerer {
            Answerer::Invitee(user) if addressee.is(user) => user.clone(),
            Answerer::Invitee(_) => return Err(unknown()),
            Answerer::Operator => {
                let name = &found.user_name;
                let (invited, lack) = match addressee.invitee {
                    // Another user may have the name by now; that user was not invited.
                    Some(id) => (
                        of_id(&mut tx, id, WHAT).await?,
                        format!(
                            "the user who was invited as '{name}' is gone: withdraw it and invite again"
                        ),
                    ),
                    None => (
                        called(&mut tx, name, WHAT).await?,
                        format!("no user is called '{name}' who could accept it"),
                    ),
                };
                invited.ok_or(StoreError::Conflict(lack))?
            }
        };
        // A user who joins an account uses it from now on, and still uses the others; a user whom the operator adds
        // need not use it.
        if matches!(answerer, Answerer::Invitee(_)) {
            role_rows::insert_first_uses(&mut tx, user.id, WHAT).await?;
            role_rows::insert_use(&mut tx, user.id, found.account, WHAT).await?;
        }
        role_rows::insert(&mut tx, user.id, found.role, false, WHAT).await?;
        delete(&mut tx, id, WHAT).await?;
        tx.commit().await?;
        Ok((user, found))
    }

    /// Declines an invitation of this user. The inviter sees nothing of this.
    ///
    /// # Errors
    /// `NotFound` when the user has no such invitation, or when the catalog fails.
    pub async fn decline_invitation(
        &self,
        id: InvitationId,
        user: &User,
        now: Timestamp,
    ) -> Result<Invitation> {
        const WHAT: &str = "decline an invitation";
        let mut tx = self.begin(WHAT).await?;
        let (found, addressee) = open(&mut tx, id, now, WHAT).await?;
        if !addressee.is(user) {
            return Err(unknown());
        }
        sql::query("UPDATE invitations SET declined = TRUE WHERE invitation = ?")
            .bind(id.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        tx.commit().await?;
        Ok(found)
    }

    /// Withdraws an invitation; one into this account, if one is given.
    ///
    /// # Errors
    /// `NotFound` when there is none, or when the catalog fails.
    pub async fn withdraw_invitation(
        &self,
        id: InvitationId,
        account: Option<AccountId>,
        now: Timestamp,
    ) -> Result<Invitation> {
        const WHAT: &str = "withdraw an invitation";
        let mut tx = self.begin(WHAT).await?;
        let (found, _) = open(&mut tx, id, now, WHAT).await?;
        if account.is_some_and(|account| account != found.account) {
            return Err(unknown());
        }
        delete(&mut tx, id, WHAT).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Returns the account of an open invitation; `None` when there is no such invitation.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn account_of_invitation(
        &self,
        id: InvitationId,
        now: Timestamp,
    ) -> Result<Option<AccountId>> {
        let row =
            sql::query("SELECT account FROM invitations WHERE invitation = ? AND expires > ?")
                .bind(id.bytes())
                .bind(nanoseconds(now))
                .fetch_optional(self.catalog.readers())
                .await
                .map_err(failed_to("look up an invitation"))?;
        row.map(|row| row.id("account")).transpose()
    }

    /// Deletes the invitations that expired at or before this date.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn forget_invitations(&self, expired_by: Timestamp) -> Result<()> {
        const WHAT: &str = "delete expired invitations";
        let mut tx = self.catalog.begin(WHAT).await?;
        sql::query("DELETE FROM invitations WHERE expires <= ?")
            .bind(nanoseconds(expired_by))
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        tx.commit().await
    }
}

/// Offers a role to a name. The same statements run whether or not there is such a user.
pub(super) async fn offer(
    connection: &mut Connection,
    offer: Offer<'_>,
    now: Timestamp,
    what: &'static str,
) -> Result<Invitation> {
    let Offer {
        name,
        invitee,
        role,
        account,
        inviter,
    } = offer;
    let name = fit_name(name)?;
    let invitee = invitee.as_ref().map(Id::bytes);
    let expires = nanoseconds(now.checked_add(OPEN_FOR).unwrap_or(Timestamp::MAX));
    let space = space_of(&role);
    let again = sql::query(
        "UPDATE invitations SET invitee = ?, inviter = ?, created = ?, expires = ?, declined = FALSE \
         WHERE account = ? AND space IS NOT DISTINCT FROM ? AND name = ? AND role = ? RETURNING invitation",
    )
    .bind(invitee)
    .bind(inviter.bytes())
    .bind(nanoseconds(now))
    .bind(expires)
    .bind(account.bytes())
    .bind(space.as_ref().map(Id::bytes))
    .bind(name.as_ref())
    .bind(role.word())
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed_to(what))?;
    if let Some(row) = again {
        let (again, _) = open(connection, row.id("invitation")?, now, what).await?;
        return Ok(again);
    }
    let (already,): (i64,) =
        sql::query_as("SELECT COUNT(*) FROM invitations WHERE account = ? AND expires > ?")
            .bind(account.bytes())
            .bind(nanoseconds(now))
            .fetch_one(&mut *connection)
            .await
            .map_err(failed_to(what))?;
    if already >= MAX_OF_AN_ACCOUNT {
        return Err(StoreError::Conflict(format!(
            "the account has {MAX_OF_AN_ACCOUNT} open invitations: withdraw some first"
        )));
    }
    let id = InvitationId(Uuid::new_v4());
    sql::query(
        "INSERT INTO invitations (invitation, name, invitee, inviter, role, account, space, created, expires, declined) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE)",
    )
    .bind(id.bytes())
    .bind(name.as_ref())
    .bind(invitee)
    .bind(inviter.bytes())
    .bind(role.word())
    .bind(account.bytes())
    .bind(space.as_ref().map(Id::bytes))
    .bind(nanoseconds(now))
    .bind(expires)
    .execute(&mut *connection)
    .await
    .map_err(failed_to(what))?;
    let (made, _) = open(connection, id, now, what).await?;
    Ok(made)
}

/// Deletes the invitations of a name to a role; returns how many there were.
pub(super) async fn delete_offers(
    connection: &mut Connection,
    name: &str,
    role: HeldRole,
    now: Timestamp,
    what: &'static str,
) -> Result<u64> {
    let (sql, place) = match &role {
        HeldRole::Account(account, _) => (
            "DELETE FROM invitations WHERE account = ? AND space IS NULL AND name = ? AND role = ? AND expires > ?",
            account.bytes(),
        ),
        HeldRole::Space(space, _) => (
            "DELETE FROM invitations WHERE space = ? AND name = ? AND role = ? AND expires > ?",
            space.bytes(),
        ),
    };
    let done = sql::query(sql)
        .bind(place)
        .bind(names::canonical(name).as_ref())
        .bind(role.word())
        .bind(nanoseconds(now))
        .execute(connection)
        .await
        .map_err(failed_to(what))?;
    Ok(done.rows_affected())
}

/// The addressee of an invitation.
struct Addressee {
    name: String,
    invitee: Option<UserId>,
    has_declined: bool,
}

impl Addressee {
    fn is(&self, user: &User) -> bool {
        let is_invited = match self.invitee {
            Some(id) => id == user.id,
            None => names::canonical(&user.name) == self.name,
        };
        is_invited && !self.has_declined
    }
}

async fn open(
    connection: &mut Connection,
    id: InvitationId,
    now: Timestamp,
    what: &'static str,
) -> Result<(Invitation, Addressee)> {
    let row = sql::query(concat!(
        "SELECT i.invitation, i.name, i.role, i.account, i.space, i.created, i.expires, a.name AS account_name, ",
        "i.invitee, i.declined FROM invitations i JOIN accounts a ON a.guid = i.account ",
        "WHERE i.expires > ? AND i.invitation = ? AND ",
        inviter_owns!()
    ))
    .bind(nanoseconds(now))
    .bind(id.bytes())
    .fetch_optional(connection)
    .await
    .map_err(failed_to(what))?
    .ok_or_else(unknown)?;
    let found = invitation(&row)?;
    let addressee = Addressee {
        name: found.user_name.clone(),
        invitee: row.optional_id("invitee")?,
        has_declined: row.integer("declined")? != 0,
    };
    Ok((found, addressee))
}

async fn of_id(
    connection: &mut Connection,
    id: UserId,
    what: &'static str,
) -> Result<Option<User>> {
    let row = sql::query("SELECT guid, name, operator FROM users WHERE guid = ?")
        .bind(id.bytes())
        .fetch_optional(connection)
        .await
        .map_err(failed_to(what))?;
    row.as_ref().map(user).transpose()
}

async fn delete(connection: &mut Connection, id: InvitationId, what: &'static str) -> Result<()> {
    sql::query("DELETE FROM invitations WHERE invitation = ?")
        .bind(id.bytes())
        .execute(connection)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}

fn invitation(row: &Row) -> Result<Invitation> {
    let (role, account) = held_role(row)?;
    Ok(Invitation {
        id: row.id("invitation")?,
        user_name: row.text("name")?,
        role,
        account,
        account_name: row.text("account_name")?,
        created: row.moment("created")?,
        expires: row.moment("expires")?,
    })
}

const fn space_of(role: &HeldRole) -> Option<SpaceId> {
    match role {
        HeldRole::Account(..) => None,
        HeldRole::Space(space, _) => Some(*space),
    }
}

fn unknown() -> StoreError {
    StoreError::NotFound {
        what: "invitation".to_owned(),
    }
}
