//! Removes very many objects: one small transaction decides, and their rows go part by part afterwards.
//!
//! From the decision on, nobody who reads the archive sees any of them (`current_objects`, [`super::archive`]). A domain
//! has at most one such range. Whoever decides has claimed the domain and keeps the claim until all rows are gone; after
//! a failure, and after a crash, whoever adds objects to the domain first removes the rest, in transactions of their own.

use atrail_model::{Scope, Timestamp};

use super::Catalog;
use super::domains::{DomainRow, domain_row};
use super::failure::failed_to;
use super::index_files;
use super::row::{Columns, nanoseconds};
use crate::sql::{self, Connection, Row};
use atrail_disk::{Result, StoreError, chain};

/// Objects of one transaction, besides others of the last one's hour.
pub(super) const AT_ONCE: u32 = 256;

const WHAT: &str = "remove what was deleted";

/// The condition that no range hides a row of `objects o` for a deletion. A range of retention leaves the bytes.
macro_rules! not_in_deleted_range {
    () => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM removed_ranges r WHERE r.domain = o.domain AND r.retired IS NULL ",
            "AND o.day BETWEEN r.first_day AND r.last_day AND o.hour BETWEEN r.first_hour AND r.last_hour)"
        )
    };
}
pub(super) use not_in_deleted_range;

/// What one transaction removed.
#[derive(Debug)]
pub struct Part {
    /// The paths that are waste now.
    pub paths: Vec<String>,
}

struct Range {
    domain: i64,
    first_day: i64,
    last_day: i64,
    hours: (i64, i64),
    retired: Option<i64>,
}

impl Catalog {
    /// Removes the next part of what was decided in these domains, in a transaction of its own; returns `None` when
    /// nothing is left.
    pub async fn remove_part(&self, domains: &[DomainRow]) -> Result<Option<Part>> {
        let mut connection = self.counters().acquire().await.map_err(failed_to(WHAT))?;
        let mut found = None;
        for domain in domains {
            found = range_of(&mut connection, domain.number).await?;
            if found.is_some() {
                break;
            }
        }
        drop(connection);
        let Some(found) = found else { return Ok(None) };
        let mut tx = self.begin(WHAT).await?;
        // Somebody may have removed more of it since.
        let Some(range) = range_of(&mut tx, found.domain).await? else {
            return Ok(Some(Part { paths: Vec::new() }));
        };
        let part = range.remove_part(&mut tx).await?;
        tx.commit().await?;
        Ok(Some(part))
    }

    /// Returns the domains of which some rows are still to go.
    pub async fn being_removed(&self) -> Result<Vec<DomainRow>> {
        let rows = sql::query(concat!(
            "SELECT d.domain, d.account, d.space FROM removed_ranges r ",
            "CROSS JOIN domains d ON d.domain = r.domain"
        ))
        .fetch_all(self.counters())
        .await
        .map_err(failed_to(WHAT))?;
        rows.iter().map(domain_row).collect()
    }

    /// Removes what an earlier process has decided to remove. What cannot be removed now stays out of everybody's sight,
    /// and only its own domain waits for it: [`Self::being_removed`] still names it then.
    pub(super) async fn finish_removals(&self) -> Result<()> {
        for domain in self.being_removed().await? {
            let finished = async {
                while self.remove_part(&[domain]).await?.is_some() {}
                Ok::<_, StoreError>(())
            };
            if let Err(error) = finished.await {
                tracing::warn!(
                    domain = %domain.domain,
                    error = chain(&error),
                    "the catalog still has rows of deleted events"
                );
            }
        }
        Ok(())
    }
}

/// Decides that the objects in scope of these domains are removed: deleted, or, with an age, retired.
pub(super) async fn decide(
    connection: &mut Connection,
    domains: impl Iterator<Item = i64> + Send,
    scope: &Scope,
    retired: Option<Timestamp>,
) -> Result<()> {
    for domain in domains {
        refuse_unfinished(connection, [domain].into_iter()).await?;
        sql::query(concat!(
            "INSERT INTO removed_ranges (domain, first_day, last_day, first_hour, last_hour, retired) ",
            "VALUES (?, ?, ?, ?, ?, ?)"
        ))
        .bind(domain)
        .bind(scope.days.start().number())
        .bind(scope.days.end().number())
        .bind(scope.hours.first().number())
        .bind(scope.hours.last().number())
        .bind(retired.map(nanoseconds))
        .execute(&mut *connection)
        .await
        .map_err(failed_to(WHAT))?;
        sql::query("UPDATE domains SET removals = removals + 1 WHERE domain = ?")
            .bind(domain)
            .execute(&mut *connection)
            .await
            .map_err(failed_to(WHAT))?;
    }
    Ok(())
}

