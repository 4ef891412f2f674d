//! What a person sees.

use std::fs;

use super::sample;
use crate::env::TestEnv;
use crate::pty::{Seen, at_terminal};

fn seen(lines: &str, columns: u16, args: &[&str]) -> Seen {
    let env = TestEnv::new();
    fs::write(env.path("e.ndjson"), lines).unwrap();
    let args = [&["search"][..], args, &["--file", "e.ndjson"]].concat();
    let seen = at_terminal(&mut env.command(&args), columns, "");
    // The bar of the progress is gone by then: its line is empty.
    let screen = seen.screen.replace("\u{1b}[2K", "").replace('\r', "\n");
    Seen { screen, ..seen }
}

const HOSTILE: &str = concat!(
    r#"{"eventTime":"2017-07-24T10:00:00Z","action":"delete","outcome":"failure","initiator":{"name":"Ann \u001b[2J\u202e"},"target":{"id":"6f1d2c3b-1111-4222-8333-123456789abc"}}"#,
    "\n",
    r#"{"eventTime":"2017-07-24T12:00:00Z","action":"create/volume","outcome":"success","initiator":{"id":"u2","host":{"address":"192.168.100.200"}},"target":{"name":"data"}}"#,
    "\n",
);

#[test]
fn a_table_fits_the_terminal_and_obeys_no_event() {
    let Seen { code, screen } = seen(HOSTILE, 80, &["action:*"]);
    assert_eq!(code, 0, "{screen}");
    let table: Vec<&str> = screen
        .lines()
        .filter(|line| line.starts_with(['+', '|']))
        .collect();
    assert!(
        table.iter().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
    assert!(
        table[1].starts_with("| Time ") && table[1].contains("| Outcome |"),
        "{screen}"
    );
    assert!(
        !screen.contains("\u{1b}[2J") && !screen.contains('\u{202e}'),
        "{screen}"
    );
    assert!(screen.contains("2 events match"), "{screen}");
    // Nothing is cut off.
    let flat: String = screen.split_whitespace().collect();
    for text in ["create", "192.168", "failure", "u2"] {
        assert!(flat.contains(text), "{text}: {screen}");
    }
    let Seen { screen, .. } = seen(HOSTILE, 200, &["action:*"]);
    insta::assert_snapshot!(table_of(&screen), @r"
    +----------------------+-----------------------+---------+---------------+--------------------------------------+-----------------+
    | Time                 | Who                   | Outcome | Action        | Target                               | From            |
    +----------------------+-----------------------+---------+---------------+--------------------------------------+-----------------+
    | 2017-07-24 12:00:00Z | u2                    | success | create/volume | data                                 | 192.168.100.200 |
    | 2017-07-24 10:00:00Z | Ann \u{1b}[2J\u{202e} | failure | delete        | 6f1d2c3b-1111-4222-8333-123456789abc |                 |
    +----------------------+-----------------------+---------+---------------+--------------------------------------+-----------------+
    ");
    let Seen { screen, .. } = seen(HOSTILE, 80, &["--format", "jsonl"]);
    assert!(
        !screen.contains("\u{1b}[2J") && screen.contains("\\u001b[2J"),
        "{screen}"
    );
}

fn table_of(screen: &str) -> String {
    let lines = screen.lines().filter(|line| line.starts_with(['+', '|']));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn charts_show_how_much_and_when() {
    let lines = sample(31, 400);
    let Seen { code, screen } = seen(&lines, 80, &["--by", "action"]);
    assert_eq!(code, 0, "{screen}");
    let bars: Vec<_> = screen
        .lines()
        .map(|line| line.matches('█').count())
        .collect();
    let bars: Vec<_> = bars.into_iter().filter(|bar| *bar > 0).collect();
    assert_eq!(bars.len(), 5, "{screen}");
    assert!(
        bars.is_sorted_by(|one, next| one >= next) && bars[0] == 40,
        "{screen}"
    );
    let Seen { code, screen } = seen(&lines, 80, &["--histogram", "hour"]);
    assert_eq!(code, 0, "{screen}");
    let days = ["2017-07-23", "2017-07-24", "2017-07-25"];
    for day in days {
        let line = screen.lines().find(|line| line.contains(day)).unwrap();
        let cells = line.chars().filter(|c| ('▁'..='█').contains(c)).count();
        assert!(cells > 12, "{screen}");
    }
    let Seen { screen, .. } = seen(&lines, 80, &["--histogram", "day"]);
    assert_eq!(
        screen
            .lines()
            .filter(|line| line.contains("2017-07 "))
            .count(),
        1,
        "{screen}"
    );
}

#[test]
fn a_long_table_keeps_its_columns() {
    let lines = sample(32, 2500);
    let Seen { code, screen } = seen(&lines, 120, &["--all"]);
    assert_eq!(code, 0);
    let table = table_of(&screen);
    let widths: Vec<_> = table.lines().map(|line| line.chars().count()).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    assert!(table.lines().count() >= 2500 + 4);
    assert!(screen.contains("2,500 events match"));
    let Seen { screen, .. } = seen(&lines, 120, &[]);
    assert!(
        screen.contains("100 of 2,500 events that match are shown, the newest first; --limit N"),
        "{screen}"
    );
}
