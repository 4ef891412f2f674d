//! Reads the catalog of a data directory from outside, whether or not a server is running. Nothing here writes.

use std::path::Path;

use atrail_archive::object::ObjectFile;
use atrail_disk::data_dir::CATALOG_HOME;
use atrail_disk::{Result, StoreError};
use atrail_evidence::Root;
use atrail_model::{Domain, ObjectId, SegmentId};

use super::contents::{contents_in_postgresql, contents_of_segments};
use super::failure::failed_to;
use super::object_rows::object_file;
use super::removed_ranges::not_in_deleted_range;
use super::row::{Columns, Id};
use super::{Catalog, schema};
use crate::domains::domain_row;
use crate::sql::{self, Pools, Row, sqlite};

/// The remedy when the catalog contradicts itself.
const ANOTHER_CATALOG: &str =
    "restore the catalog from a backup, or rebuild it with `admin recover`";

/// Facts that the catalog stores twice: a query that counts differences, and the words before and after the count.
const CONTRADICTIONS: [(&str, &str, &str); 3] = [
    (
        "SELECT COUNT(*) FROM objects o JOIN domains d ON d.domain = o.domain WHERE o.place NOT BETWEEN 1 AND d.places",
        "",
        " objects are in a place that their domain has not assigned",
    ),
    (
        concat!(
            "WITH sealed AS (SELECT o.domain, o.day, o.hour, SUM(s.count) AS count, SUM(s.size_bytes) AS size_bytes ",
            "FROM objects o JOIN segments s ON s.object = o.object WHERE o.retired IS NULL GROUP BY o.domain, o.day, o.hour) ",
            "SELECT COUNT(*) FROM (SELECT domain, day, hour FROM ",
            "(SELECT * FROM sealed EXCEPT SELECT domain, day, hour, count, size_bytes FROM hour_totals) AS found UNION SELECT domain, day, hour FROM ",
            "(SELECT domain, day, hour, count, size_bytes FROM hour_totals EXCEPT SELECT * FROM sealed) AS kept) AS wrong"
        ),
        "the totals of ",
        " hours are not those of their segments",
    ),
    (
        concat!(
            "WITH hours AS (SELECT d.account, t.day, t.hour, SUM(t.count) AS count, SUM(t.size_bytes) AS size_bytes ",
            "FROM hour_totals t JOIN domains d ON d.domain = t.domain GROUP BY d.account, t.day, t.hour) ",
            "SELECT COUNT(*) FROM (SELECT account, day, hour FROM ",
            "(SELECT * FROM hours WHERE count > 0 EXCEPT SELECT * FROM account_hours) AS found UNION SELECT account, day, hour FROM ",
            "(SELECT * FROM account_hours WHERE count > 0 EXCEPT SELECT * FROM hours) AS kept) AS wrong"
        ),
        "the totals of ",
        " hours of accounts are not those of their domains",
    ),
];

/// The objects whose row contradicts their segments: the list of segments has a text for each database.
const WRONG_CONTENTS: [&str; 2] = [
    concat!(
        "SELECT COUNT(*) FROM objects o WHERE (o.events, o.events_bytes, o.segments) IS NOT ",
        contents_of_segments!()
    ),
    concat!(
        "SELECT COUNT(*) FROM objects o CROSS JOIN LATERAL ",
        contents_in_postgresql!(),
        " AS c (events, events_bytes, segments) ON TRUE ",
        "WHERE (o.events, o.events_bytes, o.segments) IS DISTINCT FROM (c.events, c.events_bytes, c.segments)"
    ),
];

/// An object in the catalog, with its segments in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The expected properties of its file.
    pub file: ObjectFile,
    /// The domain of its events.
    pub domain: Domain,
    /// Its segments, in order.
    pub segments: Vec<RecordedSegment>,
}

/// A segment in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedSegment {
    /// Its id.
    pub id: SegmentId,
    /// The number of its events.
    pub count: u64,
    /// Bytes of its lines, line feeds not counted.
    pub size_bytes: u64,
    /// Its Merkle root.
    pub root: Root,
}

/// One statement, so that objects and segments are of one moment.
macro_rules! select_recorded {
    ($($objects:expr),+) => {
        concat!(
            "SELECT o.object, o.path, o.day, o.hour, o.size_bytes, o.sha256, d.domain, d.account, d.space, ",
            "s.segment, s.count, s.size_bytes AS events_bytes, s.root FROM (SELECT * FROM objects o WHERE ",
            $($objects,)+
            ") o JOIN domains d ON d.domain = o.domain LEFT JOIN segments s ON s.object = o.object ",
            "ORDER BY o.object, s.position"
        )
    };
}

const LOOK_UP: &str = "look up an object";

impl Catalog {
    /// Opens an existing catalog for reading only; a server may have it open.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Conflict` when it is of another version, or when it cannot be read.
    pub async fn open_read_only(file: &Path) -> Result<Self> {
        if !file.is_file() {
            if file.with_file_name(CATALOG_HOME).exists() {
                return Err(in_postgres());
            }
            return Err(StoreError::NotFound {
                what: format!("the catalog {}", file.display()),
            });
        }
        let only = sqlite::open_read_only(file).await?;
        schema::check(&only).await?;
        Ok(Self::of(Pools {
            writer: only.clone(),
            unsynced: only.clone(),
            readers: only.clone(),
            counters: only,
        }))
    }

