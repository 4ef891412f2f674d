//! Logging in, staying logged in, and failing to log in.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use atrail_api::{TokenResponse, paths};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::records::written;
use crate::support::{Made, PASSWORD, TestServer};

async fn refreshed(server: &TestServer, token: &str) -> Result<TokenResponse, Value> {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let answer = server.token(&form).await;
    if answer.status() == 200 {
        return Ok(answer.json().await.unwrap());
    }
    assert_eq!(answer.status(), 400);
    Err(answer.json().await.unwrap())
}

async fn works(server: &TestServer, access_token: &str) -> bool {
    let answer = server
        .client(access_token)
        .get(paths::SESSIONS)
        .seen()
        .await;
    assert!(matches!(answer.0, 200 | 401), "{answer:?}");
    answer.0 == 200
}

#[tokio::test]
async fn each_way_to_log_in_works() {
    let server = TestServer::start().await;
    let initial = server.initial.clone();
    let forms: [&[(&str, &str)]; 3] = [
        &[("username", &initial.user), ("password", &initial.password)],
        &[("username", "apikey"), ("password", &initial.api_key)],
        &[("passcode", &initial.api_key)],
    ];
    for form in forms {
        let form = [&[("grant_type", "password")], form].concat();
        let answer = server.token(&form).await;
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let tokens: TokenResponse = answer.json().await.unwrap();
        assert_eq!(
            (tokens.token_type.as_str(), tokens.expires_in),
            ("bearer", 600)
        );
        assert!(works(&server, &tokens.access_token).await);
    }
}

#[tokio::test]
async fn the_token_may_come_in_either_header() {
    let server = TestServer::start().await;
    let token = server.login("apikey", &server.initial.api_key).await;
    let token = token.access_token;
    for (name, value) in [
        ("X-Auth-Token", token.clone()),
        ("X-Auth-Token", format!("BEARER {token}")),
        ("Authorization", format!("bearer {token}")),
    ] {
        let request = server.nobody().get(paths::SESSIONS).header(name, value);
        assert_eq!(request.seen().await.0, 200, "{name}");
    }
}

#[tokio::test]
async fn wrong_credentials_and_unknown_users_get_one_answer() {
    let server = TestServer::start().await;
    let mut answers = std::collections::BTreeSet::new();
    for (user, password) in [
        ("admin", "wrong password"),
        ("nobody", "wrong password"),
        ("apikey", "atk_no"),
        ("", ""),
    ] {
        let form = [
            ("grant_type", "password"),
            ("username", user),
            ("password", password),
        ];
        let answer = server.token(&form).await;
        assert_eq!(answer.status(), 400);
        answers.insert(answer.text().await.unwrap());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.first().unwrap().contains("invalid_grant"));
}

#[tokio::test]
async fn requests_for_tokens_that_are_no_requests_are_told_so() {
    let server = TestServer::start().await;
    for (form, error) in [
        (vec![], "unsupported_grant_type"),
        (vec![("grant_type", "magic")], "unsupported_grant_type"),
        (vec![("grant_type", "password")], "invalid_request"),
        (vec![("grant_type", "refresh_token")], "invalid_request"),
    ] {
        let answer = server.token(&form).await;
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], error);
    }
    let request = server.http.post(server.url(paths::TOKEN));
    let request = request.basic_auth("cf", Some("secret"));
    let (status, text) = request.form(&[("grant_type", "password")]).seen().await;
    assert_eq!(status, 401);
    assert!(text.contains("invalid_client"), "{text}");
    let request = server.http.post(server.url(paths::TOKEN));
    assert_eq!(request.body(vec![0xff; 10]).seen().await.0, 400);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_once_and_its_theft_is_noticed() {
    let server = TestServer::start().await;
    let first = server.login("admin", &server.initial.password).await;
    let second = refreshed(&server, &first.refresh_token).await.unwrap();
    assert!(works(&server, &second.access_token).await);

    // The answer was lost: the client repeats the request.
    server.clock.advance(Duration::from_secs(5));
    let retried = refreshed(&server, &first.refresh_token).await.unwrap();
    assert!(works(&server, &retried.access_token).await);

    // Somebody else uses the old token later: the whole login ends at once, and the server records that.
    server.clock.advance(Duration::from_secs(6));
    for tokens in [&first, &second, &retried] {
        assert!(works(&server, &tokens.access_token).await, "the control");
    }
    let error = refreshed(&server, &first.refresh_token).await.unwrap_err();
    assert_eq!(error["error"], "invalid_grant");
    for tokens in [&first, &second, &retried] {
        assert!(!works(&server, &tokens.access_token).await);
    }
    for tokens in [&second, &retried] {
        assert!(refreshed(&server, &tokens.refresh_token).await.is_err());
    }
    written(&server, "login", "failure", 1).await;
    // Garbage affects nobody.
    let other = server.login("admin", &server.initial.password).await;
    assert!(refreshed(&server, "atr_00").await.is_err());
    assert!(works(&server, &other.access_token).await);
}

