//! The objects of a scope: those that a session pins, and those that a deletion removes.

use std::collections::{BTreeMap, BTreeSet};

use atrail_disk::Result;
use atrail_evidence::Hash;
use atrail_model::{Day, Domain, EventTotal, ObjectId, Scope, SegmentId};
use futures_util::TryStreamExt;

use super::contents::Contents;
use super::failure::failed_to;
use super::index_files;
use super::object_rows::day_of;
use super::row::Columns;
use super::view::View;
use super::waste::insert_waste;
use crate::domains::DomainRow;
use crate::sql::{self, Connection};

const LIST: &str = "list what is in scope";

/// An object in the form that a session pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedObject {
    /// Its id.
    pub id: ObjectId,
    /// The domain of its events.
    pub domain: Domain,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// What it holds.
    pub contents: Contents,
}

/// An object in the form that a deletion removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenObject {
    /// Its id.
    pub id: ObjectId,
    /// Their domain.
    pub domain: Domain,
    /// The day of its events.
    pub day: Day,
    /// Whether retention removed it from the archive before.
    pub(crate) is_retired: bool,
    /// Its path below the archive.
    pub path: String,
    /// The total of its events.
    pub total: EventTotal,
}

/// Returns a statement whose first parameters are a domain's number, the first and last day, the first and last hour.
pub(super) fn within(sql: &'static str, domain: &DomainRow, scope: &Scope) -> sql::Query {
    sql::query(sql)
        .bind(domain.number)
        .bind(scope.days.start().number())
        .bind(scope.days.end().number())
        .bind(scope.hours.first().number())
        .bind(scope.hours.last().number())
}

impl View<'_> {
    /// Returns the objects in scope that a session pins, in download order. It reads no unnecessary column: most of the
    /// time per row is spent on passing its values.
    pub async fn pinned(
        &mut self,
        domains: &[DomainRow],
        scope: &Scope,
    ) -> Result<Vec<PinnedObject>> {
        let mut objects = Vec::new();
        for domain in domains {
            let mut rows = within(concat!(
            "SELECT object, size_bytes, sha256, events, events_bytes, segments FROM current_objects ",
            "WHERE domain = ? AND day BETWEEN ? AND ? AND hour BETWEEN ? AND ? ",
            "ORDER BY day, hour, place"
        ), domain, scope)
        .fetch(&mut *self.connection);
            while let Some(row) = rows.try_next().await.map_err(failed_to(LIST))? {
                let id = row.id("object")?;
                objects.push(PinnedObject {
                    id,
                    domain: domain.domain,
                    size_bytes: row.unsigned("size_bytes")?,
                    sha256: row.hash("sha256")?,
                    contents: Contents::of_row(&row, id)?,
                });
            }
        }
        Ok(objects)
    }

    /// Returns the subtree hashes of the segments in scope that have more than one, by the segments' GUIDs.
    pub async fn subtrees(
        &mut self,
        domain: &DomainRow,
        scope: &Scope,
    ) -> Result<BTreeMap<String, Vec<Hash>>> {
        let mut rows = within(
        concat!(
            "SELECT s.segment, s.subtrees FROM current_objects o JOIN segments s ON s.object = o.object ",
            "WHERE o.domain = ? AND o.day BETWEEN ? AND ? AND o.hour BETWEEN ? AND ? ",
            "AND s.subtrees IS NOT NULL"
        ),
        domain,
        scope,
    )
    .fetch(&mut *self.connection);
        let mut subtrees = BTreeMap::new();
        while let Some(row) = rows.try_next().await.map_err(failed_to(LIST))? {
            let segment: SegmentId = row.id("segment")?;
            let bytes = row.bytes("subtrees")?;
            let (whole, _) = bytes.as_chunks::<32>();
            let hashes = whole.iter().map(|hash| Hash(*hash)).collect();
            subtrees.insert(segment.to_string(), hashes);
        }
        Ok(subtrees)
    }
}

/// Selects objects of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objects {
    /// Those in the archive.
    Current,
    /// Also those that retention removed from it while a session has pinned their bytes.
    WithRetired,
}

/// Returns the objects in scope that a deletion removes: none that one has removed already, though its row still stands.
pub(super) async fn taken(
    connection: &mut Connection,
    domains: &[DomainRow],
    scope: &Scope,
    which: Objects,
) -> Result<Vec<TakenObject>> {
    let mut objects = Vec::new();
    for domain in domains {
        let mut rows = within(concat!(
            "SELECT o.object, o.day, o.path, o.retired IS NOT NULL OR r.domain IS NOT NULL AS retired, ",
            "o.events, o.events_bytes FROM objects o LEFT JOIN removed_ranges r ON r.domain = o.domain ",
            "AND o.day BETWEEN r.first_day AND r.last_day AND o.hour BETWEEN r.first_hour AND r.last_hour ",
            "WHERE o.domain = ? AND o.day BETWEEN ? AND ? AND o.hour BETWEEN ? AND ? ",
            "AND (r.domain IS NULL OR r.retired IS NOT NULL) ",
            "AND ((o.retired IS NULL AND r.domain IS NULL) OR ?)"
        ), domain, scope)
        .bind(which == Objects::WithRetired)
        .fetch(&mut *connection);
        while let Some(row) = rows.try_next().await.map_err(failed_to(LIST))? {
            objects.push(TakenObject {
                id: row.id("object")?,
                domain: domain.domain,
                day: day_of(&row)?,
                is_retired: row.integer("retired")? != 0,
                path: row.text("path")?,
                total: EventTotal {
                    count: row.unsigned("events")?,
                    size_bytes: row.unsigned("events_bytes")?,
                    is_owed: false,
                },
            });
        }
    }
    Ok(objects)
}

/// Removes the objects in scope from the archive, and their days from the index; the bytes of both become waste. Returns the
/// paths of the index.
pub(super) async fn remove(
    connection: &mut Connection,
    domains: &[DomainRow],
    scope: &Scope,
    objects: &[TakenObject],
) -> Result<Vec<String>> {
    let what = "delete events";
    let paths: Vec<_> = objects.iter().map(|object| object.path.clone()).collect();
    insert_waste(connection, &paths).await?;
    let mut of_index = Vec::new();
    let days: BTreeSet<_> = objects.iter().map(|one| (one.domain, one.day)).collect();
    for domain in domains {
        for (_, day) in days.range((domain.domain, Day::FIRST)..=(domain.domain, Day::LAST)) {
            let day = i64::from(day.number());
            let dropped = index_files::drop_days(connection, domain.number, (day, day)).await?;
            of_index.extend(dropped);
        }
        for sql in [
            "DELETE FROM objects WHERE domain = ? AND day BETWEEN ? AND ? AND hour BETWEEN ? AND ?",
            "DELETE FROM hour_totals WHERE domain = ? AND day BETWEEN ? AND ? AND hour BETWEEN ? AND ?",
        ] {
            within(sql, domain, scope)
                .execute(&mut *connection)
                .await
                .map_err(failed_to(what))?;
        }
    }
    Ok(of_index)
}

/// Returns the total of those objects that are in the archive.
pub(super) fn sum<'a>(objects: impl IntoIterator<Item = &'a TakenObject>) -> EventTotal {
    let current = objects.into_iter().filter(|object| !object.is_retired);
    current.fold(EventTotal::default(), |sum, object| sum.and(object.total))
}
