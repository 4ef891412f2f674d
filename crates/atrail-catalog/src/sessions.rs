//! Sessions in the catalog.

use std::collections::HashSet;

use atrail_disk::Result;
use atrail_evidence::{Hash, Manifest, Root};
use atrail_model::{
    ByteSet, Day, DayRange, Hour, Hours, ObjectId, Scope, SessionId, SpaceId, Target, Timestamp,
    UserId,
};

use super::Catalog;
use super::failure::{failed_to, malformed};
use super::row::{Columns, Id, nanoseconds};
use super::session::{EndedBy, PinnedCheckpoint, Session, SessionKey, SessionState};
use super::session_texts::{self, TextKind};
use crate::domains::DomainRow;
use crate::sql::{self, Connection, Row};

macro_rules! select_sessions {
    ($rest:literal) => {
        concat!(
            "SELECT session, generation, handed_out, owner, space, account, at_account_level, first_day, last_day, first_hour, last_hour, ",
            "created, accessed, made_age, used_age, events, size_bytes, total_bytes, downloaded_bytes, etag, gone, checkpoints FROM sessions ",
            $rest
        )
    };
}

impl Catalog {
    /// Returns the receipt of a session; `None` when the session dates from before receipts existed.
    pub async fn receipt(&self, session: &Session) -> Result<Option<Vec<u8>>> {
        let what = "read a receipt";
        let mut connection = self.readers().acquire().await.map_err(failed_to(what))?;
        let row = sql::query("SELECT text FROM receipts WHERE session = ?")
            .bind(session.id.bytes())
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed_to(what))?;
        if let Some(row) = row {
            return row.text("text").map(|text| Some(text.into_bytes()));
        }
        let Some(making) = session.generation else {
            return Ok(None);
        };
        let text = session_texts::read(&mut connection, making, TextKind::Receipt).await?;
        Ok((!text.is_empty()).then_some(text))
    }

    /// Returns the owner's sessions of a space, oldest first, ended ones included.
    pub async fn sessions(&self, owner: UserId, space: Option<SpaceId>) -> Result<Vec<Session>> {
        let rows = sql::query(select_sessions!(
            "WHERE owner = ?1 AND (?2 IS NULL OR space = ?2) ORDER BY created, session"
        ))
        .bind(owner.bytes())
        .bind(space.as_ref().map(Id::bytes))
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("list sessions"))?;
        rows.iter().map(session).collect()
    }

    /// Returns one session of the owner, ended or not.
    pub async fn session(&self, owner: UserId, id: SessionId) -> Result<Option<Session>> {
        let what = "look up a session";
        let mut connection = self.readers().acquire().await.map_err(failed_to(what))?;
        session_of(&mut connection, owner, id).await
    }

    /// Returns the bytes of the manifest and the receipt together, without reading them; 0 when there is no such
    /// session.
    pub async fn evidence_bytes(&self, id: SessionId) -> Result<u64> {
        let row = sql::query(concat!(
            "SELECT COALESCE((SELECT octet_length(manifest) FROM sessions WHERE session = ?1), 0) ",
            "+ COALESCE((SELECT octet_length(text) FROM receipts WHERE session = ?1), 0) ",
            "+ COALESCE((SELECT SUM(octet_length(bytes)) FROM session_texts ",
            "WHERE making = (SELECT generation FROM sessions WHERE session = ?1)), 0) AS bytes"
        ))
        .bind(id.bytes())
        .fetch_one(self.readers())
        .await
        .map_err(failed_to("look up a session"))?;
        row.unsigned("bytes")
    }

    /// Returns the manifest's text.
    pub async fn session_manifest(&self, id: SessionId) -> Result<Option<Vec<u8>>> {
        let what = "read a manifest";
        let mut connection = self.readers().acquire().await.map_err(failed_to(what))?;
        manifest_of(&mut connection, id).await
    }

    /// Deletes a session; returns `false` when this owner has none of this id.
    pub async fn delete_session(&self, owner: UserId, id: SessionId) -> Result<bool> {
        let mut tx = self.begin("delete a session").await?;
        let done = sql::query("DELETE FROM sessions WHERE session = ? AND owner = ?")
            .bind(id.bytes())
            .bind(owner.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to("delete a session"))?;
        #[cfg(feature = "cluster")]
        if self.is_shared() {
            // Other nodes notice it, whatever becomes of the caller.
            sql::query("UPDATE removals SET last = last + 1")
                .execute(&mut *tx)
                .await
                .map_err(failed_to("delete a session"))?;
        }
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Returns how many sessions have not ended.
    pub async fn count_sessions(&self, ended: EndedBy) -> Result<u64> {
        let row =
            sql::query("SELECT COUNT(*) AS open FROM sessions WHERE used_age > ? AND made_age > ?")
                .bind(nanoseconds(ended.used))
                .bind(nanoseconds(ended.made))
                .fetch_one(self.readers())
                .await
                .map_err(failed_to("count sessions"))?;
        row.unsigned("open")
    }
}

