//! The checkpoints that nodes which share a catalog have signed.

use atrail_disk::{Result, StoreError};

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, signed};
use crate::sql::{self, Connection, Row};

const READ: &str = "read what was signed";
const KEEP: &str = "record what was signed";
const DEMAND: &str = "demand a new epoch";

/// A checkpoint that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRow {
    /// The domain, as a text.
    pub domain: String,
    /// The log's name.
    pub origin: String,
    /// The number of its records.
    pub size: u64,
    /// The root over them.
    pub root: [u8; 32],
    /// The signed note.
    pub note: String,
}

/// Up to where a node knows what was signed: the last checkpoint that it has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedUpTo {
    number: i64,
    last: SignedRow,
}

impl SignedUpTo {
    /// Reports whether this goes further.
    #[must_use]
    pub const fn is_beyond(&self, other: &Self) -> bool {
        self.number > other.number
    }
}

/// What was signed since.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignedSince {
    /// In the order of their recording.
    pub rows: Vec<SignedRow>,
    /// Up to where it goes, unless nothing was ever signed.
    pub up_to: Option<SignedUpTo>,
}

impl Catalog {
    /// Returns the checkpoints that were recorded after this one; without it, the last one of each domain.
    ///
    /// # Errors
    /// `Poisoned` when this one is not recorded any more: the database was set back.
    pub async fn signed_since(&self, known: Option<&SignedUpTo>) -> Result<SignedSince> {
        let mut snapshot = self.snapshot(READ).await?;
        signed_since(snapshot.view().connection, known).await
    }

    /// Records checkpoints that the object of this path has, in their order. It skips those that are recorded, or are not
    /// longer than the last one of their domain and origin. Returns what was recorded since `known`, these included.
    ///
    /// # Errors
    /// `Poisoned`, with nothing recorded, when one has another root than a recorded one of its origin and size, or when
    /// `known` is not recorded any more.
    pub async fn record_signed(
        &self,
        path: &str,
        rows: &[SignedRow],
        known: Option<&SignedUpTo>,
    ) -> Result<SignedSince> {
        let mut tx = self.begin(KEEP).await?;
        // The database may have been set back since.
        signed_since(&mut tx, known).await?;
        for row in rows {
            refuse_contrary(&mut tx, row).await?;
            let longest = sql::query_as::<(Option<i64>,)>(
                "SELECT (SELECT CASE WHEN origin = ?2 THEN size END FROM checkpoints WHERE domain = ?1 \
                 ORDER BY number DESC LIMIT 1)",
            );
            let longest = longest.bind(&row.domain).bind(&row.origin);
            let (longest,) = longest.fetch_one(&mut *tx).await.map_err(failed_to(KEEP))?;
            if longest.is_some_and(|longest| longest >= signed(row.size)) {
                continue;
            }
            let inserted = sql::query(
                "INSERT INTO checkpoints (origin, size, root, note, domain) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT (origin, size) DO NOTHING",
            );
            let inserted = inserted
                .bind(&row.origin)
                .bind(signed(row.size))
                .bind(row.root)
                .bind(&row.note)
                .bind(&row.domain)
                .execute(&mut *tx);
            inserted.await.map_err(failed_to(KEEP))?;
        }
        let noted = sql::query(
            "INSERT INTO checkpoint_objects (path) VALUES (?) ON CONFLICT (path) DO NOTHING",
        );
        let noted = noted.bind(path).execute(&mut *tx).await;
        noted.map_err(failed_to(KEEP))?;
        let since = signed_since(&mut tx, known).await?;
        tx.commit().await?;
        Ok(since)
    }

    /// Returns the paths of the objects whose checkpoints are recorded.
    pub async fn signed_objects(&self) -> Result<Vec<String>> {
        let rows = sql::query("SELECT path FROM checkpoint_objects")
            .fetch_all(self.readers())
            .await
            .map_err(failed_to(READ))?;
        rows.iter().map(|row| row.text("path")).collect()
    }

    /// Returns why the next start must begin a new epoch, if it must.
    pub async fn epoch_demand(&self) -> Result<Option<String>> {
        let row = sql::query("SELECT reason FROM epoch_demand")
            .fetch_optional(self.readers())
            .await
            .map_err(failed_to(DEMAND))?;
        row.map(|row| row.text("reason")).transpose()
    }

    /// Makes the next start begin a new epoch for this reason, or none.
    pub async fn set_epoch_demand(&self, reason: Option<&str>) -> Result<()> {
        let mut tx = self.begin(DEMAND).await?;
        let set = match reason {
            Some(reason) => sql::query(
                "INSERT INTO epoch_demand (\"only\", reason) VALUES (1, ?) \
                 ON CONFLICT (\"only\") DO UPDATE SET reason = excluded.reason",
            )
            .bind(reason),
            None => sql::query("DELETE FROM epoch_demand"),
        };
        set.execute(&mut *tx).await.map_err(failed_to(DEMAND))?;
        tx.commit().await
    }
}

async fn signed_since(
    connection: &mut Connection,
    known: Option<&SignedUpTo>,
) -> Result<SignedSince> {
    let query = match known {
        Some(known) => sql::query(
            "SELECT number, domain, origin, size, root, note FROM checkpoints WHERE number >= ? ORDER BY number",
        )
        .bind(known.number),
        None => sql::query(
            "SELECT number, domain, origin, size, root, note FROM checkpoints WHERE number IN \
             (SELECT MAX(number) FROM checkpoints GROUP BY domain) ORDER BY number",
        ),
    };
    let rows = query.fetch_all(&mut *connection).await;
    let rows = rows.map_err(failed_to(READ))?;
    let mut rows = rows.iter().map(numbered).collect::<Result<Vec<_>>>()?;
    let up_to = rows.last().cloned().or_else(|| known.cloned());
    if let Some(known) = known {
        if rows.first() != Some(known) {
            return Err(StoreError::Poisoned(format!(
                "the checkpoint {} of {} was signed, and the catalog lacks it: it was set back. Start the nodes anew",
                known.last.size, known.last.domain
            )));
        }
        rows.remove(0);
    }
    Ok(SignedSince {
        rows: rows.into_iter().map(|row| row.last).collect(),
        up_to,
    })
}

fn numbered(row: &Row) -> Result<SignedUpTo> {
    Ok(SignedUpTo {
        number: row.integer("number")?,
        last: SignedRow {
            domain: row.text("domain")?,
            origin: row.text("origin")?,
            size: row.unsigned("size")?,
            root: row.hash("root")?,
            note: row.text("note")?,
        },
    })
}

async fn refuse_contrary(connection: &mut Connection, row: &SignedRow) -> Result<()> {
    let recorded = sql::query("SELECT root FROM checkpoints WHERE origin = ? AND size = ?")
        .bind(&row.origin)
        .bind(signed(row.size))
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed_to(KEEP))?;
    match recorded {
        Some(recorded) if recorded.hash("root")? != row.root => Err(StoreError::Poisoned(format!(
            "another history of {} at size {} was signed before",
            row.origin, row.size
        ))),
        _ => Ok(()),
    }
}
