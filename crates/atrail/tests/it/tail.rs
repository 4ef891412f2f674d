//! `atrail tail`, and proofs by place: through the program and a real server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use atrail_model::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::env::{Server, TestEnv, events};

/// Long enough for a restart and the pauses before it.
const SOON: Duration = Duration::from_secs(60);

/// A running `atrail tail`.
struct Tail {
    child: Child,
    lines: Receiver<String>,
}

impl Tail {
    fn start(env: &TestEnv, more: &[&str]) -> Self {
        let args: Vec<_> = ["tail"].iter().chain(more).copied().collect();
        let mut child = env
            .command(&args)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(env.path("tail.err")).unwrap())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                if send.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Returns the next sent event.
    fn next(&self) -> String {
        loop {
            let line = self.lines.recv_timeout(SOON).unwrap();
            if line.contains("\"id\":\"event-") || line.contains("\"id\":\"one-") {
                return line;
            }
        }
    }

    /// Presses Ctrl-C; returns the exit code.
    fn end(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }
}

fn one(number: usize) -> String {
    events(1, 3).replace("event-0", &format!("one-{number}"))
}

fn send(env: &TestEnv, text: &str) {
    env.run_with(&["trail", "-q"], text.as_bytes()).ok();
}

#[test]
fn a_tail_prints_what_is_sent_and_continues_after_a_crash_of_the_server() {
    let env = TestEnv::new();
    let mut server = Server::start(&env);
    env.log_in(&server);
    let tail = Tail::start(&env, &[]);
    // The tail has begun when it prints something.
    let mut number = 0;
    let first = loop {
        send(&env, &one(number));
        number += 1;
        match tail.lines.recv_timeout(Duration::from_millis(500)) {
            Ok(line) if line.contains("\"id\":\"one-") => break line,
            _ => assert!(number < 100),
        }
    };
    assert!(
        one(number - 1).contains(&first) || one(number - 2).contains(&first),
        "{first}"
    );
    // Later ones of these may still come.
    send(&env, &events(3, 10));
    let expected = events(3, 10);
    let mut expected: Vec<_> = expected.lines().map(str::to_owned).collect();
    let mut found = Vec::new();
    while found.len() < 3 {
        let line = tail.next();
        if line.contains("\"id\":\"event-") {
            found.push(line);
        }
    }
    assert_eq!(found, expected, "to the byte, in order");
    server.crash_and_restart(&env);
    send(&env, &one(900));
    assert_eq!(tail.next() + "\n", one(900));
    send(&env, &one(901));
    assert_eq!(tail.next() + "\n", one(901), "nothing came twice");
    expected.clear();
    assert_eq!(tail.end(), Some(130));
    let said = std::fs::read_to_string(env.path("tail.err")).unwrap();
    assert!(said.contains("connecting again"), "{said}");
    assert!(!said.contains("not shown"), "{said}");
}

#[test]
fn a_tail_has_a_query_and_says_what_is_wrong_with_it() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let said = env.run(&["tail", "action:("]).fails(2);
    assert!(said.contains("action:(") && said.contains('^'), "{said}");
    env.run(&["tail", "--format", "csv"]).fails(2);
    for since in ["soon", "", "7", "2026-13-01"] {
        env.run(&["tail", "--since", since]).fails(2);
    }
    let said = env.run(&["tail", "--since", "2100-01-01"]).fails(2);
    assert!(said.contains("in the future"), "{said}");
    server.stop();
    env.run(&["tail"]).fails(5);
}

#[test]
fn a_tail_begins_with_the_events_since_then() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let now = SystemClock.now();
    let ago = |hours: u64| (now - Duration::from_secs(3600 * hours)).to_string();
    let at = |number: usize, hours: u64| {
        let event = one(number);
        let (before, rest) = event.split_once("\"eventTime\":\"").unwrap();
        let (_, after) = rest.split_once('"').unwrap();
        format!("{before}\"eventTime\":\"{}\"{after}", ago(hours))
    };
    let (earlier, later) = (at(1, 5), at(2, 1));
    send(&env, &format!("{earlier}{later}"));
    let (two_hours, instant) = ("2h".to_owned(), ago(2));
    for since in [two_hours, instant] {
        let tail = Tail::start(&env, &["--since", &since]);
        assert_eq!(tail.next() + "\n", later, "{since}");
        assert_eq!(tail.end(), Some(130));
    }
    let tail = Tail::start(&env, &["--since", "6h"]);
    assert_eq!(tail.next() + "\n", earlier, "the control");
    assert_eq!(tail.end(), Some(130));
}

#[test]
fn the_server_proves_an_event_by_its_place() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    send(&env, &events(30, 20));
    let day = "2017-07-24";
    env.run(&["download", "--day", day, "-o", "out.gz"]).ok();
    env.run(&["prove", "out.gz", "--line", "7", "-o", "of-file"])
        .ok();
    let proven = env
        .run(&["verify", "--proof", "of-file", "--format", "json"])
        .ok();
    let proven: Value = serde_json::from_str(&proven).unwrap();
    let (segment, index) = (
        proven["segment"].as_str().unwrap(),
        proven["index"].to_string(),
    );
    let hash = proven["hash"].as_str().unwrap();
    let place = ["prove", "--segment", segment, "--index", &index];
    let with = |more: &[&'static str]| -> Vec<String> {
        let all = place.iter().chain(more.iter());
        all.map(|word| (*word).to_owned()).collect()
    };
    let run = |args: Vec<String>| env.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    run(with(&["-o", "of-place"])).ok();
    let again = env
        .run(&["verify", "--proof", "of-place", "--format", "json"])
        .ok();
    let again: Value = serde_json::from_str(&again).unwrap();
    for member in [
        "event", "hash", "segment", "index", "day", "domain", "signer",
    ] {
        assert_eq!(again[member], proven[member], "{member}");
    }
    run(with(&["-a"])).ok();
    let mut right = with(&["--leaf"]);
    right.push(hash.to_owned());
    run(right).ok();
    let mut wrong = with(&["--leaf"]);
    wrong.push("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=".to_owned());
    run(wrong).fails(1);
    let mut absent = with(&[]);
    absent[4] = "4711".to_owned();
    let said = run(absent).fails(1);
    assert!(said.contains("event"), "{said}");
    for wrong in [
        &["prove", "--segment", segment][..],
        &["prove", "--index", "1"],
        &["prove", "out.gz", "--segment", segment, "--index", "0"],
        &["prove", "--segment", segment, "--index", "0", "--line", "1"],
        &["prove"],
    ] {
        env.run(wrong).fails(2);
    }
    // It verifies when the server is gone.
    server.stop();
    env.run(&["verify", "--proof", "of-place"]).ok();
}
