//! Accounts, organizations, spaces, users, roles.

use atrail_api::{ErrorCode, paths};
use serde_json::{Value, json};

use crate::support::{Made, PASSWORD, TestServer, event};

fn names(list: &Value) -> Vec<&str> {
    let resources = list["resources"].as_array().unwrap();
    resources
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_owner_builds_a_tree_and_others_see_their_part_of_it() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let account = &server.initial.account;
    let new = json!({"name": "org", "relationships": {"account": {"data": {"guid": account}}}});
    let organization: Value = admin.post(paths::ORGANIZATIONS).json(&new).made().await;
    let guid = organization["guid"].as_str().unwrap();
    let of = json!({"organization": {"data": {"guid": guid}}});
    for name in ["dev", "prod"] {
        let new = json!({"name": name, "relationships": of});
        let _: Value = admin.post(paths::SPACES).json(&new).made().await;
        let again = admin.post(paths::SPACES).json(&new).refused().await;
        assert_eq!(again, (409, "conflict".to_owned()));
    }
    let spaces: Value = admin.get(paths::SPACES).made().await;
    assert_eq!(names(&spaces), ["default", "dev", "prod"]);
    for (query, expected) in [
        ("names=dev,prod".to_owned(), vec!["dev", "prod"]),
        ("names=nothing".to_owned(), vec![]),
        (
            format!("names=prod,default&organization_guids={guid}"),
            vec!["prod"],
        ),
    ] {
        let found: Value = admin.get(&format!("/v3/spaces?{query}")).made().await;
        assert_eq!(names(&found), expected, "{query}");
    }
    let found: Value = admin.get("/v3/organizations?names=org").made().await;
    assert_eq!(found["resources"][0]["guid"], guid);

    let prod: Value = admin.get("/v3/spaces?names=prod").made().await;
    let prod = prod["resources"][0]["guid"].as_str().unwrap().to_owned();
    let role = json!({"role": "developer", "space": prod});
    let ann = server.user("ann", false, &[role]).await;
    let seen: Value = ann.get(paths::SPACES).made().await;
    assert_eq!(names(&seen), ["prod"]);
    let seen: Value = ann.get(paths::ORGANIZATIONS).made().await;
    assert_eq!(names(&seen), ["org"]);
    let seen: Value = ann.get(paths::ACCOUNTS).made().await;
    assert_eq!(names(&seen), ["default"]);
    let seen: Value = ann.get(paths::USERS).made().await;
    assert_eq!(names(&seen), ["ann"]);
    let seen: Value = ann.get(paths::ROLES).made().await;
    assert_eq!(seen["resources"].as_array().unwrap().len(), 1);
    ann.in_space(Some(&prod)).send_events(event(1)).await;
    assert_eq!(ann.get(paths::EVENTS).seen().await.0, 404, "not there");
}

#[tokio::test]
async fn the_operator_grants_but_does_not_read() {
    let server = TestServer::start().await;
    let operator = server.user("op", true, &[]).await;
    assert_eq!(operator.get(paths::EVENTS).seen().await.0, 404);
    let mut grant = server.developer();
    grant["user"] = "op".into();
    let _: Value = operator.post(paths::ROLES).json(&grant).made().await;
    assert_eq!(operator.get(paths::EVENTS).seen().await.0, 200);
    let accounts: Value = operator.get(paths::ACCOUNTS).made().await;
    assert_eq!(names(&accounts), ["default"]);
}

#[tokio::test]
async fn roles_are_for_things_and_people_that_exist() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let nowhere = "00000000-0000-4000-8000-000000000000";
    let (account, space) = (&server.initial.account, &server.initial.space);
    for (body, code) in [
        (
            json!({"user": "ghost", "role": "owner", "account": account}),
            ErrorCode::NotFound,
        ),
        (
            json!({"user": "admin", "role": "owner", "account": nowhere}),
            ErrorCode::NotFound,
        ),
        (
            json!({"user": "admin", "role": "developer", "space": nowhere}),
            ErrorCode::NotFound,
        ),
        (
            json!({"user": "admin", "role": "developer", "space": "x"}),
            ErrorCode::NotFound,
        ),
        (
            json!({"user": "admin", "role": "owner", "space": space}),
            ErrorCode::BadRequest,
        ),
        (
            json!({"user": "admin", "role": "developer"}),
            ErrorCode::BadRequest,
        ),
        (
            json!({"user": "admin", "role": "owner", "account": account, "space": space}),
            ErrorCode::BadRequest,
        ),
        (
            json!({"user": "admin", "role": "king", "account": account}),
            ErrorCode::BadRequest,
        ),
    ] {
        let (status, _) = admin.post(paths::ROLES).json(&body).refused().await;
        assert_eq!(status, code.status(), "{body}");
    }
    let not_held = json!({"user": "admin", "role": "developer", "space": space});
    let (status, _) = admin.delete(paths::ROLES).json(&not_held).refused().await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn names_and_passwords_are_checked() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for (body, expected) in [
        (json!({"name": "admin", "password": PASSWORD}), 409),
        (json!({"name": "", "password": PASSWORD}), 400),
        (json!({"name": "apikey", "password": PASSWORD}), 400),
        (json!({"name": "a\u{1b}[2J", "password": PASSWORD}), 400),
        (json!({"name": "ann", "password": "short"}), 400),
        (json!({"name": "ann"}), 400),
    ] {
        let (status, _) = admin.post(paths::USERS).json(&body).refused().await;
        assert_eq!(status, expected, "{body}");
    }
}
