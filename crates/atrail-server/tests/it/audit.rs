//! The server records each use of the archive in the archive.

use std::time::Duration;

use atrail_api::paths;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::records::{
    AGENT, actions, details, download, of_action, own, own_of_account, own_of_space, server, today,
    with_agent, written,
};
use crate::support::{Made, PASSWORD, TestServer, event, event_at};

async fn wrong_password(server: &TestServer, user: &str) {
    let form = [
        ("grant_type", "password"),
        ("username", user),
        ("password", "a wrong guess"),
    ];
    assert_eq!(server.token(&form).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn each_act_in_a_space_makes_its_event_there() {
    let server = server().await;
    let admin = server.admin().await;
    admin
        .send_events(event(1) + "\n" + &event_at(2, "2017-07-20T01:00:00Z"))
        .await;
    let _: Value = admin.get(paths::EVENTS).made().await;
    let session = admin.session().await;
    let _: Value = admin.get(paths::SESSIONS).made().await;
    download(&admin, &session, None).await;
    let _: Value = admin
        .delete(&format!("/v3/sessions/{session}"))
        .made()
        .await;
    let of_a_day = |dry_run: bool| json!({"start": "2017-07-20", "end": "2017-07-20", "SearchTime": "0-3", "DryRun": dry_run});
    for dry_run in [true, false] {
        let _: Value = admin
            .delete(paths::EVENTS)
            .json(&of_a_day(dry_run))
            .made()
            .await;
    }
    let option = admin.request(reqwest::Method::PUT, paths::OPTIONS);
    let _: Value = option.json(&json!({"retention": 400})).made().await;
    let hold = json!({"reason": "case 7"});
    let _: Value = admin.post(paths::HOLDS).json(&hold).made().await;
    let _: Value = admin.delete(paths::HOLDS).json(&hold).made().await;

    let events = own_of_space(&admin).await;
    assert_eq!(
        actions(&events),
        [
            "read.events",
            "create.sessions",
            "read.sessions",
            "download.events",
            "download.events",
            "delete.session",
            "delete.events",
            "write.options",
            "set.hold",
            "release.hold",
        ]
    );
    let me: Value = admin.get(paths::USERS).made().await;
    for event in &events {
        assert_eq!(
            event["typeURI"],
            "http://schemas.dmtf.org/cloud/audit/1.0/event"
        );
        assert_eq!(
            (&event["eventType"], &event["outcome"]),
            (&"activity".into(), &"success".into())
        );
        let status = if event["action"] == "create.sessions" {
            201
        } else {
            200
        };
        assert_eq!(
            event["reason"],
            json!({"reasonCode": status, "reasonType": "HTTP"})
        );
        assert_eq!(event["initiator"]["id"], me["resources"][0]["guid"]);
        assert_eq!(event["initiator"]["name"], "admin");
        assert_eq!(
            event["initiator"]["host"],
            json!({"address": "127.0.0.1", "agent": AGENT})
        );
        assert_eq!(event["target"]["id"], server.initial.space);
        assert_eq!(event["observer"]["name"], "ActivityTracker");
        assert_eq!(details(event)["request"].as_str().unwrap().len(), 36);
    }
    for made in &events[1..6] {
        let expected = if made["action"] == "read.sessions" {
            Value::Null
        } else {
            session.as_str().into()
        };
        assert_eq!(details(made)["session"], expected);
    }
    assert_eq!(details(&events[3])["part"], "start");
    assert_eq!(details(&events[4])["part"], "end");
    let deleted = details(&events[6]);
    assert_eq!(
        deleted["days"],
        json!({"start": "2017-07-20", "end": "2017-07-20"})
    );
    assert_eq!(
        (&deleted["hours"], &deleted["events"]),
        (&"0-3".into(), &1.into())
    );
    assert_eq!(details(&events[7])["retentionDays"], 400);
    assert_eq!(details(&events[8])["reason"], "case 7");
    let nothing: Vec<&str> = Vec::new();
    let at_account = own_of_account(&admin).await;
    let others: Vec<_> = actions(&at_account)
        .into_iter()
        .filter(|action| *action != "login")
        .collect();
    assert_eq!(others, nothing, "nothing of it at account level");
}

#[tokio::test]
async fn what_is_done_is_on_record_although_its_client_hangs_up() {
    let server = server().await;
    let admin = server.admin().await;
    let token = admin.token.clone().unwrap();
    let account = json!({"data": {"guid": server.initial.account}});
    for made in 0..60_u64 {
        let body = json!({"name": format!("made-{made}"), "relationships": {"account": account}});
        let body = body.to_string();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\nContent-Length: {}\r\n\
             Expect: 100-continue\r\n\r\n",
            paths::ORGANIZATIONS,
            body.len()
        );
        let mut stream = TcpStream::connect(server.running.addr).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // When the server asks for the body, it has begun to handle the request.
        stream.read_exact(&mut [0; 25]).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        // Each client disconnects a little later, so that one does so at the worst moment.
        tokio::time::sleep(Duration::from_micros(200 * made)).await;
    }
    // Waits for requests in progress.
    let server = server.restart().await;
    let admin = server.admin().await;
    let made: Value = admin.get(paths::ORGANIZATIONS).made().await;
    // The first organization came with the server.
    let made = made["resources"].as_array().unwrap().len() - 1;
    assert!(made > 0, "the control");
    let told = own(&today(&admin, true).await);
    let told = of_action(&told, "create.organization").len();
    assert_eq!((made, told), (made, made));
}

#[tokio::test]
async fn an_act_at_account_level_is_one_event_of_the_account() {
    let server = server().await;
    let admin = server.admin().await;
    let _: Value = admin.get("/v3/events?AtAccountLevel=true").made().await;
    let of_space = own_of_space(&admin).await;
    assert_eq!(of_space, Vec::<Value>::new());
    let of_account = own_of_account(&admin).await;
    let read = of_action(&of_account, "read.events");
    assert_eq!(read.len(), 1);
    assert_eq!(read[0]["target"]["id"], server.initial.account);
    assert_eq!(read[0]["target"]["typeURI"], "data/security/account");
}

#[tokio::test]
async fn a_read_that_comes_again_within_the_hour_is_counted() {
    let server = server().await;
    let admin = server.admin().await;
    let before: Vec<Value> = admin.get(paths::EVENTS).made().await;
    assert!(before.is_empty(), "a count does not count itself");
    let reads = (0..20).map(|_| admin.get(paths::EVENTS).made::<Vec<Value>>());
    let counts = futures_util::future::join_all(reads).await;
    assert!(
        counts.iter().all(|days| days[0]["count"] == 1),
        "the first is on record by then"
    );
    let other = server.user("other", false, &[server.developer()]).await;
    let _: Value = other.get(paths::EVENTS).made().await;
    written(&server, "read.events", "success", 2).await;
    server.clock.advance(Duration::from_secs(3600));
    written(&server, "read.events", "success", 3).await;
    let admin = server.admin().await;
    let events = own_of_space(&admin).await;
    let reads = of_action(&events, "read.events");
    let of_admin: Vec<_> = reads
        .iter()
        .filter(|one| one["initiator"]["name"] == "admin")
        .collect();
    assert_eq!((reads.len(), of_admin.len()), (3, 2));
    assert_eq!(details(of_admin[1])["repeats"], 20);
    assert!(
        of_admin[1]["eventTime"]
            .as_str()
            .unwrap()
            .starts_with("2017-07-25T10:")
    );

    let _: Value = admin.get(paths::EVENTS).made().await;
    written(&server, "read.events", "success", 4).await;
    let _: Value = admin.get(paths::EVENTS).made().await;
    let server = with_agent(server.restart().await);
    let admin = server.admin().await;
    let events = own_of_space(&admin).await;
    let last = of_action(&events, "read.events").pop().unwrap();
    assert_eq!(
        details(last)["repeats"],
        1,
        "counted up to the end of the server"
    );
}

/// A dry run reports how many events there are, as a count does.
#[tokio::test]
async fn a_dry_run_is_on_record_as_a_count() {
    let server = server().await;
    let admin = server.admin().await;
    let query = "start=2017-07-01&end=2017-07-31";
    // The control: a deletion is recorded as a deletion.
    let _: Value = admin
        .delete(&format!("{}?{query}", paths::EVENTS))
        .made()
        .await;
    written(&server, "delete.events", "success", 1).await;
    let dry = format!("{}?{query}&DryRun=true", paths::EVENTS);
    let _: Value = admin.delete(&dry).made().await;
    written(&server, "read.events", "success", 1).await;
    written(&server, "delete.events", "success", 1).await;
    // The server would only count a second one within the hour.
    server.clock.advance(Duration::from_secs(3600));
    let admin = server.admin().await;
    let space = paths::SPACE.replace("{id}", &server.initial.space.to_string());
    let _: Value = admin.delete(&format!("{space}?dry_run=true")).made().await;
    written(&server, "read.events", "success", 2).await;
}

#[tokio::test]
async fn refused_logins_of_a_user_are_one_event_an_hour_with_a_count() {
    let server = server().await;
    server.user("ann", false, &[server.developer()]).await;
    for _ in 0..3 {
        wrong_password(&server, "ann").await;
        wrong_password(&server, "nobody of this name").await;
    }
    written(&server, "login", "failure", 1).await;
    server.clock.advance(Duration::from_secs(3600));
    written(&server, "login", "failure", 2).await;
    let admin = server.admin().await;
    let events = own_of_account(&admin).await;
    let refused: Vec<_> = events
        .iter()
        .filter(|one| one["outcome"] == "failure")
        .collect();
    assert_eq!(refused.len(), 2);
    for event in &refused {
        assert_eq!(event["action"], "login");
        assert_eq!(event["reason"]["reasonCode"], 400);
        assert_eq!(event["initiator"]["name"], "ann");
        assert_eq!(event["initiator"]["host"]["address"], "127.0.0.1");
    }
    assert_eq!(details(refused[0])["repeats"], Value::Null);
    assert_eq!(details(refused[1])["repeats"], 2);
    let logins = of_action(&events, "login");
    let ok: Vec<_> = logins
        .iter()
        .filter(|one| one["outcome"] == "success")
        .collect();
    assert!(
        ok.iter().any(|one| one["initiator"]["name"] == "ann"),
        "the control"
    );
}

#[tokio::test]
async fn a_login_is_on_record_with_the_key_that_it_came_by() {
    let server = server().await;
    let admin = server.admin().await;
    server.login("admin", &server.initial.password).await;
    let new = json!({"name": "job"});
    let key: Value = admin.post(paths::API_KEYS).json(&new).made().await;
    server.login("apikey", key["key"].as_str().unwrap()).await;
    let events = own_of_account(&admin).await;
    let keys = of_action(&events, "login").into_iter();
    let keys: Vec<_> = keys.map(|login| details(login)["apiKey"].clone()).collect();
    let first = server.initial.api_key.split('_').nth(1).unwrap();
    assert_eq!(keys, [first.into(), Value::Null, key["id"].clone()]);
}

#[tokio::test]
async fn administration_is_on_record_in_its_account_and_no_secret_is() {
    let server = server().await;
    let admin = server.admin().await;
    let ann = server.user("ann", false, &[server.owner()]).await;
    let login = server.login("ann", PASSWORD).await;
    let change = json!({"old": PASSWORD, "new": "another good password"});
    let changed = ann
        .request(reqwest::Method::PUT, paths::PASSWORD)
        .json(&change);
    assert_eq!(changed.seen().await.0, 204);
    let key: Value = ann
        .post(paths::API_KEYS)
        .json(&json!({"name": "job"}))
        .made()
        .await;
    let _: Value = ann
        .delete(paths::API_KEYS)
        .json(&json!({"id": key["id"]}))
        .made()
        .await;
    let space = json!({"name": "prod", "relationships": {"organization": {"data": {"guid": server.initial.organization}}}});
    let space: Value = ann.post(paths::SPACES).json(&space).made().await;
    let path = format!("/v3/spaces/{}", space["guid"].as_str().unwrap());
    let _: Value = ann.delete(&path).made().await;
    let organization = json!({"name": "two", "relationships": {"account": {"data": {"guid": server.initial.account}}}});
    let organization: Value = ann
        .post(paths::ORGANIZATIONS)
        .json(&organization)
        .made()
        .await;
    let path = format!(
        "/v3/organizations/{}",
        organization["guid"].as_str().unwrap()
    );
    let _: Value = ann.delete(&path).made().await;
    let _: Value = admin.post(paths::KEYS).made().await;
    let token = ann.token.clone().unwrap();
    let revoked = server
        .http
        .post(server.url(paths::REVOKE))
        .form(&[("token", &token)]);
    assert_eq!(revoked.send().await.unwrap().status(), 200);
    let grant = json!({"user": "ann", "role": "auditor", "space": server.initial.space});
    let _: Value = admin.post(paths::ROLES).json(&grant).made().await;
    let _: Value = admin.delete(paths::ROLES).json(&grant).made().await;
    let users: Value = admin.get(paths::USERS).made().await;
    let users = users["resources"].as_array().unwrap();
    let guid = users.iter().find(|user| user["name"] == "ann").unwrap()["guid"].clone();
    let path = format!("/v3/users/{}", guid.as_str().unwrap());
    let _: Value = admin.delete(&path).made().await;

    let text = today(&admin, true).await;
    let events = own(&text);
    let mut seen = actions(&events);
    seen.retain(|action| !action.ends_with("sessions"));
    assert_eq!(
        seen,
        [
            "login",
            "login",
            "grant.role",
            "login",
            "login",
            "change.password",
            "create.key",
            "delete.key",
            "create.space",
            "delete.space",
            "create.organization",
            "delete.organization",
            "rotate.key",
            "logout",
            "grant.role",
            "revoke.role",
            "delete.user",
        ]
    );
    let revoked = of_action(&events, "revoke.role")[0];
    assert_eq!(revoked["target"]["id"], guid);
    assert_eq!(details(revoked)["role"], "auditor");
    let secrets = [
        PASSWORD,
        "another good password",
        key["key"].as_str().unwrap(),
        &server.initial.api_key,
        &token,
        &server.initial.password,
        &login.access_token,
        &login.refresh_token,
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret}");
    }
}
