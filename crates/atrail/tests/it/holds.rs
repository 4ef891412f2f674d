//! What keeps events from being deleted, and what deletes them by itself.

use crate::env::{Server, TestEnv, events, value};

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
            refused.contains("case 7") && refused.contains("admin"),
            "{refused}"
        );
    }
    let second = env.run(&["hold", "set", "--reason", "x", "-a"]).fails(1);
    assert!(second.contains("release it first"), "{second}");
    // One on the space stands by itself.
    env.run(&["hold", "set", "--reason", "case 8"]).ok();
    env.run(&["hold", "release", "--reason", "closed", "-a"])
        .ok();
    let refused = env.run(&DELETE).fails(1);
    assert!(refused.contains("case 8"), "{refused}");
    env.run(&["hold", "release"]).ok();
    assert_eq!(
        env.run(&["hold", "list", "-a", "--format", "jsonl"]).ok(),
        ""
    );
    assert!(env.run(&DELETE).ok().contains("6 logs were deleted"));
    let none = env.run(&["hold", "release"]).fails(1);
    assert!(none.contains("no legal hold"), "{none}");
}

#[test]
fn a_shorter_retention_says_what_will_go() {
    let (env, _server) = ready();
    let said = env.run(&["option", "-r", "30"]).fails(2);
    assert!(said.contains("6 logs would be deleted"), "{said}");
    let said = env.run(&["option", "-r", "40000"]).fails(2);
    assert!(
        said.contains("nothing is older") || said.contains("0 logs"),
        "{said}"
    );
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
    // Who only knows the new key has no way back to the old one.
    env.run(&["verify", "first.gz", "--key", &second]).fails(1);
    env.log_in(&server);

    // The server comes back with a key that nobody endorsed.
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
