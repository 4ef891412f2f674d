//! Nodes that share a database and a bucket, as child processes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::servers::{Bucket, Database};
use crate::env::{Ran, TestEnv, finish};
use crate::http::{Caller, Connection};

/// For how long a node counts as alive after it renewed its lease.
pub(crate) const LEASE: Duration = Duration::from_secs(3);
/// Longer than any wait of a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What nodes share, and a home for each client.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) env: TestEnv,
    pub(crate) database: Database,
    pub(crate) bucket: Bucket,
}

/// How a node reaches the servers.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    pub(crate) catalog: String,
    pub(crate) bucket: Bucket,
}

/// A node that has been told to start.
#[derive(Debug)]
pub(crate) struct Starting {
    name: String,
    child: Child,
    stdout: BufReader<ChildStdout>,
    log: std::path::PathBuf,
}

/// `atrail serve` as one of several nodes; dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    child: Child,
    // Kept open: the server must not find its output closed.
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Cluster {
    /// Returns an empty database and an empty prefix of a bucket, where the servers are there.
    pub(crate) fn new() -> Option<Self> {
        let database = Database::new()?;
        let bucket = Bucket::new()?;
        Some(Self::of(database, bucket))
    }

    /// Returns what nodes share that keep their archive in this bucket.
    pub(crate) fn of(database: Database, bucket: Bucket) -> Self {
        let cluster = Self {
            env: TestEnv::new(),
            database,
            bucket,
        };
        cluster.write_key("cluster.key");
        cluster
    }

    /// Writes a new key of a cluster.
    pub(crate) fn write_key(&self, file: &str) {
        let mut key = [0_u8; 32];
        getrandom::fill(&mut key).unwrap();
        let path = self.env.path(file);
        fs::write(&path, key).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Returns how a node reaches the servers when nothing is between.
    pub(crate) fn ways(&self) -> Ways {
        Ways {
            catalog: self.database.url(),
            bucket: self.bucket.clone(),
        }
    }

    /// Writes the settings of a node.
    pub(crate) fn configure(&self, name: &str, ways: &Ways, key: &str) {
        let path = |name: &str| self.env.path(name).display().to_string();
        let (cache, key) = (path(&format!("cache-{name}")), path(key));
        let Ways { catalog, bucket } = ways;
        let Bucket { endpoint, url } = bucket;
        let seconds = LEASE.as_secs();
        let text = format!(
            "[store]\ncatalog = \"{catalog}\"\narchive = \"{url}\"\narchive_endpoint = \"{endpoint}\"\n\
             cache = \"{cache}\"\nseal_at = \"256KiB\"\nseal_after = \"1s\"\n\
             [cluster]\nkey_file = \"{key}\"\nname = \"{name}\"\nnode_lease = \"{seconds}s\"\n\
             [sessions]\nmax_open = 1000000\nmax_per_hour = 100000000\n\
             [tokens]\naccess_ttl = \"1d\"\n[log]\nlevel = \"warn\"\n"
        );
        fs::write(self.env.path(&format!("{name}.toml")), text).unwrap();
    }

    /// Tells a configured node to start.
    pub(crate) fn begin(&self, name: &str, listen: &str) -> Starting {
        let log = self.env.path(&format!("{name}.log"));
        let out = fs::OpenOptions::new().create(true).append(true).open(&log);
        let config = format!("{name}.toml");
        let mut child = self
            .env
            .command(&["serve", "--listen", listen, "--config", &config])
            .env("AWS_ACCESS_KEY_ID", "any")
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .stdout(Stdio::piped())
            .stderr(out.unwrap())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Starting {
            name: name.to_owned(),
            child,
            stdout,
            log,
        }
    }

    /// Starts these nodes at once, with nothing between them and the servers.
    pub(crate) fn start<const N: usize>(&self, names: [&str; N]) -> [Node; N] {
        let begun = names.map(|name| {
            self.configure(name, &self.ways(), "cluster.key");
            self.begin(name, "127.0.0.1:0")
        });
        begun.map(|starting| starting.listening().unwrap())
    }

    /// Returns what a node has written to its log.
    pub(crate) fn log_of(&self, name: &str) -> String {
        fs::read_to_string(self.env.path(&format!("{name}.log"))).unwrap_or_default()
    }

    /// Runs a command as a client of a node.
    pub(crate) fn run(&self, node: &Node, args: &[&str]) -> Ran {
        self.run_with(node, args, b"")
    }

    /// Runs a command with this standard input as a client of a node.
    pub(crate) fn run_with(&self, node: &Node, args: &[&str], input: &[u8]) -> Ran {
        let home = self.env.path(&format!("home/{}", node.name));
        finish(self.env.command(args).env("XDG_CONFIG_HOME", home), input)
    }

    /// Returns a member of the `initial-credentials.json` of the node that founded everything.
    pub(crate) fn secret(&self, member: &str) -> String {
        let found = self.credentials();
        let [path] = &found[..] else {
            panic!("{found:?}")
        };
        let all: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        all[member].as_str().unwrap().to_owned()
    }

    /// Returns the files with the first user's credentials.
    pub(crate) fn credentials(&self) -> Vec<std::path::PathBuf> {
        let here = fs::read_dir(self.env.path("")).unwrap();
        let files = here.map(|entry| entry.unwrap().path().join("initial-credentials.json"));
        files.filter(|file| file.exists()).collect()
    }

    /// Logs the client of a node in, as the first user, and targets the first space.
    pub(crate) fn log_in(&self, node: &Node) {
        let address = node.address.to_string();
        let login = ["login", "-a", &address, "-u", "admin", "--password-stdin"];
        self.run_with(node, &login, self.secret("password").as_bytes())
            .ok();
        self.run(node, &["target", "-o", "default", "-s", "default"])
            .ok();
    }

    /// Returns the credentials of a client of a node that has logged in.
    pub(crate) fn caller(&self, node: &Node) -> Caller {
        Caller {
            address: node.address,
            token: self.run(node, &["token"]).ok().trim().to_owned(),
            space: self.secret("space"),
        }
    }
}

impl Starting {
    /// Kills the node while it starts, or soon after.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Waits until the node listens.
    ///
    /// # Errors
    /// The log of a node that did not start.
    pub(crate) fn listening(mut self) -> Result<Node, String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://");
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            let _ = self.child.kill();
            let status = self.child.wait().unwrap();
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            return Err(format!("{status}: {line}{said}"));
        };
        Ok(Node {
            name: self.name,
            child: self.child,
            _stdout: self.stdout,
            address,
        })
    }
}

impl Node {
    /// Kills the node, as the end of its machine would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Sends the node a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Returns the status of a node that has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until the node has ended; `None` after this time.
    pub(crate) fn wait(&mut self, most: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        loop {
            let ended = self.ended();
            if ended.is_some() || began.elapsed() > most {
                return ended;
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Asks the node to stop; returns its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.wait(PATIENCE).and_then(|status| status.code())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Counts the events of these days, as the server of this caller does.
pub(crate) fn counted(caller: &Caller, days: [&str; 2], is_account: bool) -> Option<u64> {
    let path = format!(
        "GET /v3/events?start={}&end={}&AtAccountLevel={is_account}",
        days[0], days[1]
    );
    let mut connection = Connection::open(caller).ok()?;
    let answer = connection.ask(&path, "", b"").ok()?;
    if answer.status != 200 {
        return None;
    }
    let counts = answer.json(200);
    let days = counts.as_array().unwrap().iter();
    Some(days.map(|day| day["count"].as_u64().unwrap()).sum())
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, most: Duration, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < most, "not within {most:?}: {what}");
        sleep(Duration::from_millis(50));
    }
}

/// Returns the file's path as text.
pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}
