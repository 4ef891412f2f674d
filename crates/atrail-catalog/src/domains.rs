//! The existing domains.

use std::collections::HashMap;

use atrail_disk::Result;
use atrail_model::{AccountId, Domain, Target};

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, Id};
use super::view::View;
use crate::sql::{self, Connection, Row};

/// A domain with its number in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainRow {
    /// Its number.
    pub number: i64,
    /// The account that owns it.
    pub account: AccountId,
    /// The domain.
    pub domain: Domain,
}

const LOOK_UP: &str = "look up domains";

impl Catalog {
    /// As [`domains_of`], of the last committed state.
    pub async fn domains_of(&self, target: Target) -> Result<Vec<DomainRow>> {
        let mut connection = self.readers().acquire().await.map_err(failed_to(LOOK_UP))?;
        domains_of(&mut connection, target).await
    }

    /// As [`all_domains`], of the last committed state.
    pub async fn all_domains(&self) -> Result<Vec<DomainRow>> {
        let mut connection = self.readers().acquire().await.map_err(failed_to(LOOK_UP))?;
        all_domains(&mut connection).await
    }

    /// Returns all domains, for lookups.
    pub async fn domain_rows(&self) -> Result<HashMap<Domain, DomainRow>> {
        let rows = self.all_domains().await?;
        Ok(rows.into_iter().map(|row| (row.domain, row)).collect())
    }
}

impl View<'_> {
    /// Returns the domains of a target in download order: the account's own first, then spaces in the order of their
    /// creation. Unknown targets have none.
    pub async fn domains_of(&mut self, target: Target) -> Result<Vec<DomainRow>> {
        domains_of(self.connection, target).await
    }

    /// Returns all domains, an account's own before those of its spaces.
    pub async fn all_domains(&mut self) -> Result<Vec<DomainRow>> {
        all_domains(self.connection).await
    }

    /// Returns the removals from the archive of a target so far.
    pub async fn removals_of(&mut self, target: Target) -> Result<Removals> {
        let sql = match target {
            Target::Space(_) => {
                "SELECT COUNT(*) AS domains, COALESCE(SUM(removals), 0) AS removals FROM domains WHERE space = ?"
            }
            Target::Account(_) => {
                "SELECT COUNT(*) AS domains, COALESCE(SUM(removals), 0) AS removals FROM domains WHERE account = ?"
            }
        };
        let row = sql::query(sql)
            .bind(guid_of(target))
            .fetch_one(&mut *self.connection)
            .await
            .map_err(failed_to(LOOK_UP))?;
        Ok(Removals {
            domains: row.unsigned("domains")?,
            removals: row.unsigned("removals")?,
        })
    }
}

/// Returns the domains of a target in download order: the account's own first, then spaces in the order of their
/// creation. Unknown targets have none.
pub(super) async fn domains_of(
    connection: &mut Connection,
    target: Target,
) -> Result<Vec<DomainRow>> {
    let sql = match target {
        Target::Space(_) => "SELECT domain, account, space FROM domains WHERE space = ?",
        Target::Account(_) => {
            "SELECT domain, account, space FROM domains WHERE account = ? ORDER BY space IS NOT NULL, domain"
        }
    };
    let rows = sql::query(sql)
        .bind(guid_of(target))
        .fetch_all(connection)
        .await
        .map_err(failed_to(LOOK_UP))?;
    rows.iter().map(domain_row).collect()
}

/// Returns all domains, an account's own before those of its spaces.
pub(super) async fn all_domains(connection: &mut Connection) -> Result<Vec<DomainRow>> {
    let rows = sql::query(
        "SELECT domain, account, space FROM domains ORDER BY account, space IS NOT NULL, domain",
    )
    .fetch_all(connection)
    .await
    .map_err(failed_to(LOOK_UP))?;
    rows.iter().map(domain_row).collect()
}

/// Identifies a target's removals so far: while it is the same, all objects that were read of the target still exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removals {
    domains: u64,
    removals: u64,
}

pub(super) fn guid_of(target: Target) -> Vec<u8> {
    match target {
        Target::Space(id) => id.bytes().to_vec(),
        Target::Account(id) => id.bytes().to_vec(),
    }
}

pub(super) fn domain_row(row: &Row) -> Result<DomainRow> {
    let account = row.id("account")?;
    let domain = row
        .optional_id("space")?
        .map_or(Domain::Account(account), Domain::Space);
    Ok(DomainRow {
        number: row.integer("domain")?,
        account,
        domain,
    })
}
