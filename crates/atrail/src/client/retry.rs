//! When to retry, and how long to wait first.

use std::time::Duration;

/// Longest wait that a server may ask for before a retry, because a person waits for the command. If the server asks
/// for more, the command ends with exit code 5.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Counts consecutive failed attempts.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    failures: u32,
    limit: u32,
}

impl Backoff {
    /// Returns a counter that gives up after this many failures in a row.
    pub(crate) const fn new(limit: u32) -> Self {
        Self { failures: 0, limit }
    }

    /// Resets the count after a success.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns how long to wait after one more failure; `None` means give up. `jitter` is a fraction of 1 that spreads
    /// clients.
    pub(crate) fn next(&mut self, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
        self.failures += 1;
        if self.failures >= self.limit || asked.is_some_and(|wait| wait > RETRY_AFTER_MAX) {
            return None;
        }
        let doubled = FIRST_WAIT.saturating_mul(1 << (self.failures - 1).min(10));
        let own = doubled.min(LONGEST_WAIT).mul_f64(0.75 + jitter / 2.0);
        Some(asked.map_or(own, |wait| wait.max(own)))
    }
}

/// Returns a number from 0 to 1 that differs from process to process.
pub(crate) fn jitter() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

/// Returns the seconds of a `Retry-After` header (RFC 9110 §10.2.3). Our server never sends the form with a date.
pub(crate) fn retry_after(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    let value = headers.get(reqwest::header::RETRY_AFTER)?;
    let seconds = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_each_time_and_then_gives_up() {
        let mut backoff = Backoff::new(4);
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next(None, 0.5)).collect();
        assert_eq!(waits, [200, 400, 800].map(Duration::from_millis));
        backoff.reset();
        assert!(backoff.next(None, 0.5).is_some());
    }

    #[test]
    fn a_server_is_obeyed_within_reason() {
        let mut backoff = Backoff::new(4);
        let asked = Duration::from_secs(7);
        assert_eq!(backoff.next(Some(asked), 0.5), Some(asked));
        assert_eq!(backoff.next(Some(Duration::from_secs(11)), 0.5), None);
    }
}
