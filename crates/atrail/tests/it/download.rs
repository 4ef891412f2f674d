//! The behaviour of `download` besides fetching.

use std::fs;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::env::{Server, TestEnv, events};

const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

fn ready() -> (TestEnv, Server, String) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), events(500, 100)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    let id = env
        .run(&[&["session", "create", "-q"][..], &DAY].concat())
        .ok();
    (env, server, id.trim().to_owned())
}

#[test]
fn a_file_that_is_there_is_known_or_left_alone() {
    let (env, _server, id) = ready();
    let download = ["download", "-o", "F", &id];
    env.run(&download).ok();
    let bytes = fs::read(env.path("F")).unwrap();
    let again = env.run(&download);
    assert!(
        again.stderr.contains("already complete"),
        "{}",
        again.stderr
    );
    again.ok();

    fs::write(env.path("F"), "something else").unwrap();
    let said = env.run(&download).fails(1);
    assert!(said.contains("choose another -o, or --force"), "{said}");
    assert!(
        said.contains(&format!("says that it is session {id}")),
        "{said}"
    );
    assert_eq!(fs::read(env.path("F")).unwrap(), b"something else");
    env.run(&["download", "--force", "-o", "F", &id]).ok();
    assert_eq!(fs::read(env.path("F")).unwrap(), bytes);
    assert!(!env.path("F.part").exists() && !env.path("F.part.json").exists());
}

#[test]
fn a_file_that_is_another_session_is_named_with_what_it_is() {
    let (env, _server, id) = ready();
    env.run(&["download", "-o", "F", &id]).ok();
    let bytes = fs::read(env.path("F")).unwrap();
    let create = [
        &["session", "create", "-q"][..],
        &["-s", "2017-07-23", "-e", "2017-07-23"],
    ];
    let other = env.run(&create.concat()).ok();
    for download in [
        &["download", "-o", "F", other.trim()][..],
        &[
            "download",
            "-o",
            "F",
            "-s",
            "2017-07-23",
            "-e",
            "2017-07-23",
        ],
        &["download", "-o", "F", "--as", "csv", other.trim()],
    ] {
        let said = env.run(download).fails(1);
        assert!(
            said.contains("F exists: choose another -o, or --force to replace it"),
            "{said}"
        );
        let what = format!("F.receipt says that it is session {id}, 2017-07-24 to 2017-07-24");
        assert!(said.contains(&what), "{said}");
    }
    fs::remove_file(env.path("F.receipt")).unwrap();
    let said = env.run(&["download", "-o", "F", other.trim()]).fails(1);
    let what = format!(
        "it has {} bytes, and no receipt says what it is",
        bytes.len()
    );
    assert!(said.contains(&what), "{said}");
    // The message also names a receipt without a file.
    fs::write(env.path("G.receipt"), "mine").unwrap();
    let said = env.run(&["download", "-o", "G", &id]).fails(1);
    assert!(
        said.contains("G.receipt exists: choose another -o or --receipt")
            && said.contains("it is not a receipt"),
        "{said}"
    );
    assert_eq!(fs::read(env.path("F")).unwrap(), bytes);
}

#[test]
fn a_foreign_part_is_left_alone() {
    let (env, _server, id) = ready();
    fs::write(env.path("F.part"), "mine").unwrap();
    let download = ["download", "-o", "F", &id];
    env.run(&download).fails(1);
    assert_eq!(fs::read(env.path("F.part")).unwrap(), b"mine");
    env.run(&["download", "--force", "-o", "F", &id]).ok();
}

#[test]
fn days_make_a_session_and_end_it() {
    let (env, _server, _) = ready();
    let before = env.run(&["session", "list", "--format", "jsonl"]).ok();
    env.run(&[&["download", "-o", "F"][..], &DAY].concat()).ok();
    let after = env.run(&["session", "list", "--format", "jsonl"]).ok();
    assert_eq!(before.lines().count(), after.lines().count());
    let again = [&["download", "-o", "F"][..], &DAY].concat();
    env.run(&again).fails(1);
}

#[test]
fn standard_output_gets_the_same_bytes() {
    let (env, _server, id) = ready();
    env.run(&["download", "-o", "F", &id]).ok();
    for args in [&["download", &id][..], &["download", "-o", "-", &id]] {
        let output = env.command(args).output().unwrap();
        assert!(output.status.success());
        assert_eq!(output.stdout, fs::read(env.path("F")).unwrap());
    }
    let mut text = String::new();
    let gzip = fs::read(env.path("F")).unwrap();
    MultiGzDecoder::new(&gzip[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.lines().count(), 500);
}

#[test]
fn no_events_are_a_download_too() {
    let (env, _server, _) = ready();
    env.run(&[
        "download",
        "-o",
        "F",
        "-s",
        "2016-01-01",
        "-e",
        "2016-01-01",
    ])
    .ok();
    let gzip = fs::read(env.path("F")).unwrap();
    let mut text = String::new();
    MultiGzDecoder::new(&gzip[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "");
}

#[test]
fn two_processes_do_not_write_one_file() {
    let (env, server, id) = ready();
    let proxy = crate::proxy::Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    proxy.always(crate::proxy::Behaviour {
        rate: Some(40_000),
        ..crate::proxy::Behaviour::default()
    });
    let download = ["download", "-o", "F", &id];
    let mut first = env
        .command(&download)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !env.path("F.part.json").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let said = env.run(&download).fails(1);
    assert!(said.contains("another process is writing"), "{said}");
    assert!(first.wait().unwrap().success());
}

#[test]
fn an_interrupted_download_of_days_goes_on_with_its_session() {
    let (env, server, _) = ready();
    let proxy = crate::proxy::Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    proxy.always(crate::proxy::Behaviour {
        rate: Some(40_000),
        ..crate::proxy::Behaviour::default()
    });
    let download = [&["download", "-o", "F"][..], &DAY].concat();
    let mut child = env
        .command(&download)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while fs::metadata(env.path("F.part")).map_or(0, |part| part.len()) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    proxy.always(crate::proxy::Behaviour::default());
    let sessions = || {
        env.run(&["session", "list", "--format", "jsonl"])
            .ok()
            .lines()
            .count()
    };
    assert_eq!(sessions(), 2, "its own is kept for the next run");
    let other = [
        "download",
        "-o",
        "F",
        "-s",
        "2017-07-23",
        "-e",
        "2017-07-24",
    ];
    env.run(&other).fails(1);
    let ran = env.run(&download);
    assert!(ran.stderr.contains("resuming from"), "{}", ran.stderr);
    ran.ok();
    assert_eq!(sessions(), 1);
}
