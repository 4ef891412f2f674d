//! The same thing done again within an hour: the first is written at once, the others are counted in memory and become
//! one event when the hour is over.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use atrail_model::{Domain, Timestamp, UserId};
use atrail_store::ErrorKind;
use parking_lot::Mutex;
use serde_json::Value;

use super::act::Act;
use super::action::Action;
use super::once::Once;
use super::writer::{Unwritten, Writer};

/// What is counted at the same time; beyond it the counts are written early.
const CAPACITY: usize = 10_000;
/// Other addresses that a count names.
const ADDRESSES_MAX: usize = 16;
const HOUR_SECS: i64 = 3600;

/// What counts as the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    user: UserId,
    action: Action,
    domain: Domain,
    address: Option<IpAddr>,
}

impl Key {
    /// Done by the same user, from wherever.
    pub(super) const fn by_user(act: &Act) -> Self {
        Self {
            user: act.actor.id,
            action: act.action,
            domain: act.domain,
            address: None,
        }
    }

    /// Done in the name of the same user, from the same address.
    pub(super) const fn by_address(act: &Act) -> Self {
        Self {
            address: Some(act.actor.origin.address),
            ..Self::by_user(act)
        }
    }
}

/// The counts of the hour, and those of earlier ones that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Repeats(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    hour: i64,
    entries: HashMap<Key, Arc<Entry>>,
    due: Vec<Arc<Entry>>,
}

#[derive(Debug)]
struct Entry {
    first: Once,
    again: Mutex<Again>,
    count: OnceLock<Once>,
}

#[derive(Debug)]
struct Again {
    /// How often it was done, the first time included.
    times: u64,
    last: Timestamp,
    addresses: BTreeSet<IpAddr>,
}

impl Repeats {
    /// Returns when it is on record that the act was done in this hour.
    pub(super) async fn note(&self, writer: &Writer, key: Key, act: Act) -> Result<(), Unwritten> {
        let entry = self.entry(key, act, writer.clock.now());
        entry.first.write(writer).await.map(drop).inspect_err(|_| {
            let mut again = entry.again.lock();
            again.times = again.times.saturating_sub(1);
        })
    }

    /// The entry of the act, which counts it.
    fn entry(&self, key: Key, act: Act, now: Timestamp) -> Arc<Entry> {
        let mut state = self.0.lock();
        state.turn(now);
        if state.entries.len() >= CAPACITY && !state.entries.contains_key(&key) {
            state.make_all_due();
        }
        let address = act.actor.origin.address;
        let entry = state
            .entries
            .entry(key)
            .or_insert_with(|| Arc::new(Entry::new(act, now)));
        entry.count_one(address, now);
        Arc::clone(entry)
    }

    /// Writes the counts of hours that are over, or of all.
    pub(super) async fn write_due(&self, writer: &Writer, all: bool) {
        let due = {
            let mut state = self.0.lock();
            state.turn(writer.clock.now());
            if all {
                state.make_all_due();
            }
            std::mem::take(&mut state.due)
        };
        let mut due = due.into_iter();
        let mut left = Vec::new();
        for entry in due.by_ref() {
            let Some(count) = entry.count() else { continue };
            match count.write(writer).await {
                // There is no place for it any more, and there will be none.
                Err(Unwritten::Store(error)) if error.kind() == ErrorKind::NotFound => {}
                // What keeps one from being written keeps the others: they are tried again at the next look.
                Err(_) => {
                    left.push(entry);
                    break;
                }
                Ok(_) => {}
            }
        }
        left.extend(due);
        let lost = {
            let mut state = self.0.lock();
            left.append(&mut state.due);
            let lost = left.split_off(left.len().min(2 * CAPACITY));
            state.due = left;
            lost
        };
        for entry in lost {
            entry.say_lost(writer);
        }
    }
}

impl State {
    fn turn(&mut self, now: Timestamp) {
        let hour = now.as_second().div_euclid(HOUR_SECS);
        if hour != self.hour {
            self.make_all_due();
            self.hour = hour;
        }
    }

    fn make_all_due(&mut self) {
        let entries = self.entries.drain().map(|(_, entry)| entry);
        self.due.extend(entries);
    }
}

impl Entry {
    fn new(act: Act, now: Timestamp) -> Self {
        Self {
            first: Once::new(act, now),
            again: Mutex::new(Again {
                times: 0,
                last: now,
                addresses: BTreeSet::new(),
            }),
            count: OnceLock::new(),
        }
    }

    fn count_one(&self, address: IpAddr, now: Timestamp) {
        let mut again = self.again.lock();
        again.times += 1;
        again.last = again.last.max(now);
        let is_other = address != self.first.act.actor.origin.address;
        if is_other && again.addresses.len() < ADDRESSES_MAX {
            again.addresses.insert(address);
        }
    }

    /// Says that memory does not hold the count until it can be written.
    fn say_lost(&self, writer: &Writer) {
        let Some(count) = self.count() else { return };
        writer.metrics.own_event_failed(count.act.action);
        tracing::error!(
            action = count.act.action.word(),
            user = %count.act.actor.id,
            repeats = ?count.act.details.get("repeats"),
            "too many acts wait to be put on record: how often this one was done again is not"
        );
    }

    /// The event about the repeats, if there were any: of the time of the last.
    fn count(&self) -> Option<&Once> {
        let again = self.again.lock();
        if again.times < 2 {
            return None;
        }
        Some(self.count.get_or_init(|| {
            let mut act = self.first.act.clone();
            act.details.remove("request");
            let mut act = act.with("repeats", again.times - 1);
            if !again.addresses.is_empty() {
                let addresses = again.addresses.iter().map(|one| one.to_string().into());
                act = act.with("addresses", addresses.collect::<Vec<Value>>());
            }
            Once::new(act, again.last)
        }))
    }
}