/// Returns the sessions that may have pinned objects in scope.
pub(super) async fn overlapping(
    connection: &mut Connection,
    domains: &[DomainRow],
    scope: &Scope,
) -> Result<HashSet<SessionKey>> {
    let what = "find the sessions that a deletion hits";
    let Some(account) = domains.first().map(|row| row.account) else {
        return Ok(HashSet::new());
    };
    let rows = sql::query(concat!(
        "SELECT session, generation FROM sessions WHERE account = ? AND gone IS NULL ",
        "AND first_day <= ? AND last_day >= ? AND first_hour <= ? AND last_hour >= ?"
    ))
    .bind(account.bytes())
    .bind(scope.days.end().number())
    .bind(scope.days.start().number())
    .bind(scope.hours.last().number())
    .bind(scope.hours.first().number())
    .fetch_all(&mut *connection)
    .await
    .map_err(failed_to(what))?;
    let key = |row: &Row| {
        Ok(SessionKey {
            id: row.id("session")?,
            generation: row.optional_id("generation")?,
        })
    };
    rows.iter().map(key).collect()
}

/// Reports whether a session has pinned any of these objects.
pub(super) async fn pins_one_of(
    connection: &mut Connection,
    session: SessionId,
    objects: &HashSet<ObjectId>,
) -> Result<bool> {
    let manifest = manifest_of(connection, session).await?;
    pins(&manifest.unwrap_or_default(), objects)
}

/// Marks sessions as gone, with the reason.
pub(super) async fn end_sessions(
    connection: &mut Connection,
    sessions: &[SessionId],
    reason: &str,
) -> Result<()> {
    for id in sessions {
        sql::query("UPDATE sessions SET gone = ? WHERE session = ?")
            .bind(reason)
            .bind(Id::bytes(id))
            .execute(&mut *connection)
            .await
            .map_err(failed_to("end the sessions that a deletion hits"))?;
    }
    Ok(())
}

/// Returns one session of the owner, ended or not.
pub(super) async fn session_of(
    connection: &mut Connection,
    owner: UserId,
    id: SessionId,
) -> Result<Option<Session>> {
    let row = sql::query(select_sessions!("WHERE session = ? AND owner = ?"))
        .bind(id.bytes())
        .bind(owner.bytes())
        .fetch_optional(connection)
        .await
        .map_err(failed_to("look up a session"))?;
    row.as_ref().map(session).transpose()
}

/// Returns the manifest's text, wherever it is stored.
async fn manifest_of(connection: &mut Connection, id: SessionId) -> Result<Option<Vec<u8>>> {
    let row = sql::query("SELECT manifest, generation FROM sessions WHERE session = ?")
        .bind(Id::bytes(&id))
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed_to("read a manifest"))?;
    let Some(row) = row else { return Ok(None) };
    let manifest = row.bytes("manifest")?;
    match row.optional_id("generation")? {
        Some(making) if manifest.is_empty() => {
            session_texts::read(connection, making, TextKind::Manifest)
                .await
                .map(Some)
        }
        _ => Ok(Some(manifest)),
    }
}

