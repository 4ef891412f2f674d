//! Ingest keys: they only send, to one domain, for whoever has them.

use std::time::Duration;

use atrail_api::paths;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::records::{of_action, own, own_of_account, today};
use crate::support::{Client, Made, TestServer, event};

/// Creates an ingest key; returns its id and the whole key.
async fn made(client: &Client, new: Value) -> (String, String) {
    let made: Value = client.post(paths::INGEST_KEYS).json(&new).made().await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

/// Returns an ingest key for the first space, as a client that names no space.
async fn sender(server: &TestServer, admin: &Client, name: &str) -> (String, Client) {
    let new = json!({"name": name, "space": server.initial.space});
    let (id, key) = made(admin, new).await;
    (id, server.client(&key).in_space(None))
}

async fn sent(client: &Client, number: usize) -> u16 {
    client
        .post(paths::EVENTS)
        .body(event(number))
        .seen()
        .await
        .0
}

fn path(id: &str) -> String {
    paths::INGEST_KEY.replace("{id}", id)
}

#[tokio::test]
async fn a_key_is_accepted_in_every_spelling_of_senders() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (id, whole) = made(&admin, json!({"name": "k", "space": server.initial.space})).await;
    let encoded = |text: String| STANDARD.encode(text);
    let forms = |key: &str| {
        [
            ("authorization", format!("Bearer {key}")),
            (
                "authorization",
                format!("Basic {}", encoded(format!("any:{key}"))),
            ),
            ("authorization", format!("ApiKey {key}")),
            (
                "authorization",
                format!("ApiKey {}", encoded(format!("{id}:{key}"))),
            ),
            ("authorization", format!("Splunk {key}")),
            ("authorization", format!("token={key}")),
            ("authorization", format!("Token token={key}")),
            ("x-auth-token", key.to_owned()),
            ("x-gitlab-event-streaming-token", key.to_owned()),
            ("x-gitlab-token", key.to_owned()),
        ]
    };
    let answer = async |name: &str, value: &str, number| {
        let request = server.nobody().post(paths::EVENTS).header(name, value);
        request.body(event(number)).seen().await.0
    };
    for (number, (name, value)) in forms(&whole).into_iter().enumerate() {
        assert_eq!(answer(name, &value, number).await, 200, "{name}: {value}");
    }
    let last = if whole.ends_with('0') { "1" } else { "0" };
    let wrong = whole[..whole.len() - 1].to_owned() + last;
    for (name, value) in forms(&wrong) {
        assert_eq!(answer(name, &value, 99).await, 401, "{name}: {value}");
    }
    // The query carries it only to receivers of other products.
    let query = format!("{}?token={whole}", paths::EVENTS);
    let refused = server.nobody().post(&query).body(event(1)).seen().await;
    assert_eq!(refused.0, 401, "{refused:?}");
}

#[tokio::test]
async fn events_go_to_the_keys_domain_and_nowhere_else() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (_, to_space) = sender(&server, &admin, "to the space").await;
    let new = json!({"name": "to the account", "account": server.initial.account});
    let (_, key) = made(&admin, new).await;
    let to_account = server.client(&key).in_space(None);
    assert_eq!(sent(&to_space, 1).await, 200);
    assert_eq!(sent(&to_account, 2).await, 200);
    let count = async |whole: bool| {
        let text = today_of_2017(&admin, whole).await;
        text.lines().count()
    };
    assert_eq!(count(false).await, 1, "the space has one of them");
    assert_eq!(count(true).await, 2, "the account has both");
    // Each names the other's domain in vain.
    let space = Some(server.initial.space.as_str());
    let named = to_account.in_space(space);
    assert_eq!(sent(&named, 3).await, 404);
    let whole = "/v3/events?AtAccountLevel=true";
    assert_eq!(to_space.post(whole).body(event(3)).seen().await.0, 403);
    assert_eq!(sent(&to_space.in_space(space), 4).await, 200, "the control");
}

