//! API keys that come with the requests themselves.

use std::time::Duration;

use atrail_api::{headers, paths};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::records::{details, of_action, own, own_of_space, today};
use crate::searches::{sample, until_sample};
use crate::support::{Client, Made, PASSWORD, TestServer, event};

/// Creates a key of the caller; returns its id and the whole key.
async fn key(client: &Client, new: Value) -> (String, String) {
    let made: Value = client.post(paths::API_KEYS).json(&new).made().await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

/// Sends a request with this credential in a header.
async fn answer(server: &TestServer, name: &str, value: &str) -> (u16, String) {
    let request = server.nobody().get(paths::EVENTS).header(name, value);
    request.seen().await
}

#[tokio::test]
async fn a_key_is_accepted_wherever_senders_put_one() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (_, whole) = key(&admin, json!({"name": "k"})).await;
    let (id, gone) = key(&admin, json!({"name": "gone"})).await;
    let deletion = admin.delete(paths::API_KEYS).json(&json!({"id": id}));
    let _: Value = deletion.made().await;
    let encoded = |text: String| STANDARD.encode(text);
    let forms = |key: &str| {
        [
            ("X-Auth-Token", key.to_owned()),
            ("X-Auth-Token", format!("bearer {key}")),
            ("Authorization", format!("Bearer {key}")),
            (
                "Authorization",
                format!("Basic {}", encoded(format!("any:{key}"))),
            ),
            (
                "Authorization",
                format!("Basic {}", encoded(format!("apikey:{key}"))),
            ),
            (
                "Authorization",
                format!("Basic {}", encoded(format!(":{key}"))),
            ),
            ("Authorization", format!("ApiKey {key}")),
            (
                "Authorization",
                format!("ApiKey {}", encoded(format!("id:{key}"))),
            ),
            ("Authorization", format!("Splunk {key}")),
        ]
    };
    for (name, value) in forms(&whole) {
        let seen = answer(&server, name, &value).await;
        assert_eq!(seen.0, 200, "{name}: {value}: {seen:?}");
    }
    // A key that was deleted, one with a typing error, the public part alone, and a password get one answer.
    let wrong = whole.replace("atk_", "atk_0");
    let mut answers = std::collections::BTreeSet::new();
    for wrong in [gone.as_str(), &wrong, "atk_", &whole[..20]] {
        for (name, value) in forms(wrong) {
            let request = server.nobody().get(paths::EVENTS);
            let request = request.header(name, &value);
            let request = request.header(headers::REQUEST_ID, "same");
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{name}: {value}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            answers.insert(answer.text().await.unwrap());
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(!answers.first().unwrap().contains("atk_"), "{answers:?}");
    let basic = format!(
        "Basic {}",
        encoded(format!("admin:{}", server.initial.password))
    );
    assert_eq!(answer(&server, "Authorization", &basic).await.0, 401);
    let token = server.login("admin", &server.initial.password).await;
    let token = token.access_token;
    let bearer = format!("Bearer {token}");
    assert_eq!(answer(&server, "Authorization", &bearer).await.0, 200);
    for other in [format!("ApiKey {token}"), format!("Splunk {token}")] {
        let seen = answer(&server, "Authorization", &other).await;
        assert_eq!(seen.0, 401, "a token is no key");
    }
}

#[tokio::test]
async fn a_key_alone_sends_counts_and_downloads_within_its_scopes() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let with = async |new: Value| server.client(&key(&admin, new).await.1);
    let sender = with(json!({"name": "s", "scopes": ["send"]})).await;
    sender.send_events(event(1)).await;
    let refused = sender.get(paths::EVENTS).refused().await;
    assert_eq!(refused, (403, "forbidden".to_owned()));
    let reader = with(json!({"name": "r", "scopes": ["read"]})).await;
    let days: Value = reader.get(paths::EVENTS).made().await;
    assert!(days[0]["count"].as_u64().unwrap() >= 1, "{days}");
    assert!(today(&reader, false).await.contains("\"action\""));
    assert_eq!(
        reader.post(paths::EVENTS).body(event(2)).seen().await.0,
        403
    );
    let brief = with(json!({"name": "b", "expires_in": 60})).await;
    assert_eq!(brief.get(paths::EVENTS).seen().await.0, 200);
    let more = brief.post(paths::API_KEYS).json(&json!({"name": "more"}));
    assert_eq!(more.seen().await.0, 403);
    server.clock.advance(Duration::from_secs(59));
    assert_eq!(brief.get(paths::EVENTS).seen().await.0, 200, "the control");
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(brief.get(paths::EVENTS).seen().await.0, 401);
    assert_eq!(reader.get(paths::EVENTS).seen().await.0, 200, "the control");
}

#[tokio::test]
async fn a_bound_key_works_in_its_place_alone() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let of = json!({"account": {"data": {"guid": server.initial.account}}});
    let new = json!({"name": "o", "relationships": of});
    let organization: Value = admin.post(paths::ORGANIZATIONS).json(&new).made().await;
    let of = json!({"organization": {"data": {"guid": organization["guid"]}}});
    let new = json!({"name": "beside", "relationships": of});
    let beside: Value = admin.post(paths::SPACES).json(&new).made().await;
    let beside = beside["guid"].as_str().unwrap();
    let space = &server.initial.space;
    let (_, text) = key(&admin, json!({"name": "k", "space": space})).await;
    let bound = server.client(&text).in_space(None);
    assert_eq!(bound.post(paths::EVENTS).body(event(1)).seen().await.0, 200);
    assert_eq!(bound.get(paths::EVENTS).seen().await.0, 200);
    let whole = "/v3/events?AtAccountLevel=true";
    assert_eq!(bound.get(whole).seen().await.0, 403);
    for (space, status) in [(space.as_str(), 200), (beside, 404)] {
        let there = bound.in_space(Some(space));
        assert_eq!(there.get(paths::EVENTS).seen().await.0, status, "{space}");
    }
    // It manages nothing, although its holder operates the server and owns the account.
    for path in [paths::USERS, paths::ROLES, paths::API_KEYS] {
        assert_eq!(bound.get(path).seen().await.0, 403, "{path}");
        assert_eq!(admin.get(path).seen().await.0, 200, "the control");
    }
    let manage = json!({"name": "k", "space": space, "scopes": ["manage"]});
    let refused = admin.post(paths::API_KEYS).json(&manage).refused().await;
    assert_eq!(refused.0, 400);
    // A login with the key is bound as well.
    let tokens = server.login("apikey", &text).await;
    let by_login = server.client(&tokens.access_token).in_space(Some(beside));
    assert_eq!(by_login.get(paths::EVENTS).seen().await.0, 404);
    let (_, text) = key(&admin, json!({"name": "free"})).await;
    let free = server.client(&text).in_space(Some(beside));
    assert_eq!(free.get(paths::EVENTS).seen().await.0, 200, "the control");
}

