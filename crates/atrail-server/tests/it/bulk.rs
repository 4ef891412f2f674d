//! Events in Elasticsearch's bulk form: requests, answers, and the calls before them.

use atrail_api::paths;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer, event};

/// Sends a body, and returns status and text of the answer.
async fn sent(client: &Client, method: Method, path: &str, body: &str) -> (u16, String) {
    let request = client.request(method, path).body(body.to_owned());
    text(request.send().await.unwrap()).await
}

async fn text(answer: Response) -> (u16, String) {
    assert_eq!(answer.headers()["x-elastic-product"], "Elasticsearch");
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn bulk(client: &Client, body: &str) -> Value {
    let (status, text) = sent(client, Method::POST, paths::ES_BULK, body).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Returns the documents that are stored, as events, without those of the server.
async fn stored(client: &Client) -> Vec<Value> {
    found(client, "NOT observer.name:ActivityTracker").await
}

async fn found(client: &Client, query: &str) -> Vec<Value> {
    let query = json!({"query": query, "start": "1970-01-01", "limit": 1000});
    let found = client
        .post(paths::SEARCH)
        .json(&query)
        .send()
        .await
        .unwrap();
    let text = found.text().await.unwrap();
    let lines: Vec<Value> = (text.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    lines
        .into_iter()
        .filter(|line| line.get("eventTime").is_some())
        .collect()
}

#[tokio::test]
async fn an_answer_has_the_bytes_that_senders_search() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let body = format!(
        "{{\"create\":{{\"_index\":\"logs\",\"_id\":\"d 1\"}}}}\n{}\n\n{{\"index\":{{\"_type\":\"_doc\"}}}}\n{}",
        event(1).trim_end(),
        event(2).trim_end(),
    );
    let id = |number: usize| {
        let event: Value = serde_json::from_str(&event(number)).unwrap();
        event["id"].as_str().unwrap().to_owned()
    };
    let expected = format!(
        concat!(
            r#"{{"took":1,"errors":false,"items":["#,
            r#"{{"create":{{"_index":"logs","_id":"d 1","_version":1,"result":"created","status":201}}}},"#,
            r#"{{"index":{{"_index":"atrail","_id":"{}","_version":1,"result":"created","status":201}}}}]}}"#,
        ),
        id(2)
    );
    for method in [Method::POST, Method::PUT] {
        let answer = sent(&admin, method, paths::ES_BULK, &body).await;
        assert_eq!(answer, (200, expected.clone()));
    }
    let both = found(&admin, "id:event-1 OR id:event-2").await;
    assert_eq!(both.len(), 2);
}

#[tokio::test]
async fn every_action_has_its_item_and_a_deletion_is_refused_alone() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let body = concat!(
        "{\"index\":{}}\n{\"@timestamp\":\"2017-07-25T10:00:00Z\",\"msg\":\"one\"}\n",
        "{\"delete\":{\"_id\":\"x\"}}\n",
        "{\"update\":{\"_id\":\"u\"}}\n{\"doc\":{\"@timestamp\":\"2017-07-25T10:00:00Z\",\"msg\":\"two\"}}\n",
        "{\"create\":{}}\nno JSON at all\n",
        "{\"create\":{\"_id\":\"last\"}}\n",
    );
    let path = "/es/my-index/_bulk";
    let (status, text) = sent(&admin, Method::POST, path, body).await;
    assert_eq!(status, 200);
    assert!(
        text.starts_with(r#"{"took":1,"errors":true,"items":["#),
        "{text}"
    );
    let answer: Value = serde_json::from_str(&text).unwrap();
    let items = answer["items"].as_array().unwrap();
    let seen: Vec<_> = items
        .iter()
        .map(|item| {
            let (action, result) = item.as_object().unwrap().iter().next().unwrap();
            assert_eq!(result["_index"], "my-index");
            (action.as_str(), result["status"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("index", 201),
            ("delete", 400),
            ("update", 200),
            ("create", 201),
            ("create", 400)
        ]
    );
    for at in [1, 4] {
        let error = items[at].as_object().unwrap().values().next().unwrap();
        assert_eq!(error["error"]["type"], "document_parsing_exception");
        assert!(error["error"]["reason"].is_string());
    }
    // What is no JSON is kept, too.
    let stored = stored(&admin).await;
    assert_eq!(stored.len(), 3, "{stored:?}");
}

#[tokio::test]
async fn a_body_that_is_sent_again_is_answered_as_new_and_stored_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let document = "{\"@timestamp\":\"2017-07-25T10:00:00.5Z\",\"message\":\"hello\"}\n";
    let body = format!(
        "{{\"create\":{{}}}}\n{document}{{\"create\":{{\"_id\":\"7\"}}}}\n{document}{{\"create\":{{}}}}\n{document}"
    );
    let first = bulk(&admin, &body).await;
    assert_eq!(bulk(&admin, &body).await, first);
    assert_eq!(first["errors"], false);
    // Two equal documents of one request are two events.
    assert_eq!(stored(&admin).await.len(), 3);
}

#[tokio::test]
async fn a_document_of_its_own_is_created() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let document = "{\"@timestamp\":\"2017-07-25T10:00:00Z\",\"message\":\"hello\"}";
    for (method, path, id) in [
        (Method::POST, "/es/logs/_doc", None),
        (Method::PUT, "/es/logs/_doc/a", Some("a")),
        (Method::POST, "/es/logs/_create/b", Some("b")),
        (Method::PUT, "/es/logs/_create/c%20d", Some("c d")),
    ] {
        let (status, text) = sent(&admin, method, path, document).await;
        assert_eq!(status, 201, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["_index"], "logs");
        assert_eq!(answer["result"], "created");
        if let Some(id) = id {
            assert_eq!(answer["_id"], id);
        }
    }
    assert_eq!(stored(&admin).await.len(), 4);
}

#[tokio::test]
async fn a_body_that_is_no_bulk_body_is_refused_in_elasticsearchs_shape() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for body in ["", "\n\n", "{\"n\":1}\n", "[1]"] {
        let (status, text) = sent(&admin, Method::POST, paths::ES_BULK, body).await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &answer["status"]), (400, &json!(400)), "{text}");
        assert!(answer["error"]["type"].is_string() && answer["error"]["reason"].is_string());
    }
    assert!(stored(&admin).await.is_empty());
}

