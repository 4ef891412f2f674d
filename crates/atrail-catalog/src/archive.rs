//! The sealed part of the archive: objects, segments, totals, and how far each domain's log is sealed.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use atrail_archive::object::{Line, NewObject, Segment};
use atrail_disk::Result;
use atrail_evidence::{DayEntry, Hash, Seal, SealedSegment};
use atrail_model::{Day, DayTotal, Place, Scope, SegmentId, Target, Timestamp, format_timestamp};
use atrail_wal::LogNumber;

use super::domains::guid_of;
use super::failure::failed_to;
use super::log::{self, NewEntry};
use super::object_rows::day_of;
use super::row::{Columns, Id, ROWS_AT_ONCE, signed};
use super::view::Write;
use super::waste::delete_waste;
use super::watermarks::Advance;
use super::{Catalog, places, removed_ranges, set_apart, watermarks};
use crate::sql::{self, Connection, Row, Statement};

/// Selects the daily totals, and, as negative ones, those of what was removed while its rows still stand.
macro_rules! select_totals {
    ($source:literal, $of_target:literal) => {
        concat!(
            "SELECT t.day, SUM(t.count) AS count, SUM(t.size_bytes) AS size_bytes FROM ",
            $source,
            " AND t.day BETWEEN ?2 AND ?3 AND t.hour BETWEEN ?4 AND ?5 GROUP BY t.day ",
            "UNION ALL SELECT t.day, -SUM(t.count), -SUM(t.size_bytes) FROM removed_ranges r ",
            "CROSS JOIN domains d ON d.domain = r.domain CROSS JOIN hour_totals t ON t.domain = r.domain ",
            "WHERE ",
            $of_target,
            " AND t.day BETWEEN r.first_day AND r.last_day AND t.hour BETWEEN r.first_hour AND r.last_hour ",
            "AND t.day BETWEEN ?2 AND ?3 AND t.hour BETWEEN ?4 AND ?5 GROUP BY t.day"
        )
    };
}

impl Catalog {
    /// Returns the transaction that records sealed objects: from its commit on they belong to the archive. `apart` lists
    /// hours that could not be sealed, whose events the catalog keeps. `sealed_to` names the log, and how far each of the
    /// domains is sealed in it. An error of the commit leaves unknown whether it counts.
    ///
    /// # Errors
    /// `Conflict` when another seal has sealed some of these events; or when the catalog fails.
    pub async fn prepare_seal(
        &self,
        objects: &[(i64, NewObject)],
        apart: &[(i64, Place, &[Line])],
        sealed_to: (LogNumber, &[Advance]),
        now: Timestamp,
    ) -> Result<Write> {
        let what = "commit a seal";
        let mut tx = self.begin(what).await?;
        for (domain, place, lines) in apart {
            set_apart::insert(&mut tx, *domain, *place, lines).await?;
        }
        for chunk in objects.chunks(ROWS_AT_ONCE) {
            insert_objects(&mut tx, chunk).await?;
            let paths: Vec<_> = chunk
                .iter()
                .map(|(_, object)| object.path.clone())
                .collect();
            delete_waste(&mut tx, &paths).await?;
        }
        for (domain, entries) in seals(objects, now) {
            log::append(&mut tx, domain, entries).await?;
        }
        watermarks::advance(&mut tx, sealed_to.0, sealed_to.1).await?;
        Ok(Write(tx))
    }

    /// Returns the transaction that records the object of an hour that was set apart, and removes its events from the
    /// catalog. Otherwise as [`Self::prepare_seal`].
    pub async fn prepare_apart(
        &self,
        object: &[(i64, NewObject); 1],
        place: Place,
        now: Timestamp,
    ) -> Result<Write> {
        let what = "seal an hour that was set apart";
        let mut tx = self.begin(what).await?;
        insert_objects(&mut tx, object).await?;
        let [(domain, made)] = object;
        delete_waste(&mut tx, std::slice::from_ref(&made.path)).await?;
        for (domain, entries) in seals(object, now) {
            log::append(&mut tx, domain, entries).await?;
        }
        set_apart::forget(&mut tx, *domain, place).await?;
        Ok(Write(tx))
    }

