//! Who may join, and what nodes that run refuse.

use std::fs;

use super::nodes::{Cluster, PATIENCE, counted, wait_until};
use crate::env::{Server, TestEnv, events};

const DAYS: [&str; 2] = ["2017-07-24", "2017-07-24"];

#[test]
fn two_nodes_that_start_at_once_on_nothing_make_one_server() {
    for _ in 0..2 {
        let Some(cluster) = Cluster::new() else {
            return;
        };
        let nodes = cluster.start(["n1", "n2"]);
        // One first user, one mark in the bucket, one signing key.
        assert_eq!(cluster.credentials().len(), 1);
        nodes.iter().for_each(|node| cluster.log_in(node));
        let lines = events(40, 300);
        for node in &nodes {
            cluster
                .run_with(node, &["trail", "-q"], lines.as_bytes())
                .ok();
        }
        for node in &nodes {
            let caller = cluster.caller(node);
            assert_eq!(counted(&caller, DAYS, false), Some(40));
        }
        let keys = nodes.each_ref().map(|node| {
            let all = cluster.log_of(&node.name);
            all.lines()
                .find(|line| line.contains("evidence is verified with"))
                .map(|line| line.rsplit(' ').next().unwrap().to_owned())
        });
        assert!(keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
        for node in nodes {
            assert_eq!(node.stop(), Some(0));
        }
    }
}

#[test]
fn a_node_with_another_key_is_told_so() {
    let Some(cluster) = Cluster::new() else {
        return;
    };
    let [first] = cluster.start(["n1"]);
    cluster.write_key("other.key");
    cluster.configure("n2", &cluster.ways(), "other.key");
    let begun = cluster.begin("n2", "127.0.0.1:0");
    let said = begun.listening().unwrap_err();
    assert!(said.contains("sealed under another key"), "{said}");
    assert!(said.contains("key_file"), "{said}");
    // It holds up nobody: neither the node that runs nor one that starts.
    cluster.log_in(&first);
    let [third] = cluster.start(["n3"]);
    drop((first, third));
}

#[test]
fn a_catalog_is_of_nodes_or_of_a_directory() {
    let Some(cluster) = Cluster::new() else {
        return;
    };
    let alone = |cluster: &Cluster, env: &TestEnv| {
        let url = cluster.database.url();
        let text = format!("[store]\ncatalog = \"{url}\"\n[log]\nlevel = \"warn\"\n");
        fs::write(env.path("atrail.toml"), text).unwrap();
    };
    let node = |cluster: &Cluster| {
        cluster.configure("n1", &cluster.ways(), "cluster.key");
        cluster.begin("n1", "127.0.0.1:0").listening()
    };
    let serve = ["--config", "atrail.toml"];
    // A directory's, while its server runs and afterwards.
    let env = TestEnv::new();
    alone(&cluster, &env);
    let server = Server::start_with(&env, &serve);
    env.log_in(&server);
    let said = node(&cluster).unwrap_err();
    assert!(said.contains("data directory"), "{said}");
    assert_eq!(server.stop(), Some(0));
    let said = node(&cluster).unwrap_err();
    assert!(said.contains("data directory"), "{said}");
    drop(Server::start_with(&env, &serve));

    // Nodes'.
    let cluster = Cluster::new().unwrap();
    let env = TestEnv::new();
    alone(&cluster, &env);
    let running = node(&cluster).unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--data", "data"];
    let refused = |why: &str| {
        let said = env.run(&[&args[..], &serve].concat()).fails(1);
        assert!(said.contains("nodes"), "{why}: {said}");
    };
    refused("a node runs");
    assert_eq!(running.stop(), Some(0));
    refused("nodes have run");
    drop(node(&cluster).unwrap());
}

#[test]
fn the_signing_key_changes_while_one_node_runs() {
    let Some(cluster) = Cluster::new() else {
        return;
    };
    let [one, other] = cluster.start(["n1", "n2"]);
    cluster.log_in(&one);
    let rotate = || cluster.run(&one, &["admin", "rotate-key"]);
    let said = rotate().fails(1);
    assert!(
        said.contains("only while one node runs") && said.contains("n2"),
        "{said}"
    );
    assert_eq!(other.stop(), Some(0));
    rotate().ok();
    // A node that joins goes on with the new one, and what was signed before is verified still.
    let [other] = cluster.start(["n2"]);
    cluster.log_in(&other);
    let sent = cluster.run_with(&other, &["trail", "-q"], events(4, 300).as_bytes());
    sent.ok();
    let day = ["-s", DAYS[0], "-e", DAYS[1]];
    let download = [&["download", "-q", "--verify", "-o", "new.gz"][..], &day].concat();
    cluster.run(&other, &download).ok();
    cluster.run(&one, &["verify", "new.gz"]).ok();
}

#[test]
fn a_node_that_was_killed_while_it_started_holds_up_the_next_for_one_lease() {
    let Some(cluster) = Cluster::new() else {
        return;
    };
    for after in [50, 200, 500, 1000] {
        cluster.configure("n1", &cluster.ways(), "cluster.key");
        let mut begun = cluster.begin("n1", "127.0.0.1:0");
        std::thread::sleep(std::time::Duration::from_millis(after));
        begun.kill();
    }
    let [node] = cluster.start(["n1"]);
    cluster.log_in(&node);
    let alive = "SELECT COUNT(*) FROM nodes WHERE NOT fenced AND lease_until > clock_timestamp()";
    wait_until("one node is alive", PATIENCE, || {
        cluster.database.number(alive) == 1
    });
}
