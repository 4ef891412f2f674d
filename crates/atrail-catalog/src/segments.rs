//! Finds a segment by its GUID.

use atrail_archive::object::{ObjectFile, Segment};
use atrail_disk::Result;
use atrail_evidence::{Hash, Root};
use atrail_model::{Place, SegmentId, Target};

use super::domains::{DomainRow, domain_row};
use super::failure::failed_to;
use super::object_rows::object_file;
use super::row::{Columns, Id};
use super::view::View;
use crate::sql;

/// A segment that is in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSegment {
    /// Its domain.
    pub domain: DomainRow,
    /// Its record.
    pub segment: Segment,
    /// The hashes of its runs; empty when the catalog has none, as for a segment of one run.
    pub subtrees: Vec<Hash>,
    /// The file that holds it now.
    pub file: ObjectFile,
}

impl View<'_> {
    /// Returns a segment of the target: `None` also when it is another target's, or was deleted.
    pub async fn segment(
        &mut self,
        target: Target,
        segment: SegmentId,
    ) -> Result<Option<FoundSegment>> {
        let row = sql::query(concat!(
            "SELECT s.count, s.size_bytes AS lines_bytes, s.root, COALESCE(s.subtrees, zeroblob(0)) AS subtrees, ",
            "o.object, o.path, o.day, o.hour, o.size_bytes, o.sha256, d.domain, d.account, d.space ",
            "FROM segments s JOIN current_objects o ON o.object = s.object ",
            "JOIN domains d ON d.domain = o.domain WHERE s.segment = ?"
        ))
        .bind(segment.bytes())
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(failed_to("look up a segment"))?;
        let Some(row) = row else { return Ok(None) };
        let domain = domain_row(&row)?;
        let is_of_target = match target {
            Target::Account(account) => domain.account == account,
            Target::Space(_) => domain.domain == target.domain(),
        };
        if !is_of_target {
            return Ok(None);
        }
        let file = object_file(&row)?;
        let subtrees = row.bytes("subtrees")?;
        let (subtrees, _) = subtrees.as_chunks::<32>();
        Ok(Some(FoundSegment {
            domain,
            segment: Segment {
                id: segment,
                place: Place {
                    domain: domain.domain,
                    day: file.day,
                    hour: file.hour,
                },
                count: row.unsigned("count")?,
                size_bytes: row.unsigned("lines_bytes")?,
                root: Root(row.hash("root")?),
            },
            subtrees: subtrees.iter().map(|hash| Hash(*hash)).collect(),
            file,
        }))
    }
}