/// Returns the events that [`event`] makes, of a space or of the account.
async fn today_of_2017(client: &Client, whole: bool) -> String {
    let scope = json!({"AtAccountLevel": whole, "start": "2017-07-01", "end": "2017-07-31"});
    let session: Value = client.post(paths::SESSIONS).json(&scope).made().await;
    let id = session["id"].as_str().unwrap();
    let bytes = crate::records::download(client, id, None).await;
    let text = crate::support::gunzipped(&bytes);
    let _: Value = client.delete(&format!("/v3/sessions/{id}")).made().await;
    let sent = text
        .lines()
        .filter(|line| !line.contains("service/security\""));
    sent.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn what_has_no_known_form_is_stored_unless_the_key_is_strict() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (_, lenient) = sender(&server, &admin, "lenient").await;
    let new = json!({"name": "strict", "space": server.initial.space, "strict": true});
    let (_, key) = made(&admin, new).await;
    let strict = server.client(&key).in_space(None);
    let unknown = r#"{"what":"something-odd","when":"2017-07-25T09:00:00Z"}"#;
    let seen = lenient.post(paths::EVENTS).body(unknown).seen().await;
    assert_eq!(seen.0, 200, "{seen:?}");
    let text = today(&admin, false).await;
    assert!(text.contains("something-odd"), "{text}");
    for client in [&strict, &admin] {
        let seen = client.post(paths::EVENTS).body(unknown).seen().await;
        assert_eq!(seen.0, 400, "{seen:?}");
    }
    assert_eq!(sent(&strict, 1).await, 200, "the control");
}

#[tokio::test]
async fn a_key_begins_no_login() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (_, key) = made(&admin, json!({"name": "k", "space": server.initial.space})).await;
    let form = [("grant_type", "password"), ("passcode", key.as_str())];
    let refused = server.token(&form).await;
    assert_eq!(refused.status(), 400);
    let text = refused.text().await.unwrap();
    assert!(text.contains("an ingest key begins no login"), "{text}");
    let initial = [
        ("grant_type", "password"),
        ("passcode", server.initial.api_key.as_str()),
    ];
    assert_eq!(server.token(&initial).await.status(), 200, "the control");
}

#[tokio::test]
async fn a_rotation_overlaps_and_a_second_one_ends_the_first_secret() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (id, first) = sender(&server, &admin, "k").await;
    assert_eq!(sent(&first, 1).await, 200);
    let rotate = async |body: Value| {
        let made: Value = admin.post(&path(&id)).json(&body).made().await;
        assert_eq!(made["id"], json!(id));
        let key = made["key"].as_str().unwrap().to_owned();
        server.client(&key).in_space(None)
    };
    let second = rotate(json!({"overlap": 60})).await;
    for client in [&first, &second] {
        assert_eq!(sent(client, 2).await, 200);
    }
    server.clock.advance(Duration::from_secs(59));
    assert_eq!(sent(&first, 3).await, 200, "the control");
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(sent(&first, 4).await, 401);
    assert_eq!(sent(&second, 4).await, 200);
    // Without a body the overlap is a week.
    let admin = server.admin().await;
    let third: Value = admin.post(&path(&id)).made().await;
    let third = server.client(third["key"].as_str().unwrap()).in_space(None);
    assert_eq!(sent(&second, 5).await, 200);
    let at_once: Value = admin
        .post(&path(&id))
        .json(&json!({"overlap": 0}))
        .made()
        .await;
    let fourth = server
        .client(at_once["key"].as_str().unwrap())
        .in_space(None);
    for ended in [&first, &second, &third] {
        assert_eq!(sent(ended, 6).await, 401);
    }
    assert_eq!(sent(&fourth, 6).await, 200, "the control");
    let server = server.restart().await;
    let again = server
        .client(at_once["key"].as_str().unwrap())
        .in_space(None);
    assert_eq!(sent(&again, 7).await, 200);
}