#[tokio::test]
async fn a_deleted_key_is_refused_at_the_next_request() {
    let server = TestServer::start().await;
    let ann = server.user("ann", false, &[server.owner()]).await;
    let (id, text) = key(&ann, json!({"name": "k"})).await;
    let by_key = server.client(&text);
    let (_, other) = key(&ann, json!({"name": "other"})).await;
    let by_other = server.client(&other);
    for client in [&by_key, &by_other] {
        assert_eq!(client.get(paths::EVENTS).seen().await.0, 200);
    }
    let deletion = ann.delete(paths::API_KEYS).json(&json!({"id": id}));
    let _: Value = deletion.made().await;
    for _ in 0..2 {
        assert_eq!(by_key.get(paths::EVENTS).seen().await.0, 401);
    }
    assert_eq!(by_other.get(paths::EVENTS).seen().await.0, 200);
    // A role that is revoked, and a user who is deleted, take effect as fast.
    let admin = server.admin().await;
    let mut role = server.owner();
    role["user"] = "ann".into();
    let _: Value = admin.delete(paths::ROLES).json(&role).made().await;
    assert_eq!(by_other.get(paths::EVENTS).seen().await.0, 404);
    let me: Value = ann.get(paths::USERS).made().await;
    let path = format!(
        "{}/{}",
        paths::USERS,
        me["resources"][0]["guid"].as_str().unwrap()
    );
    let _: Value = admin.delete(&path).made().await;
    assert_eq!(by_other.get(paths::EVENTS).seen().await.0, 401);
}

#[tokio::test]
async fn guesses_at_keys_wait_and_hold_up_neither_valid_keys_nor_passwords() {
    let server = TestServer::start().await;
    let valid = server.client(&server.initial.api_key);
    let guess = server.client("atk_0123456789abcdef_0");
    for number in 0..100 {
        assert_eq!(guess.get(paths::EVENTS).seen().await.0, 401, "{number}");
    }
    let answer = guess.get(paths::EVENTS).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    // Keys for logins count as well, and passwords do not.
    let form = [("grant_type", "password"), ("passcode", "atk_no")];
    let login = server.token(&form).await;
    assert_eq!(login.status(), 429);
    let told: Value = login.json().await.unwrap();
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("too many wrong API keys"), "{detail}");
    let form = [
        ("grant_type", "password"),
        ("username", "admin"),
        ("password", "wrong"),
    ];
    assert_eq!(server.token(&form).await.status(), 400);
    assert_eq!(valid.get(paths::EVENTS).seen().await.0, 200);
    server.login("apikey", &server.initial.api_key).await;
    server.login("admin", &server.initial.password).await;
    let wrong = server.client("no key");
    assert_eq!(wrong.get(paths::EVENTS).seen().await.0, 401, "a token");
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(guess.get(paths::EVENTS).seen().await.0, 401);
    assert_eq!(guess.get(paths::EVENTS).seen().await.0, 429);
}

/// A job that logs in with an ended key does not keep the people beside it from logging in.
#[tokio::test]
async fn wrong_keys_for_logins_do_not_hold_up_passwords() {
    let server = TestServer::start().await;
    let form = [("grant_type", "password"), ("passcode", "atk_no")];
    for number in 0..100 {
        assert_eq!(server.token(&form).await.status(), 400, "{number}");
    }
    assert_eq!(server.token(&form).await.status(), 429, "the control");
    server.login("admin", &server.initial.password).await;
}