    /// Returns those of the segments that are in the archive.
    pub async fn segments_there(
        &self,
        segments: &BTreeSet<SegmentId>,
    ) -> Result<HashSet<SegmentId>> {
        let what = "look up segments";
        let mut there = HashSet::with_capacity(segments.len());
        let all: Vec<_> = segments.iter().collect();
        for chunk in all.chunks(ROWS_AT_ONCE) {
            let mut query = Statement::new(concat!(
                "SELECT s.segment FROM segments s JOIN current_objects o ON o.object = s.object ",
                "WHERE s.segment IN ("
            ));
            let mut ids = query.separated(", ");
            for id in chunk {
                ids.push_bind(id.bytes());
            }
            query.push(")");
            let rows = query.build().fetch_all(self.readers()).await;
            for row in rows.map_err(failed_to(what))? {
                there.insert(row.id("segment")?);
            }
        }
        Ok(there)
    }
}

/// Returns the daily totals of the sealed events in scope.
pub(super) async fn totals(connection: &mut Connection, scope: &Scope) -> Result<Vec<DayTotal>> {
    let rows = sealed_rows(connection, scope).await?;
    let totals = sum(&rows, day_of)?.into_iter();
    Ok(totals.map(|(_, total)| total).collect())
}

/// Returns the rows that [`sum`] adds up to these totals.
pub(super) async fn sealed_rows(connection: &mut Connection, scope: &Scope) -> Result<Vec<Row>> {
    let sql = match scope.target {
        Target::Space(_) => {
            select_totals!(
                "domains d JOIN hour_totals t ON t.domain = d.domain WHERE d.space = ?1",
                "d.space = ?1"
            )
        }
        Target::Account(_) => {
            select_totals!("account_hours t WHERE t.account = ?1", "d.account = ?1")
        }
    };
    let rows = sql::query(sql)
        .bind(guid_of(scope.target))
        .bind(scope.days.start().number())
        .bind(scope.days.end().number())
        .bind(scope.hours.first().number())
        .bind(scope.hours.last().number())
        .fetch_all(connection)
        .await;
    rows.map_err(failed_to("count events"))
}

/// Returns the log entries for sealed objects: for each domain, one for each day.
fn seals(objects: &[(i64, NewObject)], now: Timestamp) -> BTreeMap<i64, Vec<NewEntry>> {
    let mut by_day: BTreeMap<(i64, Day), Vec<&NewObject>> = BTreeMap::new();
    for (domain, object) in objects {
        let day = by_day.entry((*domain, object.segment.place.day));
        day.or_default().push(object);
    }
    let mut seals: BTreeMap<i64, Vec<NewEntry>> = BTreeMap::new();
    for ((domain, day), mut objects) in by_day {
        objects.sort_by_key(|object| object.segment.place.hour);
        let segments = objects.iter().map(|object| SealedSegment {
            id: object.segment.id.to_string(),
            hour: object.segment.place.hour.number(),
            count: object.segment.count,
            size: object.segment.size_bytes,
            root: object.segment.root.into(),
        });
        let seal = Seal {
            time: format_timestamp(now),
            day: day.to_string(),
            segments: segments.collect(),
        };
        let entries = seals.entry(domain).or_default();
        entries.push(NewEntry::Day(day, DayEntry::Seal(seal)));
    }
    seals
}

