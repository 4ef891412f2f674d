//! `option` in both spellings.

use crate::env::{Server, TestEnv, bx};

fn ready() -> (TestEnv, Server, String) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let space = server.secret("space");
    (env, server, space)
}

/// Returns the table of atrail's own spelling, which shows names.
fn named(rows: &[(&str, &str)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap();
    let rule = format!("+{}+-----------+\n", "-".repeat(width + 2));
    let head = format!("| {:^width$} | RETENTION |\n", "SPACE");
    let rows = rows
        .iter()
        .map(|(name, days)| format!("| {name:<width$} | {days:>9} |\n{rule}"));
    format!("{rule}{head}{rule}{}", rows.collect::<String>())
}

fn table(rows: &[(&str, &str)]) -> String {
    let rule = format!("+{}+{}+\n", "-".repeat(38), "-".repeat(11));
    let head = format!(
        "|{}SPACEID{}| RETENTION |\n",
        " ".repeat(15),
        " ".repeat(16)
    );
    let rows = rows
        .iter()
        .map(|(space, days)| format!("| {space} | {days:>9} |\n{rule}"));
    format!("{rule}{head}{rule}{}", rows.collect::<String>())
}

#[test]
fn the_originals_spelling_sets_and_shows_without_asking() {
    let (env, _server, space) = ready();
    assert_eq!(bx(&env, "cf at option", b"").ok(), table(&[(&space, "-1")]));
    assert_eq!(
        bx(&env, "cf at option -r 30", b"").ok(),
        table(&[(&space, "30")])
    );
    assert_eq!(bx(&env, "cf at option", b"").ok(), table(&[(&space, "30")]));
    assert_eq!(
        bx(&env, "cf at option -r -1", b"").ok(),
        table(&[(&space, "-1")])
    );
}

#[test]
fn an_account_is_its_own_domain_and_every_space() {
    let (env, server, space) = ready();
    let account = server.secret("account");
    env.run(&["option", "-r", "30", "--yes"]).ok();
    let shown = env.run(&["option", "-a"]).ok();
    assert_eq!(
        shown,
        named(&[("(account default)", "-1"), ("default", "30")])
    );
    let shown = env.run(&["option", "-a", "--ids"]).ok();
    assert_eq!(shown, table(&[(&account, "-1"), (&space, "30")]));
    let set = bx(&env, "cf at option -a -r 365", b"").ok();
    assert_eq!(set, table(&[(&account, "365"), (&space, "365")]));
    let shown = env.run(&["option", "--format", "jsonl"]).ok();
    assert_eq!(
        shown,
        format!("{{\"space\":\"{space}\",\"retention\":365}}\n")
    );
}

#[test]
fn keeping_shorter_needs_a_yes_off_a_terminal() {
    let (env, _server, _) = ready();
    let said = env.run(&["option", "-r", "365"]).fails(2);
    assert_eq!(
        said,
        "error: this shortens retention of space default from for ever to 365 days (deletes nothing now); add --yes\n"
    );
    assert_eq!(env.run(&["option"]).ok(), named(&[("default", "-1")]));

    env.run(&["option", "-r", "30", "--yes"]).ok();
    env.run(&["option", "-r", "29"]).fails(2);
    // An equal or longer retention, and keeping events for ever, need no consent.
    for days in ["30", "31", "-1"] {
        assert_eq!(
            env.run(&["option", "-r", days]).ok(),
            named(&[("default", days)])
        );
    }
}

#[test]
fn other_numbers_are_usage_errors() {
    let env = TestEnv::new();
    for days in ["0", "-2", "1.5", "soon", "-1d"] {
        let said = env.run(&["option", "-r", days]).fails(2);
        assert!(
            said.contains("-1 for ever") || said.contains("unexpected"),
            "{days}: {said}"
        );
    }
}
