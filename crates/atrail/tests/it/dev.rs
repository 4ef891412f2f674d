//! Servers to try things on: `serve --dev` and `quickstart`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::env::{Server, TestEnv, events};
use crate::pty::at_terminal;

/// How long a server has to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `atrail serve --dev`, and what it printed until it was ready.
struct Dev {
    child: Child,
    said: Vec<String>,
}

impl Dev {
    fn start(env: &TestEnv) -> Self {
        Self::run(
            env,
            &mut env.command(&["serve", "--dev", "--listen", "127.0.0.1:0"]),
        )
    }

    fn run(env: &TestEnv, command: &mut Command) -> Self {
        let log = fs::File::create(env.path("dev.log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = child.stdout.as_mut().unwrap();
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let said: Vec<_> = lines.take(6).collect();
        assert_eq!(
            said.len(),
            6,
            "{said:?}\n{}",
            fs::read_to_string(env.path("dev.log")).unwrap_or_default()
        );
        Self { child, said }
    }

    fn url(&self) -> &str {
        self.said[0].strip_prefix("listening on ").unwrap()
    }

    fn stop(self) -> Option<i32> {
        self.stop_by(Signal::INT)
    }

    fn stop_by(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return ended.code();
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{signal:?} did not end it");
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(env: &TestEnv) -> Value {
    let text = fs::read(env.path("home/config/atrail/config.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn the_three_lines_work_as_they_are_printed_and_nothing_stays() {
    let env = TestEnv::new();
    let dev = Dev::start(&env);
    let lines: Vec<_> = dev
        .said
        .iter()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    assert_eq!(lines.len(), 3, "{:?}", dev.said);
    let script = lines.join("\n");
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_atrail"))
        .parent()
        .unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut shell = env.command_as("/bin/sh".as_ref(), &["-ec", &script]);
    let ran = crate::env::finish(shell.env("PATH", path), b"");
    assert_eq!(ran.code, 0, "{script}\n{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("3,00"), "{}", ran.stderr);
    assert!(ran.stderr.contains("OK "), "{}", ran.stderr);
    let width = dev.said[..5].iter().map(|line| line.len()).max().unwrap();
    assert!(width <= 80 || !cfg!(target_os = "linux"), "{:?}", dev.said);
    assert_eq!(dev.stop(), Some(0));
    nothing_is_left(&env);
}

/// Returns the names of the directories of a test.
fn dirs(env: &TestEnv) -> Vec<std::ffi::OsString> {
    let all = fs::read_dir(env.path("")).unwrap().flatten();
    all.filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name())
        .collect()
}

fn nothing_is_left(env: &TestEnv) {
    let left = config(env);
    assert_eq!(left["contexts"], serde_json::json!({}), "{left}");
    assert_eq!(left["current"], Value::Null, "{left}");
    assert_eq!(dirs(env), ["home"]);
    let credentials = fs::read_dir(env.path("home/config/atrail/credentials")).unwrap();
    let tokens = credentials
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|e| e == "json"));
    assert_eq!(tokens.count(), 0);
}

/// Reports whether this process ignores SIGHUP, which the programs that it starts inherit (signal(7)).
fn ignores_hangups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 != 0)
}

/// The end of the terminal, a service manager, and an impatient person end it alike.
#[test]
fn nothing_stays_however_it_is_asked_to_end() {
    for signal in [Signal::HUP, Signal::TERM] {
        if signal == Signal::HUP && ignores_hangups() {
            println!("not tested: these tests run under nohup, and so would the server");
            continue;
        }
        let env = TestEnv::new();
        let dev = Dev::start(&env);
        assert_eq!(dirs(&env).len(), 2, "the control");
        assert_eq!(dev.stop_by(signal), Some(0), "{signal:?}");
        nothing_is_left(&env);
    }
    // As soon as there is anything that could stay.
    let env = TestEnv::new();
    let mut command = env.command(&["serve", "--dev", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let has_begun = || {
        let dirs = dirs(&env);
        let mut names = dirs.iter().filter_map(|name| name.to_str());
        names.any(|name| name.starts_with("atrail-dev-"))
    };
    while !has_begun() {
        assert_eq!(child.try_wait().unwrap(), None);
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let left = dirs(&env);
    assert!(left.iter().all(|name| name == "home"), "{left:?}");
}

/// Under `nohup`, the end of the terminal ends nothing.
#[test]
fn one_that_was_started_to_outlive_its_terminal_does() {
    let env = TestEnv::new();
    let script = "trap '' HUP; exec \"$0\" serve --dev --listen 127.0.0.1:0";
    let bin = env!("CARGO_BIN_EXE_atrail");
    let mut shell = env.command_as("/bin/sh".as_ref(), &["-c", script, bin]);
    let mut dev = Dev::run(&env, &mut shell);
    for _ in 0..5 {
        kill_process(Pid::from_child(&dev.child), Signal::HUP).unwrap();
        env.run(&["status", "--context", "dev"]).ok();
    }
    assert_eq!(dev.child.try_wait().unwrap(), None);
    assert_eq!(dev.stop(), Some(0));
    nothing_is_left(&env);
}

/// Logs in to a server in the context with the name that a server to try takes.
fn log_in_as_dev(env: &TestEnv, server: &Server) {
    let address = server.address.to_string();
    let login = [
        "login",
        "-a",
        &address,
        "-u",
        "admin",
        "--password-stdin",
        "--context",
        "dev",
    ];
    env.run_with(&login, server.secret("password").as_bytes())
        .ok();
}

/// A login to another server may have taken the name over: it stays whole.
#[test]
fn the_login_of_another_server_stays_whole() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let dev = Dev::start(&env);
    log_in_as_dev(&env, &server);
    let is_well = || env.run(&["admin", "user", "list", "--context", "dev"]).ok();
    let before = is_well();
    assert_eq!(dev.stop(), Some(0));
    assert_eq!(is_well(), before);
}

#[test]
fn the_users_other_contexts_stay_as_they_are() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    // A context of the user's happens to have the name.
    log_in_as_dev(&env, &server);
    let before = config(&env);
    let dev = Dev::start(&env);
    assert_eq!(dev.said[2], "  export ATRAIL_CONTEXT=dev-2");
    let during = config(&env);
    assert_eq!(during["current"], before["current"]);
    assert_eq!(during["contexts"]["dev"], before["contexts"]["dev"]);
    assert_eq!(during["contexts"]["dev-2"]["endpoint"], dev.url());
    env.run_with(
        &["trail", "-q", "--context", "dev-2"],
        events(2, 0).as_bytes(),
    )
    .ok();
    let counted = |context: &str| {
        let args = [
            "status",
            "--day",
            "2017-07-24",
            "--format",
            "csv",
            "--context",
            context,
        ];
        env.run(&args).ok().contains("2017-07-24,2,")
    };
    assert!(counted("dev-2"));
    assert!(!counted("dev"), "the user's own server got nothing");
    assert_eq!(dev.stop(), Some(0));
    assert_eq!(config(&env), before);
}

#[test]
fn one_that_was_killed_is_replaced_and_its_key_binds_nobody() {
    let env = TestEnv::new();
    let mut first = Dev::start(&env);
    let url = first.url().to_owned();
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    // It is harmless: it leads to a server that is gone.
    env.run(&["status"]).fails(5);
    // Another server at the same address has another key.
    let address = url.strip_prefix("http://").unwrap();
    let server = Server::start_at(&env, address, &[]);
    let login = [
        "login",
        "-a",
        address,
        "-u",
        "admin",
        "--password-stdin",
        "--context",
        "own",
    ];
    env.run_with(&login, server.secret("password").as_bytes())
        .ok();
    drop(server);
    let second = Dev::start(&env);
    assert_eq!(second.said[2], "  export ATRAIL_CONTEXT=dev");
    // Two at once have a context each.
    let third = Dev::start(&env);
    assert_eq!(third.said[2], "  export ATRAIL_CONTEXT=dev-2");
    assert_eq!((third.stop(), second.stop()), (Some(0), Some(0)));
    let contexts = config(&env)["contexts"].clone();
    assert_eq!(
        contexts.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["own"]
    );
}

#[test]
fn it_serves_this_machine_alone() {
    let env = TestEnv::new();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let said = env.run(&["serve", "--dev", "--listen", listen]).fails(2);
        assert!(said.contains("--dev serves this machine alone"), "{said}");
    }
    for more in [
        &["--data", "d"][..],
        &["--insecure-http"],
        &["--check-config"],
    ] {
        env.run(&[&["serve", "--dev"][..], more].concat()).fails(2);
    }
    assert!(!env.path("home/config").exists());
}

#[test]
fn quickstart_ends_in_a_proven_answer() {
    let env = TestEnv::new();
    let shown = env.run(&["quickstart", "--exit"]);
    assert_eq!(shown.code, 0, "{}{}", shown.stdout, shown.stderr);
    let said = |question: &str| {
        let beginning = format!("#   {question:<6} ");
        let line = shown
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix(&beginning));
        let line = line.unwrap_or_else(|| panic!("{question}: {}", shown.stdout));
        assert!(!line.contains('?'), "{question}: {line}");
        line.to_owned()
    };
    let (who, when, place) = (said("who"), said("when"), said("where"));
    said("what");
    // The proof is of this very event.
    let proof = shown
        .stdout
        .split("$ atrail verify --proof")
        .nth(1)
        .unwrap();
    assert!(proof.contains("OK "), "{proof}");
    for words in [&who, &when, &place] {
        assert!(proof.contains(words.as_str()), "{words}: {proof}");
    }
    assert!(shown.stdout.contains("Go on: "), "{}", shown.stdout);
}

#[test]
fn quickstart_fits_a_terminal_and_leaves_its_shell_logged_in() {
    let env = TestEnv::new();
    let keys = "atrail status --format csv; echo \"rest=$?\"; exit\n";
    let mut command: Command = env.command(&["quickstart"]);
    command
        .env("SHELL", "/bin/sh")
        .env("PATH", "/usr/bin:/bin")
        .env("PS1", "$ ");
    let seen = at_terminal(&mut command, 80, keys);
    assert_eq!(seen.code, 0, "{}", seen.screen);
    for line in seen.screen.lines() {
        let is_drawn = line.starts_with(['|', '+', '#']) && !line.contains("The ");
        let width = line.chars().count();
        assert!(!is_drawn || width <= 80, "{width}: {line}");
    }
    assert!(seen.screen.contains("rest=0"), "{}", seen.screen);
    assert!(seen.screen.contains("date,count,size"), "{}", seen.screen);
    let link = seen
        .screen
        .lines()
        .find(|line| line.contains("/console/#/login?link="));
    let link = link.unwrap_or_else(|| panic!("{}", seen.screen)).trim();
    assert!(
        link.starts_with("http://127.0.0.1:") && link.len() <= 80,
        "{link}"
    );
    let left: Vec<_> = fs::read_dir(env.path("")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn quickstart_stops_at_a_signal() {
    let env = TestEnv::new();
    let mut child = env
        .command(&["quickstart", "--exit"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let left: Vec<_> = fs::read_dir(env.path("")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
