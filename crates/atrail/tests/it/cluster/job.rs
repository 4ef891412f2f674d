//! The main job over three nodes: whatever happens on one is so on each other, at once.

use std::fs;

use super::nodes::{Cluster, Node, counted};
use crate::env::events;
use crate::http::{Caller, Connection};

const DAYS: [&str; 2] = ["2017-07-24", "2017-07-24"];
const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

/// Sends through a node.
fn send(cluster: &Cluster, node: &Node, lines: &str) {
    cluster
        .run_with(node, &["trail", "-q"], lines.as_bytes())
        .ok();
}

/// Returns events of the day with ids of their own.
fn named(name: &str, count: usize) -> String {
    events(count, 300).replace("\"id\":\"", &format!("\"id\":\"{name}-"))
}

/// Returns these bytes of a session, as a node answers.
fn range(caller: &Caller, session: &str, first: usize, last: usize) -> Vec<u8> {
    let path = format!("GET /v3/events/download?session={session}");
    let header = format!("Range: bytes={first}-{last}\r\n");
    let mut connection = Connection::open(caller).unwrap();
    let answer = connection.ask(&path, &header, b"").unwrap();
    assert_eq!(answer.status, 206, "{}", answer.body.len());
    answer.body
}

#[test]
fn three_nodes_are_one_server() {
    let Some(cluster) = Cluster::new() else {
        return;
    };
    let nodes = cluster.start(["n1", "n2", "n3"]);
    nodes.iter().for_each(|node| cluster.log_in(node));
    let mut callers: Vec<_> = nodes.iter().map(|node| cluster.caller(node)).collect();
    // One login is good everywhere.
    for caller in &mut callers {
        caller.token = cluster.caller(&nodes[0]).token;
    }
    let everywhere = |expected: u64| {
        for caller in &callers {
            assert_eq!(counted(caller, DAYS, false), Some(expected));
        }
    };
    let mut sent = Vec::new();
    for round in 0..6 {
        let lines = named(&format!("round{round}"), 40);
        send(&cluster, &nodes[round % 3], &lines);
        sent.push(lines);
        everywhere(40 * sent.len() as u64);
    }
    let found = |node: &Node| {
        let args = [
            &["search", "--format", "jsonl", "id:round4-event-7"][..],
            &DAY,
        ]
        .concat();
        let said = cluster.run(node, &args).ok();
        said.lines().count()
    };
    for node in &nodes {
        assert_eq!(found(node), 1, "{}", node.name);
    }
    // Before and after a seal, each time at another node.
    for (round, lines) in sent.iter().enumerate() {
        send(&cluster, &nodes[(round + 1) % 3], lines);
        everywhere(240);
    }
    let made = [&["session", "create", "-q"][..], &DAY].concat();
    let session = cluster.run(&nodes[0], &made).ok().trim().to_owned();
    assert_eq!(
        cluster.database.number(
            "SELECT SUM(count) FROM segments JOIN objects USING (object) WHERE day = 17371"
        ),
        240,
        "the control: it is sealed"
    );
    for (round, lines) in sent.iter().enumerate() {
        send(&cluster, &nodes[(round + 2) % 3], lines);
        everywhere(240);
    }
    for node in &nodes {
        assert_eq!(found(node), 1, "{}", node.name);
    }
    // The control: another event is another event.
    send(&cluster, &nodes[1], &named("more", 1));
    everywhere(241);

    let whole = cluster.env.path("whole.gz");
    let file = super::nodes::text(&whole);
    let download = ["download", "-q", "-o", &file, &session];
    cluster.run(&nodes[2], &download).ok();
    let bytes = fs::read(&whole).unwrap();
    let mut parts = Vec::new();
    let step = bytes.len() / 7;
    for (turn, first) in (0..bytes.len()).step_by(step).enumerate() {
        let last = (first + step).min(bytes.len()) - 1;
        parts.extend(range(&callers[turn % 3], &session, first, last));
    }
    assert!(parts == bytes, "ranges of three nodes are another download");
    for node in nodes {
        assert_eq!(node.stop(), Some(0));
    }
    // Nobody serves any more.
    let home = cluster.env.path("home/n1");
    let verify = |file: &str| {
        let mut command = cluster.env.command(&["verify", file]);
        crate::env::finish(command.env("XDG_CONFIG_HOME", &home), b"")
    };
    verify(&file).ok();
    let mut broken = bytes;
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    fs::write(&whole, broken).unwrap();
    assert_ne!(verify(&file).code, 0, "the control");
}