/// Refuses work in a domain that still has a range: the caller has finished it before ([`Catalog::remove_part`]), because
/// the transaction of its work would grow with it.
pub(super) async fn refuse_unfinished(
    connection: &mut Connection,
    domains: impl Iterator<Item = i64> + Send,
) -> Result<()> {
    for domain in domains {
        if range_of(connection, domain).await?.is_some() {
            return Err(StoreError::Conflict(
                "the rows of deleted events are not all removed yet".to_owned(),
            ));
        }
    }
    Ok(())
}

async fn range_of(connection: &mut Connection, domain: i64) -> Result<Option<Range>> {
    let row = sql::query("SELECT * FROM removed_ranges WHERE domain = ?")
        .bind(domain)
        .fetch_optional(connection)
        .await
        .map_err(failed_to(WHAT))?;
    row.as_ref().map(range).transpose()
}

fn range(row: &Row) -> Result<Range> {
    Ok(Range {
        domain: row.integer("domain")?,
        first_day: row.integer("first_day")?,
        last_day: row.integer("last_day")?,
        hours: (row.integer("first_hour")?, row.integer("last_hour")?),
        retired: row.try_get("retired").map_err(failed_to(WHAT))?,
    })
}

/// The rows of a part: whole hours, so that totals and objects agree at every moment. The parameters are those of
/// [`Range::up_to`].
macro_rules! in_part {
    ($begin:literal, $end:literal) => {
        concat!(
            $begin,
            " WHERE domain = ?1 AND day BETWEEN ?2 AND ?3 AND hour BETWEEN ?4 AND ?5 AND (day, hour) <= (?3, ?6)",
            $end
        )
    };
}

impl Range {
    async fn remove_part(&self, connection: &mut Connection) -> Result<Part> {
        // Only objects that this part removes count, so that each part makes progress: the rows of those that an earlier
        // one retired are still there.
        let next = self.up_to(
            concat!(
                "SELECT day, hour FROM objects WHERE domain = ?1 AND day BETWEEN ?2 AND ?3 ",
                "AND hour BETWEEN ?4 AND ?6 AND (NOT ?8 OR retired IS NULL) ",
                "ORDER BY day, hour LIMIT 1 OFFSET ?7"
            ),
            self.end(),
        );
        let next = next
            .bind(AT_ONCE - 1)
            .bind(self.retired.is_some())
            .fetch_optional(&mut *connection)
            .await;
        let next = next.map_err(failed_to(WHAT))?;
        let end = match &next {
            Some(row) => (row.integer("day")?, row.integer("hour")?),
            None => self.end(),
        };
        let mut paths = Vec::new();
        if self.retired.is_none() {
            let rows = self.up_to(in_part!("SELECT path FROM objects", ""), end);
            let rows = rows.fetch_all(&mut *connection).await;
            for row in rows.map_err(failed_to(WHAT))? {
                paths.push(row.text("path")?);
            }
        }
        let objects: &[_] = match self.retired {
            Some(_) => &[in_part!(
                "UPDATE objects SET retired = ?7",
                " AND retired IS NULL"
            )],
            None => &[
                in_part!(
                    "INSERT INTO waste (path) SELECT path FROM objects",
                    " ON CONFLICT (path) DO NOTHING"
                ),
                in_part!("DELETE FROM objects", ""),
            ],
        };
        let hours = [
            in_part!("DELETE FROM hour_totals", ""),
            in_part!("DELETE FROM uncompacted", ""),
        ];
        for sql in objects.iter().chain(&hours) {
            let mut statement = self.up_to(sql, end);
            if sql.contains("?7") {
                statement = statement.bind(self.retired);
            }
            let done = statement.execute(&mut *connection).await;
            done.map_err(failed_to(WHAT))?;
        }
        // All files of the days that this part reaches: a file has events of any hour. The range hides those of its last day
        // until it is gone.
        let last_day = if next.is_some() { end.0 } else { self.last_day };
        let dropped = index_files::drop_days(connection, self.domain, (self.first_day, last_day));
        paths.extend(dropped.await?);
        let progress = match next {
            Some(_) => {
                sql::query("UPDATE removed_ranges SET first_day = ? WHERE domain = ?").bind(end.0)
            }
            None => sql::query("DELETE FROM removed_ranges WHERE domain = ?"),
        };
        let done = progress.bind(self.domain).execute(connection).await;
        done.map_err(failed_to(WHAT))?;
        Ok(Part { paths })
    }

    /// The last day and hour.
    const fn end(&self) -> (i64, i64) {
        (self.last_day, self.hours.1)
    }

    /// Binds the domain, the first and last day, the first and last hour of each day, and the last hour of the last day.
    fn up_to(&self, sql: &'static str, (day, hour): (i64, i64)) -> sql::Query {
        sql::query(sql)
            .bind(self.domain)
            .bind(self.first_day)
            .bind(day)
            .bind(self.hours.0)
            .bind(self.hours.1)
            .bind(hour)
    }
}
