//! `atrail import`: files and directories, each event once.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::env::{Ran, Server, TestEnv, events};

/// Returns a log file of CloudTrail with these events.
pub(crate) fn records(numbers: impl IntoIterator<Item = usize>) -> String {
    let records = numbers.into_iter().map(|number| {
        json!({
            "eventVersion": "1.08", "eventID": format!("ct-{number}"), "eventTime": "2026-03-01T10:00:00Z",
            "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": "eu-west-1",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/ann", "userName": "ann"},
            "sourceIPAddress": "192.0.2.1", "userAgent": "cli",
        })
    });
    json!({"Records": records.collect::<Vec<_>>()}).to_string()
}

pub(crate) fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_ref()).unwrap();
    packed.finish().unwrap()
}

/// Returns the name of a log file as CloudTrail writes it.
pub(crate) fn log_name(region: &str, day: u32, number: usize) -> String {
    format!("1_CloudTrail_{region}_202603{day:02}T10{number:02}Z_Ab{number}.json.gz")
}

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Runs `atrail import ARGS --format json`.
pub(crate) fn import(env: &TestEnv, args: &[&str]) -> Ran {
    let mut all = vec!["import", "--format", "json"];
    all.extend(args);
    env.run(&all)
}

/// Returns members of the printed sum.
#[track_caller]
pub(crate) fn sum<const N: usize>(stdout: &str, names: [&str; N]) -> [u64; N] {
    let sum: Value =
        serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    names.map(|name| {
        sum[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {sum}"))
    })
}

pub(crate) const COUNTS: [&str; 5] = ["files", "files_known", "events", "stored", "stored_already"];

/// Returns how many events the server has, and how many of them are different.
pub(crate) fn stored(env: &TestEnv) -> (usize, usize) {
    let all = env.run(&[
        "search",
        "-s",
        "2017-01-01",
        "-e",
        "2026-12-31",
        "--all",
        "--format",
        "jsonl",
        // The server's own events are stored beside them.
        "NOT observer.name:ActivityTracker",
    ]);
    let all = all.ok();
    let ids: Vec<Value> = (all.lines())
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone())
        .collect();
    let mut different: Vec<_> = ids.iter().map(Value::to_string).collect();
    different.sort();
    different.dedup();
    (ids.len(), different.len())
}

pub(crate) fn forget_ledger(env: &TestEnv) {
    fs::remove_dir_all(env.path("home/config/atrail/imports")).unwrap();
}

#[test]
fn a_directory_twice_is_each_event_once() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    for number in 0..3 {
        let path = env.path(&format!(
            "logs/2026/03/01/{}",
            log_name("eu-west-1", 1, number)
        ));
        write(&path, gzip(records(number * 10..number * 10 + 10)));
    }
    // The same events once more, by another trail; and what holds no events.
    write(
        &env.path(&format!("logs/{}", log_name("us-east-1", 1, 9))),
        gzip(records(0..10)),
    );
    write(&env.path("logs/README.txt"), "no events");
    write(&env.path("logs/.hidden.json"), records(90..91));

    let first = import(&env, &["cloudtrail", "logs"]);
    assert!(
        first
            .stderr
            .contains("(40 cloudtrail), 10 of them stored already"),
        "{}",
        first.stderr
    );
    assert!(
        first.stderr.contains("2 files passed over"),
        "{}",
        first.stderr
    );
    assert_eq!(sum(&first.ok(), COUNTS), [4, 0, 40, 30, 10]);
    // The ledger knows them all; then what was moved, and what was packed anew.
    assert_eq!(
        sum(&import(&env, &["cloudtrail", "logs"]).ok(), COUNTS),
        [4, 4, 40, 0, 40]
    );
    fs::rename(env.path("logs"), env.path("moved")).unwrap();
    write(&env.path("moved/plain.json"), records(0..10));
    let moved = import(&env, &["moved", "-t", "CloudTrail"]).ok();
    assert_eq!(sum(&moved, COUNTS), [5, 5, 50, 0, 50]);
    // Without the ledger, and past it, the server knows the events.
    assert_eq!(
        sum(
            &import(&env, &["cloudtrail", "moved", "--again"]).ok(),
            COUNTS
        ),
        [5, 0, 50, 0, 50]
    );
    forget_ledger(&env);
    assert_eq!(
        sum(&import(&env, &["cloudtrail", "moved"]).ok(), COUNTS),
        [5, 0, 50, 0, 50]
    );
    assert_eq!(stored(&env), (30, 30));

    // To another place, nothing was imported yet.
    let account = import(&env, &["cloudtrail", "moved", "-a"]).ok();
    assert_eq!(sum(&account, COUNTS), [5, 0, 50, 30, 20]);
}

