//! Every kind of event that the server writes about itself, in the form of the original's field reference.

use std::collections::{BTreeMap, BTreeSet};

use atrail_api::paths;
use reqwest::Method;
use serde_json::{Value, json};

use crate::records::{AGENT, details, download, own, server, today};
use crate::support::{Client, Made, PASSWORD, TestServer, event};

/// The severity of each successful action; a refused one has at least `warning`.
const SEVERITIES: [(&str, &str); 36] = [
    ("read.events", "normal"),
    ("create.sessions", "normal"),
    ("read.sessions", "normal"),
    ("delete.session", "critical"),
    ("download.events", "normal"),
    ("search.events", "normal"),
    ("read.event", "normal"),
    ("prove.event", "normal"),
    ("read.log", "normal"),
    ("tail.events", "normal"),
    ("export.events", "normal"),
    ("delete.events", "critical"),
    ("write.options", "warning"),
    ("resume.retention", "warning"),
    ("set.hold", "warning"),
    ("release.hold", "warning"),
    ("rotate.key", "warning"),
    ("login", "normal"),
    ("logout", "normal"),
    ("change.password", "warning"),
    ("grant.role", "warning"),
    ("revoke.role", "warning"),
    ("invite.user", "warning"),
    ("withdraw.invitation", "warning"),
    ("accept.invitation", "warning"),
    ("decline.invitation", "warning"),
    ("create.key", "warning"),
    ("delete.key", "critical"),
    ("create.ingest_key", "warning"),
    ("rotate.ingest_key", "warning"),
    ("delete.ingest_key", "critical"),
    ("delete.user", "critical"),
    ("create.organization", "normal"),
    ("delete.organization", "critical"),
    ("create.space", "normal"),
    ("delete.space", "critical"),
];

/// Returns the actions that the server may record: its metrics page lists them all.
async fn actions_of_the_server(server: &TestServer) -> BTreeSet<String> {
    let page = server.nobody().get(paths::METRICS).seen().await.1;
    let samples = page
        .lines()
        .filter_map(|line| line.strip_prefix("atrail_own_event_failures_total{action=\""));
    samples
        .map(|sample| sample.split('"').next().unwrap().to_owned())
        .collect()
}

