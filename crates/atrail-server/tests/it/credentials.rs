//! The rights that a credential carries, and the fields in which a request names its caller and its target.

use std::collections::BTreeMap;
use std::time::Duration;

use atrail_api::{TokenResponse, headers, paths};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::records::{of_action, own_of_account};
use crate::support::{Client, Made, PASSWORD, TestServer, event};

/// Returns the number of refused secrets, by kind.
async fn refused(server: &TestServer) -> BTreeMap<String, u64> {
    let page = server.nobody().get(paths::METRICS).seen().await.1;
    let samples = page
        .lines()
        .filter_map(|line| line.strip_prefix("atrail_auth_failures_total{kind=\""));
    samples
        .map(|sample| {
            let (kind, count) = sample.split_once("\"} ").unwrap();
            (kind.to_owned(), count.parse().unwrap())
        })
        .collect()
}

pub(crate) fn by_password<'a>(user: &'a str, password: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("grant_type", "password"),
        ("username", user),
        ("password", password),
    ]
}

async fn refresh(server: &TestServer, token: &str) -> u16 {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    server.token(&form).await.status().as_u16()
}

#[tokio::test]
async fn each_kind_of_secret_that_is_not_good_is_counted() {
    let server = TestServer::start().await;
    let first = server.login("admin", &server.initial.password).await;
    assert_eq!(refresh(&server, &first.refresh_token).await, 200);
    assert!(
        refused(&server).await.values().all(|count| *count == 0),
        "the control"
    );
    server.clock.advance(Duration::from_secs(60));
    assert_eq!(refresh(&server, "atr_unknown").await, 400);
    assert_eq!(
        refresh(&server, &first.refresh_token).await,
        400,
        "used twice"
    );
    assert_eq!(
        server.token(&by_password("admin", "wrong")).await.status(),
        400
    );
    assert_eq!(
        server
            .token(&by_password("apikey", "atk_no"))
            .await
            .status(),
        400
    );
    assert_eq!(
        server.client("wrong").get(paths::SESSIONS).seen().await.0,
        401
    );
    let counts = refused(&server).await;
    let expected = [
        ("access_token", 1),
        ("api_key", 1),
        ("cookie", 0),
        ("id_token", 0),
        ("link", 0),
        ("password", 1),
        ("refresh_token", 2),
    ];
    assert_eq!(
        counts,
        expected
            .map(|(kind, count)| (kind.to_owned(), count))
            .into()
    );
}

#[tokio::test]
async fn a_right_key_and_a_right_password_take_no_attempt_from_their_network() {
    let server = TestServer::start().await;
    for _ in 0..120 {
        server.login("apikey", &server.initial.api_key).await;
    }
    assert_eq!(
        server
            .token(&by_password("apikey", "atk_no"))
            .await
            .status(),
        400
    );
    for guess in 0..10 {
        let status = server.token(&by_password("admin", "wrong")).await.status();
        assert_eq!(status, 400, "{guess}");
    }
    let status = server.token(&by_password("admin", "wrong")).await.status();
    assert_eq!(status, 429, "the control");
    server.clock.advance(Duration::from_secs(1));
    // More often than a guesser may try; the first login makes the network known.
    for login in 0..12 {
        let right = by_password("admin", &server.initial.password);
        assert_eq!(server.token(&right).await.status(), 200, "{login}");
    }
}

/// Different spellings of a name allow no additional guesses.
#[tokio::test]
async fn spellings_of_one_name_are_guessed_at_together() {
    let server = TestServer::start().await;
    server.user("J\u{f6}rg", false, &[]).await;
    let spellings = ["J\u{f6}rg", "Jo\u{308}rg"];
    let guess = async |name: &str| server.token(&by_password(name, "wrong")).await.status();
    for round in 0..5 {
        for name in spellings {
            assert_eq!(guess(name).await, 400, "{round}");
        }
    }
    for name in spellings {
        assert_eq!(guess(name).await, 429);
    }
    assert_eq!(guess("Jorg").await, 400, "the control: another name");
}

