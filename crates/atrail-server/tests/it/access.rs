//! Roles that are granted and revoked, and their effect on requests in progress. The matrix covers the rights of each
//! role.

use atrail_api::{headers, paths};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, Made, TestServer, event, noise};

#[tokio::test]
async fn a_role_that_is_taken_is_gone_with_the_next_request_and_so_are_its_sessions() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let developer = server.user("dev", false, &[server.developer()]).await;
    let session = developer.session().await;
    let path = format!("/v3/sessions/{session}");
    assert_eq!(developer.get(&path).seen().await.0, 200);
    let mut grant = server.developer();
    grant["user"] = "dev".into();
    let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;
    assert_eq!(developer.get(&path).seen().await.0, 404);
    let download = developer.get(paths::DOWNLOAD).header("SESSIONID", &session);
    assert_eq!(download.seen().await.0, 404);
    assert_eq!(developer.get(paths::EVENTS).seen().await.0, 404);
    let all: Vec<Value> = developer.in_space(None).get(paths::SESSIONS).made().await;
    assert!(all.is_empty());
    let _: Value = admin.post(paths::ROLES).json(&grant).made().await;
    assert_eq!(developer.get(&path).seen().await.0, 200);
}

/// A session of a whole account depends on the role in the account alone: a role in one of its spaces does not suffice.
#[tokio::test]
async fn a_session_of_an_account_goes_with_the_role_and_comes_back_with_it() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let auditor = json!({"role": "auditor", "account": server.initial.account});
    let keeps = server.developer();
    let ann = server
        .user("ann", false, &[auditor.clone(), keeps.clone()])
        .await;
    let whole = json!({"AtAccountLevel": true});
    let session: Value = ann.post(paths::SESSIONS).json(&whole).made().await;
    let id = session["id"].as_str().unwrap();
    let seen = async || {
        let path = format!("{}/{id}", paths::SESSIONS);
        let download = ann.get(paths::DOWNLOAD).header("SESSIONID", id);
        [
            ann.get(&path).seen().await.0,
            ann.get(&format!("{path}/receipt")).seen().await.0,
            download.send().await.unwrap().status().as_u16(),
        ]
    };
    assert_eq!(seen().await, [200; 3], "the control");
    let mut grant = auditor;
    grant["user"] = "ann".into();
    let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;
    assert_eq!(ann.get(paths::EVENTS).seen().await.0, 200, "the control");
    assert_eq!(seen().await, [404; 3]);
    let _: Value = admin.post(paths::ROLES).json(&grant).made().await;
    assert_eq!(seen().await, [200; 3]);
}

#[tokio::test]
async fn what_is_under_way_ends_with_the_role_the_key_the_login_or_the_user() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    // More bytes than sockets and the server's read-ahead hold together.
    for part in 0..3 {
        admin.send_events(noise(part, 12)).await;
    }
    let mut grant = server.developer();
    grant["user"] = "ann".into();
    let ann = server.user("ann", false, &[server.developer()]).await;
    let users: Value = admin.get(paths::USERS).made().await;
    let users = users["resources"].as_array().unwrap();
    let id = users.iter().find(|user| user["name"] == "ann").unwrap()["guid"].clone();
    let key: Value = ann
        .post(paths::API_KEYS)
        .json(&json!({"name": "k"}))
        .made()
        .await;
    let tokens = server.login("apikey", key["key"].as_str().unwrap()).await;
    let by_key = server.client(&tokens.access_token);
    let session = ann.session().await;

    let begin = async |client: &Client| {
        let request = client.get(paths::DOWNLOAD).header("SESSIONID", &session);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let length = answer.content_length().unwrap();
        assert!(length > 20_000_000, "{length}");
        let mut bytes = answer.bytes_stream();
        let first = bytes.next().await.unwrap().unwrap().len() as u64;
        (bytes, first, length)
    };
    // The control: without a revocation, every byte arrives.
    let (mut bytes, mut got, length) = begin(&ann).await;
    while let Some(chunk) = bytes.next().await {
        got += chunk.unwrap().len() as u64;
    }
    assert_eq!(got, length);

    let sent: Value = ann
        .post(paths::API_KEYS)
        .json(&json!({"name": "sent itself"}))
        .made()
        .await;
    let itself = server.client(sent["key"].as_str().unwrap());
    for (what, client, key) in [
        ("a deleted key", &by_key, &key),
        ("a deleted key that came itself", &itself, &sent),
    ] {
        let under_way = begin(client).await;
        let key_id = json!({"id": key["id"]});
        let _: Value = admin.delete(paths::API_KEYS).json(&key_id).made().await;
        ends_early(what, under_way).await;
    }

    let under_way = begin(&ann).await;
    let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;
    ends_early("a revoked role", under_way).await;
    let _: Value = admin.post(paths::ROLES).json(&grant).made().await;

    let again = server.login("ann", crate::support::PASSWORD).await;
    let under_way = begin(&server.client(&again.access_token)).await;
    let form = [("token", again.refresh_token.as_str())];
    let revoked = server.http.post(server.url(paths::REVOKE)).form(&form);
    assert_eq!(revoked.seen().await.0, 200);
    ends_early("a revoked login", under_way).await;

    let under_way = begin(&ann).await;
    let path = format!("{}/{}", paths::USERS, id.as_str().unwrap());
    let _: Value = admin.delete(&path).made().await;
    ends_early("a deleted user", under_way).await;
    assert_eq!(ann.get(paths::SESSIONS).seen().await.0, 401);
}

