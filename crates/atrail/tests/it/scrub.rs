//! `atrail admin scrub`: finds each kind of damage, and reports nothing else.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::damage::{files_below, flip};
use crate::env::{Server, TestEnv, events};

/// A server with 24 sealed objects, and unsealed events.
struct Fixture {
    env: TestEnv,
    server: Server,
    objects: Vec<PathBuf>,
}

impl Fixture {
    fn new() -> Self {
        let env = TestEnv::new();
        let server = Server::start(&env);
        env.log_in(&server);
        env.run_with(&["trail", "-q"], events(48, 100).as_bytes())
            .ok();
        env.run(&[
            "session",
            "create",
            "-s",
            "2017-07-24",
            "-e",
            "2017-07-24",
            "-q",
        ])
        .ok();
        for round in ["one-", "two-", "three-"] {
            let more = events(5, 100).replace("event-", round);
            env.run_with(&["trail", "-q"], more.as_bytes()).ok();
        }
        let objects = files_below(&env.path("data/archive"));
        assert_eq!(objects.len(), 24);
        Self {
            env,
            server,
            objects,
        }
    }

    /// Returns the paths and texts of the faults that scrub finds.
    #[track_caller]
    fn finds(&self) -> Vec<(String, String)> {
        finds(&self.env)
    }

    fn name(&self, object: usize) -> String {
        let path = self.objects[object].strip_prefix(self.env.path("data"));
        path.unwrap().to_str().unwrap().to_owned()
    }
}

#[track_caller]
fn finds(env: &TestEnv) -> Vec<(String, String)> {
    let ran = env.run(&["admin", "scrub", "--data", "data", "--format", "json"]);
    let rows: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        ran.code,
        i32::from(!rows.is_empty()),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| (text(&row["path"]), text(&row["what"])))
        .collect()
}

#[test]
fn what_is_sound_is_sound_with_and_without_a_server() {
    let fixture = Fixture::new();
    assert_eq!(fixture.finds(), []);
    let ran = fixture
        .env
        .run(&["admin", "scrub", "--data", "data", "--rate", "100"]);
    assert!(
        ran.stderr.contains("24 objects") && ran.stderr.contains("48 sound events"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("everything is sound"), "{}", ran.stderr);
    assert_eq!(ran.ok(), "");
    let Fixture { env, server, .. } = fixture;
    assert_eq!(server.stop(), Some(0));
    assert_eq!(finds(&env), []);
    // Scrub has changed nothing for the next start.
    let server = Server::start(&env);
    env.log_in(&server);
    let counted = env
        .run(&["status", "-s", "2017-07-24", "--format", "json"])
        .ok();
    assert!(counted.contains("63"), "{counted}");
}

#[test]
fn damage_of_objects_is_found_beside_a_server_and_named() {
    let fixture = Fixture::new();
    let objects = &fixture.objects;
    flip(&objects[3]);
    let cut = fs::read(&objects[5]).unwrap();
    fs::write(&objects[5], &cut[..cut.len() / 2]).unwrap();
    fs::remove_file(&objects[7]).unwrap();
    // A complete and sound object in the wrong place.
    fs::copy(&objects[10], &objects[9]).unwrap();
    fs::write(fixture.env.path("data/archive/stranger.txt"), "hello").unwrap();
    let unfinished = format!("{}#2", objects[11].display());
    fs::copy(&objects[11], fixture.env.path(&unfinished)).unwrap();
    let copied = objects[12].with_file_name("01010101-0101-7101-8101-010101010101.ndjson.gz");
    fs::copy(&objects[12], copied).unwrap();

    let found = fixture.finds();
    let what = |path: &str| {
        let hit: Vec<_> = found.iter().filter(|(at, _)| at == path).collect();
        assert_eq!(hit.len(), 1, "{path}: {found:?}");
        hit[0].1.clone()
    };
    assert!(what(&fixture.name(3)).contains("SHA-256"));
    assert!(what(&fixture.name(5)).contains("bytes, the catalog says"));
    assert_eq!(what(&fixture.name(7)), "its file is missing");
    let elsewhere = what(&fixture.name(9));
    assert!(
        elsewhere.contains("another place for its events"),
        "{elsewhere}"
    );
    assert!(
        elsewhere.contains("not those of the catalog"),
        "{elsewhere}"
    );
    assert!(what("archive/stranger.txt").contains("does not know"));
    // Scrub recognizes an unfinished write by its name, and does not report the object itself as damaged.
    assert!(
        found
            .iter()
            .any(|(path, _)| path.contains("01010101-0101-7101")),
        "{found:?}"
    );
    let table = fixture.env.run(&["admin", "scrub", "--data", "data"]);
    for part in [fixture.name(3).as_str(), "2017-07-24", "| 03", "space-"] {
        assert!(table.stdout.contains(part), "{part}: {}", table.stdout);
    }
    assert!(table.fails(1).contains("faults found: "));
    // The server continues: it accepts a new event and counts the sound ones.
    fixture
        .env
        .run_with(&["trail", "-q"], events(1, 10).as_bytes())
        .ok();
}

#[test]
fn damage_of_the_log_and_of_the_catalog_is_found() {
    let Fixture { env, server, .. } = Fixture::new();
    drop(server);
    assert_eq!(finds(&env), []);
    let log = files_below(&env.path("data/wal")).pop().unwrap();
    let sound = fs::read(&log).unwrap();
    let frames: Vec<_> = (0..sound.len() - 4)
        .filter(|at| &sound[*at..*at + 4] == b"ATfr")
        .collect();
    assert!(frames.len() >= 3, "{}", frames.len());
    let mut changed = sound.clone();
    changed[frames[1] + 100] ^= 1;
    fs::write(&log, &changed).unwrap();
    let found = finds(&env);
    assert_eq!(found.len(), 1);
    assert!(found[0].1.contains("durable is unreadable"), "{found:?}");
    // Nothing shows that the last frame was durable; but it is no frame either.
    let mut changed = sound.clone();
    changed[frames[frames.len() - 1] + 100] ^= 1;
    fs::write(&log, &changed).unwrap();
    let found = finds(&env);
    assert!(found[0].1.contains("are no frame"), "{found:?}");
    fs::write(&log, &sound).unwrap();
    assert_eq!(finds(&env), []);

    // A page of zeros in the middle of the catalog.
    let server = Server::start(&env);
    env.log_in(&server);
    assert_eq!(server.stop(), Some(0));
    let catalog = env.path("data/catalog.sqlite");
    let mut bytes = fs::read(&catalog).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0);
    fs::write(&catalog, bytes).unwrap();
    let ran = env.run(&["admin", "scrub", "--data", "data"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains("catalog"));

    // No catalog, no directory: scrub reports it and creates nothing.
    let said = env.run(&["admin", "scrub", "--data", "nowhere"]).fails(1);
    assert!(said.contains("nowhere/catalog.sqlite not found"), "{said}");
    assert!(!env.path("nowhere").exists());
}
