//! Accounts, organizations, spaces, and the domain of each account and space.

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, OrganizationId, SpaceId, Target, Timestamp, Warrant};

use super::changes::{Change, Changing};
use super::identity::must_stand;
use super::log::Beginning;
use super::row::{Columns, Id, nanoseconds};
use super::{Catalog, holds, names};
use crate::failure::{failed_to, taken_or_failed_to};
use crate::sql::{self, Row};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its GUID.
    pub id: AccountId,
    /// Unique on the server.
    pub name: String,
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its GUID.
    pub id: OrganizationId,
    /// The account that it belongs to.
    pub account: AccountId,
    /// Unique in its account.
    pub name: String,
}

/// A space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// Its GUID.
    pub id: SpaceId,
    /// The organization that it belongs to.
    pub organization: OrganizationId,
    /// The account of that organization.
    pub account: AccountId,
    /// Unique in its organization.
    pub name: String,
}

/// The tenancy tree.
#[derive(Debug, Clone)]
pub struct Tenancy {
    catalog: Changing,
    actor: String,
    warrant: Option<Warrant>,
}

macro_rules! select_spaces {
    ($rest:literal) => {
        concat!(
            "SELECT s.guid, s.organization, o.account, s.name FROM spaces s ",
            "JOIN organizations o ON o.guid = s.organization ",
            $rest
        )
    };
}

impl Tenancy {
    /// Returns the tenancy of a catalog, for changes that the system itself requests.
    pub const fn new(catalog: Catalog) -> Self {
        Self {
            catalog: Changing::new(catalog),
            actor: String::new(),
            warrant: None,
        }
    }

    /// Returns the same on behalf of an actor, whom the domain logs name.
    #[must_use]
    pub fn on_behalf_of(&self, actor: &str) -> Self {
        Self {
            catalog: self.catalog.clone(),
            actor: actor.to_owned(),
            warrant: self.warrant.clone(),
        }
    }

    /// Returns the same, at the request of a login: every change first verifies that the login's rights are unchanged.
    #[must_use]
    pub fn at_request_of(self, warrant: Option<Warrant>) -> Self {
        Self { warrant, ..self }
    }

    /// Begins a transaction that makes a change, and refuses it when the warrant no longer stands.
    async fn begin(&self, what: &'static str) -> Result<Change> {
        let mut tx = self.catalog.begin(what).await?;
        must_stand(self.warrant.as_ref(), &mut tx).await?;
        Ok(tx)
    }

    /// Creates an account and its domain.
    ///
    /// # Errors
    /// When the name is empty, too long, has control characters, or is taken.
    pub async fn create_account(&self, name: &str, now: Timestamp) -> Result<Account> {
        let account = Account {
            id: AccountId::generate(),
            name: names::fit("account", name)?.into_owned(),
        };
        let mut tx = self.begin("create an account").await?;
        sql::query("INSERT INTO accounts (guid, name, created) VALUES (?, ?, ?)")
            .bind(account.id.bytes())
            .bind(&account.name)
            .bind(nanoseconds(now))
            .execute(&mut *tx)
            .await
            .map_err(taken_or_failed_to("create an account", || {
                format!("there is an account '{}' already", account.name)
            }))?;
        sql::query("INSERT INTO domains (account) VALUES (?)")
            .bind(account.id.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to("create an account"))?;
        let verifier_key = self.catalog.verifier_key();
        self.beginning(&verifier_key, now)
            .account(&mut tx, account.id)
            .await?;
        tx.commit().await?;
        Ok(account)
    }

    /// Creates an organization of an account.
    ///
    /// # Errors
    /// When the account is unknown, or the name is invalid or taken in the account.
    pub async fn create_organization(
        &self,
        account: AccountId,
        name: &str,
        now: Timestamp,
    ) -> Result<Organization> {
        let organization = Organization {
            id: OrganizationId::generate(),
            account,
            name: names::fit("organization", name)?.into_owned(),
        };
        let mut tx = self.begin("create an organization").await?;
        let made = sql::query(
            "INSERT INTO organizations (guid, account, name, created) \
             SELECT ?, guid, ?, ? FROM accounts WHERE guid = ? AND deleted IS NULL",
        )
        .bind(organization.id.bytes())
        .bind(&organization.name)
        .bind(nanoseconds(now))
        .bind(account.bytes())
        .execute(&mut *tx)
        .await
        .map_err(taken_or_failed_to("create an organization", || {
            format!(
                "there is an organization '{}' in this account already",
                organization.name
            )
        }))?;
        if made.rows_affected() == 0 {
            return Err(not_found("account", account));
        }
        tx.commit().await?;
        Ok(organization)
    }

