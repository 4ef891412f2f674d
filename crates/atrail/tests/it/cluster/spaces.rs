//! A space that ends on one node while another node takes events for it.

use std::thread::{scope, sleep};
use std::time::Duration;

use super::nodes::{Cluster, counted};
use crate::env::{Numbers, value};
use crate::http::{Caller, Connection};

const DAYS: [&str; 2] = ["2017-07-24", "2017-07-24"];

/// Sends one event after the other until a node refuses; returns how many were acknowledged.
fn send_until_refused(caller: &Caller, name: &str) -> u64 {
    let mut connection = Connection::open(caller).unwrap();
    for number in 0_u64.. {
        let event = format!(
            "{{\"id\":\"{name}-{number}\",\"eventTime\":\"2017-07-24T01:00:00Z\",\"action\":\"read\",\
             \"outcome\":\"success\",\"initiatorId\":\"i\",\"targetId\":\"t\"}}\n"
        );
        let headers = "Prefer: return=minimal\r\nContent-Type: application/x-ndjson\r\n";
        let answer = connection.ask("POST /v3/events", headers, event.as_bytes());
        let answer = answer.unwrap();
        if answer.status != 200 {
            let told = String::from_utf8_lossy(&answer.body);
            assert!(
                matches!(answer.status, 403 | 404 | 409 | 503),
                "{}: {told}",
                answer.status
            );
            return number;
        }
    }
    unreachable!()
}

#[test]
fn no_acknowledged_event_is_in_a_space_that_has_ended() {
    let Some(cluster) = Cluster::new() else {
        return;
    };
    let nodes = cluster.start(["n1", "n2", "n3"]);
    nodes.iter().for_each(|node| cluster.log_in(node));
    let callers = nodes.each_ref().map(|node| cluster.caller(node));
    let mut numbers = Numbers::new(7);
    let mut stays = 0;
    for round in 0..6 {
        let name = format!("space{round}");
        let made = cluster
            .run(&nodes[0], &["admin", "space", "create", &name])
            .ok();
        let space = value(&made, "guid");
        let goes = round % 2 == 1;
        let acked: u64 = scope(|scope| {
            let senders = [1, 2].map(|at: usize| {
                let caller = Caller {
                    space: space.clone(),
                    ..callers[at].clone()
                };
                let name = format!("{name}-{at}");
                scope.spawn(move || send_until_refused(&caller, &name))
            });
            sleep(Duration::from_millis(300 + numbers.below(700)));
            let args = ["admin", "space", "delete", &name, "--yes"];
            let all = [&args[..], if goes { &["--with-events"] } else { &[] }].concat();
            cluster.run(&nodes[0], &all).ok();
            senders.map(|sender| sender.join().unwrap()).iter().sum()
        });
        assert!(acked > 0, "the control");
        println!("{name}: {acked} acknowledged");
        if !goes {
            stays += acked;
        }
        for caller in &callers {
            assert_eq!(counted(caller, DAYS, true), Some(stays), "round {round}");
        }
    }
}
