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
