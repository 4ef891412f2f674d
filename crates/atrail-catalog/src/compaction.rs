//! Merges several objects of an hour into one.

use std::collections::HashMap;

use atrail_archive::object::Location;
use atrail_disk::{Result, StoreError};
use atrail_model::{Day, Hour, ObjectId, Place, Scope, Timestamp};

use super::contents::tell_contents;
use super::failure::failed_to;
use super::in_scope::within;
use super::object_rows::object_file;
use super::row::{Columns, Id, ROWS_AT_ONCE, nanoseconds, signed};
use super::waste::{delete_waste, insert_waste};
use super::{Catalog, places};
use crate::domains::{DomainRow, domain_row};
use crate::sql::{self, Connection, Row, Statement};

/// Number of objects that one query looks up.
pub const LOCATED_AT_ONCE: usize = 64;
const LIES_HERE: &str = concat!(
    "SELECT object AS asked, 0 AS start, object, path, day, hour, size_bytes, sha256 FROM objects ",
    "WHERE object IN ("
);
const LIES_ELSEWHERE: &str = concat!(
    "SELECT m.object AS asked, m.start, o.object, o.path, o.day, o.hour, o.size_bytes, o.sha256 ",
    "FROM moved_objects m JOIN objects o ON o.object = m.now_in WHERE m.object IN ("
);

/// An hour of a domain that has received objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourRow {
    /// The domain's number in the catalog.
    pub domain: i64,
    /// The domain, day and hour.
    pub place: Place,
}

/// An object that may be merged into another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its id.
    pub id: ObjectId,
    /// Its path below the archive.
    pub path: String,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Number of its segments.
    pub segments: u64,
}

/// A new object with the contents of others, in their order.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The hour of all of them.
    pub hour: HourRow,
    /// Its id.
    pub id: ObjectId,
    /// Its path below the archive.
    pub path: String,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// The objects that it replaces, in order.
    pub sources: Vec<Source>,
}

const COMMIT: &str = "commit a compaction";

