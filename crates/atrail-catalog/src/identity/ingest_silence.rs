//! When the senders of ingest keys fell silent, and when they came back.

use atrail_disk::Result;
use atrail_model::{LoginId, Timestamp};

use super::Identity;
use crate::failure::failed_to;
use crate::row::{Id, nanoseconds};
use crate::sql;

/// A sender that fell silent, or came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestTurn {
    /// Whether it fell silent.
    pub silent: bool,
    /// When.
    pub at: Timestamp,
    /// Of a silence, when the last event before it came, if one ever did; of an end of one, when the silence began.
    pub after: Option<Timestamp>,
}

impl Identity {
    /// Records that a sender fell silent or came back. The domain does not have the event about it yet. Returns `false`
    /// when the key is gone, or its sender is in this state already.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn turn_ingest_key(&self, login: LoginId, turn: IngestTurn) -> Result<bool> {
        const WHAT: &str = "record that a sender fell silent or came back";
        let IngestTurn { silent, at, after } = turn;
        let mut tx = self.catalog.begin(WHAT).await?;
        let done = sql::query(
            "UPDATE ingest_keys SET silent = ?1, turned = ?2, turned_after = ?3, turn_recorded = FALSE \
             WHERE login = ?4 AND silent <> ?1",
        )
        .bind(silent)
        .bind(nanoseconds(at))
        .bind(after.map(nanoseconds))
        .bind(login.bytes())
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        tx.commit_as_no_change().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Records that the domain of a key has the event about this turn.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn ingest_turn_is_on_record(&self, login: LoginId, turn: IngestTurn) -> Result<()> {
        const WHAT: &str = "record that an event about a sender was written";
        let mut tx = self.catalog.begin(WHAT).await?;
        sql::query(
            "UPDATE ingest_keys SET turn_recorded = TRUE WHERE login = ? AND silent = ? AND turned = ?",
        )
        .bind(login.bytes())
        .bind(turn.silent)
        .bind(nanoseconds(turn.at))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        tx.commit_as_no_change().await
    }
}
