//! A node that is lost costs the others nothing, and its duties fall to them.

use std::time::{Duration, Instant};

use atrail_torture::{Gate, Way};

use super::nodes::{Cluster, Node, PATIENCE, Ways, counted, wait_until};
use crate::env::events;

const DAYS: [&str; 2] = ["2017-07-24", "2017-07-24"];
const SEALED: &str = "SELECT COUNT(*) FROM objects WHERE day = 17371";

#[test]
fn a_killed_node_is_missed_by_nobody_and_others_take_over_its_duties() {
    let Some(cluster) = Cluster::new() else {
        return;
    };
    let gates = [(); 3].map(|()| Gate::to(cluster.bucket.address()));
    let begun = [0, 1, 2].map(|number: usize| {
        let name = format!("n{}", number + 1);
        let ways = Ways {
            bucket: cluster.bucket.at(gates[number].address()),
            ..cluster.ways()
        };
        cluster.configure(&name, &ways, "cluster.key");
        cluster.begin(&name, "127.0.0.1:0")
    });
    let mut nodes = begun.map(|starting| starting.listening().unwrap());
    nodes.iter().for_each(|node| cluster.log_in(node));
    let callers = nodes.each_ref().map(|node| cluster.caller(node));
    // What nodes record by themselves is sealed before.
    let rest = || {
        cluster.database.number(
            "SELECT COUNT(*) FROM claims WHERE duty LIKE 'seal/%' AND incarnation IS NOT NULL",
        ) == 0
    };
    wait_until("the first events are sealed", PATIENCE, rest);
    // A seal begins and cannot end.
    gates.iter().for_each(|gate| gate.set(Way::Held));
    cluster
        .run_with(&nodes[0], &["trail", "-q"], events(40, 300).as_bytes())
        .ok();
    let sealing_now = format!(
        "SELECT DISTINCT name FROM claims JOIN nodes USING (incarnation) WHERE duty LIKE 'seal/%{}' AND NOT fenced",
        cluster.secret("space")
    );
    let mut sealing = String::new();
    wait_until("somebody seals", PATIENCE, || {
        sealing = cluster.database.sql(&sealing_now);
        !sealing.is_empty()
    });
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(cluster.database.sql(&sealing_now), sealing);
    assert_eq!(cluster.database.number(SEALED), 0, "the control");
    let is_victim = |node: &Node| node.name == sealing;
    let lost = Instant::now();
    nodes
        .iter_mut()
        .filter(|node| is_victim(node))
        .for_each(Node::kill);
    for (node, caller) in nodes.iter().zip(&callers) {
        if !is_victim(node) {
            assert_eq!(counted(caller, DAYS, false), Some(40), "{}", node.name);
            cluster
                .run_with(node, &["trail", "-q"], events(40, 300).as_bytes())
                .ok();
        } else {
            assert_eq!(counted(caller, DAYS, false), None, "the control");
        }
    }
    let served = lost.elapsed();
    for (node, gate) in nodes.iter().zip(&gates) {
        if !is_victim(node) {
            gate.set(Way::Open);
        }
    }
    wait_until("another node seals", Duration::from_secs(15), || {
        cluster.database.number(SEALED) > 0
    });
    println!(
        "{sealing} lost: the others had served after {served:?}, and sealed after {:?}",
        lost.elapsed()
    );
    let fenced = "SELECT DISTINCT name FROM nodes WHERE fenced ORDER BY name";
    assert_eq!(cluster.database.sql(fenced), sealing);
    // It comes back, and is one of them.
    for node in nodes.iter_mut().filter(|node| is_victim(node)) {
        let (name, listen) = (node.name.clone(), node.address.to_string());
        cluster.configure(&name, &cluster.ways(), "cluster.key");
        *node = cluster.begin(&name, &listen).listening().unwrap();
    }
    for caller in &callers {
        assert_eq!(counted(caller, DAYS, false), Some(40));
    }
}
