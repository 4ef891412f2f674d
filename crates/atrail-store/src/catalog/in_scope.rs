//! The objects of a scope: what a session pins, and what a deletion takes.

use atrail_evidence::Hash;
use atrail_model::{Day, Domain, ObjectId, Scope, SegmentId};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::archive::{DomainRow, day_of};
use super::failed_to;
use super::row::Columns;
use super::waste::insert_waste;
use crate::deletion::DeletedTotal;
use crate::error::Result;

/// An object as a session pins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredObject {
    pub(crate) id: ObjectId,
    pub(crate) domain: Domain,
    pub(crate) day: Day,
    /// Whether retention took it out of the archive.
    pub(crate) is_retired: bool,
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) segments: Vec<SegmentId>,
    /// Events in it.
    pub(crate) count: u64,
    /// Bytes of their lines.
    pub(crate) events_bytes: u64,
}

/// The subtree hashes of the segments in scope that have more than one.
pub(crate) async fn subtrees(
    connection: &mut SqliteConnection,
    domain: &DomainRow,
    scope: &Scope,
) -> Result<Vec<(SegmentId, Vec<Hash>)>> {
    let rows = sqlx::query(concat!(
        "SELECT s.segment, s.subtrees FROM objects o JOIN segments s ON s.object = o.object ",
        "WHERE o.domain = ? AND o.day BETWEEN ? AND ? AND o.hour BETWEEN ? AND ? ",
        "AND o.retired IS NULL AND s.subtrees IS NOT NULL"
    ))
    .bind(domain.number)
    .bind(scope.days.start().number())
    .bind(scope.days.end().number())
    .bind(scope.hours.first().number())
    .bind(scope.hours.last().number())
    .fetch_all(connection)
    .await
    .map_err(failed_to("list what is in scope"))?;
    let subtrees = |row: &SqliteRow| {
        let bytes = row.bytes("subtrees")?;
        let (whole, _) = bytes.as_chunks::<32>();
        Ok((
            row.id("segment")?,
            whole.iter().map(|hash| Hash(*hash)).collect(),
        ))
    };
    rows.iter().map(subtrees).collect()
}

/// Which objects of a scope are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objects {
    /// Those of the archive.
    Current,
    /// Also those that retention took out of it while a session has pinned their bytes.
    WithRetired,
}

/// The objects in scope, in download order.
pub(crate) async fn objects(
    connection: &mut SqliteConnection,
    domains: &[DomainRow],
    scope: &Scope,
    which: Objects,
) -> Result<Vec<StoredObject>> {
    let what = "list what is in scope";
    let mut objects = Vec::new();
    for domain in domains {
        let rows = sqlx::query(concat!(
            "SELECT o.object, o.day, o.path, o.size_bytes, o.sha256, o.retired IS NOT NULL AS retired, s.segment, s.count, s.size_bytes AS events_bytes ",
            "FROM objects o JOIN segments s ON s.object = o.object ",
            "WHERE o.domain = ? AND o.day BETWEEN ? AND ? AND o.hour BETWEEN ? AND ? AND (o.retired IS NULL OR ?) ",
            "ORDER BY o.day, o.hour, o.object, s.position"
        ))
        .bind(domain.number)
        .bind(scope.days.start().number())
        .bind(scope.days.end().number())
        .bind(scope.hours.first().number())
        .bind(scope.hours.last().number())
        .bind(which == Objects::WithRetired)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed_to(what))?;
        for row in &rows {
            add_object(&mut objects, domain.domain, row)?;
        }
    }
    Ok(objects)
}

/// Takes the objects in scope out of the archive; their bytes become waste.
pub(crate) async fn remove(
    connection: &mut SqliteConnection,
    domains: &[DomainRow],
    scope: &Scope,
    objects: &[StoredObject],
) -> Result<()> {
    let what = "delete events";
    let paths: Vec<_> = objects.iter().map(|object| object.path.clone()).collect();
    insert_waste(connection, &paths).await?;
    for domain in domains {
        for sql in [
            "DELETE FROM objects WHERE domain = ? AND day BETWEEN ? AND ? AND hour BETWEEN ? AND ?",
            "DELETE FROM hour_totals WHERE domain = ? AND day BETWEEN ? AND ? AND hour BETWEEN ? AND ?",
        ] {
            sqlx::query(sql)
                .bind(domain.number)
                .bind(scope.days.start().number())
                .bind(scope.days.end().number())
                .bind(scope.hours.first().number())
                .bind(scope.hours.last().number())
                .execute(&mut *connection)
                .await
                .map_err(failed_to(what))?;
        }
    }
    Ok(())
}

/// What those of these objects that are in the archive hold together.
pub(crate) fn sum(objects: &[StoredObject]) -> DeletedTotal {
    let current = objects.iter().filter(|object| !object.is_retired);
    current.fold(DeletedTotal::default(), |sum, object| DeletedTotal {
        count: sum.count + object.count,
        size_bytes: sum.size_bytes + object.events_bytes,
    })
}

fn add_object(objects: &mut Vec<StoredObject>, domain: Domain, row: &SqliteRow) -> Result<()> {
    let id: ObjectId = row.id("object")?;
    let segment: SegmentId = row.id("segment")?;
    let (count, events_bytes) = (row.unsigned("count")?, row.unsigned("events_bytes")?);
    if let Some(object) = objects.last_mut().filter(|last| last.id == id) {
        object.segments.push(segment);
        object.count += count;
        object.events_bytes += events_bytes;
        return Ok(());
    }
    objects.push(StoredObject {
        id,
        domain,
        day: day_of(row)?,
        is_retired: row.integer("retired")? != 0,
        path: row.text("path")?,
        size_bytes: row.unsigned("size_bytes")?,
        sha256: row.hash("sha256")?,
        segments: vec![segment],
        count,
        events_bytes,
    });
    Ok(())
}