#[tokio::test]
async fn a_deleted_key_ends_at_once_and_so_does_one_whose_space_ends() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (id, deleted) = sender(&server, &admin, "deleted").await;
    let (_, of_space) = sender(&server, &admin, "of the space").await;
    for client in [&deleted, &of_space] {
        assert_eq!(sent(client, 1).await, 200);
    }
    let _: Value = admin.delete(&path(&id)).made().await;
    assert_eq!(sent(&deleted, 2).await, 401);
    assert_eq!(sent(&of_space, 2).await, 200, "the control");
    let space = paths::SPACE.replace("{id}", &server.initial.space);
    let _: Value = admin.delete(&space).made().await;
    assert_eq!(sent(&of_space, 3).await, 401);
    let left: Value = admin.get(paths::INGEST_KEYS).made().await;
    assert_eq!(left["resources"], json!([]));
}

#[tokio::test]
async fn what_a_key_was_used_for_is_counted_and_outlives_a_restart() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let strict = json!({"name": "counted", "space": server.initial.space, "strict": true});
    let (id, key) = made(&admin, strict).await;
    let client = server.client(&key).in_space(None);
    let (unused, _) = sender(&server, &admin, "unused").await;
    let body = [event(1), "{\"id\":1}".to_owned(), event(2)].join("\n");
    let bytes = body.len() + event(1).len();
    assert_eq!(client.post(paths::EVENTS).body(body).seen().await.0, 207);
    assert_eq!(
        client.post(paths::EVENTS).body(event(1)).seen().await.0,
        200
    );
    let show = async |client: &Client, id: &str| client.get(&path(id)).made::<Value>().await;
    let shown = show(&admin, &id).await;
    let counts = |shown: &Value| {
        ["accepted", "duplicates", "refused", "bytes"].map(|name| shown[name].as_u64().unwrap())
    };
    assert_eq!(counts(&shown), [3, 1, 1, bytes as u64], "{shown}");
    let times = [&shown["use_time"], &shown["event_time"]];
    assert!(times.iter().all(|time| time.is_string()), "{shown}");
    let shown = show(&admin, &unused).await;
    assert_eq!(counts(&shown), [0; 4], "the control");
    assert_eq!(shown.get("event_time"), None, "{shown}");
    client.post(paths::EVENTS).body(event(9)).seen().await;
    let server = server.restart().await;
    let admin = server.admin().await;
    assert_eq!(counts(&show(&admin, &id).await)[0], 4);
}

/// Returns the server's events about senders of the first space: their actions, in order.
async fn turns(admin: &Client) -> Vec<Value> {
    let text = today(admin, false).await;
    let about = |event: &Value| event["action"].as_str().unwrap().starts_with("source.");
    own(&text).into_iter().filter(about).collect()
}