async fn ends_early<S>(what: &str, (mut bytes, mut got, length): (S, u64, u64))
where
    S: futures_util::Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin,
{
    let mut broke = false;
    while let Some(chunk) = bytes.next().await {
        match chunk {
            Ok(chunk) => got += chunk.len() as u64,
            Err(_) => {
                broke = true;
                break;
            }
        }
    }
    assert!(
        broke && got < length,
        "{what}: {got} of {length} bytes came"
    );
}

#[tokio::test]
async fn a_body_that_ends_after_the_role_the_login_or_the_user_did_does_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let dev = server.user("dev", false, &[server.developer()]).await;
    let boss = server.user("boss", true, &[]).await;
    let users: Value = admin.get(paths::USERS).made().await;
    let users = users["resources"].as_array().unwrap();
    let id = users.iter().find(|user| user["name"] == "boss").unwrap()["guid"].clone();
    let mut grant = server.developer();
    grant["user"] = "dev".into();
    let mut seize = server.owner();
    seize["user"] = "dev".into();
    admin.send_events(event(0)).await;
    let delete = json!({"start": "2017-07-25", "end": "2017-07-25"}).to_string();
    let count = async || -> Value { admin.get(paths::EVENTS).made().await };

    let begin = async |caller: &Client, line: &str, body: &str| {
        Withheld::begin(&server, caller, line, body).await
    };

    // The control: a late body still has its effect.
    let sent = begin(&dev, "POST /v3/events", &event(1)).await;
    assert_eq!(sent.end().await, "200");
    assert_eq!(count().await[0]["count"], 2);

    let sent = begin(&dev, "POST /v3/events", &event(2)).await;
    let deleted = begin(&dev, "DELETE /v3/events", &delete).await;
    let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;
    let answer = sent.answer().await;
    assert!(answer.starts_with("HTTP/1.1 503"), "a revoked role sends");
    assert!(
        answer.contains("\r\nretry-after: 1\r\n"),
        "at once: {answer}"
    );
    assert_eq!(deleted.end().await, "503", "a revoked role deletes");
    // The third count shows that the server counted the first two.
    assert_eq!(count().await[0]["count"], 3);

    let _: Value = admin.post(paths::ROLES).json(&grant).made().await;
    let again = server.login("dev", crate::support::PASSWORD).await;
    let late = server.client(&again.access_token);
    let sent = begin(&late, "POST /v3/events", &event(3)).await;
    let deleted = begin(&late, "DELETE /v3/events", &delete).await;
    let form = [("token", again.refresh_token.as_str())];
    let revoked = server.http.post(server.url(paths::REVOKE)).form(&form);
    assert_eq!(revoked.seen().await.0, 200);
    assert_eq!(sent.end().await, "401", "a login that has ended sends");
    assert_eq!(deleted.end().await, "401", "a login that has ended deletes");
    let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;
    assert_eq!(count().await[0]["count"], 3);

    let granted = begin(&boss, "POST /v3/roles", &seize.to_string()).await;
    let path = format!("{}/{}", paths::USERS, id.as_str().unwrap());
    let _: Value = admin.delete(&path).made().await;
    assert_eq!(granted.end().await, "401", "a user who is gone grants");
    let roles: Value = admin.get(paths::ROLES).made().await;
    assert!(!roles.to_string().contains("\"dev\""), "{roles}");
}

/// A request that the server has admitted, and whose body has not arrived.
struct Withheld {
    stream: TcpStream,
    body: String,
}

impl Withheld {
    /// Returns when the server asks for the body: by then it knows the caller.
    async fn begin(server: &TestServer, caller: &Client, line: &str, body: &str) -> Self {
        let (token, space) = (
            caller.token.as_ref().unwrap(),
            caller.space.as_ref().unwrap(),
        );
        let head = format!(
            "{line} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: bearer {token}\r\nX-Auth-Project-Id: {space}\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        Self {
            stream,
            body: body.to_owned(),
        }
    }

    /// Sends the body, and returns the status of the answer.
    async fn end(self) -> String {
        self.answer().await["HTTP/1.1 ".len()..][..3].to_owned()
    }