#[tokio::test]
async fn the_last_use_of_a_key_is_shown_and_costs_no_write_of_its_own() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (id, text) = key(&admin, json!({"name": "k"})).await;
    let by_key = server.client(&text);
    let shown = async |admin: &Client| {
        let keys: Value = admin.get(paths::API_KEYS).made().await;
        let mut keys = keys["resources"].as_array().unwrap().clone().into_iter();
        let key = keys.find(|key| key["id"] == id.as_str()).unwrap();
        key["use_time"].as_str().map(str::to_owned)
    };
    assert_eq!(shown(&admin).await, None);
    let catalog = server.catalog().await;
    let stored = || catalog.number_with("SELECT used FROM api_keys WHERE key = ?", &id);
    for _ in 0..20 {
        assert_eq!(by_key.get(paths::SESSIONS).seen().await.0, 200);
    }
    assert_eq!(stored().await, None, "not yet");
    let first = shown(&admin).await.unwrap();
    assert!(stored().await.is_some());
    server.clock.advance(Duration::from_secs(5));
    assert_eq!(shown(&admin).await.unwrap(), first, "nobody used it");
    assert_eq!(by_key.get(paths::SESSIONS).seen().await.0, 200);
    // An orderly stop stores what is not stored yet.
    let server = server.restart().await;
    let admin = server.admin().await;
    let later = shown(&admin).await.unwrap();
    assert!(later > first, "{later}, {first}");
}

#[tokio::test]
async fn no_use_is_lost_with_a_list_whose_reader_hangs_up() {
    let server = TestServer::start().await;
    let (id, text) = key(&server.admin().await, json!({"name": "k"})).await;
    let catalog = server.catalog().await;
    let stored = || catalog.number_with("SELECT used FROM api_keys WHERE key = ?", &id);
    let open = "atrail_http_open_connections";
    let before = sample(&server, open).await;
    let other = catalog.begin("SELECT 1").await;
    let address = server.url("").replace("http://", "");
    let asked = async |path: &str| {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {text}\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(1), connection.read_u8()).await;
        answer.is_ok()
    };
    // The control: what stores nothing is answered while another writes, so the list waits to store the use.
    assert!(asked(paths::SPACES).await);
    assert!(!asked(paths::API_KEYS).await);
    until_sample(&server, open, before).await;
    assert_eq!(stored().await, None);
    other.commit().await;
    // Nobody lists anything, and the minute at the end of which uses are stored is not over.
    for _ in 0..500 {
        if stored().await.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the use is lost");
}

#[tokio::test]
async fn what_a_key_did_is_recorded_with_the_key() {
    let server = TestServer::start().await;
    let ann = server.user("ann", false, &[server.owner()]).await;
    let (id, text) = key(&ann, json!({"name": "k"})).await;
    let (other, other_text) = key(&ann, json!({"name": "l"})).await;
    for client in [&ann, &server.client(&text), &server.client(&other_text)] {
        for _ in 0..2 {
            assert_eq!(client.get(paths::EVENTS).seen().await.0, 200);
        }
    }
    let events = own_of_space(&server.admin().await).await;
    let mut reads: Vec<_> = of_action(&events, "read.events")
        .into_iter()
        .filter(|event| event["initiator"]["name"] == "ann")
        .map(|event| {
            let credential = event["initiator"]["credential"]["type"].as_str().unwrap();
            let key = details(event)["apiKey"].as_str().unwrap_or("none");
            format!("{credential} {key}")
        })
        .collect();
    reads.sort();
    let mut expected = [
        format!("apikey {id}"),
        format!("apikey {other}"),
        "token none".to_owned(),
    ];
    expected.sort();
    assert_eq!(reads, expected, "each once");
    // No login began.
    let of_account = own(&today(&server.admin().await, true).await);
    let logins = of_action(&of_account, "login");
    let logins = logins
        .iter()
        .filter(|event| event["initiator"]["name"] == "ann");
    assert_eq!(logins.count(), 1, "the one with the password");
    assert!(
        !of_account
            .iter()
            .any(|event| event.to_string().contains(&text))
    );
}

/// A key that is used for the first time in an account makes it a used one, and leaves no record of a login there.
#[tokio::test]
async fn a_use_by_a_key_is_no_login() {
    let server = TestServer::start().await;
    let auditor = json!({"role": "auditor", "account": server.initial.account});
    server.user("ann", false, &[auditor]).await;
    let tokens = server.login("ann", PASSWORD).await;
    let ann = server.client(&tokens.access_token);
    let (_, text) = key(&ann, json!({"name": "k", "scopes": ["read"]})).await;
    assert_eq!(server.client(&text).get(paths::EVENTS).seen().await.0, 200);
    let of_account = own(&today(&server.admin().await, true).await);
    let logins = of_action(&of_account, "login");
    let logins = logins
        .iter()
        .filter(|event| event["initiator"]["name"] == "ann");
    assert_eq!(logins.count(), 2, "the two with the password");
}