/// Does everything that leaves an event, once.
async fn do_everything(server: &TestServer, admin: &Client) {
    admin.send_events(event(1)).await;
    let _: Value = admin.get(paths::EVENTS).made().await;
    let session = admin.session().await;
    let _: Value = admin.get(paths::SESSIONS).made().await;
    download(admin, &session, None).await;
    let _: Value = admin
        .delete(&format!("/v3/sessions/{session}"))
        .made()
        .await;
    let (status, found) = admin.post(paths::SEARCH).seen().await;
    assert_eq!(status, 200);
    let lines = found.lines().map(serde_json::from_str::<Value>);
    let place = lines.flatten().find(|line| line["sealed"] == true).unwrap();
    let (segment, index) = (place["segment"].as_str().unwrap(), &place["index"]);
    for path in [paths::EVENT_AT, paths::EVENT_PROOF] {
        let path = format!("{path}?segment={segment}&index={index}");
        assert_eq!(admin.get(&path).seen().await.0, 200);
    }
    assert_eq!(admin.get(paths::LOG).seen().await.0, 200);
    let tail = admin.post(paths::TAIL).json(&json!({})).send().await;
    assert_eq!(tail.unwrap().status(), 200);
    let export: Value = admin.post(paths::EXPORTS).made().await;
    let export = format!("{}/{}", paths::EXPORTS, export["id"].as_str().unwrap());
    assert_eq!(admin.get(&export).seen().await.0, 200);
    let day = json!({"start": "2017-07-20", "end": "2017-07-20"});
    let _: Value = admin.delete(paths::EVENTS).json(&day).made().await;
    let option = admin.request(Method::PUT, paths::OPTIONS);
    let _: Value = option.json(&json!({"retention": 400})).made().await;
    let _: Value = admin.post(paths::RETENTION).made().await;
    let hold = json!({"reason": "case 7"});
    let _: Value = admin.post(paths::HOLDS).json(&hold).made().await;
    let _: Value = admin.delete(paths::HOLDS).json(&hold).made().await;
    let _: Value = admin.post(paths::KEYS).made().await;

    let ann = server.user("ann", false, &[server.owner()]).await;
    let change = json!({"old": PASSWORD, "new": "another good password"});
    let changed = ann.request(Method::PUT, paths::PASSWORD).json(&change);
    assert_eq!(changed.seen().await.0, 204);
    let key = ann.post(paths::API_KEYS).json(&json!({"name": "job"}));
    let key: Value = key.made().await;
    let key = json!({"id": key["id"]});
    let _: Value = ann.delete(paths::API_KEYS).json(&key).made().await;
    let new = json!({"name": "job", "space": server.initial.space});
    let key: Value = ann.post(paths::INGEST_KEYS).json(&new).made().await;
    let path = paths::INGEST_KEY.replace("{id}", key["id"].as_str().unwrap());
    let _: Value = ann.post(&path).made().await;
    let _: Value = ann.delete(&path).made().await;
    let organization = json!({"data": {"guid": server.initial.organization}});
    let space = json!({"name": "prod", "relationships": {"organization": organization}});
    let space: Value = ann.post(paths::SPACES).json(&space).made().await;
    let account = json!({"data": {"guid": server.initial.account}});
    let organization = json!({"name": "two", "relationships": {"account": account}});
    let organization: Value = ann
        .post(paths::ORGANIZATIONS)
        .json(&organization)
        .made()
        .await;
    for (below, made) in [("spaces", &space), ("organizations", &organization)] {
        let path = format!("/v3/{below}/{}", made["guid"].as_str().unwrap());
        let _: Value = ann.delete(&path).made().await;
    }
    answer_invitations(server, admin, &ann).await;
    let revoked = server.http.post(server.url(paths::REVOKE));
    let revoked = revoked.form(&[("token", ann.token.as_deref().unwrap())]);
    assert_eq!(revoked.send().await.unwrap().status(), 200);
    let grant = json!({"user": "ann", "role": "auditor", "space": server.initial.space});
    let _: Value = admin.post(paths::ROLES).json(&grant).made().await;
    let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;

    let wrong = [
        ("grant_type", "password"),
        ("username", "ann"),
        ("password", "a wrong guess"),
    ];
    assert_eq!(server.token(&wrong).await.status(), 400);
    crate::records::written(server, "login", "failure", 1).await;
    let users: Value = admin.get(paths::USERS).made().await;
    let users = users["resources"].as_array().unwrap();
    let ann = users.iter().find(|user| user["name"] == "ann").unwrap();
    let path = format!("/v3/users/{}", ann["guid"].as_str().unwrap());
    let _: Value = admin.delete(&path).made().await;
}

/// An owner invites a user who accepts, withdraws an invitation, and declines one into another account.
async fn answer_invitations(server: &TestServer, admin: &Client, owner: &Client) {
    let invite = async |from: &Client, user: &str, account: &str| -> String {
        let role = json!({"user": user, "role": "auditor", "account": account});
        let made: Value = from.post(paths::ROLES).json(&role).made().await;
        let id = made["id"].as_str().unwrap();
        format!("{}/{id}", paths::INVITATIONS)
    };
    let home = &server.initial.account;
    let bob = server.user("bob", false, &[]).await;
    let path = invite(owner, "bob", home).await;
    let _: Value = bob.post(&path).made().await;
    let path = invite(owner, "nobody", home).await;
    let _: Value = owner.delete(&path).made().await;
    let account = admin.post(paths::ACCOUNTS).json(&json!({"name": "away"}));
    let account: Value = account.made().await;
    let away = account["guid"].as_str().unwrap();
    let role = json!({"role": "owner", "account": away});
    let eve = server.user("eve", false, &[role]).await;
    let path = invite(&eve, "ann", away).await;
    let _: Value = owner.delete(&path).made().await;
}

