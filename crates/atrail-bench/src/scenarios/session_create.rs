//! Makes sessions over more and more segments.

use std::time::{Duration, Instant};

use serde_json::json;

use super::data::{filled, filled_by_hour};
use crate::bench::Bench;
use crate::failure::Result;
use crate::figure::Figure;
use crate::server::Running;

const TIMES: usize = 20;
const A_DAY: &str = "a day, sealed";

/// Name, days up to the last, and spaces: each has a segment for each hour of each day.
const CASES: [(&str, u32, usize); 3] = [
    ("a month of hours", 31, 1),
    ("a year of hours", 365, 1),
    ("10 spaces' year of hours", 365, 10),
];

pub(super) fn run(bench: &Bench) -> Result<()> {
    if bench.wants(A_DAY) {
        a_day(bench)?;
    }
    for (name, days, spaces) in CASES {
        if !bench.wants(name) {
            continue;
        }
        let (server, spaces) = filled_by_hour(bench, days, spaces)?;
        let scope = json!({
            "start": bench.last_day.minus(days - 1).to_string(),
            "end": bench.last_day.to_string(),
            "AtAccountLevel": true,
        });
        let segments = days as usize * 24 * spaces.len();
        measure(
            &server,
            &spaces[0],
            &scope,
            &format!("{name} ({segments} segments)"),
        )?;
    }
    Ok(())
}

fn a_day(bench: &Bench) -> Result<()> {
    let (server, spaces) = filled(bench)?;
    let scope = json!({"start": bench.first_day().to_string(), "end": bench.first_day().to_string(), "AtAccountLevel": true});
    let started = Instant::now();
    server.session(&spaces[0], &scope)?;
    Figure::new("session-create", "a day, and what was not sealed")
        .value("ms", started.elapsed().as_secs_f64() * 1e3)
        .tell();
    server.settle();
    measure(&server, &spaces[0], &scope, A_DAY)
}

/// Measures making sessions, and the first byte of their downloads.
fn measure(server: &Running, space: &str, scope: &serde_json::Value, case: &str) -> Result<()> {
    let mut made = Vec::new();
    let mut first_bytes = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        let session = server.session(space, scope)?;
        made.push(started.elapsed());
        let headers = server.headers_of(space, &session) + "Range: bytes=0-99999\r\n";
        let get = "GET /v3/events/download";
        let reply = server.connect()?.ask(get, &headers, &[], &mut |_| Ok(()))?;
        first_bytes.push(reply.first_byte);
    }
    first_bytes.sort();
    let first = |share| -> f64 {
        let at: Duration = crate::figure::percentile(&first_bytes, share);
        at.as_secs_f64() * 1e3
    };
    Figure::new("session-create", case)
        .value("first_byte_p50_ms", first(0.5))
        .value("first_byte_max_ms", first(1.0))
        .latencies(made)
        .tell();
    Ok(())
}
