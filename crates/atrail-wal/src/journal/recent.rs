//! The events that became durable last, in the order in which they did: what a tail reads.
//!
//! Unsealed events stay here until they are sealed, sealed ones as long as they fit into a bound. Nobody who appends
//! waits for a reader, and a reader that comes too late learns that events are missing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use atrail_model::{Clock, Day, DayRange, Domain, Hours, Timestamp};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::log::{Frame, NewEvent};

/// Memory of an event besides its line.
const EVENT_BYTES: u64 = size_of::<NewEvent>() as u64;

/// A place between two events of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalPlace {
    /// The sequence number of a frame.
    pub sequence: u64,
    /// The number of its events before this place.
    pub events: u32,
}

impl JournalPlace {
    /// Returns the place behind a frame.
    #[must_use]
    pub const fn behind(sequence: u64) -> Self {
        Self {
            sequence,
            events: u32::MAX,
        }
    }
}

/// The recent events of a journal.
#[derive(Debug)]
pub struct Recent {
    state: Mutex<State>,
    newest: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
    most_bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    frames: BTreeMap<u64, RecentFrame>,
    /// The frames of each domain that are not sealed, oldest first.
    unsealed: HashMap<Domain, VecDeque<u64>>,
    /// The others, in the order of their sealing.
    sealed: VecDeque<u64>,
    sealed_bytes: u64,
    /// Of each domain the last frame that is not here any more.
    gone: HashMap<Domain, Gone>,
    /// The highest number of those.
    last_gone: u64,
    /// How many frames went.
    losses: u64,
    before: Before,
}

/// What a journal found when it was opened.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Of each domain the last frame that an earlier process has sealed, by the numbers of then.
    pub(super) sealed_to: HashMap<Domain, u64>,
    /// The frames that were not sealed: the number of then, and that of now, ascending.
    pub(super) numbers: Vec<(u64, u64)>,
    /// The lowest number of a frame that is here, now or in future.
    pub(super) first: u64,
}

/// The last frame of a domain that is gone, and when it became durable.
#[derive(Debug, Clone, Copy)]
struct Gone {
    sequence: u64,
    /// The number of this loss among all.
    loss: u64,
    time: Timestamp,
}

/// Events that became durable together.
#[derive(Debug, Clone)]
pub struct RecentFrame {
    /// Their domain.
    pub domain: Domain,
    /// When they became durable.
    pub time: Timestamp,
    /// The events. Those that were deleted since have an empty line.
    pub events: Arc<[NewEvent]>,
}

impl RecentFrame {
    fn bytes(&self) -> u64 {
        let line = |event: &NewEvent| event.line.len() as u64 + EVENT_BYTES;
        self.events.iter().map(line).sum()
    }
}

/// What comes after a place.
#[derive(Debug, Default)]
pub struct Following {
    /// When the last of the wanted events that are missing became durable; `None` when the caller knows of all.
    pub missing_to: Option<Timestamp>,
    /// The number of frames that are gone from memory, for the next call.
    pub losses: u64,
    /// The wanted frames with their numbers, in order. Of the first one, the events before the place are not wanted.
    pub frames: Vec<(u64, RecentFrame)>,
    /// Up to this frame everything was looked at.
    pub seen_to: u64,
}

impl Recent {
    pub(super) fn new(clock: Arc<dyn Clock>, most_bytes: u64, before: Before) -> Self {
        let newest = before.first.saturating_sub(1);
        Self {
            state: Mutex::new(State {
                before,
                ..State::default()
            }),
            newest: watch::Sender::new(newest),
            clock,
            most_bytes,
        }
    }

    /// Adds durable frames, in their order.
    pub(super) fn add(&self, frames: &[Frame]) {
        let time = self.clock.now();
        let Some(last) = frames.last() else { return };
        {
            let mut state = self.state.lock();
            for frame in frames {
                let recent = RecentFrame {
                    domain: frame.domain,
                    time,
                    events: frame.events.iter().cloned().collect(),
                };
                state.frames.insert(frame.sequence, recent);
                let unsealed = state.unsealed.entry(frame.domain).or_default();
                unsealed.push_back(frame.sequence);
            }
        }
        self.newest.send_replace(last.sequence);
    }

