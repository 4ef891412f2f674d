//! Retention in the catalog.

use std::collections::HashSet;

use atrail_disk::{Result, StoreError};
use atrail_evidence::{ControlEntry, Policy};
use atrail_model::{
    AccountId, Day, DayRange, Domain, DomainRetention, ObjectId, Requester, Retention, Scope,
    Target, Timestamp, format_timestamp,
};

use super::Catalog;
use super::failure::failed_to;
use super::identity::must_stand;
use super::in_scope::within;
use super::index_files;
use super::log::{self, NewEntry};
use super::object_rows::day_of;
use super::removed_ranges::AT_ONCE;
use super::row::{Columns, Id, nanoseconds};
use super::waste::insert_waste;
use crate::domains::{DomainRow, domain_row, guid_of};
use crate::sql::{self, Connection, Row, Statement};

const RELEASE: &str = "erase what retention deleted";

impl Catalog {
    /// Returns the retention of the target's domains, in download order. Unknown targets have none.
    pub async fn retention(&self, target: Target) -> Result<Vec<DomainRetention>> {
        let what = "read retention";
        let mut connection = self.readers().acquire().await.map_err(failed_to(what))?;
        let rows = list(&mut connection, target, what).await?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Returns the domains that have events and a retention other than for ever, each with the day of its oldest event.
    pub async fn limited(&self) -> Result<Vec<(DomainRow, Retention, Day)>> {
        let what = "read retention";
        let rows = sql::query(concat!(
            "SELECT d.domain, d.account, d.space, r.days, ",
            "(SELECT MIN(t.day) FROM hour_totals t WHERE t.domain = d.domain) AS day ",
            "FROM retention r JOIN domains d ON d.domain = r.domain ",
            "WHERE EXISTS (SELECT 1 FROM hour_totals t WHERE t.domain = d.domain) ORDER BY d.domain"
        ))
        .fetch_all(self.readers())
        .await
        .map_err(failed_to(what))?;
        rows.iter()
            .map(|row| {
                let retention = domain_retention(row)?.retention;
                Ok((domain_row(row)?, retention, day_of(row)?))
            })
            .collect()
    }

    /// Returns the accounts in which some domain has a retention other than for ever, in the order of their ids.
    pub async fn accounts_with_retention(&self) -> Result<Vec<AccountId>> {
        let rows = sql::query(concat!(
            "SELECT DISTINCT d.account FROM retention r JOIN domains d ON d.domain = r.domain ",
            "ORDER BY d.account"
        ))
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("read retention"))?;
        rows.iter().map(|row| row.id("account")).collect()
    }

