//! What a search reads of the catalog.

use std::collections::{BTreeMap, HashMap};

use atrail_archive::object::ObjectFile;
use atrail_disk::Result;
use atrail_model::{AccountId, Day, DayRange, Domain, Hours, Scope, SegmentId, Target};

use super::Catalog;
use super::archive::totals;
use super::contents::Contents;
use super::counting::numbers;
use super::domains::{DomainRow, domain_row, guid_of};
use super::failure::failed_to;
use super::index_files::{IndexFileRow, file_row};
use super::object_rows::{day_of, object_file};
use super::row::{Columns, Id, ROWS_AT_ONCE};
use super::view::View;
use crate::sql::{self, Row, Statement};

const WHAT: &str = "list what is searched";

/// An object that a search may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchedObject {
    /// The domain of its events.
    pub domain: Domain,
    /// Its file.
    pub file: ObjectFile,
    /// What it holds.
    pub contents: Contents,
}

/// Where a segment lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPlace {
    /// The file that holds it.
    pub file: ObjectFile,
    /// The place of that file among those of its domain: the order in which their events arrived, in one hour.
    pub order: i64,
    /// The segments of that file, in order.
    pub segments: Vec<SegmentId>,
}

/// A domain's days and the numbers of their sealed events, in scope of a search.
pub type EventsByDay = BTreeMap<(Day, Domain), u64>;

/// Numbers of events by day.
pub type ByDay = BTreeMap<Day, u64>;

impl View<'_> {
    /// Returns how many sealed events each of these domains has on each of these days.
    pub async fn events_by_day(
        &mut self,
        domains: &[DomainRow],
        days: DayRange,
    ) -> Result<EventsByDay> {
        let by_number: HashMap<_, _> = domains.iter().map(|row| (row.number, row.domain)).collect();
        let rows = sql::query(concat!(
            "SELECT t.domain, t.day, SUM(t.count) AS count FROM json_each(?1) j ",
            "CROSS JOIN hour_totals t ON t.domain = j.value WHERE t.day BETWEEN ?2 AND ?3 ",
            "AND NOT EXISTS (SELECT 1 FROM removed_ranges r WHERE r.domain = t.domain ",
            "AND t.day BETWEEN r.first_day AND r.last_day AND t.hour BETWEEN r.first_hour AND r.last_hour) ",
            "GROUP BY t.domain, t.day"
        ))
        .bind(numbers(domains))
        .bind(days.start().number())
        .bind(days.end().number())
        .fetch_all(&mut *self.connection)
        .await
        .map_err(failed_to(WHAT))?;
        let mut found = BTreeMap::new();
        for row in &rows {
            if let Some(domain) = by_number.get(&row.integer("domain")?) {
                let count = row.unsigned("count")?;
                if count > 0 {
                    found.insert((day_of(row)?, *domain), count);
                }
            }
        }
        Ok(found)
    }

    /// Returns the files of the index that have events of these domains and days.
    pub async fn index_files(
        &mut self,
        domains: &[DomainRow],
        days: DayRange,
    ) -> Result<Vec<IndexFileRow>> {
        let rows = sql::query(concat!(
            "SELECT f.*, d.account, d.space FROM json_each(?1) j ",
            "CROSS JOIN current_index_files f ON f.domain = j.value CROSS JOIN domains d ON d.domain = f.domain ",
            "WHERE f.day BETWEEN ?2 AND ?3 ORDER BY f.day, f.domain, f.path"
        ))
        .bind(numbers(domains))
        .bind(days.start().number())
        .bind(days.end().number())
        .fetch_all(&mut *self.connection)
        .await
        .map_err(failed_to(WHAT))?;
        rows.iter().map(file_row).collect()
    }

    /// Returns the objects of some of a day's domains, in the order in which their events arrived, hour by hour.
    pub async fn searched_objects(
        &mut self,
        domains: &[DomainRow],
        day: Day,
    ) -> Result<Vec<SearchedObject>> {
        let by_number: HashMap<_, _> = domains.iter().map(|row| (row.number, row.domain)).collect();
        let rows = sql::query(concat!(
            "SELECT o.domain, o.object, o.path, o.day, o.hour, o.size_bytes, o.sha256, o.events, o.events_bytes, ",
            "o.segments FROM json_each(?1) j CROSS JOIN current_objects o ON o.domain = j.value ",
            "WHERE o.day = ?2 ORDER BY o.domain, o.hour, o.place"
        ))
        .bind(numbers(domains))
        .bind(day.number())
        .fetch_all(&mut *self.connection)
        .await
        .map_err(failed_to(WHAT))?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let file = object_file(row)?;
            if let Some(domain) = by_number.get(&row.integer("domain")?) {
                found.push(SearchedObject {
                    domain: *domain,
                    contents: Contents::of_row(row, file.id)?,
                    file,
                });
            }
        }
        Ok(found)
    }
}

