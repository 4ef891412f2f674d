//! Tails and downloads of browsers: what ends them, and what they do for the login.

use std::time::Duration;

use atrail_api::{headers, paths};
use reqwest::Response;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::support::{PASSWORD, TestServer, noise};

/// Long enough for anything that does not wait.
const SOON: Duration = Duration::from_secs(30);
/// More than the sockets between a server and its client hold.
const MIBS: u64 = 32;

/// Returns a server with events, and two browsers of one user who may read them.
async fn scene() -> (TestServer, Browser, Browser) {
    let server = TestServer::start().await;
    server.admin().await.send_events(noise(1, MIBS)).await;
    server.user("ann", false, &[server.developer()]).await;
    let one = Browser::logged_in(&server, "ann", PASSWORD).await;
    let other = Browser::logged_in(&server, "ann", PASSWORD).await;
    (server, one, other)
}

/// Begins a download, as a link begins it, and reads its first bytes.
async fn download(server: &TestServer, browser: &Browser) -> (Response, u64, u64) {
    let request = browser
        .post(paths::SESSIONS)
        .header(headers::PROJECT_ID, &server.initial.space);
    let session: Value = request.send().await.unwrap().json().await.unwrap();
    let path = format!(
        "{}?session={}",
        paths::DOWNLOAD,
        session["id"].as_str().unwrap()
    );
    let request = browser
        .bare(reqwest::Method::GET, &path)
        .header("sec-fetch-site", "none");
    let mut answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let first = answer.chunk().await.unwrap().unwrap().len() as u64;
    (answer, first, session["total-bytes"].as_u64().unwrap())
}

/// Reads the rest; returns the number of bytes, and whether the answer ended in order.
async fn rest(mut answer: Response, mut got: u64) -> (u64, bool) {
    loop {
        match tokio::time::timeout(SOON, answer.chunk()).await.unwrap() {
            Ok(Some(chunk)) => got += chunk.len() as u64,
            Ok(None) => return (got, true),
            Err(_) => return (got, false),
        }
    }
}

#[tokio::test]
async fn to_log_out_cuts_the_downloads_and_tails_of_the_login_and_of_no_other() {
    let (server, mut one, other) = scene().await;
    let tail = one
        .post(paths::TAIL)
        .header(headers::PROJECT_ID, &server.initial.space);
    let mut tail = tail.json(&json!({})).send().await.unwrap();
    assert_eq!(tail.status(), 200);
    let first = tail.chunk().await.unwrap();
    assert!(first.is_some(), "its position");
    let (cut, got, total) = download(&server, &one).await;
    let (whole, got_whole, total_whole) = download(&server, &other).await;
    assert_eq!(one.log_out().await.status(), 204);
    let (got, in_order) = rest(cut, got).await;
    assert!(!in_order && got < total, "{got} of {total}");
    assert_eq!(
        rest(whole, got_whole).await,
        (total_whole, true),
        "the control"
    );
    let mut seen = String::new();
    while let Some(chunk) = tokio::time::timeout(SOON, tail.chunk())
        .await
        .unwrap()
        .unwrap()
    {
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(seen.contains("\"end\""), "{seen}");
}

#[tokio::test]
async fn a_download_in_progress_is_a_use_of_the_login() {
    let (server, one, _) = scene().await;
    let (mut answer, mut got, total) = download(&server, &one).await;
    let expires = async || one.me().await.unwrap().login.expires;
    for step in 0..2 {
        let before = expires().await;
        server.clock.advance(Duration::from_secs(20 * 60));
        // The server is ahead by the contents of the sockets, and goes on as they empty.
        let mut since = 0;
        while expires().await == before {
            while since < 256 << 10 {
                let chunk = answer
                    .chunk()
                    .await
                    .unwrap()
                    .expect("more than the sockets hold");
                since += chunk.len();
            }
            got += since as u64;
            since = 0;
        }
        assert!(got < total, "step {step}");
    }
    assert_eq!(
        rest(answer, got).await,
        (total, true),
        "after forty minutes"
    );
    server.clock.advance(Duration::from_secs(31 * 60));
    assert!(one.me().await.is_none(), "the control");
}
