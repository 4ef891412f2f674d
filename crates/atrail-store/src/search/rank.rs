//! Keeps the places of the first matching events in an order, in bounded memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use atrail_model::SegmentId;
use atrail_search::Order;

/// Where a matching event stands, and when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// Its time in microseconds since 1970, rounded down.
    pub(super) micros: i64,
    /// The nanoseconds beyond those; `None`: only the line tells.
    pub(super) nanos: Option<u16>,
    /// Its domain's number.
    pub(super) domain: u32,
    pub(super) at: At,
}

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Sealed(Line),
    /// The number of an hour's list, and of a line in it.
    Unsealed {
        list: u32,
        nth: u32,
    },
}

/// The place of a line in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) segment: SegmentId,
    pub(super) index: u64,
    /// The offset of its block, counted from the segment's first byte.
    pub(super) block: u64,
    pub(super) block_bytes: u32,
    /// Its number in the block.
    pub(super) line: u32,
}

/// A limit that all threads of a search share: events beyond it are not among the first.
#[derive(Debug, Clone)]
pub(super) struct Threshold(Arc<AtomicI64>);

impl Default for Threshold {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }
}

impl Threshold {
    fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The first matching events of one thread: at least those that are wanted, and all of the same time as the last of
/// them.
#[derive(Debug)]
pub(super) struct Ranking {
    order: Order,
    wanted: usize,
    /// The time of the cursor. Some of its events were delivered before: all are kept.
    first: Option<i64>,
    pub(super) at_first: Vec<Key>,
    pub(super) keys: Vec<Key>,
    prune_at: usize,
    threshold: Threshold,
}

/// Returns a number that is smaller for what comes earlier in an order.
pub(super) const fn score(order: Order, micros: i64) -> i64 {
    match order {
        Order::Newest => micros.saturating_neg(),
        Order::Oldest => micros,
    }
}

impl Ranking {
    pub(super) const fn new(
        order: Order,
        wanted: usize,
        first: Option<i64>,
        threshold: Threshold,
    ) -> Self {
        Self {
            order,
            wanted,
            first,
            at_first: Vec::new(),
            keys: Vec::new(),
            prune_at: wanted,
            threshold,
        }
    }

    /// Reports whether an event of this time may be among the first.
    pub(super) fn needs(&self, micros: i64) -> bool {
        self.first == Some(micros) || score(self.order, micros) <= self.threshold.get()
    }

    /// Reports whether events between these times may be among the first. `best` is the earlier one in the order.
    pub(super) fn needs_between(&self, oldest: i64, newest: i64, best: i64) -> bool {
        let has_first = self
            .first
            .is_some_and(|first| (oldest..=newest).contains(&first));
        has_first || score(self.order, best) <= self.threshold.get()
    }

    /// Reports whether neither this time nor any behind it is needed.
    pub(super) fn is_behind(&self, micros: i64) -> bool {
        let at = score(self.order, micros);
        at > self.threshold.get() && self.first.is_none_or(|first| score(self.order, first) < at)
    }

    pub(super) fn offer(&mut self, key: Key) {
        if self.first == Some(key.micros) {
            self.at_first.push(key);
        } else if self.needs(key.micros) {
            self.keys.push(key);
            if self.keys.len() >= self.prune_at {
                self.prune();
            }
        }
    }

    /// Adds what another thread found.
    pub(super) fn merge(&mut self, other: Self) {
        self.at_first.extend(other.at_first);
        for key in other.keys {
            self.offer(key);
        }
    }

    /// Drops what is certainly beyond.
    pub(super) fn prune(&mut self) {
        let order = self.order;
        if self.wanted == 0 {
            self.keys.clear();
            return;
        }
        if self.keys.len() >= self.wanted {
            let by_score = |key: &Key| score(order, key.micros);
            let last = self.wanted - 1;
            let (_, pivot, _) = self.keys.select_nth_unstable_by_key(last, by_score);
            let worst = by_score(pivot);
            self.keys.retain(|key| by_score(key) <= worst);
            self.threshold.0.fetch_min(worst, Ordering::Relaxed);
        }
        self.prune_at = (self.keys.len() + self.wanted).max(self.wanted + 1024);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(micros: i64, nth: u32) -> Key {
        Key {
            micros,
            nanos: Some(0),
            domain: 0,
            at: At::Unsealed { list: 0, nth },
        }
    }

    #[test]
    fn the_first_are_kept_with_all_of_the_time_of_the_last() {
        for order in [Order::Newest, Order::Oldest] {
            let threshold = Threshold::default();
            let mut ranking = Ranking::new(order, 10, Some(500), threshold.clone());
            let mut other = Ranking::new(order, 10, Some(500), threshold);
            for n in 0..20_000_u32 {
                // Each time occurs three times, and in no order.
                let micros = i64::from(n.wrapping_mul(7919) % 20_000 / 3);
                let to = if n % 2 == 0 { &mut ranking } else { &mut other };
                to.offer(key(micros, n));
                assert!(to.keys.len() <= 3_000, "memory is bounded");
            }
            ranking.merge(other);
            ranking.prune();
            assert_eq!(ranking.at_first.len(), 3);
            let mut kept: Vec<_> = ranking.keys.iter().map(|key| key.micros).collect();
            kept.sort_unstable();
            let expected: Vec<i64> = match order {
                // The last time occurs twice: 20,000 is no multiple of three.
                Order::Newest => vec![6663, 6664, 6665, 6666],
                Order::Oldest => vec![0, 1, 2, 3],
            };
            let distinct: std::collections::BTreeSet<_> = kept.iter().copied().collect();
            assert_eq!(distinct.into_iter().collect::<Vec<_>>(), expected);
            let all = if order == Order::Newest { 11 } else { 12 };
            assert_eq!(kept.len(), all, "{kept:?}");
        }
    }
}
