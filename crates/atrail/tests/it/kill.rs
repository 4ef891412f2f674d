//! A server that is killed at any moment stores each acknowledged event exactly once.
//!
//! `ATRAIL_KILL_ROUNDS` sets how many times the test kills servers; the default is as many as fit into some seconds.
//! `ATRAIL_SEED` repeats the decisions of an earlier run, but not its timing.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::auditor::{Auditor, everything};
use crate::env::{Numbers, Server, TestEnv};
use crate::http::Caller;
use crate::senders::{Scene, Sender, delete_again_and_again};

/// Small limits, so that hourly work happens all the time.
const CONFIG: &str = "[store]\nseal_at = \"48KiB\"\nseal_after = \"1s\"\n\
    [sessions]\nmax_open = 1000000\nmax_per_hour = 100000000\n\
    [tokens]\naccess_ttl = \"1d\"\n[log]\nlevel = \"warn\"\n";

const SERVE: [&str; 2] = ["--config", "atrail.toml"];

/// Duration of the short form.
const SHORT: Duration = Duration::from_secs(8);
/// Number of servers that are killed side by side, each with clients of its own: each waits most of the time, for its
/// clients, its disk or its next start.
const LANES: u64 = 3;

/// Starts a server with these settings, and logs in.
pub(crate) fn set_up(env: &TestEnv) -> (Server, Caller) {
    fs::write(env.path("atrail.toml"), CONFIG).unwrap();
    let server = Server::start_with(env, &SERVE);
    env.log_in(&server);
    let caller = Caller {
        address: server.address,
        token: env.run(&["token"]).ok().trim().to_owned(),
        space: server.secret("space"),
    };
    (server, caller)
}

pub(crate) fn seed() -> u64 {
    let set = std::env::var("ATRAIL_SEED").ok();
    let chosen = set.and_then(|text| text.parse().ok());
    chosen.unwrap_or_else(|| getrandom::u64().unwrap())
}

/// Returns four senders; the last one sends to the account's own domain.
pub(crate) fn senders(seed: u64) -> Vec<Sender> {
    (0..4)
        .map(|name| Sender::new(name, seed, name == 3))
        .collect()
}

#[test]
fn what_is_acknowledged_survives_kills_and_is_there_once() {
    let rounds: Option<u64> = std::env::var("ATRAIL_KILL_ROUNDS")
        .ok()
        .map(|text| text.parse().unwrap());
    let seed = seed();
    println!("ATRAIL_SEED={seed}");
    let part = |lane| rounds.map(|rounds| rounds / LANES + u64::from(lane < rounds % LANES));
    let answers = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                scope.spawn(move || kill_again_and_again(seed.wrapping_add(lane), part(lane)))
            })
            .collect();
        let ended = lanes.into_iter().map(|lane| lane.join().unwrap());
        ended.fold(Answers::default(), |sum, lane| Answers {
            acked: sum.acked + lane.acked,
            lost: sum.lost + lane.lost,
        })
    });
    // The control: kills that interrupt nothing would prove nothing.
    assert!(answers.acked > 0 && answers.lost > 0);
}

/// The answers to what the senders of a server sent.
#[derive(Default)]
struct Answers {
    acked: u64,
    lost: u64,
}

/// Kills one server this many times, or as many times as fit into the short form.
fn kill_again_and_again(seed: u64, rounds: Option<u64>) -> Answers {
    let started = Instant::now();
    let env = TestEnv::new();
    let (mut server, caller) = set_up(&env);
    let mut scene = Scene {
        hangs_up: true,
        ..Scene::default()
    };
    let mut senders = senders(seed);
    let mut auditor = Auditor::new(seed);
    let mut numbers = Numbers::new(seed);
    let (mut killed, mut checked) = (0, 0);
    while rounds.map_or_else(|| started.elapsed() < SHORT, |rounds| killed < rounds) {
        let moment = Duration::from_millis(5 + numbers.below(400));
        thread::scope(|scope| {
            for sender in &mut senders {
                scope.spawn(|| sender.run(&scene, &caller));
            }
            scope.spawn(|| auditor.run(&scene, &caller));
            scope.spawn(|| delete_again_and_again(&scene, &caller, seed ^ killed));
            thread::sleep(moment);
            server.kill();
        });
        look_at_log(&env);
        while numbers.below(4) == 0 {
            let moment = Duration::from_millis(numbers.below(120));
            server.start_and_kill(&env, &SERVE, moment);
            look_at_log(&env);
        }
        server.start_again(&env, &SERVE);
        killed += 1;
        // A full check costs more the more events there are.
        if killed >= checked + checked / 8 {
            checked = killed;
            auditor.take_stock(&caller);
            check(&mut scene, &caller, killed);
        }
    }
    check(&mut scene, &caller, killed);
    look_at_log(&env);
    let ledger = scene.ledger.get_mut().unwrap();
    println!(
        "seed {seed}: {killed} kills in {:?}: {} events sent, {} acknowledged, {} answers lost, {} sessions, \
         {} compared again",
        started.elapsed(),
        ledger.len(),
        ledger.acked(),
        ledger.lost_answers,
        auditor.sessions,
        auditor.compared,
    );
    let answers = Answers {
        acked: ledger.acked() as u64,
        lost: ledger.lost_answers,
    };
    assert_eq!(server.stop(), Some(0));
    answers
}

/// Compares all stored events with all answers.
fn check(scene: &mut Scene, caller: &Caller, killed: u64) {
    let ledger = scene.ledger.get_mut().unwrap();
    let faults = ledger.faults(&everything(caller));
    let first = faults.iter().take(5).cloned().collect::<Vec<_>>();
    assert!(
        faults.is_empty(),
        "after {killed} kills, {} of {} events are wrong:\n{}",
        faults.len(),
        ledger.len(),
        first.join("\n")
    );
}

/// Checks that a kill leaves nothing that a server would log as an error.
fn look_at_log(env: &TestEnv) {
    let log = fs::read_to_string(env.path("server.log")).unwrap();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}
