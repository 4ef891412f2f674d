//! Streams and webhooks of GitLab.

use atrail_api::paths;
use serde_json::{Value, json};

use super::{count, stored};
use crate::support::{Made, TestServer};

#[tokio::test]
async fn gitlab_streams_json_as_a_form() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let audit = r#"{"id":1,"author_id":7,"entity_id":3,"entity_type":"Project","details":{"author_name":"Ann","change":"visibility","from":"private","to":"public"},"ip_address":"192.0.2.1","created_at":"2017-07-25T10:00:00.000Z","event_type":"project_visibility_updated"}"#;
    for _ in 0..2 {
        let request = admin
            .post(paths::GITLAB)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-gitlab-audit-event-type", "project_visibility_updated")
            .body(audit);
        assert_eq!(request.seen().await, (200, String::new()));
    }
    assert_eq!(count(&admin).await, 1);
    // What is no JSON is kept as well: GitLab does not send it again.
    assert_eq!(admin.post(paths::GITLAB).body("{cut").seen().await.0, 200);
    assert_eq!(count(&admin).await, 2);
}

/// Returns the text of an event's member, or of a member of its initiator or target.
fn text_of(event: &Value, path: &str) -> String {
    event.pointer(path).map_or_else(String::new, |value| {
        value.as_str().unwrap_or_default().to_owned()
    })
}

#[tokio::test]
async fn gitlabs_hooks_name_who_acted_and_on_what() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let project = json!({"id": 15, "name": "Till", "path_with_namespace": "acme/till"});
    let user = json!({"id": 1, "name": "Ann Ray", "username": "ann", "email": "[REDACTED]"});
    let member = |event: &str| {
        json!({"created_at": "2020-12-11T04:57:22Z", "group_name": "Acme", "group_path": "acme", "group_id": 100,
            "user_username": "bob", "user_name": "Bob May", "user_email": "bob@example.com", "user_id": 64,
            "group_access": "Owner", "event_name": event})
    };
    let push = |before: &str, after: &str| {
        json!({"object_kind": "push", "event_name": "push", "before": before, "after": after, "ref": "refs/heads/main",
            "user_id": 4, "user_name": "Mara / Till", "user_username": "mara", "project": project,
            "commits": [{"id": "b6568db1", "author": {"name": "Bob"}}]})
    };
    let none = "0000000000000000000000000000000000000000";
    for (hook, body, [who, name, action, outcome, target]) in [
        (
            "Push Hook",
            push("95790bf8", "da156088"),
            ["4", "mara", "update", "success", "acme/till"],
        ),
        (
            "Push Hook",
            push("95790bf9", none),
            ["4", "mara", "delete", "success", "acme/till"],
        ),
        // An old GitLab sends no user_username.
        (
            "Tag Push Hook",
            json!({"object_kind": "tag_push", "before": none, "after": "82b3d5ae", "user_id": 1,
            "user_name": "Ann Ray", "project": project}),
            ["1", "Ann Ray", "create", "success", "acme/till"],
        ),
        (
            "Issue Hook",
            json!({"object_kind": "issue", "event_type": "issue", "user": user, "project": project,
            "object_attributes": {"id": 301, "author_id": 51, "action": "close", "updated_at": "2026-03-01T10:00:00Z"}}),
            ["1", "ann", "update", "success", "acme/till"],
        ),
        (
            "Job Hook",
            json!({"object_kind": "build", "build_status": "failed", "user": {"id": 3, "name": "User"},
            "project": project}),
            ["3", "User", "stop", "failure", "acme/till"],
        ),
        (
            "Feature Flag Hook",
            json!({"object_kind": "feature_flag", "project": project, "user": user,
            "object_attributes": {"id": 6, "name": "fast", "active": false}}),
            ["1", "ann", "disable", "success", "acme/till"],
        ),
        (
            "Release Hook",
            json!({"id": 1, "created_at": "2020-11-02 12:55:12 UTC", "object_kind": "release",
            "project": project, "action": "delete"}),
            ["unknown", "", "delete", "success", "acme/till"],
        ),
        // Those of members name only whom it concerns, unless users act for themselves.
        (
            "Member Hook",
            member("user_add_to_group"),
            ["unknown", "", "allow", "success", "bob"],
        ),
        (
            "Member Hook",
            member("user_remove_from_group"),
            ["unknown", "", "revoke", "success", "bob"],
        ),
        (
            "Member Hook",
            member("user_access_request_to_group"),
            ["64", "bob", "create", "success", "bob"],
        ),
        (
            "Project Hook",
            json!({"event_name": "project_destroy", "created_at": "2024-10-07T10:43:48Z", "name": "till",
            "path": "till", "path_with_namespace": "acme/till", "project_id": 22, "project_visibility": "private"}),
            ["unknown", "", "delete", "success", "acme/till"],
        ),
        (
            "System Hook",
            json!({"event_name": "user_failed_login", "created_at": "2017-10-03T06:08:48Z", "updated_at": "2018-01-15T04:52:06Z",
            "name": "Bob May", "email": "bob@example.com", "user_id": 26, "username": "bob", "state": "blocked"}),
            ["26", "bob", "authenticate/login", "failure", "bob"],
        ),
    ] {
        let body = body.to_string();
        let before = count(&admin).await;
        let request = admin.post(paths::GITLAB).header("x-gitlab-event", hook);
        assert_eq!(request.body(body.clone()).seen().await.0, 200, "{body}");
        assert_eq!(count(&admin).await, before + 1, "{body}");
        let all = stored(&admin).await;
        let of_body = |event: &&Value| event["attachments"][0]["content"] == body.as_str();
        let stored = all.iter().find(of_body).unwrap_or_else(|| panic!("{body}"));
        let seen = [
            text_of(stored, "/initiator/id"),
            text_of(stored, "/initiator/name"),
            text_of(stored, "/action"),
            text_of(stored, "/outcome"),
            text_of(stored, "/target/id"),
        ];
        assert_eq!(seen, [who, name, action, outcome, target], "{stored:#}");
        assert_eq!(stored["tags"][0], "mapping:gitlab-webhook/1", "{stored:#}");
    }
}
