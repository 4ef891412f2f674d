//! Links that log a browser in once.

use std::time::Duration;

use atrail_api::{ConsoleLink, paths};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::support::{Client, Made, PASSWORD, TestServer};

/// Makes a link as this client, and returns its secret.
async fn link(server: &TestServer, client: &Client) -> String {
    let made: ConsoleLink = client.post(paths::CONSOLE_LINKS).made().await;
    let start = server.url("/console/#/login?link=");
    let secret = made.link.strip_prefix(&start);
    secret
        .unwrap_or_else(|| panic!("{} is not below {start}", made.link))
        .to_owned()
}

async fn use_it(server: &TestServer, secret: &str) -> (u16, Browser) {
    let mut browser = Browser::new(server);
    let answer = browser.log_in(&json!({"link": secret})).await;
    (answer.status().as_u16(), browser)
}

#[tokio::test]
async fn a_link_works_once_and_in_time() {
    let server = TestServer::start().await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    let secret = link(&server, &ann).await;
    let (status, browser) = use_it(&server, &secret).await;
    assert_eq!(status, 200);
    assert_eq!(browser.me().await.unwrap().user.name, "ann");
    let (status, other) = use_it(&server, &secret).await;
    assert_eq!(status, 401, "twice");
    assert!(other.cookies.is_empty());

    let secret = link(&server, &ann).await;
    server.clock.advance(Duration::from_secs(299));
    assert_eq!(use_it(&server, &secret).await.0, 200, "in the last second");
    let secret = link(&server, &ann).await;
    server.clock.advance(Duration::from_secs(300));
    assert_eq!(use_it(&server, &secret).await.0, 401, "late");
    for wrong in ["", "x", &"0".repeat(64)] {
        assert_eq!(use_it(&server, wrong).await.0, 401, "{wrong:?}");
    }
}

/// Of many browsers with one link, one is logged in.
#[tokio::test]
async fn a_link_works_once_even_at_the_same_time() {
    let server = TestServer::start().await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    let secret = link(&server, &ann).await;
    let all = futures_util::future::join_all((0..8).map(|_| use_it(&server, &secret))).await;
    let statuses: Vec<_> = all.iter().map(|(status, _)| *status).collect();
    let won = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(won, 1, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [200, 401].contains(status)),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_link_ends_with_the_login_that_made_it() {
    let server = TestServer::start().await;
    server.user("ann", false, &[server.developer()]).await;
    let tokens = server.login("ann", PASSWORD).await;
    let ann = server.client(&tokens.access_token);
    let (first, second) = (link(&server, &ann).await, link(&server, &ann).await);
    let (status, browser) = use_it(&server, &first).await;
    assert_eq!(status, 200, "the control");
    let form = [("token", tokens.refresh_token.as_str())];
    let revoked = server
        .http
        .post(server.url(paths::REVOKE))
        .form(&form)
        .send();
    assert_eq!(revoked.await.unwrap().status(), 200);
    assert_eq!(use_it(&server, &second).await.0, 401);
    assert!(
        browser.me().await.is_none(),
        "nor does the login that a link began outlive it"
    );
}

/// A link of one user in the browser of another: the browser becomes the link's user, and nothing of the other's login is
/// left.
#[tokio::test]
async fn a_link_takes_the_place_of_another_users_login() {
    let server = TestServer::start().await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    server.user("bob", false, &[]).await;
    let mut bobs = Browser::logged_in(&server, "bob", PASSWORD).await;
    let before = bobs.clone();
    let secret = link(&server, &ann).await;
    assert_eq!(bobs.log_in(&json!({"link": secret})).await.status(), 200);
    assert_eq!(bobs.me().await.unwrap().user.name, "ann");
    assert!(before.me().await.is_none());
    // A browser makes no link: neither by its cookie nor by another site's wish.
    assert_eq!(
        bobs.status(reqwest::Method::POST, paths::CONSOLE_LINKS)
            .await,
        401
    );
}

#[tokio::test]
async fn a_link_grants_what_its_maker_has() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let new = json!({"name": "reads", "scopes": ["read"], "expires_in": 3600});
    let key: Value = admin.post(paths::API_KEYS).json(&new).made().await;
    let text = key["key"].as_str().unwrap();
    let by_login = server.client(&server.login("apikey", text).await.access_token);
    for client in [by_login, server.client(text)] {
        let secret = link(&server, &client).await;
        let (status, browser) = use_it(&server, &secret).await;
        assert_eq!(status, 200);
        let me = browser.me().await.unwrap();
        assert_eq!(me.login.scopes, Some(vec!["read".to_owned()]));
        let refused = browser.status(reqwest::Method::GET, paths::API_KEYS).await;
        assert_eq!(refused, 403);
    }
    let secret = link(&server, &server.client(text)).await;
    let (_, browser) = use_it(&server, &link(&server, &server.client(text)).await).await;
    let id = json!({"id": key["id"]});
    let _: Value = admin.delete(paths::API_KEYS).json(&id).made().await;
    assert_eq!(use_it(&server, &secret).await.0, 401, "the key is gone");
    assert!(browser.me().await.is_none());
    // Who has no login makes none.
    let refused = server.nobody().post(paths::CONSOLE_LINKS).seen().await;
    assert_eq!(refused.0, 401);
}

#[tokio::test]
async fn links_that_were_not_used_are_forgotten_and_guesses_wait() {
    let server = TestServer::start().await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    let old = link(&server, &ann).await;
    server.clock.advance(Duration::from_secs(301));
    link(&server, &ann).await;
    let rows = server
        .catalog()
        .await
        .number("SELECT COUNT(*) FROM login_links")
        .await;
    assert_eq!(rows, 1);
    assert_eq!(use_it(&server, &old).await.0, 401);
    let mut waits = false;
    for _ in 0..120 {
        waits = use_it(&server, "guess").await.0 == 429;
        if waits {
            break;
        }
    }
    assert!(waits);
}