    /// Notes that a domain's frames up to this number are sealed.
    pub(super) fn note_sealed(&self, domain: Domain, last_sequence: u64) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(unsealed) = state.unsealed.get_mut(&domain) else {
            return;
        };
        while let Some(sequence) = unsealed.pop_front_if(|first| *first <= last_sequence) {
            if let Some(frame) = state.frames.get(&sequence) {
                state.sealed_bytes += frame.bytes();
                state.sealed.push_back(sequence);
            }
        }
        if unsealed.is_empty() {
            state.unsealed.remove(&domain);
        }
        state.keep_sealed(self.most_bytes);
    }

    /// Forgets the events that are sealed, as far as they are known to be.
    pub fn forget_sealed(&self) {
        self.state.lock().keep_sealed(0);
    }

    /// Forgets events that were deleted: of these domains, days and hours.
    pub fn forget(&self, is_deleted: impl Fn(Domain) -> bool, days: DayRange, hours: Hours) {
        let of_days = |day: Day| (days.start()..=days.end()).contains(&day);
        let mut state = self.state.lock();
        let State {
            frames,
            unsealed,
            sealed_bytes,
            ..
        } = &mut *state;
        for (sequence, frame) in frames.iter_mut() {
            let is_gone = |event: &NewEvent| of_days(event.day) && hours.contains(event.hour);
            if !is_deleted(frame.domain) || !frame.events.iter().any(is_gone) {
                continue;
            }
            let before = frame.bytes();
            let events = frame.events.iter().cloned().map(|event| {
                if is_gone(&event) {
                    NewEvent {
                        line: Bytes::new(),
                        ..event
                    }
                } else {
                    event
                }
            });
            frame.events = events.collect();
            let is_unsealed = unsealed.get(&frame.domain);
            if !is_unsealed.is_some_and(|unsealed| unsealed.contains(sequence)) {
                *sealed_bytes = sealed_bytes.saturating_sub(before - frame.bytes());
            }
        }
    }

    /// Returns the place behind everything that is durable.
    #[must_use]
    pub fn end(&self) -> JournalPlace {
        JournalPlace::behind(*self.newest.borrow())
    }

    /// Returns the number of the newest frame, and notifies of each later one.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Returns the place of this process that is the place of the one before, as its successor. Reports whether wanted
    /// events between the two were sealed, and so are missing.
    pub fn continue_at(
        &self,
        place: JournalPlace,
        is_wanted: impl Fn(Domain) -> bool,
    ) -> (JournalPlace, bool) {
        let state = self.state.lock();
        let Before {
            sealed_to,
            numbers,
            first,
        } = &state.before;
        let mut sealed = sealed_to.iter();
        let is_missing = sealed.any(|(domain, to)| *to > place.sequence && is_wanted(*domain));
        let upto = numbers.partition_point(|(then, _)| *then <= place.sequence);
        let here = match upto.checked_sub(1).map(|last| numbers[last]) {
            Some((then, now)) if then == place.sequence => JournalPlace {
                sequence: now,
                ..place
            },
            Some((_, now)) => JournalPlace::behind(now),
            None => JournalPlace::behind(first.saturating_sub(1)),
        };
        (here, is_missing)
    }

    /// Returns the wanted frames after a place, at least one if there is any and up to about this many bytes. The caller
    /// knows which of the first `losses` frames that went are missing.
    pub fn after(
        &self,
        place: JournalPlace,
        losses: u64,
        is_wanted: impl Fn(Domain) -> bool,
        most_bytes: u64,
    ) -> Following {
        let state = self.state.lock();
        let missing_to = if state.last_gone > place.sequence {
            let gone = state.gone.iter();
            let missing = gone.filter(|(domain, gone)| {
                gone.sequence > place.sequence && gone.loss > losses && is_wanted(**domain)
            });
            missing.map(|(_, gone)| gone.time).max()
        } else {
            None
        };
        let mut following = Following {
            missing_to,
            losses: state.losses,
            frames: Vec::new(),
            seen_to: place.sequence,
        };
        let mut bytes = 0;
        let first = place.sequence + u64::from(place.events == u32::MAX);
        for (sequence, frame) in state.frames.range(first..) {
            if bytes >= most_bytes {
                break;
            }
            following.seen_to = *sequence;
            if is_wanted(frame.domain) {
                bytes += frame.bytes();
                following.frames.push((*sequence, frame.clone()));
            }
        }
        following
    }
}

impl State {
    /// Forgets the oldest sealed events until the others have at most this many bytes.
    fn keep_sealed(&mut self, most_bytes: u64) {
        while self.sealed_bytes > most_bytes
            && let Some(sequence) = self.sealed.pop_front()
        {
            let Some(frame) = self.frames.remove(&sequence) else {
                continue;
            };
            self.sealed_bytes -= frame.bytes();
            self.losses += 1;
            // The frames of a domain go in their order.
            let gone = Gone {
                sequence,
                loss: self.losses,
                time: frame.time,
            };
            self.gone.insert(frame.domain, gone);
            self.last_gone = self.last_gone.max(sequence);
        }
    }
}

#[cfg(test)]
mod tests;
