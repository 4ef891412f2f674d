//! Reads the archive in place with the exact queries of `docs/ARCHIVE.md`, where DuckDB is installed.

use std::path::Path;
use std::process::Command;

use crate::env::{Server, TestEnv};

/// Runs the statements; prints the rows of the last one, tab-separated.
pub(crate) const PYTHON: &str = "import sys, duckdb
con = duckdb.connect()
for statement in sys.argv[1].split(';'):
    if statement.strip():
        rows = con.execute(statement).fetchall()
for row in rows:
    print('\\t'.join(str(cell) for cell in row))";

/// Returns the Python with DuckDB: `ATRAIL_TEST_PYTHON`, or `python3`.
pub(crate) fn python() -> Option<String> {
    let program = std::env::var("ATRAIL_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&program)
        .args(["-c", "import duckdb"])
        .output()
        .is_ok_and(|output| output.status.success());
    found.then_some(program)
}

/// Returns the SQL blocks of the page, with this directory for DIR.
pub(crate) fn statements(data: &Path) -> Vec<String> {
    let page = include_str!("../../../../docs/ARCHIVE.md");
    let blocks = page.split("```sql\n").skip(1);
    let texts = blocks.filter_map(|block| block.split("```").next());
    texts
        .map(|text| text.replace("DIR/", &format!("{}/", data.display())))
        .collect()
}

pub(crate) fn query(python: &str, sql: &str) -> Vec<String> {
    let output = Command::new(python)
        .args(["-c", PYTHON, sql])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{sql}\n{error}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn event(number: usize) -> String {
    let action = if number.is_multiple_of(10) {
        "delete"
    } else {
        "read"
    };
    let outcome = if number.is_multiple_of(4) {
        "failure"
    } else {
        "success"
    };
    format!(
        "{{\"id\":\"e{number}\",\"eventTime\":\"2026-11-{:02}T{:02}:00:00Z\",\"action\":\"{action}\",\"outcome\":\"{outcome}\",\
         \"initiator\":{{\"name\":\"alice\",\"host\":{{\"address\":\"10.0.0.{}\"}}}},\"targetId\":\"t{number}\"}}\n",
        1 + number % 3,
        number % 24,
        number % 5,
    )
}

#[test]
fn the_pages_queries_count_as_status_does() {
    let Some(python) = python() else {
        eprintln!("not run: the Python module duckdb is not installed");
        return;
    };
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let sent: String = (0..1_000).map(event).collect();
    env.run_with(&["trail", "-q"], sent.as_bytes()).ok();
    let days = ["-s", "2026-11-01", "-e", "2026-11-03"];
    // A session seals the events.
    env.run(&[&["session", "create"][..], &days].concat()).ok();
    let status = env
        .run(&[&["status", "--format", "csv"][..], &days].concat())
        .ok();
    let counted: Vec<String> = status
        .lines()
        .skip(1)
        .map(|row| row.split(',').take(2).collect::<Vec<_>>().join("\t"))
        .collect();
    assert_eq!(counted.len(), 3);

    let page = statements(&env.path("data"));
    let [view, rest @ ..] = &page[..] else {
        panic!("{page:?}")
    };
    let answers: Vec<_> = rest
        .iter()
        .map(|sql| query(&python, &format!("{view}{sql}")))
        .collect();
    let [days, deleted, failures, hours] = &answers[..] else {
        panic!("{page:?}")
    };
    let days: Vec<_> = days
        .iter()
        .filter(|row| row.starts_with("2026-11-0"))
        .collect();
    assert_eq!(days, counted.iter().collect::<Vec<_>>());
    assert_eq!(
        deleted
            .iter()
            .filter(|row| row.contains("\talice\tt"))
            .count(),
        100
    );
    assert!(
        failures.contains(&"10.0.0.0\t50\t1".to_owned()),
        "{failures:?}"
    );
    assert_eq!(hours.len(), 24);
}
