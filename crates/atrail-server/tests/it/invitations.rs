//! Membership of an account: users whom the operator added, and users who accepted an invitation.

use atrail_api::{headers, paths};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Made, PASSWORD, TestServer, event, gunzipped};

/// Two accounts, each with an owner who is not an operator.
pub(crate) struct Neighbours {
    pub(crate) server: TestServer,
    pub(crate) admin: Client,
    pub(crate) account: [String; 2],
    pub(crate) owner: [Client; 2],
}

impl Neighbours {
    pub(crate) async fn new() -> Self {
        let server = TestServer::start().await;
        let admin = server.admin().await;
        let mut account = Vec::new();
        let mut owner = Vec::new();
        for name in ["a", "b"] {
            let made: Value = admin
                .post(paths::ACCOUNTS)
                .json(&json!({"name": format!("account-{name}")}))
                .made()
                .await;
            let guid = made["guid"].as_str().unwrap().to_owned();
            let role = json!({"role": "owner", "account": guid});
            let client = server.user(&format!("owner-{name}"), false, &[role]).await;
            owner.push(client.in_space(None));
            account.push(guid);
        }
        Self {
            server,
            admin,
            account: account.try_into().unwrap(),
            owner: owner.try_into().unwrap(),
        }
    }

    /// As the first account's owner, grants a role in the account.
    async fn give(&self, user: &str, role: &str) -> (u16, Value) {
        let role = json!({"user": user, "role": role, "account": self.account[0]});
        let (status, text) = self.owner[0].post(paths::ROLES).json(&role).seen().await;
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Returns the actions of a user that the account's owner can read in a download.
    pub(crate) async fn told(&self, owner: usize, user: &str) -> Vec<String> {
        let events = self.events_told(owner, user).await;
        let action = |event: &Value| event["action"].as_str().unwrap().to_owned();
        events.iter().map(action).collect()
    }

    /// Returns the events of a user's actions that the account's owner can read in a download.
    pub(crate) async fn events_told(&self, owner: usize, user: &str) -> Vec<Value> {
        let events = self.all_told(owner).await.into_iter();
        let events = events.filter(|event| event["initiator"]["name"] == user);
        events.collect()
    }

    /// Returns the events that the account's owner can read in a download.
    pub(crate) async fn all_told(&self, owner: usize) -> Vec<Value> {
        let all = json!({"start": "2017-07-25", "end": "2017-07-25", "AtAccountLevel": true});
        let request = self.owner[owner]
            .post(paths::SESSIONS)
            .header(headers::ACCOUNT_ID, &self.account[owner]);
        let session: Value = request.json(&all).made().await;
        let request = self.owner[owner].get(paths::DOWNLOAD);
        let id = session["id"].as_str().unwrap();
        let answer = request
            .header(headers::SESSION_ID, id)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let text = gunzipped(&answer.bytes().await.unwrap());
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
        events.collect()
    }
}

fn ids(list: &Value) -> Vec<&str> {
    let resources = list["resources"].as_array().unwrap();
    resources
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect()
}

pub(crate) const WHOLE: &str = "/v3/events?AtAccountLevel=true";

#[tokio::test]
async fn nobody_is_pulled_into_an_account_nor_seen_from_it() {
    let all = Neighbours::new().await;
    let stranger = &all.owner[1];
    assert_eq!(stranger.get(WHOLE).seen().await.0, 200, "the control");
    let (status, offer) = all.give("owner-b", "auditor").await;
    assert_eq!(status, 202, "{offer}");
    let again = all.server.login("owner-b", PASSWORD).await;
    let stranger = all.server.client(&again.access_token).in_space(None);
    let key = json!({"name": "secret project"});
    let _: Value = stranger.post(paths::API_KEYS).json(&key).made().await;
    let bad = [
        ("grant_type", "password"),
        ("username", "owner-b"),
        ("password", "wrong wrong"),
    ];
    assert_eq!(all.server.token(&bad).await.status(), 400);
    assert_eq!(stranger.get(WHOLE).seen().await.0, 200, "as before");
    let roles: Value = all.owner[0].get(paths::ROLES).made().await;
    assert!(!roles.to_string().contains("owner-b"), "{roles}");
    assert_eq!(all.told(0, "owner-b").await, [""; 0]);
    let own = all.told(1, "owner-b").await;
    for action in ["login", "create.key", "read.events"] {
        assert!(own.iter().any(|one| one == action), "{action}: {own:?}");
    }
}

#[tokio::test]
async fn names_that_nobody_has_are_answered_like_those_of_strangers() {
    let all = Neighbours::new().await;
    let mut answers = Vec::new();
    for name in ["owner-b", "nobody"] {
        let mut seen = Vec::new();
        let role = json!({"user": name, "role": "auditor", "account": all.account[0]});
        let see = async |request: reqwest::RequestBuilder| {
            let request = request.header(headers::REQUEST_ID, "same");
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let mut fields: Vec<_> = answer
                .headers()
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "date" | "content-length"))
                .map(|(name, value)| format!("{name}: {value:?}"))
                .collect();
            fields.sort();
            let text = answer.text().await.unwrap().replace(name, "[name]");
            (status, fields, all.server.masked(&text))
        };
        let owner = &all.owner[0];
        // The role is not held, granted twice, listed, revoked, and again not held.
        seen.push(see(owner.delete(paths::ROLES).json(&role)).await);
        for _ in 0..2 {
            seen.push(see(owner.post(paths::ROLES).json(&role)).await);
        }
        seen.push(see(owner.get(paths::INVITATIONS)).await);
        seen.push(see(owner.get(paths::ROLES)).await);
        for _ in 0..2 {
            seen.push(see(owner.delete(paths::ROLES).json(&role)).await);
        }
        seen.push(see(owner.get(&format!("/v3/api_keys?user={name}"))).await);
        let _: Value = owner.post(paths::ROLES).json(&role).made().await;
        let list: Value = owner.get(paths::INVITATIONS).made().await;
        let path = format!("{}/{}", paths::INVITATIONS, ids(&list)[0]);
        seen.push(see(owner.post(&path)).await);
        seen.push(see(owner.delete(&path)).await);
        seen.push(see(owner.delete(&path)).await);
        answers.push(seen);
    }
    let statuses: Vec<_> = answers[0].iter().map(|(status, ..)| *status).collect();
    assert_eq!(
        statuses,
        [404, 202, 202, 200, 200, 200, 404, 200, 404, 200, 404]
    );
    assert_eq!(answers[0], answers[1]);
    // The events about it are alike too.
    let told = all.told(0, "owner-a").await;
    let of = |action: &str| told.iter().filter(|one| *one == action).count();
    assert_eq!(
        (of("invite.user"), of("withdraw.invitation")),
        (6, 4),
        "{told:?}"
    );
    // A name that nobody can have, and a GUID, reveal nothing either.
    let users: Value = all.admin.get(paths::USERS).made().await;
    let users = users["resources"].as_array().unwrap();
    let guid = users.iter().find(|one| one["name"] == "owner-b").unwrap()["guid"].as_str();
    let foreign = all.give(guid.unwrap(), "auditor").await;
    let unknown = all
        .give("00000000-0000-4000-8000-000000000000", "auditor")
        .await;
    assert_eq!((foreign.0, unknown.0), (404, 404));
    assert_eq!(foreign.1["detail"], unknown.1["detail"]);
    assert_eq!(all.give("a\u{200b}b", "auditor").await.0, 400);
}