#[tokio::test]
async fn what_the_router_refuses_below_es_has_elasticsearchs_shape() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for (method, path, expected) in [
        (Method::GET, "/es/_nonsense/x/y", 404),
        (Method::POST, "/es/_unknown", 405),
        (Method::DELETE, "/es/_bulk", 405),
        (Method::GET, "/es/_bulk", 405),
    ] {
        let (status, text) = sent(&admin, method.clone(), path, "").await;
        assert_eq!(status, expected, "{method} {path} {text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["status"], expected, "{text}");
        assert!(answer["error"]["type"].is_string() && answer["error"]["reason"].is_string());
    }
    // The control: elsewhere, it is a problem.
    let other = admin.get("/v3/nonsense").send().await.unwrap();
    assert_eq!(other.headers()["content-type"], "application/problem+json");
    assert!(!other.headers().contains_key("x-elastic-product"));
}

#[tokio::test]
async fn everything_that_a_sender_sets_up_exists() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let new = json!({"name": "sender", "scopes": ["send"]});
    let key: Value = admin.post(paths::API_KEYS).json(&new).made().await;
    let sender = server.client(key["key"].as_str().unwrap());
    for (method, path) in [
        (Method::GET, "/es"),
        (Method::HEAD, "/es/"),
        (Method::GET, "/es/_license?human=false"),
        (Method::GET, "/es/_xpack"),
        (Method::GET, "/es/_cluster/health"),
        (Method::GET, "/es/_cat/health"),
        (Method::HEAD, "/es/_template/logstash"),
        (Method::GET, "/es/_index_template/ecs-logstash"),
        (Method::HEAD, "/es/_component_template/c"),
        (Method::HEAD, "/es/_ilm/policy/logstash-policy"),
        (Method::GET, "/es/_data_stream/filebeat-8"),
        (Method::GET, "/es/_ingest/pipeline/p"),
        (Method::HEAD, "/es/logstash-alias"),
        (Method::PUT, "/es/logstash-000001"),
        (Method::PUT, "/es/_template/logstash?include_type_name=true"),
        (Method::PUT, "/es/_index_template/t"),
        (Method::PUT, "/es/_ilm/policy/p"),
        (Method::PUT, "/es/_data_stream/d"),
        (Method::PUT, "/es/_ingest/pipeline/p"),
    ] {
        let body = if method == Method::PUT {
            "{\"a\":1}"
        } else {
            ""
        };
        let (status, text) = sent(&sender, method.clone(), path, body).await;
        assert_eq!(status, 200, "{method} {path} {text}");
        if method == Method::PUT {
            let answer: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(answer["acknowledged"], true, "{path}");
        }
    }
    let license: Value = sender.get(paths::ES_LICENSE).made().await;
    assert_eq!(license["license"]["status"], "active");
    let nodes: Value = sender.get(paths::ES_NODES).made().await;
    let address = &nodes["nodes"]["atrail"]["http"]["publish_address"];
    assert_eq!(
        server.url(""),
        format!("http://{}", address.as_str().unwrap())
    );
    // An alias is the only name that readers may look for, too: for them it has to be a space.
    let (status, _) = sent(&admin, Method::HEAD, "/es/logstash-alias", "").await;
    assert_eq!(status, 404);
}

/// A document without any time has the time of its arrival. With an id it is known again, also after a restart; without
/// one, nothing tells a repetition from another event.
#[tokio::test]
async fn a_document_without_a_time_is_stored_once_by_its_id() {
    let mut server = TestServer::start().await;
    let with_id =
        "{\"create\":{\"_id\":\"7\"}}\n{\"x\":0}\n{\"create\":{\"_id\":\"8\"}}\n{\"x\":0}\n";
    let without = "{\"create\":{}}\n{\"x\":0}\n";
    let mut answers = Vec::new();
    for _ in 0..3 {
        let admin = server.admin().await;
        answers.push(bulk(&admin, with_id).await);
        assert_eq!(stored(&admin).await.len(), 2);
        server.clock.advance(std::time::Duration::from_secs(4000));
        server = server.restart().await;
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let admin = server.admin().await;
    bulk(&admin, without).await;
    server.clock.advance(std::time::Duration::from_secs(1));
    bulk(&admin, without).await;
    assert_eq!(stored(&admin).await.len(), 4);
}

/// A sender may write one document again and again, each time with other contents: each is an event of its own time.
#[tokio::test]
async fn new_contents_under_an_old_id_have_their_own_time() {
    let server = TestServer::start().await;
    let index =
        |word: &str| format!("{{\"index\":{{\"_id\":\"host1\"}}}}\n{{\"state\":\"{word}\"}}\n");
    for word in ["up", "down", "up"] {
        let admin = server.admin().await;
        bulk(&admin, &index(word)).await;
        server.clock.advance(std::time::Duration::from_secs(4000));
    }
    let events = stored(&server.admin().await).await;
    assert_eq!(events.len(), 2, "the third is the first, sent again");
    let times: Vec<_> = events
        .iter()
        .map(|event| event["eventTime"].to_string())
        .collect();
    assert_ne!(times[0], times[1]);
}
