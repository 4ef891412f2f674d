//! `atrail admin backup`: copies a running server's directory; the copy serves the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::damage::{files_below, flip};
use crate::env::{Server, TestEnv, events};

const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

fn event(id: usize) -> String {
    format!(
        "{{\"id\":\"load-{id}\",\"eventTime\":\"2017-07-25T{:02}:00:00Z\",\"action\":\"a\",\"outcome\":\"success\",\
         \"initiatorId\":\"i\",\"targetId\":\"t\"}}\n",
        id % 24
    )
}

/// Returns how many times each event of the loaded day is there.
fn counted(env: &TestEnv) -> BTreeMap<String, u32> {
    let args = [
        "download",
        "-s",
        "2017-07-25",
        "-e",
        "2017-07-25",
        "--as",
        "ndjson",
    ];
    let mut counted = BTreeMap::new();
    for line in env.run(&args).ok().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        *counted
            .entry(event["id"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    counted
}

/// Restores a copy of a backup to a home of its own.
fn restored(backup: &Path) -> TestEnv {
    let env = TestEnv::new();
    let copied = Command::new("cp")
        .arg("-a")
        .arg(backup)
        .arg(env.path("data"))
        .status();
    assert!(copied.unwrap().success());
    env
}

#[track_caller]
fn is_sound(env: &TestEnv, dir: &str) {
    let ran = env.run(&["admin", "scrub", "--data", dir]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_backup_under_load_has_what_was_acknowledged_and_serves_the_same_bytes() {
    let env = TestEnv::new();
    fs::write(
        env.path("a.toml"),
        "[store]\nseal_after = \"1s\"\nseal_at = \"1MiB\"\n",
    )
    .unwrap();
    let server = Server::start_with(&env, &["--config", "a.toml"]);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(480, 500).as_bytes())
        .ok();
    let session = env
        .run(&[&["session", "create", "-q"][..], &DAY].concat())
        .ok();
    let session = session.trim();
    env.run(&["download", "-o", "before.gz", session]).ok();

    let (stop, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        // Send events of every hour, one acknowledged batch after another; make sessions, which seal; and delete, which
        // trims.
        scope.spawn(|| {
            let mut next = 0;
            while !stop.load(Ordering::SeqCst) {
                let batch: String = (next..next + 50).map(event).collect();
                env.run_with(&["trail", "-q"], batch.as_bytes()).ok();
                next += 50;
                acknowledged.store(next, Ordering::SeqCst);
            }
        });
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let made = env.run(&[
                    "session",
                    "create",
                    "-q",
                    "-s",
                    "2017-07-25",
                    "-e",
                    "2017-07-25",
                ]);
                let passing = event(0).replace("2017-07-25", "2017-07-26");
                env.run_with(&["trail", "-q"], passing.as_bytes()).ok();
                env.run(&["session", "delete", made.ok().trim()]).ok();
                env.run(&["delete", "-s", "2017-07-26", "-e", "2017-07-26", "--yes"])
                    .ok();
            }
        });
        let started = Instant::now();
        for round in 0.. {
            let before = acknowledged.load(Ordering::SeqCst);
            let backup = format!("backup{round}");
            env.run(&["admin", "backup", "--data", "data", &backup])
                .ok();
            is_sound(&env, &backup);
            // The check also reads the directory of the running server beside it.
            is_sound(&env, "data");
            let copy = restored(&env.path(&backup));
            let other = Server::start(&copy);
            copy.log_in(&other);
            copy.run(&["download", "-o", "after.gz", session]).ok();
            assert_eq!(
                fs::read(env.path("before.gz")).unwrap(),
                fs::read(copy.path("after.gz")).unwrap()
            );
            let counted = counted(&copy);
            for id in 0..before {
                assert_eq!(
                    counted.get(&format!("load-{id}")),
                    Some(&1),
                    "load-{id} of {before}"
                );
            }
            assert!(counted.values().all(|count| *count == 1));
            if round >= 1 && started.elapsed() > Duration::from_secs(6) {
                break;
            }
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert!(acknowledged.load(Ordering::SeqCst) > 0);
}

/// A restored backup brings back a key that was replaced: a client that followed the server says so, and what to do.
#[test]
fn a_key_that_came_back_with_a_backup_is_told_from_a_strange_one() {
    let env = TestEnv::new();
    let mut server = Server::start(&env);
    env.log_in(&server);
    env.run(&["trail", "-q"]).ok();
    let backup = ["admin", "backup", "--data", "data", "backup"];
    env.run(&backup).ok();
    let download =
        |name: &str| env.run(&[&["download", "-o", name, "--verify"][..], &DAY].concat());
    download("before").ok();
    env.run(&["admin", "rotate-key"]).ok();
    download("after").ok();
    server.kill();
    fs::remove_dir_all(env.path("data")).unwrap();
    let copied = Command::new("cp")
        .arg("-a")
        .arg(env.path("backup"))
        .arg(env.path("data"))
        .status();
    assert!(copied.unwrap().success());
    server.start_again(&env, &[]);
    let said = env.run(&["status"]).fails(1);
    for part in ["had replaced", "backup", "login --trust-new-key"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The control: whoever did not see the replacement sees nothing new.
    let other = TestEnv::new();
    let address = server.address.to_string();
    let login = ["login", "-a", &address, "-u", "admin", "--password-stdin"];
    let password = server.secret("password");
    other.run_with(&login, password.as_bytes()).ok();
    let again = [&login[..], &["--trust-new-key"]].concat();
    env.run_with(&again, password.as_bytes()).ok();
    download("restored").ok();
    // What was made before verifies as before.
    for file in ["before", "after", "restored"] {
        env.run(&["verify", file]).ok();
    }
}

#[test]
fn a_backup_is_private_and_can_be_brought_up_to_date() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(24, 50).as_bytes())
        .ok();
    env.run(&[&["session", "create"][..], &DAY].concat()).ok();
    let made = |args: &[&str]| {
        let all = [
            &["admin", "backup", "--data", "data", "--format", "json"],
            args,
        ]
        .concat();
        serde_json::from_str::<Value>(&env.run(&all).ok()).unwrap()
    };
    let first = made(&["b"]);
    assert_eq!(
        (&first["objects"], &first["damaged"]),
        (&24.into(), &0.into())
    );
    assert_eq!(first["copied-bytes"], first["object-bytes"]);
    let mode = |path: &str| fs::metadata(env.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("b"), mode("b/keys")), (0o700, 0o700));
    assert_eq!(
        (mode("b/catalog.sqlite"), mode("b/initial-credentials.json")),
        (0o600, 0o600)
    );
    for key in files_below(&env.path("b/keys")) {
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let said = env
        .run(&["admin", "backup", "--data", "data", "b"])
        .fails(1);
    assert!(
        said.contains("not empty") && said.contains("--update"),
        "{said}"
    );
    let said = env
        .run(&["admin", "backup", "--data", "data", "data/b"])
        .fails(1);
    assert!(!env.path("data/b").exists());
    assert!(said.contains("cannot lie in the data directory"), "{said}");
    let said = env
        .run(&["admin", "backup", "--data", "data", "--update", "home"])
        .fails(1);
    assert!(said.contains("holds no backup"), "{said}");

    // Send new events and delete an hour; change a byte of the backup, and put a foreign file into it.
    let more = events(24, 50).replace("event-", "more-");
    env.run_with(&["trail", "-q"], more.as_bytes()).ok();
    env.run(&[&["delete", "--yes", "-T", "3"][..], &DAY].concat())
        .ok();
    env.run(&[&["session", "create"][..], &DAY].concat()).ok();
    flip(&files_below(&env.path("b/archive"))[0]);
    fs::write(env.path("b/archive/stranger"), "").unwrap();
    let second = made(&["--update", "b"]);
    // Two for each of the 23 remaining hours, and the server's own records.
    assert!(second["objects"].as_u64().unwrap() >= 46, "{second}");
    let (copied, all) = (&second["copied-bytes"], &second["object-bytes"]);
    assert!(copied.as_u64() < all.as_u64(), "{second}");
    is_sound(&env, "b");
    // A backup interrupted while it swaps the log and the catalog: no server accepts it as its directory, and the next
    // backup repairs it.
    fs::create_dir(env.path("b/.incoming")).unwrap();
    fs::rename(
        env.path("b/catalog.sqlite"),
        env.path("b/.incoming/catalog.sqlite"),
    )
    .unwrap();
    let served = ["serve", "--data", "b", "--listen", "127.0.0.1:0"];
    assert!(
        env.run(&served)
            .fails(1)
            .contains("catalog.sqlite is missing")
    );
    assert_eq!(made(&["--update", "b"])["copied-bytes"], 0);
    is_sound(&env, "b");
    let copy = restored(&env.path("b"));
    let other = Server::start(&copy);
    copy.log_in(&other);
    let status = [
        "status",
        "-s",
        "2017-07-24",
        "-e",
        "2017-07-24",
        "--format",
        "json",
    ];
    // Both make their index in the background; the copy makes it anew, which a backup leaves out.
    let deadline = Instant::now() + Duration::from_secs(60);
    let of_all = |env: &TestEnv| {
        let mut said = env.run(&status).ok();
        while !said.contains(r#""searchable": "All""#) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(100));
            said = env.run(&status).ok();
        }
        said
    };
    let expected = of_all(&env);
    assert_eq!(of_all(&copy), expected);
    assert!(expected.contains("All"), "{expected}");
}

#[test]
fn damage_is_not_copied_and_does_not_stop_the_rest() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(24, 50).as_bytes())
        .ok();
    env.run(&[&["session", "create"][..], &DAY].concat()).ok();
    let objects = files_below(&env.path("data/archive"));
    flip(&objects[4]);
    fs::remove_file(&objects[6]).unwrap();
    let ran = env.run(&["admin", "backup", "--data", "data", "b"]);
    for object in [4, 6] {
        let name = objects[object].file_name().unwrap().to_str().unwrap();
        assert!(ran.stderr.contains(name), "{}", ran.stderr);
    }
    assert!(ran.fails(1).contains("2 objects are damaged"));
    assert_eq!(files_below(&env.path("b/archive")).len(), 22);
}
