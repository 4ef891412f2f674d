//! Three nodes on PostgreSQL and a bucket, against one server with a directory, on this machine. PostgreSQL is the bench's own
//! and syncs; the bucket is that of `ATRAIL_TEST_S3` (`ci/servers.sh`), which syncs nothing.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Instant;

use super::data::{Batches, Form, Times, request, requests};
use crate::baselines::postgres::{Database, database};
use crate::bench::Bench;
use crate::events::TENANTS;
use crate::failure::{Result, at};
use crate::figure::{Figure, say};
use crate::load::{self, Outcome, Request};
use crate::server::Running;

/// The bucket, as `http://HOST:PORT/BUCKET`.
const BUCKET: &str = "ATRAIL_TEST_S3";
const NODES: usize = 3;
/// Connections to each node, or three times as many to a server that is alone.
const CONNECTIONS: usize = 4;
/// Counts that each follow an acknowledgement on another node.
const COUNTS: usize = 300;

/// Events of a batch, spaces, and a divisor of the number of events.
const CASES: [(u64, usize, u64); 4] = [
    (1_000, TENANTS, 1),
    (1_000, 1, 1),
    (100, TENANTS, 4),
    (1, TENANTS, 40),
];

pub(super) fn run(bench: &Bench) -> Result<()> {
    let Ok(bucket) = std::env::var(BUCKET) else {
        say("cluster: not measured, since ATRAIL_TEST_S3 names no bucket (ci/servers.sh)");
        return Ok(());
    };
    for (batch, spaces, divisor) in CASES {
        let case = format!("batches of {batch}, {spaces} spaces");
        if !bench.wants(&case) {
            continue;
        }
        let count = (bench.events / divisor).max(batch);
        let alone = bench.fresh_server()?;
        let (outcome, _) = ingest(bench, std::slice::from_ref(&alone), spaces, (batch, count))?;
        let local = count as f64 / outcome.seconds;
        tell(&format!("{case}, one server alone"), outcome, count).tell();
        drop(alone);

        let Some(database) = database(bench)? else {
            say("cluster: without nodes, since PostgreSQL is not installed");
            return Ok(());
        };
        let nodes = nodes(bench, &database, &bucket)?;
        let before = requests_of(&nodes)?;
        let (outcome, cpu) = ingest(bench, &nodes, spaces, (batch, count))?;
        let sealing = Instant::now();
        nodes[0].seal()?;
        let sealed_in = sealing.elapsed();
        for node in &nodes {
            node.settle();
        }
        let sent = requests_of(&nodes)? - before;
        let per_second = count as f64 / outcome.seconds;
        tell(&format!("{case}, three nodes"), outcome, count)
            .value(
                "cpu_seconds_of_nodes_per_million_events",
                cpu * 1e6 / count as f64,
            )
            .value(
                "bucket_requests_per_million_events",
                sent * 1e6 / count as f64,
            )
            .value("seal_ms", sealed_in.as_secs_f64() * 1e3)
            .ratio("one server alone", per_second / local)
            .tell();
    }
    if bench.wants("counts") {
        counts(bench, &bucket)?;
    }
    Ok(())
}

/// Starts the nodes, one after the other.
fn nodes(bench: &Bench, database: &Database, bucket: &str) -> Result<Vec<Running>> {
    let (endpoint, name) = bucket
        .rsplit_once('/')
        .ok_or_else(|| format!("{BUCKET} is no address of a bucket: {bucket}"))?;
    let dir = bench.empty_dir("cluster")?;
    let key = dir.join("cluster.key");
    write_key(&key)?;
    let prefix = format!("bench-{}-{}", std::process::id(), bench.number());
    let settings = format!(
        "[store]\ncatalog = \"{}\"\narchive = \"s3://{name}/{prefix}\"\narchive_endpoint = \"{endpoint}\"\n\
         cache = \"cache\"\n[cluster]\nkey_file = \"{}\"\n",
        database.url(),
        key.display()
    );
    let mut nodes: Vec<Running> = Vec::new();
    for n in 0..NODES {
        let scratch = dir.join(format!("node-{n}"));
        let first = nodes.first().map(Running::data);
        nodes.push(bench.node(&settings, &scratch, first)?);
    }
    Ok(nodes)
}

fn write_key(file: &Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut key = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        options.open(file)?.write_all(&key)
    };
    write().map_err(|error| at(file, &error))
}

