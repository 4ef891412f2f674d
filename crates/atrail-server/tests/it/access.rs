//! Who may do what: every route, every kind of caller.

use std::collections::BTreeSet;
use std::time::Duration;

use atrail_api::paths;
use atrail_server::ROUTES;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Made, PASSWORD, TestServer, event};

const CALLERS: [&str; 6] = [
    "nobody",
    "expired",
    "foreign",
    "operator",
    "developer",
    "owner",
];

/// Statuses in the order of [`CALLERS`]. Sessions in paths and headers are the owner's.
#[rustfmt::skip]
const MATRIX: &[(&str, &str, [u16; 6])] = &[
    ("GET", paths::INFO, [200; 6]),
    ("POST", paths::TOKEN, [200; 6]),
    ("POST", paths::TOKEN_LEGACY, [200; 6]),
    ("GET", paths::TOKEN_KEYS, [200; 6]),
    ("GET", paths::HEALTHZ, [200; 6]),
    ("GET", paths::READYZ, [200; 6]),
    ("GET", paths::METRICS, [200; 6]),
    ("GET", paths::OPENAPI, [200; 6]),
    ("GET", paths::ACCOUNTS, [401, 401, 200, 200, 200, 200]),
    ("POST", paths::ACCOUNTS, [401, 401, 403, 201, 403, 403]),
    ("GET", paths::ORGANIZATIONS, [401, 401, 200, 200, 200, 200]),
    ("POST", paths::ORGANIZATIONS, [401, 401, 404, 403, 403, 201]),
    ("GET", paths::SPACES, [401, 401, 200, 200, 200, 200]),
    ("POST", paths::SPACES, [401, 401, 404, 403, 404, 201]),
    ("GET", paths::USERS, [401, 401, 200, 200, 200, 200]),
    ("POST", paths::USERS, [401, 401, 403, 201, 403, 403]),
    ("GET", paths::ROLES, [401, 401, 200, 200, 200, 200]),
    ("POST", paths::ROLES, [401, 401, 404, 200, 403, 200]),
    ("DELETE", paths::ROLES, [401, 401, 404, 200, 403, 200]),
    ("GET", paths::API_KEYS, [401, 401, 200, 200, 200, 200]),
    ("POST", paths::API_KEYS, [401, 401, 201, 201, 201, 201]),
    ("DELETE", paths::API_KEYS, [401, 401, 200, 200, 200, 200]),
    ("PUT", paths::PASSWORD, [401, 401, 204, 204, 204, 204]),
    ("GET", paths::SESSIONS, [401, 401, 404, 404, 200, 200]),
    ("POST", paths::SESSIONS, [401, 401, 404, 404, 201, 201]),
    ("GET", paths::SESSION, [401, 401, 404, 404, 404, 200]),
    ("DELETE", paths::SESSION, [401, 401, 404, 404, 404, 200]),
    ("GET", paths::SESSION_MANIFEST, [401, 401, 404, 404, 404, 200]),
    ("GET", paths::EVENTS, [401, 401, 404, 404, 200, 200]),
    ("POST", paths::EVENTS, [401, 401, 404, 404, 200, 200]),
    ("DELETE", paths::EVENTS, [401, 401, 404, 404, 200, 200]),
    ("GET", paths::OPTIONS, [401, 401, 404, 404, 200, 200]),
    ("PUT", paths::OPTIONS, [401, 401, 404, 404, 200, 200]),
    ("GET", paths::DOWNLOAD, [401, 401, 404, 404, 404, 200]),
    ("HEAD", paths::DOWNLOAD, [401, 401, 404, 404, 404, 200]),
];

struct Cast {
    server: TestServer,
    callers: Vec<Client>,
    made: usize,
}

