//! The care of the index.

use std::fs;
use std::path::{Path, PathBuf};

use super::{found, sample, search};
use crate::env::{Server, TestEnv};

const TIMES: [&str; 4] = ["-s", "2017-07-22", "-e", "2017-07-26"];

/// Returns the files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => all.extend(files(&entry.path())),
            false => all.push(entry.path()),
        }
    }
    all.sort_unstable();
    all
}

#[test]
fn an_operator_rebuilds_and_verifies_the_index() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), sample(71, 500)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    env.run(&["session", "create", "-q", "-s", "2017-07-22"])
        .ok();
    let before = found(&env, &[&["actor:ann", "--all"][..], &TIMES].concat());
    assert!(before.len() > 50);
    env.run(&["admin", "index", "rebuild"]).ok();
    let ran = env.run(&["admin", "index", "verify"]);
    assert!(ran.stderr.contains("sound files of the index: "), "{ran:?}");
    assert_eq!(ran.ok(), "");
    let made = files(&env.path("data/index"));
    let made: Vec<_> = made
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "parquet"))
        .collect();
    assert!(!made.is_empty(), "{:?}", files(&env.path("data")));
    // Damage is found, does not change an answer, and is mended.
    let mut bytes = fs::read(made[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(made[0], bytes).unwrap();
    let ran = env.run(&["admin", "index", "verify", "--format", "jsonl"]);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    let row: serde_json::Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    let name = made[0].file_name().unwrap().to_str().unwrap();
    assert!(row["path"].as_str().unwrap().ends_with(name), "{row}");
    ran.fails(1);
    let after = found(&env, &[&["actor:ann", "--all"][..], &TIMES].concat());
    assert_eq!(after, before);
    env.run(&["admin", "index", "rebuild"]).ok();
    env.run(&["admin", "index", "verify"]).ok();
    // Nobody else does that.
    env.run_with(
        &["admin", "user", "create", "bob", "--password-stdin"],
        b"a long password of bob\n",
    )
    .ok();
    env.run(&[
        "admin",
        "role",
        "create",
        "--user",
        "bob",
        "--role",
        "owner",
        "--account",
        "default",
    ])
    .ok();
    let address = server.address.to_string();
    env.run_with(
        &["login", "-a", &address, "-u", "bob", "--password-stdin"],
        b"a long password of bob\n",
    )
    .ok();
    env.run(&["admin", "index", "verify"]).fails(4);
    drop(server);
    search(&env, &TIMES).fails(5);
}
