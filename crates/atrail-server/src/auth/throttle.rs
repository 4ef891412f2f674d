//! Slows down guessing, in bounded memory. What somebody guesses at a user from one network keeps nobody else from logging in
//! as that user.
//!
//! A failed attempt counts three times: for the name from this network, for this network, and for the name from wherever.
//! The first two bound what one guesser gets, and wait longer and longer. The third bounds what many networks together get;
//! its wait is short, because the user whose name it is may come from a new network. A network that this user has logged in
//! from before waits for neither of the last two.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

use atrail_api::ErrorCode;
use atrail_model::Elapsed;
use parking_lot::Mutex;

use crate::error::ApiError;

/// Failures are forgotten this long after the last one.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(900);
/// Counts that are remembered.
const CAPACITY: usize = 10_000;
/// Users whose networks are remembered.
const KNOWN_CAPACITY: usize = 10_000;
/// Networks of one user that are remembered, so that a user with many takes nothing from the others.
const KNOWN_OF_NAME: usize = 16;

/// What failures are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A user name tried from one network.
    NameAndNetwork,
    /// The same, where that user has logged in from before.
    NameAndKnownNetwork,
    /// A network, whatever is tried from it: many users may share one.
    Network,
    /// A user name, from whatever network.
    Name,
}

impl By {
    /// Failures before there is a wait.
    const fn free(self) -> u32 {
        match self {
            Self::NameAndNetwork | Self::NameAndKnownNetwork => 10,
            Self::Network | Self::Name => 100,
        }
    }

    /// The longest wait. On a known network the user and who guesses may share it.
    const fn longest_wait(self) -> Duration {
        match self {
            Self::NameAndNetwork | Self::Network => Duration::from_secs(60),
            Self::NameAndKnownNetwork => Duration::from_secs(4),
            Self::Name => Duration::from_secs(1),
        }
    }
}

/// Counts failed attempts.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    state: Mutex<State>,
    hashing: RandomState,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<u64, Entry>,
    /// Where users have logged in from by password, by name.
    known: HashMap<u64, Known>,
}

/// The networks of one user.
#[derive(Debug)]
struct Known {
    /// By name and network; the one of the last login comes last.
    networks: Vec<u64>,
    /// When the last login was.
    last: Elapsed,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    failures: u32,
    last: Elapsed,
}

#[derive(Hash)]
enum Key<'a> {
    NameAndNetwork(&'a str, IpAddr),
    Network(IpAddr),
    Name(&'a str),
}

/// A count that an attempt was added to.
#[derive(Debug, Clone, Copy)]
struct Counted {
    by: By,
    key: u64,
    /// When the last failure before this attempt was.
    before: Elapsed,
}

/// An attempt that is under way. It counts as failed until it is told otherwise, so that many at once gain nothing.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    keys: Vec<Counted>,
    /// The name, and the name and network, that a success makes known.
    learns: Option<(u64, u64)>,
    now: Elapsed,
}

impl Throttle {
    /// Begins an attempt, by name only when a password is tried.
    pub(crate) fn begin(
        &self,
        name: Option<&str>,
        address: IpAddr,
        now: Elapsed,
    ) -> Result<Attempt<'_>, ApiError> {
        let network = network(address);
        let by_network = self.hashing.hash_one(Key::Network(network));
        let mut state = self.state.lock();
        let (keys, learns) = match name {
            None => (vec![(By::Network, by_network)], None),
            Some(name) => {
                let pair = self.hashing.hash_one(Key::NameAndNetwork(name, network));
                let by_name = self.hashing.hash_one(Key::Name(name));
                let known = state.known.get(&by_name);
                let keys = if known.is_some_and(|known| known.networks.contains(&pair)) {
                    vec![(By::NameAndKnownNetwork, pair)]
                } else {
                    vec![
                        (By::NameAndNetwork, pair),
                        (By::Network, by_network),
                        (By::Name, by_name),
                    ]
                };
                (keys, Some((by_name, pair)))
            }
        };
        let entries = &mut state.entries;
        let wait = keys
            .iter()
            .filter_map(|(by, key)| entries.get(key).map(|entry| entry.wait_secs(*by, now)))
            .max()
            .unwrap_or(0);
        if wait > 0 {
            let detail = format!("too many failed logins: try again in {wait} seconds");
            return Err(ApiError::new(ErrorCode::TooMany, detail).retry_after(wait));
        }
        make_room(entries, now);
        let count = |(by, key)| {
            let entry = entries.entry(key).or_insert(Entry {
                failures: 0,
                last: now,
            });
            if entry.is_forgotten(now) {
                entry.failures = 0;
            }
            let before = entry.last;
            entry.failures = entry.failures.saturating_add(1);
            entry.last = now;
            Counted { by, key, before }
        };
        let keys = keys.into_iter().map(count).collect();
        drop(state);
        Ok(Attempt {
            throttle: self,
            keys,
            learns,
            now,
        })
    }
}

