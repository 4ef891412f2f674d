//! The page of `GET /metrics`: every metric's name and meaning. `docs/OPERATIONS.md` explains what to do about them.

use std::sync::atomic::{AtomicU64, Ordering};

use atrail_model::Elapsed;
use atrail_store::{Disagreement, StoreStats};

use super::exposition::Page;
use super::senders::Senders;
use super::{AuthFailure, CLASSES, Metrics, Refusal, receivers, searches, senders, syslog};
use crate::audit::action::{Action, Outcome};

pub(crate) use super::exposition::CONTENT_TYPE;

const CLASS_WORDS: [&str; CLASSES] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// The label of requests with an unknown path or method: texts that clients make up must not become labels.
const UNKNOWN: (&str, &str) = ("other", "other");

/// Returns the page. Without `open_sessions`, when the catalog does not answer, the page omits that metric: monitoring
/// must work then above all.
pub(crate) fn render(
    metrics: &Metrics,
    store: &StoreStats,
    open_sessions: Option<u64>,
    waiting_searches: usize,
    senders: &Senders,
    now: Elapsed,
) -> String {
    let mut page = Page::default();
    process(&mut page, metrics);
    http(&mut page, metrics);
    ingest(&mut page, metrics, store);
    receivers::show(&mut page, metrics);
    syslog::show(&mut page, metrics);
    own_events(&mut page, metrics);
    log(&mut page, store, now);
    archive(&mut page, store);
    clock(&mut page, store);
    searches::show(&mut page, metrics, waiting_searches);
    senders::show(&mut page, senders);
    let mut downloads = page.counter(
        "atrail_download_bytes_total",
        "Bytes of downloads handed out, compressed.",
    );
    downloads.value(store.download_bytes);
    let mut checked = page.counter(
        "atrail_checked_bytes_total",
        "Bytes of objects that the server compared with their SHA-256 before it handed them out.",
    );
    checked.value(store.checked_bytes);
    let mut damaged = page.counter(
        "atrail_damaged_reads_total",
        "Reads that ended at a damaged or missing object: the log names it.",
    );
    damaged.value(store.damaged_reads);
    page.gauge(
        "atrail_hours_set_apart",
        "Hours that the server cannot seal, and sets apart so that it can seal others: the log has the reason.",
    )
    .value(store.hours_apart);
    index(&mut page, store);
    page.counter(
        "atrail_erase_failures_total",
        "Failed attempts to erase bytes; the server retries.",
    )
    .value(store.erase_failures);
    page.counter(
        "atrail_retention_failures_total",
        "Times that retention failed for a space or account; the server retries.",
    )
    .value(store.sweep_failures);
    if let Some(open) = open_sessions {
        page.gauge(
            "atrail_open_sessions",
            "Download sessions that have not ended.",
        )
        .value(open);
    }
    page.finish()
}

fn index(page: &mut Page, store: &StoreStats) {
    page.counter(
        "atrail_index_events_total",
        "Events written to files of the search index; those of an open day again when it has closed.",
    )
    .value(store.indexed_events);
    page.counter(
        "atrail_index_files_total",
        "Files written to the search index.",
    )
    .value(store.index_files);
    page.counter(
        "atrail_index_bytes_total",
        "Bytes of the files written to the search index.",
    )
    .value(store.index_bytes);
    page.counter(
        "atrail_index_failures_total",
        "Failed attempts to write a file of the search index, and files found damaged; the server retries.",
    )
    .value(store.index_failures);
    page.gauge(
        "atrail_index_waiting_days",
        "Days of spaces and accounts that wait for the search index.",
    )
    .value(store.index.waiting_days);
    page.gauge(
        "atrail_index_lag_seconds",
        "How long the first of these days has waited.",
    )
    .value(store.index.waiting_for.as_secs());
}

