//! `atrail serve`: its settings and its log.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::env::{Ran, Server, TestEnv};

#[test]
fn the_settings_are_checked_without_starting_anything() {
    let env = TestEnv::new();
    let check = |text: &str, more: &[&str]| {
        fs::write(env.path("atrail.toml"), text).unwrap();
        let args = ["serve", "--config", "atrail.toml", "--check-config"];
        env.run(&[&args, more].concat())
    };
    let shown = check(
        "[store]\nseal_at = \"32MiB\"\n",
        &["--listen", "127.0.0.1:1"],
    )
    .ok();
    for line in [
        "seal_at = \"32MiB\"",
        "listen = \"127.0.0.1:1\"",
        "access_ttl = \"10m\"",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    // The printed settings are a valid configuration file with the same meaning.
    assert_eq!(check(&shown, &[]).ok(), shown);
    assert!(!env.path("atrail-data").exists());

    let error = check("[store]\nseel_at = \"32MiB\"\n", &[]).fails(2);
    assert!(
        error.contains("atrail.toml") && error.contains("line 2: unknown field `seel_at`"),
        "{error}"
    );
    let error = check("[server]\nlisten = \"0.0.0.0:80\"\n", &[]).fails(2);
    assert!(error.contains("server.insecure_http is false"), "{error}");
    check("[server]\nlisten = \"0.0.0.0:80\"\n", &["--insecure-http"]).ok();
    let args = ["serve", "--config", "nowhere.toml"];
    assert!(env.run(&args).fails(2).contains("nowhere.toml"));
}

#[test]
fn the_log_is_json_on_demand_and_holds_no_secret() {
    for format in ["text", "json"] {
        let env = TestEnv::new();
        let config = format!("[log]\nformat = \"{format}\"\nlevel = \"trace\"\n");
        fs::write(env.path("atrail.toml"), config).unwrap();
        let server = Server::start_with(&env, &["--config", "atrail.toml"]);
        env.log_in(&server);
        let event = r#"{"id":"1","eventTime":"2017-07-24T01:00:00Z","action":"canary-in-an-event","outcome":"success","initiatorId":"i","targetId":"t"}"#;
        env.run_with(&["trail"], event.as_bytes()).ok();
        let wrong = [
            "login",
            "-a",
            &server.address.to_string(),
            "-u",
            "admin",
            "--password-stdin",
        ];
        env.run_with(&wrong, b"canary-in-a-password").fails(4);
        env.run(&[
            "download",
            "-s",
            "2017-07-24",
            "-e",
            "2017-07-24",
            "-o",
            "out.gz",
        ])
        .ok();
        let secrets = [server.secret("password"), server.secret("api_key")];
        let token = env.run(&["token"]).ok();
        assert_eq!(server.stop(), Some(0));

        let log = fs::read_to_string(env.path("server.log")).unwrap();
        assert!(
            log.contains("GET /v3/events/download") && log.contains("request_id"),
            "{log}"
        );
        let canaries = ["canary-in-an-event", "canary-in-a-password", token.trim()];
        let signature = token.trim().rsplit('.').next().unwrap();
        for secret in secrets
            .iter()
            .map(String::as_str)
            .chain(canaries)
            .chain([signature])
        {
            assert!(!log.contains(secret), "{secret} is in the log");
        }
        for line in log.lines().filter(|_| format == "json") {
            let line: serde_json::Value = serde_json::from_str(line).expect(line);
            assert!(line["timestamp"].is_string() && line["level"].is_string());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_takes_more_connections_than_it_was_started_with_files() {
    let env = TestEnv::new();
    let server = Server::start_after(&env, "ulimit -S -n 100");
    let connections = (0..200).map(|_| TcpStream::connect(server.address).unwrap());
    let mut connections: Vec<_> = connections.collect();
    // Well before the server closes silent connections.
    let mut last = connections.pop().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    write!(last, "GET /healthz HTTP/1.1\r\nHost: atrail\r\n\r\n").unwrap();
    let mut answer = [0; 15];
    last.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    drop(connections);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_server_with_a_certificate_that_does_not_fit_makes_nothing() {
    let env = TestEnv::new();
    let key = || rcgen::KeyPair::generate().unwrap();
    let (one, other) = (key(), key());
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    fs::write(env.path("a.pem"), params.self_signed(&one).unwrap().pem()).unwrap();
    fs::write(env.path("a.key"), one.serialize_pem()).unwrap();
    fs::write(env.path("b.key"), other.serialize_pem()).unwrap();
    let serve = |key: &str, more: &[&str]| -> Ran {
        let args = [
            "serve",
            "--data",
            "d",
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            "a.pem",
        ];
        env.run(&[&args[..], &["--tls-key", key], more].concat())
    };
    for (key, words) in [
        (
            "b.key",
            "the key b.key does not belong to the certificate a.pem",
        ),
        ("nofile", "cannot read nofile"),
    ] {
        for more in [&["--check-config"][..], &[]] {
            let said = serve(key, more).fails(2);
            assert!(said.contains(words), "{key} {more:?}: {said}");
            assert!(!said.contains("KeyMismatch"), "{said}");
            assert!(!env.path("d").exists(), "{key} {more:?}");
        }
    }
    // The control.
    serve("a.key", &["--check-config"]).ok();
    assert!(!env.path("d").exists());
}

#[test]
fn an_evidence_name_that_is_not_the_keys_warns() {
    let env = TestEnv::new();
    drop(Server::start(&env));
    let log = || fs::read_to_string(env.path("server.log")).unwrap();
    assert!(!log().contains("evidence.name"), "{}", log());
    fs::write(
        env.path("c.toml"),
        "[evidence]\nname = \"audit.example.com\"\n",
    )
    .unwrap();
    drop(Server::start_with(&env, &["--config", "c.toml"]));
    assert!(log().contains("evidence.name is not the name"), "{}", log());
}