/// Returns the faults in the form of one of the server's events.
fn faults(event: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.push(format!("{what}: {event}"));
        }
    };
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let members: Vec<_> = event.as_object().unwrap().keys().collect();
    must(
        members
            == [
                "action",
                "attachments",
                "eventTime",
                "eventType",
                "id",
                "initiator",
                "observer",
                "outcome",
                "reason",
                "severity",
                "target",
                "typeURI",
            ],
        "members",
    );
    must(
        event["typeURI"] == "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "typeURI",
    );
    must(event["eventType"] == "activity", "eventType");
    let time = event["eventTime"].as_str().unwrap_or_default();
    must(
        time.starts_with("2017-07-25T10:29:28.") && time.ends_with('Z'),
        "eventTime",
    );
    let reason = &event["reason"];
    must(
        *reason == json!({"reasonCode": reason["reasonCode"].as_u64(), "reasonType": "HTTP"}),
        "reason",
    );
    let code = reason["reasonCode"].as_u64().unwrap_or_default();
    let is_success = (200..400).contains(&code);
    let outcome = if is_success { "success" } else { "failure" };
    must(event["outcome"] == outcome, "outcome");
    let known = SEVERITIES.iter().find(|known| event["action"] == known.0);
    let severity = known.map(|known| match known.1 {
        "normal" if !is_success => "warning",
        severity => severity,
    });
    must(event["severity"].as_str() == severity, "severity");
    let initiator = &event["initiator"];
    must(
        initiator["typeURI"] == "service/security/account/user",
        "initiator.typeURI",
    );
    must(text(&initiator["id"]), "initiator.id");
    let credential = &initiator["credential"];
    must(
        ["user", "token", "apikey"]
            .map(|kind| json!({"type": kind}))
            .contains(credential),
        "initiator.credential",
    );
    must(
        initiator["host"] == json!({"address": "127.0.0.1", "agent": AGENT}),
        "initiator.host",
    );
    let target = &event["target"];
    must(text(&target["id"]), "target.id");
    must(
        target["typeURI"]
            .as_str()
            .is_some_and(|uri| uri.starts_with("data/security/")),
        "target.typeURI",
    );
    let observer = &event["observer"];
    must(observer["name"] == "ActivityTracker", "observer.name");
    must(
        observer["typeURI"] == "service/security",
        "observer.typeURI",
    );
    must(
        details(event)["request"]
            .as_str()
            .is_some_and(|id| id.len() == 36),
        "request",
    );
    faults
}

#[tokio::test]
async fn every_kind_has_the_form_of_the_field_reference() {
    let server = server().await;
    let admin = server.admin().await;
    do_everything(&server, &admin).await;
    let events = own(&today(&admin, true).await);

    let known: BTreeSet<_> = SEVERITIES.iter().map(|known| known.0.to_owned()).collect();
    let mut actions = actions_of_the_server(&server).await;
    // The server records these by itself, when its clock jumps or a sender falls silent: they have no request, and no user.
    for by_itself in ["suspend.retention", "source.silent", "source.back"] {
        assert!(actions.remove(by_itself));
    }
    assert_eq!(actions, known);
    let mut seen = BTreeMap::<String, usize>::new();
    let mut ids = BTreeSet::new();
    for event in &events {
        assert_eq!(faults(event), [""; 0]);
        *seen
            .entry(event["action"].as_str().unwrap().to_owned())
            .or_default() += 1;
        assert!(ids.insert(event["id"].as_str().unwrap()), "one id each");
    }
    let seen: BTreeSet<_> = seen.into_keys().collect();
    assert_eq!(seen, known, "each kind was seen");

    let credentials = |action: &str, outcome: &str| -> BTreeSet<&str> {
        let of_action = events
            .iter()
            .filter(|event| event["action"] == action && event["outcome"] == outcome);
        of_action
            .map(|event| event["initiator"]["credential"]["type"].as_str().unwrap())
            .collect()
    };
    assert_eq!(
        credentials("login", "success"),
        BTreeSet::from(["apikey", "user"])
    );
    assert_eq!(credentials("login", "failure"), BTreeSet::from(["user"]));
    for (action, _) in SEVERITIES.iter().filter(|known| known.0 != "login") {
        assert_eq!(
            credentials(action, "success"),
            BTreeSet::from(["token"]),
            "{action}"
        );
    }

    // The control: the check misses each checked member when it is absent.
    let sound = &events[0];
    for path in [
        "/severity",
        "/reason/reasonCode",
        "/initiator/typeURI",
        "/initiator/credential/type",
        "/initiator/host/address",
        "/target/id",
        "/outcome",
        "/attachments/0/content/request",
    ] {
        let mut other = sound.clone();
        *other.pointer_mut(path).unwrap() = Value::Null;
        assert_ne!(faults(&other), [""; 0], "{path}");
    }
}
