//! `option` in both spellings.

use crate::env::{Server, TestEnv, bx};

fn ready() -> (TestEnv, Server, String) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let space = server.secret("space");
    (env, server, space)
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
    let (env, _server, space) = ready();
    let said = env.run(&["option", "-r", "30"]).fails(2);
    assert!(said.contains("missing: --yes"), "{said}");
    assert!(
        said.contains("kept for ever now, and would be kept 30 days"),
        "{said}"
    );
    assert_eq!(env.run(&["option"]).ok(), table(&[(&space, "-1")]));

    env.run(&["option", "-r", "30", "--yes"]).ok();
    env.run(&["option", "-r", "29"]).fails(2);
    // An equal or longer retention, and keeping events for ever, need no consent.
    for days in ["30", "31", "-1"] {
        assert_eq!(
            env.run(&["option", "-r", days]).ok(),
            table(&[(&space, days)])
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