    /// Sets the retention of all the target's domains at once, and returns the result. Each change is recorded.
    pub async fn set_retention(
        &self,
        target: Target,
        retention: Retention,
        requester: Requester<'_>,
        now: Timestamp,
    ) -> Result<Vec<DomainRetention>> {
        let what = "set retention";
        let mut tx = self.begin(what).await?;
        must_stand(requester.warrant, &mut tx).await?;
        let before = list(&mut tx, target, what).await?;
        let set = match (retention, target) {
            (Retention::Days(days), Target::Space(_)) => sql::query(concat!(
                "INSERT INTO retention (days, domain) SELECT ?, domain FROM domains WHERE space = ? ",
                "ON CONFLICT (domain) DO UPDATE SET days = excluded.days"
            ))
            .bind(days.get()),
            (Retention::Days(days), Target::Account(_)) => sql::query(concat!(
                "INSERT INTO retention (days, domain) SELECT ?, domain FROM domains WHERE account = ? ",
                "ON CONFLICT (domain) DO UPDATE SET days = excluded.days"
            ))
            .bind(days.get()),
            (Retention::Forever, Target::Space(_)) => sql::query(
                "DELETE FROM retention WHERE domain IN (SELECT domain FROM domains WHERE space = ?)",
            ),
            (Retention::Forever, Target::Account(_)) => sql::query(
                "DELETE FROM retention WHERE domain IN (SELECT domain FROM domains WHERE account = ?)",
            ),
        };
        set.bind(guid_of(target))
            .execute(&mut *tx)
            .await
            .map_err(failed_to(what))?;
        let rows = list(&mut tx, target, what).await?;
        let changed = before
            .iter()
            .filter(|(_, before)| before.retention != retention);
        for (number, _) in changed {
            let policy = ControlEntry::Policy(Policy {
                time: format_timestamp(now),
                actor: requester.name.to_owned(),
                retention_days: retention.number(),
            });
            log::append(&mut tx, *number, vec![NewEntry::Control(policy)]).await?;
        }
        tx.commit().await?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Reports whether there are bytes in scope that retention deleted and sessions have pinned.
    pub async fn has_retired(&self, domains: &[DomainRow], scope: &Scope) -> Result<bool> {
        let what = "look for what retention deleted";
        let mut connection = self.readers().acquire().await.map_err(failed_to(what))?;
        for domain in domains {
            let sql = concat!(
                "SELECT EXISTS (SELECT 1 FROM objects WHERE retired IS NOT NULL AND domain = ? ",
                "AND day BETWEEN ? AND ? AND hour BETWEEN ? AND ?) AS there"
            );
            let row = within(sql, domain, scope).fetch_one(&mut *connection).await;
            let there = row.map_err(failed_to(what))?.integer("there")? != 0;
            if there {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes objects from the catalog that retention has retired and no session has pinned, except those of some
    /// domains; their paths are waste from then on. Returns these paths. Many are removed in several transactions; an
    /// error leaves the paths of the earlier ones as waste.
    pub async fn release_retired(&self, but: &HashSet<Domain>) -> Result<Vec<String>> {
        let mut connection = self.readers().acquire().await.map_err(failed_to(RELEASE))?;
        let candidates = released(&mut connection, None).await?;
        drop(connection);
        let candidates: Vec<_> = candidates
            .into_iter()
            .filter(|(domain, ..)| !but.contains(domain))
            .map(|(_, object, _)| object)
            .collect();
        let mut paths = Vec::with_capacity(candidates.len());
        for chunk in candidates.chunks(AT_ONCE as usize) {
            let mut tx = self.begin(RELEASE).await?;
            // A session may have been made meanwhile.
            let gone = released(&mut tx, Some(chunk)).await?;
            let (ids, waste): (Vec<_>, Vec<_>) =
                gone.into_iter().map(|(_, id, path)| (id, path)).unzip();
            insert_waste(&mut tx, &waste).await?;
            for id in ids {
                sql::query("DELETE FROM objects WHERE object = ?")
                    .bind(Id::bytes(&id))
                    .execute(&mut *tx)
                    .await
                    .map_err(failed_to(RELEASE))?;
            }
            tx.commit().await?;
            paths.extend(waste);
        }
        Ok(paths)
    }
}

/// Returns the objects, or those of some, that retention has retired and no session has pinned, with their paths.
async fn released(
    connection: &mut Connection,
    of: Option<&[ObjectId]>,
) -> Result<Vec<(Domain, ObjectId, String)>> {
    let mut query = Statement::new(concat!(
        "SELECT o.object, o.path, d.domain, d.account, d.space FROM objects o JOIN domains d ON d.domain = o.domain ",
        "WHERE o.retired IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.account = d.account ",
        "AND s.gone IS NULL AND s.made_age <= o.retired AND o.day BETWEEN s.first_day AND s.last_day ",
        "AND o.hour BETWEEN s.first_hour AND s.last_hour)"
    ));
    if let Some(of) = of {
        query.push(" AND o.object IN (");
        let mut ids = query.separated(", ");
        for id in of {
            ids.push_bind(Id::bytes(id));
        }
        query.push(")");
    }
    let rows = query.build().fetch_all(connection).await;
    let rows = rows.map_err(failed_to(RELEASE))?;
    let each = rows.iter().map(|row| {
        let domain = domain_row(row)?.domain;
        Ok((domain, row.id("object")?, row.text("path")?))
    });
    each.collect()
}

/// Returns the retention of one domain.
pub(super) async fn of_domain(connection: &mut Connection, domain: i64) -> Result<Retention> {
    let row = sql::query(concat!(
        "SELECT d.domain, d.account, d.space, r.days FROM domains d ",
        "LEFT JOIN retention r ON r.domain = d.domain WHERE d.domain = ?"
    ))
    .bind(domain)
    .fetch_one(connection)
    .await
    .map_err(failed_to("read retention"))?;
    Ok(domain_retention(&row)?.retention)
}

/// Removes a domain's objects in scope from the archive and leaves their bytes to the sessions that have pinned them.
pub(super) async fn retire_objects(
    connection: &mut Connection,
    domain: i64,
    days: DayRange,
    age: Timestamp,
) -> Result<()> {
    let what = "delete by retention";
    sql::query(
        "UPDATE objects SET retired = ? WHERE domain = ? AND day BETWEEN ? AND ? AND retired IS NULL",
    )
    .bind(nanoseconds(age))
    .bind(domain)
    .bind(days.start().number())
    .bind(days.end().number())
    .execute(&mut *connection)
    .await
    .map_err(failed_to(what))?;
    for sql in [
        "DELETE FROM hour_totals WHERE domain = ? AND day BETWEEN ? AND ?",
        "DELETE FROM uncompacted WHERE domain = ? AND day BETWEEN ? AND ?",
    ] {
        sql::query(sql)
            .bind(domain)
            .bind(days.start().number())
            .bind(days.end().number())
            .execute(&mut *connection)
            .await
            .map_err(failed_to(what))?;
    }
    // Sessions that have pinned the events need no index.
    let days = (days.start().number().into(), days.end().number().into());
    index_files::drop_days(connection, domain, days).await?;
    Ok(())
}

async fn list(
    connection: &mut Connection,
    target: Target,
    what: &'static str,
) -> Result<Vec<(i64, DomainRetention)>> {
    let sql = match target {
        Target::Space(_) => concat!(
            "SELECT d.domain, d.account, d.space, r.days FROM domains d ",
            "LEFT JOIN retention r ON r.domain = d.domain WHERE d.space = ?"
        ),
        Target::Account(_) => concat!(
            "SELECT d.domain, d.account, d.space, r.days FROM domains d ",
            "LEFT JOIN retention r ON r.domain = d.domain WHERE d.account = ? ",
            "ORDER BY d.space IS NOT NULL, d.domain"
        ),
    };
    let rows = sql::query(sql)
        .bind(guid_of(target))
        .fetch_all(connection)
        .await
        .map_err(failed_to(what))?;
    rows.iter()
        .map(|row| Ok((domain_row(row)?.number, domain_retention(row)?)))
        .collect()
}

fn domain_retention(row: &Row) -> Result<DomainRetention> {
    let days: Option<i64> = row.try_get("days").map_err(failed_to("read a row"))?;
    let retention = days.map_or(Ok(Retention::Forever), Retention::try_from);
    Ok(DomainRetention {
        domain: domain_row(row)?.domain,
        retention: retention.map_err(|error| StoreError::Damaged {
            what: "the catalog".to_owned(),
            why: error.to_string(),
        })?,
    })
}
