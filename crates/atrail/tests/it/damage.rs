//! A damaged object, as an auditor sees it at the command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::env::{Server, TestEnv, events};

/// Returns the files below a directory, in order.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Changes one bit in the middle of a file.
pub(crate) fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_download_stops_at_a_damaged_object_names_it_and_goes_on_when_it_is_restored() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run_with(&["trail"], events(48, 100).as_bytes()).ok();
    let session = [
        "session",
        "create",
        "-s",
        "2017-07-24",
        "-e",
        "2017-07-24",
        "-q",
    ];
    let session = env.run(&session).ok();
    let session = session.trim();
    let objects = files_below(&env.path("data/archive"));
    assert_eq!(objects.len(), 24);
    flip(&objects[7]);

    let started = Instant::now();
    let said = env.run(&["download", "-o", "out.gz", session]).fails(6);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "it does not try for ever"
    );
    let name = objects[7].file_name().unwrap().to_str().unwrap();
    for part in [name, "2017-07-24 hour 07", "restore"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!env.path("out.gz").exists());
    let log = fs::read_to_string(env.path("server.log")).unwrap();
    assert!(log.contains(name), "{log}");

    // The damage affects neither the other hours of the day nor the count.
    let others = [
        "download",
        "-s",
        "2017-07-24",
        "-e",
        "2017-07-24",
        "-T",
        "8-23",
        "--as",
        "ndjson",
    ];
    assert_eq!(env.run(&others).ok().lines().count(), 32);
    assert!(env.run(&["status", "-s", "2017-07-24"]).ok().contains("48"));

    flip(&objects[7]);
    env.run(&["download", "-o", "out.gz", session]).ok();
    let whole: Vec<u8> = objects
        .iter()
        .flat_map(|file| fs::read(file).unwrap())
        .collect();
    assert_eq!(fs::read(env.path("out.gz")).unwrap(), whole);
}
