//! Spaces, accounts and users that end, and keys with few rights.

use std::fs;

use crate::env::{Server, TestEnv, finish, value};

const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

fn send(env: &TestEnv, ids: std::ops::Range<u32>) {
    let lines: String = ids
        .map(|id| {
            format!(
                "{{\"id\":\"{id}\",\"eventTime\":\"2017-07-24T01:00:00Z\",\"action\":\"read\",\
                 \"outcome\":\"success\",\"initiatorId\":\"i\",\"targetId\":\"t\"}}\n"
            )
        })
        .collect();
    env.run_with(&["trail", "-q"], lines.as_bytes()).ok();
}

/// Returns the count of the day's events in the account.
fn counted(env: &TestEnv) -> String {
    let args = [&["status", "-a", "--format", "csv"], &DAY[..]].concat();
    let listed = env.run(&args).ok();
    let row = listed.lines().nth(1).unwrap_or("2017-07-24,0,");
    row.split(',').nth(1).unwrap().to_owned()
}

#[test]
fn the_events_of_a_deleted_space_stay_with_the_account_unless_they_are_to_go() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    for (name, ids) in [("stays", 0..3), ("goes", 3..8)] {
        env.run(&["admin", "space", "create", name]).ok();
        env.run(&["target", "-s", name]).ok();
        send(&env, ids);
    }
    env.run(&["target", "-s", "stays"]).ok();
    let session = env
        .run(&[&["session", "create", "-q"], &DAY[..]].concat())
        .ok();
    env.run(&["target", "-s", "default"]).ok();
    env.run(&["option", "-r", "400", "-a", "--yes"]).ok();
    assert_eq!(counted(&env), "8");

    let delete = |args: &[&str]| env.run(&[&["admin", "space", "delete"], args].concat());
    let error = delete(&["stays"]).fails(2);
    assert!(error.contains("--yes"), "{error}");
    let told = delete(&["stays", "--dry-run"]).ok();
    // Three sent events, and the record of a session.
    assert_eq!(value(&told, "events"), "4");
    // Nobody could release a hold on a space that is gone; one on the account does not block the deletion.
    env.run(&["target", "-s", "stays"]).ok();
    env.run(&["hold", "set", "--reason", "case 7"]).ok();
    let error = delete(&["stays", "--yes"]).fails(1);
    assert!(error.contains("legal hold"), "{error}");
    env.run(&["hold", "release", "--yes"]).ok();
    env.run(&["hold", "set", "--reason", "case 8", "-a"]).ok();
    let told = delete(&["stays", "--yes"]).ok();
    assert_eq!(value(&told, "fate"), "stay with the account");
    env.run(&["target", "-s", "default"]).ok();
    env.run(&["hold", "release", "-a", "--yes"]).ok();
    delete(&["stays", "--yes"]).fails(1);
    assert_eq!(counted(&env), "8", "they stay");
    env.run(&["session", "show", session.trim()]).fails(1);
    // The account's retention applies to the events, and its downloads include them.
    let options = env.run(&["option", "-a", "--format", "csv"]).ok();
    assert_eq!(options.matches(",400").count(), 4, "{options}");
    let args = [&["download", "-a", "-o", "all.gz"], &DAY[..]].concat();
    env.run(&args).ok();

    let told = delete(&["goes", "--with-events", "--yes"]).ok();
    assert_eq!(value(&told, "events"), "5");
    assert_eq!(counted(&env), "3", "they are gone");
    // The name is free again, and a new space with that name has nothing of the old one.
    env.run(&["admin", "space", "create", "stays"]).ok();
    env.run(&["target", "-s", "stays"]).ok();
    let status = env
        .run(&[&["status", "--format", "csv"], &DAY[..]].concat())
        .ok();
    assert_eq!(status.lines().count(), 1, "{status}");
    // The remaining events survive a restart, too.
    let mut server = server;
    server.crash_and_restart(&env);
    assert_eq!(counted(&env), "3");
}

