//! What browsers' logins leave on record, and what browsers learn over HTTPS.

use std::time::Duration;

use atrail_api::{ConsoleLink, paths};
use serde_json::json;

use crate::browser::Browser;
use crate::records::{details, of_action, own_of_account};
use crate::support::{Made, PASSWORD, TestServer};

#[tokio::test]
async fn logins_and_logouts_of_browsers_are_on_record_as_such() {
    let server = TestServer::start().await;
    let ann = server.user("ann", false, &[server.owner()]).await;
    own_of_account(&ann).await;
    let mut browser = Browser::logged_in(&server, "ann", PASSWORD).await;
    let again = json!({"username": "ann", "password": PASSWORD});
    assert_eq!(browser.log_in(&again).await.status(), 200);
    assert_eq!(browser.log_out().await.status(), 204);
    let made: ConsoleLink = ann.post(paths::CONSOLE_LINKS).made().await;
    let (_, secret) = made.link.split_once("link=").unwrap();
    let mut by_link = Browser::new(&server);
    let answer = by_link.log_in(&json!({"link": secret})).await;
    assert_eq!(answer.status(), 200);
    let wrong = json!({"username": "ann", "password": "wrong"});
    assert_eq!(by_link.log_in(&wrong).await.status(), 401);
    crate::records::written(&server, "login", "failure", 1).await;

    let events = own_of_account(&ann).await;
    let logins = of_action(&events, "login");
    let of_browsers = logins
        .iter()
        .filter(|event| details(event)["client"] == "console");
    let credentials: Vec<_> = of_browsers
        .map(|event| &event["initiator"]["credential"]["type"])
        .collect();
    assert_eq!(credentials, ["user", "user", "token"]);
    let refused: Vec<_> = logins
        .iter()
        .filter(|event| event["outcome"] == "failure")
        .collect();
    assert_eq!(
        refused.len(),
        1,
        "a refused browser counts as a refused client"
    );
    let logouts = of_action(&events, "logout");
    assert_eq!(
        logouts.len(),
        2,
        "the login that another replaced, and the last"
    );
    assert!(
        logouts
            .iter()
            .all(|event| event["initiator"]["name"].is_null())
    );
    // The control: no secret is on record.
    let text = json!(events).to_string();
    assert!(!text.contains(secret) && !text.contains(PASSWORD));
}

#[tokio::test]
async fn over_https_browsers_learn_to_use_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = TestServer::with(|settings| {
        settings.tls_cert = Some(cert.clone());
        settings.tls_key = Some(key.clone());
    })
    .await;
    let authority = reqwest::Certificate::from_pem(&std::fs::read(&cert).unwrap()).unwrap();
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .tls_certs_only([authority])
        .build()
        .unwrap();
    let origin = format!("https://{}", server.running.addr);
    for path in ["/", "/console/", "/nothing", paths::HEALTHZ] {
        let answer = http.get(format!("{origin}{path}")).send().await.unwrap();
        let only = &answer.headers()["strict-transport-security"];
        assert_eq!(only, "max-age=31536000", "{path}");
    }
    let login = json!({"username": server.initial.user, "password": server.initial.password});
    let log_in = |origin: &str, of: &str| {
        let request = http
            .post(format!("{origin}{}", paths::CONSOLE_LOGIN))
            .header("sec-fetch-site", "same-origin")
            .header("x-atrail-console", "1")
            .header("origin", of)
            .json(&login);
        async move { request.send().await.unwrap() }
    };
    let answer = log_in(&origin, &origin).await;
    assert_eq!(answer.status(), 200);
    let set: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert_eq!(set.len(), 1, "no cookie without Secure: {set:?}");
    let plain = origin.replace("https:", "http:");
    assert_eq!(
        log_in(&origin, &plain).await.status(),
        403,
        "another scheme is another origin"
    );
}

/// A server that others reach by plain HTTP logs no browser in; behind a proxy with HTTPS it does, by its public URL.
#[tokio::test]
async fn the_public_url_is_the_origin_behind_a_proxy() {
    let server = TestServer::with(|settings| {
        settings.public_url = Some("https://audit.example.com:443/".parse().unwrap());
    })
    .await;
    let log_in = |server: &TestServer, host: &str, origin: &str| {
        let login = json!({"api_key": server.initial.api_key});
        let request = Browser::new(server)
            .bare(reqwest::Method::POST, paths::CONSOLE_LOGIN)
            .header("host", host)
            .header("origin", origin)
            .header("sec-fetch-site", "same-origin")
            .header("x-atrail-console", "1")
            .json(&login);
        let is_public = origin.starts_with("https:");
        async move {
            let answer = request.send().await.unwrap();
            for cookie in answer.headers().get_all("set-cookie") {
                // Only where no protection exists at all, on this machine, a browser gets a cookie without it.
                let cookie = cookie.to_str().unwrap();
                assert!(cookie.contains("Secure") || !is_public, "{cookie}");
            }
            answer.status().as_u16()
        }
    };
    let (host, public) = ("audit.example.com", "https://audit.example.com");
    assert_eq!(log_in(&server, host, public).await, 200);
    assert_eq!(
        log_in(&server, "127.0.0.1:9", public).await,
        200,
        "a proxy that names its upstream"
    );
    assert_eq!(
        log_in(&server, "10.0.0.5:8181", "http://10.0.0.5:8181").await,
        403,
        "around the proxy, in the clear"
    );
    for origin in [
        "https://evil.example",
        "https://audit.example.com.evil.example",
        "https://audit.example.com:444",
        "null",
    ] {
        assert_eq!(log_in(&server, host, origin).await, 403, "{origin}");
    }
    let plain = TestServer::start().await;
    assert_eq!(
        log_in(&plain, "127.0.0.1", "http://127.0.0.1").await,
        200,
        "the control"
    );
    assert_eq!(log_in(&plain, "localhost", "http://localhost").await, 200);
    assert_eq!(
        log_in(&plain, host, "http://audit.example.com").await,
        403,
        "plain HTTP"
    );
    assert_eq!(
        log_in(&plain, host, public).await,
        403,
        "without the setting"
    );
}
