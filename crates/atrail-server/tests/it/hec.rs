//! Splunk's HTTP Event Collector: requests, answers and codes.

use atrail_api::paths;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Made, TestServer};

const TIME: &str = "1500976800.5";

async fn sent(client: &Client, path: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
    let answer = client.post(path).body(body.into()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

/// Returns the number of stored events, without those of the server.
async fn count(client: &Client) -> u64 {
    let query = json!({"query": "NOT observer.name:ActivityTracker", "start": "1970-01-01"});
    let counts: Value = client.post(paths::AGGREGATE).json(&query).made().await;
    counts["total"].as_u64().unwrap()
}

fn object(number: usize) -> String {
    format!("{{\"time\":{TIME},\"host\":\"h\",\"event\":{{\"n\":{number}}}}}")
}

#[tokio::test]
async fn objects_in_every_form_are_kept_and_answered_alike() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let success = json!({"text": "Success", "code": 0});
    let [one, two] = [1, 2].map(object);
    let mut expected = 0;
    for body in [
        format!("{one}{two}"),
        format!("{one}\n{two}\n"),
        format!("[{one},{two}]"),
    ] {
        let body = body.replace("\"n\":", &format!("\"run\":{expected},\"n\":"));
        for path in [paths::HEC, paths::HEC_EVENT, paths::HEC_EVENT_1] {
            let answer = sent(&admin, path, body.clone()).await;
            assert_eq!(answer, (200, success.clone()), "{path} {body}");
        }
        expected += 2;
        assert_eq!(count(&admin).await, expected, "{body}");
    }
    let answer = sent(&admin, paths::HEC_RAW, "line one\nline two\n").await;
    assert_eq!(answer, (200, success));
    assert_eq!(count(&admin).await, expected + 2);
}

#[tokio::test]
async fn damage_costs_no_event() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let body = format!("{}{{\"event\":}}{}", object(1), object(2));
    let answer = sent(&admin, paths::HEC_EVENT, body).await;
    assert_eq!(answer, (200, json!({"text": "Success", "code": 0})));
    assert_eq!(count(&admin).await, 3);
}

#[tokio::test]
async fn a_channel_has_acknowledgements_which_are_true_at_once() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    let with_channel = |number| {
        let channel = ("X-Splunk-Request-Channel", "c-1");
        let request = admin.post(paths::HEC_EVENT).body(object(number));
        request.header(channel.0, channel.1)
    };
    let one: Value = with_channel(1).made().await;
    let two: Value = with_channel(2).made().await;
    let ids = [&one, &two].map(|answer| answer["ackId"].as_u64().unwrap());
    assert_ne!(ids[0], ids[1]);
    let asked = json!({"acks": ids});
    let answer = admin
        .post("/services/collector/ack?channel=c-1")
        .json(&asked);
    let answer: Value = answer.made().await;
    assert_eq!(
        answer,
        json!({"acks": {ids[0].to_string(): true, ids[1].to_string(): true}})
    );
    // Without a channel there is no number, and no question.
    let (_, plain) = sent(&admin, paths::HEC_EVENT, object(3)).await;
    assert!(plain.get("ackId").is_none());
    let (status, missing) = sent(&admin, paths::HEC_ACK, asked.to_string()).await;
    assert_eq!((status, &missing["code"]), (400, &json!(10)));
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let server = TestServer::start().await;
    let admin = server.admin().await;
    for body in ["", " \n"] {
        let (status, answer) = sent(&admin, paths::HEC_EVENT, body).await;
        assert_eq!((status, &answer["code"]), (400, &json!(5)));
    }
    // One with nothing in it has Splunk's code, too.
    for (body, code, text) in [
        ("{}", 12, "Event field is required"),
        ("{\"time\":1}{}", 12, "Event field is required"),
        ("{\"event\":\"\"}", 13, "Event field cannot be blank"),
        ("[{\"event\":\" \"},{}]", 13, "Event field cannot be blank"),
    ] {
        for path in [paths::HEC, paths::HEC_EVENT, paths::HEC_EVENT_1] {
            let expected = json!({"text": text, "code": code, "invalid-event-number": 0});
            assert_eq!(sent(&admin, path, body).await, (400, expected), "{body}");
        }
    }
    let (status, answer) = sent(&server.nobody(), paths::HEC_EVENT, object(1)).await;
    assert_eq!((status, &answer["code"]), (401, &json!(2)));
    let wrong = server.http.post(server.url(paths::HEC_EVENT));
    let wrong = wrong
        .header("Authorization", "Splunk wrong")
        .body(object(1));
    let wrong = wrong.send().await.unwrap();
    assert_eq!(wrong.status(), 403);
    let wrong: Value = wrong.json().await.unwrap();
    assert_eq!(wrong["code"], 4);
    let get = admin.get(paths::HEC_EVENT).send().await.unwrap();
    assert_eq!(get.status(), 405);
    assert_eq!(get.json::<Value>().await.unwrap()["code"], 405);
    assert_eq!(count(&admin).await, 0);
    // A blank one costs no other event, as it does with Splunk.
    let mixed = format!("{}{{\"event\":\"\"}}{{}}", object(1));
    let (status, answer) = sent(&admin, paths::HEC_EVENT, mixed).await;
    assert_eq!((status, &answer["code"]), (200, &json!(0)));
    assert_eq!(count(&admin).await, 3);
}

#[tokio::test]
async fn a_sender_may_ask_before_it_has_a_token() {
    let server = TestServer::start().await;
    let nobody = server.nobody();
    for path in [paths::HEC_HEALTH, paths::HEC_HEALTH_1] {
        let health: Value = nobody.get(path).made().await;
        assert_eq!(health, json!({"text": "HEC is healthy", "code": 17}));
    }
    for path in [paths::HEC_EVENT, paths::HEC_EVENT_1] {
        let answer = nobody.request(Method::OPTIONS, path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}