async fn insert_objects(connection: &mut Connection, objects: &[(i64, NewObject)]) -> Result<()> {
    let what = "commit a seal";
    let domains = objects.iter().map(|(domain, _)| *domain);
    let each: BTreeSet<_> = domains.clone().collect();
    removed_ranges::refuse_unfinished(connection, each.into_iter()).await?;
    let places = places::each(connection, domains, what).await?;
    let mut query = Statement::new(concat!(
        "INSERT INTO objects (object, domain, day, hour, place, path, size_bytes, sha256, ",
        "events, events_bytes, segments) "
    ));
    query.push_values(
        objects.iter().zip(places),
        |mut row, ((domain, object), nth)| {
            let place = object.segment.place;
            row.push_bind(object.id.bytes())
                .push_bind(*domain)
                .push_bind(place.day.number())
                .push_bind(place.hour.number())
                .push_bind(nth)
                .push_bind(&object.path)
                .push_bind(signed(object.size_bytes))
                .push_bind(object.sha256.as_slice())
                .push_bind(signed(object.segment.count))
                .push_bind(signed(object.segment.size_bytes))
                .push_bind(object.segment.id.bytes());
        },
    );
    query
        .build()
        .execute(&mut *connection)
        .await
        .map_err(failed_to(what))?;

    let mut query = Statement::new(
        "INSERT INTO segments (segment, object, position, count, size_bytes, root, subtrees) ",
    );
    query.push_values(objects, |mut row, (_, object)| {
        let segment = &object.segment;
        row.push_bind(segment.id.bytes())
            .push_bind(object.id.bytes())
            .push_bind(0)
            .push_bind(signed(segment.count))
            .push_bind(signed(segment.size_bytes))
            .push_bind(segment.root.0.as_slice())
            .push_bind(subtree_bytes(&object.subtrees));
    });
    query
        .build()
        .execute(&mut *connection)
        .await
        .map_err(failed_to(what))?;

    // An hour may get several objects, and PostgreSQL updates a row once a statement.
    let mut hours: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for (domain, object) in objects {
        let Segment {
            place,
            count,
            size_bytes,
            ..
        } = &object.segment;
        let hour = hours.entry((*domain, place.day.number(), place.hour.number()));
        let (events, bytes) = hour.or_default();
        *events += signed(*count);
        *bytes += signed(*size_bytes);
    }
    let mut query =
        Statement::new("INSERT INTO hour_totals (domain, day, hour, count, size_bytes) ");
    query.push_values(
        hours,
        |mut row, ((domain, day, hour), (count, size_bytes))| {
            row.push_bind(domain)
                .push_bind(day)
                .push_bind(hour)
                .push_bind(count)
                .push_bind(size_bytes);
        },
    );
    query.push(concat!(
        " ON CONFLICT (domain, day, hour) DO UPDATE SET ",
        "count = hour_totals.count + excluded.count, size_bytes = hour_totals.size_bytes + excluded.size_bytes"
    ));
    query
        .build()
        .execute(&mut *connection)
        .await
        .map_err(failed_to(what))?;

    let mut query = Statement::new("INSERT INTO uncompacted (domain, day, hour) ");
    query.push_values(objects, |mut row, (domain, object)| {
        let place = object.segment.place;
        row.push_bind(*domain)
            .push_bind(place.day.number())
            .push_bind(place.hour.number());
    });
    query.push(" ON CONFLICT (domain, day, hour) DO NOTHING");
    query
        .build()
        .execute(&mut *connection)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}

/// Returns subtree hashes in the catalog's form: concatenated, and `None` for a single one, the root.
pub(super) fn subtree_bytes(subtrees: &[Hash]) -> Option<Vec<u8>> {
    (subtrees.len() > 1).then(|| subtrees.iter().flat_map(|hash| hash.0).collect())
}

/// Adds the totals of the rows of each place, of which some are negative; leaves out the places without events.
pub(super) fn sum<P: Ord>(
    rows: &[Row],
    place: impl Fn(&Row) -> Result<P>,
) -> Result<Vec<(P, DayTotal)>> {
    let mut sums: BTreeMap<P, (Day, i64, i64)> = BTreeMap::new();
    for row in rows {
        let (_, count, size_bytes) = sums.entry(place(row)?).or_insert((day_of(row)?, 0, 0));
        *count += row.integer("count")?;
        *size_bytes += row.integer("size_bytes")?;
    }
    let total = |(place, (day, count, size_bytes)): (P, (Day, i64, i64))| {
        let (count, size_bytes) = (count.unsigned_abs(), size_bytes.unsigned_abs());
        (
            place,
            DayTotal {
                day,
                count,
                size_bytes,
            },
        )
    };
    let sums = sums.into_iter().filter(|(_, (_, count, _))| *count > 0);
    Ok(sums.map(total).collect())
}
