//! Sends events, in batches of several sizes over several connections.

use super::data::{Batches, Form, Times, requests};
use crate::baselines::{append, postgres};
use crate::bench::Bench;
use crate::events::TENANTS;
use crate::failure::Result;
use crate::figure::{Figure, percentile, say};
use crate::load::{self, Request};
use crate::server::Running;

/// The form and order of a case's events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Plain,
    Gzip,
    /// Uncompressed, and from all hours mixed: each seal makes an object for each hour and space.
    Scattered,
    /// Uncompressed, as another product's senders send it.
    Carried(Form),
}

use How::{Carried, Gzip, Plain, Scattered};

/// Events of a batch, connections, form, and a divisor of the number of events for slow cases.
const CASES: [(u64, usize, How, u64); 17] = [
    (2_000, 4, Plain, 1),
    (2_000, 4, Gzip, 1),
    (2_000, 4, Scattered, 1),
    (2_000, 4, Carried(Form::Bulk), 1),
    (2_000, 4, Carried(Form::BulkMapped), 1),
    (2_000, 4, Carried(Form::Hec), 1),
    (2_000, 4, Carried(Form::HecMapped), 1),
    (2_000, 4, Carried(Form::Otlp), 1),
    (2_000, 4, Carried(Form::OtlpMapped), 1),
    (2_000, 1, Plain, 1),
    (2_000, 64, Plain, 1),
    (100, 1, Plain, 4),
    (100, 4, Plain, 2),
    (100, 64, Plain, 2),
    (1, 1, Plain, 40),
    (1, 4, Plain, 20),
    (1, 64, Plain, 4),
];

pub(super) fn run(bench: &Bench) -> Result<()> {
    let postgres = postgres::measure(bench)?;
    if postgres.is_none() {
        say("ingest: without PostgreSQL, which is not installed");
    }
    // Processor seconds of an event that is sent as a line of CADF.
    let mut as_cadf = None;
    for (batch, connections, how, divisor) in CASES {
        let encoding = match how {
            Plain => "plain",
            Gzip => "gzip",
            Scattered => "plain and scattered",
            Carried(Form::Lines) => "lines",
            Carried(Form::Bulk) => "Elasticsearch bulk",
            Carried(Form::BulkMapped) => "Elasticsearch bulk, mapped",
            Carried(Form::Hec) => "Splunk HEC",
            Carried(Form::HecMapped) => "Splunk HEC, mapped",
            Carried(Form::Otlp) => "OTLP logs",
            Carried(Form::OtlpMapped) => "OTLP logs, mapped",
        };
        let case = format!("batches of {batch}, {connections} connections, {encoding}");
        if !bench.wants(&case) {
            continue;
        }
        let server = bench.fresh_server()?;
        let spaces = server.make_spaces(TENANTS)?;
        let mut events = bench.generator();
        let count = (bench.events / divisor).max(batch);
        let batches = Batches {
            events: batch,
            compressed: how == Gzip,
            times: match how {
                Scattered => Times::Scattered,
                // A service would send this many single events within the hour in which they happen.
                _ if batch == 1 => Times::OneHour,
                _ => Times::InOrder,
            },
            form: match how {
                Carried(form) => form,
                Plain | Gzip | Scattered => Form::Lines,
            },
        };
        let requests = requests(&server, &spaces, &mut events, (0..count, count), batches)?;
        let sent: usize = requests.iter().map(|request| request.body.len()).sum();
        server.settle();
        let cpu_before = server.cpu_seconds();
        let outcome = load::send(server.address(), &requests, connections)?;
        // Include the deferred work.
        server.seal()?;
        server.settle();
        let peak = server.memory_bytes().1;
        let cpu = server.cpu_seconds() - cpu_before;
        let disk = server.disk_bytes();
        let nothing = (batch == 1).then(|| nothing(&server, connections));
        drop(server);

        let dir = bench.empty_dir("append")?;
        let bodies = requests.iter().map(|request| request.body.as_slice());
        let raw = append::measure(&dir, bodies)?;
        let per_second = count as f64 / outcome.seconds;
        let mut figure = Figure::new("ingest", &case)
            .value("events_per_second", per_second)
            .value("sent_bytes_per_second", sent as f64 / outcome.seconds)
            .value("cpu_seconds_per_million_events", cpu * 1e6 / count as f64)
            .mib("peak_memory_mib", peak)
            .value("disk_bytes_per_event", disk as f64 / count as f64)
            .value("refusals", outcome.refusals as f64)
            .ratio(
                "append and fdatasync, one by one",
                raw.seconds / outcome.seconds,
            );
        let cpu_per_event = cpu / count as f64;
        match how {
            Plain if as_cadf.is_none() => as_cadf = Some(cpu_per_event),
            Carried(_) => {
                if let Some(as_cadf) = as_cadf {
                    let baseline = "processor time of the same events as CADF";
                    figure = figure.ratio(baseline, cpu_per_event / as_cadf);
                }
            }
            Plain | Gzip | Scattered => {}
        }
        if how != Gzip {
            figure = figure.value("bytes_per_disk_byte", sent as f64 / disk as f64);
        }
        let mut sorted = outcome.latencies.clone();
        sorted.sort();
        if batch == 1 {
            let p99 = percentile(&sorted, 0.99).as_secs_f64();
            figure = figure.ratio("p99 of an fdatasync", p99 / raw.p99.as_secs_f64());
        }
        if let Some(nothing) = nothing {
            figure = figure.ratio("requests that store nothing", per_second / nothing?);
        }
        let theirs = postgres
            .as_ref()
            .and_then(|postgres| match (batch, connections) {
                (1, 1) => Some(("PostgreSQL, one INSERT after the other", postgres.single)),
                (1, 64) => Some(("PostgreSQL, 64 connections of INSERT", postgres.single_64)),
                (1, _) => None,
                _ => Some(("PostgreSQL, COPY in 4 connections", postgres.copy)),
            });
        if let Some((baseline, theirs)) = theirs {
            figure = figure.ratio(baseline, per_second / theirs);
        }
        figure.latencies(outcome.latencies).tell();
    }
    Ok(())
}

/// Returns how many requests per second the same connections get answered when there is nothing to do: the limit of
/// HTTP alone.
fn nothing(server: &Running, connections: usize) -> Result<f64> {
    const TIMES: usize = 20_000;
    let asked: Vec<_> = (0..TIMES)
        .map(|_| Request {
            line: "GET /healthz".to_owned(),
            headers: String::new(),
            body: Vec::new(),
        })
        .collect();
    let outcome = load::send(server.address(), &asked, connections)?;
    Ok(TIMES as f64 / outcome.seconds)
}