    /// Writes the present state of the catalog to a new file. The caller must sync the file to make it durable.
    pub async fn snapshot_into(&self, file: &Path) -> Result<()> {
        let name = file.to_str().ok_or_else(|| {
            StoreError::Invalid(format!("{} cannot be named to the catalog", file.display()))
        })?;
        sql::query("VACUUM INTO ?")
            .bind(name)
            .execute(self.readers())
            .await
            .map_err(failed_to("copy itself"))?;
        Ok(())
    }

    /// Returns the faults that SQLite finds in its file (PostgreSQL has no such search), and the totals that differ from the sums of their parts;
    /// nothing when it is sound.
    pub async fn integrity(&self) -> Result<Vec<String>> {
        let what = "check its integrity";
        let mut found = Vec::new();
        let is_sqlite = self.readers().is_sqlite();
        if is_sqlite {
            let rows = sql::query("PRAGMA integrity_check")
                .fetch_all(self.readers())
                .await
                .map_err(failed_to(what))?;
            for row in &rows {
                let text: String = row.at(0).map_err(failed_to(what))?;
                if text != "ok" {
                    found.push(text);
                }
            }
            let broken = sql::query("PRAGMA foreign_key_check")
                .fetch_all(self.readers())
                .await
                .map_err(failed_to(what))?;
            if !broken.is_empty() {
                found.push(format!("{} rows refer to missing rows", broken.len()));
            }
        }
        let [in_sqlite, in_postgresql] = WRONG_CONTENTS;
        let contents = (
            if is_sqlite { in_sqlite } else { in_postgresql },
            "",
            " objects have contents that differ from their segments",
        );
        for (count, before, after) in CONTRADICTIONS.into_iter().chain([contents]) {
            let (wrong,): (i64,) = sql::query_as(count)
                .fetch_one(self.readers())
                .await
                .map_err(failed_to(what))?;
            if wrong > 0 {
                found.push(format!("{before}{wrong}{after}: {ANOTHER_CATALOG}"));
            }
        }
        Ok(found)
    }

    /// Returns the number of objects, and their bytes, without those that were deleted and whose rows still stand.
    pub async fn archive_size(&self) -> Result<(u64, u64)> {
        let row = sql::query(concat!(
            "SELECT COUNT(*) AS objects, COALESCE(SUM(size_bytes), 0) AS size_bytes FROM objects o WHERE ",
            not_in_deleted_range!()
        ))
        .fetch_one(self.readers())
        .await
        .map_err(failed_to("count its objects"))?;
        Ok((row.unsigned("objects")?, row.unsigned("size_bytes")?))
    }

    /// Returns the next objects by id, of those that [`Self::archive_size`] counts.
    pub async fn recorded_after(
        &self,
        after: Option<ObjectId>,
        at_most: u32,
    ) -> Result<Vec<Recorded>> {
        let after = after.map(|id| id.bytes().to_vec()).unwrap_or_default();
        let rows = sql::query(select_recorded!(
            "object > ? AND ",
            not_in_deleted_range!(),
            " ORDER BY object LIMIT ?"
        ))
        .bind(after)
        .bind(at_most)
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("list its objects"))?;
        recorded(&rows)
    }

    /// Returns one object.
    pub async fn recorded(&self, id: ObjectId) -> Result<Option<Recorded>> {
        let rows = sql::query(select_recorded!("object = ?"))
            .bind(id.bytes())
            .fetch_all(self.readers())
            .await
            .map_err(failed_to(LOOK_UP))?;
        Ok(recorded(&rows)?.pop())
    }

    /// Reports whether a path belongs to an object, or is known as waste.
    pub async fn accounts_for(&self, id: ObjectId, path: &str) -> Result<bool> {
        let (known,): (bool,) = sql::query_as(concat!(
            "SELECT EXISTS (SELECT 1 FROM objects WHERE object = ?1 AND path = ?2) ",
            "OR EXISTS (SELECT 1 FROM waste WHERE path = ?2)"
        ))
        .bind(id.bytes())
        .bind(path)
        .fetch_one(self.readers())
        .await
        .map_err(failed_to("look up a path"))?;
        Ok(known)
    }
}

/// Refuses what needs the catalog's file.
pub fn in_postgres() -> StoreError {
    StoreError::Conflict(
        "the catalog of this directory is in PostgreSQL, which this command does not read. To back up both, stop the \
         server, run pg_dump, copy the directory and start the server again: see docs/OPERATIONS.md"
            .to_owned(),
    )
}

fn recorded(rows: &[Row]) -> Result<Vec<Recorded>> {
    let mut objects: Vec<Recorded> = Vec::new();
    for row in rows {
        let id: ObjectId = row.id("object")?;
        if objects.last().is_none_or(|last| last.file.id != id) {
            objects.push(Recorded {
                file: object_file(row)?,
                domain: domain_row(row)?.domain,
                segments: Vec::new(),
            });
        }
        if let (Some(segment), Some(last)) = (row.optional_id("segment")?, objects.last_mut()) {
            last.segments.push(RecordedSegment {
                id: segment,
                count: row.unsigned("count")?,
                size_bytes: row.unsigned("events_bytes")?,
                root: Root(row.hash("root")?),
            });
        }
    }
    Ok(objects)
}
