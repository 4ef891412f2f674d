//! Input with broken parts: `trail` continues to read as the server does, and its counts add up to the input.

use std::fs;

use crate::env::{Server, TestEnv};
use crate::http::{Caller, Connection};

fn event(number: usize) -> String {
    format!(
        "{{\"id\":\"e{number}\",\"eventTime\":\"2017-07-24T01:00:00Z\",\"action\":\"read\",\"outcome\":\"success\",\"initiatorId\":\"i\",\"targetId\":\"t\"}}"
    )
}

fn pretty(number: usize) -> String {
    event(number).replace(",\"", ",\n\"")
}

/// Stored, refused and unread.
type Sums = (u64, u64, u64);

/// Returns the inputs and the expected counts.
fn inputs() -> Vec<(&'static str, String, Sums)> {
    let lines = |count: usize| (1..=count).map(event).collect::<Vec<_>>();
    let with = |count: usize, at: usize, bad: &str| {
        let mut lines = lines(count);
        lines[at] = bad.to_owned();
        lines.join("\n") + "\n"
    };
    vec![
        ("nothing broken", lines(4).join("\n"), (4, 0, 0)),
        (
            "a cut first line",
            with(4, 0, "{\"eventTime\":\"2017"),
            (3, 1, 0),
        ),
        (
            "a first line cut behind a colon",
            with(4, 0, "{\"eventTime\":"),
            (3, 1, 0),
        ),
        (
            "a first line cut in a list",
            with(4, 0, "{\"a\":[{\"b\":1},"),
            (3, 1, 0),
        ),
        ("garbage", with(4, 1, "garbage"), (3, 1, 0)),
        (
            "a comma behind a line",
            with(2500, 0, &format!("{},", event(0))),
            (2499, 1, 0),
        ),
        ("a cut last line", with(4, 3, "{\"eventTime\""), (3, 1, 0)),
        (
            "notes between printed events",
            format!("{}\nnote 1\nnote 2\nnote 3\n{}\n", pretty(1), pretty(2)),
            (2, 1, 2),
        ),
        (
            "events that are indented deeper than one that is cut off",
            format!("{{\"a\":1,\n  {}\n  {}\n{}\n", event(1), event(2), event(3)),
            (1, 1, 2),
        ),
        (
            "a cut element of an array",
            format!(
                "[\n{},\n{{\"a\":\n{},\n{}\n]\n",
                event(1),
                event(2),
                event(3)
            ),
            (3, 1, 0),
        ),
    ]
}

/// Returns a text without the commas between thousands.
fn without_separators(text: &str) -> String {
    let before = std::iter::once(' ').chain(text.chars());
    let after = text.chars().skip(1).chain(std::iter::once(' '));
    let commas = before.zip(text.chars()).zip(after);
    commas
        .filter(|((before, c), after)| {
            *c != ',' || !before.is_ascii_digit() || !after.is_ascii_digit()
        })
        .map(|((_, c), _)| c)
        .collect()
}

/// Returns the counts that `trail` reports at its end.
fn told(stderr: &str) -> Sums {
    let stderr = &without_separators(stderr);
    let number = |before: &str| -> u64 {
        let words: Vec<&str> = stderr
            .split(['\n', ' ', ','])
            .filter(|word| !word.is_empty())
            .collect();
        let parts: Vec<&str> = before.split(' ').collect();
        let at = words
            .windows(parts.len())
            .position(|window| window == parts);
        at.map_or(0, |at| words[at - 1].parse().unwrap())
    };
    let sent = number("event sent") + number("events sent");
    let refused = stderr.lines().find_map(|line| {
        line.strip_prefix("error: ")?
            .split(' ')
            .next()?
            .parse()
            .ok()
    });
    let not_read = number("line was not read") + number("lines were not read");
    (sent, refused.unwrap_or(0), not_read)
}

#[test]
fn a_broken_place_costs_what_it_stands_in_and_the_counts_add_up() {
    for (what, input, sums) in inputs() {
        let env = TestEnv::new();
        let server = Server::start(&env);
        env.log_in(&server);
        fs::write(env.path("in.json"), &input).unwrap();
        let ran = env.run(&["trail", "--format", "jsonl", "-f", "in.json"]);
        assert_eq!(ran.code, i32::from(sums.1 > 0), "{what}: {}", ran.stderr);
        assert_eq!(ran.stdout.lines().count() as u64, sums.0, "{what}");
        // The refusal reports the unread lines after it; the last line reports the total again.
        let end = ran.stderr.lines().filter(|line| !line.starts_with("line "));
        let end: String = end.map(|line| format!("{line}\n")).collect();
        assert_eq!(told(&end), sums, "{what}: {}", ran.stderr);
        let named = ran
            .stderr
            .lines()
            .filter(|line| line.contains(": refused: "));
        assert_eq!(named.count() as u64, sums.1, "{what}: {}", ran.stderr);
        if sums.2 > 0 {
            assert!(!end.contains("the others are kept"), "{what}: {end}");
            assert!(
                ran.stderr.contains("lines after it were not read"),
                "{what}: {}",
                ran.stderr
            );
        }

        // The server, asked directly, reports the same counts.
        let caller = Caller {
            address: server.address,
            token: env.run(&["token"]).ok().trim().to_owned(),
            space: server.secret("space"),
        };
        let mut connection = Connection::open(&caller).unwrap();
        let answer = connection
            .ask(
                "POST /v3/events",
                "Prefer: return=minimal\r\n",
                input.as_bytes(),
            )
            .unwrap();
        let counts: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let count = |name: &str| counts[name].as_u64().unwrap();
        assert_eq!(
            (count("accepted"), count("refused"), count("not_read")),
            sums,
            "{what}"
        );
    }
}
