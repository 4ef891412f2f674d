//! Runs senders, sessions, downloads and counts at once, and measures the memory.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::data::request;
use crate::bench::Bench;
use crate::events::{Events, TENANTS};
use crate::failure::Result;
use crate::figure::Figure;
use crate::http::{Connection, Reply};
use crate::load::Request;
use crate::server::Running;

const SENDERS: usize = 3;
const READERS: usize = 2;
const BATCH: u64 = 500;
/// Number of a sender's batches after which its events start again with the first hour.
const BATCHES_OF_ALL_DAYS: u64 = 7_200;
/// Pause between two batches of a sender, which leaves the readers a share.
const PAUSE: Duration = Duration::from_millis(50);
/// Wait before repeating a request that the server refused for the moment as too much.
const PATIENCE: Duration = Duration::from_secs(1);
/// Part of an answer's content that is kept. A session's content is far shorter; a download is only counted.
const CONTENT_KEPT_BYTES: usize = 64 << 10;

/// The progress of all workers.
#[derive(Debug, Default)]
struct Progress {
    ends: AtomicBool,
    sent: AtomicU64,
    /// Requests that the server asked to send later.
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
        if accepted(progress, &mut connection, &request)?.is_none() {
            break;
        }
        progress.sent.fetch_add(BATCH, Ordering::Relaxed);
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn read(bench: &Bench, server: &Running, space: &str, progress: &Progress) -> Result<()> {
    let (first, last) = (bench.first_day(), bench.last_day);
    let headers = server.headers(space);
    let new_session = Request {
        line: "POST /v3/sessions".to_owned(),
        headers: format!("{headers}Content-Type: application/json\r\n"),
        body: json!({"start": first.to_string(), "end": last.to_string()})
            .to_string()
            .into_bytes(),
    };
    while !progress.ends.load(Ordering::Relaxed) {
        let started = Instant::now();
        let Some((_, session)) = accepted(progress, &mut server.connect()?, &new_session)? else {
            break;
        };
        let session: Value = serde_json::from_slice(&session)
            .map_err(|error| format!("{}: {error}", new_session.line))?;
        let id = session["id"].as_str().unwrap_or_default();
        let get = |line: String, headers: &str| Request {
            line,
            headers: headers.to_owned(),
            body: Vec::new(),
        };
        let download = "GET /v3/events/download".to_owned();
        let requests = [
            get(download, &server.headers_of(space, &session)),
            get(format!("GET /v3/events?start={first}&end={last}"), &headers),
            get(format!("DELETE /v3/sessions/{id}"), &headers),
        ];
        // The server may have closed an older connection as idle while the client waited for the session.
        let mut connection = server.connect()?;
        for (nth, request) in requests.iter().enumerate() {
            let Some((reply, _)) = accepted(progress, &mut connection, request)? else {
                return Ok(());
            };
            if nth == 0 {
                progress
                    .downloaded_bytes
                    .fetch_add(reply.length, Ordering::Relaxed);
                progress.sessions.fetch_add(1, Ordering::Relaxed);
            }
        }
        thread::sleep(Duration::from_secs(1).saturating_sub(started.elapsed()));
    }
    Ok(())
}

/// Sends a request; returns its answer with the beginning of the content. Repeats the request while the server refuses
/// it for the moment as too much; returns `None` if that lasts until the end of the run.
fn accepted(
    progress: &Progress,
    connection: &mut Connection,
    request: &Request,
) -> Result<Option<(Reply, Vec<u8>)>> {
    loop {
        let mut content = Vec::new();
        let reply = connection.ask(
            &request.line,
            &request.headers,
            &request.body,
            &mut |bytes| {
                let room = CONTENT_KEPT_BYTES.saturating_sub(content.len());
                content.extend_from_slice(&bytes[..room.min(bytes.len())]);
                Ok(())
            },
        )?;
        match reply.status {
            200..300 => return Ok(Some((reply, content))),
            429 | 503 => progress.refused.fetch_add(1, Ordering::Relaxed),
            other => return Err(format!("{}: {other}", request.line)),
        };
        if progress.ends.load(Ordering::Relaxed) {
            return Ok(None);
        }
        thread::sleep(PATIENCE);
    }
}
