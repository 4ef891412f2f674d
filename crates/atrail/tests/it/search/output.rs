//! What is printed, and the exit codes.

use std::fs;

use super::{found, sample, search};
use crate::env::{TestEnv, bx};

fn with_lines(lines: &str) -> TestEnv {
    let env = TestEnv::new();
    fs::write(env.path("e.ndjson"), lines).unwrap();
    env
}

const FILE: [&str; 2] = ["--file", "e.ndjson"];

const THREE: &str = concat!(
    r#"{"id":"1","eventTime":"2017-07-24T10:00:00Z","action":"delete","outcome":"failure","initiator":{"id":"u1","name":"Ann"},"target":{"id":"=1+1","name":"a,b"}}"#,
    "\n",
    r#"{"id":"2","eventTime":"2017-07-24T12:00:00.25Z","action":"create","outcome":"success","initiatorId":"u2","targetId":"t2"}"#,
    "\n",
    r#"{"id":"3","eventTime":"2017-07-25T00:00:00+02:00","action":"delete","outcome":"success","initiator":{"name":"Ann","host":{"address":"10.0.0.1"}},"target":{"name":"t2"}}"#,
    "\n"
);

#[test]
fn formats_for_programs() {
    let env = with_lines(THREE);
    let jsonl = search(&env, &[&["--format", "jsonl"][..], &FILE].concat()).ok();
    let mut newest_first: Vec<&str> = THREE.lines().collect();
    newest_first.reverse();
    assert_eq!(jsonl.lines().collect::<Vec<_>>(), newest_first);
    assert_eq!(search(&env, &FILE).ok(), jsonl, "off a terminal");
    let json = search(&env, &[&["--format", "json"][..], &FILE].concat()).ok();
    let list: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(list.len(), 3);
    let csv = search(&env, &[&["--format", "csv"][..], &FILE].concat()).ok();
    assert_eq!(
        csv,
        "time,who,outcome,action,target,from\r\n\
         2017-07-24T22:00:00.000000000Z,Ann,success,delete,t2,10.0.0.1\r\n\
         2017-07-24T12:00:00.250000000Z,u2,success,create,t2,\r\n\
         2017-07-24T10:00:00.000000000Z,Ann,failure,delete,\"a,b\",\r\n"
    );
    let args = [&["--as", "csv", "--columns", "id,target.id"][..], &FILE].concat();
    let csv = search(&env, &args).ok();
    assert_eq!(csv, "id,target.id\r\n3,\r\n2,t2\r\n1,'=1+1\r\n");
}

