//! Keys that owners make for service users: the README's example, typed as it stands.

use std::fs;

use crate::env::{Server, TestEnv, events, value};
use crate::http::{Caller, Connection};

#[test]
fn an_owner_makes_a_key_for_a_collector_and_sees_its_last_use() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let admin = |args: &[&str]| env.run(&[&["admin"][..], args].concat());
    admin(&["user", "create", "collector", "--no-password"]).ok();
    let role = ["role", "create", "--user", "collector", "--role", "writer"];
    admin(&[&role[..], &["--space", "default"]].concat()).ok();
    let create = ["api-key", "create", "web-1", "--user", "collector"];
    let limits = ["--space", "default", "--scope", "send", "--expires", "90d"];
    let made = admin(&[&create[..], &limits].concat()).ok();
    let key = value(&made, "key");
    let listed = |more: &[&str]| {
        let list = ["api-key", "list", "--format", "jsonl"];
        let lines = admin(&[&list[..], more].concat()).ok();
        let keys = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        keys.collect::<Vec<serde_json::Value>>()
    };
    let of_collector = listed(&["--user", "collector"]);
    assert_eq!(of_collector, listed(&["--account", "default"]));
    let [one] = &of_collector[..] else {
        panic!("{of_collector:?}");
    };
    for (member, expected) in [("name", "web-1"), ("user", "collector"), ("maker", "admin")] {
        assert_eq!(one[member], expected, "{one}");
    }
    assert_eq!(one["bound"], true);
    assert_eq!(one["space"], server.secret("space"));
    assert_eq!(one["scopes"], serde_json::json!(["send"]));
    assert!(
        one["expire_time"].is_string() && one["use_time"].is_null(),
        "{one}"
    );

    // The key comes with the request itself, and with the client in place of a login.
    let caller = Caller {
        address: server.address,
        token: key.clone(),
        space: server.secret("space"),
    };
    let mut connection = Connection::open(&caller).unwrap();
    let body = events(3, 0);
    let answer = connection.ask("POST /v3/events", "", body.as_bytes());
    answer.unwrap().json(200);
    let counts = connection.ask("GET /v3/events", "", b"");
    assert_eq!(counts.unwrap().status, 403);
    assert!(listed(&["--user", "collector"])[0]["use_time"].is_string());
    fs::write(env.path("web-1.key"), &key).unwrap();
    let mut command = env.command(&["trail"]);
    command
        .env("ATRAIL_ENDPOINT", server.address.to_string())
        .env("ATRAIL_API_KEY_FILE", env.path("web-1.key"))
        .env("ATRAIL_ORG", "default")
        .env("ATRAIL_SPACE", "default");
    crate::env::finish(&mut command, body.as_bytes()).ok();

    // What cannot be a key for somebody else is refused.
    for (args, code) in [
        (&["--user", "nobody"][..], 1),
        (&["--user", "collector", "--scope", "manage"], 1),
        (&["--expires", "soon"], 2),
        (&["--expires", "2017-07-24"], 2),
        (&["--space", "default", "--account", "default"], 2),
    ] {
        let create = ["api-key", "create", "more"];
        let said = admin(&[&create[..], args].concat()).fails(code);
        assert!(said.starts_with("error: "), "{args:?}: {said}");
    }
    assert_eq!(listed(&["--account", "default"]).len(), 1);
}
