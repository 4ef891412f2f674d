//! `download --as`: writes other formats to files and pipes.

use std::fs::{self, File};
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::env::{Server, TestEnv, events};
use crate::proxy::{Behaviour, Proxy};

const FORMATS: [&str; 4] = ["ndjson", "json", "csv", "es-bulk"];
const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

fn ready() -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), events(300, 100)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    (env, server)
}

/// Downloads to a pipe.
fn piped(env: &TestEnv, args: &[&str]) -> String {
    env.run(&[&["download"][..], &DAY, args].concat()).ok()
}

/// Returns the stored lines.
fn stored(env: &TestEnv) -> Vec<String> {
    env.run(&[&["download", "-o", "stored.gz"][..], &DAY].concat())
        .ok();
    let gzip = fs::read(env.path("stored.gz")).unwrap();
    let mut text = String::new();
    MultiGzDecoder::new(&gzip[..])
        .read_to_string(&mut text)
        .unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_pipe_gets_every_event_in_every_format() {
    let (env, _server) = ready();
    let lines = stored(&env);
    assert_eq!(lines.len(), 300);
    let ndjson = piped(&env, &["--as", "ndjson"]);
    assert!(ndjson.lines().eq(&lines));
    let json = piped(&env, &["--as", "json", "-o", "-"]);
    let values: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(values.len(), 300);
    let csv = piped(&env, &["--as", "csv"]);
    assert!(csv.starts_with("time,eventTime,id,"), "{csv}");
    assert_eq!(csv.lines().count(), 301);
    assert!(csv.contains("\r\n2017-07-24T00:00:00.000000000Z,2017-07-24T00:00:00Z,event-0,,read,"));
    let csv = piped(&env, &["--as", "csv", "--columns", "action,id"]);
    assert!(csv.starts_with("action,id\r\nread,event-0\r\n"), "{csv}");
    assert_eq!(csv.lines().count(), 301);
    let bulk = piped(&env, &["--as", "es-bulk", "--index", "audit"]);
    assert_eq!(bulk.lines().count(), 600);
    assert!(
        bulk.starts_with("{\"create\":{\"_index\":\"audit\",\"_id\":\""),
        "{bulk}"
    );
    let again = piped(&env, &["--as", "es-bulk", "--index", "audit"]);
    assert_eq!(again, bulk, "the same ids: a second run adds nothing");
}

#[test]
fn a_file_gets_the_same_bytes_and_nothing_is_left_beside_it() {
    let (env, _server) = ready();
    let before = fs::read_dir(env.path("")).unwrap().count();
    for format in FORMATS {
        piped(&env, &["--as", format, "-o", format]);
        let expected = piped(&env, &["--as", format]);
        assert_eq!(
            fs::read_to_string(env.path(format)).unwrap(),
            expected,
            "{format}"
        );
    }
    // And one receipt: only the stored lines can be verified.
    assert!(env.path("ndjson.receipt").exists());
    assert_eq!(fs::read_dir(env.path("")).unwrap().count(), before + 5);
}

#[test]
fn a_file_that_is_there_is_left_alone_unless_forced() {
    let (env, _server) = ready();
    fs::write(env.path("F"), "mine").unwrap();
    let download = [&["download", "--as", "csv", "-o", "F"][..], &DAY].concat();
    let said = env.run(&download).fails(1);
    assert!(said.contains("choose another -o, or --force"), "{said}");
    assert_eq!(fs::read(env.path("F")).unwrap(), b"mine");
    env.run(&[&download[..], &["--force"]].concat()).ok();
    assert_eq!(
        fs::read_to_string(env.path("F")).unwrap(),
        piped(&env, &["--as", "csv"])
    );
}

#[test]
fn no_events_are_an_export_too() {
    let (env, _server) = ready();
    let day = ["download", "-s", "2016-01-01", "-e", "2016-01-01", "--as"];
    for (format, lines) in [("ndjson", 0), ("json", 1), ("csv", 1), ("es-bulk", 0)] {
        let text = env.run(&[&day[..], &[format]].concat()).ok();
        assert_eq!(text.lines().count(), lines, "{format}");
    }
}

#[test]
fn an_interrupted_download_goes_on_and_is_converted_then() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(1_000, 1_000)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    let download = [&["download", "--as", "json", "-o", "F"][..], &DAY].concat();
    proxy.always(Behaviour {
        rate: Some(200_000),
        ..Behaviour::default()
    });
    let mut child = env
        .command(&download)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    child.wait().unwrap();
    let had = fs::metadata(env.path("F.part")).unwrap().len();
    assert!(had > 0 && !env.path("F").exists());

    proxy.always(Behaviour::default());
    env.run(&download).ok();
    assert_eq!(
        fs::read_to_string(env.path("F")).unwrap(),
        piped(&env, &["--as", "json"])
    );
    assert!(!env.path("F.part").exists() && !env.path("F.part.json").exists());
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let env = TestEnv::new();
    for (args, said) in [
        (&["--as", "xml"][..], "ndjson, json, csv, es-bulk"),
        (&["--index", "audit"], "--as"),
        (
            &["--as", "csv", "--index", "audit"],
            "--index cannot be used with --as csv",
        ),
        (
            &["--as", "json", "--columns", "id"],
            "--columns cannot be used with --as json",
        ),
        (&["--columns", "id"], "--as"),
        (
            &["--as", "csv", "--columns", "id,nobody"],
            "there is no column \"nobody\"; the columns are time, eventTime,",
        ),
        (&["--as", "es-bulk", "--index", "Audit"], "all lower case"),
        (&["--as", "es-bulk", "--index", "-audit"], "--index"),
        (&["--as", "es-bulk", "--index", "a b"], "no spaces"),
    ] {
        let ran = env.run(&[&["download"][..], &DAY, args].concat());
        let error = ran.fails(2);
        assert!(error.contains(said), "{args:?}: {error}");
    }
}

#[test]
fn a_full_output_is_told_and_a_closed_one_ends_quietly() {
    let (env, _server) = ready();
    for format in FORMATS {
        let mut command = env.command(&[&["download", "--as", format][..], &DAY].concat());
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{format}: {said}");
        assert!(
            said.contains("could not write to standard output"),
            "{format}: {said}"
        );

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{format}");
    }
}
