//! Logins that end, keys that change, and several contexts side by side.

use std::fs;
use std::path::PathBuf;

use crate::env::{Server, TestEnv, finish};

/// Returns the file with the tokens of the only context.
fn credentials(env: &TestEnv) -> PathBuf {
    let dir = fs::read_dir(env.path("home/config/atrail/credentials")).unwrap();
    let mut files = dir.flatten().map(|file| file.path());
    files
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .unwrap()
}

#[test]
fn a_logout_ends_the_login_at_the_server() {
    let env = TestEnv::new();
    let mut server = Server::start(&env);
    env.log_in(&server);
    let file = credentials(&env);
    let kept = fs::read(&file).unwrap();
    // The control: a copy of the tokens works as well as the original.
    fs::write(&file, &kept).unwrap();
    env.run(&["status"]).ok();
    env.run(&["logout"]).ok();
    assert!(!file.exists());
    fs::write(&file, &kept).unwrap();
    env.run(&["status"]).fails(4);

    // Deleting the context ends the login, too.
    env.log_in(&server);
    let kept = fs::read(&file).unwrap();
    let name = format!("127.0.0.1-{}", server.address.port());
    env.run(&["context", "delete", &name]).ok();
    assert!(!file.exists());
    env.log_in(&server);
    fs::write(&file, &kept).unwrap();
    env.run(&["status"]).fails(4);

    // Without the server, the client forgets the tokens nevertheless, and reports it.
    env.log_in(&server);
    server.kill();
    let error = env.run(&["logout"]).fails(5);
    assert!(error.contains("forgotten here"), "{error}");
    assert!(!file.exists());
    env.run(&["token"]).fails(4);
}

#[test]
fn after_a_logout_nobody_is_shown_as_logged_in() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let shown = |command: &[&str]| env.run(&[command, &["--format", "csv"]].concat()).ok();
    let all = || {
        (
            shown(&["target"]),
            shown(&["config", "show"]),
            shown(&["context", "list"]),
        )
    };
    // The control.
    let (target, config, contexts) = all();
    assert!(target.contains(",admin,"), "{target}");
    assert!(config.contains("user,admin"), "{config}");
    assert!(
        contexts.contains(",admin,default,default,yes"),
        "{contexts}"
    );

    env.run(&["logout"]).ok();
    let (target, config, contexts) = all();
    assert!(!target.contains("admin"), "{target}");
    assert!(config.contains("user,-"), "{config}");
    assert!(contexts.contains(",default,default,no"), "{contexts}");
    let said = env.run(&["target"]);
    assert!(said.stderr.contains("Not logged in"), "{}", said.stderr);
    let json = env.run(&["target", "--format", "json"]).ok();
    assert!(json.contains("\"user\": null"), "{json}");
    let again = env.run(&["logout"]);
    assert!(
        again.stderr.contains("Nobody was logged in"),
        "{}",
        again.stderr
    );
    again.ok();
    // The login keeps the target.
    env.log_in_only(&server);
    env.run(&["status"]).ok();
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_secret() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let address = server.address.to_string();
    let login = ["login", "-a", &address, "-u", "admin", "--password-stdin"];
    let password = server.secret("password");
    env.run_with(&login, format!("\u{feff}{password}\r\n").as_bytes())
        .ok();
    // The control: a second mark is one character too many.
    env.run_with(&login, format!("\u{200b}{password}").as_bytes())
        .fails(4);
    let key = format!("\u{feff}{}\r\n", server.secret("api_key"));
    fs::write(env.path("key.txt"), &key).unwrap();
    let by_key = ["login", "-a", &address, "--api-key-file", "key.txt"];
    env.run(&by_key).ok();
    let utf16: Vec<u8> = key.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(env.path("key.txt"), &utf16).unwrap();
    let said = env.run(&by_key).fails(2);
    assert!(said.contains("UTF-16"), "{said}");
    let said = env.run_with(&login, &utf16).fails(2);
    assert!(said.contains("UTF-16"), "{said}");
    let passwd = ["passwd", "--password-stdin"];
    let lines = format!("\u{feff}{password}\na longer password\n");
    env.run_with(&passwd, lines.as_bytes()).ok();
    env.run_with(&login, b"a longer password").ok();
}

