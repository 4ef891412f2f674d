//! What a search may take: time, threads and memory. It can be cancelled at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::error::SearchError;

/// What a search may take.
#[derive(Debug, Clone)]
pub struct Budget {
    /// How long it may take; an export has none.
    pub time: Option<Duration>,
    /// Threads that work for it at the same time, at least one.
    pub threads: usize,
    /// Bytes of memory for counts: more different values are an error.
    pub memory_bytes: usize,
    /// Ends it.
    pub cancel: Cancel,
}

impl Budget {
    /// The usual budget of a request: this time, two threads, 32 MiB.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        Self {
            time: Some(time),
            threads: 2,
            memory_bytes: 32 << 20,
            cancel: Cancel::default(),
        }
    }
}

/// Ends searches: clones end the same ones.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Ends them: each stops work within some milliseconds, and answers [`SearchError::Cancelled`].
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The limits of a running search. Its threads check them after every block.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) threads: usize,
    pub(super) memory_bytes: usize,
    time: Option<(Instant, Duration)>,
    cancel: Cancel,
    /// Set when nobody waits for the answer any longer.
    gone: Cancel,
}

/// Ends a search's work when it is dropped.
#[must_use]
pub(super) struct Running(Cancel);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Limits {
    /// Starts the clock. Work ends when the other value is dropped.
    pub(super) fn start(budget: &Budget) -> (Self, Running) {
        let gone = Cancel::default();
        let limits = Self {
            threads: budget.threads.max(1),
            memory_bytes: budget.memory_bytes,
            time: budget.time.map(|time| (Instant::now(), time)),
            cancel: budget.cancel.clone(),
            gone: gone.clone(),
        };
        (limits, Running(gone))
    }

    /// Refuses to go on once a limit is reached.
    pub(super) fn check(&self) -> Result<(), SearchError> {
        if self.cancel.is_cancelled() || self.gone.is_cancelled() {
            return Err(SearchError::Cancelled);
        }
        match self.time {
            Some((since, time)) if since.elapsed() > time => Err(SearchError::TooLong {
                seconds: time.as_secs(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_ends_with_its_time_its_cancellation_or_its_requester() {
        let budget = Budget::of(Duration::from_secs(600));
        let (limits, running) = Limits::start(&budget);
        assert!(limits.check().is_ok());
        drop(running);
        assert!(matches!(limits.check(), Err(SearchError::Cancelled)));
        let (limits, _running) = Limits::start(&budget);
        budget.cancel.cancel();
        assert!(matches!(limits.check(), Err(SearchError::Cancelled)));
        let (limits, _running) = Limits::start(&Budget::of(Duration::ZERO));
        std::thread::sleep(Duration::from_millis(2));
        assert!(matches!(limits.check(), Err(SearchError::TooLong { .. })));
    }
}
