//! The client alone: what needs no server in this program holds with and without it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

/// Runs the program with a state of its own.
fn atrail(state: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_atrail"))
        .args(arguments)
        .env_clear()
        .env("ATRAIL_HOME", state)
        .env("HOME", state)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_download_is_proven_without_a_server_and_a_changed_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../atrail-evidence/tests/fixtures");
    let key = std::fs::read_to_string(fixtures.join("key")).unwrap();
    for name in ["events.json.gz", "events.json.gz.receipt"] {
        std::fs::copy(fixtures.join(name), dir.path().join(name)).unwrap();
    }
    let file = dir.path().join("events.json.gz");
    let verify = || {
        let file = file.to_str().unwrap();
        atrail(dir.path(), &["verify", file, "--key", key.trim()])
    };
    let proven = verify();
    assert!(proven.status.success(), "{}", text(&proven.stderr));
    assert!(
        text(&proven.stdout).contains("OK"),
        "{}",
        text(&proven.stdout)
    );
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let refuted = verify();
    assert_eq!(refuted.status.code(), Some(1), "{}", text(&refuted.stdout));
}

#[test]
fn help_lists_what_this_program_can_do() {
    let dir = tempfile::tempdir().unwrap();
    let help = text(&atrail(dir.path(), &["--help"]).stdout);
    let admin = text(&atrail(dir.path(), &["admin", "--help"]).stdout);
    let lists = |help: &str, command: &str| {
        let mut lines = help.lines().map(str::trim_start);
        lines.any(|line| line.split_whitespace().next() == Some(command))
    };
    for command in ["login", "status", "download", "verify", "trail", "delete"] {
        assert!(lists(&help, command), "{command}: {help}");
    }
    assert!(lists(&admin, "user"), "{admin}");
    let has_server = cfg!(feature = "server");
    for (help, command) in [(&help, "serve"), (&help, "quickstart"), (&admin, "scrub")] {
        assert_eq!(lists(help, command), has_server, "{command}: {help}");
    }
}

#[test]
fn the_version_says_what_is_in_this_program() {
    let dir = tempfile::tempdir().unwrap();
    let long = text(&atrail(dir.path(), &["--version"]).stdout);
    let short = text(&atrail(dir.path(), &["-v"]).stdout);
    assert_eq!(
        short.trim_end(),
        concat!("atrail ", env!("CARGO_PKG_VERSION"))
    );
    assert!(long.starts_with(&short), "{long}");
    let features = long.lines().find(|line| line.starts_with("features: "));
    let has_server = features.unwrap().contains("server");
    assert_eq!(has_server, cfg!(feature = "server"), "{long}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody listens on a port that was just given back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let key = dir.path().join("key");
    std::fs::write(&key, "a-key").unwrap();
    let file = key.to_str().unwrap();
    let login = atrail(
        dir.path(),
        &["login", "-a", &address, "--api-key-file", file],
    );
    assert!(!login.status.success());
    let error = text(&login.stderr);
    assert!(error.contains(&address), "{error}");
}