impl Catalog {
    /// Returns hours up to this one that may need compaction, in order, beginning after the given one.
    pub async fn uncompacted(
        &self,
        (day, hour): (Day, Hour),
        after: Option<HourRow>,
        limit: u32,
    ) -> Result<Vec<HourRow>> {
        let (after_domain, after_day, after_hour) = after.map_or((-1, -1, -1), |row| {
            let Place { day, hour, .. } = row.place;
            (
                row.domain,
                i64::from(day.number()),
                i64::from(hour.number()),
            )
        });
        let rows = sql::query(concat!(
            "SELECT u.domain, d.account, d.space, u.day, u.hour FROM uncompacted u ",
            "JOIN domains d ON d.domain = u.domain ",
            "WHERE (u.domain, u.day, u.hour) > (?, ?, ?) AND (u.day < ? OR (u.day = ? AND u.hour <= ?)) ",
            "ORDER BY u.domain, u.day, u.hour LIMIT ?"
        ))
        .bind(after_domain)
        .bind(after_day)
        .bind(after_hour)
        .bind(day.number())
        .bind(day.number())
        .bind(hour.number())
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("list what can be compacted"))?;
        rows.iter().map(hour_row).collect()
    }

    /// Returns the objects of an hour in download order.
    pub async fn sources(&self, hour: HourRow) -> Result<Vec<Source>> {
        let rows = sql::query(concat!(
            "SELECT o.object, o.path, o.size_bytes, o.sha256, ",
            "(SELECT COUNT(*) FROM segments s WHERE s.object = o.object) AS count ",
            "FROM current_objects o WHERE o.domain = ? AND o.day = ? AND o.hour = ? ORDER BY o.place"
        ))
        .bind(hour.domain)
        .bind(hour.place.day.number())
        .bind(hour.place.hour.number())
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("list what can be compacted"))?;
        let source = |row: &Row| {
            Ok(Source {
                id: row.id("object")?,
                path: row.text("path")?,
                size_bytes: row.unsigned("size_bytes")?,
                sha256: row.hash("sha256")?,
                segments: row.unsigned("count")?,
            })
        };
        rows.iter().map(source).collect()
    }

    /// Records that these hours need no compaction, each with the number of objects that this was decided for. An hour
    /// that has another number by now stays listed.
    pub async fn note_compacted(&self, hours: &[(HourRow, usize)]) -> Result<()> {
        let what = "note what is compacted";
        if hours.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin(what).await?;
        for (hour, objects) in hours {
            sql::query(concat!(
                "DELETE FROM uncompacted WHERE domain = ?1 AND day = ?2 AND hour = ?3 ",
                "AND (SELECT COUNT(*) FROM objects WHERE domain = ?1 AND day = ?2 AND hour = ?3 AND retired IS NULL) = ?4"
            ))
            .bind(hour.domain)
            .bind(hour.place.day.number())
            .bind(hour.place.hour.number())
            .bind(signed(*objects as u64))
            .execute(&mut *tx)
            .await
            .map_err(failed_to(what))?;
        }
        tx.commit().await
    }

    /// Replaces the sources with the new objects; the sources' bytes become waste. A new object is left out when the
    /// archive has lost one of its sources. Returns the new objects that are in the archive now.
    pub async fn commit_compaction<'a>(
        &self,
        merged: &'a [Merged],
        age: Timestamp,
    ) -> Result<Vec<&'a Merged>> {
        let mut tx = self.begin(COMMIT).await?;
        let mut done = Vec::with_capacity(merged.len());
        for object in merged {
            if has_all(&mut tx, &object.sources).await? {
                replace(&mut tx, object, age).await?;
                done.push(object);
            }
        }
        tx.commit().await?;
        Ok(done)
    }

    /// Marks those objects of a failed seal or compaction as waste that do not belong to the archive, and returns their
    /// paths. Once this has succeeded, a commit whose outcome was unknown cannot take effect later.
    pub async fn disown(&self, objects: &[(ObjectId, String)]) -> Result<Vec<String>> {
        let what = "take back new objects";
        let mut tx = self.begin(what).await?;
        let mut strangers = Vec::new();
        for (id, path) in objects {
            let found = sql::query("SELECT 1 FROM objects WHERE object = ?")
                .bind(id.bytes())
                .fetch_optional(&mut *tx)
                .await
                .map_err(failed_to(what))?;
            if found.is_none() {
                strangers.push(path.clone());
            }
        }
        insert_waste(&mut tx, &strangers).await?;
        tx.commit().await?;
        Ok(strangers)
    }

    /// Returns where the bytes of the existing objects lie.
    pub async fn locate(&self, ids: &[ObjectId]) -> Result<HashMap<ObjectId, Location>> {
        let mut found = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(LOCATED_AT_ONCE) {
            // Either one, or always the same number, so that there are two statements and not one for each number.
            let places = if ids.len() == 1 { 1 } else { LOCATED_AT_ONCE };
            let mut query = Statement::new("");
            for (at, from) in [(0, LIES_HERE), (1, LIES_ELSEWHERE)] {
                query.push(if at == 0 { "" } else { " UNION ALL " });
                query.push(from);
                let mut list = query.separated(", ");
                for id in ids.iter().cycle().take(places) {
                    list.push_bind(id.bytes());
                }
                query.push(")");
            }
            let rows = query.build().fetch_all(self.readers()).await;
            for row in &rows.map_err(failed_to("look up objects"))? {
                let location = Location {
                    file: object_file(row)?,
                    start: row.unsigned("start")?,
                };
                found.insert(row.id("asked")?, location);
            }
        }
        Ok(found)
    }
}

/// Forgets the new places of objects that no session can have pinned.
pub(super) async fn forget_moved(connection: &mut Connection) -> Result<()> {
    sql::query(
        "DELETE FROM moved_objects WHERE moved < (SELECT COALESCE(MIN(made_age), ?) FROM sessions)",
    )
    .bind(i64::MAX)
    .execute(connection)
    .await
    .map_err(failed_to("forget moved objects"))?;
    Ok(())
}

