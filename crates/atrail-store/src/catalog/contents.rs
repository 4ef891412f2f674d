//! What an object holds, as the catalog keeps it beside the object.

use atrail_model::SegmentId;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, Id};
use crate::error::{Result, StoreError};
use crate::object::Segment;

/// What the segments of an object hold together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Contents {
    /// Number of events.
    pub(crate) events: u64,
    /// Bytes of their lines, line feeds not counted.
    pub(crate) events_bytes: u64,
    /// Its segments, in order.
    pub(crate) segments: Vec<SegmentId>,
}

impl Contents {
    /// Of the columns `events`, `events_bytes` and `segments`.
    pub(super) fn of_row(row: &SqliteRow) -> Result<Self> {
        let segments = row.bytes("segments")?;
        let (ids, []) = segments.as_chunks::<16>() else {
            return Err(StoreError::Damaged {
                what: "the catalog".to_owned(),
                why: "the list of an object's segments is cut".to_owned(),
            });
        };
        Ok(Self {
            events: row.unsigned("events")?,
            events_bytes: row.unsigned("events_bytes")?,
            segments: ids.iter().map(|id| SegmentId::from_bytes(*id)).collect(),
        })
    }

    /// The segments as the catalog has them: 16 bytes each.
    pub(super) fn segment_bytes(&self) -> Vec<u8> {
        let ids = self.segments.iter().flat_map(|id| id.bytes());
        ids.copied().collect()
    }
}

impl<'a> FromIterator<&'a Segment> for Contents {
    fn from_iter<I: IntoIterator<Item = &'a Segment>>(segments: I) -> Self {
        let mut contents = Self::default();
        for segment in segments {
            contents.events += segment.count;
            contents.events_bytes += segment.size_bytes;
            contents.segments.push(segment.id);
        }
        contents
    }
}

/// One after the other.
impl<'a> FromIterator<&'a Self> for Contents {
    fn from_iter<I: IntoIterator<Item = &'a Self>>(parts: I) -> Self {
        let mut contents = Self::default();
        for part in parts {
            contents.events += part.events;
            contents.events_bytes += part.events_bytes;
            contents.segments.extend_from_slice(&part.segments);
        }
        contents
    }
}