/// Accounts that call their organizations and spaces alike do not get in each other's way.
#[test]
fn a_name_means_the_one_in_the_targeted_account() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    for account in ["acme", "globex"] {
        env.run(&["admin", "account", "create", account]).ok();
        // The operator owns no account by that alone, and learns how to.
        let said = env
            .run(&["admin", "org", "create", "main", "--account", account])
            .fails(4);
        assert!(
            said.contains("role create --user USER --role owner"),
            "{said}"
        );
        let grant = ["--user", "admin", "--role", "owner", "--account", account];
        let granted = env
            .run(&[&["admin", "role", "create"][..], &grant].concat())
            .ok();
        assert_eq!(value(&granted, "account"), account);
        env.run(&["admin", "org", "create", "main", "--account", account])
            .ok();
        env.run(&["target", "--account", account]).ok();
        let made = env
            .run(&["admin", "space", "create", "prod", "--org", "main"])
            .ok();
        assert_eq!(value(&made, "organization"), "main");
        assert_eq!(value(&made, "account"), account);
    }
    // The control: where neither account is targeted, the name is none, and the hint says how to choose.
    env.run(&["target", "-o", "default", "-s", "default"]).ok();
    let said = env.run(&["admin", "org", "show", "main"]).fails(2);
    assert!(said.contains("atrail target --account ACCOUNT"), "{said}");
    let listed = env.run(&["admin", "space", "list"]).ok();
    assert_eq!(listed.matches("| acme").count(), 1, "{listed}");
    assert!(!listed.contains("| main"), "{listed}");
    for account in ["acme", "globex"] {
        let targeted = env
            .run(&["target", "--account", account, "-o", "main", "-s", "prod"])
            .ok();
        assert_eq!(value(&targeted, "account"), account);
        let shown = env.run(&["admin", "space", "show", "prod"]).ok();
        assert_eq!(value(&shown, "account"), account);
        // In a table, a name is shown where it means that thing.
        let listed = env.run(&["admin", "space", "list"]).ok();
        let of_account = |line: &&str| line.contains(&format!("| {account}"));
        let row = listed.lines().find(of_account).unwrap();
        assert!(row.contains("| main"), "{listed}");
        assert_eq!(listed.matches("| main").count(), 1, "{listed}");
        let key = env
            .run(&["admin", "ingest-key", "create", "web", "--space", "prod"])
            .ok();
        let shown = env
            .run(&["admin", "ingest-key", "show", &value(&key, "id")])
            .ok();
        assert_eq!(value(&shown, "account"), account, "{shown}");
    }
}

/// A service user cannot accept an invitation: an owner learns who does.
#[test]
fn the_operator_accepts_for_a_service_user() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run(&["admin", "user", "create", "collector", "--no-password"])
        .ok();
    let password = b"correct horse battery";
    env.run_with(
        &["admin", "user", "create", "olga", "--password-stdin"],
        password,
    )
    .ok();
    let grant = ["--user", "olga", "--role", "owner", "--account", "default"];
    env.run(&[&["admin", "role", "create"][..], &grant].concat())
        .ok();
    let address = server.address.to_string();
    let login = [
        "login",
        "-a",
        &address,
        "-u",
        "olga",
        "--password-stdin",
        "--context",
        "olga",
    ];
    env.run_with(&login, password).ok();
    let olga = |args: &[&str]| env.run(&[&["--context", "olga"][..], args].concat());
    let create = [
        "admin",
        "api-key",
        "create",
        "web",
        "--user",
        "collector",
        "--space",
        "default",
    ];
    let said = olga(&create).fails(1);
    assert!(said.contains("role create"), "{said}");
    let said = olga(&["admin", "account", "create", "other"]).fails(4);
    assert!(said.contains("ask the server's operator"), "{said}");
    let role = [
        "admin",
        "role",
        "create",
        "--user",
        "collector",
        "--role",
        "writer",
        "--space",
        "default",
    ];
    let offered = olga(&role);
    assert!(
        offered.stderr.contains("or the server's operator for them"),
        "{}",
        offered.stderr
    );
    let offered = offered.ok();
    assert_eq!(value(&offered, "space"), "default");
    olga(&create).fails(1);
    let invitation = value(&offered, "invitation");
    env.run(&[
        "--context",
        &context_of_admin(&env),
        "admin",
        "invitation",
        "accept",
        &invitation,
    ])
    .ok();
    olga(&create).ok();
}

