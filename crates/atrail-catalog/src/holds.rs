//! Legal holds in the catalog.

use atrail_disk::{Result, StoreError};
use atrail_evidence::{ControlEntry, Hold};
use atrail_model::{Requester, StandingHold, Target, Timestamp, format_timestamp};

use super::Catalog;
use super::failure::{failed_to, refuse_nul};
use super::identity::must_stand;
use super::log::{self, NewEntry, level};
use super::row::{Columns, Id, nanoseconds};
use crate::domains::{DomainRow, domain_row, domains_of, guid_of};
use crate::sql::{self, Connection};

const LIST: &str = "list legal holds";

/// Refuses when a hold stands on any of these domains.
///
/// # Errors
/// `Held`, or when the catalog fails.
pub(super) async fn refuse_held(connection: &mut Connection, domains: &[DomainRow]) -> Result<()> {
    for row in domains {
        if let Some(hold) = of_domain(connection, row).await?.into_iter().next() {
            return Err(StoreError::Held(hold));
        }
    }
    Ok(())
}

impl Catalog {
    /// Returns the standing holds on these domains, the account's first.
    pub async fn holds(&self, domains: &[DomainRow]) -> Result<Vec<StandingHold>> {
        let mut connection = self.readers().acquire().await.map_err(failed_to(LIST))?;
        let mut holds = Vec::new();
        for row in domains {
            holds.extend(of_domain(&mut connection, row).await?);
        }
        Ok(holds)
    }

    /// As [`refuse_held`], of the last committed state.
    pub async fn refuse_held(&self, domains: &[DomainRow]) -> Result<()> {
        let mut connection = self.readers().acquire().await.map_err(failed_to(LIST))?;
        refuse_held(&mut connection, domains).await
    }

    /// Sets a hold on all of these domains.
    pub async fn set_hold(
        &self,
        target: Target,
        requester: Requester<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let what = "set a legal hold";
        let at_account_level = matches!(target, Target::Account(_));
        let mut tx = self.begin(what).await?;
        must_stand(requester.warrant, &mut tx).await?;
        refuse_second(&mut tx, target).await?;
        refuse_ended(&mut tx, target).await?;
        for row in domains_of(&mut tx, target).await? {
            sql::query(
                "INSERT INTO holds (domain, at_account_level, reason, actor, since) VALUES (?, ?, ?, ?, ?)",
            )
            .bind(row.number)
            .bind(at_account_level)
            .bind(requester.reason)
            .bind(requester.name)
            .bind(nanoseconds(now))
            .execute(&mut *tx)
            .await
            .map_err(failed_to(what))?;
            let entry = ControlEntry::Hold(Hold {
                time: format_timestamp(now),
                actor: requester.name.to_owned(),
                level: level(at_account_level),
                reason: requester.reason.to_owned(),
            });
            log::append(&mut tx, row.number, vec![NewEntry::Control(entry)]).await?;
        }
        tx.commit().await
    }

    /// Ends the hold on these domains; returns `false` when none stood.
    pub async fn release_hold(
        &self,
        target: Target,
        requester: Requester<'_>,
        now: Timestamp,
    ) -> Result<bool> {
        let what = "release a legal hold";
        refuse_nul(requester.reason)?;
        let at_account_level = matches!(target, Target::Account(_));
        let mut tx = self.begin(what).await?;
        must_stand(requester.warrant, &mut tx).await?;
        let mut stood = false;
        for row in domains_of(&mut tx, target).await? {
            let done = sql::query("DELETE FROM holds WHERE domain = ? AND at_account_level = ?")
                .bind(row.number)
                .bind(at_account_level)
                .execute(&mut *tx)
                .await
                .map_err(failed_to(what))?;
            if done.rows_affected() == 0 {
                continue;
            }
            stood = true;
            let entry = ControlEntry::Release(Hold {
                time: format_timestamp(now),
                actor: requester.name.to_owned(),
                level: level(at_account_level),
                reason: requester.reason.to_owned(),
            });
            log::append(&mut tx, row.number, vec![NewEntry::Control(entry)]).await?;
        }
        tx.commit().await?;
        Ok(stood)
    }
}

/// Reports whether a hold stands on a domain.
pub(super) async fn is_held(connection: &mut Connection, domain: i64) -> Result<bool> {
    let (held,): (bool,) = sql::query_as("SELECT EXISTS (SELECT 1 FROM holds WHERE domain = ?)")
        .bind(domain)
        .fetch_one(connection)
        .await
        .map_err(failed_to("look for a legal hold"))?;
    Ok(held)
}

