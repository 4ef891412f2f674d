//! The transaction that creates a session.

use atrail_disk::Result;
use atrail_evidence::Hash;
use atrail_model::{AccountId, Scope, SpaceId, Target, UserId};

use super::Catalog;
use super::domains::Removals;
use super::failure::failed_to;
use super::row::{Columns, Id, nanoseconds, signed};
use super::session::{EndedBy, OpenSessions, PinnedCheckpoint, Session, SessionKey, Usage};
use super::session_use::end_expired;
use super::sessions::session_of;
use super::view::{View, Write};
use crate::sql::{self, Connection};

/// A session that is ready for insertion.
#[derive(Debug, Clone, Copy)]
pub struct SessionRow<'a> {
    /// The session.
    pub session: &'a Session,
    /// The account of the session's scope.
    pub account: AccountId,
    /// Its manifest and receipt; `None` when they were written before, in parts.
    pub texts: Option<(&'a [u8], &'a str)>,
}

/// The conditions under which a session is created, and what to record before they are checked. The catalog may call
/// the closures more than once.
pub struct Admission<'a> {
    /// The uses of sessions that the catalog has not recorded yet.
    pub used: Vec<(SessionKey, Usage)>,
    /// The moments that decide which sessions have ended.
    pub ended: EndedBy,
    /// Present when a session may have this id already: returns that session if it is still open.
    pub made_before: Option<&'a (dyn Fn(Session) -> Option<Session> + Send + Sync)>,
    /// Refuses one more session when this many are open.
    pub admit: &'a (dyn Fn(OpenSessions) -> Result<()> + Send + Sync),
}

/// The outcome of an insert.
#[derive(Debug)]
pub enum Inserted {
    /// The session was inserted.
    Done,
    /// The same request created it before.
    Before(Box<Session>),
    /// Objects of its target were removed meanwhile: the session was not inserted.
    Stale,
}

impl Catalog {
    /// Creates a session from earlier reads, unless objects of its target were removed since.
    ///
    /// # Errors
    /// The admission's refusal, or when the catalog fails: no session is created then.
    pub async fn insert_session(
        &self,
        row: SessionRow<'_>,
        as_of: Removals,
        admission: &Admission<'_>,
    ) -> Result<Inserted> {
        let mut write = self.write("create a session").await?;
        let target = row.session.scope.target;
        if View::of(&mut write.0).removals_of(target).await? != as_of {
            return Ok(Inserted::Stale);
        }
        let inserted = write.insert_session(row, admission).await?;
        if matches!(inserted, Inserted::Done) {
            write.commit().await?;
        }
        Ok(inserted)
    }
}

impl Write {
    /// Creates a session from this transaction's own reads.
    ///
    /// # Errors
    /// As [`Catalog::insert_session`].
    pub async fn insert_session(
        &mut self,
        row: SessionRow<'_>,
        admission: &Admission<'_>,
    ) -> Result<Inserted> {
        let session = row.session;
        // The same request may be in progress twice; transactions that write run one after the other.
        if let Some(while_open) = admission.made_before {
            let made = session_of(&mut self.0, session.owner, session.id).await?;
            if let Some(made) = made.and_then(while_open) {
                return Ok(Inserted::Before(Box::new(made)));
            }
        }
        end_expired(&mut self.0, &admission.used, admission.ended).await?;
        let (account, space) = (row.account, session.space);
        let open = count_open_sessions(&mut self.0, account, space, session.owner).await?;
        (admission.admit)(open)?;
        insert_session(&mut self.0, row).await?;
        Ok(Inserted::Done)
    }
}

/// Inserts a new session with its texts, or without them when they were written before.
async fn insert_session(connection: &mut Connection, row: SessionRow<'_>) -> Result<()> {
    let SessionRow {
        session,
        account,
        texts,
    } = row;
    let (manifest, receipt) = texts.unzip();
    let Scope {
        target,
        days,
        hours,
    } = session.scope;
    sql::query(concat!(
        "INSERT INTO sessions (session, generation, owner, space, account, at_account_level, first_day, last_day, ",
        "first_hour, last_hour, created, accessed, made_age, used_age, events, size_bytes, total_bytes, downloaded_bytes, ",
        "manifest, etag, checkpoints) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)"
    ))
    .bind(session.id.bytes())
    .bind(session.generation.as_ref().map(Id::bytes))
    .bind(session.owner.bytes())
    .bind(session.space.as_ref().map(Id::bytes))
    .bind(account.bytes())
    .bind(matches!(target, Target::Account(_)))
    .bind(days.start().number())
    .bind(days.end().number())
    .bind(hours.first().number())
    .bind(hours.last().number())
    .bind(nanoseconds(session.created))
    .bind(nanoseconds(session.accessed))
    .bind(nanoseconds(session.made_age))
    .bind(nanoseconds(session.used_age))
    .bind(signed(session.events))
    .bind(signed(session.size_bytes))
    .bind(signed(session.total_bytes))
    .bind(manifest.unwrap_or_default())
    .bind(session.etag.as_slice())
    .bind(checkpoints_text(&session.checkpoints))
    .execute(&mut *connection)
    .await
    .map_err(failed_to("create a session"))?;
    let Some(receipt) = receipt else {
        return Ok(());
    };
    sql::query("INSERT INTO receipts (session, text) VALUES (?, ?)")
        .bind(session.id.bytes())
        .bind(receipt)
        .execute(connection)
        .await
        .map_err(failed_to("create a session"))?;
    Ok(())
}

/// Counts the open sessions that count against the limit of a space (or of an account's sessions without a space).
async fn count_open_sessions(
    connection: &mut Connection,
    account: AccountId,
    space: Option<SpaceId>,
    owner: UserId,
) -> Result<OpenSessions> {
    let row = sql::query(concat!(
        "SELECT COUNT(*) AS open, COUNT(*) FILTER (WHERE owner = ?) AS own ",
        "FROM sessions WHERE account = ? AND space IS NOT DISTINCT FROM ?"
    ))
    .bind(owner.bytes())
    .bind(account.bytes())
    .bind(space.as_ref().map(Id::bytes))
    .fetch_one(connection)
    .await
    .map_err(failed_to("count sessions"))?;
    Ok(OpenSessions {
        own: row.unsigned("own")?,
        of_all: row.unsigned("open")?,
    })
}

/// Returns one line for each: domain, size, root.
fn checkpoints_text(checkpoints: &[PinnedCheckpoint]) -> String {
    let lines = checkpoints.iter().map(|checkpoint| {
        let PinnedCheckpoint { domain, size, root } = checkpoint;
        format!("{domain} {size} {}\n", Hash::from(*root))
    });
    lines.collect()
}
