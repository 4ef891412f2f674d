//! Counters and histograms, increased where the events occur.
//!
//! Counting costs an atomic addition or two. Counters begin at zero with the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts durations in buckets; shared by reference, never locked.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    /// One for each bound, and one for durations beyond all bounds.
    buckets: Box<[AtomicU64]>,
    sum_nanos: AtomicU64,
}

/// The contents of a [`Histogram`] at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// Inclusive upper bounds, ascending, each with the number of durations up to it.
    pub cumulative: Vec<(Duration, u64)>,
    /// Number of all durations.
    pub count: u64,
    /// Their sum.
    pub sum: Duration,
}

impl Histogram {
    /// Returns an empty histogram with these inclusive upper bounds, ascending.
    #[must_use]
    pub fn new(bounds: &'static [Duration]) -> Self {
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_nanos: AtomicU64::new(0),
        }
    }

    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let bucket = self.bounds.partition_point(|bound| *bound < duration);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Counts the time since that moment.
    pub fn observe_since(&self, started: Instant) {
        self.observe(started.elapsed());
    }

    /// Returns the contents. Their count is that of the buckets, even while others count.
    #[must_use]
    pub fn snapshot(&self) -> HistogramSnapshot {
        let mut count = 0;
        let mut up_to = |bucket: &AtomicU64| {
            count += bucket.load(Ordering::Relaxed);
            count
        };
        let (longer, bounded) = self
            .buckets
            .split_last()
            .expect("there is one more than bounds");
        let bounded = bounded.iter().map(&mut up_to);
        let cumulative = self.bounds.iter().copied().zip(bounded).collect();
        let count = up_to(longer);
        HistogramSnapshot {
            cumulative,
            count,
            sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)),
        }
    }
}

/// A number that only increases.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds this much.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Returns the sum since the start.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_up_to_its_bound_and_above() {
        const BOUNDS: &[Duration] = &[Duration::from_millis(1), Duration::from_millis(10)];
        let histogram = Histogram::new(BOUNDS);
        for millis in [0, 1, 2, 10, 11] {
            histogram.observe(Duration::from_millis(millis));
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.cumulative, [(BOUNDS[0], 2), (BOUNDS[1], 4)]);
        assert_eq!(
            (snapshot.count, snapshot.sum),
            (5, Duration::from_millis(24))
        );
    }
}
