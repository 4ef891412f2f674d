//! What people read at the moments that stop them: the message says what happened, and what to do next.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::env::{Server, TestEnv, bx, events, value};
use crate::proxy::{Behaviour, Proxy};

const DAY: [&str; 2] = ["--day", "2017-07-24"];

fn with_events(count: usize, filler: usize) -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), events(count, filler)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    (env, server)
}

#[test]
fn a_download_says_what_it_brought() {
    let (env, _server) = with_events(1_734, 10);
    let args = [&["download", "-o", "audit.json.gz", "--verify"][..], &DAY].concat();
    let ran = env.run(&args);
    let bytes = fs::metadata(env.path("audit.json.gz")).unwrap().len();
    let kib = bytes as f64 / 1024.0;
    let line = ran
        .stderr
        .lines()
        .find(|line| line.contains("1,734 events"))
        .unwrap_or_else(|| panic!("{}", ran.stderr));
    let rest = line
        .strip_prefix("audit.json.gz: 1,734 events of 2017-07-24, ")
        .unwrap();
    let (size, receipt) = rest.split_once(". ").unwrap();
    assert_eq!(receipt, "Receipt: audit.json.gz.receipt");
    let said: f64 = size.strip_suffix(" KiB").unwrap().parse().unwrap();
    assert!((said - kib).abs() < 1.0, "{said} {kib}");
    assert!(
        ran.stderr.ends_with("Download completed successfully\n"),
        "{}",
        ran.stderr
    );
    ran.ok();
    // The original's spelling says what the original said.
    let day = "-s 2017-07-24 -e 2017-07-24";
    let id = bx(&env, &format!("cf at session create {day}"), b"").ok();
    let id = value(&id, "id");
    let said = bx(&env, &format!("cf at download -o events.log {id}"), b"").stderr;
    assert!(!said.contains("1,734"), "{said}");
    assert!(
        said.ends_with("\nDownload completed successfully\n"),
        "{said}"
    );
}

#[test]
fn a_download_of_nothing_warns() {
    let (env, _server) = with_events(1, 0);
    let args = [
        "download",
        "-q",
        "-o",
        "none.gz",
        "-s",
        "2016-01-01",
        "-e",
        "2016-01-02",
    ];
    let ran = env.run(&args);
    assert_eq!(
        ran.stderr,
        "warning: none.gz: there is no event of 2016-01-01 to 2016-01-02\n"
    );
    ran.ok();
    // The control.
    let ran = env.run(&[&["download", "-q", "-o", "one.gz"][..], &DAY].concat());
    assert_eq!(ran.stderr, "");
}

#[test]
fn an_interrupted_download_says_how_far_it_is_and_what_to_do() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(3_000, 1_000)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    let args = [&["download", "-o", "F"][..], &DAY].concat();
    proxy.always(Behaviour {
        rate: Some(400_000),
        ..Behaviour::default()
    });
    let child = env.command(&args).stderr(Stdio::piped()).spawn().unwrap();
    let part = || fs::metadata(env.path("F.part")).map_or(0, |part| part.len());
    while part() < 300_000 {
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8(output.stderr).unwrap();
    let last = said.lines().last().unwrap();
    let percent = last
        .strip_prefix("interrupted at ")
        .and_then(|rest| rest.strip_suffix(" %; run the same command again to resume"))
        .unwrap_or_else(|| panic!("{said}"));
    assert!(
        (1..100).contains(&percent.parse::<u32>().unwrap()),
        "{said}"
    );
    proxy.always(Behaviour::default());
    let again = env.run(&args);
    assert!(again.stderr.contains("resuming from"), "{}", again.stderr);
    again.ok();
}

#[test]
fn a_broken_connection_says_where_it_broke() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(3_000, 1_000)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    let create = [&["session", "create", "-q"][..], &DAY].concat();
    let id = env.run(&create).ok();
    let mut count = 0;
    proxy.set(move || {
        count += 1;
        Behaviour {
            cut_after: (count == 1).then_some(1_500_000),
            ..Behaviour::default()
        }
    });
    let ran = env.run(&["download", "-o", "F", id.trim()]);
    let line = ran
        .stderr
        .lines()
        .find(|line| line.ends_with("; trying again"));
    let line = line.unwrap_or_else(|| panic!("{}", ran.stderr));
    assert!(line.starts_with("the connection broke at 1."), "{line}");
    assert!(line.contains(" of ") && line.contains(" MiB"), "{line}");
    assert!(!ran.stderr.contains("end of file"), "{}", ran.stderr);
    ran.ok();
}

