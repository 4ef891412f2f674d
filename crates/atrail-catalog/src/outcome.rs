//! What became of a commit that was reported as failed.
//!
//! A commit whose answer is lost may take effect, and even later: PostgreSQL may still be working on it after its client's
//! connection has ended. A transaction that writes begins only once every earlier one has ended, since each holds the same
//! lock. So the look is such a transaction: what it does not see never happens.

use atrail_disk::Result;
use atrail_model::ObjectId;
use atrail_wal::LogNumber;

use super::Catalog;
use super::failure::failed_to;
use super::removed_ranges::not_in_deleted_range;
use super::row::{Id, signed};
use crate::sql::{self, Connection};

const LOOK: &str = "look whether a commit took effect";

/// What a commit leaves, by which it is known.
#[derive(Debug, Clone, Copy)]
pub enum Trace<'a> {
    /// The events of a domain are sealed up to exactly this number.
    SealedTo {
        /// The log that has the number.
        log: LogNumber,
        /// The domain's number in the catalog.
        domain: i64,
        /// The sequence number in the log.
        sequence: u64,
    },
    /// An object is in the archive.
    Object(ObjectId),
    /// A deletion has removed an object: its row is gone, or is to go with a range that was deleted. One that retention
    /// removed is still there for the sessions that pinned it.
    Deletion(ObjectId),
    /// A file of this path is in the search index.
    IndexFile(&'a str),
}

impl Catalog {
    /// Reports which of these traces are there, once every transaction that began before has ended. What is not there will
    /// not be, unless a later transaction makes it so.
    ///
    /// # Errors
    /// When the catalog does not answer.
    pub async fn took_effect(&self, traces: &[Trace<'_>]) -> Result<Vec<bool>> {
        let mut tx = self.begin(LOOK).await?;
        #[cfg(any(test, feature = "faults"))]
        self.told_of(LOOK)?;
        let mut are_there = Vec::with_capacity(traces.len());
        for trace in traces {
            are_there.push(trace.is_there(&mut tx).await?);
        }
        Ok(are_there)
    }
}

impl Trace<'_> {
    async fn is_there(self, connection: &mut Connection) -> Result<bool> {
        let query = match self {
            Self::SealedTo {
                log,
                domain,
                sequence,
            } => sql::query(
                "SELECT EXISTS (SELECT 1 FROM watermarks WHERE log = ? AND domain = ? AND sequence = ?) AS found",
            )
            .bind(log.0)
            .bind(domain)
            .bind(signed(sequence)),
            Self::Object(id) => {
                sql::query("SELECT EXISTS (SELECT 1 FROM objects WHERE object = ?) AS found")
                    .bind(id.bytes())
            }
            Self::Deletion(id) => sql::query(concat!(
                "SELECT NOT EXISTS (SELECT 1 FROM objects o WHERE o.object = ? AND ",
                not_in_deleted_range!(),
                ") AS found"
            ))
            .bind(id.bytes()),
            Self::IndexFile(path) => {
                sql::query("SELECT EXISTS (SELECT 1 FROM index_files WHERE path = ?) AS found")
                    .bind(path)
            }
        };
        let row = query.fetch_one(connection).await;
        let row = row.map_err(failed_to(LOOK))?;
        row.try_get("found").map_err(failed_to(LOOK))
    }
}

#[cfg(test)]
mod tests;