#[test]
fn counts_values_and_times() {
    let env = with_lines(THREE);
    let run = |args: &[&str]| search(&env, &[args, &FILE].concat());
    assert_eq!(run(&["--count", "action:delete"]).ok(), "2\n");
    let counted = run(&["--count", "--format", "jsonl"]).ok();
    assert_eq!(counted, "{\"count\":3}\n");
    let by = run(&["--by", "actor", "--format", "jsonl"]).ok();
    assert_eq!(
        by,
        "{\"value\":\"Ann\",\"count\":2}\n{\"value\":\"u2\",\"count\":1}\n"
    );
    insta::assert_snapshot!(run(&["--by", "actor"]).ok(), @r"
    +-------+-------+
    | Value | Count |
    +-------+-------+
    | Ann   | 2     |
    | u2    | 1     |
    +-------+-------+
    ");
    let ran = run(&["--by", "from", "--limit", "1"]);
    assert!(
        ran.stderr
            .starts_with("3 events match; 2 events have no from\n"),
        "{}",
        ran.stderr
    );
    let ran = run(&["--by", "id", "--limit", "1"]);
    assert!(
        ran.stderr.starts_with(
            "3 events match; 1 of 3 values are shown, and 2 occurrences of the others; --limit N shows more\n"
        ),
        "{}",
        ran.stderr
    );
    insta::assert_snapshot!(run(&["--histogram", "day"]).ok(), @r"
    +------------+-------+
    | Time       | Count |
    +------------+-------+
    | 2017-07-24 | 3     |
    +------------+-------+
    ");
    let hours = run(&["--histogram", "hour", "--format", "csv"]).ok();
    let hours: Vec<&str> = hours.lines().collect();
    assert_eq!(hours[..2], ["time,count", "2017-07-24T10:00:00Z,1"]);
    assert_eq!((hours.len(), hours[2]), (14, "2017-07-24T11:00:00Z,0"));
    let days = run(&[
        "--histogram",
        "day",
        "-s",
        "2017-07",
        "-e",
        "2017-07",
        "--format",
        "csv",
    ]);
    assert_eq!(days.ok().lines().count(), 32, "empty days count");
    run(&["--histogram", "hour", "-s", "2000-01-01"]).fails(2);
}

#[test]
fn a_wrong_query_is_shown_with_its_place() {
    let env = with_lines(THREE);
    let said = search(&env, &[&["actor:(ann OR"][..], &FILE].concat()).fails(2);
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("error: the query cannot be read: "),
        "{said}"
    );
    assert_eq!(lines[1], "  actor:(ann OR", "{said}");
    let caret = lines[2].strip_suffix('^').unwrap();
    assert!(
        caret.chars().all(|c| c == ' ') && caret.len() >= 2,
        "{said}"
    );
    for (args, words) in [
        (&["--by", ""][..], "names no field"),
        (
            &["--by", "actor", "--limit", "1001"][..],
            "at most 1,000 values",
        ),
        (&["-outcome:success"][..], "a negation as a condition"),
        (
            &["--as", "json", "--columns", "id"][..],
            "only csv has columns",
        ),
        (
            &["--as", "json", "--format", "json"][..],
            "both select the format",
        ),
        (
            &["-s", "today", "-e", "yesterday"][..],
            "is not before the end",
        ),
    ] {
        let said = search(&env, &[args, &FILE].concat()).fails(2);
        assert!(said.contains(words), "{args:?}: {said}");
    }
    assert!(!env.path("utcome:success").exists());
    // A negation can be given.
    let negated = search(&env, &[&FILE[..], &["--", "-outcome:success"]].concat());
    assert_eq!(negated.ok().lines().count(), 1);
}

#[test]
fn no_hit_is_an_answer() {
    let env = with_lines(THREE);
    let args = [&["actor:nobody"][..], &FILE].concat();
    let ran = search(&env, &args);
    assert!(
        ran.stderr.starts_with("no event matches\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.ok(), "");
    for mode in [
        &[][..],
        &["--count"],
        &["--by", "actor"],
        &["--format", "json"],
    ] {
        search(&env, &[mode, &args].concat()).ok();
        search(&env, &[mode, &["--fail-empty"], &args].concat()).fails(1);
        let found = [mode, &["--fail-empty", "actor:ann"], &FILE].concat();
        search(&env, &found).ok();
    }
}

#[test]
fn a_file_is_complete_or_absent() {
    let lines = sample(21, 500);
    let env = with_lines(&lines);
    let to_file = [&["-o", "out.csv", "--as", "csv"][..], &FILE].concat();
    let ran = search(&env, &to_file);
    assert!(
        ran.stderr.starts_with("out.csv: 500 events, "),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.ok(), "");
    let text = fs::read_to_string(env.path("out.csv")).unwrap();
    assert_eq!(text.lines().count(), 501);
    let said = search(&env, &to_file).fails(1);
    assert!(said.contains("out.csv exists"), "{said}");
    let again = [&to_file[..], &["--force", "action:delete", "--limit", "2"]].concat();
    // The words behind --file are files.
    let again = [&again[6..], &again[..6]].concat();
    let ran = search(&env, &again);
    assert!(
        ran.stderr.contains("out.csv: the newest 2 of "),
        "{}",
        ran.stderr
    );
    ran.ok();
    let text = fs::read_to_string(env.path("out.csv")).unwrap();
    assert_eq!(text.lines().count(), 3);
    // Lines are the default, and all of them.
    search(&env, &[&["-o", "out.ndjson"][..], &FILE].concat()).ok();
    let mut got: Vec<_> = found(&env, &[&["-o", "-"][..], &FILE].concat());
    let written = fs::read_to_string(env.path("out.ndjson")).unwrap();
    assert_eq!(written.lines().collect::<Vec<_>>(), got);
    got.sort_unstable();
    let mut all: Vec<_> = lines.lines().collect();
    all.sort_unstable();
    assert_eq!(got, all);
    let left = fs::read_dir(env.path(".")).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains(".tmp")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn the_originals_spelling_searches_too() {
    let env = with_lines(THREE);
    let ran = bx(&env, "cf at search action:create --file e.ndjson", b"");
    assert_eq!(ran.ok(), format!("{}\n", THREE.lines().nth(1).unwrap()));
    let help = bx(&env, "cf at search -h", b"").ok();
    assert!(help.contains("Usage: bx cf at search"), "{help}");
    let said = bx(&env, "search", b"").fails(2);
    assert!(said.contains("bx cf at search"), "{said}");
}

#[test]
fn what_is_searched_and_its_receipt_are_not_replaced() {
    let env = with_lines(THREE);
    fs::write(env.path("e.ndjson.receipt"), "a receipt").unwrap();
    for output in ["e.ndjson", "./e.ndjson", "e.ndjson.receipt"] {
        let args = [&["--unverified", "--force", "-o", output][..], &FILE].concat();
        let said = search(&env, &args).fails(2);
        assert!(said.contains("would replace e.ndjson"), "{said}");
    }
    assert_eq!(fs::read_to_string(env.path("e.ndjson")).unwrap(), THREE);
    // The control: another file may be replaced.
    fs::write(env.path("other"), "old").unwrap();
    let args = [&["--unverified", "--force", "-o", "other"][..], &FILE].concat();
    search(&env, &args).ok();
    let written = fs::read_to_string(env.path("other")).unwrap();
    assert_eq!(written.lines().count(), 3);
}

#[test]
fn a_negation_that_reads_as_options_is_explained() {
    let env = with_lines(THREE);
    for (word, rest) in [
        ("-actor:ann", vec![]),
        ("-from:10.0.0.0/8", vec![]),
        ("-service:x", vec![]),
        ("-outcome:success", vec!["--count"]),
    ] {
        let args = [&[word][..], &rest, &FILE].concat();
        let said = search(&env, &args).fails(2);
        let expected = format!("`{word}` is read as options");
        assert!(said.contains(&expected), "{said}");
    }
    // The controls: what the message advises, and an option that does not exist.
    let args = ["--count", "--file", "e.ndjson", "--", "-actor:ann"];
    assert_eq!(search(&env, &args).ok(), "1\n");
    let said = search(&env, &["-y", "--file", "e.ndjson"]).fails(2);
    assert!(!said.contains("is read as options"), "{said}");
}
