//! The counts of the receivers of other collectors' protocols.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Metrics;
use super::exposition::Page;
use super::page::get;

/// A receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// Elasticsearch's bulk and document interface.
    Elasticsearch,
    /// Splunk's HTTP Event Collector.
    Hec,
    /// OTLP logs.
    Otlp,
    /// The audit webhook of Kubernetes.
    Kubernetes,
    /// CloudEvents over HTTP.
    CloudEvents,
    /// GitHub's webhooks.
    GitHub,
    /// GitLab's webhooks.
    GitLab,
    /// Okta's event hooks.
    Okta,
    /// WorkOS's audit logs.
    WorkOs,
    /// Pangea's Secure Audit Log.
    Pangea,
    /// Retraced's publisher API.
    Retraced,
    /// Syslog listeners.
    Syslog,
}

impl Receiver {
    const ALL: [Self; 12] = [
        Self::Elasticsearch,
        Self::Hec,
        Self::Otlp,
        Self::Kubernetes,
        Self::CloudEvents,
        Self::GitHub,
        Self::GitLab,
        Self::Okta,
        Self::WorkOs,
        Self::Pangea,
        Self::Retraced,
        Self::Syslog,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Elasticsearch => "elasticsearch",
            Self::Hec => "hec",
            Self::Otlp => "otlp",
            Self::Kubernetes => "kubernetes",
            Self::CloudEvents => "cloudevents",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Okta => "okta",
            Self::WorkOs => "workos",
            Self::Pangea => "pangea",
            Self::Retraced => "retraced",
            Self::Syslog => "syslog",
        }
    }
}

/// The counts of every receiver.
#[derive(Debug, Default)]
pub(super) struct Receivers([Counts; Receiver::ALL.len()]);

#[derive(Debug, Default)]
struct Counts {
    stored: AtomicU64,
    duplicate: AtomicU64,
    refused: AtomicU64,
}

impl Metrics {
    /// Counts the payloads of a request whose events are durable.
    pub(crate) fn received(
        &self,
        receiver: Receiver,
        accepted: u64,
        duplicates: u64,
        refused: u64,
    ) {
        let counts = &self.receivers.0[receiver as usize];
        let stored = accepted.saturating_sub(duplicates);
        counts.stored.fetch_add(stored, Ordering::Relaxed);
        counts.duplicate.fetch_add(duplicates, Ordering::Relaxed);
        counts.refused.fetch_add(refused, Ordering::Relaxed);
    }
}

/// Writes the counts. A receiver that nobody uses has none.
pub(super) fn show(page: &mut Page, metrics: &Metrics) {
    let mut events = page.counter(
        "atrail_receiver_events_total",
        "Events received in other collectors' protocols, by protocol; atrail_ingest_events_total counts them, too.",
    );
    for (receiver, counts) in Receiver::ALL.iter().zip(&metrics.receivers.0) {
        let Counts {
            stored,
            duplicate,
            refused,
        } = counts;
        let all = [
            ("accepted", stored),
            ("duplicate", duplicate),
            ("refused", refused),
        ];
        if all.iter().all(|(_, count)| get(count) == 0) {
            continue;
        }
        for (outcome, count) in all {
            let labels = [("receiver", receiver.word()), ("outcome", outcome)];
            events.labelled(&labels, get(count));
        }
    }
}