impl Cast {
    async fn new() -> Self {
        let server = TestServer::with(|settings| settings.store.max_open_sessions = 1000).await;
        let expired = server.user("late", false, &[server.owner()]).await;
        server.clock.advance(Duration::from_secs(601));
        let elsewhere = foreign_space(&server).await;
        let elsewhere = json!({"role": "developer", "space": elsewhere});
        server.user("spare", false, &[]).await;
        let callers = vec![
            server.nobody(),
            expired,
            server.user("foreign", false, &[elsewhere]).await,
            server.user("operator", true, &[]).await,
            server.user("developer", false, &[server.developer()]).await,
            server.user("owner", false, &[server.owner()]).await,
        ];
        Self {
            server,
            callers,
            made: 0,
        }
    }

    /// A number that was not used before.
    fn fresh(&mut self) -> String {
        self.made += 1;
        format!("new-{}", self.made)
    }

    /// Sends a request that is right in every respect but perhaps the caller.
    async fn call(&mut self, method: &str, path: &str, caller: usize) -> u16 {
        let client = self.callers[caller].clone();
        let owner = self.callers[5].clone();
        let initial = self.server.initial.clone();
        let spare_grant = json!({"user": "spare", "role": "developer", "space": initial.space});
        let method_of_call = Method::from_bytes(method.as_bytes()).unwrap();
        let concrete = if path.contains("{id}") {
            path.replace("{id}", &owner.session().await)
        } else {
            path.to_owned()
        };
        let request = client.request(method_of_call, &concrete);
        let request = match (method, path) {
            ("POST", paths::TOKEN | paths::TOKEN_LEGACY) => request.form(&[
                ("grant_type", "password"),
                ("passcode", initial.api_key.as_str()),
            ]),
            ("POST", paths::ACCOUNTS) => request.json(&json!({"name": self.fresh()})),
            ("POST", paths::ORGANIZATIONS) => request.json(&json!({
                "name": self.fresh(),
                "relationships": {"account": {"data": {"guid": initial.account}}},
            })),
            ("POST", paths::SPACES) => request.json(&json!({
                "name": self.fresh(),
                "relationships": {"organization": {"data": {"guid": initial.organization}}},
            })),
            ("POST", paths::USERS) => {
                request.json(&json!({"name": self.fresh(), "password": PASSWORD}))
            }
            ("POST" | "DELETE", paths::ROLES) => {
                let admin = self.server.admin().await;
                let _: Value = admin.post(paths::ROLES).json(&spare_grant).made().await;
                request.json(&spare_grant)
            }
            ("POST", paths::API_KEYS) => request.json(&json!({"name": self.fresh()})),
            ("DELETE", paths::API_KEYS) => {
                let key = json!({"name": self.fresh()});
                let (_, made) = client.post(paths::API_KEYS).json(&key).seen().await;
                let made: Value = serde_json::from_str(&made).unwrap();
                request.json(&json!({"id": made["id"].as_str().unwrap_or("none")}))
            }
            ("PUT", paths::PASSWORD) => request.json(&json!({"old": PASSWORD, "new": PASSWORD})),
            ("PUT", paths::OPTIONS) => request.json(&json!({"retention": 30})),
            ("POST", paths::EVENTS) => request.body(event(0)),
            (_, paths::DOWNLOAD) => request.header("SESSIONID", owner.session().await),
            _ => request,
        };
        request.seen().await.0
    }
}

