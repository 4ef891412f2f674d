//! Senders, sessions, downloads and counts at once, and the memory that it takes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::data::request;
use crate::Result;
use crate::bench::Bench;
use crate::events::{Events, TENANTS};
use crate::figure::Figure;
use crate::server::Running;

const SENDERS: usize = 3;
const READERS: usize = 2;
const BATCH: u64 = 500;
/// After so many of a sender, the events begin again with the first hour.
const BATCHES_OF_ALL_DAYS: u64 = 7_200;
/// Between two batches of a sender: the readers are to have a share.
const PAUSE: Duration = Duration::from_millis(50);

/// Until what the server refused as too much at the moment is sent again.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far everything is.
#[derive(Debug, Default)]
struct Progress {
    ends: AtomicBool,
    sent: AtomicU64,
    /// Batches that the server asked to send later.
    refused: AtomicU64,
    downloaded_bytes: AtomicU64,
    sessions: AtomicU64,
}

pub(super) fn run(bench: &Bench) -> Result<()> {
    let server = bench.fresh_server()?;
    let spaces = server.make_spaces(TENANTS)?;
    let progress = Progress::default();
    thread::scope(|scope| {
        let (server, spaces, progress) = (&server, &spaces, &progress);
        let mut workers = Vec::new();
        for number in 0..SENDERS {
            let seed = bench.seed.wrapping_mul(1_000) + number as u64;
            workers.push(
                scope.spawn(move || {
                    send(server, spaces, progress, Events::new(seed, bench.last_day))
                }),
            );
        }
        for space in &spaces[..READERS] {
            workers.push(scope.spawn(move || read(bench, server, space, progress)));
        }
        let started = Instant::now();
        let mut first = None;
        let mut tell = |when: &str, seconds: f64| {
            let (now, peak) = server.memory_bytes();
            let first = *first.get_or_insert(now);
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
            Figure::new("mixed", when)
                .value("events_per_second", count(&progress.sent) / seconds)
                .value("refused", count(&progress.refused))
                .value(
                    "downloaded_megabytes",
                    count(&progress.downloaded_bytes) / 1e6,
                )
                .value("sessions", count(&progress.sessions))
                .mib("memory_mib", now)
                .mib("peak_memory_mib", peak)
                .ratio("the memory after a minute", now as f64 / first as f64)
                .tell();
        };
        for minute in 1..=bench.minutes {
            thread::sleep(Duration::from_secs(60));
            if workers.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
            tell(&format!("minute {minute}"), started.elapsed().as_secs_f64());
        }
        progress.ends.store(true, Ordering::Relaxed);
        for worker in workers {
            worker
                .join()
                .unwrap_or_else(|_| Err("a worker ended".to_owned()))?;
        }
        let seconds = started.elapsed().as_secs_f64();
        server.seal()?;
        server.settle();
        tell("all sealed and quiet", seconds);
        Ok(())
    })
}

fn send(
    server: &Running,
    spaces: &[String],
    progress: &Progress,
    mut events: Events,
) -> Result<()> {
    let mut connection = server.connect()?;
    for (sent, space) in (0..).zip(spaces.iter().cycle()) {
        if progress.ends.load(Ordering::Relaxed) {
            break;
        }
        let mut text = String::new();
        for _ in 0..BATCH {
            let moment = events.in_time(sent % BATCHES_OF_ALL_DAYS, BATCHES_OF_ALL_DAYS);
            events.line(moment, &mut text);
        }
        let request = request(server, space, text.into_bytes(), false)?;
        loop {
            let reply =
                connection.ask(&request.line, &request.headers, &request.body, &mut |_| {
                    Ok(())
                })?;
            match reply.status {
                200..300 => break,
                429 | 503 => progress.refused.fetch_add(1, Ordering::Relaxed),
                other => return Err(format!("{}: {other}", request.line)),
            };
            if progress.ends.load(Ordering::Relaxed) {
                return Ok(());
            }
            thread::sleep(PATIENCE);
        }
        progress.sent.fetch_add(BATCH, Ordering::Relaxed);
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn read(bench: &Bench, server: &Running, space: &str, progress: &Progress) -> Result<()> {
    let headers = server.headers(space);
    while !progress.ends.load(Ordering::Relaxed) {
        let started = Instant::now();
        let session = server.session(
            space,
            &json!({"start": bench.first_day().to_string(), "end": bench.last_day.to_string()}),
        )?;
        let id = session["id"].as_str().unwrap_or_default().to_owned();
        let get = server.headers_of(space, &session);
        // One that had waited for the session might be closed by now, as idle.
        let mut connection = server.connect()?;
        let reply = connection.ask("GET /v3/events/download", &get, &[], &mut |_| Ok(()))?;
        if reply.status != 200 {
            return Err(format!("download: {}", reply.status));
        }
        progress
            .downloaded_bytes
            .fetch_add(reply.length, Ordering::Relaxed);
        progress.sessions.fetch_add(1, Ordering::Relaxed);
        let status = format!(
            "GET /v3/events?start={}&end={}",
            bench.first_day(),
            bench.last_day
        );
        connection.content(&status, &headers, &[])?;
        connection.content(&format!("DELETE /v3/sessions/{id}"), &headers, &[])?;
        thread::sleep(Duration::from_secs(1).saturating_sub(started.elapsed()));
    }
    Ok(())
}
