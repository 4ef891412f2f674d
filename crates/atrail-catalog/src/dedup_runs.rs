//! The runs of sealed events' keys that nodes which share a catalog have in the bucket.

use atrail_disk::Result;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, Id, signed};
use crate::sql;

const READ: &str = "list the runs of sealed events";
const ADD: &str = "add a run of sealed events";
const REMOVE: &str = "remove a run of sealed events";

/// What is known of a run's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunBytes {
    /// Their number.
    pub size_bytes: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

impl Catalog {
    /// Returns the names of the runs that count.
    pub async fn dedup_runs(&self) -> Result<Vec<String>> {
        let rows = sql::query("SELECT name FROM dedup_runs WHERE whole ORDER BY name")
            .fetch_all(self.readers())
            .await
            .map_err(failed_to(READ))?;
        rows.iter().map(|row| row.text("name")).collect()
    }

    /// Returns the names of runs that fenced nodes left half written, or half removed.
    pub async fn half_dedup_runs(&self) -> Result<Vec<String>> {
        let rows = sql::query(
            "SELECT r.name FROM dedup_runs r JOIN nodes n ON n.incarnation = r.incarnation \
             WHERE NOT r.whole AND n.fenced",
        );
        let rows = rows.fetch_all(self.readers()).await;
        let rows = rows.map_err(failed_to(READ))?;
        rows.iter().map(|row| row.text("name")).collect()
    }

    /// Returns what is known of a run that counts.
    pub async fn dedup_run(&self, name: &str) -> Result<Option<RunBytes>> {
        let row = sql::query("SELECT size_bytes, sha256 FROM dedup_runs WHERE name = ? AND whole")
            .bind(name)
            .fetch_optional(self.readers())
            .await
            .map_err(failed_to(READ))?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(RunBytes {
            size_bytes: row.unsigned("size_bytes")?,
            sha256: row.hash("sha256")?,
        }))
    }

    /// Notes that this node is about to write a run. It counts from [`Self::complete_dedup_run`] on.
    pub async fn begin_dedup_run(&self, name: &str, bytes: RunBytes) -> Result<()> {
        let Some(node) = self.membership() else {
            return Err(not_shared());
        };
        let mut tx = self.begin(ADD).await?;
        let noted = sql::query(
            "INSERT INTO dedup_runs (name, incarnation, whole, size_bytes, sha256) VALUES (?, ?, FALSE, ?, ?)",
        );
        let noted = noted
            .bind(name)
            .bind(node.incarnation().bytes())
            .bind(signed(bytes.size_bytes))
            .bind(bytes.sha256)
            .execute(&mut *tx)
            .await;
        noted.map_err(failed_to(ADD))?;
        tx.commit().await
    }

    /// Makes a run count whose object is durable.
    pub async fn complete_dedup_run(&self, name: &str) -> Result<()> {
        let mut tx = self.begin(ADD).await?;
        let noted = sql::query("UPDATE dedup_runs SET whole = TRUE WHERE name = ?")
            .bind(name)
            .execute(&mut *tx)
            .await;
        noted.map_err(failed_to(ADD))?;
        tx.commit().await
    }

    /// Notes that this node removes a run: from here on it does not count.
    pub async fn retire_dedup_run(&self, name: &str) -> Result<()> {
        let Some(node) = self.membership() else {
            return Err(not_shared());
        };
        let mut tx = self.begin(REMOVE).await?;
        let noted =
            sql::query("UPDATE dedup_runs SET whole = FALSE, incarnation = ? WHERE name = ?")
                .bind(node.incarnation().bytes())
                .bind(name)
                .execute(&mut *tx)
                .await;
        noted.map_err(failed_to(REMOVE))?;
        tx.commit().await
    }

    /// Forgets a run whose object is gone.
    pub async fn forget_dedup_run(&self, name: &str) -> Result<()> {
        let mut tx = self.begin(REMOVE).await?;
        let forgotten = sql::query("DELETE FROM dedup_runs WHERE name = ? AND NOT whole")
            .bind(name)
            .execute(&mut *tx)
            .await;
        forgotten.map_err(failed_to(REMOVE))?;
        tx.commit().await
    }
}

fn not_shared() -> atrail_disk::StoreError {
    atrail_disk::StoreError::Invalid("this catalog is not shared by nodes".to_owned())
}
