//! Requests as Grafana's Elasticsearch data source sends them: see `tests/fixtures/grafana/`.

use std::collections::BTreeSet;

use atrail_api::paths;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer};

/// 2017-07-25T00:00:00Z, in milliseconds.
const DAY: i64 = 1_500_940_800_000;
const HOUR: i64 = 3_600_000;

/// Returns an event.
fn event(id: usize, time: &str, action: &str, outcome: &str, number: usize) -> String {
    let event = json!({
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "id": format!("event-{id}"), "eventTime": time, "action": action, "outcome": outcome,
        "initiator": {"id": "u-1", "name": "ann"}, "target": {"id": format!("Bucket-{}", id % 3)},
        "observer": {"name": "store"}, "requestData": {"n": number},
    });
    event.to_string() + "\n"
}

/// Starts a server with twelve events of the test's day: six reads from 5:00 on, and six writes from 8:00 on, of which
/// one failed; and one of another day.
async fn with_events() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let owner = server.admin().await;
    let mut all = String::new();
    for id in 0..6 {
        all += &event(
            id,
            &format!("2017-07-25T05:{id:02}:00.00+0000"),
            "read",
            "success",
            id,
        );
    }
    for id in 6..12 {
        let outcome = if id == 7 { "failure" } else { "success" };
        all += &event(
            id,
            &format!("2017-07-25T08:{id:02}:00.5+0000"),
            "write",
            outcome,
            id,
        );
    }
    all += &event(12, "2017-07-23T08:00:00.00+0000", "read", "success", 0);
    owner.send_events(all).await;
    (server, owner)
}

fn fixture(name: &str) -> String {
    let file = format!(
        "{}/tests/fixtures/grafana/{name}.ndjson",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(file).unwrap()
}

/// Replays a body, and returns the answers.
async fn replayed(client: &Client, name: &str) -> Vec<Value> {
    let request = client
        .post(&format!(
            "{}?max_concurrent_shard_requests=5",
            paths::ES_MSEARCH
        ))
        .header("Content-Type", "application/x-ndjson")
        .body(fixture(name));
    let answer: Value = request.made().await;
    let answers = answer["responses"].as_array().unwrap().clone();
    assert_eq!(answers.len(), fixture(name).lines().count() / 2);
    answers
}

async fn only(client: &Client, name: &str) -> Value {
    let mut answers = replayed(client, name).await;
    let answer = answers.remove(0);
    assert!(answer.get("error").is_none(), "{name}: {answer}");
    assert_eq!(answer["status"], 200);
    answer
}

/// Returns the hour of the day and the count of each bucket.
fn by_hour(histogram: &Value) -> Vec<(i64, u64)> {
    let buckets = histogram["buckets"].as_array().unwrap().iter();
    let bucket = |bucket: &Value| {
        let key = bucket["key"].as_i64().unwrap();
        assert_eq!(bucket["key_as_string"], key.to_string());
        ((key - DAY) / HOUR, bucket["doc_count"].as_u64().unwrap())
    };
    buckets.map(bucket).collect()
}

/// The counts of every hour of the requests, from midnight to ten.
const HOURS: [(i64, u64); 11] = [
    (0, 0),
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 6),
    (6, 0),
    (7, 0),
    (8, 6),
    (9, 0),
    (10, 0),
];

#[tokio::test]
async fn a_time_series_has_every_bucket_of_its_range() {
    let (_server, owner) = with_events().await;
    let answer = only(&owner, "count").await;
    assert_eq!(by_hour(&answer["aggregations"]["2"]), HOURS);
    assert_eq!(
        answer["hits"]["total"],
        json!({"value": 12, "relation": "eq"})
    );
    assert_eq!(answer["hits"]["hits"], json!([]));
}

