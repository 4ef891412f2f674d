//! Secrets that clients send appear nowhere readable.

use std::fs;

use crate::env::{Server, TestEnv};
use crate::http::{Caller, Connection};

const CANARY: &str = "canary-5e1f0c";

#[test]
fn a_secret_is_in_no_log_no_answer_no_number_and_no_argument() {
    let env = TestEnv::new();
    fs::write(env.path("atrail.toml"), "[log]\nlevel = \"trace\"\n").unwrap();
    let server = Server::start_with(&env, &["--config", "atrail.toml"]);
    env.log_in(&server);
    let token = env.run(&["token"]).ok().trim().to_owned();
    let caller = |token: &str| Caller {
        address: server.address,
        token: token.to_owned(),
        space: server.secret("space"),
    };
    let mut said = String::new();
    let mut ask = |token: &str, request: &str, headers: &str, body: &str| {
        let mut connection = Connection::open(&caller(token)).unwrap();
        let answer = connection.ask(request, headers, body.as_bytes()).unwrap();
        said.push_str(&String::from_utf8_lossy(&answer.body));
        answer.status
    };
    let mut made = 0;
    let mut fresh = |what: &str| {
        made += 1;
        format!("{CANARY}-{what}-{made}")
    };
    // As the secret of every kind of login, right or wrong, known or unknown.
    for form in [
        format!(
            "grant_type=password&username=admin&password={}",
            fresh("password")
        ),
        format!(
            "grant_type=password&username=apikey&password=atk_{}",
            fresh("key")
        ),
        format!("grant_type=password&passcode={}", fresh("passcode")),
        format!(
            "grant_type=refresh_token&refresh_token={}",
            fresh("refresh")
        ),
        format!(
            "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={}",
            fresh("id")
        ),
        format!(
            "grant_type=password&username=admin&password[]={}",
            fresh("odd")
        ),
        format!("{{\"password\":\"{}\"}}", fresh("json")),
    ] {
        for path in ["/oauth/token", "/UAALoginServerWAR/oauth/token"] {
            ask(&token, &format!("POST {path}"), "", &form);
        }
    }
    assert_eq!(
        ask(
            &token,
            "POST /oauth/revoke",
            "",
            &format!("token={}", fresh("revoked"))
        ),
        200
    );
    let wrong = format!("Authorization: Basic {}\r\n", fresh("client"));
    assert_eq!(
        ask(&token, "POST /oauth/token", &wrong, "grant_type=password"),
        401
    );
    // As a token, in either header, and in a place where none belongs.
    assert_eq!(ask(&fresh("token"), "GET /v3/events", "", ""), 401);
    let bearer = format!("Authorization: Bearer {}\r\n", fresh("bearer"));
    ask(&token, "GET /v3/events", &bearer, "");
    ask(
        &token,
        &format!("GET /v3/events?access_token={}", fresh("query")),
        "",
        "",
    );
    let cookie = format!(
        "Cookie: session={}\r\nReferer: {}\r\n",
        fresh("cookie"),
        fresh("referer")
    );
    ask(&token, "GET /v3/events", &cookie, "");
    // As a password that a request sets or changes, in valid and invalid bodies.
    let user = format!("{{\"name\":\"ann\",\"password\":\"{}\"}}", fresh("new"));
    assert_eq!(ask(&token, "POST /v3/users", "", &user), 201);
    for body in [
        format!("{{\"name\":\"bob\",\"password\":\"{}\"", fresh("cut")),
        format!("{{\"name\":\"bob\",\"password\":[\"{}\"]}}", fresh("list")),
        format!("{{\"name\":\"ann\",\"password\":\"{}\"}}", fresh("taken")),
    ] {
        assert!(ask(&token, "POST /v3/users", "", &body) >= 400);
    }
    for body in [
        format!(
            "{{\"old\":\"{}\",\"new\":\"{}\"}}",
            fresh("old"),
            fresh("next")
        ),
        format!("{{\"old\":\"{}\",\"new\":5}}", fresh("old")),
    ] {
        assert!(ask(&token, "PUT /v3/password", "", &body) >= 400);
    }
    let key = format!("Idempotency-Key: {}\r\n", fresh("idempotency"));
    ask(&token, "POST /v3/sessions", &key, "{}");
    ask(&token, "GET /metrics", "", "");
    ask(&token, "GET /readyz", "", "");
    let arguments = fs::read(format!("/proc/{}/cmdline", server.id())).unwrap();
    said.push_str(&String::from_utf8_lossy(&arguments));
    let secrets = [server.secret("password"), server.secret("api_key"), token];
    assert_eq!(server.stop(), Some(0));
    let log = fs::read_to_string(env.path("server.log")).unwrap();
    assert!(
        log.contains("POST /oauth/token"),
        "the control: the requests are in the log"
    );
    for text in [&said, &log] {
        let at = text
            .find(CANARY)
            .map(|at| &text[at..(at + 60).min(text.len())]);
        assert_eq!(at, None);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()));
        }
    }
    // Nor in the server's files.
    for entry in walk(&env.path("data")) {
        let bytes = fs::read(&entry).unwrap();
        let found = bytes
            .windows(CANARY.len())
            .any(|window| window == CANARY.as_bytes());
        assert!(!found, "{}", entry.display());
    }
}

/// Returns every file below a directory.
fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[test]
fn what_a_client_sends_forges_no_header_and_no_line_of_the_log() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let token = env.run(&["token"]).ok().trim().to_owned();
    let mut connection = Connection::open(&Caller {
        address: server.address,
        token,
        space: server.secret("space"),
    })
    .unwrap();
    let mut forged = |request: &str, headers: &str| {
        let answer = connection.ask(request, headers, b"").unwrap();
        assert!(!String::from_utf8_lossy(&answer.body).contains('\u{1b}'));
        answer.status
    };
    forged("GET /v3/spaces?names=%0d%0aX-Evil:%201%1b%5b2J", "");
    forged("GET /v3/events?start=%1b%5b2J%0aforged", "");
    forged("GET /v3/sessions/%0aforged%1b%5b2J", "");
    forged("GET /%0aforged%1b%5b2J", "");
    forged("GET /v2/info", "X-Request-Id: a forged=1\r\n");
    forged("GET /v3/events", "X-Request-Id: \u{9b}2Jforged\r\n");
    assert_eq!(server.stop(), Some(0));
    let log = fs::read_to_string(env.path("server.log")).unwrap();
    assert!(!log.contains('\u{1b}') && !log.contains('\u{9b}'), "{log}");
    assert!(
        log.lines()
            .all(|line| !line.trim_start().starts_with("forged")),
        "{log}"
    );
    assert!(!log.contains("forged=1"), "{log}");
}
