//! The records that searches and exports leave.

use atrail_api::paths;
use serde_json::{Value, json};

use crate::records::{details, of_action, own_of_account, own_of_space, server};
use crate::searches::search;
use crate::support::{Made, event};

#[tokio::test]
async fn a_search_leaves_one_event_for_each_query_days_user_and_hour() {
    let server = server().await;
    let admin = server.admin().await;
    admin.send_events(event(1)).await;
    let ann = server.user("ann", false, &[server.developer()]).await;
    let long = format!("target:bucket {}", "OR id:x ".repeat(400).trim_end());
    for body in [
        json!({"query": "target:bucket"}),
        // The same again, with other limits and order, and as a count.
        json!({"query": "target:bucket", "limit": 1, "order": "oldest"}),
        json!({"query": "target:bucket", "start": "2017-07-25"}),
        json!({"query": "target:bucket", "start": "2017-07-25T01:00:00Z", "end": "2017-07-25T10:00:00Z"}),
        json!({"query": long}),
    ] {
        search(&admin, body).await;
    }
    let counted = json!({"query": "target:bucket"});
    let _: Value = admin.post(paths::AGGREGATE).json(&counted).made().await;
    search(&ann, counted).await;
    // A refused search shows nothing, and leaves nothing.
    let refused = admin
        .post(paths::SEARCH)
        .json(&json!({"query": "("}))
        .refused()
        .await;
    assert_eq!(refused.0, 400);
    let all = own_of_space(&admin).await;
    let seen: Vec<_> = of_action(&all, "search.events")
        .into_iter()
        .map(|event| {
            let name = event["initiator"]["name"].as_str().unwrap().to_owned();
            let details = details(event);
            let start = details["days"]["start"].as_str().unwrap().to_owned();
            (
                name,
                details["query"].as_str().unwrap().to_owned(),
                start,
                details["repeats"].as_u64(),
            )
        })
        .collect();
    let one = |name: &str, query: &str, start: &str| {
        (name.to_owned(), query.to_owned(), start.to_owned(), None)
    };
    assert_eq!(
        seen,
        [
            one("admin", "target:bucket", "2017-07-12"),
            one("admin", "target:bucket", "2017-07-25"),
            one("admin", &long, "2017-07-12"),
            one("ann", "target:bucket", "2017-07-12"),
        ]
    );
    // The repetitions within the hour are one event each, written here because the server stops.
    let server = server.restart().await;
    let admin = server.admin().await;
    let all = own_of_space(&admin).await;
    let mut repeats: Vec<_> = of_action(&all, "search.events")
        .into_iter()
        .filter_map(|event| details(event)["repeats"].as_u64())
        .collect();
    repeats.sort_unstable();
    assert_eq!(repeats, [1, 2]);
}

#[tokio::test]
async fn an_export_leaves_its_beginning_and_its_end() {
    let server = server().await;
    let admin = server.admin().await;
    admin.send_events([1, 2].map(event).join("\n")).await;
    let body = json!({"query": "target:bucket", "as": "csv", "AtAccountLevel": true});
    let made: Value = admin.post(paths::EXPORTS).json(&body).made().await;
    let id = made["id"].as_str().unwrap();
    let (status, text) = admin.get(&format!("{}/{id}", paths::EXPORTS)).seen().await;
    assert_eq!(status, 200);
    let all = own_of_account(&admin).await;
    let exports = of_action(&all, "export.events");
    let parts: Vec<_> = exports
        .iter()
        .map(|event| &details(event)["part"])
        .collect();
    assert_eq!(parts, ["start", "end"], "{exports:?}");
    for event in &exports {
        let details = details(event);
        assert_eq!(details["export"], id);
        assert_eq!(
            (&details["query"], &details["as"]),
            (&"target:bucket".into(), &"csv".into())
        );
        assert_eq!(details["from"], "2017-07-12T00:00:00Z");
        assert_eq!(event["target"]["id"], server.initial.account.as_str());
    }
    let end = details(exports[1]);
    assert_eq!(
        (&end["events"], &end["bytes"]),
        (&2.into(), &text.len().into())
    );
}

#[tokio::test]
async fn each_query_of_a_tail_and_each_list_of_kinds_leaves_an_event() {
    let server = server().await;
    let admin = server.admin().await;
    admin.send_events(event(1)).await;
    for query in ["action:read", "outcome:failure", "action:read"] {
        let tail = admin
            .post(paths::TAIL)
            .json(&json!({"query": query}))
            .send();
        assert_eq!(tail.await.unwrap().status(), 200);
    }
    for kinds in ["delete", "hold,policy", "delete"] {
        let log = format!("{}?kinds={kinds}", paths::LOG);
        assert_eq!(admin.get(&log).send().await.unwrap().status(), 200);
    }
    let all = own_of_space(&admin).await;
    let seen = |action: &str, detail: &str| -> Vec<String> {
        let of_action = of_action(&all, action).into_iter();
        let text = |event| details(event)[detail].as_str().unwrap().to_owned();
        of_action.map(text).collect()
    };
    assert_eq!(
        seen("tail.events", "query"),
        ["action:read", "outcome:failure"]
    );
    assert_eq!(seen("read.log", "kinds"), ["delete", "hold,policy"]);
}