#[tokio::test]
async fn series_by_value_have_the_numbers_of_each_bucket() {
    let (_server, owner) = with_events().await;
    let answer = only(&owner, "grouped").await;
    let groups = &answer["aggregations"]["4"];
    assert_eq!(groups["sum_other_doc_count"], 0);
    let groups = groups["buckets"].as_array().unwrap();
    let keys: Vec<_> = groups
        .iter()
        .map(|group| (&group["key"], &group["doc_count"]))
        .collect();
    assert_eq!(
        keys,
        [(&json!("write"), &json!(5)), (&json!("read"), &json!(6))]
    );
    let of_writes = &groups[0]["2"];
    assert_eq!(by_hour(of_writes)[8], (8, 5));
    let eight = &of_writes["buckets"][8];
    assert_eq!(
        (&eight["1"]["value"], &eight["3"]["value"]),
        (&json!(11.0), &json!(6.0))
    );
    assert_eq!(of_writes["buckets"][7]["1"]["value"], Value::Null);
}

#[tokio::test]
async fn logs_have_their_time_their_event_and_marked_words() {
    let (server, owner) = with_events().await;
    let answer = only(&owner, "logs").await;
    let hits = answer["hits"]["hits"].as_array().unwrap();
    // Words of the text are found in any case: writes on Bucket-1 are 7 and 10, the newest first.
    let ids: Vec<_> = hits.iter().map(|hit| &hit["_source"]["id"]).collect();
    assert_eq!(ids, [&json!("event-10"), &json!("event-7")]);
    assert_eq!(answer["hits"]["total"]["value"], 2);
    assert_eq!(by_hour(&answer["aggregations"]["1"])[8], (8, 2));
    let hit = &hits[0];
    assert_eq!(
        hit["fields"]["eventTime"],
        json!(["2017-07-25T08:10:00.500000000Z"])
    );
    // Grafana reads what stands between the marks.
    let marked = |field: &str| hit["highlight"][field][0].as_str().unwrap().to_owned();
    assert_eq!(
        marked("target.id"),
        "@HIGHLIGHT@Bucket@/HIGHLIGHT@-@HIGHLIGHT@1@/HIGHLIGHT@"
    );
    assert_eq!(marked("action"), "@HIGHLIGHT@write@/HIGHLIGHT@");
    assert_eq!(hit["_source"]["eventTime"], "2017-07-25T08:10:00.5+0000");
    assert_eq!(hit["_index"], server.initial.space);
    let time = hit["sort"][0].as_i64().unwrap();
    assert_eq!(time, DAY + 8 * HOUR + 10 * 60_000 + 500);
    assert!(hit["sort"][1].as_u64().unwrap() < 1 << 53);
}

