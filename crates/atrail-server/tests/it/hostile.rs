//! Hostile bodies and clients. After each of them, the server serves as before.

use std::io::Write;
use std::time::{Duration, Instant};

use atrail_api::paths;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, Made, TestServer, event, event_at, events};

async fn still_serves(client: &Client) {
    client.send_events(event(99)).await;
}

/// 16 MiB of zeros in 16 KiB, repeated: 2 GiB.
fn bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 16 << 20]).unwrap();
    encoder.finish().unwrap().repeat(128)
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let request = admin.post(paths::EVENTS).header("Content-Encoding", "gzip");
    let (status, code) = request.body(bomb()).refused().await;
    assert_eq!((status, code.as_str()), (413, "too_large"));
    still_serves(&admin).await;
}

/// If the server invited a retry, the client would retry for ever.
#[tokio::test]
async fn what_memory_can_never_hold_is_refused_for_good() {
    let server = TestServer::with(|settings| settings.ingest_bytes_in_flight = 1 << 20).await;
    let admin = server.admin().await;
    let request = admin.post(paths::EVENTS).header("Content-Encoding", "gzip");
    let (status, code) = request.body(bomb()).refused().await;
    assert_eq!((status, code.as_str()), (413, "too_large"));
    still_serves(&admin).await;
}

#[tokio::test]
async fn depth_and_size_are_limited_and_what_is_good_is_kept() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let deep = "[{\"a\":".repeat(100_000);
    let (status, _) = admin.post(paths::EVENTS).body(deep).seen().await;
    assert_eq!(status, 400);
    let deep = event(1).replace(
        "\"bucket\"",
        &format!("{}{}", "[".repeat(200_000), "]".repeat(200_000)),
    );
    let huge = event(2).replace("bucket", &"x".repeat(3 << 20));
    let body = format!("{}\n{deep}\n{huge}\n{}\n", event(3), event(4));
    let answer = admin.post(paths::EVENTS).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 207);
    let answer: Vec<Value> = answer.json().await.unwrap();
    let kept: Vec<bool> = answer
        .iter()
        .map(|one| one.get("value").is_some())
        .collect();
    assert_eq!(kept, [true, false, false, true]);
    assert_eq!(
        (&answer[1]["line"], &answer[2]["line"]),
        (&2.into(), &3.into())
    );
    still_serves(&admin).await;
}

/// The conversion of a body may be many times as long as the body.
#[tokio::test]
async fn a_conversion_that_grows_beyond_a_request_is_refused_whole() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let line = format!(
        "{{\"started_at\":1500973200000,\"client_ip\":\"{}\",\"request\":{{}}}}\n",
        "9".repeat(70)
    );
    let request = |lines: usize| {
        let path = format!("{}?type=kong", paths::EVENTS);
        let request = admin.post(&path).header("Prefer", "return=minimal");
        request.body(line.repeat(lines))
    };
    assert_eq!(
        request(1000).seen().await.0,
        200,
        "the control: few of them"
    );
    let (status, code) = request(490_000).refused().await;
    assert_eq!((status, code.as_str()), (413, "too_large"));
    let days: Vec<Value> = admin
        .get(&format!("{}?start=1970-01-01", paths::EVENTS))
        .made()
        .await;
    assert_eq!(
        days.iter()
            .map(|day| day["count"].as_u64().unwrap())
            .sum::<u64>(),
        1000
    );
}

/// Empty gzip members unpack to nothing, and still cost work.
#[tokio::test]
async fn compressed_bytes_are_limited_even_when_they_unpack_to_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let empty = GzEncoder::new(Vec::new(), Compression::best())
        .finish()
        .unwrap();
    let chunk = bytes::Bytes::from(empty.repeat((1 << 20) / empty.len()));
    let chunks = std::iter::repeat_n(chunk, 66).map(Ok::<_, std::io::Error>);
    // In chunks without an announced length, so that the server can count only what arrives.
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let request = admin.post(paths::EVENTS).header("Content-Encoding", "gzip");
    let (status, code) = request.body(body).refused().await;
    assert_eq!((status, code.as_str()), (413, "too_large"));
    still_serves(&admin).await;
}

/// Every hour becomes a file, so a request with very many hours would delay all others.
#[tokio::test]
async fn a_request_lies_in_a_bounded_number_of_hours() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let lines = |hours: usize| -> String {
        (0..hours)
            .map(|hour| {
                let (year, day, hour) = (1980 + hour / 24 / 28, hour / 24 % 28 + 1, hour % 24);
                event_at(hour, &format!("{year}-02-{day:02}T{hour:02}:00:00Z")) + "\n"
            })
            .collect()
    };
    let (status, code) = admin.post(paths::EVENTS).body(lines(4097)).refused().await;
    assert_eq!((status, code.as_str()), (413, "too_large"));
    let (status, _) = admin.post(paths::EVENTS).body(lines(4096)).seen().await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn garbage_is_refused_in_words() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for body in [
        b"\0\0\0\0".to_vec(),
        b"\xff\xfe{\"".to_vec(),
        b"{".to_vec(),
        b"]".to_vec(),
        b"null".to_vec(),
        b"[1,2,3]".to_vec(),
        b"<xml/>".to_vec(),
        b"\x1b[2J\x1b]0;owned\x07".to_vec(),
        vec![0x1f, 0x8b, 8, 0],
    ] {
        let (status, text) = admin.post(paths::EVENTS).body(body.clone()).seen().await;
        assert_eq!(status, 400, "{body:?}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    let lying = admin.post(paths::EVENTS).header("Content-Encoding", "zstd");
    assert_eq!(lying.body(event(1)).refused().await.0, 400);
    let large = "x".repeat(100_000);
    assert_eq!(
        admin.post(paths::SESSIONS).body(large).refused().await.0,
        413
    );
    still_serves(&admin).await;
}

/// Sends raw bytes, and returns everything that arrives until the server closes.
async fn raw(server: &TestServer, bytes: &str) -> String {
    let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer counts as a close.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn head(client: &Client, path: &str, rest: &str) -> String {
    let (token, space) = (
        client.token.as_deref().unwrap(),
        client.space.as_deref().unwrap(),
    );
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\nX-Auth-Project-Id: {space}\r\n{rest}\r\n"
    )
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_read() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let request = head(&admin, paths::EVENTS, "Content-Length: 10000000000\r\n");
    let started = Instant::now();
    let answer = raw(&server, &request).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn slow_clients_are_left_behind() {
    let server = TestServer::with(|settings| {
        settings.header_read_timeout = Duration::from_millis(300);
        settings.body_idle_timeout = Duration::from_millis(300);
    })
    .await;
    let admin = server.admin().await;
    let started = Instant::now();
    let answer = raw(&server, "GET /healthz HTTP/1.1\r\nHost:").await;
    assert!(answer.is_empty() || answer.contains("408"), "{answer}");
    for path in [paths::EVENTS, paths::SESSIONS] {
        let request = head(&admin, path, "Content-Length: 100\r\n") + "{";
        let answer = raw(&server, &request).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    still_serves(&admin).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
    let request = head(&admin, paths::EVENTS, "Content-Length: 100000\r\n") + &events(3);
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(stream);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let rows: Vec<Value> = admin.get(paths::EVENTS).made().await;
    assert!(rows.is_empty(), "{rows:?}");
}

#[tokio::test]
async fn heads_are_limited() {
    let server = TestServer::start().await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(200_000));
    let answer = raw(&server, &long).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let many = "X-A: b\r\n".repeat(1000);
    let many = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    let answer = raw(&server, &many).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}