/// Returns the ids under which sessions may have pinned objects in scope, besides their present ids.
pub(super) async fn former_ids(
    connection: &mut Connection,
    domains: &[DomainRow],
    scope: &Scope,
) -> Result<Vec<ObjectId>> {
    let mut former = Vec::new();
    for domain in domains {
        let rows = within(
            concat!(
                "SELECT m.object FROM objects o JOIN moved_objects m ON m.now_in = o.object ",
                "WHERE o.domain = ? AND o.day BETWEEN ? AND ? AND o.hour BETWEEN ? AND ?"
            ),
            domain,
            scope,
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(failed_to("list what is in scope"))?;
        for row in &rows {
            former.push(row.id("object")?);
        }
    }
    Ok(former)
}

async fn has_all(connection: &mut Connection, sources: &[Source]) -> Result<bool> {
    let mut found = 0;
    for chunk in sources.chunks(ROWS_AT_ONCE) {
        let mut query =
            Statement::new("SELECT COUNT(*) AS found FROM current_objects WHERE object IN (");
        let mut ids = query.separated(", ");
        for source in chunk {
            ids.push_bind(source.id.bytes());
        }
        query.push(")");
        let row = query.build().fetch_one(&mut *connection).await;
        found += row.map_err(failed_to(COMMIT))?.unsigned("found")?;
    }
    Ok(found == sources.len() as u64)
}

async fn replace(connection: &mut Connection, merged: &Merged, age: Timestamp) -> Result<()> {
    let Merged { hour, id, .. } = merged;
    let sources = merged.sources.iter().map(|source| source.id);
    let place = places::first(connection, sources, COMMIT).await?;
    let behind = places::next(connection, hour.domain, 1, COMMIT).await?;
    sql::query(
        "INSERT INTO objects (object, domain, day, hour, place, path, size_bytes, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.bytes())
    .bind(hour.domain)
    .bind(hour.place.day.number())
    .bind(hour.place.hour.number())
    .bind(behind)
    .bind(&merged.path)
    .bind(signed(merged.size_bytes))
    .bind(merged.sha256.as_slice())
    .execute(&mut *connection)
    .await
    .map_err(failed_to(COMMIT))?;
    let is_pinned = may_be_pinned(connection, *hour).await?;
    let moved = is_pinned.then(|| nanoseconds(age));
    let (mut position, mut start) = (0, 0);
    for source in &merged.sources {
        move_segments(connection, source, *id, position).await?;
        move_ids(connection, source, *id, start, moved).await?;
        sql::query("DELETE FROM objects WHERE object = ?")
            .bind(source.id.bytes())
            .execute(&mut *connection)
            .await
            .map_err(failed_to(COMMIT))?;
        position += source.segments;
        start += source.size_bytes;
    }
    // Its sources were neighbours, and are gone.
    if let Some(place) = place {
        places::put(connection, *id, place, COMMIT).await?;
    }
    tell_contents(connection, *id, COMMIT).await?;
    let paths: Vec<_> = merged
        .sources
        .iter()
        .map(|source| source.path.clone())
        .collect();
    insert_waste(connection, &paths).await?;
    delete_waste(connection, std::slice::from_ref(&merged.path)).await
}

/// Reports whether a session can have pinned objects of this hour.
async fn may_be_pinned(connection: &mut Connection, hour: HourRow) -> Result<bool> {
    let row = sql::query(concat!(
        "SELECT COUNT(*) AS pinning ",
        "FROM sessions s JOIN domains d ON d.account = s.account ",
        "WHERE d.domain = ?1 AND s.gone IS NULL ",
        "AND s.first_day <= ?2 AND s.last_day >= ?2 AND s.first_hour <= ?3 AND s.last_hour >= ?3"
    ))
    .bind(hour.domain)
    .bind(hour.place.day.number())
    .bind(hour.place.hour.number())
    .fetch_one(connection)
    .await
    .map_err(failed_to(COMMIT))?;
    Ok(row.unsigned("pinning")? > 0)
}

async fn move_segments(
    connection: &mut Connection,
    source: &Source,
    to: ObjectId,
    position: u64,
) -> Result<()> {
    let moved =
        sql::query("UPDATE segments SET object = ?, position = position + ? WHERE object = ?")
            .bind(to.bytes())
            .bind(signed(position))
            .bind(source.id.bytes())
            .execute(connection)
            .await
            .map_err(failed_to(COMMIT))?;
    if moved.rows_affected() == source.segments {
        return Ok(());
    }
    Err(StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: format!("the segments of object {} changed", source.id),
    })
}

/// Records the new place of the bytes under the ids that sessions know, even when they move a second time.
async fn move_ids(
    connection: &mut Connection,
    source: &Source,
    to: ObjectId,
    start: u64,
    moved: Option<i64>,
) -> Result<()> {
    sql::query("UPDATE moved_objects SET now_in = ?, start = start + ? WHERE now_in = ?")
        .bind(to.bytes())
        .bind(signed(start))
        .bind(source.id.bytes())
        .execute(&mut *connection)
        .await
        .map_err(failed_to(COMMIT))?;
    let Some(moved) = moved else { return Ok(()) };
    sql::query("INSERT INTO moved_objects (object, now_in, start, moved) VALUES (?, ?, ?, ?)")
        .bind(source.id.bytes())
        .bind(to.bytes())
        .bind(signed(start))
        .bind(moved)
        .execute(connection)
        .await
        .map_err(failed_to(COMMIT))?;
    Ok(())
}

fn hour_row(row: &Row) -> Result<HourRow> {
    let DomainRow { number, domain, .. } = domain_row(row)?;
    let day = u32::try_from(row.integer("day")?).ok();
    let hour = u8::try_from(row.integer("hour")?).ok();
    let when = day.and_then(Day::from_number).zip(hour.and_then(Hour::new));
    let (day, hour) = when.ok_or_else(|| StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: "what can be compacted is of no hour".to_owned(),
    })?;
    Ok(HourRow {
        domain: number,
        place: Place { domain, day, hour },
    })
}
