//! The logins that users see and end themselves.

use atrail_api::{List, Login, LoginBy, LoginKind, paths};
use reqwest::Method;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::support::{Client, Made, PASSWORD, TestServer};

async fn logins(client: &Client) -> Vec<Login> {
    let list: List<Login> = client.get(paths::LOGINS).made().await;
    list.resources
}

#[tokio::test]
async fn users_see_their_own_logins_and_end_them() {
    let server = TestServer::start().await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    let bob = server.user("bob", false, &[server.developer()]).await;
    let browser = Browser::logged_in(&server, "ann", PASSWORD).await;
    let key: Value = ann
        .post(paths::API_KEYS)
        .json(&json!({"name": "k"}))
        .made()
        .await;
    let by_key = server.login("apikey", key["key"].as_str().unwrap()).await;
    let by_key = server.client(&by_key.access_token);
    let seen = logins(&ann).await;
    let mut kinds: Vec<_> = seen
        .iter()
        .map(|login| (login.kind, login.by, login.current))
        .collect();
    kinds.sort_by_key(|kind| format!("{kind:?}"));
    let expected = [
        (LoginKind::Browser, LoginBy::Password, false),
        (LoginKind::Client, LoginBy::ApiKey, false),
        (LoginKind::Client, LoginBy::Password, true),
    ];
    assert_eq!(kinds, expected);
    let of_key = seen
        .iter()
        .find(|login| login.by == LoginBy::ApiKey)
        .unwrap();
    assert_eq!(of_key.api_key.as_deref(), key["id"].as_str());
    let me = browser.me().await.unwrap();
    let of_browser = seen
        .iter()
        .find(|login| login.kind == LoginKind::Browser)
        .unwrap();
    assert_eq!(
        (&of_browser.id, &of_browser.expires),
        (&me.login.id, &me.login.expires)
    );

    // Nobody ends another's.
    let path = paths::LOGIN.replace("{id}", &of_browser.id);
    assert_eq!(bob.delete(&path).seen().await.0, 404);
    assert!(browser.me().await.is_some());
    assert_eq!(ann.delete(&path).seen().await.0, 200);
    assert!(browser.me().await.is_none());
    assert_eq!(ann.delete(&path).seen().await.0, 404, "once more");

    // A browser ends all others.
    let browser = Browser::logged_in(&server, "ann", PASSWORD).await;
    assert_eq!(browser.status(Method::DELETE, paths::LOGINS).await, 200);
    assert_eq!(ann.get(paths::LOGINS).seen().await.0, 401);
    assert_eq!(by_key.get(paths::LOGINS).seen().await.0, 401);
    assert!(browser.me().await.is_some());
    assert_eq!(logins(&bob).await.len(), 1, "another user's");
}