fn process(page: &mut Page, metrics: &Metrics) {
    page.gauge(
        "atrail_build_info",
        "Always 1; the label has the running version.",
    )
    .labelled(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let mut started = page.gauge(
        "process_start_time_seconds",
        "When the server started, in seconds since 1970.",
    );
    started.value(metrics.started.as_millisecond() as f64 / 1000.0);
}

fn http(page: &mut Page, metrics: &Metrics) {
    let routes = metrics.routes.iter().copied().chain([UNKNOWN]);
    // Series of events that never happened are absent, so that a page stays small.
    let series: Vec<_> = routes
        .zip(&metrics.requests)
        .flat_map(|((method, route), classes)| {
            CLASS_WORDS
                .iter()
                .zip(classes)
                .map(move |(class, durations)| {
                    let labels = [("route", route), ("method", method), ("status", *class)];
                    (labels, durations.snapshot())
                })
        })
        .filter(|(_, durations)| durations.count > 0)
        .collect();
    let mut requests = page.counter("atrail_http_requests_total", "Requests answered.");
    for (labels, durations) in &series {
        requests.labelled(labels, durations.count);
    }
    let mut took = page.histogram(
        "atrail_http_request_duration_seconds",
        "Time from a request's head to its answer's head, without the body.",
    );
    for (labels, durations) in &series {
        took.durations(labels, durations);
    }
    page.counter(
        "atrail_http_panics_total",
        "Requests whose handler panicked: faults of the program.",
    )
    .value(get(&metrics.panics));
    page.gauge("atrail_http_open_connections", "Open connections.")
        .value(get(&metrics.open_connections));
    page.counter("atrail_http_connections_total", "Connections accepted.")
        .value(get(&metrics.connections));
    let mut refusals = page.counter(
        "atrail_refusals_total",
        "Requests refused and connections closed by a limit that keeps one client from stopping others.",
    );
    for (refusal, count) in Refusal::ALL.iter().zip(&metrics.refusals) {
        refusals.labelled(&[("bound", refusal.word())], get(count));
    }
    let mut failures = page.counter(
        "atrail_auth_failures_total",
        "Wrong or invalid passwords, keys and tokens.",
    );
    for (kind, count) in AuthFailure::ALL.iter().zip(&metrics.auth_failures) {
        failures.labelled(&[("kind", kind.word())], get(count));
    }
}

fn ingest(page: &mut Page, metrics: &Metrics, store: &StoreStats) {
    let mut events = page.counter(
        "atrail_ingest_events_total",
        "Events received: accepted ones are durable, duplicates were already durable, refused ones are malformed.",
    );
    events.labelled(&[("outcome", "accepted")], store.wal_events);
    events.labelled(&[("outcome", "duplicate")], store.duplicates);
    events.labelled(&[("outcome", "refused")], get(&metrics.refused_events));
    page.counter(
        "atrail_ingest_bytes_total",
        "Bytes of accepted events, as JSON text.",
    )
    .value(store.wal_event_bytes);
    page.gauge(
        "atrail_dedup_events",
        "Sealed events that the server recognizes as duplicates when they arrive again.",
    )
    .value(store.dedup.events);
    page.gauge(
        "atrail_dedup_runs",
        "Files that contain the keys of these events.",
    )
    .value(store.dedup.runs);
    page.gauge(
        "atrail_dedup_memory_bytes",
        "Memory of the indexes of these files.",
    )
    .value(store.dedup.memory_bytes);
}

fn own_events(page: &mut Page, metrics: &Metrics) {
    let mut events = page.counter(
        "atrail_own_events_total",
        "Events about the use of the archive that the server recorded.",
    );
    for (action, outcomes) in Action::ALL.iter().zip(&metrics.own_events) {
        for (outcome, count) in Outcome::ALL.iter().zip(outcomes) {
            // Series of events that never happened are absent, so that a page stays small.
            if get(count) > 0 {
                let labels = [("action", action.word()), ("outcome", outcome.word())];
                events.labelled(&labels, get(count));
            }
        }
    }
    let mut failures = page.counter(
        "atrail_own_event_failures_total",
        "Failed attempts to record such an event: the server does not answer the reads, and only its log reports the other acts.",
    );
    for (action, count) in Action::ALL.iter().zip(&metrics.own_event_failures) {
        failures.labelled(&[("action", action.word())], get(count));
    }
}

fn log(page: &mut Page, store: &StoreStats, now: Elapsed) {
    let mut refusing = page.gauge(
        "atrail_store_write_refusal",
        "1 while the store accepts no events: readyz gives the reason.",
    );
    refusing.value(u8::from(store.write_refusal.is_some()));
    page.histogram(
        "atrail_wal_fsync_duration_seconds",
        "Time of one write of the log with its fsync.",
    )
    .durations(&[], &store.wal_syncs);
    page.counter("atrail_wal_failures_total", "Failed writes of the log.")
        .value(store.wal_failures);
    let mut frames = page.counter(
        "atrail_wal_frames_total",
        "Frames written to the log; divided by the number of fsyncs: the frames that one fsync covers.",
    );
    frames.value(store.wal_frames);
    let unsealed = store.unsealed;
    page.gauge(
        "atrail_unsealed_events",
        "Events in the log that are not sealed.",
    )
    .value(unsealed.events);
    page.gauge(
        "atrail_unsealed_bytes",
        "Bytes of those events, in memory and in the log.",
    )
    .value(unsealed.size_bytes);
    let age = unsealed
        .since
        .map_or(0.0, |since| now.since(since).as_secs_f64());
    page.gauge(
        "atrail_unsealed_oldest_age_seconds",
        "Age of the oldest of those events; 0 when there is none.",
    )
    .value(age);
}

fn clock(page: &mut Page, store: &StoreStats) {
    page.counter(
        "atrail_clock_jumps_total",
        "How often the machine's clock began to disagree with the time that passed.",
    )
    .value(store.time.jumps);
    let ahead = match store.time.disagreement {
        None => 0.0,
        Some(Disagreement::Ahead(by)) => by.as_secs_f64(),
        Some(Disagreement::Behind(by)) => -by.as_secs_f64(),
    };
    let mut gauge = page.gauge(
        "atrail_clock_ahead_seconds",
        "How far the clock is ahead, or, if negative, behind; 0 while they agree. While it is ahead, retention waits.",
    );
    gauge.value(ahead);
}

fn archive(page: &mut Page, store: &StoreStats) {
    page.histogram(
        "atrail_seal_duration_seconds",
        "Time of one successful seal; the count is the number of seals.",
    )
    .durations(&[], &store.seals);
    page.counter(
        "atrail_seal_failures_total",
        "Failed seals; their events stay in the log.",
    )
    .value(store.seal_failures);
    page.counter(
        "atrail_sealed_objects_total",
        "Objects that seals put into the archive.",
    )
    .value(store.objects);
    page.counter(
        "atrail_sealed_bytes_total",
        "Bytes of those objects, compressed.",
    )
    .value(store.object_bytes);
    page.counter(
        "atrail_compacted_objects_total",
        "Small objects that the server joined into larger ones.",
    )
    .value(store.compacted_objects);
    page.counter("atrail_compactions_total", "The larger objects.")
        .value(store.compactions);
    page.counter(
        "atrail_compaction_bytes_total",
        "Bytes of the larger objects, compressed.",
    )
    .value(store.compacted_bytes);
    page.counter(
        "atrail_compaction_failures_total",
        "Failed compactions, and damaged objects that compactions found.",
    )
    .value(store.compaction_failures);
    if let Some(sent) = store.bucket {
        let mut requests = page.counter(
            "atrail_bucket_requests_total",
            "Requests sent to the bucket, each attempt by itself.",
        );
        let kinds = [
            ("put", sent.puts),
            ("get", sent.gets),
            ("delete", sent.deletes),
            ("list", sent.lists),
        ];
        for (kind, count) in kinds {
            requests.labelled(&[("kind", kind)], count);
        }
    }
}

pub(super) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