/// No user can have such a name, and PostgreSQL has no such text.
#[tokio::test]
async fn a_name_with_the_character_nul_is_a_guess_as_any_other() {
    let server = TestServer::start().await;
    let guess = async |name: &str| server.token(&by_password(name, "wrong")).await.status();
    for round in 0..10 {
        assert_eq!(guess("admin\0").await, 400, "{round}");
    }
    assert_eq!(refused(&server).await["password"], 10);
    assert_eq!(guess("admin\0").await, 429);
    assert_eq!(guess("admin").await, 400, "the control: another name");
}

#[tokio::test]
async fn what_a_form_says_twice_or_not_at_all_is_no_request() {
    let server = TestServer::start().await;
    let (password, key) = (&server.initial.password, &server.initial.api_key);
    let grant = ("grant_type", "password");
    for (form, expected) in [
        (vec![grant, ("passcode", key)], 200),
        (vec![grant, ("username", "admin"), ("passcode", key)], 200),
        (
            vec![
                grant,
                ("username", "admin"),
                ("password", password),
                ("passcode", key),
            ],
            400,
        ),
        (vec![grant, ("password", password)], 400),
        (vec![grant, ("username", "admin")], 400),
    ] {
        let answer = server.token(&form).await;
        assert_eq!(answer.status(), expected, "{form:?}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
    }
    let request = server
        .http
        .post(server.url(paths::TOKEN))
        .basic_auth("cf", Some("secret"));
    let answer = request.form(&[grant]).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Basic");
    assert_eq!(answer.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn the_originals_header_wins_and_hides_nothing() {
    let server = TestServer::start().await;
    let token = server
        .login("apikey", &server.initial.api_key)
        .await
        .access_token;
    let good = format!("Bearer {token}");
    for (own, standard, expected) in [
        (Some(token.as_str()), None, 200),
        (Some(token.as_str()), Some("Bearer wrong"), 200),
        (Some("wrong"), Some(good.as_str()), 401),
        (Some(""), Some(good.as_str()), 200),
        (Some("bearer"), Some(good.as_str()), 401),
        (None, Some(good.as_str()), 200),
        (None, Some(token.as_str()), 401),
        (None, None, 401),
        (Some(""), None, 401),
    ] {
        let mut request = server.nobody().get(paths::SESSIONS);
        if let Some(own) = own {
            request = request.header(headers::AUTH_TOKEN, own);
        }
        if let Some(standard) = standard {
            request = request.header(AUTHORIZATION, standard);
        }
        assert_eq!(request.seen().await.0, expected, "{own:?} {standard:?}");
    }
}

#[tokio::test]
async fn either_token_of_a_login_ends_it_and_that_is_on_record() {
    let server = TestServer::start().await;
    let owner = server.user("ann", false, &[server.owner()]).await;
    let _: Value = owner.get(paths::EVENTS).made().await;
    let before = of_action(&own_of_account(&owner).await, "logout").len();
    for is_refresh in [false, true] {
        let tokens: TokenResponse = server.login("ann", PASSWORD).await;
        let client = server.client(&tokens.access_token);
        assert_eq!(
            client.get(paths::SESSIONS).seen().await.0,
            200,
            "the control"
        );
        let token = if is_refresh {
            &tokens.refresh_token
        } else {
            &tokens.access_token
        };
        let form = [("token", token.as_str())];
        let revoked = server.http.post(server.url(paths::REVOKE)).form(&form);
        assert_eq!(revoked.seen().await.0, 200);
        assert_eq!(client.get(paths::SESSIONS).seen().await.0, 401);
        assert_eq!(refresh(&server, &tokens.refresh_token).await, 400);
    }
    let after = of_action(&own_of_account(&owner).await, "logout").len();
    assert_eq!(after, before + 2);
}

#[tokio::test]
async fn a_refresh_token_lives_for_as_long_as_its_own_time() {
    let server = TestServer::start().await;
    let mut token = server
        .login("admin", &server.initial.password)
        .await
        .refresh_token;
    for _ in 0..3 {
        server.clock.advance(Duration::from_secs(13 * 86_400));
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token.as_str()),
        ];
        let renewed: TokenResponse = server.token(&form).await.json().await.unwrap();
        token = renewed.refresh_token;
    }
    server.clock.advance(Duration::from_secs(15 * 86_400));
    assert_eq!(refresh(&server, &token).await, 400);
    // A token that was never exchanged expires too.
    for (wait, expected) in [(14 * 86_400 - 1, 200), (14 * 86_400, 400)] {
        let tokens = server.login("admin", &server.initial.password).await;
        server.clock.advance(Duration::from_secs(wait));
        let refreshed = refresh(&server, &tokens.refresh_token).await;
        assert_eq!(refreshed, expected, "after {wait} seconds");
    }
}

/// Creates a second account of the first user, with a space.
async fn second(admin: &Client) -> (String, String) {
    let made = async |path: &str, body: Value| {
        let made: Value = admin.post(path).json(&body).made().await;
        made["guid"].as_str().unwrap().to_owned()
    };
    let account = made(paths::ACCOUNTS, json!({"name": "second"})).await;
    let owner = json!({"user": "admin", "role": "owner", "account": account});
    let _: Value = admin.post(paths::ROLES).json(&owner).made().await;
    let of = json!({"account": {"data": {"guid": account}}});
    let organization = made(
        paths::ORGANIZATIONS,
        json!({"name": "o", "relationships": of}),
    )
    .await;
    let of = json!({"organization": {"data": {"guid": organization}}});
    let space = made(paths::SPACES, json!({"name": "s", "relationships": of})).await;
    (account, space)
}

#[tokio::test]
async fn headers_name_one_space_of_one_account() {
    let server = TestServer::start().await;
    // By password, because a key may be bound to a place.
    let tokens = server.login("admin", &server.initial.password).await;
    let admin = server.client(&tokens.access_token);
    let (account, space) = second(&admin).await;
    let first = &server.initial;
    let stranger = server.user("ann", false, &[server.developer()]).await;
    let nowhere = uuid();
    let get = async |client: &Client, path: &str, fields: &[(&str, &str)]| {
        let mut request = client.in_space(None).get(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.seen().await.0
    };
    let (project, of_account) = (headers::PROJECT_ID, headers::ACCOUNT_ID);
    let padded = format!("  {}  ", first.space);
    for (fields, expected) in [
        (vec![(project, first.space.as_str())], 200),
        (vec![(project, padded.as_str())], 200),
        (
            vec![
                (project, first.space.as_str()),
                (of_account, first.account.as_str()),
            ],
            200,
        ),
        (
            vec![
                (project, first.space.as_str()),
                (of_account, account.as_str()),
            ],
            400,
        ),
        (
            vec![(project, first.space.as_str()), (project, space.as_str())],
            400,
        ),
        (
            vec![
                (project, first.space.as_str()),
                (project, first.space.as_str()),
            ],
            400,
        ),
        (vec![(project, nowhere.as_str())], 404),
        (vec![(project, "no guid")], 404),
        (
            vec![
                (project, first.space.as_str()),
                (of_account, nowhere.as_str()),
            ],
            404,
        ),
    ] {
        assert_eq!(
            get(&admin, paths::EVENTS, &fields).await,
            expected,
            "{fields:?}"
        );
    }
    let all = "/v3/events?AtAccountLevel=true";
    for (fields, expected) in [
        (vec![], 400),
        (vec![(project, first.space.as_str())], 200),
        (vec![(of_account, account.as_str())], 200),
        (
            vec![
                (of_account, account.as_str()),
                (of_account, first.account.as_str()),
            ],
            400,
        ),
        (vec![(of_account, nowhere.as_str())], 404),
    ] {
        assert_eq!(get(&admin, all, &fields).await, expected, "{fields:?}");
    }
    // Naming a place without a role there is like naming one that does not exist.
    for (path, fields) in [
        (paths::EVENTS, vec![(project, space.as_str())]),
        (all, vec![(of_account, account.as_str())]),
        (paths::SESSIONS, vec![(project, space.as_str())]),
    ] {
        assert_eq!(get(&stranger, path, &fields).await, 404, "{fields:?}");
    }
    // A list contains the sessions of the named space, or of all.
    admin.send_events(event(1)).await;
    let in_second = admin.in_space(Some(&space));
    let (one, other) = (admin.session().await, in_second.session().await);
    for (client, expected) in [
        (&admin, vec![&one]),
        (&in_second, vec![&other]),
        (&admin.in_space(None), vec![&one, &other]),
    ] {
        let list: Vec<Value> = client.get(paths::SESSIONS).made().await;
        let mut ids: Vec<_> = list.iter().map(|one| one["id"].as_str().unwrap()).collect();
        let mut expected: Vec<_> = expected.into_iter().map(String::as_str).collect();
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected);
    }
    // A download names one session, in the header or in the query.
    let download = async |header: Option<&str>, query: Option<&str>| {
        let path = query.map_or(paths::DOWNLOAD.to_owned(), |id| {
            format!("{}?session={id}", paths::DOWNLOAD)
        });
        let mut request = admin.get(&path);
        if let Some(header) = header {
            request = request.header(headers::SESSION_ID, header);
        }
        request.seen().await.0
    };
    let upper = one.to_uppercase();
    assert_eq!(download(Some(&one), None).await, 200);
    assert_eq!(download(None, Some(&one)).await, 200);
    assert_eq!(download(Some(&upper), Some(&one)).await, 200);
    assert_eq!(download(Some(&one), Some(&other)).await, 400);
    assert_eq!(download(None, None).await, 400);
    assert_eq!(download(Some("no id"), None).await, 404);
}

fn uuid() -> String {
    "2f4c1f0e-9a52-4a0c-8a3c-6d0f7d7c9b01".to_owned()
}

/// A key works in the place that it is bound to, and means it when a request names none.
#[tokio::test]
async fn a_bound_key_targets_its_place_and_knows_no_other() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (account, space) = second(&admin).await;
    admin.send_events(event(1)).await;
    let with_home = async |home: Value| {
        let mut body = json!({"name": "k"});
        body.as_object_mut()
            .unwrap()
            .extend(home.as_object().unwrap().clone());
        let key: Value = admin.post(paths::API_KEYS).json(&body).made().await;
        let tokens = server.login("apikey", key["key"].as_str().unwrap()).await;
        server.client(&tokens.access_token).in_space(None)
    };
    let of_space = with_home(json!({"space": server.initial.space})).await;
    let of_account = with_home(json!({"account": account})).await;
    let events = async |client: &Client, path: &str, field: Option<(&str, &str)>| {
        let mut request = client.get(path);
        if let Some((name, value)) = field {
            request = request.header(name, value);
        }
        let (status, text) = request.seen().await;
        let days: Value = serde_json::from_str(&text).unwrap_or_default();
        let days = days.as_array().cloned().unwrap_or_default();
        let count: u64 = days.iter().map(|day| day["count"].as_u64().unwrap()).sum();
        (status, count > 0)
    };
    assert_eq!(events(&of_space, paths::EVENTS, None).await, (200, true));
    let named = Some((headers::PROJECT_ID, space.as_str()));
    assert_eq!(events(&of_space, paths::EVENTS, named).await.0, 404);
    // The control: without a bond, nobody has sent events to that space.
    let free = with_home(json!({})).await;
    assert_eq!(events(&free, paths::EVENTS, named).await, (200, false));
    let elsewhere = Some((headers::ACCOUNT_ID, account.as_str()));
    assert_eq!(events(&of_space, paths::EVENTS, elsewhere).await.0, 404);
    let at_home = Some((headers::ACCOUNT_ID, server.initial.account.as_str()));
    assert_eq!(events(&of_space, paths::EVENTS, at_home).await, (200, true));
    let all = "/v3/events?AtAccountLevel=true";
    assert_eq!(events(&of_account, all, None).await.0, 200);
    assert_eq!(events(&of_account, all, elsewhere).await.0, 200);
    assert_eq!(events(&of_account, all, at_home).await.0, 404);
    assert_eq!(events(&of_account, paths::EVENTS, None).await.0, 400);
}
