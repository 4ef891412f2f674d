//! Slows down guessing, in bounded memory. Guesses from one network at a user's password lock out nobody who logs in as
//! that user from elsewhere.
//!
//! A failed attempt counts three times: for the name from this network, for this network, and for the name from any
//! network. The first two limit a single guesser, with ever longer waits. The third limits many networks together; its
//! waits are short, because the user of the name may come from a new network. A network from which this user has logged
//! in before waits for neither of the last two.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

use atrail_api::ErrorCode;
use atrail_model::Elapsed;
use parking_lot::{Mutex, MutexGuard};

use crate::error::ApiError;

/// A count is forgotten this long after its last failure.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(900);
/// Number of counts kept.
const CAPACITY: usize = 10_000;
/// Number of users whose networks are kept.
const KNOWN_CAPACITY: usize = 10_000;
/// Number of networks kept for one user, so that a user with many displaces no others.
const KNOWN_OF_NAME: usize = 16;
/// How late the server answers an attempt that has to wait. Whoever keeps trying waits for the answer before the next try,
/// and the connections of one address are limited: so refusals take no core from others.
const REFUSED_AFTER: Duration = Duration::from_secs(1);

/// What a count of failures is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A user name tried from one network.
    NameAndNetwork,
    /// The same, from a network where that user has logged in before.
    NameAndKnownNetwork,
    /// A network, for any name: many users may share one.
    Network,
    /// A user name, from any network.
    Name,
}

impl By {
    /// Returns the number of failures before the first wait.
    const fn free(self) -> u32 {
        match self {
            Self::NameAndNetwork | Self::NameAndKnownNetwork => 10,
            Self::Network | Self::Name => 100,
        }
    }

    /// Returns the longest wait. It is short on a known network, which the user and a guesser may share.
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
    /// By name, the networks from which users have logged in by password.
    known: HashMap<u64, Known>,
}

/// The networks of one user.
#[derive(Debug)]
struct Known {
    /// Hashes of name and network; that of the last login comes last.
    networks: Vec<u64>,
    /// When the user last logged in.
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
    /// API keys from a network.
    KeysOf(IpAddr),
    Name(&'a str),
}

/// A count that includes an attempt.
#[derive(Debug, Clone, Copy)]
struct Counted {
    by: By,
    key: u64,
    /// The time of the last failure before this attempt.
    before: Elapsed,
}

/// An attempt in progress. It counts as failed until its result is known, so that simultaneous attempts gain nothing.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    keys: Vec<Counted>,
    /// The name, and the name with the network, that a success makes known.
    learns: Option<(u64, u64)>,
    now: Elapsed,
}

/// Returns an attempt at once, and a refusal late.
pub(crate) async fn slowly_refused<T>(attempt: Result<T, ApiError>) -> Result<T, ApiError> {
    if attempt.is_err() {
        tokio::time::sleep(REFUSED_AFTER).await;
    }
    attempt
}

impl Throttle {
    /// Begins an attempt to log in, not by an API key. `name` is present only for an attempt with a password.
    pub(crate) async fn begin(
        &self,
        name: Option<&str>,
        address: IpAddr,
        now: Elapsed,
    ) -> Result<Attempt<'_>, ApiError> {
        slowly_refused(self.try_begin(name, address, now)).await
    }

    fn try_begin(
        &self,
        name: Option<&str>,
        address: IpAddr,
        now: Elapsed,
    ) -> Result<Attempt<'_>, ApiError> {
        let network = network(address);
        let by_network = self.hashing.hash_one(Key::Network(network));
        let state = self.state.lock();
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
        self.count(state, keys, learns, now, "failed logins")
    }

    /// Begins an attempt with an API key, with a request or for a login. These attempts have a count of their own: a
    /// program that keeps sending a key after its end does not keep the people of its network from logging in.
    ///
    /// A valid key never waits: a caller that finds the key to be wrong passes the refusal through [`slowly_refused`].
    pub(crate) fn begin_key(&self, address: IpAddr, now: Elapsed) -> Result<Attempt<'_>, ApiError> {
        let key = self.hashing.hash_one(Key::KeysOf(network(address)));
        let keys = vec![(By::Network, key)];
        self.count(self.state.lock(), keys, None, now, "wrong API keys")
    }

    /// Counts an attempt under these keys, unless one of them has to wait; the refusal names the `failures`.
    fn count(
        &self,
        mut state: MutexGuard<'_, State>,
        keys: Vec<(By, u64)>,
        learns: Option<(u64, u64)>,
        now: Elapsed,
        failures: &str,
    ) -> Result<Attempt<'_>, ApiError> {
        let entries = &mut state.entries;
        let wait = keys
            .iter()
            .filter_map(|(by, key)| entries.get(key).map(|entry| entry.wait_secs(*by, now)))
            .max()
            .unwrap_or(0);
        if wait > 0 {
            let detail = format!("too many {failures}: try again in {wait} seconds");
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
    /// Continues with the result of a step. An error in its place means that nothing was tried.
    pub(crate) fn tried<T, E>(self, found: Result<T, E>) -> Result<(Self, T), E> {
        match found {
            Ok(found) => Ok((self, found)),
            Err(error) => {
                self.not_made();
                Err(error)
            }
        }
    }

    /// Withdraws an attempt that was not made: a busy or failing server says nothing about the caller. If it counted, a
    /// flood of logins would lock users out for longer than the flood lasts.
    pub(crate) fn not_made(self) {
        let mut state = self.throttle.state.lock();
        for Counted { key, before, .. } in self.keys {
            let Some(entry) = state.entries.get_mut(&key) else {
                continue;
            };
            entry.failures = entry.failures.saturating_sub(1);
            // Another attempt may have failed since.
            if entry.last == self.now {
                entry.last = before;
            }
            if entry.failures == 0 {
                state.entries.remove(&key);
            }
        }
    }

    /// Notes a success: forgets the failures of this name from this network, and makes the network known. The counts of
    /// the network and of the name only drop this attempt, because a guesser may own one account on the network, and
    /// others may guess at the name.
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
    /// Notes that a user has logged in from this network.
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

    /// Returns the seconds until the next attempt is allowed, rounded up. The waits after the free attempts are 1, 2,
    /// 4, … seconds.
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

/// Returns the network of an address. An IPv6 client has a whole /64 of addresses, so a /64 counts as one network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 => v4,
    }
}

/// Makes room for the counts of one attempt: forgets expired counts and, if these are too few, the older half.
fn make_room(entries: &mut HashMap<u64, Entry>, now: Elapsed) {
    let room = CAPACITY - 2;
    if entries.len() >= room {
        entries.retain(|_, entry| !entry.is_forgotten(now));
    }
    forget_half(entries, room, |entry| entry.last);
}

/// Forgets the older half once `map` has `capacity` elements.
fn forget_half<V>(map: &mut HashMap<u64, V>, capacity: usize, age: impl Fn(&V) -> Elapsed) {
    if map.len() < capacity {
        return;
    }
    let mut times: Vec<_> = map.values().map(&age).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    // Many elements may have the same time: rather than keep them all, this forgets the newest too.
    map.retain(|_, value| age(value) > median);
}

#[cfg(test)]
mod tests;
