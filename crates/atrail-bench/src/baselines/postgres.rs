//! PostgreSQL with the same events: jsonb and three indexes, fully durable, in a cluster of its own.

mod cluster;
pub(crate) mod search;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Instant;

use crate::bench::Bench;
use crate::failure::{Result, at};
use cluster::Cluster;

/// An empty database in a cluster of its own, which syncs.
#[derive(Debug)]
pub(crate) struct Database {
    cluster: Cluster,
}

impl Database {
    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://bench@localhost/atrail?host={}",
            self.cluster.dir().display()
        )
    }
}

/// Makes an empty database; returns `None` where PostgreSQL is not installed.
pub(crate) fn database(bench: &Bench) -> Result<Option<Database>> {
    if !cluster::is_there() {
        return Ok(None);
    }
    let dir = bench.empty_dir("postgres")?;
    let cluster = Cluster::start(&dir, "-c max_connections=300")?;
    let make = "CREATE DATABASE atrail ENCODING 'UTF8' TEMPLATE template0 LOCALE 'C'";
    cluster.psql(&["-c", make])?;
    Ok(Some(Database { cluster }))
}

const SCHEMA: &str = "CREATE TABLE events (at timestamptz, tenant int, doc jsonb);
CREATE INDEX ON events (tenant, at); CREATE INDEX ON events (at);
CREATE INDEX ON events ((doc->'initiator'->>'id'));";
const COPIES: usize = 4;

/// Events per second.
#[derive(Debug)]
pub(crate) struct Postgres {
    pub(crate) copy: f64,
    pub(crate) single: f64,
    pub(crate) single_64: f64,
}

/// Measures PostgreSQL; returns `None` where it is not installed.
pub(crate) fn measure(bench: &Bench) -> Result<Option<Postgres>> {
    if !cluster::is_there() {
        return Ok(None);
    }
    let dir = bench.empty_dir("postgres")?;
    let cluster = Cluster::start(&dir, "")?;
    cluster.psql(&["-c", SCHEMA])?;
    let count = bench.events.min(200_000);
    let files = csv(bench, &dir, count)?;
    let started = Instant::now();
    let copies: Vec<Child> = files
        .iter()
        .map(|file| cluster.spawn_copy(file))
        .collect::<Result<_>>()?;
    for copy in copies {
        crate::process::finish(copy)?;
    }
    let copy = count as f64 / started.elapsed().as_secs_f64();
    let insert = insert_script(bench, &dir)?;
    Ok(Some(Postgres {
        copy,
        single: cluster.inserts_per_second(&insert, 1)?,
        single_64: cluster.inserts_per_second(&insert, 64)?,
    }))
}

/// Writes the files for COPY, each with its share of the events.
fn csv(bench: &Bench, dir: &Path, count: u64) -> Result<Vec<PathBuf>> {
    let mut events = bench.generator();
    let mut line = String::new();
    let mut texts = vec![String::new(); COPIES];
    for number in 0..count {
        line.clear();
        let moment = events.in_time(number, count);
        let day = moment.0;
        events.line(moment, &mut line);
        let text = &mut texts[number as usize % COPIES];
        // The quote is a character that no event contains.
        let written = writeln!(
            text,
            "{day} 12:00:00+00,{},\u{1}{}\u{1}",
            number % crate::events::TENANTS as u64,
            line.trim_end()
        );
        debug_assert!(written.is_ok(), "a String takes everything");
    }
    let write = |(number, text): (usize, String)| {
        let path = dir.join(format!("{number}.csv"));
        fs::write(&path, text).map_err(|error| at(&path, &error))?;
        Ok(path)
    };
    texts.into_iter().enumerate().map(write).collect()
}

/// Writes a script for pgbench that inserts an event.
fn insert_script(bench: &Bench, dir: &Path) -> Result<PathBuf> {
    let mut line = String::new();
    let mut events = bench.generator();
    let moment = events.at_random();
    events.line(moment, &mut line);
    let path = dir.join("insert.sql");
    // pgbench would read a colon followed by a letter as a variable.
    let json = line.trim_end().replace(':', ": ").replace('\'', "''");
    let script = format!(
        "\\set tenant random(1, 20)\nINSERT INTO events VALUES (now(), :tenant, '{json}');\n"
    );
    fs::write(&path, script).map_err(|error| at(&path, &error))?;
    Ok(path)
}
