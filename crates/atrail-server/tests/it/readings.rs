//! The server records which bytes of a session it handed out to each reader.

use std::time::Duration;

use atrail_api::{headers, paths};
use serde_json::Value;

use crate::records::{details, download, of_action, own, own_of_space, server, with_agent};
use crate::support::{Client, Made, TestServer, events, gunzipped, noise};

#[tokio::test]
async fn a_download_is_on_record_once_at_its_start_and_once_at_its_end() {
    let server = server().await;
    let admin = server.admin().await;
    admin.send_events(noise(1, 3)).await;
    let session = admin.session().await;
    let parts = async |client: &Client| parts_of(client, &session).await;
    let head = admin.request(reqwest::Method::HEAD, paths::DOWNLOAD);
    let head = head
        .header(headers::SESSION_ID, &session)
        .send()
        .await
        .unwrap();
    let total: usize = head.headers()["content-length"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(parts(&admin).await, [""; 0], "HEAD takes nothing");

    let step = total / 16 + 1;
    let range = |from: usize| format!("bytes={from}-{}", (from + step).min(total) - 1);
    // The tail first, alone: it is not the end while other bytes are missing.
    download(&admin, &session, Some(&range(15 * step))).await;
    assert_eq!(parts(&admin).await, ["start"]);
    let (first, second) = (range(0), range(step));
    download(&admin, &session, Some(&first)).await;
    assert_eq!(parts(&admin).await, ["start"]);
    download(&admin, &session, Some(&first)).await;
    assert_eq!(parts(&admin).await, ["start", "start"], "bytes again");
    download(&admin, &session, Some(&second)).await;
    let ranges: Vec<String> = (2..15).map(|at| range(at * step)).collect();
    let all = ranges
        .iter()
        .map(|range| download(&admin, &session, Some(range)));
    futures_util::future::join_all(all).await;
    assert_eq!(parts(&admin).await, ["start", "start", "end"]);
    download(&admin, &session, None).await;
    let all = ["start", "start", "end", "start", "end"];
    assert_eq!(parts(&admin).await, all);
}

#[tokio::test]
async fn a_download_that_a_restart_broke_off_is_under_way() {
    let server = server().await;
    let admin = server.admin().await;
    admin.send_events(events(100)).await;
    let session = admin.session().await;
    download(&admin, &session, Some("bytes=0-99")).await;
    let server = with_agent(server.restart().await);
    let same_login = server.client(admin.token.as_deref().unwrap());
    download(&same_login, &session, Some("bytes=100-")).await;
    assert_eq!(parts_of(&same_login, &session).await, ["start", "end"]);
}

#[tokio::test]
async fn a_second_reading_is_on_record_with_its_address() {
    let mut server = server().await;
    let admin = server.admin().await;
    admin.send_events(events(100)).await;
    let session = admin.session().await;
    let first = download(&admin, &session, None).await;
    // The same login from another address, from the middle on; then another login, from the second byte on.
    let elsewhere = |address: [u8; 4]| {
        let http = reqwest::Client::builder().no_proxy();
        http.local_address(Some(address.into())).build().unwrap()
    };
    server.http = elsewhere([127, 0, 0, 2]);
    let same_login = server.client(admin.token.as_deref().unwrap());
    download(&same_login, &session, Some("bytes=100-")).await;
    server.http = elsewhere([127, 0, 0, 3]);
    let other_login = server.admin().await;
    let again = download(&other_login, &session, Some("bytes=1-")).await;
    assert_eq!(again, first[1..]);

    let all = own_of_space(&admin).await;
    let downloads = of_action(&all, "download.events").into_iter();
    let seen: Vec<_> = downloads
        .filter(|one| details(one)["session"] == session.as_str())
        .map(|one| {
            let address = one["initiator"]["host"]["address"].as_str().unwrap();
            let part = details(one)["part"].as_str().unwrap();
            (part, address, details(one)["from"].as_u64())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("start", "127.0.0.1", Some(0)),
            ("end", "127.0.0.1", None),
            ("start", "127.0.0.2", Some(100)),
            ("start", "127.0.0.3", Some(1)),
            ("end", "127.0.0.3", None),
        ]
    );
}

#[tokio::test]
async fn the_last_byte_then_a_restart_then_the_rest_is_a_whole_download() {
    for rest in ["bytes=1-", "bytes=0-"] {
        let server = server().await;
        let admin = server.admin().await;
        admin.send_events(events(100)).await;
        let session = admin.session().await;
        download(&admin, &session, Some("bytes=-1")).await;
        let state = async |client: &Client| -> Value {
            let session: Value = client.get(&format!("/v3/sessions/{session}")).made().await;
            session["state"].clone()
        };
        assert_eq!(state(&admin).await, "downloading", "one byte is not all");
        let server = with_agent(server.restart().await);
        let admin = server.admin().await;
        assert_eq!(state(&admin).await, "downloading");
        download(&admin, &session, Some(rest)).await;
        let parts = parts_of(&admin, &session).await;
        assert_eq!(parts.last().map(String::as_str), Some("end"), "{rest}");
    }
}

/// Returns the answer with a large session, of which the client has read a few bytes.
async fn begun(client: &Client, session: &str) -> (reqwest::Response, u64) {
    let request = client.get(paths::DOWNLOAD);
    let request = request.header(headers::SESSION_ID, session);
    let mut answer = request.send().await.unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    (answer, first.len() as u64)
}

/// More than the sockets between a server and its client hold.
const MIBS: u64 = 32;

#[tokio::test]
async fn an_answer_belongs_to_the_session_that_it_began_with() {
    let server = server().await;
    let admin = server.admin().await;
    admin.send_events(noise(1, MIBS)).await;
    let made = async || -> Value {
        let request = admin.post(paths::SESSIONS).header("Idempotency-Key", "k");
        // The hour of the noise, without the server's own events.
        let scope = serde_json::json!({"SearchTime": "9"});
        request.json(&scope).made().await
    };
    let session = made().await;
    let id = session["id"].as_str().unwrap();
    let (mut answer, mut got) = begun(&admin, id).await;
    let _: Value = admin.delete(&format!("/v3/sessions/{id}")).made().await;
    let again = made().await;
    assert_eq!(
        (&again["id"], &again["etag"]),
        (&session["id"], &session["etag"]),
        "the control: the same id and the same bytes"
    );
    let cut = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => got += chunk.len() as u64,
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(cut && got < session["total-bytes"].as_u64().unwrap());
    let path = format!("/v3/sessions/{id}");
    let fresh: Value = admin.get(&path).made().await;
    assert_eq!(
        (&fresh["state"], &fresh["downloaded-bytes"]),
        (&"open".into(), &0.into())
    );
    download(&admin, id, None).await;
    let parts = parts_of(&admin, id).await;
    assert_eq!(parts, ["start", "start", "end"]);
}

#[tokio::test]
async fn a_download_that_outlasts_the_idle_time_is_used_all_the_while() {
    const IDLE: Duration = Duration::from_secs(3600);
    let server = TestServer::with(|settings| settings.store.session_idle_ttl = IDLE).await;
    let admin = server.admin().await;
    admin.send_events(noise(1, MIBS)).await;
    let session = admin.session().await;
    let (mut answer, _) = begun(&admin, &session).await;
    let (mut since, mut steps) = (0, 0);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        since += chunk.len();
        // So few bytes that the server, which is ahead by the contents of the sockets, works all the while.
        if since > 3 << 20 && steps < 3 {
            (since, steps) = (0, steps + 1);
            server.clock.advance(IDLE * 2 / 3);
            // Creating a session ends expired ones.
            let other = server.admin().await;
            let _: Value = other
                .delete(&format!("/v3/sessions/{}", other.session().await))
                .made()
                .await;
        }
    }
    let admin = server.admin().await;
    let path = format!("/v3/sessions/{session}");
    let seen: Value = admin.get(&path).made().await;
    assert_eq!(seen["state"], "downloaded");
    let scope = serde_json::json!({"start": "2017-07-25", "end": "2017-08-25"});
    let later: Value = admin.post(paths::SESSIONS).json(&scope).made().await;
    let text = gunzipped(&download(&admin, later["id"].as_str().unwrap(), None).await);
    let all = own(&text);
    let parts = of_action(&all, "download.events").into_iter();
    let parts: Vec<_> = parts
        .filter(|one| details(one)["session"] == session.as_str())
        .map(|one| &details(one)["part"])
        .collect();
    assert_eq!(parts, ["start", "end"]);
}

/// Returns the recorded parts of a session's downloads.
async fn parts_of(client: &Client, session: &str) -> Vec<String> {
    let events = own_of_space(client).await;
    let downloads = of_action(&events, "download.events").into_iter();
    let downloads = downloads.filter(|one| details(one)["session"] == session);
    downloads
        .map(|one| details(one)["part"].as_str().unwrap().to_owned())
        .collect()
}
