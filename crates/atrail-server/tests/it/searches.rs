//! Finding and counting events over HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use atrail_api::paths;
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer, event, event_at};

/// The hits of an answer: each place with its line; and its end.
pub(crate) struct Answer {
    pub(crate) hits: Vec<(Value, String)>,
    pub(crate) end: Value,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let mut lines: Vec<&str> = text.lines().collect();
        let end: Value = serde_json::from_str(lines.pop().unwrap()).unwrap();
        assert!(lines.len().is_multiple_of(2), "{text}");
        let hits = lines.chunks_exact(2).map(|pair| {
            let place: Value = serde_json::from_str(pair[0]).unwrap();
            (place, pair[1].to_owned())
        });
        let hits: Vec<_> = hits.collect();
        let end = end["end"].clone();
        assert_eq!(end["hits"], hits.len(), "{text}");
        assert_eq!(end["more"], !end["after"].is_null());
        Self { hits, end }
    }

    /// The ids of the events.
    pub(crate) fn ids(&self) -> Vec<String> {
        let lines = self.hits.iter();
        lines.map(|(_, line)| id_of(line)).collect()
    }
}

fn id_of(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    event["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn search(client: &Client, body: Value) -> Answer {
    let answer = client.post(paths::SEARCH).json(&body).send().await.unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers()["content-type"].clone();
    let text = answer.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    assert_eq!(kind, "application/x-ndjson");
    Answer::parse(&text)
}

/// Creates a space in an account of its own, with a developer.
pub(crate) async fn tenant(server: &TestServer, name: &str) -> Client {
    let admin = server.admin().await;
    let account: Value = admin
        .post(paths::ACCOUNTS)
        .json(&json!({"name": name}))
        .made()
        .await;
    let account = account["guid"].as_str().unwrap();
    let owner = json!({"user": "admin", "role": "owner", "account": account});
    let _: Value = admin.post(paths::ROLES).json(&owner).made().await;
    let of = json!({"account": {"data": {"guid": account}}});
    let new = json!({"name": name, "relationships": of});
    let organization: Value = admin.post(paths::ORGANIZATIONS).json(&new).made().await;
    let of = json!({"organization": {"data": {"guid": organization["guid"]}}});
    let new = json!({"name": name, "relationships": of});
    let space: Value = admin.post(paths::SPACES).json(&new).made().await;
    let space = space["guid"].as_str().unwrap();
    let roles = [json!({"role": "developer", "space": space})];
    let user = server.user(name, false, &roles).await;
    user.in_space(Some(space))
}

fn deed(id: usize, time: &str, action: &str, actor: &str) -> String {
    event_at(id, time)
        .replace("\"action\":\"read\"", &format!("\"action\":\"{action}\""))
        .replace(
            "\"initiatorId\":\"ann\"",
            &format!("\"initiatorId\":\"{actor}\""),
        )
}

/// Returns the value of a sample of the metrics page; 0 where there is none.
pub(crate) async fn sample(server: &TestServer, name: &str) -> u64 {
    let page = server.nobody().get(paths::METRICS).seen().await.1;
    let mut lines = page
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.next().map_or(0, |value| value.parse().unwrap())
}

pub(crate) async fn until_sample(server: &TestServer, name: &str, count: u64) {
    for _ in 0..600 {
        if sample(server, name).await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!(
        "{name} never was {count}, but is {}",
        sample(server, name).await
    );
}

#[tokio::test]
async fn the_events_of_one_tenant_are_found_as_they_are_stored_before_and_after_they_are_sealed() {
    let server = TestServer::start().await;
    let (ours, theirs) = (
        tenant(&server, "ours").await,
        tenant(&server, "theirs").await,
    );
    let lines: Vec<_> = (0..6)
        .map(|id| {
            deed(
                id,
                &format!("2017-07-25T09:00:0{id}Z"),
                ["read", "delete"][id % 2],
                "ann",
            )
        })
        .collect();
    ours.send_events(lines.join("\n")).await;
    // The same actor and action, in another account.
    theirs
        .send_events(deed(9, "2017-07-25T09:00:03Z", "delete", "ann"))
        .await;
    let question = json!({"query": "action:delete actor:ann"});
    let mut leaves = Vec::new();
    for sealed in [false, true] {
        if sealed {
            let _ = ours.session().await;
        }
        let answer = search(&ours, question.clone()).await;
        assert_eq!(
            answer.ids(),
            ["event-5", "event-3", "event-1"],
            "sealed: {sealed}"
        );
        for (place, line) in &answer.hits {
            assert!(lines.contains(line), "{line}");
            assert_eq!(place["day"], "2017-07-25");
            assert_eq!(place["space"], ours.space.as_deref().unwrap());
            assert_eq!(place["sealed"], sealed);
            assert_eq!(place["segment"].is_string(), sealed, "{place}");
            assert_eq!(place["index"].is_u64(), sealed, "{place}");
        }
        leaves.push(
            answer
                .hits
                .iter()
                .map(|(place, _)| place["leaf"].clone())
                .collect::<Vec<_>>(),
        );
        let searched = &answer.end["searched"];
        assert_eq!(searched["from"], "2017-07-12T00:00:00.000000000Z");
        assert_eq!(searched["to"], "2017-07-26T00:00:00.000000000Z");
        assert!(searched["events"].as_u64().unwrap() >= 3, "{searched}");
    }
    assert_eq!(leaves[0], leaves[1], "the leaf hash is that of the line");
    // The control: the other tenant finds its own.
    assert_eq!(search(&theirs, question.clone()).await.ids(), ["event-9"]);
    // Nor does the foreign space become reachable by its GUID.
    let foreign = ours.in_space(theirs.space.as_deref());
    let refused = foreign.post(paths::SEARCH).json(&question).refused().await;
    assert_eq!(refused, (404, "not_found".to_owned()));
}

#[tokio::test]
async fn an_account_is_searched_with_all_its_spaces_and_times_are_half_open() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for id in 0..4 {
        let time = format!("2017-07-25T09:00:00.{id}Z");
        admin.send_events(event_at(id, &time)).await;
    }
    let own = admin
        .post("/v3/events?AtAccountLevel=true")
        .body(event(7))
        .seen()
        .await;
    assert_eq!(own.0, 200);
    let of = async |start: &str, end: &str, whole: bool| {
        let body = json!({
            "query": "target:bucket", "start": start, "end": end, "AtAccountLevel": whole, "order": "oldest",
        });
        search(&admin, body).await.ids()
    };
    let nine = "2017-07-25T09:00:00Z";
    assert_eq!(
        of(nine, "2017-07-25T09:00:00.2Z", false).await,
        ["event-0", "event-1"]
    );
    assert_eq!(
        of("2017-07-25T11:00:00.1+02:00", "2017-07-25", false).await,
        ["event-1", "event-2", "event-3"]
    );
    assert_eq!(of(nine, nine, false).await, [""; 0]);
    assert_eq!(of("yesterday", "yesterday", false).await, [""; 0]);
    let whole: BTreeSet<_> = of("today", "today", true).await.into_iter().collect();
    assert_eq!(
        whole,
        (0..4).chain([7]).map(|id| format!("event-{id}")).collect()
    );
}

#[tokio::test]
async fn a_cursor_goes_on_exactly_though_events_arrive_and_are_sealed_meanwhile() {
    for order in ["newest", "oldest"] {
        let server = TestServer::start().await;
        let admin = server.admin().await;
        // Times that repeat, so that a page ends between events of one time.
        let first: BTreeSet<_> = (0..20).map(|id| format!("event-{id}")).collect();
        for id in 0..20 {
            let time = format!("2017-07-25T09:00:{:02}Z", 10 + id / 3);
            admin.send_events(event_at(id, &time)).await;
        }
        let mut body = json!({"query": "target:bucket", "order": order, "limit": 3});
        let mut seen = Vec::new();
        for page in 0.. {
            let answer = search(&admin, body.clone()).await;
            let of_first = answer.ids().into_iter().filter(|id| first.contains(id));
            seen.extend(of_first);
            if answer.end["more"] == false {
                break;
            }
            body["after"] = answer.end["after"].clone();
            // Events before, between and behind those that were seen.
            for second in [0, 12, 14, 59] {
                let time = format!("2017-07-25T09:00:{second:02}Z");
                admin
                    .send_events(event_at(1000 + page * 100 + second, &time))
                    .await;
            }
            if page % 2 == 1 {
                let _ = admin.session().await;
            }
            assert!(page < 200, "it never ends");
        }
        let unique: BTreeSet<_> = seen.iter().cloned().collect();
        assert_eq!((seen.len(), unique), (20, first), "{order}: each once");
    }
}

#[tokio::test]
async fn a_cursor_of_another_question_is_refused() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.send_events([1, 2, 3].map(event).join("\n")).await;
    let asked = json!({"query": "target:bucket", "limit": 1, "start": "2017-07-20"});
    let after = search(&admin, asked.clone()).await.end["after"].clone();
    let with = |change: Value| {
        let mut body = asked.clone();
        body["after"] = after.clone();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    assert_eq!(
        search(&admin, with(json!({}))).await.ids().len(),
        1,
        "the control"
    );
    // The number of hits is no part of the question.
    assert_eq!(
        search(&admin, with(json!({"limit": 2}))).await.ids().len(),
        2
    );
    for change in [
        json!({"query": "target:buckets"}),
        json!({"start": "2017-07-21"}),
        json!({"order": "oldest"}),
        json!({"AtAccountLevel": true}),
        json!({"after": "x"}),
        json!({"after": ""}),
    ] {
        let refused = admin
            .post(paths::SEARCH)
            .json(&with(change.clone()))
            .refused()
            .await;
        assert_eq!(refused, (400, "bad_request".to_owned()), "{change}");
    }
    // Another tenant cannot go on with it either.
    let theirs = tenant(&server, "theirs").await;
    let refused = theirs
        .post(paths::SEARCH)
        .json(&with(json!({})))
        .refused()
        .await;
    assert_eq!(refused, (400, "bad_request".to_owned()));
}

#[tokio::test]
async fn what_is_not_understood_is_refused_and_a_query_with_its_column() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let ask = async |path: &str, body: Value| {
        let (status, text) = admin.post(path).json(&body).seen().await;
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    for path in [paths::SEARCH, paths::AGGREGATE, paths::EXPORTS] {
        let (status, problem) = ask(path, json!({"query": "action:delete )"})).await;
        assert_eq!(
            (status, &problem["code"]),
            (400, &json!("query_invalid")),
            "{path}"
        );
        assert_eq!(problem["column"], 15, "{problem}");
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .starts_with("column 15: "),
            "{problem}"
        );
        for (body, words) in [
            (json!({"start": "2017-07-26"}), "start is after end"),
            (json!({"start": "soon"}), "start is not a day"),
            (json!({"queri": "x"}), "unknown field `queri`"),
        ] {
            let (status, problem) = ask(path, body).await;
            assert_eq!(
                (status, &problem["code"]),
                (400, &json!("bad_request")),
                "{path}"
            );
            assert!(
                problem["detail"].as_str().unwrap().contains(words),
                "{problem}"
            );
            assert!(problem.get("column").is_none());
        }
    }
    for (path, body, words) in [
        (
            paths::SEARCH,
            json!({"limit": 0}),
            "limit is not from 1 to 1000",
        ),
        (
            paths::SEARCH,
            json!({"limit": 1001}),
            "limit is not from 1 to 1000",
        ),
        (paths::SEARCH, json!({"order": "best"}), "order is neither"),
        (
            paths::AGGREGATE,
            json!({"histogram": {}}),
            "either buckets or interval",
        ),
        (
            paths::AGGREGATE,
            json!({"histogram": {"interval": "1s"}}),
            "buckets of 1s would cover",
        ),
        (
            paths::AGGREGATE,
            json!({"facets": [{"field": ""}]}),
            "facets: ",
        ),
        (
            paths::AGGREGATE,
            json!({"facets": [{"field": "actor", "size": 0}]}),
            "size of a facet",
        ),
        (
            paths::AGGREGATE,
            json!({"distinct": vec!["actor"; 21]}),
            "at most 20 fields",
        ),
        (
            paths::EXPORTS,
            json!({"as": "xlsx"}),
            "as: there is no format",
        ),
        (
            paths::EXPORTS,
            json!({"columns": ["time"]}),
            "columns: ndjson has none",
        ),
        (
            paths::EXPORTS,
            json!({"as": "csv", "columns": ["tim"]}),
            "no column",
        ),
        (
            paths::EXPORTS,
            json!({"as": "csv", "columns": ["time,id"]}),
            "no column",
        ),
        (
            paths::EXPORTS,
            json!({"as": "csv", "columns": []}),
            "the list is empty",
        ),
        (
            paths::EXPORTS,
            json!({"as": "csv", "index": "a"}),
            "index: csv names none",
        ),
    ] {
        let (status, problem) = ask(path, body.clone()).await;
        assert_eq!(
            (status, &problem["code"]),
            (400, &json!("bad_request")),
            "{body}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(words),
            "{problem}"
        );
    }
    // A query in the URL would end up in logs.
    let request = admin.post(&format!("{}?query=x", paths::SEARCH));
    assert_eq!(request.refused().await, (400, "bad_request".to_owned()));
}