#[test]
fn days_and_single_files_are_chosen_and_a_dry_run_needs_no_server() {
    let env = TestEnv::new();
    for day in 1..4 {
        let name = log_name("eu-west-1", day, 0);
        write(
            &env.path(&format!("logs/{name}")),
            gzip(records([day as usize])),
        );
    }
    let since = import(
        &env,
        &["cloudtrail", "logs", "--since", "2026-03-02", "--dry-run"],
    );
    assert!(
        since.stderr.contains("2 events would be imported"),
        "{}",
        since.stderr
    );
    assert_eq!(sum(&since.ok(), ["files", "events", "stored"]), [2, 2, 0]);
    // A file that is named is read whatever its name.
    write(&env.path("anything"), records(0..4));
    let named = import(&env, &["anything", "--dry-run"]);
    assert!(named.stderr.contains("(4 cloudtrail)"), "{}", named.stderr);
    assert_eq!(sum(&named.ok(), ["files", "events"]), [1, 4]);
    let piped = ["import", "--format", "json", "cloudtrail", "-", "--dry-run"];
    let piped = env.run_with(&piped, records(0..5).as_bytes()).ok();
    assert_eq!(sum(&piped, ["files", "events"]), [1, 5]);
    assert!(!env.path("home/config/atrail/imports").exists());

    for (args, words) in [
        (&["import"][..], "required"),
        (&["import", "cloudtrail"][..], "no path is given"),
        (
            &["import", "kubernetes", "x", "--verify-digests"][..],
            "only CloudTrail has digest files",
        ),
        (&["import", "x", "--unverified"][..], "--verify-digests"),
        (&["import", "s3://a@b/c"][..], "names no bucket"),
        (
            &["import", "x", "--sqs", "http://127.0.0.1:1/1/q"][..],
            "takes no path",
        ),
    ] {
        let refused = env.run(args).fails(2);
        assert!(refused.contains(words), "{args:?}: {refused}");
    }
    let absent = env.run(&["import", "nowhere", "--dry-run"]).fails(1);
    assert!(absent.contains("there is no file nowhere"), "{absent}");
}

#[test]
fn every_format_is_imported_and_events_without_id_or_time_stay_the_same() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let kubernetes = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","verb":"get","user":{"username":"eve"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200},"stageTimestamp":"2026-03-01T10:00:00Z"}"#;
    write(&env.path("mixed/audit.log"), kubernetes);
    write(&env.path("mixed/cadf.ndjson.gz"), gzip(events(20, 10)));
    let bare = r#"{"eventTime":"2026-03-01T10:00:00Z","action":"read","outcome":"success","initiatorId":"i","targetId":"t"}"#;
    write(&env.path("mixed/bare.json"), format!("{bare}\n{bare}\n"));
    write(
        &env.path("mixed/timeless.json"),
        r#"{"user":"ann","action":"left"}"#,
    );
    let first = import(&env, &["mixed"]);
    assert!(first.stderr.contains("1 kubernetes"), "{}", first.stderr);
    assert_eq!(sum(&first.ok(), COUNTS), [4, 0, 24, 24, 0]);
    forget_ledger(&env);
    assert_eq!(
        sum(&import(&env, &["auto", "mixed"]).ok(), COUNTS),
        [4, 0, 24, 0, 24]
    );
}

