//! Records how sessions are used, and ends them.

use atrail_disk::Result;

use super::failure::failed_to;
use super::row::{Id, nanoseconds, signed};
use super::session::{EndedBy, SessionKey, Usage};
use super::sessions::handed_out;
use super::{Catalog, compaction};
use crate::sql::{self, Connection};

impl Catalog {
    /// Records how sessions were used.
    pub async fn note_activity(&self, used: &[(SessionKey, Usage)]) -> Result<()> {
        let what = "note the use of sessions";
        let mut tx = self.begin(what).await?;
        note_activity(&mut tx, used).await?;
        tx.commit().await
    }

    /// Deletes the sessions that have ended, and the new places of objects that no other session can have pinned.
    /// Records the uses of sessions first.
    pub async fn end_expired_sessions(
        &self,
        used: &[(SessionKey, Usage)],
        ended: EndedBy,
    ) -> Result<()> {
        let what = "end sessions";
        let mut tx = self.begin(what).await?;
        end_expired(&mut tx, used, ended).await?;
        compaction::forget_moved(&mut tx).await?;
        tx.commit().await
    }
}

/// As [`Catalog::end_expired_sessions`], within a larger transaction.
pub(super) async fn end_expired(
    connection: &mut Connection,
    used: &[(SessionKey, Usage)],
    ended: EndedBy,
) -> Result<()> {
    note_activity(connection, used).await?;
    delete_expired_sessions(connection, ended).await
}

/// Deletes the sessions that have ended.
async fn delete_expired_sessions(connection: &mut Connection, ended: EndedBy) -> Result<()> {
    sql::query("DELETE FROM sessions WHERE used_age <= ? OR made_age <= ?")
        .bind(nanoseconds(ended.used))
        .bind(nanoseconds(ended.made))
        .execute(connection)
        .await
        .map_err(failed_to("end sessions"))?;
    Ok(())
}

/// Records how sessions were used.
async fn note_activity(connection: &mut Connection, used: &[(SessionKey, Usage)]) -> Result<()> {
    let what = "note the use of sessions";
    for (session, used) in used {
        let row = sql::query(concat!(
            "SELECT handed_out, downloaded_bytes FROM sessions ",
            "WHERE session = ? AND generation IS NOT DISTINCT FROM ?"
        ))
        .bind(session.id.bytes())
        .bind(session.generation.as_ref().map(Id::bytes))
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed_to(what))?;
        let Some(row) = row else { continue };
        let mut handed_out = handed_out(&row)?;
        handed_out.add_all(&used.handed_out);
        sql::query(concat!(
            "UPDATE sessions SET accessed = CASE WHEN ?2 >= used_age THEN ?1 ELSE accessed END, ",
            "used_age = MAX(used_age, ?2), downloaded_bytes = ?3, handed_out = ?4 WHERE session = ?5"
        ))
        .bind(nanoseconds(used.accessed))
        .bind(nanoseconds(used.age))
        .bind(signed(handed_out.count()))
        .bind(handed_out.to_bytes())
        .bind(session.id.bytes())
        .execute(&mut *connection)
        .await
        .map_err(failed_to(what))?;
    }
    Ok(())
}
