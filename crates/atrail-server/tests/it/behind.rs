//! Changes of the catalog without the server's knowledge: the catalog fails, or another process changes it.

use std::time::Duration;

use atrail_api::paths;

use crate::credentials::by_password;
use crate::support::{Made, TestServer};

/// A failure of the catalog says nothing about the caller.
#[tokio::test]
async fn logins_that_the_catalog_fails_are_no_guesses() {
    let server = TestServer::start().await;
    let catalog = server.catalog().await;
    let (name, password) = (&server.initial.user, &server.initial.password);
    for (table, user, secret, tries) in [
        ("users", name.as_str(), password, 12),
        ("api_keys", "apikey", &server.initial.api_key, 120),
    ] {
        // The server looks up no text that is not a key.
        let wrong = server.token(&by_password(user, "wrong")).await;
        assert_eq!(wrong.status(), 400, "{table}: the control");
        catalog.rename(table, "away").await;
        for _ in 0..tries {
            let answer = server.token(&by_password(user, secret)).await;
            assert_eq!(answer.status(), 500, "{table}: the control");
        }
        catalog.rename("away", table).await;
        let wrong = server.token(&by_password(user, "wrong")).await;
        assert_eq!(wrong.status(), 400, "{table}");
        let right = server.token(&by_password(user, secret)).await;
        assert_eq!(right.status(), 200, "{table}");
    }
}

/// A right that another process revokes ends within seconds, although nothing notifies this process.
#[tokio::test]
async fn a_standing_is_believed_for_seconds_alone() {
    let server = TestServer::start().await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    // The first use of an account is itself a change.
    for _ in 0..2 {
        assert_eq!(ann.get(paths::EVENTS).seen().await.0, 200);
    }
    let catalog = server.catalog().await;
    catalog
        .run("DELETE FROM roles WHERE space IS NOT NULL")
        .await;
    server.clock.advance(Duration::from_millis(4999));
    let remembered = ann.get(paths::EVENTS).seen().await.0;
    assert_eq!(remembered, 200, "the control: it is remembered");
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(ann.get(paths::EVENTS).seen().await.0, 404);
}

/// A secret may be revoked between its verification and the beginning of the login.
#[tokio::test]
async fn a_secret_that_goes_meanwhile_begins_no_login() {
    let server = TestServer::start().await;
    let catalog = server.catalog().await;
    let initial = &server.initial;
    for (change, user, secret) in [
        (
            "UPDATE users SET password = 'another'",
            &initial.user,
            &initial.password,
        ),
        (
            "DELETE FROM api_keys",
            &"apikey".to_owned(),
            &initial.api_key,
        ),
    ] {
        let form = by_password(user, secret);
        assert_eq!(server.token(&form).await.status(), 200, "the control");
        let change = catalog.begin(change).await;
        // The login verifies the secret, and then waits to write.
        let commit = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            change.commit().await;
        };
        let (answer, ()) = tokio::join!(server.token(&form), commit);
        assert_eq!(answer.status(), 400, "{user}");
    }
}
