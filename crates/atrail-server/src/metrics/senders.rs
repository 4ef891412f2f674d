//! The metrics of ingest keys. Those by key name the keys' public parts, and only the operator sees them.

use atrail_model::Timestamp;
use atrail_store::IngestCounts;

use super::exposition::Page;

/// The senders with ingest keys.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    /// Number of keys.
    pub(crate) keys: usize,
    /// Number of keys whose senders are silent.
    pub(crate) silent: usize,
    /// Some of the keys, for the operator.
    pub(crate) each: Vec<Sender>,
}

/// A sender since the server started.
#[derive(Debug)]
pub(crate) struct Sender {
    /// The public part of its key.
    pub(crate) key: String,
    /// When its last event came, if one ever did.
    pub(crate) received: Option<Timestamp>,
    /// What the server did with its events.
    pub(crate) counts: IngestCounts,
    /// Whether it is silent.
    pub(crate) silent: bool,
}

/// Writes the metrics of senders.
pub(super) fn show(page: &mut Page, senders: &Senders) {
    page.gauge("atrail_ingest_keys", "Ingest keys.")
        .value(senders.keys);
    page.gauge(
        "atrail_ingest_keys_silent",
        "Ingest keys with which no event came for as long as their makers allow.",
    )
    .value(senders.silent);
    if senders.each.is_empty() {
        return;
    }
    let mut events = page.counter(
        "atrail_ingest_key_events_total",
        "Events that came with an ingest key: accepted, duplicates among them, and refused.",
    );
    for Sender { key, counts, .. } in &senders.each {
        for (outcome, count) in [
            ("accepted", counts.accepted),
            ("duplicate", counts.duplicates),
            ("refused", counts.refused),
        ] {
            events.labelled(&[("key", key), ("outcome", outcome)], count);
        }
    }
    let mut bytes = page.counter(
        "atrail_ingest_key_bytes_total",
        "Bytes of the bodies that came with an ingest key, after decompression.",
    );
    for Sender { key, counts, .. } in &senders.each {
        bytes.labelled(&[("key", key)], counts.bytes);
    }
    let mut last = page.gauge(
        "atrail_ingest_key_last_event_timestamp_seconds",
        "When the server last accepted an event with an ingest key, in seconds since 1970.",
    );
    for Sender { key, received, .. } in &senders.each {
        if let Some(received) = received {
            last.labelled(&[("key", key)], received.as_millisecond() as f64 / 1000.0);
        }
    }
    let mut silent = page.gauge(
        "atrail_ingest_key_silent",
        "1 while no event came with an ingest key for as long as its maker allows.",
    );
    for Sender {
        key,
        silent: is_silent,
        ..
    } in &senders.each
    {
        silent.labelled(&[("key", key)], u8::from(*is_silent));
    }
}
