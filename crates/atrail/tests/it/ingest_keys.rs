//! `atrail admin ingest-key`, as people type it.

use serde_json::Value;

use crate::env::{Ran, Server, TestEnv, events};
use crate::http::{Caller, Connection};

fn json(ran: Ran) -> Value {
    let text = ran.ok();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Sends events with a key alone; returns the status.
fn send(server: &Server, key: &str, body: &str) -> u16 {
    let caller = Caller {
        address: server.address,
        token: key.to_owned(),
        space: server.secret("space"),
    };
    let mut connection = Connection::open(&caller).unwrap();
    let answer = connection.ask("POST /v3/events", "", body.as_bytes());
    answer.unwrap().status
}

#[test]
fn a_key_is_made_shown_rotated_and_deleted() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let keys = |words: &[&str]| {
        let mut args = vec!["admin", "ingest-key"];
        args.extend(words);
        args.extend(["--format", "json"]);
        env.run(&args)
    };
    let made = json(keys(&[
        "create",
        "fluent-bit",
        "--space",
        "default",
        "--silent-after",
        "36h",
    ]));
    let first = made["key"].as_str().unwrap();
    assert_eq!(send(&server, first, &events(3, 0)), 200);
    let shown = json(keys(&["show", "fluent-bit"]));
    assert_eq!(
        (&shown["accepted"], &shown["silent_after"]),
        (&3.into(), &129_600.into())
    );
    let table = env.run(&["admin", "ingest-key", "show", "fluent-bit"]).ok();
    assert!(table.contains("36h"), "{table}");
    let rotated = json(keys(&["rotate", "fluent-bit", "--overlap", "1d"]));
    let second = rotated["key"].as_str().unwrap();
    assert_eq!((&rotated["id"], first == second), (&made["id"], false));
    for key in [first, second] {
        assert_eq!(send(&server, key, &events(1, 0)), 200);
    }
    json(keys(&["rotate", "fluent-bit", "--overlap", "0"]));
    assert_eq!(send(&server, second, &events(1, 0)), 401);
    // The targeted space is the default, and -a means the account.
    json(keys(&["create", "targeted"]));
    json(keys(&["create", "whole", "-a"]));
    let listed = json(keys(&["list"]));
    let places: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (&key["name"], key["space"].is_string()))
        .collect();
    let name = |name: &str| Value::from(name);
    assert_eq!(
        places,
        [
            (&name("fluent-bit"), true),
            (&name("targeted"), true),
            (&name("whole"), false)
        ]
    );
    env.run(&["admin", "ingest-key", "delete", "fluent-bit", "--yes"])
        .ok();
    assert!(
        keys(&["show", "fluent-bit"])
            .fails(1)
            .contains("fluent-bit")
    );
}

#[test]
fn words_that_make_no_key_are_refused() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    for (words, code, said) in [
        (&["--silent-after", "soon"][..], 2, "expected days"),
        (&["--silent-after", "5s"], 1, "silent_after"),
        (&["--type", "no-format"], 1, "type is"),
        (&["-a", "--space", "default"], 2, "cannot be used"),
        (&["--account", "default"], 2, "--at-account-level"),
        (&["--certificate", "no-such-file"], 1, "no-such-file"),
    ] {
        let mut args = vec!["admin", "ingest-key", "create", "x"];
        args.extend(words);
        let error = env.run(&args).fails(code);
        assert!(error.contains(said), "{words:?}: {error}");
    }
    let file = env.path("no.pem");
    std::fs::write(&file, "no certificate").unwrap();
    let args = [
        "admin",
        "ingest-key",
        "create",
        "x",
        "--certificate",
        file.to_str().unwrap(),
    ];
    assert!(env.run(&args).fails(2).contains("no usable certificate"));
}

#[test]
fn a_command_with_an_ingest_key_says_what_it_needs_and_what_such_a_key_is_for() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let args = [
        "admin",
        "ingest-key",
        "create",
        "web",
        "--space",
        "default",
        "--format",
        "json",
    ];
    let made = json(env.run(&args));
    let trail = |key: &str| {
        std::fs::write(env.path("key"), key).unwrap();
        let mut command = env.command(&["trail", "-q"]);
        command
            .env("XDG_CONFIG_HOME", env.path("nothing"))
            .env("ATRAIL_ENDPOINT", format!("http://{}", server.address))
            .env("ATRAIL_API_KEY_FILE", env.path("key"));
        crate::env::finish(&mut command, events(1, 0).as_bytes()).fails(4)
    };
    let said = trail(made["key"].as_str().unwrap());
    assert!(
        said.contains("an ingest key begins no login")
            && said.contains("atrail admin api-key create NAME --scope send")
            && said.contains("/v3/events")
            && !said.contains("log in again"),
        "{said}"
    );
    // A control: a key that is none gets another hint.
    let said = trail("garbage");
    assert!(
        said.contains("check the file with the API key") && !said.contains("ingest key"),
        "{said}"
    );
}
