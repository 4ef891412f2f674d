//! Data of released versions opens, serves and verifies: one folder below `fixtures/released/` for each version.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::damage::files_below;
use crate::env::{Ran, Server, TestEnv};

/// Starts a server on the data that a killed 0.1.0 left behind, with the files downloaded from it before, and a client
/// that remembers the checkpoint of that download.
fn released() -> (TestEnv, Server) {
    let env = TestEnv::new();
    unpack(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/released/0.1.0"),
        &env.path("."),
    );
    let server = Server::start(&env);
    env.log_in(&server);
    let context = format!("127.0.0.1-{}.json", server.address.port());
    let remembered = env.path("home/config/atrail/checkpoints");
    fs::create_dir_all(&remembered).unwrap();
    fs::copy(env.path("checkpoints.json"), remembered.join(context)).unwrap();
    (env, server)
}

/// Decompresses each `FILE.gz` below `from` into the same place below `to`.
fn unpack(from: &Path, to: &Path) {
    let packed: Vec<PathBuf> = files_below(from)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "gz"))
        .collect();
    assert!(!packed.is_empty(), "no fixture below {}", from.display());
    for path in packed {
        let target = to.join(path.strip_prefix(from).unwrap().with_extension(""));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(fs::File::open(&path).unwrap())
            .read_to_end(&mut plain)
            .unwrap();
        fs::write(target, plain).unwrap();
    }
}

/// Returns the lines of a gzip file, in order.
fn lines_of(file: &Path) -> Vec<String> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(file).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text.lines().map(str::to_owned).collect()
}

fn id_of(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    event["id"].as_str().unwrap().to_owned()
}

/// Runs `verify` on a download of 2026-11-20 to 2026-11-22.
fn verify(env: &TestEnv, file: &str, more: &[&str]) -> Ran {
    let mut args = vec!["verify", file, "-s", "2026-11-20", "-e", "2026-11-22"];
    args.extend(more);
    env.run(&args)
}

#[test]
fn an_old_directory_is_counted_downloaded_and_verified_since_a_receipt_from_before() {
    let (env, _server) = released();

    let counts: Value = serde_json::from_str(
        &env.run(&[
            "status",
            "-s",
            "2026-11-20",
            "-e",
            "2026-11-22",
            "--format",
            "json",
        ])
        .ok(),
    )
    .unwrap();
    let counts: Vec<u64> = counts
        .as_array()
        .unwrap()
        .iter()
        .map(|day| day["count"].as_u64().unwrap())
        .collect();
    // 24 of the first day were deleted, and three of them sent again; nine of the second day came late, and were not
    // sealed.
    assert_eq!(counts, [75, 105, 96]);

    env.run(&[
        "download",
        "-s",
        "2026-11-20",
        "-e",
        "2026-11-22",
        "-o",
        "now.json.gz",
    ])
    .ok();
    let mut now = lines_of(&env.path("now.json.gz"));
    let mut before = lines_of(&env.path("earlier.json.gz"));
    let late: Vec<String> = now
        .iter()
        .map(|line| id_of(line))
        .filter(|id| id.starts_with("late-"))
        .collect();
    assert_eq!(late.len(), 9);
    now.retain(|line| id_of(line).starts_with("fixture-"));
    now.sort();
    // The first 24 were deleted; the first three of them came again.
    before.retain(|line| {
        let number: u32 = id_of(line)["fixture-".len()..].parse().unwrap();
        number <= 3 || number > 24
    });
    before.sort();
    assert_eq!(now, before);

    let told = verify(&env, "now.json.gz", &["--since", "earlier.json.gz.receipt"]).ok();
    assert!(told.starts_with("OK"), "{told}");
    assert!(told.contains("276 events"), "{told}");
    env.run(&["verify", "earlier.json.gz"]).ok();

    // The control: one changed word of an old download is a fault.
    let mut lines = lines_of(&env.path("earlier.json.gz"));
    lines[7] = lines[7].replace("success", "failure");
    let mut changed = GzEncoder::new(Vec::new(), Compression::default());
    changed
        .write_all((lines.join("\n") + "\n").as_bytes())
        .unwrap();
    fs::write(env.path("earlier.json.gz"), changed.finish().unwrap()).unwrap();
    env.run(&["verify", "earlier.json.gz"]).fails(1);
}

#[test]
fn an_old_directory_keeps_its_people_policies_and_objects() {
    let (env, server) = released();

    let option: Value =
        serde_json::from_str(&env.run(&["option", "--format", "json"]).ok()).unwrap();
    assert_eq!(option[0]["retention"], 36500);

    env.run(&["admin", "scrub", "--data", "data"]).ok();

    let address = server.address.to_string();
    env.run_with(
        &["login", "-a", &address, "-u", "carol", "--password-stdin"],
        b"correct horse battery",
    )
    .ok();
    env.run(&["target", "-o", "default", "-s", "lab"]).ok();
    env.run(&["status"]).ok();
    // A user who is an auditor of this space only.
    env.run(&["target", "-o", "default", "-s", "default"])
        .fails(1);
}