/// A space of another account, whose developers know nothing of the default one.
async fn foreign_space(server: &TestServer) -> String {
    let admin = server.admin().await;
    let account = json!({"name": "elsewhere"});
    let account: Value = admin.post(paths::ACCOUNTS).json(&account).made().await;
    let owner = json!({"user": "admin", "role": "owner", "account": account["guid"]});
    let _: Value = admin.post(paths::ROLES).json(&owner).made().await;
    let new =
        json!({"name": "o", "relationships": {"account": {"data": {"guid": account["guid"]}}}});
    let organization: Value = admin.post(paths::ORGANIZATIONS).json(&new).made().await;
    let of = json!({"organization": {"data": {"guid": organization["guid"]}}});
    let new = json!({"name": "s", "relationships": of});
    let space: Value = admin.post(paths::SPACES).json(&new).made().await;
    let _: Value = admin.delete(paths::ROLES).json(&owner).made().await;
    space["guid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_route_answers_every_caller_as_the_matrix_says() {
    let rows: BTreeSet<_> = MATRIX.iter().map(|(m, p, _)| (*m, *p)).collect();
    let routes: BTreeSet<_> = ROUTES.iter().copied().collect();
    assert_eq!(rows, routes, "the matrix has a row for each route");

    let mut cast = Cast::new().await;
    let mut wrong = Vec::new();
    for (method, path, expected) in MATRIX {
        for (caller, expected) in expected.iter().enumerate() {
            let status = cast.call(method, path, caller).await;
            if status != *expected {
                let who = CALLERS[caller];
                wrong.push(format!(
                    "{method} {path} by {who}: {status}, not {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_account_level_is_for_owners() {
    let cast = Cast::new().await;
    let body = json!({"AtAccountLevel": true});
    let elsewhere = cast.server.nobody().in_space(None);
    for (caller, expected) in [(2, 404), (3, 404), (4, 403), (5, 200)] {
        let client = &cast.callers[caller];
        let who = CALLERS[caller];
        let read = client.get(paths::EVENTS).json(&body).seen().await;
        assert_eq!(read.0, expected, "reading by {who}");
        let deleted = client.delete(paths::EVENTS).json(&body).seen().await;
        assert_eq!(deleted.0, expected, "deleting by {who}");
        let sent = client
            .post("/v3/events?AtAccountLevel=true")
            .body(event(1))
            .seen()
            .await;
        assert_eq!(sent.0, expected, "sending by {who}");
        let created = client.post(paths::SESSIONS).json(&body).seen().await;
        assert_eq!(created.0, if expected == 200 { 201 } else { expected });
        let options = client.get(paths::OPTIONS).json(&body).seen().await;
        assert_eq!(options.0, expected, "reading options by {who}");
        let setting = json!({"AtAccountLevel": true, "retention": 30});
        let set = client.request(Method::PUT, paths::OPTIONS).json(&setting);
        assert_eq!(set.seen().await.0, expected, "setting options by {who}");
        // Without a targeted space, the only account that the caller owns.
        let alone = client.in_space(elsewhere.space.as_deref());
        let read = alone.get(paths::EVENTS).json(&body).seen().await;
        assert_eq!(read.0, if caller == 5 { 200 } else { 403 }, "alone, {who}");
    }
}

#[tokio::test]
async fn a_foreign_space_and_one_that_is_not_there_are_the_same() {
    let cast = Cast::new().await;
    let developer = &cast.callers[4];
    let foreign = cast.callers[2].space.clone().unwrap();
    assert_eq!(
        foreign, cast.server.initial.space,
        "the cast shares a space"
    );
    let elsewhere = {
        let admin = cast.server.admin().await;
        let spaces: Value = admin.get(paths::SPACES).made().await;
        let all = spaces["resources"].as_array().unwrap();
        let other = all.iter().find(|one| one["name"] == "s").unwrap();
        other["guid"].as_str().unwrap().to_owned()
    };
    let mut answers = BTreeSet::new();
    for space in [
        elsewhere.as_str(),
        "00000000-0000-4000-8000-000000000000",
        "no guid at all",
    ] {
        let client = developer.in_space(Some(space));
        let mut seen = client
            .get(paths::EVENTS)
            .header("X-Request-Id", "same")
            .seen()
            .await;
        seen.1 = seen.1.replace(space, "");
        answers.insert(seen);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let mine = cast.callers[5].session().await;
    let mut answers = BTreeSet::new();
    for id in [
        mine.as_str(),
        "00000000-0000-4000-8000-000000000000",
        "x",
        "%ff",
    ] {
        let path = format!("/v3/sessions/{id}");
        answers.insert(
            developer
                .get(&path)
                .header("X-Request-Id", "same")
                .seen()
                .await,
        );
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

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
