//! Sends the same events to few and to very many domains.

use super::data::{Batches, requests};
use crate::bench::Bench;
use crate::events::TENANTS;
use crate::failure::Result;
use crate::figure::Figure;
use crate::load;

const MANY: usize = 10_000;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let count = bench.events.max(2 * MANY as u64);
    // A batch size at which each of the domains gets one batch.
    let batches = Batches::of((count / MANY as u64).max(1));
    let mut few = None;
    for domains in [TENANTS, MANY] {
        let server = bench.fresh_server()?;
        let spaces = server.make_spaces(domains)?;
        let mut events = bench.generator();
        let requests = requests(&server, &spaces, &mut events, (0..count, count), batches)?;
        server.settle();
        let before = server.cpu_seconds();
        let outcome = load::send(server.address(), &requests, 16)?;
        let sending = server.cpu_seconds() - before;
        server.seal()?;
        server.settle();
        let cpu = server.cpu_seconds() - before;
        let case = format!("{domains} domains, batches of {}", batches.events);
        let per_million = 1e6 / count as f64;
        let mut figure = Figure::new("many-domains", &case)
            .value("events_per_second", count as f64 / outcome.seconds)
            .value("cpu_seconds_per_million_events_sent", sending * per_million)
            .value("cpu_seconds_per_million_events_sealed", cpu * per_million)
            .mib("peak_memory_mib", server.memory_bytes().1)
            .value(
                "disk_bytes_per_event",
                server.disk_bytes() as f64 / count as f64,
            )
            .latencies(outcome.latencies);
        match few {
            None => few = Some((sending, cpu)),
            Some((few_sending, few_cpu)) => {
                figure = figure
                    .ratio("the processor of sending to 20", sending / few_sending)
                    .ratio("the processor with sealing of 20", cpu / few_cpu);
            }
        }
        figure.tell();
    }
    Ok(())
}
