//! Holds, which block deletions, and retention, which deletes without a request.

use crate::env::{Server, TestEnv, events, value};
use crate::pty::at_terminal;

fn ready() -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(6, 0).as_bytes()).ok();
    (env, server)
}

const DELETE: [&str; 6] = ["delete", "-s", "2017-07-01", "-e", "2017-07-31", "--yes"];

#[test]
fn while_a_hold_stands_nothing_is_deleted_and_the_refusal_says_why() {
    let (env, _server) = ready();
    let without = env.run(&["hold", "set"]).fails(2);
    assert!(without.contains("--reason"), "{without}");
    let set = env.run(&["hold", "set", "--reason", "case 7", "-a"]).ok();
    assert_eq!(set.matches("| account |").count(), 2, "{set}");
    for held in [
        &DELETE[..],
        &[
            "admin",
            "space",
            "delete",
            "default",
            "--with-events",
            "--yes",
        ],
    ] {
        let refused = env.run(held).fails(1);
        assert!(
            refused.contains("is under legal hold since 20")
                && refused
                    .contains("(case 7, admin, for the whole account): nothing can be deleted"),
            "{refused}"
        );
    }
    let second = env.run(&["hold", "set", "--reason", "x", "-a"]).fails(1);
    assert!(second.contains("release that hold first"), "{second}");
    // A hold on the space is independent.
    env.run(&["hold", "set", "--reason", "case 8"]).ok();
    env.run(&["hold", "release", "--reason", "closed", "-a", "--yes"])
        .ok();
    let refused = env.run(&DELETE).fails(1);
    assert!(
        refused.contains("error: space default is under legal hold since 20")
            && refused.contains("(case 8, admin): nothing can be deleted"),
        "{refused}"
    );
    env.run(&["hold", "release", "--yes"]).ok();
    assert_eq!(
        env.run(&["hold", "list", "-a", "--format", "jsonl"]).ok(),
        ""
    );
    assert!(env.run(&DELETE).ok().contains("6 logs were deleted"));
    let none = env.run(&["hold", "release", "--yes"]).fails(1);
    assert!(none.contains("no legal hold"), "{none}");
}

#[test]
fn a_shorter_retention_says_what_will_go() {
    let (env, _server) = ready();
    let said = env.run(&["option", "-r", "30"]).fails(2);
    assert!(said.contains("deletes 6 events now"), "{said}");
    let said = env.run(&["option", "-r", "40000"]).fails(2);
    assert!(said.contains("deletes nothing now"), "{said}");
}

#[test]
fn a_hold_lets_retention_be_shortened_and_says_that_nothing_will_go() {
    let (env, _server) = ready();
    let set = ["option", "-r", "30"];
    env.run(&["hold", "set", "--reason", "case 7"]).ok();
    let said = env.run(&set).fails(2);
    assert_eq!(
        said,
        "error: this shortens retention of space default from for ever to 30 days (deletes nothing while a legal hold \
         stands, and what is due as soon as it is released); add --yes\n"
    );
    let mut command = env.command(&set);
    let refused = at_terminal(&mut command, 200, "n\n");
    assert_eq!(refused.code, 1, "{}", refused.screen);
    assert!(
        refused
            .screen
            .contains("as soon as it is released). Do it? [y/N]")
            && refused.screen.contains("nothing was changed"),
        "{}",
        refused.screen
    );
    assert!(!env.run(&["option"]).ok().contains("30"));
    let mut command = env.command(&set);
    let agreed = at_terminal(&mut command, 200, "y\n");
    assert_eq!(agreed.code, 0, "{}", agreed.screen);
    assert!(env.run(&["option"]).ok().contains("30"));
}

