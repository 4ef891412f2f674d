//! A server that was replaced: the client sends it no secret, and it cannot exhaust the client's memory.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use crate::env::{Ran, Server, TestEnv, finish};
use crate::fake::{Answer, Fake, Request};

/// Returns the verifier keys of two servers of the same name.
fn keys() -> &'static [String; 2] {
    static KEYS: OnceLock<[String; 2]> = OnceLock::new();
    KEYS.get_or_init(|| {
        let key = || {
            let env = TestEnv::new();
            let server = Server::start(&env);
            env.log_in_only(&server);
            config(&env)["contexts"]
                .as_object()
                .and_then(|all| all.values().next())
                .and_then(|context| context["verifier_key"].as_str())
                .unwrap()
                .to_owned()
        };
        [key(), key()]
    })
}

fn config(env: &TestEnv) -> Value {
    serde_json::from_slice(&fs::read(env.path("home/config/atrail/config.json")).unwrap()).unwrap()
}

/// A server that accepts every login, and can switch to the evidence key of another server.
struct Double {
    fake: Fake,
    is_other: Arc<AtomicBool>,
}

const SECRETS: [&str; 8] = [
    "password-1",
    "password-2",
    "refresh-1",
    "access.1.x",
    "bearer ",
    "atk_",
    "assertion=",
    "authorization: basic",
];

impl Double {
    fn start() -> Self {
        let is_other = Arc::new(AtomicBool::new(false));
        let other = Arc::clone(&is_other);
        let fake = Fake::start(move |request| {
            let key = &keys()[usize::from(other.load(Ordering::SeqCst))];
            answer(request, key)
        });
        Self { fake, is_other }
    }

    /// Replaces the server by another one at the same address.
    fn replace(&self) {
        self.is_other.store(true, Ordering::SeqCst);
        self.fake.forget();
    }

    fn address(&self) -> String {
        self.fake.address.to_string()
    }

    /// Returns the secrets that the server received.
    fn told(&self) -> Vec<&'static str> {
        let all: String = self
            .fake
            .seen()
            .iter()
            .map(|request| format!("{}\n{}\n{}\n", request.line, request.head, request.body))
            .collect();
        SECRETS
            .into_iter()
            .filter(|secret| all.contains(secret))
            .collect()
    }
}

fn answer(request: &Request, key: &str) -> Answer {
    let name = key.split('+').next().unwrap();
    let answer = match request.line.as_str() {
        "GET /v2/info" => json!({
            "name": "atrail", "build": "0.1.0", "api_version": "3.0.0",
            "authorization_endpoint": "http://127.0.0.1:1", "token_endpoint": "http://127.0.0.1:1",
        }),
        "GET /v3/keys" => json!({ "name": name, "key": key, "endorsements": [] }),
        "POST /oauth/token" => json!({
            "access_token": "access.1.x", "token_type": "bearer", "refresh_token": "refresh-1",
            "expires_in": 600, "scope": "", "jti": "j",
        }),
        _ => json!({ "resources": [] }),
    };
    Answer::Json(200, answer.to_string())
}

fn log_in(env: &TestEnv, address: &str, more: &[&str], password: &str) -> Ran {
    let args = ["login", "-a", address, "-u", "ann", "--password-stdin"];
    env.run_with(&[&args[..], more].concat(), password.as_bytes())
}

#[test]
fn a_server_with_another_key_is_told_no_secret_by_any_command() {
    let env = TestEnv::new();
    let double = Double::start();
    let address = double.address();
    fs::write(env.path("key.txt"), "atk_secret").unwrap();
    log_in(&env, &address, &[], "password-1").ok();
    // The control: the first server received every secret that the test looks for below.
    env.run(&["admin", "space", "list"]).ok();
    assert!(double.told().contains(&"password-1"), "{:?}", double.told());
    assert!(double.told().contains(&"access.1.x"), "{:?}", double.told());

    double.replace();
    let key_login = ["login", "-a", &address, "--api-key-file", "key.txt"];
    let sso = ["login", "-a", &address, "--sso"];
    for (args, input) in [
        (
            &["login", "-a", &address, "-u", "ann", "--password-stdin"][..],
            "password-2",
        ),
        (
            &["login", "-a", &address, "-u", "bob", "--password-stdin"],
            "password-2",
        ),
        (&["login", "-u", "ann", "--password-stdin"], "password-2"),
        (&key_login, ""),
        (&sso, ""),
        (&["passwd", "--password-stdin"], "password-1\npassword-2\n"),
        (&["target", "-o", "default"], ""),
        (&["token"], ""),
        (&["admin", "space", "list"], ""),
        (&["status", "-a"], ""),
        (&["delete", "-a", "-s", "today", "-e", "today", "--yes"], ""),
        (&["trail", "-a"], "{}"),
        (&["logout"], ""),
    ] {
        let said = env.run_with(args, input.as_bytes()).fails(1);
        assert!(said.contains("another key than before"), "{args:?}: {said}");
        assert_eq!(double.told(), [""; 0], "{args:?}");
    }
    // A script with a key of its own, once where a context knows the server and once where ATRAIL_VKEY names it.
    let script = |home: &str, vkey: Option<&str>| {
        let mut command = env.command(&["status", "-a"]);
        command
            .env("XDG_CONFIG_HOME", env.path(home))
            .env("ATRAIL_ENDPOINT", &address)
            .env("ATRAIL_API_KEY_FILE", env.path("key.txt"));
        if let Some(vkey) = vkey {
            command.env("ATRAIL_VKEY", vkey);
        }
        finish(&mut command, b"")
    };
    for ran in [
        script("home/config", None),
        script("home/none", Some(&keys()[0])),
    ] {
        let said = ran.fails(1);
        assert!(said.contains("another key than before"), "{said}");
        assert_eq!(double.told(), [""; 0]);
    }
    // A client that knows nothing of the server compares no key: the control for the two cases before.
    script("home/none", None);
    assert!(double.told().contains(&"atk_"), "{:?}", double.told());

    // A user who accepts the new key is logged in, and every context of the server remembers the new key.
    log_in(
        &env,
        &address,
        &["--context", "two", "--trust-new-key"],
        "password-2",
    )
    .ok();
    for context in config(&env)["contexts"].as_object().unwrap().values() {
        assert_eq!(context["verifier_key"], keys()[1].as_str());
    }
    log_in(&env, &address, &[], "password-2").ok();
}

