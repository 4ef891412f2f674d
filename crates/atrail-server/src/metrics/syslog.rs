//! The counts of the syslog listeners.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Metrics;
use super::exposition::Page;
use super::page::get;

/// Why syslog messages are not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyslogRefusal {
    /// A connection beyond the limit of its listener or its address.
    Connections,
    /// A connection whose TLS handshake failed.
    Handshake,
    /// A sender without a valid ingest key, and what it had sent.
    Key,
    /// A connection whose bytes are not framed.
    Framing,
    /// A connection that was silent for too long.
    Idle,
    /// A connection that gave way to another one.
    Displaced,
    /// A datagram that arrived while too many waited.
    Datagrams,
}

impl SyslogRefusal {
    const ALL: [Self; 7] = [
        Self::Connections,
        Self::Handshake,
        Self::Key,
        Self::Framing,
        Self::Idle,
        Self::Displaced,
        Self::Datagrams,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Handshake => "handshake",
            Self::Key => "key",
            Self::Framing => "framing",
            Self::Idle => "idle",
            Self::Displaced => "displaced",
            Self::Datagrams => "datagrams",
        }
    }
}

/// The counts of all listeners.
#[derive(Debug, Default)]
pub(super) struct Syslog {
    open: AtomicU64,
    waiting: AtomicU64,
    refusals: [AtomicU64; SyslogRefusal::ALL.len()],
}

/// An open connection; it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct SyslogConnection(Arc<Metrics>);

/// Messages that were read and are not durable yet; they count until this is dropped.
#[derive(Debug)]
pub(crate) struct SyslogWaiting(Arc<Metrics>, u64);

impl Metrics {
    /// Counts messages that were read and are not durable yet.
    pub(crate) fn syslog_waits(self: &Arc<Self>, messages: u64) -> SyslogWaiting {
        self.syslog.waiting.fetch_add(messages, Ordering::Relaxed);
        SyslogWaiting(Arc::clone(self), messages)
    }

    /// Counts a syslog connection.
    pub(crate) fn syslog_connected(self: &Arc<Self>) -> SyslogConnection {
        self.syslog.open.fetch_add(1, Ordering::Relaxed);
        SyslogConnection(Arc::clone(self))
    }

    /// Counts a connection or a datagram that is not received.
    pub(crate) fn refused_syslog(&self, refusal: SyslogRefusal) {
        self.syslog.refusals[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for SyslogConnection {
    fn drop(&mut self) {
        self.0.syslog.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for SyslogWaiting {
    fn drop(&mut self) {
        self.0.syslog.waiting.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// Writes the counts.
pub(super) fn show(page: &mut Page, metrics: &Metrics) {
    page.gauge("atrail_syslog_connections", "Open syslog connections.")
        .value(get(&metrics.syslog.open));
    page.gauge(
        "atrail_syslog_waiting",
        "Syslog messages that the server has read and not made durable yet.",
    )
    .value(get(&metrics.syslog.waiting));
    let mut refusals = page.counter(
        "atrail_syslog_refused_total",
        "Syslog connections and datagrams that the server did not receive, by reason; atrail_receiver_events_total counts \
         the messages that it did.",
    );
    for (refusal, count) in SyslogRefusal::ALL.iter().zip(&metrics.syslog.refusals) {
        refusals.labelled(&[("reason", refusal.word())], get(count));
    }
}
