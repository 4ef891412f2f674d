//! The bytes of a session.

pub(crate) mod activity;
#[cfg(feature = "internals")]
pub(crate) mod benching;
mod checked;
pub(crate) mod plan;
mod source;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use atrail_catalog::session::{Session, SessionKey, SessionState, not_found};
use atrail_disk::{Result, StoreError};
use atrail_model::passage::Now;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::Store;
use crate::core::Core;
use plan::Plan;
use source::Source;

/// Chunks that are read ahead of the one being sent.
const READ_AHEAD: usize = 2;

/// The bytes of a session, open for reading: those of its objects, one after the other, as stored.
#[derive(Debug, Clone)]
pub struct Download {
    core: Arc<Core>,
    session: Session,
    plan: Arc<Plan>,
    /// [`Core::removals`] at the last check that the session is still open.
    removals: u64,
}

impl Store {
    /// Opens the bytes of a session that was looked up; counts as a use of it.
    ///
    /// # Errors
    /// `Gone` when a deletion had removed events of it before it was looked up, `NotFound` when the catalog has no
    /// manifest of it. [`Download::read`] reports later changes.
    pub async fn open_download(&self, session: Session) -> Result<Download> {
        let core = &self.core;
        let removals = session.removals;
        let id = session.id;
        session.refuse_if_gone()?;
        let plan = match core.plans.get(&session) {
            Some(plan) => plan,
            None => {
                let text = core
                    .catalog
                    .session_manifest(id)
                    .await?
                    .ok_or_else(|| not_found(id))?;
                core.plans.keep(&session, Plan::read(&text)?)
            }
        };
        core.activity.note_use(&session, &core.time.read());
        Ok(Download {
            core: Arc::clone(core),
            session,
            plan,
            removals,
        })
    }
}

impl Download {
    /// Returns the session, in its state when the download was opened.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the bytes from `range.start` up to, not including, `range.end`, without those beyond the download's end.
    /// Bytes that the caller reads from the stream count as downloaded. An error ends the stream. Once a deletion that
    /// removed events of the session has returned, or its owner has ended it, the stream serves no more bytes: `Gone`,
    /// `NotFound`. It also serves none when, after any deletion, the catalog does not answer.
    ///
    /// # Errors
    /// Why the first bytes cannot be read: nothing was served yet, so the caller can still send a refusal.
    pub async fn read(&self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        let source = Arc::new(Source::new(
            Arc::clone(&self.core),
            Arc::clone(&self.plan),
            range.end,
        ));
        let mut sent = Sent {
            core: Arc::clone(&self.core),
            session: self.session.key(),
            position: range.start,
        };
        let chunks = stream::iter(self.plan.chunks(range))
            .map(move |chunk| {
                let source = Arc::clone(&source);
                async move { source.read(chunk).await }
            })
            .buffered(READ_AHEAD)
            .flat_map(stream::iter)
            .boxed();
        let mut reading = Reading {
            download: self.clone(),
            chunks,
        };
        let first = reading.next().await?;
        // It may be long until the caller reads it.
        reading.chunks = stream::iter(first.map(Ok)).chain(reading.chunks).boxed();
        let handed_out = stream::try_unfold(reading, |mut reading| async {
            let next = reading.next().await?;
            Ok(next.map(|bytes| (bytes, reading)))
        });
        Ok(handed_out
            .inspect_ok(move |bytes| sent.add(bytes.len() as u64))
            .boxed())
    }
}

/// A download in progress.
struct Reading {
    download: Download,
    chunks: BoxStream<'static, Result<Bytes>>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = self.chunks.try_next().await;
        if next.is_err() {
            // An error cuts the connection: this lets the sender send the earlier bytes first, so that fewer have to be
            // requested again until the client learns of the error.
            tokio::task::yield_now().await;
        }
        let core = &self.download.core;
        core.refuse_without_lease()?;
        let removals = core.removals.load(Ordering::Acquire);
        if next.is_ok() && removals == self.download.removals {
            return next;
        }
        let session = core.still_open(&self.download.session).await;
        self.download.removals = removals;
        match session {
            Ok(()) => next,
            // These errors are more specific than a missing object.
            Err(ended @ (StoreError::Gone { .. } | StoreError::NotFound { .. })) => Err(ended),
            Err(unknown) => next.and(Err(unknown)),
        }
    }
}

/// Counts the bytes that one reader of a download has received.
struct Sent {
    core: Arc<Core>,
    session: SessionKey,
    position: u64,
}

impl Sent {
    fn add(&mut self, bytes: u64) {
        let start = self.position;
        self.position += bytes;
        self.core.counters.download_bytes.add(bytes);
        let now = self.core.time.read();
        self.core
            .activity
            .note_sent(self.session, start..self.position, &now);
    }
}

impl Core {
    /// Checks that a session that was open still is.
    async fn still_open(&self, session: &Session) -> Result<()> {
        let current = self.catalog.session(session.owner, session.id).await?;
        // An id may recur, even with the same events.
        let same = current.filter(|current| current.generation == session.generation);
        same.ok_or_else(|| not_found(session.id))?.refuse_if_gone()
    }

    /// Returns a session of the catalog, with uses that the catalog has not recorded yet, and with its end.
    pub(crate) fn with_activity(&self, mut session: Session, now: &Now) -> Session {
        let used = self.activity.of(session.key());
        if let Some(used) = used {
            if used.age >= session.used_age {
                session.accessed = used.accessed;
                session.used_age = used.age;
            }
            session.handed_out.add_all(&used.handed_out);
            session.downloaded_bytes = session.handed_out.count();
            if !matches!(session.state, SessionState::Gone(_)) {
                session.state =
                    SessionState::of_progress(session.downloaded_bytes, session.total_bytes);
            }
        }
        session.expires = self.settings.session_end(&session, now);
        session
    }
}