#[test]
fn a_logout_forgets_the_tokens_even_where_the_server_is_another() {
    let env = TestEnv::new();
    let double = Double::start();
    log_in(&env, &double.address(), &[], "password-1").ok();
    double.replace();
    let said = env.run(&["logout"]).fails(1);
    assert!(said.contains("forgotten here"), "{said}");
    assert_eq!(double.told(), [""; 0]);
    env.run(&["token"]).fails(4);
}

#[test]
fn a_refresh_token_goes_to_the_server_that_gave_it() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let double = Double::start();
    double.replace();
    // The same context, now with a different server at its address, as when an address is reassigned.
    let path = env.path("home/config/atrail/config.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace(&server.address.to_string(), &double.address()),
    )
    .unwrap();
    env.run(&["status"]).fails(1);
    assert_eq!(double.told(), [""; 0]);
    fs::write(&path, text).unwrap();
    env.run(&["status"]).ok();
}

/// Returns the largest memory that a process used, in MiB, and its exit code, or `None` if this function had to end it.
fn watch(mut command: Command, input: &[u8]) -> (u64, Option<i32>) {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (peak, status.code());
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) >> 10);
        if peak > 600 {
            child.kill().unwrap();
            child.wait().unwrap();
            return (peak, None);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Answers every request correctly except one.
fn endless_at(line: &'static str, how: fn() -> Answer) -> Fake {
    Fake::start(move |request| {
        if request.line == line {
            return how();
        }
        answer(request, &keys()[0])
    })
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    const BLANKS: fn() -> Answer = || Answer::Endless(" ");
    const ROWS: fn() -> Answer = || {
        Answer::Endless(
            "{\"resources\":[{\"guid\":\"0a0a0a0a-0000-4000-8000-00000000000a\",\"name\":\"n\"}]}",
        )
    };
    const HUGE: fn() -> Answer = || Answer::Announced(1 << 50);
    let login = ["login", "-u", "ann", "--password-stdin"];
    let list = ["admin", "account", "list"];
    for (line, how, args) in [
        ("GET /v2/info", BLANKS, &login[..]),
        ("GET /v2/info", HUGE, &login),
        ("GET /v3/keys", BLANKS, &login),
        ("POST /oauth/token", BLANKS, &login),
        ("GET /v3/accounts", BLANKS, &list),
        ("GET /v3/accounts", ROWS, &list),
        ("GET /v3/accounts", HUGE, &list),
    ] {
        let env = TestEnv::new();
        let fake = endless_at(line, how);
        let address = fake.address.to_string();
        let mut command = env.command(args);
        command.env("ATRAIL_ENDPOINT", &address);
        if args == list {
            fs::write(env.path("key.txt"), "atk_secret").unwrap();
            command.env("ATRAIL_API_KEY_FILE", env.path("key.txt"));
        }
        let (peak, code) = watch(command, b"x");
        assert_eq!(code, Some(1), "{line}: {peak} MiB");
        assert!(peak < 400, "{line}: {peak} MiB");
    }
}

#[test]
fn an_error_without_end_is_told_as_an_error() {
    let env = TestEnv::new();
    let fake = Fake::start(|request| match request.line.as_str() {
        "GET /v2/info" => Answer::Json(418, " ".repeat(3 << 20)),
        _ => answer(request, &keys()[0]),
    });
    let said = log_in(&env, &fake.address.to_string(), &[], "x").fails(1);
    assert!(said.contains("418"), "{said}");
}
