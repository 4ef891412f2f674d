//! A server whose catalog is in PostgreSQL. The tests start a PostgreSQL of their own from Debian's packages, and print
//! that they are skipped where there is none, or where the program was built without the feature `cluster`.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::env::{Server, TestEnv, events};
use crate::http::{Caller, Connection};

pub(crate) const SERVE: [&str; 2] = ["--config", "atrail.toml"];
pub(crate) const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];
/// PostgreSQL refuses to run as root: the tests of root run it as this user and group.
const NOBODY: u32 = 65_534;

/// A PostgreSQL on a socket in a directory of its own.
pub(crate) struct Postgres {
    bin: PathBuf,
    dir: tempfile::TempDir,
    process: Option<Child>,
}

impl Postgres {
    pub(crate) fn start() -> Option<Self> {
        if !cfg!(feature = "cluster") {
            println!("skipped: the program was built without the feature cluster");
            return None;
        }
        let Some(bin) = installed() else {
            println!("skipped: PostgreSQL is not installed");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        if geteuid().is_root() {
            std::os::unix::fs::chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut postgres = Self {
            bin,
            dir,
            process: None,
        };
        let made = postgres
            .command("initdb")
            .args([
                "-U",
                "atrail",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(postgres.dir.path().join("db"))
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        postgres.go_on();
        Some(postgres)
    }

    /// Starts it, and waits until it answers.
    fn go_on(&mut self) {
        let dir = self.dir.path();
        let log = fs::File::create(dir.join("log")).unwrap();
        let process = self
            .command("postgres")
            .arg("-D")
            .arg(dir.join("db"))
            .arg("-k")
            .arg(dir)
            .args(["-c", "listen_addresses="])
            .stderr(log)
            .spawn();
        self.process = Some(process.unwrap());
        while !self.answers() {
            sleep(Duration::from_millis(50));
        }
    }

    fn answers(&self) -> bool {
        let asked = self
            .command("pg_isready")
            .arg("-q")
            .arg("-h")
            .arg(self.dir.path())
            .status();
        asked.unwrap().success()
    }

    /// Ends it as a crash does: it recovers at the next start.
    fn crash(&mut self) {
        if let Some(mut process) = self.process.take() {
            kill_process(Pid::from_child(&process), Signal::QUIT).unwrap();
            process.wait().unwrap();
        }
    }

    /// Returns a program of it, as the user who owns it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.current_dir(self.dir.path()).env("LC_ALL", "C");
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Returns the path of its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join(".s.PGSQL.5432")
    }

    /// Runs statements, and returns what they print.
    pub(crate) fn sql(&self, text: &str) -> String {
        let run = self
            .command("psql")
            .args([
                "-X", "-q", "-t", "-A", "-U", "atrail", "-d", "postgres", "-c", text, "-h",
            ])
            .arg(self.dir.path())
            .output();
        let run = run.unwrap();
        assert!(run.status.success(), "{run:?}");
        String::from_utf8(run.stdout).unwrap().trim().to_owned()
    }

    /// Returns the URL of its database.
    pub(crate) fn url(&self) -> String {
        let dir = self.dir.path().display();
        format!("postgres://atrail@localhost/postgres?host={dir}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.crash();
    }
}

/// Returns the directory of the newest PostgreSQL's programs.
pub(crate) fn installed() -> Option<PathBuf> {
    let versions = match fs::read_dir("/usr/lib/postgresql") {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        versions => versions.unwrap(),
    };
    let bins = versions.map(|version| version.unwrap().path().join("bin"));
    let has_server = |bin: &PathBuf| bin.join("postgres").exists();
    bins.filter(has_server).max()
}

fn configured(env: &TestEnv, postgres: &Postgres) {
    let url = postgres.url();
    let text =
        format!("[store]\ncatalog = \"{url}\"\nseal_after = \"1s\"\n[log]\nlevel = \"warn\"\n");
    fs::write(env.path("atrail.toml"), text).unwrap();
}

/// Returns the number of events of the day.
pub(crate) fn stored(env: &TestEnv) -> usize {
    let args = ["status", "--format", "csv"];
    let csv = env.run(&[&args[..], &DAY].concat()).ok();
    let rows = csv.lines().filter(|line| line.contains("2017-07-24"));
    rows.map(|row| {
        let count = row.split(',').find_map(|cell| cell.parse::<usize>().ok());
        count.unwrap_or_else(|| panic!("{csv}"))
    })
    .sum()
}

/// Downloads into a new file, verifies it, and returns its bytes.
pub(crate) fn downloaded(env: &TestEnv, session: &str, file: &str) -> Vec<u8> {
    env.run(&["download", "-o", file, session]).ok();
    env.run(&["verify", file]).ok();
    fs::read(env.path(file)).unwrap()
}

pub(crate) fn session(env: &TestEnv) -> String {
    let made = env.run(&[&["session", "create", "-q"][..], &DAY].concat());
    made.ok().trim().to_owned()
}

/// Returns the status with which the server answers a request that must read the catalog.
fn status_of(caller: &Caller) -> u16 {
    let asked = Connection::open(caller).and_then(|mut connection| {
        connection.ask("GET /v3/events?start=2017-07-24&end=2017-07-24", "", b"")
    });
    asked.unwrap().status
}

#[test]
fn everything_is_kept_when_the_server_or_postgresql_is_killed() {
    let Some(mut postgres) = Postgres::start() else {
        return;
    };
    let env = TestEnv::new();
    configured(&env, &postgres);
    let mut server = Server::start_with(&env, &SERVE);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(480, 300).as_bytes())
        .ok();
    assert_eq!(stored(&env), 480);
    let first = session(&env);
    let bytes = downloaded(&env, &first, "first.gz");

    server.kill();
    server.start_again(&env, &SERVE);
    assert_eq!(stored(&env), 480);
    assert_eq!(downloaded(&env, &first, "again.gz"), bytes);
    assert!(!env.path("data/catalog.sqlite").exists(), "the control");

    let caller = Caller {
        address: server.address,
        token: env.run(&["token"]).ok().trim().to_owned(),
        space: server.secret("space"),
    };
    assert_eq!(status_of(&caller), 200, "the control");
    postgres.crash();
    assert_eq!(status_of(&caller), 503);
    postgres.go_on();
    while status_of(&caller) == 503 {
        sleep(Duration::from_millis(50));
    }
    assert_eq!(status_of(&caller), 200);
    let more = events(480, 300).replace("\"id\":\"", "\"id\":\"more-");
    env.run_with(&["trail", "-q"], more.as_bytes()).ok();
    assert_eq!(stored(&env), 960);
    assert_eq!(downloaded(&env, &first, "still.gz"), bytes);
    let second = session(&env);
    downloaded(&env, &second, "second.gz");

    // Both at once.
    server.kill();
    postgres.crash();
    postgres.go_on();
    server.start_again(&env, &SERVE);
    assert_eq!(stored(&env), 960);
    let deleted = env.run(&[&["delete", "--yes"][..], &DAY].concat()).ok();
    assert!(deleted.contains("960 logs were deleted"), "{deleted}");
    assert_eq!(stored(&env), 0);
    assert_eq!(server.stop(), Some(0));
    let server = Server::start_with(&env, &SERVE);
    env.log_in(&server);
    assert_eq!(stored(&env), 0);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_directory_and_its_catalog_are_not_mixed_up() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let env = TestEnv::new();
    configured(&env, &postgres);
    let serve = |data: &str, config: &[&str]| {
        let args = ["serve", "--listen", "127.0.0.1:0", "--data", data];
        env.run(&[&args[..], config].concat()).fails(1)
    };
    let server = Server::start_with(&env, &SERVE);
    env.log_in(&server);
    let said = serve("other", &SERVE);
    assert!(
        said.contains("another atrail server uses the catalog"),
        "{said}"
    );
    let backup = ["admin", "backup", "--data", "data", "copy"];
    let scrub = ["admin", "scrub", "--data", "data"];
    for care in [&backup[..], &scrub] {
        let said = env.run(care).fails(1);
        assert!(said.contains("pg_dump"), "{said}");
    }
    assert!(!env.path("copy").exists());
    assert_eq!(server.stop(), Some(0));
    let said = env
        .run(&["admin", "recover", "--data", "data", "--force"])
        .fails(1);
    assert!(said.contains("pg_dump"), "{said}");
    let said = serve("other", &SERVE);
    assert!(said.contains("belongs to another data directory"), "{said}");
    let said = serve("data", &[]);
    assert!(said.contains("its catalog is in PostgreSQL"), "{said}");
    let local = TestEnv::new();
    drop(Server::start(&local));
    let own = local.path("data").display().to_string();
    let said = serve(&own, &SERVE);
    assert!(said.contains("it has its own catalog"), "{said}");
    // The control. A server that has answered no request may not heed the signal yet.
    let server = Server::start_with(&env, &SERVE);
    env.log_in(&server);
    assert_eq!(server.stop(), Some(0));
}
