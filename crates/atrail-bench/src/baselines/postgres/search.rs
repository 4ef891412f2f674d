//! PostgreSQL with the same events: jsonb and the usual indexes, asked the same questions.

use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use atrail_model::Day;

use super::cluster::{Cluster, is_there};
use crate::bench::Bench;
use crate::failure::Result;
use crate::figure::{Figure, percentile};
use crate::process::{self, disk_bytes};
use crate::scenarios::search::archive::Archive;
use crate::scenarios::search::asked::{Question, Row, Wanted};
use crate::scenarios::search::filling::Filling;

/// No log: only the questions are measured.
const TABLE: &str = "CREATE UNLOGGED TABLE events (space int, at timestamptz, doc jsonb);";
/// Built at once, on both cores.
const INDEXES: [&str; 2] = [
    "CREATE INDEX ON events (at); CREATE INDEX ON events (space, at);
CREATE INDEX ON events ((doc->'initiator'->>'id'), at); CREATE INDEX ON events ((doc->>'action'), at);
CREATE INDEX ON events USING gin (doc jsonb_path_ops);",
    "CREATE INDEX ON events USING gin (to_tsvector('simple', doc));",
];
/// A tenth of the machine's memory or so, as its documentation advises, and no less for sorting.
const OPTIONS: &str = "-c shared_buffers=1GB -c work_mem=64MB -c maintenance_work_mem=512MB -c effective_cache_size=4GB";
/// Bytes of the disk for an event and its indexes, at most.
const EVENT_BYTES: u64 = 5_000;
/// Each question is asked for about this time, ...
const SECONDS: f64 = 2.0;
/// ... at least and at most this often.
const TIMES: (usize, usize) = (3, 200);

/// Measures the rows with the archive's events, each against the server's median; returns nothing where it is not installed, or has no room.
pub(crate) fn measure<'a>(
    bench: &Bench,
    archive: &Archive,
    rows: impl Iterator<Item = (&'a Row, Duration)>,
) -> Result<Option<()>> {
    if !is_there() || bench.free_bytes() < archive.events * EVENT_BYTES {
        return Ok(None);
    }
    let name = archive.title();
    let dir = bench.empty_dir("postgres")?;
    let cluster = Cluster::start(&dir, OPTIONS)?;
    cluster.psql(&["-c", TABLE])?;
    let started = Instant::now();
    fill(bench, archive, &cluster)?;
    let building = INDEXES.map(|index| cluster.spawn(index));
    for one in building {
        process::finish(one?)?;
    }
    cluster.psql(&["-c", "VACUUM ANALYZE events;"])?;
    Figure::new("search", &format!("{name}: PostgreSQL, filled and indexed"))
        .value("seconds", started.elapsed().as_secs_f64())
        .value(
            "disk_bytes_per_event",
            disk_bytes(&dir, &["pg_wal"]) as f64 / archive.events as f64,
        )
        .tell();
    for (row, ours) in rows {
        // One question: the same one is the fastest for PostgreSQL.
        let Some(question) = row.questions.first() else {
            continue;
        };
        let script = question.sql.join("\n");
        let started = Instant::now();
        check(&cluster, question)?;
        let times = SECONDS / started.elapsed().as_secs_f64();
        let times = (times as usize).clamp(TIMES.0, TIMES.1);
        let mut latencies = cluster.latencies(&script, times)?;
        latencies.sort();
        let ratio = percentile(&latencies, 0.5).as_secs_f64() / ours.as_secs_f64();
        Figure::new("search", &format!("{name}: {}, PostgreSQL, warm", row.name))
            .value("asked", times as f64)
            .ratio("atrail, warm", ratio)
            .latencies(latencies)
            .tell();
    }
    Ok(Some(()))
}

/// Copies the archive's events into the table.
fn fill(bench: &Bench, archive: &Archive, cluster: &Cluster) -> Result<()> {
    let mut copy = cluster.spawn_copy_of_input()?;
    let failed = |error: std::io::Error| format!("COPY: {error}");
    let input = copy.stdin.take().ok_or("COPY has no input")?;
    let mut input = BufWriter::new(input);
    Filling::new(archive, bench.seed).each_line(&mut |space, time, line| {
        let time = text_of(time);
        // The quote is a character that no event contains.
        writeln!(input, "{space},{time},\u{1}{line}\u{1}").map_err(failed)
    })?;
    input.flush().map_err(failed)?;
    drop(input);
    process::finish(copy).map(drop)
}

/// Returns a time, in microseconds since 1970, as PostgreSQL reads it.
fn text_of(time: u64) -> String {
    let (seconds, micros) = (time / 1_000_000, time % 1_000_000);
    let day = u32::try_from(seconds / 86_400)
        .ok()
        .and_then(Day::from_number);
    let day = day.map_or_else(String::new, |day| day.to_string());
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{day} {hour:02}:{minute:02}:{second:02}.{micros:06}+00")
}

/// Asks a question, and compares the answer.
fn check(cluster: &Cluster, question: &Question) -> Result<()> {
    let mut args = vec!["-A", "-t"];
    for statement in &question.sql {
        args.extend(["-c", statement]);
    }
    let said = cluster.psql(&args)?;
    let is_right = match &question.wanted {
        Wanted::Hits(hits) => said.lines().count() == hits.len(),
        Wanted::Counts(total, lines) if lines.is_empty() => said.trim() == total.to_string(),
        Wanted::Counts(_, lines) => said.lines().eq(lines),
    };
    if is_right {
        return Ok(());
    }
    let said: String = said.chars().take(2_000).collect();
    Err(format!("PostgreSQL answers {:?} with {said}", question.sql))
}
