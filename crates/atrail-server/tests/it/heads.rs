//! Ambiguous heads of requests, and bodies that no handler reads.

use std::time::Duration;

use atrail_api::headers::{AUTH_TOKEN, PROJECT_ID};
use atrail_api::{InfoResponse, List, Space, SpaceCreate, paths};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Made, TestServer};

/// Sends bytes unchanged, and returns everything that arrives until the server closes.
async fn raw(server: &TestServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(30), read)
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_head_says_once_what_it_says() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let token = format!("{AUTH_TOKEN}: bearer {}\r\n", admin.token.as_ref().unwrap());
    let space = format!("{PROJECT_ID}: {}\r\n", server.initial.space);
    let host = "Host: h\r\n";
    let close = "Connection: close\r\n\r\n";
    let line = "GET /v3/events HTTP/1.1\r\n";
    for (head, status) in [
        // The control.
        (format!("{line}{host}{token}{space}{close}"), "200"),
        (format!("{line}{token}{space}{close}"), "400"),
        (
            format!("{line}{host}Host: other\r\n{token}{space}{close}"),
            "400",
        ),
        (format!("{line}{host}{host}{token}{space}{close}"), "400"),
        (format!("{line}{host}{token}{space}{space}{close}"), "400"),
        (format!("{line}{host}{token}{token}{space}{close}"), "400"),
        (
            format!("{line}{host}{token}{space}SESSIONID: a\r\nsessionid: b\r\n{close}"),
            "400",
        ),
        (
            format!("GET /v3/events HTTP/1.0\r\n{token}{space}{close}"),
            "200",
        ),
    ] {
        let answer = raw(&server, &head).await;
        let found = answer.split(' ').nth(1).unwrap_or_default();
        assert_eq!(found, status, "{head}\n{answer}");
    }
}

#[tokio::test]
async fn without_a_host_the_server_names_the_port_it_listens_on() {
    let server = TestServer::start().await;
    let answer = raw(&server, "GET /v2/info HTTP/1.0\r\n\r\n").await;
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let info: InfoResponse = serde_json::from_str(body).unwrap();
    assert_eq!(
        info.token_endpoint,
        format!("http://{}", server.running.addr)
    );
    let named = raw(&server, "GET /v2/info HTTP/1.0\r\nHost: name:81\r\n\r\n").await;
    assert!(named.contains("http://name:81"), "{named}");
}

#[tokio::test]
async fn who_is_refused_early_can_send_the_rest_and_read_the_answer() {
    let server = TestServer::start().await;
    let length = 8 << 20;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
        paths::EVENTS
    );
    let answer = raw(&server, &(head + &" ".repeat(length))).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("unauthenticated"), "{answer}");

    // The server drops the body up to a limit, and cuts off a client that sends more, even if it announced that length.
    let endless = format!(
        "POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        paths::EVENTS,
        1_u64 << 40
    );
    let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
    stream.write_all(endless.as_bytes()).await.unwrap();
    let chunk = vec![b' '; 1 << 20];
    let mut sent = 0;
    while sent < 1 << 10 && stream.write_all(&chunk).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 1 << 10, "{sent} MiB were taken");
}

#[tokio::test]
async fn a_comma_in_a_name_is_escaped_in_lists() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let relationships = json!({"organization": {"data": {"guid": server.initial.organization}}});
    for name in ["one, two", "100%", "two"] {
        let new = json!({"name": name, "relationships": relationships});
        let _: SpaceCreate = serde_json::from_value(new.clone()).unwrap();
        let _: Value = admin.post(paths::SPACES).json(&new).made().await;
    }
    for (query, names) in [
        ("one%252C%20two", &["one, two"][..]),
        ("two", &["two"]),
        ("one%252C%20two,two", &["one, two", "two"]),
        ("100%25", &["100%"]),
        ("100%2525", &["100%"]),
        // Unescaped, the filter also matches the whole text as one name, besides the items of the list.
        ("one,%20two", &["one, two", "two"]),
        ("other", &[]),
    ] {
        let path = format!("{}?names={query}", paths::SPACES);
        let found: List<Space> = admin.get(&path).made().await;
        let mut found: Vec<_> = found
            .resources
            .into_iter()
            .map(|space| space.name)
            .collect();
        found.sort();
        assert_eq!(found, names, "{query}");
    }
}
