//! Interrupted downloads end with the bytes of an undisturbed one.
//!
//! `ATRAIL_RESUME_ROUNDS` sets how many rounds of each kind run; the default is a short run.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::env::{Numbers, Server, TestEnv, events};
use crate::proxy::{Behaviour, Proxy};

struct Scene {
    env: TestEnv,
    server: Server,
    proxy: Proxy,
    session: String,
    whole: Vec<u8>,
}

/// Bytes per second for a download that the test interrupts: the whole takes about half a second.
const SLOW: Behaviour = Behaviour {
    cut_after: None,
    flip_at: None,
    rate: Some(16 << 20),
    answer: None,
};

impl Scene {
    fn set() -> Self {
        let env = TestEnv::new();
        let server = Server::start(&env);
        let proxy = Proxy::start(server.address);
        env.log_in_at(&server, proxy.address);
        fs::write(env.path("in.json"), events(9_000, 1_100)).unwrap();
        env.run(&["trail", "-q", "-f", "in.json"]).ok();
        let create = [
            "session",
            "create",
            "-q",
            "-s",
            "2017-07-24",
            "-e",
            "2017-07-24",
        ];
        let session = env.run(&create).ok().trim().to_owned();
        env.run(&["download", "-o", "whole", &session]).ok();
        let whole = fs::read(env.path("whole")).unwrap();
        assert!(whole.len() > 6 << 20, "{} bytes", whole.len());
        Self {
            env,
            server,
            proxy,
            session,
            whole,
        }
    }

    fn begin(&self) -> Child {
        self.env
            .command(&["download", "-o", "F", &self.session])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn wait_for_the_first_byte(&self) {
        let began = Instant::now();
        while self.part_bytes() == 0 && !self.env.path("F").exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing arrives");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn part_bytes(&self) -> u64 {
        fs::metadata(self.env.path("F.part")).map_or(0, |part| part.len())
    }

    /// Returns whether an interruption left part of the download, but not all.
    fn is_in_the_middle(&self) -> bool {
        (1..self.whole.len() as u64).contains(&self.part_bytes())
    }

    /// Finishes undisturbed, compares the bytes, and removes the files.
    fn end(&self, what: &str) {
        self.proxy.always(Behaviour::default());
        self.env.run(&["download", "-o", "F", &self.session]).ok();
        let bytes = fs::read(self.env.path("F")).unwrap();
        assert!(bytes == self.whole, "{what}: the bytes differ");
        fs::remove_file(self.env.path("F")).unwrap();
    }
}

fn rounds(default: u64) -> u64 {
    let set = std::env::var("ATRAIL_RESUME_ROUNDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn killed_clients_go_on() {
    let scene = Scene::set();
    let mut landed = 0;
    let rounds = rounds(8);
    for round in 0..rounds {
        let mut numbers = Numbers::new(round);
        scene.proxy.always(SLOW);
        for kill in 0..=numbers.below(3) {
            let mut child = scene.begin();
            let moment = Duration::from_millis(numbers.below(350));
            if kill == 0 {
                // On a busy machine no moment counted from the start is in the middle.
                scene.wait_for_the_first_byte();
            } else {
                thread::sleep(Duration::from_millis(40));
            }
            thread::sleep(moment);
            child.kill().unwrap();
            child.wait().unwrap();
            landed += u64::from(scene.is_in_the_middle());
        }
        scene.end(&format!("round {round}"));
    }
    // The control: kills that all miss would prove nothing.
    assert!(
        landed >= rounds / 2,
        "{landed} kills of {rounds} rounds landed in the middle"
    );
}

#[test]
fn a_restarted_server_is_waited_for() {
    let mut scene = Scene::set();
    let mut landed = 0;
    let rounds = rounds(4);
    for round in 0..rounds {
        let mut numbers = Numbers::new(round);
        scene.proxy.always(SLOW);
        let mut child = scene.begin();
        // Before its first byte a client gives up sooner: a user does not wait half a minute for a server that never
        // ran.
        scene.wait_for_the_first_byte();
        thread::sleep(Duration::from_millis(numbers.below(250)));
        landed += u64::from(scene.is_in_the_middle());
        scene.server.crash_and_restart(&scene.env);
        assert_eq!(child.wait().unwrap().code(), Some(0), "round {round}");
        scene.end(&format!("round {round}"));
    }
    assert!(
        landed >= rounds / 2,
        "{landed} of {rounds} restarts came in the middle"
    );
}

#[test]
fn cut_connections_are_picked_up() {
    let scene = Scene::set();
    for round in 0..rounds(8) {
        let mut numbers = Numbers::new(round);
        let mut cuts = 1 + numbers.below(4);
        let length = scene.whole.len() as u64;
        scene.proxy.set(move || {
            cuts = cuts.saturating_sub(1);
            Behaviour {
                cut_after: (cuts > 0).then(|| 5_000 + numbers.below(length / 2)),
                ..Behaviour::default()
            }
        });
        let code = scene.begin().wait().unwrap().code();
        assert_eq!(code, Some(0), "round {round}");
        scene.end(&format!("round {round}"));
    }
}

#[test]
fn a_tampered_part_is_repaired() {
    let scene = Scene::set();
    scene.proxy.always(SLOW);
    let mut child = scene.begin();
    while scene.part_bytes() < 1 << 20 {
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let path = scene.env.path("F.part");
    let mut part = fs::read(&path).unwrap();
    part[1_000] ^= 1;
    // The control: a download that continued from here unchecked would end with other bytes.
    assert!(!scene.whole.starts_with(&part));
    fs::write(&path, part).unwrap();
    scene.end("tampered");
}

#[test]
fn a_byte_changed_once_is_fetched_again() {
    let scene = Scene::set();
    scene.proxy.flips_at_most(1);
    scene.proxy.always(Behaviour {
        flip_at: Some(3 << 20),
        ..Behaviour::default()
    });
    let ran = scene.env.run(&["download", "-o", "F", &scene.session]);
    assert!(
        ran.stderr.contains("fetching it once more"),
        "{}",
        ran.stderr
    );
    ran.ok();
    // The control: this was the wrong byte.
    assert!(scene.proxy.has_flipped_all());
    scene.end("a changed byte");
}
