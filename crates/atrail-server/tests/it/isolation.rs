//! One client takes as much as it can, and the server still serves another one. Each test first shows that the greedy
//! client does hold what the test claims.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use atrail_api::paths;
use atrail_server::ROUTES;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Client, Made, TestServer, event};

/// Another machine, from the server's point of view.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

async fn connect(server: &TestServer, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::from((IpAddr::from(from), 0)))
        .unwrap();
    socket.connect(server.running.addr).await.unwrap()
}

/// Returns an HTTP client whose requests come from another address.
fn http_from_elsewhere() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy();
    client
        .local_address(IpAddr::from(ELSEWHERE))
        .build()
        .unwrap()
}

fn head(client: &Client, method: &str, path: &str, rest: &str) -> String {
    let token = client.token.as_deref().unwrap_or("none");
    let space = client.space.as_deref().unwrap();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\nX-Auth-Project-Id: {space}\r\n{rest}\r\n"
    )
}

/// Returns the server's answer on a connection, up to its end.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset after the answer counts as a close.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// Creates a writer of a space in an account of its own.
async fn tenant(server: &TestServer, name: &str) -> Client {
    let admin = server.admin().await;
    let account: Value = admin
        .post(paths::ACCOUNTS)
        .json(&json!({"name": name}))
        .made()
        .await;
    let account = account["guid"].as_str().unwrap();
    let owner = json!({"user": "admin", "role": "owner", "account": account});
    let _: Value = admin.post(paths::ROLES).json(&owner).made().await;
    let organization = json!({
        "name": name,
        "relationships": {"account": {"data": {"guid": account}}},
    });
    let organization: Value = admin
        .post(paths::ORGANIZATIONS)
        .json(&organization)
        .made()
        .await;
    let space = json!({
        "name": name,
        "relationships": {"organization": {"data": {"guid": organization["guid"]}}},
    });
    let space: Value = admin.post(paths::SPACES).json(&space).made().await;
    let space = space["guid"].as_str().unwrap();
    let user = server
        .user(name, false, &[json!({"role": "developer", "space": space})])
        .await;
    user.in_space(Some(space))
}

