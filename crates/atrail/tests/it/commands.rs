//! The other commands, through the real server.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::env::{Server, TestEnv, finish, value};

#[test]
fn quickstart_shows_the_main_job_and_cleans_up() {
    let env = TestEnv::new();
    let shown = env.run(&["quickstart", "--exit"]);
    assert_eq!(shown.code, 0, "{}{}", shown.stdout, shown.stderr);
    for step in [
        "login",
        "trail",
        "status",
        "search",
        "session create",
        "download",
        "verify",
        "prove",
        "session delete",
    ] {
        assert!(
            shown.stdout.contains(&format!("$ atrail {step}")),
            "{step}: {}",
            shown.stdout
        );
    }
    assert!(
        shown.stdout.contains("Delete session success"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stderr.contains("Download completed successfully"),
        "{}",
        shown.stderr
    );
    let left: Vec<_> = fs::read_dir(env.path("")).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_script_needs_no_login() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    fs::write(env.path("key.txt"), server.secret("api_key")).unwrap();
    let mut command = env.command(&["session", "create", "--ids"]);
    command
        .env("ATRAIL_ENDPOINT", server.address.to_string())
        .env("ATRAIL_API_KEY_FILE", env.path("key.txt"))
        .env("ATRAIL_ORG", "default")
        .env("ATRAIL_SPACE", "default");
    let made = finish(&mut command, b"").ok();
    assert_eq!(value(&made, "space"), server.secret("space"));
    assert!(!env.path("home/config").exists(), "nothing is kept");
}

#[test]
fn logins_are_kept_private_and_forgotten() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let shown = env.run(&["target"]).ok();
    assert_eq!(value(&shown, "user"), "admin");
    assert_eq!(value(&shown, "org"), "default");
    let credentials = fs::read_dir(env.path("home/config/atrail/credentials")).unwrap();
    for file in credentials.flatten() {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
    let token = env.run(&["token"]).ok();
    assert_eq!(token.trim().split('.').count(), 3);
    env.run(&["logout"]).ok();
    env.run(&["token"]).fails(4);
}

#[test]
fn tenants_are_managed() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run(&["admin", "space", "create", "dev"]).ok();
    let args = ["admin", "user", "create", "alice", "--password-stdin"];
    env.run_with(&args, b"correct horse battery staple\n").ok();
    let grant = ["--user", "alice", "--role", "developer", "--space", "dev"];
    env.run(&[&["admin", "role", "create"][..], &grant].concat())
        .ok();
    let roles = env.run(&["admin", "role", "list", "--format", "csv"]).ok();
    assert!(roles.contains("alice,developer,"), "{roles}");
    let key = env.run(&["admin", "api-key", "create", "nightly"]).ok();
    assert!(value(&key, "key").starts_with("atk_"));
    let address = server.address.to_string();
    let login = [
        "login",
        "-a",
        &address,
        "-u",
        "alice",
        "--password-stdin",
        "--context",
        "alice",
    ];
    env.run_with(&login, b"correct horse battery staple\n").ok();
    env.run(&["target", "-o", "default", "-s", "dev"]).ok();
    env.run(&["status"]).ok();
    assert_eq!(
        env.run(&["context", "list", "--format", "jsonl"])
            .ok()
            .lines()
            .count(),
        2
    );
    env.run(&["context", "delete", "alice"]).ok();
}

#[test]
fn settings_say_where_they_come_from() {
    let env = TestEnv::new();
    let mut command = env.command(&["config", "show", "--origin", "--format", "csv"]);
    command.env("ATRAIL_ENDPOINT", "example.com");
    let shown = finish(&mut command, b"").ok();
    assert!(
        shown.contains("endpoint,example.com,environment ATRAIL_ENDPOINT")
            && shown.contains("verifier-key,-,default"),
        "{shown}"
    );
    let server = Server::start(&env);
    env.log_in(&server);
    let key = value(&env.run(&["admin", "rotate-key"]).ok(), "key");
    env.log_in(&server);
    let shown = env
        .run(&["config", "show", "--origin", "--format", "csv"])
        .ok();
    assert!(
        shown.contains(&format!("verifier-key,{key},context")),
        "{shown}"
    );
}

#[test]
fn an_expired_token_is_renewed_by_many_at_once() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let dir = fs::read_dir(env.path("home/config/atrail/credentials")).unwrap();
    let file = dir
        .flatten()
        .map(|file| file.path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .unwrap();
    for _ in 0..3 {
        let text = fs::read_to_string(&file).unwrap();
        let mut tokens: serde_json::Value = serde_json::from_str(&text).unwrap();
        tokens["access_token"] = "expired".into();
        fs::write(&file, tokens.to_string()).unwrap();
        let children: Vec<_> = (0..8)
            .map(|_| {
                let mut command = env.command(&["token"]);
                command.stdout(std::process::Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        // A refresh token that is used twice ends the login. So each process must have found it unused, or found the
        // tokens that another one saved.
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        let after = fs::read_to_string(&file).unwrap();
        assert!(!after.contains("expired"));
    }
}
