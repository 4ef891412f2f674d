//! Resumes downloads in the middle.

use std::time::Instant;

use atrail_torture::Numbers;
use serde_json::json;

use super::data::filled;
use crate::bench::Bench;
use crate::failure::Result;
use crate::figure::Figure;
use crate::load::{self, Request};

/// Number of interruptions of a download.
const CUTS: usize = 20;
/// Number of positions from which a short part is downloaded.
const PLACES: usize = 500;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let (server, spaces) = filled(bench)?;
    let scope = json!({"start": bench.first_day().to_string(), "end": bench.last_day.to_string(), "AtAccountLevel": true});
    let session = server.session(&spaces[0], &scope)?;
    server.settle();
    let total = session["total-bytes"].as_u64().unwrap_or(0);
    let headers = server.headers_of(&spaces[0], &session);
    let get = |range: String| Request {
        line: "GET /v3/events/download".to_owned(),
        headers: format!("{headers}{range}"),
        body: Vec::new(),
    };

    // One run to warm the cache.
    load::send(server.address(), &[get(String::new())], 1)?;
    let whole = load::send(server.address(), &[get(String::new())], 1)?;
    let started = Instant::now();
    let part = total.div_ceil(CUTS as u64).max(1);
    let mut at = 0;
    while at < total {
        // A new connection each time, as after a cut.
        let end = (at + part).min(total) - 1;
        load::send(
            server.address(),
            &[get(format!("Range: bytes={at}-{end}\r\n"))],
            1,
        )?;
        at = end + 1;
    }
    Figure::new(
        "resume",
        &format!("{} MB, cut {CUTS} times", total / 1_000_000),
    )
    .value(
        "megabytes_per_second",
        total as f64 / 1e6 / started.elapsed().as_secs_f64(),
    )
    .ratio(
        "the whole at once",
        whole.seconds / started.elapsed().as_secs_f64(),
    )
    .tell();

    let mut numbers = Numbers::new(bench.seed);
    let places: Vec<_> = (0..PLACES)
        .map(|_| {
            let start = numbers.below(total.max(1));
            get(format!(
                "Range: bytes={start}-{}\r\n",
                (start + 65_535).min(total - 1)
            ))
        })
        .collect();
    let outcome = load::send(server.address(), &places, 1)?;
    Figure::new("resume", "64 KiB from anywhere")
        .latencies(outcome.latencies)
        .tell();
    Ok(())
}