#[test]
fn what_cannot_be_read_is_named_and_costs_nothing_else() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let whole = gzip(records(0..500));
    write(&env.path("logs/a_cut.json.gz"), &whole[..whole.len() / 2]);
    write(&env.path("logs/b_binary.json"), b"{\"Records\":[\0\0\0]}");
    let good = records(0..3);
    write(
        &env.path("logs/c_broken.json"),
        good.replace("\"ct-1\"", "\"ct-1"),
    );
    write(&env.path("logs/d_good.json"), records(10..15));
    std::os::unix::fs::symlink("nowhere", env.path("logs/e_link.json")).unwrap();
    let ran = import(&env, &["cloudtrail", "logs"]);
    for words in [
        "a_cut.json.gz: it could not be read",
        "b_binary.json: it is no text",
        "c_broken.json: line 1: refused: ",
        "e_link.json: it could not be read: No such file",
        "hint: the lines above name each",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    let [files, failed, refused, events] =
        sum(&ran.stdout, ["files", "files_failed", "refused", "events"]);
    assert_eq!((files, failed), (2, 3));
    assert!(refused > 0 && events >= 5, "{}", ran.stdout);
    ran.fails(1);
    // What was refused is known, and stays a failure.
    let again = import(&env, &["cloudtrail", "logs"]);
    assert!(
        again
            .stderr
            .contains("c_broken.json: imported before, but for"),
        "{}",
        again.stderr
    );
    assert_eq!(
        sum(&again.stdout, ["files_known", "refused", "stored"]),
        [2, refused, 0]
    );
    again.fails(1);
}

#[test]
fn a_killed_import_goes_on() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    // More than one request, and standard input behind them that never ends: the kill comes in the middle for sure.
    for number in 0..5 {
        let path = env.path(&format!("logs/{number}.json"));
        write(&path, records(number * 900..(number + 1) * 900));
    }
    let mut child = env
        .command(&["import", "cloudtrail", "logs", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let recorded = || {
        let dir = fs::read_dir(env.path("home/config/atrail/imports"));
        let files = dir.into_iter().flatten().flatten();
        files
            .map(|file| file.metadata().unwrap().len() / 32)
            .sum::<u64>()
    };
    while recorded() < 2 {
        assert!(child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The control: it had not finished.
    assert!(recorded() < 11, "{}", recorded());
    let [files, known, events] = sum(
        &import(&env, &["cloudtrail", "logs"]).ok(),
        ["files", "files_known", "events"],
    );
    assert_eq!((files, events), (5, 4_500));
    assert!(known > 0 && known < 5, "{known}");
    assert_eq!(stored(&env), (4_500, 4_500));
}

#[test]
fn a_server_that_goes_away_leaves_the_rest_for_the_next_run() {
    let env = TestEnv::new();
    let mut server = Server::start(&env);
    env.log_in(&server);
    write(&env.path("logs/1.json"), records(0..10));
    server.kill();
    let stopped = import(&env, &["cloudtrail", "logs"]).fails(5);
    assert!(stopped.contains("error: "), "{stopped}");
    server.start_again(&env, &[]);
    assert_eq!(
        sum(&import(&env, &["cloudtrail", "logs"]).ok(), COUNTS),
        [1, 0, 10, 10, 0]
    );
}

#[test]
fn the_real_history_twice() {
    let history =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/cloudtrail/invictus-ir");
    if !history.exists() {
        println!("SKIPPED: {} is not there", history.display());
        return;
    }
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let history = history.to_str().unwrap();
    let first = import(&env, &["cloudtrail", history]).ok();
    let [files, events, stored_now, already, refused] = sum(
        &first,
        ["files", "events", "stored", "stored_already", "refused"],
    );
    assert!(
        files > 10 && events > 1_000 && stored_now + already == events,
        "{first}"
    );
    assert_eq!(refused, 0);
    let (all, different) = stored(&env);
    assert_eq!((all as u64, different as u64), (stored_now, stored_now));
    // By the ledger, and by the server.
    for _ in 0..2 {
        let again = import(&env, &["cloudtrail", history]).ok();
        let counts = sum(
            &again,
            ["files", "events", "stored", "stored_already", "refused"],
        );
        assert_eq!(counts, [files, events, 0, events, 0]);
        forget_ledger(&env);
    }
    assert_eq!(stored(&env), (all, different));
}