#[tokio::test]
async fn who_accepts_belongs_and_is_seen_from_then_on() {
    let all = Neighbours::new().await;
    let invited = &all.owner[1];
    let (_, offer) = all.give("owner-b", "auditor").await;
    let id = offer["id"].as_str().unwrap().to_owned();
    let (_, other) = all.give("nobody", "writer").await;
    let path = format!("{}/{id}", paths::INVITATIONS);
    let list: Value = invited.get(paths::INVITATIONS).made().await;
    assert_eq!(list["resources"], json!([offer]), "the own ones alone");
    assert_eq!(offer["account_name"], "account-a");
    let foreign = format!("{}/{}", paths::INVITATIONS, other["id"].as_str().unwrap());
    assert_eq!(invited.post(&foreign).seen().await.0, 404);
    assert_eq!(
        all.owner[0].post(&path).seen().await.0,
        404,
        "not by who invited"
    );
    let held: Value = invited.post(&path).made().await;
    assert_eq!(held["user"], "owner-b");
    assert_eq!(invited.post(&path).seen().await.0, 404, "once");
    let roles: Value = all.owner[0].get(paths::ROLES).made().await;
    assert!(roles.to_string().contains("owner-b"), "{roles}");
    all.server.login("owner-b", PASSWORD).await;
    let there = all.told(0, "owner-b").await;
    assert_eq!(there, ["accept.invitation", "login"]);
    let home = all.told(1, "owner-b").await;
    assert!(
        home.iter().any(|one| one == "accept.invitation"),
        "{home:?}"
    );
    // Further roles are granted at once, also by GUID. A user of two accounts has to name one of them.
    assert_eq!(all.give("owner-b", "writer").await.0, 201);
    let refused = invited.get(WHOLE).seen().await;
    assert_eq!(refused.0, 400);
    let problem: Value = serde_json::from_str(&refused.1).unwrap();
    assert_eq!(problem["code"], "account_required");
    for account in &all.account {
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(account.as_str()), "{detail}");
        let named = invited
            .get(WHOLE)
            .header(headers::ACCOUNT_ID, account.to_uppercase());
        assert_eq!(named.seen().await.0, 200);
    }
    let twice = invited
        .get(WHOLE)
        .header(headers::ACCOUNT_ID, &all.account[0]);
    let twice = twice.header(headers::ACCOUNT_ID, &all.account[1]);
    assert_eq!(twice.seen().await.0, 400);
}

