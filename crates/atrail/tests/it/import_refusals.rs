//! `atrail import`: what one object or message costs, and what ends an import.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::import::{stored, sum};
use crate::import_cloud::{import, key, notification, scene};

#[test]
fn an_object_that_is_refused_costs_only_itself() {
    let (env, _server, cloud) = scene();
    // In a glacier, encrypted with a key of others, and a digest.
    cloud.refuse(&key("eu-west-1", 1, 0), 403, "InvalidObjectState");
    cloud.refuse(&key("us-east-1", 3, 0), 403, "AccessDenied");
    let ran = import(&env, &cloud, &["s3://logs/"]);
    for words in [
        "InvalidObjectState: It says so.",
        "AccessDenied: It says so.",
        "2 files not imported",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert_eq!(
        sum(&ran.stdout, ["files", "files_failed", "stored"]),
        [8, 2, 80]
    );
    ran.fails(1);
    let digest = "AWSLogs/1/CloudTrail-Digest/eu-west-1/1_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260301T010000Z.json.gz";
    cloud.put(digest, "{}");
    cloud.refuse(digest, 403, "AccessDenied");
    let none = import(&env, &cloud, &["s3://logs/", "--verify-digests"]).fails(1);
    assert!(
        none.contains("unreadable digest: s3://logs/AWSLogs/1/CloudTrail-Digest/"),
        "{none}"
    );
    // The control: a later import gets them.
    cloud.refuse_nothing();
    let ran = import(&env, &cloud, &["s3://logs/"]).ok();
    assert_eq!(sum(&ran, ["files", "files_known", "stored"]), [10, 8, 20]);
    assert_eq!(stored(&env), (100, 100));
}

#[test]
fn credentials_a_listing_and_a_queue_that_are_refused_end_the_import() {
    let (env, _server, cloud) = scene();
    cloud.message("one", notification(&[key("eu-west-1", 1, 0)]));
    let queue = cloud.queue();
    for (what, status, code, args) in [
        (
            &*key("eu-west-1", 1, 0),
            400,
            "ExpiredToken",
            &["s3://logs/"][..],
        ),
        (
            &*key("eu-west-1", 1, 0),
            403,
            "SignatureDoesNotMatch",
            &["--sqs", &queue][..],
        ),
        ("?", 403, "AccessDenied", &["s3://logs/"][..]),
        (
            "ReceiveMessage",
            403,
            "com.amazonaws.sqs#AccessDenied",
            &["--sqs", &queue][..],
        ),
    ] {
        cloud.refuse(what, status, code);
        let ended = import(&env, &cloud, args).fails(4);
        let code = code.rsplit('#').next().unwrap();
        assert!(ended.contains(&format!("{code}: It says so.")), "{ended}");
        cloud.refuse_nothing();
    }
    assert_eq!(cloud.messages(), ["one"]);
    // The control.
    import(&env, &cloud, &["--sqs", &queue]).ok();
    assert_eq!(cloud.messages(), [""; 0]);
}

#[test]
fn a_message_whose_object_is_refused_costs_only_itself() {
    let (env, _server, cloud) = scene();
    // Without s3:ListBucket, an object that is gone is refused.
    let gone = key("eu-west-1", 9, 0);
    cloud.refuse(&gone, 403, "AccessDenied");
    let mut foreign: Value = notification(&[key("eu-west-1", 2, 0)]);
    foreign["Records"][0]["s3"]["bucket"]["name"] = json!("foreign");
    cloud.message("gone", notification(&[gone]));
    cloud.message("foreign", foreign);
    cloud.message("good", notification(&[key("eu-west-1", 1, 0)]));
    // The queue keeps one that was imported.
    cloud.message("sticky", notification(&[key("eu-west-1", 2, 0)]));
    cloud.keep("sticky");
    let queue = cloud.queue();
    let ran = import(&env, &cloud, &["--sqs", &queue]);
    for words in [
        "s3://foreign/",
        "a message could not be deleted: ReceiptHandleIsInvalid",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert_eq!(
        sum(&ran.stdout, ["files", "files_failed", "stored"]),
        [2, 2, 20]
    );
    ran.fails(1);
    assert_eq!(cloud.messages(), ["gone", "foreign", "sticky"]);
}

#[test]
fn messages_that_come_again_do_not_end_the_import() {
    let (env, _server, cloud) = scene();
    cloud.message("first", notification(&[key("eu-west-1", 1, 0)]));
    cloud.message("last", notification(&[key("eu-west-1", 2, 0)]));
    cloud.message("unknown", "hello");
    // What is being sent, and what stays, becomes visible again and again before the queue names the last message.
    let both = &["first", "unknown"][..];
    cloud.answer_with(&[&["first"], both, both, both, &["unknown"], &["last"]]);
    let queue = cloud.queue();
    let ran = import(&env, &cloud, &["--sqs", &queue]);
    assert_eq!(sum(&ran.stdout, ["files", "stored"]), [2, 20]);
    ran.fails(1);
    assert_eq!(cloud.messages(), ["unknown"]);
}

#[test]
fn a_problem_is_named_while_the_import_waits_for_messages() {
    let (env, _server, cloud) = scene();
    cloud.message("wrong", "hello");
    let queue = cloud.queue();
    let mut child = cloud
        .command(&env, &["cloudtrail", "--sqs", &queue, "--follow"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It would wait for ever: a line that does not come shows as a test that does not end.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let named = lines.find(|line| {
        let line = line.as_ref().unwrap();
        line.contains("message id-wrong: it is no notification")
    });
    let is_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(named.is_some() && is_running);
}