/// Waits until the server has recorded so many turns of senders, and a little longer, in case that it records more.
async fn until_turned(admin: &Client, count: usize) -> Vec<Value> {
    for _ in 0..200 {
        if turns(admin).await.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let found = turns(admin).await;
    assert_eq!(found.len(), count, "{found:#?}");
    found
}

#[tokio::test]
async fn a_silence_is_recorded_once_and_so_is_its_end_also_over_restarts() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let new = |name: &str| json!({"name": name, "space": server.initial.space, "silent_after": 120, "strict": true});
    let (id, key) = made(&admin, new("quiet")).await;
    let (_, busy) = made(&admin, new("busy")).await;
    let (_, _unwatched) = sender(&server, &admin, "unwatched").await;
    let client = |server: &TestServer, key: &str| server.client(key).in_space(None);
    assert_eq!(sent(&client(&server, &key), 1).await, 200);
    server.clock.advance(Duration::from_secs(119));
    assert_eq!(sent(&client(&server, &busy), 2).await, 200);
    until_turned(&admin, 0).await;
    server.clock.advance(Duration::from_secs(1));
    let found = until_turned(&admin, 1).await;
    let event = &found[0];
    assert_eq!(event["action"], "source.silent");
    assert_eq!(
        (&event["target"]["id"], &event["target"]["name"]),
        (&json!(id), &json!("quiet"))
    );
    assert_eq!(event["initiator"]["typeURI"], "service/security");
    let said = crate::records::details(event);
    assert_eq!(said["silentAfterSeconds"], 120);
    assert_eq!(said["lastEvent"], "2017-07-25T10:29:28.541092735Z");
    let shown: Value = admin.get(&path(&id)).made().await;
    assert_eq!(shown["silent_since"], event["eventTime"]);

    // The silence goes on, and the server starts anew: it stays one silence.
    let server = server.restart().await;
    let admin = server.admin().await;
    assert_eq!(sent(&client(&server, &busy), 3).await, 200);
    server.clock.advance(Duration::from_secs(119));
    until_turned(&admin, 1).await;
    assert_eq!(sent(&client(&server, &key), 4).await, 200);
    let found = until_turned(&admin, 2).await;
    let event = &found[1];
    assert_eq!(
        (&event["action"], &event["target"]["name"]),
        (&json!("source.back"), &json!("quiet"))
    );
    assert_eq!(
        crate::records::details(event)["silentSince"],
        shown["silent_since"]
    );
    let shown: Value = admin.get(&path(&id)).made().await;
    assert_eq!(shown.get("silent_since"), None);

    // Another silence is another event; a refused event does not end it.
    server.clock.advance(Duration::from_secs(119));
    assert_eq!(sent(&client(&server, &busy), 5).await, 200);
    server.clock.advance(Duration::from_secs(1));
    until_turned(&admin, 3).await;
    let refused = client(&server, &key)
        .post(paths::EVENTS)
        .body("{}")
        .seen()
        .await;
    assert_eq!(refused.0, 400);
    until_turned(&admin, 3).await;
}

#[tokio::test]
async fn a_turn_whose_event_was_not_marked_is_recorded_as_the_same_event() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let new = json!({"name": "quiet", "space": server.initial.space, "silent_after": 60});
    made(&admin, new).await;
    server.clock.advance(Duration::from_secs(60));
    let first = until_turned(&admin, 1).await;
    let catalog = server.catalog().await;
    // As a crash between the event and its mark leaves it.
    assert_eq!(
        catalog
            .run("UPDATE ingest_keys SET turn_recorded = 0")
            .await,
        1
    );
    let server = server.restart().await;
    let admin = server.admin().await;
    let again = until_turned(&admin, 1).await;
    assert_eq!(again, first);
}

#[tokio::test]
async fn the_metrics_show_senders_by_key_to_the_operator_alone() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (id, client) = sender(&server, &admin, "counted").await;
    assert_eq!(sent(&client, 1).await, 200);
    assert_eq!(sent(&client, 1).await, 200);
    let page = async |client: &Client| client.get(paths::METRICS).seen().await.1;
    let of_operator = page(&admin).await;
    for sample in [
        format!("atrail_ingest_key_events_total{{key=\"{id}\",outcome=\"accepted\"}} 2"),
        format!("atrail_ingest_key_events_total{{key=\"{id}\",outcome=\"duplicate\"}} 1"),
        format!("atrail_ingest_key_events_total{{key=\"{id}\",outcome=\"refused\"}} 0"),
        format!("atrail_ingest_key_last_event_timestamp_seconds{{key=\"{id}\"}} 1500978568.541"),
        format!("atrail_ingest_key_silent{{key=\"{id}\"}} 0"),
        "atrail_ingest_keys 1".to_owned(),
        "atrail_ingest_keys_silent 0".to_owned(),
    ] {
        assert!(of_operator.contains(&sample), "{sample}\n{of_operator}");
    }
    let ann = server.user("ann", false, &[server.owner()]).await;
    for other in [&server.nobody(), &ann, &client] {
        let page = page(other).await;
        assert!(!page.contains(&id), "{page}");
        assert!(page.contains("atrail_ingest_keys 1"), "the control");
    }
}

