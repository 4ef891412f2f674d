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

/// How far everything is.
#[derive(Debug, Default)]
struct Progress {
    ends: AtomicBool,
    sent: AtomicU64,
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
        let mut first = None;
        for minute in 1..=bench.minutes {
            thread::sleep(Duration::from_secs(60));
            if workers.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
            let (now, peak) = server.memory_bytes();
            let first = *first.get_or_insert(now);
            let sent = progress.sent.load(Ordering::Relaxed);
            let downloaded = progress.downloaded_bytes.load(Ordering::Relaxed);
            Figure::new("mixed", &format!("minute {minute}"))
                .value("events_per_second", sent as f64 / (minute * 60) as f64)
                .value("downloaded_megabytes", downloaded as f64 / 1e6)
                .value("sessions", progress.sessions.load(Ordering::Relaxed) as f64)
                .mib("memory_mib", now)
                .mib("peak_memory_mib", peak)
                .ratio("the memory after a minute", now as f64 / first as f64)
                .tell();
        }
        progress.ends.store(true, Ordering::Relaxed);
        for worker in workers {
            worker
                .join()
                .unwrap_or_else(|_| Err("a worker ended".to_owned()))?;
        }
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
        connection.content(&request.line, &request.headers, &request.body)?;
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