/// Returns the name of the first login's context.
fn context_of_admin(env: &TestEnv) -> String {
    let listed = env.run(&["context", "list", "--format", "csv"]).ok();
    let row = listed
        .lines()
        .find(|line| line.contains(",admin,"))
        .unwrap();
    row.split(',').nth(1).unwrap().to_owned()
}

#[test]
fn a_space_that_ends_is_targeted_no_more_and_the_account_is() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run(&["admin", "org", "create", "shop"]).ok();
    env.run(&["admin", "space", "create", "dev", "--organization", "shop"])
        .ok();
    env.run(&["target", "-o", "shop", "-s", "dev"]).ok();
    send(&env, 0..2);
    let shown = || env.run(&["target", "--format", "json"]).ok();
    let targeted = |name: &str| {
        let target: serde_json::Value = serde_json::from_str(&shown()).unwrap();
        target[name]["name"].as_str().map(str::to_owned)
    };
    env.run(&["admin", "space", "delete", "dev", "--dry-run"])
        .ok();
    assert_eq!(targeted("space").as_deref(), Some("dev"), "the control");
    env.run(&["admin", "space", "delete", "dev", "--yes"]).ok();
    assert_eq!(targeted("space"), None);
    assert_eq!(counted(&env), "2", "-a reaches its events");
    let error = env.run(&["status"]).fails(2);
    assert!(error.contains("no space is targeted"), "{error}");
    env.run(&["admin", "org", "delete", "shop", "--yes"]).ok();
    assert_eq!((targeted("org"), targeted("account")), (None, None));
    assert_eq!(counted(&env), "2");
}

#[test]
fn accounts_and_organizations_end_when_they_are_empty() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run(&["admin", "account", "create", "acme"]).ok();
    let own = ["--user", "admin", "--role", "owner", "--account", "acme"];
    env.run(&[&["admin", "role", "create"][..], &own].concat())
        .ok();
    env.run(&["admin", "org", "create", "shop", "--account", "acme"])
        .ok();
    env.run(&["admin", "space", "create", "dev", "--organization", "shop"])
        .ok();
    let error = env
        .run(&["admin", "account", "delete", "acme", "--yes"])
        .fails(1);
    assert!(error.contains("organizations"), "{error}");
    let error = env
        .run(&["admin", "org", "delete", "shop", "--yes"])
        .fails(1);
    assert!(error.contains("spaces"), "{error}");
    env.run(&["target", "-o", "shop", "-s", "dev"]).ok();
    send(&env, 0..2);
    env.run(&["admin", "space", "delete", "dev", "--yes"]).ok();
    env.run(&["admin", "org", "delete", "shop", "--yes"]).ok();
    let error = env
        .run(&["admin", "account", "delete", "acme", "--yes"])
        .fails(1);
    assert!(error.contains("holds events"), "{error}");
    // An owner deletes them by way of a space of the account.
    env.run(&["admin", "org", "create", "last", "--account", "acme"])
        .ok();
    env.run(&["admin", "space", "create", "one", "--organization", "last"])
        .ok();
    env.run(&["target", "-o", "last", "-s", "one"]).ok();
    env.run(&[&["delete", "-a", "--yes"], &DAY[..]].concat())
        .ok();
    env.run(&["admin", "space", "delete", "one", "--yes"]).ok();
    env.run(&["admin", "org", "delete", "last", "--yes"]).ok();
    // The record of what happened in the account outlives its users.
    let error = env
        .run(&["admin", "account", "delete", "acme", "--yes"])
        .fails(1);
    assert!(error.contains("that record actions in it"), "{error}");
    // An account in which nobody acted leaves nothing behind.
    env.run(&["admin", "account", "create", "empty"]).ok();
    env.run(&["admin", "account", "delete", "empty", "--yes"])
        .ok();
    env.run(&["admin", "account", "show", "empty"]).fails(1);
    env.run(&["admin", "account", "create", "empty"]).ok();
}

