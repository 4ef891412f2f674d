//! Names and ids that commands accept and show, and what they ask.

use std::fs;

use crate::env::{Server, TestEnv, bx, events, value};
use crate::pty::at_terminal;

fn ready() -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(6, 0).as_bytes()).ok();
    (env, server)
}

const DAY: [&str; 2] = ["--day", "2017-07-24"];

#[test]
fn a_session_is_known_by_the_beginning_of_its_id_and_the_last_one_by_a_dash() {
    let (env, _server) = ready();
    let said = env.run(&["session", "show", "-"]).fails(1);
    assert!(
        said.contains("no session was made in this context yet"),
        "{said}"
    );
    let create = [&["session", "create", "-q"][..], &DAY].concat();
    let first = env.run(&create).ok().trim().to_owned();
    let last = env.run(&create).ok().trim().to_owned();
    let shown = |word: &str| value(&env.run(&["session", "show", word]).ok(), "id");
    assert_eq!(shown("-"), last);
    // Chance makes two ids alike in eight digits once in four billion runs.
    assert_eq!(shown(&first[..8]), first);
    assert_eq!(shown(&last[..8].to_uppercase()), last);
    assert_eq!(shown(&first), first);
    for (word, code, words) in [
        ("abc", 2, "first 4 or more characters"),
        ("hello", 2, "first 4 or more characters"),
    ] {
        let said = env.run(&["session", "show", word]).fails(code);
        assert!(said.contains(words), "{word}: {said}");
    }
    let unknown = ('0'..='9').map(|digit| digit.to_string().repeat(8));
    let is_known = |word: &String| first.starts_with(word) || last.starts_with(word);
    let unknown = unknown.into_iter().find(|word| !is_known(word)).unwrap();
    let said = env.run(&["session", "show", &unknown]).fails(1);
    assert!(said.contains("none of your sessions"), "{said}");
    env.run(&["download", "-q", "-o", "F", "-"]).ok();
    env.run(&["download", "-q", "-o", "G", &first[..8]]).ok();
    assert_eq!(
        fs::read(env.path("F")).unwrap(),
        fs::read(env.path("G")).unwrap()
    );
    env.run(&["session", "delete", "-"]).ok();
    let left = env.run(&["session", "list", "--format", "jsonl"]).ok();
    assert!(left.contains(&first) && !left.contains(&last), "{left}");
    // An earlier client's state has no last session.
    env.run(&["session", "show", "-"]).fails(1);
}

#[test]
fn things_are_known_by_the_beginning_of_their_ids() {
    let (env, server) = ready();
    let space = server.secret("space");
    let shown = env.run(&["admin", "space", "show", &space[..8]]).ok();
    assert_eq!(value(&shown, "name"), "default");
    env.run(&["admin", "space", "show", &space[..3]]).fails(1);
    // A name wins over the beginning of an id.
    env.run(&["admin", "space", "create", &space[..8]]).ok();
    let shown = env.run(&["admin", "space", "show", &space[..8]]).ok();
    assert_eq!(value(&shown, "name"), space[..8]);
}

#[test]
fn tables_show_names_and_guids_where_they_are_wanted() {
    let (env, server) = ready();
    let (space, account) = (server.secret("space"), server.secret("account"));
    env.run(&["session", "create", "-q"]).ok();
    env.run(&["hold", "set", "--reason", "case 1", "-a"]).ok();
    for (command, guid) in [
        (&["session", "list"][..], &space),
        (&["option"], &space),
        (&["option", "-a"], &account),
        (&["hold", "list"], &space),
        (&["hold", "list", "-a"], &account),
        (&["admin", "org", "list"], &account),
        (&["admin", "role", "list"], &account),
    ] {
        let with = |more: &[&str]| env.run(&[command, more].concat()).ok();
        let named = with(&[]);
        assert!(
            !named.contains(guid.as_str()) && named.contains("default"),
            "{named}"
        );
        for more in [&["--ids"][..], &["--format", "json"], &["--format", "csv"]] {
            assert!(with(more).contains(guid.as_str()), "{command:?} {more:?}");
        }
    }
    // The names of logs stay what receipts call them.
    let shown = env.run(&["session", "show", "-"]).ok();
    assert_eq!(value(&shown, "space"), "default");
    assert!(value(&shown, "checkpoint").contains(&space), "{shown}");
    let shown = env.run(&["session", "show", "-", "--ids"]).ok();
    assert_eq!(value(&shown, "space"), space);
    // The original's tables are the original's.
    let shown = bx(&env, "cf at option", b"").ok();
    assert!(
        shown.contains("SPACEID") && shown.contains(&space),
        "{shown}"
    );
    let shown = bx(&env, "cf at session list", b"").ok();
    assert!(shown.contains(&space), "{shown}");
    // A name that two spaces have means the one in the targeted organization. The other one shows its GUID.
    env.run(&["admin", "org", "create", "shop"]).ok();
    let other = ["admin", "space", "create", "default", "--org", "shop"];
    let other = value(&env.run(&other).ok(), "guid");
    let shown = env.run(&["option", "-a"]).ok();
    assert!(
        shown.contains(&other) && shown.contains("| default "),
        "{shown}"
    );
    assert!(!shown.contains(&space), "{shown}");
}