#[test]
fn a_release_says_what_retention_then_deletes_and_asks() {
    let (env, _server) = ready();
    let release = ["hold", "release"];
    env.run(&["hold", "set", "--reason", "case 7"]).ok();
    // A control: nothing is due while events are kept for ever.
    let said = env.run(&release).fails(2);
    assert_eq!(
        said,
        "error: this releases the legal hold on space default (retention deletes nothing now); add --yes\n"
    );
    env.run(&["option", "-r", "30", "--yes"]).ok();
    let due = "(retention then deletes 6 events within minutes)";
    let said = env.run(&release).fails(2);
    assert!(said.contains(due) && said.contains("--yes"), "{said}");
    // Another hold: the release of one frees nothing.
    env.run(&["hold", "set", "--reason", "case 8", "-a"]).ok();
    for args in [&release[..], &["hold", "release", "-a"]] {
        let said = env.run(args).fails(2);
        let expected = match args.len() {
            2 => "another hold still prevents every deletion",
            // The account's own domain becomes free, and keeps its events for ever.
            _ => "retention deletes nothing now",
        };
        assert!(said.contains(expected), "{said}");
    }
    env.run(&["hold", "release", "--yes"]).ok();
    let said = env.run(&["hold", "release", "-a"]).fails(2);
    assert!(said.contains(due), "{said}");
    let mut command = env.command(&["hold", "release", "-a"]);
    let refused = at_terminal(&mut command, 200, "n\n");
    assert_eq!(refused.code, 1, "{}", refused.screen);
    assert!(
        refused.screen.contains("nothing was changed"),
        "{}",
        refused.screen
    );
    let held = env.run(&["hold", "list"]).ok();
    assert!(held.contains("case 8"), "{held}");
    let mut command = env.command(&["hold", "release", "-a"]);
    let agreed = at_terminal(&mut command, 200, "y\n");
    assert_eq!(agreed.code, 0, "{}", agreed.screen);
    assert!(!env.run(&["hold", "list"]).ok().contains("case 8"));
}

#[test]
fn a_new_key_is_followed_and_a_foreign_one_is_refused() {
    let (env, mut server) = ready();
    let day = ["-s", "2017-07-01", "-e", "2017-07-31"];
    let download = |name: &str| {
        let args = [&["download", "-o", name, "--verify"][..], &day].concat();
        env.run(&args).ok();
    };
    download("first.gz");
    let second = value(&env.run(&["admin", "rotate-key"]).ok(), "key");
    download("second.gz");
    env.run(&["verify", "second.gz", "--key", &second]).ok();
    env.run(&["verify", "second.gz", "--since", "first.gz.receipt"])
        .ok();
    // This client remembers the keys that it followed.
    env.run(&["verify", "first.gz"]).ok();
    // A client that knows only the new key cannot verify what the old one signed.
    env.run(&["verify", "first.gz", "--key", &second]).fails(1);
    env.log_in(&server);

    // The server comes back with a key that no key endorsed.
    server.kill();
    std::fs::remove_file(env.path("data/keys/evidence.key")).unwrap();
    server.start_again(&env, &[]);
    let password = server.secret("password");
    let endpoint = format!("http://{}", server.address);
    let login = ["login", "-a", &endpoint, "-u", "admin", "--password-stdin"];
    let refused = env.run_with(&login, password.as_bytes()).fails(1);
    assert!(refused.contains("does not endorse it"), "{refused}");
    let trusting = [&login[..], &["--trust-new-key"]].concat();
    env.run_with(&trusting, password.as_bytes()).ok();
    download("third.gz");
    let told = env.run(&["verify", "third.gz"]).ok();
    assert!(told.contains("begins anew"), "{told}");
}

