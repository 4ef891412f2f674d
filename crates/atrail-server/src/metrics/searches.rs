//! The counters of searches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use atrail_model::Histogram;
use atrail_store::search::{SearchError, Searched};

use super::Metrics;
use super::exposition::Page;
use super::page::get;
use crate::search::export::Cut;

/// Upper bounds of the times of searches.
const BOUNDS: &[Duration] = &[
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2500),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// What a search gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Events.
    Search,
    /// Counts.
    Aggregate,
    /// All events, in a stream.
    Export,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Search, Self::Aggregate, Self::Export];

    const fn word(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Aggregate => "aggregate",
            Self::Export => "export",
        }
    }
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With its answer.
    Done,
    /// The question cannot be answered, such as one with the cursor of another question.
    Refused,
    /// It took more time or memory than one search may.
    TooLarge,
    /// The client hung up.
    Cancelled,
    /// The login or the role ended.
    Revoked,
    /// The server failed.
    Failed,
}

impl Outcome {
    const ALL: [Self; 6] = [
        Self::Done,
        Self::Refused,
        Self::TooLarge,
        Self::Cancelled,
        Self::Revoked,
        Self::Failed,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::Cancelled => "cancelled",
            Self::Revoked => "revoked",
            Self::Failed => "failed",
        }
    }

    pub(crate) const fn of(error: Option<&SearchError>) -> Self {
        match error {
            None => Self::Done,
            Some(SearchError::Cursor) => Self::Refused,
            Some(SearchError::TooLong { .. } | SearchError::TooLarge(_)) => Self::TooLarge,
            Some(SearchError::Cancelled) => Self::Cancelled,
            Some(SearchError::Store(_)) => Self::Failed,
        }
    }

    pub(crate) const fn of_cut(cut: &Cut) -> Self {
        match cut {
            Cut::Search(error) => Self::of(Some(error)),
            Cut::Ended(_) => Self::Revoked,
            Cut::Format(_) | Cut::Unrecorded(_) | Cut::NoTurn(_) => Self::Failed,
        }
    }
}

/// The counters.
#[derive(Debug)]
pub(super) struct Searches {
    /// By kind and outcome.
    ended: [[AtomicU64; Outcome::ALL.len()]; Kind::ALL.len()],
    took: [Histogram; Kind::ALL.len()],
    running: [AtomicU64; Kind::ALL.len()],
    scanned_bytes: AtomicU64,
    files: AtomicU64,
}

impl Default for Searches {
    fn default() -> Self {
        Self {
            ended: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            took: std::array::from_fn(|_| Histogram::new(BOUNDS)),
            running: std::array::from_fn(|_| AtomicU64::new(0)),
            scanned_bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// Counts a search that begins.
    pub(crate) fn search_begins(self: &Arc<Self>, kind: Kind) -> Running {
        self.searches.running[kind as usize].fetch_add(1, Ordering::Relaxed);
        Running {
            metrics: Arc::clone(self),
            kind,
            since: Instant::now(),
            outcome: Outcome::Cancelled,
        }
    }

    /// Counts what a search read.
    pub(crate) fn searched(&self, read: &Searched) {
        let Searches {
            scanned_bytes,
            files,
            ..
        } = &self.searches;
        scanned_bytes.fetch_add(read.bytes_scanned, Ordering::Relaxed);
        files.fetch_add(read.files, Ordering::Relaxed);
    }
}

/// A search that runs. When it is dropped without an end, nobody waited for it any more.
#[derive(Debug)]
pub(crate) struct Running {
    metrics: Arc<Metrics>,
    kind: Kind,
    since: Instant,
    outcome: Outcome,
}

impl Running {
    /// Notes how the search ended.
    pub(crate) const fn ends(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// Returns since when the search has been running, in milliseconds.
    pub(crate) fn took_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let searches = &self.metrics.searches;
        let kind = self.kind as usize;
        searches.running[kind].fetch_sub(1, Ordering::Relaxed);
        searches.ended[kind][self.outcome as usize].fetch_add(1, Ordering::Relaxed);
        searches.took[kind].observe(self.since.elapsed());
    }
}

/// Writes the metrics of searches; `waiting` wait for their turn.
pub(super) fn show(page: &mut Page, metrics: &Metrics, waiting: usize) {
    let Searches {
        ended,
        took,
        running,
        scanned_bytes,
        files,
    } = &metrics.searches;
    let mut searches = page.counter("atrail_searches_total", "Searches, by how they ended.");
    for (kind, outcomes) in Kind::ALL.iter().zip(ended) {
        for (outcome, count) in Outcome::ALL.iter().zip(outcomes) {
            let labels = [("kind", kind.word()), ("outcome", outcome.word())];
            searches.labelled(&labels, get(count));
        }
    }
    let mut durations = page.histogram(
        "atrail_search_duration_seconds",
        "Time of one search, without the wait for its turn; of an export, until its last byte.",
    );
    for (kind, took) in Kind::ALL.iter().zip(took) {
        durations.durations(&[("kind", kind.word())], &took.snapshot());
    }
    let mut gauge = page.gauge("atrail_searches_running", "Searches that run.");
    for (kind, count) in Kind::ALL.iter().zip(running) {
        gauge.labelled(&[("kind", kind.word())], get(count));
    }
    page.gauge(
        "atrail_searches_waiting",
        "Searches that wait for their turn.",
    )
    .value(waiting);
    page.counter(
        "atrail_search_scanned_bytes_total",
        "Bytes of events that searches read because no index answered for them.",
    )
    .value(get(scanned_bytes));
    page.counter(
        "atrail_search_files_total",
        "Index files that searches consulted.",
    )
    .value(get(files));
}
