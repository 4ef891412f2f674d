//! Sends events.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::env::{Server, TestEnv, events};
use crate::proxy::{Behaviour, Proxy};

const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

/// Returns how many events the day holds.
fn kept(env: &TestEnv) -> u64 {
    let args = [&["status", "--format", "jsonl"][..], &DAY].concat();
    let status = env.run(&args).ok();
    if status.is_empty() {
        return 0;
    }
    let day: serde_json::Value = serde_json::from_str(&status).unwrap();
    day["count"].as_u64().unwrap()
}

#[test]
fn an_answer_that_is_lost_once_costs_nothing() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    // Without ids, only the request's key distinguishes a repeated request from a new event.
    let nameless = events(5_000, 0).replace("\"id\":", "\"number\":");
    fs::write(env.path("in.json"), nameless).unwrap();
    // Lose every second answer.
    let mut count = 0;
    proxy.set(move || {
        count += 1;
        Behaviour {
            cut_after: (count % 2 == 1).then_some(0),
            ..Behaviour::default()
        }
    });
    let receipts = env
        .run(&["trail", "-f", "in.json", "--format", "jsonl"])
        .ok();
    assert_eq!(receipts.lines().count(), 5_000);
    proxy.always(Behaviour::default());
    assert_eq!(kept(&env), 5_000);
    env.run(&["trail", "-f", "in.json", "-q"]).ok();
    assert_eq!(
        kept(&env),
        10_000,
        "the control: another request is no retry"
    );
}

#[test]
fn receipts_that_stay_lost_are_told_of_and_sending_again_stores_nothing_twice() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(5_000, 0)).unwrap();
    // Leave room for the receipts of the first request, but not for those of the second.
    let mut room = Some(200_000);
    proxy.set(move || Behaviour {
        cut_after: Some(room.take().unwrap_or(0)),
        ..Behaviour::default()
    });
    let ran = env.run(&["trail", "-f", "in.json", "--format", "csv"]);
    assert_eq!(ran.stdout.lines().count(), 1 + 2_000);
    let said = ran.fails(5);
    for words in [
        "lines 2001 to 4000 (2,000 events) were sent, but their receipts were lost",
        "up to line 2000 are acknowledged (2000 kept)",
        "send them again",
    ] {
        assert!(said.contains(words), "{said}");
    }
    proxy.always(Behaviour::default());
    assert_eq!(kept(&env), 4_000);
    env.run(&["trail", "-f", "in.json", "-q"]).ok();
    assert_eq!(kept(&env), 5_000, "the whole file again");
}

#[test]
fn a_gateway_that_gives_up_leaves_the_outcome_unknown() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    proxy.always(Behaviour {
        answer: Some(
            "HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ),
        ..Behaviour::default()
    });
    let said = env.run_with(&["trail"], events(3, 0).as_bytes()).fails(5);
    assert!(said.contains("receipts were lost"), "{said}");
}

const FULL: &str =
    "HTTP/1.1 507 Insufficient Storage\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[test]
fn a_full_disk_keeps_no_event_and_may_have_recorded_a_deletion() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    proxy.always(Behaviour {
        answer: Some(FULL),
        ..Behaviour::default()
    });
    let delete = ["delete", "-s", "2017-07-24", "-e", "2017-07-24", "--yes"];
    let deleting = env.run(&delete).fails(5);
    assert!(
        deleting.contains("whether it took effect is unknown"),
        "{deleting}"
    );
    let sending = env.run_with(&["trail"], events(3, 0).as_bytes()).fails(5);
    assert!(!sending.contains("unknown"), "the control: {sending}");
}

#[test]
fn a_refusal_without_effect_is_tried_again() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    let mut answers = vec![
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ];
    proxy.set(move || Behaviour {
        answer: answers.pop(),
        ..Behaviour::default()
    });
    env.run_with(&["trail"], events(3, 0).as_bytes()).ok();
    assert_eq!(kept(&env), 3);
}

#[test]
fn a_server_that_is_not_there_has_kept_nothing() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    server.stop();
    let said = env.run_with(&["trail"], events(3, 0).as_bytes()).fails(5);
    assert!(said.contains("those from line 1 on are not"), "{said}");
}

#[test]
fn a_session_whose_answer_was_lost_is_made_once() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    let mut room = Some(0);
    proxy.set(move || Behaviour {
        cut_after: room.take(),
        ..Behaviour::default()
    });
    env.run(&["session", "create"]).ok();
    let sessions = env.run(&["session", "list", "--format", "jsonl"]).ok();
    assert_eq!(sessions.lines().count(), 1);
}

#[test]
fn receipts_come_in_every_format() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let send = |format: &str| {
        let args = ["trail", "--format", format];
        env.run_with(&args, events(2, 0).as_bytes()).ok()
    };
    insta::assert_snapshot!("trail_table", send("table"));
    insta::assert_snapshot!("trail_json", send("json"));
    insta::assert_snapshot!("trail_jsonl", send("jsonl"));
    insta::assert_snapshot!("trail_csv", send("csv").replace('\r', ""));
    let status = |format: &str| {
        let args = [
            "status",
            "-s",
            "2017-07-24",
            "-e",
            "2017-07-24",
            "--format",
            format,
        ];
        env.run(&args).ok().replace('\r', "")
    };
    insta::assert_snapshot!(
        "status_formats",
        status("json") + &status("jsonl") + &status("csv")
    );
}

