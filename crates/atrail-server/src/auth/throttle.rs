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
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn at(second: u64) -> Elapsed {
        Elapsed::new(Duration::from_secs(second))
    }

    fn elsewhere(number: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + number).into())
    }

    /// Whether an attempt has to wait; one that need not fails.
    fn waits(throttle: &Throttle, name: &str, address: IpAddr, second: u64) -> bool {
        throttle.begin(Some(name), address, at(second)).is_err()
    }

    fn logs_in(throttle: &Throttle, name: &str, address: IpAddr, second: u64) -> bool {
        let attempt = throttle.begin(Some(name), address, at(second));
        attempt.map(Attempt::succeeded).is_ok()
    }

    #[test]
    fn after_some_failures_each_costs_twice_the_wait() {
        let throttle = Throttle::default();
        for _ in 0..10 {
            assert!(!waits(&throttle, "ann", HERE, 0));
        }
        assert!(waits(&throttle, "ann", HERE, 0));
        assert!(!waits(&throttle, "bob", HERE, 0), "another name is free");
        assert!(!waits(&throttle, "ann", HERE, 1), "one second later");
        assert!(waits(&throttle, "ann", HERE, 2));
        assert!(!waits(&throttle, "ann", HERE, 3), "two seconds later");
        let taken = (4..600).filter(|second| !waits(&throttle, "ann", HERE, *second));
        assert_eq!(taken.count(), 12, "in the end one a minute");
        let later = 600 + FORGOTTEN_AFTER.as_secs();
        for _ in 0..10 {
            assert!(!waits(&throttle, "ann", HERE, later));
        }
    }

    #[test]
    fn who_guesses_keeps_nobody_out_but_the_own_network() {
        let throttle = Throttle::default();
        for second in 0..600 {
            waits(&throttle, "ann", HERE, second);
            assert!(logs_in(&throttle, "ann", HOME, second), "{second}");
        }
        assert!(waits(&throttle, "ann", HERE, 600));
        // Neither does a guesser with many networks, where the user has been before.
        for number in 0..100_u32 {
            for _ in 0..10 {
                waits(&throttle, "ann", elsewhere(number), 600);
            }
        }
        assert!(
            waits(&throttle, "ann", elsewhere(1000), 600),
            "all of them wait"
        );
        assert!(logs_in(&throttle, "ann", HOME, 600));
        // Whoever comes from a new network waits for a second, not longer and longer.
        assert!(logs_in(&throttle, "ann", elsewhere(1001), 601));
    }

    #[test]
    fn many_networks_together_get_an_attempt_a_second() {
        let throttle = Throttle::default();
        let mut taken = 0;
        for second in 0..100 {
            for number in 0..50 {
                taken += u32::from(!waits(
                    &throttle,
                    "ann",
                    elsewhere(second * 50 + number),
                    second.into(),
                ));
            }
        }
        assert_eq!(taken, 100 + 98);
    }

    #[test]
    fn a_known_network_that_is_shared_with_a_guesser_waits_for_seconds() {
        let throttle = Throttle::default();
        assert!(logs_in(&throttle, "ann", HERE, 0));
        let taken = (0..1000)
            .filter(|second| !waits(&throttle, "ann", HERE, *second))
            .count();
        assert!((250..270).contains(&taken), "{taken}");
        // Guessing at others from there does not touch it.
        for name in 0..200 {
            waits(&throttle, &name.to_string(), HERE, 1000);
        }
        assert!(waits(&throttle, "bob", HERE, 1000), "the control");
        assert!(logs_in(&throttle, "ann", HERE, 1004));
    }

    #[test]
    fn an_attempt_that_was_not_made_does_not_count() {
        let begin = |throttle: &Throttle, second, made: bool| {
            match throttle.begin(Some("ann"), HERE, at(second)) {
                Ok(attempt) if !made => attempt.not_made(),
                Ok(_) => (),
                Err(_) => return false,
            }
            true
        };
        let throttle = Throttle::default();
        for _ in 0..20 {
            assert!(begin(&throttle, 0, false));
        }
        assert!(throttle.state.lock().entries.is_empty());
        for _ in 0..10 {
            assert!(begin(&throttle, 0, true));
        }
        assert!(!begin(&throttle, 0, true), "the control");
        // It does not make the wait of the others longer.
        assert!(begin(&throttle, 1, true));
        assert!(begin(&throttle, 3, false));
        assert!(begin(&throttle, 3, true));
        let refused: Result<(Attempt<'_>, ()), &str> = throttle
            .begin(Some("bob"), HOME, at(3))
            .unwrap()
            .tried(Err("busy"));
        assert_eq!(refused.unwrap_err(), "busy");
        assert!(logs_in(&throttle, "bob", HOME, 3));
    }

    #[test]
    fn success_forgets_the_name_on_its_network_alone() {
        let throttle = Throttle::default();
        for _ in 0..9 {
            assert!(!waits(&throttle, "ann", HERE, 0));
        }
        assert!(logs_in(&throttle, "ann", HERE, 0));
        for _ in 0..10 {
            assert!(!waits(&throttle, "ann", HERE, 0));
        }
        for _ in 0..10 {
            assert!(!waits(&throttle, "bob", HERE, 0));
        }
        assert!(logs_in(&throttle, "bob", HOME, 0));
        assert!(waits(&throttle, "bob", HERE, 0), "not here");
    }

    #[test]
    fn guessing_at_many_names_is_stopped_by_network_and_memory_is_bounded() {
        let throttle = Throttle::default();
        let refused = (0..CAPACITY * 3)
            .filter(|n| waits(&throttle, &n.to_string(), HERE, 0))
            .count();
        assert_eq!(refused, CAPACITY * 3 - 100);
        for n in 0..u32::try_from(CAPACITY * 2).unwrap() {
            let name = n.to_string();
            waits(&throttle, &name, elsewhere(n), u64::from(n / 100));
            logs_in(&throttle, &name, HOME, 1_000_000 + u64::from(n) * 1000);
        }
        let state = throttle.state.lock();
        assert!(state.entries.len() <= CAPACITY, "{}", state.entries.len());
        assert!(state.known.len() <= KNOWN_CAPACITY, "{}", state.known.len());
        assert!(state.known.len() >= KNOWN_CAPACITY / 2, "the control");
        drop(state);
        // A flood of one moment is forgotten too.
        for n in 0..u32::try_from(CAPACITY * 2).unwrap() {
            waits(&throttle, &n.to_string(), elsewhere(n), 9_000_000);
        }
        assert!(throttle.state.lock().entries.len() <= CAPACITY);
    }

    #[test]
    fn a_user_with_many_networks_takes_none_from_another() {
        let throttle = Throttle::default();
        assert!(logs_in(&throttle, "ann", HOME, 0));
        for n in 0..20_000_u32 {
            assert!(logs_in(&throttle, "mallory", elsewhere(n), n.into()));
        }
        let is_known = |name: &str, address| {
            let attempt = throttle.begin(Some(name), address, at(20_000)).unwrap();
            let is_known = attempt.keys[0].by == By::NameAndKnownNetwork;
            attempt.not_made();
            is_known
        };
        assert!(is_known("ann", HOME));
        let known = (0..20_000).filter(|n| is_known("mallory", elsewhere(*n)));
        assert_eq!(known.collect::<Vec<_>>(), Vec::from_iter(19_984..20_000));
        // A login from one of them makes it the newest.
        assert!(logs_in(&throttle, "mallory", elsewhere(19_984), 20_000));
        assert!(logs_in(&throttle, "mallory", elsewhere(1), 20_000));
        assert!(is_known("mallory", elsewhere(19_984)));
        assert!(!is_known("mallory", elsewhere(19_985)), "the control");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let [a, b]: [IpAddr; 2] = ["2001:db8::1", "2001:db8::ffff:2"].map(|a| a.parse().unwrap());
        assert_eq!(network(a), network(b));
        assert_eq!(network("::ffff:127.0.0.1".parse().unwrap()), HERE);
    }
}