#[tokio::test]
async fn raw_data_is_the_newest_events_as_they_are() {
    let (_server, owner) = with_events().await;
    for name in ["raw_data", "raw_document"] {
        let answer = only(&owner, name).await;
        let hits = answer["hits"]["hits"].as_array().unwrap();
        let ids: Vec<_> = hits
            .iter()
            .map(|hit| hit["_source"]["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["event-11", "event-10", "event-9"], "{name}");
        assert_eq!(answer["hits"]["total"]["value"], 12);
        assert!(
            hits[0]["fields"]["eventTime"][0]
                .as_str()
                .unwrap()
                .starts_with("2017-07-25T08:11:00.500")
        );
        let different: BTreeSet<_> = hits
            .iter()
            .map(|hit| hit["_id"].as_str().unwrap())
            .collect();
        assert_eq!(different.len(), 3);
    }
}

#[tokio::test]
async fn a_variable_lists_values_and_annotations_are_events() {
    let (_server, owner) = with_events().await;
    let answer = only(&owner, "variable").await;
    let buckets = &answer["aggregations"]["1"]["buckets"];
    assert_eq!(
        *buckets,
        json!([{"key": "read", "doc_count": 6}, {"key": "write", "doc_count": 6}])
    );
    let answer = only(&owner, "annotation").await;
    assert_eq!(answer["hits"]["hits"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn filters_are_answered_by_their_names() {
    let (_server, owner) = with_events().await;
    let answer = only(&owner, "filters").await;
    let buckets = &answer["aggregations"]["5"]["buckets"];
    assert_eq!(buckets["failures"]["doc_count"], 1);
    let successes = &buckets["outcome:success"];
    assert_eq!(successes["doc_count"], 11);
    let week = &successes["2"]["buckets"][0];
    // The Monday before, at midnight in Berlin.
    assert_eq!(week["key"], DAY - 24 * HOUR - 2 * HOUR);
    assert_eq!(week["1"]["value"], 3);
}

#[tokio::test]
async fn each_search_that_fails_has_its_error_in_its_place() {
    let (_server, owner) = with_events().await;
    let answers = replayed(&owner, "several").await;
    let reason = |at: usize| {
        answers[at]["error"]["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(reason(0).contains("[percentiles]"), "{}", reason(0));
    assert_eq!(answers[0]["error"]["root_cause"][0]["reason"], reason(0));
    assert_eq!(answers[0]["status"], 400);
    assert!(reason(1).contains("column"), "{}", reason(1));
    assert_eq!(answers[2]["error"]["type"], "index_not_found_exception");
    assert_eq!(answers[2]["status"], 404);
    assert_eq!(answers[3]["hits"]["total"]["value"], 12, "the control");
    // Grafana does not look at the status: whoever is not let in must still see why.
    let mut stranger = owner.clone();
    stranger.token = None;
    let request = stranger.post(paths::ES_MSEARCH).body(fixture("several"));
    let (status, body) = request.seen().await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 401);
    assert_eq!(body["responses"][0]["error"]["type"], "security_exception");
}

#[tokio::test]
async fn several_answers_together_have_a_limit() {
    let (_server, owner) = with_events().await;
    // Each minute of 30 days is a bucket: about three megabytes of answer for a hundred bytes of request.
    let end = DAY + 30 * 24 * HOUR;
    let one = json!({"size": 0, "aggs": {"1": {"date_histogram": {
        "field": "@timestamp", "fixed_interval": "1m", "min_doc_count": 0,
        "extended_bounds": {"min": DAY, "max": end},
    }}}});
    let request = owner
        .post(paths::ES_MSEARCH)
        .body(format!("{{}}\n{one}\n").repeat(20));
    let (status, body) = request.seen().await;
    assert_eq!(status, 200);
    assert!(body.len() < 17 << 20, "{} bytes", body.len());
    let body: Value = serde_json::from_str(&body).unwrap();
    let answers = body["responses"].as_array().unwrap();
    let whole = |answer: &Value| answer["aggregations"]["1"]["buckets"].is_array();
    assert!(whole(&answers[0]), "the control: {}", answers[0]);
    let cut = answers.iter().position(|answer| !whole(answer)).unwrap();
    for answer in &answers[cut..] {
        let kind = &answer["error"]["type"];
        assert_eq!(kind, "too_many_buckets_exception", "{answer}");
    }
}

#[tokio::test]
async fn the_pages_of_a_search_continue_exactly() {
    let server = TestServer::start().await;
    let owner = server.admin().await;
    // Many events of few times, in the space and in the account's own domain.
    let of = |from: usize, count: usize| -> String {
        let at = |id: usize| format!("2017-07-25T05:00:00.00{}+0000", id % 3);
        (from..from + count)
            .map(|id| event(id, &at(id), "read", "success", id))
            .collect()
    };
    owner.send_events(of(0, 50)).await;
    let to_account = format!("{}?AtAccountLevel=true", paths::EVENTS);
    let _: Value = owner.post(&to_account).body(of(50, 30)).made().await;
    for direction in ["asc", "desc"] {
        let mut seen = Vec::new();
        let mut after = Value::Null;
        let mut late = 100;
        loop {
            let mut body = json!({
                "size": 7, "query": {"term": {"action": "read"}},
                "sort": [{"eventTime": {"order": direction}}, {"_doc": "asc"}],
            });
            if !after.is_null() {
                body["search_after"] = after.clone();
            }
            let answer: Value = owner.post(paths::ES_SEARCH).json(&body).made().await;
            let hits = answer["hits"]["hits"].as_array().unwrap();
            let Some(last) = hits.last() else { break };
            after = last["sort"].clone();
            seen.extend(
                hits.iter()
                    .map(|hit| hit["_source"]["id"].as_str().unwrap().to_owned()),
            );
            // Events that arrive meanwhile, of times that were delivered and that were not, move nothing.
            if late < 110 {
                owner
                    .send_events(of(late + if direction == "asc" { 0 } else { 100 }, 1))
                    .await;
                late += 1;
            }
        }
        let different: BTreeSet<_> = seen.iter().collect();
        assert_eq!(different.len(), seen.len(), "{direction}: none comes twice");
        for id in 0..80 {
            assert!(
                different.contains(&format!("event-{id}")),
                "{direction}: event-{id} is missing"
            );
        }
    }
}

#[tokio::test]
async fn pages_can_be_passed_over_and_counted() {
    let (server, owner) = with_events().await;
    let space = &server.initial.space;
    let search = format!("/es/{space}/_search");
    let body = json!({"size": 2, "from": 10, "sort": {"@timestamp": "asc"}, "query": {"range": {"@timestamp": {"gte": "2017-07-25"}}}});
    let answer: Value = owner.post(&search).json(&body).made().await;
    let ids: Vec<_> = answer["hits"]["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| &hit["_source"]["id"])
        .collect();
    assert_eq!(ids, [&json!("event-10"), &json!("event-11")]);
    let counted: Value = owner
        .post(&format!("/es/{space}/_count"))
        .json(&json!({"query": {"match": {"action": "READ"}}}))
        .made()
        .await;
    assert_eq!(counted["count"], 7);
    let nothing: Value = owner.post(&search).made().await;
    assert_eq!(
        nothing["hits"]["hits"].as_array().unwrap().len(),
        10,
        "as many as Elasticsearch's default"
    );
    for (body, reason) in [
        (json!({"size": 10_001}), "10000"),
        (json!({"sort": "action"}), "[action]"),
        (json!({"search_after": ["x"]}), "search_after"),
        (json!({"pit": {}}), "[pit]"),
        (json!({"_source": ["a"]}), "_source"),
    ] {
        let (status, text) = owner.post(&search).json(&body).seen().await;
        assert_eq!(status, 400, "{body}: {text}");
        assert!(text.contains(reason), "{body}: {text}");
    }
}

#[tokio::test]
async fn the_account_is_searched_whole_and_spaces_by_their_names() {
    let (server, owner) = with_events().await;
    let spaces: Value = owner.get(paths::SPACES).made().await;
    let name = spaces["resources"][0]["name"].as_str().unwrap().to_owned();
    let count = async |index: &str| {
        let answer: Value = owner.post(&format!("/es/{index}/_count")).made().await;
        answer["count"].as_u64().unwrap()
    };
    let of_space = count(&server.initial.space).await;
    assert_eq!(count(&name).await, count(&server.initial.space).await);
    assert!(of_space >= 13);
    assert_eq!(count(&format!("{}*", &name[..1])).await, count(&name).await);
    // The account has its own domain besides, with the records of this test's own requests.
    assert!(count("*").await > of_space);
    let head = owner
        .request(reqwest::Method::HEAD, &format!("/es/{name}"))
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["X-Elastic-Product"], "Elasticsearch");
    let head = owner
        .request(reqwest::Method::HEAD, "/es/nowhere")
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn clients_see_what_they_look_for() {
    let server = TestServer::start().await;
    let owner = server.admin().await;
    for path in [paths::ES, paths::ES_ROOT] {
        let answer = owner.get(path).send().await.unwrap();
        assert_eq!(answer.headers()["X-Elastic-Product"], "Elasticsearch");
        let info: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(info["version"]["number"], "8.19.0");
        assert_eq!(info["version"]["build_flavor"], "default");
        assert_eq!(info["tagline"], "You Know, for Search");
    }
    let health: Value = owner
        .get(&format!("{}?wait_for_status=yellow", paths::ES_HEALTH))
        .made()
        .await;
    assert_eq!(health["status"], "green");
    let caps: Value = owner.get("/es/*/_field_caps?fields=*").made().await;
    assert_eq!(caps["fields"]["eventTime"]["date"]["type"], "date");
    assert_eq!(
        caps["fields"]["initiator.name"]["keyword"]["searchable"],
        true
    );
    let some: Value = owner
        .post(paths::ES_FIELD_CAPS)
        .json(&json!({"fields": ["action"]}))
        .made()
        .await;
    assert_eq!(some["fields"].as_object().unwrap().len(), 1);
    let mapping: Value = owner
        .get(&format!("/es/{}/_mapping", server.initial.space))
        .made()
        .await;
    let properties = &mapping[&server.initial.account]["mappings"]["properties"];
    assert!(properties.is_null());
    let properties = &mapping[&server.initial.space]["mappings"]["properties"];
    assert_eq!(properties["eventTime"]["type"], "date");
    let (status, text) = owner
        .post(&format!("{}?format=json", paths::ES_QUERY))
        .json(&json!({"query": "FROM x"}))
        .seen()
        .await;
    assert_eq!(status, 400);
    assert!(text.contains("ES|QL"), "{text}");
    let (status, text) = owner.post("/es/_search?typed_keys=true").seen().await;
    assert_eq!(status, 400);
    assert!(
        text.contains("typed_keys") && text.contains("root_cause"),
        "{text}"
    );
}

/// A key under each scheme of the data source's settings.
#[tokio::test]
async fn a_key_comes_under_every_scheme() {
    let server = TestServer::start().await;
    let key = server.initial.api_key.clone();
    let ask =
        async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    let root = || server.http.get(server.url(paths::ES_ROOT));
    assert_eq!(ask(root().basic_auth("apikey", Some(&key))).await, 200);
    assert_eq!(
        ask(root().header("Authorization", format!("ApiKey {key}"))).await,
        200
    );
    assert_eq!(ask(root().bearer_auth(&key)).await, 200);
    assert_eq!(ask(root()).await, 401);
    assert_eq!(
        ask(root().basic_auth("apikey", Some("atk_0000000000000000_x"))).await,
        401
    );
}

/// Each distinct query is on record once an hour, in our own language.
#[tokio::test]
async fn searches_are_on_record() {
    let (server, owner) = with_events().await;
    let index = server.initial.space.clone();
    for _ in 0..3 {
        for action in ["read", "write"] {
            let body = json!({"query": {"term": {"action": action}}, "size": 0});
            let _: Value = owner
                .post(&format!("/es/{index}/_search"))
                .json(&body)
                .made()
                .await;
        }
    }
    let records = json!({"query": {"term": {"action": "search.events"}}});
    let answer: Value = owner
        .post(&format!("/es/{index}/_search"))
        .json(&records)
        .made()
        .await;
    let hits = answer["hits"]["hits"].as_array().unwrap();
    let mut queries: Vec<String> = hits.iter().map(|hit| hit["_source"].to_string()).collect();
    queries.sort();
    assert_eq!(queries.len(), 2, "{queries:?}");
    for text in [r#"action:\"read\""#, r#"action:\"write\""#] {
        assert!(
            queries.iter().any(|one| one.contains(text)),
            "{text}: {queries:?}"
        );
    }
}

/// The dashboard asks for nothing that the server does not list, by a data source that the server answers.
#[tokio::test]
async fn the_dashboard_asks_for_fields_that_are_there() {
    let server = TestServer::start().await;
    let owner = server.admin().await;
    let caps: Value = owner.get("/es/_field_caps?fields=*").made().await;
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/grafana/events");
    let dashboard = std::fs::read_to_string(format!("{dir}/events.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let mut queries = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let text = target["query"].as_str().unwrap().replace("$search", "*");
            let query = json!({"query_string": {"query": text}});
            let counted = owner.post(paths::ES_COUNT).json(&json!({"query": query}));
            let (status, answer) = counted.seen().await;
            assert_eq!(status, 200, "{text}: {answer}");
            queries += 1;
            for bucket in target["bucketAggs"].as_array().unwrap() {
                let field = bucket["field"].as_str().unwrap();
                assert!(caps["fields"].get(field).is_some(), "{field}");
            }
        }
    }
    assert!(queries >= 10, "{queries}");
    let source = std::fs::read_to_string(format!("{dir}/datasource.yaml")).unwrap();
    for line in [
        "type: elasticsearch",
        "timeField: eventTime",
        "url: $ATRAIL_URL/es",
    ] {
        assert!(source.contains(line), "{line}");
    }
}
