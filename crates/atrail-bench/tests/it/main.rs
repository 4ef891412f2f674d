//! Runs the program as people do, with little work.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_atrail-bench"))
        .args(args)
        .arg("--dir")
        .arg(dir.join("bench"))
        .output()
        .unwrap()
}

/// Returns the server of the same build: `cargo test --workspace` builds it, a test of this crate alone does not.
fn server() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_BIN_EXE_atrail-bench")).with_file_name("atrail");
    path.exists().then_some(path)
}

#[test]
fn a_scenario_tells_its_figures_as_json_and_in_sentences() {
    let Some(server) = server() else {
        println!("skipped: no atrail beside atrail-bench; `cargo build` makes it");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let binary = server.to_str().unwrap();
    let output = bench(
        &["resume", "--events", "200", "--binary", binary],
        dir.path(),
    );
    let (said, told) = (
        String::from_utf8(output.stderr).unwrap(),
        String::from_utf8(output.stdout).unwrap(),
    );
    assert!(output.status.success(), "{said}");
    let figures: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(figures.len(), 2, "{told}");
    assert!(figures.iter().all(|figure| figure["scenario"] == "resume"));
    assert!(figures[0]["ratios"]["the whole at once"].as_f64() > Some(0.0));
    assert!(figures[1]["p99_ms"].as_f64() > Some(0.0));
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[test]
fn without_a_server_it_says_how_to_get_one() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nothing-here");
    let output = bench(
        &["resume", "--binary", nowhere.to_str().unwrap()],
        dir.path(),
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("nothing-here"), "{said}");
    assert!(said.contains("cargo build --release"), "{said}");
}

#[test]
fn an_unknown_scenario_is_refused_with_those_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let output = bench(&["nonsense"], dir.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("`nonsense`") && said.contains("many-domains"),
        "{said}"
    );
}
