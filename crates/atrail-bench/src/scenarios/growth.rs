//! Measures the cost of an event and of a request while the store grows tenfold.

use serde_json::json;

use super::data::{Batches, requests};
use crate::bench::Bench;
use crate::events::TENANTS;
use crate::failure::Result;
use crate::figure::Figure;
use crate::load::{self, Request};

/// Events that are generated and sent at a time.
const CHUNK: u64 = 100_000;
const TIMES: usize = 50;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let server = bench.fresh_server()?;
    let spaces = server.make_spaces(TENANTS)?;
    let mut events = bench.generator();
    let batches = Batches::of(2_000);
    let (mut stored, mut next) = (0, CHUNK.min(bench.events));
    let mut first = None;
    // At the last figure: the number of stored events, and the processor seconds.
    let mut last = (0, server.cpu_seconds());
    while stored < bench.events {
        let chunk = requests(
            &server,
            &spaces,
            &mut events,
            (stored..stored + CHUNK, bench.events),
            batches,
        )?;
        let is_measured = stored + CHUNK >= next;
        if is_measured {
            // Finish earlier work first: it does not belong to the measured requests.
            server.seal()?;
            server.settle();
        }
        let before = server.cpu_seconds();
        let outcome = load::send(server.address(), &chunk, 4)?;
        stored += CHUNK;
        if !is_measured {
            continue;
        }
        next = (next * 10).min(bench.events.max(next + 1));
        server.seal()?;
        server.settle();
        let now = server.cpu_seconds();
        let cpu = (now - before) * 1e6 / CHUNK as f64;
        // The dedup runs are merged rarely: a chunk includes a large merge or none, while a stretch includes its share.
        let cpu_of_stretch = (now - last.1) * 1e6 / (stored - last.0) as f64;
        let ask = |line: &str, body: String| -> Vec<Request> {
            (0..TIMES)
                .map(|_| Request {
                    line: line.to_owned(),
                    headers: format!(
                        "{}Content-Type: application/json\r\n",
                        server.headers(&spaces[0])
                    ),
                    body: body.clone().into_bytes(),
                })
                .collect()
        };
        let status = format!(
            "GET /v3/events?start={}&end={}&AtAccountLevel=true",
            bench.first_day(),
            bench.last_day
        );
        let status = load::send(server.address(), &ask(&status, String::new()), 1)?;
        let scope = json!({"start": bench.first_day().to_string(), "end": bench.first_day().to_string(), "SearchTime": "7"}).to_string();
        let sessions = load::send(server.address(), &ask("POST /v3/sessions", scope), 1)?;
        let mean = |outcome: &load::Outcome| outcome.seconds * 1e3 / TIMES as f64;
        let first_cpu = *first.get_or_insert(cpu);
        Figure::new("growth", &format!("{stored} events stored"))
            .value("events_per_second", CHUNK as f64 / outcome.seconds)
            .value("cpu_seconds_per_million_events", cpu)
            .value("cpu_seconds_per_million_since_the_last", cpu_of_stretch)
            .value("status_mean_ms", mean(&status))
            .value("session_of_an_hour_mean_ms", mean(&sessions))
            .mib("memory_mib", server.memory_bytes().0)
            .mib("peak_memory_mib", server.memory_bytes().1)
            .value(
                "disk_bytes_per_event",
                server.disk_bytes() as f64 / stored as f64,
            )
            .ratio("the processor of an event at the start", cpu / first_cpu)
            .tell();
        last = (stored, server.cpu_seconds());
    }
    Ok(())
}
