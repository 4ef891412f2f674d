//! What ingest keys were used for.

use atrail_disk::Result;
use atrail_model::{LoginId, Timestamp};

use super::Identity;
use crate::failure::failed_to;
use crate::row::{Id, nanoseconds};
use crate::sql;

/// Number of keys whose uses one transaction records: other writers wait no longer than that takes.
const AT_ONCE: usize = 256;

/// What the server did with events of an ingest key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestCounts {
    /// Number of events stored or known already.
    pub accepted: u64,
    /// Number of those that were known already.
    pub duplicates: u64,
    /// Number of refused events.
    pub refused: u64,
    /// Bytes of request bodies, after decompression.
    pub bytes: u64,
}

impl std::ops::AddAssign for IngestCounts {
    fn add_assign(&mut self, other: Self) {
        self.accepted = self.accepted.saturating_add(other.accepted);
        self.duplicates = self.duplicates.saturating_add(other.duplicates);
        self.refused = self.refused.saturating_add(other.refused);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The uses of an ingest key since they were last recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestUse {
    /// When a request last carried the key.
    pub used: Option<Timestamp>,
    /// When the server last accepted an event of it.
    pub received: Option<Timestamp>,
    /// What the server did since.
    pub counts: IngestCounts,
}

impl IngestUse {
    /// Adds later uses.
    pub fn add(&mut self, later: Self) {
        self.used = self.used.max(later.used);
        self.received = self.received.max(later.received);
        self.counts += later.counts;
    }
}

impl Identity {
    /// Adds uses of ingest keys to those on record, each by the id of the key's requests. A key that is gone is skipped.
    /// They are recorded in parts, each in a transaction of its own; a part is removed from `uses` once it is durable, so
    /// that after an error the rest can be recorded again.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn note_ingest_uses(&self, uses: &mut Vec<(LoginId, IngestUse)>) -> Result<()> {
        const WHAT: &str = "record the use of ingest keys";
        while !uses.is_empty() {
            let from = uses.len().saturating_sub(AT_ONCE);
            let mut tx = self.catalog.begin(WHAT).await?;
            for (
                login,
                IngestUse {
                    used,
                    received,
                    counts,
                },
            ) in &uses[from..]
            {
                sql::query(
                    "UPDATE ingest_keys SET used = MAX(COALESCE(?1, used), COALESCE(used, ?1)), \
                     received = MAX(COALESCE(?2, received), COALESCE(received, ?2)), accepted = accepted + ?3, \
                     duplicates = duplicates + ?4, refused = refused + ?5, bytes = bytes + ?6 WHERE login = ?7",
                )
                .bind(used.map(nanoseconds))
                .bind(received.map(nanoseconds))
                .bind(count(counts.accepted))
                .bind(count(counts.duplicates))
                .bind(count(counts.refused))
                .bind(count(counts.bytes))
                .bind(login.bytes())
                .execute(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
            }
            tx.commit_as_no_change().await?;
            uses.truncate(from);
        }
        Ok(())
    }
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
