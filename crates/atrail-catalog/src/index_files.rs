//! The files of the search index: each names the segments whose events it has.
//!
//! A row is written last, when the file is durable. The transaction that removes an event from the archive also removes
//! the rows of its domain's day, and their paths become waste: so every segment of a row is in the archive.

use std::collections::HashSet;

use atrail_archive::object::ObjectFile;
use atrail_disk::Result;
use atrail_model::{Day, Domain, Hour, SegmentId};

use super::Catalog;
use super::domains::domain_row;
use super::failure::{failed_to, malformed};
use super::object_rows::{day_of, object_file};
use super::row::{Columns, Id, ROWS_AT_ONCE, signed};
use super::waste::{delete_waste, insert_waste};
use crate::sql::{self, Connection, Row, Statement};

const WHAT: &str = "read the search index";
const COMMIT: &str = "add to the search index";

/// A file of the search index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFileRow {
    /// Its path below the data directory; it begins with `index/`.
    pub path: String,
    /// The domain of its events.
    pub domain: Domain,
    /// The day of its events.
    pub day: Day,
    /// The version of its format.
    pub version: u32,
    /// The number of its events.
    pub events: u64,
    /// The length of the file.
    pub size_bytes: u64,
    /// The length of its footer.
    pub footer_bytes: u32,
    /// The SHA-256 of its footer.
    pub footer_sha256: [u8; 32],
    /// The segments whose events it has.
    pub segments: Vec<SegmentId>,
}

/// A segment that a file of the index may cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexableSegment {
    /// Its id.
    pub id: SegmentId,
    /// The hour of its events.
    pub hour: Hour,
    /// The number of its events.
    pub events: u64,
    /// Bytes of its lines.
    pub events_bytes: u64,
    /// The file that holds it.
    pub file: ObjectFile,
    /// Its number among the segments of that file, from 0.
    pub nth: usize,
}

/// A domain's day, and how much of it the index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexedDay {
    /// The domain.
    pub domain: Domain,
    /// The day.
    pub day: Day,
    /// Number of its sealed events.
    pub events: u64,
    /// Number of those that are in files of the current version.
    pub indexed: u64,
    /// The number of these files.
    pub files: u64,
}

impl Catalog {
    /// Returns the days on or after this one that have sealed events, or files of the index, with the extent of the index;
    /// newest first.
    pub async fn indexed_days(&self, from: Day, version: u32) -> Result<Vec<IndexedDay>> {
        let rows = sql::query(concat!(
            "SELECT t.day, t.count, d.domain, d.account, d.space, ",
            "COALESCE(SUM(f.events), 0) AS indexed, COUNT(f.path) AS files FROM ",
            "(SELECT domain, day, SUM(count) AS count FROM hour_totals WHERE day >= ?1 GROUP BY domain, day) t ",
            "JOIN domains d ON d.domain = t.domain ",
            "LEFT JOIN index_files f ON f.domain = t.domain AND f.day = t.day AND f.version = ?2 ",
            "WHERE NOT EXISTS (SELECT 1 FROM removed_ranges r WHERE r.domain = t.domain) ",
            "GROUP BY t.domain, t.day, t.count, d.domain ORDER BY t.day DESC, t.domain"
        ))
        .bind(from.number())
        .bind(version)
        .fetch_all(self.readers())
        .await
        .map_err(failed_to(WHAT))?;
        rows.iter()
            .map(|row| {
                Ok(IndexedDay {
                    domain: domain_row(row)?.domain,
                    day: day_of(row)?,
                    events: row.unsigned("count")?,
                    indexed: row.unsigned("indexed")?,
                    files: row.unsigned("files")?,
                })
            })
            .collect()
    }

