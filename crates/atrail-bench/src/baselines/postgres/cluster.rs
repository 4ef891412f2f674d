//! A cluster of PostgreSQL of its own, and its clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::failure::{Result, at};
use crate::process::is_installed;

/// How the names of pgbench's logs of runs begin.
const LOG_OF_RUN: &str = "runs";

/// Returns whether all that a cluster needs is installed.
pub(super) fn is_there() -> bool {
    ["initdb", "pg_ctl", "psql", "pgbench"]
        .into_iter()
        .all(is_installed)
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
#[derive(Debug)]
pub(super) struct Cluster {
    dir: PathBuf,
}

impl Cluster {
    /// Starts a cluster in a directory, with these options besides the usual ones.
    pub(super) fn start(dir: &Path, more: &str) -> Result<Self> {
        let data = dir.join("data");
        if rustix::process::geteuid().is_root() {
            run(Command::new("chown").arg("nobody:nogroup").arg(dir))?;
        }
        let initdb = ["-A", "trust", "-U", "bench", "-D"];
        run(command("initdb").args(initdb).arg(&data))?;
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections=100 -c max_wal_size=8GB {more}",
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

    /// Returns its directory, which has its socket.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn client(&self, program: &str) -> Command {
        let mut client = command(program);
        client.arg("-h").arg(&self.dir).args(["-U", "bench"]);
        client.env("PGTZ", "UTC");
        client
    }

    /// Returns what psql prints.
    pub(super) fn psql(&self, args: &[&str]) -> Result<String> {
        let mut psql = self.client("psql");
        run(psql
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres"])
            .args(args))
    }

    /// Starts a COPY of a file.
    pub(super) fn spawn_copy(&self, file: &Path) -> Result<Child> {
        let copy = format!("\\copy events FROM '{}' CSV QUOTE e'\\x01'", file.display());
        self.client("psql")
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", &copy])
            .spawn()
            .map_err(|error| format!("psql: {error}"))
    }

    /// Starts statements.
    pub(super) fn spawn(&self, statements: &str) -> Result<Child> {
        self.client("psql")
            .args([
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                "postgres",
                "-c",
                statements,
            ])
            .spawn()
            .map_err(|error| format!("psql: {error}"))
    }

    /// Starts a COPY of what is written into its input.
    pub(super) fn spawn_copy_of_input(&self) -> Result<Child> {
        self.client("psql")
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres"])
            .args(["-c", "\\copy events FROM STDIN CSV QUOTE e'\\x01'"])
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| format!("psql: {error}"))
    }

    /// Runs a script this often, one after the other; returns how long each took.
    pub(super) fn latencies(&self, script: &str, times: usize) -> Result<Vec<Duration>> {
        let path = self.dir.join("question.sql");
        fs::write(&path, script).map_err(|error| at(&path, &error))?;
        let prefix = self.dir.join(LOG_OF_RUN);
        run(self
            .client("pgbench")
            .args(["-n", "-M", "simple", "-c", "1", "-j", "1", "-t"])
            .arg(times.to_string())
            .arg("--log")
            .arg(format!("--log-prefix={}", prefix.display()))
            .arg("-f")
            .arg(&path)
            .arg("postgres"))?;
        let entries = fs::read_dir(&self.dir).map_err(|error| at(&self.dir, &error))?;
        let mut latencies = Vec::new();
        for entry in entries.filter_map(std::result::Result::ok) {
            if entry.file_name().to_string_lossy().starts_with(LOG_OF_RUN) {
                let text = fs::read_to_string(entry.path());
                let text = text.map_err(|error| at(&entry.path(), &error))?;
                // The client, the number of the run, and its microseconds.
                let micros = text.lines().filter_map(|line| line.split(' ').nth(2));
                let micros = micros.filter_map(|micros| micros.parse().ok());
                latencies.extend(micros.map(Duration::from_micros));
                fs::remove_file(entry.path()).map_err(|error| at(&entry.path(), &error))?;
            }
        }
        if latencies.len() == times {
            Ok(latencies)
        } else {
            Err(format!(
                "pgbench logged {} of {times} runs",
                latencies.len()
            ))
        }
    }

    /// Returns inserts per second.
    pub(super) fn inserts_per_second(&self, script: &Path, clients: usize) -> Result<f64> {
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
