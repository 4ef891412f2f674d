//! Gives each test a home of its own, and runs servers as child processes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Asserts that the command succeeded, and returns its output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Asserts that the command failed with this code, and returns its error output.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// A working directory, with a home below it.
#[derive(Debug)]
pub(crate) struct TestEnv {
    dir: TempDir,
}

impl TestEnv {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns the program as a command, without the caller's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_as(Path::new(env!("CARGO_BIN_EXE_atrail")), args)
    }

    /// Returns the program under another name: a link to it.
    pub(crate) fn command_as(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("home/config"))
            .env("TMPDIR", self.dir.path())
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(&mut self.command(args), b"")
    }

    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        finish(&mut self.command(args), input)
    }

    /// Logs the first user in and targets the first space.
    pub(crate) fn log_in(&self, server: &Server) {
        self.log_in_at(server, server.address);
    }

    /// Logs the first user in, and targets nothing.
    pub(crate) fn log_in_only(&self, server: &Server) {
        let address = server.address.to_string();
        let args = ["login", "-a", &address, "-u", "admin", "--password-stdin"];
        self.run_with(&args, server.secret("password").as_bytes())
            .ok();
    }

    /// Like [`TestEnv::log_in`], at this address.
    pub(crate) fn log_in_at(&self, server: &Server, address: SocketAddr) {
        let endpoint = address.to_string();
        let args = ["login", "-a", &endpoint, "-u", "admin", "--password-stdin"];
        self.run_with(&args, server.secret("password").as_bytes())
            .ok();
        self.run(&["target", "-o", "default", "-s", "default"]).ok();
        if address != server.address {
            self.forget_key();
        }
    }

    /// Forgets the server's evidence key. A command then compares none, and its first request is its own: this matters
    /// for a proxy that counts faults by connection.
    pub(crate) fn forget_key(&self) {
        let path = self.path("home/config/atrail/config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for context in config["contexts"].as_object_mut().unwrap().values_mut() {
            context.as_object_mut().unwrap().remove("verifier_key");
        }
        fs::write(&path, config.to_string()).unwrap();
    }
}

/// Runs `bx ARGS`, where `bx` is a link to the program.
pub(crate) fn bx(env: &TestEnv, line: &str, input: &[u8]) -> Ran {
    typed(env, &format!("bx {line}"), input)
}

/// Runs a line whose first word is another name of the program.
pub(crate) fn typed(env: &TestEnv, line: &str, input: &[u8]) -> Ran {
    let words: Vec<&str> = line.split_whitespace().collect();
    let link = env.path(words[0]);
    if !link.exists() {
        symlink(env!("CARGO_BIN_EXE_atrail"), &link).unwrap();
    }
    finish(&mut env.command_as(&link, &words[1..]), input)
}

/// Runs the command to its end, with this standard input.
pub(crate) fn finish(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // The command may end before it has read everything.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// `atrail serve` as a child process; dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    // Kept open: the server must not find its output closed.
    _stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
    data: PathBuf,
}

impl Server {
    pub(crate) fn start(env: &TestEnv) -> Self {
        Self::start_on(env, "127.0.0.1:0")
    }

    fn start_on(env: &TestEnv, listen: &str) -> Self {
        Self::start_at(env, listen, &[])
    }

    /// Starts the server with more arguments.
    pub(crate) fn start_with(env: &TestEnv, more: &[&str]) -> Self {
        Self::start_at(env, "127.0.0.1:0", more)
    }

    /// Starts a node of a cluster, which has this configuration and no data directory.
    #[cfg(feature = "cluster")]
    pub(crate) fn start_node(env: &TestEnv, config: &str) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--config", config];
        Self::of(env, spawned(env, env.command(&serve)))
    }

    /// Starts the server at this address.
    pub(crate) fn start_at(env: &TestEnv, listen: &str, more: &[&str]) -> Self {
        Self::of(env, spawn(env, listen, more))
    }

    /// Starts the server from a shell that first runs this command.
    pub(crate) fn start_after(env: &TestEnv, first: &str) -> Self {
        let line = format!("{first}; exec \"$0\" serve --listen 127.0.0.1:0 --data data");
        let program = env!("CARGO_BIN_EXE_atrail");
        let command = env.command_as(Path::new("/bin/sh"), &["-c", &line, program]);
        Self::of(env, spawned(env, command))
    }

    /// Returns the server that this process runs on `DIR/data`.
    fn of(env: &TestEnv, mut child: Child) -> Self {
        let data = env.path("data");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ");
        let address = address.and_then(|url| Some(url.split_once("://")?.1));
        let address = address.unwrap_or_else(|| {
            let log = fs::read_to_string(env.path("server.log")).unwrap_or_default();
            panic!("{line:?}\n{log}")
        });
        Self {
            address: address.parse().unwrap(),
            child,
            _stdout: stdout,
            data,
        }
    }

    /// Kills the server as a power cut would, and starts it again at the same place.
    pub(crate) fn crash_and_restart(&mut self, env: &TestEnv) {
        self.kill();
        self.start_again(env, &[]);
    }

    /// Kills the server as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts a killed server at the same place.
    pub(crate) fn start_again(&mut self, env: &TestEnv, more: &[&str]) {
        let listen = self.address.to_string();
        *self = Self::start_at(env, &listen, more);
    }

    /// Starts a killed server and kills it while it starts, or soon after.
    pub(crate) fn start_and_kill(&self, env: &TestEnv, more: &[&str], after: Duration) {
        let mut child = spawn(env, &self.address.to_string(), more);
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Returns the id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the server to stop; returns its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }

    /// Returns a member of `initial-credentials.json`.
    pub(crate) fn secret(&self, name: &str) -> String {
        let text = fs::read(self.data.join("initial-credentials.json")).unwrap();
        let all: Value = serde_json::from_slice(&text).unwrap();
        all[name].as_str().unwrap().to_owned()
    }
}

fn spawn(env: &TestEnv, listen: &str, more: &[&str]) -> Child {
    let mut command = env.command(&["serve", "--listen", listen, "--data"]);
    command.arg(env.path("data")).args(more);
    spawned(env, command)
}

fn spawned(env: &TestEnv, mut command: Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(fs::File::create(env.path("server.log")).unwrap())
        .spawn()
        .unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pseudo-random numbers that are the same in every run.
#[derive(Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns the next number below `limit`.
    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % limit
    }
}

/// Returns events of one day, each with about this many bytes that do not compress well.
pub(crate) fn events(count: usize, filler: usize) -> String {
    let mut numbers = Numbers::new(1);
    let mut text = String::new();
    for number in 0..count {
        let noise: String = (0..filler)
            .map(|_| char::from(b'0' + u8::try_from(numbers.below(75)).unwrap()))
            .map(|c| if c == '\\' { '_' } else { c })
            .collect();
        text.push_str(&format!(
            "{{\"id\":\"event-{number}\",\"eventTime\":\"2017-07-24T{:02}:00:00Z\",\"action\":\"read\",\
             \"outcome\":\"success\",\"initiatorId\":\"i\",\"targetId\":\"t\",\"noise\":\"{noise}\"}}\n",
            number % 24
        ));
    }
    text
}

/// Returns the value of a row of a Name | Value table.
pub(crate) fn value(table: &str, name: &str) -> String {
    table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once('|'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().trim_end_matches('|').trim().to_owned())
        .unwrap_or_else(|| panic!("no {name} in\n{table}"))
}
