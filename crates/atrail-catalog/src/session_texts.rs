//! Manifests and receipts that are too long for one transaction.

use atrail_disk::Result;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, Id, signed};
use super::session::Generation;
use crate::sql::{self, Connection, Row};

/// Parts that one query reads.
const PARTS_AT_ONCE: u32 = 64;
/// Bytes of texts after which their maker moves the log into the database, before a login would have to.
const MOVED_AT_ONCE_BYTES: usize = 6 << 20;

/// The kind of a session's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// The list of its objects.
    Manifest,
    /// The signed receipt.
    Receipt,
}

impl TextKind {
    const fn number(self) -> i64 {
        match self {
            Self::Manifest => 0,
            Self::Receipt => 1,
        }
    }
}

impl Catalog {
    /// Writes the texts of a session that is being created, one transaction for each part of this many bytes. No reader
    /// sees them before the session is inserted, and they become durable with it.
    pub async fn write_texts(
        &self,
        making: Generation,
        texts: [(TextKind, &[u8]); 2],
        part_bytes: usize,
    ) -> Result<()> {
        let what = "write the texts of a session";
        let part_bytes = part_bytes.max(1);
        let mut in_log = 0;
        for (kind, text) in texts {
            for (part, bytes) in text.chunks(part_bytes).enumerate() {
                let mut tx = self.begin_unsynced(what).await?;
                sql::query(
                    "INSERT INTO session_texts (making, kind, part, bytes) VALUES (?, ?, ?, ?)",
                )
                .bind(Id::bytes(&making))
                .bind(kind.number())
                .bind(signed(part as u64))
                .bind(bytes)
                .execute(tx.connection())
                .await
                .map_err(failed_to(what))?;
                tx.commit().await?;
                in_log += bytes.len();
                if in_log >= MOVED_AT_ONCE_BYTES {
                    self.move_from_log().await;
                    in_log = 0;
                } else {
                    // Otherwise the next writer would sync these bytes, too, while others wait for it.
                    self.sync_log().await;
                }
            }
        }
        self.upkeep.note_texts();
        Ok(())
    }

    /// Deletes the parts of generations that no session has, each in a transaction of its own, except those of sessions
    /// that are still being created.
    pub async fn delete_stray_texts(
        &self,
        is_being_made: impl Fn(&Generation) -> bool,
    ) -> Result<()> {
        let what = "delete the texts of ended sessions";
        let mut after = -1;
        loop {
            let rows = sql::query(concat!(
                "SELECT rowid AS number, making FROM session_texts WHERE rowid > ? ",
                "AND making NOT IN (SELECT generation FROM sessions WHERE generation IS NOT NULL) ",
                "ORDER BY rowid LIMIT ?"
            ))
            .bind(after)
            .bind(PARTS_AT_ONCE)
            .fetch_all(self.readers())
            .await
            .map_err(failed_to(what))?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                after = row.integer("number")?;
                // The check follows the query: a generation that is neither in creation nor a session will never be
                // one. A generation that became a session in between is spared by the statement, too.
                if !is_being_made(&making(row)?) {
                    self.delete_stray_text(after).await?;
                }
            }
        }
    }

    async fn delete_stray_text(&self, number: i64) -> Result<()> {
        let what = "delete the texts of ended sessions";
        // A power loss may restore the part; the background then deletes it again.
        let mut tx = self.begin_unsynced(what).await?;
        sql::query(concat!(
            "DELETE FROM session_texts WHERE rowid = ? ",
            "AND making NOT IN (SELECT generation FROM sessions WHERE generation IS NOT NULL)"
        ))
        .bind(number)
        .execute(tx.connection())
        .await
        .map_err(failed_to(what))?;
        tx.commit().await
    }
}

/// Returns a text that was written in parts; empty when there is none.
pub(super) async fn read(
    connection: &mut Connection,
    making: Generation,
    kind: TextKind,
) -> Result<Vec<u8>> {
    let rows =
        sql::query("SELECT bytes FROM session_texts WHERE making = ? AND kind = ? ORDER BY part")
            .bind(Id::bytes(&making))
            .bind(kind.number())
            .fetch_all(connection)
            .await
            .map_err(failed_to("read the texts of a session"))?;
    let parts = rows.iter().map(|row| row.bytes("bytes"));
    Ok(parts.collect::<Result<Vec<_>>>()?.concat())
}

fn making(row: &Row) -> Result<Generation> {
    row.id("making")
}

#[cfg(test)]
mod tests;