impl Attempt<'_> {
    /// Goes on with what an attempt found out; an error in its place says that nothing was tried.
    pub(crate) fn tried<T, E>(self, found: Result<T, E>) -> Result<(Self, T), E> {
        match found {
            Ok(found) => Ok((self, found)),
            Err(error) => {
                self.not_made();
                Err(error)
            }
        }
    }

    /// Nothing was tried: what was too busy or failed says nothing of who asked. If it counted, a flood of logins would keep
    /// users out for longer than it lasts.
    pub(crate) fn not_made(self) {
        let mut state = self.throttle.state.lock();
        for Counted { key, before, .. } in self.keys {
            let Some(entry) = state.entries.get_mut(&key) else {
                continue;
            };
            entry.failures = entry.failures.saturating_sub(1);
            // Unless another attempt failed since.
            if entry.last == self.now {
                entry.last = before;
            }
            if entry.failures == 0 {
                state.entries.remove(&key);
            }
        }
    }

    /// The attempt succeeded: the failures of this name from this network are forgotten, and the network is known from now
    /// on. The network, which may hold one good account and guess at others, and the name, which others may guess at, only
    /// get this attempt back.
    pub(crate) fn succeeded(self) {
        let mut state = self.throttle.state.lock();
        for Counted { by, key, .. } in self.keys {
            match by {
                By::NameAndNetwork | By::NameAndKnownNetwork => {
                    state.entries.remove(&key);
                }
                By::Network | By::Name => {
                    if let Some(entry) = state.entries.get_mut(&key) {
                        entry.failures = entry.failures.saturating_sub(1);
                    }
                }
            }
        }
        if let Some((by_name, pair)) = self.learns {
            state.learn(by_name, pair, self.now);
        }
    }
}

impl State {
    /// A user has logged in from this network.
    fn learn(&mut self, by_name: u64, pair: u64, now: Elapsed) {
        if !self.known.contains_key(&by_name) {
            forget_half(&mut self.known, KNOWN_CAPACITY, |known| known.last);
        }
        let known = self.known.entry(by_name).or_insert_with(|| Known {
            networks: Vec::new(),
            last: now,
        });
        known.last = now;
        known.networks.retain(|one| *one != pair);
        if known.networks.len() >= KNOWN_OF_NAME {
            known.networks.remove(0);
        }
        known.networks.push(pair);
    }
}

impl Entry {
    fn is_forgotten(self, now: Elapsed) -> bool {
        now.since(self.last) >= FORGOTTEN_AFTER
    }

    /// Seconds until another attempt is taken, rounded up: 1, 2, 4, … after the free ones.
    fn wait_secs(self, by: By, now: Elapsed) -> u64 {
        if self.failures < by.free() || self.is_forgotten(now) {
            return 0;
        }
        let doublings = (self.failures - by.free()).min(6);
        let wait = Duration::from_secs(1 << doublings).min(by.longest_wait());
        let left = wait.saturating_sub(now.since(self.last));
        left.as_secs() + u64::from(left.subsec_nanos() > 0)
    }
}

/// An IPv6 caller has a whole /64 to choose addresses from; it counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 => v4,
    }
}

/// Makes room for the counts of one attempt: forgets what is old, and if that is not enough, the half that is oldest.
fn make_room(entries: &mut HashMap<u64, Entry>, now: Elapsed) {
    let room = CAPACITY - 2;
    if entries.len() >= room {
        entries.retain(|_, entry| !entry.is_forgotten(now));
    }
    forget_half(entries, room, |entry| entry.last);
}

/// Forgets the half that is oldest once there are so many.
fn forget_half<V>(map: &mut HashMap<u64, V>, capacity: usize, age: impl Fn(&V) -> Elapsed) {
    if map.len() < capacity {
        return;
    }
    let mut times: Vec<_> = map.values().map(&age).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    // Many may be of one moment, so the newest go as well rather than none.
    map.retain(|_, value| age(value) > median);
}

#[cfg(test)]
mod tests;
