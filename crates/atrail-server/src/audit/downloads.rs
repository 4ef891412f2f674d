//! Downloads under way: each is on record once at its start and once at its end, however many ranges it takes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use atrail_model::{Elapsed, Moment, SessionId, Timestamp};
use atrail_store::{Session, SessionState};
use parking_lot::Mutex;

use super::act::{Act, Actor};
use super::action::Action;
use super::covered::Covered;
use super::once::Once;
use super::{Audit, Unwritten};

/// Sessions that are remembered; of those beyond it the catalog knows how far they got.
const CAPACITY: usize = 50_000;

/// Where the downloads of sessions stand.
#[derive(Debug, Default)]
pub(super) struct Downloads(Mutex<HashMap<SessionId, Entry>>);

#[derive(Debug)]
struct Entry {
    state: State,
    /// When the session ends if it is not used again, however the clock is set meanwhile.
    expires: Elapsed,
}

#[derive(Debug)]
enum State {
    UnderWay {
        start: Arc<Once>,
        handed_out: Covered,
        end: Option<Arc<Once>>,
    },
    Ended,
}

impl Downloads {
    /// To be called before bytes from this place on are handed out: returns when the download's start is on record.
    pub(super) async fn begin(
        &self,
        audit: &Audit,
        session: &Session,
        actor: &Actor,
        position: u64,
    ) -> Result<(), Unwritten> {
        let start = {
            let moment = audit.clock.moment();
            let (now, expires) = (moment.date, end_of(session, moment));
            let mut entries = self.0.lock();
            if entries.len() >= CAPACITY && !entries.contains_key(&session.id) {
                entries.clear();
            }
            let entry = entries.entry(session.id).or_insert_with(|| Entry {
                state: left_by_an_earlier_process(session, actor, position, now),
                expires,
            });
            entry.expires = expires;
            if matches!(entry.state, State::Ended) && position == 0 {
                let start = Once::new(act(session, actor, "start"), now);
                entry.state = under_way(start, Covered::default());
            }
            match &entry.state {
                State::UnderWay { start, .. } => Arc::clone(start),
                State::Ended => return Ok(()),
            }
        };
        start.write(audit).await.map(drop)
    }

    /// To be called before these bytes are handed out: when they are the last that were missing, returns when the
    /// download's end is on record.
    pub(super) async fn hand_out(
        &self,
        audit: &Audit,
        session: &Session,
        actor: &Actor,
        bytes: Range<u64>,
    ) -> Result<(), Unwritten> {
        let ending = {
            let mut entries = self.0.lock();
            let entry = entries.get_mut(&session.id);
            let Some(State::UnderWay {
                handed_out, end, ..
            }) = entry.map(|entry| &mut entry.state)
            else {
                return Ok(());
            };
            handed_out.add(bytes);
            if !handed_out.is_all_of(session.total_bytes) {
                return Ok(());
            }
            let made = || Arc::new(Once::new(act(session, actor, "end"), audit.clock.now()));
            Arc::clone(end.get_or_insert_with(made))
        };
        ending.write(audit).await?;
        // Whoever began the next download meanwhile is not to be ended.
        if let Some(entry) = self.0.lock().get_mut(&session.id)
            && let State::UnderWay { end: Some(end), .. } = &entry.state
            && Arc::ptr_eq(end, &ending)
        {
            entry.state = State::Ended;
        }
        Ok(())
    }

    /// Forgets a session that has ended.
    pub(super) fn forget(&self, session: SessionId) {
        self.0.lock().remove(&session);
    }

    /// Forgets sessions that have ended by themselves.
    pub(super) fn forget_expired(&self, now: Elapsed) {
        self.0.lock().retain(|_, entry| entry.expires > now);
    }
}

fn end_of(session: &Session, now: Moment) -> Elapsed {
    let left = session.expires.duration_since(now.date);
    now.elapsed.after(left.unsigned_abs())
}

/// A download of which part was sent is under way, and not a new one. How far it got may have been forgotten in a crash;
/// the reader knows.
fn left_by_an_earlier_process(
    session: &Session,
    actor: &Actor,
    position: u64,
    now: Timestamp,
) -> State {
    let start = || act(session, actor, "start");
    match session.state {
        SessionState::Open => under_way(Once::new(start(), now), Covered::default()),
        SessionState::Downloading => under_way(
            Once::written(start(), now),
            Covered::up_to(session.downloaded_bytes.max(position)),
        ),
        SessionState::Downloaded | SessionState::Gone(_) => State::Ended,
    }
}

fn under_way(start: Once, handed_out: Covered) -> State {
    State::UnderWay {
        start: Arc::new(start),
        handed_out,
        end: None,
    }
}

fn act(session: &Session, actor: &Actor, part: &str) -> Act {
    let domain = session.scope.target.domain();
    Act::new(Action::DownloadEvents, actor.clone(), domain)
        .about(&session.scope)
        .with("session", session.id.to_string())
        .with("part", part)
        .with("events", session.events)
        .with("bytes", session.total_bytes)
}