/// Sends events to all servers at once; returns the outcome of all, and the processor seconds of the servers.
fn ingest(
    bench: &Bench,
    servers: &[Running],
    spaces: usize,
    (batch, count): (u64, u64),
) -> Result<(Outcome, f64)> {
    let first = &servers[0];
    let spaces = first.make_spaces(spaces)?;
    let mut events = bench.generator();
    let batches = Batches {
        events: batch,
        compressed: false,
        times: Times::InOrder,
        form: Form::Lines,
    };
    let all = requests(first, &spaces, &mut events, (0..count, count), batches)?;
    let mut shares: Vec<Vec<Request>> = servers.iter().map(|_| Vec::new()).collect();
    for (nth, request) in all.into_iter().enumerate() {
        shares[nth % servers.len()].push(request);
    }
    let connections = CONNECTIONS * NODES / servers.len();
    for server in servers {
        server.settle();
    }
    let cpu = || servers.iter().map(Running::cpu_seconds).sum::<f64>();
    let (cpu_before, started) = (cpu(), Instant::now());
    let outcomes: Vec<Result<Outcome>> = std::thread::scope(|scope| {
        let senders: Vec<_> = servers
            .iter()
            .zip(&shares)
            .map(|(server, share)| scope.spawn(|| load::send(server.address(), share, connections)))
            .collect();
        let joined = senders.into_iter().map(|sender| sender.join());
        joined
            .map(|sent| sent.unwrap_or_else(|_| Err("a thread of the load ended".to_owned())))
            .collect()
    });
    let mut all = Outcome::default();
    for outcome in outcomes {
        let mut outcome = outcome?;
        all.latencies.append(&mut outcome.latencies);
        all.refusals += outcome.refusals;
    }
    all.seconds = started.elapsed().as_secs_f64();
    Ok((all, cpu() - cpu_before))
}

fn tell(case: &str, outcome: Outcome, count: u64) -> Figure {
    Figure::new("cluster", case)
        .value("events_per_second", count as f64 / outcome.seconds)
        .value("refusals", outcome.refusals as f64)
        .latencies(outcome.latencies)
}

/// Returns how many requests the nodes have sent to the bucket.
fn requests_of(nodes: &[Running]) -> Result<f64> {
    let mut all = 0.0;
    for node in nodes {
        let page = node.connect()?.text("GET /metrics")?;
        let counts = page
            .lines()
            .filter(|line| line.starts_with("atrail_bucket_requests_total"))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        all += counts.sum::<f64>();
    }
    Ok(all)
}

/// Measures counts of a day, each right after an event that another node acknowledged: all must have it.
fn counts(bench: &Bench, bucket: &str) -> Result<()> {
    let Some(database) = database(bench)? else {
        return Ok(());
    };
    let nodes = nodes(bench, &database, bucket)?;
    let space = nodes[0].make_spaces(1)?.remove(0);
    let mut events = bench.generator();
    let day = bench.last_day;
    let asked = format!("GET /v3/events?start={day}&end={day}");
    let (mut counts, mut acks) = (Vec::new(), Vec::new());
    for n in 0..COUNTS {
        let (taker, other) = (&nodes[n % NODES], &nodes[(n + 1) % NODES]);
        let mut line = String::new();
        events.line((day, 7), &mut line);
        let sent = request(taker, &space, line.into_bytes(), false)?;
        acks.extend(load::send(taker.address(), &[sent], 1)?.latencies);
        let began = Instant::now();
        let counted =
            other
                .connect()?
                .json(&asked, &other.headers(&space), &serde_json::Value::Null)?;
        counts.push(began.elapsed());
        let found = total(&counted);
        if found != n as u64 + 1 {
            return Err(format!(
                "after {} events a node counts {found}: {counted}",
                n + 1
            ));
        }
    }
    Figure::new(
        "cluster",
        "counts right after an acknowledgement on another node",
    )
    .latencies(counts)
    .tell();
    Figure::new(
        "cluster",
        "acknowledgements of one event, one after the other",
    )
    .latencies(acks)
    .tell();
    Ok(())
}

/// Adds up all members `count` of an answer.
fn total(answer: &serde_json::Value) -> u64 {
    match answer {
        serde_json::Value::Object(members) => members
            .iter()
            .map(|(name, value)| match value.as_u64() {
                Some(count) if name == "count" => count,
                _ => total(value),
            })
            .sum(),
        serde_json::Value::Array(all) => all.iter().map(total).sum(),
        _ => 0,
    }
}