#[test]
fn a_client_that_remembers_nothing_asks_for_the_proof_since_an_earlier_receipt() {
    let (env, server) = ready();
    let key = value(&env.run(&["admin", "rotate-key"]).ok(), "key");
    let scope = ["-s", "2017-07-01", "-e", "2017-07-31"];
    let key_file = env.path("data/initial-credentials.json");
    let download = |name: &str, more: &[&str]| {
        let args = [&["download", "-o", name, "--verify"][..], &scope, more].concat();
        let mut command = env.command(&args);
        command
            .env("XDG_CONFIG_HOME", env.path("nothing"))
            .env("ATRAIL_ENDPOINT", format!("http://{}", server.address))
            .env("ATRAIL_API_KEY_FILE", &key_file)
            .env("ATRAIL_VKEY", &key);
        command.output().unwrap()
    };
    let first = download("first.gz", &[]);
    assert!(first.status.success(), "{first:?}");
    env.run_with(&["trail", "-q"], events(9, 0).as_bytes()).ok();
    // A control: without the flag, the receipt proves nothing about the earlier one, and the hint names the flag.
    let second = download("second.gz", &[]);
    assert!(second.status.success(), "{second:?}");
    let since = [
        "verify",
        "second.gz",
        "--key",
        &key,
        "--since",
        "first.gz.receipt",
    ];
    let said = env.run(&since);
    assert_eq!(said.code, 3, "{}", said.stdout);
    assert!(
        said.stdout.contains("`atrail download --since`"),
        "{}",
        said.stdout
    );
    let third = download("third.gz", &["--since", "first.gz.receipt"]);
    let notes = String::from_utf8_lossy(&third.stderr).into_owned();
    assert!(third.status.success(), "{notes}");
    assert!(
        notes.contains("the history of the earlier receipt is a beginning of this one"),
        "{notes}"
    );
    env.run(&[
        "verify",
        "third.gz",
        "--key",
        &key,
        "--since",
        "first.gz.receipt",
    ])
    .ok();
    let wrong = download("fourth.gz", &["--since", "first.gz"]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    assert!(!env.path("fourth.gz").exists());
    let session = env
        .run(
            &[
                &["session", "create", "-q"][..],
                &scope,
                &["--since", "first.gz.receipt"],
            ]
            .concat(),
        )
        .ok();
    env.run(&["download", "-o", "fifth.gz", session.trim()])
        .ok();
    env.run(&[
        "verify",
        "fifth.gz",
        "--key",
        &key,
        "--since",
        "first.gz.receipt",
    ])
    .ok();
}

#[test]
fn sessions_are_downloaded_in_any_order() {
    let (env, _server) = ready();
    let make = || {
        let args = [
            "session",
            "create",
            "-q",
            "-s",
            "2017-07-01",
            "-e",
            "2017-07-31",
        ];
        env.run(&args).ok().trim().to_owned()
    };
    let first = make();
    let more = events(9, 0);
    env.run_with(&["trail", "-q"], more.as_bytes()).ok();
    let second = make();
    env.run(&["admin", "rotate-key"]).ok();
    for (name, id) in [("a.gz", &first), ("b.gz", &second), ("c.gz", &first)] {
        env.run(&["download", "-o", name, id, "--verify"]).ok();
    }
    env.run(&[
        "download",
        "-s",
        "2017-07-01",
        "-e",
        "2017-07-31",
        "-o",
        "d.gz",
        "--verify",
    ])
    .ok();
}

#[test]
fn a_server_that_is_founded_again_signs_no_second_history() {
    let (env, mut server) = ready();
    env.run(&["admin", "rotate-key"]).ok();
    let days = ["-s", "2017-07-01", "-e", "2017-07-31", "-a"];
    let download = |name: &str| {
        env.run(&[&["download", "-o", name, "--verify"][..], &days].concat())
            .ok()
    };
    download("before.gz");
    server.kill();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(env.path(&format!("data/catalog.sqlite{suffix}")));
    }
    let data = env.path("data");
    env.run(&["admin", "recover", "--data", data.to_str().unwrap()])
        .ok();
    server.start_again(&env, &[]);
    env.log_in_only(&server);
    download("after.gz");
    let told = env.run(&["verify", "after.gz"]).ok();
    assert!(told.contains("begins anew"), "{told}");
}

#[test]
fn an_operator_sees_whether_retention_waits_for_the_clock_and_nobody_else_does() {
    let (env, server) = ready();
    let state = |args: &[&str]| env.run(&[&["admin", "retention"][..], args].concat()).ok();
    let shown = state(&["show"]);
    assert_eq!(value(&shown, "state"), "agrees", "{shown}");
    assert_eq!(value(&shown, "seconds"), "0", "{shown}");
    // Microseconds and a zone, like every displayed time; the server read both at once.
    let (clock, passed) = (value(&shown, "clock"), value(&shown, "passed"));
    assert!(clock.ends_with('Z') && clock == passed, "{shown}");
    let json = state(&["show", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["state"], "agrees");
    // There is nothing to resume: the server answers with the same state and deletes nothing.
    assert_eq!(value(&state(&["resume"]), "state"), "agrees");
    let july = ["status", "-a", "-s", "2017-07-01", "-e", "2017-07-31"];
    assert!(env.run(&july).ok().contains("2017-07"));

    let password = b"correct horse battery staple\n";
    let user = ["admin", "user", "create", "bob", "--password-stdin"];
    env.run_with(&user, password).ok();
    let grant = ["--user", "bob", "--role", "developer", "--space", "default"];
    env.run(&[&["admin", "role", "create"][..], &grant].concat())
        .ok();
    let address = server.address.to_string();
    let login = ["login", "-a", &address, "-u", "bob", "--password-stdin"];
    env.run_with(&login, password).ok();
    for asked in ["show", "resume"] {
        let refused = env.run(&["admin", "retention", asked]).fails(4);
        assert!(refused.contains("operator"), "{refused}");
    }
}
