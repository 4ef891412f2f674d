//! Options: reading, setting, and refusals.

use atrail_api::paths;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer};

async fn put(client: &Client, body: Value) -> Value {
    let request = client.request(Method::PUT, paths::OPTIONS).json(&body);
    request.made().await
}

#[tokio::test]
async fn retention_is_kept_as_set_also_over_a_restart() {
    let server = TestServer::start().await;
    let (account, space) = (server.initial.account.clone(), server.initial.space.clone());
    let row = |guid: &str, days: i64| json!({"space": guid, "retention": days});
    let admin = server.admin().await;
    let first: Value = admin.get(paths::OPTIONS).made().await;
    assert_eq!(first, json!([row(&space, -1)]));

    let developer = server.user("dev", false, &[server.developer()]).await;
    let set = put(&developer, json!({"retention": 30})).await;
    assert_eq!(set, json!([row(&space, 30)]));
    let of_all: Value = admin.get("/v3/options?AtAccountLevel=true").made().await;
    assert_eq!(of_all, json!([row(&account, -1), row(&space, 30)]));

    let set = put(&admin, json!({"retention": 365, "AtAccountLevel": true})).await;
    assert_eq!(set, json!([row(&account, 365), row(&space, 365)]));
    let set = put(&admin, json!({"retention": -1, "AtAccountLevel": false})).await;
    assert_eq!(set, json!([row(&space, -1)]));

    let server = server.restart().await;
    let body = json!({"AtAccountLevel": true});
    let kept = server.admin().await.get(paths::OPTIONS).json(&body);
    let kept: Value = kept.made().await;
    assert_eq!(kept, json!([row(&account, 365), row(&space, -1)]));
}

#[tokio::test]
async fn anything_but_days_or_minus_one_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    put(&admin, json!({"retention": 30})).await;
    for wrong in [
        json!({}),
        json!({"retention": null}),
        json!({"retention": 0}),
        json!({"retention": -2}),
        json!({"retention": 4_294_967_296_u64}),
        json!({"retention": 1.5}),
        json!({"retention": "30"}),
        json!({"retention": 7, "AtAcountLevel": true}),
        json!([]),
    ] {
        let request = admin.request(Method::PUT, paths::OPTIONS).json(&wrong);
        assert_eq!(request.refused().await.0, 400, "{wrong}");
    }
    let get = admin.get("/v3/options?retention=7").refused().await;
    assert_eq!(get.0, 400, "a GET sets nothing");
    let kept: Value = admin.get(paths::OPTIONS).made().await;
    assert_eq!(kept[0]["retention"], 30);
}

#[tokio::test]
async fn whoever_reads_events_reads_retention_and_a_key_that_may_set_it_as_well() {
    let server = TestServer::start().await;
    let auditor = json!({"role": "auditor", "space": server.initial.space});
    let auditor = server.user("ann", false, &[auditor]).await;
    let shown: Value = auditor.get(paths::OPTIONS).made().await;
    assert_eq!(shown[0]["retention"], -1);
    let request = auditor.request(Method::PUT, paths::OPTIONS);
    let refused = request.json(&json!({"retention": 30})).refused().await;
    assert_eq!(refused.0, 403);
    let admin = server.admin().await;
    for (scope, status) in [
        ("read", 200),
        ("delete", 200),
        ("send", 403),
        ("manage", 403),
    ] {
        let key = json!({"name": scope, "scopes": [scope]});
        let key: Value = admin.post(paths::API_KEYS).json(&key).made().await;
        let tokens = server.login("apikey", key["key"].as_str().unwrap()).await;
        let client = server.client(&tokens.access_token);
        let answer = client.get(paths::OPTIONS).send().await.unwrap();
        assert_eq!(answer.status(), status, "{scope}");
    }
}

#[tokio::test]
async fn counts_by_space_are_of_accounts_and_of_nothing_else() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let by = |query: &str| format!("{}?By=space{query}", paths::EVENTS);
    assert_eq!(admin.get(&by("")).refused().await.0, 400);
    let wrong = format!("{}?By=day&AtAccountLevel=true", paths::EVENTS);
    assert_eq!(admin.get(&wrong).refused().await.0, 400);
    let delete = by("&start=2017-07-24&end=2017-07-24&AtAccountLevel=true");
    assert_eq!(
        admin.request(Method::DELETE, &delete).refused().await.0,
        400
    );
    // The login is an event of the account's own domain.
    let rows: Value = admin.get(&by("&AtAccountLevel=true")).made().await;
    let spaces: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["space"])
        .collect();
    assert_eq!(spaces, [server.initial.account.as_str()]);
}
