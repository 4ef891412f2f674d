//! Downloads sessions, whole and in ranges.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::data::filled;
use crate::baselines::nginx::Nginx;
use crate::bench::Bench;
use crate::failure::{Result, at};
use crate::figure::{Figure, say};
use crate::load::{self, Outcome, Request};
use crate::process;
use crate::server::Running;

/// Length of a range in bytes.
const RANGE: u64 = 1 << 20;
/// Approximate duration of a case, ...
const SECONDS: f64 = 2.0;
/// ... with at most this many whole downloads.
const MOST_DOWNLOADS: f64 = 2_000.0;

/// Name, hours of the first day, and whether the scope is the account.
const SCOPES: [(&str, &str, bool); 3] = [
    ("a day", "", true),
    ("a tenant's day", "", false),
    // The first requests that fill the server belong to this one.
    ("a tenant's hour", "0", false),
];

/// Number of clients, whether in ranges, and whether the page cache is cold.
const WAYS: [(usize, bool, bool); 5] = [
    (1, false, true),
    (1, false, false),
    (1, true, false),
    (16, false, false),
    (16, true, false),
];

pub(super) fn run(bench: &Bench) -> Result<()> {
    let (server, spaces) = filled(bench)?;
    server.seal()?;
    server.settle();
    let www = bench.empty_dir("www")?;
    for (name, hours, at_account_level) in SCOPES {
        let day = bench.first_day().to_string();
        let scope = json!({
            "start": day, "end": day, "SearchTime": hours, "AtAccountLevel": at_account_level,
        });
        let session = server.session(&spaces[0], &scope)?;
        let file = www.join("events.gz");
        save(&server, &spaces[0], &session, &file)?;
        let nginx = Nginx::start(&www, &bench.empty_dir("nginx")?)?;
        if nginx.is_none() {
            say("download: without nginx, which is not installed");
        }
        let headers = server.headers_of(&spaces[0], &session);
        let total = session["total-bytes"].as_u64().unwrap_or(0);
        let once = Request {
            line: "GET /v3/events/download".to_owned(),
            headers: headers.clone(),
            body: Vec::new(),
        };
        let once = load::send(server.address(), &[once], 1)?.seconds;
        let downloads = (SECONDS / once).clamp(1.0, MOST_DOWNLOADS) as u64;
        for (clients, in_ranges, cold) in WAYS {
            let requests = |line: &str, headers: &str| -> Vec<Request> {
                let whole = if cold {
                    1
                } else {
                    downloads.max(clients as u64)
                };
                (0..whole)
                    .flat_map(|_| ranges(total, in_ranges))
                    .map(|range| Request {
                        line: line.to_owned(),
                        headers: format!("{headers}{range}"),
                        body: Vec::new(),
                    })
                    .collect()
            };
            if cold {
                server.cool()?;
            }
            let before = server.cpu_seconds();
            let asked = requests("GET /v3/events/download", &headers);
            let outcome = load::send(server.address(), &asked, clients)?;
            let cpu = server.cpu_seconds() - before;
            let gigabytes = outcome.received as f64 / 1e9;
            let case = format!(
                "{name} ({} MB), {clients} clients, {}, {}",
                total / 1_000_000,
                if in_ranges {
                    "in ranges of 1 MiB"
                } else {
                    "whole"
                },
                if cold { "cold" } else { "warm" },
            );
            let mut figure = told(&case, &outcome)
                .value("cpu_seconds_per_gigabyte", cpu / gigabytes)
                .mib("memory_mib", server.memory_bytes().0);
            if let Some(nginx) = nginx.as_ref().filter(|_| !cold) {
                let before = nginx.cpu_seconds();
                let asked = requests("GET /events.gz", "");
                let theirs = load::send(nginx.address(), &asked, clients)?;
                let their_cpu = nginx.cpu_seconds() - before;
                figure = figure
                    .ratio("nginx with sendfile", theirs.seconds / outcome.seconds)
                    .ratio("nginx's processor", cpu / their_cpu.max(0.01));
            }
            if clients == 1 && !in_ranges && !cold {
                let seconds = cat(&file, asked.len())?;
                figure = figure.ratio("cat", seconds / outcome.seconds);
            }
            figure.tell();
        }
    }
    Ok(())
}

fn told(case: &str, outcome: &Outcome) -> Figure {
    let bytes_per_second = outcome.received as f64 / outcome.seconds;
    let mut first = outcome.first_bytes.clone();
    first.sort();
    let median = crate::figure::percentile(&first, 0.5).as_secs_f64() * 1e3;
    Figure::new("download", case)
        .value("megabytes_per_second", bytes_per_second / 1e6)
        .value("first_byte_p50_ms", median)
        .latencies(outcome.latencies.clone())
}

fn ranges(total: u64, in_ranges: bool) -> Vec<String> {
    if !in_ranges {
        return vec![String::new()];
    }
    let starts = (0..total.div_ceil(RANGE)).map(|number| number * RANGE);
    let range = |start: u64| {
        format!(
            "Range: bytes={start}-{}\r\n",
            (start + RANGE).min(total) - 1
        )
    };
    starts.map(range).collect()
}

/// Downloads a session into a file.
pub(super) fn save(
    server: &Running,
    space: &str,
    session: &Value,
    path: &std::path::Path,
) -> Result<()> {
    let failed = |error: std::io::Error| at(path, &error);
    let mut file = File::create(path).map_err(failed)?;
    let headers = server.headers_of(space, session);
    let reply = server
        .connect()?
        .ask("GET /v3/events/download", &headers, &[], &mut |bytes| {
            file.write_all(bytes)
        })?;
    if reply.status != 200 {
        return Err(format!("download: {}", reply.status));
    }
    file.sync_all().map_err(failed)
}

/// Returns the seconds that `cat` needs to pass the same bytes through a pipe.
fn cat(file: &std::path::Path, times: usize) -> Result<f64> {
    let started = std::time::Instant::now();
    for _ in 0..times.min(20) {
        let mut child = Command::new("cat")
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cat: {error}"))?;
        let mut out = child.stdout.take().ok_or("cat has no output")?;
        std::io::copy(&mut out, &mut std::io::sink()).map_err(|error| format!("cat: {error}"))?;
        process::finish(child)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(seconds * times as f64 / times.clamp(1, 20) as f64)
}
