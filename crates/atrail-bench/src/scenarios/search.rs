//! Searches, counts, and what their index takes; against PostgreSQL, and `gzip -dc | grep`.

pub(crate) mod archive;
pub(crate) mod asked;
mod beside;
mod expected;
pub(crate) mod filling;
pub(super) mod indexed;
pub(super) mod questions;
mod scan;
mod words;

use std::time::Instant;

use crate::baselines::postgres::search as postgres;
use crate::bench::Bench;
use crate::failure::Result;
use crate::figure::{Figure, say};
use crate::server::Running;
use archive::{Archive, Shares};
use asked::{Row, Warmth};
use filling::Filling;
use indexed::wait_until_indexed;

/// Patience for searches on a busy machine.
const ON: &str = "[search]\ntime_limit = \"10m\"\n";
const OFF: &str = "[search]\non = false\ntime_limit = \"10m\"\n";
/// Starts of the server for the cold figures: each question is asked once after each.
const COLD_STARTS: usize = 5;
/// Bytes that an event takes on the disk in the server of an archive, at most, for a first check of the disk.
const EVENT_BYTES: u64 = 600;

/// A million events are meant; `--events` scales them.
const ARCHIVES: [(&str, u64, u32, Shares); 3] = [
    ("sparse", 1, 30, Shares::Even),
    ("dense", 1, 3, Shares::Even),
    ("large", 4, 30, Shares::FirstQuarter),
];

pub(super) fn run(bench: &Bench) -> Result<()> {
    for (name, times, days, shares) in ARCHIVES {
        if bench.wants(name) {
            let archive = Archive {
                name,
                events: bench.events * times,
                days,
                last_day: bench.last_day,
                shares,
            };
            measure(bench, &archive)?;
        }
    }
    Ok(())
}

fn measure(bench: &Bench, archive: &Archive) -> Result<()> {
    let name = archive.title();
    let is_first = archive.name == "sparse";
    let servers = if is_first { 2 } else { 1 };
    if bench.free_bytes() < archive.events * EVENT_BYTES * servers {
        return Err(format!("search: there is no room on the disk for {name}"));
    }
    let server = bench.fresh_server_with(OFF)?;
    let spaces = server.make_spaces(archive::SPACES)?;
    let mut filling = Filling::new(archive, bench.seed);
    let without = filled(&server, &spaces, &mut filling)?;
    let expected = filling.into_expected();
    // Before any search: the server keeps a record of each, with its words.
    scan::tell(&name, &server, &expected)?;

    let server = indexed(bench, archive, &name, server)?;
    if is_first {
        beside_ingest(bench, archive, without)?;
    }

    // A fresh process: its memory is that of the questions.
    let mut server = bench.restarted_with(server, ON, |_| Ok(()))?;
    server.settle();
    let (before, _) = server.memory_bytes();
    server.reset_peak()?;
    let rows = questions::rows(archive, &spaces, &expected);
    let ask = |row| asked::tell_warm(&server, &name, row);
    let medians: Vec<_> = rows.iter().map(ask).collect::<Result<_>>()?;
    let (_, peak) = server.memory_bytes();
    Figure::new("search", &format!("{name}: memory of all the questions"))
        .mib("over_the_server_mib", peak.saturating_sub(before))
        .mib("of_the_server_mib", before)
        .tell();
    let scan = questions::scan(archive, &spaces, &expected);
    let scanning = asked::tell_scan(&server, &name, &scan)?;
    server = cold(bench, server, &name, &rows)?;
    if !is_first {
        return Ok(());
    }
    beside::tell_lag(bench, &server, &name, &spaces)?;
    beside::tell_ingest(bench, &server, &name, &spaces, &rows)?;
    drop(server);
    let rows = rows.iter().zip(medians).chain([(&scan, scanning)]);
    if postgres::measure(bench, archive, rows)?.is_none() {
        say("search: without PostgreSQL, which is not installed or has no room");
    }
    Ok(())
}

/// Fills a server, and returns the processor seconds that it used until it was quiet.
fn filled(server: &Running, spaces: &[String], filling: &mut Filling<'_>) -> Result<f64> {
    server.settle();
    let before = server.cpu_seconds();
    filling.send_all(server, spaces)?;
    server.seal()?;
    server.settle();
    Ok(server.cpu_seconds() - before)
}

/// Lets a server index what it has, and reports what that takes.
fn indexed(bench: &Bench, archive: &Archive, name: &str, server: Running) -> Result<Running> {
    let started = Instant::now();
    let server = bench.restarted_with(server, ON, |_| Ok(()))?;
    let (before, _) = server.memory_bytes();
    server.reset_peak()?;
    wait_until_indexed(&server, archive.days())?;
    let took = started.elapsed();
    server.settle();
    let cpu = server.cpu_seconds();
    let (_, peak) = server.memory_bytes();
    let (archived, index) = server.archive_and_index_bytes();
    // What a start takes without that is not the index's.
    let server = bench.restarted_with(server, ON, |_| Ok(()))?;
    server.settle();
    let cpu = cpu - server.cpu_seconds();
    let events = archive.events as f64;
    Figure::new("search", &format!("{name}: the index, made at once"))
        .value("cpu_seconds_per_million_events", cpu * 1e6 / events)
        .value("seconds", took.as_secs_f64())
        .mib("build_memory_mib", peak.saturating_sub(before))
        .value("index_bytes_per_event", index as f64 / events)
        .value("archive_bytes_per_event", archived as f64 / events)
        .ratio("the archive's bytes", index as f64 / archived as f64)
        .tell();
    Ok(server)
}

/// Reports what the index takes when it is made while events arrive; `without` is what they take without it.
fn beside_ingest(bench: &Bench, archive: &Archive, without: f64) -> Result<()> {
    let server = bench.fresh_server_with(ON)?;
    let spaces = server.make_spaces(archive::SPACES)?;
    let mut filling = Filling::new(archive, bench.seed);
    let before = server.cpu_seconds();
    filled(&server, &spaces, &mut filling)?;
    wait_until_indexed(&server, archive.days())?;
    server.settle();
    let with = server.cpu_seconds() - before;
    let each = |cpu: f64| cpu * 1e6 / archive.events as f64;
    let case = format!("{}: the index, made while events arrive", archive.title());
    Figure::new("search", &case)
        .value("cpu_seconds_per_million_events", each(with - without))
        .value("with_ingest_cpu_seconds_per_million_events", each(with))
        .ratio("ingest without an index", with / without)
        .tell();
    Ok(())
}

/// Asks each question once after each of some starts, with nothing of the disk in memory.
fn cold(bench: &Bench, server: Running, name: &str, rows: &[Row]) -> Result<Running> {
    let mut server = server;
    for row in rows.iter().filter(|row| row.is_asked_cold) {
        let mut took = Vec::new();
        for nth in 0..COLD_STARTS {
            server = bench.restarted_with(server, ON, |_| Ok(()))?;
            server.settle();
            server.cool_all()?;
            let question = &row.questions[nth % row.questions.len()];
            took.push(asked::ask(&mut server.connect()?, &server, question)?.took);
        }
        asked::tell(name, row, Warmth::Cold, took);
    }
    Ok(server)
}