#[tokio::test]
async fn who_declines_tells_the_own_account_alone() {
    let all = Neighbours::new().await;
    let invited = &all.owner[1];
    let (_, offer) = all.give("owner-b", "auditor").await;
    let path = format!("{}/{}", paths::INVITATIONS, offer["id"].as_str().unwrap());
    let before: Value = all.owner[0].get(paths::INVITATIONS).made().await;
    let _: Value = invited.delete(&path).made().await;
    assert_eq!(invited.delete(&path).seen().await.0, 404);
    let after: Value = all.owner[0].get(paths::INVITATIONS).made().await;
    assert_eq!(before, after);
    let list: Value = invited.get(paths::INVITATIONS).made().await;
    assert!(ids(&list).is_empty());
    assert_eq!(all.told(0, "owner-b").await, [""; 0]);
    let home = all.told(1, "owner-b").await;
    assert!(
        home.iter().any(|one| one == "decline.invitation"),
        "{home:?}"
    );
    // The operator answers for a user, and grants without an invitation.
    let (_, offer) = all.give("owner-b", "auditor").await;
    let path = format!("{}/{}", paths::INVITATIONS, offer["id"].as_str().unwrap());
    let held: Value = all.admin.post(&path).made().await;
    assert_eq!(held["user"], "owner-b");
    all.server.login("owner-b", PASSWORD).await;
    let told = all.told(0, "owner-b").await;
    assert_eq!(told, [""; 0], "the user has not used the account");
    let there = invited
        .get(WHOLE)
        .header(headers::ACCOUNT_ID, &all.account[0]);
    assert_eq!(there.seen().await.0, 200);
    let told = all.told(0, "owner-b").await;
    assert_eq!(told, ["login", "read.events"], "now it has");
}

#[tokio::test]
async fn a_key_goes_on_with_its_account_whatever_its_holder_gets() {
    let all = Neighbours::new().await;
    let writer = json!({"role": "writer", "account": all.account[1]});
    let user = all.server.user("collector", false, &[writer]).await;
    let key: Value = user
        .post(paths::API_KEYS)
        .json(&json!({"name": "k"}))
        .made()
        .await;
    let tokens = all
        .server
        .login("apikey", key["key"].as_str().unwrap())
        .await;
    let by_key = all.server.client(&tokens.access_token).in_space(None);
    let sends = async |client: &Client, id| client.post(WHOLE).body(event(id)).seen().await.0;
    assert_eq!(sends(&by_key, 1).await, 200);
    let second = json!({"user": "collector", "role": "writer", "account": all.account[0]});
    let _: Value = all.admin.post(paths::ROLES).json(&second).made().await;
    assert_eq!(
        sends(&by_key, 2).await,
        200,
        "the role changes nothing for it"
    );
    let by_password = all.server.login("collector", PASSWORD).await;
    let by_password = all.server.client(&by_password.access_token).in_space(None);
    assert_eq!(sends(&by_password, 3).await, 400, "which?");
    let there = by_key
        .post(WHOLE)
        .header(headers::ACCOUNT_ID, &all.account[0]);
    assert_eq!(there.body(event(4)).seen().await.0, 200, "it may choose");
    let whole: Value = all.owner[1].get(WHOLE).made().await;
    let count = whole[0]["count"].as_u64().unwrap();
    // The key never moves to another place by itself, not even when its own account revokes the role.
    let first = json!({"user": "collector", "role": "writer", "account": all.account[1]});
    let _: Value = all.owner[1].delete(paths::ROLES).json(&first).made().await;
    assert_eq!(sends(&by_key, 5).await, 403);
    assert!(count >= 2, "{whole}");
}

#[tokio::test]
async fn a_key_of_a_space_needs_no_target() {
    let server = TestServer::start().await;
    let role = json!({"role": "writer", "space": server.initial.space});
    let user = server.user("collector", false, &[role]).await;
    let key: Value = user
        .post(paths::API_KEYS)
        .json(&json!({"name": "k"}))
        .made()
        .await;
    let tokens = server.login("apikey", key["key"].as_str().unwrap()).await;
    let client = server.client(&tokens.access_token).in_space(None);
    let answer = client.post(paths::EVENTS).body(event(1)).seen().await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    let keys: Value = user.get(paths::API_KEYS).made().await;
    assert_eq!(keys["resources"][0]["space"], server.initial.space);
    // A login by password implies no place.
    let refused = user.in_space(None).post(paths::EVENTS).body(event(2));
    assert_eq!(refused.seen().await.0, 400);
    // A request may name a place that the caller may know of.
    for (place, status) in [
        (json!({"space": server.initial.space}), 201),
        (json!({"account": server.initial.account}), 201),
        (
            json!({"space": "00000000-0000-4000-8000-000000000000"}),
            404,
        ),
        (json!({"account": "no guid"}), 404),
        (
            json!({"account": server.initial.account, "space": server.initial.space}),
            400,
        ),
    ] {
        let mut new = json!({"name": "more"});
        for (name, value) in place.as_object().unwrap() {
            new[name] = value.clone();
        }
        let answer = user.post(paths::API_KEYS).json(&new).seen().await;
        assert_eq!(answer.0, status, "{new}");
    }
}