impl Catalog {
    /// Returns how many sealed events each day of a scope has, and how many of them are in files of this version: both of
    /// one moment. The hours of the scope do not matter.
    pub async fn indexed_of(&self, scope: &Scope, version: u32) -> Result<(ByDay, ByDay)> {
        let scope = Scope {
            hours: Hours::ALL,
            ..*scope
        };
        let sql = match scope.target {
            Target::Space(_) => concat!(
                "SELECT f.day, SUM(f.events) AS count FROM domains d JOIN current_index_files f ON f.domain = d.domain ",
                "WHERE d.space = ? AND f.day BETWEEN ? AND ? AND f.version = ? GROUP BY f.day"
            ),
            Target::Account(_) => concat!(
                "SELECT f.day, SUM(f.events) AS count FROM domains d JOIN current_index_files f ON f.domain = d.domain ",
                "WHERE d.account = ? AND f.day BETWEEN ? AND ? AND f.version = ? GROUP BY f.day"
            ),
        };
        let mut tx = self
            .counters()
            .begin_read()
            .await
            .map_err(failed_to(WHAT))?;
        let rows = sql::query(sql)
            .bind(guid_of(scope.target))
            .bind(scope.days.start().number())
            .bind(scope.days.end().number())
            .bind(version)
            .fetch_all(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        let mut indexed = ByDay::new();
        for row in &rows {
            indexed.insert(day_of(row)?, row.unsigned("count")?);
        }
        let sealed = totals(&mut tx, &scope).await?;
        let sealed = sealed.into_iter().map(|total| (total.day, total.count));
        Ok((sealed.collect(), indexed))
    }

    /// Returns, for each domain of an account and each of these days with sealed events, how many there are and how many of
    /// them are in files of this version. Days of which events are being removed are absent.
    pub async fn indexed_by_domain(
        &self,
        account: AccountId,
        days: DayRange,
        version: u32,
    ) -> Result<BTreeMap<(Domain, Day), (u64, u64)>> {
        let rows = sql::query(concat!(
            "SELECT d.domain, d.account, d.space, t.day, SUM(t.count) AS count, ",
            "(SELECT COALESCE(SUM(f.events), 0) FROM index_files f ",
            "WHERE f.domain = d.domain AND f.day = t.day AND f.version = ?1) AS indexed ",
            "FROM domains d JOIN hour_totals t ON t.domain = d.domain ",
            "WHERE d.account = ?2 AND t.day BETWEEN ?3 AND ?4 AND NOT EXISTS (SELECT 1 FROM removed_ranges r ",
            "WHERE r.domain = d.domain AND t.day BETWEEN r.first_day AND r.last_day) ",
            "GROUP BY d.domain, t.day"
        ))
        .bind(version)
        .bind(guid_of(Target::Account(account)))
        .bind(days.start().number())
        .bind(days.end().number())
        .fetch_all(self.readers())
        .await
        .map_err(failed_to(WHAT))?;
        let counts = rows.iter().map(|row| {
            let place = (domain_row(row)?.domain, day_of(row)?);
            Ok((place, (row.unsigned("count")?, row.unsigned("indexed")?)))
        });
        counts.collect()
    }

    /// Returns where those of the segments lie that are in the archive.
    pub async fn places_of(
        &self,
        segments: &[SegmentId],
    ) -> Result<HashMap<SegmentId, SegmentPlace>> {
        let mut found = HashMap::with_capacity(segments.len());
        for chunk in segments.chunks(ROWS_AT_ONCE) {
            let mut query = Statement::new(concat!(
                "SELECT s.segment, o.place, o.object, o.path, o.day, o.hour, o.size_bytes, o.sha256, o.events, ",
                "o.events_bytes, o.segments FROM segments s JOIN current_objects o ON o.object = s.object ",
                "WHERE s.segment IN ("
            ));
            let mut ids = query.separated(", ");
            for id in chunk {
                ids.push_bind(id.bytes());
            }
            query.push(")");
            let rows = query.build().fetch_all(self.readers()).await;
            for row in &rows.map_err(failed_to(WHAT))? {
                found.insert(row.id("segment")?, segment_place(row)?);
            }
        }
        Ok(found)
    }
}

fn segment_place(row: &Row) -> Result<SegmentPlace> {
    let file = object_file(row)?;
    Ok(SegmentPlace {
        order: row.integer("place")?,
        segments: Contents::of_row(row, file.id)?.segments,
        file,
    })
}