#[test]
fn a_collector_sends_and_no_more_and_a_user_is_ended() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let password = b"correct horse battery staple\n";
    env.run_with(
        &["admin", "user", "create", "bob", "--password-stdin"],
        password,
    )
    .ok();
    let grant = ["--user", "bob", "--role", "writer", "--space", "default"];
    env.run(&[&["admin", "role", "create"][..], &grant].concat())
        .ok();
    let shown = env
        .run(&["admin", "role", "show", "bob", "--format", "csv"])
        .ok();
    assert!(shown.contains("bob,writer,"), "{shown}");
    let address = server.address.to_string();
    let login = [
        "login",
        "-a",
        &address,
        "-u",
        "bob",
        "--password-stdin",
        "--context",
        "bob",
    ];
    env.run_with(&login, password).ok();
    let key = [
        "admin",
        "api-key",
        "create",
        "collector",
        "--scope",
        "send",
        "--expires",
        "90",
    ];
    let key = env.run(&key).ok();
    fs::write(env.path("key.txt"), value(&key, "key")).unwrap();
    let script = |args: &[&str]| {
        let mut command = env.command(args);
        command
            .env("ATRAIL_ENDPOINT", &address)
            .env("ATRAIL_API_KEY_FILE", env.path("key.txt"))
            .env("ATRAIL_ORG", "default")
            .env("ATRAIL_SPACE", "default");
        let event = r#"{"id":"1","eventTime":"2017-07-24T01:00:00Z","action":"read","outcome":"success","initiatorId":"i","targetId":"t"}"#;
        finish(&mut command, event.as_bytes())
    };
    script(&["trail"]).ok();
    script(&["status"]).fails(4);
    script(&["admin", "api-key", "list"]).fails(4);
    let listed = env
        .run(&["admin", "api-key", "list", "--format", "jsonl"])
        .ok();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["scopes"], serde_json::json!(["send"]));
    assert!(listed["expire_time"].is_string() && listed["use_time"].is_string());

    let first = format!("127.0.0.1-{}", server.address.port());
    env.run(&["context", "use", &first]).ok();
    let keys = env
        .run(&[
            "admin", "api-key", "list", "--user", "bob", "--format", "csv",
        ])
        .ok();
    assert!(keys.contains(",collector,"), "{keys}");
    env.run(&["admin", "user", "delete", "bob", "--yes"]).ok();
    script(&["trail"]).fails(4);
    env.run(&["token", "--context", "bob"]).fails(4);
    env.run(&["target", "-o", "default", "--context", "bob"])
        .fails(4);
    env.run(&["admin", "user", "delete", "admin", "--yes"])
        .fails(1);
}

#[test]
fn names_from_others_are_harmless_on_a_terminal_and_in_paths() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let hidden = "\u{202e}evil";
    for name in ["a\u{1b}[2J", "a\nb", "\u{9b}2J", " a", "", hidden] {
        for kind in ["account", "space"] {
            env.run(&["admin", kind, "create", name]).fails(1);
        }
        env.run(&["admin", "api-key", "create", name]).fails(1);
    }
    // A name that looks like a path, a header or a log line is an ordinary name, and stays unchanged.
    for name in [
        "../../etc/passwd",
        "a level=error msg=x",
        "%0d%0aX-Evil: 1",
        "$(reboot)",
    ] {
        env.run(&["admin", "space", "create", name]).ok();
        let seen = env.run(&["admin", "space", "show", name]).ok();
        assert!(seen.contains(name), "{seen}");
        env.run(&["admin", "space", "delete", name, "--yes"]).ok();
    }
}
