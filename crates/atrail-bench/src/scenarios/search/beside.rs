//! Events that arrive while the index is made and searched.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::data::{Batches, request, requests};
use super::asked::{Row, ask};
use super::expected::{Hit, hash};
use super::indexed::wait_until_indexed;
use super::questions::Scope;
use crate::bench::Bench;
use crate::events::Events;
use crate::failure::Result;
use crate::figure::Figure;
use crate::load::{self, Request};
use crate::server::Running;

/// Searches that run at once.
const SEARCHERS: usize = 16;
/// How often the two ways of sending take turns.
const ROUNDS: u64 = 3;
/// Events that are searched as soon as they are acknowledged, and seals whose events are waited for.
const FOUND: usize = 50;
const SEALS: usize = 5;
const OF_A_SEAL: u64 = 100;
const CONNECTIONS: usize = 4;

/// Reports how long an event is not found, and how long it is not in the index.
pub(super) fn tell_lag(
    bench: &Bench,
    server: &Running,
    name: &str,
    spaces: &[String],
) -> Result<()> {
    // Others than those of the archive.
    let mut events = Events::new(bench.seed + 1, bench.last_day);
    let scope = Scope::of_space(&spaces[0], (bench.last_day, bench.last_day));
    let mut connection = server.connect()?;
    let mut found = Vec::new();
    for _ in 0..FOUND {
        let mut line = String::new();
        let who = events.anyone();
        let made = events.line_of(who, (bench.last_day, 12), &mut line);
        let hit = Hit {
            time: made.time,
            hash: hash(line.trim_end().as_bytes()),
        };
        let send = request(server, &spaces[0], line.into_bytes(), false)?;
        connection.content(&send.line, &send.headers, &send.body)?;
        // A wrong answer, such as none, is an error.
        found.push(ask(&mut connection, server, &scope.id(&(made.id, hit)))?.took);
    }
    let case = format!("{name}: an event by its id, as soon as it is acknowledged");
    Figure::new("search", &case).latencies(found).tell();

    let mut lags = Vec::new();
    for _ in 0..SEALS {
        let all = OF_A_SEAL * spaces.len() as u64;
        let batches = Batches::of(OF_A_SEAL);
        let sent = requests(server, spaces, &mut events, (0..all, all), batches)?;
        load::send(server.address(), &sent, CONNECTIONS)?;
        server.seal()?;
        let sealed = Instant::now();
        wait_until_indexed(server, (bench.first_day(), bench.last_day))?;
        lags.push(sealed.elapsed());
    }
    let case = format!("{name}: from the seal of 20 spaces until all of it is indexed");
    Figure::new("search", &case).latencies(lags).tell();
    Ok(())
}

/// Reports how fast events are taken while others search, against the same without.
pub(super) fn tell_ingest(
    bench: &Bench,
    server: &Running,
    name: &str,
    spaces: &[String],
    rows: &[Row],
) -> Result<()> {
    let mut events = Events::new(bench.seed + 2, bench.last_day);
    let count = (bench.events / 4).max(20_000);
    let mut send = || -> Result<f64> {
        let batches = Batches::of(2_000);
        let sent: Vec<Request> = requests(server, spaces, &mut events, (0..count, count), batches)?;
        let outcome = load::send(server.address(), &sent, CONNECTIONS)?;
        Ok(count as f64 / outcome.seconds)
    };
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let mut done = Vec::new();
    for _ in 0..ROUNDS {
        server.settle();
        alone.push(send()?);
        server.settle();
        let is_over = AtomicBool::new(false);
        let answers = AtomicU64::new(0);
        let search = |nth: usize| search(server, rows, nth, &is_over, &answers);
        let (sent, searched) = thread::scope(|scope| {
            let search = &search;
            let searchers: Vec<_> = (0..SEARCHERS)
                .map(|nth| scope.spawn(move || search(nth)))
                .collect();
            // Let all of them begin.
            thread::sleep(Duration::from_secs(1));
            let (before, started) = (answers.load(Ordering::Relaxed), Instant::now());
            let sent = send();
            let during = answers.load(Ordering::Relaxed) - before;
            done.push(during as f64 / started.elapsed().as_secs_f64());
            is_over.store(true, Ordering::Relaxed);
            let joined = searchers.into_iter().map(|searcher| {
                let joined = searcher.join();
                joined.unwrap_or_else(|_| Err("a searcher ended".to_owned()))
            });
            (sent, joined.collect::<Result<Vec<()>>>())
        });
        searched?;
        beside.push(sent?);
    }
    let (alone, beside) = (median(&alone), median(&beside));
    let case = format!("{name}: ingest beside {SEARCHERS} searches, with the index");
    Figure::new("search", &case)
        .value("events_per_second", beside)
        .value("alone_events_per_second", alone)
        .value("searches_per_second", median(&done))
        .ratio("ingest alone, with the index", beside / alone)
        .tell();
    Ok(())
}

/// Returns the middle one of rates.
fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Asks the rows' questions until it is over. Their answers change while events arrive, so only a refusal is an error.
fn search(
    server: &Running,
    rows: &[Row],
    nth: usize,
    is_over: &AtomicBool,
    answers: &AtomicU64,
) -> Result<()> {
    // As if the client were another machine: what is measured is how the server divides its cores.
    rustix::process::setpriority_process(None, 19)
        .map_err(|error| format!("setpriority: {error}"))?;
    let questions: Vec<_> = rows.iter().flat_map(|row| row.questions.first()).collect();
    let mut connection = server.connect()?;
    for question in questions.iter().cycle().skip(nth) {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let headers = format!(
            "{}Content-Type: application/json\r\n",
            server.headers(&question.space)
        );
        let body = question.body.to_string();
        connection.content(question.line, &headers, body.as_bytes())?;
        answers.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
