//! What a count of events reads of the catalog: all of one moment, also how far of the journal the counts go.

use std::collections::{BTreeMap, HashMap};

use atrail_archive::object::Line;
use atrail_disk::Result;
use atrail_model::{DayRange, DayTotal, Domain, Hours, Place, Scope, Target};
use atrail_wal::LogNumber;

use super::Catalog;
use super::archive::{sealed_rows, sum};
use super::domains::{DomainRow, guid_of};
use super::failure::failed_to;
use super::object_rows::day_of;
use super::row::Columns;
use super::set_apart::placed;
use super::view::{Snapshot, View};
use crate::sql::{self, Row};

const WHAT: &str = "count events";

impl Catalog {
    /// As [`Self::snapshot`], for counts that others wait for.
    pub async fn count_snapshot(&self) -> Result<Snapshot> {
        let tx = self.counters().begin_read().await;
        let tx = tx.map_err(failed_to(WHAT))?;
        #[cfg(test)]
        let tx = self.spoiled_snapshot(tx).await;
        Ok(Snapshot::of(tx))
    }
}

impl View<'_> {
    /// Returns the daily totals of the events in scope, sealed or set apart.
    pub async fn totals(&mut self, scope: &Scope) -> Result<Vec<DayTotal>> {
        let mut rows = sealed_rows(self.connection, scope).await?;
        let sql = match scope.target {
            Target::Space(_) => concat!(
                "SELECT a.day, COUNT(*) AS count, SUM(LENGTH(a.line)) AS size_bytes FROM set_apart a ",
                "CROSS JOIN domains d ON d.domain = a.domain WHERE d.space = ? ",
                "AND a.day BETWEEN ? AND ? AND a.hour BETWEEN ? AND ? GROUP BY a.day"
            ),
            Target::Account(_) => concat!(
                "SELECT a.day, COUNT(*) AS count, SUM(LENGTH(a.line)) AS size_bytes FROM set_apart a ",
                "CROSS JOIN domains d ON d.domain = a.domain WHERE d.account = ? ",
                "AND a.day BETWEEN ? AND ? AND a.hour BETWEEN ? AND ? GROUP BY a.day"
            ),
        };
        let apart = sql::query(sql)
            .bind(guid_of(scope.target))
            .bind(scope.days.start().number())
            .bind(scope.days.end().number())
            .bind(scope.hours.first().number())
            .bind(scope.hours.last().number())
            .fetch_all(&mut *self.connection)
            .await;
        rows.extend(apart.map_err(failed_to(WHAT))?);
        let totals = sum(&rows, day_of)?.into_iter();
        Ok(totals.map(|(_, total)| total).collect())
    }

    /// Returns the daily totals of the events of each of these domains, sealed or set apart.
    pub async fn totals_by_domain(
        &mut self,
        domains: &[DomainRow],
        days: DayRange,
        hours: Hours,
    ) -> Result<Vec<(Domain, DayTotal)>> {
        let by_number: BTreeMap<_, _> =
            domains.iter().map(|row| (row.number, row.domain)).collect();
        let rows = sql::query(concat!(
            "SELECT t.domain, t.day, SUM(t.count) AS count, SUM(t.size_bytes) AS size_bytes ",
            "FROM json_each(?1) j CROSS JOIN hour_totals t ON t.domain = j.value ",
            "WHERE t.day BETWEEN ?2 AND ?3 AND t.hour BETWEEN ?4 AND ?5 GROUP BY t.domain, t.day ",
            "UNION ALL SELECT t.domain, t.day, -SUM(t.count), -SUM(t.size_bytes) ",
            "FROM json_each(?1) j CROSS JOIN removed_ranges r ON r.domain = j.value ",
            "CROSS JOIN hour_totals t ON t.domain = r.domain ",
            "WHERE t.day BETWEEN r.first_day AND r.last_day AND t.hour BETWEEN r.first_hour AND r.last_hour ",
            "AND t.day BETWEEN ?2 AND ?3 AND t.hour BETWEEN ?4 AND ?5 GROUP BY t.domain, t.day ",
            "UNION ALL SELECT a.domain, a.day, COUNT(*), SUM(LENGTH(a.line)) ",
            "FROM json_each(?1) j CROSS JOIN set_apart a ON a.domain = j.value ",
            "WHERE a.day BETWEEN ?2 AND ?3 AND a.hour BETWEEN ?4 AND ?5 GROUP BY a.domain, a.day"
        ))
        .bind(numbers(domains))
        .bind(days.start().number())
        .bind(days.end().number())
        .bind(hours.first().number())
        .bind(hours.last().number())
        .fetch_all(&mut *self.connection)
        .await
        .map_err(failed_to(WHAT))?;
        let place = |row: &Row| Ok((row.integer("domain")?, day_of(row)?));
        let totals = sum(&rows, place)?.into_iter();
        let named = totals.filter_map(|((number, _), total)| {
            let domain = by_number.get(&number)?;
            Some((*domain, total))
        });
        Ok(named.collect())
    }

    /// Returns the sequence number of a log up to which each of these domains is sealed; zero where it is not.
    pub async fn sealed_to(
        &mut self,
        log: LogNumber,
        domains: &[DomainRow],
    ) -> Result<HashMap<Domain, u64>> {
        let mut sealed: HashMap<_, _> = domains.iter().map(|row| (row.domain, 0)).collect();
        if domains.is_empty() {
            return Ok(sealed);
        }
        let by_number: HashMap<_, _> = domains.iter().map(|row| (row.number, row.domain)).collect();
        let rows = sql::query(concat!(
            "SELECT w.domain, w.sequence FROM json_each(?1) j ",
            "CROSS JOIN watermarks w ON w.domain = j.value WHERE w.log = ?2"
        ))
        .bind(numbers(domains))
        .bind(log.0)
        .fetch_all(&mut *self.connection)
        .await
        .map_err(failed_to("read what is sealed"))?;
        for row in &rows {
            if let Some(domain) = by_number.get(&row.integer("domain")?) {
                sealed.insert(*domain, row.unsigned("sequence")?);
            }
        }
        Ok(sealed)
    }

    /// Returns the events of these domains and days that were set apart, in the order in which they arrived.
    pub async fn set_apart(
        &mut self,
        domains: &[DomainRow],
        days: DayRange,
    ) -> Result<Vec<(Place, Line)>> {
        let rows = sql::query(concat!(
            "SELECT a.day, a.hour, a.line, d.domain, d.account, d.space FROM json_each(?1) j ",
            "CROSS JOIN set_apart a ON a.domain = j.value CROSS JOIN domains d ON d.domain = a.domain ",
            "WHERE a.day BETWEEN ?2 AND ?3 ORDER BY a.place"
        ))
        .bind(numbers(domains))
        .bind(days.start().number())
        .bind(days.end().number())
        .fetch_all(&mut *self.connection)
        .await
        .map_err(failed_to(WHAT))?;
        rows.iter().map(placed).collect()
    }
}

/// Returns the numbers of domains as a JSON list.
pub(super) fn numbers(domains: &[DomainRow]) -> String {
    let numbers: Vec<_> = domains.iter().map(|row| row.number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}
