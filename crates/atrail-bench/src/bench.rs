//! The common environment of every scenario.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use atrail_model::Day;
use atrail_torture::Program;

use crate::events::{DAYS, Events};
use crate::failure::{Result, at};
use crate::server::Running;

/// Tokens that outlive a scenario, and limits that refuse no frequent request.
const CONFIG: &str = r#"
[sessions]
max_open = 1000000
max_per_hour = 1000000
[tokens]
access_ttl = "12h"
[log]
level = "warn"
"#;

/// What the bench leaves free on a disk.
const DISK_LEFT_BYTES: u64 = 2_000_000_000;

/// The options of a measurement.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Number of events; a scenario uses fewer where that many would take long
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Seed of the events: the same seed produces the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Last day of the events, YYYY-MM-DD, UTC [default: yesterday]
    #[arg(long)]
    last_day: Option<Day>,
    /// Only the cases of `ingest`, `session-create`, `isolation` and `search` whose name contains this, such as "of 1, 64"
    #[arg(long)]
    only: Option<String>,
    /// Duration of `mixed`
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// Parent of the run's directory, which holds the data of servers and baselines and is erased after success
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// The server [default: `atrail` beside this program]
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Gigabytes that `search` and `search-growth` may write
    #[arg(long, default_value_t = 20)]
    disk_gb: u64,
}

/// The inputs and the place of the measurements.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) events: u64,
    pub(crate) seed: u64,
    pub(crate) minutes: u64,
    only: Option<String>,
    pub(crate) last_day: Day,
    /// The absolute directory of this run.
    dir: PathBuf,
    /// Number of directories made in it.
    made: AtomicU32,
    binary: PathBuf,
    disk_gb: u64,
}

impl Bench {
    pub(crate) fn new(options: &Options, yesterday: Day) -> Result<Self> {
        let binary = match &options.binary {
            Some(binary) => binary.clone(),
            None => beside_this_program()?,
        };
        let binary = binary.canonicalize().map_err(|error| {
            format!(
                "no server at {}: {error}; build it with the same profile, as by `cargo build --release`",
                binary.display()
            )
        })?;
        let dir = options.dir.join(format!("run-{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|error| at(&dir, &error))?;
        Ok(Self {
            events: options.events,
            seed: options.seed,
            minutes: options.minutes,
            only: options.only.clone(),
            last_day: options.last_day.unwrap_or(yesterday),
            dir: dir.canonicalize().map_err(|error| at(&dir, &error))?,
            made: AtomicU32::new(0),
            binary,
            disk_gb: options.disk_gb,
        })
    }

    /// Returns the first day of the events.
    pub(crate) const fn first_day(&self) -> Day {
        self.last_day.minus(DAYS - 1)
    }

    /// Returns the generator, with the same events each time.
    pub(crate) const fn generator(&self) -> Events {
        Events::new(self.seed, self.last_day)
    }

    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Returns whether to measure this case.
    pub(crate) fn wants(&self, case: &str) -> bool {
        self.only.as_ref().is_none_or(|only| case.contains(only))
    }

    /// Makes a new directory that this name distinguishes.
    ///
    /// The bench erases nothing before the end of the run: ext4 does not reuse an inode for minutes after its file was
    /// erased, and making files then costs a search past thousands of them.
    pub(crate) fn empty_dir(&self, name: &str) -> Result<PathBuf> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("{number:02}-{name}"));
        fs::create_dir(&path).map_err(|error| at(&path, &error))?;
        Ok(path)
    }

    /// Erases the directories. After a failure they stay instead, with the servers' logs.
    pub(crate) fn finish(self) -> Result<()> {
        fs::remove_dir_all(&self.dir).map_err(|error| at(&self.dir, &error))
    }

    /// Starts a server without any data.
    pub(crate) fn fresh_server(&self) -> Result<Running> {
        self.fresh_server_with("")
    }

    /// Starts a server without any data, with these settings besides the usual ones.
    pub(crate) fn fresh_server_with(&self, settings: &str) -> Result<Running> {
        let disk = self.empty_dir("server")?;
        Running::start(&self.program(settings), &disk)
    }

    /// Starts a node of a cluster with these settings, and everything that it keeps in this new directory. A node that is not
    /// the first is given the credentials that the first one made.
    pub(crate) fn node(
        &self,
        settings: &str,
        scratch: &Path,
        first: Option<&Path>,
    ) -> Result<Running> {
        fs::create_dir(scratch).map_err(|error| at(scratch, &error))?;
        Running::start_node(&self.program(settings), scratch, first)
    }

    /// Returns a number that is new in this run.
    pub(crate) fn number(&self) -> u32 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// Stops a server, applies a change to its data directory, and starts it again.
    pub(crate) fn restarted(
        &self,
        server: Running,
        between: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Running> {
        self.restarted_with(server, "", between)
    }

    /// Does the same with these settings besides the usual ones.
    pub(crate) fn restarted_with(
        &self,
        server: Running,
        settings: &str,
        between: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Running> {
        let data = server.stop();
        between(&data)?;
        let disk = data.parent().expect("it lies on its disk");
        Running::start(&self.program(settings), disk)
    }

    /// Returns the bytes that the bench may still write: both this run's directory and the file system are limited.
    pub(crate) fn free_bytes(&self) -> u64 {
        let used = crate::process::disk_bytes(&self.dir, &[]);
        let disk = rustix::fs::statvfs(&self.dir);
        let free = disk.map_or(u64::MAX, |disk| disk.f_bavail * disk.f_frsize);
        let own = (self.disk_gb * 1_000_000_000).saturating_sub(used);
        own.min(free.saturating_sub(DISK_LEFT_BYTES))
    }

    fn program(&self, settings: &str) -> Program {
        Program {
            binary: self.binary.clone(),
            config: format!("{CONFIG}{settings}"),
        }
    }
}

fn beside_this_program() -> Result<PathBuf> {
    let this = std::env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    Ok(this.with_file_name("atrail"))
}
