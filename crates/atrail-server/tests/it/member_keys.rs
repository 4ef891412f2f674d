//! API keys that an owner makes for the users of the account.

use atrail_api::paths;
use serde_json::{Value, json};

use crate::invitations::{Neighbours, WHOLE};
use crate::records::{details, of_action, own, today};
use crate::support::{Client, Made, PASSWORD, TestServer, event};

/// Returns the members of each listed key.
async fn listed(client: &Client, query: &str, members: [&str; 4]) -> Vec<String> {
    let path = format!("{}{query}", paths::API_KEYS);
    let keys: Value = client.get(&path).made().await;
    let keys = keys["resources"].as_array().unwrap();
    let row = |key: &Value| {
        let cells = members.map(|name| match &key[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        cells.join(" ")
    };
    keys.iter().map(row).collect()
}

#[tokio::test]
async fn an_owner_makes_lists_and_ends_the_keys_of_a_service_user() {
    let server = TestServer::start().await;
    let owner = server.user("owner", false, &[server.owner()]).await;
    let writer = json!({"role": "writer", "space": server.initial.space});
    let collector = server.user("collector", false, &[writer]).await;
    let space = server.initial.space.as_str();
    let new = json!({
        "name": "web-1", "user": "collector", "space": space, "scopes": ["send"], "expires_in": 7_776_000,
    });
    let made: Value = owner.post(paths::API_KEYS).json(&new).made().await;
    let id = made["id"].as_str().unwrap();
    let by_key = server.client(made["key"].as_str().unwrap()).in_space(None);
    assert_eq!(
        by_key.post(paths::EVENTS).body(event(1)).seen().await.0,
        200
    );
    assert_eq!(by_key.get(paths::EVENTS).seen().await.0, 403);
    let members = ["name", "user", "maker", "space"];
    let expected = [format!("web-1 collector owner {space}")];
    let query = format!("?account={}", server.initial.account);
    for (client, query) in [
        (&owner, "?user=collector"),
        (&owner, &query),
        (&collector, ""),
    ] {
        assert_eq!(listed(client, query, members).await, expected, "{query}");
    }
    let facts = listed(
        &owner,
        &query,
        ["bound", "scopes", "expire_time", "use_time"],
    )
    .await;
    let expected = "true [\"send\"] 2017-10-23T10:29:28.541092735Z 2017-07-25T10:29:28.541092735Z";
    assert_eq!(facts, [expected]);
    assert!(listed(&owner, "", members).await.is_empty(), "its own");

    // The account has a record of what the owner did, and with which key the other acted.
    let deletion = owner.delete(paths::API_KEYS).json(&json!({"id": id}));
    let _: Value = deletion.made().await;
    assert_eq!(
        by_key.post(paths::EVENTS).body(event(2)).seen().await.0,
        401
    );
    let events = own(&today(&server.admin().await, true).await);
    for action in ["create.key", "delete.key"] {
        let acts = of_action(&events, action);
        assert_eq!(acts.len(), 1, "{action}");
        assert_eq!(acts[0]["initiator"]["name"], "owner");
        assert_eq!(acts[0]["target"]["id"], id);
        assert_eq!(acts[0]["target"]["name"], "web-1");
        assert_eq!(details(acts[0])["user"], "collector");
    }
}

#[tokio::test]
async fn a_key_for_another_user_is_refused_unless_an_owner_asks_for_less_than_everything() {
    let all = Neighbours::new().await;
    let [owner, _] = &all.owner;
    let [a, b] = &all.account;
    let role = |role, account| json!({"role": role, "account": account});
    let auditor = all.server.user("ann", false, &[role("auditor", a)]).await;
    let both = [role("auditor", a), role("auditor", b)];
    let member = all.server.user("bob", false, &both).await;
    all.server.user("boss", true, &[role("auditor", a)]).await;
    all.server.user("second", false, &[role("owner", a)]).await;
    let create = async |client: &Client, new: Value| {
        let answer = client.post(paths::API_KEYS).json(&new).seen().await;
        let told: Value = serde_json::from_str(&answer.1).unwrap();
        (
            answer.0,
            told["detail"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let key = |user: &str| json!({"name": "k", "user": user});
    let unknown = create(owner, key("nobody")).await;
    assert_eq!(unknown.0, 404, "{unknown:?}");
    assert_eq!(create(owner, key("owner-b")).await, unknown, "a stranger");
    assert_eq!(create(owner, key("bob")).await.0, 201, "the control");
    for (who, client, new, status) in [
        ("an auditor", &auditor, key("bob"), 403),
        (
            "the operator",
            &all.admin,
            json!({"name": "k", "user": "bob", "account": a}),
            404,
        ),
        ("for an owner", owner, key("second"), 409),
        ("for an operator", owner, key("boss"), 409),
        (
            "elsewhere",
            owner,
            json!({"name": "k", "user": "bob", "account": b}),
            404,
        ),
        (
            "managing",
            owner,
            json!({"name": "k", "user": "bob", "scopes": ["manage"]}),
            400,
        ),
        ("the own, by name", &auditor, key("ann"), 201),
        (
            "managing one place",
            owner,
            json!({"name": "m", "account": a, "scopes": ["read", "manage"]}),
            400,
        ),
    ] {
        let answer = create(client, new).await;
        assert_eq!(answer.0, status, "{who}: {answer:?}");
    }
    // A limited key of the owner creates none, and no owner of another account sees these.
    let limited: Value = owner
        .post(paths::API_KEYS)
        .json(&json!({"name": "m", "scopes": ["manage"]}))
        .made()
        .await;
    let limited = all.server.client(limited["key"].as_str().unwrap());
    assert_eq!(create(&limited, key("bob")).await.0, 403);
    let own = json!({"name": "own"});
    let _: Value = member.post(paths::API_KEYS).json(&own).made().await;
    let members = ["name", "user", "maker", "bound"];
    let bound = ["k bob owner-a true"];
    assert_eq!(listed(owner, "?user=bob", members).await, bound);
    assert!(listed(&all.owner[1], "?user=bob", members).await.is_empty());
    assert!(listed(owner, "?user=nobody", members).await.is_empty());
    assert_eq!(listed(&member, "", members).await.len(), 2);
    assert_eq!(listed(&all.admin, "?user=bob", members).await.len(), 2);
    for (client, query, status) in [
        (&auditor, "?user=bob".to_owned(), 403),
        (&auditor, format!("?account={a}"), 403),
        (&all.owner[1], format!("?account={a}"), 404),
        (owner, "?account=no-guid".to_owned(), 404),
    ] {
        let path = format!("{}{query}", paths::API_KEYS);
        assert_eq!(client.get(&path).seen().await.0, status, "{query}");
    }
    // Neither does another account's owner delete them, nor this one the member's own.
    let ids = listed(&member, "", ["id", "name", "id", "name"]).await;
    let id = |name: &str| {
        let row = ids.iter().find(|row| row.ends_with(name)).unwrap();
        row.split(' ').next().unwrap().to_owned()
    };
    for (client, name, status) in [
        (&all.owner[1], "k", 404),
        (owner, "own", 404),
        (owner, "k", 200),
        (&member, "own", 200),
    ] {
        let deletion = client.delete(paths::API_KEYS);
        let deletion = deletion.json(&json!({"id": id(name)}));
        assert_eq!(deletion.seen().await.0, status, "{name}");
    }
}

/// A service user has no password: not even the empty one logs it in.
#[tokio::test]
async fn a_user_without_a_password_has_keys_alone() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let new = json!({"name": "collector", "password": null});
    let _: Value = admin.post(paths::USERS).json(&new).made().await;
    let role = json!({"user": "collector", "role": "writer", "space": server.initial.space});
    let _: Value = admin.post(paths::ROLES).json(&role).made().await;
    let new = json!({"name": "web-1", "user": "collector"});
    let made: Value = admin.post(paths::API_KEYS).json(&new).made().await;
    let text = made["key"].as_str().unwrap();
    let by_key = server.client(text);
    assert_eq!(
        by_key.post(paths::EVENTS).body(event(1)).seen().await.0,
        200
    );
    let tokens = server.login("apikey", text).await;
    let by_login = server.client(&tokens.access_token);
    assert_eq!(
        by_login.post(paths::EVENTS).body(event(2)).seen().await.0,
        200
    );
    for password in ["", "collector", "null"] {
        let form = [
            ("grant_type", "password"),
            ("username", "collector"),
            ("password", password),
        ];
        assert_eq!(server.token(&form).await.status(), 400, "{password}");
    }
}

/// The holder of roles in two accounts has, by the key of one account's owner, none in the other.
#[tokio::test]
async fn a_key_from_one_account_reaches_nothing_of_another() {
    let all = Neighbours::new().await;
    let [a, b] = &all.account;
    let role = |account: &str| json!({"role": "auditor", "account": account});
    let bob = all.server.user("bob", false, &[role(a), role(b)]).await;
    let new = json!({"name": "k", "user": "bob"});
    let made: Value = all.owner[0].post(paths::API_KEYS).json(&new).made().await;
    let by_key = all.server.client(made["key"].as_str().unwrap());
    let whole = "/v3/events?AtAccountLevel=true";
    for (client, account, status) in [(&by_key, a, 200), (&by_key, b, 404), (&bob, b, 200)] {
        let client = client.in_space(None);
        let there = client.get(whole).header("X-Auth-Account-Id", account);
        assert_eq!(there.seen().await.0, status, "{account}");
    }
    let accounts: Value = by_key.get(paths::ACCOUNTS).made().await;
    assert_eq!(accounts["resources"].as_array().unwrap().len(), 1);
    assert!(
        all.told(1, "owner-a").await.is_empty(),
        "nor is it told there"
    );
}

/// A key for one account acts in no other place: its scopes do not contain users, roles and keys.
#[tokio::test]
async fn a_key_for_an_account_manages_nothing() {
    let all = Neighbours::new().await;
    let [owner, _] = &all.owner;
    let new = json!({"name": "m", "account": all.account[0]});
    let made: Value = owner.post(paths::API_KEYS).json(&new).made().await;
    let members = ["name", "scopes", "bound", "account"];
    let scopes = "[\"read\",\"send\",\"delete\"]";
    let expected = format!("m {scopes} true {}", all.account[0]);
    assert_eq!(listed(owner, "", members).await, [expected]);
    let by_key = all.server.client(made["key"].as_str().unwrap());
    let by_key = by_key.in_space(None);
    assert_eq!(by_key.get(WHOLE).seen().await.0, 200, "the control");
    for path in [
        paths::API_KEYS,
        paths::ROLES,
        paths::INVITATIONS,
        paths::USERS,
    ] {
        assert_eq!(by_key.get(path).seen().await.0, 403, "{path}");
        assert_eq!(owner.get(path).seen().await.0, 200, "the control: {path}");
    }
    let password = json!({"old": PASSWORD, "new": "another and longer one"});
    let change = by_key.request(reqwest::Method::PUT, paths::PASSWORD);
    assert_eq!(change.json(&password).seen().await.0, 403);
}

/// A name may be spelled in either form of Unicode.
#[tokio::test]
async fn the_own_name_in_another_spelling_is_the_own() {
    let server = TestServer::start().await;
    let auditor = json!({"role": "auditor", "account": server.initial.account});
    let zoe = server.user("zo\u{eb}", false, &[auditor]).await;
    let new = json!({"name": "k", "user": "zoe\u{308}"});
    let _: Value = zoe.post(paths::API_KEYS).json(&new).made().await;
    let members = ["name", "bound", "name", "bound"];
    let keys = listed(&zoe, "?user=zoe%CC%88", members).await;
    assert_eq!(keys, ["k false k false"]);
    let ann = json!({"name": "k", "user": "ann"});
    let refused = zoe.post(paths::API_KEYS).json(&ann).refused().await;
    assert_eq!(refused.0, 403, "the control");
}
