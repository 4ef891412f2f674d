//! Slows down guessing: failed attempts are counted by user name and by address, in bounded memory.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

use atrail_api::ErrorCode;
use atrail_model::Elapsed;
use parking_lot::Mutex;

use crate::error::ApiError;

/// Failures of one user name before there is a wait.
const FREE_BY_NAME: u32 = 10;
/// Failures from one address before there is a wait: many users may share one.
const FREE_BY_ADDRESS: u32 = 100;
/// Longest wait. It bounds how long somebody else can keep a user from logging in by password; API keys are
/// not counted by name and always work.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Failures are forgotten this long after the last one.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(900);
/// Names and addresses that are remembered.
const CAPACITY: usize = 10_000;

/// Counts failed attempts.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    entries: Mutex<HashMap<u64, Entry>>,
    hashing: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    failures: u32,
    last: Elapsed,
}

#[derive(Hash)]
enum Key<'a> {
    Name(&'a str),
    Address(IpAddr),
}

/// An attempt that is under way. It counts as failed until it is told otherwise, so that many at once gain nothing.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    keys: Vec<(u64, u32)>,
}

impl Throttle {
    /// Begins an attempt, by name only when a password is tried.
    pub(crate) fn begin(
        &self,
        name: Option<&str>,
        address: IpAddr,
        now: Elapsed,
    ) -> Result<Attempt<'_>, ApiError> {
        let by_name = name.map(|name| (self.key(&Key::Name(name)), FREE_BY_NAME));
        let by_address = (self.key(&Key::Address(network(address))), FREE_BY_ADDRESS);
        let keys: Vec<_> = by_name.into_iter().chain([by_address]).collect();
        let mut entries = self.entries.lock();
        let wait = keys
            .iter()
            .filter_map(|(key, free)| entries.get(key).map(|entry| entry.wait_secs(*free, now)))
            .max()
            .unwrap_or(0);
        if wait > 0 {
            let detail = format!("too many failed logins: try again in {wait} seconds");
            return Err(ApiError::new(ErrorCode::TooMany, detail).retry_after(wait));
        }
        make_room(&mut entries, now);
        for (key, _) in &keys {
            let entry = entries.entry(*key).or_insert(Entry {
                failures: 0,
                last: now,
            });
            if entry.is_forgotten(now) {
                entry.failures = 0;
            }
            entry.failures = entry.failures.saturating_add(1);
            entry.last = now;
        }
        drop(entries);
        Ok(Attempt {
            throttle: self,
            keys,
        })
    }

    fn key(&self, key: &Key<'_>) -> u64 {
        self.hashing.hash_one(key)
    }
}

impl Attempt<'_> {
    /// The attempt succeeded: the name's failures are forgotten; the address, which may hold one good account and guess
    /// at others, only gets this attempt back.
    pub(crate) fn succeeded(self) {
        let mut entries = self.throttle.entries.lock();
        for (key, free) in self.keys {
            if free == FREE_BY_NAME {
                entries.remove(&key);
            } else if let Some(entry) = entries.get_mut(&key) {
                entry.failures = entry.failures.saturating_sub(1);
            }
        }
    }
}

impl Entry {
    fn is_forgotten(self, now: Elapsed) -> bool {
        now.since(self.last) >= FORGOTTEN_AFTER
    }

    /// Seconds until another attempt is taken, rounded up: 1, 2, 4, … after the free ones.
    fn wait_secs(self, free: u32, now: Elapsed) -> u64 {
        if self.failures < free || self.is_forgotten(now) {
            return 0;
        }
        let doublings = (self.failures - free).min(6);
        let wait = Duration::from_secs(1 << doublings).min(LONGEST_WAIT);
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

/// Forgets what is old, and if that is not enough, the half that is oldest.
fn make_room(entries: &mut HashMap<u64, Entry>, now: Elapsed) {
    if entries.len() + 2 <= CAPACITY {
        return;
    }
    entries.retain(|_, entry| !entry.is_forgotten(now));
    if entries.len() + 2 <= CAPACITY {
        return;
    }
    let mut times: Vec<_> = entries.values().map(|entry| entry.last).collect();
    let (_, median, _) = times.select_nth_unstable(CAPACITY / 2);
    let median = *median;
    entries.retain(|_, entry| entry.last > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn at(second: u64) -> Elapsed {
        Elapsed::new(Duration::from_secs(second))
    }

    fn fails(throttle: &Throttle, name: &str, second: u64) -> bool {
        throttle.begin(Some(name), HERE, at(second)).is_err()
    }

    #[test]
    fn after_some_failures_each_costs_twice_the_wait() {
        let throttle = Throttle::default();
        for _ in 0..FREE_BY_NAME {
            assert!(!fails(&throttle, "ann", 0));
        }
        assert!(fails(&throttle, "ann", 0));
        assert!(!fails(&throttle, "bob", 0), "another name is free");
        assert!(!fails(&throttle, "ann", 1), "one second later");
        assert!(fails(&throttle, "ann", 2));
        assert!(!fails(&throttle, "ann", 3), "two seconds later");
        assert!(!fails(&throttle, "ann", 3 + FORGOTTEN_AFTER.as_secs()));
        assert!(!fails(&throttle, "ann", 3 + FORGOTTEN_AFTER.as_secs()));
    }

    #[test]
    fn success_forgets_the_name() {
        let throttle = Throttle::default();
        for _ in 0..FREE_BY_NAME - 1 {
            assert!(!fails(&throttle, "ann", 0));
        }
        let attempt = throttle.begin(Some("ann"), HERE, at(0)).unwrap();
        attempt.succeeded();
        for _ in 0..FREE_BY_NAME {
            assert!(!fails(&throttle, "ann", 0));
        }
    }

    #[test]
    fn guessing_at_many_names_is_stopped_by_address_and_memory_is_bounded() {
        let throttle = Throttle::default();
        let refused = (0..CAPACITY * 3)
            .filter(|n| fails(&throttle, &n.to_string(), 0))
            .count();
        assert_eq!(
            refused,
            CAPACITY * 3 - usize::try_from(FREE_BY_ADDRESS).unwrap()
        );
        for n in 0..u32::try_from(CAPACITY * 2).unwrap() {
            let address = IpAddr::V4(n.into());
            let _ = throttle.begin(Some(&n.to_string()), address, at(u64::from(n / 100)));
        }
        assert!(throttle.entries.lock().len() <= CAPACITY);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let [a, b]: [IpAddr; 2] = ["2001:db8::1", "2001:db8::ffff:2"].map(|a| a.parse().unwrap());
        assert_eq!(network(a), network(b));
        assert_eq!(network("::ffff:127.0.0.1".parse().unwrap()), HERE);
    }
}