    /// Sends the body, and returns the whole answer.
    async fn answer(mut self) -> String {
        self.stream.write_all(self.body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn the_account_that_is_meant_without_a_space_is_the_only_one_where_one_may() {
    let server = TestServer::start().await;
    let writer = json!({"role": "writer", "account": server.initial.account});
    let writer = server.user("writer", false, &[writer]).await;
    let alone = writer.in_space(None);
    let path = "/v3/events?AtAccountLevel=true";
    assert_eq!(alone.post(path).body(event(1)).seen().await.0, 200);
    assert_eq!(alone.get(path).seen().await.0, 403);
    // A writer may not set or release holds on the events that it sent either.
    let hold = json!({"AtAccountLevel": true, "reason": "a case"});
    for change in [alone.post(paths::HOLDS), alone.delete(paths::HOLDS)] {
        let named = change.header(headers::ACCOUNT_ID, &server.initial.account);
        assert_eq!(named.json(&hold).seen().await.0, 403);
    }
    assert_eq!(alone.post(paths::EVENTS).body(event(2)).seen().await.0, 400);
    let admin = server.admin().await;
    let second: Value = admin
        .post(paths::ACCOUNTS)
        .json(&json!({"name": "second"}))
        .made()
        .await;
    let grant = json!({"user": "writer", "role": "writer", "account": second["guid"]});
    let _: Value = admin.post(paths::ROLES).json(&grant).made().await;
    assert_eq!(
        alone.post(path).body(event(3)).seen().await.0,
        400,
        "which?"
    );
}

/// The user has roles in more accounts than an error lists.
#[tokio::test]
async fn who_may_choose_among_many_accounts_is_told_some_and_how_many_more() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut roles = Vec::new();
    for number in 0..23 {
        let new = json!({"name": format!("account-{number}")});
        let account: Value = admin.post(paths::ACCOUNTS).json(&new).made().await;
        roles.push(json!({"role": "auditor", "account": account["guid"]}));
    }
    let whole = "/v3/events?AtAccountLevel=true";
    for (held, named, more) in [(20, 20, None), (23, 20, Some("3 more"))] {
        let name = format!("ann-{held}");
        let ann = server.user(&name, false, &roles[..held]).await;
        let (status, text) = ann.in_space(None).get(whole).seen().await;
        assert_eq!(status, 400, "{text}");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["code"], "account_required");
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!(detail.matches(" (account-").count(), named, "{detail}");
        let told = detail.rsplit_once(", ").unwrap().1;
        assert_eq!(more, Some(told).filter(|told| !told.ends_with(')')));
    }
}

#[tokio::test]
async fn a_key_does_what_it_is_good_for_and_no_more() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let with = async |body: Value| {
        let key: Value = admin.post(paths::API_KEYS).json(&body).made().await;
        let tokens = server.login("apikey", key["key"].as_str().unwrap()).await;
        server.client(&tokens.access_token)
    };
    let sender = with(json!({"name": "s", "scopes": ["send"]})).await;
    let reader = with(json!({"name": "r", "scopes": ["read"]})).await;
    let manager = with(json!({"name": "m", "scopes": ["manage"]})).await;
    let brief = with(json!({"name": "b", "expires_in": 60})).await;
    for (who, client, expected) in [
        ("sender", &sender, [200, 403, 403, 403]),
        ("reader", &reader, [403, 200, 403, 403]),
        ("manager", &manager, [403, 403, 200, 403]),
        ("brief", &brief, [200, 200, 200, 403]),
    ] {
        let new = json!({"name": "more"});
        let answers = [
            client
                .post(paths::EVENTS)
                .body(event(who.len()))
                .seen()
                .await
                .0,
            client.get(paths::EVENTS).seen().await.0,
            client.get(paths::ROLES).seen().await.0,
            client.post(paths::API_KEYS).json(&new).seen().await.0,
        ];
        assert_eq!(answers, expected, "{who}");
    }
    let keys: Value = admin.get(paths::API_KEYS).made().await;
    let mut keys = keys["resources"].as_array().unwrap().iter();
    let brief_key = keys.find(|key| key["name"] == "b").unwrap();
    assert_eq!(brief_key["expire_time"], "2017-07-25T10:30:28.541092735Z");
    assert_eq!(brief_key["use_time"], crate::support::NOW);
    server.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(brief.get(paths::EVENTS).seen().await.0, 401);
    // A key ends to the second, even right after a request that it allowed.
    let briefest = with(json!({"name": "c", "expires_in": 2})).await;
    assert_eq!(briefest.get(paths::EVENTS).seen().await.0, 200);
    server.clock.advance(std::time::Duration::from_secs(2));
    assert_eq!(briefest.get(paths::EVENTS).seen().await.0, 401);
    for body in [
        json!({"name": "x", "scopes": []}),
        json!({"name": "x", "scopes": ["rule"]}),
        json!({"name": "x", "expires_in": 0}),
        json!({"name": "x", "expires_in": u64::MAX}),
    ] {
        let refused = admin.post(paths::API_KEYS).json(&body).refused().await;
        assert_eq!(refused.0, 400, "{body}");
    }
}
