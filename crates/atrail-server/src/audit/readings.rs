//! Records downloads: each reading of a session once at its start and, when its reader has all bytes, once at its end,
//! however many ranges the reader requests.
//!
//! A ledger is in memory while it is in use, and stored in the catalog. The right to hand out bytes is durable before
//! the server hands them out, so that after a crash no download appears smaller than it was.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use atrail_model::ByteSet;
use atrail_store::{ChangedReadings, Session, SessionKey, SessionState};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::act::{Act, Actor};
use super::action::Action;
use super::ledger::{self, Changes, Ledger, Part, Reader, Step};
use super::once::Once;
use super::writer::{Unwritten, Writer};

type Event = Arc<Once>;

/// Sessions at most whose ledgers are stored in one transaction.
const KEPT_AT_ONCE: usize = 64;

/// The ledgers of the sessions that readers read.
#[derive(Debug, Default)]
pub(super) struct Readings {
    of_sessions: Mutex<HashMap<SessionKey, Arc<OfSession>>>,
    keeper: Arc<Keeper>,
}

/// Stores ledgers: one transaction for all that wait, so that many readers wait for one write of the disk.
#[derive(Debug, Default)]
struct Keeper {
    waiting: Mutex<Vec<Arc<OfSession>>>,
    /// Held while ledgers are being stored, so that an earlier state never overwrites a later one.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct OfSession {
    session: SessionKey,
    ledger: OnceCell<Mutex<Ledger<Event>>>,
    keeper: Arc<Keeper>,
    /// How many callers have asked to store the ledger.
    asked: AtomicU64,
    /// The last of them, in their order, whose changes are stored.
    kept: AtomicU64,
}

/// The bytes that one request reads, and the reading that they belong to. It stays bound to the session that it began
/// with, even after that session ends.
#[derive(Debug)]
pub(crate) struct Answer {
    writer: Arc<Writer>,
    session: Arc<Session>,
    actor: Actor,
    of_session: Arc<OfSession>,
    answer: ledger::Answer,
}

impl Readings {
    /// Begins an answer with these bytes. Returns when the start of its reading is durable.
    pub(super) async fn begin(
        &self,
        writer: &Arc<Writer>,
        session: &Arc<Session>,
        reader: Reader,
        actor: &Actor,
        bytes: Range<u64>,
    ) -> Result<Answer, Unwritten> {
        let of_session = self.of(session.key());
        let load = || async {
            let kept = writer.store.readings(&session.key()).await?;
            // An earlier version stored no readings, but only how far the furthest got.
            let is_older = session.generation.is_none() && kept.is_empty();
            let inherited = match session.state {
                SessionState::Downloading if is_older => ByteSet::up_to(session.downloaded_bytes),
                _ => ByteSet::default(),
            };
            let ledger = Ledger::new(session.total_bytes, kept, inherited);
            Ok::<_, Unwritten>(Mutex::new(ledger))
        };
        let ledger = of_session.ledger.get_or_try_init(load).await?;
        let from = bytes.start;
        let (answer, start) = ledger.lock().ask(reader, bytes, || {
            event(writer, session, actor, Part::Start { from })
        });
        let begun = Answer {
            writer: Arc::clone(writer),
            session: Arc::clone(session),
            actor: actor.clone(),
            of_session: Arc::clone(&of_session),
            answer,
        };
        if let Some(start) = start {
            start.write(writer).await?;
        }
        let must_keep = {
            let mut ledger = ledger.lock();
            ledger.begun(&begun.answer);
            ledger.claim(&begun.answer)
        };
        if must_keep {
            of_session.keep(writer).await?;
        }
        Ok(begun)
    }

    /// Forgets a session that has ended. Answers in progress keep its ledger.
    pub(super) fn forget(&self, session: SessionKey) {
        self.of_sessions.lock().remove(&session);
    }

    /// Stores ledgers that changed, and forgets those without an answer in progress. With `all`, also stores those in
    /// use.
    pub(super) async fn tidy(&self, writer: &Writer, all: bool) {
        let of_sessions: Vec<_> = self.of_sessions.lock().values().cloned().collect();
        for of_session in of_sessions {
            let in_use = of_session.with(|ledger| ledger.is_in_use());
            if in_use && !all {
                continue;
            }
            if let Err(error) = of_session.keep(writer).await {
                tracing::error!(
                    session = %of_session.session.id,
                    error = &error as &dyn std::error::Error,
                    "cannot store how far a session was read; the server retries"
                );
            }
        }
        self.of_sessions.lock().retain(|_, of_session| {
            let is_used = Arc::strong_count(of_session) > 1;
            is_used || !of_session.with(|ledger| ledger.is_kept())
        });
    }