    /// Returns the files of a domain's day, and the day's segments in the order in which their events arrived, hour by
    /// hour.
    pub async fn indexable(
        &self,
        domain: i64,
        day: Day,
    ) -> Result<(Vec<IndexFileRow>, Vec<IndexableSegment>)> {
        let mut tx = self.readers().begin_read().await.map_err(failed_to(WHAT))?;
        let rows = sql::query(concat!(
            "SELECT f.*, d.account, d.space FROM current_index_files f JOIN domains d ON d.domain = f.domain ",
            "WHERE f.domain = ? AND f.day = ? ORDER BY f.path"
        ))
        .bind(domain)
        .bind(day.number())
        .fetch_all(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        let files = rows.iter().map(file_row).collect::<Result<_>>()?;
        let rows = sql::query(concat!(
            "SELECT s.segment, s.position, s.count, s.size_bytes AS events_bytes, ",
            "o.object, o.path, o.day, o.hour, o.size_bytes, o.sha256 ",
            "FROM current_objects o JOIN segments s ON s.object = o.object WHERE o.domain = ? AND o.day = ? ",
            "ORDER BY o.hour, o.place, s.position"
        ))
        .bind(domain)
        .bind(day.number())
        .fetch_all(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        let mut segments: Vec<IndexableSegment> = Vec::with_capacity(rows.len());
        for row in &rows {
            let file = object_file(row)?;
            let last = segments.last().filter(|last| last.file.id == file.id);
            segments.push(IndexableSegment {
                id: row.id("segment")?,
                hour: file.hour,
                events: row.unsigned("count")?,
                events_bytes: row.unsigned("events_bytes")?,
                // Positions are in order, but not without gaps.
                nth: last.map_or(0, |last| last.nth + 1),
                file,
            });
        }
        Ok((files, segments))
    }

    /// Adds files to the index, each with its domain's number and the paths of those whose place it takes: these become
    /// waste. A file is left out when one of its segments is gone, or one of those files is: events were removed meanwhile.
    /// Returns the paths of the files that were added.
    pub async fn add_index_files(
        &self,
        files: &[(i64, &IndexFileRow, &[String])],
    ) -> Result<HashSet<String>> {
        let mut tx = self.begin(COMMIT).await?;
        let mut added = HashSet::with_capacity(files.len());
        for (domain, file, replaced) in files {
            if has_segments(&mut tx, &file.segments).await? && has_files(&mut tx, replaced).await? {
                delete(&mut tx, replaced).await?;
                insert_waste(&mut tx, replaced).await?;
                insert(&mut tx, *domain, file).await?;
                delete_waste(&mut tx, std::slice::from_ref(&file.path)).await?;
                added.insert(file.path.clone());
            }
        }
        tx.commit().await?;
        Ok(added)
    }

    /// Reports whether the index has a file.
    pub async fn has_index_file(&self, path: &str) -> Result<bool> {
        let row = sql::query("SELECT 1 FROM index_files WHERE path = ?")
            .bind(path)
            .fetch_optional(self.readers())
            .await
            .map_err(failed_to(WHAT))?;
        Ok(row.is_some())
    }

    /// Reports whether a path is one of the index, or waste.
    pub async fn accounts_for_index(&self, path: &str) -> Result<bool> {
        let row = sql::query(
            "SELECT 1 FROM index_files WHERE path = ?1 UNION ALL SELECT 1 FROM waste WHERE path = ?1",
        )
        .bind(path)
        .fetch_optional(self.readers())
        .await
        .map_err(failed_to(WHAT))?;
        Ok(row.is_some())
    }

    /// Returns some files of the index in the order of their paths, after this one.
    pub async fn index_files_after(&self, path: &str, limit: u32) -> Result<Vec<IndexFileRow>> {
        let rows = sql::query(concat!(
            "SELECT f.*, d.account, d.space FROM index_files f JOIN domains d ON d.domain = f.domain ",
            "WHERE f.path > ? ORDER BY f.path LIMIT ?"
        ))
        .bind(path)
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(failed_to(WHAT))?;
        rows.iter().map(file_row).collect()
    }

    /// Removes files from the index; their paths are waste from then on.
    pub async fn drop_index_files(&self, paths: &[String]) -> Result<()> {
        for chunk in paths.chunks(ROWS_AT_ONCE) {
            let mut tx = self.begin("remove from the search index").await?;
            if delete(&mut tx, chunk).await? > 0 {
                insert_waste(&mut tx, chunk).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// Returns the name of the mark in the index's directory, if there is one.
    pub async fn index_mark(&self) -> Result<Option<String>> {
        let row = sql::query("SELECT mark FROM index_home")
            .fetch_optional(self.readers())
            .await
            .map_err(failed_to(WHAT))?;
        row.map(|row| row.text("mark")).transpose()
    }

    /// Begins an index in a directory with this mark, which has no file of it. Returns the paths of files that were
    /// waste: there is nothing to erase.
    pub async fn begin_index(&self, mark: &str) -> Result<()> {
        let what = "begin the search index";
        let mut tx = self.begin(what).await?;
        for sql in [
            "DELETE FROM index_files",
            "DELETE FROM waste WHERE path LIKE 'index/%'",
            "DELETE FROM index_home",
        ] {
            let done = sql::query(sql).execute(&mut *tx).await;
            done.map_err(failed_to(what))?;
        }
        sql::query("INSERT INTO index_home (\"only\", mark) VALUES (1, ?)")
            .bind(mark)
            .execute(&mut *tx)
            .await
            .map_err(failed_to(what))?;
        tx.commit().await
    }
}

/// Removes the files of days of a domain from the index; their paths become waste, and are returned.
pub(super) async fn drop_days(
    connection: &mut Connection,
    domain: i64,
    (first, last): (i64, i64),
) -> Result<Vec<String>> {
    let what = "remove from the search index";
    let rows = sql::query(
        "DELETE FROM index_files WHERE domain = ? AND day BETWEEN ? AND ? RETURNING path",
    )
    .bind(domain)
    .bind(first)
    .bind(last)
    .fetch_all(&mut *connection)
    .await
    .map_err(failed_to(what))?;
    let paths = rows.iter().map(|row| row.text("path"));
    let paths = paths.collect::<Result<Vec<_>>>()?;
    insert_waste(connection, &paths).await?;
    Ok(paths)
}

/// Reports whether the archive has all of these segments.
async fn has_segments(connection: &mut Connection, segments: &[SegmentId]) -> Result<bool> {
    for chunk in segments.chunks(ROWS_AT_ONCE) {
        let mut query = Statement::new(concat!(
            "SELECT COUNT(*) AS count FROM segments s JOIN current_objects o ON o.object = s.object ",
            "WHERE s.segment IN ("
        ));
        let mut ids = query.separated(", ");
        for id in chunk {
            ids.push_bind(id.bytes());
        }
        query.push(")");
        let row = query.build().fetch_one(&mut *connection).await;
        if row.map_err(failed_to(COMMIT))?.unsigned("count")? != chunk.len() as u64 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reports whether the index has all of these files.
async fn has_files(connection: &mut Connection, paths: &[String]) -> Result<bool> {
    for path in paths {
        let found = sql::query("SELECT 1 FROM index_files WHERE path = ?")
            .bind(path)
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed_to(COMMIT))?;
        if found.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn insert(connection: &mut Connection, domain: i64, file: &IndexFileRow) -> Result<()> {
    sql::query(concat!(
        "INSERT INTO index_files (path, domain, day, version, events, size_bytes, footer_bytes, footer_sha256, ",
        "segments) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ))
    .bind(&file.path)
    .bind(domain)
    .bind(file.day.number())
    .bind(file.version)
    .bind(signed(file.events))
    .bind(signed(file.size_bytes))
    .bind(file.footer_bytes)
    .bind(file.footer_sha256.as_slice())
    .bind(bytes_of(&file.segments))
    .execute(connection)
    .await
    .map_err(failed_to(COMMIT))?;
    Ok(())
}

async fn delete(connection: &mut Connection, paths: &[String]) -> Result<u64> {
    let mut gone = 0;
    for chunk in paths.chunks(ROWS_AT_ONCE) {
        let mut query = Statement::new("DELETE FROM index_files WHERE path IN (");
        let mut list = query.separated(", ");
        for path in chunk {
            list.push_bind(path);
        }
        query.push(")");
        let done = query.build().execute(&mut *connection).await;
        gone += done.map_err(failed_to(COMMIT))?.rows_affected();
    }
    Ok(gone)
}

pub(super) fn file_row(row: &Row) -> Result<IndexFileRow> {
    let narrow = |column: &str| {
        let number = u32::try_from(row.integer(column)?);
        number.map_err(|_| malformed("a file of the search index has a column out of range"))
    };
    let segments = row.bytes("segments")?;
    let (ids, []) = segments.as_chunks::<16>() else {
        return Err(malformed("the segments of a file of the search index"));
    };
    Ok(IndexFileRow {
        path: row.text("path")?,
        domain: domain_row(row)?.domain,
        day: day_of(row)?,
        version: narrow("version")?,
        events: row.unsigned("events")?,
        size_bytes: row.unsigned("size_bytes")?,
        footer_bytes: narrow("footer_bytes")?,
        footer_sha256: row.hash("footer_sha256")?,
        segments: ids.iter().map(|id| SegmentId::from_bytes(*id)).collect(),
    })
}

fn bytes_of(segments: &[SegmentId]) -> Vec<u8> {
    segments
        .iter()
        .flat_map(|id| id.bytes().iter().copied())
        .collect()
}