#[test]
fn whatever_deletes_asks_at_a_terminal_and_takes_a_yes() {
    let (env, _server) = ready();
    let password = b"correct horse battery staple\n";
    let user = |name: &str| {
        let create = ["admin", "user", "create", name, "--password-stdin", "-q"];
        env.run_with(&create, password).ok();
    };
    user("eve");
    env.run(&["admin", "org", "create", "shop"]).ok();
    env.run(&["admin", "account", "create", "acme"]).ok();
    env.run(&["admin", "space", "create", "dev"]).ok();
    let grant = ["--user", "eve", "--role", "auditor", "--space", "default"];
    env.run(&[&["admin", "role", "create"][..], &grant].concat())
        .ok();
    let key = env.run(&["admin", "api-key", "create", "nightly"]).ok();
    let key = value(&key, "id");
    let session = env.run(&["session", "create", "-q"]).ok().trim().to_owned();
    let role = [&["admin", "role", "delete"][..], &grant].concat();
    let commands = [
        &["session", "delete", &session][..],
        &role,
        &["admin", "api-key", "delete", &key],
        &["admin", "space", "delete", "dev"],
        &["admin", "org", "delete", "shop"],
        &["admin", "account", "delete", "acme"],
        &["admin", "user", "delete", "eve"],
        &["delete", "--day", "2017-07-24"],
    ];
    for command in commands {
        let seen = at_terminal(&mut env.command(command), 100, "n\n");
        assert_eq!(seen.code, 1, "{command:?}: {}", seen.screen);
        assert!(
            seen.screen.contains("[y/N]"),
            "{command:?}: {}",
            seen.screen
        );
        assert!(
            seen.screen.contains("nothing was deleted"),
            "{}",
            seen.screen
        );
    }
    // Off a terminal, what cannot be made again needs the flag.
    for command in &commands[3..] {
        let said = env.run(command).fails(2);
        assert!(said.contains("missing: --yes"), "{command:?}: {said}");
    }
    for command in commands {
        env.run(&[command, &["--yes"]].concat()).ok();
    }
}

#[test]
fn a_secret_is_never_wrapped() {
    let (env, _server) = ready();
    let create = ["admin", "api-key", "create", "nightly"];
    let seen = at_terminal(&mut env.command(&create), 40, "");
    assert_eq!(seen.code, 0, "{}", seen.screen);
    let key = seen.screen.lines().find(|line| line.starts_with("atk_"));
    let key = key.unwrap_or_else(|| panic!("{}", seen.screen)).trim();
    assert!(key.len() > 40, "the control: {key}");
    fs::write(env.path("key.txt"), key).unwrap();
    env.run(&["login", "--api-key-file", "key.txt"]).ok();
    let wide = at_terminal(&mut env.command(&create), 200, "");
    assert!(
        value(&wide.screen, "key").starts_with("atk_"),
        "{}",
        wide.screen
    );
}

#[test]
fn an_empty_table_says_so_in_a_narrow_terminal() {
    let (env, _server) = ready();
    for columns in [40, 100, 250] {
        let seen = at_terminal(&mut env.command(&["session", "list"]), columns, "");
        assert!(!seen.screen.trim().is_empty(), "{columns}");
    }
}

#[test]
fn trail_at_a_terminal_says_that_it_reads() {
    let (env, _server) = ready();
    let event = events(1, 0).replace("event-0", "typed");
    let seen = at_terminal(&mut env.command(&["trail"]), 200, &format!("{event}\u{4}"));
    assert!(
        seen.screen
            .contains("Reading events from this terminal, one JSON text a line; Ctrl-D ends."),
        "{}",
        seen.screen
    );
    assert!(
        seen.screen.contains("1 event sent to space default"),
        "{}",
        seen.screen
    );
    // The control: from a file, it reads no terminal.
    fs::write(env.path("in.json"), event.replace("typed", "filed")).unwrap();
    let seen = at_terminal(&mut env.command(&["trail", "-f", "in.json"]), 200, "");
    assert!(!seen.screen.contains("Reading"), "{}", seen.screen);
}

#[test]
fn ctrl_c_at_a_question_ends_quietly_with_130() {
    let env = TestEnv::new();
    // A password is read from the controlling terminal, which only the leader of a session has.
    let (setsid, timeout) = ("/usr/bin/setsid", "/usr/bin/timeout");
    if [setsid, timeout]
        .iter()
        .any(|tool| !std::path::Path::new(tool).exists())
    {
        return;
    }
    let program = env!("CARGO_BIN_EXE_atrail");
    let interrupt = [
        "-c",
        "-w",
        timeout,
        "--foreground",
        "--preserve-status",
        "-s",
        "INT",
        "2",
        program,
    ];
    for (question, args) in [
        (
            "Password: ",
            &["login", "-a", "127.0.0.1:1", "-u", "admin"][..],
        ),
        ("User: ", &["login", "-a", "127.0.0.1:1"]),
    ] {
        let mut command = env.command_as(setsid.as_ref(), &[&interrupt[..], args].concat());
        let seen = at_terminal(&mut command, 80, "");
        assert_eq!(seen.code, 130, "{}", seen.screen);
        assert_eq!(seen.screen.trim(), question.trim(), "{}", seen.screen);
    }
}