#[tokio::test]
async fn one_sender_cannot_hold_the_memory_of_all() {
    // A sender's part is a third: four MiB.
    let server = TestServer::with(|settings| {
        settings.ingest_bytes_in_flight = 12 << 20;
        settings.body_idle_timeout = Duration::from_secs(60);
    })
    .await;
    let (admin, greedy) = (server.admin().await, tenant(&server, "greedy").await);
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut stream = connect(&server, [127, 0, 0, 1]).await;
        let head = head(
            &greedy,
            "POST",
            paths::EVENTS,
            "Content-Length: 1048576\r\nExpect: 100-continue\r\n",
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server asks for the body once it has memory for it.
        let mut asked = [0; 12];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100", "the control");
        stream.write_all(&vec![b' '; 1 << 19]).await.unwrap();
        held.push(stream);
    }
    let refused = greedy.post(paths::EVENTS).body(event(1)).seen().await;
    assert_eq!(refused.0, 429, "{}", refused.1);
    assert!(refused.1.contains("\"too_many\""), "{}", refused.1);
    for id in 0..20 {
        admin.send_events(event(id)).await;
    }
    let page = admin.get(paths::METRICS).seen().await.1;
    assert!(
        page.contains("atrail_refusals_total{bound=\"memory_of_sender\"} 1\n"),
        "{page}"
    );
    // A sender may use again the memory that it released.
    drop(held);
    let began = Instant::now();
    while greedy.post(paths::EVENTS).body(event(2)).seen().await.0 != 200 {
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}

/// The refusals of a small body are many times as large as the body, and stay in memory while a client reads them
/// slowly.
#[tokio::test]
async fn answers_that_are_read_slowly_are_held_within_their_senders_part() {
    const MEMORY_BYTES: usize = 48 << 20;
    let server = TestServer::with(|settings| {
        settings.ingest_bytes_in_flight = MEMORY_BYTES;
        settings.write_idle_timeout = Duration::from_secs(600);
        settings.write_min_rate = 1;
    })
    .await;
    let (admin, greedy) = (server.admin().await, tenant(&server, "greedy").await);
    let body = "{}\n".repeat(60_000);
    let length = format!("Content-Length: {}\r\n", body.len());
    let request = head(&greedy, "POST", paths::EVENTS, &length) + &body;
    let (mut held, mut held_bytes, mut refused) = (Vec::new(), 0, 0);
    for _ in 0..8 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(server.running.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut begin = Vec::new();
        while !begin.windows(4).any(|window| window == b"\r\n\r\n") {
            assert!(stream.read_buf(&mut begin).await.unwrap() > 0);
        }
        let begin = String::from_utf8_lossy(&begin).to_ascii_lowercase();
        match &begin[9..12] {
            "400" => {
                let (_, length) = begin.split_once("content-length: ").unwrap();
                let length = length.split('\r').next().unwrap();
                held_bytes += length.parse::<usize>().unwrap();
                held.push(stream);
            }
            "429" => refused += 1,
            _ => panic!("{begin}"),
        }
    }
    assert!(held_bytes > MEMORY_BYTES / 8, "the control: {held_bytes}");
    assert!(held_bytes <= MEMORY_BYTES / 3, "{held_bytes}");
    assert!(refused > 0, "the control: it asked for more");
    // The request is as if it had not asked: without an answer for each event, there is nothing to hold.
    let counted = greedy
        .post(paths::EVENTS)
        .header("Prefer", "return=minimal");
    assert_eq!(counted.body(body.clone()).seen().await.0, 400);
    let http = http_from_elsewhere();
    let token = admin.token.clone().unwrap();
    for part in 0..5 {
        let pad = "x".repeat(700);
        let events: String = (0..2000)
            .map(|id| event(part * 2000 + id).replace("bucket", &pad) + "\n")
            .collect();
        let sent = http
            .post(server.url(paths::EVENTS))
            .bearer_auth(&token)
            .header("X-Auth-Project-Id", &server.initial.space)
            .body(events);
        assert_eq!(sent.send().await.unwrap().status(), 200);
    }
    // The control: the memory was in use all the while, and is free once no client waits for it.
    let again = || greedy.post(paths::EVENTS).body(body.clone()).seen();
    assert_eq!(again().await.0, 429, "the control");
    drop(held);
    let began = Instant::now();
    while again().await.0 != 400 {
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}

/// Every route that reads a body reads it for a bounded time, however slowly the body drips.
#[tokio::test]
async fn no_route_waits_for_ever_for_a_body_that_drips() {
    let server = TestServer::with(|settings| {
        settings.body_idle_timeout = Duration::from_secs(30);
        settings.body_timeout = Duration::from_millis(600);
    })
    .await;
    let admin = server.admin().await;
    let drips = ROUTES.iter().map(async |(method, path)| {
        let path = path.split('{').next().unwrap_or(path);
        let mut stream = connect(&server, [127, 0, 0, 1]).await;
        let head = head(&admin, method, path, "Content-Length: 1000\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.split();
        let drip = async {
            while write.write_all(b"{").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            std::future::pending::<()>().await;
        };
        let mut text = Vec::new();
        let ended = async {
            let _ = tokio::time::timeout(Duration::from_secs(60), read.read_to_end(&mut text))
                .await
                .unwrap_or_else(|_| panic!("{method} {path} goes on"));
        };
        tokio::select! {
            () = ended => {}
            () = drip => {}
        }
        String::from_utf8_lossy(&text).starts_with("HTTP/1.1 408")
    });
    // Each waits for its time to be over: sixteen wait side by side.
    let answers: Vec<bool> = stream::iter(drips).buffer_unordered(16).collect().await;
    assert_eq!(answers.len(), ROUTES.len());
    let timed_out = answers.into_iter().filter(|is_late| *is_late).count();
    // The control: most routes with a body began to read it.
    assert!(timed_out >= 12, "{timed_out}");
    let page = admin.get(paths::METRICS).seen().await.1;
    let line = page
        .lines()
        .find(|line| line.contains("bound=\"slow_body\""));
    let counted: usize = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(counted >= timed_out, "{counted}");
}

#[tokio::test]
async fn a_body_below_the_least_rate_is_refused_before_its_time_is_over() {
    let server = TestServer::with(|settings| {
        settings.body_idle_timeout = Duration::from_millis(500);
        settings.body_min_rate = 1 << 20;
    })
    .await;
    let admin = server.admin().await;
    for (method, path, known) in [("POST", paths::EVENTS, true), ("POST", paths::TOKEN, false)] {
        let mut stream = connect(&server, [127, 0, 0, 1]).await;
        let client = if known {
            admin.clone()
        } else {
            server.nobody()
        };
        let head = head(&client, method, path, "Content-Length: 60000\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.split();
        let mut text = Vec::new();
        let drip = async {
            while write.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = read.read_to_end(&mut text) => {}
            () = drip => {}
        }
        let text = String::from_utf8_lossy(&text);
        assert!(text.starts_with("HTTP/1.1 408"), "{path}: {text}");
        assert!(text.contains("bytes per second"), "{text}");
    }
}

#[tokio::test]
async fn one_address_cannot_hold_all_connections() {
    let server = TestServer::with(|settings| {
        settings.max_connections = 12;
        settings.body_idle_timeout = Duration::from_secs(60);
    })
    .await;
    let admin = server.admin().await;
    // As many connections as one address may hold, each with a request in progress; this needs no login.
    let request = head(
        &server.nobody(),
        "POST",
        paths::TOKEN,
        "Content-Length: 2000\r\n",
    );
    let mut held = Vec::new();
    for _ in 0..6 {
        let mut stream = connect(&server, [127, 0, 0, 1]).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        held.push(stream);
    }
    // The server's view of them may lag: until it has begun all six, another connection may still displace one of them.
    let mut refused = String::new();
    for _ in 0..500 {
        let mut stream = connect(&server, [127, 0, 0, 1]).await;
        let ask = "GET /v2/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).await.unwrap();
        refused = answer(&mut stream).await;
        if refused.starts_with("HTTP/1.1 429") {
            break;
        }
    }
    assert!(
        refused.starts_with("HTTP/1.1 429"),
        "the control: {refused}"
    );
    assert!(refused.contains("application/problem+json"), "{refused}");
    assert!(
        refused.to_ascii_lowercase().contains("retry-after: "),
        "{refused}"
    );
    // The server reports its health to anybody, also by displacing a silent connection.
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(connect(&server, [127, 0, 0, 1]).await);
    }
    for path in [paths::HEALTHZ, paths::READYZ, paths::METRICS] {
        let mut stream = connect(&server, [127, 0, 0, 1]).await;
        let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let told = answer(&mut stream).await;
        assert!(told.starts_with("HTTP/1.1 200"), "{path}: {told}");
    }
    // The server serves every other client.
    let http = http_from_elsewhere();
    let token = admin.token.clone().unwrap();
    for id in 0..5 {
        let sent = http
            .post(server.url(paths::EVENTS))
            .bearer_auth(&token)
            .header("X-Auth-Project-Id", &server.initial.space)
            .body(event(id));
        assert_eq!(sent.send().await.unwrap().status(), 200);
    }
    drop((held, silent));
}

#[tokio::test]
async fn connections_without_a_request_give_way() {
    let server = TestServer::with(|settings| settings.max_connections = 8).await;
    let mut silent = Vec::new();
    for n in 0..12 {
        let mut stream = connect(&server, [127, 0, 0, 1]).await;
        if n % 2 == 0 {
            stream.write_all(b"GET /healthz HT").await.unwrap();
        }
        silent.push(stream);
    }
    let page = server.nobody().get("/v2/info").seen().await;
    assert_eq!(page.0, 200, "{}", page.1);
    // The control: the first of them are gone.
    let mut oldest = silent.swap_remove(0);
    let gone = tokio::time::timeout(Duration::from_secs(30), answer(&mut oldest)).await;
    assert_eq!(gone.unwrap(), "");
}

#[tokio::test]
async fn a_connection_is_kept_longer_between_requests_than_a_head_may_take() {
    let server = TestServer::with(|settings| {
        settings.header_read_timeout = Duration::from_secs(1);
        settings.keep_alive_timeout = Duration::from_secs(4);
    })
    .await;
    let mut stream = connect(&server, [127, 0, 0, 1]).await;
    let ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for _ in 0..2 {
        stream.write_all(ask).await.unwrap();
        let mut some = [0; 4096];
        let length = stream.read(&mut some).await.unwrap();
        assert!(some[..length].starts_with(b"HTTP/1.1 200"));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    // A head that has begun has a time limit of its own.
    stream.write_all(&ask[..10]).await.unwrap();
    let began = Instant::now();
    assert_eq!(answer(&mut stream).await, "");
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    // A silent connection ends too.
    let mut stream = connect(&server, [127, 0, 0, 1]).await;
    stream.write_all(ask).await.unwrap();
    let text = tokio::time::timeout(Duration::from_secs(60), answer(&mut stream)).await;
    assert!(text.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn requests_that_a_proxy_passes_on_count_by_whom_it_names() {
    let server = TestServer::with(|settings| {
        settings.max_connections = 12;
        settings.max_connections_per_address = 3;
        settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        settings.body_idle_timeout = Duration::from_secs(60);
    })
    .await;
    let request = |named: &str| {
        let rest = format!("Content-Length: 2000\r\nX-Forwarded-For: {named}\r\n");
        head(&server.nobody(), "POST", paths::TOKEN, &rest)
    };
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&server, [127, 0, 0, 1]).await;
        stream
            .write_all(request("203.0.113.1").as_bytes())
            .await
            .unwrap();
        held.push(stream);
    }
    let ask = async |named: &'static str| {
        let ask = server.http.get(server.url("/v2/info"));
        let ask = ask.header("X-Forwarded-For", named);
        ask.send().await.unwrap().status().as_u16()
    };
    let began = Instant::now();
    while ask("203.0.113.1").await != 429 {
        assert!(began.elapsed() < Duration::from_secs(60), "the control");
    }
    assert_eq!(ask("203.0.113.2").await, 200);
}

#[tokio::test]
async fn a_flood_of_logins_from_one_address_keeps_nobody_else_waiting() {
    let server = TestServer::start().await;
    let token = server.url(paths::TOKEN);
    let form = |user: &str, password: &str| {
        [
            ("grant_type", "password"),
            ("username", user),
            ("password", password),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let flood = (0..80).map(|n| {
        let sent = server
            .http
            .post(&token)
            .form(&form(&format!("nobody-{n}"), "wrong"));
        async move { sent.send().await.unwrap().status().as_u16() }
    });
    let flood = tokio::spawn(futures_util::future::join_all(flood.collect::<Vec<_>>()));
    let http = http_from_elsewhere();
    for _ in 0..3 {
        let own = form("admin", &server.initial.password);
        let answer = http.post(&token).form(&own).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let mut answers = flood.await.unwrap();
    assert!(answers.contains(&400), "{answers:?}");
    assert!(
        answers.contains(&503),
        "the control: the queue was full: {answers:?}"
    );
    // A request that the full queue refused does not count as a guess: no client has to wait until a hundred guesses
    // have failed or are in progress.
    let guesses = answers.iter().filter(|status| **status == 400).count();
    let more = (80..130).map(|n| {
        let form = form(&format!("nobody-{n}"), "wrong");
        let sent = server.http.post(&token).form(&form);
        async move { sent.send().await.unwrap().status().as_u16() }
    });
    let more = futures_util::future::join_all(more.collect::<Vec<_>>()).await;
    assert!(
        guesses + 50 > 100 || !more.contains(&429),
        "{guesses}: {more:?}"
    );
    answers.extend(more);
    let refused = answers.iter().filter(|status| **status == 503).count();
    let page = server.nobody().get(paths::METRICS).seen().await.1;
    let sample = format!("atrail_refusals_total{{bound=\"passwords\"}} {refused}\n");
    assert!(page.contains(&sample), "{page}");
}