#[test]
fn an_events_id_cannot_reach_the_terminal() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let event = events(1, 0).replace("event-0", "\\u001b[2J\\u202e");
    for format in ["table", "json", "jsonl"] {
        let shown = env
            .run_with(&["trail", "--format", format], event.as_bytes())
            .ok();
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    }
}

#[test]
fn compressed_files_are_unpacked() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let text = events(3_000, 0);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    fs::write(env.path("in.gz"), gzip.finish().unwrap()).unwrap();
    env.run(&["trail", "-q", "-f", "in.gz"]).ok();
    assert_eq!(kept(&env), 3_000);
    let others = text.replace("event-", "other-");
    fs::write(
        env.path("in.zst"),
        zstd::encode_all(others.as_bytes(), 1).unwrap(),
    )
    .unwrap();
    env.run(&["trail", "-q", "-f", "in.zst"]).ok();
    assert_eq!(kept(&env), 6_000);
}

const KONG: &str =
    r#"{"started_at":1500890400000,"latencies":{"proxy":1},"request":{"method":"GET"}}"#;

#[test]
fn says_what_it_took_the_events_for() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let said = |input: &str, code: i32| {
        let ran = env.run_with(&["trail"], input.as_bytes());
        assert_eq!(ran.code, code, "{}", ran.stderr);
        ran.stderr
    };
    assert_eq!(said(&events(1, 0), 0), "1 event sent to space default\n");
    assert_eq!(
        said(&events(2, 0), 0),
        "2 events sent to space default, 1 of them stored already\n"
    );
    let mixed = events(2, 0).replace("event-", "mixed-") + KONG + "\n";
    assert_eq!(
        said(&mixed, 0),
        "3 events sent to space default (2 cadf, 1 kong)\n"
    );
    // It has no id, so it is another event.
    assert_eq!(said(KONG, 0), "1 event sent to space default (1 kong)\n");
    let partly = said(&format!("{KONG}\n{{}}\n"), 1);
    assert!(
        partly.contains("\n1 event sent to space default (1 kong)\n"),
        "{partly}"
    );
    assert!(
        partly.contains("1 of 2 events was refused") && partly.contains("the others are kept"),
        "{partly}"
    );
    let nothing = said("{}\n", 1);
    assert!(nothing.contains("nothing was kept"), "{nothing}");
    assert!(!nothing.contains("0 events"), "{nothing}");
}

#[test]
fn says_how_many_were_stored_already() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    let all = events(10, 0);
    let some: String = all.split_inclusive('\n').take(3).collect();
    let said = |input: &str| env.run_with(&["trail"], input.as_bytes()).stderr;
    // The control: of the new events, none was stored before.
    assert!(said(&some).ends_with("3 events sent to space default\n"));
    let again = said(&all);
    assert!(
        again.ends_with("10 events sent to space default, 3 of them stored already\n"),
        "{again}"
    );
    // An event that this very command had to send twice was not stored before it.
    let fresh = all.replace("event-", "fresh-");
    let mut count = 0;
    proxy.set(move || {
        count += 1;
        Behaviour {
            cut_after: (count == 1).then_some(0),
            ..Behaviour::default()
        }
    });
    let repeated = said(&fresh);
    assert!(
        repeated.ends_with("10 events sent to space default\n"),
        "{repeated}"
    );
    assert_eq!(kept(&env), 20);
}

#[test]
fn receipts_for_programs_are_printed_even_with_q() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    for (format, lines) in [("table", 0), ("jsonl", 2), ("csv", 3), ("json", 4)] {
        let ran = env.run_with(
            &["trail", "-q", "--format", format],
            events(2, 0).as_bytes(),
        );
        assert_eq!(ran.stderr, "");
        assert_eq!(ran.ok().lines().count(), lines, "{format}");
    }
}

/// Starts `trail` with these events waiting and more to come; returns the child.
fn begun(env: &TestEnv, input: &str) -> std::process::Child {
    let mut child = env
        .command(&["trail", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.as_mut().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    stdin.flush().unwrap();
    child
}

/// Interrupts `trail`, and returns its output at Ctrl-C.
fn interrupted(mut child: std::process::Child) -> String {
    // `wait` would close the input, and `trail` could see its end before the signal.
    let _open = child.stdin.take();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    said
}

#[test]
fn an_interruption_says_what_is_acknowledged() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    // One whole request, and the start of the next, which waits for more.
    let mut child = begun(&env, &events(2_010, 0));
    let receipts = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(receipts.take(2_000).count(), 2_000);
    let said = interrupted(child);
    assert_eq!(
        said,
        "interrupted: the events up to line 2000 are acknowledged (2000 kept); nothing was sent of line 2001 and after\n"
    );
    assert_eq!(kept(&env), 2_000);
}

#[test]
fn an_interruption_says_what_is_unknown() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    let (asked, waiting) = std::sync::mpsc::channel();
    proxy.set(move || {
        let _ = asked.send(());
        std::thread::sleep(std::time::Duration::from_secs(20));
        Behaviour::default()
    });
    let child = begun(&env, &events(2_000, 0));
    waiting.recv().unwrap();
    let said = interrupted(child);
    assert!(
        said.contains("no event is acknowledged; whether lines 1 to 2000 are kept is unknown"),
        "{said}"
    );
}
