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
fn released(fixture: &str) -> (TestEnv, Server) {
    let env = TestEnv::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/released");
    unpack(&fixtures.join(fixture), &env.path("."));
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
    let (env, _server) = released("0.1.0");

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
    let (env, server) = released("0.1.0");

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

/// Events of a day, of the targeted space or of the account.
fn counted(env: &TestEnv, day: &str, more: &[&str]) -> u64 {
    let mut args = vec!["status", "-s", day, "-e", day, "--format", "json"];
    args.extend(more);
    let days: Value = serde_json::from_str(&env.run(&args).ok()).unwrap();
    days[0]["count"].as_u64().unwrap_or(0)
}

#[test]
fn an_old_log_of_several_domains_is_replayed_by_the_watermark_of_each() {
    let (env, mut server) = released("0.1.0-three-domains");
    let counts = |env: &TestEnv| {
        ["2026-11-20", "2026-11-21"].map(|day| {
            let of_space = |space| {
                env.run(&["target", "-o", "default", "-s", space]).ok();
                counted(env, day, &[])
            };
            [
                of_space("lab"),
                of_space("default"),
                counted(env, day, &["-a"]),
            ]
        })
    };
    let expected = [[25, 30, 75], [11, 7, 23]];
    assert_eq!(counts(&env), expected);

    // Also after another crash, by when one of the domains is sealed in the new catalog.
    let download = [
        "download",
        "-s",
        "2026-11-20",
        "-e",
        "2026-11-21",
        "-o",
        "now.json.gz",
    ];
    env.run(&download).ok();
    server.crash_and_restart(&env);
    assert_eq!(counts(&env), expected);

    let told = env.run(&[
        "verify",
        "now.json.gz",
        "-s",
        "2026-11-20",
        "-e",
        "2026-11-21",
        "--since",
        "earlier.json.gz.receipt",
    ]);
    let told = told.ok();
    assert!(
        told.starts_with("OK") && told.contains("37 events"),
        "{told}"
    );
    let ids = |file| -> Vec<String> {
        let lines = lines_of(&env.path(file));
        lines.iter().map(|line| id_of(line)).collect()
    };
    let (before, now) = (ids("earlier.json.gz"), ids("now.json.gz"));
    assert_eq!((before.len(), now.len()), (30, 37));
    assert!(before.iter().all(|id| now.contains(id)));

    let mut whole = download.to_vec();
    whole[6] = "whole.json.gz";
    whole.push("-a");
    env.run(&whole).ok();
    let mut all = ids("whole.json.gz");
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 98, "each once");
    env.run(&["admin", "scrub", "--data", "data"]).ok();
}

/// The server indexes what an earlier version stored, by itself, and a scrub finds the new files sound.
#[test]
fn an_old_directory_is_indexed() {
    for fixture in ["0.1.0", "0.1.0-three-domains"] {
        let (env, server) = released(fixture);
        let days_of = |dir: &str| {
            let files = files_below(&env.path(dir)).into_iter();
            let is_day = |part: &std::path::Component| {
                part.as_os_str().to_string_lossy().starts_with("date=")
            };
            let dirs = files.filter_map(|path| {
                let parts: Vec<_> = path.components().collect();
                let day = parts.iter().position(is_day)?;
                Some((
                    parts[day - 1].as_os_str().to_owned(),
                    parts[day].as_os_str().to_owned(),
                ))
            });
            dirs.collect::<std::collections::BTreeSet<_>>()
        };
        let sealed = days_of("data/archive");
        assert!(!sealed.is_empty(), "the control");
        let is_indexed = (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            days_of("data/index").is_superset(&sealed)
        });
        assert!(
            is_indexed,
            "{fixture}: {:?} of {sealed:?}",
            days_of("data/index")
        );
        drop(server);
        let ran = env.run(&["admin", "scrub", "--data", "data"]);
        assert!(ran.stderr.contains("everything is sound"), "{}", ran.stderr);
    }
}
