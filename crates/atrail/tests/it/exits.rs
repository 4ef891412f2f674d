//! Produces each exit code.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::env::{Server, TestEnv, events, value};
use crate::proxy::{Behaviour, Proxy};

#[test]
fn usage_is_2_and_nothing_is_asked_off_a_terminal() {
    let env = TestEnv::new();
    for (args, missing) in [
        (&["login"][..], "-a ENDPOINT"),
        (&["login", "-a", "127.0.0.1:1"], "-u USER"),
        (
            &["login", "-a", "127.0.0.1:1", "-u", "x"],
            "--password-stdin",
        ),
        (&["delete"], "-s DAY and -e DAY"),
        (&["delete", "-s", "today", "-e", "today"], "--yes"),
        (
            &["status", "-s", "today", "-e", "yesterday"],
            "after the end",
        ),
        (&["status", "-s", "tomorrow"], "YYYY-MM-DD"),
        (&["download", "-o", "F"], "SESSION"),
        (&["status", "--context", "nowhere"], "no context"),
        (&["nonsense"], "nonsense"),
    ] {
        let said = env.run(args).fails(2);
        assert!(said.contains(missing), "{args:?}: {said}");
    }
}

#[test]
fn not_logged_in_is_4() {
    let env = TestEnv::new();
    let said = env.run(&["status"]).fails(4);
    assert!(said.contains("atrail login"), "{said}");
}

#[test]
fn a_wrong_password_is_4() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let address = server.address.to_string();
    let args = ["login", "-a", &address, "-u", "admin", "--password-stdin"];
    env.run_with(&args, b"wrong\n").fails(4);
}

#[test]
fn an_unreachable_server_is_5() {
    let env = TestEnv::new();
    let args = ["login", "-a", "127.0.0.1:1", "-u", "x", "--password-stdin"];
    let said = env.run_with(&args, b"x\n").fails(5);
    assert!(
        said.contains("could not reach http://127.0.0.1:1"),
        "{said}"
    );
    assert!(said.contains("hint: "), "{said}");
}

#[test]
fn a_foreign_session_is_1() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run(&["session", "show", "32c657c5-31c0-4a3c-a139-b380871c737a"])
        .fails(1);
}

#[test]
fn refused_events_are_1_with_their_lines() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let good = events(2, 0);
    let mut lines = good.lines();
    let input = format!(
        "{}\n{{\"no\":1}}\n{}\n",
        lines.next().unwrap(),
        lines.next().unwrap()
    );
    let ran = env.run_with(&["trail", "--format", "jsonl"], input.as_bytes());
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    let said = ran.fails(1);
    assert!(said.contains("line 2: refused: "), "{said}");
    assert!(said.contains("1 of 3 events was refused"), "{said}");
}

#[test]
fn too_many_sessions_are_5_and_the_hint_says_what_helps() {
    let env = TestEnv::new();
    fs::write(env.path("c.toml"), "[sessions]\nmax_open = 1\n").unwrap();
    let config = env.path("c.toml");
    let server = Server::start_with(&env, &["--config", config.to_str().unwrap()]);
    env.log_in(&server);
    env.run(&["session", "create", "-q"]).ok();
    let start = std::time::Instant::now();
    let said = env.run(&["session", "create"]).fails(5);
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "nobody is kept waiting"
    );
    assert!(said.contains("`atrail session delete ID`"), "{said}");
}

#[test]
fn a_changed_byte_is_6_when_it_stays() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(1_000, 1_000)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    let day = ["-s", "2017-07-24", "-e", "2017-07-24"];
    let id = env
        .run(&[&["session", "create", "-q"][..], &day].concat())
        .ok();
    let download = ["download", "-o", "F", id.trim()];
    proxy.always(Behaviour {
        flip_at: Some(20_000),
        ..Behaviour::default()
    });
    env.run(&download).fails(6);
    assert!(!env.path("F").exists());
    proxy.always(Behaviour::default());
    env.run(&download).ok();
}

#[test]
fn an_interrupt_is_130() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(1_000, 1_000)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    proxy.always(Behaviour {
        rate: Some(200_000),
        ..Behaviour::default()
    });
    let mut child = env
        .command(&[
            "download",
            "-s",
            "2017-07-24",
            "-e",
            "2017-07-24",
            "-o",
            "F",
        ])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_closed_pipe_is_141_and_quiet() {
    let env = TestEnv::new();
    let mut child = env
        .command(&["config", "show"])
        .stdout(closed_pipe())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!((output.code(), said.as_str()), (Some(141), ""));
}

fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_server_that_is_asked_to_stop_ends_with_0() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let made = env.run(&["session", "create"]).ok();
    assert_eq!(value(&made, "state"), "open");
    assert_eq!(server.stop(), Some(0));
}
