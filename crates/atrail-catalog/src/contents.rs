//! Summarizes an object's segments in its row. The segments remain authoritative.

use atrail_disk::{Result, StoreError};
use atrail_model::{ObjectId, SegmentId};

use super::failure::failed_to;
use super::row::{Columns, Id};
use crate::sql::{self, Connection, Row};

/// The total of an object's segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Number of events.
    pub events: u64,
    /// Bytes of their lines, line feeds not counted.
    pub events_bytes: u64,
    /// Its segments, in order.
    pub segments: Vec<SegmentId>,
}

/// SQLite's SQL for the values of the columns `events`, `events_bytes` and `segments` of a row `o` of `objects`.
macro_rules! contents_of_segments {
    () => {
        concat!(
            "(SELECT COALESCE(SUM(s.count), 0), COALESCE(SUM(s.size_bytes), 0), ",
            "COALESCE(unhex(group_concat(hex(s.segment), '' ORDER BY s.position)), x'') ",
            "FROM segments s WHERE s.object = o.object)"
        )
    };
}
pub(super) use contents_of_segments;

/// The same for PostgreSQL, which puts bytes together in its own way.
macro_rules! contents_in_postgresql {
    () => {
        concat!(
            "(SELECT COALESCE(SUM(s.count), 0), COALESCE(SUM(s.size_bytes), 0), ",
            "COALESCE(string_agg(s.segment, '' ORDER BY s.position), '') ",
            "FROM segments s WHERE s.object = o.object)"
        )
    };
}
pub(super) use contents_in_postgresql;

/// Records the total of an object's segments in its row.
pub(super) async fn tell_contents(
    connection: &mut Connection,
    object: ObjectId,
    what: &'static str,
) -> Result<()> {
    let sql = if connection.is_sqlite() {
        concat!(
            "UPDATE objects AS o SET (events, events_bytes, segments) = ",
            contents_of_segments!(),
            " WHERE object = ?"
        )
    } else {
        concat!(
            "UPDATE objects AS o SET (events, events_bytes, segments) = ",
            contents_in_postgresql!(),
            " WHERE object = ?"
        )
    };
    sql::query(sql)
        .bind(object.bytes())
        .execute(connection)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}

impl Contents {
    /// Reads the columns `events`, `events_bytes` and `segments` of this object.
    pub(super) fn of_row(row: &Row, object: ObjectId) -> Result<Self> {
        let segments = row.bytes("segments")?;
        let (ids, []) = segments.as_chunks::<16>() else {
            return Err(StoreError::Damaged {
                what: "the catalog".to_owned(),
                why: format!("its list of the segments of object {object} is cut"),
            });
        };
        Ok(Self {
            events: row.unsigned("events")?,
            events_bytes: row.unsigned("events_bytes")?,
            segments: ids.iter().map(|id| SegmentId::from_bytes(*id)).collect(),
        })
    }
}
