//! Reads every accepted event with the exact commands of the pages: one odd event hides no others from a reader.

use std::path::Path;
use std::process::Command;

use crate::archive::{python, query, statements};
use crate::env::{Server, TestEnv, finish};

/// Odd members, each in an event of its own.
const ODD: &[&str] = &[
    // Half of a surrogate pair: a string cut in the middle of an emoji.
    r#""action":"read","initiator":{"id":"u","name":"J\ud83d"}"#,
    r#""action":"a\udc00b","initiatorId":"u""#,
    r#""action":"read","initiatorId":"u","\ud83dkey":1"#,
    r#""action":"read","initiatorId":"u","attachments":[{"content":"\uDBFF\uDBFF"}]"#,
    // A duplicate member.
    r#""action":"read","initiatorId":"u","x":1,"x":2"#,
    r#""action":"read","initiator":{"id":"u"},"initiator":{"id":"v","name":"a","name":"b"}"#,
    // Numbers that no machine can represent, NUL, control characters, empty names.
    r#""action":"read","initiatorId":"u","x":[1e999,-1E-999,18446744073709551616,-0.0,123456789012345678901234567890]"#,
    r#""action":"re\u0000ad","initiator":{"id":"\u0000","name":"a\tb\nc\u001b[2J"}"#,
    r#""action":"read","initiatorId":"u","":"","a b":{"":[{}]},"\u0000":null"#,
    r#""action":"\u2028, \"x\" 'y' | ; =1+1 \\","initiatorId":"é😀""#,
    // Members of other types than usual.
    r#""action":"read","initiator":[1,"x"],"initiatorId":"u""#,
    r#""action":"download.events","initiator":{"id":{"a":1},"name":["x"],"host":"10.0.0.1"}"#,
    r#""action":"read","initiator":{"host":{"address":7}},"initiatorId":{"a":1}"#,
    r#""action":"read","initiator":{},"target":"x","reason":"text","domain":"d","date":1,"hour":{}"#,
];

fn odd_events() -> Vec<String> {
    let event = |number: usize, members: &str| {
        format!(
            r#"{{"id":"odd{number}","eventTime":"2026-11-01T03:00:00Z","outcome":"failure","targetId":"t",{members}}}"#
        )
    };
    let mut events: Vec<String> = ODD
        .iter()
        .enumerate()
        .map(|(number, members)| event(number, members))
        .collect();
    let deep = format!("{}{}", "[".repeat(63), "]".repeat(63));
    let long = "x".repeat(1_000_000);
    for members in [
        format!(r#""action":"read","initiatorId":"u","x":{deep}"#),
        format!(r#""action":"{long}","initiatorId":"u""#),
        format!(r#""action":"read","initiator":{{"id":"u","name":"{long}"}}"#),
    ] {
        events.push(event(events.len(), &members));
    }
    events
}

/// Returns the jq commands of the pages that read a download: the part after `zcat`.
fn pipelines() -> Vec<String> {
    let pages = [
        include_str!("../../../../README.md"),
        include_str!("../../../../docs/ARCHIVE.md"),
        include_str!("../../../../docs/AUDIT.md"),
        include_str!("../../../../docs/EXPORT.md"),
    ];
    let lines = pages.iter().flat_map(|page| page.lines());
    let commands = lines.filter_map(|line| line.split_once("zcat | jq"));
    commands.map(|(_, rest)| format!("jq{rest}")).collect()
}

fn shell(command: &str, input: &[u8]) -> String {
    let ran = finish(Command::new("sh").args(["-c", command]), input);
    assert_eq!(ran.stderr, "", "{command}");
    ran.ok()
}

fn has_jq() -> bool {
    let found = Command::new("jq").arg("--version").output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("not run: jq is not installed");
    }
    found
}

fn filled() -> (TestEnv, Server, Vec<u8>) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let sent = odd_events().join("\n") + "\n";
    env.run_with(&["trail", "-q"], sent.as_bytes()).ok();
    let file = env.path("odd.json.gz");
    let file = file.to_str().unwrap();
    let days = ["-s", "2026-11-01", "-e", "2026-11-01"];
    let args = [&["download", "-q", "--verify", "-o", file][..], &days].concat();
    env.run(&args).ok();
    let mut lines = Vec::new();
    let gzip = std::fs::File::open(file).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(gzip), &mut lines).unwrap();
    (env, server, lines)
}

#[test]
fn jq_reads_every_event_as_the_pages_say() {
    if !has_jq() {
        return;
    }
    let (_env, _server, lines) = filled();
    let count = odd_events().len();
    let plain = shell("jq .id", &lines);
    assert_eq!(plain.lines().count(), count);
    let pipelines = pipelines();
    assert!(!pipelines.is_empty());
    for command in &pipelines {
        shell(command, &lines);
    }

    // The control: a line as an earlier version stored it ends plain jq; the page's commands lose only that line.
    let half = r#"{"action":"download.events","outcome":"failure","x":"\ud83d","eventTime":"t"}"#;
    let good = r#"{"action":"download.events","outcome":"failure","eventTime":"last","initiator":{"name":"last"}}"#;
    let old = format!("{half}\n{good}\n");
    let ran = finish(Command::new("jq").arg(".id"), old.as_bytes());
    let stops = ran.code != 0;
    for command in &pipelines {
        let seen = shell(command, old.as_bytes());
        assert!(seen.contains("last"), "{command}: {seen}");
    }
    if !stops {
        eprintln!("this jq reads half of a surrogate pair");
    }
}

#[test]
fn the_view_of_the_page_counts_every_event() {
    let Some(python) = python() else {
        eprintln!("not run: the Python module duckdb is not installed");
        return;
    };
    let (env, _server, _) = filled();
    let data = env.path("data");
    let count = odd_events().len();
    let page = statements(&data);
    let [view, rest @ ..] = &page[..] else {
        panic!("{page:?}")
    };
    for sql in rest {
        query(&python, &format!("{view}{sql}"));
    }
    let counted = |view: &str| {
        let sql = "SELECT count(*), count(action) FROM events WHERE date = '2026-11-01'";
        query(&python, &format!("{view}{sql}"))
    };
    assert_eq!(counted(view), [format!("{count}\t{count}")]);

    // A line as an earlier version stored it becomes a row of NULLs; without the page's option it ends the query.
    let half = br#"{"action":"read","outcome":"success","initiator":{"name":"J\ud83d"}}"#;
    put_beside(&data, half);
    assert_eq!(counted(view), [format!("{}\t{count}", count + 1)]);
    let careless = view.replace("ignore_errors = true, ", "");
    assert_ne!(&careless, view);
    let args = [
        "-c",
        crate::archive::PYTHON,
        &format!("{careless}SELECT count(action) FROM events"),
    ];
    let control = finish(Command::new(&python).args(args), b"");
    assert_ne!(control.code, 0, "the control reads what it should not");
}

/// Puts another file with one line beside the archive's files of that hour.
fn put_beside(data: &Path, line: &[u8]) {
    let mut domains = std::fs::read_dir(data.join("archive")).unwrap();
    let hour = domains
        .find_map(|domain| {
            let hour = domain.unwrap().path().join("date=2026-11-01/hour=03");
            hour.is_dir().then_some(hour)
        })
        .unwrap();
    let file = std::fs::File::create(hour.join("old.ndjson.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, line).unwrap();
    std::io::Write::write_all(&mut gzip, b"\n").unwrap();
    gzip.finish().unwrap();
}
