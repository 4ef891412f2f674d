//! What is deleted on one node is served by none, not even by a download that has begun.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::nodes::{Cluster, Node};
use crate::env::events;
use crate::http::Caller;

const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

/// A download whose reader has read a little of it.
struct Slow {
    stream: TcpStream,
    length: u64,
}

impl Slow {
    fn start(caller: &Caller, session: &str) -> Self {
        let mut stream = TcpStream::connect(caller.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let Caller {
            address,
            token,
            space,
        } = caller;
        let request = format!(
            "GET /v3/events/download?session={session} HTTP/1.1\r\nHost: {address}\r\nX-Auth-Token: {token}\r\n\
             X-Auth-Project-Id: {space}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length = head.split("content-length: ").nth(1).unwrap();
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        Self { stream, length }
    }

    /// Reads on to the end; returns whether all came.
    fn ends_whole(mut self) -> bool {
        let mut read = 0;
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = self.stream.read(&mut buffer) {
            read += count as u64;
        }
        read == self.length
    }
}

fn session(cluster: &Cluster, node: &Node) -> String {
    let made = [&["session", "create", "-q"][..], &DAY].concat();
    cluster.run(node, &made).ok().trim().to_owned()
}

#[test]
fn a_removal_on_one_node_cuts_the_downloads_of_the_others() {
    let Some(cluster) = Cluster::new() else {
        return;
    };
    let nodes = cluster.start(["n1", "n2", "n3"]);
    nodes.iter().for_each(|node| cluster.log_in(node));
    // More than the buffers of connections have room for.
    let lines = events(5000, 4000);
    cluster
        .run_with(&nodes[0], &["trail", "-q"], lines.as_bytes())
        .ok();
    let [one, other] = [1, 2].map(|node: usize| cluster.caller(&nodes[node]));
    let made = session(&cluster, &nodes[0]);
    let whole = Slow::start(&one, &made);
    assert!(whole.length > 12 << 20, "{}", whole.length);
    sleep(Duration::from_secs(1));
    assert!(whole.ends_whole(), "the control");

    // The end of a session.
    let kept = session(&cluster, &nodes[0]);
    let (cut, control) = (Slow::start(&one, &made), Slow::start(&one, &kept));
    let began = Instant::now();
    cluster.run(&nodes[2], &["session", "delete", &made]).ok();
    let took = began.elapsed();
    assert!(!cut.ends_whole(), "a session that has ended is served on");
    assert!(control.ends_whole(), "the control");
    // The answer has waited until each node had noticed.
    assert!(took < Duration::from_secs(10), "{took:?}");

    // The deletion of events.
    let (cut, also) = (Slow::start(&one, &kept), Slow::start(&other, &kept));
    let delete = [&["delete", "--yes"][..], &DAY].concat();
    let said = cluster.run(&nodes[0], &delete).ok();
    assert!(said.contains("5000 logs were deleted"), "{said}");
    assert!(!cut.ends_whole(), "deleted events are served on");
    assert!(!also.ends_whole(), "deleted events are served on");
}