/// Refuses a second hold of the same target.
async fn refuse_second(connection: &mut Connection, target: Target) -> Result<()> {
    let what = "set a legal hold";
    let sql = match target {
        Target::Space(_) => concat!(
            "SELECT d.domain, d.account, d.space FROM domains d JOIN holds h ON h.domain = d.domain ",
            "WHERE NOT h.at_account_level AND d.space = ? LIMIT 1"
        ),
        Target::Account(_) => concat!(
            "SELECT d.domain, d.account, d.space FROM domains d JOIN holds h ON h.domain = d.domain ",
            "WHERE h.at_account_level AND d.account = ? AND d.space IS NULL LIMIT 1"
        ),
    };
    let at_account_level = matches!(target, Target::Account(_));
    let mut standing = first_of(connection, sql, target, what).await?;
    refuse(
        standing.find(|hold| hold.at_account_level == at_account_level),
        " already: release that hold first",
    )
}

/// Refuses to end an account in which any hold stands, or a space on which one stands by itself: nobody could release it
/// afterwards. One on the account keeps the events of a space that ended.
pub(super) async fn refuse_end(connection: &mut Connection, target: Target) -> Result<()> {
    let what = "look for a legal hold";
    let sql = match target {
        Target::Space(_) => concat!(
            "SELECT d.domain, d.account, d.space FROM domains d JOIN holds h ON h.domain = d.domain ",
            "WHERE d.space = ? AND NOT h.at_account_level LIMIT 1"
        ),
        Target::Account(_) => concat!(
            "SELECT d.domain, d.account, d.space FROM domains d JOIN holds h ON h.domain = d.domain ",
            "WHERE d.account = ? ORDER BY h.at_account_level DESC, d.domain LIMIT 1"
        ),
    };
    let is_of_account = matches!(target, Target::Account(_));
    let mut standing = first_of(connection, sql, target, what).await?;
    refuse(
        standing.find(|hold| is_of_account || !hold.at_account_level),
        ": release that hold first",
    )
}

/// Returns the holds that stand on the first domain that a query for a target finds.
async fn first_of(
    connection: &mut Connection,
    sql: &'static str,
    target: Target,
    what: &'static str,
) -> Result<impl Iterator<Item = StandingHold>> {
    let row = sql::query(sql)
        .bind(guid_of(target))
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed_to(what))?;
    let holds = match row {
        Some(row) => of_domain(connection, &domain_row(&row)?).await?,
        None => Vec::new(),
    };
    Ok(holds.into_iter())
}

fn refuse(hold: Option<StandingHold>, why: &str) -> Result<()> {
    match hold {
        Some(hold) => Err(StoreError::Conflict(format!("{hold}{why}"))),
        None => Ok(()),
    }
}

/// Refuses a hold on a deleted space: nobody could release it.
async fn refuse_ended(connection: &mut Connection, target: Target) -> Result<()> {
    let Target::Space(space) = target else {
        return Ok(());
    };
    let found = sql::query("SELECT 1 FROM spaces WHERE guid = ?")
        .bind(space.bytes())
        .fetch_optional(connection)
        .await
        .map_err(failed_to("set a legal hold"))?;
    found.map(drop).ok_or_else(|| StoreError::NotFound {
        what: format!("space {space}"),
    })
}

async fn of_domain(connection: &mut Connection, row: &DomainRow) -> Result<Vec<StandingHold>> {
    let rows = sql::query(concat!(
        "SELECT h.at_account_level, h.reason, h.actor, h.since, ",
        "CASE WHEN d.space IS NULL THEN (SELECT name FROM accounts WHERE guid = d.account) ",
        "ELSE (SELECT name FROM spaces WHERE guid = d.space) END AS name ",
        "FROM holds h JOIN domains d ON d.domain = h.domain ",
        "WHERE h.domain = ? ORDER BY h.at_account_level DESC"
    ))
    .bind(row.number)
    .fetch_all(connection)
    .await
    .map_err(failed_to("list legal holds"))?;
    let hold = |found: &sql::Row| {
        Ok(StandingHold {
            domain: row.domain,
            name: found.try_get("name").map_err(failed_to("read a row"))?,
            at_account_level: found
                .try_get("at_account_level")
                .map_err(failed_to("read a row"))?,
            reason: found.text("reason")?,
            actor: found.text("actor")?,
            since: found.moment("since")?,
        })
    };
    rows.iter().map(hold).collect()
}
