//! Counts events per day.

use std::process::{Command, Stdio};

use atrail_model::Day;

use super::data::request;
use crate::bench::Bench;
use crate::events::TENANTS;
use crate::failure::Result;
use crate::figure::{Figure, say};
use crate::load::{self, Request};
use crate::process::{self, is_installed};
use crate::server::Running;

const TIMES: usize = 200;
/// Requested days, up to the last.
const ASKED: [u32; 3] = [1, 100, 3_650];
/// Domains of an account, each with an event per day for the days of the second column.
const DOMAINS: [(usize, u32); 3] = [(1, 3_650), (100, 100), (10_000, 1)];

pub(super) fn run(bench: &Bench) -> Result<()> {
    for (domains, days) in DOMAINS {
        let server = bench.fresh_server()?;
        let spaces = server.make_spaces(domains)?;
        let mut events = bench.generator();
        let mut filling = Vec::new();
        for space in &spaces {
            let mut text = String::new();
            for ago in (0..days).rev() {
                events.line((bench.last_day.minus(ago), 7), &mut text);
            }
            filling.push(request(&server, space, text.into_bytes(), false)?);
        }
        load::send(server.address(), &filling, 4)?;
        let tell = |stage: &str| -> Result<()> {
            for asked in ASKED.into_iter().filter(|asked| *asked <= days) {
                let first = bench.last_day.minus(asked - 1);
                let case = format!("{asked} days of {domains} domains, {stage}");
                let account = "&AtAccountLevel=true";
                measure(&server, &spaces[0], (first, bench.last_day), account, &case)?;
            }
            Ok(())
        };
        tell("not sealed")?;
        server.seal()?;
        server.settle();
        tell("sealed")?;
    }
    large_catalog(bench)
}

/// Measures counts of two weeks beside ten million segments, which exist only in the catalog.
fn large_catalog(bench: &Bench) -> Result<()> {
    if !is_installed("sqlite3") {
        say("status: without a large catalog, since sqlite3 is not installed");
        return Ok(());
    }
    let server = bench.fresh_server()?;
    let spaces = server.make_spaces(TENANTS)?;
    let sql = large_catalog_sql(bench.last_day);
    let server = bench.restarted(server, |data| {
        let mut shell = Command::new("sqlite3");
        shell.arg("-bail").arg(data.join("catalog.sqlite")).arg(sql);
        let run = shell.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        process::finish(run.map_err(|error| format!("sqlite3: {error}"))?).map(drop)
    })?;
    let days = (bench.last_day.minus(13), bench.last_day);
    for (whose, level) in [
        ("20 domains", "&AtAccountLevel=true"),
        ("one of 20 domains", ""),
    ] {
        let case = format!("14 days of {whose}, 10 million segments");
        measure(&server, &spaces[0], days, level, &case)?;
    }
    Ok(())
}

/// Returns the SQL for a year of hours in each space, of 57 segments each: 9,986,400.
fn large_catalog_sql(last: Day) -> String {
    let first = last.minus(364).number();
    format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY;
BEGIN;
CREATE TEMP TABLE hours AS
  WITH RECURSIVE
    days(day) AS (SELECT {first} UNION ALL SELECT day + 1 FROM days WHERE day < {last}),
    hours(hour) AS (SELECT 0 UNION ALL SELECT hour + 1 FROM hours WHERE hour < 23)
  SELECT domain, day, hour, randomblob(16) AS object
    FROM days JOIN hours
    JOIN (SELECT domain FROM domains WHERE space IS NOT NULL ORDER BY domain DESC LIMIT {TENANTS});
CREATE TEMP TABLE parts AS
  WITH RECURSIVE positions(position) AS (SELECT 0 UNION ALL SELECT position + 1 FROM positions WHERE position < 56)
  SELECT object, position, printf('%012d%04d', h.rowid, position) AS segment FROM hours h JOIN positions ORDER BY h.rowid, position;
INSERT INTO objects (object, domain, day, hour, path, size_bytes, sha256, events, events_bytes, segments)
  SELECT object, domain, day, hour, 'of the bench/' || hex(object), 684000, zeroblob(32), 57 * 60, 57 * 83000,
    (SELECT CAST(group_concat(segment, '') AS BLOB) FROM parts p WHERE p.rowid BETWEEN h.rowid * 57 - 56 AND h.rowid * 57)
    FROM hours h;
INSERT INTO segments (segment, object, position, count, size_bytes, root)
  SELECT CAST(segment AS BLOB), object, position, 60, 83000, zeroblob(32) FROM parts;
INSERT INTO hour_totals (domain, day, hour, count, size_bytes)
  SELECT domain, day, hour, 57 * 60, 57 * 83000 FROM hours;
COMMIT;",
        last = last.number(),
    )
}

fn measure(
    server: &Running,
    space: &str,
    (first, last): (Day, Day),
    level: &str,
    case: &str,
) -> Result<()> {
    let ask = || Request {
        line: format!("GET /v3/events?start={first}&end={last}{level}"),
        headers: server.headers(space),
        body: Vec::new(),
    };
    let asked: Vec<_> = (0..TIMES).map(|_| ask()).collect();
    let outcome = load::send(server.address(), &asked, 1)?;
    Figure::new("status", case)
        .latencies(outcome.latencies)
        .tell();
    Ok(())
}
