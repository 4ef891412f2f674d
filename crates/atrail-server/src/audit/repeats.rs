//! The same act repeated within an hour: the server records the first at once, counts the others in memory, and records
//! them as one event when the hour is over.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use atrail_model::{DayRange, Domain, Timestamp, UserId};
use atrail_store::ErrorKind;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::act::{Act, REQUEST};
use super::action::Action;
use super::once::Once;
use super::writer::{Unwritten, Writer};

/// Number of acts counted at the same time; beyond it, the counts become due early.
const CAPACITY: usize = 10_000;
/// Bytes of queries held at the same time; beyond them, the counts become due early, too.
const QUERIES_MAX_BYTES: usize = 8 << 20;
/// Number of other addresses that a count lists.
const ADDRESSES_MAX: usize = 16;
const HOUR_SECS: i64 = 3600;

/// The properties that make acts the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    user: UserId,
    /// The public part of the API key that came with the request, or began the login.
    api_key: Option<Arc<str>>,
    action: Action,
    domain: Domain,
    address: Option<IpAddr>,
    /// SHA-256 of what was read: of a search, its query and days; of other reads, their details.
    what: Option<[u8; 32]>,
}

impl Key {
    /// Returns the key of acts of the same user with the same API key or none, from any address.
    pub(super) fn by_user(act: &Act) -> Self {
        Self {
            user: act.actor.id,
            api_key: act.actor.api_key.clone(),
            action: act.action,
            domain: act.domain,
            address: None,
            what: None,
        }
    }

    /// Returns the key of searches by the same user for the same query in the same days, from any address.
    pub(super) fn by_query(act: &Act, query: &str, days: DayRange) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(days.start().number().to_be_bytes());
        hasher.update(days.end().number().to_be_bytes());
        hasher.update(query);
        Self {
            what: Some(hasher.finalize().into()),
            ..Self::by_user(act)
        }
    }

    /// Returns the key of acts by the same user with the same details, from any address.
    pub(super) fn by_details(act: &Act) -> Self {
        let mut hasher = Sha256::new();
        for (name, value) in act.details.iter().filter(|(name, _)| *name != REQUEST) {
            hasher.update(json!([name, value]).to_string());
        }
        Self {
            what: Some(hasher.finalize().into()),
            ..Self::by_user(act)
        }
    }

    /// Returns the key of acts in the name of the same user, from the same address.
    pub(super) fn by_address(act: &Act) -> Self {
        Self {
            address: Some(act.actor.origin.address),
            ..Self::by_user(act)
        }
    }
}

/// The counts of this hour, and those of earlier hours that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Repeats(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    hour: i64,
    /// Bytes of the entries' queries.
    query_bytes: usize,
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
    /// How often the act was done, including the first time.
    times: u64,
    last: Timestamp,
    addresses: BTreeSet<IpAddr>,
}

impl Repeats {
    /// Counts the act, and returns when its first occurrence in this hour is durable.
    pub(super) async fn note(&self, writer: &Writer, key: Key, act: Act) -> Result<(), Unwritten> {
        let entry = self.entry(key, act, writer.clock.now());
        entry.first.write(writer).await.map(drop).inspect_err(|_| {
            let mut again = entry.again.lock();
            again.times = again.times.saturating_sub(1);
        })
    }

    /// Returns the entry of the act, and counts the act in it.
    fn entry(&self, key: Key, act: Act, now: Timestamp) -> Arc<Entry> {
        let mut state = self.0.lock();
        state.turn(now);
        if !state.entries.contains_key(&key) {
            let query_bytes = act.query_bytes();
            if state.entries.len() >= CAPACITY
                || state.query_bytes + query_bytes > QUERIES_MAX_BYTES
            {
                state.make_all_due();
            }
            state.query_bytes += query_bytes;
        }
        let address = act.actor.origin.address;
        let entry = state
            .entries
            .entry(key)
            .or_insert_with(|| Arc::new(Entry::new(act, now)));
        entry.count_one(address, now);
        Arc::clone(entry)
    }

    /// Writes the counts of hours that are over, or, with `all`, every count.
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
                // The domain is gone, and will not come back.
                Err(Unwritten::Store(error)) if error.kind() == ErrorKind::NotFound => {}
                // The cause of the failure affects the other counts too: the next call retries them.
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
        self.query_bytes = 0;
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

    /// Logs and counts that the server drops a count because too many wait to be written.
    fn say_lost(&self, writer: &Writer) {
        let Some(count) = self.count() else { return };
        writer.metrics.own_event_failed(count.act.action);
        tracing::error!(
            action = count.act.action.word(),
            user = %count.act.actor.id,
            repeats = ?count.act.details.get("repeats"),
            "too many acts wait to be recorded: the repeats of this one are not"
        );
    }

    /// Returns the event of the repeats, if there were any, with the time of the last one.
    fn count(&self) -> Option<&Once> {
        let again = self.again.lock();
        if again.times < 2 {
            return None;
        }
        Some(self.count.get_or_init(|| {
            let mut act = self.first.act.clone();
            act.details.remove(REQUEST);
            let mut act = act.with("repeats", again.times - 1);
            if !again.addresses.is_empty() {
                let addresses = again.addresses.iter().map(|one| one.to_string().into());
                act = act.with("addresses", addresses.collect::<Vec<Value>>());
            }
            Once::new(act, again.last)
        }))
    }
}