#[tokio::test]
async fn what_no_key_may_be_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let space = &server.initial.space;
    made(
        &admin,
        json!({"name": "taken", "space": space, "certificate": "ab".repeat(32)}),
    )
    .await;
    for (new, status) in [
        (
            json!({"name": "taken", "account": server.initial.account}),
            409,
        ),
        (
            json!({"name": "x", "space": space, "certificate": "AB:".repeat(31) + "ab"}),
            409,
        ),
        (
            json!({"name": "x", "space": space, "certificate": "ab"}),
            400,
        ),
        (
            json!({"name": "x", "space": space, "certificate": "+b".repeat(32)}),
            400,
        ),
        (
            json!({"name": "x", "space": space, "type": "no-format"}),
            400,
        ),
        (
            json!({"name": "x", "space": space, "silent_after": 59}),
            400,
        ),
        (
            json!({"name": "x", "space": space, "account": server.initial.account}),
            400,
        ),
        (json!({"name": "", "space": space}), 400),
        (
            json!({"name": "x", "space": space, "scopes": ["read"]}),
            400,
        ),
        (
            json!({"name": "x", "space": space, "silent_after": 60}),
            201,
        ),
    ] {
        let seen = admin.post(paths::INGEST_KEYS).json(&new).seen().await;
        assert_eq!(seen.0, status, "{new}: {seen:?}");
    }
    let limited = json!({"name": "limited", "expires_in": 60});
    let limited: Value = admin.post(paths::API_KEYS).json(&limited).made().await;
    let limited = server.client(limited["key"].as_str().unwrap());
    let new = json!({"name": "y", "space": space});
    let seen = limited.post(paths::INGEST_KEYS).json(&new).seen().await;
    assert_eq!(seen.0, 403, "{seen:?}");
}

#[tokio::test]
async fn acts_about_keys_are_on_record_and_no_secret_is() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (id, key) = made(&admin, json!({"name": "k", "space": server.initial.space})).await;
    let rotated: Value = admin.post(&path(&id)).made().await;
    let _: Value = admin.delete(&path(&id)).made().await;
    let events = own_of_account(&admin).await;
    for action in [
        "create.ingest_key",
        "rotate.ingest_key",
        "delete.ingest_key",
    ] {
        let found = of_action(&events, action);
        assert_eq!(found.len(), 1, "{action}");
        assert_eq!(found[0]["target"]["id"], json!(id));
        assert_eq!(found[0]["target"]["name"], "k");
        assert_eq!(found[0]["initiator"]["name"], "admin");
    }
    let text = today(&admin, true).await;
    assert!(!own(&text).is_empty());
    let rotated = rotated["key"].as_str().unwrap();
    for secret in [&key, rotated] {
        assert!(!text.contains(&secret[21..]), "a secret is on record");
    }
}

/// An event without a time and an id is told from an equal one by nothing but the key of its request.
#[tokio::test]
async fn a_request_with_an_idempotency_key_stores_events_without_a_time_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let (_, sender) = sender(&server, &admin, "gateway").await;
    let stored = async || crate::receivers::count(&admin).await;
    let send = async |path: &str, key: Option<&str>| {
        server.clock.advance(Duration::from_secs(1));
        let mut request = sender.post(path).body("{\"door\":\"opened\"}");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        assert_eq!(request.seen().await.0, 200);
    };
    for path in [paths::EVENTS, paths::KUBERNETES] {
        let before = stored().await;
        for _ in 0..3 {
            send(path, Some(&format!("{path} one"))).await;
        }
        assert_eq!(stored().await, before + 1, "{path}");
        send(path, Some(&format!("{path} two"))).await;
        assert_eq!(stored().await, before + 2, "{path}");
        // The control: without a key, each is an event.
        for _ in 0..2 {
            send(path, None).await;
        }
        assert_eq!(stored().await, before + 4, "{path}");
    }
}