    fn of(&self, session: SessionKey) -> Arc<OfSession> {
        let mut all = self.of_sessions.lock();
        let of_session = all.entry(session).or_insert_with(|| {
            Arc::new(OfSession {
                session,
                ledger: OnceCell::new(),
                keeper: Arc::clone(&self.keeper),
                asked: AtomicU64::new(0),
                kept: AtomicU64::new(0),
            })
        });
        Arc::clone(of_session)
    }
}

impl OfSession {
    /// Inspects the ledger, or an empty one when it is not loaded yet.
    fn with(&self, look: impl FnOnce(&Ledger<Event>) -> bool) -> bool {
        match self.ledger.get() {
            Some(ledger) => look(&ledger.lock()),
            None => look(&Ledger::new(0, Vec::new(), ByteSet::default())),
        }
    }

    /// Returns when the ledger, in its present or a later state, is durable.
    async fn keep(self: &Arc<Self>, writer: &Writer) -> Result<(), Unwritten> {
        if self.ledger.get().is_none() {
            return Ok(());
        }
        let Keeper { waiting, turn } = &*self.keeper;
        let number = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        waiting.lock().push(Arc::clone(self));
        let _turn = turn.lock().await;
        // Others may have changed the ledger since, and wait for their own changes.
        if self.kept.load(Ordering::Acquire) >= number || self.with(Ledger::is_kept) {
            return Ok(());
        }
        let mut of_sessions = vec![Arc::clone(self)];
        {
            let mut waiting = waiting.lock();
            waiting.retain(|one| {
                let is_known = of_sessions.iter().any(|known| Arc::ptr_eq(known, one));
                if !is_known && of_sessions.len() < KEPT_AT_ONCE {
                    of_sessions.push(Arc::clone(one));
                    return false;
                }
                !is_known
            });
        }
        let mut ledgers = Vec::with_capacity(of_sessions.len());
        let mut kept = Vec::with_capacity(of_sessions.len());
        for of_session in &of_sessions {
            let Some(ledger) = of_session.ledger.get() else {
                continue;
            };
            // Whoever has asked changed the ledger before.
            let asked = of_session.asked.load(Ordering::Acquire);
            let Changes { changed, gone } = ledger.lock().begin_keeping();
            ledgers.push((ledger, &of_session.kept, asked));
            kept.push(ChangedReadings {
                session: of_session.session,
                changed,
                gone,
            });
        }
        // After a failure, the others that wait try for themselves.
        writer.store.keep_readings(&kept).await?;
        for ((ledger, kept, asked), stored) in ledgers.into_iter().zip(kept) {
            let ChangedReadings { changed, gone, .. } = stored;
            ledger.lock().was_kept(Changes { changed, gone });
            kept.fetch_max(asked, Ordering::AcqRel);
        }
        Ok(())
    }
}

impl Answer {
    /// Returns when these bytes, which follow the earlier ones, may be handed out. When they are the last that the
    /// reader lacked, the end of the reading is durable then.
    pub(crate) async fn hand_out(&mut self, bytes: Range<u64>) -> Result<(), Unwritten> {
        let Self {
            writer,
            session,
            actor,
            of_session,
            answer,
        } = self;
        let Some(ledger) = of_session.ledger.get() else {
            return Ok(());
        };
        loop {
            let make = |part| event(writer, session, actor, part);
            let step = ledger.lock().hand_out(answer, &bytes, make);
            match step {
                Step::HandOut => return Ok(()),
                Step::Keep => of_session.keep(writer).await?,
                Step::Begin(start) => {
                    start.write(writer).await?;
                    ledger.lock().begun(answer);
                }
                Step::End(end) => {
                    end.write(writer).await?;
                    ledger.lock().ended(answer, &bytes);
                    return of_session.keep(writer).await;
                }
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(ledger) = self.of_session.ledger.get() {
            ledger.lock().leave(&self.answer);
        }
    }
}

fn event(writer: &Writer, session: &Session, actor: &Actor, part: Part) -> Event {
    let domain = session.scope.target.domain();
    let act = Act::new(Action::DownloadEvents, actor.clone(), domain)
        .about(&session.scope)
        .with("session", session.id.to_string())
        .with("events", session.events)
        .with("bytes", session.total_bytes);
    let act = match part {
        Part::Start { from } => act.with("part", "start").with("from", from),
        Part::End { handed_out } => act.with("part", "end").with("handedOut", handed_out),
    };
    Arc::new(Once::new(act, writer.clock.now()))
}
