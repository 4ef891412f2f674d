//! Starting and stopping.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atrail_api::paths;
use atrail_server::{Server, StartError};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Made, TestServer, clock, events, settings};

#[tokio::test]
async fn the_first_start_writes_credentials_that_work_and_later_starts_keep_them() {
    let server = TestServer::start().await;
    assert_eq!(
        server.running.first_credentials,
        Some(server.credentials_file())
    );
    for file in [
        server.credentials_file(),
        server.dir.path().join("data/keys/token-signing.key"),
    ] {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(server.initial.endpoint, server.running.endpoint());
    server.login("admin", &server.initial.password).await;
    let admin = server.admin().await;
    admin.send_events(events(3)).await;

    let before = server.initial.clone();
    let server = server.restart().await;
    assert_eq!(server.running.first_credentials, None);
    assert_eq!(server.initial.password, before.password);
    assert_eq!(server.initial.api_key, before.api_key);
    assert_eq!(server.initial.endpoint, server.running.endpoint());
    let rows: Vec<Value> = server.admin().await.get(paths::EVENTS).made().await;
    assert_eq!(rows[0]["count"], 3);
}

#[tokio::test]
async fn one_directory_has_one_server() {
    let server = TestServer::start().await;
    let second = Server::start(settings(&server.dir), clock()).await;
    assert!(matches!(second, Err(StartError::Store(_))), "{second:?}");
}

#[tokio::test]
async fn plain_http_is_for_this_machine_unless_it_is_allowed() {
    let dir = Arc::new(TempDir::new().unwrap());
    let mut open = settings(&dir);
    open.listen = "0.0.0.0:0".parse().unwrap();
    let refused = Server::start(open.clone(), clock()).await;
    assert!(matches!(refused, Err(StartError::Setting(error)) if error.is_insecure()));
    open.insecure_http = true;
    let running = Server::start(open, clock()).await.unwrap();
    assert!(running.endpoint().starts_with("http://127.0.0.1:"));
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_taken_address_is_an_error_and_frees_the_directory() {
    let server = TestServer::start().await;
    let dir = TempDir::new().unwrap();
    let mut taken = settings(&dir);
    taken.listen = server.running.addr;
    let refused = Server::start(taken, clock()).await;
    assert!(matches!(refused, Err(StartError::Listen { .. })));
    let running = Server::start(settings(&dir), clock()).await.unwrap();
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn shutdown_waits_for_a_request_under_way_and_no_longer_than_it_must() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let body = events(1);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\nX-Auth-Project-Id: {}\r\nContent-Length: {}\r\n\r\n",
        paths::EVENTS,
        admin.token.as_deref().unwrap(),
        server.initial.space,
        body.len()
    );
    let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    let ending = tokio::spawn(server.running.shutdown());
    tokio::time::sleep(Duration::from_millis(200)).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    ending.await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn shutdown_cuts_who_does_not_end() {
    let server = TestServer::with(|settings| settings.drain = Duration::from_millis(300)).await;
    let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    server.running.shutdown().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}