/// Returns how the login of an access token began.
fn began_by(access_token: &str) -> Value {
    let claims = access_token.split('.').nth(1).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["client"].clone()
}

#[tokio::test]
async fn a_refreshed_login_says_how_it_began() {
    let server = TestServer::start().await;
    let initial = &server.initial;
    for (user, secret, expected) in [
        (initial.user.as_str(), &initial.password, "password"),
        ("apikey", &initial.api_key, "api-key"),
    ] {
        let tokens = server.login(user, secret).await;
        assert_eq!(began_by(&tokens.access_token), expected);
        let tokens = refreshed(&server, &tokens.refresh_token).await.unwrap();
        assert_eq!(began_by(&tokens.access_token), expected, "refreshed");
    }
}

/// Only the server can read the signing key. Tokens of the key before the last are invalid, however recently they were
/// used.
#[tokio::test]
async fn a_rotated_signing_key_is_kept_from_others_and_replaces_the_one_before_the_last() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let file = server.dir.path().join("data/keys/token-signing.key");
    for round in 0..2 {
        assert!(works(&server, admin.token.as_deref().unwrap()).await);
        let rotated = server.admin().await.post(paths::TOKEN_KEYS).seen().await;
        assert_eq!(rotated.0, 201, "{round}");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{round}");
    }
    assert!(!works(&server, admin.token.as_deref().unwrap()).await);
    let admin = server.admin().await;
    assert!(works(&server, admin.token.as_deref().unwrap()).await);
}

#[tokio::test]
async fn logins_outlive_a_restart_and_end_in_time() {
    let server = TestServer::start().await;
    let tokens = server.login("apikey", &server.initial.api_key).await;
    let server = server.restart().await;
    assert!(works(&server, &tokens.access_token).await);
    server.clock.advance(Duration::from_secs(600));
    assert!(!works(&server, &tokens.access_token).await);
    let tokens = refreshed(&server, &tokens.refresh_token).await.unwrap();
    assert!(works(&server, &tokens.access_token).await);
    server.clock.advance(Duration::from_secs(14 * 86_400));
    assert!(refreshed(&server, &tokens.refresh_token).await.is_err());
}