fn pins(manifest: &[u8], removed: &HashSet<ObjectId>) -> Result<bool> {
    let manifest: Manifest = serde_json::from_slice(manifest).map_err(malformed)?;
    let mut pinned = manifest
        .objects
        .iter()
        .map(|object| object.object.parse::<ObjectId>());
    Ok(pinned.any(|id| id.is_ok_and(|id| removed.contains(&id))))
}

/// Returns the session of a row; a caller that knows the time decides whether it has ended.
fn session(row: &Row) -> Result<Session> {
    let (days, hours) = days_and_hours(row)?;
    let space: Option<SpaceId> = row.optional_id("space")?;
    let target = match (row.integer("at_account_level")?, space) {
        (0, Some(space)) => Target::Space(space),
        (0, None) => return Err(malformed("a session of no space and no account")),
        _ => Target::Account(row.id("account")?),
    };
    let (created, accessed) = (row.moment("created")?, row.moment("accessed")?);
    let total_bytes = row.unsigned("total_bytes")?;
    let handed_out = handed_out(row)?;
    let downloaded_bytes = handed_out.count();
    let gone: Option<String> = row.try_get("gone").map_err(failed_to("read a row"))?;
    Ok(Session {
        id: row.id("session")?,
        generation: row.optional_id("generation")?,
        owner: row.id("owner")?,
        space,
        scope: Scope {
            target,
            days,
            hours,
        },
        created,
        accessed,
        made_age: row.moment("made_age")?,
        used_age: row.moment("used_age")?,
        expires: Timestamp::MAX,
        state: gone.map_or_else(
            || SessionState::of_progress(downloaded_bytes, total_bytes),
            SessionState::Gone,
        ),
        events: row.unsigned("events")?,
        size_bytes: row.unsigned("size_bytes")?,
        total_bytes,
        downloaded_bytes,
        handed_out,
        etag: row.hash("etag")?,
        checkpoints: checkpoints_of(&row.text("checkpoints")?)?,
        // Until it is set, every server of the session's bytes looks the session up again.
        removals: 0,
    })
}

/// Returns the bytes of a session that were served.
pub(super) fn handed_out(row: &Row) -> Result<ByteSet> {
    let bytes: Option<Vec<u8>> = row.try_get("handed_out").map_err(failed_to("read a row"))?;
    match bytes {
        Some(bytes) => ByteSet::from_bytes(&bytes).ok_or_else(|| malformed("a session's bytes")),
        None => Ok(ByteSet::up_to(row.unsigned("downloaded_bytes")?)),
    }
}

fn checkpoints_of(text: &str) -> Result<Vec<PinnedCheckpoint>> {
    let checkpoint = |line: &str| {
        let mut parts = line.split(' ');
        Some(PinnedCheckpoint {
            domain: parts.next()?.parse().ok()?,
            size: parts.next()?.parse().ok()?,
            root: Root(parts.next()?.parse::<Hash>().ok()?.0),
        })
    };
    text.lines()
        .map(|line| checkpoint(line).ok_or_else(|| malformed("a session's checkpoints")))
        .collect()
}

fn days_and_hours(row: &Row) -> Result<(DayRange, Hours)> {
    let day = |column| {
        let number = u32::try_from(row.integer(column)?).ok();
        number
            .and_then(Day::from_number)
            .ok_or_else(|| malformed("a session's day"))
    };
    let hour = |column| {
        let number = u8::try_from(row.integer(column)?).ok();
        number
            .and_then(Hour::new)
            .ok_or_else(|| malformed("a session's hour"))
    };
    let days = DayRange::new(day("first_day")?, day("last_day")?);
    let hours = Hours::new(hour("first_hour")?, hour("last_hour")?);
    days.zip(hours)
        .ok_or_else(|| malformed("a session's range"))
}