    /// Creates a space of an organization, and its domain.
    ///
    /// # Errors
    /// When the organization is unknown, or the name is invalid or taken in the organization.
    pub async fn create_space(
        &self,
        organization: OrganizationId,
        name: &str,
        now: Timestamp,
    ) -> Result<Space> {
        let name = names::fit("space", name)?;
        let mut tx = self.begin("create a space").await?;
        let parent = sql::query("SELECT account FROM organizations WHERE guid = ?")
            .bind(organization.bytes())
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed_to("create a space"))?
            .ok_or_else(|| not_found("organization", organization))?;
        let account: AccountId = parent.id("account")?;
        let space = Space {
            id: SpaceId::generate(),
            organization,
            account,
            name: name.into_owned(),
        };
        sql::query("INSERT INTO spaces (guid, organization, name, created) VALUES (?, ?, ?, ?)")
            .bind(space.id.bytes())
            .bind(organization.bytes())
            .bind(&space.name)
            .bind(nanoseconds(now))
            .execute(&mut *tx)
            .await
            .map_err(taken_or_failed_to("create a space", || {
                format!(
                    "there is a space '{}' in this organization already",
                    space.name
                )
            }))?;
        sql::query("INSERT INTO domains (account, space) VALUES (?, ?)")
            .bind(account.bytes())
            .bind(space.id.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to("create a space"))?;
        let verifier_key = self.catalog.verifier_key();
        self.beginning(&verifier_key, now)
            .space(&mut tx, space.id)
            .await?;
        tx.commit().await?;
        Ok(space)
    }

    const fn beginning<'a>(&'a self, verifier_key: &'a str, now: Timestamp) -> Beginning<'a> {
        Beginning {
            verifier_key,
            actor: self.actor.as_str(),
            now,
        }
    }

    /// Deletes an account that has no organizations, no sealed events, and no hold. Its domains stay; its name is free
    /// again.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when there are organizations, events or a legal hold, or when the catalog fails.
    pub async fn delete_account(&self, id: AccountId, now: Timestamp) -> Result<()> {
        const WHAT: &str = "delete an account";
        let mut tx = self.begin(WHAT).await?;
        let (organizations,): (i64,) =
            sql::query_as("SELECT COUNT(*) FROM organizations WHERE account = ?")
                .bind(id.bytes())
                .fetch_one(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
        if organizations > 0 {
            return Err(StoreError::Conflict(format!(
                "the account has {organizations} organizations: delete them first"
            )));
        }
        holds::refuse_end(&mut tx, Target::Account(id)).await?;
        let (has_events,): (bool,) = sql::query_as(
            "SELECT EXISTS (SELECT 1 FROM domains d JOIN current_objects o ON o.domain = d.domain WHERE d.account = ?1) \
                 OR EXISTS (SELECT 1 FROM set_aside w JOIN domains d ON d.domain = w.domain WHERE d.account = ?1)",
        )
        .bind(id.bytes())
        .fetch_one(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        if has_events {
            return Err(holds_events());
        }
        // No account can choose this name: an account's own GUID frees its earlier name.
        let deleted = sql::query(
            "UPDATE accounts SET deleted = ?, name = ? WHERE guid = ? AND deleted IS NULL",
        )
        .bind(nanoseconds(now))
        .bind(id.to_string())
        .bind(id.bytes())
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        if deleted.rows_affected() == 0 {
            return Err(not_found("account", id));
        }
        for sql in [
            "DELETE FROM roles WHERE account = ?",
            "DELETE FROM invitations WHERE account = ?",
            "DELETE FROM account_uses WHERE account = ?",
            "DELETE FROM api_keys WHERE bound AND account = ?",
            "DELETE FROM ingest_keys WHERE account = ?",
            "DELETE FROM sessions WHERE account = ?",
        ] {
            sql::query(sql)
                .bind(id.bytes())
                .execute(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
        }
        tx.commit().await
    }

    /// Deletes an organization that has no spaces.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when there are spaces, or when the catalog fails.
    pub async fn delete_organization(&self, id: OrganizationId) -> Result<()> {
        const WHAT: &str = "delete an organization";
        let mut tx = self.begin(WHAT).await?;
        let (spaces,): (i64,) = sql::query_as("SELECT COUNT(*) FROM spaces WHERE organization = ?")
            .bind(id.bytes())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        if spaces > 0 {
            return Err(StoreError::Conflict(format!(
                "the organization has {spaces} spaces: delete them first"
            )));
        }
        let deleted = sql::query("DELETE FROM organizations WHERE guid = ?")
            .bind(id.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        if deleted.rows_affected() == 0 {
            return Err(not_found("organization", id));
        }
        tx.commit().await
    }

    /// Deletes a space with its roles, its sessions and the keys that are bound to it. Its domain stays, with its events, under the retention of the
    /// account's own domain.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` while a legal hold stands on it, or when the catalog fails.
    pub async fn delete_space(&self, id: SpaceId, now: Timestamp) -> Result<()> {
        const WHAT: &str = "delete a space";
        let mut tx = self.begin(WHAT).await?;
        holds::refuse_end(&mut tx, Target::Space(id)).await?;
        let deleted = sql::query("DELETE FROM spaces WHERE guid = ?")
            .bind(id.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        if deleted.rows_affected() == 0 {
            return Err(not_found("space", id));
        }
        let verifier_key = self.catalog.verifier_key();
        let beginning = self.beginning(&verifier_key, now);
        beginning.space_removed(&mut tx, id).await?;
        let before = beginning.policy(&mut tx, id).await?;
        for sql in [
            "DELETE FROM sessions WHERE space = ? AND NOT at_account_level",
            "DELETE FROM api_keys WHERE bound AND space = ?",
            "DELETE FROM retention WHERE domain = (SELECT domain FROM domains WHERE space = ?)",
            "INSERT INTO retention (domain, days) SELECT d.domain, r.days FROM domains d \
             JOIN domains a ON a.account = d.account AND a.space IS NULL \
             JOIN retention r ON r.domain = a.domain WHERE d.space = ?",
        ] {
            sql::query(sql)
                .bind(id.bytes())
                .execute(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
        }
        beginning.note_policy(&mut tx, id, before).await?;
        tx.commit().await
    }

    /// Returns all accounts by name.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        let rows =
            sql::query("SELECT guid, name FROM accounts WHERE deleted IS NULL ORDER BY name")
                .fetch_all(self.catalog.readers())
                .await
                .map_err(failed_to("list accounts"))?;
        rows.iter().map(account).collect()
    }

    /// Returns all organizations by name.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn organizations(&self) -> Result<Vec<Organization>> {
        let rows = sql::query("SELECT guid, account, name FROM organizations ORDER BY name")
            .fetch_all(self.catalog.readers())
            .await
            .map_err(failed_to("list organizations"))?;
        rows.iter().map(organization).collect()
    }

    /// Returns all spaces by name.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn spaces(&self) -> Result<Vec<Space>> {
        let rows = sql::query(select_spaces!("ORDER BY s.name"))
            .fetch_all(self.catalog.readers())
            .await
            .map_err(failed_to("list spaces"))?;
        rows.iter().map(space).collect()
    }

    /// Returns the only space of an account with this name; `None` when there is none, or when several organizations of
    /// the account have one.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn only_space_called(
        &self,
        account: AccountId,
        name: &str,
    ) -> Result<Option<SpaceId>> {
        if !sql::is_storable(name) {
            return Ok(None);
        }
        let rows = sql::query(select_spaces!("WHERE o.account = ? AND s.name = ? LIMIT 2"))
            .bind(account.bytes())
            .bind(name)
            .fetch_all(self.catalog.readers())
            .await
            .map_err(failed_to("look up a space"))?;
        match &rows[..] {
            [row] => Ok(Some(space(row)?.id)),
            _ => Ok(None),
        }
    }

    /// Returns one account.
    ///
    /// # Errors
    /// `NotFound`, or when the catalog fails.
    pub async fn account(&self, id: AccountId) -> Result<Account> {
        let row = sql::query("SELECT guid, name FROM accounts WHERE guid = ? AND deleted IS NULL")
            .bind(id.bytes())
            .fetch_optional(self.catalog.readers())
            .await
            .map_err(failed_to("look up an account"))?;
        row.as_ref()
            .map(account)
            .transpose()?
            .ok_or_else(|| not_found("account", id))
    }

    /// Returns one organization.
    ///
    /// # Errors
    /// `NotFound`, or when the catalog fails.
    pub async fn organization(&self, id: OrganizationId) -> Result<Organization> {
        let row = sql::query("SELECT guid, account, name FROM organizations WHERE guid = ?")
            .bind(id.bytes())
            .fetch_optional(self.catalog.readers())
            .await
            .map_err(failed_to("look up an organization"))?;
        row.as_ref()
            .map(organization)
            .transpose()?
            .ok_or_else(|| not_found("organization", id))
    }

    /// Returns one space.
    ///
    /// # Errors
    /// `NotFound`, or when the catalog fails.
    pub async fn space(&self, id: SpaceId) -> Result<Space> {
        let row = sql::query(select_spaces!("WHERE s.guid = ?"))
            .bind(id.bytes())
            .fetch_optional(self.catalog.readers())
            .await
            .map_err(failed_to("look up a space"))?;
        row.as_ref()
            .map(space)
            .transpose()?
            .ok_or_else(|| not_found("space", id))
    }
}

fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        id: row.id("guid")?,
        name: row.text("name")?,
    })
}

fn organization(row: &Row) -> Result<Organization> {
    Ok(Organization {
        id: row.id("guid")?,
        account: row.id("account")?,
        name: row.text("name")?,
    })
}

fn space(row: &Row) -> Result<Space> {
    Ok(Space {
        id: row.id("guid")?,
        organization: row.id("organization")?,
        account: row.id("account")?,
        name: row.text("name")?,
    })
}

fn not_found(what: &str, id: impl std::fmt::Display) -> StoreError {
    StoreError::NotFound {
        what: format!("{what} {id}"),
    }
}

/// Returns the reason why an account with events cannot be deleted.
pub fn holds_events() -> StoreError {
    StoreError::Conflict(
        "the account holds events, at least those that record actions in it: you can delete it once retention has deleted \
         them all"
            .to_owned(),
    )
}