#[test]
fn a_rotated_key_is_noticed_by_nobody() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let keys = |command: &str| {
        let listed = env
            .run(&["admin", "token-key", command, "--format", "csv"])
            .ok();
        listed
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = keys("list");
    assert_eq!(before.len(), 1);
    let token = env.run(&["token"]).ok();
    let after = keys("rotate");
    assert_eq!(after.len(), 2);
    assert_eq!(after[1], before[0], "the one before is still good");
    env.run(&["status"]).ok();
    assert_eq!(env.run(&["token"]).ok(), token, "the same token");
    // A second rotation drops the key, and the client silently gets another token.
    keys("rotate");
    let quiet = env.run(&["status"]);
    assert_eq!(quiet.stderr, "");
    quiet.ok();
    assert_ne!(env.run(&["token"]).ok(), token);
}

#[test]
fn a_context_that_a_flag_names_wins_over_the_environment_and_that_over_the_current_one() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in_only(&server);
    let address = server.address.to_string();
    let login = [
        "login",
        "-a",
        &address,
        "-u",
        "admin",
        "--password-stdin",
        "--context",
        "two",
    ];
    env.run_with(&login, server.secret("password").as_bytes())
        .ok();
    env.run(&["target", "-o", "default", "-s", "default"]).ok();
    let first = format!("127.0.0.1-{}", server.address.port());
    env.run(&["context", "use", &first]).ok();

    let shown = |args: &[&str], variables: &[(&str, &str)]| {
        let args = [&["config", "show", "--origin", "--format", "csv"], args].concat();
        let mut command = env.command(&args);
        command.envs(variables.iter().copied());
        finish(&mut command, b"").ok()
    };
    let endpoint = format!("http://{address}");
    for (args, variables, lines) in [
        (
            &[][..],
            &[][..],
            vec![
                format!("context,{first},"),
                format!("endpoint,{endpoint},context"),
            ],
        ),
        (
            &[],
            &[("ATRAIL_CONTEXT", "two")],
            vec![
                "context,two,environment ATRAIL_CONTEXT".to_owned(),
                "space,default,context".to_owned(),
            ],
        ),
        (
            &["--context", "two"],
            &[("ATRAIL_CONTEXT", first.as_str())],
            vec!["context,two,flag".to_owned()],
        ),
        (
            &[],
            &[
                ("ATRAIL_ENDPOINT", "example.com"),
                ("ATRAIL_SPACE", "other"),
            ],
            vec![
                "endpoint,example.com,environment ATRAIL_ENDPOINT".to_owned(),
                "space,other,environment ATRAIL_SPACE".to_owned(),
                // Nothing from the context of another server applies.
                "context,-,default".to_owned(),
                "user,-,default".to_owned(),
            ],
        ),
        (
            &["--context", "two"],
            &[
                ("ATRAIL_ENDPOINT", "example.com"),
                ("ATRAIL_SPACE", "other"),
                ("ATRAIL_API_KEY_FILE", "key.txt"),
            ],
            vec![
                format!("endpoint,{endpoint},context"),
                "space,default,context".to_owned(),
                "api-key-file,-,default".to_owned(),
            ],
        ),
    ] {
        let seen = shown(args, variables);
        for line in lines {
            assert!(seen.contains(&line), "{line} is not in\n{seen}");
        }
    }
    // The setting is not only displayed: the request goes to the flag's server.
    let mut command = env.command(&["status", "--context", "two"]);
    command
        .env("ATRAIL_ENDPOINT", "127.0.0.1:1")
        .env("ATRAIL_SPACE", "nowhere");
    finish(&mut command, b"").ok();
    let mut command = env.command(&["status"]);
    command
        .env("ATRAIL_ENDPOINT", "127.0.0.1:1")
        .env("ATRAIL_API_KEY_FILE", env.path("k"));
    fs::write(env.path("k"), "atk_x").unwrap();
    command.env("ATRAIL_ORG", "default");
    finish(&mut command, b"").fails(5);
    // The client does not store another server's defaults in this context.
    let elsewhere = TestEnv::new();
    let other = Server::start(&elsewhere);
    fs::write(env.path("k"), other.secret("api_key")).unwrap();
    let mut command = env.command(&["target", "-o", "default"]);
    command
        .env("ATRAIL_ENDPOINT", other.address.to_string())
        .env("ATRAIL_API_KEY_FILE", env.path("k"));
    let error = finish(&mut command, b"").fails(2);
    assert!(error.contains("ATRAIL_ENDPOINT"), "{error}");
    env.run(&["status", "--context", "nowhere"]).fails(2);
    env.run(&["status", "--context", "../../etc/passwd"])
        .fails(2);
}