#[test]
fn a_file_that_is_not_there_is_no_missing_receipt() {
    let env = TestEnv::new();
    let ran = env.run(&["verify", "nofile.gz"]);
    assert!(
        ran.stdout.contains("there is no file nofile.gz"),
        "{}",
        ran.stdout
    );
    let said = ran.fails(3);
    assert!(
        !said.contains("receipt") && !said.contains("Verifying"),
        "{said}"
    );
    let prove = ["prove", "nofile.gz", "--line", "1"];
    assert_eq!(
        env.run(&prove).fails(3),
        "error: there is no file nofile.gz\nhint: check the path\n"
    );
    let proof = env.run(&["verify", "--proof", "nofile"]).fails(3);
    assert!(
        proof.contains("there is no file nofile") && !proof.contains("receipt"),
        "{proof}"
    );
    // The control: a file without its receipt.
    fs::write(env.path("file.gz"), "x").unwrap();
    let ran = env.run(&["verify", "file.gz"]);
    let missing = "there is no file file.gz.receipt";
    assert!(ran.stdout.contains(missing), "{}", ran.stdout);
    let said = ran.fails(3);
    assert!(said.contains("--receipt names another"), "{said}");
    let said = env.run(&["prove", "file.gz", "--line", "1"]).fails(3);
    assert!(
        said.contains(missing) && said.contains("--receipt names another"),
        "{said}"
    );
}

#[test]
fn every_command_says_alike_that_a_path_is_not_there() {
    let env = TestEnv::new();
    let there = "nothing/that/is/there";
    let commands: [(&[&str], i32); 9] = [
        (&["import", there, "--dry-run"], 1),
        (&["import", "cloudtrail", there, "--dry-run"], 1),
        (
            &[
                "import",
                "cloudtrail",
                ".",
                "--verify-digests",
                "--public-keys",
                there,
                "--dry-run",
            ],
            1,
        ),
        (&["search", "a", "--file", there], 1),
        (&["sources", "test", "-t", "auto", there], 1),
        (&["sources", "list", "--config", there], 2),
        (&["prove", there, "--line", "1"], 3),
        (&["verify", "--proof", there], 3),
        (
            &["login", "-a", "http://127.0.0.1:1", "--api-key-file", there],
            1,
        ),
    ];
    for (args, exit) in commands {
        let said = env.run(args).fails(exit);
        let wanted = format!("error: there is no file {there}\nhint: ");
        assert!(said.contains(&wanted), "{args:?}: {said}");
    }
    // The control: a directory is there, and no file.
    let said = env.run(&["sources", "test", "-t", "auto", "."]).fails(1);
    assert_eq!(said, "error: . is a directory\nhint: name a file in it\n");
}

#[test]
fn a_full_output_has_no_advice_about_downloads() {
    let (env, _server) = with_events(1, 0);
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let output = env
        .command(&["status"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.starts_with("error: could not write to standard output"),
        "{said}"
    );
    assert!(!said.contains("hint"), "{said}");
}

#[test]
fn a_download_that_cannot_begin_leaves_no_session() {
    let (env, _server) = with_events(1, 0);
    let sessions = || {
        env.run(&["session", "list", "--format", "jsonl"])
            .ok()
            .lines()
            .count()
    };
    // The record of what begins cannot be written: its temporary name is longer than a file system takes. A full disk
    // fails at the same place.
    let name = "F".repeat(245);
    let download = |name: &str| env.run(&[&["download", "-q", "-o", name][..], &DAY].concat());
    for _ in 0..3 {
        let said = download(&name).fails(1);
        assert!(said.contains("could not begin"), "{said}");
        assert_eq!(sessions(), 0);
    }
    assert!(!env.path(&name).exists());
    download("F").ok();
    assert_eq!(sessions(), 0);
}

#[test]
fn a_proof_has_no_other_format() {
    let (env, _server) = with_events(2, 0);
    env.run(&[&["download", "-q", "-o", "F"][..], &DAY].concat())
        .ok();
    let prove = ["prove", "F", "--line", "1"];
    env.run(&prove).ok();
    let said = env
        .run(&[&prove[..], &["--format", "json"]].concat())
        .fails(2);
    assert!(said.contains("--format cannot be used"), "{said}");
}
