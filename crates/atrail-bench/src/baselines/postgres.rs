//! PostgreSQL with the same events: jsonb and three indexes, fully durable, in a cluster of its own.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::bench::Bench;
use crate::failure::{Result, at};
use crate::process::is_installed;

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
    if !["initdb", "pg_ctl", "psql", "pgbench"]
        .into_iter()
        .all(is_installed)
    {
        return Ok(None);
    }
    let dir = bench.empty_dir("postgres")?;
    let cluster = Cluster::start(&dir)?;
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

/// Returns the command; as root it switches to another user, because PostgreSQL refuses to run as root.
fn command(program: &str) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=nobody",
        "--regid=nogroup",
        "--clear-groups",
        program,
    ]);
    command.env("HOME", "/");
    command
}

fn run(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {said}"))
}

/// A cluster; dropping it stops it.
struct Cluster {
    dir: PathBuf,
}

impl Cluster {
    fn start(dir: &Path) -> Result<Self> {
        let data = dir.join("data");
        if rustix::process::geteuid().is_root() {
            run(Command::new("chown").arg("nobody:nogroup").arg(dir))?;
        }
        let initdb = ["-A", "trust", "-U", "bench", "-D"];
        run(command("initdb").args(initdb).arg(&data))?;
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections=100 -c max_wal_size=8GB",
            dir.display()
        );
        // Do not wait for the end of its output: the server keeps it open.
        let status = command("pg_ctl")
            .args(["-w", "-o", &options, "-l"])
            .arg(dir.join("log"))
            .arg("-D")
            .arg(&data)
            .arg("start")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => Ok(Self {
                dir: dir.to_owned(),
            }),
            _ => Err(format!(
                "PostgreSQL did not start: see {}/log",
                dir.display()
            )),
        }
    }

    fn client(&self, program: &str) -> Command {
        let mut client = command(program);
        client.arg("-h").arg(&self.dir).args(["-U", "bench"]);
        client
    }

    fn psql(&self, args: &[&str]) -> Result<String> {
        let mut psql = self.client("psql");
        run(psql
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres"])
            .args(args))
    }

    fn spawn_copy(&self, file: &Path) -> Result<Child> {
        let copy = format!("\\copy events FROM '{}' CSV QUOTE e'\\x01'", file.display());
        self.client("psql")
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", &copy])
            .spawn()
            .map_err(|error| format!("psql: {error}"))
    }

    fn inserts_per_second(&self, script: &Path, clients: usize) -> Result<f64> {
        let clients = clients.to_string();
        let threads = if clients == "1" { "1" } else { "2" };
        let said = run(self
            .client("pgbench")
            .args([
                "-n", "-M", "prepared", "-T", "5", "-c", &clients, "-j", threads, "-f",
            ])
            .arg(script)
            .arg("postgres"))?;
        let line = said.lines().find_map(|line| line.strip_prefix("tps = "));
        let number = line.and_then(|line| line.split(' ').next());
        let number = number.and_then(|number| number.parse().ok());
        number.ok_or_else(|| format!("pgbench said: {said}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = command("pg_ctl");
        stop.args(["-m", "immediate", "-D"])
            .arg(self.dir.join("data"));
        let _ = run(stop.arg("stop"));
    }
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