#[tokio::test]
async fn garbage_is_no_token() {
    let server = TestServer::start().await;
    let token = server.login("apikey", &server.initial.api_key).await;
    let token = token.access_token;
    let (head, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for garbage in [
        "x".to_owned(),
        "a.b.c".to_owned(),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}"),
        token.replace('.', ".."),
        "bearer bearer".to_owned(),
        "\u{7f}".repeat(0) + &"A".repeat(8000),
    ] {
        let client = server.client(&garbage);
        let (status, code) = client.get(paths::SESSIONS).refused().await;
        assert_eq!(
            (status, code.as_str()),
            (401, "unauthenticated"),
            "{garbage}"
        );
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_keys_still_work() {
    let server = TestServer::start().await;
    let form = [
        ("grant_type", "password"),
        ("username", "admin"),
        ("password", "wrong password"),
    ];
    for _ in 0..10 {
        assert_eq!(server.token(&form).await.status(), 400);
    }
    let answer = server.token(&form).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    let right = [form[0], form[1], ("password", &server.initial.password)];
    assert_eq!(server.token(&right).await.status(), 429);
    server.login("apikey", &server.initial.api_key).await;
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(server.token(&right).await.status(), 200);
    assert_eq!(
        server.token(&form).await.status(),
        400,
        "forgotten by success"
    );
}

/// Failures of others at the same address, as behind a proxy, slow down a guesser, but never the holder of a key.
#[tokio::test]
async fn behind_a_proxy_who_guesses_makes_nobody_else_wait() {
    for trusted in [true, false] {
        let server = TestServer::with(|settings| {
            if trusted {
                settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
            }
        })
        .await;
        let attempt = async |user: &str, password: &str, from: &str| {
            let form = [
                ("grant_type", "password"),
                ("username", user),
                ("password", password),
            ];
            let request = server.http.post(server.url(paths::TOKEN)).form(&form);
            let request = request.header("X-Forwarded-For", from);
            request.send().await.unwrap().status().as_u16()
        };
        // The client's own text comes before the proxy's.
        for guess in 0..10 {
            let from = format!("10.9.8.{guess}, 203.0.113.1");
            assert_eq!(attempt("admin", "wrong", &from).await, 400);
        }
        assert_eq!(attempt("admin", "wrong", "203.0.113.1").await, 429);
        let password = server.initial.password.clone();
        let expected = if trusted { 200 } else { 429 };
        let seen = attempt("admin", &password, "203.0.113.2").await;
        assert_eq!(seen, expected, "trusted: {trusted}");
    }
}

/// A key's public part and the rule of its checksum do not suffice to make the key.
#[tokio::test]
async fn a_key_with_another_secret_is_none() {
    let server = TestServer::start().await;
    let key = &server.initial.api_key;
    let (public, _) = key.rsplit_once('_').unwrap();
    let checked = |secret: &str| {
        let body = format!("{public}_{secret}");
        let sum = atrail_evidence::hex(&Sha256::digest(&body)[..4]);
        body + &sum
    };
    let own = &key[public.len() + 1..][..48];
    assert_eq!(&checked(own), key, "the control: this is how");
    let zero = "0".repeat(48);
    for secret in [zero.as_str(), &format!("{}{}", &own[..47], flipped(own))] {
        let form = [("grant_type", "password"), ("passcode", &checked(secret))];
        assert_eq!(server.token(&form).await.status(), 400, "{secret}");
    }
    server.login("apikey", key).await;
}

/// Returns a different last digit.
fn flipped(secret: &str) -> char {
    if secret.ends_with('0') { '1' } else { '0' }
}

#[tokio::test]
async fn a_right_key_works_whatever_others_tried() {
    let server = TestServer::start().await;
    let wrong = [("grant_type", "password"), ("passcode", "atk_no_key")];
    let mut statuses = Vec::new();
    while statuses.last() != Some(&429) {
        statuses.push(server.token(&wrong).await.status().as_u16());
        assert!(
            statuses.len() < 1000,
            "the control: wrong keys are slowed down"
        );
    }
    server.login("apikey", &server.initial.api_key).await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_logins_but_not_this_one() {
    let server = TestServer::start().await;
    let mine = server.user("ann", false, &[server.developer()]).await;
    let other = server.login("ann", PASSWORD).await;
    let change = |old: &str, new: &str| {
        let request = mine.request(Method::PUT, paths::PASSWORD);
        request.json(&json!({"old": old, "new": new}))
    };
    assert_eq!(
        change("wrong password", "another one").refused().await.0,
        403
    );
    assert_eq!(change(PASSWORD, "short").refused().await.0, 400);
    assert_eq!(change(PASSWORD, "another good one").seen().await.0, 204);
    assert!(!works(&server, &other.access_token).await);
    assert!(works(&server, mine.token.as_deref().unwrap()).await);
    server.login("ann", "another good one").await;
}

#[tokio::test]
async fn a_deleted_key_ends_what_it_began() {
    let server = TestServer::start().await;
    let admin = server.login("admin", &server.initial.password).await;
    let admin = server.client(&admin.access_token);
    let made: Value = admin
        .post(paths::API_KEYS)
        .json(&json!({"name": "ci"}))
        .made()
        .await;
    let tokens = server.login("apikey", made["key"].as_str().unwrap()).await;
    assert!(works(&server, &tokens.access_token).await);
    let stranger = server.user("ann", false, &[]).await;
    let id = json!({"id": made["id"]});
    let foreign = stranger.delete(paths::API_KEYS).json(&id);
    assert_eq!(foreign.refused().await.0, 404);
    let path = format!("/v3/api_keys?id={}", made["id"].as_str().unwrap());
    assert_eq!(admin.delete(&path).seen().await.0, 200);
    assert!(!works(&server, &tokens.access_token).await);
    assert!(refreshed(&server, &tokens.refresh_token).await.is_err());
    assert!(works(&server, admin.token.as_deref().unwrap()).await);
}

#[tokio::test]
async fn the_public_key_is_published_and_no_private_part() {
    let server = TestServer::start().await;
    let keys: Value = server.nobody().get(paths::TOKEN_KEYS).made().await;
    let key = keys["keys"][0].as_object().unwrap();
    assert_eq!(
        (&key["kty"], &key["crv"]),
        (&json!("OKP"), &json!("Ed25519"))
    );
    assert!(!key.contains_key("d"));
    assert_eq!(key["x"].as_str().unwrap().len(), 43);
    assert_eq!(key["kid"].as_str().unwrap().len(), 43);
}