#[tokio::test]
async fn counts_are_exact_in_all_by_time_and_by_value() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let mut sent = Vec::new();
    for id in 0..60 {
        let actor = ["ann", "bob", "Ann", "zoe"][if id < 30 { 0 } else { 1 + id % 3 }];
        let time = format!("2017-07-25T0{}:{:02}:00Z", id / 20, id % 20);
        sent.push(deed(id, &time, ["read", "delete"][id % 2], actor));
    }
    admin.send_events(sent[..40].join("\n")).await;
    let _ = admin.session().await;
    admin.send_events(sent[40..].join("\n")).await;
    let body = json!({
        "query": "target:bucket", "start": "2017-07-25T00:00:00Z", "end": "2017-07-25T04:00:00Z",
        "histogram": {"interval": "1h"},
        "facets": [{"field": "actor", "size": 2}, {"field": "reason"}],
        "distinct": ["id", "action"],
    });
    let counts: Value = admin.post(paths::AGGREGATE).json(&body).made().await;
    assert_eq!(counts["total"], 60);
    assert_eq!(counts["first"], "2017-07-25T00:00:00.000000000Z");
    assert_eq!(counts["last"], "2017-07-25T02:19:00.000000000Z");
    assert_eq!(counts["histogram"]["interval_seconds"], 3600);
    let buckets = counts["histogram"]["buckets"].as_array().unwrap();
    let buckets: Vec<_> = buckets
        .iter()
        .map(|bucket| {
            (
                bucket["time"].as_str().unwrap(),
                bucket["count"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        buckets,
        [
            ("2017-07-25T00:00:00.000000000Z", 20),
            ("2017-07-25T01:00:00.000000000Z", 20),
            ("2017-07-25T02:00:00.000000000Z", 20),
            ("2017-07-25T03:00:00.000000000Z", 0),
        ]
    );
    let actors = &counts["facets"][0];
    // Values are counted as they are written.
    assert_eq!(
        actors["values"],
        json!([{"value": "ann", "count": 30}, {"value": "Ann", "count": 10}])
    );
    assert_eq!(
        (&actors["others"], &actors["distinct"]),
        (&json!(20), &json!(4))
    );
    assert_eq!(counts["facets"][1]["missing"], 60);
    assert_eq!(counts["distinct"], json!({"id": 60, "action": 2}));
    // Twenty buckets at most over four hours: a quarter of an hour each.
    let body = json!({
        "query": "target:bucket action:delete", "start": "2017-07-25T00:00:00Z", "end": "2017-07-25T04:00:00Z",
        "histogram": {"buckets": 20},
    });
    let counts: Value = admin.post(paths::AGGREGATE).json(&body).made().await;
    assert_eq!(
        (&counts["total"], &counts["histogram"]["interval_seconds"]),
        (&json!(30), &json!(900))
    );
    assert_eq!(counts["histogram"]["buckets"].as_array().unwrap().len(), 16);
}

#[tokio::test]
async fn counts_by_space_are_those_of_each_space_alone_and_of_none_that_the_caller_may_not_read() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let stranger = tenant(&server, "elsewhere").await;
    stranger.send_events(event(1)).await;
    let of = json!({"organization": {"data": {"guid": server.initial.organization}}});
    let mut spaces = vec![(admin.clone(), server.initial.space.clone())];
    for name in ["second", "empty"] {
        let new = json!({"name": name, "relationships": of});
        let space: Value = admin.post(paths::SPACES).json(&new).made().await;
        let space = space["guid"].as_str().unwrap().to_owned();
        spaces.push((admin.in_space(Some(&space)), space));
    }
    let deeds = |ids: std::ops::Range<usize>| {
        let deed = |id| {
            deed(
                id,
                "2017-07-25T01:00:00Z",
                ["read", "delete"][id % 2],
                "ann",
            )
        };
        ids.map(deed).collect::<Vec<_>>().join("\n")
    };
    spaces[0].0.send_events(deeds(0..5)).await;
    spaces[1].0.send_events(deeds(5..20)).await;
    let own = admin.post("/v3/events?AtAccountLevel=true");
    assert_eq!(own.body(deeds(20..22)).seen().await.0, 200);
    let counts = async |client: &Client, mut body: Value| -> Value {
        body["start"] = "2017-07-25".into();
        body["end"] = "2017-07-25".into();
        client.post(paths::AGGREGATE).json(&body).made().await
    };
    let query = "target:bucket action:delete";
    let whole = async |most: u32| {
        let body = json!({"query": query, "AtAccountLevel": true, "spaces": most});
        counts(&admin, body).await
    };
    let unsealed = whole(10).await;
    let mut alone = Vec::new();
    for (client, space) in &spaces[..2] {
        let count = counts(client, json!({"query": query})).await["total"].clone();
        alone.push(json!({"space": space, "count": count}));
        let _ = client.session().await;
    }
    alone.reverse();
    alone.push(json!({"space": server.initial.account, "count": 1}));
    assert_eq!(
        unsealed["spaces"],
        json!({"values": alone, "others": 0, "distinct": 3})
    );
    assert_eq!(
        (&alone[0]["count"], &alone[1]["count"]),
        (&json!(8), &json!(2))
    );
    assert_eq!(whole(10).await["spaces"], unsealed["spaces"], "sealed");
    let one = whole(1).await;
    assert_eq!(one["total"], 11);
    assert_eq!(
        one["spaces"],
        json!({"values": alone[..1], "others": 3, "distinct": 3})
    );
    assert!(
        counts(&admin, json!({"query": query}))
            .await
            .get("spaces")
            .is_none()
    );
    for most in [0, 1001] {
        let body = json!({"spaces": most});
        let refused = admin.post(paths::AGGREGATE).json(&body).refused().await;
        assert_eq!(refused, (400, "bad_request".to_owned()));
    }
}

#[tokio::test]
async fn without_a_query_a_count_is_that_of_status() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    admin.send_events([1, 2, 3].map(event).join("\n")).await;
    for _ in 0..2 {
        let days: Vec<Value> = admin.get(paths::EVENTS).made().await;
        let status: u64 = days.iter().map(|day| day["count"].as_u64().unwrap()).sum();
        // The count of status itself is on record by now, once an hour.
        let counts: Value = admin.post(paths::AGGREGATE).made().await;
        let total = counts["total"].as_u64().unwrap();
        assert!(total == status || total == status + 1, "{total} {status}");
        let found = search(&admin, json!({"limit": 1000})).await.ids().len();
        assert!(
            found as u64 == total || found as u64 == total + 1,
            "{found} {total}"
        );
        let _ = admin.session().await;
    }
}
