//! Sending.

use std::fs;

use crate::env::{Server, TestEnv, events};
use crate::proxy::{Behaviour, Proxy};

#[test]
fn a_failure_in_the_middle_says_where_and_is_5() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(5_000, 0)).unwrap();
    // Room for the receipts of the first request, and not of the second.
    let mut room = Some(200_000);
    proxy.set(move || Behaviour {
        cut_after: Some(room.take().unwrap_or(0)),
        ..Behaviour::default()
    });
    let ran = env.run(&["trail", "-f", "in.json", "--format", "csv"]);
    assert_eq!(ran.stdout.lines().count(), 1 + 2_000);
    let said = ran.fails(5);
    assert!(said.contains("after line 2000"), "{said}");
    proxy.always(Behaviour::default());
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
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
